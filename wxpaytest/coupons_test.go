package wxpaytest_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// doors are the two by which coupons are reached.
var doors = map[string]wxpaytest.Options{"merchant": {}, "brand": {Brand: true}}

// throughBoth runs a test at either door.
func throughBoth(t *testing.T, o wxpaytest.Options, f func(t *testing.T, h *merchant)) {
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := o
			o.Brand = door.Brand
			f(t, newMerchant(t, o))
		})
	}
}

// coupons is the path of a call about product coupons; a merchant that reads says in the query whose they are.
func (h *merchant) coupons(path string) string {
	if h.brand {
		return "/brand/marketing/product-coupon" + path
	}
	return "/v3/marketing/partner/product-coupon" + path
}

// about is the path of a call that reads, with its query.
func (h *merchant) about(path string, query ...string) string {
	if !h.brand {
		query = append(query, "brand_id="+wxpaytest.BrandID)
	}
	return h.coupons(path) + "?" + strings.Join(query, "&")
}

// ours is a body; a merchant says in it whose the objects are.
func (h *merchant) ours(body m, more ...m) m {
	body = maps.Clone(body)
	if !h.brand {
		body["brand_id"] = wxpaytest.BrandID
	}
	for _, o := range more {
		maps.Copy(body, o)
	}
	return body
}

// reason is the number at the end of Request-ID of the last answer.
func (h *merchant) reason() string {
	id := h.last().RequestID
	return id[strings.LastIndex(id, "-")+1:]
}

// no is refused with a number that says why.
func (h *merchant) no(reason int, code, method, uri string, body any) {
	h.t.Helper()
	status := 400
	if code == "NOT_FOUND" {
		status = 404
	}
	h.refused(status, code, method, uri, body)
	require.Equal(h.t, fmt.Sprint(reason), h.reason(), "%s %s", method, uri)
}

const couponAppID = "wx233544546545989"

// The life of a coupon by the SDK's own calls: sent, told of, confirmed, used, given back, used again, deactivated.
func TestLifeOfACoupon(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{}, func(t *testing.T, h *merchant) {
		service := productcoupon.New(h.server.Client())
		brand := map[bool]string{false: wxpaytest.BrandID, true: ""}[h.brand]
		p, k := h.server.AddProductCoupon("WECHATPAY", "notify_appid="+couponAppID)
		send := productcoupon.SendCouponParams{BrandID: brand, OpenID: "o1", ProductCouponID: p, StockID: k, AppID: couponAppID, SendRequestNo: "send_0001", Attach: "a"}
		coupon, err := service.SendCoupon(t.Context(), send)
		require.NoError(t, err)
		assert.Equal(t, productcoupon.UserCouponConfirming, coupon.CouponState)
		assert.Equal(t, wxpaytest.BrandID, coupon.BrandID)
		assert.Equal(t, []string{"send_0001", "API", "a"}, []string{coupon.SendRequestNo, string(coupon.SendChannel), coupon.Attach})
		assert.Equal(t, p, coupon.ProductCoupon.ProductCouponID)
		assert.Equal(t, k, coupon.Stock.StockID)
		assert.EqualValues(t, 1, coupon.Stock.SentCountInfo.TotalCount)
		again, err := service.SendCoupon(t.Context(), send)
		require.NoError(t, err)
		assert.Equal(t, coupon, again, "the same send is one coupon")

		box := &inbox{status: 204}
		require.NoError(t, h.server.Deliver(t.Context(), box))
		_, _, envelope, resource := box.envelope(t)
		assert.Equal(t, "PRODUCT_COUPON_SP.SEND", envelope["event_type"])
		opened, err := h.server.Client().OpenResource("AEAD_AES_256_GCM", resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string))
		require.NoError(t, err)
		told := decode(t, opened)
		for name, want := range map[string]string{
			"brand_id": wxpaytest.BrandID, "coupon_code": coupon.CouponCode, "product_coupon_id": p, "stock_id": k, "appid": couponAppID, "openid": "o1",
			"send_request_no": "send_0001", "send_channel": "API", "attach": "a", "unionid": "union-o1",
		} {
			assert.Equal(t, want, told[name], name)
		}

		use := productcoupon.UseCouponParams{
			BrandID: brand, OpenID: "o1", CouponCode: coupon.CouponCode, ProductCouponID: p, StockID: k, AppID: couponAppID, UseTime: wxpay.Time{Time: time.Now()},
			OutRequestNo: "use_0001", AssociatedOrderInfo: productcoupon.OrderInfo{TransactionID: "42"},
		}
		_, err = service.UseCoupon(t.Context(), use)
		assert.ErrorIs(t, err, wxpay.CodeInvalidRequest, "it is not confirmed")
		confirm := productcoupon.ConfirmCouponParams{BrandID: brand, OpenID: "o1", CouponCode: coupon.CouponCode, ProductCouponID: p, StockID: k, AppID: couponAppID, OutRequestNo: "confirm_1"}
		coupon, err = service.ConfirmCoupon(t.Context(), confirm)
		require.NoError(t, err)
		assert.Equal(t, productcoupon.UserCouponEffective, coupon.CouponState)
		assert.Equal(t, "confirm_1", coupon.ConfirmRequestNo)
		coupon, err = service.UseCoupon(t.Context(), use)
		require.NoError(t, err)
		assert.Equal(t, productcoupon.UserCouponUsed, coupon.CouponState)
		assert.Equal(t, []string{"use_0001", "42"}, []string{coupon.SingleUsageDetail.UseRequestNo, coupon.SingleUsageDetail.AssociatedOrderInfo.TransactionID})
		giveBack := productcoupon.ReturnCouponParams{BrandID: brand, OpenID: "o1", CouponCode: coupon.CouponCode, ProductCouponID: p, StockID: k, AppID: couponAppID, OutRequestNo: "return_1"}
		coupon, err = service.ReturnCoupon(t.Context(), giveBack)
		require.NoError(t, err)
		assert.Equal(t, productcoupon.UserCouponEffective, coupon.CouponState)
		assert.Equal(t, []string{"use_0001", "return_1"}, []string{coupon.SingleUsageDetail.UseRequestNo, coupon.SingleUsageDetail.ReturnRequestNo})
		use.OutRequestNo = "use_0002"
		coupon, err = service.UseCoupon(t.Context(), use)
		require.NoError(t, err)
		assert.Equal(t, []string{"use_0002", ""}, []string{coupon.SingleUsageDetail.UseRequestNo, coupon.SingleUsageDetail.ReturnRequestNo})
		giveBack.OutRequestNo = "return_2"
		_, err = service.ReturnCoupon(t.Context(), giveBack)
		require.NoError(t, err)
		end := productcoupon.DeactivateCouponParams{BrandID: brand, OpenID: "o1", CouponCode: coupon.CouponCode, ProductCouponID: p, StockID: k, AppID: couponAppID, OutRequestNo: "end_0001", DeactivateReason: "r"}
		coupon, err = service.DeactivateCoupon(t.Context(), end)
		require.NoError(t, err)
		assert.Equal(t, []string{"DEACTIVATED", "end_0001", "r"}, []string{string(coupon.CouponState), coupon.DeactivateRequestNo, coupon.DeactivateReason})
		coupon, err = service.GetUserCoupon(t.Context(), productcoupon.GetUserCouponParams{BrandID: brand, OpenID: "o1", CouponCode: coupon.CouponCode, ProductCouponID: p, StockID: k, AppID: couponAppID})
		require.NoError(t, err)
		assert.Equal(t, productcoupon.UserCouponDeactivated, coupon.CouponState)
	})
}

const picture = "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"

// newStock is a stock as the document shows it, with some members changed.
func newStock(changes ...m) m {
	o := m{
		"remark": "疯狂星期四项目专用", "coupon_code_mode": "WECHATPAY", "stock_send_rule": m{"max_count": 100000, "max_count_per_user": 5},
		"single_usage_rule":       m{"coupon_available_period": m{"available_begin_time": "2026-11-01T00:00:00+08:00", "available_end_time": "2026-11-30T23:59:59+08:00", "available_days": 3, "wait_days_after_receive": 1}},
		"usage_rule_display_info": m{"coupon_usage_method_list": []string{"OFFLINE"}, "usage_description": "工作日可用"},
		"coupon_display_info":     m{"code_display_mode": "QRCODE"}, "notify_config": m{"notify_appid": "wx4fd12345678"}, "store_scope": "SPECIFIC",
	}
	for _, change := range changes {
		maps.Copy(o, change)
	}
	return o
}

// newBundle is a stock bundle of three steps.
func newBundle(changes ...m) m {
	o := newStock(m{"progressive_bundle_usage_rule": m{
		"coupon_available_period": m{"available_begin_time": "2026-11-01T00:00:00+08:00", "available_end_time": "2026-11-30T23:59:59+08:00"},
		"normal_coupon_list":      []m{{"threshold": 0, "discount_amount": 1}, {"threshold": 300, "discount_amount": 200}, {"threshold": 300, "discount_amount": 300}},
	}})
	delete(o, "single_usage_rule")
	for _, change := range changes {
		maps.Copy(o, change)
	}
	return o
}

func newProduct(number string, changes ...m) m {
	o := m{
		"out_request_no": number, "scope": "ALL", "type": "NORMAL", "usage_mode": "SINGLE", "single_usage_info": m{"normal_coupon": m{"threshold": 10000, "discount_amount": 100}},
		"display_info": m{"name": "全场满100立打8折", "image_url": picture, "background_url": picture}, "out_product_no": "Product_1234567890", "stock": newStock(),
	}
	for _, change := range changes {
		for name, v := range change {
			if o[name] = v; v == nil {
				delete(o, name)
			}
		}
	}
	return o
}

// manyUse makes a coupon one of three uses.
var manyUse = m{"usage_mode": "PROGRESSIVE_BUNDLE", "single_usage_info": nil, "stock": nil, "progressive_bundle_usage_info": m{"count": 3, "interval_days": 2}, "stock_bundle": newBundle()}

// A coupon is made, read, changed and deactivated; what cannot be one is refused.
func TestProductCoupons(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing}, func(t *testing.T, h *merchant) {
		all := h.coupons("/product-coupons")
		h.refused(400, "INVALID_REQUEST", "POST", all, h.ours(newProduct("create_1"))) // nobody could be told
		h.refused(400, "INVALID_REQUEST", "GET", h.coupons("/notify-configs"), nil)
		set := h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
		assert.Equal(t, m{"notify_url": "https://www.example.com/notify", "update_time": "2026-11-02T16:00:00+08:00"}, set)
		assert.Equal(t, set, h.ok("GET", h.coupons("/notify-configs"), nil))

		made := h.ok("POST", all, h.ours(newProduct("create_1")))
		assert.Equal(t, made, h.ok("POST", all, h.ours(newProduct("create_1"))), "the same once more")
		h.refused(400, "INVALID_REQUEST", "POST", all, h.ours(newProduct("create_1", m{"out_product_no": "other"})))
		p := made["product_coupon_id"].(string)
		assert.Equal(t, []any{"EFFECTIVE", wxpaytest.BrandID, "Product_1234567890"}, []any{made["state"], made["brand_id"], made["out_product_no"]})
		stock := made["stock"].(m)
		k := stock["stock_id"].(string)
		assert.Equal(t, []any{"SENDING", p, "疯狂星期四项目专用"}, []any{stock["state"], stock["product_coupon_id"], stock["remark"]})
		assert.Equal(t, m{"total_count": 0.0, "today_count": 0.0}, stock["sent_count_info"])
		one := all + "/" + p
		got := h.ok("GET", h.about("/product-coupons/"+p), nil)
		delete(made, "stock")
		assert.Equal(t, made, got, "without its stocks")
		assert.Equal(t, stock, h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k), nil))
		h.no(268578608, "NOT_FOUND", "GET", h.about("/product-coupons/1"), nil)
		h.no(268578608, "NOT_FOUND", "GET", h.about("/product-coupons/"+p+"/stocks/1"), nil)

		h.ok("POST", h.coupons("/users/o1/coupons"), h.ours(m{"product_coupon_id": p, "stock_id": k, "appid": couponAppID, "send_request_no": "send_1"}))
		look := m{"name": "全场满100立打7折", "image_url": picture, "background_url": picture}
		got = h.ok("PATCH", one, h.ours(m{"out_request_no": "change_1", "display_info": look}))
		assert.Equal(t, look, got["display_info"])
		got = h.ok("PATCH", one+"/stocks/"+k, h.ours(m{"out_request_no": "change_2", "remark": "新", "store_scope": "ALL"}))
		assert.Equal(t, []any{"新", "ALL"}, []any{got["remark"], got["store_scope"]})
		h.ok("POST", h.coupons("/users/o2/coupons"), h.ours(m{"product_coupon_id": p, "stock_id": k, "appid": couponAppID, "send_request_no": "send_2"}))
		for user, name := range map[string]string{"o1": "全场满100立打8折", "o2": "全场满100立打7折"} {
			list := h.ok("GET", h.about("/users/"+user+"/coupons", "appid="+couponAppID), nil)
			coupon := list["user_coupon_list"].([]any)[0].(m)
			assert.Equal(t, name, coupon["product_coupon"].(m)["display_info"].(m)["name"], "what was sent before keeps its look")
			assert.Equal(t, map[string]any{"o1": "疯狂星期四项目专用", "o2": "新"}[user], coupon["stock"].(m)["remark"])
		}

		second := h.ok("POST", one+"/stocks", h.ours(m{"out_request_no": "stock_1", "stock": newStock()}))
		h.refused(400, "INVALID_REQUEST", "POST", one+"/stock-bundles", h.ours(m{"out_request_no": "stock_2", "stock_bundle": newBundle()}))
		first := h.ok("GET", h.about("/product-coupons/"+p+"/stocks", "page_size=1"), nil)
		assert.Equal(t, 2.0, first["total_count"])
		last := h.ok("GET", h.about("/product-coupons/"+p+"/stocks", "page_size=1", "page_token="+first["next_page_token"].(string)), nil)
		assert.NotContains(t, last, "total_count", "only the first page has it")
		assert.NotContains(t, last, "next_page_token")
		assert.Equal(t, second["stock_id"], last["stock_list"].([]any)[0].(m)["stock_id"])
		h.refused(400, "PARAM_ERROR", "GET", h.about("/product-coupons/"+p+"/stocks", "page_token=x"), nil)

		end := h.ours(m{"out_request_no": "end_123", "deactivate_reason": "批次信息有误，重新创建"})
		got = h.ok("POST", one+"/stocks/"+k+"/deactivate", end)
		assert.Equal(t, []any{"DEACTIVATED", "end_123", "批次信息有误，重新创建", "2026-11-02T16:00:00+08:00"}, []any{got["state"], got["deactivate_request_no"], got["deactivate_reason"], got["deactivate_time"]})
		h.ok("POST", one+"/stocks/"+k+"/deactivate", end)
		end["out_request_no"] = "end_124"
		h.refused(400, "INVALID_REQUEST", "POST", one+"/stocks/"+k+"/deactivate", end)
		h.refused(400, "INVALID_REQUEST", "PATCH", one+"/stocks/"+k, h.ours(m{"out_request_no": "change_3", "remark": "旧"}))
		list := h.ok("GET", h.about("/product-coupons/"+p+"/stocks", "state=SENDING"), nil)
		assert.Equal(t, 1.0, list["total_count"])
		got = h.ok("POST", one+"/deactivate", end)
		assert.Equal(t, "DEACTIVATED", got["state"])
		assert.Equal(t, "DEACTIVATED", h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+second["stock_id"].(string)), nil)["state"])
		end["out_request_no"] = "end_125"
		for _, call := range [][3]any{{"POST", "/deactivate", end}, {"PATCH", "", h.ours(m{"out_request_no": "change_4", "display_info": look})}, {"POST", "/stocks", h.ours(m{"out_request_no": "stock_3", "stock": newStock()})}} {
			h.refused(400, "INVALID_REQUEST", call[0].(string), one+call[1].(string), call[2])
		}
		h.no(268577984, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.ours(m{"product_coupon_id": p, "stock_id": k, "appid": couponAppID, "send_request_no": "send_3"}))
		coupon := h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID), nil)["user_coupon_list"].([]any)[0].(m)
		assert.Equal(t, "CONFIRMING", coupon["coupon_state"], "what users hold stays")
		assert.Equal(t, "DEACTIVATED", coupon["product_coupon"].(m)["state"])
	})
}

// wrong are the reasons of what is malformed, which the document says, and of what breaks a rule of the product.
var wrong = []string{"268435461", "268578224"}

// What breaks a rule of the product is refused, and nothing is made.
func TestProductCouponsThatCannotBe(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Clock: standing, Unlimited: true})
	h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
	period := func(o m) m {
		return m{"stock": newStock(m{"single_usage_rule": m{"coupon_available_period": o}})}
	}
	begin, end := "2026-11-01T00:00:00+08:00", "2026-11-30T23:59:59+08:00"
	look := func(o m) m {
		return m{"stock": newStock(m{"usage_rule_display_info": with(o, "usage_description", "d")})}
	}
	normal := m{"threshold": 10000, "discount_amount": 100}
	single := m{"scope": "SINGLE", "single_usage_info": nil, "display_info": m{"name": "咖啡2选1", "image_url": picture, "background_url": picture, "original_price": 0, "combo_package_list": []m{}}}
	own := m{"stock": newStock(m{"single_usage_rule": m{"coupon_available_period": m{"available_begin_time": begin, "available_end_time": end}, "normal_coupon": normal}})}
	bundle := func(changes m) m { return m{"stock_bundle": newBundle(changes)} }
	for name, changes := range map[string][]m{
		"the older mode":               {{"usage_mode": "SEQUENTIAL"}},
		"an exchange for everything":   {{"type": "EXCHANGE", "single_usage_info": m{}}},
		"one product without price":    {single, own, {"display_info": m{"name": "咖啡2选1", "image_url": picture, "background_url": picture}}},
		"a discount in the stock":      {own},
		"no discount":                  {{"single_usage_info": nil}},
		"the discount of another type": {{"single_usage_info": m{"discount_coupon": m{"threshold": 0, "percent_off": 20}}}},
		"a discount that is shared":    {single, {"single_usage_info": m{"normal_coupon": normal}}, own},
		"one product, no discount":     {single},
		"more off than there is":       {{"single_usage_info": m{"normal_coupon": m{"threshold": 100, "discount_amount": 101}}}},
		"no stock":                     {{"stock": nil}},
		"a stock and a bundle":         {{"stock_bundle": newBundle()}},
		"a single one with a count":    {{"progressive_bundle_usage_info": m{"count": 3}}},
		"many uses of a stock":         {{"usage_mode": "PROGRESSIVE_BUNDLE", "single_usage_info": nil, "progressive_bundle_usage_info": m{"count": 3}}},
		"many uses without a count":    {manyUse, {"progressive_bundle_usage_info": nil}},
		"too few steps":                {manyUse, {"progressive_bundle_usage_info": m{"count": 4}}},
		"a bundle of assigned codes":   {manyUse, bundle(m{"coupon_code_mode": "API_ASSIGN"})},
		"more off at a step": {manyUse, bundle(m{"progressive_bundle_usage_rule": m{"coupon_available_period": m{"available_begin_time": begin, "available_end_time": end},
			"normal_coupon_list": []m{normal, normal, {"threshold": 1, "discount_amount": 2}}}})},
		"a picture from elsewhere": {{"display_info": m{"name": "全场满100立打8折", "image_url": "https://example.com/a.png", "background_url": picture}}},
		"one among several":        {{"display_info": m{"name": "全场满100立打8折", "image_url": picture, "background_url": picture, "detail_image_url_list": []string{picture, "https://example.com/a.png"}}}},
		"an end before the begin":  {period(m{"available_begin_time": end, "available_end_time": begin})},
		"more than a year":         {period(m{"available_begin_time": begin, "available_end_time": "2027-11-02T00:00:00+08:00"})},
		"waiting without days":     {period(m{"available_begin_time": begin, "available_end_time": end, "wait_days_after_receive": 1})},
		"days and spans": {period(m{"available_begin_time": begin, "available_end_time": end, "available_days": 1,
			"irregular_available_period_list": []m{{"begin_time": begin, "end_time": end}}})},
		"no mini program": {look(m{"coupon_usage_method_list": []string{"OFFLINE", "MINI_PROGRAM"}})},
		"no app":          {look(m{"coupon_usage_method_list": []string{"APP"}})},
		"no pass phrase":  {look(m{"coupon_usage_method_list": []string{"APP"}, "app_jump_type": "PASSCODE_LINK"})},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			h.refused(400, "PARAM_ERROR", "POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", changes...)))
			assert.Contains(t, wrong, h.reason())
		})
	}
	for _, v := range h.server.State() {
		if v.Product == "productcoupon" {
			assert.Empty(t, v.Rows, v.Name)
		}
	}
	h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", single, own)))
	h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_2", manyUse)))
	h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_3", look(m{"coupon_usage_method_list": []string{"APP"}, "app_jump_type": "USAGE_GUIDE"}))))
}

// A coupon has at most 200 stocks in force; those that ended do not count.
func TestMostStocks(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Clock: standing, Unlimited: true})
	p, first := h.server.AddProductCoupon("WECHATPAY")
	add := func(i int) m {
		return h.ours(m{"out_request_no": fmt.Sprintf("stock_%d", i), "stock": newStock()})
	}
	for i := range 199 {
		h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks"), add(i))
	}
	h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+p+"/stocks"), add(199))
	h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks/"+first+"/deactivate"), h.ours(m{"out_request_no": "end_123", "deactivate_reason": "r"}))
	h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks"), add(199))
	h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+p+"/stocks"), add(200))
	h.server.Advance(30 * 24 * time.Hour)
	h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks"), add(200))
	assert.Equal(t, "STOPPED", h.ok("GET", h.about("/product-coupons/"+p+"/stocks", "state=STOPPED"), nil)["stock_list"].([]any)[0].(m)["state"])
}

// sending is a send of a stock, or of a bundle.
func (h *merchant) sending(p, k, number string, more ...m) m {
	o := h.ours(m{"product_coupon_id": p, "stock_id": k, "appid": couponAppID, "send_request_no": number}, more...)
	if more != nil && more[0]["stock_bundle_id"] != nil {
		delete(o, "stock_id")
	}
	return o
}

// Stocks run out: of all their coupons, of those of a day, of those of a user. Limits are changed by who knows them.
func TestBudgets(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("WECHATPAY", "max_count=5", "max_count_per_day=3", "max_count_per_user=2")
		send := func(user, number string) (string, string, any) {
			return "POST", h.coupons("/users/" + user + "/coupons"), h.sending(p, k, number)
		}
		sent := func(user, number string) { t.Helper(); h.ok(send(user, number)) }
		no := func(reason int, user, number string) {
			t.Helper()
			method, uri, body := send(user, number)
			h.no(reason, "INVALID_REQUEST", method, uri, body)
		}
		const any400 = 268435461
		sent("o1", "number_1")
		sent("o1", "number_1") // the same once more counts once
		sent("o1", "number_2")
		no(272756740, "o1", "number_3")
		sent("o2", "number_3") // what was refused has used no number
		no(any400, "o3", "number_4")
		h.server.Advance(8 * time.Hour) // 16:00 in Beijing, and now the next day
		sent("o3", "number_4")
		stock := h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k), nil)
		assert.Equal(t, m{"total_count": 4.0, "today_count": 1.0}, stock["sent_count_info"])
		sent("o4", "number_5")
		no(any400, "o5", "number_6")

		path := h.coupons("/product-coupons/" + p + "/stocks/" + k + "/update-budget")
		change := func(number, mode string, now, target any) m {
			name := strings.ToLower(mode)
			return h.ours(m{"out_request_no": number, "update_mode": mode, "current_" + name: now, "target_" + name: target})
		}
		h.refused(400, "INVALID_REQUEST", "POST", path, change("budget_1", "MAX_COUNT", 4, 6)) // it stands at 5
		h.refused(400, "INVALID_REQUEST", "POST", path, change("budget_1", "MAX_COUNT", 5, 4)) // 5 were sent
		h.no(any400, "PARAM_ERROR", "POST", path, h.ours(m{"out_request_no": "budget_1", "update_mode": "MAX_COUNT", "current_max_count": 5}))
		h.no(268578224, "PARAM_ERROR", "POST", path, h.ours(change("budget_1", "MAX_COUNT", 5, 6), m{"target_max_count_per_day": 9}))
		h.ok("POST", path, change("budget_0", "MAX_COUNT", 5, 5)) // what was sent is not too little
		stock = h.ok("POST", path, change("budget_1", "MAX_COUNT", 5, 6))
		assert.Equal(t, m{"max_count": 6.0, "max_count_per_day": 3.0, "max_count_per_user": 2.0}, stock["stock_send_rule"])
		assert.Equal(t, stock, h.ok("POST", path, change("budget_1", "MAX_COUNT", 5, 6)), "the same once more")
		sent("o5", "number_6")
		h.ok("POST", path, change("budget_2", "MAX_COUNT", 6, 9))
		no(any400, "o6", "number_7")
		h.ok("POST", path, change("budget_3", "MAX_COUNT_PER_DAY", 3, 4))
		sent("o6", "number_7")

		q, l := h.server.AddProductCoupon("WECHATPAY")
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+q+"/stocks/"+l+"/update-budget"), change("budget_4", "MAX_COUNT_PER_DAY", 1, 2)) // there is none
		q, b := h.server.AddProductCouponBundle("WECHATPAY", "max_count=1")
		list := h.ok("POST", h.coupons("/product-coupons/"+q+"/stock-bundles/"+b+"/update-budget"), change("budget_5", "MAX_COUNT", 1, 2))["stock_list"].([]any)
		require.Len(t, list, 3)
		for _, one := range list {
			assert.Equal(t, 2.0, one.(m)["stock_send_rule"].(m)["max_count"])
		}
		inside := list[0].(m)["stock_id"].(string)
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+q+"/stocks/"+inside+"/update-budget"), change("budget_6", "MAX_COUNT", 2, 3))
	})
}

// Stocks that are not SENDING send nothing.
func TestStocksThatDoNotSend(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Clock: standing})
	p, k := h.server.AddProductCoupon("WECHATPAY")
	for _, state := range []string{"PAUSED", "AUDITING"} {
		require.NoError(t, h.server.SetStockState(k, state))
		assert.Equal(t, state, h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k), nil)["state"])
		h.no(268577984, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1"))
		h.no(268577984, "INVALID_REQUEST", "POST", h.coupons("/users/o1/pre-send-coupon"), h.sending(p, k, "number_1"))
	}
	require.NoError(t, h.server.SetStockState(k, "SENDING"))
	h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1"))
	h.server.Advance(366 * 24 * time.Hour)
	assert.Equal(t, "STOPPED", h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k), nil)["state"])
	h.no(268577984, "INVALID_REQUEST", "POST", h.coupons("/users/o2/coupons"), h.sending(p, k, "number_2"))
	h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks/"+k+"/deactivate"), h.ours(m{"out_request_no": "end_123", "deactivate_reason": "r"}))
	assert.Error(t, h.server.SetStockState(k, "SENDING"), "it cannot be undone")
}

// Codes are uploaded in pieces, told one by one, handed out, and run out; or each send names its own.
func TestCouponCodes(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("UPLOAD")
		path := h.coupons("/product-coupons/" + p + "/stocks/" + k + "/upload-coupon-codes")
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1")) // no codes
		_, err := do(t, h.server, "refuse-coupon-code", map[string]string{"coupon_code": "bad"})
		require.NoError(t, err)
		got := h.ok("POST", path, h.ours(m{"out_request_no": "upload_1", "code_list": []string{"c1", "c2", "c1", "bad", "c1"}}))
		assert.Equal(t, []any{3.0, []any{"c1", "c2"}, []any{"c1"}, nil}, []any{got["total_count"], got["success_code_list"], got["duplicate_code_list"], got["already_exist_code_list"]})
		failed := got["failed_code_list"].([]any)[0].(m)
		assert.Equal(t, []any{"bad", "PARAM_ERROR"}, []any{failed["coupon_code"], failed["code"]})
		got = h.ok("POST", path, h.ours(m{"out_request_no": "upload_2", "code_list": []string{"c2", "c3"}}))
		assert.Equal(t, []any{2.0, []any{"c3"}, []any{"c2"}}, []any{got["total_count"], got["success_code_list"], got["already_exist_code_list"]})
		h.no(268578224, "PARAM_ERROR", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1", m{"coupon_code": "c3"}))
		for i, code := range []string{"c1", "c2", "c3"} {
			coupon := h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, fmt.Sprintf("number_%d", i)))
			assert.Equal(t, code, coupon["coupon_code"])
			assert.Equal(t, m{"total_count": 3.0, "available_count": float64(2 - i)}, coupon["stock"].(m)["coupon_code_count_info"])
		}
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_4"))
		got = h.ok("POST", path, h.ours(m{"out_request_no": "upload_3", "code_list": []string{"c1", "c4"}}))
		assert.Equal(t, []any{[]any{"c4"}, []any{"c1"}}, []any{got["success_code_list"], got["already_exist_code_list"]}, "a code that a user has is known")
		assert.Equal(t, "c4", h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_4"))["coupon_code"])

		p, k = h.server.AddProductCoupon("API_ASSIGN")
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+p+"/stocks/"+k+"/upload-coupon-codes"), h.ours(m{"out_request_no": "upload_4", "code_list": []string{"c1"}}))
		h.no(268578224, "PARAM_ERROR", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_5"))
		assert.Equal(t, "mine", h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_5", m{"coupon_code": "mine"}))["coupon_code"])
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/users/o2/coupons"), h.sending(p, k, "number_6", m{"coupon_code": "mine"}))
		_, err = h.server.TakeCoupon(k, "o3")
		assert.Error(t, err, "the platform does not distribute such stocks")
	})
}

// Stores are associated, listed and taken out; each is told by itself.
func TestStores(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Unlimited: true}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("WECHATPAY", "store_scope=SPECIFIC")
		_, err := do(t, h.server, "close-store", map[string]string{"store_id": "closed"})
		require.NoError(t, err)
		path := h.coupons("/product-coupons/" + p + "/stocks/" + k)
		stores := func(ids ...string) m {
			list := []m{}
			for _, id := range ids {
				list = append(list, m{"store_id": id})
			}
			return h.ours(m{"store_list": list})
		}
		got := h.ok("POST", path+"/associate-stores", stores("s1", "s2", "closed", "s1"))
		assert.Equal(t, []any{3.0, []any{m{"store_id": "s1"}, m{"store_id": "s2"}}}, []any{got["total_count"], got["success_store_list"]})
		assert.Equal(t, "closed", got["failed_store_list"].([]any)[0].(m)["store_id"])
		h.ok("POST", path+"/associate-stores", stores("s2", "s3"))
		first := h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k+"/associated-stores", "page_size=2"), nil)
		assert.Equal(t, []any{3.0, []any{m{"store_id": "s1"}, m{"store_id": "s2"}}}, []any{first["total_count"], first["store_list"]})
		last := h.ok("GET", h.about("/product-coupons/"+p+"/stocks/"+k+"/associated-stores", "page_size=2", "page_token="+first["next_page_token"].(string)), nil)
		assert.Equal(t, m{"store_list": []any{m{"store_id": "s3"}}}, last)
		h.ok("POST", path+"/disassociate-stores", stores("s1"))
		h.ok("POST", path+"/disassociate-stores", stores("s1"))

		coupon := h.held(p, k, "o1", "number_1")
		use := func(number, store string) m { return h.using(p, k, number, m{"store_id": store}) }
		for _, store := range []string{"s1", "s4", "closed"} {
			h.no(268584404, "INVALID_REQUEST", "POST", coupon+"/use", use("use_123", store))
		}
		h.ok("POST", coupon+"/use", use("use_123", "s2"))

		for scope, reason := range map[string]int{"ALL": 268578813, "NONE": 268578224} {
			q, l := h.server.AddProductCoupon("WECHATPAY", "store_scope="+scope)
			h.no(reason, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+q+"/stocks/"+l+"/associate-stores"), stores("s1"))
			coupon := h.held(q, l, "o1", "number_"+scope)
			if scope == "ALL" {
				h.ok("POST", coupon+"/use", h.using(q, l, "use_ALL", m{"store_id": "s9"}))
				continue
			}
			h.no(268584404, "INVALID_REQUEST", "POST", coupon+"/use", h.using(q, l, "use_NONE", m{"store_id": "s9"}))
		}
		q, b := h.server.AddProductCouponBundle("WECHATPAY", "store_scope=SPECIFIC")
		h.ok("POST", h.coupons("/product-coupons/"+q+"/stock-bundles/"+b+"/associate-stores"), stores("s1", "s2"))
		h.ok("POST", h.coupons("/product-coupons/"+q+"/stock-bundles/"+b+"/disassociate-stores"), stores("s2"))
		for _, one := range h.ok("GET", h.about("/product-coupons/"+q+"/stocks", "stock_bundle_id="+b), nil)["stock_list"].([]any) {
			id := one.(m)["stock_id"].(string)
			assert.Equal(t, m{"total_count": 1.0, "store_list": []any{m{"store_id": "s1"}}}, h.ok("GET", h.about("/product-coupons/"+q+"/stocks/"+id+"/associated-stores"), nil))
			h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/product-coupons/"+q+"/stocks/"+id+"/associate-stores"), stores("s3"))
		}
	})
}

// held sends a coupon to a user, confirms it and returns its path.
func (h *merchant) held(p, k, user, number string) (path string) {
	h.t.Helper()
	code := h.ok("POST", h.coupons("/users/"+user+"/coupons"), h.sending(p, k, number))["coupon_code"].(string)
	path = h.coupons("/users/" + user + "/coupons/" + code)
	h.ok("POST", path+"/confirm", h.of(p, k, "confirm_"+number))
	return path
}

// of is what calls about a coupon of a user say.
func (h *merchant) of(p, k, number string, more ...m) m {
	return h.ours(m{"product_coupon_id": p, "stock_id": k, "appid": couponAppID, "out_request_no": number}, more...)
}

func (h *merchant) using(p, k, number string, more ...m) m {
	return h.of(p, k, number, append([]m{{"use_time": "2026-11-03T12:00:00+08:00", "associated_order_info": m{"transaction_id": "42"}}}, more...)...)
}

// state is that of a coupon of a user.
func (h *merchant) state(path, p, k string) string {
	h.t.Helper()
	path = strings.TrimPrefix(path, h.coupons(""))
	return h.ok("GET", h.about(path, "product_coupon_id="+p, "stock_id="+k, "appid="+couponAppID), nil)["coupon_state"].(string)
}

// A coupon in the wrong state, of somebody else or of nothing is refused, with the number that says why.
func TestCouponsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("WECHATPAY", "available_days=2", "wait_days_after_receive=1")
		code := h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1"))["coupon_code"].(string)
		path := h.coupons("/users/o1/coupons/" + code)
		n := 0
		no := func(reason int, call string, body m) {
			t.Helper()
			n++
			body = maps.Clone(body)
			body["out_request_no"] = fmt.Sprintf("number_%d", n)
			h.no(reason, map[bool]string{true: "NOT_FOUND", false: "INVALID_REQUEST"}[reason == 268578608], "POST", path+call, body)
		}
		end := h.of(p, k, "", m{"deactivate_reason": "r"})
		about, use := h.of(p, k, ""), h.using(p, k, "")
		no(268578367, "/use", use)      // not confirmed
		no(268578367, "/return", about) // not used
		no(268578526, "/confirm", with(about, "appid", "wx1"))
		no(268578608, "/confirm", with(about, "stock_id", "1"))
		no(268578608, "/confirm", with(about, "product_coupon_id", "1"))
		for _, other := range []string{"/users/o2/coupons/" + code, "/users/o1/coupons/1"} {
			h.no(268578608, "NOT_FOUND", "POST", h.coupons(other+"/confirm"), h.of(p, k, "confirm_1"))
			h.no(268578608, "NOT_FOUND", "GET", h.about(other, "product_coupon_id="+p, "stock_id="+k, "appid="+couponAppID), nil)
		}
		h.no(268578526, "INVALID_REQUEST", "GET", h.about("/users/o1/coupons", "appid=wx1"), nil)
		h.no(268578526, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_2", m{"appid": "wx1"}))

		confirmed := h.ok("POST", path+"/confirm", h.of(p, k, "confirm_1"))
		assert.Equal(t, "PENDING", confirmed["coupon_state"])
		assert.Equal(t, []any{"2026-11-02T16:00:00+08:00", "2026-11-03T16:00:00+08:00", "2026-11-05T16:00:00+08:00"}, []any{confirmed["receive_time"], confirmed["valid_begin_time"], confirmed["valid_end_time"]})
		assert.Equal(t, confirmed, h.ok("POST", path+"/confirm", h.of(p, k, "confirm_1")), "the same once more")
		no(268578367, "/confirm", about)
		no(272755715, "/use", use)
		h.server.Advance(24 * time.Hour)
		assert.Equal(t, "EFFECTIVE", h.state(path, p, k))
		for _, wrong := range []m{
			{"associated_order_info": nil}, {"associated_pay_score_order_info": m{"order_id": "1"}}, {"associated_order_info": m{}}, {"associated_order_info": m{"out_trade_no": "1"}},
			{"associated_order_info": nil, "associated_pay_score_order_info": m{"out_order_no": "1"}},
		} {
			body := h.using(p, k, "use_000", wrong)
			maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
			h.no(268578224, "PARAM_ERROR", "POST", path+"/use", body)
		}
		used := h.ok("POST", path+"/use", h.using(p, k, "use_001", m{"saved_amount": 100, "associated_order_info": m{"out_trade_no": "1", "mchid": "2"}}))
		assert.Equal(t, m{"use_request_no": "use_001", "use_time": "2026-11-03T12:00:00+08:00", "saved_amount": 100.0, "associated_order_info": m{"out_trade_no": "1", "mchid": "2"}}, used["single_usage_detail"])
		no(268578367, "/use", use)
		no(268578367, "/deactivate", end)
		assert.Error(t, h.server.DeleteCoupon("o1", code), "it is used")
		assert.Error(t, h.server.ExpireCoupon("o1", code))
		h.server.Advance(48 * time.Hour)
		assert.Equal(t, "USED", h.state(path, p, k), "what is used does not expire")
		assert.Equal(t, "EXPIRED", h.ok("POST", path+"/return", h.of(p, k, "return_1"))["coupon_state"], "given back too late")
		no(268578776, "/use", use)
		no(268578776, "/deactivate", end)
		no(268578776, "/return", about)

		code = h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_2"))["coupon_code"].(string)
		path = h.coupons("/users/o1/coupons/" + code)
		events := len(h.server.Pending())
		require.NoError(t, h.server.DeleteCoupon("o1", code))
		assert.Error(t, h.server.DeleteCoupon("o1", code))
		assert.Len(t, h.server.Pending(), events, "nobody is told")
		assert.Equal(t, "DELETED", h.state(path, p, k))
		for _, call := range []string{"/confirm", "/return"} {
			no(272756769, call, about)
		}
		no(272756769, "/use", use)
		no(272756769, "/deactivate", end)

		code = h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_3"))["coupon_code"].(string)
		path = h.coupons("/users/o1/coupons/" + code)
		require.NoError(t, h.server.ExpireCoupon("o1", code))
		no(268578776, "/confirm", about)
		list := func(state string) float64 {
			return h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, "coupon_state="+state), nil)["total_count"].(float64)
		}
		assert.Equal(t, []float64{2, 1, 0}, []float64{list("EXPIRED"), list("DELETED"), list("EFFECTIVE")})
		assert.Equal(t, 0.0, h.ok("GET", h.about("/users/nobody/coupons", "appid="+couponAppID), nil)["total_count"])
		q, l := h.server.AddProductCoupon("WECHATPAY")
		h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(q, l, "number_4"))
		for query, n := range map[string]float64{"stock_id=" + l: 1, "product_coupon_id=" + p: 3, "stock_id=1": 0, "user_coupon_bundle_id=1": 0} {
			assert.Equal(t, n, h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, query), nil)["total_count"], query)
		}
		page := h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, "page_size=3"), nil)
		page = h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, "page_size=3", "page_token="+page["next_page_token"].(string)), nil)
		assert.Len(t, page["user_coupon_list"], 1)
		assert.NotContains(t, page, "total_count")
	})
}

// When a coupon may be used follows from the stock and from when the user got it.
func TestValidityOfCoupons(t *testing.T) {
	t.Parallel()
	begin, end := "2026-11-01T00:00:00+08:00", "2026-11-30T00:00:00+08:00"
	stock := func(more m) m {
		o := m{"available_begin_time": begin, "available_end_time": end}
		maps.Copy(o, more)
		return o
	}
	for name, test := range map[string]struct {
		period     m
		begin, end string          // of the coupon, which the user gets on Monday, 2 November, at 16:00
		usable     map[string]bool // at how long after that
	}{
		"as the stock":             {stock(nil), "2026-11-02T16:00:00+08:00", end, map[string]bool{"0h": true, "655h": true, "656h": false}},
		"days":                     {stock(m{"available_days": 3}), "2026-11-02T16:00:00+08:00", "2026-11-05T16:00:00+08:00", map[string]bool{"71h": true, "72h": false}},
		"days that the stock cuts": {stock(m{"available_days": 30}), "2026-11-02T16:00:00+08:00", end, map[string]bool{"655h": true}},
		"waiting":                  {stock(m{"available_days": 3, "wait_days_after_receive": 2}), "2026-11-04T16:00:00+08:00", "2026-11-07T16:00:00+08:00", map[string]bool{"47h": false, "48h": true, "119h": true, "120h": false}},
		"seconds":                  {stock(m{"available_seconds": 7200}), "2026-11-02T16:00:00+08:00", "2026-11-02T18:00:00+08:00", map[string]bool{"1h": true, "2h": false}},
		"later":                    {stock(m{"available_begin_time": "2026-11-10T00:00:00+08:00", "available_days": 1}), "2026-11-10T00:00:00+08:00", "2026-11-11T00:00:00+08:00", map[string]bool{"175h": false, "176h": true, "200h": false}},
		"spans": {stock(m{"irregular_available_period_list": []m{{"begin_time": "2026-11-03T00:00:00+08:00", "end_time": "2026-11-04T00:00:00+08:00"}, {"begin_time": "2026-11-06T00:00:00+08:00", "end_time": "2026-11-07T00:00:00+08:00"}}}),
			"2026-11-03T00:00:00+08:00", "2026-11-07T00:00:00+08:00", map[string]bool{"7h": false, "8h": true, "32h": false, "80h": true, "104h": false}},
		"days of the week": {stock(m{"weekly_available_period": m{"day_list": []string{"TUESDAY"}}}), "2026-11-02T16:00:00+08:00", end, map[string]bool{"7h": false, "8h": true, "31h": true, "32h": false}},
		"hours of the day": {stock(m{"weekly_available_period": m{"day_period_list": []m{{"begin_time": 61200, "end_time": 64799}}}}), "2026-11-02T16:00:00+08:00", end, map[string]bool{"0h": false, "1h": true, "2h": false, "25h": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after, ok := range test.usable {
				h := newMerchant(t, wxpaytest.Options{Clock: standing})
				h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
				made := h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", m{"stock": newStock(m{"single_usage_rule": m{"coupon_available_period": test.period}})})))
				p, k := made["product_coupon_id"].(string), made["stock"].(m)["stock_id"].(string)
				path := h.held(p, k, "o1", "number_1")
				got := h.ok("GET", h.about(strings.TrimPrefix(path, h.coupons("")), "product_coupon_id="+p, "stock_id="+k, "appid="+couponAppID), nil)
				assert.Equal(t, []any{test.begin, test.end}, []any{got["valid_begin_time"], got["valid_end_time"]})
				d, err := time.ParseDuration(after)
				require.NoError(t, err)
				h.server.Advance(d)
				status, answer := h.json("POST", path+"/use", h.using(p, k, "use_001"))
				assert.Equal(t, ok, status == 200, "%s: %v", after, answer)
			}
		})
	}
}

// What was prepared for the claim component the user gets within five minutes, once, if there is still one.
func TestPreSentCoupons(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("WECHATPAY", "max_count=2", "notify_appid="+couponAppID)
		prepare := func(user, number string) string {
			return h.ok("POST", h.coupons("/users/"+user+"/pre-send-coupon"), h.sending(p, k, number, m{"attach": "a"}))["token"].(string)
		}
		token := prepare("o1", "number_1")
		assert.Equal(t, token, prepare("o1", "number_1"), "the same once more")
		assert.Empty(t, h.server.Pending())
		h.no(272755200, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_2"))
		h.no(272755200, "INVALID_REQUEST", "POST", h.coupons("/users/o1/pre-send-coupon"), h.sending(p, k, "number_2"))
		h.refused(400, "ALREADY_EXISTS", "POST", h.coupons("/users/o2/coupons"), h.sending(p, k, "number_1"))
		_, err := h.server.ClaimCoupon("none")
		assert.Error(t, err)
		h.server.Advance(5*time.Minute - time.Second)
		made, err := do(t, h.server, "claim-coupon", map[string]string{"token": token, "phone_number": "13900000000"})
		require.NoError(t, err)
		code := made.([]string)[0]
		_, err = h.server.ClaimCoupon(token)
		assert.Error(t, err, "it works once")
		told := h.server.Pending()[0]
		plain := fmt.Sprint(told.Plaintext)
		for _, part := range []string{"coupon_code:" + code, "send_channel:RECEIVE_COMPONENT", "phone_number:13900000000", "country_code:86", "send_request_no:number_1", "attach:a"} {
			assert.Contains(t, plain, part)
		}
		got := h.ok("GET", h.about("/users/o1/coupons/"+code, "product_coupon_id="+p, "stock_id="+k, "appid="+couponAppID), nil)
		assert.Equal(t, []any{"CONFIRMING", "RECEIVE_COMPONENT", "number_1"}, []any{got["coupon_state"], got["send_channel"], got["send_request_no"]})
		h.refused(400, "ALREADY_EXISTS", "POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1"))

		token = prepare("o1", "number_3")
		h.server.Advance(5 * time.Minute)
		_, err = h.server.ClaimCoupon(token)
		assert.Error(t, err, "too late")
		token = prepare("o1", "number_4") // the other one is not open any more
		h.ok("POST", h.coupons("/users/o2/coupons"), h.sending(p, k, "number_5"))
		_, err = h.server.ClaimCoupon(token)
		assert.ErrorContains(t, err, "max_count", "somebody was faster")
	})
}

// A bundle is sent whole, confirmed one by one, used in order with days between, and given back from its end.
func TestBundlesOfUsers(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing}, func(t *testing.T, h *merchant) {
		h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
		made := h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", manyUse)))
		p, stocks := made["product_coupon_id"].(string), made["stock_bundle"].(m)
		b := stocks["stock_bundle_id"].(string)
		for i, k := range stocks["stock_list"].([]any) {
			assert.Equal(t, m{"stock_bundle_id": b, "stock_bundle_index": float64(i)}, k.(m)["stock_bundle_info"])
			assert.Contains(t, k.(m)["progressive_bundle_usage_rule"], "normal_coupon")
		}
		h.refused(400, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupons"), h.sending(p, stocks["stock_list"].([]any)[0].(m)["stock_id"].(string), "number_0"))
		h.no(268578608, "INVALID_REQUEST", "POST", h.coupons("/users/o1/coupon-bundles"), h.sending(p, "", "number_0", m{"stock_bundle_id": "1"}))
		body := h.sending(p, "", "number_1", m{"stock_bundle_id": b})
		pack := h.ok("POST", h.coupons("/users/o1/coupon-bundles"), body)
		assert.Equal(t, pack, h.ok("POST", h.coupons("/users/o1/coupon-bundles"), body), "the same once more")
		id := pack["user_coupon_bundle_id"].(string)
		list := pack["user_product_coupon_list"].([]any)
		require.Len(t, list, 3)
		require.Len(t, h.server.Pending(), 3, "each is told by itself")
		var paths, ids []string
		for i, one := range list {
			one := one.(m)
			assert.Equal(t, m{"user_coupon_bundle_id": id, "user_coupon_bundle_index": float64(i), "total_count": 3.0, "used_count": 0.0}, one["user_product_coupon_bundle_info"])
			assert.Contains(t, fmt.Sprint(h.server.Pending()[i].Plaintext), "coupon_code:"+one["coupon_code"].(string))
			assert.Contains(t, fmt.Sprint(h.server.Pending()[i].Plaintext), "user_coupon_bundle_id:"+id)
			paths, ids = append(paths, h.coupons("/users/o1/coupons/"+one["coupon_code"].(string))), append(ids, one["stock"].(m)["stock_id"].(string))
			h.ok("POST", paths[i]+"/confirm", h.of(p, ids[i], fmt.Sprintf("confirm_%d", i)))
		}
		use := func(i int, number string) (string, string, any) {
			return "POST", paths[i] + "/use", h.using(p, ids[i], number)
		}
		no := func(reason, i int) {
			t.Helper()
			method, uri, body := use(i, "use_no")
			h.no(reason, "INVALID_REQUEST", method, uri, body)
		}
		no(268578367, 1)
		used := h.ok(use(0, "use_000"))
		assert.Equal(t, 1.0, used["user_product_coupon_bundle_info"].(m)["used_count"])
		assert.Contains(t, used, "progressive_bundle_usage_detail")
		assert.NotContains(t, used, "single_usage_detail")
		no(272755715, 1) // two days between
		h.server.Advance(48 * time.Hour)
		h.ok(use(1, "use_001"))
		h.no(268578367, "INVALID_REQUEST", "POST", paths[0]+"/return", h.of(p, ids[0], "return_0"))
		h.ok("POST", paths[1]+"/return", h.of(p, ids[1], "return_1"))
		h.ok(use(1, "use_002"))
		found := h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, "user_coupon_bundle_id="+id), nil)
		assert.Equal(t, 3.0, found["total_count"])

		if h.brand { // no such call
			return
		}
		token := h.ok("POST", h.coupons("/users/o2/pre-send-coupon-bundle"), h.sending(p, "", "number_2", m{"stock_bundle_id": b}))["token"].(string)
		codes, err := h.server.ClaimCoupon(token)
		require.NoError(t, err)
		assert.Len(t, codes, 3)
		end := func(number, bundle string) m {
			return h.ours(m{"product_coupon_id": p, "stock_bundle_id": bundle, "appid": couponAppID, "out_request_no": number, "deactivate_reason": "r"})
		}
		path := h.coupons("/users/o1/coupon-bundles/" + id + "/deactivate")
		h.no(268578608, "NOT_FOUND", "POST", path, end("end_000", "1"))
		h.no(268578608, "NOT_FOUND", "POST", h.coupons("/users/o2/coupon-bundles/"+id+"/deactivate"), end("end_000", b))
		var states []any
		for _, one := range h.ok("POST", path, end("end_001", b))["user_product_coupon_list"].([]any) {
			states = append(states, one.(m)["coupon_state"])
		}
		assert.Equal(t, []any{"USED", "USED", "DEACTIVATED"}, states)
		h.no(268578367, "INVALID_REQUEST", "POST", path, end("end_002", b))
	})
}

// Pictures are stored, and made while time passes; some fail.
func TestImageTasks(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Minute, Clock: standing})
	service := productcoupon.New(h.server.Client())
	h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
	cut := m{"task_id": "task_001", "image_generation_type": "CUT_OUT", "cut_out": m{"image_url": picture}}
	made := h.ok("POST", h.coupons("/image-generation-tasks"), h.ours(cut))
	assert.Equal(t, m{"task_id": "task_001", "brand_id": wxpaytest.BrandID}, made)
	get := func(id string) *productcoupon.ImageTask {
		task, err := service.GetImageTask(t.Context(), productcoupon.GetImageTaskParams{BrandID: wxpaytest.BrandID, TaskID: id, ImageGenerationType: "CUT_OUT"})
		require.NoError(t, err)
		return task
	}
	assert.Equal(t, "PROCESSING", string(get("task_001").TaskState))
	require.NoError(t, h.server.FailImageTask("task_002"))
	h.ok("POST", h.coupons("/image-generation-tasks"), h.ours(with(cut, "task_id", "task_002")))
	box := &inbox{status: 204}
	require.NoError(t, h.server.Deliver(t.Context(), box))
	assert.Empty(t, box.bodies)
	h.server.Advance(time.Minute)
	task := get("task_001")
	assert.Equal(t, "SUCCESS", string(task.TaskState))
	assert.Contains(t, task.CutOutResult.ImageURL, "https://wxpaylogo.qpic.cn/")
	assert.Equal(t, "FAIL", string(get("task_002").TaskState))
	require.NoError(t, h.server.Deliver(t.Context(), box))
	require.Len(t, box.bodies, 2)
	_, _, envelope, resource := box.envelope(t)
	assert.Equal(t, "PRODUCT_COUPON_SP.IMAGE_GENERATION", envelope["event_type"])
	assert.JSONEq(t, `{"brand_id":"40001","task_id":"task_002","image_generation_type":"CUT_OUT","task_state":"FAIL"}`,
		string(h.open(resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string))))

	h.no(268578608, "NOT_FOUND", "GET", h.about("/image-generation-tasks/task_001", "image_generation_type=COMBINE_IMAGE"), nil)
	h.no(268578608, "NOT_FOUND", "GET", h.about("/image-generation-tasks/task_009", "image_generation_type=CUT_OUT"), nil)
	combine := m{"scope": "ALL", "type": "NORMAL", "usage_mode": "SINGLE", "normal_coupon": m{"threshold": 10000, "discount_amount": 100}}
	for name, changes := range map[string]m{
		"no picture": {"cut_out": nil}, "from elsewhere": {"cut_out": m{"image_url": "https://example.com/a.png"}},
		"nothing to show": {"image_generation_type": "COMBINE_IMAGE"}, "no discount": {"image_generation_type": "COMBINE_IMAGE", "combine_image": with(combine, "normal_coupon", nil)},
		"many uses": {"image_generation_type": "COMBINE_IMAGE", "combine_image": with(combine, "usage_mode", "PROGRESSIVE_BUNDLE")},
	} {
		body := h.ours(cut, m{"task_id": "task_003"}, changes)
		maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
		status, answer := h.json("POST", h.coupons("/image-generation-tasks"), body)
		assert.Equal(t, []any{400, "PARAM_ERROR"}, []any{status, answer["code"]}, name)
		assert.Contains(t, wrong, h.reason(), name)
	}
	h.ok("POST", h.coupons("/image-generation-tasks"), h.ours(m{"task_id": "task_003", "image_generation_type": "COMBINE_IMAGE", "combine_image": combine}))
	h.server.Advance(time.Minute)
	assert.Contains(t, h.ok("GET", h.about("/image-generation-tasks/task_003", "image_generation_type=COMBINE_IMAGE"), nil), "combine_image_result")

	image, err := service.UploadImage(t.Context(), media.Bytes("a.png", []byte("\x89PNG")))
	require.NoError(t, err)
	h.ok("POST", h.coupons("/image-generation-tasks"), h.ours(cut, m{"task_id": "task_004", "cut_out": m{"image_url": image.ImageURL}}))
}

// Nobody sees what is another brand's; a service provider says whose it means.
func TestBrandsAreApart(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	p, k := h.server.AddProductCoupon("WECHATPAY", "brand_id=other")
	brand := h.asBrand()
	mine := func(o m) m { o = maps.Clone(o); o["brand_id"] = "other"; return o }
	code := h.ok("POST", h.coupons("/users/o1/coupons"), mine(h.sending(p, k, "number_1")))["coupon_code"].(string)
	for _, x := range []*merchant{h, brand} {
		x.no(268578608, "NOT_FOUND", "GET", x.about("/product-coupons/"+p), nil)
		x.no(268578608, "NOT_FOUND", "GET", x.about("/product-coupons/"+p+"/stocks"), nil)
		x.no(268578608, "INVALID_REQUEST", "POST", x.coupons("/users/o1/coupons"), x.sending(p, k, "number_2"))
		x.no(268578608, "NOT_FOUND", "POST", x.coupons("/users/o1/coupons/"+code+"/confirm"), x.of(p, k, "confirm_1"))
		assert.Equal(t, 0.0, x.ok("GET", x.about("/users/o1/coupons", "appid="+couponAppID), nil)["total_count"])
	}
	h.ok("POST", h.coupons("/users/o1/coupons/"+code+"/confirm"), mine(h.of(p, k, "confirm_1")))
	brand.refused(400, "PARAM_ERROR", "GET", brand.coupons("/product-coupons/"+p+"?brand_id=other"), nil)

	// What a service provider makes for the brand the brand sees, and the other way round; each is told of what it sent.
	q, l := h.server.AddProductCoupon("WECHATPAY")
	h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://merchant.example/notify"})
	brand.ok("POST", brand.coupons("/notify-configs"), m{"notify_url": "https://brand.example/notify"})
	brand.refused(400, "ALREADY_EXISTS", "POST", brand.coupons("/users/o1/coupons"), brand.sending(q, l, h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(q, l, "number_3"))["send_request_no"].(string)))
	brand.ok("POST", brand.coupons("/users/o1/coupons"), brand.sending(q, l, "number_4"))
	told := h.server.Pending()
	require.Len(t, told, 3)
	assert.Equal(t, []string{wxpaytest.MchID, "https://merchant.example/notify", wxpaytest.BrandID, "https://brand.example/notify"}, []string{told[1].Caller, told[1].URL, told[2].Caller, told[2].URL})
}

// asBrand is the brand at the same server.
func (h *merchant) asBrand() *merchant {
	c := h.server.BrandConfig()
	return &merchant{brand: true, t: h.t, server: h.server, key: c.PrivateKey.(*rsa.PrivateKey), public: c.PublicKey, serial: c.PublicKeyID}
}

// A user has another openid under the appid of the stock's notifications, and it is the same user.
func TestUsersUnderOtherAppIDs(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	p, k := h.server.AddProductCoupon("WECHATPAY", "notify_appid=wx2", "max_count_per_user=1")
	code := h.ok("POST", h.coupons("/users/o1/coupons"), h.sending(p, k, "number_1"))["coupon_code"].(string)
	told := plain(t, h.server.Pending()[0])
	assert.Equal(t, []any{"wx2", "union-o1"}, []any{told["appid"], told["unionid"]})
	openid := told["openid"].(string)
	assert.NotEqual(t, "o1", openid)
	h.no(268578526, "INVALID_REQUEST", "POST", h.coupons("/users/"+openid+"/coupons/"+code+"/confirm"), h.of(p, k, "confirm_1"))
	h.ok("POST", h.coupons("/users/"+openid+"/coupons/"+code+"/confirm"), h.of(p, k, "confirm_1", m{"appid": "wx2"}))
	assert.Equal(t, "EFFECTIVE", h.state(h.coupons("/users/o1/coupons/"+code), p, k))
	h.no(272756740, "INVALID_REQUEST", "POST", h.coupons("/users/"+openid+"/coupons"), h.sending(p, k, "number_2", m{"appid": "wx2"}))
	q, l := h.server.AddProductCoupon("WECHATPAY", "notify_appid=wx2")
	_, err := h.server.TakeCoupon(l, openid)
	require.NoError(t, err)
	list := h.ok("GET", h.about("/users/o1/coupons", "appid="+couponAppID, "product_coupon_id="+q), nil)["user_coupon_list"].([]any)
	assert.Equal(t, "BRAND_MANAGE", list[0].(m)["send_channel"])
}

// plain is what an event says.
func plain(t *testing.T, event wxpaytest.Event) m {
	text, err := json.Marshal(event.Plaintext)
	require.NoError(t, err)
	return decode(t, text)
}

// A send that is repeated later answers the coupon as it stands, and so does a server that has read the log.
func TestSendAgainLater(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newMerchant(t, wxpaytest.Options{Seed: "again", Clock: standing, Log: &log})
	p, k := h.server.AddProductCoupon("WECHATPAY")
	h.held(p, k, "o1", "number_1")
	other := h.restarted(wxpaytest.Options{Seed: "again", Clock: standing}, log.String())
	for _, x := range []*merchant{h, other} {
		assert.Equal(t, "EFFECTIVE", x.ok("POST", x.coupons("/users/o1/coupons"), x.sending(p, k, "number_1"))["coupon_state"])
		x.refused(400, "INVALID_REQUEST", "POST", x.coupons("/users/o1/coupons"), x.sending(p, k, "number_1", m{"stock_id": "1"}))
		x.no(268578927, "INVALID_REQUEST", "POST", x.coupons("/users/o1/coupons"), x.sending(p, k, "number_1", m{"attach": "other"}))
	}
	same(t, h.server, other.server)
}

// Whatever happens to few coupons of few users, by either door and in whatever order: what was refused changed
// nothing, and what a log restores is what was.
func TestRestoreOfRandomCoupons(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 12))
			var log bytes.Buffer
			o := wxpaytest.Options{Seed: "random", Clock: standing, TaskDuration: time.Hour, Unlimited: true}
			saving := o
			saving.Log = &log
			h := newMerchant(t, saving)
			doors := []*merchant{h, h.asBrand()}
			type held struct{ p, k, user, code string }
			var stocks, bundles [][2]string
			coupons, tokens, plans := []held{{"1", "1", "o1", "1"}}, []string{"none"}, []string{"none"}
			few := func(prefix string, n int) string { return fmt.Sprintf("%s_000%d", prefix, chance.IntN(n)) }
			learn := func(user string, answer m) {
				all, _ := answer["user_product_coupon_list"].([]any)
				for _, one := range append(all, any(answer)) {
					if k, ok := one.(m)["stock"].(m); ok && one.(m)["coupon_code"] != nil {
						coupons = append(coupons, held{k["product_coupon_id"].(string), k["stock_id"].(string), user, one.(m)["coupon_code"].(string)})
					}
				}
			}
			any400 := func(x *merchant, method, uri string, body any) (m, bool) {
				status, answer := x.json(method, uri, body)
				return answer, status < 300
			}
			done := map[string]int{}
			for range 150 {
				before, pending, lines := h.server.State(), h.server.Pending(), log.Len()
				x, user := doors[chance.IntN(2)], few("o", 3)
				name, ok, answer := "", true, m(nil)
				act := func(action string, args map[string]string) {
					_, err := do(t, h.server, action, args)
					name, ok = action, err == nil
				}
				c := coupons[chance.IntN(len(coupons))]
				of := x.of(c.p, c.k, few("number", 9))
				path := x.coupons("/users/" + c.user + "/coupons/" + c.code)
				switch move := chance.IntN(20); {
				case len(stocks) < 2 || move == 0:
					p, k := h.server.AddProductCoupon([]string{"WECHATPAY", "UPLOAD"}[chance.IntN(2)], "max_count_per_user=3", []string{"max_count=6", "max_count=10000"}[chance.IntN(2)], "available_days=2")
					name, stocks = "add", append(stocks, [2]string{p, k})
				case len(bundles) < 1:
					p, b := h.server.AddProductCouponBundle("WECHATPAY", "max_count_per_user=2")
					name, bundles = "add", append(bundles, [2]string{p, b})
				case move < 4:
					k := stocks[chance.IntN(len(stocks))]
					answer, ok = any400(x, "POST", x.coupons("/users/"+user+"/coupons"), x.sending(k[0], k[1], few("send", 9)))
					name = "send"
					learn(user, answer)
				case move == 4:
					answer, ok = any400(x, "POST", x.coupons("/users/"+user+"/coupon-bundles"), x.sending(bundles[0][0], "", few("send", 9), m{"stock_bundle_id": bundles[0][1]}))
					name = "send bundle"
					learn(user, answer)
				case move == 5:
					k := stocks[chance.IntN(len(stocks))]
					answer, ok = any400(x, "POST", x.coupons("/users/"+user+"/pre-send-coupon"), x.sending(k[0], k[1], few("send", 9)))
					if name = "prepare"; ok {
						tokens = append(tokens, answer["token"].(string))
					}
				case move == 6:
					act("claim-coupon", map[string]string{"token": tokens[len(tokens)-1]})
				case move == 7:
					k := stocks[chance.IntN(len(stocks))]
					_, ok = any400(x, "POST", x.coupons("/product-coupons/"+k[0]+"/stocks/"+k[1]+"/upload-coupon-codes"), x.ours(m{"out_request_no": few("upload", 9), "code_list": []string{few("c", 9), few("c", 9)}}))
					name = "upload"
				case move < 11:
					_, ok = any400(x, "POST", path+"/confirm", of)
					name = "confirm"
				case move < 14:
					_, ok = any400(x, "POST", path+"/use", x.using(c.p, c.k, few("use", 9)))
					name = "use"
				case move == 14:
					_, ok = any400(x, "POST", path+"/return", of)
					name = "return"
				case move == 15:
					of["deactivate_reason"] = "r"
					_, ok = any400(x, "POST", path+"/deactivate", of)
					name = "deactivate"
				case move == 16:
					act([]string{"delete-coupon", "expire-coupon"}[chance.IntN(2)], map[string]string{"openid": c.user, "coupon_code": c.code})
				case move == 17:
					act("advance", map[string]string{"duration": "5h"})
				case move == 18:
					k := stocks[chance.IntN(len(stocks))]
					answer, ok = any400(x, "POST", x.plans("/delivery-plans"), x.ours(newPlan(k[0], k[1], few("plan", 4), m{"reuse_coupon_config": chance.IntN(2) == 0})))
					if plan, made := answer["plan"].(m); made {
						plans = append(plans, plan["plan_id"].(string))
					}
					name = "plan"
				default:
					act("review-plan", map[string]string{"plan_id": plans[len(plans)-1], "result": "PASSED"})
				}
				if done[fmt.Sprint(name, ok)]++; !ok {
					require.Equal(t, before, h.server.State(), "%s was refused and changed something", name)
					require.Equal(t, pending, h.server.Pending(), name)
					require.Equal(t, lines, log.Len(), name)
				}
			}
			for _, want := range []string{"sendtrue", "sendfalse", "confirmtrue", "confirmfalse", "usetrue", "usefalse"} {
				assert.Positive(t, done[want], "%s: %v", want, done)
			}
			other := h.restarted(o, log.String())
			same(t, h.server, other.server)
			h.server.Advance(48 * time.Hour)
			other.server.Advance(48 * time.Hour)
			same(t, h.server, other.server)
		})
	}
}

// What AddProductCoupon does not take it says.
func TestAddProductCoupon(t *testing.T) {
	t.Parallel()
	for says, changes := range map[string][]string{
		"MOON": {"MOON"}, "not name=value": {"UPLOAD", "x"}, "comes twice": {"UPLOAD", "max_count=1", "max_count=2"}, "from 1 to 100 ": {"UPLOAD", "max_count_per_user=101"},
		"needs available_days": {"UPLOAD", "wait_days_after_receive=1"}, "unknown": {"UPLOAD", "unknown=1"}, "is a number": {"UPLOAD", "max_count=many"},
	} {
		s, err := wxpaytest.NewServer(wxpaytest.Options{})
		require.NoError(t, err)
		p, k := s.AddProductCoupon(changes[0], changes[1:]...)
		assert.Empty(t, p+k, says)
		for _, v := range s.State() {
			assert.Empty(t, v.Rows)
		}
	}
}

// A request number is unique per brand: another brand may use it for something else.
func TestNumbersOfTwoBrands(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for brand, off := range map[string]int{"120344": 10, "120345": 20} {
		h.ok("POST", "/v3/marketing/partner/product-coupon/image-generation-tasks", m{"brand_id": brand, "task_id": "picture_1", "image_generation_type": "COMBINE_IMAGE",
			"combine_image": m{"scope": "ALL", "type": "NORMAL", "usage_mode": "SINGLE", "normal_coupon": m{"threshold": 100, "discount_amount": off}}})
	}
}
