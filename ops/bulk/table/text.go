package table

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const maxRecord = 1 << 20 // bytes of a record

// A textReader reads records of text. What separates cells is ASCII, which no character of UTF-8 holds, nor, but for
// the bar, one of GB18030; so lines are found first and turned into UTF-8 one by one.
type textReader struct {
	r          io.Reader
	buf        []byte
	start, end int
	line       int // of the next record
	sep        byte
	gb         *encoding.Decoder // nil: UTF-8
	decoded    []byte
	cells      []string
	eof        bool
	begun      bool
}

func newTextReader(r io.Reader, encoding string, sep byte) *textReader {
	t := &textReader{r: r, buf: make([]byte, 64<<10), line: 1, sep: sep}
	switch encoding {
	case encodingUTF16LE, encodingUTF16BE:
		t.r = &wideReader{r: r, big: encoding == encodingUTF16BE}
	case encodingGB18030:
		t.gb = simplifiedchinese.GB18030.NewDecoder()
	}
	return t
}

// fill reads on. It returns false at the end, and if a record has no room.
func (t *textReader) fill() (bool, error) {
	if t.eof {
		return false, nil
	}
	if t.start > 0 {
		t.end = copy(t.buf, t.buf[t.start:t.end])
		t.start = 0
	}
	if t.end == len(t.buf) {
		if t.end >= maxRecord {
			return false, nil
		}
		t.buf = append(t.buf, make([]byte, len(t.buf))...)
	}
	for range 100 {
		n, err := t.r.Read(t.buf[t.end:])
		t.end += n
		if errors.Is(err, io.EOF) {
			t.eof = true
			return n > 0, nil
		}
		if err != nil {
			return false, err
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, io.ErrNoProgress
}

// size is how many bytes follow start up to the line feed behind from, with it; 0: nothing is left. Without a line
// feed it is what there is: the last line, or one that has no room.
func (t *textReader) size(from int) (int, bool, error) {
	for {
		if i := bytes.IndexByte(t.buf[t.start+from:t.end], '\n'); i >= 0 {
			return from + i + 1, true, nil
		}
		from = t.end - t.start
		if more, err := t.fill(); err != nil || !more {
			return t.end - t.start, t.eof, err
		}
	}
}

// next is the next record: the line it begins in and its text, with what is wrong with it. It ends with io.EOF.
func (t *textReader) next() (line int, text string, quoted bool, wrong *wrong, err error) {
	size, whole, err := t.size(0)
	if err != nil {
		return 0, "", false, nil, err
	}
	line = t.line
	if size == 0 {
		return line, "", false, nil, io.EOF
	}
	if !t.begun {
		t.begun = true
		for _, mark := range []string{"\ufeff", "\x84\x31\x95\x33"} {
			if bytes.HasPrefix(t.buf[t.start:t.start+size], []byte(mark)) {
				t.start, size = t.start+len(mark), size-len(mark)
				break
			}
		}
	}
	raw := t.buf[t.start : t.start+size]
	lines := 1
	first := size
	if bytes.IndexByte(raw, '"') >= 0 {
		quoted = true
		q := quotes{sep: t.sep, gb: t.gb != nil}
		at := 0
		for {
			at, wrong = q.scan(raw, at)
			if wrong != nil || !q.open() {
				break
			}
			if t.end-t.start >= maxRecord {
				wrong = wrongUnclosed
				break
			}
			size, whole, err = t.size(size)
			if err != nil {
				return 0, "", false, nil, err
			}
			if len(raw) == size {
				wrong = wrongUnclosed
				break
			}
			raw = t.buf[t.start : t.start+size]
			lines++
		}
		if wrong != nil { // what stands behind it is read as if its first line were all of it
			t.start, t.line = t.start+first, line+1
			return line, "", false, wrong, nil
		}
	}
	if !whole {
		return line, "", false, wrongLong, t.skip()
	}
	text, wrong = t.decode(raw)
	t.start, t.line = t.start+size, line+lines
	if wrong == nil && strings.IndexByte(text, 0) >= 0 {
		wrong = wrongNUL
	}
	if wrong == nil && !quoted && strings.IndexByte(text, '\r') >= 0 {
		wrong = wrongReturn
	}
	return line, text, quoted, wrong, nil
}

// skip goes behind a line that is too long.
func (t *textReader) skip() error {
	for {
		if i := bytes.IndexByte(t.buf[t.start:t.end], '\n'); i >= 0 {
			t.start += i + 1
			t.line++
			return nil
		}
		t.start = t.end
		if more, err := t.fill(); err != nil || !more {
			return err
		}
	}
}

// decode is a record as a string, without its line end.
func (t *textReader) decode(raw []byte) (string, *wrong) {
	raw = bytes.TrimSuffix(raw, []byte("\n"))
	raw = bytes.TrimRight(raw, "\r")
	if t.gb == nil || !high(raw) {
		return string(raw), nil
	}
	if valid, _ := gb18030(raw); !valid {
		return "", wrongBytes
	}
	if need := 3*len(raw) + utf8.UTFMax; len(t.decoded) < need {
		t.decoded = make([]byte, need)
	}
	n, _, err := t.gb.Transform(t.decoded, raw, true)
	if err != nil {
		return "", wrongBytes
	}
	return string(t.decoded[:n]), nil
}

// split cuts a record into cells, which are good until the next one.
func (t *textReader) split(text string, quoted bool) []string {
	t.cells = t.cells[:0]
	for !quoted {
		i := -1
		if t.sep != 0 {
			i = strings.IndexByte(text, t.sep)
		}
		if i < 0 {
			t.cells = append(t.cells, text)
			return t.cells
		}
		t.cells, text = append(t.cells, text[:i]), text[i+1:]
	}
	for {
		cell, rest, more := cut(text, t.sep)
		t.cells = append(t.cells, cell)
		if !more {
			return t.cells
		}
		text = rest
	}
}

// cut is the first cell of a record whose quotes are good, and what follows.
func cut(text string, sep byte) (cell, rest string, more bool) {
	bare := strings.TrimLeftFunc(text, func(r rune) bool { return r == ' ' || r == '\t' && sep != '\t' })
	if !strings.HasPrefix(bare, `"`) {
		if i := strings.IndexByte(text, sep); sep != 0 && i >= 0 {
			return text[:i], text[i+1:], true
		}
		return text, "", false
	}
	bare = bare[1:]
	doubled := false
	for i := 0; i < len(bare); i++ {
		if bare[i] != '"' {
			continue
		}
		if i+1 < len(bare) && bare[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		cell, rest = bare[:i], bare[i+1:]
		break
	}
	if doubled {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	if i := strings.IndexByte(rest, sep); sep != 0 && i >= 0 {
		return cell, rest[i+1:], true
	}
	return cell, "", false
}

// quotes walks through a record byte by byte, over several lines if a quoted cell has them.
type quotes struct {
	sep   byte
	gb    bool
	state int8
}

const (
	atStart int8 = iota // of a cell
	inPlain
	inQuotes
	behind // a closing quote, or the first of two
)

func (q *quotes) open() bool { return q.state == inQuotes }

func (q *quotes) scan(raw []byte, at int) (int, *wrong) {
	for ; at < len(raw); at++ {
		c := raw[at]
		if q.gb && c >= 0x81 && at+1 < len(raw) && raw[at+1] != '\n' { // two bytes, or half of four
			switch q.state {
			case atStart:
				q.state = inPlain
			case behind:
				return at, wrongBehind
			}
			at++
			continue
		}
		switch q.state {
		case inQuotes:
			if c == '"' {
				q.state = behind
			}
		case inPlain:
			if c == q.sep && c != 0 {
				q.state = atStart
			}
		case atStart:
			switch {
			case c == q.sep && c != 0, c == ' ', c == '\t':
			case c == '"':
				q.state = inQuotes
			default:
				q.state = inPlain
			}
		case behind:
			switch {
			case c == '"':
				q.state = inQuotes
			case c == q.sep && c != 0:
				q.state = atStart
			case c == ' ', c == '\t', c == '\r', c == '\n':
			default:
				return at, wrongBehind
			}
		}
	}
	return at, nil
}
