package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
)

// A List is rows of a backend's own, such as those of a query. They are cleaned and refused as those of a [File].
type List struct {
	name    string
	columns []Column
	rows    func() iter.Seq[[]string]
}

// NewList makes a list of rows whose cells are in the order of the columns; cells that are left out at the end are
// empty. The name tells inputs of a job apart. The function gives the same rows in the same order whenever it is
// called.
func NewList(name string, columns []Column, rows func() iter.Seq[[]string]) *List {
	return &List{name, slices.Clone(columns), rows}
}

// Name is the one that was given.
func (l *List) Name() string { return l.name }

// Digest is that of all cells.
func (l *List) Digest(ctx context.Context) (string, error) {
	h := sha256.New()
	for _, c := range l.columns {
		fmt.Fprintf(h, "%q %d\n", c.Name, c.Kind)
	}
	for cells := range l.rows() {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q\n", cells)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Rows are the rows, cleaned; their lines count from 1. A [*Fault] is what is wrong with one of them; the rows behind
// it follow.
func (l *List) Rows(ctx context.Context) iter.Seq2[Row, error] {
	f := &File{given: l.name, options: Options{Columns: l.columns}, width: len(l.columns), found: map[string]string{}}
	for i, c := range l.columns {
		f.places = append(f.places, i)
		f.found[c.Name] = c.Name
	}
	return func(yield func(Row, error) bool) {
		line := 0
		for cells := range l.rows() {
			if err := ctx.Err(); err != nil {
				yield(Row{}, err)
				return
			}
			if line++; blank(cells) {
				continue
			}
			clean, column, wrong := f.clean(cells)
			if wrong != nil {
				if !yield(Row{Line: line}, f.fault(line, column, wrong)) {
					return
				}
			} else if !yield(Row{Line: line, Cells: clean}, nil) {
				return
			}
		}
	}
}
