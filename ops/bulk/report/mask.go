package report

import (
	"regexp"
	"strings"

	"github.com/wxpay-go/wxpay/internal/lists"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// mask hides whom a cell is about, in a column that an operation reads; nil is a column that it does not know, which
// may hold anything. What is known to say nothing of a person stays as it is.
func mask(column *table.Column, cell string) string {
	cell = strings.TrimSpace(cell)
	switch {
	case cell == "":
		return ""
	case column == nil:
		return table.Stars
	case column.Kind == table.Fen, column.Kind == table.Yuan, ofTheMerchant(column.Name):
		return maskPhones(cell)
	case column.Kind == table.Phone:
		return maskPhone(cell)
	case column.Kind == table.ID:
		return maskID(cell)
	}
	return table.Stars
}

// ofTheMerchant reports whether a column holds what the merchant itself made up or is called, without which its rows
// could not be told apart.
func ofTheMerchant(column string) bool {
	switch column {
	case "out_trade_no", "out_bill_no", "appid", "sub_mchid", "sub_appid", "notify_url", "plan_id", "card_id":
		return true
	}
	return false
}

// maskPhone is 138****0000, however the number is written.
func maskPhone(cell string) string {
	digits := digitsOf(cell)
	digits = strings.TrimPrefix(digits, "00")
	if len(digits) == 13 {
		digits = strings.TrimPrefix(digits, "86")
	}
	if len(digits) < 11 {
		return table.Stars
	}
	return digits[:3] + table.Stars + digits[len(digits)-4:]
}

// digitsOf are the digits of a text, those of full width among them.
func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return -1
	}, s)
}

// maskID leaves enough to find a number again, and too little to use it.
func maskID(cell string) string {
	r := []rune(cell)
	if len(r) < 12 {
		return table.Stars
	}
	return string(r[:3]) + table.Stars + string(r[len(r)-3:])
}

// phone is a mobile number of the mainland, with or without the code of the country, up to a character that is no digit.
var phone = regexp.MustCompile(`^((?:00)?86[-._ ]?)?(1[3-9]\d)[-._ ]?\d{4}[-._ ]?(\d{4})(?:$|\D)`)

// maskPhones hides mobile numbers in what is otherwise the merchant's own, such as edu-13800138000-11. Within more digits
// they stay: nothing tells 20261129 13800138000, a day and a phone, from 20261129 138001 38000, a moment and a count,
// without which orders could not be told apart.
func maskPhones(cell string) string {
	cell = lists.Narrow(cell)
	var b strings.Builder
	for i, within := 0, false; i < len(cell); { // within: behind a digit
		if c := cell[i]; c < '0' || c > '9' {
			within = false
		} else if at := phone.FindStringSubmatchIndex(cell[i:]); !within && at != nil {
			b.WriteString(cell[i:i+at[5]] + table.Stars + cell[i+at[6]:i+at[7]])
			i, within = i+at[7], true
			continue
		} else {
			within = true
		}
		b.WriteByte(cell[i])
		i++
	}
	return b.String()
}
