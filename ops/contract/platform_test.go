package contract

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// An exchange is one call on the platform's side: an http.RoundTripper that holds the request to the
// document and to what it should be, and answers.
type exchange struct {
	doc    *Document
	op     *Operation
	want   input
	answer any               // decoded JSON; nil: 204
	serial string            // of the key that signs the answer; empty: platformID
	extra  string            // member that may arrive though it is not in want
	fake   *wxpaytest.Server // takes the place of all this; nil: nothing does

	arrived int
	got     input
	missing []string // members of want that did not arrive
	faults  []error
}

func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	x.arrived++
	body, err := io.ReadAll(cmp.Or[io.Reader](req.Body, http.NoBody))
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	mux := http.NewServeMux()
	mux.HandleFunc(x.op.Route(), func(w http.ResponseWriter, req *http.Request) {
		x.judge(req, body)
		x.respond(w, req)
	})
	mux.ServeHTTP(w, req)
	if w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed {
		x.fault("sent %s %s instead of %s", req.Method, req.URL.Path, x.op.Route())
	}
	return w.Result(), nil
}

func (x *exchange) fault(format string, args ...any) {
	x.faults = append(x.faults, fmt.Errorf(format, args...))
}

// send makes the call, with what it is to send.
func (x *exchange) send(ctx context.Context) (any, error) {
	return products[x.doc.Name](x)[x.op.OperationID](ctx, x.want)
}

// judge notes what is wrong with a request: its signature, its form by the document, its content.
func (x *exchange) judge(req *http.Request, body []byte) {
	signed := body
	x.got = input{values: map[string]string{}}
	switch kind, params, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); {
	case kind == "multipart/form-data":
		x.got.body, signed = x.parts(body, params["boundary"])
	case len(body) > 0:
		var err error
		if x.got.body, err = Decode(body); err != nil {
			x.fault("body: %w", err)
		}
	}
	if err := x.login(req, signed); err != nil {
		x.fault("login: %w", err)
	}
	if err := x.validate(req, body); err != nil {
		x.fault("not valid by the document: %w", err)
	}
	x.collect(req)
	want, got := x.want.all(), x.got.all()
	if state, ok := want["plan_state"].(string); ok && x.op.Brand {
		want["plan_state"] = strings.TrimPrefix(state, "PLAN_") // as the door of brands spells it (DP-15)
	}
	dispensable := x.dispensable()
	x.missing = slices.DeleteFunc(Lost(want, got), func(path string) bool { return dispensable[path] })
	for _, path := range x.missing {
		x.fault("%s did not arrive as given", path)
	}
	for _, path := range Lost(got, want) {
		if path != x.extra && !slices.Contains(x.missing, path) {
			x.fault("%s arrived and was not given", path)
		}
	}
}

// dispensable are the members that need not arrive: a zero that the document takes for granted, and what the
// SDK leaves aside on purpose.
func (x *exchange) dispensable() map[string]bool {
	found := map[string]bool{}
	for path := range leftAside[x.op.OperationID] {
		found[path] = true
	}
	Visit(x.op.RequestSchema(), x.want.body, func(path string, s *openapi3.Schema, v any) any {
		if s != nil && s.Default != nil && fmt.Sprint(v) == fmt.Sprint(s.Default) && (v == json.Number("0") || v == false) {
			found[join("body", path)] = true
		}
		return v
	})
	return found
}

// parts reads an upload and the text that its signature covers.
func (x *exchange) parts(body []byte, boundary string) (parts map[string]any, meta []byte) {
	parts = map[string]any{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return parts, meta
		}
		if err != nil {
			x.fault("multipart: %w", err)
			return parts, meta
		}
		text, err := io.ReadAll(part)
		if err != nil {
			x.fault("multipart: %w", err)
		}
		if part.FormName() != "meta" {
			parts[part.FormName()] = string(text)
			continue
		}
		meta = text
		if parts["meta"], err = Decode(text); err != nil {
			x.fault("meta: %w", err)
		}
	}
}

// collect takes path, query and body, sensitive values opened.
func (x *exchange) collect(req *http.Request) {
	for _, p := range x.op.Parameters {
		p := p.Value
		v, ok := req.PathValue(p.Name), p.In == "path"
		if p.In == "query" {
			v, ok = req.URL.Query().Get(p.Name), req.URL.Query().Has(p.Name)
		}
		if ok {
			x.got.values[p.Name], _ = x.opened(p.Name, p.Schema.Value, v).(string)
		}
	}
	for name := range req.URL.Query() {
		if x.op.Parameters.GetByInAndName("query", name) == nil {
			x.fault("query %s is not in the document", name)
		}
	}
	if schema := x.op.RequestSchema(); schema != nil && x.op.RequestBody.Value.Content["application/json"] != nil {
		x.got.body = Visit(schema, x.got.body, x.opened)
	}
}

func (x *exchange) opened(path string, s *openapi3.Schema, v any) any {
	sealed, ok := v.(string)
	if !ok || !Sensitive(s) {
		return v
	}
	plain, err := decrypt(platformKey(), sealed)
	if err != nil {
		x.fault("%s: %w", path, err)
	}
	return plain
}

// validate holds the request to the document.
func (x *exchange) validate(req *http.Request, body []byte) error {
	req = req.Clone(context.Background())
	req.Body = io.NopCloser(bytes.NewReader(body))
	path := map[string]string{}
	for _, p := range x.op.Parameters {
		if p.Value.In == "path" {
			path[p.Value.Name] = req.PathValue(p.Value.Name)
		}
	}
	return openapi3filter.ValidateRequest(req.Context(), x.filter(req, path))
}

func (x *exchange) validateAnswer(req *http.Request, status int, h http.Header, body []byte) error {
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: x.filter(req, nil),
		Status:                 status,
		Header:                 h,
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	}
	return openapi3filter.ValidateResponse(context.Background(), in.SetBodyBytes(body))
}

func (x *exchange) filter(req *http.Request, path map[string]string) *openapi3filter.RequestValidationInput {
	return &openapi3filter.RequestValidationInput{
		Request:    req,
		PathParams: path,
		Route:      &routers.Route{Spec: x.doc.Spec, Path: x.op.Path, PathItem: x.op.Item, Method: x.op.Method, Operation: x.op.Operation},
		Options: &openapi3filter.Options{
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
			AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc, // see login
		},
	}
}

var authorization = regexp.MustCompile(`^(WECHATPAY2-SHA256-RSA2048 mchid|WECHATPAY-BRAND-SHA256-RSA2048 brand_id)="(.+)",nonce_str="(.+)",timestamp="(\d+)",serial_no="(.+)",signature="(.+)"$`)

// login checks who sent a request and that nobody changed it.
func (x *exchange) login(req *http.Request, signed []byte) error {
	if x.doc.Name == "tpns.yaml" {
		return tpnsLogin(req, signed)
	}
	m := authorization.FindStringSubmatch(req.Header.Get("Authorization"))
	who := []string{"WECHATPAY2-SHA256-RSA2048 mchid", mchID}
	if x.op.Brand {
		who = []string{"WECHATPAY-BRAND-SHA256-RSA2048 brand_id", ownBrand}
	}
	if m == nil || !slices.Equal(m[1:3], who) || m[5] != mchSerial {
		return errors.New("Authorization is not that of the merchant or brand")
	}
	if serial := req.Header.Get("Wechatpay-Serial"); serial != platformID && x.serial == "" {
		return fmt.Errorf("Wechatpay-Serial is %q", serial)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s\n", req.Method, req.URL.RequestURI(), m[4], m[3], signed))
	sig, err := base64.StdEncoding.DecodeString(m[6])
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(&merchantKey().PublicKey, crypto.SHA256, sum[:], sig)
}

// respond answers, signed.
func (x *exchange) respond(w http.ResponseWriter, req *http.Request) {
	status, body := http.StatusNoContent, []byte(nil)
	if x.answer != nil {
		status = http.StatusOK
		body, _ = json.Marshal(x.answer)
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Request-ID", "08F78BEFC40610D30118A4C7F3E40120A0B0C0D0E0")
	if x.doc.Name != "tpns.yaml" {
		signHeader(w.Header(), cmp.Or(x.serial, platformID), body)
	}
	if err := x.validateAnswer(req, status, w.Header(), body); err != nil {
		x.fault("the answer is not valid by the document: %w", err)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
