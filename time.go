package wxpay

import (
	"errors"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

// A Time is a moment. It is read in every form that the documents show: RFC 3339, also without seconds, and
// 20060102150405 in Beijing time; empty text is the zero Time. It is written as 2006-01-02T15:04:05+08:00, with
// milliseconds if it has some; what is smaller is dropped.
//
// Times that were read or made by [TimeOf] are in Beijing time, so that those of one moment are equal by == too.
type Time struct{ time.Time }

// TimeOf is the moment t.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.Round(0).In(value.Beijing)} // without a reading of the monotonic clock
}

// String is the time as it is sent; nothing for the zero Time.
func (t Time) String() string {
	switch {
	case t.IsZero():
		return ""
	case t.Nanosecond() < int(time.Millisecond):
		return t.In(value.Beijing).Format("2006-01-02T15:04:05-07:00")
	}
	return t.In(value.Beijing).Format("2006-01-02T15:04:05.000-07:00")
}

// AppendText appends the time as it is sent.
func (t Time) AppendText(b []byte) ([]byte, error) {
	if year := t.In(value.Beijing).Year(); !t.IsZero() && (year < 0 || year > 9999) {
		return b, errors.New("wxpay: no time of four digits for the year")
	}
	return append(b, t.String()...), nil
}

// MarshalText writes the time as it is sent.
func (t Time) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// MarshalJSON writes the time as it is sent.
func (t Time) MarshalJSON() ([]byte, error) {
	text, err := t.AppendText([]byte{'"'})
	return append(text, '"'), err
}

// UnmarshalText reads the time.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Time{}
		return nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "20060102150405"} {
		if at, err := time.ParseInLocation(form, string(text), value.Beijing); err == nil {
			*t = TimeOf(at)
			return nil
		}
	}
	return errors.New("wxpay: not a time (2006-01-02T15:04:05+08:00)")
}

// UnmarshalJSON reads the time; null is the zero Time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' && string(data) != "null" {
		return errors.New("wxpay: not a time, which is a text")
	}
	return t.UnmarshalText(unquoted(data))
}

// UnmarshalBinary reads what MarshalBinary of time.Time wrote.
func (t *Time) UnmarshalBinary(data []byte) error {
	var at time.Time
	err := at.UnmarshalBinary(data)
	*t = TimeOf(at)
	return err
}

// GobDecode is UnmarshalBinary for gob.
func (t *Time) GobDecode(data []byte) error { return t.UnmarshalBinary(data) }
