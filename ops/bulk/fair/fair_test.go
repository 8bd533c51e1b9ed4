package fair_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/fair"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whose merchant has the fewest places is next, then whose job has, then who came first.
func TestOrder(t *testing.T) {
	t.Parallel()
	q := fair.NewQueue(4)
	a1, a2, a3 := q.Wait("a", "a1"), q.Wait("a", "a1"), q.Wait("a", "a2")
	b, c := q.Wait("b", "b1"), q.Wait("c", "c1")
	assert.Same(t, a1, q.Next(), "nobody has any: who came first")
	assert.Same(t, b, q.Next())
	assert.Same(t, c, q.Next())
	assert.Same(t, a3, q.Next(), "the job without a place, though another of the merchant came before")
	assert.Nil(t, q.Next(), "no place is free")
	b2 := q.Wait("b", "b1")
	q.Done(a1)
	assert.Same(t, a2, q.Next(), "both merchants have one, and so neither job has more than the other's")
	q.Done(b)
	assert.Same(t, b2, q.Next())
	for _, t := range []*fair.Ticket{a2, a3, b2, c} {
		q.Done(t)
	}
	assert.Nil(t, q.Next(), "nobody waits")
}

func TestLeave(t *testing.T) {
	t.Parallel()
	q := fair.NewQueue(1)
	a, b := q.Wait("a", "a1"), q.Wait("b", "b1")
	assert.True(t, q.Leave(a))
	assert.False(t, q.Leave(a), "it left before")
	assert.Same(t, b, q.Next())
	assert.False(t, q.Leave(b), "it has a place")
	q.Done(b)
	assert.Nil(t, q.Next())
}

// Whatever happens in whatever order: never more places than there are, none idle while somebody waits, nobody lost, and none
// for a merchant while one who has fewer waits.
func TestQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(0, 8).Draw(t, "places")
		q := fair.NewQueue(places)
		var waiting, have []*fair.Ticket // in the order in which they came
		of := func(list []*fair.Ticket, is func(*fair.Ticket) bool) (n int) {
			for _, k := range list {
				if is(k) {
					n++
				}
			}
			return n
		}
		rank := func(k *fair.Ticket) (merchant, job int) {
			return of(have, func(h *fair.Ticket) bool { return h.Merchant == k.Merchant }), of(have, func(h *fair.Ticket) bool { return h.Job == k.Job })
		}
		pick := func(list []*fair.Ticket) int { return rapid.IntRange(0, len(list)-1).Draw(t, "which") }
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				m := rapid.IntRange(0, 3).Draw(t, "merchant")
				waiting = append(waiting, q.Wait(fmt.Sprint(m), fmt.Sprint(m, rapid.IntRange(0, 2).Draw(t, "job"))))
			},
			"next": func(t *rapid.T) {
				k := q.Next()
				if len(have) == places || len(waiting) == 0 {
					require.Nil(t, k)
					return
				}
				require.NotNil(t, k)
				want := slices.MinFunc(waiting, func(a, b *fair.Ticket) int {
					am, aj := rank(a)
					bm, bj := rank(b)
					return cmp.Or(cmp.Compare(am, bm), cmp.Compare(aj, bj)) // of equals the first
				})
				require.Same(t, want, k)
				waiting = slices.DeleteFunc(waiting, func(w *fair.Ticket) bool { return w == k })
				have = append(have, k)
			},
			"leave": func(t *rapid.T) {
				if len(waiting) == 0 {
					return
				}
				i := pick(waiting)
				require.True(t, q.Leave(waiting[i]))
				waiting = slices.Delete(waiting, i, i+1)
			},
			"done": func(t *rapid.T) {
				if len(have) == 0 {
					return
				}
				i := pick(have)
				q.Done(have[i])
				have = slices.Delete(have, i, i+1)
			},
		})
	})
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ places, jobs, want int }{
		{0, 0, 1}, {0, 5, 1}, {16, 0, 16}, {16, 1, 16}, {16, 2, 8}, {16, 3, 5}, {16, 1000, 1}, {1600, 1000, 1}, {1600, 1, 1600},
	} {
		assert.Equal(t, test.want, fair.Window(test.places, test.jobs), "%d places, %d jobs", test.places, test.jobs)
	}
}

// A merchant that floods a worker does not keep another waiting for more than one turn.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const turn = 10 * time.Second
		p := fair.NewPlaces(4)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var have, most, turns atomic.Int64
		work := func(merchant string) {
			give, err := p.Take(ctx, merchant, merchant)
			if err != nil {
				return
			}
			most.Store(max(most.Load(), have.Add(1)))
			turns.Add(1)
			time.Sleep(turn)
			have.Add(-1)
			give()
			give() // a second time is nothing
		}
		for range 1000 {
			all.Go(func() { work("big") })
		}
		time.Sleep(25 * time.Second) // it has all places, and 988 wait
		for i := range 3 {
			all.Go(func() {
				for range 3 {
					start := time.Now()
					work(fmt.Sprint("small", i))
					assert.LessOrEqual(t, time.Since(start), 2*turn, "it waits for one turn of another, and has one")
				}
			})
		}
		time.Sleep(100 * time.Second)
		assert.Equal(t, int64(4), most.Load(), "all places, and no more")
		assert.GreaterOrEqual(t, turns.Load(), int64(4*11), "none was idle")
		cancel()
		all.Wait()
	})
}

// Who stops waiting takes no place along, also at the moment at which it is called.
func TestCancelled(t *testing.T) {
	t.Parallel()
	const places = 3
	p := fair.NewPlaces(places)
	var all sync.WaitGroup
	var have atomic.Int64
	for i := range 64 {
		all.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration((i*n)%7)*10*time.Microsecond)
				if give, err := p.Take(ctx, fmt.Sprint(i%5), fmt.Sprint(i%10)); err == nil {
					assert.LessOrEqual(t, have.Add(1), int64(places))
					have.Add(-1)
					give()
				} else {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				}
				cancel()
			}
		})
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range places {
		_, err := p.Take(ctx, "m", "j")
		require.NoError(t, err, "every place was given back")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	_, err := p.Take(ended, "m", "j")
	require.ErrorIs(t, err, context.Canceled, "and there is none beyond")
}

// BenchmarkNext is a place that changes hands while so many others wait.
func BenchmarkNext(b *testing.B) {
	for _, n := range []int{64, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := fair.NewQueue(16)
			for i := range n {
				q.Wait(fmt.Sprint(1900000000+i/4), fmt.Sprint("job", i/4))
			}
			for b.Loop() {
				k := q.Next()
				if k == nil {
					b.StopTimer()
					b.Fatal("nobody")
				}
				q.Done(k)
				q.Wait(k.Merchant, k.Job)
			}
		})
	}
}
