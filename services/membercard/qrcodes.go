package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// CreateCardQrcode makes a link whose QR code offers the card (创建会员卡二维码).
//
// Repeating: makes a link again, nothing else is known of it. An unclear answer is not repeated by itself.
//
// Errors: [wxpay.CodeInvalidRequest] if the card is in [CodeModeRealTime], which cannot be handed out by scan;
// [wxpay.CodeSystemError] if the link could not be made: repeat.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/qrcode
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550605
// https://pay.weixin.qq.com/doc/v3/partner/4012727701
func (s *Service) CreateCardQrcode(ctx context.Context, p CreateCardQrcodeParams) (*CardQrcode, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[CardQrcode](ctx, s.client, wxpay.Call{
		Route: routeCreateCardQrcode,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
