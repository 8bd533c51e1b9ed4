package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What callers make up does not grow without end: neither what is counted nor what is remembered.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	r := rates{}
	start := time.Unix(1_700_000_000, 0)
	for n := range 3 * mostRates {
		assert.True(t, r.within(fmt.Sprint(n), start, 1, time.Second))
	}
	assert.LessOrEqual(t, len(r), mostRates)
	for n := 0; len(r) < mostRates; n++ {
		r.within(fmt.Sprint("full", n), start, 1, time.Second)
	}
	assert.True(t, r.within("another", start.Add(48*time.Hour), 1, time.Second))
	assert.Equal(t, 1, len(r), "those of two days ago go first")
	assert.False(t, r.within("another", start.Add(48*time.Hour), 1, time.Second))

	used := replays{by: map[string]replayed{}}
	large := make([]byte, 1<<20) // one for all
	for n := range 300 {
		used.add(fmt.Sprint(n), replayed{uint64(n), large})
	}
	assert.LessOrEqual(t, used.bytes, mostReplayed)
	assert.Len(t, used.by, len(used.order))
	assert.NotContains(t, used.by, "0")
	assert.Contains(t, used.by, "299")
}
