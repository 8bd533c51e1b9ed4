package lists

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNumber(t *testing.T) {
	t.Parallel()
	const number = "6217000012345678"
	for name, tt := range map[string]struct{ text, want, fault string }{
		"digits":                   {number, number, ""},
		"letters and digits":       {"AB12", "AB12", ""},
		"signs":                    {"2020-01_02.A/3:4", "2020-01_02.A/3:4", ""},
		"128 bytes":                {strings.Repeat("9", 128), strings.Repeat("9", 128), ""},
		"one letter":               {"X", "X", ""},
		"e without a sign":         {"2020E5", "2020E5", ""},
		"blanks round it":          {" \t" + number + "\u3000\u00a0 ", number, ""},
		"carriage return":          {number + "\r", number, ""},
		"two carriage returns":     {number + "\r\r", number, ""},
		"byte order mark":          {"\ufeff" + number, number, ""},
		"two byte order marks":     {"\ufeff\ufeff" + number, number, ""},
		"zero width behind":        {number + "\u200b", number, ""},
		"direction round it":       {"\u202d" + number + "\u202c", number, ""},
		"isolates round it":        {"\u2066" + number + "\u2069", number, ""},
		"soft hyphen behind":       {number + "\u00ad", number, ""},
		"filler behind":            {number + "\u3164", number, ""},
		"quoted":                   {`"` + number + `"`, number, ""},
		"quoted, blanks":           {` "` + number + ` " `, number, ""},
		"full-width digits":        {"６２１７0000", "62170000", ""},
		"empty":                    {"", "", "is empty"},
		"blanks alone":             {" \u200b\t\ufeff", "", "is empty"},
		"quotes alone":             {`""`, "", "is empty"},
		"one quote":                {`"`, "", "holds a double quote"},
		"quote not closed":         {`"` + number, "", "holds a double quote"},
		"quoted twice":             {`""` + number + `""`, "", "holds a double quote"},
		"quote within":             {`6217"0000`, "", "holds a double quote"},
		"curly quotes":             {"“" + number + "”", "", "is not ASCII (U+201C)"},
		"129 bytes":                {strings.Repeat("9", 129), "", "has more than 128 bytes"},
		"space within":             {"6217 0000", "", "holds spaces"},
		"no-break space within":    {"6217\u00a00000", "", "holds an invisible character (U+00A0)"},
		"wide space within":        {"6217\u30000000", "", "holds an invisible character (U+3000)"},
		"zero width within":        {"6217\u200b0000", "", "holds an invisible character (U+200B)"},
		"joiner within":            {"6217\u20600000", "", "holds an invisible character (U+2060)"},
		"mark within":              {"6217\ufeff0000", "", "holds an invisible character (U+FEFF)"},
		"direction within":         {"6217\u202e0000", "", "holds an invisible character (U+202E)"},
		"soft hyphen within":       {"6217\u00ad0000", "", "holds an invisible character (U+00AD)"},
		"tag within":               {"6217\U000e00410000", "", "holds an invisible character (U+E0041)"},
		"NUL":                      {"6217\x00", "", "NUL bytes (UTF-16?)"},
		"control":                  {"6217\x070000", "", "holds a control character (U+0007)"},
		"control at the end":       {number + "\x1a", "", "holds a control character (U+001A)"},
		"delete":                   {number + "\x7f", "", "holds a control character (U+007F)"},
		"line feed within":         {"6217\n0000", "", "holds a control character (U+000A)"},
		"CR alone":                 {"6217\r6218\r", "", "line ends of CR alone"},
		"comma":                    {number + ",Li", "", "has more than one column"},
		"trailing comma":           {number + ",", "", "has more than one column"},
		"semicolon":                {number + ";Li", "", "has more than one column"},
		"bar":                      {number + "|Li", "", "has more than one column"},
		"tab":                      {number + "\tLi", "", "has more than one column"},
		"wide comma":               {number + "，李", "", "has more than one column"},
		"two quoted columns":       {`"6217","6218"`, "", "has more than one column"},
		"quoted comma":             {`"6217,0000"`, "", "has more than one column"},
		"formula":                  {`="` + number + `"`, "", "is a formula"},
		"formula in quotes":        {`"=""` + number + `"""`, "", "is a formula"},
		"bare formula":             {"=" + number, "", "is a formula"},
		"plus":                     {"+" + number, "", "is a formula"},
		"minus":                    {"-" + number, "", "is a formula"},
		"at":                       {"@" + number, "", "is a formula"},
		"apostrophe":               {"'" + number, "", "holds an apostrophe"},
		"apostrophes":              {"'" + number + "'", "", "holds an apostrophe"},
		"scientific":               {"6.217E+15", "", "scientific notation"},
		"scientific, small e":      {"6.217e15", "", "scientific notation"},
		"scientific, whole":        {"6E+15", "", "scientific notation"},
		"quoted scientific":        {`"6.21700001234568E+15"`, "", "scientific notation"},
		"decimal":                  {number + ".0", "", "decimal point"},
		"blank of Braille":         {number + "\u2800", number, ""},
		"backticks":                {"`" + number + "`", "", "holds brackets"},
		"brackets":                 {"[" + number + "]", "", "holds brackets"},
		"escape":                   {number + `\n`, "", "holds brackets"},
		"masked by X":              {"6217XXXXXXXX5678", "", "is masked"},
		"masked by x":              {"6217xxxx5678", "", "is masked"},
		"masked by dots":           {"6217....5678", "", "is masked"},
		"cut off":                  {"6217000012...", "", "is masked"},
		"masked by question marks": {"6217????5678", "", "is masked"},
		"identity number":          {"11010519491231002X", "11010519491231002X", ""},
		"x within":                 {"AX6217xx", "AX6217xx", ""},
		"wide scientific":          {"６.２１７E+１５", "", "scientific notation"},
		"half wide scientific":     {"６.217E+15", "", "scientific notation"},
		"wide decimal":             {"６２１７.０", "", "decimal point"},
		"masked":                   {"6217********5678", "", "is masked"},
		"not shown":                {"########", "", "is masked"},
		"Chinese":                  {"卡1号", "", "is not ASCII (U+5361)"},
		"wide letter":              {"Ａ1", "", "is not ASCII (U+FF21)"},
		"Arabic digits":            {"٦٢١٧1", "", "is not ASCII (U+0666)"},
		"word":                     {"number", "", "holds no digit"},
		"GBK":                      {"\xbf\xa8\xba\xc5", "", "is not UTF-8 (GBK?)"},
		"surrogate":                {"1\xed\xa0\x80", "", "is not UTF-8"},
		"cut character":            {number + "\xe5\x8f", "", "is not UTF-8"},
		"mark of UTF-16 not first": {"\xff\xfe6\x00", "", "NUL bytes (UTF-16?)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, fault := Number(tt.text, false)
			assert.Equal(t, tt.want, got)
			assert.Contains(t, fault, tt.fault)
			assert.Equal(t, tt.fault == "", fault == "", fault)
			assert.NotContains(t, fault, "6217")
		})
	}
}

func TestFirstNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"卡号": "header row", "number": "header row", "Card No.": "header row", `"number"`: "header row", "X": "header row", "\ufeff协议号": "header row",
		"卡号1": "header row", "card_no1": "header row", "cardno1": "header row", "agreement_no1": "header row", "Column1": "header row", "card１": "header row", "card_no:1": "header row", `"CardNo2"`: "header row", "Account ID 2": "header row", "id_6217": "", "K12": "", "姓名,卡号": "more than one column", "6217": "",
		"\xff\xfe6\x002\x00":   "is not UTF-8 (UTF-16?)",
		"\xfe\xff\x006\x002":   "is not UTF-8 (UTF-16?)",
		"6\x002\x00":           "NUL bytes (UTF-16?)",
		"PK\x03\x04\x14":       "is a zip archive",
		"\xd0\xcf\x11\xe0\xa1": "is a spreadsheet",
		"\xbf\xa8\xba\xc5":     "is not UTF-8 (GBK?)",
	} {
		_, fault := Number(text, true)
		assert.Contains(t, fault, want, text)
		assert.Equal(t, want == "", fault == "", "%q", text)
	}
}

func read(r io.Reader) (numbers []string, err error) {
	for number, err := range Numbers(r) {
		if err != nil {
			return numbers, err
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("6217000012345678\r\n", 4_000)
	for name, tt := range map[string]struct {
		text string
		want []string // nil: many
		line int
		why  string
	}{
		"nothing":                  {"", []string{}, 0, ""},
		"blank lines alone":        {"\n\r\n \n\u200b", []string{}, 0, ""},
		"LF":                       {"1\n2\n3\n", []string{"1", "2", "3"}, 0, ""},
		"CRLF":                     {"1\r\n2\r\n3\r\n", []string{"1", "2", "3"}, 0, ""},
		"no last line end":         {"1\n2", []string{"1", "2"}, 0, ""},
		"mixed, blanks, two marks": {"\ufeff\ufeff 1 \r\n\n\t2\n\"3\"\r\n", []string{"1", "2", "3"}, 0, ""},
		"blank lines count":        {"\n1\n\n\r\n1 2\n", []string{"1"}, 5, "holds spaces"},
		"header after blank lines": {"\n\ncard\n1\n", []string{}, 3, "header row"},
		"header in the middle":     {"1\ncard\n", []string{"1"}, 2, "holds no digit"},
		"CR alone":                 {"1\r2\r3\r", []string{}, 1, "line ends of CR alone"},
		"CR alone, many":           {strings.ReplaceAll(long, "\r\n", "\r"), []string{}, 1, "line ends of CR alone"},
		"UTF-16 with a mark":       {"\xff\xfe1\x00\n\x002\x00\n\x00", []string{}, 1, "UTF-16"},
		"UTF-16 without":           {"1\x00\n\x002\x00\n\x00", []string{}, 1, "UTF-16"},
		"late":                     {long + "6217\u200b0000\n" + long, nil, 4_001, "invisible"},
		"late GBK":                 {long + "\xbf\xa8\n", nil, 4_001, "GBK"},
		"one endless line":         {"1\n" + strings.Repeat("6217", 100_000), []string{"1"}, 2, "has more than 128 bytes"},
		"one endless blank":        {"1\n" + strings.Repeat(" ", 100_000) + "\n2", []string{"1"}, 2, "has more than 128 bytes"},
		"one endless Chinese":      {"1\n" + strings.Repeat("号", 50_000), []string{"1"}, 2, "not ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{
				strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text)), iotest.HalfReader(strings.NewReader(tt.text)),
				iotest.DataErrReader(strings.NewReader(tt.text)),
			} {
				got, err := read(r)
				if tt.want != nil {
					assert.ElementsMatch(t, tt.want, got)
				}
				if tt.line == 0 {
					require.NoError(t, err)
					continue
				}
				fault, ok := errors.AsType[*Fault](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, tt.line, fault.Line)
				assert.Contains(t, fault.Error(), fmt.Sprintf("line %d ", tt.line))
				assert.Contains(t, fault.Reason, tt.why)
			}
		})
	}
}

func TestNumbersOfABrokenReader(t *testing.T) {
	t.Parallel()
	boom := errors.New("disk")
	got, err := read(io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(boom)))
	assert.ErrorIs(t, err, boom, "a list that cannot be read to its end is no short one")
	assert.Equal(t, []string{"1"}, got, "nothing is known of a line before its end is there")
	_, err = read(still{})
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

type still struct{}

func (still) Read([]byte) (int, error) { return 0, nil }

func TestAccounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line, fault string
		csv         bool // true: the fault is one of .csv alone
	}{
		"phone":                {"13800000000", "", false},
		"8 bytes":              {"abcdefgh", "", false},
		"short":                {"ab", "", false},
		"Chinese":              {"号码", "", false},
		"space within":         {"user 1 of 2", "", false},
		"100 characters":       {strings.Repeat("x", 100), "", false},
		"100 Chinese":          {strings.Repeat("号", 100), "", false},
		"comma":                {"13800000000,x", "has more than one column", true},
		"wide bar":             {"13800000000｜x", "has more than one column", true},
		"wide comma":           {"13800000000，x", "has more than one column", true},
		"formula":              {"=13800000000", "is a formula", true},
		"formula of text":      {"=T(13800000000)", "is a formula", true},
		"semicolon":            {"13800000000;x", "has more than one column", true},
		"bar":                  {"13800000000|x", "has more than one column", true},
		"trailing semicolon":   {"13800000000;", "has more than one column", true},
		"quote":                {`"13800000000"`, "holds a double quote", true},
		"tab":                  {"13800000000\tx", "", false},
		"tab at the end":       {"13800000000\t", "", false},
		"space before":         {" 13800000000", "begins or ends with a space", false},
		"space behind":         {"13800000000 ", "begins or ends with a space", false},
		"no-break space":       {"13800000000\u00a0", "holds an invisible character (U+00A0)", false},
		"wide space":           {"\u300013800000000", "holds an invisible character (U+3000)", false},
		"zero width":           {"13800000000\u200b", "holds an invisible character (U+200B)", false},
		"zero width within":    {"1380000\u200b0000", "holds an invisible character (U+200B)", false},
		"second mark":          {"\ufeff13800000000", "holds an invisible character (U+FEFF)", false},
		"control":              {"1380000\x070000", "holds a control character (U+0007)", false},
		"control at the start": {"\x0113800000000", "holds a control character (U+0001)", false},
		"control at the end":   {"13800000000\x1f", "holds a control character (U+001F)", false},
		"delete":               {"1380000\x7f0000", "holds a control character (U+007F)", false},
		"C1 control":           {"1380000\u0085x", "holds a control character (U+0085)", false},
		"NUL":                  {"13800000000\x00", "holds NUL", false},
		"carriage return":      {"1380000\r0000", "holds a carriage return", false},
		"full-width digits":    {"１３８００００", "holds full-width digits", false},
		"not UTF-8":            {"1380000\xff0000", "is not UTF-8", false},
		"blank":                {"   ", "is blank", false},
		"empty":                {"", "is blank", false},
		"one character":        {"号", "has fewer than 2 characters", false},
		"101 characters":       {strings.Repeat("x", 101), "has more than 100 characters", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, csv := range []bool{false, true} {
				for before := range 3 { // a line is looked at alike wherever it stands
					if before == 0 && strings.HasPrefix(tt.line, "\ufeff") {
						continue // as the first one it is named otherwise
					}
					text := strings.Repeat("13800000000\n", before) + tt.line + "\r\n13900000000\n"
					a := Accounts{CSV: csv}
					err := a.Check([]byte(text))
					want := tt.fault
					switch {
					case strings.Contains(tt.line, "\t") && csv:
						want = "has more than one column"
					case strings.Contains(tt.line, "\t"):
						want = "holds a tab"
					case tt.csv && !csv:
						want = ""
					}
					if want == "" {
						assert.NoError(t, err)
						assert.Equal(t, before+2, a.N)
						continue
					}
					require.ErrorContains(t, err, fmt.Sprintf("line %d %s", before+1, want))
					assert.Equal(t, before, a.N)
				}
			}
		})
	}
}

// The glance at eight bytes together sees what a look at each sees.
func TestPlainAccount(t *testing.T) {
	t.Parallel()
	for size := 8; size <= 24; size++ {
		for at := range size {
			for c := range 256 {
				line := []byte(strings.Repeat("7", size))
				line[at] = byte(c)
				good := c > ' ' && c < 0x7f || c == ' ' && at > 0 && at < size-1
				if plainAccount(line) != good {
					t.Fatalf("byte %#x at %d of %d", c, at, size)
				}
			}
		}
	}
}

// repeat is text again and again, n bytes of it.
func repeat(text string, n int64) io.Reader {
	return io.LimitReader(endless(text), n)
}

type endless string

func (e endless) Read(p []byte) (n int, err error) {
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	if n == 0 {
		n = copy(p, e)
	}
	return n, nil
}

func TestNumbersTakeConstantMemory(t *testing.T) { // alone, since it measures
	const lines = 100_000
	for _, text := range []string{"6217000012345678\n", "\"6217000012345678\"\u200b\r\n"} {
		var before, m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start, n, most := time.Now(), 0, uint64(0)
		for _, err := range Numbers(repeat(text, lines*int64(len(text)))) {
			require.NoError(t, err)
			if n++; n%20_000 == 0 {
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		t.Logf("%.0f lines a second", lines/time.Since(start).Seconds())
		assert.Equal(t, lines, n)
		assert.Less(t, most, before.HeapAlloc+32<<20)
	}
}

func BenchmarkNumbers(b *testing.B) {
	for name, text := range map[string]string{"plain": "6217000012345678\n", "quoted": "\"6217000012345678\"\u200b\r\n"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			lines := 0
			for b.Loop() {
				for _, err := range Numbers(repeat(text, 10_000*int64(len(text)))) {
					require.NoError(b, err)
					lines++
				}
			}
			b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"6217", "\"1\"", "\ufeff\u200b1", "=\"1\"", "1e+5", "１", "\xff", "1\r2", "卡号", " 1 2 "} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, first bool) {
		number, fault := Number(text, first)
		if fault != "" {
			assert.Empty(t, number)
			return
		}
		assert.NotEmpty(t, number)
		assert.LessOrEqual(t, len(number), 128)
		for _, c := range []byte(number) {
			assert.True(t, c > ' ' && c < 0x7f && !strings.ContainsRune("\"',;|*#", rune(c)), "%q", number)
		}
		again, fault := Number(number, first)
		assert.Equal(t, number, again, "what is clean stays as it is")
		assert.Empty(t, fault)
	})
}
