package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// An answer that was long on its way shifts no moment, and a clock that is set is followed at once.
func TestClock(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	start := time.Date(2026, 11, 11, 0, 0, 0, 0, time.UTC)
	for name, off := range map[string]time.Duration{"behind": -3 * time.Second, "alike": 0, "ahead": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c clock
			at := func(since, out, back, off time.Duration) time.Duration { // how wrong it is
				asked := start.Add(since)
				truth := asked.Add(out)
				return c.at(asked, truth.Add(off), truth.Add(back)).Sub(truth).Abs()
			}
			assert.LessOrEqual(t, at(0, ms, ms, off), ms)
			assert.LessOrEqual(t, at(time.Second, ms, 200*ms, off), ms, "the answer was late")
			assert.LessOrEqual(t, at(2*time.Second, 200*ms, ms, off), ms, "the question was late")
			assert.LessOrEqual(t, at(3*time.Second, ms, ms, off+time.Minute), ms, "the clock was set")
			assert.LessOrEqual(t, at(4*time.Second, ms, ms, off-time.Minute), ms, "and back")
		})
	}
}

// Who logs in is not said, and what failed alike is said once.
func TestOneLine(t *testing.T) {
	t.Parallel()
	err := errors.New("failed to connect to `user=13800138000 database=jobs`:\n\t10.0.0.1:5432 (db): dial error\n\t10.0.0.1:5432 (db): dial error\n\t[::1]:5432 (db): timeout")
	assert.Equal(t, "10.0.0.1:5432 (db): dial error; [::1]:5432 (db): timeout", oneLine(err))
	assert.Equal(t, "hostname resolving error: no such host", oneLine(errors.New("failed to connect to `user=a database=b`: hostname resolving error: no such host")))
}
