package bulk_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const routeImport = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"

// imports is the smallest operation that does something: it imports members.
type imports struct {
	client *wxpay.Client
	card   string
	steps  int // one, unless a test wants more of them, each an import
	name   string
	rate   float64
	daily  int
	lead   time.Duration // between two steps
}

func (o imports) About() bulk.About {
	a := bulk.About{Name: "test-import" + o.name, Sender: wxpaytest.MchID, Settings: map[string]string{"card_id": o.card},
		Columns: []table.Column{{Name: "phone_number", Kind: table.Phone, Required: true}, {Name: "code"}}}
	for i := range max(o.steps, 1) {
		a.Steps = append(a.Steps, bulk.Step{Name: fmt.Sprint("import", i), Route: routeImport, Rate: o.rate, Daily: o.daily})
	}
	return a
}

func (o imports) Check(row table.Row) (string, error) {
	if row.Cells[0] == "bad" {
		return "", &table.Fault{Column: "phone_number", Reason: "is no number", Chinese: "不是号码"}
	}
	return row.Cells[0], nil
}

func (o imports) Send(ctx context.Context, item bulk.Item) bulk.Result {
	phone := item.Rows[0].Cells[0]
	if item.Step > 0 { // a member twice would be refused
		phone = "139" + phone[3:]
	}
	code, err := membercard.New(o.client).ImportUserByPhone(ctx, membercard.ImportUserByPhoneParams{
		CardID: o.card, PhoneNumber: wxpay.Secret(phone), OutRequestNo: item.Number[:30] + fmt.Sprint(item.Step)})
	return o.result(item, code, err)
}

func (o imports) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	code, err := bulk.Again[membercard.CardCode](ctx, o.client, kept)
	return o.result(item, code, err)
}

func (o imports) result(item bulk.Item, code *membercard.CardCode, err error) bulk.Result {
	switch {
	case err != nil:
		return bulk.Failed(err)
	case item.Step+1 < o.steps:
		return bulk.Result{Next: item.Step + 1, At: time.Now().Add(o.lead)}
	}
	return bulk.Result{State: bulk.Done, Code: code.Code}
}

// rows is a source in memory.
type rows struct {
	name  string
	cells [][]string
}

func (s rows) Name() string { return s.name }

func (s rows) Digest(context.Context) (string, error) {
	sum := sha256.Sum256(fmt.Append(nil, s.cells))
	return hex.EncodeToString(sum[:]), nil
}

func (s rows) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i, cells := range s.cells {
			if !yield(table.Row{Line: i + 2, Cells: cells}, nil) {
				return
			}
		}
	}
}

func phones(n int) rows { return phonesFrom("members.csv", 0, n) }

func phonesFrom(name string, from, n int) rows {
	s := rows{name: name}
	for i := range n {
		s.cells = append(s.cells, []string{fmt.Sprintf("138%08d", from+i), ""})
	}
	return s
}

// A bench is a fake platform and a job on it.
type bench struct {
	*wxpaytest.Server
	job bulk.Job
	op  imports
}

func newBench(t *testing.T, n int) *bench {
	t.Helper()
	s := wxpaytest.New(t, wxpaytest.Options{Unlimited: true, Journal: 100_000})
	b := &bench{Server: s, op: imports{client: s.Client(), card: s.AddCard("SYSTEM_ALLOCATE")}}
	b.job = bulk.Job{Ledger: filepath.Join(t.TempDir(), "autumn.ledger"), Source: phones(n), Key: bulk.ClientKey(s.Client()), Rate: -1}
	return b
}

func (b *bench) run(ctx context.Context) (*bulk.Summary, error) {
	b.job.Operation = b.op
	return b.job.Run(ctx)
}

// members are how many members the platform has.
func (b *bench) members() int {
	n := 0
	for _, v := range b.State() {
		if v.Product == "membercard" && v.Name == "members" {
			n += len(v.Rows)
		}
	}
	return n
}

func (b *bench) imports() (n int) {
	for _, r := range b.Requests() {
		if r.Route == routeImport {
			n++
		}
	}
	return n
}

func why(t *testing.T, err error) bulk.Why {
	t.Helper()
	stop, ok := errors.AsType[*bulk.StopError](err)
	require.True(t, ok, "%v", err)
	assert.NotEmpty(t, stop.Reason.English)
	assert.NotEmpty(t, stop.Reason.Chinese)
	return stop.Why
}

func TestJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 250)
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 250, Done: 250}, s.Sums)
		assert.True(t, s.Complete())
		assert.False(t, s.Resumed)
		assert.Equal(t, 250, b.imports())

		s, err = b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 250, Done: 250}, s.Sums)
		assert.True(t, s.Resumed)
		assert.EqualValues(t, 250, s.Before)
		assert.Equal(t, 250, b.imports(), "nothing is sent twice")
		assert.Equal(t, 250, b.members())
	})
}

// What cannot be sent is found before anything is.
func TestBadRows(t *testing.T) {
	t.Parallel()
	b := newBench(t, 30)
	for i := 3; i < 28; i++ {
		b.job.Source.(rows).cells[i][0] = "bad"
	}
	_, err := b.run(t.Context())
	wrong, ok := errors.AsType[*bulk.InputError](err)
	require.True(t, ok, "%v", err)
	assert.EqualValues(t, 25, wrong.Count)
	assert.Len(t, wrong.Faults, 20)
	assert.Equal(t, "members.csv:5: column phone_number: is no number", wrong.Faults[0].Error())
	assert.Zero(t, b.imports())
	assert.NoFileExists(t, b.job.Ledger, "a wrong input leaves nothing behind")

	b.job.Source = rows{name: "empty.csv"}
	_, err = b.run(t.Context())
	assert.ErrorContains(t, err, "holds no row")
}

func TestChangedSource(t *testing.T) {
	t.Parallel()
	b := newBench(t, 10)
	b.job.Limit = 3
	_, err := b.run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	was := b.job.Source
	for name, tt := range map[string]struct {
		now                  rows
		added, gone, changed int64
		line                 int64
	}{
		"more":    {phones(12), 2, 0, 0, 12},
		"fewer":   {phones(8), 0, 2, 0, 10},
		"other":   {rows{"members.csv", append(phones(9).cells, []string{"13900000000", ""})}, 0, 0, 1, 11},
		"content": {rows{"members.csv", append(phones(9).cells, []string{"13800000009", "77"})}, 0, 0, 1, 11},
	} {
		b.job.Source = tt.now
		for _, b.job.DryRun = range []bool{false, true} {
			_, err := b.run(t.Context())
			changed, ok := errors.AsType[*bulk.ChangedError](err)
			require.True(t, ok, "%s: %v", name, err)
			assert.Equal(t, [4]int64{tt.added, tt.gone, tt.changed, tt.line}, [4]int64{changed.Added, changed.Gone, changed.Changed, changed.Line}, name)
		}
	}
	assert.Equal(t, 3, b.imports())
	b.job.Source, b.job.Limit = was, 0
	s, err := b.run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 10, Done: 3, Left: 7}, s.Sums, "a dry run")
	b.job.DryRun = false
	s, err = b.run(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 10, s.Done)
}

func TestOtherJob(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	_, err := b.run(t.Context())
	require.NoError(t, err)
	was, op := b.job, b.op
	for name, change := range map[string]func(){
		"operation":   func() { b.op.name = "-other" },
		"card_id":     func() { b.op.card = "other" },
		"private key": func() { b.job.Key = bulk.SecretKey("other") },
	} {
		change()
		_, err := b.run(t.Context())
		other, ok := errors.AsType[*bulk.OtherJobError](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, name, other.What)
		b.job, b.op = was, op
	}
	assert.Equal(t, 3, b.imports())
}

// Rows that stand in the input twice are skipped; a further input sends what is new and what was rejected.
func TestFurtherInput(t *testing.T) {
	t.Parallel()
	b := newBench(t, 0)
	b.job.Source = rows{"one.csv", [][]string{{"13800000001", ""}, {"13800000002", ""}, {"13800000001", ""}, {"13800000003", ""}}}
	require.NoError(t, b.Inject(routeImport, "INVALID_REQUEST", 1))
	b.job.Concurrency = 1
	s, err := b.run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 4, Done: 2, Rejected: 1, Skipped: 1}, s.Sums)
	assert.Equal(t, map[string]int64{"INVALID_REQUEST": 1}, s.Reasons)

	b.job.Source = rows{"two.csv", [][]string{{"13800000001", ""}, {"13800000002", ""}, {"13800000003", "other content"}, {"13800000004", ""}}}
	s, err = b.run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 8, Done: 4, Skipped: 4}, s.Sums, "done before, changed, and the line that was fed again")
	assert.Equal(t, 5, b.imports())
}

// What is wrong for every row stops the job; no row is taken for rejected.
func TestStops(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault string
		times int
		why   bulk.Why
		most  int // imports before it stops
	}{
		"wrong key":         {"SIGN_ERROR", 16, bulk.WhyAuth, 16},
		"no permission":     {"NO_AUTH", -1, bulk.WhyAuth, 20},
		"same 500":          {"500", -1, bulk.WhyPlatform, 60},
		"nothing answers":   {"503", -1, bulk.WhyNetwork, 1000},
		"no connection":     {"dial-refused", -1, bulk.WhyNetwork, 1000},
		"forged answers":    {"forged", -1, bulk.WhyAuth, 20},
		"clock of platform": {"stale", 16, bulk.WhyAuth, 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 200)
			synctest.Test(t, func(t *testing.T) {
				require.NoError(t, b.Inject(routeImport, tt.fault, tt.times))
				var last bulk.Progress
				b.job.Observe = func(p bulk.Progress) { last = p }
				s, err := b.run(t.Context())
				assert.Equal(t, tt.why, why(t, err))
				assert.Error(t, last.Err)
				assert.LessOrEqual(t, b.imports(), tt.most)
				assert.Zero(t, s.Rejected+s.Done)
				assert.EqualValues(t, 200, s.Left+s.Unknown)
			})
			b.Recover()
			synctest.Test(t, func(t *testing.T) {
				b.job.Observe = func(p bulk.Progress) { assert.NoError(t, p.Err) }
				s, err := b.run(t.Context())
				require.NoError(t, err)
				assert.Equal(t, bulk.Sums{Rows: 200, Done: 200}, s.Sums)
			})
		})
	}
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	b := newBench(t, 100)
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, b.Inject(routeImport, "429-retry-after", 3))
		b.job.Rate = 5
		var mu sync.Mutex
		lowest := 5.0
		b.job.Observe = func(p bulk.Progress) {
			mu.Lock()
			defer mu.Unlock()
			if p.Phase == bulk.PhaseSending && p.Ceiling > 0 {
				lowest = min(lowest, p.Ceiling)
			}
		}
		s, err := b.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 100, Done: 100}, s.Sums)
		assert.EqualValues(t, 3, s.Throttled)
		assert.Less(t, lowest, 3.0)
	})
}

// Every call that leaves is paced, also one that is repeated: never more than five within a second.
func TestRate(t *testing.T) {
	t.Parallel()
	b := newBench(t, 100)
	var sent []time.Time
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, b.Inject(routeImport, "reset-after-effect", 20))
		b.op.rate, b.job.Rate = 5, 0
		start := time.Now()
		_, err := b.run(t.Context())
		require.NoError(t, err)
		for _, r := range b.Requests() {
			if r.Route == routeImport {
				sent = append(sent, r.Time)
			}
		}
		assert.Len(t, sent, 120)
		assert.InDelta(t, 24, time.Since(start).Seconds(), 10)
	})
	for i := 5; i < len(sent); i++ {
		assert.GreaterOrEqual(t, sent[i].Sub(sent[i-5]), time.Second)
	}
}

func TestRateThatIsNoNumber(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.job.Rate = math.NaN()
	_, err := b.run(t.Context())
	require.ErrorContains(t, err, "Rate is no number")
	assert.Zero(t, b.imports())
}

// A run that is stopped ends what is in flight, at most ten seconds long, and goes on later.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t, 100)
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, b.Inject(routeImport, "hang-after-effect", 2))
		ctx, cancel := context.WithCancel(t.Context())
		b.job.Rate = 10
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		s, err := b.run(ctx)
		require.Equal(t, bulk.WhyInterrupted, why(t, err))
		assert.LessOrEqual(t, time.Since(start), 13*time.Second+100*time.Millisecond)
		assert.EqualValues(t, 2, s.Unknown)
		assert.InDelta(t, 28, s.Done, 2)
	})
	s, err := b.run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 100, Done: 100}, s.Sums)
}

func TestOneLeader(t *testing.T) {
	t.Parallel()
	b := newBench(t, 5)
	held, err := ledger.Create(b.job.Ledger, ledger.Head{Name: "autumn"})
	require.NoError(t, err)
	_, err = b.run(t.Context())
	_, ok := errors.AsType[*ledger.HeldError](err)
	assert.True(t, ok, "%v", err)
	require.NoError(t, held.Close())
	assert.Zero(t, b.imports())
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want bulk.State
	}{
		"refused here":  {&wxpay.ParamError{Route: "r", Param: "code", Reason: "is long"}, bulk.Rejected},
		"refused":       {&wxpay.Error{StatusCode: 400, Code: wxpay.CodeInvalidRequest, Verified: true}, bulk.Rejected},
		"no permission": {&wxpay.Error{StatusCode: 403, Code: wxpay.CodeNoAuth, Verified: true}, bulk.Staged},
		"no money":      {&wxpay.Error{StatusCode: 403, Code: wxpay.CodeNotEnough, Verified: true}, bulk.Rejected},
		"signature":     {&wxpay.Error{StatusCode: 401, Code: wxpay.CodeSignError, Verified: true}, bulk.Staged},
		"too fast":      {&wxpay.Error{StatusCode: http.StatusTooManyRequests, Code: "X"}, bulk.Staged},
		"a proxy":       {&wxpay.Error{StatusCode: 403}, bulk.Staged},
		"500":           {&wxpay.Error{StatusCode: 500, Code: wxpay.CodeSystemError}, bulk.Unknown},
		"lost":          {&wxpay.UnknownError{Route: "r", Err: errors.New("reset")}, bulk.Unknown},
		"never left":    {errors.New("dial"), bulk.Staged},
	} {
		r := bulk.Failed(tt.err)
		assert.Equal(t, tt.want, r.State, name)
		assert.ErrorIs(t, r.Err, tt.err)
		if r.State == bulk.Rejected {
			assert.NotEmpty(t, r.Reason.English, name)
			assert.NotEmpty(t, r.Reason.Chinese, name)
		}
	}
	r := bulk.Failed(&wxpay.Error{StatusCode: 400, Code: "X", Message: "用户13812345678\n未付款"})
	assert.Equal(t, "用户***** 未付款", r.Reason.English)
}

// swapped gives other rows than it gave before, and does not say so.
type swapped struct {
	rows
	staged  *bool
	content bool
}

func (s swapped) Rows(ctx context.Context) iter.Seq2[table.Row, error] {
	if *s.staged {
		other := rows{s.name, slices.Clone(s.cells)}
		if other.cells[1], other.cells[2] = other.cells[2], other.cells[1]; s.content {
			other.cells = [][]string{s.cells[0], {s.cells[1][0], "77"}, s.cells[2], s.cells[3]}
		}
		return other.Rows(ctx)
	}
	return s.rows.Rows(ctx)
}

// A row that is not the one that was staged in its line is not sent under the number of that one.
func TestSourceThatChangesBehindItsDigest(t *testing.T) {
	t.Parallel()
	for _, content := range []bool{false, true} {
		b := newBench(t, 0)
		staged := false
		b.job.Source, b.job.Concurrency = swapped{phones(4), &staged, content}, 1
		b.job.Observe = func(p bulk.Progress) { staged = staged || p.Phase == bulk.PhaseEnded }
		b.job.Limit = 1
		_, err := b.run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		require.True(t, staged)
		b.job.Limit = 0
		s, err := b.run(t.Context())
		assert.Equal(t, bulk.WhyInput, why(t, err))
		assert.Equal(t, bulk.Sums{Rows: 4, Done: 1, Left: 3}, s.Sums)
		assert.Equal(t, 1, b.imports())
	}
}

// pairs makes two calls for a row.
type pairs struct{ imports }

func (o pairs) Send(ctx context.Context, item bulk.Item) bulk.Result {
	for range 2 {
		if r := o.imports.Send(ctx, item); r.State != bulk.Done {
			return r
		}
	}
	return bulk.Result{State: bulk.Done}
}

// The pace counts calls, not rows.
func TestRateOfSeveralCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t, 20)
	synctest.Test(t, func(t *testing.T) {
		b.job.Rate, b.job.Operation = 5, pairs{b.op}
		s, err := b.job.Run(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 20, s.Done)
		var sent []time.Time
		for _, r := range b.Requests() {
			if r.Route == routeImport {
				sent = append(sent, r.Time)
			}
		}
		require.Len(t, sent, 40)
		for i := 5; i < len(sent); i++ {
			assert.GreaterOrEqual(t, sent[i].Sub(sent[i-5]), time.Second)
		}
	})
}

// timed takes its second step at a time that a run decides.
type timed struct {
	imports
	at time.Time
}

func (o timed) Due(bulk.Item) time.Time { return o.at }

// What a run puts off waits for its time, costs no call and takes no place from the pace; a later run may want it
// sooner.
func TestTimed(t *testing.T) {
	t.Parallel()
	b := newBench(t, 20)
	synctest.Test(t, func(t *testing.T) {
		b.op.steps = 2
		b.job.Operation, b.job.Steps = timed{b.op, time.Now()}, 1
		_, err := b.job.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		start := time.Now()
		b.job.Operation, b.job.Steps, b.job.Rate, b.job.Until = timed{b.op, start.Add(time.Hour)}, 0, 0.1, start.Add(30*time.Minute)
		_, err = b.job.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
		assert.Less(t, time.Since(start), 10*time.Second, "nothing is due before Until, and to find that out takes no place of the pace")
		assert.Equal(t, 20, b.imports())
		b.job.Operation, b.job.Rate, b.job.Until = timed{b.op, start}, -1, time.Time{}
		s, err := b.job.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, bulk.Sums{Rows: 20, Done: 20}, s.Sums)
		assert.Less(t, time.Since(start), time.Minute)
	})
}
