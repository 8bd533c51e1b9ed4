package edupapay

import (
	"cmp"
	"context"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

// Final reports whether the debit has ended.
func (s TradeState) Final() bool {
	return s == TradeSuccess || s == TradePayFail || s == TradeRefund
}

// CreateTransaction starts a debit under a contract (受理扣款). [Service.SendDebitNotice] must have succeeded 1
// to 3 days before.
//
// The debit is asynchronous: no error means that it was accepted, not that it was paid. TRANSACTION.SUCCESS
// or TRANSACTION.FAIL goes to NotifyURL; [Service.WaitTransaction] asks.
//
// Limits: lengths, the characters of OutTradeNo, NotifyURL and the scene are checked before anything is
// sent; plain http is accepted in NotifyURL for loopback hosts only, which no real platform reaches.
//
// Repeating: safe with the same OutTradeNo and otherwise the same params, and done after a lost answer.
// Never take a new number before the old one was queried: it would debit again.
//
// Errors: [wxpay.CodeAlreadyExists] if the number is taken, which after a lost answer can be this very
// debit: query it. [wxpay.CodeNotEnough] if the payer lacks the money.
//
//	POST /v3/edu-papay/transactions
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012524731
// https://pay.weixin.qq.com/doc/v3/partner/4012465548
func (s *Service) CreateTransaction(ctx context.Context, p CreateTransactionParams) error {
	p.TradeScene = cmp.Or(p.TradeScene, TradeSceneEducationPeriod)
	if err := p.check(); err != nil {
		return err
	}
	return wxpay.Send(ctx, s.client, wxpay.Call{
		Route: routeCreateTransaction,
		Body:  p,
		// After an unclear answer: query by out_trade_no or repeat with the same one, never with a new one.
		// https://pay.weixin.qq.com/doc/v3/partner/4012465548
		Idempotent: true,
	})
}

// GetTransactionByID returns a debit by the order number of WeChat Pay (微信订单号查单).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if there is no such debit.
//
//	GET /v3/edu-papay/transactions/id/{transaction_id}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012523468
// https://pay.weixin.qq.com/doc/v3/partner/4012465567
func (s *Service) GetTransactionByID(ctx context.Context, p GetTransactionByIDParams) (*Transaction, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Transaction](ctx, s.client, wxpay.Call{
		Route: routeGetTransactionByID,
		Vars:  wxpay.Vars{"transaction_id": p.TransactionID},
		Query: params.Query("sub_mchid", p.SubMchID),
		Echo:  wxpay.Vars{"transaction_id?": p.TransactionID, "sub_mchid?": p.SubMchID},
	})
}

// GetTransactionByOutTradeNo returns a debit by the order number of the merchant (商户订单号查单).
//
// Repeating: safe.
//
// Errors: [wxpay.CodeNotFound] if no debit with this number was accepted.
//
//	GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012523591
// https://pay.weixin.qq.com/doc/v3/partner/4012465574
func (s *Service) GetTransactionByOutTradeNo(ctx context.Context, p GetTransactionByOutTradeNoParams) (*Transaction, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Transaction](ctx, s.client, wxpay.Call{
		Route: routeGetTransactionByOutTradeNo,
		Vars:  wxpay.Vars{"out_trade_no": p.OutTradeNo},
		Query: params.Query("sub_mchid", p.SubMchID),
		Echo:  wxpay.Vars{"out_trade_no": p.OutTradeNo, "sub_mchid?": p.SubMchID},
	})
}

// WaitTransactionParams names the debit for [Service.WaitTransaction].
type WaitTransactionParams struct {
	OutTradeNo string // order number of the merchant
	SubMchID   string
	Every      time.Duration // between two looks; 0: 5 s
}

// WaitTransaction looks at a debit again and again until it has ended, and returns it: paid, failed or
// refunded, so look at its TradeState. A state not known here counts as not ended.
//
// Only ctx bounds the wait; cancelling it ends the wait at once. With an error comes the last state seen,
// if any. The wait goes on after errors that are [wxpay.Transient]; a refusal ends it, such as
// [wxpay.CodeNotFound] for a number that was never accepted.
func (s *Service) WaitTransaction(ctx context.Context, p WaitTransactionParams) (*Transaction, error) {
	return wxpay.Wait(ctx, p.Every, func(ctx context.Context) (*Transaction, bool, error) {
		t, err := s.GetTransactionByOutTradeNo(ctx, GetTransactionByOutTradeNoParams{p.OutTradeNo, p.SubMchID})
		return t, err == nil && t.TradeState.Final(), err
	})
}
