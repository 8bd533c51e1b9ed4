// Package pace is how fast a job may go: a rate that gives way when it is asked to, and times of day.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Limiter spaces calls evenly, so that there are never more of them in any second than its rate. Asked to slow down
// it halves its rate and creeps back, never above where it began. It goes by the monotonic clock alone.
type Limiter struct {
	mu      sync.Mutex
	ceiling float64 // calls a second; 0: no limit
	rate    float64
	since   time.Time // that rate is
	next    time.Time // when the next call may leave
	halved  time.Time
}

const (
	margin   = 1.01        // by which calls are further apart than they would have to be, for jitter on the way
	recovery = 0.1         // of the ceiling that comes back within a minute
	lowest   = 0.02        // of the ceiling
	lull     = time.Second // in which answers that ask to slow down are one
)

// New returns a limiter of so many calls a second; 0: no limit, until it is asked to slow down.
func New(rate float64) *Limiter { return &Limiter{ceiling: rate, rate: rate, since: time.Now()} }

// unlimited is the rate from which a limiter without one slows down.
const unlimited = 100

// Wait waits until the next call may leave.
func (l *Limiter) Wait(ctx context.Context) error {
	d := l.reserve(time.Now())
	if d <= 0 {
		return ctx.Err()
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

func (l *Limiter) reserve(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.creep(now)
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	if l.rate > 0 {
		l.next = l.next.Add(time.Duration(margin / l.rate * float64(time.Second)))
	}
	return wait
}

// creep lets the rate come back.
func (l *Limiter) creep(now time.Time) {
	top := l.ceiling
	if top == 0 {
		top = unlimited
	}
	if l.rate > 0 && l.rate < top {
		l.rate = min(top, l.rate+top*recovery*now.Sub(l.since).Minutes())
	}
	if l.ceiling == 0 && l.rate >= unlimited {
		l.rate = 0
	}
	l.since = now
}

// Throttled halves the rate, once for all answers of about a second, and holds calls back for as long as the platform
// asks to wait.
func (l *Limiter) Throttled(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.creep(now)
	if hold := now.Add(after); l.next.Before(hold) {
		l.next = hold
	}
	if !l.halved.IsZero() && now.Sub(l.halved) < lull {
		return
	}
	l.halved = now
	top := l.ceiling
	if top == 0 {
		top = unlimited
	}
	if l.rate == 0 {
		l.rate = unlimited
	}
	l.rate = max(l.rate/2, top*lowest)
}

// Rate is how many calls a second are allowed now; 0: no limit.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.creep(time.Now())
	return l.rate
}
