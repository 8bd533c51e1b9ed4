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
			calls++
			t.Run(op.ID, func(t *testing.T) {
				t.Parallel()
				h := newMerchant(t)
				resp, err := h.server.RoundTrip(h.documented(op))
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				seen := h.last()
				assert.Equal(t, op.Route, seen.Route)
				assert.Empty(t, seen.Advice)
				assert.Contains(t, seen.Checks, map[bool]string{true: "credentials", false: "signature"}[p.Platform == "tpns"])
				answer := m{}
				if len(body) > 0 {
					answer = decode(t, body)
				}
				switch {
				case resp.StatusCode >= 400:
					known := slices.ContainsFunc(op.Errors, func(r api.Refusal) bool { return r.Code == answer["code"] && r.Status == resp.StatusCode })
					assert.True(t, known, "%s refuses with %s", op.ID, body)
					assert.NotContains(t, answer["message"], "documents", "the shape is that of the documents")
				case op.Answer == nil:
					assert.Equal(t, 204, resp.StatusCode)
				default:
					assert.Equal(t, 200, resp.StatusCode)
					for name := range answer {
						known := slices.ContainsFunc(op.Answer.Properties, func(p *api.Property) bool { return strings.EqualFold(p.Name, name) }) // a sample has ErrMsg
						assert.True(t, known, "%s answers %s", op.ID, name)
					}
				}
			})
		}
	}
	require.Greater(t, calls, 50)
}

// documented makes the request that the documents show for a call.
func (h *merchant) documented(op *api.Operation) *http.Request {
	method, uri, _ := strings.Cut(op.Route, " ")
	query := url.Values{}
	for _, p := range op.Params {
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
		for name := range o {
			if strings.HasPrefix(name, "encrypted_") {
				o[name] = h.encrypt("13800000000")
			}
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
