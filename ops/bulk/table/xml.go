package table

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

var (
	errXML  = errors.New("table: XML is damaged")
	errSize = errors.New("table: XML holds a text or tag that is too long")
)

type token int8

const (
	tokenText token = iota
	tokenOpen
	tokenClose
)

// An xmlReader reads the XML of a workbook token by token: several times faster than encoding/xml, and in constant
// memory. What it returns is good until the next token.
type xmlReader struct {
	r       *bufio.Reader
	name    []byte // of a tag, without a prefix
	attrs   []byte // of an opening tag
	text    []byte // raw
	cdata   bool   // text is as it is
	closing bool   // a tag that was opened closes itself
	depth   int
	long    []byte
	tag     []byte
}

func newXMLReader(r io.Reader) *xmlReader { return &xmlReader{r: bufio.NewReaderSize(r, 64<<10)} }

// until reads up to a byte, with it, into one piece.
func (x *xmlReader) until(end byte, kept []byte) ([]byte, error) {
	piece, err := x.r.ReadSlice(end)
	if err == nil && len(kept) == 0 {
		return piece, nil
	}
	for {
		kept = append(kept, piece...)
		if len(kept) > maxRecord {
			return kept, errSize
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return kept, err
		}
		piece, err = x.r.ReadSlice(end)
	}
}

// next is the next token; io.EOF behind the last, if all tags were closed.
func (x *xmlReader) next() (token, error) {
	if x.closing {
		x.closing = false
		x.depth--
		return tokenClose, nil
	}
	for {
		x.cdata = false
		text, err := x.until('<', x.long[:0])
		if errors.Is(err, io.EOF) {
			if len(bytes.TrimSpace(text)) > 0 || x.depth != 0 {
				return 0, errXML
			}
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		if len(text) > 1 {
			x.text = text[:len(text)-1]
			return tokenText, x.r.UnreadByte()
		}
		tag, err := x.until('>', x.tag[:0])
		if errors.Is(err, io.EOF) {
			return 0, errXML
		}
		if err != nil {
			return 0, err
		}
		switch tag[0] {
		case '?':
			for !bytes.HasSuffix(tag, []byte("?>")) {
				if tag, err = x.more(tag); err != nil {
					return 0, err
				}
			}
			continue
		case '!':
			switch {
			case bytes.HasPrefix(tag, []byte("!--")):
				for len(tag) < 6 || !bytes.HasSuffix(tag, []byte("-->")) {
					if tag, err = x.more(tag); err != nil {
						return 0, err
					}
				}
				continue
			case bytes.HasPrefix(tag, []byte("![CDATA[")):
				for !bytes.HasSuffix(tag, []byte("]]>")) {
					if tag, err = x.more(tag); err != nil {
						return 0, err
					}
				}
				x.text, x.cdata = tag[8:len(tag)-3], true
				return tokenText, nil
			}
			return 0, errXML // a document type, which may define entities
		case '/':
			x.name = local(bytes.TrimSpace(tag[1 : len(tag)-1]))
			x.depth--
			if x.depth < 0 {
				return 0, errXML
			}
			return tokenClose, nil
		}
		for quotes := bytes.Count(tag, []byte(`"`)); quotes%2 == 1; { // ">" within a value
			known := len(tag)
			if tag, err = x.more(tag); err != nil {
				return 0, err
			}
			quotes += bytes.Count(tag[known:], []byte(`"`))
		}
		tag = tag[:len(tag)-1]
		if len(tag) > 0 && tag[len(tag)-1] == '/' {
			x.closing = true
			tag = tag[:len(tag)-1]
		}
		x.depth++
		end := bytes.IndexAny(tag, " \t\r\n")
		if end < 0 {
			end = len(tag)
		}
		x.name, x.attrs = local(tag[:end]), tag[end:]
		return tokenOpen, nil
	}
}

// more reads on to the next end of a tag. A tag that it returned before is not copied once more: it may have a million
// ends within a value.
func (x *xmlReader) more(tag []byte) ([]byte, error) {
	if kept := x.tag[:cap(x.tag)]; len(kept) == 0 || &kept[0] != &tag[0] {
		tag = append(x.tag[:0], tag...)
	}
	tag, err := x.until('>', tag)
	x.tag = tag[:0]
	if errors.Is(err, io.EOF) {
		return nil, errXML
	}
	return tag, err
}

func local(name []byte) []byte {
	if _, after, ok := bytes.Cut(name, []byte{':'}); ok {
		return after
	}
	return name
}

// attr is the raw value of an attribute, by its name without a prefix; nil: there is none.
func (x *xmlReader) attr(name string) []byte {
	rest := x.attrs
	for {
		i := bytes.IndexByte(rest, '=')
		if i < 0 {
			return nil
		}
		key := local(bytes.TrimSpace(rest[:i]))
		rest = bytes.TrimLeft(rest[i+1:], " \t\r\n")
		if len(rest) == 0 {
			return nil
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil
		}
		if string(key) == name {
			return rest[1 : end+1]
		}
		rest = rest[end+2:]
	}
}

// unescaped appends raw text with its entities resolved, and with _x000D_ as spreadsheets write control characters.
func unescaped(to, raw []byte) ([]byte, error) {
	for {
		i := bytes.IndexAny(raw, "&\r_")
		if i < 0 {
			return append(to, raw...), nil
		}
		to = append(to, raw[:i]...)
		switch raw = raw[i:]; raw[0] {
		case '\r':
			if to = append(to, '\n'); len(raw) > 1 && raw[1] == '\n' {
				raw = raw[1:]
			}
			raw = raw[1:]
			continue
		case '_':
			if len(raw) >= 7 && raw[1] == 'x' && raw[6] == '_' {
				if n, err := strconv.ParseUint(string(raw[2:6]), 16, 16); err == nil {
					to = utf8.AppendRune(to, rune(n))
					raw = raw[7:]
					continue
				}
			}
			to, raw = append(to, '_'), raw[1:]
			continue
		}
		end := bytes.IndexByte(raw, ';')
		if end < 0 || end > 12 {
			return nil, errXML
		}
		name := string(raw[1:end])
		raw = raw[end+1:]
		switch name {
		case "amp":
			to = append(to, '&')
		case "lt":
			to = append(to, '<')
		case "gt":
			to = append(to, '>')
		case "quot":
			to = append(to, '"')
		case "apos":
			to = append(to, '\'')
		default:
			if len(name) < 2 || name[0] != '#' {
				return nil, errXML
			}
			base, number := 10, name[1:]
			if number[0] == 'x' {
				base, number = 16, number[1:]
			}
			n, err := strconv.ParseUint(number, base, 21)
			if err != nil {
				return nil, errXML
			}
			to = utf8.AppendRune(to, rune(n))
		}
	}
}

// words appends the text of the token to a text.
func (x *xmlReader) words(to []byte) ([]byte, error) {
	if len(to)+len(x.text) > maxRecord {
		return nil, errSize
	}
	if x.cdata {
		return append(to, x.text...), nil
	}
	return unescaped(to, x.text)
}
