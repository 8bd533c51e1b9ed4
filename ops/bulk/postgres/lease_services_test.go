//go:build services

package postgres

import (
	"context"
	"testing"
	"time"

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
	w := &worker{store: b.Store, ctx: t.Context(), has: map[place]*held{}}
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
	b := newBench(t)
	_, was, before := b.worker(t)
	item := id(1, 1)
	require.NoError(t, before.Begin(t.Context(), item, []byte("call")))
	_, is, now := b.worker(t)
	require.ErrorIs(t, before.Begin(t.Context(), id(1, 2), []byte("call")), bulk.ErrLost)
	require.ErrorIs(t, before.EndLater(t.Context(), item, ledger.Outcome{State: ledger.Rejected})(t.Context()), bulk.ErrLost)
	assert.True(t, was.lost.Load())
	assert.False(t, is.lost.Load())
	items, err := now.Begun(1, time.Now(), 0, 1, 10)
	require.NoError(t, err)
	require.Len(t, items, 1)
	assert.Equal(t, "call", string(items[0].Kept))
	require.NoError(t, now.EndLater(t.Context(), item, ledger.Outcome{State: ledger.Done})(t.Context()))
}

// A worker whose lease ended believes nothing of what it had, also when it has a lease again.
func TestWokenWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w, h, part := b.worker(t)
	w.beat(t.Context())
	assert.False(t, h.lost.Load())
	assert.True(t, w.alive())
	w.until.Store(new(time.Now().Add(-time.Second)))
	require.ErrorIs(t, part.Begin(t.Context(), id(1, 1), nil), bulk.ErrLost)
	h.lost.Store(false)
	w.beat(t.Context())
	assert.True(t, w.alive())
	assert.True(t, h.lost.Load())
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
