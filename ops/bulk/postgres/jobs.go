package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// dueOf is when the next item of chunk c is due, as far as its input is to be taken; NULL if none is by itself.
var dueOf = fmt.Sprintf(`(SELECT to_timestamp(min(coalesce(i.due, 0)) / 1000.0) FROM wxpay.items i WHERE i.job = c.job AND i.id BETWEEN c.first AND c.last
	AND i.state IN (0, 1, 4) AND i.step < (SELECT coalesce(nullif(f.steps, 0), 1000) FROM wxpay.files f WHERE f.job = c.job AND f.id = c.first >> 40) AND coalesce(i.due, 0) < %d)`, ledger.Never.UnixMilli())

// Start hands an input of a job to the workers, and the whole job if it was stopped, under terms; and it gives up the lock.
func (s *Store) Start(ctx context.Context, of ledger.Ledger, file ledger.File, terms bulk.Terms) error {
	j, ok := of.(*job)
	if !ok || j.lock == nil {
		return errors.New("postgres: the ledger is not one that this store opened")
	}
	text, err := json.Marshal(terms)
	if err != nil {
		return err
	}
	if terms.Rate != 0 {
		for _, route := range terms.Routes {
			if err := s.limit(ctx, j.head.Sender, route, terms.Rate); err != nil {
				return err
			}
		}
	}
	if err := j.change(func(_ context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE wxpay.jobs SET terms = $2, started = true, starts = starts + 1, stopped = NULL, put_off = NULL WHERE id = $1`, j.id, text); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE wxpay.files SET steps = $3 WHERE job = $1 AND id = $2`, j.id, file.ID, terms.Steps); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE wxpay.chunks c SET due = `+dueOf+` WHERE c.job = $1 AND c.sealed IS NOT NULL AND c.first BETWEEN $2 AND $3`, j.id, id(file.ID, 0), id(file.ID+1, 0)-1)
		return err
	}); err != nil {
		return err
	}
	return j.Close()
}

// A saved is a stop that others are told of.
type saved struct {
	Why     bulk.Why     `json:"why"`
	English string       `json:"english"`
	Chinese string       `json:"chinese"`
	Host    string       `json:"host,omitzero"`
	Refused *wxpay.Error `json:"refused,omitzero"` // by the platform, masked
	Said    string       `json:"said,omitzero"`    // another error, masked
}

// savedOf is a stop as the store keeps it; NULL: there is none.
func savedOf(e *bulk.StopError, host string) []byte {
	if e == nil {
		return nil
	}
	v := saved{Why: e.Why, English: e.Reason.English, Chinese: e.Reason.Chinese, Host: host}
	if refused, ok := errors.AsType[*wxpay.Error](e.Err); ok {
		v.Refused = bulk.MaskedError(refused)
	} else if e.Err != nil {
		v.Said = bulk.Masked(e.Err.Error())
	}
	text, _ := json.Marshal(v)
	return bytes.ReplaceAll(text, []byte(`\u0000`), nil) // PostgreSQL takes none
}

func stopOf(text []byte) *bulk.StopError {
	var v saved
	if len(text) == 0 || json.Unmarshal(text, &v) != nil {
		return nil
	}
	e := &bulk.StopError{Why: v.Why, Reason: wxpay.Hint{English: v.English, Chinese: v.Chinese}, Host: v.Host}
	switch {
	case v.Refused != nil:
		e.Err = v.Refused
	case v.Said != "":
		e.Err = errors.New(v.Said)
	}
	return e
}

// Stop keeps workers from taking any more of a job, until it is started again. What is in flight ends.
func (s *Store) Stop(ctx context.Context, name string, why *bulk.StopError) error {
	tag, err := s.pool.Exec(ctx, `UPDATE wxpay.jobs SET stopped = coalesce(stopped, $2) WHERE name = $1`, name, savedOf(why, ""))
	return affected(tag.RowsAffected(), name, err)
}

// affected is the error of a change of a job.
func affected(rows int64, name string, err error) error {
	if err == nil && rows == 0 {
		return fmt.Errorf("postgres: there is no job %q: %w", name, os.ErrNotExist)
	}
	return told(err)
}

// Standing is how a job stands, as of the last seconds.
func (s *Store) Standing(ctx context.Context, name string) (bulk.Standing, error) {
	list, err := s.standings(ctx, `j.name = $1`, name)
	if err == nil && len(list) == 0 {
		err = affected(0, name, nil)
	}
	if err != nil {
		return bulk.Standing{}, err
	}
	return list[0].Standing, nil
}

// A Job is one of a store, as lists show it.
type Job struct {
	Name    string
	Head    ledger.Head
	Started bool
	bulk.Standing
}

// Jobs are those of the store, by name, and how they stand.
func (s *Store) Jobs(ctx context.Context) ([]Job, error) { return s.standings(ctx, `true`) }

func (s *Store) standings(ctx context.Context, which string, args ...any) ([]Job, error) {
	rows, err := s.pool.Query(ctx, `SELECT j.name, j.head, j.started, j.terms, j.stopped, j.put_off, j.throttled, j.repeated, n.*,
			(SELECT count(*) FROM `+living+`),
			(SELECT p.state FROM wxpay.permits p WHERE p.sender = j.sender ORDER BY p.state->>'next' DESC LIMIT 1)
		FROM wxpay.jobs j CROSS JOIN LATERAL (
			SELECT coalesce(sum(rows), 0)::bigint, coalesce(sum(done), 0)::bigint, coalesce(sum(rejected), 0)::bigint, coalesce(sum(unknown), 0)::bigint, coalesce(sum(skipped), 0)::bigint, coalesce(sum(staged), 0)::bigint,
				coalesce(bool_or(due IS NOT NULL OR worker IS NOT NULL), false), min(due) FILTER (WHERE worker IS NULL), count(*) FILTER (WHERE worker IS NULL AND due <= clock_timestamp()), count(worker)
			FROM wxpay.chunks c WHERE c.job = j.id) n WHERE `+which+` ORDER BY j.name`, args...)
	if err != nil {
		return nil, told(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (j Job, err error) {
		var head, stopped, putOff, permits []byte
		var due *time.Time
		var terms bulk.Terms
		if err := row.Scan(&j.Name, &head, &j.Started, &terms, &stopped, &putOff, &j.Throttled, &j.Repeated, &j.Rows, &j.Done, &j.Rejected, &j.Unknown, &j.Skipped, &j.Left,
			&j.Open, &due, &j.Waiting, &j.Taken, &j.Workers, &permits); err != nil {
			return j, err
		}
		if due != nil {
			j.Due = *due
		}
		j.Stopped, j.PutOff = stopOf(stopped), stopOf(putOff)
		_, over := terms.Closed(time.Now())
		j.Open = j.Open && j.Started && j.Stopped == nil && !over
		var p pace.Permits
		if permits != nil && json.Unmarshal(permits, &p) == nil {
			j.Ceiling = p.Rate
		}
		return j, json.Unmarshal(head, &j.Head)
	})
	return list, told(err)
}

// Record is what the command wxpay keeps of how it runs a job; nil if nothing is. Programs of one's own have no use for it.
func (s *Store) Record(ctx context.Context, name string) (record []byte, err error) {
	err = s.pool.QueryRow(ctx, `SELECT record FROM wxpay.jobs WHERE name = $1`, name).Scan(&record)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return record, told(err)
}

// SetRecord keeps what [Store.Record] gives.
func (s *Store) SetRecord(ctx context.Context, name string, record []byte) error {
	tag, err := s.pool.Exec(ctx, `UPDATE wxpay.jobs SET record = $2 WHERE name = $1`, name, record)
	return affected(tag.RowsAffected(), name, err)
}

// Forget deletes what is remembered of a job, its request numbers above all: rows that are fed again get new ones. A job that
// workers have rows of, or that somebody adds an input to, is a [*ledger.HeldError]: stop it first.
func (s *Store) Forget(ctx context.Context, name string) error {
	j, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if err := j.take(ctx); err != nil {
		return err
	}
	defer j.Close()
	return j.change(func(ctx context.Context, tx pgx.Tx) error {
		var taken int64
		if err := tx.QueryRow(ctx, `SELECT count(worker) FROM wxpay.chunks WHERE job = $1`, j.id).Scan(&taken); err != nil {
			return err
		}
		if taken > 0 {
			return &ledger.HeldError{Path: name}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM wxpay.river_job WHERE queue = $1 AND state <> 'running'`, queueOf(j.id)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM wxpay.jobs WHERE id = $1`, j.id)
		return err
	})
}

// A Worker is one that is alive, or was a moment ago.
type Worker struct {
	ID            int64
	Host          string
	PID           int
	Chunks, Taken int64 // how many it takes at a time, and has
	Started, Seen time.Time
}

// Workers are those that are alive, the oldest first.
func (s *Store) Workers(ctx context.Context) ([]Worker, error) {
	rows, err := s.pool.Query(ctx, `SELECT w.id, w.host, w.pid, w.chunks, (SELECT count(*) FROM wxpay.chunks c WHERE c.worker = w.id), w.started, w.seen
		FROM `+living+` ORDER BY w.id`)
	if err != nil {
		return nil, told(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w Worker, err error) {
		return w, row.Scan(&w.ID, &w.Host, &w.PID, &w.Chunks, &w.Taken, &w.Started, &w.Seen)
	})
	return list, told(err)
}

// A Permit is what the calls of a merchant on a route share.
type Permit struct {
	Sender, Route string
	Rate, Ceiling float64 // calls a second that are allowed now, and at most; 0: no limit
	Given         int64   // permits, as long as there was a limit
}

// Permits are those of all merchants and routes.
func (s *Store) Permits(ctx context.Context) ([]Permit, error) {
	rows, err := s.pool.Query(ctx, `SELECT sender, route, state FROM wxpay.permits ORDER BY sender, route`)
	if err != nil {
		return nil, told(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Permit, err error) {
		var state pace.Permits
		err = row.Scan(&p.Sender, &p.Route, &state)
		p.Rate, p.Ceiling, p.Given = state.Rate, state.Ceiling, state.Given
		return p, err
	})
	return list, told(err)
}
