package debits_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

type m = map[string]any

// found is the answer of a query, with members in place of others; nil: without.
func found(change m) m {
	o := m{
		"sp_mchid": wxpaytest.MchID, "appid": appID, "out_trade_no": "n1", "transaction_id": "4200001", "trade_state": "SUCCESS",
		"attach": "autumn", "payer": m{"openid": openID}, "amount": m{"total": 88800, "payer_total": 88800, "currency": "CNY"}, "device_information": m{"device_ip": "203.0.113.7"},
	}
	maps.Copy(o, change)
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	return o
}

// rows is the row n1 of 888 yuan.
func rows(contract string) []table.Row { return []table.Row{row(contract, "n1", "88800")} }

// unsigned is a client between which and the server something answers with a refusal of its own.
func unsigned(t *testing.T, server *wxpaytest.Server, code string) *wxpay.Client {
	t.Helper()
	config := server.Config()
	config.HTTPClient = &http.Client{Transport: proxy(code)}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return client
}

// A proxy answers by itself.
type proxy string

func (p proxy) RoundTrip(*http.Request) (*http.Response, error) {
	status := 400
	if p == "NOT_FOUND" {
		status = 404
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q,"message":"x"}`, string(p))
	return w.Result(), nil
}

const routeContract = "GET /v3/edu-papay/contracts/id/{contract_id}"

// begun loses the first attempt at a debit and returns what was kept of it.
func begun(t *testing.T, r debits.Run, item bulk.Item) (kept wxpay.Prepared) {
	t.Helper()
	res := r.Send(wxpay.WithPrepared(t.Context(), func(_ context.Context, p wxpay.Prepared) error {
		kept = p
		return errors.New("killed")
	}), item)
	require.Equal(t, bulk.Staged, res.State)
	require.NotEmpty(t, kept.Route)
	return kept
}

// What a query finds under the number counts only if it is the debit of the row. It is asked after a number that is
// taken, and after a lost answer.
func TestFoundUnderTheNumber(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		found   m
		want    bulk.State
		code    string
		english string
	}{
		"paid":                  {found(nil), bulk.Done, "4200001", ""},
		"without more words":    {m{"out_trade_no": "n1", "transaction_id": "4200001", "trade_state": "SUCCESS", "amount": m{"total": 88800}}, bulk.Done, "4200001", ""},
		"another amount":        {found(m{"amount": m{"total": 88801}}), bulk.Rejected, "ALREADY_EXISTS", "(SUCCESS): its amount is another one"},
		"no amount":             {found(m{"amount": nil}), bulk.Unknown, "", "does not say the amount"},
		"amount of nothing":     {found(m{"amount": m{"total": 0}}), bulk.Unknown, "", "does not say the amount"},
		"amount of text":        {found(m{"amount": m{"total": "many"}}), bulk.Unknown, "", ""},
		"less paid by discount": {found(m{"amount": m{"total": 88800, "payer_total": 1, "currency": "CNY"}}), bulk.Done, "4200001", ""},
		"another currency":      {found(m{"amount": m{"total": 88800, "currency": "USD"}}), bulk.Rejected, "ALREADY_EXISTS", "its currency"},
		"another appid":         {found(m{"appid": "wx1"}), bulk.Rejected, "ALREADY_EXISTS", "its appid"},
		"another sub-merchant":  {found(m{"sub_mchid": "1900000999"}), bulk.Rejected, "ALREADY_EXISTS", "its sub_mchid"},
		"another sub-appid":     {found(m{"sub_appid": "wx1"}), bulk.Rejected, "ALREADY_EXISTS", "its sub_appid"},
		"another attach":        {found(m{"attach": "x"}), bulk.Rejected, "ALREADY_EXISTS", "its attach"},
		"another payer":         {found(m{"payer": m{"openid": "oUpF8uMuAJOM2pxb2W"}}), bulk.Rejected, "ALREADY_EXISTS", "its payer is not the user of the contract"},
		"unpaid":                {found(m{"trade_state": "PAY_FAIL", "trade_state_description": "银行卡 6222020200112233 余额不足"}), bulk.Rejected, "PAY_FAIL", "银行卡 ***** 余额不足; not paid"},
		"unpaid by another":     {found(m{"trade_state": "PAY_FAIL", "amount": m{"total": 1}}), bulk.Rejected, "ALREADY_EXISTS", "(PAY_FAIL): its amount"},
		"refunded":              {found(m{"trade_state": "REFUND"}), bulk.Rejected, "REFUND", "moved to refund"},
		"not ended":             {found(m{"trade_state": "ACCEPTED"}), bulk.Staged, "", ""},
		"a state not heard of":  {found(m{"trade_state": "FROZEN"}), bulk.Staged, "", ""},
		"no state":              {found(m{"trade_state": nil}), bulk.Staged, "", ""},
		"another number":        {found(m{"out_trade_no": "n2"}), bulk.Unknown, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := wxpaytest.New(t)
			contract := server.AddContracts(openID, appID, planID, 1, wxpaytest.SubMerchant{MchID: "1900000109", AppID: "wx9"})[0]
			r := run(server)
			r.SubMchID, r.SubAppID, r.Attach = "1900000109", "wx9", "autumn"
			item := bulk.Item{Step: 1, Rows: rows(contract)}
			kept := begun(t, r, item)
			r.Attach = "winter" // what was sent counts, not what is set by now
			require.NoError(t, server.Reply(routeResult, 200, test.found))
			lost := r.Settle(t.Context(), item, kept)
			r.Attach = "autumn"
			require.NoError(t, server.Reply(routeDebit, 400, m{"code": "ALREADY_EXISTS", "message": "订单已存在"}))
			taken := r.Send(t.Context(), item)
			for how, got := range map[string]bulk.Result{"lost": lost, "taken": taken} {
				assert.Equal(t, test.want, got.State, "%s: %+v", how, got)
				assert.Contains(t, got.Reason.English, test.english, how)
				if test.want == bulk.Staged {
					assert.Equal(t, 2, got.Next)
					assert.WithinDuration(t, time.Now().Add(5*time.Second), got.At, time.Second)
				} else {
					assert.Equal(t, test.code, got.Code, how)
				}
				if test.want == bulk.Rejected {
					assert.Regexp(t, `\p{Han}`, got.Reason.Chinese)
				}
				if test.want != bulk.Staged {
					assert.NotEmpty(t, got.RequestID, how)
				}
			}
		})
	}
}

// The platform itself says that the row is another debit than the one under its number, whatever both have alike.
func TestNumberOfAnotherDebit(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	contracts := server.AddContracts(openID, appID, planID, 2)
	for _, c := range contracts {
		require.NoError(t, send(t, server, c))
	}
	server.Advance(24 * time.Hour)
	r := run(server)
	item := bulk.Item{Step: 1, Rows: rows(contracts[0])}
	require.Equal(t, 2, r.Send(t.Context(), item).Next)
	item.Rows = rows(contracts[1]) // of the same user, with the same amount
	got := r.Send(t.Context(), item)
	assert.Equal(t, bulk.Rejected, got.State)
	assert.Contains(t, got.Reason.English, "the platform says that it is not the debit of this row")
	assert.Contains(t, got.Reason.Chinese, "与本行不一致")
	assert.Equal(t, map[string]int64{"n1": 88800}, debited(t, server))
}

func send(t *testing.T, server *wxpaytest.Server, contract string) error {
	t.Helper()
	return wxpay.Send(t.Context(), server.Client(), wxpay.Call{Route: routeNotice, Vars: wxpay.Vars{"contract_id": contract}, Body: m{"appid": appID}})
}

// The contract that tells the payer may be gone, or not be seen: then its absence is no reason. What passes by itself leaves it open.
func TestPayerOfAContractThatIsNotSeen(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]bulk.State{"NOT_FOUND": bulk.Done, "INVALID_REQUEST": bulk.Done, "500": bulk.Unknown, "dns": bulk.Unknown, "429": bulk.Unknown, "502-html": bulk.Unknown} {
		server := wxpaytest.New(t)
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		require.NoError(t, server.Reply(routeDebit, 400, m{"code": "ALREADY_EXISTS", "message": "x"}))
		require.NoError(t, server.Reply(routeResult, 200, found(m{"attach": nil})))
		require.NoError(t, server.Inject(routeContract, fault, 1))
		got := run(server).Send(t.Context(), bulk.Item{Step: 1, Rows: rows(contract)})
		assert.Equal(t, want, got.State, fault)
	}
}

// A refusal that nobody can look up is no refusal yet.
func TestRefusedAndNotLookedUp(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	contract := server.AddContracts(openID, appID, planID, 1)[0]
	r, item := run(server), bulk.Item{Step: 1, Rows: rows(contract), Code: "NOTICED 2001-01-01T00:00:00+08:00"}
	r.NoNotice = true
	for _, fault := range []string{"reset-after-read", "500", "502-html", "429", "SIGN_ERROR", "NO_AUTH", "PARAM_ERROR"} {
		require.NoError(t, server.Inject(routeDebit, "NOT_ENOUGH", 1))
		require.NoError(t, server.Inject(routeResult, fault, 1))
		got := r.Send(t.Context(), item)
		assert.Equal(t, bulk.Unknown, got.State, fault)
		assert.Error(t, got.Err)
		assert.NotErrorIs(t, got.Err, wxpay.CodeNotEnough)
	}
	require.NoError(t, server.Inject(routeDebit, "NOT_ENOUGH", 1))
	got := r.Send(t.Context(), item)
	assert.Equal(t, bulk.Rejected, got.State)
	assert.Contains(t, got.Reason.English, "lacks the money")
	require.NoError(t, server.Inject(routeDebit, "ALREADY_EXISTS", 1))
	got = r.Send(t.Context(), item)
	assert.Equal(t, bulk.Unknown, got.State, "taken, and not found")
	assert.Contains(t, got.Reason.English, "never take a new number")
}

// A look at a debit that was taken never rejects it for what is wrong with the look.
func TestLooks(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	contract := server.AddContracts(openID, appID, planID, 1)[0]
	r := run(server)
	now := time.Now()
	item := bulk.Item{Step: 2, Rows: rows(contract), Code: "ACCEPTED " + now.Add(-time.Hour).Format(time.RFC3339)}
	for _, fault := range server.FaultsAt(routeResult) {
		if fault.Name == "hang" || fault.Name == "hang-after-effect" || fault.Name == "dial-black-hole" || fault.Name == "slow-body" {
			continue // in TestFaults, where time is cheap
		}
		require.NoError(t, server.Inject(routeResult, fault.Name, 1))
		got := r.Send(t.Context(), item)
		switch got.State {
		case bulk.Staged:
			assert.Equal(t, 2, got.Next, fault.Name)
			assert.WithinDuration(t, time.Now().Add(10*time.Minute), got.At, 30*time.Second, fault.Name)
		case bulk.Unknown: // refused for good, or not there
		default:
			t.Errorf("%s: %+v", fault.Name, got)
		}
		assert.Equal(t, item.Code, got.Code, fault.Name)
		assert.Error(t, got.Err)
		server.Recover()
	}
	got := r.Send(t.Context(), item)
	assert.Equal(t, bulk.Unknown, got.State, "not there")
	assert.Contains(t, got.Reason.English, "was taken")
	r.Attach = "winter" // set since
	require.NoError(t, server.Reply(routeResult, 200, found(m{"trade_state": "ACCEPTED"})))
	for age, pause := range map[time.Duration]time.Duration{0: 5 * time.Second, 8 * time.Second: 5 * time.Second, time.Minute: 15 * time.Second, 24 * time.Hour: 10 * time.Minute} {
		item.Code = "ACCEPTED " + time.Now().Add(-age).In(time.FixedZone("", 8*60*60)).Format(time.RFC3339)
		got := r.Send(t.Context(), item)
		assert.WithinDuration(t, time.Now().Add(pause), got.At, 2*time.Second, age)
		assert.Equal(t, item.Code, got.Code, "since when it is waited for stays")
	}
	r.Every = time.Hour
	assert.WithinDuration(t, time.Now().Add(time.Hour), r.Send(t.Context(), item).At, 2*time.Second)
	item.Code = ""
	assert.Contains(t, r.Send(t.Context(), item).Code, "ACCEPTED 2")
}

// Only the platform's own word counts as a refusal: without a signature it may be that of a proxy.
func TestUnsignedRefusals(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ALREADY_EXISTS", "INVALID_REQUEST", "NOT_FOUND", "NOT_ENOUGH"} {
		for step := range 3 {
			server := wxpaytest.New(t)
			contract := server.AddContracts(openID, appID, planID, 1)[0]
			r := run(server)
			r.Client = unsigned(t, server, code)
			item := bulk.Item{Step: step, Rows: rows(contract)}
			got := r.Send(t.Context(), item)
			assert.Contains(t, []bulk.State{bulk.Unknown, bulk.Staged}, got.State, "%s at step %d: %+v", code, step, got)
			if got.State == bulk.Staged {
				assert.Equal(t, step, got.Next)
			}
			if step < 2 {
				kept := begun(t, run(server), item)
				assert.Equal(t, bulk.Unknown, r.Settle(t.Context(), item, kept).State, "%s at step %d", code, step)
			}
		}
	}
}

// Settling never returns an item of unknown outcome to those that were not sent.
func TestSettleKeepsWhatIsUnknown(t *testing.T) {
	t.Parallel()
	for step, route := range []string{routeNotice, routeDebit} {
		server := wxpaytest.New(t)
		contract := server.AddContracts(openID, appID, planID, 1)[0]
		item := bulk.Item{Step: step, Rows: rows(contract)}
		kept := begun(t, run(server), item)
		for _, fault := range []string{"429", "dns", "SIGN_ERROR", "NO_AUTH", "500", "reset-after-read"} {
			require.NoError(t, server.Inject(route, fault, 1))
			got := run(server).Settle(t.Context(), item, kept)
			assert.Equal(t, bulk.Unknown, got.State, "%s at step %d", fault, step)
			assert.Error(t, got.Err)
		}
		// Of one that was not sent before, these are no news.
		for _, fault := range []string{"429", "dns", "SIGN_ERROR", "NO_AUTH"} {
			require.NoError(t, server.Inject(route, fault, 1))
			got := run(server).Send(t.Context(), item)
			assert.Equal(t, bulk.Staged, got.State, "%s at step %d", fault, step)
			assert.Equal(t, step, got.Next)
			assert.Error(t, got.Err)
		}
	}
}

// A debit is not repeated before the platform itself says that there is none.
func TestSettleAsksFirst(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	contract := server.AddContracts(openID, appID, planID, 1)[0]
	r, item := run(server), bulk.Item{Step: 1, Rows: rows(contract)}
	kept := begun(t, r, item)
	for _, fault := range []string{"429", "dns", "SIGN_ERROR", "500", "503", "502-html", "reset-after-read", "PARAM_ERROR"} {
		require.NoError(t, server.Inject(routeResult, fault, 1))
		assert.Equal(t, bulk.Unknown, r.Settle(t.Context(), item, kept).State, fault)
	}
	config := server.Config()
	config.HTTPClient = &http.Client{Transport: onlyGet{proxy("NOT_FOUND"), server}}
	behind, err := wxpay.New(config)
	require.NoError(t, err)
	r.Client = behind
	assert.Equal(t, bulk.Unknown, r.Settle(t.Context(), item, kept).State, "unsigned")
	for _, sent := range server.Requests() {
		assert.NotEqual(t, "POST", sent.Method)
	}
}

// onlyGet sends what asks to the first and everything else to the second.
type onlyGet [2]http.RoundTripper

func (o onlyGet) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet {
		return o[0].RoundTrip(req)
	}
	return o[1].RoundTrip(req)
}

// The first attempt took effect late: a query did not find it yet, and the notice that the repetition needs is used up by it.
func TestRepetitionRefusedForItsOwnFirstAttempt(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	contract := server.AddContracts(openID, appID, planID, 1)[0]
	require.NoError(t, send(t, server, contract))
	server.Advance(24 * time.Hour)
	r, item := run(server), bulk.Item{Step: 1, Rows: rows(contract)}
	kept := begun(t, r, item)
	require.Equal(t, 2, r.Send(t.Context(), item).Next)
	require.NoError(t, server.Inject(routeResult, "NOT_FOUND", 1))
	require.NoError(t, server.Inject(routeDebit, "INVALID_REQUEST", 1))
	got := r.Settle(t.Context(), item, kept)
	assert.Equal(t, bulk.Done, got.State, "%+v", got)
	assert.Equal(t, map[string]int64{"n1": 88800}, debited(t, server))
}

// A debit is not made before its day, by whomever it is asked for.
func TestNotBeforeItsDay(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	r := run(server)
	now := time.Now().Truncate(time.Second)
	item := bulk.Item{Step: 1, Rows: rows("wx1"), Code: "NOTICED " + now.Format(time.RFC3339)}
	got := r.Send(t.Context(), item)
	assert.Equal(t, bulk.Staged, got.State)
	assert.Equal(t, 1, got.Next)
	assert.Equal(t, item.Code, got.Code)
	assert.WithinDuration(t, now.Add(24*time.Hour), got.At, 12*time.Minute)
	assert.NoError(t, got.Err)
	r.NoticeLead = 48 * time.Hour // the job may be run again with another one
	assert.WithinDuration(t, now.Add(48*time.Hour), r.Send(t.Context(), item).At, 12*time.Minute)
	assert.Empty(t, server.Requests())
}

// Some calls are throttled with a refusal that has no code of its own for it: no row is rejected for that.
func TestThrottledInOtherWords(t *testing.T) {
	t.Parallel()
	for step, route := range []string{routeNotice, routeDebit, routeResult} {
		server := wxpaytest.New(t)
		require.NoError(t, server.Reply(route, 400, m{"code": "INVALID_REQUEST", "message": "操作过于频繁，请稍后再试"}))
		item := bulk.Item{Step: step, Rows: rows("wx1"), Code: "NOTICE_EXISTS 2001-01-01T00:00:00+08:00"}
		r := run(server)
		if step == 1 {
			item.Code = ""
		}
		got := r.Send(t.Context(), item)
		assert.Equal(t, bulk.Staged, got.State, "step %d", step)
		assert.Equal(t, step, got.Next)
		assert.Equal(t, item.Code, got.Code)
		assert.Error(t, got.Err)
	}
}
