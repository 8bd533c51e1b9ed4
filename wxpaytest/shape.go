package wxpaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A shape is the members of a JSON object or of a query as the documents state them, one a line:
//
//	name*	type	range	pattern
//
// The star marks a required member. Types are string, int, bool, time, date, uri, callback (an https
// address without query), secret (encrypted with the platform's key), any, {} (an object; its members
// follow, indented by a tab), an enumeration A|B, or @name for a shape in [shapes]; [] before a type makes
// it a list. The range, of characters or of the value, is 32 (at most), 4..128 or 1.. .
type shape []*field

type field struct {
	name     string
	required bool
	list     bool
	kind     string
	min, max int64
	pattern  *regexp.Regexp
	values   []string
	members  shape
}

const unbounded = 1<<63 - 1

// parseShape reads a shape.
func parseShape(text string) (shape, error) {
	top := &field{}
	path := []*field{top} // the field that lines of each depth belong to
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line == "" {
			continue
		}
		depth := len(line) - len(strings.TrimLeft(line, "\t"))
		if depth >= len(path) {
			return nil, fmt.Errorf("wxpaytest: %q is indented too far", line)
		}
		f, err := parseField(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("wxpaytest: %q: %w", line, err)
		}
		path[depth].members = append(path[depth].members, f)
		path = append(path[:depth+1], f)
	}
	return top.members, nil
}

func parseField(words []string) (*field, error) {
	if len(words) < 2 || len(words) > 4 {
		return nil, errors.New("wants name, type, range and pattern")
	}
	f := &field{max: unbounded, min: -unbounded}
	f.name, f.required = strings.CutSuffix(words[0], "*")
	f.kind, f.list = strings.CutPrefix(words[1], "[]")
	switch name, ref := strings.CutPrefix(f.kind, "@"); {
	case ref:
		text, ok := shapes[name]
		if !ok {
			return nil, errors.New("names no shape")
		}
		members, err := parseShape(text)
		if err != nil {
			return nil, err
		}
		f.kind, f.members = "{}", members
	case strings.Contains(f.kind, "|") || f.kind == strings.ToUpper(f.kind) && f.kind != "{}":
		f.kind, f.values = "string", strings.Split(f.kind, "|")
	case !slices.Contains([]string{"string", "int", "bool", "time", "date", "uri", "callback", "secret", "any", "{}"}, f.kind):
		return nil, errors.New("is of no known type")
	}
	if len(words) > 2 {
		from, to, ranged := strings.Cut(words[2], "..")
		if !ranged {
			from, to = "", from
		}
		if n, err := strconv.ParseInt(from, 10, 64); err == nil {
			f.min = n
		}
		if n, err := strconv.ParseInt(to, 10, 64); err == nil {
			f.max = n
		}
	}
	if len(words) > 3 {
		var err error
		if f.pattern, err = regexp.Compile(words[3]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// An object is a decoded JSON object. Numbers in it are json.Number.
type object map[string]any

func (o object) text(name string) string  { s, _ := o[name].(string); return s }
func (o object) flag(name string) bool    { b, _ := o[name].(bool); return b }
func (o object) child(name string) object { c, _ := o[name].(object); return c }

func (o object) number(name string) int64 {
	switch v := o[name].(type) {
	case json.Number:
		n, _ := v.Int64()
		return n
	case int64:
		return v
	}
	return 0
}

// pick copies the members of o that are there.
func (o object) pick(names ...string) object {
	to := object{}
	for _, name := range names {
		if v, ok := o[name]; ok {
			to[name] = v
		}
	}
	return to
}

// A violation is what is wrong with one member.
type violation struct {
	field string // JSON pointer
	value any
	issue string
}

func (v *violation) Error() string { return v.field + " " + v.issue }

// decodeObject reads JSON by the platform's rules: one object in UTF-8 of at most three bytes a
// character, without null and without a name twice.
func decodeObject(body []byte, weChat bool) (object, error) {
	if !utf8.Valid(body) {
		return nil, &violation{issue: "is not UTF-8"}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := decodeValue(d, "", weChat)
	if err != nil {
		if _, ok := errors.AsType[*violation](err); !ok {
			err = &violation{issue: "is not JSON: " + err.Error()}
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &violation{issue: "holds more than one JSON value"}
	}
	o, ok := v.(object)
	if !ok {
		return nil, &violation{issue: "is not a JSON object"}
	}
	return o, nil
}

func decodeValue(d *json.Decoder, at string, weChat bool) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case nil:
		if !weChat {
			return nil, nil
		}
		return nil, &violation{at, nil, "is null, which the platform does not take; leave the member out"}
	case string:
		if weChat && strings.ContainsFunc(t, func(r rune) bool { return r > 0xffff }) {
			return nil, &violation{at, nil, "holds a character of four bytes of UTF-8, such as an emoji"}
		}
		return t, nil
	case json.Delim:
		if t == '[' {
			list := []any{}
			for i := 0; d.More(); i++ {
				v, err := decodeValue(d, at+"/"+strconv.Itoa(i), weChat)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			field := at + "/" + name.(string)
			if _, twice := o[name.(string)]; twice {
				return nil, &violation{field, nil, "comes twice"}
			}
			if o[name.(string)], err = decodeValue(d, field, weChat); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return o, err
	}
	return token, nil
}

// A check walks over an object with its shape.
type check struct {
	key     *platformKey      // opens secrets; nil: the request names none
	strict  bool              // unknown members are refused
	secrets map[string]string // plain text by name of the member
}

func (c *check) object(o object, s shape, at string) error {
	for _, f := range s {
		v, ok := o[f.name]
		switch {
		case !ok && f.required:
			return &violation{at + "/" + f.name, nil, "is required"}
		case !ok:
			continue
		}
		if err := c.field(f, v, at+"/"+f.name); err != nil {
			return err
		}
	}
	if !c.strict {
		return nil
	}
	for name := range o {
		if !slices.ContainsFunc(s, func(f *field) bool { return f.name == name }) {
			return &violation{at + "/" + name, nil, "is not a member that the documents know"}
		}
	}
	return nil
}

func (c *check) field(f *field, v any, at string) error {
	if !f.list {
		return c.value(f, v, at)
	}
	list, ok := v.([]any)
	if !ok {
		return &violation{at, v, "is not a list"}
	}
	for i, item := range list {
		if err := c.value(f, item, at+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) value(f *field, v any, at string) error {
	switch f.kind {
	case "any":
		return nil
	case "{}":
		o, ok := v.(object)
		if !ok {
			return &violation{at, v, "is not an object"}
		}
		return c.object(o, f.members, at)
	case "bool":
		if _, ok := v.(bool); !ok {
			return &violation{at, v, "is not true or false"}
		}
		return nil
	case "int":
		n, ok := v.(json.Number)
		i, err := n.Int64()
		if !ok || err != nil {
			return &violation{at, v, "is not an integer"}
		}
		if i < f.min || i > f.max {
			return &violation{at, v, "is out of range"}
		}
		return nil
	}
	text, ok := v.(string)
	if !ok {
		return &violation{at, v, "is not text"}
	}
	return c.text(f, text, at)
}

func (c *check) text(f *field, text, at string) error {
	n := int64(utf8.RuneCountInString(text))
	switch {
	case text == "" && f.required:
		return &violation{at, text, "is empty"}
	case n < f.min || n > f.max:
		return &violation{at, text, fmt.Sprintf("has %d characters", n)}
	case f.pattern != nil && !f.pattern.MatchString(text):
		return &violation{at, text, "does not match " + f.pattern.String()}
	case f.values != nil && !slices.Contains(f.values, text):
		return &violation{at, text, "is none of " + strings.Join(f.values, ", ")}
	}
	var err error
	switch f.kind {
	case "time":
		_, err = time.Parse(time.RFC3339, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "uri", "callback":
		var u *url.URL
		switch u, err = url.Parse(text); {
		case err != nil:
		case u.Scheme == "" || u.Host == "":
			return &violation{at, text, "is not an absolute address"}
		case f.kind == "callback" && (u.RawQuery != "" || u.Scheme != "https" && !isLoopback(u)):
			return &violation{at, text, "is not an https address without query"}
		}
	case "secret":
		if c.key == nil {
			return errNoSerial
		}
		plain, err := c.key.decrypt(text)
		if err != nil {
			return &violation{at, nil, err.Error()}
		}
		c.secrets[f.name] = plain
	}
	if err != nil {
		return &violation{at, text, "is not a " + f.kind}
	}
	return nil
}

// queryObject turns a query into an object of the types its shape states. A name may come once.
func queryObject(q url.Values, s shape) (object, error) {
	o := object{}
	for name, values := range q {
		if len(values) != 1 {
			return nil, &violation{"/" + name, nil, "comes more than once"}
		}
		o[name] = values[0]
		for _, f := range s {
			if _, err := strconv.ParseInt(values[0], 10, 64); f.name == name && f.kind == "int" && err == nil {
				o[name] = json.Number(values[0])
			}
		}
	}
	return o, nil
}
