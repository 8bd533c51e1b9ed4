package wxpaytest

import (
	"context"
	"errors"
	"io"
	"maps"
	"strconv"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/membercard"
)

// An Action is something that happens beside the calls: what a user does in WeChat, what a test seeds, time that
// passes. [Server.Actions] lists all there are, so that a page or a command can offer them without knowing a
// product; tests have a method for each, such as [Server.TakeCard].
type Action struct {
	Product string // whose it is; empty: the server's
	Name    string // such as take-card; no two are called alike
	Doc     string
	DocZh   string // the same in Chinese
	Params  []Param

	do func(args map[string]string) (any, error)
}

// A Param is an argument of an [Action].
type Param struct {
	Name       string
	Doc, DocZh string
	Values     []string // what there is to choose from; nil: anything
	Optional   bool
}

// Do lets the action happen and returns what came of it, as JSON has it; nil: nothing to tell.
func (a Action) Do(ctx context.Context, args map[string]string) (any, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return a.do(args)
}

// Actions returns all actions.
func (s *Server) Actions() []Action {
	return each(s.engine.Actions(), func(a engine.Action) Action {
		return Action{
			Product: a.Product, Name: a.Name, Doc: a.Doc, DocZh: a.DocZh, Params: each(a.Params, func(p engine.Param) Param { return Param(p) }),
			do: func(args map[string]string) (any, error) { return s.engine.Do(a.Name, args) },
		}
	})
}

// act lets an action happen whose result is a text, if any.
func (s *Server) act(name string, args map[string]string) (text string, err error) {
	v, err := s.engine.Do(name, args)
	text, _ = v.(string)
	return text, err
}

// Restore lets everything happen again that Options.Log of another server got, so that the state of all products, IDs,
// request numbers, the clock and the events that are still to be sent are as they were. It is for a server of the same
// options to which nothing has happened yet: keys are the same only with a seed. Nothing is sent. A last line
// that was cut off did not happen. After an error, which names the line, the server is of no use.
//
// To go on with the same file, open it for reading and appending, and give it to both: what is restored is not
// logged again. The log holds phone numbers and other plain text of what was encrypted, so nobody else should read
// it.
func (s *Server) Restore(r io.Reader) error { return s.engine.Restore(r) }

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
	args := map[string]string{"code_mode": codeMode}
	if len(cardID) > 0 {
		if args["card_id"] = cardID[0]; cardID[0] == "" {
			return s.made("", errors.New("AddCard: the card_id is empty"))
		}
	}
	return s.made(s.act("add-card", args))
}

// AddOldCard seeds a card of the official accounts platform: nothing works on it before it is upgraded.
func (s *Server) AddOldCard() (cardID string) {
	return s.made(s.act("add-card", map[string]string{"code_mode": "SYSTEM_ALLOCATE", "old": "true"}))
}

func (s *Server) made(id string, err error) string {
	_ = s.cannot(err)
	return id
}

// ShowReminder lets the owner of an imported phone number see the reminder and not take the card yet.
func (s *Server) ShowReminder(cardID, phone string) error {
	_, err := s.act("show-reminder", map[string]string{"card_id": cardID, "phone": phone})
	return err
}

// TakeCard lets a user take a card, by phone number if that was imported (else leave it empty). It makes
// the event MEMBERCARD.ACCEPT_CARD and returns the card code. A card whose activation jumps to the
// merchant is NOT_ACTIVATE until it is activated.
func (s *Server) TakeCard(cardID, openid, phone string, jump bool) (code string, err error) {
	return s.act("take-card", map[string]string{"card_id": cardID, "openid": openid, "phone": phone, "jump": strconv.FormatBool(jump)})
}

// ManageCard lets a user look at a card, change its form or delete it: what is USER_VIEW_MEMBERCARD,
// USER_MODIFY_INFORMATION or USER_DELETE_MEMBERCARD. It makes the event MEMBERCARD.USERCARD_MANAGE.
func (s *Server) ManageCard(cardID, code, what string) error {
	_, err := s.act("manage-card", map[string]string{"card_id": cardID, "code": code, "what": what})
	return err
}

// FillForm lets a user fill in the form of a card and returns the activate_ticket of the jump to the
// merchant. The fields are those of the platform, such as USER_FORM_FLAG_CITY, by name.
func (s *Server) FillForm(nickname string, fields map[string]string) (activateTicket string) {
	args := map[string]string{}
	maps.Copy(args, fields)
	args["nickname"] = nickname
	return s.made(s.act("fill-form", args))
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
	return s.act("sign-contract", map[string]string{"presign_token": presignToken})
}

// EndContract lets the user end a contract in WeChat. It makes the event ENTRUST.RELEASE.
func (s *Server) EndContract(contractID string) error {
	_, err := s.act("end-contract", map[string]string{"contract_id": contractID})
	return err
}

// FailDebit makes a debit fail that is still to be asked for by that number; see also Options.Pay.
func (s *Server) FailDebit(outTradeNo string) error {
	_, err := s.act("fail-debit", map[string]string{"out_trade_no": outTradeNo})
	return err
}

// A SubMerchant is whom a partner acts for: sub_mchid, sub_appid, and sub_openid of the user. Each may be
// empty.
type SubMerchant struct{ MchID, AppID, OpenID string }

// AddContracts seeds n valid contracts of a user under a template, for a sub-merchant if one is given, and
// returns their IDs. It may make more than the one that signing allows, so that lists have pages.
func (s *Server) AddContracts(openid, appid, planID string, n int, sub ...SubMerchant) (contractIDs []string) {
	args := map[string]string{"count": strconv.Itoa(n), "appid": appid, "openid": openid, "plan_id": planID}
	for _, m := range sub {
		args["sub_mchid"], args["sub_appid"], args["sub_openid"] = m.MchID, m.AppID, m.OpenID
	}
	made, err := s.engine.Do("add-contracts", args)
	_ = s.cannot(err)
	contractIDs, _ = made.([]string)
	return contractIDs
}
