package wxpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/media"
)

// A Call is one call of WeChat Pay APIv3. The packages under services make them; make one yourself for
// an endpoint that is not wrapped.
type Call struct {
	// Route is method and path in the spelling of http.ServeMux: "GET /v3/…/{id}".
	Route string
	// Vars are the values of the route's {names}. They are escaped; empty ones, "." and "..", slashes and
	// control characters are refused, so that no value can lead to another endpoint.
	Vars Vars
	// Query is what comes after the question mark.
	Query url.Values
	// Body is sent as JSON; nil sends none. Null, text that is not UTF-8, characters of four bytes and a
	// Secret that was not encrypted are refused.
	Body any
	// File makes the call an upload: Body becomes the part "meta", which alone is signed, and File the
	// part "file". With a Digest the file is compared while it is sent.
	File   *media.Source
	Digest *media.Digest
	// Serial names the platform key that encrypted what is in Body, Query or File, as [Client.Encrypt]
	// returns it. Leave it empty if nothing is encrypted; every request names a key all the same.
	Serial string
	// Echo names those of Vars that the answer repeats as members of its own. An answer that is about
	// another one, or about none, is an [UnknownError].
	Echo []string
	// Idempotent says that WeChat Pay documents this write as safe to repeat with the same content.
	// Reads are repeated anyway.
	Idempotent bool

	verify func(context.Context, auth.Signature, []byte) error // nil: by the platform's keys
}

// Vars are values for the {names} of a route.
type Vars map[string]string

// Do makes a call and decodes its answer, which has been verified before. For a call that answers
// nothing T is struct{}.
//
// What is odd in a genuine answer, such as a time in another form, is left zero and told to
// [Config].Observe; an answer that lacks sense is an [UnknownError].
func Do[T any](ctx context.Context, c *Client, call Call) (*T, error) {
	answer := new(T)
	var into any = answer
	if _, nothing := into.(*struct{}); nothing {
		into = nil
	}
	if err := c.do(ctx, call, into); err != nil {
		return nil, err
	}
	return answer, nil
}

// A request is a call made ready: everything that stays the same between its attempts.
type request struct {
	call        Call
	method      string
	uri         string // path and query, escaped
	payload     []byte // JSON; of an upload, its meta
	contentType string
	form        *media.Form
	timeout     time.Duration
	deadline    time.Time
	serial      string
	answer      any // to decode into; nil: nothing
}

func (r *request) repeatable() bool { return r.method == http.MethodGet || r.call.Idempotent }

// prepare checks and encodes a call once.
func (c *Client) prepare(ctx context.Context, call Call, answer any) (r request, err error) {
	r = request{call: call, timeout: c.config.Timeout, serial: call.Serial, answer: answer}
	if r.method, r.uri, err = expand(&call); err != nil {
		return r, err
	}
	if !fitsHeader(call.Serial) {
		return r, &ParamError{call.Route, "Wechatpay-Serial", "holds characters that a header cannot carry"}
	}
	if call.Body != nil {
		if r.payload, err = encode(call.Body); err != nil {
			return r, &ParamError{call.Route, "body", "does not encode: " + err.Error()}
		}
		r.contentType = "application/json"
	}
	if call.File != nil {
		if r.form, err = media.NewForm(r.payload, call.File, call.Digest); err != nil {
			return r, &ParamError{call.Route, "filename", err.Error()}
		}
		r.contentType = r.form.ContentType()
		r.timeout = httpx.UploadTime(r.timeout, call.File.Size())
	}
	if r.serial == "" && call.verify == nil {
		if r.serial, err = c.encryptor.SelectCertificate(ctx); err != nil {
			return r, httpx.Line(fmt.Errorf("wxpay: %s: no platform key, not sent: %w", call.Route, unsent{err}))
		}
	}
	return r, nil
}

// encode writes JSON and refuses what the platform does not take.
func encode(body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if e, ok := errors.AsType[*json.MarshalerError](err); ok {
		return nil, fmt.Errorf("a member of type %s has no such value", e.Type)
	}
	if err != nil {
		return nil, errors.New("it is not JSON")
	}
	if reason := forbidden(text); reason != "" {
		return nil, errors.New(reason)
	}
	return text, nil
}

// forbidden finds what breaks the rules of the platform, or must not leave, in JSON that was just encoded.
func forbidden(text []byte) string {
	if bytes.Contains(text, []byte(`"***"`)) {
		return "it holds a Secret that was not encrypted (see Client.Encrypt)"
	}
	if httpx.Mangled(text) {
		return "it holds text that is not UTF-8, such as GBK"
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++
		case c == 'n' && !quoted:
			return "it holds null, which the platform refuses; leave the member out"
		case c >= 0xf0:
			return "it holds a character of four bytes, such as an emoji, which the platform refuses"
		}
	}
	return ""
}

// expand puts the values into the route.
func expand(call *Call) (method, uri string, err error) {
	method, path, ok := strings.Cut(call.Route, " ")
	if !ok || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return "", "", &ParamError{call.Route, "route", `is not of the form "GET /path"`}
	}
	if len(call.Vars) == 0 && len(call.Query) == 0 && !strings.Contains(path, "{") {
		return method, path, nil
	}
	var b strings.Builder
	b.Grow(len(path) + 32*len(call.Vars))
	for rest := path; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, _ := strings.Cut(after, "}")
		if reason := badSegment(call.Vars[name]); reason != "" {
			return "", "", &ParamError{call.Route, name, reason}
		}
		b.WriteString(url.PathEscape(call.Vars[name]))
		rest = after
	}
	for name := range call.Vars {
		if !strings.Contains(path, "{"+name+"}") {
			return "", "", &ParamError{call.Route, name, "has no place in the route"}
		}
	}
	for name, values := range call.Query {
		if unclean(name) || slices.ContainsFunc(values, unclean) {
			return "", "", &ParamError{call.Route, name, "holds control characters or is not UTF-8"}
		}
	}
	if q := call.Query.Encode(); q != "" {
		b.WriteByte('?')
		b.WriteString(q)
	}
	return method, b.String(), nil
}

func unclean(v string) bool {
	return !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl)
}

// badSegment says why v cannot be one segment of a path. Slashes are refused although they are escaped:
// something between here and the platform may decode before it routes.
func badSegment(v string) string {
	switch {
	case v == "":
		return "is missing"
	case v == "." || v == "..":
		return "must not be . or .."
	case strings.ContainsAny(v, `/\`):
		return "must not hold slashes"
	case unclean(v):
		return "holds control characters or is not UTF-8"
	}
	return ""
}

// attempt builds, signs and sends a request once, reads the answer under a bound, verifies and decodes it.
// What does not succeed is a failure that says whether it may be repeated.
func (c *Client) attempt(ctx context.Context, r *request, host string) (ex Exchange, fail *failure) {
	start := time.Now()
	ex = Exchange{Route: r.call.Route, Host: host}
	defer func() { ex.Duration = time.Since(start) }()
	var t trip
	defer t.End()
	watched := t.Watch(ctx, c.config.HTTPClient, r.deadline)
	req, err := c.build(watched, r, host, &t)
	if err != nil {
		return ex, notSent(r, err)
	}
	if ctx.Err() != nil { // a transport that never started could not tell
		closeBody(req)
		return ex, notSent(r, httpx.Ended(ctx))
	}
	resp, err := c.config.HTTPClient.Do(req)
	if err != nil {
		return ex, broken(ctx, r, err, &t.Trip)
	}
	defer resp.Body.Close()
	ex.Status = resp.StatusCode
	ex.RequestID, _ = header.Get(resp.Header, "Request-Id")
	body, err := readAnswer(resp)
	if err != nil {
		return ex, unreadable(ctx, r, &ex, resp, err, t.Late())
	}
	err = c.genuine(watched, r, resp.Header, body)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return ex, refusal(r, &ex, resp.Header, body, err)
	}
	if err == nil {
		err = r.fits(body)
	}
	if err == nil {
		ex.Odd, err = r.decode(body)
	}
	if err != nil {
		return ex, lost(r, &ex, err)
	}
	return ex, nil
}

// A trip is what one attempt keeps on the heap, in one piece.
type trip struct {
	httpx.Trip
	values [6]string // of the headers
}

// build makes the request of one attempt with a signature of its own.
func (c *Client) build(ctx context.Context, r *request, host string, t *trip) (*http.Request, error) {
	var body io.Reader
	if r.payload != nil && r.form == nil {
		body = bytes.NewReader(r.payload)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, host+r.uri, body)
	if err != nil {
		return nil, errors.New("address is not a URL")
	}
	authorization, err := auth.Authorization(ctx, c.config.Signer, c.scheme, r.method, req.URL.RequestURI(), time.Now().Unix(), r.payload)
	if err != nil {
		return nil, err
	}
	t.values = [...]string{authorization, "application/json", "identity", userAgent, r.contentType, r.serial}
	for i, name := range [...]string{"Authorization", "Accept", "Accept-Encoding", "User-Agent", "Content-Type", "Wechatpay-Serial"} {
		if !fitsHeader(t.values[i]) {
			return nil, errors.New(name + " holds characters that a header cannot carry")
		}
		if t.values[i] != "" {
			req.Header[name] = t.values[i : i+1 : i+1] // the names are in canonical form
		}
	}
	if r.form != nil {
		if req.Body, err = r.form.Open(); err != nil {
			return nil, err
		}
		req.GetBody, req.ContentLength = r.form.Open, r.form.Size()
	}
	return req, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

const userAgent = "wxpay-go"

// fitsHeader reports whether net/http would send v as the value of a header.
func fitsHeader(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return false
		}
	}
	return true
}

// genuine verifies an answer, and that it is not one that came before.
func (c *Client) genuine(ctx context.Context, r *request, h http.Header, body []byte) error {
	sig := auth.SignatureFrom(h)
	var err error
	if r.call.verify != nil {
		err = r.call.verify(ctx, sig, body)
	} else {
		err = auth.Verify(ctx, c.verifier, c.scheme, sig, body, time.Now(), false)
	}
	if err == nil && !c.answers.fresh(sig.Nonce) {
		return errReplayed
	}
	return err
}
