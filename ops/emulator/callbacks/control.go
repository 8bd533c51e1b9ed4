package callbacks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// All returns the notices, newest first.
func (q *Queue) All() []Notice {
	q.take()
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]Notice, 0, len(q.all))
	for _, n := range slices.Backward(q.all) {
		all = append(all, q.shown(n))
	}
	return all
}

// Get returns one notice.
func (q *Queue) Get(id string) (Notice, bool) {
	q.take()
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.find(id)
	if n == nil {
		return Notice{}, false
	}
	return q.shown(n), true
}

// shown is a copy that stays as it is.
func (q *Queue) shown(n *notice) Notice {
	c := n.Notice
	c.Attempts = slices.Clone(c.Attempts)
	if q.held && c.State == Waiting {
		c.State, c.Next = Held, time.Time{}
	}
	return c
}

// Variants are the names by which [Queue.Resend] knows ways to send, without the usual one.
func (q *Queue) Variants() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(variants)), func(name string) bool { return name == "" })
}

// Resend sends a notice at once, once more or for the first time, and returns when it was answered. A variant is one of
// Variants, or empty. What came of it is the last of its attempts.
func (q *Queue) Resend(ctx context.Context, id, variant string) error {
	if _, known := variants[variant]; !known {
		return fmt.Errorf("there is no variant %q; there are %s", variant, strings.Join(q.Variants(), ", "))
	}
	q.take()
	n, err := q.claim(id)
	for ; err == errBusy; n, err = q.claim(id) { // a try is on its way, for some seconds at most
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err != nil {
		return err
	}
	q.try(ctx, n, variant)
	return nil
}

var errBusy = errors.New("it is being sent")

// claim marks a notice as being sent, once it is known where to.
func (q *Queue) claim(id string) (*notice, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.find(id)
	switch {
	case n == nil:
		return nil, fmt.Errorf("there is no notification %q; the list of events names all", id)
	case n.busy:
		return nil, errBusy
	case n.State == Nowhere:
		address, err := q.target(n.event.URL)
		if err != nil {
			return nil, err
		}
		n.URL, n.Why, n.WhyZh = address, "", ""
	}
	n.busy = true
	return n, nil
}

// Hold keeps notices back until [Queue.Release].
func (q *Queue) Hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = true
	q.changed()
}

// Held reports whether notices are kept back.
func (q *Queue) Held() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// Release sends what was kept back, in the order in which it happened or the other way round, and keeps nothing back
// any more.
func (q *Queue) Release(reverse bool) {
	q.take()
	now := q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = false
	for i, n := range q.all {
		if n.State != Waiting || n.due.After(now) {
			continue
		}
		if n.Next = time.Now(); reverse {
			n.due = now.Add(-time.Duration(i)) // the last first
		}
	}
	q.changed()
	q.Poke()
}

// SendTwice makes every notice come once more a second after it was taken, as the platform does now and then.
func (q *Queue) SendTwice(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.twice = on
	q.changed()
}

// SendsTwice reports whether every notice is sent twice.
func (q *Queue) SendsTwice() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.twice
}

// Trigger lets an event happen that no call has caused. What it says is JSON with nothing encrypted, or nil for the
// example of the documents; address may be empty, as in [Options].ForwardTo.
func (q *Queue) Trigger(ctx context.Context, eventType string, plaintext json.RawMessage, address string) (id string, err error) {
	for _, a := range q.options.Fake().Actions() {
		if a.Product != "" || a.Name != "trigger" {
			continue
		}
		if address != "" {
			if _, err := q.target(address); err != nil {
				return "", err
			}
		}
		if _, known := q.retries[eventType]; !known {
			return "", fmt.Errorf("there is no event %q; there are %s", eventType, strings.Join(q.Events(), ", "))
		}
		made, err := a.Do(ctx, map[string]string{"event": eventType, "plaintext": string(plaintext), "url": address})
		if err != nil {
			return "", fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "wxpaytest: "))
		}
		q.Poke()
		id, _ := made.(string)
		return id, nil
	}
	return "", fmt.Errorf("this fake cannot trigger events")
}

// Events are the event types of the documents.
func (q *Queue) Events() []string { return slices.Sorted(maps.Keys(q.retries)) }

// Tries is how often an event is sent at most.
func (q *Queue) Tries(eventType string) int { return len(q.retries[eventType]) + 1 }

// Speed is how much faster than the platform the queue repeats.
func (q *Queue) Speed() float64 { return cmp.Or(q.options.Speed, 1) }

// Begin forgets all notices, while nothing is taken from the fake, and lets f put another in its place.
func (q *Queue) Begin(f func()) {
	q.taking.Lock()
	defer q.taking.Unlock()
	f()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all, q.held, q.twice = nil, false, false
	clear(q.causes)
	q.changed()
}

// Version grows with every change.
func (q *Queue) Version() int64 {
	q.take()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.version
}
