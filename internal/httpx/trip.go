package httpx

import (
	"context"
	"fmt"
	"math"
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
	left     atomic.Bool // a header was written; a transport that repeats by itself does not undo that
	hooks    httptrace.ClientTrace
	deadline time.Time
	timer    *time.Timer
	reach    time.Duration
	late     atomic.Pointer[error]
	cancel   context.CancelCauseFunc
}

// Watch returns the context for the one request, which client will send. End the trip when the answer has
// been read.
func (t *Trip) Watch(ctx context.Context, client *http.Client, deadline time.Time) context.Context {
	t.reach = reachLimit
	if tr, ok := client.Transport.(*http.Transport); ok && tr.MaxConnsPerHost > 0 {
		t.reach = math.MaxInt64 // requests wait for one another, which says nothing of the host
	}
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.deadline = deadline
	t.timer = time.AfterFunc(time.Until(deadline), t.expire)
	t.hooks.GetConn = func(string) {
		t.waiting.Store(true)
		t.timer.Reset(min(t.reach, time.Until(t.deadline)))
	}
	t.hooks.GotConn = func(httptrace.GotConnInfo) {
		t.waiting.Store(false)
		t.timer.Reset(time.Until(t.deadline))
	}
	t.hooks.WroteHeaders = func() { t.left.Store(true) }
	t.Context = httptrace.WithClientTrace(ctx, &t.hooks)
	return t
}

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
	if !time.Now().Before(t.deadline) {
		why = &ErrTime
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

// NeverLeft reports whether the request, which failed with err, certainly did not reach the host.
func (t *Trip) NeverLeft(err error) bool {
	return !t.left.Load() && (t.waiting.Load() || NeverSent(err))
}
