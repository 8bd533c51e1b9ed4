package membercard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.AddServiceModule(ctx, p)
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules",
		body:    `{"service_module_id":"666","jump_miniprogram":{"appid":"wx37178d097a6851d8","path":"pages/index/index"}}`,
		answer:  `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"666","jump_miniprogram":{"appid":"wx1","path":"pages/2"}}`,
		want: &membercard.CardServiceModule{
			CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
			ServiceModuleID: "666",
			JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx1", Path: "pages/2"},
		},
	}.run(t)
	limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules",
		func(ctx context.Context, s *membercard.Service, p membercard.AddServiceModuleParams) error {
			_, err := s.AddServiceModule(ctx, p)
			return err
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"ServiceModuleID", "service_module_id", 9, true},
	)
}

func TestUpdateServiceModule(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateServiceModuleParams{
		CardID:          "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ServiceModuleID: "666",
		JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx37178d097a6851d8", Path: "pages/index/index"},
	}
	w := wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.UpdateServiceModule(ctx, p)
		},
		request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules/666",
		route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
		body:    `{"jump_miniprogram":{"appid":"wx37178d097a6851d8","path":"pages/index/index"}}`,
		answer:  `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"666"}`,
		want:    &membercard.CardServiceModule{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", ServiceModuleID: "666"},
	}
	w.run(t)
	t.Run("clears the target", func(t *testing.T) {
		w := w
		w.call = func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.UpdateServiceModule(ctx, membercard.UpdateServiceModuleParams{CardID: p.CardID, ServiceModuleID: "666"})
		}
		w.body = `{}`
		w.run(t)
	})
	limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
		func(ctx context.Context, s *membercard.Service, p membercard.UpdateServiceModuleParams) error {
			_, err := s.UpdateServiceModule(ctx, p)
			return err
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"ServiceModuleID", "service_module_id", 9, true},
	)
}

func TestRemoveServiceModule(t *testing.T) {
	t.Parallel()
	p := membercard.RemoveServiceModuleParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", ServiceModuleID: "666"}
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.RemoveServiceModule(ctx, p))
		},
		request: "DELETE /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/service-modules/666",
		route:   "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
	}.run(t)
	limits(t, "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}",
		func(ctx context.Context, s *membercard.Service, p membercard.RemoveServiceModuleParams) error {
			return s.RemoveServiceModule(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"ServiceModuleID", "service_module_id", 9, true},
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.SetServiceModuleData(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/set-service-module-data",
		route:   route,
		body:    `{"out_request_no":"100002322019090134234sfdf","service_module_id":"666","state_setting":` + stateJSON + `}`,
		repeats: true,
	}.run(t)
	limits(t, route,
		func(ctx context.Context, s *membercard.Service, p membercard.SetServiceModuleDataParams) error {
			return s.SetServiceModuleData(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"OutRequestNo", "out_request_no", 128, true},
		limit{"ServiceModuleID", "service_module_id", 9, true},
		limit{"StateSetting.StateID", "state_setting.state_id", 0, true},
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
	w := wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.SetServiceModuleData(ctx, membercard.SetServiceModuleDataParams{
				CardID: "p1", Code: "1", OutRequestNo: "12345678", ServiceModuleID: "666",
				StateSetting: membercard.StateSetting{StateID: "CHECKED_IN"},
			}))
		},
		request: "POST /v3/marketing/membercard-open/cards/p1/codes/1/set-service-module-data",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data",
		body:    `{"out_request_no":"12345678","service_module_id":"666","state_setting":{"state_id":"CHECKED_IN","content_template_data":{}}}`,
		repeats: true,
	}
	w.run(t)
	w.call = func(ctx context.Context, s *membercard.Service) (any, error) {
		return done(s.SetServiceModuleData(ctx, membercard.SetServiceModuleDataParams{
			CardID: "p1", Code: "1", OutRequestNo: "12345678", ServiceModuleID: "666",
			StateSetting: membercard.StateSetting{
				StateID:                "CHECKED_IN",
				ContentTemplateData:    membercard.ContentTemplateData{ActionSetting: membercard.ActionSetting{ActionName: "一键开锁"}},
				MessageTemplateSetting: membercard.MessageTemplateSetting{MessageTemplateID: "9bJg"},
			},
		}))
	}
	w.body = `{"out_request_no":"12345678","service_module_id":"666","state_setting":{
		"state_id": "CHECKED_IN",
		"content_template_data": {"action_setting": {"action_name": "一键开锁", "jump_miniprogram": {"appid": "", "path": ""}}},
		"message_template_setting": {"message_template_id": "9bJg"}
	}}`
	w.run(t)
}
