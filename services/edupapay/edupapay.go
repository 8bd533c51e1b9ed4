// Package edupapay debits education fees period by period under a contract with the user (教育续费通).
//
// The order of work, once per period after the contract stands:
//
//	PresignContract → the user signs in WeChat → ENTRUST.SIGNING
//	SendDebitNotice, 1 to 3 days before the day of the debit
//	CreateTransaction → TRANSACTION.SUCCESS or TRANSACTION.FAIL
//
// Notifications can be late or lost, so whatever has not come is to be queried: [Service.GetContract],
// [Service.WaitTransaction]. Package notify receives them; the events are here.
//
// Service providers (partner mode) name the sub-merchant with SubMchID, SubAppID and SubOpenID;
// direct merchants leave the three empty.
//
// EP-11: the pages print the same table of errors at every call, so [wxpay.CodeNotEnough] stands also at
// calls that move no money.
package edupapay

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// A Service calls education auto-renewal for one merchant. It is safe for concurrent use.
type Service struct{ client *wxpay.Client }

// New returns the service of client.
func New(client *wxpay.Client) *Service { return &Service{client} }

// A TradeScene is what a debit is for.
type TradeScene string

// SceneEducationPeriod is the only scene.
const SceneEducationPeriod TradeScene = "EDUCATION_PERIOD"

// A text is one parameter with what the documents say about it.
type text struct {
	param, value string
	most         int // characters
	required     bool
}

func required(param, value string, most int) text { return text{param, value, most, true} }
func optional(param, value string, most int) text { return text{param, value, most, false} }

// check refuses the first parameter that breaks its rule. The reason never holds the value.
func check(route string, params ...text) error {
	for _, p := range params {
		switch {
		case p.required && p.value == "":
			return refuse(route, p.param, "is missing")
		case utf8.RuneCountInString(p.value) > p.most:
			return refuse(route, p.param, fmt.Sprintf("has more than %d characters", p.most))
		}
	}
	return nil
}

func refuse(route, param, reason string) error {
	return &wxpay.ParamError{Route: route, Param: param, Reason: reason}
}

func checkScene(route string, scene TradeScene) error {
	if scene != SceneEducationPeriod {
		return refuse(route, "trade_scene", "can only be "+string(SceneEducationPeriod))
	}
	return nil
}

// checkOrderNumber refuses what no merchant order number can be.
func checkOrderNumber(route, number string) error {
	if err := check(route, required("out_trade_no", number, 32)); err != nil {
		return err
	}
	if strings.ContainsFunc(number, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' && r != '-'
	}) {
		return refuse(route, "out_trade_no", "may hold letters, digits, _ and - only")
	}
	return nil
}

// checkNotifyURL holds an address for notifications to the rules of the platform. Plain http is left to
// loopback hosts, which only a fake platform can reach.
func checkNotifyURL(route, address string) error {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsAny(address, "?#") {
		return refuse(route, "notify_url", "must be an address without query and fragment")
	}
	if _, err := httpx.BaseURL((&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String()); err != nil {
		return refuse(route, "notify_url", err.Error())
	}
	return nil
}

// query holds the pairs of name and value whose value is not empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
