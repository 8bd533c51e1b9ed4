package bulk

import (
	"context"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// Unsent returns a context that has ended: under it the SDK looks at a call, refuses what is wrong with it as a
// [wxpay.ParamError], and does not send it.
func Unsent() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}

// Fault turns what the SDK refused into a fault in the named column of a row; an empty column means the whole row.
func Fault(row table.Row, wrong *wxpay.ParamError, column string) *table.Fault {
	return &table.Fault{Line: row.Line, Column: column, Reason: wrong.Reason, Chinese: chinese(wrong.Reason)}
}
