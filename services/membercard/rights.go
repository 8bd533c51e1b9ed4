package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// UpdateCardRights chooses which blocks a card shows: points, discounts, invoices, adviser (设置会员卡模板权益项).
// All four switches take effect each time, also those left false.
//
// Which members of the blocks are needed is left to the platform (MC-28). One page prints another method and
// path (MC-20).
//
// Repeating: sets the same values again. An unclear answer is not repeated by itself; [Service.GetCard] tells.
//
// Errors: [wxpay.CodeInvalidRequest] if the path of the bonus link is missing.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}/rights
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012551219
// https://pay.weixin.qq.com/doc/v3/partner/4012729618
func (s *Service) UpdateCardRights(ctx context.Context, p UpdateCardRightsParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpdateCardRights,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}

// UpdateUserCardRights sets points, price text, invoice text and adviser of the card of one user (设置会员权益).
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if [Service.GetUserCard]
// shows the change.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code, the user deleted the card, or the card does not
// show points.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012551213
// https://pay.weixin.qq.com/doc/v3/partner/4012729622
func (s *Service) UpdateUserCardRights(ctx context.Context, p UpdateUserCardRightsParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeUpdateUserCardRights,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012729622
	})
}
