package wxpay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// Do makes a call and decodes its answer, which has been verified before. For a call that answers
// nothing use [Send].
//
// What is odd in a genuine answer, such as a time in another form, is left zero and told to
// [Config].Observe; an answer that lacks sense is an [UnknownError].
func Do[T any](ctx context.Context, c *Client, call Call) (*T, error) {
	answer := new(T)
	var into any = answer
	if _, nothing := into.(*struct{}); nothing {
		into = nil
	}
	if err := c.call(ctx, call, into); err != nil {
		return nil, err
	}
	return answer, nil
}

// Send makes a call whose answer holds nothing.
func Send(ctx context.Context, c *Client, call Call) error { return c.call(ctx, call, nil) }

// call sends a call by the door that is open to who calls, and keeps a record for who looks on.
func (c *Client) call(ctx context.Context, call Call, answer any) error {
	ctx, record := recorded(ctx)
	err := c.door(&call)
	if err == nil {
		err = c.send(ctx, call, answer, nil)
	}
	record.end(Exchange{Sender: c.config.caller(), Route: call.Route, Err: err})
	return err
}

// door makes the Route of a call the one that is open to who calls.
func (c *Client) door(call *Call) error {
	brand := c.scheme == auth.Brand
	if brand && call.BrandRoute != "" {
		call.Route = call.BrandRoute
		return nil
	}
	_, path, _ := strings.Cut(call.Route, " ")
	switch forBrands := strings.HasPrefix(path, "/brand/"); {
	case brand && !forBrands:
		return &ParamError{call.Route, "route", "is not open to brands"}
	case !brand && forBrands:
		return &ParamError{call.Route, "route", "is open to brands alone, and the client is that of a merchant"}
	}
	return nil
}

// send makes attempts at a call until one succeeds, it must not be repeated, or it has used its attempts, its
// time or the client's quota. What comes back is verified by v and decoded into answer; nil: into nothing.
func (c *Client) send(ctx context.Context, call Call, answer any, v verify) error {
	if ctx.Err() != nil {
		return notSent(&request{call: call}, httpx.Ended(ctx)).err
	}
	r, err := c.prepare(ctx, call, answer, v)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // it ended while certificates were loaded
		return notSent(&r, httpx.Ended(ctx)).err
	}
	if err := c.keep(ctx, &r); err != nil {
		return err
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
	host := c.hosts.pick(last)
	ex, fail := c.attempt(ctx, r, host)
	c.hosts.report(host, ex.Status != 0, fail)
	if fail != nil {
		fail.host = host
		fail.remember(last, r)
		ex.Err = fail.err
	}
	ex.Attempt = n
	c.observe(ctx, ex)
	return fail
}

// attempt builds, signs and sends a request once, reads the answer under a bound, verifies and decodes it.
// What does not succeed is a failure that says whether it may be repeated.
func (c *Client) attempt(ctx context.Context, r *request, host string) (ex Exchange, fail *failure) {
	start := time.Now()
	ex = Exchange{Sender: c.config.caller(), Route: r.call.Route, Host: host}
	defer func() { ex.Duration = time.Since(start) }()
	var t trip
	defer t.End()
	watched := t.Watch(ctx, c.config.HTTPClient, r.deadline)
	req, err := c.build(watched, r, host, &t)
	if err != nil {
		return ex, notSent(r, err)
	}
	if ctx.Err() != nil { // a transport that never started could not tell
		closeBody(req)
		return ex, notSent(r, httpx.Ended(ctx))
	}
	resp, err := c.config.HTTPClient.Do(req)
	if err != nil {
		return ex, broken(ctx, r, err, &t.Trip)
	}
	defer resp.Body.Close()
	ex.Status, ex.Header = resp.StatusCode, resp.Header
	ex.RequestID, _ = header.Get(resp.Header, "Request-Id")
	body, err := readAnswer(resp)
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
		return nil, errors.New("Authorization holds characters that a header cannot carry")
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

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
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
