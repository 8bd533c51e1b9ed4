// Package mchtransfer is the state of merchant transfer: bills, their receipts, and authorizations to pay without
// asking again.
//
// Numbers such as MT-3 stand for open questions, which https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md explains.
package mchtransfer

import (
	"net/http"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const (
	name = "mchtransfer"
	day  = 24 * time.Hour

	asked      = day      // how long a user may think, and a bill waits for money
	found      = 30 * day // how long queries find what has ended
	receipted  = 180 * day
	kept       = 90 * day // of a receipt
	downloaded = 10 * time.Minute
)

// Options are what a test may want of the product.
type Options struct {
	Duration time.Duration // from ACCEPTED to WAIT_USER_CONFIRM, from that to an end, and of a receipt
	MchID    string
}

// Transfers are the state.
type Transfers struct {
	e              *engine.Engine
	options        Options
	bills          engine.List[*bill] // by out_bill_no
	byID           map[string]*bill
	authorizations engine.List[*authorization] // by out_authorization_no
	authorizedByID map[string]*authorization
	valid          map[string]*authorization // in force, by user
	offers         map[string]*bill          // that ask for an authorization too, by its number
	timers         timers
	failing        map[string]string // reasons of bills that will fail, by out_bill_no
	account        account
}

// New returns an empty state: money there is without end.
func New(e *engine.Engine, o Options) *Transfers {
	return &Transfers{
		e: e, options: o, byID: map[string]*bill{}, authorizedByID: map[string]*authorization{}, valid: map[string]*authorization{}, offers: map[string]*bill{},
		failing: map[string]string{}, account: account{endless: true},
	}
}

// Product is what the engine is to know of it.
func (s *Transfers) Product() engine.Product {
	return engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"createTransferBill": s.createTransferBill, "createTransferBillWithAuthorization": s.createTransferBillWithAuthorization,
			"createAuthorizedTransferBill": s.createAuthorizedTransferBill, "cancelTransferBill": s.cancelTransferBill,
			"getTransferBillByOutBillNo": s.getTransferBill, "getTransferBillByTransferBillNo": s.getTransferBill,
			"applyReceiptByOutBillNo": s.applyReceipt, "applyReceiptByTransferBillNo": s.applyReceipt,
			"getReceiptByOutBillNo": s.getReceipt, "getReceiptByTransferBillNo": s.getReceipt,
			"createAuthorization": s.createAuthorization, "getAuthorization": s.getAuthorization, "closeAuthorization": s.closeAuthorization,
		},
		Repeats: []string{"createTransferBill", "createTransferBillWithAuthorization", "createAuthorizedTransferBill", "createAuthorization"},
		Files:   map[string]engine.File{"GET " + download: s.download},
		Actions: s.actions(),
		Views: func() []engine.View {
			return []engine.View{
				engine.Rows(name, "bills", s.bills.All(), s.row),
				engine.Rows(name, "authorizations", s.authorizations.All(), s.showAuthorization),
			}
		},
		Due:  s.timers.next,
		Pass: s.pass,
	}
}

// pass lets happen what is due by now.
func (s *Transfers) pass() { s.timers.pass(s.e.Now()) }

// exists refuses a number that was used with other data.
func exists(name string) error {
	return &engine.Refusal{Status: http.StatusBadRequest, Code: "ALREADY_EXISTS", Message: name + " was used with other data; query it and compare"}
}

// contentOf is what a request that comes again has to be like.
func (s *Transfers) contentOf(tx *engine.Tx) uint64 {
	return s.e.Hash(tx.Route + engine.Canonical(tx.Body))
}
