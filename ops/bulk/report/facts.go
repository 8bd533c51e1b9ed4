package report

import (
	"context"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// Read gathers the facts of a job, also beside a process that runs it.
func Read(ctx context.Context, l ledger.Ledger, now time.Time) (f Facts, err error) {
	head := l.Head()
	f = Facts{Name: head.Name, Operation: head.Operation, Sender: head.Sender, Settings: head.Settings, Created: head.Created, Made: now}
	sums, err := l.Sums()
	if err != nil {
		return f, err
	}
	f.Sums, f.Good, f.Bad = bulk.SumsOf(sums), sums.Good, sums.Bad
	if f.Begun, err = l.UnderWay(); err != nil {
		return f, err
	}
	files, err := l.Files()
	if err != nil {
		return f, err
	}
	for _, file := range files {
		f.Files = append(f.Files, File{Name: file.Name, Rows: file.Rows, Added: file.Added, Staged: file.Staged})
	}
	ticks, err := l.Ticks()
	if err != nil {
		return f, err
	}
	if len(ticks) > 0 && ticks[0].At.After(head.Created) {
		f.Ticks = append(f.Ticks, Tick{At: head.Created, Ceiling: ticks[0].Ceiling}) // a short job has one tick, at its end
	}
	for _, t := range ticks {
		f.Ticks = append(f.Ticks, Tick(t))
		f.Last = t.At
	}
	f.Reasons, err = reasons(ctx, l)
	return f, err
}

// reasons of rejected rows; what a code means is what the first row that has it was told.
func reasons(ctx context.Context, l ledger.Ledger) ([]Reason, error) {
	counts, err := l.Reasons()
	if err != nil || len(counts) == 0 {
		return nil, err
	}
	why := map[string]wxpay.Hint{}
	for item, err := range l.Items(ctx, ledger.Rejected) {
		if err != nil {
			return nil, err
		}
		if _, ok := why[item.Code]; !ok {
			why[item.Code] = wxpay.Hint{English: bulk.Masked(item.Reason), Chinese: bulk.Masked(item.ReasonChinese)}
		}
		if len(why) == len(counts) {
			break
		}
	}
	var list []Reason
	for code, rows := range counts {
		list = append(list, Reason{Code: code, Rows: rows, Why: why[code]})
	}
	return sorted(list), nil
}
