package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeActivateUserCard       = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate"
	routeConfirmUserCard        = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/confirm"
	routeGetActivateInformation = "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}"
)

// An ActivateType is how a card comes into force once a user took it. The platform may add values.
type ActivateType string

// Ways of activation.
const (
	ActivateTypeAuto ActivateType = "AUTO_ACTIVATE" // at once, by the platform
	ActivateTypeJump ActivateType = "JUMP_ACTIVATE" // the user jumps to the merchant, who activates
)

// ActivateUserCardParams is for [Service.ActivateUserCard]: the card of a user to activate.
type ActivateUserCardParams struct {
	CardID           string `json:"-"`                          // at most 32 characters
	Code             string `json:"-"`                          // at most 32
	MembershipNumber string `json:"membership_number,omitzero"` // shown on the card; empty: the code; at most 32
}

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
	if err := params.Check(routeActivateUserCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		params.Clean("membership_number", p.MembershipNumber, 32),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeActivateUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// A UserCardConfirmState is how joining went on the side of the merchant. The platform may add values.
type UserCardConfirmState string

// Outcomes of joining.
const (
	ConfirmDefault       UserCardConfirmState = "DEFAULT"                    // means nothing; refused here (MC-34)
	ConfirmSuccess       UserCardConfirmState = "CREATE_CARD_SUCCESS"        // the user is a member
	ConfirmFail          UserCardConfirmState = "CREATE_CARD_FAIL"           // the user is not
	ConfirmAlreadyExists UserCardConfirmState = "CREATE_CARD_ALREADY_EXISTS" // the user is a member and joined elsewhere before
)

// ConfirmUserCardParams is for [Service.ConfirmUserCard]: the card of a user and how joining went.
type ConfirmUserCardParams struct {
	CardID               string               `json:"-"`                    // at most 32 characters
	Code                 string               `json:"-"`                    // at most 32
	FailReason           string               `json:"fail_reason,omitzero"` // for ConfirmFail; at most 128
	UserCardConfirmState UserCardConfirmState `json:"user_card_confirm_state"`
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
	if err := params.Check(routeConfirmUserCard,
		params.ID("card_id", p.CardID, 32),
		params.ID("code", p.Code, 32),
		params.Optional("fail_reason", p.FailReason, 128),
		params.Required("user_card_confirm_state", p.UserCardConfirmState, 0),
		params.Must(p.UserCardConfirmState != ConfirmDefault, "user_card_confirm_state", "is DEFAULT, which means nothing"),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeConfirmUserCard,
		Vars:  wxpay.Vars{"card_id": p.CardID, "code": p.Code},
		Body:  p,
	})
}

// ActivateInformation is what a user filled in before the jump to the merchant's page.
type ActivateInformation struct {
	Nickname        string          `json:"nickname,omitzero"`
	HeadImageURL    string          `json:"head_image_url,omitzero"`
	UserInformation UserInformation `json:"user_information,omitzero"`
}

// GetActivateInformationParams is for [Service.GetActivateInformation]: the form of a user.
type GetActivateInformationParams struct {
	ActivateTicket string // as the jump carries it; at most 256 characters
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
	if err := params.Check(routeGetActivateInformation, params.ID("activate_ticket", p.ActivateTicket, 256)); err != nil {
		return nil, err
	}
	return wxpay.Do[ActivateInformation](ctx, s.client, wxpay.Call{
		Route: routeGetActivateInformation,
		Vars:  wxpay.Vars{"activate_ticket": p.ActivateTicket},
	})
}
