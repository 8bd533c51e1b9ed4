package wxpaytest_test

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tasks = "/v3/marketing/bank/packages/8473295/tasks"

func TestSignaturesAreChecked(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	const echo = "/v3/security/echo"
	body := []byte(`{"echo_message":"hello"}`)
	for name, test := range map[string]struct {
		change func(*http.Request)
		says   string
	}{
		"none":            {func(r *http.Request) { r.Header.Del("Authorization") }, "one header Authorization"},
		"two":             {func(r *http.Request) { r.Header.Add("Authorization", "x") }, "one header Authorization"},
		"scheme":          {replace("WECHATPAY2-SHA256-RSA2048", "WECHATPAY2-SM2-WITH-SM3"), "scheme"},
		"mchid":           {replace(wxpaytest.MchID, "1900000110"), "mchid is not"},
		"serial":          {replace(wxpaytest.SerialNo, "00"), "serial_no is not"},
		"missing":         {replace("nonce_str=", "nonce="), "lacks nonce_str"},
		"unquoted":        {replace(`mchid="`+wxpaytest.MchID+`"`, "mchid="+wxpaytest.MchID), "not as name="},
		"twice":           {replace(`mchid="`, `mchid="1",mchid="`), "twice"},
		"more":            {replace(`mchid="`, `x="1",mchid="`), "should not"},
		"not base64":      {replace(`signature="`, `signature="!`), "not base64"},
		"time":            {replace(`timestamp="`, `timestamp="x`), "not a number"},
		"old":             {replace(`timestamp="`, `timestamp="1`), "more than 5 minutes"},
		"no body":         {func(r *http.Request) { r.Header.Set("Authorization", h.authorize("POST", echo, nil)) }, "body was left out"},
		"line feed":       {func(r *http.Request) { r.Header.Set("Authorization", h.authorize("POST", echo, append(body, '\n'))) }, "line feed"},
		"lower case":      {func(r *http.Request) { r.Header.Set("Authorization", h.authorize("post", echo, body)) }, "lower case"},
		"whole address":   {func(r *http.Request) { r.Header.Set("Authorization", h.authorize("POST", host+echo, body)) }, "whole address"},
		"something other": {func(r *http.Request) { r.Header.Set("Authorization", h.authorize("POST", "/v3/other", body)) }, "private key"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			req := h.request(t.Context(), "POST", echo, body)
			test.change(req)
			status, answer := h.do(req)
			assert.Equal(t, 401, status)
			assert.Equal(t, "SIGN_ERROR", answer["code"])
			assert.Contains(t, answer["message"], test.says)
		})
	}
	last := h.server.Requests()
	for _, r := range last {
		assert.Equal(t, 401, r.Status)
		assert.True(t, strings.HasSuffix(r.RequestID, "-268443699"), r.RequestID)
		assert.Empty(t, r.Checks)
	}
}

func replace(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
}

// The message has the text to sign, with a hash in place of the body, so that the two sides can be compared.
func TestSignErrorShowsTheText(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	uri := tasks + "?limit=5&filename=active+user.csv"
	req := h.request(t.Context(), "GET", uri, nil)
	req.Header.Set("Authorization", h.authorize("GET", tasks, nil))
	_, answer := h.do(req)
	assert.Contains(t, answer["message"], "the query was left out of the signed text")
	assert.Contains(t, answer["message"], `"GET\n`+uri+`\n`)
	assert.Contains(t, answer["message"], "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

	meta := []byte(`{"filename":"a.csv","sha256":"` + strings.Repeat("0", 64) + `","bank_type":"ICBC_DEBIT"}`)
	req = h.uploadMeta("8473295", meta, "a.csv", "x\n")
	body, err := req.GetBody()
	require.NoError(t, err)
	whole, err := io.ReadAll(body)
	require.NoError(t, err)
	req.Header.Set("Authorization", h.authorize("POST", tasks, whole))
	_, answer = h.do(req)
	assert.Contains(t, answer["message"], "the whole form was signed instead of its meta alone")
}

// The text to sign ends with a line feed for the body, also where there is none. What comes of leaving it
// out, and of other slips with a request that has no body, is told.
func TestSlipsWithAnEmptyBody(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for name, test := range map[string]struct {
		method, uri, body, end, says string
	}{
		"no line feed for the empty body": {"GET", tasks, "", "\n", "the line feed of the empty body was left out"},
		"no line feed at the end at all":  {"GET", tasks, "", "", "line feeds at the end were left out"},
		"a POST without body":             {"POST", "/v3/marketing/membercard-activity/activities/1/terminate", "", "\n", "the line feed of the empty body was left out"},
		"an empty object":                 {"GET", tasks, "", "\n{}\n", "{} was signed"},
		"no line feed after a body":       {"POST", "/v3/security/echo", `{"echo_message":"a"}`, "\n" + `{"echo_message":"a"}`, "the line feed after the body was left out"},
		"a body that ends in one":         {"POST", "/v3/security/echo", "{}\n", "\n{}\n", "the line feed after the body was left out"},
		"right":                           {"GET", tasks, "", "\n\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			req := h.request(t.Context(), test.method, test.uri, []byte(test.body))
			req.Header.Set("Authorization", h.authorizeText(test.method+"\n"+test.uri+"\nTIME\nNONCE"+test.end))
			status, answer := h.do(req)
			if test.says == "" {
				assert.Equal(t, 200, status)
				return
			}
			assert.Equal(t, 401, status)
			assert.Contains(t, answer["message"], test.says)
		})
	}
	req := h.request(t.Context(), "GET", tasks, nil)
	req.Header.Set("Authorization", h.authorizeText("GET\r\n"+tasks+"\r\nTIME\r\nNONCE\r\n\r\n"))
	_, answer := h.do(req)
	assert.Contains(t, answer["message"], "carriage return")
}

// A nonce is for one request. The very same request may come again, as from a transport that sends it
// twice over a connection that broke.
func TestNonceOnce(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	req := h.request(t.Context(), "GET", tasks, nil)
	req.Header.Set("Authorization", h.authorizeAs("0123456789abcdef0123456789abcdef", "GET", tasks, nil))
	for range 2 {
		status, _ := h.do(req)
		assert.Equal(t, 200, status)
	}
	other := h.request(t.Context(), "GET", tasks+"?limit=5", nil)
	other.Header.Set("Authorization", h.authorizeAs("0123456789abcdef0123456789abcdef", "GET", tasks+"?limit=5", nil))
	status, answer := h.do(other)
	assert.Equal(t, 401, status)
	assert.Contains(t, answer["message"], "nonce_str was used before")
}

// Nonces are remembered for as long as their timestamps are taken, and not for ever.
func TestNoncesAgeOut(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	synctest.Test(t, func(t *testing.T) {
		first := h.request(t.Context(), "GET", tasks, nil)
		first.Header.Set("Authorization", h.authorizeAs("N", "GET", tasks, nil))
		status, _ := h.do(first)
		assert.Equal(t, 200, status)
		time.Sleep(299 * time.Second)
		again := h.request(t.Context(), "GET", tasks, nil)
		again.Header.Set("Authorization", h.authorizeAs("N", "GET", tasks, nil))
		_, answer := h.do(again)
		assert.Contains(t, answer["message"], "used before")
		time.Sleep(2 * time.Second)
		_, answer = h.do(first)
		assert.Contains(t, answer["message"], "more than 5 minutes")
	})
}

func TestWhatAnyCallMustHave(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	const echo = "/v3/security/echo"
	for name, test := range map[string]struct {
		method, uri, body string
		change            func(*http.Request)
		status            int
		code, field, says string
	}{
		"no platform key":   {"GET", tasks, "", func(r *http.Request) { r.Header.Del("Wechatpay-Serial") }, 200, "", "", ""},
		"unknown key":       {"GET", tasks, "", func(r *http.Request) { r.Header.Set("Wechatpay-Serial", "1") }, 400, "PARAM_ERROR", "Wechatpay-Serial", "names no key"},
		"accept":            {"GET", tasks, "", func(r *http.Request) { r.Header.Set("Accept", "text/html") }, 400, "PARAM_ERROR", "Accept", "does not take"},
		"content type":      {"POST", echo, `{"echo_message":"a"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400, "PARAM_ERROR", "Content-Type", "not application/json"},
		"not JSON":          {"POST", echo, `{"echo_message":`, nil, 400, "PARAM_ERROR", "", "not JSON"},
		"two values":        {"POST", echo, `{"echo_message":"a"}{}`, nil, 400, "PARAM_ERROR", "", "more than one"},
		"list":              {"POST", echo, `[]`, nil, 400, "PARAM_ERROR", "", "not a JSON object"},
		"not UTF-8":         {"POST", echo, "{\"echo_message\":\"\xff\"}", nil, 400, "PARAM_ERROR", "", "not UTF-8"},
		"emoji":             {"POST", echo, `{"echo_message":"😀"}`, nil, 400, "PARAM_ERROR", "/echo_message", "four bytes"},
		"escaped emoji":     {"POST", echo, `{"echo_message":"\ud83d\ude00"}`, nil, 400, "PARAM_ERROR", "/echo_message", "four bytes"},
		"null":              {"POST", echo, `{"echo_message":"a","notify_url":null}`, nil, 400, "PARAM_ERROR", "/notify_url", "null"},
		"twice":             {"POST", echo, `{"echo_message":"a","echo_message":"b"}`, nil, 400, "PARAM_ERROR", "/echo_message", "twice"},
		"unknown member":    {"POST", echo, `{"echo_message":"a","more":1}`, nil, 400, "PARAM_ERROR", "/more", "not a member"},
		"missing member":    {"POST", echo, `{}`, nil, 400, "PARAM_ERROR", "/echo_message", "required"},
		"wrong type":        {"POST", echo, `{"echo_message":1}`, nil, 400, "PARAM_ERROR", "/echo_message", "not text"},
		"ciphertext":        {"POST", echo, `{"echo_message":"a","encrypted_echo_message":"AAAA"}`, nil, 400, "PARAM_ERROR", "/encrypted_echo_message", "does not decrypt"},
		"callback":          {"POST", echo, `{"echo_message":"a","notify_url":"https://a.example/?b=1"}`, nil, 400, "PARAM_ERROR", "/notify_url", "without query"},
		"body where none":   {"GET", tasks, `{}`, nil, 400, "PARAM_ERROR", "", "must be empty"},
		"query":             {"GET", tasks + "?more=1", "", nil, 400, "PARAM_ERROR", "/more", "not a member"},
		"query twice":       {"GET", tasks + "?limit=1&limit=2", "", nil, 400, "PARAM_ERROR", "/limit", "more than once"},
		"limit":             {"GET", tasks + "?limit=21", "", nil, 400, "PARAM_ERROR", "/limit", "out of range"},
		"an empty page":     {"GET", tasks + "?limit=0", "", nil, 400, "PARAM_ERROR", "/limit", "out of range"},
		"before the first":  {"GET", activities + "?activity_type=MEMBER_AFTERPAY&offset=-1", "", nil, 400, "PARAM_ERROR", "/offset", "out of range"},
		"not a number":      {"GET", tasks + "?limit=ten", "", nil, 400, "PARAM_ERROR", "/limit", "not an integer"},
		"enumeration":       {"GET", tasks + "?status=DONE", "", nil, 400, "PARAM_ERROR", "/status", "none of"},
		"path":              {"GET", "/v3/marketing/bank/packages/123/tasks", "", nil, 400, "PARAM_ERROR", "/package_id", "3 characters"},
		"no such call":      {"GET", "/v3/nowhere", "", nil, 404, "NOT_FOUND", "", "no such call"},
		"no such method":    {"DELETE", tasks, "", nil, 405, "INVALID_REQUEST", "", "method"},
		"no certificates":   {"GET", "/v3/certificates", "", nil, 404, "RESOURCE_NOT_EXISTS", "", "public key"},
		"slash in variable": {"GET", "/v3/marketing/bank/packages/84%2F73295/tasks", "", nil, 200, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			req := h.request(t.Context(), test.method, test.uri, []byte(test.body))
			if test.change != nil {
				test.change(req)
			}
			status, answer := h.do(req)
			assert.Equal(t, test.status, status, answer)
			if test.code == "" {
				return
			}
			assert.Equal(t, test.code, answer["code"])
			assert.Contains(t, answer["message"], test.says)
			if detail, ok := answer["detail"].(m); ok && test.field != "" {
				assert.Equal(t, test.field, detail["field"])
				assert.Contains(t, []any{"body", "header", "query", "path"}, detail["location"])
			}
		})
	}
}

func TestTransportReadsAndClosesTheBody(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for name, test := range map[string]struct {
		length int64
		body   io.Reader
		says   string
	}{
		"too long":  {3, strings.NewReader("four"), "ContentLength=3 with Body length 4"},
		"too short": {5, strings.NewReader("four"), "ContentLength=5 with Body length 4"},
		"broken":    {4, io.MultiReader(strings.NewReader("fo"), failing{}), "file changed"},
	} {
		t.Run(name, func(t *testing.T) {
			body := &watched{Reader: test.body}
			req := h.request(t.Context(), "POST", "/v3/security/echo", nil)
			req.Body, req.ContentLength = body, test.length
			_, err := h.server.RoundTrip(req)
			require.ErrorContains(t, err, test.says)
			assert.True(t, body.closed)
		})
	}
	ctxs := h.request(t.Context(), "GET", tasks, nil)
	ctxs.URL.Host = "elsewhere.example"
	_, err := h.server.RoundTrip(ctxs)
	var dns *net.DNSError
	assert.ErrorAs(t, err, &dns)
	for _, r := range h.server.Requests() {
		assert.Zero(t, r.Status)
	}
}

type watched struct {
	io.Reader
	closed bool
}

func (w *watched) Close() error { w.closed = true; return nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("file changed") }

func TestModes(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]wxpaytest.Mode{"public key": wxpaytest.PublicKey, "certificates": wxpaytest.Certificates, "both": wxpaytest.Both} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t, wxpaytest.Options{Mode: mode})
			h.ok("GET", tasks, nil)
			switch mode {
			case wxpaytest.PublicKey:
				_, err := h.server.RotateCertificate()
				assert.Error(t, err)
			case wxpaytest.Both: // the answer follows the request
				assert.Equal(t, wxpaytest.PublicKeyID, h.serial)
				assert.Len(t, h.certificates(), 1)
				h.useCertificate()
				h.ok("GET", tasks, nil)
			}
			_, err := wxpay.Do[m](t.Context(), h.server.Client(), wxpay.Call{Route: "GET /v3/marketing/bank/packages/{package_id}/tasks", Vars: wxpay.Vars{"package_id": "8473295"}})
			assert.NoError(t, err)
		})
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Mode: wxpaytest.Certificates})
	old, oldKey := h.serial, h.public
	for range 5 { // more than there are keys made in advance
		serial, err := h.server.RotateCertificate()
		require.NoError(t, err)
		assert.Len(t, serial, 40)
		assert.NotEqual(t, old, serial)
	}
	// What was encrypted for the old certificate still opens; the answer is signed by the new one.
	body := []byte(`{"echo_message":"a","encrypted_echo_message":"` + h.encrypt("秘密") + `"}`)
	resp, err := h.server.RoundTrip(h.request(t.Context(), "POST", "/v3/security/echo", body))
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Error(t, verify(oldKey, resp.Header, answer))
	h.public = nil // the next answer cannot be verified before it is opened
	all := h.certificates()
	assert.Len(t, all, 6)
	now := all[resp.Header.Get("Wechatpay-Serial")]
	require.NotNil(t, now)
	assert.NoError(t, verify(now.PublicKey.(*rsa.PublicKey), resp.Header, answer))
}

func TestWriteKeys(t *testing.T) {
	s := wxpaytest.New(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apiclient_key.pem"), nil, 0o644))
	env, err := s.WriteKeys(dir)
	require.NoError(t, err)
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	config, err := wxpay.ConfigFromEnv()
	require.NoError(t, err)
	config.HTTPClient = &http.Client{Transport: s}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[m](t.Context(), client, wxpay.Call{Route: "GET /v3/marketing/bank/packages/{package_id}/tasks", Vars: wxpay.Vars{"package_id": "8473295"}})
	require.NoError(t, err)
	assert.Equal(t, wxpaytest.TPNSAccessID, os.Getenv("TPNS_ACCESS_ID"))
	assert.Equal(t, wxpaytest.TPNSSecretKey, os.Getenv("TPNS_SECRET_KEY"))
	_, err = s.WriteKeys(filepath.Join(dir, "missing"))
	assert.Error(t, err)

	env, err = wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Certificates}).WriteKeys(dir)
	require.NoError(t, err)
	assert.NotContains(t, strings.Join(env, " "), "PUBLIC_KEY")
}

func TestSocket(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	socket := httptest.NewServer(h.server)
	defer socket.Close()
	req := h.request(t.Context(), "POST", "/v3/security/echo", []byte(`{"echo_message":"你好"}`))
	req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(socket.URL, "http://")
	resp, err := socket.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.JSONEq(t, `{"echo_message":"你好"}`, string(body))
	assert.NoError(t, verify(h.public, resp.Header, body))
}

func TestJournal(t *testing.T) {
	t.Parallel()
	var seen []wxpaytest.Request
	h := newMerchant(t, wxpaytest.Options{Journal: 3, Observe: func(r wxpaytest.Request) { seen = append(seen, r) }})
	body := m{"echo_message": "a", "encrypted_echo_message": h.encrypt("13800000000")}
	h.ok("POST", "/v3/security/echo", body)
	h.refused(400, "PARAM_ERROR", "POST", "/v3/security/echo", m{})
	last := h.server.Requests()
	require.Len(t, last, 2)
	r := last[0]
	assert.Equal(t, 1, r.Number)
	assert.Equal(t, "POST", r.Method)
	assert.Equal(t, "api.mch.weixin.qq.com", r.Host)
	assert.Equal(t, "/v3/security/echo", r.URI)
	assert.Equal(t, "POST /v3/security/echo", r.Route)
	assert.Equal(t, 200, r.Status)
	assert.Equal(t, "ok", r.Verdict)
	assert.Equal(t, []string{"signature", "Wechatpay-Serial", "query", "body"}, r.Checks)
	assert.Equal(t, map[string]string{"encrypted_echo_message": "138****0000"}, r.Sensitive)
	assert.NotContains(t, r.Body+r.Answer, "13800000000")
	assert.Equal(t, "PARAM_ERROR", last[1].Code)
	assert.Contains(t, last[1].Verdict, "/echo_message is required")
	for range 3 {
		h.ok("GET", tasks, nil)
	}
	last = h.server.Requests()
	require.Len(t, last, 3)
	assert.Equal(t, []int{3, 4, 5}, []int{last[0].Number, last[1].Number, last[2].Number})
	assert.Len(t, seen, 5)
}

// The same requests get the same numbers in every run.
func TestNumbersAreDeterministic(t *testing.T) {
	t.Parallel()
	run := func() string {
		h := newMerchant(t)
		card := h.server.AddCard("SYSTEM_ALLOCATE")
		code := h.ok("POST", "/v3/marketing/membercard-open/cards/"+card+"/users/import", m{"openid": "o1", "out_request_no": "n1"})
		return card + code["code"].(string) + h.server.Requests()[0].RequestID + strings.Join(h.server.AddContracts("o", "wx1", "p", 2), "")
	}
	assert.Equal(t, run(), run())
}

func TestUploadsAreChecked(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	meta := func(name string) string {
		return `{"filename":"` + name + `","sha256":"` + strings.Repeat("0", 64) + `","bank_type":"ICBC_DEBIT"}`
	}
	metaPart := [4]string{"meta", "", "application/json", meta("a.csv")}
	filePart := [4]string{"file", "a.csv", "text/csv", "x\n"}
	for name, test := range map[string]struct {
		parts [][4]string
		says  string
	}{
		"two metas":        {[][4]string{metaPart, metaPart, filePart}, "/meta is not the part expected here"},
		"another part":     {[][4]string{metaPart, {"note", "", "text/plain", "x"}, filePart}, "/note is not the part expected here"},
		"no meta":          {[][4]string{filePart}, "/meta is missing"},
		"no file":          {[][4]string{metaPart}, "/file is missing"},
		"three":            {[][4]string{metaPart, filePart, filePart}, "not the part expected"},
		"meta with a name": {[][4]string{{"meta", "m.json", "application/json", meta("a.csv")}, filePart}, "file name"},
		"file without":     {[][4]string{metaPart, {"file", "", "text/csv", "x\n"}}, "file name"},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			body, kind := form(t, test.parts...)
			req := h.request(t.Context(), "POST", tasks, body)
			req.Header.Set("Content-Type", kind)
			req.Header.Set("Authorization", h.authorize("POST", tasks, []byte(meta("a.csv"))))
			status, answer := h.do(req)
			assert.Equal(t, 400, status)
			assert.Contains(t, answer["message"], test.says)
		})
	}
	req := h.request(t.Context(), "POST", tasks, []byte("x"))
	_, answer := h.do(req)
	assert.Contains(t, answer["message"], "multipart/form-data with a boundary")
	req = h.request(t.Context(), "POST", tasks, []byte("--b\r\nbroken"))
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	status, _ := h.do(req)
	assert.Equal(t, 400, status)
}

func TestLargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	status, answer := h.do(h.request(t.Context(), "POST", "/v3/security/echo", bytes.Repeat([]byte(" "), 1<<20+1)))
	assert.Equal(t, 400, status)
	assert.Contains(t, answer["message"], "too large")
}

// One server serves many goroutines.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Mode: wxpaytest.Both, Journal: 10})
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				call := wxpay.Call{
					Route: "POST /v3/marketing/membercard-open/cards/{card_id}/users/import", Vars: wxpay.Vars{"card_id": card},
					Body: m{"openid": fmt.Sprint(i, "-", j), "out_request_no": fmt.Sprint(i, "-", j)},
				}
				_, err := wxpay.Do[m](t.Context(), h.server.Client(), call)
				assert.NoError(t, err)
				_, err = wxpay.Do[m](t.Context(), h.server.Client(), wxpay.Call{Route: "GET /v3/marketing/membercard-open/cards/{card_id}", Vars: wxpay.Vars{"card_id": card}})
				assert.NoError(t, err)
				h.server.Requests()
			}
			_, err := h.server.RotateCertificate()
			assert.NoError(t, err)
			_, err = h.server.Notify(t.Context(), &inbox{status: 200}, "ENTRUST.SIGNING", m{})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, 5000000.0-40, h.ok("GET", "/v3/marketing/membercard-open/cards/"+card, nil)["remain_quantity"])
}
