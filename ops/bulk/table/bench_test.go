package table_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// big writes a file of so many rows: text in an encoding, or a workbook whose strings are shared or inline.
func big(t testing.TB, kind string, rows int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "big")
	if kind == "inline" || kind == "shared" {
		var sheet, strs strings.Builder
		strs.WriteString(`<si><t>手机号</t></si><si><t>姓名</t></si>`)
		sheet.WriteString(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`)
		for i := 2; i <= rows+1; i++ {
			number := 13800000000 + int64(i)
			if kind == "shared" {
				fmt.Fprintf(&strs, `<si><t>%d</t></si>`, number)
				fmt.Fprintf(&sheet, `<row r="%d" spans="1:2"><c r="A%d" s="1" t="s"><v>%d</v></c><c r="B%d" t="s"><v>1</v></c></row>`, i, i, i, i)
			} else {
				fmt.Fprintf(&sheet, `<row r="%d"><c r="A%d" t="inlineStr"><is><t>%d</t></is></c><c r="B%d" t="s"><v>1</v></c></row>`, i, i, number, i)
			}
		}
		require.NoError(t, os.WriteFile(path, []byte(zipped(t, parts(sheet.String(), strs.String()))), 0o600))
		return path
	}
	file, err := os.Create(path)
	require.NoError(t, err)
	w := bufio.NewWriter(file)
	encode := func(text string) string { return text }
	if kind == "GB18030" {
		encode = func(text string) string {
			text, err := simplifiedchinese.GB18030.NewEncoder().String(text)
			require.NoError(t, err)
			return text
		}
	}
	w.WriteString(encode("姓名,手机号,备注\r\n"))
	row := encode("张三,%d,\"北京,海淀\"\r\n")
	if kind == "dirty" {
		row = "张三,+86 %d,\u200b\r\n"
	}
	for i := range rows {
		fmt.Fprintf(w, row, 13800000000+int64(i))
	}
	require.NoError(t, w.Flush())
	require.NoError(t, file.Close())
	return path
}

func BenchmarkRows(b *testing.B) {
	const lines = 100_000
	for _, kind := range []string{"UTF-8", "dirty", "GB18030", "inline", "shared"} {
		b.Run(kind, func(b *testing.B) {
			path := big(b, kind, lines)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() { // the look at all bytes is part of it
				f, err := table.Open(path, table.Options{Columns: phone()})
				require.NoError(b, err)
				n := 0
				for _, err := range f.Rows(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				require.Equal(b, lines, n)
			}
			b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func TestMemoryStaysFlat(t *testing.T) { // alone, since it measures
	const rows = 60_000
	for kind, bound := range map[string]uint64{"UTF-8": 8 << 20, "GB18030": 8 << 20, "inline": 8 << 20, "shared": 16 << 20} {
		path := big(t, kind, rows)
		var before, m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start, n, most := time.Now(), 0, uint64(0)
		f, err := table.Open(path, table.Options{Columns: phone()})
		require.NoError(t, err)
		for _, err := range f.Rows(t.Context()) {
			require.NoError(t, err)
			if n++; n%20_000 == 0 {
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		t.Logf("%s: %.0f lines a second, %d KiB more", kind, rows/time.Since(start).Seconds(), int64(most-before.HeapAlloc)>>10)
		assert.Equal(t, rows, n)
		assert.Less(t, most, before.HeapAlloc+bound)
	}
}
