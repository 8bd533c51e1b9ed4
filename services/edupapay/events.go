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
