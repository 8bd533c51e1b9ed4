package wxpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/internal/sealing"
	"github.com/wxpay-go/wxpay/media"
)

// A Call is one call of WeChat Pay APIv3. The packages under services make them; make one yourself for
// an endpoint that is not wrapped.
type Call struct {
	// Route is method and path in the spelling of http.ServeMux: "GET /v3/…/{id}".
	Route string
	// BrandRoute is the door of brands, "GET /brand/…/{id}", for a call that has one beside Route. A client for a
	// brand takes it in place of Route, also in errors and to Observe, and leaves out the Vars that only Route has,
	// such as the ID of the brand. Other calls are refused to brands unless their Route starts with /brand/, and
	// those to merchants.
	BrandRoute string
	// Vars are the values of the route's {names}. They are escaped; empty ones, "." and "..", slashes and
	// control characters are refused, so that no value can lead to another endpoint.
	Vars Vars
	// Query is what comes after the question mark. SealedQuery are members of it that are encrypted like the
	// secrets of Body; empty ones are left out.
	Query       url.Values
	SealedQuery map[string]Secret
	// Body is sent as JSON; nil sends none. Every [Secret] in it that is not empty, however deep, goes out
	// encrypted with one key of the platform, and Body itself stays as it is. Null, text that is not UTF-8
	// and characters of four bytes are refused, and so is a Secret where it cannot be encrypted: as the
	// name of a member, and in a value that encodes itself. One that such a value hides behind an unexported
	// pointer or list is not looked for: it goes out as ***, or as what that value makes of it.
	Body any
	// File makes the call an upload: Body becomes the part "meta", which alone is signed, and File the
	// part "file". With a Digest the file is compared while it is sent.
	File   *media.Source
	Digest *media.Digest
	// Serial names the platform key that encrypted what is in Query, Body or File already, as
	// [Client.Encrypt] returns it; secrets are then encrypted with the same key. Otherwise leave it empty.
	Serial string
	// Echo are members of the answer that repeat what was asked, and their values; an empty value is not
	// compared. "contract.contract_id" is a member of a member, "data[].openid" one of every record of a
	// list; with a ? behind it, such as "card_id?", a name may be absent or empty in the answer. An answer
	// that is about something else is an [UnknownError].
	Echo Vars
	// Idempotent says that WeChat Pay documents this write as safe to repeat with the same content.
	// Reads are repeated anyway.
	Idempotent bool
	// Sender is the merchant number or brand ID whose call this is: a client of another one refuses it, and so
	// does one that does not know whom it signs for. Empty: any client will do.
	Sender string
}

// Vars are values by their names: those of the {names} of a route, or of members of an answer.
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
	query       url.Values // with what was encrypted for it
	sealed      bool       // something was encrypted
	answer      any        // to decode into; nil: nothing
	verify      verify
}

// verify checks the signature of an answer; nil stands for the platform's keys. Only the download of these
// keys brings one of its own.
type verify func(ctx context.Context, sig auth.Signature, body []byte) error

func (r *request) repeatable() bool { return r.method == http.MethodGet || r.call.Idempotent }

// door makes the Route of a call the one that is open to who calls.
func (c *Client) door(call *Call) error {
	brand := c.scheme == auth.Brand
	if brand && call.BrandRoute != "" {
		call.Vars = only(call.Vars, call.Route, call.BrandRoute)
		call.Route = call.BrandRoute
	}
	_, path, _ := strings.Cut(call.Route, " ")
	switch forBrands := strings.HasPrefix(path, "/brand/"); {
	case brand && !forBrands:
		return &ParamError{call.Route, "route", "is not open to brands"}
	case !brand && forBrands:
		return &ParamError{call.Route, "route", "is open to brands alone, and the client is that of a merchant"}
	}
	return nil
}

// only is vars without those that stand in one route and not in the other.
func only(vars Vars, route, other string) Vars {
	kept := maps.Clone(vars)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return strings.Contains(route, "{"+name+"}") && !strings.Contains(other, "{"+name+"}")
	})
	return kept
}

// prepare checks, encodes and seals a call once. What is wrong with the call shows before the platform is asked
// for a key.
func (c *Client) prepare(ctx context.Context, call Call, answer any, v verify) (r request, err error) {
	r = request{call: call, timeout: c.config.Timeout, query: call.Query, serial: call.Serial, answer: answer, verify: v}
	if call.Sender != "" && call.Sender != c.config.caller() {
		return r, &ParamError{call.Route, "Sender", "is not whom this client sends for"}
	}
	if r.method, r.uri, err = expand(&call); err != nil {
		return r, err
	}
	var few [2]Secret // as most calls have at most
	secrets := few[:0]
	if call.Body != nil {
		if r.payload, secrets, err = encode(&c.types, call.Body, secrets); err != nil {
			return r, &ParamError{call.Route, "body", "does not encode: " + err.Error()}
		}
		r.contentType = "application/json"
	}
	if err := r.frame(); err != nil {
		return r, err
	}
	if call.File != nil {
		r.timeout = attempt.UploadTime(r.timeout, call.File.Size())
	}
	if r.serial == "" && v == nil {
		if r.serial, err = c.encryptor.SelectCertificate(ctx); err != nil {
			return r, oneline.Error(fmt.Errorf("wxpay: %s: no platform key, not sent: %w", call.Route, unsent{err}))
		}
	}
	if !fitsHeader(r.serial) {
		return r, &ParamError{call.Route, "Wechatpay-Serial", "holds characters that a header cannot carry"}
	}
	if len(secrets)+len(call.SealedQuery) > 0 {
		if err := r.seal(ctx, c.encryptor, secrets); err != nil {
			return r, oneline.Error(fmt.Errorf("wxpay: %s: not sent: %w", call.Route, unsent{err}))
		}
	}
	return r, nil
}

// encode writes JSON, with a gap for each secret that it appends to the list, and refuses what the platform does not
// take. A body that was kept stays as it is.
func encode(types *sealing.Types, body any, list []Secret) (text []byte, secrets []Secret, err error) {
	text, again := body.(kept)
	if !again {
		if body, secrets, err = types.Gaps(body, list); err != nil {
			return nil, nil, err
		}
		text, err = json.Marshal(body)
	}
	if e, ok := errors.AsType[*json.MarshalerError](err); ok {
		return nil, nil, fmt.Errorf("a member of type %s has no such value", e.Type)
	}
	if err != nil || again && !json.Valid(text) {
		return nil, nil, errors.New("it is not JSON")
	}
	if reason := forbidden(text); reason != "" {
		return nil, nil, errors.New(reason)
	}
	return text, secrets, nil
}

// frame puts an upload around its meta.
func (r *request) frame() (err error) {
	switch file := r.call.File; {
	case file == nil && r.call.Digest != nil:
		return &ParamError{r.call.Route, "file", "is missing: the call has the digest of one"}
	case file != nil:
		if r.form, err = media.NewForm(r.payload, file, r.call.Digest); err != nil {
			return &ParamError{r.call.Route, "filename", err.Error()}
		}
		r.contentType = r.form.ContentType()
	}
	return nil
}

// seal encrypts what must not be read on the way, with the key that the request names.
func (r *request) seal(ctx context.Context, keys cipher.Encryptor, secrets []Secret) (err error) {
	sealed := func(plain string) (string, error) {
		r.sealed = true
		return encrypt(ctx, keys, r.serial, plain)
	}
	if len(secrets) > 0 {
		if r.payload, err = sealing.Fill(r.payload, secrets, sealed); err != nil {
			return err
		}
		if err := r.frame(); err != nil {
			return err
		}
	}
	if len(r.call.SealedQuery) == 0 {
		return nil
	}
	r.query = maps.Clone(r.call.Query)
	if r.query == nil {
		r.query = url.Values{}
	}
	for name, plain := range r.call.SealedQuery {
		if plain != "" {
			ciphertext, err := sealed(string(plain))
			if err != nil {
				return err
			}
			r.query.Set(name, ciphertext)
		}
	}
	if len(r.query) > 0 {
		r.uri += "?" + r.query.Encode()
	}
	return nil
}

// encrypt encrypts plain with the key of that serial. An error of an Encryptor that shows plain is not passed on.
func encrypt(ctx context.Context, keys cipher.Encryptor, serial, plain string) (string, error) {
	ciphertext, err := keys.Encrypt(ctx, serial, plain)
	if err != nil && plain != "" && strings.Contains(err.Error(), plain) {
		err = fmt.Errorf("the Encryptor failed with an error that shows a Secret, of type %T", err)
	}
	return ciphertext, err
}

// forbidden finds what breaks the rules of the platform in JSON that was just encoded.
func forbidden(text []byte) string {
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

// expand puts the values into the route, and the query behind it unless a part of that is still to be sealed.
func expand(call *Call) (method, uri string, err error) {
	method, path, ok := strings.Cut(call.Route, " ")
	if !ok || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return "", "", &ParamError{call.Route, "route", `is not of the form "GET /path"`}
	}
	if len(call.Vars)+len(call.Query)+len(call.SealedQuery) == 0 && !strings.Contains(path, "{") {
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
	for name := range call.SealedQuery {
		if unclean(name) || call.Query.Has(name) {
			return "", "", &ParamError{call.Route, name, "stands in Query too, or holds control characters or is not UTF-8"}
		}
	}
	if q := call.Query.Encode(); q != "" && len(call.SealedQuery) == 0 {
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
