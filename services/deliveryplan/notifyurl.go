package deliveryplan

import (
	"cmp"
	"context"

	"github.com/wxpay-go/wxpay"
)

// SetNotifyURL sets the address to which [EventPlanChanged] goes (设置投放计划回调地址): one for all brands of a service provider, or
// one for a brand that calls in its own name.
//
// SpMchID is the merchant number of the client where it is left out; a brand leaves it out.
//
// Limits: NotifyURL is https without query, checked before anything is sent; plain http is accepted for loopback hosts
// only, which no real platform reaches. 1 call a second (DP-7).
//
// Repeating: the same address can be set again; nothing but the last one counts. An unclear answer is not repeated by
// itself, since no page speaks of it.
//
//	POST /v3/marketing/partner/delivery-plan/{sp_mchid}/notify-url
//	POST /brand/marketing/delivery-plan/notify-url
//
// https://pay.weixin.qq.com/doc/v3/partner/4016184598
// https://pay.weixin.qq.com/doc/brand/4018381183
func (s *Service) SetNotifyURL(ctx context.Context, p SetNotifyURLParams) (*NotifyURL, error) {
	p.SpMchID = cmp.Or(p.SpMchID, s.client.Sender()) // of a brand its ID, which check takes out
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[NotifyURL](ctx, s.client, wxpay.Call{
		Route:      routeSetNotifyURL,
		BrandRoute: brandSetNotifyURL,
		Vars:       wxpay.Vars{"sp_mchid": p.SpMchID},
		Body:       p,
		Echo:       wxpay.Vars{"notify_url": p.NotifyURL},
	})
}
