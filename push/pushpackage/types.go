package pushpackage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

// A Date is a day on the calendar: Date{2026, time.March, 1}. It is the wxpay.Date.
type Date = value.Date

// DateOf is the day of t in t's own zone.
func DateOf(t time.Time) Date { return value.DateOf(t) }

// exists reports whether d is set and a day of the calendar.
func exists(d Date) bool {
	text, err := d.MarshalText()
	return err == nil && len(text) > 0
}

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
	if !json.Valid(b) {
		return errors.New("pushpackage: not JSON")
	}
	var member any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // all digits are kept
	if err := d.Decode(&member); err != nil {
		return err
	}
	all, list := member.([]any)
	if !list {
		all = []any{member}
	}
	*ids = nil
	for _, id := range all {
		switch id := id.(type) {
		case nil:
		case string:
			if id != "" {
				*ids = append(*ids, id)
			}
		case json.Number:
			*ids = append(*ids, id.String())
		default:
			return errors.New("pushpackage: an id is neither text nor number")
		}
	}
	return nil
}
