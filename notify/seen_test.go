package notify_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/notify"
)

// begin says what a memory thinks of id: "free" (and claims it), "busy" or "done".
func begin(t *testing.T, m notify.Seen, id string) string {
	t.Helper()
	done, err := m.Begin(t.Context(), id)
	switch {
	case err != nil:
		require.ErrorIs(t, err, notify.ErrInProgress)
		require.False(t, done)
		return "busy"
	case done:
		return "done"
	}
	return "free"
}

func TestMemory(t *testing.T) {
	t.Parallel()
	m := notify.NewMemory(10)
	assert.Equal(t, "free", begin(t, m, "a"))
	assert.Equal(t, "busy", begin(t, m, "a"))
	assert.Equal(t, "free", begin(t, m, "b"))
	require.NoError(t, m.End(t.Context(), "a", false))
	assert.Equal(t, "free", begin(t, m, "a"))
	require.NoError(t, m.End(t.Context(), "a", true))
	assert.Equal(t, "done", begin(t, m, "a"))
	assert.Equal(t, "done", begin(t, m, "a"))
	assert.Equal(t, "busy", begin(t, m, "b"))
}

// It remembers longer than the longest schedule of repeats, 24 h 4 min, and 10 minutes more; then no
// longer. What is in progress is not forgotten.
func TestMemoryForgetsByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := notify.NewMemory(10)
		begin(t, m, "busy")
		begin(t, m, "a")
		require.NoError(t, m.End(t.Context(), "a", true))
		time.Sleep(24*time.Hour + 14*time.Minute)
		assert.Equal(t, "done", begin(t, m, "a"))
		time.Sleep(46 * time.Minute)
		assert.Equal(t, "free", begin(t, m, "a"))
		assert.Equal(t, "busy", begin(t, m, "busy"))
	})
}

func TestMemoryForgetsBySize(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{3: 3, 1: 1, 0: 1, -1: 1} {
		m := notify.NewMemory(size)
		assert.Equal(t, "free", begin(t, m, "busy"))
		for i := range 10 {
			id := fmt.Sprint(i)
			assert.Equal(t, "free", begin(t, m, id))
			require.NoError(t, m.End(t.Context(), id, true))
		}
		for i := range 10 {
			state := "free"
			if i >= 10-want {
				state = "done"
			}
			assert.Equal(t, state, begin(t, m, fmt.Sprint(i)), "size %d, %d", size, i)
		}
		assert.Equal(t, "busy", begin(t, m, "busy"))
	}
}
