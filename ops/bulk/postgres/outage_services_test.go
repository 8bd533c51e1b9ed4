//go:build services && linux

package postgres_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// server is one that a test may stop.
func server(t testing.TB, dir string, settings ...string) *pgtest.Server {
	t.Helper()
	s, err := pgtest.NewServer(dir, settings...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop("immediate") })
	require.NoError(t, postgres.Migrate(t.Context(), s.URL))
	return s
}

// A trial is a job that is disturbed while it runs.
type trial struct {
	*site
	calls
	job  bulk.Job
	done atomic.Int64 // rows, as the job tells
	sum  *bulk.Summary
	err  error
	end  chan struct{}
}

func newTrial(t *testing.T, store bulk.Store, rows int, rate float64) *trial {
	r := &trial{end: make(chan struct{})}
	r.site = newSite(t, wxpaytest.Options{Unlimited: true, Observe: r.add})
	o, key := r.operation(t)
	r.job = bulk.Job{Store: store, Ledger: "autumn", Source: people(o, rows), Operation: o, Key: key, Rate: rate, Observe: func(p bulk.Progress) { r.done.Store(p.Done) }}
	return r
}

func (r *trial) start(t *testing.T) {
	go func() {
		defer close(r.end)
		r.sum, r.err = r.job.Run(t.Context())
	}()
}

// reach waits until so many calls have arrived.
func (r *trial) reach(t *testing.T, calls int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); r.count() < calls; time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%d calls after two minutes", r.count())
	}
}

func (r *trial) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrived)
}

// whole is how a job has to end whatever happened: every row is done, once.
func (r *trial) whole(t *testing.T, rows int) {
	t.Helper()
	select {
	case <-r.end:
	case <-time.After(3 * time.Minute):
		require.Fail(t, "the job does not end", "%d of %d done", r.done.Load(), rows)
	}
	require.NoError(t, r.err)
	assert.Equal(t, bulk.Sums{Rows: int64(rows), Done: int64(rows)}, r.sum.Sums)
	assert.Equal(t, rows, r.members(), "one effect each")
}

// A server that is restarted, as in a fail-over, and one that crashes, cost time and nothing else: no call is begun while it is
// away.
func TestRestart(t *testing.T) {
	t.Parallel()
	const rows = 1500
	s := server(t, t.TempDir())
	r := newTrial(t, open(t, s.URL), rows, 100)
	r.start(t)
	for i, mode := range []string{"fast", "immediate"} {
		r.reach(t, 300*(i+1))
		require.NoError(t, s.Stop(mode))
		time.Sleep(time.Second) // what had been begun leaves
		before := r.count()
		time.Sleep(2 * time.Second)
		assert.Equal(t, before, r.count(), "calls that were begun without the database")
		require.NoError(t, s.Start())
	}
	r.whole(t, rows)
	t.Logf("%d calls more than rows", r.count()-rows)
}

// A connection that is silently gone for longer than a lease: the worker stands still, and goes on when it is back.
func TestCut(t *testing.T) {
	t.Parallel()
	const rows = 800
	at := migrated(t)
	wire := pgtest.NewWire(t, at)
	r := newTrial(t, open(t, wire.URL), rows, 100)
	r.start(t)
	r.reach(t, 200)
	sound := wire.Silence()
	time.Sleep(time.Second)
	before := r.count()
	time.Sleep(19 * time.Second)
	assert.Equal(t, before, r.count(), "calls that were begun without the database")
	sound()
	r.whole(t, rows)
	t.Logf("%d calls more than rows", r.count()-rows)
}

// A disk that is full on the server ends the run with that very reason, and when there is room again it goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	require.Zero(t, os.Geteuid(), "a small disk takes root to make")
	disk := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=160m,mode=0711"))
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	s := server(t, disk, "min_wal_size = 48MB", "max_wal_size = 48MB", "shared_buffers = 16MB", "autovacuum = off", "wal_recycle = on")
	store := open(t, s.URL)
	const rows = 2000
	r := newTrial(t, store, rows, 200)
	r.start(t)
	r.reach(t, 200)
	fill := filepath.Join(disk, "fill")
	f, err := os.Create(fill)
	require.NoError(t, err)
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	select {
	case <-r.end:
		require.Equal(t, bulk.WhyLedger, why(t, r.err))
		require.ErrorIs(t, r.err, ledger.ErrFull)
	case <-time.After(20 * time.Second): // the log was what could not be written, and the server stopped: that is waited for
	}
	before := r.count()
	time.Sleep(2 * time.Second)
	t.Logf("%d calls while the disk is full", r.count()-before)
	require.NoError(t, os.Remove(fill))
	_ = s.Start() // if it stopped
	for {
		select {
		case <-r.end:
		case <-time.After(2 * time.Minute):
			require.Fail(t, "the job does not end")
		}
		if r.err == nil {
			break
		}
		require.ErrorIs(t, r.err, ledger.ErrFull) // of a moment ago
		r.end = make(chan struct{})
		r.start(t)
	}
	r.whole(t, rows)
	t.Logf("%d calls more than rows", r.count()-rows)
}
