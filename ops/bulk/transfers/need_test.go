package transfers_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/ops/bulk/transfers"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Of what an operation cannot do without, the one that is missing is named.
func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	client := wxpaytest.New(t).Client()
	confirm := func(transfers.Review) error { return nil }
	for want, p := range map[string]transfers.Params{"Client": {Confirm: confirm}, "Confirm": {Client: client}} {
		_, err := transfers.New(p).Check(row(openID(1), "100"))
		assert.Equal(t, &wxpay.ParamError{Route: routeCreate, Param: want, Reason: "is missing"}, err)
	}
	err := transfers.New(transfers.Params{Client: client}).Whole(t.Context(), slices.Values([]table.Row{}))
	assert.Equal(t, &wxpay.ParamError{Route: routeCreate, Param: "Confirm", Reason: "is missing"}, err)
}
