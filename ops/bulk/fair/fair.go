// Package fair shares the time of a worker between merchants, and that of a merchant between its jobs: whoever has the least
// of it just now is next. It knows neither clocks nor databases, so a simulation runs the same code as a worker.
package fair

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// A Queue gives out a number of places. It is for one goroutine; [Places] are for many.
type Queue struct {
	free      int
	merchants map[string]int // places that each has
	jobs      map[string]int
	waiting   []*Ticket
	count     uint64
}

// A Ticket stands for one who wants a place.
type Ticket struct {
	Merchant, Job string
	number        uint64
}

// NewQueue returns a queue for so many places, all of them free.
func NewQueue(places int) *Queue {
	return &Queue{free: places, merchants: map[string]int{}, jobs: map[string]int{}}
}

// Wait puts somebody into the queue.
func (q *Queue) Wait(merchant, job string) *Ticket {
	q.count++
	t := &Ticket{merchant, job, q.count}
	q.waiting = append(q.waiting, t)
	return t
}

// Leave takes a ticket out of the queue that has not been called yet. It reports whether there was one.
func (q *Queue) Leave(t *Ticket) bool {
	i := slices.Index(q.waiting, t)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// Next gives a free place to the one whose merchant has the fewest, then whose job has, then who came first; nil if no place is
// free or nobody waits.
func (q *Queue) Next() *Ticket {
	if q.free == 0 || len(q.waiting) == 0 {
		return nil
	}
	t := slices.MinFunc(q.waiting, func(a, b *Ticket) int {
		return cmp.Or(cmp.Compare(q.merchants[a.Merchant], q.merchants[b.Merchant]), cmp.Compare(q.jobs[a.Job], q.jobs[b.Job]), cmp.Compare(a.number, b.number))
	})
	q.Leave(t)
	q.free--
	q.merchants[t.Merchant]++
	q.jobs[t.Job]++
	return t
}

// Done gives a place back.
func (q *Queue) Done(t *Ticket) {
	q.free++
	less(q.merchants, t.Merchant)
	less(q.jobs, t.Job)
}

// less keeps nothing of those who have no place.
func less(places map[string]int, name string) {
	if places[name]--; places[name] <= 0 {
		delete(places, name)
	}
}

// Window is how many chunks of each job stand ready for workers that can take so many in all. They are no more than there are
// places for, since a worker takes what it finds: more would lie with one that is full while another has a place.
func Window(places, jobs int) int { return max(1, places/max(jobs, 1)) }

// Places are a [Queue] that goroutines wait in.
type Places struct {
	mu     sync.Mutex
	queue  *Queue
	called map[*Ticket]chan struct{}
}

// NewPlaces returns n places, all of them free.
func NewPlaces(n int) *Places {
	return &Places{queue: NewQueue(n), called: map[*Ticket]chan struct{}{}}
}

// Take waits for a place until ctx ends. Give gives it back.
func (p *Places) Take(ctx context.Context, merchant, job string) (give func(), err error) {
	p.mu.Lock()
	t := p.queue.Wait(merchant, job)
	called := make(chan struct{})
	p.called[t] = called
	p.call()
	p.mu.Unlock()
	select {
	case <-called:
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.queue.Leave(t) {
			delete(p.called, t)
			return nil, ctx.Err()
		} // it was called at the same moment
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.queue.Done(t)
		p.call()
	}), nil
}

// call tells those who have a place now.
func (p *Places) call() {
	for t := p.queue.Next(); t != nil; t = p.queue.Next() {
		close(p.called[t])
		delete(p.called, t)
	}
}
