package report

import (
	"regexp"
	"strings"

	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// stars stand in a cell for what was hidden. The readers of files refuse a number with them.
const stars = "****"

// mask hides whom a cell is about, in a column that an operation reads; nil is a column that it does not know, which
// may hold anything. What is known to say nothing of a person stays as it is.
func mask(column *table.Column, cell string) string {
	cell = strings.TrimSpace(cell)
	switch {
	case cell == "":
		return ""
	case column == nil:
		return stars
	case column.Kind == table.Fen, column.Kind == table.Yuan, ofTheMerchant(column.Name):
		return maskPhones(cell)
	case column.Kind == table.Phone:
		return maskPhone(cell)
	case column.Kind == table.ID:
		return maskID(cell)
	}
	return stars
}

// ofTheMerchant reports whether a column holds what the merchant itself made up or is called, without which its rows
// could not be told apart.
func ofTheMerchant(column string) bool {
	switch column {
	case "out_trade_no", "appid", "sub_mchid", "sub_appid", "notify_url", "plan_id", "card_id":
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
		return stars
	}
	return digits[:3] + stars + digits[len(digits)-4:]
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
		return stars
	}
	return string(r[:3]) + stars + string(r[len(r)-3:])
}

var phones = regexp.MustCompile(`(^|\D)(1[3-9]\d)\d{4}(\d{4})($|\D)`)

// maskPhones hides mobile numbers in what is otherwise the merchant's own.
func maskPhones(cell string) string {
	return phones.ReplaceAllString(cell, "${1}${2}"+stars+"${3}${4}")
}
