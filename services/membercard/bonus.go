package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routePrepareBonus = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/prepare"
	routeCommitBonus  = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/commit"
)

// PrepareBonusParams is for [Service.PrepareBonus]: the points of one order to announce.
type PrepareBonusParams struct {
	CardID     string `json:"-"`                  // at most 32 characters
	Code       string `json:"-"`                  // at most 32
	OutTradeNo string `json:"out_trade_no"`       // the merchant's order number of the payment; at most 32
	MchID      string `json:"mchid,omitzero"`     // of a merchant who pays in directly (MC-8); at most 32
	SubMchID   string `json:"sub_mchid,omitzero"` // of the sub-merchant of a service provider (MC-8); at most 32
	BonusValue int64  `json:"bonus_value"`        // at least 1
}

// PrepareBonus announces the points of one order, which the user then sees on the payment result page
// (支付结果页展示会员积分). [Service.CommitBonus] follows once they are booked.
//
// Repeating: the platform tells bonuses apart by merchant number and order number; what a second call answers
// is not documented. An unclear answer is not repeated by itself.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code, the user deleted the card, the card does not show
// points, or the merchant number is wrong or not bound to the brand; [wxpay.CodeSystemError] if the link could
// not be made: repeat. One page prints another method and path (MC-20).
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/prepare
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012595808
// https://pay.weixin.qq.com/doc/v3/partner/4012729629
func (s *Service) PrepareBonus(ctx context.Context, p PrepareBonusParams) error {
	return s.bonus(ctx, routePrepareBonus, p)
}

// CommitBonusParams are the points of one order, as [Service.PrepareBonus] announced them.
type CommitBonusParams struct {
	CardID     string `json:"-"`                  // at most 32 characters
	Code       string `json:"-"`                  // at most 32
	OutTradeNo string `json:"out_trade_no"`       // the merchant's order number of the payment; at most 32
	MchID      string `json:"mchid,omitzero"`     // of a merchant who pays in directly (MC-8); at most 32
	SubMchID   string `json:"sub_mchid,omitzero"` // of the sub-merchant of a service provider (MC-8); at most 32
	BonusValue int64  `json:"bonus_value"`        // at least 1
}

// CommitBonus marks the points announced for one order as booked (设置支付后展示的积分到账).
//
// Repeating: the platform tells bonuses apart by merchant number and order number; what a second call answers
// is not documented. An unclear answer is not repeated by itself.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code, the user deleted the card, the card does not show
// points, or the merchant number is wrong or not bound to the brand.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/commit
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012551350
// https://pay.weixin.qq.com/doc/v3/partner/4012729634
func (s *Service) CommitBonus(ctx context.Context, p CommitBonusParams) error {
	return s.bonus(ctx, routeCommitBonus, PrepareBonusParams(p))
}

func (s *Service) bonus(ctx context.Context, route string, p PrepareBonusParams) error {
	if err := params.Check(route,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		params.ID("out_trade_no", p.OutTradeNo, 32),
		params.OptionalID("mchid", p.MchID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32),
		params.Must(p.BonusValue >= 1, "bonus_value", "is not positive"),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: route,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}
