package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
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
		{"429 unsigned", []step{unsure, good}, [3]int{2, 2, 1}, [3]outcome{ok, ok, refusal}},
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

// R7: with the main host unreachable every call is served within two attempts, and the main host is
// used again within a minute of its return.
func TestFailover(t *testing.T) {
	t.Parallel()
	var downSince, upAgain time.Time
	p := &platform{t: t}
	p.next = func(_ int, req *http.Request) (*http.Response, error) {
		now := time.Now()
		if req.URL.Host == "api.mch.weixin.qq.com" && !now.Before(downSince) && now.Before(upAgain) {
			time.Sleep(3 * time.Second) // black hole: the dialer gives up
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
		}
		return good.response(req), nil
	}
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		downSince, upAgain = start.Add(time.Minute), start.Add(11*time.Minute)
		client := p.client()
		var back time.Duration
		for time.Since(start) < 15*time.Minute {
			before := len(p.requests())
			_, err := wxpay.Do[echo](t.Context(), client, write(false))
			require.NoError(t, err)
			attempts := p.requests()[before:]
			require.LessOrEqual(t, len(attempts), 2)
			if s := attempts[0]; back == 0 && s.host == "api.mch.weixin.qq.com" && time.Now().After(upAgain) {
				back = time.Since(upAgain)
			}
			time.Sleep(time.Second)
		}
		missed := 0
		for _, s := range p.requests() {
			at := time.Unix(s.unix, 0)
			if s.host == "api.mch.weixin.qq.com" && at.After(downSince) && at.Before(upAgain) {
				missed++
			}
		}
		assert.LessOrEqual(t, missed, 3+10*60/30+1, "three to notice, then one probe every 30 s")
		assert.Less(t, back, time.Minute)
		assert.Greater(t, back, time.Duration(0))
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
