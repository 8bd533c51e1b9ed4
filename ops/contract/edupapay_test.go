package contract

import (
	"github.com/wxpay-go/wxpay/services/edupapay"
)

func edupapayCalls(x *exchange) map[string]call {
	s := edupapay.New(client(x))
	return map[string]call{
		"presignContract":            answers(s.PresignContract),
		"getContract":                answers(s.GetContract),
		"terminateContract":          succeeds(s.TerminateContract),
		"listUserContracts":          lists(s.ListUserContracts),
		"sendDebitNotice":            succeeds(s.SendDebitNotice),
		"createTransaction":          succeeds(s.CreateTransaction),
		"getTransactionById":         answers(s.GetTransactionByID),
		"getTransactionByOutTradeNo": answers(s.GetTransactionByOutTradeNo),
	}
}
