// Package otelpostgres tells OpenTelemetry how the jobs of a PostgreSQL store stand:
//
//	watching, err := telemetry.Watch(otelpostgres.Read(store)) // telemetry is an *otelbulk.Telemetry
//
// It is a package of its own so that only those who have such a store link its driver.
package otelpostgres

import (
	"context"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
)

// Read reads the jobs that have not ended, the workers that are alive and what calls are allowed, by three queries.
func Read(store *postgres.Store) func(context.Context) (otelbulk.Standing, error) {
	var before map[[2]string]int64 // permits given, at the time of the last look
	var last time.Time
	return func(ctx context.Context) (s otelbulk.Standing, err error) {
		jobs, err := store.Jobs(ctx)
		if err != nil {
			return s, err
		}
		for _, j := range jobs {
			if j.Complete() {
				continue
			}
			standing := otelbulk.JobStanding{Job: j.Name, Operation: j.Head.Operation, Sender: j.Head.Sender, Sums: j.Sums, Waiting: j.Waiting, Taken: j.Taken}
			if j.Waiting > 0 {
				since := j.Due
				if since.Before(j.Head.Created) { // it was due from the beginning
					since = j.Head.Created
				}
				standing.Oldest = max(time.Since(since), 0)
			}
			s.Jobs = append(s.Jobs, standing)
		}
		permits, err := store.Permits(ctx)
		if err != nil {
			return s, err
		}
		now, given := time.Now(), map[[2]string]int64{}
		for _, p := range permits {
			key := [2]string{p.Sender, p.Route}
			given[key] = p.Given
			of := otelbulk.Permits{Sender: p.Sender, Route: p.Route, Ceiling: p.Rate}
			if was, ok := before[key]; ok && now.After(last) {
				of.Rate = float64(p.Given-was) / now.Sub(last).Seconds()
			}
			s.Permits = append(s.Permits, of)
		}
		before, last = given, now
		workers, err := store.Workers(ctx)
		s.Workers = int64(len(workers))
		return s, err
	}
}
