package wxpaytest_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/services/deliveryplan"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// plans is the path of a call about delivery plans.
func (h *merchant) plans(path string) string {
	if h.brand {
		return "/brand/marketing/delivery-plan" + path
	}
	return "/v3/marketing/partner/delivery-plan" + path
}

// listed is the path of the list of plans.
func (h *merchant) listed(query string) string {
	if h.brand {
		return h.plans("/delivery-plans?" + query)
	}
	return h.plans("/delivery-plans/" + wxpaytest.BrandID + "/delivery-plans?" + query)
}

// says is a state as the door has it.
func (h *merchant) says(state string) string {
	if h.brand {
		return state
	}
	return "PLAN_" + state
}

func newPlan(p, k, number string, changes ...m) m {
	o := m{
		"out_request_no": number, "product_coupon_id": p, "stock_id": k, "reuse_coupon_config": false, "plan_name": "冬季饮料投放", "total_count": 11000, "user_limit": 5,
		"delivery_start_time": "2026-11-05T00:00:00+08:00", "delivery_end_time": "2026-11-15T00:00:00+08:00", "recommend_word": "天天有惊喜",
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

// planTold is what the newest event says.
func (h *merchant) planTold() m {
	h.t.Helper()
	all := h.server.Pending()
	require.NotEmpty(h.t, all)
	event := all[len(all)-1]
	require.Equal(h.t, "DELIVERY_PLAN.CHANGE", event.Type)
	require.Equal(h.t, "https://www.example.com/plans", event.URL)
	return plain(h.t, event)
}

// A plan is reviewed, begins, is paused, resumed, grows and ends; each change is told, in the states of the door.
func TestLifeOfAPlan(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing, Unlimited: true}, func(t *testing.T, h *merchant) {
		address := map[bool]string{true: "/notify-url", false: "/" + wxpaytest.MchID + "/notify-url"}[h.brand]
		assert.Equal(t, m{"notify_url": "https://www.example.com/plans"}, h.ok("POST", h.plans(address), m{"notify_url": "https://www.example.com/plans"}))
		p, k := h.server.AddProductCoupon("WECHATPAY")
		plan := h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(p, k, "number_1")))["plan"].(m)
		id := plan["plan_id"].(string)
		creating := map[bool]string{true: "CREATED", false: "PLAN_CREATING"}[h.brand]
		assert.Equal(t, []any{creating, wxpaytest.BrandID, "SINGLE", 11000.0, 5.0}, []any{plan["plan_state"], plan["brand_id"], plan["usage_mode"], plan["total_count"], plan["user_limit"]})
		assert.NotContains(t, plan, "daily_limit")
		assert.NotContains(t, plan, "out_request_no")
		state := func() string {
			t.Helper()
			list := h.ok("GET", h.listed("plan_id="+id), nil)
			require.Equal(t, 1.0, list["total_count"])
			return list["plan_list"].([]any)[0].(m)["plan_state"].(string)
		}
		assert.Equal(t, creating, state())
		assert.Error(t, h.server.PausePlan(id), "it is not under way")
		require.NoError(t, h.server.ReviewPlan(id, "PASSED"))
		assert.Error(t, h.server.ReviewPlan(id, "PASSED"))
		assert.Equal(t, m{"plan_id": id, "plan_state": "CREATED", "audit_state": "PASSED", "change_reason": "审核通过", "modify_time": "2026-11-02T16:00:00.123+08:00"}, h.planTold())
		assert.Equal(t, h.says("CREATED"), state())
		h.server.Advance(56 * time.Hour)
		assert.Equal(t, "开始投放", h.planTold()["change_reason"])
		assert.Equal(t, h.says("DELIVERING"), state())
		for query, n := range map[string]float64{
			"plan_state=" + h.says("DELIVERING"): 1, "plan_state=" + h.says("CREATED"): 0, "audit_state=AUDIT_PASSED": 1, "audit_state=AUDIT_PROCESSING": 0, "plan_id=1": 0, "offset=1": 1,
		} {
			assert.Equal(t, n, h.ok("GET", h.listed(query), nil)["total_count"], query)
		}
		h.refused(400, "PARAM_ERROR", "GET", h.listed("plan_state="+map[bool]string{true: "PLAN_DELIVERING", false: "DELIVERING"}[h.brand]), nil)

		require.NoError(t, h.server.PausePlan(id))
		assert.Equal(t, []any{"PAUSED", "PASSED"}, []any{h.planTold()["plan_state"], h.planTold()["audit_state"]})
		assert.Equal(t, h.says("PAUSED"), state())
		brand := h.asBrand()
		assert.Equal(t, "DELIVERING", brand.ok("POST", brand.plans("/delivery-plans/"+id+"/resume"), nil)["plan"].(m)["plan_state"])
		brand.refused(400, "INVALID_REQUEST", "POST", brand.plans("/delivery-plans/"+id+"/resume"), nil)
		assert.Equal(t, "DELIVERING", h.planTold()["plan_state"])

		n := 0
		change := func(changes m) (string, string, any) {
			n++
			return "PATCH", h.plans("/delivery-plans/" + id), m{"out_request_no": fmt.Sprintf("change_%d", n), "modify_content": changes}
		}
		for name, v := range map[string]any{"total_count": 10999, "user_limit": 4, "daily_limit": 100, "delivery_end_time": "2026-11-14T00:00:00+08:00"} {
			method, uri, body := change(m{name: v})
			h.refused(400, "PARAM_ERROR", method, uri, body)
		}
		method, uri, body := change(m{})
		h.refused(400, "PARAM_ERROR", method, uri, body)
		method, uri, body = change(m{"delivery_end_time": "2027-11-02T00:00:00+08:00"}) // after the stock
		h.refused(400, "PARAM_ERROR", method, uri, body)
		grown := h.ok(change(m{"total_count": 12000, "user_limit": 6, "delivery_end_time": "2026-11-20T00:00:00+08:00", "plan_name": "新"}))["plan"].(m)
		assert.Equal(t, []any{12000.0, 6.0, "2026-11-20T00:00:00+08:00", "新", "天天有惊喜"}, []any{grown["total_count"], grown["user_limit"], grown["delivery_end_time"], grown["plan_name"], grown["recommend_word"]})
		h.server.Advance(13 * 24 * time.Hour)
		assert.Equal(t, h.says("DELIVERING"), state())
		h.server.Advance(10 * 24 * time.Hour)
		assert.Equal(t, h.says("EXPIRED"), state())
		assert.Equal(t, []any{"EXPIRED", "投放到期"}, []any{h.planTold()["plan_state"], h.planTold()["change_reason"]})
		method, uri, body = change(m{"plan_name": "旧"})
		h.refused(400, "INVALID_REQUEST", method, uri, body)
	})
}

// Plans end: by a call, by a review that fails, with their stock.
func TestPlansEnd(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Clock: standing})
	p, k := h.server.AddProductCoupon("WECHATPAY")
	service := deliveryplan.New(h.server.Client())
	make := func(number string) string {
		return h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(p, k, number)))["plan"].(m)["plan_id"].(string)
	}
	states := func() (all []string) {
		page, err := service.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: wxpaytest.BrandID})
		require.NoError(t, err)
		for _, plan := range page.Items {
			all = append(all, string(plan.PlanState))
		}
		return all
	}
	one, two, three := make("number_1"), make("number_2"), make("number_3")
	require.NoError(t, service.TerminatePlan(t.Context(), deliveryplan.TerminatePlanParams{PlanID: one}))
	h.refused(400, "INVALID_REQUEST", "POST", h.plans("/delivery-plans/"+one+"/terminate"), nil)
	require.NoError(t, h.server.ReviewPlan(two, "REJECTED"))
	require.NoError(t, h.server.ReviewPlan(three, "PASSED"))
	assert.Equal(t, []string{"PLAN_TERMINATED", "PLAN_TERMINATED", "PLAN_CREATED"}, states())
	h.ok("POST", h.coupons("/product-coupons/"+p+"/deactivate"), h.ours(m{"out_request_no": "end_123", "deactivate_reason": "r"}))
	assert.Equal(t, []string{"PLAN_TERMINATED", "PLAN_TERMINATED", "PLAN_TERMINATED"}, states(), "all its distribution ends")
	var told []string
	for _, event := range h.server.Pending() {
		o := plain(t, event)
		told = append(told, fmt.Sprint(o["plan_state"], o["audit_state"]))
	}
	assert.Equal(t, []string{"TERMINATEDPROCESSING", "TERMINATEDREJECTED", "CREATEDPASSED", "TERMINATEDPASSED"}, told)
	h.refused(400, "INVALID_REQUEST", "POST", h.plans("/delivery-plans/1/terminate"), nil)
	h.refused(400, "INVALID_REQUEST", "POST", h.plans("/1900000000/notify-url"), m{"notify_url": "https://www.example.com/plans"})
}

// What cannot be a plan is refused.
func TestPlansThatCannotBe(t *testing.T) {
	t.Parallel()
	throughBoth(t, wxpaytest.Options{Clock: standing, Unlimited: true}, func(t *testing.T, h *merchant) {
		p, k := h.server.AddProductCoupon("WECHATPAY")
		q, b := h.server.AddProductCouponBundle("WECHATPAY")
		paused, l := h.server.AddProductCoupon("WECHATPAY")
		require.NoError(t, h.server.SetStockState(l, "PAUSED"))
		stock := func(p, k string) m { return m{"product_coupon_id": p, "stock_id": k} }
		seeded := func(mode string, changes ...string) m { return stock(h.server.AddProductCoupon(mode, changes...)) }
		for name, test := range map[string]struct {
			code    string
			changes m
		}{
			"no stock":           {"PARAM_ERROR", m{"stock_id": nil}},
			"a stock and bundle": {"PARAM_ERROR", m{"stock_bundle_id": b}},
			"no bundle":          {"PARAM_ERROR", m{"usage_mode": "PROGRESSIVE_BUNDLE"}},
			"another's stock":    {"INVALID_REQUEST", stock(q, k)},
			"unknown":            {"INVALID_REQUEST", stock(p, "1")},
			"of another brand":   {"INVALID_REQUEST", seeded("WECHATPAY", "brand_id=other")},
			"paused":             {"INVALID_REQUEST", stock(paused, l)},
			"uploaded codes":     {"INVALID_REQUEST", seeded("UPLOAD")},
			"few coupons":        {"INVALID_REQUEST", seeded("WECHATPAY", "max_count=9999")},
			"no name":            {"PARAM_ERROR", m{"plan_name": nil}},
			"no count":           {"PARAM_ERROR", m{"total_count": nil}},
			"a small count":      {"PARAM_ERROR", m{"total_count": 9999}},
			"no begin":           {"PARAM_ERROR", m{"delivery_start_time": nil}},
			"too short":          {"PARAM_ERROR", m{"delivery_end_time": "2026-11-09T23:59:59+08:00"}},
			"past the stock":     {"PARAM_ERROR", m{"delivery_end_time": "2027-11-03T00:00:00+08:00"}},
		} {
			h.refused(400, test.code, "POST", h.plans("/delivery-plans"), h.ours(newPlan(p, k, "number_1", test.changes)))
			assert.Empty(t, h.ok("GET", h.listed(""), nil)["plan_list"], name)
		}
		h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://www.example.com/notify"})
		made := h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", m{"stock": newStock(m{"single_usage_rule": m{"coupon_available_period": m{
			"available_begin_time": "2026-11-01T00:00:00+08:00", "available_end_time": "2026-11-06T00:00:00+08:00"}}})})))
		h.refused(400, "INVALID_REQUEST", "POST", h.plans("/delivery-plans"), h.ours(newPlan(made["product_coupon_id"].(string), made["stock"].(m)["stock_id"].(string), "number_1")))

		// A plan may take everything from coupon and stock, and then follows them.
		reused := m{"plan_name": nil, "total_count": nil, "user_limit": nil, "delivery_start_time": nil, "delivery_end_time": nil, "reuse_coupon_config": true}
		plan := h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(p, k, "number_1", reused)))["plan"].(m)
		assert.Equal(t, []any{"wxpaytest", 100000000.0, 100.0, "2026-11-02T00:00:00+08:00", "2027-11-01T00:00:00+08:00"},
			[]any{plan["plan_name"], plan["total_count"], plan["user_limit"], plan["delivery_start_time"], plan["delivery_end_time"]})
		h.refused(400, "PARAM_ERROR", "PATCH", h.plans("/delivery-plans/"+plan["plan_id"].(string)), m{"out_request_no": "change_1", "modify_content": m{"total_count": 100000001}})
		h.ok("POST", h.coupons("/product-coupons/"+p+"/stocks/"+k+"/update-budget"), h.ours(m{"out_request_no": "budget_1", "update_mode": "MAX_COUNT", "current_max_count": 100000000, "target_max_count": 20000}))
		assert.Equal(t, 20000.0, h.ok("GET", h.listed(""), nil)["plan_list"].([]any)[0].(m)["total_count"])
		reused["stock_id"], reused["stock_bundle_id"], reused["usage_mode"] = nil, b, "PROGRESSIVE_BUNDLE"
		plan = h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(q, "", "number_2", reused)))["plan"].(m)
		assert.Equal(t, []any{b, "PROGRESSIVE_BUNDLE", nil}, []any{plan["stock_bundle_id"], plan["usage_mode"], plan["stock_id"]})
	})
}

// A brand sees its own plans, ten to a page unless it says more; a service provider twenty.
func TestPagesOfPlans(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Clock: standing, Unlimited: true})
	p, k := h.server.AddProductCoupon("WECHATPAY")
	o, l := h.server.AddProductCoupon("WECHATPAY", "brand_id=other")
	for i := range 23 {
		h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(p, k, fmt.Sprintf("number_%d", i))))
	}
	others := maps.Clone(newPlan(o, l, "number_other"))
	others["brand_id"] = "other"
	id := h.ok("POST", h.plans("/delivery-plans"), others)["plan"].(m)["plan_id"].(string)
	brand := h.asBrand()
	for query, n := range map[string][2]int{"": {20, 10}, "page_size=5": {5, 5}, "offset=20": {3, 3}, "page_size=50": {23, 23}} {
		assert.Len(t, h.ok("GET", h.listed(query), nil)["plan_list"], n[0], query)
		assert.Len(t, brand.ok("GET", brand.listed(query), nil)["plan_list"], n[1], query)
	}
	brand.refused(400, "INVALID_REQUEST", "PATCH", brand.plans("/delivery-plans/"+id), m{"out_request_no": "change_1", "modify_content": m{"plan_name": "a"}})
	h.ok("PATCH", h.plans("/delivery-plans/"+id), m{"out_request_no": "change_1", "modify_content": m{"plan_name": "a"}})
}
