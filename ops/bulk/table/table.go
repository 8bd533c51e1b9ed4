// Package table reads files of rows as spreadsheets and databases write them: CSV and text in any of the usual
// encodings, and .xlsx. What has only one reading is cleaned, by the rules of the SDK's own readers of lists;
// everything else is refused by file, line and column. No word of a refusal says what a cell holds.
package table

import "fmt"

// A Column is one that an operation reads.
type Column struct {
	Name     string   // on the wire, such as phone_number; also the first header it is known by
	Headers  []string // other words that stand over it, such as 手机号; case, blanks and _ do not matter
	Kind     Kind
	Required bool // every row has it
}

// A Kind says how a cell is cleaned.
type Kind int8

const (
	Text   Kind = iota // blanks and invisible characters at the ends go
	ID                 // letters, digits and signs of ASCII, as agreement numbers and openids
	Phone              // without blanks and dashes; a mobile number of the mainland has 11 digits, another one its + and country
	Fen                // a whole number, the unit is 1/100 yuan
	Yuan               // yuan with up to two decimals; comes out as fen
	Moment             // a date, or date and time; comes out in RFC 3339
)

// A Row is one line of a file.
type Row struct {
	Line  int      // in the file, counted from 1, with header and blank lines; a quoted cell may span several
	Cells []string // clean, in the order of the columns; "" where the file has none

	// Of a file that came out of a job before: which row of which of its inputs this one was.
	WasFile string // name without folder; empty: not known
	WasLine int
}

// A file of rows that came out of a job says in a column of its own what its cells are. A row whose cells are not whole
// stands for nobody: it is refused when it is fed again.
const (
	FileColumn  = "wxpay_file" // of which input, and in which line, a row was
	LineColumn  = "wxpay_line"
	CellsColumn = "wxpay_cells"
	CellsWhole  = "whole"
	CellsMasked = "masked"
	CellsLost   = "lost" // their input had changed or was gone

	Stars = "****" // for what is hidden of a cell; a text of these alone is refused too
)

// Cell is the one at a place, from 0; "" of a row that ends before it.
func (r Row) Cell(place int) string {
	if place < len(r.Cells) {
		return r.Cells[place]
	}
	return ""
}

// A Fault is what is wrong with a file.
type Fault struct {
	File    string
	Line    int    // 0: the file as a whole
	Column  string // as the file calls it; empty: the line as a whole
	Reason  string // such as "is in scientific notation, so digits of it are lost; export the column as text"
	Chinese string
}

func (f *Fault) Error() string {
	s := f.File
	if f.Line > 0 {
		s += fmt.Sprintf(":%d", f.Line)
	}
	if f.Column != "" {
		s += ": column " + f.Column
	}
	return s + ": " + f.Reason
}
