package contract

import (
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

func mchtransferCalls(x *exchange) map[string]call {
	s := mchtransfer.New(client(x))
	return map[string]call{
		"createTransferBill":                  answers(s.CreateTransferBill),
		"getTransferBillByOutBillNo":          answers(s.GetTransferBillByOutBillNo),
		"getTransferBillByTransferBillNo":     answers(s.GetTransferBillByTransferBillNo),
		"cancelTransferBill":                  answers(s.CancelTransferBill),
		"applyReceiptByOutBillNo":             answers(s.ApplyReceiptByOutBillNo),
		"getReceiptByOutBillNo":               answers(s.GetReceiptByOutBillNo),
		"applyReceiptByTransferBillNo":        answers(s.ApplyReceiptByTransferBillNo),
		"getReceiptByTransferBillNo":          answers(s.GetReceiptByTransferBillNo),
		"createTransferBillWithAuthorization": answers(s.CreateTransferBillWithAuthorization),
		"createAuthorization":                 answers(s.CreateAuthorization),
		"getAuthorization":                    answers(s.GetAuthorization),
		"closeAuthorization":                  answers(s.CloseAuthorization),
		"createAuthorizedTransferBill":        answers(s.CreateAuthorizedTransferBill),
	}
}
