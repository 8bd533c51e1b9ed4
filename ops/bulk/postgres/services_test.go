//go:build services

package postgres_test

import (
	"context"
	"fmt"
	"iter"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// migrated is a database with the tables of a store.
func migrated(t testing.TB) string {
	t.Helper()
	at := pgtest.Database(t)
	require.NoError(t, postgres.Migrate(t.Context(), at))
	return at
}

func open(t testing.TB, at string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), at)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// people is a source of phone numbers.
func people(o bulk.Operation, n int) *table.List {
	return table.NewList("members.csv", o.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for i := range n {
				if !yield([]string{fmt.Sprintf("138%08d", i)}) {
					return
				}
			}
		}
	})
}

// A site is the fake on a socket, with a card of members.
type site struct {
	*wxpaytest.Server
	url  string
	card string
}

func newSite(t testing.TB, o wxpaytest.Options) *site {
	t.Helper()
	s := &site{Server: wxpaytest.New(t, o)}
	socket := httptest.NewServer(s.Server)
	t.Cleanup(socket.Close)
	s.url, s.card = socket.URL, s.AddCard("SYSTEM_ALLOCATE")
	return s
}

func (s *site) members() (n int) {
	for _, v := range s.State() {
		if v.Name == "members" {
			n = len(v.Rows)
		}
	}
	return n
}

func (s *site) operation(t testing.TB) (bulk.Operation, func(context.Context) ([]byte, error)) {
	t.Helper()
	config := s.Config()
	config.BaseURL, config.HTTPClient = s.url, nil
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return members.ByPhone{Client: client, CardID: s.card}, bulk.ClientKey(client)
}

func TestRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, wxpaytest.Options{Unlimited: true})
	o, key := s.operation(t)
	store := open(t, migrated(t))
	job := bulk.Job{Store: store, Ledger: "autumn", Source: people(o, 1200), Operation: o, Key: key, Rate: -1}
	sum, err := job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 1200, Done: 1200}, sum.Sums)
	assert.Equal(t, 1200, s.members())
	sum, err = job.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, bulk.Sums{Rows: 1200, Done: 1200}, sum.Sums)
	assert.True(t, sum.Resumed)
	l, err := store.Look(t.Context(), "autumn")
	require.NoError(t, err)
	n := 0
	for item, err := range l.Items(t.Context(), ledger.Done) {
		require.NoError(t, err)
		require.Nil(t, item.Kept)
		n++
	}
	assert.Equal(t, 1200, n)
}
