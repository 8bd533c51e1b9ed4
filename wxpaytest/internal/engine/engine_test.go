package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// open is a platform that lets everybody in.
type open struct{ name string }

func (p open) Name() string                        { return p.name }
func (open) Hosts() []string                       { return nil }
func (open) Owns(string) bool                      { return false }
func (open) Admit(tx *engine.Tx) error             { tx.Caller = "somebody"; return nil }
func (open) Seal(*engine.Tx, *engine.Answer) error { return nil }
func (open) Refuse(_ *engine.Tx, a *engine.Answer, err error) {
	r, ok := errors.AsType[*engine.Refusal](err)
	if !ok {
		r = &engine.Refusal{Status: 400, Code: "WRONG", Message: err.Error()}
	}
	a.Refuse(r)
}
func (open) Validate(tx *engine.Tx) (err error) {
	_, query, _ := strings.Cut(tx.URI, "?")
	values, err := url.ParseQuery(query)
	tx.Query = engine.Object{}
	for name, all := range values {
		tx.Query[name] = all[0]
		if name == "page_size" {
			tx.Query[name] = json.Number(all[0])
		}
	}
	if len(tx.Sent) > 0 && err == nil {
		tx.Body, err = schema.Reader{}.Object(tx.Sent)
	}
	return err
}

func newEngine(t *testing.T, products ...engine.Product) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Options{
		Platforms: []engine.Platform{open{"tpns"}, open{"wechatpay"}}, Plan: &fault.Plan{}, Journal: 1, Complain: t.Errorf,
		Encrypt: func(_, plain string) (string, error) { return "sealed " + plain, nil },
	})
	require.NoError(t, err)
	for _, p := range products {
		require.NoError(t, e.Add(p))
	}
	return e
}

func call(t *testing.T, e *engine.Engine, route, body string) (int, string) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := e.RoundTrip(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// A call that no product handles answers as its document shows, with the variables of the path and the members
// of the body in the places of their names.
func TestCallsWithoutAHandler(t *testing.T) {
	t.Parallel()
	catalog, err := api.Load()
	require.NoError(t, err)
	e := newEngine(t)
	named := regexp.MustCompile(`\{(\w+)\}`)
	// other is a value as the document shows it for a variable, written backwards.
	other := func(op *api.Operation, name string) string {
		i := slices.IndexFunc(op.Params, func(p *api.Param) bool { return p.Name == name })
		text := []byte(strings.Trim(string(op.Params[i].Schema.Example()), `"`))
		slices.Reverse(text)
		return string(text)
	}
	answered, echoed := 0, 0
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			route := named.ReplaceAllStringFunc(op.Route, func(v string) string { return url.PathEscape(other(op, strings.Trim(v, "{}"))) })
			body := "{}"
			if op.Body != nil {
				body = string(op.BodyExample)
			}
			status, text := call(t, e, route, body)
			if op.Answer == nil {
				assert.Equal(t, 204, status, op.ID)
				continue
			}
			assert.Equal(t, 200, status, "%s: %s", op.ID, text)
			answer, err := schema.Reader{}.Object([]byte(text))
			require.NoError(t, err)
			assert.NoError(t, (&schema.Check{}).Object(answer, op.Answer, ""), op.ID)
			answered++
			for _, name := range named.FindAllStringSubmatch(op.Route, -1) {
				if op.Answer.Property(name[1]) != nil {
					echoed++
					assert.Equal(t, other(op, name[1]), answer[name[1]], op.ID)
				}
			}
		}
	}
	assert.Greater(t, answered, 30)
	assert.Greater(t, echoed, 5)
}

func TestEchoOfWhatWasAsked(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, text := call(t, e, "POST /v3/marketing/membercard-open/cards", `{"title":"mine","brand":{"brand_id":"1","display_name":"b"},"code_mode":7}`)
	var answer struct {
		Title string
		Brand struct{ Brand_id string }
		Mode  any `json:"code_mode"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	assert.Equal(t, []string{"mine", "1"}, []string{answer.Title, answer.Brand.Brand_id})
	assert.IsType(t, "", answer.Mode, "what is of another type is not echoed")
	_, text = call(t, e, "GET /v3/edu-papay/contracts/id/C-1", "")
	assert.Contains(t, text, `"contract_id":"C-1"`, "also further inside")
	_, text = call(t, e, "POST /v3/security/echo", `{"echo_message":"a","encrypted_echo_message":"b"}`)
	assert.JSONEq(t, `{"echo_message":"a","encrypted_echo_message":"sealed b"}`, text)
}

// A request number takes effect once: the engine does it for every call that the documents give one.
func TestRequestNumbers(t *testing.T) {
	t.Parallel()
	n := 0
	e := newEngine(t, engine.Product{Name: "membercard", Handlers: map[string]engine.Handler{"importUser": func(tx *engine.Tx) (engine.Object, error) {
		if tx.Body.Text("openid") == "nobody" {
			return nil, engine.Invalid("nobody")
		}
		n++
		return engine.Object{"code": n}, nil
	}}})
	const route = "POST /v3/marketing/membercard-open/cards/K/users/import"
	for _, test := range []struct {
		route, body, want string
		status            int
	}{
		{route, `{"out_request_no":"1","openid":"nobody"}`, "nobody", 400},
		{route, `{"out_request_no":"1","openid":"a"}`, `{"code":1}`, 200},
		{route, `{"openid":"a","out_request_no":"1"}`, `{"code":1}`, 200},
		{route, `{"out_request_no":"1","openid":"b"}`, "请求重入时", 400},
		{strings.Replace(route, "K", "L", 1), `{"out_request_no":"1","openid":"a"}`, "请求重入时", 400},
		{route, `{"out_request_no":"2","openid":"a"}`, `{"code":2}`, 200},
	} {
		status, text := call(t, e, test.route, test.body)
		assert.Equal(t, test.status, status, text)
		assert.Contains(t, text, test.want)
	}
}

// A handler that refuses by a code that no document names for its call is a mistake, and a test hears of it.
func TestUndocumentedRefusals(t *testing.T) {
	t.Parallel()
	for code, wrong := range map[string]bool{"NO_AUTH": false, "MADE_UP": true} {
		var complaints []string
		e, err := engine.New(engine.Options{
			Platforms: []engine.Platform{open{"tpns"}, open{"wechatpay"}}, Plan: &fault.Plan{},
			Complain: func(format string, a ...any) { complaints = append(complaints, fmt.Sprintf(format, a...)) },
		})
		require.NoError(t, err)
		refuse := func(*engine.Tx) (engine.Object, error) { return nil, &engine.Refusal{Status: 403, Code: code} }
		require.NoError(t, e.Add(engine.Product{Name: "edupapay", Handlers: map[string]engine.Handler{"getContract": refuse}}))
		status, _ := call(t, e, "GET /v3/edu-papay/contracts/id/C-1", "")
		assert.Equal(t, 403, status)
		assert.Equal(t, wrong, len(complaints) == 1, complaints)
	}
}

func TestProductsThatNoDocumentKnows(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	handle := func(*engine.Tx) (engine.Object, error) { return nil, nil }
	assert.ErrorContains(t, e.Add(engine.Product{Name: "membercard", Handlers: map[string]engine.Handler{"importNobody": handle}}), "no call")
	assert.ErrorContains(t, e.Add(engine.Product{Name: "edupapay", Handlers: map[string]engine.Handler{"importUser": handle}}), "no call")
}

// What a product says of a call counts for the calls that it handles: a name that is none is a mistake.
func TestAddUnknownCalls(t *testing.T) {
	t.Parallel()
	handlers := map[string]engine.Handler{"createTransferBill": func(*engine.Tx) (engine.Object, error) { return nil, nil }}
	for name, p := range map[string]engine.Product{
		"":        {Repeats: []string{"createTransferBill"}},
		"Repeats": {Repeats: []string{"createTransferBil"}},
		"Limits":  {Limits: map[string][]engine.Rate{"createTransferBil": nil}},
		"Prepare": {Prepare: map[string]func(*engine.Tx) error{"createTransferBil": nil}},
	} {
		p.Name, p.Handlers = "mchtransfer", handlers
		err := newEngine(t).Add(p)
		if name == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, `wxpaytest: mchtransfer says something of "createTransferBil" and does not handle it`, name)
	}
}
