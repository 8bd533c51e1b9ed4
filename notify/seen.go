package notify

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Seen remembers which notifications have been handled, so that repeats do nothing. Its methods must be
// safe for concurrent use.
//
// [Memory] serves one process. Several processes need one that they share: in PostgreSQL, package
// github.com/wxpay-go/wxpay/ops/seen/postgres, or in Redis, package github.com/wxpay-go/wxpay/ops/seen/redis. Package
// github.com/wxpay-go/wxpay/ops/seen/seentest tests another.
//
// Where the work is a transaction of a database, note [Event].ID in that same transaction under a unique index
// besides: only then can no crash come between the work and its record.
type Seen interface {
	// Begin claims id, at most 200 printable ASCII characters that say whose notification it is, of which type and
	// which. It reports done if id was handled before; then there is no claim. While another has the claim it
	// fails with [ErrInProgress], and the platform sends again. The claim of a process that died before End must
	// end by itself soon after Config.Timeout.
	Begin(ctx context.Context, id string) (done bool, err error)

	// End gives the claim up and, if done, records id. It is called once after every claim, whatever
	// happened, with a second of its own even if the request has ended.
	End(ctx context.Context, id string, done bool) error
}

// ErrInProgress says that the same notification is being handled right now.
var ErrInProgress = errors.New("notify: in progress")

// keep is how long an id is remembered: the longest schedule of repeats, 24 h 4 min, and the 10 minutes
// in which timestamps are believed, rounded up.
const keep = 25 * time.Hour

// Memory is a [Seen] in the memory of this process. It remembers for 25 hours, longer than the platform
// repeats, and starts no goroutine.
type Memory struct {
	size int

	mu   sync.Mutex
	ids  map[string]bool // true: done; false: claimed
	done []record        // oldest first
}

type record struct {
	id string
	at time.Time
}

var _ Seen = (*Memory)(nil)

// NewMemory returns a memory of at most size handled notifications, about 200 bytes each, and at least one. When
// it is full it forgets the oldest, so size should be more than come in a day.
func NewMemory(size int) *Memory {
	return &Memory{size: max(size, 1), ids: make(map[string]bool)}
}

// Begin claims id.
func (m *Memory) Begin(_ context.Context, id string) (done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	done, known := m.ids[id]
	if known && !done {
		return false, ErrInProgress
	}
	if !known {
		m.ids[id] = false
	}
	return done, nil
}

// End gives the claim up and, if done, records id.
func (m *Memory) End(_ context.Context, id string, done bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !done {
		delete(m.ids, id)
		return nil
	}
	m.ids[id] = true
	m.done = append(m.done, record{id, time.Now()})
	m.forget()
	return nil
}

// forget drops what is too old or too much. The caller holds mu.
func (m *Memory) forget() {
	for len(m.done) > 0 && (len(m.done) > m.size || time.Since(m.done[0].at) >= keep) {
		delete(m.ids, m.done[0].id)
		m.done[0] = record{} // the array behind the slice lives on for a while
		m.done = m.done[1:]
	}
}
