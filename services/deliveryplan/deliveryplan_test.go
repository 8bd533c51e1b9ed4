package deliveryplan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/deliveryplan"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// S has the calls: S.CreatePlan.
type S = *deliveryplan.Service

func answers[P, R any](method func(S, context.Context, P) (*R, error)) func(P) platformtest.Call {
	return platformtest.Answers(deliveryplan.New, method)
}

// Where the calls are, for service providers and for brands, and the samples of the documents.
const (
	partner = "/v3/marketing/partner/delivery-plan"
	brand   = "/brand/marketing/delivery-plan"
	plans   = "/delivery-plans"
	one     = "/delivery-plans/12000"
	oneName = "/delivery-plans/{plan_id}"
	brandID = "120344" // that of platformtest

	stockID  = "701246876221757924829194755312"
	bundleID = "712315129419284901"
	couponID = "701146876221757924829193824428"

	planText = `{"plan_id":"12000","plan_name":"冬季饮料投放","plan_state":"PLAN_CREATED","delivery_start_time":"2025-01-01T00:00:00+08:00",
		"delivery_end_time":"2025-01-31T00:00:00+08:00","stock_id":"701246876221757924829194755312","product_coupon_id":"701146876221757924829193824428",
		"recommend_word":"天天有惊喜","brand_id":"120344","total_count":11000,"user_limit":5,"daily_limit":100,"reuse_coupon_config":true,
		"usage_mode":"SINGLE","stock_bundle_id":"712315129419284901"}`
	createText = `{"out_request_no":"asdf-1234-40016","brand_id":"120344","product_coupon_id":"701146876221757924829193824428",
		"stock_id":"701246876221757924829194755312","reuse_coupon_config":false,"plan_name":"冬季饮料投放","total_count":11000,"user_limit":5,"daily_limit":100,
		"delivery_start_time":"2025-01-01T00:00:00+08:00","delivery_end_time":"2025-01-31T00:00:00+08:00","recommend_word":"天天有惊喜",
		"usage_mode":"SINGLE","stock_bundle_id":"712315129419284901"}`
	changeText = `{"modify_content":{"plan_name":"冬季饮料投放","delivery_end_time":"2025-02-28T00:00:00+08:00","total_count":12000,"user_limit":6,
		"daily_limit":200,"recommend_word":"天天有惊喜"},"out_request_no":"asdf-1234-40017"}`
)

func at(s string) wxpay.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return wxpay.TimeOf(t)
}

var plan = deliveryplan.Plan{
	PlanID: "12000", PlanName: "冬季饮料投放", PlanState: deliveryplan.PlanCreated, DeliveryStartTime: at("2025-01-01T00:00:00+08:00"),
	DeliveryEndTime: at("2025-01-31T00:00:00+08:00"), StockID: stockID, ProductCouponID: couponID, RecommendWord: "天天有惊喜", BrandID: brandID,
	TotalCount: 11000, UserLimit: 5, DailyLimit: 100, ReuseCouponConfig: true, UsageMode: deliveryplan.UsageModeSingle, StockBundleID: bundleID,
}

func creating() deliveryplan.CreatePlanParams {
	return deliveryplan.CreatePlanParams{
		OutRequestNo: "asdf-1234-40016", BrandID: brandID, ProductCouponID: couponID, StockID: stockID, PlanName: "冬季饮料投放", TotalCount: 11000,
		UserLimit: 5, DailyLimit: 100, DeliveryStartTime: at("2025-01-01T00:00:00+08:00"), DeliveryEndTime: at("2025-01-31T00:00:00+08:00"),
		RecommendWord: "天天有惊喜", UsageMode: deliveryplan.UsageModeSingle, StockBundleID: bundleID,
	}
}

func updating() deliveryplan.UpdatePlanParams {
	return deliveryplan.UpdatePlanParams{PlanID: "12000", OutRequestNo: "asdf-1234-40017", ModifyContent: deliveryplan.PlanChanges{
		PlanName: "冬季饮料投放", DeliveryEndTime: at("2025-02-28T00:00:00+08:00"), TotalCount: 12000, UserLimit: 6, DailyLimit: 200, RecommendWord: "天天有惊喜"}}
}

func listing() deliveryplan.ListPlansParams {
	return deliveryplan.ListPlansParams{BrandID: brandID, PageSize: 20, Offset: 40, PlanState: deliveryplan.PlanCreated, AuditState: deliveryplan.AuditPassed, PlanID: "12000"}
}

// calls are those that answer something, as a service provider makes them.
func calls() map[string]platformtest.Wire {
	result, changed := &deliveryplan.PlanResult{Plan: plan}, &deliveryplan.PlanResult{Plan: plan}
	to := updating().ModifyContent
	changed.Plan.DeliveryEndTime, changed.Plan.TotalCount, changed.Plan.UserLimit, changed.Plan.DailyLimit = to.DeliveryEndTime, to.TotalCount, to.UserLimit, to.DailyLimit
	changedText := strings.NewReplacer("2025-01-31", "2025-02-28", "11000", "12000", `"user_limit":5`, `"user_limit":6`, `"daily_limit":100`, `"daily_limit":200`).Replace(planText)
	states := []string{"PLAN_CREATED", "SINGLE"}
	return map[string]platformtest.Wire{
		"CreatePlan": {
			Call: answers(S.CreatePlan)(creating()), Request: "POST " + partner + plans, Route: "POST " + partner + plans,
			Body: createText, Answer: `{"plan":` + planText + `}`, Want: result, Enums: []string{"PLAN_CREATED"}, Repeats: true,
		},
		"ListPlans": {
			Call: answers(S.ListPlans)(listing()), Request: "GET " + partner + plans + "/120344" + plans, Route: "GET " + partner + plans + "/{brand_id}" + plans,
			Query:  "page_size=20&offset=40&plan_state=PLAN_CREATED&audit_state=AUDIT_PASSED&plan_id=12000",
			Answer: `{"total_count":1234,"plan_list":[` + planText + `]}`,
			Want:   &wxpay.Page[deliveryplan.Plan]{Items: []deliveryplan.Plan{plan}, Total: 1234, Next: &wxpay.Cursor{Offset: 41}},
			Enums:  states, Repeats: true,
		},
		"UpdatePlan": {
			Call: answers(S.UpdatePlan)(updating()), Request: "PATCH " + partner + one, Route: "PATCH " + partner + oneName,
			Body: changeText, Answer: `{"plan":` + changedText + `}`, Want: changed, Enums: states, Repeats: true,
		},
		"SetNotifyURL": {
			Call:    answers(S.SetNotifyURL)(deliveryplan.SetNotifyURLParams{NotifyURL: "https://www.example.com/notify"}),
			Request: "POST " + partner + "/" + platformtest.MchID + "/notify-url", Route: "POST " + partner + "/{sp_mchid}/notify-url",
			Body: `{"notify_url":"https://www.example.com/notify"}`, Answer: `{"notify_url":"https:\/\/www.example.com/notify"}`,
			Want: &deliveryplan.NotifyURL{NotifyURL: "https://www.example.com/notify"},
		},
	}
}

// brandCalls are the same as a brand makes them, and its own.
func brandCalls() map[string]platformtest.Wire {
	all := map[string]platformtest.Wire{
		"ResumePlan": platformtest.Wire{
			Call:   answers(S.ResumePlan)(deliveryplan.ResumePlanParams{PlanID: "12000"}),
			Answer: `{"plan":` + planText + `}`, Want: &deliveryplan.PlanResult{Plan: plan}, Enums: []string{"PLAN_CREATED", "SINGLE"},
		}.OfBrand("POST "+brand+one+"/resume", "POST "+brand+oneName+"/resume"),
	}
	for name, w := range calls() {
		w.Answer = strings.Replace(w.Answer, "PLAN_CREATED", "CREATED", 1) // DP-15
		w.Query = strings.Replace(w.Query, "PLAN_CREATED", "CREATED", 1)
		for i, v := range w.Enums {
			w.Enums[i] = strings.TrimPrefix(v, "PLAN_")
		}
		method, path, _ := strings.Cut(w.Route, " ")
		path = strings.NewReplacer(partner, brand, "/{sp_mchid}", "", "/{brand_id}"+plans, "").Replace(path)
		all[name] = w.OfBrand(method+" "+strings.Replace(path, "{plan_id}", "12000", 1), method+" "+path)
	}
	return all
}

func TestCalls(t *testing.T) {
	t.Parallel()
	for who, all := range map[string]map[string]platformtest.Wire{"partner": calls(), "brand": brandCalls()} {
		for name, w := range all {
			t.Run(name+" "+who, func(t *testing.T) {
				t.Parallel()
				w.Run(t)
			})
		}
	}
	t.Run("TerminatePlan", platformtest.Wire{
		Call:    platformtest.Succeeds(deliveryplan.New, S.TerminatePlan)(deliveryplan.TerminatePlanParams{PlanID: "12000"}),
		Request: "POST " + partner + one + "/terminate", Route: "POST " + partner + oneName + "/terminate",
	}.Run)
}

// A brand cannot end a plan, a service provider not resume one; each is told here.
func TestDoors(t *testing.T) {
	t.Parallel()
	none := platformtest.Trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("was sent") })
	s := deliveryplan.New(platformtest.BrandClient(t, none))
	err := s.TerminatePlan(t.Context(), deliveryplan.TerminatePlanParams{PlanID: "12000"})
	assert.EqualError(t, err, "wxpay: POST /v3/marketing/partner/delivery-plan/delivery-plans/{plan_id}/terminate: route is not open to brands; nothing was sent")
	_, err = s.SetNotifyURL(t.Context(), deliveryplan.SetNotifyURLParams{SpMchID: platformtest.MchID, NotifyURL: "https://a.example/n"})
	assert.ErrorContains(t, err, "sp_mchid has no place in a call of a brand")
	_, err = s.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: "40016"})
	assert.ErrorContains(t, err, "brand_id has no place in a call of a brand")
	_, err = deliveryplan.New(platformtest.Client(t, none)).ResumePlan(t.Context(), deliveryplan.ResumePlanParams{PlanID: "12000"})
	assert.ErrorContains(t, err, "route is open to brands alone")
}

// A service provider may name another merchant number than that of the client, whose the platform judges.
func TestSetNotifyURLOfAnother(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.SetNotifyURL)(deliveryplan.SetNotifyURLParams{SpMchID: "298689900", NotifyURL: "https://www.example.com/notify"}),
		Request: "POST " + partner + "/298689900/notify-url", Route: "POST " + partner + "/{sp_mchid}/notify-url",
		Body: `{"notify_url":"https://www.example.com/notify"}`, Answer: `{"notify_url":"https://www.example.com/notify"}`,
		Want: &deliveryplan.NotifyURL{NotifyURL: "https://www.example.com/notify"},
	}.Run(t)
}

// Both spellings of a state are read as one; what is not known stays as it came (DP-5, DP-15).
func TestStates(t *testing.T) {
	t.Parallel()
	for spelled, want := range map[string]deliveryplan.PlanState{
		"CREATING": deliveryplan.PlanCreating, "CREATED": deliveryplan.PlanCreated, "DELIVERING": deliveryplan.PlanDelivering, "PAUSED": deliveryplan.PlanPaused,
		"TERMINATING": deliveryplan.PlanTerminating, "TERMINATED": deliveryplan.PlanTerminated, "EXPIRED": deliveryplan.PlanExpired,
		"PLAN_PAUSED": deliveryplan.PlanPaused, "TOMORROW": "TOMORROW", "PLAN_TOMORROW": "PLAN_TOMORROW", "created": "created", "": "",
	} {
		var got deliveryplan.PlanState
		require.NoError(t, json.Unmarshal([]byte(strconv.Quote(spelled)), &got))
		assert.Equal(t, want, got)
		assert.Equal(t, want == deliveryplan.PlanTerminated || want == deliveryplan.PlanExpired, got.Final(), spelled)
	}
	for spelled, want := range map[string]deliveryplan.AuditState{
		"INITIAL": deliveryplan.AuditInitial, "PROCESSING": deliveryplan.AuditProcessing, "PASSED": deliveryplan.AuditPassed, "REJECTED": deliveryplan.AuditRejected,
		"AUDIT_PASSED": deliveryplan.AuditPassed, "TOMORROW": "TOMORROW",
	} {
		var got deliveryplan.AuditState
		require.NoError(t, json.Unmarshal([]byte(strconv.Quote(spelled)), &got))
		assert.Equal(t, want, got)
	}
	var e deliveryplan.PlanChangedEvent
	require.NoError(t, json.Unmarshal([]byte(`{"plan_id":"7000","plan_state":"PLAN_TERMINATED","audit_state":"PASSED","change_reason":"审核通过",
		"modify_time":"2025-05-20T13:29:35.120+08:00"}`), &e))
	assert.Equal(t, deliveryplan.PlanChangedEvent{PlanID: "7000", PlanState: deliveryplan.PlanTerminated, AuditState: deliveryplan.AuditPassed, ChangeReason: "审核通过",
		ModifyTime: at("2025-05-20T13:29:35.120+08:00")}, e)
	assert.Equal(t, "DELIVERY_PLAN.CHANGE", string(deliveryplan.EventPlanChanged))
}

// A genuine answer about a plan that is not as it was asked for, such as another one of the same stock, is not taken for
// the success of a write.
func TestPlansThatAreOther(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ call, member, value string }{
		{"CreatePlan", "plan_id", `""`}, {"CreatePlan", "plan_name", `"OTHER"`}, {"CreatePlan", "plan_name", `""`}, {"CreatePlan", "total_count", `99999999`},
		{"CreatePlan", "user_limit", `1`}, {"CreatePlan", "daily_limit", `1`}, {"CreatePlan", "recommend_word", `"other"`},
		{"CreatePlan", "usage_mode", `"PROGRESSIVE_BUNDLE"`}, {"CreatePlan", "delivery_start_time", `"2025-01-02T00:00:00+08:00"`},
		{"CreatePlan", "delivery_end_time", `"2025-01-30T00:00:00+08:00"`},
		{"UpdatePlan", "plan_name", `"OTHER"`}, {"UpdatePlan", "total_count", `11000`}, {"UpdatePlan", "user_limit", `5`}, {"UpdatePlan", "daily_limit", `100`},
		{"UpdatePlan", "recommend_word", `"other"`}, {"UpdatePlan", "delivery_end_time", `"2025-01-31T00:00:00+08:00"`},
	} {
		for who, all := range map[string]map[string]platformtest.Wire{"partner": calls(), "brand": brandCalls()} {
			w, client := all[test.call], platformtest.Client
			if who == "brand" {
				client = platformtest.BrandClient
			}
			var answer struct {
				Plan map[string]json.RawMessage `json:"plan"`
			}
			for value, good := range map[string]bool{"": test.member != "plan_id" && test.member != "plan_name", test.value: false} {
				require.NoError(t, json.Unmarshal([]byte(w.Answer), &answer))
				require.Contains(t, answer.Plan, test.member)
				answer.Plan[test.member] = json.RawMessage(value)
				if value == "" {
					delete(answer.Plan, test.member)
				}
				text, err := json.Marshal(answer)
				require.NoError(t, err)
				got, err := w.Call(t.Context(), client(t, platformtest.Trip(platformtest.Answer(200, string(text)))))
				if good {
					require.NoError(t, err, "%s without %s", test.call, test.member)
					continue
				}
				unknown, ok := errors.AsType[*wxpay.UnknownError](err)
				if assert.True(t, ok, "%s with another %s by a %s: %v", test.call, test.member, who, err) {
					assert.Equal(t, who == "brand", strings.Contains(unknown.Route, "/brand/"), unknown.Route)
				}
				assert.Nil(t, got)
			}
		}
	}
}

// What was not asked for is not compared: a plan that takes all from its coupon has other counts.
func TestPlansOfTheCoupon(t *testing.T) {
	t.Parallel()
	p := creating()
	p.ReuseCouponConfig, p.PlanName, p.TotalCount, p.UserLimit, p.DailyLimit, p.RecommendWord = true, "", 0, 0, 0, ""
	p.DeliveryStartTime, p.DeliveryEndTime = wxpay.Time{}, wxpay.Time{}
	_, err := deliveryplan.New(platformtest.Client(t, platformtest.Trip(platformtest.Answer(200, `{"plan":`+planText+`}`)))).CreatePlan(t.Context(), p)
	require.NoError(t, err)
	p.PlanName = "mine"
	_, err = deliveryplan.New(platformtest.Client(t, platformtest.Trip(platformtest.Answer(200, `{"plan":`+planText+`}`)))).CreatePlan(t.Context(), p)
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
}

// The page on the answer to a resume was not readable: it may hold a plan, a part of one, or nothing (DP-16).
func TestResumePlanAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		state  deliveryplan.PlanState
		good   bool
	}{
		"nothing":            {204, ``, "", true},
		"an empty body":      {200, ``, "", true},
		"no member":          {200, `{}`, "", true},
		"an empty plan":      {200, `{"plan":{}}`, "", true},
		"a part of the plan": {200, `{"plan":{"plan_state":"DELIVERING"}}`, deliveryplan.PlanDelivering, true},
		"an odd time":        {200, `{"plan":{"plan_id":"12000","plan_state":"DELIVERING","delivery_end_time":"soon"}}`, deliveryplan.PlanDelivering, true},
		"paused still":       {200, `{"plan":{"plan_id":"12000","plan_state":"PAUSED"}}`, "", false},
		"another plan":       {200, `{"plan":{"plan_id":"other1","plan_state":"DELIVERING"}}`, "", false},
		"a state unreadable": {200, `{"plan":{"plan_id":"12000","plan_state":{}}}`, "", false},
		"a list":             {200, `[]`, "", false},
		"null":               {200, `null`, "", false},
		"a refusal":          {200, `{"code":"INVALID_REQUEST","message":"x"}`, "", false},
	} {
		client := platformtest.BrandClient(t, platformtest.Trip(platformtest.Answer(test.status, test.body)))
		got, err := deliveryplan.New(client).ResumePlan(t.Context(), deliveryplan.ResumePlanParams{PlanID: "12000"})
		if test.good {
			require.NoError(t, err, name)
			if test.state == "" {
				assert.Nil(t, got, name)
				continue
			}
			require.NotNil(t, got, name)
			assert.Equal(t, test.state, got.Plan.PlanState, name)
			continue
		}
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", name, err)
		assert.Nil(t, got, name)
	}
}

// What belongs together in a new plan, beyond single members.
func TestCreatePlanTogether(t *testing.T) {
	t.Parallel()
	type P = deliveryplan.CreatePlanParams
	reused := func(p *P) {
		p.ReuseCouponConfig, p.PlanName, p.TotalCount = true, "", 0
		p.DeliveryStartTime, p.DeliveryEndTime = wxpay.Time{}, wxpay.Time{}
	}
	for _, test := range []struct {
		name   string
		change func(*P)
		param  string // empty: it is sent
	}{
		{"as it is", func(*P) {}, ""},
		{"all from the coupon", reused, ""},
		{"no mode", func(p *P) { p.UsageMode = "" }, ""},
		{"no mode, no stock", func(p *P) { p.UsageMode, p.StockID = "", "" }, "stock_id"},
		{"no stock", func(p *P) { p.StockID = "" }, "stock_id"},
		{"a bundle", func(p *P) { p.UsageMode, p.StockID = "PROGRESSIVE_BUNDLE", "" }, ""},
		{"no bundle", func(p *P) { p.UsageMode, p.StockBundleID = "PROGRESSIVE_BUNDLE", "" }, "stock_bundle_id"},
		{"a mode of tomorrow", func(p *P) { p.UsageMode, p.StockID, p.StockBundleID = "TOMORROW", "", "" }, ""},
		{"no name", func(p *P) { p.PlanName = "" }, "plan_name"},
		{"no count", func(p *P) { p.TotalCount = 0 }, "total_count"},
		{"no start", func(p *P) { p.DeliveryStartTime = wxpay.Time{} }, "delivery_start_time"},
		{"no end", func(p *P) { p.DeliveryEndTime = wxpay.Time{} }, "delivery_end_time"},
		{"few", func(p *P) { p.TotalCount = 9999 }, "total_count"},
		{"none for anybody", func(p *P) { p.UserLimit = -1 }, "user_limit"},
		{"none on any day", func(p *P) { p.DailyLimit = -1 }, "daily_limit"},
		{"a long name", func(p *P) { p.PlanName = strings.Repeat("冬", 37) }, "plan_name"},
		{"a name as long as may be", func(p *P) { p.PlanName = strings.Repeat("冬", 36) }, ""},
		{"a long word", func(p *P) { p.RecommendWord = strings.Repeat("天", 28) }, "recommend_word"},
		{"a short number", func(p *P) { p.OutRequestNo = "12345" }, "out_request_no"},
		{"a long number", func(p *P) { p.OutRequestNo = strings.Repeat("7", 41) }, "out_request_no"},
		{"a number with a mark", func(p *P) { p.OutRequestNo = "12345|6" }, "out_request_no"},
		{"no number", func(p *P) { p.OutRequestNo = "" }, "out_request_no"},
		{"a coupon from a file", func(p *P) { p.ProductCouponID += "\r" }, "product_coupon_id"},
		{"no coupon", func(p *P) { p.ProductCouponID = "" }, "product_coupon_id"},
		{"another brand", func(p *P) { p.BrandID = "1/2" }, "brand_id"},
	} {
		for who, client := range map[string]func(testing.TB, http.RoundTripper) *wxpay.Client{"partner": platformtest.Client, "brand": platformtest.BrandClient} {
			p, sent := creating(), 0
			test.change(&p)
			_, err := deliveryplan.New(client(t, platformtest.Trip(func(req *http.Request) (*http.Response, error) {
				sent++
				return platformtest.Answer(403, `{"code":"NO_AUTH","message":"x"}`)(req)
			}))).CreatePlan(t.Context(), p)
			if test.param == "" {
				assert.ErrorIs(t, err, wxpay.CodeNoAuth, "%s by a %s", test.name, who)
				continue
			}
			refused, local := errors.AsType[*wxpay.ParamError](err)
			if assert.True(t, local, "%s by a %s: %v", test.name, who, err) {
				assert.Equal(t, test.param, refused.Param, test.name)
				assert.Equal(t, who == "brand", strings.Contains(refused.Route, "/brand/"), refused.Route)
				assert.Zero(t, sent)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	none := platformtest.Trip(func(*http.Request) (*http.Response, error) { return nil, errors.New("was sent") })
	s := deliveryplan.New(platformtest.Client(t, none))
	for name, call := range map[string]struct {
		param string
		err   error
	}{
		"a large page":         {"page_size", second(s.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID, PageSize: 51}))},
		"a page of less":       {"page_size", second(s.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID, PageSize: -1}))},
		"before the first":     {"offset", second(s.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID, Offset: -1}))},
		"no brand":             {"brand_id", second(s.ListPlans(t.Context(), deliveryplan.ListPlansParams{}))},
		"a long plan":          {"plan_id", second(s.ListPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID, PlanID: strings.Repeat("1", 33)}))},
		"a plan with a slash":  {"plan_id", s.TerminatePlan(t.Context(), deliveryplan.TerminatePlanParams{PlanID: "1/2"})},
		"no plan":              {"plan_id", s.TerminatePlan(t.Context(), deliveryplan.TerminatePlanParams{})},
		"no plan to change":    {"plan_id", second(s.UpdatePlan(t.Context(), deliveryplan.UpdatePlanParams{OutRequestNo: "asdf-1234"}))},
		"no number":            {"out_request_no", second(s.UpdatePlan(t.Context(), deliveryplan.UpdatePlanParams{PlanID: "12000"}))},
		"a count that shrinks": {"modify_content.total_count", second(s.UpdatePlan(t.Context(), deliveryplan.UpdatePlanParams{PlanID: "12000", OutRequestNo: "asdf-1234", ModifyContent: deliveryplan.PlanChanges{TotalCount: 1}}))},
		"plain http":           {"notify_url", second(s.SetNotifyURL(t.Context(), deliveryplan.SetNotifyURLParams{NotifyURL: "http://shop.example/n"}))},
		"a query":              {"notify_url", second(s.SetNotifyURL(t.Context(), deliveryplan.SetNotifyURLParams{NotifyURL: "https://shop.example/n?a=1"}))},
		"a merchant by letter": {"sp_mchid", second(s.SetNotifyURL(t.Context(), deliveryplan.SetNotifyURLParams{SpMchID: "m1", NotifyURL: "https://shop.example/n"}))},
	} {
		refused, local := errors.AsType[*wxpay.ParamError](call.err)
		if assert.True(t, local, "%s: %v", name, call.err) {
			assert.Equal(t, call.param, refused.Param, name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A genuine answer about something else than what was asked leaves the outcome open.
func TestAnswersAboutSomethingElse(t *testing.T) {
	t.Parallel()
	for name, members := range map[string]string{
		"CreatePlan": "product_coupon_id brand_id stock_id stock_bundle_id", "ListPlans": "plan_id brand_id", "UpdatePlan": "plan_id", "SetNotifyURL": "notify_url",
	} {
		w := calls()[name]
		for member := range strings.FieldsSeq(members) {
			before, after, ok := strings.Cut(w.Answer, `"`+member+`":"`)
			require.True(t, ok, "%s of %s is nowhere", member, name)
			answer := before + `"` + member + `":"other1` + after[strings.Index(after, `"`):]
			got, err := w.Call(t.Context(), platformtest.Client(t, platformtest.Trip(platformtest.Answer(200, answer))))
			unknown, ok := errors.AsType[*wxpay.UnknownError](err)
			if assert.True(t, ok, "%s with another %s: %v", name, member, err) {
				assert.Equal(t, w.Route, unknown.Route)
				assert.NotContains(t, err.Error(), "other1")
			}
			assert.Nil(t, got)
		}
		got, err := w.Call(t.Context(), platformtest.Client(t, platformtest.Trip(platformtest.Answer(200, `{}`))))
		if name == "ListPlans" {
			require.NoError(t, err)
			continue
		}
		assert.True(t, wxpay.OutcomeUnknown(err), "%s: %v", name, err)
		assert.Nil(t, got)
	}
}

// Whatever comes back in place of a genuine answer to this very call says nothing of what was done.
func TestAnswersNobodyCanTrust(t *testing.T) {
	t.Parallel()
	all := calls()
	maps.Copy(all, map[string]platformtest.Wire{"TerminatePlan": {
		Call: platformtest.Succeeds(deliveryplan.New, S.TerminatePlan)(deliveryplan.TerminatePlanParams{PlanID: "12000"}), Answer: `{}`}})
	for name, w := range all {
		genuine := platformtest.Answer(200, w.Answer)
		var first http.Header
		for what, answer := range map[string]platformtest.Trip{
			"lost": func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			"forged": func(req *http.Request) (*http.Response, error) {
				resp, err := genuine(req)
				resp.Header.Set("Wechatpay-Signature", "Zm9yZ2Vk")
				return resp, err
			},
			"replayed": func(req *http.Request) (*http.Response, error) {
				resp, err := genuine(req)
				if first == nil {
					first = resp.Header
				}
				resp.Header = first
				return resp, err
			},
		} {
			config := platformtest.Config(nil)
			config.MaxAttempts, config.HTTPClient = 1, &http.Client{Transport: answer}
			client, err := wxpay.New(config)
			require.NoError(t, err)
			if what == "replayed" {
				_, err := w.Call(t.Context(), client)
				require.NoError(t, err)
			}
			got, err := w.Call(t.Context(), client)
			assert.True(t, wxpay.OutcomeUnknown(err), "%s %s: %v", name, what, err)
			assert.Nil(t, got)
		}
	}
}

// pagesOf answers pages of so many plans, with offset counted as by says (DP-9).
func pagesOf(t *testing.T, total int64, by func(offset, size int64) int64, requests *int) platformtest.Trip {
	return func(req *http.Request) (*http.Response, error) {
		*requests++
		q := req.URL.Query()
		offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
		assert.NoError(t, err)
		size, err := strconv.ParseInt(q.Get("page_size"), 10, 64)
		assert.NoError(t, err)
		var list []string
		for i := by(offset, size); i < total && int64(len(list)) < size; i++ {
			list = append(list, fmt.Sprintf(`{"plan_id":"p%d","plan_name":"n","plan_state":"PLAN_PAUSED","product_coupon_id":"1","brand_id":"120344"}`, i))
		}
		return platformtest.Answer(200, fmt.Sprintf(`{"total_count":%d,"plan_list":[%s]}`, total, strings.Join(list, ",")))(req)
	}
}

func byRecord(offset, _ int64) int64 { return offset }

func TestAllPlans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ total, from, size, want, requests int64 }{
		{0, 0, 0, 0, 1}, {50, 0, 0, 50, 1}, {51, 0, 0, 51, 2}, {45, 0, 20, 45, 3}, {45, 40, 20, 5, 1},
	} {
		requests := 0
		s := deliveryplan.New(platformtest.Client(t, pagesOf(t, test.total, byRecord, &requests)))
		all := s.AllPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID, PageSize: test.size, Offset: test.from})
		for range 2 { // a walk can be gone again
			n := test.from
			for p, err := range all {
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("p%d", n), p.PlanID)
				n++
			}
			assert.Equal(t, test.want, n-test.from)
		}
		assert.EqualValues(t, 2*test.requests, requests, "%+v", test)
	}
}

// If the platform counts pages after all, the walk says so instead of leaving plans out (DP-9).
func TestAllPlansCountedOtherwise(t *testing.T) {
	t.Parallel()
	requests := 0
	s := deliveryplan.New(platformtest.Client(t, pagesOf(t, 120, func(offset, size int64) int64 { return offset * size }, &requests)))
	var last error
	seen := 0
	for p, err := range s.AllPlans(t.Context(), deliveryplan.ListPlansParams{BrandID: brandID}) {
		require.NoError(t, last, "it goes on after an error")
		if last = err; err == nil {
			seen++
		} else {
			assert.Empty(t, p)
		}
	}
	require.ErrorIs(t, last, wxpay.ErrPages)
	assert.Equal(t, 50, seen)
}
