package pushlists

import (
	"net/http"
	"strconv"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// A told is an error of TPNS that also says itself in the terms of WeChat Pay, which is what a job looks at to slow
// down, wait or end.
type told struct {
	error
	terms *wxpay.Error
}

// Unwrap gives both.
func (t *told) Unwrap() []error { return []error{t.error, t.terms} }

func asWeChat(e *pushpackage.Error, err error) error {
	terms := &wxpay.Error{Route: e.Route, StatusCode: status(e), Verified: true}
	if e.RetCode != 0 {
		terms.Code = wxpay.Code(strconv.FormatInt(int64(e.RetCode), 10))
	}
	return &told{err, terms}
}

// status is the HTTP status that says the same as a return code: 429 too fast, 401 nobody of this application is
// served, 400 this call is refused.
func status(e *pushpackage.Error) int {
	switch e.RetCode {
	case pushpackage.CodeTooFast:
		return http.StatusTooManyRequests
	case pushpackage.CodeServiceFailed:
		return http.StatusServiceUnavailable
	case pushpackage.CodeAuthFailed, pushpackage.CodeWrongAccessPoint, pushpackage.CodeNotPaid, pushpackage.CodeAppDestroyed,
		pushpackage.CodeCertExpired, noResources, keysDiffer:
		return http.StatusUnauthorized
	}
	switch {
	case e.StatusCode == http.StatusForbidden:
		return http.StatusUnauthorized
	case e.RetCode != 0:
		return http.StatusBadRequest
	}
	return e.StatusCode
}

// Codes of an application that is not served.
const (
	noResources pushpackage.Code = 1010001
	keysDiffer  pushpackage.Code = 10030002
)
