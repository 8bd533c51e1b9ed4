package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

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
	if err := p.check(); err != nil {
		return err
	}
	return s.bonus(ctx, routePrepareBonus, p)
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
	if err := p.check(); err != nil {
		return err
	}
	return s.bonus(ctx, routeCommitBonus, PrepareBonusParams(p))
}

func (s *Service) bonus(ctx context.Context, route string, p PrepareBonusParams) error {
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: route,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}
