package membercard

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

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
	if err := p.check(); err != nil {
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
