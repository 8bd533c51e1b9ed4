package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeImportUser        = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"
	routeImportUserByPhone = "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import"
)

// ImportUserParams is for [Service.ImportUser]: a member to import by openid.
type ImportUserParams struct {
	CardID       string `json:"-"`              // at most 32 characters
	OpenID       string `json:"openid"`         // under a service account or mini program bound to the brand; at most 128
	Code         string `json:"code,omitzero"`  // needed in CodeModeRealTime; at most 32
	OutRequestNo string `json:"out_request_no"` // unique, chosen by the merchant; letters, digits and | _ * -, at most 128
}

// ImportUser gives an existing member the card in the background and returns the card code
// (根据openid导入用户会员卡). The card is active at once, but not in the user's list of cards.
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only if
// [Service.ListUserCards] shows the card.
//
// Errors: [wxpay.CodeInvalidRequest] if the member holds the card already, or Code is missing for a card in
// CodeModeRealTime.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/users/import
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012549739
// https://pay.weixin.qq.com/doc/v3/partner/4012727561
func (s *Service) ImportUser(ctx context.Context, p ImportUserParams) (*CardCode, error) {
	if err := params.Check(routeImportUser,
		params.ID("card_id", p.CardID, 32),
		params.ID("openid", p.OpenID, 128),
		params.OptionalID("code", p.Code, 32),
		outRequestNo(p.OutRequestNo, 128),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[CardCode](ctx, s.client, wxpay.Call{
		Route:      routeImportUser,
		Vars:       wxpay.Vars{"card_id": p.CardID},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012727561
	})
}

// ImportUserByPhoneParams is for [Service.ImportUserByPhone]: a member to import by phone number.
type ImportUserByPhoneParams struct {
	CardID       string       `json:"-"`                      // at most 32 characters
	PhoneNumber  wxpay.Secret `json:"encrypted_phone_number"` // plain text here; the call encrypts it
	Code         string       `json:"code,omitzero"`          // needed in CodeModeRealTime; at most 32
	OutRequestNo string       `json:"out_request_no"`         // unique, chosen by the merchant; letters, digits and | _ * -, at most 32
}

// ImportUserByPhone gives the WeChat accounts bound to a phone number the card in the background and returns
// the card code (根据手机号导入用户会员卡). The card is active at once, but not in the user's list of cards.
//
// Limits: the user must have paid this merchant with WeChat Pay within a year. The form of the number is not
// documented beyond its being one: digits, perhaps after +, pass.
//
// Repeating: with the same OutRequestNo; an unclear answer is repeated by itself. The pages do not say what a
// repeat answers (MC-26): take a refusal after an unclear answer as done before only after a query, such as
// [Service.GetUserCard] if Code was given.
//
// Errors: [wxpay.CodeInvalidRequest] if the member holds the card already, had no payment within a year, or
// Code is missing for a card in CodeModeRealTime.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550535
// https://pay.weixin.qq.com/doc/v3/partner/4012727629
func (s *Service) ImportUserByPhone(ctx context.Context, p ImportUserByPhoneParams) (*CardCode, error) {
	if err := params.Check(routeImportUserByPhone,
		params.ID("card_id", p.CardID, 32),
		phoneNumber(p.PhoneNumber),
		params.OptionalID("code", p.Code, 32),
		outRequestNo(p.OutRequestNo, 32),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[CardCode](ctx, s.client, wxpay.Call{
		Route:      routeImportUserByPhone,
		Vars:       wxpay.Vars{"card_id": p.CardID},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012727629
	})
}
