package productcoupon

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A person is one user, who has another openid for every appid.
type person struct {
	known    []identity
	coupons  []*coupon
	prepared []*send // that may still be claimed
}

type identity struct{ appid, openid string }

// person finds a user; nil: one who has nothing yet.
func (s *Coupons) person(openid, appid string) (*person, error) {
	w := s.users[openid]
	if w != nil && !slices.Contains(w.known, identity{appid, openid}) {
		return nil, because(otherAppID, "openid does not belong to appid")
	}
	return w, nil
}

// meet finds a user, or makes one known.
func (s *Coupons) meet(openid, appid string) *person {
	w := s.users[openid]
	if w == nil {
		w = &person{known: []identity{{appid, openid}}}
		s.users[openid] = w
	}
	return w
}

// openidUnder is what a user is called under an appid.
func (s *Coupons) openidUnder(w *person, appid string) string {
	if i := slices.IndexFunc(w.known, func(id identity) bool { return id.appid == appid }); i >= 0 {
		return w.known[i].openid
	}
	sum := sha256.Sum256([]byte(w.known[0].openid + " " + appid))
	openid := "o" + base64.RawURLEncoding.EncodeToString(sum[:])[:27]
	w.known, s.users[openid] = append(w.known, identity{appid, openid}), w
	return openid
}

// A send is a coupon, or the coupons of a bundle, on the way to a user.
type send struct {
	caller, openid, appid, number, channel string
	attach, code                           string // empty: none was given
	phone                                  string // that the user claimed with
	tags                                   engine.Object
	stocks                                 []*stock
	coupons                                []*coupon // once the user has them
	pack                                   string    // ID of the user's bundle
	until                                  time.Time // of the token of the claim component; zero: there is none
	route                                  string    // of the call that sent it; empty: none did
	content                                uint64    // a hash of what that call said
}

func (o *send) brand() string { return o.stocks[0].product.brand }

// open reports whether a user may still claim what was prepared.
func (o *send) open(now time.Time) bool { return len(o.coupons) == 0 && now.Before(o.until) }

// tokenLife is how long a token of the claim component is good.
const tokenLife = 5 * time.Minute

// ask reads what a call wants to be sent.
func (s *Coupons) ask(tx *engine.Tx, channel string) (*send, error) {
	b := tx.Body
	o := &send{
		caller: tx.Caller, openid: tx.Var("openid"), appid: b.Text("appid"), number: b.Text("send_request_no"), channel: channel,
		attach: b.Text("attach"), code: b.Text("coupon_code"), tags: b.Child("coupon_tag_info"),
	}
	p, err := s.productOf(tx, b.Text("product_coupon_id"))
	if err != nil {
		return nil, err
	}
	k, isStock := s.stocks.Get(b.Text("stock_id"))
	all, isBundle := s.bundles.Get(b.Text("stock_bundle_id"))
	switch {
	case isStock && k.bundle != nil:
		return nil, engine.Invalid("the stock is in a bundle; send the bundle")
	case isStock && k.product == p:
		o.stocks = []*stock{k}
	case isBundle && all.product == p:
		o.stocks = all.stocks
	default:
		return nil, missing(tx, "stock")
	}
	return o, s.sendable(o)
}

// sendable refuses what a user cannot get.
func (s *Coupons) sendable(o *send) error {
	w, err := s.person(o.openid, o.appid)
	if err != nil {
		return err
	}
	if slices.Contains(listOf(o.tags, "coupon_tag_list"), any("MEMBER")) && o.tags.Child("member_tag_info") == nil {
		return breaks("coupon_tag_info/member_tag_info", "is needed for MEMBER")
	}
	if before := s.numbers[o.brand()+" "+o.number]; before != nil && before != o {
		return &engine.Refusal{Status: http.StatusBadRequest, Code: "ALREADY_EXISTS", Message: "send_request_no was used for another send"}
	}
	if w != nil && slices.ContainsFunc(w.prepared, func(other *send) bool { return other != o && other.open(s.e.Now()) && other.stocks[0] == o.stocks[0] }) {
		return because(openSend, "an earlier send with another number is open for this user and stock")
	}
	for _, k := range o.stocks {
		if err := s.left(k, w, o.code); err != nil {
			return err
		}
	}
	return nil
}

// left refuses what a stock does not have for a user.
func (s *Coupons) left(k *stock, w *person, code string) error {
	begin, end := k.validity(s.e.Now())
	switch state, day := s.state(k), k.limit("max_count_per_day"); {
	case state != "SENDING" || k.product.data.Text("state") != "EFFECTIVE":
		return because(notSending, "the stock is %s, not SENDING, or its product coupon is not EFFECTIVE", state)
	case (k.mode() == "API_ASSIGN") != (code != ""):
		return breaks("coupon_code", "is needed for API_ASSIGN and refused otherwise")
	case code != "" && k.codes[code]:
		return engine.Invalid("coupon_code was sent before")
	case int64(len(k.sent)) >= k.limit("max_count"):
		return engine.Invalid("the stock has sent max_count coupons")
	case day > 0 && s.sentToday(k) >= day:
		return engine.Invalid("the stock has sent max_count_per_day coupons today")
	case w.holds(k) >= k.limit("max_count_per_user"):
		return because(enough, "the user has as many coupons of the stock as allowed")
	case k.mode() == "UPLOAD" && len(k.free) == 0:
		return engine.Invalid("the stock has no codes left; upload more")
	case !begin.Before(end):
		return because(outside, "the coupon would never be in force")
	}
	return nil
}

// holds is how many coupons of a stock a user was sent.
func (w *person) holds(k *stock) (n int64) {
	if w == nil {
		return 0
	}
	for _, c := range w.coupons {
		if c.stock == k {
			n++
		}
	}
	return n
}

// give lets the user have what can be sent.
func (s *Coupons) give(o *send) {
	w := s.meet(o.openid, o.appid)
	w.prepared = slices.DeleteFunc(w.prepared, func(other *send) bool { return other == o || !other.open(s.e.Now()) })
	s.numbers[o.brand()+" "+o.number] = o
	if o.stocks[0].bundle != nil {
		o.pack = fmt.Sprintf("7124%018d", s.e.Number())
	}
	for _, k := range o.stocks {
		c := &coupon{code: s.code(k, o.code), of: o, stock: k, product: k.product.data, look: k.data, received: s.e.Now(), state: "CONFIRMING"}
		c.begin, c.end = k.validity(c.received)
		k.today, k.day = s.sentToday(k)+1, c.received.Format(time.DateOnly)
		k.sent, w.coupons, o.coupons = append(k.sent, c), append(w.coupons, c), append(o.coupons, c)
	}
	for _, c := range o.coupons {
		s.happen("PRODUCT_COUPON_SP.SEND", o.caller, s.event(w, c), time.Time{})
	}
}

// code gives a coupon its code.
func (s *Coupons) code(k *stock, assigned string) string {
	switch k.mode() {
	case "API_ASSIGN":
		k.codes[assigned] = true
		return assigned
	case "UPLOAD":
		code := k.free[0]
		k.free = k.free[1:]
		return code
	}
	return fmt.Sprint(100_000_000_000 + s.e.Number())
}

// event is what is told of a coupon that was sent.
func (s *Coupons) event(w *person, c *coupon) engine.Object {
	appid := c.stock.data.Child("notify_config").Text("notify_appid")
	o := s.brief(c)
	maps.Copy(o, engine.Object{"appid": appid, "openid": s.openidUnder(w, appid), "unionid": "union-" + w.known[0].openid})
	delete(o, "coupon_state")
	if c.of.phone != "" {
		o["phone_number"], o["country_code"] = c.of.phone, "86"
	}
	if c.of.attach != "" {
		o["attach"] = c.of.attach
	}
	return o
}

// happen queues an event for who asked for what caused it; of what a test seeded, for who the test is.
func (s *Coupons) happen(event, caller string, plain engine.Object, due time.Time) {
	caller = cmp.Or(caller, s.options.Caller)
	s.e.Happen(engine.Event{Type: event, Plaintext: plain, URL: s.notified[caller].Text("notify_url"), Caller: caller, Due: due})
}

// sent sends what a call asks for, or finds what it has sent before: a repetition answers that as it stands now. What a
// hundred thousand sends answered is not kept.
func (s *Coupons) sent(tx *engine.Tx) (*send, error) {
	content := s.e.Hash(tx.Route + engine.Canonical(tx.Vars) + engine.Canonical(tx.Body))
	before := s.numbers[brandOf(tx)+" "+tx.Body.Text("send_request_no")]
	switch {
	case before != nil && before.content == content:
		return before, nil
	case before != nil && before.route == tx.Route:
		return nil, because(otherData, "send_request_no was used with other content")
	}
	o, err := s.ask(tx, "API")
	if err != nil {
		return nil, err
	}
	o.route, o.content = tx.Route, content
	s.give(o)
	return o, nil
}

func (s *Coupons) sendCoupon(tx *engine.Tx) (engine.Object, error) {
	o, err := s.sent(tx)
	if err != nil {
		return nil, err
	}
	return s.showCoupon(o.coupons[0]), nil
}

func (s *Coupons) sendCouponBundle(tx *engine.Tx) (engine.Object, error) {
	o, err := s.sent(tx)
	if err != nil {
		return nil, err
	}
	return s.showPack(o), nil
}

// preSend prepares a coupon, or a bundle, that the user claims.
func (s *Coupons) preSend(tx *engine.Tx) (engine.Object, error) {
	o, err := s.ask(tx, "RECEIVE_COMPONENT")
	if err != nil {
		return nil, err
	}
	o.until = s.e.Now().Add(tokenLife)
	w := s.meet(o.openid, o.appid)
	w.prepared = append(w.prepared, o)
	s.numbers[o.brand()+" "+o.number] = o
	token := fmt.Sprintf("wxpaytest-claim-%018d", s.e.Number())
	s.tokens[token] = o
	return engine.Object{"token": token}, nil
}
