package bulk

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

var (
	// What may be a number of somebody: digits of any script, five or more, with at most a few blanks, dashes, dots,
	// slashes, brackets and invisible characters between two of them.
	numbers = regexp.MustCompile(`\pN(?:[\pZ\s\p{Cc}\p{Cf}\p{Pd}_−.．·•・/()（）]{0,3}\pN){4,}`)
	words   = regexp.MustCompile(`[0-9A-Za-z_-]{16,}`)
	// What people write of letters: out_trade_no, PARAM_ERROR, Wechatpay-Serial, ResourceNotExists.
	written = regexp.MustCompile(`^(?:(?:[A-Z]+|[a-z]*(?:[A-Z][a-z]{2,})*)(?:[_-]|$))+$`)
)

// Masked is a text of the platform, for people, in one line. Starred is what may be a number of somebody, five digits or
// more, and a word of 16 or more letters, digits, _ and - that nobody would write, such as an openid: it holds digits, or
// capitals within. Names of people are not: nothing tells them from words.
func Masked(text string) string {
	const hidden = "*****"
	text = words.ReplaceAllStringFunc(text, func(word string) string {
		if written.MatchString(word) || !strings.ContainsFunc(word, letter) {
			return word
		}
		return hidden
	})
	return oneline.Quote(numbers.ReplaceAllString(text, hidden), 256)
}

// MaskedError is a refusal without what may be somebody's number in it. One about the signature speaks of keys and serial
// numbers alone, and stays as it is.
func MaskedError(e *wxpay.Error) *wxpay.Error {
	m := *e
	if e.StatusCode != http.StatusUnauthorized {
		m.Message, m.Detail.Issue = Masked(e.Message), Masked(e.Detail.Issue)
	}
	return &m
}

func letter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
