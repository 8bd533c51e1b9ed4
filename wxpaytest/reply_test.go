package wxpaytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const tasksRoute = "GET /v3/marketing/bank/packages/{package_id}/tasks"

func TestReply(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for name, test := range map[string]struct {
		route, method, uri string
		status             int
		body               any
		want               string
	}{
		"text":               {tasksRoute, "GET", tasks, 200, `{"data":[],"total_count":"7"}`, `{"data":[],"total_count":"7"}`},
		"bytes":              {tasksRoute, "GET", tasks, 200, []byte(`null`), `null`},
		"raw JSON":           {tasksRoute, "GET", tasks, 404, json.RawMessage(`{ "code" : "NOT_FOUND" }`), `{ "code" : "NOT_FOUND" }`},
		"a value":            {tasksRoute, "GET", tasks, 200, m{"a": "<1>"}, `{"a":"<1>"}`},
		"none":               {tasksRoute, "GET", tasks, 200, nil, ``},
		"204":                {tasksRoute, "GET", tasks, 204, nil, ``},
		"no JSON":            {tasksRoute, "GET", tasks, 502, "<html>", "<html>"},
		"other variables":    {"GET /v3/marketing/bank/packages/{id}/tasks", "GET", tasks, 200, "{}", "{}"},
		"one of its values":  {"GET /v3/marketing/bank/packages/8473295/tasks", "GET", tasks, 200, "{}", "{}"},
		"with a query":       {tasksRoute, "GET", tasks + "?what=ever", 200, "{}", "{}"},
		"a route of its own": {"GET /v3/pay/transactions/id/{transaction_id}", "GET", "/v3/pay/transactions/id/1?mchid=1900000109", 200, `{"trade_state":"SUCCESS"}`, `{"trade_state":"SUCCESS"}`},
		"certificates":       {"GET /v3/certificates", "GET", "/v3/certificates", 200, `{"data":[]}`, `{"data":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, h.server.Reply(test.route, test.status, test.body))
			assert.Len(t, h.server.Unused(), 1)
			for range 2 { // it goes on
				resp, err := h.server.RoundTrip(h.request(t.Context(), test.method, test.uri, nil))
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, test.status, resp.StatusCode)
				assert.Equal(t, test.want, string(body))
				assert.NoError(t, verify(h.public, resp.Header, body))
			}
			assert.Empty(t, h.server.Unused())
			last := h.last()
			assert.Equal(t, "reply of the test", last.Verdict)
			assert.Equal(t, []string{"signature"}, last.Checks)
			if name == "other variables" {
				assert.Equal(t, tasksRoute, last.Route, "it is the call of the documents")
			}
			h.server.Recover()
		})
	}
	assert.Equal(t, []any{}, h.ok("GET", tasks, nil)["data"], "after Recover the server answers again")
	h.refused(404, "NOT_FOUND", "GET", "/v3/pay/transactions/id/1", nil)
}

// Replies come in their order, and the last one stays. They leave other routes and the state alone.
func TestRepliesInOrder(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	path := open + "/cards/" + h.server.AddCard("SYSTEM_ALLOCATE") + "/users/import"
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"
	body := m{"openid": "o1", "out_request_no": "1"}
	require.NoError(t, h.server.Reply(route, 200, m{"code": "first"}))
	require.NoError(t, h.server.Reply(route, 400, m{"code": "ALREADY_EXISTS", "message": "second"}))
	require.NoError(t, h.server.Reply(route, 200, m{"code": "third"}))
	var got []any
	for range 4 {
		_, answer := h.json("POST", path, body)
		got = append(got, answer["code"])
		h.ok("GET", tasks, nil)
	}
	assert.Equal(t, []any{"first", "ALREADY_EXISTS", "third", "third"}, got)
	h.server.Recover()
	assert.Len(t, h.ok("POST", path, body)["code"], 12, "nothing was carried out before")
}

// A reply is an answer like any other: who asks is checked, and faults happen to it.
func TestRepliesMeetChecksAndFaults(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.Reply(tasksRoute, 200, `{"a":1}`))
	req := h.request(t.Context(), "GET", tasks, nil)
	req.Header.Set("Authorization", h.authorize("GET", "/other", nil))
	status, answer := h.do(req)
	assert.Equal(t, []any{401, "SIGN_ERROR"}, []any{status, answer["code"]})

	require.NoError(t, h.server.Inject(tasksRoute, "tampered", 1))
	require.NoError(t, h.server.Inject(tasksRoute, "503", 1))
	o := exchange(&http.Client{Transport: h.server}, h.request(t.Context(), "GET", tasks, nil))
	assert.Equal(t, `{"a":1} `, string(o.body))
	assert.Error(t, verify(h.public, o.header, o.body))
	h.refused(503, "SERVICE_UNAVAILABLE", "GET", tasks, nil)
	assert.Equal(t, 1.0, h.ok("GET", tasks, nil)["a"])

	// A form is a form on routes of its own too: its meta alone is signed.
	const upload = "/v3/merchant/media/upload"
	require.NoError(t, h.server.Reply("POST "+upload, 200, m{"media_id": "1"}))
	require.NoError(t, h.server.Inject("POST "+upload, "500", 1), "a fault may happen there")
	meta := `{"filename":"a.png"}`
	for _, want := range []int{500, 200} {
		body, kind := form(t, [4]string{"meta", "", "application/json", meta}, [4]string{"file", "a.png", "image/png", "x"})
		req = h.request(t.Context(), "POST", upload, body)
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Authorization", h.authorize("POST", upload, []byte(meta)))
		status, _ = h.do(req)
		assert.Equal(t, want, status)
	}

	// TPNS has its own credentials and no signatures.
	const push = "POST /v3/push/app"
	require.NoError(t, h.server.Reply(push, 200, m{"ret_code": 0, "push_id": "7"}))
	for password, want := range map[string]string{wxpaytest.TPNSSecretKey: `{"push_id":"7","ret_code":0}`, "wrong": `{"err_msg":"auth failure","ret_code":1008003,"seq":0}`} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.tpns.tencent.com/v3/push/app", strings.NewReader(`{}`))
		require.NoError(t, err)
		req.SetBasicAuth(wxpaytest.TPNSAccessID, password)
		o := exchange(&http.Client{Transport: h.server}, req)
		assert.Equal(t, want, string(o.body))
		assert.Empty(t, o.header.Get("Wechatpay-Signature"))
	}
	require.NoError(t, h.server.Reply("POST /v3/push/another", 200, m{"ret_code": 0}))
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.tpns.tencent.com/v3/push/another", strings.NewReader(`{}`))
	require.NoError(t, err)
	req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
	o = exchange(&http.Client{Transport: h.server}, req)
	assert.Equal(t, `{"ret_code":0}`, string(o.body))
}

// A request that is on its way when its reply is taken back is one for a call that nobody knows.
func TestReplyTakenBackMidway(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.Reply("POST /v3/elsewhere", 200, nil))
	req := h.request(t.Context(), "POST", "/v3/elsewhere", []byte("{}"))
	req.Body = io.NopCloser(io.MultiReader(strings.NewReader("{}"), recovering{h.server}))
	status, answer := h.do(req)
	assert.Equal(t, []any{404, "NOT_FOUND"}, []any{status, answer["code"]})
}

// recovering is the end of a body that takes back what a test has planned.
type recovering struct{ server *wxpaytest.Server }

func (r recovering) Read([]byte) (int, error) { r.server.Recover(); return 0, io.EOF }

// The SDK takes a reply for genuine.
func TestReplyToTheSDK(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	require.NoError(t, s.Reply("GET /v3/pay/transactions/id/{transaction_id}", 200, `{"trade_state":"SUCCESS"}`))
	got, err := wxpay.Do[m](t.Context(), s.Client(), wxpay.Call{Route: "GET /v3/pay/transactions/id/{transaction_id}", Vars: wxpay.Vars{"transaction_id": "1"}})
	require.NoError(t, err)
	assert.Equal(t, "SUCCESS", (*got)["trade_state"])
	require.NoError(t, s.Reply(tasksRoute, 403, m{"code": "NO_AUTH", "message": "no"}))
	_, err = wxpay.Do[m](t.Context(), s.Client(), wxpay.Call{Route: tasksRoute, Vars: wxpay.Vars{"package_id": "8473295"}})
	assert.ErrorIs(t, err, wxpay.CodeNoAuth)
}

func TestRepliesThatCannotBe(t *testing.T) {
	t.Parallel()
	s, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	for name, test := range map[string]struct {
		route  string
		status int
		body   any
	}{
		"no route": {"", 200, nil}, "no method": {"/v3/certificates", 200, nil}, "no path": {"GET certificates", 200, nil}, "a query": {"GET /v3/certificates?a=b", 200, nil},
		"no status": {tasksRoute, 0, nil}, "on its way": {tasksRoute, 103, nil}, "too high": {tasksRoute, 600, nil},
		"204 with a body": {tasksRoute, 204, "{}"}, "no JSON": {tasksRoute, 200, func() {}},
	} {
		assert.Error(t, s.Reply(test.route, test.status, test.body), name)
	}
	assert.Empty(t, s.Unused())

	r := &recorder{TB: t}
	s = wxpaytest.New(r)
	require.NoError(t, s.Reply(tasksRoute, 200, nil))
	r.cleanup()
	assert.Equal(t, []string{"wxpaytest: nobody asked for the reply to " + tasksRoute}, r.errors)
}
