package membercard_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// settingsJSON is what activities to create and activities have in common.
const settingsJSON = `
	"award_send_period": {
		"award_send_time": [{"begin_time": "2020-01-21T00:00:00+08:00", "end_time": "2020-01-27T00:00:00+08:00"}],
		"award_send_day_time": [{
			"begin_day_time": {"hours": 9, "minutes": 34, "seconds": 6},
			"end_day_time": {"hours": 18, "minutes": 0, "seconds": 7}
		}]
	},
	"stock_list": [{"stock_creator_mchid": "10000022", "stock_id": "98065001"}],
	"out_request_no": "100002322019090134234sfdf",
	"pay_activity_setting": {
		"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		"activity_second_title": "湖南麻辣美食券",
		"mchid_list": ["10000022", "10000023"],
		"activate_setting": {
			"activate_type": "JUMP_ACTIVATE",
			"activate_url": "https://w.url.cn/s/Ahz3p2C",
			"activate_miniprogram": {"activate_appid": "wxea9c30a90fs8d3fe", "activate_path": "pages/activate/activate"}
		},
		"payment_setting": {
			"payment_mode": {"payment_scene_list": ["APP"]},
			"limit_bank": "CFT",
			"goods_tags": ["xxx", "yyy"]
		}
	},
	"miniprogram_activity_setting": {
		"outer_str": ["领取渠道1", "领取渠道2"],
		"award_jump_deploy": {"mini_program_appid": "wxc0b84a53ed8e8d29", "mini_program_path": "mall/pages/List", "button_text": "点击"}
	}`

const activityJSON = `{
	"activity_id": "371067",
	"activity_status": "ONGOING",
	"create_time": "2015-05-20T13:29:35.120+08:00",
	"update_time": "2015-06-21T14:30:36.230+08:00",
	"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
	"activity_name": "良品铺子回馈活动",
	"activity_type": "NON_MEMBER_AFTERPAY",
	"begin_time": "2020-01-20T13:29:35.120+08:00",
	"end_time": "2020-01-29T13:29:35.120+08:00",` + settingsJSON + `}`

var activity = membercard.Activity{
	ActivityID:     "371067",
	ActivityStatus: membercard.ActivityOngoing,
	CreateTime:     at("2015-05-20T13:29:35.120+08:00"),
	UpdateTime:     at("2015-06-21T14:30:36.230+08:00"),
	CardID:         "pbLatjvWOibDc5-TBnbUk1pD12o0",
	ActivityName:   "良品铺子回馈活动",
	ActivityType:   membercard.ActivityNonMemberAfterpay,
	BeginTime:      at("2020-01-20T13:29:35.120+08:00"),
	EndTime:        at("2020-01-29T13:29:35.120+08:00"),
	AwardSendPeriod: membercard.AwardSendPeriod{
		AwardSendTime: []membercard.TimeRange{{BeginTime: at("2020-01-21T00:00:00+08:00"), EndTime: at("2020-01-27T00:00:00+08:00")}},
		AwardSendDayTime: []membercard.DayTimeRange{{
			BeginDayTime: membercard.DayTime{Hours: 9, Minutes: 34, Seconds: 6},
			EndDayTime:   membercard.DayTime{Hours: 18, Minutes: 0, Seconds: 7},
		}},
	},
	StockList:    []membercard.CouponStock{{StockCreatorMchID: "10000022", StockID: "98065001"}},
	OutRequestNo: "100002322019090134234sfdf",
	PayActivitySetting: membercard.PayActivitySetting{
		LogoURL:             "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		ActivitySecondTitle: "湖南麻辣美食券",
		MchIDList:           []string{"10000022", "10000023"},
		ActivateSetting: membercard.ActivateSetting{
			ActivateType:        membercard.ActivateTypeJump,
			ActivateURL:         "https://w.url.cn/s/Ahz3p2C",
			ActivateMiniprogram: membercard.ActivateMiniprogram{ActivateAppID: "wxea9c30a90fs8d3fe", ActivatePath: "pages/activate/activate"},
		},
		PaymentSetting: membercard.PaymentSetting{
			PaymentMode: membercard.PaymentMode{PaymentSceneList: []string{"APP"}},
			LimitBank:   "CFT",
			GoodsTags:   []string{"xxx", "yyy"},
		},
	},
	MiniprogramActivitySetting: membercard.MiniprogramActivitySetting{
		OuterStr:        []string{"领取渠道1", "领取渠道2"},
		AwardJumpDeploy: membercard.AwardJumpDeploy{MiniProgramAppID: "wxc0b84a53ed8e8d29", MiniProgramPath: "mall/pages/List", ButtonText: "点击"},
	},
}

func newActivity() membercard.CreateActivityParams {
	return membercard.CreateActivityParams{
		CardID:                     "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ActivityName:               "良品铺子回馈活动",
		ActivityType:               membercard.ActivityMemberMiniprogram,
		BeginTime:                  at("2020-01-20T13:29:35.123456789+08:00"),
		EndTime:                    at("2020-01-29T13:29:35.987654321+08:00"),
		AwardSendPeriod:            activity.AwardSendPeriod,
		StockList:                  activity.StockList,
		OutRequestNo:               "100002322019090134234sfdf",
		PayActivitySetting:         activity.PayActivitySetting,
		MiniprogramActivitySetting: activity.MiniprogramActivitySetting,
	}
}

func TestCreateActivity(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-activity/activities"
	w := platformtest.Wire{
		Call:    answers(S.CreateActivity)(newActivity()),
		Request: route,
		Route:   route,
		Body: `{
			"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
			"activity_name": "良品铺子回馈活动",
			"activity_type": "MEMBER_MINIPROGRAM",
			"begin_time": "2020-01-20T13:29:35.123+08:00",
			"end_time": "2020-01-29T13:29:35.987+08:00",` + settingsJSON + `}`,
		Answer:  activityJSON,
		Want:    &activity,
		Enums:   []string{"ONGOING", "NON_MEMBER_AFTERPAY", "JUMP_ACTIVATE"},
		Repeats: true,
	}
	w.Run(t)
	t.Run("what is needed", func(t *testing.T) {
		w := w
		p := newActivity()
		p.AwardSendPeriod = membercard.AwardSendPeriod{}
		p.StockList = nil
		p.PayActivitySetting = membercard.PayActivitySetting{}
		p.MiniprogramActivitySetting = membercard.MiniprogramActivitySetting{}
		w.Call = answers(S.CreateActivity)(p)
		w.Body = `{
			"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
			"activity_name": "良品铺子回馈活动",
			"activity_type": "MEMBER_MINIPROGRAM",
			"begin_time": "2020-01-20T13:29:35.123+08:00",
			"end_time": "2020-01-29T13:29:35.987+08:00",
			"out_request_no": "100002322019090134234sfdf"
		}`
		w.Run(t)
	})
	t.Run("what is set of each setting", func(t *testing.T) {
		w := w
		p := newActivity()
		p.AwardSendPeriod = membercard.AwardSendPeriod{AwardSendDayTime: []membercard.DayTimeRange{{}}}
		p.StockList = []membercard.CouponStock{}
		p.PayActivitySetting = membercard.PayActivitySetting{
			LogoURL:         "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			ActivateSetting: membercard.ActivateSetting{ActivateType: membercard.ActivateTypeAuto},
			PaymentSetting:  membercard.PaymentSetting{LimitBank: "CFT"},
		}
		p.MiniprogramActivitySetting = membercard.MiniprogramActivitySetting{AwardJumpDeploy: membercard.AwardJumpDeploy{ButtonText: "点击"}}
		w.Call = answers(S.CreateActivity)(p)
		w.Body = `{
			"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
			"activity_name": "良品铺子回馈活动",
			"activity_type": "MEMBER_MINIPROGRAM",
			"begin_time": "2020-01-20T13:29:35.123+08:00",
			"end_time": "2020-01-29T13:29:35.987+08:00",
			"award_send_period": {"award_send_day_time": [{
				"begin_day_time": {"hours": 0, "minutes": 0, "seconds": 0},
				"end_day_time": {"hours": 0, "minutes": 0, "seconds": 0}
			}]},
			"stock_list": [],
			"out_request_no": "100002322019090134234sfdf",
			"pay_activity_setting": {
				"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
				"activity_second_title": "",
				"activate_setting": {"activate_type": "AUTO_ACTIVATE"},
				"payment_setting": {"limit_bank": "CFT"}
			},
			"miniprogram_activity_setting": {"award_jump_deploy": {"button_text": "点击"}}
		}`
		w.Run(t)
	})
	platformtest.Limits(t, route, answers(S.CreateActivity), newActivity(),
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ActivityName", "activity_name", 10),
		platformtest.Needed("ActivityType", "activity_type", 32),
		platformtest.Needed("OutRequestNo", "out_request_no", 0),
	)
	for param, clear := range map[string]func(*membercard.CreateActivityParams){
		"begin_time": func(p *membercard.CreateActivityParams) { p.BeginTime = wxpay.Time{} },
		"end_time":   func(p *membercard.CreateActivityParams) { p.EndTime = wxpay.Time{} },
	} {
		mock, p := httpmock.NewMockTransport(), newActivity()
		clear(&p)
		_, err := newService(mock).CreateActivity(t.Context(), p)
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok)
		assert.Equal(t, wxpay.ParamError{Route: route, Param: param, Reason: "is missing"}, *e)
		assert.Zero(t, mock.GetTotalCallCount())
	}
}

func TestListActivities(t *testing.T) {
	t.Parallel()
	const route = "GET /v3/marketing/membercard-activity/activities"
	p := membercard.ListActivitiesParams{
		ActivityType:   membercard.ActivityMemberAfterpay,
		ActivityStatus: membercard.ActivityTerminated,
		CardID:         "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Offset:         10,
		Limit:          50,
	}
	w := platformtest.Wire{
		Call:    answers(S.ListActivities)(p),
		Request: route,
		Route:   route,
		Query:   "activity_type=MEMBER_AFTERPAY&activity_status=TERMINATED&card_id=pbLatjvWOibDc5-TBnbUk1pD12o0&offset=10&limit=50",
		Answer:  `{"data":[` + activityJSON + `],"offset":10,"limit":5,"total_count":1234}`,
		Want:    &wxpay.Page[membercard.Activity]{Items: []membercard.Activity{activity}, Total: 1234, Next: &wxpay.Cursor{Offset: 11}},
		Enums:   []string{"ONGOING", "NON_MEMBER_AFTERPAY", "JUMP_ACTIVATE"},
		Repeats: true,
	}
	w.Run(t)
	t.Run("what is needed", func(t *testing.T) {
		w := w
		w.Call = answers(S.ListActivities)(membercard.ListActivitiesParams{ActivityType: membercard.ActivityNonMemberMiniprogram})
		w.Query = "activity_type=NON_MEMBER_MINIPROGRAM&offset=0"
		w.Want = &wxpay.Page[membercard.Activity]{Items: []membercard.Activity{activity}, Total: 1234, Next: &wxpay.Cursor{Offset: 1}}
		w.Run(t)
	})
	platformtest.Limits(t, route, answers(S.ListActivities), p,
		platformtest.Needed("ActivityType", "activity_type", 32),
		platformtest.Optional("ActivityStatus", "activity_status", 16),
		platformtest.Optional("CardID", "card_id", 32),
	)
}

func TestGetActivity(t *testing.T) {
	t.Parallel()
	const route = "GET /v3/marketing/membercard-activity/activities/{activity_id}"
	platformtest.Wire{
		Call:    answers(S.GetActivity)(membercard.GetActivityParams{ActivityID: "371067"}),
		Request: "GET /v3/marketing/membercard-activity/activities/371067",
		Route:   route,
		Answer:  activityJSON,
		Want:    &activity,
		Enums:   []string{"ONGOING", "NON_MEMBER_AFTERPAY", "JUMP_ACTIVATE"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, route, answers(S.GetActivity), membercard.GetActivityParams{}, platformtest.Needed("ActivityID", "activity_id", 16))
}

func TestTerminateActivity(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-activity/activities/{activity_id}/terminate"
	w := platformtest.Wire{
		Call:    answers(S.TerminateActivity)(membercard.TerminateActivityParams{ActivityID: "371067"}),
		Request: "POST /v3/marketing/membercard-activity/activities/371067/terminate",
		Route:   route,
		Answer:  `{"activity_id":"371067","terminate_time":"2015-05-20T13:29:35.120+08:00"}`,
		Want:    &membercard.TerminatedActivity{ActivityID: "371067", TerminateTime: at("2015-05-20T13:29:35.120+08:00")},
	}
	w.Run(t)
	t.Run("under the other name", func(t *testing.T) {
		w := w
		w.Answer = `{"activity_id":"371067","creterminate_timeate_time":"2015-05-20T13:29:35.120+08:00"}`
		w.Run(t)
	})
	platformtest.Limits(t, route, answers(S.TerminateActivity), membercard.TerminateActivityParams{}, platformtest.Needed("ActivityID", "activity_id", 16))
}

// Offset counts records here, so the second page starts after the records of the first.
func TestAllActivities(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"0": `{"data":[{"activity_id":"1"},{"activity_id":"2"}],"offset":0,"limit":2,"total_count":3}`,
		"2": `{"data":[{"activity_id":"3"}],"offset":2,"limit":2,"total_count":3}`,
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", host+"/v3/marketing/membercard-activity/activities", func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "MEMBER_AFTERPAY", req.URL.Query().Get("activity_type"))
		return httpmock.NewStringResponse(http.StatusOK, pages[req.URL.Query().Get("offset")]), nil
	})
	var ids []string
	for a, err := range newService(mock).AllActivities(t.Context(), membercard.ListActivitiesParams{ActivityType: membercard.ActivityMemberAfterpay}) {
		require.NoError(t, err)
		ids = append(ids, a.ActivityID)
	}
	assert.Equal(t, []string{"1", "2", "3"}, ids)
	assert.Equal(t, 2, mock.GetTotalCallCount())
}
