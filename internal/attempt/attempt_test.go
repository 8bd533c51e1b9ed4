package attempt_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLost = errors.New("lost")

func engine(change ...func(*attempt.Policy)) *attempt.Engine {
	p := attempt.Policy{Attempts: 3, Package: "x", Unknown: func(err error) bool { return errors.Is(err, errLost) },
		Lost: func(_ string, err error) error { return errors.Join(errLost, err) }}
	for _, c := range change {
		c(&p)
	}
	return attempt.New(p)
}

func call(ctx context.Context, e *attempt.Engine, upload bool, once func(n int) *attempt.Failure) error {
	c := attempt.Call{Route: "POST /x", Deadline: time.Now().Add(time.Hour), Upload: upload}
	return e.Run(ctx, &c, func(_ context.Context, n int, last *attempt.Failure) *attempt.Failure {
		fail := once(n)
		if fail != nil {
			e.Remember(&c, fail, last)
		}
		return fail
	})
}

// After being throttled the whole client repeats one call at a time. Nobody waits for the end of an upload that is
// under way, which may take an hour.
func TestThrottledRepetitionsTakeTurns(t *testing.T) {
	t.Parallel()
	for upload, want := range map[bool]time.Duration{false: 40 * time.Minute, true: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e := engine()
			var began [2]time.Time
			done := make(chan error)
			for i := range began {
				go func() {
					done <- call(t.Context(), e, upload, func(n int) *attempt.Failure {
						if n == 1 {
							return &attempt.Failure{Err: io.EOF, Again: true, Throttled: true, After: time.Minute + time.Duration(i)}
						}
						began[i] = time.Now()
						<-time.After(40 * time.Minute)
						return nil
					})
				}()
			}
			require.NoError(t, <-done)
			require.NoError(t, <-done)
			assert.InDelta(t, want, began[1].Sub(began[0]), 10)
		})
	}
}

// The least wait after being throttled is the client's to say.
func TestPause(t *testing.T) {
	t.Parallel()
	for _, throttled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := call(t.Context(), engine(func(p *attempt.Policy) { p.Pause = time.Minute }), false, func(int) *attempt.Failure {
				return &attempt.Failure{Err: io.EOF, Again: true, Throttled: throttled}
			})
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, throttled, time.Since(start) > 2*time.Minute)
			assert.Less(t, time.Since(start), 2*time.Minute+4*time.Second)
		})
	}
}

// What an attempt that was lost may have done, no later failure undoes, unless the call does nothing.
func TestRemember(t *testing.T) {
	t.Parallel()
	for _, read := range []bool{false, true} {
		e, c := engine(), attempt.Call{Read: read}
		lost, then := &attempt.Failure{Err: errLost}, &attempt.Failure{Err: io.EOF}
		e.Remember(&c, then, nil)
		assert.NotErrorIs(t, then.Err, errLost)
		e.Remember(&c, then, &attempt.Failure{Err: io.EOF})
		assert.NotErrorIs(t, then.Err, errLost)
		e.Remember(&c, then, lost)
		assert.ErrorIs(t, then.Err, io.EOF)
		assert.Equal(t, !read, errors.Is(then.Err, errLost))
		e.Remember(&c, then, lost)
		assert.LessOrEqual(t, len(then.Err.Error()), 80, "it is said once")
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type closed struct {
	io.Reader
	was *bool
}

func (c closed) Close() error { *c.was = true; return nil }

// A call whose context ended while its request was made is not handed to the transport, and its body is closed.
func TestEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	e := engine(func(p *attempt.Policy) {
		p.Client = &http.Client{Transport: trip(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, io.EOF })}
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	c := attempt.Call{Route: "POST /x", Deadline: time.Now().Add(time.Minute)}
	var way httpx.Trip
	defer way.End()
	was := false
	req, err := http.NewRequestWithContext(e.Watch(ctx, &c, &way), http.MethodPost, "http://127.0.0.1:1", closed{nil, &was})
	require.NoError(t, err)
	why := errors.New("shift is over")
	cancel(why)
	_, fail := e.Do(ctx, &c, &way, req)
	assert.True(t, fail.Unmade)
	assert.True(t, was)
	assert.ErrorIs(t, fail.Err, why)
	assert.EqualError(t, fail.Err, "x: POST /x: not sent: context canceled: shift is over")
}

// The header of an answer has its time; that of an upload, which is worked through first, has the call's.
func TestUploadsAreWaitedFor(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(500 * time.Millisecond):
		case <-req.Context().Done():
		}
	}))
	defer server.Close()
	e := engine(func(p *attempt.Policy) { p.Header = 50 * time.Millisecond })
	for _, upload := range []bool{false, true} {
		c := attempt.Call{Upload: upload, Deadline: time.Now().Add(time.Minute)}
		var way httpx.Trip
		req, err := http.NewRequestWithContext(e.Watch(t.Context(), &c, &way), http.MethodPost, server.URL, strings.NewReader("x"))
		require.NoError(t, err)
		req.Close = true
		resp, fail := e.Do(t.Context(), &c, &way, req)
		if !upload {
			require.NotNil(t, fail)
			assert.ErrorIs(t, fail.Err, errLost)
			assert.True(t, fail.Missed, "it did not answer in time")
		} else if assert.Nil(t, fail) {
			assert.NoError(t, resp.Body.Close())
		}
		way.End()
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	passes := func(err error) bool { return errors.Is(err, io.EOF) }
	for name, tt := range map[string]struct {
		looks []any // an error, or what is seen
		want  int
		err   error
		takes time.Duration
	}{
		"at once":              {[]any{3}, 3, nil, 0},
		"later":                {[]any{1, 2, 3}, 3, nil, 2 * time.Minute},
		"errors that pass":     {[]any{1, io.EOF, io.EOF, io.EOF, io.EOF, 3}, 3, nil, 5 * time.Minute},
		"an error that stays":  {[]any{1, 2, errLost}, 2, errLost, 2 * time.Minute},
		"nothing was seen":     {[]any{io.EOF, errLost}, 0, errLost, time.Minute},
		"the context ends":     {[]any{1, 2, io.EOF}, 2, context.Canceled, 10*time.Minute + time.Second},
		"what came before it":  {[]any{1, io.EOF}, 1, io.EOF, 10*time.Minute + time.Second},
		"the cause of its end": {[]any{1}, 1, errShift, 10*time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer time.AfterFunc(10*time.Minute+time.Second, func() { cancel(errShift) }).Stop()
				n, start := 0, time.Now()
				seen, err := attempt.Wait(ctx, "x", time.Minute, passes, func(context.Context) (int, bool, error) {
					look := tt.looks[min(n, len(tt.looks)-1)]
					n++
					if err, ok := look.(error); ok {
						return -1, false, err
					}
					return look.(int), look == 3, nil
				})
				assert.ErrorIs(t, err, tt.err)
				assert.Equal(t, tt.want, seen)
				assert.Equal(t, tt.takes, time.Since(start))
			})
		})
	}
	seen, err := attempt.Wait(t.Context(), "x", time.Minute, passes, func(context.Context) (int, bool, error) { return 1, true, io.EOF })
	assert.ErrorIs(t, err, io.EOF, "a look that says done is believed")
	assert.Zero(t, seen)
}

var errShift = errors.New("shift is over")
