package engine

import (
	"sync/atomic"
	"time"
)

// A Clock is the time of the business, which can be moved and can stand, and the numbers that everything is called by.
type Clock struct {
	stands atomic.Pointer[time.Time] // where it stands, without what it was moved ahead; nil: it runs
	ahead  atomic.Int64
	count  atomic.Int64
	turns  atomic.Int64
}

// Beijing is where the platforms' clocks stand.
var Beijing = time.FixedZone("CST", 8*60*60)

// Now is the time of the business.
func (c *Clock) Now() time.Time {
	now := time.Now()
	if at := c.stands.Load(); at != nil {
		now = *at
	}
	return now.Add(c.Ahead()).In(Beijing)
}

// running is the time by which rates are counted: it goes on even while the clock stands.
func (c *Clock) running() time.Time { return time.Now().Add(c.Ahead()) }

// hold lets the clock stand at a time until release is called.
func (c *Clock) hold(at time.Time) (release func()) {
	before := c.stands.Load()
	c.stands.Store(new(at.Add(-c.Ahead())))
	return func() { c.stands.Store(before) }
}

// move moves the time of the business ahead.
func (c *Clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

// Ahead is how far the clock was moved.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// Number returns the next number for something that the business keeps: a card, a task, an event. The same changes in
// the same order get the same numbers, so nothing else may take one; see [Clock.Turn].
func (c *Clock) Number() int64 { return c.count.Add(1) }

// Turn returns the next number for what is sent and not kept: an answer, a nonce.
func (c *Clock) Turn() int64 { return c.turns.Add(1) }

// Stamp writes a time as the platform does.
func Stamp(t time.Time) string { return t.In(Beijing).Format("2006-01-02T15:04:05.000-07:00") }

// ReadTime reads what a check has found to be a time.
func ReadTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}
