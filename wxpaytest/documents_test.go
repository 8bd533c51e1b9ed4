package wxpaytest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Every call of the documents is known, takes the request that the documents show, and answers with what they
// show, or refuses by a code that they name.
func TestEveryDocumentedCall(t *testing.T) {
	t.Parallel()
	catalog, err := api.Load()
	require.NoError(t, err)
	calls := 0
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			for _, route := range slices.DeleteFunc([]string{op.Route, op.BrandRoute}, func(s string) bool { return s == "" }) {
				calls++
				t.Run(route, func(t *testing.T) {
					t.Parallel()
					h := newMerchant(t, wxpaytest.Options{Brand: strings.Contains(route, " /brand/")})
					resp, err := h.server.RoundTrip(h.documented(op, route))
					require.NoError(t, err)
					body, err := io.ReadAll(resp.Body)
					require.NoError(t, err)
					seen := h.last()
					assert.Equal(t, route, seen.Route)
					assert.Empty(t, seen.Advice)
					assert.Contains(t, seen.Checks, map[bool]string{true: "credentials", false: "signature"}[p.Platform == "tpns"], seen.Verdict)
					if op.Body != nil {
						assert.Contains(t, seen.Checks, "body", seen.Verdict)
					}
					assertDocumented(t, op, resp.StatusCode, body)
				})
			}
		}
	}
	require.Greater(t, calls, 50)
}

// assertDocumented looks at an answer: it has the members of the document, or is a refusal of it.
func assertDocumented(t *testing.T, op *api.Operation, status int, body []byte) {
	t.Helper()
	answer := m{}
	if len(body) > 0 {
		answer = decode(t, body)
	}
	switch {
	case status >= 400:
		known := slices.ContainsFunc(op.Errors, func(r api.Refusal) bool { return r.Code == answer["code"] && r.Status == status })
		assert.True(t, known, "%s", body)
	case op.Answer == nil:
		assert.Equal(t, 204, status)
	default:
		assert.Equal(t, 200, status)
		for name := range answer {
			known := slices.ContainsFunc(op.Answer.Properties, func(p *api.Property) bool { return strings.EqualFold(p.Name, name) }) // a sample has ErrMsg
			assert.True(t, known, name)
		}
	}
}

// documented makes the request that the documents show for a call.
func (h *merchant) documented(op *api.Operation, route string) *http.Request {
	method, uri, _ := strings.Cut(route, " ")
	query := url.Values{}
	for _, p := range op.Params {
		if h.brand && p.Name == "brand_id" { // a brand calls for itself
			continue
		}
		var value any
		require.NoError(h.t, json.Unmarshal(p.Schema.Example(), &value))
		text, ok := value.(string)
		if !ok {
			text = strings.Trim(string(p.Schema.Example()), `"`)
		}
		if p.Schema.Sealed != "" {
			text = h.encrypt("13800000000")
		}
		switch p.In {
		case "path":
			uri = strings.Replace(uri, "{"+p.Name+"}", url.PathEscape(text), 1)
		case "query":
			query.Set(p.Name, text)
		}
	}
	if len(query) > 0 {
		uri += "?" + query.Encode()
	}
	var body []byte
	if op.Body != nil {
		o := decode(h.t, op.BodyExample)
		h.sealAll(o, op.Body)
		if h.brand {
			delete(o, "brand_id")
		}
		if op.Upload != nil {
			sum := sha256.Sum256([]byte("x\n"))
			o["sha256"] = hex.EncodeToString(sum[:])
		}
		var err error
		body, err = json.Marshal(o)
		require.NoError(h.t, err)
	}
	if op.Product.Platform == "tpns" {
		return h.tpnsRequest(op, uri, body)
	}
	req := h.request(h.t.Context(), method, uri, body)
	if op.Upload != nil {
		form, kind := form(h.t, [4]string{"meta", "", "application/json", string(body)}, [4]string{"file", "a.csv", "text/csv", "x\n"})
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(form)), int64(len(form))
		req.Header.Set("Content-Type", kind)
	}
	return req
}

// sealAll encrypts what a body has to hold encrypted.
func (h *merchant) sealAll(v any, s *api.Schema) {
	switch v := v.(type) {
	case m:
		for name := range v {
			if p := s.Property(name); p != nil && p.Schema.Sealed == "to-platform" {
				v[name] = h.encrypt("13800000000")
			} else if p != nil {
				h.sealAll(v[name], p.Schema)
			}
		}
	case []any:
		for _, item := range v {
			h.sealAll(item, s.Items)
		}
	}
}

func (h *merchant) tpnsRequest(op *api.Operation, uri string, body []byte) *http.Request {
	kind := "application/json"
	if op.Upload != nil {
		body, kind = form(h.t, [4]string{"file", "a.csv", "text/csv", "account1\n"})
	}
	req, err := http.NewRequestWithContext(h.t.Context(), "POST", tpnsHost+uri, bytes.NewReader(body))
	require.NoError(h.t, err)
	req.Header.Set("Content-Type", kind)
	req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
	return req
}
