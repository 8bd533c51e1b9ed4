package notify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/security"
)

// One odd member does not stop a genuine notification. The observer is told its name, and nothing of its value.
func TestOddMembers(t *testing.T) {
	t.Parallel()
	const paid = `"appid":"wx8888888888888888","out_trade_no":"201407033233368018","trade_state":"SUCCESS"`
	morning := time.Date(2020, 3, 26, 2, 43, 39, 0, time.UTC)
	for member, test := range map[string]struct {
		odd   string
		check func(*edupapay.TransactionEvent) bool
	}{
		`"success_time":"2020/3/26"`:        {"success_time", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.IsZero() }},
		`"success_time":"2020-03-26 10:43"`: {"success_time", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.Equal(morning.Truncate(time.Minute)) }},
		`"success_time":""`:                 {"", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.IsZero() }},
		`"success_time":"canary"`:           {"success_time", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.IsZero() }},
		`"success_time":[]`:                 {"success_time", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.IsZero() }},
		`"success_time":20200326104339`:     {"success_time", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.Equal(morning) }},
		`"success_time":"20200326104339"`:   {"", func(e *edupapay.TransactionEvent) bool { return e.SuccessTime.Equal(morning) }},
		`"amount":[]`:                       {"amount", func(e *edupapay.TransactionEvent) bool { return e.Amount.Total == 0 }},
		`"payer":[]`:                        {"payer", func(e *edupapay.TransactionEvent) bool { return e.Payer.OpenID == "" }},
		`"payer":""`:                        {"payer", func(e *edupapay.TransactionEvent) bool { return e.Payer.OpenID == "" }},
		`"payer":null`:                      {"", func(e *edupapay.TransactionEvent) bool { return e.Payer.OpenID == "" }},
		`"amount":{"total":"888"}`:          {"amount.total", func(e *edupapay.TransactionEvent) bool { return e.Amount.Total == 888 }},
		`"amount":{"total":888.0}`:          {"amount.total", func(e *edupapay.TransactionEvent) bool { return e.Amount.Total == 888 }},
		`"transaction_id":9007199254740993`: {"transaction_id", func(e *edupapay.TransactionEvent) bool { return e.TransactionID == "9007199254740993" }},
		`"promotion_detail":{}`:             {"promotion_detail", func(e *edupapay.TransactionEvent) bool { return e.PromotionDetail == nil }},
		`"promotion_detail":[{"amount":"1"},{"coupon_id":7}]`: {"promotion_detail[0].amount promotion_detail[1].coupon_id", func(e *edupapay.TransactionEvent) bool {
			return e.PromotionDetail[0].Amount == 1 && e.PromotionDetail[1].CouponID == "7"
		}},
	} {
		var seen notify.Delivery
		h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
		runs := 0
		notify.On(h, "TRANSACTION.SUCCESS", func(_ context.Context, _ *notify.Event, e *edupapay.TransactionEvent) error {
			runs++
			assert.Equal(t, "201407033233368018", e.OutTradeNo, member)
			assert.Equal(t, edupapay.TradeState("SUCCESS"), e.TradeState, member)
			assert.True(t, test.check(e), "%s: %+v", member, e)
			return nil
		})
		w := serve(h, signed(message{event: "TRANSACTION.SUCCESS", plain: `{` + member + `,` + paid + `}`}.String()))
		assert.Equal(t, 204, w.Code, "%s: %v", member, seen.Err)
		assert.Equal(t, 1, runs, member)
		assert.NoError(t, seen.Err)
		assert.Equal(t, test.odd, strings.Join(seen.Odd, " "), member)
		assert.NotContains(t, fmt.Sprintf("%+v", seen), "canary")
	}
}

// So with the types of the other products.
func TestOddMembersOfProducts(t *testing.T) {
	t.Parallel()
	var seen notify.Delivery
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
	var got []string
	notify.On(h, membercard.EventAcceptCard, func(_ context.Context, _ *notify.Event, e *membercard.AcceptCardEvent) error {
		got = append(got, e.Code, e.EventTime.UTC().Format(time.RFC3339))
		return nil
	})
	notify.On(h, security.EventEcho, func(_ context.Context, _ *notify.Event, e *security.EchoEvent) error {
		got = append(got, e.EchoMessage, e.EncryptedEchoMessage)
		return nil
	})
	body := message{event: string(membercard.EventAcceptCard), plain: `{"event_type":"RECOVER","card_id":"p1","code":289560490049,"event_time":"2019-12-17 10:35:53","openid":"o1"}`}.String()
	require.Equal(t, 204, serve(h, signed(body)).Code)
	assert.Equal(t, []string{"code", "event_time"}, seen.Odd)
	body = message{event: string(security.EventEcho), plain: `{"echo_message":12,"encrypt_echo_message":"+/8B"}`}.String()
	require.Equal(t, 204, serve(h, signed(body)).Code)
	assert.Equal(t, []string{"echo_message"}, seen.Odd)
	assert.Equal(t, []string{"289560490049", "2019-12-17T02:35:53Z", "12", "+/8B"}, got)
}

// In the envelope id, event type and resource decide.
func TestOddEnvelope(t *testing.T) {
	t.Parallel()
	var seen notify.Delivery
	for replace, odd := range map[string][]string{
		`"create_time":"2015-05-20T13:29:35+08:00" "create_time":[]`:                             {"create_time"},
		`"create_time":"2015-05-20T13:29:35+08:00" "create_time":20150520132935`:                 {"create_time"},
		`"resource_type":"encrypt-resource" "resource_type":{}`:                                  {"resource_type"},
		`"summary":"签约结果通知" "summary":7`:                                                         {"summary"},
		`"summary":"签约结果通知" "summary":[]`:                                                        {"summary"},
		`"original_type":"contract" "original_type":[]`:                                          {"resource.original_type"},
		`"id":"EV-2018022511223320873" "id":2018022511223320873`:                                 {"id"},
		`"summary":"签约结果通知","new":[1] "summary":[],"summary":"canary","new":[1],"create_time":7`: {"create_time"},
	} {
		was, is, _ := strings.Cut(replace, " ")
		body := strings.Replace(message{plain: `{"appid":1}`}.String(), was, is, 1)
		h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
		runs := 0
		notify.On(h, "ENTRUST.SIGNING", func(_ context.Context, e *notify.Event, v *edupapay.ContractEvent) error {
			runs++
			assert.Contains(t, e.ID, "2018022511223320873")
			assert.Equal(t, "1", v.AppID)
			return nil
		})
		for range 2 {
			assert.Equal(t, 204, serve(h, signed(body)).Code, replace)
		}
		assert.Equal(t, 1, runs)
		assert.Equal(t, odd, seen.Odd, replace) // of the repeat, which was not decoded
		assert.NotContains(t, fmt.Sprintf("%+v", seen), "canary")
	}
}

// What is odd is told also where it is refused.
func TestOddAndRefused(t *testing.T) {
	t.Parallel()
	w, d := outcome(t, notify.Config{}, nil)
	assert.Equal(t, 500, w.Code)
	assert.Empty(t, d.Odd)
	var seen notify.Delivery
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error { panic("bug") })
	assert.Equal(t, 500, serve(h, signed(message{plain: `{"appid":1}`}.String())).Code)
	assert.Equal(t, []string{"appid"}, seen.Odd)
	assert.Equal(t, 500, serve(h, signed(message{plain: `{"openid":1,"appid":[]}`}.String())).Code)
	assert.Equal(t, []string{"openid", "appid"}, seen.Odd)
}
