// Package pace is how fast a job may go: a rate that gives way when it is asked to, and times of day.
package pace

import (
	"context"
	"sync"
	"time"
)

// Look is the pause until the next look at something that takes as long as it takes: a quarter of its age, within bounds.
func Look(age, least, most time.Duration) time.Duration { return max(least, min(age/4, most)) }

// A Limiter spaces calls evenly, so that there are never more of them in any second than its rate. Asked to slow down
// it halves its rate and creeps back, never above where it began. It goes by the monotonic clock alone.
type Limiter struct {
	turn chan struct{} // of the one who waits for next; the others wait for their turn, in order
	mu   sync.Mutex
	speed
	next time.Time // when the next call may leave
	left time.Time // when the last one did
}

// A speed is a rate that gives way.
type speed struct {
	Ceiling float64   `json:"ceiling"` // calls a second; 0: no limit
	Rate    float64   `json:"rate"`    // as it is now
	Since   time.Time `json:"since"`   // that rate is
	Halved  time.Time `json:"halved"`
}

const (
	margin   = 1.01                 // calls are spaced 1 % wider than the rate needs
	late     = 9 * time.Millisecond // how much of a late timer is made up for; with margin no second gets one call too many
	recovery = 0.1                  // of the ceiling that comes back within a minute
	lowest   = 0.02                 // of the ceiling
	lull     = time.Second          // in which answers that ask to slow down are one
)

// New returns a limiter of so many calls a second; 0: no limit, until it is asked to slow down.
func New(rate float64) *Limiter {
	rate = max(rate, 0)
	return &Limiter{turn: make(chan struct{}, 1), speed: speed{Ceiling: rate, Rate: rate, Since: time.Now()}}
}

// unlimited is the rate from which a limiter without one slows down.
const unlimited = 100

// Wait waits until the next call may leave. Who waits heeds what is asked meanwhile.
func (l *Limiter) Wait(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for ctx.Err() == nil {
		d := l.take(time.Now())
		if d <= 0 {
			return nil
		}
		_ = Sleep(ctx, d)
	}
	return ctx.Err()
}

// Sleep waits for so long, or until ctx ends: then the error is that of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
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

// take lets a call leave, or returns how long it has to wait.
func (l *Limiter) take(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.creep(now)
	if wait := l.next.Sub(now); wait > 0 {
		return wait
	}
	l.left = now
	if l.speed.Rate > 0 {
		if first := now.Add(-late); l.next.Before(first) {
			l.next = first
		}
		l.next = l.next.Add(time.Duration(min(margin/l.speed.Rate, longest.Seconds()) * float64(time.Second)))
	}
	return 0
}

// longest is how far calls are apart at most.
const longest = 365 * 24 * time.Hour

// creep lets the rate come back. While calls are held back nothing is learned, so it stays as it is.
func (s *speed) creep(now time.Time) {
	if now.Before(s.Since) {
		return
	}
	top := s.top()
	if s.Rate > 0 && s.Rate < top {
		s.Rate = min(top, s.Rate+top*recovery*now.Sub(s.Since).Minutes())
	}
	if s.Ceiling == 0 && s.Rate >= unlimited {
		s.Rate = 0
	}
	s.Since = now
}

// top is the rate that it comes back to.
func (s *speed) top() float64 {
	if s.Ceiling == 0 {
		return unlimited
	}
	return s.Ceiling
}

func (s *speed) halve(now time.Time) {
	s.Halved = now
	if s.Rate == 0 {
		s.Rate = unlimited
	}
	s.Rate = max(s.Rate/2, s.top()*lowest)
}

// Throttled halves the rate, once for all answers of about a second and for those to calls that left before it was
// halved, as far as none has left since; and it holds calls back for as long as the platform asks to wait.
func (l *Limiter) Throttled(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.creep(now)
	if hold := now.Add(after); l.next.Before(hold) {
		l.next = hold
	}
	if l.Since.Before(l.next) && after > 0 {
		l.Since = l.next
	}
	if !l.Halved.IsZero() && (now.Sub(l.Halved) < lull || !l.left.After(l.Halved)) {
		return
	}
	l.halve(now)
}

// Rate is how many calls a second are allowed now; 0: no limit.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.creep(time.Now())
	return l.speed.Rate
}
