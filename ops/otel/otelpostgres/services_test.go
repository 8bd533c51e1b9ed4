//go:build services

package otelpostgres_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/otel/otelbulk"
	"github.com/wxpay-go/wxpay/ops/otel/otelpostgres"
)

// notes is an operation that calls nobody.
type notes struct{}

func (notes) About() bulk.About {
	return bulk.About{Name: "notes", Sender: "1900000109", Columns: []table.Column{{Name: "who"}}, Steps: []bulk.Step{{Name: "note", Route: "POST /note", Rate: 40}}, Unkept: true}
}

func (notes) Check(row table.Row) (string, error) { return row.Cells[0], nil }

func (notes) Send(context.Context, bulk.Item) bulk.Result { return bulk.Result{State: bulk.Done} }

func (notes) Settle(context.Context, bulk.Item, wxpay.Prepared) bulk.Result {
	return bulk.Result{State: bulk.Done}
}

func TestRead(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	require.NoError(t, postgres.Migrate(t.Context(), at))
	store, err := postgres.Open(t.Context(), at)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	read := otelpostgres.Read(store)
	source := table.NewList("a", notes{}.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) { _ = yield([]string{"a"}) && yield([]string{"b"}) }
	})
	job := bulk.Job{Store: store, Ledger: "autumn", Source: source, Operation: notes{}, Key: func(context.Context) ([]byte, error) { return []byte("key"), nil }, Detach: true}
	_, err = job.Run(t.Context())
	require.Error(t, err)
	s, err := read(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Jobs, 1)
	assert.Positive(t, s.Jobs[0].Oldest)
	assert.Less(t, s.Jobs[0].Oldest.Minutes(), 5.0)
	s.Jobs[0].Oldest = 0
	assert.Equal(t, []otelbulk.JobStanding{{Job: "autumn", Operation: "notes", Sender: "1900000109", Sums: bulk.Sums{Rows: 2, Left: 2}, Waiting: 1}}, s.Jobs)
	assert.Zero(t, s.Workers)
	job.Detach = false
	_, err = job.Run(t.Context())
	require.NoError(t, err)
	s, err = read(t.Context())
	require.NoError(t, err)
	assert.Empty(t, s.Jobs, "it has ended")
	assert.Equal(t, []otelbulk.Permits{{Sender: "1900000109", Route: "POST /note", Ceiling: 40}}, s.Permits)
	time.Sleep(100 * time.Millisecond)
	job.Ledger, job.Rate = "winter", 20
	_, err = job.Run(t.Context())
	require.NoError(t, err)
	s, err = read(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Permits, 1)
	assert.Positive(t, s.Permits[0].Rate)
	assert.EqualValues(t, 20, s.Permits[0].Ceiling)
}
