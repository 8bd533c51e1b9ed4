// Package mismatch registers a function of the wrong type. See TestWrongTypesDoNotCompile.
package mismatch

import (
	"context"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

func register(h *notify.Handler) {
	notify.On(h, edupapay.EventContractSigned, func(context.Context, *notify.Event, *edupapay.TransactionEvent) error { return nil })
}
