package table

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/media"
)

// Options say how a file is read. The zero value of each but Columns means: find out.
type Options struct {
	Columns  []Column
	Map      map[string]string // name of a column to the header that stands over it, or to its number in the file, from 1
	Encoding string            // UTF-8, GB18030, UTF-16LE, UTF-16BE
	Sheet    string            // of a workbook; empty: the first
}

// A File is a file of rows that can be read again and again. Between readings it is closed.
type File struct {
	given, path string
	options     Options
	encoding    string
	sep         byte
	size        int64
	sum         [sha256.Size]byte

	header           []string
	headerLine       int // line of the last record that is no row; 0: all are rows
	width            int // cells that a row may have; 0: any number
	places           []int
	told             []int // places of CellsColumn
	wasFile, wasLine int   // places of FileColumn and LineColumn; -1: nowhere
	found            map[string]string
}

// Open looks through a whole file once: for its encoding, what separates its cells, and where the columns are. What
// keeps it from being read as rows is a [*Fault].
func Open(path string, o Options) (*File, error) {
	f := &File{given: path, options: o}
	var err error
	if f.path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if wrong := unrepeatable(path, f.path); wrong != nil {
		return nil, f.fault(0, "", wrong)
	}
	s, err := f.look()
	if err != nil {
		return nil, err
	}
	if err := f.encodingOf(s); err != nil {
		return nil, err
	}
	if err := f.columns(); err != nil {
		return nil, err
	}
	return f, nil
}

// unrepeatable is why a file cannot be read twice.
func unrepeatable(given, path string) *wrong {
	stream := &wrong{"is a stream, which cannot be read twice; save it as a file first", "是数据流，无法重复读取；请先保存为文件"}
	if given == "-" || path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/") {
		return stream
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &wrong{"does not exist", "不存在"}
	case errors.Is(err, fs.ErrPermission):
		return &wrong{"may not be read: permission denied", "没有读取权限"}
	case err != nil:
		return &wrong{"cannot be looked at", "无法访问"}
	case info.IsDir():
		return &wrong{"is a folder", "是文件夹"}
	case !info.Mode().IsRegular():
		return stream
	}
	return nil
}

// look passes over all bytes.
func (f *File) look() (*seen, error) {
	s := &seen{}
	h := sha256.New()
	if err := f.copy(context.Background(), io.MultiWriter(s, h)); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, f.fault(0, "", &wrong{"may not be read: permission denied", "没有读取权限"})
		}
		return nil, err
	}
	h.Sum(f.sum[:0])
	f.size = s.size
	return s, nil
}

func (f *File) copy(ctx context.Context, w io.Writer) error {
	r, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// encodingOf settles how the bytes are read.
func (f *File) encodingOf(s *seen) error {
	refuse := func(line int, w *wrong) error { return f.fault(line, "", w) }
	named, ok := encodingNamed(f.options.Encoding)
	if !ok {
		return refuse(0, &wrong{"encoding is not known; there are UTF-8, GB18030, UTF-16LE, UTF-16BE", "未知编码；可用 UTF-8、GB18030、UTF-16LE、UTF-16BE"})
	}
	if len(bytes.Trim(s.head, " \t\r\n\xef\xbb\xbf")) == 0 && s.size <= int64(len(s.head)) {
		return refuse(0, &wrong{"is empty", "是空文件"})
	}
	if bytes.HasPrefix(s.head, []byte("PK\x03\x04")) {
		f.encoding = encodingXLSX
		if named != "" && named != encodingXLSX {
			return refuse(0, &wrong{"is a workbook, which has no encoding to choose", "是工作簿，无需指定编码"})
		}
		return nil
	}
	if wrong := foreignFile(s.head); wrong != nil {
		return refuse(0, wrong)
	}
	if f.options.Sheet != "" {
		return refuse(0, &wrong{"is no workbook, so it has no sheets", "不是工作簿，没有工作表"})
	}
	if named == encodingXLSX {
		return refuse(0, &wrong{"is no workbook (.xlsx)", "不是 .xlsx 工作簿"})
	}
	if s.lf == 0 && s.cr > 1 {
		return refuse(0, &wrong{"ends its lines with CR alone; save it with LF or CRLF", "仅以 CR 换行；请改用 LF 或 CRLF 换行后保存"})
	}
	switch named {
	case utf16Either:
		f.encoding = encodingUTF16LE
		if bytes.HasPrefix(s.head, []byte("\xfe\xff")) || s.even > s.odd {
			f.encoding = encodingUTF16BE
		}
		return nil
	case "":
	default:
		f.encoding = named
		return nil
	}
	encoding, line, wrong, err := s.encoding(func() (io.ReadCloser, error) { return os.Open(f.path) })
	if err != nil {
		return err
	}
	if wrong != nil {
		return refuse(line, wrong)
	}
	f.encoding = encoding
	return nil
}

// Name is the absolute path.
func (f *File) Name() string { return f.path }

// Encoding is that of the text, or XLSX. [Options] take it.
func (f *File) Encoding() string { return f.encoding }

// Header is what stands over the columns; nil if the file begins with a row.
func (f *File) Header() []string { return slices.Clone(f.header) }

// Found says where each column was found: by its header, or as "column 2". Columns that the file lacks are missing.
func (f *File) Found() map[string]string { return maps.Clone(f.found) }

// Digest is that of the bytes as they are now, and of how they are read.
func (f *File) Digest(ctx context.Context) (string, error) {
	h := sha256.New()
	if err := f.copy(ctx, h); err != nil {
		return "", err
	}
	bytes := h.Sum(nil)
	h.Reset()
	fmt.Fprintf(h, "%x %q %q %d %v %q", bytes, f.encoding, f.sep, f.headerLine, f.places, f.options.Sheet)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Rows are the rows, cleaned. A [*Fault] is what is wrong with one of them; the rows behind it follow. Any other error
// ends them, such as that the file is no longer what it was: [media.ErrChanged].
func (f *File) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := f.records(ctx, func(line int, cells []string, wrong *wrong) bool {
			if wrong != nil {
				return yield(Row{Line: line}, f.fault(line, "", wrong))
			}
			if blank(cells) {
				return true
			}
			clean, column, wrong := f.clean(cells)
			if wrong != nil {
				return yield(Row{Line: line}, f.fault(line, column, wrong))
			}
			row := Row{Line: line, Cells: clean}
			if row.WasFile, row.WasLine, wrong = f.was(cells); wrong != nil {
				return yield(Row{Line: line}, f.fault(line, LineColumn, wrong))
			}
			return yield(row, nil)
		})
		if err != nil {
			yield(Row{}, err)
		}
	}
}

// A Record is a line as it stands in the file.
type Record struct {
	Line  int
	Cells []string // as text, in the order of the file
}

// Records are the lines behind the header as they are, without blank ones.
func (f *File) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := f.records(ctx, func(line int, cells []string, wrong *wrong) bool {
			if wrong != nil {
				return yield(Record{Line: line}, f.fault(line, "", wrong))
			}
			if blank(cells) {
				return true
			}
			cells = slices.Clone(cells)
			for i := range cells {
				cells[i] = shown(cells[i])
			}
			return yield(Record{line, cells}, nil)
		})
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// was is which row of another file a row was, if it says so. One that says so in words that cannot be read is not taken for
// a new row.
func (f *File) was(cells []string) (file string, line int, _ *wrong) {
	cell := func(place int) string {
		if place < 0 || place >= len(cells) {
			return ""
		}
		return lists.Trim(shown(cells[place]))
	}
	file, text := cell(f.wasFile), cell(f.wasLine)
	if file == "" && text == "" {
		return "", 0, nil
	}
	whole, part, _ := strings.Cut(lists.Narrow(text), ".") // spreadsheets make 2.0 of it
	line, err := strconv.Atoi(whole)
	if file == "" || err != nil || line <= 0 || !digits(whole) || strings.Trim(part, "0") != "" {
		return "", 0, wrongWas
	}
	return file, line, nil
}

// clean makes a row of cells.
func (f *File) clean(cells []string) (clean []string, column string, _ *wrong) {
	if f.width > 0 && len(cells) > f.width && !blank(cells[f.width:]) {
		return nil, "", wrongMore
	}
	for _, place := range f.told {
		if place < len(cells) {
			switch plain(cells[place]) {
			case CellsMasked:
				return nil, "", wrongMasked
			case CellsLost:
				return nil, "", wrongLost
			}
		}
	}
	clean = make([]string, len(f.places))
	for i, place := range f.places {
		if place < 0 {
			continue
		}
		c, wrong := &f.options.Columns[i], (*wrong)(nil)
		if place < len(cells) {
			// A header that is there once more; words with a digit, nearly all that are no headers, need no look.
			if clean[i], wrong = c.Kind.clean(cells[place]); wrong == nil && c.Kind == ID && !strings.ContainsAny(clean[i], "0123456789") && c.known(clean[i]) {
				wrong = wrongTwice
			}
		}
		if wrong == nil && clean[i] == "" && c.Required {
			wrong = wrongEmpty
		}
		if wrong != nil {
			return nil, f.found[c.Name], wrong
		}
	}
	return clean, "", nil
}

// blank reports whether no cell shows anything.
func blank(cells []string) bool {
	for _, c := range cells {
		if c != "" && (c[0] > ' ' && c[0] < 0x7f || lists.Trim(c) != "") {
			return false
		}
	}
	return true
}

func (f *File) fault(line int, column string, w *wrong) *Fault {
	return &Fault{File: f.given, Line: line, Column: column, Reason: w.english, Chinese: w.chinese}
}

// records walks over all records behind the header. Cells are good until the next.
func (f *File) records(ctx context.Context, yield func(line int, cells []string, wrong *wrong) bool) error {
	return f.all(ctx, f.sep, func(line int, cells []string, wrong *wrong) bool {
		return line <= f.headerLine || yield(line, cells, wrong)
	})
}

// all walks over all records, and at their end makes sure that the file is still the one that was opened.
func (f *File) all(ctx context.Context, sep byte, yield func(line int, cells []string, wrong *wrong) bool) error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("%w: %q cannot be opened any more", media.ErrChanged, f.given)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() != f.size {
		return fmt.Errorf("%w: %q", media.ErrChanged, f.given)
	}
	h := sha256.New()
	more := true
	step := func(line int, cells []string, wrong *wrong) bool {
		if err = ctx.Err(); err != nil {
			return false
		}
		for i, c := range cells {
			if c != "" && c[0] == '\'' {
				cells[i] = unguarded(c)
			}
		}
		more = yield(line, cells, wrong)
		return more
	}
	if f.encoding == encodingXLSX {
		if wrong := f.workbook(file, step); wrong != nil {
			if sumErr := f.copy(ctx, h); err == nil && sumErr == nil {
				err = f.unchanged(h)
			}
			return either(err, f.fault(0, "", wrong))
		}
		if more && err == nil {
			err = f.copy(ctx, h)
		}
	} else if readErr := f.text(io.TeeReader(file, h), sep, step); readErr != nil {
		return readErr
	}
	if err != nil || !more {
		return err
	}
	return f.unchanged(h)
}

func either(err error, fault *Fault) error {
	if err != nil {
		return err
	}
	return fault
}

func (f *File) unchanged(h hash.Hash) error {
	if [sha256.Size]byte(h.Sum(nil)) != f.sum {
		return fmt.Errorf("%w: %q", media.ErrChanged, f.given)
	}
	return nil
}

func (f *File) text(r io.Reader, sep byte, step func(line int, cells []string, wrong *wrong) bool) error {
	t := newTextReader(r, f.encoding, sep)
	for {
		line, text, quoted, wrong, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var cells []string
		if wrong == nil {
			cells = t.split(text, quoted)
		}
		if !step(line, cells, wrong) {
			return nil
		}
	}
}
