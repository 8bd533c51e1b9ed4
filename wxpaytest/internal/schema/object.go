// Package schema reads the catalog of the documents: it decodes JSON by the platforms' rules, holds what a
// request says to what the documents say, and makes the answers that the documents show.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
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

// Object reads a body that holds one object.
func (r Reader) Object(body []byte) (Object, error) {
	v, err := r.value(body)
	if err != nil {
		return nil, err
	}
	o, ok := v.(Object)
	if !ok {
		return nil, &Violation{Issue: "is not a JSON object"}
	}
	return o, nil
}

func (r Reader) value(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, &Violation{Issue: "is not UTF-8"}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := r.next(d, "", 0)
	if err != nil {
		if _, ok := errors.AsType[*Violation](err); !ok {
			err = &Violation{Issue: "is not JSON: " + err.Error()}
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Violation{Issue: "holds more than one JSON value"}
	}
	return v, nil
}

// deepest is how far values may stand in each other; documents go a dozen deep.
const deepest = 100

func (r Reader) next(d *json.Decoder, at string, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > deepest {
		return nil, &Violation{Issue: "is too deep"}
	}
	switch t := token.(type) {
	case nil:
		if r.Strict {
			return nil, &Violation{at, nil, "is null, which the platform does not take; leave the member out"}
		}
	case string:
		if r.Strict && strings.ContainsFunc(t, func(c rune) bool { return c > 0xffff }) {
			return nil, &Violation{at, nil, "holds a character of four bytes of UTF-8, such as an emoji"}
		}
	case json.Delim:
		if t == '[' {
			return r.list(d, at, depth)
		}
		return r.object(d, at, depth)
	}
	return token, nil
}

func (r Reader) list(d *json.Decoder, at string, depth int) (any, error) {
	list := []any{}
	for i := 0; d.More(); i++ {
		v, err := r.next(d, at+"/"+strconv.Itoa(i), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func (r Reader) object(d *json.Decoder, at string, depth int) (any, error) {
	o := Object{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := o[name]; twice {
			return nil, &Violation{at + "/" + name, nil, "comes twice"}
		}
		if o[name], err = r.next(d, at+"/"+name, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return o, err
}
