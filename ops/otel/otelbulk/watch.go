package otelbulk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/wxpay-go/wxpay/ops/bulk"
)

// A Standing is how the jobs in a store stand at one moment.
type Standing struct {
	Jobs    []JobStanding
	Permits []Permits
	Workers int64 // alive
}

// A JobStanding is how one of the jobs stands. Job, Operation and Sender together are its own.
type JobStanding struct {
	Job       string // what people call it; nothing of a person
	Operation string // bulk.About.Name
	Sender    string
	bulk.Sums
	Waiting int64         // chunks that no worker has
	Taken   int64         // chunks that a worker has
	Oldest  time.Duration // for how long the oldest of Waiting has waited; 0: none waits
}

// Permits are the calls of one route that one sender may make. All its jobs share them.
type Permits struct {
	Sender  string
	Route   string  // "POST /v3/…/{id}"
	Rate    float64 // taken a second of late
	Ceiling float64 // a second; 0: no limit
}

// patience is how long a collection waits for what is read.
const patience = 2 * time.Second

// Watch tells with each collection how the jobs in a store stand. Read looks, one at a time; its context ends after two
// seconds. If it fails, panics or takes longer, the figures are missing from that collection, and otel.Handle hears why.
// Leave out jobs that ended long ago: each is eight series, and the SDK of OpenTelemetry keeps fewer than 2,000 of one
// metric, which is 399 jobs, unless the provider is made with a higher metric.WithCardinalityLimit.
//
// All processes that watch one store tell the same: one is enough, and of several a query takes the highest and not the
// sum. A job that is told of here needs no [Telemetry.Job]. Unregister ends it.
func (t *Telemetry) Watch(read func(context.Context) (Standing, error)) (metric.Registration, error) {
	turn := make(chan struct{}, 1)
	return t.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		s, err := look(ctx, turn, read)
		if err != nil {
			return fmt.Errorf("otelbulk: how the jobs stand is not known: %w", err)
		}
		t.tell(o, s)
		return nil
	}, t.rows, t.chunks, t.oldest, t.workers, t.permits, t.allowed)
}

// look reads until ctx ends, also where read does not heed it: then it goes on alone, and no other begins before it ends.
func look(ctx context.Context, turn chan struct{}, read func(context.Context) (Standing, error)) (s Standing, err error) {
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return s, fmt.Errorf("the look before has not ended: %w", ctx.Err())
	}
	type answer struct {
		Standing
		error
	}
	answers := make(chan answer, 1)
	go func() {
		a := answer{error: errors.New("it ended without an answer")} // runtime.Goexit
		defer func() {
			if v := recover(); v != nil {
				a.error = fmt.Errorf("it panicked with a %T", v)
			}
			<-turn
			answers <- a
		}()
		a.Standing, a.error = read(ctx)
	}()
	select {
	case a := <-answers:
		return a.Standing, a.error
	case <-ctx.Done():
		return s, ctx.Err()
	}
}

func (t *Telemetry) tell(o metric.Observer, s Standing) {
	o.ObserveInt64(t.workers, s.Workers)
	for _, j := range s.Jobs {
		n := named(j.Job, j.Operation, j.Sender)
		t.tellRows(o, n, j.Sums)
		o.ObserveInt64(t.chunks, j.Waiting, n.with(keyChunk.String("waiting")))
		o.ObserveInt64(t.chunks, j.Taken, n.with(keyChunk.String("taken")))
		o.ObserveFloat64(t.oldest, j.Oldest.Seconds(), n.with())
	}
	for _, p := range s.Permits {
		method, template, _ := strings.Cut(valid(p.Route), " ")
		attrs := metric.WithAttributes(keySender.String(valid(p.Sender)), semconv.HTTPRequestMethodKey.String(method), semconv.URLTemplate(template))
		o.ObserveFloat64(t.permits, p.Rate, attrs)
		if p.Ceiling > 0 {
			o.ObserveFloat64(t.allowed, p.Ceiling, attrs)
		}
	}
}
