package table

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a workbook. Excel has no more rows and columns; what is larger was made to harm.
const (
	maxRows    = 1 << 20
	maxColumns = 1 << 14
	maxSheet   = 4 << 30   // bytes of XML
	maxStrings = 512 << 20 // bytes of XML
	maxChunks  = 256       // of the strings that cells share, which are kept in memory
	maxText    = 1 << 30   // bytes of all cells: one string of the file may stand in a million of them
	maxPart    = 16 << 20  // bytes of XML of every other part
)

var (
	wrongWorkbook = &wrong{"is a workbook that is damaged or cut off; save it again", "工作簿已损坏或不完整；请重新保存"}
	wrongSheets   = &wrong{"is a workbook larger than any that is read; save it as CSV", "工作簿过大，无法读取；请另存为 CSV"}
	wrongNumber   = &wrong{"is a number of more than 15 digits, of which a workbook has lost some; enter the column as text", "是超过 15 位的数字，工作簿已丢失其末尾数位；请将该列设为文本后重新录入"}
	wrongFormula  = &wrong{"holds an error of a formula", "是公式错误值"}
)

// What a workbook cannot say, by the first bytes of a cell. No text has them.
const (
	signNumber  = "\x00n"
	signFormula = "\x00e"
)

// unsaid is what is wrong with a cell of a workbook before it is looked at.
func unsaid(cell string) *wrong {
	switch {
	case strings.HasPrefix(cell, signNumber):
		return wrongNumber
	case strings.HasPrefix(cell, signFormula):
		return wrongFormula
	}
	return nil
}

// shown is a cell of a workbook as text.
func shown(cell string) string {
	if unsaid(cell) != nil {
		return cell[2:]
	}
	return cell
}

// A book is an open workbook. Neither of the usual libraries is used: one takes a broken sheet for a short one, the
// other writes what it has no room for into temporary files, and both keep all strings as Go strings.
type book struct {
	zip      *zip.Reader
	sheet    *zip.File
	strings  *zip.File // nil: none
	shared   shared
	dates    []bool // by style
	date1904 bool
}

// workbook walks over the rows of one sheet.
func (f *File) workbook(file *os.File, step func(line int, cells []string, wrong *wrong) bool) *wrong {
	z, err := zip.NewReader(file, f.size)
	if err != nil {
		return wrongWorkbook
	}
	b := &book{zip: z}
	if wrong := b.open(f.options.Sheet); wrong != nil {
		return wrong
	}
	for _, read := range []func() error{b.readShared, func() error { return b.rows(step) }} {
		switch err := read(); {
		case errors.Is(err, errSize):
			return wrongSheets
		case err != nil:
			return wrongWorkbook
		}
	}
	return nil
}

func (b *book) part(name string) *zip.File {
	name = strings.TrimPrefix(name, "/")
	for _, f := range b.zip.File {
		if strings.EqualFold(strings.ReplaceAll(f.Name, `\`, "/"), name) {
			return f
		}
	}
	return nil
}

// walk hands every opening tag of a small part to a function.
func (b *book) walk(f *zip.File, tag func(*xmlReader)) error {
	return b.read(f, maxPart, func(x *xmlReader) error {
		for {
			switch token, err := x.next(); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			case token == tokenOpen:
				tag(x)
			}
		}
	})
}

// read reads a part to its end, so that its checksum is compared.
func (b *book) read(f *zip.File, most uint64, do func(*xmlReader) error) error {
	if f == nil || f.Flags&1 != 0 {
		return errXML
	}
	if f.UncompressedSize64 > most {
		return errSize
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return do(newXMLReader(r))
}

type relation struct{ id, kind, target string }

func (b *book) relations(of string) (list []relation, err error) {
	part := b.part(path.Dir(of) + "/_rels/" + path.Base(of) + ".rels")
	if of == "" {
		part = b.part("_rels/.rels")
	}
	err = b.walk(part, func(x *xmlReader) {
		if string(x.name) != "Relationship" {
			return
		}
		target := decoded(x.attr("Target"))
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(of), target)
		}
		list = append(list, relation{decoded(x.attr("Id")), path.Base(decoded(x.attr("Type"))), target})
	})
	return list, err
}

func decoded(raw []byte) string {
	text, _ := unescaped(nil, raw)
	return string(text)
}

// open finds the parts of a sheet; empty: the first.
func (b *book) open(name string) *wrong {
	if b.part("mimetype") != nil && b.part("content.xml") != nil {
		return &wrong{"is an OpenDocument file (.ods); save it as .xlsx or CSV", "是 OpenDocument 文件（.ods）；请另存为 .xlsx 或 CSV"}
	}
	roots, err := b.relations("")
	main := ""
	for _, r := range roots {
		if r.kind == "officeDocument" {
			main = strings.TrimPrefix(r.target, "/")
		}
	}
	if err != nil || main == "" || b.part(main) == nil {
		return &wrong{"is a zip archive and no workbook (.xlsx)", "是 zip 压缩包，不是 .xlsx 工作簿"}
	}
	if !strings.HasSuffix(main, ".xml") {
		return &wrong{"is a binary workbook (.xlsb); save it as .xlsx or CSV", "是二进制工作簿（.xlsb）；请另存为 .xlsx 或 CSV"}
	}
	parts, err := b.relations(main)
	if err != nil {
		return wrongWorkbook
	}
	sheets := map[string]string{}
	b.strings = b.part(path.Dir(main) + "/sharedStrings.xml") // some writers name them nowhere
	styles := b.part(path.Dir(main) + "/styles.xml")
	for _, r := range parts {
		switch r.kind {
		case "worksheet":
			sheets[r.id] = r.target
		case "sharedStrings":
			b.strings = b.part(r.target)
		case "styles":
			styles = b.part(r.target)
		}
	}
	var names []string // some of them, to be told
	chosen := false
	err = b.walk(b.part(main), func(x *xmlReader) {
		switch string(x.name) {
		case "workbookPr":
			on := decoded(x.attr("date1904"))
			b.date1904 = on == "1" || on == "true"
		case "sheet":
			target, ok := sheets[decoded(x.attr("id"))]
			if !ok {
				return // a chart
			}
			called := decoded(x.attr("name"))
			if !chosen && (name == "" || name == called) {
				chosen, b.sheet = true, b.part(target)
			}
			if len(names) < 20 && len(called) <= 100 {
				names = append(names, called)
			}
		}
	})
	switch {
	case err != nil, !chosen && name == "":
		return wrongWorkbook
	case !chosen:
		return &wrong{"has no sheet of that name; it has " + strings.Join(names, ", "), "没有该名称的工作表；现有：" + strings.Join(names, "、")}
	case b.sheet == nil:
		return wrongWorkbook
	}
	if styles != nil && b.readStyles(styles) != nil {
		return wrongWorkbook
	}
	return nil
}

// readStyles finds which styles show a number as a date.
func (b *book) readStyles(f *zip.File) error {
	dated := map[string]bool{}
	within := false
	return b.walk(f, func(x *xmlReader) {
		switch string(x.name) {
		case "numFmt":
			dated[decoded(x.attr("numFmtId"))] = dateFormat(decoded(x.attr("formatCode")))
		case "cellXfs":
			within = true
		case "cellStyles", "dxfs":
			within = false
		case "xf":
			if !within {
				return
			}
			id := decoded(x.attr("numFmtId"))
			n, _ := strconv.Atoi(id)
			b.dates = append(b.dates, dated[id] || n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 45 && n <= 47 || n >= 50 && n <= 58)
		}
	})
}

// dateFormat reports whether a format shows parts of a date.
func dateFormat(code string) bool {
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"', '[':
			end := byte('"')
			if c == '[' {
				end = ']'
			}
			skip := strings.IndexByte(code[i+1:], end)
			if skip < 0 {
				return false
			}
			i += skip + 1
		case '\\', '_', '*':
			i++
		case 'y', 'Y', 'd', 'D', 'h', 'H', 's', 'S', 'm', 'M':
			return true
		}
	}
	return false
}

// shared are the strings of a workbook, close together: a Go string for each would take three times the room.
type shared struct {
	chunks [][]byte // each string behind its length
	places []uint32 // of every eighth string: its chunk and the place in it
	n      int
}

const (
	chunk  = 1 << 20
	stride = 8
)

func (s *shared) add(text []byte) error {
	need := len(text) + binary.MaxVarintLen32
	if need > chunk {
		return errSize
	}
	if k := len(s.chunks); k == 0 || len(s.chunks[k-1])+need > chunk {
		if k == maxChunks {
			return errSize
		}
		s.chunks = append(s.chunks, make([]byte, 0, chunk))
	}
	last := &s.chunks[len(s.chunks)-1]
	if s.n%stride == 0 {
		s.places = append(s.places, uint32(len(s.chunks)-1)<<20|uint32(len(*last)))
	}
	*last = append(binary.AppendUvarint(*last, uint64(len(text))), text...)
	s.n++
	return nil
}

// get is good for as long as the strings are.
func (s *shared) get(i int) ([]byte, bool) {
	if i < 0 || i >= s.n {
		return nil, false
	}
	at, from := s.places[i/stride]>>20, s.places[i/stride]&(chunk-1)
	for skip := i % stride; ; skip-- {
		if int(from) == len(s.chunks[at]) {
			at, from = at+1, 0
		}
		text := s.chunks[at][from:]
		size, n := binary.Uvarint(text)
		end := n + int(size)
		if skip == 0 {
			return text[n:end], true
		}
		from += uint32(end)
	}
}

func (b *book) readShared() error {
	if b.strings == nil {
		return nil
	}
	return b.read(b.strings, maxStrings, func(x *xmlReader) error {
		var text []byte
		for {
			token, err := x.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil && token == tokenOpen && string(x.name) == "si" {
				if text, err = x.rich("si", text[:0]); err == nil {
					err = b.shared.add(text)
				}
			}
			if err != nil {
				return err
			}
		}
	})
}

// rich is the text of an element that was opened: of its parts t, but not of those that say how to pronounce it.
func (x *xmlReader) rich(name string, text []byte) ([]byte, error) {
	words, spoken := false, false
	for {
		token, err := x.next()
		if err != nil {
			return nil, early(err)
		}
		switch token {
		case tokenText:
			if words && !spoken {
				if text, err = x.words(text); err != nil {
					return nil, err
				}
			}
		case tokenOpen:
			words = string(x.name) == "t"
			spoken = spoken || string(x.name) == "rPh"
		case tokenClose:
			switch string(x.name) {
			case name:
				return text, nil
			case "rPh":
				spoken = false
			}
			words = false
		}
	}
}

// early makes an early end a damage.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return errXML
	}
	return err
}

// rows walks over the rows of the sheet; their numbers are the lines.
func (b *book) rows(step func(line int, cells []string, wrong *wrong) bool) error {
	return b.read(b.sheet, maxSheet, func(x *xmlReader) error {
		var cells []string
		var raw []byte
		line, column, more := 0, 0, true
		within, seen := false, false // the data; drawings and forms behind it have rows too
		var size, total int64        // of the cells of a row and of all, with what stands between them in CSV
		var kind [10]byte            // of a cell
		var kindSize, style int
		for {
			token, err := x.next()
			if errors.Is(err, io.EOF) && seen {
				return nil
			}
			if err != nil {
				return early(err)
			}
			if !more { // the rest is read for its checksum only if all rows were wanted
				return nil
			}
			switch {
			case string(x.name) == "sheetData" && token != tokenText:
				within, seen = token == tokenOpen, true
			case !within:
			case token == tokenOpen && string(x.name) == "row":
				last := line
				if line++; x.attr("r") != nil {
					line = number(x.attr("r"))
				}
				if line <= last || line > maxRows {
					return errXML
				}
				cells, column, size = cells[:0], -1, 0
			case token == tokenOpen && string(x.name) == "c":
				if column++; x.attr("r") != nil {
					column = place(x.attr("r"))
				}
				if column < 0 || column >= maxColumns || line == 0 {
					return errXML
				}
				kindSize, style, raw = copy(kind[:], x.attr("t")), number(x.attr("s")), raw[:0]
			case token == tokenOpen && string(x.name) == "v":
				raw, err = x.plainText(raw[:0])
			case token == tokenOpen && string(x.name) == "is":
				raw, err = x.rich("is", raw[:0])
			case token == tokenClose && string(x.name) == "c":
				if len(raw) == 0 {
					break
				}
				if string(kind[:kindSize]) == "s" {
					text, ok := b.shared.get(number(raw))
					if !ok {
						return errXML
					}
					raw = append(raw[:0], text...)
				}
				room := int64(len(raw) + max(1, column+1-len(cells)))
				size, total = size+room, total+room
				if total > maxText {
					return errSize
				}
				if size > maxRecord {
					break
				}
				if n := len(cells); n <= column {
					cells = slices.Grow(cells, column+1-n)[:column+1]
					clear(cells[n:])
				}
				cells[column], err = b.cell(string(kind[:kindSize]), style, raw)
			case token == tokenClose && string(x.name) == "row":
				if size > maxRecord {
					more = step(line, nil, wrongLong)
				} else {
					more = step(line, cells, nil)
				}
			}
			if err != nil {
				return err
			}
		}
	})
}

// plainText is the text of an element that was opened and holds no other.
func (x *xmlReader) plainText(text []byte) ([]byte, error) {
	for {
		token, err := x.next()
		if err != nil {
			return nil, early(err)
		}
		switch token {
		case tokenText:
			if text, err = x.words(text); err != nil {
				return nil, err
			}
		case tokenClose:
			return text, nil
		case tokenOpen:
			return nil, errXML
		}
	}
}

// number is a whole number that is not negative; -1: it is none.
func number(raw []byte) int {
	n := 0
	for _, c := range raw {
		if c < '0' || c > '9' || n > math.MaxInt32/10-1 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// place is the column of a name such as AB12, from 0.
func place(name []byte) int {
	n := 0
	for _, c := range name {
		if c |= 0x20; c < 'a' || c > 'z' {
			break
		}
		if n = n*26 + int(c-'a') + 1; n > maxColumns {
			return -1
		}
	}
	return n - 1
}

func (b *book) cell(kind string, style int, raw []byte) (string, error) {
	switch kind {
	case "s", "inlineStr", "str":
		return string(raw), nil
	case "b":
		if string(raw) == "1" {
			return "TRUE", nil
		}
		return "FALSE", nil
	case "e":
		return signFormula + string(raw), nil
	case "d":
		text, _, _ := strings.Cut(string(raw), ".")
		return strings.Replace(text, "T", " ", 1), nil
	case "", "n":
		if style >= 0 && style < len(b.dates) && b.dates[style] {
			if text, ok := b.date(string(raw)); ok {
				return text, nil
			}
		}
		return decimal(raw), nil
	}
	return "", errXML
}

// decimal writes a number as a spreadsheet shows it. It keeps 15 digits, so what has more is not what was entered.
func decimal(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) <= 15 && digits(string(raw)) {
		return string(raw)
	}
	text := string(raw)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) || math.Abs(n) >= 1e15 {
		return signNumber + text
	}
	if n == math.Trunc(n) {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	n, _ = strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// date writes the count of days since 1900, or 1904, as a date.
func (b *book) date(raw string) (string, bool) {
	n, err := strconv.ParseFloat(raw, 64)
	if err != nil || n < 61 || n >= 2958466 { // before March 1900 spreadsheets count wrong
		return "", false
	}
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if b.date1904 {
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	at := start.AddDate(0, 0, int(n)).Add(time.Duration(math.Round((n-math.Trunc(n))*86400)) * time.Second)
	if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
		return at.Format("2006-01-02"), true
	}
	return at.Format("2006-01-02 15:04:05"), true
}
