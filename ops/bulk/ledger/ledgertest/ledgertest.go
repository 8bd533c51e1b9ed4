// Package ledgertest holds a ledger, whatever it is kept in, to a model: whatever is done to it, it says what the model says.
package ledgertest

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A Subject is a new ledger, and what can happen to it.
type Subject struct {
	Ledger ledger.Ledger
	// Reopen closes it and gives it again. Crash gives what another process finds after this one was killed, or its machine
	// lost its power; at how much of that is lost is drawn from t.
	Reopen func(ledger.Ledger) (ledger.Ledger, error)
	Crash  func(t *rapid.T, of ledger.Ledger) (ledger.Ledger, error)
	// Today is how often a step was begun on the day of a time; nil: the ledger does not count that.
	Today func(of ledger.Ledger, step int, now time.Time) (int64, error)
}

// Check does some 30 random things to each of a number of new ledgers.
func Check(t *testing.T, checks int, start func(*rapid.T) Subject) {
	if asked := flag.Lookup("rapid.checks"); asked.Value.String() == asked.DefValue {
		require.NoError(t, asked.Value.Set(fmt.Sprint(checks)))
	}
	steps := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := start(rt)
		m := &model{t: rt, Subject: s, l: s.Ledger, items: map[place]*want{}, taken: map[place]want{}, begun: map[int]int64{}, day: time.Now()}
		defer func() { steps += m.steps; m.l.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"add": m.addFile, "stage": m.stage, "stage more": m.stage, "begin": m.begin, "begin again": m.begin, "end": m.end, "end again": m.end,
			"wrong": m.wrong, "wake": m.wake, "reopen": m.reopen, "crash": m.crash, "": m.same,
		})
	})
	t.Logf("%d steps", steps)
}

// entry is a person's line.
func entry(line, person, content int64) (e ledger.Entry) {
	e.Line, e.Rows = line, 1
	e.Key[19], e.Content[7] = byte(person), byte(content)
	return e
}

// A model is what a ledger should say, kept in maps.
type model struct {
	Subject
	t *rapid.T
	l ledger.Ledger

	files []ledger.File
	rest  []ledger.Entry // of the last one
	items map[place]*want
	taken map[place]want // what items of earlier inputs were before the last one took them, by its place
	begun map[int]int64  // by step
	day   time.Time
	steps int
}

type place struct{ file, line int64 }

type want struct {
	person, content int64 // 0: skipped, without a key
	rows            int64
	state           ledger.State
	kept            string
	step, tries     int
	due             time.Time
	code, request   string
	reason          string
	good, bad       int64
	twin            place
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

// addFile adds an input of a few people, some of whom are known. One that was left half staged is taken back by that.
func (m *model) addFile(t *rapid.T) {
	f, err := m.l.AddFile(ledger.File{Name: fmt.Sprint("file", len(m.files)), Digest: fmt.Sprint(len(m.files))})
	m.ok(err)
	m.drop()
	m.files = append(m.files, f)
	m.rest = nil
	for line := range rapid.Int64Range(1, 8).Draw(t, "items") {
		e := entry(line+1, rapid.Int64Range(1, 12).Draw(t, "person"), rapid.Int64Range(1, 2).Draw(t, "content"))
		e.Rows = rapid.Int64Range(1, 3).Draw(t, "rows")
		if list := m.places(rapid.Bool().Draw(t, "rejected")); len(list) > 0 && rapid.Bool().Draw(t, "corrects") {
			was := rapid.SampledFrom(list).Draw(t, "for")
			e.ForFile, e.ForLine = was.file, was.line
		}
		m.rest = append(m.rest, e)
	}
}

// places are those of all items, or of those that a row may correct.
func (m *model) places(rejected bool) (list []place) {
	for at, w := range m.items {
		if !rejected || w.state == ledger.Rejected {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b place) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	return list
}

// half is the input that is not staged to its end.
func (m *model) half() *ledger.File {
	if n := len(m.files); n > 0 && !m.files[n-1].Staged {
		return &m.files[n-1]
	}
	return nil
}

// stage stages a part of an input, of which some may be staged already, as after a crash.
func (m *model) stage(t *rapid.T) {
	f := m.half()
	if f == nil {
		t.Skip("all is staged")
	}
	entries := m.rest[:rapid.IntRange(0, len(m.rest)).Draw(t, "staged")]
	m.ok(m.l.Stage(f.ID, entries, []byte("rows")))
	for _, e := range entries {
		m.put(f.ID, e)
	}
	if len(entries) == len(m.rest) {
		m.ok(m.l.FileStaged(f.ID, int64(len(entries))))
		f.Staged, f.Rows = true, int64(len(entries))
		clear(m.taken)
	}
}

func (m *model) put(file int64, e ledger.Entry) {
	at := place{file, e.Line}
	if m.items[at] != nil {
		return
	}
	person, content := int64(e.Key[19]), int64(e.Content[7])
	other, w := m.owner(person)
	fresh := &want{person: person, content: content, rows: e.Rows}
	skipped := func(code string) *want {
		return &want{rows: e.Rows, state: ledger.Skipped, code: code, twin: other}
	}
	switch {
	case w == nil:
		m.items[at] = fresh
		old := place{e.ForFile, e.ForLine}
		if was := m.items[old]; was != nil && was.state == ledger.Rejected && old.file < file {
			m.taken[at], fresh.twin = *was, old
			was.state, was.code, was.twin = ledger.Skipped, ledger.FedAgain+":"+was.code, at
		}
	case other.file != file && w.state == ledger.Rejected:
		fresh.twin = other
		m.items[at] = fresh
		m.taken[at] = *w
		w.person, w.state, w.code, w.twin = 0, ledger.Skipped, ledger.FedAgain+":"+w.code, at
	case w.content != content:
		m.items[at] = skipped(ledger.Changed)
	case other.file == file:
		m.items[at] = skipped(ledger.Duplicate)
	case w.state == ledger.Done:
		m.items[at] = skipped(ledger.DoneBefore)
	default:
		m.items[at] = skipped(ledger.Elsewhere)
	}
}

// drop takes the input back that is not staged to its end.
func (m *model) drop() {
	f := m.half()
	if f == nil {
		return
	}
	for at, w := range m.items {
		if at.file != f.ID {
			continue
		}
		if was, ok := m.taken[at]; ok {
			was.twin = place{}
			m.items[w.twin] = &was
		}
		delete(m.items, at)
	}
	clear(m.taken)
	m.files = m.files[:len(m.files)-1]
}

// draw draws an item that is not finished, of an input that is staged.
func (m *model) draw(t *rapid.T) (place, *want) {
	var open []place
	for at, w := range m.items {
		if f := m.half(); w.open() && (f == nil || f.ID != at.file) {
			open = append(open, at)
		}
	}
	if len(open) == 0 {
		t.Skip("nothing is open")
	}
	slices.SortFunc(open, func(a, b place) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	at := rapid.SampledFrom(open).Draw(t, "item")
	return at, m.items[at]
}

func (w *want) open() bool {
	return w.state == ledger.Staged || w.state == ledger.Sending || w.state == ledger.Unknown
}

func (p place) id() int64 { return p.file<<40 | p.line }

func (m *model) begin(t *rapid.T) {
	at, w := m.draw(t)
	var kept []byte
	if rapid.IntRange(0, 3).Draw(t, "kept") > 0 {
		w.kept = rapid.StringMatching(`[a-z]{1,20}`).Draw(t, "call")
		kept = []byte(w.kept)
	}
	m.ok(m.l.Begin(m.t.Context(), at.id(), kept))
	w.state = ledger.Sending
	w.tries++
	m.begun[w.step]++
}

func (m *model) end(t *rapid.T) {
	at, w := m.draw(t)
	o := ledger.Outcome{
		State:     rapid.SampledFrom([]ledger.State{ledger.Staged, ledger.Done, ledger.Rejected, ledger.Rejected, ledger.Unknown}).Draw(t, "state"),
		Step:      w.step,
		Code:      rapid.SampledFrom([]string{"", "OK", "INVALID_REQUEST"}).Draw(t, "code"),
		RequestID: rapid.SampledFrom([]string{"", "08F3A6"}).Draw(t, "request"),
		Reason:    rapid.SampledFrom([]string{"", "no", "not now"}).Draw(t, "reason"),
		Good:      rapid.Int64Range(0, 2).Draw(t, "good"), Bad: rapid.Int64Range(0, 2).Draw(t, "bad"),
	}
	if o.State == ledger.Staged {
		o.Step = rapid.IntRange(0, 2).Draw(t, "step")
	}
	if o.State == ledger.Staged || o.State == ledger.Unknown {
		o.Due = rapid.SampledFrom([]time.Time{{}, time.UnixMilli(1000), time.UnixMilli(1 << 41), time.UnixMilli(1 << 42), ledger.Never}).Draw(t, "due")
	}
	if o.State != ledger.Unknown {
		w.kept = ""
	}
	if o.Step != w.step {
		w.tries = 0
	}
	m.ok(m.l.EndLater(m.t.Context(), at.id(), o)(m.t.Context()))
	w.state, w.step, w.due, w.code, w.request, w.reason, w.good, w.bad = o.State, o.Step, o.Due, o.Code, o.RequestID, o.Reason, o.Good, o.Bad
}

// wrong makes changes that do not fit, which are refused and change nothing.
func (m *model) wrong(*rapid.T) {
	for at, w := range m.items {
		if !w.open() {
			require.Error(m.t, m.l.Begin(m.t.Context(), at.id(), []byte("x")))
			require.Error(m.t, m.l.EndLater(m.t.Context(), at.id(), ledger.Outcome{State: ledger.Done, Reason: "wrong"})(m.t.Context()))
			return
		}
	}
}

func (m *model) wake(t *rapid.T) {
	staged := rapid.Bool().Draw(t, "staged")
	for _, f := range m.files {
		m.ok(m.l.Wake(f.ID, staged, time.UnixMilli(5000)))
	}
	for _, w := range m.items {
		if w.state == ledger.Staged && w.due.Equal(ledger.Never) {
			w.due = time.UnixMilli(5000)
		} else if w.state == ledger.Staged && staged || w.state == ledger.Sending || w.state == ledger.Unknown {
			w.due = time.Time{}
		}
	}
}

func (m *model) reopen(*rapid.T) {
	l, err := m.Reopen(m.l)
	m.ok(err)
	m.l = l
}

func (m *model) crash(t *rapid.T) {
	l, err := m.Crash(t, m.l)
	m.ok(err)
	m.l = l
}

// same compares everything that the ledger says with the model.
func (m *model) same(*rapid.T) {
	t := m.t
	m.steps++
	var sums ledger.Sums
	reasons := map[string]int64{}
	seen := 0
	for item, err := range m.l.Items(t.Context()) {
		m.ok(err)
		seen++
		w := m.items[place{item.File, item.Line}]
		require.NotNil(t, w, "line %d of %d", item.Line, item.File)
		got := want{
			person: int64(item.Key[19]), content: int64(item.Content[7]), rows: item.Rows, state: item.State, kept: string(item.Kept), step: item.Step, tries: item.Tries, due: item.Due,
			code: item.Code, request: item.RequestID, reason: item.Reason, good: item.Good, bad: item.Bad, twin: place{item.TwinFile, item.Twin},
		}
		require.Equal(t, *w, got, "line %d of %d", item.Line, item.File)
		sums.Rows += item.Rows
		*map[ledger.State]*int64{ledger.Staged: &sums.Staged, ledger.Sending: &sums.Sending, ledger.Done: &sums.Done, ledger.Rejected: &sums.Rejected,
			ledger.Unknown: &sums.Unknown, ledger.Skipped: &sums.Skipped}[item.State] += item.Rows
		sums.Good, sums.Bad = sums.Good+item.Good, sums.Bad+item.Bad
		if item.State == ledger.Rejected {
			reasons[item.Code] += item.Rows
		}
	}
	require.Len(t, m.items, seen)
	got, err := m.l.Sums()
	m.ok(err)
	require.Equal(t, sums, got)
	counted, err := m.l.Reasons()
	m.ok(err)
	require.Equal(t, reasons, counted)
	files, err := m.l.Files()
	m.ok(err)
	require.Equal(t, append([]ledger.File{}, m.files...), append([]ledger.File{}, files...))
	for step, n := range m.begun {
		if m.Today == nil {
			break
		}
		today, err := m.Today(m.l, step, m.day)
		m.ok(err)
		tomorrow, err := m.Today(m.l, step, m.day.Add(24*time.Hour)) // midnight may pass in Beijing
		m.ok(err)
		require.Equal(t, n, today+tomorrow)
	}
	for _, f := range m.files {
		m.sameDue(f.ID)
	}
}

func (m *model) sameDue(file int64) {
	t, now, steps := m.t, time.UnixMilli(1<<41), 2
	var due, staged []int64
	next, some := time.Time{}, false
	for at, w := range m.items {
		if at.file != file {
			continue
		}
		staged = append(staged, at.line)
		if !w.open() || w.step >= steps {
			continue
		}
		if !w.due.After(now) {
			due = append(due, at.line)
		}
		when := w.due
		if when.IsZero() {
			when = time.UnixMilli(0)
		}
		if when.Before(ledger.Never) && (!some || when.Before(next)) {
			next, some = when, true
		}
	}
	slices.Sort(due)
	slices.Sort(staged)
	var lines []int64
	for after := int64(0); ; { // a few at a time
		items, err := m.l.Due(file, now, after, steps, 3)
		m.ok(err)
		for _, item := range items {
			lines = append(lines, item.Line)
			after = item.Line
		}
		if len(items) < 3 {
			break
		}
	}
	require.Equal(t, due, lines)
	lines = nil
	for item, err := range m.l.Staged(t.Context(), file) {
		m.ok(err)
		lines = append(lines, item.Line)
	}
	require.Equal(t, staged, lines)
	when, is, err := m.l.NextDue(file, 1000, steps)
	m.ok(err)
	require.Equal(t, some, is)
	if some {
		require.True(t, next.Equal(when), "%v %v", next, when)
	}
}
