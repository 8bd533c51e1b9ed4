package bulk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

const (
	dueAtOnce  = 1000             // items asked of the ledger at a time
	grace      = 10 * time.Second // for what is in flight when a run is stopped
	passAtMost = 10 * time.Minute // then the other kind of pass has its turn, so that neither waits for all rows of the other
)

// settles are the pauses before an item of unknown outcome is asked for again within a run.
var settles = [...]time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}

// sendAll goes through the source until nothing of it is due, and waits for what will be. The ledger knows what is due
// and the source what it holds, so both are read along each other. What was begun, and is due once more, has a pass of
// its own before each one for all rows: new rows may be there for days.
func (r *run) sendAll(ctx context.Context) error {
	_, timed := r.Operation.(Timed)
	last := time.Now().Add(time.Second)                           // when all that can be done at once was begun
	if err := r.ledger.Wake(r.file.ID, timed, last); err != nil { // what a run before left open is asked for at once
		return stopped(WhyLedger, hintLedger, err)
	}
	line, err := r.lastLine()
	if err != nil {
		return err
	}
	if err := r.ways(ctx, line); err != nil {
		return err
	}
	return r.leaves()
}

// ways takes what is due, up to a line, until nothing will be any more.
func (r *run) ways(ctx context.Context, line int64) error {
	begun, all := pass{of: r.ledger.Begun}, pass{of: r.ledger.Due}
	for {
		for _, p := range []*pass{&begun, &all} {
			if err := r.pass(ctx, p, line); err != nil {
				return err
			}
		}
		due, any, err := r.ledger.NextDue(r.file.ID, line, r.Steps)
		if err != nil {
			return stopped(WhyLedger, hintLedger, err)
		}
		if !any {
			return nil
		}
		if err := r.wait(ctx, due); err != nil {
			return err
		}
	}
}

// leaves says why this run leaves rows of its source as they are; nil if it does not.
func (r *run) leaves() error {
	if why := r.putOff.Load(); why != nil {
		return why
	}
	_, any, err := r.ledger.NextDue(r.file.ID, math.MaxInt64, len(r.about.Steps))
	switch {
	case err != nil:
		return stopped(WhyLedger, hintLedger, err)
	case any && r.Steps < len(r.about.Steps):
		return stopped(WhyLimit, hintSteps, nil)
	case any:
		return stopped(WhyLimit, hintLimit, nil)
	}
	return nil
}

// lastLine is that of the last row which Limit leaves to this run.
func (r *run) lastLine() (int64, error) {
	last, rows := int64(math.MaxInt64), int64(0)
	if r.Limit <= 0 {
		return last, nil
	}
	for item, err := range r.due(&pass{of: r.ledger.Due}, time.Unix(math.MaxInt32, 0), last) {
		if err != nil {
			return 0, err
		}
		if rows += item.Rows; rows >= r.Limit {
			return item.Line, nil
		}
	}
	return last, nil
}

// A pass is a way through the items that are due. One that took too long goes on behind its last line the next time.
type pass struct {
	of   func(file int64, now time.Time, after int64, steps, limit int) ([]ledger.Item, error)
	from int64
}

// due are the items of a pass that are due, by line.
func (r *run) due(p *pass, now time.Time, last int64) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		for after := p.from; ; {
			items, err := p.of(r.file.ID, now, after, r.Steps, dueAtOnce)
			if err != nil {
				yield(ledger.Item{}, stopped(WhyLedger, hintLedger, err))
				return
			}
			for _, item := range items {
				if item.Line > last || !yield(item, nil) {
					return
				}
				after = item.Line
			}
			if len(items) < dueAtOnce {
				return
			}
		}
	}
}

// pass takes what is due now. It ends when everything that it began has ended.
func (r *run) pass(ctx context.Context, p *pass, last int64) error {
	next, stop := iter.Pull2(r.due(p, time.Now(), last))
	defer stop()
	item, err, more := next()
	p.from = 0
	if err != nil || !more {
		return err
	}
	r.phase(PhaseSending)
	begun := time.Now()
	work := r.workers(ctx)
	defer work.wait()
	var rows []table.Row
	for row, err := range r.Source.Rows(ctx) {
		if err != nil {
			return r.broken(ctx, err)
		}
		if len(rows) == 0 && int64(row.Line) < item.Line {
			continue
		}
		if rows = append(rows, row); int64(len(rows)) < item.Rows {
			continue
		}
		if e, err := r.entry(rows); err != nil || e.Key != item.Key || e.Content != item.Content || e.Line != item.Line {
			break // not the row that was staged
		}
		if at := r.notBefore(item, rows); at.After(time.Now()) {
			work.put(item, at)
		} else if err := work.begin(ctx, item, rows); err != nil {
			return err
		}
		rows = nil
		if time.Since(begun) > passAtMost {
			p.from = item.Line
			return work.wait()
		}
		if item, err, more = next(); err != nil || !more {
			if ended := work.wait(); err == nil {
				err = ended
			}
			return err
		}
	}
	return r.broken(ctx, media.ErrChanged)
}

// broken is why the source, of which rows were sent, is not read on.
func (r *run) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return r.ended(ctx, ctx.Err())
	}
	if r.chunk != nil {
		return stopped(WhyInput, hintSealed, err)
	}
	return stopped(WhyInput, hintSource, err)
}

// A crew is the workers of a pass.
type crew struct {
	*run
	hard   context.Context // of calls; it outlives the run's own for a while
	cancel context.CancelFunc
	free   chan struct{}
	flying sync.WaitGroup
	undo   func() bool
}

func (r *run) workers(ctx context.Context) *crew {
	w := &crew{run: r, free: make(chan struct{}, r.Concurrency)}
	w.hard, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.undo = context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, w.cancel)
		context.AfterFunc(w.hard, func() { timer.Stop() })
	})
	return w
}

// wait waits until nothing is in flight, and returns why the run has to stop, if it has.
func (w *crew) wait() error {
	w.flying.Wait()
	w.undo()
	w.cancel()
	return w.stop.err()
}

// begin hands an item to a worker when one is free and the pace allows it.
func (w *crew) begin(ctx context.Context, item ledger.Item, rows []table.Row) error {
	select {
	case w.free <- struct{}{}:
	case <-ctx.Done():
		return w.ended(ctx, ctx.Err())
	}
	at, err := w.may(ctx, item.Step)
	if err != nil {
		<-w.free
		return err
	}
	w.flying.Go(func() {
		written := w.take(w.hard, item, rows, at)
		<-w.free
		written()
	})
	return nil
}

// notBefore is when a step is due by the settings of this run.
func (r *run) notBefore(item ledger.Item, rows []table.Row) (at time.Time) {
	if timed, ok := r.Operation.(Timed); ok && item.State == ledger.Staged && item.Step > 0 {
		at = timed.Due(r.told(item, rows))
	}
	return at
}

// put puts an item off.
func (w *crew) put(item ledger.Item, at time.Time) {
	ctx := context.WithoutCancel(w.hard)
	wait := w.ledger.EndLater(ctx, item.ID, ledger.Outcome{
		State: item.State, Step: item.Step, Due: at, Code: item.Code, RequestID: item.RequestID, Reason: item.Reason, ReasonChinese: item.ReasonChinese,
	})
	w.flying.Go(func() {
		if err := wait(ctx); err != nil {
			w.stop.because(unwritten(err))
		}
	})
}

// told is an item as the operation sees it.
func (r *run) told(item ledger.Item, rows []table.Row) Item {
	return Item{Number: spell(item.Key), Step: item.Step, Tries: item.Tries, Due: item.Due, Code: item.Code, Rows: rows}
}

// take takes the next step for an item, and has it written down how that ended. Another item may be begun before
// that is on disk: its own beginning is written behind it. The first call leaves at a moment, or at once if that is zero.
func (r *run) take(ctx context.Context, item ledger.Item, rows []table.Row, at time.Time) (written func()) {
	written = func() {}
	kept, err := r.keys.open(item.Key, item.Kept)
	if err != nil {
		r.stop.because(unwritten(err))
		return written
	}
	begun := item.State == ledger.Sending || item.State == ledger.Unknown
	if r.about.Unkept && !begun {
		if err := r.ledger.Begin(ctx, item.ID, nil); err != nil {
			r.stop.because(unwritten(err))
			return written
		}
	}
	if r.about.Unkept {
		if err := r.leave(ctx, item.Step, r.about.Steps[item.Step].Route, at); err != nil {
			if !errors.Is(err, ErrLost) {
				err = r.ended(ctx, err)
			}
			if e, ok := errors.AsType[*StopError](err); ok {
				r.stop.because(e)
			} else {
				r.stop.because(unwritten(err))
			}
			return written
		}
	}
	var ex wxpay.Exchange
	call := wxpay.WithAttempts(wxpay.WithExchange(wxpay.WithPrepared(ctx, r.keep(item, kept, at)), &ex), 1)
	told := r.told(item, rows)
	var result Result
	if begun {
		result = r.Operation.Settle(call, told, kept)
	} else {
		result = r.Operation.Send(call, told)
	}
	r.notice(item.ID, &result, &ex)
	result.RequestID = cmp.Or(result.RequestID, ex.RequestID)
	outcome := r.outcome(item, begun, result)
	ctx = context.WithoutCancel(ctx)
	wait := r.ledger.EndLater(ctx, item.ID, outcome)
	return func() {
		if err := wait(ctx); err != nil {
			r.stop.because(unwritten(err))
			return
		}
		r.count(item, outcome)
	}
}

// keep writes a call down before it leaves. A GET is not written down: it changes nothing. An item may make several calls;
// the first was paced by the pass, each later one waits here.
func (r *run) keep(item ledger.Item, kept wxpay.Prepared, first time.Time) func(context.Context, wxpay.Prepared) error {
	var waited atomic.Bool // the pass has waited for the first call
	return func(ctx context.Context, p wxpay.Prepared) (err error) {
		at := first
		if waited.Swap(true) {
			if at, err = r.pace(p.Route, item.Step).Wait(ctx, time.Duration(r.lead.Load())); err != nil {
				return err
			}
		}
		switch {
		case strings.HasPrefix(p.Route, "GET "):
		case kept.Route != "" && equal(p, kept):
			r.repeated.Add(1)
		default:
			begun := time.Now()
			locked, err := r.keys.lock(item.Key, p)
			if err == nil {
				err = r.ledger.Begin(ctx, item.ID, locked)
			}
			if err != nil {
				r.stop.because(unwritten(err))
				return err
			}
			r.leads(time.Since(begun))
		}
		if err := r.leave(ctx, item.Step, p.Route, at); err != nil {
			if errors.Is(err, ErrLost) {
				r.stop.because(unwritten(err))
			}
			return err
		}
		return nil
	}
}

// leave waits for the moment at which a call may leave, and looks whether its rows are still this worker's: it may have been
// asleep, and others have made the call since.
func (r *run) leave(ctx context.Context, step int, route string, at time.Time) error {
	if r.chunk == nil {
		return nil
	}
	if !at.IsZero() {
		if err := pace.Sleep(ctx, time.Until(at)); err != nil {
			return err
		}
		if pace.Since(at) >= pace.Late { // it took longer than ever
			if _, err := r.pace(route, step).Wait(ctx, 0); err != nil {
				return err
			}
		}
	}
	if !r.chunk.Mine() {
		return ErrLost
	}
	return nil
}

func equal(a, b wxpay.Prepared) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// outcome is what the ledger keeps of a result.
func (r *run) outcome(item ledger.Item, begun bool, result Result) ledger.Outcome {
	_, refusedHere := errors.AsType[*wxpay.ParamError](result.Err)
	if begun && (result.State == Staged && result.Err != nil || refusedHere) {
		result.State = Unknown // what was begun before is no better known for a call that failed
	}
	o := ledger.Outcome{
		State: ledger.State(result.State), Step: item.Step, Code: result.Code, RequestID: result.RequestID,
		Reason: result.Reason.English, ReasonChinese: result.Reason.Chinese, Good: result.Good, Bad: result.Bad,
	}
	switch {
	case result.State == Unknown: // what the step before gave is still needed
		o.Code, o.Due = cmp.Or(item.Code, o.Code), r.again(item.ID)
	case result.State == Staged && result.Err != nil:
		o.Code, o.Due = item.Code, r.later(result)
	case result.State == Staged:
		o.Step, o.Due = result.Next, result.At
	}
	return o
}

// again is when an item of unknown outcome is asked for the next time; at last not in this run.
func (r *run) again(id int64) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.asked[id]
	r.asked[id]++
	if n >= len(settles) {
		return ledger.Never
	}
	return time.Now().Add(settles[n])
}
