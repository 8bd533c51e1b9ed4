package notify_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
)

// A sender that drips or stalls holds its handler for Config.Timeout and no longer, on real sockets.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		drip        time.Duration // between two bytes; 0: nothing after the first
		timeout     time.Duration // of the handler
		readTimeout time.Duration // of the server
		wrap        func(http.Handler) http.Handler
		least, most time.Duration // the server's time begins before the handler's
	}{
		"drip":                    {20 * time.Millisecond, 300 * time.Millisecond, 0, nil, 300 * time.Millisecond, 5 * time.Second},
		"stall":                   {0, 300 * time.Millisecond, 0, nil, 300 * time.Millisecond, 5 * time.Second},
		"stall, generous server":  {0, 300 * time.Millisecond, time.Minute, nil, 300 * time.Millisecond, 5 * time.Second},
		"stall, strict server":    {0, 15 * time.Second, 2 * time.Second, nil, 0, 10 * time.Second},
		"drip, no deadlines here": {20 * time.Millisecond, 300 * time.Millisecond, 0, plainWriter, 300 * time.Millisecond, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan notify.Delivery, 1)
			var h http.Handler = notify.New(publicKeyClient(offline(t)), notify.Config{
				Timeout: test.timeout,
				Observe: func(_ context.Context, d notify.Delivery) { seen <- d },
			})
			if test.wrap != nil {
				h = test.wrap(h)
			}
			server := httptest.NewUnstartedServer(h)
			server.Config.ReadTimeout = test.readTimeout
			server.Start()
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
			require.NoError(t, err)
			if test.drip > 0 {
				go func() {
					for {
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
						time.Sleep(test.drip)
					}
				}()
			}
			select {
			case d := <-seen:
				assert.Equal(t, 408, d.Status, "%v", d.Err)
				assert.GreaterOrEqual(t, d.Duration, test.least)
				assert.Less(t, d.Duration, test.most)
			case <-time.After(time.Minute):
				t.Fatal("the handler is still held")
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer answer.Body.Close()
			text, _ := io.ReadAll(answer.Body)
			assert.Equal(t, 408, answer.StatusCode)
			assert.True(t, answer.Close, "nobody waits for the rest")
			assert.Equal(t, `{"code":"FAIL","message":"body came too slowly"}`, string(text))
		})
	}
}

// plainWriter hides what an http.ResponseWriter can do, as careless middleware does.
func plainWriter(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
}

// deliver sends a genuine notification to a server and returns the status of its answer.
func deliver(t *testing.T, server *httptest.Server, m message) int {
	t.Helper()
	body := m.String()
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = sign(platformKey(), keyID, time.Now(), body)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// The limit is that of the body: work that is late is not cut off by it, and the connection goes on.
func TestSlowWorkAfterBody(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 2)
	h := notify.New(publicKeyClient(offline(t)), notify.Config{
		Timeout: 200 * time.Millisecond,
		Fallback: func(ctx context.Context, _ *notify.Event) error {
			<-ctx.Done()
			time.Sleep(200 * time.Millisecond)
			return nil
		},
		Observe: func(ctx context.Context, _ notify.Delivery) { ended <- ctx.Err() },
	})
	server := httptest.NewServer(h)
	defer server.Close()
	for i := range 2 {
		assert.Equal(t, 204, deliver(t, server, message{id: fmt.Sprint("EV-", i)}))
		assert.NoError(t, <-ended, "the request's context ended though its sender waits")
	}
}

// No duration overflows.
func TestEndlessTimeout(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{math.MaxInt64, math.MinInt64, -1} {
		h := notify.New(publicKeyClient(offline(t)), notify.Config{
			Timeout:  timeout,
			Fallback: func(ctx context.Context, _ *notify.Event) error { return ctx.Err() },
		})
		server := httptest.NewServer(h)
		assert.Equal(t, 204, deliver(t, server, message{}), timeout)
		server.Close()
	}
}

// Certificates that are long in coming do not hold a handler past its time.
func TestSlowCertificates(t *testing.T) {
	t.Parallel()
	body := message{}.String()
	_, serial := certificate()
	synctest.Test(t, func(t *testing.T) {
		h := notify.New(certificateClient(roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})), notify.Config{})
		start := time.Now()
		w := serve(h, request(sign(platformKey(), serial, time.Now(), body), body))
		assert.Equal(t, 401, w.Code)
		assert.Equal(t, 4*time.Second, time.Since(start))
		time.Sleep(10 * time.Minute) // the download has a life of its own
	})
}

// A forgery that names unknown keys under the mark of the probe costs one download, as any forgery does.
func TestProbesLoadOnce(t *testing.T) {
	t.Parallel()
	mock := certificates()
	client, body := certificateClient(mock), message{}.String()
	header := sign(strangerKey(), "", time.Now(), body)
	header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+header.Get("Wechatpay-Signature"))
	for i := range 50 {
		header.Set("Wechatpay-Serial", fmt.Sprintf("%040X", i))
		_, err := notify.Parse(client, request(header, body))
		require.NotErrorIs(t, err, wxpay.ErrSignatureProbe)
	}
	_, serial := certificate()
	header.Set("Wechatpay-Serial", serial)
	_, err := notify.Parse(client, request(header, body))
	require.ErrorIs(t, err, wxpay.ErrSignatureProbe)
	assert.Equal(t, 1, mock.GetTotalCallCount())
}
