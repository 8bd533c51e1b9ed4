package wxpaytest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"
)

// A Variant makes a notification differ from a right one.
type Variant func(*notification)

// Again sends the last notification of the event type once more: the same ID and the same body, signed
// anew. The plaintext given is not looked at.
func Again(n *notification) { n.again = true }

// WithID gives the notification an ID of its own.
func WithID(id string) Variant { return func(n *notification) { n.id = id } }

// WithPath posts to that path of the target: a handler that is an http.ServeMux needs it. Without it a
// handler is called at the path of the notify_url that an event names, or at /notify.
func WithPath(path string) Variant { return func(n *notification) { n.path = path } }

// ByCertificate signs with the newest certificate, ByPublicKey with the platform public key, whatever
// the share; each only where the mode has such a key.
func ByCertificate(n *notification) { n.by = Certificates }

// ByPublicKey signs with the platform public key; see [ByCertificate].
func ByPublicKey(n *notification) { n.by = PublicKey }

// Forged signs with the key of a stranger, in the name of the platform's key.
func Forged(n *notification) { n.seal.forged = true }

// Unsigned leaves the signature out.
func Unsigned(n *notification) { n.seal.none = true }

// Probe is the platform's own test of receivers: a signature that starts with WECHATPAY/SIGNTEST/.
func Probe(n *notification) { n.seal.probe = true }

// Stale signs with a timestamp of ten minutes ago.
func Stale(n *notification) { n.seal.stale = true }

// UnknownSerial names a key that nobody knows.
func UnknownSerial(n *notification) { n.seal.serial = unknownSerial }

// WrongType names the signature type of another product line.
func WrongType(n *notification) { n.seal.kind = "WECHATPAY-BRAND-SHA256-RSA2048" }

// WrongAlgorithm names another cipher for the resource.
func WrongAlgorithm(n *notification) { n.algorithm = "AEAD_SM4_GCM" }

// WrongNonce encrypts the resource with a nonce of 16 bytes instead of 12.
func WrongNonce(n *notification) { n.nonce += "0000" }

// Undecryptable encrypts the resource so that the APIv3 key does not open it.
func Undecryptable(n *notification) { n.damaged = true }

// Tampered changes the body after it was signed.
func Tampered(n *notification) { n.seal.tampered = true }

// A notification is one message to the merchant.
type notification struct {
	id, event, nonce, algorithm string
	path, url                   string // url: where the merchant wanted it
	again, damaged              bool
	by                          Mode
	seal                        seals
	body                        []byte
}

// An Event is what the platform has to tell the merchant after a change of state.
type Event struct {
	Type      string
	Plaintext any
	URL       string    // notify_url that the request named; empty: the address is set elsewhere
	Due       time.Time // by the clock of [Server.Advance]
}

// outbox holds what is to be sent and what was sent.
type outbox struct {
	pending []Event
	sent    map[string][]byte // last body by event type
	share   int64             // how many of a hundred are signed with the public key
	turn    int64
}

// answerWithin is the time in which a merchant must answer.
const answerWithin = 5 * time.Second

// SetPublicKeyShare says how many of a hundred notifications the public key signs in mode Both; the rest is
// signed with the newest certificate. WeChat Pay moves this share from 0 to 100 within seven days. It
// starts at 100.
func (s *Server) SetPublicKeyShare(percent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.share = int64(percent)
}

// Notify sends a notification as the platform does: signed headers, and an envelope with plaintext (as
// JSON) encrypted in it. The target is an http.Handler, or the URL of one on a loopback address; see
// [WithPath].
// The error says that no answer came; what the answer means is its status.
func (s *Server) Notify(ctx context.Context, target any, eventType string, plaintext any, variants ...Variant) (*http.Response, error) {
	n := &notification{event: eventType, algorithm: "AEAD_AES_256_GCM", by: Both}
	s.mu.Lock()
	number := s.number()
	n.id, n.nonce = fmt.Sprintf("EV-%019d", number), fmt.Sprintf("%012x", number)
	for _, v := range variants {
		v(n)
	}
	err := s.seal(n, plaintext)
	key := s.notifier(n.by)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	h, err := signature(key, s.nonce(number), n.body, n.seal)
	if err != nil {
		return nil, err
	}
	if n.seal.tampered {
		n.body = append(bytes.Clone(n.body), ' ')
	}
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "wxpaytest")
	h.Set("Request-Id", fmt.Sprintf("WXPAYTEST%012d-%d", number, reasonNone))
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return n.post(ctx, target, h)
}

// seal makes the body of a notification. The caller holds the lock.
func (s *Server) seal(n *notification, plaintext any) error {
	if s.outbox.sent == nil {
		s.outbox.sent = map[string][]byte{}
	}
	if n.again {
		n.body = s.outbox.sent[n.event]
		if n.body == nil {
			return fmt.Errorf("wxpaytest: no notification %s was sent before", n.event)
		}
		return nil
	}
	plain, err := json.Marshal(plaintext)
	if err != nil {
		return fmt.Errorf("wxpaytest: plaintext: %w", err)
	}
	original, associated := familyOf(n.event)
	with := associated
	if n.damaged {
		with += "?"
	}
	sealed, err := seal(n.nonce, with, plain)
	if err != nil {
		return err
	}
	n.body, err = json.Marshal(object{
		"id": n.id, "create_time": s.now().Format(time.RFC3339), "event_type": n.event,
		"resource_type": "encrypt-resource", "summary": "wxpaytest: " + n.event,
		"resource": object{
			"algorithm": n.algorithm, "nonce": n.nonce, "ciphertext": sealed,
			"associated_data": associated, "original_type": original,
		},
	})
	s.outbox.sent[n.event] = n.body
	return err
}

// notifier chooses the key that signs. The caller holds the lock.
func (s *Server) notifier(by Mode) *platformKey {
	o := &s.outbox
	o.turn++
	if s.public != nil && (by == PublicKey || by == Both && o.turn*37%100 < o.share) {
		return s.public
	}
	if key := s.newest(); by == Certificates && key != nil {
		return key
	}
	return s.signer("", false)
}

// families are what the resource of an event is called and authenticated with, by the first part of the
// event type.
var families = map[string][2]string{
	"MEMBERCARD":    {"membercard", "card-event"},
	"ENTRUST":       {"contract", "contract-event"},
	"TRANSACTION":   {"transaction", "debit-event"},
	"SECURITY_ECHO": {"security", "security"},
}

func familyOf(event string) (originalType, associatedData string) {
	family, _, _ := strings.Cut(event, ".")
	return families[family][0], families[family][1]
}

// post delivers a notification.
func (n *notification) post(ctx context.Context, target any, h http.Header) (*http.Response, error) {
	address := cmp.Or(n.url, "https://merchant.example/notify")
	if t, ok := target.(string); ok {
		address = t
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(n.body))
	if err != nil {
		return nil, err
	}
	if n.path != "" {
		path, err := url.Parse(n.path)
		if err != nil || !strings.HasPrefix(n.path, "/") || path.Host != "" {
			return nil, fmt.Errorf("wxpaytest: %q is not a path; it starts with one slash", n.path)
		}
		req.URL = req.URL.ResolveReference(path)
	}
	req.Header = h
	switch t := target.(type) {
	case http.Handler:
		req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:1234"
		w := httptest.NewRecorder()
		t.ServeHTTP(w, req)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		return w.Result(), nil
	case string:
		if !isLoopback(req.URL) {
			return nil, errors.New("wxpaytest: notifications go to loopback addresses only")
		}
		client := &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true}, // not the default one, which a test may have replaced
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(io.LimitReader(resp.Body, maxJSON))
		resp.Body = io.NopCloser(bytes.NewReader(answer))
		return resp, err
	}
	return nil, fmt.Errorf("wxpaytest: a notification goes to an http.Handler or a URL, not to %T", target)
}

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Pending returns the events that changes of state have caused and that are still to be sent.
func (s *Server) Pending() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.outbox.pending...)
}

// Deliver sends the pending events that are due to target, in their order. One that is not taken with 200
// or 204 stays pending, and Deliver returns.
func (s *Server) Deliver(ctx context.Context, target any, variants ...Variant) error {
	for {
		e, ok := s.nextEvent()
		if !ok {
			return nil
		}
		at := func(n *notification) { n.url = e.URL }
		resp, err := s.Notify(ctx, target, e.Type, e.Plaintext, append([]Variant{at}, variants...)...)
		if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
			err = fmt.Errorf("wxpaytest: %s was answered with %s", e.Type, resp.Status)
		}
		if err != nil {
			s.mu.Lock()
			s.outbox.pending = append([]Event{e}, s.outbox.pending...)
			s.mu.Unlock()
			return err
		}
	}
}

// nextEvent takes the first event that is due.
func (s *Server) nextEvent() (Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.outbox.pending {
		if !e.Due.After(s.now()) {
			s.outbox.pending = append(s.outbox.pending[:i:i], s.outbox.pending[i+1:]...)
			return e, true
		}
	}
	return Event{}, false
}

// happen queues an event. The caller holds the lock.
func (s *Server) happen(e Event) {
	if e.Due.IsZero() {
		e.Due = s.now()
	}
	const most = 1000 // nobody collects the events of a bulk import
	if len(s.outbox.pending) < most {
		s.outbox.pending = append(s.outbox.pending, e)
	}
}
