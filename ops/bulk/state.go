package bulk

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// A state is what a run knows beside the ledger. All of it may be lost.
type state struct {
	job    *Job
	about  *About
	before Sums // when the run began

	mu       sync.Mutex
	sums     Sums
	worked   bool             // some row was done by this process
	asked    map[int64]int    // by item: how often its unknown outcome was asked for in this run
	limiters map[string]Pacer // by route
	begun    map[int]*daily   // by step
	health   health
	lead     atomic.Int64 // how long it takes to write a call down
	shown    Progress
	finished []finish // of late
}

// A reason is why a run has to stop: the first one that is found.
type reason struct {
	once  sync.Once
	found atomic.Pointer[StopError]
}

func (r *reason) because(e *StopError) { r.once.Do(func() { r.found.Store(e) }) }

func (r *reason) err() error {
	if e := r.found.Load(); e != nil {
		return e
	}
	return nil
}

// A daybook is a ledger that counts what was begun on a day. One that workers share is asked by Chunk.Admit.
type daybook interface {
	Today(step int, now time.Time) (int64, error)
}

// A daily counts what a step began on a day of Beijing.
type daily struct {
	day   string
	count int64
}

// A finish is how many rows had ended at a time.
type finish struct {
	at   time.Time
	rows int64
}

func newState(job *Job, about *About) *state {
	return &state{job: job, about: about, asked: map[int64]int{}, limiters: map[string]Pacer{}, begun: map[int]*daily{}}
}

// pace is the limiter of a route. One that is no step's has a step's rate.
func (r *run) pace(route string, step int) Pacer {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limiters[route]
	if l == nil || r.chunk != nil {
		rate := r.about.Steps[step].Rate
		for _, st := range r.about.Steps {
			if st.Route == route {
				rate = st.Rate
			}
		}
		if r.Rate != 0 {
			rate = max(r.Rate, 0)
		}
		if r.chunk != nil {
			l = r.chunk.Pacer(route, rate)
		} else {
			l = alone{pace.New(rate)}
		}
		r.limiters[route] = l
	}
	return l
}

// alone paces a job of one process: what may leave may leave at once.
type alone struct{ *pace.Limiter }

func (l alone) Wait(ctx context.Context, _ time.Duration) (time.Time, error) {
	return time.Time{}, l.Limiter.Wait(ctx)
}

// mostLead bounds how long before its moment a call is written down.
const mostLead = 150 * time.Millisecond

// leads learns how long it takes to write a call down: longer at once, shorter by and by.
func (s *state) leads(took time.Duration) {
	was := time.Duration(s.lead.Load())
	s.lead.Store(int64(min(max(took, was-was/32), mostLead)))
}

// may waits until the next item may be begun, or says why none may. Its first call may leave at a moment that is near.
func (r *run) may(ctx context.Context, step int) (at time.Time, err error) {
	for turn := false; ; {
		if err := r.stop.err(); err != nil {
			return at, err
		}
		if ctx.Err() != nil {
			return at, r.ended(ctx, ctx.Err())
		}
		now := time.Now()
		if r.chunk != nil && pace.Since(r.chunk.Until) >= 0 {
			return at, errSlice
		}
		if !r.Until.IsZero() && !now.Before(r.Until) {
			return at, stopped(WhyLimit, hintUntil, nil)
		}
		until := r.closed(now)
		if until.IsZero() && !turn {
			if at, err = r.turn(ctx, step); err != nil {
				return at, r.ended(ctx, err)
			}
			turn = true
			continue // that may have taken an hour
		}
		if until.IsZero() {
			if until, err = r.full(step, now); err != nil || until.IsZero() {
				return at, err
			}
		}
		if err := r.wait(ctx, until); err != nil {
			return at, err
		}
		r.phase(PhaseSending)
	}
}

// turn waits until the pace has a place for a step.
func (r *run) turn(ctx context.Context, step int) (at time.Time, err error) {
	begun := time.Now()
	defer func() { r.waited(time.Since(begun)) }()
	whole := ctx
	if r.chunk != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.chunk.Until)
		defer cancel()
	}
	pause := r.pause()
	if r.chunk != nil {
		pause = min(pause, shortPause) // a turn is short, and has to learn that things go well again
	}
	if err = pace.Sleep(ctx, pause); err == nil {
		at, err = r.pace(r.about.Steps[step].Route, step).Wait(ctx, time.Duration(r.lead.Load()))
	}
	if err != nil && whole.Err() == nil && ctx.Err() != nil {
		err = errSlice
	}
	return at, err
}

// closed is when the window opens; zero: it is open.
func (r *run) closed(now time.Time) time.Time {
	if r.chunk != nil { // by the clock of who began it
		until, _ := r.chunk.Terms.Closed(now)
		return until
	}
	if r.Window.Open(now) {
		return time.Time{}
	}
	return r.Window.Next(now)
}

// full counts one more item of a step that is limited by day. It returns when the next day begins, if none is left.
func (r *run) full(step int, now time.Time) (time.Time, error) {
	most := r.about.Steps[step].Daily
	if most == 0 {
		return time.Time{}, nil
	}
	today := now.In(value.Beijing).Format(time.DateOnly)
	y, m, day := now.In(value.Beijing).Date()
	tomorrow := time.Date(y, m, day+1, 0, 0, 0, 0, value.Beijing)
	if r.chunk != nil { // all workers share the day
		switch ok, err := r.chunk.Admit(r.about.Steps[step].Route, today, most); {
		case err != nil:
			return time.Time{}, stopped(WhyLedger, hintLedger, err)
		case !ok:
			r.notYet.Store(&tomorrow)
			return tomorrow, nil
		}
		return time.Time{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.begun[step]
	if d == nil || d.day != today {
		count, err := r.ledger.(daybook).Today(step, now)
		if err != nil {
			return time.Time{}, stopped(WhyLedger, hintLedger, err)
		}
		d = &daily{today, count}
		r.begun[step] = d
	}
	if d.count >= int64(most) {
		return tomorrow, nil
	}
	d.count++
	return time.Time{}, nil
}

// wait waits until a time of the wall clock, which may be set meanwhile.
func (r *run) wait(ctx context.Context, until time.Time) error {
	if !r.Until.IsZero() && until.After(r.Until) {
		return stopped(WhyLimit, hintUntil, nil)
	}
	if r.chunk != nil && until.After(r.chunk.Until) {
		return errSlice
	}
	r.waited(time.Until(until))
	r.mu.Lock()
	r.shown.Phase, r.shown.Until = PhaseWaiting, until
	r.mu.Unlock()
	for left := time.Until(until.Round(0)); left > 0; left = time.Until(until.Round(0)) {
		if err := pace.Sleep(ctx, min(left, time.Minute)); err != nil {
			return r.ended(ctx, err)
		}
	}
	return nil
}

// A health is what the results of late say of the platform and of the way to it, since a call last had a result of its
// own.
type health struct {
	since    time.Time          // of the first failure
	failures int                // how many
	same     map[int64]struct{} // items that failed alike
	code     string
	last     error
}

const (
	sameFailures = 20
	fewFailures  = 3 // of a kind that has to do with keys or permissions
	longestPause = 30 * time.Second
	shortPause   = 2 * time.Second // of one chunk of many
)

// waited forgets what went wrong before a wait that the job meant to make: it says nothing of the network behind it.
func (r *run) waited(d time.Duration) {
	if d > r.Patience {
		r.mu.Lock()
		r.health.since = time.Time{}
		r.mu.Unlock()
	}
}

// pause is how long to wait before the next item, while nothing succeeds.
func (s *state) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.health.failures - s.job.Concurrency
	if n < 0 {
		return 0
	}
	return min(100*time.Millisecond<<min(n, 10), longestPause)
}

// notice looks at what a result says beyond its row.
func (r *run) notice(id int64, result *Result, ex *wxpay.Exchange) {
	err := result.Err
	if errors.Is(err, ErrLost) || errors.Is(err, ErrAway) { // that says nothing of the platform
		return
	}
	why, refused := ends(err)
	kind := alike(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &r.health
	switch after, slow := tooFast(err, ex); {
	case refused && kind == "":
		h.last = err
		r.stop.because(why)
		return
	case slow:
		r.throttled.Add(1)
		result.At = time.Now().Add(max(after, time.Second))
		if l := r.limiters[ex.Route]; l != nil {
			l.Throttled(after)
		}
	case err == nil || result.State == Rejected || result.State == Done:
		*h = health{}
		return
	default:
		h.failures++
		if kind == "" || kind != h.code {
			h.code, h.same = kind, map[int64]struct{}{}
		}
		h.same[id] = struct{}{}
	}
	if h.last = err; h.since.IsZero() {
		h.since = time.Now()
	}
	most := sameFailures
	switch {
	case !refused:
		why = stopped(WhyPlatform, hintPlatform, err)
	case kind == noAuth:
		result.At = ledger.Never // others may be permitted: rows name sub-merchants
		r.putOff.CompareAndSwap(nil, why)
	}
	if refused && (kind != noAuth || !r.worked && r.sums.Done == 0) {
		most = fewFailures
	}
	switch {
	case kind != "" && len(h.same) >= most:
		r.stop.because(why)
	case time.Since(h.since) > r.Patience:
		r.stop.because(stopped(WhyNetwork, hintNetwork, err))
	}
}

// Failures that end a run when a few different rows in a row have them.
const (
	noAuth        = "no permission"
	forged        = "forged"
	unknownSerial = "unknown serial"
)

// alike names a failure that comes again and again where a key, a number or a permission of the merchant is wrong;
// empty: another failure.
func alike(err error) string {
	e, refused := errors.AsType[*wxpay.Error](err)
	switch {
	case refused && e.StatusCode == http.StatusInternalServerError:
		return "500 " + string(e.Code)
	case refused && e.Code == wxpay.CodeNoAuth && e.StatusCode != http.StatusUnauthorized:
		return noAuth
	case errors.Is(err, wxpay.ErrSignatureProbe):
	case errors.Is(err, auth.ErrForged):
		return forged
	case errors.Is(err, auth.ErrUnknownSerial):
		return unknownSerial
	}
	return ""
}

// tooFast reports whether the platform asks to slow down, and for how long.
func tooFast(err error, ex *wxpay.Exchange) (after time.Duration, slow bool) {
	e, ok := errors.AsType[*wxpay.Error](err)
	if !ok || e.StatusCode != http.StatusTooManyRequests && !saysTooFast(e.Message) {
		return 0, false
	}
	ex.Route = cmp.Or(ex.Route, e.Route) // of a call that is not to WeChat Pay only the error tells
	seconds, _ := time.ParseDuration(strings.TrimSpace(ex.Header.Get("Retry-After")) + "s")
	return min(max(seconds, 0), time.Hour), true
}

// saysTooFast reports whether the text of a refusal is that of a throttled call: some come with 400 INVALID_REQUEST.
func saysTooFast(message string) bool {
	for _, words := range []string{"频率过高", "频率超限", "频率限制", "过于频繁"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// later is when a step that was not taken is tried again.
func (r *run) later(result Result) time.Time {
	if result.At.IsZero() {
		return time.Now().Add(time.Second)
	}
	return result.At
}

// count moves the rows of an item from one sum to another.
func (r *run) count(item ledger.Item, o ledger.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := State(o.State); s == Done || s == Rejected {
		r.ends.Add(item.Rows)
		r.worked = r.worked || s == Done
	}
	if r.chunk == nil { // of a job that workers share the store counts the rows
		*r.sums.of(item.State) -= item.Rows
		*r.sums.of(o.State) += item.Rows
	}
	r.shown.Step = r.about.Steps[item.Step].Name
	if o.State != ledger.Unknown {
		delete(r.asked, item.ID)
	}
}

func (s *Sums) of(state ledger.State) *int64 {
	switch State(state) {
	case Done:
		return &s.Done
	case Rejected:
		return &s.Rejected
	case Sending, Unknown:
		return &s.Unknown
	case Skipped:
		return &s.Skipped
	}
	return &s.Left
}

// recount takes the sums from the ledger.
func (r *run) recount() error {
	sums, err := r.ledger.Sums()
	if err != nil {
		return stopped(WhyLedger, hintLedger, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums = SumsOf(sums)
	return nil
}
