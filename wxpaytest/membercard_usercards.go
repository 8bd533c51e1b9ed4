package wxpaytest

import (
	"maps"
)

var userCardRoutes = []route{
	{pattern: "GET /v3/marketing/membercard-open/cards/{card_id}/codes/{code}", path: codePath, serve: (*Server).getUserCard},
	{pattern: "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}", path: codePath, serve: (*Server).updateUserCard, body: `
membership_number	string	32
background_picture_url	uri	128
level	string	5
out_request_no*	string	32	^[0-9A-Za-z|_*-]+$
balance_information	{}
	before_balance*	int
	balance*	int
	add_balance*	int
	balance_remark	string
need_inform_balance	bool
need_inform_level	bool`},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate", path: codePath, body: "membership_number string 32", serve: (*Server).activateUserCard},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/confirm", path: codePath, serve: (*Server).confirmUserCard, body: `
fail_reason	string	128
user_card_confirm_state*	CREATE_CARD_SUCCESS|CREATE_CARD_FAIL|CREATE_CARD_ALREADY_EXISTS`},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/unavailable", path: codePath, body: "reason string 30", serve: (*Server).invalidateUserCard},
	{pattern: "PATCH /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/rights", path: codePath, serve: (*Server).updateUserCardRights, body: `
before_bonus_value	int
bonus_value	int
add_bonus_value	int
out_request_no*	string	128	^[0-9A-Za-z|_*-]+$
need_inform_bonus	bool
member_price_word	string	8
fapiao_jump_word	string	6
guide	@guide`},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/prepare", path: codePath, body: bonusShape, serve: (*Server).prepareBonus},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/bonus/commit", path: codePath, body: bonusShape, serve: (*Server).commitBonus},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/set-service-module-data", path: codePath, serve: (*Server).setServiceModuleData, body: `
out_request_no*	string	8..128	^[0-9A-Za-z|_*-]+$
service_module_id*	string	1..9
state_setting*	{}
	state_id*	string
	content_template_data*	{}
		field_list	[]@template_field
		action_setting	{}
			action_name*	string
			jump_miniprogram*	@jump_miniprogram
	message_template_setting	{}
		message_template_id*	string
		field_list*	[]@template_field`},
}

const bonusShape = `
out_trade_no*	string	32
mchid	string	32
sub_mchid	string	32
bonus_value*	int	1..`

// memberOf finds the user card that a request is about.
func (s *Server) memberOf(c *call) (*member, error) {
	return s.findMember(c.vars.text("card_id"), c.vars.text("code"))
}

func (s *Server) findMember(cardID, code string) (*member, error) {
	k, err := s.findCard(cardID)
	if err != nil {
		return nil, err
	}
	m := k.members[code]
	if m == nil {
		return nil, invalid("there is no such card code")
	}
	return m, nil
}

// livingMember finds a user card that the user has not deleted.
func (s *Server) livingMember(c *call) (*member, error) {
	m, err := s.memberOf(c)
	if err == nil && m.status == "DELETE" {
		return nil, invalid("the user card is deleted; restore it first")
	}
	return m, err
}

func (m *member) set(name string, v any) {
	if m.data == nil {
		m.data = object{}
	}
	m.data[name] = v
}

func (s *Server) getUserCard(c *call) (any, error) {
	m, err := s.memberOf(c)
	if err != nil {
		return nil, err
	}
	o := object{
		"card_id": m.card.id, "code": m.code, "membership_number": m.code, "user_card_status": m.status,
		"bonus_value": m.card.data.child("bonus").number("init_bonus"), "balance": int64(0),
	}
	if level := m.card.data.text("init_level"); level != "" {
		o["level"] = level
	}
	if m.openid != "" {
		o["openid"], o["nickname"], o["head_image_url"] = m.openid, "wxpaytest", "https://wx.qlogo.cn/wxpaytest"
	}
	maps.Copy(o, m.data)
	return o, nil
}

func (s *Server) updateUserCard(c *call) (any, error) {
	return s.first(c, func() (any, error) {
		m, err := s.livingMember(c)
		if err != nil {
			return nil, err
		}
		if b := c.body.child("balance_information"); b != nil {
			if b.number("before_balance")+b.number("add_balance") != b.number("balance") {
				return nil, badParam("balance_information/add_balance", "is not the difference of the balances")
			}
			m.set("balance", b.number("balance"))
		}
		for name, v := range c.body.pick("membership_number", "background_picture_url", "level") {
			m.set(name, v)
		}
		return nil, nil
	})
}

func (s *Server) activateUserCard(c *call) (any, error) {
	m, err := s.livingMember(c)
	if err != nil {
		return nil, err
	}
	if number := c.body.text("membership_number"); number != "" {
		m.set("membership_number", number)
	}
	if m.status == "NOT_ACTIVATE" {
		m.status = "EFFECTIVE"
		s.memberEvent("MEMBERCARD.ACTIVATE_CARD", "MEMBER_CARD_ACTIVATE", m)["activate_scene"] = "NEW_ACTIVATE"
	}
	return nil, nil
}

func (s *Server) confirmUserCard(c *call) (any, error) {
	_, err := s.livingMember(c)
	return nil, err
}

func (s *Server) invalidateUserCard(c *call) (any, error) {
	m, err := s.memberOf(c)
	if err != nil {
		return nil, err
	}
	m.status = "UNAVAILABLE"
	return nil, nil
}

// withBonus refuses what needs bonus points on a card that has none.
func (m *member) withBonus() error {
	if m.card.data["bonus"] == nil {
		return invalid("the bonus right is not switched on for the card")
	}
	return nil
}

func (s *Server) updateUserCardRights(c *call) (any, error) {
	return s.first(c, func() (any, error) {
		m, err := s.livingMember(c)
		if err != nil {
			return nil, err
		}
		if _, points := c.body["bonus_value"]; points {
			if err := m.withBonus(); err != nil {
				return nil, err
			}
			if c.body.number("bonus_value")-c.body.number("before_bonus_value") != c.body.number("add_bonus_value") {
				return nil, badParam("add_bonus_value", "is not bonus_value minus before_bonus_value")
			}
			m.set("bonus_value", c.body.number("bonus_value"))
		}
		for name, v := range c.body.pick("fapiao_jump_word", "guide") {
			m.set(name, v)
		}
		return nil, nil
	})
}

// A bonus is the points announced for one order.
type bonus struct {
	member *member
	points int64
	booked bool
}

// orderBonus returns the points that a request names and, if they were announced, those of its order.
func (s *Server) orderBonus(c *call) (order string, asked, announced *bonus, err error) {
	m, err := s.livingMember(c)
	if err == nil {
		err = m.withBonus()
	}
	if err != nil {
		return "", nil, nil, err
	}
	mchid, sub := c.body.text("mchid"), c.body.text("sub_mchid")
	if mchid == "" && sub == "" || mchid != "" && mchid != MchID {
		return "", nil, nil, invalid("mchid or sub_mchid is not valid")
	}
	order = mchid + " " + sub + " " + c.body.text("out_trade_no")
	asked, announced = &bonus{member: m, points: c.body.number("bonus_value")}, s.cards.bonus[order]
	if announced != nil && (announced.member != asked.member || announced.points != asked.points) {
		return "", nil, nil, reentry("out_trade_no")
	}
	return order, asked, announced, nil
}

func (s *Server) prepareBonus(c *call) (any, error) {
	order, asked, announced, err := s.orderBonus(c)
	if err != nil || announced != nil {
		return nil, err
	}
	if s.cards.bonus == nil {
		s.cards.bonus = map[string]*bonus{}
	}
	s.cards.bonus[order] = asked
	return nil, nil
}

func (s *Server) commitBonus(c *call) (any, error) {
	_, _, announced, err := s.orderBonus(c)
	if err != nil {
		return nil, err
	}
	if announced == nil {
		return nil, invalid("no bonus was announced for this order")
	}
	announced.booked = true
	return nil, nil
}

// BonusBooked reports whether points were booked for an order of the merchant, or of a sub-merchant.
func (s *Server) BonusBooked(mchid, subMchID, outTradeNo string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.cards.bonus[mchid+" "+subMchID+" "+outTradeNo]
	return b != nil && b.booked
}

func (s *Server) setServiceModuleData(c *call) (any, error) {
	return s.first(c, func() (any, error) {
		m, err := s.livingMember(c)
		if err != nil {
			return nil, err
		}
		id := c.body.text("service_module_id")
		if m.card.module(id) == nil {
			return nil, invalid("the service item is not on the card")
		}
		all := []object{c.body.pick("service_module_id", "state_setting")}
		old, _ := m.data["service_modules"].([]object)
		for _, o := range old {
			if o.text("service_module_id") != id {
				all = append(all, o)
			}
		}
		m.set("service_modules", all)
		return nil, nil
	})
}
