package lenient

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

// leaf returns what to read raw as, for a t that is one value: a text, a number, a bool, or a type that
// decodes itself, such as a time. Read are
//
//   - an empty text as zero, of any type;
//   - a number for a text, digit by digit;
//   - a text for a number, and 100.0 or 1e2 for 100;
//   - "true", "false", "1", "0", 1 and 0 for a bool;
//   - a time in the forms of moment; the day of it for a type that holds days.
//
// Nil is zero. It is not ok if there is no reading, or more than one.
func leaf(raw []byte, t reflect.Type, custom bool) (text []byte, ok bool) {
	if reads(raw, t) {
		return raw, true
	}
	if string(raw) == "null" {
		return nil, true
	}
	var s string
	if c := raw[0]; c == '"' {
		_ = json.Unmarshal(raw, &s)
		s = strings.TrimSpace(s)
	} else if c == '-' || '0' <= c && c <= '9' {
		s = string(raw)
	} else {
		return nil, false
	}
	if s == "" {
		return nil, true
	}
	for _, text := range readings(s, t, custom) {
		if len(text) > 0 && reads(text, t) {
			return text, true
		}
	}
	return nil, false
}

// readings are the ways to write s, a text or a number, for t.
func readings(s string, t reflect.Type, custom bool) [][]byte {
	switch {
	case custom:
		all := [][]byte{quote(s), decimal(s)}
		day := parse(s, "20060102")
		if at := moment(s); !at.IsZero() {
			all, day = append(all, quote(at.Format(time.RFC3339Nano))), at.In(value.Beijing)
		}
		if !day.IsZero() {
			all = append(all, quote(day.Format(time.DateOnly)))
		}
		return all
	case integer(t):
		return [][]byte{whole(s)}
	case number(t):
		return [][]byte{decimal(s)}
	case t.Kind() == reflect.String:
		return [][]byte{quote(s)}
	case t.Kind() == reflect.Bool:
		switch strings.ToLower(s) {
		case "true", "1":
			return [][]byte{[]byte("true")}
		case "false", "0":
			return [][]byte{[]byte("false")}
		}
	}
	return nil
}

// quotedLeaf is leaf for a field with the option string, whose value stands in quotes.
func quotedLeaf(raw []byte, t reflect.Type) ([]byte, bool) {
	wrapper := reflect.StructOf([]reflect.StructField{{Name: "V", Type: t, Tag: `json:"v,string"`}})
	fits := func(raw []byte) bool { return reads(assemble([]member{{"v", raw}}), wrapper) }
	if fits(raw) {
		return raw, true
	}
	text, ok := leaf(raw, t, false)
	if text == nil || !ok {
		return nil, ok
	}
	text = quote(string(text))
	return text, fits(text)
}

// decimal writes s as a number of JSON if it is one but for a plus or zeros in front; else nil.
func decimal(s string) []byte {
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	for len(digits) > 1 && digits[0] == '0' && '0' <= digits[1] && digits[1] <= '9' {
		digits = digits[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || !json.Valid([]byte(digits)) {
		return nil
	}
	if negative {
		digits = "-" + digits
	}
	return []byte(digits)
}

// whole writes s as an integer if it is one, without rounding: 100, 100.0, 1e2; else nil.
func whole(s string) []byte {
	text := string(decimal(s))
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	before, after, _ := strings.Cut(mantissa, ".")
	after = strings.TrimRight(after, "0")
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift > 20 || shift < -20 {
			return nil
		}
	}
	for ; shift < 0 && strings.HasSuffix(before, "0"); shift++ {
		before = before[:len(before)-1]
	}
	if shift < 0 || len(after) > shift {
		return nil
	}
	return decimal(before + after + strings.Repeat("0", shift-len(after)))
}

// moment reads the forms in which times occur, in Beijing where they name no zone: those of RFC 3339, also
// without seconds, zone or T, 20200326104339, and seconds (10 digits) or milliseconds (13) since
// 1970. Zero: none of them.
func moment(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		switch len(s) {
		case 10:
			return time.Unix(n, 0).In(value.Beijing)
		case 13:
			return time.UnixMilli(n).In(value.Beijing)
		}
		return parse(s, "20060102150405")
	}
	if len(s) > 10 && (s[10] == ' ' || s[10] == 't') {
		s = s[:10] + "T" + s[11:]
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "/", "-"), " ", "")
	return parse(strings.ToUpper(s), "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700", "2006-01-02T15:04")
}

func parse(s string, layouts ...string) time.Time {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, value.Beijing); err == nil {
			return t
		}
	}
	return time.Time{}
}
