package attempt

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

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
			d := backoff(tt.n, tt.base)
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
