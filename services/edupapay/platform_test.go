package edupapay_test

import (
	"context"
	"io"
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

// newService returns the service of a client whose requests go to mock, each once.
func newService(mock http.RoundTripper) *edupapay.Service { return newServiceOf(mock, 1) }

func newServiceOf(mock http.RoundTripper, attempts int) *edupapay.Service {
	config := platformtest.Config(nil)
	config.HTTPClient, config.MaxAttempts = &http.Client{Transport: mock}, attempts
	client, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return edupapay.New(client)
}

// signed answers as the platform does.
func signed(status int, body string) httpmock.Responder { return platformtest.Answer(status, body) }

// sent is what the service put on the wire.
type sent struct {
	line   string // method and request URI
	body   string
	serial string // Wechatpay-Serial
}

// record answers with status and body and keeps the request.
func record(to *sent, status int, body string) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		to.line, to.serial = req.Method+" "+req.URL.RequestURI(), req.Header.Get("Wechatpay-Serial")
		if req.Body != nil {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			to.body = string(b)
		}
		return signed(status, body)(req)
	}
}

// call is one use of the service, with its result if it has one.
type call = func(context.Context, *edupapay.Service) (any, error)

// all makes a mock that answers everything by r.
func all(r httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(r)
	return mock
}
