package mchtransfer

import (
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A bill is one transfer.
type bill struct {
	id, caller string
	request    engine.Object
	content    uint64
	openid     string

	state, reason    string
	created, updated time.Time
	locked           bool           // its money is
	taken            bool           // from the account, which was not endless then
	under            *authorization // by which nobody is asked; nil: the user is
	offer            *authorization // that the user may give along with it; nil: none
	receipt          time.Time      // when it was applied for; zero: never
	timer            *timer
}

func (b *bill) number() string { return b.request.Text("out_bill_no") }
func (b *bill) amount() int64  { return b.request.Number("transfer_amount") }

// settled reports whether nothing happens to the bill any more.
func (b *bill) settled() bool {
	return b.state == "SUCCESS" || b.state == "FAIL" || b.state == "CANCELLED"
}

// createTransferBill makes a bill that the user has to confirm.
func (s *Transfers) createTransferBill(tx *engine.Tx) (engine.Object, error) {
	b, err := s.billOf(tx, &bill{openid: tx.Body.Text("openid")})
	if err != nil {
		return nil, err
	}
	return s.showCreated(b), nil
}

// showCreated is a bill as the calls answer that create one.
func (s *Transfers) showCreated(b *bill) engine.Object {
	o := s.show(b).Pick("out_bill_no", "transfer_bill_no", "create_time", "state", "fail_reason")
	if b.state == "WAIT_USER_CONFIRM" {
		o["package_info"] = ticket(b.id)
	}
	return o
}

// ticket is what opens the page on which a user confirms.
func ticket(id string) string { return "wxpaytest" + id + "==" }

// billOf makes a bill of a request, or finds the one that was made of it.
func (s *Transfers) billOf(tx *engine.Tx, b *bill) (*bill, error) {
	b.request, b.content, b.caller = tx.Body, s.contentOf(tx), tx.Caller
	if was, ok := s.bills.Get(b.number()); ok {
		if was.content != b.content {
			return nil, exists("out_bill_no")
		}
		return was, nil
	}
	if err := checkBill(b.request); err != nil {
		return nil, err
	}
	if err := s.account.affords(b.amount()); err != nil {
		return nil, err
	}
	b.id, b.created = fmt.Sprintf("1330000071100%027d", s.e.Number()), s.e.Now()
	s.bills.Add(b.number(), b)
	s.byID[b.id] = b
	s.enter(b, "ACCEPTED", b.created, s.options.Duration/2, func(at time.Time) {
		s.enter(b, "PROCESSING", at, s.options.Duration-s.options.Duration/2, func(at time.Time) { s.charge(b, at) })
	})
	s.pass()
	return b, nil
}

// enter brings a bill into a state, and says what follows by itself.
func (s *Transfers) enter(b *bill, state string, at time.Time, after time.Duration, next func(time.Time)) {
	b.state, b.updated = state, at
	s.timers.set(&b.timer, at.Add(after), next)
}

// charge locks the money of a bill, or lets it wait for money.
func (s *Transfers) charge(b *bill, at time.Time) {
	if s.account.lock(b); b.locked {
		s.ask(b, at)
		return
	}
	s.account.waiting = append(s.account.waiting, b)
	s.timers.set(&b.timer, b.created.Add(asked), s.overdue(b))
}

func (s *Transfers) overdue(b *bill) func(time.Time) {
	return func(at time.Time) { s.end(b, "FAIL", "OVERDUE_CLOSE", at) }
}

// ask asks the user, unless that was done once and for all.
func (s *Transfers) ask(b *bill, at time.Time) {
	reason, fails := s.failing[b.number()]
	switch {
	case fails:
		s.end(b, "FAIL", reason, at)
	case b.under != nil:
		s.pay(b, at)
	default:
		s.enter(b, "WAIT_USER_CONFIRM", at, asked, s.overdue(b))
	}
}

func (s *Transfers) pay(b *bill, at time.Time) {
	s.enter(b, "TRANSFERING", at, s.options.Duration, func(at time.Time) { s.end(b, "SUCCESS", "", at) })
}

// end ends a bill. Money that was not paid goes back.
func (s *Transfers) end(b *bill, state, reason string, at time.Time) {
	s.timers.stop(b.timer)
	b.state, b.reason, b.updated = state, reason, at
	s.drop(b)
	if address := b.request.Text("notify_url"); address != "" {
		plain := s.show(b).Pick("mch_id", "out_bill_no", "transfer_bill_no", "state", "transfer_amount", "openid", "fail_reason", "create_time", "update_time")
		s.e.Happen(engine.Event{Type: "MCHTRANSFER.BILL.FINISHED", Plaintext: plain, URL: address, Due: at, Caller: b.caller})
	}
	if b.taken && state != "SUCCESS" {
		s.account.balance += b.amount()
		s.goOn(at)
	}
}

// find finds a bill by either number.
func (s *Transfers) find(o engine.Object) (*bill, error) {
	b, ok := s.bills.Get(o.Text("out_bill_no"))
	if id := o.Text("transfer_bill_no"); id != "" {
		b, ok = s.byID[id]
	}
	if !ok {
		return nil, engine.NotFound("bill")
	}
	return b, nil
}

func (s *Transfers) getTransferBill(tx *engine.Tx) (engine.Object, error) {
	b, err := s.find(tx.Vars)
	if err != nil {
		return nil, err
	}
	if s.e.Now().Sub(b.created) > found {
		return nil, engine.NotFound("bill of the last 30 days")
	}
	return s.show(b), nil
}

// show is a bill as queries answer it. The ticket is not in it, since nobody is sure that it is there.
func (s *Transfers) show(b *bill) engine.Object {
	o := s.row(b)
	if name := b.request.Text("user_name"); name != "" {
		o["user_name"] = name // the engine seals it
	}
	return o
}

// row is a bill as everybody may see it.
func (s *Transfers) row(b *bill) engine.Object {
	o := b.request.Pick("out_bill_no", "appid", "transfer_amount", "transfer_remark")
	o["mch_id"], o["transfer_bill_no"], o["state"], o["openid"] = s.options.MchID, b.id, b.state, b.openid
	o["create_time"], o["update_time"] = engine.Stamp(b.created), engine.Stamp(b.updated)
	if b.reason != "" {
		o["fail_reason"] = b.reason
	}
	return o
}

// cancelTransferBill takes a wish to cancel. A bill that is being cancelled, or was, answers as it stands.
func (s *Transfers) cancelTransferBill(tx *engine.Tx) (engine.Object, error) {
	b, err := s.find(tx.Vars)
	if err != nil {
		return nil, engine.Invalid("there is no such bill") // the document has no NOT_FOUND here
	}
	switch b.state {
	case "CANCELING", "CANCELLED":
	case "ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM":
		s.enter(b, "CANCELING", s.e.Now(), s.options.Duration, func(at time.Time) { s.end(b, "CANCELLED", "MCH_CANCEL", at) })
		s.pass()
	default:
		return nil, engine.Invalid("the bill is in state %s and cannot be cancelled any more", b.state)
	}
	return s.row(b).Pick("out_bill_no", "transfer_bill_no", "state", "update_time"), nil
}
