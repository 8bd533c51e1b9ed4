package membercard_test

import (
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

const cardAnswer = `{
	"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
	"create_time": "2020-05-20T13:29:35.120+08:00",
	"update_time": "2020-06-21T14:30:36.230+08:00",
	"remain_quantity": 1004,
	"status": "NOT_APPROVE",
	"appid": "wxea9c30890f48d5ae",
	"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
	"brand": {"brand_id": "1004", "display_name": "微信支付"},
	"title": "微信支付测试卡",
	"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
	"description": "使用须知",
	"service_phone": "010-8877xxxx",
	"code_type": "BAR_CODE",
	"total_quantity": 5000000,
	"date_information": {
		"type": "FIX_TIME_RANGE",
		"available_begin_time": "2020-05-20T13:29:35.120+08:00",
		"available_end_time": "2030-05-20T13:29:35.120+08:00",
		"available_day_after_receive": 200,
		"wait_days_after_receive": 1
	},
	"code_mode": "SYSTEM_ALLOCATE",
	"need_display_level": true,
	"init_level": "白银会员",
	"out_request_no": "100002322019090134234sfdf",
	"balance_information": {
		"need_balance": true,
		"balance_appid": "wxea9c30890f48d5ae",
		"balance_path": "pages/balance/balance",
		"balance_url": "https://xxx.com"
	},
	"user_information_form": {
		"can_modify_after_activate": true,
		"common_field_list": ["USER_FORM_FLAG_MOBILE", "USER_FORM_FLAG_CITY"],
		"custom_field_list": [{"type": "RADIO", "name": "喜欢的运动", "values": ["篮球", "足球"]}]
	},
	"additional_statement": {
		"title": "会员卡使用须知",
		"url": "https://xxx.111.com",
		"appid": "wx0c44f7dee34b04d1",
		"path": "pages/statement/statement"
	},
	"need_dynamic_code": true,
	"bonus": {
		"init_bonus": 100,
		"bonus_value_word": "我的积分",
		"bonus_cost_title": "积分兑换",
		"bonus_cost_word": "500积分=2小时免费停车券",
		"bonus_jump_word": "更多礼品",
		"bonus_jump_appid": "wxea9c30a90fs8d3fe",
		"bonus_jump_path": "/pages/bonus/bonus",
		"bonus_support_appid": "wx2a1b3c4d5e6f7081",
		"bonus_support_path": "pages/selfbonus/selfbonus"
	},
	"favor": {
		"show_coupon": true,
		"member_price_word": "周二会员全场八折",
		"member_price_appid": "wxea9c30a90fs8d3fe",
		"member_price_path": "pages/favor/favor",
		"member_price_title": "MEMBER_PRICE",
		"favor_module_title": "VIP"
	},
	"fapiao": {
		"fapiao_jump_word": "查看我的发票",
		"fapiao_jump_appid": "wxea9c30a90fs8d3fe",
		"fapiao_jump_path": "pages/fapiao/fapiao"
	},
	"guide": {
		"staff_name": "何小明",
		"head_image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		"contact_information_name": "微信号",
		"contact_information_value": "weixin123",
		"phone_number": "0755-12345677"
	},
	"service_modules": [
		{"service_module_id": "666", "jump_miniprogram": {"appid": "wx37178d097a6851d8", "path": "pages/index/index"}},
		{"service_module_id": "667"}
	]
}`

var (
	bonusRights = membercard.BonusRights{
		InitBonus:         100,
		BonusValueWord:    "我的积分",
		BonusCostTitle:    "积分兑换",
		BonusCostWord:     "500积分=2小时免费停车券",
		BonusJumpWord:     "更多礼品",
		BonusJumpAppID:    "wxea9c30a90fs8d3fe",
		BonusJumpPath:     "/pages/bonus/bonus",
		BonusSupportAppID: "wx2a1b3c4d5e6f7081",
		BonusSupportPath:  "pages/selfbonus/selfbonus",
	}
	favorRights = membercard.FavorRights{
		ShowCoupon:       true,
		MemberPriceWord:  "周二会员全场八折",
		MemberPriceAppID: "wxea9c30a90fs8d3fe",
		MemberPricePath:  "pages/favor/favor",
		MemberPriceTitle: membercard.MemberPriceTitlePrice,
		FavorModuleTitle: membercard.FavorModuleTitleVIP,
	}
	fapiaoRights = membercard.FapiaoRights{
		FapiaoJumpWord:  "查看我的发票",
		FapiaoJumpAppID: "wxea9c30a90fs8d3fe",
		FapiaoJumpPath:  "pages/fapiao/fapiao",
	}
	guide = membercard.Guide{
		StaffName:               "何小明",
		HeadImageURL:            "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		ContactInformationName:  "微信号",
		ContactInformationValue: "weixin123",
		PhoneNumber:             "0755-12345677",
	}
	card = membercard.Card{
		CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
		CreateTime:           at("2020-05-20T13:29:35.120+08:00"),
		UpdateTime:           at("2020-06-21T14:30:36.230+08:00"),
		RemainQuantity:       1004,
		Status:               membercard.CardNotApprove,
		AppID:                "wxea9c30890f48d5ae",
		LogoURL:              "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		Brand:                membercard.Brand{BrandID: "1004", DisplayName: "微信支付"},
		Title:                "微信支付测试卡",
		BackgroundPictureURL: "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
		Description:          "使用须知",
		ServicePhone:         "010-8877xxxx",
		CodeType:             membercard.CodeTypeBarCode,
		TotalQuantity:        5000000,
		DateInformation: membercard.DateInformation{
			Type:                     membercard.DateFixTimeRange,
			AvailableBeginTime:       at("2020-05-20T13:29:35.120+08:00"),
			AvailableEndTime:         at("2030-05-20T13:29:35.120+08:00"),
			AvailableDayAfterReceive: 200,
			WaitDaysAfterReceive:     1,
		},
		CodeMode:         membercard.CodeModeSystemAllocate,
		NeedDisplayLevel: true,
		InitLevel:        "白银会员",
		OutRequestNo:     "100002322019090134234sfdf",
		BalanceInformation: membercard.BalanceInformation{
			NeedBalance:  true,
			BalanceAppID: "wxea9c30890f48d5ae",
			BalancePath:  "pages/balance/balance",
			BalanceURL:   "https://xxx.com",
		},
		UserInformationForm: membercard.EditableUserInformationForm{
			CanModifyAfterActivate: new(true),
			CommonFieldList:        []membercard.CommonField{membercard.FieldMobile, membercard.FieldCity},
			CustomFieldList:        []membercard.CustomField{{Type: membercard.CustomFieldRadio, Name: "喜欢的运动", Values: []string{"篮球", "足球"}}},
		},
		AdditionalStatement: membercard.AdditionalStatement{
			Title: "会员卡使用须知",
			URL:   "https://xxx.111.com",
			AppID: "wx0c44f7dee34b04d1",
			Path:  "pages/statement/statement",
		},
		NeedDynamicCode: true,
		Bonus:           bonusRights,
		Favor:           favorRights,
		Fapiao:          fapiaoRights,
		Guide:           guide,
		ServiceModules: []membercard.ServiceModule{
			{ServiceModuleID: "666", JumpMiniprogram: membercard.JumpMiniprogram{AppID: "wx37178d097a6851d8", Path: "pages/index/index"}},
			{ServiceModuleID: "667"},
		},
	}
	cardEnums = []string{"NOT_APPROVE", "BAR_CODE", "FIX_TIME_RANGE", "SYSTEM_ALLOCATE", "USER_FORM_FLAG_CITY", "RADIO", "MEMBER_PRICE", "VIP"}
)

func newCard() membercard.CreateCardParams {
	return membercard.CreateCardParams{
		AppID:                "wxea9c30890f48d5ae",
		LogoURL:              "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		Brand:                membercard.Brand{BrandID: "1004", DisplayName: "微信支付"},
		Title:                "微信支付测试卡",
		BackgroundPictureURL: "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
		Description:          "使用须知 <b>&</b>",
		CodeType:             membercard.CodeTypeQRCode,
		DateInformation:      membercard.DateInformation{Type: membercard.DatePermanent},
		CodeMode:             membercard.CodeModeMerchantDeposit,
		OutRequestNo:         "100002322019090134234sfdf",
	}
}

func TestCreateCard(t *testing.T) {
	t.Parallel()
	all := newCard()
	all.ServicePhone = "010-8877xxxx"
	all.TotalQuantity = 4000000
	all.DateInformation = card.DateInformation
	all.NeedDisplayLevel = true
	all.InitLevel = "白银会员"
	all.BalanceInformation = card.BalanceInformation
	all.UserInformationForm = membercard.UserInformationForm{
		CommonFieldList: []membercard.CommonField{membercard.FieldName, membercard.FieldBirthday},
		CustomFieldList: []membercard.CustomField{{Type: membercard.CustomFieldSelect, Name: "喜欢的运动", Values: []string{"篮球", "足球"}}},
	}
	all.AdditionalStatement = card.AdditionalStatement
	all.NeedDynamicCode = true
	platformtest.Wire{
		Call:    answers(S.CreateCard)(all),
		Request: "POST /v3/marketing/membercard-open/cards",
		Route:   "POST /v3/marketing/membercard-open/cards",
		Body: `{
			"appid": "wxea9c30890f48d5ae",
			"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"brand": {"brand_id": "1004", "display_name": "微信支付"},
			"title": "微信支付测试卡",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
			"description": "使用须知 <b>&</b>",
			"service_phone": "010-8877xxxx",
			"code_type": "QRCODE",
			"total_quantity": 4000000,
			"date_information": {
				"type": "FIX_TIME_RANGE",
				"available_begin_time": "2020-05-20T13:29:35.120+08:00",
				"available_end_time": "2030-05-20T13:29:35.120+08:00",
				"available_day_after_receive": 200,
				"wait_days_after_receive": 1
			},
			"code_mode": "MERCHANT_DEPOSIT",
			"need_display_level": true,
			"init_level": "白银会员",
			"out_request_no": "100002322019090134234sfdf",
			"balance_information": {
				"need_balance": true,
				"balance_appid": "wxea9c30890f48d5ae",
				"balance_path": "pages/balance/balance",
				"balance_url": "https://xxx.com"
			},
			"user_information_form": {
				"common_field_list": ["USER_FORM_FLAG_NAME", "USER_FORM_FLAG_BIRTHDAY"],
				"custom_field_list": [{"type": "SELECT", "name": "喜欢的运动", "values": ["篮球", "足球"]}]
			},
			"additional_statement": {
				"title": "会员卡使用须知",
				"url": "https://xxx.111.com",
				"appid": "wx0c44f7dee34b04d1",
				"path": "pages/statement/statement"
			},
			"need_dynamic_code": true
		}`,
		Answer:  cardAnswer,
		Want:    &card,
		Enums:   cardEnums,
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards", answers(S.CreateCard), newCard(),
		platformtest.Needed("AppID", "appid", 32),
		platformtest.Needed("LogoURL", "logo_url", 128),
		platformtest.Needed("Brand.BrandID", "brand.brand_id", 16),
		platformtest.Needed("Brand.DisplayName", "brand.display_name", 0),
		platformtest.Needed("Title", "title", 10),
		platformtest.Needed("BackgroundPictureURL", "background_picture_url", 128),
		platformtest.Needed("Description", "description", 500),
		platformtest.Optional("ServicePhone", "service_phone", 32),
		platformtest.Needed("CodeType", "code_type", 32),
		platformtest.Needed("DateInformation.Type", "date_information", 0),
		platformtest.Needed("CodeMode", "code_mode", 32),
		platformtest.Optional("InitLevel", "init_level", 5),
		platformtest.Needed("OutRequestNo", "out_request_no", 0),
	)
}

// What is not set is not sent: neither null nor an empty object.
func TestCreateCardSendsWhatIsSet(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.CreateCard)(newCard()),
		Request: "POST /v3/marketing/membercard-open/cards",
		Route:   "POST /v3/marketing/membercard-open/cards",
		Body: `{
			"appid": "wxea9c30890f48d5ae",
			"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"brand": {"brand_id": "1004", "display_name": "微信支付"},
			"title": "微信支付测试卡",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
			"description": "使用须知 <b>&</b>",
			"code_type": "QRCODE",
			"date_information": {"type": "PERMANENT"},
			"code_mode": "MERCHANT_DEPOSIT",
			"out_request_no": "100002322019090134234sfdf"
		}`,
		Answer:  `{"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0"}`,
		Want:    &membercard.Card{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0"},
		Repeats: true,
	}.Run(t)
}

func TestListCards(t *testing.T) {
	t.Parallel()
	p := membercard.ListCardsParams{BrandID: "1001622624", AppID: "wxea9c30890f48d5ae", Offset: 2, Limit: 10}
	platformtest.Wire{
		Call:    answers(S.ListCards)(p),
		Request: "GET /v3/marketing/membercard-open/cards",
		Route:   "GET /v3/marketing/membercard-open/cards",
		Query:   "brand_id=1001622624&appid=wxea9c30890f48d5ae&offset=2&limit=10",
		Answer:  `{"data":[` + cardAnswer + `],"total_count":47,"offset":3,"limit":20}`,
		Want:    &wxpay.Page[membercard.Card]{Items: []membercard.Card{card}, Total: 47},
		Enums:   cardEnums,
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/cards", answers(S.ListCards), p,
		platformtest.Optional("BrandID", "brand_id", 16),
		platformtest.Optional("AppID", "appid", 32),
	)
}

func TestListCardsOfAnyBrand(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.ListCards)(membercard.ListCardsParams{}),
		Request: "GET /v3/marketing/membercard-open/cards",
		Route:   "GET /v3/marketing/membercard-open/cards",
		Query:   "offset=0&limit=20",
		Answer:  `{"total_count":0,"offset":0,"limit":20}`,
		Want:    &wxpay.Page[membercard.Card]{},
		Repeats: true,
	}.Run(t)
}

func TestGetCard(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.GetCard)(membercard.GetCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0"}),
		Request: "GET /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0",
		Route:   "GET /v3/marketing/membercard-open/cards/{card_id}",
		Answer:  cardAnswer,
		Want:    &card,
		Enums:   cardEnums,
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/cards/{card_id}", answers(S.GetCard), membercard.GetCardParams{}, platformtest.Needed("CardID", "card_id", 32))
}

func TestUpdateCard(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateCardParams{
		CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
		AppID:                "wxea9c30890f48d5ae",
		LogoURL:              "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		Title:                "微信支付测试卡",
		BackgroundPictureURL: "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
		Description:          "使用须知",
		ServicePhone:         "010-8877xxxx",
		TotalQuantity:        5000000,
		DateInformation:      membercard.DateInformation{Type: membercard.DateFixTerm, AvailableDayAfterReceive: 200, WaitDaysAfterReceive: 1},
		NeedDisplayLevel:     new(true),
		InitLevel:            "白银会员",
		BalanceInformation:   &membercard.BalanceInformation{NeedBalance: true, BalancePath: "pages/balance/balance"},
		UserInformationForm: membercard.EditableUserInformationForm{
			CanModifyAfterActivate: new(true),
			CommonFieldList:        []membercard.CommonField{membercard.FieldSex, membercard.FieldAddress, membercard.FieldEmail},
			CustomFieldList:        []membercard.CustomField{{Type: membercard.CustomFieldText, Name: "备注"}, {Type: membercard.CustomFieldCheckBox, Values: []string{"篮球"}}},
		},
		AdditionalStatement: membercard.AdditionalStatement{Title: "会员卡使用须知", URL: "https://xxx.111.com"},
		CodeMode:            membercard.CodeModeRealTime,
		CodeType:            membercard.CodeTypeBarCodeAndQRCode,
		NeedDynamicCode:     new(true),
	}
	platformtest.Wire{
		Call:    succeeds(S.UpdateCard)(p),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}",
		Body: `{
			"appid": "wxea9c30890f48d5ae",
			"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"title": "微信支付测试卡",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
			"description": "使用须知",
			"service_phone": "010-8877xxxx",
			"total_quantity": 5000000,
			"date_information": {"type": "FIX_TERM", "available_day_after_receive": 200, "wait_days_after_receive": 1},
			"need_display_level": true,
			"init_level": "白银会员",
			"balance_information": {"need_balance": true, "balance_path": "pages/balance/balance"},
			"user_information_form": {
				"can_modify_after_activate": true,
				"common_field_list": ["USER_FORM_FLAG_SEX", "USER_FORM_FLAG_ADDRESS", "USER_FORM_FLAG_EMAIL"],
				"custom_field_list": [{"type": "TEXT", "name": "备注"}, {"type": "CHECK_BOX", "values": ["篮球"]}]
			},
			"additional_statement": {"title": "会员卡使用须知", "url": "https://xxx.111.com"},
			"code_mode": "REAL_TIME",
			"code_type": "BAR_CODE_AND_QRCODE",
			"need_dynamic_code": true
		}`,
	}.Run(t)
	platformtest.Limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}", succeeds(S.UpdateCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Optional("AppID", "appid", 32),
		platformtest.Optional("LogoURL", "logo_url", 128),
		platformtest.Optional("Title", "title", 10),
		platformtest.Optional("BackgroundPictureURL", "background_picture_url", 128),
		platformtest.Optional("Description", "description", 500),
		platformtest.Optional("ServicePhone", "service_phone", 32),
		platformtest.Optional("InitLevel", "init_level", 5),
		platformtest.Optional("CodeMode", "code_mode", 32),
		platformtest.Optional("CodeType", "code_type", 32),
	)
}

// Switching off differs from leaving as it is.
func TestUpdateCardSwitchesOff(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call: succeeds(S.UpdateCard)(membercard.UpdateCardParams{
			CardID:              "pbLatjvWOibDc5-TBnbUk1pD12o0",
			NeedDisplayLevel:    new(false),
			BalanceInformation:  new(membercard.BalanceInformation),
			UserInformationForm: membercard.EditableUserInformationForm{CanModifyAfterActivate: new(false), CustomFieldList: []membercard.CustomField{}},
			NeedDynamicCode:     new(false),
		}),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}",
		Body: `{
			"need_display_level": false,
			"balance_information": {"need_balance": false},
			"user_information_form": {"can_modify_after_activate": false, "custom_field_list": []},
			"need_dynamic_code": false
		}`,
	}.Run(t)
}

func TestDeleteCard(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    succeeds(S.DeleteCard)(membercard.DeleteCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0"}),
		Request: "DELETE /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0",
		Route:   "DELETE /v3/marketing/membercard-open/cards/{card_id}",
	}.Run(t)
	platformtest.Limits(t, "DELETE /v3/marketing/membercard-open/cards/{card_id}", succeeds(S.DeleteCard), membercard.DeleteCardParams{}, platformtest.Needed("CardID", "card_id", 32))
}

func TestUpgradeCard(t *testing.T) {
	t.Parallel()
	p := membercard.UpgradeCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", BrandID: "1001622624", AppID: "wxea9c30890f48d5ae"}
	platformtest.Wire{
		Call:    succeeds(S.UpgradeCard)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/upgrade",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/upgrade",
		Body:    `{"brand_id": "1001622624", "appid": "wxea9c30890f48d5ae"}`,
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/upgrade", succeeds(S.UpgradeCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("BrandID", "brand_id", 16),
		platformtest.Needed("AppID", "appid", 32),
	)
}

// A card ID cannot lead to another call.
func TestCardIDStaysOneSegment(t *testing.T) {
	t.Parallel()
	var path string
	mock := all(func(req *http.Request) (*http.Response, error) {
		path = req.URL.EscapedPath()
		return httpmock.NewStringResponse(http.StatusNoContent, ""), nil
	})
	service := newService(mock)
	require.NoError(t, service.DeleteCard(t.Context(), membercard.DeleteCardParams{CardID: "a..b?c#d"}))
	assert.Equal(t, "/v3/marketing/membercard-open/cards/a..b%3Fc%23d", path)
	for _, id := range []string{".", "..", "a/../b", "a\nb"} {
		var refused *wxpay.ParamError
		assert.ErrorAs(t, service.DeleteCard(t.Context(), membercard.DeleteCardParams{CardID: id}), &refused)
	}
	assert.Equal(t, 1, mock.GetTotalCallCount())
}
