package productcoupon_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// S has the calls: S.GetStock.
type S = *productcoupon.Service

// answers makes calls of a method that answers something.
func answers[P, R any](method func(S, context.Context, P) (*R, error)) func(P) platformtest.Call {
	return platformtest.Answers(productcoupon.New, method)
}

// Where the calls are, for service providers and for brands.
const (
	partner = "/v3/marketing/partner/product-coupon"
	brand   = "/brand/marketing/product-coupon"
)

// bothDoors plays a call of a service provider, and the same made by a brand.
func bothDoors(t *testing.T, w platformtest.Wire) {
	t.Helper()
	t.Run("partner", w.Run)
	other := func(s string) string { return strings.Replace(s, partner, brand, 1) }
	t.Run("brand", w.OfBrand(other(w.Request), other(w.Route)).Run)
}

// answering is a service in front of a platform that gives these answers one after the other; the last one stays. Bodies
// are what was sent.
func answering(t *testing.T, answers ...func(*http.Request) (*http.Response, error)) (S, *[]string) {
	bodies := new([]string)
	client := once(t, func(req *http.Request) (*http.Response, error) {
		*bodies = append(*bodies, text(t, req))
		return answers[min(len(*bodies), len(answers))-1](req)
	})
	return productcoupon.New(client), bodies
}

// once is a client that makes each call once. Answers are signed by whoever gives them.
func once(t *testing.T, answer platformtest.Trip) *wxpay.Client {
	config := platformtest.Config(nil)
	config.MaxAttempts, config.HTTPClient = 1, &http.Client{Transport: answer}
	client, err := wxpay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func text(t *testing.T, req *http.Request) string {
	if req.Body == nil {
		return ""
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// signed answers as the platform does.
func signed(status int, body string) func(*http.Request) (*http.Response, error) {
	return platformtest.Answer(status, body)
}

// at reads a time as it stands in a document.
func at(s string) wxpay.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return wxpay.TimeOf(t)
}

// forged is an answer that nobody signed.
func forged(body string) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
}
