package pushpackage

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/media"
)

// Limits of a list. That an MB is a million bytes, that characters are counted and not bytes, and the size
// after unzipping are our reading; TPNS does not say.
const (
	MaxFileSize     = 100_000_000 // bytes as uploaded
	MaxUnpackedSize = 2 << 30     // bytes of the list in a zip
	MaxRatio        = 200         // of unpacked to packed size

	maxName    = 100 // characters
	minLine    = 2   // characters
	maxLine    = 100 // characters
	blockSize  = 64 << 10
	maxListing = 256 << 10 // bytes read to list a zip; one file takes a few hundred
)

// Check reads a list and reports the first rule of TPNS that it breaks, as a [ParamError] that names the
// number of the line and never its content. Nothing is sent. [Client.Upload] does the same. It takes
// constant memory.
//
// Documented rules: a name of 1 to 100 characters that ends in .txt, .csv or .zip; at most 100 MB; a zip
// holds exactly one .txt or .csv and no folder; UTF-8; one account of 2 to 100 characters a line; one
// column.
//
// What is not documented is decided so:
//
//   - CRLF ends a line as LF does, and the last line may lack it. Whether TPNS drops the CR is not
//     documented.
//   - Blank lines are refused: they are shorter than 2 characters.
//   - A byte order mark is refused: it may be taken for a part of the first account.
//   - NUL and a CR within a line are refused, as signs of another encoding.
//   - In .csv a comma or a double quote is refused, since no rule for quoting is known; .txt may hold both.
//     A header row cannot be told from an account.
//   - Duplicates and the number of lines are not looked at. Tokens, of 36 characters, pass as accounts.
//   - Endings are compared without regard to case.
//
// In a zip these are refused as well: encryption, archives in the archive, names that are absolute or
// hold .. or a backslash, methods other than store and deflate, and what unpacks to more than
// [MaxRatio] times its size or to more than [MaxUnpackedSize].
func Check(file *media.Source) error {
	if err := checkFrame(file); err != nil {
		return err
	}
	return checkContent(context.Background(), file)
}

func bad(format string, args ...any) error {
	return &ParamError{routeUpload, "file", fmt.Sprintf(format, args...)}
}

// checkFrame checks what can be seen without reading.
func checkFrame(file *media.Source) error {
	if file == nil {
		return bad("is missing")
	}
	ext := extension(file.Name())
	switch n := utf8.RuneCountInString(file.Name()); {
	case n < 1 || n > maxName:
		return &ParamError{routeUpload, "filename", fmt.Sprintf("has %d characters; 1 to %d are allowed", n, maxName)}
	case ext != ".txt" && ext != ".csv" && ext != ".zip":
		return &ParamError{routeUpload, "filename", "does not end in .txt, .csv or .zip"}
	case file.Size() > MaxFileSize:
		return bad("has %d bytes; at most %d are allowed", file.Size(), MaxFileSize)
	case file.Size() == 0:
		return bad("is empty")
	}
	return nil
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

func checkContent(ctx context.Context, file *media.Source) error {
	r, err := file.Open()
	if err != nil {
		return err
	}
	switch ext := extension(file.Name()); ext {
	case ".zip":
		err = checkZip(ctx, r, file.Size())
	default:
		err = checkLines(ctx, r, ext == ".csv")
	}
	if closed := r.Close(); closed != nil { // a file that changed explains whatever was wrong
		return closed
	}
	return err
}

// checkZip looks at what a zip lists before it unpacks any of it.
func checkZip(ctx context.Context, r io.ReaderAt, size int64) error {
	listing := &metered{r: r, left: maxListing}
	archive, err := zip.NewReader(listing, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return damaged(err)
	}
	listing.left = -1
	entry, err := onlyEntry(archive.File)
	if err != nil {
		return err
	}
	packed := min(entry.CompressedSize64, uint64(size))
	switch {
	case entry.UncompressedSize64 > MaxUnpackedSize:
		return bad("unpacks to more than %d bytes", MaxUnpackedSize)
	case entry.UncompressedSize64/MaxRatio > packed:
		return bad("unpacks to more than %d times its size", MaxRatio)
	}
	archive.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser {
		return flate.NewReader(bufio.NewReaderSize(r, blockSize))
	})
	list, err := entry.Open()
	if err != nil {
		return damaged(err)
	}
	defer list.Close()
	return damaged(checkLines(ctx, list, extension(entry.Name) == ".csv"))
}

// onlyEntry returns the one list that a zip may hold.
func onlyEntry(entries []*zip.File) (*zip.File, error) {
	for _, e := range entries {
		if strings.HasPrefix(e.Name, "__MACOSX/") {
			return nil, bad("holds __MACOSX/, which macOS adds; remove it with: zip -d FILE.zip '__MACOSX/*'")
		}
	}
	for _, e := range entries {
		if reason := badEntry(e); reason != "" {
			return nil, bad("%s", reason)
		}
	}
	if len(entries) != 1 {
		return nil, bad("holds %d files; exactly one .txt or .csv is allowed", len(entries))
	}
	return entries[0], nil
}

func badEntry(e *zip.File) string {
	const encrypted, strong, masked = 1 << 0, 1 << 6, 1 << 13
	switch ext := extension(e.Name); {
	case e.Flags&(encrypted|strong|masked) != 0:
		return "is encrypted"
	case strings.Contains(e.Name, `\`):
		return "holds a file with a backslash in its name"
	case strings.HasPrefix(e.Name, "/"), len(e.Name) > 1 && e.Name[1] == ':':
		return "holds a file with an absolute name"
	case e.Name == "..", strings.HasPrefix(e.Name, "../"), strings.Contains(e.Name, "/../"), strings.HasSuffix(e.Name, "/.."):
		return "holds a file whose name leads out of it (..)"
	case strings.Contains(e.Name, "/"):
		return "holds a folder; pack the file alone"
	case !e.Mode().IsRegular():
		return "holds something that is not a regular file"
	case slices.Contains([]string{".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".jar"}, ext):
		return "holds another archive"
	case ext != ".txt" && ext != ".csv":
		return "holds a file that does not end in .txt or .csv"
	case e.Method != zip.Store && e.Method != zip.Deflate:
		return "is packed with another method than deflate"
	}
	return ""
}

// damaged turns what package zip says of a bad archive into a refusal.
func damaged(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, errListing):
		return bad("lists too many files; exactly one .txt or .csv is allowed")
	case corrupt, errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrAlgorithm),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bad("is not a zip archive, or a damaged one")
	}
	return err
}

var errListing = errors.New("listing is too long")

// A metered reader stops a zip that would list its files without end.
type metered struct {
	r    io.ReaderAt
	left int64 // below 0: no limit
}

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if m.left >= 0 {
		if m.left -= int64(len(p)); m.left < 0 {
			m.left = 0
			return 0, errListing
		}
	}
	return m.r.ReadAt(p, off)
}

// checkLines reads a list block by block, each cut at the end of a line.
func checkLines(ctx context.Context, r io.Reader, csv bool) error {
	l := lines{csv: csv}
	buf, kept := make([]byte, blockSize), 0 // kept bytes are a line that has not ended yet
	for {
		if ctx.Err() != nil {
			return httpx.Ended(ctx)
		}
		n, err := r.Read(buf[kept:])
		block := buf[:kept+n]
		end := bytes.LastIndexByte(block, '\n') + 1
		if errors.Is(err, io.EOF) {
			end = len(block)
		} else if err != nil {
			return err
		}
		if err := l.check(block[:end]); err != nil {
			return err
		}
		if err != nil && l.n == 0 {
			return bad("is an empty list")
		}
		if err != nil {
			return nil
		}
		if kept = copy(buf, block[end:]); kept > blockSize/2 { // far longer than any line, whatever follows
			return l.fault(wholeChars(buf[:kept]))
		}
	}
}

// wholeChars drops a character that is cut at the end.
func wholeChars(b []byte) []byte {
	for cut := range utf8.UTFMax {
		if utf8.Valid(b[:len(b)-cut]) {
			return b[:len(b)-cut]
		}
	}
	return b
}

// lines counts the lines of a list as they are found good.
type lines struct {
	csv bool
	n   int64
}

// check checks whole lines. Mostly they are good, which sure sees at once.
func (l *lines) check(block []byte) error {
	if n, ok := l.sure(block); ok {
		l.n += n
		return nil
	}
	for len(block) > 0 {
		line, rest, _ := bytes.Cut(block, []byte("\n"))
		if err := l.fault(line); err != nil {
			return err
		}
		l.n++
		block = rest
	}
	return nil
}

// sure reports whether all lines of block are good at first glance: between 5 and 100 bytes of valid UTF-8,
// which are between 2 and 100 characters. The first block may start with what does not belong there.
func (l *lines) sure(block []byte) (n int64, ok bool) {
	if l.n == 0 || !utf8.Valid(block) || bytes.IndexByte(block, 0) >= 0 ||
		l.csv && (bytes.IndexByte(block, ',') >= 0 || bytes.IndexByte(block, '"') >= 0) {
		return 0, false
	}
	cr := bytes.Count(block, []byte("\r"))
	for len(block) > 0 {
		size := bytes.IndexByte(block, '\n')
		next := size + 1
		if size < 0 {
			size, next = len(block), len(block)
		}
		if size > 0 && block[size-1] == '\r' {
			size--
			cr--
		}
		if size <= utf8.UTFMax || size > maxLine {
			return 0, false
		}
		block = block[next:]
		n++
	}
	return n, cr == 0
}

// fault returns what is wrong with the next line.
func (l *lines) fault(line []byte) error {
	first := l.n == 0
	line = bytes.TrimSuffix(line, []byte("\r"))
	chars := utf8.RuneCount(line)
	reason := ""
	switch {
	case first && bytes.HasPrefix(line, []byte("PK\x03\x04")):
		reason = "is a zip archive, not text"
	case first && bytes.HasPrefix(line, []byte("\ufeff")):
		reason = "starts with a byte order mark; save the file as UTF-8 without one"
	case !utf8.Valid(line):
		reason = "is not UTF-8"
	case bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0:
		reason = "holds NUL or a carriage return"
	case l.csv && bytes.IndexByte(line, ',') >= 0:
		reason = "has more than one column"
	case l.csv && bytes.IndexByte(line, '"') >= 0:
		reason = "holds a double quote"
	case chars == 0:
		reason = "is blank"
	case chars < minLine:
		reason = "has fewer than 2 characters"
	case chars > maxLine:
		reason = "has more than 100 characters"
	default:
		return nil
	}
	return bad("line %d %s", l.n+1, reason)
}
