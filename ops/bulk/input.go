package bulk

import (
	"context"
	"errors"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

const (
	stageAtOnce = 2000 // entries in one transaction
	chunkRows   = 500  // of a chunk of a store, unless one item has more
	faultsKept  = 20
)

// input makes the source an input of the job, unless it is one: every row is checked, then every row is staged.
func (r *run) input(ctx context.Context) error {
	digest, err := r.Source.Digest(ctx)
	if err != nil {
		return r.ended(ctx, err)
	}
	files, err := r.ledger.Files()
	if err != nil {
		return stopped(WhyLedger, hintLedger, err)
	}
	r.inputs = byName(files)
	unfit := r.whole(ctx) // what is wrong with the rows themselves is told first
	same, err := r.choose(ctx, files, digest)
	switch {
	case err != nil:
		return err
	case r.file.Staged:
		return unfit
	case !r.checkedFirst:
		if err := r.check(ctx); err != nil {
			return err
		}
	}
	if unfit != nil {
		return unfit
	}
	if !same || len(files) > 1 { // one that was staged in part goes: nothing of it was sent, and others may have moved since
		if r.file, err = r.ledger.AddFile(ledger.File{Name: r.Source.Name(), Digest: digest}); err != nil {
			return stopped(WhyLedger, hintLedger, err)
		}
	}
	return r.stage(ctx)
}

// choose finds the input that has the content of the source (same), or else its name, and refuses what may not be an
// input of the job.
func (r *run) choose(ctx context.Context, files []ledger.File, digest string) (same bool, err error) {
	if i := slices.IndexFunc(files, func(f ledger.File) bool { return f.Digest == digest }); i >= 0 {
		r.file = files[i]
		return true, nil
	}
	if i := slices.IndexFunc(files, func(f ledger.File) bool { return f.Name == r.Source.Name() }); i >= 0 {
		if r.file = files[i]; r.file.Staged {
			return false, r.changed(ctx)
		}
	}
	if i := slices.IndexFunc(files, func(f ledger.File) bool { return f.Staged }); i >= 0 && r.about.Batch > 1 {
		return false, &OtherJobError{"input", files[i].Name, r.Source.Name()} // a row of both would be sent twice, in two batches
	}
	return false, nil
}

// whole shows the rows to an operation that has to know all of them; once in a run.
func (r *run) whole(ctx context.Context) error {
	o, ok := r.Operation.(Whole)
	if !ok || r.checkedFirst {
		return nil
	}
	var broken error
	err := o.Whole(ctx, func(yield func(table.Row) bool) {
		for row, err := range r.Source.Rows(ctx) {
			if _, fault := errors.AsType[*table.Fault](err); err != nil && !fault {
				broken = err
				return
			}
			if err == nil && !yield(row) {
				return
			}
		}
	})
	if broken != nil {
		return r.ended(ctx, broken)
	}
	if fault, ok := errors.AsType[*table.Fault](err); ok {
		return &InputError{[]*table.Fault{r.place(fault, table.Row{})}, 1}
	}
	return err
}

// check looks at every row before anything is written or sent.
func (r *run) check(ctx context.Context) error {
	var wrong InputError
	rows := int64(0)
	for row, err := range r.Source.Rows(ctx) {
		if err == nil {
			_, err = r.Operation.Check(row)
		}
		if err == nil {
			err = r.misplaced(row)
		}
		fault, ok := errors.AsType[*table.Fault](err)
		switch {
		case ok:
			if wrong.Count++; len(wrong.Faults) < faultsKept {
				wrong.Faults = append(wrong.Faults, r.place(fault, row))
			}
		case err != nil:
			return r.ended(ctx, err)
		}
		rows++
		r.checked.Store(rows)
	}
	if ctx.Err() != nil {
		return r.ended(ctx, ctx.Err())
	}
	if rows == 0 {
		return &InputError{[]*table.Fault{{File: r.Source.Name(), Reason: "holds no row", Chinese: "没有任何数据行"}}, 1}
	}
	if wrong.Count > 0 {
		return &wrong
	}
	if r.about.Batch > 1 || r.about.Once || r.DryRun {
		return r.twins(ctx, rows, twinsAtOnce)
	}
	return nil
}

// place says where a fault is that an operation found.
func (r *run) place(f *table.Fault, row table.Row) *table.Fault {
	placed := *f
	if placed.File == "" {
		placed.File = r.Source.Name()
	}
	if placed.Line == 0 {
		placed.Line = row.Line
	}
	return &placed
}

// stage writes every row into the ledger. A row that was written before the process was killed is known there.
func (r *run) stage(ctx context.Context) error {
	r.phase(PhaseStaging)
	entries, rows, most := make([]ledger.Entry, 0, stageAtOnce), int64(0), stageAtOnce
	var chunk []table.Row
	if r.Store != nil {
		most = max(chunkRows/r.about.Batch, 1)
	}
	flush := func() error {
		sealed, err := r.seal(entries, chunk)
		if err == nil {
			err = r.ledger.Stage(r.file.ID, entries, sealed)
		}
		entries, chunk = entries[:0], chunk[:0]
		if err != nil {
			return stopped(WhyLedger, hintLedger, err)
		}
		return ctx.Err()
	}
	for item, err := range r.items(ctx) {
		if err != nil {
			return r.ended(ctx, err)
		}
		entries = append(entries, item.Entry)
		if r.Store != nil {
			chunk = append(chunk, item.rows...)
		}
		rows += item.Rows
		r.checked.Store(rows)
		if len(entries) == most {
			if err := flush(); err != nil {
				return r.ended(ctx, err)
			}
		}
	}
	if err := flush(); err != nil {
		return r.ended(ctx, err)
	}
	if err := r.ledger.FileStaged(r.file.ID, rows); err != nil {
		return stopped(WhyLedger, hintLedger, err)
	}
	return r.recount()
}

// A piece is an item to be staged, and its rows, until the next one.
type piece struct {
	ledger.Entry
	rows []table.Row
}

// items makes items of the rows of the source.
func (r *run) items(ctx context.Context) iter.Seq2[piece, error] {
	made := func(rows []table.Row) (piece, error) {
		e, err := r.entry(rows)
		return piece{e, rows}, err
	}
	return func(yield func(piece, error) bool) {
		var batch []table.Row
		for row, err := range r.Source.Rows(ctx) {
			if err != nil {
				yield(piece{}, err)
				return
			}
			if batch = append(batch, row); len(batch) == r.about.Batch {
				if !yield(made(batch)) {
					return
				}
				batch = batch[:0]
			}
		}
		if ctx.Err() != nil {
			yield(piece{}, ctx.Err())
		} else if len(batch) > 0 {
			yield(made(batch))
		}
	}
}

// entry is what the ledger is told of an item.
func (r *run) entry(rows []table.Row) (e ledger.Entry, err error) {
	var identity strings.Builder
	for _, row := range rows {
		who, err := r.Operation.Check(row)
		if err != nil {
			return e, err
		}
		identity.WriteString(who)
		if len(rows) > 1 {
			identity.WriteByte('\n')
		}
	}
	e = ledger.Entry{
		Line: int64(rows[0].Line), Rows: int64(len(rows)), Key: r.number(rows[0], identity.String()), Content: r.keys.content(rows),
	}
	if file, ok := r.inputs[rows[0].WasFile]; ok && len(rows) == 1 {
		e.ForFile, e.ForLine = file, int64(rows[0].WasLine)
		return e, r.correct(&e, rows[0])
	}
	return e, nil
}

// correct gives a row the number of the one that it corrects, unless the operation says that it gets another.
func (r *run) correct(e *ledger.Entry, row table.Row) error {
	o, ok := r.Operation.(Corrects)
	if !ok {
		return nil
	}
	was, ok, err := r.ledger.Was(e.ForFile, e.ForLine)
	if err != nil || !ok {
		return err
	}
	identity, itself := "", was.File == r.file.ID && was.Line == e.Line
	if was.State == ledger.Rejected && !itself {
		identity = o.Corrects(row, spell(was.Key), was.Code)
	}
	if e.Key = was.Key; identity != "" {
		e.Key = r.number(row, identity)
	}
	return nil
}

// number is that of a row, and remembers whether the row has one of its own.
func (r *run) number(row table.Row, identity string) number {
	n := r.keys.number(&r.about, identity)
	if o, ok := r.Operation.(Corrects); ok {
		n = marked(n, o.OwnNumber(row))
	}
	return n
}

// misplaced is why a row may not take the place of the one that it names, where that matters.
func (r *run) misplaced(row table.Row) error {
	o, ok := r.Operation.(Corrects)
	if !ok || row.WasFile == "" {
		return nil
	}
	file, known := r.inputs[row.WasFile]
	var was ledger.Item
	if known {
		var err error
		if was, known, err = r.ledger.Was(file, int64(row.WasLine)); err != nil {
			return stopped(WhyLedger, hintLedger, err)
		}
	}
	switch {
	case !known:
		return &table.Fault{Line: row.Line, Column: table.FileColumn, Reason: "names a row that this job does not know, and that may have had its effect elsewhere; feed it to the job that it came from, with --job",
			Chinese: "所指的行不属于本任务，可能已在别处生效；请用 --job 提交给原任务"}
	case was.State == ledger.Rejected && HasOwnNumber(was) && !o.OwnNumber(row) && o.Corrects(row, spell(was.Key), was.Code) == "":
		return &table.Fault{Line: row.Line, Reason: "corrects a row that had a number of its own, and has none; give it the number of the row that it corrects",
			Chinese: "所更正的行自填了单号，而本行没有单号；请填写被更正行的单号"}
	}
	return nil
}

// byName are inputs by the names that rows call them, which have no folder. Of two alike neither is meant.
func byName(files []ledger.File) map[string]int64 {
	ids, twice := map[string]int64{}, map[string]bool{}
	for _, f := range files {
		name := filepath.Base(f.Name)
		_, there := ids[name]
		ids[name], twice[name] = f.ID, twice[name] || there
	}
	maps.DeleteFunc(ids, func(name string, _ int64) bool { return twice[name] })
	return ids
}

// changed says what is different between the source and the input of the same name; nil if no row is.
func (r *run) changed(ctx context.Context) error {
	e := &ChangedError{Name: r.Source.Name()}
	differs := func(line int64, count *int64, rows int64) {
		if *count += rows; e.Line == 0 || line < e.Line {
			e.Line = line
		}
	}
	was, stop := iter.Pull2(r.ledger.Staged(ctx, r.file.ID))
	defer stop()
	old, err, more := was()
	for now, bad := range r.items(ctx) {
		if bad != nil {
			return r.ended(ctx, bad)
		}
		for more && err == nil && old.Line < now.Line {
			differs(old.Line, &e.Gone, old.Rows)
			old, err, more = was()
		}
		if err != nil {
			return stopped(WhyLedger, hintLedger, err)
		}
		switch {
		case !more || old.Line > now.Line:
			differs(now.Line, &e.Added, now.Rows)
			continue
		case old.Key != ([20]byte{}) && (old.Key != now.Key || old.Content != now.Content): // a row that was skipped has no key
			differs(now.Line, &e.Changed, now.Rows)
		}
		old, err, more = was()
	}
	for ; more && err == nil; old, err, more = was() {
		differs(old.Line, &e.Gone, old.Rows)
	}
	if err != nil {
		return stopped(WhyLedger, hintLedger, err)
	}
	if e.Line == 0 {
		return nil
	}
	return e
}

// ended is why the source could not be read to its end.
func (r *run) ended(ctx context.Context, err error) error {
	if stop, ok := errors.AsType[*StopError](err); ok {
		return stop
	}
	if ctx.Err() != nil {
		return stopped(WhyInterrupted, hintInterrupted, context.Cause(ctx))
	}
	if fault, ok := errors.AsType[*table.Fault](err); ok {
		return &InputError{[]*table.Fault{fault}, 1}
	}
	return err
}
