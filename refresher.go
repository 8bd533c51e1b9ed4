package wxpay

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Refresher keeps the platform certificates of any number of merchants fresh in the background, so that
// no call has to wait for a download. It is one goroutine, which takes one merchant after the other, at
// most 20 s for each; clients work as well without it.
type Refresher struct {
	stop context.CancelFunc
	done chan struct{}
	wake chan struct{}

	mu   sync.Mutex
	keys []*PlatformKeys
}

// NewRefresher starts a refresher for the clients that use certificates; the others need none. Close it.
func NewRefresher(clients ...*Client) *Refresher {
	ctx, stop := context.WithCancel(context.Background())
	r := &Refresher{stop: stop, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	r.Add(clients...)
	go r.run(ctx)
	return r
}

// Add takes more clients into care.
func (r *Refresher) Add(clients ...*Client) {
	r.mu.Lock()
	for _, c := range clients {
		if c.keys != nil && c.keys.download != nil {
			r.keys = append(r.keys, c.keys)
		}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Remove lets clients go.
func (r *Refresher) Remove(clients ...*Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range clients {
		r.keys = slices.DeleteFunc(slices.Clone(r.keys), func(k *PlatformKeys) bool { return k == c.keys })
	}
}

// Close ends the refresher, breaking off a download, and returns when its goroutine is gone. It may be
// called again.
func (r *Refresher) Close() {
	r.stop()
	<-r.done
}

func (r *Refresher) run(ctx context.Context) {
	defer close(r.done)
	for ctx.Err() == nil {
		r.mu.Lock()
		keys := r.keys[:len(r.keys):len(r.keys)]
		r.mu.Unlock()
		next := time.Now().Add(refreshEvery)
		for _, k := range keys {
			if due := k.dueAt(); !time.Now().Before(due) {
				_ = k.Refresh(ctx) // Config.Observe has seen it; the keys there are serve on
			}
			if due := k.dueAt(); due.Before(next) {
				next = due
			}
		}
		timer := time.NewTimer(max(time.Until(next), time.Second))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}
