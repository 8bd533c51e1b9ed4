package membercard

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// ActivateUserCard puts the card of a user who jumped to the merchant's page into force (激活会员卡).
//
// Repeating: what a second call answers is not documented; [Service.GetUserCard] tells whether the first worked
// ([UserCardEffective]).
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550809
// https://pay.weixin.qq.com/doc/v3/partner/4012728123
func (s *Service) ActivateUserCard(ctx context.Context, p ActivateUserCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeActivateUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// ConfirmUserCard tells the platform whether joining worked on the side of the merchant (确认用户入会). For cards
// that ask for it, after the merchant opened the card in its own system.
//
// The only page could be read in part: which cards ask for it, and when (MC-32), whether merchants may call it
// or service providers only (MC-33), what it answers (MC-31) and refuses (MC-35) are open. Look at the page first.
//
// Repeating: the platform tells confirmations apart by the code within the card. An unclear answer is not
// repeated by itself.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/confirm
//
// https://pay.weixin.qq.com/doc/v3/partner/4024293896
func (s *Service) ConfirmUserCard(ctx context.Context, p ConfirmUserCardParams) error {
	known := params.Must(p.UserCardConfirmState != ConfirmDefault, "user_card_confirm_state", "is DEFAULT, which means nothing")
	if err := cmp.Or(p.check(), params.Check(routeConfirmUserCard, known)); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeConfirmUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// GetActivateInformation returns the form that a user filled in before the jump to the merchant's page
// (获取用户信息).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550779
// https://pay.weixin.qq.com/doc/v3/partner/4012727881
func (s *Service) GetActivateInformation(ctx context.Context, p GetActivateInformationParams) (*ActivateInformation, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[ActivateInformation](ctx, s.client, wxpay.Call{
		Route: routeGetActivateInformation,
		Vars:  wxpay.Vars{"activate_ticket": p.ActivateTicket},
	})
}
