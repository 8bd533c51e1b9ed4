package pushpackage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/media"
)

// maxAnswer bounds the body of an answer.
const maxAnswer = 1 << 20

// A call is one call of the API: JSON, or an upload.
type call struct {
	route  string // "POST /v3/…"
	repeat repeat
	body   any
	form   *media.Form
}

// repeat says after what a call may be sent again.
type repeat int

const (
	ifTooFast  repeat = iota // it could take effect twice: only if the limit turned it away
	ifFailed                 // it does no harm
	ifHarmless               // the same, but its limit counts by the hour, so that waiting for seconds is no use
)

// do makes a call and decodes the answer. For a call that answers nothing T is struct{}.
func do[T any](ctx context.Context, c *Client, call call) (*T, error) {
	payload, err := encode(call.body)
	if p, ok := errors.AsType[*ParamError](err); ok {
		return nil, &ParamError{call.route, p.Param, p.Reason}
	}
	if err != nil {
		return nil, &ParamError{call.route, "body", "does not encode as JSON"}
	}
	if httpx.Mangled(payload) {
		return nil, &ParamError{call.route, "body", "holds text that is not UTF-8, such as GBK"}
	}
	body, err := c.send(ctx, &call, payload)
	if err != nil {
		return nil, err
	}
	answer := new(T)
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, &UnknownError{call.route, errors.New("success, but with an answer that is not the JSON it should be")}
	}
	return answer, nil
}

// encode writes JSON without the escapes that HTML would need: they count in the limit of a message.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// send sends a call until it succeeds, must not be repeated, or has used its attempts or its time.
func (c *Client) send(ctx context.Context, call *call, payload []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, notSent(call, httpx.Ended(ctx))
	}
	timeout := c.config.Timeout
	if call.form != nil {
		timeout = httpx.UploadTime(timeout, call.form.Size())
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last *failure
	for n := 1; ; n++ {
		body, ex, fail := c.attempt(ctx, call, payload)
		fail.remember(last, call)
		if c.config.Observe != nil {
			ex.Attempt, ex.Err = n, fail.cause()
			c.config.Observe(ctx, ex)
		}
		if fail == nil {
			c.quota.Succeeded()
			return body, nil
		}
		if n > 1 && fail.unmade {
			c.quota.Return() // the repetition was paid for, but not made
		}
		if !fail.again || n >= c.config.MaxAttempts || !c.quota.Take() {
			return nil, fail.err
		}
		if err := httpx.Sleep(ctx, fail.delay(n)); err != nil {
			c.quota.Return()
			return nil, httpx.Line(fmt.Errorf("%w; not repeated: %w", fail.err, err))
		}
		last = fail
	}
}

// attempt sends a call once and returns the body of a success.
func (c *Client) attempt(ctx context.Context, call *call, payload []byte) (body []byte, ex Exchange, fail *failure) {
	start := time.Now()
	ex = Exchange{Route: call.route}
	defer func() { ex.Duration = time.Since(start) }()
	var t httpx.Trip
	defer t.End()
	deadline, _ := ctx.Deadline() // of the whole call
	req, err := c.build(t.Watch(ctx, c.config.HTTPClient, deadline), call, payload)
	if err != nil {
		return nil, ex, &failure{err: notSent(call, err), unmade: true}
	}
	resp, err := c.config.HTTPClient.Do(req)
	if err != nil {
		return nil, ex, broken(ctx, call, cmp.Or(t.Late(), err), t.NeverLeft(err))
	}
	defer resp.Body.Close()
	ex.Status = resp.StatusCode
	body, err = httpx.ReadAll(resp, maxAnswer)
	if err != nil && ex.Status < 400 { // from 400 on the status alone says it was refused
		fail = broken(ctx, call, cmp.Or(t.Late(), err), false)
		fail.again = fail.again && !errors.Is(err, httpx.ErrTooLarge) && !errors.Is(err, httpx.ErrEncoded)
		return nil, ex, fail
	}
	ex.RetCode, fail = judge(call, resp, body)
	return body, ex, fail
}

// build makes the request of one attempt, logged in anew.
func (c *Client) build(ctx context.Context, call *call, payload []byte) (*http.Request, error) {
	method, path, _ := strings.Cut(call.route, " ")
	req, err := http.NewRequestWithContext(ctx, method, c.config.BaseURL+path, bytes.NewReader(payload))
	if err != nil {
		return nil, errors.New("address is not a URL")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "wxpay-go")
	if call.form == nil {
		req.Header.Set("Content-Type", "application/json")
		c.json(req.Header, payload)
		return req, nil
	}
	if req.Body, err = call.form.Open(); err != nil {
		return nil, err
	}
	req.GetBody, req.ContentLength = call.form.Open, call.form.Size()
	req.Header.Set("Content-Type", call.form.ContentType())
	c.upload(req.Header, nil)
	return req, nil
}

// A failure is an attempt that did not succeed.
type failure struct {
	err     error // for the caller
	again   bool  // may be repeated
	unmade  bool  // ended before the request was handed to the transport
	tooFast bool
	after   time.Duration
}

func (f *failure) cause() error {
	if f == nil {
		return nil
	}
	return f.err
}

// remember keeps an outcome unknown: what an earlier attempt may have done, a later failure does not undo.
// A read does nothing.
func (f *failure) remember(before *failure, call *call) {
	if f == nil || before == nil || call.repeat == ifHarmless || !OutcomeUnknown(before.err) || OutcomeUnknown(f.err) {
		return
	}
	f.err = &UnknownError{call.route, fmt.Errorf("an attempt before this one was lost; then: %w", f.err)}
}

func (f *failure) delay(n int) time.Duration {
	switch {
	case f.after > 0:
		return f.after
	case f.tooFast: // the limit of pushes is one a second
		return time.Second + httpx.Backoff(n, time.Second)
	}
	return httpx.Backoff(n, 100*time.Millisecond)
}

func notSent(call *call, err error) error {
	return httpx.Line(fmt.Errorf("pushpackage: %s: not sent: %w", call.route, err))
}

// broken is a request without an answer that can be read.
func broken(ctx context.Context, call *call, err error, neverLeft bool) *failure {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	switch {
	case errors.Is(err, media.ErrChanged): // its last byte was held back
		return &failure{err: httpx.Line(fmt.Errorf("pushpackage: %s: broken off: %w", call.route, err))}
	case neverLeft:
		return &failure{err: notSent(call, err), again: call.repeat != ifTooFast && !httpx.Untrusted(err)}
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		err = errors.Join(ctx.Err(), err)
	}
	return &failure{err: &UnknownError{call.route, err}, again: call.repeat != ifTooFast}
}

// An outcome is what every answer says of success, in the spellings that are around: push differs from
// the rest, and the sample of add_plan_push from its own table.
type outcome struct {
	RetCode     *number `json:"retCode"`
	PushRetCode *number `json:"ret_code"`
	ErrMsg      text    `json:"errMsg"`
	OldErrMsg   text    `json:"ErrMsg"`
	PushErrMsg  text    `json:"err_msg"`
}

func (o *outcome) code() (code Code, given bool) {
	for _, n := range []*number{o.RetCode, o.PushRetCode} {
		if n != nil {
			given = true
			code = cmp.Or(code, Code(*n))
		}
	}
	return code, given
}

// judge reads the outcome of an answer; no failure is success.
func judge(call *call, resp *http.Response, body []byte) (Code, *failure) {
	var o outcome
	if err := json.Unmarshal(body, &o); err != nil {
		o = outcome{}
	}
	code, given := o.code()
	status := resp.StatusCode
	switch {
	case status == http.StatusOK && given && code == 0:
		return 0, nil
	case status < 400 && code == 0:
		why := errors.New("answer has no return code")
		if status != http.StatusOK {
			why = fmt.Errorf("answered with status %d, which is not followed", status)
		}
		return 0, &failure{err: &UnknownError{call.route, why}, again: call.repeat != ifTooFast && status == http.StatusOK}
	}
	e := &Error{Route: call.route, StatusCode: status, RetCode: code, Message: string(cmp.Or(o.ErrMsg, o.OldErrMsg, o.PushErrMsg)),
		Meaning: code.Meaning(), Hint: code.Hint()}
	if code == 0 {
		e.Meaning, e.Hint = refused(status)
	}
	f := &failure{err: e, after: httpx.RetryAfter(resp.Header)}
	switch {
	case code == CodeTooFast && status < 500:
		f.tooFast, f.again = true, call.repeat != ifHarmless || f.after > 0
	case status == http.StatusTooManyRequests:
		f.tooFast, f.again = true, call.repeat != ifTooFast
	case status >= 500, code == CodeServiceFailed:
		f.again = call.repeat != ifTooFast
	}
	return code, f
}
