package emulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/security"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A sandbox is an emulator on a socket and a client that was set up from its folder.
type sandbox struct {
	*emulator.Emulator
	t    *testing.T
	base string
	dir  string
	env  map[string]string
}

func newSandbox(t *testing.T, c emulator.Config) *sandbox {
	t.Helper()
	s := &sandbox{t: t, dir: t.TempDir(), env: map[string]string{}}
	if c.Dir == "" {
		c.Dir = s.dir
	}
	var err error
	s.Emulator, err = emulator.New(c)
	require.NoError(t, err)
	listener, err := emulator.Listen(t.Context(), "127.0.0.1:0", false)
	require.NoError(t, err)
	s.base = emulator.BaseOf(listener)
	env, err := s.WriteEnv(s.base)
	require.NoError(t, err)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		s.env[name] = value
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	return s
}

// client is one that knows the environment alone.
func (s *sandbox) client() *wxpay.Client {
	s.t.Helper()
	config, err := wxpay.ConfigFrom(func(name string) string { return s.env[name] })
	require.NoError(s.t, err)
	config.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c, err := wxpay.New(config)
	require.NoError(s.t, err)
	return c
}

// api calls the API and decodes its answer.
func (s *sandbox) api(method, path, body string, header ...string) (status int, answer map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+emulator.Root+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	return s.checked(req)
}

// document is that of the API, and finds the operation of a request.
func document(t *testing.T, s *sandbox) (*openapi3.T, routers.Router) {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context(), openapi3.EnableExamplesValidation()))
	doc.Servers = openapi3.Servers{{URL: s.base + "/_emulator"}}
	router, err := gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return doc, router
}

// checked holds an answer to the document.
func (s *sandbox) checked(req *http.Request) (int, map[string]any) {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	var answer map[string]any
	require.NoError(s.t, json.Unmarshal(text, &answer), "%s", text)
	_, router := document(s.t, s)
	if route, vars, err := router.FindRoute(req); err == nil && resp.StatusCode != 421 && resp.StatusCode != 403 {
		input := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: vars, Route: route}, Status: resp.StatusCode, Header: resp.Header,
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}
		input.SetBodyBytes(text)
		assert.NoError(s.t, openapi3filter.ValidateResponse(s.t.Context(), input), "%s %s: %s", req.Method, req.URL, text)
	}
	return resp.StatusCode, answer
}

// What is in the folder is enough for a client, and the journal says what it sent.
func TestFirstCall(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, emulator.Config{})
	_, err := security.New(s.client()).Echo(t.Context(), security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "秘密"})
	require.NoError(t, err)
	_, answer := s.api("GET", "requests?route=POST+/v3/security/echo&limit=1", "")
	list := answer["requests"].([]any)
	require.Len(t, list, 1)
	x := list[0].(map[string]any)
	assert.Equal(t, []any{200.0, "ok", "echo", "security"}, []any{x["status"], x["verdict"], x["operation"], x["product"]})
	assert.Equal(t, true, x["signature"].(map[string]any)["ok"])
	assert.NotContains(t, x["header"].(map[string]any)["Authorization"], "signature=\"M")
	for name, mode := range map[string]os.FileMode{"apiclient_key.pem": 0o600, "env": 0o600, "seed": 0o600} {
		info, err := os.Stat(filepath.Join(s.dir, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
}

// A folder keeps its keys: a client that was set up yesterday works today.
func TestSameFolderSameKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := newSandbox(t, emulator.Config{Dir: dir})
	before, err := os.ReadFile(filepath.Join(dir, "apiclient_key.pem"))
	require.NoError(t, err)
	config, err := wxpay.ConfigFrom(func(name string) string { return first.env[name] })
	require.NoError(t, err)
	_, err = emulator.New(emulator.Config{Dir: dir})
	assert.ErrorContains(t, err, "used by another emulator")
	require.NoError(t, first.Close())
	second := newSandbox(t, emulator.Config{Dir: dir})
	after, err := os.ReadFile(filepath.Join(dir, "apiclient_key.pem"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
	config.BaseURL = second.base
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = security.New(client).Echo(t.Context(), security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "x"})
	assert.NoError(t, err)
	other := newSandbox(t, emulator.Config{})
	key, err := os.ReadFile(filepath.Join(other.dir, "apiclient_key.pem"))
	require.NoError(t, err)
	assert.NotEqual(t, before, key)
}

// A folder that holds somebody's keys is not written to.
func TestRealKeysStay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"apiclient_key.pem", "apiclient_cert.pem", "pub_key.pem", "env"} {
		for _, seed := range []string{"", "s"} {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o600))
			_, err := emulator.New(emulator.Config{Dir: dir, Fake: wxpaytest.Options{Seed: seed}})
			assert.ErrorContains(t, err, "no emulator wrote")
			text, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, "precious", string(text))
		}
	}
}

// Every path of the API does what its document says, and the document names every path.
func TestAPI(t *testing.T) {
	t.Parallel()
	taken := make(chan string, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken <- r.URL.Path
		w.WriteHeader(204)
	}))
	t.Cleanup(shop.Close)
	s := newSandbox(t, emulator.Config{ForwardTo: shop.URL})
	doc, _ := document(t, s)
	seen := map[string]bool{}
	call := func(want int, method, path, body string) map[string]any {
		t.Helper()
		status, answer := s.api(method, path, body)
		require.Equal(t, want, status, "%s %s: %v", method, path, answer)
		route, _, _ := strings.Cut("/"+path, "?")
		for name := range doc.Paths.Map() {
			pattern := name
			for _, v := range []string{"{number}", "{id}", "{name}"} {
				pattern = strings.ReplaceAll(pattern, v, "*")
			}
			if ok, _ := filepath.Match(pattern, route); ok {
				seen[method+" "+name] = true
			}
		}
		return answer
	}
	assert.Equal(t, s.base, call(200, "GET", "", "")["base_url"])
	assert.Equal(t, "3.1.0", call(200, "GET", "openapi.json", "")["openapi"])

	assert.NotEmpty(t, call(200, "GET", "actions", "")["actions"])
	card := call(200, "POST", "actions/add-card", `{"code_mode":"SYSTEM_ALLOCATE","card_id":"card-1"}`)
	assert.Equal(t, "card-1", card["result"])
	call(404, "POST", "actions/no-such", "{}")
	call(400, "POST", "actions/add-card", `{"code_mode":"ODD"}`)
	assert.Contains(t, call(400, "POST", "actions/add-card", `{"code_mod":"SYSTEM_ALLOCATE"}`)["error"], "code_mode, card_id, old")
	assert.Contains(t, mustJSON(t, call(200, "GET", "state", "")), `"card_id":"card-1"`)

	call(400, "POST", "faults", `{"name":"no-such"}`)
	call(400, "POST", "faults", `{"nam":"429"}`)
	call(400, "POST", "faults", `{"name":"dns"}`)
	call(400, "POST", "faults", `{"fault":"429*x"}`)
	chance := mustJSON(t, call(200, "POST", "faults", `{"fault":"slow=1ms*3%50","tag":"u"}`)["id"])
	planned := call(200, "GET", "faults", "")["faults"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{"slow=1ms", 3.0, 0.5}, []any{planned["name"], planned["times"], planned["probability"]})
	call(200, "DELETE", "faults/"+chance, "")
	id := call(200, "POST", "faults", `{"name":"429","route":"POST /v3/security/echo","tag":"t"}`)["id"]
	faults := call(200, "GET", "faults?route=POST+/v3/security/echo", "")
	assert.Equal(t, []any{"429"}, faults["unused"])
	assert.Equal(t, id, faults["faults"].([]any)[0].(map[string]any)["id"])
	call(200, "DELETE", "faults/"+mustJSON(t, id), "")
	call(404, "DELETE", "faults/"+mustJSON(t, id), "")
	call(200, "POST", "faults", `{"name":"500","times":-1}`)
	call(200, "DELETE", "faults", "")
	assert.Empty(t, call(200, "GET", "faults", "")["unused"])

	_, err := membercard.New(s.client()).GetCard(t.Context(), membercard.GetCardParams{CardID: "card-1"})
	require.NoError(t, err)
	one := call(200, "GET", "requests?product=membercard&wait=1s", "")["requests"].([]any)[0].(map[string]any)
	number := mustJSON(t, one["number"])
	assert.Equal(t, one, call(200, "GET", "requests/"+number, ""))
	again := call(200, "POST", "requests/"+number+"/replay", "")
	assert.Equal(t, []any{one["number"], 200.0, one["uri"]}, []any{again["repeats"], again["status"], again["uri"]})
	call(404, "GET", "requests/999", "")
	call(404, "POST", "requests/999/replay", "")
	call(400, "GET", "requests?tagg=x", "")
	call(400, "GET", "requests?limit=x", "")
	call(400, "GET", "requests?outcome=odd", "")
	assert.Equal(t, 2.0, call(200, "DELETE", "requests?product=membercard", "")["deleted"])

	call(200, "POST", "events/hold", "")
	event := call(200, "POST", "events", `{"type":"ENTRUST.SIGNING","url":"https://shop.example/n"}`)["id"].(string)
	held := call(200, "GET", "events?state=held&wait=10s", "")
	assert.Equal(t, event, held["events"].([]any)[0].(map[string]any)["id"])
	assert.Equal(t, true, held["held"])
	call(200, "POST", "events/twice", `{"on":true}`)
	call(200, "POST", "events/twice", `{"on":false}`)
	call(200, "POST", "events/release", `{"reverse":true}`)
	assert.Equal(t, "/n", <-taken)
	call(200, "GET", "events?type=ENTRUST.SIGNING&state=delivered&wait=10s", "")
	attempts := call(200, "POST", "events/"+event+"/resend", `{"variant":"forged"}`)["attempts"].([]any)
	assert.Contains(t, attempts[1].(map[string]any)["why"], "the receiver must refuse it")
	assert.Equal(t, event, call(200, "GET", "events/"+event, "")["id"])
	call(404, "GET", "events/EV-1", "")
	call(404, "POST", "events/EV-1/resend", "")
	call(400, "POST", "events/"+event+"/resend", `{"variant":"odd"}`)
	call(400, "POST", "events", `{"type":"NO.SUCH"}`)
	call(400, "POST", "events", `[]`)
	call(400, "GET", "events?odd=1", "")

	call(400, "POST", "reset", `{"what":"odd"}`)
	call(200, "POST", "reset", `{"what":"state"}`)
	assert.NotContains(t, mustJSON(t, call(200, "GET", "state", "")), `card-1`)
	assert.Empty(t, call(200, "GET", "events", "")["events"])
	call(200, "POST", "reset", "")
	assert.Empty(t, call(200, "GET", "requests", "")["requests"])
	call(404, "GET", "no-such", "")
	call(405, "PATCH", "state", "")
	call(405, "GET", "reset", "")
	call(400, "GET", "events?state=odd", "")
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			assert.True(t, seen[method+" "+path], "%s %s was not called", method, path)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// Page and API answer under names of this machine, and nothing that a page of another origin sends; the platform
// answers anyone whose signature is right.
func TestGuard(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, emulator.Config{Hosts: []string{"wxpay"}})
	port := s.base[strings.LastIndex(s.base, ":"):]
	for _, path := range []string{"/_emulator/", "/_emulator/state", "/_inspector/", "/_inspector/faults", "/"} {
		for host, want := range map[string]bool{
			"127.0.0.1" + port: true, "localhost" + port: true, "[::1]" + port: true, "wxpay" + port: true, "WXPAY": true, "127.8.9.1": true,
			"evil.example": false, "evil.example" + port: false, "localhost.evil.example": false, "192.168.1.7" + port: false, "127.0.0.1.nip.io": false, "": false,
		} {
			req := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			req.Host = host
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			assert.Equal(t, want, w.Code == 200 || w.Code == 303, "%s under %q: %d", path, host, w.Code)
		}
	}
	for name, test := range map[string]struct {
		header [2]string
		want   int
	}{
		"program":     {[2]string{}, 200},
		"own page":    {[2]string{"Sec-Fetch-Site", "same-origin"}, 200},
		"other site":  {[2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"other port":  {[2]string{"Sec-Fetch-Site", "same-site"}, 403},
		"other":       {[2]string{"Origin", "http://evil.example"}, 403},
		"null origin": {[2]string{"Origin", "null"}, 403},
		"own origin":  {[2]string{"Origin", s.base}, 200},
		"navigation":  {[2]string{"Sec-Fetch-Site", "none"}, 200},
	} {
		var header []string
		if test.header[0] != "" {
			header = test.header[:]
		}
		status, _ := s.api("POST", "events/hold", "", header...)
		assert.Equal(t, test.want, status, name)
	}
}

// https has a root of its own that clients can be given, and is right for the platform's names too.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := emulator.New(emulator.Config{Dir: dir, Hosts: []string{"wxpay"}})
	require.NoError(t, err)
	plain, err := emulator.Listen(t.Context(), "127.0.0.1:0", false)
	require.NoError(t, err)
	listener, err := e.TLS(plain)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(emulator.BaseOf(listener), "https://127.0.0.1:"))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, listener) }()
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	root, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(root))
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, plain.Addr().String())
		},
	}}
	for _, host := range []string{"127.0.0.1", "localhost", "wxpay", "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"} {
		resp, err := client.Get("https://" + host + "/v3/certificates")
		require.NoError(t, err, host)
		_ = resp.Body.Close()
		assert.Equal(t, 401, resp.StatusCode, host)
	}
	_, err = client.Get("https://evil.example/")
	assert.ErrorContains(t, err, "certificate")
}

func TestListen(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.168.0.1:0", "example.com:0"} {
		_, err := emulator.Listen(t.Context(), address, false)
		assert.ErrorIs(t, err, emulator.ErrNotLoopback, address)
	}
	_, err := emulator.Listen(t.Context(), "8089", false)
	assert.ErrorContains(t, err, "127.0.0.1:8089")
	l, err := emulator.Listen(t.Context(), "0.0.0.0:0", true)
	require.NoError(t, err)
	defer l.Close()
	assert.True(t, strings.HasPrefix(emulator.BaseOf(l), "http://127.0.0.1:"))
	_, err = emulator.Listen(t.Context(), l.Addr().String(), true)
	assert.Error(t, err, "in use")
}

// A debit goes its whole way: what happens is told to the address that the call names, and the page of the event knows
// the call.
func TestNotificationsOfCalls(t *testing.T) {
	t.Parallel()
	heard := make(chan []byte, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		heard <- text
		w.WriteHeader(204)
	}))
	t.Cleanup(shop.Close)
	s := newSandbox(t, emulator.Config{Start: []emulator.Step{
		{Action: "add-contracts", Args: map[string]string{"openid": "o1", "appid": "wx1", "plan_id": "p1", "count": "1"}},
	}})
	service := edupapay.New(s.client())
	var contract string
	for c, err := range service.AllUserContracts(t.Context(), edupapay.ListUserContractsParams{OpenID: "o1", AppID: "wx1", PlanID: "p1"}) {
		require.NoError(t, err)
		contract = c.ContractInformation.ContractID
	}
	require.NoError(t, service.SendDebitNotice(t.Context(), edupapay.SendDebitNoticeParams{ContractID: contract, AppID: "wx1"}))
	_, err := s.Do(t.Context(), emulator.Step{Action: "advance", Args: map[string]string{"duration": "48h"}})
	require.NoError(t, err)
	require.NoError(t, service.CreateTransaction(t.Context(), edupapay.CreateTransactionParams{
		AppID: "wx1", Body: "lessons", OutTradeNo: "1", NotifyURL: shop.URL + "/n", ContractID: contract, Amount: edupapay.DebitAmount{Total: 1},
		DeviceInformation: edupapay.DeviceInformation{DeviceIP: "203.0.113.7"},
	}))
	assert.Contains(t, string(<-heard), "TRANSACTION.SUCCESS")
	_, answer := s.api("GET", "events?state=delivered&wait=10s", "")
	event := answer["events"].([]any)[0].(map[string]any)
	_, answer = s.api("GET", "requests/"+mustJSON(t, event["cause"]), "")
	assert.Equal(t, "createTransaction", answer["operation"])
	assert.Equal(t, []any{event["id"]}, answer["events"])
}

func TestReadStart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"- add-card: {code_mode: SYSTEM_ALLOCATE, card_id: 007}\n- advance: {duration: 1h}\n":                                 nil,
		`[{"add-card":{"code_mode":"SYSTEM_ALLOCATE"}},{"add-contracts":{"openid":"o","appid":"a","plan_id":"p","count":2}}]`: nil,
		"":                              nil,
		"add-card: {}":                  "is not a list of actions",
		"- add-card":                    "is not a list of actions",
		"- {a: {}, b: {}}":              "entry 1 is not one action",
		"- add-card: {code_mode: [1]}":  "code_mode of add-card is a list",
		"- no-such: {}":                 "there are add-card",
		"- add-card: {mode: x}":         "has no argument \"mode\"",
		"- add-card: {code_mode: NONE}": "entry 1",
		"- add-card: {code_mode: SYSTEM_ALLOCATE, card_id: x}\n- add-card: {code_mode: SYSTEM_ALLOCATE, card_id: x}": "entry 2",
	} {
		path := filepath.Join(t.TempDir(), "start.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		steps, err := emulator.ReadStart(path)
		if err == nil {
			var e *emulator.Emulator
			if e, err = emulator.New(emulator.Config{Start: steps}); err == nil {
				assert.NoError(t, e.Close())
			}
		}
		if want == nil {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, want.(string), text)
	}
	_, err := emulator.ReadStart(filepath.Join(t.TempDir(), "no"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A request may be one that the emulator cannot send again, and says so.
func TestReplayWithoutBody(t *testing.T) {
	t.Parallel()
	s := newSandbox(t, emulator.Config{})
	for range 10 {
		resp, err := http.Post(s.base+"/v3/security/echo", "application/json", bytes.NewReader(make([]byte, 1<<20)))
		require.NoError(t, err)
		_ = resp.Body.Close()
	}
	_, err := s.Replay(t.Context(), 1)
	assert.ErrorContains(t, err, "no longer kept")
	number, err := s.Replay(t.Context(), 10)
	require.NoError(t, err)
	x, ok := s.Journal().Get(number)
	require.True(t, ok)
	assert.Equal(t, 10, x.Repeats)
	assert.True(t, x.Signature.OK, "it is signed anew, whatever it was")
}

// The state outlives the emulator, also one that died in the middle of a line; a second emulator cannot have the same
// file at the same time, and a reset forgets.
func TestStateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := emulator.Config{Dir: dir, State: filepath.Join(dir, "state"), Start: []emulator.Step{{Action: "add-card", Args: map[string]string{"code_mode": "SYSTEM_ALLOCATE", "card_id": "card-1"}}}}
	open := func() *emulator.Emulator {
		t.Helper()
		e, err := emulator.New(c)
		require.NoError(t, err)
		return e
	}
	state := func(e *emulator.Emulator) string { return mustJSON(t, e.Fake().State()) }
	first := open()
	_, err := first.Do(t.Context(), emulator.Step{Action: "take-card", Args: map[string]string{"card_id": "card-1", "openid": "o1"}})
	require.NoError(t, err)
	before := state(first)
	_, err = emulator.New(c)
	assert.ErrorContains(t, err, "used by another emulator")
	require.NoError(t, first.Close())

	f, err := os.OpenFile(c.State, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"half":`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	second := open()
	assert.Equal(t, before, state(second))
	require.Len(t, second.Fake().Pending(), 1, "what was not sent is still to be sent")
	_, err = second.Do(t.Context(), emulator.Step{Action: "take-card", Args: map[string]string{"card_id": "card-1", "openid": "o2"}})
	require.NoError(t, err)
	before = state(second)
	require.NoError(t, second.Close())

	third := open()
	assert.Equal(t, before, state(third))
	old := third.Fake() // that of a call which is on its way
	require.NoError(t, third.Reset(emulator.ResetState))
	old.Advance(time.Hour)
	fresh := state(third)
	assert.NotContains(t, fresh, "o2")
	assert.Contains(t, fresh, "card-1", "what exists at the start is there again")
	require.NoError(t, third.Close())
	fourth := open()
	assert.Equal(t, fresh, state(fourth))
	assert.Zero(t, fourth.Fake().Ahead())
	require.NoError(t, fourth.Close())
	info, err := os.Stat(c.State)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(c.State, []byte("nonsense\n{}\n"), 0o600))
	_, err = emulator.New(c)
	assert.ErrorContains(t, err, "line 1")
}
