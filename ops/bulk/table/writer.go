package table

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/lists"
)

// A Writer writes CSV in UTF-8, with a byte order mark so that Excel shows Chinese as it is. A cell that a spreadsheet
// would take for a formula gets an apostrophe in front, which [File] takes off again. What was written is there after
// Flush.
type Writer struct {
	csv    *csv.Writer
	cells  []string
	header []string
	raw    io.Writer
	begun  bool
	err    error
}

// NewWriter writes under a header; nil: without one.
func NewWriter(w io.Writer, header []string) *Writer {
	return &Writer{csv: csv.NewWriter(w), header: header, raw: w}
}

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
	for _, c := range cells {
		w.cells = append(w.cells, guarded(c))
	}
	w.err = w.csv.Write(w.cells)
}

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
