package productcoupon

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateStockBundle adds a bundle to a coupon with usage mode PROGRESSIVE_BUNDLE (添加商品券批次组): one stock for each use.
//
// Limits: 20 a second (PC-14). As many discounts as the coupon has uses. Codes come from the platform or are uploaded;
// [CouponCodeModeAPIAssign] is not for bundles (PC-6).
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after a lost answer can be this very bundle: look for it
// with [Service.AllStocks].
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stock-bundles
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280622
func (s *Service) CreateStockBundle(ctx context.Context, p CreateStockBundleParams) (*StockBundle, error) {
	bundle := p.StockBundle.together("stock_bundle.")
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeCreateStockBundle, brandCreateStockBundle, bundle)); err != nil {
		return nil, err
	}
	echo := ofBundle(p.ProductCouponID, "", p.BrandID)
	maps.Copy(echo, p.StockBundle.settings("stock_list[]."))
	return change(ctx, s, wxpay.Call{
		Route:      routeCreateStockBundle,
		BrandRoute: brandCreateStockBundle,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Body:       p,
		Echo:       echo,
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4016280622
		Idempotent: true,
	}, func(b *StockBundle) bool { return b.StockBundleID != "" && len(b.StockList) > 0 })
}

// settings is what answers repeat of each stock of a bundle.
func (b *NewStockBundle) settings(at string) wxpay.Vars {
	each := NewStock{Remark: b.Remark, CouponCodeMode: b.CouponCodeMode, StockSendRule: b.StockSendRule, UsageRuleDisplayInfo: b.UsageRuleDisplayInfo,
		CouponDisplayInfo: b.CouponDisplayInfo, NotifyConfig: b.NotifyConfig, StoreScope: b.StoreScope}
	return each.settings(at)
}

// UpdateStockBundle changes texts, look, notifications or stores of every stock in a bundle (修改商品券批次组). What is left
// out of the params stays as it is.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such bundle.
//
//	PATCH /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}
//	PATCH /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280633
func (s *Service) UpdateStockBundle(ctx context.Context, p UpdateStockBundleParams) (*StockBundle, error) {
	usage := p.UsageRuleDisplayInfo.together("usage_rule_display_info.")
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUpdateStockBundle, brandUpdateStockBundle, usage)); err != nil {
		return nil, err
	}
	to := NewStock{Remark: p.Remark, UsageRuleDisplayInfo: p.UsageRuleDisplayInfo, CouponDisplayInfo: p.CouponDisplayInfo,
		NotifyConfig: p.NotifyConfig, StoreScope: p.StoreScope}
	echo := ofBundle(p.ProductCouponID, p.StockBundleID, p.BrandID)
	maps.Copy(echo, to.settings("stock_list[]."))
	return change(ctx, s, wxpay.Call{
		Route:      routeUpdateStockBundle,
		BrandRoute: brandUpdateStockBundle,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_bundle_id": p.StockBundleID},
		Body:       p,
		Echo:       echo,
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4016280633
		Idempotent: true,
	}, func(b *StockBundle) bool { return len(b.StockList) > 0 })
}

// UpdateStockBundleBudget changes one limit of every stock in a bundle (修改商品券批次组发放预算). The limit as it stands is
// part of the call: read a stock first.
//
// Limits: as those of [Service.UpdateStockBudget].
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17). An answer that
// does not show the new limit is a [wxpay.UnknownError]: ask [Service.AllStocks].
//
// Errors: a refusal if the limit is no longer what the call says: read a stock, and call with a new number.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/update-budget
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/update-budget
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280642
func (s *Service) UpdateStockBundleBudget(ctx context.Context, p UpdateStockBundleBudgetParams) (*StockBundle, error) {
	limits := p.UpdateMode.together(p.CurrentMaxCount, p.TargetMaxCount, p.CurrentMaxCountPerDay, p.TargetMaxCountPerDay)
	err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUpdateStockBundleBudget, brandUpdateStockBundleBudget, limits))
	if err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeUpdateStockBundleBudget,
		BrandRoute: brandUpdateStockBundleBudget,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_bundle_id": p.StockBundleID},
		Body:       p,
		Echo:       ofBundle(p.ProductCouponID, p.StockBundleID, p.BrandID),
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4016280642
		Idempotent: true,
	}, func(b *StockBundle) bool {
		return len(b.StockList) > 0 && !slices.ContainsFunc(b.StockList, func(stock Stock) bool {
			return !stock.has(p.UpdateMode, p.TargetMaxCount, p.TargetMaxCountPerDay)
		})
	})
}

// ofBundle is what the answer of a call about a bundle repeats.
func ofBundle(couponID, bundleID, brandID string) wxpay.Vars {
	return wxpay.Vars{"stock_bundle_id": bundleID, "stock_list[].stock_bundle_info.stock_bundle_id?": bundleID,
		"stock_list[].product_coupon_id": couponID, "stock_list[].brand_id?": brandID}
}
