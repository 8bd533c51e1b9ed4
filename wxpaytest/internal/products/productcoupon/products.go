package productcoupon

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A product is a product coupon. Its data is never changed in place: coupons that users hold keep what they were sent with.
type product struct {
	id     string
	brand  string
	caller string // who made it, and is told of it; empty: who the test is
	data   engine.Object
	stocks []*stock
}

// discounts are the members that say what a coupon is worth, by its type.
var discounts = map[string]string{"NORMAL": "normal_coupon", "DISCOUNT": "discount_coupon", "EXCHANGE": "exchange_coupon"}

func (p *product) show() engine.Object { return p.data }

// set changes what later coupons look like.
func (p *product) set(change engine.Object) {
	p.data = maps.Clone(p.data)
	maps.Copy(p.data, change)
}

// ended reports whether the coupon was deactivated.
func (p *product) ended() bool { return p.data.Text("state") == "DEACTIVATED" }

type productHandler = func(*engine.Tx, *product) (engine.Object, error)

// product finds the coupon that the path of a call names.
func (s *Coupons) product(handle productHandler) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		p, err := s.productOf(tx, tx.Var("product_coupon_id"))
		if err != nil {
			return nil, err
		}
		return handle(tx, p)
	}
}

func (s *Coupons) productOf(tx *engine.Tx, id string) (*product, error) {
	p, ok := s.products.Get(id)
	if !ok || p.brand != brandOf(tx) {
		return nil, missing(tx, "product coupon")
	}
	return p, nil
}

func (s *Coupons) createProductCoupon(tx *engine.Tx) (engine.Object, error) {
	if err := cmp.Or(s.told(tx), checkProduct(tx.Body)); err != nil {
		return nil, err
	}
	p := s.addProduct(tx.Body, brandOf(tx), tx.Caller)
	more := engine.Object{}
	if asked := tx.Body.Child("stock_bundle"); asked != nil {
		more["stock_bundle"] = s.showBundle(s.addBundle(p, asked))
	} else {
		more["stock"] = s.showStock(s.addStock(p, tx.Body.Child("stock"), nil))
	}
	maps.Copy(more, p.show())
	return more, nil
}

// told refuses a caller who cannot be told of anything.
func (s *Coupons) told(tx *engine.Tx) error {
	if s.notified[tx.Caller] == nil {
		return engine.Invalid("the notification address is not set; call setNotifyConfig first")
	}
	return nil
}

func (s *Coupons) addProduct(asked engine.Object, brand, caller string) *product {
	p := &product{id: fmt.Sprint(1000000000 + s.e.Number()), brand: brand, caller: caller}
	p.data = asked.Pick("scope", "type", "usage_mode", "single_usage_info", "progressive_bundle_usage_info", "display_info", "out_product_no")
	maps.Copy(p.data, engine.Object{"product_coupon_id": p.id, "brand_id": brand, "state": "EFFECTIVE"})
	s.products.Add(p.id, p)
	return p
}

// checkProduct refuses what cannot be a coupon.
func checkProduct(b engine.Object) error {
	scope, kind := b.Text("scope"), b.Text("type")
	switch {
	case b.Text("usage_mode") == "SEQUENTIAL":
		return breaks("usage_mode", "SEQUENTIAL was replaced by PROGRESSIVE_BUNDLE")
	case kind == "EXCHANGE" && scope != "SINGLE":
		return breaks("type", "EXCHANGE needs scope SINGLE")
	case scope == "SINGLE" && (b.Child("display_info")["original_price"] == nil || b.Child("display_info")["combo_package_list"] == nil):
		return breaks("display_info", "lacks original_price or combo_package_list, which scope SINGLE needs")
	}
	if err := checkPictures(b, ""); err != nil {
		return err
	}
	if b.Text("usage_mode") == "PROGRESSIVE_BUNDLE" {
		return checkManyUse(b)
	}
	return checkSingleUse(b)
}

func checkSingleUse(b engine.Object) error {
	stock, shared := b.Child("stock"), b.Child("single_usage_info")
	switch member := discounts[b.Text("type")]; {
	case b["stock_bundle"] != nil || b["progressive_bundle_usage_info"] != nil:
		return breaks("stock", "is what usage_mode SINGLE takes, and nothing of a bundle")
	case b.Text("scope") == "ALL" && shared.Child(member) == nil:
		return breaks("single_usage_info/"+member, "is missing: the discount of scope ALL stands there")
	case b.Text("scope") == "SINGLE" && shared != nil:
		return breaks("single_usage_info", "is not for scope SINGLE: its discount stands in single_usage_rule of the stock")
	default:
		if err := checkDiscount(shared.Child(member)); err != nil {
			return err
		}
		return checkStock(b, stock)
	}
}

func checkManyUse(b engine.Object) error {
	if b["stock"] != nil || b["single_usage_info"] != nil {
		return breaks("stock_bundle", "is what usage_mode PROGRESSIVE_BUNDLE takes, and nothing of a single stock")
	}
	return checkBundle(b, b.Child("stock_bundle"))
}

// checkDiscount refuses more off than there is to pay; nil is none.
func checkDiscount(o engine.Object) error {
	if least := o.Number("threshold"); least > 0 && o.Number("discount_amount") > least {
		return breaks("discount_amount", "is above the threshold")
	}
	return nil
}

func (s *Coupons) getProductCoupon(_ *engine.Tx, p *product) (engine.Object, error) {
	return p.show(), nil
}

func (s *Coupons) updateProductCoupon(tx *engine.Tx, p *product) (engine.Object, error) {
	if p.ended() {
		return nil, engine.Invalid("the product coupon is deactivated")
	}
	if err := checkPictures(tx.Body, ""); err != nil {
		return nil, err
	}
	p.set(tx.Body.Pick("display_info"))
	return p.show(), nil
}

func (s *Coupons) deactivateProductCoupon(tx *engine.Tx, p *product) (engine.Object, error) {
	if p.ended() {
		return nil, engine.Invalid("the product coupon is deactivated already")
	}
	p.set(s.deactivation(tx))
	for _, k := range p.stocks {
		if !k.ended() {
			k.set(s.deactivation(tx))
		}
	}
	return p.show(), nil
}

// deactivation is what is known of one.
func (s *Coupons) deactivation(tx *engine.Tx) engine.Object {
	return engine.Object{
		"state": "DEACTIVATED", "deactivate_request_no": tx.Body.Text("out_request_no"),
		"deactivate_time": s.now(), "deactivate_reason": tx.Body.Text("deactivate_reason"),
	}
}
