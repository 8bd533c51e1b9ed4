package wxpay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// A Code is an error code of WeChat Pay. It is an error itself, so that
//
//	errors.Is(err, wxpay.CodeNoAuth)
//
// looks through any wrapping. Codes that are not listed here work the same: wxpay.Code("…").
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// Codes that one can act on. Several may come with any call; the platform adds more.
const (
	CodeParamError             Code = "PARAM_ERROR"            // 400: fix the parameter that Error.Detail names
	CodeInvalidRequest         Code = "INVALID_REQUEST"        // 400: breaks a rule of the business; see Error.Message
	CodeAlreadyExists          Code = "ALREADY_EXISTS"         // 400: query what is there
	CodeSignError              Code = "SIGN_ERROR"             // 401: key, serial number or clock is wrong
	CodeNoAuth                 Code = "NO_AUTH"                // 403: the merchant lacks the permission
	CodeNotEnough              Code = "NOT_ENOUGH"             // 403: not enough money
	CodeNotFound               Code = "NOT_FOUND"              // 404
	CodeResourceNotExists      Code = "RESOURCE_NOT_EXISTS"    // 404
	CodeRateLimitExceeded      Code = "RATELIMIT_EXCEEDED"     // 429: slow down
	CodeFrequencyLimited       Code = "FREQUENCY_LIMITED"      // 429: slow down, and never repeat in parallel
	CodeFrequencyLimitExceeded Code = "FREQUENCY_LIMIT_EXCEED" // 429: slow down
	CodeSystemError            Code = "SYSTEM_ERROR"           // 500: repeat with the same parameters
	CodeServiceUnavailable     Code = "SERVICE_UNAVAILABLE"    // 503: repeat later with the same parameters
)

// Errors of the verification of answers and notifications; see package auth.
var (
	ErrUnverified     = auth.ErrUnverified
	ErrSignatureProbe = auth.ErrSignatureProbe
)

// A ParamError is a call refused here: nothing was sent. Fix the call.
type ParamError struct {
	Route  string // "POST /v3/…", or "Config" for [New]
	Param  string // name of the parameter on the wire, or of the field
	Reason string
}

func (e *ParamError) Error() string { return oneline.Param("wxpay", e.Route, e.Param, e.Reason) }

// An Error is a refusal by WeChat Pay. Branch on Code; quote RequestID to the platform's support.
type Error struct {
	Route      string
	StatusCode int
	Code       Code   // empty if the answer was none of the platform's, such as the page of a proxy
	Message    string // for people
	Detail     Detail
	RequestID  string
	Verified   bool // the refusal was signed; if not, act on it but do not record it as truth
}

// Detail says where in the request the fault lies, if the platform says it. The offending value is left
// out on purpose, since it may be a phone number.
type Detail struct {
	Field    string `json:"field"`
	Issue    string `json:"issue"`
	Location string `json:"location"`
}

func (e *Error) Error() string {
	s := "wxpay: " + e.Route + ": " + e.said()
	if h := e.Hint(); h.English != "" {
		s += "; " + h.English
	}
	return oneline.Text(s)
}

// said is what the platform said.
func (e *Error) said() string {
	var b strings.Builder
	fmt.Fprint(&b, e.StatusCode)
	if e.Code != "" {
		b.WriteString(" " + oneline.Quote(string(e.Code), 64))
	}
	if e.Message != "" {
		b.WriteString(": " + oneline.Quote(e.Message, 256))
	}
	where := e.Detail.Field
	if !strings.Contains(e.Message, e.Detail.Issue) {
		where = strings.TrimSpace(where + " " + e.Detail.Issue)
	}
	if where != "" {
		b.WriteString(" (detail: " + oneline.Quote(where, 256) + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" (Request-ID " + oneline.Quote(e.RequestID, 128) + ")")
	}
	if !e.Verified {
		b.WriteString(" [unsigned]")
	}
	return b.String()
}

// Is reports whether target is the code of e.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// LogValue gives the fields to slog one by one.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("route", e.Route), slog.Int("status", e.StatusCode), slog.String("code", oneline.Quote(string(e.Code), 64)),
		slog.String("message", oneline.Quote(e.Message, 512)), slog.String("request_id", oneline.Quote(e.RequestID, 512)), slog.Bool("verified", e.Verified))
}

// An UnknownError is a call whose answer was lost, forged or not readable, or a write that was refused without
// a signature or without a code: it may have taken effect. Repeat it with the same numbers, or query; never
// with new numbers. Such a refusal is in the chain as an [Error], so that errors.Is finds its code.
type UnknownError struct {
	Route     string
	RequestID string // if an answer came
	Err       error
}

func (e *UnknownError) Error() string {
	s := "wxpay: " + e.Route + ": outcome unknown: "
	if refused, ok := e.Err.(*Error); ok {
		s += refused.said() + ", which something on the way may have made of it"
		if h := refused.Hint(); h.English != "" {
			s += "; " + h.English
		}
	} else {
		s += oneline.Quote(e.Err.Error(), 512)
		if e.RequestID != "" {
			s += " (Request-ID " + oneline.Quote(e.RequestID, 128) + ")"
		}
	}
	return oneline.Text(s + "; " + e.Hint().English)
}

// Unwrap gives the cause, such as [ErrUnverified] or context.DeadlineExceeded.
func (e *UnknownError) Unwrap() error { return e.Err }

// OutcomeUnknown reports whether a call that failed with err may have taken effect: an [UnknownError], or
// a refusal with status 5xx.
func OutcomeUnknown(err error) bool {
	if _, ok := errors.AsType[*UnknownError](err); ok {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode >= 500
}

// unsent is why a call could not be sent, where the reason is another call. What became of that one is no
// news of this one: its unknown outcome is not seen through unsent, everything else is.
type unsent struct{ error }

func (u unsent) Is(target error) bool { return errors.Is(u.error, target) }

func (u unsent) As(target any) bool {
	switch target := target.(type) {
	case **UnknownError:
		return false
	case **Error:
		e, ok := errors.AsType[*Error](u.error)
		if ok = ok && e.StatusCode < 500; ok {
			*target = e
		}
		return ok
	}
	return errors.As(u.error, target)
}

// Transient reports whether a look that failed with err may succeed later by itself: after an answer that
// was lost, throttled or 5xx, and after a connection that was not made. It is false for a refusal of what
// was asked and for what only a change here cures, such as an answer that cannot be verified or read;
// a signature probe is transient. Waits go on after transient errors.
func Transient(err error) bool {
	if e, refused := errors.AsType[*Error](err); refused {
		return e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500
	}
	if _, ok := errors.AsType[*ParamError](err); ok || err == nil {
		return false
	}
	for _, lasting := range []error{errUndecodable, auth.ErrNoKey, auth.ErrFIPS, ErrNoCertificates} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return !httpx.Untrusted(err) && (!errors.Is(err, ErrUnverified) || errors.Is(err, ErrSignatureProbe))
}
