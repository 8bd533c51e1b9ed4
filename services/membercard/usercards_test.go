package membercard_test

import (
	"testing"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

const filledIn = `{
	"common_field_list": [{"name": "USER_FORM_FLAG_CITY", "value": "深圳"}],
	"custom_field_list": [{"name": "喜欢的运动", "value": "篮球", "value_list": ["篮球", "足球"]}]
}`

var userInformation = membercard.UserInformation{
	CommonFieldList: []membercard.CommonFieldValue{{Name: membercard.FieldCity, Value: "深圳"}},
	CustomFieldList: []membercard.CustomFieldValue{{Name: "喜欢的运动", Value: "篮球", ValueList: []string{"篮球", "足球"}}},
}

func TestGetUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.GetUserCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665"}
	platformtest.Wire{
		Call:    answers(S.GetUserCard)(p),
		Request: "GET /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665",
		Route:   "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		Answer: `{
			"card_id": "pbLatjvWOibDc5-TBnbUk1pD12o0",
			"code": "478515832665",
			"openid": "obLatjnx9gnqzS4myYGmLZ7LgLBA",
			"membership_number": "316510891298",
			"level": "钻石会员",
			"nickname": "周星星",
			"head_image_url": "http://wx.qlogo.cn/xxx",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"balance": 888,
			"user_card_status": "EFFECTIVE",
			"user_information": ` + filledIn + `,
			"bonus_value": 600,
			"service_modules": [{"service_module_id": "666", "state_setting": ` + stateJSON + `}],
			"fapiao_jump_word": "3张发票可开",
			"guide": {
				"staff_name": "何小明",
				"head_image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
				"contact_information_name": "微信号",
				"contact_information_value": "weixin123",
				"phone_number": "0755-12345677"
			}
		}`,
		Want: &membercard.UserCard{
			CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
			Code:                 "478515832665",
			OpenID:               "obLatjnx9gnqzS4myYGmLZ7LgLBA",
			MembershipNumber:     "316510891298",
			Level:                "钻石会员",
			Nickname:             "周星星",
			HeadImageURL:         "http://wx.qlogo.cn/xxx",
			BackgroundPictureURL: "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			Balance:              888,
			UserCardStatus:       membercard.UserCardEffective,
			UserInformation:      userInformation,
			BonusValue:           600,
			ServiceModules:       []membercard.UserServiceModule{{ServiceModuleID: "666", StateSetting: stateSetting}},
			FapiaoJumpWord:       "3张发票可开",
			Guide:                guide,
		},
		Enums:   []string{"EFFECTIVE", "USER_FORM_FLAG_CITY"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}", answers(S.GetUserCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
	)
}

func TestUpdateUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateUserCardParams{
		CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:                 "478515832665",
		MembershipNumber:     "316510891298",
		BackgroundPictureURL: "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
		Level:                "钻石会员",
		OutRequestNo:         "100002322019090134234sfdf",
		BalanceInformation:   membercard.BalanceChange{BeforeBalance: 3000, Balance: 0, AddBalance: -3000, BalanceRemark: "消耗30元"},
		NeedInformBalance:    new(false),
		NeedInformLevel:      new(false),
	}
	platformtest.Wire{
		Call:    succeeds(S.UpdateUserCard)(p),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		Body: `{
			"membership_number": "316510891298",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"level": "钻石会员",
			"out_request_no": "100002322019090134234sfdf",
			"balance_information": {"before_balance": 3000, "balance": 0, "add_balance": -3000, "balance_remark": "消耗30元"},
			"need_inform_balance": false,
			"need_inform_level": false
		}`,
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}", succeeds(S.UpdateUserCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Optional("MembershipNumber", "membership_number", 32),
		platformtest.Optional("BackgroundPictureURL", "background_picture_url", 128),
		platformtest.Optional("Level", "level", 5),
		platformtest.Needed("OutRequestNo", "out_request_no", 32),
	)
}

func TestUpdateUserCardSendsWhatIsSet(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    succeeds(S.UpdateUserCard)(membercard.UpdateUserCardParams{CardID: "p1", Code: "1", Level: "白银会员", OutRequestNo: "1"}),
		Request: "PATCH /v3/marketing/membercard-open/cards/p1/codes/1",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		Body:    `{"level": "白银会员", "out_request_no": "1"}`,
		Repeats: true,
	}.Run(t)
}

func TestInvalidateUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.InvalidateUserCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665", Reason: "用户违反会员条例"}
	platformtest.Wire{
		Call:    succeeds(S.InvalidateUserCard)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/unavailable",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable",
		Body:    `{"reason": "用户违反会员条例"}`,
	}.Run(t)
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable", succeeds(S.InvalidateUserCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Optional("Reason", "reason", 30),
	)
}

func TestListUserCards(t *testing.T) {
	t.Parallel()
	p := membercard.ListUserCardsParams{OpenID: "obLatjnx9gnqzS4myYGmLZ7LgLBA", AppID: "wxea9c30890f48d5ae", Offset: 2, Limit: 10}
	platformtest.Wire{
		Call:    answers(S.ListUserCards)(p),
		Request: "GET /v3/marketing/membercard-open/user/cards",
		Route:   "GET /v3/marketing/membercard-open/user/cards",
		Query:   "openid=obLatjnx9gnqzS4myYGmLZ7LgLBA&appid=wxea9c30890f48d5ae&offset=2&limit=10",
		Answer:  `{"data":[{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"478515832665"}],"total_count":67,"offset":2,"limit":20}`,
		Want: &wxpay.Page[membercard.UserCardRef]{
			Items: []membercard.UserCardRef{{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665"}},
			Total: 67, Next: &wxpay.Cursor{Offset: 3},
		},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/user/cards", answers(S.ListUserCards), p,
		platformtest.Needed("OpenID", "openid", 128),
		platformtest.Optional("AppID", "appid", 32),
	)
}
