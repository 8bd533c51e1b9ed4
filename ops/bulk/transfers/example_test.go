package transfers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// The bills first, with the tickets that the users need; then how they ended.
func Example() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{}) // instead of WeChat Pay
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

	operation := transfers.New(transfers.Params{
		Client: server.Client(), AppID: "wx8888888888888888", SceneID: "1000", Remark: "a bonus",
		ReportInfos: []mchtransfer.SceneReportInfo{{InfoType: "活动名称", InfoContent: "新会员有礼"}, {InfoType: "奖励说明", InfoContent: "注册奖励"}},
		Every:       time.Millisecond, // against the platform: the usual pace
		Confirm: func(v transfers.Review) error {
			fmt.Println(v.Rows, "rows,", transfers.Yuan(v.Sum), "yuan")
			if v.Sum != 1250 { // what somebody has approved
				return errors.New("not the sum that was approved")
			}
			return nil
		},
	})
	// Or a file: table.Open("bonus.csv", table.Options{Columns: operation.About().Columns})
	rows := table.NewList("bonus", operation.About().Columns, func() iter.Seq[[]string] {
		return slices.Values([][]string{
			// openid, amount_fen, amount, name, out_bill_no
			{"oUpF8uMuAJOM2pxb1Q", "", "8.80", "", "B20261129001"},
			{"oUpF8uMuAJOM2pxb2W", "370"},
		})
	})
	job := bulk.Job{Ledger: filepath.Join(dir, "bonus.ledger"), Source: rows, Operation: operation, Key: bulk.ClientKey(server.Client()), Rate: -1}

	job.Steps = transfers.Created // until the users are asked
	asked, err := job.Run(context.Background())
	if stopped, ok := errors.AsType[*bulk.StopError](err); ok {
		fmt.Println("stopped:", stopped.Why, asked.Left, "left")
	}
	l, err := ledger.Look(job.Ledger)
	if err != nil {
		fmt.Println(err)
		return
	}
	for item, err := range l.Items(context.Background()) {
		if err != nil {
			fmt.Println(err)
			break
		}
		bill := transfers.BillOf(item)
		fmt.Println(bill.State, bill.PackageInfo != "") // the ticket goes to the page of the user
	}
	_ = l.Close()

	for _, view := range server.State() { // the users take the money
		for _, bill := range view.Rows {
			if view.Name == "bills" {
				_ = server.ConfirmTransfer(bill["out_bill_no"].(string))
			}
		}
	}
	job.Steps = 0
	ended, err := job.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("paid:", ended.Done, "of", ended.Rows)
	// Output:
	// 2 rows, 12.50 yuan
	// stopped: limit 2 left
	// WAIT_USER_CONFIRM true
	// WAIT_USER_CONFIRM true
	// 2 rows, 12.50 yuan
	// paid: 2 of 2
}
