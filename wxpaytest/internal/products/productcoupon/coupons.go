package productcoupon

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A coupon is one that a user holds, or held.
type coupon struct {
	code                 string
	of                   *send
	stock                *stock
	product, look        engine.Object // data of product coupon and stock when it was sent
	received, begin, end time.Time
	state                string        // CONFIRMING, CONFIRMED, USED, DELETED, DEACTIVATED
	told, usage          engine.Object // what calls have set
	used                 time.Time
}

// validity is when a coupon may be used that a user gets at a time.
func (k *stock) validity(at time.Time) (begin, end time.Time) {
	p := k.period()
	begin, end = engine.ReadTime(p.Text("available_begin_time")), engine.ReadTime(p.Text("available_end_time"))
	if list := spans(p); len(list) > 0 {
		return engine.ReadTime(list[0].Text("begin_time")), engine.ReadTime(list[len(list)-1].Text("end_time"))
	}
	if from := at.AddDate(0, 0, int(p.Number("wait_days_after_receive"))); from.After(begin) {
		begin = from
	}
	if days := p.Number("available_days"); days > 0 {
		end = earlier(end, begin.AddDate(0, 0, int(days)))
	}
	if seconds := p.Number("available_seconds"); seconds > 0 {
		end = earlier(end, begin.Add(time.Duration(min(seconds, int64(longestPeriod/time.Second)))*time.Second))
	}
	return begin, end
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// spans are the separate ones of a period, if it has them.
func spans(period engine.Object) (list []engine.Object) {
	for _, one := range listOf(period, "irregular_available_period_list") {
		list = append(list, one.(engine.Object))
	}
	return list
}

// inForce reports whether a coupon may be used at a time within its validity: some are good for separate spans, or at
// times of the week.
func (c *coupon) inForce(at time.Time) bool {
	p := cmpChild(c.look, "single_usage_rule", "progressive_bundle_usage_rule").Child("coupon_available_period")
	list := spans(p)
	within := func(o engine.Object) bool {
		return !at.Before(engine.ReadTime(o.Text("begin_time"))) && at.Before(engine.ReadTime(o.Text("end_time")))
	}
	return (len(list) == 0 || slices.ContainsFunc(list, within)) && inWeek(p.Child("weekly_available_period"), at.In(engine.Beijing))
}

func inWeek(week engine.Object, at time.Time) bool {
	days, periods := listOf(week, "day_list"), listOf(week, "day_period_list")
	second := int64(at.Hour()*3600 + at.Minute()*60 + at.Second())
	within := func(v any) bool {
		o, _ := v.(engine.Object)
		return o.Number("begin_time") <= second && second <= o.Number("end_time")
	}
	return (len(days) == 0 || slices.Contains(days, any(weekdays[at.Weekday()]))) && (len(periods) == 0 || slices.ContainsFunc(periods, within))
}

var weekdays = []string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

// stateOf is the state of a coupon as it is now.
func (s *Coupons) stateOf(c *coupon) string {
	switch now := s.e.Now(); {
	case c.state != "CONFIRMING" && c.state != "CONFIRMED":
		return c.state
	case !now.Before(c.end):
		return "EXPIRED"
	case c.state == "CONFIRMING":
		return c.state
	case now.Before(c.begin):
		return "PENDING"
	}
	return "EFFECTIVE"
}

// brief is what is told of a coupon everywhere.
func (s *Coupons) brief(c *coupon) engine.Object {
	o := engine.Object{
		"brand_id": c.stock.product.brand, "product_coupon_id": c.stock.product.id, "stock_id": c.stock.id, "coupon_code": c.code, "coupon_state": s.stateOf(c),
		"receive_time": stamp(c.received), "valid_begin_time": stamp(c.begin), "valid_end_time": stamp(c.end),
		"send_request_no": c.of.number, "send_channel": c.of.channel,
	}
	if c.of.pack != "" {
		o["stock_bundle_id"], o["user_coupon_bundle_id"] = c.stock.bundle.id, c.of.pack
	}
	return o
}

// row is a coupon as a view has it.
func (s *Coupons) row(c *coupon) engine.Object {
	o := s.brief(c)
	o["openid"], o["appid"] = c.of.openid, c.of.appid
	return o
}

// showCoupon is a coupon as calls answer it: with the looks it was sent with, and the states of now.
func (s *Coupons) showCoupon(c *coupon) engine.Object {
	o := s.brief(c)
	for _, name := range []string{"product_coupon_id", "stock_id", "stock_bundle_id", "user_coupon_bundle_id"} {
		delete(o, name)
	}
	product, now, stock := maps.Clone(c.product), s.showStock(c.stock), maps.Clone(c.look)
	product["state"] = c.stock.product.data["state"]
	maps.Copy(stock, now.Pick("state", "stock_send_rule", "sent_count_info", "coupon_code_count_info"))
	o["product_coupon"], o["stock"] = product, stock
	maps.Copy(o, c.told)
	if c.of.attach != "" {
		o["attach"] = c.of.attach
	}
	if c.of.tags != nil {
		o["coupon_tag_info"] = c.of.tags
	}
	detail := "single_usage_detail"
	if c.of.pack != "" {
		detail = "progressive_bundle_usage_detail"
		o["user_product_coupon_bundle_info"] = engine.Object{
			"user_coupon_bundle_id": c.of.pack, "user_coupon_bundle_index": int64(c.step()),
			"total_count": int64(len(c.of.coupons)), "used_count": int64(c.of.used()),
		}
	}
	if c.usage != nil {
		o[detail] = c.usage
	}
	return o
}

// step is the place of a coupon in its bundle.
func (c *coupon) step() int { return slices.Index(c.of.coupons, c) }

// used is how many coupons of a send are used.
func (o *send) used() (n int) {
	for _, c := range o.coupons {
		if c.state == "USED" {
			n++
		}
	}
	return n
}

// showPack is the bundle of a user.
func (s *Coupons) showPack(o *send) engine.Object {
	list := []engine.Object{}
	for _, c := range o.coupons {
		list = append(list, s.showCoupon(c))
	}
	return engine.Object{"user_coupon_bundle_id": o.pack, "user_product_coupon_list": list}
}

// coupon finds the one that a call names.
func (s *Coupons) coupon(handle func(*engine.Tx, *coupon) (engine.Object, error)) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		says := func(name string) string { return cmp.Or(tx.Body.Text(name), tx.Query.Text(name)) }
		w, err := s.person(tx.Var("openid"), says("appid"))
		if err != nil {
			return nil, err
		}
		c := w.find(func(c *coupon) bool {
			return c.code == tx.Var("coupon_code") && c.stock.id == says("stock_id") && c.stock.product.id == says("product_coupon_id") && c.stock.product.brand == brandOf(tx)
		})
		if c == nil {
			return nil, missing(tx, "coupon of this user")
		}
		return handle(tx, c)
	}
}

// find is the first coupon of a user that fits; nil: there is none.
func (w *person) find(fits func(*coupon) bool) *coupon {
	if w == nil {
		return nil
	}
	if i := slices.IndexFunc(w.coupons, fits); i >= 0 {
		return w.coupons[i]
	}
	return nil
}

// in refuses a coupon that is in another state than the call needs.
func (s *Coupons) in(c *coupon, wanted ...string) error {
	state := s.stateOf(c)
	reason := map[string]int{"EXPIRED": expired, "DELETED": deleted}[state]
	if wanted[0] == "EFFECTIVE" && state == "PENDING" {
		reason = outside
	}
	if slices.Contains(wanted, state) {
		return nil
	}
	return because(cmp.Or(reason, wrongState), "the coupon is %s", state)
}

func (s *Coupons) listUserCoupons(tx *engine.Tx) (engine.Object, error) {
	w, err := s.person(tx.Var("openid"), tx.Query.Text("appid"))
	if err != nil {
		return nil, err
	}
	var found []*coupon
	for c := range w.all() {
		if c.stock.product.brand == brandOf(tx) && tx.Asks(s.brief(c), "product_coupon_id", "stock_id", "coupon_state", "user_coupon_bundle_id") {
			found = append(found, c)
		}
	}
	list, err := engine.PageOf(tx, found, s.showCoupon)
	return firstPage(tx, list, err)
}

// all are the coupons of a user.
func (w *person) all() func(yield func(*coupon) bool) {
	if w == nil {
		return func(func(*coupon) bool) {}
	}
	return slices.Values(w.coupons)
}

func (s *Coupons) getUserCoupon(_ *engine.Tx, c *coupon) (engine.Object, error) {
	return s.showCoupon(c), nil
}

func (s *Coupons) confirmCoupon(tx *engine.Tx, c *coupon) (engine.Object, error) {
	if err := s.in(c, "CONFIRMING"); err != nil {
		return nil, err
	}
	c.state = "CONFIRMED"
	c.tell(engine.Object{"confirm_request_no": tx.Body.Text("out_request_no"), "confirm_time": s.now()})
	return s.showCoupon(c), nil
}

// tell adds to what is told of a coupon.
func (c *coupon) tell(more engine.Object) {
	told := maps.Clone(more)
	maps.Copy(told, c.told)
	c.told = told
}

func (s *Coupons) useCoupon(tx *engine.Tx, c *coupon) (engine.Object, error) {
	if err := cmp.Or(s.in(c, "EFFECTIVE"), checkOrder(tx.Body), s.inTurn(c), s.inStore(c.stock, tx.Body.Text("store_id"))); err != nil {
		return nil, err
	}
	c.state, c.used, c.usage = "USED", s.e.Now(), tx.Body.Pick("use_time", "associated_order_info", "associated_pay_score_order_info", "saved_amount")
	c.usage["use_request_no"] = tx.Body.Text("out_request_no")
	return s.showCoupon(c), nil
}

// checkOrder refuses a use with no order, or with two.
func checkOrder(b engine.Object) error {
	order, score := b.Child("associated_order_info"), b.Child("associated_pay_score_order_info")
	switch {
	case (order == nil) == (score == nil):
		return breaks("associated_order_info", "or associated_pay_score_order_info is needed, and not both")
	case order != nil && order.Text("transaction_id") == "" && (order.Text("out_trade_no") == "" || order.Text("mchid") == ""):
		return breaks("associated_order_info", "needs transaction_id, or out_trade_no with mchid")
	case score != nil && score.Text("order_id") == "" && (score.Text("out_order_no") == "" || score.Text("mchid") == ""):
		return breaks("associated_pay_score_order_info", "needs order_id, or out_order_no with mchid")
	}
	return nil
}

// inTurn refuses a coupon at times when it is not good, and one of a bundle whose turn it is not.
func (s *Coupons) inTurn(c *coupon) error {
	now := s.e.Now()
	if !c.inForce(now) {
		return because(outside, "the coupon cannot be used at this time")
	}
	if c.step() == 0 {
		return nil
	}
	before, days := c.of.coupons[c.step()-1], c.product.Child("progressive_bundle_usage_info").Number("interval_days")
	switch {
	case before.state != "USED":
		return because(wrongState, "the coupon before it in the bundle is not used yet")
	case now.Before(before.used.AddDate(0, 0, int(days))):
		return because(outside, "the bundle has %d days between two uses", days)
	}
	return nil
}

// inStore refuses a store that may not take a coupon; a use need not name one.
func (s *Coupons) inStore(k *stock, id string) error {
	scope := k.data.Text("store_scope")
	if id != "" && (s.closed[id] || scope == "NONE" || scope == "SPECIFIC" && !k.takes(id)) {
		return because(notInStore, "the store may not take this coupon")
	}
	return nil
}

func (s *Coupons) returnCoupon(tx *engine.Tx, c *coupon) (engine.Object, error) {
	err := s.in(c, "USED")
	if after := c.step() + 1; err == nil && after < len(c.of.coupons) && c.of.coupons[after].state == "USED" {
		err = because(wrongState, "only the coupon of a bundle that was used last can be given back")
	}
	if err != nil {
		return nil, err
	}
	c.state, c.usage = "CONFIRMED", maps.Clone(c.usage)
	c.usage["return_request_no"], c.usage["return_time"] = tx.Body.Text("out_request_no"), s.now()
	return s.showCoupon(c), nil
}

func (s *Coupons) deactivateCoupon(tx *engine.Tx, c *coupon) (engine.Object, error) {
	if err := s.in(c, "CONFIRMING", "PENDING", "EFFECTIVE"); err != nil {
		return nil, err
	}
	s.deactivate(tx, c)
	return s.showCoupon(c), nil
}

func (s *Coupons) deactivate(tx *engine.Tx, c *coupon) {
	c.state = "DEACTIVATED"
	more := s.deactivation(tx)
	delete(more, "state")
	c.tell(more)
}

func (s *Coupons) deactivateCouponBundle(tx *engine.Tx) (engine.Object, error) {
	w, err := s.person(tx.Var("openid"), tx.Body.Text("appid"))
	if err != nil {
		return nil, err
	}
	first := w.find(func(c *coupon) bool {
		return c.of.pack == tx.Var("user_coupon_bundle_id") && c.stock.bundle.id == tx.Body.Text("stock_bundle_id") &&
			c.stock.product.id == tx.Body.Text("product_coupon_id") && c.stock.product.brand == brandOf(tx)
	})
	if first == nil {
		return nil, missing(tx, "bundle of this user")
	}
	return s.deactivateAll(tx, first.of)
}

// deactivateAll ends what is not over of a bundle.
func (s *Coupons) deactivateAll(tx *engine.Tx, o *send) (engine.Object, error) {
	living := slices.DeleteFunc(slices.Clone(o.coupons), func(c *coupon) bool { return s.in(c, "CONFIRMING", "PENDING", "EFFECTIVE") != nil })
	if len(living) == 0 {
		return nil, because(wrongState, "no coupon of the bundle could still be used")
	}
	for _, c := range living {
		s.deactivate(tx, c)
	}
	return s.showPack(o), nil
}
