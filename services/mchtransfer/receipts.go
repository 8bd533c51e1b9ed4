package mchtransfer

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// ApplyReceiptByOutBillNo starts the making of the electronic receipt of a bill (商户单号申请电子回单). [Service.Receipt]
// goes the whole way to the file.
//
// The receipt is made within minutes; [Service.GetReceiptByOutBillNo] tells. It is kept for 90 days, then it has to be
// applied for again.
//
// Limits: for a bill in [TransferSuccess] that was created with UserName, within six months (MT-13); under 20 a second
// (MT-13).
//
// Repeating: safe, and done after a lost answer: a bill has one receipt.
//
// Errors: [wxpay.CodeNotFound] if there is no such bill, or it is too old; no list of codes is published (MT-6).
//
//	POST /v3/fund-app/mch-transfer/elecsign/out-bill-no
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716452
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/elecsign/accept-elecsign-by-out-no.html
func (s *Service) ApplyReceiptByOutBillNo(ctx context.Context, p ApplyReceiptByOutBillNoParams) (*ReceiptApplied, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[ReceiptApplied](ctx, s.client, wxpay.Call{
		Route:      routeApplyReceiptByOutBillNo,
		Body:       p,
		Idempotent: true, // nothing but the bill tells receipts apart: https://pay.weixin.qq.com/doc/v3/merchant/4012716452
	})
}

// GetReceiptByOutBillNo returns the state of a receipt and, once it is made, digest and address of the file
// (商户单号查询电子回单). The address holds for 10 minutes; ask again for a new one. The answer does not repeat of which
// bill it is.
//
// Limits: at least 2 minutes between two looks at the same receipt; under 20 a second (MT-13).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if none was applied for, or it is kept no longer (MT-6).
//
//	GET /v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716436
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/elecsign/query-elecsign-by-out-no.html
func (s *Service) GetReceiptByOutBillNo(ctx context.Context, p GetReceiptByOutBillNoParams) (*Receipt, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Receipt](ctx, s.client, wxpay.Call{
		Route: routeGetReceiptByOutBillNo,
		Vars:  wxpay.Vars{"out_bill_no": p.OutBillNo},
	})
}

// ApplyReceiptByTransferBillNo is [Service.ApplyReceiptByOutBillNo] by the number of WeChat Pay (微信单号申请电子回单).
//
// Repeating: safe, and done after a lost answer: a bill has one receipt.
//
// Errors: [wxpay.CodeNotFound] if there is no such bill, or it is too old (MT-6, MT-13).
//
//	POST /v3/fund-app/mch-transfer/elecsign/transfer-bill-no
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716456
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/elecsign/accept-elecsign-by-no.html
func (s *Service) ApplyReceiptByTransferBillNo(ctx context.Context, p ApplyReceiptByTransferBillNoParams) (*ReceiptApplied, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[ReceiptApplied](ctx, s.client, wxpay.Call{
		Route:      routeApplyReceiptByTransferBillNo,
		Body:       p,
		Idempotent: true, // nothing but the bill tells receipts apart: https://pay.weixin.qq.com/doc/v3/merchant/4012716456
	})
}

// GetReceiptByTransferBillNo is [Service.GetReceiptByOutBillNo] by the number of WeChat Pay (微信单号查询电子回单).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if none was applied for, or it is kept no longer (MT-6, MT-13).
//
//	GET /v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716455
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/elecsign/query-elecsign-by-no.html
func (s *Service) GetReceiptByTransferBillNo(ctx context.Context, p GetReceiptByTransferBillNoParams) (*Receipt, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Receipt](ctx, s.client, wxpay.Call{
		Route: routeGetReceiptByTransferBillNo,
		Vars:  wxpay.Vars{"transfer_bill_no": p.TransferBillNo},
	})
}
