// Package compiles registers functions of the right types. See TestWrongTypesDoNotCompile.
package compiles

import (
	"context"
	"encoding/json"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

type refund struct{ ID string }

const eventRefunded wxpay.EventType[refund] = "REFUND.SUCCESS"

func register(h *notify.Handler, name string) {
	notify.On(h, edupapay.EventContractSigned, func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return nil })
	notify.On(h, eventRefunded, func(context.Context, *notify.Event, *refund) error { return nil })
	notify.On(h, "REFUND.ABNORMAL", func(context.Context, *notify.Event, *refund) error { return nil })
	notify.On(h, wxpay.EventType[json.RawMessage](name), func(context.Context, *notify.Event, *json.RawMessage) error { return nil })
}
