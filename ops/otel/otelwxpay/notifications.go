package otelwxpay

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wxpay-go/wxpay/notify"
)

const (
	keyEvent          = attribute.Key("wxpay.event.type")
	keyRepeated       = attribute.Key("wxpay.notification.repeated")
	keyNotificationID = attribute.Key("wxpay.notification.id")
)

// Notification tells of a notification; it is for [notify.Config].Observe. The metric has a name of its own, so that it
// counts nothing twice beside a middleware that measures every request. Such a middleware makes the span too, with
// everything beneath it that a function does; Notification writes on that span what it was about, and makes none.
func (t *Telemetry) Notification(ctx context.Context, d notify.Delivery) {
	if d.Status == 0 { // no request: the handler told at its making that it can open none
		return
	}
	attrs := make([]attribute.KeyValue, 0, 8)
	if d.EventType != "" {
		attrs = append(attrs, keyEvent.String(t.events.pick(d.EventType)))
	}
	attrs = append(attrs, keyRepeated.Bool(d.Repeated))
	measured := append(attrs, semconv.HTTPResponseStatusCode(d.Status))
	kind := notificationError(d.Err, d.Status)
	if kind != "" {
		measured = append(measured, semconv.ErrorTypeKey.String(kind))
	}
	t.notification.Record(ctx, d.Duration.Seconds(), metric.WithAttributes(measured...))
	if n := len(d.Odd); n > 0 {
		t.oddNotification.Add(ctx, int64(n), metric.WithAttributes(attrs[:len(attrs)-1]...))
	}
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if kind != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(kind))
	}
	if d.ID != "" {
		attrs = append(attrs, keyNotificationID.String(word(d.ID)))
	}
	if d.RequestID != "" {
		attrs = append(attrs, keyRequestID.String(word(d.RequestID)))
	}
	if len(d.Odd) > 0 {
		attrs = append(attrs, keyOdd.StringSlice(eachValid(d.Odd)))
	}
	span.SetAttributes(attrs...)
}
