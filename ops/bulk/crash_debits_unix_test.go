//go:build unix

package bulk_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const debitRows = "debits.json" // beside the keys

// debits is the work of a child: the rows lie in a file beside the keys.
func (c crash) debits(client *wxpay.Client) (bulk.Source, bulk.Operation, error) {
	text, err := os.ReadFile(filepath.Join(c.Keys, debitRows))
	if err != nil {
		return nil, nil, err
	}
	s := rows{name: "debits.csv"}
	err = json.Unmarshal(text, &s.cells)
	return s, debits.Run{Client: client, AppID: "wx8888888888888888", NotifyURL: "https://school.example/notify", DeviceIP: "203.0.113.7", Every: time.Millisecond}, err
}

// A debit run that is killed on the day of the notices and on that of the debits moves every amount once.
func TestCrashDebits(t *testing.T) {
	contracts, kills := 150, 6
	if *soak {
		contracts, kills = 2000, 50
	}
	var notices, calls, unwise atomic.Int64
	s := newSite(t, wxpaytest.Options{Unlimited: true, Observe: func(r wxpaytest.Request) {
		switch {
		case r.Route == "POST /v3/edu-papay/transactions":
			calls.Add(1)
		case r.Method == "POST" && r.Status == 204:
			notices.Add(1)
		}
		unwise.Add(int64(len(r.Advice)))
	}})
	want := map[string]int64{}
	var cells [][]string
	for i, id := range s.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", contracts) {
		number := fmt.Sprintf("2026-09-%05d", i)
		want[number] = int64(100 + i)
		cells = append(cells, []string{id, number, fmt.Sprint(100 + i), "", "lessons"})
	}
	text, err := json.Marshal(cells)
	require.NoError(t, err)
	c := s.told
	require.NoError(t, os.WriteFile(filepath.Join(c.Keys, debitRows), text, 0o600))
	c.Kind, c.Rows = "debits", contracts

	c.Steps = 1
	_, first := s.toTheEnd(t, c, kills/2, contracts*3/4, "before", "after", "body")
	assert.EqualValues(t, contracts, notices.Load(), "every user is told once")
	assert.Empty(t, s.debited(t))
	s.Advance(24 * time.Hour)
	c.Steps = 0
	summary, second := s.toTheEnd(t, c, kills/2, contracts*3/2, "before", "after", "body")
	assert.Equal(t, bulk.Sums{Rows: int64(contracts), Done: int64(contracts)}, summary.Sums)
	assert.Equal(t, want, s.debited(t), "every amount moves once")
	assert.LessOrEqual(t, int(calls.Load()), contracts+second*c.Concurrency)
	assert.EqualValues(t, contracts, notices.Load())
	assert.Zero(t, unwise.Load())
	t.Logf("%d contracts, %d kills, %d debits sent again", contracts, first+second, int(calls.Load())-contracts)
}

// debited are the amounts of the debits by number.
func (s *site) debited(t *testing.T) map[string]int64 {
	t.Helper()
	amounts := map[string]int64{}
	for _, v := range s.State() {
		if v.Name != "debits" {
			continue
		}
		text, err := json.Marshal(v.Rows)
		require.NoError(t, err)
		var rows []struct {
			OutTradeNo string `json:"out_trade_no"`
			Amount     struct{ Total int64 }
		}
		require.NoError(t, json.Unmarshal(text, &rows))
		for _, r := range rows {
			amounts[r.OutTradeNo] += r.Amount.Total
		}
	}
	return amounts
}
