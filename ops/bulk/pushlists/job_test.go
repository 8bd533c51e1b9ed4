package pushlists_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pushlists"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A job on a platform in trouble, interrupted again and again: every account is pushed to once.
func TestJob(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			const n = 500
			server := wxpaytest.New(t)
			path := filepath.Join(t.TempDir(), "autumn.ledger")
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 10))
				for range 12 {
					route := []string{uploadRoute, pushRoute, recordRoute}[dice.IntN(3)]
					faults := slices.DeleteFunc(server.FaultsAt(route), func(f wxpaytest.Fault) bool { return strings.HasPrefix(f.Name, "tpns-") })
					require.NoError(t, server.Inject(route, faults[dice.IntN(len(faults))].Name, 1))
				}
				for runs := 1; ; runs++ {
					require.Less(t, runs, 40)
					o := operation(t, server)
					rows := table.NewList("accounts", o.About().Columns, func() iter.Seq[[]string] {
						return func(yield func([]string) bool) {
							for i := range n {
								if !yield([]string{fmt.Sprintf("person-%07d", i)}) {
									return
								}
							}
						}
					})
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+dice.IntN(40*runs))*time.Second)
					s, err := bulk.Job{Ledger: path, Source: rows, Operation: o, Key: bulk.SecretKey(wxpaytest.TPNSSecretKey)}.Run(ctx)
					cancel()
					if err != nil {
						_, stopped := errors.AsType[*bulk.StopError](err)
						require.True(t, stopped, err)
						continue
					}
					if assert.Equal(t, int64(n), s.Rows); s.Unknown > 0 {
						continue
					}
					assert.Equal(t, int64(n), s.Done)
					break
				}
				server.Recover()
				pushes := view(server, "pushes")
				require.Len(t, pushes, 1)
				assert.Equal(t, n, server.PackageAccounts(pushes[0]["uploadId"].(int64)))
			})
		})
	}
}

// A job is stopped by what TPNS refuses for the whole application, with its hint, and goes on when that is mended.
func TestJobStops(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	synctest.Test(t, func(t *testing.T) {
		o := operation(t, server)
		rows := table.NewList("accounts", o.About().Columns, func() iter.Seq[[]string] { return slices.Values([][]string{{"person-1"}}) })
		job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "autumn.ledger"), Source: rows, Operation: o, Key: bulk.SecretKey(wxpaytest.TPNSSecretKey)}
		require.NoError(t, server.Inject(pushRoute, "tpns-1008030", 1))
		s, err := job.Run(t.Context())
		stop, ok := errors.AsType[*bulk.StopError](err)
		require.True(t, ok, err)
		assert.Equal(t, bulk.WhyAuth, stop.Why)
		assert.Contains(t, stop.Reason.Chinese, "未付费")
		assert.Equal(t, int64(1), s.Left)
		s, err = job.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, int64(1), s.Done)
		assert.Len(t, view(server, "pushes"), 1)
	})
}

func Example() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{}) // instead of TPNS
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	config := pushpackage.Config{AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, HTTPClient: &http.Client{Transport: server}}
	operation, err := pushlists.New(pushlists.Params{
		Config: config,
		Name:   "draw-2026",
		Push: &pushpackage.PushParams{AudienceType: pushpackage.AccountPackage, MessageType: pushpackage.Notify,
			Message: pushpackage.Message{Title: "Prize draw", Content: "You have won. Open the app to collect it."}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Or a file: table.Open("accounts.txt", table.Options{Columns: operation.About().Columns})
	rows := table.NewList("accounts", operation.About().Columns, func() iter.Seq[[]string] {
		return slices.Values([][]string{{"person-1001"}, {"person-1002"}})
	})
	job := bulk.Job{Ledger: filepath.Join(dir, "draw.ledger"), Source: rows, Operation: operation, Key: bulk.SecretKey(config.SecretKey)}
	for range 2 { // whenever it is run again, nobody is pushed to twice
		summary, err := job.Run(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(summary.Done, "done")
	}
	for _, view := range server.State() {
		if view.Name == "pushes" {
			fmt.Println(len(view.Rows), "push")
		}
	}
	// Output:
	// 2 done
	// 2 done
	// 1 push
}
