package engine

import (
	"sync/atomic"
	"time"
)

// A Clock is the time of the business, which can be moved, and the numbers that everything is called by.
type Clock struct {
	ahead atomic.Int64
	count atomic.Int64
}

// Beijing is where the platforms' clocks stand.
var Beijing = time.FixedZone("CST", 8*60*60)

// Now is the time of the business.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())).In(Beijing) }

// Advance moves the time of the business ahead.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Number returns the next number.
func (c *Clock) Number() int64 { return c.count.Add(1) }

// Stamp writes a time as the platform does.
func Stamp(t time.Time) string { return t.In(Beijing).Format("2006-01-02T15:04:05.000-07:00") }

// ReadTime reads what a check has found to be a time.
func ReadTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// Ahead is how far the clock was moved.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }
