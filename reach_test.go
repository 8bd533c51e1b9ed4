package wxpay_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// socket serves every connection with serve until the test ends, and returns the address.
func socket(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + l.Addr().String()
}

// takes reads whole requests, counts them, and hangs up without an answer.
func takes(n *atomic.Int64) func(net.Conn) {
	return func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			n.Add(1)
		}
	}
}

// A write that a server has read is not repeated, and not said to be unsent, whatever becomes of the
// connection; one that may be repeated is.
func TestWriteThatLeftIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, transport := range map[string]func() http.RoundTripper{
		"our transport":       func() http.RoundTripper { return nil },
		"the caller's":        func() http.RoundTripper { return new(http.Transport) },
		"one that repeats":    func() http.RoundTripper { return repeating{new(http.Transport)} },
		"one that lost sight": func() http.RoundTripper { return connectionsOnly{new(http.Transport)} },
	} {
		for _, idempotent := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var done atomic.Int64
				config := newPlatform(t, answer{}).config()
				config.HTTPClient, config.BaseURL = nil, socket(t, takes(&done))
				if own := transport(); own != nil {
					config.HTTPClient = &http.Client{Transport: own}
				}
				client, err := wxpay.New(config)
				require.NoError(t, err)
				_, err = wxpay.Do[struct{}](t.Context(), client, write(idempotent))
				assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
				want := int64(1)
				if idempotent {
					want = 3
				}
				assert.Equal(t, want, done.Load())
			})
		}
	}
}

// repeating is a transport that sends again by itself, and then finds no host.
type repeating struct{ next http.RoundTripper }

func (r repeating) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		again := req.Clone(req.Context())
		again.URL.Host = "127.0.0.1:1"
		again.Body = http.NoBody
		if req.GetBody != nil {
			again.Body, _ = req.GetBody()
		}
		return r.next.RoundTrip(again)
	}
	return resp, nil
}

// connectionsOnly tells when it asks for a connection and when it has one, but not what it writes.
type connectionsOnly struct{ next http.RoundTripper }

func (c connectionsOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(req.Context())
	trace.GetConn("")
	trace.GotConn(httptrace.GotConnInfo{})
	return c.next.RoundTrip(req.WithContext(context.WithoutCancel(silent{req.Context()})))
}

// silent hides the hooks of a context.
type silent struct{ context.Context }

func (silent) Value(any) any { return nil }

// A connection that was refused is not a write that left, also if one before it was kept and closed.
func TestWriteThatNeverLeft(t *testing.T) {
	t.Parallel()
	config := newPlatform(t, answer{}).config()
	config.HTTPClient, config.BaseURL = nil, "http://127.0.0.1:1"
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[struct{}](t.Context(), client, write(false))
	assert.ErrorContains(t, err, "not sent")
	assert.False(t, wxpay.OutcomeUnknown(err))
}

// What no header can carry is noticed here; net/http would refuse it without sending.
func TestHeaderThatCannotBeSent(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{})
	call := write(false)
	call.Serial = "PUB_KEY\r\nX-Evil: 1"
	_, err := wxpay.Do[struct{}](t.Context(), p.client(), call)
	assert.ErrorContains(t, err, "Wechatpay-Serial")
	assert.False(t, wxpay.OutcomeUnknown(err))

	config := p.config()
	config.Signer = signerOf{"1900\n0001"}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[struct{}](t.Context(), client, write(false))
	assert.ErrorContains(t, err, "not sent")
	assert.ErrorContains(t, err, "Authorization")
	assert.False(t, wxpay.OutcomeUnknown(err))
	assert.Empty(t, p.requests())
}

// A main host that accepts and never answers: each call gives it what time it has, and after three in a row
// the backup serves.
func TestSilentHostOnSockets(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	backup := httptest.NewServer(server)
	defer backup.Close()
	var main atomic.Int64
	config := server.Config()
	config.BaseURL, config.BackupURL = socket(t, func(c net.Conn) {
		main.Add(1)
		io.Copy(io.Discard, c)
	}), backup.URL
	config.HTTPClient, config.Timeout = nil, 400*time.Millisecond
	client, err := wxpay.New(config)
	require.NoError(t, err)
	for n := range 8 {
		_, err := wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
		if n < 3 {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, wxpay.OutcomeUnknown(err))
			continue
		}
		assert.NoError(t, err)
	}
	assert.EqualValues(t, 3, main.Load())
}

// lines connects a transport with servers by pipes, so that both run on virtual time.
type lines map[string]func(ctx context.Context) (net.Conn, error)

// transport keeps no connection longer than the test runs.
func (l lines) transport(t *testing.T) *http.Transport {
	own := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.ConnectStart != nil { // as a net.Dialer tells it
			trace.ConnectStart(network, addr)
		}
		return l[addr](ctx)
	}}
	t.Cleanup(own.CloseIdleConnections)
	return own
}

// serving is a line to h.
func serving(t *testing.T, h http.Handler) func(context.Context) (net.Conn, error) {
	conns := make(chan net.Conn)
	l := pipeListener{conns, make(chan struct{})}
	s := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return func(ctx context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error   { close(l.done); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// Whatever the transport, a host that cannot be reached is left for the backup in seconds: two attempts each,
// the main host asked three times and then every half minute.
func TestHostThatCannotBeReached(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	wrap := func(rt http.RoundTripper) http.RoundTripper { return transport(rt.RoundTrip) }
	for name, wrapped := range map[string]func(http.RoundTripper) http.RoundTripper{
		"plain": func(rt http.RoundTripper) http.RoundTripper { return rt }, "wrapped": wrap,
		"limited": func(rt http.RoundTripper) http.RoundTripper { rt.(*http.Transport).MaxConnsPerHost = 4; return rt },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var main atomic.Int64
				inner := lines{
					"127.0.0.1:80": func(ctx context.Context) (net.Conn, error) { main.Add(1); <-ctx.Done(); return nil, ctx.Err() },
					"127.0.0.2:80": serving(t, server),
				}.transport(t)
				config := server.Config()
				config.BaseURL, config.BackupURL = "http://127.0.0.1", "http://127.0.0.2"
				config.HTTPClient = &http.Client{Transport: wrapped(inner)}
				attempts := 0
				config.Observe = func(context.Context, wxpay.Exchange) { attempts++ }
				client, err := wxpay.New(config)
				require.NoError(t, err)
				for n := range 10 {
					start := time.Now()
					attempts = 0
					_, err := wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
					require.NoError(t, err)
					assert.LessOrEqual(t, attempts, 2)
					if n < 3 {
						assert.InDelta(t, 5, time.Since(start).Seconds(), 0.2)
					} else {
						assert.Less(t, time.Since(start), time.Second)
					}
				}
				assert.EqualValues(t, 3, main.Load())
			})
		})
	}
}

// Calls that wait for one another, since their transport limits its connections, are at a host that is there.
func TestWaitingForAConnection(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(4 * time.Second)
			server.ServeHTTP(w, r)
		})
		inner := lines{"127.0.0.1:80": serving(t, slow)}.transport(t)
		inner.MaxConnsPerHost = 1
		config := server.Config()
		config.BaseURL = "http://127.0.0.1"
		config.HTTPClient = &http.Client{Transport: inner}
		var attempts atomic.Int64
		config.Observe = func(context.Context, wxpay.Exchange) { attempts.Add(1) }
		client, err := wxpay.New(config)
		require.NoError(t, err)
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				_, err := wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
				assert.NoError(t, err)
			})
		}
		calls.Wait()
		assert.EqualValues(t, 5, attempts.Load())
	})
}

// Nor do those that get no connection before their time is over say that the main host is not there.
func TestWaitingForAConnectionInVain(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		var main, backup atomic.Int64
		inner := lines{
			"127.0.0.1:80": serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				main.Add(1)
				time.Sleep(9 * time.Second)
				server.ServeHTTP(w, r)
			})),
			"127.0.0.2:80": func(context.Context) (net.Conn, error) { backup.Add(1); return nil, errors.New("not here") },
		}.transport(t)
		inner.MaxConnsPerHost = 1
		config := server.Config()
		config.BaseURL, config.BackupURL = "http://127.0.0.1", "http://127.0.0.2"
		config.HTTPClient = &http.Client{Transport: inner}
		config.Timeout, config.MaxAttempts = 10*time.Second, 1
		client, err := wxpay.New(config)
		require.NoError(t, err)
		call := func() error {
			_, err := wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
			return err
		}
		var calls sync.WaitGroup
		var ended atomic.Int64
		for range 6 {
			calls.Go(func() {
				if call() != nil {
					ended.Add(1)
				}
			})
		}
		calls.Wait()
		assert.EqualValues(t, 5, ended.Load(), "one after the other they take too long")
		before := main.Load()
		require.NoError(t, call())
		assert.EqualValues(t, 1, main.Load()-before)
		assert.Zero(t, backup.Load())
	})
}

// The bound is on reaching the host. What answers after 8 s over a connection that was made has its time, and
// when the call is over nothing of it is left hanging on the caller's context.
func TestSlowAnswerHasItsTime(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		inner := lines{"127.0.0.1:80": serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(8 * time.Second)
			server.ServeHTTP(w, r)
		}))}.transport(t)
		var seen context.Context
		config := server.Config()
		config.BaseURL = "http://127.0.0.1"
		config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			seen = req.Context()
			return inner.RoundTrip(req)
		})}
		client, err := wxpay.New(config)
		require.NoError(t, err)
		start := time.Now()
		_, err = wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
		require.NoError(t, err)
		assert.Equal(t, 8*time.Second, time.Since(start).Round(time.Second))
		assert.ErrorIs(t, seen.Err(), context.Canceled)
	})
}

// Connections that were kept go dead, and new ones are refused: two attempts.
func TestKeptConnectionsGoDead(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		alive := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if dead.Load() {
				<-r.Context().Done()
				return
			}
			server.ServeHTTP(w, r)
		}))
		inner := lines{
			"127.0.0.1:80": func(ctx context.Context) (net.Conn, error) {
				if dead.Load() {
					return nil, errDial
				}
				return alive(ctx)
			},
			"127.0.0.2:80": serving(t, server),
		}.transport(t)
		inner.ResponseHeaderTimeout = 10 * time.Second
		config := server.Config()
		config.BaseURL, config.BackupURL, config.HTTPClient = "http://127.0.0.1", "http://127.0.0.2", &http.Client{Transport: inner}
		attempts := 0
		config.Observe = func(context.Context, wxpay.Exchange) { attempts++ }
		client, err := wxpay.New(config)
		require.NoError(t, err)
		for n := range 6 {
			attempts = 0
			_, err = wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
			require.NoError(t, err)
			assert.LessOrEqual(t, attempts, 2)
			if n == 0 {
				dead.Store(true)
			}
		}
	})
}

// The header of an answer is bounded like its body.
func TestHeaderIsBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 9 << 10 {
			w.Header().Add("X-Filler", strings.Repeat("x", 1000))
		}
	}))
	defer server.Close()
	config := newPlatform(t, answer{}).config()
	config.HTTPClient, config.BaseURL, config.MaxAttempts = nil, server.URL, 1
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	assert.True(t, wxpay.OutcomeUnknown(err))
	assert.ErrorContains(t, err, "header")
}

// An upload that is refused before its end: the status arrives and the file is sent once.
func TestUploadRefusedEarly(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		c.Close()
	}))
	defer server.Close()
	config := newPlatform(t, answer{}).config()
	config.HTTPClient, config.BaseURL = nil, server.URL
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[struct{}](t.Context(), client, wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "m"}, File: media.Bytes("a.csv", make([]byte, 32<<20)), Idempotent: true,
	})
	e, ok := asError(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 413, e.StatusCode)
	assert.EqualValues(t, 1, requests.Load())
}

// signerOf signs for any merchant number.
type signerOf struct{ mchID string }

func (s signerOf) Sign(context.Context, string) (*wechat.SignatureResult, error) {
	return &wechat.SignatureResult{MchID: s.mchID, CertificateSerialNo: serialNo, Signature: "AAAA"}, nil
}

func (signerOf) Algorithm() string { return "SHA256-RSA2048" }

// brittle is a connection whose writing end can break, without a byte having left.
type brittle struct {
	net.Conn
	broken atomic.Bool
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, net.ErrClosed
	}
	return b.Conn.Write(p)
}

// An upload over a kept connection that broke meanwhile: net/http sends it over a new one, from the first byte
// of the file, although it may not be repeated, since nothing had left.
func TestUploadOverAConnectionThatBroke(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("x", 300<<10)
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.ContentLength > 1000 && !strings.Contains(string(body), content) {
			t.Errorf("%d bytes arrived", len(body))
		}
		resp := answer{body: `{"text":"b"}`}.response(r)
		maps.Copy(w.Header(), resp.Header)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer server.Close()
	var conns []*brittle
	inner := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		conns = append(conns, &brittle{Conn: c})
		return conns[len(conns)-1], err
	}}
	defer inner.CloseIdleConnections()
	config := p.config()
	config.BaseURL, config.HTTPClient = server.URL, &http.Client{Transport: inner}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	require.NoError(t, err)
	conns[0].broken.Store(true)
	_, err = wxpay.Do[echo](t.Context(), client, wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "m"}, File: media.Bytes("a.csv", []byte(content)),
	})
	require.NoError(t, err)
	assert.Len(t, conns, 2)
}

// A context that ends while the request is being signed: it is not handed to the transport.
func TestEndedWhileSigning(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{})
	config := p.config()
	ctx, cancel := context.WithCancel(t.Context())
	config.Signer = signing{cancel}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](ctx, client, write(false))
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "not sent")
	assert.False(t, wxpay.OutcomeUnknown(err))
	assert.Empty(t, p.requests())
}

// signing calls a function before it signs.
type signing struct{ first func() }

func (s signing) Sign(ctx context.Context, message string) (*wechat.SignatureResult, error) {
	s.first()
	return quick{}.Sign(ctx, message)
}

func (signing) Algorithm() string { return "SHA256-RSA2048" }
