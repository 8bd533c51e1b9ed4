package wxpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/media"
)

// A Call is one call of WeChat Pay APIv3. The packages under services make them; make one yourself for
// an endpoint that is not wrapped.
type Call struct {
	// Route is method and path in the spelling of http.ServeMux: "GET /v3/…/{id}".
	Route string
	// BrandRoute is the door of brands, "GET /brand/…/{id}", for a call that has one beside Route. A client for a
	// brand takes it in place of Route, also in errors and to Observe. Other calls are refused to brands unless
	// their Route starts with /brand/, and those to merchants.
	BrandRoute string
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
}

// Vars are values for the {names} of a route.
type Vars map[string]string

// A request is a call made ready: everything that stays the same between its attempts.
type request struct {
	call        Call
	run         attempt.Call
	method      string
	uri         string // path and query, escaped
	payload     []byte // JSON; of an upload, its meta
	contentType string
	form        *media.Form
	timeout     time.Duration
	serial      string
	answer      any // to decode into; nil: nothing
	verify      verify
}

// verify checks the signature of an answer; nil stands for the platform's keys. Only the download of these
// keys brings one of its own.
type verify func(ctx context.Context, sig auth.Signature, body []byte) error

func (r *request) repeatable() bool { return r.method == http.MethodGet || r.call.Idempotent }

// prepare checks and encodes a call once.
func (c *Client) prepare(ctx context.Context, call Call, answer any, v verify) (r request, err error) {
	r = request{call: call, timeout: c.config.Timeout, serial: call.Serial, answer: answer, verify: v}
	if r.method, r.uri, err = expand(&call); err != nil {
		return r, err
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
	if r.serial == "" && v == nil {
		if r.serial, err = c.encryptor.SelectCertificate(ctx); err != nil {
			return r, httpx.Line(fmt.Errorf("wxpay: %s: no platform key, not sent: %w", call.Route, unsent{err}))
		}
	}
	if !fitsHeader(r.serial) {
		return r, &ParamError{call.Route, "Wechatpay-Serial", "holds characters that a header cannot carry"}
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

// fitsHeader reports whether net/http would send v as the value of a header.
func fitsHeader(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return false
		}
	}
	return true
}
