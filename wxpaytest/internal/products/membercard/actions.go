package membercard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// noYes is what an option can be.
var noYes = []string{"false", "true"}

// manage are the ways in which a user manages a card.
var manage = []string{"USER_VIEW_MEMBERCARD", "USER_MODIFY_INFORMATION", "USER_DELETE_MEMBERCARD"}

func (s *Cards) actions() []engine.Action {
	type args = map[string]string
	card := engine.Param{Name: "card_id", Doc: "the card", DocZh: "会员卡 ID"}
	phone := engine.Param{Name: "phone", Doc: "the phone number by which the user was imported", DocZh: "导入该用户时使用的手机号"}
	openid := engine.Param{Name: "openid", Doc: "the user", DocZh: "用户的 openid"}
	imported := phone
	imported.Optional = true
	return []engine.Action{
		{
			Name: "add-card", Doc: "an approved card with bonus points switched on; the answer is its card_id", DocZh: "添加一张已审核通过、已开通积分的会员卡；返回 card_id",
			Params: []engine.Param{
				{Name: "code_mode", Doc: "who gives the codes of the card", DocZh: "卡号模式", Values: codeModes},
				{Name: "card_id", Doc: "its ID, of at most 32 characters; made up if it is left out", DocZh: "会员卡 ID，最多 32 个字符；不填则自动生成", Optional: true},
				{Name: "old", Doc: "it is of the official accounts platform and has to be upgraded", DocZh: "是否为公众平台的旧卡，需要先升级", Values: noYes, Optional: true},
			},
			Do: func(a args) (any, error) { return s.addCard(a["code_mode"], a["card_id"], a["old"] == "true") },
		},
		{
			Name: "add-members", Doc: "members of a card, each with a made-up openid; the answer is their codes", DocZh: "为会员卡添加会员，openid 自动生成；返回他们的卡号",
			Params: []engine.Param{card, {Name: "count", Doc: "how many, from 1 to 10000", DocZh: "会员个数，1 到 10000"}},
			Do:     s.addMembers,
		},
		{
			Name: "take-card", Doc: "a user takes a card; the answer is its code", DocZh: "用户领取会员卡；返回卡号",
			Params: []engine.Param{card, openid, imported, {Name: "jump", Doc: "the card waits to be activated by the merchant", DocZh: "领取后是否等待商户激活", Values: noYes, Optional: true}},
			Do: func(a args) (any, error) {
				return s.takeCard(a["card_id"], a["openid"], a["phone"], a["jump"] == "true")
			},
		},
		{
			Name: "show-reminder", Doc: "the owner of an imported phone number sees the reminder and does not take the card yet", DocZh: "已导入手机号的用户看到领卡提醒，但尚未领卡",
			Params: []engine.Param{card, phone},
			Do:     func(a args) (any, error) { return nil, s.showReminder(a["card_id"], a["phone"]) },
		},
		{
			Name: "manage-card", Doc: "a user looks at a card, changes its form or deletes it", DocZh: "用户查看会员卡、修改资料或删除会员卡",
			Params: []engine.Param{
				card, {Name: "code", Doc: "the code of the user's card", DocZh: "用户的卡号"},
				{Name: "what", Doc: "what the user does", DocZh: "用户的操作", Values: manage},
			},
			Do: func(a args) (any, error) { return nil, s.manageCard(a["card_id"], a["code"], a["what"]) },
		},
		{
			Name: "fill-form", Doc: "a user fills in the form of a card; the answer is the activate_ticket of the jump to the merchant", DocZh: "用户填写开卡资料；返回跳转商户页面时携带的 activate_ticket",
			Params: []engine.Param{
				{Name: "nickname", Doc: "the name of the user", DocZh: "用户昵称", Optional: true},
				{Name: "USER_FORM_FLAG_CITY", Doc: "the city; other fields of the form are taken too, by their names", DocZh: "城市；表单的其他字段也可按其名称传入", Optional: true},
			},
			Do: func(a args) (any, error) { return s.fillForm(a), nil },
		},
	}
}

// addMembers makes users members of a card.
func (s *Cards) addMembers(args map[string]string) (any, error) {
	n, err := strconv.Atoi(args["count"])
	if err != nil || n < 1 || n > 10_000 {
		return nil, errors.New("wxpaytest: count is a number from 1 to 10000")
	}
	k, err := s.openCard(args["card_id"])
	if err != nil {
		return nil, err
	}
	codes := []string{}
	for range n {
		number := s.e.Number()
		for k.members[fmt.Sprintf("48%010d", number)] != nil {
			number = s.e.Number()
		}
		m, err := s.newMember(k, fmt.Sprintf("48%010d", number), fmt.Sprintf("oWxpaytest%018d", number))
		if err != nil {
			return nil, err
		}
		codes = append(codes, m.code)
	}
	return codes, nil
}

// showReminder lets the owner of an imported phone number see the reminder.
func (s *Cards) showReminder(cardID, phone string) error {
	k, err := s.findCard(cardID)
	if err != nil {
		return err
	}
	reminder := k.reminded[s.e.Hash(samePhone(phone))]
	if reminder == nil {
		return errors.New("wxpaytest: the phone number was not imported for this card")
	}
	reminder["receive_status"] = "UNRECEIVED"
	return nil
}

// takeCard lets a user take a card.
func (s *Cards) takeCard(cardID, openid, phone string, jump bool) (code string, err error) {
	k, err := s.openCard(cardID)
	if err != nil {
		return "", err
	}
	if k.byOpenID[openid] != nil {
		return "", errors.New("wxpaytest: the user holds this card")
	}
	user := s.e.Hash(samePhone(phone))
	reminder, m := k.reminded[user], k.byPhone[user]
	if m == nil {
		if m, err = s.newMember(k, reminder.Text("code"), openid); err != nil {
			return "", err
		}
	}
	m.openid, k.byOpenID[openid], m.taken = openid, m, s.e.Now()
	if jump {
		m.status = "NOT_ACTIVATE"
	}
	if reminder != nil {
		reminder["receive_status"] = "RECEIVED"
	}
	how, more := "NEW_ACTIVATE", engine.Object{}
	if phone != "" {
		k.byPhone[user], how, more["phone_number"] = m, "MEMBER_CARD_ACCEPT_BY_PHONE_NUMBER", phone
	}
	if outer := reminder.Text("outer_str"); outer != "" {
		more["outer_str"] = outer
	}
	s.happen("MEMBERCARD.ACCEPT_CARD", how, m, more)
	return m.code, nil
}

// happen queues an event of a member.
func (s *Cards) happen(event, what string, m *member, more engine.Object) {
	plain := engine.Object{
		"event_type": what, "card_id": m.card.id, "code": m.code, "event_time": s.e.Now().Format(time.RFC3339),
		"openid": m.openid, "unionid": unionID(m.openid),
	}
	maps.Copy(plain, more)
	s.e.Happen(engine.Event{Type: event, Plaintext: plain, URL: s.callback})
}

// manageCard lets a user look at a card, change its form or delete it.
func (s *Cards) manageCard(cardID, code, what string) error {
	k, err := s.findCard(cardID)
	if err != nil {
		return err
	}
	m := k.members[code]
	if m == nil {
		return errors.New("wxpaytest: there is no such card code")
	}
	if what == "USER_DELETE_MEMBERCARD" {
		m.status = "DELETE"
	}
	s.happen("MEMBERCARD.USERCARD_MANAGE", what, m, nil)
	return nil
}

// fillForm lets a user fill in the form of a card: all that is given, but the nickname, is a field of it.
func (s *Cards) fillForm(given map[string]string) (activateTicket string) {
	list := []engine.Object{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if name != "nickname" && given[name] != "" {
			list = append(list, engine.Object{"name": name, "value": given[name]})
		}
	}
	ticket := fmt.Sprintf("ticket-%016d", s.e.Number())
	s.forms[ticket] = engine.Object{
		"nickname": given["nickname"], "head_image_url": "https://wx.qlogo.cn/wxpaytest",
		"user_information": engine.Object{"common_field_list": list},
	}
	return ticket
}
