package value

import (
	"errors"
	"fmt"
	"time"
)

// Beijing is the time of the platform, and of Hong Kong and Singapore alike.
var Beijing = time.FixedZone("UTC+8", 8*60*60)

// A Date is a day on the calendar, without time and zone; on the wire 2006-01-02.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// IsZero makes `omitzero` leave out a Date that was not set.
func (d Date) IsZero() bool { return d == Date{} }

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText writes 2006-01-02; the zero Date is empty, and a day that the calendar has not, an error.
func (d Date) MarshalText() ([]byte, error) {
	switch {
	case d.IsZero():
		return []byte{}, nil
	case d != DateOf(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)) || d.Year < 0 || d.Year > 9999:
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
		return errors.New("wxpay: not a day (2006-01-02)")
	}
	*d = DateOf(t)
	return nil
}
