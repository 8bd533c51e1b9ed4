package wxpay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// Do makes a call and decodes its answer, which has been verified before. For a call that answers
// nothing use [Send].
//
// What is odd in a genuine answer, such as a time in another form, is left zero and told to
// [Config].Observe; an answer that lacks sense is an [UnknownError]. A T of json.RawMessage is the answer as it came,
// nothing included.
func Do[T any](ctx context.Context, c *Client, call Call) (*T, error) {
	answer := new(T)
	var into any = answer
	if _, nothing := into.(*struct{}); nothing {
		into = nil
	}
	if err := c.send(ctx, call, into, nil); err != nil {
		return nil, err
	}
	return answer, nil
}

// Send makes a call whose answer holds nothing.
func Send(ctx context.Context, c *Client, call Call) error { return c.send(ctx, call, nil, nil) }

// WithAttempts returns a context in which a call is attempted at most n times, at least once, where
// [Config].MaxAttempts allows more. It is for those who repeat by themselves, at a pace of their own.
func WithAttempts(ctx context.Context, n int) context.Context {
	return attempt.WithLimit(ctx, n)
}

// send makes attempts at a call until one succeeds, it must not be repeated, or it has used its attempts, its
// time or the client's quota, see Run in internal/attempt. What comes back is verified by v and decoded into answer; nil:
// into nothing.
func (c *Client) send(ctx context.Context, call Call, answer any, v verify) (err error) {
	ctx, record := recorded(ctx)
	defer func() { record.end(Exchange{Sender: c.config.caller(), Route: call.Route, Err: err}) }()
	if err := c.door(&call); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return c.engine.NotSent(call.Route, oneline.Ended(ctx)).Err
	}
	start := time.Now() // the time for the call includes that for the certificates it needs
	r, err := c.prepare(ctx, call, answer, v)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // it ended while certificates were loaded
		return c.engine.NotSent(call.Route, oneline.Ended(ctx)).Err
	}
	if err := c.keep(ctx, &r); err != nil {
		return err
	}
	r.run = attempt.Call{Route: call.Route, Deadline: start.Add(r.timeout), Upload: r.form != nil, Read: r.method == http.MethodGet, Repeat: r.repeatable()}
	return c.engine.Run(ctx, &r.run, func(ctx context.Context, n int, last *failure) *failure {
		host := c.hosts.pick(last)
		ex, fail := c.attempt(ctx, &r, host)
		c.hosts.report(host, ex.Status != 0, fail)
		if fail != nil {
			fail.Host = host
			c.engine.Remember(&r.run, fail, last)
			ex.Err = fail.Err
		}
		ex.Attempt = n
		c.observe(ctx, ex)
		return fail
	})
}

// attempt builds, signs and sends a request once, reads the answer under a bound, verifies and decodes it.
// What does not succeed is a failure that says whether it may be repeated.
func (c *Client) attempt(ctx context.Context, r *request, host string) (ex Exchange, fail *failure) {
	start := time.Now()
	ex = Exchange{Sender: c.config.caller(), Route: r.call.Route, Host: host}
	defer func() { ex.Duration = time.Since(start) }()
	var t trip
	defer t.End()
	watched := c.engine.Watch(ctx, &r.run, &t.Trip)
	req, err := c.build(watched, r, host, &t)
	if err != nil {
		return ex, c.engine.NotSent(r.call.Route, err)
	}
	resp, fail := c.engine.Do(ctx, &r.run, &t.Trip, req)
	if fail != nil {
		return ex, fail
	}
	defer resp.Body.Close()
	ex.Status, ex.Header = resp.StatusCode, resp.Header
	ex.RequestID, _ = header.Get(resp.Header, "Request-Id")
	body, err := httpx.ReadAnswer(resp)
	if err != nil {
		return ex, unreadable(ctx, r, &ex, resp, err, t.Late())
	}
	err = c.genuine(watched, r, resp.Header, body)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return ex, refusal(r, &ex, resp.Header, body, err)
	}
	if err == nil {
		err = r.fits(body)
	}
	if err == nil {
		ex.Odd, err = r.decode(body)
	}
	if err != nil {
		return ex, lost(r, &ex, err)
	}
	return ex, nil
}

// A trip is what one attempt keeps on the heap, in one piece.
type trip struct {
	httpx.Trip
	values [6]string // of the headers, so that they need no room of their own
	used   int
	body   payload
}

// A payload is the body of a request that is no upload.
type payload struct{ bytes.Reader }

func (*payload) Close() error { return nil }

// set sets a header whose name is in canonical form; an empty value sets none.
func (t *trip) set(h http.Header, name, value string) {
	if value != "" {
		t.values[t.used] = value
		h[name] = t.values[t.used : t.used+1 : t.used+1]
		t.used++
	}
}

// build makes the request of one attempt with a signature of its own.
func (c *Client) build(ctx context.Context, r *request, host string, t *trip) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, host+r.uri, nil)
	if err != nil {
		return nil, errors.New("address is not a URL")
	}
	authorization, err := auth.Authorization(ctx, c.config.Signer, c.scheme, r.method, req.URL.RequestURI(), time.Now().Unix(), r.payload)
	if err != nil {
		return nil, err
	}
	if !fitsHeader(authorization) {
		return nil, errors.New("the header Authorization holds characters that cannot be sent")
	}
	t.set(req.Header, "Authorization", authorization)
	t.set(req.Header, "Accept", "application/json")
	t.set(req.Header, "Accept-Encoding", "identity")
	t.set(req.Header, "User-Agent", userAgent)
	t.set(req.Header, "Content-Type", r.contentType)
	t.set(req.Header, "Wechatpay-Serial", r.serial)
	switch {
	case r.form != nil:
		if req.Body, err = r.form.Open(); err != nil {
			return nil, err
		}
		req.GetBody, req.ContentLength = r.form.Open, r.form.Size()
	case r.payload != nil:
		t.body.Reset(r.payload)
		req.Body, req.ContentLength = &t.body, int64(len(r.payload))
		text := r.payload // r itself stays off the heap
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	}
	return req, nil
}

const userAgent = "wxpay-go"

// genuine verifies an answer, and that it is not one that came before.
func (c *Client) genuine(ctx context.Context, r *request, h http.Header, body []byte) error {
	sig := auth.SignatureFrom(h)
	var err error
	if r.verify != nil {
		err = r.verify(ctx, sig, body)
	} else {
		err = auth.VerifyAnswer(ctx, c.verifier, c.scheme, sig, body, time.Now())
	}
	if err == nil && !c.answers.fresh(sig.Nonce) {
		return errReplayed
	}
	return err
}
