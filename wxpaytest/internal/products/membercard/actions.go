package membercard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// noYes is what an option can be.
var noYes = []string{"false", "true"}

// manage are the ways in which a user manages a card.
var manage = []string{"USER_VIEW_MEMBERCARD", "USER_MODIFY_INFORMATION", "USER_DELETE_MEMBERCARD"}

func (s *Cards) actions() []engine.Action {
	type args = map[string]string
	card, code, openid, phone := engine.Param{Name: "card_id"}, engine.Param{Name: "code"}, engine.Param{Name: "openid"}, engine.Param{Name: "phone"}
	given := engine.Param{Name: "card_id", Doc: "at most 32 characters", Optional: true}
	old := engine.Param{Name: "old", Doc: "of the official accounts platform, to be upgraded", Values: noYes, Optional: true}
	jump := engine.Param{Name: "jump", Doc: "it waits to be activated", Values: noYes, Optional: true}
	imported := engine.Param{Name: "phone", Doc: "by which the user was imported", Optional: true}
	return []engine.Action{
		{
			Name: "add-card", Doc: "an approved card with bonus points switched on", Params: []engine.Param{{Name: "code_mode", Values: codeModes}, given, old},
			Do: func(_ context.Context, a args) (any, error) {
				var id []string
				if a["card_id"] != "" {
					id = append(id, a["card_id"])
				}
				return s.AddCard(a["code_mode"], a["old"] == "true", id...)
			},
		},
		{
			Name: "take-card", Doc: "a user takes a card", Params: []engine.Param{card, openid, imported, jump},
			Do: func(_ context.Context, a args) (any, error) {
				return s.TakeCard(a["card_id"], a["openid"], a["phone"], a["jump"] == "true")
			},
		},
		{
			Name: "show-reminder", Doc: "the owner of an imported phone number sees the reminder and does not take the card yet", Params: []engine.Param{card, phone},
			Do: func(_ context.Context, a args) (any, error) { return nil, s.ShowReminder(a["card_id"], a["phone"]) },
		},
		{
			Name: "manage-card", Doc: "a user looks at a card, changes its form or deletes it", Params: []engine.Param{card, code, {Name: "what", Values: manage}},
			Do: func(_ context.Context, a args) (any, error) {
				return nil, s.ManageCard(a["card_id"], a["code"], a["what"])
			},
		},
		{
			Name: "fill-form", Doc: "a user fills in the form of a card; the answer is the activate_ticket of the jump to the merchant",
			Params: []engine.Param{{Name: "nickname"}, {Name: "USER_FORM_FLAG_CITY", Optional: true}},
			Do: func(_ context.Context, a args) (any, error) {
				fields := maps.Clone(a)
				delete(fields, "nickname")
				return s.FillForm(a["nickname"], fields), nil
			},
		},
	}
}

// ShowReminder lets the owner of an imported phone number see the reminder.
func (s *Cards) ShowReminder(cardID, phone string) error {
	s.e.Lock()
	defer s.e.Unlock()
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

// TakeCard lets a user take a card.
func (s *Cards) TakeCard(cardID, openid, phone string, jump bool) (code string, err error) {
	s.e.Lock()
	defer s.e.Unlock()
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

// ManageCard lets a user look at a card, change its form or delete it.
func (s *Cards) ManageCard(cardID, code, what string) error {
	s.e.Lock()
	defer s.e.Unlock()
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

// FillForm lets a user fill in the form of a card.
func (s *Cards) FillForm(nickname string, fields map[string]string) (activateTicket string) {
	s.e.Lock()
	defer s.e.Unlock()
	list := []engine.Object{}
	for name, value := range fields {
		list = append(list, engine.Object{"name": name, "value": value})
	}
	ticket := fmt.Sprintf("ticket-%016d", s.e.Number())
	s.forms[ticket] = engine.Object{
		"nickname": nickname, "head_image_url": "https://wx.qlogo.cn/wxpaytest",
		"user_information": engine.Object{"common_field_list": list},
	}
	return ticket
}
