// Command productcoupon sends a product coupon to a user and prints it as JSON:
//
//	go run ./examples/productcoupon -coupon ID -stock ID -openid ID -appid ID -request-no NO [-brand ID] [-confirm]
//
// Who calls is set by the environment; see wxpay.ConfigFromEnv. A service provider names the brand, a brand that calls in
// its own name does not. If the outcome is unknown, run it again with the same -request-no. With -confirm it also says
// that the brand has booked the coupon, without which the user cannot use it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/examples/internal/program"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

func main() {
	var p productcoupon.SendCouponParams
	flag.StringVar(&p.BrandID, "brand", "", "`ID` of the brand; a service provider needs it, a brand leaves it out")
	flag.StringVar(&p.ProductCouponID, "coupon", "", "`ID` of the product coupon")
	flag.StringVar(&p.StockID, "stock", "", "`ID` of the stock")
	flag.StringVar(&p.OpenID, "openid", "", "`ID` of the user under the AppID")
	flag.StringVar(&p.AppID, "appid", "", "`ID` of the app")
	flag.StringVar(&p.SendRequestNo, "request-no", "", "`number` of this request, unique and yours; 6 or more letters, digits, _ and -")
	flag.StringVar(&p.CouponCode, "code", "", "`code`, for stocks whose codes are named when they are sent")
	confirm := flag.Bool("confirm", false, "confirm the coupon too")
	program.Need("coupon", "stock", "openid", "appid", "request-no")
	program.Run(func(ctx context.Context) error { return send(ctx, p, *confirm) })
}

func send(ctx context.Context, p productcoupon.SendCouponParams, confirm bool) error {
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	service := productcoupon.New(client)
	coupon, err := service.SendCoupon(ctx, p)
	if err == nil && confirm && coupon.CouponState == productcoupon.UserCouponConfirming {
		coupon, err = service.ConfirmCoupon(ctx, productcoupon.ConfirmCouponParams{
			OpenID: p.OpenID, CouponCode: coupon.CouponCode, BrandID: p.BrandID, ProductCouponID: p.ProductCouponID, StockID: p.StockID,
			AppID: p.AppID, OutRequestNo: "confirm_" + coupon.CouponCode,
		})
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(coupon)
}
