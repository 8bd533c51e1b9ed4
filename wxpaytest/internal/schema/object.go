// Package schema reads the catalog of the documents: it decodes JSON by the platforms' rules, holds what a
// request says to what the documents say, and makes the answers that the documents show.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Object is a decoded JSON object. Numbers in it are json.Number.
type Object map[string]any

// Text returns the text of that name, or nothing.
func (o Object) Text(name string) string { s, _ := o[name].(string); return s }

// Flag returns the truth value of that name, or false.
func (o Object) Flag(name string) bool { b, _ := o[name].(bool); return b }

// Child returns the object of that name, or nil.
func (o Object) Child(name string) Object { c, _ := o[name].(Object); return c }

// Number returns the integer of that name, or 0.
func (o Object) Number(name string) int64 {
	switch v := o[name].(type) {
	case json.Number:
		n, _ := v.Int64()
		return n
	case int64:
		return v
	}
	return 0
}

// Pick copies the members that are there.
func (o Object) Pick(names ...string) Object {
	to := Object{}
	for _, name := range names {
		if v, ok := o[name]; ok {
			to[name] = v
		}
	}
	return to
}

// A Violation is what is wrong with one member.
type Violation struct {
	Field string // JSON pointer
	Value any
	Issue string
}

func (v *Violation) Error() string { return v.Field + " " + v.Issue }

// Encode writes JSON without the escapes of HTML. Names come in their order, so equal values look equal.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Canonical is a value that was decoded from JSON as text, to compare it.
func Canonical(v any) string {
	b, _ := Encode(v)
	return string(b)
}

// A Reader decodes JSON: one value in UTF-8, no name twice. A strict one also refuses what WeChat Pay does:
// null, and characters of four bytes.
type Reader struct{ Strict bool }

// Object reads a body that holds one object, and returns the first thing that is wrong with it.
func (r Reader) Object(body []byte) (Object, error) {
	o, found := r.All(body)
	if len(found) > 0 {
		return nil, found[0]
	}
	return o, nil
}

// All is [Reader.Object] that finds all that is wrong, up to MostFound things. The object is nil if the body cannot be
// read to its end.
func (r Reader) All(body []byte) (Object, []error) {
	d := decoder{json: json.NewDecoder(bytes.NewReader(body)), strict: r.Strict}
	d.json.UseNumber()
	v, err := d.value(body)
	if err != nil {
		return nil, append(d.found, err)
	}
	o, ok := v.(Object)
	if !ok {
		d.found = append(d.found, &Violation{Issue: "is not a JSON object"})
	}
	return o, d.found
}

// A decoder reads one body.
type decoder struct {
	json   *json.Decoder
	strict bool
	found  []error
}

func (d *decoder) find(at, issue string) {
	if len(d.found) < MostFound {
		d.found = append(d.found, &Violation{short(at), nil, issue})
	}
}

func (d *decoder) value(body []byte) (any, error) {
	if n := invalid(body); n >= 0 {
		return nil, &Violation{Issue: "is not UTF-8: see " + place(body, n)}
	}
	v, err := d.next("", 0)
	if err != nil {
		if _, ok := errors.AsType[*Violation](err); !ok {
			err = &Violation{Issue: "is not JSON: " + broken(body, err)}
		}
		return nil, err
	}
	end := int(d.json.InputOffset())
	if _, err := d.json.Token(); !errors.Is(err, io.EOF) {
		return nil, &Violation{Issue: "holds more than one JSON value: the first ends before " + place(body, end)}
	}
	return v, nil
}

// invalid is where a text stops to be UTF-8; -1: nowhere.
func invalid(body []byte) int {
	for n := 0; n < len(body); {
		r, size := utf8.DecodeRune(body[n:])
		if r == utf8.RuneError && size == 1 {
			return n
		}
		n += size
	}
	return -1
}

// place says where the nth byte of a body is.
func place(body []byte, n int) string {
	before := body[:min(max(n, 0), len(body))]
	line := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, character %d", 1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[line:]))
}

// broken says where JSON breaks off, and why.
func broken(body []byte, err error) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "it is empty"
	}
	why := strings.TrimPrefix(err.Error(), "json: ")
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, new(json.RawMessage))); ok {
		if why = syntax.Error(); int(syntax.Offset) >= len(body) && strings.Contains(why, "unexpected end") {
			return "it ends too soon, at " + place(body, len(body))
		}
		return place(body, int(syntax.Offset)-1) + ": " + why
	}
	return why
}

const hasFourBytes = "holds a character of four bytes of UTF-8, such as an emoji"

func fourBytes(r rune) bool { return r > 0xffff }

// deepest is how far values may stand in each other; documents go a dozen deep.
const deepest = 100

func (d *decoder) next(at string, depth int) (any, error) {
	token, err := d.json.Token()
	if err != nil {
		return nil, err
	}
	if depth > deepest {
		return nil, &Violation{Issue: "is too deep"}
	}
	switch t := token.(type) {
	case nil:
		if d.strict {
			d.find(at, "is null, which the platform does not take; leave the member out")
		}
	case string:
		if d.strict && strings.ContainsFunc(t, fourBytes) {
			d.find(at, hasFourBytes)
		}
	case json.Delim:
		if t == '[' {
			return d.list(at, depth)
		}
		return d.object(at, depth)
	}
	return token, nil
}

func (d *decoder) list(at string, depth int) (any, error) {
	list := []any{}
	for i := 0; d.json.More(); i++ {
		v, err := d.next(at+"/"+strconv.Itoa(i), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.json.Token()
	return list, err
}

func (d *decoder) object(at string, depth int) (any, error) {
	o := Object{}
	for d.json.More() {
		token, err := d.json.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		at := at + "/" + name
		if _, twice := o[name]; twice {
			d.find(at, "comes twice")
		}
		if o[name], err = d.next(at, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.json.Token()
	return o, err
}
