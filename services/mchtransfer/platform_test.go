package mchtransfer_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// S has the calls: S.CreateTransferBill.
type S = *mchtransfer.Service

// answers makes calls of a method.
func answers[P, R any](method func(S, context.Context, P) (*R, error)) func(P) platformtest.Call {
	return platformtest.Answers(mchtransfer.New, method)
}

// A responder answers one request, in whatever way.
type responder = func(*http.Request) (*http.Response, error)

// newService returns a service whose requests go to mock, each once.
func newService(mock http.RoundTripper) *mchtransfer.Service {
	config := platformtest.Config(nil)
	config.HTTPClient, config.MaxAttempts = &http.Client{Transport: mock}, 1
	client, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return mchtransfer.New(client)
}

// signed answers as the platform does.
func signed(status int, body string) responder { return platformtest.Answer(status, body) }

// changed is an answer of the platform that something on the way changed.
func changed(status int, body string, change func(http.Header)) responder {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := signed(status, body)(req)
		if err == nil {
			change(resp.Header)
		}
		return resp, err
	}
}

// unsigned is an answer of somebody on the way.
func unsigned(status int, body string) responder {
	return changed(status, body, func(h http.Header) { clear(h) })
}

// forged is signed, but not by the platform.
func forged(status int, body string) responder {
	return changed(status, body, func(h http.Header) {
		signature, err := platformtest.Sign("another text")
		if err != nil {
			panic(err)
		}
		h.Set("Wechatpay-Signature", signature)
	})
}

// strange is signed by a key that nobody knows.
func strange(status int, body string) responder {
	return changed(status, body, func(h http.Header) { h.Set("Wechatpay-Serial", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1") })
}

// twice answers the same to the last byte whenever it is asked, as who recorded an answer can.
func twice(r responder) responder {
	var header http.Header
	var body []byte
	return func(req *http.Request) (*http.Response, error) {
		if header == nil {
			resp, err := r(req)
			if err != nil {
				return nil, err
			}
			header = resp.Header
			if body, err = io.ReadAll(resp.Body); err != nil {
				return nil, err
			}
		}
		return &http.Response{StatusCode: 200, Request: req, Header: header, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(string(body)))}, nil
	}
}

func lost(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func unreached(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
}

func refused(status int, code wxpay.Code) responder {
	return signed(status, `{"code":"`+string(code)+`","message":"不行"}`)
}

// A platform answers each kind of request one answer after the other, and keeps what came.
type platform struct {
	t       testing.TB
	answers map[string][]responder // by method and path, without host
	sent    map[string][]string    // bodies
}

func (p *platform) RoundTrip(req *http.Request) (*http.Response, error) {
	at, body := req.Method+" "+req.URL.Path, []byte(nil)
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	if p.sent == nil {
		p.sent = map[string][]string{}
	}
	n := len(p.sent[at])
	p.sent[at] = append(p.sent[at], string(body))
	if n >= len(p.answers[at]) {
		p.t.Errorf("unexpected: %s, for the %d. time", at, n+1)
		return nil, io.ErrUnexpectedEOF
	}
	return p.answers[at][n](req)
}
