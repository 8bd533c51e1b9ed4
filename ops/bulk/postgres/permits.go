package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

type pacerKey struct{ sender, route string }

// pacer is what the calls of a merchant on a route share in this process. It is made when first asked for; the rate is that of
// a route which nobody has called yet.
func (s *Store) pacer(sender, route string, rate float64) *pacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := pacerKey{sender, route}
	p := s.pacers[key]
	if p == nil {
		p = &pacer{store: s, key: key, rate: rate, turn: make(chan struct{}, 1)}
		s.pacers[key] = p
	}
	return p
}

// limit makes a rate the one of a route.
func (s *Store) limit(ctx context.Context, sender, route string, rate float64) error {
	_, _, _, err := s.pacer(sender, route, max(rate, 0)).change(ctx, func(permits *pace.Permits, now time.Time) bool {
		permits.Limit(rate, now)
		return true
	})
	return err
}

// A pacer takes permits from the database, a few at a time, and lets a call leave at the moment of each.
type pacer struct {
	store *Store
	key   pacerKey
	rate  float64       // of a route that nobody has called yet
	turn  chan struct{} // of the one who waits for the next moment; the others wait for their turn

	mu      sync.Mutex
	next    time.Time
	every   time.Duration
	left    int       // permits, the first of them for next
	until   time.Time // without a limit: how long that is known
	used    int       // of those that were taken last
	took    int       // how many these were
	shown   float64
	slowing bool
}

// mostAtOnce is how many permits are taken at once: for a quarter of a second at most, so that workers take turns.
const mostAtOnce = pace.Ahead / 4

// Rate is how many calls a second all workers together may make; 0: no limit, or not known yet.
func (p *pacer) Rate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown
}

// Wait waits for a permit, until lead before its moment.
func (p *pacer) Wait(ctx context.Context, lead time.Duration) (at time.Time, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return at, ctx.Err()
	}
	for ctx.Err() == nil {
		at, ok := p.permit()
		if !ok {
			again, err := p.lease(ctx, lead)
			switch {
			case err != nil && !errors.Is(err, bulk.ErrAway):
				return at, err
			case err != nil:
				again = time.Now().Add(time.Second) // nothing leaves meanwhile
			}
			if err := pace.Sleep(ctx, time.Until(again)); err != nil {
				return at, err
			}
			continue
		}
		if at.IsZero() {
			return at, nil
		}
		if err := pace.Sleep(ctx, time.Until(at)-lead); err != nil {
			return at, err
		}
		if pace.Since(at) < pace.Late {
			p.mu.Lock()
			p.used++
			p.mu.Unlock()
			return at, nil
		}
	}
	return at, ctx.Err()
}

// permit is the next one that is still good; zero: at once, there is no limit.
func (p *pacer) permit() (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pace.Since(p.until) < 0 {
		return time.Time{}, true
	}
	for p.left > 0 {
		at = p.next
		p.next, p.left = p.next.Add(p.every), p.left-1
		if pace.Since(at) < pace.Late {
			return at, true
		}
	}
	return time.Time{}, false
}

// lease takes permits for moments from lead on. It returns when to ask again if there are none; zero: at once.
func (p *pacer) lease(ctx context.Context, lead time.Duration) (again time.Time, err error) {
	p.mu.Lock()
	n := 1
	if p.took > 0 && p.used >= p.took {
		n = 2 * p.took
	} else if p.used > 1 {
		n = p.used // fewer than there were: others want the rest
	}
	p.mu.Unlock()
	var first time.Time
	var every time.Duration
	var given int
	now, here, rate, err := p.change(ctx, func(permits *pace.Permits, now time.Time) bool {
		if permits.Rate > 0 {
			n = min(n, max(1, int(permits.Rate*mostAtOnce.Seconds())))
		}
		first, every, given = permits.Lease(now.Add(lead), n)
		return given > 0
	})
	if err != nil {
		return time.Time{}, err
	}
	here = here.Add(first.Sub(now)) // the clock of the database is the one that counts
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = rate
	switch {
	case given == 0: // to many who wait they come one after the other
		return here.Add(rand.N(mostAtOnce)), nil
	case every == 0:
		p.until = here.Add(pace.Ahead)
		return here, nil
	}
	p.next, p.every, p.left, p.took, p.used = here, every, given, given, 0
	return time.Time{}, nil
}

// A clock knows how far that of the database is ahead of this machine's. Every answer says so, within the time that it took: what
// all of them say is closer than an answer that was long on its way.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// at is when it was now by the database, of an answer that was asked for and received by this machine's clock.
func (c *clock) at(asked, now, received time.Time) time.Time {
	least, most := now.Sub(received), now.Sub(asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = min(max(c.ahead, least), most)
	return received.Add(least - c.ahead)
}

// change changes what is kept of a route, and begins anew if somebody else did meanwhile: no lock is held while this process
// computes, which may fall asleep at any moment. It returns the time of the database, and when that was here.
func (p *pacer) change(ctx context.Context, do func(*pace.Permits, time.Time) bool) (now, here time.Time, rate float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		var turn int64
		var permits pace.Permits
		asked := time.Now()
		err := p.store.pool.QueryRow(ctx, `SELECT clock_timestamp(), turn, state FROM wxpay.permits WHERE sender = $1 AND route = $2`, p.key.sender, p.key.route).Scan(&now, &turn, &permits)
		received := time.Now()
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err := p.store.pool.Exec(ctx, `INSERT INTO wxpay.permits (sender, route, state) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, p.key.sender, p.key.route, pace.NewPermits(p.rate, time.Time{})); err != nil {
				return now, here, 0, told(err)
			}
			continue
		}
		if err != nil {
			return now, here, 0, told(err)
		}
		here = p.store.clock.at(asked, now, received)
		if !do(&permits, now) { // as it was
			return now, here, permits.Rate, nil
		}
		tag, err := p.store.pool.Exec(ctx, `UPDATE wxpay.permits SET state = $3, turn = turn + 1 WHERE sender = $1 AND route = $2 AND turn = $4`, p.key.sender, p.key.route, permits, turn)
		if err != nil {
			return now, here, 0, told(err)
		}
		if tag.RowsAffected() == 1 {
			return now, here, permits.Rate, nil
		}
	}
}

// Throttled slows all workers down. It does not wait until that is written down: what was taken before is void in a second.
func (p *pacer) Throttled(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.until = 0, time.Time{}
	if p.slowing {
		return
	}
	p.slowing = true
	p.store.throttle.Go(func() {
		_, _, rate, err := p.change(context.Background(), func(permits *pace.Permits, now time.Time) bool {
			permits.Throttled(now, after)
			return true
		})
		p.mu.Lock()
		defer p.mu.Unlock()
		p.slowing = false
		if err == nil {
			p.shown, p.left, p.until = rate, 0, time.Time{}
		}
	})
}
