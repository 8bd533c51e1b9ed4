package membercard

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

func (s *Cards) createCard(tx *engine.Tx) (engine.Object, error) {
	if b := tx.Body.Child("balance_information"); b.Flag("need_balance") && b.Text("balance_path") == "" && b.Text("balance_url") == "" {
		return nil, engine.Invalid("balance_path is missing")
	}
	o := s.add(s.cardID(), tx.Body).show()
	o["status"] = "NOT_APPROVE" // the review takes until the next call
	return o, nil
}

func (s *Cards) listCards(tx *engine.Tx) (engine.Object, error) {
	var found []*card
	for _, k := range s.cards.All() {
		if !k.old && tx.Asks(k.data.Child("brand"), "brand_id") {
			found = append(found, k)
		}
	}
	return engine.PageOf(tx, found, (*card).show, "appid")
}

func (s *Cards) getCard(_ *engine.Tx, k *card) (engine.Object, error) { return k.show(), nil }

func (s *Cards) updateCard(tx *engine.Tx, k *card) (engine.Object, error) {
	if mode := tx.Body.Text("code_mode"); mode != "" && mode != k.mode() {
		return nil, engine.Invalid("the code mode cannot be changed")
	}
	maps.Copy(k.data, tx.Body)
	s.touch(k)
	return nil, nil
}

func (s *Cards) deleteCard(_ *engine.Tx, k *card) (engine.Object, error) {
	k.data["status"] = "DELETED"
	s.touch(k)
	return nil, nil
}

func (s *Cards) depositCodes(tx *engine.Tx, k *card) (engine.Object, error) {
	if k.mode() != "MERCHANT_DEPOSIT" {
		return nil, engine.Invalid("the card is not in code mode MERCHANT_DEPOSIT, which cannot be changed")
	}
	results := []engine.Object{}
	codes, _ := tx.Body["code"].([]any)
	for _, code := range codes {
		results = append(results, engine.Object{"code": code, "result": k.take(code.(string))})
	}
	return engine.Object{"data": results}, nil
}

// take puts a code into the deposit, and says what became of it.
func (k *card) take(code string) (result string) {
	if k.members[code] != nil || slices.Contains(k.deposit, code) {
		return "DUPLICATE"
	}
	k.deposit = append(k.deposit, code)
	return "SUCCESS"
}

func (s *Cards) updateCardRights(tx *engine.Tx, k *card) (engine.Object, error) {
	if b := tx.Body.Child("bonus"); b.Text("bonus_jump_word") != "" && b.Text("bonus_jump_path") == "" {
		return nil, engine.Invalid("the bonus jump path is missing")
	}
	for _, name := range []string{"bonus", "favor", "fapiao", "guide"} {
		if k.setRight(name, tx.Body[name]); !tx.Body.Flag("show_" + name) {
			delete(k.data, name)
		}
	}
	s.touch(k)
	return nil, nil
}

// setRight gives the card a right: as it is given, else as it was, else with nothing said of it.
func (k *card) setRight(name string, v any) {
	switch {
	case v != nil:
		k.data[name] = v
	case k.data[name] == nil:
		k.data[name] = engine.Object{}
	}
}

// module returns the place of a service item on the card, or -1.
func (k *card) module(id string) int {
	return slices.IndexFunc(k.modules, func(m engine.Object) bool { return m.Text("service_module_id") == id })
}

func (k *card) showModule(m engine.Object) engine.Object {
	o := maps.Clone(m)
	o["card_id"] = k.id
	return o
}

func (s *Cards) addServiceModule(tx *engine.Tx, k *card) (engine.Object, error) {
	if k.module(tx.Body.Text("service_module_id")) >= 0 {
		return nil, engine.Invalid("the service item is on the card already")
	}
	m := maps.Clone(tx.Body)
	k.modules = append(k.modules, m)
	return k.showModule(m), nil
}

func noModule() error { return engine.Invalid("the service item is not on the card") }

func (s *Cards) updateServiceModule(tx *engine.Tx, k *card) (engine.Object, error) {
	i := k.module(tx.Var("service_module_id"))
	if i < 0 {
		return nil, noModule()
	}
	delete(k.modules[i], "jump_miniprogram")
	maps.Copy(k.modules[i], tx.Body)
	return k.showModule(k.modules[i]), nil
}

func (s *Cards) removeServiceModule(tx *engine.Tx, k *card) (engine.Object, error) {
	i := k.module(tx.Var("service_module_id"))
	if i < 0 {
		return nil, noModule()
	}
	k.modules = slices.Delete(slices.Clone(k.modules), i, i+1)
	return nil, nil
}

// checkTarget checks where a card that is not activated at once leads.
func checkTarget(b engine.Object) error {
	if b.Text("activate_type") == "JUMP_ACTIVATE" && b.Text("activate_url") == "" && (b.Text("activate_appid") == "" || b.Text("activate_path") == "") {
		return engine.BadParam("activate_url", "or activate_appid and activate_path are needed for JUMP_ACTIVATE")
	}
	return nil
}

func (s *Cards) createCardQrcode(tx *engine.Tx, k *card) (engine.Object, error) {
	if err := checkTarget(tx.Body); err != nil {
		return nil, err
	}
	if k.mode() == "REAL_TIME" {
		return nil, engine.Invalid("cards in code mode REAL_TIME cannot be handed out by scanning")
	}
	return engine.Object{"url": fmt.Sprintf("https://w.url.cn/s/%07d", s.e.Number())}, nil
}

func (s *Cards) createPermissionToken(tx *engine.Tx, _ *card) (engine.Object, error) {
	if err := checkTarget(tx.Body); err != nil {
		return nil, err
	}
	return engine.Object{"permission_token": fmt.Sprintf("EhhEF0Jt0uDLPK6C%048d", s.e.Number())}, nil
}

// veil makes sure that an encrypted code holds +, / and =, which a query has to escape.
const veil = "\xfb\xff\xbf>?>"

// EncryptCode returns the encrypt_code of a card code.
func EncryptCode(code string) string { return base64.StdEncoding.EncodeToString([]byte(veil + code)) }

func (s *Cards) decryptCode(tx *engine.Tx, _ *card) (engine.Object, error) {
	plain, err := base64.StdEncoding.DecodeString(tx.Query.Text("encrypt_code"))
	code, ok := strings.CutPrefix(string(plain), veil)
	if err != nil || !ok {
		return nil, engine.Bad("query", "encrypt_code", "is not an encrypted code; + and / have to be escaped")
	}
	return engine.Object{"code": code}, nil
}

func (s *Cards) upgradeCard(tx *engine.Tx) (engine.Object, error) {
	k, ok := s.cards.Get(tx.Var("card_id"))
	switch {
	case !ok:
		return nil, engine.Invalid("card_id is not valid")
	case !k.old:
		return nil, engine.Invalid("the card has been migrated already")
	}
	k.old = false
	k.data["appid"], k.data["brand"] = tx.Body.Text("appid"), engine.Object{"brand_id": tx.Body.Text("brand_id"), "display_name": "wxpaytest"}
	s.touch(k)
	return nil, nil
}
