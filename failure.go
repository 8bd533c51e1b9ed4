package wxpay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// A failure is an attempt that did not succeed.
type failure struct {
	err       error  // for the caller
	again     bool   // may be repeated
	unmade    bool   // ended before the request was handed to the transport
	throttled bool   // the platform asks to slow down
	missed    bool   // the host was not reached or did not answer in time
	host      string // it was made at
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
