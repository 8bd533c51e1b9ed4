package wxpay

import (
	"sync"
	"time"
)

// hosts chooses between the main host and the backup. After three attempts in a row that the main host
// missed the backup serves, and every 30 s one request tries the main host again.
type hosts struct {
	main, backup string // backup may be empty

	mu      sync.Mutex
	misses  int
	probeAt time.Time // zero: the main host serves
}

const (
	missesToSwitch = 3
	probeEvery     = 30 * time.Second
)

// pick returns the host for the next attempt; a call that has just missed one host goes to the other at once.
func (h *hosts) pick(last *failure) string {
	if h.backup == "" {
		return h.main
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch now := time.Now(); {
	case last != nil && last.Missed:
		return h.other(last.Host)
	case h.probeAt.IsZero():
		return h.main
	case now.Before(h.probeAt):
		return h.backup
	default:
		h.probeAt = now.Add(probeEvery)
		return h.main
	}
}

func (h *hosts) other(host string) string {
	if host == h.main {
		return h.backup
	}
	return h.main
}

// report tells how an attempt went: an answer shows that the host is there, a miss that it may not be;
// anything else says nothing.
func (h *hosts) report(host string, answered bool, fail *failure) {
	if host != h.main || h.backup == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case answered:
		h.misses, h.probeAt = 0, time.Time{}
	case fail.Missed:
		if h.misses++; h.misses == missesToSwitch {
			h.probeAt = time.Now().Add(probeEvery)
		}
	}
}
