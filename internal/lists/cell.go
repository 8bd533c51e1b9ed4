package lists

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trim drops what leaves nothing to see at the ends of text.
func Trim(text string) string {
	if len(text) > 0 {
		first, last := text[0], text[len(text)-1]
		if first > ' ' && first < utf8.RuneSelf && last > ' ' && last < utf8.RuneSelf {
			return text
		}
	}
	return strings.TrimFunc(text, blank)
}

// Narrow turns full-width letters, digits and signs into those of ASCII, and wide blanks into blanks.
func Narrow(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '！' <= r && r <= '～':
			return r - '！' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	}, text)
}

// Heading reports whether text is a word over a column rather than a number below it.
func Heading(text string) bool {
	text = strings.Trim(Trim(text), `"`)
	return !strings.ContainsFunc(Narrow(text), digit) || strings.ContainsFunc(text, word) || heading.MatchString(Narrow(text))
}

// ID returns what names something, such as an openid or an order: letters, digits and signs of ASCII. What
// [Number] takes it returns alike. It takes more, since whoever names things is free to: no digit, "|" and "*",
// full-width letters, and the apostrophe that spreadsheets put before text.
func ID(text string) (id, fault string) {
	if plain(text) {
		return text, ""
	}
	if id, fault = bare(text); fault != "" {
		return "", fault
	}
	signs := strings.ReplaceAll(id, "|", "_")
	if !strings.Contains(id, "**") && strings.ContainsFunc(id, letter) {
		signs = strings.ReplaceAll(signs, "*", "_") // a number that is masked has no letter
	}
	if fault := spreadsheet(signs); fault != "" {
		return "", fault
	}
	if fault := foreign(id); fault != "" {
		return "", fault
	}
	if len(id) > maxNumber {
		return "", tooLong
	}
	return id, ""
}

// Phone returns a mobile number of the mainland: 11 digits that begin with 1. +86, 0086 or 86 before it are
// dropped, and blanks, invisible characters, dashes, an apostrophe before it, and what is left where numbers
// went through a float: 13800138000.0. A number of another country has + before the code of that country, as in
// +852 9123 4567, and is returned with it; +1 before what could be a number of the mainland is refused.
func Phone(text string) (phone, fault string) {
	if mobile(text) {
		return text, ""
	}
	text, fault = bare(text)
	if fault != "" {
		return "", fault
	}
	digits, odd := make([]byte, 0, 16), false
	var last rune // that is seen
	for _, r := range text {
		switch {
		case blank(r):
			continue
		case digit(r):
			digits = append(digits, byte(r))
		case dash(r) && (digit(last) || last == ')'):
		default:
			odd = true
		}
		last = r
	}
	first, _ := utf8.DecodeRuneInString(text)
	hanging := dash(first) || dash(last)
	if number := national(string(digits)); mobile(number) && !hanging && (!odd || usual(text, number)) {
		return number, ""
	}
	if mobile(text[:min(11, len(text))]) && text != text[:11] && strings.Trim(text[11:], "0") == "." && len(text) > 12 {
		return text[:11], ""
	}
	if number, ok := abroad(text); ok && !hanging {
		return number, ""
	}
	if !odd && !hanging {
		return "", fmt.Sprintf("has %d digits; a mobile number of the mainland has 11 and begins with 1, another number begins with + and its country", len(digits))
	}
	if strings.HasPrefix(text, "+") && !bracketed(text) {
		return "", "has brackets that begin with 0, which nobody dials from abroad, or do not pair; write + and digits alone"
	}
	if strings.HasPrefix(text, "+") {
		return "", "is no phone number with the code of a country, or one that could be of the mainland as well"
	}
	if fault := spreadsheet(text); fault != "" {
		return "", fault
	}
	for _, r := range text {
		if r > unicode.MaxASCII && !blank(r) && !dash(r) {
			return "", fmt.Sprintf("holds a character that is not ASCII (U+%04X)", r)
		}
		if unicode.IsControl(r) && !blank(r) {
			return "", fmt.Sprintf("holds a control character (U+%04X)", r)
		}
	}
	return "", "is no mobile number of the mainland"
}

// bare is text without what was put round it.
func bare(text string) (string, string) {
	if fault := encoding(text, false); fault != "" {
		return "", fault
	}
	if text = Trim(text); strings.IndexByte(text, '\r') >= 0 {
		return "", carriage
	}
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		text = Trim(text[1 : len(text)-1])
	}
	text = Trim(Narrow(text))
	if rest, ok := strings.CutPrefix(text, "'"); ok && rest != "" {
		text = Trim(rest)
	}
	if text == "" {
		return "", isEmpty
	}
	return text, ""
}

// mobile reports whether text is a mobile number of the mainland, and nothing else.
func mobile(text string) bool {
	if len(text) != 11 || text[0] != '1' {
		return false
	}
	for i := range len(text) {
		if !digit(rune(text[i])) {
			return false
		}
	}
	return true
}

// national drops the code of the country.
func national(digits string) string {
	if len(digits) > 11 {
		digits = strings.TrimPrefix(digits, "00")
		digits = strings.TrimPrefix(digits, "86")
	}
	return digits
}

// abroad returns a number of another country without what stands between its digits.
func abroad(text string) (number string, ok bool) {
	rest, ok := strings.CutPrefix(text, "+")
	rest = strings.Map(func(r rune) rune {
		if blank(r) || dash(r) || r == '(' || r == ')' {
			return -1
		}
		return r
	}, rest)
	switch {
	case !ok, !bracketed(text), len(rest) < 7, len(rest) > 15, strings.ContainsFunc(rest, func(r rune) bool { return !digit(r) }):
		return "", false
	case rest[0] == '0', strings.HasPrefix(rest, "86"):
		return "", false
	case rest[0] == '1' && (len(rest) != 11 || rest[1] > '2'):
		return "", false
	}
	return "+" + rest, true
}

// bracketed reports whether brackets pair, none within others, and none begin with the 0 that is dialled only within a
// country, as in +44 (0)20 7946 0018.
func bracketed(text string) bool {
	open, first := false, false // first: a digit would be the first behind the bracket
	for _, r := range text {
		switch {
		case r == '(' && open, r == ')' && (!open || first), r == '0' && first:
			return false
		case r == '(':
			open, first = true, true
		case r == ')':
			open = false
		case digit(r):
			first = false
		}
	}
	return !open
}

// usual reports whether text is a number as people write it, with signs that are no dashes.
func usual(text, number string) bool {
	text = strings.Map(func(r rune) rune {
		if blank(r) || dash(r) {
			return -1
		}
		return r
	}, text)
	for _, code := range []string{"(+86)", "(0086)", "(86)", "+86", "0086", "86"} {
		if rest, ok := strings.CutPrefix(text, code); ok {
			text = rest
			break
		}
	}
	return text == number || text == number[:3]+"."+number[3:7]+"."+number[7:]
}

func letter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

func dash(r rune) bool { return r == '-' || '\u2010' <= r && r <= '\u2015' || r == '\u2212' }
