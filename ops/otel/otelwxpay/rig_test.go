package otelwxpay_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
)

// A rig is a Telemetry whose metrics and spans can be looked at.
type rig struct {
	*otelwxpay.Telemetry
	reader *metric.ManualReader
	spans  *tracetest.SpanRecorder
	tracer *trace.TracerProvider
}

func newRig(t testing.TB, change ...func(*otelwxpay.Config)) *rig {
	t.Helper()
	r := &rig{reader: metric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	r.tracer = trace.NewTracerProvider(trace.WithSpanProcessor(r.spans))
	c := otelwxpay.Config{MeterProvider: metric.NewMeterProvider(metric.WithReader(r.reader)), TracerProvider: r.tracer}
	for _, f := range change {
		f(&c)
	}
	var err error
	r.Telemetry, err = otelwxpay.New(c)
	require.NoError(t, err)
	return r
}

// metrics are a line for each series: name, unit, attributes and how often it was measured or what was counted.
func (r *rig) metrics(t testing.TB) (lines []string) {
	t.Helper()
	for _, m := range r.collect(t) {
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				lines = append(lines, fmt.Sprintf("%s [%s] {%s} %d", m.Name, m.Unit, shown(p.Attributes.ToSlice()), p.Count))
			}
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				lines = append(lines, fmt.Sprintf("%s [%s] {%s} %d", m.Name, m.Unit, shown(p.Attributes.ToSlice()), p.Value))
			}
		default:
			t.Fatalf("%s is a %T", m.Name, data)
		}
	}
	slices.Sort(lines)
	return lines
}

func (r *rig) collect(t testing.TB) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(context.Background(), &all))
	if len(all.ScopeMetrics) == 0 {
		return nil
	}
	require.Len(t, all.ScopeMetrics, 1)
	require.Equal(t, "github.com/wxpay-go/wxpay/ops/otel/otelwxpay", all.ScopeMetrics[0].Scope.Name)
	return all.ScopeMetrics[0].Metrics
}

// traced are a line for each span: kind, name, attributes and status.
func (r *rig) traced() (lines []string) {
	for _, s := range r.spans.Ended() {
		lines = append(lines, fmt.Sprintf("%s %q {%s} %s%s", s.SpanKind(), s.Name(), shown(s.Attributes()), s.Status().Code, s.Status().Description))
	}
	return lines
}

func shown(attrs []attribute.KeyValue) string {
	var list []string
	for _, a := range attrs {
		list = append(list, fmt.Sprintf("%s=%s", a.Key, a.Value.String()))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

type wechatSignature = auth.SignatureResult

var silent = log.New(io.Discard, "", 0)
