package wxpaytest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// do lets an action happen by its name, as a page does that knows no product.
func do(t *testing.T, s *wxpaytest.Server, name string, args map[string]string) (any, error) {
	t.Helper()
	for _, a := range s.Actions() {
		if a.Name == name {
			return a.Do(t.Context(), args)
		}
	}
	t.Fatalf("there is no action %s", name)
	return nil, nil
}

// What tests do by methods can be done by name too, and what there is can be looked at, as data.
func TestActionsAndState(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Mode: wxpaytest.Both})
	s := h.server
	type args = map[string]string
	must := func(name string, a args) any {
		v, err := do(t, s, name, a)
		require.NoError(t, err, name)
		return v
	}
	card := must("add-card", args{"code_mode": "SYSTEM_ALLOCATE", "card_id": "card-1"})
	assert.Equal(t, "card-1", card)
	old := must("add-card", args{"code_mode": "SYSTEM_ALLOCATE", "old": "true"}).(string)
	h.refused(400, "INVALID_REQUEST", "GET", open+"/cards/"+old, nil)
	h.ok("POST", open+"/phonenumber-member/import", m{"encrypted_phone_number": h.encrypt("13800000000"), "member_information": m{"card_id": "card-1", "registration_time": "2015-05-20T13:29:35+08:00"}})
	must("show-reminder", args{"card_id": "card-1", "phone": "13800000000"})
	code := must("take-card", args{"card_id": "card-1", "openid": "o1", "phone": "13800000000", "jump": "true"}).(string)
	assert.Equal(t, "NOT_ACTIVATE", h.ok("GET", open+"/cards/card-1/codes/"+code, nil)["user_card_status"])
	must("manage-card", args{"card_id": "card-1", "code": code, "what": "USER_DELETE_MEMBERCARD"})
	ticket := must("fill-form", args{"nickname": "n", "USER_FORM_FLAG_CITY": "深圳"}).(string)
	assert.Equal(t, "n", h.ok("GET", open+"/activate-informations/"+ticket, nil)["nickname"])
	token := h.ok("POST", edu+"/contracts/presign", presign)["presign_token"].(string)
	contract := must("sign-contract", args{"presign_token": token}).(string)
	ids := must("add-contracts", args{"openid": "o", "appid": "wx1", "plan_id": "p", "count": "2", "sub_mchid": "1900000110"}).([]string)
	assert.Len(t, ids, 2)
	h.ok("POST", edu+"/user-notifications/"+contract+"/send", m{"appid": presign["appid"]})
	must("advance", args{"duration": "24h"})
	h.ok("POST", edu+"/transactions", m{"appid": presign["appid"], "body": "b", "out_trade_no": "1", "notify_url": "https://merchant.example/n", "contract_id": contract,
		"trade_scene": "EDUCATION_PERIOD", "amount": m{"total": 1}, "device_information": m{"device_ip": "1.1.1.1"}})
	serial := must("rotate-certificate", nil)
	assert.NotEqual(t, serial, must("offer-certificate", nil))
	must("set-certificate-share", args{"percent": "50"})
	must("set-public-key-share", args{"percent": "0"})
	status, _ := h.do(h.upload("8473295", "a.csv", h.lines("1")))
	assert.Equal(t, 200, status)

	rows := map[string]int{}
	for _, v := range s.State() {
		rows[v.Product+"/"+v.Name] = len(v.Rows)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "13800000000")
	}
	assert.Equal(t, map[string]int{
		"bankpackages/tasks": 1, "membercard/cards": 2, "membercard/members": 1, "membercard/activities": 0,
		"edupapay/contracts": 3, "edupapay/debits": 1, "tpns/uploads": 0, "tpns/pushes": 0,
	}, rows)
	var events []string
	for _, e := range s.Pending() {
		events = append(events, e.Type)
		text, err := json.Marshal(e)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "13800000000", "it is encrypted from the beginning")
	}
	assert.Equal(t, []string{"MEMBERCARD.ACCEPT_CARD", "MEMBERCARD.USERCARD_MANAGE", "ENTRUST.SIGNING", "TRANSACTION.SUCCESS"}, events)
}

func TestActionsRefuse(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	for _, test := range []struct {
		name string
		args map[string]string
		says string
	}{
		{"add-card", map[string]string{"code_mode": "AUTO"}, "none of"},
		{"add-card", nil, "needs code_mode"},
		{"add-contracts", map[string]string{"openid": "o", "appid": "a", "plan_id": "p", "count": "none"}, "number"},
		{"advance", map[string]string{"duration": "tomorrow"}, "no duration"},
		{"advance", map[string]string{"duration": "-1h"}, "no duration"},
		{"set-public-key-share", map[string]string{"percent": "101"}, "0 to 100"},
		{"rotate-certificate", nil, "no certificates"},
		{"take-card", map[string]string{"card_id": "nothing", "openid": "o"}, "not valid"},
	} {
		_, err := do(t, s, test.name, test.args)
		assert.ErrorContains(t, err, test.says, test.name)
	}
	seen := map[string]bool{}
	for _, a := range s.Actions() {
		assert.NotEmpty(t, a.Doc, a.Name)
		assert.False(t, seen[a.Name], "two actions are called %s", a.Name)
		seen[a.Name] = true
	}
	before := time.Now()
	_, err := do(t, s, "advance", map[string]string{"duration": "72h"})
	require.NoError(t, err)
	id := s.AddCard("REAL_TIME")
	h := newMerchant(t)
	h.server = s
	at, err := time.Parse(time.RFC3339, h.ok("GET", open+"/cards/"+id, nil)["create_time"].(string))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, at.Sub(before), 71*time.Hour)
}
