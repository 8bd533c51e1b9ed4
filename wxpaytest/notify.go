package wxpaytest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/wechat"
)

// A Variant makes a notification differ from a right one.
type Variant func(*wechat.Notification)

// Again sends the last notification of the event type once more: the same ID and the same body, signed
// anew. The plaintext given is not looked at.
func Again(n *wechat.Notification) { n.Again = true }

// WithID gives the notification an ID of its own.
func WithID(id string) Variant { return func(n *wechat.Notification) { n.ID = id } }

// WithPath posts to that path of the target: a handler that is an http.ServeMux needs it. Without it a
// handler is called at the path of the notify_url that an event names, or at /notify.
func WithPath(path string) Variant { return func(n *wechat.Notification) { n.Path = path } }

// ByCertificate signs with the newest certificate, ByPublicKey with the platform public key, whatever
// the share; each only where the mode has such a key.
func ByCertificate(n *wechat.Notification) { n.By = wechat.Certificates }

// ByPublicKey signs with the platform public key; see [ByCertificate].
func ByPublicKey(n *wechat.Notification) { n.By = wechat.PublicKey }

// Forged signs with the key of a stranger, in the name of the platform's key.
func Forged(n *wechat.Notification) { n.Seals.Forged = true }

// Unsigned leaves the signature out.
func Unsigned(n *wechat.Notification) { n.Seals.None = true }

// Probe is the platform's own test of receivers: a signature that starts with WECHATPAY/SIGNTEST/.
func Probe(n *wechat.Notification) { n.Seals.Probe = true }

// Stale signs with a timestamp of ten minutes ago.
func Stale(n *wechat.Notification) { n.Seals.Stale = true }

// UnknownSerial names a key that nobody knows.
func UnknownSerial(n *wechat.Notification) { n.Seals.UnknownSerial = true }

// WrongType names the signature type of another product line.
func WrongType(n *wechat.Notification) { n.Seals.OtherType = true }

// WrongAlgorithm names another cipher for the resource.
func WrongAlgorithm(n *wechat.Notification) { n.OtherAlgorithm = true }

// WrongNonce encrypts the resource with a nonce of 16 bytes instead of 12.
func WrongNonce(n *wechat.Notification) { n.LongNonce = true }

// Undecryptable encrypts the resource so that the APIv3 key does not open it.
func Undecryptable(n *wechat.Notification) { n.Damaged = true }

// Tampered changes the body after it was signed.
func Tampered(n *wechat.Notification) { n.Seals.Tampered = true }

// An Event is what the platform has to tell the merchant after a change of state.
type Event struct {
	ID        string // of the notification, the same however often it is sent
	Type      string
	Plaintext any
	URL       string    // notify_url that the request named; empty: the address is set elsewhere
	Due       time.Time // by the clock of [Server.Advance]
	Caller    string    // whom it is for: a merchant number or a brand
}

// Notify sends a notification as the platform does: signed headers, and an envelope with plaintext (as
// JSON; nil: the example of the document) encrypted in it. The target is an http.Handler, or the URL of one on a
// loopback address (see [Options].NotifyHosts for others); see [WithPath]. The error says that no answer came; what the
// answer means is its status.
func (s *Server) Notify(ctx context.Context, target any, eventType string, plaintext any, variants ...Variant) (*http.Response, error) {
	return s.Send(ctx, target, Event{Type: eventType, Plaintext: s.engine.PlaintextOf(eventType, s.who.ID, plaintext), Caller: s.who.ID}, variants...)
}

// Send is [Server.Notify] of an event that [Server.TakeEvent] returned; it may be sent again and again.
func (s *Server) Send(ctx context.Context, target any, e Event, variants ...Variant) (*http.Response, error) {
	n := &wechat.Notification{Event: e.Type, ID: e.ID, By: wechat.Both, URL: e.URL, To: s.wechat.IdentityOf(e.Caller)}
	for _, v := range variants {
		v(n)
	}
	return s.wechat.Notify(ctx, target, n, e.Plaintext, s.engine.EnvelopeOf(e.Type))
}

// Pending returns the events that changes of state have caused and that are still to be sent.
func (s *Server) Pending() []Event { return each(s.engine.Pending(), event) }

// event is an event as tests see it.
func event(e engine.Event) Event { return Event{e.ID, e.Type, e.Plaintext, e.URL, e.Due, e.Caller} }

// TakeEvent takes the first pending event that is due, for those who deliver in a way of their own, by [Server.Send].
func (s *Server) TakeEvent() (_ Event, ok bool) {
	e, ok := s.engine.TakeEvent()
	return event(e), ok
}

// Deliver sends the pending events that are due to target, in their order. One that is not taken with 200
// or 204 stays pending, and Deliver returns.
func (s *Server) Deliver(ctx context.Context, target any, variants ...Variant) error {
	return s.engine.Deliver(func(e engine.Event) (*http.Response, error) { return s.Send(ctx, target, event(e), variants...) })
}

// SetPublicKeyShare says how many of a hundred notifications the public key signs in mode Both; the rest is
// signed with the newest certificate. WeChat Pay moves this share from 0 to 100 within seven days. It
// starts at 100.
func (s *Server) SetPublicKeyShare(percent int) { s.set("set-public-key-share", percent) }

// EncryptForMerchant encrypts a field as the platform does in what it sends: RSA-OAEP with SHA-1 for the
// merchant's certificate (or the brand's), then base64. It makes, for one, phone_number of a
// MEMBERCARD.ACCEPT_CARD.
func (s *Server) EncryptForMerchant(plain string) (string, error) {
	return s.wechat.Encrypt(s.who.ID, plain)
}

// RotateCertificate is a whole rotation in one step: [Server.OfferCertificate], and the new certificate
// signs everything from now on.
func (s *Server) RotateCertificate() (serial string, err error) {
	return s.act("rotate-certificate", nil)
}

// OfferCertificate begins a rotation: it issues a new platform certificate, adds it to the certificate list
// and returns its serial. Nothing is signed with it before [Server.SetCertificateShare]; it decrypts at
// once. Older certificates stay in the list and still decrypt. The list itself goes on being signed by the
// certificate before: clients that trust a new list by what they have would not get over the rotation
// otherwise.
func (s *Server) OfferCertificate() (serial string, err error) {
	return s.act("offer-certificate", nil)
}

// SetCertificateShare says how many of a hundred answers and notifications the newest certificate signs, of
// those that a certificate signs; the rest is signed by the one before. WeChat Pay lists a new certificate
// some days before it signs with it, and then mixes the two for some days more.
func (s *Server) SetCertificateShare(percent int) { s.set("set-certificate-share", percent) }

func (s *Server) set(share string, percent int) {
	_, err := s.act(share, map[string]string{"percent": strconv.Itoa(percent)})
	_ = s.cannot(err)
}
