package mchtransfer

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// An account is the money that transfers are paid from.
type account struct {
	endless bool
	balance int64 // what no bill has locked
	refuses bool  // NOT_ENOUGH when a bill is created, in place of a bill that waits
	waiting []*bill
}

// affords refuses a new bill for which there is no money.
func (a *account) affords(amount int64) error {
	if a.endless || !a.refuses || amount <= a.balance {
		return nil
	}
	return &engine.Refusal{Status: http.StatusForbidden, Code: "NOT_ENOUGH", Message: "the account has too little money; top up, then repeat with the same out_bill_no"}
}

// lock takes the money of a bill, if it is there.
func (a *account) lock(b *bill) {
	switch {
	case a.endless:
		b.locked = true
	case b.amount() <= a.balance:
		a.balance -= b.amount()
		b.locked, b.taken = true, true
	}
}

// mostBalance leaves room for what comes back.
const mostBalance = 1 << 53

// setBalance says how much money there is. What waits for it goes on.
func (s *Transfers) setBalance(args map[string]string) (any, error) {
	fen, err := strconv.ParseInt(args["balance"], 10, 64)
	if endless := args["balance"] == "endless"; !endless && (err != nil || fen < 0 || fen > mostBalance) {
		return nil, errors.New("wxpaytest: balance is a number of fen up to 2^53, or endless")
	}
	a := &s.account
	a.balance, a.endless, a.refuses = fen, err != nil, args["short"] == "NOT_ENOUGH"
	s.goOn(s.e.Now())
	s.pass()
	return nil, nil
}

// goOn lets bills go on that waited for money, in their order, as far as it goes.
func (s *Transfers) goOn(at time.Time) {
	a := &s.account
	for len(a.waiting) > 0 {
		b := a.waiting[0]
		waits := b.state == "PROCESSING" && !b.locked
		if waits {
			if a.lock(b); !b.locked {
				return
			}
		}
		a.waiting[0] = nil
		if a.waiting = a.waiting[1:]; waits {
			s.ask(b, at)
		}
	}
}
