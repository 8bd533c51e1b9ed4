package productcoupon_test

import (
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// The samples of the documents, on the wire and as values. What a stock is made of:
const (
	sendRuleText = `{"max_count":100000,"max_count_per_day":10000,"max_count_per_user":5}`
	periodText   = `{
		"available_begin_time": "2025-08-01T00:00:00+08:00",
		"available_end_time": "2025-08-31T23:59:59+08:00",
		"available_days": 30,
		"wait_days_after_receive": 1,
		"weekly_available_period": {"day_list": ["MONDAY"], "day_period_list": [{"begin_time": 60, "end_time": 86399}]}
	}`
	usageText = `{
		"coupon_usage_method_list": ["OFFLINE", "MINI_PROGRAM"],
		"mini_program_appid": "wx1234567890",
		"mini_program_path": "/pages/index/product",
		"usage_description": "工作日可用",
		"coupon_available_store_info": {
			"description": "所有门店可用，可使用小程序查看门店列表",
			"mini_program_appid": "wx1234567890",
			"mini_program_path": "/pages/index/store-list"
		}
	}`
	lookText = `{
		"code_display_mode": "QRCODE",
		"background_color": "Color020",
		"entrance_mini_program": {
			"appid": "wx1234567890", "path": "/pages/index/product", "entrance_wording": "欢迎选购", "guidance_wording": "获取更多优惠"
		},
		"entrance_official_account": {"appid": "wx1234567890"},
		"entrance_finder": {
			"finder_id": "gh_12345678", "finder_video_id": "UDFsdf24df34dD456Hdf34",
			"finder_video_cover_image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"
		}
	}`
	displayText = `{
		"name": "全场满100立打8折",
		"image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
		"background_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
		"detail_image_url_list": ["https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"],
		"original_price": 0,
		"combo_package_list": [{"name": "咖啡2选1", "pick_count": 3, "choice_list": [{
			"name": "美式", "price": 10000, "count": 2, "image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
			"mini_program_appid": "wx4fd12345678", "mini_program_path": "/pages/index/index"
		}]}]
	}`
	commonText = `"remark":"疯狂星期四项目专用","coupon_code_mode":"UPLOAD","stock_send_rule":` + sendRuleText + `,"usage_rule_display_info":` + usageText +
		`,"coupon_display_info":` + lookText + `,"notify_config":{"notify_appid":"wx4fd12345678"},"store_scope":"SPECIFIC"`
	newStockText  = `{` + commonText + `,"single_usage_rule":{"coupon_available_period":` + periodText + `}}`
	newBundleText = `{` + commonText + `,"progressive_bundle_usage_rule":{"coupon_available_period":` + periodText + `,"normal_coupon_list":[
		{"threshold":10000,"discount_amount":100},{"threshold":10000,"discount_amount":200},{"threshold":10000,"discount_amount":300}]}}`

	anyStockText = commonText + `,"product_coupon_id":"1000000013","stock_id":"1000000013001","coupon_code_count_info":{"total_count":10000,"available_count":999},
		"sent_count_info":{"total_count":50,"today_count":5},"state":"SENDING","deactivate_request_no":"34657_20250101_123456",
		"deactivate_time":"2025-08-31T23:59:59+08:00","deactivate_reason":"批次信息有误，重新创建","brand_id":"120344"`
	stockText  = `{` + anyStockText + `,"single_usage_rule":{"coupon_available_period":` + periodText + `}}`
	bundleText = `{"stock_bundle_id":"712315129419284901","stock_list":[{` + anyStockText + `,"progressive_bundle_usage_rule":{"coupon_available_period":` + periodText + `,
		"normal_coupon":{"threshold":10000,"discount_amount":100}},"stock_bundle_info":{"stock_bundle_id":"712315129419284901","stock_bundle_index":0}}]}`

	anyCouponText = `"product_coupon_id":"1000000013","scope":"ALL","type":"NORMAL","usage_mode":"SINGLE","single_usage_info":{"normal_coupon":{"threshold":10000,
		"discount_amount":100}},"display_info":` + displayText + `,"out_product_no":"Product_1234567890","state":"EFFECTIVE","brand_id":"120344"`
	couponText = `{` + anyCouponText + `,"deactivate_request_no":"34657_20250101_123456","deactivate_time":"2025-08-31T23:59:59+08:00",
		"deactivate_reason":"批次信息有误，重新创建"}`
)

var (
	sendRule = productcoupon.StockSendRule{MaxCount: 100000, MaxCountPerDay: 10000, MaxCountPerUser: 5}
	period   = productcoupon.AvailablePeriod{
		AvailableBeginTime:   at("2025-08-01T00:00:00+08:00"),
		AvailableEndTime:     at("2025-08-31T23:59:59+08:00"),
		AvailableDays:        30,
		WaitDaysAfterReceive: 1,
		WeeklyAvailablePeriod: productcoupon.WeeklyPeriod{
			DayList:       []productcoupon.DayOfWeek{productcoupon.DayOfWeekMonday},
			DayPeriodList: []productcoupon.DayPeriod{{BeginTime: 60, EndTime: 86399}},
		},
	}
	usage = productcoupon.UsageRuleDisplayInfo{
		CouponUsageMethodList: []productcoupon.CouponUsageMethod{productcoupon.CouponUsageMethodOffline, productcoupon.CouponUsageMethodMiniProgram},
		MiniProgramAppID:      "wx1234567890",
		MiniProgramPath:       "/pages/index/product",
		UsageDescription:      "工作日可用",
		CouponAvailableStoreInfo: productcoupon.AvailableStoreInfo{
			Description: "所有门店可用，可使用小程序查看门店列表", MiniProgramAppID: "wx1234567890", MiniProgramPath: "/pages/index/store-list",
		},
	}
	look = productcoupon.CouponDisplayInfo{
		CodeDisplayMode: productcoupon.CodeDisplayModeQRCode,
		BackgroundColor: productcoupon.BackgroundColor020,
		EntranceMiniProgram: productcoupon.EntranceMiniProgram{
			AppID: "wx1234567890", Path: "/pages/index/product", EntranceWording: "欢迎选购", GuidanceWording: "获取更多优惠",
		},
		EntranceOfficialAccount: productcoupon.EntranceOfficialAccount{AppID: "wx1234567890"},
		EntranceFinder: productcoupon.EntranceFinder{
			FinderID: "gh_12345678", FinderVideoID: "UDFsdf24df34dD456Hdf34", FinderVideoCoverImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
		},
	}
	display = productcoupon.DisplayInfo{
		Name:               "全场满100立打8折",
		ImageURL:           "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
		BackgroundURL:      "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
		DetailImageURLList: []string{"https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx"},
		OriginalPrice:      new(wxpay.Fen(0)),
		ComboPackageList: []productcoupon.ComboPackage{{Name: "咖啡2选1", PickCount: 3, ChoiceList: []productcoupon.ComboChoice{{
			Name: "美式", Price: 10000, Count: 2, ImageURL: "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/xxx",
			MiniProgramAppID: "wx4fd12345678", MiniProgramPath: "/pages/index/index",
		}}}},
	}
	newStock = productcoupon.NewStock{
		Remark: "疯狂星期四项目专用", CouponCodeMode: productcoupon.CouponCodeModeUpload, StockSendRule: sendRule, UsageRuleDisplayInfo: usage,
		CouponDisplayInfo: look, NotifyConfig: productcoupon.StockNotifyConfig{NotifyAppID: "wx4fd12345678"}, StoreScope: productcoupon.StoreSpecific,
		SingleUsageRule: productcoupon.SingleUsageRule{CouponAvailablePeriod: period},
	}
	newBundle = productcoupon.NewStockBundle{
		Remark: "疯狂星期四项目专用", CouponCodeMode: productcoupon.CouponCodeModeUpload, StockSendRule: sendRule, UsageRuleDisplayInfo: usage,
		CouponDisplayInfo: look, NotifyConfig: productcoupon.StockNotifyConfig{NotifyAppID: "wx4fd12345678"}, StoreScope: productcoupon.StoreSpecific,
		ProgressiveBundleUsageRule: productcoupon.ProgressiveBundleUsageRule{CouponAvailablePeriod: period, NormalCouponList: []productcoupon.NormalCoupon{
			{Threshold: 10000, DiscountAmount: 100}, {Threshold: 10000, DiscountAmount: 200}, {Threshold: 10000, DiscountAmount: 300}}},
	}
	stock = productcoupon.Stock{
		ProductCouponID: "1000000013", StockID: "1000000013001", BrandID: "120344", State: productcoupon.StockSending,
		Remark: "疯狂星期四项目专用", CouponCodeMode: productcoupon.CouponCodeModeUpload, StockSendRule: sendRule, UsageRuleDisplayInfo: usage,
		CouponDisplayInfo: look, NotifyConfig: productcoupon.StockNotifyConfig{NotifyAppID: "wx4fd12345678"}, StoreScope: productcoupon.StoreSpecific,
		CouponCodeCountInfo: productcoupon.CodeCountInfo{TotalCount: 10000, AvailableCount: new(int64(999))},
		SentCountInfo:       productcoupon.SentCountInfo{TotalCount: 50, TodayCount: 5},
		DeactivateRequestNo: "34657_20250101_123456", DeactivateTime: at("2025-08-31T23:59:59+08:00"), DeactivateReason: "批次信息有误，重新创建",
		SingleUsageRule: productcoupon.SingleUsageRule{CouponAvailablePeriod: period},
	}
	bundle = productcoupon.StockBundle{StockBundleID: "712315129419284901", StockList: []productcoupon.Stock{inBundle(stock)}}
	coupon = productcoupon.ProductCoupon{
		ProductCouponID: "1000000013", Scope: productcoupon.ScopeAll, Type: productcoupon.CouponNormal, UsageMode: productcoupon.UsageModeSingle,
		SingleUsageInfo: productcoupon.SingleUsageInfo{NormalCoupon: productcoupon.NormalCoupon{Threshold: 10000, DiscountAmount: 100}},
		DisplayInfo:     display, OutProductNo: "Product_1234567890", State: productcoupon.ProductCouponEffective, BrandID: "120344",
		DeactivateRequestNo: "34657_20250101_123456", DeactivateTime: at("2025-08-31T23:59:59+08:00"), DeactivateReason: "批次信息有误，重新创建",
	}
)

// inBundle is the same stock as one of a bundle.
func inBundle(s productcoupon.Stock) productcoupon.Stock {
	s.SingleUsageRule = productcoupon.SingleUsageRule{}
	s.ProgressiveBundleUsageRule = productcoupon.StockUsageRule{
		CouponAvailablePeriod: period, NormalCoupon: productcoupon.NormalCoupon{Threshold: 10000, DiscountAmount: 100}}
	s.StockBundleInfo = productcoupon.StockBundleInfo{StockBundleID: "712315129419284901"}
	return s
}
