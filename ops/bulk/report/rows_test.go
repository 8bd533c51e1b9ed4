package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

var memberColumns = []table.Column{
	{Name: "phone_number", Headers: []string{"手机号", "mobile"}, Kind: table.Phone, Required: true},
	{Name: "code", Kind: table.ID},
	{Name: "nickname", Headers: []string{"昵称"}, Kind: table.Text},
}

// A job is a ledger with inputs beside it.
type job struct {
	t      *testing.T
	dir    string
	ledger *ledger.SQLite
	files  map[string]ledger.File
	next   byte
}

func newJob(t *testing.T) *job {
	t.Helper()
	dir := t.TempDir()
	l, err := ledger.Create(filepath.Join(dir, "autumn.ledger"), ledger.Head{
		Name: "autumn", Operation: "member-import-by-phone", Sender: "1900000001", Salt: make([]byte, 32), Check: []byte("check"), Created: time.Now(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return &job{t: t, dir: dir, ledger: l, files: map[string]ledger.File{}}
}

func open(f ledger.File) (*table.File, error) {
	return table.Open(f.Name, table.Options{Columns: memberColumns})
}

// input writes a file and stages items at these lines, each of so many rows.
func (j *job) input(name, text string, rows int64, lines ...int64) {
	j.t.Helper()
	path := filepath.Join(j.dir, name)
	require.NoError(j.t, os.WriteFile(path, []byte(text), 0o600))
	file, err := table.Open(path, table.Options{Columns: memberColumns})
	require.NoError(j.t, err)
	digest, err := file.Digest(j.t.Context())
	require.NoError(j.t, err)
	known, err := j.ledger.AddFile(ledger.File{Name: path, Digest: digest})
	require.NoError(j.t, err)
	j.files[name] = known
	var entries []ledger.Entry
	for _, line := range lines {
		j.next++
		entries = append(entries, ledger.Entry{Line: line, Rows: rows, Key: [20]byte{j.next}, Content: [8]byte{j.next}})
	}
	require.NoError(j.t, j.ledger.Stage(known.ID, entries, nil))
	require.NoError(j.t, j.ledger.FileStaged(known.ID, rows*int64(len(lines))))
}

// end ends the item of a line.
func (j *job) end(name string, line int64, o ledger.Outcome) {
	j.t.Helper()
	items, err := j.ledger.Due(j.files[name].ID, time.Now(), line-1, 9, 1)
	require.NoError(j.t, err)
	require.Len(j.t, items, 1)
	require.Equal(j.t, line, items[0].Line)
	ctx := context.WithoutCancel(j.t.Context())
	require.NoError(j.t, j.ledger.Begin(ctx, items[0].ID, []byte("kept")))
	if o.State != ledger.Sending {
		require.NoError(j.t, j.ledger.End(ctx, items[0].ID, o))
	}
}

func refused(code string) ledger.Outcome {
	return ledger.Outcome{State: ledger.Rejected, Code: code, RequestID: "0A1B-268580", Reason: "is refused: 13812345678", ReasonChinese: "被拒绝"}
}

func (j *job) rows(state ledger.State, reveal bool) ([][]string, report.Written) {
	j.t.Helper()
	var b bytes.Buffer
	w, err := report.Rows{Ledger: j.ledger, State: state, Columns: memberColumns, Open: open, Reveal: reveal}.Write(j.t.Context(), &b)
	require.NoError(j.t, err)
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
	require.NoError(j.t, err)
	require.EqualValues(j.t, len(lines)-1, w.Rows)
	return lines, w
}

const ours = "wxpay_file wxpay_line wxpay_code wxpay_reason wxpay_reason_zh wxpay_request_id wxpay_cells"

func TestRowsInTheShapeOfTheInput(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "姓名,手机号,=1+1\n张三,13800000001,x\n李四,13800000002,y\n王五,13800000003,z\n", 1, 2, 3, 4)
	j.end("a.csv", 2, ledger.Outcome{State: ledger.Done, Code: "card"})
	j.end("a.csv", 3, refused("NO_CARD"))
	j.end("a.csv", 4, ledger.Outcome{State: ledger.Sending})

	lines, w := j.rows(ledger.Rejected, false)
	require.True(t, w.Masked)
	require.Equal(t, "姓名 手机号 '=1+1 "+ours, strings.Join(lines[0], " "))
	require.Equal(t, []string{"****", "138****0002", "****", "a.csv", "3", "NO_CARD", "is refused: *****", "被拒绝", "0A1B-268580", "masked"}, lines[1])
	require.Len(t, lines, 2)

	lines, w = j.rows(ledger.Rejected, true)
	require.False(t, w.Masked)
	require.Equal(t, []string{"李四", "13800000002", "y"}, lines[1][:3])
	require.Equal(t, "whole", lines[1][9])

	lines, _ = j.rows(ledger.Unknown, true)
	require.Len(t, lines, 2, "what was being sent is unknown")
	require.Equal(t, "4", lines[1][4])
}

// Columns of two inputs come together by what the operation reads in them; columns of ours are not doubled.
func TestRowsOfSeveralInputs(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "手机号,备注\n13800000001,x\n", 1, 2)
	j.input("b.csv", "note,mobile,备注,wxpay_file,wxpay_line,wxpay_code\nn,13800000002,y,old.csv,7,OLD\n", 1, 2)
	j.input("c.csv", "13800000003\n", 1, 1)
	for name, line := range map[string]int64{"a.csv": 2, "b.csv": 2, "c.csv": 1} {
		j.end(name, line, refused("NO"))
	}
	lines, _ := j.rows(ledger.Rejected, true)
	require.Equal(t, "手机号 备注 note "+ours, strings.Join(lines[0], " "))
	require.Equal(t, []string{"13800000001", "x", "", "a.csv", "2", "NO"}, lines[1][:6])
	require.Equal(t, []string{"13800000002", "y", "n", "b.csv", "2", "NO"}, lines[2][:6])
	require.Equal(t, []string{"13800000003", "", "", "c.csv", "1", "NO"}, lines[3][:6])
}

func TestRowsOfBatches(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	var b strings.Builder
	b.WriteString("手机号\n")
	for i := range 9 {
		fmt.Fprintf(&b, "1380000000%d\n", i)
	}
	j.input("a.csv", b.String(), 3, 2, 5, 8)
	j.end("a.csv", 2, ledger.Outcome{State: ledger.Done})
	j.end("a.csv", 5, refused("NO"))
	j.end("a.csv", 8, ledger.Outcome{State: ledger.Done})
	lines, _ := j.rows(ledger.Rejected, true)
	require.Len(t, lines, 4)
	for i, line := range lines[1:] {
		require.Equal(t, []string{fmt.Sprintf("1380000000%d", 3+i), "a.csv", fmt.Sprint(5 + i), "NO"}, line[:4])
	}
}

// An input that has changed, or is gone, is said, and what the ledger knows is written.
func TestRowsOfAnInputThatIsNotWhatItWas(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "手机号\n13800000001\n", 1, 2)
	j.input("b.csv", "手机号\n13800000002\n", 1, 2)
	j.input("c.csv", "手机号\n13800000003\n", 1, 2)
	for _, name := range []string{"a.csv", "b.csv", "c.csv"} {
		j.end(name, 2, refused("NO"))
	}
	require.NoError(t, os.WriteFile(filepath.Join(j.dir, "a.csv"), []byte("手机号\n13999999999\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(j.dir, "b.csv")))
	lines, w := j.rows(ledger.Rejected, true)
	require.Equal(t, []string{filepath.Join(j.dir, "a.csv"), filepath.Join(j.dir, "b.csv")}, w.Lost)
	require.Len(t, lines, 4)
	require.Equal(t, []string{"", "a.csv", "2", "NO"}, lines[1][:4])
	require.Equal(t, "lost", lines[1][7])
	require.Equal(t, []string{"", "b.csv", "2", "NO"}, lines[2][:4])
	require.Equal(t, []string{"13800000003", "c.csv", "2", "NO"}, lines[3][:4])
}

// A revealed file can be fed as it is: its values are those of the input, and columns of ours are none of the operation's.
func TestRowsCanBeFedAgain(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "code,手机号,备注,昵称\nx-1,+8613800000001,\"a,\"\"b\"\"\nc\",=1+1\nx1,13800000002,,-a'b\n", 1, 2, 4)
	j.end("a.csv", 2, refused("NO"))
	j.end("a.csv", 4, refused("NO"))
	feed := func(reveal bool) (cells [][]string, bad error) {
		path := filepath.Join(t.TempDir(), "again.csv")
		_, err := report.Rows{Ledger: j.ledger, State: ledger.Rejected, Columns: memberColumns, Open: open, Reveal: reveal}.WriteFile(t.Context(), path, false)
		require.NoError(t, err)
		file, err := table.Open(path, table.Options{Columns: memberColumns})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"code": "code", "phone_number": "手机号", "nickname": "昵称"}, file.Found())
		for row, err := range file.Rows(t.Context()) {
			if err != nil {
				bad = err
				continue
			}
			cells = append(cells, row.Cells)
		}
		return cells, bad
	}
	was, err := open(j.files["a.csv"])
	require.NoError(t, err)
	var want [][]string
	for row, err := range was.Rows(t.Context()) {
		require.NoError(t, err)
		want = append(want, row.Cells)
	}
	got, bad := feed(true)
	require.NoError(t, bad)
	require.Equal(t, want, got)

	got, bad = feed(false)
	fault, ok := errors.AsType[*table.Fault](bad)
	require.True(t, ok, "masked numbers are refused with words")
	require.NotEmpty(t, fault.Reason)
	require.Empty(t, got)
}

// A masked file is refused also by an operation that takes any text, row by row, and so is what an input lost.
func TestMaskedRowsAreNotFedAgain(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "手机号,account\n13800000001,person-1\n13800000002,person-2\n", 1, 2, 3)
	j.input("b.csv", "手机号,account\n13800000003,person-3\n", 1, 2)
	j.end("a.csv", 2, refused("NO"))
	j.end("a.csv", 3, refused("NO"))
	j.end("b.csv", 2, refused("NO"))
	require.NoError(t, os.Remove(filepath.Join(j.dir, "b.csv")))
	accounts := []table.Column{{Name: "account", Kind: table.Text, Required: true}}
	for reveal, want := range map[bool][]string{
		false: {"2: is masked; export it with --reveal", "3: is masked; export it with --reveal", "4: has lost its cells"},
		true:  {"person-1", "person-2", "4: has lost its cells"},
	} {
		path := filepath.Join(t.TempDir(), "again.csv")
		_, err := report.Rows{Ledger: j.ledger, State: ledger.Rejected, Columns: accounts, Open: open, Reveal: reveal}.WriteFile(t.Context(), path, false)
		require.NoError(t, err)
		file, err := table.Open(path, table.Options{Columns: accounts})
		require.NoError(t, err)
		var got []string
		for row, err := range file.Rows(t.Context()) {
			if err != nil {
				got = append(got, err.Error())
			} else {
				got = append(got, row.Cells...)
			}
		}
		require.Len(t, got, len(want))
		for i := range want {
			require.Contains(t, got[i], want[i])
		}
	}
}

func TestFilesOfRows(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "手机号\n13800000001\n", 1, 2)
	j.end("a.csv", 2, refused("NO"))
	rows := report.Rows{Ledger: j.ledger, State: ledger.Rejected, Columns: memberColumns, Open: open}
	path := filepath.Join(j.dir, "sub", "a.rejected.csv")
	w, err := rows.WriteFile(t.Context(), path, false)
	require.NoError(t, err)
	require.Equal(t, path, w.Path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	}
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = rows.WriteFile(t.Context(), path, false)
	require.ErrorIs(t, err, fs.ErrExist)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text))

	// One that cannot be written leaves nothing, and what was there as it was.
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	broken := rows
	broken.Open = func(ledger.File) (*table.File, error) { cancel(); return open(j.files["a.csv"]) }
	_, err = broken.WriteFile(ended, path, true)
	require.ErrorIs(t, err, context.Canceled)
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text))
	_, err = rows.WriteFile(t.Context(), path, true)
	require.NoError(t, err)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no half files")
}

func TestFactsOfALedger(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.input("a.csv", "手机号\n13800000001\n13800000002\n13800000003\n13800000004\n", 1, 2, 3, 4, 5)
	j.end("a.csv", 2, ledger.Outcome{State: ledger.Done})
	j.end("a.csv", 3, refused("NO"))
	j.end("a.csv", 4, ledger.Outcome{State: ledger.Sending})
	at := time.Now().Round(time.Second)
	require.NoError(t, j.ledger.Tick(ledger.Tick{At: at, Done: 1, Rejected: 1, Ceiling: 5}))
	f, err := report.Read(t.Context(), j.ledger, time.Now())
	require.NoError(t, err)
	require.Equal(t, f.Sums.Rows, f.Sums.Done+f.Sums.Rejected+f.Sums.Unknown+f.Sums.Skipped+f.Sums.Left)
	require.EqualValues(t, 4, f.Sums.Rows)
	require.EqualValues(t, 1, f.Sums.Unknown)
	require.EqualValues(t, 1, f.Sums.Left)
	require.True(t, at.Equal(f.Last))
	require.Equal(t, "NO", f.Reasons[0].Code)
	require.NotContains(t, f.Reasons[0].Why.English, "13812345678")
	require.NotContains(t, page(t, f), "1381234")
}
