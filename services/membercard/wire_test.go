package membercard_test

import (
	"context"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const host = platformtest.Host

// S has the calls: S.GetCard.
type S = *membercard.Service

// answers makes calls of a method that answers something.
func answers[P, R any](method func(S, context.Context, P) (*R, error)) func(P) platformtest.Call {
	return platformtest.Answers(membercard.New, method)
}

// succeeds makes calls of a method that answers nothing.
func succeeds[P any](method func(S, context.Context, P) error) func(P) platformtest.Call {
	return platformtest.Succeeds(membercard.New, method)
}

// newService returns a service in front of a mock whose answers are signed as the platform signs.
func newService(mock *httpmock.MockTransport) *membercard.Service {
	client, err := wxpay.New(platformtest.Config(mock))
	if err != nil {
		panic(err)
	}
	return membercard.New(client)
}

// all makes a mock that answers everything by r.
func all(r httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(r)
	return mock
}

// at reads a time as it stands in a document.
func at(s string) wxpay.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return wxpay.TimeOf(t)
}
