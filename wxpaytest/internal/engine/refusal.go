package engine

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// A Refusal is a request that is not carried out, as WeChat Pay says it. TPNS has a number for its Code.
type Refusal struct {
	Status        int
	Code, Message string
	Detail        Object
	Reason        int // the internal code at the end of Request-ID; 0: what fits the status
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Internal codes that Request-ID ends in.
const (
	ReasonNone    = 0
	ReasonUnknown = 268435456
	ReasonParam   = 268435461
	ReasonSign    = 268443699
	ReasonRate    = 268447840
	ReasonReentry = 268498688
)

// A Wrong is a request that does not have the shape of the documents.
type Wrong struct {
	Where string // path, query, header or body
	*schema.Violation
}

func (w *Wrong) Error() string {
	return strings.TrimSpace(w.Where + " " + w.Violation.Error())
}

// TooFast is more calls than the platform takes.
type TooFast struct{ Limit string }

func (t *TooFast) Error() string { return "more than " + t.Limit }

// Bad refuses a member of the request; where is path, query, header or body, and field may be empty.
func Bad(where, field, issue string) error {
	if field != "" && where != "header" {
		field = "/" + field
	}
	return &Wrong{where, &schema.Violation{Field: field, Issue: issue}}
}

// BadParam refuses a member of the body that has the right shape and a wrong value.
func BadParam(field, issue string) error { return Bad("body", field, issue) }

// ErrNoSerial refuses what is encrypted for nobody knows which key.
func ErrNoSerial() error {
	return Bad("header", "Wechatpay-Serial", "is missing or names no key; a request that encrypts anything has to name the platform key it encrypts with")
}

// Invalid refuses what breaks a rule of the business.
func Invalid(format string, a ...any) error {
	return &Refusal{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Message: fmt.Sprintf(format, a...)}
}

// NotFound refuses a request for what there is not.
func NotFound(what string) error {
	return &Refusal{Status: http.StatusNotFound, Code: "NOT_FOUND", Message: "there is no such " + what}
}

// Reentry refuses a request number that came before with other content.
func Reentry(name string) error {
	return &Refusal{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Reason: ReasonReentry,
		Message: name + ": 请求重入时，参数与首次请求时不一致 (this number was used with other content)"}
}
