package coupons

import (
	"context"
	"errors"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// refused is what a refusal means, of the first send or of a repeat: the row is rejected only if the coupons of the user
// tell that nothing was sent under its number, and if the stock sends to others.
func (o Send) refused(ctx context.Context, p productcoupon.SendCouponParams, err error, repeated bool) bulk.Result {
	res := bulk.Failed(err)
	coupon, unasked := o.twice(ctx, p)
	switch {
	case unasked != nil && !stranger(err, unasked, repeated):
		return unknown(unasked)
	case coupon != nil:
		return o.found(p, coupon)
	}
	if stop := o.stopped(ctx, err); stop != nil {
		return bulk.Result{State: bulk.Staged, Code: res.Code, RequestID: res.RequestID, Err: stop}
	}
	if e, ok := errors.AsType[*wxpay.Error](err); ok {
		if a := advice(e.Code); a != (wxpay.Hint{}) {
			res.Reason = bulk.Behind(bulk.Masked(e.Message), a)
		}
	}
	return res
}

// stranger reports whether the coupons of a user cannot be asked for because the user is refused in general, such as an
// openid of another AppID. Of a send that was never tried before that says enough.
func stranger(err, unasked error, repeated bool) bool {
	return !repeated && !errors.Is(err, wxpay.CodeAlreadyExists) && bulk.Failed(unasked).State == bulk.Rejected
}

// twice asks again where there is nothing: a send that was lost may have been on its way still.
func (o Send) twice(ctx context.Context, p productcoupon.SendCouponParams) (*productcoupon.UserCoupon, error) {
	coupon, err := o.ask(ctx, p)
	if coupon != nil || err != nil {
		return coupon, err
	}
	return o.ask(ctx, p)
}

// ask looks for the coupon that was sent under a number among those of the user; nil: there is none. That cannot be said
// if one of them does not tell its number.
func (o Send) ask(ctx context.Context, p productcoupon.SendCouponParams) (*productcoupon.UserCoupon, error) {
	var untold error
	for coupon, err := range o.service().AllUserCoupons(ctx, productcoupon.ListUserCouponsParams{
		OpenID: p.OpenID, BrandID: p.BrandID, AppID: p.AppID, ProductCouponID: p.ProductCouponID, StockID: p.StockID, PageSize: 50,
	}) {
		if err != nil {
			return nil, err
		}
		if coupon.SendRequestNo == p.SendRequestNo {
			return &coupon, nil
		}
		if !readable(coupon.SendRequestNo) {
			untold = &wxpay.UnknownError{Route: routeSend, Err: errors.New("a coupon of the user does not tell under which send_request_no it was sent")}
		}
	}
	return nil, untold
}

// readable reports whether a number can be told from another one: there is one, without blanks and what cannot be seen.
func readable(number string) bool {
	return number != "" && !strings.ContainsFunc(number, func(c rune) bool { return c <= ' ' || c > '~' })
}

// found is what a coupon means that the user has under the number of a row.
func (o Send) found(p productcoupon.SendCouponParams, coupon *productcoupon.UserCoupon) bulk.Result {
	if p.CouponCode != "" && coupon.CouponCode != "" && coupon.CouponCode != p.CouponCode {
		return rejected(wxpay.Hint{
			English: "the user has a coupon under this send_request_no, with another code; if the row is to be sent besides it, give it a number of its own",
			Chinese: "该用户在此发券请求单号下已有另一券码的商品券；若本行确需另行发放，请更换新的请求单号",
		})
	}
	return sent(coupon, nil)
}

// stopped is why the run has to end, if a row was refused because nothing is sent any more, to anybody, or if that
// cannot be asked for; nil: it was refused for itself.
func (o Send) stopped(ctx context.Context, refusal error) error {
	if errors.Is(refusal, wxpay.CodeParamError) || errors.Is(refusal, wxpay.CodeAlreadyExists) {
		return nil
	}
	stock, err := o.service().GetStock(ctx, productcoupon.GetStockParams{BrandID: o.BrandID, ProductCouponID: o.ProductCouponID, StockID: o.StockID})
	if err != nil {
		return unseen(err)
	}
	hint, ok := ended(stock)
	if !ok {
		coupon, err := o.service().GetProductCoupon(ctx, productcoupon.GetProductCouponParams{BrandID: o.BrandID, ProductCouponID: o.ProductCouponID})
		if err != nil {
			return unseen(err)
		}
		if coupon.State == productcoupon.ProductCouponEffective || coupon.State == "" {
			return nil
		}
		hint = wxpay.Hint{English: "the product coupon is not in force (in review, or deactivated); once it is, run it again and it goes on here", Chinese: "商品券未生效（审核中或已失效）；生效后再次运行，即从此处继续"}
	}
	return &bulk.StopError{Why: bulk.WhyPlatform, Reason: hint, Err: refusal}
}

// unseen is why coupon or stock could not be seen. A refusal that the platform signed comes again at every row: the names
// in the job are wrong.
func unseen(err error) error {
	if e, refused := errors.AsType[*wxpay.Error](err); refused && e.Verified && !wxpay.Transient(err) {
		return &bulk.StopError{Why: bulk.WhyPlatform, Err: err, Reason: wxpay.Hint{
			English: "the platform does not show this coupon and stock under this brand; look at the IDs of coupon, stock and brand",
			Chinese: "该品牌下查不到此商品券或批次；请核对商品券、批次与品牌的 ID",
		}}
	}
	return err
}

// ended says why a stock sends nothing any more, if that is so. What is not told says nothing: a job that stops at a row
// for it would stop there for ever.
func ended(s *productcoupon.Stock) (hint wxpay.Hint, ok bool) {
	rule, count, codes := s.StockSendRule, s.SentCountInfo, s.CouponCodeCountInfo.AvailableCount
	switch {
	case s.State == productcoupon.StockPaused, s.State == productcoupon.StockAuditing:
		hint = wxpay.Hint{English: "the stock is paused or in review; once it is SENDING, run it again and it goes on here", Chinese: "批次已暂停或审核中；恢复为发放中后再次运行，即从此处继续"}
	case s.State == productcoupon.StockStopped, s.State == productcoupon.StockDeactivated:
		hint = wxpay.Hint{English: "the stock has ended or was deactivated, and sends nothing any more; the rows that are left need a job of another stock", Chinese: "批次已结束或已失效，不再发放；剩余的行需用其他批次另建任务"}
	case rule.MaxCount > 0 && count.TotalCount >= rule.MaxCount:
		hint = wxpay.Hint{English: "the stock has sent all its coupons; raise its budget, run it again and it goes on here", Chinese: "批次已发放完毕；增加发放总数后再次运行，即从此处继续"}
	case rule.MaxCountPerDay > 0 && count.TodayCount >= rule.MaxCountPerDay:
		hint = wxpay.Hint{English: "the stock has sent all its coupons of today; run it again tomorrow, or raise its budget", Chinese: "批次今日已发放完毕；请明日再次运行，或增加每日发放数"}
	case s.CouponCodeMode == productcoupon.CouponCodeModeUpload && codes != nil && *codes == 0:
		hint = wxpay.Hint{English: "the stock has no codes left; upload more, run it again and it goes on here", Chinese: "批次已无可用券码；请补充上传券码后再次运行，即从此处继续"}
	default:
		return hint, false
	}
	return hint, true
}

// advice is what to do about a refusal; empty: what the SDK says.
func advice(code wxpay.Code) wxpay.Hint {
	switch code {
	case wxpay.CodeAlreadyExists:
		return wxpay.Hint{English: "the send_request_no or the code is taken, and not by this row: the user has no coupon under this number; give the row another one",
			Chinese: "发券请求单号或券码已被使用，且该用户在此单号下没有商品券；请为该行更换单号或券码"}
	case wxpay.CodeInvalidRequest:
		return wxpay.Hint{English: "nothing was sent: the user may have as many as the stock allows, or the openid may be of another AppID",
			Chinese: "未发放：可能该用户已达到批次的领取上限，或 openid 不属于该 AppID"}
	}
	return wxpay.Hint{}
}

func rejected(reason wxpay.Hint) bulk.Result {
	return bulk.Result{State: bulk.Rejected, Code: string(wxpay.CodeAlreadyExists), Reason: reason}
}

// unknown is the result of a row of which nothing is known yet, for an error that may pass.
func unknown(err error) bulk.Result {
	res := bulk.Failed(err)
	res.State = bulk.Unknown
	if res.Reason == (wxpay.Hint{}) {
		res.Reason = wxpay.Hint{English: "what became of the send could not be found out yet; run the job again", Chinese: "尚未查明发放结果；请重新运行任务"}
	}
	return res
}
