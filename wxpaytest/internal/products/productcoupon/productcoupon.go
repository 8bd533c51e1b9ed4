// Package productcoupon is the state of product coupons: coupons, their stocks, and what users hold of them.
package productcoupon

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const name = "productcoupon"

// Options are what a test may want of the product.
type Options struct {
	Duration time.Duration // how long a picture task stays PROCESSING
	BrandID  string        // whose the coupons are that a test seeds
	Caller   string        // who is told of what happens to them
}

// A Coupons is the state.
type Coupons struct {
	e        *engine.Engine
	options  Options
	notified map[string]engine.Object // addresses by who set them
	tasks    engine.List[*task]       // by brand and number
	failing  map[string]bool          // picture tasks that will fail, by number
	products engine.List[*product]
	stocks   engine.List[*stock]
	bundles  engine.List[*bundle]
	closed   map[string]bool    // stores
	refused  map[string]bool    // codes that will be refused when they are uploaded
	users    map[string]*person // by openid
	numbers  map[string]*send   // by brand and number
	tokens   map[string]*send   // of the claim component
}

// New returns an empty state.
func New(e *engine.Engine, o Options) *Coupons {
	return &Coupons{
		e: e, options: o, notified: map[string]engine.Object{}, failing: map[string]bool{}, closed: map[string]bool{}, refused: map[string]bool{},
		users: map[string]*person{}, numbers: map[string]*send{}, tokens: map[string]*send{},
	}
}

// Product is what the engine is to know of it.
func (s *Coupons) Product() engine.Product {
	return engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"uploadImage": s.uploadImage, "createImageTask": s.createImageTask, "getImageTask": s.getImageTask,
			"setNotifyConfig": s.setNotifyConfig, "getNotifyConfig": s.getNotifyConfig,

			"createProductCoupon": s.createProductCoupon, "getProductCoupon": s.product(s.getProductCoupon),
			"updateProductCoupon": s.product(s.updateProductCoupon), "deactivateProductCoupon": s.product(s.deactivateProductCoupon),

			"createStock": s.product(s.createStock), "listStocks": s.product(s.listStocks), "getStock": s.stock(s.getStock), "deactivateStock": s.stock(s.deactivateStock),
			"updateStock": s.single(s.updateStock), "updateStockBudget": s.single(s.updateStockBudget), "uploadCouponCodes": s.stock(s.uploadCouponCodes),
			"associateStores": s.single(s.associateStores), "disassociateStores": s.single(s.disassociateStores), "listAssociatedStores": s.stock(s.listAssociatedStores),
			"createStockBundle": s.product(s.createStockBundle), "updateStockBundle": s.bundle(s.updateStockBundle), "updateStockBundleBudget": s.bundle(s.updateStockBundleBudget),
			"associateBundleStores": s.bundle(s.associateBundleStores), "disassociateBundleStores": s.bundle(s.disassociateBundleStores),

			"sendCoupon": s.sendCoupon, "preSendCoupon": s.preSend, "sendCouponBundle": s.sendCouponBundle, "preSendCouponBundle": s.preSend,
			"listUserCoupons": s.listUserCoupons, "getUserCoupon": s.coupon(s.getUserCoupon), "confirmCoupon": s.coupon(s.confirmCoupon),
			"useCoupon": s.coupon(s.useCoupon), "returnCoupon": s.coupon(s.returnCoupon), "deactivateCoupon": s.coupon(s.deactivateCoupon),
			"deactivateCouponBundle": s.deactivateCouponBundle,
		},
		Repeats: []string{"sendCoupon", "sendCouponBundle"},
		Actions: s.actions(),
		Views:   s.views,
	}
}

func (s *Coupons) views() []engine.View {
	var held []*coupon
	for _, k := range s.stocks.All() {
		held = append(held, k.sent...)
	}
	return []engine.View{
		engine.Rows(name, "product-coupons", s.products.All(), (*product).show), engine.Rows(name, "stocks", s.stocks.All(), s.showStock),
		engine.Rows(name, "user-coupons", held, s.row), engine.Rows(name, "image-tasks", s.tasks.All(), func(t *task) engine.Object { return s.showTask(t, false) }),
	}
}

// brandOf is whose a call is about: the brand itself, or the one that a service provider names.
func brandOf(tx *engine.Tx) string {
	return cmp.Or(tx.Self.Text("brand_id"), tx.Body.Text("brand_id"), tx.Query.Text("brand_id"))
}

// Reasons of refusals, as the document numbers them.
const (
	rule         = 268578224 // a member breaks a rule of the product
	otherAppID   = 268578526 // openid does not belong to appid
	unknown      = 268578608 // no such object, or not of this brand
	notSending   = 268577984 // the stock is not SENDING
	wrongState   = 268578367 // the coupon is in another state than the call needs
	expired      = 268578776
	outside      = 272755715 // the coupon is outside its validity
	deleted      = 272756769 // by the user
	enough       = 272756740 // the user has as many coupons of the stock as allowed
	openSend     = 272755200 // an earlier send with another number is open
	notInStore   = 268584404 // the store may not take this coupon
	inEveryStore = 268578813 // the stock is for all stores
	otherData    = 268578927 // same request number, other data
)

// because refuses for a reason that has a number.
func because(reason int, format string, a ...any) error {
	return &engine.Refusal{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Message: fmt.Sprintf(format, a...), Reason: reason}
}

// breaks refuses a member that has the right shape and breaks a rule.
func breaks(member, issue string) error {
	return &engine.Refusal{Status: http.StatusBadRequest, Code: "PARAM_ERROR", Message: member + " " + issue, Reason: rule}
}

// missing refuses a request for what there is not; not all documents have a code for it.
func missing(tx *engine.Tx, what string) error {
	r := &engine.Refusal{Status: http.StatusNotFound, Code: "NOT_FOUND", Message: "there is no such " + what + " of this brand", Reason: unknown}
	if !named(tx, r.Code) {
		r.Status, r.Code = http.StatusBadRequest, "INVALID_REQUEST"
	}
	return r
}

// named reports whether the document names a code for a call.
func named(tx *engine.Tx, code string) bool {
	for _, doc := range tx.Op.Errors {
		if doc.Code == code {
			return true
		}
	}
	return false
}

func (s *Coupons) setNotifyConfig(tx *engine.Tx) (engine.Object, error) {
	s.notified[tx.Caller] = engine.Object{"notify_url": tx.Body.Text("notify_url"), "update_time": s.now()}
	return s.getNotifyConfig(tx)
}

func (s *Coupons) getNotifyConfig(tx *engine.Tx) (engine.Object, error) {
	if s.notified[tx.Caller] == nil {
		return nil, engine.Invalid("no notification address was set")
	}
	return s.notified[tx.Caller], nil
}

// now is the time as answers have it.
func (s *Coupons) now() string { return stamp(s.e.Now()) }

func stamp(t time.Time) string { return t.In(engine.Beijing).Format(time.RFC3339) }

// firstPage leaves the total to the first page of a list.
func firstPage(tx *engine.Tx, list engine.Object, err error) (engine.Object, error) {
	if tx.Query.Text("page_token") != "" {
		delete(list, "total_count")
	}
	return list, err
}
