package bulk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// Run begins a job, or goes on with it where it stopped, and returns how it stands. It ends when nothing is left to do
// (nil, whatever was rejected or stayed unknown), or with
//
//   - an [InputError]: rows that cannot be sent; nothing was sent
//   - a [ChangedError]: the source is not what it was; nothing was sent
//   - an [OtherJobError]: the ledger is that of another job
//   - a [*ledger.HeldError]: another process runs it
//   - a [StopError]: it stopped before its end, and goes on when it is run again
//   - a [*ledger.DamagedError] or [*ledger.VersionError]: the ledger cannot be used; nothing was sent
//   - what [Whole] says against an input; nothing was sent
//   - a [*wxpay.ParamError]: the job or its operation is not set up right; nothing was sent
//
// With nil or a StopError it returns a summary, else perhaps none. Cancelling ctx ends it softly: what was begun may end
// for ten seconds more. The process may be killed at any moment all the same.
func (j Job) Run(ctx context.Context) (*Summary, error) {
	start := time.Now()
	r, err := j.ready()
	if err == nil && j.DryRun {
		return r.dry(ctx, start)
	}
	if err != nil {
		return nil, err
	}
	if err := r.openLedger(ctx); err != nil {
		return r.nothing(err)
	}
	defer r.ledger.Close()
	if err := r.recount(); err != nil {
		return r.nothing(err)
	}
	r.before = r.sums
	if r.Store != nil {
		err = r.share(ctx)
	} else {
		err = r.all(ctx)
	}
	summary, sumErr := r.summary(start)
	if summary == nil {
		return r.nothing(cmp.Or(err, sumErr))
	}
	return summary, err
}

// nothing is how a run ends that could not count its rows.
func (r *run) nothing(err error) (*Summary, error) {
	if _, ok := errors.AsType[*StopError](err); ok {
		return &Summary{Name: r.name(), Sums: r.sums}, err
	}
	return nil, err
}

// A run is one process at work on a job.
type run struct {
	Job
	about        About
	ledger       ledger.Ledger
	keys         *keys
	file         ledger.File      // of the source
	inputs       map[string]int64 // of the job, by name
	twice        InputError       // rows that an earlier one makes needless
	checkedFirst bool             // its rows are, before there was a ledger
	chunk        *Chunk           // of a store; nil: all of a file
	stop         reason

	throttled, repeated, checked, ends atomic.Int64

	putOff atomic.Pointer[StopError] // why rows are left to a later run; nil if none is
	notYet atomic.Pointer[time.Time] // when a chunk may go on whose day is over; nil: at once
	*state
}

// ready checks what the job is made of.
func (j Job) ready() (*run, error) {
	if j.Operation == nil || j.Source == nil {
		return nil, &wxpay.ParamError{Route: "Job", Param: "Operation and Source", Reason: "are needed"}
	}
	r := &run{Job: j, about: j.Operation.About()}
	if math.IsNaN(j.Rate) {
		return nil, &wxpay.ParamError{Route: "Job", Param: "Rate", Reason: "is no number"}
	}
	if len(r.about.Steps) == 0 {
		return nil, &wxpay.ParamError{Route: "Job", Param: "Operation", Reason: "has no step"}
	}
	if j.Store != nil && j.Limit > 0 {
		return nil, &wxpay.ParamError{Route: "Job", Param: "Limit", Reason: "is for jobs in a file: with a Store the workers take what there is"}
	}
	r.about.Batch = max(r.about.Batch, 1)
	r.settle()
	r.state = newState(&r.Job, &r.about)
	return r, nil
}

// settle fills in what is not said.
func (r *run) settle() {
	r.Concurrency = cmp.Or(max(r.Concurrency, 0), 16)
	if r.about.Concurrency > 0 {
		r.Concurrency = min(r.Concurrency, r.about.Concurrency)
	}
	r.Patience = cmp.Or(max(r.Patience, 0), 15*time.Minute)
	if r.Steps <= 0 || r.Steps > len(r.about.Steps) {
		r.Steps = len(r.about.Steps)
	}
}

// dry checks everything and sends nothing. A ledger that is there is looked at, and not touched.
func (r *run) dry(ctx context.Context, start time.Time) (*Summary, error) {
	var files []ledger.File
	switch l, err := r.look(ctx); {
	case err == nil:
		defer l.Close()
		r.ledger = l
		if err := r.same(ctx); err != nil {
			return r.nothing(err)
		}
		if err := r.recount(); err != nil {
			return r.nothing(err)
		}
		if files, err = l.Files(); err != nil {
			return r.nothing(stopped(WhyLedger, hintLedger, err))
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	default: // the key is part of everything
		if _, err := newKeys(ctx, r.Key, nil); err != nil {
			return nil, err
		}
	}
	r.before = r.sums
	r.phase(PhaseChecking)
	end := r.report(ctx, false)
	err := r.checkAgainst(ctx, files)
	end()
	r.over()
	if err != nil {
		return r.nothing(err)
	}
	summary := &Summary{Sums: r.sums, Name: r.name(), Resumed: r.before.Rows > 0, Before: r.before.Done, Twice: r.twice.Faults, Duplicates: r.twice.Count, Elapsed: time.Since(start)}
	if r.file.Staged {
		return summary, nil
	}
	if r.file.ID != 0 { // what was staged of it is counted already
		for item, err := range r.ledger.Staged(ctx, r.file.ID) {
			if err != nil {
				return r.nothing(stopped(WhyLedger, hintLedger, err))
			}
			summary.Rows -= item.Rows
			*summary.of(item.State) -= item.Rows
		}
	}
	summary.Rows += r.checked.Load()
	summary.Left += r.checked.Load()
	return summary, nil
}

// checkAgainst checks a source and whether it may be an input beside those that the job has.
func (r *run) checkAgainst(ctx context.Context, files []ledger.File) error {
	digest, err := r.Source.Digest(ctx)
	if err != nil {
		return r.ended(ctx, err)
	}
	r.inputs = byName(files)
	unfit := r.whole(ctx)
	if err := r.check(ctx); err != nil {
		return err
	}
	if _, err = r.choose(ctx, files, digest); err != nil {
		return err
	}
	return unfit
}

// name is what the job is called: its ledger's file without the ending.
func (r *run) name() string {
	if r.Store != nil {
		return r.Ledger
	}
	return strings.TrimSuffix(filepath.Base(r.Ledger), filepath.Ext(r.Ledger))
}

// openLedger opens the ledger of the job. That of a new one is made when the rows are known to be good, so that a wrong
// input leaves nothing behind.
func (r *run) openLedger(ctx context.Context) (err error) {
	switch l, err := r.open(ctx); {
	case err == nil:
		r.ledger = l
		if err = r.same(ctx); err != nil {
			l.Close()
		}
		return err
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if err := r.checkFirst(ctx); err != nil {
		return err
	}
	head := ledger.Head{
		Name: r.name(), Operation: r.about.Name, Sender: r.about.Sender,
		Settings: r.about.Settings, Salt: salt(), Created: time.Now(),
	}
	if r.keys, err = newKeys(ctx, r.Key, head.Salt); err != nil {
		return err
	}
	head.Check = r.keys.check
	r.ledger, err = r.create(ctx, head)
	return err
}

func (r *run) look(ctx context.Context) (ledger.Ledger, error) {
	if r.Store != nil {
		return r.Store.Look(ctx, r.Ledger)
	}
	return ledger.Look(r.Ledger)
}

func (r *run) open(ctx context.Context) (ledger.Ledger, error) {
	if r.Store != nil {
		return r.Store.Open(ctx, r.Ledger)
	}
	return ledger.Open(r.Ledger)
}

func (r *run) create(ctx context.Context, head ledger.Head) (ledger.Ledger, error) {
	if r.Store != nil {
		return r.Store.Create(ctx, r.Ledger, head)
	}
	return ledger.Create(r.Ledger, head)
}

// checkFirst checks the rows of a job that has no ledger yet.
func (r *run) checkFirst(ctx context.Context) error {
	r.phase(PhaseChecking)
	end := r.report(ctx, false)
	unfit := r.whole(ctx)
	err := r.check(ctx)
	if err == nil {
		err = unfit
	}
	end()
	if r.checkedFirst = err == nil; err != nil {
		r.over()
	}
	return err
}

// same compares the ledger with the job.
func (r *run) same(ctx context.Context) (err error) {
	h := r.ledger.Head()
	switch {
	case h.Operation != r.about.Name:
		return &OtherJobError{"operation", h.Operation, r.about.Name}
	case h.Sender != r.about.Sender:
		return &OtherJobError{"merchant", h.Sender, r.about.Sender}
	}
	names := maps.Clone(r.about.Settings)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, h.Settings)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if h.Settings[name] != r.about.Settings[name] {
			return &OtherJobError{name, h.Settings[name], r.about.Settings[name]}
		}
	}
	if r.keys, err = newKeys(ctx, r.Key, h.Salt); err != nil {
		return err
	}
	if !bytes.Equal(h.Check, r.keys.check) {
		return &OtherJobError{What: "private key"}
	}
	return nil
}

// all does everything there is to do for the source.
func (r *run) all(ctx context.Context) error {
	r.phase(PhaseChecking)
	defer r.report(ctx, true)()
	if err := r.input(ctx); err != nil {
		return err
	}
	return r.sendAll(ctx)
}

// summary adds up what the ledger says.
func (r *run) summary(start time.Time) (*Summary, error) {
	sums, err := r.ledger.Sums()
	if err != nil {
		return nil, stopped(WhyLedger, hintLedger, err)
	}
	reasons, err := r.ledger.Reasons()
	if err != nil {
		return nil, stopped(WhyLedger, hintLedger, err)
	}
	steps, err := r.ledger.Steps()
	if err != nil {
		return nil, stopped(WhyLedger, hintLedger, err)
	}
	begun, err := r.ledger.UnderWay()
	if err != nil {
		return nil, stopped(WhyLedger, hintLedger, err)
	}
	next := map[string]int64{}
	for step, rows := range steps {
		if step < len(r.about.Steps) {
			next[r.about.Steps[step].Name] = rows
		}
	}
	return &Summary{
		Begun: begun, Next: next, Sums: SumsOf(sums), Name: r.name(), Resumed: r.before.Rows > 0, Before: r.before.Done, Throttled: r.throttled.Load(),
		Repeated: r.repeated.Load(), Reasons: reasons, Twice: r.twice.Faults, Duplicates: r.twice.Count, Good: sums.Good, Bad: sums.Bad, Elapsed: time.Since(start),
	}, nil
}

// SumsOf are the sums of a job as its ledger has them. Of what was being sent nobody knows whether it arrived.
func SumsOf(s ledger.Sums) Sums {
	return Sums{Rows: s.Rows, Done: s.Done, Rejected: s.Rejected, Unknown: s.Sending + s.Unknown, Skipped: s.Skipped, Left: s.Staged}
}

// An InputError is a source with rows that cannot be sent. Nothing was sent.
type InputError struct {
	Faults []*table.Fault // the first of them
	Count  int64          // of all
}

// Error names the first fault, never what stands in its cell.
func (e *InputError) Error() string {
	if e.Count == 1 {
		return "bulk: nothing was sent: " + e.Faults[0].Error()
	}
	return fmt.Sprintf("bulk: nothing was sent: %d rows cannot be; the first: %v", e.Count, e.Faults[0])
}

// A ChangedError is a source that is not what it was when the job began. Nothing was sent. Give the rows a file of
// another name to add them to the job.
type ChangedError struct {
	Name                 string
	Added, Gone, Changed int64 // rows
	Line                 int64 // the first of them
}

// Error is one line: what changed, and what to do.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("bulk: %s has changed since the job began, from line %d on: %d rows are new, %d are gone, %d are others; nothing was sent. "+
		"Give it its old content back, or another name to make it a further input of the job", e.Name, e.Line, e.Added, e.Gone, e.Changed)
}

// An OtherJobError is a ledger that belongs to another job. Nothing was sent.
type OtherJobError struct{ What, Was, Is string }

// Error is one line: what differs, and what to do.
func (e *OtherJobError) Error() string {
	if e.Was == "" && e.Is == "" {
		return fmt.Sprintf("bulk: the ledger was made with another %s, so its request numbers cannot be made again; go on with the old one, or begin another job", e.What)
	}
	return fmt.Sprintf("bulk: the ledger is that of another job: %s is %q there and %q here; nothing was sent. Give this job another name", e.What, e.Was, e.Is)
}
