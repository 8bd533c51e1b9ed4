// Package coupons sends a coupon of one stock (商品券) to each user of a file, as an operation of a bulk job.
//
// A row is done when its user has the coupon; the result is the coupon code. The send_request_no of a row is its own
// number, if the file has one, or else is made of the job and the openid: under it a user gets one coupon, whatever
// breaks in between. A row whose answer was lost is sent again, the same bytes. What a repeat answers after a success
// nobody says, so a refusal of one counts only after the coupons of the user tell that the number was never
// used. Sent is not confirmed: whoever handles the event PRODUCT_COUPON_SP.SEND confirms each coupon.
//
// A stock that sends nothing more, since it is paused, ended or used up, stops the job: no row is rejected for it.
//
// Numbers such as PC-17 stand for open questions, which https://github.com/wxpay-go/wxpay/blob/main/docs/doubts.md explains.
package coupons

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// A Send sends coupons of a stock. All but Attach must stay the same until the job has ended.
type Send struct {
	Client *wxpay.Client

	BrandID         string // of a service provider, whose brand it is; a brand leaves it out
	ProductCouponID string
	StockID         string // not in a bundle
	AppID           string // that the openids belong to
	Attach          string // of rows that have none
}

const routeSend = "POST /v3/marketing/partner/product-coupon/users/{openid}/coupons"

// Places of the columns.
const (
	colOpenID = iota
	colCode
	colNumber
	colAttach
)

func columns() []table.Column {
	return []table.Column{
		{Name: "openid", Kind: table.ID, Required: true, Headers: []string{"open_id", "用户openid", "微信openid", "用户标识", "wx_openid", "wechat_openid"}},
		{Name: "coupon_code", Kind: table.ID, Headers: []string{"券码", "商品券码", "券code", "用户券code", "code"}},
		{Name: "send_request_no", Kind: table.ID, Headers: []string{"发券请求单号", "发放请求单号", "发券单号", "请求单号", "request_no"}},
		{Name: "attach", Kind: table.Text, Headers: []string{"附加数据", "附加信息", "自定义数据"}},
	}
}

// About says that another stock or AppID is another job. The platform takes 500 calls a second from all who send for a
// brand; a job takes a fifth of them unless it says otherwise.
func (o Send) About() bulk.About {
	settings := map[string]string{"product_coupon_id": o.ProductCouponID, "stock_id": o.StockID, "appid": o.AppID}
	if o.BrandID != "" {
		settings["brand_id"] = o.BrandID
	}
	var sender string
	if o.Client != nil {
		sender = o.Client.Sender()
	}
	return bulk.About{
		Name: "coupon-send", Sender: sender, Settings: settings, Columns: columns(),
		Steps: []bulk.Step{{Name: "send", Route: routeSend, Rate: 100}},
	}
}

// sample stands for the number of an item where a row is only checked.
const sample = "00000000000000000000000000000000"

// Check refuses what [productcoupon.Service.SendCoupon] refuses. A row is its number, or else its user, who gets one
// coupon in a job.
func (o Send) Check(row table.Row) (string, error) {
	if o.Client == nil {
		return "", &wxpay.ParamError{Route: "coupons.Send", Param: "Client", Reason: "is missing"}
	}
	_, err := o.service().SendCoupon(bulk.Unsent(), o.params(row, sample))
	if wrong, ok := errors.AsType[*wxpay.ParamError](err); ok {
		switch column := wrong.Param; {
		case column == "openid", column == "coupon_code", column == "send_request_no", column == "attach" && row.Cell(colAttach) != "":
			return "", bulk.Fault(row, wrong, column)
		}
		return "", wrong
	}
	if strings.ContainsFunc(row.Cell(colAttach), func(c rune) bool { return c > 0xffff }) {
		return "", &table.Fault{Line: row.Line, Column: "attach", Reason: "holds a character of four bytes, such as an emoji, which the platform refuses", Chinese: "含有表情等四字节字符，微信支付不接受"}
	}
	if number := row.Cell(colNumber); number != "" {
		return "number " + number, nil
	}
	return "openid " + row.Cell(colOpenID), nil
}

func (o Send) service() *productcoupon.Service { return productcoupon.New(o.Client) }

// params are those of the send of a row, under the number of its item unless it has one of its own.
func (o Send) params(row table.Row, number string) productcoupon.SendCouponParams {
	return productcoupon.SendCouponParams{
		OpenID: row.Cell(colOpenID), BrandID: o.BrandID, ProductCouponID: o.ProductCouponID, StockID: o.StockID, AppID: o.AppID,
		CouponCode: row.Cell(colCode), SendRequestNo: cmp.Or(row.Cell(colNumber), number), Attach: cmp.Or(row.Cell(colAttach), o.Attach),
	}
}

// Send sends the coupon.
func (o Send) Send(ctx context.Context, item bulk.Item) bulk.Result {
	p := o.params(item.Rows[0], item.Number)
	coupon, err := o.service().SendCoupon(ctx, p)
	if res := sent(coupon, err); res.State != bulk.Rejected {
		return res
	}
	return o.refused(ctx, p, err, false)
}

// Settle sends it again.
func (o Send) Settle(ctx context.Context, item bulk.Item, kept wxpay.Prepared) bulk.Result {
	p := o.params(item.Rows[0], item.Number)
	coupon, err := bulk.Again[productcoupon.UserCoupon](ctx, o.Client, kept)
	switch res := sent(coupon, err); res.State {
	case bulk.Rejected:
		return o.refused(ctx, p, err, true)
	case bulk.Staged: // not now; and the first time may have worked
		return unknown(err)
	default:
		return res
	}
}

// sent is what the answer to a send means by itself. A coupon that was sent before may have ended since: it was sent.
func sent(coupon *productcoupon.UserCoupon, err error) bulk.Result {
	switch {
	case err != nil:
		return bulk.Failed(err)
	case coupon.CouponCode == "":
		return unknown(&wxpay.UnknownError{Route: routeSend, Err: errors.New("the coupon has no coupon_code")})
	}
	return bulk.Result{State: bulk.Done, Code: coupon.CouponCode}
}
