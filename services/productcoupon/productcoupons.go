package productcoupon

import (
	"cmp"
	"context"
	"maps"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateProductCoupon creates a product coupon with its first stock or stock bundle (创建商品券). Keep the IDs in the answer:
// no call finds a coupon by OutRequestNo or OutProductNo, except this one when it is repeated.
//
// Look at State: a coupon can be in review first, and only a stock that is [StockSending] can be sent.
//
// Limits: 20 a second (PC-14). UsageMode says where the discount stands and what has to be filled in (PC-3):
//
//	SINGLE              Stock; the discount in SingleUsageInfo for scope ALL, in Stock.SingleUsageRule for scope SINGLE
//	PROGRESSIVE_BUNDLE  ProgressiveBundleUsageInfo and StockBundle, with a discount for each of Count uses
//
// Scope SINGLE also needs OriginalPrice and ComboPackageList. What is needed and is not there is refused before anything
// is sent; scope CATEGORY (PC-2) and the lengths of texts (PC-4) are left to the platform where the pages differ.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after a lost answer can be this very coupon.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons
//	POST /brand/marketing/product-coupon/product-coupons
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781289
// https://pay.weixin.qq.com/doc/v3/partner/4016434630
func (s *Service) CreateProductCoupon(ctx context.Context, p CreateProductCouponParams) (*CreatedProductCoupon, error) {
	err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeCreateProductCoupon, brandCreateProductCoupon, p.together()))
	if err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeCreateProductCoupon,
		BrandRoute: brandCreateProductCoupon,
		Body:       p,
		Echo:       p.settings(),
		// By out_request_no, unique for the brand; other content under the same number is refused (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781289
		Idempotent: true,
	}, func(c *CreatedProductCoupon) bool {
		return c.ProductCouponID != "" && repeats(p.SingleUsageInfo, c.SingleUsageInfo) && repeats(p.ProgressiveBundleUsageInfo, c.ProgressiveBundleUsageInfo)
	})
}

// repeats reports whether an answer has what was asked, where both have it.
func repeats[T comparable](asked, got T) bool {
	var none T
	return asked == none || got == none || asked == got
}

// settings is what the answer repeats of a coupon and its first stock or bundle.
func (p *CreateProductCouponParams) settings() wxpay.Vars {
	vars := p.Stock.settings("stock.")
	maps.Copy(vars, p.StockBundle.settings("stock_bundle.stock_list[]."))
	maps.Copy(vars, wxpay.Vars{"brand_id?": p.BrandID, "scope?": string(p.Scope), "type?": string(p.Type), "usage_mode?": string(p.UsageMode),
		"out_product_no?": p.OutProductNo, "display_info.name?": p.DisplayInfo.Name})
	return vars
}

// GetProductCoupon returns a product coupon without its stocks (查询商品券); [Service.AllStocks] has those.
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such coupon, or it is that of another brand or service provider.
//
//	GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}
//	GET /brand/marketing/product-coupon/product-coupons/{product_coupon_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781292
// https://pay.weixin.qq.com/doc/v3/partner/4016434632
func (s *Service) GetProductCoupon(ctx context.Context, p GetProductCouponParams) (*ProductCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[ProductCoupon](ctx, s.client, wxpay.Call{
		Route:      routeGetProductCoupon,
		BrandRoute: brandGetProductCoupon,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Query:      params.Query("brand_id", p.BrandID),
		Echo:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "brand_id?": p.BrandID},
	})
}

// UpdateProductCoupon changes what users see of a coupon (修改商品券). Coupons that were sent before stay as they are.
//
// Limits: as those of DisplayInfo in [Service.CreateProductCoupon]; DisplayInfo is sent as a whole.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeNotFound] if there is no such coupon.
//
//	PATCH /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}
//	PATCH /brand/marketing/product-coupon/product-coupons/{product_coupon_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781296
// https://pay.weixin.qq.com/doc/v3/partner/4016434633
func (s *Service) UpdateProductCoupon(ctx context.Context, p UpdateProductCouponParams) (*ProductCoupon, error) {
	err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUpdateProductCoupon, brandUpdateProductCoupon, p.DisplayInfo.together("")))
	if err != nil {
		return nil, err
	}
	return wxpay.Do[ProductCoupon](ctx, s.client, wxpay.Call{
		Route:      routeUpdateProductCoupon,
		BrandRoute: brandUpdateProductCoupon,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Body:       p,
		Echo:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "brand_id?": p.BrandID, "display_info.name?": p.DisplayInfo.Name},
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781296
		Idempotent: true,
	})
}

// DeactivateProductCoupon ends a coupon, all its stocks and all its distribution (失效商品券). It cannot be undone. What
// users hold stays valid.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17). An answer that
// does not show this number is a [wxpay.UnknownError]: ask [Service.GetProductCoupon].
//
// Errors: [wxpay.CodeNotFound] if there is no such coupon.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/deactivate
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/deactivate
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781290
// https://pay.weixin.qq.com/doc/v3/partner/4016434631
func (s *Service) DeactivateProductCoupon(ctx context.Context, p DeactivateProductCouponParams) (*ProductCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[ProductCoupon](ctx, s.client, wxpay.Call{
		Route:      routeDeactivateProductCoupon,
		BrandRoute: brandDeactivateProductCoupon,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Body:       p,
		Echo:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "brand_id?": p.BrandID, "deactivate_request_no": p.OutRequestNo},
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781290
		Idempotent: true,
	})
}
