package wxpay

import (
	"fmt"
	"io"
	"time"
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

// A Date is a day on the calendar, without time and zone; on the wire 2006-01-02.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day of t in t's own zone. The platform thinks in Beijing time.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// IsZero makes `omitzero` leave out a Date that was not set.
func (d Date) IsZero() bool { return d == Date{} }

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText writes 2006-01-02; the zero Date is empty.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return []byte{}, nil
	}
	if d != DateOf(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)) {
		return nil, fmt.Errorf("wxpay: there is no day %s", d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads 2006-01-02; empty text is the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("wxpay: not a day (2006-01-02)")
	}
	*d = DateOf(t)
	return nil
}

// An EventType is the type of a notification whose plaintext is a T; see package notify. One that no package of
// services has is made of its name: wxpay.EventType[T]("…").
type EventType[T any] string

// A Secret is text that must not be seen: a phone number, an APIv3 key. It shows itself as *** in
// every format, in JSON and in logs; string(s) is the text. The calls of packages under services encrypt
// it on its way out; [Do] refuses to send it.
//
// Package fmt does not ask values in unexported fields how they want to be shown: a struct of yours that
// keeps a Secret or a [Config] in one needs a Format method of its own before it is printed.
type Secret string

// Format writes *** for every verb; nothing for an empty secret.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// MarshalText writes ***, so that neither JSON nor a log holds the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalBinary writes *** for encoders that know no text, such as gob.
func (s Secret) MarshalBinary() ([]byte, error) { return s.MarshalText() }
