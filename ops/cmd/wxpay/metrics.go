package main

import (
	"context"
	"net"
	"net/http"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelpostgres"
	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
)

// Metrics are what a worker tells Prometheus: its calls, and how the jobs of its store stand.
type metrics struct {
	calls  *otelwxpay.Telemetry
	jobs   *otelbulk.Telemetry
	listen net.Listener
	server http.Server
}

// newMetrics has an address at which metrics will be, until close.
func newMetrics(ctx context.Context, address string) (*metrics, error) {
	registry := prom.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithResource(resource.NewSchemaless(attribute.String("service.name", "wxpay"))))
	m := &metrics{}
	if m.calls, err = otelwxpay.New(otelwxpay.Config{MeterProvider: provider, TracerProvider: noop.NewTracerProvider()}); err != nil {
		return nil, err
	}
	if m.jobs, err = otelbulk.New(provider); err != nil {
		return nil, err
	}
	if m.listen, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
		why := oneLine(err.Error())
		return nil, fail(exitUsage, "--metrics takes an address of this machine that is free, such as 127.0.0.1:9464: "+why, "--metrics 须为本机空闲地址，例如 127.0.0.1:9464："+why)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m.server = http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return m, nil
}

// serve begins to answer.
func (m *metrics) serve(store *postgres.Store) error {
	if _, err := m.jobs.Watch(otelpostgres.Read(store)); err != nil {
		return err
	}
	go func() { _ = m.server.Serve(m.listen) }() // it ends with close
	return nil
}

// url is where the metrics are; empty: nowhere.
func (m *metrics) url() string {
	if m == nil {
		return ""
	}
	return "http://" + m.listen.Addr().String() + "/metrics"
}

func (m *metrics) close() {
	_ = m.server.Close()
	_ = m.listen.Close()
}
