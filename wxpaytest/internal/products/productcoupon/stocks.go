package productcoupon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A stock is a part of a product coupon that is sent out. Its data is never changed in place.
type stock struct {
	id      string
	product *product
	bundle  *bundle // nil: it is in none
	data    engine.Object

	sent  []*coupon
	day   string // of today, when it was last sent
	today int64
	codes map[string]bool // that were uploaded
	free  []string        // of them, those that nobody has yet
	store engine.List[string]
	out   map[string]bool // stores that were taken out
}

// A bundle is the stocks of a coupon of many uses, in order.
type bundle struct {
	id      string
	product *product
	stocks  []*stock
}

// mostStocks is how many stocks of a coupon are in force.
const mostStocks = 200

// stockMembers are what a stock is made of, and what of it may be changed.
var (
	stockMembers = []string{"remark", "coupon_code_mode", "stock_send_rule", "single_usage_rule", "usage_rule_display_info", "coupon_display_info", "notify_config", "store_scope"}
	stockChanges = []string{"remark", "usage_rule_display_info", "coupon_display_info", "notify_config", "store_scope"}
)

func (s *Coupons) addStock(p *product, asked engine.Object, b *bundle) *stock {
	k := &stock{id: fmt.Sprintf("%s%03d", p.id, len(p.stocks)+1), product: p, bundle: b, data: asked.Pick(stockMembers...), codes: map[string]bool{}, out: map[string]bool{}}
	maps.Copy(k.data, engine.Object{"product_coupon_id": p.id, "stock_id": k.id, "brand_id": p.brand, "state": "SENDING"})
	p.stocks = append(p.stocks, k)
	s.stocks.Add(k.id, k)
	return k
}

// addBundle makes a stock for each step.
func (s *Coupons) addBundle(p *product, asked engine.Object) *bundle {
	b := &bundle{id: fmt.Sprintf("7123%014d", s.e.Number()), product: p}
	rule := asked.Child("progressive_bundle_usage_rule")
	member := discounts[p.data.Text("type")]
	for i, step := range listOf(rule, member+"_list") {
		k := s.addStock(p, asked, b)
		k.data["stock_bundle_info"] = engine.Object{"stock_bundle_id": b.id, "stock_bundle_index": int64(i)}
		k.data["progressive_bundle_usage_rule"] = engine.Object{"coupon_available_period": rule["coupon_available_period"], member: step}
		b.stocks = append(b.stocks, k)
	}
	s.bundles.Add(b.id, b)
	return b
}

func (k *stock) set(change engine.Object) {
	k.data = maps.Clone(k.data)
	maps.Copy(k.data, change)
}

func (k *stock) ended() bool { return k.data.Text("state") == "DEACTIVATED" }

func (k *stock) mode() string { return k.data.Text("coupon_code_mode") }

// limit is a limit of the stock; 0: it has none.
func (k *stock) limit(name string) int64 { return k.data.Child("stock_send_rule").Number(name) }

// period is when its coupons may be used.
func (k *stock) period() engine.Object {
	return cmpChild(k.data, "single_usage_rule", "progressive_bundle_usage_rule").Child("coupon_available_period")
}

// cmpChild is the first of some children that is there.
func cmpChild(o engine.Object, names ...string) engine.Object {
	i := slices.IndexFunc(names, func(name string) bool { return o.Child(name) != nil })
	return o.Child(names[max(i, 0)])
}

// state is that of a stock as it is now.
func (s *Coupons) state(k *stock) string {
	if state := k.data.Text("state"); state == "DEACTIVATED" || s.e.Now().Before(engine.ReadTime(k.period().Text("available_end_time"))) {
		return state
	}
	return "STOPPED"
}

// sentToday is how many of a stock were sent today.
func (s *Coupons) sentToday(k *stock) int64 {
	if k.day != s.e.Now().Format(time.DateOnly) {
		return 0
	}
	return k.today
}

func (s *Coupons) showStock(k *stock) engine.Object {
	o := maps.Clone(k.data)
	o["state"] = s.state(k)
	o["sent_count_info"] = engine.Object{"total_count": int64(len(k.sent)), "today_count": s.sentToday(k)}
	if k.mode() == "UPLOAD" {
		o["coupon_code_count_info"] = engine.Object{"total_count": int64(len(k.codes)), "available_count": int64(len(k.free))}
	}
	return o
}

func (s *Coupons) showBundle(b *bundle) engine.Object {
	list := []engine.Object{}
	for _, k := range b.stocks {
		list = append(list, s.showStock(k))
	}
	return engine.Object{"stock_bundle_id": b.id, "stock_list": list}
}

type (
	stockHandler  = func(*engine.Tx, *stock) (engine.Object, error)
	bundleHandler = func(*engine.Tx, *bundle) (engine.Object, error)
)

// stock finds the stock that the path of a call names.
func (s *Coupons) stock(handle stockHandler) engine.Handler {
	return s.product(func(tx *engine.Tx, p *product) (engine.Object, error) {
		k, ok := s.stocks.Get(tx.Var("stock_id"))
		if !ok || k.product != p {
			return nil, missing(tx, "stock")
		}
		return handle(tx, k)
	})
}

// single finds one that is in no bundle.
func (s *Coupons) single(handle stockHandler) engine.Handler {
	return s.stock(func(tx *engine.Tx, k *stock) (engine.Object, error) {
		if k.bundle != nil {
			return nil, engine.Invalid("the stock is in a bundle; call the bundle's own")
		}
		return handle(tx, k)
	})
}

func (s *Coupons) bundle(handle bundleHandler) engine.Handler {
	return s.product(func(tx *engine.Tx, p *product) (engine.Object, error) {
		b, ok := s.bundles.Get(tx.Var("stock_bundle_id"))
		if !ok || b.product != p {
			return nil, missing(tx, "stock bundle")
		}
		return handle(tx, b)
	})
}

// checkStock refuses what cannot be a stock of a coupon, which is given as it was asked for.
func checkStock(about, k engine.Object) error {
	rule, member := k.Child("single_usage_rule"), discounts[about.Text("type")]
	switch {
	case rule == nil:
		return breaks("single_usage_rule", "is missing")
	case about.Text("scope") == "SINGLE" && rule.Child(member) == nil:
		return breaks("single_usage_rule/"+member, "is missing: the discount of scope SINGLE stands there")
	case about.Text("scope") == "ALL" && cmpChild(rule, "normal_coupon", "discount_coupon", "exchange_coupon") != nil:
		return breaks("single_usage_rule", "holds a discount, which stands in single_usage_info for scope ALL")
	}
	if err := checkDiscount(rule.Child(member)); err != nil {
		return err
	}
	return checkRules(k, rule.Child("coupon_available_period"))
}

func checkBundle(about, k engine.Object) error {
	rule, list := k.Child("progressive_bundle_usage_rule"), discounts[about.Text("type")]+"_list"
	steps := listOf(rule, list)
	switch {
	case k.Text("coupon_code_mode") == "API_ASSIGN":
		return breaks("coupon_code_mode", "API_ASSIGN is not for bundles")
	case int64(len(steps)) != about.Child("progressive_bundle_usage_info").Number("count"):
		return breaks("progressive_bundle_usage_rule/"+list, "does not have as many entries as count")
	}
	for _, step := range steps {
		o, _ := step.(engine.Object)
		if err := checkDiscount(o); err != nil {
			return err
		}
	}
	return checkRules(k, rule.Child("coupon_available_period"))
}

// longestPeriod is that of a stock.
const longestPeriod = 365 * 24 * time.Hour

func checkRules(k, period engine.Object) error {
	begin, end := engine.ReadTime(period.Text("available_begin_time")), engine.ReadTime(period.Text("available_end_time"))
	_, days := period["available_days"]
	_, wait := period["wait_days_after_receive"]
	switch {
	case !end.After(begin) || end.Sub(begin) > longestPeriod:
		return breaks("available_end_time", "is not within 365 days after available_begin_time")
	case wait && !days:
		return breaks("wait_days_after_receive", "needs available_days")
	case period["irregular_available_period_list"] != nil && (days || period["weekly_available_period"] != nil):
		return breaks("irregular_available_period_list", "does not go with available_days, wait_days_after_receive and weekly_available_period")
	}
	return checkLook(k)
}

// checkLook refuses ways to use a coupon that lead nowhere.
func checkLook(k engine.Object) error {
	look := k.Child("usage_rule_display_info")
	ways := listOf(look, "coupon_usage_method_list")
	switch jump := cmp.Or(look.Text("app_jump_type"), "H5"); {
	case slices.Contains(ways, any("MINI_PROGRAM")) && (look.Text("mini_program_appid") == "" || look.Text("mini_program_path") == ""):
		return breaks("mini_program_appid", "and mini_program_path are needed for MINI_PROGRAM")
	case slices.Contains(ways, any("APP")) && jump == "H5" && look.Text("app_path") == "":
		return breaks("app_path", "is needed for APP")
	case slices.Contains(ways, any("APP")) && jump == "PASSCODE_LINK" && look.Text("passcode_link") == "":
		return breaks("passcode_link", "is needed for APP with PASSCODE_LINK")
	}
	return checkPictures(k, "")
}

// addable refuses a coupon that takes no more stocks.
func (s *Coupons) addable(p *product, mode string) error {
	inForce := 0
	for _, k := range p.stocks {
		if state := s.state(k); state != "DEACTIVATED" && state != "STOPPED" {
			inForce++
		}
	}
	switch {
	case p.data.Text("usage_mode") != mode:
		return engine.Invalid("the product coupon does not have usage_mode %s", mode)
	case p.data.Text("state") != "EFFECTIVE":
		return engine.Invalid("the product coupon is not EFFECTIVE")
	case inForce >= mostStocks:
		return engine.Invalid("the product coupon has %d stocks in force", mostStocks)
	}
	return nil
}

func (s *Coupons) createStock(tx *engine.Tx, p *product) (engine.Object, error) {
	if err := cmp.Or(s.addable(p, "SINGLE"), checkStock(p.data, tx.Body.Child("stock"))); err != nil {
		return nil, err
	}
	return s.showStock(s.addStock(p, tx.Body.Child("stock"), nil)), nil
}

func (s *Coupons) createStockBundle(tx *engine.Tx, p *product) (engine.Object, error) {
	if err := cmp.Or(s.addable(p, "PROGRESSIVE_BUNDLE"), checkBundle(p.data, tx.Body.Child("stock_bundle"))); err != nil {
		return nil, err
	}
	return s.showBundle(s.addBundle(p, tx.Body.Child("stock_bundle"))), nil
}

func (s *Coupons) listStocks(tx *engine.Tx, p *product) (engine.Object, error) {
	found := slices.DeleteFunc(slices.Clone(p.stocks), func(k *stock) bool { return !tx.Asks(k.data.Child("stock_bundle_info"), "stock_bundle_id") })
	list, err := engine.PageOf(tx, found, s.showStock, "state")
	return firstPage(tx, list, err)
}

func (s *Coupons) getStock(_ *engine.Tx, k *stock) (engine.Object, error) { return s.showStock(k), nil }

func (s *Coupons) deactivateStock(tx *engine.Tx, k *stock) (engine.Object, error) {
	if k.ended() {
		return nil, engine.Invalid("the stock is deactivated already")
	}
	k.set(s.deactivation(tx))
	return s.showStock(k), nil
}

func (s *Coupons) updateStock(tx *engine.Tx, k *stock) (engine.Object, error) {
	if err := s.change(tx, k); err != nil {
		return nil, err
	}
	return s.showStock(k), nil
}

func (s *Coupons) updateStockBundle(tx *engine.Tx, b *bundle) (engine.Object, error) {
	if err := s.change(tx, b.stocks...); err != nil {
		return nil, err
	}
	return s.showBundle(b), nil
}

// change changes all the stocks, or none.
func (s *Coupons) change(tx *engine.Tx, all ...*stock) error {
	if slices.ContainsFunc(all, (*stock).ended) {
		return engine.Invalid("the stock is deactivated")
	}
	if err := checkLook(tx.Body); err != nil {
		return err
	}
	for _, k := range all {
		k.set(tx.Body.Pick(stockChanges...))
	}
	return nil
}

func (s *Coupons) updateStockBudget(tx *engine.Tx, k *stock) (engine.Object, error) {
	if err := s.budget(tx, k); err != nil {
		return nil, err
	}
	return s.showStock(k), nil
}

func (s *Coupons) updateStockBundleBudget(tx *engine.Tx, b *bundle) (engine.Object, error) {
	if err := s.budget(tx, b.stocks...); err != nil {
		return nil, err
	}
	return s.showBundle(b), nil
}

// budget changes a limit of all the stocks, or of none.
func (s *Coupons) budget(tx *engine.Tx, all ...*stock) error {
	limit, other := "max_count", "max_count_per_day"
	if tx.Body.Text("update_mode") == "MAX_COUNT_PER_DAY" {
		limit, other = other, limit
	}
	if tx.Body["current_"+other] != nil || tx.Body["target_"+other] != nil {
		return breaks("update_mode", "is of one limit, and members of the other are there")
	}
	target := tx.Body.Number("target_" + limit)
	for _, k := range all {
		if err := k.changeable(limit, tx.Body.Number("current_"+limit), target); err != nil {
			return err
		}
	}
	for _, k := range all {
		rule := maps.Clone(k.data.Child("stock_send_rule"))
		rule[limit] = target
		k.set(engine.Object{"stock_send_rule": rule})
	}
	return nil
}

// changeable refuses a change of a limit that is not what the caller thinks.
func (k *stock) changeable(limit string, now, target int64) error {
	switch {
	case k.ended():
		return engine.Invalid("the stock is deactivated")
	case k.limit(limit) == 0:
		return engine.Invalid("the stock has no %s, and a limit cannot be added", limit)
	case k.limit(limit) != now:
		return engine.Invalid("current_%s is not the limit as it stands; read the stock first", limit)
	case limit == "max_count" && target < int64(len(k.sent)):
		return engine.Invalid("target_%s is below what was sent", limit)
	}
	return nil
}

func (s *Coupons) uploadCouponCodes(tx *engine.Tx, k *stock) (engine.Object, error) {
	if k.mode() != "UPLOAD" || k.ended() {
		return nil, engine.Invalid("the stock is not in mode UPLOAD, or deactivated")
	}
	o, seen := results{}, map[string]int{}
	for _, one := range listOf(tx.Body, "code_list") {
		code := one.(string)
		if seen[code]++; seen[code] == 1 {
			o.add(k.takeCode(code, s.refused[code]))
		} else if seen[code] == 2 {
			o.add("duplicate_code_list", code)
		}
	}
	return o.of(len(seen)), nil
}

func listOf(o engine.Object, name string) []any { list, _ := o[name].([]any); return list }

// results are what became of each of what a call names, in lists.
type results engine.Object

func (o results) add(list string, told any) { o[list] = append(listOf(engine.Object(o), list), told) }

// of is what is answered of so many.
func (o results) of(n int) engine.Object {
	o["total_count"] = int64(n)
	return engine.Object(o)
}

// takeCode takes a code that was uploaded, and says in which list it is told.
func (k *stock) takeCode(code string, refused bool) (list string, told any) {
	switch {
	case refused:
		return "failed_code_list", engine.Object{"coupon_code": code, "code": "PARAM_ERROR", "message": "the code is refused"}
	case k.codes[code]:
		return "already_exist_code_list", code
	}
	k.codes[code] = true
	k.free = append(k.free, code)
	return "success_code_list", code
}

func (s *Coupons) associateStores(tx *engine.Tx, k *stock) (engine.Object, error) {
	return s.eachStore(tx, []*stock{k}, s.admit)
}

func (s *Coupons) associateBundleStores(tx *engine.Tx, b *bundle) (engine.Object, error) {
	return s.eachStore(tx, b.stocks, s.admit)
}

func (s *Coupons) disassociateStores(tx *engine.Tx, k *stock) (engine.Object, error) {
	return s.eachStore(tx, []*stock{k}, takeOut)
}

func (s *Coupons) disassociateBundleStores(tx *engine.Tx, b *bundle) (engine.Object, error) {
	return s.eachStore(tx, b.stocks, takeOut)
}

// admit lets a store take the coupons of a stock.
func (s *Coupons) admit(k *stock, id string) (ok bool) {
	if s.closed[id] {
		return false
	}
	if _, known := k.store.Get(id); !known {
		k.store.Add(id, id)
	}
	delete(k.out, id)
	return true
}

// takeOut takes a store out of a stock, where it may not have been.
func takeOut(k *stock, id string) (ok bool) {
	k.out[id] = true
	return true
}

// takes reports whether a store is one of the stock's.
func (k *stock) takes(id string) bool {
	_, known := k.store.Get(id)
	return known && !k.out[id]
}

// eachStore does something to each store that a call names, and tells what became of it.
func (s *Coupons) eachStore(tx *engine.Tx, all []*stock, do func(*stock, string) bool) (engine.Object, error) {
	if scope := all[0].data.Text("store_scope"); scope != "SPECIFIC" {
		return nil, because(map[string]int{"ALL": inEveryStore, "NONE": rule}[scope], "store_scope of the stock is %s, not SPECIFIC", scope)
	}
	o, seen := results{}, map[string]bool{}
	for _, one := range listOf(tx.Body, "store_list") {
		id := one.(engine.Object).Text("store_id")
		if !seen[id] {
			o.add(eachStock(all, id, do))
		}
		seen[id] = true
	}
	return o.of(len(seen)), nil
}

func eachStock(all []*stock, id string, do func(*stock, string) bool) (list string, told any) {
	for _, k := range all {
		if !do(k, id) {
			return "failed_store_list", engine.Object{"store_id": id, "code": "INVALID_REQUEST", "message": "the store is closed"}
		}
	}
	return "success_store_list", engine.Object{"store_id": id}
}

func (s *Coupons) listAssociatedStores(tx *engine.Tx, k *stock) (engine.Object, error) {
	found := slices.DeleteFunc(slices.Clone(k.store.All()), func(id string) bool { return k.out[id] })
	list, err := engine.PageOf(tx, found, func(id string) engine.Object { return engine.Object{"store_id": id} })
	return firstPage(tx, list, err)
}

// Stock is what another product knows of a stock, or of the first of a bundle, with the name of its coupon; nil: the
// brand has no such one. The caller holds the lock.
func (s *Coupons) Stock(brand, productCouponID, stockID, bundleID string) engine.Object {
	k, ok := s.stocks.Get(stockID)
	if b, found := s.bundles.Get(bundleID); found && stockID == "" {
		k, ok = b.stocks[0], true
	}
	if !ok || k.product.id != productCouponID || k.product.brand != brand {
		return nil
	}
	o := s.showStock(k)
	o["name"] = k.product.data.Child("display_info").Text("name")
	return o
}
