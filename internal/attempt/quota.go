package attempt

import "sync/atomic"

// A quota keeps an outage from being answered with a storm of repetitions: each costs repeatCost tokens,
// a success gives one back. So, after the few that a full quota allows, repetitions add at most a
// fourteenth to the traffic, however much of it fails. The zero quota is full.
type quota struct{ spent atomic.Int64 }

const (
	quotaSize  = 350 // what a full quota holds
	repeatCost = 14
)

// take pays for a repetition; false if it cannot be afforded.
func (q *quota) take() bool {
	for {
		spent := q.spent.Load()
		if spent+repeatCost > quotaSize {
			return false
		}
		if q.spent.CompareAndSwap(spent, spent+repeatCost) {
			return true
		}
	}
}

// back gives back what a repetition cost that was not made.
func (q *quota) back() { q.give(repeatCost) }

// succeeded gives one token back.
func (q *quota) succeeded() { q.give(1) }

func (q *quota) give(tokens int64) {
	for {
		spent := q.spent.Load()
		if spent == 0 || q.spent.CompareAndSwap(spent, max(spent-tokens, 0)) {
			return
		}
	}
}
