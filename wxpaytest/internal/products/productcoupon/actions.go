package productcoupon

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// What there is to choose from.
var (
	codeModes   = []string{"WECHATPAY", "UPLOAD", "API_ASSIGN"}
	usageModes  = []string{"SINGLE", "PROGRESSIVE_BUNDLE"}
	storeScopes = []string{"NONE", "ALL", "SPECIFIC"}
	stockStates = []string{"AUDITING", "SENDING", "PAUSED"}
	channels    = []string{"BRAND_MANAGE", "MEMBER", "MERCHANT_CARD", "SMALL_ACTIVITY"}
)

func (s *Coupons) actions() []engine.Action {
	type args = map[string]string
	openid := engine.Param{Name: "openid", Doc: "the user", DocZh: "用户的 openid"}
	code := engine.Param{Name: "coupon_code", Doc: "the code of the user's coupon", DocZh: "用户券的券 Code"}
	stockID := engine.Param{Name: "stock_id", Doc: "the stock", DocZh: "批次 ID"}
	return []engine.Action{
		{
			Name: "add-product-coupon", Doc: "a product coupon in force, with a stock or a stock bundle that is SENDING; the answer is the IDs",
			DocZh: "添加一张生效中的商品券，带一个发放中的批次或批次组；返回各 ID", Params: seedParams(),
			Do: func(a args) (any, error) { return s.seed(a) },
		},
		{
			Name: "set-stock-state", Doc: "a stock is in review, may be sent, or is paused", DocZh: "将批次置为审核中、发放中或已暂停",
			Params: []engine.Param{stockID, {Name: "state", Doc: "its state", DocZh: "批次状态", Values: stockStates}},
			Do:     func(a args) (any, error) { return nil, s.setStockState(a["stock_id"], a["state"]) },
		},
		{
			Name: "claim-coupon", Doc: "a user claims what was prepared for the claim component; the answer is the codes of the coupons",
			DocZh: "用户在领券组件中领取预发放的商品券；返回券 Code 列表",
			Params: []engine.Param{
				{Name: "token", Doc: "what preSendCoupon or preSendCouponBundle answered; it is good for 5 minutes", DocZh: "预发放接口返回的 token，5 分钟内有效"},
				{Name: "phone_number", Doc: "the phone number that the user claims with", DocZh: "用户领券时使用的手机号", Optional: true},
			},
			Do: func(a args) (any, error) { return s.claim(a["token"], a["phone_number"]) },
		},
		{
			Name: "take-coupon", Doc: "a user gets a coupon that the platform distributes, as by a delivery plan; the answer is its code",
			DocZh: "用户通过平台投放（如投放计划）获得一张商品券；返回券 Code",
			Params: []engine.Param{
				stockID, openid, {Name: "appid", Doc: "whose openid that is; that of the stock's notifications if it is left out", DocZh: "openid 所属的 appid；不填则为批次通知配置中的 appid", Optional: true},
				{Name: "send_channel", Doc: "how the user gets it", DocZh: "发券渠道", Values: channels, Optional: true},
			},
			Do: s.distribute,
		},
		{
			Name: "delete-coupon", Doc: "a user deletes a coupon; nobody is told", DocZh: "用户删除商品券；平台不会通知", Params: []engine.Param{openid, code},
			Do: func(a args) (any, error) {
				return nil, s.living(a, func(c *coupon) { c.state = "DELETED" })
			},
		},
		{
			Name: "expire-coupon", Doc: "the validity of a user's coupon ends now", DocZh: "用户券的有效期到此为止", Params: []engine.Param{openid, code},
			Do: func(a args) (any, error) { return nil, s.living(a, func(c *coupon) { c.end = s.e.Now() }) },
		},
		{
			Name: "fail-image-task", Doc: "a picture task that is still to be asked for will fail", DocZh: "尚未提交的某个图片生成任务将会失败",
			Params: []engine.Param{{Name: "task_id", Doc: "the number by which it will be asked for", DocZh: "提交时将使用的任务编号"}},
			Do:     func(a args) (any, error) { s.failing[a["task_id"]] = true; return nil, nil },
		},
		{
			Name: "refuse-coupon-code", Doc: "a code will be refused when it is uploaded", DocZh: "某个券 Code 上传时将被拒绝",
			Params: []engine.Param{{Name: "coupon_code", Doc: "the code", DocZh: "券 Code"}},
			Do:     func(a args) (any, error) { s.refused[a["coupon_code"]] = true; return nil, nil },
		},
		{
			Name: "close-store", Doc: "a store is closed, and takes no coupons any more", DocZh: "门店已关闭，不再接受商品券",
			Params: []engine.Param{{Name: "store_id", Doc: "the store", DocZh: "门店 ID"}},
			Do:     func(a args) (any, error) { s.closed[a["store_id"]] = true; return nil, nil },
		},
	}
}

// seedParams are what a coupon that is seeded may differ in.
func seedParams() []engine.Param {
	number := func(name, doc, docZh string) engine.Param {
		return engine.Param{Name: name, Doc: doc, DocZh: docZh, Optional: true}
	}
	return []engine.Param{
		{Name: "coupon_code_mode", Doc: "where its codes come from", DocZh: "券 Code 分配模式", Values: codeModes},
		{Name: "usage_mode", Doc: "used once, or three times in order", DocZh: "使用模式：单次，或按顺序使用三次", Values: usageModes, Optional: true},
		{Name: "store_scope", Doc: "the stores that take it; ALL if it is left out", DocZh: "可用门店范围，不填为 ALL", Values: storeScopes, Optional: true},
		{Name: "brand_id", Doc: "whose it is; the brand of the fake if it is left out", DocZh: "所属品牌，不填为仿真器的品牌", Optional: true},
		{Name: "notify_appid", Doc: "whose openid notifications carry", DocZh: "回调通知中 openid 所属的 appid", Optional: true},
		number("max_count", "how many may be sent; 100000000 if it is left out", "最大发放数量，不填为 100000000"),
		number("max_count_per_day", "how many may be sent a day; no limit if it is left out", "单日最大发放数量，不填为不限"),
		number("max_count_per_user", "how many a user may get; 100 if it is left out", "单用户最大领取数量，不填为 100"),
		number("available_days", "how many days a coupon is good; as long as the stock if it is left out", "领取后有效天数，不填则与批次有效期相同"),
		number("wait_days_after_receive", "how many days pass before it is; only with available_days", "领取后第几天开始生效，仅可与 available_days 同用"),
	}
}

// seed makes a product coupon with a stock, or with a bundle of three.
func (s *Coupons) seed(args map[string]string) (any, error) {
	given, err := numbers(args, 2)
	bundle := args["usage_mode"] == "PROGRESSIVE_BUNDLE"
	for name := range args {
		if !slices.ContainsFunc(seedParams(), func(p engine.Param) bool { return p.Name == name }) {
			return nil, fmt.Errorf("wxpaytest: add-product-coupon takes no %s", name)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case given["wait_days_after_receive"] != nil && given["available_days"] == nil:
		return nil, errors.New("wxpaytest: wait_days_after_receive needs available_days")
	case bundle && args["coupon_code_mode"] == "API_ASSIGN":
		return nil, errors.New("wxpaytest: API_ASSIGN is not for bundles")
	}
	worth, stock := engine.Object{"threshold": int64(10000), "discount_amount": int64(100)}, s.seedStock(args, given)
	asked := engine.Object{
		"scope": "ALL", "type": "NORMAL", "usage_mode": cmp.Or(args["usage_mode"], "SINGLE"),
		"display_info": engine.Object{"name": "wxpaytest", "image_url": pictures + "xxxxx/0", "background_url": pictures + "yyyyy/0"},
	}
	asked["single_usage_info"] = engine.Object{"normal_coupon": worth}
	if bundle {
		delete(asked, "single_usage_info")
		asked["progressive_bundle_usage_info"] = engine.Object{"count": int64(3), "interval_days": int64(0)}
		stock["progressive_bundle_usage_rule"] = stock["single_usage_rule"]
		stock.Child("single_usage_rule")["normal_coupon_list"] = []any{worth, worth, worth}
		delete(stock, "single_usage_rule")
	}
	p := s.addProduct(asked, cmp.Or(args["brand_id"], s.options.BrandID), "")
	if bundle {
		return map[string]string{"product_coupon_id": p.id, "stock_bundle_id": s.addBundle(p, stock).id}, nil
	}
	return map[string]string{"product_coupon_id": p.id, "stock_id": s.addStock(p, stock, nil).id}, nil
}

// seedLimits are the numbers that a seed may give, and the most of each; the first two are that if they are not given.
var seedLimits = []struct {
	name string
	most int64
}{{"max_count", 100_000_000}, {"max_count_per_user", 100}, {"max_count_per_day", 100_000_000}, {"available_days", 365}, {"wait_days_after_receive", 30}}

// numbers reads those of a seed, so many of which always are there.
func numbers(args map[string]string, always int) (engine.Object, error) {
	o := engine.Object{}
	for i, limit := range seedLimits {
		n, err := strconv.ParseInt(args[limit.name], 10, 64)
		switch given := args[limit.name] != ""; {
		case given && (err != nil || n < 1 || n > limit.most):
			return nil, fmt.Errorf("wxpaytest: %s is a number from 1 to %d", limit.name, limit.most)
		case given:
			o[limit.name] = n
		case i < always:
			o[limit.name] = limit.most
		}
	}
	return o, nil
}

// seedStock is the stock of a product coupon that is seeded: it begins today and is good for a year.
func (s *Coupons) seedStock(args map[string]string, o engine.Object) engine.Object {
	y, m, d := s.e.Now().Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, engine.Beijing)
	period := o.Pick("available_days", "wait_days_after_receive")
	period["available_begin_time"], period["available_end_time"] = stamp(begin), stamp(begin.Add(longestPeriod))
	return engine.Object{
		"coupon_code_mode": args["coupon_code_mode"], "store_scope": cmp.Or(args["store_scope"], "ALL"),
		"stock_send_rule":         o.Pick("max_count", "max_count_per_user", "max_count_per_day"),
		"single_usage_rule":       engine.Object{"coupon_available_period": period},
		"usage_rule_display_info": engine.Object{"coupon_usage_method_list": []any{"OFFLINE"}, "usage_description": "wxpaytest"},
		"coupon_display_info":     engine.Object{"code_display_mode": "QRCODE"},
		"notify_config":           engine.Object{"notify_appid": cmp.Or(args["notify_appid"], "wxea9c30890f48d5ae")},
	}
}

func (s *Coupons) setStockState(id, state string) error {
	k, ok := s.stocks.Get(id)
	if !ok || k.ended() {
		return errors.New("wxpaytest: there is no such stock, or it is deactivated")
	}
	k.set(engine.Object{"state": state})
	return nil
}

// claim lets a user have what was prepared.
func (s *Coupons) claim(token, phone string) (any, error) {
	o := s.tokens[token]
	if o == nil || !o.open(s.e.Now()) {
		return nil, errors.New("wxpaytest: there is no such token, or it was used or is older than 5 minutes")
	}
	if err := s.sendable(o); err != nil {
		return nil, err
	}
	o.phone = phone
	s.give(o)
	codes := []string{}
	for _, c := range o.coupons {
		codes = append(codes, c.code)
	}
	return codes, nil
}

// distribute lets a user have a coupon that no call has sent.
func (s *Coupons) distribute(args map[string]string) (any, error) {
	k, ok := s.stocks.Get(args["stock_id"])
	if !ok || k.bundle != nil {
		return nil, errors.New("wxpaytest: there is no such stock, or it is in a bundle")
	}
	o := &send{
		caller: k.product.caller, openid: args["openid"], appid: cmp.Or(args["appid"], k.data.Child("notify_config").Text("notify_appid")),
		channel: cmp.Or(args["send_channel"], "BRAND_MANAGE"), stocks: []*stock{k}, number: fmt.Sprintf("wxpaytest%018d", s.e.Number()),
	}
	if err := s.sendable(o); err != nil {
		return nil, err
	}
	s.give(o)
	return o.coupons[0].code, nil
}

// living does something to a coupon of a user that is not over.
func (s *Coupons) living(args map[string]string, do func(*coupon)) error {
	c := s.users[args["openid"]].find(func(c *coupon) bool {
		return c.code == args["coupon_code"] && slices.Contains([]string{"CONFIRMING", "PENDING", "EFFECTIVE"}, s.stateOf(c))
	})
	if c == nil {
		return errors.New("wxpaytest: the user has no such coupon that could still be used")
	}
	do(c)
	return nil
}
