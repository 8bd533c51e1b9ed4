//go:build unix

package bulk_test

import (
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// transfers is the work of a child: every third row has a number of its own, every tenth the person and the amount of the
// row before.
func (c crash) transfers(client *wxpay.Client) (bulk.Source, bulk.Operation, error) {
	o := transfers.New(transfers.Params{
		Client: client, AppID: "wx8888888888888888", SceneID: "1000", Remark: "bonus", Every: time.Millisecond,
		ReportInfos: []mchtransfer.SceneReportInfo{{InfoType: "活动名称", InfoContent: "新会员有礼"}, {InfoType: "奖励说明", InfoContent: "注册奖励"}},
		Confirm:     func(transfers.Review) error { return nil },
	})
	return table.NewList("rows", o.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for i := range c.Rows {
				number := ""
				if i%3 == 0 {
					number = fmt.Sprintf("B%06d", i)
				}
				if !yield([]string{person(i), fmt.Sprint(amountOf(i)), "", "", number}) {
					return
				}
			}
		}
	}), o, nil
}

func person(i int) string { return fmt.Sprintf("oUpF8uMuAJOM2pxb%06d", i-i%10/9) }

func amountOf(i int) int64 { return int64(100 + i - i%10/9) }

// Transfers that are killed while bills are created, and while it is asked how they ended, move every amount once.
func TestCrashTransfers(t *testing.T) {
	rows, kills := 150, 6
	if *soak {
		rows, kills = 2000, 50
	}
	var creations atomic.Int64
	s := newSite(t, wxpaytest.Options{Unlimited: true, Observe: func(r wxpaytest.Request) {
		if r.Method == "POST" {
			creations.Add(1)
		}
	}})
	want := map[any]int64{}
	for i := range rows {
		want[person(i)] += amountOf(i)
	}
	c := s.told
	c.Kind, c.Rows, c.Steps = "transfers", rows, transfers.Created
	_, first := s.toTheEnd(t, c, kills/2, rows*3/4, "before", "after", "body")
	assert.Equal(t, want, s.transferred(t, "WAIT_USER_CONFIRM"))
	asked := int(creations.Load())
	assert.LessOrEqual(t, asked, rows+first*2*c.Concurrency, "a bill that was found without its ticket is sent once more for it")
	for _, v := range s.State() {
		for _, bill := range v.Rows {
			if v.Name == "bills" {
				require.NoError(t, s.ConfirmTransfer(bill["out_bill_no"].(string)))
			}
		}
	}
	c.Steps = 0
	summary, second := s.toTheEnd(t, c, kills/2, rows*3/4, "before", "after")
	assert.Equal(t, bulk.Sums{Rows: int64(rows), Done: int64(rows)}, summary.Sums)
	assert.Equal(t, want, s.transferred(t, "SUCCESS"), "every amount moves once")
	assert.EqualValues(t, asked, creations.Load(), "nothing is created by looking")
	t.Logf("%d transfers, %d kills, %d bills sent again", rows, first+second, asked-rows)
}

// transferred are the amounts of the bills by person. All of them are in one state.
func (s *site) transferred(t *testing.T, state string) map[any]int64 {
	t.Helper()
	amounts := map[any]int64{}
	for _, v := range s.State() {
		for _, bill := range v.Rows {
			if v.Name == "bills" {
				require.Equal(t, state, bill["state"])
				var fen int64
				_, err := fmt.Sscan(fmt.Sprint(bill["transfer_amount"]), &fen)
				require.NoError(t, err)
				amounts[bill["openid"]] += fen
			}
		}
	}
	return amounts
}
