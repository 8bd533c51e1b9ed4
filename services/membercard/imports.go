package membercard

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

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
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[CardCode](ctx, s.client, wxpay.Call{
		Route:      routeImportUser,
		Vars:       wxpay.Vars{"card_id": p.CardID},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012727561
	})
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
	if err := cmp.Or(p.check(), params.Check(routeImportUserByPhone, phoneNumber(p.PhoneNumber))); err != nil {
		return nil, err
	}
	return wxpay.Do[CardCode](ctx, s.client, wxpay.Call{
		Route:      routeImportUserByPhone,
		Vars:       wxpay.Vars{"card_id": p.CardID},
		Body:       p,
		Idempotent: true, // by out_request_no, MC-26: https://pay.weixin.qq.com/doc/v3/partner/4012727629
	})
}
