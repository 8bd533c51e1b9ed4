package edupapay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routePresignContract   = "POST /v3/edu-papay/contracts/presign"
	routeGetContract       = "GET /v3/edu-papay/contracts/id/{contract_id}"
	routeTerminateContract = "DELETE /v3/edu-papay/contracts/{contract_id}"
	routeListUserContracts = "GET /v3/edu-papay/user/{openid}/contracts"
)

// A ContractStatus is the state of a contract. The platform may add values.
type ContractStatus string

// States of a contract.
const (
	ContractSigned     ContractStatus = "ADD"
	ContractTerminated ContractStatus = "DELETE"
)

// A Contract is what a user agreed to, with its parties.
type Contract struct {
	SpMchID             string              `json:"sp_mchid,omitzero"` // merchant number of the caller (EP-1)
	AppID               string              `json:"appid"`             // of the caller; in partner mode of the partner
	SubMchID            string              `json:"sub_mchid,omitzero"`
	SubAppID            string              `json:"sub_appid,omitzero"`
	OpenID              string              `json:"openid,omitzero"`     // user under appid
	SubOpenID           string              `json:"sub_openid,omitzero"` // user under sub_appid
	PlanID              string              `json:"plan_id,omitzero"`    // contract template (签约模板号)
	ContractInformation ContractInformation `json:"contract_information,omitzero"`
}

// ContractInformation is the contract without its parties.
type ContractInformation struct {
	ContractID     string         `json:"contract_id,omitzero"` // 签约协议号
	ContractStatus ContractStatus `json:"contract_status,omitzero"`
	CreateTime     time.Time      `json:"create_time,omitzero"` // when it was signed
}

// PresignContractParams is the contract to prepare with [Service.PresignContract].
type PresignContractParams struct {
	AppID           string     `json:"appid"` // of the caller, at most 32 characters; in partner mode of the partner
	SubMchID        string     `json:"sub_mchid,omitzero"`
	SubAppID        string     `json:"sub_appid,omitzero"`
	OpenID          string     `json:"openid"`              // user under appid, at most 128 characters
	SubOpenID       string     `json:"sub_openid,omitzero"` // user under sub_appid
	PlanID          string     `json:"plan_id"`             // contract template (签约模板号), at most 32 characters
	UserID          string     `json:"user_id"`             // the user's account with the merchant, shown on the first page; at most 32 characters
	PeriodStartDate wxpay.Date `json:"period_start_date"`   // day of the first debit, the 1st to the 28th of a month
	TradeScene      TradeScene `json:"trade_scene"`         // empty: SceneEducationPeriod, the only one
}

// A Presign is a contract ready to be signed.
type Presign struct {
	PresignToken string `json:"presign_token"` // 预签约号, to hand to the signing mini program
}

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
	p.TradeScene = cmp.Or(p.TradeScene, SceneEducationPeriod)
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Presign](ctx, s.client, wxpay.Call{Route: routePresignContract, Body: p})
}

func (p PresignContractParams) check() error {
	day := p.PeriodStartDate
	return params.Check(routePresignContract,
		params.ID("appid", p.AppID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32),
		params.OptionalID("sub_appid", p.SubAppID, 32),
		params.ID("openid", p.OpenID, 128),
		params.OptionalID("sub_openid", p.SubOpenID, 128),
		params.ID("plan_id", p.PlanID, 32),
		params.Required("user_id", p.UserID, 32),
		params.Clean("user_id", p.UserID, 32),
		params.Must(!day.IsZero(), "period_start_date", "is missing"),
		params.Must(day.Day >= 1 && day.Day <= 28, "period_start_date", "must be the 1st to the 28th of a month"),
		scene(p.TradeScene),
	)
}

// GetContractParams names the contract for [Service.GetContract].
type GetContractParams struct {
	ContractID string // 签约协议号
	AppID      string // of the caller; in partner mode of the partner
	SubMchID   string
	SubAppID   string
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
	if err := params.Check(routeGetContract,
		params.ID("contract_id", p.ContractID, 32),
		params.ID("appid", p.AppID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32),
		params.OptionalID("sub_appid", p.SubAppID, 32)); err != nil {
		return nil, err
	}
	return params.Ask(ctx, s.client, wxpay.Call{
		Route: routeGetContract,
		Vars:  wxpay.Vars{"contract_id": p.ContractID},
		Query: params.Query("appid", p.AppID, "sub_mchid", p.SubMchID, "sub_appid", p.SubAppID),
	}, func(c *Contract) string {
		return params.Other("contract_id", p.ContractID, c.ContractInformation.ContractID, "sub_mchid", p.SubMchID, c.SubMchID)
	})
}

// TerminateContractParams names the contract for [Service.TerminateContract].
type TerminateContractParams struct {
	ContractID string // 签约协议号
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
	if err := params.Check(routeTerminateContract, params.ID("contract_id", p.ContractID, 32)); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeTerminateContract,
		Vars:  wxpay.Vars{"contract_id": p.ContractID},
	})
}

// ListUserContractsParams chooses contracts of one user for [Service.ListUserContracts] and
// [Service.AllUserContracts].
type ListUserContractsParams struct {
	OpenID         string // user under AppID
	AppID          string // of the caller; in partner mode of the partner
	SubMchID       string
	SubAppID       string
	SubOpenID      string         // user under SubAppID
	PlanID         string         // contract template (签约模板号)
	ContractStatus ContractStatus // empty: ContractSigned
	Offset         int64          // position of the first record, from 0 (EP-7); AllUserContracts starts there
	Limit          int64          // contracts on a page; 0: 20, no maximum is printed (EP-13)
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
	contracts, err := params.Ask(ctx, s.client, wxpay.Call{
		Route: routeListUserContracts,
		Vars:  wxpay.Vars{"openid": p.OpenID},
		Query: q,
	}, p.other)
	if p.Offset == 0 && nothingThere(err) {
		return nil, fmt.Errorf("%w: %w", ErrNoContracts, err)
	}
	if err != nil {
		return nil, err
	}
	return contracts.Page().ByRecord(p.Offset), nil
}

// other names what a contract of the page is about that was not asked for.
func (p ListUserContractsParams) other(page *params.List[Contract]) (name string) {
	for _, c := range page.Data {
		name = cmp.Or(name, params.Other("openid", p.OpenID, c.OpenID, "sub_openid", p.SubOpenID, c.SubOpenID,
			"plan_id", p.PlanID, c.PlanID, "sub_mchid", p.SubMchID, c.SubMchID))
	}
	return name
}

// nothingThere reports whether the platform itself says that there is nothing. Without a signature anything on
// the way can have said it.
func nothingThere(err error) bool {
	e, refused := errors.AsType[*wxpay.Error](err)
	return refused && e.Verified && e.StatusCode == http.StatusNotFound && e.Code == wxpay.CodeNotFound
}

func (p ListUserContractsParams) check() error {
	return params.Check(routeListUserContracts,
		params.ID("openid", p.OpenID, 128),
		params.ID("appid", p.AppID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32),
		params.OptionalID("sub_appid", p.SubAppID, 32),
		params.OptionalID("sub_openid", p.SubOpenID, 128),
		params.ID("plan_id", p.PlanID, 32),
		params.Page(p.Offset, p.Limit, 0), // EP-13: no largest page is known
	)
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
