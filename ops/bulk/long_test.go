package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// plain is an operation without a platform, for jobs that take days.
type plain struct {
	steps []bulk.Step
	batch int
	send  func(item bulk.Item) bulk.Result // one at a time
}

func (o *plain) About() bulk.About {
	steps := o.steps
	if steps == nil {
		steps = []bulk.Step{{Name: "one", Route: "POST /one"}}
	}
	return bulk.About{Name: "plain", Sender: "1", Columns: []table.Column{{Name: "phone_number"}, {Name: "code"}}, Steps: steps, Batch: o.batch, Unkept: true}
}

func (o *plain) Check(row table.Row) (string, error) { return row.Cells[0], nil }

func (o *plain) Send(_ context.Context, item bulk.Item) bulk.Result { return o.send(item) }

func (o *plain) Settle(_ context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	return o.send(item)
}

func done(bulk.Item) bulk.Result { return bulk.Result{State: bulk.Done} }

func plainJob(t *testing.T, n int, o *plain) bulk.Job {
	var mu sync.Mutex
	send := o.send
	o.send = func(item bulk.Item) bulk.Result {
		mu.Lock()
		defer mu.Unlock()
		return send(item)
	}
	return bulk.Job{Ledger: filepath.Join(t.TempDir(), "a.ledger"), Source: phones(n), Key: bulk.SecretKey("x"), Operation: o, Rate: -1, Concurrency: 1}
}

// Rows whose results are awaited for hours do not keep those behind them from being begun.
func TestPendingRowsLeaveRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, start := map[int]time.Time{}, time.Now()
		o := &plain{steps: []bulk.Step{{Name: "debit", Route: "POST /d", Rate: 0.05}, {Name: "result", Route: "GET /r", Rate: 0.1}}}
		o.send = func(item bulk.Item) bulk.Result {
			now, line := time.Now(), item.Rows[0].Line
			if item.Step == 0 {
				begun[line] = now
				return bulk.Result{Next: 1, At: now.Add(5 * time.Second)}
			}
			if age := now.Sub(begun[line]); age < 6*time.Hour {
				return bulk.Result{Next: 1, At: now.Add(pace.Look(age, 5*time.Second, 10*time.Minute))}
			}
			return bulk.Result{State: bulk.Done}
		}
		j := plainJob(t, 200, o)
		j.Rate, j.Until = 0, start.Add(2*time.Hour+30*time.Minute)
		_, err := j.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		assert.Len(t, begun, 200, "half of the time is for those that were not begun")
	})
}

// Time that a job spends waiting on purpose is no time without success.
func TestOneFailureAfterALongWait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failures int
		wait     func(*bulk.Job, *bulk.Result)
	}{
		"step due later": {2, func(_ *bulk.Job, r *bulk.Result) { r.At = time.Now().Add(24 * time.Hour) }},
		"closed window": {3, func(j *bulk.Job, _ *bulk.Result) {
			now := time.Now()
			d := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute
			j.Window, j.Rate = pace.Window{From: d, To: d + time.Minute}, 1./25 // three calls a day: one failure before a night
		}},
		"slow pace": {2, func(j *bulk.Job, _ *bulk.Result) { j.Rate = 1. / 3600 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, failures := time.Now(), 0
				first := bulk.Result{Next: 1}
				o := &plain{steps: []bulk.Step{{Name: "a", Route: "POST /a"}, {Name: "b", Route: "POST /b"}}}
				o.send = func(item bulk.Item) bulk.Result {
					switch {
					case item.Step == 0:
						return first
					case failures < tt.failures:
						failures++
						return bulk.Result{Next: 1, Err: errors.New("connection refused")}
					}
					return bulk.Result{State: bulk.Done}
				}
				j := plainJob(t, 3, o)
				tt.wait(&j, &first)
				s, err := j.Run(t.Context())
				require.NoError(t, err, time.Since(start))
				assert.Equal(t, bulk.Sums{Rows: 3, Done: 3}, s.Sums)
			})
		})
	}
}

// An answer that asks to slow down slows a job down that does not speak to WeChat Pay, too.
func TestThrottledElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		j := plainJob(t, 100, &plain{send: func(bulk.Item) bulk.Result {
			if n++; n == 1 {
				return bulk.Result{Err: &wxpay.Error{Route: "POST /one", StatusCode: 429}}
			}
			return bulk.Result{State: bulk.Done}
		}})
		j.Rate = 10
		s, err := j.Run(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 1, s.Throttled)
		assert.Greater(t, time.Since(start), 15*time.Second, "5 calls a second instead of 10")
	})
}

// One row without permission, such as that of a sub-merchant, does not hold up the others.
func TestOneRowWithoutPermission(t *testing.T) {
	t.Parallel()
	for _, line := range []int{2, 5} {
		synctest.Test(t, func(t *testing.T) {
			permitted := false
			j := plainJob(t, 100, &plain{send: func(item bulk.Item) bulk.Result {
				if item.Rows[0].Line == line && !permitted {
					return bulk.Failed(&wxpay.Error{StatusCode: 403, Code: wxpay.CodeNoAuth, Verified: true, Message: "13800138000 has not granted it"})
				}
				return bulk.Result{State: bulk.Done}
			}})
			for range 2 {
				s, err := j.Run(t.Context())
				require.Equal(t, bulk.WhyAuth, why(t, err))
				assert.NotContains(t, err.Error(), "13800138000")
				assert.Equal(t, bulk.Sums{Rows: 100, Done: 99, Left: 1}, s.Sums)
			}
			permitted = true
			s, err := j.Run(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 100, s.Done)
		})
	}
}

// What an unknown row got by the step before is still there when it is settled, and that a call is refused here says
// nothing of the one before.
func TestUnknownKeepsWhatItHad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		o := &plain{steps: []bulk.Step{{Name: "a", Route: "POST /a"}, {Name: "b", Route: "POST /b"}}}
		o.send = func(item bulk.Item) bulk.Result {
			switch n++; n {
			case 1:
				return bulk.Result{Next: 1, Code: "MARK"}
			case 2:
				return bulk.Result{State: bulk.Unknown, Err: errors.New("connection reset")}
			case 3:
				return bulk.Failed(&wxpay.ParamError{Param: "x", Reason: "is wrong"})
			}
			assert.Equal(t, "MARK", item.Code)
			return bulk.Result{State: bulk.Done}
		}
		j := plainJob(t, 1, o)
		s, err := j.Run(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 1, s.Done)
		assert.Equal(t, 4, n)
	})
}

// Of a source with a row that stands in it twice only what changed is told to have changed.
func TestChangedSourceWithARowTwice(t *testing.T) {
	t.Parallel()
	j := plainJob(t, 0, &plain{send: done})
	cells := append(phones(5).cells, phones(1).cells...)
	j.Source, j.Limit = rows{"a.csv", cells}, 1
	_, err := j.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	other := append([][]string{}, cells...)
	other[3] = []string{"13900000000", ""}
	j.Source = rows{"a.csv", other}
	_, err = j.Run(t.Context())
	changed, ok := errors.AsType[*bulk.ChangedError](err)
	require.True(t, ok, err)
	assert.Equal(t, [4]int64{0, 0, 1, 5}, [4]int64{changed.Added, changed.Gone, changed.Changed, changed.Line})
}

// An input that is sent is done, whatever another one still has.
func TestInputBesideAnother(t *testing.T) {
	t.Parallel()
	j := plainJob(t, 10, &plain{send: done})
	one := j.Source
	j.Limit = 3
	_, err := j.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	j.Limit, j.Source = 0, phonesFrom("two.csv", 10, 10)
	s, err := j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 20, Done: 13, Left: 7}, s.Sums)
	j.Source = one
	s, err = j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 20, Done: 20}, s.Sums)
}

// A job of batches has one input: a row that another has too would be in another batch.
func TestOnlyInput(t *testing.T) {
	t.Parallel()
	j := plainJob(t, 3, &plain{send: done, batch: 3})
	one := j.Source
	_, err := j.Run(t.Context())
	require.NoError(t, err)
	for _, j.DryRun = range []bool{true, false} {
		j.Source = phonesFrom("two.csv", 3, 3)
		_, err = j.Run(t.Context())
		other, ok := errors.AsType[*bulk.OtherJobError](err)
		require.True(t, ok, err)
		assert.Equal(t, "input", other.What)
		j.Source = one
		_, err = j.Run(t.Context())
		require.NoError(t, err)
	}
}

// A call that the pace holds back is not made after the end of its run.
func TestWaitsEndWithTheirTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := plainJob(t, 100, &plain{send: done})
		j.Rate, j.Until = 1./60, time.Now().Add(90*time.Second)
		s, err := j.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		assert.EqualValues(t, 2, s.Done, "at 0 s and at 60 s; not at 120 s")
	})
}

// A closed window costs no place of the day.
func TestDailyBehindAWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		j := plainJob(t, 10, &plain{steps: []bulk.Step{{Name: "a", Route: "POST /a", Daily: 1}}, send: done})
		open := time.Duration(start.Hour()+2) * time.Hour
		j.Window = pace.Window{From: open % (24 * time.Hour), To: (open + time.Hour) % (24 * time.Hour)}
		j.Until = start.Add(5 * 24 * time.Hour)
		s, err := j.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		assert.EqualValues(t, 5, s.Done)
	})
}

// A summary comes with every stop, and Observe hears how the run goes from its first word to its last.
func TestObserved(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*bulk.Job)
		cancel bool
	}{
		"all":                    {func(*bulk.Job) {}, false},
		"dry":                    {func(j *bulk.Job) { j.DryRun = true }, false},
		"bad":                    {func(j *bulk.Job) { j.Source = rows{name: "empty"} }, false},
		"stopped while checking": {func(*bulk.Job) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := plainJob(t, 10, &plain{send: done})
			tt.change(&j)
			var phases []bulk.Phase
			j.Observe = func(p bulk.Progress) { phases = append(phases, p.Phase) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.cancel {
				cancel()
			}
			s, err := j.Run(ctx)
			if tt.cancel {
				require.Equal(t, bulk.WhyInterrupted, why(t, err))
				require.NotNil(t, s)
			}
			require.NotEmpty(t, phases)
			assert.Equal(t, bulk.PhaseChecking, phases[0])
			assert.Equal(t, bulk.PhaseEnded, phases[len(phases)-1])
		})
	}
}

// cut is a source whose second reading is interrupted.
type cut struct {
	rows
	end  context.CancelFunc
	at   int
	read *int
}

func (s cut) Rows(ctx context.Context) iter.Seq2[table.Row, error] {
	*s.read++
	now := *s.read
	return func(yield func(table.Row, error) bool) {
		for row, err := range s.rows.Rows(ctx) {
			if now == 2 && row.Line > s.at {
				s.end()
				return
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// What changed in another input while a further one was staged in part counts when that is staged to its end.
func TestStagedInPart(t *testing.T) {
	t.Parallel()
	sent := 0
	j := plainJob(t, 2100, &plain{send: func(bulk.Item) bulk.Result { sent++; return bulk.Result{State: bulk.Rejected, Code: "NO"} }})
	j.Limit, j.Concurrency = 1, 64
	one := j.Source
	_, err := j.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	ctx, cancel := context.WithCancel(t.Context())
	two := cut{phonesFrom("two.csv", 0, 2101), cancel, 2050, new(int)}
	j.Source, j.Limit = two, 0
	_, err = j.Run(ctx)
	require.Equal(t, bulk.WhyInterrupted, why(t, err))

	j.DryRun = true
	s, err := j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 4201, Left: 4200, Skipped: 1}, s.Sums, "what is staged in part is not counted twice")
	j.DryRun = false

	j.Source = one
	_, err = j.Run(t.Context())
	require.NoError(t, err)
	j.Source = two
	s, err = j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 4201, Rejected: 2101, Skipped: 2100}, s.Sums)
	assert.Equal(t, 2100+2101, sent, "each was sent again")
}

// What is due again does not wait until all rows behind it were taken: in a long job that may be days.
func TestWhatIsDueGoesFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t, 200)
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, b.Inject(routeImport, "reset-after-effect", 1))
		b.job.Rate = 0.1
		start, seen := time.Now(), map[string]time.Time{}
		_, err := b.run(t.Context())
		require.NoError(t, err)
		var again time.Duration
		for _, r := range b.Requests() {
			number := string(r.Body)
			if !seen[number].IsZero() {
				again = r.Time.Sub(start)
			}
			seen[number] = r.Time
		}
		assert.Len(t, seen, 200)
		assert.InDelta(t, 10*time.Minute, again, float64(time.Minute))
	})
}

// An unknown outcome stays unknown whatever happens to the call that asks for it.
func TestUnknownStays(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"dial-refused", "429", "SIGN_ERROR", "503", "reset-before-read"} {
		b := newBench(t, 1)
		synctest.Test(t, func(t *testing.T) {
			require.NoError(t, b.Inject(routeImport, "hang-after-effect", 1))
			require.NoError(t, b.Inject(routeImport, fault, 5))
			s, err := b.run(t.Context())
			if err != nil {
				require.Equal(t, bulk.WhyAuth, why(t, err))
			}
			assert.Equal(t, bulk.Sums{Rows: 1, Unknown: 1}, s.Sums, fault)
		})
		b.Recover()
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 1, Done: 1}, s.Sums, fault)
	}
}

// An unknown outcome is asked for with the very same bytes, in the same run and in later ones.
func TestUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		require.NoError(t, b.Inject(routeImport, "reset-after-effect", 9))
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 3, Done: 3}, s.Sums)
		assert.EqualValues(t, 9, s.Repeated)
		bodies := map[string]map[string]bool{}
		for _, r := range b.Requests() {
			if r.Route == routeImport {
				var asked struct {
					No string `json:"out_request_no"`
				}
				require.NoError(t, json.Unmarshal([]byte(r.Body), &asked))
				if bodies[asked.No] == nil {
					bodies[asked.No] = map[string]bool{}
				}
				bodies[asked.No][r.Body] = true
			}
		}
		assert.Len(t, bodies, 3)
		for _, same := range bodies {
			assert.Len(t, same, 1)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		require.NoError(t, b.Inject(routeImport, "hang-after-effect", 18))
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 3, Unknown: 3}, s.Sums)
		s, err = b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 3, Done: 3}, s.Sums)
	})
}

func TestWhenAndHowMuch(t *testing.T) {
	t.Parallel()
	t.Run("window", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 10)
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.Local)
			from := now.Sub(midnight) + 2*time.Hour
			b.job.Window = pace.Window{From: from % (24 * time.Hour), To: (from + time.Hour) % (24 * time.Hour)}
			_, err := b.run(t.Context())
			require.NoError(t, err)
			assert.InDelta(t, 2, time.Since(now).Hours(), 0.1)
		})
	})
	t.Run("until", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 100)
		synctest.Test(t, func(t *testing.T) {
			b.job.Rate, b.job.Until = 1, time.Now().Add(30*time.Second)
			s, err := b.run(t.Context())
			require.Equal(t, bulk.WhyLimit, why(t, err))
			assert.InDelta(t, 30, s.Done, 1)
		})
	})
	t.Run("limit", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 100)
		b.job.Limit = 7
		for i := 1; i <= 3; i++ {
			s, err := b.run(t.Context())
			require.Equal(t, bulk.WhyLimit, why(t, err))
			assert.EqualValues(t, 7*i, s.Done)
		}
	})
	t.Run("steps", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 20)
		synctest.Test(t, func(t *testing.T) {
			b.op.steps, b.op.lead, b.job.Steps = 2, 24*time.Hour, 1
			s, err := b.run(t.Context())
			require.Equal(t, bulk.WhyLimit, why(t, err))
			assert.Equal(t, bulk.Sums{Rows: 20, Left: 20}, s.Sums)
			assert.Equal(t, 20, b.imports())
			b.job.Steps = 0
			start := time.Now()
			s, err = b.run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, bulk.Sums{Rows: 20, Done: 20}, s.Sums)
			assert.InDelta(t, 24, time.Since(start).Hours(), 0.1)
			assert.Equal(t, 40, b.imports())
		})
	})
	t.Run("daily", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 25)
		synctest.Test(t, func(t *testing.T) {
			b.op.daily = 10
			start := time.Now()
			_, err := b.run(t.Context())
			require.NoError(t, err)
			assert.Greater(t, time.Since(start), 24*time.Hour, "ten today, ten tomorrow, five the day after")
			assert.Less(t, time.Since(start), 48*time.Hour)
		})
	})
	t.Run("dry", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 25)
		b.job.DryRun = true
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 25, Left: 25}, s.Sums)
		assert.Zero(t, b.imports())
		assert.NoFileExists(t, b.job.Ledger)
	})
}
