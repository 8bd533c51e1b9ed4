package emulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// marked is the header by which a request of the emulator's own is found again in the journal.
const marked = "X-Emulator-Id"

// Replay sends what an exchange sent once more, signed anew, and returns the number of the new exchange.
func (e *Emulator) Replay(ctx context.Context, number int) (int, error) {
	x, ok := e.journal.Get(number)
	switch {
	case !ok:
		return 0, fmt.Errorf("exchange %d %w; the oldest give way to new ones", number, ErrUnknown)
	case x.Sent == nil && x.BodySize > 0, x.SentURI == "":
		return 0, fmt.Errorf("what exchange %d sent is no longer kept, so it cannot be sent again", number)
	}
	h := http.Header{}
	for _, name := range []string{"Accept", "Content-Type", "Wechatpay-Serial", "Accept-Language"} {
		if values := x.Header.Values(name); len(values) > 0 {
			h[name] = slices.Clone(values)
		}
	}
	h.Set(journal.Repeats, fmt.Sprint(number))
	return e.send(ctx, x.Method, x.SentURI, h, x.Sent)
}

// Try sends a request that was made on the page of an operation, and returns the number of its exchange.
func (e *Emulator) Try(ctx context.Context, t inspector.Trial) (int, error) {
	route := t.Operation.Route
	if t.Brand {
		if route = t.Operation.BrandRoute; route == "" {
			return 0, fmt.Errorf("%s has no door for brands", t.Operation.ID)
		}
		t.Query, t.Body = leaveOut("brand_id", t.Query, t.Body) // as the SDK does: the signature says it
	}
	method, path, _ := strings.Cut(route, " ")
	for name, v := range t.Path {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
	}
	client, err := wxpay.New(e.identity(strings.HasPrefix(path, "/brand/"))) // to encrypt with
	if err != nil {
		return 0, err
	}
	query := url.Values{}
	for name, v := range t.Query {
		if v == "" {
			continue
		}
		if seals(t.Operation, name) {
			if v, _, err = client.Encrypt(ctx, wxpay.Secret(v)); err != nil {
				return 0, err
			}
		}
		query.Set(name, v)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	h := http.Header{"Accept": {"application/json"}}
	body, err := bodyOf(ctx, client, t, h)
	if err != nil {
		return 0, err
	}
	return e.send(ctx, method, path, h, body)
}

// leaveOut is query and body without a member; a body that is no object stays as it is.
func leaveOut(name string, query map[string]string, body json.RawMessage) (map[string]string, json.RawMessage) {
	query = maps.Clone(query)
	delete(query, name)
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || object[name] == nil {
		return query, body
	}
	delete(object, name)
	body, _ = json.Marshal(object) // it was JSON before
	return query, body
}

// seals reports whether a parameter of the query is encrypted on its way.
func seals(op *api.Operation, name string) bool {
	return slices.ContainsFunc(op.Params, func(p *api.Param) bool { return p.In == "query" && p.Name == name && p.Schema.Sealed != "" })
}

// bodyOf makes the body of a trial, with what is to be encrypted encrypted, and the headers that it needs.
func bodyOf(ctx context.Context, client *wxpay.Client, t inspector.Trial, h http.Header) ([]byte, error) {
	body := []byte(t.Body)
	if t.Operation.Product.Platform != "tpns" {
		_, serial, err := client.Encrypt(ctx, "x")
		if err != nil {
			return nil, err
		}
		h.Set("Wechatpay-Serial", serial)
		if body, err = sealed(ctx, client, body, t.Operation.Body); err != nil {
			return nil, err
		}
		if t.Operation.Upload != nil && t.Operation.Upload.Sealed == "line" {
			if t.File, err = sealedLines(ctx, client, t.File); err != nil {
				return nil, err
			}
		}
	}
	if t.Operation.Upload == nil {
		if len(body) > 0 {
			h.Set("Content-Type", "application/json")
		}
		return body, nil
	}
	if with, err := withDigest(body, t); err == nil {
		body = with
	}
	return form(t, body, h)
}

// withDigest puts the digest of the file into the meta, where the meta has one.
func withDigest(body []byte, t inspector.Trial) ([]byte, error) {
	if t.Operation.Body == nil || t.Operation.Body.Property("sha256") == nil {
		return body, nil
	}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(body, &meta); err != nil {
		return nil, err
	}
	meta["sha256"] = fmt.Appendf(nil, `"%x"`, sha256.Sum256(t.File))
	return json.Marshal(meta)
}

func form(t inspector.Trial, meta []byte, h http.Header) ([]byte, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if name := t.Operation.Upload.Meta; name != "" {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + name + `"`}, "Content-Type": {"application/json"}})
		if err == nil {
			_, err = part.Write(meta)
		}
		if err != nil {
			return nil, err
		}
	}
	part, err := w.CreateFormFile(t.Operation.Upload.Part, cmp.Or(t.FileName, "file.txt"))
	if err == nil {
		_, err = part.Write(t.File)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	h.Set("Content-Type", w.FormDataContentType())
	return b.Bytes(), nil
}

// sealed encrypts the members of a body that go to the platform encrypted. A body that is not JSON stays as it is, to
// see what the platform says of it.
func sealed(ctx context.Context, c *wxpay.Client, body []byte, s *api.Schema) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if s == nil || d.Decode(&v) != nil {
		return body, nil
	}
	changed := false
	v, err := sealValue(ctx, c, v, s, &changed)
	if err != nil || !changed {
		return body, err
	}
	return json.Marshal(v)
}

func sealValue(ctx context.Context, c *wxpay.Client, v any, s *api.Schema, changed *bool) (_ any, err error) {
	switch v := v.(type) {
	case string:
		if s.Sealed == "to-platform" {
			*changed = true
			text, _, err := c.Encrypt(ctx, wxpay.Secret(v))
			return text, err
		}
	case []any:
		for i := range v {
			if s.Items != nil {
				if v[i], err = sealValue(ctx, c, v[i], s.Items, changed); err != nil {
					return nil, err
				}
			}
		}
	case map[string]any:
		for _, form := range append([]*api.Schema{s}, s.OneOf...) {
			for _, p := range form.Properties {
				if inner, ok := v[p.Name]; ok {
					if v[p.Name], err = sealValue(ctx, c, inner, p.Schema, changed); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return v, nil
}

// sealedLines encrypts a file line by line.
func sealedLines(ctx context.Context, c *wxpay.Client, file []byte) ([]byte, error) {
	var b bytes.Buffer
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		text, _, err := c.Encrypt(ctx, wxpay.Secret(line))
		if err != nil {
			return nil, err
		}
		b.WriteString(text + "\n")
	}
	return b.Bytes(), nil
}

// identity is the configuration of the merchant or of the brand.
func (e *Emulator) identity(brand bool) wxpay.Config {
	if brand {
		return e.Fake().BrandConfig()
	}
	return e.Fake().MerchantConfig()
}

// send lets the fake take a request and returns the number of the exchange.
func (e *Emulator) send(ctx context.Context, method, uri string, h http.Header, body []byte) (int, error) {
	signed, err := e.sign(method, uri, signedPart(h, body))
	if err != nil {
		return 0, err
	}
	for name, values := range signed {
		if h.Get(name) == "" {
			h[name] = values
		}
	}
	id := rand.Text()
	h.Set(marked, id)
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+uri, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("this request cannot be sent: %w", err)
	}
	req.Header = h
	resp, err := e.Fake().RoundTrip(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // a fault may send without end
		_ = resp.Body.Close()
	}
	for _, x := range e.journal.Find(journal.Filter{}) {
		if x.Header.Get(marked) == id {
			return x.Number, nil
		}
	}
	return 0, cmp.Or(err, errors.New("the request was not taken"))
}

// signedPart is what a signature covers: the body, or the meta of a form.
func signedPart(h http.Header, body []byte) []byte {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return body
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err != nil {
			return body
		}
		if part.FormName() == "meta" {
			text, _ := io.ReadAll(part)
			return text
		}
	}
}

// sign returns the headers of a right request: of the merchant, of the brand for its own paths, of the application for
// those of TPNS. body is what the signature covers.
func (e *Emulator) sign(method, uri string, body []byte) (http.Header, error) {
	if e.isTPNS(method, uri) {
		basic := base64.StdEncoding.EncodeToString([]byte(wxpaytest.TPNSAccessID + ":" + wxpaytest.TPNSSecretKey))
		return http.Header{"Authorization": {"Basic " + basic}, "Accept": {"application/json"}}, nil
	}
	brand := strings.HasPrefix(uri, "/brand/")
	c := e.identity(brand)
	scheme := auth.Merchant
	if brand {
		scheme = auth.Brand
	}
	signer, err := auth.NewSigner(scheme, c.MchID+c.BrandID, c.SerialNo, c.PrivateKey)
	if err != nil {
		return nil, err
	}
	authorization, err := auth.Authorization(context.Background(), signer, scheme, method, uri, time.Now().Unix(), body)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Authorization": {authorization}, "Accept": {"application/json"}}
	if c.PublicKeyID != "" {
		h.Set("Wechatpay-Serial", c.PublicKeyID)
	}
	return h, nil
}

// isTPNS reports whether a call is one of the push service.
func (e *Emulator) isTPNS(method, uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	for _, p := range e.catalog.Products {
		if p.Platform == "tpns" && slices.ContainsFunc(p.Operations, func(op *api.Operation) bool { return op.Route == method+" "+path }) {
			return true
		}
	}
	return false
}
