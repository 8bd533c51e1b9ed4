package main

import (
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// began is the time on the wall at which the simulation begins.
var began = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

const (
	mostAtOnce = pace.Ahead / 4       // as in bulk/postgres/permits.go
	trip       = 3 * time.Millisecond // to the database and back, at most
	tardy      = time.Millisecond     // of a timer, at most
)

// A route is the permits of a merchant as the database has them, and when its calls left.
type route struct {
	permits pace.Permits
	last    []time.Duration // calls of the last second
	most    int             // in any second
	leases  int64           // transactions
	lost    int64           // permits that were taken and not used
	calls   int64
}

func newRoute(rate float64) *route { return &route{permits: pace.NewPermits(rate, began)} }

func (r *route) called(now time.Duration) {
	r.calls++
	r.last = append(r.last, now)
	old, _ := slices.BinarySearch(r.last, now-time.Second+1)
	r.last = r.last[old:]
	r.most = max(r.most, len(r.last))
}

// A pacer is that of a worker for a route, as in bulk/postgres/permits.go.
type pacer struct {
	*route
	waiting []*chunk
	holder  *chunk // the one who waits for the next moment
	version int    // tells what the holder waits for from what another did
	permit  bool   // it has one
	next    time.Duration
	every   time.Duration
	left    int
	until   time.Duration
	used    int
	took    int
}

// pacing is what a chunk needs for calls of its own.
type pacing struct {
	inFlight int
	toBegin  int64
	waits    bool
}

func (w *world) beginExact(c *chunk) {
	c.pacing = pacing{toBegin: c.left}
	version := c.version
	w.after(slice, func() {
		if c.version != version || c.state != running {
			return
		}
		if p := w.pacer(c); c.waits {
			c.waits = false
			if p.holder == c {
				if p.permit {
					p.lost++
				}
				w.leave(p)
			} else {
				p.waiting = without(p.waiting, c)
			}
		}
		w.want(c)
	})
	w.want(c)
}

func (w *world) pacer(c *chunk) *pacer {
	p := c.worker.pacers[c.merchant]
	if p == nil {
		p = &pacer{route: c.route}
		c.worker.pacers[c.merchant] = p
	}
	return p
}

// want lets a chunk begin its next call.
func (w *world) want(c *chunk) {
	switch {
	case c.state != running || c.waits:
	case w.now >= c.until || c.toBegin == 0:
		if c.inFlight == 0 {
			w.end(c)
		}
	case c.inFlight < atOnce:
		c.waits = true
		p := w.pacer(c)
		p.waiting = append(p.waiting, c)
		w.turn(p)
	}
}

// turn makes the next one who waits the holder.
func (w *world) turn(p *pacer) {
	if p.holder != nil || len(p.waiting) == 0 {
		return
	}
	p.holder, p.waiting = p.waiting[0], p.waiting[1:]
	w.acquire(p)
}

// leave ends the turn of the holder.
func (w *world) leave(p *pacer) {
	p.holder, p.permit = nil, false
	p.version++
	w.turn(p)
}

// later goes on with the holder, if it is still the same.
func (w *world) later(p *pacer, at time.Duration, do func()) {
	p.version++
	version, k := p.version, p.holder.worker
	w.after(max(at-w.now, 0)+w.upTo(tardy), func() {
		if p.version == version && k.alive {
			do()
		}
	})
}

// acquire gets the holder a permit.
func (w *world) acquire(p *pacer) {
	p.permit = false
	if w.now < p.until {
		w.depart(p)
		return
	}
	for p.left > 0 {
		at := p.next
		p.next, p.left = p.next+p.every, p.left-1
		if w.now-at >= pace.Late {
			p.lost++
			continue
		}
		p.permit = true
		w.later(p, at, func() {
			if w.now-at < pace.Late {
				w.depart(p)
			} else {
				p.lost++
				w.acquire(p)
			}
		})
		return
	}
	w.later(p, w.now+w.upTo(trip), func() { w.lease(p) })
}

// lease takes permits.
func (w *world) lease(p *pacer) {
	n := 1
	if p.took > 0 && p.used >= p.took {
		n = 2 * p.took
	} else if p.used > 1 {
		n = p.used
	}
	if p.permits.Rate > 0 {
		n = min(n, max(1, int(p.permits.Rate*mostAtOnce.Seconds())))
	}
	p.leases++
	first, every, given := p.permits.Lease(began.Add(w.now), n)
	here := first.Sub(began)
	switch {
	case given == 0:
		w.later(p, here, func() { w.acquire(p) })
	case every == 0:
		p.until = here + pace.Ahead
		w.later(p, here, func() { w.acquire(p) })
	default:
		p.lost += int64(p.left)
		p.next, p.every, p.left, p.took, p.used = here, every, given, given, 0
		w.acquire(p)
	}
}

// depart lets the call of the holder leave.
func (w *world) depart(p *pacer) {
	c := p.holder
	p.used++
	p.called(w.now)
	c.waits = false
	c.inFlight++
	c.toBegin--
	version := c.version
	w.after(w.Answer/2+w.upTo(w.Answer), func() {
		if c.version != version {
			return
		}
		c.inFlight--
		c.progress++
		c.minute++
		w.want(c)
	})
	w.leave(p)
	w.want(c)
}
