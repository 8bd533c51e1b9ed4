package membercard

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeGetUserCard        = "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}"
	routeUpdateUserCard     = "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}"
	routeInvalidateUserCard = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable"
	routeListUserCards      = "GET /v3/marketing/membercard-open/user/cards"
)

// A UserCardStatus is the state of a user's card. The platform may add values.
type UserCardStatus string

// States of a user's card.
const (
	UserCardNotActivate UserCardStatus = "NOT_ACTIVATE" // taken, not active
	UserCardEffective   UserCardStatus = "EFFECTIVE"    // in force
	UserCardExpire      UserCardStatus = "EXPIRE"       // expired
	UserCardUnavailable UserCardStatus = "UNAVAILABLE"  // made invalid by InvalidateUserCard
	UserCardDelete      UserCardStatus = "DELETE"       // deleted by the user
)

// UserInformation is what a user filled in. Its values are personal data in plain text.
type UserInformation struct {
	CommonFieldList []CommonFieldValue `json:"common_field_list,omitzero"`
	CustomFieldList []CustomFieldValue `json:"custom_field_list,omitzero"`
}

// A CommonFieldValue is a field of the platform, filled in.
type CommonFieldValue struct {
	Name  CommonField `json:"name,omitzero"`
	Value string      `json:"value,omitzero"`
}

// A CustomFieldValue is a field of the merchant, filled in.
type CustomFieldValue struct {
	Name      string   `json:"name,omitzero"`
	Value     string   `json:"value,omitzero"`
	ValueList []string `json:"value_list,omitzero"` // of a multiple choice
}

// A UserCard is the card of one user. OpenID, Nickname and HeadImageURL are empty for members imported by phone
// number who have not taken the card.
type UserCard struct {
	CardID               string              `json:"card_id,omitzero"`
	Code                 string              `json:"code,omitzero"` // card code, never an error code
	OpenID               string              `json:"openid,omitzero"`
	MembershipNumber     string              `json:"membership_number,omitzero"` // shown on the card; empty: the code
	Level                string              `json:"level,omitzero"`
	Nickname             string              `json:"nickname,omitzero"`
	HeadImageURL         string              `json:"head_image_url,omitzero"`
	BackgroundPictureURL string              `json:"background_picture_url,omitzero"`
	Balance              wxpay.Fen           `json:"balance,omitzero"` // stored value
	UserCardStatus       UserCardStatus      `json:"user_card_status,omitzero"`
	UserInformation      UserInformation     `json:"user_information,omitzero"`
	BonusValue           int64               `json:"bonus_value,omitzero"` // points
	ServiceModules       []UserServiceModule `json:"service_modules,omitzero"`
	FapiaoJumpWord       string              `json:"fapiao_jump_word,omitzero"` // text of the invoice link
	Guide                Guide               `json:"guide,omitzero"`
}

// GetUserCardParams is for [Service.GetUserCard]: the card of a user.
type GetUserCardParams struct {
	CardID string // at most 32 characters
	Code   string // the card code, or the dynamic code of a card that has them; at most 32
}

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
	if err := params.Check(routeGetUserCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[UserCard](ctx, s.client, wxpay.Call{
		Route: routeGetUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Echo:  wxpay.Vars{"card_id?": p.CardID},
	})
}

// A BalanceChange is a change of stored value.
type BalanceChange struct {
	BeforeBalance wxpay.Fen `json:"before_balance"`
	Balance       wxpay.Fen `json:"balance"`     // afterwards
	AddBalance    wxpay.Fen `json:"add_balance"` // the difference; negative if spent
	BalanceRemark string    `json:"balance_remark,omitzero"`
}

// UpdateUserCardParams is for [Service.UpdateUserCard]: the card of a user and what to change of it. What is left
// empty stays.
type UpdateUserCardParams struct {
	CardID               string        `json:"-"`                               // at most 32 characters
	Code                 string        `json:"-"`                               // at most 32
	MembershipNumber     string        `json:"membership_number,omitzero"`      // digits, letters and half-width marks; at most 32
	BackgroundPictureURL string        `json:"background_picture_url,omitzero"` // picture for this user, under 1 MB; at most 128 (MC-3)
	Level                string        `json:"level,omitzero"`                  // at most 5
	OutRequestNo         string        `json:"out_request_no"`                  // unique, chosen by the merchant; letters, digits and | _ * -, at most 32
	BalanceInformation   BalanceChange `json:"balance_information,omitzero"`
	NeedInformBalance    *bool         `json:"need_inform_balance,omitzero"` // message the user about stored value; nil: true
	NeedInformLevel      *bool         `json:"need_inform_level,omitzero"`   // message the user about the level; nil: true
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
	if err := params.Check(routeUpdateUserCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		params.Clean("membership_number", p.MembershipNumber, 32),
		params.Optional("background_picture_url", p.BackgroundPictureURL, 128),
		params.Optional("level", p.Level, 5),
		outRequestNo(p.OutRequestNo, 32),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeUpdateUserCard,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012709735
	})
}

// InvalidateUserCardParams is for [Service.InvalidateUserCard]: the card of a user and the reason to end it.
type InvalidateUserCardParams struct {
	CardID string `json:"-"`               // at most 32 characters
	Code   string `json:"-"`               // at most 32
	Reason string `json:"reason,omitzero"` // at most 30
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
	if err := params.Check(routeInvalidateUserCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		params.Optional("reason", p.Reason, 30),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeInvalidateUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// A UserCardRef names a card of a user; [Service.GetUserCard] returns it.
type UserCardRef struct {
	CardID string `json:"card_id,omitzero"`
	Code   string `json:"code,omitzero"`
}

// ListUserCardsParams name a user for [Service.ListUserCards] and [Service.AllUserCards].
type ListUserCardsParams struct {
	OpenID string // user under the AppID; at most 128 characters
	AppID  string // service account of the brand; empty: any; at most 32
	Offset int64  // number of the page, from 0 (MC-16); AllUserCards starts there
	Limit  int64  // cards on a page, at most 20; 0: 20
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
	if err := params.Check(routeListUserCards,
		params.ID("openid", p.OpenID, 128),
		params.OptionalID("appid", p.AppID, 32),
		params.Page(p.Offset, p.Limit, 20),
	); err != nil {
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
