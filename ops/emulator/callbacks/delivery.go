package callbacks

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A variant is a way to send a notice that no platform does, or seldom.
type variant struct {
	name   string
	change []wxpaytest.Variant
	sound  bool // a receiver should take it
}

// variants by name; the one without a name is how the platform sends.
var variants = func() map[string]variant {
	all := map[string]variant{}
	for _, v := range []variant{
		{"", nil, true},
		{"by-certificate", []wxpaytest.Variant{wxpaytest.ByCertificate}, true},
		{"by-public-key", []wxpaytest.Variant{wxpaytest.ByPublicKey}, true},
		{"forged", []wxpaytest.Variant{wxpaytest.Forged}, false},
		{"unsigned", []wxpaytest.Variant{wxpaytest.Unsigned}, false},
		{"probe", []wxpaytest.Variant{wxpaytest.Probe}, false},
		{"stale", []wxpaytest.Variant{wxpaytest.Stale}, false},
		{"tampered", []wxpaytest.Variant{wxpaytest.Tampered}, false},
		{"unknown-serial", []wxpaytest.Variant{wxpaytest.UnknownSerial}, false},
		{"wrong-type", []wxpaytest.Variant{wxpaytest.WrongType}, false},
		{"wrong-algorithm", []wxpaytest.Variant{wxpaytest.WrongAlgorithm}, false},
		{"wrong-nonce", []wxpaytest.Variant{wxpaytest.WrongNonce}, false},
		{"undecryptable", []wxpaytest.Variant{wxpaytest.Undecryptable}, false},
	} {
		all[v.name] = v
	}
	return all
}()

// judge says what the answer to a variant shows of the receiver.
func (v variant) judge(a *Attempt) (why, whyZh string) {
	switch {
	case v.sound:
		return "sent by hand; the schedule stays as it is", "手动发送，不影响重发计划"
	case a.taken():
		return "taken although it was sent " + v.name + ": the receiver must refuse it, or anybody can tell it that money moved",
			"以 " + v.name + " 方式发送仍被接收：接收方必须拒绝，否则任何人都能伪造通知"
	}
	return "not taken, and that is right: it was sent " + v.name, "未被接收，这是正确的：该通知以 " + v.name + " 方式发送"
}

const maxShown = 4 << 10

// beginning is what an answer says, as far as it is shown.
func beginning(resp *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxShown)) // it is in memory
	return masked(strings.ToValidUTF8(string(text), string(utf8.RuneError)))
}

// sentWith is the request that was answered.
func sentWith(resp *http.Response) (http.Header, string) {
	if resp.Request == nil || resp.Request.GetBody == nil {
		return nil, ""
	}
	body, err := resp.Request.GetBody()
	if err != nil {
		return nil, ""
	}
	text, _ := io.ReadAll(io.LimitReader(body, 4*maxShown))
	return resp.Request.Header, string(text)
}

// cause is why no answer came, without the address, which stands beside it.
func cause(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return strings.TrimPrefix(err.Error(), "wxpaytest: ")
}
