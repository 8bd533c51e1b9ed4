//go:build services

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// paper is an operation that calls nobody: it notes what it was told to do.
type paper struct {
	merchant string
	steps    int
	rate     float64
	daily    int
	result   func(item bulk.Item, settle bool) bulk.Result // nil: all is done

	mu   sync.Mutex
	did  map[string]int // by row and step
	when []time.Time
}

func (p *paper) About() bulk.About {
	a := bulk.About{Name: "paper", Sender: p.merchant, Columns: []table.Column{{Name: "who", Required: true}, {Name: "what"}}, Unkept: true}
	for i := range max(p.steps, 1) {
		a.Steps = append(a.Steps, bulk.Step{Name: fmt.Sprint("step", i), Route: fmt.Sprint("POST /step/", i), Rate: p.rate, Daily: p.daily})
	}
	return a
}

func (p *paper) Check(row table.Row) (string, error) { return row.Cells[0], nil }

func (p *paper) Send(_ context.Context, item bulk.Item) bulk.Result { return p.do(item, false) }

func (p *paper) Settle(_ context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	return p.do(item, true)
}

func (p *paper) do(item bulk.Item, settle bool) bulk.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.did == nil {
		p.did = map[string]int{}
	}
	p.did[fmt.Sprint(item.Rows[0].Cells[0], " ", item.Step)]++
	p.when = append(p.when, time.Now())
	if p.result != nil {
		return p.result(item, settle)
	}
	if item.Step+1 < max(p.steps, 1) {
		return bulk.Result{Next: item.Step + 1}
	}
	return bulk.Result{State: bulk.Done}
}

func (p *paper) times() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.did
}

func paperKey(context.Context) ([]byte, error) { return []byte("key of the merchant"), nil }

// list is a source of rows.
func list(name string, cells ...[]string) *table.List {
	return table.NewList(name, (&paper{}).About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for _, row := range cells {
				if !yield(row) {
					return
				}
			}
		}
	})
}

func named(n int) (cells [][]string) {
	for i := range n {
		cells = append(cells, []string{fmt.Sprint("row", i)})
	}
	return cells
}

func why(t *testing.T, err error) bulk.Why {
	t.Helper()
	e, ok := errors.AsType[*bulk.StopError](err)
	require.True(t, ok, "%v", err)
	return e.Why
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	_, err := postgres.Open(t.Context(), at)
	old, ok := errors.AsType[*postgres.VersionError](err)
	require.True(t, ok, "%v", err)
	assert.Zero(t, old.Is)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { assert.NoError(t, postgres.Migrate(t.Context(), at)) })
	}
	all.Wait()
	open(t, at)
	pgtest.Do(t, at, `UPDATE wxpay.version SET version = version + 1`)
	_, err = postgres.Open(t.Context(), at)
	require.ErrorContains(t, err, "use a newer one")
	err = postgres.Migrate(t.Context(), at)
	newer, ok := errors.AsType[*postgres.VersionError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, newer.Known+1, newer.Is)
}

// Errors of the way to the database name neither password nor more than the next step.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://wxpay:s3cret@127.0.0.1:1/wxpay?connect_timeout=2")
	require.ErrorIs(t, err, bulk.ErrAway)
	assert.NotContains(t, err.Error(), "s3cret")
	_, err = postgres.Open(t.Context(), "postgres://wxpay:s3cret@127.0.0.1:port/wxpay")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")
}

// A URL that leads to no store says what to do, since trying again does not help.
func TestAccess(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(migrated(t))
	require.NoError(t, err)
	for want, change := range map[string]func(*url.URL){
		"permission denied for schema wxpay; look at": func(u *url.URL) { u.RawQuery = "role=pg_monitor" },
		"lock_timeout": func(u *url.URL) { u.RawQuery = "lock_timeout=nix" },
		"createdb":     func(u *url.URL) { u.Path = "/nowhere" },
		"pg_hba.conf":  func(u *url.URL) { u.User = url.UserPassword("nobody", "s3cret") },
		"postgres://":  func(u *url.URL) { u.RawQuery = "sslmode=perhaps" },
	} {
		other := *at
		change(&other)
		_, err := postgres.Open(t.Context(), other.String())
		_, ok := errors.AsType[*postgres.AccessError](err)
		require.True(t, ok, "%v", err)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

// The steps of a row are taken one after the other, as far as a start says, and all later.
func TestSteps(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109", steps: 3}
	job := bulk.Job{Store: store, Ledger: "steps", Source: list("a.csv", named(450)...), Operation: o, Key: paperKey, Steps: 1}
	sum, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	assert.Equal(t, bulk.Sums{Rows: 450, Left: 450}, sum.Sums)
	assert.Equal(t, map[string]int64{"step1": 450}, sum.Next)
	assert.Len(t, o.times(), 450)
	job.Steps = 0
	sum, err = job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 450, Done: 450}, sum.Sums)
	for what, n := range o.times() {
		require.Equal(t, 1, n, what)
	}
	assert.Len(t, o.times(), 3*450)
}

// What became of a row is found out again, and what is rejected is fed again as a part of another input.
func TestUnknownAndRejected(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109"}
	o.result = func(item bulk.Item, settle bool) bulk.Result {
		switch item.Rows[0].Cells[1] {
		case "lost":
			if !settle {
				return bulk.Result{State: bulk.Unknown, Err: errors.New("lost")}
			}
		case "wrong":
			return bulk.Result{State: bulk.Rejected, Code: "PARAM_ERROR", Reason: wxpay.Hint{English: "no", Chinese: "不"}}
		}
		return bulk.Result{State: bulk.Done, Code: "card"}
	}
	job := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", []string{"a", "lost"}, []string{"b", "wrong"}, []string{"c"}, []string{"c"}, []string{"c", "other"}), Operation: o, Key: paperKey}
	sum, err := job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 5, Done: 2, Rejected: 1, Skipped: 2}, sum.Sums)
	assert.Equal(t, map[string]int64{"PARAM_ERROR": 1}, sum.Reasons)
	job.Source = list("b.csv", []string{"b", "right"}, []string{"a", "lost"})
	sum, err = job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 7, Done: 3, Skipped: 4}, sum.Sums)
	standing, err := store.Standing(t.Context(), "autumn")
	require.NoError(t, err)
	assert.Equal(t, sum.Sums, standing.Sums, "what chunks count is what items say")
	assert.False(t, standing.Open)
	l, err := store.Look(t.Context(), "autumn")
	require.NoError(t, err)
	var codes []string
	for item, err := range l.Items(t.Context()) {
		require.NoError(t, err)
		codes = append(codes, item.Code)
	}
	assert.Equal(t, []string{"card", ledger.FedAgain + ":PARAM_ERROR", "card", ledger.Duplicate, ledger.Changed, "card", ledger.DoneBefore}, codes)
}

// Rows lie in the store encrypted, until they have ended.
func TestSealed(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	store := open(t, at)
	job := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", []string{"13800138000"}), Operation: &paper{merchant: "1900000109"}, Key: paperKey, Detach: true}
	_, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	conn, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var plain, sealed int
	look := func() {
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM wxpay.items i WHERE i::text LIKE '%13800138000%') + (SELECT count(*) FROM wxpay.chunks c WHERE position('13800138000'::bytea IN c.sealed) > 0)
			+ (SELECT count(*) FROM wxpay.river_job r WHERE r::text LIKE '%13800138000%'), (SELECT count(sealed) FROM wxpay.chunks)`).Scan(&plain, &sealed))
	}
	look()
	assert.Zero(t, plain)
	assert.Equal(t, 1, sealed)
	job.Detach = false
	sum, err := job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 1, Done: 1}, sum.Sums)
	look()
	assert.Zero(t, plain)
	assert.Zero(t, sealed)
	// with another key nobody goes on with it, and no worker takes it
	job.Key = func(context.Context) ([]byte, error) { return []byte("another key"), nil }
	_, err = job.Run(t.Context())
	_, other := errors.AsType[*bulk.OtherJobError](err)
	assert.True(t, other, "%v", err)
}

// One process at a time adds an input to a job, and a job that is stopped goes on when it is started.
func TestHeldAndStopped(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109", rate: 20}
	job := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", named(300)...), Operation: o, Key: paperKey}
	_, err := store.Look(t.Context(), "autumn")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, store.Stop(t.Context(), "autumn", &bulk.StopError{Why: bulk.WhyInterrupted}), os.ErrNotExist)
	stopped := false
	job.Observe = func(p bulk.Progress) {
		if p.Done > 0 && !stopped {
			stopped = true
			assert.NoError(t, store.Stop(t.Context(), "autumn", &bulk.StopError{Why: bulk.WhyInterrupted, Reason: wxpay.Hint{English: "enough", Chinese: "够了"}}))
		}
	}
	sum, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyInterrupted, why(t, err))
	assert.ErrorContains(t, err, "enough")
	assert.Less(t, sum.Done, int64(100), "turns end when a job is stopped") // else they have 10 s, for 200 rows
	l, err := store.Open(t.Context(), "autumn")
	require.NoError(t, err)
	_, err = job.Run(t.Context())
	_, held := errors.AsType[*ledger.HeldError](err)
	assert.True(t, held, "%v", err)
	_, held = errors.AsType[*ledger.HeldError](store.Forget(t.Context(), "autumn"))
	assert.True(t, held)
	require.NoError(t, l.Close())
	sum, err = job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 300, Done: 300}, sum.Sums)
	for what, n := range o.times() {
		require.Equal(t, 1, n, what)
	}
	require.NoError(t, store.Forget(t.Context(), "autumn"))
	_, err = store.Look(t.Context(), "autumn")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A day's limit is that of the merchant, over all jobs.
func TestDaily(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109", daily: 30}
	for i, want := range []bulk.Sums{{Rows: 20, Done: 20}, {Rows: 20, Done: 10, Left: 10}} {
		job := bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: list("a.csv", named(20)...), Operation: o, Key: paperKey, Until: time.Now().Add(4 * time.Second)}
		sum, err := job.Run(t.Context())
		if want.Left > 0 {
			require.Equal(t, bulk.WhyLimit, why(t, err))
		} else {
			require.NoError(t, err)
		}
		assert.Equal(t, want, sum.Sums)
	}
}

// What ends a job ends it for all workers, with its reason; what is wrong with one worker's network does not.
func TestStopsForAll(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109", rate: 100}
	o.result = func(bulk.Item, bool) bulk.Result {
		refused := &wxpay.Error{Route: "POST /v3/x", StatusCode: 403, Code: "NOT_ENOUGH", Message: "账户 13800138000 余额不足", RequestID: "08F1A2B3C4D5E6F7"}
		return bulk.Result{Err: &bulk.StopError{Why: bulk.WhyMoney, Reason: wxpay.Hint{English: "too little", Chinese: "余额不足"}, Err: refused}}
	}
	job := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", named(300)...), Operation: o, Key: paperKey}
	_, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyMoney, why(t, err))
	standing, err := store.Standing(t.Context(), "autumn")
	require.NoError(t, err)
	require.NotNil(t, standing.Stopped)
	assert.Equal(t, "too little", standing.Stopped.Reason.English)
	host, _ := os.Hostname()
	assert.Equal(t, host, standing.Stopped.Host)
	refused, ok := errors.AsType[*wxpay.Error](standing.Stopped)
	require.True(t, ok)
	assert.Equal(t, &wxpay.Error{Route: "POST /v3/x", StatusCode: 403, Code: "NOT_ENOUGH", Message: "账户 ***** 余额不足", RequestID: "08F1A2B3C4D5E6F7"}, refused)
	assert.False(t, standing.Open)
	o.result = nil
	sum, err := job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 300, Done: 300}, sum.Sums)
}

// Jobs of several merchants go on at once, each with the rate of its own, and a worker takes only those that it has the keys of.
func TestMerchants(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	store := open(t, at)
	ours := map[string]*paper{}
	for i := range 6 {
		merchant := fmt.Sprint("190000010", i%3)
		o := ours[merchant]
		if o == nil {
			o = &paper{merchant: merchant, rate: 40}
			ours[merchant] = o
		}
		_, err := bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: list("a.csv", named(60)...), Operation: o, Key: paperKey, Detach: true}.Run(t.Context())
		require.Equal(t, bulk.WhyLimit, why(t, err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var workers sync.WaitGroup
	for range 2 {
		s := open(t, at)
		workers.Go(func() {
			assert.NoError(t, bulk.Worker{Store: s, Operation: func(_ context.Context, _ string, h ledger.Head) (bulk.Operation, func(context.Context) ([]byte, error), error) {
				if h.Sender == "1900000102" {
					return nil, nil, nil
				}
				return ours[h.Sender], paperKey, nil
			}}.Run(ctx))
		})
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		jobs, err := store.Jobs(t.Context())
		require.NoError(t, err)
		require.Len(t, jobs, 6)
		left := int64(0)
		for _, j := range jobs {
			if j.Head.Sender != "1900000102" {
				left += j.Left + j.Unknown
			}
		}
		if left == 0 {
			break
		}
		require.True(t, time.Now().Before(deadline), "%+v", jobs)
	}
	cancel()
	workers.Wait()
	for merchant, o := range ours {
		if merchant == "1900000102" {
			assert.Empty(t, o.times())
			continue
		}
		assert.Len(t, o.times(), 60)
		for what, n := range o.times() {
			assert.Equal(t, 2, n, "%s, of two jobs", what)
		}
	}
	alive, err := store.Workers(t.Context())
	require.NoError(t, err)
	assert.Empty(t, alive)
}

// A network that is gone for a while is found to be back, also by the only worker there is.
func TestNetworkComesBack(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109"}
	back := time.Now().Add(4 * time.Second)
	o.result = func(bulk.Item, bool) bulk.Result {
		if time.Now().Before(back) {
			return bulk.Result{Err: &net.OpError{Op: "dial", Err: errors.New("no route to host")}}
		}
		return bulk.Result{State: bulk.Done}
	}
	job := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", named(2500)...), Operation: o, Key: paperKey}
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	sum, err := job.Run(ctx)
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 2500, Done: 2500}, sum.Sums)
}

// How far rows are to be taken is said of an input, and a further one changes nothing of that.
func TestStepsOfAnInput(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	store := open(t, at)
	o := &paper{merchant: "1900000109", steps: 2}
	job := bulk.Job{Store: store, Ledger: "steps", Source: list("a.csv", []string{"a"}), Operation: o, Key: paperKey, Steps: 1}
	_, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	job.Source, job.Steps = list("b.csv", []string{"b"}), 0
	sum, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	assert.Equal(t, bulk.Sums{Rows: 2, Done: 1, Left: 1}, sum.Sums)
	assert.Equal(t, map[string]int{"a 0": 1, "b 0": 1, "b 1": 1}, o.times())
	conn, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `SELECT steps FROM wxpay.files ORDER BY id`)
	require.NoError(t, err)
	steps, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, steps, "also of rows that are still under way")
}

// A rate is the merchant's from when it is said: jobs that said another one before do not say it again.
func TestRateIsSaidOnce(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109", rate: 5}
	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() {
		_, _ = bulk.Job{Store: store, Ledger: "first", Source: list("a.csv", named(600)...), Operation: o, Key: paperKey, Rate: 200}.Run(ctx)
	})
	time.Sleep(time.Second)
	_, err := bulk.Job{Store: store, Ledger: "second", Source: list("a.csv", named(20)...), Operation: o, Key: paperKey, Rate: 50}.Run(t.Context())
	require.NoError(t, err)
	permits, err := store.Permits(t.Context())
	require.NoError(t, err)
	require.Len(t, permits, 1)
	assert.EqualValues(t, 50, permits[0].Ceiling)
	cancel()
	first.Wait()
}

// What fails at once, and what has to wait for tomorrow, is not taken again and again.
func TestNoBusyLoop(t *testing.T) {
	t.Parallel()
	at := migrated(t)
	store := open(t, at)
	o := &paper{merchant: "1900000109", daily: 1}
	job := bulk.Job{Store: store, Ledger: "daily", Source: list("a.csv", named(3)...), Operation: o, Key: paperKey, Until: time.Now().Add(5 * time.Second)}
	_, err := job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	conn, err := pgx.Connect(t.Context(), at)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var tomorrow bool
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT min(due) AT TIME ZONE 'Asia/Shanghai' = (current_timestamp AT TIME ZONE 'Asia/Shanghai')::date + 1 FROM wxpay.chunks`).Scan(&tomorrow))
	assert.True(t, tomorrow)

	job = bulk.Job{Store: store, Ledger: "fails", Source: list("a.csv", named(3)...), Operation: &paper{merchant: "1900000110"}, Key: paperKey, Detach: true}
	_, err = job.Run(t.Context())
	require.Equal(t, bulk.WhyLimit, why(t, err))
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	var taken atomic.Int64
	require.NoError(t, store.Work(ctx, bulk.Crew{
		Takes: func(_ context.Context, name string, _ ledger.Head) bool { return name == "fails" },
		Take: func(context.Context, *bulk.Chunk) (bulk.Taken, error) {
			taken.Add(1)
			return bulk.Taken{}, errors.New("it fails at once")
		},
	}))
	assert.Positive(t, taken.Load())
	assert.LessOrEqual(t, taken.Load(), int64(2)) // it keeps away for 5 s
}

// What PostgreSQL does not take of a text is left out of it, and nothing else with it.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	store := open(t, migrated(t))
	o := &paper{merchant: "1900000109"}
	o.result = func(item bulk.Item, _ bool) bulk.Result {
		if item.Rows[0].Cells[0] == "row3" {
			return bulk.Result{State: bulk.Rejected, Code: "ODD\x00CODE", Reason: wxpay.Hint{English: "a\x00b\xff", Chinese: "c"}}
		}
		return bulk.Result{State: bulk.Done}
	}
	sum, err := bulk.Job{Store: store, Ledger: "autumn", Source: list("a.csv", named(20)...), Operation: o, Key: paperKey}.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 20, Done: 19, Rejected: 1}, sum.Sums)
	assert.Equal(t, map[string]int64{"ODDCODE": 1}, sum.Reasons)
}
