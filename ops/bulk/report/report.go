// Package report tells people what became of the rows of a job: one page of HTML that needs nothing else, the rows that
// were rejected, are unknown or were skipped as files to correct and feed again, and a summary. Nobody's numbers and
// names are in any of it, unless somebody asks for whole cells.
package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
)

// Facts are what is told of a job.
type Facts struct {
	Name, Operation, Sender string
	Settings                map[string]string
	Created, Last           time.Time // Last: when it moved last; zero: never
	Made                    time.Time // when these facts were gathered
	Running                 bool
	Files                   []File
	Sums                    bulk.Sums
	Begun                   int64 // of the rows that are Left: begun, not ended
	Good, Bad               int64 // what the platform counted, of operations whose items are batches
	Reasons                 []Reason
	Ticks                   []Tick
}

// Complete reports whether a job is finished: all of its inputs are in the ledger, and nothing is left to do or to find
// out. One that was killed before its rows were written down has none, and is not complete.
func (f Facts) Complete() bool {
	return len(f.Files) > 0 && !slices.ContainsFunc(f.Files, func(file File) bool { return !file.Staged }) && f.Sums.Complete()
}

// A File is an input of a job.
type File struct {
	Name     string    `json:"name"`
	Encoding string    `json:"encoding"` // empty if nobody wrote it down; no ledger does
	Rows     int64     `json:"rows"`
	Added    time.Time `json:"added"`
	Staged   bool      `json:"staged"` // all of its rows are in the ledger
}

// A Reason is why rows were rejected.
type Reason struct {
	Code string     `json:"code"`
	Rows int64      `json:"rows"`
	Why  wxpay.Hint `json:"why"`
}

// A Tick is how a job stood at a moment. Throttled begins at 0 with each run.
type Tick struct {
	At                                 time.Time
	Done, Rejected, Unknown, Throttled int64
	Ceiling                            float64 // calls a second that were allowed; 0: no limit
}

// sorted reasons: the most frequent first.
func sorted(reasons []Reason) []Reason {
	return slices.SortedFunc(slices.Values(reasons), func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Code, b.Code))
	})
}

// Grouped spells a number for people: 1,234,567.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
