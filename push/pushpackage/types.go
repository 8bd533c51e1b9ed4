package pushpackage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Date is a day on the calendar. A wxpay.Date converts to it: pushpackage.Date(day).
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

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText writes 2006-01-02; the zero Date is empty.
func (d Date) MarshalText() ([]byte, error) {
	if d == (Date{}) {
		return []byte{}, nil
	}
	if !d.exists() {
		return nil, fmt.Errorf("pushpackage: there is no day %s", d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads 2006-01-02; empty text is the zero Date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return errors.New("pushpackage: not a day (2006-01-02)")
	}
	*d = DateOf(t)
	return nil
}

func (d Date) exists() bool {
	return d == DateOf(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)) && 0 <= d.Year && d.Year <= 9999
}

func (d Date) compact() string { return strings.ReplaceAll(d.String(), "-", "") }

// IDs are ids of push tasks as one member of an answer: mostly one, of a loop push several. On the wire
// they are text, a number or an array of these.
type IDs []string

func (ids IDs) String() string { return strings.Join(ids, ",") }

// MarshalJSON writes one id as text, several as an array.
func (ids IDs) MarshalJSON() ([]byte, error) {
	if len(ids) == 1 {
		return json.Marshal(ids[0])
	}
	return json.Marshal([]string(ids))
}

// UnmarshalJSON reads text, a number or an array of them. Empty text is no id.
func (ids *IDs) UnmarshalJSON(b []byte) error {
	b, err := value(b)
	if err != nil {
		return err
	}
	all := make([]text, 1)
	if b[0] == '[' {
		err = json.Unmarshal(b, &all)
	} else {
		err = json.Unmarshal(b, &all[0])
	}
	if err != nil {
		return err
	}
	*ids = nil
	for _, id := range all {
		if strings.ContainsAny(string(id), "[{") {
			return errors.New("pushpackage: an id is neither text nor number")
		}
		if id != "" {
			*ids = append(*ids, string(id))
		}
	}
	return nil
}

// A text is a member that should be text. TPNS also sends numbers, which keep all their digits; anything
// else is kept as the JSON it is, since a member nobody needs must not spoil an answer.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	b, err := value(b)
	switch {
	case err != nil:
		return err
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case string(b) == "null":
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

// A number is a whole number that may come as text.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	b, err := value(b)
	if err != nil || string(b) == "null" {
		return err
	}
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return errors.New("pushpackage: not a whole number")
	}
	*n = number(v)
	return nil
}

// value returns b without white space around it, as json.Unmarshal hands it to a decoder.
func value(b []byte) ([]byte, error) {
	if !json.Valid(b) {
		return nil, errors.New("pushpackage: not JSON")
	}
	return bytes.Trim(b, " \t\r\n"), nil
}
