package membercard_test

import (
	"context"
	"testing"

	"github.com/wxpay-go/wxpay"
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.GetUserCard(ctx, p)
		},
		request: "GET /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665",
		route:   "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		answer: `{
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
		want: &membercard.UserCard{
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
		enums:   []string{"EFFECTIVE", "USER_FORM_FLAG_CITY"},
		repeats: true,
	}.run(t)
	limits(t, "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		func(ctx context.Context, s *membercard.Service, p membercard.GetUserCardParams) error {
			_, err := s.GetUserCard(ctx, p)
			return err
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
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
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.UpdateUserCard(ctx, p))
		},
		request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665",
		route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		body: `{
			"membership_number": "316510891298",
			"background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
			"level": "钻石会员",
			"out_request_no": "100002322019090134234sfdf",
			"balance_information": {"before_balance": 3000, "balance": 0, "add_balance": -3000, "balance_remark": "消耗30元"},
			"need_inform_balance": false,
			"need_inform_level": false
		}`,
		repeats: true,
	}.run(t)
	limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		func(ctx context.Context, s *membercard.Service, p membercard.UpdateUserCardParams) error {
			return s.UpdateUserCard(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"MembershipNumber", "membership_number", 32, false},
		limit{"BackgroundPictureURL", "background_picture_url", 128, false},
		limit{"Level", "level", 5, false},
		limit{"OutRequestNo", "out_request_no", 32, true},
	)
}

func TestUpdateUserCardSendsWhatIsSet(t *testing.T) {
	t.Parallel()
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.UpdateUserCard(ctx, membercard.UpdateUserCardParams{CardID: "p1", Code: "1", Level: "白银会员", OutRequestNo: "1"}))
		},
		request: "PATCH /v3/marketing/membercard-open/cards/p1/codes/1",
		route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}",
		body:    `{"level": "白银会员", "out_request_no": "1"}`,
		repeats: true,
	}.run(t)
}

func TestInvalidateUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.InvalidateUserCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665", Reason: "用户违反会员条例"}
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return done(s.InvalidateUserCard(ctx, p))
		},
		request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/unavailable",
		route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable",
		body:    `{"reason": "用户违反会员条例"}`,
	}.run(t)
	limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable",
		func(ctx context.Context, s *membercard.Service, p membercard.InvalidateUserCardParams) error {
			return s.InvalidateUserCard(ctx, p)
		}, p,
		limit{"CardID", "card_id", 32, true},
		limit{"Code", "code", 32, true},
		limit{"Reason", "reason", 30, false},
	)
}

func TestListUserCards(t *testing.T) {
	t.Parallel()
	p := membercard.ListUserCardsParams{OpenID: "obLatjnx9gnqzS4myYGmLZ7LgLBA", AppID: "wxea9c30890f48d5ae", Offset: 2, Limit: 10}
	wire{
		call: func(ctx context.Context, s *membercard.Service) (any, error) {
			return s.ListUserCards(ctx, p)
		},
		request: "GET /v3/marketing/membercard-open/user/cards",
		route:   "GET /v3/marketing/membercard-open/user/cards",
		query:   "openid=obLatjnx9gnqzS4myYGmLZ7LgLBA&appid=wxea9c30890f48d5ae&offset=2&limit=10",
		answer:  `{"data":[{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"478515832665"}],"total_count":67,"offset":2,"limit":20}`,
		want: &wxpay.Page[membercard.UserCardRef]{
			Items: []membercard.UserCardRef{{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665"}},
			Total: 67, Next: &wxpay.Cursor{Offset: 3},
		},
		repeats: true,
	}.run(t)
	limits(t, "GET /v3/marketing/membercard-open/user/cards",
		func(ctx context.Context, s *membercard.Service, p membercard.ListUserCardsParams) error {
			_, err := s.ListUserCards(ctx, p)
			return err
		}, p,
		limit{"OpenID", "openid", 128, true},
		limit{"AppID", "appid", 32, false},
	)
}
