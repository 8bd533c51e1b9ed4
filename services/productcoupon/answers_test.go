package productcoupon_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// What an answer must repeat of what was asked, by the names of the calls.
var repeated = map[string]string{
	"GetImageTask":                      "brand_id task_id image_generation_type",
	"SetNotifyConfig":                   "notify_url",
	"CreateProductCoupon":               "brand_id scope type usage_mode out_product_no remark coupon_code_mode store_scope notify_appid code_display_mode name",
	"CreateProductCoupon with a bundle": "brand_id scope type usage_mode remark coupon_code_mode store_scope",
	"GetProductCoupon":                  "brand_id product_coupon_id", "UpdateProductCoupon": "brand_id product_coupon_id name",
	"DeactivateProductCoupon": "brand_id product_coupon_id deactivate_request_no",
	"CreateStock":             "brand_id product_coupon_id remark coupon_code_mode store_scope notify_appid usage_description code_display_mode", "ListStocks": "brand_id product_coupon_id state", "GetStock": "brand_id product_coupon_id stock_id",
	"UpdateStock": "brand_id product_coupon_id stock_id remark store_scope notify_appid usage_description code_display_mode", "DeactivateStock": "brand_id product_coupon_id stock_id deactivate_request_no",
	"UpdateStockBudget": "brand_id product_coupon_id stock_id",
	"AssociateStores":   "store_id", "DisassociateStores": "store_id", "AssociateBundleStores": "store_id", "DisassociateBundleStores": "store_id",
	"ListAssociatedStores": "", "UploadCouponCodes": "coupon_code success_code_list already_exist_code_list duplicate_code_list",
	"CreateStockBundle":       "brand_id product_coupon_id remark coupon_code_mode store_scope notify_appid usage_description code_display_mode",
	"UpdateStockBundle":       "brand_id product_coupon_id stock_bundle_id remark store_scope notify_appid usage_description code_display_mode",
	"UpdateStockBundleBudget": "brand_id product_coupon_id stock_bundle_id",
	"SendCoupon":              "brand_id product_coupon_id stock_id coupon_code send_request_no", "PreSendCoupon": "",
	"ListUserCoupons": "brand_id product_coupon_id stock_id user_coupon_bundle_id", "GetUserCoupon": "brand_id product_coupon_id stock_id coupon_code",
	"ConfirmCoupon": "brand_id product_coupon_id stock_id coupon_code confirm_request_no", "UseCoupon": "brand_id product_coupon_id stock_id coupon_code use_request_no",
	"UseCoupon for a pay score order": "use_request_no", "ReturnCoupon": "brand_id product_coupon_id stock_id coupon_code return_request_no",
	"DeactivateCoupon": "brand_id product_coupon_id stock_id coupon_code deactivate_request_no",
	"SendCouponBundle": "brand_id product_coupon_id send_request_no", "PreSendCouponBundle": "",
	"DeactivateCouponBundle": "brand_id product_coupon_id user_coupon_bundle_id deactivate_request_no",
}

// everyCall are all calls that answer something, by name.
func everyCall() map[string]platformtest.Wire {
	all := calls()
	maps.Copy(all, userCalls())
	maps.Copy(all, partnerCalls())
	return all
}

// A genuine answer about something else than what was asked leaves the outcome open.
func TestAnswersAboutSomethingElse(t *testing.T) {
	t.Parallel()
	for name, w := range everyCall() {
		names, known := repeated[name]
		require.True(t, known, "%s has no row", name)
		for member := range strings.FieldsSeq(names) {
			answer := ""
			for _, start := range []string{`"` + member + `":"`, `"` + member + `": "`, `"` + member + `":["`} {
				if before, after, ok := strings.Cut(w.Answer, start); ok {
					answer = before + start + "other1" + after[strings.Index(after, `"`):]
				}
			}
			require.NotEmpty(t, answer, "%s of %s is nowhere", member, name)
			got, err := w.Call(t.Context(), once(t, signed(200, answer)))
			unknown, ok := errors.AsType[*wxpay.UnknownError](err)
			if assert.True(t, ok, "%s with another %s: %v", name, member, err) {
				assert.Equal(t, w.Route, unknown.Route)
				assert.NotContains(t, err.Error(), "other1")
				assert.NotContains(t, err.Error(), "\n")
			}
			assert.Nil(t, got, "%s with another %s", name, member)
		}
	}
}

// The genuine answer to a query is about the right stock and shows nothing of the change.
func TestAnswersThatShowNoChange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, new string }{
		{"DeactivateProductCoupon", `"deactivate_request_no":"34657_20250101_123456",`, ``},
		{"DeactivateStock", `"deactivate_request_no":"34657_20250101_123456",`, ``},
		{"UpdateStockBudget", `"max_count":100000`, `"max_count":50000`},
		{"CreateProductCoupon", `"product_coupon_id":"1000000013",`, ``},
		{"CreateProductCoupon", `"discount_amount":100`, `"discount_amount":10`},
		{"CreateProductCoupon", `"max_count":100000`, `"max_count":50000`},
		{"CreateProductCoupon with a bundle", `"count":3`, `"count":4`},
		{"CreateProductCoupon with a bundle", `"max_count":100000`, `"max_count":50000`},
		{"CreateStock", `"stock_id":"1000000013001",`, ``},
		{"CreateStock", `"max_count":100000`, `"max_count":50000`},
		{"CreateStock", `"max_count_per_day":10000`, `"max_count_per_day":1`},
		{"CreateStock", `"max_count_per_user":5`, `"max_count_per_user":1`},
		{"CreateStockBundle", `{"stock_bundle_id":"712315129419284901",`, `{`},
		{"CreateStockBundle", `"max_count":100000`, `"max_count":50000`},
		{"UpdateStockBundleBudget", `"max_count":100000`, `"max_count":50000`},
	} {
		w := calls()[test.name]
		answer := strings.Replace(w.Answer, test.old, test.new, 1)
		require.NotEqual(t, w.Answer, answer, test.name)
		got, err := w.Call(t.Context(), once(t, signed(200, answer)))
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", test.name, err)
		assert.Nil(t, got)
		if strings.HasPrefix(test.name, "Deactivate") { // the state can be that of another number
			answer = strings.NewReplacer(`"state":"SENDING"`, `"state":"DEACTIVATED"`, `"state":"EFFECTIVE"`, `"state":"DEACTIVATED"`).Replace(answer)
			_, err = w.Call(t.Context(), once(t, signed(200, answer)))
			assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", test.name, err)
		}
	}
	for _, name := range []string{"CreateStockBundle", "UpdateStockBundle", "UpdateStockBundleBudget"} {
		_, err := calls()[name].Call(t.Context(), once(t, signed(200, `{"stock_bundle_id":"712315129419284901","stock_list":[]}`)))
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", name, err)
	}
	perDay := productcoupon.UpdateStockBudgetParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number,
		UpdateMode: productcoupon.BudgetModeMaxCountPerDay, CurrentMaxCountPerDay: 1, TargetMaxCountPerDay: 9999}
	_, err := answers(S.UpdateStockBudget)(perDay)(t.Context(), once(t, signed(200, stockText)))
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	perDay.TargetMaxCountPerDay = 10000
	_, err = answers(S.UpdateStockBudget)(perDay)(t.Context(), once(t, signed(200, stockText)))
	assert.NoError(t, err)
}

// What brands are told has the route of their own door.
func TestStoresOfAnotherBrandCall(t *testing.T) {
	t.Parallel()
	w := calls()["AssociateStores"]
	answer := signed(200, `{"total_count":1,"success_store_list":[{"store_id":"other1"}]}`)
	got, err := w.Call(t.Context(), platformtest.BrandClient(t, platformtest.Trip(answer)))
	unknown, ok := errors.AsType[*wxpay.UnknownError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, strings.Replace(w.Route, partner, brand, 1), unknown.Route)
	assert.Nil(t, got)
}

// Whatever comes back in place of a genuine answer to this very call says nothing of what was done.
func TestAnswersNobodyCanTrust(t *testing.T) {
	t.Parallel()
	for name, w := range everyCall() {
		genuine := signed(200, w.Answer)
		var first *http.Response
		for what, answer := range map[string]func(*http.Request) (*http.Response, error){
			"lost": func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			"forged": func(req *http.Request) (*http.Response, error) {
				resp, err := genuine(req)
				resp.Header.Set("Wechatpay-Signature", "Zm9yZ2Vk")
				return resp, err
			},
			"changed": func(req *http.Request) (*http.Response, error) {
				resp, err := genuine(req)
				resp.Body = io.NopCloser(strings.NewReader(w.Answer + " "))
				resp.ContentLength++
				return resp, err
			},
			"replayed": func(req *http.Request) (*http.Response, error) {
				if first == nil {
					var err error
					if first, err = genuine(req); err != nil {
						return nil, err
					}
				}
				return &http.Response{StatusCode: 200, Header: first.Header, Request: req, ContentLength: int64(len(w.Answer)),
					Body: io.NopCloser(strings.NewReader(w.Answer))}, nil
			},
			"a refusal that nobody signed": func(req *http.Request) (*http.Response, error) {
				resp, err := signed(400, `{"code":"INVALID_REQUEST","message":"x"}`)(req)
				resp.Header = http.Header{}
				return resp, err
			},
		} {
			client := once(t, answer)
			if what == "replayed" {
				_, err := w.Call(t.Context(), client)
				require.NoError(t, err)
			}
			got, err := w.Call(t.Context(), client)
			require.Error(t, err, "%s %s", name, what)
			assert.Nil(t, got, "%s %s", name, what)
			if _, read := strings.CutPrefix(w.Route, "GET "); !read || what != "a refusal that nobody signed" {
				assert.True(t, wxpay.OutcomeUnknown(err), "%s %s: %v", name, what, err)
			}
		}
	}
}
