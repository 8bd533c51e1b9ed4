package wxpay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// do sends a call until it succeeds, must not be repeated, or has used its attempts, its time or the
// client's quota. What comes back is decoded into answer; nil: into nothing.
func (c *Client) do(ctx context.Context, call Call, answer any) error {
	if ctx.Err() != nil {
		return notSent(&request{call: call}, httpx.Ended(ctx)).err
	}
	r, err := c.prepare(ctx, call, answer)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // it ended while certificates were loaded
		return notSent(&r, httpx.Ended(ctx)).err
	}
	r.deadline = time.Now().Add(r.timeout)
	var last *failure
	for n := 1; ; n++ {
		fail := c.next(ctx, &r, n, last)
		if fail == nil {
			c.quota.Succeeded()
			return nil
		}
		if last == nil { // a call that succeeds at once needs no timer beside that of its attempt
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, r.deadline, httpx.ErrTime)
			defer cancel()
		}
		if n > 1 && fail.unmade {
			c.quota.Return() // the repetition was paid for, but not made
		}
		if n >= c.config.MaxAttempts || !fail.again || ctx.Err() != nil || !c.quota.Take() {
			return fail.err
		}
		if err := httpx.Sleep(ctx, fail.delay(n)); err != nil {
			c.quota.Return()
			return notRepeated(fail, err)
		}
		last = fail
	}
}

func notRepeated(last *failure, why error) error {
	return httpx.Line(fmt.Errorf("%w; not repeated: %w", last.err, why))
}

// next makes attempt n at the host whose turn it is, and tells the observer. After the platform asked to
// slow down, the whole client repeats one call at a time.
func (c *Client) next(ctx context.Context, r *request, n int, last *failure) *failure {
	if last != nil && last.throttled {
		select {
		case c.slow <- struct{}{}:
			defer func() { <-c.slow }()
		case <-ctx.Done():
			return &failure{err: notRepeated(last, httpx.Ended(ctx)), unmade: true}
		}
	}
	which := c.hosts.pick(last)
	ex, fail := c.attempt(ctx, r, c.hosts.urls[which])
	c.hosts.report(which, ex.Status != 0, fail)
	if fail != nil {
		fail.host = which
		fail.remember(last, r)
		ex.Err = fail.err
	}
	if c.config.Observe != nil {
		ex.Attempt = n
		c.config.Observe(ctx, ex)
	}
	return fail
}

// A failure is an attempt that did not succeed.
type failure struct {
	err       error // for the caller
	again     bool  // may be repeated
	unmade    bool  // ended before the request was handed to the transport
	throttled bool  // the platform asks to slow down
	missed    bool  // the host was not reached or did not answer in time
	host      int   // index of the host it was made at
	after     time.Duration
}

func (f *failure) delay(n int) time.Duration {
	switch {
	case f.after > 0:
		return f.after
	case f.throttled:
		return httpx.Backoff(n, time.Second)
	}
	return httpx.Backoff(n, 100*time.Millisecond)
}

// remember keeps the outcome of a write unknown: if an earlier attempt may have taken effect, then a later
// one that failed in any way does not make it known. What it failed with stays in the chain.
func (f *failure) remember(before *failure, r *request) {
	if before == nil || r.method == http.MethodGet || !OutcomeUnknown(before.err) || OutcomeUnknown(f.err) {
		return
	}
	f.err = &UnknownError{Route: r.call.Route, Err: fmt.Errorf("an attempt before this one was lost; then: %w", f.err)}
}

// notSent is a failure before the request was handed to the transport.
func notSent(r *request, err error) *failure {
	return &failure{unmade: true, err: httpx.Line(fmt.Errorf("wxpay: %s: not sent: %w", r.call.Route, err))}
}

// broken is a request without an answer. The address is dropped from the error, since its query may
// hold what must not be logged. A caller who gave up says nothing about the host.
func broken(ctx context.Context, r *request, err error, t *httpx.Trip) *failure {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	gaveUp := ctx.Err() != nil && !errors.Is(context.Cause(ctx), httpx.ErrTime)
	if t.NeverLeft(err) {
		f := notSent(r, err)
		f.unmade, f.again, f.missed = false, !httpx.Untrusted(err), !gaveUp && !t.Queued()
		return f
	}
	var late net.Error
	f := &failure{again: r.repeatable(), missed: !gaveUp && errors.As(err, &late) && late.Timeout()}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	f.err = &UnknownError{Route: r.call.Route, Err: err}
	return f
}

// unreadable is an answer that broke off, is too large or compressed.
func unreadable(ctx context.Context, r *request, ex *Exchange, resp *http.Response, err error, late error) *failure {
	if late != nil {
		err = late
	}
	if resp.StatusCode >= 400 && ctx.Err() == nil && late == nil { // the status alone says it was refused
		return refusal(r, ex, resp.Header, nil, auth.ErrUnsigned)
	}
	f := lost(r, ex, err)
	f.again = f.again && !errors.Is(err, httpx.ErrTooLarge) && !errors.Is(err, httpx.ErrEncoded)
	return f
}

// lost is an answer that cannot be believed or read. A clock that is wrong stays wrong, so that is not
// repeated.
func lost(r *request, ex *Exchange, err error) *failure {
	_, stale := errors.AsType[*auth.StaleError](err)
	return &failure{err: &UnknownError{Route: r.call.Route, RequestID: ex.RequestID, Err: err}, again: r.repeatable() && !stale}
}

// refusal is an answer other than 200 and 204. One with a wrong signature is not believed. One without is taken
// at its word and marked, if it is about a read; whether a write was refused, only the platform can say.
func refusal(r *request, ex *Exchange, h http.Header, body []byte, unverified error) *failure {
	switch {
	case ex.Status == http.StatusAccepted:
		return lost(r, ex, errors.New("accepted but not processed yet (202)"))
	case unverified != nil && !errors.Is(unverified, auth.ErrUnsigned):
		return lost(r, ex, unverified)
	case ex.Status < 400:
		f := lost(r, ex, fmt.Errorf("answered with status %d, which is not followed", ex.Status))
		f.again = false
		return f
	}
	e := &Error{Route: r.call.Route, StatusCode: ex.Status, RequestID: ex.RequestID, Verified: unverified == nil}
	e.readRefusal(body)
	f := &failure{err: e, after: httpx.RetryAfter(h)}
	switch {
	case ex.Status == http.StatusTooManyRequests:
		f.throttled, f.again = true, r.repeatable() || e.Verified
	case ex.Status >= 500:
		f.again = r.repeatable()
		return f
	}
	// The status is not signed: a signed text without a code may be a success that was relabelled.
	if r.method != http.MethodGet && (!e.Verified || e.Code == "") {
		f.err = &UnknownError{Route: r.call.Route, RequestID: ex.RequestID, Err: e}
		f.again = f.again && r.repeatable()
	}
	return f
}

// hosts chooses between the main host and the backup. After three attempts in a row that the main host
// missed the backup serves, and every 30 s one request tries the main host again.
type hosts struct {
	urls    [2]string // main, backup
	mu      sync.Mutex
	misses  int
	probeAt time.Time // zero: the main host serves
}

const (
	missesToSwitch = 3
	probeEvery     = 30 * time.Second
)

// pick returns the index of the host for the next attempt; a call that has just missed one host goes to
// the other at once.
func (h *hosts) pick(last *failure) int {
	if h.urls[1] == "" {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch now := time.Now(); {
	case last != nil && last.missed:
		return 1 - last.host
	case h.probeAt.IsZero():
		return 0
	case now.Before(h.probeAt):
		return 1
	default:
		h.probeAt = now.Add(probeEvery)
		return 0
	}
}

// report tells how an attempt went: an answer shows that the host is there, a miss that it may not be;
// anything else says nothing.
func (h *hosts) report(which int, answered bool, fail *failure) {
	if which != 0 || h.urls[1] == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case answered:
		h.misses, h.probeAt = 0, time.Time{}
	case fail.missed:
		if h.misses++; h.misses == missesToSwitch {
			h.probeAt = time.Now().Add(probeEvery)
		}
	}
}
