package wxpaytest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// shapes are objects that several calls share.
var shapes = map[string]string{
	"date_information": `
type*	FIX_TIME_RANGE|FIX_TERM|PERMANENT
available_begin_time	time
available_end_time	time
available_day_after_receive	int
wait_days_after_receive	int`,
	"balance_information": `
need_balance	bool
balance_appid	string
balance_path	string
balance_url	uri`,
	"custom_field": `
type	TEXT|SELECT|RADIO|CHECK_BOX
name	string
values	[]string`,
	"user_information_form":          informationForm,
	"editable_user_information_form": informationForm + "\ncan_modify_after_activate bool",
	"additional_statement": `
title	string
url	uri
appid	string
path	string`,
	"guide": `
staff_name	string
head_image_url	uri
contact_information_name	string
contact_information_value	string
phone_number	string`,
	"jump_miniprogram": `
appid*	string
path*	string`,
	"template_field": `
field_id*	string
field_value*	string`,
}

const (
	cardPath = "card_id string 32"
	codePath = cardPath + "\ncode string 32"

	informationForm = `
common_field_list	[]USER_FORM_FLAG_MOBILE|USER_FORM_FLAG_SEX|USER_FORM_FLAG_NAME|USER_FORM_FLAG_BIRTHDAY|USER_FORM_FLAG_ADDRESS|USER_FORM_FLAG_EMAIL|USER_FORM_FLAG_CITY
custom_field_list	[]@custom_field`

	cardMembers = `
service_phone	string	32
total_quantity	int	0..
need_display_level	bool
init_level	string	5
balance_information	@balance_information
additional_statement	@additional_statement
need_dynamic_code	bool`

	activationTarget = `
activate_type*	AUTO_ACTIVATE|JUMP_ACTIVATE
activate_url	uri	128
activate_appid	string	32
activate_path	string	128
outer_str	string	32`

	serviceModule = "service_module_id*	string	1..9\njump_miniprogram	@jump_miniprogram"
)

var cardRoutes = []route{
	{pattern: "PATCH /v3/marketing/membercard-open/callback", body: "notify_url* callback 256", serve: (*Server).setCallback},
	{pattern: "GET /v3/marketing/membercard-open/callback", serve: (*Server).getCallback},
	{pattern: "POST /v3/marketing/membercard-open/cards", serve: (*Server).createCard, body: cardMembers + `
appid*	string	32
logo_url*	uri	128
brand*	{}
	brand_id*	string	16
	display_name*	string
title*	string	10
background_picture_url*	uri	128
description*	string	500
code_type*	BAR_CODE|QRCODE|BAR_CODE_AND_QRCODE|NONE_CODE
date_information*	@date_information
code_mode*	SYSTEM_ALLOCATE|MERCHANT_DEPOSIT|REAL_TIME
user_information_form	@user_information_form
out_request_no*	string	1..	^[0-9A-Za-z|_*-]+$`},
	{pattern: "GET /v3/marketing/membercard-open/cards", serve: (*Server).listCards, query: `
brand_id	string	16
appid	string	32
offset*	int	0..
limit*	int	1..20`},
	{pattern: "GET /v3/marketing/membercard-open/cards/{card_id}", path: cardPath, serve: (*Server).getCard},
	{pattern: "PATCH /v3/marketing/membercard-open/cards/{card_id}", path: cardPath, serve: (*Server).updateCard, body: cardMembers + `
appid	string	32
logo_url	uri	128
title	string	10
background_picture_url	uri	128
description	string	500
code_type	BAR_CODE|QRCODE|BAR_CODE_AND_QRCODE|NONE_CODE
date_information	@date_information
code_mode	SYSTEM_ALLOCATE|MERCHANT_DEPOSIT|REAL_TIME
user_information_form	@editable_user_information_form`},
	{pattern: "DELETE /v3/marketing/membercard-open/cards/{card_id}", path: cardPath, serve: (*Server).deleteCard},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/codes/deposit", path: cardPath, body: "code []string 1..32", serve: (*Server).depositCodes},
	{pattern: "PATCH /v3/marketing/membercard-open/cards/{card_id}/rights", path: cardPath, serve: (*Server).updateCardRights, body: `
show_bonus*	bool
show_favor*	bool
bonus	{}
	init_bonus*	int
	bonus_value_word*	string
	bonus_cost_title	string
	bonus_cost_word*	string
	bonus_jump_word	string
	bonus_jump_appid	string
	bonus_jump_path	string
	bonus_support_appid	string
	bonus_support_path	string
favor	{}
	show_coupon*	bool
	member_price_word	string
	member_price_appid	string
	member_price_path	string
	member_price_title	MEMBER_PRICE|MEMBER_ACTIVITY
	favor_module_title	FAVOR|VIP
show_fapiao	bool
fapiao	{}
	fapiao_jump_word	string
	fapiao_jump_appid	string
	fapiao_jump_path	string
show_guide	bool
guide	@guide`},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/service-modules", path: cardPath, body: serviceModule, serve: (*Server).addServiceModule},
	{pattern: "PATCH /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}", path: cardPath + "\nservice_module_id string 1..9", body: "jump_miniprogram @jump_miniprogram", serve: (*Server).updateServiceModule},
	{pattern: "DELETE /v3/marketing/membercard-open/cards/{card_id}/service-modules/{service_module_id}", path: cardPath + "\nservice_module_id string 1..9", serve: (*Server).removeServiceModule},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/qrcode", path: cardPath, body: activationTarget, serve: (*Server).createCardQrcode},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/permission-tokens", path: cardPath, body: activationTarget + "\nnavigate_back_previous_page bool", serve: (*Server).createPermissionToken},
	{pattern: "GET /v3/marketing/membercard-open/cards/{card_id}/decrypt-code", path: cardPath, query: "encrypt_code* string 128", serve: (*Server).decryptCode},
	{pattern: "POST /v3/marketing/membercard-open/cards/{card_id}/upgrade", path: cardPath, body: "brand_id* string 16\nappid* string 32", serve: (*Server).upgradeCard},
}

// cards is the state of member cards.
type cards struct {
	callback   string
	all        []*card           // oldest first
	numbers    map[uint64]once   // by hash of call and request number
	forms      map[string]object // what users filled in, by ticket
	bonus      map[string]*bonus // announced, by order
	activities []*activity
}

type card struct {
	id       string
	old      bool   // made in the official accounts platform, not yet upgraded
	data     object // members of Card
	modules  []object
	deposit  []string // codes that nobody has yet
	members  map[string]*member
	byOpenID map[string]*member
	byPhone  map[uint64]*member // by hash of the phone number
	reminded map[uint64]object  // phone numbers that were imported to remind their owners
}

// A once is a request number that was used: a hash of what it asked for, and the JSON it was answered.
type once struct {
	content uint64
	answer  json.RawMessage // nil: a 204
}

func (o once) value() any {
	if o.answer == nil {
		return nil
	}
	return o.answer
}

// first runs f for a request number that is new. A number that comes again with the same content gets the
// same answer, with other content it is refused.
func (s *Server) first(c *call, f func() (any, error)) (any, error) {
	content := maps.Clone(c.body)
	for name, plain := range c.secrets { // every encryption of a number looks different
		content[name] = plain
	}
	number := maphash.String(s.seed, c.in.endpoint.pattern+" "+c.body.text("out_request_no"))
	now := maphash.String(s.seed, canonical(c.vars)+canonical(content))
	if before, ok := s.cards.numbers[number]; ok {
		if before.content != now {
			return nil, reentry("out_request_no")
		}
		return before.value(), nil
	}
	answer, err := f()
	if err != nil {
		return nil, err
	}
	done := once{content: now}
	if answer != nil {
		done.answer = json.RawMessage(canonical(answer))
	}
	if s.cards.numbers == nil {
		s.cards.numbers = map[uint64]once{}
	}
	s.cards.numbers[number] = done
	return done.value(), nil
}

func (s *Server) setCallback(c *call) (any, error) {
	s.cards.callback = c.body.text("notify_url")
	return s.getCallback(c)
}

func (s *Server) getCallback(*call) (any, error) {
	if s.cards.callback == "" {
		return nil, invalid("no callback address was set")
	}
	return object{"notify_url": s.cards.callback, "mchid": MchID}, nil
}

// AddCard seeds an approved card with bonus points switched on, in one of the code modes SYSTEM_ALLOCATE,
// MERCHANT_DEPOSIT and REAL_TIME, and returns its card_id: the one given, of 1 to 32
// characters, or one of the server's own. With another mode, or an ID that is taken or too long, the test
// fails, no card is made and the card_id is empty.
func (s *Server) AddCard(codeMode string, cardID ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(codeModes, codeMode) {
		s.complain("AddCard: %q is no code mode; there are %s", codeMode, strings.Join(codeModes, ", "))
		return ""
	}
	id := s.cardID()
	if len(cardID) > 0 {
		id = cardID[0]
	}
	if n := utf8.RuneCountInString(id); n < 1 || n > 32 || slices.ContainsFunc(s.cards.all, func(k *card) bool { return k.id == id }) {
		s.complain("AddCard: %q is taken, or has not 1 to 32 characters", id)
		return ""
	}
	return s.addCard(id, object{
		"appid": "wxea9c30890f48d5ae", "brand": object{"brand_id": "1004", "display_name": "wxpaytest"}, "title": "wxpaytest",
		"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0", "background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
		"description": "wxpaytest", "code_type": "BAR_CODE", "code_mode": codeMode, "date_information": object{"type": "PERMANENT"},
		"out_request_no": "wxpaytest", "init_level": "白银会员",
		"bonus": object{"init_bonus": int64(0), "bonus_value_word": "积分", "bonus_cost_word": "积分"},
	}).id
}

var codeModes = []string{"SYSTEM_ALLOCATE", "MERCHANT_DEPOSIT", "REAL_TIME"}

// AddOldCard seeds a card of the official accounts platform: nothing works on it before it is upgraded.
func (s *Server) AddOldCard() (cardID string) {
	id := s.AddCard("SYSTEM_ALLOCATE")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cards.all[len(s.cards.all)-1].old = true
	return id
}

func (s *Server) addCard(id string, data object) *card {
	k := &card{
		id: id, data: maps.Clone(data),
		members: map[string]*member{}, byOpenID: map[string]*member{}, byPhone: map[uint64]*member{}, reminded: map[uint64]object{},
	}
	if _, set := k.data["total_quantity"]; !set && data.text("code_mode") == "SYSTEM_ALLOCATE" {
		k.data["total_quantity"] = int64(5000000)
	}
	k.data["card_id"], k.data["status"], k.data["create_time"] = k.id, "APPROVED", stamp(s.now())
	k.data["update_time"] = k.data["create_time"]
	s.cards.all = append(s.cards.all, k)
	return k
}

func (s *Server) cardID() string { return fmt.Sprintf("pbLat%023d", s.number()) }

// show is the card as it is now.
func (k *card) show() object {
	o := maps.Clone(k.data)
	switch {
	case k.data.text("code_mode") == "MERCHANT_DEPOSIT":
		o["total_quantity"], o["remain_quantity"] = int64(len(k.deposit)+len(k.members)), int64(len(k.deposit))
	default:
		o["remain_quantity"] = max(0, k.data.number("total_quantity")-int64(len(k.members)))
	}
	if len(k.modules) > 0 {
		o["service_modules"] = k.modules
	}
	return o
}

// cardOf finds the card that a request is about.
func (s *Server) cardOf(c *call) (*card, error) { return s.findCard(c.vars.text("card_id")) }

func (s *Server) findCard(id string) (*card, error) {
	for _, k := range s.cards.all {
		if k.id != id {
			continue
		}
		if k.old {
			return nil, invalid("this is an old card; upgrade it first")
		}
		return k, nil
	}
	return nil, invalid("card_id is not valid")
}

// openCard finds a card that may be handed out.
func (s *Server) openCard(id string) (*card, error) {
	k, err := s.findCard(id)
	if err == nil && k.data.text("status") == "DELETED" {
		return nil, invalid("card_id is not valid: the card was deleted")
	}
	return k, err
}

func (s *Server) createCard(c *call) (any, error) {
	if b := c.body.child("balance_information"); b.flag("need_balance") && b.text("balance_path") == "" && b.text("balance_url") == "" {
		return nil, invalid("balance_path is missing")
	}
	return s.first(c, func() (any, error) {
		o := s.addCard(s.cardID(), c.body).show()
		o["status"] = "NOT_APPROVE" // the review takes until the next call
		return o, nil
	})
}

func (s *Server) listCards(c *call) (any, error) {
	var found []object
	for _, k := range s.cards.all {
		brand := c.query.text("brand_id")
		if !k.old && c.wants("appid", k.data) && (brand == "" || brand == k.data.child("brand").text("brand_id")) {
			found = append(found, k.show())
		}
	}
	return c.pageByNumber(found), nil
}

func (s *Server) getCard(c *call) (any, error) {
	k, err := s.cardOf(c)
	if err != nil {
		return nil, err
	}
	return k.show(), nil
}

func (s *Server) updateCard(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if mode := c.body.text("code_mode"); mode != "" && mode != k.data.text("code_mode") {
		return nil, invalid("the code mode cannot be changed")
	}
	maps.Copy(k.data, c.body)
	k.data["update_time"] = stamp(s.now())
	return nil, nil
}

func (s *Server) deleteCard(c *call) (any, error) {
	k, err := s.cardOf(c)
	if err != nil {
		return nil, err
	}
	k.data["status"], k.data["update_time"] = "DELETED", stamp(s.now())
	return nil, nil
}

func (s *Server) depositCodes(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if k.data.text("code_mode") != "MERCHANT_DEPOSIT" {
		return nil, invalid("the card is not in code mode MERCHANT_DEPOSIT, which cannot be changed")
	}
	results := []object{}
	codes, _ := c.body["code"].([]any)
	for _, v := range codes {
		code, result := v.(string), "SUCCESS"
		if k.members[code] != nil || slices.Contains(k.deposit, code) {
			result = "DUPLICATE"
		} else {
			k.deposit = append(k.deposit, code)
		}
		results = append(results, object{"code": code, "result": result})
	}
	return object{"data": results}, nil
}

func (s *Server) updateCardRights(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if b := c.body.child("bonus"); b.text("bonus_jump_word") != "" && b.text("bonus_jump_path") == "" {
		return nil, invalid("the bonus jump path is missing")
	}
	for _, name := range []string{"bonus", "favor", "fapiao", "guide"} {
		if !c.body.flag("show_" + name) {
			delete(k.data, name)
			continue
		}
		if v, ok := c.body[name]; ok {
			k.data[name] = v
		} else if k.data[name] == nil {
			k.data[name] = object{}
		}
	}
	k.data["update_time"] = stamp(s.now())
	return nil, nil
}

func (k *card) module(id string) object {
	for _, m := range k.modules {
		if m.text("service_module_id") == id {
			return m
		}
	}
	return nil
}

func (s *Server) addServiceModule(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if k.module(c.body.text("service_module_id")) != nil {
		return nil, invalid("the service item is on the card already")
	}
	m := maps.Clone(c.body)
	k.modules = append(k.modules, m)
	return k.showModule(m), nil
}

func (k *card) showModule(m object) object {
	o := maps.Clone(m)
	o["card_id"] = k.id
	return o
}

func (s *Server) updateServiceModule(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	m := k.module(c.vars.text("service_module_id"))
	if m == nil {
		return nil, invalid("the service item is not on the card")
	}
	delete(m, "jump_miniprogram")
	maps.Copy(m, c.body)
	return k.showModule(m), nil
}

func (s *Server) removeServiceModule(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if k.module(c.vars.text("service_module_id")) == nil {
		return nil, invalid("the service item is not on the card")
	}
	k.modules = slices.DeleteFunc(k.modules, func(m object) bool { return m.text("service_module_id") == c.vars.text("service_module_id") })
	return nil, nil
}

// target checks where a card that is not activated at once leads.
func (c *call) target() error {
	b := c.body
	if b.text("activate_type") == "JUMP_ACTIVATE" && b.text("activate_url") == "" && (b.text("activate_appid") == "" || b.text("activate_path") == "") {
		return badParam("activate_url", "or activate_appid and activate_path are needed for JUMP_ACTIVATE")
	}
	return nil
}

func (s *Server) createCardQrcode(c *call) (any, error) {
	k, err := s.openCard(c.vars.text("card_id"))
	if err != nil {
		return nil, err
	}
	if err := c.target(); err != nil {
		return nil, err
	}
	if k.data.text("code_mode") == "REAL_TIME" {
		return nil, invalid("cards in code mode REAL_TIME cannot be handed out by scanning")
	}
	return object{"url": fmt.Sprintf("https://w.url.cn/s/%07d", s.number())}, nil
}

func (s *Server) createPermissionToken(c *call) (any, error) {
	if _, err := s.openCard(c.vars.text("card_id")); err != nil {
		return nil, err
	}
	if err := c.target(); err != nil {
		return nil, err
	}
	return object{"permission_token": fmt.Sprintf("EhhEF0Jt0uDLPK6C%048d", s.number())}, nil
}

// veil makes sure that an encrypted code holds +, / and =, which a query has to escape.
const veil = "\xfb\xff\xbf>?>"

// EncryptCode returns the encrypt_code that the jump to the merchant's web page carries for a card code.
func (s *Server) EncryptCode(code string) string {
	return base64.StdEncoding.EncodeToString([]byte(veil + code))
}

func (s *Server) decryptCode(c *call) (any, error) {
	if _, err := s.cardOf(c); err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(c.query.text("encrypt_code"))
	code, ok := strings.CutPrefix(string(plain), veil)
	if err != nil || !ok {
		return nil, bad("query", &violation{"/encrypt_code", nil, "is not an encrypted code; + and / have to be escaped"})
	}
	return object{"code": code}, nil
}

func (s *Server) upgradeCard(c *call) (any, error) {
	for _, k := range s.cards.all {
		if k.id != c.vars.text("card_id") {
			continue
		}
		if !k.old {
			return nil, invalid("the card has been migrated already")
		}
		k.old = false
		k.data["appid"], k.data["brand"] = c.body.text("appid"), object{"brand_id": c.body.text("brand_id"), "display_name": "wxpaytest"}
		k.data["update_time"] = stamp(s.now())
		return nil, nil
	}
	return nil, invalid("card_id is not valid")
}

func parseTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}
