package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Encodings by the names that [File.Encoding] shows and [Options] takes.
const (
	encodingUTF8    = "UTF-8"
	encodingGB18030 = "GB18030"
	encodingUTF16LE = "UTF-16LE"
	encodingUTF16BE = "UTF-16BE"
	encodingXLSX    = "XLSX"
)

const utf16Either = "UTF-16" // in the order that the file shows

// encodingNamed is the encoding that somebody means.
func encodingNamed(name string) (string, bool) {
	switch strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name)) {
	case "":
		return "", true
	case "utf8", "utf8bom", "utf8sig", "ascii":
		return encodingUTF8, true
	case "gb18030", "gbk", "gb2312", "cp936", "936", "ansi":
		return encodingGB18030, true
	case "utf16le":
		return encodingUTF16LE, true
	case "utf16be":
		return encodingUTF16BE, true
	case "utf16", "unicode":
		return utf16Either, true
	case "xlsx", "xlsm":
		return encodingXLSX, true
	}
	return "", false
}

// foreignFile is what a file is that is no text, by its first bytes.
func foreignFile(head []byte) *wrong {
	text := bytes.ToLower(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"))
	has := func(starts ...string) bool {
		for _, s := range starts {
			if bytes.HasPrefix(text, []byte(s)) {
				return true
			}
		}
		return false
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return &wrong{"is an old spreadsheet (.xls) or a workbook with a password; save it as .xlsx or CSV without one", "是旧版 .xls 或加密的工作簿；请另存为不加密的 .xlsx 或 CSV"}
	case bytes.HasPrefix(head, []byte("%PDF")):
		return &wrong{"is a PDF; export it as .xlsx or CSV", "是 PDF；请导出为 .xlsx 或 CSV"}
	case bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("Rar!")), bytes.HasPrefix(head, []byte("7z\xbc\xaf")), bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte("\xfd7zXZ")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return &wrong{"is compressed; unpack it first", "是压缩文件；请先解压"}
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return &wrong{"is UTF-32; save it as UTF-8", "是 UTF-32 编码；请另存为 UTF-8"}
	case has("<html", "<!doctype", "<table", "<?xml"):
		return &wrong{"is a web page or XML, whatever its name says; save it as .xlsx or CSV", "实为网页或 XML；请另存为 .xlsx 或 CSV"}
	}
	return nil
}

// A seen is what a pass over all bytes of a file shows.
type seen struct {
	size         int64
	even, odd    int64 // NUL bytes by place
	lf, cr       int64
	utf8         bool
	head         []byte
	carried      [utf8.UTFMax]byte
	carriedBytes int
}

func (s *seen) Write(p []byte) (int, error) {
	if s.size == 0 {
		s.utf8 = true
	}
	if missing := 512 - len(s.head); missing > 0 {
		s.head = append(s.head, p[:min(missing, len(p))]...)
	}
	if bytes.IndexByte(p, 0) >= 0 {
		for i, c := range p {
			if c == 0 && (s.size+int64(i))%2 == 0 {
				s.even++
			} else if c == 0 {
				s.odd++
			}
		}
	}
	s.lf += int64(bytes.Count(p, []byte("\n")))
	if s.lf == 0 {
		s.cr += int64(bytes.Count(p, []byte("\r")))
	}
	s.size += int64(len(p))
	s.valid(p)
	return len(p), nil
}

// valid goes on looking whether all is UTF-8; a character may be cut between two blocks.
func (s *seen) valid(p []byte) {
	if !s.utf8 {
		return
	}
	for s.carriedBytes > 0 && len(p) > 0 {
		s.carried[s.carriedBytes] = p[0]
		s.carriedBytes, p = s.carriedBytes+1, p[1:]
		if utf8.FullRune(s.carried[:s.carriedBytes]) {
			s.utf8 = utf8.Valid(s.carried[:s.carriedBytes])
			s.carriedBytes = 0
		}
	}
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if c := p[len(p)-back]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-back:]) {
				s.carriedBytes = copy(s.carried[:], p[len(p)-back:])
				p = p[:len(p)-back]
			}
			break
		}
	}
	s.utf8 = s.utf8 && utf8.Valid(p)
}

// encoding is that of the whole file. A byte that no longer fits is never passed over: the file is refused with the
// line where it stands.
func (s *seen) encoding(open func() (io.ReadCloser, error)) (string, int, *wrong, error) {
	wide := s.even + s.odd
	switch {
	case bytes.HasPrefix(s.head, []byte("\xff\xfe")):
		return encodingUTF16LE, 0, nil, nil
	case bytes.HasPrefix(s.head, []byte("\xfe\xff")):
		return encodingUTF16BE, 0, nil, nil
	case wide*8 >= s.size && s.odd > 8*s.even && s.size%2 == 0 && s.size > 0:
		return encodingUTF16LE, 0, nil, nil
	case wide*8 >= s.size && s.even > 8*s.odd && s.size%2 == 0 && s.size > 0:
		return encodingUTF16BE, 0, nil, nil
	case s.utf8 && s.carriedBytes == 0:
		return encodingUTF8, 0, nil, nil
	}
	r, err := open()
	if err != nil {
		return "", 0, nil, err
	}
	defer r.Close()
	good, bad, neither, err := surely(r)
	switch {
	case err != nil:
		return "", 0, nil, err
	case bytes.HasPrefix(s.head, []byte("\xef\xbb\xbf")):
		return "", bad, &wrong{"is not UTF-8, which the file begins as; save the whole file in one encoding", "不是 UTF-8，而文件开头标明为 UTF-8；请以同一编码保存整个文件"}, nil
	case good > 0:
		return "", bad, &wrong{fmt.Sprintf("is not UTF-8, and line %d is; save the whole file in one encoding", good), fmt.Sprintf("不是 UTF-8，而第 %d 行是；请以同一编码保存整个文件", good)}, nil
	case neither > 0:
		return "", neither, &wrong{"is neither UTF-8 nor GB18030; save the file as UTF-8", "既不是 UTF-8 也不是 GB18030；请另存为 UTF-8"}, nil
	}
	return encodingGB18030, 0, nil, nil
}

// surely finds the first lines that can only be UTF-8, that are not UTF-8, and that are neither that nor GB18030.
func surely(r io.Reader) (good, bad, neither int, err error) {
	lines := bufio.NewReaderSize(r, maxRecord)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, 0, 0, err
		}
		if high(line) {
			gb, common := gb18030(line)
			switch valid := utf8.Valid(line); {
			case valid && good == 0 && (!gb || !common) && three(line):
				good = n
			case !valid && bad == 0:
				bad = n
			}
			if neither == 0 && !gb && bad == n {
				neither = n
			} else if neither == 0 && !gb && !utf8.Valid(line) {
				neither = n
			}
		}
		if errors.Is(err, io.EOF) {
			return good, bad, neither, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			n--
		}
	}
}

func high(line []byte) bool {
	for _, c := range line {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// three reports whether a line of UTF-8 holds a character of three bytes, as Chinese has.
func three(line []byte) bool {
	for _, c := range line {
		if c >= 0xe0 {
			return true
		}
	}
	return false
}

// gb18030 reports whether a line may be GB18030, and whether all its characters are such as GB2312 has. UTF-8 that is
// read as GB18030 gives others.
func gb18030(line []byte) (valid, common bool) {
	common = true
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c < utf8.RuneSelf {
			continue
		}
		if c == 0x80 || c == 0xff || i+1 == len(line) {
			return false, false
		}
		next := line[i+1]
		switch {
		case '0' <= next && next <= '9':
			if i+3 >= len(line) || line[i+2] < 0x81 || line[i+2] == 0xff || line[i+3] < '0' || line[i+3] > '9' {
				return false, false
			}
			common = false
			i += 3
		case next < 0x40 || next == 0x7f || next == 0xff:
			return false, false
		default:
			common = common && c >= 0xa1 && c <= 0xf7 && next >= 0xa1
			i++
		}
	}
	return true, common
}

// A wideReader turns UTF-16 into UTF-8. What is no character becomes U+FFFD.
type wideReader struct {
	r      io.Reader
	big    bool
	raw    [8 << 10]byte
	kept   int // bytes of raw
	first  uint16
	out    []byte
	unread []byte
	err    error
}

func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.unread) == 0 {
		if w.err != nil {
			return 0, w.err
		}
		n, err := w.r.Read(w.raw[w.kept:])
		w.kept, w.err, w.out = w.kept+n, err, w.out[:0]
		i := 0
		for ; i+1 < w.kept; i += 2 {
			unit := uint16(w.raw[i]) | uint16(w.raw[i+1])<<8
			if w.big {
				unit = unit>>8 | unit<<8
			}
			w.put(unit)
		}
		w.kept = copy(w.raw[:], w.raw[i:w.kept])
		if err != nil && (w.kept > 0 || w.first != 0) {
			w.out, w.kept, w.first = utf8.AppendRune(w.out, utf8.RuneError), 0, 0
		}
		w.unread = w.out
	}
	n := copy(p, w.unread)
	w.unread = w.unread[n:]
	return n, nil
}

func (w *wideReader) put(unit uint16) {
	if w.first != 0 {
		r := utf16.DecodeRune(rune(w.first), rune(unit))
		w.first = 0
		w.out = utf8.AppendRune(w.out, r)
		if r != utf8.RuneError {
			return
		}
	}
	switch {
	case unit >= 0xd800 && unit < 0xdc00:
		w.first = unit
	default:
		w.out = utf8.AppendRune(w.out, rune(unit)) // a surrogate alone becomes U+FFFD
	}
}
