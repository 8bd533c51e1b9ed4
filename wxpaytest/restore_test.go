package wxpaytest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// standing is a clock that stands, so that states of two servers can be compared.
var standing = time.Date(2026, 11, 2, 8, 0, 0, 123456789, time.UTC)

// restarted is the merchant with a new server that has read the log.
func (h *merchant) restarted(o wxpaytest.Options, log string) *merchant {
	c := *h
	c.server = wxpaytest.New(h.t, o)
	require.NoError(h.t, c.server.Restore(strings.NewReader(log)))
	return &c
}

// same wants two servers to be in one state.
func same(t *testing.T, a, b *wxpaytest.Server) {
	t.Helper()
	assert.Equal(t, a.State(), b.State())
	assert.Equal(t, a.Pending(), b.Pending())
	assert.Equal(t, a.Ahead(), b.Ahead())
}

// A life of every product is cut in two at each of its steps: what a new server makes of the log is what the old one
// was, and goes on as the old one would have.
func TestRestartInTheMiddleOfEverything(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := wxpaytest.Options{Seed: "restart", Clock: standing, Mode: wxpaytest.Both, TaskDuration: time.Minute, Log: &log}
	h := newMerchant(t, o)
	var card, code, token, contract, upload, product, stock, plan string
	type args = map[string]string
	act := func(h *merchant, name string, args map[string]string) any {
		v, err := do(t, h.server, name, args)
		require.NoError(t, err, name)
		return v
	}
	imported := m{"encrypted_phone_number": h.encrypt("13800000000"), "out_request_no": "p1"}
	transaction := func() m {
		return m{"appid": presign["appid"], "body": "b", "out_trade_no": "1", "notify_url": "https://merchant.example/n", "contract_id": contract,
			"trade_scene": "EDUCATION_PERIOD", "amount": m{"total": 1}, "device_information": m{"device_ip": "1.1.1.1"}}
	}
	bill := with(transferBill("t1"), "user_name", h.encrypt("张三"))
	steps := []func(h *merchant) any{
		func(h *merchant) any { card = h.server.AddCard("SYSTEM_ALLOCATE"); return card },
		func(h *merchant) any {
			return h.ok("PATCH", open+"/callback", m{"notify_url": "https://merchant.example/card"})
		},
		func(h *merchant) any {
			code = h.ok("POST", open+"/cards/"+card+"/users/import", m{"openid": "o1", "out_request_no": "n1"})["code"].(string)
			return code
		},
		func(h *merchant) any {
			return h.ok("POST", open+"/cards/"+card+"/phone-membercard/import", imported)["code"]
		},
		func(h *merchant) any {
			return h.ok("POST", open+"/phonenumber-member/import", m{"encrypted_phone_number": h.encrypt("+8613900000000"), "member_information": m{"card_id": card, "registration_time": "2015-05-20T13:29:35+08:00"}})
		},
		func(h *merchant) any { return h.server.ShowReminder(card, "13900000000") },
		func(h *merchant) any {
			c, err := h.server.TakeCard(card, "o2", "13900000000", true)
			require.NoError(t, err)
			return c
		},
		func(h *merchant) any { return h.server.ManageCard(card, code, "USER_DELETE_MEMBERCARD") },
		func(h *merchant) any {

			ticket := h.server.FillForm("n", map[string]string{"USER_FORM_FLAG_CITY": "深圳", "A": "1", "B": "2", "C": "3", "D": "4", "E": "5"})
			return h.ok("GET", open+"/activate-informations/"+ticket, nil)

		},
		func(h *merchant) any {
			return h.ok("POST", activities, m{
				"card_id": card, "activity_name": "回馈活动", "activity_type": "MEMBER_AFTERPAY", "out_request_no": "a1",
				"begin_time": "2026-12-02T08:00:00+08:00", "end_time": "2026-12-12T08:00:00+08:00",
				"award_send_period":    m{"award_send_day_time": []m{{"begin_day_time": m{"hours": 9, "minutes": 34, "seconds": 6}, "end_day_time": m{"hours": 10, "minutes": 0, "seconds": 0}}}},
				"stock_list":           []m{{"stock_creator_mchid": "10000022", "stock_id": "98065001"}},
				"pay_activity_setting": m{"logo_url": "https://wxpaylogo.qpic.cn/a/0", "activity_second_title": "美食券", "mchid_list": []string{"10000022"}},
			})["activity_id"]
		},
		func(h *merchant) any {
			token = h.ok("POST", edu+"/contracts/presign", presign)["presign_token"].(string)
			return token
		},
		func(h *merchant) any {
			var err error
			contract, err = h.server.SignContract(token)
			require.NoError(t, err)
			return contract
		},
		func(h *merchant) any { return h.server.AddContracts("o", "wx1", "p", 2) },
		func(h *merchant) any {
			return h.ok("POST", edu+"/user-notifications/"+contract+"/send", m{"appid": presign["appid"]})
		},
		func(h *merchant) any { h.server.Advance(24 * time.Hour); return nil },
		func(h *merchant) any { return h.ok("POST", edu+"/transactions", transaction()) },
		func(h *merchant) any {
			_, answer := h.do(h.upload("8473295", "a.csv", h.lines("1", "2", "\xff", "\xfe")))
			return answer["task_id"]
		},
		func(h *merchant) any {
			return act(h, "add-task", args{"package_id": "8473295", "filename": "seeded", "bank_type": "ICBC_DEBIT", "count": "3"})
		},
		func(h *merchant) any {
			upload = fmt.Sprint(act(h, "add-upload", args{"name": "a.txt", "accounts": "7"}))
			return upload
		},
		func(h *merchant) any {
			return post(t, h.server, "/v3/push/app", m{"audience_type": "package_account_push", "upload_id": json.Number(upload), "message_type": "notify", "message": m{"title": "T", "content": "C"}})["push_id"]
		},
		func(h *merchant) any { return uploadFile(t, h.server, "\xff.txt", "account-1\n")["uploadId"] },
		func(h *merchant) any { return act(h, "add-members", args{"card_id": card, "count": "3"}) },
		func(h *merchant) any { e, ok := h.server.TakeEvent(); require.True(t, ok); return e },
		func(h *merchant) any {
			err := h.server.Deliver(t.Context(), http.NotFoundHandler())
			require.Error(t, err, "nobody takes it")
			return nil
		},
		func(h *merchant) any {
			return h.server.Deliver(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		},
		func(h *merchant) any { s, err := h.server.RotateCertificate(); require.NoError(t, err); return s },
		func(h *merchant) any {
			return h.ok("POST", "/v3/security/echo", m{"echo_message": "e", "notify_url": "https://merchant.example/echo"})
		},
		func(h *merchant) any { return act(h, "trigger", args{"event": "ENTRUST.SIGNING"}) },
		func(h *merchant) any { return h.server.SetTransferBalance(150, false) },
		func(h *merchant) any { return h.ok("POST", transfers, bill) },
		func(h *merchant) any { return h.ok("POST", transfers, transferBill("t2")) },
		func(h *merchant) any { return h.ok("POST", transfers, transferBill("t3")) },
		func(h *merchant) any { return h.server.FailTransfer("t4", "TRANSFER_RISK") },
		func(h *merchant) any {
			return h.ok("POST", authorizations, askAuthorization("a1"))
		},
		func(h *merchant) any { h.server.Advance(time.Minute); return h.bill("t2")["state"] }, // what passes is saved
		func(h *merchant) any { return h.server.ConfirmTransfer("t1") },
		func(h *merchant) any { h.server.Advance(time.Minute); return nil },
		func(h *merchant) any { return h.ok("POST", receipts+"/out-bill-no", m{"out_bill_no": "t1"}) },
		func(h *merchant) any { return act(h, "agree-authorization", args{"out_authorization_no": "a1"}) },
		func(h *merchant) any {
			return h.ok("POST", transfers+"/transfer", authorized("t5", "out_authorization_no", "a1"))
		},
		func(h *merchant) any { return h.ok("POST", transfers+"/out-bill-no/t2/cancel", nil) },
		func(h *merchant) any { h.server.Advance(25 * time.Hour); return nil },
		func(h *merchant) any {
			return h.ok("POST", h.coupons("/notify-configs"), m{"notify_url": "https://merchant.example/coupons"})
		},
		func(h *merchant) any {
			made := h.ok("POST", h.coupons("/product-coupons"), h.ours(newProduct("create_1", manyUse)))
			pack := h.sending(made["product_coupon_id"].(string), "", "number_1", m{"stock_bundle_id": made["stock_bundle"].(m)["stock_bundle_id"]})
			token = h.ok("POST", h.coupons("/users/o1/pre-send-coupon-bundle"), pack)["token"].(string)
			return token
		},
		func(h *merchant) any {
			codes, err := h.server.ClaimCoupon(token)
			require.NoError(t, err)
			return codes
		},
		func(h *merchant) any { product, stock = h.server.AddProductCoupon("UPLOAD"); return product + stock },
		func(h *merchant) any {
			return h.ok("POST", h.coupons("/product-coupons/"+product+"/stocks/"+stock+"/upload-coupon-codes"), h.ours(m{"out_request_no": "upload_1", "code_list": []string{"c1", "c2"}}))
		},
		func(h *merchant) any { return h.held(product, stock, "o1", "number_2") },
		func(h *merchant) any {
			return h.ok("POST", h.coupons("/users/o1/coupons/c1/use"), h.using(product, stock, "use_123"))
		},
		func(h *merchant) any {
			return h.ok("POST", h.coupons("/users/o1/coupons/c1/return"), h.of(product, stock, "return_1"))
		},
		func(h *merchant) any { return h.server.DeleteCoupon("o1", "c1") },
		func(h *merchant) any {
			brand := h.asBrand()
			return brand.ok("POST", brand.coupons("/users/o2/coupons"), brand.sending(product, stock, "number_3"))
		},
		func(h *merchant) any { return h.server.FailImageTask("task_002") },
		func(h *merchant) any {
			cut := m{"task_id": "task_002", "image_generation_type": "CUT_OUT", "cut_out": m{"image_url": picture}}
			return h.ok("POST", h.coupons("/image-generation-tasks"), h.ours(cut))
		},
		func(h *merchant) any { product, stock = h.server.AddProductCoupon("WECHATPAY"); return product + stock },
		func(h *merchant) any {
			plan = h.ok("POST", h.plans("/delivery-plans"), h.ours(newPlan(product, stock, "number_1")))["plan"].(m)["plan_id"].(string)
			return plan
		},
		func(h *merchant) any { return h.server.ReviewPlan(plan, "PASSED") },
		func(h *merchant) any { h.server.Advance(3 * 24 * time.Hour); return nil },
		func(h *merchant) any { return h.server.PausePlan(plan) },
		func(h *merchant) any {
			brand := h.asBrand()
			return brand.ok("POST", brand.plans("/delivery-plans/"+plan+"/resume"), nil)
		},
	}
	for i, step := range steps {
		saved := log.String()
		twin := o
		twin.Log = nil
		other := h.restarted(twin, saved)
		same(t, h.server, other.server)
		if got := step(other); !assert.Equal(t, fmt.Sprint(step(h)), fmt.Sprint(got), "step %d", i) {
			return
		}
		assert.Equal(t, h.server.State(), other.server.State())
	}
	o.Log = nil
	twin := h.restarted(o, log.String())
	same(t, h.server, twin.server)

	// Request numbers took effect: the same answer again, and other content is refused.
	assert.Equal(t, code, twin.ok("POST", open+"/cards/"+card+"/users/import", m{"openid": "o1", "out_request_no": "n1"})["code"])
	twin.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+card+"/users/import", m{"openid": "o9", "out_request_no": "n1"})
	twin.ok("POST", open+"/cards/"+card+"/phone-membercard/import", m{"encrypted_phone_number": h.encrypt("13800000000"), "out_request_no": "p1"})
	twin.ok("POST", edu+"/transactions", transaction())
	assert.Equal(t, "SUCCESS", twin.ok("POST", transfers, with(bill, "user_name", h.encrypt("张三")))["state"])
	twin.refused(400, "ALREADY_EXISTS", "POST", transfers, with(bill, "transfer_amount", 1000))
	assert.Equal(t, h.server.PackageUsers("8473295"), twin.server.PackageUsers("8473295"))
	assert.Equal(t, 7, twin.server.PackageUsers("8473295"))
	same(t, h.server, twin.server)
	for serial := range twin.certificates() {
		assert.Contains(t, h.certificates(), serial)
	}
	assert.Equal(t, h.server.AddCard("REAL_TIME"), twin.server.AddCard("REAL_TIME"))
}

// A running clock goes on with the true time, as far ahead as it was.
func TestRestoreOfARunningClock(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newMerchant(t, wxpaytest.Options{Log: &log})
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	h.server.Advance(72 * time.Hour)
	h.ok("POST", open+"/cards/"+card+"/users/import", m{"openid": "o1", "out_request_no": "n1"})
	other := h.restarted(wxpaytest.Options{}, log.String())
	same(t, h.server, other.server)
	assert.Equal(t, 72*time.Hour, other.server.Ahead())
	at, err := time.Parse(time.RFC3339, other.ok("GET", open+"/cards/"+other.server.AddCard("REAL_TIME"), nil)["create_time"].(string))
	require.NoError(t, err)
	assert.InDelta(t, 72, time.Until(at).Hours(), 1)
}

// Only what changes something is saved, and only once.
func TestWhatIsSaved(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newMerchant(t, wxpaytest.Options{Log: &log})
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	body := m{"openid": "o1", "out_request_no": "n1"}
	h.ok("POST", open+"/cards/"+card+"/users/import", body)
	saved := log.String()
	assert.Equal(t, 2, strings.Count(saved, "\n"))
	h.ok("POST", open+"/cards/"+card+"/users/import", body)
	h.ok("GET", open+"/cards/"+card, nil)
	h.refused(400, "INVALID_REQUEST", "POST", open+"/cards/"+card+"/users/import", m{"openid": "o2", "out_request_no": "n1"})
	h.refused(400, "PARAM_ERROR", "POST", open+"/cards/"+card+"/users/import", m{})
	require.Equal(t, "0", code(post(t, h.server, "/v3/statistics/get_push_record", m{"startDate": "2026-11-01", "endDate": "2026-11-02"})))
	_, err := h.server.TakeCard("none", "o", "", false)
	require.Error(t, err)
	h.server.State()
	_ = h.server.Pending()
	assert.Equal(t, saved, log.String())
}

// Half a last line did not happen, and the log can go on after it; any other bad line is an error that names it.
func TestRestoreAfterACrash(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := wxpaytest.Options{Seed: "crash", Clock: standing}
	saving := o
	saving.Log = &log
	h := newMerchant(t, saving)
	h.server.AddCard("SYSTEM_ALLOCATE", "one")
	h.server.AddCard("SYSTEM_ALLOCATE", "two")
	before := log.String()
	h.server.AddCard("SYSTEM_ALLOCATE", "three")
	after := log.String()
	last := after[len(before):]
	for _, cut := range []int{0, 1, 10, len(last) / 2, len(last) - 3, len(last) - 2, len(last) - 1} {
		file := bytes.NewBufferString(before + last[:cut])
		saving.Log = file
		s := wxpaytest.New(t, saving)
		require.NoError(t, s.Restore(strings.NewReader(file.String())))
		id := s.AddCard("REAL_TIME")
		again := wxpaytest.New(t, o)
		require.NoError(t, again.Restore(strings.NewReader(file.String())), "cut at %d", cut)
		same(t, s, again)
		third := ""
		if cut == len(last)-1 { // only the line feed is missing
			third = "three "
		}
		assert.Equal(t, "one two "+third+id, cards(again))
	}
	whole := wxpaytest.New(t, o)
	require.NoError(t, whole.Restore(strings.NewReader(after)))
	assert.Equal(t, "one two three", cards(whole))

	for _, test := range []struct{ log, says string }{
		{last[:20] + "\n" + before, "line 1 "},
		{before + "nothing\n", "line 3 "},
		{before + "nothing\n" + last, "line 3 "},
		{before + last[:20] + last, "line 3 "},
		{before + "{}\n", "line 3 of the saved state says no time"},
		{before + strings.Replace(last, "add-card", "add-horse", 1), "line 3 of the saved state is an action that this version does not know, add-horse"},
		{before + `{"at":"2026-11-02T08:00:00Z","call":"POST /v3/horses"}` + "\n", "line 3 of the saved state is a call that this version does not know, POST /v3/horses"},
		{before + `{"at":"2026-11-02T08:00:00Z","taken":"EV-1"}` + "\n", "line 3 of the saved state takes an event that is not pending, EV-1"},
		{before + `{"at":"2026-11-02T08:00:00Z"}` + "\n", "line 3 of the saved state is neither"},
		{before + before, "line 3 of the saved state is an action that was done and now is refused"},
	} {
		err := wxpaytest.New(t, o).Restore(strings.NewReader(test.log))
		assert.ErrorContains(t, err, test.says)
	}
	assert.ErrorContains(t, whole.Restore(strings.NewReader(after)), "make a new server")
	assert.ErrorContains(t, wxpaytest.New(t, o).Restore(io.MultiReader(strings.NewReader(before), brokenFile{})), "line 3 ")
}

func cards(s *wxpaytest.Server) string {
	var ids []string
	for _, v := range s.State() {
		for _, row := range v.Rows {
			if v.Name == "cards" {
				ids = append(ids, row["card_id"].(string))
			}
		}
	}
	return strings.Join(ids, " ")
}

// A brokenFile is a file that breaks.
type brokenFile struct{}

func (brokenFile) Read([]byte) (int, error) { return 0, errors.New("broken") }

// full is a disk that is full at times: it takes so many bytes.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// A log that cannot be written breaks no call, and has no hole once it can be written again.
func TestLogThatFails(t *testing.T) {
	t.Parallel()
	disk := &full{room: 100}
	o := wxpaytest.Options{Seed: "full", Clock: standing}
	saving := o
	saving.Log = disk
	s, err := wxpaytest.NewServer(saving)
	require.NoError(t, err)
	for range 5 {
		require.NotEmpty(t, s.AddCard("REAL_TIME"))
	}
	disk.room = 1 << 20
	require.NotEmpty(t, s.AddCard("REAL_TIME"))
	again := wxpaytest.New(t, o)
	require.NoError(t, again.Restore(&disk.Buffer))
	same(t, s, again)
}

// Without the seed that a state was saved with there are other keys, so nothing stays encrypted for the old ones.
func TestRestoreWithOtherKeys(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newMerchant(t, wxpaytest.Options{Seed: "one", Log: &log})
	card := h.server.AddCard("SYSTEM_ALLOCATE")
	_, err := h.server.TakeCard(card, "o", "13800000000", false)
	require.NoError(t, err)
	sealed := func(s *wxpaytest.Server) string { return fmt.Sprint(s.Pending()[0].Plaintext) }
	same(t, h.server, h.restarted(wxpaytest.Options{Seed: "one"}, log.String()).server)
	for _, seed := range []string{"", "two"} {
		other := newMerchant(t, wxpaytest.Options{Seed: seed})
		require.NoError(t, other.server.Restore(strings.NewReader(log.String())))
		text := sealed(other.server)
		assert.NotEqual(t, sealed(h.server), text)
		_, text, _ = strings.Cut(text, "phone_number:")
		text, _, _ = strings.Cut(text, " ")
		assert.Equal(t, "13800000000", other.decrypt(strings.TrimSuffix(text, "]")))
	}
}

// Whatever happens, in whatever order: what was refused changed nothing, and what a log restores is what was.
func TestRestoreOfRandomLives(t *testing.T) {
	t.Parallel()
	catalog, err := api.Load()
	require.NoError(t, err)
	var operations []*api.Operation
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			if !strings.Contains(op.Route, " /brand/") { // a merchant lives here
				operations = append(operations, op)
			}
		}
	}
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 11))
			var log bytes.Buffer
			o := wxpaytest.Options{Seed: "random", Clock: standing, TaskDuration: time.Minute, Mode: wxpaytest.Both,
				Pay: func(no string) bool { return no != "2" }, Match: func(number string) bool { return number != "3" }}
			saving := o
			saving.Log = &log
			h := newMerchant(t, saving)
			brand := h.asBrand()
			known := map[string][]string{"brand_id": {wxpaytest.BrandID, wxpaytest.BrandID, "other"}}
			for _, kind := range []string{
				"card_id", "code", "presign_token", "contract_id", "activity_id", "product_coupon_id", "stock_id", "stock_bundle_id", "coupon_code", "token", "user_coupon_bundle_id", "plan_id", "transfer_bill_no", "authorization_id",
			} {
				known[kind] = []string{"none"}
			}
			some := func(kind string) (string, bool) {
				ids := known[kind]
				if len(ids) == 0 {
					return "", false
				}
				return ids[chance.IntN(len(ids))], true
			}
			var learn func(v any)
			learn = func(v any) {
				switch v := v.(type) {
				case []any:
					for _, one := range v {
						learn(one)
					}
				case m:
					for name, one := range v {
						if id, text := one.(string); text && known[name] != nil && name != "brand_id" {
							known[name] = append(known[name], id)
						}
						learn(one)
					}
				}
			}
			few := func(prefix string) string { return prefix + strconv.Itoa(chance.IntN(4)) }
			called := map[string]int{}
			for range 200 {
				before, pending, lines := h.server.State(), h.server.Pending(), log.Len()
				name, ok := "", true
				switch chance.IntN(4) {
				case 0:
					all := h.server.Actions()
					a := all[chance.IntN(len(all))]
					args := map[string]string{}
					for _, p := range a.Params {
						switch {
						case p.Optional && chance.IntN(2) == 0:
						case p.Values != nil:
							args[p.Name] = p.Values[chance.IntN(len(p.Values))]
						case known[p.Name] != nil && (p.Name != "card_id" || a.Name != "add-card"):
							args[p.Name], _ = some(p.Name)
						case p.Name == "count" || p.Name == "percent" || p.Name == "accounts":
							args[p.Name] = strconv.Itoa(chance.IntN(4))
						case p.Name == "duration":
							args[p.Name] = few(few("")) + "h"
						case p.Name == "balance":
							args[p.Name] = few("") + "00000"
						case p.Name == "out_bill_no":
							args[p.Name] = few("bill")
						case p.Name == "plaintext":
						default:
							args[p.Name] = few(p.Name)
						}
					}
					v, err := a.Do(t.Context(), args)
					name, ok = a.Name, err == nil
					if id, text := v.(string); text {
						learn(m{map[string]string{"add-card": "card_id", "take-card": "code", "sign-contract": "contract_id", "take-coupon": "coupon_code", "agree-authorization": "authorization_id"}[a.Name]: id})
					}
					if ids, seeded := v.(map[string]string); seeded {
						for kind, id := range ids {
							learn(m{kind: id})
						}
					}
				case 1:
					_, ok = h.server.TakeEvent()
					name = "take"
				default:
					op := operations[chance.IntN(len(operations))]
					var answer m
					caller := h
					if strings.HasPrefix(op.Route, "POST /brand/") || op.BrandRoute != "" && chance.IntN(2) == 0 {
						caller = brand
					}
					answer, ok = randomCall(caller, op, some, few)
					name = op.ID
					learn(answer)
				}
				called[fmt.Sprint(ok)]++
				if !ok {
					require.Equal(t, before, h.server.State(), "%s was refused and changed something", name)
					require.Equal(t, pending, h.server.Pending(), name)
					require.Equal(t, lines, log.Len(), name)
				}
			}
			assert.Greater(t, called["true"], 20, "%v", called)
			assert.Greater(t, called["false"], 10, "%v", called)
			other := h.restarted(o, log.String())
			same(t, h.server, other.server)
			other.server.Advance(48 * time.Hour)
			h.server.Advance(48 * time.Hour)
			same(t, h.server, other.server)
		})
	}
}

// randomCall makes a call as its document shows it, about what is known and with few request numbers.
func randomCall(h *merchant, op *api.Operation, some func(string) (string, bool), few func(string) string) (answer m, ok bool) {
	route := op.Route
	if h.brand && op.BrandRoute != "" {
		route = op.BrandRoute
	}
	method, path, _ := strings.Cut(route, " ")
	path = regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(path, func(v string) string {
		name := strings.Trim(v, "{}")
		if id, ok := some(name); ok {
			return url.PathEscape(id)
		}
		if name == "out_bill_no" {
			return few("bill")
		}
		return url.PathEscape(few(name))
	})
	query := url.Values{}
	for _, p := range op.Params {
		if id, known := some(p.Name); p.In != "query" || !p.Required || h.brand && p.Name == "brand_id" {
			continue
		} else if known {
			query.Set(p.Name, id)
		} else {
			query.Set(p.Name, strings.Trim(string(p.Schema.Example()), `"`))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body any
	if op.Body != nil {
		require.NoError(h.t, json.Unmarshal(op.BodyExample, &body))
		about(h, body, some, few)
		if o, ok := body.(m); ok && h.brand {
			delete(o, "brand_id")
		}
	}
	var status int
	switch text, _ := json.Marshal(body); {
	case op.ID == "createTask":
		status, answer = h.do(h.upload(few("84"), few("file"), h.lines(few(""), few(""), few("\xff"))))
	case op.ID == "uploadPackage":
		answer = uploadFile(h.t, h.server, few("file")+".txt", "account-1\naccount-2\n")
	case op.Product.Platform == "tpns":
		answer = send(h.t, h.server, path, "application/json", text)
	case body == nil:
		status, answer = h.do(h.request(h.t.Context(), method, path, nil))
	default:
		status, answer = h.do(h.request(h.t.Context(), method, path, text))
	}
	if status == 0 {
		return answer, code(answer) == "0"
	}
	return answer, status < 300
}

// about makes a body be about what is known.
func about(h *merchant, v any, some func(string) (string, bool), few func(string) string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			about(h, one, some, few)
		}
	case m:
		if v["authorization_id"] != nil && v["out_authorization_no"] != nil { // exactly one
			delete(v, map[bool]string{true: "authorization_id", false: "out_authorization_no"}[few("") == "0"])
		}
		for name, was := range v {
			id, known := some(name)
			switch _, text := was.(string); {
			case !text:
				about(h, was, some, few)
			case known:
				v[name] = id
			case strings.HasPrefix(name, "encrypted_"):
				v[name] = h.encrypt(few("1380000000"))
			case name == "user_name":
				v[name] = h.encrypt("张三")
			case name == "transfer_scene_id":
				v[name] = "1006"
				delete(v, "user_recv_style")
			case name == "out_bill_no":
				v[name] = few("bill")
			case strings.HasPrefix(name, "out_"), name == "openid":
				v[name] = few(name)
			case strings.HasSuffix(name, "begin_time"):
				v[name] = "2026-12-02T08:00:00+08:00"
			case strings.HasSuffix(name, "end_time"):
				v[name] = "2026-12-12T08:00:00+08:00"
			}
		}
	}
}

// What was taken under other limits is not refused when it happens again.
func TestRestoreUnderLimits(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newMerchant(t, wxpaytest.Options{Seed: "limits", Clock: standing, Log: &log, Unlimited: true})
	status, _ := h.do(h.upload("8473295", "a.csv", h.lines("1")))
	require.Equal(t, 200, status)
	other := wxpaytest.New(t, wxpaytest.Options{Seed: "limits", Clock: standing})
	other.CountFiles(6000)
	require.NoError(t, other.Restore(&log))
	same(t, h.server, other)
	h.server = other
	status, _ = h.do(h.upload("8473295", "b.csv", h.lines("1")))
	assert.Equal(t, 429, status, "the limit holds again")
}
