package wxpay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
)

// refreshGap is between two downloads that a Refresher starts: thousands of merchants may be due at once.
const refreshGap = 10 * time.Millisecond

// A Refresher keeps the platform certificates of any number of merchants fresh in the background, so that
// no call has to wait for a download. It is one goroutine, and one more for each download while that runs,
// so that merchants whose platform hangs do not keep the others waiting. Clients work as well
// without it.
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

// Remove ends the care for clients, such as those of merchants that have left. Their next calls load what they need
// by themselves.
func (r *Refresher) Remove(clients ...*Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range clients {
		r.keys = slices.DeleteFunc(slices.Clone(r.keys), func(k *PlatformKeys) bool { return k == c.keys })
	}
}

// Close ends the refresher, breaking off its downloads, and returns when its goroutines are gone. It may
// be called again.
func (r *Refresher) Close() {
	r.stop()
	<-r.done
}

func (r *Refresher) run(ctx context.Context) {
	defer close(r.done)
	var downloads sync.WaitGroup
	defer downloads.Wait()
	for ctx.Err() == nil {
		r.mu.Lock()
		keys := r.keys[:len(r.keys):len(r.keys)]
		r.mu.Unlock()
		next := time.Now().Add(refreshEvery)
		for _, k := range keys {
			due := k.dueAt()
			if due.Before(next) {
				next = due
			}
			if time.Now().Before(due) {
				continue
			}
			// How it ends is for Config.Observe to see; the keys there are serve on.
			if ended, started := k.start(ctx, false); started {
				downloads.Go(func() { <-ended })
				if attempt.Sleep(ctx, refreshGap) != nil {
					return
				}
			}
		}
		timer := time.NewTimer(max(time.Until(next), time.Second)) // while downloads run it looks every second
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}
