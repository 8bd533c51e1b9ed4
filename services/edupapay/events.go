package edupapay

import "github.com/wxpay-go/wxpay"

// Types of the notifications of this product, for notify.On. The first two go to the address named in
// the application for the product, which serves all contracts of the merchant number (EP-9); they are
// sent for about an hour (EP-12). The other two go to NotifyURL of the debit. What has not come is
// to be queried.
const (
	EventContractSigned       wxpay.EventType[ContractEvent]    = "ENTRUST.SIGNING"     // 签约成功
	EventContractReleased     wxpay.EventType[ContractEvent]    = "ENTRUST.RELEASE"     // 解约成功
	EventTransactionSucceeded wxpay.EventType[TransactionEvent] = "TRANSACTION.SUCCESS" // 支付成功
	EventTransactionFailed    wxpay.EventType[TransactionEvent] = "TRANSACTION.FAIL"    // 支付失败
)

// A ContractEvent tells that a user signed a contract or that one ended. It has the members of a
// [Contract].
//
// EP-2: go by the type of the notification, not by ContractStatus: the sample of ENTRUST.RELEASE shows
// the status of a signed contract.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012286235
// https://pay.weixin.qq.com/doc/v3/partner/4012160192
type ContractEvent Contract

// A TransactionEvent tells what became of a debit. It has the members of a [Transaction] (EP-3).
//
// Notifications repeat and overtake each other: change the order only if its state allows it.
//
// https://pay.weixin.qq.com/docs/partner/apis/education-fee-payment/transactions-result-notification.html
type TransactionEvent Transaction
