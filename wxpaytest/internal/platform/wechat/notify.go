package wechat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// A Notification is one message of the platform, as it may differ from a right one.
type Notification struct {
	Event, ID, Path, URL string // URL: where the caller wanted it
	Again                bool   // the last one of the event once more; what it says is not looked at
	By                   Mode   // the key that signs; Both: whichever's turn it is
	To                   *Identity
	Seals                engine.Seals

	OtherAlgorithm, LongNonce, Damaged bool // of the resource
}

// sent is the last body of each event that an identity was told of.
type sent struct {
	mu   sync.Mutex
	last map[string][]byte
}

// answerWithin is the time in which a receiver must answer.
const answerWithin = 5 * time.Second

// Notify posts a notification to an http.Handler, or to a URL on a loopback address.
func (p *Platform) Notify(ctx context.Context, target any, n *Notification, plaintext any, envelope engine.Envelope) (*http.Response, error) {
	number := p.clock.Turn()
	body, err := p.bodyOf(n, number, plaintext, envelope)
	if err != nil {
		return nil, err
	}
	h, err := p.signature(n.To, n.To.vault.notifier(n.By), number, body, n.Seals)
	if err != nil {
		return nil, err
	}
	if n.Seals.Tampered {
		body = append(bytes.Clone(body), ' ')
	}
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "wxpaytest")
	h.Set("Request-Id", requestID(number, engine.ReasonNone))
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return p.post(ctx, target, n, h, body)
}

// bodyOf makes the envelope of a notification, or finds the last one.
func (p *Platform) bodyOf(n *Notification, number int64, plaintext any, envelope engine.Envelope) ([]byte, error) {
	p.sent.mu.Lock()
	defer p.sent.mu.Unlock()
	name := n.To.ID + " " + n.Event
	if n.Again {
		if p.sent.last[name] == nil {
			return nil, fmt.Errorf("wxpaytest: no notification %s was sent before", n.Event)
		}
		return p.sent.last[name], nil
	}
	plain, err := json.Marshal(plaintext)
	if err != nil {
		return nil, fmt.Errorf("wxpaytest: plaintext: %w", err)
	}
	nonce, algorithm, with := p.nonce(number)[:12], "AEAD_AES_256_GCM", envelope.AssociatedData
	if n.LongNonce {
		nonce += "0000"
	}
	if n.OtherAlgorithm {
		algorithm = "AEAD_SM4_GCM"
	}
	if n.Damaged {
		with += "?"
	}
	sealed, err := seal(n.To.APIKey, nonce, with, plain)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(engine.Object{
		"id": cmp.Or(n.ID, "EV-"+p.nonce(number)[:19]), "create_time": p.clock.Now().Format(time.RFC3339), "event_type": n.Event,
		"resource_type": "encrypt-resource", "summary": "wxpaytest: " + n.Event,
		"resource": engine.Object{
			"algorithm": algorithm, "nonce": nonce, "ciphertext": sealed,
			"associated_data": envelope.AssociatedData, "original_type": envelope.OriginalType,
		},
	})
	if p.sent.last == nil {
		p.sent.last = map[string][]byte{}
	}
	p.sent.last[name] = body
	return body, err
}

// post delivers a notification.
func (p *Platform) post(ctx context.Context, target any, n *Notification, h http.Header, body []byte) (*http.Response, error) {
	address := cmp.Or(n.URL, "https://merchant.example/notify")
	if t, ok := target.(string); ok {
		address = t
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if n.Path != "" {
		path, err := url.Parse(n.Path)
		if err != nil || !strings.HasPrefix(n.Path, "/") || path.Host != "" {
			return nil, fmt.Errorf("wxpaytest: %q is not a path; it starts with one slash", n.Path)
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
		return p.overSocket(req)
	}
	return nil, fmt.Errorf("wxpaytest: a notification goes to an http.Handler or a URL, not to %T", target)
}

func (p *Platform) overSocket(req *http.Request) (*http.Response, error) {
	if host := req.URL.Hostname(); !schema.IsLoopback(host) && (p.NotifyHosts == nil || !p.NotifyHosts(host)) {
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
