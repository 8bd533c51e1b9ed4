package coupons_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/coupons"
	"github.com/wxpay-go/wxpay/ops/bulk/internal/optest"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	appID     = "wx233544546545989"
	routeSend = "POST /v3/marketing/partner/product-coupon/users/{openid}/coupons"
	routeList = "GET /v3/marketing/partner/product-coupon/users/{openid}/coupons"
)

// stocked is a send of a stock that is there.
func stocked(s *wxpaytest.Server, mode string, changes ...string) (o coupons.Send) {
	o = coupons.Send{Client: s.Client(), BrandID: wxpaytest.BrandID, AppID: appID}
	o.ProductCouponID, o.StockID = s.AddProductCoupon(mode, changes...)
	return o
}

// users are rows of a file: openid, coupon_code, send_request_no, attach.
type users [][]string

func (u users) Name() string                           { return "users.csv" }
func (u users) Digest(context.Context) (string, error) { return fmt.Sprint([][]string(u)), nil }
func (u users) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) {
		for i, cells := range u {
			if !yield(table.Row{Line: i + 2, Cells: cells}, nil) {
				return
			}
		}
	}
}

func openIDs(from, to int) (u users) {
	for i := from; i < to; i++ {
		u = append(u, []string{fmt.Sprintf("openid-%04d", i)})
	}
	return u
}

// A held is a coupon that the fake says a user has.
type held struct {
	OpenID, StockID, CouponCode, SendRequestNo string
}

func sent(t *testing.T, s *wxpaytest.Server) (all []held) {
	t.Helper()
	for _, v := range s.State() {
		if v.Name != "user-coupons" {
			continue
		}
		for _, row := range v.Rows {
			text, err := json.Marshal(row)
			require.NoError(t, err)
			var one map[string]any
			require.NoError(t, json.Unmarshal(text, &one))
			of := func(name string) string { v, _ := one[name].(string); return v }
			all = append(all, held{of("openid"), of("stock_id"), of("coupon_code"), of("send_request_no")})
		}
	}
	return all
}

func job(t *testing.T, o coupons.Send, rows users) bulk.Job {
	return bulk.Job{Ledger: filepath.Join(t.TempDir(), "job.ledger"), Source: rows, Operation: o, Key: bulk.ClientKey(o.Client), Rate: -1}
}

// Every user gets one coupon, also one who stands in the file twice; the number is the file's or the job's own.
func TestSendToEachUser(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{Unlimited: true})
	o := stocked(s, "WECHATPAY")
	rows := append(openIDs(0, 30), []string{"openid-0003"}, []string{"openid-0004", "", "own-number-1", "a"}, []string{"openid-0004", "", "own-number-2"}, []string{"openid-0099", "", "own-number-2"})
	j := job(t, o, rows)
	summary, err := j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 34, Done: 32, Skipped: 2}, summary.Sums)
	times, numbers := map[string]int{}, map[string]bool{}
	for _, c := range sent(t, s) {
		times[c.OpenID]++
		numbers[c.SendRequestNo] = true
	}
	assert.Len(t, times, 30)
	assert.Equal(t, 3, times["openid-0004"])
	assert.Len(t, numbers, 32)
	assert.True(t, numbers["own-number-1"] && numbers["own-number-2"])
	again, err := j.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, summary.Sums, again.Sums)
	assert.Len(t, sent(t, s), 32)
}

// Whatever happens to its calls, a row is sent once, is done only if it was, and rejected only if it was not.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, cells := range map[string][]string{"WECHATPAY": {"openid-1"}, "API_ASSIGN": {"openid-1", "code-1", "own-number-1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			optest.Faults(t, func(t *testing.T) *optest.Play {
				s := wxpaytest.New(t)
				o := stocked(s, name)
				return &optest.Play{
					Server: s, Operation: o, Row: table.Row{Line: 2, Cells: cells}, Route: routeSend, Asks: []string{routeList},
					Effects: func() int { return len(sent(t, s)) },
				}
			})
		})
	}
}

// A user who may not have the coupon is rejected alone, with words in both languages.
func TestRejectedByRow(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	o := stocked(s, "API_ASSIGN", "max_count_per_user=1")
	other := o
	other.AppID = "wx2000000000000000"
	_, err := job(t, other, users{{"openid-other", "code-0"}}).Run(t.Context())
	require.NoError(t, err)
	before := len(sent(t, s))
	ctx := t.Context()
	for name, test := range map[string]struct {
		cells []string
		code  string
	}{
		"no code":            {[]string{"openid-9"}, "PARAM_ERROR"},
		"openid elsewhere":   {[]string{"openid-other", "code-9"}, "INVALID_REQUEST"},
		"code of another":    {[]string{"openid-9", "code-0"}, "INVALID_REQUEST"},
		"as many as allowed": {[]string{"openid-1", "code-2", "own-number-2"}, "INVALID_REQUEST"},
		"number of another":  {[]string{"openid-9", "code-9", "own-number-1"}, "ALREADY_EXISTS"},
		"number, other code": {[]string{"openid-1", "code-9", "own-number-1"}, "ALREADY_EXISTS"},
	} {
		row := table.Row{Line: 2, Cells: test.cells}
		item := bulk.Item{Number: strings.Repeat("a", 32), Rows: []table.Row{row}}
		if len(sent(t, s)) == before {
			first := bulk.Item{Number: strings.Repeat("b", 32), Rows: []table.Row{{Line: 3, Cells: []string{"openid-1", "code-1", "own-number-1"}}}}
			require.Equal(t, bulk.Done, o.Send(ctx, first).State)
		}
		res := o.Send(ctx, item)
		assert.Equal(t, bulk.Rejected, res.State, "%s: %+v", name, res)
		assert.Contains(t, []string{test.code, "INVALID_REQUEST"}, res.Code, name)
		assert.NotEmpty(t, res.Reason.English, name)
		assert.NotEmpty(t, res.Reason.Chinese, name)
		assert.NotContains(t, res.Reason.English+res.Reason.Chinese, test.cells[0], name)
	}
	assert.Len(t, sent(t, s), before+1)
}

// A stock that sends nothing more stops the job, nothing is rejected, and the job goes on once it sends again.
func TestStockThatEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode    string
		changes []string
		before  func(s *wxpaytest.Server, o coupons.Send) error
		after   func(s *wxpaytest.Server, o coupons.Send) error
		done    int64
		says    string
	}{
		"paused": {"WECHATPAY", nil,
			func(s *wxpaytest.Server, o coupons.Send) error { return s.SetStockState(o.StockID, "PAUSED") },
			func(s *wxpaytest.Server, o coupons.Send) error { return s.SetStockState(o.StockID, "SENDING") }, 0, "paused"},
		"used up": {"WECHATPAY", []string{"max_count=10"}, nil, nil, 10, "has sent all its coupons;"},
		"today": {"WECHATPAY", []string{"max_count_per_day=10"}, nil,
			func(s *wxpaytest.Server, _ coupons.Send) error { s.Advance(24 * time.Hour); return nil }, 10, "of today"},
		"no codes": {"UPLOAD", nil, nil, nil, 0, "no codes left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wxpaytest.New(t, wxpaytest.Options{Unlimited: true})
			o := stocked(s, test.mode, test.changes...)
			if test.before != nil {
				require.NoError(t, test.before(s, o))
			}
			j := job(t, o, openIDs(0, 15))
			summary, err := j.Run(t.Context())
			var stop *bulk.StopError
			require.ErrorAs(t, err, &stop)
			assert.Equal(t, bulk.WhyPlatform, stop.Why)
			assert.Contains(t, stop.Reason.English, test.says)
			assert.NotEmpty(t, stop.Reason.Chinese)
			assert.Equal(t, bulk.Sums{Rows: 15, Done: test.done, Left: 15 - test.done}, summary.Sums)
			if test.after == nil {
				return
			}
			require.NoError(t, test.after(s, o))
			summary, err = j.Run(t.Context())
			if name == "today" {
				require.NoError(t, err)
			}
			assert.Equal(t, bulk.Sums{Rows: 15, Done: 15}, summary.Sums)
			assert.Len(t, sent(t, s), 15)
		})
	}
}

// A coupon, stock or brand that is not there ends the job at its first row.
func TestCouponThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*coupons.Send){
		"coupon": func(o *coupons.Send) { o.ProductCouponID = "1" }, "stock": func(o *coupons.Send) { o.StockID = "1" }, "brand": func(o *coupons.Send) { o.BrandID = "1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wxpaytest.New(t, wxpaytest.Options{Unlimited: true})
			o := stocked(s, "WECHATPAY")
			change(&o)
			summary, err := job(t, o, openIDs(0, 15)).Run(t.Context())
			var stop *bulk.StopError
			require.ErrorAs(t, err, &stop)
			assert.Contains(t, stop.Reason.English, "look at the IDs")
			assert.Equal(t, bulk.Sums{Rows: 15, Left: 15}, summary.Sums)
		})
	}
}

// Without permission no row is to blame.
func TestNoPermission(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	o := stocked(s, "WECHATPAY")
	require.NoError(t, s.Inject(routeSend, "NO_AUTH", 100))
	summary, err := job(t, o, openIDs(0, 5)).Run(t.Context())
	var stop *bulk.StopError
	require.ErrorAs(t, err, &stop)
	assert.Equal(t, bulk.WhyAuth, stop.Why)
	assert.Equal(t, bulk.Sums{Rows: 5, Left: 5}, summary.Sums)
	s.Recover()
}

// A send that worked and whose repeat is refused is done; the coupons of the user tell.
func TestRefusedAfterLost(t *testing.T) {
	t.Parallel()
	for lost, want := range map[string]bulk.Sums{"hang-after-effect": {Rows: 1, Done: 1}, "hang": {Rows: 1, Rejected: 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := wxpaytest.New(t)
			o := stocked(s, "WECHATPAY")
			require.NoError(t, s.Inject(routeSend, lost, 1))
			require.NoError(t, s.Inject(routeSend, "ALREADY_EXISTS", 6))
			summary, err := job(t, o, openIDs(0, 1)).Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, summary.Sums, lost)
			s.Recover()
		})
	}
}

// A brand sends by its own door.
func TestBrand(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	o := stocked(s, "WECHATPAY", "max_count=3")
	o.BrandID = ""
	summary, err := job(t, o, openIDs(0, 3)).Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 3, Done: 3}, summary.Sums)
	_, err = job(t, o, openIDs(3, 4)).Run(t.Context())
	assert.ErrorContains(t, err, "has sent all its coupons")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Certificates}) // whose download would be a request
	o := coupons.Send{Client: s.Client(), BrandID: "120344", ProductCouponID: "1000000013", StockID: "1000000013001", AppID: appID}
	for name, test := range map[string]struct {
		cells    []string
		column   string // empty: the row is good
		identity string
	}{
		"good":              {[]string{"o1"}, "", "openid o1"},
		"own number":        {[]string{"o1", "code_1-A", "34657_20250101_123456", "课"}, "", "number 34657_20250101_123456"},
		"no openid":         {[]string{""}, "openid", ""},
		"openid of blanks":  {[]string{"o 77777"}, "openid", ""},
		"code":              {[]string{"o1", "77777*"}, "coupon_code", ""},
		"long code":         {[]string{"o1", strings.Repeat("7", 41)}, "coupon_code", ""},
		"short number":      {[]string{"o1", "", "77777"}, "send_request_no", ""},
		"long number":       {[]string{"o1", "", strings.Repeat("7", 129)}, "send_request_no", ""},
		"long attach":       {[]string{"o1", "", "", strings.Repeat("课", 151)}, "attach", ""},
		"emoji in attach":   {[]string{"o1", "", "", "😀"}, "attach", ""},
		"number with blank": {[]string{"o1", "", "777 777"}, "send_request_no", ""},
	} {
		identity, err := o.Check(table.Row{Line: 2, Cells: test.cells})
		if test.column == "" {
			assert.NoError(t, err, name)
			assert.Equal(t, test.identity, identity, name)
			continue
		}
		fault, ok := errors.AsType[*table.Fault](err)
		if assert.True(t, ok, "%s: %v", name, err) {
			assert.Equal(t, test.column, fault.Column, name)
			assert.NotContains(t, fault.Error(), "7777", name)
			assert.NotEmpty(t, fault.Chinese, name)
		}
	}
	for name, set := range map[string]func(*coupons.Send){
		"stock_id": func(o *coupons.Send) { o.StockID = "" }, "product_coupon_id": func(o *coupons.Send) { o.ProductCouponID = "" },
		"appid": func(o *coupons.Send) { o.AppID = "" }, "brand_id": func(o *coupons.Send) { o.BrandID = "" },
	} {
		o := o
		set(&o)
		_, err := o.Check(table.Row{Line: 2, Cells: []string{"o1"}})
		assert.ErrorContains(t, err, name)
	}
	assert.Empty(t, s.Requests())
}

// Where the coupons of the user cannot be asked for, a refusal is believed only if nothing was sent before and no number
// is said to be taken.
func TestRefusedAndNotAsked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lost, code string
		want       bulk.Sums
	}{
		"first":        {"", "INVALID_REQUEST", bulk.Sums{Rows: 1, Rejected: 1}},
		"number taken": {"", "ALREADY_EXISTS", bulk.Sums{Rows: 1, Unknown: 1}},
		"after a loss": {"hang-after-effect", "INVALID_REQUEST", bulk.Sums{Rows: 1, Unknown: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := wxpaytest.New(t)
			o := stocked(s, "WECHATPAY")
			if test.lost != "" {
				require.NoError(t, s.Inject(routeSend, test.lost, 1))
			}
			require.NoError(t, s.Inject(routeSend, test.code, 50))
			require.NoError(t, s.Inject(routeList, "INVALID_REQUEST", 50))
			summary, err := job(t, o, openIDs(0, 1)).Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.want, summary.Sums, name)
			s.Recover()
		})
	}
}

// A send that was lost may arrive while its coupon is looked for, so it is looked for twice.
func TestSendOnItsWay(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t)
	o := stocked(s, "WECHATPAY")
	about := map[string]any{"product_coupon_id": o.ProductCouponID, "stock_id": o.StockID, "brand_id": o.BrandID}
	coupon := map[string]any{"coupon_code": "c1", "coupon_state": "CONFIRMING", "send_request_no": "own-number-1", "send_channel": "API", "brand_id": o.BrandID, "product_coupon": about, "stock": about}
	require.NoError(t, s.Reply(routeList, 200, map[string]any{"user_coupon_list": []any{}, "total_count": 0}))
	require.NoError(t, s.Reply(routeList, 200, map[string]any{"user_coupon_list": []any{coupon}, "total_count": 1}))
	require.NoError(t, s.Inject(routeSend, "ALREADY_EXISTS", 1))
	res := o.Send(t.Context(), bulk.Item{Rows: []table.Row{{Line: 2, Cells: []string{"openid-1", "", "own-number-1"}}}})
	assert.Equal(t, bulk.Result{State: bulk.Done, Code: "c1"}, res)
}

// A coupon of the stock that does not tell its number may be the very one, so nothing is said of a refused send.
func TestCouponsWithoutNumber(t *testing.T) {
	t.Parallel()
	for number, want := range map[any]bulk.State{
		nil: bulk.Unknown, "": bulk.Unknown, " ": bulk.Unknown, "own-number-1 ": bulk.Unknown, "own-\u200bnumber-1": bulk.Unknown, 7: bulk.Rejected,
		"another-1": bulk.Rejected, "own-number-1": bulk.Done,
	} {
		for _, first := range []string{"", "own-number-1"} { // the right one may stand behind it
			s := wxpaytest.New(t)
			o := stocked(s, "WECHATPAY")
			about := map[string]any{"product_coupon_id": o.ProductCouponID, "stock_id": o.StockID, "brand_id": o.BrandID}
			list := func(numbers ...any) (all []any) {
				for i, n := range numbers {
					coupon := map[string]any{"coupon_code": fmt.Sprint("c", i), "coupon_state": "CONFIRMING", "brand_id": o.BrandID, "product_coupon": about, "stock": about}
					if n != nil {
						coupon["send_request_no"] = n
					}
					all = append(all, coupon)
				}
				return all
			}
			numbers, state := []any{number}, want
			if first != "" {
				numbers, state = append(numbers, first), bulk.Done
			}
			for range 2 {
				require.NoError(t, s.Reply(routeList, 200, map[string]any{"user_coupon_list": list(numbers...), "total_count": len(numbers)}))
			}
			require.NoError(t, s.Inject(routeSend, "INVALID_REQUEST", 1))
			res := o.Send(t.Context(), bulk.Item{Rows: []table.Row{{Line: 2, Cells: []string{"openid-1", "", "own-number-1"}}}})
			assert.Equal(t, state, res.State, "%v then %s: %+v", number, first, res)
			s.Recover()
		}
	}
}

// A row is done only with a code, whether the send or the coupons of the user tell of it.
func TestSentWithoutCode(t *testing.T) {
	t.Parallel()
	for _, route := range []string{routeSend, routeList} {
		for _, state := range []string{"CONFIRMING", "DEACTIVATED"} {
			s := wxpaytest.New(t)
			o := stocked(s, "WECHATPAY")
			about := map[string]any{"product_coupon_id": o.ProductCouponID, "stock_id": o.StockID, "brand_id": o.BrandID}
			coupon := map[string]any{"coupon_state": state, "send_request_no": "own-number-1", "brand_id": o.BrandID, "product_coupon": about, "stock": about}
			if route == routeSend {
				require.NoError(t, s.Reply(routeSend, 200, coupon))
			} else {
				require.NoError(t, s.Inject(routeSend, "ALREADY_EXISTS", 1))
				require.NoError(t, s.Reply(routeList, 200, map[string]any{"user_coupon_list": []any{coupon}, "total_count": 1}))
			}
			res := o.Send(t.Context(), bulk.Item{Rows: []table.Row{{Line: 2, Cells: []string{"openid-1", "", "own-number-1"}}}})
			assert.Equal(t, bulk.Unknown, res.State, "%s %s: %+v", route, state, res)
			assert.NotEmpty(t, res.Reason.Chinese)
			s.Recover()
		}
	}
}

// What a stock or product coupon does not tell stops no job: the row was refused for itself.
func TestStopsForWhatIsTold(t *testing.T) {
	t.Parallel()
	const routeStock = "GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}"
	const routeProduct = "GET /v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}"
	type m = map[string]any
	for name, test := range map[string]struct {
		codes   any
		product string
		want    bulk.State
	}{
		"no counts":            {nil, "EFFECTIVE", bulk.Rejected},
		"empty counts":         {m{}, "EFFECTIVE", bulk.Rejected},
		"total alone":          {m{"total_count": 5}, "EFFECTIVE", bulk.Rejected},
		"codes left":           {m{"total_count": 5, "available_count": 1}, "EFFECTIVE", bulk.Rejected},
		"none left":            {m{"total_count": 5, "available_count": 0}, "EFFECTIVE", bulk.Staged},
		"none uploaded":        {m{"total_count": 0, "available_count": 0}, "EFFECTIVE", bulk.Staged},
		"no state of product":  {nil, "", bulk.Rejected},
		"product is in review": {nil, "AUDITING", bulk.Staged},
	} {
		s := wxpaytest.New(t)
		o := stocked(s, "UPLOAD")
		stock := m{"product_coupon_id": o.ProductCouponID, "stock_id": o.StockID, "brand_id": o.BrandID, "state": "SENDING", "coupon_code_mode": "UPLOAD"}
		if test.codes != nil {
			stock["coupon_code_count_info"] = test.codes
		}
		product := m{"product_coupon_id": o.ProductCouponID, "brand_id": o.BrandID}
		if test.product != "" {
			product["state"] = test.product
		}
		require.NoError(t, s.Reply(routeStock, 200, stock))
		require.NoError(t, s.Reply(routeProduct, 200, product))
		require.NoError(t, s.Reply(routeSend, 400, m{"code": "INVALID_REQUEST", "message": "as many as allowed"}))
		res := o.Send(t.Context(), bulk.Item{Rows: []table.Row{{Line: 2, Cells: []string{"openid-1", "", "own-number-1"}}}})
		assert.Equal(t, test.want, res.State, "%s: %+v", name, res)
		s.Recover()
	}
}
