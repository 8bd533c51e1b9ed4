package mchtransfer

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// fits is what does not go together in a transfer.
func fits(amount wxpay.Fen, name wxpay.Secret, infos []SceneReportInfo) *wxpay.ParamError {
	types := map[string]bool{}
	return params.First(
		params.Must(name != "" || amount < 2000_00, "user_name", "is missing, which an amount from 2,000 yuan on needs"),
		params.Must(name == "" || amount >= 30, "user_name", "is not taken with an amount under 0.3 yuan; leave it out"),
		params.Each("transfer_scene_report_infos", infos, func(at string, v *SceneReportInfo) *wxpay.ParamError {
			twice := types[v.InfoType]
			types[v.InfoType] = true
			return params.Must(!twice, at+".info_type", "is there already; each type stands once")
		}),
	)
}

// CreateTransferBill creates one transfer that the user has to confirm (发起转账). [Service.Transfer] does that, and finds
// out what became of it.
//
// Nothing is paid yet. In [TransferWaitUserConfirm] hand PackageInfo, with merchant number and AppID, to
// requestMerchantTransfer in the mini program, page or app; its callback says no more than that the page was shown.
// The user has 24 hours. MCHTRANSFER.BILL.FINISHED goes to NotifyURL; [Service.WaitBill] asks.
//
// Limits: UserName is needed from 2,000 yuan on, and not taken under 0.3 yuan (MT-2); a red packet has at most 200 yuan
// (MT-8); each type of report information stands once. These, lengths and NotifyURL are checked before anything is
// sent. The limits of amounts stand on the merchant platform (MT-4), entries and texts depend on the scene (MT-3). 100
// calls a second per merchant number.
//
// Repeating: safe with the same OutBillNo and otherwise the same params, and done after a lost answer; the bill comes
// as it stands (MT-9). Never take a new number unless the old bill is known to be [TransferFail] or
// [TransferCancelled]: it would pay again.
//
// Errors: none says anything about a bill that was made before under the number. [wxpay.CodeAlreadyExists] if the
// number was used with other data: query it and compare. [wxpay.CodeNotEnough] if the paying account lacks the money:
// top up, and repeat with the same number. [wxpay.CodeNoAuth] if the product is not open, or the merchant uses the older
// batch transfer. The list of codes is not complete (MT-6).
//
//	POST /v3/fund-app/mch-transfer/transfer-bills
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716434
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/transfer-to-user.html
func (s *Service) CreateTransferBill(ctx context.Context, p CreateTransferBillParams) (*CreatedTransferBill, error) {
	packet := params.Must(p.UserRecvStyle.Type != UserRecvStyleRedPacket || p.TransferAmount <= 200_00, "transfer_amount", "is more than 200 yuan, the most of a red packet")
	if err := cmp.Or(p.check(), params.Check(routeCreateTransferBill, fits(p.TransferAmount, p.UserName, p.TransferSceneReportInfos), packet)); err != nil {
		return nil, err
	}
	return wxpay.Do[CreatedTransferBill](ctx, s.client, wxpay.Call{
		Route:      routeCreateTransferBill,
		Body:       p,
		Echo:       s.asked(p.OutBillNo, p.AppID, p.OpenID, p.TransferAmount),
		Idempotent: true, // by out_bill_no, MT-9: https://pay.weixin.qq.com/doc/v3/merchant/4012716434
	})
}

// asked is what answers about a bill repeat. Those of a creation name the number alone; a member that they have all the
// same is compared, since an answer to a query can be taken for theirs.
func (s *Service) asked(outBillNo, appID, openID string, amount wxpay.Fen) wxpay.Vars {
	return wxpay.Vars{"out_bill_no": outBillNo, "mch_id?": s.client.Sender(), "appid?": appID, "openid?": openID, "transfer_amount?": params.Decimal(int64(amount))}
}

// GetTransferBillByOutBillNo returns a bill by the number of the merchant (商户单号查询转账单).
//
// PackageInfo may be left out (MT-10). UserName is sealed for the merchant, [wxpay.Client.Decrypt] opens it; it may be
// absent or plain (MT-11). FailReason means something in [TransferFail] and [TransferCancelled] only (MT-7).
//
// Limits: bills of the last 30 days; older ones stand in the fund flow statement. 100 calls a second.
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if no bill with this number was made, or it is too old (MT-6).
//
//	GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716437
// https://pay.weixin.qq.com/doc/v3/merchant/4024814206
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/get-transfer-bill-by-out-no.html
func (s *Service) GetTransferBillByOutBillNo(ctx context.Context, p GetTransferBillByOutBillNoParams) (*TransferBill, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[TransferBill](ctx, s.client, wxpay.Call{
		Route: routeGetTransferBillByOutBillNo,
		Vars:  wxpay.Vars{"out_bill_no": p.OutBillNo},
		Echo:  wxpay.Vars{"out_bill_no": p.OutBillNo},
	})
}

// GetTransferBillByTransferBillNo is [Service.GetTransferBillByOutBillNo] by the number of WeChat Pay
// (微信转账单号查询转账单).
//
// Limits: bills of the last 30 days; 100 calls a second.
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such bill, or it is too old (MT-6).
//
//	GET /v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716457
// https://pay.weixin.qq.com/doc/v3/merchant/4024819515
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/get-transfer-bill-by-no.html
func (s *Service) GetTransferBillByTransferBillNo(ctx context.Context, p GetTransferBillByTransferBillNoParams) (*TransferBill, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[TransferBill](ctx, s.client, wxpay.Call{
		Route: routeGetTransferBillByTransferBillNo,
		Vars:  wxpay.Vars{"transfer_bill_no": p.TransferBillNo},
		Echo:  wxpay.Vars{"transfer_bill_no": p.TransferBillNo},
	})
}

// CancelTransferBill asks to take back a bill that the user has not confirmed (撤销转账).
//
// No error means that the wish was taken, not that it came true: the bill ends in [TransferCancelled], or in
// [TransferSuccess] or [TransferFail] if that came first. [Service.WaitBill] tells.
//
// Limits: 20 calls a second (MT-12).
//
// Repeating: what a second call answers is not documented (MT-9), so a lost one is not repeated by itself. After an
// error for which [wxpay.OutcomeUnknown] reports true, ask [Service.GetTransferBillByOutBillNo], or cancel again: a
// bill is cancelled once.
//
// Errors: [wxpay.CodeInvalidRequest] if the bill cannot be cancelled any more (MT-6).
//
//	POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716458
// https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/cancel-transfer.html
func (s *Service) CancelTransferBill(ctx context.Context, p CancelTransferBillParams) (*CancelledTransferBill, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[CancelledTransferBill](ctx, s.client, wxpay.Call{
		Route: routeCancelTransferBill,
		Vars:  wxpay.Vars{"out_bill_no": p.OutBillNo},
		Echo:  wxpay.Vars{"out_bill_no": p.OutBillNo},
	})
}
