// Package lenient decodes genuine JSON of a platform that does not always keep to its own documents: one
// odd member does not spoil the message it came in.
package lenient

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Unmarshal decodes data into v as encoding/json does. Where that fails for another reason than syntax,
// members that have one reading only are read (see leaf), others are left zero, and odd names them all, as
// amount.total or list[2].time; no value and no key of a map is in it. Then v is set to zero first.
//
// Members that one acts on decide: a text, number or bool whose field says neither omitzero nor
// omitempty is a [MemberError] if it is there and has no reading, and so is what stands where such a field holds a
// list and is none: an empty list would be another answer. A message that is no object, null too, is an
// error for a v that is a struct or a map.
func Unmarshal(data []byte, v any) (odd []string, err error) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return nil, json.Unmarshal(data, v)
	}
	t := p.Type().Elem()
	if (wantsObject(t) || t.Kind() == reflect.Map && !unmarshals(t)) && !isObject(data) {
		if !json.Valid(data) {
			return nil, errNotJSON
		}
		return nil, errNotObject
	}
	if json.Unmarshal(data, v) == nil {
		return nil, nil
	}
	p.Elem().SetZero()
	if !json.Valid(data) {
		return nil, errNotJSON
	}
	r := repair{fields: make(map[reflect.Type][]field)}
	text, ok := r.value(bytes.TrimSpace(data), t, "", 0)
	switch {
	case r.bad != nil:
		return r.odd, r.bad
	case !ok:
		return r.odd, fmt.Errorf("cannot be read as %s", t)
	case text == nil:
		return r.odd, nil
	case json.Unmarshal(text, v) != nil:
		p.Elem().SetZero()
		return r.odd, fmt.Errorf("cannot be read as %s", t)
	}
	return r.odd, nil
}

// A MemberError is a member that decides and cannot be read.
type MemberError struct {
	Name string
	Type reflect.Type
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("member %s cannot be read as %s", e.Name, e.Type)
}

var (
	errNotJSON   = errors.New("not JSON")
	errNotObject = errors.New("not a JSON object")
)

const (
	maxOdd   = 32 // names told of one message
	maxDepth = 64 // only types that hold themselves get there
)

// A repair rewrites one message so that encoding/json can read it.
type repair struct {
	odd    []string
	bad    error // the first member that decides and has no reading
	fields map[reflect.Type][]field
}

func (r *repair) tell(at string) {
	if len(r.odd) < maxOdd && at != "" {
		r.odd = append(r.odd, at)
	}
}

// value returns what to read raw as: raw itself or its repair, nil for zero. It is not ok if raw has no
// reading, of which the caller tells.
func (r *repair) value(raw []byte, t reflect.Type, at string, depth int) (text []byte, ok bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch custom := unmarshals(t); {
	case depth > maxDepth:
		return nil, false
	case custom || !container(t):
		text, ok = leaf(raw, t, custom)
		if ok && !same(text, raw) {
			r.tell(at)
		}
		if !ok && custom && wantsObject(t) && isObject(raw) { // it may be one of its members
			text, ok = r.object(raw, t, at, depth)
			ok = ok && reads(text, t)
		}
		return text, ok
	case string(raw) == "null":
		return raw, true
	case t.Kind() == reflect.Struct && isObject(raw):
		return r.object(raw, t, at, depth)
	case t.Kind() == reflect.Map && isObject(raw):
		return r.table(raw, t, at, depth)
	case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && raw[0] == '[':
		return r.list(raw, t, at, depth)
	}
	return nil, false
}

// object rewrites the members that t has fields for. Of several for one field the last counts.
func (r *repair) object(raw []byte, t reflect.Type, at string, depth int) ([]byte, bool) {
	if r.fields[t] == nil {
		r.fields[t] = fieldsOf(t)
	}
	fields, members := r.fields[t], split(raw)
	last := make(map[int]int) // field: member
	for i, m := range members {
		if f := find(fields, m.name); f >= 0 {
			last[f] = i
		}
	}
	var kept []member
	for i, m := range members {
		f := find(fields, m.name)
		if f < 0 {
			kept = append(kept, m)
			continue
		}
		if last[f] != i {
			continue
		}
		if text := r.member(m.value, fields[f], join(at, fields[f].name), depth); text != nil {
			kept = append(kept, member{m.name, text})
		}
	}
	return assemble(kept), true
}

// member returns what to read the member of a struct as, nil for zero.
func (r *repair) member(raw []byte, f field, at string, depth int) []byte {
	var text []byte
	var ok bool
	if f.quoted {
		text, ok = quotedLeaf(raw, f.typ)
		if ok && !same(text, raw) {
			r.tell(at)
		}
	} else {
		text, ok = r.value(raw, f.typ, at, depth+1)
	}
	if ok {
		return text
	}
	r.tell(at)
	if (f.decides || f.list && raw[0] != '[') && r.bad == nil {
		r.bad = &MemberError{at, f.typ}
	}
	return nil
}

func (r *repair) list(raw []byte, t reflect.Type, at string, depth int) ([]byte, bool) {
	out := []byte{'['}
	for i, element := range elements(raw) {
		text, ok := r.element(element, t.Elem(), at+"["+strconv.Itoa(i)+"]", depth)
		if !ok {
			return nil, false
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, text...)
	}
	return append(out, ']'), true
}

// table rewrites a map. Its keys are data, so they are not named.
func (r *repair) table(raw []byte, t reflect.Type, at string, depth int) ([]byte, bool) {
	at += "[*]"
	keys := reflect.MapOf(t.Key(), reflect.TypeFor[struct{}]())
	var kept []member
	for _, m := range split(raw) {
		if !reads(assemble([]member{{m.name, []byte("{}")}}), keys) {
			r.tell(at)
			continue
		}
		text, ok := r.element(m.value, t.Elem(), at, depth)
		if !ok {
			return nil, false
		}
		kept = append(kept, member{m.name, text})
	}
	return assemble(kept), true
}

// element is value for what keeps its place also if it is zero.
func (r *repair) element(raw []byte, t reflect.Type, at string, depth int) ([]byte, bool) {
	text, ok := r.value(raw, t, at, depth+1)
	if !ok {
		r.tell(at)
	}
	if text == nil || !ok {
		null := []byte("null")
		return null, reads(null, t)
	}
	return text, true
}

// A field is where encoding/json puts a member.
type field struct {
	name    string
	typ     reflect.Type
	tagged  bool
	quoted  bool // option string
	decides bool
	list    bool // decides if what comes is none
}

// fieldsOf returns the fields of a struct by the rules of encoding/json: those of embedded structs are
// its own unless there is one of the same name further out.
func fieldsOf(t reflect.Type) []field {
	fields := []field{}
	taken, visited := make(map[string]bool), make(map[reflect.Type]bool)
	for level := []reflect.Type{t}; len(level) > 0; {
		var here []field
		var next []reflect.Type
		for _, t := range level {
			if visited[t] {
				continue
			}
			visited[t] = true
			for f := range t.Fields() {
				if inner := embedded(f); inner != nil {
					next = append(next, inner)
				} else if f.IsExported() && f.Tag.Get("json") != "-" {
					here = append(here, fieldOf(f))
				}
			}
		}
		for _, f := range here {
			if !taken[f.name] && dominates(f, here) {
				fields = append(fields, f)
			}
		}
		for _, f := range here {
			taken[f.name] = true
		}
		level = next
	}
	return fields
}

// embedded is the struct whose fields stand for f.
func embedded(f reflect.StructField) reflect.Type {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if !f.Anonymous || name != "" || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

func fieldOf(f reflect.StructField) field {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	tagged := name != ""
	if !tagged {
		name = f.Name
	}
	option := func(o string) bool { return strings.Contains(","+options+",", ","+o+",") }
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	needed := !option("omitzero") && !option("omitempty")
	return field{
		name: name, typ: f.Type, tagged: tagged,
		quoted:  option("string") && scalar(t) && !unmarshals(t),
		decides: scalar(t) && needed,
		list:    t.Kind() == reflect.Slice && container(t) && needed,
	}
}

// dominates reports whether f is the only one of its name, or the only one with a tag.
func dominates(f field, all []field) bool {
	same, tagged := 0, 0
	for _, other := range all {
		if other.name == f.name {
			same++
			if other.tagged {
				tagged++
			}
		}
	}
	return same == 1 || f.tagged && tagged == 1
}

// find returns the field for a member, or -1. Case does not matter unless two differ in nothing else.
func find(fields []field, name string) int {
	folded := -1
	for i, f := range fields {
		if f.name == name {
			return i
		}
		if folded < 0 && strings.EqualFold(f.name, name) {
			folded = i
		}
	}
	return folded
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// A member is one of an object, in its order.
type member struct {
	name  string
	value json.RawMessage
}

// split takes valid JSON of an object apart.
func split(raw []byte) (members []member) {
	d := json.NewDecoder(bytes.NewReader(raw))
	for _, err := d.Token(); err == nil && d.More(); {
		var m member
		var name json.Token
		if name, err = d.Token(); err == nil {
			m.name, _ = name.(string)
			err = d.Decode(&m.value)
		}
		if err == nil {
			members = append(members, m)
		}
	}
	return members
}

// elements takes valid JSON of an array apart.
func elements(raw []byte) (all []json.RawMessage) {
	_ = json.Unmarshal(raw, &all)
	return all
}

// assemble writes an object.
func assemble(members []member) []byte {
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, quote(m.name)...), ':'), m.value...)
	}
	return append(out, '}')
}

func quote(s string) []byte {
	text, _ := json.Marshal(s) // a string always encodes
	return text
}

func same(a, b []byte) bool { return a != nil && &a[0] == &b[0] }

func reads(raw []byte, t reflect.Type) bool {
	return json.Unmarshal(raw, reflect.New(t).Interface()) == nil
}

func isObject(raw []byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == '{'
}

// wantsObject reports whether a t is written as an object.
func wantsObject(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	return !unmarshals(t) || hasTags(t) // of those that decode themselves, Push does, time.Time does not
}

func hasTags(t reflect.Type) bool {
	for field := range t.Fields() {
		if field.Tag.Get("json") != "" {
			return true
		}
	}
	return false
}

func unmarshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func container(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Array:
		return true
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8 // bytes are a text
	}
	return false
}

func scalar(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Bool || number(t)
}

func number(t reflect.Type) bool {
	return integer(t) || t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64
}

func integer(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr }
