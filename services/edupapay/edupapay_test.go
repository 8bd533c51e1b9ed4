package edupapay_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

// Bodies as the documents print them.
const (
	contractJSON = `{"sp_mchid":"1230000109","appid":"wx8888888888888888","sub_mchid":"1900000109","sub_appid":"wx9999999999999999",` +
		`"openid":"oUpF8uMuAJOM2pxb1Q","sub_openid":"oUpF8uMuAJOM2pxb2W","plan_id":"101164396123311331","contract_information":` +
		`{"contract_id":"wx998877665544wx","contract_status":"ADD","create_time":"2020-03-26T10:43:39+08:00"}}`

	transactionJSON = `{"sp_mchid":"1230000109","mchid":"1230000110","appid":"wx8888888888888888","sub_mchid":"1900000109",` +
		`"sub_appid":"wx9999999999999999","out_trade_no":"201407033233368018","transaction_id":"25012014070332333018","attach":"自定义数据",` +
		`"bank_type":"CMC","success_time":"2020-03-26T10:43:39+08:00","trade_state":"SUCCESS","trade_state_description":"支付成功",` +
		`"payer":{"openid":"oUpF8uMuAJOM2pxb1Q","sub_openid":"oUpF8uMuAJOM2pxb2W"},` +
		`"amount":{"total":888,"payer_total":788,"discount_total":100,"currency":"CNY"},` +
		`"device_information":{"device_id":"12343232","device_ip":"123.12.12.123"},` +
		`"promotion_detail":[{"coupon_id":"109519","name":"单品惠-6","scope":"GLOBAL","type":"DISCOUNT","amount":90,"stock_id":"931386",` +
		`"wechatpay_contribute":30,"merchant_contribute":50,"other_contribute":10}]}`
)

func contract() *edupapay.Contract {
	return &edupapay.Contract{
		SpMchID: "1230000109", AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999",
		OpenID: "oUpF8uMuAJOM2pxb1Q", SubOpenID: "oUpF8uMuAJOM2pxb2W", PlanID: "101164396123311331",
		ContractInformation: edupapay.ContractInformation{
			ContractID: "wx998877665544wx", ContractStatus: edupapay.ContractSigned,
			CreateTime: wxpay.TimeOf(time.Date(2020, 3, 26, 2, 43, 39, 0, time.UTC)),
		},
	}
}

func transaction() *edupapay.Transaction {
	return &edupapay.Transaction{
		SpMchID: "1230000109", MchID: "1230000110", AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999",
		OutTradeNo: "201407033233368018", TransactionID: "25012014070332333018", Attach: "自定义数据", BankType: "CMC",
		SuccessTime: wxpay.TimeOf(time.Date(2020, 3, 26, 2, 43, 39, 0, time.UTC)),
		TradeState:  edupapay.TradeSuccess, TradeStateDescription: "支付成功",
		Payer:             edupapay.Payer{OpenID: "oUpF8uMuAJOM2pxb1Q", SubOpenID: "oUpF8uMuAJOM2pxb2W"},
		Amount:            edupapay.TransactionAmount{Total: 888, PayerTotal: 788, DiscountTotal: 100, Currency: "CNY"},
		DeviceInformation: edupapay.DeviceInformation{DeviceID: "12343232", DeviceIP: "123.12.12.123"},
		PromotionDetail: []edupapay.Promotion{{
			CouponID: "109519", Name: "单品惠-6", Scope: edupapay.PromotionGlobal, Type: edupapay.PromotionDiscount, Amount: 90, StockID: "931386",
			WechatpayContribute: 30, MerchantContribute: 50, OtherContribute: 10,
		}},
	}
}

func presign() edupapay.PresignContractParams {
	return edupapay.PresignContractParams{
		AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999", OpenID: "oUpF8uMuAJOM2pxb1Q",
		SubOpenID: "oUpF8uMuAJOM2pxb2W", PlanID: "101164396123311331", UserID: "20200330tony",
		PeriodStartDate: wxpay.Date{Year: 2020, Month: time.March, Day: 19},
	}
}

func debit() edupapay.CreateTransactionParams {
	return edupapay.CreateTransactionParams{
		AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999", Body: "新东方-语文课程", Attach: "自定义数据",
		OutTradeNo: "121775250124070332", GoodsTag: "test", NotifyURL: "https://www.weixin.qq.com/wxpay/pay", ContractID: "wx998877665544wx",
		Amount:            edupapay.DebitAmount{Total: 888, Currency: "CNY"},
		DeviceInformation: edupapay.DeviceInformation{DeviceID: "12343232", DeviceIP: "123.12.12.123"},
	}
}

func userContracts() edupapay.ListUserContractsParams {
	return edupapay.ListUserContractsParams{
		OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999",
		SubOpenID: "oUpF8uMuAJOM2pxb2W", PlanID: "101164396123311331", ContractStatus: edupapay.ContractTerminated, Offset: 40, Limit: 10,
	}
}

// The calls as a partner makes them.
var (
	callPresign = answers(S.PresignContract)(presign())
	callGet     = answers(S.GetContract)(edupapay.GetContractParams{
		ContractID: "wx998877665544wx", AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999",
	})
	callTerminate = succeeds(S.TerminateContract)(edupapay.TerminateContractParams{ContractID: "wx998877665544wx"})
	callList      = answers(S.ListUserContracts)(userContracts())
	callNotice    = succeeds(S.SendDebitNotice)(edupapay.SendDebitNoticeParams{
		ContractID: "wx998877665544wx", AppID: "wx8888888888888888", SubMchID: "1900000109", SubAppID: "wx9999999999999999",
	})
	callDebit   = succeeds(S.CreateTransaction)(debit())
	callGetByID = answers(S.GetTransactionByID)(edupapay.GetTransactionByIDParams{TransactionID: "25012014070332333018", SubMchID: "1900000109"})
	callGetByNo = answers(S.GetTransactionByOutTradeNo)(edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: "201407033233368018", SubMchID: "1900000109"})
)

// directPresign is how a direct merchant prepares a contract.
func directPresign() edupapay.PresignContractParams {
	p := presign()
	p.SubMchID, p.SubAppID, p.SubOpenID, p.TradeScene = "", "", "", edupapay.TradeSceneEducationPeriod
	return p
}

var wire = map[string]platformtest.Wire{
	"presign": {
		Call:    callPresign,
		Request: "POST /v3/edu-papay/contracts/presign",
		Route:   "POST /v3/edu-papay/contracts/presign",
		Body: `{"appid":"wx8888888888888888","sub_mchid":"1900000109","sub_appid":"wx9999999999999999","openid":"oUpF8uMuAJOM2pxb1Q",` +
			`"sub_openid":"oUpF8uMuAJOM2pxb2W","plan_id":"101164396123311331","user_id":"20200330tony","period_start_date":"2020-03-19",` +
			`"trade_scene":"EDUCATION_PERIOD"}`,
		Answer: `{"presign_token":"0044de6c799739c2e8534b"}`,
		Want:   &edupapay.Presign{PresignToken: "0044de6c799739c2e8534b"},
	},
	"presign, direct": {
		Call:    answers(S.PresignContract)(directPresign()),
		Request: "POST /v3/edu-papay/contracts/presign",
		Route:   "POST /v3/edu-papay/contracts/presign",
		Body: `{"appid":"wx8888888888888888","openid":"oUpF8uMuAJOM2pxb1Q","plan_id":"101164396123311331","user_id":"20200330tony",` +
			`"period_start_date":"2020-03-19","trade_scene":"EDUCATION_PERIOD"}`,
		Answer: `{"presign_token":"0044de6c799739c2e8534b"}`,
		Want:   &edupapay.Presign{PresignToken: "0044de6c799739c2e8534b"},
	},
	"contract": {
		Call:    callGet,
		Request: "GET /v3/edu-papay/contracts/id/wx998877665544wx",
		Route:   "GET /v3/edu-papay/contracts/id/{contract_id}",
		Query:   "appid=wx8888888888888888&sub_appid=wx9999999999999999&sub_mchid=1900000109",
		Repeats: true,
		Answer:  contractJSON,
		Want:    contract(),
	},
	"contract, direct, escaped": {
		Call:    answers(S.GetContract)(edupapay.GetContractParams{ContractID: "a?b%c#", AppID: "wx8888888888888888"}),
		Request: "GET /v3/edu-papay/contracts/id/a%3Fb%25c%23",
		Route:   "GET /v3/edu-papay/contracts/id/{contract_id}",
		Query:   "appid=wx8888888888888888",
		Repeats: true,
		Answer:  `{"appid":"wx8888888888888888"}`,
		Want:    &edupapay.Contract{AppID: "wx8888888888888888"},
	},
	"contract in a state of tomorrow": {
		Call:    callGet,
		Request: "GET /v3/edu-papay/contracts/id/wx998877665544wx",
		Route:   "GET /v3/edu-papay/contracts/id/{contract_id}",
		Query:   "appid=wx8888888888888888&sub_appid=wx9999999999999999&sub_mchid=1900000109",
		Repeats: true,
		Answer:  `{"appid":"wx8888888888888888","contract_information":{"contract_status":"PAUSED","paused_by":{"who":1}},"new":[1]}`,
		Want:    &edupapay.Contract{AppID: "wx8888888888888888", ContractInformation: edupapay.ContractInformation{ContractStatus: "PAUSED"}},
	},
	"terminate": {
		Call:    callTerminate,
		Request: "DELETE /v3/edu-papay/contracts/wx998877665544wx",
		Route:   "DELETE /v3/edu-papay/contracts/{contract_id}",
	},
	"terminate answered with 200": {
		Call:    callTerminate,
		Request: "DELETE /v3/edu-papay/contracts/wx998877665544wx",
		Route:   "DELETE /v3/edu-papay/contracts/{contract_id}",
		Answer:  `{}`,
	},
	"list": {
		Call:    callList,
		Request: "GET /v3/edu-papay/user/oUpF8uMuAJOM2pxb1Q/contracts",
		Route:   "GET /v3/edu-papay/user/{openid}/contracts",
		Query:   "appid=wx8888888888888888&contract_status=DELETE&limit=10&offset=40&plan_id=101164396123311331&sub_appid=wx9999999999999999&sub_mchid=1900000109&sub_openid=oUpF8uMuAJOM2pxb2W",
		Repeats: true,
		Answer:  `{"data":[` + contractJSON + `],"total_count":47,"offset":40,"limit":20}`,
		Want:    &wxpay.Page[edupapay.Contract]{Items: []edupapay.Contract{*contract()}, Total: 47, Next: &wxpay.Cursor{Offset: 41}},
	},
	"list, direct, defaults": {
		Call:    answers(S.ListUserContracts)(edupapay.ListUserContractsParams{OpenID: "o", AppID: "wx", PlanID: "1"}),
		Request: "GET /v3/edu-papay/user/o/contracts",
		Route:   "GET /v3/edu-papay/user/{openid}/contracts",
		Query:   "appid=wx&limit=20&offset=0&plan_id=1",
		Repeats: true,
		Answer:  `{"data":[],"total_count":0,"offset":0,"limit":20}`,
		Want:    &wxpay.Page[edupapay.Contract]{Items: []edupapay.Contract{}},
	},
	"notice": {
		Call:    callNotice,
		Request: "POST /v3/edu-papay/user-notifications/wx998877665544wx/send",
		Route:   "POST /v3/edu-papay/user-notifications/{contract_id}/send",
		Body:    `{"appid":"wx8888888888888888","sub_mchid":"1900000109","sub_appid":"wx9999999999999999"}`,
	},
	"notice, direct": {
		Call:    succeeds(S.SendDebitNotice)(edupapay.SendDebitNoticeParams{ContractID: "wx998877665544wx", AppID: "wx8888888888888888"}),
		Request: "POST /v3/edu-papay/user-notifications/wx998877665544wx/send",
		Route:   "POST /v3/edu-papay/user-notifications/{contract_id}/send",
		Body:    `{"appid":"wx8888888888888888"}`,
	},
	"debit": {
		Call:    callDebit,
		Request: "POST /v3/edu-papay/transactions",
		Route:   "POST /v3/edu-papay/transactions",
		Repeats: true,
		Body: `{"appid":"wx8888888888888888","sub_mchid":"1900000109","sub_appid":"wx9999999999999999","body":"新东方-语文课程",` +
			`"attach":"自定义数据","out_trade_no":"121775250124070332","goods_tag":"test","notify_url":"https://www.weixin.qq.com/wxpay/pay",` +
			`"contract_id":"wx998877665544wx","trade_scene":"EDUCATION_PERIOD","amount":{"total":888,"currency":"CNY"},` +
			`"device_information":{"device_id":"12343232","device_ip":"123.12.12.123"}}`,
	},
	"debit, least": {
		Call: succeeds(S.CreateTransaction)(edupapay.CreateTransactionParams{
			AppID: "wx8888888888888888", Body: "a<b>&c", OutTradeNo: "A_z-9", NotifyURL: "https://shop.example:8443/pay", ContractID: "wx998877665544wx",
			Amount: edupapay.DebitAmount{Total: 1}, DeviceInformation: edupapay.DeviceInformation{DeviceIP: "::1"},
		}),
		Request: "POST /v3/edu-papay/transactions",
		Route:   "POST /v3/edu-papay/transactions",
		Repeats: true,
		Body: `{"appid":"wx8888888888888888","body":"a\u003cb\u003e\u0026c","out_trade_no":"A_z-9","notify_url":"https://shop.example:8443/pay",` +
			`"contract_id":"wx998877665544wx","trade_scene":"EDUCATION_PERIOD","amount":{"total":1},"device_information":{"device_ip":"::1"}}`,
	},
	"debit by its number at WeChat Pay": {
		Call:    callGetByID,
		Request: "GET /v3/edu-papay/transactions/id/25012014070332333018",
		Route:   "GET /v3/edu-papay/transactions/id/{transaction_id}",
		Query:   "sub_mchid=1900000109",
		Repeats: true,
		Answer:  transactionJSON,
		Want:    transaction(),
	},
	"debit by its number at the merchant": {
		Call:    callGetByNo,
		Request: "GET /v3/edu-papay/transactions/out-trade-no/201407033233368018",
		Route:   "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}",
		Query:   "sub_mchid=1900000109",
		Repeats: true,
		Answer:  transactionJSON,
		Want:    transaction(),
	},
	"debit in a state of tomorrow": {
		Call:    answers(S.GetTransactionByOutTradeNo)(edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: "201407033233368018"}),
		Request: "GET /v3/edu-papay/transactions/out-trade-no/201407033233368018",
		Route:   "GET /v3/edu-papay/transactions/out-trade-no/{out_trade_no}",
		Repeats: true,
		Answer:  `{"appid":"wx","out_trade_no":"201407033233368018","trade_state":"FROZEN","promotion_detail":[{"scope":"HALF","type":"GIFT","currency":"CNY"}]}`,
		Want:    &edupapay.Transaction{AppID: "wx", OutTradeNo: "201407033233368018", TradeState: "FROZEN", PromotionDetail: []edupapay.Promotion{{Scope: "HALF", Type: "GIFT"}}},
	},
}

func TestWire(t *testing.T) {
	t.Parallel()
	for name, wire := range wire {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire.Run(t)
		})
	}
}

// No member that the documents name gets lost in a struct, in either direction.
func TestEveryMember(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		into any
	}{
		{contractJSON, new(edupapay.Contract)},
		{contractJSON, new(edupapay.ContractEvent)},
		{transactionJSON, new(edupapay.Transaction)},
		{transactionJSON, new(edupapay.TransactionEvent)},
	} {
		require.NoError(t, json.Unmarshal([]byte(test.text), test.into))
		back, err := json.Marshal(test.into)
		require.NoError(t, err)
		assert.JSONEq(t, test.text, string(back), "%T", test.into)
	}
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, "ENTRUST.SIGNING", edupapay.EventContractSigned)
	assert.EqualValues(t, "ENTRUST.RELEASE", edupapay.EventContractReleased)
	assert.EqualValues(t, "TRANSACTION.SUCCESS", edupapay.EventTransactionSucceeded)
	assert.EqualValues(t, "TRANSACTION.FAIL", edupapay.EventTransactionFailed)
}

// refusals are the errors that the pages list for every call of the product (EP-11).
var refusals = []struct {
	code   wxpay.Code
	status int
}{
	{wxpay.CodeParamError, 400}, {wxpay.CodeInvalidRequest, 400}, {wxpay.CodeSignError, 401}, {wxpay.CodeSystemError, 500},
	{wxpay.CodeNoAuth, 403}, {wxpay.CodeNotEnough, 403}, {wxpay.CodeRateLimitExceeded, 429}, {wxpay.CodeAlreadyExists, 400},
	{wxpay.CodeNotFound, 404}, {"CODE_OF_TOMORROW", 400},
}

var calls = map[string]platformtest.Call{
	"PresignContract": callPresign, "GetContract": callGet, "TerminateContract": callTerminate, "ListUserContracts": callList,
	"SendDebitNotice": callNotice, "CreateTransaction": callDebit, "GetTransactionByID": callGetByID, "GetTransactionByOutTradeNo": callGetByNo,
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for _, test := range refusals {
			t.Run(name+" "+string(test.code), func(t *testing.T) {
				t.Parallel()
				body := `{"code":"` + string(test.code) + `","message":"参数错误","detail":{"field":"/appid","value":"wx8","issue":"unknown","location":"body"}}`
				mock := all(signed(test.status, body))
				result, err := call(t.Context(), newClient(mock))
				assert.Empty(t, result)
				require.ErrorIs(t, err, test.code)
				refused, ok := errors.AsType[*wxpay.Error](err)
				require.True(t, ok)
				assert.Equal(t, test.status, refused.StatusCode)
				assert.Equal(t, wxpay.Detail{Field: "/appid", Issue: "unknown", Location: "body"}, refused.Detail)
				assert.True(t, refused.Verified)
				assert.NotContains(t, err.Error(), "\n")
				assert.Equal(t, 1, mock.GetTotalCallCount())
			})
		}
	}
}

func TestForgedAnswer(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := call(t.Context(), newClient(all(func(req *http.Request) (*http.Response, error) {
				resp, err := signed(200, `{"trade_state":"SUCCESS"}`)(req)
				resp.Body = io.NopCloser(strings.NewReader(`{"trade_state":"REFUND "}`))
				return resp, err
			})))
			assert.Empty(t, result)
			require.ErrorIs(t, err, wxpay.ErrUnverified)
			assert.True(t, wxpay.OutcomeUnknown(err))
		})
	}
}

// After a lost answer reads and the debit, whose order number makes it safe, are sent again with the
// same content; the other writes are not.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				mock := all(func(req *http.Request) (*http.Response, error) {
					if req.Body != nil {
						b, err := io.ReadAll(req.Body)
						assert.NoError(t, err)
						bodies = append(bodies, string(b))
					}
					return nil, io.ErrUnexpectedEOF
				})
				_, err := call(t.Context(), newClientOf(mock, 3))
				assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
				times := 3
				if name == "PresignContract" || name == "TerminateContract" || name == "SendDebitNotice" {
					times = 1
				}
				assert.Equal(t, times, mock.GetTotalCallCount())
				assert.LessOrEqual(t, len(slices.Compact(bodies)), 1)
			})
		})
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	over32, over127, over128 := strings.Repeat("教", 33), strings.Repeat("教", 128), strings.Repeat("教", 129) // one too many
	presigns := func(change func(*edupapay.PresignContractParams)) platformtest.Call {
		p := presign()
		change(&p)
		return answers(S.PresignContract)(p)
	}
	debits := func(change func(*edupapay.CreateTransactionParams)) platformtest.Call {
		p := debit()
		change(&p)
		return succeeds(S.CreateTransaction)(p)
	}
	lists := func(change func(*edupapay.ListUserContractsParams)) platformtest.Call {
		p := userContracts()
		change(&p)
		return answers(S.ListUserContracts)(p)
	}
	gets, notices := answers(S.GetContract), succeeds(S.SendDebitNotice)
	terminates := func(id string) platformtest.Call {
		return succeeds(S.TerminateContract)(edupapay.TerminateContractParams{ContractID: id})
	}
	byID := func(id, sub string) platformtest.Call {
		return answers(S.GetTransactionByID)(edupapay.GetTransactionByIDParams{TransactionID: id, SubMchID: sub})
	}
	byNo := func(no, sub string) platformtest.Call {
		return answers(S.GetTransactionByOutTradeNo)(edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: no, SubMchID: sub})
	}
	type P = edupapay.PresignContractParams
	type D = edupapay.CreateTransactionParams
	type L = edupapay.ListUserContractsParams
	for _, test := range []struct {
		param string
		call  platformtest.Call
	}{
		{"appid", presigns(func(p *P) { p.AppID = "" })},
		{"appid", presigns(func(p *P) { p.AppID = over32 })},
		{"sub_mchid", presigns(func(p *P) { p.SubMchID = over32 })},
		{"sub_appid", presigns(func(p *P) { p.SubAppID = over32 })},
		{"openid", presigns(func(p *P) { p.OpenID = "" })},
		{"openid", presigns(func(p *P) { p.OpenID = over128 })},
		{"sub_openid", presigns(func(p *P) { p.SubOpenID = over128 })},
		{"plan_id", presigns(func(p *P) { p.PlanID = "" })},
		{"plan_id", presigns(func(p *P) { p.PlanID = over32 })},
		{"user_id", presigns(func(p *P) { p.UserID = "" })},
		{"user_id", presigns(func(p *P) { p.UserID = over32 })},
		{"period_start_date", presigns(func(p *P) { p.PeriodStartDate = wxpay.Date{} })},
		{"period_start_date", presigns(func(p *P) { p.PeriodStartDate.Day = 29 })},
		{"period_start_date", presigns(func(p *P) { p.PeriodStartDate.Day = 0 })},
		{"trade_scene", presigns(func(p *P) { p.TradeScene = "SCHOOL" })},

		{"contract_id", gets(edupapay.GetContractParams{AppID: "wx"})},
		{"contract_id", gets(edupapay.GetContractParams{ContractID: over32, AppID: "wx"})},
		{"contract_id", gets(edupapay.GetContractParams{ContractID: "..", AppID: "wx"})},
		{"appid", gets(edupapay.GetContractParams{ContractID: "c"})},
		{"appid", gets(edupapay.GetContractParams{ContractID: "c", AppID: over32})},
		{"sub_mchid", gets(edupapay.GetContractParams{ContractID: "c", AppID: "wx", SubMchID: over32})},
		{"sub_appid", gets(edupapay.GetContractParams{ContractID: "c", AppID: "wx", SubAppID: over32})},

		{"contract_id", terminates("")},
		{"contract_id", terminates(over32)},
		{"contract_id", terminates(".")},
		{"contract_id", terminates("a\nb")},

		{"openid", lists(func(p *L) { p.OpenID = "" })},
		{"openid", lists(func(p *L) { p.OpenID = over128 })},
		{"openid", lists(func(p *L) { p.OpenID = ".." })},
		{"appid", lists(func(p *L) { p.AppID = "" })},
		{"appid", lists(func(p *L) { p.AppID = over32 })},
		{"sub_mchid", lists(func(p *L) { p.SubMchID = over32 })},
		{"sub_appid", lists(func(p *L) { p.SubAppID = over32 })},
		{"sub_openid", lists(func(p *L) { p.SubOpenID = over128 })},
		{"plan_id", lists(func(p *L) { p.PlanID = "" })},
		{"plan_id", lists(func(p *L) { p.PlanID = over32 })},
		{"offset", lists(func(p *L) { p.Offset = -1 })},
		{"limit", lists(func(p *L) { p.Limit = -1 })},

		{"contract_id", notices(edupapay.SendDebitNoticeParams{AppID: "wx"})},
		{"contract_id", notices(edupapay.SendDebitNoticeParams{ContractID: over32, AppID: "wx"})},
		{"appid", notices(edupapay.SendDebitNoticeParams{ContractID: "c"})},
		{"appid", notices(edupapay.SendDebitNoticeParams{ContractID: "c", AppID: over32})},
		{"sub_mchid", notices(edupapay.SendDebitNoticeParams{ContractID: "c", AppID: "wx", SubMchID: over32})},
		{"sub_appid", notices(edupapay.SendDebitNoticeParams{ContractID: "c", AppID: "wx", SubAppID: over32})},

		{"appid", debits(func(p *D) { p.AppID = "" })},
		{"appid", debits(func(p *D) { p.AppID = over32 })},
		{"sub_mchid", debits(func(p *D) { p.SubMchID = over32 })},
		{"sub_appid", debits(func(p *D) { p.SubAppID = over32 })},
		{"body", debits(func(p *D) { p.Body = "" })},
		{"body", debits(func(p *D) { p.Body = over128 })},
		{"body", debits(func(p *D) { p.Body = "emoji \U0001F600" })},
		{"attach", debits(func(p *D) { p.Attach = over127 })},
		{"goods_tag", debits(func(p *D) { p.GoodsTag = over32 })},
		{"contract_id", debits(func(p *D) { p.ContractID = "" })},
		{"contract_id", debits(func(p *D) { p.ContractID = over32 })},
		{"out_trade_no", debits(func(p *D) { p.OutTradeNo = "" })},
		{"out_trade_no", debits(func(p *D) { p.OutTradeNo = strings.Repeat("1", 33) })},
		{"out_trade_no", debits(func(p *D) { p.OutTradeNo = "a b" })},
		{"out_trade_no", debits(func(p *D) { p.OutTradeNo = "a*b" })},
		{"out_trade_no", debits(func(p *D) { p.OutTradeNo = "单号" })},
		{"trade_scene", debits(func(p *D) { p.TradeScene = "SCHOOL" })},
		{"amount.total", debits(func(p *D) { p.Amount.Total = 0 })},
		{"amount.total", debits(func(p *D) { p.Amount.Total = -1 })},
		{"device_information.device_ip", debits(func(p *D) { p.DeviceInformation.DeviceIP = "" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://shop.example/" + strings.Repeat("p", 236) })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "http://shop.example/pay" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://shop.example/pay?a=1" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://shop.example/pay?" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://shop.example/pay#x" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://u:p@shop.example/pay" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "/pay" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "shop.example/pay" })},
		{"notify_url", debits(func(p *D) { p.NotifyURL = "https://shop.example/%zz" })},

		{"transaction_id", byID("", "")},
		{"transaction_id", byID(over32, "")},
		{"sub_mchid", byID("1", over32)},
		{"out_trade_no", byNo("", "")},
		{"out_trade_no", byNo("../transactions", "")},
		{"sub_mchid", byNo("1", over32)},
	} {
		mock := all(signed(200, "{}"))
		result, err := test.call(t.Context(), newClient(mock))
		assert.Empty(t, result)
		refused, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, "%s: %v", test.param, err) {
			assert.Equal(t, test.param, refused.Param)
			assert.Contains(t, refused.Route, " /v3/edu-papay/")
			assert.NotContains(t, refused.Reason, "教")
		}
		assert.Zero(t, mock.GetTotalCallCount())
	}
}

// Values as long as they may be go through.
func TestLongest(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("教", n) }
	day := wxpay.Date{Year: 2027, Month: time.February, Day: 28}
	s := newService(all(signed(200, `{}`)))
	_, err := s.PresignContract(t.Context(), edupapay.PresignContractParams{AppID: x(32), SubMchID: x(32), SubAppID: x(32), OpenID: x(128),
		SubOpenID: x(128), PlanID: x(32), UserID: x(32), PeriodStartDate: day})
	require.NoError(t, err)
	_, err = s.GetContract(t.Context(), edupapay.GetContractParams{ContractID: x(32), AppID: x(32), SubMchID: x(32), SubAppID: x(32)})
	require.NoError(t, err)
	require.NoError(t, s.TerminateContract(t.Context(), edupapay.TerminateContractParams{ContractID: x(32)}))
	_, err = s.ListUserContracts(t.Context(), edupapay.ListUserContractsParams{OpenID: x(128), AppID: x(32), SubMchID: x(32), SubAppID: x(32),
		SubOpenID: x(128), PlanID: x(32), ContractStatus: "OF_TOMORROW", Limit: 1000})
	require.NoError(t, err)
	require.NoError(t, s.SendDebitNotice(t.Context(), edupapay.SendDebitNoticeParams{ContractID: x(32), AppID: x(32), SubMchID: x(32), SubAppID: x(32)}))
	require.NoError(t, s.CreateTransaction(t.Context(), edupapay.CreateTransactionParams{AppID: x(32), SubMchID: x(32), SubAppID: x(32), Body: x(128),
		Attach: x(127), OutTradeNo: strings.Repeat("9", 32), GoodsTag: x(32), NotifyURL: "https://shop.example/" + strings.Repeat("p", 235),
		ContractID: x(32), Amount: edupapay.DebitAmount{Total: 1}, DeviceInformation: edupapay.DeviceInformation{DeviceIP: "::1"}}))
	_, err = s.GetTransactionByID(t.Context(), edupapay.GetTransactionByIDParams{TransactionID: x(32), SubMchID: x(32)})
	require.NoError(t, err)
	s = newService(all(signed(200, `{"out_trade_no":"`+strings.Repeat("z", 32)+`"}`)))
	_, err = s.GetTransactionByOutTradeNo(t.Context(), edupapay.GetTransactionByOutTradeNoParams{OutTradeNo: strings.Repeat("z", 32), SubMchID: x(32)})
	require.NoError(t, err)
}

// A fake platform on this machine may be told an address on this machine.
func TestNotifyURLOfLoopback(t *testing.T) {
	t.Parallel()
	p := debit()
	p.NotifyURL = "http://127.0.0.1:8080/wxpay/notify"
	require.NoError(t, newService(all(signed(204, ""))).CreateTransaction(t.Context(), p))
}

// The caller's params stay as they were.
func TestParamsUnchanged(t *testing.T) {
	t.Parallel()
	s := newService(all(signed(200, `{}`)))
	p, d := presign(), debit()
	_, err := s.PresignContract(t.Context(), p)
	require.NoError(t, err)
	require.NoError(t, s.CreateTransaction(t.Context(), d))
	assert.Equal(t, presign(), p)
	assert.Equal(t, debit(), d)
}
