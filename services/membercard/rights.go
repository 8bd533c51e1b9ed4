package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeUpdateCardRights     = "PATCH /v3/marketing/membercard-open/cards/{card_id}/rights"
	routeUpdateUserCardRights = "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights"
)

// A MemberPriceTitle is the title of the member price. The platform may add values.
type MemberPriceTitle string

// Titles of the member price.
const (
	MemberPriceTitlePrice    MemberPriceTitle = "MEMBER_PRICE"
	MemberPriceTitleActivity MemberPriceTitle = "MEMBER_ACTIVITY"
)

// A FavorModuleTitle is the title of the block of discounts. The platform may add values.
type FavorModuleTitle string

// Titles of the block of discounts.
const (
	FavorModuleTitleFavor FavorModuleTitle = "FAVOR"
	FavorModuleTitleVIP   FavorModuleTitle = "VIP"
)

// BonusRights is the block of points (积分) on a card.
type BonusRights struct {
	InitBonus         int64  `json:"init_bonus"`                   // points of a new member
	BonusValueWord    string `json:"bonus_value_word"`             // text of the points
	BonusCostTitle    string `json:"bonus_cost_title,omitzero"`    // title of what points buy
	BonusCostWord     string `json:"bonus_cost_word"`              // text of what points buy
	BonusJumpWord     string `json:"bonus_jump_word,omitzero"`     // text of the link
	BonusJumpAppID    string `json:"bonus_jump_appid,omitzero"`    // mini program of the link
	BonusJumpPath     string `json:"bonus_jump_path,omitzero"`     // path in it
	BonusSupportAppID string `json:"bonus_support_appid,omitzero"` // mini program in which users collect points themselves
	BonusSupportPath  string `json:"bonus_support_path,omitzero"`  // path in it
}

// FavorRights is the block of discounts (优惠) on a card.
type FavorRights struct {
	ShowCoupon       bool             `json:"show_coupon"`                 // coupons are shown
	MemberPriceWord  string           `json:"member_price_word,omitzero"`  // text of the member price
	MemberPriceAppID string           `json:"member_price_appid,omitzero"` // mini program of the member price
	MemberPricePath  string           `json:"member_price_path,omitzero"`  // path in it
	MemberPriceTitle MemberPriceTitle `json:"member_price_title,omitzero"`
	FavorModuleTitle FavorModuleTitle `json:"favor_module_title,omitzero"`
}

// FapiaoRights is the block of invoices (发票) on a card.
type FapiaoRights struct {
	FapiaoJumpWord  string `json:"fapiao_jump_word,omitzero"`  // text of the link
	FapiaoJumpAppID string `json:"fapiao_jump_appid,omitzero"` // mini program of the link
	FapiaoJumpPath  string `json:"fapiao_jump_path,omitzero"`  // path in it
}

// A Guide is the personal adviser (会员专属咨询) on a card.
type Guide struct {
	StaffName               string `json:"staff_name,omitzero"`
	HeadImageURL            string `json:"head_image_url,omitzero"`            // an address from the image upload call
	ContactInformationName  string `json:"contact_information_name,omitzero"`  // kind of contact, such as 微信号
	ContactInformationValue string `json:"contact_information_value,omitzero"` // the contact
	PhoneNumber             string `json:"phone_number,omitzero"`              // sent and shown in plain text
}

// UpdateCardRightsParams is for [Service.UpdateCardRights]: a card and the blocks it shows.
type UpdateCardRightsParams struct {
	CardID     string       `json:"-"` // at most 32 characters
	ShowBonus  bool         `json:"show_bonus"`
	ShowFavor  bool         `json:"show_favor"`
	Bonus      BonusRights  `json:"bonus,omitzero"`
	Favor      *FavorRights `json:"favor,omitzero"` // nil: not sent; empty: no coupons
	ShowFapiao bool         `json:"show_fapiao,omitzero"`
	Fapiao     FapiaoRights `json:"fapiao,omitzero"`
	ShowGuide  bool         `json:"show_guide,omitzero"`
	Guide      Guide        `json:"guide,omitzero"`
}

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
	if err := params.Check(routeUpdateCardRights, params.ID("card_id", p.CardID, 32)); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeUpdateCardRights,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}

// UpdateUserCardRightsParams is for [Service.UpdateUserCardRights]: the card of a user and its rights. What is left
// empty stays. The three members about points go together.
type UpdateUserCardRightsParams struct {
	CardID           string `json:"-"`                           // at most 32 characters
	Code             string `json:"-"`                           // at most 32
	BeforeBonusValue *int64 `json:"before_bonus_value,omitzero"` // points before; nil: not sent
	BonusValue       *int64 `json:"bonus_value,omitzero"`        // points after, shown on the card; nil: as they are
	AddBonusValue    *int64 `json:"add_bonus_value,omitzero"`    // the difference, may be negative; nil: not sent
	OutRequestNo     string `json:"out_request_no"`              // unique, chosen by the merchant; letters, digits and | _ * -, at most 128
	NeedInformBonus  *bool  `json:"need_inform_bonus,omitzero"`  // message the user about points; nil: true
	MemberPriceWord  string `json:"member_price_word,omitzero"`  // text of the member price; at most 8
	FapiaoJumpWord   string `json:"fapiao_jump_word,omitzero"`   // text of the invoice link; at most 6
	Guide            Guide  `json:"guide,omitzero"`
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
	if err := params.Check(routeUpdateUserCardRights,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		outRequestNo(p.OutRequestNo, 128),
		params.Optional("member_price_word", p.MemberPriceWord, 8),
		params.Optional("fapiao_jump_word", p.FapiaoJumpWord, 6),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route:      routeUpdateUserCardRights,
		Vars:       wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012729622
	})
}
