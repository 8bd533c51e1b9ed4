package otelbulk_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
)

func ExampleTelemetry_Job() {
	reader := metric.NewManualReader() // instead of an exporter
	telemetry, err := otelbulk.New(metric.NewMeterProvider(metric.WithReader(reader)))
	if err != nil {
		log.Fatal(err)
	}
	job := bulk.Job{} // and what it is made of
	job.Observe = telemetry.Job("autumn", bulk.About{Name: "member-import-by-phone", Sender: "1900000109"})

	job.Observe(bulk.Progress{Sums: bulk.Sums{Rows: 20_000, Done: 4_352, Left: 15_648}, Phase: bulk.PhaseSending}) // as a run does
	fmt.Println(value(reader, "wxpay.job.rows", "done"), "rows done")
	// Output: 4352 rows done
}

// One process looks at the store for all of them.
func ExampleTelemetry_Watch() {
	reader := metric.NewManualReader() // instead of an exporter
	telemetry, err := otelbulk.New(metric.NewMeterProvider(metric.WithReader(reader)))
	if err != nil {
		log.Fatal(err)
	}
	watching, err := telemetry.Watch(func(ctx context.Context) (otelbulk.Standing, error) {
		return otelbulk.Standing{ // from the database, within ctx
			Workers: 3,
			Jobs:    []otelbulk.JobStanding{{Job: "autumn", Operation: "member-import-by-phone", Sender: "1900000109", Waiting: 31, Taken: 3, Oldest: 90 * time.Second}},
		}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	defer watching.Unregister()
	fmt.Println(value(reader, "wxpay.queue.chunks", "waiting"), "chunks wait")
	// Output: 31 chunks wait
}

// value is that of the series of a metric that has an attribute of that value.
func value(reader *metric.ManualReader, name, attr string) any {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		return err
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		points, _ := m.Data.(metricdata.Gauge[int64])
		for _, p := range points.DataPoints {
			for _, a := range p.Attributes.ToSlice() {
				if m.Name == name && a.Value.String() == attr {
					return p.Value
				}
			}
		}
	}
	return nil
}
