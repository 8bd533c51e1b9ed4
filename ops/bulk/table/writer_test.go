package table_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func text() []table.Column {
	return []table.Column{{Name: "id", Kind: table.ID, Required: true}, {Name: "note", Kind: table.Text}}
}

// A spreadsheet calculates none of what was written, and what was written is read again.
func TestWriter(t *testing.T) {
	t.Parallel()
	guarded := []string{"=1+1", "+852 9123 4567", "-2+3", "-x", "@sum(1)", "＝1", "＋1", "－1", "＠1", "'=1", "''=1", "\u200b=1", "x\n=1"[2:], "=\"a\",b", "-", "-1.2.3"}
	plain := []string{"-12.50", "-3", "13800138000", "'x", "it's", "a,b", `say "x"`, "two\nlines", "1=1", "张三", "a-b", "''"}
	var b bytes.Buffer
	w := table.NewWriter(&b, []string{"id", "note"})
	for _, note := range append(guarded, plain...) {
		require.NoError(t, w.Write([]string{"a1", note}))
	}
	require.NoError(t, w.Flush())
	assert.True(t, strings.HasPrefix(b.String(), "\ufeffid,note\n"), "Excel needs the mark to see Chinese")

	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	for i, note := range guarded {
		assert.Equal(t, "'"+note, lines[i+1][1])
	}
	for i, note := range plain {
		assert.Equal(t, note, lines[len(guarded)+i+1][1])
	}
	f, err := table.Open(write(t, "out.csv", b.String()), table.Options{Columns: text()})
	require.NoError(t, err)
	i := 0
	for record, err := range f.Records(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, []string{"a1", append(guarded, plain...)[i]}, record.Cells)
		i++
	}
	assert.Equal(t, len(guarded)+len(plain), i)
	_, faults := read(t, f)
	assert.Empty(t, faults)

	var empty bytes.Buffer
	require.NoError(t, table.NewWriter(&empty, []string{"=a"}).Flush())
	assert.Equal(t, "\ufeff'=a\n", empty.String())
}

// A ticket is handed on by a program, which knows of no apostrophe; what could be more than a ticket has one.
func TestTickets(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := table.NewWriter(&b, []string{"note", "ticket"})
	w.Tickets("ticket")
	whole := []string{"+kJ3xaffffddafdfafddffda==", "-kJ3x_affffddafdfafddffda", "/kJ3xaffffddafdfafddffda=", "affffddafdfafddffda=="}
	guarded := []string{"=kJ3xaffffddafdfafddffda", "@kJ3xaffffddafdfafddffda", "+cmd|x!A1aaaaaaaaaaaaaaa", "+SUM(A1)aaaaaaaaaaaaaaaa", "-1+2", "+kJ3xaffffddafdf=afddffda", "+kJ3xaffffddafdfafddffda==\n"}
	for _, cell := range append(whole, guarded...) {
		require.NoError(t, w.Write([]string{cell, cell}))
	}
	require.NoError(t, w.Flush())
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	for i, cell := range whole {
		assert.Equal(t, cell, lines[i+1][1])
	}
	assert.Equal(t, "'"+whole[0], lines[1][0])
	for i, cell := range guarded {
		assert.Equal(t, "'"+cell, lines[len(whole)+i+1][1])
	}
}

func TestAmountsAndMoments(t *testing.T) {
	t.Parallel()
	columns := []table.Column{{Name: "fen", Kind: table.Fen}, {Name: "yuan", Kind: table.Yuan}, {Name: "at", Kind: table.Moment}}
	for _, tt := range []struct {
		column     int
		cell, want string // a value, or what is wrong
	}{
		{0, "1230", "1230"}, {0, "1,230", "1230"}, {0, "１２３", "123"}, {0, "100分", "100"}, {0, "0012", "12"}, {0, "", ""},
		{0, "12.30", "whole number"}, {0, "￥12", "no amount"}, {0, "0", "zero"}, {0, "-1", "negative"}, {0, "1e3", "scientific"}, {0, "9999999999999999999", "too large"}, {0, "abc", "no amount"}, {0, "+1", "no amount"},
		{1, "12.3", "1230"}, {1, "12", "1200"}, {1, "1,234.50", "123450"}, {1, "￥12.30", "1230"}, {1, "¥ 12.30", "1230"}, {1, "12.30元", "1230"}, {1, "１２．３", "1230"}, {1, "1，234", "123400"}, {1, "CNY 5", "500"}, {1, "0.01", "1"}, {1, "'12.3", "1230"},
		{1, "12.345", "more than two decimals"}, {1, "12.300", "more than two decimals"}, {1, "12,30", "no amount"}, {1, "1,2345", "no amount"}, {1, ",123", "no amount"}, {1, "12.", "no amount"}, {1, ".5", "no amount"}, {1, "0.00", "zero"}, {1, "-12.3", "negative"}, {1, "(12.3)", "negative"}, {1, "－12", "negative"},
		{1, "99999999999999999999", "too large"}, {1, "92233720368547758.08", "too large"}, {1, "1.5E+3", "scientific"}, {1, "￥", "no amount"}, {1, "1 234", "no amount"}, {1, "$5", "no amount"}, {1, "￥-5", "negative"}, {1, "元", "no amount"},
		{2, "2026-11-28", "2026-11-28T00:00:00+08:00"}, {2, "2026/1/2", "2026-01-02T00:00:00+08:00"}, {2, "2026年11月28日", "2026-11-28T00:00:00+08:00"}, {2, "2026年11月28日 9时30分", "2026-11-28T09:30:00+08:00"}, {2, "2026.11.28 09:30:05", "2026-11-28T09:30:05+08:00"},
		{2, "20261128", "2026-11-28T00:00:00+08:00"}, {2, "20261128093000", "2026-11-28T09:30:00+08:00"}, {2, "2026-11-28T09:30:00Z", "2026-11-28T09:30:00Z"}, {2, "２０２６－１１－２８", "2026-11-28T00:00:00+08:00"},
		{2, "01/02/2026", "is no date"}, {2, "2026-02-30", "is no date"}, {2, "46354", "is no date"}, {2, "1764300000", "is no date"}, {2, "soon", "is no date"}, {2, "2026-11-28 25:00", "is no date"},
	} {
		cells := make([]string, 3)
		cells[tt.column] = tt.cell
		list := table.NewList("list", columns, func() iter.Seq[[]string] { return slices.Values([][]string{append(cells, "")[:3]}) })
		for row, err := range list.Rows(t.Context()) {
			if err != nil {
				fault, ok := errors.AsType[*table.Fault](err)
				require.True(t, ok, err)
				assert.Contains(t, fault.Reason, tt.want, tt.cell)
				assert.NotEmpty(t, fault.Chinese)
				assert.Equal(t, columns[tt.column].Name, fault.Column)
				assert.Empty(t, row.Cells)
				continue
			}
			assert.Equal(t, tt.want, row.Cells[tt.column], tt.cell)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"138 0013 8000"}, {}, {"138****8000"}, {two, "x"}, {two, ""}}
	list := func() *table.List {
		return table.NewList("customers", phone(), func() iter.Seq[[]string] { return slices.Values(rows) })
	}
	assert.Equal(t, "customers", list().Name())
	var got []string
	for row, err := range list().Rows(t.Context()) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, row.Cells[0])
	}
	assert.Equal(t, []string{one, "customers:3: column phone_number: is masked", "customers:4: has more cells than the header; put double quotes round a cell that holds the separator", two}, got)
	before, err := list().Digest(t.Context())
	require.NoError(t, err)
	again, _ := list().Digest(t.Context())
	assert.Equal(t, before, again)
	rows = [][]string{{one + two}}
	after, _ := list().Digest(t.Context())
	assert.NotEqual(t, before, after)
}

// A file that is no longer what was opened is never read to a quiet end.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	changes := map[string]func(path, was string) error{
		"longer": func(path, was string) error { return os.WriteFile(path, []byte(was+two+"\n"), 0o600) },
		"as long": func(path, was string) error {
			return os.WriteFile(path, []byte(strings.Replace(was, "8", "9", 1)), 0o600)
		},
		"cut":            func(path, was string) error { return os.WriteFile(path, []byte(was[:len(was)-3]), 0o600) },
		"gone":           func(path, _ string) error { return os.Remove(path) },
		"while it reads": nil,
	}
	for name, change := range changes {
		path := write(t, "list.txt", strings.Repeat(one+"\n", 20_000))
		was, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := table.Open(path, table.Options{Columns: phone()})
		require.NoError(t, err)
		if change != nil {
			require.NoError(t, change(path, string(was)))
		}
		var last error
		n := 0
		for _, err := range f.Rows(t.Context()) {
			if n++; n == 1 && name == "while it reads" {
				file, err := os.OpenFile(path, os.O_WRONLY, 0)
				require.NoError(t, err)
				_, err = file.WriteAt([]byte("7"), int64(len(was)-5))
				require.NoError(t, err)
				require.NoError(t, file.Close())
			}
			last = err
		}
		assert.ErrorIs(t, last, media.ErrChanged, name)
		assert.NotContains(t, last.Error(), one)
	}
}

func TestNoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]string{dir: "is a folder", filepath.Join(dir, "none"): "does not exist", "-": "is a stream"} {
		_, err := table.Open(path, table.Options{Columns: phone()})
		fault, ok := errors.AsType[*table.Fault](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, path, fault.File)
		assert.Contains(t, fault.Reason, want)
	}
	if runtime.GOOS == "linux" {
		for _, path := range []string{"/dev/null", "/dev/stdin", "/dev/fd/0"} {
			_, err := table.Open(path, table.Options{Columns: phone()})
			assert.ErrorContains(t, err, "is a stream", path)
		}
	}
}

func TestDebitColumns(t *testing.T) {
	t.Parallel()
	read1 := func(text string) ([]table.Row, []*table.Fault, error) {
		f, err := table.Open(write(t, "debit.csv", text), table.Options{Columns: debit()})
		if err != nil {
			return nil, nil, err
		}
		rows, faults := read(t, f)
		return rows, faults, nil
	}
	rows, faults, err := read1("描述,金额（元）,商户订单号,签约协议号,x\n九月,\"1,234.5\",n1,c1,\n")
	require.NoError(t, err)
	assert.Empty(t, faults)
	assert.Equal(t, []string{"c1", "n1", "", "123450", "九月"}, rows[0].Cells)
	rows, _, err = read1("contract_id,out_trade_no,金额（分）,amount_fen_old,Description\nc1,n1,100,7,x\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"c1", "n1", "100", "", "x"}, rows[0].Cells)
	_, _, err = read1("c1,n1,100,x\n")
	assert.ErrorContains(t, err, "has no column for contract_id", "which of four is the amount nobody knows")
	_, _, err = read1("contract_id,out_trade_no,amount_fen\nc1,n1,100\n")
	assert.ErrorContains(t, err, "has no column for description")
	_, faults, err = read1("contract_id,out_trade_no,amount,description\nc1,n1,1,x\ncontract_id,out_trade_no,amount,description\n")
	require.NoError(t, err)
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0].Reason, "is the header once more")
}

func FuzzRows(f *testing.F) {
	for _, s := range []string{"手机号,姓名\n13800138000,\"a\n\"\n", one, "\xff\xfe1\x00", "a;b\n\"", "sep=;\nphone\n1", "phone\n\xd5\xc5", "PK\x03\x04"} {
		f.Add([]byte(s))
	}
	f.Add([]byte(zipped(f, parts(`<row r="1"><c r="A1" t="s"><v>0</v></c></row>`, `<si><t>`+one+`</t></si>`))))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "list")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		file, err := table.Open(path, table.Options{Columns: phone()})
		if err != nil {
			_, ok := errors.AsType[*table.Fault](err)
			require.True(t, ok, "%v", err)
			return
		}
		line := 0
		var rows [][]string
		for row, err := range file.Rows(t.Context()) {
			if fault, ok := errors.AsType[*table.Fault](err); ok {
				require.NotRegexp(t, `[0-9]{6}`, fault.Reason+fault.Chinese, "a value")
				continue
			}
			require.NoError(t, err)
			require.Greater(t, row.Line, line)
			line = row.Line
			require.Len(t, row.Cells, 1)
			require.Len(t, row.Cells[0], 11)
			rows = append(rows, row.Cells)
		}
		w := table.NewWriter(io.Discard, file.Header())
		for _, cells := range rows {
			require.NoError(t, w.Write(cells))
		}
	})
}

// Rows that came out of a job are taken again only if their cells are whole, whatever the operation reads in them.
func TestMaskedRowsAreRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []table.Kind{table.Text, table.ID, table.Phone, table.Fen, table.Yuan, table.Moment} {
		good := map[table.Kind]string{table.Fen: "1", table.Yuan: "1", table.Phone: one, table.Moment: "2026-11-28", table.ID: "a1", table.Text: "a"}[kind]
		columns := []table.Column{{Name: "account", Kind: kind}}
		text := "account,wxpay_cells\n" + good + ",whole\n" + good + ",masked\n" + good + ", MASKED \n,lost\n" + good + ",\n" + good + "\n"
		f, err := table.Open(write(t, "again.csv", text), table.Options{Columns: columns})
		require.NoError(t, err)
		rows, faults := read(t, f)
		require.Len(t, rows, 3, kind)
		require.Len(t, faults, 3, kind)
		assert.Equal(t, table.Fault{File: faults[0].File, Line: 3, Reason: "is masked; export it with --reveal", Chinese: "已脱敏；请用 --reveal 重新导出"}, *faults[0])
		assert.Equal(t, 4, faults[1].Line)
		assert.Equal(t, 5, faults[2].Line)
		assert.Contains(t, faults[2].Reason, "has lost its cells")
	}
	text := `<row r="1"><c t="inlineStr"><is><t>WXPAY_CELLS</t></is></c><c t="inlineStr"><is><t>account</t></is></c></row>` +
		`<row r="2"><c t="inlineStr"><is><t>masked</t></is></c><c t="inlineStr"><is><t>****</t></is></c></row>`
	f, err := table.Open(write(t, "again.xlsx", zipped(t, parts(text, ""))), table.Options{Columns: []table.Column{{Name: "account", Required: true}}})
	require.NoError(t, err)
	rows, faults := read(t, f)
	assert.Empty(t, rows)
	require.Len(t, faults, 1)
	assert.Equal(t, "is masked; export it with --reveal", faults[0].Reason)

	// The stars tell it alone, if somebody took the column away; a text may hold some.
	f, err = table.Open(write(t, "again.csv", "account\n****\na****\n"), table.Options{Columns: []table.Column{{Name: "account", Required: true}}})
	require.NoError(t, err)
	rows, faults = read(t, f)
	assert.Equal(t, "3 a****\n", cells(rows))
	require.Len(t, faults, 1)
	assert.Equal(t, "is masked; export it with --reveal", faults[0].Reason)
}
