package deliveryplan

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/lenient"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// CreatePlan hands a plan in for review (创建投放计划). Nothing is handed out before people have passed it, which takes about
// two working days: [EventPlanChanged] tells, or [Service.ListPlans].
//
// Limits: StockID for a coupon that is used once, StockBundleID for one that is used several times (DP-1, DP-2); PlanName,
// TotalCount and both times unless ReuseCouponConfig takes them from coupon and stock. That much is checked before
// anything is sent. The stock has to be in mode WECHATPAY with 10,000 coupons at least, and the plan to last 5 days and end
// before the stock does (DP-10). Users may see PlanName: at most 12 Chinese characters are advised (DP-4). 50 calls a
// second (DP-7).
//
// Repeating: with the same OutRequestNo and otherwise the same params; an unclear answer is repeated by itself. The pages
// do not say what a repeat answers (DP-13): look with [Service.ListPlans] before you take a new number. An answer about a
// plan that is not as it was asked for is a [wxpay.UnknownError].
//
// Errors: [wxpay.CodeAlreadyExists] if there is such a plan, which after an unclear answer can be this very one.
//
//	POST /v3/marketing/partner/delivery-plan/delivery-plans
//	POST /brand/marketing/delivery-plan/delivery-plans
//
// https://pay.weixin.qq.com/doc/v3/partner/4016184554
// https://pay.weixin.qq.com/doc/brand/4018381114
func (s *Service) CreatePlan(ctx context.Context, p CreatePlanParams) (*PlanResult, error) {
	if err := cmp.Or(p.check(s.client), params.CheckAt(s.client, routeCreatePlan, brandCreatePlan, p.whole())); err != nil {
		return nil, err
	}
	echo := asked(p.PlanName, p.TotalCount, p.UserLimit, p.DailyLimit, p.RecommendWord)
	echo["plan.product_coupon_id"], echo["plan.brand_id?"], echo["plan.usage_mode?"] = p.ProductCouponID, p.BrandID, string(p.UsageMode)
	echo["plan.stock_id?"], echo["plan.stock_bundle_id?"] = p.StockID, p.StockBundleID
	return s.change(ctx, wxpay.Call{
		Route:      routeCreatePlan,
		BrandRoute: brandCreatePlan,
		Body:       p,
		Echo:       echo,
		Idempotent: true, // by out_request_no, DP-13: https://pay.weixin.qq.com/doc/v3/partner/4016184554
	}, p.DeliveryStartTime, p.DeliveryEndTime)
}

// asked is what answers repeat of a plan that was handed in or changed; what was left out is not compared.
func asked(name string, total, perUser, perDay int64, word string) wxpay.Vars {
	vars := wxpay.Vars{"plan.plan_name": name, "plan.recommend_word?": word}
	for member, count := range map[string]int64{"plan.total_count?": total, "plan.user_limit?": perUser, "plan.daily_limit?": perDay} {
		if count != 0 {
			vars[member] = params.Decimal(count)
		}
	}
	return vars
}

// change makes a write whose answer has to name a plan with the times that were asked for.
func (s *Service) change(ctx context.Context, call wxpay.Call, start, end wxpay.Time) (*PlanResult, error) {
	result, err := wxpay.Do[PlanResult](ctx, s.client, call)
	if err != nil {
		return nil, err
	}
	other := func(asked, got wxpay.Time) bool {
		return !asked.IsZero() && !got.IsZero() && asked.Unix() != got.Unix()
	}
	plan := &result.Plan
	if plan.PlanID == "" || other(start, plan.DeliveryStartTime) || other(end, plan.DeliveryEndTime) {
		route := call.Route
		if s.client.BrandID() != "" {
			route = call.BrandRoute
		}
		return nil, &wxpay.UnknownError{Route: route, Err: errors.New("answer names no plan, or one with other times than were asked for")}
	}
	return result, nil
}

// whole looks for what a plan needs beside other members.
func (p *CreatePlanParams) whole() *wxpay.ParamError {
	const unlessReused = "is missing; only with reuse_coupon_config it may be left out"
	own, once := !p.ReuseCouponConfig, cmp.Or(p.UsageMode, UsageModeSingle) == UsageModeSingle
	return params.First(
		params.Must(!once || p.StockID != "", "stock_id", "is missing"),
		params.Must(p.UsageMode != UsageModeProgressiveBundle || p.StockBundleID != "", "stock_bundle_id", "is missing"),
		params.Must(!own || p.PlanName != "", "plan_name", unlessReused),
		params.Must(!own || p.TotalCount != 0, "total_count", unlessReused),
		params.Must(!own || !p.DeliveryStartTime.IsZero(), "delivery_start_time", unlessReused),
		params.Must(!own || !p.DeliveryEndTime.IsZero(), "delivery_end_time", unlessReused),
	)
}

// ListPlans returns one page of the plans of a brand that match (分页查询投放计划列表). With PlanID it reads one plan.
//
// Limits: at most 50 plans a page. 100 calls a second (DP-7).
//
// Repeating: safe.
//
// DP-9: offset is explained as the position of a record, and sent as that. DP-15: at the door of brands PlanState is sent
// as that door spells it, without prefix; [PlanCreating] and [PlanTerminating] are not known there.
//
//	GET /v3/marketing/partner/delivery-plan/delivery-plans/{brand_id}/delivery-plans
//	GET /brand/marketing/delivery-plan/delivery-plans
//
// https://pay.weixin.qq.com/doc/v3/partner/4016184563
// https://pay.weixin.qq.com/doc/brand/4018381151
func (s *Service) ListPlans(ctx context.Context, p ListPlansParams) (*wxpay.Page[Plan], error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	list, err := wxpay.Do[listPlansAnswer](ctx, s.client, wxpay.Call{
		Route:      routeListPlans,
		BrandRoute: brandListPlans,
		Vars:       wxpay.Vars{"brand_id": p.BrandID},
		Query: params.Query("page_size", params.Decimal(cmp.Or(p.PageSize, 50)), "offset", params.Decimal(p.Offset),
			"plan_state", p.PlanState.atDoor(s.client.BrandID() != ""), "audit_state", string(p.AuditState), "plan_id", p.PlanID),
		Echo: wxpay.Vars{"plan_list[].brand_id?": p.BrandID, "plan_list[].plan_id": p.PlanID},
	})
	if err != nil {
		return nil, err
	}
	return wxpay.Page[Plan]{Items: list.PlanList, Total: list.TotalCount}.ByRecord(p.Offset), nil
}

// AllPlans walks all plans that match, page by page. An error comes once and last; one that is [wxpay.ErrPages] says
// that not all were seen, such as where the platform counts pages after all (DP-9).
func (s *Service) AllPlans(ctx context.Context, p ListPlansParams) iter.Seq2[Plan, error] {
	id := func(plan Plan) string { return plan.PlanID }
	return wxpay.Walk(wxpay.Cursor{Offset: p.Offset}, id, func(at wxpay.Cursor) (*wxpay.Page[Plan], error) {
		page := p
		page.Offset = at.Offset
		return s.ListPlans(ctx, page)
	})
}

// UpdatePlan changes a plan (更新投放计划). Counts, limits and the end can only grow, and a limit that the plan was made
// without cannot be added.
//
// Limits: 50 calls a second (DP-7).
//
// Repeating: with the same OutRequestNo (DP-3) and otherwise the same params; an unclear answer is repeated by itself. The
// pages do not say what a repeat answers (DP-13): take a refusal after an unclear answer as done before only if
// [Service.ListPlans] shows the change. An answer that shows something else in place of it is a [wxpay.UnknownError].
//
//	PATCH /v3/marketing/partner/delivery-plan/delivery-plans/{plan_id}
//	PATCH /brand/marketing/delivery-plan/delivery-plans/{plan_id}
//
// https://pay.weixin.qq.com/doc/v3/partner/4016184594
// https://pay.weixin.qq.com/doc/brand/4018381209
func (s *Service) UpdatePlan(ctx context.Context, p UpdatePlanParams) (*PlanResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	to := &p.ModifyContent
	echo := asked(to.PlanName, to.TotalCount, to.UserLimit, to.DailyLimit, to.RecommendWord)
	echo["plan.plan_id"] = p.PlanID
	return s.change(ctx, wxpay.Call{
		Route:      routeUpdatePlan,
		BrandRoute: brandUpdatePlan,
		Vars:       wxpay.Vars{"plan_id": p.PlanID},
		Body:       p,
		Echo:       echo,
		Idempotent: true, // by out_request_no, DP-13: https://pay.weixin.qq.com/doc/v3/partner/4016184594
	}, wxpay.Time{}, to.DeliveryEndTime)
}

// TerminatePlan ends a plan (终止投放计划). It cannot be undone; coupons that users hold stay valid. It is not open to brands
// (DP-15).
//
// Repeating: what a second call answers is not documented, so an unclear answer is not repeated by itself.
// [Service.ListPlans] tells whether the first worked: [PlanTerminating] or [PlanTerminated].
//
//	POST /v3/marketing/partner/delivery-plan/delivery-plans/{plan_id}/terminate
//
// https://pay.weixin.qq.com/doc/v3/partner/4016184572
func (s *Service) TerminatePlan(ctx context.Context, p TerminatePlanParams) error {
	if err := p.check(s.client); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeTerminatePlan,
		Vars:  wxpay.Vars{"plan_id": p.PlanID},
	})
}

// ResumePlan takes a plan from [PlanPaused] back to [PlanDelivering] (恢复投放计划). It is open to brands alone; people or the
// platform pause plans, no call does (DP-8).
//
// The page on its answer was not readable (DP-16): the plan may come or not. Without one the result is nil, without an
// error: the call was accepted, and [Service.ListPlans] tells how the plan stands. An answer that shows the plan as
// [PlanPaused] is a [wxpay.UnknownError].
//
// Limits: 50 calls a second (DP-7).
//
// Repeating: a repeat after a success finds no paused plan, so an unclear answer is not repeated by itself.
// [Service.ListPlans] tells whether the first worked.
//
//	POST /brand/marketing/delivery-plan/delivery-plans/{plan_id}/resume
//
// https://pay.weixin.qq.com/doc/brand/4018381172
func (s *Service) ResumePlan(ctx context.Context, p ResumePlanParams) (*PlanResult, error) {
	if err := p.check(s.client); err != nil {
		return nil, err
	}
	answer, err := wxpay.Do[json.RawMessage](ctx, s.client, wxpay.Call{
		Route: routeResumePlan,
		Vars:  wxpay.Vars{"plan_id": p.PlanID},
		Echo:  wxpay.Vars{"plan.plan_id?": p.PlanID},
	})
	if err != nil {
		return nil, err
	}
	return resumed(*answer)
}

// resumed reads the answer to a resume, which may be empty.
func resumed(answer json.RawMessage) (*PlanResult, error) {
	if len(answer) == 0 {
		return nil, nil
	}
	result := new(PlanResult)
	_, err := lenient.Unmarshal(answer, result)
	switch {
	case err != nil:
		return nil, &wxpay.UnknownError{Route: routeResumePlan, Err: fmt.Errorf("answer is genuine but not the JSON it should be: %w", err)}
	case result.Plan == (Plan{}):
		return nil, nil
	case result.Plan.PlanState == PlanPaused:
		return nil, &wxpay.UnknownError{Route: routeResumePlan, Err: errors.New("answer shows the plan as paused still")}
	}
	return result, nil
}
