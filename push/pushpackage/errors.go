package pushpackage

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// A ParamError is a call refused here: nothing was sent. Fix the call or the file.
type ParamError struct {
	Route  string // "POST /v3/…", or "Config" for [New]
	Param  string // name of the parameter on the wire, or of the field
	Reason string // never holds the value
}

func (e *ParamError) Error() string {
	return oneline.Param("pushpackage", e.Route, e.Param, e.Reason)
}

// An Error is a refusal by TPNS: a return code other than 0, or a status of HTTP from 400 on.
type Error struct {
	Route      string
	StatusCode int
	RetCode    Code   // 0 if the answer had none; errors.Is(err, CodeTooFast) looks at it
	Message    string // of TPNS, for people
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pushpackage: %s:", e.Route)
	if e.StatusCode != http.StatusOK {
		fmt.Fprintf(&b, " status %d", e.StatusCode)
	}
	if e.RetCode != 0 {
		fmt.Fprintf(&b, " code %d", e.RetCode)
	}
	if m := e.meaning(); m != "" {
		b.WriteString(": " + m)
	}
	if e.Message != "" {
		b.WriteString(" (" + oneline.Quote(e.Message, 256) + ")")
	}
	if h := e.Hint().English; h != "" {
		b.WriteString("; " + h)
	}
	return oneline.Text(b.String())
}

// meaning is what RetCode or StatusCode means, as far as documented.
func (e *Error) meaning() string {
	if e.RetCode == 0 {
		return http.StatusText(e.StatusCode)
	}
	return e.RetCode.Meaning()
}

// Is reports whether target is the return code of e.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c != 0 && c == e.RetCode
}

// LogValue gives the fields to slog one by one.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("route", e.Route), slog.Int("status", e.StatusCode), slog.Int64("ret_code", int64(e.RetCode)),
		slog.String("meaning", e.meaning()), slog.String("message", oneline.Quote(e.Message, 512)))
}

// An UnknownError is a call whose answer was lost or not readable: it may have taken effect. An upload or
// a read may be repeated; before repeating a push look for it with [Client.AllPushRecords].
type UnknownError struct {
	Route string
	Err   error
}

func (e *UnknownError) Error() string {
	return oneline.Text(fmt.Sprintf("pushpackage: %s: outcome unknown: %s; %s", e.Route, oneline.Quote(e.Err.Error(), 512), hintUnknown.English))
}

// Unwrap gives the cause, such as context.DeadlineExceeded.
func (e *UnknownError) Unwrap() error { return e.Err }

// OutcomeUnknown reports whether a call that failed with err may have taken effect: an [UnknownError], a
// status 5xx, or [CodeServiceFailed].
func OutcomeUnknown(err error) bool {
	if _, ok := errors.AsType[*UnknownError](err); ok {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode >= 500 || e.RetCode == CodeServiceFailed)
}

// transient reports whether a look that failed with err may succeed later by itself.
func transient(err error) bool {
	if e, refused := errors.AsType[*Error](err); refused {
		return OutcomeUnknown(err) || e.StatusCode == http.StatusTooManyRequests || e.RetCode == CodeTooFast || e.RetCode == CodePushNotFound
	}
	_, wrong := errors.AsType[*ParamError](err)
	return !wrong && !errors.Is(err, errUndecodable) && !httpx.Untrusted(err)
}
