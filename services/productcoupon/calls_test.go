package productcoupon_test

import (
	"testing"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// The names in the samples.
const (
	brandID  = "120344"
	couponID = "1000000013"
	stockID  = "1000000013001"
	bundleID = "712315129419284901"
	number   = "34657_20250101_123456"
	taskID   = "image_generation_task_1"

	coupons     = "/product-coupons/1000000013"
	couponRoute = "/product-coupons/{product_coupon_id}"
	stocks      = coupons + "/stocks/1000000013001"
	stockRoute  = couponRoute + "/stocks/{stock_id}"
	bundles     = coupons + "/stock-bundles/712315129419284901"
	bundleRoute = couponRoute + "/stock-bundles/{stock_bundle_id}"
)

func created() productcoupon.CreateProductCouponParams {
	return productcoupon.CreateProductCouponParams{
		BrandID: brandID, OutRequestNo: "12345_20250101_A3489", Scope: productcoupon.ScopeAll, Type: productcoupon.CouponNormal,
		UsageMode: productcoupon.UsageModeSingle, SingleUsageInfo: coupon.SingleUsageInfo, DisplayInfo: display,
		OutProductNo: "Product_1234567890", Stock: newStock,
	}
}

func createdBundle() productcoupon.CreateProductCouponParams {
	p := created()
	p.UsageMode, p.SingleUsageInfo, p.Stock, p.StockBundle = productcoupon.UsageModeProgressiveBundle, productcoupon.SingleUsageInfo{}, productcoupon.NewStock{}, newBundle
	p.ProgressiveBundleUsageInfo = productcoupon.ProgressiveBundleUsageInfo{Count: 3}
	return p
}

// calls are those of images, addresses, coupons, stocks and bundles, as the documents have them.
func calls() map[string]platformtest.Wire {
	list := productcoupon.ListStocksParams{ProductCouponID: couponID, BrandID: brandID, State: productcoupon.StockSending, StockBundleID: bundleID,
		PageSize: 50, PageToken: "MTIzMjUK"}
	stores := []productcoupon.Store{{StoreID: "100000001"}, {StoreID: "100000002"}}
	const storesBody = `{"brand_id":"120344","store_list":[{"store_id":"100000001"},{"store_id":"100000002"}]}`
	const storesAnswer = `{"total_count":2,"success_store_list":[{"store_id":"100000001"}],"failed_store_list":[
		{"store_id":"100000002","code":"INVALID_REQUEST","message":"门店不存在"}]}`
	storesResult := &productcoupon.StoresResult{TotalCount: 2, SuccessStoreList: stores[:1], FailedStoreList: []productcoupon.FailedStore{
		{StoreID: "100000002", Code: "INVALID_REQUEST", Message: "门店不存在"}}}
	const budgetBody = `{"brand_id":"120344","out_request_no":"34657_20250101_123456","update_mode":"MAX_COUNT",
		"current_max_count":50000,"target_max_count":100000}`
	const updateBody = `{"brand_id":"120344","out_request_no":"34657_20250101_123456","remark":"疯狂星期四项目专用","usage_rule_display_info":` + usageText +
		`,"coupon_display_info":` + lookText + `,"notify_config":{"notify_appid":"wx4fd12345678"},"store_scope":"SPECIFIC"}`
	const deactivateBody = `{"brand_id":"120344","out_request_no":"34657_20250101_123456","deactivate_reason":"批次信息有误，重新创建"}`
	return map[string]platformtest.Wire{
		"GetImageTask": {
			Call: answers(S.GetImageTask)(productcoupon.GetImageTaskParams{TaskID: taskID, BrandID: brandID,
				ImageGenerationType: productcoupon.ImageGenerationCombineImage}),
			Request: "GET " + partner + "/image-generation-tasks/image_generation_task_1", Route: "GET " + partner + "/image-generation-tasks/{task_id}",
			Query: "brand_id=120344&image_generation_type=COMBINE_IMAGE",
			Answer: `{"brand_id":"120344","task_id":"image_generation_task_1","image_generation_type":"COMBINE_IMAGE","task_state":"SUCCESS",
				"combine_image_result":{"image_url":"https://wxpaylogo.qpic.cn/wxpaylogo/example.jpg"},
				"cut_out_result":{"image_url":"https://wxpaylogo.qpic.cn/wxpaylogo/other.jpg"}}`,
			Want: &productcoupon.ImageTask{BrandID: brandID, TaskID: taskID, ImageGenerationType: productcoupon.ImageGenerationCombineImage,
				TaskState:          productcoupon.ImageTaskSuccess,
				CombineImageResult: productcoupon.GeneratedImage{ImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/example.jpg"},
				CutOutResult:       productcoupon.GeneratedImage{ImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/other.jpg"}},
			Enums: []string{"SUCCESS"}, Repeats: true,
		},
		"SetNotifyConfig": {
			Call:    answers(S.SetNotifyConfig)(productcoupon.SetNotifyConfigParams{NotifyURL: "https://www.example.com/notify"}),
			Request: "POST " + partner + "/notify-configs", Route: "POST " + partner + "/notify-configs",
			Body:   `{"notify_url":"https://www.example.com/notify"}`,
			Answer: `{"notify_url":"https://www.example.com/notify","update_time":"2015-05-20T13:29:35+08:00"}`,
			Want:   &productcoupon.NotifyAddress{NotifyURL: "https://www.example.com/notify", UpdateTime: at("2015-05-20T13:29:35+08:00")},
		},
		"CreateProductCoupon": {
			Call:    answers(S.CreateProductCoupon)(created()),
			Request: "POST " + partner + "/product-coupons", Route: "POST " + partner + "/product-coupons",
			Body: `{"brand_id":"120344","out_request_no":"12345_20250101_A3489","scope":"ALL","type":"NORMAL","usage_mode":"SINGLE","single_usage_info":{
				"normal_coupon":{"threshold":10000,"discount_amount":100}},"display_info":` + displayText + `,"out_product_no":"Product_1234567890",
				"stock":` + newStockText + `}`,
			Answer: `{` + anyCouponText + `,"stock":` + stockText + `}`,
			Want: &productcoupon.CreatedProductCoupon{ProductCouponID: couponID, Scope: coupon.Scope, Type: coupon.Type, UsageMode: coupon.UsageMode,
				SingleUsageInfo: coupon.SingleUsageInfo, DisplayInfo: display, OutProductNo: coupon.OutProductNo, State: coupon.State, Stock: stock, BrandID: brandID},
			Enums: []string{"EFFECTIVE", "SENDING"}, Repeats: true,
		},
		"CreateProductCoupon with a bundle": {
			Call:    answers(S.CreateProductCoupon)(createdBundle()),
			Request: "POST " + partner + "/product-coupons", Route: "POST " + partner + "/product-coupons",
			Body: `{"brand_id":"120344","out_request_no":"12345_20250101_A3489","scope":"ALL","type":"NORMAL","usage_mode":"PROGRESSIVE_BUNDLE",
				"progressive_bundle_usage_info":{"count":3,"interval_days":0},"display_info":` + displayText + `,"out_product_no":"Product_1234567890",
				"stock_bundle":` + newBundleText + `}`,
			Answer: `{"product_coupon_id":"1000000013","scope":"ALL","type":"NORMAL","usage_mode":"PROGRESSIVE_BUNDLE","progressive_bundle_usage_info":{
				"count":3,"interval_days":0},"display_info":` + displayText + `,"state":"AUDITING","brand_id":"120344","stock_bundle":` + bundleText + `}`,
			Want: &productcoupon.CreatedProductCoupon{ProductCouponID: couponID, Scope: coupon.Scope, Type: coupon.Type,
				UsageMode:                  productcoupon.UsageModeProgressiveBundle,
				ProgressiveBundleUsageInfo: productcoupon.ProgressiveBundleUsageInfo{Count: 3}, DisplayInfo: display,
				State: productcoupon.ProductCouponAuditing, StockBundle: bundle, BrandID: brandID},
			Repeats: true,
		},
		"GetProductCoupon": {
			Call:    answers(S.GetProductCoupon)(productcoupon.GetProductCouponParams{ProductCouponID: couponID, BrandID: brandID}),
			Request: "GET " + partner + coupons, Route: "GET " + partner + couponRoute, Query: "brand_id=120344",
			Answer: couponText, Want: &coupon, Enums: []string{"ALL", "NORMAL", "SINGLE", "EFFECTIVE"}, Repeats: true,
		},
		"UpdateProductCoupon": {
			Call: answers(S.UpdateProductCoupon)(productcoupon.UpdateProductCouponParams{ProductCouponID: couponID, BrandID: brandID, OutRequestNo: number,
				DisplayInfo: display}),
			Request: "PATCH " + partner + coupons, Route: "PATCH " + partner + couponRoute,
			Body:   `{"brand_id":"120344","out_request_no":"34657_20250101_123456","display_info":` + displayText + `}`,
			Answer: couponText, Want: &coupon, Repeats: true,
		},
		"DeactivateProductCoupon": {
			Call: answers(S.DeactivateProductCoupon)(productcoupon.DeactivateProductCouponParams{ProductCouponID: couponID, BrandID: brandID,
				OutRequestNo: number, DeactivateReason: "批次信息有误，重新创建"}),
			Request: "POST " + partner + coupons + "/deactivate", Route: "POST " + partner + couponRoute + "/deactivate",
			Body: deactivateBody, Answer: couponText, Want: &coupon, Repeats: true,
		},
		"CreateStock": {
			Call: answers(S.CreateStock)(productcoupon.CreateStockParams{ProductCouponID: couponID, BrandID: brandID, OutRequestNo: number,
				Stock: newStock}),
			Request: "POST " + partner + coupons + "/stocks", Route: "POST " + partner + couponRoute + "/stocks",
			Body:   `{"brand_id":"120344","out_request_no":"34657_20250101_123456","stock":` + newStockText + `}`,
			Answer: stockText, Want: &stock, Enums: []string{"MONDAY", "OFFLINE", "SENDING"}, Repeats: true,
		},
		"ListStocks": {
			Call:    answers(S.ListStocks)(list),
			Request: "GET " + partner + coupons + "/stocks", Route: "GET " + partner + couponRoute + "/stocks",
			Query:   "brand_id=120344&state=SENDING&stock_bundle_id=712315129419284901&page_size=50&page_token=MTIzMjUK",
			Answer:  `{"total_count":100,"stock_list":[` + stockText + `],"next_page_token":"MTIzNDUK"}`,
			Want:    &wxpay.Page[productcoupon.Stock]{Items: []productcoupon.Stock{stock}, Total: 100, Next: &wxpay.Cursor{Token: "MTIzNDUK"}},
			Repeats: true,
		},
		"GetStock": {
			Call:    answers(S.GetStock)(productcoupon.GetStockParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID}),
			Request: "GET " + partner + stocks, Route: "GET " + partner + stockRoute, Query: "brand_id=120344",
			Answer: stockText, Want: &stock, Enums: []string{"UPLOAD", "QRCODE", "SPECIFIC"}, Repeats: true,
		},
		"UpdateStock": {
			Call: answers(S.UpdateStock)(productcoupon.UpdateStockParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number,
				Remark: stock.Remark, UsageRuleDisplayInfo: usage, CouponDisplayInfo: look, NotifyConfig: stock.NotifyConfig, StoreScope: stock.StoreScope}),
			Request: "PATCH " + partner + stocks, Route: "PATCH " + partner + stockRoute, Body: updateBody, Answer: stockText, Want: &stock, Repeats: true,
		},
		"DeactivateStock": {
			Call: answers(S.DeactivateStock)(productcoupon.DeactivateStockParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
				OutRequestNo: number, DeactivateReason: "批次信息有误，重新创建"}),
			Request: "POST " + partner + stocks + "/deactivate", Route: "POST " + partner + stockRoute + "/deactivate",
			Body: deactivateBody, Answer: stockText, Want: &stock, Repeats: true,
		},
		"UpdateStockBudget": {
			Call: answers(S.UpdateStockBudget)(productcoupon.UpdateStockBudgetParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
				OutRequestNo: number, UpdateMode: productcoupon.BudgetModeMaxCount, CurrentMaxCount: 50000, TargetMaxCount: 100000}),
			Request: "POST " + partner + stocks + "/update-budget", Route: "POST " + partner + stockRoute + "/update-budget",
			Body: budgetBody, Answer: stockText, Want: &stock, Repeats: true,
		},
		"AssociateStores": {
			Call: answers(S.AssociateStores)(productcoupon.AssociateStoresParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
				StoreList: stores}),
			Request: "POST " + partner + stocks + "/associate-stores", Route: "POST " + partner + stockRoute + "/associate-stores",
			Body: storesBody, Answer: storesAnswer, Want: storesResult, Repeats: true,
		},
		"DisassociateStores": {
			Call: answers(S.DisassociateStores)(productcoupon.DisassociateStoresParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
				StoreList: stores}),
			Request: "POST " + partner + stocks + "/disassociate-stores", Route: "POST " + partner + stockRoute + "/disassociate-stores",
			Body: storesBody, Answer: storesAnswer, Want: storesResult,
		},
		"ListAssociatedStores": {
			Call:    answers(S.ListAssociatedStores)(productcoupon.ListAssociatedStoresParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID}),
			Request: "GET " + partner + stocks + "/associated-stores", Route: "GET " + partner + stockRoute + "/associated-stores",
			Query: "brand_id=120344&page_size=20", Answer: `{"total_count":1,"store_list":[{"store_id":"100000001"}]}`,
			Want: &wxpay.Page[productcoupon.Store]{Items: stores[:1], Total: 1}, Repeats: true,
		},
		"UploadCouponCodes": {
			Call: answers(S.UploadCouponCodes)(productcoupon.UploadCouponCodesParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
				OutRequestNo: "upload_34657_20250101_123456", CodeList: []string{"code_0000001", "code_0000002", "code_0000003", "code_0000004"}}),
			Request: "POST " + partner + stocks + "/upload-coupon-codes", Route: "POST " + partner + stockRoute + "/upload-coupon-codes",
			Body: `{"brand_id":"120344","out_request_no":"upload_34657_20250101_123456","code_list":["code_0000001","code_0000002","code_0000003","code_0000004"]}`,
			Answer: `{"total_count":4,"success_code_list":["code_0000001"],"failed_code_list":[{"coupon_code":"code_0000003","code":"INVALID_REQUEST",
				"message":"券Code格式错误"}],"already_exist_code_list":["code_0000002"],"duplicate_code_list":["code_0000004"]}`,
			Want: &productcoupon.UploadCouponCodesResult{TotalCount: 4, SuccessCodeList: []string{"code_0000001"},
				FailedCodeList:       []productcoupon.FailedCode{{CouponCode: "code_0000003", Code: "INVALID_REQUEST", Message: "券Code格式错误"}},
				AlreadyExistCodeList: []string{"code_0000002"}, DuplicateCodeList: []string{"code_0000004"}},
			Repeats: true,
		},
		"CreateStockBundle": {
			Call: answers(S.CreateStockBundle)(productcoupon.CreateStockBundleParams{ProductCouponID: couponID, BrandID: brandID, OutRequestNo: number,
				StockBundle: newBundle}),
			Request: "POST " + partner + coupons + "/stock-bundles", Route: "POST " + partner + couponRoute + "/stock-bundles",
			Body:   `{"brand_id":"120344","out_request_no":"34657_20250101_123456","stock_bundle":` + newBundleText + `}`,
			Answer: bundleText, Want: &bundle, Repeats: true,
		},
		"UpdateStockBundle": {
			Call: answers(S.UpdateStockBundle)(productcoupon.UpdateStockBundleParams{ProductCouponID: couponID, StockBundleID: bundleID, BrandID: brandID,
				OutRequestNo: number, Remark: stock.Remark, UsageRuleDisplayInfo: usage, CouponDisplayInfo: look, NotifyConfig: stock.NotifyConfig,
				StoreScope: stock.StoreScope}),
			Request: "PATCH " + partner + bundles, Route: "PATCH " + partner + bundleRoute, Body: updateBody, Answer: bundleText, Want: &bundle, Repeats: true,
		},
		"UpdateStockBundleBudget": {
			Call: answers(S.UpdateStockBundleBudget)(productcoupon.UpdateStockBundleBudgetParams{ProductCouponID: couponID, StockBundleID: bundleID,
				BrandID: brandID, OutRequestNo: number, UpdateMode: productcoupon.BudgetModeMaxCount, CurrentMaxCount: 50000, TargetMaxCount: 100000}),
			Request: "POST " + partner + bundles + "/update-budget", Route: "POST " + partner + bundleRoute + "/update-budget",
			Body: budgetBody, Answer: bundleText, Want: &bundle, Repeats: true,
		},
		"AssociateBundleStores": {
			Call: answers(S.AssociateBundleStores)(productcoupon.AssociateBundleStoresParams{ProductCouponID: couponID, StockBundleID: bundleID,
				BrandID: brandID, StoreList: stores}),
			Request: "POST " + partner + bundles + "/associate-stores", Route: "POST " + partner + bundleRoute + "/associate-stores",
			Body: storesBody, Answer: storesAnswer, Want: storesResult,
		},
		"DisassociateBundleStores": {
			Call: answers(S.DisassociateBundleStores)(productcoupon.DisassociateBundleStoresParams{ProductCouponID: couponID, StockBundleID: bundleID,
				BrandID: brandID, StoreList: stores}),
			Request: "POST " + partner + bundles + "/disassociate-stores", Route: "POST " + partner + bundleRoute + "/disassociate-stores",
			Body: storesBody, Answer: storesAnswer, Want: storesResult,
		},
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	for name, w := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothDoors(t, w)
		})
	}
}
