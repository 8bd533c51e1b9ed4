package members_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A storm is a network on which many calls meet a fault.
type storm struct {
	*wxpaytest.Server
	mu     sync.Mutex
	dice   *rand.Rand
	faults map[string][]wxpaytest.Fault // by method
	calls  int
	cut    func() // ends the run now and then
}

func (s *storm) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.calls++
	if s.dice.IntN(4) == 0 {
		faults := s.faults[req.Method]
		_ = s.Inject("", faults[s.dice.IntN(len(faults))].Name, 1)
	}
	if s.dice.IntN(150) == 0 {
		s.cut()
	}
	s.mu.Unlock()
	return s.Server.RoundTrip(req)
}

// Whole jobs through a storm: they stop now and then, are run again, and end with every row accounted for.
func TestJobsThroughAStorm(t *testing.T) {
	t.Parallel()
	const rows, seed = 150, 7
	type kind struct {
		route     string
		asks      string
		operation func(*wxpay.Client) bulk.Operation
		cells     func(i int) []string
	}
	kinds := map[string]kind{
		"phone": {routePhone, routeCard, func(c *wxpay.Client) bulk.Operation { return members.ByPhone{Client: c, CardID: cardID} },
			func(i int) []string { return []string{fmt.Sprintf("138001%05d", i), codeNo(i)} }},
		"openid": {routeOpenID, routeCard, func(c *wxpay.Client) bulk.Operation { return members.ByOpenID{Client: c, CardID: cardID, AppID: appid} },
			func(i int) []string { return []string{fmt.Sprintf("openid%05d", i), codeNo(i)} }},
		"remind": {routeRemind, routeSearch, func(c *wxpay.Client) bulk.Operation {
			return members.Remind{Client: c, CardID: cardID, RegistrationTime: registered}
		}, func(i int) []string { return []string{fmt.Sprintf("138001%05d", i), "", codeNo(i), "", ""} }},
	}
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				effects := map[string]int{} // by code
				server := wxpaytest.New(t, wxpaytest.Options{Unlimited: true, Observe: func(r wxpaytest.Request) {
					if r.Route != routeRemind || !strings.HasPrefix(r.Verdict, "ok") {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					_, after, _ := strings.Cut(r.Body, `"code":"`)
					effects[after[:len(codeNo(0))]]++
				}})
				server.AddCard("REAL_TIME", cardID)
				network := &storm{Server: server, dice: rand.New(rand.NewPCG(seed, seed)), faults: map[string][]wxpaytest.Fault{
					http.MethodPost: server.FaultsAt(k.route),
					// A query that lies with the very code that says "nothing there" is no fault of a network.
					http.MethodGet: slices.DeleteFunc(server.FaultsAt(k.asks), func(f wxpaytest.Fault) bool { return f.Name == "INVALID_REQUEST" }),
				}}
				config := server.Config()
				config.HTTPClient = &http.Client{Transport: network}
				client, err := wxpay.New(config)
				require.NoError(t, err)
				var rowsOf source
				for i := range rows {
					rowsOf = append(rowsOf, k.cells(i))
				}
				job := bulk.Job{Ledger: filepath.Join(t.TempDir(), "autumn.ledger"), Source: rowsOf, Operation: k.operation(client), Key: bulk.ClientKey(client), Rate: -1}

				var summary *bulk.Summary
				runs := 0
				for ; runs < 100; runs++ {
					ctx, cut := context.WithCancel(t.Context())
					network.mu.Lock()
					network.cut = cut
					network.mu.Unlock()
					summary, err = job.Run(ctx)
					cut()
					if err == nil && summary.Complete() {
						break
					}
					if err != nil {
						stop, ok := errors.AsType[*bulk.StopError](err)
						require.True(t, ok, "%v", err)
						require.Contains(t, []bulk.Why{bulk.WhyInterrupted, bulk.WhyAuth, bulk.WhyPlatform, bulk.WhyNetwork}, stop.Why)
					}
					time.Sleep(time.Minute)
				}
				server.Recover()
				t.Logf("%d runs, %d calls, %+v", runs+1, network.calls, summary.Sums)
				require.True(t, summary.Complete(), "%+v", summary)
				require.EqualValues(t, rows, summary.Rows)
				require.EqualValues(t, rows, summary.Done+summary.Rejected)
				require.Greater(t, summary.Done, int64(rows/2))
				if name != "remind" {
					for _, m := range memberRows(server) {
						effects[m["code"].(string)]++
					}
				}
				l, err := ledger.Look(job.Ledger)
				require.NoError(t, err)
				defer l.Close()
				for item, err := range l.Items(t.Context(), ledger.Done, ledger.Rejected) {
					require.NoError(t, err)
					want := map[ledger.State]int{ledger.Done: 1, ledger.Rejected: 0}[item.State]
					require.Equal(t, want, effects[codeNo(int(item.Line)-1)], "line %d: %+v", item.Line, item)
					if name != "remind" && item.State == ledger.Done {
						require.Equal(t, codeNo(int(item.Line)-1), item.Code)
					}
				}
			})
		})
	}
}

func codeNo(i int) string { return fmt.Sprintf("4785%06d", i) }
