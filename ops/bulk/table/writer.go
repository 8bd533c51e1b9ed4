package table

import (
	"encoding/csv"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/lists"
)

// A Writer writes CSV in UTF-8, with a byte order mark so that Excel shows Chinese as it is. A cell that a spreadsheet
// would take for a formula gets an apostrophe in front, which [File] takes off again. What was written is there after
// Flush.
type Writer struct {
	csv     *csv.Writer
	cells   []string
	header  []string
	tickets []string
	raw     io.Writer
	begun   bool
	err     error
}

// NewWriter writes under a header; nil: without one.
func NewWriter(w io.Writer, header []string) *Writer {
	return &Writer{csv: csv.NewWriter(w), header: header, raw: w}
}

// Tickets names columns of the header whose cells a program hands on as they are. One that is of base64 signs alone, padding at
// its end, gets no apostrophe: a spreadsheet may show #NAME? for one that begins with + or -, and it can do no more with it.
func (w *Writer) Tickets(columns ...string) { w.tickets = columns }

// Write writes one line.
func (w *Writer) Write(cells []string) error {
	w.begin()
	w.line(cells)
	return w.err
}

// Flush brings everything to the writer below, the header too if there are no lines.
func (w *Writer) Flush() error {
	w.begin()
	if w.csv.Flush(); w.err == nil {
		w.err = w.csv.Error()
	}
	return w.err
}

func (w *Writer) begin() {
	if w.begun || w.err != nil {
		return
	}
	w.begun = true
	if _, w.err = io.WriteString(w.raw, "\ufeff"); w.err == nil && w.header != nil {
		w.line(w.header)
	}
}

func (w *Writer) line(cells []string) {
	if w.err != nil {
		return
	}
	w.cells = w.cells[:0]
	for i, c := range cells {
		if i >= len(w.header) || !slices.Contains(w.tickets, w.header[i]) || !ticket.MatchString(c) {
			c = guarded(c)
		}
		w.cells = append(w.cells, c)
	}
	w.err = w.csv.Write(w.cells)
}

// ticket has no bracket, quote, bang or bar: taken for a formula, it calls nothing and reaches nothing outside the sheet.
var ticket = regexp.MustCompile(`^[A-Za-z0-9+/_-]{16,}={0,2}$`)

// guarded is a cell that no spreadsheet takes for a formula.
func guarded(cell string) string {
	if formula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// unguarded undoes guarded.
func unguarded(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && formula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

// formula reports whether a spreadsheet may calculate a cell. A negative number it may: it is itself.
func formula(cell string) bool {
	if cell == "" {
		return false
	}
	if strings.IndexByte("\t\r\n", cell[0]) >= 0 {
		return true
	}
	if c := cell[0]; c < utf8.RuneSelf && c > ' ' && strings.IndexByte("=+-@", c) < 0 {
		return false
	}
	cell = lists.Trim(cell)
	r, size := utf8.DecodeRuneInString(cell)
	switch r {
	case '-':
		whole, part, point := strings.Cut(cell[size:], ".")
		return !digits(whole) || point && !digits(part)
	case '=', '+', '@', '＝', '＋', '－', '＠':
		return true
	}
	return false
}
