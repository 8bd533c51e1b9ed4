package membercard

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// importable refuses a phone number whose owner cannot be made a member.
func (s *Cards) importable(k *card, phone string) error {
	switch {
	case k.byPhone[s.e.Hash(phone)] != nil:
		return holdsCard()
	case s.options.Paid != nil && !s.options.Paid(phone):
		return engine.Invalid("the member had no WeChat Pay payment with this merchant within a year")
	}
	return nil
}

func holdsCard() error { return engine.Invalid("the member already holds this card") }

func (s *Cards) importUser(tx *engine.Tx, k *card) (engine.Object, error) {
	openid := tx.Body.Text("openid")
	if k.byOpenID[openid] != nil {
		return nil, holdsCard()
	}
	m, err := s.newMember(k, tx.Body.Text("code"), openid)
	if err != nil {
		return nil, err
	}
	return engine.Object{"code": m.code}, nil
}

func (s *Cards) importUserByPhone(tx *engine.Tx, k *card) (engine.Object, error) {
	phone, _ := tx.Prepared.(string)
	if err := s.importable(k, phone); err != nil {
		return nil, err
	}
	m, err := s.newMember(k, tx.Body.Text("code"), "")
	if err != nil {
		return nil, err
	}
	k.byPhone[s.e.Hash(phone)] = m
	return engine.Object{"code": m.code}, nil
}

// The forms of a phone number: one that starts with 1 has eleven digits, be it of the mainland or of North
// America with its country code, and the pages name no form for the others.
var (
	anyPhone      = regexp.MustCompile(`^\+?(1[0-9]{10}|[2-9][0-9]{6,14})$`)
	mainlandPhone = regexp.MustCompile(`^(\+?86)?1[0-9]{10}$`)
)

// readPhone reads the phone number that was encrypted, as [samePhone] writes it.
func readPhone(tx *engine.Tx) error { return phoneOf(tx, anyPhone, "does not hold a phone number") }

// readMainlandPhone is readPhone for numbers of the mainland alone.
func readMainlandPhone(tx *engine.Tx) error {
	return phoneOf(tx, mainlandPhone, "does not hold a phone number of the mainland")
}

func phoneOf(tx *engine.Tx, form *regexp.Regexp, issue string) error {
	phone := cmp.Or(tx.Body.Text("encrypted_phone_number"), tx.Query.Text("encrypted_phone_number"))
	if !form.MatchString(phone) {
		return engine.BadParam("encrypted_phone_number", issue)
	}
	tx.Prepared = samePhone(phone)
	return nil
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

func (s *Cards) importPhoneNumber(tx *engine.Tx, k *card) (engine.Object, error) {
	phone, _ := tx.Prepared.(string)
	about := tx.Body.Child("member_information")
	if k.mode() == "REAL_TIME" && about.Text("code") == "" {
		return nil, noCode()
	}
	if err := s.importable(k, phone); err != nil {
		return nil, err
	}
	reminder := about.Pick("code", "membership_number")
	reminder["outer_str"], reminder["receive_status"] = tx.Body.Text("outer_str"), "UNSHOWED"
	k.reminded[s.e.Hash(phone)] = reminder
	return nil, nil
}

func (s *Cards) searchPhoneNumber(tx *engine.Tx, k *card) (engine.Object, error) {
	phone, _ := tx.Prepared.(string)
	user := s.e.Hash(phone)
	if k.reminded[user] == nil {
		return nil, engine.Invalid("the phone number was not imported for this card")
	}
	answer := k.reminded[user].Pick("receive_status")
	if m := k.byPhone[user]; m != nil {
		answer["user_card_information"] = engine.Object{
			"code": m.code, "openid": m.openid, "unionid": unionID(m.openid), "receive_time": engine.Stamp(m.taken),
			"card_appid": k.data.Text("appid"), "card_id": k.id,
		}
	}
	return answer, nil
}

func unionID(openid string) string { return "union-" + openid }

func (s *Cards) listUserCards(tx *engine.Tx) (engine.Object, error) {
	var found []*member
	for _, k := range s.cards.All() {
		if m := k.byOpenID[tx.Query.Text("openid")]; m != nil && tx.Asks(k.data, "appid") {
			found = append(found, m)
		}
	}
	return engine.PageOf(tx, found, func(m *member) engine.Object { return engine.Object{"card_id": m.card.id, "code": m.code} })
}

func (s *Cards) getActivateInformation(tx *engine.Tx) (engine.Object, error) {
	form, ok := s.forms[tx.Var("activate_ticket")]
	if !ok {
		return nil, engine.Bad("path", "activate_ticket", "is not known")
	}
	return form, nil
}
