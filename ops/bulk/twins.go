package bulk

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A twin is a row by its identity.
type twin struct {
	hash uint64
	line int
}

// twinsAtOnce is how many rows are held against each other at a time: 16 MiB of them.
const twinsAtOnce = 1 << 20

// twins finds rows whose identity an earlier row has. The ledger finds those of operations that send row by row; where
// many rows make one item nobody else would. A source of more rows is read several times, for a share of its identities
// each time, so that memory stays flat.
func (r *run) twins(ctx context.Context, rows, atOnce int64) error {
	var found InputError
	seed, shares := maphash.MakeSeed(), uint64(rows/atOnce+1)
	for share := range shares {
		seen := make([]twin, 0, min(rows, atOnce*9/8))
		for row, err := range r.Source.Rows(ctx) {
			var who string
			if err == nil {
				who, err = r.Operation.Check(row)
			}
			if err != nil {
				return r.ended(ctx, err)
			}
			if h := maphash.String(seed, who); h%shares == share {
				seen = append(seen, twin{h, row.Line})
			}
		}
		if ctx.Err() != nil {
			return r.ended(ctx, ctx.Err())
		}
		slices.SortFunc(seen, func(a, b twin) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.line, b.line)) })
		for i, first := 1, 0; i < len(seen); i++ {
			if seen[i].hash != seen[first].hash {
				first = i
				continue
			}
			found.Count++
			found.Faults = append(found.Faults, r.place(&table.Fault{Line: seen[i].line, Reason: fmt.Sprintf("stands in line %d before", seen[first].line),
				Chinese: fmt.Sprintf("与第 %d 行重复", seen[first].line)}, table.Row{}))
			if len(found.Faults) > 50*faultsKept {
				found.first(faultsKept)
			}
		}
	}
	found.first(faultsKept)
	switch {
	case found.Count == 0:
	case r.about.Once:
		return &found
	default:
		r.twice = found
	}
	return nil
}

// first keeps the first faults, by line.
func (e *InputError) first(n int) {
	slices.SortFunc(e.Faults, func(a, b *table.Fault) int { return cmp.Compare(a.Line, b.Line) })
	e.Faults = e.Faults[:min(n, len(e.Faults))]
}
