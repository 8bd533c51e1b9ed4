package debits_test

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
	"github.com/wxpay-go/wxpay/ops/bulk/debits"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// The notices today, the debits tomorrow. Whatever happens in between, the same job goes on where it stopped.
func Example() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{}) // instead of WeChat Pay
	if err != nil {
		fmt.Println(err)
		return
	}
	client := server.Client()
	contracts := server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 2)
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	operation := debits.Run{
		Client: client, AppID: "wx8888888888888888", NotifyURL: "https://school.example/wxpay/notify", DeviceIP: "203.0.113.7",
		NoticeLead: 0, Every: time.Millisecond, // against the platform: 24 * time.Hour, and the usual pace
	}
	// Or a file: table.Open("september.csv", table.Options{Columns: operation.About().Columns})
	rows := table.NewList("september", operation.About().Columns, func() iter.Seq[[]string] {
		return slices.Values([][]string{
			// contract_id, out_trade_no, amount_fen, amount, description
			{contracts[0], "2026-09-0001", "", "888.00", "Chinese lessons, September"},
			{contracts[1], "2026-09-0002", "88800", "", "Chinese lessons, September"},
		})
	})
	job := bulk.Job{Ledger: filepath.Join(dir, "september.ledger"), Source: rows, Operation: operation, Key: bulk.ClientKey(client), Rate: -1}

	job.Steps = 1 // the notices only
	today, err := job.Run(context.Background())
	if stopped, ok := errors.AsType[*bulk.StopError](err); ok {
		fmt.Println("stopped:", stopped.Why, today.Left, "left")
	}

	server.Advance(24 * time.Hour)
	job.Steps = 0
	tomorrow, err := job.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("paid:", tomorrow.Done, "of", tomorrow.Rows)
	// Output:
	// stopped: limit 2 left
	// paid: 2 of 2
}
