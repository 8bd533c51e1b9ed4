package pushpackage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
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
	b, err := valid(b)
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
	b, err := valid(b)
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
	b, err := valid(b)
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

// valid returns b without white space around it, as json.Unmarshal hands it to a decoder.
func valid(b []byte) ([]byte, error) {
	if !json.Valid(b) {
		return nil, errors.New("pushpackage: not JSON")
	}
	return bytes.Trim(b, " \t\r\n"), nil
}
