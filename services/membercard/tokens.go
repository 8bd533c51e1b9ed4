package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const routeCreatePermissionToken = "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens"

// A PermissionToken lets a web page open the card component.
type PermissionToken struct {
	PermissionToken string `json:"permission_token"`
}

// CreatePermissionTokenParams is for [Service.CreatePermissionToken]: a card to offer and how it comes into force.
type CreatePermissionTokenParams struct {
	CardID                   string       `json:"-"` // at most 32 characters
	ActivateType             ActivateType `json:"activate_type"`
	NavigateBackPreviousPage bool         `json:"navigate_back_previous_page,omitzero"` // user returns to the calling page; no effect with a target to jump to
	ActivateURL              string       `json:"activate_url,omitzero"`                // web page for ActivateTypeJump; a mini program wins over it; at most 128
	ActivateAppID            string       `json:"activate_appid,omitzero"`              // mini program for ActivateTypeJump; at most 32
	ActivatePath             string       `json:"activate_path,omitzero"`               // path in it; at most 128
	OuterStr                 string       `json:"outer_str,omitzero"`                   // mark of the merchant, such as a shop, that comes back in events; at most 32 (MC-19)
}

// CreatePermissionToken makes a token with which a web page opens the card component (商户预授权).
//
// Repeating: makes a token again, nothing else is known of it. An unclear answer is not repeated by itself.
//
//	POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012550867
// https://pay.weixin.qq.com/doc/v3/partner/4012728179
func (s *Service) CreatePermissionToken(ctx context.Context, p CreatePermissionTokenParams) (*PermissionToken, error) {
	if err := params.Check(routeCreatePermissionToken,
		params.ID("card_id", p.CardID, 32),
		params.Required("activate_type", p.ActivateType, 0),
		params.Optional("activate_url", p.ActivateURL, 128),
		params.OptionalID("activate_appid", p.ActivateAppID, 32),
		params.Optional("activate_path", p.ActivatePath, 128),
		params.Optional("outer_str", p.OuterStr, 32),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[PermissionToken](ctx, s.client, wxpay.Call{
		Route: routeCreatePermissionToken,
		Vars:  wxpay.Vars{"card_id": p.CardID},
		Body:  p,
	})
}
