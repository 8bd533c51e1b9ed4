package transfers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A Review is an input as a whole. It names nobody.
type Review struct {
	Rows             int64
	Sum, Least, Most wxpay.Fen
	Again            int64  // rows whose person and amount an earlier row has; each is a transfer of its own
	Twins            []Twin // the first of these
}

// A Twin is a row whose person and amount an earlier row has.
type Twin struct {
	Line, Before int    // Before: the line that has them first
	OpenID       string // masked
	Amount       wxpay.Fen
}

const twinsShown = 20

// Yuan spells an amount as it is confirmed: 1234.50.
func Yuan(f wxpay.Fen) string {
	sign, n := "", uint64(f)
	if f < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// Whole adds up the rows of an input, and asks whether they may be sent.
func (o *Transfers) Whole(_ context.Context, rows iter.Seq[table.Row]) error {
	type seen struct{ line, times int32 }
	var v Review
	known := map[[12]byte]seen{} // a hash that is the same in every run
	o.again = nil
	for row := range rows {
		sum, wrong := amount(row)
		if wrong != nil || sum > mostAmount {
			continue // it is refused
		}
		if v.Sum += sum; v.Sum > mostSum {
			return &table.Fault{Line: row.Line, Column: amountColumn(row), Reason: "makes the sum of the file larger than ten trillion yuan; split the file", Chinese: "累计后文件总金额超过十万亿元；请拆分文件"}
		}
		v.Rows++
		if v.Most = max(v.Most, sum); v.Rows == 1 || sum < v.Least {
			v.Least = sum
		}
		whole := sha256.Sum256(fmt.Appendf(nil, "%s %d", row.Cell(colOpenID), sum))
		who := [12]byte(whole[:])
		before, twice := known[who]
		if !twice {
			known[who] = seen{int32(row.Line), 1}
			continue
		}
		o.again = append(o.again, again{int32(row.Line), before.times})
		known[who] = seen{before.line, before.times + 1}
		if v.Again++; len(v.Twins) < twinsShown {
			v.Twins = append(v.Twins, Twin{row.Line, int(before.line), masked(row.Cell(colOpenID)), sum})
		}
	}
	slices.SortFunc(o.again, func(a, b again) int { return cmp.Compare(a.line, b.line) })
	if o.Confirm == nil {
		return &wxpay.ParamError{Route: routeCreate, Param: "Confirm", Reason: "is missing"}
	}
	return o.Confirm(v)
}

// masked leaves enough of an openid to find it again.
func masked(openID string) string {
	if len(openID) < 12 {
		return table.Stars
	}
	return strings.Join([]string{openID[:3], openID[len(openID)-3:]}, table.Stars)
}
