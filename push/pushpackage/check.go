package pushpackage

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
)

// Limits of a list. That an MB is a million bytes, that characters are counted and not bytes, and the size
// after unzipping are our reading; TPNS does not say.
const (
	MaxFileSize     = 100_000_000 // bytes as uploaded
	MaxUnpackedSize = 2 << 30     // bytes of the list in a zip
	MaxRatio        = 200         // of unpacked to packed size

	maxName    = 100 // characters
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
// What is not documented is decided so. The file is sent as it is, so nothing can be cleaned:
//
//   - CRLF ends a line as LF does, and the last line may lack it. Whether TPNS drops the CR is not
//     documented. Line ends of CR alone are refused.
//   - Blank lines are refused: they are shorter than 2 characters.
//   - A byte order mark is refused: it may be taken for a part of the first account.
//   - Control characters, tabs among them, and characters that nobody sees, such as zero-width spaces, are
//     refused, and so are blanks at the ends of a line and full-width digits: the account was bound without
//     them. NUL is a sign of UTF-16, bytes that are not UTF-8 are one of GBK.
//   - In .csv what separates columns, a comma, semicolon, tab or bar, and double quotes are refused, since no
//     rule for quoting is known; .txt may hold them, but for the tab. A header row cannot be told from an
//     account.
//   - Duplicates and the number of lines are not looked at. Tokens, of 36 characters, pass as accounts.
//   - Endings are compared without regard to case.
//
// In a zip these are refused as well: encryption, archives in the archive, names that are absolute or
// hold .. or a backslash, methods other than store and deflate, and what unpacks to more than
// [MaxRatio] times its size or to more than [MaxUnpackedSize]. Names may be in GBK, where the second byte of a
// character may look like a backslash. What stands before the archive, such as an unpacking program, or
// behind it is not looked at.
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
	archive, err := listed(r, size)
	if errors.Is(err, zip.ErrFormat) {
		archive, err = listed(padded{r, size}, size+maxComment)
	}
	if err != nil {
		return damaged(err)
	}
	entry, err := onlyEntry(archive.File)
	if err != nil {
		return err
	}
	packed := min(entry.CompressedSize64, uint64(size))
	switch {
	case entry.UncompressedSize64 > MaxUnpackedSize:
		return bad("unpacks to more than %d bytes", int64(MaxUnpackedSize))
	case entry.UncompressedSize64/MaxRatio > packed:
		return bad("unpacks to more than %d times its size", MaxRatio)
	}
	list, err := unpack(entry)
	if err != nil {
		return damaged(err)
	}
	return damaged(checkLines(ctx, list, extension(entry.Name) == ".csv"))
}

// listed reads what an archive lists, and no more of it than the list of one file takes.
func listed(r io.ReaderAt, size int64) (*zip.Reader, error) {
	listing := &metered{r: r, left: maxListing}
	archive, err := zip.NewReader(listing, size)
	if errors.Is(err, zip.ErrInsecurePath) { // onlyEntry says which
		err = nil
	}
	listing.left = -1
	return archive, err
}

const maxComment = 1<<16 - 1

// padded is a file with NUL behind its end. It lets package zip overlook a comment that is cut off there, as
// other tools do.
type padded struct {
	io.ReaderAt
	size int64
}

func (f padded) ReadAt(p []byte, off int64) (n int, err error) {
	if off < f.size {
		n, err = f.ReaderAt.ReadAt(p[:min(int64(len(p)), f.size-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
	}
	clear(p[n:])
	return len(p), nil
}

// unpack returns the content of an entry. Like other tools, and unlike [zip.File.Open], it goes by what the
// archive lists and not by what is said once more behind the content.
func unpack(entry *zip.File) (io.Reader, error) {
	raw, err := entry.OpenRaw()
	if err != nil || entry.Method == zip.Store {
		return &unpacked{r: raw, sum: crc32.NewIEEE(), entry: entry}, err
	}
	return &unpacked{r: flate.NewReader(bufio.NewReaderSize(raw, blockSize)), sum: crc32.NewIEEE(), entry: entry}, nil
}

// unpacked compares size and checksum.
type unpacked struct {
	r     io.Reader
	n     uint64
	sum   hash.Hash32
	entry *zip.File
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += uint64(n)
	_, _ = u.sum.Write(p[:n])
	switch {
	case u.n > u.entry.UncompressedSize64, errors.Is(err, io.EOF) && u.n < u.entry.UncompressedSize64:
		return n, zip.ErrFormat
	case errors.Is(err, io.EOF) && u.sum.Sum32() != u.entry.CRC32:
		return n, zip.ErrChecksum
	}
	return n, err
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
	case backslash(e):
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

// backslash reports whether a name holds a backslash. In GBK, Big5 and Shift JIS, which archivers of Windows
// write, the second byte of a character may look like one. A name that is UTF-8, said or not, is read as that.
func backslash(e *zip.File) bool {
	const utf8Names = 1 << 11
	if e.Flags&utf8Names != 0 || utf8.ValidString(e.Name) {
		return strings.Contains(e.Name, `\`)
	}
	for i := 0; i < len(e.Name); i++ {
		switch c := e.Name[i]; {
		case c == '\\':
			return true
		case c > 0x80: // a lead byte; what it leads is no backslash
			i++
		}
	}
	return false
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
	accounts := lists.Accounts{CSV: csv}
	for block, err := range lists.Blocks(r) {
		if ctx.Err() != nil {
			return oneline.Ended(ctx)
		}
		if err != nil && !errors.Is(err, lists.ErrLong) {
			return err
		}
		if fault := accounts.Check(block); fault != nil { // a line far too long is one of them
			return bad("%v", fault)
		}
	}
	if accounts.N == 0 {
		return bad("is an empty list")
	}
	return nil
}
