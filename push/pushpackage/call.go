package pushpackage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/lenient"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
)

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

// A request is a call made ready.
type request struct {
	call
	payload []byte
	answer  any // to decode into
	run     attempt.Call
}

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
	answer := new(T)
	if err := c.send(ctx, &request{call: call, payload: payload, answer: answer}); err != nil {
		return nil, err
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

// send makes attempts at a call and tells the observer of each.
func (c *Client) send(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		return c.engine.NotSent(r.route, oneline.Ended(ctx)).Err
	}
	timeout := c.config.Timeout
	if r.form != nil {
		timeout = attempt.UploadTime(timeout, r.form.Size())
	}
	r.run = attempt.Call{Route: r.route, Deadline: time.Now().Add(timeout), Upload: r.form != nil, Read: r.repeat == ifHarmless, Repeat: r.repeat != ifTooFast}
	return c.engine.Run(ctx, &r.run, func(ctx context.Context, n int, last *attempt.Failure) *attempt.Failure {
		ex, fail := c.attempt(ctx, r)
		if fail != nil {
			c.engine.Remember(&r.run, fail, last)
			ex.Err = fail.Err
		}
		if c.config.Observe != nil {
			ex.Attempt = n
			c.config.Observe(ctx, ex)
		}
		return fail
	})
}

// attempt sends a call once and decodes the answer.
func (c *Client) attempt(ctx context.Context, r *request) (ex Exchange, fail *attempt.Failure) {
	start := time.Now()
	ex = Exchange{Route: r.route, Host: c.config.BaseURL}
	defer func() { ex.Duration = time.Since(start) }()
	var t httpx.Trip
	defer t.End()
	req, err := c.build(c.engine.Watch(ctx, &r.run, &t), r)
	if err != nil {
		return ex, c.engine.NotSent(r.route, err)
	}
	resp, fail := c.engine.Do(ctx, &r.run, &t, req)
	if fail != nil {
		return ex, r.broken(fail)
	}
	defer resp.Body.Close()
	ex.Status = resp.StatusCode
	body, err := httpx.ReadAnswer(resp)
	if err != nil && ex.Status < 400 { // from 400 on the status alone says it was refused
		fail = r.lost(cmp.Or(t.Late(), err))
		fail.Again = fail.Again && !errors.Is(err, httpx.ErrTooLarge) && !errors.Is(err, httpx.ErrEncoded)
		return ex, fail
	}
	if ex.RetCode, fail = r.judge(resp, body); fail != nil {
		return ex, fail
	}
	if ex.Odd, err = lenient.Unmarshal(body, r.answer); err != nil {
		fail = r.lost(errUndecodable)
		fail.Again = false
	}
	return ex, fail
}

// build makes the request of one attempt, logged in anew.
func (c *Client) build(ctx context.Context, r *request) (*http.Request, error) {
	method, path, _ := strings.Cut(r.route, " ")
	req, err := http.NewRequestWithContext(ctx, method, c.config.BaseURL+path, bytes.NewReader(r.payload))
	if err != nil {
		return nil, errors.New("address is not a URL")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "wxpay-go")
	if r.form == nil {
		req.Header.Set("Content-Type", "application/json")
		c.json(req.Header, r.payload)
		return req, nil
	}
	if req.Body, err = r.form.Open(); err != nil {
		return nil, err
	}
	req.GetBody, req.ContentLength = r.form.Open, r.form.Size()
	req.Header.Set("Content-Type", r.form.ContentType())
	c.upload(req.Header, nil)
	return req, nil
}

// broken is what to make of a request without an answer. What could take effect twice is not sent again even if
// it never left, and of a file that changed the last byte was held back.
func (r *request) broken(fail *attempt.Failure) *attempt.Failure {
	fail.Again = fail.Again && r.run.Repeat
	if e, ok := errors.AsType[*UnknownError](fail.Err); ok && errors.Is(e, media.ErrChanged) {
		return &attempt.Failure{Err: oneline.Error(fmt.Errorf("pushpackage: %s: broken off: %w", r.route, e.Err))}
	}
	return fail
}

// lost is an answer that cannot be read.
func (r *request) lost(err error) *attempt.Failure {
	return &attempt.Failure{Err: &UnknownError{r.route, err}, Again: r.run.Repeat}
}

var errUndecodable = errors.New("success, but with an answer that is not the JSON it should be")

// An outcome is what every answer says of success, in the spellings that are around: push differs from
// the rest, and the sample of add_plan_push from its own table.
type outcome struct {
	RetCode     *Code  `json:"retCode"`
	PushRetCode *Code  `json:"ret_code"`
	ErrMsg      string `json:"errMsg,omitzero"`
	OldErrMsg   string `json:"ErrMsg,omitzero"`
	PushErrMsg  string `json:"err_msg,omitzero"`
}

func (o *outcome) code() (code Code, given bool) {
	for _, c := range []*Code{o.RetCode, o.PushRetCode} {
		if c != nil {
			given = true
			code = cmp.Or(code, *c)
		}
	}
	return code, given
}

// judge reads the outcome of an answer; no failure is success.
func (r *request) judge(resp *http.Response, body []byte) (Code, *attempt.Failure) {
	var o outcome
	if _, err := lenient.Unmarshal(body, &o); err != nil {
		o = outcome{}
	}
	code, given := o.code()
	status := resp.StatusCode
	switch {
	case status == http.StatusOK && given && code == 0:
		return 0, nil
	case status == http.StatusOK && code == 0:
		return 0, r.lost(errors.New("answer has no return code"))
	case status < 400 && code == 0:
		return 0, &attempt.Failure{Err: &UnknownError{r.route, fmt.Errorf("answered with status %d, which is not followed", status)}}
	}
	e := &Error{Route: r.route, StatusCode: status, RetCode: code, Message: cmp.Or(o.ErrMsg, o.OldErrMsg, o.PushErrMsg)}
	f := &attempt.Failure{Err: e, After: attempt.RetryAfter(resp.Header)}
	switch {
	case code == CodeTooFast && status < 500:
		f.Throttled, f.Again = true, r.repeat != ifHarmless || f.After > 0
	case status == http.StatusTooManyRequests:
		f.Throttled, f.Again = true, r.run.Repeat
	case status >= 500, code == CodeServiceFailed:
		f.Again = r.run.Repeat
	}
	return code, f
}
