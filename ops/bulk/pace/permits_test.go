package pace_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const ms = time.Millisecond

// A lease as it should be, in milliseconds behind noon.
type lease struct {
	at, n        int
	first, every int
	given        int
}

func TestLease(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rate   float64
		leases []lease
	}{
		"five a second": {5, []lease{
			{at: 0, n: 1, first: 0, every: 204, given: 1},
			{at: 0, n: 2, first: 204, every: 204, given: 2},
			{at: 0, n: 10, first: 612, every: 204, given: 2}, // those within a second
			{at: 0, n: 1, first: 20},                         // ask again when the next one is a second ahead
			{at: 19, n: 1, first: 20},
			{at: 20, n: 3, first: 1020, every: 204, given: 1},
			{at: 2000, n: 1, first: 2000, every: 204, given: 1}, // what nobody took in time is void
			{at: 1900, n: 1, first: 2204, every: 204, given: 1}, // a clock that went back
		}},
		"one in ten seconds": {0.1, []lease{
			{at: 0, n: 5, first: 0, every: 10200, given: 1},
			{at: 1, n: 5, first: 9200},
			{at: 9200, n: 5, first: 10200, every: 10200, given: 1},
		}},
		"no limit": {0, []lease{
			{at: 0, n: 7, first: 0, given: 7}, {at: 0, n: 1, first: 0, given: 1}, {at: 50, n: 9, first: 50, given: 9},
		}},
		"none wanted": {5, []lease{
			{at: 0, n: 0, first: 0, every: 204}, {at: 0, n: -3, first: 0, every: 204}, {at: 0, n: 1, first: 0, every: 204, given: 1},
		}},
		"none wanted, no limit": {0, []lease{{at: 0, n: -3, first: 0}}},
		"faster than a clock":   {math.Inf(1), []lease{{at: 0, n: 7, first: 0, given: 7}, {at: 0, n: 7, first: 0, given: 7}}},
		"below nothing":         {-1, []lease{{at: 0, n: 7, first: 0, given: 7}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pace.NewPermits(test.rate, noon)
			for _, want := range test.leases {
				first, every, given := p.Lease(noon.Add(time.Duration(want.at)*ms), want.n)
				assert.Equal(t, want, lease{want.at, want.n, int(first.Sub(noon) / ms), int(every / ms), given})
				kept(t, &p)
			}
		})
	}
}

// kept writes permits down and reads them again, as workers on many machines do.
func kept(t require.TestingT, p *pace.Permits) {
	text, err := json.Marshal(p)
	require.NoError(t, err)
	var again pace.Permits
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, p.Ceiling, again.Ceiling)
	require.Equal(t, p.Rate, again.Rate)
	for _, times := range [][2]time.Time{{p.Next, again.Next}, {p.Since, again.Since}, {p.Halved, again.Halved}} {
		require.True(t, times[0].Equal(times[1]), "%v %v", times[0], times[1])
	}
	*p = again
}

// Answers that ask to slow down halve the rate once in two seconds; it comes back by a tenth of the ceiling a minute, and never
// above it.
func TestPermitsSlowDown(t *testing.T) {
	t.Parallel()
	p := pace.NewPermits(8, noon)
	rate := func(after time.Duration) float64 {
		p.Lease(noon.Add(after), 1)
		kept(t, &p)
		return p.Rate
	}
	for range 20 {
		p.Throttled(noon, 0)
	}
	assert.Equal(t, 4.0, rate(0))
	p.Throttled(noon.Add(1999*ms), 0)
	assert.InDelta(t, 4.0266, rate(1999*ms), 0.001, "calls had their permits before it was halved")
	p.Throttled(noon.Add(2000*ms), 0)
	assert.InDelta(t, 2.0133, rate(2000*ms), 0.001)
	assert.InDelta(t, 2.8133, rate(62*time.Second), 0.001)
	assert.InDelta(t, 8, rate(time.Hour), 0)
	for i := range 100 {
		p.Throttled(noon.Add(2*time.Hour+time.Duration(i)*2*time.Second), 0)
	}
	assert.InDelta(t, 0.16+0.0266, rate(2*time.Hour+200*time.Second), 0.001, "2 %% of the ceiling at least")

	free := pace.NewPermits(0, noon)
	free.Throttled(noon, 0)
	assert.Equal(t, 50.0, free.Rate)
	_, every, given := free.Lease(noon, 3)
	assert.Equal(t, 20400*time.Microsecond, every)
	assert.Equal(t, 3, given)
	_, every, _ = free.Lease(noon.Add(4*time.Minute), 3)
	assert.NotZero(t, every)
	_, every, _ = free.Lease(noon.Add(6*time.Minute), 3)
	assert.Zero(t, every, "without a limit again")
}

// What the platform asks to wait is waited, and nothing is learned meanwhile.
func TestPermitsHold(t *testing.T) {
	t.Parallel()
	p := pace.NewPermits(5, noon)
	p.Throttled(noon, 30*time.Second)
	first, _, given := p.Lease(noon, 1)
	assert.Zero(t, given)
	assert.Equal(t, noon.Add(29*time.Second), first)
	p.Throttled(noon.Add(time.Second), 5*time.Second)
	first, _, given = p.Lease(noon.Add(29*time.Second), 1)
	assert.Equal(t, 1, given)
	assert.Equal(t, noon.Add(30*time.Second), first, "a shorter wait takes nothing off a longer one")
	assert.Equal(t, 2.5, p.Rate)

	free := pace.NewPermits(0, noon)
	free.Throttled(noon, 30*time.Second)
	_, _, given = free.Lease(noon.Add(28*time.Second), 1)
	assert.Zero(t, given, "without a limit it waits too")
}

func TestPermitsLimit(t *testing.T) {
	t.Parallel()
	p := pace.NewPermits(5, noon)
	p.Throttled(noon, 0)
	p.Limit(5, noon)
	assert.Equal(t, 2.5, p.Rate, "the same again is no change")
	p.Limit(2, noon)
	assert.Equal(t, 2.0, p.Rate)
	_, _, given := p.Lease(noon, 9)
	assert.Equal(t, 2, given)
	p.Limit(100, noon)
	first, every, _ := p.Lease(noon.Add(20*ms), 1)
	assert.Equal(t, noon.Add(1020*ms), first, "what was given before keeps its distance")
	assert.Equal(t, 10200*time.Microsecond, every)
	p.Throttled(noon.Add(time.Second), 0)
	assert.Equal(t, 100.0, p.Rate, "halved within the last two seconds, whatever the limit was")
	p.Limit(-1, noon)
	_, every, _ = p.Lease(noon.Add(2*time.Second), 1)
	assert.Zero(t, every)
}

// However workers take permits, in turns, too late, too many, while the rate changes and is halved: no second has more calls than
// the highest rate of that time, even if each call leaves as late as it may.
func TestNeverTooMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Float64Range(0.1, 5000), rapid.Map(rapid.IntRange(1, 200), func(n int) float64 { return float64(n) }))
		ceiling := rate.Draw(t, "rate")
		p := pace.NewPermits(ceiling, noon)
		now := noon
		type call struct {
			at      time.Time
			ceiling float64
		}
		var calls []call
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"lease", "lease", "lease", "lease", "time", "time", "limit", "throttled"}).Draw(t, "what") {
			case "lease":
				n := rapid.OneOf(rapid.IntRange(-2, 20), rapid.IntRange(1, 2000)).Draw(t, "n")
				first, every, given := p.Lease(now, n)
				require.True(t, 0 <= given && given <= max(n, 0), "%d of %d", given, n)
				require.True(t, given == 0 || !first.Before(now))
				require.True(t, given == 0 || !first.Add(every*time.Duration(given-1)).After(now.Add(pace.Ahead)), "not too far ahead")
				if given == 0 && n > 0 {
					require.True(t, first.After(now), "else it would ask for ever")
				}
				for i := range given {
					late := time.Duration(rapid.SampledFrom([]int{0, 0, int(pace.Late) - 1, int(pace.Late) / 2}).Draw(t, "late"))
					if i > 20 && i < given-20 {
						late = 0
					}
					calls = append(calls, call{first.Add(every*time.Duration(i) + late), ceiling})
				}
			case "time":
				now = now.Add(time.Duration(rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 5000)).Draw(t, "ms")) * ms)
			case "limit":
				ceiling = rate.Draw(t, "rate")
				p.Limit(ceiling, now)
			case "throttled":
				p.Throttled(now, time.Duration(rapid.SampledFrom([]int{0, 0, 0, 500, 3000}).Draw(t, "after"))*ms)
			}
			require.LessOrEqual(t, p.Rate, ceiling)
			kept(t, &p)
		}
		slices.SortFunc(calls, func(a, b call) int { return a.at.Compare(b.at) })
		for i, j := 0, 0; i < len(calls); i++ {
			for j < len(calls) && calls[j].at.Sub(calls[i].at) < time.Second {
				j++
			}
			highest := 0.0
			for _, c := range calls[i:min(j+1, len(calls))] {
				highest = max(highest, c.ceiling)
			}
			if n := j - i; float64(n) > math.Ceil(highest) {
				t.Fatalf("%d calls in the second from %v, of %v", n, calls[i].at.Sub(noon), highest)
			}
		}
	})
}

// Many workers who take what they may use nearly all of the rate.
func TestNearlyAll(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.1, 0.5, 1, 3, 5, 7.5, 100, 5000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			p := pace.NewPermits(rate, noon)
			used := 0
			for now := noon; now.Before(noon.Add(10 * time.Minute)); now = now.Add(50 * ms) {
				for range 3 {
					_, _, given := p.Lease(now, 1+int(rate/4))
					used += given
				}
			}
			assert.InDelta(t, 600*rate/1.02, used, 2*rate+2)
		})
	}
}

// A clock that goes back by an hour, as that of another server after a fail-over, holds nobody up for an hour.
func TestClockThatWentBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := pace.NewPermits(10, now)
	_, _, given := p.Lease(now, 5)
	require.Equal(t, 5, given)
	now = now.Add(-time.Hour)
	again, _, given := p.Lease(now, 5)
	require.Zero(t, given)
	require.LessOrEqual(t, again.Sub(now), 3*time.Second)
	p.Throttled(now, 30*time.Minute)
	again, _, given = p.Lease(now, 5)
	require.Zero(t, given)
	require.Greater(t, again.Sub(now), 29*time.Minute, "what the platform asked for stays")
}
