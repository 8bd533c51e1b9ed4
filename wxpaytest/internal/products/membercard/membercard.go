// Package membercard is the state of member cards: cards, their members, activities.
package membercard

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const name = "membercard"

// Options are what a test may want of the product.
type Options struct {
	Paid       func(phone string) bool // who paid the brand within a year; nil: all
	ImportRate int                     // imports within a second, of each call; 0: no limit
	MchID      string
}

// A Cards is the state.
type Cards struct {
	e          *engine.Engine
	options    Options
	callback   string
	cards      engine.List[*card]
	forms      map[string]engine.Object // what users filled in, by ticket
	bonus      map[string]*bonus        // announced, by order
	activities engine.List[*activity]
}

// New returns an empty state.
func New(e *engine.Engine, o Options) *Cards {
	return &Cards{e: e, options: o, forms: map[string]engine.Object{}, bonus: map[string]*bonus{}}
}

// Product is what the engine is to know of it.
func (s *Cards) Product() engine.Product {
	p := engine.Product{
		Name: name,
		Handlers: map[string]engine.Handler{
			"setCallback": s.setCallback, "getCallback": s.getCallback,
			"createCard": s.createCard, "listCards": s.listCards, "getCard": s.any(s.getCard), "deleteCard": s.any(s.deleteCard), "decryptCode": s.any(s.decryptCode),
			"updateCard": s.open(s.updateCard), "depositCodes": s.open(s.depositCodes), "updateCardRights": s.open(s.updateCardRights),
			"addServiceModule": s.open(s.addServiceModule), "updateServiceModule": s.open(s.updateServiceModule), "removeServiceModule": s.open(s.removeServiceModule),
			"createCardQrcode": s.open(s.createCardQrcode), "createPermissionToken": s.open(s.createPermissionToken), "upgradeCard": s.upgradeCard,

			"getUserCard": s.member(s.getUserCard), "invalidateUserCard": s.member(s.invalidateUserCard),
			"updateUserCard": s.living(s.updateUserCard), "activateUserCard": s.living(s.activateUserCard), "confirmUserCard": s.living(s.confirmUserCard),
			"updateUserCardRights": s.living(s.updateUserCardRights), "setServiceModuleData": s.living(s.setServiceModuleData),
			"prepareBonus": s.ordered(s.prepareBonus), "commitBonus": s.ordered(s.commitBonus),

			"importUser": s.open(s.importUser), "importUserByPhone": s.open(s.importUserByPhone),
			"importPhoneNumber": s.card(s.openCard, inMember, s.importPhoneNumber), "searchPhoneNumber": s.card(s.findCard, inQuery, s.searchPhoneNumber),
			"listUserCards": s.listUserCards, "getActivateInformation": s.getActivateInformation,

			"createActivity": s.card(s.openCard, inBody, s.createActivity), "listActivities": s.listActivities,
			"getActivity": s.activity(s.getActivity), "terminateActivity": s.activity(s.terminateActivity),
		},
		Prepare: map[string]func(*engine.Tx) error{"importUserByPhone": readPhone, "importPhoneNumber": readPhone, "searchPhoneNumber": readMainlandPhone},
		Actions: s.actions(),
		Views:   s.views,
	}
	if n := s.options.ImportRate; n > 0 {
		limit := []engine.Rate{{Count: int64(n), Every: "second"}}
		p.Limits = map[string][]engine.Rate{"importUser": limit, "importUserByPhone": limit, "importPhoneNumber": limit}
	}
	return p
}

func (s *Cards) views() []engine.View {
	var members []*member
	for _, k := range s.cards.All() {
		for _, code := range slices.Sorted(maps.Keys(k.members)) {
			members = append(members, k.members[code])
		}
	}
	return []engine.View{
		engine.Rows(name, "cards", s.cards.All(), (*card).show), engine.Rows(name, "members", members, (*member).show),
		engine.Rows(name, "activities", s.activities.All(), s.showActivity),
	}
}

type card struct {
	id       string
	old      bool          // made in the official accounts platform, not yet upgraded
	data     engine.Object // members of Card
	modules  []engine.Object
	deposit  []string // codes that nobody has yet
	members  map[string]*member
	byOpenID map[string]*member
	byPhone  map[uint64]*member       // by hash of the phone number
	reminded map[uint64]engine.Object // phone numbers that were imported to remind their owners
}

// codeModes are those of the document.
var codeModes = []string{"SYSTEM_ALLOCATE", "MERCHANT_DEPOSIT", "REAL_TIME"}

// addCard seeds an approved card with bonus points switched on, by the ID given or by one of the server's own.
func (s *Cards) addCard(codeMode, id string, old bool) (string, error) {
	if id == "" {
		id = s.cardID()
	}
	if _, taken := s.cards.Get(id); taken || utf8.RuneCountInString(id) > 32 {
		return "", fmt.Errorf("wxpaytest: the card_id %q is taken, or has more than 32 characters", id)
	}
	k := s.add(id, engine.Object{
		"appid": "wxea9c30890f48d5ae", "brand": engine.Object{"brand_id": "1004", "display_name": "wxpaytest"}, "title": "wxpaytest",
		"logo_url": "https://wxpaylogo.qpic.cn/wxpaylogo/xxxxx/0", "background_picture_url": "https://wxpaylogo.qpic.cn/wxpaylogo/yyyyy/0",
		"description": "wxpaytest", "code_type": "BAR_CODE", "code_mode": codeMode, "date_information": engine.Object{"type": "PERMANENT"},
		"out_request_no": "wxpaytest", "init_level": "白银会员",
		"bonus": engine.Object{"init_bonus": int64(0), "bonus_value_word": "积分", "bonus_cost_word": "积分"},
	})
	k.old = old
	return k.id, nil
}

func (s *Cards) add(id string, data engine.Object) *card {
	k := &card{
		id: id, data: maps.Clone(data),
		members: map[string]*member{}, byOpenID: map[string]*member{}, byPhone: map[uint64]*member{}, reminded: map[uint64]engine.Object{},
	}
	if _, set := k.data["total_quantity"]; !set && data.Text("code_mode") == "SYSTEM_ALLOCATE" {
		k.data["total_quantity"] = int64(5000000)
	}
	k.data["card_id"], k.data["status"], k.data["create_time"] = k.id, "APPROVED", engine.Stamp(s.e.Now())
	k.data["update_time"] = k.data["create_time"]
	s.cards.Add(id, k)
	return k
}

func (s *Cards) cardID() string { return fmt.Sprintf("pbLat%023d", s.e.Number()) }

func (s *Cards) touch(k *card) { k.data["update_time"] = engine.Stamp(s.e.Now()) }

// mode is the code mode of the card.
func (k *card) mode() string { return k.data.Text("code_mode") }

// show is the card as it is now.
func (k *card) show() engine.Object {
	o := maps.Clone(k.data)
	switch k.mode() {
	case "MERCHANT_DEPOSIT":
		o["total_quantity"], o["remain_quantity"] = int64(len(k.deposit)+len(k.members)), int64(len(k.deposit))
	default:
		o["remain_quantity"] = max(0, k.data.Number("total_quantity")-int64(len(k.members)))
	}
	if len(k.modules) > 0 {
		o["service_modules"] = k.modules
	}
	return o
}

type cardHandler = func(*engine.Tx, *card) (engine.Object, error)

// any finds the card that the path of a call names.
func (s *Cards) any(handle cardHandler) engine.Handler { return s.card(s.findCard, inPath, handle) }

// open finds one that may be handed out.
func (s *Cards) open(handle cardHandler) engine.Handler { return s.card(s.openCard, inPath, handle) }

func inPath(tx *engine.Tx) string   { return tx.Var("card_id") }
func inQuery(tx *engine.Tx) string  { return tx.Query.Text("card_id") }
func inBody(tx *engine.Tx) string   { return tx.Body.Text("card_id") }
func inMember(tx *engine.Tx) string { return tx.Body.Child("member_information").Text("card_id") }

func (s *Cards) card(find func(string) (*card, error), idOf func(*engine.Tx) string, handle cardHandler) engine.Handler {
	return func(tx *engine.Tx) (engine.Object, error) {
		k, err := find(idOf(tx))
		if err != nil {
			return nil, err
		}
		return handle(tx, k)
	}
}

func (s *Cards) findCard(id string) (*card, error) {
	k, ok := s.cards.Get(id)
	switch {
	case !ok:
		return nil, engine.Invalid("card_id is not valid")
	case k.old:
		return nil, engine.Invalid("this is an old card; upgrade it first")
	}
	return k, nil
}

func (s *Cards) openCard(id string) (*card, error) {
	k, err := s.findCard(id)
	if err == nil && k.data.Text("status") == "DELETED" {
		return nil, engine.Invalid("card_id is not valid: the card was deleted")
	}
	return k, err
}

func (s *Cards) setCallback(tx *engine.Tx) (engine.Object, error) {
	s.callback = tx.Body.Text("notify_url")
	return s.getCallback(tx)
}

func (s *Cards) getCallback(*engine.Tx) (engine.Object, error) {
	if s.callback == "" {
		return nil, engine.Invalid("no callback address was set")
	}
	return engine.Object{"notify_url": s.callback, "mchid": s.options.MchID}, nil
}
