package edupapay_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	host   = platformtest.Host
	serial = platformtest.PublicKeyID
)

// S has the calls: S.GetContract.
type S = *edupapay.Service

// answers makes calls of a method that answers something.
func answers[P, R any](method func(S, context.Context, P) (*R, error)) func(P) platformtest.Call {
	return platformtest.Answers(edupapay.New, method)
}

// succeeds makes calls of a method that answers nothing.
func succeeds[P any](method func(S, context.Context, P) error) func(P) platformtest.Call {
	return platformtest.Succeeds(edupapay.New, method)
}

// newService returns the service of [newClient].
func newService(mock http.RoundTripper) *edupapay.Service { return edupapay.New(newClient(mock)) }

// newClient returns a client whose requests go to mock, each once. The answers of mock are signed.
func newClient(mock http.RoundTripper) *wxpay.Client { return newClientOf(mock, 1) }

func newClientOf(mock http.RoundTripper, attempts int) *wxpay.Client {
	config := platformtest.Config(nil)
	config.HTTPClient, config.MaxAttempts = &http.Client{Transport: mock}, attempts
	client, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return client
}

// signed answers as the platform does.
func signed(status int, body string) httpmock.Responder { return platformtest.Answer(status, body) }

// all makes a mock that answers everything by r.
func all(r httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(r)
	return mock
}
