package mchtransfer

import (
	"cmp"

	"github.com/wxpay-go/wxpay"
)

// Types of the notifications of this product, for notify.On. The first goes to NotifyURL of the bill, also for one that
// nobody confirmed; the others to AuthorizationNotifyURL, but register all at both addresses: one page names NotifyURL
// for them too (MT-23). They are sent for about a day, on a schedule that the pages differ on (MT-22), and whether the
// last one comes for each reason is not printed (MT-18): what has not come is to be queried.
const (
	EventBillFinished           wxpay.EventType[BillFinishedEvent]  = "MCHTRANSFER.BILL.FINISHED"           // 商家转账回调通知
	EventAuthorizationConfirmed wxpay.EventType[AuthorizationEvent] = "MCHTRANSFER.AUTHORIZATION.CONFIRMED" // 免确认收款授权结果通知
	EventAuthorizationClosed    wxpay.EventType[AuthorizationEvent] = "MCHTRANSFER.AUTHORIZATION.CLOSED"    // 免确认收款授权结果通知
)

// Merchant is the merchant number of the bill, which comes as mch_id or as mchid; empty if neither came (MT-21).
// Compare it, and the amount, with the bill that was made.
func (e *BillFinishedEvent) Merchant() string { return cmp.Or(e.MchID, e.PlainMchID) }
