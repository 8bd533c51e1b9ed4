package wxpay

import (
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

// Fen is an amount of money; 100 fen are 1 yuan.
type Fen int64

// String shows the amount in yuan, such as 8.88.
func (f Fen) String() string {
	sign, u := "", uint64(f)
	if f < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// A Date is a day on the calendar, without time and zone: Date{2020, time.March, 19}, on the wire 2020-03-19 (it
// marshals as that text; a day that the calendar has not, is an error). IsZero reports whether it is not set,
// String writes it as on the wire. It is the Date of package pushpackage too.
type Date = value.Date

// DateOf is the day of t in t's own zone. The platform thinks in Beijing time.
func DateOf(t time.Time) Date { return value.DateOf(t) }

// An EventType is the type of a notification whose plaintext is a T; see package notify. One that no package of
// services has is made of its name: wxpay.EventType[T]("…").
type EventType[T any] string

// A Secret is text that must not be seen, a phone number or an APIv3 key: Secret("13800138000"). It shows itself
// as *** in every format, in JSON and in logs, and as nothing if it is empty; string(s) is the text. [Do] and [Send]
// encrypt it on its way out wherever it stands in [Call].Body. It is the Secret of package
// pushpackage too, which encrypts nothing: there it goes out as ***.
//
// A type of yours that is defined by it (type Phone wxpay.Secret) is plain text like any other: it is shown, and sent
// as it is. Use Secret itself.
//
// Package fmt does not ask values in unexported fields how they want to be shown: a struct of yours that
// keeps a Secret or a [Config] in one needs a Format method of its own before it is printed. Nor does package
// encoding/json ask the names in a map: a map[Secret]… shows them.
type Secret = value.Secret
