package ledger_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

var head = ledger.Head{
	Name: "autumn", Operation: "member-import", Sender: "1900000109", Settings: map[string]string{"card_id": "card"},
	Salt: []byte("salt"), Check: []byte("check"), Created: time.Unix(1_790_000_000, 0).UTC(),
}

func create(t testing.TB) (*ledger.SQLite, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jobs", "autumn.ledger")
	l, err := ledger.Create(path, head)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l, path
}

// entry is that of a person who stands in a line, with some content.
func entry(line, person, content int64) ledger.Entry {
	e := ledger.Entry{Line: line, Rows: 1}
	binary.BigEndian.PutUint64(e.Key[4:], uint64(person)*0x9e3779b97f4a7c15) // spread, as hashes are
	binary.BigEndian.PutUint64(e.Key[12:], uint64(person))
	binary.BigEndian.PutUint64(e.Content[:], uint64(content))
	return e
}

// stage adds an input whose rows are these people.
func stage(t testing.TB, l *ledger.SQLite, name string, people ...int64) ledger.File {
	t.Helper()
	f, err := l.AddFile(ledger.File{Name: name, Digest: "sha256 of " + name})
	require.NoError(t, err)
	var entries []ledger.Entry
	for i, p := range people {
		entries = append(entries, entry(int64(i+1), p, p))
	}
	require.NoError(t, l.Stage(f.ID, entries, nil))
	require.NoError(t, l.FileStaged(f.ID, int64(len(people))))
	return f
}

func all(t testing.TB, l *ledger.SQLite, states ...ledger.State) (items []ledger.Item) {
	t.Helper()
	for item, err := range l.Items(t.Context(), states...) {
		require.NoError(t, err)
		items = append(items, item)
	}
	return items
}

func due(t testing.TB, l *ledger.SQLite, file int64) []ledger.Item {
	t.Helper()
	items, err := l.Due(file, time.Now(), 0, 9, 1000)
	require.NoError(t, err)
	return items
}

func sums(t testing.TB, l *ledger.SQLite) ledger.Sums {
	t.Helper()
	s, err := l.Sums()
	require.NoError(t, err)
	require.Equal(t, s.Rows, s.Staged+s.Sending+s.Done+s.Rejected+s.Unknown+s.Skipped)
	return s
}

func TestItemGoesItsWay(t *testing.T) {
	t.Parallel()
	l, path := create(t)
	f := stage(t, l, "a.csv", 1, 2, 3)
	items := due(t, l, f.ID)
	require.Len(t, items, 3)
	ctx, one := t.Context(), items[0].ID

	require.NoError(t, l.Begin(ctx, one, []byte("bytes of a call")))
	got := due(t, l, f.ID)[0]
	assert.Equal(t, ledger.Sending, got.State)
	assert.Equal(t, "bytes of a call", string(got.Kept))
	assert.Equal(t, 1, got.Tries)

	later := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	require.NoError(t, l.End(ctx, one, ledger.Outcome{State: ledger.Unknown, Due: later}))
	assert.Len(t, due(t, l, f.ID), 2)
	next, is, err := l.NextDue(f.ID, 1, 9)
	require.NoError(t, err)
	assert.True(t, is && next.Equal(later), next)
	got = all(t, l, ledger.Unknown)[0]
	assert.Equal(t, "bytes of a call", string(got.Kept), "what is unknown is repeated with the same bytes")

	require.NoError(t, l.Begin(ctx, one, nil))
	require.NoError(t, l.End(ctx, one, ledger.Outcome{State: ledger.Staged, Step: 1}))
	got = due(t, l, f.ID)[0]
	assert.Equal(t, [2]int{1, 0}, [2]int{got.Step, got.Tries})
	assert.Nil(t, got.Kept)
	items, err = l.Due(f.ID, time.Now(), 0, 1, 9)
	require.NoError(t, err)
	assert.Len(t, items, 2, "a step that is not to be taken is not due")
	begun, err := l.Begun(f.ID, time.Now(), 0, 9, 9)
	require.NoError(t, err)
	require.Len(t, begun, 1, "the others are new")
	assert.Equal(t, one, begun[0].ID)

	require.NoError(t, l.End(ctx, one, ledger.Outcome{State: ledger.Staged, Step: 1, Due: ledger.Never}))
	_, is, err = l.NextDue(f.ID, 1, 9)
	require.NoError(t, err)
	assert.False(t, is)
	for _, staged := range []bool{false, true} {
		require.NoError(t, l.Wake(f.ID, staged, later))
		next, is, err = l.NextDue(f.ID, 1, 9)
		require.NoError(t, err)
		assert.True(t, is && next.Equal(later), "what was put off comes last: %v", next)
		require.NoError(t, l.End(ctx, one, ledger.Outcome{State: ledger.Staged, Step: 1, Due: ledger.Never}))
	}
	for want, o := range []ledger.Outcome{{State: ledger.Staged}, {State: ledger.Staged, Code: "of a bill that is sent again"}, {State: ledger.Staged, Step: 1}} {
		require.NoError(t, l.End(ctx, one, o))
		n, err := l.UnderWay()
		require.NoError(t, err)
		assert.EqualValues(t, min(want, 1), n, "%+v", o)
	}

	require.NoError(t, l.Begin(ctx, one, []byte("more")))
	require.NoError(t, l.End(ctx, one, ledger.Outcome{State: ledger.Done, Step: 1, Code: "478515832665", RequestID: "0A1B", Good: 5, Bad: 1}))
	require.NoError(t, l.End(ctx, items[0].ID, ledger.Outcome{State: ledger.Rejected, Code: "NO", Reason: "no", ReasonChinese: "不"}))
	require.NoError(t, l.End(ctx, items[1].ID, ledger.Outcome{State: ledger.Rejected, Code: "NO", Reason: "no", ReasonChinese: "不"}))
	assert.Equal(t, ledger.Sums{Rows: 3, Done: 1, Rejected: 2, Good: 5, Bad: 1}, sums(t, l))
	reasons, err := l.Reasons()
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"NO": 2}, reasons)
	for step, want := range []int64{2, 1} {
		n, err := l.Today(step, time.Now())
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	n, err := l.Today(0, time.Now().Add(24*time.Hour))
	require.NoError(t, err)
	assert.Zero(t, n)

	require.NoError(t, l.Close())
	assert.NoFileExists(t, path+"-wal")
	l, err = ledger.Open(path)
	require.NoError(t, err)
	defer l.Close()
	assert.Equal(t, head, l.Head())
	got = all(t, l, ledger.Done)[0]
	assert.Equal(t, ledger.Item{ID: one, File: f.ID, Line: 1, Rows: 1, Key: entry(1, 1, 1).Key, Content: entry(1, 1, 1).Content, State: ledger.Done, Step: 1, Tries: 1, Code: "478515832665", RequestID: "0A1B", Good: 5, Bad: 1}, got)
	got = all(t, l, ledger.Rejected)[1]
	assert.Equal(t, []any{"NO", "no", "不"}, []any{got.Code, got.Reason, got.ReasonChinese})
	files, err := l.Files()
	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.Equal(t, ledger.File{ID: f.ID, Name: "a.csv", Digest: "sha256 of a.csv", Rows: 3, Staged: true, Added: f.Added}, files[0])
}

func TestSameRowInLaterInput(t *testing.T) {
	t.Parallel()
	l, _ := create(t)
	first := stage(t, l, "a.csv", 1, 2, 3, 4, 5)
	for _, o := range []struct {
		line int
		to   ledger.Outcome
	}{{1, ledger.Outcome{State: ledger.Done}}, {2, ledger.Outcome{State: ledger.Rejected, Code: "NO"}}, {3, ledger.Outcome{State: ledger.Unknown}}, {4, ledger.Outcome{State: ledger.Rejected}}} {
		require.NoError(t, l.End(t.Context(), first.ID<<40|int64(o.line), o.to))
	}
	second, err := l.AddFile(ledger.File{Name: "b.csv", Digest: "b"})
	require.NoError(t, err)
	entries := []ledger.Entry{
		entry(11, 1, 1), entry(12, 1, 99), entry(13, 2, 2), entry(14, 3, 3), entry(15, 3, 99), entry(16, 4, 99), entry(17, 5, 5), entry(18, 6, 6),
		entry(19, 6, 6), entry(20, 6, 99), entry(21, 2, 2),
	}
	for range 2 { // the second time after a crash
		require.NoError(t, l.Stage(second.ID, entries, nil))
	}
	want := []struct {
		line  int64
		state ledger.State
		code  string
		twin  int64
	}{
		{1, ledger.Done, "", 0}, {2, ledger.Skipped, "FED_AGAIN:NO", 13}, {3, ledger.Unknown, "", 0}, {4, ledger.Skipped, "FED_AGAIN:", 16}, {5, ledger.Staged, "", 0},
		{11, ledger.Skipped, ledger.DoneBefore, 1}, {12, ledger.Skipped, ledger.Changed, 1}, {13, ledger.Staged, "", 2}, {14, ledger.Skipped, ledger.Elsewhere, 3},
		{15, ledger.Skipped, ledger.Changed, 3}, {16, ledger.Staged, "", 4}, {17, ledger.Skipped, ledger.Elsewhere, 5}, {18, ledger.Staged, "", 0},
		{19, ledger.Skipped, ledger.Duplicate, 18}, {20, ledger.Skipped, ledger.Changed, 18}, {21, ledger.Skipped, ledger.Duplicate, 13},
	}
	items := all(t, l)
	require.Len(t, items, len(want))
	for i, w := range want {
		assert.Equal(t, w.line, items[i].Line)
		assert.Equal(t, []any{w.state, w.code, w.twin}, []any{items[i].State, items[i].Code, items[i].Twin}, "line %d", w.line)
		assert.Equal(t, w.state == ledger.Skipped, items[i].Key == [20]byte{}, "line %d", w.line)
	}
	assert.Equal(t, []int64{second.ID, first.ID, second.ID}, []int64{items[1].TwinFile, items[5].TwinFile, items[13].TwinFile})
	assert.Equal(t, ledger.Sums{Rows: 16, Staged: 4, Done: 1, Unknown: 1, Skipped: 10}, sums(t, l))

	// The input is another one now, so what was staged of it is taken back, and with it what it took from the first.
	for range 2 {
		_, err = l.AddFile(ledger.File{Name: "c.csv", Digest: "c"})
		require.NoError(t, err)
		assert.Equal(t, ledger.Sums{Rows: 5, Staged: 1, Done: 1, Unknown: 1, Rejected: 2}, sums(t, l))
		items = all(t, l, ledger.Rejected)
		assert.Equal(t, []any{"NO", entry(2, 2, 2).Key, entry(2, 2, 2).Content}, []any{items[0].Code, items[0].Key, items[0].Content})
		assert.Empty(t, items[1].Code)
		assert.Equal(t, entry(4, 4, 4).Content, items[1].Content, "its own, not that of the input that was dropped")
		second, err = l.AddFile(ledger.File{Name: "b.csv", Digest: "b"})
		require.NoError(t, err)
		require.NoError(t, l.Stage(second.ID, entries, nil))
	}
	require.NoError(t, l.FileStaged(second.ID, 11))
}

func TestWrongChangeIsRefusedAlone(t *testing.T) {
	t.Parallel()
	l, _ := create(t)
	f := stage(t, l, "a.csv", 1, 2, 3, 4, 5, 6, 7, 8)
	ctx := t.Context()
	require.NoError(t, l.End(ctx, f.ID<<40|1, ledger.Outcome{State: ledger.Done}))
	require.ErrorContains(t, l.Begin(ctx, f.ID<<40|1, nil), "has ended")
	require.Error(t, l.End(ctx, f.ID<<40|1, ledger.Outcome{State: ledger.Rejected}))
	require.Error(t, l.End(ctx, f.ID<<40|2, ledger.Outcome{State: ledger.Skipped}))
	require.Error(t, l.Stage(f.ID, []ledger.Entry{entry(0, 9, 9)}, nil))
	var wait sync.WaitGroup
	for line := range int64(8) {
		wait.Go(func() {
			err := l.End(ctx, f.ID<<40|(line+1), ledger.Outcome{State: ledger.Done, Reason: "why"})
			assert.Equal(t, line == 0, err != nil, err)
		})
	}
	wait.Wait()
	assert.EqualValues(t, 8, sums(t, l).Done)
	for _, item := range all(t, l)[1:] {
		assert.Equal(t, "why", item.Reason)
	}
}

func TestEndedContextEndsWaitingAlone(t *testing.T) {
	t.Parallel()
	l, _ := create(t)
	f := stage(t, l, "a.csv", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if err := l.Begin(ctx, f.ID<<40|1, []byte("x")); err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.NoError(t, l.End(t.Context(), f.ID<<40|1, ledger.Outcome{State: ledger.Done}))
	assert.EqualValues(t, 1, sums(t, l).Done)
}

func TestClosedLedger(t *testing.T) {
	t.Parallel()
	l, path := create(t)
	f := stage(t, l, "a.csv", 1)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if err := l.Begin(t.Context(), f.ID<<40|1, nil); err != nil {
				assert.ErrorIs(t, err, ledger.ErrClosed)
			}
		})
	}
	require.NoError(t, l.Close())
	wait.Wait()
	require.ErrorIs(t, l.Tick(ledger.Tick{}), ledger.ErrClosed)
	_, err := l.Sums()
	require.Error(t, err)
	require.NoError(t, l.Close())
	l, err = ledger.Open(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	l, path := create(t)
	host, _ := os.Hostname()
	for _, try := range []func() (*ledger.SQLite, error){
		func() (*ledger.SQLite, error) { return ledger.Open(path) },
		func() (*ledger.SQLite, error) { return ledger.Create(path, head) },
	} {
		_, err := try()
		held, ok := errors.AsType[*ledger.HeldError](err)
		require.True(t, ok, err)
		assert.Equal(t, []any{path, os.Getpid(), host}, []any{held.Path, held.PID, held.Host})
		assert.WithinDuration(t, time.Now(), held.Since, time.Minute)
	}
	held := ledger.Held(path)
	require.NotNil(t, held)
	assert.Equal(t, os.Getpid(), held.PID)
	require.NoError(t, l.Close())
	assert.Nil(t, ledger.Held(path))
	assert.Nil(t, ledger.Held(filepath.Join(t.TempDir(), "none")))

	var wait sync.WaitGroup // those who only ask do not keep it from who wants it
	ctx, cancel := context.WithCancel(t.Context())
	wait.Go(func() {
		for ctx.Err() == nil {
			ledger.Held(path)
		}
	})
	for range 5 {
		l, err := ledger.Open(path)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
	cancel()
	wait.Wait()
	_, err := ledger.Create(path, head)
	require.ErrorIs(t, err, fs.ErrExist)
}

func TestLookBesideARun(t *testing.T) {
	t.Parallel()
	l, path := create(t)
	f := stage(t, l, "a.csv", 1, 2)
	seen, err := ledger.Look(path)
	require.NoError(t, err)
	require.NoError(t, l.End(t.Context(), f.ID<<40|1, ledger.Outcome{State: ledger.Done}))
	assert.Equal(t, ledger.Sums{Rows: 2, Done: 1, Staged: 1}, sums(t, seen))
	assert.Equal(t, head, seen.Head())
	require.ErrorIs(t, seen.Tick(ledger.Tick{}), ledger.ErrReadOnly)
	require.NoError(t, seen.Close())
	folder, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, e := range folder {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode(), e.Name())
	}
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	require.NoError(t, l.End(t.Context(), f.ID<<40|2, ledger.Outcome{State: ledger.Done}))
	require.NoError(t, l.Close())
}

func TestTicks(t *testing.T) {
	t.Parallel()
	l, _ := create(t)
	want := []ledger.Tick{{At: time.UnixMilli(1000), Done: 1, Ceiling: 2.5}, {At: time.UnixMilli(2000), Rejected: 2, Unknown: 3, Throttled: 4}}
	for _, tick := range want {
		require.NoError(t, l.Tick(tick))
	}
	got, err := l.Ticks()
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestOddNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b?c=d&e#f%20.ledger", "秋季.ledger", "file:x.ledger", "'quote'.ledger"} {
		path := filepath.Join(t.TempDir(), name)
		l, err := ledger.Create(path, head)
		require.NoError(t, err, name)
		require.NoError(t, l.Close())
		assert.FileExists(t, path)
		l, err = ledger.Open(path)
		require.NoError(t, err, name)
		require.NoError(t, l.Close())
	}
}
