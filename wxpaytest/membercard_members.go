package wxpaytest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"strings"
	"time"
)

var memberRoutes = []route{
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/users/import", path: cardPath, imports: true, serve: (*Server).importUser, body: `
openid*	string	128
code	string	32
out_request_no*	string	128	^[0-9A-Za-z|_*-]+$`},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", path: cardPath, imports: true, serve: (*Server).importUserByPhone, body: `
encrypted_phone_number*	secret	512
code	string	32
out_request_no*	string	32	^[0-9A-Za-z|_*-]+$`},
	{pattern: "POST /v3/marketing/membercard-open/phonenumber-member/import", imports: true, serve: (*Server).importPhoneNumber, body: `
encrypted_phone_number*	secret	512
outer_str	string	128
member_information*	{}
	card_id*	string	32
	code	string	32
	membership_number	string	32
	registration_time*	time`},
	{pattern: "GET /v3/marketing/membercard-open/phonenumber-member/search", serve: (*Server).searchPhoneNumber, query: `
card_id*	string	32
encrypted_phone_number*	secret	512`},
	{pattern: "GET /v3/marketing/membercard-open/user/cards", serve: (*Server).listUserCards, query: `
openid*	string	128
appid	string	32
offset*	int	0..
limit*	int	1..20`},
	{pattern: "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}", path: "activate_ticket string 256", serve: (*Server).getActivateInformation},
}

// A member is one user within a card.
type member struct {
	card   *card
	code   string
	openid string
	status string
	taken  time.Time
	data   object // what was set by calls; nil: nothing
}

// newMember gives a user the card: with the code asked for, or one by the mode of the card.
func (s *Server) newMember(k *card, code, openid string) (*member, error) {
	switch mode := k.data.text("code_mode"); {
	case mode == "REAL_TIME" && code == "":
		return nil, invalid("the card is in code mode REAL_TIME, so code is needed")
	case mode == "MERCHANT_DEPOSIT" && code == "":
		if len(k.deposit) == 0 {
			return nil, invalid("the card has no codes left")
		}
		code, k.deposit = k.deposit[0], k.deposit[1:]
	case code == "":
		code = fmt.Sprintf("47%010d", s.number())
	}
	if k.members[code] != nil {
		return nil, invalid("the code belongs to another member")
	}
	m := &member{card: k, code: code, openid: openid, status: "EFFECTIVE", taken: s.now()}
	k.members[code] = m
	if openid != "" {
		k.byOpenID[openid] = m
	}
	return m, nil
}

// paid reports whether a user, by openid or phone number, paid the brand within a year.
func (s *Server) paid(user string) bool { return s.options.Paid == nil || s.options.Paid(user) }

var errNotPaid = invalid("the member had no WeChat Pay payment with this merchant within a year")

func (s *Server) importUser(c *call) (any, error) {
	return s.first(c, func() (any, error) {
		k, err := s.openCard(c.vars.text("card_id"))
		openid := c.body.text("openid")
		switch {
		case err != nil:
			return nil, err
		case k.byOpenID[openid] != nil:
			return nil, invalid("the member already holds this card")
		}
		m, err := s.newMember(k, c.body.text("code"), openid)
		if err != nil {
			return nil, err
		}
		return object{"code": m.code}, nil
	})
}

func (s *Server) importUserByPhone(c *call) (any, error) {
	phone, err := c.phone(anyPhone)
	if err != nil {
		return nil, err
	}
	return s.first(c, func() (any, error) {
		k, err := s.openCard(c.vars.text("card_id"))
		user := maphash.String(s.seed, phone)
		switch {
		case err != nil:
			return nil, err
		case k.byPhone[user] != nil:
			return nil, invalid("the member already holds this card")
		case !s.paid(phone):
			return nil, errNotPaid
		}
		m, err := s.newMember(k, c.body.text("code"), "")
		if err != nil {
			return nil, err
		}
		k.byPhone[user] = m
		return object{"code": m.code}, nil
	})
}

// The forms of a phone number: one that starts with 1 has eleven digits, be it of the mainland or of North
// America with its country code, and the pages name no form for the others.
var (
	anyPhone      = regexp.MustCompile(`^\+?(1[0-9]{10}|[2-9][0-9]{6,14})$`)
	mainlandPhone = regexp.MustCompile(`^(\+?86)?1[0-9]{10}$`)
)

// phone is the phone number of the request, which was encrypted, as [samePhone] writes it.
func (c *call) phone(form *regexp.Regexp) (string, error) {
	phone := c.secrets["encrypted_phone_number"]
	if !form.MatchString(phone) {
		issue := "does not hold a phone number"
		if form == mainlandPhone {
			issue += " of the mainland"
		}
		return "", badParam("encrypted_phone_number", issue)
	}
	return samePhone(phone), nil
}

// samePhone writes a phone number in one way, whatever stands before it: +8613800138000 and 13800138000 are
// the same user.
func samePhone(phone string) string {
	phone = strings.TrimPrefix(phone, "+")
	if mainlandPhone.MatchString(phone) {
		return strings.TrimPrefix(phone, "86")
	}
	return phone
}

func (s *Server) importPhoneNumber(c *call) (any, error) {
	phone, err := c.phone(anyPhone)
	if err != nil {
		return nil, err
	}
	about := c.body.child("member_information")
	k, err := s.openCard(about.text("card_id"))
	user := maphash.String(s.seed, phone)
	switch {
	case err != nil:
		return nil, err
	case k.byPhone[user] != nil:
		return nil, invalid("the member already holds this card")
	case k.data.text("code_mode") == "REAL_TIME" && about.text("code") == "":
		return nil, invalid("the card is in code mode REAL_TIME, so code is needed")
	case !s.paid(phone):
		return nil, errNotPaid
	}
	reminder := about.pick("code", "membership_number")
	reminder["outer_str"] = c.body.text("outer_str")
	reminder["receive_status"] = "UNSHOWED"
	k.reminded[user] = reminder
	return nil, nil
}

func (s *Server) searchPhoneNumber(c *call) (any, error) {
	phone, err := c.phone(mainlandPhone)
	if err != nil {
		return nil, err
	}
	k, err := s.findCard(c.query.text("card_id"))
	if err != nil {
		return nil, err
	}
	user := maphash.String(s.seed, phone)
	reminder := k.reminded[user]
	if reminder == nil {
		return nil, invalid("the phone number was not imported for this card")
	}
	answer := reminder.pick("receive_status")
	if m := k.byPhone[user]; m != nil {
		answer["user_card_information"] = object{
			"code": m.code, "openid": m.openid, "unionid": unionID(m.openid), "receive_time": stamp(m.taken),
			"card_appid": k.data.text("appid"), "card_id": k.id,
		}
	}
	return answer, nil
}

func unionID(openid string) string { return "union-" + openid }

// ShowReminder lets the owner of an imported phone number see the reminder and not take the card yet.
func (s *Server) ShowReminder(cardID, phone string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.findCard(cardID)
	if err != nil {
		return err
	}
	reminder := k.reminded[maphash.String(s.seed, samePhone(phone))]
	if reminder == nil {
		return errors.New("wxpaytest: the phone number was not imported for this card")
	}
	reminder["receive_status"] = "UNRECEIVED"
	return nil
}

// TakeCard lets a user take a card, by phone number if that was imported (else leave it empty). It makes
// the event MEMBERCARD.ACCEPT_CARD and returns the card code. A card whose activation jumps to the
// merchant is NOT_ACTIVATE until it is activated.
func (s *Server) TakeCard(cardID, openid, phone string, jump bool) (code string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.openCard(cardID)
	if err != nil {
		return "", err
	}
	if k.byOpenID[openid] != nil {
		return "", errors.New("wxpaytest: the user holds this card")
	}
	user := maphash.String(s.seed, samePhone(phone))
	reminder, m := k.reminded[user], k.byPhone[user]
	if m == nil {
		if m, err = s.newMember(k, reminder.text("code"), openid); err != nil {
			return "", err
		}
	}
	m.openid, k.byOpenID[openid], m.taken = openid, m, s.now()
	how := "NEW_ACTIVATE"
	if phone != "" {
		k.byPhone[user], how = m, "MEMBER_CARD_ACCEPT_BY_PHONE_NUMBER"
	}
	if reminder != nil {
		reminder["receive_status"] = "RECEIVED"
	}
	if jump {
		m.status = "NOT_ACTIVATE"
	}
	event := s.memberEvent("MEMBERCARD.ACCEPT_CARD", how, m)
	if phone != "" {
		event["phone_number"], err = encryptForMerchant(phone)
	}
	if outer := reminder.text("outer_str"); outer != "" {
		event["outer_str"] = outer
	}
	return m.code, err
}

// memberEvent queues an event of a member and returns its plaintext, to be added to.
func (s *Server) memberEvent(event, what string, m *member) object {
	plain := object{
		"event_type": what, "card_id": m.card.id, "code": m.code, "event_time": s.now().Format(time.RFC3339),
		"openid": m.openid, "unionid": unionID(m.openid),
	}
	s.happen(Event{Type: event, Plaintext: plain, URL: s.cards.callback})
	return plain
}

// ManageCard lets a user look at a card, change its form or delete it: what is USER_VIEW_MEMBERCARD,
// USER_MODIFY_INFORMATION or USER_DELETE_MEMBERCARD. It makes the event MEMBERCARD.USERCARD_MANAGE.
func (s *Server) ManageCard(cardID, code, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findMember(cardID, code)
	if err != nil {
		return err
	}
	if what == "USER_DELETE_MEMBERCARD" {
		m.status = "DELETE"
	}
	s.memberEvent("MEMBERCARD.USERCARD_MANAGE", what, m)
	return nil
}

func (s *Server) listUserCards(c *call) (any, error) {
	var found []object
	for _, k := range s.cards.all {
		if m := k.byOpenID[c.query.text("openid")]; m != nil && c.wants("appid", k.data) {
			found = append(found, object{"card_id": k.id, "code": m.code})
		}
	}
	return c.pageByNumber(found), nil
}

// FillForm lets a user fill in the form of a card and returns the activate_ticket of the jump to the
// merchant. The fields are those of the platform, such as USER_FORM_FLAG_CITY, by name.
func (s *Server) FillForm(nickname string, fields map[string]string) (activateTicket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []object{}
	for name, value := range fields {
		list = append(list, object{"name": name, "value": value})
	}
	ticket := fmt.Sprintf("ticket-%016d", s.number())
	if s.cards.forms == nil {
		s.cards.forms = map[string]object{}
	}
	s.cards.forms[ticket] = object{
		"nickname": nickname, "head_image_url": "https://wx.qlogo.cn/wxpaytest",
		"user_information": object{"common_field_list": list},
	}
	return ticket
}

func (s *Server) getActivateInformation(c *call) (any, error) {
	form, ok := s.cards.forms[c.vars.text("activate_ticket")]
	if !ok {
		return nil, badTicket
	}
	return form, nil
}

var badTicket = bad("path", &violation{"/activate_ticket", nil, "is not known"})
