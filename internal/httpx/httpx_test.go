package httpx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadAll(t *testing.T) {
	t.Parallel()
	reset := errors.New("reset")
	body := strings.NewReader
	never := iotest.ErrReader(errors.New("was read"))
	tests := map[string]struct {
		length   int64
		body     io.Reader
		encoding string
		want     string
		err      error
	}{
		"known":                {5, body("hello"), "", "hello", nil},
		"known, in pieces":     {5, iotest.OneByteReader(body("hello")), "", "hello", nil},
		"known, end at once":   {5, iotest.DataErrReader(body("hello")), "", "hello", nil},
		"known, at the bound":  {10, body("0123456789"), "", "0123456789", nil},
		"known, above":         {11, never, "", "", ErrTooLarge},
		"known, huge":          {math.MaxInt64, never, "", "", ErrTooLarge},
		"known, cut off":       {5, body("hell"), "", "", io.ErrUnexpectedEOF},
		"known, nothing came":  {5, body(""), "", "", io.ErrUnexpectedEOF},
		"known, broken":        {5, io.MultiReader(body("hell"), iotest.ErrReader(reset)), "", "", reset},
		"empty":                {0, body(""), "", "", nil},
		"length left at zero":  {0, body("hello"), "", "hello", nil},
		"zero, too large":      {0, body("01234567890"), "", "", ErrTooLarge},
		"unknown":              {-1, body("hello"), "", "hello", nil},
		"unknown, empty":       {-1, body(""), "", "", nil},
		"unknown, at the edge": {-1, body("0123456789"), "", "0123456789", nil},
		"unknown, one more":    {-1, body("01234567890"), "", "", ErrTooLarge},
		"unknown, endless":     {-1, endless{}, "", "", ErrTooLarge},
		"unknown, broken":      {-1, io.MultiReader(body("hell"), iotest.ErrReader(reset)), "", "", reset},
		"unknown, cut off":     {-1, iotest.ErrReader(io.ErrUnexpectedEOF), "", "", io.ErrUnexpectedEOF},
		"identity":             {5, body("hello"), "identity", "hello", nil},
		"gzip":                 {5, never, "gzip", "", ErrEncoded},
		"GZIP":                 {-1, never, "GZIP", "", ErrEncoded},
		"br":                   {0, never, "br", "", ErrEncoded},
		"two of them":          {-1, never, "identity, gzip", "", ErrEncoded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{ContentLength: tt.length, Body: io.NopCloser(tt.body), Header: http.Header{}}
			if tt.encoding != "" {
				resp.Header.Set("Content-Encoding", tt.encoding)
			}
			got, err := ReadAll(resp, 10)
			require.ErrorIs(t, err, tt.err)
			if err == nil {
				assert.Equal(t, tt.want, string(got))
			}
		})
	}
	_, err := ReadAll(&http.Response{Uncompressed: true, Body: io.NopCloser(never)}, 10)
	assert.ErrorIs(t, err, ErrEncoded, "unpacked on the way by a transport of the caller")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// The same with a real server, which cannot be made to unpack anything (S7) and breaks off for real.
func TestReadAllFromAServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, io.LimitReader(endless{}, 1<<20))
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "hello")
		case "/chunked":
			_, _ = io.WriteString(w, "hel")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "lo")
		case "/endless":
			_ = http.NewResponseController(w).Flush()
			_, _ = io.Copy(w, endless{})
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		default:
			if got := r.Header.Get("Accept-Encoding"); got != "" {
				t.Errorf("asked for %s", got)
			}
			_, _ = io.WriteString(w, "hello")
		}
	}))
	defer server.Close()
	client := client(nil, 4, time.Minute)
	defer client.CloseIdleConnections()
	for path, want := range map[string]error{"/gzip": ErrEncoded, "/short": io.ErrUnexpectedEOF, "/endless": ErrTooLarge, "/chunked": nil, "/none": nil, "/": nil} {
		resp, err := client.Get(server.URL + path)
		require.NoError(t, err)
		got, err := ReadAll(resp, 1<<20)
		assert.ErrorIs(t, err, want, path)
		assert.NoError(t, resp.Body.Close())
		if want == nil && path != "/none" {
			assert.Equal(t, "hello", string(got), path)
		}
	}
}

// S9: what is signed for one host is not carried to another.
func TestS9RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	second := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer second.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		http.Redirect(w, r, second.URL, status)
	}))
	defer first.Close()
	jar := new(nothingToEat)
	own := &http.Client{Timeout: time.Minute, Transport: http.DefaultTransport.(*http.Transport).Clone(), Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		t.Error("the caller's CheckRedirect was asked")
		return nil
	}}
	was := *own
	for _, c := range []*http.Client{client(own, 1, time.Minute), client(nil, 1, time.Minute), client(&http.Client{Transport: own.Transport}, 1, 0)} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			req, err := http.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("%s/%d", first.URL, status), strings.NewReader("{}"))
			require.NoError(t, err)
			req.Header.Set("Authorization", "signed")
			resp, err := c.Do(req)
			require.NoError(t, err)
			assert.Equal(t, status, resp.StatusCode)
			assert.NoError(t, resp.Body.Close())
		}
		c.CloseIdleConnections()
	}
	assert.Zero(t, reached.Load())

	c := client(own, 1, time.Minute)
	assert.NotSame(t, own, c)
	assert.Equal(t, was.Timeout, c.Timeout)
	assert.Same(t, was.Transport, c.Transport)
	assert.Same(t, jar, c.Jar)
	assert.Equal(t, fmt.Sprintf("%p", was.CheckRedirect), fmt.Sprintf("%p", own.CheckRedirect), "the caller's client is left as it is")
}

type nothingToEat struct{}

func (*nothingToEat) SetCookies(*url.URL, []*http.Cookie) {}
func (*nothingToEat) Cookies(*url.URL) []*http.Cookie     { return nil }

func TestBaseURL(t *testing.T) {
	t.Parallel()
	good := []string{
		"https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com/", "HTTPS://api2.mch.weixin.qq.com", "https://host:8443", "https://192.0.2.1", "https://[2001:db8::1]:443",
		"http://localhost", "http://localhost:8080/", "http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:8080",
	}
	for _, s := range good {
		u, err := BaseURL(s)
		require.NoError(t, err, s)
		assert.Equal(t, strings.TrimSuffix(strings.Replace(s, "HTTPS", "https", 1), "/"), u.Scheme+"://"+u.Host)
	}
	bad := []string{
		"", " ", "host", "//host", "/path", "host:443", "localhost:8080", "https:", "https://", "https:///", "https://:443", "https:host", "https://ho st", "https://%zz", "\x00", " https://host",
		"https://host/v3", "https://host//", "https://host/.", "https://host?", "https://host/?", "https://host?a=b", "https://host#", "https://host/#", "https://host#a", "https://user@host", "https://user:password@host", "https://@host",
		"http://host", "http://api.mch.weixin.qq.com", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://10.0.0.1", "http://0.0.0.0", "http://2130706433", "http://127.1", "http://[::2]", "http://user@localhost",
		"https://host:", "https://host,", "https://host;", `https://host"`, "https://host'", "https://`host`", "https://<host>", "https://host\u3000", "https://主机",
		"ftp://host", "ws://localhost", "file:///etc/passwd", "unix:/run/socket", "javascript://host/", "httpss://host",
	}
	for _, s := range bad {
		u, err := BaseURL(s)
		assert.Error(t, err, "%q", s)
		assert.Nil(t, u)
		if err != nil && strings.Contains(s, "password") {
			assert.NotContains(t, err.Error(), "password")
		}
	}
}

func TestWhatNeverLeft(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://host", Err: fmt.Errorf("wrapped: %w", err)}
	}
	tests := map[string]struct {
		err                  error
		neverSent, untrusted bool
	}{
		"refused":          {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true, false},
		"no route":         {&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, true, false},
		"dial too slow":    {&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, true, false},
		"unknown host":     {&net.OpError{Op: "dial", Err: &net.DNSError{Name: "host", IsNotFound: true}}, true, false},
		"resolver down":    {&net.DNSError{Name: "host", IsTemporary: true}, true, false},
		"proxy refused":    {&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, true, false},
		"certificate":      {&tls.CertificateVerificationError{Err: x509.HostnameError{}}, true, true},
		"authority":        {x509.UnknownAuthorityError{}, true, false},
		"reset on read":    {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false, false},
		"broken on write":  {&net.OpError{Op: "write", Err: syscall.EPIPE}, false, false},
		"end":              {io.EOF, false, false},
		"unexpected end":   {io.ErrUnexpectedEOF, false, false},
		"deadline":         {context.DeadlineExceeded, false, false},
		"cancelled":        {context.Canceled, false, false},
		"TLS alert":        {&net.OpError{Op: "remote error", Err: tls.AlertError(80)}, false, false},
		"record, later on": {tls.RecordHeaderError{Msg: "unsupported version"}, false, true},
		"none":             {nil, false, false},
	}
	for name, tt := range tests {
		assert.Equal(t, tt.neverSent, NeverSent(tt.err), name)
		assert.Equal(t, tt.untrusted, Untrusted(tt.err), name)
		if tt.err != nil {
			assert.Equal(t, tt.neverSent, NeverSent(wrap(tt.err)), name)
			assert.Equal(t, tt.untrusted, Untrusted(wrap(tt.err)), name)
		}
	}
}

// The same with what really happens on sockets.
func TestWhatNeverLeftOnSockets(t *testing.T) {
	t.Parallel()
	listen := func(serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				serve(c)
				_ = c.Close()
			}
		}()
		t.Cleanup(func() {
			_ = l.Close()
			<-done
		})
		return l.Addr().String()
	}
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	var reached atomic.Int32
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	untrusted.Config.ErrorLog = quiet
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)

	viaProxy := http.DefaultTransport.(*http.Transport).Clone()
	viaProxy.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: closed()})
	notFound := http.DefaultTransport.(*http.Transport).Clone()
	notFound.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("resolver is down")
	}}}).DialContext

	hangUp := listen(func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	tests := map[string]struct {
		client               *http.Client
		url                  string
		neverSent, untrusted bool
	}{
		"closed port":           {client(nil, 1, time.Minute), "https://" + closed(), true, false},
		"unknown host":          {client(&http.Client{Transport: notFound}, 1, 0), "https://api.mch.weixin.qq.com.invalid", true, false},
		"proxy's port closed":   {client(&http.Client{Transport: viaProxy}, 1, 0), "https://api.mch.weixin.qq.com.invalid", true, false},
		"S10 self-signed":       {client(nil, 1, time.Minute), untrusted.URL, true, true},
		"S10 no TLS at all":     {client(nil, 1, time.Minute), "https://" + listen(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n"); drain(c) }), true, true},
		"hangs up":              {client(nil, 1, time.Minute), "http://" + hangUp, false, false},
		"hangs up in handshake": {client(nil, 1, time.Minute), "https://" + hangUp, false, false},
		"answers what is no HTTP": {client(nil, 1, time.Minute), "http://" + listen(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "hello\r\n\r\n")
			drain(c)
		}), false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer tt.client.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), "POST", tt.url, strings.NewReader("{}"))
			require.NoError(t, err)
			_, err = tt.client.Do(req)
			require.Error(t, err)
			assert.Equal(t, tt.neverSent, NeverSent(err), "%v", err)
			assert.Equal(t, tt.untrusted, Untrusted(err), "%v", err)
		})
	}
	assert.Zero(t, reached.Load())
}

var quiet = log.New(io.Discard, "", 0)

func drain(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n           int
		base, bound time.Duration
	}{
		{1, 100 * time.Millisecond, 100 * time.Millisecond},
		{2, 100 * time.Millisecond, 200 * time.Millisecond},
		{3, 100 * time.Millisecond, 400 * time.Millisecond},
		{8, 100 * time.Millisecond, 12800 * time.Millisecond},
		{9, 100 * time.Millisecond, 20 * time.Second},
		{1, time.Second, time.Second},
		{5, time.Second, 16 * time.Second},
		{6, time.Second, 20 * time.Second},
		{19, time.Hour, 20 * time.Second},
		{20, 1, 20 * time.Second},
		{63, time.Second, 20 * time.Second},
		{64, time.Second, 20 * time.Second},
		{math.MaxInt, time.Second, 20 * time.Second},
		{1, 1, 1},
	} {
		least, most := time.Duration(math.MaxInt64), time.Duration(0)
		for range 2000 {
			d := Backoff(tt.n, tt.base)
			least, most = min(least, d), max(most, d)
		}
		assert.Positive(t, least)
		assert.LessOrEqual(t, most, tt.bound, "attempt %d", tt.n)
		assert.GreaterOrEqual(t, most, tt.bound*9/10, "attempt %d: the whole range is used", tt.n)
		assert.LessOrEqual(t, least, max(tt.bound/10, 1), "attempt %d: the whole range is used", tt.n)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for v, want := range map[string]time.Duration{
			"": 0, "0": 0, "1": time.Second, "120": 2 * time.Minute, "-1": 0, "soon": 0, "1.5": 0, "5s": 0, "0x5": 0, "1e3": 0,
			"99999999":             1 << 20 * time.Second, // 12 days, which no context waits for
			"99999999999999999999": 0,
			in(30 * time.Second):   30 * time.Second,
			in(0):                  0,
			in(-time.Hour):         0,
			time.Now().Add(time.Minute).UTC().Format(time.RFC850): time.Minute,
			time.Now().Add(time.Minute).Format(time.RFC3339):      0,
		} {
			assert.Equal(t, want, RetryAfter(http.Header{"Retry-After": {v}}), "%q", v)
		}
		assert.Zero(t, RetryAfter(nil))
		assert.Zero(t, RetryAfter(http.Header{}))
	})
}

func TestSleep(t *testing.T) {
	t.Parallel()
	shutdown := errors.New("shutting down")
	cancelled := func(after time.Duration, cause error) func(context.Context) (context.Context, func()) {
		return func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			if after == 0 {
				cancel(cause)
			}
			timer := time.AfterFunc(after, func() { cancel(cause) })
			return ctx, func() { timer.Stop(); cancel(nil) }
		}
	}
	tests := map[string]struct {
		ctx  func(context.Context) (context.Context, func())
		d    time.Duration
		took time.Duration
		want []error // all of them
		not  error
	}{
		"whole":             {nil, time.Hour, time.Hour, nil, nil},
		"none":              {nil, 0, 0, nil, nil},
		"below zero":        {nil, -time.Hour, 0, nil, nil},
		"cancelled":         {cancelled(time.Second, nil), time.Hour, time.Second, []error{context.Canceled}, nil},
		"with a cause":      {cancelled(time.Second, shutdown), time.Hour, time.Second, []error{context.Canceled, shutdown}, nil},
		"cancelled later":   {cancelled(2*time.Hour, nil), time.Hour, time.Hour, nil, nil},
		"before":            {cancelled(0, shutdown), time.Hour, 0, []error{context.Canceled, shutdown}, nil},
		"before, and no d":  {cancelled(0, shutdown), 0, 0, []error{context.Canceled, shutdown}, nil},
		"no time for it":    {timeout(time.Minute, nil), time.Hour, 0, []error{context.DeadlineExceeded}, nil},
		"time enough":       {timeout(time.Hour+1, nil), time.Hour, time.Hour, nil, nil},
		"time is over":      {timeout(-1, nil), time.Hour, 0, []error{context.DeadlineExceeded}, nil},
		"over with a cause": {timeout(-1, shutdown), time.Hour, 0, []error{context.DeadlineExceeded, shutdown}, nil},
		"cancelled, and no time either": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := cancelled(0, shutdown)(ctx)
			ctx, stop := context.WithTimeout(ctx, time.Minute)
			return ctx, func() { stop(); cancel() }
		}, time.Hour, 0, []error{context.Canceled, shutdown}, context.DeadlineExceeded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, end := t.Context(), func() {}
				if tt.ctx != nil {
					ctx, end = tt.ctx(ctx)
				}
				defer end()
				start := time.Now()
				err := Sleep(ctx, tt.d)
				assert.Equal(t, tt.took, time.Since(start))
				if tt.want == nil {
					assert.NoError(t, err)
					return
				}
				for _, want := range tt.want {
					assert.ErrorIs(t, err, want)
				}
				if tt.not != nil {
					assert.NotErrorIs(t, err, tt.not)
				}
				assert.NotContains(t, err.Error(), "\n")
			})
		})
	}
}

func timeout(d time.Duration, cause error) func(context.Context) (context.Context, func()) {
	return func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
		return ctx, cancel
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	assert.NoError(t, Ended(t.Context()))
	shutdown := errors.New("shutting down")
	for want, cause := range map[string]error{
		"context canceled":                nil,
		"context canceled: shutting down": shutdown,
		"stopped: context canceled":       fmt.Errorf("stopped: %w", context.Canceled),
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		err := Ended(ctx)
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, context.Canceled)
		if cause != nil {
			assert.ErrorIs(t, err, cause)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                "",
		"频率过高 😀":                          "频率过高 😀",
		"a\r\nb\tc":                       "a  b c",
		"\x1b[31m\x00\x7f":                " [31m  ",
		"a\u0085b\u009b2Jc\u2028d\u2029e": "a b 2Jc d e",
		"a\xffb":                          "a\ufffdb",
		strings.Repeat("频", 512):          strings.Repeat("频", 512),
		strings.Repeat("频", 513):          strings.Repeat("频", 512) + "…",
		strings.Repeat("\n", 9999):        strings.Repeat(" ", 512) + "…",
	} {
		assert.Equal(t, want, OneLine(s))
	}
}

func TestUploadTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		timeout time.Duration
		size    int64
		want    time.Duration
	}{
		{30 * time.Second, 0, time.Minute},
		{30 * time.Second, 1 << 20, 76 * time.Second},
		{30 * time.Second, -1, time.Minute},
		{time.Second, 1 << 50, 30*24*time.Hour + 2*time.Second},
		{math.MaxInt64, math.MaxInt64, 90 * 24 * time.Hour},
	} {
		assert.Equal(t, tt.want, UploadTime(tt.timeout, tt.size), "%v", tt)
	}
}

func TestMangled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"a":"b"}`: false, `{"a":"中文 \\ufffd \\\\ufffd \\"}`: false, ``: false, `\`: false,
		"{\"a\":\"\xd6\xd0\"}": true, "{\"a\":\"\ufffd\"}": true, `{"a":"\ufffd"}`: true, `{"a":"\\\ufffd"}`: true, `\ufffd`: true,
	} {
		assert.Equal(t, want, Mangled([]byte(text)), text)
	}
}
