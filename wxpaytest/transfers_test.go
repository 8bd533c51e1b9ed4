package wxpaytest_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	transfers      = "/v3/fund-app/mch-transfer/transfer-bills"
	authorizations = "/v3/fund-app/mch-transfer/user-confirm-authorization"
	receipts       = "/v3/fund-app/mch-transfer/elecsign"
)

// transferBill is a bill of 1 yuan.
func transferBill(no string) m {
	return m{
		"appid": "wxf636efh567hg4356", "out_bill_no": no, "transfer_scene_id": "1000", "openid": "o-MYE42l80oelYMDE34nYD456Xoy", "transfer_amount": 100,
		"transfer_remark": "2020年4月报销", "notify_url": "https://merchant.example/transfer", "user_recv_perception": "现金奖励",
		"transfer_scene_report_infos": []m{{"info_type": "活动名称", "info_content": "新会员有礼"}, {"info_type": "奖励说明", "info_content": "注册会员抽奖一等奖"}},
	}
}

// askAuthorization is a request for one.
func askAuthorization(no string) m {
	return m{
		"out_authorization_no": no, "appid": "wxf636efh567hg4356", "openid": "o-MYE42l80oelYMDE34nYD456Xoy", "transfer_scene_id": "1000", "user_display_name": "wx_123456",
		"user_recv_perception": "现金奖励", "authorization_notify_url": "https://merchant.example/authorize",
	}
}

// authorized is a bill of 1 yuan that the user need not confirm.
func authorized(no, kind, authorization string) m {
	return with(with(transferBill(no), "openid", nil), kind, authorization)
}

// bill is a bill as a query answers it.
func (h *merchant) bill(no string) m {
	h.t.Helper()
	return h.ok("GET", transfers+"/out-bill-no/"+no, nil)
}

// told are the events that were caused, with what they say, opened as a receiver does.
func (h *merchant) told() (all []m) {
	h.t.Helper()
	box := &inbox{status: 200}
	require.NoError(h.t, h.server.Deliver(h.t.Context(), box))
	for i := range box.bodies {
		one := &inbox{headers: box.headers[i : i+1], bodies: box.bodies[i : i+1]}
		_, _, envelope, resource := one.envelope(h.t)
		plain := decode(h.t, h.open(resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string)))
		plain["event"] = envelope["event_type"]
		all = append(all, plain)
	}
	return all
}

// A bill goes through its states: it is taken, its money is locked, the user confirms, it is paid.
func TestTransferFromCreationToPayment(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Minute})
	request := with(transferBill("t1"), "user_name", h.encrypt("张三"))
	made := h.ok("POST", transfers, request)
	assert.Equal(t, []any{"t1", "ACCEPTED"}, []any{made["out_bill_no"], made["state"]})
	assert.NotContains(t, made, "package_info")
	id := made["transfer_bill_no"].(string)
	h.server.Advance(30 * time.Second)
	assert.Equal(t, "PROCESSING", h.bill("t1")["state"])
	assert.Error(t, h.server.ConfirmTransfer("t1"), "the user was not asked yet")
	h.server.Advance(30 * time.Second)

	again := h.ok("POST", transfers, with(request, "user_name", h.encrypt("张三"))) // the same data, encrypted anew
	assert.Equal(t, []any{id, "WAIT_USER_CONFIRM"}, []any{again["transfer_bill_no"], again["state"]}, "the bill as it stands")
	require.NotEmpty(t, again["package_info"])
	assert.Equal(t, again, h.ok("POST", transfers, request))
	other := h.refused(400, "ALREADY_EXISTS", "POST", transfers, with(request, "transfer_amount", 101))
	assert.Contains(t, other["message"], "out_bill_no")
	h.refused(400, "ALREADY_EXISTS", "POST", transfers, with(request, "user_name", h.encrypt("李四")))
	h.refused(400, "ALREADY_EXISTS", "POST", transfers+"/pre-transfer-with-authorization", request)

	require.NoError(t, h.server.ConfirmTransfer("t1"))
	assert.Equal(t, "TRANSFERING", h.bill("t1")["state"])
	h.refused(400, "INVALID_REQUEST", "POST", transfers+"/out-bill-no/t1/cancel", nil)
	assert.Empty(t, h.told(), "it has not ended")
	h.server.Advance(time.Minute)
	told := h.told()
	require.Len(t, told, 1)
	got := h.ok("GET", transfers+"/transfer-bill-no/"+id, nil)
	assert.Equal(t, "张三", h.decrypt(got["user_name"].(string)))
	delete(got, "user_name")
	assert.Equal(t, m{
		"mch_id": wxpaytest.MchID, "out_bill_no": "t1", "transfer_bill_no": id, "appid": "wxf636efh567hg4356", "state": "SUCCESS", "transfer_amount": 100.0,
		"transfer_remark": "2020年4月报销", "openid": "o-MYE42l80oelYMDE34nYD456Xoy", "create_time": made["create_time"], "update_time": got["update_time"],
	}, got)
	delete(got, "appid")
	delete(got, "transfer_remark")
	got["event"] = "MCHTRANSFER.BILL.FINISHED"
	assert.Equal(t, got, told[0])
	assert.Equal(t, "SUCCESS", h.ok("POST", transfers, request)["state"])
	assert.Error(t, h.server.ConfirmTransfer("t1"), "it has ended")
	assert.Error(t, h.server.FailTransfer("t1", "TRANSFER_RISK"))
	assert.Error(t, h.server.ConfirmTransfer("none"))
	h.refused(404, "NOT_FOUND", "GET", transfers+"/out-bill-no/none", nil)
	h.refused(404, "NOT_FOUND", "GET", transfers+"/transfer-bill-no/none", nil)
	h.server.Advance(30 * 24 * time.Hour)
	h.refused(404, "NOT_FOUND", "GET", transfers+"/out-bill-no/t1", nil)
}

// Bills that are not paid end once, each for its reason, and the merchant is told once.
func TestTransfersThatAreNotPaid(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Minute})
	require.NoError(t, h.server.FailTransfer("doomed", "OPENID_INVALID"))
	for _, no := range []string{"failed", "late", "cancelled", "faster", "doomed", "failing"} {
		h.ok("POST", transfers, transferBill(no))
	}
	h.server.Advance(time.Minute)
	require.NoError(t, h.server.FailTransfer("failed", "PAYEE_ACCOUNT_ABNORMAL"))
	for _, no := range []string{"cancelled", "faster", "failing"} {
		answer := h.ok("POST", transfers+"/out-bill-no/"+no+"/cancel", nil)
		assert.Equal(t, []any{no, "CANCELING"}, []any{answer["out_bill_no"], answer["state"]})
	}
	assert.Equal(t, "CANCELING", h.ok("POST", transfers+"/out-bill-no/cancelled/cancel", m{})["state"], "the same once more")
	require.NoError(t, h.server.ConfirmTransfer("faster"))
	require.NoError(t, h.server.FailTransfer("failing", "TRANSFER_RISK"))
	h.server.Advance(time.Minute)
	h.server.Advance(24*time.Hour - 2*time.Minute)
	assert.Equal(t, "WAIT_USER_CONFIRM", h.bill("late")["state"])
	h.server.Advance(time.Minute)

	want := map[string][2]any{
		"failed": {"FAIL", "PAYEE_ACCOUNT_ABNORMAL"}, "late": {"FAIL", "OVERDUE_CLOSE"}, "cancelled": {"CANCELLED", "MCH_CANCEL"},
		"faster": {"SUCCESS", nil}, "doomed": {"FAIL", "OPENID_INVALID"}, "failing": {"FAIL", "TRANSFER_RISK"},
	}
	told := map[string][2]any{}
	for _, plain := range h.told() {
		told[plain["out_bill_no"].(string)] = [2]any{plain["state"], plain["fail_reason"]}
	}
	assert.Equal(t, want, told)
	for no, end := range want {
		got := h.bill(no)
		assert.Equal(t, end, [2]any{got["state"], got["fail_reason"]}, no)
		if end[0] != "CANCELLED" {
			h.refused(400, "INVALID_REQUEST", "POST", transfers+"/out-bill-no/"+no+"/cancel", nil)
		}
	}
	assert.Equal(t, "CANCELLED", h.ok("POST", transfers+"/out-bill-no/cancelled/cancel", nil)["state"])
	h.refused(400, "INVALID_REQUEST", "POST", transfers+"/out-bill-no/none/cancel", nil)
	assert.Empty(t, h.told())
	assert.Equal(t, h.bill("late")["state"], h.ok("POST", transfers, transferBill("late"))["state"])
}

// Without a duration the user is asked at once, and without an address nobody is told.
func TestTransferAtOnce(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	made := h.ok("POST", transfers, with(transferBill("t1"), "notify_url", nil))
	assert.Equal(t, "WAIT_USER_CONFIRM", made["state"])
	assert.NotEmpty(t, made["package_info"])
	require.NoError(t, h.server.ConfirmTransfer("t1"))
	assert.Equal(t, "SUCCESS", h.bill("t1")["state"])
	assert.Empty(t, h.server.Pending())
	h.ok("POST", transfers, transferBill("t2"))
	assert.Equal(t, "CANCELLED", h.ok("POST", transfers+"/out-bill-no/t2/cancel", nil)["state"])
	assert.Len(t, h.server.Pending(), 1)
}

func TestTransfersNeedMoney(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	require.NoError(t, h.server.SetTransferBalance(150, false))
	state := func(no string) any { return h.bill(no)["state"] }
	for _, no := range []string{"t1", "t2", "t3"} {
		h.ok("POST", transfers, transferBill(no))
	}
	assert.Equal(t, []any{"WAIT_USER_CONFIRM", "PROCESSING", "PROCESSING"}, []any{state("t1"), state("t2"), state("t3")})
	assert.Error(t, h.server.ConfirmTransfer("t2"))
	h.ok("POST", transfers+"/out-bill-no/t1/cancel", nil) // its money goes back
	assert.Equal(t, []any{"WAIT_USER_CONFIRM", "PROCESSING"}, []any{state("t2"), state("t3")})
	require.NoError(t, h.server.ConfirmTransfer("t2")) // its money is spent
	assert.Equal(t, "PROCESSING", state("t3"))
	require.NoError(t, h.server.SetTransferBalance(100, true))
	assert.Equal(t, "WAIT_USER_CONFIRM", state("t3"))
	h.refused(403, "NOT_ENOUGH", "POST", transfers, transferBill("t4"))
	h.refused(404, "NOT_FOUND", "GET", transfers+"/out-bill-no/t4", nil)
	require.NoError(t, h.server.SetTransferBalance(100, false))
	assert.Equal(t, "WAIT_USER_CONFIRM", h.ok("POST", transfers, transferBill("t4"))["state"], "the same number, after the refusal")
	require.NoError(t, h.server.ConfirmTransfer("t3"))
	require.NoError(t, h.server.ConfirmTransfer("t4"))
	h.ok("POST", transfers, transferBill("t5"))
	h.server.Advance(24*time.Hour - time.Second)
	assert.Equal(t, "PROCESSING", state("t5"))
	h.server.Advance(time.Second)
	assert.Equal(t, []any{"FAIL", "OVERDUE_CLOSE"}, []any{state("t5"), h.bill("t5")["fail_reason"]})
	assert.Error(t, h.server.SetTransferBalance(-1, false))
	assert.Error(t, h.server.SetTransferBalance(math.MaxInt64, false))
}

// What comes back is what was taken: of a bill from the time before there was a balance, nothing.
func TestTransferFromBeforeTheBalance(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.ok("POST", transfers, transferBill("t1"))
	require.NoError(t, h.server.SetTransferBalance(0, false))
	h.ok("POST", transfers, transferBill("t2"))
	require.NoError(t, h.server.FailTransfer("t1", "NAME_NOT_CORRECT"))
	assert.Equal(t, []any{"FAIL", "PROCESSING"}, []any{h.bill("t1")["state"], h.bill("t2")["state"]})
}

// What the document says of members together, and of one.
func TestTransfersThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	named := func(o m) m { return with(o, "user_name", h.encrypt("张三")) }
	for name, test := range map[string]struct {
		code string
		body m
	}{
		"too little":           {"PARAM_ERROR", with(transferBill("t"), "transfer_amount", 9)},
		"number":               {"PARAM_ERROR", transferBill("a-b")},
		"name under 0.3 yuan":  {"PARAM_ERROR", named(with(transferBill("t"), "transfer_amount", 29))},
		"no name, 2,000 yuan":  {"PARAM_ERROR", with(transferBill("t"), "transfer_amount", 200_000)},
		"plain name":           {"PARAM_ERROR", with(transferBill("t"), "user_name", "张三")},
		"large red packet":     {"INVALID_REQUEST", with(with(transferBill("t"), "transfer_amount", 20_001), "user_recv_style", m{"type": "RED_PACKET"})},
		"text of no scene":     {"INVALID_REQUEST", with(transferBill("t"), "user_recv_perception", "退款")},
		"an entry is missing":  {"PARAM_ERROR", with(transferBill("t"), "transfer_scene_report_infos", []m{{"info_type": "活动名称", "info_content": "新会员有礼"}})},
		"entry of other scene": {"PARAM_ERROR", with(with(transferBill("t"), "transfer_scene_id", "1010"), "user_recv_perception", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			h := h.in(t)
			h.refused(400, test.code, "POST", transfers, test.body)
			h.refused(404, "NOT_FOUND", "GET", transfers+"/out-bill-no/t", nil)
		})
	}
	h.ok("POST", transfers, named(with(transferBill("t30"), "transfer_amount", 30)))
	h.ok("POST", transfers, with(transferBill("t199999"), "transfer_amount", 199_999))
	h.ok("POST", transfers, with(with(transferBill("scene"), "transfer_scene_id", "1006"), "user_recv_perception", "报销款"))
}

// A receipt is made of a bill that was paid by name, and its file is where the answer says.
func TestTransferReceipt(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{TaskDuration: time.Minute})
	h.ok("POST", transfers, with(transferBill("named"), "user_name", h.encrypt("张三")))
	h.ok("POST", transfers, transferBill("nameless"))
	h.server.Advance(time.Minute)
	h.refused(400, "INVALID_REQUEST", "POST", receipts+"/out-bill-no", m{"out_bill_no": "named"}) // not paid yet
	for _, no := range []string{"named", "nameless"} {
		require.NoError(t, h.server.ConfirmTransfer(no))
	}
	h.server.Advance(time.Minute)
	id := h.bill("named")["transfer_bill_no"].(string)
	h.refused(400, "INVALID_REQUEST", "POST", receipts+"/out-bill-no", m{"out_bill_no": "nameless"})
	h.refused(404, "NOT_FOUND", "POST", receipts+"/out-bill-no", m{"out_bill_no": "none"})
	h.refused(404, "NOT_FOUND", "GET", receipts+"/transfer-bill-no/none", nil)
	h.refused(404, "NOT_FOUND", "GET", receipts+"/out-bill-no/named", nil) // not applied for
	applied := h.ok("POST", receipts+"/out-bill-no", m{"out_bill_no": "named"})
	assert.Equal(t, "GENERATING", applied["state"])
	assert.Equal(t, applied, h.ok("POST", receipts+"/transfer-bill-no", m{"transfer_bill_no": id}), "the same receipt")
	made := h.ok("GET", receipts+"/out-bill-no/named", nil)
	assert.Equal(t, "GENERATING", made["state"])
	assert.NotContains(t, made, "download_url")
	h.server.Advance(time.Minute)
	made = h.ok("GET", receipts+"/transfer-bill-no/"+id, nil)
	assert.Equal(t, []any{"FINISHED", "SHA256"}, []any{made["state"], made["hash_type"]})

	get := func(uri string) (*http.Response, []byte) {
		resp, err := h.server.RoundTrip(h.request(t.Context(), "GET", uri, nil))
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, body
	}
	uri, ok := strings.CutPrefix(made["download_url"].(string), host)
	require.True(t, ok, made)
	resp, file := get(uri)
	assert.Equal(t, []any{200, "application/pdf", ""}, []any{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Wechatpay-Signature")})
	assert.Equal(t, made["hash_value"], fmt.Sprintf("%X", sha256.Sum256(file)))
	assert.True(t, strings.HasPrefix(string(file), "%PDF-") && strings.HasSuffix(string(file), "%%EOF\n"))
	assert.Contains(t, string(file), "named")
	unsigned, err := http.NewRequestWithContext(t.Context(), "GET", host+uri, nil)
	require.NoError(t, err)
	refused, err := h.server.RoundTrip(unsigned)
	require.NoError(t, err)
	assert.Equal(t, 401, refused.StatusCode)
	for _, other := range []string{uri + "x", strings.Replace(uri, id, "none", 1), strings.TrimSuffix(uri, uri[strings.Index(uri, "?"):])} {
		resp, _ := get(other)
		assert.Equal(t, 404, resp.StatusCode, other)
	}
	h.server.Advance(10*time.Minute + 2*time.Second)
	resp, _ = get(uri)
	assert.Equal(t, 404, resp.StatusCode, "an address is good for 10 minutes")
	again := h.ok("GET", receipts+"/out-bill-no/named", nil)
	assert.NotEqual(t, made["download_url"], again["download_url"])
	assert.Equal(t, made["hash_value"], again["hash_value"])
	h.server.Advance(90 * 24 * time.Hour)
	h.refused(404, "NOT_FOUND", "GET", receipts+"/out-bill-no/named", nil) // no longer kept
	assert.Equal(t, "GENERATING", h.ok("POST", receipts+"/out-bill-no", m{"out_bill_no": "named"})["state"])
	h.server.Advance(91 * 24 * time.Hour)
	h.refused(400, "INVALID_REQUEST", "POST", receipts+"/out-bill-no", m{"out_bill_no": "named"}) // after six months
}

// On a socket the file is at the address of the socket.
func TestTransferReceiptOnASocket(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.ok("POST", transfers, with(transferBill("t"), "user_name", h.encrypt("张三")))
	require.NoError(t, h.server.ConfirmTransfer("t"))
	h.ok("POST", receipts+"/out-bill-no", m{"out_bill_no": "t"})
	l := httptest.NewServer(h.server)
	defer l.Close()
	get := func(uri string) []byte {
		req, err := http.NewRequestWithContext(t.Context(), "GET", l.URL+uri, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", h.authorize("GET", uri, nil))
		req.Header.Set("Accept", "application/json")
		resp, err := l.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode, "%s", body)
		return body
	}
	made := decode(t, get(receipts+"/out-bill-no/t"))
	uri, ok := strings.CutPrefix(made["download_url"].(string), l.URL)
	require.True(t, ok, made)
	assert.Equal(t, made["hash_value"], fmt.Sprintf("%X", sha256.Sum256(get(uri))))
}

// A user agrees once, is paid without being asked, and the authorization ends.
func TestTransferAuthorization(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	one := authorizations + "/out-authorization-no/"
	started := h.ok("POST", authorizations, askAuthorization("a1"))
	assert.Equal(t, []any{"a1", "WAIT_USER_CONFIRM"}, []any{started["out_authorization_no"], started["state"]})
	assert.Equal(t, started, h.ok("POST", authorizations, askAuthorization("a1")))
	h.refused(400, "ALREADY_EXISTS", "POST", authorizations, with(askAuthorization("a1"), "user_display_name", "other"))
	short := m{
		"out_authorization_no": "a1", "appid": "wxf636efh567hg4356", "openid": "o-MYE42l80oelYMDE34nYD456Xoy", "user_display_name": "wx_123456",
		"state": "WAIT_USER_CONFIRM", "transfer_scene_id": "1000",
	}
	assert.Equal(t, short, h.ok("GET", one+"a1", nil))
	long := h.ok("GET", one+"a1?is_display_authorization=true", nil)
	assert.Equal(t, []any{started["package_info"], started["create_time"], "现金奖励"}, []any{long["package_info"], long["create_time"], long["user_recv_perception"]})
	h.refused(400, "INVALID_REQUEST", "POST", one+"a1/close", nil)
	h.refused(400, "INVALID_REQUEST", "POST", transfers+"/transfer", authorized("t0", "out_authorization_no", "a1"))

	id, err := h.server.AgreeToAuthorization("a1")
	require.NoError(t, err)
	_, err = h.server.AgreeToAuthorization("a1")
	assert.Error(t, err, "once")
	h.refused(400, "INVALID_REQUEST", "POST", authorizations, askAuthorization("a2")) // one valid authorization
	for _, b := range []m{authorized("t1", "authorization_id", id), authorized("t2", "out_authorization_no", "a1")} {
		paid := h.ok("POST", transfers+"/transfer", with(b, "user_name", h.encrypt("张三")))
		assert.Equal(t, []any{"SUCCESS", "o-MYE42l80oelYMDE34nYD456Xoy", 100.0}, []any{paid["state"], paid["openid"], paid["transfer_amount"]})
		assert.Equal(t, "张三", h.decrypt(paid["user_name"].(string)))
	}
	h.refused(400, "ALREADY_EXISTS", "POST", transfers+"/transfer", authorized("t1", "authorization_id", id)) // without the name
	h.refused(400, "PARAM_ERROR", "POST", transfers+"/transfer", with(authorized("t3", "authorization_id", id), "out_authorization_no", "a1"))
	h.refused(400, "PARAM_ERROR", "POST", transfers+"/transfer", with(transferBill("t3"), "openid", nil))
	h.refused(404, "NOT_FOUND", "POST", transfers+"/transfer", authorized("t3", "authorization_id", "none"))
	h.refused(400, "INVALID_REQUEST", "POST", transfers+"/transfer", with(authorized("t3", "authorization_id", id), "appid", "wx1"))
	require.NoError(t, h.server.FailTransfer("t3", "ACCOUNT_FROZEN"))
	assert.Equal(t, []any{"FAIL", "ACCOUNT_FROZEN"}, pair(h.ok("POST", transfers+"/transfer", authorized("t3", "authorization_id", id)), "state", "fail_reason"))

	closed := h.ok("POST", one+"a1/close", nil)
	assert.Equal(t, "CLOSED", closed["state"])
	assert.Equal(t, closed, h.ok("POST", one+"a1/close", nil), "as it stands")
	h.refused(400, "INVALID_REQUEST", "POST", transfers+"/transfer", authorized("t4", "authorization_id", id))
	assert.Error(t, h.server.EndAuthorization("a1"))
	h.ok("POST", authorizations, askAuthorization("a3"))
	_, err = h.server.AgreeToAuthorization("a3")
	require.NoError(t, err)
	require.NoError(t, h.server.EndAuthorization("a3"))
	h.ok("POST", authorizations, askAuthorization("a4"))
	h.server.Advance(24 * time.Hour)
	assert.Equal(t, []any{"CLOSED"}, pair(h.ok("GET", one+"a4", nil), "state"))
	_, err = h.server.AgreeToAuthorization("a4")
	assert.Error(t, err, "too late")
	h.server.Advance(30*24*time.Hour + time.Second)
	h.refused(404, "NOT_FOUND", "GET", one+"a4", nil)
	h.refused(404, "NOT_FOUND", "GET", one+"none", nil)
	h.refused(404, "NOT_FOUND", "POST", one+"none/close", nil)

	var told []any
	for _, plain := range h.told() {
		info, _ := plain["close_info"].(m)
		told = append(told, []any{plain["event"], plain["out_authorization_no"], plain["out_bill_no"], plain["state"], info["close_reason"]})
	}
	const confirmed, ended, bill = "MCHTRANSFER.AUTHORIZATION.CONFIRMED", "MCHTRANSFER.AUTHORIZATION.CLOSED", "MCHTRANSFER.BILL.FINISHED"
	assert.Equal(t, []any{
		[]any{confirmed, "a1", nil, "TAKING_EFFECT", nil}, []any{bill, nil, "t1", "SUCCESS", nil}, []any{bill, nil, "t2", "SUCCESS", nil}, []any{bill, nil, "t3", "FAIL", nil},
		[]any{ended, "a1", nil, "CLOSED", "CLOSE_VIA_MCH_API"}, []any{confirmed, "a3", nil, "TAKING_EFFECT", nil}, []any{ended, "a3", nil, "CLOSED", "USER_CLOSE"},
	}, told)
}

func pair(o m, names ...string) (values []any) {
	for _, name := range names {
		values = append(values, o[name])
	}
	return values
}

// With a bill a user may agree too, or take the money alone.
func TestTransferThatAsksForAuthorization(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	asking := func(no, authorization string) m {
		return with(transferBill(no), "authorization_info", m{"user_display_name": "wx_1", "out_authorization_no": authorization, "authorization_notify_url": "https://merchant.example/a"})
	}
	both := transfers + "/pre-transfer-with-authorization"
	made := h.ok("POST", both, asking("t1", "a1"))
	assert.Equal(t, []any{"t1", "WAIT_USER_CONFIRM", "wx_1", "a1"}, pair(made, "out_bill_no", "state", "user_display_name", "out_authorization_no"))
	assert.Equal(t, made, h.ok("POST", both, asking("t1", "a1")))
	h.refused(400, "ALREADY_EXISTS", "POST", both, asking("t2", "a1"))
	h.refused(400, "PARAM_ERROR", "POST", both, with(asking("t2", "a2"), "openid", nil))
	require.NoError(t, h.server.ConfirmTransfer("t1"))
	h.refused(404, "NOT_FOUND", "GET", authorizations+"/out-authorization-no/a1", nil)
	_, err := h.server.AgreeToAuthorization("a1")
	assert.Error(t, err, "the user took the money and did not agree")

	h.ok("POST", both, asking("t2", "a1")) // the number was never used
	id, err := h.server.AgreeToAuthorization("a1")
	require.NoError(t, err)
	assert.Equal(t, "SUCCESS", h.bill("t2")["state"])
	assert.Equal(t, []any{"TAKING_EFFECT", id, "wx_1"}, pair(h.ok("GET", authorizations+"/out-authorization-no/a1", nil), "state", "authorization_id", "user_display_name"))
	h.ok("POST", both, with(transferBill("t3"), "notify_url", nil)) // asks for none
	var events []any
	for _, plain := range h.told() {
		events = append(events, plain["event"])
	}
	assert.ElementsMatch(t, []any{"MCHTRANSFER.BILL.FINISHED", "MCHTRANSFER.BILL.FINISHED", "MCHTRANSFER.AUTHORIZATION.CONFIRMED"}, events)
}
