package bulk

import (
	"context"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

const (
	observeEvery = time.Second
	tickEvery    = 10 * time.Second
	lately       = 30 * time.Second // over which the rate is taken
)

// report tells Observe how the run stands, and the ledger if there is one, until the function it returns is called.
func (r *run) report(ctx context.Context, remembered bool) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	r.observe()
	go func() {
		defer close(ended)
		every := time.NewTicker(observeEvery)
		defer every.Stop()
		last, seen := time.Now(), ticks{run: r}
		for {
			select {
			case now := <-every.C:
				r.observe()
				if remembered && now.Sub(last) >= tickEvery {
					last = now
					seen.add(r.tick(now))
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		if remembered {
			r.over()
			_ = r.ledger.Tick(r.tick(time.Now()))
		}
	}
}

// over tells that the run has ended.
func (r *run) over() {
	r.phase(PhaseEnded)
	r.observe()
}

// observe tells how the run stands.
func (r *run) observe() {
	p := r.progress(time.Now())
	if r.Observe != nil {
		r.Observe(p)
	}
}

func (r *run) phase(p Phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown.Phase, r.shown.Until = p, time.Time{}
}

func (r *run) progress(now time.Time) Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.shown
	p.Err = r.health.last
	p.Sums, p.Throttled, p.Repeated, p.Checked = r.sums, r.throttled.Load(), r.repeated.Load(), r.checked.Load()
	r.finished = append(r.finished, finish{now, p.Rows - p.Left - p.Unknown})
	for len(r.finished) > 2 && now.Sub(r.finished[1].at) >= lately {
		r.finished = r.finished[1:]
	}
	first := r.finished[0]
	if span := now.Sub(first.at).Seconds(); span > 0 && p.Phase == PhaseSending {
		p.Rate = float64(p.Rows-p.Left-p.Unknown-first.rows) / span
	}
	if p.Rate > 0 {
		p.ETA = time.Duration(float64(p.Left) / p.Rate * float64(time.Second)).Round(time.Second)
	}
	for i, step := range r.about.Steps {
		if l := r.limiters[step.Route]; l != nil && (step.Name == p.Step || p.Step == "" && i == 0) {
			p.Ceiling = l.Rate()
		}
	}
	return p
}

// tick is how the run stands.
func (r *run) tick(now time.Time) ledger.Tick {
	p := r.progress(now)
	return ledger.Tick{At: now, Done: p.Done, Rejected: p.Rejected, Unknown: p.Unknown, Throttled: p.Throttled, Ceiling: p.Ceiling}
}

// ticks lets the ledger remember how the run stood; of a wait, which may last for days, when it began and when it ended.
// One that is lost is a gap in a picture.
type ticks struct {
	run        *run
	last, idle ledger.Tick
}

func (s *ticks) add(t ledger.Tick) {
	last := s.last
	if last.At = t.At; t == last {
		s.idle = t
		return
	}
	if !s.idle.At.IsZero() {
		_ = s.run.ledger.Tick(s.idle)
	}
	_ = s.run.ledger.Tick(t)
	s.last, s.idle = t, ledger.Tick{}
}
