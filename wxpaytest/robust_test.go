package wxpaytest_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A rubbish makes requests that no honest client sends, the same ones in every run.
type rubbish struct {
	*rand.Rand
	routes []string
	signed []*http.Request // right ones, to be spoiled where the signature does not see it
}

func (r rubbish) one(all ...string) string { return all[r.IntN(len(all))] }

// bytes are some that mean nothing.
func (r rubbish) bytes(most int) string {
	b := make([]byte, r.IntN(most+1))
	for n := range b {
		b[n] = byte(r.Uint32())
	}
	return string(b)
}

// text is something that may stand anywhere.
func (r rubbish) text() string {
	switch r.IntN(9) {
	case 0:
		return r.bytes(30)
	case 1:
		return strings.Repeat(r.one("a", "中", "😀", "%", "\\u", "\x00", "1", "[", `{"a":`, "\"", ","), r.IntN(300))
	case 2:
		return r.one("", "0", "-1", "9223372036854775808", "NaN", "null", "true", "../..", "%2e%2e%2f", "'; drop table", "<script>", "${jndi}", "{{.}}", "\r\nX: y")
	case 3:
		return fmt.Sprint(r.Uint64())
	case 4:
		return "+86 138 0013 8000"
	}
	return r.one("openid", "8473295", "a", "2026-01-01T00:00:00+08:00", "https://a.example/n", "13800138000", "PROCESSING", "POST /v3/security/echo")
}

// path is one of the documents' with something in the places of its variables, or anything.
func (r rubbish) path() string {
	method, path, _ := strings.Cut(r.one(r.routes...), " ")
	for strings.Contains(path, "{") {
		from, to := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:from] + url.PathEscape(r.text()) + path[to+1:]
	}
	switch r.IntN(12) {
	case 0:
		path += r.one("/", "//", "/..", "/%2f", "/%zz", "?", "#", ";", "\\")
	case 1:
		path = "/" + strings.Repeat(r.one("/", "a/", "%2f/", "{x}/"), r.IntN(2000))
	case 2:
		path = "/" + r.one("v3", "brand", "_emulator", "v3/push") + "/" + url.PathEscape(r.text())
	}
	for range r.IntN(3) {
		path += r.one("?", "&") + r.one("limit", "offset", "a", "status", url.QueryEscape(r.text())) + r.one("=", "", "==") + r.one(url.QueryEscape(r.text()), "%", "%zz", "1")
	}
	return method + " " + path
}

// json is something like JSON.
func (r rubbish) json(depth int) string {
	if depth == 0 {
		return r.one("1", "null", "true", "1e999", "-0", "1.5", `"a"`, `"\ud800"`, `"`+"\xff"+`"`, "x", "", "[]", "{}", fmt.Sprintf("%q", r.text()))
	}
	var b strings.Builder
	b.WriteString(r.one("{", "{", "{", "["))
	for n := range r.IntN(5) {
		if n > 0 {
			b.WriteString(r.one(",", ",", ",", ",,", ""))
		}
		fmt.Fprintf(&b, `"%s"%s%s`, r.one("openid", "out_request_no", "echo_message", "encrypted_echo_message", "audience_type", "message", "upload_id", "pushId", "filename", "brand_id", "a"), r.one(":", ":", ":", ""), r.json(depth-1))
	}
	b.WriteString(r.one("}", "}", "}", "]", ""))
	return b.String()
}

func (r rubbish) body() (body, kind string) {
	switch r.IntN(8) {
	case 0:
		return r.bytes(200), r.one("", "text/plain", "application/json", r.bytes(20))
	case 1:
		return strings.Repeat(r.one("[", `{"a":`, `[{"a":`), r.IntN(3000)), "application/json"
	case 2, 3:
		var b strings.Builder
		for range r.IntN(5) {
			fmt.Fprintf(&b, "--b\r\nContent-Disposition: %s; name=\"%s\"; %s\r\n%s\r\n%s\r\n", r.one("form-data", "file", ""), r.one("meta", "file", "x", r.text()), r.one(`filename="a"`, "filename*=utf-8''%zz", ""), r.one("Content-Type: application/json\r\n", "", r.bytes(20)), r.one("{}", r.text(), r.bytes(50)))
		}
		return b.String() + r.one("--b--", "--b", "", "\r\n--b--\r\n"), r.one("multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary="+strings.Repeat("b", 200), "multipart/mixed; boundary=b")
	}
	return r.json(r.IntN(6)), "application/json"
}

func (r rubbish) authorization() string {
	switch r.IntN(6) {
	case 0:
		return ""
	case 1:
		return r.one("Basic ", "Bearer ", "WECHATPAY2-SHA256-RSA2048 ", "WECHATPAY-BRAND-SHA256-RSA2048 ") + r.text()
	case 2:
		return "WECHATPAY2-SHA256-RSA2048 " + strings.Repeat(r.one(`mchid="1",`, ",", `="",`, `x=`), r.IntN(100))
	}
	return fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%d",serial_no="%s",signature="%s"`, r.one(wxpaytest.MchID, "1"), "n", time.Now().Unix(),
		r.one(wxpaytest.SerialNo, wxpaytest.PublicKeyID), r.one(strings.Repeat("AAAA", 86), "!", strings.Repeat("0a", 16), strings.Repeat("ab", 256), r.text()))
}

// request makes a request.
func (r rubbish) request() *http.Request {
	if r.IntN(10) == 0 { // signed, and spoiled
		right := r.signed[r.IntN(len(r.signed))]
		req := right.Clone(right.Context())
		req.Body, _ = right.GetBody()
		for range r.IntN(3) {
			req.Header.Set(r.one("Accept", "Wechatpay-Serial", "Content-Type", "X-Emulator-Tag", "X-Emulator-Fault"), r.one(r.text(), "application/json", "502-html"))
		}
		return req
	}
	method, uri, _ := strings.Cut(r.path(), " ")
	body, kind := r.body()
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Method, req.RequestURI = r.one(method, method, method, "GET", "POST", "BREW", r.bytes(5)), uri
	req.Host = r.one("127.0.0.1:8089", "api.mch.weixin.qq.com", "api.tpns.tencent.com", "localhost", "[::1", "", r.text())
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", r.authorization())
	if r.IntN(3) == 0 {
		req.Header.Set("Authorization", "Basic "+basicTPNS)
	}
	if r.IntN(15) == 0 {
		req.Header.Set("X-Emulator-Fault", r.one("429*3,unsigned", "502-html", "502-html%50", "resett", strings.Repeat(",", 100), "slow=", "dns", "502-html*99999999999999999999", r.text()))
		req.Header.Set("X-Emulator-Tag", r.text())
	}
	if r.IntN(50) == 0 {
		req.Header.Set(r.one("X-Large", "Accept", "X-Emulator-Tag", "X-Emulator-Fault", "Authorization", "Content-Type", "Wechatpay-Serial", "X-Emulator-Signed"), strings.Repeat(r.one("x", ",", "1", "%", `a="b",`), r.IntN(50_000)))
	}
	for range r.IntN(3) {
		req.Header[r.one("X-"+r.bytes(5), "x-emulator-tag", "Sign", "AccessId", "TimeStamp")] = []string{r.text(), r.text()}
	}
	return req
}

var basicTPNS = func() string {
	req, _ := http.NewRequest("GET", "/", nil)
	req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
	return strings.TrimPrefix(req.Header.Get("Authorization"), "Basic ")
}()

// A hundred thousand requests that nobody should send neither stop the server nor make it grow, and then it serves.
func TestRubbish(t *testing.T) {
	t.Parallel()
	const hands = 4
	n := 100_000
	if racing { // which takes ten times as long
		n = 10_000
	}
	h := newMerchant(t)
	// Answers are left unsigned, which is what takes the time; faults that requests ask for come before this one.
	_, err := h.server.InjectFault(wxpaytest.Injection{Name: "unsigned", Times: -1})
	require.NoError(t, err)
	catalog, err := api.Load()
	require.NoError(t, err)
	var routes []string
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			routes = append(routes, op.Route)
		}
	}
	signed := []*http.Request{
		h.request(t.Context(), "POST", "/v3/security/echo", []byte(`{"echo_message":"a"}`)), h.request(t.Context(), "GET", tasks, nil), h.request(t.Context(), "POST", "/v3/security/echo", []byte(`{"echo_message":1,"a":[]}`)),
		h.upload("8473295", "a.csv", h.lines("6222021234567890")),
	}
	for _, req := range signed {
		req.RequestURI, req.Host = req.URL.RequestURI(), req.URL.Host
		if req.GetBody == nil {
			req.Body, req.GetBody = http.NoBody, func() (body io.ReadCloser, err error) { return http.NoBody, nil }
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for hand := range uint64(hands) {
		wg.Go(func() {
			r := rubbish{rand.New(rand.NewPCG(11, hand)), routes, signed}
			for range n / hands {
				req := r.request()
				w := httptest.NewRecorder()
				func() {
					defer func() { // a fault that breaks the connection ends the handler
						if v := recover(); v != nil && v != http.ErrAbortHandler {
							t.Errorf("%s %q: %v", req.Method, req.RequestURI, v)
						}
					}()
					h.server.ServeHTTP(w, req)
				}()
				if w.Code >= 500 && w.Code != 502 {
					t.Errorf("%s %.200q: %d %.300s", req.Method, req.RequestURI, w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
	all := h.server.Requests()
	require.Len(t, all, 1000)
	assert.Equal(t, n, all[999].Number)
	assert.True(t, slices.ContainsFunc(all, func(r wxpaytest.Request) bool { return r.Status == 200 }), "some get as far as that")
	h.server.Recover()
	h.ok("GET", tasks, nil)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("the heap grew by %d KiB", (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(64<<20))
}
