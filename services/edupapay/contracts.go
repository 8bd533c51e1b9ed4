package edupapay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// PresignContract makes the token with which the merchant's mini program opens the signing mini program
// of WeChat (预签约).
//
// Nothing is agreed yet: the contract stands when the user has signed. ENTRUST.SIGNING tells, or
// [Service.ListUserContracts].
//
// Limits: lengths, the day of the month and the scene are checked before anything is sent.
//
// Repeating: each call makes a token of its own, and a token that is not used changes nothing. After a
// lost answer it is left to the caller.
//
// Errors: [wxpay.CodeAlreadyExists] if the resource exists already, for which the pages give no more
// words: a user has at most one valid contract per template.
//
//	POST /v3/edu-papay/contracts/presign
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012522560
// https://pay.weixin.qq.com/doc/v3/partner/4012465360
func (s *Service) PresignContract(ctx context.Context, p PresignContractParams) (*Presign, error) {
	p.TradeScene = cmp.Or(p.TradeScene, TradeSceneEducationPeriod)
	if err := p.check(); err != nil {
		return nil, err
	}
	if day := p.PeriodStartDate.Day; day < 1 || day > 28 {
		return nil, &wxpay.ParamError{Route: routePresignContract, Param: "period_start_date", Reason: "must be the 1st to the 28th of a month"}
	}
	return wxpay.Do[Presign](ctx, s.client, wxpay.Call{Route: routePresignContract, Body: p})
}

// GetContract returns a contract by its number (通过协议号查询签约).
//
// Repeating: safe.
//
// Errors: a terminated contract answers an error (EP-10), as one that never was. Which code it has is
// not documented; [wxpay.CodeNotFound] stands in the table.
//
//	GET /v3/edu-papay/contracts/id/{contract_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012522951
// https://pay.weixin.qq.com/doc/v3/partner/4012465367
func (s *Service) GetContract(ctx context.Context, p GetContractParams) (*Contract, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Contract](ctx, s.client, wxpay.Call{
		Route: routeGetContract,
		Vars:  wxpay.Vars{"contract_id": p.ContractID},
		Query: params.Query("appid", p.AppID, "sub_mchid", p.SubMchID, "sub_appid", p.SubAppID),
		Echo:  wxpay.Vars{"contract_information.contract_id?": p.ContractID, "sub_mchid?": p.SubMchID},
	})
}

// TerminateContract ends a contract from the merchant's side (解约): nothing can be debited under it any more.
// ENTRUST.RELEASE follows.
//
// Repeating: what a second call answers is not documented, so a lost one is not repeated. After an error
// for which [wxpay.OutcomeUnknown] reports true, ask [Service.GetContract]: a terminated contract
// answers an error.
//
// Errors: [wxpay.CodeNotFound] if there is no such contract.
//
//	DELETE /v3/edu-papay/contracts/{contract_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012466882
// https://pay.weixin.qq.com/doc/v3/partner/4012465374
func (s *Service) TerminateContract(ctx context.Context, p TerminateContractParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeTerminateContract,
		Vars:  wxpay.Vars{"contract_id": p.ContractID},
	})
}

// ErrNoContracts says that a user has no contract of the kind asked for: not an empty page comes then, but a
// signed refusal. The refusal is in the chain: errors.Is finds [wxpay.CodeNotFound] too, and errors.AsType
// the [wxpay.Error].
var ErrNoContracts = errors.New("edupapay: the user has no such contract")

// ListUserContracts returns one page of the contracts of a user under one template (通过用户标识查询签约).
//
// Repeating: safe.
//
// Errors: [ErrNoContracts] for a user without a contract under the template, or with none in ContractStatus.
// Which code the platform gives then is not documented; [wxpay.CodeNotFound] stands in the table and is
// taken for it where the list is read from its start. Any other refusal says nothing about contracts.
//
// EP-7: offset is called a page number and explained as the position of a record; it is sent as the
// latter. EP-10: the list is said to hold valid contracts only, so do not rely on finding
// terminated ones.
//
//	GET /v3/edu-papay/user/{openid}/contracts
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012523265
// https://pay.weixin.qq.com/doc/v3/partner/4012489548
func (s *Service) ListUserContracts(ctx context.Context, p ListUserContractsParams) (*wxpay.Page[Contract], error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	q := params.Query("appid", p.AppID, "sub_mchid", p.SubMchID, "sub_appid", p.SubAppID, "sub_openid", p.SubOpenID,
		"plan_id", p.PlanID, "contract_status", string(p.ContractStatus),
		"offset", params.Decimal(p.Offset), "limit", params.Decimal(cmp.Or(p.Limit, 20)))
	contracts, err := wxpay.Do[params.List[Contract]](ctx, s.client, wxpay.Call{
		Route: routeListUserContracts,
		Vars:  wxpay.Vars{"openid": p.OpenID},
		Query: q,
		Echo: wxpay.Vars{"data[].openid?": p.OpenID, "data[].sub_openid?": p.SubOpenID, "data[].plan_id?": p.PlanID,
			"data[].sub_mchid?": p.SubMchID},
	})
	if p.Offset == 0 && nothingThere(err) {
		return nil, fmt.Errorf("%w: %w", ErrNoContracts, err)
	}
	if err != nil {
		return nil, err
	}
	return contracts.Page().ByRecord(p.Offset), nil
}

// nothingThere reports whether the platform itself says that there is nothing. Without a signature anything on
// the way can have said it.
func nothingThere(err error) bool {
	e, refused := errors.AsType[*wxpay.Error](err)
	return refused && e.Verified && e.StatusCode == http.StatusNotFound && e.Code == wxpay.CodeNotFound
}

// AllUserContracts walks all contracts that match, page by page. An error comes once and last; one that
// is [wxpay.ErrPages] says that not all were seen, and [ErrNoContracts] that there are none: a user
// without contracts yields that error, not an empty walk.
func (s *Service) AllUserContracts(ctx context.Context, p ListUserContractsParams) iter.Seq2[Contract, error] {
	id := func(c Contract) string { return c.ContractInformation.ContractID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Contract], error) {
		page := p
		page.Offset = at.Offset
		return s.ListUserContracts(ctx, page)
	})
}
