package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/fair"
)

// sweep is done about once a second, by whichever worker comes first.
func (w *worker) sweep(ctx context.Context) error {
	return pgx.BeginFunc(ctx, w.store.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `UPDATE wxpay.sweep SET at = clock_timestamp() WHERE ctid = (SELECT ctid FROM wxpay.sweep WHERE at < clock_timestamp() - interval '900 milliseconds' OR at > clock_timestamp() FOR UPDATE SKIP LOCKED) RETURNING true`).Scan(&mine); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		}
		for _, text := range []string{
			`DELETE FROM wxpay.workers WHERE seen < clock_timestamp() - interval '1 hour'`,
			free(`worker = NULL, river = NULL`, `c.worker IS NOT NULL AND NOT EXISTS (SELECT FROM `+living+` AND w.id = c.worker)`),
			// what was queued and is lost: its job in River is gone, or was taken by a worker that died before it said so
			free(`river = NULL`, `c.river IS NOT NULL AND c.worker IS NULL AND NOT EXISTS (SELECT FROM wxpay.river_job r WHERE r.id = c.river
				AND (r.state IN ('available', 'scheduled', 'retryable', 'pending') OR r.state = 'running' AND r.attempted_at > clock_timestamp() - interval '1 minute' AND EXISTS (SELECT FROM `+living+` AND w.id::text = r.attempted_by[array_upper(r.attempted_by, 1)])))`),
		} {
			if _, err := tx.Exec(ctx, text); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO wxpay.ticks (job, at, done, rejected, unknown, throttled, ceiling)
			SELECT j.id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, n.done, n.rejected, n.unknown, j.throttled, 0 FROM wxpay.jobs j
			CROSS JOIN LATERAL (SELECT sum(done)::bigint AS done, sum(rejected)::bigint AS rejected, sum(unknown)::bigint AS unknown FROM wxpay.chunks c WHERE c.job = j.id) n
			WHERE j.id IN (SELECT job FROM wxpay.chunks WHERE worker IS NOT NULL) AND NOT EXISTS (SELECT FROM wxpay.ticks t WHERE t.job = j.id AND t.at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 10000) ON CONFLICT DO NOTHING`); err != nil {
			return err
		}
		return w.feedAll(ctx, tx)
	})
}

// free changes chunks, but leaves those that somebody has locked for the next time: a sweep must not wait.
func free(set, which string) string {
	return `UPDATE wxpay.chunks c SET ` + set + ` FROM (SELECT c.job, c.first FROM wxpay.chunks c WHERE ` + which + ` FOR UPDATE OF c SKIP LOCKED) f WHERE c.job = f.job AND c.first = f.first`
}

// feedAll puts chunks that are due into the queues of their jobs, as many of each as the workers there are may want.
func (w *worker) feedAll(ctx context.Context, tx pgx.Tx) error {
	var places int
	if err := tx.QueryRow(ctx, `SELECT coalesce(sum(w.chunks), 0) FROM `+living).Scan(&places); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT j.id, j.terms, (SELECT count(*) FROM wxpay.chunks c WHERE c.job = j.id AND c.river IS NOT NULL) FROM wxpay.jobs j
		WHERE j.started AND j.stopped IS NULL AND EXISTS (SELECT FROM wxpay.chunks c WHERE c.job = j.id AND c.due <= clock_timestamp())`)
	if err != nil {
		return err
	}
	type waiting struct {
		id     int64
		terms  bulk.Terms
		queued int
	}
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (j waiting, err error) {
		return j, row.Scan(&j.id, &j.terms, &j.queued)
	})
	if err != nil {
		return err
	}
	now := time.Now()
	for _, j := range jobs {
		if until, over := j.terms.Closed(now); !until.IsZero() || over {
			continue
		}
		if err := w.feed(ctx, tx, j.id, fair.Window(places, len(jobs))-j.queued); err != nil {
			return err
		}
	}
	return nil
}

// feed puts up to n chunks of a job that are due into its queue.
func (w *worker) feed(ctx context.Context, tx pgx.Tx, job int64, n int) error {
	if n <= 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT c.first, c.turn + 1 FROM wxpay.chunks c WHERE c.job = $1 AND c.due <= clock_timestamp() AND c.river IS NULL AND c.worker IS NULL
		AND c.first >> 40 = ANY (ARRAY(SELECT f.id FROM wxpay.files f WHERE f.job = $1 AND f.staged)) ORDER BY c.first LIMIT $2 FOR UPDATE SKIP LOCKED`, job, n)
	if err != nil {
		return err
	}
	var params []river.InsertManyParams
	var firsts []int64
	args := chunkArgs{Job: job}
	if _, err := pgx.ForEachRow(rows, []any{&args.First, &args.Turn}, func() error {
		params, firsts = append(params, river.InsertManyParams{Args: args, InsertOpts: &river.InsertOpts{Queue: queueOf(job), MaxAttempts: 1}}), append(firsts, args.First)
		return nil
	}); err != nil || len(params) == 0 {
		return err
	}
	made, err := w.client.InsertManyTx(ctx, tx, params)
	if err != nil {
		return err
	}
	ids := make([]int64, len(made))
	for i, m := range made {
		ids[i] = m.Job.ID
	}
	_, err = tx.Exec(ctx, `UPDATE wxpay.chunks c SET river = q.river, turn = c.turn + 1 FROM unnest($2::bigint[], $3::bigint[]) q (first, river) WHERE c.job = $1 AND c.first = q.first`, job, firsts, ids)
	return err
}

// next puts another chunk of a job into its queue, in place of one that had its turn.
func (w *worker) next(ctx context.Context, tx pgx.Tx, job int64) error {
	var terms bulk.Terms
	err := tx.QueryRow(ctx, `SELECT terms FROM wxpay.jobs WHERE id = $1 AND started AND stopped IS NULL`, job).Scan(&terms)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if until, over := terms.Closed(time.Now()); !until.IsZero() || over {
		return nil
	}
	return w.feed(ctx, tx, job, 1)
}
