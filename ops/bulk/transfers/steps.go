package transfers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

type params = mchtransfer.CreateTransferBillParams

// Send creates the bill of a row, or looks how it ended.
func (o *Transfers) Send(ctx context.Context, item bulk.Item) bulk.Result {
	ctx = wxpay.WithAttempts(ctx, 1) // what a repetition is answered means something else
	p, wrong := o.params(item.Rows[0], item.Number)
	switch {
	case wrong != nil:
		return rejected(string(wxpay.CodeParamError), wxpay.Hint{English: wrong.Reason, Chinese: wrong.Chinese})
	case item.Step > stepCreate:
		return o.look(ctx, item, p)
	}
	bill, err := o.service().CreateTransferBill(ctx, p)
	return o.created(ctx, item, p, bill, err)
}

// Settle asks for a bill that was begun, and sends it again only if the platform itself says that there is none.
func (o *Transfers) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	ctx = wxpay.WithAttempts(ctx, 1)
	p, wrong := o.params(item.Rows[0], item.Number)
	switch {
	case wrong != nil:
		return unknown(item, wrong)
	case item.Step > stepCreate:
		return o.look(ctx, item, p)
	case kept.Route == routeCreate:
		var sent params
		if json.Unmarshal(kept.Body, &sent) != nil || sent.OutBillNo != p.OutBillNo {
			return doubtful(item, "", wxpay.Hint{English: "what was kept of this row is not its bill; look the number up before anything is sent", Chinese: "台账中保留的请求与本行不符；请先核对该单号，再做处理"})
		}
		p = sent
	}
	again := func() (*mchtransfer.CreatedTransferBill, error) {
		if kept.Route != routeCreate {
			return o.service().CreateTransferBill(ctx, p)
		}
		return bulk.Again[mchtransfer.CreatedTransferBill](ctx, o.Client, kept)
	}
	found, err := o.ask(ctx, p)
	switch {
	case err == nil:
		return o.ticket(o.ended(item, p, found), again)
	case !nothing(err):
		return unknown(item, err)
	}
	bill, err := again()
	res := o.created(ctx, item, p, bill, err)
	if res.State == bulk.Staged && res.Err != nil { // that a repetition did not arrive says nothing of the first time
		res = unknown(item, res.Err)
	}
	return res
}

// created is what the answer to the creation of a bill means. However the bill stands in it, its row has ended only by what
// a query says: the answer names neither the amount nor the user.
func (o *Transfers) created(ctx context.Context, item bulk.Item, p params, bill *mchtransfer.CreatedTransferBill, err error) bulk.Result {
	switch {
	case err == nil && bill.State == "": // that its number is the one of the row, the SDK has seen to
		return doubtful(item, "", wxpay.Hint{English: "the answer does not say how the bill stands; run the job again: it asks for it under the same number", Chinese: "应答未给出转账单状态；请重新运行任务，将按同一单号查询"})
	case err == nil:
		return o.stands(item, Bill{State: bill.State, TransferBillNo: bill.TransferBillNo, PackageInfo: bill.PackageInfo}, bill.State.Final())
	}
	return o.refused(ctx, item, p, err)
}

// refused is what it means that a bill was not created, as far as an error says so.
func (o *Transfers) refused(ctx context.Context, item bulk.Item, p params, err error) bulk.Result {
	res := bulk.Failed(err)
	res.Next = item.Step
	if res.State != bulk.Rejected {
		res.Code = item.Code
		return res
	}
	refusal, there := errors.AsType[*wxpay.Error](err)
	if !there { // refused here
		return res
	}
	if refusal.Code == wxpay.CodeNotEnough {
		return bulk.Result{State: bulk.Staged, Next: item.Step, Code: item.Code, RequestID: refusal.RequestID, Reason: hintMoney, Err: &bulk.StopError{Why: bulk.WhyMoney, Reason: hintMoney, Err: err}}
	}
	if !refusal.Verified {
		return unknown(item, &wxpay.UnknownError{Route: refusal.Route, Err: err})
	}
	// Whatever it was refused for, it is rejected only if there is no bill under its number.
	bill, unasked := o.ask(ctx, p)
	switch {
	case unasked == nil:
		if english, chinese := o.differs(p, bill); english != "" && refusal.Code == wxpay.CodeAlreadyExists && bill.State.Final() && bill.State != mchtransfer.TransferSuccess && !created(item) {
			return another(bill, english, chinese)
		}
		return o.ended(item, p, bill)
	case !nothing(unasked):
		return unknown(item, unasked)
	case created(item):
		return doubtful(item, refusal.RequestID, hintGone)
	case refusal.Code == wxpay.CodeAlreadyExists:
		return doubtful(item, refusal.RequestID, wxpay.Hint{English: "the number is taken, and a query does not find its bill (it finds those of 30 days); look it up before anything is sent",
			Chinese: "该单号已被使用，但查单未查到（只能查询 30 天内的转账单）；请先核对，再做处理"})
	}
	reason, known := advice(refusal.Code)
	if !known { // of a call that pays, a code that is not known is unclear
		return doubtful(item, refusal.RequestID, bulk.Behind(bulk.Masked(refusal.Message), hintUnclear))
	}
	res.Reason = bulk.Behind(bulk.Masked(refusal.Message), reason)
	return res
}

// A query is a bill as a query finds it.
type query struct {
	mchtransfer.TransferBill
	requestID string
}

// ask asks for the bill under a number.
func (o *Transfers) ask(ctx context.Context, p params) (*query, error) {
	var ex wxpay.Exchange
	bill, err := o.service().GetTransferBillByOutBillNo(wxpay.WithExchange(ctx, &ex), mchtransfer.GetTransferBillByOutBillNoParams{OutBillNo: p.OutBillNo})
	if err != nil {
		return nil, err
	}
	return &query{*bill, ex.RequestID}, nil
}

// ticket asks for the ticket of a bill that waits for its user, and whose answer with it was lost, or came too early to
// have it. The same bill sent again is the same bill, and its answer holds the ticket again.
func (o *Transfers) ticket(res bulk.Result, again func() (*mchtransfer.CreatedTransferBill, error)) bulk.Result {
	b := marked(res.Code)
	if res.State != bulk.Staged || b.State != mchtransfer.TransferWaitUserConfirm || b.PackageInfo != "" {
		return res
	}
	if bill, err := again(); err == nil && word(bill.TransferBillNo) == word(b.TransferBillNo) {
		b.PackageInfo = bill.PackageInfo
		res.Code = b.mark()
	}
	return res
}

// look asks how a bill stands that was created. Whatever goes wrong with the question, there is a bill: its row is not
// rejected for that.
func (o *Transfers) look(ctx context.Context, item bulk.Item, p params) bulk.Result {
	bill, err := o.ask(ctx, p)
	if err == nil {
		return o.ticket(o.ended(item, p, bill), func() (*mchtransfer.CreatedTransferBill, error) { return o.service().CreateTransferBill(ctx, p) })
	}
	res := unknown(item, err)
	switch {
	case nothing(err):
		res.Reason = hintGone
	case wxpay.Transient(err), bulk.Failed(err).State == bulk.Staged: // the next look may succeed
		since := marked(item.Code).since
		if since.IsZero() {
			since = time.Now()
		}
		res.State, res.At = bulk.Staged, time.Now().Add(o.pause(since))
	}
	return res
}
