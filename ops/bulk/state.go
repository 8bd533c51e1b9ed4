package bulk

import (
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

	throttled, repeated, checked atomic.Int64

	mu       sync.Mutex
	sums     Sums
	asked    map[int64]int            // by item: how often its unknown outcome was asked for in this run
	limiters map[string]*pace.Limiter // by route
	begun    map[int]*daily           // by step
	health   health
	shown    Progress
	finished []finish // of late
	stop     reason
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
	return &state{job: job, about: about, asked: map[int64]int{}, limiters: map[string]*pace.Limiter{},
		begun: map[int]*daily{}, health: health{good: time.Now()}}
}

// pace is the limiter of a route. One that is no step's has a step's rate.
func (s *state) pace(route string, step int) *pace.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limiters[route]
	if l == nil {
		rate := s.about.Steps[step].Rate
		for _, st := range s.about.Steps {
			if st.Route == route {
				rate = st.Rate
			}
		}
		if s.job.Rate != 0 {
			rate = max(s.job.Rate, 0)
		}
		l = pace.New(rate)
		s.limiters[route] = l
	}
	return l
}

// may waits until the next item may be begun, or says why none may.
func (r *run) may(ctx context.Context, step int) error {
	for {
		if err := r.state.stop.err(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return r.ended(ctx, ctx.Err())
		}
		now := time.Now()
		if !r.Until.IsZero() && !now.Before(r.Until) {
			return stopped(WhyLimit, hintUntil, nil)
		}
		until := r.closed(now)
		if full, err := r.full(step, now); err != nil {
			return err
		} else if full.After(until) {
			until = full
		}
		if until.IsZero() {
			break
		}
		if err := r.wait(ctx, until); err != nil {
			return err
		}
		r.phase(PhaseSending)
	}
	if err := sleep(ctx, r.pause()); err != nil {
		return r.ended(ctx, err)
	}
	if err := r.pace(r.about.Steps[step].Route, step).Wait(ctx); err != nil {
		return r.ended(ctx, err)
	}
	return r.state.stop.err()
}

// closed is when the window opens; zero: it is open.
func (r *run) closed(now time.Time) time.Time {
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
	r.mu.Lock()
	defer r.mu.Unlock()
	today := now.In(value.Beijing).Format(time.DateOnly)
	d := r.begun[step]
	if d == nil || d.day != today {
		count, err := r.ledger.Today(step, now)
		if err != nil {
			return time.Time{}, stopped(WhyLedger, hintLedger, err)
		}
		d = &daily{today, count}
		r.begun[step] = d
	}
	if d.count >= int64(most) {
		y, m, day := now.In(value.Beijing).Date()
		return time.Date(y, m, day+1, 0, 0, 0, 0, value.Beijing), nil
	}
	d.count++
	return time.Time{}, nil
}

// wait waits until a time of the wall clock, which may be set meanwhile.
func (r *run) wait(ctx context.Context, until time.Time) error {
	if !r.Until.IsZero() && until.After(r.Until) {
		return stopped(WhyLimit, hintUntil, nil)
	}
	r.mu.Lock()
	r.shown.Phase, r.shown.Until = PhaseWaiting, until
	r.mu.Unlock()
	for left := time.Until(until.Round(0)); left > 0; left = time.Until(until.Round(0)) {
		if err := sleep(ctx, min(left, time.Minute)); err != nil {
			return r.ended(ctx, err)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A health is what the results of late say of the platform and of the way to it.
type health struct {
	good     time.Time          // when a call last had a result of its own
	failures int                // since then
	same     map[int64]struct{} // items that failed alike since then
	code     string
}

const (
	sameFailures = 20
	longestPause = 30 * time.Second
)

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
	why, refused := stop(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &r.health
	switch after, slow := tooFast(err, ex); {
	case refused:
		r.state.stop.because(why)
		return
	case slow:
		r.throttled.Add(1)
		result.At = time.Now().Add(max(after, time.Second))
		if l := r.limiters[ex.Route]; l != nil {
			l.Throttled(after)
		}
	case err == nil || result.State == Rejected || result.State == Done:
		h.good, h.failures, h.code = time.Now(), 0, ""
		clear(h.same)
		return
	default:
		h.failures++
		if code := alike(err); code == "" || code != h.code {
			h.code, h.same = code, map[int64]struct{}{}
		}
		h.same[id] = struct{}{}
	}
	switch {
	case h.code != "" && len(h.same) >= sameFailures:
		r.state.stop.because(stopped(WhyPlatform, hintPlatform, err))
	case time.Since(h.good) > r.Patience:
		r.state.stop.because(stopped(WhyNetwork, hintNetwork, err))
	}
}

// alike names a failure that comes again and again where a key or a number of the merchant is wrong; empty: another
// failure.
func alike(err error) string {
	e, refused := errors.AsType[*wxpay.Error](err)
	switch {
	case refused && e.StatusCode == http.StatusInternalServerError:
		return "500 " + string(e.Code)
	case errors.Is(err, wxpay.ErrSignatureProbe):
	case errors.Is(err, auth.ErrForged):
		return "forged"
	case errors.Is(err, auth.ErrUnknownSerial):
		return "unknown serial"
	}
	return ""
}

// A ThrottledError is for operations that do not speak to WeChat Pay: the platform asks to slow down.
type ThrottledError struct {
	Route string
	After time.Duration // what it asks to wait; 0: it does not say
	Err   error
}

func (e *ThrottledError) Error() string { return "bulk: too fast: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ThrottledError) Unwrap() error { return e.Err }

// tooFast reports whether the platform asks to slow down, and for how long.
func tooFast(err error, ex *wxpay.Exchange) (after time.Duration, slow bool) {
	if e, ok := errors.AsType[*ThrottledError](err); ok {
		ex.Route = e.Route
		return e.After, true
	}
	e, ok := errors.AsType[*wxpay.Error](err)
	if !ok || e.StatusCode != http.StatusTooManyRequests && !saysTooFast(e.Message) {
		return 0, false
	}
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
	*r.sums.of(item.State) -= item.Rows
	*r.sums.of(o.State) += item.Rows
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

func (r *run) left() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sums.Left
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
