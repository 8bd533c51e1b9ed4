package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

// An Event is a genuine notification, decrypted. Neither its formats nor JSON show the plaintext.
type Event struct {
	ID           string    // the same in every repeat
	CreateTime   time.Time // zero if it is written in no form known
	EventType    string    // such as ENTRUST.SIGNING; says what the plaintext is
	ResourceType string    // encrypt-resource
	Summary      string    // for people
	OriginalType string    // kind of the plaintext, such as contract
	Plaintext    []byte    `json:"-"` // JSON
}

// Parse reads, verifies and decrypts the notification in r. The error is a [RefusedError], which [Answer]
// turns into an answer. Repeats are the caller's to notice, by ID.
func Parse(client *wxpay.Client, r *http.Request) (*Event, error) {
	n, err := receive(r.Context(), client, r)
	if err != nil {
		return nil, err
	}
	return n.open(client)
}

// Decode decodes the plaintext into v. Its error holds no value of the plaintext.
func (e *Event) Decode(v any) error {
	err := json.Unmarshal(e.Plaintext, v)
	if err == nil {
		return nil
	}
	if at, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("notify: %s: member %s cannot be read as %s", e.EventType, at.Field, at.Type)
	}
	return fmt.Errorf("notify: %s: plaintext cannot be read as %T", e.EventType, v)
}

// Format shows which notification it is and *** for the plaintext, whatever the verb.
func (e Event) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "notify.Event{ID:%s EventType:%s ***}", e.ID, e.EventType)
}

// A RefusedError is a request that is no genuine notification, or one that could not be read. Its cause
// is [wxpay.ErrUnverified] if the signature is the reason, and among these [wxpay.ErrSignatureProbe] if the
// platform only tests whether receivers verify.
type RefusedError struct {
	Status int    // to answer with
	Reason string // what the answer says
	Err    error  // cause; nil if Reason says it all
}

func (e *RefusedError) Error() string {
	s := fmt.Sprintf("notify: refused with %d: %s", e.Status, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(status int, reason string, err error) error { return &RefusedError{status, reason, err} }

// An envelope is a notification as it was sent.
type envelope struct {
	ID           string          `json:"id"`
	CreateTime   json.RawMessage `json:"create_time"` // lenient, see moment
	EventType    string          `json:"event_type"`
	ResourceType string          `json:"resource_type"`
	Summary      string          `json:"summary"`
	Resource     struct {
		Algorithm      string `json:"algorithm"`
		OriginalType   string `json:"original_type"`
		Ciphertext     string `json:"ciphertext"`
		Nonce          string `json:"nonce"`
		AssociatedData string `json:"associated_data"`
	} `json:"resource"`
}

// receive reads a request and verifies it before it parses.
func receive(ctx context.Context, client *wxpay.Client, r *http.Request) (*envelope, error) {
	body, err := read(r)
	if err != nil {
		return nil, err
	}
	sig := auth.Signature{
		Serial:    r.Header.Get("Wechatpay-Serial"),
		Timestamp: r.Header.Get("Wechatpay-Timestamp"),
		Nonce:     r.Header.Get("Wechatpay-Nonce"),
		Signature: r.Header.Get("Wechatpay-Signature"),
		Type:      r.Header.Get("Wechatpay-Signature-Type"),
	}
	if err := client.Verify(ctx, sig, body); err != nil {
		return nil, refuse(http.StatusUnauthorized, "not genuine", err)
	}
	n := new(envelope)
	if json.Unmarshal(body, n) != nil || n.ID == "" || n.EventType == "" {
		return nil, refuse(http.StatusBadRequest, "genuine, but not a notification", nil)
	}
	return n, nil
}

const maxBody = 256 << 10

// read returns the body of a request exactly as it was sent.
func read(r *http.Request) ([]byte, error) {
	encoding, body := r.Header.Get("Content-Encoding"), r.Body
	switch {
	case r.Method != http.MethodPost:
		return nil, refuse(http.StatusMethodNotAllowed, "only POST", nil)
	case encoding != "" && encoding != "identity":
		return nil, refuse(http.StatusUnsupportedMediaType, "body is compressed", nil)
	case r.ContentLength > maxBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, "body is too large", nil)
	case body == nil:
		body = http.NoBody
	}
	text, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	missing := int64(len(text)) < r.ContentLength || r.ContentLength < 0 && len(text) == 0
	switch {
	case err == nil && missing || errors.Is(err, http.ErrBodyReadAfterClose):
		return nil, refuse(http.StatusInternalServerError, "body already consumed by a middleware", nil)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "body broke off", err)
	case len(text) > maxBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, "body is too large", nil)
	}
	return text, nil
}

// open decrypts the resource.
func (n *envelope) open(client *wxpay.Client) (*Event, error) {
	r := n.Resource
	plain, err := client.OpenResource(r.Algorithm, r.Nonce, r.AssociatedData, r.Ciphertext)
	if err != nil {
		return nil, refuse(http.StatusUnauthorized, "resource does not open", err)
	}
	return &Event{
		ID:           n.ID,
		CreateTime:   moment(n.CreateTime),
		EventType:    n.EventType,
		ResourceType: n.ResourceType,
		Summary:      n.Summary,
		OriginalType: r.OriginalType,
		Plaintext:    plain,
	}, nil
}

var beijing = time.FixedZone("UTC+8", 8*60*60)

// moment reads RFC 3339 or 20060102150405, both of which occur. A genuine notification is not
// refused for the way its time is written.
func moment(text []byte) time.Time {
	s := strings.Trim(string(text), `"`)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	t, _ := time.ParseInLocation("20060102150405", s, beijing)
	return t
}
