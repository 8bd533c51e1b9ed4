package inspector_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A rig is an emulator put together of the sources of the page, so that these tests need no socket of its own.
type rig struct {
	*httptest.Server
	fake    *wxpaytest.Server
	store   *journal.Store
	queue   *callbacks.Queue
	catalog *api.Catalog

	mu     sync.Mutex
	resets []string
	trials []inspector.Trial
}

func newEmulator(t testing.TB, forwardTo ...string) *rig {
	t.Helper()
	e := &rig{}
	var err error
	e.catalog, err = api.Load()
	require.NoError(t, err)
	e.store = journal.New(e.catalog)
	e.fake, err = wxpaytest.NewServer(wxpaytest.Options{Observe: func(r wxpaytest.Request) { e.store.Add(r) }})
	require.NoError(t, err)
	fake := func() *wxpaytest.Server { return e.fake }
	e.queue, err = callbacks.New(callbacks.Options{Fake: fake, Catalog: e.catalog, Speed: 1000, ForwardTo: strings.Join(forwardTo, "")})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { e.queue.Run(ctx); close(ended) }()
	page, err := inspector.New(inspector.Sources{
		Fake: fake, Catalog: e.catalog, Journal: e.store, Callbacks: e.queue, BaseURL: func() string { return e.URL }, Dir: "/tmp/it's here",
		Replay: func(ctx context.Context, number int) (int, error) {
			x, ok := e.store.Get(number)
			if !ok {
				return 0, fmt.Errorf("no exchange %d", number)
			}
			x.Request.Header = http.Header{journal.Repeats: {fmt.Sprint(number)}}
			e.store.Add(x.Request)
			return e.store.Find(journal.Filter{Limit: 1})[0].Number, nil
		},
		Try: func(ctx context.Context, trial inspector.Trial) (int, error) {
			e.mu.Lock()
			e.trials = append(e.trials, trial)
			e.mu.Unlock()
			if strings.Contains(string(trial.Body), "refuse") {
				return 0, fmt.Errorf("it cannot be sent")
			}
			method, path, _ := strings.Cut(trial.Operation.Route, " ")
			e.store.Add(wxpaytest.Request{Method: method, URI: path, Route: trial.Operation.Route, Status: 200, Verdict: "ok", Sent: trial.Body, Body: string(trial.Body), BodySize: len(trial.Body)})
			return e.store.Find(journal.Filter{Limit: 1})[0].Number, nil
		},
		Sign: func(method, uri string, body []byte) (http.Header, error) {
			return http.Header{"Authorization": {`WECHATPAY2-SHA256-RSA2048 mchid="1900000109",signature="…"`}, "Wechatpay-Serial": {wxpaytest.PublicKeyID}}, nil
		},
		Reset: func(what string) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.resets = append(e.resets, what)
			return nil
		},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(inspector.Root, page)
	mux.Handle("/", e.fake)
	e.Server = httptest.NewServer(mux)
	t.Cleanup(func() { stop(); <-ended; e.Close() })
	return e
}

// get returns a page and fails the test if its status is another one.
func (e *rig) get(t testing.TB, status int, path string, header ...string) string {
	t.Helper()
	text, _ := e.ask(t, status, http.MethodGet, path, nil, header...)
	return text
}

// post presses a button and returns the page to which it leads.
func (e *rig) post(t testing.TB, path string, form url.Values) string {
	t.Helper()
	_, h := e.ask(t, http.StatusSeeOther, http.MethodPost, path, form)
	require.True(t, strings.HasPrefix(h.Get("Location"), inspector.Root), h.Get("Location"))
	return e.get(t, http.StatusOK, h.Get("Location"))
}

func (e *rig) ask(t testing.TB, status int, method, path string, form url.Values, header ...string) (string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s %s: %s", method, path, text)
	return string(text), resp.Header
}

// calls makes some exchanges of every kind.
func (e *rig) calls(t testing.TB) {
	t.Helper()
	for _, body := range []string{`{"a":`, `{"echo_message":"hello"}`} {
		resp, err := http.Post(e.URL+"/v3/security/echo", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		resp.Body.Close()
	}
	e.store.Add(wxpaytest.Request{
		Method: "POST", URI: "/v3/edu-papay/transactions?x=1", Route: "POST /v3/edu-papay/transactions", Status: 401, Code: "SIGN_ERROR", Verdict: "SIGN_ERROR: the signature is of another text",
		Host: "127.0.0.1", Body: `{"appid":"wx1","amount":{"total":1}}`, BodySize: 36, Sent: []byte(`{"appid":"wx1","amount":{"total":1}}`), Header: http.Header{"Content-Type": {"application/json"}},
		Tag: "red", Advice: []string{"send an Accept header"}, AdviceZh: []string{"请发送 Accept"}, Fault: "", Findings: []wxpaytest.Finding{{Where: "body", Field: "/amount/total", Issue: "must be more than 0", IssueZh: "应大于 0"}},
		Signature:    &wxpaytest.Signature{Caller: "1900000109", Serial: "AB", Timestamp: "1", Nonce: "n", Expected: "POST\n/v3/edu-papay/transactions?x=1\n1\nn\n{}\n", Signed: "POST\n/v3/edu-papay/transactions\n1\nn\n{}\n", Reason: "the query is missing from the text that was signed", ReasonZh: "签名串缺少查询参数"},
		AnswerHeader: http.Header{"Content-Type": {"application/json"}}, Answer: `{"code":"SIGN_ERROR","message":"no"}`, RequestID: "08F0-268443699", Sensitive: map[string]string{"/phone": "138****0000"},
	})
	_, err := e.queue.Trigger(t.Context(), "TRANSACTION.SUCCESS", nil, "http://127.0.0.1:1/nowhere")
	require.NoError(t, err)
}

// serve listens for a test.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
