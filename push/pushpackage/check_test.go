package pushpackage_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// refusal is the reason why Check refuses a file, empty if it does not.
func refusal(t testing.TB, name string, content []byte) string {
	t.Helper()
	err := pushpackage.Check(media.Bytes(name, content))
	if err == nil {
		return ""
	}
	p, ok := err.(*pushpackage.ParamError)
	if !assert.True(t, ok, "%T %v", err, err) {
		return ""
	}
	return p.Param + " " + p.Reason
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	many := strings.Repeat("13800000000\n", 20_000)
	for name, tt := range map[string]struct{ name, content, want string }{
		"one line":             {"a.txt", "13800000000\n", ""},
		"no last newline":      {"a.txt", "13800000000", ""},
		"CRLF":                 {"a.txt", "13800000000\r\n13900000000\r\n", ""},
		"CRLF, cut":            {"a.txt", "13800000000\r\n13900000000\r", ""},
		"upper-case ending":    {"A.TXT", "13800000000\n", ""},
		"comma in text":        {"a.txt", "a,b\n\"c\"\n", ""},
		"bounds":               {"a.txt", "xy\n" + long(100) + "\n", ""},
		"bounds, later":        {"a.txt", many + "xy\n" + long(100) + "\r\n" + many, ""},
		"Chinese bounds":       {"a.txt", "号码\n" + strings.Repeat("号", 100) + "\n", ""},
		"four bytes":           {"a.txt", many + strings.Repeat("𠮷", 100) + "\n", ""},
		"one character":        {"a.txt", "13800000000\nx\n", "file line 2 has fewer than 2 characters"},
		"one Chinese":          {"a.txt", "13800000000\n𠮷\n", "file line 2 has fewer than 2 characters"},
		"one Chinese, later":   {"a.txt", many + "号\n", "file line 20001 has fewer than 2 characters"},
		"one character, CRLF":  {"a.txt", "x\r\n", "file line 1 has fewer than 2 characters"},
		"101 characters":       {"a.txt", many + long(101) + "\n", "file line 20001 has more than 100 characters"},
		"101 Chinese":          {"a.txt", strings.Repeat("号", 101), "file line 1 has more than 100 characters"},
		"one endless line":     {"a.txt", "ab\n" + long(200_000), "file line 2 has more than 100 characters"},
		"one endless Chinese":  {"a.txt", "ab\n" + strings.Repeat("号", 100_000), "file line 2 has more than 100 characters"},
		"CR only":              {"a.txt", strings.Repeat("13800000000\r", 100), "file line 1 holds a carriage return (line ends of CR alone?); end lines with LF or CRLF"},
		"CR in a line":         {"a.txt", many + "1380\r0000\n" + many, "file line 20001 holds a carriage return (line ends of CR alone?); end lines with LF or CRLF"},
		"two CR":               {"a.txt", "13800000000\r\r\n", "file line 1 holds a carriage return (line ends of CR alone?); end lines with LF or CRLF"},
		"blank line":           {"a.txt", "13800000000\n\n13900000000\n", "file line 2 is blank"},
		"blank at the end":     {"a.txt", "13800000000\n\n", "file line 2 is blank"},
		"blank, CRLF":          {"a.txt", many + "\r\n", "file line 20001 is blank"},
		"only a newline":       {"a.txt", "\n", "file line 1 is blank"},
		"empty":                {"a.txt", "", "file is empty"},
		"byte order mark":      {"a.txt", "\ufeff13800000000\n", "file line 1 starts with a byte order mark; save the file as UTF-8 without one"},
		"mark later":           {"a.txt", many + "\ufeff13800000000\n", "file line 20001 holds an invisible character (U+FEFF)"},
		"UTF-16":               {"a.txt", "\xff\xfe1\x003\x00\n\x00", "file line 1 is not UTF-8 (UTF-16?); save the file as UTF-8"},
		"UTF-16, no mark":      {"a.txt", "1\x003\x00\n\x00", "file line 1 holds NUL bytes (UTF-16?); save the file as UTF-8"},
		"GBK":                  {"a.txt", many + "\xba\xc5\xc2\xeb\n" + many, "file line 20001 is not UTF-8 (GBK?); save the file as UTF-8"},
		"GBK, endless":         {"a.txt", strings.Repeat("\xba\xc5", 100_000), "file line 1 is not UTF-8 (GBK?); save the file as UTF-8"},
		"cut character":        {"a.txt", "13800000000\n号码\xe5\x8f", "file line 2 is not UTF-8 (GBK?); save the file as UTF-8"},
		"surrogate":            {"a.txt", "ab\xed\xa0\x80\n", "file line 1 is not UTF-8 (GBK?); save the file as UTF-8"},
		"zip called text":      {"a.txt", string(zipOf(t, entry{"a.txt", "13800000000\n"})), "file line 1 is a zip archive, not text"},
		"csv":                  {"a.csv", "account\n13800000000\n", ""},
		"two columns":          {"a.csv", many + "13800000000,Li\n", "file line 20001 has more than one column"},
		"two columns, tab":     {"a.csv", many + "13800000000\tx\n", "file line 20001 has more than one column"},
		"two columns, ;":       {"a.csv", many + "13800000000;x\n", "file line 20001 has more than one column"},
		"two columns, |":       {"a.csv", "13800000000|x\n", "file line 1 has more than one column"},
		"empty column, tab":    {"a.csv", "13800000000\t\n", "file line 1 has more than one column"},
		"tab in text":          {"a.txt", many + "13800000000\tx\n", "file line 20001 holds a tab (columns?)"},
		"semicolon in text":    {"a.txt", "a;b|c\n", ""},
		"space before":         {"a.txt", many + " 13800000000\n", "file line 20001 begins or ends with a space"},
		"space behind":         {"a.csv", many + "13800000000 \r\n" + many, "file line 20001 begins or ends with a space"},
		"spaces alone":         {"a.txt", "13800000000\n  \n", "file line 2 is blank"},
		"space within":         {"a.txt", "user 1\nuser number two\n", ""},
		"zero width behind":    {"a.txt", many + "13800000000\u200b\n", "file line 20001 holds an invisible character (U+200B)"},
		"control behind":       {"a.txt", many + "13800000000\x1a\n", "file line 20001 holds a control character (U+001A)"},
		"full-width digits":    {"a.txt", "１３８０\n", "file line 1 holds full-width digits"},
		"trailing comma":       {"a.csv", "13800000000,\n", "file line 1 has more than one column"},
		"quoted":               {"a.csv", many + "\"13800000000\"\n", "file line 20001 holds a double quote"},
		"first fault is named": {"a.csv", "13800000000\n\n\xff\n1,2\n", "file line 2 is blank"},
		"ending":               {"a.xls", "13800000000\n", "filename does not end in .txt, .csv or .zip"},
		"no ending":            {"txt", "13800000000\n", "filename does not end in .txt, .csv or .zip"},
		"no name":              {"", "13800000000\n", "filename has 0 characters; 1 to 100 are allowed"},
		"name of 100":          {strings.Repeat("号", 96) + ".txt", "13800000000\n", ""},
		"name of 101":          {strings.Repeat("号", 97) + ".txt", "13800000000\n", "filename has 101 characters; 1 to 100 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, refusal(t, tt.name, []byte(tt.content)))
		})
	}
}

func TestCheckSize(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, pushpackage.Check(media.At("a.txt", endless{}, 100_000_001)),
		"pushpackage: POST /v3/push/package/upload: file has 100000001 bytes; at most 100000000 are allowed; nothing was sent")
	assert.EqualError(t, pushpackage.Check(nil), "pushpackage: POST /v3/push/package/upload: file is missing; nothing was sent")
	assert.NoError(t, pushpackage.Check(media.At("a.txt", endless{}, 100_000_000)))
}

// However the blocks are cut, the answer is the same.
func TestCheckLinesInAnyBlocks(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("号码-13800000000\r\nuser\n", 3000) + "x"
	for _, r := range []io.Reader{
		strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text)),
		iotest.DataErrReader(strings.NewReader(text)),
	} {
		assert.ErrorContains(t, pushpackage.CheckLines(t.Context(), r, true), "line 6001 has fewer than 2 characters")
	}
	assert.ErrorIs(t, pushpackage.CheckLines(t.Context(), iotest.ErrReader(os.ErrDeadlineExceeded), false), os.ErrDeadlineExceeded)
}

type entry struct{ name, content string }

// zipOf packs entries in order; a name that ends in a slash is a folder.
func zipOf(t testing.TB, entries ...entry) []byte {
	return zipWith(t, nil, entries...)
}

func zipWith(t testing.TB, change func(*zip.FileHeader), entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
		if change != nil {
			change(h)
		}
		f, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = io.WriteString(f, e.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// patched overwrites bytes of the central directory's first entry.
func patched(t testing.TB, file []byte, at int, with ...byte) []byte {
	t.Helper()
	i := bytes.Index(file, []byte("PK\x01\x02"))
	require.Positive(t, i)
	file = bytes.Clone(file)
	copy(file[i+at:], with)
	return file
}

func TestCheckZip(t *testing.T) {
	t.Parallel()
	const list = "13800000000\n13900000000\n"
	good := zipOf(t, entry{"accounts.txt", list})
	gbk := func(name string) []byte { // a name in another encoding, or none said
		return zipWith(t, func(h *zip.FileHeader) { h.NonUTF8 = true }, entry{name, list})
	}
	sizes := func(packed, unpacked uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, packed), unpacked)
	}
	const packedAt, unpackedAt, flagsAt, methodAt, crcAt = 20, 24, 8, 10, 16
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"txt":                   {good, ""},
		"csv":                   {zipOf(t, entry{"accounts.CSV", list}), ""},
		"stored":                {zipWith(t, func(h *zip.FileHeader) { h.Method = zip.Store }, entry{"号码包.txt", list}), ""},
		"GBK name":              {zipWith(t, func(h *zip.FileHeader) { h.NonUTF8 = true }, entry{"\xba\xc5\xc2\xeb.txt", list}), ""},
		"GBK, backslash byte":   {gbk("\xd6\x5c.txt"), ""},
		"GBK, two of them":      {gbk("\x81\x5c\xd6\x5c.csv"), ""},
		"Big5, backslash byte":  {gbk("\xb3\x5c.txt"), ""},
		"GBK, flag lies":        {patched(t, gbk("\xd6\x5c.txt"), flagsAt, 0x08, 0x08), "file holds a file with a backslash in its name"},
		"GBK, then a backslash": {gbk("\xd6\xd0\x5ca.txt"), "file holds a file with a backslash in its name"},
		"GBK, upwards":          {gbk("..\x5c\xd6\xd0.txt"), "file holds a file with a backslash in its name"},
		"GBK, at a pair's end":  {gbk("\xd6\x5c\x5ca.txt"), "file holds a file with a backslash in its name"},
		"UTF-8, flag unset":     {gbk("号\x5ca.txt"), "file holds a file with a backslash in its name"},
		"GBK, in a folder":      {gbk("\xd6\x5c/a.txt"), "file holds a folder; pack the file alone"},
		"unpacking program":     {append([]byte("MZ\x90 unpacks itself "), good...), ""},
		"bytes behind":          {append(bytes.Clone(good), "\r\n\x00"...), ""},
		"comment cut off":       {cutComment(good), ""},
		"descriptor is wrong":   {wrongDescriptor(good), ""},
		"dots in the name":      {zipOf(t, entry{"a..b.txt", list}), ""},
		"large":                 {accounts(t, 1<<20), ""},
		"comment behind":        {withComment(t, list), ""},
		"bad line":              {zipOf(t, entry{"a.txt", list + "x\n"}), "file line 3 has fewer than 2 characters"},
		"csv, two columns":      {zipOf(t, entry{"a.csv", "1,2\n"}), "file line 1 has more than one column"},
		"nothing":               {zipOf(t), "file holds 0 files; exactly one .txt or .csv is allowed"},
		"two lists":             {zipOf(t, entry{"a.txt", list}, entry{"b.csv", list}), "file holds 2 files; exactly one .txt or .csv is allowed"},
		"same name twice":       {zipOf(t, entry{"a.txt", list}, entry{"a.txt", list}), "file holds 2 files; exactly one .txt or .csv is allowed"},
		"empty list":            {zipOf(t, entry{"a.txt", ""}), "file is an empty list"},
		"folder alone":          {zipOf(t, entry{"lists/", ""}), "file holds a folder; pack the file alone"},
		"in a folder":           {zipOf(t, entry{"lists/a.txt", list}), "file holds a folder; pack the file alone"},
		"folder beside":         {zipOf(t, entry{"a.txt", list}, entry{"lists/", ""}), "file holds a folder; pack the file alone"},
		"macOS":                 {zipOf(t, entry{"a.txt", list}, entry{"__MACOSX/", ""}, entry{"__MACOSX/._a.txt", "x"}), "file holds __MACOSX/, which macOS adds; remove it with: zip -d FILE.zip '__MACOSX/*'"},
		".DS_Store":             {zipOf(t, entry{"a.txt", list}, entry{".DS_Store", "x"}), "file holds a file that does not end in .txt or .csv"},
		"absolute":              {zipOf(t, entry{"/etc/a.txt", list}), "file holds a file with an absolute name"},
		"drive":                 {zipOf(t, entry{"C:a.txt", list}), "file holds a file with an absolute name"},
		"upwards":               {zipOf(t, entry{"../a.txt", list}), "file holds a file whose name leads out of it (..)"},
		"upwards, inside":       {zipOf(t, entry{"x/../../a.txt", list}), "file holds a file whose name leads out of it (..)"},
		"upwards, end":          {zipOf(t, entry{"a.txt/..", list}), "file holds a file whose name leads out of it (..)"},
		"backslash":             {zipOf(t, entry{`lists\a.txt`, list}), "file holds a file with a backslash in its name"},
		"backslash upwards":     {zipOf(t, entry{`..\a.txt`, list}), "file holds a file with a backslash in its name"},
		"zip in zip":            {zipOf(t, entry{"a.zip", string(good)}), "file holds another archive"},
		"gzip in zip":           {zipOf(t, entry{"a.txt.gz", "x"}), "file holds another archive"},
		"zip called txt":        {zipOf(t, entry{"a.txt", string(good)}), "file line 1 is a zip archive, not text"},
		"spreadsheet":           {zipOf(t, entry{"a.xlsx", "x"}), "file holds a file that does not end in .txt or .csv"},
		"symbolic link":         {zipWith(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }, entry{"a.txt", "/etc/passwd"}), "file holds something that is not a regular file"},
		"encrypted":             {patched(t, good, flagsAt, 0x09), "file is encrypted"},
		"strong encryption":     {patched(t, good, flagsAt, 0x48), "file is encrypted"},
		"hidden directory":      {patched(t, good, flagsAt, 0x08, 0x20), "file is encrypted"},
		"other method":          {patched(t, good, methodAt, 12), "file is packed with another method than deflate"},
		"bomb":                  {zipOf(t, entry{"a.txt", strings.Repeat("13800000000\n", 50_000)}), "file unpacks to more than 200 times its size"},
		"bomb, packed size inflated": {patched(t, zipOf(t, entry{"a.txt", strings.Repeat("13800000000\n", 50_000)}), packedAt, 0xff, 0xff, 0xff, 0x7f),
			"file unpacks to more than 200 times its size"},
		"says too much":    {patched(t, good, unpackedAt, sizes(0x80000001, 0)[:4]...), "file unpacks to more than 2147483648 bytes"},
		"says too little":  {patched(t, good, unpackedAt, 3, 0, 0, 0), "file is not a zip archive, or a damaged one"},
		"says more":        {patched(t, good, unpackedAt, 100, 0, 0, 0), "file is not a zip archive, or a damaged one"},
		"wrong checksum":   {patched(t, good, crcAt, 1, 2, 3, 4), "file is not a zip archive, or a damaged one"},
		"cut":              {good[:len(good)-10], "file is not a zip archive, or a damaged one"},
		"cut in the list":  {good[20:], "file is not a zip archive, or a damaged one"},
		"damaged list":     {damagedList(good), "file is not a zip archive, or a damaged one"},
		"text called zip":  {[]byte(list), "file is not a zip archive, or a damaged one"},
		"gzip called zip":  {[]byte("\x1f\x8b\x08"), "file is not a zip archive, or a damaged one"},
		"empty":            {nil, "file is empty"},
		"thousands listed": {manyEntries(t, 5_000), "file lists too many files; exactly one .txt or .csv is allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, refusal(t, "a.zip", tt.file))
		})
	}
}

func withComment(t testing.TB, list string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	require.NoError(t, w.SetComment(strings.Repeat("号码", 10_000)))
	f, err := w.Create("a.txt")
	require.NoError(t, err)
	_, err = io.WriteString(f, list)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// cutComment is an archive that says of a comment what is not there.
func cutComment(good []byte) []byte {
	b := bytes.Clone(good)
	b[len(b)-2] = 200
	return b
}

// What is read behind a file is NUL, whatever the buffer held.
func TestPadded(t *testing.T) {
	t.Parallel()
	f := pushpackage.Padded(strings.NewReader("abc"), 3)
	for off, want := range map[int64]string{0: "abc\x00\x00", 2: "c\x00\x00\x00\x00", 3: "\x00\x00\x00\x00\x00", 9: "\x00\x00\x00\x00\x00"} {
		buf := []byte("xxxxx")
		n, err := f.ReadAt(buf, off)
		require.NoError(t, err)
		assert.Equal(t, want, string(buf[:n]))
	}
}

// wrongDescriptor is an archive whose checksum behind the content is another one than it lists.
func wrongDescriptor(good []byte) []byte {
	b := bytes.Clone(good)
	b[bytes.Index(b, []byte("PK\x07\x08"))+4] ^= 1
	return b
}

func damagedList(good []byte) []byte {
	bad := bytes.Clone(good)
	at := bytes.Index(bad, []byte("accounts.txt")) + len("accounts.txt") + 9 // 9 bytes of time stamp
	bad[at] = 0x07                                                           // a block of the reserved type
	return bad
}

func manyEntries(t testing.TB, n int) []byte {
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{fmt.Sprintf("%d.txt", i), "13800000000\n"}
	}
	return zipWith(t, func(h *zip.FileHeader) { h.Method = zip.Store }, entries...)
}

// A bomb is refused by what it says of itself, before any of it is unpacked; one that lies is stopped where
// its lie ends.
func TestBombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	require.NoError(t, err)
	line := []byte(strings.Repeat("13800000000\n", 1<<10))
	sum, n := crc32.NewIEEE(), 0
	for ; n < size; n += len(line) {
		_, err := w.Write(line)
		require.NoError(t, err)
		sum.Write(line)
	}
	require.NoError(t, w.Close())
	require.Greater(t, n, 400*packed.Len())
	for _, says := range []int{n, 190 * packed.Len()} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		f, err := z.CreateRaw(&zip.FileHeader{Name: "a.txt", Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(says)})
		require.NoError(t, err)
		_, err = f.Write(packed.Bytes())
		require.NoError(t, err)
		require.NoError(t, z.Close())
		reads := 0
		err = pushpackage.Check(media.At("a.zip", readerAt(func(p []byte, off int64) (int, error) {
			reads += len(p)
			return bytes.NewReader(b.Bytes()).ReadAt(p, off)
		}), int64(b.Len())))
		var refused *pushpackage.ParamError
		require.ErrorAs(t, err, &refused)
		if says == n {
			assert.Less(t, reads, 10<<10)
		}
	}
}

func TestCheckReportsAReadError(t *testing.T) {
	t.Parallel()
	broken := readerAt(func([]byte, int64) (int, error) { return 0, os.ErrPermission })
	for _, name := range []string{"a.txt", "a.csv", "a.zip"} {
		err := pushpackage.Check(media.At(name, broken, 1000))
		assert.ErrorIs(t, err, os.ErrPermission)
		assert.NotErrorAs(t, err, new(*pushpackage.ParamError))
	}
}

// naive is the rule once more, without regard to speed: the number of the first bad line, or 0.
func naive(text string, csv bool) int {
	if text == "" {
		return 1
	}
	text = strings.TrimSuffix(text, "\n")
	for i, line := range strings.Split(text, "\n") {
		if i == 0 && (strings.HasPrefix(line, "\ufeff") || strings.HasPrefix(line, "PK\x03\x04")) {
			return 1
		}
		line = strings.TrimSuffix(line, "\r")
		n := len([]rune(line))
		odd := strings.ContainsFunc(line, func(r rune) bool {
			return r != ' ' && unicode.IsOneOf([]*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Z, unicode.Variation_Selector}, r) ||
				strings.ContainsRune("０１２３４５６７８９\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0", r)
		})
		if odd || strings.Trim(line, " ") != line || n < 2 || n > 100 || strings.ToValidUTF8(line, "") != line || strings.ContainsAny(line, "\x00\r") || csv && strings.ContainsAny(line, ",;|\t\"") {
			return i + 1
		}
	}
	return 0
}

func FuzzCheckLines(f *testing.F) {
	for _, s := range []string{"13800000000\n", "a\r\n", "\ufeffab\n", "号码\n\xff", "a,b\n", strings.Repeat("x", 101), "ab\n\ncd", "PK\x03\x04\n", ""} {
		f.Add([]byte(s), uint16(0), true)
		f.Add([]byte(s), uint16(7000), false)
	}
	f.Fuzz(func(t *testing.T, tail []byte, before uint16, csv bool) {
		text := strings.Repeat("13800000000\n", int(before)) + string(tail)
		want := naive(text, csv)
		for _, r := range []io.Reader{strings.NewReader(text), iotest.HalfReader(strings.NewReader(text))} {
			err := pushpackage.CheckLines(t.Context(), r, csv)
			switch {
			case want == 0:
				assert.NoError(t, err)
			case text == "":
				assert.ErrorContains(t, err, "is an empty list")
			default:
				assert.ErrorContains(t, err, fmt.Sprintf(": file line %d ", want))
			}
		}
	})
}

func FuzzCheckZip(f *testing.F) {
	const list = "13800000000\n"
	f.Add(zipOf(f, entry{"a.txt", list}))
	f.Add(zipOf(f, entry{"a.csv", list}, entry{"__MACOSX/._a.csv", "x"}))
	f.Add(zipWith(f, func(h *zip.FileHeader) { h.Method = zip.Store }, entry{"../a.txt", list}))
	f.Add(patched(f, zipOf(f, entry{"a.txt", list}), 24, 3, 0, 0, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		if pushpackage.Check(media.Bytes("a.zip", file)) != nil {
			return
		}
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			return // a comment that is cut off: Go's reader does not open what other tools do
		}
		require.Len(t, z.File, 1)
		name := strings.ToLower(z.File[0].Name)
		require.True(t, strings.HasSuffix(name, ".txt") || strings.HasSuffix(name, ".csv"))
		require.NotContains(t, name, "/")
		require.False(t, utf8.ValidString(name) && strings.Contains(name, `\`))
		r, err := z.File[0].Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		if !errors.Is(err, zip.ErrChecksum) { // of which another may stand behind the content than is listed; the text is whole
			require.NoError(t, err)
		}
		require.Zero(t, naive(string(text), strings.HasSuffix(name, ".csv")))
	})
}

// BenchmarkCheckZip compares the check with bare unpacking and counting of newlines.
func BenchmarkCheckZip(b *testing.B) {
	file := accounts(b, 20<<20)
	packed := media.Bytes("a.zip", file)
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
			require.NoError(b, err)
			r, err := z.File[0].Open()
			require.NoError(b, err)
			buf, lines := make([]byte, 64<<10), 0
			for err == nil {
				var n int
				n, err = r.Read(buf)
				lines += bytes.Count(buf[:n], []byte("\n"))
			}
			require.Equal(b, io.EOF, err)
			require.Positive(b, lines)
		}
	})
	b.Run("check", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, pushpackage.Check(packed))
		}
	})
}

// accounts is a zip of about size bytes with numbers that do not compress beyond their digits.
func accounts(t testing.TB, size int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a.txt")
	require.NoError(t, err)
	x := uint64(1)
	var text []byte
	for b.Len() < size {
		text = text[:0]
		for range 1000 {
			x = x*6364136223846793005 + 1442695040888963407
			text = fmt.Appendf(text, "1%010d\n", x>>31%10_000_000_000)
		}
		_, err := f.Write(text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}
