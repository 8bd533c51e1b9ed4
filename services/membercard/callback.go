package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeSetCallback = "PATCH /v3/marketing/membercard-open/callback"
	routeGetCallback = "GET /v3/marketing/membercard-open/callback"
)

// A Callback is the address that notifications of member cards go to.
type Callback struct {
	NotifyURL string `json:"notify_url"`
	MchID     string `json:"mchid,omitzero"` // merchant number it belongs to
}

// SetCallbackParams is for [Service.SetCallback]: the address to set.
type SetCallbackParams struct {
	NotifyURL string `json:"notify_url"` // https, without query; at most 256 characters
}

// SetCallback sets the address for the caller's member card notifications and returns the one now in use
// (设置回调地址). The creator of the card also has to switch event messages on in the merchant platform.
//
// Repeating: sets the same address again. An unclear answer is not repeated by itself; [Service.GetCallback]
// tells.
//
// MC-27: sources differ on the method, PATCH here. If the answer is 404 or 405, suspect it first.
//
//	PATCH /v3/marketing/membercard-open/callback
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012552251
// https://pay.weixin.qq.com/doc/v3/partner/4012714353
func (s *Service) SetCallback(ctx context.Context, p SetCallbackParams) (*Callback, error) {
	if err := params.Check(routeSetCallback,
		params.Required("notify_url", p.NotifyURL, 256),
		params.NotifyURL("notify_url", p.NotifyURL),
	); err != nil {
		return nil, err
	}
	return wxpay.Do[Callback](ctx, s.client, wxpay.Call{Route: routeSetCallback, Body: p})
}

// GetCallback returns the address set before (查询回调地址).
//
// Repeating: safe.
//
//	GET /v3/marketing/membercard-open/callback
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012552275
// https://pay.weixin.qq.com/doc/v3/partner/4012714354
func (s *Service) GetCallback(ctx context.Context) (*Callback, error) {
	return wxpay.Do[Callback](ctx, s.client, wxpay.Call{Route: routeGetCallback})
}
