// Package products is where the engine gets its products from.
package products

import (
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/bankpackages"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/security"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/tpns"
)

// Options are what a test may want of the products.
type Options struct {
	MchID    string        // of the merchant whose state it is
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
	Pushes    *tpns.Pushes
}

// New lets all products answer.
func New(e *engine.Engine, o Options) (*Set, error) {
	o.Bank.Duration, o.Cards.MchID = o.Duration, o.MchID
	s := &Set{
		Bank: bankpackages.New(e, o.Bank), Cards: membercard.New(e, o.Cards), Pushes: tpns.New(e),
		Contracts: edupapay.New(e, edupapay.Options{Duration: o.Duration, Pay: o.Pay, MchID: o.MchID}),
	}
	for _, p := range []engine.Product{security.New(e), s.Bank.Product(), s.Cards.Product(), s.Contracts.Product(), s.Pushes.Product()} {
		if err := e.Add(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}
