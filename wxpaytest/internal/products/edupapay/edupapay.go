// Package edupapay is the state of education auto-renewal: contracts, notices and debits.
package edupapay

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const name = "edupapay"

// Options are what a test may want of the product.
type Options struct {
	Duration time.Duration     // how long a debit stays ACCEPTED
	Pay      func(string) bool // which debits succeed, by out_trade_no; nil: all
	MchID    string            // of the merchant whose contracts a test seeds
}

// A Contracts is the state.
type Contracts struct {
	e         *engine.Engine
	options   Options
	presigned map[string]engine.Object // requests by token
	contracts engine.List[*contract]
	debits    engine.List[*debit] // by out_trade_no
	byID      map[string]*debit
	failing   map[string]bool // debits that will fail, by out_trade_no
}

type contract struct {
	id      string
	parties engine.Object // appid, openid, plan_id and the sub_ members
	ended   bool
	created time.Time
	noticed time.Time // of the notice that no debit has used; zero: none
}

type debit struct {
	id       string
	request  engine.Object
	contract *contract
	created  time.Time
	paid     bool
}

// New returns an empty state.
func New(e *engine.Engine, o Options) *Contracts {
	return &Contracts{e: e, options: o, presigned: map[string]engine.Object{}, byID: map[string]*debit{}, failing: map[string]bool{}}
}

// Product is what the engine is to know of it.
func (s *Contracts) Product() engine.Product {
	return engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"presignContract": s.presignContract, "listUserContracts": s.listUserContracts, "createTransaction": s.createTransaction,
			"getContract": s.valid(s.getContract), "terminateContract": s.valid(s.terminateContract), "sendDebitNotice": s.valid(s.sendDebitNotice),
			"getTransactionById":         func(tx *engine.Tx) (engine.Object, error) { return s.found(s.byID[tx.Var("transaction_id")]) },
			"getTransactionByOutTradeNo": s.getTransactionByOutTradeNo,
		},
		Actions: s.actions(),
		Views: func() []engine.View {
			return []engine.View{
				engine.Rows(name, "contracts", s.contracts.All(), s.show),
				engine.Rows(name, "debits", s.debits.All(), func(d *debit) engine.Object { return s.showDebit(d, false) }),
			}
		},
	}
}

func (s *Contracts) actions() []engine.Action {
	return []engine.Action{
		{
			Name: "sign-contract", Doc: "what the user does in WeChat with a presign token; it works once, and a user has at most one valid contract per template",
			DocZh:  "用户在微信中用预签约 token 完成签约；token 只能用一次，同一用户在同一模板下最多有一份有效签约",
			Params: []engine.Param{{Name: "presign_token", Doc: "what the call presignContract answered", DocZh: "预签约接口返回的 token"}},
			Do:     func(args map[string]string) (any, error) { return s.signContract(args["presign_token"]) },
		},
		{
			Name: "add-contracts", Doc: "valid contracts of a user under a template, also more than the one that signing allows",
			DocZh: "为用户在某模板下添加有效签约，可以多于签约流程所允许的一份",
			Params: []engine.Param{
				{Name: "openid", Doc: "whose contracts they are", DocZh: "用户的 openid"}, {Name: "appid", Doc: "the application of the merchant", DocZh: "商户的 appid"},
				{Name: "plan_id", Doc: "the template", DocZh: "模板 ID"}, {Name: "count", Doc: "a number from 1", DocZh: "份数，从 1 起"},
				{Name: "sub_mchid", Doc: "the sub-merchant for whom a partner acts", DocZh: "服务商所代表的子商户号", Optional: true},
				{Name: "sub_appid", Doc: "the application of the sub-merchant", DocZh: "子商户的 appid", Optional: true},
				{Name: "sub_openid", Doc: "the user in the application of the sub-merchant", DocZh: "用户在子商户 appid 下的 openid", Optional: true},
			},
			Do: s.addContracts,
		},
		{
			Name: "end-contract", Doc: "the user ends a contract in WeChat", DocZh: "用户在微信中解约",
			Params: []engine.Param{{Name: "contract_id", Doc: "a valid contract", DocZh: "有效签约的 ID"}},
			Do:     func(args map[string]string) (any, error) { return nil, s.endContract(args["contract_id"]) },
		},
		{
			Name: "fail-debit", Doc: "a debit that is still to be asked for will fail", DocZh: "尚未受理的某笔扣款将会失败",
			Params: []engine.Param{{Name: "out_trade_no", Doc: "the number by which it will be asked for", DocZh: "扣款将使用的商户订单号"}},
			Do: func(args map[string]string) (any, error) {
				s.failing[args["out_trade_no"]] = true
				return nil, nil
			},
		},
	}
}

// endContract lets the user end a contract.
func (s *Contracts) endContract(id string) error {
	c, ok := s.contracts.Get(id)
	if !ok || c.ended {
		return errors.New("wxpaytest: there is no such valid contract")
	}
	c.ended = true
	s.happen("ENTRUST.RELEASE", c)
	return nil
}

func (s *Contracts) presignContract(tx *engine.Tx) (engine.Object, error) {
	if day, _ := time.Parse(time.DateOnly, tx.Body.Text("period_start_date")); day.Day() > 28 {
		return nil, engine.BadParam("period_start_date", "is not on a day from 1 to 28")
	}
	token := fmt.Sprintf("0044%018x", s.e.Number())
	s.presigned[token] = tx.Body
	return engine.Object{"presign_token": token}, nil
}

// signContract lets the user sign.
func (s *Contracts) signContract(presignToken string) (contractID string, err error) {
	request, ok := s.presigned[presignToken]
	if !ok {
		return "", errors.New("wxpaytest: there is no such presign token, or it was used")
	}
	for _, c := range s.contracts.All() {
		if !c.ended && c.parties.Text("openid") == request.Text("openid") && c.parties.Text("plan_id") == request.Text("plan_id") {
			return "", errors.New("wxpaytest: the user has a contract under this template")
		}
	}
	delete(s.presigned, presignToken)
	c := s.add(request)
	s.happen("ENTRUST.SIGNING", c)
	return c.id, nil
}

// addContracts seeds valid contracts of the same parties.
func (s *Contracts) addContracts(args map[string]string) (any, error) {
	n, err := strconv.Atoi(args["count"])
	if err != nil || n < 1 {
		return nil, errors.New("wxpaytest: count is a number from 1")
	}
	parties := engine.Object{}
	for name, v := range args {
		if v != "" {
			parties[name] = v
		}
	}
	contractIDs := []string{}
	for range n {
		contractIDs = append(contractIDs, s.add(parties).id)
	}
	return contractIDs, nil
}

func (s *Contracts) add(parties engine.Object) *contract {
	c := &contract{id: fmt.Sprintf("wx%016d", s.e.Number()), created: s.e.Now(),
		parties: parties.Pick("appid", "sub_mchid", "sub_appid", "openid", "sub_openid", "plan_id")}
	s.contracts.Add(c.id, c)
	return c
}

func (s *Contracts) happen(event string, c *contract) {
	s.e.Happen(engine.Event{Type: event, Plaintext: s.show(c)})
}

func (s *Contracts) show(c *contract) engine.Object {
	o := c.parties.Pick("appid", "sub_mchid", "sub_appid", "openid", "sub_openid", "plan_id")
	status := "ADD"
	if c.ended {
		status = "DELETE"
	}
	o["sp_mchid"] = s.options.MchID
	o["contract_information"] = engine.Object{"contract_id": c.id, "contract_status": status, "create_time": c.created.Format(time.RFC3339)}
	return o
}

// valid finds the contract that a call names: one that has not ended and belongs to the appid that asks, if it
// says one.
func (s *Contracts) valid(handle func(*engine.Tx, *contract) (engine.Object, error)) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		c, err := s.find(tx.Var("contract_id"), tx.Query.Text("appid")+tx.Body.Text("appid"))
		if err != nil {
			return nil, err
		}
		return handle(tx, c)
	}
}

func (s *Contracts) find(id, appid string) (*contract, error) {
	c, ok := s.contracts.Get(id)
	if !ok || c.ended || appid != "" && appid != c.parties.Text("appid") {
		return nil, engine.NotFound("valid contract")
	}
	return c, nil
}

func (s *Contracts) getContract(_ *engine.Tx, c *contract) (engine.Object, error) {
	return s.show(c), nil
}

func (s *Contracts) terminateContract(_ *engine.Tx, c *contract) (engine.Object, error) {
	c.ended = true
	s.happen("ENTRUST.RELEASE", c)
	return nil, nil
}

func (s *Contracts) listUserContracts(tx *engine.Tx) (engine.Object, error) {
	var found []*contract
	for _, c := range s.contracts.All() {
		if c.ended == (tx.Query.Text("contract_status") == "DELETE") && c.parties.Text("openid") == tx.Var("openid") &&
			tx.Asks(c.parties, "appid", "plan_id", "sub_mchid", "sub_appid", "sub_openid") {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, engine.NotFound("contract of this user under the template")
	}
	return engine.PageOf(tx, found, s.show)
}

// Days between the notice and the debit.
const (
	noticeEarliest = 3
	noticeLatest   = 1
)

// daysSince counts days on Beijing's calendar.
func daysSince(then, now time.Time) int {
	midnight := func(t time.Time) time.Time {
		y, m, d := t.In(engine.Beijing).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(now).Sub(midnight(then)) / (24 * time.Hour))
}

func (s *Contracts) sendDebitNotice(_ *engine.Tx, c *contract) (engine.Object, error) {
	if !c.noticed.IsZero() && daysSince(c.noticed, s.e.Now()) <= noticeEarliest {
		return nil, &engine.Refusal{Status: http.StatusBadRequest, Code: "ALREADY_EXISTS", Message: "the user was told of this debit already"}
	}
	c.noticed = s.e.Now()
	return nil, nil
}

// useNotice uses up the notice of a debit, if one was sent in time.
func (s *Contracts) useNotice(c *contract) bool {
	if days := daysSince(c.noticed, s.e.Now()); c.noticed.IsZero() || days < noticeLatest || days > noticeEarliest {
		return false
	}
	c.noticed = time.Time{}
	return true
}

func (s *Contracts) createTransaction(tx *engine.Tx) (engine.Object, error) {
	no := tx.Body.Text("out_trade_no")
	c, err := s.find(tx.Body.Text("contract_id"), tx.Body.Text("appid"))
	if err != nil {
		return nil, err
	}
	if !s.useNotice(c) {
		return nil, engine.Invalid("no notice was sent 1 to 3 days before the debit day")
	}
	d := &debit{fmt.Sprintf("42000000%020d", s.e.Number()), tx.Body, c, s.e.Now(), !s.failing[no] && (s.options.Pay == nil || s.options.Pay(no))}
	s.byID[d.id] = d
	s.debits.Add(no, d)
	s.e.Happen(s.eventOf(d, tx.Caller))
	return nil, nil
}

// eventOf is what the merchant is told when a debit has ended.
func (s *Contracts) eventOf(d *debit, caller string) engine.Event {
	e := engine.Event{Type: "TRANSACTION.FAIL", Plaintext: s.showDebit(d, true), URL: d.request.Text("notify_url"), Due: d.created.Add(s.options.Duration), Caller: caller}
	if d.paid {
		e.Type = "TRANSACTION.SUCCESS"
	}
	return e
}

// showDebit is a debit as it is now, or as it will have ended.
func (s *Contracts) showDebit(d *debit, ended bool) engine.Object {
	o := d.request.Pick("appid", "sub_mchid", "sub_appid", "out_trade_no", "attach", "device_information")
	o["sp_mchid"], o["transaction_id"] = s.options.MchID, d.id
	if o.Text("sub_mchid") == "" {
		o["mchid"] = s.options.MchID
	}
	total := d.request.Child("amount").Number("total")
	o["amount"] = engine.Object{"total": total, "payer_total": total, "discount_total": int64(0), "currency": "CNY"}
	o["payer"] = d.contract.parties.Pick("openid", "sub_openid")
	end := d.created.Add(s.options.Duration)
	switch ended = ended || !s.e.Now().Before(end); {
	case ended && d.paid:
		o["trade_state"], o["trade_state_description"] = "SUCCESS", "支付成功"
		o["bank_type"], o["success_time"] = "CMC", end.Format(time.RFC3339)
	case ended:
		o["trade_state"], o["trade_state_description"] = "PAY_FAIL", "支付失败"
	default:
		o["trade_state"], o["trade_state_description"] = "ACCEPTED", "已受理"
	}
	return o
}

func (s *Contracts) getTransactionByOutTradeNo(tx *engine.Tx) (engine.Object, error) {
	d, _ := s.debits.Get(tx.Var("out_trade_no"))
	return s.found(d)
}

func (s *Contracts) found(d *debit) (engine.Object, error) {
	if d == nil {
		return nil, engine.NotFound("debit")
	}
	return s.showDebit(d, false), nil
}
