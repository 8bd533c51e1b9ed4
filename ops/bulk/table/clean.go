package table

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/internal/value"
)

// Clean returns a text as a cell of that kind is read; false if it would be refused.
func (k Kind) Clean(text string) (string, bool) {
	text, wrong := k.clean(text)
	return text, wrong == nil
}

// clean returns a cell as it is meant; "" with nil if it is empty.
func (k Kind) clean(text string) (string, *wrong) {
	if text == "" {
		return "", nil
	}
	if text[0] == 0 {
		if wrong := unsaid(text); wrong != nil {
			return "", wrong
		}
	}
	switch k {
	case ID:
		return listed(lists.ID(text))
	case Phone:
		return listed(lists.Phone(text))
	}
	text = lists.Trim(text)
	if wrong := characters(text); text == "" || wrong != nil {
		return "", wrong
	}
	if text == Stars {
		return "", wrongMasked
	}
	switch k {
	case Fen:
		return fen(text, 0)
	case Yuan:
		return fen(text, 2)
	case Moment:
		return moment(text)
	}
	return text, nil
}

func listed(value, fault string) (string, *wrong) {
	if fault == "" || fault == wrongEmpty.english {
		return value, nil
	}
	return "", &wrong{fault, chinese(fault)}
}

// characters is what is wrong with the characters of a text.
func characters(text string) *wrong {
	ascii := true
	for i := range len(text) {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f:
			return wrongControl
		}
	}
	if ascii {
		return nil
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return wrongBytes
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf && unicode.IsControl(r) }) {
		return wrongControl
	}
	return nil
}

// fen reads an amount with up to so many decimals and writes it without the point.
func fen(text string, decimals int) (string, *wrong) {
	text = lists.Trim(lists.Narrow(text))
	text = lists.Trim(strings.TrimPrefix(text, "'"))
	if decimals > 0 {
		for _, sign := range []string{"¥", "￥", "CNY", "RMB", "cny", "rmb"} {
			text = strings.TrimPrefix(text, sign)
		}
		text = strings.TrimSuffix(text, "元")
	} else {
		text = strings.TrimSuffix(text, "分")
	}
	text = lists.Trim(text)
	whole, part, point := strings.Cut(text, ".")
	if decimals == 0 && point {
		return "", &wrong{"is no whole number; this column is in fen (1/100 yuan)", "不是整数；该列单位为分"}
	}
	whole, grouped := ungroup(whole)
	switch {
	case strings.HasPrefix(text, "-"), strings.HasPrefix(text, "("):
		return "", &wrong{"is a negative amount", "金额为负"}
	case strings.ContainsAny(text, "eE") && text[0] <= '9':
		return "", &wrong{"is in scientific notation, so digits of it may be lost; export the column as text", "是科学计数法，数字可能已丢失；请将该列以文本格式重新导出"}
	case !grouped || !digits(whole) || point && !digits(part):
		return "", &wrong{"is no amount", "不是金额"}
	case len(part) > decimals:
		return "", &wrong{"has more than two decimals", "小数超过两位"}
	}
	for len(part) < decimals {
		part += "0"
	}
	n, err := strconv.ParseInt(whole+part, 10, 64)
	switch {
	case err != nil || n == math.MaxInt64:
		return "", &wrong{"is too large an amount", "金额过大"}
	case n == 0:
		return "", &wrong{"is an amount of zero", "金额为零"}
	}
	return strconv.FormatInt(n, 10), nil
}

// ungroup drops the commas between groups of three digits; false if they stand elsewhere.
func ungroup(text string) (string, bool) {
	groups := strings.Split(text, ",")
	for i, group := range groups {
		if i > 0 && len(group) != 3 || i == 0 && len(groups) > 1 && (len(group) == 0 || len(group) > 3) {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// moment reads a date, or date and time, of Beijing unless it says its zone. Which of 01/02/2026 is the month nobody
// knows, so such dates are refused.
func moment(text string) (string, *wrong) {
	text = lists.Trim(lists.Narrow(text))
	text = strings.TrimPrefix(text, "'")
	text = strings.NewReplacer("年", "-", "月", "-", "日", " ", "时", ":", "分", ":", "秒", "").Replace(text)
	text = strings.TrimRight(strings.Join(strings.Fields(text), " "), ":")
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.Format(time.RFC3339), nil
	}
	date, clock, _ := strings.Cut(text, " ")
	if clock == "" {
		date, clock, _ = strings.Cut(text, "T")
	}
	if !digits(date) {
		date = strings.NewReplacer("/", "-", ".", "-").Replace(date)
	}
	for _, day := range []string{"2006-1-2", "20060102"} {
		for _, time1 := range []string{"", "15:4:5", "15:4"} {
			if at, err := time.ParseInLocation(day+" "+time1, date+" "+clock, value.Beijing); err == nil && at.Year() >= 1970 {
				return at.Format(time.RFC3339), nil
			}
		}
	}
	if at, err := time.ParseInLocation("20060102150405", text, value.Beijing); err == nil && at.Year() >= 1970 {
		return at.Format(time.RFC3339), nil
	}
	return "", &wrong{"is no date such as 2026-11-28 or 2026-11-28 09:30:00", "不是日期；应如 2026-11-28 或 2026-11-28 09:30:00"}
}
