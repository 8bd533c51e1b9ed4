//go:build services

package postgres_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A still is an operation that makes no call, so that what is measured is the store.
type still struct {
	sender      string
	rate        float64
	takes       time.Duration // as a call would
	begun       *atomic.Int64 // when the first row was sent
	count, ends *atomic.Int64
	later       time.Duration // until a second step is due; 0: there is none
}

func newStill(sender string) still {
	return still{sender: sender, begun: new(atomic.Int64), count: new(atomic.Int64), ends: new(atomic.Int64)}
}

func (o still) About() bulk.About {
	steps := []bulk.Step{{Name: "send", Route: "POST /still", Rate: o.rate}}
	if o.later > 0 {
		steps = append(steps, bulk.Step{Name: "again", Route: "POST /again"})
	}
	return bulk.About{
		Name: "still", Sender: o.sender, Unkept: true, Steps: steps,
		Columns: []table.Column{{Name: "id", Kind: table.ID, Required: true}},
	}
}

func (o still) Check(row table.Row) (string, error) { return row.Cells[0], nil }

func (o still) Send(ctx context.Context, item bulk.Item) bulk.Result {
	o.begun.CompareAndSwap(0, time.Now().UnixNano())
	time.Sleep(o.takes)
	o.count.Add(1)
	o.ends.Store(time.Now().UnixNano())
	if o.later > 0 && item.Step == 0 {
		return bulk.Result{State: bulk.Staged, Next: 1, At: time.Now().Add(o.later)}
	}
	return bulk.Result{State: bulk.Done, Code: "OK", RequestID: "08F8B4A3AC0610D402188E8D8C5820C3A90128B7CC01-0"}
}

func (o still) Settle(ctx context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	return o.Send(ctx, item)
}

func (o still) key(context.Context) ([]byte, error) { return []byte("a key of " + o.sender), nil }

func (o still) rows(n int) *table.List {
	return table.NewList("rows", o.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for i := range n {
				if !yield([]string{fmt.Sprintf("o6_bmjrPTlm6_2sgVt7hMZOPfL%06d", i)}) {
					return
				}
			}
		}
	})
}

// workers lets n more workers take part until the test ends, each with a store of its own.
func workers(b *testing.B, at string, n int, find func(sender string) (still, bool)) {
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	for range n {
		store, err := postgres.Open(ctx, at)
		require.NoError(b, err)
		all.Go(func() {
			defer store.Close()
			err := bulk.Worker{Store: store, Operation: func(_ context.Context, _ string, h ledger.Head) (bulk.Operation, func(context.Context) ([]byte, error), error) {
				if o, ok := find(h.Sender); ok {
					return o, o.key, nil
				}
				return nil, nil, nil
			}}.Run(ctx)
			if err != nil {
				b.Error(err)
			}
		})
	}
	b.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

// BenchmarkWorkers is a job of 20,000 rows without a rate, by one, two and four workers: as fast as the database writes, and with
// calls that take 200 ms each.
func BenchmarkWorkers(b *testing.B) {
	for _, takes := range []time.Duration{0, 200 * time.Millisecond} {
		for _, n := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("call=%v/workers=%d", takes, n), func(b *testing.B) {
				rows := 20_000
				if takes > 0 {
					rows = 5_000 * n
				}
				at := migrated(b)
				o := newStill("1900000001")
				o.takes = takes
				workers(b, at, n-1, func(string) (still, bool) { return o, true })
				store := open(b, at)
				var took time.Duration
				for i := 0; b.Loop(); i++ {
					o.begun.Store(0)
					sum, err := bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: o.rows(rows), Operation: o, Key: o.key, Rate: -1}.Run(b.Context())
					require.NoError(b, err)
					require.Equal(b, int64(rows), sum.Done)
					took += time.Duration(o.ends.Load() - o.begun.Load())
				}
				b.ReportMetric(float64(b.N*rows)/took.Seconds(), "rows/s")
			})
		}
	}
}

// A load is what a database did so far.
type load struct {
	at                      time.Time
	calls, commits, records float64
	wal                     float64
}

func loadOf(b *testing.B, conn *pgx.Conn) (l load) {
	time.Sleep(1500 * time.Millisecond) // sessions tell what they did once a second
	l.at = time.Now()
	require.NoError(b, conn.QueryRow(b.Context(), `SELECT (SELECT sum(calls) FROM pg_stat_statements WHERE dbid = d.datid), xact_commit, (SELECT wal_records FROM pg_stat_wal), (SELECT wal_bytes FROM pg_stat_wal)
		FROM pg_stat_database d WHERE datname = current_database()`).Scan(&l.calls, &l.commits, &l.records, &l.wal))
	return l
}

// statements logs what the database was asked most, or longest.
func statements(b *testing.B, conn *pgx.Conn, order string) {
	rows, err := conn.Query(b.Context(), `SELECT calls, rows, mean_exec_time, total_exec_time, shared_blks_hit / calls, wal_bytes / calls, regexp_replace(query, '\s+', ' ', 'g') FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat%' ORDER BY `+order+` DESC LIMIT 30`)
	require.NoError(b, err)
	var out strings.Builder
	var calls, n, blocks int64
	var mean, total, wal float64
	var text string
	_, err = pgx.ForEachRow(rows, []any{&calls, &n, &mean, &total, &blocks, &wal, &text}, func() error {
		fmt.Fprintf(&out, "%8d calls %9d rows %9.3f ms %9.0f ms %6d blocks %8.0f B WAL  %.170s\n", calls, n, mean, total, blocks, wal, text)
		return nil
	})
	require.NoError(b, err)
	b.Log("\n" + out.String())
}

func counted(b *testing.B, at string) *pgx.Conn {
	conn, err := pgx.Connect(b.Context(), at)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	_, err = conn.Exec(b.Context(), `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
	require.NoError(b, err, "the server needs shared_preload_libraries = 'pg_stat_statements'")
	return conn
}

// BenchmarkLoad is what a job of 100,000 rows costs the database, for each row.
func BenchmarkLoad(b *testing.B) {
	const rows = 100_000
	at := migrated(b)
	conn := counted(b, at)
	o := newStill("1900000001")
	store := open(b, at)
	for i := 0; b.Loop(); i++ {
		before := loadOf(b, conn)
		staged := before
		o.begun.Store(0)
		_, err := bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: o.rows(rows), Operation: o, Key: o.key, Rate: -1}.Run(b.Context())
		require.NoError(b, err)
		after := loadOf(b, conn)
		b.ReportMetric((after.calls-staged.calls)/rows, "statements/row")
		b.ReportMetric((after.commits-staged.commits)/rows, "transactions/row")
		b.ReportMetric((after.wal-staged.wal)/rows, "WAL-B/row")
		b.ReportMetric((after.records-staged.records)/rows, "WAL-records/row")
		b.ReportMetric(float64(rows)/(time.Duration(o.ends.Load()-o.begun.Load())).Seconds(), "rows/s")
	}
	statements(b, conn, "total_exec_time")
	list, err := conn.Query(b.Context(), `SELECT relname, n_tup_upd, n_tup_hot_upd, n_dead_tup, seq_scan, seq_tup_read, pg_table_size(relid), pg_indexes_size(relid) FROM pg_stat_user_tables WHERE schemaname = 'wxpay' AND (n_tup_upd > 0 OR seq_scan > 100) ORDER BY 2 DESC`)
	require.NoError(b, err)
	var name string
	var upd, hot, dead, seq, read, table, index int64
	_, err = pgx.ForEachRow(list, []any{&name, &upd, &hot, &dead, &seq, &read, &table, &index}, func() error {
		b.Logf("%-14s updates %8d hot %5.1f %% dead %7d seq scans %6d rows %9d  table %6.1f B/row indexes %6.1f B/row", name, upd, 100*float64(hot)/float64(max(upd, 1)), dead, seq, read,
			float64(table)/float64(rows*b.N), float64(index)/float64(rows*b.N))
		return nil
	})
	require.NoError(b, err)
}

// BenchmarkIdle is what workers ask of the database while jobs have nothing to do but wait for their next step, such as a debit
// for the day after its notice.
func BenchmarkIdle(b *testing.B) {
	for _, size := range []struct{ workers, jobs int }{{1, 10}, {1, 200}, {5, 10}, {5, 200}} {
		b.Run(fmt.Sprintf("workers=%d/jobs=%d", size.workers, size.jobs), func(b *testing.B) {
			at := migrated(b)
			conn := counted(b, at)
			find := func(sender string) (still, bool) {
				o := newStill(sender)
				o.later = 24 * time.Hour
				return o, true
			}
			store := open(b, at)
			workers(b, at, size.workers, find)
			var all sync.WaitGroup
			free := make(chan struct{}, 8)
			ctx, cancel := context.WithCancel(b.Context())
			for i := range size.jobs { // each is given up when its rows wait for their next step
				free <- struct{}{}
				all.Go(func() {
					defer func() { <-free }()
					o, _ := find(fmt.Sprint(1900000000 + i))
					run, end := context.WithCancel(ctx)
					defer end()
					_, _ = bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: o.rows(20), Operation: o, Key: o.key, Rate: -1, Observe: func(p bulk.Progress) {
						if p.Phase == bulk.PhaseWaiting && p.Until.After(time.Now().Add(time.Hour)) {
							end()
						}
					}}.Run(run)
				})
			}
			all.Wait()
			cancel()
			time.Sleep(5 * time.Second)
			var conns int
			_, err := conn.Exec(b.Context(), `SELECT pg_stat_statements_reset()`)
			require.NoError(b, err)
			for b.Loop() {
				before := loadOf(b, conn)
				time.Sleep(20 * time.Second)
				after := loadOf(b, conn)
				require.NoError(b, conn.QueryRow(b.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()`).Scan(&conns))
				seconds := after.at.Sub(before.at).Seconds()
				b.ReportMetric((after.calls-before.calls)/seconds, "statements/s")
				b.ReportMetric((after.commits-before.commits)/seconds, "transactions/s")
				b.ReportMetric((after.wal-before.wal)/seconds, "WAL-B/s")
				b.ReportMetric(float64(conns), "connections")
			}
			statements(b, conn, "calls")
		})
	}
}

// BenchmarkPaced is what jobs cost the database whose rate is a merchant's, not that of the machine: ten merchants and three
// workers.
func BenchmarkPaced(b *testing.B) {
	for _, rate := range []float64{5, 50} {
		b.Run(fmt.Sprintf("rate=%v", rate), func(b *testing.B) {
			const merchants = 10
			at := migrated(b)
			conn := counted(b, at)
			store := open(b, at)
			count := new(atomic.Int64)
			find := func(sender string) (still, bool) {
				o := newStill(sender)
				o.count, o.rate, o.takes = count, rate, 200*time.Millisecond
				return o, true
			}
			for i := range merchants {
				ctx, cancel := context.WithCancel(b.Context())
				o, _ := find(fmt.Sprint(1900000000 + i))
				_, _ = bulk.Job{Store: store, Ledger: fmt.Sprint("job", i), Source: o.rows(8000), Operation: o, Key: o.key, Observe: func(p bulk.Progress) {
					if p.Phase == bulk.PhaseSending { // it is the workers' from now on
						cancel()
					}
				}}.Run(ctx)
				cancel()
			}
			workers(b, at, 3, find)
			time.Sleep(5 * time.Second)
			_, err := conn.Exec(b.Context(), `SELECT pg_stat_statements_reset()`)
			require.NoError(b, err)
			for b.Loop() {
				before, from := loadOf(b, conn), count.Load()
				time.Sleep(30 * time.Second)
				after, rows := loadOf(b, conn), float64(count.Load()-from)
				b.ReportMetric(rows/after.at.Sub(before.at).Seconds(), "rows/s")
				b.ReportMetric((after.calls-before.calls)/rows, "statements/row")
				b.ReportMetric((after.commits-before.commits)/rows, "transactions/row")
				b.ReportMetric((after.wal-before.wal)/rows, "WAL-B/row")
			}
			statements(b, conn, "calls")
		})
	}
}
