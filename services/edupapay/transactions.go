package edupapay

import (
	"cmp"
	"context"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

const (
	routeCreateTransaction          = "POST /v3/edu-papay/transactions"
	routeGetTransactionByID         = "GET /v3/edu-papay/transactions/id/{transaction_id}"
	routeGetTransactionByOutTradeNo = "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}"
)

// A TradeState is the state of a debit. The platform may add values; one not listed here is not final.
type TradeState string

// States of a debit.
const (
	TradeAccepted TradeState = "ACCEPTED" // not paid yet
	TradeSuccess  TradeState = "SUCCESS"
	TradePayFail  TradeState = "PAY_FAIL"
	TradeRefund   TradeState = "REFUND" // was paid, moved to refund
)

// Final reports whether the debit has ended.
func (s TradeState) Final() bool {
	return s == TradeSuccess || s == TradePayFail || s == TradeRefund
}

// A Transaction is a debit and what became of it.
type Transaction struct {
	SpMchID               string            `json:"sp_mchid,omitzero"` // merchant number of the caller (EP-1)
	MchID                 string            `json:"mchid,omitzero"`    // merchant number in direct mode (EP-1)
	AppID                 string            `json:"appid"`             // of the caller; in partner mode of the partner
	SubMchID              string            `json:"sub_mchid,omitzero"`
	SubAppID              string            `json:"sub_appid,omitzero"`
	OutTradeNo            string            `json:"out_trade_no"`            // order number of the merchant
	TransactionID         string            `json:"transaction_id,omitzero"` // order number of WeChat Pay
	Attach                string            `json:"attach,omitzero"`         // as given to CreateTransaction
	BankType              string            `json:"bank_type,omitzero"`      // bank that paid, such as CMC
	SuccessTime           time.Time         `json:"success_time,omitzero"`   // zero unless paid
	TradeState            TradeState        `json:"trade_state"`
	TradeStateDescription string            `json:"trade_state_description,omitzero"` // for people
	Payer                 Payer             `json:"payer,omitzero"`
	Amount                TransactionAmount `json:"amount,omitzero"`
	DeviceInformation     DeviceInformation `json:"device_information,omitzero"`
	PromotionDetail       []Promotion       `json:"promotion_detail,omitzero"` // discounts used
}

// A Payer is who paid.
type Payer struct {
	OpenID    string `json:"openid,omitzero"`     // user under appid
	SubOpenID string `json:"sub_openid,omitzero"` // user under sub_appid
}

// A TransactionAmount is what was to be paid and what was.
type TransactionAmount struct {
	Total         wxpay.Fen `json:"total"`                   // of the order
	PayerTotal    wxpay.Fen `json:"payer_total,omitzero"`    // paid by the user
	DiscountTotal wxpay.Fen `json:"discount_total,omitzero"` // paid by discounts
	Currency      string    `json:"currency,omitzero"`       // ISO 4217
}

// DeviceInformation is the machine from which the debit was requested.
type DeviceInformation struct {
	DeviceID string `json:"device_id,omitzero"` // the merchant's number for it
	DeviceIP string `json:"device_ip"`          // its address
}

// A PromotionScope is what a discount applies to. The platform may add values (EP-8).
type PromotionScope string

// Scopes of a discount.
const (
	PromotionGlobal PromotionScope = "GLOBAL" // the whole order
	PromotionSingle PromotionScope = "SINGLE" // single goods
)

// A PromotionType is the kind of a discount. The platform may add values (EP-8).
type PromotionType string

// Kinds of discount.
const (
	PromotionCoupon   PromotionType = "COUPON"   // prepaid, settled with money
	PromotionDiscount PromotionType = "DISCOUNT" // not settled
)

// A Promotion is a discount that a debit used.
type Promotion struct {
	CouponID            string         `json:"coupon_id,omitzero"`
	Name                string         `json:"name,omitzero"`
	Scope               PromotionScope `json:"scope,omitzero"`
	Type                PromotionType  `json:"type,omitzero"`
	Amount              wxpay.Fen      `json:"amount,omitzero"`               // face value
	StockID             string         `json:"stock_id,omitzero"`             // 活动 ID
	WechatpayContribute wxpay.Fen      `json:"wechatpay_contribute,omitzero"` // part paid by WeChat Pay
	MerchantContribute  wxpay.Fen      `json:"merchant_contribute,omitzero"`  // part paid by the merchant
	OtherContribute     wxpay.Fen      `json:"other_contribute,omitzero"`     // part paid by others
}

// CreateTransactionParams is the debit to start with [Service.CreateTransaction].
type CreateTransactionParams struct {
	AppID             string            `json:"appid"` // of the caller, at most 32 characters; in partner mode of the partner
	SubMchID          string            `json:"sub_mchid,omitzero"`
	SubAppID          string            `json:"sub_appid,omitzero"`
	Body              string            `json:"body"`               // what is paid for, at most 128 characters
	Attach            string            `json:"attach,omitzero"`    // comes back in queries and notifications; at most 127 characters
	OutTradeNo        string            `json:"out_trade_no"`       // order number, unique per merchant number; at most 32 letters, digits, _ and -
	GoodsTag          string            `json:"goods_tag,omitzero"` // discount tag
	NotifyURL         string            `json:"notify_url"`         // public https address without query, at most 256 characters
	ContractID        string            `json:"contract_id"`        // 签约协议号
	TradeScene        TradeScene        `json:"trade_scene"`        // empty: SceneEducationPeriod, the only one
	Amount            DebitAmount       `json:"amount"`
	DeviceInformation DeviceInformation `json:"device_information"` // DeviceIP is required: an IP address, version 4 or 6
}

// A DebitAmount is what to debit.
type DebitAmount struct {
	Total    wxpay.Fen `json:"total"`             // more than 0
	Currency string    `json:"currency,omitzero"` // empty: CNY, the only one
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
	p.TradeScene = cmp.Or(p.TradeScene, SceneEducationPeriod)
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

func (p CreateTransactionParams) check() error {
	return params.Check(routeCreateTransaction,
		params.ID("appid", p.AppID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32),
		params.OptionalID("sub_appid", p.SubAppID, 32),
		params.Required("body", p.Body, 128),
		params.Optional("attach", p.Attach, 127),
		outTradeNo(p.OutTradeNo),
		params.Optional("goods_tag", p.GoodsTag, 32),
		params.Required("notify_url", p.NotifyURL, 256),
		params.NotifyURL("notify_url", p.NotifyURL),
		params.ID("contract_id", p.ContractID, 32),
		params.Must(p.Amount.Total > 0, "amount.total", "is missing or not more than 0"),
		params.IP("device_information.device_ip", p.DeviceInformation.DeviceIP),
		scene(p.TradeScene),
	)
}

// GetTransactionByIDParams names the debit for [Service.GetTransactionByID].
type GetTransactionByIDParams struct {
	TransactionID string // order number of WeChat Pay
	SubMchID      string
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
	if err := params.Check(routeGetTransactionByID,
		params.ID("transaction_id", p.TransactionID, 32),
		params.OptionalID("sub_mchid", p.SubMchID, 32)); err != nil {
		return nil, err
	}
	return params.Ask(ctx, s.client, wxpay.Call{
		Route: routeGetTransactionByID,
		Vars:  wxpay.Vars{"transaction_id": p.TransactionID},
		Query: params.Query("sub_mchid", p.SubMchID),
	}, func(t *Transaction) string {
		return params.Other("transaction_id", p.TransactionID, t.TransactionID, "sub_mchid", p.SubMchID, t.SubMchID)
	})
}

// GetTransactionByOutTradeNoParams names the debit for [Service.GetTransactionByOutTradeNo].
type GetTransactionByOutTradeNoParams struct {
	OutTradeNo string // order number of the merchant
	SubMchID   string
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
	const route = routeGetTransactionByOutTradeNo
	if err := params.Check(route, outTradeNo(p.OutTradeNo), params.OptionalID("sub_mchid", p.SubMchID, 32)); err != nil {
		return nil, err
	}
	return params.Ask(ctx, s.client, wxpay.Call{
		Route: route,
		Vars:  wxpay.Vars{"out_trade_no": p.OutTradeNo},
		Echo:  wxpay.Vars{"out_trade_no": p.OutTradeNo},
		Query: params.Query("sub_mchid", p.SubMchID),
	}, func(t *Transaction) string { return params.Other("sub_mchid", p.SubMchID, t.SubMchID) })
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
