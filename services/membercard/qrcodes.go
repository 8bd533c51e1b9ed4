package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const routeCreateCardQrcode = "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode"

// A CardQrcode is a link to draw as a QR code.
type CardQrcode struct {
	URL string `json:"url"`
}

// CreateCardQrcodeParams is for [Service.CreateCardQrcode]: a card to offer and how it comes into force.
type CreateCardQrcodeParams struct {
	CardID        string       `json:"-"` // at most 32 characters
	ActivateType  ActivateType `json:"activate_type"`
	ActivateURL   string       `json:"activate_url,omitzero"`   // web page for ActivateTypeJump; a mini program wins over it; at most 128
	ActivateAppID string       `json:"activate_appid,omitzero"` // mini program for ActivateTypeJump; at most 32
	ActivatePath  string       `json:"activate_path,omitzero"`  // path in it; at most 128
	OuterStr      string       `json:"outer_str,omitzero"`      // mark of the merchant, such as a shop, that comes back in events; at most 32 (MC-19)
}

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
	if err := params.Check(routeCreateCardQrcode,
		params.ID("card_id", p.CardID, 32),
		params.Required("activate_type", p.ActivateType, 0),
		params.Optional("activate_url", p.ActivateURL, 128),
		params.OptionalID("activate_appid", p.ActivateAppID, 32),
		params.Optional("activate_path", p.ActivatePath, 128),
		params.Optional("outer_str", p.OuterStr, 32),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[CardQrcode](ctx, s.client, wxpay.Call{
		Route: routeCreateCardQrcode,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
