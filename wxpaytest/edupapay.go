package wxpaytest

import (
	"errors"
	"fmt"
	"time"
)

const contractParties = `
appid*	string	32
sub_mchid	string	32
sub_appid	string	32`

var eduRoutes = []route{
	{pattern: "POST /v3/edu-papay/contracts/presign", serve: (*Server).presignContract, body: contractParties + `
openid*	string	128
sub_openid	string	128
plan_id*	string	32
user_id*	string	32
period_start_date*	date
trade_scene*	EDUCATION_PERIOD`},
	{pattern: "GET /v3/edu-papay/contracts/id/{contract_id}", path: "contract_id string 32", query: contractParties, serve: (*Server).getContract},
	{pattern: "DELETE /v3/edu-papay/contracts/{contract_id}", path: "contract_id string 32", serve: (*Server).terminateContract},
	{pattern: "GET /v3/edu-papay/user/{openid}/contracts", path: "openid string 128", serve: (*Server).listUserContracts, query: contractParties + `
sub_openid	string	128
plan_id*	string	32
contract_status	ADD|DELETE
offset	int	0..
limit	int	1..`},
	{pattern: "POST /v3/edu-papay/user-notifications/{contract_id}/send", path: "contract_id string 32", body: contractParties, serve: (*Server).sendDebitNotice},
	{pattern: "POST /v3/edu-papay/transactions", serve: (*Server).createTransaction, body: contractParties + `
body*	string	128
attach	string	127
out_trade_no*	string	32	^[0-9A-Za-z_-]+$
goods_tag	string	32
notify_url*	callback	256
contract_id*	string	32
trade_scene*	EDUCATION_PERIOD
amount*	{}
	total*	int	1..
	currency	CNY
device_information*	{}
	device_id	string
	device_ip*	string`},
	{pattern: "GET /v3/edu-papay/transactions/id/{transaction_id}", path: "transaction_id string 32", query: "sub_mchid string 32", serve: (*Server).getTransactionByID},
	{pattern: "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}", path: "out_trade_no string 32 ^[0-9A-Za-z_-]+$", query: "sub_mchid string 32", serve: (*Server).getTransactionByOutTradeNo},
}

// edu is the state of education auto-renewal.
type edu struct {
	presigned map[string]object // requests by token
	contracts []*contract
	debits    []*debit
}

type contract struct {
	id      string
	parties object // appid, openid, plan_id and the sub_ members
	ended   bool
	created time.Time
	noticed time.Time // of the notice that no debit has used; zero: none
}

type debit struct {
	id       string
	request  object
	contract *contract
	created  time.Time
	paid     bool
}

func (s *Server) presignContract(c *call) (any, error) {
	if day, _ := time.Parse(time.DateOnly, c.body.text("period_start_date")); day.Day() > 28 {
		return nil, badParam("period_start_date", "is not on a day from 1 to 28")
	}
	token := fmt.Sprintf("0044%018x", s.number())
	if s.edu.presigned == nil {
		s.edu.presigned = map[string]object{}
	}
	s.edu.presigned[token] = c.body
	return object{"presign_token": token}, nil
}

// SignContract does what the user does in WeChat with a presign token: it signs the contract and makes
// the event ENTRUST.SIGNING. A token works once, and a user has at most one valid contract per template.
func (s *Server) SignContract(presignToken string) (contractID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.edu.presigned[presignToken]
	if !ok {
		return "", errors.New("wxpaytest: there is no such presign token, or it was used")
	}
	for _, c := range s.edu.contracts {
		if !c.ended && c.parties.text("openid") == request.text("openid") && c.parties.text("plan_id") == request.text("plan_id") {
			return "", errors.New("wxpaytest: the user has a contract under this template")
		}
	}
	delete(s.edu.presigned, presignToken)
	c := s.addContract(request.pick("appid", "sub_mchid", "sub_appid", "openid", "sub_openid", "plan_id"))
	s.contractEvent("ENTRUST.SIGNING", c)
	return c.id, nil
}

// A SubMerchant is whom a partner acts for: sub_mchid, sub_appid, and sub_openid of the user. Each may be
// empty.
type SubMerchant struct{ MchID, AppID, OpenID string }

// AddContracts seeds n valid contracts of a user under a template, for a sub-merchant if one is given, and
// returns their IDs. It may make more than the one that signing allows, so that lists have pages.
func (s *Server) AddContracts(openid, appid, planID string, n int, sub ...SubMerchant) (contractIDs []string) {
	parties := object{"appid": appid, "openid": openid, "plan_id": planID}
	for _, m := range sub {
		for name, v := range map[string]string{"sub_mchid": m.MchID, "sub_appid": m.AppID, "sub_openid": m.OpenID} {
			if v != "" {
				parties[name] = v
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		contractIDs = append(contractIDs, s.addContract(parties).id)
	}
	return contractIDs
}

func (s *Server) addContract(parties object) *contract {
	c := &contract{id: fmt.Sprintf("wx%016d", s.number()), parties: parties, created: s.now()}
	s.edu.contracts = append(s.edu.contracts, c)
	return c
}

func (s *Server) contractEvent(event string, c *contract) {
	s.happen(Event{Type: event, Plaintext: c.show()})
}

func (c *contract) show() object {
	o := c.parties.pick("appid", "sub_mchid", "sub_appid", "openid", "sub_openid", "plan_id")
	status := "ADD"
	if c.ended {
		status = "DELETE"
	}
	o["sp_mchid"] = MchID
	o["contract_information"] = object{"contract_id": c.id, "contract_status": status, "create_time": c.created.Format(time.RFC3339)}
	return o
}

// validContract finds a contract that has not ended and belongs to the appid that asks, if it says one.
func (s *Server) validContract(id, appid string) (*contract, error) {
	for _, c := range s.edu.contracts {
		if c.id == id && !c.ended && (appid == "" || appid == c.parties.text("appid")) {
			return c, nil
		}
	}
	return nil, notFound("valid contract")
}

func (s *Server) getContract(c *call) (any, error) {
	found, err := s.validContract(c.vars.text("contract_id"), c.query.text("appid"))
	if err != nil {
		return nil, err
	}
	return found.show(), nil
}

func (s *Server) terminateContract(c *call) (any, error) {
	found, err := s.validContract(c.vars.text("contract_id"), "")
	if err != nil {
		return nil, err
	}
	found.ended = true
	s.contractEvent("ENTRUST.RELEASE", found)
	return nil, nil
}

func (s *Server) listUserContracts(c *call) (any, error) {
	ended := c.query.text("contract_status") == "DELETE"
	var found []object
	for _, k := range s.edu.contracts {
		p := k.parties
		if k.ended == ended && p.text("openid") == c.vars.text("openid") && c.wants("appid", p) && c.wants("plan_id", p) &&
			c.wants("sub_mchid", p) && c.wants("sub_appid", p) && c.wants("sub_openid", p) {
			found = append(found, k.show())
		}
	}
	if len(found) == 0 {
		return nil, notFound("contract of this user under the template")
	}
	return c.pageByRecord(found), nil
}

// Days between the notice and the debit.
const (
	noticeEarliest = 3
	noticeLatest   = 1
)

// daysSince counts days on Beijing's calendar.
func daysSince(then, now time.Time) int {
	midnight := func(t time.Time) time.Time {
		y, m, d := t.In(beijing).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(now).Sub(midnight(then)) / (24 * time.Hour))
}

func (s *Server) sendDebitNotice(c *call) (any, error) {
	found, err := s.validContract(c.vars.text("contract_id"), c.body.text("appid"))
	if err != nil {
		return nil, err
	}
	if !found.noticed.IsZero() && daysSince(found.noticed, s.now()) <= noticeEarliest {
		return nil, &refusal{status: 400, code: "ALREADY_EXISTS", message: "the user was told of this debit already"}
	}
	found.noticed = s.now()
	return nil, nil
}

func (s *Server) createTransaction(c *call) (any, error) {
	for _, d := range s.edu.debits {
		if d.request.text("out_trade_no") != c.body.text("out_trade_no") {
			continue
		}
		if canonical(d.request) != canonical(c.body) {
			return nil, reentry("out_trade_no")
		}
		return nil, nil
	}
	found, err := s.validContract(c.body.text("contract_id"), c.body.text("appid"))
	if err != nil {
		return nil, err
	}
	if days := daysSince(found.noticed, s.now()); found.noticed.IsZero() || days < noticeLatest || days > noticeEarliest {
		return nil, invalid("no notice was sent 1 to 3 days before the debit day")
	}
	found.noticed = time.Time{}
	pay := s.options.Pay
	d := &debit{
		id: fmt.Sprintf("42000000%020d", s.number()), request: c.body, contract: found, created: s.now(),
		paid: pay == nil || pay(c.body.text("out_trade_no")),
	}
	s.edu.debits = append(s.edu.debits, d)
	event := "TRANSACTION.SUCCESS"
	if !d.paid {
		event = "TRANSACTION.FAIL"
	}
	s.happen(Event{Type: event, Plaintext: s.showDebit(d, true), URL: c.body.text("notify_url"), Due: d.created.Add(s.options.TaskDuration)})
	return nil, nil
}

// showDebit is a debit as it is now, or as it will have ended.
func (s *Server) showDebit(d *debit, ended bool) object {
	o := d.request.pick("appid", "sub_mchid", "sub_appid", "out_trade_no", "attach", "device_information")
	o["sp_mchid"], o["transaction_id"] = MchID, d.id
	if o.text("sub_mchid") == "" {
		o["mchid"] = MchID
	}
	total := d.request.child("amount").number("total")
	o["amount"] = object{"total": total, "payer_total": total, "discount_total": int64(0), "currency": "CNY"}
	o["payer"] = d.contract.parties.pick("openid", "sub_openid")
	end := d.created.Add(s.options.TaskDuration)
	switch ended = ended || !s.now().Before(end); {
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

func (s *Server) getTransactionByID(c *call) (any, error) {
	return s.findDebit(func(d *debit) bool { return d.id == c.vars.text("transaction_id") })
}

func (s *Server) getTransactionByOutTradeNo(c *call) (any, error) {
	return s.findDebit(func(d *debit) bool { return d.request.text("out_trade_no") == c.vars.text("out_trade_no") })
}

func (s *Server) findDebit(is func(*debit) bool) (any, error) {
	for _, d := range s.edu.debits {
		if is(d) {
			return s.showDebit(d, false), nil
		}
	}
	return nil, notFound("debit")
}
