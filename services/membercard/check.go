package membercard

import (
	"regexp"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/params"
)

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
		return params.Must(false, "encrypted_phone_number", "is missing")
	}
	return params.Must(form.MatchString(string(s)), "encrypted_phone_number", otherwise)
}
