package productcoupon

import (
	"slices"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// What is here looks at several members together: what one of them asks of the others. Only what the pages rule out in
// so many words is refused.

func (p *CreateImageTaskParams) together() *wxpay.ParamError {
	c := &p.CombineImage
	switch p.ImageGenerationType {
	case ImageGenerationCutOut:
		return params.Required("cut_out.image_url", p.CutOut.ImageURL, 0)
	case ImageGenerationCombineImage:
		return params.First(
			params.Required("combine_image.scope", c.Scope, 0),
			params.Required("combine_image.type", c.Type, 0),
			params.Required("combine_image.usage_mode", c.UsageMode, 0),
			exchange("combine_image.exchange_coupon.", c.ExchangeCoupon),
			discount("combine_image.", c.Type, c.NormalCoupon, c.DiscountCoupon, c.ExchangeCoupon),
		)
	}
	return nil
}

func (p *CreateProductCouponParams) together() *wxpay.ParamError {
	fault := p.DisplayInfo.together(p.Scope)
	switch {
	case fault != nil:
	case p.UsageMode == UsageModeProgressiveBundle:
		return params.First(
			params.Must(p.ProgressiveBundleUsageInfo.Count > 0, "progressive_bundle_usage_info.count", "is missing"),
			p.StockBundle.together("stock_bundle."),
			p.StockBundle.ProgressiveBundleUsageRule.steps("stock_bundle.progressive_bundle_usage_rule.", p.Type, int(p.ProgressiveBundleUsageInfo.Count)),
		)
	case p.UsageMode == UsageModeSingle:
		all, one := &p.SingleUsageInfo, &p.Stock.SingleUsageRule
		fault = p.Stock.together("stock.")
		switch {
		case fault != nil:
		case p.Scope == ScopeAll:
			return discount("single_usage_info.", p.Type, all.NormalCoupon, all.DiscountCoupon, &ExchangeCoupon{})
		case p.Scope == ScopeSingle:
			return discount("stock.single_usage_rule.", p.Type, one.NormalCoupon, one.DiscountCoupon, one.ExchangeCoupon)
		}
	}
	return fault
}

// discount is what a coupon of a type takes off.
func discount(at string, t CouponType, normal NormalCoupon, discount DiscountCoupon, exchange *ExchangeCoupon) *wxpay.ParamError {
	switch t {
	case CouponNormal:
		return amountOff(at+"normal_coupon", normal)
	case CouponDiscount:
		return params.Must(discount.PercentOff > 0, at+"discount_coupon", "is missing")
	case CouponExchange:
		return params.Must(exchange != nil, at+"exchange_coupon", "is missing")
	}
	return nil
}

func amountOff(at string, n NormalCoupon) *wxpay.ParamError {
	return params.First(
		params.Must(n.DiscountAmount > 0, at, "is missing"),
		params.Must(n.Threshold == 0 || n.DiscountAmount <= n.Threshold, at+".discount_amount", "is more than the threshold"),
	)
}

// together looks at the price too, which may be 0 and so is a pointer.
func (d *DisplayInfo) together(scope Scope) *wxpay.ParamError {
	return params.First(
		params.Must(d.OriginalPrice == nil || *d.OriginalPrice >= 0, "display_info.original_price", "is negative"),
		params.Must(d.OriginalPrice != nil || scope != ScopeSingle, "display_info.original_price", "is missing"),
		params.Must(len(d.ComboPackageList) > 0 || scope != ScopeSingle, "display_info.combo_package_list", "is missing"),
		params.Each("display_info.combo_package_list", d.ComboPackageList, func(at string, v *ComboPackage) *wxpay.ParamError {
			return params.Each(at+".choice_list", v.ChoiceList, func(at string, v *ComboChoice) *wxpay.ParamError {
				return miniProgram(at+".", v.MiniProgramAppID, v.MiniProgramPath, v.MiniProgramAppID != "")
			})
		}),
	)
}

func (s *NewStock) together(at string) *wxpay.ParamError {
	rule := &s.SingleUsageRule
	return params.First(
		common(at, s.CouponCodeMode, &s.StockSendRule, &s.UsageRuleDisplayInfo, &s.CouponDisplayInfo, s.NotifyConfig, s.StoreScope),
		rule.CouponAvailablePeriod.together(at+"single_usage_rule.coupon_available_period."),
		exchange(at+"single_usage_rule.exchange_coupon.", rule.ExchangeCoupon),
	)
}

func (s *NewStockBundle) together(at string) *wxpay.ParamError {
	return params.First(
		common(at, s.CouponCodeMode, &s.StockSendRule, &s.UsageRuleDisplayInfo, &s.CouponDisplayInfo, s.NotifyConfig, s.StoreScope),
		s.ProgressiveBundleUsageRule.CouponAvailablePeriod.together(at+"progressive_bundle_usage_rule.coupon_available_period."),
	)
}

// common is what stocks and bundles must say. The generated checks do so only where the whole stock is needed.
func common(at string, mode CouponCodeMode, rule *StockSendRule, usage *UsageRuleDisplayInfo, look *CouponDisplayInfo, notify StockNotifyConfig, stores StoreScope) *wxpay.ParamError {
	return params.First(
		params.Required(at+"coupon_code_mode", mode, 0),
		params.Must(rule.MaxCount > 0, at+"stock_send_rule.max_count", "is missing"),
		params.Must(rule.MaxCountPerUser > 0, at+"stock_send_rule.max_count_per_user", "is missing"),
		params.Must(len(usage.CouponUsageMethodList) > 0, at+"usage_rule_display_info.coupon_usage_method_list", "is missing"),
		params.Required(at+"usage_rule_display_info.usage_description", usage.UsageDescription, 0),
		usage.together(at+"usage_rule_display_info."),
		params.Required(at+"coupon_display_info.code_display_mode", look.CodeDisplayMode, 0),
		params.ID(at+"notify_config.notify_appid", notify.NotifyAppID, 0),
		params.Required(at+"store_scope", stores, 0),
	)
}

func (u *UsageRuleDisplayInfo) together(at string) *wxpay.ParamError {
	has := func(m CouponUsageMethod) bool { return slices.Contains(u.CouponUsageMethodList, m) }
	info := &u.CouponAvailableStoreInfo
	return params.First(
		miniProgram(at, u.MiniProgramAppID, u.MiniProgramPath, has(CouponUsageMethodMiniProgram)),
		miniProgram(at+"coupon_available_store_info.", info.MiniProgramAppID, info.MiniProgramPath, false),
		params.Must(!has(CouponUsageMethodApp) || u.AppJumpType != AppJumpH5 || u.AppPath != "", at+"app_path", "is missing"),
		params.Must(!has(CouponUsageMethodApp) || u.AppJumpType != AppJumpPasscodeLink || u.PasscodeLink != "", at+"passcode_link", "is missing"),
	)
}

// miniProgram is a path that is of no use without the AppID of its mini program; needed: there must be both.
func miniProgram(at, appID, path string, needed bool) *wxpay.ParamError {
	return params.First(
		params.Must(appID != "" || path == "" && !needed, at+"mini_program_appid", "is missing"),
		params.Must(path != "" || !needed, at+"mini_program_path", "is missing"),
	)
}

func (a *AvailablePeriod) together(at string) *wxpay.ParamError {
	return params.First(
		params.Must(!a.AvailableBeginTime.IsZero(), at+"available_begin_time", "is missing"),
		params.Must(!a.AvailableEndTime.IsZero(), at+"available_end_time", "is missing"),
		params.Must(a.AvailableBeginTime.Before(a.AvailableEndTime.Time), at+"available_end_time", "is not after the start"),
		params.Must(a.WaitDaysAfterReceive == 0 || a.AvailableDays > 0, at+"available_days", "is missing beside wait_days_after_receive"),
	)
}

// exchange has limits that the generated checks leave out where it may be absent.
func exchange(at string, e *ExchangeCoupon) *wxpay.ParamError {
	return params.First(
		params.Must(e == nil || e.Threshold >= 0, at+"threshold", "is negative"),
		params.Must(e == nil || e.ExchangePrice >= 0, at+"exchange_price", "is negative"),
	)
}

// steps are the discounts of a bundle: one for each use.
func (r *ProgressiveBundleUsageRule) steps(at string, t CouponType, count int) *wxpay.ParamError {
	const reason = "must have as many as progressive_bundle_usage_info.count"
	switch t {
	case CouponNormal:
		return params.Must(len(r.NormalCouponList) == count, at+"normal_coupon_list", reason)
	case CouponDiscount:
		return params.Must(len(r.DiscountCouponList) == count, at+"discount_coupon_list", reason)
	case CouponExchange:
		return params.Must(len(r.ExchangeCouponList) == count, at+"exchange_coupon_list", reason)
	}
	return nil
}

// together looks for the limit as it is and as it is to be, of which the platform compares the first.
func (m BudgetMode) together(current, target, currentPerDay, targetPerDay int64) *wxpay.ParamError {
	switch m {
	case BudgetModeMaxCount:
		return params.First(params.Must(current > 0, "current_max_count", "is missing"), params.Must(target > 0, "target_max_count", "is missing"))
	case BudgetModeMaxCountPerDay:
		return params.First(
			params.Must(currentPerDay > 0, "current_max_count_per_day", "is missing"),
			params.Must(targetPerDay > 0, "target_max_count_per_day", "is missing"),
		)
	}
	return nil
}
