// Package otel_test keeps grafana.json and docs/telemetry.md to what the packages otelwxpay and otelbulk tell.
package otel_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A world is a backend in which everything happens that there is a metric for.
type world struct {
	*testing.T
	reader  *metric.ManualReader
	scrape  http.Handler // what Prometheus asks
	fake    *wxpaytest.Server
	client  *wxpay.Client
	tpns    *pushpackage.Client
	handler *notify.Handler
	jobs    *otelbulk.Telemetry
	card    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	registry := prom.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	require.NoError(t, err)
	w := &world{T: t, reader: metric.NewManualReader(), scrape: promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})}
	provider := metric.NewMeterProvider(metric.WithReader(exporter), metric.WithReader(w.reader))
	telemetry, err := otelwxpay.New(otelwxpay.Config{MeterProvider: provider, Senders: true})
	require.NoError(t, err)
	w.jobs, err = otelbulk.New(provider)
	require.NoError(t, err)

	w.fake, err = wxpaytest.NewServer(wxpaytest.Options{Unlimited: true})
	require.NoError(t, err)
	w.fake.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 3)
	w.card = w.fake.AddCard("SYSTEM_ALLOCATE")
	config := w.fake.Config()
	config.Observe = telemetry.Call
	w.client, err = wxpay.New(config)
	require.NoError(t, err)
	w.tpns, err = pushpackage.New(pushpackage.Config{
		AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, HTTPClient: &http.Client{Transport: w.fake}, Observe: telemetry.Push,
	})
	require.NoError(t, err)
	w.handler = notify.New(w.client, notify.Config{Observe: telemetry.Notification})
	notify.On(w.handler, edupapay.EventContractSigned, func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return nil })
	return w
}

// turn lets each thing happen once.
func (w *world) turn(ctx context.Context) {
	list := func(ctx context.Context) error {
		_, err := edupapay.New(w.client).ListUserContracts(ctx, edupapay.ListUserContractsParams{OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331"})
		return err
	}
	assert.NoError(w, list(ctx))
	const contracts = "GET /v3/edu-papay/user/{openid}/contracts"
	assert.NoError(w, w.fake.Inject(contracts, "reset-before-read", 1))
	assert.NoError(w, list(ctx), "is repeated")
	once := wxpay.WithAttempts(ctx, 1)
	for _, fault := range []string{"429", "503", "NO_AUTH"} {
		assert.NoError(w, w.fake.Inject(contracts, fault, 1))
		assert.Error(w, list(once))
	}

	const contract = "GET /v3/edu-papay/contracts/id/{contract_id}"
	assert.NoError(w, w.fake.Reply(contract, http.StatusOK, `{"at":"yesterday"}`))
	_, err := wxpay.Do[struct {
		At wxpay.Time `json:"at,omitzero"`
	}](ctx, w.client, wxpay.Call{Route: contract, Vars: wxpay.Vars{"contract_id": "1"}})
	assert.NoError(w, err)

	assert.NoError(w, w.fake.Inject("POST /v3/push/package/upload", "tpns-1008028", 1))
	_, err = w.tpns.Upload(once, pushpackage.UploadParams{File: media.Bytes("accounts.txt", []byte("user-1001\n"))})
	assert.ErrorIs(w, err, pushpackage.CodeTooFast)

	for _, n := range []struct {
		event     string
		plaintext any
		variants  []wxpaytest.Variant
	}{
		{string(edupapay.EventContractSigned), map[string]any{"contract_information": map[string]any{"contract_id": 7}}, nil},
		{string(edupapay.EventContractSigned), nil, []wxpaytest.Variant{wxpaytest.Again}},
		{string(edupapay.EventContractSigned), nil, []wxpaytest.Variant{wxpaytest.Probe}},
		{"MEMBERCARD.ACCEPT_CARD", nil, nil},
	} {
		_, err := w.fake.Notify(ctx, w.handler, n.event, n.plaintext, n.variants...)
		assert.NoError(w, err)
	}
}

// run is a job of so many rows a second.
func (w *world) run(ctx context.Context, name string, rows int, rate float64) {
	operation := members.ByPhone{Client: w.client, CardID: w.card}
	_, err := bulk.Job{
		Ledger: filepath.Join(w.TempDir(), name+".ledger"), Operation: operation, Key: bulk.ClientKey(w.client), Rate: rate,
		Observe: w.jobs.Job(name, operation.About()),
		Source: table.NewList(name, operation.About().Columns, func() iter.Seq[[]string] {
			return func(yield func([]string) bool) {
				for i := range rows {
					if !yield([]string{fmt.Sprintf("13%d%08d", name[0]%10, i)}) {
						return
					}
				}
			}
		}),
	}.Run(ctx)
	if ctx.Err() == nil {
		assert.NoError(w, err)
	}
}

// watch has a store that stands as it would after so long.
func (w *world) watch(begun time.Time) {
	_, err := w.jobs.Watch(func(context.Context) (otelbulk.Standing, error) {
		age := time.Since(begun)
		done := min(int64(age.Seconds()*45), 50_000)
		s := otelbulk.Standing{
			Workers: 3,
			Jobs: []otelbulk.JobStanding{
				{Job: "spring", Operation: "member-import", Sender: wxpaytest.MchID, Sums: bulk.Sums{Rows: 50_000, Done: done, Left: 50_000 - done}, Waiting: (50_000 - done) / 500, Taken: 3, Oldest: age},
			},
			Permits: []otelbulk.Permits{{Sender: wxpaytest.MchID, Route: "POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", Rate: 45, Ceiling: 50}},
		}
		return s, nil
	})
	require.NoError(w, err)
}
