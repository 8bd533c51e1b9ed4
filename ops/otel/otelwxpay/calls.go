package otelwxpay

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// Attributes that no convention has.
const (
	keySender    = attribute.Key("wxpay.sender")
	keyCode      = attribute.Key("wxpay.error.code")
	keyRequestID = attribute.Key("wxpay.request_id")
	keyOdd       = attribute.Key("wxpay.odd_members")
)

// An attempt is one attempt at a call, at whichever platform.
type attempt struct {
	sender, route, host string
	number, status      int
	code                string // of the platform; empty: none
	requestID           string
	took                time.Duration
	odd                 []string
	err                 error
}

// Call tells of an attempt at a call; it is for [wxpay.Config].Observe. The span is made after the attempt ended, with its
// true times, as a child of the span in the context of the call. A call that was refused before it was tried, of which
// [wxpay.WithExchange] tells, was never sent and is left out.
func (t *Telemetry) Call(ctx context.Context, ex wxpay.Exchange) {
	a := attempt{sender: ex.Sender, route: ex.Route, host: ex.Host, number: ex.Attempt, status: ex.Status, requestID: ex.RequestID, took: ex.Duration, odd: ex.Odd, err: ex.Err}
	// Another call may be to blame, such as the download of certificates.
	if e, ok := errors.AsType[*wxpay.Error](ex.Err); ok && e.Route == ex.Route && e.StatusCode == ex.Status {
		a.code = string(e.Code)
	}
	t.attempt(ctx, &a)
}

// Push is [Telemetry.Call] for calls of TPNS; it is for [pushpackage.Config].Observe.
func (t *Telemetry) Push(ctx context.Context, ex pushpackage.Exchange) {
	a := attempt{route: ex.Route, host: ex.Host, number: ex.Attempt, status: ex.Status, took: ex.Duration, odd: ex.Odd, err: ex.Err}
	if ex.RetCode != 0 {
		a.code = strconv.FormatInt(int64(ex.RetCode), 10)
	}
	t.attempt(ctx, &a)
}

func (t *Telemetry) attempt(ctx context.Context, a *attempt) {
	if a.number < 1 || t.tracer == nil && !t.duration.Enabled(ctx) {
		return
	}
	end := time.Now()
	method, where := a.target()
	attrs := where
	if a.status != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(a.status))
	}
	kind := callError(a.err, a.status)
	if kind != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(kind))
	}
	if a.code != "" {
		attrs = append(attrs, keyCode.String(t.codes.pick(a.code)))
	}
	if t.tracer != nil {
		ctx = t.span(ctx, a, method, kind, attrs, end)
	}
	if t.senders && a.sender != "" {
		attrs, where = append(attrs, keySender.String(word(a.sender))), append(slices.Clip(where), keySender.String(word(a.sender)))
	}
	t.duration.Inst().Record(ctx, a.took.Seconds(), metric.WithAttributes(attrs...))
	if a.number > 1 {
		t.repeats.Add(ctx, 1, metric.WithAttributes(where...))
	}
	if n := len(a.odd); n > 0 {
		t.odd.Add(ctx, int64(n), metric.WithAttributes(where...))
	}
}

// target is where an attempt went, of its path only the pattern.
func (a *attempt) target() (method string, attrs []attribute.KeyValue) {
	method, template, _ := strings.Cut(a.route, " ")
	if !slices.Contains(methods, method) {
		method = other
	}
	attrs = make([]attribute.KeyValue, 0, 12)
	attrs = append(attrs, semconv.HTTPRequestMethodKey.String(method), semconv.URLTemplate(valid(template)))
	if u, err := url.Parse(a.host); err == nil && u.Hostname() != "" {
		port, err := strconv.Atoi(u.Port())
		switch {
		case err == nil:
		case u.Scheme == "http":
			port = 80
		default:
			port = 443
		}
		attrs = append(attrs, semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port))
	}
	return method, attrs
}

var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"}

// span makes the span of an attempt and returns a context of it, so that an exemplar leads to it. It begins with all its
// attributes, so that a sampler may go by how the attempt ended.
func (t *Telemetry) span(ctx context.Context, a *attempt, method, kind string, attrs []attribute.KeyValue, end time.Time) context.Context {
	all := slices.Clone(attrs)
	if a.number > 1 {
		all = append(all, semconv.HTTPRequestResendCount(a.number-1))
	}
	if a.sender != "" {
		all = append(all, keySender.String(word(a.sender)))
	}
	if a.requestID != "" {
		all = append(all, keyRequestID.String(word(a.requestID)))
	}
	if len(a.odd) > 0 {
		all = append(all, keyOdd.StringSlice(eachValid(a.odd)))
	}
	name := method
	if method == other {
		name = "HTTP"
	}
	if _, template, ok := strings.Cut(a.route, " "); ok {
		name += " " + valid(template)
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-a.took)), trace.WithAttributes(all...))
	if kind != "" {
		span.SetStatus(codes.Error, "") // what went wrong is error.type; the text of the error stays here
	}
	span.End(trace.WithTimestamp(end))
	return ctx
}

func eachValid(list []string) []string {
	list = slices.Clone(list)
	for i, v := range list {
		list[i] = valid(v)
	}
	return list
}
