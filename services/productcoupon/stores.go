package productcoupon

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// AssociateStores adds stores to a stock whose StoreScope is [StoreSpecific] (批次关联门店).
//
// No error does not mean that all were added: look at FailedStoreList. A store that the answer does not mention is in
// doubt; add it again.
//
// Limits: at most 200 stores a call, 20 calls a second (PC-14). For a stock in a bundle there is
// [Service.AssociateBundleStores].
//
// Repeating: safe, and done after a lost answer: nothing is added twice.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associate-stores
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associate-stores
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781302
func (s *Service) AssociateStores(ctx context.Context, p AssociateStoresParams) (*StoresResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return s.stores(ctx, p.StoreList, wxpay.Call{
		Route:      routeAssociateStores,
		BrandRoute: brandAssociateStores,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
		// Repeating a call adds nothing twice.
		// https://pay.weixin.qq.com/doc/v3/partner/4015781302
		Idempotent: true,
	})
}

// DisassociateStores takes stores out of a stock (批次取消关联门店). No error does not mean that all were taken out: look at
// FailedStoreList.
//
// Limits: at most 200 stores a call, 20 calls a second (PC-14).
//
// Repeating: no page says what is answered for a store that is out already, so a lost answer is left to the caller.
// Calling again harms nothing; [Service.AllAssociatedStores] tells which are left.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/disassociate-stores
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/disassociate-stores
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781537
func (s *Service) DisassociateStores(ctx context.Context, p DisassociateStoresParams) (*StoresResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return s.stores(ctx, p.StoreList, wxpay.Call{
		Route:      routeDisassociateStores,
		BrandRoute: brandDisassociateStores,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Body:       p,
	})
}

// AssociateBundleStores adds stores to every stock of a bundle whose StoreScope is [StoreSpecific] (批次组批量关联门店).
//
// No error does not mean that all were added: look at FailedStoreList.
//
// Limits: at most 200 stores a call, 20 calls a second (PC-14).
//
// Repeating: that nothing is added twice is printed for stocks alone, so a lost answer is left to the caller. Calling
// again harms nothing.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such bundle.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/associate-stores
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/associate-stores
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280620
func (s *Service) AssociateBundleStores(ctx context.Context, p AssociateBundleStoresParams) (*StoresResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return s.stores(ctx, p.StoreList, wxpay.Call{
		Route:      routeAssociateBundleStores,
		BrandRoute: brandAssociateBundleStores,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_bundle_id": p.StockBundleID},
		Body:       p,
	})
}

// DisassociateBundleStores takes stores out of every stock of a bundle (批次组批量取消关联门店). No error does not mean that all
// were taken out: look at FailedStoreList.
//
// Limits: at most 200 stores a call, 20 calls a second (PC-14).
//
// Repeating: no page says what is answered for a store that is out already, so a lost answer is left to the caller.
// Calling again harms nothing.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such bundle.
//
//	POST /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/disassociate-stores
//	POST /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/disassociate-stores
//
// https://pay.weixin.qq.com/doc/v3/partner/4016280629
func (s *Service) DisassociateBundleStores(ctx context.Context, p DisassociateBundleStoresParams) (*StoresResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return s.stores(ctx, p.StoreList, wxpay.Call{
		Route:      routeDisassociateBundleStores,
		BrandRoute: brandDisassociateBundleStores,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_bundle_id": p.StockBundleID},
		Body:       p,
	})
}

// stores makes a call about stores. An answer about one that was not asked for is that to another call.
func (s *Service) stores(ctx context.Context, asked []Store, call wxpay.Call) (*StoresResult, error) {
	result, err := wxpay.Do[StoresResult](ctx, s.client, call)
	if err != nil {
		return nil, err
	}
	told := slices.Clone(result.SuccessStoreList)
	for _, failed := range result.FailedStoreList {
		told = append(told, Store{failed.StoreID})
	}
	for _, store := range told {
		if store.StoreID != "" && !slices.Contains(asked, store) {
			return nil, s.unknown(call, "answer is not about the stores that were asked for")
		}
	}
	return result, nil
}

// unknown is the error of a call whose genuine answer does not fit.
func (s *Service) unknown(call wxpay.Call, reason string) error {
	route := call.Route
	if s.client.BrandID() != "" {
		route = call.BrandRoute
	}
	return &wxpay.UnknownError{Route: route, Err: errors.New(reason)}
}

// ListAssociatedStores returns one page of the stores of a stock whose StoreScope is [StoreSpecific] (查询批次关联门店列表).
// Its Total is told with the first page only (PC-16).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if the coupon has no such stock.
//
//	GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associated-stores
//	GET /brand/marketing/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associated-stores
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781546
// https://pay.weixin.qq.com/doc/v3/partner/4016434665
func (s *Service) ListAssociatedStores(ctx context.Context, p ListAssociatedStoresParams) (*wxpay.Page[Store], error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	list, err := wxpay.Do[listAssociatedStoresAnswer](ctx, s.client, wxpay.Call{
		Route:      routeListAssociatedStores,
		BrandRoute: brandListAssociatedStores,
		Vars:       wxpay.Vars{"product_coupon_id": p.ProductCouponID, "stock_id": p.StockID},
		Query:      params.Query("brand_id", p.BrandID, "page_size", params.Decimal(cmp.Or(p.PageSize, 20)), "page_token", p.PageToken),
	})
	if err != nil {
		return nil, err
	}
	return wxpay.Page[Store]{Items: list.StoreList, Total: list.TotalCount}.ByToken(list.NextPageToken), nil
}

// AllAssociatedStores walks all stores of a stock, page by page, from PageToken on. An error comes once and last; one that
// is [wxpay.ErrPages] says that not all were seen.
func (s *Service) AllAssociatedStores(ctx context.Context, p ListAssociatedStoresParams) iter.Seq2[Store, error] {
	id := func(store Store) string { return store.StoreID }
	return wxpay.Walk(wxpay.Cursor{Token: p.PageToken}, id, func(at wxpay.Cursor) (*wxpay.Page[Store], error) {
		page := p
		page.PageToken = at.Token
		return s.ListAssociatedStores(ctx, page)
	})
}
