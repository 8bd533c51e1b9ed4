package debits

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

// Send sends the notice, makes the debit or looks at its result.
func (r Run) Send(ctx context.Context, item bulk.Item) bulk.Result {
	ctx = wxpay.WithAttempts(ctx, 1) // what a repetition is answered means something else
	p, wrong := r.params(item.Rows[0])
	switch {
	case wrong != nil:
		return rejected(string(wxpay.CodeParamError), wxpay.Hint{English: wrong.Reason, Chinese: wrong.Chinese})
	case item.Step == stepNotice && r.NoNotice:
		return staged(stepDebit, time.Time{}, "")
	case item.Step == stepNotice:
		return r.noticed(item, r.service().SendDebitNotice(ctx, edupapay.SendDebitNoticeParams{ContractID: p.ContractID, AppID: p.AppID, SubMchID: p.SubMchID, SubAppID: p.SubAppID}))
	case item.Step == stepResult:
		return r.look(ctx, item, p)
	}
	if instead, ok := r.day(item, time.Now()); !ok {
		return instead
	}
	return r.debited(ctx, item, p, r.service().CreateTransaction(ctx, p), false)
}

// Settle repeats a notice, and asks for a debit before it repeats that.
func (r Run) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	ctx = wxpay.WithAttempts(ctx, 1)
	p, wrong := r.params(item.Rows[0])
	if wrong != nil {
		return unknown(item, wrong)
	}
	switch item.Step {
	case stepNotice:
		if r.NoNotice || kept.Route != routeNotice {
			return r.Send(ctx, item)
		}
		_, err := bulk.Again[struct{}](ctx, r.Client, kept)
		return open(r.noticed(item, err))
	case stepResult:
		return r.look(ctx, item, p)
	}
	var sent edupapay.CreateTransactionParams
	if kept.Route == routeDebit && json.Unmarshal(kept.Body, &sent) == nil {
		p = sent
	}
	t, err := r.ask(ctx, p)
	switch word, notice := marked(item.Code); {
	case err == nil:
		return r.found(ctx, item, p, t)
	case !nothing(err):
		return unknown(item, err)
	case (word == noticed || word == known) && !r.NoNotice && lapsed(notice, time.Now()):
		return staged(stepNotice, time.Time{}, "")
	case kept.Route == routeDebit:
		_, err = bulk.Again[struct{}](ctx, r.Client, kept)
	default:
		err = r.service().CreateTransaction(ctx, p)
	}
	return open(r.debited(ctx, item, p, err, true))
}

// open is a result of an item that was begun before: that a repetition did not arrive says nothing of the first time.
func open(res bulk.Result) bulk.Result {
	if res.State == bulk.Staged && res.Err != nil {
		res.State = bulk.Unknown
	}
	return res
}

// noticed is what the answer to a notice means. How old a notice is that exists, nobody tells: at most three days, so
// that tomorrow is never too early for the debit, and only too late if the notice was sent three days ago.
func (r Run) noticed(item bulk.Item, err error) bulk.Result {
	now := time.Now()
	switch {
	case err == nil:
		return staged(stepDebit, due(now, r.NoticeLead), mark(noticed, now))
	case refused(err, wxpay.CodeAlreadyExists):
		word := known
		if item.Code == renewing {
			word = noticed
		}
		return staged(stepDebit, due(now, min(r.NoticeLead, 24*time.Hour)), mark(word, now))
	}
	return failed(item, err)
}

// Due is when the debit of a row may be made, by the lead of this run.
func (r Run) Due(item bulk.Item) (at time.Time) {
	if item.Step != stepDebit {
		return at
	}
	if instead, ok := r.day(item, time.Now()); !ok && instead.Next == stepDebit {
		at = instead.At
	}
	return at
}

// day reports whether now a debit may be made; else what is done instead: wait, or send another notice because the
// days of the first are over.
func (r Run) day(item bulk.Item, now time.Time) (instead bulk.Result, ok bool) {
	word, notice := marked(item.Code)
	if r.NoNotice || word != noticed && word != known {
		return instead, true
	}
	if lapsed(notice, now) {
		return staged(stepNotice, time.Time{}, ""), false
	}
	lead := r.NoticeLead
	if word == known {
		lead = min(lead, 24*time.Hour)
	}
	at := due(notice, lead)
	return staged(stepDebit, at, item.Code), !now.Before(at)
}

// debited is what the answer to a debit means. Repeated says that the call was made before.
func (r Run) debited(ctx context.Context, item bulk.Item, p edupapay.CreateTransactionParams, err error, repeated bool) bulk.Result {
	if err == nil {
		now := time.Now()
		return staged(stepResult, now.Add(r.every()), mark(accepted, now))
	}
	res := failed(item, err)
	refusal, there := errors.AsType[*wxpay.Error](err)
	if res.State != bulk.Rejected || !there {
		return res
	}
	// Whatever it was refused for, it is rejected only if nothing was debited under its number.
	word, _ := marked(item.Code)
	t, unasked := r.ask(ctx, p)
	switch {
	case unasked == nil && refusal.Code == wxpay.CodeInvalidRequest && !repeated:
		return r.another(p, t, "the platform says that it is not the debit of this row", "微信支付认为其参数与本行不一致")
	case unasked == nil:
		return r.found(ctx, item, p, t)
	case !nothing(unasked):
		return unknown(item, unasked)
	case refusal.Code == wxpay.CodeAlreadyExists:
		res.State, res.Code = bulk.Unknown, item.Code
		res.Reason = wxpay.Hint{English: "the out_trade_no is taken, and a query does not find it; run the job again later, and never take a new number before it is found",
			Chinese: "商户订单号已存在，但查单未查到；请稍后重新运行任务，查到之前切勿更换单号"}
	case refusal.Code == wxpay.CodeInvalidRequest && word == known && !r.NoNotice:
		return staged(stepNotice, time.Time{}, renewing)
	}
	return res
}

// found is what a debit means that there is under the number of a row, although no answer said that it is this row's.
func (r Run) found(ctx context.Context, item bulk.Item, p edupapay.CreateTransactionParams, t *transaction) bulk.Result {
	if another, _ := differs(p, t); another == "" {
		switch payer, err := r.payer(ctx, p, t); {
		case err != nil:
			return unknown(item, err)
		case !payer:
			return r.another(p, t, "its payer is not the user of the contract", "其付款人不是该协议的用户")
		}
	}
	return r.ended(item, p, t)
}

// A transaction is a debit as a query finds it.
type transaction struct {
	edupapay.Transaction
	requestID string
}

// ask asks for the debit under a number, whosever it is: of another sub-merchant it is another debit, and no answer to be
// doubted.
func (r Run) ask(ctx context.Context, p edupapay.CreateTransactionParams) (*transaction, error) {
	var ex wxpay.Exchange
	call := wxpay.Call{Route: routeResult, Vars: wxpay.Vars{"out_trade_no": p.OutTradeNo}, Echo: wxpay.Vars{"out_trade_no": p.OutTradeNo}}
	if p.SubMchID != "" {
		call.Query = map[string][]string{"sub_mchid": {p.SubMchID}}
	}
	t, err := wxpay.Do[edupapay.Transaction](wxpay.WithExchange(ctx, &ex), r.Client, call)
	if err != nil {
		return nil, err
	}
	return &transaction{*t, ex.RequestID}, nil
}
