package productcoupon

import (
	"context"

	"github.com/wxpay-go/wxpay"
)

// SetNotifyConfig sets the address for the notifications of this product (设置商品券事件通知地址): one for all brands of a
// service provider, or that of the brand. It has to be set before the first coupon is made.
//
// Limits: https without a query, at most 256 characters; plain http is accepted for loopback hosts only, which no real
// platform reaches.
//
// Repeating: no page says what a repetition does, so a lost answer is left to the caller. Setting the same address again
// harms nothing; [Service.GetNotifyConfig] tells which one is in use.
//
// PC-19: guides print the address of this call without its last letter; it is called as the pages have it.
//
//	POST /v3/marketing/partner/product-coupon/notify-configs
//	POST /brand/marketing/product-coupon/notify-configs
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781286
// https://pay.weixin.qq.com/doc/v3/partner/4016435719
func (s *Service) SetNotifyConfig(ctx context.Context, p SetNotifyConfigParams) (*NotifyAddress, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[NotifyAddress](ctx, s.client, wxpay.Call{
		Route:      routeSetNotifyConfig,
		BrandRoute: brandSetNotifyConfig,
		Body:       p,
		Echo:       wxpay.Vars{"notify_url": p.NotifyURL},
	})
}

// GetNotifyConfig returns the address for notifications (获取商品券事件通知地址).
//
// Repeating: safe.
//
//	GET /v3/marketing/partner/product-coupon/notify-configs
//	GET /brand/marketing/product-coupon/notify-configs
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781284
// https://pay.weixin.qq.com/doc/v3/partner/4016435718
func (s *Service) GetNotifyConfig(ctx context.Context) (*NotifyAddress, error) {
	return wxpay.Do[NotifyAddress](ctx, s.client, wxpay.Call{
		Route:      routeGetNotifyConfig,
		BrandRoute: brandGetNotifyConfig,
	})
}
