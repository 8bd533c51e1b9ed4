package otel_test

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
)

// What stands in docs/telemetry.md stands here too; TestGuideCode compares.

func serve() error {
	exporter, err := prometheus.New()
	if err != nil {
		return err
	}
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(exporter)))
	go http.ListenAndServe("127.0.0.1:9464", promhttp.Handler()) // not where the world comes in

	telemetry, err := otelwxpay.New(otelwxpay.Config{})
	if err != nil {
		return err
	}
	config, err := wxpay.ConfigFromEnv()
	if err != nil {
		return err
	}
	config.Observe = telemetry.Call
	client, err := wxpay.New(config)
	if err != nil {
		return err
	}
	http.Handle("POST /wxpay/notify", notify.New(client, notify.Config{Observe: telemetry.Notification}))
	return http.ListenAndServe(":8080", nil)
}

func observe(job *bulk.Job) error {
	telemetry, err := otelbulk.New(nil)
	if err != nil {
		return err
	}
	job.Observe = telemetry.Job("autumn", job.Operation.About())
	return nil
}

var _, _ = serve, observe // no test calls them: the first listens until it is ended
