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

func TestMangled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"a":"b"}`: false, `{"a":"中文 \\ufffd \\\\ufffd \\"}`: false, ``: false, `\`: false,
		"{\"a\":\"\xd6\xd0\"}": true, "{\"a\":\"\ufffd\"}": true, `{"a":"\ufffd"}`: true, `{"a":"\\\ufffd"}`: true, `\ufffd`: true,
	} {
		assert.Equal(t, want, Mangled([]byte(text)), text)
	}
}
