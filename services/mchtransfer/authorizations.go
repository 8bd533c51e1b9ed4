package mchtransfer

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// Final reports whether the authorization has ended. One in force has not, and a state not known here counts as not
// ended.
func (s AuthorizationState) Final() bool { return s == AuthorizationClosed }

// whole is what is missing of an authorization that is asked for, or of a transfer without one.
func (p *CreateTransferBillWithAuthorizationParams) whole() *wxpay.ParamError {
	if p.AuthorizationInfo == (AuthorizationInfo{}) {
		return params.Must(p.OpenID != "", "openid", "is missing, which a transfer without authorization_info needs")
	}
	return params.First(
		params.Required("authorization_info.user_display_name", p.AuthorizationInfo.UserDisplayName, 0),
		params.Required("authorization_info.out_authorization_no", p.AuthorizationInfo.OutAuthorizationNo, 0),
		params.Required("authorization_info.authorization_notify_url", p.AuthorizationInfo.AuthorizationNotifyURL, 0),
		params.NotifyURL("authorization_info.authorization_notify_url", p.AuthorizationInfo.AuthorizationNotifyURL),
	)
}

// CreateTransferBillWithAuthorization creates a bill as [Service.CreateTransferBill] does and, with AuthorizationInfo,
// lets the user authorize later transfers while confirming this one (发起转账并完成免确认收款授权).
//
// Nothing is paid or authorized yet. A user can take the money without agreeing: then no authorization comes about, and
// no event. MCHTRANSFER.BILL.FINISHED goes to NotifyURL, MCHTRANSFER.AUTHORIZATION.CONFIRMED to
// AuthorizationNotifyURL (MT-23); [Service.WaitBill] and [Service.GetAuthorization] ask.
//
// Limits: as for CreateTransferBill; AuthorizationInfo is given whole or not at all, and OpenID is needed without it;
// give it always (MT-16). SponsorMchID is for merchants who were told to use it (MT-5). For merchants the platform
// admits (MT-15).
//
// Repeating: safe with the same OutBillNo and otherwise the same params, and done after a lost answer (MT-9). Never take
// a new number unless the old bill is known to be [TransferFail] or [TransferCancelled]: it would pay again.
//
// Errors: as for CreateTransferBill.
//
//	POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization
//
// https://pay.weixin.qq.com/doc/v3/merchant/4014399293
func (s *Service) CreateTransferBillWithAuthorization(ctx context.Context, p CreateTransferBillWithAuthorizationParams) (*CreatedTransferBillWithAuthorization, error) {
	if err := cmp.Or(p.check(), params.Check(routeCreateTransferBillWithAuthorization,
		fits(p.TransferAmount, p.UserName, p.TransferSceneReportInfos), p.whole())); err != nil {
		return nil, err
	}
	echo := s.asked(p.OutBillNo, p.AppID, p.OpenID, p.TransferAmount)
	echo["out_authorization_no?"] = p.AuthorizationInfo.OutAuthorizationNo
	return wxpay.Do[CreatedTransferBillWithAuthorization](ctx, s.client, wxpay.Call{
		Route:      routeCreateTransferBillWithAuthorization,
		Body:       p,
		Echo:       echo,
		Idempotent: true, // by out_bill_no, MT-9: https://pay.weixin.qq.com/doc/v3/merchant/4014399293
	})
}

// CreateAuthorization asks a user to authorize transfers without a transfer (发起免确认收款授权).
//
// Nothing is authorized yet: the user has 24 hours to agree on the page that PackageInfo opens, then a new number is
// needed. An account of a user has one valid authorization; it holds until it is closed. Events go to
// AuthorizationNotifyURL (MT-23); [Service.GetAuthorization] asks.
//
// Limits: lengths and the address are checked before anything is sent; texts depend on the scene (MT-3), SceneInfo may
// be left out (MT-17). 50 calls a second per merchant number. For merchants the platform admits (MT-15).
//
// Repeating: by OutAuthorizationNo, and done after a lost answer; what a repeat answers is not documented (MT-9).
//
// Errors: [wxpay.CodeAlreadyExists] if the number was used with other data: query it. No list of codes is published
// (MT-6).
//
//	POST /v3/fund-app/mch-transfer/user-confirm-authorization
//
// https://pay.weixin.qq.com/doc/v3/merchant/4015901167
func (s *Service) CreateAuthorization(ctx context.Context, p CreateAuthorizationParams) (*AuthorizationStarted, error) {
	address := params.NotifyURL("authorization_notify_url", p.AuthorizationNotifyURL)
	if err := cmp.Or(p.check(), params.Check(routeCreateAuthorization, address)); err != nil {
		return nil, err
	}
	return wxpay.Do[AuthorizationStarted](ctx, s.client, wxpay.Call{
		Route:      routeCreateAuthorization,
		Body:       p,
		Echo:       wxpay.Vars{"out_authorization_no": p.OutAuthorizationNo},
		Idempotent: true, // by out_authorization_no, MT-9: https://pay.weixin.qq.com/doc/v3/merchant/4015901167
	})
}

// GetAuthorization returns an authorization by the number of the merchant (商户单号查询授权结果). Transfers under it are
// possible in [AuthorizationTakingEffect] alone.
//
// With IsDisplayAuthorization the answer has scene, text, time and PackageInfo, with which the page can be opened once
// more (MT-19). One that the user let pass is kept for 30 days (MT-18).
//
// Limits: 100 calls a second per merchant number. For merchants the platform admits (MT-15).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is none, or it is kept no longer (MT-6).
//
//	GET /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4014399423
func (s *Service) GetAuthorization(ctx context.Context, p GetAuthorizationParams) (*Authorization, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Authorization](ctx, s.client, wxpay.Call{
		Route: routeGetAuthorization,
		Vars:  wxpay.Vars{"out_authorization_no": p.OutAuthorizationNo},
		Query: params.Query("is_display_authorization", map[bool]string{true: "true"}[p.IsDisplayAuthorization]),
		Echo:  wxpay.Vars{"out_authorization_no": p.OutAuthorizationNo},
	})
}

// CloseAuthorization ends an authorization from the side of the merchant (解除免确认收款授权): nothing can be transferred
// under it any more. The answer is the authorization after the call; look at its State.
//
// Limits: 50 calls a second per merchant number. For merchants the platform admits (MT-15).
//
// Repeating: what a second call answers is not documented (MT-9), so a lost one is not repeated by itself. After an
// error for which [wxpay.OutcomeUnknown] reports true, ask [Service.GetAuthorization], or close again.
//
// Errors: [wxpay.CodeNotFound] if there is none (MT-6).
//
//	POST /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}/close
//
// https://pay.weixin.qq.com/doc/v3/merchant/4015653811
func (s *Service) CloseAuthorization(ctx context.Context, p CloseAuthorizationParams) (*Authorization, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Authorization](ctx, s.client, wxpay.Call{
		Route: routeCloseAuthorization,
		Vars:  wxpay.Vars{"out_authorization_no": p.OutAuthorizationNo},
		Echo:  wxpay.Vars{"out_authorization_no": p.OutAuthorizationNo},
	})
}

// CreateAuthorizedTransferBill pays a user who authorized it, without another confirmation (用户授权后转账).
//
// The money has arrived only if the State of the answer is [TransferSuccess]. Any other is out of the ordinary:
// [Service.WaitBill], or MCHTRANSFER.BILL.FINISHED at NotifyURL, tell how it ends. UserName of the answer is sealed for
// the merchant, [wxpay.Client.Decrypt] opens it; it may be absent or plain (MT-11).
//
// Limits: as for [Service.CreateTransferBill]; exactly one of AuthorizationID, which is the older way, and
// OutAuthorizationNo (MT-20, MT-24). SponsorMchID is for merchants who were told to use it (MT-5). 100 calls a second per
// merchant number. For merchants the platform admits (MT-15).
//
// Repeating: safe with the same OutBillNo and otherwise the same params, and done after a lost answer (MT-9). Never take
// a new number unless the old bill is known to be [TransferFail] or [TransferCancelled]: it would pay again.
//
// Errors: as for CreateTransferBill; [wxpay.CodeNotFound] if there is no such authorization. An answer about another
// amount than was asked for leaves the outcome open.
//
//	POST /v3/fund-app/mch-transfer/transfer-bills/transfer
//
// https://pay.weixin.qq.com/doc/v3/merchant/4014399371
func (s *Service) CreateAuthorizedTransferBill(ctx context.Context, p CreateAuthorizedTransferBillParams) (*AuthorizedTransferBill, error) {
	one := params.Must((p.AuthorizationID == "") != (p.OutAuthorizationNo == ""), "authorization_id", "must be given, or out_authorization_no, and not both")
	if err := cmp.Or(p.check(), params.Check(routeCreateAuthorizedTransferBill, one, fits(p.TransferAmount, p.UserName, p.TransferSceneReportInfos))); err != nil {
		return nil, err
	}
	return wxpay.Do[AuthorizedTransferBill](ctx, s.client, wxpay.Call{
		Route:      routeCreateAuthorizedTransferBill,
		Body:       p,
		Echo:       wxpay.Vars{"out_bill_no": p.OutBillNo, "appid?": p.AppID, "transfer_amount": params.Decimal(int64(p.TransferAmount))},
		Idempotent: true, // by out_bill_no, MT-9: https://pay.weixin.qq.com/doc/v3/merchant/4014399371
	})
}
