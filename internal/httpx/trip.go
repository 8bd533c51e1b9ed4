package httpx

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// reachLimit is how long a request may look for a connection to its host.
const reachLimit = 5 * time.Second

var errReach = fmt.Errorf("no connection within %s: %w", reachLimit, context.DeadlineExceeded)

// A Trip watches one request on its way. It tells whether the request may have left; a transport that says
// nothing of its connections (net/http/httptrace) is taken to have sent. And it ends the search for a
// connection in time, where the transport is not ours and may have no bound of its own.
type Trip struct {
	waiting atomic.Bool // the transport looks for a connection
	left    atomic.Bool // a header was written; a transport that repeats by itself does not undo that
	hooks   httptrace.ClientTrace

	timer *time.Timer             // nil: the transport is ours
	end   context.CancelCauseFunc // of the context that the request is sent with
}

// Watch returns the context to send the one request with by c. End the trip when its answer has been read.
func (t *Trip) Watch(ctx context.Context, c *http.Client) context.Context {
	if _, own := c.Transport.(*tuned); !own {
		ctx, t.end = context.WithCancelCause(ctx)
		t.timer = time.AfterFunc(reachLimit, func() { t.end(errReach) })
		t.timer.Stop()
	}
	t.hooks.GetConn = func(string) {
		t.waiting.Store(true)
		if t.timer != nil {
			t.timer.Reset(reachLimit)
		}
	}
	t.hooks.GotConn = func(httptrace.GotConnInfo) {
		t.waiting.Store(false)
		if t.timer != nil {
			t.timer.Stop()
		}
	}
	t.hooks.WroteHeaders = func() { t.left.Store(true) }
	return httptrace.WithClientTrace(ctx, &t.hooks)
}

// End lets go of what Watch holds.
func (t *Trip) End() {
	if t.timer != nil {
		t.timer.Stop()
		t.end(nil)
	}
}

// NeverLeft reports whether the request, which failed with err, certainly did not reach the host.
func (t *Trip) NeverLeft(err error) bool {
	return !t.left.Load() && (t.waiting.Load() || NeverSent(err))
}
