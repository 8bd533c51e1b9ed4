package membercard_test

import (
	"testing"

	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestUpdateCardRights(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateCardRightsParams{
		CardID:     "pbLatjvWOibDc5-TBnbUk1pD12o0",
		ShowBonus:  true,
		ShowFavor:  true,
		Bonus:      bonusRights,
		Favor:      &favorRights,
		ShowFapiao: true,
		Fapiao:     fapiaoRights,
		ShowGuide:  true,
		Guide:      guide,
	}
	w := platformtest.Wire{
		Call:    succeeds(S.UpdateCardRights)(p),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/rights",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/rights",
		Body: `{
			"show_bonus": true,
			"show_favor": true,
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
			"show_fapiao": true,
			"fapiao": {
				"fapiao_jump_word": "查看我的发票",
				"fapiao_jump_appid": "wxea9c30a90fs8d3fe",
				"fapiao_jump_path": "pages/fapiao/fapiao"
			},
			"show_guide": true,
			"guide": {
				"staff_name": "何小明",
				"head_image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
				"contact_information_name": "微信号",
				"contact_information_value": "weixin123",
				"phone_number": "0755-12345677"
			}
		}`,
	}
	w.Run(t)
	t.Run("everything off", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.UpdateCardRights)(membercard.UpdateCardRightsParams{CardID: p.CardID})
		w.Body = `{"show_bonus": false, "show_favor": false}`
		w.Run(t)
	})
	t.Run("no coupons", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.UpdateCardRights)(membercard.UpdateCardRightsParams{CardID: p.CardID, ShowFavor: true, Favor: new(membercard.FavorRights)})
		w.Body = `{"show_bonus": false, "show_favor": true, "favor": {"show_coupon": false}}`
		w.Run(t)
	})
	t.Run("what is set of each block", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.UpdateCardRights)(membercard.UpdateCardRightsParams{
			CardID:     p.CardID,
			ShowBonus:  true,
			Bonus:      membercard.BonusRights{BonusValueWord: "我的积分", BonusCostWord: "2小时免费停车券"},
			ShowFapiao: true,
			Fapiao:     membercard.FapiaoRights{FapiaoJumpWord: "查看我的发票"},
			ShowGuide:  true,
			Guide:      membercard.Guide{StaffName: "何小明"},
		})
		w.Body = `{
			"show_bonus": true,
			"show_favor": false,
			"bonus": {"init_bonus": 0, "bonus_value_word": "我的积分", "bonus_cost_word": "2小时免费停车券"},
			"show_fapiao": true,
			"fapiao": {"fapiao_jump_word": "查看我的发票"},
			"show_guide": true,
			"guide": {"staff_name": "何小明"}
		}`
		w.Run(t)
	})
	platformtest.Limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/rights", succeeds(S.UpdateCardRights), p, platformtest.Needed("CardID", "card_id", 32))
}

func TestUpdateUserCardRights(t *testing.T) {
	t.Parallel()
	p := membercard.UpdateUserCardRightsParams{
		CardID:           "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:             "478515832665",
		BeforeBonusValue: new(int64(500)),
		BonusValue:       new(int64(0)),
		AddBonusValue:    new(int64(-500)),
		OutRequestNo:     "100002322019090134234sfdf",
		NeedInformBonus:  new(false),
		MemberPriceWord:  "钻石会员尊享8折",
		FapiaoJumpWord:   "3张发票可开",
		Guide:            guide,
	}
	w := platformtest.Wire{
		Call:    succeeds(S.UpdateUserCardRights)(p),
		Request: "PATCH /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/rights",
		Route:   "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights",
		Body: `{
			"before_bonus_value": 500,
			"bonus_value": 0,
			"add_bonus_value": -500,
			"out_request_no": "100002322019090134234sfdf",
			"need_inform_bonus": false,
			"member_price_word": "钻石会员尊享8折",
			"fapiao_jump_word": "3张发票可开",
			"guide": {
				"staff_name": "何小明",
				"head_image_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0",
				"contact_information_name": "微信号",
				"contact_information_value": "weixin123",
				"phone_number": "0755-12345677"
			}
		}`,
		Repeats: true,
	}
	w.Run(t)
	t.Run("points stay", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.UpdateUserCardRights)(membercard.UpdateUserCardRightsParams{
			CardID: p.CardID, Code: p.Code, OutRequestNo: "1", FapiaoJumpWord: "3张发票可开",
		})
		w.Body = `{"out_request_no": "1", "fapiao_jump_word": "3张发票可开"}`
		w.Run(t)
	})
	platformtest.Limits(t, "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights", succeeds(S.UpdateUserCardRights), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Needed("OutRequestNo", "out_request_no", 128),
		platformtest.Optional("MemberPriceWord", "member_price_word", 8),
		platformtest.Optional("FapiaoJumpWord", "fapiao_jump_word", 6),
	)
}
