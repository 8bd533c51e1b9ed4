package wxpaytest

import (
	"errors"
	"fmt"
	"strings"
)

// A refusal is an answer of 4xx or 5xx.
type refusal struct {
	status  int
	code    string
	message string
	detail  object
	reason  int // the internal code at the end of Request-ID; 0: what fits the status
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

// Internal codes that Request-ID ends in.
const (
	reasonNone    = 0
	reasonUnknown = 268435456
	reasonParam   = 268435461
	reasonSign    = 268443699
	reasonRate    = 268447840
	reasonReentry = 268498688
)

// bad refuses a parameter.
func bad(location string, err error) error {
	v, ok := errors.AsType[*violation](err)
	if !ok {
		return err
	}
	detail := object{"location": location, "issue": v.issue}
	if v.field != "" {
		detail["field"] = v.field
	}
	if v.value != nil {
		detail["value"] = v.value
	}
	return &refusal{status: 400, code: "PARAM_ERROR", message: strings.TrimSpace("参数错误: " + location + " " + v.Error()), detail: detail}
}

func badHeader(name, issue string) error {
	return bad("header", &violation{name, nil, issue})
}

// badParam refuses a member of the body that has the right shape and a wrong value.
func badParam(field, issue string) error {
	return bad("body", &violation{"/" + field, nil, issue})
}

func invalid(format string, a ...any) error {
	return &refusal{status: 400, code: "INVALID_REQUEST", message: fmt.Sprintf(format, a...)}
}

func notFound(what string) error {
	return &refusal{status: 404, code: "NOT_FOUND", message: "there is no such " + what}
}

func tooFast(format string, a ...any) error {
	return &refusal{status: 429, code: "RATELIMIT_EXCEEDED", message: fmt.Sprintf(format, a...), reason: reasonRate}
}

// reentry refuses a request number that came before with other content.
func reentry(name string) error {
	return &refusal{status: 400, code: "INVALID_REQUEST", message: name + ": 请求重入时，参数与首次请求时不一致 (this number was used with other content)", reason: reasonReentry}
}
