package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// change makes a change of the job as a whole, in a transaction of its own.
func (j *job) change(do func(ctx context.Context, tx pgx.Tx) error) error {
	if j.lock == nil {
		return ledger.ErrReadOnly
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*within) // taking back a half staged input may be much
	defer cancel()
	for tries := 0; ; tries++ {
		err := pgx.BeginFunc(ctx, j.lock, func(tx pgx.Tx) error { return do(ctx, tx) })
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && tries < 5 && (e.Code == "40P01" || e.Code == "40001") {
			continue // workers write at the same time
		}
		return told(err)
	}
}

// AddFile adds an input. An earlier one that was not staged to its end is taken back, since nothing of it can have been sent.
func (j *job) AddFile(f ledger.File) (ledger.File, error) {
	f.Added = time.Now().Truncate(time.Second)
	err := j.change(func(ctx context.Context, tx pgx.Tx) error {
		if err := j.dropHalf(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO wxpay.files (job, id, name, digest, added) SELECT $1, coalesce(max(id), 0) + 1, $2, $3, $4 FROM wxpay.files WHERE job = $1 RETURNING id`,
			j.id, f.Name, f.Digest, f.Added.Unix()).Scan(&f.ID)
	})
	return f, err
}

// dropHalf takes back the input that was not staged to its end, if there is one. It is the last.
func (j *job) dropHalf(ctx context.Context, tx pgx.Tx) error {
	var file int64
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM wxpay.files WHERE job = $1 AND NOT staged`, j.id).Scan(&file); err != nil || file == 0 {
		return err
	}
	from, to := id(file, 0), id(file+1, 0)
	for _, change := range []string{
		`WITH gone AS (DELETE FROM wxpay.items WHERE job = $1 AND id > $2 AND id < $3 RETURNING key, twin)
			UPDATE wxpay.items i SET state = 3, code = nullif(substr(i.code, 11), ''), twin = NULL, key = coalesce(i.key, gone.key) FROM gone WHERE i.job = $1 AND i.id = gone.twin AND gone.key IS NOT NULL`,
		`DELETE FROM wxpay.chunks WHERE job = $1 AND first > $2 AND first < $3`,
		`DELETE FROM wxpay.files WHERE job = $1 AND id << 40 >= $2 AND id << 40 < $3`,
	} {
		if _, err := tx.Exec(ctx, change, j.id, from, to); err != nil {
			return err
		}
	}
	return nil
}

// FileStaged says that all items of an input are staged. From now on workers may have them.
func (j *job) FileStaged(file, rows int64) error {
	return j.change(func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE wxpay.files SET staged = true, rows = $3 WHERE job = $1 AND id = $2`, j.id, file, rows); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, recountOf(`k.job = $1 AND (k.first >> 40 = $2 OR k.first >> 40 < $2 AND EXISTS ( -- rows of earlier inputs may have given way
			SELECT FROM wxpay.items g WHERE g.job = k.job AND g.id BETWEEN k.first AND k.last AND g.state = 5 AND g.twin >> 40 = $2))`), j.id, file)
		return err
	})
}

// Stage writes a chunk of items of an input, and its rows. What is there already stays as it is, so staging may be done again
// after a crash.
func (j *job) Stage(file int64, entries []ledger.Entry, sealed []byte) error {
	if len(entries) == 0 {
		return nil
	}
	var ids, rows []int64
	var keys, contents [][]byte
	for _, e := range entries {
		if e.Line <= 0 || e.Line > lineMask {
			return fmt.Errorf("postgres: line %d cannot be", e.Line)
		}
		ids, rows, keys, contents = append(ids, id(file, e.Line)), append(rows, e.Rows), append(keys, e.Key[:]), append(contents, e.Content[:])
	}
	return j.change(func(ctx context.Context, tx pgx.Tx) error {
		made, err := tx.Query(ctx, `INSERT INTO wxpay.items (job, id, rows, key, content) SELECT $1, e.* FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) e ON CONFLICT DO NOTHING RETURNING id`, j.id, ids, rows, keys, contents)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(made, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		fresh := make(map[int64]bool, len(list))
		for _, at := range list {
			fresh[at] = true
		}
		for i, e := range entries {
			switch {
			case !fresh[ids[i]]:
				err = j.twin(ctx, tx, ids[i], e)
			case e.ForFile != 0 && e.ForFile < file:
				err = j.correct(ctx, tx, id(e.ForFile, e.ForLine), ids[i])
			}
			if err != nil {
				return err
			}
		}
		first, last := ids[0], ids[len(ids)-1] // a try before may have cut other chunks
		if _, err := tx.Exec(ctx, `DELETE FROM wxpay.chunks WHERE job = $1 AND first > $2 AND first <= $3`, j.id, first, last); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO wxpay.chunks (job, first, last, sealed, due) VALUES ($1, $2, $3, $4, 'epoch') ON CONFLICT (job, first) DO UPDATE SET last = excluded.last, sealed = excluded.sealed`, j.id, first, last, sealed)
		return err
	})
}

// twin stages an item that is there already, or whose key another one has: it is skipped, with a code that says why; only if
// the other was rejected as a part of an earlier input, it takes its place.
func (j *job) twin(ctx context.Context, tx pgx.Tx, at int64, e ledger.Entry) error {
	var there bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM wxpay.items WHERE job = $1 AND id = $2)`, j.id, at).Scan(&there); err != nil || there {
		return err
	}
	var twin int64
	var content []byte
	var state ledger.State
	var code string
	if err := tx.QueryRow(ctx, `SELECT id, content, state, coalesce(code, '') FROM wxpay.items WHERE job = $1 AND key = $2`, j.id, e.Key[:]).Scan(&twin, &content, &state, &code); err != nil {
		return err
	}
	earlier, alike := twin>>lineBits != at>>lineBits, string(content) == string(e.Content[:])
	switch {
	case earlier && state == ledger.Rejected:
		if _, err := tx.Exec(ctx, `UPDATE wxpay.items SET state = 5, key = NULL, code = $3, twin = $4 WHERE job = $1 AND id = $2`, j.id, twin, ledger.FedAgain+":"+code, at); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO wxpay.items (job, id, rows, key, content, twin) VALUES ($1, $2, $3, $4, $5, $6)`, j.id, at, e.Rows, e.Key[:], e.Content[:], twin)
		return err
	case !alike:
		code = ledger.Changed
	case !earlier:
		code = ledger.Duplicate
	case state == ledger.Done:
		code = ledger.DoneBefore
	default:
		code = ledger.Elsewhere
	}
	_, err := tx.Exec(ctx, `INSERT INTO wxpay.items (job, id, rows, state, code, twin) VALUES ($1, $2, $3, 5, $4, $5)`, j.id, at, e.Rows, code, twin)
	return err
}

// correct ends a rejected item in favour of another. It keeps its key, which is not that of the other.
func (j *job) correct(ctx context.Context, tx pgx.Tx, item, by int64) error {
	tag, err := tx.Exec(ctx, `UPDATE wxpay.items SET state = 5, code = $4 || coalesce(code, ''), twin = $3 WHERE job = $1 AND id = $2 AND state = 3`, j.id, item, by, ledger.FedAgain+":")
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE wxpay.items SET twin = $3 WHERE job = $1 AND id = $2`, j.id, by, item)
	return err
}

// Wake makes everything of an input due that was begun and has no outcome, and with staged also what waits for its next step.
func (j *job) Wake(file int64, staged bool, last time.Time) error {
	never, from, to := ledger.Never.UnixMilli(), id(file, 0), id(file+1, 0)
	return j.change(func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE wxpay.items SET due = NULL WHERE job = $1 AND (state IN (1, 4) OR state = 0 AND $2 AND due < $3) AND due IS NOT NULL AND id > $4 AND id < $5`, j.id, staged, never, from, to); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE wxpay.items SET due = $2 WHERE job = $1 AND state = 0 AND due >= $3 AND id > $4 AND id < $5`, j.id, last.UnixMilli(), never, from, to)
		return err
	})
}

// Tick remembers how the job stands.
func (j *job) Tick(t ledger.Tick) error {
	ctx, cancel := brief()
	defer cancel()
	_, err := j.store.pool.Exec(ctx, `INSERT INTO wxpay.ticks (job, at, done, rejected, unknown, throttled, ceiling) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		j.id, t.At.UnixMilli(), t.Done, t.Rejected, t.Unknown, t.Throttled, t.Ceiling)
	return told(err)
}

// recountOf counts the rows of chunks k anew, but of one that changes hands meanwhile: whoever has it last counts it.
func recountOf(which string) string {
	return `UPDATE wxpay.chunks c SET rows = n.rows, staged = n.staged, done = n.done, rejected = n.rejected, unknown = n.unknown, skipped = n.skipped FROM (
		SELECT k.job, k.first, k.token, k.worker, sum(i.rows)::bigint AS rows, coalesce(sum(i.rows) FILTER (WHERE i.state = 0 OR i.state = 1 AND k.worker IS NOT NULL), 0)::bigint AS staged, coalesce(sum(i.rows) FILTER (WHERE i.state = 2), 0)::bigint AS done,
			coalesce(sum(i.rows) FILTER (WHERE i.state = 3), 0)::bigint AS rejected, coalesce(sum(i.rows) FILTER (WHERE i.state = 4 OR i.state = 1 AND k.worker IS NULL), 0)::bigint AS unknown, coalesce(sum(i.rows) FILTER (WHERE i.state = 5), 0)::bigint AS skipped
		FROM wxpay.chunks k JOIN wxpay.items i ON i.job = k.job AND i.id BETWEEN k.first AND k.last WHERE ` + which + ` GROUP BY k.job, k.first) n
		WHERE c.job = n.job AND c.first = n.first AND c.token = n.token AND c.worker IS NOT DISTINCT FROM n.worker`
}
