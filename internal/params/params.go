// Package params checks and writes the parameters of calls, for the packages under services.
package params

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// Check returns the first fault as the error of a call that is not sent. Reasons never hold a value.
func Check(route string, faults ...*wxpay.ParamError) error {
	for _, fault := range faults {
		if fault != nil {
			fault.Route = route
			return fault
		}
	}
	return nil
}

// Must is a fault unless ok.
func Must(ok bool, name, reason string) *wxpay.ParamError {
	if !ok {
		return &wxpay.ParamError{Param: name, Reason: reason}
	}
	return nil
}

// Required is text that must be there, with at most so many characters; 0: no limit is known.
func Required[S ~string](name string, s S, most int) *wxpay.ParamError {
	if s == "" {
		return Must(false, name, "is missing")
	}
	return Optional(name, s, most)
}

// Optional is text with at most so many characters; 0: no limit is known.
func Optional[S ~string](name string, s S, most int) *wxpay.ParamError {
	if n := utf8.RuneCountInString(string(s)); most > 0 && n > most {
		return Must(false, name, fmt.Sprintf("has %d characters, more than %d", n, most))
	}
	return nil
}

// Each is a list of texts.
func Each(name string, list []string, most int) *wxpay.ParamError {
	for i, s := range list {
		if fault := Optional(name, s, most); fault != nil {
			fault.Param = fmt.Sprintf("%s[%d]", name, i)
			return fault
		}
	}
	return nil
}

// Page is where a list is read; most is the largest page, 0 if none is known.
func Page(offset, limit, most int64) *wxpay.ParamError {
	switch {
	case offset < 0:
		return Must(false, "offset", "is negative")
	case limit < 0:
		return Must(false, "limit", "is negative")
	}
	return Must(most == 0 || limit <= most, "limit", fmt.Sprintf("is more than %d", most))
}

// NotifyURL is an address for notifications, where it is given: public, https, without query. Plain http is
// left to loopback hosts, which only a fake platform can reach.
func NotifyURL(name, address string) *wxpay.ParamError {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || strings.ContainsAny(address, "?#") {
		return Must(false, name, "must be an address without query and fragment")
	}
	if _, err := httpx.BaseURL((&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String()); err != nil {
		return Must(false, name, err.Error())
	}
	return nil
}

// Query holds names and values, given in turn, whose value is not empty.
func Query(pairs ...string) url.Values {
	q := make(url.Values, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// Decimal is a number for a query.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }
