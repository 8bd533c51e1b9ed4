package ledger_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A model is what a ledger should say, kept in maps.
type model struct {
	t      *rapid.T
	folder string
	copies int
	path   string
	l      *ledger.Ledger

	files map[int64]bool // by ID: staged
	items map[place]*want
}

type place struct{ file, line int64 }

type want struct {
	person, content int64 // 0: skipped, without a key
	state           ledger.State
	code            string
	step            int
	kept            string
	due             time.Time
}

// owner finds the item that has a person's key.
func (m *model) owner(person int64) (place, *want) {
	for at, w := range m.items {
		if w.person == person {
			return at, w
		}
	}
	return place{}, nil
}

func (m *model) ok(err error) {
	m.t.Helper()
	require.NoError(m.t, err)
}

// addFile stages an input of a few people, some of whom are known.
func (m *model) addFile(t *rapid.T) {
	f, err := m.l.AddFile(ledger.File{Name: fmt.Sprint("file", len(m.files)), Digest: fmt.Sprint(len(m.files))})
	m.ok(err)
	m.files[f.ID] = false
	var entries []ledger.Entry
	for line := int64(1); line <= rapid.Int64Range(1, 6).Draw(t, "rows"); line++ {
		entries = append(entries, entry(line, rapid.Int64Range(1, 12).Draw(t, "person"), rapid.Int64Range(1, 2).Draw(t, "content")))
	}
	m.ok(m.l.Stage(f.ID, entries))
	if rapid.Bool().Draw(t, "staged again after a crash") {
		m.ok(m.l.Stage(f.ID, entries))
	}
	for _, e := range entries {
		m.stage(f.ID, e)
	}
	if rapid.IntRange(0, 5).Draw(t, "dropped") == 0 && !m.tookOver(f.ID) {
		m.ok(m.l.Drop(f.ID))
		delete(m.files, f.ID)
		maps.DeleteFunc(m.items, func(at place, _ *want) bool { return at.file == f.ID })
		return
	}
	m.ok(m.l.FileStaged(f.ID, int64(len(entries))))
	m.files[f.ID] = true
}

// tookOver reports whether rows of earlier inputs are sent again as a part of this one.
func (m *model) tookOver(file int64) bool {
	for _, w := range m.items {
		if w.state == ledger.Skipped && w.step == int(file) {
			return true
		}
	}
	return false
}

func (m *model) stage(file int64, e ledger.Entry) {
	at := place{file, e.Line}
	person, content := int64(e.Key[19]), int64(e.Content[7])
	other, w := m.owner(person)
	switch {
	case w == nil:
		m.items[at] = &want{person: person, content: content}
	case other.file != file && w.state == ledger.Rejected:
		*w = want{state: ledger.Skipped, code: ledger.FedAgain + ":" + w.code, step: int(file)}
		m.items[at] = &want{person: person, content: content}
	case w.content != content:
		m.items[at] = &want{state: ledger.Skipped, code: ledger.Changed}
	case other.file == file:
		m.items[at] = &want{state: ledger.Skipped, code: ledger.Duplicate}
	case w.state == ledger.Done:
		m.items[at] = &want{state: ledger.Skipped, code: ledger.DoneBefore}
	default:
		m.items[at] = &want{state: ledger.Skipped, code: ledger.Elsewhere}
	}
}

// open draws an item that is not finished.
func (m *model) open(t *rapid.T) (place, *want) {
	var open []place
	for at, w := range m.items {
		if w.person != 0 && w.state != ledger.Done && w.state != ledger.Rejected {
			open = append(open, at)
		}
	}
	if len(open) == 0 {
		t.Skip("nothing is open")
	}
	slices.SortFunc(open, func(a, b place) int { return int((a.file-b.file)*1000 + a.line - b.line) })
	at := rapid.SampledFrom(open).Draw(t, "item")
	return at, m.items[at]
}

func (m *model) id(at place) int64 {
	for item, err := range m.l.Staged(m.t.Context(), at.file) {
		m.ok(err)
		if item.Line == at.line {
			return item.ID
		}
	}
	m.t.Fatalf("line %d of %d is not there", at.line, at.file)
	return 0
}

func (m *model) begin(t *rapid.T) {
	at, w := m.open(t)
	w.kept = rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "kept")
	m.ok(m.l.Begin(m.t.Context(), m.id(at), []byte(w.kept)))
	w.state = ledger.Sending
}

func (m *model) end(t *rapid.T) {
	at, w := m.open(t)
	w.state = rapid.SampledFrom([]ledger.State{ledger.Staged, ledger.Done, ledger.Rejected, ledger.Unknown}).Draw(t, "state")
	w.code, w.due = rapid.SampledFrom([]string{"", "OK", "INVALID_REQUEST"}).Draw(t, "code"), time.Time{}
	if w.state == ledger.Staged {
		w.step = rapid.IntRange(0, 2).Draw(t, "step")
	}
	if w.state == ledger.Staged || w.state == ledger.Unknown {
		w.due = rapid.SampledFrom([]time.Time{{}, time.UnixMilli(1000), time.UnixMilli(1 << 42), ledger.Never}).Draw(t, "due")
	}
	if w.state != ledger.Unknown {
		w.kept = ""
	}
	m.ok(m.l.End(m.t.Context(), m.id(at), ledger.Outcome{State: w.state, Step: w.step, Code: w.code, Due: w.due}))
}

func (m *model) wake(t *rapid.T) {
	staged := rapid.Bool().Draw(t, "staged")
	for file := range m.files {
		m.ok(m.l.Wake(file, staged))
	}
	for _, w := range m.items {
		if w.state == ledger.Staged && staged || w.state == ledger.Sending || w.state == ledger.Unknown {
			w.due = time.Time{}
		}
	}
}

func (m *model) reopen(*rapid.T) {
	m.ok(m.l.Close())
	l, err := ledger.Open(m.path)
	m.ok(err)
	m.l = l
}

// crash goes on with what is on disk at this moment.
func (m *model) crash(*rapid.T) {
	m.copies++
	path := filepath.Join(m.folder, fmt.Sprint(m.copies, ".ledger"))
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(m.path + suffix)
		m.ok(err)
		m.ok(os.WriteFile(path+suffix, content, 0o600))
	}
	m.ok(m.l.Close())
	m.path = path
	l, err := ledger.Open(path)
	m.ok(err)
	m.l = l
}

// same compares everything that the ledger says with the model.
func (m *model) same(*rapid.T) {
	t := m.t
	var sums ledger.Sums
	reasons := map[string]int64{}
	seen := 0
	for item, err := range m.l.Items(t.Context()) {
		m.ok(err)
		seen++
		w := m.items[place{item.File, item.Line}]
		require.NotNil(t, w, "line %d of %d", item.Line, item.File)
		require.Equal(t, w.state, item.State)
		require.Equal(t, w.code, item.Code)
		require.Equal(t, w.kept, string(item.Kept))
		if w.person != 0 {
			require.EqualValues(t, w.person, item.Key[19])
			require.Equal(t, w.step, item.Step)
			require.True(t, w.due.Equal(item.Due), "%v %v", w.due, item.Due)
		}
		sums.Rows++
		*map[ledger.State]*int64{ledger.Staged: &sums.Staged, ledger.Sending: &sums.Sending, ledger.Done: &sums.Done, ledger.Rejected: &sums.Rejected,
			ledger.Unknown: &sums.Unknown, ledger.Skipped: &sums.Skipped}[item.State]++
		if item.State == ledger.Rejected {
			reasons[item.Code]++
		}
	}
	require.Len(t, m.items, seen)
	got, err := m.l.Sums()
	m.ok(err)
	require.Equal(t, sums, got)
	counted, err := m.l.Reasons()
	m.ok(err)
	require.Equal(t, reasons, counted)
	now := time.UnixMilli(1 << 41)
	for file := range m.files {
		steps := 2
		var due []int64
		next, any := time.Time{}, false
		for at, w := range m.items {
			open := w.person != 0 && (w.state == ledger.Staged || w.state == ledger.Sending || w.state == ledger.Unknown) && w.step < steps && at.file == file
			if open && !w.due.After(now) {
				due = append(due, at.line)
			}
			when := w.due
			if when.IsZero() {
				when = time.UnixMilli(0)
			}
			if open && when.Before(ledger.Never) && (!any || when.Before(next)) {
				next, any = when, true
			}
		}
		slices.Sort(due)
		items, err := m.l.Due(file, now, 0, steps, 100)
		m.ok(err)
		var lines []int64
		for _, item := range items {
			lines = append(lines, item.Line)
		}
		require.Equal(t, due, lines)
		when, some, err := m.l.NextDue(file, 1000, steps)
		m.ok(err)
		require.Equal(t, any, some)
		if any {
			require.True(t, next.Equal(when), "%v %v", next, when)
		}
	}
}

// Whatever is done to a ledger, it says what a model says, also after it was closed and opened, and after a crash.
func TestModel(t *testing.T) {
	t.Parallel()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set("12")) // some 400 steps; make soak takes 10,000
	}
	folder := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &model{t: rt, folder: filepath.Join(folder, fmt.Sprint(runs)), files: map[int64]bool{}, items: map[place]*want{}}
		m.path = filepath.Join(m.folder, "0.ledger")
		l, err := ledger.Create(m.path, head)
		require.NoError(rt, err)
		m.l = l
		defer func() { m.l.Close(); os.RemoveAll(m.folder) }()
		rt.Repeat(map[string]func(*rapid.T){
			"addFile": m.addFile, "begin": m.begin, "begin again": m.begin, "end": m.end, "end again": m.end, "wake": m.wake, "reopen": m.reopen, "crash": m.crash, "": m.same,
		})
	})
}
