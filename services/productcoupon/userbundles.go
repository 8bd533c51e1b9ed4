package productcoupon

import (
	"context"
	"slices"

	"github.com/wxpay-go/wxpay"
)

// SendCouponBundle sends one coupon of each stock of a bundle to a user (向用户发放商品券批次组). Each coupon is told by an
// [EventCouponSent] of its own and needs its own [Service.ConfirmCoupon].
//
// Limits: as for [Service.SendCoupon].
//
// Repeating: safe with the same SendRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. That is also how to find out what became of a send; if it is refused, [Service.AllUserCoupons] tells, by
// the SendRequestNo of each coupon. An answer without the bundle's ID, or with a coupon without a code, is a
// [wxpay.UnknownError].
//
// Errors: as for [Service.SendCoupon].
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles
//	POST /brand/marketing/product-coupon/users/{openid}/coupon-bundles
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280664
func (s *Service) SendCouponBundle(ctx context.Context, p SendCouponBundleParams) (*UserCouponBundle, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	echo := about("user_product_coupon_list[].", "", p.BrandID, p.ProductCouponID, "")
	echo["user_product_coupon_list[].send_request_no"] = p.SendRequestNo
	echo["user_product_coupon_list[].stock.stock_bundle_info.stock_bundle_id?"] = p.StockBundleID
	return change(ctx, s, wxpay.Call{
		Route:      routeSendCouponBundle,
		BrandRoute: brandSendCouponBundle,
		Vars:       wxpay.Vars{"openid": p.OpenID},
		Body:       p,
		Echo:       echo,
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4016280664
	}, func(b *UserCouponBundle) bool {
		nameless := func(c UserCoupon) bool { return c.CouponCode == "" }
		return b.UserCouponBundleID != "" && len(b.UserProductCouponList) > 0 && !slices.ContainsFunc(b.UserProductCouponList, nameless)
	})
}

// PreSendCouponBundle makes a token for the claim component of a mini program (向用户预发放商品券批次组), as
// [Service.PreSendCoupon] does for one coupon. It is not open to brands (PC-25).
//
// Repeating: safe with the same SendRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer.
//
// Errors: as for [Service.SendCoupon].
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon-bundle
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280670
func (s *Service) PreSendCouponBundle(ctx context.Context, p PreSendCouponBundleParams) (*SendToken, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routePreSendCouponBundle,
		Vars:       wxpay.Vars{"openid": p.OpenID},
		Body:       p,
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4016280670
	}, func(t *SendToken) bool { return t.Token != "" })
}

// DeactivateCouponBundle makes all coupons of a user's bundle invalid (失效用户商品券组). It cannot be undone, and is not
// open to brands (PC-25).
//
// Repeating: safe with the same OutRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. If it stays unclear, [Service.AllUserCoupons] shows the coupons, by UserCouponBundleID. An answer in which no
// coupon has this number, or one without it could still be used, is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeNotFound] if there is no such bundle.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles/{user_coupon_bundle_id}/deactivate
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280658
func (s *Service) DeactivateCouponBundle(ctx context.Context, p DeactivateCouponBundleParams) (*UserCouponBundle, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	echo := about("user_product_coupon_list[].", "", p.BrandID, p.ProductCouponID, "")
	echo["user_coupon_bundle_id"] = p.UserCouponBundleID
	echo["user_product_coupon_list[].stock.stock_bundle_info.stock_bundle_id?"] = p.StockBundleID
	return change(ctx, s, wxpay.Call{
		Route:      routeDeactivateCouponBundle,
		Vars:       wxpay.Vars{"openid": p.OpenID, "user_coupon_bundle_id": p.UserCouponBundleID},
		Body:       p,
		Echo:       echo,
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4016280658
	}, func(b *UserCouponBundle) bool {
		done := func(c UserCoupon) bool { return c.DeactivateRequestNo == p.OutRequestNo }
		usable := func(c UserCoupon) bool { return !done(c) && c.CouponState != UserCouponUsed && !c.CouponState.Final() }
		return slices.ContainsFunc(b.UserProductCouponList, done) && !slices.ContainsFunc(b.UserProductCouponList, usable)
	})
}
