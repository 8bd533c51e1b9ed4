// Package attempt makes the attempts at a call, for the client of WeChat Pay and for that of TPNS alike: how many,
// when, over which transport, and what is known when they have failed.
package attempt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// A Policy is what a client decides of its attempts.
type Policy struct {
	Client      *http.Client  // of the caller; nil: one with a transport of our own
	Concurrency int           // idle connections of that transport
	Header      time.Duration // in which it wants the header of an answer; uploads have the time of their call
	Attempts    int           // at most
	Pause       time.Duration // the least wait after the platform asked to slow down
	Package     string        // with whose name errors begin

	Lost    func(route string, err error) error // makes the error of a call that may have taken effect
	Unknown func(err error) bool                // reports whether err is one
}

// An Engine makes the calls of one client.
type Engine struct {
	Policy
	calls, uploads *http.Client
	quota          quota
	slow           chan struct{} // holds the one call that may be repeated after being throttled
}

// New returns an engine whose quota is full.
func New(p Policy) *Engine {
	e := &Engine{Policy: p, slow: make(chan struct{}, 1)}
	e.calls, e.uploads = httpx.Clients(p.Client, p.Concurrency, p.Header)
	return e
}

// A Call is what stays the same between the attempts at it.
type Call struct {
	Route    string
	Deadline time.Time
	Upload   bool
	Read     bool // it changes nothing, so that its outcome does not matter
	Repeat   bool // it may be sent again although it may have taken effect
}

// A Failure is an attempt that did not succeed.
type Failure struct {
	Err       error // for the caller
	Again     bool  // may be repeated
	Unmade    bool  // ended before the request was handed to the transport
	Throttled bool  // the platform asks to slow down
	Missed    bool  // the host was not reached or did not answer in time
	Host      string
	After     time.Duration // the platform asks to wait for
}

// Run makes attempts until one succeeds, the call must not be repeated, or it has used its attempts, its time or
// the client's quota. Once is told which attempt it makes and how the one before failed.
func (e *Engine) Run(ctx context.Context, c *Call, once func(ctx context.Context, n int, last *Failure) *Failure) error {
	var last *Failure
	for n := 1; ; n++ {
		fail := e.next(ctx, c, n, last, once)
		if fail == nil {
			e.quota.succeeded()
			return nil
		}
		if last == nil { // a call that succeeds at once needs no timer beside that of its attempt
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, c.Deadline, httpx.ErrTime)
			defer cancel()
		}
		if n > 1 && fail.Unmade {
			e.quota.back() // the repetition was paid for, but not made
		}
		if n >= limit(ctx, e.Attempts) || !fail.Again || ctx.Err() != nil || !e.quota.take() {
			return fail.Err
		}
		if err := Sleep(ctx, e.delay(n, fail)); err != nil {
			e.quota.back()
			return notRepeated(fail, err)
		}
		last = fail
	}
}

// WithLimit returns a context in which a call is attempted at most n times, where its client would more often.
func WithLimit(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, limitKey{}, n)
}

type limitKey struct{}

func limit(ctx context.Context, attempts int) int {
	if n, ok := ctx.Value(limitKey{}).(int); ok {
		return min(attempts, n)
	}
	return attempts
}

// next makes one attempt. After the platform asked to slow down, the whole client repeats one call at a time; an
// upload lets the next one go when it is under way.
func (e *Engine) next(ctx context.Context, c *Call, n int, last *Failure, once func(context.Context, int, *Failure) *Failure) *Failure {
	if last != nil && last.Throttled {
		select {
		case e.slow <- struct{}{}:
		case <-ctx.Done():
			return &Failure{Err: notRepeated(last, oneline.Ended(ctx)), Unmade: true}
		}
		release := sync.OnceFunc(func() { <-e.slow })
		defer release()
		if c.Upload {
			defer time.AfterFunc(underWay, release).Stop()
		}
	}
	return once(ctx, n, last)
}

const underWay = time.Second

func (e *Engine) delay(n int, f *Failure) time.Duration {
	switch {
	case f.After > 0:
		return f.After
	case f.Throttled:
		return e.Pause + backoff(n, time.Second)
	}
	return backoff(n, 100*time.Millisecond)
}

func notRepeated(last *Failure, why error) error {
	return oneline.Error(fmt.Errorf("%w; not repeated: %w", last.Err, why))
}

// Remember keeps the outcome of a call unknown: if the attempt before may have taken effect, then one that
// failed in any way does not make it known. What it failed with stays in the chain.
func (e *Engine) Remember(c *Call, f, before *Failure) {
	if before != nil && !c.Read && e.Unknown(before.Err) && !e.Unknown(f.Err) {
		f.Err = e.Lost(c.Route, fmt.Errorf("an attempt before this one was lost; then: %w", f.Err))
	}
}

// Watch returns the context for the request of one attempt.
func (e *Engine) Watch(ctx context.Context, c *Call, t *httpx.Trip) context.Context {
	return t.Watch(ctx, e.client(c), c.Deadline)
}

func (e *Engine) client(c *Call) *http.Client {
	if c.Upload {
		return e.uploads
	}
	return e.calls
}

// Do sends a request, which t watches, once.
func (e *Engine) Do(ctx context.Context, c *Call, t *httpx.Trip, req *http.Request) (*http.Response, *Failure) {
	ended := oneline.Ended(ctx)
	if ended == nil && !time.Now().Before(c.Deadline) { // whoever signs, or keeps the call before, took it all
		ended = httpx.ErrTime
	}
	if ended != nil { // a transport that never started could not tell
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, e.NotSent(c.Route, ended)
	}
	resp, err := e.client(c).Do(req)
	if err != nil {
		return nil, e.broken(ctx, c, t, err)
	}
	return resp, nil
}

// NotSent is a failure before the request was handed to the transport.
func (e *Engine) NotSent(route string, err error) *Failure {
	return &Failure{Unmade: true, Err: oneline.Error(fmt.Errorf("%s: %s: not sent: %w", e.Package, route, err))}
}

// broken is a request without an answer. The address is dropped from the error, since its query may
// hold what must not be logged. A caller who gave up says nothing about the host.
func (e *Engine) broken(ctx context.Context, c *Call, t *httpx.Trip, err error) *Failure {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	neverLeft, trusted := t.NeverLeft(err), !httpx.Untrusted(err)
	gaveUp := ctx.Err() != nil && !errors.Is(context.Cause(ctx), httpx.ErrTime)
	err = cmp.Or(t.Late(), err)
	if neverLeft {
		f := e.NotSent(c.Route, err)
		f.Unmade, f.Again, f.Missed = false, trusted, !gaveUp && !t.Queued()
		return f
	}
	var late net.Error
	f := &Failure{Again: c.Repeat, Missed: !gaveUp && errors.As(err, &late) && late.Timeout()}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	f.Err = e.Lost(c.Route, err)
	return f
}
