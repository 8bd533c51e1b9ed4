package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/members"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// What stands in docs/bulk.md stands here too; TestPapers compares.

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
	contract, err := edupapay.New(o.Client).GetContract(ctx, edupapay.GetContractParams{ContractID: item.Rows[0].Cells[0], AppID: o.AppID})
	switch {
	case err != nil: // nobody knows yet; it is asked for again
		return bulk.Result{State: bulk.Unknown, Err: err}
	case contract.ContractInformation.ContractStatus == edupapay.ContractTerminated:
		return bulk.Result{State: bulk.Done}
	}
	return o.Send(ctx, item)
}

func importMembers(ctx context.Context, client *wxpay.Client, path, ledger string) (*bulk.Summary, error) {
	operation := members.ByPhone{Client: client, CardID: "pbLatjk4T4Hx-QFQGL4zGQy27_Qg"}
	file, err := table.Open(path, table.Options{Columns: operation.About().Columns})
	if err != nil {
		return nil, err
	}
	summary, err := bulk.Job{
		Ledger: ledger, Source: file, Operation: operation, Key: bulk.ClientKey(client),
	}.Run(ctx)
	if stop, ok := errors.AsType[*bulk.StopError](err); ok && stop.Why != bulk.WhyAuth {
		slog.Info("run it again later", "why", stop.Why, "left", summary.Left) // nothing is lost
	}
	return summary, err
}

func ExampleJob() {
	server, err := wxpaytest.NewServer(wxpaytest.Options{}) // instead of WeChat Pay
	if err != nil {
		fmt.Println(err)
		return
	}
	server.AddCard("SYSTEM_ALLOCATE", "pbLatjk4T4Hx-QFQGL4zGQy27_Qg")
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "autumn.csv")
	if err := os.WriteFile(path, []byte("手机号\n+86 138 0013 8000\n13800138001\n13800138000\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	summary, err := importMembers(context.Background(), server.Client(), path, filepath.Join(dir, "autumn.ledger"))
	fmt.Println(summary.Done, "done,", summary.Skipped, "twice in the file,", summary.Left, "left", err)
	// Output: 2 done, 1 twice in the file, 0 left <nil>
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
