package table

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/lists"
)

const samples = 20 // records that are looked at to find what separates cells

// A sample is one of the first records that are not blank.
type sample struct {
	line  int
	cells []string
	wrong *wrong
}

// sample reads the first records with a separator. A line "sep=;" says which it is, and is no record.
func (f *File) sample(sep byte) (list []sample, err error) {
	err = f.all(context.Background(), sep, func(line int, cells []string, wrong *wrong) bool {
		if wrong != nil || !blank(cells) {
			list = append(list, sample{line, slices.Clone(cells), wrong})
		}
		return len(list) < samples
	})
	return list, err
}

// columns finds what separates cells and where the columns are.
func (f *File) columns() error {
	names := make([]string, len(f.options.Columns))
	for i, c := range f.options.Columns {
		names[i] = c.Name
	}
	for name := range f.options.Map {
		if !slices.Contains(names, name) {
			return f.fault(0, "", &wrong{"no column is called " + name + "; there are " + strings.Join(names, ", "), "没有名为 " + name + " 的列；可用的列：" + strings.Join(names, "、")})
		}
	}
	separators := []byte{0, ',', '\t', ';', '|'}
	if f.encoding == encodingXLSX {
		separators = separators[:1]
	}
	var best []sample
	most := -1
	for _, sep := range separators {
		list, err := f.sample(sep)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return f.fault(0, "", &wrong{"is empty", "没有任何行"})
		}
		if said := separator(list[0]); said != 0 {
			f.headerLine, f.sep = list[0].line, said
			if list, err = f.sample(said); err != nil {
				return err
			}
			if best = list[1:]; len(best) == 0 {
				return f.fault(0, "", &wrong{"is empty", "没有任何行"})
			}
			break
		}
		if points := f.points(list, sep); points > most {
			best, most, f.sep = list, points, sep
		}
	}
	return f.place(best)
}

// separator is what a line such as "sep=;" says, which spreadsheets write; 0: it is no such line.
func separator(s sample) byte {
	text := strings.Join(s.cells, ",")
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "sep="); ok && len(rest) == 1 && strings.Contains(",;|\t", rest) {
		return rest[0]
	}
	return 0
}

// points say how well a separator fits: columns that are found by their headers first, then records of the same width.
func (f *File) points(list []sample, sep byte) int {
	points := 0
	for i := range f.options.Columns {
		places, _ := f.over(&f.options.Columns[i], list[0].cells, nil)
		points += min(1, len(places)) * 10_000
	}
	width := len(list[0].cells)
	if sep == 0 || width < 2 {
		return points
	}
	for _, s := range list {
		if s.wrong == nil && len(s.cells) == width {
			points += 10
		}
	}
	if points%10_000 < 10*len(list) && points < 10_000 {
		return points - points%10_000 // of different widths: it stands within cells
	}
	return points + min(width, 9)
}

// over is which cells of a header stand over a column; taken are those of other columns.
func (f *File) over(c *Column, header []string, taken map[int]bool) (places []int, mapped bool) {
	if want, ok := f.options.Map[c.Name]; ok {
		for i, cell := range header {
			if plain(cell) == plain(want) {
				places = append(places, i)
			}
		}
		return places, true
	}
	for i, cell := range header {
		if !taken[i] && c.known(cell) {
			places = append(places, i)
		}
	}
	return places, false
}

// known reports whether a word stands over the column.
func (c *Column) known(word string) bool {
	if len(word) > 200 || word == "" {
		return false
	}
	word = plain(word)
	if word == "" {
		return false
	}
	return word == plain(c.Name) || slices.ContainsFunc(c.Headers, func(header string) bool { return word == plain(header) })
}

var aside = regexp.MustCompile(`[(\[【<](必填项?|选填项?|必选|可选|required|optional)[)\]】>]`)

// plain is a header without what people write in different ways: case, width, blanks, signs.
func plain(header string) string {
	header = aside.ReplaceAllString(strings.ToLower(lists.Narrow(header)), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, header)
}

// numbered is the place that a mapping means by a number, from 0.
func numbered(want string) (int, bool) {
	want, _ = strings.CutPrefix(strings.ToLower(strings.TrimSpace(want)), "column ")
	n, err := strconv.Atoi(strings.TrimSpace(want))
	return n - 1, err == nil && n > 0 && n <= 16384
}

// place settles where each column is, and whether the first record is a header.
func (f *File) place(list []sample) error {
	first := list[0]
	if first.wrong != nil {
		return f.fault(first.line, "", first.wrong)
	}
	f.places = slices.Repeat([]int{-1}, len(f.options.Columns))
	f.found = map[string]string{}
	f.wasFile, f.wasLine = -1, -1
	header := slices.Clone(first.cells)
	for i := range header {
		header[i] = lists.Trim(shown(header[i]))
	}
	files, lines := 0, 0
	for i, cell := range header {
		switch plain(cell) {
		case plain(CellsColumn):
			f.told = append(f.told, i)
		case plain(FileColumn):
			f.wasFile, files = i, files+1
		case plain(LineColumn):
			f.wasLine, lines = i, lines+1
		}
	}
	if files != lines || files > 1 {
		return f.fault(first.line, "", &wrong{"has not one column " + FileColumn + " and one " + LineColumn + "; a row that was exported is known by both: keep both, or remove both",
			FileColumn + " 与 " + LineColumn + " 两列须同时存在且各一列；导出的行靠这两列识别，请都保留或都删除"})
	}
	taken := map[int]bool{}
	heads := false
	var order []int // mapped columns choose first
	for i, c := range f.options.Columns {
		if _, ok := f.options.Map[c.Name]; ok {
			order = append(order, i)
		}
	}
	for i, c := range f.options.Columns {
		if _, ok := f.options.Map[c.Name]; !ok {
			order = append(order, i)
		}
	}
	var numbers []int
	for _, i := range order {
		c := &f.options.Columns[i]
		places, mapped := f.over(c, header, taken)
		switch {
		case len(places) > 1:
			return f.fault(first.line, "", &wrong{fmt.Sprintf("has several headers for %s: columns %d and %d; remove one, or name it by --map %s=NUMBER", c.Name, places[0]+1, places[1]+1, c.Name),
				fmt.Sprintf("有多个表头对应 %s：第 %d 列与第 %d 列；请删除其一，或用 --map %s=列号 指定", c.Name, places[0]+1, places[1]+1, c.Name)})
		case len(places) == 1:
			heads = true
			f.places[i] = places[0]
			taken[places[0]] = true
		case mapped:
			n, ok := numbered(f.options.Map[c.Name])
			if !ok {
				return f.missing(c, first.line, header, true)
			}
			if n >= len(header) {
				return f.fault(first.line, "", &wrong{fmt.Sprintf("has no column %d for %s", n+1, c.Name), fmt.Sprintf("没有第 %d 列（%s）", n+1, c.Name)})
			}
			if taken[n] {
				return f.fault(0, "", &wrong{fmt.Sprintf("column %d is given to two columns", n+1), fmt.Sprintf("第 %d 列被指定给了两列", n+1)})
			}
			f.places[i] = n
			taken[n] = true
			numbers = append(numbers, i)
		}
	}
	if !heads && len(numbers) > 0 {
		var err error
		if heads, err = f.numberedHead(numbers, first, header); err != nil {
			return err
		}
	} else if !heads {
		if !f.headless(header) {
			for i := range f.options.Columns {
				if c := &f.options.Columns[i]; c.Required || len(f.options.Columns) == 1 {
					return f.missing(c, first.line, header, false)
				}
			}
			return f.missing(nil, first.line, header, false)
		}
	}
	if heads {
		f.header, f.headerLine = header, first.line
	}
	f.width = len(header)
	for i, place := range f.places {
		c := &f.options.Columns[i]
		switch {
		case place >= 0 && heads && header[place] != "":
			f.found[c.Name] = header[place]
		case place >= 0:
			f.found[c.Name] = fmt.Sprintf("column %d", place+1)
		case c.Required:
			return f.missing(c, first.line, header, false)
		}
	}
	return nil
}

// numberedHead reports whether the first record is a header, in a file whose columns are named by number.
func (f *File) numberedHead(numbers []int, first sample, header []string) (bool, error) {
	doubt := false
	for _, i := range numbers {
		c := &f.options.Columns[i]
		cell := header[f.places[i]]
		if c.known(cell) {
			return true, nil
		}
		if cell == "" && !c.Required {
			continue
		}
		head := lists.Heading(cell)
		if c.Kind != Text && (head || c.Kind != ID) {
			if _, wrong := c.Kind.clean(cell); head && wrong != nil || c.Kind == ID && head {
				return true, nil
			}
		}
		doubt = doubt || head
	}
	if doubt {
		c := &f.options.Columns[numbers[0]]
		return false, f.fault(first.line, "", &wrong{"may be a header or a row; put a line with " + c.Name + " over the column", "可能是表头也可能是数据；请在该列上方加一行表头 " + c.Name})
	}
	return false, nil
}

// headless finds the columns of a file that has no header: its first record fits them.
func (f *File) headless(cells []string) bool {
	var required []int
	for i, c := range f.options.Columns {
		if c.Required {
			required = append(required, i)
		}
	}
	if len(required) == 0 && len(f.options.Columns) == 1 {
		required = []int{0}
	}
	if len(required) == 1 {
		place := only(cells, func(cell string) bool { return f.fits(required[0], cell) })
		if place < 0 { // a value that is refused later, by its line
			place = only(cells, func(cell string) bool { return cell != "" && !lists.Heading(cell) })
		}
		f.places[required[0]] = place
		return place >= 0
	}
	if len(required) == 0 || len(cells) != len(required) {
		return false
	}
	for i, column := range required {
		if !f.fits(column, cells[i]) {
			return false
		}
	}
	for i, column := range required {
		f.places[column] = i
	}
	return true
}

// only is the place of the one cell that is such; -1: there is none, or more than one.
func only(cells []string, such func(string) bool) int {
	place := slices.IndexFunc(cells, such)
	if place >= 0 && slices.ContainsFunc(cells[place+1:], such) {
		return -1
	}
	return place
}

// fits reports whether a cell is a value of a column rather than a word over it.
func (f *File) fits(column int, cell string) bool {
	if cell == "" || lists.Heading(cell) {
		return false
	}
	value, wrong := f.options.Columns[column].Kind.clean(cell)
	return wrong == nil && value != ""
}

// missing says that a column is not there, and which are. Cells that may be those of a row are not told.
func (f *File) missing(c *Column, line int, header []string, mapped bool) error {
	if len(header) > 30 {
		header = header[:30]
	}
	tell := true
	for _, cell := range header {
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, utf8.RuneError) {
			return f.fault(line, "", wrongBytes)
		}
		tell = tell && telling(cell)
	}
	if c == nil {
		return f.fault(line, "", &wrong{"is no header that is known; write one", "不是可识别的表头；请补上表头"})
	}
	known, name := append([]string{c.Name}, c.Headers...), c.Name
	if len(known) > 6 {
		known = known[:6]
	}
	english, zh := "has no column for "+name+", such as "+strings.Join(known, ", "), "缺少列 "+name+"，表头可写作 "+strings.Join(known, "、")
	if mapped {
		english, zh = "has no header that --map names for "+name, "没有 --map 为 "+name+" 指定的表头"
	}
	if tell {
		english += "; its headers are: " + strings.Join(header, ", ")
		zh += "；现有表头：" + strings.Join(header, "、")
	} else {
		english += "; its first line may be a row, so write a line with headers over it"
		zh += "；首行可能是数据，请在其上方补一行表头"
	}
	return f.fault(line, "", &wrong{english, zh})
}

// telling reports whether a cell of a header may be told: a word, and nothing of a person.
func telling(cell string) bool {
	digits := 0
	for _, r := range cell {
		if unicode.IsDigit(r) {
			digits++
		}
		if unicode.IsControl(r) || r == utf8.RuneError || r == '@' {
			return false
		}
	}
	return digits == 0 && utf8.RuneCountInString(cell) <= 30
}
