package membercard

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A member is one user within a card.
type member struct {
	card   *card
	code   string
	openid string
	status string
	taken  time.Time
	data   engine.Object // what was set by calls
}

// newMember gives a user the card: with the code asked for, or one by the mode of the card.
func (s *Cards) newMember(k *card, code, openid string) (*member, error) {
	switch {
	case code != "":
	case k.mode() == "REAL_TIME":
		return nil, noCode()
	case k.mode() == "MERCHANT_DEPOSIT" && len(k.deposit) == 0:
		return nil, engine.Invalid("the card has no codes left")
	case k.mode() == "MERCHANT_DEPOSIT":
		code = k.deposit[0]
	default:
		code = fmt.Sprintf("47%010d", s.e.Number())
	}
	if k.members[code] != nil {
		return nil, engine.Invalid("the code belongs to another member")
	}
	k.deposit = slices.DeleteFunc(k.deposit, func(c string) bool { return c == code })
	m := &member{card: k, code: code, openid: openid, status: "EFFECTIVE", taken: s.e.Now(), data: engine.Object{}}
	k.members[code] = m
	if openid != "" {
		k.byOpenID[openid] = m
	}
	return m, nil
}

func noCode() error { return engine.Invalid("the card is in code mode REAL_TIME, so code is needed") }

type memberHandler = func(*engine.Tx, *member) (engine.Object, error)

// member finds the user card that a call is about.
func (s *Cards) member(handle memberHandler) engine.Handler {
	return s.any(func(tx *engine.Tx, k *card) (engine.Object, error) {
		m := k.members[tx.Var("code")]
		if m == nil {
			return nil, engine.Invalid("there is no such card code")
		}
		return handle(tx, m)
	})
}

// living finds one that the user has not deleted.
func (s *Cards) living(handle memberHandler) engine.Handler {
	return s.member(func(tx *engine.Tx, m *member) (engine.Object, error) {
		if m.status == "DELETE" {
			return nil, engine.Invalid("the user card is deleted; restore it first")
		}
		return handle(tx, m)
	})
}

// show is the user card as it is now.
func (m *member) show() engine.Object {
	o := engine.Object{
		"card_id": m.card.id, "code": m.code, "membership_number": m.code, "user_card_status": m.status,
		"bonus_value": m.card.data.Child("bonus").Number("init_bonus"), "balance": int64(0),
	}
	if level := m.card.data.Text("init_level"); level != "" {
		o["level"] = level
	}
	if m.openid != "" {
		o["openid"], o["nickname"], o["head_image_url"] = m.openid, "wxpaytest", "https://wx.qlogo.cn/wxpaytest"
	}
	maps.Copy(o, m.data)
	return o
}

func (s *Cards) getUserCard(_ *engine.Tx, m *member) (engine.Object, error) { return m.show(), nil }

func (s *Cards) updateUserCard(tx *engine.Tx, m *member) (engine.Object, error) {
	if b := tx.Body.Child("balance_information"); b != nil {
		if b.Number("before_balance")+b.Number("add_balance") != b.Number("balance") {
			return nil, engine.BadParam("balance_information/add_balance", "is not the difference of the balances")
		}
		m.data["balance"] = b.Number("balance")
	}
	maps.Copy(m.data, tx.Body.Pick("membership_number", "background_picture_url", "level"))
	return nil, nil
}

func (s *Cards) activateUserCard(tx *engine.Tx, m *member) (engine.Object, error) {
	if number := tx.Body.Text("membership_number"); number != "" {
		m.data["membership_number"] = number
	}
	if m.status == "NOT_ACTIVATE" {
		m.status = "EFFECTIVE"
		s.happen("MEMBERCARD.ACTIVATE_CARD", "MEMBER_CARD_ACTIVATE", m, engine.Object{"activate_scene": "NEW_ACTIVATE"})
	}
	return nil, nil
}

func (s *Cards) confirmUserCard(tx *engine.Tx, _ *member) (engine.Object, error) {
	if tx.Body.Text("user_card_confirm_state") == "DEFAULT" {
		return nil, engine.BadParam("user_card_confirm_state", "means nothing")
	}
	return nil, nil
}

func (s *Cards) invalidateUserCard(_ *engine.Tx, m *member) (engine.Object, error) {
	m.status = "UNAVAILABLE"
	return nil, nil
}

// withBonus refuses what needs bonus points on a card that has none.
func (m *member) withBonus() error {
	if m.card.data["bonus"] == nil {
		return engine.Invalid("the bonus right is not switched on for the card")
	}
	return nil
}

func (s *Cards) updateUserCardRights(tx *engine.Tx, m *member) (engine.Object, error) {
	if _, points := tx.Body["bonus_value"]; points {
		if err := m.withBonus(); err != nil {
			return nil, err
		}
		if tx.Body.Number("bonus_value")-tx.Body.Number("before_bonus_value") != tx.Body.Number("add_bonus_value") {
			return nil, engine.BadParam("add_bonus_value", "is not bonus_value minus before_bonus_value")
		}
		m.data["bonus_value"] = tx.Body.Number("bonus_value")
	}
	maps.Copy(m.data, tx.Body.Pick("fapiao_jump_word", "guide"))
	return nil, nil
}

// A bonus is the points announced for one order.
type bonus struct {
	member *member
	points int64
	booked bool
}

func orderOf(mchid, subMchID, outTradeNo string) string {
	return mchid + " " + subMchID + " " + outTradeNo
}

// ordered finds the points that were announced for the order of a call, nil if none were, and those it names.
func (s *Cards) ordered(handle func(order string, asked, announced *bonus) error) engine.Handler {
	return s.living(func(tx *engine.Tx, m *member) (engine.Object, error) {
		if err := m.withBonus(); err != nil {
			return nil, err
		}
		mchid, sub := tx.Body.Text("mchid"), tx.Body.Text("sub_mchid")
		if mchid == "" && sub == "" || mchid != "" && mchid != s.options.MchID {
			return nil, engine.Invalid("mchid or sub_mchid is not valid")
		}
		order, asked := orderOf(mchid, sub, tx.Body.Text("out_trade_no")), &bonus{member: m, points: tx.Body.Number("bonus_value")}
		announced := s.bonus[order]
		if announced != nil && (announced.member != m || announced.points != asked.points) {
			return nil, engine.Reentry("out_trade_no")
		}
		return nil, handle(order, asked, announced)
	})
}

func (s *Cards) prepareBonus(order string, asked, announced *bonus) error {
	if announced == nil {
		s.bonus[order] = asked
	}
	return nil
}

func (s *Cards) commitBonus(_ string, _, announced *bonus) error {
	if announced == nil {
		return engine.Invalid("no bonus was announced for this order")
	}
	announced.booked = true
	return nil
}

// BonusBooked reports whether points were booked for an order.
func (s *Cards) BonusBooked(mchid, subMchID, outTradeNo string) bool {
	s.e.Lock()
	defer s.e.Unlock()
	b := s.bonus[orderOf(mchid, subMchID, outTradeNo)]
	return b != nil && b.booked
}

func (s *Cards) setServiceModuleData(tx *engine.Tx, m *member) (engine.Object, error) {
	id := tx.Body.Text("service_module_id")
	if m.card.module(id) < 0 {
		return nil, noModule()
	}
	all := []engine.Object{tx.Body.Pick("service_module_id", "state_setting")}
	old, _ := m.data["service_modules"].([]engine.Object)
	for _, o := range old {
		if o.Text("service_module_id") != id {
			all = append(all, o)
		}
	}
	m.data["service_modules"] = all
	return nil, nil
}
