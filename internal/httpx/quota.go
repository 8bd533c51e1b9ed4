package httpx

import "sync/atomic"

// A Quota keeps an outage from being answered with a storm of repetitions: each costs [RepeatCost] tokens,
// a success gives one back. So, after the few that a full quota allows, repetitions add at most a
// fourteenth to the traffic, however much of it fails. The zero Quota is full.
type Quota struct{ spent atomic.Int64 }

// QuotaSize is what a full quota holds, RepeatCost what one repetition takes of it.
const (
	QuotaSize  = 350
	RepeatCost = 14
)

// Take pays for a repetition; false if it cannot be afforded.
func (q *Quota) Take() bool {
	for {
		spent := q.spent.Load()
		if spent+RepeatCost > QuotaSize {
			return false
		}
		if q.spent.CompareAndSwap(spent, spent+RepeatCost) {
			return true
		}
	}
}

// Return gives back what a repetition cost that was not made.
func (q *Quota) Return() { q.give(RepeatCost) }

// Succeeded gives one token back.
func (q *Quota) Succeeded() { q.give(1) }

func (q *Quota) give(tokens int64) {
	for {
		spent := q.spent.Load()
		if spent == 0 || q.spent.CompareAndSwap(spent, max(spent-tokens, 0)) {
			return
		}
	}
}
