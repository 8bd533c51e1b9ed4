package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/fair"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

var small = Size{Merchants: 50, Workers: 10, Rows: 1_000_000}

func ran(t *testing.T, p Plan) *Report {
	t.Helper()
	r, err := Run(p)
	require.NoError(t, err, "every row is somewhere, once")
	return r
}

// All merchants alike: all rows once, the same for each in every minute, nearly at the rate and never above it.
func TestAlike(t *testing.T) {
	t.Parallel()
	p := alike(50)(small)
	p.Exact = 50
	r := ran(t, p)
	assert.Zero(t, r.Left)
	assert.Equal(t, small.Rows, r.Calls, "each row is called for once")
	assert.LessOrEqual(t, r.Most, 50, "in the worst second")
	assert.Greater(t, r.Used, 0.92, "of the rate")
	assert.Greater(t, r.Jain, 0.999)
	assert.Less(t, r.Empty, r.Turns/10, "few chunks are taken in vain")
	assert.LessOrEqual(t, r.Gaps.Max, slice+time.Second, "one turn of another at most")
}

// What the share of a turn says is what calls one by one come to.
func TestLevels(t *testing.T) {
	t.Parallel()
	p := alike(20)(Size{Merchants: 20, Workers: 4, Rows: 200_000})
	p.Exact = 0
	shares := ran(t, p)
	p.Exact = 20
	calls := ran(t, p)
	assert.InEpsilon(t, shares.Time.Seconds(), calls.Time.Seconds(), 0.05)
	assert.InEpsilon(t, float64(shares.Turns), float64(calls.Turns), 0.1)
}

// A small merchant is as fast beside big ones as alone.
func TestSizes(t *testing.T) {
	t.Parallel()
	r := ran(t, sizes(small))
	for _, j := range r.Jobs {
		require.GreaterOrEqual(t, j.End, time.Duration(0))
		alone := time.Duration(float64(j.Rows) / 50 * float64(time.Second))
		assert.Less(t, j.End-j.Start, alone*11/10+10*time.Second, "%d rows", j.Rows)
		assert.LessOrEqual(t, j.First-j.Start, slice+time.Second, "one turn of another at most")
	}
}

// A merchant with a hundred jobs takes nothing from those with one.
func TestHundred(t *testing.T) {
	t.Parallel()
	p := hundred(small)
	r := ran(t, p)
	for _, j := range r.Jobs[100:] {
		assert.Less(t, j.End.Seconds(), 1.2*float64(j.Rows)/p.Rate)
	}
}

// Workers that die lose nothing, and no merchant waits for more than their lease and five seconds.
func TestDeaths(t *testing.T) {
	t.Parallel()
	p := alike(50)(small)
	p.At, p.Die, p.Join = time.Minute, 3, 2
	r := ran(t, p)
	assert.Zero(t, r.Left)
	assert.NotZero(t, r.Orphans)
	assert.NotZero(t, r.Recoveries.Count)
	assert.Greater(t, r.Recoveries.Half, lease-beat)
	assert.Less(t, r.Recoveries.Half, lease+5*time.Second)
	assert.Less(t, r.Gaps.Max, lease+5*time.Second)
	assert.LessOrEqual(t, r.Most, 50)

	p.Die, p.Join = 10, 1 // all but the one that joins
	r = ran(t, p)
	assert.Zero(t, r.Left)
}

// Where workers are too slow for all, everybody has a share of what they can.
func TestTooFewWorkers(t *testing.T) {
	t.Parallel()
	p := alike(50)(Size{Merchants: 50, Workers: 10, Rows: 5_000_000})
	p.CPU, p.Exact, p.Until = 100, 0, 21*time.Minute
	r := ran(t, p)
	assert.Greater(t, r.Ten, 0.95)
	assert.InEpsilon(t, 1000, float64(r.Rows-r.Left)/r.Time.Seconds(), 0.05, "ten workers of 100 calls a second")
}

// The same seed is the same run.
func TestSeed(t *testing.T) {
	t.Parallel()
	p := deaths(Size{Merchants: 10, Workers: 4, Rows: 500_000})
	p.CPU = 200
	assert.Equal(t, ran(t, p), ran(t, p))
}

// What is written here a second time is what it was.
func TestRules(t *testing.T) {
	t.Parallel()
	p := pace.NewPermits(1, began)
	_, every, _ := p.Lease(began, 1)
	assert.Equal(t, time.Duration(space*float64(time.Second)), every)
	assert.Equal(t, 1, fair.Window(1600, 1000))
}
