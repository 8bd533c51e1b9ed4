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
		"mchtransfer/bills": 0, "mchtransfer/authorizations": 0, "deliveryplan/plans": 0,
		"productcoupon/product-coupons": 0, "productcoupon/stocks": 0, "productcoupon/user-coupons": 0, "productcoupon/image-tasks": 0,
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
		{"add-task", map[string]string{"package_id": "1", "filename": "a", "bank_type": "ICBC_DEBIT"}, "either count or numbers"},
		{"add-task", map[string]string{"package_id": "1", "filename": "a", "bank_type": "ICBC_DEBIT", "count": "1", "numbers": "1"}, "either count or numbers"},
		{"add-task", map[string]string{"package_id": "1", "filename": "a", "bank_type": "ICBC_DEBIT", "count": "5501"}, "1 to 5500"},
		{"add-upload", map[string]string{"name": "a", "accounts": "0"}, "from 1"},
		{"add-members", map[string]string{"card_id": "none", "count": "10001"}, "1 to 10000"},
		{"add-members", map[string]string{"card_id": "none", "count": "1"}, "not valid"},
		{"fill-form", map[string]string{"nickname": "\xff"}, "UTF-8"},
		{"take-card", map[string]string{"card_id": "nothing", "openid": "o"}, "not valid"},
	} {
		_, err := do(t, s, test.name, test.args)
		assert.ErrorContains(t, err, test.says, test.name)
	}
	seen := map[string]bool{}
	for _, a := range s.Actions() {
		assert.NotEmpty(t, a.Doc, a.Name)
		assert.Regexp(t, `\p{Han}`, a.DocZh, a.Name)
		for _, p := range a.Params {
			assert.NotEmpty(t, p.Doc, "%s of %s", p.Name, a.Name)
			assert.Regexp(t, `\p{Han}`, p.DocZh, "%s of %s", p.Name, a.Name)
		}
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

// What exists at the start can be said by actions: tasks that are finished, packages, members.
func TestSeedingActions(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Hour, Match: func(number string) bool { return number != "2" }})
	must := func(name string, args map[string]string) any {
		v, err := do(t, h.server, name, args)
		require.NoError(t, err, name)
		return v
	}
	must("add-task", map[string]string{"package_id": "8473295", "filename": "a", "bank_type": "ICBC_DEBIT", "numbers": "1, 2,3"})
	must("add-task", map[string]string{"package_id": "8473295", "filename": "b", "bank_type": "ICBC_DEBIT", "count": "5500"})
	list := h.ok("GET", tasks+"?status=FINISHED", nil)["data"].([]any)
	require.Len(t, list, 2)
	assert.Equal(t, []any{2.0, 1.0}, []any{list[0].(m)["success_count"], list[0].(m)["fail_count"]})
	assert.Equal(t, 5502, h.server.PackageUsers("8473295"))
	_, err := do(t, h.server, "add-task", map[string]string{"package_id": "8473295", "filename": "a", "bank_type": "ICBC_DEBIT", "count": "1"})
	assert.ErrorContains(t, err, "file name already")
	assert.Equal(t, 7, h.server.PackageAccounts(must("add-upload", map[string]string{"name": "a.txt", "accounts": "7"}).(int64)))
	for _, mode := range []string{"SYSTEM_ALLOCATE", "MERCHANT_DEPOSIT", "REAL_TIME"} {
		card := h.server.AddCard(mode)
		codes := must("add-members", map[string]string{"card_id": card, "count": "3"}).([]string)
		require.Len(t, codes, 3)
		assert.Equal(t, "EFFECTIVE", h.ok("GET", open+"/cards/"+card+"/codes/"+codes[2], nil)["user_card_status"])
	}
}
