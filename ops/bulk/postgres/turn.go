package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// chunkArgs name a chunk for River. Turn tells a stale one.
type chunkArgs struct {
	Job   int64 `json:"job"`
	First int64 `json:"first"`
	Turn  int64 `json:"turn"`
}

// Kind is the name of these jobs in River.
func (chunkArgs) Kind() string { return "wxpay_chunk" }

// Work has a turn with a chunk. River calls it.
func (w *worker) Work(ctx context.Context, of *river.Job[chunkArgs]) error {
	after := context.WithoutCancel(ctx) // of what has to be written down in the end
	turning, finish := w.turn(of.Args.Job)
	defer finish()
	w.mu.Lock()
	job, known := w.queues[of.Args.Job]
	w.mu.Unlock()
	if !known || w.avoided(of.Args.Job) {
		_ = pace.Sleep(w.ctx, look)
		return w.end(after, of, nil, bulk.Taken{}, nil)
	}
	wait, cancel := context.WithTimeout(turning, standby)
	give, err := w.places.Take(wait, job.sender, job.name)
	cancel()
	if err != nil {
		return w.end(after, of, nil, bulk.Taken{}, nil)
	}
	defer give()
	c, h, err := w.claim(ctx, of.Args)
	if err != nil || c == nil {
		return nil // stale, or the database is away: the chunk is found again
	}
	c.Until = time.Now().Add(slice)
	panicked := true
	defer func() {
		if panicked {
			w.avoid(of.Args.Job, time.Minute)
			_ = w.end(after, of, h, bulk.Taken{}, nil)
		}
	}()
	taken, err := w.crew.Take(turning, c)
	panicked = false
	return w.end(after, of, h, taken, err)
}

// A turn is that of a chunk at this worker.
type turn struct{ cancel context.CancelFunc }

// turn begins one. Its context ends with the worker, and when the job is stopped.
func (w *worker) turn(job int64) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	t := &turn{cancel}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns[job] = append(w.turns[job], t)
	return ctx, func() {
		cancel()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.turns[job] = slices.DeleteFunc(w.turns[job], func(other *turn) bool { return other == t }); len(w.turns[job]) == 0 {
			delete(w.turns, job)
		}
	}
}

// claim makes a chunk this worker's; nil if it is another one's by now, or its job was stopped.
func (w *worker) claim(ctx context.Context, args chunkArgs) (*bulk.Chunk, *held, error) {
	if !w.alive() {
		return nil, nil, bulk.ErrLost
	}
	h := &held{job: args.Job, first: args.First, writer: w.writer}
	j := &job{store: w.store, id: args.Job, chunk: h}
	c := &bulk.Chunk{Ledger: j}
	var head []byte
	err := w.store.pool.QueryRow(ctx, `UPDATE wxpay.chunks c SET worker = $4, token = c.token + 1 FROM wxpay.jobs j, wxpay.files f
		WHERE c.job = $1 AND c.first = $2 AND c.turn = $3 AND c.river IS NOT NULL AND c.worker IS NULL AND j.id = c.job AND j.started AND j.stopped IS NULL AND f.job = c.job AND f.id = c.first >> 40
		RETURNING c.token, c.last, c.sealed, j.name, j.head, j.terms, j.starts, EXISTS (SELECT FROM wxpay.chunks o WHERE o.job = c.job AND o.done > 0), f.steps, f.id, f.name, f.digest, f.rows, f.staged`, args.Job, args.First, args.Turn, w.id).
		Scan(&h.token, &h.last, &c.Sealed, &j.name, &head, &c.Terms, &c.Starts, &c.Worked, &c.Terms.Steps, &c.File.ID, &c.File.Name, &c.File.Digest, &c.File.Rows, &c.File.Staged)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(head, &j.head)
	}
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	w.has[place{h.job, h.first}] = h
	w.mu.Unlock()
	c.Job = j.name
	h.starts = c.Starts
	c.Mine = func() bool { return !h.lost.Load() && w.alive() }
	c.Pacer = func(route string, rate float64) bulk.Pacer { return w.store.pacer(j.head.Sender, route, rate) }
	c.Admit = func(route, day string, most int) (bool, error) {
		return w.store.admit(w.ctx, j.head.Sender, route, day, most)
	}
	return c, h, nil
}

// end gives a chunk back, which may be the last time, and the job in River with it, in one transaction.
func (w *worker) end(ctx context.Context, of *river.Job[chunkArgs], h *held, taken bulk.Taken, why error) error {
	stop := w.stops(of.Args.Job, why)
	if h != nil {
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.has, place{h.job, h.first})
		}()
	}
	for tries := 0; ; tries++ {
		err := pgx.BeginFunc(ctx, w.store.pool, func(tx pgx.Tx) error { return w.endTx(ctx, tx, of, h, taken, stop) })
		if err == nil || tries > 10 && w.ctx.Err() != nil {
			return nil // a chunk that cannot be given back is free when this worker is no more
		}
		time.Sleep(time.Second)
	}
}

// stops is why a job ends for everybody; nil: it does not.
func (w *worker) stops(job int64, err error) *bulk.StopError {
	e, ok := errors.AsType[*bulk.StopError](err)
	if !ok {
		if err != nil {
			w.avoid(job, 5*time.Second)
		}
		return nil
	}
	switch e.Why {
	case bulk.WhyInterrupted, bulk.WhyLimit:
		return nil
	case bulk.WhyNetwork: // perhaps only here
		w.avoid(job, time.Minute)
		return nil
	case bulk.WhyLedger: // such as a disk that is full: the next try will tell
		if !errors.Is(err, bulk.ErrLost) {
			w.avoid(job, 5*time.Second)
		}
		return nil
	}
	return e
}

// avoid keeps the worker away from a job for a while.
func (w *worker) avoid(job int64, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.avoids[job] = time.Now().Add(d)
}

func (w *worker) endTx(ctx context.Context, tx pgx.Tx, of *river.Job[chunkArgs], h *held, taken bulk.Taken, stop *bulk.StopError) error {
	if h == nil { // it had no turn
		if _, err := tx.Exec(ctx, `UPDATE wxpay.chunks SET river = NULL WHERE job = $1 AND first = $2 AND turn = $3 AND worker IS NULL`, of.Args.Job, of.Args.First, of.Args.Turn); err != nil {
			return err
		}
	} else {
		tag, err := tx.Exec(ctx, `UPDATE wxpay.chunks c SET worker = NULL, river = NULL, due = (SELECT greatest(n.due, $5) FROM `+dueOf+` n (due) WHERE n.due IS NOT NULL),
				sealed = CASE WHEN EXISTS (SELECT FROM wxpay.items i WHERE i.job = c.job AND i.id BETWEEN c.first AND c.last AND i.state IN (0, 1, 4)) THEN c.sealed END
			WHERE c.job = $1 AND c.first = $2 AND c.token = $3 AND c.worker = $4`, h.job, h.first, h.token, w.id, null(taken.NotBefore))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			if _, err := tx.Exec(ctx, recountOf(`k.job = $1 AND k.first = $2`), h.job, h.first); err != nil {
				return err
			}
		}
		if stop != nil || taken.PutOff != nil || taken.Throttled+taken.Repeated > 0 {
			if _, err := tx.Exec(ctx, `UPDATE wxpay.jobs SET stopped = coalesce(stopped, CASE WHEN starts = $6 THEN $2::jsonb END), put_off = coalesce(put_off, $3), throttled = throttled + $4, repeated = repeated + $5 WHERE id = $1`,
				h.job, savedOf(stop, w.host), savedOf(taken.PutOff, w.host), taken.Throttled, taken.Repeated, h.starts); err != nil {
				return err
			}
		}
	}
	if err := w.next(ctx, tx, of.Args.Job); err != nil {
		return err
	}
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, of)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	return err
}

// admit counts one more of a route of a merchant on a day, if that has so many left.
func (s *Store) admit(ctx context.Context, sender, route, day string, most int) (bool, error) {
	tag, err := s.pool.Exec(ctx, `INSERT INTO wxpay.days AS d (sender, route, day, count) VALUES ($1, $2, $3::text::date, 1) ON CONFLICT (sender, route, day) DO UPDATE SET count = d.count + 1 WHERE d.count < $4`, sender, route, day, most)
	return err == nil && tag.RowsAffected() == 1, told(err)
}
