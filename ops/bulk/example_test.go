package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// This operation stands in docs/bulk.md too; TestOperationOfThePapers compares them.

// Terminations end contracts, one a row.
type Terminations struct {
	Client *wxpay.Client
	AppID  string
}

func (o Terminations) About() bulk.About {
	return bulk.About{
		Name: "contract-termination", Sender: o.Client.Sender(), Settings: map[string]string{"appid": o.AppID},
		Columns: []table.Column{{Name: "contract_id", Kind: table.ID, Required: true}},
		Steps:   []bulk.Step{{Name: "terminate", Route: "DELETE /v3/edu-papay/contracts/{contract_id}", Rate: 5}},
	}
}

func (o Terminations) Check(row table.Row) (identity string, err error) {
	if len(row.Cells[0]) > 32 {
		return "", &table.Fault{Line: row.Line, Column: "contract_id", Reason: "has more than 32 characters", Chinese: "超过 32 个字符"}
	}
	return row.Cells[0], nil
}

func (o Terminations) Send(ctx context.Context, item bulk.Item) bulk.Result {
	err := edupapay.New(o.Client).TerminateContract(ctx, edupapay.TerminateContractParams{ContractID: item.Rows[0].Cells[0]})
	if err != nil {
		return bulk.Failed(err)
	}
	return bulk.Result{State: bulk.Done}
}

// Settle asks first: this call has no request number that would make a repetition harmless.
func (o Terminations) Settle(ctx context.Context, item bulk.Item, _ wxpay.Prepared) bulk.Result {
	_, err := edupapay.New(o.Client).GetContract(ctx, edupapay.GetContractParams{ContractID: item.Rows[0].Cells[0], AppID: o.AppID})
	switch {
	case err == nil: // it is still in force
		return o.Send(ctx, item)
	case errors.Is(err, wxpay.CodeNotFound):
		return bulk.Result{State: bulk.Done}
	}
	return bulk.Result{State: bulk.Unknown, Err: err}
}

func ExampleOperation() {
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
	contracts := server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 3)
	operation := Terminations{Client: server.Client(), AppID: "wx8888888888888888"}
	job := bulk.Job{
		Ledger: filepath.Join(dir, "terminations.ledger"), Operation: operation, Key: bulk.ClientKey(server.Client()), Rate: -1,
		Source: table.NewList("contracts", operation.About().Columns, func() iter.Seq[[]string] {
			return func(yield func([]string) bool) {
				for id := range slices.Values(contracts) {
					if !yield([]string{id}) {
						return
					}
				}
			}
		}),
	}
	summary, err := job.Run(context.Background())
	fmt.Println(summary.Done, "of", summary.Rows, err)
	// Output: 3 of 3 <nil>
}
