package otelwxpay

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// callError is the error.type of an attempt; empty for success. docs/telemetry.md says what each means.
func callError(err error, status int) string {
	if err == nil {
		return ""
	}
	if kind := doubtful(err); kind != "" {
		return kind
	}
	if status >= 400 {
		return strconv.Itoa(status)
	}
	if _, ok := errors.AsType[*pushpackage.Error](err); ok { // with status 200
		return "refused"
	}
	if kind := ended(err); kind != "" {
		return kind
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "dns"
	}
	if httpx.Untrusted(err) {
		return "tls"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return "connect"
	}
	switch {
	case status != 0:
		return "unexpected_answer"
	case wxpay.OutcomeUnknown(err) || pushpackage.OutcomeUnknown(err):
		return "lost"
	}
	return "not_sent"
}

// doubtful is whether the signature is the reason.
func doubtful(err error) string {
	switch {
	case errors.Is(err, wxpay.ErrSignatureProbe):
		return "signature_probe"
	case errors.Is(err, wxpay.ErrUnverified):
		return "unverified"
	}
	return ""
}

// ended is whether time or the patience of the caller ended it.
func ended(err error) string {
	if errors.Is(err, context.Canceled) {
		return "canceled"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() { // context.DeadlineExceeded is one
		return "timeout"
	}
	return ""
}

// notificationError is the error.type of a notification; empty if it was handled.
func notificationError(err error, status int) string {
	if err == nil {
		return ""
	}
	if status < 300 {
		return "not_recorded"
	}
	if kind := doubtful(err); kind != "" {
		return kind
	}
	switch {
	case errors.Is(err, notify.ErrInProgress):
		return "in_progress"
	case errors.Is(err, auth.ErrNoAPIv3Key):
		return "not_set_up"
	}
	if _, ok := errors.AsType[*notify.PanicError](err); ok {
		return "panic"
	}
	if _, ok := errors.AsType[*notify.RefusedError](err); ok {
		return strconv.Itoa(status)
	}
	if kind := ended(err); kind != "" {
		return kind
	}
	return "failed"
}
