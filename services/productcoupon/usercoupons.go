package productcoupon

import (
	"cmp"
	"context"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// Final reports whether the coupon can never be used, or used again. A used one is not final: it can be given back, see
// [Service.ReturnCoupon]. A state not known here is not final.
func (s UserCouponState) Final() bool {
	return s == UserCouponExpired || s == UserCouponDeleted || s == UserCouponDeactivated
}

// Usage is the last use of a coupon, and its return, in either usage mode.
func (c *UserCoupon) Usage() UsageDetail {
	return cmp.Or(c.SingleUsageDetail, c.ProgressiveBundleUsageDetail)
}

// about is what answers repeat of the coupon that was asked for; at leads to it. None names the user.
func about(at, code, brandID, productCouponID, stockID string) wxpay.Vars {
	return wxpay.Vars{at + "coupon_code": code, at + "brand_id?": brandID,
		at + "product_coupon.product_coupon_id?": productCouponID, at + "stock.stock_id?": stockID}
}

// change makes a write whose answer has to show what it did. A genuine answer about the same coupon that does not show it
// is that to another call, such as a query. A state shows nothing: another number can have led to it, and to that of a
// return an earlier confirmation did.
func change[T any](ctx context.Context, s *Service, call wxpay.Call, shown func(*T) bool) (*T, error) {
	answer, err := wxpay.Do[T](ctx, s.client, call)
	if err == nil && !shown(answer) {
		return nil, s.unknown(call, "answer shows nothing of what was asked for")
	}
	return answer, err
}

// SendCoupon sends a coupon of a stock to one user (向用户发放商品券).
//
// The coupon is [UserCouponConfirming]: the user sees it, its validity runs, and it cannot be used until
// [Service.ConfirmCoupon]. [EventCouponSent] tells of every coupon that was sent.
//
// Limits: the stock has to be [StockSending] and not in a bundle, for which there is [Service.SendCouponBundle]; what it
// allows in all, a day and per user counts. CouponCode is needed for a stock in [CouponCodeModeAPIAssign] and refused for
// others. 500 calls a second (PC-14).
//
// Repeating: safe with the same SendRequestNo and otherwise the same params, and done after an unclear answer.
// That is also how to find out what became of a send. What a repeat answers after a success is not printed (PC-17);
// if it is refused, [Service.AllUserCoupons] tells, by StockID and the SendRequestNo of each coupon. Never take a
// new number before: it would send a second coupon. An answer without a code is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after an unclear answer can be by this very send.
// [wxpay.CodeInvalidRequest] also if the number was used with other params, a send with another number is open for
// user and stock, the user has as many as allowed, or the openid is not one of the AppID.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupons
//	POST /brand/marketing/product-coupon/users/{openid}/coupons
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781605
func (s *Service) SendCoupon(ctx context.Context, p SendCouponParams) (*UserCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	echo := about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID)
	echo["send_request_no"] = p.SendRequestNo
	return change(ctx, s, wxpay.Call{
		Route:      routeSendCoupon,
		BrandRoute: brandSendCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID},
		Body:       p,
		Echo:       echo,
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4015781605
	}, func(c *UserCoupon) bool { return c.CouponCode != "" })
}

// ListUserCoupons returns one page of the coupons that a user holds or held, all of the brand or those that match
// (指定券状态查询用户商品券列表).
//
// Limits: 500 calls a second (PC-14). Total comes with the first page only (PC-16).
//
// Repeating: safe.
//
//	GET /v3/marketing/partner/product-coupon/users/{openid}/coupons
//	GET /brand/marketing/product-coupon/users/{openid}/coupons
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781590
// https://pay.weixin.qq.com/doc/v3/partner/4016435703
func (s *Service) ListUserCoupons(ctx context.Context, p ListUserCouponsParams) (*wxpay.Page[UserCoupon], error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	echo := about("user_coupon_list[].", "", p.BrandID, p.ProductCouponID, p.StockID)
	echo["user_coupon_list[].user_product_coupon_bundle_info.user_coupon_bundle_id?"] = p.UserCouponBundleID
	list, err := wxpay.Do[listUserCouponsAnswer](ctx, s.client, wxpay.Call{
		Route:      routeListUserCoupons,
		BrandRoute: brandListUserCoupons,
		Vars:       wxpay.Vars{"openid": p.OpenID},
		Query: params.Query("brand_id", p.BrandID, "appid", p.AppID, "product_coupon_id", p.ProductCouponID, "stock_id", p.StockID,
			"coupon_state", string(p.CouponState), "user_coupon_bundle_id", p.UserCouponBundleID,
			"page_size", params.Decimal(cmp.Or(p.PageSize, 20)), "page_token", p.PageToken),
		Echo: echo,
	})
	if err != nil {
		return nil, err
	}
	return wxpay.Page[UserCoupon]{Items: list.UserCouponList, Total: list.TotalCount}.ByToken(list.NextPageToken), nil
}

// AllUserCoupons walks all coupons that match, page by page. An error comes once and last; one that is
// [wxpay.ErrPages] says that not all were seen.
func (s *Service) AllUserCoupons(ctx context.Context, p ListUserCouponsParams) iter.Seq2[UserCoupon, error] {
	id := func(c UserCoupon) string { return c.Stock.StockID + " " + c.CouponCode }
	return wxpay.Walk(wxpay.Cursor{Token: p.PageToken}, id, func(at wxpay.Cursor) (*wxpay.Page[UserCoupon], error) {
		page := p
		page.PageToken = at.Token
		return s.ListUserCoupons(ctx, page)
	})
}

// PreSendCoupon makes a token for the claim component of a mini program (向用户预发放商品券). Nothing is sent yet: the user
// gets the coupon by claiming it within 5 minutes, and [EventCouponSent] tells. The component needs a permission
// of its own.
//
// Limits: as for [Service.SendCoupon], CouponCode too.
//
// Repeating: safe with the same SendRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. A user who has claimed the coupon is shown so.
//
// Errors: as for [Service.SendCoupon].
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon
//	POST /brand/marketing/product-coupon/users/{openid}/pre-send-coupon
//
// https://pay.weixin.qq.com/doc/v3/partner/4016434365
func (s *Service) PreSendCoupon(ctx context.Context, p PreSendCouponParams) (*SendToken, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routePreSendCoupon,
		BrandRoute: brandPreSendCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID},
		Body:       p,
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4016434365
	}, func(t *SendToken) bool { return t.Token != "" })
}

// GetUserCoupon returns a coupon of a user (查询用户商品券详情). Ask before a use: that a user deleted the coupon is not
// notified. Ask after an unclear answer to a change: the coupon has the request numbers of the last send, confirmation,
// use, return and deactivation; see [UserCoupon.Usage].
//
// Limits: 500 calls a second (PC-14).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such coupon.
//
//	GET /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}
//	GET /brand/marketing/product-coupon/users/{openid}/coupons/{coupon_code}
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781582
// https://pay.weixin.qq.com/doc/v3/partner/4016435702
func (s *Service) GetUserCoupon(ctx context.Context, p GetUserCouponParams) (*UserCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return wxpay.Do[UserCoupon](ctx, s.client, wxpay.Call{
		Route:      routeGetUserCoupon,
		BrandRoute: brandGetUserCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID, "coupon_code": p.CouponCode},
		Query:      params.Query("brand_id", p.BrandID, "product_coupon_id", p.ProductCouponID, "stock_id", p.StockID, "appid", p.AppID),
		Echo:       about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID),
	})
}

// ConfirmCoupon says that the brand has booked a coupon (确认发放用户商品券), which every coupon needs, however it reached the
// user. It makes a [UserCouponConfirming] coupon usable: [UserCouponEffective], or [UserCouponPending] until its time
// comes.
//
// Limits: 500 calls a second (PC-14).
//
// Repeating: safe with the same OutRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. If it stays unclear, [Service.GetUserCoupon] shows ConfirmRequestNo. An answer that does not show this number
// is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeInvalidRequest] if the coupon is in another state. [wxpay.CodeNotFound] if there is no such
// coupon.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/confirm
//	POST /brand/marketing/product-coupon/users/{openid}/coupons/{coupon_code}/confirm
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781575
// https://pay.weixin.qq.com/doc/v3/partner/4016435562
func (s *Service) ConfirmCoupon(ctx context.Context, p ConfirmCouponParams) (*UserCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeConfirmCoupon,
		BrandRoute: brandConfirmCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID, "coupon_code": p.CouponCode},
		Body:       p,
		Echo:       about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID),
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4015781575
	}, func(c *UserCoupon) bool {
		return c.ConfirmRequestNo == p.OutRequestNo
	})
}

// UseCoupon reports that a [UserCouponEffective] coupon was used, with the order behind it (核销用户商品券).
//
// Limits: exactly one of AssociatedOrderInfo and AssociatedPayScoreOrderInfo (PC-8), with the order number of the
// platform, or that of a merchant and its MchID; checked before anything is sent. 500 calls a second (PC-14).
//
// Repeating: safe with the same OutRequestNo and otherwise the same params (PC-17), the same UseTime too, and done
// after an unclear answer. If it stays unclear, [Service.GetUserCoupon] shows UseRequestNo, see [UserCoupon.Usage]:
// [UserCouponUsed] alone can be the use by another number. An answer that does not show this number is a
// [wxpay.UnknownError].
//
// Errors: [wxpay.CodeInvalidRequest] if the coupon is in another state, outside its validity or deleted by the user, or
// the store may not take it. [wxpay.CodeNotFound] if there is no such coupon.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/use
//	POST /brand/marketing/product-coupon/users/{openid}/coupons/{coupon_code}/use
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781608
// https://pay.weixin.qq.com/doc/v3/partner/4016435636
func (s *Service) UseCoupon(ctx context.Context, p UseCouponParams) (*UserCoupon, error) {
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeUseCoupon, brandUseCoupon, p.together())); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeUseCoupon,
		BrandRoute: brandUseCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID, "coupon_code": p.CouponCode},
		Body:       p,
		Echo:       about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID),
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4015781608
	}, func(c *UserCoupon) bool {
		return c.Usage().UseRequestNo == p.OutRequestNo
	})
}

// together holds a use to one order, of one of two kinds, that can be found by its numbers (PC-8).
func (p *UseCouponParams) together() *wxpay.ParamError {
	order, score := p.AssociatedOrderInfo, p.AssociatedPayScoreOrderInfo
	paid, scored := order != (OrderInfo{}), score != (PayScoreOrderInfo{})
	return params.First(
		params.Must(paid || scored, "associated_order_info", "is missing; associated_pay_score_order_info can take its place"),
		params.Must(!paid || !scored, "associated_pay_score_order_info", "must not stand beside associated_order_info"),
		params.Must(!paid || order.TransactionID != "" || order.OutTradeNo != "" && order.MchID != "",
			"associated_order_info", "must have transaction_id, or out_trade_no and mchid"),
		params.Must(!scored || score.OrderID != "" || score.OutOrderNo != "" && score.MchID != "",
			"associated_pay_score_order_info", "must have order_id, or out_order_no and mchid"),
	)
}

// ReturnCoupon gives a [UserCouponUsed] coupon back to the user, such as after a refund (退券).
//
// Limits: in a bundle only the coupon that was used last. 500 calls a second (PC-14).
//
// Repeating: safe with the same OutRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. If it stays unclear, [Service.GetUserCoupon] shows ReturnRequestNo, see [UserCoupon.Usage]. A coupon
// that is used again is returned with a new number. An answer that does not show this number is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeInvalidRequest] if the coupon is in another state. [wxpay.CodeNotFound] if there is no such
// coupon.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/return
//	POST /brand/marketing/product-coupon/users/{openid}/coupons/{coupon_code}/return
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781599
// https://pay.weixin.qq.com/doc/v3/partner/4016435674
func (s *Service) ReturnCoupon(ctx context.Context, p ReturnCouponParams) (*UserCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeReturnCoupon,
		BrandRoute: brandReturnCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID, "coupon_code": p.CouponCode},
		Body:       p,
		Echo:       about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID),
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4015781599
	}, func(c *UserCoupon) bool {
		return c.Usage().ReturnRequestNo == p.OutRequestNo
	})
}

// DeactivateCoupon makes a coupon of a user invalid (失效用户商品券). It cannot be undone.
//
// Repeating: safe with the same OutRequestNo and otherwise the same params (PC-17), and done after an unclear
// answer. If it stays unclear, [Service.GetUserCoupon] shows DeactivateRequestNo. An answer that does not show this
// number is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeInvalidRequest] if the coupon is in another state. [wxpay.CodeNotFound] if there is no such
// coupon.
//
//	POST /v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/deactivate
//	POST /brand/marketing/product-coupon/users/{openid}/coupons/{coupon_code}/deactivate
//
// https://pay.weixin.qq.com/doc/v3/partner/4015781578
func (s *Service) DeactivateCoupon(ctx context.Context, p DeactivateCouponParams) (*UserCoupon, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	return change(ctx, s, wxpay.Call{
		Route:      routeDeactivateCoupon,
		BrandRoute: brandDeactivateCoupon,
		Vars:       wxpay.Vars{"openid": p.OpenID, "coupon_code": p.CouponCode},
		Body:       p,
		Echo:       about("", p.CouponCode, p.BrandID, p.ProductCouponID, p.StockID),
		Idempotent: true, // PC-17: https://pay.weixin.qq.com/doc/v3/partner/4015781578
	}, func(c *UserCoupon) bool {
		return c.DeactivateRequestNo == p.OutRequestNo
	})
}
