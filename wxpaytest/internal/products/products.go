// Package products is where the engine gets its products from.
package products

import (
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/bankpackages"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/deliveryplan"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/mchtransfer"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/productcoupon"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/security"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/tpns"
)

// Options are what a test may want of the products.
type Options struct {
	MchID    string        // of the merchant whose state it is
	BrandID  string        // of the brand
	Caller   string        // who the test is: one of the two
	Duration time.Duration // of tasks and debits
	Bank     bankpackages.Options
	Cards    membercard.Options
	Pay      func(outTradeNo string) bool
}

// A Set is the state of all products that have one.
type Set struct {
	Bank      *bankpackages.Bank
	Cards     *membercard.Cards
	Contracts *edupapay.Contracts
	Coupons   *productcoupon.Coupons
	Plans     *deliveryplan.Plans
	Pushes    *tpns.Pushes
	Transfers *mchtransfer.Transfers
}

// New lets all products answer.
func New(e *engine.Engine, o Options) (*Set, error) {
	o.Bank.Duration, o.Cards.MchID = o.Duration, o.MchID
	s := &Set{
		Bank: bankpackages.New(e, o.Bank), Cards: membercard.New(e, o.Cards), Pushes: tpns.New(e),
		Contracts: edupapay.New(e, edupapay.Options{Duration: o.Duration, Pay: o.Pay, MchID: o.MchID}),
		Coupons:   productcoupon.New(e, productcoupon.Options{Duration: o.Duration, BrandID: o.BrandID, Caller: o.Caller}),
		Transfers: mchtransfer.New(e, mchtransfer.Options{Duration: o.Duration, MchID: o.MchID}),
	}
	s.Plans = deliveryplan.New(e, deliveryplan.Options{MchID: o.MchID, Stock: s.Coupons.Stock})
	for _, p := range []engine.Product{
		security.New(e), s.Bank.Product(), s.Cards.Product(), s.Contracts.Product(), s.Coupons.Product(), s.Plans.Product(), s.Pushes.Product(), s.Transfers.Product(),
	} {
		if err := e.Add(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}
