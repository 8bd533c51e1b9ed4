package table_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func phone() []table.Column {
	return []table.Column{{Name: "phone_number", Headers: []string{"手机号", "手机号码", "电话", "联系电话", "mobile", "phone", "tel"}, Kind: table.Phone, Required: true}}
}

func debit() []table.Column {
	return []table.Column{
		{Name: "contract_id", Headers: []string{"协议号", "签约协议号"}, Kind: table.ID, Required: true},
		{Name: "out_trade_no", Headers: []string{"商户订单号"}, Kind: table.ID, Required: true},
		{Name: "amount_fen", Headers: []string{"金额（分）"}, Kind: table.Fen},
		{Name: "amount", Headers: []string{"金额(元)"}, Kind: table.Yuan},
		{Name: "description", Headers: []string{"描述"}, Kind: table.Text, Required: true},
	}
}

// read is all rows and all faults.
func read(t testing.TB, f *table.File) (rows []table.Row, faults []*table.Fault) {
	t.Helper()
	for row, err := range f.Rows(t.Context()) {
		if fault, ok := errors.AsType[*table.Fault](err); ok {
			assert.Equal(t, row.Line, fault.Line)
			assert.NotEmpty(t, fault.Chinese)
			faults = append(faults, fault)
			continue
		}
		require.NoError(t, err)
		rows = append(rows, row)
	}
	return rows, faults
}

// cells are the rows as text, one a line, with their line numbers.
func cells(rows []table.Row) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Join(append([]string{string(rune('0' + r.Line))}, r.Cells...), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	one = "13800138000"
	two = "13900139000"
)

func TestShapes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want, at string }{
		"plain text":                    {one + "\n" + two + "\n", "1 " + one + "\n2 " + two + "\n", "column 1"},
		"plain text with a header":      {"手机号\n" + one, "2 " + one + "\n", "手机号"},
		"CRLF, blank lines, no end":     {"\r\n手机号\r\n\r\n" + one + "\r\n \u200b\r\n" + two, "4 " + one + "\n6 " + two + "\n", "手机号"},
		"comma":                         {"姓名,手机号\n张三," + one + "\n", "2 " + one + "\n", "手机号"},
		"semicolon":                     {"姓名;Phone Number\n张三;" + one + "\n", "2 " + one + "\n", "Phone Number"},
		"tab":                           {"姓名\tPHONE_number\n张三\t" + one + "\n", "2 " + one + "\n", "PHONE_number"},
		"bar":                           {"姓名|手机号（必填）\n张三|" + one + "\n", "2 " + one + "\n", "手机号（必填）"},
		"wide header":                   {"姓名,ｍｏｂｉｌｅ\n张三," + one + "\n", "2 " + one + "\n", "ｍｏｂｉｌｅ"},
		"header in brackets":            {"【手机号】,x\n" + one + ",y\n", "2 " + one + "\n", "【手机号】"},
		"byte order mark":               {"\ufeff手机号,姓名\n" + one + ",张三\n", "2 " + one + "\n", "手机号"},
		"quoted header":                 {"\ufeff\"手机号\",\"姓名\"\n\"" + one + "\",\"张,三\"\n", "2 " + one + "\n", "手机号"},
		"no header, columns":            {"张三," + one + "\n李四," + two + "\n", "1 " + one + "\n2 " + two + "\n", "column 2"},
		"sep line":                      {"sep=;\n手机号;姓名\n" + one + ";a,b\n", "3 " + one + "\n", "手机号"},
		"quotes over lines":             {"姓名,手机号\n\"张\n三\"," + one + "\n李四," + two + "\n", "2 " + one + "\n4 " + two + "\n", "手机号"},
		"doubled quotes":                {"姓名,手机号\n\"张\"\",\"\"三\"," + one + "\n", "2 " + one + "\n", "手机号"},
		"quote within":                  {"尺寸,手机号\n5\" x," + one + "\n", "2 " + one + "\n", "手机号"},
		"blanks round quotes":           {"姓名,手机号\n \"张,三\" , \"" + one + "\" \n", "2 " + one + "\n", "手机号"},
		"short row":                     {"手机号,姓名,备注\n" + one + "\n", "2 " + one + "\n", "手机号"},
		"empty extra cells":             {"手机号,姓名\n" + one + ",a,,\n", "2 " + one + "\n", "手机号"},
		"rows of separators are blank":  {"手机号,姓名\n,,,\n" + one + ",a\n,\n", "3 " + one + "\n", "手机号"},
		"apostrophe, +86, dashes, wide": {"手机号\n'" + one + "\n+86 138-0013-8000\n１３８００１３８０００\n", "2 " + one + "\n3 " + one + "\n4 " + one + "\n", "手机号"},
		"semicolons within cells":       {"手机号,备注\n" + one + ",a;b\n", "2 " + one + "\n", "手机号"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for encoding, encode := range encodings() {
				text, err := encode(tt.text)
				require.NoError(t, err)
				f, err := table.Open(write(t, "list.csv", text), table.Options{Columns: phone()})
				require.NoError(t, err, encoding)
				rows, faults := read(t, f)
				assert.Empty(t, faults)
				assert.Equal(t, tt.want, cells(rows), encoding)
				assert.Equal(t, map[string]string{"phone_number": tt.at}, f.Found())
				if strings.ContainsFunc(tt.text, func(r rune) bool { return r > 0xff && r != '\ufeff' && r != '\u200b' }) {
					assert.Equal(t, encoding[:min(len(encoding), 8)], (f.Encoding() + " mark")[:min(len(encoding), 8)])
				}
			}
		})
	}
}

// encodings write text as others do.
func encodings() map[string]func(string) (string, error) {
	bare := func(text string) string { return strings.TrimPrefix(text, "\ufeff") }
	return map[string]func(string) (string, error){
		"UTF-8":   func(text string) (string, error) { return text, nil },
		"GB18030": func(text string) (string, error) { return simplifiedchinese.GB18030.NewEncoder().String(bare(text)) },
		"UTF-16LE": func(text string) (string, error) {
			return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(bare(text))
		},
		"UTF-16BE": func(text string) (string, error) {
			return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(bare(text))
		},
		"UTF-16LE mark": func(text string) (string, error) {
			return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(bare(text))
		},
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, want string
		o          table.Options
	}{
		"empty":                     {"", "list.csv: is empty", table.Options{}},
		"blank":                     {"\ufeff \r\n\r\n", "is empty", table.Options{}},
		"xls":                       {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old spreadsheet (.xls)", table.Options{}},
		"pdf":                       {"%PDF-1.7", "is a PDF", table.Options{}},
		"gzip":                      {"\x1f\x8b\x08", "is compressed", table.Options{}},
		"web page":                  {"<html><table>", "is a web page", table.Options{}},
		"UTF-32":                    {"\xff\xfe\x00\x001\x00\x00\x00", "is UTF-32", table.Options{}},
		"CR alone":                  {"手机号\r" + one + "\r" + two + "\r", "with CR alone", table.Options{}},
		"unknown encoding":          {one, "encoding is not known", table.Options{Encoding: "latin1"}},
		"sheet of text":             {one, "is no workbook", table.Options{Sheet: "a"}},
		"xlsx of text":              {one, "is no workbook", table.Options{Encoding: "xlsx"}},
		"mixed":                     {"手机号,姓名\n" + one + ",张三\n" + two + ",\xd5\xc5\xc8\xfd\n", "list.csv:3: is not UTF-8, and line 1 is", table.Options{}},
		"marked UTF-8 and is not":   {"\ufeffphone,name\n" + one + ",\xd5\xc5\xc8\xfd\n", "list.csv:2: is not UTF-8, which", table.Options{}},
		"neither":                   {"phone,name\n" + one + ",\xff\xff\n", "list.csv:2: is neither UTF-8 nor GB18030", table.Options{}},
		"cut character":             {"手机号,姓名\n" + one + ",张\xe4\xb8", "list.csv:2: is not UTF-8", table.Options{}},
		"missing":                   {"name,age\na,1\n", "list.csv:1: has no column for phone_number, such as phone_number, 手机号", table.Options{}},
		"missing, headers told":     {"name,age\na,1\n", "its headers are: name, age", table.Options{}},
		"missing, row not told":     {"张三,+1 555 0100,7\n李四,9,7\n", "its first line may be a row", table.Options{}},
		"two numbers":               {one + "," + two + "\n", "its first line may be a row", table.Options{}},
		"twice":                     {"手机号,姓名,Phone\n" + one + ",a," + two + "\n", "has several headers for phone_number: columns 1 and 3", table.Options{}},
		"map of no header":          {"a,b\n1,2\n", "no header that --map names for phone_number", table.Options{Map: map[string]string{"phone_number": "c"}}},
		"map of no column":          {"a,b\n1,2\n", "no column is called phone", table.Options{Map: map[string]string{"phone": "a"}}},
		"map of a number too large": {"a,b\n1,2\n", "has no column 3", table.Options{Map: map[string]string{"phone_number": "3"}}},
		"not in the encoding":       {"\xca\xd6\xbb\xfa\xba\xc5,x\n" + one + ",y\n", "list.csv:1: holds bytes that are no characters", table.Options{Encoding: "utf-8"}},
		"UTF-8 read as UTF-16":      {"手机号,x\n" + one + ",y\n", "list.csv:1: ", table.Options{Encoding: "utf-16le"}},
		"header with open quote":    {"\"手机号\n" + one + "\n", "opens a double quote", table.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.o.Columns = phone()
			_, err := table.Open(write(t, "list.csv", tt.text), tt.o)
			require.ErrorContains(t, err, tt.want)
			fault, ok := errors.AsType[*table.Fault](err)
			require.True(t, ok)
			assert.NotEmpty(t, fault.Chinese)
			for _, value := range []string{one, two, "张三", "李四", "0100"} {
				assert.NotContains(t, err.Error()+fault.Chinese, value)
			}
		})
	}
}

func TestRefusedRows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ row, want, column string }{
		"scientific":      {"1.38E+10,a", "is in scientific notation", "手机号"},
		"masked":          {"138****8000,a", "is masked", "手机号"},
		"too long":        {one + "0,a", "has 12 digits", "手机号"},
		"empty":           {",a", "is empty", "手机号"},
		"more cells":      {one + ",a,b", "has more cells than the header", ""},
		"behind quotes":   {one + ",\"a\"b", "has text behind a closing double quote", ""},
		"carriage return": {one + ",a\rb", "holds a carriage return", ""},
		"NUL":             {one + ",a\x00b", "holds NUL bytes", ""},
		"header again":    {"手机号,姓名", "not ASCII", "手机号"},
		"endless":         {one + "," + strings.Repeat("a", 2<<20), "is longer than 1 MiB", ""},
		"total":           {"合计,2", "not ASCII", "手机号"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := table.Open(write(t, "list.csv", "手机号,姓名\n"+two+",a\n"+tt.row+"\n\n"+one+",b\n"), table.Options{Columns: phone()})
			require.NoError(t, err)
			rows, faults := read(t, f)
			require.Len(t, faults, 1)
			assert.Equal(t, 3, faults[0].Line)
			assert.Equal(t, tt.column, faults[0].Column)
			assert.Contains(t, faults[0].Reason, tt.want)
			assert.Equal(t, f.Name(), faults[0].File, "as it was given")
			assert.NotContains(t, strings.TrimPrefix(faults[0].Error(), faults[0].File), "138", "its folder may be called so")
			assert.Equal(t, "2 "+two+"\n5 "+one+"\n", cells(rows))
		})
	}
	f, err := table.Open(write(t, "list.csv", "手机号,姓名\n"+two+",\"a\n"+one+",b\n"), table.Options{Columns: phone()})
	require.NoError(t, err)
	rows, faults := read(t, f)
	require.Len(t, faults, 1)
	assert.Equal(t, 2, faults[0].Line)
	assert.Contains(t, faults[0].Reason, "opens a double quote that is not closed")
	assert.Equal(t, "3 "+one+"\n", cells(rows))
}

// The first line of a list without a header is a line like any other.
func TestFirstRowRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1.38E+10\n" + one:          "is in scientific notation",
		"138****8000\n" + one:       "is masked",
		"张三,138****8000\n李四," + one: "is masked",
		one + "1\n" + two:           "has 12 digits",
	} {
		f, err := table.Open(write(t, "list.csv", text), table.Options{Columns: phone()})
		require.NoError(t, err)
		rows, faults := read(t, f)
		assert.Len(t, rows, 1)
		require.Len(t, faults, 1)
		assert.Equal(t, 1, faults[0].Line)
		assert.Contains(t, faults[0].Reason, want)
	}
}

// An encoding that was named is taken, and what does not fit it is refused by its line.
func TestNamedEncoding(t *testing.T) {
	t.Parallel()
	columns := append(phone(), table.Column{Name: "name", Headers: []string{"姓名"}})
	text := "phone,name\n" + one + ",\xd5\xc5\xc8\xfd\n" + two + ",\xd5\n" + two + ",\xe5\xbc\xa0\n"
	for encoding, want := range map[string]string{"gbk": "3 4", "GB-2312": "3 4", "utf8": "2 3"} {
		f, err := table.Open(write(t, "list.csv", text), table.Options{Columns: columns, Encoding: encoding})
		require.NoError(t, err)
		_, faults := read(t, f)
		var lines strings.Builder
		for _, fault := range faults {
			lines.WriteString(" " + string(rune('0'+fault.Line)))
			assert.Contains(t, fault.Reason, "holds bytes that are no characters")
		}
		assert.Equal(t, want, strings.TrimSpace(lines.String()), encoding)
	}
}

// GB18030 beyond GBK, and a byte of it that comes late.
func TestGB18030(t *testing.T) {
	t.Parallel()
	name := "㐀𠀀龥€·“”〇镕"
	late := strings.Repeat(one+",a\n", 100_000)
	text, err := simplifiedchinese.GB18030.NewEncoder().String("phone,name\n" + late + two + "," + name + "\n")
	require.NoError(t, err)
	f, err := table.Open(write(t, "list.csv", text), table.Options{Columns: append(phone(), table.Column{Name: "name"})})
	require.NoError(t, err)
	assert.Equal(t, "GB18030", f.Encoding())
	rows, faults := read(t, f)
	assert.Empty(t, faults)
	require.Len(t, rows, 100_001)
	assert.Equal(t, []string{two, name}, rows[100_000].Cells)
	_, err = table.Open(write(t, "list.csv", "手机号\n"+strings.Repeat(one+"\n", 100_000)+"\xd5\xc5\n"), table.Options{Columns: phone()})
	assert.ErrorContains(t, err, "list.csv:100002: is not UTF-8, and line 1 is")
}

func TestMap(t *testing.T) {
	t.Parallel()
	text := "手机号,备用\n" + one + "," + two + "\n"
	for want, place := range map[string]string{"2 " + one + "\n": "1", "2 " + two + "\n": "备用"} {
		f, err := table.Open(write(t, "list.csv", text), table.Options{Columns: phone(), Map: map[string]string{"phone_number": place}})
		require.NoError(t, err)
		rows, faults := read(t, f)
		assert.Empty(t, faults)
		assert.Equal(t, want, cells(rows))
	}
	f, err := table.Open(write(t, "list.csv", one+","+two+"\n"), table.Options{Columns: phone(), Map: map[string]string{"phone_number": "2"}})
	require.NoError(t, err)
	rows, _ := read(t, f)
	assert.Equal(t, "1 "+two+"\n", cells(rows))
	assert.Nil(t, f.Header())
	name := []table.Column{{Name: "account", Kind: table.Text, Required: true}}
	_, err = table.Open(write(t, "list.csv", "User\nab\n"), table.Options{Columns: name, Map: map[string]string{"account": "1"}})
	assert.ErrorContains(t, err, "may be a header or a row")
}

func TestDigest(t *testing.T) {
	t.Parallel()
	path := write(t, "list.csv", "手机号,备用\n"+one+","+two+"\n")
	digest := func(o table.Options) string {
		o.Columns = phone()
		f, err := table.Open(path, o)
		require.NoError(t, err)
		d, err := f.Digest(t.Context())
		require.NoError(t, err)
		return d
	}
	found := digest(table.Options{})
	assert.Equal(t, found, digest(table.Options{Encoding: "utf8"}), "what was found out may be said")
	assert.Equal(t, found, digest(table.Options{Map: map[string]string{"phone_number": "手机号"}}))
	assert.NotEqual(t, found, digest(table.Options{Map: map[string]string{"phone_number": "2"}}))
	require.NoError(t, os.WriteFile(path, []byte("手机号,备用\n"+one+","+one+"\n"), 0o600))
	assert.NotEqual(t, found, digest(table.Options{}))
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	f, err := table.Open(write(t, "list.csv", one+"\n"+two), table.Options{Columns: phone()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range f.Rows(ctx) {
		if n++; n == 2 {
			assert.ErrorIs(t, err, context.Canceled)
		}
		cancel()
	}
	assert.Equal(t, 2, n)
}

// A row that says which row it was is never taken for a new one because of how it says so.
func TestRowsOfAJobBefore(t *testing.T) {
	t.Parallel()
	for cells, want := range map[string]int{ // a line; 0: it is new; -1: it is refused
		"a.csv,2": 2, "a.csv,2.0": 2, "a.csv, 2.00 ": 2, "a.csv,２": 2, "a.csv,2.": 2, ",": 0, "": 0, " ,\u200b": 0,
		"a.csv,2行": -1, "a.csv,'2": -1, "a.csv,2.5": -1, "a.csv,": -1, ",2": -1, "a.csv": -1, "a.csv,0": -1, "a.csv,-2": -1, "a.csv,+2": -1, "a.csv,1e1": -1, "a.csv,x": -1, "\u200b,2": -1,
		"a.csv,99999999999999999999": -1,
	} {
		f, err := table.Open(write(t, "again.csv", "phone_number,wxpay_file,wxpay_line\n"+one+","+cells+"\n"+two+",,\n"), table.Options{Columns: phone()})
		require.NoError(t, err)
		rows, faults := read(t, f)
		if want < 0 {
			require.Len(t, faults, 1, cells)
			assert.Contains(t, faults[0].Error(), "again.csv:2: column wxpay_line: ")
			assert.Len(t, rows, 1)
			continue
		}
		require.Empty(t, faults, cells)
		assert.Equal(t, want, rows[0].WasLine, cells)
		assert.Equal(t, want > 0, rows[0].WasFile == "a.csv", cells)
	}
	for _, header := range []string{"wxpay_file", "wxpay_line", "wxpay_file,wxpay_file,wxpay_line", "wxpay_line,wxpay_line", "wxpay_file,WXPAY LINE,wxpay_line"} {
		_, err := table.Open(write(t, "again.csv", "phone_number,"+header+"\n"+one+",2,2,2\n"), table.Options{Columns: phone()})
		fault, ok := errors.AsType[*table.Fault](err)
		require.True(t, ok, header)
		assert.Contains(t, fault.Reason, "keep both")
	}
}
