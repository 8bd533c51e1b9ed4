package membercard

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateCard creates a card (创建会员卡模板).
//
// The card waits for review; its Status tells when it may be handed out.
//
// One source calls CodeMode and Description optional; here they are needed. What is needed of a custom field
// is left to the platform (MC-28).
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if [Service.AllCards]
// shows the number.
//
// Errors: [wxpay.CodeInvalidRequest] if the AppID is not that of a service account, or balance_path is missing.
//
//	POST /v3/marketing/membercard-open/cards
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012545584
// https://pay.weixin.qq.com/doc/v3/partner/4012708314
func (s *Service) CreateCard(ctx context.Context, p CreateCardParams) (*Card, error) {
	whole := params.Check(routeCreateCard,
		params.Must(p.Brand != Brand{}, "brand", "is missing"),
		params.Must(p.DateInformation != DateInformation{}, "date_information", "is missing"))
	if err := cmp.Or(whole, p.check()); err != nil {
		return nil, err
	}
	return wxpay.Do[Card](ctx, s.client, wxpay.Call{
		Route:      routeCreateCard,
		Body:       p,
		Echo:       wxpay.Vars{"out_request_no?": p.OutRequestNo},
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012708314
	})
}

// ListCards returns one page of the cards of a brand (查询会员卡模板列表).
//
// Repeating: safe.
//
// MC-16: offset is documented as the number of a page. If it were the position of a record, pages would
// overlap; [Service.AllCards] notices.
//
//	GET /v3/marketing/membercard-open/cards
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012547108
// https://pay.weixin.qq.com/doc/v3/partner/4012709010
func (s *Service) ListCards(ctx context.Context, p ListCardsParams) (*wxpay.Page[Card], error) {
	p.Limit = cmp.Or(p.Limit, 20)
	if err := p.check(); err != nil {
		return nil, err
	}
	cards, err := wxpay.Do[params.List[Card]](ctx, s.client, wxpay.Call{
		Route: routeListCards,
		Query: params.Query("brand_id", p.BrandID, "appid", p.AppID,
			"offset", params.Decimal(p.Offset), "limit", params.Decimal(p.Limit)),
	})
	if err != nil {
		return nil, err
	}
	return cards.Page().ByNumber(p.Offset, cards.Limit), nil
}

// AllCards walks all cards that match, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen (MC-16).
func (s *Service) AllCards(ctx context.Context, p ListCardsParams) iter.Seq2[Card, error] {
	id := func(c Card) string { return c.CardID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Card], error) {
		page := p
		page.Offset = at.Offset
		return s.ListCards(ctx, page)
	})
}

// GetCard returns a card (查询会员卡模板信息).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012547650
// https://pay.weixin.qq.com/doc/v3/partner/4012709168
func (s *Service) GetCard(ctx context.Context, p GetCardParams) (*Card, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Card](ctx, s.client, wxpay.Call{
		Route: routeGetCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Echo:  wxpay.Vars{"card_id": p.CardID},
	})
}

// UpdateCard changes a card (修改会员卡模板信息).
//
// Repeating: sets the same values again. An unclear answer is not repeated by itself; [Service.GetCard] tells.
//
// Errors: [wxpay.CodeInvalidRequest] if the AppID is not that of a service account, the code mode would change,
// or balance_path is missing.
//
//	PATCH /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549567
// https://pay.weixin.qq.com/doc/v3/partner/4012709882
func (s *Service) UpdateCard(ctx context.Context, p UpdateCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpdateCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}

// DeleteCard ends the handing out of a card (删除会员卡模板). Cards that users hold stay valid.
//
// Repeating: what a second deletion answers is not documented; [Service.GetCard] tells whether the first worked
// ([CardDeleted]).
//
//	DELETE /v3/marketing/membercard-open/cards/{card_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549682
// https://pay.weixin.qq.com/doc/v3/partner/4012726840
func (s *Service) DeleteCard(ctx context.Context, p DeleteCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{Route: routeDeleteCard, Vars: wxpay.Vars{"card_id": p.CardID}})
}

// UpgradeCard binds a card made in the official accounts platform to a brand (老会员卡模板升级). Card ID and
// members stay. Until then other calls refuse such a card.
//
// Repeating: a second upgrade is refused, so after an unclear answer that refusal says it is done.
//
// Errors: [wxpay.CodeInvalidRequest] if the card was upgraded before, or the AppID is not that of a service
// account.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/upgrade
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012545673
// https://pay.weixin.qq.com/doc/v3/partner/4012708437
func (s *Service) UpgradeCard(ctx context.Context, p UpgradeCardParams) error {
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpgradeCard,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
