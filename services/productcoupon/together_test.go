package productcoupon_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// A trial is a change to params that pass, and the member that is refused for it; empty: none is.
type trial[P any] struct {
	name   string
	change func(*P)
	param  string
}

// try makes the call with each change, as a service provider and as a brand. What is refused is not sent.
func try[P, R any](t *testing.T, method func(S, context.Context, P) (*R, error), good func() P, trials ...trial[P]) {
	t.Helper()
	for _, test := range trials {
		for who, client := range map[string]func(testing.TB, http.RoundTripper) *wxpay.Client{"partner": platformtest.Client, "brand": platformtest.BrandClient} {
			p, sent := good(), 0
			test.change(&p)
			_, err := method(productcoupon.New(client(t, platformtest.Trip(func(req *http.Request) (*http.Response, error) {
				sent++
				return signed(403, `{"code":"NO_AUTH","message":"x"}`)(req)
			}))), t.Context(), p)
			refused, local := errors.AsType[*wxpay.ParamError](err)
			switch {
			case test.param == "":
				assert.ErrorIs(t, err, wxpay.CodeNoAuth, "%s by a %s", test.name, who)
			case assert.True(t, local, "%s by a %s: %v", test.name, who, err):
				assert.Equal(t, test.param, refused.Param, "%s by a %s", test.name, who)
				assert.Equal(t, who == "brand", strings.Contains(refused.Route, "/brand/"), refused.Route)
				assert.Zero(t, sent)
			}
		}
	}
}

// choice is a set of one product, which opens a mini program.
func choice(appID, path string) []productcoupon.ComboPackage {
	return []productcoupon.ComboPackage{{Name: "n", PickCount: 1, ChoiceList: []productcoupon.ComboChoice{
		{Name: "n", Count: 1, MiniProgramAppID: appID, MiniProgramPath: path}}}}
}

func TestCreateProductCouponTogether(t *testing.T) {
	t.Parallel()
	type P = productcoupon.CreateProductCouponParams
	single := func(p *P) { // with the discount where scope SINGLE has it
		p.Scope, p.SingleUsageInfo = productcoupon.ScopeSingle, productcoupon.SingleUsageInfo{}
		p.Stock.SingleUsageRule.NormalCoupon = productcoupon.NormalCoupon{Threshold: 10000, DiscountAmount: 100}
	}
	try(t, S.CreateProductCoupon, created, []trial[P]{
		{"as it is", func(*P) {}, ""},
		{"no stock", func(p *P) { p.Stock = productcoupon.NewStock{} }, "stock.coupon_code_mode"},
		{"a bundle instead", func(p *P) { p.Stock, p.StockBundle = productcoupon.NewStock{}, newBundle }, "stock.coupon_code_mode"},
		{"a mode not heard of", func(p *P) { p.UsageMode, p.Stock = "TOMORROW", productcoupon.NewStock{} }, ""},
		{"scope CATEGORY", func(p *P) { p.Scope, p.SingleUsageInfo = productcoupon.ScopeCategory, productcoupon.SingleUsageInfo{} }, ""},
		{"no discount", func(p *P) { p.SingleUsageInfo = productcoupon.SingleUsageInfo{} }, "single_usage_info.normal_coupon"},
		{"that of another type", func(p *P) { p.Type = productcoupon.CouponDiscount }, "single_usage_info.discount_coupon"},
		{"that of another scope", func(p *P) { single(p); p.Scope = productcoupon.ScopeAll }, "single_usage_info.normal_coupon"},
		{"more off than is paid", func(p *P) { p.SingleUsageInfo.NormalCoupon.DiscountAmount = 10001 }, "single_usage_info.normal_coupon.discount_amount"},
		{"as much off as is paid", func(p *P) { p.SingleUsageInfo.NormalCoupon.DiscountAmount = 10000 }, ""},
		{"without a threshold", func(p *P) { p.SingleUsageInfo.NormalCoupon.Threshold = 0 }, ""},
		{"a type not heard of", func(p *P) { p.Type, p.SingleUsageInfo = "TOMORROW", productcoupon.SingleUsageInfo{} }, ""},
		{"for a product", single, ""},
		{"for a product, no discount", func(p *P) { single(p); p.Stock.SingleUsageRule.NormalCoupon = productcoupon.NormalCoupon{} }, "stock.single_usage_rule.normal_coupon"},
		{"for a product, no exchange", func(p *P) { single(p); p.Type = productcoupon.CouponExchange }, "stock.single_usage_rule.exchange_coupon"},
		{"for a product, for nothing", func(p *P) {
			single(p)
			p.Type, p.Stock.SingleUsageRule.ExchangeCoupon = productcoupon.CouponExchange, &productcoupon.ExchangeCoupon{}
		}, ""},
		{"a price below nothing", func(p *P) { p.Stock.SingleUsageRule.ExchangeCoupon = &productcoupon.ExchangeCoupon{ExchangePrice: -1} },
			"stock.single_usage_rule.exchange_coupon.exchange_price"},
		{"for a product, no price", func(p *P) { single(p); p.DisplayInfo.OriginalPrice = nil }, "display_info.original_price"},
		{"no price", func(p *P) { p.DisplayInfo.OriginalPrice = nil }, ""},
		{"less than no price", func(p *P) { p.DisplayInfo.OriginalPrice = new(wxpay.Fen(-1)) }, "display_info.original_price"},
		{"for a product, no choices", func(p *P) { single(p); p.DisplayInfo.ComboPackageList = nil }, "display_info.combo_package_list"},
		{"no user", func(p *P) { p.Stock.StockSendRule.MaxCountPerUser = 0 }, "stock.stock_send_rule.max_count_per_user"},
		{"none at all", func(p *P) { p.Stock.StockSendRule.MaxCount = 0 }, "stock.stock_send_rule.max_count"},
		{"no way to use it", func(p *P) { p.Stock.UsageRuleDisplayInfo = productcoupon.UsageRuleDisplayInfo{UsageDescription: "d"} },
			"stock.usage_rule_display_info.coupon_usage_method_list"},
		{"no word on it", func(p *P) { p.Stock.UsageRuleDisplayInfo.UsageDescription = "" }, "stock.usage_rule_display_info.usage_description"},
		{"no look", func(p *P) { p.Stock.CouponDisplayInfo.CodeDisplayMode = "" }, "stock.coupon_display_info.code_display_mode"},
		{"no stores", func(p *P) { p.Stock.StoreScope = "" }, "stock.store_scope"},
		{"a product's AppID alone", func(p *P) { p.DisplayInfo.ComboPackageList = choice("wx1", "") },
			"display_info.combo_package_list[0].choice_list[0].mini_program_path"},
		{"a product's path alone", func(p *P) { p.DisplayInfo.ComboPackageList = choice("", "/") },
			"display_info.combo_package_list[0].choice_list[0].mini_program_appid"},
		{"a product in no mini program", func(p *P) { p.DisplayInfo.ComboPackageList = choice("", "") }, ""},
		{"nobody to notify", func(p *P) { p.Stock.NotifyConfig.NotifyAppID = "" }, "stock.notify_config.notify_appid"},
	}...)
	try(t, S.CreateProductCoupon, createdBundle, []trial[P]{
		{"a bundle", func(*P) {}, ""},
		{"no bundle", func(p *P) { p.StockBundle = productcoupon.NewStockBundle{} }, "stock_bundle.coupon_code_mode"},
		{"a stock instead", func(p *P) { p.Stock, p.StockBundle = newStock, productcoupon.NewStockBundle{} }, "stock_bundle.coupon_code_mode"},
		{"no uses", func(p *P) { p.ProgressiveBundleUsageInfo.Count = 0 }, "progressive_bundle_usage_info.count"},
		{"a use more", func(p *P) { p.ProgressiveBundleUsageInfo.Count = 4 }, "stock_bundle.progressive_bundle_usage_rule.normal_coupon_list"},
		{"of another type", func(p *P) { p.Type = productcoupon.CouponExchange }, "stock_bundle.progressive_bundle_usage_rule.exchange_coupon_list"},
		{"of a third type", func(p *P) { p.Type = productcoupon.CouponDiscount }, "stock_bundle.progressive_bundle_usage_rule.discount_coupon_list"},
	}...)
}

func TestStocksTogether(t *testing.T) {
	t.Parallel()
	type P = productcoupon.CreateStockParams
	rule := func(p *P) *productcoupon.AvailablePeriod { return &p.Stock.SingleUsageRule.CouponAvailablePeriod }
	const at, when = "stock.usage_rule_display_info.", "stock.single_usage_rule.coupon_available_period."
	app := func(p *P, how productcoupon.AppJumpType) {
		p.Stock.UsageRuleDisplayInfo = productcoupon.UsageRuleDisplayInfo{UsageDescription: "d", AppJumpType: how,
			CouponUsageMethodList: []productcoupon.CouponUsageMethod{productcoupon.CouponUsageMethodApp}}
	}
	good := func() P { return P{ProductCouponID: couponID, BrandID: brandID, OutRequestNo: number, Stock: newStock} }
	try(t, S.CreateStock, good, []trial[P]{
		{"as it is", func(*P) {}, ""},
		{"in a mini program without AppID", func(p *P) { p.Stock.UsageRuleDisplayInfo.MiniProgramAppID = "" }, at + "mini_program_appid"},
		{"in a mini program without path", func(p *P) { p.Stock.UsageRuleDisplayInfo.MiniProgramPath = "" }, at + "mini_program_path"},
		{"in a mini program without both", func(p *P) {
			p.Stock.UsageRuleDisplayInfo.MiniProgramAppID, p.Stock.UsageRuleDisplayInfo.MiniProgramPath = "", ""
		}, at + "mini_program_appid"},
		{"stores in no mini program", func(p *P) { p.Stock.UsageRuleDisplayInfo.CouponAvailableStoreInfo.MiniProgramAppID = "" },
			at + "coupon_available_store_info.mini_program_appid"},
		{"stores on its first page", func(p *P) { p.Stock.UsageRuleDisplayInfo.CouponAvailableStoreInfo.MiniProgramPath = "" }, ""},
		{"in an app", func(p *P) { app(p, "") }, ""},
		{"in an app by a guide", func(p *P) { app(p, productcoupon.AppJumpUsageGuide) }, ""},
		{"in an app by no page", func(p *P) { app(p, productcoupon.AppJumpH5) }, at + "app_path"},
		{"in an app by no phrase", func(p *P) { app(p, productcoupon.AppJumpPasscodeLink) }, at + "passcode_link"},
		{"without a start", func(p *P) { rule(p).AvailableBeginTime = wxpay.Time{} }, when + "available_begin_time"},
		{"without an end", func(p *P) { rule(p).AvailableEndTime = wxpay.Time{} }, when + "available_end_time"},
		{"the end first", func(p *P) { rule(p).AvailableBeginTime = rule(p).AvailableEndTime }, when + "available_end_time"},
		{"to wait for no days", func(p *P) { rule(p).AvailableDays = 0 }, when + "available_days"},
		{"no wait", func(p *P) { rule(p).AvailableDays, rule(p).WaitDaysAfterReceive = 0, 0 }, ""},
	}...)
	bundles := func() productcoupon.CreateStockBundleParams {
		return productcoupon.CreateStockBundleParams{ProductCouponID: couponID, BrandID: brandID, OutRequestNo: number, StockBundle: newBundle}
	}
	try(t, S.CreateStockBundle, bundles, trial[productcoupon.CreateStockBundleParams]{"a bundle in a mini program", func(p *productcoupon.CreateStockBundleParams) {
		p.StockBundle.UsageRuleDisplayInfo.MiniProgramAppID = ""
	}, "stock_bundle.usage_rule_display_info.mini_program_appid"})
	updates := func() productcoupon.UpdateStockParams {
		return productcoupon.UpdateStockParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number}
	}
	try(t, S.UpdateStock, updates,
		trial[productcoupon.UpdateStockParams]{"nothing", func(*productcoupon.UpdateStockParams) {}, ""},
		trial[productcoupon.UpdateStockParams]{"a path alone", func(p *productcoupon.UpdateStockParams) { p.UsageRuleDisplayInfo.MiniProgramPath = "/" },
			"usage_rule_display_info.mini_program_appid"})
}

func TestBudgetsTogether(t *testing.T) {
	t.Parallel()
	type P = productcoupon.UpdateStockBudgetParams
	good := func() P {
		return P{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number, UpdateMode: productcoupon.BudgetModeMaxCount,
			CurrentMaxCount: 1, TargetMaxCount: 2}
	}
	try(t, S.UpdateStockBudget, good, []trial[P]{
		{"in all", func(*P) {}, ""},
		{"from nothing", func(p *P) { p.CurrentMaxCount = 0 }, "current_max_count"},
		{"to nothing", func(p *P) { p.TargetMaxCount = 0 }, "target_max_count"},
		{"another limit", func(p *P) { p.UpdateMode = productcoupon.BudgetModeMaxCountPerDay }, "current_max_count_per_day"},
		{"a day's to nothing", func(p *P) { p.UpdateMode, p.CurrentMaxCountPerDay = productcoupon.BudgetModeMaxCountPerDay, 1 }, "target_max_count_per_day"},
		{"a day's", func(p *P) {
			*p = P{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number, UpdateMode: productcoupon.BudgetModeMaxCountPerDay,
				CurrentMaxCountPerDay: 1, TargetMaxCountPerDay: 2}
		}, ""},
		{"a limit not heard of", func(p *P) { p.UpdateMode = "TOMORROW" }, ""},
	}...)
	try(t, S.UpdateStockBundleBudget, func() productcoupon.UpdateStockBundleBudgetParams {
		return productcoupon.UpdateStockBundleBudgetParams{ProductCouponID: couponID, StockBundleID: bundleID, BrandID: brandID, OutRequestNo: number,
			UpdateMode: productcoupon.BudgetModeMaxCount, CurrentMaxCount: 1}
	}, trial[productcoupon.UpdateStockBundleBudgetParams]{"to nothing", func(*productcoupon.UpdateStockBundleBudgetParams) {}, "target_max_count"})
}

func TestImageTasksTogether(t *testing.T) {
	t.Parallel()
	type P = productcoupon.CreateImageTaskParams
	for _, test := range []trial[P]{
		{"as it is", func(*P) {}, ""},
		{"of nothing", func(p *P) { p.CombineImage = productcoupon.CombineImage{} }, "combine_image.scope"},
		{"without its discount", func(p *P) { p.CombineImage.ExchangeCoupon = nil }, "combine_image.exchange_coupon"},
		{"below nothing", func(p *P) { p.CombineImage.ExchangeCoupon = &productcoupon.ExchangeCoupon{Threshold: -1} }, "combine_image.exchange_coupon.threshold"},
		{"cut out of nothing", func(p *P) { p.ImageGenerationType = productcoupon.ImageGenerationCutOut }, "cut_out.image_url"},
		{"a kind not heard of", func(p *P) { p.ImageGenerationType, p.CombineImage = "TOMORROW", productcoupon.CombineImage{} }, ""},
	} {
		p := combined()
		test.change(&p)
		s, bodies := answering(t, signed(200, `{"task_id":"image_generation_task_1","brand_id":"120344"}`))
		_, err := s.CreateImageTask(t.Context(), p)
		refused, _ := errors.AsType[*wxpay.ParamError](err)
		if test.param == "" {
			assert.NoError(t, err, test.name)
		} else if assert.NotNil(t, refused, "%s: %v", test.name, err) {
			assert.Equal(t, test.param, refused.Param, test.name)
			assert.Empty(t, *bodies)
		}
	}
}

// What cannot be named again is refused, by the same rule in every call, and a brand's own ID is taken out.
func TestNamesInEveryCall(t *testing.T) {
	t.Parallel()
	type P = productcoupon.DeactivateStockParams
	good := func() P {
		return P{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, OutRequestNo: number, DeactivateReason: strings.Repeat("因", 150)}
	}
	trials := []trial[P]{
		{"as it is", func(*P) {}, ""},
		{"a short number", func(p *P) { p.OutRequestNo = "12345" }, "out_request_no"},
		{"a long number", func(p *P) { p.OutRequestNo = strings.Repeat("7", 41) }, "out_request_no"},
		{"of 40", func(p *P) { p.OutRequestNo = strings.Repeat("Z", 38) + "-_" }, ""},
		{"a number with a mark", func(p *P) { p.OutRequestNo = "12345|6" }, "out_request_no"},
		{"no reason", func(p *P) { p.DeactivateReason = "" }, "deactivate_reason"},
		{"a long reason", func(p *P) { p.DeactivateReason += "因" }, "deactivate_reason"},
		{"a long name", func(p *P) { p.ProductCouponID = strings.Repeat("1", 41) }, "product_coupon_id"},
		{"another brand", func(p *P) { p.BrandID = "1/2" }, "brand_id"},
	}
	for _, v := range []string{"", "7/7", `7\7`, "7\r", "7\n", " 7", "7 7", ".", "..", "7\u200b", "7\xff"} {
		trials = append(trials, trial[P]{"coupon " + v, func(p *P) { p.ProductCouponID = v }, "product_coupon_id"},
			trial[P]{"stock " + v, func(p *P) { p.StockID = v }, "stock_id"})
	}
	try(t, S.DeactivateStock, good, trials...)
}
