package main

import (
	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/coupons"
)

func (a *app) couponSend() *cobra.Command {
	var o coupons.Send
	e := &errand{does: "coupon-send", flags: map[string]string{
		"product_coupon_id": "--coupon", "stock_id": "--stock", "appid": "--appid", "brand_id": "--brand", "attach": "--attach"}}
	e.make = func(string, map[string]string) (bulk.Operation, ledgerKey, error) {
		client, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		switch brand := client.BrandID() != ""; {
		case !brand && o.BrandID == "":
			return nil, nil, fail(exitUsage, "--brand is needed: the set-up is that of a merchant, who sends for a brand", "缺少 --brand：当前配置是商户身份，须指明所代表的品牌")
		case brand && o.BrandID != "" && o.BrandID != client.BrandID():
			return nil, nil, fail(exitUsage, "--brand is another brand than that of the set-up; leave it out", "--brand 与配置中的品牌不同；请去掉该参数")
		}
		o := o
		o.Client = client
		if client.BrandID() != "" {
			o.BrandID = "" // the same job, whether it is said or not
		}
		return o, bulk.ClientKey(client), nil
	}
	c := a.errand("send FILE", a.t("send a coupon of a stock to each user of a file", "向文件中的每位用户发放一张商品券"), "  wxpay coupon send autumn.csv --coupon 1000000013 --stock 1000000013001 --appid wx… --brand 120344 --dry-run\n  wxpay coupon send autumn.csv --coupon 1000000013 --stock 1000000013001 --appid wx… --brand 120344", e)
	c.Long += a.t(`

The file has openid, and may have coupon_code (needed for API_ASSIGN), send_request_no and attach. Each user gets one coupon in a
job unless rows have a send_request_no.`, `

文件须有 openid 列，可有 coupon_code（API_ASSIGN 模式必填）、send_request_no、attach 列；未填 send_request_no 时，同一任务每位用户只发一张。`)
	f := c.Flags()
	f.StringVar(&o.ProductCouponID, "coupon", "", a.t("`ID` of the product coupon", "商品券 `ID`"))
	f.StringVar(&o.StockID, "stock", "", a.t("`ID` of its stock; not one of a bundle", "批次 `ID`；不能是批次组内的批次"))
	f.StringVar(&o.AppID, "appid", "", a.t("`APPID` that the openids belong to", "openid 所属的 `APPID`"))
	f.StringVar(&o.BrandID, "brand", "", a.t("`ID` of the brand; a brand that sends for itself leaves it out", "品牌 `ID`；以品牌身份发放时不填"))
	f.StringVar(&o.Attach, "attach", "", a.t("`TEXT` that comes back with queries and events, of rows that have none", "行内未填写时使用的附加数据 `TEXT`，查询与通知中原样返回"))
	a.need(c, "coupon", "stock", "appid")
	return c
}
