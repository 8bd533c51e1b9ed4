package edupapay_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

// states answers one after the other; the last one stays.
func states(t *testing.T, answers ...httpmock.Responder) *httpmock.MockTransport {
	n := 0
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", host+"/v3/edu-papay/transactions/out-trade-no/201407033233368018?sub_mchid=1900000109", func(req *http.Request) (*http.Response, error) {
		answer := answers[min(n, len(answers)-1)]
		n++
		return answer(req)
	})
	mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		t.Errorf("unexpected %s %s", req.Method, req.URL)
		return nil, io.EOF
	})
	return mock
}

func state(s string) httpmock.Responder {
	return signed(200, `{"appid":"wx","out_trade_no":"201407033233368018","trade_state":"`+s+`"}`)
}

var waited = edupapay.WaitTransactionParams{OutTradeNo: "201407033233368018", SubMchID: "1900000109"}

func TestWaitTransaction(t *testing.T) {
	t.Parallel()
	lost := func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	busy := signed(429, `{"code":"RATELIMIT_EXCEEDED","message":"slow down"}`)
	broken := signed(500, `{"code":"SYSTEM_ERROR","message":"again"}`)
	for name, test := range map[string]struct {
		every   time.Duration
		answers []httpmock.Responder
		want    edupapay.TradeState
		after   time.Duration
	}{
		"at once":             {answers: []httpmock.Responder{state("SUCCESS")}, want: edupapay.TradeSuccess},
		"refunded":            {answers: []httpmock.Responder{state("ACCEPTED"), state("REFUND")}, want: edupapay.TradeRefund, after: 5 * time.Second},
		"failed":              {answers: []httpmock.Responder{state("ACCEPTED"), state("ACCEPTED"), state("PAY_FAIL")}, want: edupapay.TradePayFail, after: 10 * time.Second},
		"every minute":        {every: time.Minute, answers: []httpmock.Responder{state("ACCEPTED"), state("SUCCESS")}, want: edupapay.TradeSuccess, after: time.Minute},
		"a negative interval": {every: -1, answers: []httpmock.Responder{state("ACCEPTED"), state("SUCCESS")}, want: edupapay.TradeSuccess, after: 5 * time.Second},
		"unknown state":       {answers: []httpmock.Responder{state("FROZEN"), state(""), state("SUCCESS")}, want: edupapay.TradeSuccess, after: 10 * time.Second},
		"passing failures":    {answers: []httpmock.Responder{lost, busy, broken, state("SUCCESS")}, want: edupapay.TradeSuccess, after: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mock := states(t, test.answers...)
				p := waited
				p.Every = test.every
				start := time.Now()
				got, err := newService(mock).WaitTransaction(t.Context(), p)
				require.NoError(t, err)
				assert.Equal(t, test.want, got.TradeState)
				assert.Equal(t, test.after, time.Since(start))
				assert.Equal(t, len(test.answers), mock.GetTotalCallCount())
			})
		})
	}
}

// Half a day of waiting ends with the context and hands over the last state and the caller's own cause.
func TestWaitTransactionEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("shop closes")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(12*time.Hour+time.Second, func() { cancel(cause) })
		start := time.Now()
		p := waited
		p.Every = 10 * time.Minute
		got, err := newService(states(t, state("ACCEPTED"))).WaitTransaction(ctx, p)
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, err, context.Canceled)
		require.NotNil(t, got)
		assert.Equal(t, edupapay.TradeAccepted, got.TradeState)
		assert.Equal(t, 12*time.Hour+time.Second, time.Since(start))
	})
}

func TestWaitTransactionBeyondDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		broken := signed(500, `{"code":"SYSTEM_ERROR","message":"again"}`)
		got, err := newService(states(t, state("ACCEPTED"), state("FROZEN"), broken)).WaitTransaction(ctx, waited)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, wxpay.CodeSystemError)
		require.NotNil(t, got)
		assert.Equal(t, edupapay.TradeState("FROZEN"), got.TradeState)
		assert.NotContains(t, err.Error(), "\n")
	})
}

func TestWaitTransactionRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := signed(404, `{"code":"NOT_FOUND","message":"none"}`)
		got, err := newService(states(t, refused)).WaitTransaction(t.Context(), waited)
		require.ErrorIs(t, err, wxpay.CodeNotFound)
		assert.Nil(t, got)
		got, err = newService(states(t, state("ACCEPTED"), refused)).WaitTransaction(t.Context(), waited)
		require.ErrorIs(t, err, wxpay.CodeNotFound)
		require.NotNil(t, got)
		assert.Equal(t, edupapay.TradeAccepted, got.TradeState)

		got, err = newService(states(t, state("SUCCESS"))).WaitTransaction(t.Context(), edupapay.WaitTransactionParams{OutTradeNo: "a b"})
		_, ok := errors.AsType[*wxpay.ParamError](err)
		assert.True(t, ok, "%v", err)
		assert.Nil(t, got)
	})
}
