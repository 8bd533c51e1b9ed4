package wxpay_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

var (
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// plan is a transport that does one step after the other, the last one for ever.
type step struct {
	answer
	err  error
	hang bool
}

func newPlan(t testing.TB, steps ...step) *platform {
	merchantKey() // outside of any bubble
	return &platform{t: t, next: func(n int, req *http.Request) (*http.Response, error) {
		s := steps[min(n, len(steps))-1]
		switch {
		case s.hang:
			<-req.Context().Done()
			return nil, req.Context().Err()
		case s.err != nil:
			return nil, s.err
		}
		return s.answer.response(req), nil
	}}
}

func header(name, value string) func(*http.Response) {
	return func(r *http.Response) { r.Header.Set(name, value) }
}

var (
	good      = step{answer: answer{body: `{"text":"b"}`}}
	reset     = step{err: errReset}
	refused   = step{err: errDial}
	noHost    = step{err: &net.DNSError{Name: "api.mch.weixin.qq.com", IsNotFound: true}}
	fault     = step{answer: answer{status: 500, body: `{"code":"SYSTEM_ERROR","message":"m"}`}}
	throttled = step{answer: answer{status: 429, body: `{"code":"FREQUENCY_LIMITED","message":"m"}`}}
	unsure    = step{answer: answer{status: 429, body: `{"code":"FREQUENCY_LIMITED","message":"m"}`, change: unsigned}}
	pending   = step{answer: answer{status: 202, body: `{}`}}
	probe     = step{answer: answer{change: header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abc")}}
	denied    = step{answer: answer{status: 403, body: `{"code":"NO_AUTH","message":"m"}`}}

	deniedUnsigned = step{answer: answer{status: 403, body: `{"code":"NO_AUTH","message":"m"}`, change: unsigned}}
)

func TestAttempts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		steps []step
		// attempts and outcome for a read, an idempotent write, another write
		attempts [3]int
		outcome  [3]outcome
	}{
		{"good", []step{good}, [3]int{1, 1, 1}, [3]outcome{ok, ok, ok}},
		{"reset once", []step{reset, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, unknown}},
		{"reset always", []step{reset}, [3]int{3, 3, 1}, [3]outcome{unknown, unknown, unknown}},
		{"dial once", []step{refused, good}, [3]int{2, 2, 2}, [3]outcome{ok, ok, ok}},
		{"dial always", []step{refused}, [3]int{3, 3, 3}, [3]outcome{never, never, never}},
		{"no such host", []step{noHost}, [3]int{3, 3, 3}, [3]outcome{never, never, never}},
		{"500 once", []step{fault, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, unknown}},
		{"500 always", []step{fault}, [3]int{3, 3, 1}, [3]outcome{unknown, unknown, unknown}},
		{"429 once", []step{throttled, good}, [3]int{2, 2, 2}, [3]outcome{ok, ok, ok}},
		{"429 unsigned", []step{unsure, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, unknown}},
		{"denied, unsigned", []step{deniedUnsigned}, [3]int{1, 1, 1}, [3]outcome{refusal, unknown, unknown}},
		{"202 once", []step{pending, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, unknown}},
		{"probe once", []step{probe, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, unknown}},
		{"denied", []step{denied}, [3]int{1, 1, 1}, [3]outcome{refusal, refusal, refusal}},
		{"lost, then never left", []step{reset, refused}, [3]int{3, 3, 1}, [3]outcome{never, unknown, unknown}},
		{"lost, then throttled", []step{reset, throttled}, [3]int{3, 3, 1}, [3]outcome{refusal, unknown, unknown}},
		{"lost, then denied", []step{reset, denied}, [3]int{2, 2, 1}, [3]outcome{refusal, unknown, unknown}},
		{"never left, then lost", []step{refused, reset}, [3]int{3, 3, 2}, [3]outcome{unknown, unknown, unknown}},
	}
	calls := []wxpay.Call{read("1"), write(true), write(false)}
	for _, tt := range tests {
		for i, call := range calls {
			t.Run(tt.name+"/"+call.Route, func(t *testing.T) {
				t.Parallel()
				p := newPlan(t, tt.steps...)
				synctest.Test(t, func(t *testing.T) {
					_, err := wxpay.Do[echo](t.Context(), p.client(), call)
					assert.Len(t, p.requests(), tt.attempts[i])
					assert.Equal(t, tt.outcome[i], outcomeOf(err), "%v", err)
					if tt.outcome[i] == never {
						assert.ErrorContains(t, err, "not sent")
					}
					nonces := map[string]bool{}
					for _, s := range p.requests() {
						assert.Equal(t, p.requests()[0].body, s.body)
						nonces[s.nonce] = true
					}
					assert.Len(t, nonces, tt.attempts[i], "each attempt has a nonce of its own")
				})
			})
		}
	}
}

func TestWaitsBetweenAttempts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		step     step
		from, to time.Duration
	}{
		{"transient", fault, 0, 300 * time.Millisecond},
		{"throttled", throttled, 0, 3 * time.Second},
		{"Retry-After", step{answer: answer{status: 429, body: `{}`, change: header("Retry-After", "7")}}, 14 * time.Second, 14 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, tt.step)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := wxpay.Do[echo](t.Context(), p.client(), read("1"))
				require.Error(t, err)
				assert.GreaterOrEqual(t, time.Since(start), tt.from)
				assert.LessOrEqual(t, time.Since(start), tt.to)
				if tt.from == 0 {
					assert.Greater(t, time.Since(start), time.Duration(0))
				}
			})
		})
	}
}

func TestNoCallOutlivesItsTime(t *testing.T) {
	t.Parallel()
	hang := step{hang: true}
	later := step{answer: answer{status: 503, change: header("Retry-After", "60")}}
	tests := []struct {
		name   string
		step   step
		budget time.Duration // of the caller; 0: none
		takes  time.Duration
	}{
		{"own time-out", hang, 0, 30 * time.Second},
		{"caller's time-out", hang, 5 * time.Second, 5 * time.Second},
		{"no wait that cannot end in time", later, 5 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, tt.step)
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.budget > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.budget)
					defer cancel()
				}
				start := time.Now()
				_, err := wxpay.Do[echo](ctx, p.client(), read("1"))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.True(t, wxpay.OutcomeUnknown(err))
				assert.Equal(t, tt.takes, time.Since(start))
				assert.Len(t, p.requests(), 1)
			})
		})
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{answer: answer{status: 429, body: `{}`, change: header("Retry-After", "20")}})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := wxpay.Do[echo](ctx, p.client(), read("1"))
		assert.ErrorIs(t, err, context.Canceled)
		_, ok := errors.AsType[*wxpay.Error](err)
		assert.True(t, ok, "what the platform said is not lost: %v", err)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// R6: once the quota is used up, an outage is not answered with repetitions; success brings them back.
func TestQuota(t *testing.T) {
	t.Parallel()
	down := true
	p := &platform{t: t}
	p.next = func(_ int, req *http.Request) (*http.Response, error) {
		if down {
			return step{answer: answer{status: 503}}.response(req), nil
		}
		return good.response(req), nil
	}
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		const calls = 1000
		for range calls {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.Error(t, err)
		}
		assert.LessOrEqual(t, len(p.requests()), calls+500/14)
		down = false
		for range 28 {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.NoError(t, err)
		}
		down = true
		before := len(p.requests())
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.Error(t, err)
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

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
						time.Sleep(time.Second)
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

// FREQUENCY_LIMITED and its like are never repeated in parallel, however many calls were throttled.
func TestThrottledCallsRepeatOneAtATime(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		seen, inFlight := map[string]bool{}, 0
		var mu sync.Mutex
		p := &platform{t: t}
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			mu.Lock()
			again := seen[req.URL.Path]
			seen[req.URL.Path] = true
			if again {
				inFlight++
				if inFlight > 1 {
					t.Errorf("%d repetitions at once", inFlight)
				}
			}
			mu.Unlock()
			time.Sleep(50 * time.Millisecond)
			if !again {
				return throttled.response(req), nil
			}
			mu.Lock()
			inFlight--
			mu.Unlock()
			return good.response(req), nil
		}
		client := p.client()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := wxpay.Do[echo](t.Context(), client, read(fmt.Sprint(i)))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	})
}

// A repetition that its caller does not live to see costs the others nothing.
func TestGivingUpCostsNoQuota(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{answer: answer{status: 503, change: header("Retry-After", "5")}})
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 100 { // four times what the quota would pay for
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel) // in the middle of the wait
			_, err := wxpay.Do[echo](ctx, client, read("1"))
			require.ErrorIs(t, err, context.Canceled)
			cancel()
		}
		before := len(p.requests())
		require.Equal(t, 100, before)
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.Error(t, err)
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

// Nor does one that its caller gives up while others are before it.
func TestGivingUpInTheQueueCostsNoQuota(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		repeated := false
		p := &platform{t: t}
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v3/echo/slow" {
				if repeated {
					time.Sleep(time.Hour)
				}
				repeated = true
			}
			return throttled.response(req), nil
		}
		config := p.config()
		config.Timeout = 24 * time.Hour
		client, err := wxpay.New(config)
		require.NoError(t, err)
		call := func(ctx context.Context, id string) {
			_, err := wxpay.Do[echo](ctx, client, read(id))
			require.Error(t, err)
		}
		first, giveUp := context.WithCancel(t.Context())
		go call(first, "slow")
		time.Sleep(10 * time.Second) // its repetition is under way, and holds the queue
		for range 100 {              // four times what the quota would pay for
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			call(ctx, "1")
			cancel()
		}
		giveUp()
		time.Sleep(time.Minute)
		before := len(p.requests())
		call(t.Context(), "1")
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

// Nor does one that cannot be signed any more, as when a KMS goes away, or whose caller goes away meanwhile.
func TestUnsignedRepetitionsCostNoQuota(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"signer fails": true, "caller goes away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, fault)
			synctest.Test(t, func(t *testing.T) {
				key := &unsteady{Signer: merchantKey()}
				config := p.config()
				config.PrivateKey = key
				client, err := wxpay.New(config)
				require.NoError(t, err)
				call := func(signatures int) int {
					ctx, giveUp := context.WithCancel(t.Context())
					defer giveUp()
					key.left, key.after = signatures, func() error {
						if fails {
							return errors.New("KMS is not there")
						}
						giveUp()
						return nil
					}
					before := len(p.requests())
					_, err := wxpay.Do[echo](ctx, client, read("1"))
					require.Error(t, err)
					return len(p.requests()) - before
				}
				for range 100 { // four times what the quota would pay for
					require.Equal(t, 1, call(1))
				}
				assert.Equal(t, 3, call(3))
			})
		})
	}
}

// An unsteady key gives some signatures; before others something happens.
type unsteady struct {
	crypto.Signer
	left  int
	after func() error
}

func (k *unsteady) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.left--; k.left < 0 {
		if err := k.after(); err != nil {
			return nil, err
		}
	}
	return k.Signer.Sign(r, digest, opts)
}

// The promise is 350 tokens, 14 for a repetition, whatever made it necessary.
func TestQuotaOfThrottledCalls(t *testing.T) {
	t.Parallel()
	p := newPlan(t, throttled)
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 200 {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.Error(t, err)
		}
		assert.Len(t, p.requests(), 200+350/14)
	})
}

// In brown-outs of any depth, repetitions add at most a tenth to what is offered.
func TestBrownOut(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]step{"429": throttled, "503": {answer: answer{status: 503}}, "reset": reset, "dial": refused} {
		for _, percent := range []int{5, 7, 17, 35, 50, 100} {
			t.Run(fmt.Sprint(name, " ", percent), func(t *testing.T) {
				t.Parallel()
				sent := 0
				p := &platform{t: t}
				merchantKey()
				config := p.config()
				config.Signer, config.Verifier, config.Encryptor = quick{}, trusting{}, trusting{}
				config.PublicKey, config.PublicKeyID = nil, ""
				config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
					if sent++; sent*37%100 < percent { // spread evenly
						if bad.err != nil {
							return nil, bad.err
						}
						return bad.cheap(req), nil
					}
					return good.cheap(req), nil
				})}
				synctest.Test(t, func(t *testing.T) {
					client, err := wxpay.New(config)
					require.NoError(t, err)
					const offered = 2000
					for range offered {
						_, _ = wxpay.Do[echo](t.Context(), client, read("1"))
					}
					assert.LessOrEqual(t, sent, offered*110/100)
					assert.Greater(t, sent, offered, "some are repeated")
				})
			})
		}
	}
}

// cheap is response without the cost of a signature.
func (a answer) cheap(req *http.Request) *http.Response {
	h := http.Header{}
	for name, v := range map[string]string{"Serial": "1", "Timestamp": fmt.Sprint(time.Now().Unix()), "Nonce": rand.Text(), "Signature": "x"} {
		h.Set("Wechatpay-"+name, v)
	}
	return &http.Response{StatusCode: max(a.status, 200), Header: h, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req}
}

// trusting believes everything.
type trusting struct{}

func (trusting) Verify(context.Context, string, string, string) error    { return nil }
func (trusting) GetSerial(context.Context) (string, error)               { return "1", nil }
func (trusting) SelectCertificate(context.Context) (string, error)       { return "1", nil }
func (trusting) Encrypt(context.Context, string, string) (string, error) { return "", nil }

// Throttled calls wait ten times as long as others, over many calls: half of the bound on average.
func TestMeanWait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step step
		mean time.Duration
	}{"transient": {fault, 50 * time.Millisecond}, "throttled": {throttled, 500 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, tt.step)
			synctest.Test(t, func(t *testing.T) {
				config := p.config()
				config.MaxAttempts = 2
				const calls = 100
				start := time.Now()
				for range calls {
					client, err := wxpay.New(config) // each with a quota of its own
					require.NoError(t, err)
					_, err = wxpay.Do[echo](t.Context(), client, read("1"))
					require.Error(t, err)
				}
				assert.InEpsilon(t, tt.mean, time.Since(start)/calls, 0.4) // seven times the deviation of the mean
			})
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

func TestUploadsHaveMoreTime(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{hang: true})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := wxpay.Do[struct{}](t.Context(), p.client(), wxpay.Call{
			Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "m"}, File: media.Bytes("a.csv", make([]byte, 1<<20)),
		})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 60*time.Second+16*time.Second, time.Since(start))
	})
}

func TestTransient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step step
		want bool
	}{
		"lost": {reset, true}, "never left": {refused, true}, "throttled": {throttled, true}, "500": {fault, true}, "probe": {probe, true},
		"refused": {denied, false}, "forged": {step{answer: answer{key: strangerKey()}}, false}, "unsigned": {step{answer: answer{change: unsigned}}, false},
		"unreadable": {step{answer: answer{body: "x"}}, false},
	} {
		p := newPlan(t, tt.step)
		config := p.config()
		config.MaxAttempts = 1
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		assert.Equal(t, tt.want, wxpay.Transient(err), name)
	}
	assert.False(t, wxpay.Transient(nil))
	assert.False(t, wxpay.Transient(&wxpay.ParamError{}))
}
