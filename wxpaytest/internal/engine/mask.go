package engine

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// mask shortens a sensitive value to what may be shown: 138****0000. Of a short one that would leave nothing
// to hide.
func mask(plain string) string {
	all := []rune(plain)
	if len(all) < 11 {
		return strings.Repeat("*", len(all))
	}
	return string(all[:3]) + "****" + string(all[len(all)-4:])
}

// maskPhones masks the phone numbers that stand in a text in the open, however they are spaced or escaped.
func maskPhones(text string) string { return HidePhones(text, "****") }

// HidePhones puts a text in the place of the middle of each phone number.
func HidePhones(text, with string) string {
	var hidden []span
	var run digits
	for at := 0; at < len(text); {
		r, size := rune(text[at]), 1
		if r >= utf8.RuneSelf || r == '\\' || r == '%' || r == '&' {
			r, size = unescaped(text[at:])
		}
		switch d := digit(r); {
		case d >= 0:
			run.add(byte(d), span{at, at + size})
		case !spaces(r), run.apart == mostApart:
			if len(run.all) > 0 {
				hidden = append(hidden, run.phones()...)
			}
			run.begin(r == '+')
		case len(run.all) > 0:
			run.apart++
		default:
			run.plus = run.plus || r == '+'
		}
		at += size
	}
	hidden = append(hidden, run.phones()...)
	for _, s := range slices.Backward(hidden) {
		text = text[:s.from] + with + text[s.to:]
	}
	return text
}

// mostApart is how many spaces and the like may stand between two digits of one number.
const mostApart = 3

// A span is a place in a text.
type span struct{ from, to int }

// digits are those that follow each other in a text, with no more than spaces, dashes and the like between them.
type digits struct {
	all   []byte // 0 to 9
	at    []span
	gap   []bool // something stands before it
	apart int    // how much stands after the last
	plus  bool   // a plus stands before the first
}

// begin begins with no digits.
func (d *digits) begin(plus bool) {
	*d = digits{all: d.all[:0], at: d.at[:0], gap: d.gap[:0], plus: plus}
}

func (d *digits) add(one byte, at span) {
	d.all, d.at, d.gap, d.apart = append(d.all, one), append(d.at, at), append(d.gap, d.apart > 0), 0
}

// begins reports whether a number may begin at a digit: no other stands right before it.
func (d *digits) begins(i int) bool { return i == 0 || d.gap[i] }

// phones are the middles of the phone numbers: those of the mainland, with and without its code, and any other
// that begins with a plus.
func (d *digits) phones() (middles []span) {
	const length = 11
	is := func(i int, a, b byte) bool { return i >= 0 && d.all[i] == a && d.all[i+1] == b }
	for i := 0; i+length <= len(d.all); i++ {
		starts := d.begins(i) || is(i-2, 8, 6) && (d.begins(i-2) || is(i-4, 0, 0) && d.begins(i-4))
		if !starts || d.all[i] != 1 || d.all[i+1] < 3 || i+length < len(d.all) && !d.gap[i+length] {
			continue
		}
		middles = append(middles, span{d.at[i+3].from, d.at[i+6].to})
		i += length - 1
	}
	if n := len(d.all); middles == nil && d.plus && 9 <= n && n <= 15 {
		middles = append(middles, span{d.at[3].from, d.at[n-5].to})
	}
	return middles
}

// digit is the value of a digit, or -1.
func digit(r rune) int {
	switch {
	case '0' <= r && r <= '9':
		return int(r - '0')
	case '０' <= r && r <= '９':
		return int(r - '０')
	}
	return -1
}

// spaces reports whether people write a character between the digits of one number.
func spaces(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r == '\t' || '(' <= r && r <= '.' && r != ',' && r != '*' || r == '_'
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '·'
}

// unescaped is the first character of a text and how much of the text it takes, also where it is written as an
// escape of JSON, of an address or of HTML.
func unescaped(text string) (r rune, size int) {
	if n := backslashes(text); n > 0 {
		if rest := text[n:]; strings.HasPrefix(rest, "u") && len(rest) >= 5 {
			if code, err := strconv.ParseUint(rest[1:5], 16, 32); err == nil {
				return rune(code), n + 5
			}
		}
	}
	switch text[0] {
	case '%':
		if r, size = percent(text); size > 0 {
			return r, size
		}
	case '&':
		if end := strings.IndexByte(text[:min(len(text), 12)], ';'); end > 2 && text[1] == '#' {
			number, base := text[2:end], 10
			if number[0] == 'x' || number[0] == 'X' {
				number, base = number[1:], 16
			}
			if code, err := strconv.ParseUint(number, base, 32); err == nil {
				return rune(code), end + 1
			}
		}
	}
	return utf8.DecodeRuneInString(text)
}

// backslashes is how much of a text are the backslashes that it begins with: any number of them, as in JSON within
// JSON, also where they are escaped as in an address.
func backslashes(text string) (size int) {
	for size < len(text) {
		if text[size] == '\\' {
			size++
			continue
		}
		r, n := rune(0), 0
		if text[size] == '%' {
			r, n = percent(text[size:])
		}
		if r != '\\' {
			break
		}
		size += n
	}
	return size
}

// percent reads a character that is escaped as in an address, perhaps more than once; size 0: there is none.
func percent(text string) (r rune, size int) {
	var raw []byte
	for len(raw) < utf8.UTFMax && size < len(text) && text[size] == '%' {
		n := size + 1
		for strings.HasPrefix(text[n:], "25") {
			n += 2
		}
		if n+2 > len(text) {
			break
		}
		b, err := strconv.ParseUint(text[n:n+2], 16, 8)
		if err != nil {
			break
		}
		raw, size = append(raw, byte(b)), n+2
		if utf8.FullRune(raw) {
			break
		}
	}
	r, _ = utf8.DecodeRune(raw)
	return r, size
}

// sealedNames are the members that the documents encrypt, in either direction.
func sealedNames(c *api.Catalog) map[string]bool {
	found, seen := map[string]bool{}, map[*api.Schema]bool{}
	var look func(name string, s *api.Schema)
	look = func(name string, s *api.Schema) {
		if s == nil {
			return
		}
		if s.Sealed != "" && name != "" {
			found[name] = true
		}
		if seen[s] {
			return
		}
		seen[s] = true
		for _, p := range s.Properties {
			look(p.Name, p.Schema)
		}
		for _, one := range s.OneOf {
			look(name, one)
		}
		for _, when := range s.When {
			look("", when.Then)
		}
		look(name, s.Items)
	}
	for _, p := range c.Products {
		for _, s := range p.Schemas {
			look("", s)
		}
		for _, op := range p.Operations {
			look("", op.Body)
			look("", op.Answer)
			for _, param := range op.Params {
				look(param.Name, param.Schema)
			}
		}
	}
	return found
}

// maskSealed masks what stands in the open where the documents want it encrypted. The text may be any, also what is
// left of JSON that was cut off.
func maskSealed(text string, sealed map[string]bool) string {
	if !strings.Contains(text, `"`) {
		return text
	}
	var b strings.Builder
	member := ""
	for at := 0; at < len(text); {
		piece := firstPiece(text[at:])
		at += len(piece)
		switch value, ok := literal(piece); {
		case !ok:
			b.WriteString(piece)
		case piece[0] == '"' && strings.HasPrefix(strings.TrimLeft(text[at:], " \t\r\n"), ":"):
			member = value
			b.WriteString(piece)
		case sealed[member] && !isCiphertext(value):
			b.WriteString(schema.Canonical(mask(value)))
		default:
			b.WriteString(piece)
		}
	}
	return b.String()
}

// firstPiece is the first piece of JSON of a text: a string, even if its end is missing, a number, or what stands between.
func firstPiece(text string) string {
	number := func(c rune) bool { return strings.ContainsRune("0123456789+-.eE", c) }
	switch {
	case text[0] == '"':
		for n := 1; n < len(text); n++ {
			switch text[n] {
			case '\\':
				n++
			case '"':
				return text[:n+1]
			}
		}
		return text
	case '0' <= text[0] && text[0] <= '9' || text[0] == '-':
		return text[:len(text)-len(strings.TrimLeftFunc(text, number))]
	}
	if n := strings.IndexAny(text[1:], `"0123456789-`); n >= 0 {
		return text[:n+1]
	}
	return text
}

// literal is the value of a string or of a number.
func literal(token string) (value string, ok bool) {
	switch c := token[0]; {
	case c == '"':
		if strings.Contains(token, `\`) && json.Unmarshal([]byte(token), &value) == nil {
			return value, true
		}
		return strings.Trim(token, `"`), true
	case '0' <= c && c <= '9' || c == '-':
		return token, true
	}
	return "", false
}

// isCiphertext reports whether a value looks like what RSA makes: base64 of at least 1024 bits.
func isCiphertext(value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(raw) >= 128
}
