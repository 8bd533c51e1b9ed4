package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeImportPhoneNumber = "POST /v3/marketing/membercard-open/phonenumber-member/import"
	routeSearchPhoneNumber = "GET /v3/marketing/membercard-open/phonenumber-member/search"
)

// MemberInformation is the member behind a phone number.
type MemberInformation struct {
	CardID           string     `json:"card_id"`                    // at most 32 characters
	Code             string     `json:"code,omitzero"`              // at most 32
	MembershipNumber string     `json:"membership_number,omitzero"` // shown on the card; empty: the code; at most 32
	RegistrationTime wxpay.Time `json:"registration_time"`          // when the user became a member
}

// ImportPhoneNumberParams is for [Service.ImportPhoneNumber]: a phone number to remind.
type ImportPhoneNumberParams struct {
	MemberInformation MemberInformation `json:"member_information"`
	PhoneNumber       wxpay.Secret      `json:"encrypted_phone_number"` // plain text here; the call encrypts it
	OuterStr          string            `json:"outer_str,omitzero"`     // mark of the merchant, such as a shop; at most 128
}

// ImportPhoneNumber hands in the phone number of a registered member, whom WeChat then reminds to take the card
// (导入加密手机号提醒会员领卡).
//
// The reminder comes later: [Service.SearchPhoneNumber] tells whether the card was taken, and so does an
// [AcceptCardEvent].
//
// Limits: the user must have paid the brand with WeChat Pay within a year. The form of the number is not
// documented beyond its being one: digits, perhaps after +, pass, as in [Service.ImportUserByPhone].
//
// Repeating: there is no request number; what a repeat does is not documented. After an unclear answer ask
// [Service.SearchPhoneNumber] first.
//
// Errors: [wxpay.CodeInvalidRequest] if the member had no payment within a year, holds the card already, or Code
// is missing for a card in [CodeModeRealTime].
//
//	POST /v3/marketing/membercard-open/phonenumber-member/import
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017166226
// https://pay.weixin.qq.com/doc/v3/partner/4017171998
func (s *Service) ImportPhoneNumber(ctx context.Context, p ImportPhoneNumberParams) error {
	m := &p.MemberInformation
	if err := params.Check(routeImportPhoneNumber,
		params.ID("member_information.card_id", m.CardID, 32),
		params.OptionalID("member_information.code", m.Code, 32),
		params.Clean("member_information.membership_number", m.MembershipNumber, 32),
		params.Must(!m.RegistrationTime.IsZero(), "member_information.registration_time", "is missing"),
		phoneNumber(p.PhoneNumber),
		params.Optional("outer_str", p.OuterStr, 128),
	); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{Route: routeImportPhoneNumber, Body: p})
}

// A ReceiveStatus says whether a card was taken after a reminder. The platform may add values.
type ReceiveStatus string

// States of a reminder.
const (
	ReceiveUnshowed   ReceiveStatus = "UNSHOWED"   // not shown yet
	ReceiveUnreceived ReceiveStatus = "UNRECEIVED" // shown, not taken
	ReceiveReceived   ReceiveStatus = "RECEIVED"   // taken
)

// PhoneNumberState is what became of a phone number handed in.
type PhoneNumberState struct {
	ReceiveStatus       ReceiveStatus       `json:"receive_status"`
	UserCardInformation UserCardInformation `json:"user_card_information,omitzero"` // only if the card was taken
}

// UserCardInformation is the card a user took.
type UserCardInformation struct {
	Code        string     `json:"code"`
	OpenID      string     `json:"openid"`
	UnionID     string     `json:"unionid,omitzero"`
	ReceiveTime wxpay.Time `json:"receive_time"`
	CardAppID   string     `json:"card_appid"` // AppID of the brand
	CardID      string     `json:"card_id"`
}

// SearchPhoneNumberParams is for [Service.SearchPhoneNumber]: a phone number handed in before.
type SearchPhoneNumberParams struct {
	CardID      string       `json:"-"` // at most 32 characters
	PhoneNumber wxpay.Secret `json:"-"` // plain text here; the call encrypts it
}

// SearchPhoneNumber tells whether the user behind a phone number that was handed in has taken the card
// (通过加密手机号查询会员领卡状态).
//
// Limits: numbers of mainland China only, one a call.
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/phonenumber-member/search
//
// https://pay.weixin.qq.com/doc/v3/merchant/4017166232
// https://pay.weixin.qq.com/doc/v3/partner/4017172062
func (s *Service) SearchPhoneNumber(ctx context.Context, p SearchPhoneNumberParams) (*PhoneNumberState, error) {
	if err := params.Check(routeSearchPhoneNumber,
		params.ID("card_id", p.CardID, 32),
		mainlandNumber(p.PhoneNumber),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[PhoneNumberState](ctx, s.client, wxpay.Call{
		Route:       routeSearchPhoneNumber,
		Query:       params.Query("card_id", p.CardID),
		SealedQuery: map[string]wxpay.Secret{"encrypted_phone_number": p.PhoneNumber},
		Echo:        wxpay.Vars{"user_card_information.card_id?": p.CardID},
	})
}
