package membercard

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

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
	if err := cmp.Or(p.check(), params.Check(routeImportPhoneNumber, phoneNumber(p.PhoneNumber))); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{Route: routeImportPhoneNumber, Body: p})
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
	if err := cmp.Or(p.check(), params.Check(routeSearchPhoneNumber, mainlandNumber(p.PhoneNumber))); err != nil {
		return nil, err
	}
	return wxpay.Do[PhoneNumberState](ctx, s.client, wxpay.Call{
		Route:       routeSearchPhoneNumber,
		Query:       params.Query("card_id", p.CardID),
		SealedQuery: map[string]wxpay.Secret{"encrypted_phone_number": p.PhoneNumber},
		Echo:        wxpay.Vars{"user_card_information.card_id?": p.CardID},
	})
}
