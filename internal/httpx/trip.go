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

// ErrTime ends a call that has used up its own time. Other ends of its context are the caller's.
var ErrTime = fmt.Errorf("the time for the call is over: %w", context.DeadlineExceeded)

var errReach = fmt.Errorf("no connection within %s: %w", reachLimit, context.DeadlineExceeded)

// A Trip watches one request on its way. It tells whether the request may have left; a transport that says
// nothing of its connections (net/http/httptrace) is taken to have sent. And it ends the request in time,
// whatever the transport: at the deadline, or when no connection to the host is found. It is the context of
// that request itself.
type Trip struct {
	context.Context
	waiting  atomic.Bool // the transport looks for a connection
	dialing  atomic.Bool // it makes one
	left     atomic.Bool // a header was written; a transport that repeats by itself does not undo that
	hooks    httptrace.ClientTrace
	deadline time.Time
	timer    *time.Timer
	queues   bool // requests wait for one another's connections, which says nothing of the host
	late     atomic.Pointer[error]
	cancel   context.CancelCauseFunc
}

// Watch returns the context for the one request, which client will send. End the trip when the answer has
// been read.
func (t *Trip) Watch(ctx context.Context, client *http.Client, deadline time.Time) context.Context {
	t.queues = limited(client.Transport)
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.deadline = deadline
	t.timer = time.AfterFunc(time.Until(deadline), t.expire)
	t.hooks.GetConn = func(string) {
		t.waiting.Store(true)
		if !t.queues {
			t.search()
		}
	}
	if t.queues { // only then, since net asks for more when it is watched itself
		t.hooks.ConnectStart = func(string, string) {
			if t.waiting.Load() && !t.dialing.Swap(true) {
				t.search()
			}
		}
	}
	t.hooks.GotConn = func(httptrace.GotConnInfo) {
		t.waiting.Store(false)
		t.timer.Reset(time.Until(t.deadline))
	}
	t.hooks.WroteHeaders = func() { t.left.Store(true) }
	t.Context = httptrace.WithClientTrace(ctx, &t.hooks)
	return t
}

// limited reports whether a transport makes only so many connections to a host. One that wraps another does
// not show it.
func limited(transport http.RoundTripper) bool {
	if transport == nil {
		transport = http.DefaultTransport
	}
	t, ok := transport.(*http.Transport)
	return ok && t.MaxConnsPerHost > 0
}

// search bounds the search for a connection.
func (t *Trip) search() { t.timer.Reset(min(reachLimit, time.Until(t.deadline))) }

// Deadline is when the request ends at the latest.
func (t *Trip) Deadline() (time.Time, bool) {
	if of, ok := t.Context.Deadline(); ok && of.Before(t.deadline) {
		return of, true
	}
	return t.deadline, true
}

// Err tells a request that the trip has ended from one that the caller has.
func (t *Trip) Err() error {
	err := t.Context.Err()
	if err != nil && t.Late() != nil {
		return context.DeadlineExceeded
	}
	return err
}

func (t *Trip) expire() {
	why := &errReach
	switch {
	case !time.Now().Before(t.deadline):
		why = &ErrTime
	case !t.waiting.Load(): // it was found in the same moment
		t.timer.Reset(time.Until(t.deadline))
		return
	}
	t.late.Store(why)
	t.cancel(*why)
}

// End lets go of what Watch holds.
func (t *Trip) End() {
	t.timer.Stop()
	t.cancel(nil)
}

// Late is why the trip itself ended the request; nil if it did not.
func (t *Trip) Late() error {
	if why := t.late.Load(); why != nil {
		return *why
	}
	return nil
}

// Queued reports whether the request got no further than to wait for others at the caller's transport.
func (t *Trip) Queued() bool { return t.queues && t.waiting.Load() && !t.dialing.Load() }

// NeverLeft reports whether the request, which failed with err, certainly did not reach the host.
func (t *Trip) NeverLeft(err error) bool {
	return !t.left.Load() && (t.waiting.Load() || NeverSent(err))
}
