package mchtransfer

import (
	"errors"
	"fmt"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

func (s *Transfers) actions() []engine.Action {
	bill := engine.Param{Name: "out_bill_no", Doc: "the number of the bill", DocZh: "商户单号"}
	number := engine.Param{Name: "out_authorization_no", Doc: "the number of the authorization", DocZh: "商户侧授权单号"}
	return []engine.Action{
		{
			Name: "confirm-transfer", Doc: "the user takes the money of a bill in WAIT_USER_CONFIRM, or is faster than a cancellation; an authorization that was asked for with it is not given",
			DocZh:  "用户确认收款：单据处于 WAIT_USER_CONFIRM，或用户先于撤销完成确认；随单发起的免确认收款授权不会生效",
			Params: []engine.Param{bill}, Do: s.confirm,
		},
		{
			Name: "fail-transfer", Doc: "a bill that has not ended fails; one that is still to be created fails instead of asking the user",
			DocZh: "未到终态的转账单失败；尚未发起的单据将在请求用户确认之前失败",
			Params: []engine.Param{bill, {
				Name: "reason", Doc: "the fail_reason, such as PAYEE_ACCOUNT_ABNORMAL", DocZh: "失败原因 fail_reason，例如 PAYEE_ACCOUNT_ABNORMAL",
			}},
			Do: s.fail,
		},
		{
			Name: "set-transfer-balance", Doc: "how much money there is to transfer; bills that wait for money go on as far as it goes",
			DocZh: "设置可用于转账的余额；等待资金的单据会按余额继续处理",
			Params: []engine.Param{
				{Name: "balance", Doc: "a number of fen, or endless", DocZh: "金额（分），或 endless 表示不限"},
				{
					Name: "short", Doc: "what happens to a bill for which there is too little: it waits in PROCESSING, as it does if this is left out, or it is refused with NOT_ENOUGH",
					DocZh: "余额不足时的处理：单据停留在 PROCESSING（不填时也是如此），或以 NOT_ENOUGH 拒绝", Values: []string{"PROCESSING", "NOT_ENOUGH"}, Optional: true,
				},
			},
			Do: s.setBalance,
		},
		{
			Name: "agree-authorization", Doc: "the user agrees to receive without confirming; with a bill that asked for it, the user takes its money too",
			DocZh: "用户同意免确认收款授权；如果授权是随转账单发起的，用户同时确认收款", Params: []engine.Param{number}, Do: s.agreeTo,
		},
		{
			Name: "end-authorization", Doc: "the user ends an authorization", DocZh: "用户解除免确认收款授权", Params: []engine.Param{number}, Do: s.endAuthorization,
		},
	}
}

// confirm lets the user take the money.
func (s *Transfers) confirm(args map[string]string) (any, error) {
	b, ok := s.bills.Get(args["out_bill_no"])
	switch {
	case !ok:
		return nil, errors.New("wxpaytest: there is no such bill")
	case b.state != "WAIT_USER_CONFIRM" && (b.state != "CANCELING" || !b.locked):
		return nil, fmt.Errorf("wxpaytest: the bill is in state %s, so the user cannot confirm it", b.state)
	}
	s.drop(b)
	s.pay(b, s.e.Now())
	s.pass()
	return nil, nil
}

// drop forgets the authorization that was asked for with a bill.
func (s *Transfers) drop(b *bill) {
	if b.offer != nil && s.offers[b.offer.number] == b {
		delete(s.offers, b.offer.number)
	}
}

// fail makes a bill fail.
func (s *Transfers) fail(args map[string]string) (any, error) {
	b, ok := s.bills.Get(args["out_bill_no"])
	switch {
	case !ok:
		s.failing[args["out_bill_no"]] = args["reason"]
	case b.settled():
		return nil, fmt.Errorf("wxpaytest: the bill has ended as %s", b.state)
	default:
		s.end(b, "FAIL", args["reason"], s.e.Now())
		s.pass()
	}
	return nil, nil
}

// agreeTo lets a user agree to an authorization, and returns its ID.
func (s *Transfers) agreeTo(args map[string]string) (any, error) {
	number := args["out_authorization_no"]
	a, ok := s.authorizations.Get(number)
	b := s.offers[number]
	if b != nil {
		a, ok = b.offer, b.state == "WAIT_USER_CONFIRM"
	}
	switch {
	case !ok || a.state != "WAIT_USER_CONFIRM":
		return nil, errors.New("wxpaytest: no such authorization waits for the user")
	case s.valid[a.user()] != nil:
		return nil, errors.New("wxpaytest: the user has an authorization that is in force")
	case b != nil:
		s.authorizations.Add(number, a)
		s.drop(b)
		s.pay(b, s.e.Now())
	}
	s.agree(a, s.e.Now())
	s.pass()
	return a.id, nil
}

// endAuthorization lets a user end an authorization.
func (s *Transfers) endAuthorization(args map[string]string) (any, error) {
	a, ok := s.authorizations.Get(args["out_authorization_no"])
	if !ok || a.state != "TAKING_EFFECT" {
		return nil, errors.New("wxpaytest: there is no such authorization in force")
	}
	s.close(a, "USER_CLOSE", s.e.Now())
	return nil, nil
}
