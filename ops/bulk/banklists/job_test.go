package banklists_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/banklists"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// list is n numbers as a source.
func list(o bulk.Operation, name string, n int) *table.List {
	return table.NewList(name, o.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for i := range n {
				if !yield([]string{fmt.Sprintf("62170000%08d", i)}) {
					return
				}
			}
		}
	})
}

// A job of two files on a platform in trouble, interrupted again and again: every number is in one file, and the
// sums are those of the platform.
func TestJob(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1) { // more take long: each encrypts its files many times
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			const n = 5500 + 100
			server := wxpaytest.New(t, wxpaytest.Options{TaskDuration: 40 * time.Minute, Sample: 500, Journal: 1})
			path := filepath.Join(t.TempDir(), "autumn.ledger")
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 10))
				for range 12 {
					fault := wxpaytest.Faults[dice.IntN(len(wxpaytest.Faults))]
					require.NoError(t, server.Inject([]string{uploadRoute, lookRoute}[dice.IntN(2)], fault.Name, 1))
				}
				for runs := 1; ; runs++ {
					require.Less(t, runs, 40)
					o := operation(t, server.Client(), func(p *banklists.Params) { p.Every = time.Minute })
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+dice.IntN(300*runs))*time.Second)
					s, err := bulk.Job{Ledger: path, Source: list(o, "numbers", n), Operation: o, Key: bulk.ClientKey(server.Client()), Rate: -1}.Run(ctx)
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
					assert.Equal(t, int64(n), s.Good)
					break
				}
				server.Recover()
				assert.Equal(t, n, server.PackageUsers(packageID))
				var numbers int64
				for _, task := range tasks(server) {
					numbers += task["success_count"].(int64)
				}
				assert.Len(t, tasks(server), 2)
				assert.Equal(t, int64(n), numbers)
			})
		})
	}
}

// A million numbers are more than memory is to hold: a job is 2 files at a time.
func Example() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{Match: func(number string) bool { return number != "6217000012345679" }}) // instead of WeChat Pay
	if err != nil {
		fmt.Println(err)
		return
	}
	client := server.Client()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	operation, err := banklists.New(banklists.Params{
		Client: client, PackageID: "8473295", BankType: "ICBC_DEBIT", Name: "autumn-2026",
		Wait: true, Every: time.Millisecond, // against the platform: 0, the usual pace
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Or a file: table.Open("numbers.csv", table.Options{Columns: operation.About().Columns})
	rows := table.NewList("numbers", operation.About().Columns, func() iter.Seq[[]string] {
		return slices.Values([][]string{{"6217000012345678"}, {"6217000012345679"}, {" ６217000012345680"}})
	})
	job := bulk.Job{Ledger: filepath.Join(dir, "autumn.ledger"), Source: rows, Operation: operation, Key: bulk.ClientKey(client)}
	for range 2 { // whenever it is run again, it goes on where it stopped
		summary, err := job.Run(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(summary.Done, "done, of which", summary.Good, "match a user,", summary.Bad, "does not;", server.PackageUsers("8473295"), "in the package")
	}
	// Output:
	// 3 done, of which 2 match a user, 1 does not; 2 in the package
	// 3 done, of which 2 match a user, 1 does not; 2 in the package
}
