package otelbulk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/otel/internal/refusing"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a Telemetry whose metrics can be looked at.
type rig struct {
	*otelbulk.Telemetry
	reader *metric.ManualReader
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{reader: metric.NewManualReader()}
	var err error
	r.Telemetry, err = otelbulk.New(metric.NewMeterProvider(metric.WithReader(r.reader)))
	require.NoError(t, err)
	return r
}

// metrics are a line for each series: name, unit, attributes and value.
func (r *rig) metrics(ctx context.Context) (lines []string, err error) {
	var all metricdata.ResourceMetrics
	err = r.reader.Collect(ctx, &all)
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				lines = append(lines, series(m, data.DataPoints)...)
			case metricdata.Gauge[float64]:
				lines = append(lines, series(m, data.DataPoints)...)
			case metricdata.Sum[int64]:
				lines = append(lines, series(m, data.DataPoints)...)
				if !data.IsMonotonic {
					lines = append(lines, m.Name+" is no counter")
				}
			default:
				lines = append(lines, fmt.Sprintf("%s is a %T", m.Name, data))
			}
		}
	}
	slices.Sort(lines)
	return lines, err
}

func (r *rig) must(t testing.TB) []string {
	t.Helper()
	lines, err := r.metrics(context.Background())
	require.NoError(t, err)
	return lines
}

func series[N int64 | float64](m metricdata.Metrics, points []metricdata.DataPoint[N]) (lines []string) {
	for _, p := range points {
		var attrs []string
		for _, a := range p.Attributes.ToSlice() {
			attrs = append(attrs, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
		}
		slices.Sort(attrs)
		lines = append(lines, fmt.Sprintf("%s [%s] {%s} %v", m.Name, m.Unit, strings.Join(attrs, " "), p.Value))
	}
	return lines
}

var about = bulk.About{Name: "member-import", Sender: "1900000109"}

const autumn = "wxpay.job.name=autumn wxpay.job.operation=member-import wxpay.sender=1900000109"

// rows are the lines of the rows of a job.
func rows(job string, done, rejected, unknown, skipped, left int) (lines []string) {
	for state, n := range map[string]int{"done": done, "rejected": rejected, "unknown": unknown, "skipped": skipped, "left": left} {
		before, sender, _ := strings.Cut(job, " wxpay.sender=")
		lines = append(lines, fmt.Sprintf("wxpay.job.rows [{row}] {%s wxpay.row.state=%s wxpay.sender=%s} %d", before, state, sender, n))
	}
	return lines
}

func sorted(lines []string, more ...string) []string {
	lines = append(lines, more...)
	slices.Sort(lines)
	return lines
}

func TestJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		assert.Empty(t, r.must(t))
		observe := r.Job("autumn", about)
		assert.Empty(t, r.must(t), "nothing is known before the job tells it")
		observe(bulk.Progress{Phase: bulk.PhaseChecking})
		observe(bulk.Progress{
			Sums: bulk.Sums{Rows: 100, Done: 50, Rejected: 3, Unknown: 2, Skipped: 1, Left: 44}, Phase: bulk.PhaseSending,
			Rate: 4.5, Ceiling: 2.5, Throttled: 7, Repeated: 9, Err: errors.New("canary"),
		})
		assert.Equal(t, sorted(rows(autumn, 50, 3, 2, 1, 44),
			"wxpay.job.ceiling [{call}/s] {"+autumn+"} 2.5",
			"wxpay.job.phase [{job}] {wxpay.job.name=autumn wxpay.job.operation=member-import wxpay.job.phase=sending wxpay.sender=1900000109} 1",
			"wxpay.job.rate [{row}/s] {"+autumn+"} 4.5",
			"wxpay.job.repeated [{call}] {"+autumn+"} 9",
			"wxpay.job.throttled [{answer}] {"+autumn+"} 7",
		), r.must(t))

		observe(bulk.Progress{Sums: bulk.Sums{Rows: 100, Done: 100}, Phase: bulk.PhaseEnded})
		time.Sleep(5*time.Minute - time.Second)
		lines := r.must(t)
		assert.Subset(t, lines, rows(autumn, 100, 0, 0, 0, 0))
		assert.Contains(t, lines, "wxpay.job.phase [{job}] {wxpay.job.name=autumn wxpay.job.operation=member-import wxpay.job.phase=ended wxpay.sender=1900000109} 1")
		assert.NotContains(t, strings.Join(lines, "\n"), "ceiling", "no limit, no figure")
		time.Sleep(time.Second)
		assert.Empty(t, r.must(t))
	})
}

// A later run of the same name takes the place of the earlier one; other senders and operations are other jobs.
func TestJobsApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Job("autumn", about)(bulk.Progress{Sums: bulk.Sums{Done: 1}, Phase: bulk.PhaseEnded})
		r.Job("autumn", about)(bulk.Progress{Sums: bulk.Sums{Done: 2}})
		r.Job("autumn", bulk.About{Name: "member-import", Sender: "1900000110"})(bulk.Progress{Sums: bulk.Sums{Done: 3}})
		r.Job("秋\xff", bulk.About{Name: "transfer"})(bulk.Progress{Sums: bulk.Sums{Done: 4}})
		time.Sleep(time.Hour)
		lines := r.must(t)
		assert.Subset(t, lines, rows(autumn, 2, 0, 0, 0, 0))
		assert.Subset(t, lines, rows("wxpay.job.name=autumn wxpay.job.operation=member-import wxpay.sender=1900000110", 3, 0, 0, 0, 0))
		assert.Subset(t, lines, rows("wxpay.job.name=秋\uFFFD wxpay.job.operation=transfer wxpay.sender=", 4, 0, 0, 0, 0))
		assert.Len(t, lines, 3*9)
	})
}

// A real job.
func TestRun(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	card := server.AddCard("SYSTEM_ALLOCATE")
	path := filepath.Join(t.TempDir(), "autumn.csv")
	require.NoError(t, os.WriteFile(path, []byte("手机号\n13800138000\n13800138001\n13800138000\n"), 0o600))
	operation := members.ByPhone{Client: server.Client(), CardID: card}
	file, err := table.Open(path, table.Options{Columns: operation.About().Columns})
	require.NoError(t, err)
	r := newRig(t)
	_, err = bulk.Job{
		Ledger: filepath.Join(t.TempDir(), "autumn.ledger"), Source: file, Operation: operation, Key: bulk.ClientKey(server.Client()), Rate: -1,
		Observe: r.Job("autumn", operation.About()),
	}.Run(t.Context())
	require.NoError(t, err)
	lines := r.must(t)
	name := "wxpay.job.name=autumn wxpay.job.operation=" + operation.About().Name + " wxpay.sender=" + wxpaytest.MchID
	assert.Subset(t, lines, rows(name, 2, 0, 0, 1, 0))
	for _, secret := range []string{"1380013", path, card} {
		assert.NotContains(t, strings.Join(lines, "\n"), secret)
	}
}

var standing = otelbulk.Standing{
	Workers: 3,
	Jobs: []otelbulk.JobStanding{{
		Job: "autumn", Operation: "member-import", Sender: "1900000109", Sums: bulk.Sums{Done: 50, Rejected: 3, Unknown: 2, Skipped: 1, Left: 44},
		Waiting: 12, Taken: 3, Oldest: 90 * time.Second,
	}},
	Permits: []otelbulk.Permits{
		{Sender: "1900000109", Route: "POST /v3/x/{id}", Rate: 4.5, Ceiling: 5},
		{Sender: "1900000110", Route: "POST /v3/x/{id}"},
	},
}

func TestWatch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	watching, err := r.Watch(func(context.Context) (otelbulk.Standing, error) { return standing, nil })
	require.NoError(t, err)
	const permits = "{http.request.method=POST url.template=/v3/x/{id} wxpay.sender=19000001"
	assert.Equal(t, sorted(rows(autumn, 50, 3, 2, 1, 44),
		"wxpay.permits.ceiling [{call}/s] "+permits+"09} 5",
		"wxpay.permits.rate [{call}/s] "+permits+"09} 4.5",
		"wxpay.permits.rate [{call}/s] "+permits+"10} 0",
		"wxpay.queue.chunks [{chunk}] {wxpay.chunk.state=taken "+autumn+"} 3",
		"wxpay.queue.chunks [{chunk}] {wxpay.chunk.state=waiting "+autumn+"} 12",
		"wxpay.queue.oldest_age [s] {"+autumn+"} 90",
		"wxpay.queue.workers [{worker}] {} 3",
	), r.must(t))
	require.NoError(t, watching.Unregister())
	assert.Empty(t, r.must(t))
}

// What a look does that fails, panics, ends its goroutine or hangs: no figures, said why, and runs of this process are
// told of all the same.
func TestWatchThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		read func(context.Context) (otelbulk.Standing, error)
		want string
	}{
		"fails":  {func(context.Context) (otelbulk.Standing, error) { return standing, errors.New("no database") }, "no database"},
		"panics": {func(context.Context) (otelbulk.Standing, error) { panic("canary") }, "it panicked with a string"},
		"ends":   {func(context.Context) (otelbulk.Standing, error) { runtime.Goexit(); return standing, nil }, "it ended without an answer"},
		"heeds":  {func(ctx context.Context) (otelbulk.Standing, error) { <-ctx.Done(); return standing, ctx.Err() }, "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.Job("autumn", about)(bulk.Progress{Sums: bulk.Sums{Done: 1}, Phase: bulk.PhaseSending})
				_, err := r.Watch(tt.read)
				require.NoError(t, err)
				for range 2 { // the second look is no worse
					begin := time.Now()
					lines, err := r.metrics(t.Context())
					require.ErrorContains(t, err, "otelbulk: how the jobs stand is not known: ")
					require.ErrorContains(t, err, tt.want)
					require.NotContains(t, err.Error(), "canary")
					require.Subset(t, lines, rows(autumn, 1, 0, 0, 0, 0))
					require.NotContains(t, strings.Join(lines, "\n"), "queue")
					require.LessOrEqual(t, time.Since(begin), 2*time.Second)
				}
			})
		})
	}
}

// A look that does not heed its context holds a collection for two seconds, and no second one begins beside it.
func TestWatchThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var looks atomic.Int64
		let := make(chan struct{})
		_, err := r.Watch(func(context.Context) (otelbulk.Standing, error) {
			looks.Add(1)
			<-let
			return standing, nil
		})
		require.NoError(t, err)
		for range 3 {
			begin := time.Now()
			_, err = r.metrics(t.Context())
			require.ErrorContains(t, err, "context deadline exceeded")
			assert.Equal(t, 2*time.Second, time.Since(begin))
		}
		assert.EqualValues(t, 1, looks.Load())
		close(let)
		synctest.Wait()
		assert.Contains(t, r.must(t), "wxpay.queue.workers [{worker}] {} 3")
		assert.EqualValues(t, 2, looks.Load())
	})
}

// Two readers of one provider each get the figures, one look after the other.
func TestWatchByTwoReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := metric.NewManualReader(), metric.NewManualReader()
		telemetry, err := otelbulk.New(metric.NewMeterProvider(metric.WithReader(first), metric.WithReader(second)))
		require.NoError(t, err)
		var looking atomic.Int64
		_, err = telemetry.Watch(func(context.Context) (otelbulk.Standing, error) {
			assert.EqualValues(t, 1, looking.Add(1))
			time.Sleep(500 * time.Millisecond)
			looking.Add(-1)
			return standing, nil
		})
		require.NoError(t, err)
		var all sync.WaitGroup
		for _, reader := range []*metric.ManualReader{first, second} {
			all.Go(func() {
				r := rig{reader: reader}
				lines, err := r.metrics(t.Context())
				assert.NoError(t, err)
				assert.Contains(t, lines, "wxpay.queue.workers [{worker}] {} 3")
			})
		}
		all.Wait()
	})
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.Watch(func(context.Context) (otelbulk.Standing, error) { return standing, nil })
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			observe := r.Job(fmt.Sprint("job", i), about)
			for n := range int64(100) {
				observe(bulk.Progress{Sums: bulk.Sums{Done: n}, Phase: bulk.PhaseSending})
				_, _ = r.metrics(t.Context())
			}
		})
	}
	all.Wait()
	lines := r.must(t)
	for i := range 4 {
		assert.Subset(t, lines, rows(fmt.Sprintf("wxpay.job.name=job%d wxpay.job.operation=member-import wxpay.sender=1900000109", i), 99, 0, 0, 0, 0))
	}
}

// 399 jobs are what fits without a higher limit, as the doc comment of Watch says.
func TestLimitOfTheSDK(t *testing.T) {
	t.Parallel()
	for jobs, fits := range map[int]bool{399: true, 400: false} {
		r := newRig(t)
		_, err := r.Watch(func(context.Context) (s otelbulk.Standing, _ error) {
			for i := range jobs {
				s.Jobs = append(s.Jobs, otelbulk.JobStanding{Job: fmt.Sprint(i)})
			}
			return s, nil
		})
		require.NoError(t, err)
		assert.Equal(t, !fits, strings.Contains(strings.Join(r.must(t), "\n"), "otel.metric.overflow"), "%d jobs", jobs)
	}
}

// A provider that refuses an instrument is told of at once.
func TestRefusedInstruments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"wxpay.job.rows", "wxpay.job.phase", "wxpay.job.rate", "wxpay.job.ceiling", "wxpay.job.throttled", "wxpay.job.repeated",
		"wxpay.queue.chunks", "wxpay.queue.oldest_age", "wxpay.queue.workers", "wxpay.permits.rate", "wxpay.permits.ceiling", refusing.Callback,
	} {
		_, err := otelbulk.New(refusing.Provider{Name: name})
		assert.ErrorContains(t, err, name)
	}
}

// A provider that the program sets after New is heard.
func TestGlobalProvider(t *testing.T) {
	telemetry, err := otelbulk.New(nil)
	require.NoError(t, err)
	_, err = telemetry.Watch(func(context.Context) (otelbulk.Standing, error) { return standing, nil })
	require.NoError(t, err)
	r := rig{Telemetry: telemetry, reader: metric.NewManualReader()}
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(r.reader)))
	t.Cleanup(func() { otel.SetMeterProvider(noop.NewMeterProvider()) })
	r.Job("autumn", about)(bulk.Progress{Phase: bulk.PhaseSending})
	lines := r.must(t)
	assert.Contains(t, lines, "wxpay.queue.workers [{worker}] {} 3")
	assert.Contains(t, lines, "wxpay.job.rate [{row}/s] {"+autumn+"} 0")
}
