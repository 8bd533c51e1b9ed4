package wxpaytest

import (
	"context"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/membercard"
)

// An Action is something that happens beside the calls: what a user does in WeChat, what a test seeds, time that
// passes. [Server.Actions] lists all there are, so that a page or a command can offer them without knowing a
// product; tests have a method for each, such as [Server.TakeCard].
type Action struct {
	Product string // whose it is; empty: the server's
	Name    string // such as take-card
	Doc     string
	Params  []Param

	do func(ctx context.Context, args map[string]string) (any, error)
}

// A Param is an argument of an [Action].
type Param struct {
	Name, Doc string
	Values    []string // what there is to choose from; nil: anything
	Optional  bool
}

// Do lets the action happen and returns what came of it, as JSON has it; nil: nothing to tell.
func (a Action) Do(ctx context.Context, args map[string]string) (any, error) { return a.do(ctx, args) }

// Actions returns all actions.
func (s *Server) Actions() []Action {
	return each(s.engine.Actions(), func(a engine.Action) Action {
		return Action{Product: a.Product, Name: a.Name, Doc: a.Doc, Params: each(a.Params, func(p engine.Param) Param { return Param(p) }), do: a.Call}
	})
}

// A View is one list of the state of a product, such as the cards of membercard.
type View struct {
	Product, Name string
	Rows          []map[string]any // as the calls show them
}

// State returns the state of all products as it is now.
func (s *Server) State() []View {
	return each(s.engine.Views(), func(v engine.View) View { return View(v) })
}

// PackageUsers returns how many users a bank package holds: those of all its tasks, without duplicates.
func (s *Server) PackageUsers(packageID string) int { return s.products.Bank.PackageUsers(packageID) }

// PackageAccounts returns how many accounts the TPNS package of that upload holds; 0 if there is none.
func (s *Server) PackageAccounts(uploadID int64) int {
	return s.products.Pushes.PackageAccounts(uploadID)
}

// AddCard seeds an approved card with bonus points switched on, in one of the code modes SYSTEM_ALLOCATE,
// MERCHANT_DEPOSIT and REAL_TIME, and returns its card_id: the one given, of 1 to 32
// characters, or one of the server's own. With another mode, or an ID that is taken or too long, the test
// fails, no card is made and the card_id is empty.
func (s *Server) AddCard(codeMode string, cardID ...string) string {
	return s.made(s.products.Cards.AddCard(codeMode, false, cardID...))
}

// AddOldCard seeds a card of the official accounts platform: nothing works on it before it is upgraded.
func (s *Server) AddOldCard() (cardID string) {
	return s.made(s.products.Cards.AddCard("SYSTEM_ALLOCATE", true))
}

func (s *Server) made(id string, err error) string {
	_ = s.cannot(err)
	return id
}

// ShowReminder lets the owner of an imported phone number see the reminder and not take the card yet.
func (s *Server) ShowReminder(cardID, phone string) error {
	return s.products.Cards.ShowReminder(cardID, phone)
}

// TakeCard lets a user take a card, by phone number if that was imported (else leave it empty). It makes
// the event MEMBERCARD.ACCEPT_CARD and returns the card code. A card whose activation jumps to the
// merchant is NOT_ACTIVATE until it is activated.
func (s *Server) TakeCard(cardID, openid, phone string, jump bool) (code string, err error) {
	return s.products.Cards.TakeCard(cardID, openid, phone, jump)
}

// ManageCard lets a user look at a card, change its form or delete it: what is USER_VIEW_MEMBERCARD,
// USER_MODIFY_INFORMATION or USER_DELETE_MEMBERCARD. It makes the event MEMBERCARD.USERCARD_MANAGE.
func (s *Server) ManageCard(cardID, code, what string) error {
	return s.products.Cards.ManageCard(cardID, code, what)
}

// FillForm lets a user fill in the form of a card and returns the activate_ticket of the jump to the
// merchant. The fields are those of the platform, such as USER_FORM_FLAG_CITY, by name.
func (s *Server) FillForm(nickname string, fields map[string]string) (activateTicket string) {
	return s.products.Cards.FillForm(nickname, fields)
}

// EncryptCode returns the encrypt_code that the jump to the merchant's web page carries for a card code.
func (s *Server) EncryptCode(code string) string { return membercard.EncryptCode(code) }

// BonusBooked reports whether points were booked for an order of the merchant, or of a sub-merchant.
func (s *Server) BonusBooked(mchid, subMchID, outTradeNo string) bool {
	return s.products.Cards.BonusBooked(mchid, subMchID, outTradeNo)
}

// SignContract does what the user does in WeChat with a presign token: it signs the contract and makes
// the event ENTRUST.SIGNING. A token works once, and a user has at most one valid contract per template.
func (s *Server) SignContract(presignToken string) (contractID string, err error) {
	return s.products.Contracts.SignContract(presignToken)
}

// A SubMerchant is whom a partner acts for: sub_mchid, sub_appid, and sub_openid of the user. Each may be
// empty.
type SubMerchant struct{ MchID, AppID, OpenID string }

// AddContracts seeds n valid contracts of a user under a template, for a sub-merchant if one is given, and
// returns their IDs. It may make more than the one that signing allows, so that lists have pages.
func (s *Server) AddContracts(openid, appid, planID string, n int, sub ...SubMerchant) (contractIDs []string) {
	parties := map[string]string{"appid": appid, "openid": openid, "plan_id": planID}
	for _, m := range sub {
		parties["sub_mchid"], parties["sub_appid"], parties["sub_openid"] = m.MchID, m.AppID, m.OpenID
	}
	return s.products.Contracts.AddContracts(parties, n)
}
