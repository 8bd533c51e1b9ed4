package wxpaytest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
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

func TestInjectionsByRouteHostAndTag(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	status := func(host, uri, tag string) int {
		req := h.request(t.Context(), "GET", uri, nil)
		req.URL.Host = host
		req.Header.Set("X-Emulator-Tag", tag)
		resp, err := h.server.RoundTrip(req)
		require.NoError(t, err)
		return resp.StatusCode
	}
	const main, backup = "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"
	id, err := h.server.InjectFault(wxpaytest.Injection{Name: "500", Route: tasksRoute, Host: backup, Tag: "a", Times: 2})
	require.NoError(t, err)
	other, err := h.server.InjectFault(wxpaytest.Injection{Name: "503", Tag: "b", Times: -1})
	require.NoError(t, err)
	assert.Equal(t, []string{"500", "503"}, h.server.Unused())
	assert.Equal(t, []int{200, 200, 404, 500, 503}, []int{
		status(main, tasks, "a"), status(backup, tasks, ""), status(backup, "/v3/nowhere", "a"), status(backup, tasks, "a"), status(main, tasks, "b"),
	})
	assert.Equal(t, []string{"500"}, h.server.Unused())
	assert.Equal(t, []wxpaytest.Injection{
		{ID: id, Name: "500", Route: tasksRoute, Host: backup, Tag: "a", Times: 1, Happened: 1},
		{ID: other, Name: "503", Tag: "b", Times: -1, Happened: 1},
	}, h.server.Injections())
	assert.Equal(t, 500, status(backup, tasks, "a"))
	assert.Equal(t, 200, status(backup, tasks, "a"), "used up")
	assert.Equal(t, 0, h.server.Injections()[0].Times, "and still told")

	assert.True(t, h.server.Withdraw(other))
	assert.False(t, h.server.Withdraw(other))
	assert.Equal(t, 200, status(main, tasks, "b"))
	assert.Len(t, h.server.Injections(), 1)
	h.server.Recover()
	assert.Empty(t, h.server.Injections())
}

func TestInjectionsThatCannotBe(t *testing.T) {
	t.Parallel()
	s, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	for want, i := range map[string]wxpaytest.Injection{
		`there is no fault "rest"; the nearest is "reset"`:                                             {Name: "rest", Times: 1},
		`there is no fault "4299"; the nearest is "429"`:                                               {Name: "4299", Times: 1},
		`there is no fault "no_auth"; the nearest is "NO_AUTH"`:                                        {Name: "no_auth", Times: 1},
		`there is no fault "500-after"; the nearest is "500-after-effect"`:                             {Name: "500-after", Times: 1},
		`there is no fault ""`:                                                                         {Times: 1},
		`there is no fault "entirely different"`:                                                       {Name: "entirely different", Times: 1},
		`fault "500" takes no value, and was given "6s"`:                                               {Name: "500=6s", Times: 1},
		`fault "slow" cannot have the value "6"; it is written like slow=6s`:                           {Name: "slow=6", Times: 1},
		`fault "slow" cannot have the value "-6s"; it is written like slow=6s`:                         {Name: "slow=-6s", Times: 1},
		`fault "slow" cannot have the value "24h"; it is written like slow=6s`:                         {Name: "slow=24h", Times: 1},
		`fault "slow" cannot have the value ""; it is written like slow=6s`:                            {Name: "slow=", Times: 1},
		`fault "reset" cannot have the value "-1"; it is written like reset=100`:                       {Name: "reset=-1", Times: 1},
		`fault "skew" cannot have the value "0s"; it is written like skew=-10m`:                        {Name: "skew=0s", Times: 1},
		`fault "500" is to happen 0 times; a negative number is without end`:                           {Name: "500"},
		`fault "500" cannot have the probability 1.5; it is above 0 and at most 1`:                     {Name: "500", Times: 1, Probability: 1.5},
		`fault "500" cannot have the probability -0.5; it is above 0 and at most 1`:                    {Name: "500", Times: 1, Probability: -0.5},
		`fault "500" cannot have the probability NaN; it is above 0 and at most 1`:                     {Name: "500", Times: 1, Probability: math.NaN()},
		`there is no route "POST /v3/security/ech"; the nearest is "POST /v3/security/echo"`:           {Name: "500", Times: 1, Route: "POST /v3/security/ech"},
		`there is no route "everything"`:                                                               {Name: "500", Times: 1, Route: "everything"},
		`there is no host "api.mch.weixin.qq.con"; the nearest is "api.mch.weixin.qq.com"`:             {Name: "500", Times: 1, Host: "api.mch.weixin.qq.con"},
		`requests to "POST /v3/security/echo" do not go to the host "api.tpns.tencent.com"`:            {Name: "500", Times: 1, Route: echoRoute, Host: "api.tpns.tencent.com"},
		`fault "forged" cannot happen there: it is one of the platform wechatpay`:                      {Name: "forged", Times: 1, Host: "api.tpns.tencent.com"},
		`a tag has at most 100 bytes`:                                                                  {Name: "500", Times: 1, Tag: strings.Repeat("a", 101)},
		`there is no fault "` + strings.Repeat("x", 60) + `"…`:                                         {Name: strings.Repeat("x", 1<<20), Times: 1},
		`fault "429-retry-after" cannot have the value "1.5s"; it is written like 429-retry-after=30s`: {Name: "429-retry-after=1.5s", Times: 1},
	} {
		_, err := s.InjectFault(i)
		assert.EqualError(t, err, "wxpaytest: "+want)
	}
	assert.Error(t, s.InjectHost("", "500", 1))
	assert.Empty(t, s.Injections())
}

// What was used up makes room, and what is to happen does not.
func TestInjectionsAreBounded(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.Inject("", "500", 1))
	h.refused(500, "SYSTEM_ERROR", "GET", tasks, nil)
	for range 1000 {
		require.NoError(t, h.server.Inject("", "503", 1))
	}
	assert.Len(t, h.server.Injections(), 1000)
	s, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	for range 1000 {
		require.NoError(t, s.Inject("", "503", 1))
	}
	assert.ErrorContains(t, s.Inject("", "503", 1), "no room")
	h.server.Recover()
}

// A fault that may happen need not, and happens about as often as it should.
func TestInjectionsByChance(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	_, err := h.server.InjectFault(wxpaytest.Injection{Name: "500", Times: -1, Probability: 0.3})
	require.NoError(t, err)
	assert.Empty(t, h.server.Unused(), "nor does the test fail at its end")
	w, n := 0, 2000
	for range n {
		w += map[int]int{500: 1}[rawStatus(t, h.server, http.Header{})]
	}
	assert.InDelta(t, 0.3, float64(w)/float64(n), 0.06)
	assert.Equal(t, w, h.server.Injections()[0].Happened)
}

// Two servers of one seed fail alike.
func TestChanceOfASeed(t *testing.T) {
	t.Parallel()
	run := func(seed string) (met string) {
		s, err := wxpaytest.NewServer(wxpaytest.Options{Seed: seed})
		require.NoError(t, err)
		_, err = s.InjectFault(wxpaytest.Injection{Name: "500", Times: -1, Probability: 0.5})
		require.NoError(t, err)
		for range 50 {
			met += fmt.Sprint(rawStatus(t, s, http.Header{}))
		}
		return met
	}
	assert.Equal(t, run("a"), run("a"))
	assert.NotEqual(t, run("a"), run("b"))
}

// rawStatus is the status of a request to TPNS, which signs nothing: 200, unless a fault happens.
func rawStatus(t *testing.T, s http.Handler, h http.Header) int {
	req := httptest.NewRequest("POST", "/v3/push/app", nil)
	req.Header = h
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req.WithContext(t.Context()))
	return w.Code
}

// The values of the faults that take one.
func TestFaultsWithAValue(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	body := []byte(`{"echo_message":"` + strings.Repeat("x", 1000) + `"}`)
	synctest.Test(t, func(t *testing.T) {
		h := h.in(t)
		send := func(name string) (outcome, time.Duration) {
			require.NoError(t, h.server.Inject(echoRoute, name, 1))
			start := time.Now()
			o := exchange(&http.Client{Transport: h.server}, h.request(t.Context(), "POST", "/v3/security/echo", body))
			assert.Equal(t, name, h.last().Fault)
			return o, time.Since(start)
		}
		right := func(o outcome) bool { return o.status == 200 && verify(h.public, o.header, o.body) == nil }
		o, took := send("slow=7s")
		assert.True(t, right(o))
		assert.Equal(t, 7*time.Second, took)
		o, took = send("slow-body=20s")
		assert.True(t, right(o))
		assert.InDelta(t, 20, took.Seconds(), 5)
		o, _ = send("skew=1h")
		assert.True(t, right(o))
		assert.Equal(t, time.Hour, dateOf(o).Sub(time.Now().Truncate(time.Second)))
		o, _ = send("429-retry-after=30s")
		assert.Equal(t, []any{429, "30"}, []any{o.status, o.header.Get("Retry-After")})
		for name, n := range map[string]int{"reset=0": 0, "reset=100": 100, "reset=1000000": len(body) - 1} {
			o, _ = send(name)
			assert.ErrorIs(t, o.broken, syscall.ECONNRESET, name)
			assert.Len(t, o.body, n, name)
			assert.Equal(t, int64(len(body)), o.length, name)
		}
	})
	// On a socket.
	socket := httptest.NewServer(h.server)
	defer socket.Close()
	for name, n := range map[string]int{"reset=100": 100, "slow=30ms": len(body)} {
		require.NoError(t, h.server.Inject(echoRoute, name, 1))
		req := h.request(t.Context(), "POST", "/v3/security/echo", body)
		req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(socket.URL, "http://")
		o := exchange(socket.Client(), req)
		require.NoError(t, o.err)
		assert.Len(t, o.body, n)
		assert.Equal(t, n < len(body), errors.Is(o.broken, syscall.ECONNRESET), o.broken)
	}
}

// A connection that is kept serves on, and closes when nothing comes for a time.
func TestKeptConnections(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	socket := httptest.NewServer(h.server)
	defer socket.Close()
	send := func(conn net.Conn, answers *bufio.Reader, keep string) *http.Response {
		req := h.request(t.Context(), "GET", tasks, nil)
		req.Header.Set("X-Emulator-Fault", keep)
		require.NoError(t, req.Write(conn))
		resp, err := http.ReadResponse(answers, req)
		require.NoError(t, err)
		status, _ := h.genuine(resp)
		assert.Equal(t, 200, status)
		return resp
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(socket.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	send(conn, answers, "keep-alive=1m")
	send(conn, answers, "")
	send(conn, answers, "keep-alive=20ms")
	_, err = answers.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
}

// asking is a request that asks for faults itself, and what came of it: a status, or the error.
func asking(h *merchant, faults, tag string, ctx ...context.Context) string {
	req := h.request(append(ctx, h.t.Context())[0], "GET", tasks, nil)
	req.Header.Set("X-Emulator-Fault", faults)
	if tag != "" {
		req.Header.Set("X-Emulator-Tag", tag)
	}
	resp, err := h.server.RoundTrip(req)
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case err != nil:
		return err.Error()
	}
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(h.t, err)
	return fmt.Sprint(resp.StatusCode)
}

// A client that repeats a call meets its faults one after the other, and is served; the next call begins anew.
func TestFaultsByHeader(t *testing.T) {
	t.Parallel()
	merchant := newMerchant(t)
	synctest.Test(t, func(t *testing.T) {
		h := merchant.in(t)
		times := func(n int, faults, tag string) (got []string) {
			for range n {
				start := time.Now()
				one := asking(h, faults, tag)
				if took := time.Since(start); took > 0 {
					one += " after " + took.String()
				}
				got = append(got, one)
			}
			return got
		}
		const list = "429*3, reset, slow=6s"
		assert.Equal(t, []string{"429", "429"}, times(2, list, "a"))
		assert.Equal(t, []string{"429"}, times(1, list, "b"), "another test")
		assert.Equal(t, []string{"429", "reset", "slow=6s", "429", "reset", "slow=6s"}, h.server.Unused())
		assert.Equal(t, wxpaytest.Injection{Name: "429", Route: tasksRoute, Tag: "a", Times: 1, Happened: 2, Header: list}, h.server.Injections()[0])
		assert.Equal(t, []string{"429", "reset", "200 after 6s"}, times(3, list, "a"), "slow is an answer")
		assert.Equal(t, "slow=6s", h.last().Fault)
		assert.Equal(t, []string{"429", "429", "reset", "200 after 6s"}, times(4, list, "b"))
		assert.Empty(t, h.server.Injections())
		assert.Equal(t, []string{"429", "429", "429", "reset", "200 after 6s", "429"}, times(6, list, "a"))
		h.server.Recover()
		assert.Equal(t, []string{"500", "200", "500", "200", "500"}, times(5, "500", ""), "served once before it begins anew")
		h.server.Recover()
		assert.Equal(t, []string{"200 after 1s", "200 after 1s"}, times(2, "slow=1s", ""))
		assert.Equal(t, []string{"200", "200"}, times(2, "", ""))

		// Who gives up waiting was not served.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.Equal(t, "context deadline exceeded", asking(h, "slow=6s", "", ctx))
		assert.Equal(t, []string{"200", "200 after 6s"}, times(2, "slow=6s", ""))

		// They come before what was injected, which may spoil the answer that ends the sequence.
		require.NoError(t, h.server.Inject(tasksRoute, "503", 1))
		assert.Equal(t, []string{"500", "503", "200", "500", "200"}, times(5, "500", ""))

		// With a dial fault: a transport can do that.
		got := times(2, "dns,500", "")
		assert.Contains(t, got[0], "no such host")
		assert.Equal(t, "500", got[1])
		h.server.Recover()
	})
}

// Each of a header's faults by chance is met, or passed over.
func TestFaultsByHeaderAndChance(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	met := 0
	for n := range 1000 {
		met += map[int]int{500: 1}[rawStatus(t, h.server, http.Header{"X-Emulator-Fault": {"500%25"}, "X-Emulator-Tag": {fmt.Sprint(n)}})]
	}
	assert.InDelta(t, 250, met, 70)
	assert.Empty(t, h.server.Unused())
	assert.Equal(t, 500, rawStatus(t, h.server, http.Header{"X-Emulator-Fault": {"500%100"}}))
	h.server.Recover()
}

// What one asks for and cannot have is told, and nothing is done.
func TestFaultHeadersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for header, want := range map[string]string{
		"resett":                           `item 1: there is no fault "resett"; the nearest is "reset"`,
		"429*3,,reset":                     `item 2: is empty; it is written NAME[=VALUE][*COUNT][%PERCENT], such as 429*3`,
		"429*0":                            `item 1: "0" is no count, which is a number from 1 to 10000`,
		"429*many":                         `item 1: "many" is no count, which is a number from 1 to 10000`,
		"429*3,500%0":                      `item 2: "0" is no percentage, which is above 0 and at most 100`,
		"500%101":                          `item 1: "101" is no percentage, which is above 0 and at most 100`,
		"500%NaN":                          `item 1: "NaN" is no percentage, which is above 0 and at most 100`,
		"slow=soon":                        `item 1: fault "slow" cannot have the value "soon"; it is written like slow=6s`,
		"tpns-1008003":                     `item 1: fault "tpns-1008003" cannot happen there: it is one of the platform tpns`,
		strings.Repeat("500,", 50) + "500": `names more than 50 faults`,
		strings.Repeat("5", 1001):          `has 1001 bytes, more than 1000`,
	} {
		req := h.request(t.Context(), "GET", tasks, nil)
		req.Header.Set("X-Emulator-Fault", header)
		status, answer := h.do(req)
		assert.Equal(t, 400, status)
		assert.Equal(t, m{"code": "PARAM_ERROR", "message": "header X-Emulator-Fault " + want, "detail": m{"location": "header", "field": "X-Emulator-Fault", "issue": want}}, answer)
		assert.Empty(t, h.last().Checks)
	}
	assert.Empty(t, h.server.Injections())

	// Of TPNS, too, this is not what the platform says.
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/v3/push/app", strings.NewReader("{}"))
	req.Header.Set("X-Emulator-Fault", "forged")
	w := httptest.NewRecorder()
	h.server.ServeHTTP(w, req)
	assert.Equal(t, 400, w.Code)
	assert.Contains(t, w.Body.String(), `"field":"X-Emulator-Fault"`)
}

func TestFaultHeadersOnASocket(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	socket := httptest.NewServer(h.server)
	defer socket.Close()
	send := func(header ...string) outcome {
		req := h.request(t.Context(), "GET", tasks, nil)
		req.URL.Scheme, req.URL.Host = "http", strings.TrimPrefix(socket.URL, "http://")
		req.Header["X-Emulator-Fault"] = header
		return exchange(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, req)
	}
	o := send("429", "dns")
	assert.Equal(t, 400, o.status)
	assert.Contains(t, string(o.body), `item 2: fault \"dns\" cannot happen on a socket`)
	assert.Equal(t, 429, send("429", "reset").status)
	assert.ErrorIs(t, send("429, reset").err, syscall.ECONNRESET, "two lines are one list")
	assert.Equal(t, 200, send("429", "reset").status)
}

// Sequences that nobody goes on with are forgotten, the oldest first.
func TestFaultHeadersAreBounded(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for n := range 3000 {
		rawStatus(t, h.server, http.Header{"X-Emulator-Fault": {"500*2"}, "X-Emulator-Tag": {fmt.Sprint(n)}})
	}
	all := h.server.Injections()
	assert.Len(t, all, 1000)
	assert.Equal(t, "2999", all[999].Tag)
	h.server.Recover()
	assert.Empty(t, h.server.Unused())
}

// The published limits are switched by an action, those that a product counts itself too.
func TestLimitsAreSwitched(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Unlimited: true})
	var limits wxpaytest.Action
	for _, a := range h.server.Actions() {
		if a.Name == "limits" {
			limits = a
		}
	}
	h.server.CountFiles(6000)
	pushes := func() (limited bool) {
		for range 3 {
			req := httptest.NewRequestWithContext(t.Context(), "POST", "/v3/push/app", strings.NewReader(`{"audience_type":"all","message_type":"message","message":{}}`))
			req.Header.Set("Content-Type", "application/json")
			req.SetBasicAuth(wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey)
			w := httptest.NewRecorder()
			h.server.ServeHTTP(w, req)
			limited = limited || strings.Contains(w.Body.String(), "1008028")
		}
		return limited
	}
	for n, on := range []bool{false, true, false} {
		if n > 0 {
			_, err := limits.Do(t.Context(), map[string]string{"switch": map[bool]string{true: "on", false: "off"}[on]})
			require.NoError(t, err)
		}
		status, _ := h.do(h.upload("8473295", fmt.Sprint(n, ".csv"), h.lines("1")))
		assert.Equal(t, on, status == 429, n)
		assert.Equal(t, on, pushes(), n)
	}
	_, err := limits.Do(t.Context(), map[string]string{"switch": "perhaps"})
	assert.Error(t, err)
}
