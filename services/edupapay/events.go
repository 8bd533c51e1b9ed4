package edupapay

// Types of the notifications of this product, for notify.On. The first two go to the address named in
// the application for the product, which serves all contracts of the merchant number (EP-9); they are
// sent for about an hour (EP-12). The other two go to NotifyURL of the debit. What has not come is
// to be queried.
const (
	EventContractSigned       = "ENTRUST.SIGNING"     // with ContractEvent (签约成功)
	EventContractReleased     = "ENTRUST.RELEASE"     // with ContractEvent (解约成功)
	EventTransactionSucceeded = "TRANSACTION.SUCCESS" // with TransactionEvent (支付成功)
	EventTransactionFailed    = "TRANSACTION.FAIL"    // with TransactionEvent (支付失败)
)
