package debits_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A source is rows in memory.
type source struct {
	name string
	rows []table.Row
}

func (s source) Name() string { return s.name }

func (s source) Digest(context.Context) (string, error) { return fmt.Sprint(s.rows), nil }

func (s source) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i, r := range s.rows {
			r.Line = i + 2
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A job is a debit run of contracts on a fake platform.
type job struct {
	*wxpaytest.Server
	bulk.Job
	run       debits.Run
	contracts []string
	want      map[string]int64 // amounts by number
}

func newJob(t *testing.T, n int, options wxpaytest.Options) *job {
	t.Helper()
	options.Unlimited, options.Journal = true, 1
	j := &job{Server: wxpaytest.New(t, options), want: map[string]int64{}}
	j.run, j.contracts = run(j.Server), j.AddContracts(openID, appID, planID, n)
	s := source{name: "debits.csv"}
	for i, c := range j.contracts {
		number := fmt.Sprintf("2026-09-%04d", i)
		j.want[number] = int64(100 + i)
		s.rows = append(s.rows, row(c, number, fmt.Sprint(100+i)))
	}
	j.Job = bulk.Job{Ledger: filepath.Join(t.TempDir(), "september.ledger"), Source: s, Key: bulk.ClientKey(j.Client()), Rate: -1}
	return j
}

func (j *job) carryOut(ctx context.Context) (*bulk.Summary, error) {
	j.Operation = j.run
	return j.Run(ctx)
}

func why(t *testing.T, err error) bulk.Why {
	t.Helper()
	stop, ok := errors.AsType[*bulk.StopError](err)
	require.True(t, ok, "%v", err)
	return stop.Why
}

// One run that waits until the notices are old enough.
func TestJobWaitsForTheLead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 30, wxpaytest.Options{TaskDuration: 3 * time.Minute, Pay: func(no string) bool { return no != "2026-09-0007" }})
		start := time.Now()
		s, err := j.carryOut(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 30, Done: 29, Rejected: 1}, s.Sums)
		assert.Equal(t, map[string]int64{"PAY_FAIL": 1}, s.Reasons)
		assert.Equal(t, j.want, debited(t, j.Server))
		assert.Greater(t, time.Since(start), 24*time.Hour)
		assert.Less(t, time.Since(start), 25*time.Hour)
		l, err := ledger.Look(j.Ledger)
		require.NoError(t, err)
		ticks, err := l.Ticks()
		require.NoError(t, errors.Join(err, l.Close()))
		assert.Less(t, len(ticks), 50, "a day of waiting is not remembered every ten seconds")

		s, err = j.carryOut(t.Context())
		require.NoError(t, err)
		assert.True(t, s.Resumed)
		assert.Equal(t, j.want, debited(t, j.Server))
	})
}

// Notices today, the rest by a run tomorrow, or a week later, when the notices are too old.
func TestJobRunAgain(t *testing.T) {
	t.Parallel()
	for _, days := range []int{1, 7} {
		synctest.Test(t, func(t *testing.T) {
			j := newJob(t, 20, wxpaytest.Options{})
			j.Steps = 1
			s, err := j.carryOut(t.Context())
			assert.Equal(t, bulk.WhyLimit, why(t, err))
			assert.Equal(t, bulk.Sums{Rows: 20, Left: 20}, s.Sums)
			assert.Empty(t, debited(t, j.Server))
			time.Sleep(time.Duration(days) * 24 * time.Hour)
			if days == 1 { // three contracts end
				for _, c := range j.contracts[:3] {
					require.NoError(t, wxpay.Send(t.Context(), j.Client(), wxpay.Call{Route: "DELETE /v3/edu-papay/contracts/{contract_id}", Vars: wxpay.Vars{"contract_id": c}}))
				}
				for i := range 3 {
					delete(j.want, fmt.Sprintf("2026-09-%04d", i))
				}
			}
			j.Steps = 0
			start := time.Now()
			s, err = j.carryOut(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, len(j.want), s.Done)
			assert.EqualValues(t, 20-len(j.want), s.Rejected)
			assert.Equal(t, j.want, debited(t, j.Server))
			assert.Equal(t, days == 7, time.Since(start) > 24*time.Hour, "new notices first")
		})
	}
}

// Faults at every call and runs that end at any moment: every amount moves once, and the rows add up.
func TestJobOfFaults(t *testing.T) {
	t.Parallel()
	faults := []string{"dial-refused", "reset-before-read", "reset-after-read", "hang", "500", "503", "502-html", "429", "429-retry-after", "202",
		"reset-after-effect", "hang-after-effect", "500-after-effect", "truncated-body", "wrong-content-type"}
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			chaos := rand.New(rand.NewPCG(seed, 7))
			j := newJob(t, 30, wxpaytest.Options{TaskDuration: time.Minute})
			for range 80 {
				route := []string{routeNotice, routeDebit, routeResult, routeContract}[chaos.IntN(4)]
				require.NoError(t, j.Inject(route, faults[chaos.IntN(len(faults))], 1))
			}
			var s *bulk.Summary
			for runs := 0; ; runs++ {
				require.Less(t, runs, 200)
				most := time.Duration(chaos.IntN(5000)) * time.Millisecond
				if runs > 40 {
					most = 48 * time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), most)
				var err error
				s, err = j.carryOut(ctx)
				cancel()
				if s != nil {
					assert.Equal(t, s.Rows, s.Done+s.Rejected+s.Unknown+s.Skipped+s.Left)
				}
				if err == nil && s.Complete() {
					break
				}
				if runs%10 == 9 {
					time.Sleep(time.Duration(chaos.IntN(20)) * time.Hour)
				}
			}
			j.Recover()
			assert.Equal(t, j.want, debited(t, j.Server), "seed %d", seed)
			assert.Equal(t, bulk.Sums{Rows: 30, Done: 30}, s.Sums, "seed %d: %v", seed, s.Reasons)
		})
	}
}

// The numbers of a file are the rows of a job, whatever file they stand in.
func TestJobOfASecondFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 4, wxpaytest.Options{})
		j.run.NoticeLead = 0
		tomorrow := func() (*bulk.Summary, error) { // without waiting for it
			j.Steps = 1
			_, err := j.carryOut(t.Context())
			assert.Equal(t, bulk.WhyLimit, why(t, err))
			j.Advance(24 * time.Hour)
			j.Steps = 0
			return j.carryOut(t.Context())
		}
		_, err := tomorrow()
		require.NoError(t, err)
		second := source{name: "again.csv", rows: slices.Clone(j.Source.(source).rows)}
		second.rows[0] = row(j.contracts[0], "2026-09-0000", "999999") // another amount under a number that was debited
		extra := j.AddContracts(openID, appID, planID, 1)[0]
		second.rows = append(second.rows, row(extra, "2026-09-new", "5"))
		j.Source = second
		s, err := tomorrow()
		require.NoError(t, err)
		want := maps.Clone(j.want)
		want["2026-09-new"] = 5
		assert.Equal(t, want, debited(t, j.Server))
		assert.EqualValues(t, 5, s.Done)
		assert.EqualValues(t, 4, s.Skipped)
	})
}

// The lead is that of the run: notices of a run with a lead of a day are old enough at once for one that has none, and
// with a longer one they wait longer.
func TestJobWithAnotherLead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 5, wxpaytest.Options{})
		j.Steps = 1
		_, err := j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		j.Server.Advance(25 * time.Hour)
		j.Steps, j.run.NoticeLead = 0, 0
		start := time.Now()
		s, err := j.carryOut(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 5, Done: 5}, s.Sums)
		assert.Less(t, time.Since(start), time.Minute)
	})
	synctest.Test(t, func(t *testing.T) {
		j := newJob(t, 5, wxpaytest.Options{})
		j.Steps = 1
		_, err := j.carryOut(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		j.Steps, j.run.NoticeLead = 0, 48*time.Hour
		start := time.Now()
		s, err := j.carryOut(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 5, Done: 5}, s.Sums)
		assert.InDelta(t, 48, time.Since(start).Hours(), 1)
	})
}
