// Package lists reads lists of people, one entry a line, as spreadsheets, databases and editors write them.
// What has only one reading is cleaned; everything else is refused. The words of a refusal say what is wrong
// and never what the line holds.
package lists

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// A Fault is a line that is refused.
type Fault struct {
	Line   int // counted from 1, blank lines too
	Reason string
}

func (f *Fault) Error() string { return fmt.Sprintf("line %d %s", f.Line, f.Reason) }

const blockSize = 64 << 10

// ErrLong says that a line is far longer than any entry.
var ErrLong = errors.New("line is too long")

// Blocks reads text in blocks of whole lines. A block is good until the next; the last line may lack its
// line feed. A line of more than 32 KiB ends the text: its beginning comes with [ErrLong]. An error of r
// comes last, without a block.
func Blocks(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf, kept := make([]byte, blockSize), 0 // kept bytes are a line that has not ended yet
		for idle := 0; ; {
			n, err := r.Read(buf[kept:])
			if idle++; n > 0 {
				idle = 0
			} else if err == nil && idle == 100 {
				err = io.ErrNoProgress
			}
			block := buf[:kept+n]
			end := bytes.LastIndexByte(block[kept:], '\n') + 1
			if end > 0 {
				end += kept
			}
			if errors.Is(err, io.EOF) {
				end = len(block)
			} else if err != nil {
				yield(nil, err)
				return
			}
			if end > 0 && !yield(block[:end], nil) || err != nil {
				return
			}
			if kept = copy(buf, block[end:]); kept > blockSize/2 {
				yield(wholeChars(buf[:kept]), ErrLong)
				return
			}
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

// Numbers reads one number a line, cleaned as [Number] does it. Blank lines are left out. A line that is
// refused is a [*Fault], and the end, as is an error of r.
func Numbers(r io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		line, first := 0, true
		for block, err := range Blocks(r) {
			if err != nil && !errors.Is(err, ErrLong) {
				yield("", err)
				return
			}
			for text := range bytes.Lines(block) {
				line++
				number, fault := Number(string(bytes.TrimSuffix(text, []byte("\n"))), first)
				if err != nil && (fault == "" || fault == isEmpty) {
					fault = tooLong
				}
				if fault == isEmpty {
					continue
				}
				if fault != "" {
					yield("", &Fault{line, fault})
					return
				}
				if first = false; !yield(number, nil) {
					return
				}
			}
		}
	}
}
