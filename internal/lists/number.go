package lists

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNumber = 128 // bytes; more than any number of a person has, less than a key can encrypt

const (
	isEmpty  = "is empty"
	tooLong  = "has more than 128 bytes"
	carriage = "holds a carriage return (line ends of CR alone?); end lines with LF or CRLF"
)

// Number returns a number as it is meant: letters, digits and signs of ASCII, at least one digit among them
// as a rule. first marks the first entry of a list, which may be a header row. Blanks and invisible characters
// at the ends, a byte order mark among them, and double quotes round the whole are dropped, full-width
// digits become digits. What may be read in two ways or was damaged before is a fault instead.
func Number(text string, first bool) (number, fault string) {
	if !first && plain(text) {
		return text, ""
	}
	if fault := encoding(text, first); fault != "" {
		return "", fault
	}
	text = strings.TrimFunc(text, blank)
	if strings.IndexByte(text, '\r') >= 0 {
		return "", carriage
	}
	inner := text
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		inner = strings.TrimFunc(text[1:len(text)-1], blank)
	}
	if inner == "" {
		return "", isEmpty
	}
	number = strings.Map(narrow, inner)
	if !first && plain(number) {
		return number, ""
	}
	if fault := spreadsheet(number); fault != "" {
		return "", fault
	}
	digits := strings.ContainsFunc(number, digit)
	if first && (!digits || strings.ContainsFunc(number, word) || heading.MatchString(number)) {
		return "", "seems to be a header row; remove it"
	}
	switch fault := foreign(number); {
	case fault != "":
		return "", fault
	case len(number) > maxNumber:
		return "", tooLong
	case !digits && len(number) > 1: // a total, an end mark, a header once more; one letter alone may be anything
		return "", "holds no digit"
	}
	return number, ""
}

// plain reports whether text is a number of letters and digits that needs no second look.
func plain(text string) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c|0x20 < 'a', c|0x20 > 'z', c|0x20 == 'x': // x may stand for a digit that is hidden
			return false
		}
	}
	return digits > 0 && len(text) <= maxNumber
}

// encoding is what is wrong with the bytes of a line, whatever they mean.
func encoding(line string, first bool) string {
	switch {
	case first && strings.HasPrefix(line, "PK\x03\x04"):
		return "is a zip archive, not text"
	case first && strings.HasPrefix(line, "\xd0\xcf\x11\xe0"):
		return "is a spreadsheet (.xls), not text"
	case first && (strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff")):
		return "is not UTF-8 (UTF-16?); save the file as UTF-8"
	case strings.IndexByte(line, 0) >= 0:
		return "holds NUL bytes (UTF-16?); save the file as UTF-8"
	case !utf8.ValidString(line):
		return "is not UTF-8 (GBK?); save the file as UTF-8"
	}
	return ""
}

var (
	scientific = regexp.MustCompile(`^[0-9]+([.][0-9]*)?[eE][+-][0-9]+$|^[0-9]+[.][0-9]+[eE][0-9]+$`)
	hidden     = regexp.MustCompile(`^[0-9]+([xX]{3,}|[.]{3,}|[?]{3,}|_{3,}|~{3,})[0-9]*$`)
	heading    = regexp.MustCompile(`(?i)^((bank|card|account|acct|user|customer|phone|mobile|number|no|num|id|` +
		`agreement|protocol|contract|column|field|debit|credit|openid|code)s?[_. :-]?)+[0-9]{1,2}$`)
	decimal = regexp.MustCompile(`^[0-9]+[.]0*$`)
)

// spreadsheet is what a spreadsheet made of a number.
func spreadsheet(text string) string {
	bare := strings.TrimLeft(text, `"`)
	switch {
	case bare == "": // quotes alone
		return "holds a double quote"
	case strings.IndexByte("=+-@", bare[0]) >= 0:
		return "is a formula of a spreadsheet; export the values as text"
	case strings.ContainsAny(text, columns+wideColumns):
		return "has more than one column"
	case strings.IndexByte(text, '"') >= 0:
		return "holds a double quote"
	case strings.IndexByte(text, '\'') >= 0:
		return "holds an apostrophe, which spreadsheets put before text; remove it"
	case scientific.MatchString(text):
		return "is in scientific notation, so digits of it are lost; export the column as text"
	case decimal.MatchString(text):
		return "has a decimal point, so digits of it may be lost; export the column as text"
	case strings.ContainsAny(text, "*#"), hidden.MatchString(text):
		return "is masked"
	case strings.ContainsAny(text, "`()[]{}<>\\"):
		return "holds brackets, backticks or backslashes, as code does; export the values alone"
	}
	return ""
}

// narrow turns full-width digits into digits.
func narrow(r rune) rune {
	if wideDigit(r) {
		return r - '０' + '0'
	}
	return r
}

// foreign is a character that no number holds.
func foreign(text string) string {
	for _, r := range text {
		switch {
		case r == ' ':
			return "holds spaces"
		case unicode.IsControl(r):
			return fmt.Sprintf("holds a control character (U+%04X)", r)
		case blank(r):
			return fmt.Sprintf("holds an invisible character (U+%04X)", r)
		case r > unicode.MaxASCII:
			return fmt.Sprintf("holds a character that is not ASCII (U+%04X)", r)
		}
	}
	return ""
}

func wideDigit(r rune) bool { return '０' <= r && r <= '９' }

func digit(r rune) bool { return '0' <= r && r <= '9' }

// word reports letters of scripts in which headers are written and numbers are not.
func word(r rune) bool { return r > unicode.MaxASCII && unicode.IsLetter(r) }

// blank reports whether r leaves nothing to see: spaces of every width, line ends, and the marks that set
// the direction of text, join it or tell its byte order.
func blank(r rune) bool {
	return unicode.IsSpace(r) || Invisible(r)
}

// Invisible reports whether nobody sees r, nor that something is there: marks, fillers, and the empty pattern
// of Braille.
func Invisible(r rune) bool {
	return r == '\u2800' || unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
