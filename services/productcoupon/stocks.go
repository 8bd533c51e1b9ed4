package productcoupon

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreateStock adds a stock to a coupon with usage mode SINGLE (添加商品券批次). For PROGRESSIVE_BUNDLE there is
// [Service.CreateStockBundle].
//
// Look at State: only a stock that is [StockSending] can be sent.
//
// Limits: 20 a second (PC-14); a coupon has at most 200 stocks in force, and those that expired or were deactivated do
// not count. For scope SINGLE the discount stands in SingleUsageRule.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after a lost answer can be this very stock: look for it
// with [Service.AllStocks].
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781304
func (s *Service) CreateStock(ctx context.Context, p CreateStockParams) (*Stock, error) {
	err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeCreateStock, brandCreateStock, p.Stock.together("stock.")))
	if err != nil {
		return nil, err
	}
	echo := p.Stock.settings("")
	echo["product_coupon_id"], echo["brand_id?"] = p.ProductCouponID, p.BrandID
	return change(ctx, s, wxpay.Call{
		Route:      routeCreateStock,
		BrandRoute: brandCreateStock,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Body:       p,
		Echo:       echo,
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781304
		Idempotent: true,
	}, func(stock *Stock) bool { return stock.StockID != "" })
}

// settings is what answers repeat of what a stock was given, at where it stands. What was left out is not compared.
func (s *NewStock) settings(at string) wxpay.Vars {
	vars := wxpay.Vars{at + "remark?": s.Remark, at + "coupon_code_mode?": string(s.CouponCodeMode), at + "store_scope?": string(s.StoreScope),
		at + "notify_config.notify_appid?":                s.NotifyConfig.NotifyAppID,
		at + "usage_rule_display_info.usage_description?": s.UsageRuleDisplayInfo.UsageDescription,
		at + "coupon_display_info.code_display_mode?":     string(s.CouponDisplayInfo.CodeDisplayMode)}
	rule := s.StockSendRule
	for name, n := range map[string]int64{"max_count?": rule.MaxCount, "max_count_per_day?": rule.MaxCountPerDay, "max_count_per_user?": rule.MaxCountPerUser} {
		if n != 0 {
			vars[at+"stock_send_rule."+name] = params.Decimal(n)
		}
	}
	return vars
}

// ListStocks returns one page of the stocks of a coupon, or of one bundle (查询商品券批次列表). Its Total is told with the
// first page only (PC-16).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such coupon.
//
//	GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks
//	GET /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781553
// https://pay.weixin.qq.com/doc/v3/partner/4016434641
func (s *Service) ListStocks(ctx context.Context, p ListStocksParams) (*wxpay.Page[Stock], error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	list, err := wxpay.Do[listStocksAnswer](ctx, s.client, wxpay.Call{
		Route:      routeListStocks,
		BrandRoute: brandListStocks,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID},
		Query: params.Query("brand_id", p.BrandID, "state", string(p.State), "stock_bundle_id", p.StockBundleID,
			"page_size", params.Decimal(cmp.Or(p.PageSize, 20)), "page_token", p.PageToken),
		Echo: wxpay.Vars{"stock_list[].product_coupon_id": p.ProductCouponID, "stock_list[].brand_id?": p.BrandID,
			"stock_list[].state?": string(p.State), "stock_list[].stock_bundle_info.stock_bundle_id?": p.StockBundleID},
	})
	if err != nil {
		return nil, err
	}
	return wxpay.Page[Stock]{Items: list.StockList, Total: list.TotalCount}.ByToken(list.NextPageToken), nil
}

// AllStocks walks all stocks that match, page by page, from PageToken on. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen.
func (s *Service) AllStocks(ctx context.Context, p ListStocksParams) iter.Seq2[Stock, error] {
	id := func(stock Stock) string { return stock.StockID }
	return wxpay.Walk(wxpay.Cursor{Token: p.PageToken}, id, func(at wxpay.Cursor) (*wxpay.Page[Stock], error) {
		page := p
		page.PageToken = at.Token
		return s.ListStocks(ctx, page)
	})
}

// GetStock returns a stock, be it in a bundle or not (查询商品券指定批次).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}
//	GET /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781542
// https://pay.weixin.qq.com/doc/v3/partner/4016434649
func (s *Service) GetStock(ctx context.Context, p GetStockParams) (*Stock, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[Stock](ctx, s.client, wxpay.Call{
		Route:      routeGetStock,
		BrandRoute: brandGetStock,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Query:      params.Query("brand_id", p.BrandID),
		Echo:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID, "brand_id?": p.BrandID},
	})
}

// UpdateStock changes texts, look, notifications or stores of a stock (修改商品券指定批次). Coupons that were sent before
// keep their look. What is left out of the params stays as it is. For a stock in a bundle there is
// [Service.UpdateStockBundle].
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17).
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	PATCH /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}
//	PATCH /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781556
func (s *Service) UpdateStock(ctx context.Context, p UpdateStockParams) (*Stock, error) {
	usage := p.UsageRuleDisplayInfo.together("usage_rule_display_info.")
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUpdateStock, brandUpdateStock, usage)); err != nil {
		return nil, err
	}
	to := NewStock{Remark: p.Remark, UsageRuleDisplayInfo: p.UsageRuleDisplayInfo, CouponDisplayInfo: p.CouponDisplayInfo,
		NotifyConfig: p.NotifyConfig, StoreScope: p.StoreScope}
	echo := to.settings("")
	echo["product_coupon_id"], echo["stock_id"], echo["brand_id?"] = p.ProductCouponID, p.StockID, p.BrandID
	return wxpay.Do[Stock](ctx, s.client, wxpay.Call{
		Route:      routeUpdateStock,
		BrandRoute: brandUpdateStock,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
		Echo:       echo,
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781556
		Idempotent: true,
	})
}

// DeactivateStock stops a stock (失效商品券批次). It cannot be undone. What users hold stays valid.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17). An answer that
// does not show this number is a [wxpay.UnknownError]: ask [Service.GetStock].
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/deactivate
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/deactivate
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781532
// https://pay.weixin.qq.com/doc/v3/partner/4016434661
func (s *Service) DeactivateStock(ctx context.Context, p DeactivateStockParams) (*Stock, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[Stock](ctx, s.client, wxpay.Call{
		Route:      routeDeactivateStock,
		BrandRoute: brandDeactivateStock,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
		Echo: wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID, "brand_id?": p.BrandID,
			"deactivate_request_no": p.OutRequestNo},
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781532
		Idempotent: true,
	})
}

// UpdateStockBudget changes one limit of a stock (修改商品券批次发放预算): how many are sent in all, or each day. The limit
// as it stands is part of the call: read the stock first. For a stock in a bundle there is
// [Service.UpdateStockBundleBudget].
//
// Limits: a limit for each day can be changed, not added or removed. The new limit is not below what was sent.
//
// Repeating: safe with the same OutRequestNo and the same params, and done after a lost answer (PC-17). An answer that
// does not show the new limit is a [wxpay.UnknownError]: ask [Service.GetStock].
//
// Errors: a refusal if the limit is no longer what the call says: read the stock, and call with a new number.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/update-budget
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/update-budget
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781561
func (s *Service) UpdateStockBudget(ctx context.Context, p UpdateStockBudgetParams) (*Stock, error) {
	limits := p.UpdateMode.together(p.CurrentMaxCount, p.TargetMaxCount, p.CurrentMaxCountPerDay, p.TargetMaxCountPerDay)
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUpdateStockBudget, brandUpdateStockBudget, limits)); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeUpdateStockBudget,
		BrandRoute: brandUpdateStockBudget,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
		Echo:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID, "brand_id?": p.BrandID},
		// By out_request_no (PC-17).
		// https://pay.weixin.qq.com/doc/v3/partner/4015781561
		Idempotent: true,
	}, func(stock *Stock) bool { return stock.has(p.UpdateMode, p.TargetMaxCount, p.TargetMaxCountPerDay) })
}

// has reports whether the stock has a limit; what one not known here would be, nobody can tell.
func (s *Stock) has(mode BudgetMode, inAll, perDay int64) bool {
	switch mode {
	case BudgetModeMaxCount:
		return s.StockSendRule.MaxCount == inAll
	case BudgetModeMaxCountPerDay:
		return s.StockSendRule.MaxCountPerDay == perDay
	}
	return true
}
