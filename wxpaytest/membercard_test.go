package wxpaytest_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	open       = "/v3/marketing/membercard-open"
	activities = "/v3/marketing/membercard-activity/activities"
)

func newCard() m {
	return m{
		"appid": "wxea9c30890f48d5ae", "logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0", "brand": m{"brand_id": "1004", "display_name": "微信支付"},
		"title": "微信支付测试卡", "background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0", "description": "须知", "service_phone": "010-8877",
		"code_type": "BAR_CODE", "date_information": m{"type": "FIX_TIME_RANGE", "available_begin_time": "2020-05-20T13:29:35.120+08:00"},
		"code_mode": "SYSTEM_ALLOCATE", "need_display_level": true, "init_level": "白银会员", "out_request_no": "100002322019090134234sfdf",
		"user_information_form": m{"common_field_list": []string{"USER_FORM_FLAG_MOBILE"}, "custom_field_list": []m{{"type": "RADIO", "name": "运动", "values": []string{"篮球"}}}},
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	created := h.ok("POST", open+"/cards", newCard())
	id := created["card_id"].(string)
	assert.LessOrEqual(t, len(id), 32)
	assert.GreaterOrEqual(t, len(id), 16)
	assert.Equal(t, "NOT_APPROVE", created["status"])
	for name, want := range newCard() { // every member comes back
		assert.Equal(t, fmt.Sprint(want), fmt.Sprint(created[name]), name)
	}
	assert.Equal(t, id, h.ok("POST", open+"/cards", newCard())["card_id"], "the same number and content")
	again := h.refused(400, "INVALID_REQUEST", "POST", open+"/cards", with(newCard(), "title", "另一张"))
	assert.Contains(t, again["message"], "请求重入时")
	assert.True(t, strings.HasSuffix(h.server.Requests()[2].RequestID, "-268498688"))

	card := h.ok("GET", open+"/cards/"+id, nil)
	assert.Equal(t, []any{"APPROVED", 5000000.0, 5000000.0}, []any{card["status"], card["total_quantity"], card["remain_quantity"]})
	h.ok("PATCH", open+"/cards/"+id, m{"title": "新名字", "total_quantity": 10, "user_information_form": m{"can_modify_after_activate": true}})
	card = h.ok("GET", open+"/cards/"+id, nil)
	assert.Equal(t, []any{"新名字", 10.0, "须知"}, []any{card["title"], card["total_quantity"], card["description"]})
	h.refused(400, "INVALID_REQUEST", "PATCH", open+"/cards/"+id, m{"code_mode": "REAL_TIME"})
	h.refused(400, "PARAM_ERROR", "PATCH", open+"/cards/"+id, m{"brand": m{}})
	h.refused(400, "PARAM_ERROR", "PATCH", open+"/cards/"+id, m{"total_quantity": -1})
	h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(with(newCard(), "out_request_no", "3"), "total_quantity", -1))
	h.refused(400, "PARAM_ERROR", "PATCH", open+"/cards/"+id, nil)

	for _, name := range []string{"appid", "logo_url", "brand", "title", "background_picture_url", "description", "code_type", "date_information", "code_mode", "out_request_no"} {
		detail := h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(newCard(), name, nil))["detail"].(m)
		assert.Equal(t, "/"+name, detail["field"])
	}
	h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(newCard(), "title", "一二三四五六七八九十一"))
	h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(newCard(), "out_request_no", "a b"))
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards", with(with(newCard(), "out_request_no", "2"), "balance_information", m{"need_balance": true}))
	detail := h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(newCard(), "brand", m{"brand_id": "1004"}))["detail"].(m)
	assert.Equal(t, "/brand/display_name", detail["field"])
	detail = h.refused(400, "PARAM_ERROR", "POST", open+"/cards", with(newCard(), "user_information_form", m{"custom_field_list": []m{{"name": "a"}, {"type": "MANY"}}}))["detail"].(m)
	assert.Equal(t, "/user_information_form/custom_field_list/1/type", detail["field"])

	h.ok("DELETE", open+"/cards/"+id, nil)
	assert.Equal(t, "DELETED", h.ok("GET", open+"/cards/"+id, nil)["status"])
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+id+"/users/import", m{"openid": "o", "out_request_no": "1"})
	h.refused(400, "INVALID_REQUEST", "GET", open+"/cards/nothing", nil)
}

func TestCardList(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	var ids []string
	for range 25 {
		ids = append(ids, h.server.AddCard("SYSTEM_ALLOCATE"))
	}
	other := with(with(newCard(), "brand", m{"brand_id": "2", "display_name": "b"}), "appid", "wx2")
	h.ok("POST", open+"/cards", other)
	page := h.ok("GET", open+"/cards?brand_id=1004&offset=2&limit=10", nil)
	require.Len(t, page["data"], 5)
	assert.Equal(t, ids[20], page["data"].([]any)[0].(m)["card_id"], "offset counts pages")
	assert.Equal(t, []any{25.0, 2.0, 10.0}, []any{page["total_count"], page["offset"], page["limit"]})
	assert.Equal(t, 1.0, h.ok("GET", open+"/cards?appid=wx2&offset=0&limit=20", nil)["total_count"])
	h.refused(400, "PARAM_ERROR", "GET", open+"/cards?limit=20", nil)
	h.refused(400, "PARAM_ERROR", "GET", open+"/cards?offset=0", nil)
}

func TestCallback(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.refused(400, "INVALID_REQUEST", "GET", open+"/callback", nil)
	h.refused(400, "PARAM_ERROR", "PATCH", open+"/callback", m{"notify_url": "http://merchant.example/"})
	set := h.ok("PATCH", open+"/callback", m{"notify_url": "https://merchant.example/notify"})
	assert.Equal(t, m{"notify_url": "https://merchant.example/notify", "mchid": wxpaytest.MchID}, set)
	assert.Equal(t, set, h.ok("GET", open+"/callback", nil))
	h.ok("PATCH", open+"/callback", m{"notify_url": "http://127.0.0.1:8080/notify"})
}

func TestDepositedCodes(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	id := h.server.AddCard("MERCHANT_DEPOSIT")
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+id+"/users/import", m{"openid": "o0", "out_request_no": "0"})
	results := h.ok("POST", open+"/cards/"+id+"/codes/deposit", m{"code": []string{"c1", "c2", "c1"}})["data"].([]any)
	assert.Equal(t, []any{m{"code": "c1", "result": "SUCCESS"}, m{"code": "c2", "result": "SUCCESS"}, m{"code": "c1", "result": "DUPLICATE"}}, results)
	assert.Equal(t, "c1", h.ok("POST", open+"/cards/"+id+"/users/import", m{"openid": "o1", "out_request_no": "1"})["code"])
	card := h.ok("GET", open+"/cards/"+id, nil)
	assert.Equal(t, []any{2.0, 1.0}, []any{card["total_quantity"], card["remain_quantity"]})
	assert.Equal(t, "DUPLICATE", h.ok("POST", open+"/cards/"+id+"/codes/deposit", m{"code": []string{"c1"}})["data"].([]any)[0].(m)["result"])
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+h.server.AddCard("REAL_TIME")+"/codes/deposit", m{"code": []string{"c1"}})
	assert.Equal(t, []any{}, h.ok("POST", open+"/cards/"+id+"/codes/deposit", m{})["data"])
}

func TestImportByPhone(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Paid: func(phone string) bool { return !strings.HasSuffix(phone, "9") }})
	id := h.server.AddCard("SYSTEM_ALLOCATE")
	path := open + "/cards/" + id + "/phone-membercard/import"
	body := func(phone, number string) m {
		return m{"encrypted_phone_number": h.encrypt(phone), "out_request_no": number}
	}
	first := h.ok("POST", path, body("13800000000", "1"))["code"]
	assert.Len(t, first, 12)
	// Encrypting again gives another text and is the same content.
	assert.Equal(t, first, h.ok("POST", path, body("13800000000", "1"))["code"])
	h.refused(400, "INVALID_REQUEST", "POST", path, body("13800000001", "1"))
	held := h.refused(400, "INVALID_REQUEST", "POST", path, body("13800000000", "2"))
	assert.Contains(t, held["message"], "already holds")
	unpaid := h.refused(400, "INVALID_REQUEST", "POST", path, body("13800000009", "3"))
	assert.Contains(t, unpaid["message"], "within a year")
	for _, phone := range []string{"1380000000", "138000000000", "1380000000x", "++8613800000000", "+0", "123456", "2345678901234567"} {
		wrong := h.refused(400, "PARAM_ERROR", "POST", path, body(phone, "4"))
		assert.NotContains(t, fmt.Sprint(wrong), phone)
	}
	h.refused(400, "PARAM_ERROR", "POST", path, m{"encrypted_phone_number": "13800000000", "out_request_no": "5"})
	h.refused(400, "PARAM_ERROR", "POST", path, body("13800000002", strings.Repeat("1", 33)))
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/nothing/phone-membercard/import", body("13800000002", "6"))

	// An imported member who has not taken the card has no openid.
	user := h.ok("GET", open+"/cards/"+id+"/codes/"+first.(string), nil)
	assert.NotContains(t, user, "openid")
	assert.Equal(t, []any{"EFFECTIVE", first, first}, []any{user["user_card_status"], user["code"], user["membership_number"]})

	real := h.server.AddCard("REAL_TIME")
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+real+"/phone-membercard/import", body("13800000002", "7"))
	assert.Equal(t, "mine", h.ok("POST", open+"/cards/"+real+"/phone-membercard/import", with(body("13800000002", "8"), "code", "mine"))["code"])
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+real+"/phone-membercard/import", with(body("13800000003", "9"), "code", "mine"))
	for _, r := range h.server.Requests() {
		assert.NotContains(t, r.Verdict+r.Body+r.Answer+fmt.Sprint(r.Sensitive), "1380000000")
	}
}

// A phone number may come with its country code, and is the same user with and without. The search is for
// numbers of the mainland alone.
func TestFormsOfPhoneNumbers(t *testing.T) {
	t.Parallel()
	var asked []string
	h := newMerchant(t, wxpaytest.Options{Paid: func(phone string) bool { asked = append(asked, phone); return true }})
	id := h.server.AddCard("SYSTEM_ALLOCATE")
	at := open + "/cards/" + id + "/phone-membercard/import"
	n := 0
	body := func(phone string) m {
		n++
		return m{"encrypted_phone_number": h.encrypt(phone), "out_request_no": fmt.Sprint(n)}
	}
	for _, same := range [][]string{
		{"+8613800000000", "13800000000", "8613800000000"}, {"13800000001", "+8613800000001"},
		{"+85223456789", "85223456789"}, {"+12025550123", "12025550123"}, {"2345678"}, {"234567890123456"},
	} {
		h.ok("POST", at, body(same[0]))
		for _, phone := range same[1:] {
			held := h.refused(400, "INVALID_REQUEST", "POST", at, body(phone))
			assert.Contains(t, held["message"], "already holds", phone)
		}
	}
	assert.Equal(t, []string{"13800000000", "13800000001", "85223456789", "12025550123", "2345678", "234567890123456"}, asked)
	var masks []string
	for _, r := range h.server.Requests() {
		assert.NotContains(t, r.Body+r.Answer+fmt.Sprint(r.Sensitive), "2345678")
		masks = append(masks, r.Sensitive["encrypted_phone_number"])
	}
	assert.Contains(t, masks, "*******", "of so few digits none is shown")

	member := m{"card_id": id, "registration_time": "2015-05-20T13:29:35.120+08:00"}
	search := open + "/phonenumber-member/search?card_id=" + id + "&encrypted_phone_number="
	remind := func(phone string) m {
		return m{"encrypted_phone_number": h.encrypt(phone), "member_information": member}
	}
	h.ok("POST", open+"/phonenumber-member/import", remind("+8613900000000"))
	h.ok("POST", open+"/phonenumber-member/import", remind("+85223456780"))
	require.NoError(t, h.server.ShowReminder(id, "+8613900000000"))
	for _, phone := range []string{"13900000000", "8613900000000", "+8613900000000"} {
		assert.Equal(t, m{"receive_status": "UNRECEIVED"}, h.ok("GET", search+url.QueryEscape(h.encrypt(phone)), nil), phone)
	}
	for _, phone := range []string{"+85223456780", "85223456780", "+1390000000", "86139000000000", "008613900000000"} {
		refused := h.refused(400, "PARAM_ERROR", "GET", search+url.QueryEscape(h.encrypt(phone)), nil)
		assert.Contains(t, refused["message"], "of the mainland", phone)
	}
	_, err := h.server.TakeCard(id, "oUser", "+8613900000000", false)
	require.NoError(t, err)
	assert.Equal(t, "RECEIVED", h.ok("GET", search+url.QueryEscape(h.encrypt("13900000000")), nil)["receive_status"])
}

// With ImportRate the server takes so many imports within a second, of each call.
func TestImportRate(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{ImportRate: 5})
	synctest.Test(t, func(t *testing.T) {
		h := h.in(t)
		id := h.server.AddCard("SYSTEM_ALLOCATE")
		n := 0
		byPhone := func() string { return h.encrypt(fmt.Sprintf("138%08d", n)) }
		calls := map[string]func() m{
			open + "/cards/" + id + "/users/import": func() m { return m{"openid": fmt.Sprint("o", n), "out_request_no": fmt.Sprint(n)} },
			open + "/cards/" + id + "/phone-membercard/import": func() m {
				return m{"encrypted_phone_number": byPhone(), "out_request_no": fmt.Sprint(n)}
			},
			open + "/phonenumber-member/import": func() m {
				return m{"encrypted_phone_number": byPhone(), "member_information": m{"card_id": id, "registration_time": "2015-05-20T13:29:35.120+08:00"}}
			},
		}
		send := func(path string) int {
			n++
			status, answer := h.json("POST", path, calls[path]())
			if status == 429 {
				assert.Equal(t, "RATELIMIT_EXCEEDED", answer["code"])
				assert.True(t, strings.HasSuffix(h.last().RequestID, "-268447840"))
			} else {
				assert.Contains(t, []int{200, 204}, status, answer)
			}
			return status
		}
		for path := range calls { // one does not slow the other
			for i := range 10 {
				assert.Equal(t, i >= 5, send(path) == 429, "%s %d", path, i)
			}
			h.ok("GET", open+"/cards/"+id, nil) // nor a read
			time.Sleep(999 * time.Millisecond)
			assert.Equal(t, 429, send(path))
			time.Sleep(time.Millisecond)
			for range 5 {
				assert.NotEqual(t, 429, send(path), path)
			}
			assert.Equal(t, 429, send(path))
			h.server.Advance(time.Second)
			assert.NotEqual(t, 429, send(path), "by the clock of Advance")
		}
	})
}

func TestAddCard(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for _, mode := range []string{"SYSTEM_ALLOCATE", "MERCHANT_DEPOSIT", "REAL_TIME"} {
		id := h.server.AddCard(mode, "card-"+mode)
		assert.Equal(t, "card-"+mode, id)
		assert.Equal(t, mode, h.ok("GET", open+"/cards/"+id, nil)["code_mode"])
	}
	for _, args := range [][]string{{"AUTO"}, {""}, {"system_allocate"}, {"REAL_TIME", ""}, {"REAL_TIME", "card-REAL_TIME"}, {"REAL_TIME", strings.Repeat("x", 33)}} {
		r := &recorder{TB: t}
		s := wxpaytest.New(r)
		s.AddCard("REAL_TIME", "card-REAL_TIME")
		assert.Empty(t, s.AddCard(args[0], args[1:]...))
		assert.Len(t, r.errors, 1, args)
		h := newMerchant(t)
		h.server = s
		assert.Equal(t, 1.0, h.ok("GET", open+"/cards?offset=0&limit=20", nil)["total_count"], args)
	}
	s, err := wxpaytest.NewServer(wxpaytest.Options{}) // without a test there is nothing to fail
	require.NoError(t, err)
	assert.Empty(t, s.AddCard("AUTO"))
}

func TestRemindingByPhone(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	id := h.server.AddCard("SYSTEM_ALLOCATE")
	h.ok("PATCH", open+"/callback", m{"notify_url": "https://merchant.example/notify"})
	member := m{"card_id": id, "membership_number": "316510891298", "registration_time": "2015-05-20T13:29:35.120+08:00"}
	search := open + "/phonenumber-member/search?card_id=" + id + "&encrypted_phone_number="
	state := func() m { return h.ok("GET", search+url.QueryEscape(h.encrypt("13800000000")), nil) }
	h.refused(400, "INVALID_REQUEST", "GET", search+url.QueryEscape(h.encrypt("13800000000")), nil)
	assert.Error(t, h.server.ShowReminder(id, "13800000000"))
	h.ok("POST", open+"/phonenumber-member/import", m{"encrypted_phone_number": h.encrypt("13800000000"), "member_information": member, "outer_str": "my_card"})
	assert.Equal(t, m{"receive_status": "UNSHOWED"}, state())
	require.NoError(t, h.server.ShowReminder(id, "13800000000"))
	assert.Equal(t, m{"receive_status": "UNRECEIVED"}, state())
	code, err := h.server.TakeCard(id, "oUser", "13800000000", false)
	require.NoError(t, err)
	got := state()
	assert.Equal(t, "RECEIVED", got["receive_status"])
	info := got["user_card_information"].(m)
	assert.Equal(t, []any{code, "oUser", id, "wxea9c30890f48d5ae"}, []any{info["code"], info["openid"], info["card_id"], info["card_appid"]})
	h.refused(400, "INVALID_REQUEST", "POST", open+"/phonenumber-member/import", m{"encrypted_phone_number": h.encrypt("13800000000"), "member_information": member})
	h.refused(400, "PARAM_ERROR", "POST", open+"/phonenumber-member/import", m{"encrypted_phone_number": h.encrypt("13800000001")})

	// A + that is not escaped is a blank, and then nothing decrypts.
	for range 20 {
		if sealed := h.encrypt("13800000000"); strings.Contains(sealed, "+") {
			h.refused(400, "PARAM_ERROR", "GET", search+sealed, nil)
			break
		}
	}
	box := &inbox{status: 204}
	require.NoError(t, h.server.Deliver(t.Context(), box))
	_, _, envelope, resource := box.envelope(t)
	assert.Equal(t, "MEMBERCARD.ACCEPT_CARD", envelope["event_type"])
	event := decode(t, h.open(resource["nonce"].(string), "card-event", resource["ciphertext"].(string)))
	assert.Equal(t, []any{"MEMBER_CARD_ACCEPT_BY_PHONE_NUMBER", id, code, "oUser", "my_card"}, []any{event["event_type"], event["card_id"], event["code"], event["openid"], event["outer_str"]})
	assert.Equal(t, "13800000000", h.decrypt(event["phone_number"].(string)))
}

func TestUserCards(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	id := h.server.AddCard("SYSTEM_ALLOCATE")
	code, err := h.server.TakeCard(id, "oUser", "", true)
	require.NoError(t, err)
	_, err = h.server.TakeCard(id, "oUser", "", true)
	assert.Error(t, err)
	_, err = h.server.TakeCard("nothing", "oUser", "", true)
	assert.Error(t, err)
	at := open + "/cards/" + id + "/codes/" + code
	user := h.ok("GET", at, nil)
	assert.Equal(t, []any{"NOT_ACTIVATE", "oUser", "白银会员", 0.0, 0.0}, []any{user["user_card_status"], user["openid"], user["level"], user["balance"], user["bonus_value"]})

	h.ok("POST", at+"/activate", m{"membership_number": "316510891298"})
	h.ok("POST", at+"/activate", m{})
	h.ok("POST", at+"/confirm", m{"user_card_confirm_state": "CREATE_CARD_SUCCESS"})
	h.refused(400, "PARAM_ERROR", "POST", at+"/confirm", m{"user_card_confirm_state": "DEFAULT"})
	var events []string
	for _, e := range h.server.Pending() {
		events = append(events, e.Type)
	}
	assert.Equal(t, []string{"MEMBERCARD.ACCEPT_CARD", "MEMBERCARD.ACTIVATE_CARD"}, events)

	change := m{"out_request_no": "u1", "level": "钻石会员", "balance_information": m{"before_balance": 0, "balance": 888, "add_balance": 888}, "need_inform_level": false}
	h.ok("PATCH", at, change)
	h.ok("PATCH", at, change)
	h.refused(400, "INVALID_REQUEST", "PATCH", at, with(change, "level", "黄金会员"))
	h.refused(400, "PARAM_ERROR", "PATCH", at, m{"out_request_no": "u2", "balance_information": m{"before_balance": 1, "balance": 2, "add_balance": 3}})
	h.refused(400, "PARAM_ERROR", "PATCH", at, m{"level": "黄金会员"})
	rights := m{"out_request_no": "r1", "before_bonus_value": 500, "bonus_value": 600, "add_bonus_value": 100, "fapiao_jump_word": "3张发票可开", "guide": m{"staff_name": "何小明"}}
	h.ok("PATCH", at+"/rights", rights)
	h.ok("PATCH", at+"/rights", rights)
	h.refused(400, "INVALID_REQUEST", "PATCH", at+"/rights", with(rights, "bonus_value", 601))
	h.refused(400, "PARAM_ERROR", "PATCH", at+"/rights", m{"out_request_no": "r2", "bonus_value": 1, "before_bonus_value": 3, "add_bonus_value": 2})
	user = h.ok("GET", at, nil)
	assert.Equal(t, []any{"EFFECTIVE", "316510891298", "钻石会员", 888.0, 600.0, "3张发票可开", m{"staff_name": "何小明"}},
		[]any{user["user_card_status"], user["membership_number"], user["level"], user["balance"], user["bonus_value"], user["fapiao_jump_word"], user["guide"]})

	bonus := m{"out_trade_no": "1217752501201407033233368018", "mchid": wxpaytest.MchID, "bonus_value": 30}
	h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/commit", bonus)
	h.ok("POST", at+"/bonus/prepare", bonus)
	h.ok("POST", at+"/bonus/prepare", bonus)
	h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/prepare", with(bonus, "bonus_value", 31))
	assert.False(t, h.server.BonusBooked(wxpaytest.MchID, "", "1217752501201407033233368018"))
	h.ok("POST", at+"/bonus/commit", bonus)
	h.ok("POST", at+"/bonus/commit", bonus)
	assert.True(t, h.server.BonusBooked(wxpaytest.MchID, "", "1217752501201407033233368018"))
	h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/commit", with(bonus, "bonus_value", 31))
	h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/prepare", with(bonus, "mchid", nil))
	h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/prepare", with(bonus, "mchid", "1"))
	h.refused(400, "PARAM_ERROR", "POST", at+"/bonus/prepare", with(bonus, "bonus_value", 0))
	h.ok("PATCH", open+"/cards/"+id+"/rights", m{"show_bonus": false, "show_favor": true})
	off := h.refused(400, "INVALID_REQUEST", "POST", at+"/bonus/prepare", with(bonus, "out_trade_no", "2"))
	assert.Contains(t, off["message"], "not switched on")
	h.refused(400, "INVALID_REQUEST", "PATCH", at+"/rights", with(rights, "out_request_no", "r3"))

	list := h.ok("GET", open+"/user/cards?openid=oUser&offset=0&limit=20", nil)
	assert.Equal(t, []any{m{"card_id": id, "code": code}}, list["data"])
	assert.Equal(t, []any{}, h.ok("GET", open+"/user/cards?openid=oUser&offset=1&limit=20", nil)["data"])

	require.NoError(t, h.server.ManageCard(id, code, "USER_DELETE_MEMBERCARD"))
	assert.Error(t, h.server.ManageCard(id, "nothing", "USER_VIEW_MEMBERCARD"))
	deleted := h.refused(400, "INVALID_REQUEST", "PATCH", at, m{"out_request_no": "u3", "level": "黄金会员"})
	assert.Contains(t, deleted["message"], "deleted")
	h.refused(400, "INVALID_REQUEST", "POST", at+"/activate", m{})
	h.ok("POST", at+"/unavailable", m{"reason": "用户违反会员条例"})
	assert.Equal(t, "UNAVAILABLE", h.ok("GET", at, nil)["user_card_status"])
	for _, call := range []struct{ method, path string }{{"GET", ""}, {"POST", "/unavailable"}, {"POST", "/confirm"}} {
		var body any
		if call.method == "POST" {
			body = m{}
			if call.path == "/confirm" {
				body = m{"user_card_confirm_state": "CREATE_CARD_FAIL"}
			}
		}
		missing := h.refused(400, "INVALID_REQUEST", call.method, open+"/cards/"+id+"/codes/nothing"+call.path, body)
		assert.Contains(t, missing["message"], "no such card code")
	}
}

func TestImportByOpenID(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	path := open + "/cards/" + h.server.AddCard("SYSTEM_ALLOCATE") + "/users/import"
	code := h.ok("POST", path, m{"openid": "o1", "out_request_no": "1"})["code"]
	assert.Equal(t, code, h.ok("POST", path, m{"openid": "o1", "out_request_no": "1"})["code"])
	h.refused(400, "INVALID_REQUEST", "POST", path, m{"openid": "o2", "out_request_no": "1"})
	h.refused(400, "INVALID_REQUEST", "POST", path, m{"openid": "o1", "out_request_no": "2"})
	assert.NotEqual(t, code, h.ok("POST", path, m{"openid": "o2", "out_request_no": "2"})["code"], "a refused number is free")
}

func TestCardRightsAndServiceModules(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	id := h.server.AddCard("SYSTEM_ALLOCATE")
	at := open + "/cards/" + id
	rights := m{
		"show_bonus": true, "bonus": m{"init_bonus": 100, "bonus_value_word": "我的积分", "bonus_cost_word": "500积分=2小时"},
		"show_favor": true, "favor": m{"show_coupon": true, "member_price_title": "MEMBER_PRICE"}, "show_fapiao": true, "show_guide": true, "guide": m{"staff_name": "何小明"},
	}
	h.ok("PATCH", at+"/rights", rights)
	card := h.ok("GET", at, nil)
	assert.Equal(t, m{"show_coupon": true, "member_price_title": "MEMBER_PRICE"}, card["favor"])
	assert.Equal(t, m{"staff_name": "何小明"}, card["guide"])
	assert.Contains(t, card, "fapiao")
	h.ok("PATCH", at+"/rights", m{"show_bonus": true, "show_favor": false})
	card = h.ok("GET", at, nil)
	assert.Equal(t, 100.0, card["bonus"].(m)["init_bonus"], "what is not given stays")
	assert.NotContains(t, card, "guide")
	h.refused(400, "INVALID_REQUEST", "PATCH", at+"/rights", with(rights, "bonus", m{"init_bonus": 1, "bonus_value_word": "a", "bonus_cost_word": "b", "bonus_jump_word": "c"}))

	module := m{"service_module_id": "666", "jump_miniprogram": m{"appid": "wx37178d097a6851d8", "path": "pages/index/index"}}
	added := h.ok("POST", at+"/service-modules", module)
	assert.Equal(t, with(module, "card_id", id), added)
	h.refused(400, "INVALID_REQUEST", "POST", at+"/service-modules", module)
	assert.Equal(t, []any{module}, h.ok("GET", at, nil)["service_modules"])

	code, err := h.server.TakeCard(id, "oUser", "", false)
	require.NoError(t, err)
	data := m{
		"out_request_no": "12345678", "service_module_id": "666",
		"state_setting": m{"state_id": "CHECKED_IN", "content_template_data": m{"field_list": []m{{"field_id": "hotel_name", "field_value": "深圳"}}}},
	}
	h.ok("POST", at+"/codes/"+code+"/set-service-module-data", data)
	h.ok("POST", at+"/codes/"+code+"/set-service-module-data", with(with(data, "out_request_no", "12345679"), "state_setting", m{"state_id": "OUT", "content_template_data": m{}}))
	modules := h.ok("GET", at+"/codes/"+code, nil)["service_modules"].([]any)
	require.Len(t, modules, 1)
	assert.Equal(t, "OUT", modules[0].(m)["state_setting"].(m)["state_id"])
	h.refused(400, "INVALID_REQUEST", "POST", at+"/codes/"+code+"/set-service-module-data", with(with(data, "out_request_no", "12345680"), "service_module_id", "1"))
	h.refused(400, "PARAM_ERROR", "POST", at+"/codes/"+code+"/set-service-module-data", with(data, "out_request_no", "1234567"))

	cleared := h.ok("PATCH", at+"/service-modules/666", m{})
	assert.Equal(t, m{"card_id": id, "service_module_id": "666"}, cleared)
	h.refused(400, "INVALID_REQUEST", "PATCH", at+"/service-modules/1", m{})
	h.ok("DELETE", at+"/service-modules/666", nil)
	h.refused(400, "INVALID_REQUEST", "DELETE", at+"/service-modules/666", nil)
	assert.NotContains(t, h.ok("GET", at, nil), "service_modules")
}

func TestHandingOut(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	at := open + "/cards/" + h.server.AddCard("SYSTEM_ALLOCATE")
	assert.Contains(t, h.ok("POST", at+"/qrcode", m{"activate_type": "AUTO_ACTIVATE", "outer_str": "szwxtd"})["url"], "https://")
	h.ok("POST", at+"/qrcode", m{"activate_type": "JUMP_ACTIVATE", "activate_url": "https://w.url.cn/s/Ahz3p2C"})
	h.refused(400, "PARAM_ERROR", "POST", at+"/qrcode", m{"activate_type": "JUMP_ACTIVATE"})
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+h.server.AddCard("REAL_TIME")+"/qrcode", m{"activate_type": "AUTO_ACTIVATE"})
	token := h.ok("POST", at+"/permission-tokens", m{"activate_type": "AUTO_ACTIVATE", "navigate_back_previous_page": true})
	assert.NotEmpty(t, token["permission_token"])
	h.refused(400, "PARAM_ERROR", "POST", at+"/permission-tokens", m{"activate_type": "JUMP_ACTIVATE", "activate_appid": "wx1"})

	sealed := h.server.EncryptCode("478515832665")
	assert.Contains(t, sealed, "+")
	assert.Contains(t, sealed, "/")
	assert.Equal(t, m{"code": "478515832665"}, h.ok("GET", at+"/decrypt-code?encrypt_code="+url.QueryEscape(sealed), nil))
	h.refused(400, "PARAM_ERROR", "GET", at+"/decrypt-code?encrypt_code="+sealed, nil)
	h.refused(400, "PARAM_ERROR", "GET", at+"/decrypt-code?encrypt_code=AAAA", nil)

	ticket := h.server.FillForm("周星星", map[string]string{"USER_FORM_FLAG_CITY": "深圳"})
	form := h.ok("GET", open+"/activate-informations/"+ticket, nil)
	assert.Equal(t, "周星星", form["nickname"])
	assert.Equal(t, m{"common_field_list": []any{m{"name": "USER_FORM_FLAG_CITY", "value": "深圳"}}}, form["user_information"])
	h.refused(400, "PARAM_ERROR", "GET", open+"/activate-informations/nothing", nil)
}

func TestOldCards(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	at := open + "/cards/" + h.server.AddOldCard()
	old := h.refused(400, "INVALID_REQUEST", "GET", at, nil)
	assert.Contains(t, old["message"], "upgrade it first")
	h.ok("POST", at+"/upgrade", m{"brand_id": "1001622624", "appid": "wx1"})
	card := h.ok("GET", at, nil)
	assert.Equal(t, []any{"wx1", "1001622624"}, []any{card["appid"], card["brand"].(m)["brand_id"]})
	h.refused(400, "INVALID_REQUEST", "POST", at+"/upgrade", m{"brand_id": "1001622624", "appid": "wx1"})
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/nothing/upgrade", m{"brand_id": "1001622624", "appid": "wx1"})
}

func TestActivities(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	in := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
	const day = 24 * time.Hour
	begin, end := in(day), in(10*day)
	activity := m{
		"card_id": card, "activity_name": "回馈活动", "activity_type": "MEMBER_AFTERPAY", "begin_time": begin, "end_time": end, "out_request_no": "a1",
		"award_send_period":    m{"award_send_day_time": []m{{"begin_day_time": m{"hours": 9, "minutes": 34, "seconds": 6}, "end_day_time": m{"hours": 10, "minutes": 0, "seconds": 0}}}},
		"stock_list":           []m{{"stock_creator_mchid": "10000022", "stock_id": "98065001"}},
		"pay_activity_setting": m{"logo_url": "https://wxpaylogo.qpic.cn/a/0", "activity_second_title": "美食券", "mchid_list": []string{"10000022"}},
	}
	created := h.ok("POST", activities, activity)
	id := created["activity_id"].(string)
	assert.LessOrEqual(t, len(id), 16)
	assert.Equal(t, []any{"CREATED", "回馈活动", card}, []any{created["activity_status"], created["activity_name"], created["card_id"]})
	assert.Equal(t, id, h.ok("POST", activities, activity)["activity_id"])
	h.refused(400, "INVALID_REQUEST", "POST", activities, with(activity, "activity_name", "别的"))
	second := h.ok("POST", activities, with(activity, "out_request_no", "a2"))["activity_id"]
	h.ok("POST", activities, with(with(activity, "out_request_no", "a3"), "activity_type", "NON_MEMBER_MINIPROGRAM"))
	for name, change := range map[string]m{
		"end before begin": with(activity, "end_time", in(-time.Hour)),
		"90 days":          with(activity, "end_time", in(92*day)),
		"a year":           with(with(activity, "begin_time", in(400*day)), "end_time", in(401*day)),
		"time":             with(activity, "begin_time", "2020-01-20 13:29:35"),
		"hours":            with(activity, "award_send_period", m{"award_send_day_time": []m{{"begin_day_time": m{"hours": 24, "minutes": 0, "seconds": 0}, "end_day_time": m{"hours": 1, "minutes": 0, "seconds": 0}}}}),
	} {
		_, answer := h.json("POST", activities, with(change, "out_request_no", "x"))
		assert.Equal(t, "PARAM_ERROR", answer["code"], name)
	}
	h.refused(400, "INVALID_REQUEST", "POST", activities, with(with(activity, "out_request_no", "x"), "card_id", h.server.AddCard("REAL_TIME")))
	h.refused(400, "INVALID_REQUEST", "POST", activities, with(with(activity, "out_request_no", "x"), "card_id", "nothing"))

	page := h.ok("GET", activities+"?activity_type=MEMBER_AFTERPAY&offset=1&limit=5&card_id="+card, nil)
	require.Len(t, page["data"], 1, "offset counts records")
	assert.Equal(t, second, page["data"].([]any)[0].(m)["activity_id"])
	assert.Equal(t, []any{2.0, 1.0, 5.0}, []any{page["total_count"], page["offset"], page["limit"]})
	h.refused(400, "PARAM_ERROR", "GET", activities, nil)

	h.server.Advance(2 * day)
	assert.Equal(t, "ONGOING", h.ok("GET", activities+"/"+id, nil)["activity_status"])
	ended := h.ok("POST", activities+"/"+id+"/terminate", nil)
	assert.Equal(t, id, ended["activity_id"])
	assert.Equal(t, ended, h.ok("POST", activities+"/"+id+"/terminate", nil))
	assert.Equal(t, "TERMINATED", h.ok("GET", activities+"/"+id, nil)["activity_status"])
	h.server.Advance(10 * day)
	assert.Equal(t, "OVER_TIME", h.ok("GET", activities+"/"+second.(string), nil)["activity_status"])
	assert.Len(t, h.ok("GET", activities+"?activity_type=MEMBER_AFTERPAY&activity_status=TERMINATED", nil)["data"], 1)
	h.refused(400, "PARAM_ERROR", "GET", activities+"/1", nil)
	h.refused(400, "PARAM_ERROR", "POST", activities+"/1/terminate", nil)
}
