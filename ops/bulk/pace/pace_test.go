package pace_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// calls lets workers call as fast as a limiter allows until a time, and returns when they did. refuse says which calls
// are answered that they come too fast.
func calls(t *testing.T, l *pace.Limiter, workers int, span time.Duration, refuse func(time.Duration) bool) (made []time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	start := time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for l.Wait(ctx) == nil {
				now := time.Since(start)
				mu.Lock()
				made = append(made, now)
				mu.Unlock()
				_ = wait(ctx, 150*time.Millisecond) // for the answer
				if refuse != nil && refuse(now) {
					l.Throttled(0)
				}
			}
		})
	}
	all.Wait()
	return made
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// most is how many calls were made within any second.
func most(made []time.Duration) (most int) {
	for i := range made {
		n := 0
		for _, at := range made[i:] {
			if at-made[i] >= time.Second {
				break
			}
			n++
		}
		most = max(most, n)
	}
	return most
}

func between(made []time.Duration, from, to time.Duration) (n int) {
	for _, at := range made {
		if from <= at && at < to {
			n++
		}
	}
	return n
}

// Five a second, for ten minutes, by many workers: never more within any second, and nearly as many as allowed.
func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := calls(t, pace.New(5), 16, 10*time.Minute, nil)
		assert.LessOrEqual(t, most(made), 5)
		assert.GreaterOrEqual(t, len(made), 2910, "97 %% of 3000")
	})
}

// A timer that is late does not let two calls leave together, nor lose the time for good.
func TestLateTimers(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.5, 1, 3, 5, 7, 100, 500} {
		synctest.Test(t, func(t *testing.T) {
			l, start := pace.New(rate), time.Now()
			var made []time.Duration
			for n := 0; time.Since(start) < time.Minute; n++ {
				if n%50 == 7 { // the process stood still
					require.NoError(t, wait(t.Context(), time.Duration(n%5)*4*time.Millisecond))
				}
				require.NoError(t, l.Wait(t.Context()))
				made = append(made, time.Since(start))
			}
			assert.LessOrEqual(t, most(made), max(int(rate), 1), "%v/s", rate)
			assert.GreaterOrEqual(t, float64(len(made)), 0.97*60*rate, "%v/s", rate)
		})
	}
}

func TestOddRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(1e-300)
		require.NoError(t, l.Wait(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded)
		assert.Zero(t, pace.New(-1).Rate())
	})
}

// Storms in which every call is refused take the rate down, and it is back within ten minutes, never above.
func TestStorms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storm := func(at time.Duration) bool {
			return at < time.Minute || at >= 3*time.Minute && at < 4*time.Minute
		}
		l := pace.New(5)
		made := calls(t, l, 16, 16*time.Minute, storm)
		assert.LessOrEqual(t, most(made), 5)
		assert.Less(t, between(made, 30*time.Second, time.Minute), 30, "far fewer than 150 in the second half of the storm")
		assert.GreaterOrEqual(t, between(made, 14*time.Minute, 15*time.Minute), 270, "90 %% of 300, ten minutes after the last storm")
		assert.LessOrEqual(t, l.Rate(), 5.0)
	})
}

// Answers to calls that were under way together halve the rate once, and what the platform asks to wait is waited.
func TestThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(8)
		for range 16 {
			l.Throttled(0)
		}
		assert.Equal(t, 4.0, l.Rate())
		require.NoError(t, wait(t.Context(), 2*time.Second))
		l.Throttled(0)
		assert.InDelta(t, 4, l.Rate(), 0.1, "an answer that comes late is to a call from before")
		require.NoError(t, l.Wait(t.Context()))
		require.NoError(t, wait(t.Context(), 2*time.Second))
		start := time.Now()
		var all sync.WaitGroup
		for range 10 { // some wait already when they are asked to
			all.Go(func() {
				if l.Wait(t.Context()) == nil && time.Since(start) > 100*time.Millisecond {
					assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
				}
			})
		}
		require.NoError(t, wait(t.Context(), 100*time.Millisecond))
		l.Throttled(30 * time.Second)
		assert.InDelta(t, 2, l.Rate(), 0.1)
		require.NoError(t, wait(t.Context(), 29*time.Second))
		assert.InDelta(t, 2, l.Rate(), 0.1, "nothing is learned from waiting")
		all.Wait()
		assert.Less(t, time.Since(start), 36*time.Second)
	})
}

// Without a limit nothing is waited for, until the platform asks to slow down; later there is none again.
func TestNoLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, start := pace.New(0), time.Now()
		for range 10_000 {
			require.NoError(t, l.Wait(t.Context()))
		}
		assert.Zero(t, time.Since(start))
		assert.Zero(t, l.Rate())
		l.Throttled(0)
		assert.Equal(t, 50.0, l.Rate())
		require.NoError(t, wait(t.Context(), 10*time.Minute))
		assert.Zero(t, l.Rate())
	})
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(0.1)
		require.NoError(t, l.Wait(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded)
	})
}

func TestWindow(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		require.NoError(t, err)
		return when
	}
	for _, tt := range []struct {
		window, now string
		open        bool
		next        string
	}{
		{"09:00-21:00", "2026-05-01 08:59", false, "2026-05-01 09:00"},
		{"09:00-21:00", "2026-05-01 09:00", true, "2026-05-02 09:00"},
		{"09:00-21:00", "2026-05-01 20:59", true, "2026-05-02 09:00"},
		{"09:00-21:00", "2026-05-01 21:00", false, "2026-05-02 09:00"},
		{"22:00-06:00", "2026-05-01 23:00", true, "2026-05-02 22:00"},
		{"22:00-06:00", "2026-05-01 05:59", true, "2026-05-01 22:00"},
		{"22:00-06:00", "2026-05-01 22:00", true, "2026-05-02 22:00"},
		{"22:00-06:00", "2026-05-01 06:00", false, "2026-05-01 22:00"},
		{"22:00-06:00", "2026-12-31 12:00", false, "2026-12-31 22:00"},
		{"09:00-21:00", "2026-03-28 22:00", false, "2026-03-29 09:00"}, // the night is an hour shorter
		{"09:00-21:00", "2026-10-24 22:00", false, "2026-10-25 09:00"}, // and longer
		{"00:00-12:00", "2026-05-01 12:00", false, "2026-05-02 00:00"},
		{"18:00-24:00", "2026-05-01 23:59", true, "2026-05-02 18:00"},
		{"18:00-24:00", "2026-05-02 00:00", false, "2026-05-02 18:00"},
		{"02:30-05:00", "2026-03-29 01:30", false, "2026-03-29 03:00"}, // there is no 02:30 that night
		{"02:30-05:00", "2026-10-25 00:30", false, "2026-10-25 02:30"}, // and two of them that night
	} {
		w, err := pace.Parse(tt.window)
		require.NoError(t, err)
		assert.Equal(t, tt.window, w.String())
		assert.Equal(t, tt.open, w.Open(at(tt.now)), "%s at %s", tt.window, tt.now)
		assert.Equal(t, tt.next, w.Next(at(tt.now)).Format("2006-01-02 15:04"), "%s at %s", tt.window, tt.now)
	}
	assert.True(t, pace.Window{}.Open(time.Now()))
	assert.Empty(t, pace.Window{}.String())
	for _, wrong := range []string{"", "09:00", "9-21", "25:00-26:00", "09:00-09:00", "09:00-21:60"} {
		_, err := pace.Parse(wrong)
		assert.Error(t, err, wrong)
	}
	for _, tt := range [][3]string{
		{"22:00", "2026-05-01 23:00", "2026-05-02 22:00"},
		{"22:00", "2026-05-01 22:00", "2026-05-02 22:00"},
		{"00:00", "2026-05-01 22:00", "2026-05-02 00:00"},
		{"24:00", "2026-05-01 22:00", "2026-05-02 00:00"},
		{"2:30", "2026-03-29 01:00", "2026-03-29 03:00"},
	} {
		until, err := pace.Until(tt[0], at(tt[1]))
		require.NoError(t, err)
		assert.Equal(t, tt[2], until.Format("2006-01-02 15:04"))
	}
	_, err = pace.Until("noon", time.Now())
	assert.Error(t, err)
}

// A storm that comes back every few minutes is met with a few calls each time, and what is between is used.
func TestStormsAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		storm := func(at time.Duration) bool { return at%(4*time.Minute) < 10*time.Second }
		made := calls(t, pace.New(5), 16, 40*time.Minute, storm)
		assert.LessOrEqual(t, most(made), 5)
		refused := 0
		for _, at := range made {
			if storm(at) {
				refused++
			}
		}
		assert.Less(t, refused, 150, "of 500 within the storms")
		assert.Greater(t, len(made), 2400, "which are one a second: from next to nothing it takes ten minutes to five")
	})
}

// Who gives up waiting takes no place from who goes on.
func TestWaitGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(1)
		require.NoError(t, l.Wait(t.Context()))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { assert.ErrorIs(t, l.Wait(ctx), context.DeadlineExceeded) })
		}
		all.Wait()
		require.NoError(t, l.Wait(t.Context()))
		assert.Less(t, time.Since(start), 1100*time.Millisecond)
	})
}

// West of Greenwich, and where midnight is left out, the clock that is put forward loses no day either.
func TestWindowsInGaps(t *testing.T) {
	t.Parallel()
	havana, err := time.LoadLocation("America/Havana")
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 3, 8, 1, 0, 0, 0, havana), pace.Window{To: 6 * time.Hour}.Next(time.Date(2026, 3, 7, 23, 30, 0, 0, havana)))
	newYork, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	w := pace.Window{From: 2*time.Hour + 30*time.Minute, To: 6 * time.Hour}
	opens := w.Next(time.Date(2026, 3, 8, 0, 0, 0, 0, newYork))
	assert.True(t, w.Open(opens))
	assert.Equal(t, time.Date(2026, 3, 8, 3, 0, 0, 0, newYork), opens)
}
