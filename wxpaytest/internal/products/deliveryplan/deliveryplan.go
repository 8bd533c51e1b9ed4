// Package deliveryplan is the state of delivery plans: reviewed by people, then handed out by the platform.
package deliveryplan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const name = "deliveryplan"

// Options are what the product needs of others.
type Options struct {
	MchID string // of the service provider

	// Stock shows a stock of a brand, or the first of a bundle, with the name of its coupon; nil: there is no such one.
	Stock func(brand, productCouponID, stockID, bundleID string) engine.Object
}

// A Plans is the state.
type Plans struct {
	e        *engine.Engine
	options  Options
	notified map[string]string // addresses by who set them
	plans    engine.List[*plan]
}

type plan struct {
	id     string
	brand  string
	caller string        // who made it, and is told of it
	data   engine.Object // members of Plan, without what follows the stock
	audit  string        // PROCESSING, PASSED, REJECTED
	paused bool
	ended  bool
	told   string // the state that is known to who made it
}

// New returns an empty state.
func New(e *engine.Engine, o Options) *Plans {
	return &Plans{e: e, options: o, notified: map[string]string{}}
}

// Product is what the engine is to know of it.
func (s *Plans) Product() engine.Product {
	return engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"createPlan": s.createPlan, "listPlans": s.listPlans, "setNotifyUrl": s.setNotifyURL,
			"updatePlan": s.plan(s.updatePlan), "terminatePlan": s.plan(s.terminatePlan), "resumePlan": s.plan(s.resumePlan),
		},
		Actions: s.actions(),
		Views:   func() []engine.View { return []engine.View{engine.Rows(name, "plans", s.plans.All(), s.row)} },
		Due:     s.due, Pass: s.pass,
	}
}

func (s *Plans) actions() []engine.Action {
	type args = map[string]string
	id := engine.Param{Name: "plan_id", Doc: "the plan", DocZh: "投放计划 ID"}
	return []engine.Action{
		{
			Name: "review-plan", Doc: "people review a delivery plan", DocZh: "人工审核投放计划",
			Params: []engine.Param{id, {Name: "result", Doc: "what comes of it", DocZh: "审核结果", Values: []string{"PASSED", "REJECTED"}}},
			Do:     func(a args) (any, error) { return nil, s.review(a["plan_id"], a["result"]) },
		},
		{
			Name: "pause-plan", Doc: "a delivery plan that is under way is paused; only a brand can resume it", DocZh: "暂停投放中的计划；只有品牌能恢复",
			Params: []engine.Param{id},
			Do:     func(a args) (any, error) { return nil, s.pause(a["plan_id"]) },
		},
	}
}

// states of a plan, as a service provider reads them; a brand reads them without the beginning.
const (
	prefix     = "PLAN_"
	creating   = "PLAN_CREATING"
	created    = "PLAN_CREATED"
	delivering = "PLAN_DELIVERING"
	paused     = "PLAN_PAUSED"
	terminated = "PLAN_TERMINATED"
	expired    = "PLAN_EXPIRED"
)

// state is that of a plan as it is now: a plan ends with its stock.
func (s *Plans) state(p *plan) string {
	shown := s.timed(p)
	begin, end := engine.ReadTime(shown.Text("delivery_start_time")), engine.ReadTime(shown.Text("delivery_end_time"))
	switch now := s.e.Now(); {
	case p.ended || s.stock(p).Text("state") == "DEACTIVATED":
		return terminated
	case p.audit == "PROCESSING":
		return creating
	case !now.Before(end):
		return expired
	case p.paused:
		return paused
	case now.Before(begin):
		return created
	}
	return delivering
}

func (s *Plans) stock(p *plan) engine.Object {
	return s.options.Stock(p.brand, p.data.Text("product_coupon_id"), p.data.Text("stock_id"), p.data.Text("stock_bundle_id"))
}

// timed is a plan with what it takes from coupon and stock, if it does.
func (s *Plans) timed(p *plan) engine.Object {
	o := maps.Clone(p.data)
	if !o.Flag("reuse_coupon_config") {
		return o
	}
	stock := s.stock(p)
	o["plan_name"] = stock["name"]
	rule, period := stock.Child("stock_send_rule"), periodOf(stock)
	for member, from := range map[string]string{"total_count": "max_count", "user_limit": "max_count_per_user", "daily_limit": "max_count_per_day"} {
		if v, ok := rule[from]; ok {
			o[member] = v
		}
	}
	last := endOf(stock).AddDate(0, 0, -1-int(period.Number("wait_days_after_receive")+period.Number("available_days")))
	o["delivery_start_time"], o["delivery_end_time"] = period["available_begin_time"], stamp(last)
	return o
}

func periodOf(stock engine.Object) engine.Object {
	rule := stock.Child("single_usage_rule")
	if rule == nil {
		rule = stock.Child("progressive_bundle_usage_rule")
	}
	return rule.Child("coupon_available_period")
}

func endOf(stock engine.Object) time.Time {
	return engine.ReadTime(periodOf(stock).Text("available_end_time"))
}

func stamp(t time.Time) string { return t.In(engine.Beijing).Format(time.RFC3339) }

// show is a plan as a caller reads it.
func (s *Plans) show(tx *engine.Tx, p *plan) engine.Object {
	o := s.timed(p)
	o["plan_state"] = spelled(tx, s.state(p))
	return o
}

// row is a plan as a view has it.
func (s *Plans) row(p *plan) engine.Object {
	o := s.timed(p)
	o["plan_state"], o["audit_state"] = s.state(p), "AUDIT_"+p.audit
	return o
}

// brandOf is the brand that calls for itself; empty: a service provider does.
func brandOf(tx *engine.Tx) string { return tx.Self.Text("brand_id") }

// spelled spells a state for who asks: at the door of brands there is nothing before a plan is made.
func spelled(tx *engine.Tx, state string) string {
	if brandOf(tx) == "" {
		return state
	}
	return told(state)
}

// told is a state as notifications and brands have it.
func told(state string) string {
	if state == creating {
		state = created
	}
	return strings.TrimPrefix(state, prefix)
}

// What a plan needs at least.
const (
	leastCoupons = 10_000
	shortest     = 5 * 24 * time.Hour
)

func (s *Plans) createPlan(tx *engine.Tx) (engine.Object, error) {
	p := &plan{id: fmt.Sprint(12000 + s.e.Number()), brand: cmp.Or(brandOf(tx), tx.Body.Text("brand_id")), caller: tx.Caller, audit: "PROCESSING", told: creating}
	p.data = maps.Clone(tx.Body)
	delete(p.data, "out_request_no")
	p.data["usage_mode"] = cmp.Or(p.data.Text("usage_mode"), "SINGLE")
	p.data["plan_id"], p.data["brand_id"] = p.id, p.brand
	if err := s.check(p); err != nil {
		return nil, err
	}
	s.plans.Add(p.id, p)
	return engine.Object{"plan": s.show(tx, p)}, nil
}

// check refuses a plan that cannot be made.
func (s *Plans) check(p *plan) error {
	bundle := p.data.Text("usage_mode") == "PROGRESSIVE_BUNDLE"
	if (p.data.Text("stock_bundle_id") != "") != bundle || (p.data.Text("stock_id") != "") == bundle {
		return breaks("stock_id", "is for usage_mode SINGLE, and stock_bundle_id for PROGRESSIVE_BUNDLE")
	}
	stock := s.stock(p)
	life := endOf(stock).Sub(engine.ReadTime(periodOf(stock).Text("available_begin_time")))
	switch {
	case stock == nil:
		return because(268578608, "there is no such stock of this coupon and brand")
	case stock.Text("state") != "SENDING":
		return because(268577984, "the stock is %s, not SENDING", stock.Text("state"))
	case stock.Text("coupon_code_mode") != "WECHATPAY":
		return engine.Invalid("the stock is not in mode WECHATPAY")
	case stock.Child("stock_send_rule").Number("max_count") < leastCoupons:
		return engine.Invalid("the stock has less than %d coupons", leastCoupons)
	case life <= shortest:
		return engine.Invalid("the stock is not good for more than 5 days")
	}
	return checkOwn(s.timed(p), endOf(stock))
}

// checkOwn refuses what a plan sets itself, with the end of its stock.
func checkOwn(o engine.Object, last time.Time) error {
	begin, end := engine.ReadTime(o.Text("delivery_start_time")), engine.ReadTime(o.Text("delivery_end_time"))
	switch {
	case end.Sub(begin) < shortest:
		return breaks("delivery_end_time", "is not 5 days after delivery_start_time")
	case !end.Before(last):
		return breaks("delivery_end_time", "is not before the end of the stock")
	}
	return nil
}

// because refuses for a reason that has a number.
func because(reason int, format string, a ...any) error {
	return &engine.Refusal{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Message: fmt.Sprintf(format, a...), Reason: reason}
}

// breaks refuses a member that has the right shape and breaks a rule.
func breaks(member, issue string) error {
	return &engine.Refusal{Status: http.StatusBadRequest, Code: "PARAM_ERROR", Message: member + " " + issue}
}

// brandPage is the size of a page whose call names none, at the door of brands.
const brandPage = 10

func (s *Plans) listPlans(tx *engine.Tx) (engine.Object, error) {
	brand := cmp.Or(brandOf(tx), tx.Var("brand_id"))
	if brandOf(tx) != "" && tx.Query["page_size"] == nil {
		tx.Query = maps.Clone(tx.Query)
		tx.Query["page_size"] = int64(brandPage)
	}
	found := slices.DeleteFunc(slices.Clone(s.plans.All()), func(p *plan) bool {
		return p.brand != brand || !tx.Asks(engine.Object{"audit_state": "AUDIT_" + p.audit}, "audit_state")
	})
	return engine.PageOf(tx, found, func(p *plan) engine.Object { return s.show(tx, p) }, "plan_id", "plan_state")
}

// plan finds the one that a call names: a brand has its own, a service provider those it made.
func (s *Plans) plan(handle func(*engine.Tx, *plan) (engine.Object, error)) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		p, ok := s.plans.Get(tx.Var("plan_id"))
		if !ok || brandOf(tx) != "" && brandOf(tx) != p.brand {
			return nil, because(268578608, "there is no such plan")
		}
		return handle(tx, p)
	}
}

func (s *Plans) updatePlan(tx *engine.Tx, p *plan) (engine.Object, error) {
	change := tx.Body.Child("modify_content")
	changed := &plan{brand: p.brand, data: maps.Clone(p.data)}
	maps.Copy(changed.data, change)
	if err := cmp.Or(s.over(p), grows(p.data, change), checkOwn(s.timed(changed), endOf(s.stock(p)))); err != nil {
		return nil, err
	}
	p.data = changed.data
	return engine.Object{"plan": s.show(tx, p)}, nil
}

// over refuses a plan that does nothing any more.
func (s *Plans) over(p *plan) error {
	if state := s.state(p); state == terminated || state == expired {
		return engine.Invalid("the plan is %s", told(state))
	}
	return nil
}

// grows refuses a change that takes something away.
func grows(now, change engine.Object) error {
	if len(change) == 0 {
		return breaks("modify_content", "changes nothing")
	}
	for _, member := range []string{"total_count", "user_limit", "daily_limit", "delivery_end_time"} {
		switch {
		case change[member] == nil:
		case now.Flag("reuse_coupon_config"):
			return breaks(member, "follows the stock, whose limits it takes")
		case now[member] == nil:
			return breaks(member, "cannot be added to a plan that has none")
		case change.Number(member) < now.Number(member), engine.ReadTime(change.Text(member)).Before(engine.ReadTime(now.Text(member))):
			return breaks(member, "can only grow")
		}
	}
	return nil
}

func (s *Plans) terminatePlan(_ *engine.Tx, p *plan) (engine.Object, error) {
	if err := s.over(p); err != nil {
		return nil, err
	}
	p.ended = true
	s.changed(p, "终止投放")
	return nil, nil
}

func (s *Plans) resumePlan(tx *engine.Tx, p *plan) (engine.Object, error) {
	if s.state(p) != paused {
		return nil, engine.Invalid("the plan is not paused")
	}
	p.paused = false
	s.changed(p, "恢复投放")
	return engine.Object{"plan": s.show(tx, p)}, nil
}

// due is when a plan changes next by itself: it begins, it is over, it goes with its stock.
func (s *Plans) due() (next time.Time) {
	for _, p := range s.plans.All() {
		if at := s.dueOf(p); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

func (s *Plans) dueOf(p *plan) time.Time {
	switch state := s.state(p); {
	case state != p.told:
		return s.e.Now()
	case state == created:
		return engine.ReadTime(s.timed(p).Text("delivery_start_time"))
	case state == delivering || state == paused:
		return engine.ReadTime(s.timed(p).Text("delivery_end_time"))
	}
	return time.Time{}
}

// pass tells of the plans that have changed by themselves.
func (s *Plans) pass() {
	for _, p := range s.plans.All() {
		if state := s.state(p); state != p.told {
			s.changed(p, map[string]string{delivering: "开始投放", expired: "投放到期", terminated: "商品券批次已失效"}[state])
		}
	}
}

// changed tells who made a plan that it changed.
func (s *Plans) changed(p *plan, why string) {
	p.told = s.state(p)
	s.e.Happen(engine.Event{Type: "DELIVERY_PLAN.CHANGE", Caller: p.caller, URL: s.notified[p.caller], Plaintext: engine.Object{
		"plan_id": p.id, "plan_state": told(s.state(p)), "audit_state": p.audit, "change_reason": why, "modify_time": engine.Stamp(s.e.Now()),
	}})
}

// review lets people pass a plan, or refuse it.
func (s *Plans) review(id, result string) error {
	p, ok := s.plans.Get(id)
	if !ok || s.state(p) != creating {
		return errors.New("wxpaytest: there is no such plan in review")
	}
	p.audit, p.ended = result, result == "REJECTED"
	s.changed(p, map[string]string{"PASSED": "审核通过", "REJECTED": "审核驳回"}[result])
	return nil
}

func (s *Plans) pause(id string) error {
	p, ok := s.plans.Get(id)
	if !ok || s.state(p) != delivering {
		return errors.New("wxpaytest: there is no such plan under way")
	}
	p.paused = true
	s.changed(p, "暂停投放")
	return nil
}

func (s *Plans) setNotifyURL(tx *engine.Tx) (engine.Object, error) {
	if id := tx.Var("sp_mchid"); id != "" && id != s.options.MchID {
		return nil, engine.Invalid("sp_mchid is not who calls")
	}
	s.notified[tx.Caller] = tx.Body.Text("notify_url")
	return tx.Body.Pick("notify_url"), nil
}
