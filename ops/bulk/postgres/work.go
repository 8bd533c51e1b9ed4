package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/fair"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

const (
	lease    = 15 * time.Second // after which the chunks of a worker that was not heard of are others'
	leaseSQL = `interval '15 seconds'`
	beat     = lease / 5
	spare    = 2 * time.Second // before its end in which no call is begun
	look     = time.Second     // between two looks at what there is to do
	slice    = 10 * time.Second
	perJob   = 4                // chunks of one job that a worker asks for at a time
	standby  = 20 * time.Second // for a place; then others may have it
)

// chunkArgs name a chunk for River. Turn tells a stale one.
type chunkArgs struct {
	Job   int64 `json:"job"`
	First int64 `json:"first"`
	Turn  int64 `json:"turn"`
}

// Kind is the name of these jobs in River.
func (chunkArgs) Kind() string { return "wxpay_chunk" }

// A worker is one process at work.
type worker struct {
	river.WorkerDefaults[chunkArgs]
	store  *Store
	crew   bulk.Crew
	ctx    context.Context // of Work
	id     int64
	host   string
	client *river.Client[pgx.Tx]
	writer *writer
	places *fair.Places
	until  atomic.Pointer[time.Time] // its lease lasts

	mu     sync.Mutex
	queues map[int64]bool      // jobs whose queues it looks into
	turns  map[int64][]*turn   // that it has with chunks of each
	avoids map[int64]time.Time // jobs of which nothing succeeds here, until when
	has    map[place]*held     // chunks
	orphan map[place]int64     // chunks that are this worker's, and of which it does not know
}

// alive reports whether its chunks are safely its own for a while.
func (w *worker) alive() bool { return pace.Since(w.until.Load().Add(-spare)) < 0 }

// Work takes part in jobs until ctx ends. What was begun by then ends first.
func (s *Store) Work(ctx context.Context, crew bulk.Crew) error {
	if crew.Chunks <= 0 {
		crew.Chunks = 16
	}
	w := &worker{store: s, crew: crew, ctx: ctx, places: fair.NewPlaces(crew.Chunks), queues: map[int64]bool{}, turns: map[int64][]*turn{}, avoids: map[int64]time.Time{}, has: map[place]*held{}}
	w.host, _ = os.Hostname()
	w.until.Store(new(time.Time))
	if err := w.join(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	w.writer = newWriter(s.pool, w)
	defer w.leave()
	defer w.writer.close()
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	client, err := river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		ID: fmt.Sprint(w.id), Schema: schemaName, Workers: workers, Logger: quiet,
		Queues:     map[string]river.QueueConfig{idle: {MaxWorkers: 1, FetchPollInterval: time.Hour}},
		JobTimeout: -1, MaxAttempts: 1, RescueStuckJobsAfter: 10 * time.Minute, // a lease that ends is found out here
		CompletedJobRetentionPeriod: 10 * time.Minute, DiscardedJobRetentionPeriod: 10 * time.Minute, CancelledJobRetentionPeriod: 10 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	w.client = client
	for {
		err := client.Start(context.WithoutCancel(ctx))
		if err == nil {
			break
		}
		if !away(err) || until(ctx, time.Now().Add(time.Second)) != nil {
			return told(err)
		}
	}
	beats := w.beats()
	for until(ctx, time.Now().Add(w.tend(ctx))) == nil {
	}
	soft, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*lease+30*time.Second)
	defer cancel()
	err = client.Stop(soft) // the turns end by themselves, since ctx has
	beats()
	if err != nil {
		return fmt.Errorf("postgres: what was in flight did not end in time: %w", err)
	}
	return nil
}

// idle is a queue that stays empty: River wants one.
const idle = "wxpay-idle"

func queueOf(job int64) string { return fmt.Sprintf("wxpay-%d", job) }

// join makes the worker known. It waits for a database that is away.
func (w *worker) join(ctx context.Context) error {
	for {
		start := time.Now()
		err := w.store.pool.QueryRow(ctx, `INSERT INTO wxpay.workers (host, pid, chunks) VALUES ($1, $2, $3) RETURNING id`, w.host, os.Getpid(), w.crew.Chunks).Scan(&w.id)
		if err == nil {
			w.until.Store(new(start.Add(lease)))
			return nil
		}
		if !away(err) {
			return told(err)
		}
		if err := until(ctx, time.Now().Add(time.Second)); err != nil {
			return err
		}
	}
}

// leave makes it known that the worker is no more.
func (w *worker) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 5*time.Second)
	defer cancel()
	_, _ = w.store.pool.Exec(ctx, `DELETE FROM wxpay.workers WHERE id = $1`, w.id)
}

// beats keeps the lease, until end is called.
func (w *worker) beats() (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for until(ctx, time.Now().Add(beat)) == nil {
			w.beat(ctx)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// beat renews the lease, and counts what became of the rows that the worker has. What it had when a lease ended may be
// others' by now, so it is not touched any more.
func (w *worker) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	start := time.Now()
	if !w.alive() {
		w.mu.Lock()
		for _, h := range w.has {
			h.lost.Store(true)
		}
		w.mu.Unlock()
	}
	if _, err := w.store.pool.Exec(ctx, `INSERT INTO wxpay.workers (id, host, pid, chunks) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET seen = clock_timestamp()`,
		w.id, w.host, os.Getpid(), w.crew.Chunks); err != nil {
		return
	}
	w.until.Store(new(start.Add(lease)))
	_, _ = w.store.pool.Exec(ctx, recountOf(`k.first IN (SELECT first FROM wxpay.chunks WHERE job = k.job AND worker = $1 FOR UPDATE SKIP LOCKED) AND k.worker = $1`), w.id)
	_ = w.drop(ctx)
}

// drop gives back what this worker took and never heard of, since the answer was lost: it is that at two beats.
func (w *worker) drop(ctx context.Context) error {
	rows, err := w.store.pool.Query(ctx, `SELECT job, first, token FROM wxpay.chunks WHERE worker = $1`, w.id)
	if err != nil {
		return err
	}
	orphans := map[place]int64{}
	var at place
	var token int64
	if _, err := pgx.ForEachRow(rows, []any{&at.job, &at.item, &token}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if h := w.has[at]; h == nil || h.token != token {
			orphans[at] = token
		}
		return nil
	}); err != nil {
		return err
	}
	before := w.orphan
	w.orphan = orphans
	for at, token := range orphans {
		if before[at] != token {
			continue
		}
		if _, err := w.store.pool.Exec(ctx, `UPDATE wxpay.chunks SET worker = NULL, river = NULL WHERE job = $1 AND first = $2 AND token = $3 AND worker = $4`, at.job, at.item, token, w.id); err != nil {
			return err
		}
	}
	return nil
}

// tend looks which jobs there are, gives chunks of dead workers to others, and puts what is due into the queues. It returns when
// to do so again.
func (w *worker) tend(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	_ = w.look(ctx) // if that fails it is done again in a moment, and the other by another worker
	_ = w.sweep(ctx)
	return look
}

// look opens and closes queues as jobs come and go.
func (w *worker) look(ctx context.Context) error {
	rows, err := w.store.pool.Query(ctx, `SELECT j.id, j.name, CASE WHEN j.id = ANY($1) THEN NULL ELSE j.head END FROM wxpay.jobs j
		WHERE j.started AND j.stopped IS NULL AND EXISTS (SELECT FROM wxpay.chunks c WHERE c.job = j.id AND c.due <= clock_timestamp() + interval '5 seconds')`, w.known())
	if err != nil {
		return err
	}
	type found struct {
		id   int64
		name string
		head []byte
	}
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		return f, row.Scan(&f.id, &f.name, &f.head)
	})
	if err != nil {
		return err
	}
	var failed error
	open, there := map[int64]bool{}, map[int64]bool{}
	for _, f := range jobs {
		there[f.id] = true
		if w.avoided(f.id) {
			continue
		}
		var h ledger.Head
		if f.head != nil && (json.Unmarshal(f.head, &h) != nil || !w.crew.Takes(ctx, f.name, h)) {
			continue
		}
		open[f.id] = true
		if f.head != nil {
			err := w.client.Queues().Add(queueOf(f.id), river.QueueConfig{MaxWorkers: min(perJob, w.crew.Chunks), FetchPollInterval: 5 * time.Second})
			if _, there := errors.AsType[*river.QueueAlreadyAddedError](err); err != nil && !there {
				failed = errors.Join(failed, err)
				continue
			}
			w.mu.Lock()
			w.queues[f.id] = true
			w.mu.Unlock()
		}
	}
	for _, id := range w.known() {
		w.mu.Lock()
		for _, t := range w.turns[id] {
			if !there[id] { // it was stopped
				t.cancel()
			}
		}
		leave := !open[id] && len(w.turns[id]) == 0 // River waits for them, and opens no other queue meanwhile
		if leave {
			delete(w.queues, id)
		}
		w.mu.Unlock()
		if !leave {
			continue
		}
		if err := w.client.Queues().Remove(ctx, queueOf(id)); err != nil && ctx.Err() == nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (w *worker) known() (ids []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids = []int64{}
	for id := range w.queues {
		ids = append(ids, id)
	}
	return ids
}

// avoided reports whether the worker keeps away from a job.
func (w *worker) avoided(job int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	until, ok := w.avoids[job]
	if ok && time.Now().After(until) {
		delete(w.avoids, job)
		ok = false
	}
	return ok
}

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
		const alive = `wxpay.workers w WHERE w.seen > clock_timestamp() - ` + leaseSQL
		for _, text := range []string{
			`DELETE FROM wxpay.workers WHERE seen < clock_timestamp() - interval '1 hour'`,
			`UPDATE wxpay.chunks c SET worker = NULL, river = NULL WHERE c.worker IS NOT NULL AND NOT EXISTS (SELECT FROM ` + alive + ` AND w.id = c.worker)`,
			// what was queued and is lost: its job in River is gone, or was taken by a worker that died before it said so
			`UPDATE wxpay.chunks c SET river = NULL WHERE c.river IS NOT NULL AND c.worker IS NULL AND NOT EXISTS (SELECT FROM wxpay.river_job r WHERE r.id = c.river
				AND (r.state IN ('available', 'scheduled', 'retryable', 'pending') OR r.state = 'running' AND r.attempted_at > clock_timestamp() - interval '1 minute' AND EXISTS (SELECT FROM ` + alive + ` AND w.id::text = r.attempted_by[array_upper(r.attempted_by, 1)])))`,
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

// feedAll puts chunks that are due into the queues of their jobs, as many of each as the workers there are may want.
func (w *worker) feedAll(ctx context.Context, tx pgx.Tx) error {
	var places int
	if err := tx.QueryRow(ctx, `SELECT coalesce(sum(chunks), 0) FROM wxpay.workers WHERE seen > clock_timestamp() - `+leaseSQL).Scan(&places); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT j.id, j.terms, (SELECT count(*) FROM wxpay.chunks c WHERE c.job = j.id AND c.river IS NOT NULL) FROM wxpay.jobs j
		WHERE j.started AND j.stopped IS NULL AND EXISTS (SELECT FROM wxpay.chunks c WHERE c.job = j.id AND c.due <= clock_timestamp())`)
	if err != nil {
		return err
	}
	type open struct {
		id     int64
		terms  bulk.Terms
		queued int
	}
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o open, err error) {
		return o, row.Scan(&o.id, &o.terms, &o.queued)
	})
	if err != nil {
		return err
	}
	now := time.Now()
	for _, o := range jobs {
		if until, over := o.terms.Closed(now); !until.IsZero() || over {
			continue
		}
		if err := w.feed(ctx, tx, o.id, fair.Window(places, len(jobs))-o.queued); err != nil {
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

// Work has a turn with a chunk. River calls it.
func (w *worker) Work(ctx context.Context, of *river.Job[chunkArgs]) error {
	after := context.WithoutCancel(ctx) // of what has to be written down in the end
	name, sender, err := w.whose(ctx, of.Args.Job)
	if err != nil {
		return nil // the chunk is found again
	}
	turning, finish := w.turn(of.Args.Job)
	defer finish()
	if w.avoided(of.Args.Job) {
		_ = until(w.ctx, time.Now().Add(look))
		return w.end(after, of, nil, bulk.Taken{}, nil)
	}
	wait, cancel := context.WithTimeout(turning, standby)
	give, err := w.places.Take(wait, sender, name)
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

func (w *worker) whose(ctx context.Context, job int64) (name, sender string, err error) {
	err = w.store.pool.QueryRow(ctx, `SELECT name, sender FROM wxpay.jobs WHERE id = $1`, job).Scan(&name, &sender)
	return name, sender, err
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
		tag, err := tx.Exec(ctx, `UPDATE wxpay.chunks c SET worker = NULL, river = NULL, due = CASE WHEN `+dueOf+` IS NOT NULL THEN greatest(`+dueOf+`, $5) END,
				sealed = CASE WHEN EXISTS (SELECT FROM wxpay.items i WHERE i.job = c.job AND i.id BETWEEN c.first AND c.last AND i.state IN (0, 1, 4)) THEN c.sealed END
			WHERE c.job = $1 AND c.first = $2 AND c.token = $3 AND c.worker = $4`, h.job, h.first, h.token, w.id, later(taken.NotBefore))
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
				h.job, savedOf(stop), savedOf(taken.PutOff), taken.Throttled, taken.Repeated, h.starts); err != nil {
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

// later is a time that chunks are not due before; NULL: there is none.
func later(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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

// admit counts one more of a route of a merchant on a day, if that has so many left.
func (s *Store) admit(ctx context.Context, sender, route, day string, most int) (bool, error) {
	tag, err := s.pool.Exec(ctx, `INSERT INTO wxpay.days AS d (sender, route, day, count) VALUES ($1, $2, $3::text::date, 1) ON CONFLICT (sender, route, day) DO UPDATE SET count = d.count + 1 WHERE d.count < $4`, sender, route, day, most)
	return err == nil && tag.RowsAffected() == 1, told(err)
}
