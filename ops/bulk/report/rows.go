package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// Columns that are put behind those of the input. Readers of files do not take them for anything else, so that a
// corrected file can be fed as it is.
const (
	colCode      = "wxpay_code"
	colReason    = "wxpay_reason"
	colReasonZH  = "wxpay_reason_zh"
	colRequestID = "wxpay_request_id"
)

func ours() []string {
	return []string{table.FileColumn, table.LineColumn, colCode, colReason, colReasonZH, colRequestID, table.CellsColumn}
}

// Rows are those rows of a job that ended in one way, to be written in the shape of its inputs. The ledger knows what
// became of them, the inputs what they were.
type Rows struct {
	Ledger  ledger.Ledger
	State   ledger.State   // Rejected, Unknown or Skipped
	Code    string         // only those with this code, such as [ledger.Changed]; empty: all
	Columns []table.Column // of the operation
	// Open opens an input as it was opened for the job. Of one that cannot be opened, or is no longer what it was, the
	// lines are told without their cells.
	Open   func(ledger.File) (*table.File, error)
	Reveal bool // whole cells: numbers and names of people

	// Results are all rows that were not skipped, whatever became of them, with columns that an operation adds: State and Code
	// do not count then. Nil: no results.
	Results *Results
}

// Results say what became of a row beyond its code.
type Results struct {
	Columns []string // whose names begin with wxpay_, so that no reader of files takes them for its own
	// Tickets are those of the columns that hold tickets of base64 signs, which programs hand on as they are: no apostrophe
	// is put before one.
	Tickets []string
	// Cells are those of an item; cell gives one of the row as it was sent, by the name of its column, masked as the rest; "" if
	// it is lost.
	Cells func(item ledger.Item, cell func(column string) string) []string
}

// Written is what a file of rows holds.
type Written struct {
	Path   string
	Rows   int64
	Masked bool
	Lost   []string // inputs that are gone or have changed since: only lines and codes of them are told
}

// WriteFile puts the rows into a file of mode 0600. Unless it may replace one that is there, it is an error of
// [os.ErrExist] that there is one.
func (r Rows) WriteFile(ctx context.Context, path string, replace bool) (w Written, err error) {
	err = write(path, replace, func(out io.Writer) error {
		w, err = r.Write(ctx, out)
		return err
	})
	w.Path = path
	return w, err
}

// Write writes the rows as CSV in UTF-8.
func (r Rows) Write(ctx context.Context, out io.Writer) (w Written, err error) {
	w.Masked = !r.Reveal
	files, err := r.inputs(ctx)
	if err != nil {
		return w, err
	}
	for _, f := range files {
		if f.table == nil {
			w.Lost = append(w.Lost, f.known.Name)
		}
	}
	header, places := r.header(files)
	all := append(slices.Clone(header), ours()...)
	if r.Results != nil {
		all = append(all, r.Results.Columns...)
	}
	csv := table.NewWriter(out, all)
	if r.Results != nil {
		csv.Tickets(r.Results.Tickets...)
	}
	next, stop := iter.Pull2(r.items(ctx))
	defer stop()
	items := &queue{next: next}
	line := make([]string, len(all))
	for i, f := range files {
		for row, err := range f.rows(ctx, items) {
			if err != nil {
				return w, err
			}
			clear(line)
			for j, cell := range row.cells {
				if j < len(places[i]) && places[i][j] >= 0 {
					line[places[i][j]] = r.cell(f.columns[j], cell)
				}
			}
			copy(line[len(header):], r.said(f, row))
			if r.Results != nil {
				copy(line[len(header)+len(ours()):], r.Results.Cells(row.item, r.sent(f, row)))
			}
			if err := csv.Write(line); err != nil {
				return w, err
			}
			w.Rows++
		}
	}
	return w, csv.Flush()
}

// states are those of the items that are read. What was being sent when a process ended is unknown.
func (r Rows) states() []ledger.State {
	if r.Results != nil {
		return []ledger.State{ledger.Staged, ledger.Sending, ledger.Done, ledger.Rejected, ledger.Unknown}
	}
	if r.State == ledger.Unknown {
		return []ledger.State{ledger.Unknown, ledger.Sending}
	}
	return []ledger.State{r.State}
}

// items are those of the rows.
func (r Rows) items(ctx context.Context) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		for item, err := range r.Ledger.Items(ctx, r.states()...) {
			if (err != nil || r.Code == "" || r.Results != nil || item.Code == r.Code) && !yield(item, err) {
				return
			}
		}
	}
}

func (r Rows) cell(column *table.Column, cell string) string {
	if r.Reveal {
		return cell
	}
	return mask(column, cell)
}

// said is what the columns of ours hold.
func (r Rows) said(f input, row row) []string {
	cells := table.CellsMasked
	if r.Reveal {
		cells = table.CellsWhole
	}
	if row.cells == nil {
		cells = table.CellsLost
	}
	why := wxpay.Hint{English: bulk.Masked(row.item.Reason), Chinese: bulk.Masked(row.item.ReasonChinese)}
	if row.item.State == ledger.Skipped {
		why = skipped(row.item)
	}
	code := row.item.Code
	if s := row.item.State; s != ledger.Rejected && s != ledger.Skipped { // between two steps more stands behind its word
		code, _, _ = strings.Cut(code, " ")
	}
	return []string{filepath.Base(f.known.Name), strconv.FormatInt(row.line, 10), code, why.English, why.Chinese, row.item.RequestID, cells}
}

// skipped says why there was nothing to do for a row.
func skipped(item ledger.Item) wxpay.Hint {
	code, _, _ := strings.Cut(item.Code, ":")
	switch code {
	case ledger.Duplicate:
		return wxpay.Hint{English: fmt.Sprintf("stands in line %d before", item.Twin), Chinese: fmt.Sprintf("与第 %d 行重复", item.Twin)}
	case ledger.DoneBefore:
		return wxpay.Hint{English: "was done as part of an earlier input", Chinese: "已在之前的输入文件中完成"}
	case ledger.Elsewhere:
		return wxpay.Hint{English: "is part of another input, which is not finished", Chinese: "属于另一输入文件，尚未完成"}
	case ledger.Changed:
		if item.TwinFile == item.File {
			return wxpay.Hint{English: fmt.Sprintf("is not what stands for it in line %d before; only that line is sent", item.Twin), Chinese: fmt.Sprintf("与第 %d 行为同一对象但内容不同，仅发送第 %d 行", item.Twin, item.Twin)}
		}
		return wxpay.Hint{English: fmt.Sprintf("is not what was sent for it before, from line %d of an earlier input; it was not sent again", item.Twin), Chinese: fmt.Sprintf("与此前发送的内容（较早输入文件第 %d 行）不同，未再次发送", item.Twin)}
	case ledger.FedAgain:
		return wxpay.Hint{English: fmt.Sprintf("was rejected, and stands in line %d of a later input once more", item.Twin), Chinese: fmt.Sprintf("曾被拒绝，已在较晚输入文件第 %d 行重新提交", item.Twin)}
	}
	return wxpay.Hint{}
}

// An input is a file of the ledger with the table that it still is.
type input struct {
	known   ledger.File
	table   *table.File // nil: gone, or not what it was
	header  []string
	columns []*table.Column // by place; nil: not of the operation
}

func (r Rows) inputs(ctx context.Context) (list []input, err error) {
	files, err := r.Ledger.Files()
	if err != nil {
		return nil, err
	}
	for _, known := range files {
		in := input{known: known}
		if file, err := r.Open(known); err == nil {
			digest, err := file.Digest(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err == nil && digest == known.Digest {
				in.table = file
				in.header, in.columns = headerOf(file, r.Columns)
			}
		}
		list = append(list, in)
	}
	return list, nil
}

// headerOf is what stands over the columns of a file, and which of them an operation reads. A column without a header
// is called as the operation calls it, so that the rows can be fed as they are.
func headerOf(file *table.File, columns []table.Column) (header []string, known []*table.Column) {
	header = slices.Clone(file.Header())
	known = make([]*table.Column, len(header))
	for i := range columns {
		place, ok := place(file, columns[i].Name)
		if !ok {
			continue
		}
		for len(known) <= place {
			known, header = append(known, nil), append(header, "")
		}
		known[place] = &columns[i]
		if header[place] == "" {
			header[place] = columns[i].Name
		}
	}
	for i := range header {
		if strings.TrimSpace(header[i]) == "" {
			header[i] = fmt.Sprintf("column_%d", i+1)
		}
	}
	return header, known
}

// place is where a column was found in a file, from 0.
func place(file *table.File, column string) (int, bool) {
	header, ok := file.Found()[column]
	if !ok {
		return 0, false
	}
	if i := slices.Index(file.Header(), header); i >= 0 {
		return i, true
	}
	var n int
	if _, err := fmt.Sscanf(header, "column %d", &n); err != nil || n < 1 {
		return 0, false
	}
	return n - 1, true
}

// header joins the headers of all inputs: what an operation reads comes together under the word of the first, what it
// does not know under the same word. Places say where the cells of each input go; -1: nowhere.
func (r Rows) header(files []input) (header []string, places [][]int) {
	at := map[string]int{}
	for _, f := range files {
		place := make([]int, len(f.header))
		times := map[string]int{}
		for i, word := range f.header {
			if slices.Contains(ours(), word) || r.Results != nil && slices.Contains(r.Results.Columns, word) { // of a file that came out of a job before
				place[i] = -1
				continue
			}
			key := "header " + word
			if f.columns[i] != nil {
				key = "column " + f.columns[i].Name
			}
			times[key]++
			key = fmt.Sprint(times[key], key)
			if _, ok := at[key]; !ok {
				at[key] = len(header)
				header = append(header, word)
			}
			place[i] = at[key]
		}
		places = append(places, place)
	}
	return header, places
}

// A row is what is written of one.
type row struct {
	line  int64
	cells []string // nil: lost
	item  ledger.Item
}

// sent finds the cells of a row by the names of their columns, as they were sent.
func (r Rows) sent(f input, row row) func(string) string {
	return func(column string) string {
		for i, c := range f.columns {
			if c != nil && c.Name == column && i < len(row.cells) {
				clean, _ := c.Kind.Clean(row.cells[i])
				return r.cell(c, clean)
			}
		}
		return ""
	}
}

// A queue gives items in the order of files and lines, and lets one look at the next.
type queue struct {
	next func() (ledger.Item, error, bool)
	item *ledger.Item
	err  error
	done bool
}

// peek is the next item of a file, nil if there is none.
func (q *queue) peek(file int64) (*ledger.Item, error) {
	if q.item == nil && !q.done && q.err == nil {
		item, err, ok := q.next()
		q.done, q.err = !ok, err
		if ok && err == nil {
			q.item = &item
		}
	}
	if q.err != nil || q.item == nil || q.item.File != file {
		return nil, q.err
	}
	return q.item, nil
}

func (q *queue) pop() ledger.Item {
	item := *q.item
	q.item = nil
	return item
}

// rows joins the items of a file with its lines. An item of many rows is that of its first line and of those behind it.
func (f input) rows(ctx context.Context, q *queue) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		if f.table != nil && !f.joined(ctx, q, yield) {
			return
		}
		f.without(q, -1, yield)
	}
}

// joined reads the table along, as far as there are items.
func (f input) joined(ctx context.Context, q *queue, yield func(row, error) bool) bool {
	var current ledger.Item
	var left int64
	for record, err := range f.table.Records(ctx) {
		if err != nil {
			return yield(row{}, err)
		}
		line := int64(record.Line)
		if !f.without(q, line, yield) {
			return false
		}
		next, err := q.peek(f.known.ID)
		switch {
		case err != nil:
			return yield(row{}, err)
		case next != nil && next.Line == line:
			current = q.pop()
			left = max(1, current.Rows)
		case next == nil && left == 0:
			return true
		}
		if left > 0 {
			if left--; !yield(row{line, record.Cells, current}, nil) {
				return false
			}
		}
	}
	return true
}

// without tells the items before a line that have no line of their own; before -1 are all.
func (f input) without(q *queue, line int64, yield func(row, error) bool) bool {
	for {
		next, err := q.peek(f.known.ID)
		if err != nil {
			return yield(row{}, err)
		}
		if next == nil || line >= 0 && next.Line >= line {
			return true
		}
		item := q.pop()
		if !yield(row{item.Line, nil, item}, nil) {
			return false
		}
	}
}
