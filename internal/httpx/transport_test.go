package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTransportSettings(t *testing.T) {
	t.Parallel()
	calls, uploads := own(7, 9*time.Second)
	assert.Equal(t, 9*time.Second, calls.ResponseHeaderTimeout)
	assert.Zero(t, uploads.ResponseHeaderTimeout)
	for _, own := range []*http.Transport{calls, uploads} {
		assert.Less(t, own.IdleConnTimeout, 8*time.Second, "the platform closes after 8 s")
		assert.Equal(t, 7, own.MaxIdleConnsPerHost)
		assert.Zero(t, own.MaxIdleConns)
		assert.Zero(t, own.MaxConnsPerHost)
		assert.True(t, own.DisableCompression)
		assert.False(t, own.DisableKeepAlives)
		assert.NotNil(t, own.Proxy, "a proxy of the environment is kept")
		assert.Equal(t, uint16(tls.VersionTLS12), own.TLSClientConfig.MinVersion)
		assert.LessOrEqual(t, own.TLSHandshakeTimeout, 5*time.Second)
		assert.EqualValues(t, 64<<10, own.MaxResponseHeaderBytes)
		assert.False(t, own.TLSClientConfig.InsecureSkipVerify)
	}
	assert.NotEqual(t, http.DefaultTransport.(*http.Transport).IdleConnTimeout, calls.IdleConnTimeout, "the default transport is left as it is")
}

// own are the transports of our own.
func own(concurrency int, header time.Duration) (calls, uploads *http.Transport) {
	c, u := transports(concurrency, header)
	return c.(*http.Transport), u.(*http.Transport)
}

// client is the one for calls.
func client(c *http.Client, concurrency int, header time.Duration) *http.Client {
	calls, _ := Clients(c, concurrency, header)
	return calls
}

// swapDefault puts another http.DefaultTransport in place. Tests that call it are not parallel.
func swapDefault(t *testing.T, rt http.RoundTripper) {
	was := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = was })
	http.DefaultTransport = rt
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := ReadAll(resp, 1<<20)
	require.NoError(t, err)
	return resp, string(body)
}

// A client made while httpmock is active goes to the mock. One made before keeps its own transport: what
// replaces the global one later, mock or not, is not trusted with it.
func TestStepsAsideForHTTPMock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "real") }))
	defer server.Close()
	before := client(nil, 1, time.Minute)
	defer before.CloseIdleConnections()
	httpmock.Activate(t)
	httpmock.RegisterResponder("GET", server.URL, httpmock.NewStringResponder(200, "mocked"))
	_, body := get(t, client(nil, 1, time.Minute), server.URL)
	assert.Equal(t, "mocked", body)
	_, body = get(t, before, server.URL)
	assert.Equal(t, "real", body)
}

// Whatever is done to http.DefaultTransport, before or after, a host without a trusted certificate is refused.
func TestTLSIsOurOwn(t *testing.T) { // not parallel: it changes http.DefaultTransport
	var reached atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	loose := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	before := client(nil, 1, time.Minute)
	swapDefault(t, loose)
	for name, c := range map[string]*http.Client{"before": before, "after": client(nil, 1, time.Minute)} {
		_, err := c.Get(server.URL)
		assert.True(t, Untrusted(err), "%s: %v", name, err)
		c.CloseIdleConnections()
	}
	loose.TLSClientConfig.InsecureSkipVerify = true
	_, err := before.Get(server.URL)
	assert.True(t, Untrusted(err), "%v", err)
	assert.Zero(t, reached.Load())
}

func TestTLS(t *testing.T) {
	t.Parallel()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} // what must be refused
	old.Config.ErrorLog = quiet
	old.StartTLS()
	defer old.Close()
	h2 := httptest.NewUnstartedServer(http.NotFoundHandler())
	h2.EnableHTTP2 = true
	h2.StartTLS()
	defer h2.Close()
	tr, _ := own(1, time.Minute)
	tr.TLSClientConfig.RootCAs = old.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs // all servers of httptest share one certificate
	c := client(&http.Client{Transport: tr}, 1, 0)
	defer c.CloseIdleConnections()
	_, err := c.Get(old.URL)
	assert.ErrorContains(t, err, "protocol version")
	resp, _ := get(t, c, h2.URL)
	assert.Equal(t, 2, resp.ProtoMajor, "HTTP/2 still works")
}

// pipes is a listener in memory, so that a real server and a real transport run on virtual time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// onPipes serves h with the idle time of the platform and returns clients that reach it.
func onPipes(t *testing.T, header time.Duration, h http.HandlerFunc) (calls, uploads *http.Client) {
	p := newPipes()
	server := &http.Server{Handler: h, IdleTimeout: 8 * time.Second, ErrorLog: quiet}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p)
	}()
	calls, uploads = Clients(nil, 4, header)
	for _, c := range []*http.Client{calls, uploads} {
		c.Transport.(*http.Transport).DialContext = p.DialContext
	}
	t.Cleanup(func() {
		calls.CloseIdleConnections()
		uploads.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return calls, uploads
}

// R8: the platform closes what was idle for 8 s. Whatever the pause between two requests, none runs into
// that; a POST, which nobody repeats, shows it.
func TestR8PausesAroundTheIdleTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var conns atomic.Int32
		c, _ := onPipes(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
			if n, err := io.Copy(io.Discard, r.Body); n != 2 || err != nil {
				t.Errorf("%d bytes arrived: %v", n, err)
			}
		})
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				conns.Add(1)
			}
		}})
		pauses := []time.Duration{0, 4 * time.Second, 5 * time.Second, 8 * time.Second}
		for i := range 2000 {
			req, err := http.NewRequestWithContext(ctx, "POST", "http://pipe/", strings.NewReader("{}"))
			require.NoError(t, err)
			resp, err := c.Do(req)
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			require.NoError(t, resp.Body.Close())
			time.Sleep(pauses[i%4] + rand.N(2*time.Millisecond) - time.Millisecond)
		}
		assert.Greater(t, conns.Load(), int32(500))
		assert.Less(t, conns.Load(), int32(1500), "and connections are kept while they may")
	})
}

// R8 on real sockets: a server that drops every connection a moment after its answer. Reads do not see it.
func TestR8ServerDropsIdleConnections(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	state := server.Config.ConnState
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if state != nil {
			state(c, s)
		}
		if s == http.StateIdle {
			time.AfterFunc(rand.N(100*time.Microsecond), func() { _ = c.Close() })
		}
	}
	server.Start()
	defer server.Close()
	c := client(nil, 4, time.Minute)
	defer c.CloseIdleConnections()
	var taken atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { taken.Add(1) }})
	for i := range 500 {
		req, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
		require.NoError(t, err)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := ReadAll(resp, 10)
		require.NoError(t, err)
		require.Equal(t, "ok", string(body))
		require.NoError(t, resp.Body.Close())
	}
	assert.Greater(t, taken.Load(), int32(500), "some requests met a connection that was just being dropped")
}

// The header of an answer has its time; that of an upload, which the platform works through first, has the call's,
// whatever their sizes.
func TestHeaderTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls, uploads := onPipes(t, 10*time.Second, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
			}
		})
		for size, c := range map[int]*http.Client{2: calls, 1 << 20: calls, 3: uploads, 2 << 20: uploads} {
			want := 10 * time.Second
			if c == uploads {
				want = time.Minute
			}
			start := time.Now()
			resp, err := c.Post("http://pipe/", "text/plain", strings.NewReader(strings.Repeat("x", size)))
			assert.Equal(t, want, time.Since(start), "%d bytes", size)
			if want == time.Minute {
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				continue
			}
			assert.ErrorContains(t, err, "awaiting response headers")
			var late net.Error
			assert.True(t, errors.As(err, &late) && late.Timeout())
			assert.False(t, NeverSent(err))
		}
	})
}
