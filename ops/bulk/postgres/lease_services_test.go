//go:build services

package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
)

// A bench is a job of one chunk, and workers that nobody but the test moves.
type bench struct {
	*Store
	job *job
}

func newBench(t *testing.T) *bench {
	t.Helper()
	at := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), at))
	s, err := Open(t.Context(), at)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	l, err := s.Create(t.Context(), "autumn", ledger.Head{Name: "autumn", Sender: "1900000109", Salt: []byte("salt")})
	require.NoError(t, err)
	f, err := l.AddFile(ledger.File{Name: "a", Digest: "a"})
	require.NoError(t, err)
	require.NoError(t, l.Stage(f.ID, []ledger.Entry{{Line: 1, Rows: 1, Key: [20]byte{1}}, {Line: 2, Rows: 1, Key: [20]byte{2}}}, []byte("sealed")))
	require.NoError(t, l.FileStaged(f.ID, 2))
	require.NoError(t, s.Start(t.Context(), l, f, bulk.Terms{}))
	return &bench{s, l.(*job)}
}

// worker is one more, which has the chunk.
func (b *bench) worker(t *testing.T) (*worker, *held, *job) {
	t.Helper()
	w := &worker{store: b.Store, vital: b.pool, ctx: t.Context(), has: map[place]*held{}}
	w.until.Store(new(time.Time))
	require.NoError(t, w.join(t.Context()))
	w.writer = newWriter(b.pool, w)
	t.Cleanup(w.writer.close)
	h := &held{job: b.job.id, writer: w.writer}
	require.NoError(t, b.pool.QueryRow(t.Context(), `UPDATE wxpay.chunks SET worker = $2, token = token + 1 WHERE job = $1 RETURNING first, last, token`, b.job.id, w.id).Scan(&h.first, &h.last, &h.token))
	w.has[place{h.job, h.first}] = h
	return w, h, &job{store: b.Store, id: b.job.id, name: b.job.name, head: b.job.head, chunk: h}
}

// Whoever lost a chunk can write nothing about it any more, neither what it begins nor what it ended.
func TestFence(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{
		"another has it":          `UPDATE wxpay.chunks SET worker = worker + 1, token = token + 1`,
		"it has it anew":          `UPDATE wxpay.chunks SET token = token + 1`,
		"it was found to be gone": `UPDATE wxpay.chunks SET worker = NULL`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			_, h, part := b.worker(t)
			require.NoError(t, part.Begin(t.Context(), id(1, 1), []byte("call")))
			_, err := b.pool.Exec(t.Context(), lose)
			require.NoError(t, err)
			require.ErrorIs(t, part.Begin(t.Context(), id(1, 2), []byte("call")), bulk.ErrLost)
			assert.True(t, h.lost.Load())
			require.ErrorIs(t, part.EndLater(t.Context(), id(1, 1), ledger.Outcome{State: ledger.Rejected})(t.Context()), bulk.ErrLost)
			assert.Equal(t, []ledger.State{ledger.Sending, ledger.Staged}, b.states(t))
			_, h, now := b.worker(t)
			items, err := now.Begun(1, time.Now(), 0, 1, 10)
			require.NoError(t, err)
			require.Len(t, items, 1)
			assert.Equal(t, "call", string(items[0].Kept))
			require.NoError(t, now.EndLater(t.Context(), id(1, 1), ledger.Outcome{State: ledger.Done})(t.Context()))
			assert.False(t, h.lost.Load())
		})
	}
}

// states are those of the items, by line.
func (b *bench) states(t *testing.T) []ledger.State {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `SELECT state FROM wxpay.items ORDER BY id`)
	require.NoError(t, err)
	states, err := pgx.CollectRows(rows, pgx.RowTo[ledger.State])
	require.NoError(t, err)
	return states
}

// A worker whose lease ended writes nothing, and believes nothing of what it had, also when it has a lease again.
func TestWokenWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, h, part := b.worker(t)
	w.beat(t.Context())
	assert.False(t, h.lost.Load())
	assert.True(t, w.alive())
	w.until.Store(new(time.Now().Add(-time.Second)))
	require.ErrorIs(t, part.Begin(t.Context(), id(1, 1), nil), bulk.ErrLost)
	require.ErrorIs(t, part.EndLater(t.Context(), id(1, 2), ledger.Outcome{State: ledger.Done})(t.Context()), bulk.ErrLost)
	assert.Equal(t, []ledger.State{ledger.Staged, ledger.Staged}, b.states(t))
	h.lost.Store(false)
	w.beat(t.Context())
	assert.True(t, w.alive())
	assert.True(t, h.lost.Load())
}

// Rows of a chunk that somebody has locked for long wait. Others do not wait for them, and neither does a sweep.
func TestLockedChunk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, h, part := b.worker(t)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO wxpay.chunks (job, first, last, worker) VALUES ($1, $2, $3, $4)`, b.job.id, id(2, 1), id(2, 9), w.id)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `INSERT INTO wxpay.items (job, id, rows) VALUES ($1, $2, 1)`, b.job.id, id(2, 1))
	require.NoError(t, err)
	other := &job{store: b.Store, id: b.job.id, chunk: &held{job: b.job.id, first: id(2, 1), last: id(2, 9), writer: w.writer}}
	lock, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer lock.Rollback(context.Background())
	_, err = lock.Exec(t.Context(), `SELECT FROM wxpay.chunks WHERE first = $1 FOR UPDATE`, h.first)
	require.NoError(t, err)
	waits := make(chan error, 2)
	go func() { waits <- part.Begin(t.Context(), id(1, 1), []byte("call")) }()
	time.Sleep(10 * pauseLocked)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	require.NoError(t, other.Begin(ctx, id(2, 1), []byte("call")))
	_, err = b.pool.Exec(ctx, `DELETE FROM wxpay.workers`)
	require.NoError(t, err)
	require.NoError(t, w.sweep(ctx))
	assert.False(t, h.lost.Load())
	select {
	case err := <-waits:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	require.NoError(t, lock.Rollback(t.Context()))
	require.NoError(t, <-waits)
	assert.Equal(t, []ledger.State{ledger.Sending, ledger.Staged, ledger.Sending}, b.states(t))
}

// One change that cannot be written does not take others with it.
func TestOddNote(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, h, _ := b.worker(t)
	good := &note{chunk: h, item: id(1, 1), o: ledger.Outcome{State: ledger.Done}, done: make(chan error, 1)}
	bad := &note{chunk: h, item: id(1, 2), o: ledger.Outcome{State: ledger.State(9)}, done: make(chan error, 1)}
	_, err := b.pool.Exec(t.Context(), `ALTER TABLE wxpay.items ADD CHECK (state < 9)`)
	require.NoError(t, err)
	w.writer.commit([]*note{bad, good})
	require.ErrorContains(t, <-bad.done, "23514")
	require.NoError(t, <-good.done)
	assert.Equal(t, []ledger.State{ledger.Done, ledger.Staged}, b.states(t))
}

// A count that was begun before a chunk ended does not overwrite the one that was made at its end.
func TestRecountIsNotLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, _, part := b.worker(t)
	for line := range int64(2) {
		require.NoError(t, part.EndLater(t.Context(), id(1, line+1), ledger.Outcome{State: ledger.Done})(t.Context()))
	}
	end, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer end.Rollback(context.Background())
	_, err = end.Exec(t.Context(), `UPDATE wxpay.chunks SET worker = NULL, done = 2, staged = 0 WHERE job = $1`, b.job.id)
	require.NoError(t, err)
	late := make(chan error, 1)
	go func() {
		_, err := b.pool.Exec(context.Background(), recountOf(`k.job = $1`), b.job.id)
		late <- err
	}()
	time.Sleep(300 * time.Millisecond)                                                          // it waits for the row
	_, err = end.Exec(t.Context(), `UPDATE wxpay.items SET state = 3 WHERE job = $1`, b.job.id) // that it did not see
	require.NoError(t, err)
	_, err = end.Exec(t.Context(), `UPDATE wxpay.chunks SET done = 0, rejected = 2 WHERE job = $1`, b.job.id)
	require.NoError(t, err)
	require.NoError(t, end.Commit(t.Context()))
	require.NoError(t, <-late)
	s, err := b.Standing(t.Context(), "autumn")
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 0, Rejected: 2}, bulk.Sums{Rejected: s.Rejected, Done: s.Done})
}
