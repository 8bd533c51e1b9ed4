package pace

import "time"

// Permits are a rate that workers on many machines share. Each takes a few at a time; every one is for a moment of its
// own, and void soon after it. They go by one clock, that of whoever keeps them. Permits are a value, to be kept as JSON.
type Permits struct {
	speed
	Next  time.Time     `json:"next"`  // the moment of the next permit
	Given int64         `json:"given"` // so far
	Held  time.Time     `json:"held"`  // no permit is for a moment before
	Last  time.Duration `json:"last"`  // how far apart the last ones were
}

const (
	// Ahead is how far into the future permits are given: what a worker that died took with it is no more.
	Ahead = time.Second
	// Late is how long after its moment a permit may be used. Permits are spaced 2 % wider than the rate needs, so that no
	// second gets one too many for that: of any rate, one more than fit into a second span 1.02 s.
	Late        = 15 * time.Millisecond
	sharedSpace = 1.02
	sharedLull  = lull + Ahead // in which answers that ask to slow down are one: calls that leave meanwhile had their permits
)

// NewPermits are those of a rate, in calls a second; 0: no limit, until they are asked to slow down.
func NewPermits(rate float64, now time.Time) Permits {
	rate = spaced(rate)
	return Permits{speed: speed{Ceiling: rate, Rate: rate, Since: now}}
}

// spaced is a rate as permits can be spaced; one of more than a permit each nanosecond is no limit.
func spaced(rate float64) float64 {
	if rate > 1e9 {
		return 0
	}
	return max(rate, 0)
}

// Lease takes up to n permits: the first is for the moment first, each other one every later. If none is given, first is
// when to ask again. Without a limit every is 0, and they are good for as long as [Ahead].
func (p *Permits) Lease(now time.Time, n int) (first time.Time, every time.Duration, given int) {
	p.creep(now)
	n = max(n, 0)
	p.behind(now)
	if first = now; first.Before(p.Next) {
		first = p.Next
	}
	if until := now.Add(Ahead); first.After(until) {
		return first.Add(-Ahead), 0, 0
	}
	if p.speed.Rate == 0 {
		return first, 0, n
	}
	every = time.Duration(min(sharedSpace/p.speed.Rate, longest.Seconds()) * float64(time.Second))
	given = min(n, 1+int(now.Add(Ahead).Sub(first)/max(every, 1)))
	p.Next = first.Add(every * time.Duration(given))
	p.Given += int64(given)
	p.Last = every
	return first, every, given
}

// behind forgets permits that a clock gave which was ahead of this one, such as that of a server before a fail-over.
func (p *Permits) behind(now time.Time) {
	most := now.Add(2*Ahead + p.Last) // whoever prepares a call asks a little ahead of time
	if p.Next.After(most) && !p.Held.After(now) {
		p.Next = most
	}
}

// Throttled halves the rate, once for all answers of about two seconds, and gives no permit for as long as the platform asks
// to wait.
func (p *Permits) Throttled(now time.Time, after time.Duration) {
	p.creep(now)
	if hold := now.Add(after); p.Next.Before(hold) {
		p.Next, p.Held = hold, hold
	}
	if p.Since.Before(p.Next) && after > 0 {
		p.Since = p.Next
	}
	if p.Halved.IsZero() || now.Sub(p.Halved) >= sharedLull {
		p.halve(now)
	}
}

// Limit makes another rate the one that it comes back to.
func (p *Permits) Limit(rate float64, now time.Time) {
	p.creep(now)
	if rate = spaced(rate); rate == p.Ceiling {
		return
	}
	was := p.speed
	p.speed = speed{Ceiling: rate, Rate: rate, Since: now, Halved: p.Halved}
	if slowed := was.Rate > 0 && was.Rate < was.top(); slowed && (rate == 0 || was.Rate < rate) {
		p.speed.Rate = was.Rate // what it was asked to is not forgotten
	}
}

// Since is how long ago a time was, by the clock that says more: the monotonic one stands still while a machine sleeps.
func Since(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
