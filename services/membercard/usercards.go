package membercard

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// GetUserCard returns the card of a user (查询用户会员卡信息). Its code is the card code, also where the dynamic one
// was asked for, so an answer is held to the card ID alone.
//
// Repeating: safe.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code.
//
//	GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012547768
// https://pay.weixin.qq.com/doc/v3/partner/4012709442
func (s *Service) GetUserCard(ctx context.Context, p GetUserCardParams) (*UserCard, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[UserCard](ctx, s.client, wxpay.Call{
		Route: routeGetUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Echo:  wxpay.Vars{"card_id?": p.CardID},
	})
}

// UpdateUserCard changes picture, member number, level or stored value of a user's card (修改用户会员卡信息).
//
// Repeating: with the same OutRequestNo, which some pages call optional (MC-2); an unclear answer is repeated
// by itself. The pages do not say what a repeat answers (MC-26): take a refusal after an unclear answer as
// done before only if [Service.GetUserCard] shows the change.
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code, or the user deleted the card.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549292
// https://pay.weixin.qq.com/doc/v3/partner/4012709735
func (s *Service) UpdateUserCard(ctx context.Context, p UpdateUserCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeUpdateUserCard,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012709735
	})
}

// InvalidateUserCard makes the card of a user invalid (作废用户会员卡). It cannot be undone, and the user has to
// agree first.
//
// Repeating: what a second call answers is not documented; [Service.GetUserCard] tells whether the first worked
// ([UserCardUnavailable]).
//
// Errors: [wxpay.CodeInvalidRequest] if there is no such code.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549677
// https://pay.weixin.qq.com/doc/v3/partner/4012726955
func (s *Service) InvalidateUserCard(ctx context.Context, p InvalidateUserCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeInvalidateUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// ListUserCards returns one page of the cards that a user took from the brand (查询用户在品牌下所有会员卡).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeInvalidRequest] if the AppID is not that of a service account.
//
// MC-16: offset is documented as the number of a page. If it were the position of a record, pages would
// overlap; [Service.AllUserCards] notices.
//
//	GET /v3/marketing/membercard-open/user/cards
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549255
// https://pay.weixin.qq.com/doc/v3/partner/4012709674
func (s *Service) ListUserCards(ctx context.Context, p ListUserCardsParams) (*wxpay.Page[UserCardRef], error) {
	p.Limit = cmp.Or(p.Limit, 20)
	if err := p.check(); err != nil {
		return nil, err
	}
	cards, err := wxpay.Do[params.List[UserCardRef]](ctx, s.client, wxpay.Call{
		Route: routeListUserCards,
		Query: params.Query("openid", p.OpenID, "appid", p.AppID,
			"offset", params.Decimal(p.Offset), "limit", params.Decimal(p.Limit)),
	})
	if err != nil {
		return nil, err
	}
	return cards.Page().ByNumber(p.Offset, cards.Limit), nil
}

// AllUserCards walks all cards of a user, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen (MC-16).
func (s *Service) AllUserCards(ctx context.Context, p ListUserCardsParams) iter.Seq2[UserCardRef, error] {
	id := func(c UserCardRef) string { return c.CardID + " " + c.Code }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[UserCardRef], error) {
		page := p
		page.Offset = at.Offset
		return s.ListUserCards(ctx, page)
	})
}
