// Package pasted looks at values that people paste into configurations and environments, for what came along
// with them.
package pasted

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stray says what is in a value that a file, a shell or a clipboard has put there; empty if nothing is.
func Stray(v string) string {
	if reason := Around(v); reason != "" {
		return reason
	}
	for _, r := range v {
		if name := invisible(r); name != "" {
			return "holds " + name
		}
		if r > '~' {
			return "holds a character that is not ASCII"
		}
	}
	return ""
}

// Around says what stands at either end of a value without belonging to it.
func Around(v string) string {
	if v == "" {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(v)
	last, _ := utf8.DecodeLastRuneInString(v)
	switch {
	case invisible(first) != "":
		return "starts with " + invisible(first)
	case last == '\r' || strings.HasSuffix(v, "\r\n"):
		return "ends in a carriage return; was the file written on Windows?"
	case invisible(last) != "":
		return "ends in " + invisible(last)
	case len(v) > 1 && first == last && (first == '"' || first == '\''):
		return "stands in quotes; leave them out"
	}
	return ""
}

// invisible names a character that cannot be seen; empty for all others.
func invisible(r rune) string {
	switch {
	case r == '\ufeff':
		return "a byte order mark"
	case r == '\r':
		return "a carriage return"
	case r == '\n':
		return "a line break"
	case unicode.IsSpace(r):
		return "a blank"
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Cf, r):
		return "an invisible character"
	}
	return ""
}
