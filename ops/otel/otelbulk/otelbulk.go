// Package otelbulk tells OpenTelemetry how bulk jobs stand: those that a process runs, and those in a store that many
// machines work on.
//
//	telemetry, err := otelbulk.New(nil) // with the provider that the program has set
//	job.Observe = telemetry.Job("autumn", job.Operation.About())
//	watching, err := telemetry.Watch(read)
//
// The calls of a job are told by package otelwxpay, as all calls are. docs/telemetry.md lists every metric with its unit and
// attributes; grafana.json, one folder up, is a dashboard of them.
package otelbulk

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/wxpay-go/wxpay/ops/bulk"
)

const (
	keyJob       = attribute.Key("wxpay.job.name")
	keyOperation = attribute.Key("wxpay.job.operation")
	keyPhase     = attribute.Key("wxpay.job.phase")
	keySender    = attribute.Key("wxpay.sender")
	keyRow       = attribute.Key("wxpay.row.state")
	keyChunk     = attribute.Key("wxpay.chunk.state")
)

// A Telemetry tells of jobs. Make it with [New], once in a process. It is safe for concurrent use.
type Telemetry struct {
	meter metric.Meter

	rows, phase         metric.Int64ObservableGauge
	rate, ceiling       metric.Float64ObservableGauge
	throttled, repeated metric.Int64ObservableCounter

	chunks, workers  metric.Int64ObservableGauge
	oldest           metric.Float64ObservableGauge
	permits, allowed metric.Float64ObservableGauge

	mu   sync.Mutex
	jobs map[name]run
}

// New makes the instruments; nil is the global provider. It fails if the provider refuses one of them.
func New(provider metric.MeterProvider) (*Telemetry, error) {
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	m := maker{Meter: provider.Meter("github.com/wxpay-go/wxpay/ops/otel/otelbulk", metric.WithSchemaURL(semconv.SchemaURL))}
	t := &Telemetry{
		meter:     m.Meter,
		jobs:      map[name]run{},
		rows:      m.count("wxpay.job.rows", "{row}", "Rows of a job by what became of them."),
		phase:     m.count("wxpay.job.phase", "{job}", "1 for the phase that a job is in."),
		rate:      m.level("wxpay.job.rate", "{row}/s", "Rows that a job finished a second of late."),
		ceiling:   m.level("wxpay.job.ceiling", "{call}/s", "Calls a second that a job may make now; none where there is no limit."),
		throttled: m.total("wxpay.job.throttled", "{answer}", "Answers to a run that asked to slow down."),
		repeated:  m.total("wxpay.job.repeated", "{call}", "Calls of a run that had been made before."),
		chunks:    m.count("wxpay.queue.chunks", "{chunk}", "Chunks of rows that wait for a worker, or that one has."),
		oldest:    m.level("wxpay.queue.oldest_age", "s", "For how long the oldest chunk has waited for a worker."),
		workers:   m.count("wxpay.queue.workers", "{worker}", "Workers that are alive."),
		permits:   m.level("wxpay.permits.rate", "{call}/s", "Permits taken a second of late, by all workers."),
		allowed:   m.level("wxpay.permits.ceiling", "{call}/s", "Permits a second that there are now; none where there is no limit."),
	}
	if m.err != nil {
		return nil, m.err
	}
	if _, err := t.meter.RegisterCallback(t.tellJobs, t.rows, t.phase, t.rate, t.ceiling, t.throttled, t.repeated); err != nil {
		return nil, err
	}
	return t, nil
}

// A maker makes instruments and keeps the errors.
type maker struct {
	metric.Meter
	err error
}

func (m *maker) count(name, unit, about string) metric.Int64ObservableGauge {
	i, err := m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(about))
	m.err = errors.Join(m.err, err)
	return i
}

func (m *maker) level(name, unit, about string) metric.Float64ObservableGauge {
	i, err := m.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(about))
	m.err = errors.Join(m.err, err)
	return i
}

func (m *maker) total(name, unit, about string) metric.Int64ObservableCounter {
	i, err := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(about))
	m.err = errors.Join(m.err, err)
	return i
}

// A name is what a job is told apart by.
type name struct{ job, operation, sender string }

func (n name) with(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(more, keyJob.String(n.job), keyOperation.String(n.operation), keySender.String(n.sender))...)
}

// named makes a name that an exporter can carry: one text that is not UTF-8 costs a whole batch.
func named(job, operation, sender string) name {
	return name{valid(job), valid(operation), valid(sender)}
}

func valid(v string) string { return strings.ToValidUTF8(v, "\uFFFD") }

// A run is how a run of this process stood last.
type run struct {
	bulk.Progress
	ended time.Time // zero: it goes on
}

// shown is how long a run is told of when it has ended, so that every reader sees its last figures.
const shown = 5 * time.Minute

// Job returns a hook for [bulk.Job].Observe. Job is what people call it, such as the name of its ledger; nothing of a
// person. Its figures go out with each collection, until five minutes after the run has ended; a later run of the same
// name, operation and sender takes its place.
func (t *Telemetry) Job(job string, about bulk.About) func(bulk.Progress) {
	n := named(job, about.Name, about.Sender)
	return func(p bulk.Progress) {
		now := time.Now()
		r := run{Progress: p}
		if p.Phase == bulk.PhaseEnded {
			r.ended = now
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.forget(now) // nobody may ever collect
		t.jobs[n] = r
	}
}

func (t *Telemetry) forget(now time.Time) {
	for n, r := range t.jobs {
		if !r.ended.IsZero() && now.Sub(r.ended) >= shown {
			delete(t.jobs, n)
		}
	}
}

// tellJobs tells how the runs of this process stand.
func (t *Telemetry) tellJobs(_ context.Context, o metric.Observer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(time.Now())
	for n, r := range t.jobs {
		t.tellRows(o, n, r.Sums)
		o.ObserveInt64(t.phase, 1, n.with(keyPhase.String(valid(string(r.Phase)))))
		o.ObserveFloat64(t.rate, r.Rate, n.with())
		if r.Ceiling > 0 {
			o.ObserveFloat64(t.ceiling, r.Ceiling, n.with())
		}
		o.ObserveInt64(t.throttled, r.Throttled, n.with())
		o.ObserveInt64(t.repeated, r.Repeated, n.with())
	}
	return nil
}

func (t *Telemetry) tellRows(o metric.Observer, n name, s bulk.Sums) {
	for _, in := range [...]struct {
		state string
		rows  int64
	}{{"done", s.Done}, {"rejected", s.Rejected}, {"unknown", s.Unknown}, {"skipped", s.Skipped}, {"left", s.Left}} {
		o.ObserveInt64(t.rows, in.rows, n.with(keyRow.String(in.state)))
	}
}
