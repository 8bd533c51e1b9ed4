package wxpaytest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const echoRoute = "POST /v3/security/echo"

// outcome is what is left of an exchange.
type outcome struct {
	err    error
	status int
	header http.Header
	body   []byte
	broken error // while the body was read
	length int64
}

func exchange(client *http.Client, req *http.Request) outcome {
	resp, err := client.Do(req)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return outcome{nil, resp.StatusCode, resp.Header, body, err, resp.ContentLength}
}

// expected says for each fault how one sees that it happened.
func expected(key *rsa.PublicKey) map[string]func(outcome) bool {
	genuine := func(o outcome) bool { return o.err == nil && verify(key, o.header, o.body) == nil }
	refusal := func(status int, code string) func(outcome) bool {
		return func(o outcome) bool {
			return genuine(o) && o.status == status && strings.Contains(string(o.body), code)
		}
	}
	bad := func(o outcome) bool { return o.err == nil && o.status == 200 && verify(key, o.header, o.body) != nil }
	isReset := func(o outcome) bool { // or what the writing half of a transport makes of it
		return errors.Is(o.err, syscall.ECONNRESET) || errors.Is(o.err, syscall.EPIPE) || errors.Is(o.err, net.ErrClosed)
	}
	given := func(o outcome) bool { return errors.Is(o.err, context.DeadlineExceeded) }
	dial := func(o outcome) bool {
		var op *net.OpError
		return errors.As(o.err, &op) && op.Op == "dial"
	}
	return map[string]func(outcome) bool{
		"dial-refused":    func(o outcome) bool { return dial(o) && errors.Is(o.err, syscall.ECONNREFUSED) },
		"dial-black-hole": func(o outcome) bool { var e net.Error; return dial(o) && errors.As(o.err, &e) && e.Timeout() },
		"dns": func(o outcome) bool {
			var e *net.DNSError
			return dial(o) && errors.As(o.err, &e) && e.IsNotFound
		},
		"reset-before-read":  isReset,
		"reset-while-read":   isReset,
		"reset-after-read":   isReset,
		"reset-after-effect": isReset,
		"keep-alive-closed":  func(o outcome) bool { return errors.Is(o.err, io.EOF) },
		"hang":               given,
		"hang-after-effect":  given,
		"429":                refusal(429, "FREQUENCY_LIMITED"),
		"429-retry-after": func(o outcome) bool {
			return refusal(429, "RATELIMIT_EXCEEDED")(o) && o.header.Get("Retry-After") == "2"
		},
		"500":              refusal(500, "SYSTEM_ERROR"),
		"500-after-effect": refusal(500, "SYSTEM_ERROR"),
		"502-html": func(o outcome) bool {
			return o.status == 502 && strings.HasPrefix(string(o.body), "<html>") && o.header.Get("Wechatpay-Signature") == ""
		},
		"503":              refusal(503, "SERVICE_UNAVAILABLE"),
		"202":              func(o outcome) bool { return genuine(o) && o.status == 202 },
		"refusal-unsigned": func(o outcome) bool { return o.status == 403 && o.header.Get("Wechatpay-Signature") == "" },
		"refusal-forged":   func(o outcome) bool { return o.status == 403 && verify(key, o.header, o.body) != nil },
		"redirect": func(o outcome) bool {
			return o.status == 307 && strings.HasPrefix(o.header.Get("Location"), "https://elsewhere.invalid/")
		},
		"slow-body":      func(o outcome) bool { return genuine(o) && o.status == 200 },
		"truncated-body": func(o outcome) bool { return errors.Is(o.broken, io.ErrUnexpectedEOF) && o.length > int64(len(o.body)) },
		"unsigned":       func(o outcome) bool { return o.status == 200 && o.header.Get("Wechatpay-Signature") == "" },
		"forged":         bad,
		"tampered":       bad,
		"stale":          func(o outcome) bool { return genuine(o) && ago(o) >= 10*time.Minute },
		"unknown-serial": func(o outcome) bool { return genuine(o) && o.header.Get("Wechatpay-Serial") == strings.Repeat("7", 40) },
		"wrong-signature-type": func(o outcome) bool {
			return genuine(o) && o.header.Get("Wechatpay-Signature-Type") == "WECHATPAY-BRAND-SHA256-RSA2048"
		},
		"signtest": func(o outcome) bool {
			return bad(o) && strings.HasPrefix(o.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/")
		},
		"wrong-content-type": func(o outcome) bool { return genuine(o) && o.header.Get("Content-Type") == "text/plain" },
		"gzip-bomb": func(o outcome) bool {
			return o.header.Get("Content-Encoding") == "gzip" && len(o.body) < 1<<20 && unpacked(o.body) == 64<<20 // how small it gets is up to the compressor
		},
		"204":        func(o outcome) bool { return genuine(o) && o.status == 204 && len(o.body) == 0 },
		"keep-alive": func(o outcome) bool { return genuine(o) && o.status == 200 },
		"slow":       func(o outcome) bool { return genuine(o) && o.status == 200 },
		"reset":      isReset,
		"skew":       func(o outcome) bool { return genuine(o) && ago(o) == 0 && time.Since(dateOf(o)) > 9*time.Minute },
		"truncated-gzip": func(o outcome) bool {
			return o.broken == nil && o.header.Get("Content-Encoding") == "gzip" && o.length == int64(len(o.body)) && unpacked(o.body) == -1 && o.status == 200
		},
		"huge-body":    func(o outcome) bool { return o.length == 512<<20 && len(o.body) == 1<<20 },
		"endless-body": func(o outcome) bool { return o.length == -1 && len(o.body) == 1<<20 },
	}
}

// unpacked is how much comes out of what was compressed.
func unpacked(body []byte) int64 {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return -1
	}
	n, err := io.Copy(io.Discard, z)
	if err != nil {
		return -1
	}
	return n
}

func dateOf(o outcome) time.Time {
	at, _ := time.Parse(http.TimeFormat, o.header.Get("Date"))
	return at
}

// ago is how much earlier than the date of an answer it was signed.
func ago(o outcome) time.Duration {
	at := dateOf(o)
	signed, err := time.ParseDuration(o.header.Get("Wechatpay-Timestamp") + "s")
	if err != nil {
		return 0
	}
	return at.Sub(time.Unix(0, 0)) - signed
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range wxpaytest.Faults {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t)
			right := expected(h.public)[fault.Name]
			require.NotNil(t, right, "a fault that no test knows")
			require.NotEmpty(t, fault.Doc)
			require.NotEmpty(t, fault.Zh)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.NoError(t, h.server.Inject(echoRoute, fault.Name, 1))
				assert.Equal(t, []string{fault.Name}, h.server.Unused())
				h.in(t).ok("GET", tasks, nil) // another route
				body := `{"echo_message":"hello","notify_url":"https://a.example/"}`
				start := time.Now()
				req := h.request(ctx, "POST", "/v3/security/echo", []byte(body))
				client := &http.Client{Transport: h.server, CheckRedirect: noRedirect}
				o := exchange(client, req)
				assert.True(t, right(o), "%+v", o)
				assert.Empty(t, h.server.Unused())
				assert.Equal(t, fault.Effect(), len(h.server.Pending()) == 1, "whether it took effect")
				last := h.server.Requests()[1]
				assert.Equal(t, fault.Name, last.Fault)
				assert.Equal(t, o.status, last.Status)
				switch fault.Name {
				case "slow":
					assert.Equal(t, 5*time.Second, time.Since(start))
				case "slow-body":
					assert.InDelta(t, 5, time.Since(start).Seconds(), 1)
				case "dial-black-hole":
					assert.Equal(t, 3*time.Second, time.Since(start))
				}
				h.in(t).ok("POST", "/v3/security/echo", m{"echo_message": "again"}) // once
			})
		})
	}
}

func TestFaultsOnASocket(t *testing.T) {
	t.Parallel()
	for _, fault := range wxpaytest.Faults {
		if !fault.Socket() || strings.HasPrefix(fault.Name, "slow") { // takes its time
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			h := newMerchant(t)
			socket := httptest.NewUnstartedServer(h.server)
			socket.Start()
			defer socket.Close()
			require.NoError(t, h.server.Inject("", fault.Name, 1))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if !strings.HasPrefix(fault.Name, "hang") {
				ctx = t.Context()
			}
			req := h.request(ctx, "POST", "/v3/security/echo", []byte(`{"echo_message":"`+strings.Repeat("hello ", 1000)+`"}`))
			req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(socket.URL, "http://")
			client := &http.Client{Transport: &http.Transport{DisableCompression: true}, CheckRedirect: noRedirect}
			defer client.CloseIdleConnections()
			o := exchange(client, req)
			assert.True(t, expected(h.public)[fault.Name](o), "%v %d %v %v", o.err, o.status, o.header, o.broken)
			assert.Empty(t, h.server.Unused())
		})
	}
}

// received is a request as a server gets it.
func received(req *http.Request) *http.Request {
	req.RequestURI, req.Host, req.Body = req.URL.RequestURI(), req.URL.Host, http.NoBody
	return req
}

// A connection that is not there cannot be refused by the one who answers on it.
func TestDialFaultsWaitForATransport(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.Inject("", "dns", 1))
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, received(h.request(t.Context(), "GET", tasks, nil)))
	assert.Equal(t, []string{"dns"}, h.server.Unused())
	_, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
	assert.Error(t, err)
}

// A connection that cannot be taken over is aborted as net/http has it.
func TestHangUpWithoutAConnection(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.Inject("", "reset-after-read", 1))
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		h.server.ServeHTTP(httptest.NewRecorder(), received(h.request(t.Context(), "GET", tasks, nil)))
	})
}

// A 204 has no body to spoil, and yet each fault shows.
func TestFaultsOfEmptyAnswers(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	const route = "PATCH /v3/marketing/membercard-open/cards/{card_id}"
	for _, name := range []string{"truncated-body", "forged", "tampered", "signtest"} {
		require.NoError(t, h.server.Inject(route, name, 1))
		o := exchange(&http.Client{Transport: h.server}, h.request(t.Context(), "PATCH", "/v3/marketing/membercard-open/cards/"+card, []byte(`{"title":"`+name[:5]+`"}`)))
		require.NoError(t, o.err)
		assert.True(t, o.broken != nil || verify(h.public, o.header, o.body) != nil, name)
	}
}

func TestInject(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	s, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	assert.ErrorContains(t, s.Inject("GET /v3/nowhere", "500", 1), "no route")
	assert.ErrorContains(t, s.Inject("", "nothing", 1), "no fault")
	assert.ErrorContains(t, s.InjectHost("api.mch.weixin.qq.com", "nothing", 1), "no fault")

	assert.ErrorContains(t, s.InjectHost("elsewhere.example", "500", 1), "no host")
	assert.ErrorContains(t, s.Inject("", "500", 0), "0 times")
	for route, name := range map[string]string{"POST /v3/push/app": "forged", tasksRoute: "tpns-1008003"} {
		assert.ErrorContains(t, s.Inject(route, name, 1), "cannot happen there")
	}
	for host, name := range map[string]string{"api.tpns.tencent.com": "NO_AUTH", "api.mch.weixin.qq.com": "tpns-1008003"} {
		assert.ErrorContains(t, s.InjectHost(host, name, 1), "cannot happen there")
	}
	assert.Empty(t, s.Unused())

	// In their order, as often as asked for, and for ever if negative.
	require.NoError(t, h.server.Inject("", "503", 2))
	require.NoError(t, h.server.Inject("", "500", 1))
	var got []int
	for range 4 {
		status, _ := h.json("GET", tasks, nil)
		got = append(got, status)
	}
	assert.Equal(t, []int{503, 503, 500, 200}, got)
	require.NoError(t, h.server.Inject("", "500", -1))
	assert.Equal(t, []string{"500"}, h.server.Unused())
	for range 3 {
		h.refused(500, "SYSTEM_ERROR", "GET", tasks, nil)
	}
	assert.Empty(t, h.server.Unused())
	h.server.Recover()
	h.ok("GET", tasks, nil)

	require.NoError(t, h.server.InjectHost("api2.mch.weixin.qq.com", "500", 1))
	h.ok("GET", tasks, nil)
	req := h.request(t.Context(), "GET", tasks, nil)
	req.URL.Host = "api2.mch.weixin.qq.com"
	status, _ := h.do(req)
	assert.Equal(t, 500, status)
}

// A test that forgets to let a fault happen fails.
func TestUnusedFaultsFailTheTest(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	s := wxpaytest.New(r)
	require.NoError(t, s.Inject("", "500", 1))
	assert.Error(t, s.Inject("", "nothing", 1))
	r.cleanup()
	assert.Equal(t, []string{`wxpaytest: there is no fault "nothing"`, "wxpaytest: fault 500 did not happen"}, r.errors)
}

type recorder struct {
	testing.TB
	errors  []string
	cleanup func()
}

func (r *recorder) Errorf(format string, a ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, a...))
}
func (r *recorder) Cleanup(f func()) { r.cleanup = f }
func (r *recorder) Helper()          {}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	statuses := map[string]int{
		"PARAM_ERROR": 400, "INVALID_REQUEST": 400, "ALREADY_EXISTS": 400, "SIGN_ERROR": 401, "NO_AUTH": 403, "NOT_ENOUGH": 403,
		"NOT_FOUND": 404, "RESOURCE_NOT_EXISTS": 404, "RATELIMIT_EXCEEDED": 429, "FREQUENCY_LIMITED": 429, "FREQUENCY_LIMIT_EXCEED": 429,
		"SYSTEM_ERROR": 500, "SERVICE_UNAVAILABLE": 503, "USER_ERROR": 400,
	}
	require.Len(t, wxpaytest.Refusals(), len(statuses))
	for _, r := range wxpaytest.Refusals() {
		require.NoError(t, h.server.Inject("", r.Name, 1))
		h.refused(statuses[r.Name], r.Name, "GET", tasks, nil)
		assert.False(t, r.Effect())
	}
	reasons := map[int]string{429: "-268447840", 401: "-268443699", 400: "-268435461"}
	for _, r := range h.server.Requests() {
		assert.True(t, strings.HasSuffix(r.RequestID, reasons[r.Status]), r.RequestID)
	}
}

// What is offered for a call can happen there.
func TestFaultsOfACall(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	names := func(route string) (names []string) {
		for _, f := range h.server.FaultsAt(route) {
			assert.NoError(t, h.server.Inject(route, f.Name, 1), f.Name)
			names = append(names, f.Name)
		}
		h.server.Recover()
		return names
	}
	debit, push := names("POST /v3/edu-papay/transactions"), names("POST /v3/push/app")
	assert.Subset(t, debit, []string{"500", "forged", "NOT_ENOUGH", "FREQUENCY_LIMITED", "SERVICE_UNAVAILABLE"})
	assert.NotContains(t, debit, "tpns-1008003")
	assert.NotContains(t, debit, "RESOURCE_NOT_EXISTS", "its document does not name it")
	assert.Subset(t, push, []string{"500", "tpns-1008003"})
	assert.NotContains(t, push, "forged")
	assert.Empty(t, names("GET /nowhere"))
}

func TestHangEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("gave up")
		ctx, cancel := context.WithCancelCause(t.Context())
		require.NoError(t, h.server.Inject("", "hang", 1))
		require.NoError(t, h.server.Inject("", "dial-black-hole", 1))
		require.NoError(t, h.server.Inject("", "slow-body", 1))
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := h.server.RoundTrip(h.request(ctx, "GET", tasks, nil))
		assert.ErrorIs(t, err, why)
		_, err = h.server.RoundTrip(h.request(ctx, "GET", tasks, nil))
		assert.ErrorIs(t, err, why, "nothing starts after its context ended")

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err = h.server.RoundTrip(h.request(ctx, "GET", tasks, nil))
		assert.ErrorIs(t, err, why, "while dialing")

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		resp, err := h.server.RoundTrip(h.request(ctx, "GET", tasks, nil))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		assert.ErrorIs(t, err, why, "while the body comes")
	})
}
