//go:build services

package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger/ledgertest"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
)

// everything is a ledger that takes the chunk of an item before it writes about it.
type everything struct {
	*job
	worker *worker
}

func (e everything) of(item int64) *job {
	h := &held{job: e.id, writer: e.worker.writer}
	err := e.store.pool.QueryRow(context.Background(), `UPDATE wxpay.chunks SET worker = $3, token = token + 1 WHERE job = $1 AND $2 BETWEEN first AND last RETURNING first, last, token`, e.id, item, e.worker.id).Scan(&h.first, &h.last, &h.token)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // of a half staged input an item may be in no chunk: it is refused
		panic(err)
	}
	return &job{store: e.store, id: e.id, name: e.name, head: e.head, chunk: h}
}

// free gives all chunks back: what is in flight counts as under way.
func (e everything) free() {
	if _, err := e.store.pool.Exec(context.Background(), `UPDATE wxpay.chunks SET worker = NULL WHERE job = $1`, e.id); err != nil {
		panic(err)
	}
}

func (e everything) Begin(ctx context.Context, item int64, kept []byte) error {
	defer e.free()
	return e.of(item).Begin(ctx, item, kept)
}

func (e everything) EndLater(ctx context.Context, item int64, o ledger.Outcome) func(context.Context) error {
	wait := e.of(item).EndLater(ctx, item, o)
	return func(ctx context.Context) error {
		defer e.free()
		return wait(ctx)
	}
}

// A store says of a job what the model of a ledger says, also after whoever adds an input was killed.
func TestModel(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	require.NoError(t, Migrate(t.Context(), at))
	s, err := Open(t.Context(), at)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	w := &worker{store: s, ctx: t.Context()}
	require.NoError(t, w.join(t.Context()))
	w.until.Store(new(time.Now().Add(time.Hour)))
	w.writer = newWriter(s.pool, w)
	t.Cleanup(w.writer.close)
	jobs := 0
	ledgertest.Check(t, 12, func(t *rapid.T) ledgertest.Subject {
		jobs++
		name := fmt.Sprint("job", jobs)
		of := func(l ledger.Ledger, err error) (ledger.Ledger, error) {
			if err != nil {
				return nil, err
			}
			return everything{l.(*job), w}, nil
		}
		l, err := of(s.Create(context.Background(), name, ledger.Head{Name: name, Salt: []byte("salt")}))
		require.NoError(t, err)
		return ledgertest.Subject{
			Ledger: l,
			Reopen: func(l ledger.Ledger) (ledger.Ledger, error) {
				require.NoError(t, l.Close())
				return of(s.Open(context.Background(), name))
			},
			Crash: func(t *rapid.T, l ledger.Ledger) (ledger.Ledger, error) {
				lock := l.(everything).lock
				require.NoError(t, lock.Conn().Close(context.Background())) // as the server sees it
				lock.Release()
				l, err := of(s.Open(context.Background(), name))
				for ; err != nil; l, err = of(s.Open(context.Background(), name)) { // it has not noticed yet
				}
				return l, err
			},
		}
	})
}
