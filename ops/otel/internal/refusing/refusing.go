// Package refusing has a provider of metrics that refuses one of them, for tests.
package refusing

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/metric/noop"
)

// Callback is the Name of a Provider that takes all instruments, and no callback.
const Callback = "callback"

// A Provider makes no instrument of one name.
type Provider struct {
	embedded.MeterProvider
	Name string
}

// Meter makes all others.
func (p Provider) Meter(string, ...metric.MeterOption) metric.Meter { return meter{name: p.Name} }

type meter struct {
	noop.Meter
	name string
}

func (m meter) refuse(name string) error {
	if name == m.name {
		return errors.New("no " + name)
	}
	return nil
}

func (m meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, m.refuse(name)
}

func (m meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return noop.Float64Histogram{}, m.refuse(name)
}

func (m meter) Int64ObservableGauge(name string, _ ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return noop.Int64ObservableGauge{}, m.refuse(name)
}

func (m meter) Float64ObservableGauge(name string, _ ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	return noop.Float64ObservableGauge{}, m.refuse(name)
}

func (m meter) Int64ObservableCounter(name string, _ ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return noop.Int64ObservableCounter{}, m.refuse(name)
}

func (m meter) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return noop.Registration{}, m.refuse(Callback)
}
