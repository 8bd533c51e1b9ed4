// Package params checks and writes the parameters of calls, for the packages under services, and compares
// answers with them.
package params

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/internal/pasted"
)

// Check returns the first fault as the error of a call that is not sent. Reasons never hold a value.
func Check(route string, faults ...*wxpay.ParamError) error {
	if fault := First(faults...); fault != nil {
		fault.Route = route
		return fault
	}
	return nil
}

// First is the first fault, nil if there is none.
func First(faults ...*wxpay.ParamError) *wxpay.ParamError {
	for _, fault := range faults {
		if fault != nil {
			return fault
		}
	}
	return nil
}

// Each is the first fault that check finds in a list. At names the place, from 0, such as code[3].
func Each[T any](name string, list []T, check func(at string, v *T) *wxpay.ParamError) *wxpay.ParamError {
	for i := range list {
		if fault := check(fmt.Sprintf("%s[%d]", name, i), &list[i]); fault != nil {
			return fault
		}
	}
	return nil
}

// CheckAt is [Check] for a call with a door for merchants and one for brands; brandRoute is empty where brands have
// none. A brand gets to know that before it is asked for what only merchants give.
func CheckAt(c *wxpay.Client, route, brandRoute string, faults ...*wxpay.ParamError) error {
	_, path, _ := strings.Cut(route, " ")
	switch brand := c.BrandID() != ""; {
	case brand && brandRoute != "":
		route = brandRoute
	case brand && !strings.HasPrefix(path, "/brand/"):
		return &wxpay.ParamError{Route: route, Param: "route", Reason: "is not open to brands"}
	}
	return Check(route, faults...)
}

// OfMerchants is a param that the door of brands does not have, such as the ID of the brand. A merchant gives it, and
// faults are what is wrong with it; a brand leaves it out. Its own ID is taken out, so that the same params serve both.
func OfMerchants(c *wxpay.Client, name string, s *string, faults ...*wxpay.ParamError) *wxpay.ParamError {
	if c.BrandID() == "" {
		return First(faults...)
	}
	if *s == c.BrandID() {
		*s = ""
	}
	return Must(*s == "", name, "has no place in a call of a brand in its own name")
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

// ID is a name that must be there and by which something is asked for later: a card, a code, a user, an order.
// What could not stand in a path by itself is refused wherever it is sent, since the platform may store it,
// and then nobody can name it again. Blanks are refused too: they come from files, never from a name.
func ID[S ~string](name string, s S, most int) *wxpay.ParamError {
	if fault := Required(name, s, most); fault != nil {
		return fault
	}
	reason := unclean(string(s))
	switch {
	case reason != "":
	case s == "." || s == "..":
		reason = "must not be . or .."
	case strings.ContainsAny(string(s), `/\`):
		reason = "must not hold slashes"
	case strings.Contains(string(s), " "):
		reason = invisible
	}
	return Must(reason == "", name, reason)
}

// OptionalID is an [ID] that may be left out.
func OptionalID[S ~string](name string, s S, most int) *wxpay.ParamError {
	if s == "" {
		return nil
	}
	return ID(name, s, most)
}

// IDs is a list of [ID]. A fault names the place in the list, from 0, such as code[3].
func IDs(name string, list []string, most int) *wxpay.ParamError {
	return Each(name, list, func(at string, s *string) *wxpay.ParamError { return ID(at, *s, most) })
}

// Clean is text that is stored and shown, such as the number of a member in the merchant's own books: any
// characters that can be seen, and blanks between them.
func Clean(name, s string, most int) *wxpay.ParamError {
	if fault := Optional(name, s, most); fault != nil {
		return fault
	}
	reason := unclean(s)
	return Must(reason == "", name, reason)
}

const invisible = "holds blanks, line ends or other invisible characters"

// unclean says what makes text another one than it looks.
func unclean(s string) string {
	switch {
	case strings.ContainsRune(s, utf8.RuneError): // also what a reader of runes makes of other bytes
		return "is not UTF-8, or was not before it was converted"
	case strings.Trim(s, " ") != s || strings.ContainsFunc(s, unseen):
		return invisible
	case strings.ContainsFunc(s, func(r rune) bool { return r > 0xffff }):
		return "holds a character of four bytes, such as an emoji, which the platform refuses"
	}
	return ""
}

// unseen reports whether a character shows nothing. The plain blank is left to the caller.
func unseen(r rune) bool {
	return !unicode.IsPrint(r) || lists.Invisible(r)
}

// Min is text of at least so many characters, where it is given.
func Min[S ~string](name string, s S, least int) *wxpay.ParamError {
	return Must(s == "" || utf8.RuneCountInString(string(s)) >= least, name, fmt.Sprintf("has fewer than %d characters", least))
}

// Match is text of a certain form, where it is given.
func Match[S ~string](name string, s S, form *regexp.Regexp, otherwise string) *wxpay.ParamError {
	return Must(s == "" || form.MatchString(string(s)), name, otherwise)
}

// OneOf is one of a few values, where it is given; the platform knows no others.
func OneOf[S ~string](name string, s S, values ...S) *wxpay.ParamError {
	if s == "" || slices.Contains(values, s) {
		return nil
	}
	return Must(false, name, "can only be "+strings.Trim(fmt.Sprintf("%s", values), "[]"))
}

// IP is an address of version 4 or 6.
func IP(name, s string) *wxpay.ParamError {
	if s == "" {
		return Must(false, name, "is missing")
	}
	address, err := netip.ParseAddr(s)
	return Must(err == nil && address.Zone() == "", name, "is not an IP address")
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

// A List is a page of a list as most calls answer it.
type List[T any] struct {
	Data       []T   `json:"data"`
	TotalCount int64 `json:"total_count"`
	Limit      int64 `json:"limit"`
}

// Page is the page without its Next, which depends on what the list counts.
func (l *List[T]) Page() wxpay.Page[T] { return wxpay.Page[T]{Items: l.Data, Total: l.TotalCount} }

// NotifyURL is an address for notifications, where it is given: public, https, without query. Plain http is
// left to loopback hosts, which only a fake platform can reach.
func NotifyURL(name, address string) *wxpay.ParamError {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || strings.ContainsAny(address, "?# ") || unclean(address) != "" {
		return Must(false, name, "must be an address without blanks, query and fragment")
	}
	if _, err := pasted.BaseURL((&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String()); err != nil {
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
