package debits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/services/edupapay"
)

const longestPause = 10 * time.Minute

// every is the pause before the first look at a result.
func (r Run) every() time.Duration {
	if r.Every > 0 {
		return r.Every
	}
	return 5 * time.Second
}

// pause is until the next look.
func (r Run) pause(since, now time.Time) time.Duration {
	return pace.Look(now.Sub(since), r.every(), longestPause)
}

// look asks how a debit ended that was taken. Whatever goes wrong with the question, the debit was taken: it is not
// rejected for that.
func (r Run) look(ctx context.Context, item bulk.Item, p edupapay.CreateTransactionParams) bulk.Result {
	t, err := r.ask(ctx, p)
	if err == nil {
		p.Attach = t.Attach // it may be set otherwise by now than it was sent
		return r.ended(item, p, t)
	}
	res := unknown(item, err)
	switch {
	case nothing(err):
		res.Reason = wxpay.Hint{English: "the debit was taken, and now a query does not find it; run the job again later, then ask the platform's support; never take a new number",
			Chinese: "扣款已受理，但查单未查到；请稍后重新运行任务，仍查不到请联系微信支付；切勿更换单号"}
	case wxpay.Transient(err), bulk.Failed(err).State == bulk.Staged: // the next look may succeed
		now := time.Now()
		_, since := marked(item.Code)
		if since.IsZero() {
			since = now
		}
		res.State, res.At = bulk.Staged, now.Add(r.pause(since, now))
	}
	return res
}

// ended is what a debit that was found means for its row. A state not heard of is not the end.
func (r Run) ended(item bulk.Item, p edupapay.CreateTransactionParams, t *transaction) bulk.Result {
	if t.Amount.Total <= 0 {
		res := unknown(item, nil)
		res.RequestID = t.requestID
		res.Reason = wxpay.Hint{English: "the platform does not say the amount of the debit, so it cannot be told whether it is that of the row; run the job again",
			Chinese: "查单应答未给出金额，无法确认是否与本行一致；请重新运行任务"}
		return res
	}
	if english, chinese := differs(p, t); english != "" {
		if word, _ := marked(item.Code); word == accepted { // this row's debit was taken, so a second one is never the remedy
			res := unknown(item, nil)
			res.RequestID = t.requestID
			res.Reason = wxpay.Hint{English: "the debit of this row was taken, and the platform tells of one that differs: " + english + "; ask its support before anything is debited again",
				Chinese: "本行扣款已受理，但查单结果与本行不一致：" + chinese + "；请先联系微信支付核实，切勿再次扣款"}
			return res
		}
		return r.another(p, t, english, chinese)
	}
	res := bulk.Result{State: bulk.Rejected, Code: string(t.TradeState), RequestID: t.requestID}
	said := bulk.Masked(t.TradeStateDescription)
	switch t.TradeState {
	case edupapay.TradeSuccess:
		res.State, res.Code = bulk.Done, t.TransactionID
	case edupapay.TradePayFail:
		res.Reason = bulk.Behind(said, wxpay.Hint{English: "not paid; to try again give the row a new out_trade_no", Chinese: "扣款失败，未付款；如需再次扣款，请为该行更换新的商户订单号"})
	case edupapay.TradeRefund:
		res.Reason = bulk.Behind(said, wxpay.Hint{English: "was paid and moved to refund: the merchant does not have the money; look at the order before it is debited again under a new out_trade_no", Chinese: "已付款并转入退款，商户未收到该笔款项；如需更换商户订单号再次扣款，请先核对订单"})
	default:
		now := time.Now()
		word, since := marked(item.Code)
		if word != accepted {
			since = now
		}
		return staged(stepResult, now.Add(r.pause(since, now)), mark(accepted, since))
	}
	return res
}

// differs says what makes a debit another one than that of a row. What an answer leaves out makes no difference.
func differs(p edupapay.CreateTransactionParams, t *transaction) (english, chinese string) {
	switch {
	case t.Amount.Total > 0 && t.Amount.Total != p.Amount.Total:
		return "its amount is another one", "其金额与本行不同"
	case cmp.Or(t.Amount.Currency, "CNY") != "CNY":
		return "its currency is not CNY", "其币种不是人民币"
	case cmp.Or(t.AppID, p.AppID) != p.AppID:
		return "its appid is another one", "其 appid 与本行不同"
	case cmp.Or(t.SubMchID, p.SubMchID) != p.SubMchID:
		return "its sub_mchid is another one", "其子商户号与本行不同"
	case p.SubAppID != "" && cmp.Or(t.SubAppID, p.SubAppID) != p.SubAppID:
		return "its sub_appid is another one", "其子商户 appid 与本行不同"
	case cmp.Or(t.Attach, p.Attach) != p.Attach:
		return "its attach is another one", "其附加数据与本行不同"
	}
	return "", ""
}

// payer reports whether a debit may be under the contract of a row: the answer names no contract, but its payer. A
// contract that cannot be seen any more says nothing about that.
func (r Run) payer(ctx context.Context, p edupapay.CreateTransactionParams, t *transaction) (bool, error) {
	if t.Payer == (edupapay.Payer{}) {
		return true, nil
	}
	c, err := r.service().GetContract(ctx, edupapay.GetContractParams{ContractID: p.ContractID, AppID: p.AppID, SubMchID: p.SubMchID, SubAppID: p.SubAppID})
	if err != nil {
		return true, lost(err)
	}
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return same(c.OpenID, t.Payer.OpenID) && same(c.SubOpenID, t.Payer.SubOpenID), nil
}

// another is the result of a row under whose number there is a debit that is not its own.
func (r Run) another(p edupapay.CreateTransactionParams, t *transaction, english, chinese string) bulk.Result {
	if e, c := differs(p, t); e != "" {
		english, chinese = e, c
	}
	state := bulk.Masked(string(t.TradeState))
	res := rejected(string(wxpay.CodeAlreadyExists), wxpay.Hint{
		English: fmt.Sprintf("there is a debit with this out_trade_no (%s): %s; if the row is to be debited besides it, give it a number of its own", state, english),
		Chinese: fmt.Sprintf("该商户订单号下已有一笔扣款（%s）：%s；若本行确需另行扣款，请更换新的商户订单号", state, chinese),
	})
	res.RequestID = t.requestID
	return res
}

func staged(next int, at time.Time, code string) bulk.Result {
	return bulk.Result{State: bulk.Staged, Next: next, At: at, Code: code}
}

func rejected(code string, reason wxpay.Hint) bulk.Result {
	return bulk.Result{State: bulk.Rejected, Code: code, Reason: reason}
}

// unknown leaves an item for [Run.Settle], with what the ledger holds of it.
func unknown(item bulk.Item, err error) bulk.Result {
	var res bulk.Result
	if err != nil {
		res = bulk.Failed(err)
	}
	res.State, res.Next, res.Code = bulk.Unknown, item.Step, item.Code
	return res
}

// failed is what an error of a notice or a debit means. An item that stays where it is keeps what the ledger holds of it.
func failed(item bulk.Item, err error) bulk.Result {
	res := bulk.Failed(err)
	res.Next = item.Step
	if res.State != bulk.Rejected {
		res.Code = item.Code
		return res
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		if a := advice(item.Step, e.Code); a != (wxpay.Hint{}) {
			res.Reason = bulk.Behind(bulk.Masked(e.Message), a)
		}
	}
	return res
}

// advice is what to do about a refusal; empty: what the SDK says.
func advice(step int, code wxpay.Code) wxpay.Hint {
	switch code {
	case wxpay.CodeNotFound, wxpay.CodeResourceNotExists:
		return wxpay.Hint{English: "there is no such contract under this appid, or it has ended; check contract_id and appid, or let the user sign again",
			Chinese: "该 appid 下没有此协议，或协议已解约；请核对签约协议号与 appid，或请用户重新签约"}
	case wxpay.CodeNotEnough:
		return wxpay.Hint{English: "the user lacks the money; nothing was debited; once there is enough, feed the row again",
			Chinese: "用户余额不足，未扣款；余额充足后可重新导入该行"}
	case wxpay.CodeInvalidRequest:
		if step == stepDebit {
			return wxpay.Hint{English: "nothing was debited; a notice must be sent 1 to 3 days before: if it was not, feed the row again, and another one is sent first",
				Chinese: "未扣款；扣款前 1 至 3 天须发送预通知：若未按时发送，请重新导入该行，任务会先重发预通知"}
		}
	}
	return wxpay.Hint{}
}

// lost is the error of a query that may answer later; nil: what it was refused for stays so.
func lost(err error) error {
	if bulk.Failed(err).State == bulk.Rejected {
		return nil
	}
	return err
}

// refused reports whether the platform itself refused by that code. Without a signature it is in the chain too.
func refused(err error, code wxpay.Code) bool {
	return !wxpay.OutcomeUnknown(err) && errors.Is(err, code)
}

// nothing reports whether the platform itself says that there is nothing under a name.
func nothing(err error) bool {
	e, ok := errors.AsType[*wxpay.Error](err)
	return ok && e.Verified && !wxpay.OutcomeUnknown(err) && (e.Code == wxpay.CodeNotFound || e.Code == wxpay.CodeResourceNotExists)
}
