package transfers

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

const (
	longestPause = 10 * time.Minute
	askedWithin  = time.Minute     // what is not asked by then lacks money, most likely
	staleAfter   = 5 * time.Minute // a bill that is only taken by then is sent again, as its document asks
)

var (
	hintMoney = wxpay.Hint{English: "the account that pays has too little money; top it up and run the job again: the rows keep their numbers", Chinese: "付款账户余额不足；充值后再次运行任务即可，各行单号不变"}
	hintGone  = wxpay.Hint{English: "the bill of this row was created, and now a query does not find it (it finds those of 30 days); ask the platform's support; never take a new number",
		Chinese: "本行转账单已创建，但查单未查到（只能查询 30 天内的转账单）；请联系微信支付核实，切勿更换单号"}
	hintUnclear = wxpay.Hint{English: "this refusal is not a known one, so it is not taken for the end; run the job again", Chinese: "该错误码不在已知范围内，不能视为失败；请重新运行任务"}
	hintOpen    = wxpay.Hint{English: "it was begun, and nobody could be asked what became of it; run the job again: it keeps its number", Chinese: "已开始发送，暂时无法查询结果；请重新运行任务，单号不变"}
	hintNoSum   = wxpay.Hint{English: "the platform does not say the amount of the bill, so it cannot be told whether it is that of the row; run the job again",
		Chinese: "查单应答未给出金额，无法确认是否与本行一致；请重新运行任务"}
)

// pause is until the next look at a bill that stands so since a time.
func (o *Transfers) pause(since time.Time) time.Duration {
	return pace.Look(time.Since(since), cmp.Or(max(o.Every, 0), 5*time.Second), longestPause)
}

// stands leaves a row to a later step, for a look at once or later.
func (o *Transfers) stands(item bulk.Item, b Bill, atOnce bool) bulk.Result {
	was := marked(item.Code)
	b.since = was.since
	if was.State != b.State || b.since.IsZero() {
		b.since = time.Now()
	}
	if b.State == mchtransfer.TransferWaitUserConfirm {
		b.PackageInfo = cmp.Or(b.PackageInfo, was.PackageInfo) // a query need not repeat it
	}
	res := bulk.Result{State: bulk.Staged, Next: stepFinish, Code: b.mark()}
	soon := b.State == mchtransfer.TransferAccepted || b.State == mchtransfer.TransferProcessing
	if soon && item.Step < stepFinish && time.Since(b.since) < askedWithin {
		res.Next = stepAsk
	}
	if !atOnce {
		res.At = time.Now().Add(o.pause(b.since))
	}
	return res
}

// ended is what a bill that was found means for its row.
func (o *Transfers) ended(item bulk.Item, p params, bill *query) bulk.Result {
	if english, chinese := o.differs(p, bill); english != "" {
		return doubtful(item, bill.requestID, wxpay.Hint{English: "the bill under the number of this row is not its own: " + english + "; look it up, or ask the platform's support, before anything is paid again",
			Chinese: "本行单号下的转账单与本行不一致：" + chinese + "；请先核对或联系微信支付，切勿再次付款"})
	}
	if bill.TransferAmount <= 0 {
		return doubtful(item, bill.requestID, hintNoSum)
	}
	res := bulk.Result{State: bulk.Rejected, Code: endedAs(bill.State, bill.FailReason), RequestID: bill.requestID}
	switch bill.State {
	case mchtransfer.TransferSuccess:
		res.State, res.Code = bulk.Done, word(bill.TransferBillNo)
	case mchtransfer.TransferFail:
		res.Reason = wxpay.Hint{English: "not paid: the bill failed; correct what it failed for and feed the exported row again, with its " + table.FileColumn + " and " + table.LineColumn + ", without which it gets no new number; change a number of its own yourself",
			Chinese: "未付款：转账失败；请更正导出的行并连同 " + table.FileColumn + "、" + table.LineColumn + " 两列重新提交（否则不会生成新单号），自填的单号须自行更换"}
	case mchtransfer.TransferCancelled:
		res.Reason = wxpay.Hint{English: "not paid: the bill was cancelled; to pay it all the same, feed the exported row again, with its " + table.FileColumn + " and " + table.LineColumn + ", without which it gets no new number; change a number of its own yourself",
			Chinese: "未付款：转账已撤销；如仍需付款，请将导出的行连同 " + table.FileColumn + "、" + table.LineColumn + " 两列重新提交（否则不会生成新单号），自填的单号须自行更换"}
	default:
		res = o.stands(item, Bill{State: bill.State, TransferBillNo: bill.TransferBillNo, PackageInfo: bill.PackageInfo}, false)
		if bill.State == mchtransfer.TransferAccepted && item.Step == stepFinish && time.Since(marked(res.Code).since) > staleAfter {
			b := marked(res.Code)
			b.since = time.Now() // so that it is not sent again before as long
			res.Next, res.Code = stepCreate, b.mark()
		}
	}
	return res
}

// differs says what makes a bill another one than that of a row. What an answer leaves out makes no difference.
func (o *Transfers) differs(p params, bill *query) (english, chinese string) {
	switch {
	case bill.TransferAmount > 0 && bill.TransferAmount != p.TransferAmount:
		return "its amount is another one", "其金额与本行不同"
	case cmp.Or(bill.OpenID, p.OpenID) != p.OpenID:
		return "its user is another one", "其收款用户与本行不同"
	case cmp.Or(bill.AppID, p.AppID) != p.AppID:
		return "its appid is another one", "其 appid 与本行不同"
	case cmp.Or(bill.MchID, o.Client.Sender()) != o.Client.Sender():
		return "its merchant is another one", "其商户号与本行不同"
	}
	return "", ""
}

// another is the result of a row that the platform refused because its number is that of another bill, of which nothing
// more will come. As long as something may, nobody is told to take another number.
func another(bill *query, english, chinese string) bulk.Result {
	state := bulk.Masked(string(bill.State))
	res := rejected(string(wxpay.CodeAlreadyExists), wxpay.Hint{
		English: fmt.Sprintf("there is a bill with this out_bill_no, and it ended without being paid (%s): %s; give the row a number of its own", state, english),
		Chinese: fmt.Sprintf("该商户单号下已有一笔未付款即结束的转账（%s）：%s；请为本行更换新的商户单号", state, chinese),
	})
	res.RequestID = bill.requestID
	return res
}

func rejected(code string, reason wxpay.Hint) bulk.Result {
	return bulk.Result{State: bulk.Rejected, Code: code, Reason: reason}
}

// unknown leaves an item for [Transfers.Settle], with what the ledger holds of it.
func unknown(item bulk.Item, err error) bulk.Result {
	res := bulk.Failed(err)
	res.State, res.Next, res.Code = bulk.Unknown, item.Step, item.Code
	if res.Reason == (wxpay.Hint{}) {
		res.Reason = hintOpen
	}
	return res
}

// doubtful is an unknown outcome of which only people can find out more, or the next run.
func doubtful(item bulk.Item, requestID string, reason wxpay.Hint) bulk.Result {
	return bulk.Result{State: bulk.Unknown, Next: item.Step, Code: item.Code, RequestID: requestID, Reason: reason}
}

// advice is what to do about a refusal that lies in the row; false of any other.
func advice(code wxpay.Code) (wxpay.Hint, bool) {
	switch code {
	case wxpay.CodeParamError:
		return wxpay.Hint{English: "nothing was paid; correct the row, or what is set for all rows (report infos that do not fit the scene too)", Chinese: "未付款；请更正该行或统一设置的参数（转账场景报备信息不符也会如此）"}, true
	case wxpay.CodeInvalidRequest:
		return wxpay.Hint{English: "nothing was paid; the amount may be outside the limits on the merchant platform, or scene, AppID, caller address or the text the user sees is not open", Chinese: "未付款；金额可能超出商户平台设置的限额，或转账场景、AppID、调用 IP、收款感知文案未开通"}, true
	case codeUserError:
		return wxpay.Hint{English: "nothing was paid; the user, or the merchant, may not transfer at the moment", Chinese: "未付款；收款用户或商户当前不能转账"}, true
	}
	return wxpay.Hint{}, false
}

const codeUserError wxpay.Code = "USER_ERROR"

// nothing reports whether the platform itself says that there is no bill under a number, as mchtransfer.Service.Transfer
// takes it too: by the one code that the document has for it.
func nothing(err error) bool {
	e, ok := errors.AsType[*wxpay.Error](err)
	return ok && e.Verified && !wxpay.OutcomeUnknown(err) && e.Code == wxpay.CodeNotFound
}
