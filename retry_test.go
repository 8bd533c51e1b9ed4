package wxpay_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
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

// A caller that repeats by itself takes the attempts down to one for its calls, and never up.
func TestWithAttempts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{-1: 1, 1: 1, 2: 2, 5: 3} {
		p := newPlan(t, fault) // goes on
		synctest.Test(t, func(t *testing.T) {
			_, err := wxpay.Do[echo](wxpay.WithAttempts(t.Context(), n), p.client(), read("1"))
			require.Error(t, err)
			assert.Len(t, p.requests(), want, n)
		})
	}
}
