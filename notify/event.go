package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/lenient"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// An Event is a genuine notification, decrypted. Neither its formats nor JSON show the plaintext.
type Event struct {
	ID           string     // the same in every repeat
	CreateTime   wxpay.Time // zero if it is written in no form known
	EventType    string     // such as ENTRUST.SIGNING; says what the plaintext is
	ResourceType string     // encrypt-resource
	Summary      string     // for people
	OriginalType string     // kind of the plaintext, such as contract
	Plaintext    []byte     `json:"-"` // JSON
}

// Parse reads, verifies and decrypts the notification in r. The error is a [RefusedError], which [Answer]
// turns into an answer. Repeats are the caller's to notice, by ID.
func Parse(client *wxpay.Client, r *http.Request) (*Event, error) {
	if r == nil {
		return nil, refuse(http.StatusInternalServerError, notSetUp, errors.New("request is nil"))
	}
	if err := ready(client); err != nil {
		return nil, err
	}
	body, err := read(r.Context(), r)
	if err != nil {
		return nil, err
	}
	n, err := receive(r.Context(), client, r.Header, body)
	if err != nil {
		return nil, err
	}
	return n.open(client)
}

// Receive is [Parse] for those who have no http.Request: fasthttp, functions as a service, a queue. The body is as
// it was sent, byte by byte; names of headers may stand in any case.
func Receive(ctx context.Context, client *wxpay.Client, header http.Header, body []byte) (*Event, error) {
	switch {
	case header == nil:
		return nil, refuse(http.StatusInternalServerError, notSetUp, errors.New("header is nil"))
	case len(body) == 0:
		return nil, refuse(http.StatusInternalServerError, "body is empty: it was probably read before by a middleware", nil)
	case len(body) > maxBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, tooLarge, nil)
	}
	if err := ready(client); err != nil {
		return nil, err
	}
	n, err := receive(ctx, client, header, body)
	if err != nil {
		return nil, err
	}
	return n.open(client)
}

// Decode decodes the plaintext into v. Members that are not as documented do not stop it: what has one reading,
// such as a number for a text, is read, the rest is left zero. Texts, numbers and bools decide where v
// says neither omitzero nor omitempty: one that cannot be read is an error, which holds no value.
func (e *Event) Decode(v any) error {
	_, err := e.decode(v)
	return err
}

// decode also names the members that are not as documented.
func (e *Event) decode(v any) (odd []string, err error) {
	odd, err = lenient.Unmarshal(e.Plaintext, v)
	if _, ok := errors.AsType[*lenient.MemberError](err); ok {
		return odd, oneline.Error(fmt.Errorf("notify: %s: %w", e.EventType, err))
	}
	if err != nil {
		return odd, oneline.Error(fmt.Errorf("notify: %s: plaintext cannot be read as %T", e.EventType, v))
	}
	return odd, nil
}

// Format shows which notification it is and *** for the plaintext, whatever the verb.
func (e Event) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "notify.Event{ID:%s EventType:%s ***}", e.ID, e.EventType)
}

// A RefusedError is a request that is no genuine notification, or one that could not be read. Its cause
// is [wxpay.ErrUnverified] if the signature is the reason, and among these [wxpay.ErrSignatureProbe] if the
// platform only tests whether receivers verify. It is [auth.ErrNoAPIv3Key] if this client can open none.
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
	return oneline.Text(s)
}

// Unwrap gives the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(status int, reason string, err error) error { return &RefusedError{status, reason, err} }

// ready reports what keeps every notification from being read, before one is taken for forged.
func ready(client *wxpay.Client) error {
	if client == nil {
		return refuse(http.StatusInternalServerError, notSetUp, errors.New("client is nil"))
	}
	if _, err := client.OpenResource("", "", "", ""); errors.Is(err, auth.ErrNoAPIv3Key) {
		return refuse(http.StatusInternalServerError, notSetUp, err)
	}
	return nil
}

const (
	notSetUp = "receiver is not set up"
	tooLarge = "body is too large"
)

// An envelope is a notification as it was sent. Its first two members and the resource decide.
type envelope struct {
	ID           string     `json:"id"`
	EventType    string     `json:"event_type"`
	CreateTime   wxpay.Time `json:"create_time,omitzero"`
	ResourceType string     `json:"resource_type,omitzero"`
	Summary      string     `json:"summary,omitzero"`
	Resource     struct {
		Algorithm      string `json:"algorithm"`
		OriginalType   string `json:"original_type,omitzero"`
		Ciphertext     string `json:"ciphertext"`
		Nonce          string `json:"nonce"`
		AssociatedData string `json:"associated_data,omitzero"`
	} `json:"resource"`

	odd []string
}

// receive verifies a message before it parses it.
func receive(ctx context.Context, client *wxpay.Client, header http.Header, body []byte) (*envelope, error) {
	if err := client.Verify(ctx, auth.SignatureFrom(header), body); err != nil {
		return nil, notGenuine(err, body)
	}
	return parse(body)
}

// notGenuine refuses a message that was not verified because of err.
func notGenuine(err error, body []byte) error {
	if len(body) == 0 && !errors.Is(err, auth.ErrUnsigned) {
		err = fmt.Errorf("%w (the body is empty: was it read before?)", err)
	}
	return refuse(http.StatusUnauthorized, "not genuine", err)
}

// parse reads a message that was verified.
func parse(body []byte) (*envelope, error) {
	n := new(envelope)
	odd, err := lenient.Unmarshal(body, n)
	if err != nil || n.ID == "" || n.EventType == "" {
		return nil, refuse(http.StatusBadRequest, "genuine, but not a notification", err)
	}
	n.odd = odd
	return n, nil
}

// key is what [Seen] knows a notification to sender by: a digest unless its numbers are short and printable.
func (n *envelope) key(sender string) string {
	key := sender + " " + n.EventType + " " + n.ID
	if len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
	}
	return key
}

const maxBody = 256 << 10

// readInTime is [read] within the time of ctx, also from a sender that stalls. A server that is stricter than timeout
// stays so; where the ResponseWriter knows no deadlines, the next byte ends the wait. Both end with the body: net/http
// lifts the deadline after it.
func readInTime(ctx context.Context, w http.ResponseWriter, r *http.Request, timeout time.Duration) ([]byte, error) {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server == nil || server.ReadTimeout <= 0 || server.ReadTimeout > timeout {
		deadline, _ := ctx.Deadline()
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
	}
	return read(ctx, r)
}

// read returns the body of a request exactly as it was sent.
func read(ctx context.Context, r *http.Request) ([]byte, error) {
	encoding, _ := header.Get(r.Header, "Content-Encoding")
	body := r.Body
	switch {
	case r.Method != http.MethodPost:
		return nil, refuse(http.StatusMethodNotAllowed, "only POST", nil)
	case encoding != "" && encoding != "identity":
		return nil, refuse(http.StatusUnsupportedMediaType, "body is compressed", nil)
	case r.ContentLength > maxBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, tooLarge, nil)
	case body == nil:
		body = http.NoBody
	}
	text, err := io.ReadAll(io.LimitReader(&patient{ctx, body}, maxBody+1))
	missing := int64(len(text)) < r.ContentLength || r.ContentLength < 0 && len(text) == 0
	switch {
	case err == nil && missing || errors.Is(err, http.ErrBodyReadAfterClose):
		return nil, refuse(http.StatusInternalServerError, "body already consumed by a middleware", nil)
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return nil, refuse(http.StatusRequestTimeout, "body came too slowly", err)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "body broke off", err)
	case len(text) > maxBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, tooLarge, nil)
	}
	return text, nil
}

// A patient reader gives up between two reads when its context has ended.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
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
		CreateTime:   n.CreateTime,
		EventType:    n.EventType,
		ResourceType: n.ResourceType,
		Summary:      n.Summary,
		OriginalType: r.OriginalType,
		Plaintext:    plain,
	}, nil
}
