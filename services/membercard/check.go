package membercard

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay"
)

// check returns the first fault as the error of a call that is not sent. A reason never holds the value.
func check(route string, faults ...*wxpay.ParamError) error {
	for _, fault := range faults {
		if fault != nil {
			fault.Route = route
			return fault
		}
	}
	return nil
}

func fault(name, reason string) *wxpay.ParamError {
	return &wxpay.ParamError{Param: name, Reason: reason}
}

func must(ok bool, name, reason string) *wxpay.ParamError {
	if !ok {
		return fault(name, reason)
	}
	return nil
}

// required is text that must be there, with at most so many characters; 0: no limit is known.
func required[S ~string](name string, s S, most int) *wxpay.ParamError {
	if s == "" {
		return fault(name, "is missing")
	}
	return optional(name, s, most)
}

func optional[S ~string](name string, s S, most int) *wxpay.ParamError {
	if n := utf8.RuneCountInString(string(s)); most > 0 && n > most {
		return fault(name, fmt.Sprintf("has %d characters, more than %d", n, most))
	}
	return nil
}

// each checks the texts of a list.
func each(name string, list []string, most int) *wxpay.ParamError {
	for i, s := range list {
		if f := optional(name, s, most); f != nil {
			f.Param = fmt.Sprintf("%s[%d]", name, i)
			return f
		}
	}
	return nil
}

var requestNo = regexp.MustCompile(`^[0-9A-Za-z|_*-]+$`)

// outRequestNo is the merchant's number of a request.
func outRequestNo(s string, most int) *wxpay.ParamError {
	if f := required("out_request_no", s, most); f != nil {
		return f
	}
	return must(requestNo.MatchString(s), "out_request_no", "holds other characters than letters, digits and | _ * -")
}

// A number that starts with 1 has 11 digits, be it of mainland China or of North America with its country
// code. The pages name no other form, so any other number passes that could be one.
var (
	anyPhone      = regexp.MustCompile(`^\+?(1[0-9]{10}|[2-9][0-9]{6,14})$`)
	mainlandPhone = regexp.MustCompile(`^(\+?86)?1[0-9]{10}$`)
)

func phoneNumber(s wxpay.Secret) *wxpay.ParamError {
	return phone(s, anyPhone, "is not a phone number (digits, perhaps after +; 11 if they start with 1)")
}

func mainlandNumber(s wxpay.Secret) *wxpay.ParamError {
	return phone(s, mainlandPhone, "is not a phone number of mainland China (11 digits that start with 1)")
}

func phone(s wxpay.Secret, form *regexp.Regexp, otherwise string) *wxpay.ParamError {
	if s == "" {
		return fault("encrypted_phone_number", "is missing")
	}
	return must(form.MatchString(string(s)), "encrypted_phone_number", otherwise)
}

// page checks where a list is to be read, for lists with at most 20 records a page.
func page(offset, limit int64) *wxpay.ParamError {
	if offset < 0 {
		return fault("offset", "is negative")
	}
	return must(limit >= 1 && limit <= 20, "limit", "is not 1 to 20")
}

// query makes a query of names and values in turn, without those that are empty.
func query(pairs ...string) url.Values {
	q := make(url.Values, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
