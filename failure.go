package wxpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// A failure is an attempt that did not succeed.
type failure = attempt.Failure

// unreadable is an answer that broke off, is too large or compressed.
func unreadable(ctx context.Context, r *request, ex *Exchange, resp *http.Response, err error, late error) *failure {
	if late != nil {
		err = late
	}
	if resp.StatusCode >= 400 && ctx.Err() == nil && late == nil { // the status alone says it was refused
		return refusal(r, ex, resp.Header, nil, auth.ErrUnsigned)
	}
	f := lost(r, ex, err)
	f.Again = f.Again && !errors.Is(err, httpx.ErrTooLarge) && !errors.Is(err, httpx.ErrEncoded)
	return f
}

// lost is an answer that cannot be believed or read. A clock that is wrong stays wrong, so that is not
// repeated.
func lost(r *request, ex *Exchange, err error) *failure {
	_, stale := errors.AsType[*auth.StaleError](err)
	return &failure{Err: &UnknownError{Route: r.call.Route, RequestID: ex.RequestID, Err: err}, Again: r.run.Repeat && !stale}
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
		f.Again = false
		return f
	}
	e := &Error{Route: r.call.Route, StatusCode: ex.Status, RequestID: ex.RequestID, Verified: unverified == nil}
	e.readRefusal(body)
	f := &failure{Err: e, After: attempt.RetryAfter(h)}
	switch {
	case ex.Status == http.StatusTooManyRequests:
		f.Throttled, f.Again = true, r.run.Repeat || e.Verified
	case ex.Status >= 500:
		f.Again = r.run.Repeat
		return f
	}
	// The status is not signed: a signed text without a code may be a success that was relabelled.
	if !r.run.Read && (!e.Verified || e.Code == "") {
		f.Err = &UnknownError{Route: r.call.Route, RequestID: ex.RequestID, Err: e}
		f.Again = f.Again && r.run.Repeat
	}
	return f
}
