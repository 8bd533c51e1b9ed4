package membercard_test

import (
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

const stateJSON = `{
	"state_id": "CHECKED_IN",
	"content_template_data": {
		"field_list": [{"field_id": "hotel_name", "field_value": "深圳市南山区滨海路700号"}],
		"action_setting": {"action_name": "一键开锁", "jump_miniprogram": {"appid": "wx37178d097a6851d8", "path": "pages/index/index"}}
	},
	"message_template_setting": {
		"message_template_id": "9bJgRNz9XG248XZ-a0nDKH3Vt_vaTp32fRP1LWvxjzI",
		"field_list": [{"field_id": "room", "field_value": "1201"}, {"field_id": "floor", "field_value": "12"}]
	}
}`

var stateSetting = membercard.StateSetting{
	StateID: "CHECKED_IN",
	ContentTemplateData: membercard.ContentTemplateData{
		FieldList: []membercard.TemplateField{{FieldID: "hotel_name", FieldValue: "深圳市南山区滨海路700号"}},
		ActionSetting: membercard.ActionSetting{
			ActionName:      "一键开锁",
			JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx37178d097a6851d8", Path: "pages/index/index"},
		},
	},
	MessageTemplateSetting: membercard.MessageTemplateSetting{
		MessageTemplateID: "9bJgRNz9XG248XZ-a0nDKH3Vt_vaTp32fRP1LWvxjzI",
		FieldList:         []membercard.TemplateField{{FieldID: "room", FieldValue: "1201"}, {FieldID: "floor", FieldValue: "12"}},
	},
}

func TestAddServiceModule(t *testing.T) {
	t.Parallel()
	p := membercard.AddServiceModuleParams{
		CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ServiceModuleID: "666",
		JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx37178d097a6851d8", Path: "pages/index/index"},
	}
	platformtest.Wire{
		Call:    answers(S.AddServiceModule)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules",
		Body:    `{"service_module_id":"666","jump_miniprogram":{"appid":"wx37178d097a6851d8","path":"pages/index/index"}}`,
		Answer:  `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"666","jump_miniprogram":{"appid":"wx1","path":"pages/2"}}`,
		Want: &membercard.CardServiceModule{
			CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
			ServiceModuleID: "666",
			JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx1", Path: "pages/2"},
		},
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules", answers(S.AddServiceModule), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ServiceModuleID", "service_module_id", 9),
	)
}

func TestUpdateServiceModule(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateServiceModuleParams{
		CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ServiceModuleID: "666",
		JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx37178d097a6851d8", Path: "pages/index/index"},
	}
	w := platformtest.Wire{
		Call:    answers(S.UpdateServiceModule)(p),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules/666",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
		Body:    `{"jump_miniprogram":{"appid":"wx37178d097a6851d8","path":"pages/index/index"}}`,
		Answer:  `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"666"}`,
		Want:    &membercard.CardServiceModule{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", ServiceModuleID: "666"},
	}
	w.Run(t)
	t.Run("clears the target", func(t *testing.T) {
		w := w
		w.Call = answers(S.UpdateServiceModule)(membercard.UpdateServiceModuleParams{CardID: p.CardID, ServiceModuleID: "666"})
		w.Body = `{}`
		w.Run(t)
	})
	platformtest.Limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}", answers(S.UpdateServiceModule), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ServiceModuleID", "service_module_id", 9),
	)
}

func TestRemoveServiceModule(t *testing.T) {
	t.Parallel()
	p := membercard.RemoveServiceModuleParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", ServiceModuleID: "666"}
	platformtest.Wire{
		Call:    succeeds(S.RemoveServiceModule)(p),
		Request: "DELETE /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules/666",
		Route:   "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
	}.Run(t)
	platformtest.Limits(t, "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}", succeeds(S.RemoveServiceModule), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("ServiceModuleID", "service_module_id", 9),
	)
}

func TestSetServiceModuleData(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data"
	p := membercard.SetServiceModuleDataParams{
		CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:            "478515832665",
		OutRequestNo:    "100002322019090134234sfdf",
		ServiceModuleID: "666",
		StateSetting:    stateSetting,
	}
	platformtest.Wire{
		Call:    succeeds(S.SetServiceModuleData)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/set-service-module-data",
		Route:   route,
		Body:    `{"out_request_no":"100002322019090134234sfdf","service_module_id":"666","state_setting":` + stateJSON + `}`,
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, route, succeeds(S.SetServiceModuleData), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Needed("OutRequestNo", "out_request_no", 128),
		platformtest.Needed("ServiceModuleID", "service_module_id", 9),
		platformtest.Needed("StateSetting.StateID", "state_setting.state_id", 0),
	)
	mock := httpmock.NewMockTransport()
	p.OutRequestNo = "1234567"
	e, ok := errors.AsType[*wxpay.ParamError](newService(mock).SetServiceModuleData(t.Context(), p))
	require.True(t, ok)
	assert.Equal(t, wxpay.ParamError{Route: route, Param: "out_request_no", Reason: "has fewer than 8 characters"}, *e)
	assert.Zero(t, mock.GetTotalCallCount())
}

// Content is needed and so always there; the rest is sent only if there is some, and never as null.
func TestSetServiceModuleDataSendsWhatIsSet(t *testing.T) {
	t.Parallel()
	w := platformtest.Wire{
		Call: succeeds(S.SetServiceModuleData)(membercard.SetServiceModuleDataParams{
			CardID: "p1", Code: "1", OutRequestNo: "12345678", ServiceModuleID: "666",
			StateSetting: membercard.StateSetting{StateID: "CHECKED_IN"},
		}),
		Request: "POST /v3/marketing/membercard-open/cards/p1/codes/1/set-service-module-data",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data",
		Body:    `{"out_request_no":"12345678","service_module_id":"666","state_setting":{"state_id":"CHECKED_IN","content_template_data":{}}}`,
		Repeats: true,
	}
	w.Run(t)
	w.Call = succeeds(S.SetServiceModuleData)(membercard.SetServiceModuleDataParams{
		CardID: "p1", Code: "1", OutRequestNo: "12345678", ServiceModuleID: "666",
		StateSetting: membercard.StateSetting{
			StateID:                "CHECKED_IN",
			ContentTemplateData:    membercard.ContentTemplateData{ActionSetting: membercard.ActionSetting{ActionName: "一键开锁"}},
			MessageTemplateSetting: membercard.MessageTemplateSetting{MessageTemplateID: "9bJg"},
		},
	})
	w.Body = `{"out_request_no":"12345678","service_module_id":"666","state_setting":{
		"state_id": "CHECKED_IN",
		"content_template_data": {"action_setting": {"action_name": "一键开锁", "jump_miniprogram": {"appid": "", "path": ""}}},
		"message_template_setting": {"message_template_id": "9bJg"}
	}}`
	w.Run(t)
}
