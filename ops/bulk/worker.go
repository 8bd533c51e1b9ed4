package bulk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A Worker takes part in the jobs of a store. It needs nothing but the store and the keys of the merchants: the rows lie
// in the store, sealed. Any number of workers may be started and stopped while jobs run; one may be killed at any moment.
type Worker struct {
	Store Store
	// Operation gives the operation of a job and the Key of its merchant; nil: the job is not for this worker, such as one of a
	// merchant whose keys it lacks. It is asked once for each job, and after an error again every second.
	Operation func(ctx context.Context, name string, h ledger.Head) (o Operation, key func(context.Context) ([]byte, error), err error)
	Chunks    int // at a time; 0: 16. Each makes as many calls at a time as its job says; Config.Concurrency of clients should be for all
	// Observe is told what became of each chunk that this worker took; nil: nobody is. It must not block.
	Observe func(Turn)
}

// A Turn is what became of a chunk that a worker took.
type Turn struct {
	Job      string
	Rows     int64         // that ended
	Duration time.Duration // for which the worker had it
	Err      error         // nil: its rows have ended, or others have their turn
}

// Run works until ctx ends, which is no error. What was begun by then may end for ten seconds more.
func (w Worker) Run(ctx context.Context) error {
	if w.Store == nil || w.Operation == nil {
		return &wxpay.ParamError{Route: "Worker", Param: "Store and Operation", Reason: "are needed"}
	}
	t := &team{Worker: w, jobs: map[string]*member{}}
	return w.Store.Work(ctx, Crew{Chunks: w.Chunks, Takes: t.takes, Take: t.take})
}

// A team is the jobs that a worker knows. What the chunks of a job learn of the platform they learn for each other.
type team struct {
	Worker
	mu   sync.Mutex
	jobs map[string]*member // by name and salt
}

// A member is a job as a worker knows it.
type member struct {
	run    *run      // nil: it is not for this worker
	asked  time.Time // of a job that is not: it is asked again now and then, since keys come
	starts int64
}

// id tells a job from one that was forgotten and begun anew under its name.
func id(name string, h ledger.Head) string { return name + " " + string(h.Salt) }

func (t *team) takes(ctx context.Context, name string, h ledger.Head) bool {
	t.mu.Lock()
	m := t.jobs[id(name, h)]
	t.mu.Unlock()
	if m != nil && (m.run != nil || time.Since(m.asked) < time.Minute) {
		return m.run != nil
	}
	o, key, err := t.Operation(ctx, name, h)
	if err != nil {
		return false
	}
	m = &member{asked: time.Now()}
	if o != nil {
		m.run = joined(ctx, Job{Ledger: name, Store: t.Store, Operation: o, Source: rowsOf{}, Key: key}, h)
	}
	if ctx.Err() == nil {
		t.mu.Lock()
		t.jobs[id(name, h)] = m
		t.mu.Unlock()
	}
	return m.run != nil
}

// joined is a job as a worker has it; nil if its operation and its key are not those with which it was begun.
func joined(ctx context.Context, j Job, h ledger.Head) *run {
	r, err := j.ready()
	if err != nil {
		return nil
	}
	if r.ledger = (beginning{head: h}); r.same(ctx) != nil {
		return nil
	}
	return r
}

// A beginning is a ledger of which nothing is known but its head.
type beginning struct {
	ledger.Ledger
	head ledger.Head
}

func (l beginning) Head() ledger.Head { return l.head }

// take has a turn with a chunk.
func (t *team) take(ctx context.Context, c *Chunk) (Taken, error) {
	start := time.Now()
	of := t.runOf(c)
	if of == nil {
		return Taken{}, fmt.Errorf("bulk: no operation for job %s", c.Job)
	}
	r := of.part(c)
	err := r.unpack(c)
	if err == nil {
		err = r.ways(ctx, math.MaxInt64)
	}
	taken := Taken{Throttled: r.throttled.Load(), Repeated: r.repeated.Load(), PutOff: r.putOff.Load()}
	if at := r.notYet.Load(); at != nil {
		taken.NotBefore = *at
	}
	if errors.Is(err, errSlice) {
		err = nil
	}
	if t.Observe != nil {
		t.Observe(Turn{Job: c.Job, Rows: r.ends.Load(), Duration: time.Since(start), Err: err})
	}
	return taken, err
}

// runOf is what the chunks of a job share here, since its last start.
func (t *team) runOf(c *Chunk) *run {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.jobs[id(c.Job, c.Ledger.Head())]
	if m == nil || m.run == nil {
		return nil
	}
	if m.starts != 0 && m.starts != c.Starts {
		fresh := &run{Job: m.run.Job, about: m.run.about, ledger: m.run.ledger, keys: m.run.keys}
		fresh.state = newState(&fresh.Job, &fresh.about)
		m.run = fresh
	}
	m.starts = c.Starts
	if c.Worked {
		m.run.mu.Lock()
		m.run.worked = true
		m.run.mu.Unlock()
	}
	return m.run
}

// errSlice ends a turn: others wait for theirs.
var errSlice = errors.New("bulk: the time of this chunk is over")

// part is the run for one chunk of a job.
func (r *run) part(c *Chunk) *run {
	part := &run{Job: r.Job, about: r.about, ledger: c.Ledger, keys: r.keys, file: c.File, chunk: c, state: r.state}
	part.Rate, part.Until, part.Window = c.Terms.Rate, c.Terms.Until, c.Terms.Window
	part.Patience, part.Concurrency, part.Steps = c.Terms.Patience, c.Terms.Concurrency, c.Terms.Steps
	part.settle()
	return part
}

// unpack makes the rows of a chunk the source of its run.
func (r *run) unpack(c *Chunk) error {
	rows, err := r.keys.unseal(c.Sealed)
	if err != nil {
		return stopped(WhyInput, hintSealed, err)
	}
	r.Source = rowsOf{c.File.Name, rows}
	for _, row := range rows {
		if row.WasFile != "" { // it corrects a row of another input
			files, err := c.Ledger.Files()
			if err != nil {
				return stopped(WhyLedger, hintLedger, err)
			}
			r.inputs = byName(slices.DeleteFunc(files, func(f ledger.File) bool { return f.ID >= r.file.ID })) // as when it was staged
			return nil
		}
	}
	return nil
}

// rowsOf are the rows of a chunk as a source.
type rowsOf struct {
	name string
	rows []table.Row
}

func (s rowsOf) Name() string { return s.name }

func (s rowsOf) Digest(context.Context) (string, error) { return "", nil }

func (s rowsOf) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for _, row := range s.rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// share puts the source into the store, and takes part in the job until nothing of it is left.
func (r *run) share(ctx context.Context) error {
	r.phase(PhaseChecking)
	defer r.report(ctx, true)()
	if err := r.input(ctx); err != nil {
		return err
	}
	_, timed := r.Operation.(Timed)
	if err := r.ledger.Wake(r.file.ID, timed, time.Now().Add(time.Second)); err != nil {
		return stopped(WhyLedger, hintLedger, err)
	}
	_, zone := time.Now().Zone()
	var routes []string
	for _, step := range r.about.Steps {
		routes = append(routes, step.Route)
	}
	terms := Terms{Rate: r.Rate, Routes: routes, Concurrency: r.Concurrency, Steps: r.Steps, Window: r.Window, Zone: zone, Until: r.Until, Patience: r.Patience}
	if err := r.Store.Start(ctx, r.ledger, r.file, terms); err != nil {
		return r.ended(ctx, stopped(WhyLedger, hintStore, err))
	}
	if r.Detach {
		return r.left(ctx)
	}
	head := r.ledger.Head()
	t := &team{Worker: Worker{Store: r.Store}, jobs: map[string]*member{id(r.Ledger, head): {run: r}}}
	mine := func(_ context.Context, name string, h ledger.Head) bool {
		return name == r.Ledger && bytes.Equal(h.Salt, head.Salt)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	failed := make(chan error, 1) // of this process alone
	take := func(ctx context.Context, c *Chunk) (Taken, error) {
		taken, err := t.take(ctx, c)
		e, ok := errors.AsType[*StopError](err)
		if ok && (e.Why == WhyNetwork || e.Why == WhyLedger && !errors.Is(err, ErrLost) && !errors.Is(err, ErrAway)) {
			select {
			case failed <- e:
			default:
			}
		}
		return taken, err
	}
	go func() {
		err := r.Store.Work(work, Crew{Takes: mine, Take: take})
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
		ended <- err
	}()
	err := r.follow(ctx, terms, failed)
	stop()
	return cmp.Or(err, <-ended)
}

// left is how a run ends that leaves its rows to workers.
func (r *run) left(ctx context.Context) error {
	s, err := r.Store.Standing(ctx, r.Ledger)
	if err != nil || s.Complete() {
		return err
	}
	return stopped(WhyLimit, hintDetached, nil)
}

// follow looks on until nothing of the job is left for workers.
func (r *run) follow(ctx context.Context, terms Terms, failed <-chan error) error {
	every := time.NewTicker(observeEvery)
	defer every.Stop()
	var first *Standing
	for {
		s, err := r.Store.Standing(ctx, r.Ledger)
		switch {
		case ctx.Err() != nil:
			return stopped(WhyInterrupted, hintElsewhere, context.Cause(ctx))
		case err != nil && errors.Is(err, ErrAway):
			r.away(err)
		case err != nil:
			return stopped(WhyLedger, hintStore, err)
		default:
			if first == nil {
				first = &s
			}
			closed, _ := terms.Closed(time.Now())
			r.stands(s, first, closed)
			if !s.Open && s.Taken == 0 {
				return r.leavesOf(s)
			}
		}
		if !r.Until.IsZero() && !time.Now().Before(r.Until) {
			return stopped(WhyLimit, hintUntil, nil)
		}
		select {
		case <-every.C:
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
	}
}

// away remembers that the store cannot be reached just now.
func (r *run) away(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown.Phase, r.shown.Until, r.health.last = PhaseWaiting, time.Time{}, err
}

// stands takes over how the job stands as a whole, all workers included.
func (r *run) stands(s Standing, first *Standing, closed time.Time) {
	r.throttled.Store(s.Throttled - first.Throttled)
	r.repeated.Store(s.Repeated - first.Repeated)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums = s.Sums
	switch r.shown.Phase, r.shown.Until = PhaseSending, (time.Time{}); {
	case s.Taken > 0:
	case !closed.IsZero():
		r.shown.Phase, r.shown.Until = PhaseWaiting, closed
	case s.Waiting == 0:
		r.shown.Phase, r.shown.Until = PhaseWaiting, s.Due
	}
	if errors.Is(r.health.last, ErrAway) {
		r.health.last = nil
	}
}

// leavesOf says why workers leave rows of a job as they are; nil if they do not.
func (r *run) leavesOf(s Standing) error {
	switch {
	case s.Stopped != nil:
		return s.Stopped
	case s.Left == 0:
		return nil
	case s.PutOff != nil:
		return s.PutOff
	case r.Steps < len(r.about.Steps):
		return stopped(WhyLimit, hintSteps, nil)
	}
	return stopped(WhyLimit, hintLimit, nil)
}
