package bulk

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// people is an operation whose rows are people, many of them an item.
type people struct{}

func (people) About() About                                        { return About{} }
func (people) Check(row table.Row) (string, error)                 { return row.Cells[0], nil }
func (people) Send(context.Context, Item) Result                   { return Result{} }
func (people) Settle(context.Context, Item, wxpay.Prepared) Result { return Result{} }

// Whatever share of the rows is looked at a time, the same ones are found, and the first of them named.
func TestTwins(t *testing.T) {
	t.Parallel()
	source := func(twice int) Source {
		return table.NewList("people", []table.Column{{Name: "account", Kind: table.ID, Required: true}}, func() iter.Seq[[]string] {
			return func(yield func([]string) bool) {
				for i := range 1000 + twice {
					if !yield([]string{fmt.Sprint("user", i*7%1000)}) {
						return
					}
				}
			}
		})
	}
	for _, atOnce := range []int64{50, 1000, 5000} {
		r := &run{Job: Job{Source: source(30), Operation: people{}}}
		require.NoError(t, r.twins(t.Context(), 1030, atOnce))
		assert.EqualValues(t, 30, r.twice.Count)
		require.Len(t, r.twice.Faults, faultsKept)
		assert.Equal(t, 1001, r.twice.Faults[0].Line, "at once: %d", atOnce)
		assert.Equal(t, "stands in line 1 before", r.twice.Faults[0].Reason)
		assert.Equal(t, 1020, r.twice.Faults[19].Line)

		r.about.Once = true
		var refused *InputError
		require.ErrorAs(t, r.twins(t.Context(), 1030, atOnce), &refused)
		assert.EqualValues(t, 30, refused.Count)
		assert.ErrorContains(t, refused, "people")

		r = &run{Job: Job{Source: source(0), Operation: people{}}, about: About{Once: true}}
		require.NoError(t, r.twins(t.Context(), 1000, atOnce))
		assert.Zero(t, r.twice.Count)
	}
}
