package mchtransfer

import (
	"container/heap"
	"time"
)

// A timer is what happens to a bill or an authorization once a time has come.
type timer struct {
	at    time.Time
	order int
	do    func(at time.Time) // nil: something else came first
}

// Timers are those that run. They go off in the order of their times, however late somebody looks.
type timers struct {
	all   []*timer
	count int
}

func (t *timers) Len() int      { return len(t.all) }
func (t *timers) Swap(i, j int) { t.all[i], t.all[j] = t.all[j], t.all[i] }
func (t *timers) Push(x any)    { t.all = append(t.all, x.(*timer)) }

func (t *timers) Less(i, j int) bool {
	a, b := t.all[i], t.all[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.order < b.order
}

func (t *timers) Pop() any {
	last := len(t.all) - 1
	x := t.all[last]
	t.all[last] = nil
	t.all = t.all[:last]
	return x
}

// set starts a timer in the place of the one that ran there.
func (t *timers) set(one **timer, at time.Time, do func(time.Time)) {
	t.stop(*one)
	t.count++
	*one = &timer{at, t.count, do}
	heap.Push(t, *one)
}

func (t *timers) stop(one *timer) {
	if one != nil {
		one.do = nil
	}
}

// next is when the first goes off; zero: none runs.
func (t *timers) next() time.Time {
	for len(t.all) > 0 && t.all[0].do == nil {
		heap.Pop(t)
	}
	if len(t.all) == 0 {
		return time.Time{}
	}
	return t.all[0].at
}

// pass lets all go off whose time has come.
func (t *timers) pass(now time.Time) {
	for at := t.next(); !at.IsZero() && !at.After(now); at = t.next() {
		one := heap.Pop(t).(*timer)
		do := one.do
		one.do = nil
		do(one.at)
	}
}
