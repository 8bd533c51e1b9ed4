package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/fair"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

const (
	lease   = 15 * time.Second                                                           // after which the chunks of a worker that was not heard of are others'
	living  = `wxpay.workers w WHERE w.seen > clock_timestamp() - interval '15 seconds'` // the lease
	beat    = lease / 5
	spare   = 2 * time.Second // before its end in which no call is begun
	look    = time.Second     // between two looks at what there is to do
	slice   = 10 * time.Second
	perJob  = 4                // chunks of one job that a worker asks for at a time
	standby = 20 * time.Second // for a place; then others may have it
)

// A worker is one process at work.
type worker struct {
	river.WorkerDefaults[chunkArgs]
	store  *Store
	crew   bulk.Crew
	ctx    context.Context // of Work
	id     int64
	host   string
	client *river.Client[pgx.Tx]
	vital  *pgxpool.Pool // for its heart and its writer, which must not wait for a connection
	writer *writer
	places *fair.Places
	until  atomic.Pointer[time.Time] // its lease lasts

	mu     sync.Mutex
	queues map[int64]open      // jobs whose queues it looks into
	turns  map[int64][]*turn   // that it has with chunks of each
	avoids map[int64]time.Time // jobs of which nothing succeeds here, until when
	has    map[place]*held     // chunks
	orphan map[place]int64     // chunks that are this worker's, and of which it does not know
}

// An open job is one whose queue a worker looks into.
type open struct{ name, sender string }

// alive reports whether its chunks are safely its own for a while.
func (w *worker) alive() bool { return pace.Since(w.until.Load().Add(-spare)) < 0 }

// Work takes part in jobs until ctx ends. What was begun by then ends first.
func (s *Store) Work(ctx context.Context, crew bulk.Crew) error {
	if crew.Chunks <= 0 {
		crew.Chunks = 16
	}
	w := &worker{store: s, crew: crew, ctx: ctx, places: fair.NewPlaces(crew.Chunks), queues: map[int64]open{}, turns: map[int64][]*turn{}, avoids: map[int64]time.Time{}, has: map[place]*held{}}
	w.host, _ = os.Hostname()
	w.until.Store(new(time.Time))
	if err := w.join(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	own := s.pool.Config()
	own.MinConns, own.MaxConns = 0, 2
	var err error
	if w.vital, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), own); err != nil {
		return told(err)
	}
	defer w.vital.Close()
	w.writer = newWriter(w.vital, w)
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
		if !away(err) || pace.Sleep(ctx, time.Second) != nil {
			return told(err)
		}
	}
	beats := w.beats()
	for {
		w.tend(ctx)
		if pace.Sleep(ctx, look) != nil {
			break
		}
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
		if err := pace.Sleep(ctx, time.Second); err != nil {
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
		for pace.Sleep(ctx, beat) == nil {
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
	if _, err := w.vital.Exec(ctx, `INSERT INTO wxpay.workers (id, host, pid, chunks) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET seen = clock_timestamp()`,
		w.id, w.host, os.Getpid(), w.crew.Chunks); err != nil {
		return
	}
	w.until.Store(new(start.Add(lease)))
	_, _ = w.vital.Exec(ctx, recountOf(`k.first IN (SELECT first FROM wxpay.chunks WHERE job = k.job AND worker = $1 FOR UPDATE SKIP LOCKED) AND k.worker = $1`), w.id)
	_ = w.drop(ctx)
}

// drop gives back what this worker took and never heard of, since the answer was lost: it is that at two beats.
func (w *worker) drop(ctx context.Context) error {
	rows, err := w.vital.Query(ctx, `SELECT job, first, token FROM wxpay.chunks WHERE worker = $1`, w.id)
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
		if _, err := w.vital.Exec(ctx, `UPDATE wxpay.chunks SET worker = NULL, river = NULL WHERE job = $1 AND first = $2 AND token = $3 AND worker = $4`, at.job, at.item, token, w.id); err != nil {
			return err
		}
	}
	return nil
}

// tend looks which jobs there are, gives chunks of dead workers to others, and puts what is due into the queues.
func (w *worker) tend(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	_ = w.look(ctx) // if that fails it is done again in a moment, and the other by another worker
	_ = w.sweep(ctx)
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
	stays, there := map[int64]bool{}, map[int64]bool{}
	for _, f := range jobs {
		there[f.id] = true
		if w.avoided(f.id) {
			continue
		}
		var h ledger.Head
		if f.head != nil && (json.Unmarshal(f.head, &h) != nil || !w.crew.Takes(ctx, f.name, h)) {
			continue
		}
		stays[f.id] = true
		if f.head != nil {
			w.mu.Lock()
			w.queues[f.id] = open{f.name, h.Sender}
			w.mu.Unlock()
			err := w.client.Queues().Add(queueOf(f.id), river.QueueConfig{MaxWorkers: min(perJob, w.crew.Chunks), FetchPollInterval: 5 * time.Second})
			if _, there := errors.AsType[*river.QueueAlreadyAddedError](err); err != nil && !there {
				failed = errors.Join(failed, err)
				w.mu.Lock()
				delete(w.queues, f.id)
				w.mu.Unlock()
			}
		}
	}
	for _, id := range w.known() {
		w.mu.Lock()
		for _, t := range w.turns[id] {
			if !there[id] { // it was stopped
				t.cancel()
			}
		}
		leave := !stays[id] && len(w.turns[id]) == 0 // River waits for them, and opens no other queue meanwhile
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
