package wxpaytest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const edu = "/v3/edu-papay"

var presign = m{"appid": "wx8888888888888888", "openid": "oUpF8uMuAJOM2pxb1Q", "plan_id": "101164396123311331", "user_id": "20200330tony", "period_start_date": "2020-03-19", "trade_scene": "EDUCATION_PERIOD"}

func with(o m, name string, v any) m {
	o = maps.Clone(o)
	if o[name] = v; v == nil {
		delete(o, name)
	}
	return o
}

func TestContractFromPresignToDebit(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Minute, Pay: func(no string) bool { return no != "poor" }})
	token := h.ok("POST", edu+"/contracts/presign", presign)["presign_token"].(string)
	assert.LessOrEqual(t, len(token), 32)
	id, err := h.server.SignContract(token)
	require.NoError(t, err)
	_, err = h.server.SignContract(token)
	assert.ErrorContains(t, err, "used")
	second := h.ok("POST", edu+"/contracts/presign", presign)["presign_token"].(string)
	_, err = h.server.SignContract(second)
	assert.ErrorContains(t, err, "has a contract")

	contract := h.ok("GET", edu+"/contracts/id/"+id+"?appid=wx8888888888888888", nil)
	assert.Equal(t, "oUpF8uMuAJOM2pxb1Q", contract["openid"])
	assert.Equal(t, wxpaytest.MchID, contract["sp_mchid"])
	info := contract["contract_information"].(m)
	assert.Equal(t, []any{id, "ADD"}, []any{info["contract_id"], info["contract_status"]})
	h.refused(404, "NOT_FOUND", "GET", edu+"/contracts/id/"+id+"?appid=wx1", nil)
	h.refused(400, "PARAM_ERROR", "GET", edu+"/contracts/id/"+id, nil)

	debit := m{
		"appid": "wx8888888888888888", "body": "语文课程", "attach": "自定义数据", "out_trade_no": "121775250124070332", "notify_url": "https://merchant.example/notify",
		"contract_id": id, "trade_scene": "EDUCATION_PERIOD", "amount": m{"total": 888, "currency": "CNY"}, "device_information": m{"device_ip": "123.12.12.123"},
	}
	h.refused(400, "INVALID_REQUEST", "POST", edu+"/transactions", debit) // no notice
	h.ok("POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"})
	h.refused(400, "ALREADY_EXISTS", "POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"})
	h.refused(400, "INVALID_REQUEST", "POST", edu+"/transactions", debit) // on the same day
	h.server.Advance(24 * time.Hour)
	h.ok("POST", edu+"/transactions", debit)
	h.ok("POST", edu+"/transactions", debit) // the same once more
	again := h.refused(400, "INVALID_REQUEST", "POST", edu+"/transactions", with(debit, "body", "数学课程"))
	assert.Contains(t, again["message"], "请求重入时，参数与首次请求时不一致")
	h.refused(400, "INVALID_REQUEST", "POST", edu+"/transactions", with(debit, "out_trade_no", "2")) // the notice is used up

	state := h.ok("GET", edu+"/transactions/out-trade-no/121775250124070332", nil)
	assert.Equal(t, "ACCEPTED", state["trade_state"])
	assert.NotContains(t, state, "success_time")
	require.Len(t, h.server.Pending(), 2)
	box := &inbox{status: 200}
	require.NoError(t, h.server.Deliver(t.Context(), box))
	assert.Len(t, box.bodies, 1, "the contract; the debit is not due")
	h.server.Advance(time.Minute)
	state = h.ok("GET", edu+"/transactions/id/"+state["transaction_id"].(string)+"?sub_mchid=1", nil)
	assert.Equal(t, "SUCCESS", state["trade_state"])
	assert.Equal(t, m{"total": 888.0, "payer_total": 888.0, "discount_total": 0.0, "currency": "CNY"}, state["amount"])
	assert.Equal(t, m{"openid": "oUpF8uMuAJOM2pxb1Q"}, state["payer"])
	assert.Equal(t, "自定义数据", state["attach"])
	require.NoError(t, h.server.Deliver(t.Context(), box))
	_, _, envelope, resource := box.envelope(t)
	assert.Equal(t, "TRANSACTION.SUCCESS", envelope["event_type"])
	plain := string(h.open(resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string)))
	assert.Contains(t, plain, `"trade_state":"SUCCESS"`)

	h.ok("POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"})
	h.server.Advance(3 * 24 * time.Hour)
	h.ok("POST", edu+"/transactions", with(debit, "out_trade_no", "poor"))
	h.server.Advance(time.Minute)
	assert.Equal(t, "PAY_FAIL", h.ok("GET", edu+"/transactions/out-trade-no/poor", nil)["trade_state"])
	require.NoError(t, h.server.Deliver(t.Context(), box))
	_, _, envelope, _ = box.envelope(t)
	assert.Equal(t, "TRANSACTION.FAIL", envelope["event_type"])
	h.ok("POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"})
	h.server.Advance(4 * 24 * time.Hour)
	h.refused(400, "INVALID_REQUEST", "POST", edu+"/transactions", with(debit, "out_trade_no", "late"))
	h.ok("POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"}) // the old one lapsed

	h.ok("DELETE", edu+"/contracts/"+id, nil)
	h.refused(404, "NOT_FOUND", "DELETE", edu+"/contracts/"+id, nil)
	h.refused(404, "NOT_FOUND", "GET", edu+"/contracts/id/"+id+"?appid=wx8888888888888888", nil)
	h.refused(404, "NOT_FOUND", "POST", edu+"/transactions", with(debit, "out_trade_no", "ended"))
	h.refused(404, "NOT_FOUND", "POST", edu+"/user-notifications/"+id+"/send", m{"appid": "wx8888888888888888"})
	require.NoError(t, h.server.Deliver(t.Context(), box))
	_, _, envelope, _ = box.envelope(t)
	assert.Equal(t, "ENTRUST.RELEASE", envelope["event_type"])
	_, err = h.server.SignContract(second)
	assert.NoError(t, err, "after the end of the first")

	h.refused(404, "NOT_FOUND", "GET", edu+"/transactions/out-trade-no/none", nil)
	h.refused(404, "NOT_FOUND", "GET", edu+"/transactions/id/none", nil)
	h.refused(400, "PARAM_ERROR", "POST", edu+"/contracts/presign", with(presign, "period_start_date", "2020-03-29"))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/contracts/presign", with(presign, "period_start_date", "2020-3-9"))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/transactions", with(debit, "amount", m{"total": 8.88}))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/transactions", with(debit, "amount", m{"total": 0}))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/transactions", with(debit, "amount", m{"total": 1, "currency": "USD"}))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/transactions", with(debit, "out_trade_no", "a b"))
	h.refused(400, "PARAM_ERROR", "POST", edu+"/transactions", with(debit, "device_information", nil))
}

func TestContractList(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	ids := h.server.AddContracts("oUser", "wx1", "plan", 30)
	h.server.AddContracts("oOther", "wx1", "plan", 1)
	list := edu + "/user/oUser/contracts?appid=wx1&plan_id=plan"
	for query, want := range map[string][3]int{"": {20, 0, 20}, "&offset=25": {5, 25, 20}, "&offset=5&limit=3": {3, 5, 3}, "&offset=30": {0, 30, 20}} {
		page := h.ok("GET", list+query, nil)
		data := page["data"].([]any)
		require.Len(t, data, want[0], query)
		assert.Equal(t, []any{30.0, float64(want[1]), float64(want[2])}, []any{page["total_count"], page["offset"], page["limit"]})
		if len(data) > 0 { // the offset counts records
			assert.Equal(t, ids[want[1]], data[0].(m)["contract_information"].(m)["contract_id"], query)
		}
	}
	h.refused(404, "NOT_FOUND", "GET", list+"&contract_status=DELETE", nil)
	h.ok("DELETE", edu+"/contracts/"+ids[0], nil)
	assert.Equal(t, 1.0, h.ok("GET", list+"&contract_status=DELETE", nil)["total_count"])
	assert.Equal(t, 29.0, h.ok("GET", list+"&contract_status=ADD", nil)["total_count"])
	h.refused(404, "NOT_FOUND", "GET", edu+"/user/oUser/contracts?appid=wx1&plan_id=other", nil)
	h.refused(404, "NOT_FOUND", "GET", edu+"/user/oUser/contracts?appid=wx2&plan_id=plan", nil)
	h.refused(400, "PARAM_ERROR", "GET", edu+"/user/oUser/contracts?appid=wx1", nil)
}

// A partner's contracts are those of a sub-merchant.
func TestContractsOfPartners(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	ids := h.server.AddContracts("oUser", "wx1", "plan", 2, wxpaytest.SubMerchant{MchID: "1900000110", AppID: "wxsub", OpenID: "oSub"})
	others := h.server.AddContracts("oUser", "wx1", "plan", 3, wxpaytest.SubMerchant{MchID: "1900000111"})
	h.server.AddContracts("oUser", "wx1", "plan", 4)
	list := edu + "/user/oUser/contracts?appid=wx1&plan_id=plan"
	for query, n := range map[string]float64{
		"": 9, "&sub_mchid=1900000110": 2, "&sub_mchid=1900000111": 3, "&sub_mchid=1900000110&sub_appid=wxsub&sub_openid=oSub": 2,
	} {
		assert.Equal(t, n, h.ok("GET", list+query, nil)["total_count"], query)
	}
	h.refused(404, "NOT_FOUND", "GET", list+"&sub_mchid=1900000111&sub_openid=oSub", nil)
	got := h.ok("GET", edu+"/contracts/id/"+ids[1]+"?appid=wx1&sub_mchid=1900000110", nil)
	assert.Equal(t, []any{wxpaytest.MchID, "1900000110", "wxsub", "oSub"}, []any{got["sp_mchid"], got["sub_mchid"], got["sub_appid"], got["sub_openid"]})
	other := h.ok("GET", edu+"/contracts/id/"+others[0]+"?appid=wx1", nil)
	assert.Equal(t, "1900000111", other["sub_mchid"])
	assert.NotContains(t, other, "sub_appid")
	plain := h.ok("GET", edu+"/contracts/id/"+h.server.AddContracts("oUser", "wx1", "plan", 1)[0]+"?appid=wx1", nil)
	for _, name := range []string{"sub_mchid", "sub_appid", "sub_openid"} {
		assert.NotContains(t, plain, name)
	}
}

// A user ends a contract, and a debit fails that was to fail: both are told of.
func TestEndsThatAreSet(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	ids := h.server.AddContracts("oUser", "wx1", "plan", 2)
	require.NoError(t, h.server.EndContract(ids[0]))
	h.refused(404, "NOT_FOUND", "GET", edu+"/contracts/id/"+ids[0]+"?appid=wx1", nil)
	assert.Error(t, h.server.EndContract(ids[0]), "it has ended")
	assert.Error(t, h.server.EndContract("wx0"))
	require.NoError(t, h.server.FailDebit("no-1"))
	for _, no := range []string{"no-1", "no-2"} {
		h.ok("POST", edu+"/user-notifications/"+ids[1]+"/send", m{"appid": "wx1"})
		h.server.Advance(24 * time.Hour)
		h.ok("POST", edu+"/transactions", m{"appid": "wx1", "body": "b", "out_trade_no": no, "notify_url": "https://merchant.example/n", "contract_id": ids[1],
			"trade_scene": "EDUCATION_PERIOD", "amount": m{"total": 1}, "device_information": m{"device_ip": "1.1.1.1"}})
	}
	assert.Equal(t, "PAY_FAIL", h.ok("GET", edu+"/transactions/out-trade-no/no-1", nil)["trade_state"])
	assert.Equal(t, "SUCCESS", h.ok("GET", edu+"/transactions/out-trade-no/no-2", nil)["trade_state"])
	var told []string
	for _, e := range h.server.Pending() {
		told = append(told, e.Type)
	}
	assert.Equal(t, []string{"ENTRUST.RELEASE", "TRANSACTION.FAIL", "TRANSACTION.SUCCESS"}, told)
}
