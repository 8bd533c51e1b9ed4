package wxpay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// R7: with the main host unreachable, or silent, every call is served within two attempts, and the main host
// is used again within half a minute of its return, at the second outage as at the first.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]struct {
		after time.Duration
		err   error
	}{
		"black hole": {3 * time.Second, &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}},
		"silent":     {10 * time.Second, silence{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			merchantKey()
			down := false
			p := &platform{t: t}
			p.next = func(_ int, req *http.Request) (*http.Response, error) {
				if req.URL.Host == "api.mch.weixin.qq.com" && down {
					time.Sleep(fails.after)
					return nil, fails.err
				}
				return good.response(req), nil
			}
			synctest.Test(t, func(t *testing.T) {
				client := p.client()
				call := func() []sent {
					before := len(p.requests())
					_, err := wxpay.Do[echo](t.Context(), client, read("1"))
					require.NoError(t, err)
					require.LessOrEqual(t, len(p.requests())-before, 2)
					return p.requests()[before:]
				}
				for _, outage := range []time.Duration{10 * time.Minute, 133 * time.Second, 101 * time.Second} { // ends at any point of the grid of 30 s
					call()
					down = true
					missed, start := 0, time.Now()
					for time.Since(start) < outage {
						if call()[0].host == "api.mch.weixin.qq.com" {
							missed++
						}
						time.Sleep(2 * time.Second)
					}
					assert.LessOrEqual(t, missed, 3+int(outage/(30*time.Second))+1, "three to notice, then one probe every 30 s")
					down, start = false, time.Now()
					for call()[0].host != "api.mch.weixin.qq.com" {
						time.Sleep(time.Second)
					}
					assert.LessOrEqual(t, time.Since(start), 31*time.Second)
				}
			})
		})
	}
}

// silence is what a transport says of an answer that does not come.
type silence struct{}

func (silence) Error() string   { return "timeout awaiting response headers" }
func (silence) Timeout() bool   { return true }
func (silence) Temporary() bool { return true }

// Two misses, an answer, two misses: the main host is not left, since three did not come in a row.
func TestMissesInARow(t *testing.T) {
	t.Parallel()
	p := newPlan(t, refused, good, refused, good, good, refused, good, refused, good, good)
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 6 {
			before := len(p.requests())
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.NoError(t, err)
			assert.Equal(t, "api.mch.weixin.qq.com", p.requests()[before].host)
		}
		assert.Len(t, p.requests(), 10)
	})
}

func TestNoFailoverOnAnswers(t *testing.T) {
	t.Parallel()
	for _, s := range []step{throttled, fault, reset, denied} {
		p := newPlan(t, s)
		synctest.Test(t, func(t *testing.T) {
			client := p.client()
			for range 5 {
				_, err := wxpay.Do[echo](t.Context(), client, read("1"))
				require.Error(t, err)
			}
			for _, s := range p.requests() {
				assert.Equal(t, "api.mch.weixin.qq.com", s.host)
			}
		})
	}
}

// A context that ends while the connection is being made: nothing has left, and that is what the caller
// hears. It says nothing about the host, which goes on serving the others.
func TestEndedWhileDialing(t *testing.T) {
	t.Parallel()
	var backup atomic.Int64
	server := wxpaytest.New(t)
	main, other := httptest.NewServer(server), httptest.NewServer(server)
	defer main.Close()
	defer other.Close()
	var slow atomic.Bool
	slow.Store(true)
	config := server.Config()
	config.BaseURL, config.BackupURL = main.URL, other.URL
	config.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if "http://"+addr == other.URL {
			backup.Add(1)
		}
		if slow.Load() {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	for range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := wxpay.Do[map[string]any](ctx, client, faultCall(t, client, "", 0))
		cancel()
		require.Error(t, err)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "not sent")
		assert.False(t, wxpay.OutcomeUnknown(err))
	}
	slow.Store(false)
	_, err = wxpay.Do[map[string]any](t.Context(), client, faultCall(t, client, "", 0))
	assert.NoError(t, err)
	assert.Zero(t, backup.Load(), "impatient callers do not move the client to the other host")
	config.HTTPClient.CloseIdleConnections()
}

// The same while the answer is waited for.
func TestEndedWhileWaiting(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{hang: true}, step{hang: true}, step{hang: true}, step{hang: true}, good)
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := wxpay.Do[echo](ctx, client, read("1"))
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, wxpay.OutcomeUnknown(err))
		}
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.NoError(t, err)
		for _, s := range p.requests() {
			assert.Equal(t, "api.mch.weixin.qq.com", s.host)
		}
	})
}

// What a host without a trusted certificate is asked, is asked once.
func TestUntrustedHostIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}})
	_, err := wxpay.Do[echo](t.Context(), p.client(), read("1"))
	assert.ErrorContains(t, err, "not sent")
	assert.False(t, wxpay.Transient(err))
	assert.Len(t, p.requests(), 1)
}
