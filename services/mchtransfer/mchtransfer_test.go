package mchtransfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
)

// Bodies as the documents print them; names are plain text.
const (
	infosJSON = `[{"info_type":"活动名称","info_content":"新会员有礼"},{"info_type":"奖励说明","info_content":"注册会员抽奖一等奖"}]`

	createJSON = `{"appid":"wxf636efh567hg4356","out_bill_no":"plfk2020042013","transfer_scene_id":"1000","openid":"o-MYE42l80oelYMDE34nYD456Xoy",` +
		`"user_name":"张三","transfer_amount":400000,"transfer_remark":"2020年4月报销","notify_url":"https://www.weixin.qq.com/wxpay/pay.php",` +
		`"user_recv_perception":"现金奖励","transfer_scene_report_infos":` + infosJSON + `,"user_recv_style":{"type":"CONFIRM_PAGE"}}`

	createdJSON = `{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001",` +
		`"create_time":"2015-05-20T13:29:35.120+08:00","state":"ACCEPTED","fail_reason":"PAYEE_ACCOUNT_ABNORMAL","package_info":"affffddafdfafddffda=="}`

	billJSON = `{"mch_id":"1900000100","out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001",` +
		`"appid":"wxf636efh567hg4356","state":"SUCCESS","transfer_amount":400000,"transfer_remark":"2020年4月报销","fail_reason":"PAYEE_ACCOUNT_ABNORMAL",` +
		`"openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_name":"o9b2ghIJ7LYTXYiF4m5NVGaBu+4jkHTbPVFt/varNuzTfsYTbUK8guOX5wEMHg==",` +
		`"create_time":"2015-05-20T13:29:35.120+08:00","update_time":"2015-05-20T13:31:02.480+08:00","package_info":"affffddafdfafddffda=="}`

	receiptJSON = `{"state":"FINISHED","create_time":"2015-05-20T13:29:35.120+08:00","update_time":"2015-05-20T13:31:02.480+08:00","hash_type":"SHA256",` +
		`"hash_value":"DE731F35146A0BEFADE5DB9D1E468D96C01CA8898119C674FEE9F11F4DBE5529",` +
		`"download_url":"https://api.mch.weixin.qq.com/v3/transferbilldownload/elecvoucherfile?source=elecsign&token=xxx","fail_reason":"转账单据不存在"}`

	authorizationJSON = `{"out_authorization_no":"auth2020042014","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy",` +
		`"user_display_name":"wx_123456","authorization_id":"201202504101000123456789012","state":"CLOSED","authorize_time":"2015-05-20T13:31:02.480+08:00",` +
		`"close_info":{"close_time":"2016-05-20T13:29:35.120+08:00","close_reason":"USER_CLOSE"},"transfer_scene_id":"1000","user_recv_perception":"现金奖励",` +
		`"create_time":"2015-05-20T13:29:35.120+08:00","package_info":"0002-affffddafdfafddffda=="}`
)

// The times in them.
var (
	made      = wxpay.TimeOf(time.Date(2015, 5, 20, 5, 29, 35, 120e6, time.UTC))
	updated   = wxpay.TimeOf(time.Date(2015, 5, 20, 5, 31, 2, 480e6, time.UTC))
	closed    = wxpay.TimeOf(time.Date(2016, 5, 20, 5, 29, 35, 120e6, time.UTC))
	billNo    = "1330000071100999991182020050700019480001"
	sceneInfo = []mchtransfer.SceneReportInfo{{InfoType: "活动名称", InfoContent: "新会员有礼"}, {InfoType: "奖励说明", InfoContent: "注册会员抽奖一等奖"}}
)

func transfer() mchtransfer.CreateTransferBillParams {
	return mchtransfer.CreateTransferBillParams{
		AppID: "wxf636efh567hg4356", OutBillNo: "plfk2020042013", TransferSceneID: mchtransfer.Scene1000, OpenID: "o-MYE42l80oelYMDE34nYD456Xoy",
		UserName: "张三", TransferAmount: 400000, TransferRemark: "2020年4月报销", NotifyURL: "https://www.weixin.qq.com/wxpay/pay.php",
		UserRecvPerception: "现金奖励", TransferSceneReportInfos: sceneInfo, UserRecvStyle: mchtransfer.UserRecvStyle{Type: mchtransfer.UserRecvStyleConfirmPage},
	}
}

func created() *mchtransfer.CreatedTransferBill {
	return &mchtransfer.CreatedTransferBill{
		OutBillNo: "plfk2020042013", TransferBillNo: billNo, CreateTime: made, State: mchtransfer.TransferAccepted,
		FailReason: mchtransfer.FailReasonPayeeAccountAbnormal, PackageInfo: "affffddafdfafddffda==",
	}
}

func bill() *mchtransfer.TransferBill {
	return &mchtransfer.TransferBill{
		MchID: "1900000100", OutBillNo: "plfk2020042013", TransferBillNo: billNo, AppID: "wxf636efh567hg4356", State: mchtransfer.TransferSuccess,
		TransferAmount: 400000, TransferRemark: "2020年4月报销", FailReason: mchtransfer.FailReasonPayeeAccountAbnormal, OpenID: "o-MYE42l80oelYMDE34nYD456Xoy",
		UserName: "o9b2ghIJ7LYTXYiF4m5NVGaBu+4jkHTbPVFt/varNuzTfsYTbUK8guOX5wEMHg==", CreateTime: made, UpdateTime: updated, PackageInfo: "affffddafdfafddffda==",
	}
}

func receipt() *mchtransfer.Receipt {
	return &mchtransfer.Receipt{
		State: mchtransfer.ReceiptFinished, CreateTime: made, UpdateTime: updated, HashType: mchtransfer.ReceiptHashSHA256,
		HashValue:   "DE731F35146A0BEFADE5DB9D1E468D96C01CA8898119C674FEE9F11F4DBE5529",
		DownloadURL: "https://api.mch.weixin.qq.com/v3/transferbilldownload/elecvoucherfile?source=elecsign&token=xxx", FailReason: "转账单据不存在",
	}
}

func authorization() *mchtransfer.Authorization {
	return &mchtransfer.Authorization{
		OutAuthorizationNo: "auth2020042014", AppID: "wxf636efh567hg4356", OpenID: "o-MYE42l80oelYMDE34nYD456Xoy", UserDisplayName: "wx_123456",
		AuthorizationID: "201202504101000123456789012", State: mchtransfer.AuthorizationClosed, AuthorizeTime: updated,
		CloseInfo: mchtransfer.CloseInfo{CloseTime: closed, CloseReason: mchtransfer.CloseReasonUserClose}, TransferSceneID: mchtransfer.Scene1000,
		UserRecvPerception: "现金奖励", CreateTime: made, PackageInfo: "0002-affffddafdfafddffda==",
	}
}

func withAuthorization() mchtransfer.CreateTransferBillWithAuthorizationParams {
	p := transfer()
	return mchtransfer.CreateTransferBillWithAuthorizationParams{
		AppID: p.AppID, OutBillNo: p.OutBillNo, TransferSceneID: p.TransferSceneID, OpenID: p.OpenID, UserName: p.UserName, TransferAmount: p.TransferAmount,
		TransferRemark: p.TransferRemark, NotifyURL: p.NotifyURL, UserRecvPerception: p.UserRecvPerception, TransferSceneReportInfos: sceneInfo,
		AuthorizationInfo: mchtransfer.AuthorizationInfo{
			UserDisplayName: "wx_123456", OutAuthorizationNo: "auth2020042014", AuthorizationNotifyURL: "https://www.weixin.qq.com/wxpay/authorize.php",
		},
		SponsorMchID: "1900001110",
	}
}

func authorized() mchtransfer.CreateAuthorizedTransferBillParams {
	p := transfer()
	return mchtransfer.CreateAuthorizedTransferBillParams{
		AppID: p.AppID, OutBillNo: p.OutBillNo, TransferSceneID: p.TransferSceneID, UserName: p.UserName, TransferAmount: p.TransferAmount,
		TransferRemark: p.TransferRemark, NotifyURL: p.NotifyURL, UserRecvPerception: p.UserRecvPerception, TransferSceneReportInfos: sceneInfo,
		AuthorizationID: "201202504101000123456789012", SponsorMchID: "1900001110",
	}
}

func authorize() mchtransfer.CreateAuthorizationParams {
	return mchtransfer.CreateAuthorizationParams{
		OutAuthorizationNo: "auth2020042014", AppID: "wxf636efh567hg4356", OpenID: "o-MYE42l80oelYMDE34nYD456Xoy", TransferSceneID: mchtransfer.Scene1000,
		UserDisplayName: "wx_123456", UserRecvPerception: "现金奖励", AuthorizationNotifyURL: "https://www.weixin.qq.com/wxpay/authorize.php",
		SceneInfo: mchtransfer.SceneInfo{ClientIP: "113.84.136.9", DeviceID: "8d67f169fe104008cd20b72573a0c8c9", DeviceType: mchtransfer.DeviceIOS},
	}
}

// minimal is a bill with what it needs.
func minimal() mchtransfer.CreateTransferBillParams {
	return mchtransfer.CreateTransferBillParams{
		AppID: "wxf636efh567hg4356", OutBillNo: "A9z", TransferSceneID: "1099", OpenID: "o1", TransferAmount: 10, TransferRemark: "a<b>&c",
		TransferSceneReportInfos: sceneInfo[:1],
	}
}

const (
	transferBills = "/v3/fund-app/mch-transfer/transfer-bills"
	byOutBillNo   = transferBills + "/out-bill-no/plfk2020042013"
	elecsign      = "/v3/fund-app/mch-transfer/elecsign"
	confirmation  = "/v3/fund-app/mch-transfer/user-confirm-authorization"
)

var wire = map[string]platformtest.Wire{
	"create": {
		Call:    answers(S.CreateTransferBill)(transfer()),
		Request: "POST " + transferBills, Route: "POST " + transferBills,
		Body: createJSON, Answer: createdJSON, Want: created(), Enums: []string{"ACCEPTED", "PAYEE_ACCOUNT_ABNORMAL"}, Repeats: true,
	},
	"create, least": {
		Call:    answers(S.CreateTransferBill)(minimal()),
		Request: "POST " + transferBills, Route: "POST " + transferBills, Repeats: true,
		Body: `{"appid":"wxf636efh567hg4356","out_bill_no":"A9z","transfer_scene_id":"1099","openid":"o1","transfer_amount":10,"transfer_remark":"a\u003cb\u003e\u0026c",` +
			`"transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}]}`,
		Answer: `{"out_bill_no":"A9z","transfer_bill_no":"1","create_time":"2015-05-20T13:29:35.120+08:00","state":"WAIT_USER_CONFIRM"}`,
		Want:   &mchtransfer.CreatedTransferBill{OutBillNo: "A9z", TransferBillNo: "1", CreateTime: made, State: mchtransfer.TransferWaitUserConfirm},
	},
	"bill": {
		Call:    answers(S.GetTransferBillByOutBillNo)(mchtransfer.GetTransferBillByOutBillNoParams{OutBillNo: "plfk2020042013"}),
		Request: "GET " + byOutBillNo, Route: "GET " + transferBills + "/out-bill-no/{out_bill_no}",
		Answer: billJSON, Want: bill(), Enums: []string{"SUCCESS", "PAYEE_ACCOUNT_ABNORMAL"}, Repeats: true,
	},
	"bill, by the number of WeChat Pay": {
		Call:    answers(S.GetTransferBillByTransferBillNo)(mchtransfer.GetTransferBillByTransferBillNoParams{TransferBillNo: billNo}),
		Request: "GET " + transferBills + "/transfer-bill-no/" + billNo, Route: "GET " + transferBills + "/transfer-bill-no/{transfer_bill_no}",
		Answer: billJSON, Want: bill(), Repeats: true,
	},
	"cancel": {
		Call:    answers(S.CancelTransferBill)(mchtransfer.CancelTransferBillParams{OutBillNo: "plfk2020042013"}),
		Request: "POST " + byOutBillNo + "/cancel", Route: "POST " + transferBills + "/out-bill-no/{out_bill_no}/cancel",
		Answer: `{"out_bill_no":"plfk2020042013","transfer_bill_no":"` + billNo + `","state":"CANCELING","update_time":"2015-05-20T13:31:02.480+08:00"}`,
		Want:   &mchtransfer.CancelledTransferBill{OutBillNo: "plfk2020042013", TransferBillNo: billNo, State: mchtransfer.TransferCanceling, UpdateTime: updated},
		Enums:  []string{"CANCELING"},
	},
	"apply": {
		Call:    answers(S.ApplyReceiptByOutBillNo)(mchtransfer.ApplyReceiptByOutBillNoParams{OutBillNo: "plfk2020042013"}),
		Request: "POST " + elecsign + "/out-bill-no", Route: "POST " + elecsign + "/out-bill-no",
		Body: `{"out_bill_no":"plfk2020042013"}`, Answer: `{"state":"GENERATING","create_time":"2015-05-20T13:29:35.120+08:00"}`,
		Want: &mchtransfer.ReceiptApplied{State: mchtransfer.ReceiptGenerating, CreateTime: made}, Enums: []string{"GENERATING"}, Repeats: true,
	},
	"apply, by the number of WeChat Pay": {
		Call:    answers(S.ApplyReceiptByTransferBillNo)(mchtransfer.ApplyReceiptByTransferBillNoParams{TransferBillNo: billNo}),
		Request: "POST " + elecsign + "/transfer-bill-no", Route: "POST " + elecsign + "/transfer-bill-no",
		Body: `{"transfer_bill_no":"` + billNo + `"}`, Answer: `{"state":"GENERATING","create_time":"2015-05-20T13:29:35.120+08:00"}`,
		Want: &mchtransfer.ReceiptApplied{State: mchtransfer.ReceiptGenerating, CreateTime: made}, Repeats: true,
	},
	"receipt": {
		Call:    answers(S.GetReceiptByOutBillNo)(mchtransfer.GetReceiptByOutBillNoParams{OutBillNo: "plfk2020042013"}),
		Request: "GET " + elecsign + "/out-bill-no/plfk2020042013", Route: "GET " + elecsign + "/out-bill-no/{out_bill_no}",
		Answer: receiptJSON, Want: receipt(), Enums: []string{"FINISHED", "SHA256"}, Repeats: true,
	},
	"receipt, by the number of WeChat Pay": {
		Call:    answers(S.GetReceiptByTransferBillNo)(mchtransfer.GetReceiptByTransferBillNoParams{TransferBillNo: billNo}),
		Request: "GET " + elecsign + "/transfer-bill-no/" + billNo, Route: "GET " + elecsign + "/transfer-bill-no/{transfer_bill_no}",
		Answer: receiptJSON, Want: receipt(), Repeats: true,
	},
	"create with authorization": {
		Call:    answers(S.CreateTransferBillWithAuthorization)(withAuthorization()),
		Request: "POST " + transferBills + "/pre-transfer-with-authorization", Route: "POST " + transferBills + "/pre-transfer-with-authorization",
		Body: `{"appid":"wxf636efh567hg4356","out_bill_no":"plfk2020042013","transfer_scene_id":"1000","openid":"o-MYE42l80oelYMDE34nYD456Xoy",` +
			`"user_name":"张三","transfer_amount":400000,"transfer_remark":"2020年4月报销","notify_url":"https://www.weixin.qq.com/wxpay/pay.php",` +
			`"user_recv_perception":"现金奖励","transfer_scene_report_infos":` + infosJSON + `,"authorization_info":{"user_display_name":"wx_123456",` +
			`"out_authorization_no":"auth2020042014","authorization_notify_url":"https://www.weixin.qq.com/wxpay/authorize.php"},"sponsor_mchid":"1900001110"}`,
		Answer: `{"out_bill_no":"plfk2020042013","transfer_bill_no":"` + billNo + `","create_time":"2015-05-20T13:29:35.120+08:00","state":"WAIT_USER_CONFIRM",` +
			`"package_info":"affffddafdfafddffda==","user_display_name":"wx_123456","out_authorization_no":"auth2020042014"}`,
		Want: &mchtransfer.CreatedTransferBillWithAuthorization{
			OutBillNo: "plfk2020042013", TransferBillNo: billNo, CreateTime: made, State: mchtransfer.TransferWaitUserConfirm, PackageInfo: "affffddafdfafddffda==",
			UserDisplayName: "wx_123456", OutAuthorizationNo: "auth2020042014",
		},
		Enums: []string{"WAIT_USER_CONFIRM"}, Repeats: true,
	},
	"authorize": {
		Call:    answers(S.CreateAuthorization)(authorize()),
		Request: "POST " + confirmation, Route: "POST " + confirmation, Repeats: true,
		Body: `{"out_authorization_no":"auth2020042014","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","transfer_scene_id":"1000",` +
			`"user_display_name":"wx_123456","user_recv_perception":"现金奖励","authorization_notify_url":"https://www.weixin.qq.com/wxpay/authorize.php",` +
			`"scene_info":{"client_ip":"113.84.136.9","device_id":"8d67f169fe104008cd20b72573a0c8c9","device_type":"IOS"}}`,
		Answer: `{"out_authorization_no":"auth2020042014","state":"WAIT_USER_CONFIRM","create_time":"2015-05-20T13:29:35.120+08:00","package_info":"0002-affffddafdfafddffda=="}`,
		Want: &mchtransfer.AuthorizationStarted{
			OutAuthorizationNo: "auth2020042014", State: mchtransfer.AuthorizationWaitUserConfirm, CreateTime: made, PackageInfo: "0002-affffddafdfafddffda==",
		},
		Enums: []string{"WAIT_USER_CONFIRM"},
	},
	"authorization": {
		Call:    answers(S.GetAuthorization)(mchtransfer.GetAuthorizationParams{OutAuthorizationNo: "auth2020042014", IsDisplayAuthorization: true}),
		Request: "GET " + confirmation + "/out-authorization-no/auth2020042014", Route: "GET " + confirmation + "/out-authorization-no/{out_authorization_no}",
		Query: "is_display_authorization=true", Answer: authorizationJSON, Want: authorization(), Enums: []string{"CLOSED", "USER_CLOSE"}, Repeats: true,
	},
	"authorization, short": {
		Call:    answers(S.GetAuthorization)(mchtransfer.GetAuthorizationParams{OutAuthorizationNo: "auth2020042014"}),
		Request: "GET " + confirmation + "/out-authorization-no/auth2020042014", Route: "GET " + confirmation + "/out-authorization-no/{out_authorization_no}",
		Answer: authorizationJSON, Want: authorization(), Repeats: true,
	},
	"close": {
		Call:    answers(S.CloseAuthorization)(mchtransfer.CloseAuthorizationParams{OutAuthorizationNo: "auth2020042014"}),
		Request: "POST " + confirmation + "/out-authorization-no/auth2020042014/close",
		Route:   "POST " + confirmation + "/out-authorization-no/{out_authorization_no}/close",
		Answer:  authorizationJSON, Want: authorization(),
	},
	"authorized transfer": {
		Call:    answers(S.CreateAuthorizedTransferBill)(authorized()),
		Request: "POST " + transferBills + "/transfer", Route: "POST " + transferBills + "/transfer", Repeats: true,
		Body: `{"appid":"wxf636efh567hg4356","out_bill_no":"plfk2020042013","transfer_scene_id":"1000","user_name":"张三","transfer_amount":400000,` +
			`"transfer_remark":"2020年4月报销","notify_url":"https://www.weixin.qq.com/wxpay/pay.php","user_recv_perception":"现金奖励",` +
			`"transfer_scene_report_infos":` + infosJSON + `,"authorization_id":"201202504101000123456789012","sponsor_mchid":"1900001110"}`,
		Answer: billJSON, Enums: []string{"SUCCESS", "PAYEE_ACCOUNT_ABNORMAL"},
		Want: &mchtransfer.AuthorizedTransferBill{
			MchID: "1900000100", OutBillNo: "plfk2020042013", TransferBillNo: billNo, AppID: "wxf636efh567hg4356", State: mchtransfer.TransferSuccess,
			TransferAmount: 400000, TransferRemark: "2020年4月报销", FailReason: mchtransfer.FailReasonPayeeAccountAbnormal, OpenID: "o-MYE42l80oelYMDE34nYD456Xoy",
			UserName: "o9b2ghIJ7LYTXYiF4m5NVGaBu+4jkHTbPVFt/varNuzTfsYTbUK8guOX5wEMHg==", CreateTime: made, UpdateTime: updated,
		},
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

// A genuine answer about something else than what was asked leaves the outcome open.
func TestAnswersAboutSomethingElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		call   platformtest.Call
		param  string
		answer string
	}{
		"created":                {wire["create"].Call, "out_bill_no", `{"out_bill_no":"other1","state":"SUCCESS"}`},
		"created, nameless":      {wire["create"].Call, "out_bill_no", `{"state":"SUCCESS"}`},
		"bill":                   {wire["bill"].Call, "out_bill_no", `{"out_bill_no":"other1","state":"SUCCESS"}`},
		"bill of WeChat Pay":     {wire["bill, by the number of WeChat Pay"].Call, "transfer_bill_no", `{"transfer_bill_no":"other1","state":"SUCCESS"}`},
		"cancelled":              {wire["cancel"].Call, "out_bill_no", `{"out_bill_no":"other1","state":"CANCELLED"}`},
		"with authorization":     {wire["create with authorization"].Call, "out_bill_no", `{"out_bill_no":"other1","state":"SUCCESS"}`},
		"of another one":         {wire["create with authorization"].Call, "out_authorization_no", `{"out_bill_no":"plfk2020042013","out_authorization_no":"other1"}`},
		"authorize":              {wire["authorize"].Call, "out_authorization_no", `{"out_authorization_no":"other1","state":"TAKING_EFFECT"}`},
		"authorization":          {wire["authorization"].Call, "out_authorization_no", `{"out_authorization_no":"other1","state":"TAKING_EFFECT"}`},
		"closed":                 {wire["close"].Call, "out_authorization_no", `{"out_authorization_no":"other1","state":"CLOSED"}`},
		"authorized":             {wire["authorized transfer"].Call, "out_bill_no", `{"out_bill_no":"other1","transfer_amount":400000,"state":"SUCCESS"}`},
		"authorized, other user": {wire["authorized transfer"].Call, "appid", `{"out_bill_no":"plfk2020042013","appid":"other1","transfer_amount":400000,"state":"SUCCESS"}`},
		"authorized, more":       {wire["authorized transfer"].Call, "transfer_amount", `{"out_bill_no":"plfk2020042013","transfer_amount":400001,"state":"SUCCESS"}`},
		"authorized, no amount":  {wire["authorized transfer"].Call, "transfer_amount", `{"out_bill_no":"plfk2020042013","state":"SUCCESS"}`},
	} {
		config := platformtest.Config(nil)
		config.MaxAttempts, config.HTTPClient = 1, &http.Client{Transport: platformtest.Trip(signed(200, tt.answer))}
		client, err := wxpay.New(config)
		require.NoError(t, err)
		got, err := tt.call(t.Context(), client)
		unknown, ok := errors.AsType[*wxpay.UnknownError](err)
		if assert.True(t, ok, "%s: %v", name, err) {
			assert.ErrorContains(t, unknown, tt.param, name)
			assert.NotContains(t, unknown.Error(), "other1", name)
		}
		assert.Empty(t, got, name)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	platformtest.Limits(t, "POST "+transferBills, answers(func(s S, ctx context.Context, p mchtransfer.CreateTransferBillParams) (*mchtransfer.CreatedTransferBill, error) {
		r, err := s.CreateTransferBill(wxpay.WithAttempts(ctx, 1), p)
		if wxpay.OutcomeUnknown(err) { // the answer of the test names no bill
			err = nil
		}
		return r, err
	}), transfer(),
		platformtest.Needed("AppID", "appid", 32), platformtest.Needed("OpenID", "openid", 64), platformtest.Needed("TransferSceneID", "transfer_scene_id", 36),
		platformtest.Needed("TransferRemark", "transfer_remark", 32), platformtest.Optional("UserRecvPerception", "user_recv_perception", 256))
}

// What cannot go together is refused here, with nothing sent.
func TestWhatDoesNotGoTogether(t *testing.T) {
	t.Parallel()
	type P = mchtransfer.CreateTransferBillParams
	type A = mchtransfer.CreateTransferBillWithAuthorizationParams
	type U = mchtransfer.CreateAuthorizedTransferBillParams
	create := func(set func(*P)) platformtest.Call {
		p := transfer()
		set(&p)
		return answers(S.CreateTransferBill)(p)
	}
	with := func(set func(*A)) platformtest.Call {
		p := withAuthorization()
		set(&p)
		return answers(S.CreateTransferBillWithAuthorization)(p)
	}
	under := func(set func(*U)) platformtest.Call {
		p := authorized()
		set(&p)
		return answers(S.CreateAuthorizedTransferBill)(p)
	}
	many := []mchtransfer.SceneReportInfo{{InfoType: "1", InfoContent: "1"}, {InfoType: "2", InfoContent: "1"}, {InfoType: "3", InfoContent: "1"}, {InfoType: "4", InfoContent: "1"}}
	same := []mchtransfer.SceneReportInfo{{InfoType: "1", InfoContent: "1"}, {InfoType: "2", InfoContent: "1"}, {InfoType: "1", InfoContent: "2"}}
	for name, tt := range map[string]struct {
		call  platformtest.Call
		param string // empty: it goes
	}{
		"nameless under 2,000 yuan":      {create(func(p *P) { p.UserName, p.TransferAmount = "", 199999 }), ""},
		"nameless with 2,000 yuan":       {create(func(p *P) { p.UserName, p.TransferAmount = "", 200000 }), "user_name"},
		"name with 0.3 yuan":             {create(func(p *P) { p.TransferAmount = 30 }), ""},
		"name under 0.3 yuan":            {create(func(p *P) { p.TransferAmount = 29 }), "user_name"},
		"nameless under 0.3 yuan":        {create(func(p *P) { p.UserName, p.TransferAmount = "", 10 }), ""},
		"under 0.1 yuan":                 {create(func(p *P) { p.UserName, p.TransferAmount = "", 9 }), "transfer_amount"},
		"nothing":                        {create(func(p *P) { p.UserName, p.TransferAmount = "", 0 }), "transfer_amount"},
		"red packet of 200 yuan":         {create(func(p *P) { p.TransferAmount, p.UserRecvStyle.Type = 20000, "RED_PACKET" }), ""},
		"red packet of more":             {create(func(p *P) { p.TransferAmount, p.UserRecvStyle.Type = 20001, "RED_PACKET" }), "transfer_amount"},
		"three entries":                  {create(func(p *P) { p.TransferSceneReportInfos = many[:3] }), ""},
		"four entries":                   {create(func(p *P) { p.TransferSceneReportInfos = many }), "transfer_scene_report_infos"},
		"no entry":                       {create(func(p *P) { p.TransferSceneReportInfos = nil }), "transfer_scene_report_infos"},
		"an entry twice":                 {create(func(p *P) { p.TransferSceneReportInfos = same }), "transfer_scene_report_infos[2].info_type"},
		"number with a blank":            {create(func(p *P) { p.OutBillNo = "a b" }), "out_bill_no"},
		"number with a line end":         {create(func(p *P) { p.OutBillNo = "ab\n" }), "out_bill_no"},
		"address with a query":           {create(func(p *P) { p.NotifyURL = "https://a.example/?b=c" }), "notify_url"},
		"with, nameless":                 {with(func(p *A) { p.UserName = "" }), "user_name"},
		"with, an entry twice":           {with(func(p *A) { p.TransferSceneReportInfos = same }), "transfer_scene_report_infos[2].info_type"},
		"with an authorization, nobody":  {with(func(p *A) { p.OpenID = "" }), ""},
		"without one":                    {with(func(p *A) { p.AuthorizationInfo = mchtransfer.AuthorizationInfo{} }), ""},
		"without one, nobody":            {with(func(p *A) { p.AuthorizationInfo, p.OpenID = mchtransfer.AuthorizationInfo{}, "" }), "openid"},
		"authorization without a number": {with(func(p *A) { p.AuthorizationInfo.OutAuthorizationNo = "" }), "authorization_info.out_authorization_no"},
		"authorization without a name":   {with(func(p *A) { p.AuthorizationInfo.UserDisplayName = "" }), "authorization_info.user_display_name"},
		"authorization without address":  {with(func(p *A) { p.AuthorizationInfo.AuthorizationNotifyURL = "" }), "authorization_info.authorization_notify_url"},
		"authorization in the clear":     {with(func(p *A) { p.AuthorizationInfo.AuthorizationNotifyURL = "http://a.example/" }), "authorization_info.authorization_notify_url"},
		"authorized, nameless":           {under(func(p *U) { p.UserName = "" }), "user_name"},
		"authorized by the other number": {under(func(p *U) { p.AuthorizationID, p.OutAuthorizationNo = "", "auth2020042014" }), ""},
		"authorized by both":             {under(func(p *U) { p.OutAuthorizationNo = "auth2020042014" }), "authorization_id"},
		"authorized by none":             {under(func(p *U) { p.AuthorizationID = "" }), "authorization_id"},
		"authorization to an odd address": {answers(S.CreateAuthorization)(func() mchtransfer.CreateAuthorizationParams {
			p := authorize()
			p.AuthorizationNotifyURL = "https://a.example/#b"
			return p
		}()), "authorization_notify_url"},
		"authorization that cannot be asked for": {answers(S.CreateAuthorization)(func() mchtransfer.CreateAuthorizationParams { p := authorize(); p.OutAuthorizationNo = "a/b"; return p }()), "out_authorization_no"},
	} {
		sent := 0
		_, err := tt.call(t.Context(), platformtest.Client(t, platformtest.Trip(func(req *http.Request) (*http.Response, error) {
			sent++
			return signed(403, `{"code":"NO_AUTH","message":"no"}`)(req)
		})))
		if tt.param == "" {
			assert.ErrorIs(t, err, wxpay.CodeNoAuth, name)
			assert.Equal(t, 1, sent, name)
			continue
		}
		e, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, "%s: %v", name, err) {
			assert.Equal(t, tt.param, e.Param, name)
			assert.NotContains(t, e.Reason, "张三", name)
		}
		assert.Zero(t, sent, name)
	}
}

func TestFinal(t *testing.T) {
	t.Parallel()
	for state, final := range map[mchtransfer.TransferState]bool{
		"ACCEPTED": false, "PROCESSING": false, "WAIT_USER_CONFIRM": false, "TRANSFERING": false, "SUCCESS": true, "FAIL": true, "CANCELING": false, "CANCELLED": true,
		"": false, "FROZEN": false, "success": false,
	} {
		assert.Equal(t, final, state.Final(), state)
	}
	for state, final := range map[mchtransfer.ReceiptState]bool{"GENERATING": false, "FINISHED": true, "FAILED": true, "": false, "LOST": false} {
		assert.Equal(t, final, state.Final(), state)
	}
	for state, final := range map[mchtransfer.AuthorizationState]bool{"WAIT_USER_CONFIRM": false, "TAKING_EFFECT": false, "CLOSED": true, "": false, "PAUSED": false} {
		assert.Equal(t, final, state.Final(), state)
	}
}

// The merchant number comes in two spellings (MT-21).
func TestMerchantOfAnEvent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"mch_id":"1900001109"}`: "1900001109", `{"mchid":"1900001112"}`: "1900001112", `{"mch_id":"1900001109","mchid":"1900001109"}`: "1900001109", `{}`: "",
	} {
		var e mchtransfer.BillFinishedEvent
		require.NoError(t, json.Unmarshal([]byte(text), &e))
		assert.Equal(t, want, e.Merchant(), text)
	}
}
