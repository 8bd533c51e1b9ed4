package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// CreatePermissionToken makes a token with which a web page opens the card component (商户预授权).
//
// Repeating: makes a token again, nothing else is known of it. An unclear answer is not repeated by itself.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550867
// https://pay.weixin.qq.com/doc/v3/partner/4012728179
func (s *Service) CreatePermissionToken(ctx context.Context, p CreatePermissionTokenParams) (*PermissionToken, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[PermissionToken](ctx, s.client, wxpay.Call{
		Route: routeCreatePermissionToken,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
