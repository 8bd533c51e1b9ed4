package lists

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minAccount = 2   // characters
	maxAccount = 100 // characters
)

// Accounts counts the lines of a list that is sent as it is, so that nothing can be cleaned. An account has 2
// to 100 characters of any script; blanks may stand within it.
type Accounts struct {
	CSV bool // one column, so what separates columns is no part of an account
	N   int  // lines found good
}

// Check checks the next whole lines. It returns a [*Fault] for the first that is refused.
func (a *Accounts) Check(block []byte) error {
	odd := false // something in the block needs a second look at all of it
	for _, sign := range []byte(columns + `"`) {
		odd = odd || a.CSV && bytes.IndexByte(block, sign) >= 0
	}
	for len(block) > 0 {
		line, next := cut(block)
		if a.N == 0 || odd || !plainAccount(line) || a.CSV && line[0] == '=' {
			if reason := account(string(line), a.N == 0, a.CSV); reason != "" {
				return &Fault{a.N + 1, reason}
			}
		}
		a.N++
		block = block[next:]
	}
	return nil
}

// cut returns the first line of block without its end, which is LF, CRLF or the end of the text, and where
// the next line begins.
func cut(block []byte) (line []byte, next int) {
	size := bytes.IndexByte(block, '\n')
	if next = size + 1; size < 0 {
		size, next = len(block), len(block)
	}
	if size > 0 && block[size-1] == '\r' {
		size--
	}
	return block[:size], next
}

// plainAccount reports whether line is an account at first glance: 8 to 100 bytes of ASCII without controls,
// no blank at an end. Eight bytes are looked at together; the last eight may overlap those before.
func plainAccount(line []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	n := len(line)
	if n < 8 || n > maxAccount || line[0] == ' ' || line[n-1] == ' ' {
		return false
	}
	odd := uint64(0)
	look := func(at int) {
		x := binary.LittleEndian.Uint64(line[at:])
		del := x ^ ones*0x7f
		odd |= x | (x - ones*0x20) | (del - ones) // a high bit: beyond ASCII, below a blank, DEL
	}
	for i := 0; i+8 <= n; i += 8 {
		look(i)
	}
	look(n - 8)
	return odd&highs == 0
}

// What separates columns, as typed and as Chinese keyboards type it.
const (
	columns     = ",;|\t"
	wideColumns = "，；、｜"
)

// account is what is wrong with a line.
func account(line string, first, csv bool) string {
	if first && strings.HasPrefix(line, "\ufeff") {
		return "starts with a byte order mark; save the file as UTF-8 without one"
	}
	if fault := encoding(line, first); fault != "" {
		return fault
	}
	bare, n := strings.TrimFunc(line, blank), utf8.RuneCountInString(line)
	switch {
	case strings.IndexByte(line, '\r') >= 0:
		return carriage
	case csv && strings.ContainsAny(line, columns+wideColumns):
		return "has more than one column"
	case csv && strings.HasPrefix(bare, "="):
		return "is a formula of a spreadsheet; export the values as text"
	case csv && strings.IndexByte(line, '"') >= 0:
		return "holds a double quote"
	case bare == "":
		return "is blank"
	case n > maxAccount:
		return "has more than 100 characters"
	case len(bare) < len(line) && strings.Trim(line, " ") == bare:
		return "begins or ends with a space"
	}
	for _, r := range line {
		switch {
		case r == ' ':
		case r == '\t':
			return "holds a tab (columns?)"
		case unicode.IsControl(r):
			return fmt.Sprintf("holds a control character (U+%04X)", r)
		case blank(r):
			return fmt.Sprintf("holds an invisible character (U+%04X)", r)
		case wideDigit(r):
			return "holds full-width digits"
		}
	}
	if n < minAccount {
		return "has fewer than 2 characters"
	}
	return ""
}
