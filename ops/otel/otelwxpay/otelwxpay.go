// Package otelwxpay tells OpenTelemetry what the hooks of the SDK tell: each attempt at a call as a span and a
// measurement, by the semantic conventions of HTTP, and each notification.
//
//	telemetry, err := otelwxpay.New(otelwxpay.Config{}) // with the providers that the program has set
//	config.Observe = telemetry.Call                     // of wxpay
//	h := notify.New(client, notify.Config{Observe: telemetry.Notification})
//
// It tells no body, header or key, no text of an error, and nothing of what stood in the place of a {name} of a route:
// that may be a person. What comes from outside and becomes an attribute of a metric has a bound, so that nobody can make
// series without end. The hooks neither block nor fail. Jobs are in package otelbulk.
//
// docs/telemetry.md lists every metric with its unit and attributes; grafana.json, one folder up, is a dashboard of them.
package otelwxpay

import (
	"errors"
	"strings"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const scope = "github.com/wxpay-go/wxpay/ops/otel/otelwxpay"

// A Config says where to tell it. The zero Config serves a program that sets its global providers, before or after.
type Config struct {
	MeterProvider  metric.MeterProvider // nil: the global one
	TracerProvider trace.TracerProvider // nil: the global one

	// Senders adds wxpay.sender, the merchant number or brand ID that calls, to the metrics of calls. It multiplies their
	// series by the number of senders: a service provider with a thousand merchants leaves it out. Spans have it always.
	Senders bool
}

// A Telemetry has the hooks. Make it with [New], once in a process. It is safe for concurrent use.
type Telemetry struct {
	senders bool
	tracer  trace.Tracer // nil: spans are not wanted

	duration httpconv.ClientRequestDuration
	repeats  metric.Int64Counter
	odd      metric.Int64Counter
	codes    few

	notification    metric.Float64Histogram
	oddNotification metric.Int64Counter
	events          few
}

// New makes the instruments. It fails if the provider refuses one of them.
func New(c Config) (*Telemetry, error) {
	if c.MeterProvider == nil {
		c.MeterProvider = otel.GetMeterProvider()
	}
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	t := &Telemetry{senders: c.Senders}
	if _, off := c.TracerProvider.(noop.TracerProvider); !off {
		t.tracer = c.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	}
	meter := c.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var errs [5]error
	t.duration, errs[0] = httpconv.NewClientRequestDuration(meter)
	t.repeats, errs[1] = meter.Int64Counter("wxpay.call.repeats", metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts at calls after the first."))
	t.odd, errs[2] = meter.Int64Counter("wxpay.call.odd_members", metric.WithUnit("{member}"),
		metric.WithDescription("Members of genuine answers that are not as documented."))
	t.notification, errs[3] = meter.Float64Histogram("wxpay.notification.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of notifications until they were answered."),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)) // those of HTTP
	t.oddNotification, errs[4] = meter.Int64Counter("wxpay.notification.odd_members", metric.WithUnit("{member}"),
		metric.WithDescription("Members of genuine notifications that are not as documented."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return t, nil
}

// A few remembers so many values of an attribute; what comes after them, or is no plain word, is other.
type few struct {
	mu    sync.Mutex
	known map[string]bool
}

const (
	most  = 200 // values of an attribute: more than the documents have codes or events
	other = "_OTHER"
)

func (f *few) pick(v string) string {
	if !plain(v, 64) {
		return other
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.known[v]:
		return v
	case len(f.known) >= most:
		return other
	case f.known == nil:
		f.known = map[string]bool{}
	}
	f.known[v] = true
	return v
}

// word is v if it is a word, such as the number of a request; what a stranger may have put there instead is other.
func word(v string) string {
	if !plain(v, 128) {
		return other
	}
	return v
}

// plain reports whether v is a word of printable ASCII, which any exporter can carry.
func plain(v string, bytes int) bool {
	return v != "" && len(v) <= bytes && !strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' })
}

// valid is v as an exporter can carry it: one text that is not UTF-8 costs a whole batch.
func valid(v string) string { return strings.ToValidUTF8(v, "\uFFFD") }
