//go:build unix

package bulk_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/coupons"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// coupons is the work of a child: its card is the stock.
func (c crash) coupons(client *wxpay.Client) (bulk.Source, bulk.Operation, error) {
	o := coupons.Send{Client: client, BrandID: wxpaytest.BrandID, ProductCouponID: c.Coupon, StockID: c.Card, AppID: "wx233544546545989"}
	return c.list(o, "openid-%06d"), o, nil
}

// A job that is killed again and again sends every user one coupon.
func TestCrashCoupons(t *testing.T) {
	users, kills := 300, 6
	if *soak {
		users, kills = 20_000, 50
	}
	var calls, unwise atomic.Int64
	s := newSite(t, wxpaytest.Options{Unlimited: true, Observe: func(r wxpaytest.Request) {
		if r.Method == "POST" {
			calls.Add(1)
		}
		unwise.Add(int64(len(r.Advice)))
	}})
	c := s.told
	c.Kind, c.Rows = "coupons", users
	c.Coupon, c.Card = s.AddProductCoupon("WECHATPAY", "max_count_per_user=2") // a second one would be sent
	summary, killed := s.toTheEnd(t, c, kills, users*3/4, "before", "after", "body")
	assert.Equal(t, bulk.Sums{Rows: int64(users), Done: int64(users)}, summary.Sums)
	times := map[string]int{}
	for _, v := range s.State() {
		for _, row := range v.Rows {
			if v.Name == "user-coupons" {
				times[fmt.Sprint(row["openid"])]++
			}
		}
	}
	assert.Len(t, times, users)
	for openid, n := range times {
		assert.Equal(t, 1, n, openid)
	}
	assert.LessOrEqual(t, int(calls.Load()), users+killed*c.Concurrency)
	assert.Zero(t, unwise.Load())
	t.Logf("%d users, %d kills, %d sends again", users, killed, int(calls.Load())-users)
}
