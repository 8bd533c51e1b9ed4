// Package sealing finds the secrets in the body of a call. The body is encoded with a gap in place of each, so that
// what is wrong with it shows before a key is asked for; then ciphertexts fill the gaps.
package sealing

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wxpay-go/wxpay/internal/value"
)

// Types remember in which types a secret can be. The zero Types know none yet.
type Types struct{ known sync.Map } // reflect.Type → nature

// The nature of a type is what it means for secrets.
type nature uint8

const (
	plain  nature = iota // no secret can be in it
	open                 // one can, where encoding/json finds it
	closed               // one can, but such values encode themselves
)

var (
	secretType = reflect.TypeFor[value.Secret]()
	// encoders are the interfaces by which a value decides itself what it is in JSON.
	encoders = []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextAppender](),
	}
	first = makeGap(0) // of most calls, the only one
)

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

// mostDepth is how deep values may be nested; what holds itself is found there.
const mostDepth = 1000

// Gaps returns body with a gap in place of every secret that is not empty, and the list (empty) with these secrets appended.
// Body itself stays as it is: what leads to a secret is copied. Without any, body is returned as it came.
func (t *Types) Gaps(body any, list []value.Secret) (gapped any, secrets []value.Secret, err error) {
	v := reflect.ValueOf(body)
	if found, err := t.look(v, 0); err != nil || !found {
		return body, list, err
	}
	pointed := v.Kind() == reflect.Pointer
	if pointed {
		v = v.Elem()
	}
	c := copyOf(v)
	secrets = t.cut(c, list)
	if pointed {
		c = c.Addr()
	}
	return c.Interface(), secrets, nil
}

// Fill returns text, which is JSON with gaps, with what seal makes of each secret in its place. It writes into text
// where it can. A secret that has no gap there, since its member was left out, is not sealed.
func Fill(text []byte, secrets []value.Secret, seal func(plain string) (ciphertext string, err error)) ([]byte, error) {
	for from := 0; ; {
		next := bytes.Index(text[from:], []byte(value.Mark))
		if next < 0 {
			return text, nil
		}
		from += next
		gap, _, _ := bytes.Cut(text[from:], []byte(`"`))
		number, _, _ := bytes.Cut(gap[len(value.Mark):], []byte("."))
		i, err := strconv.Atoi(string(number))
		if err != nil || i >= len(secrets) {
			return nil, errors.New("a Secret stands where it cannot be sealed")
		}
		ciphertext, err := seal(string(secrets[i]))
		if err != nil {
			return nil, err
		}
		switch {
		case strings.Trim(ciphertext, base64) != "": // of an Encryptor with an encoding of its own
			quoted, err := json.Marshal(ciphertext)
			if err != nil {
				return nil, err
			}
			ciphertext = string(quoted[1 : len(quoted)-1])
			fallthrough
		case len(ciphertext) != len(gap):
			text = slices.Replace(text, from, from+len(gap), []byte(ciphertext)...)
		default:
			copy(gap, ciphertext)
		}
		from += len(ciphertext)
	}
}

// gap is what stands in place of secret i: as long as the ciphertext of a key with 2048 bits, which fits in without
// moving the rest.
func gap(i int) value.Secret {
	if i == 0 {
		return first
	}
	return makeGap(i)
}

func makeGap(i int) value.Secret {
	const length = 344
	text := value.Mark + strconv.Itoa(i) + "."
	return value.Secret(text + strings.Repeat(".", max(length-len(text), 0)))
}

// look reports whether a secret that is not empty is in v, or why one there cannot be sealed.
func (t *Types) look(v reflect.Value, depth int) (found bool, err error) {
	switch n := t.nature(v); {
	case n == plain:
		return false, nil
	case n == closed && t.conceals(v, map[place]bool{}):
		return false, fmt.Errorf("a value of type %s encodes itself and holds a Secret, which cannot be sealed there", v.Type())
	case n == closed:
		return false, nil
	case depth == mostDepth:
		return false, errors.New("it holds itself, or is nested too deep")
	}
	switch v.Kind() {
	case reflect.String: // a Secret: no other text is of a nature to hold one
		return v.Len() > 0, nil
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !encoded(f) {
				continue
			}
			here, err := t.look(v.Field(i), depth+1)
			if here && !f.IsExported() && f.Type.Kind() == reflect.Pointer {
				err = fmt.Errorf("type %s is embedded by its address and holds a Secret, which cannot be sealed there", f.Type.Elem())
			}
			if err != nil {
				return false, err
			}
			found = found || here
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			here, err := t.look(v.Index(i), depth+1)
			if err != nil {
				return false, err
			}
			found = found || here
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if t.conceals(i.Key(), map[place]bool{}) {
				return false, errors.New("a Secret is the name of a member")
			}
			here, err := t.look(i.Value(), depth+1)
			if err != nil {
				return false, err
			}
			found = found || here
		}
	case reflect.Pointer, reflect.Interface:
		return t.look(v.Elem(), depth+1)
	}
	return found, nil
}

// A place is where a value was looked at.
type place struct {
	address uintptr
	of      reflect.Type
}

// conceals reports whether a secret that is not empty is in v, a value that encodes itself or a part of one. What
// its hidden fields point to is its own affair, and may be in use elsewhere.
func (t *Types) conceals(v reflect.Value, seen map[place]bool) bool {
	if t.nature(v) == plain {
		return false
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice:
		if !v.CanInterface() {
			return false
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		here := place{v.Pointer(), v.Type()}
		if seen[here] {
			return false
		}
		seen[here] = true
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len() > 0
	case reflect.Struct:
		for _, field := range v.Fields() {
			if t.conceals(field, seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if t.conceals(v.Index(i), seen) {
				return true
			}
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			if t.conceals(i.Key(), seen) || t.conceals(i.Value(), seen) {
				return true
			}
		}
	case reflect.Pointer, reflect.Interface:
		return t.conceals(v.Elem(), seen)
	}
	return false
}

// cut puts gaps in place of the secrets in v, which is a copy. What v shares with the original is copied first
// where a secret can be in it.
func (t *Types) cut(v reflect.Value, secrets []value.Secret) []value.Secret {
	if t.nature(v) != open {
		return secrets
	}
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			secrets = append(secrets, value.Secret(v.String()))
			v.SetString(string(gap(len(secrets) - 1)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if encoded(f) && (f.IsExported() || f.Type.Kind() == reflect.Struct) {
				secrets = t.cut(v.Field(i), secrets)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			secrets = t.cut(v.Index(i), secrets)
		}
	case reflect.Slice:
		if !v.IsNil() {
			list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(list, v)
			for i := range list.Len() {
				secrets = t.cut(list.Index(i), secrets)
			}
			v.Set(list)
		}
	case reflect.Map:
		if !v.IsNil() {
			table := reflect.MakeMapWithSize(v.Type(), v.Len())
			for i := v.MapRange(); i.Next(); {
				c := copyOf(i.Value())
				secrets = t.cut(c, secrets)
				table.SetMapIndex(i.Key(), c)
			}
			v.Set(table)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			c := copyOf(v.Elem())
			secrets = t.cut(c, secrets)
			if v.Kind() == reflect.Pointer {
				c = c.Addr().Convert(v.Type())
			}
			v.Set(c)
		}
	}
	return secrets
}

func copyOf(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// encoded reports whether encoding/json looks at a field or, of a hidden type that is embedded, at those in it.
func encoded(f reflect.StructField) bool {
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	return f.Tag.Get("json") != "-" && (f.IsExported() || f.Anonymous && inner.Kind() == reflect.Struct)
}

// encodesItself reports whether values of type t, or what holds them, may write JSON of their own.
func encodesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false // what is behind it may
	}
	p := reflect.PointerTo(t)
	if slices.ContainsFunc(encoders, p.Implements) {
		return true
	}
	_, newer := p.MethodByName("MarshalJSONTo") // of encoding/json/v2
	return newer
}

// nature is that of the type of v; plain if there is no value.
func (t *Types) nature(v reflect.Value) nature {
	if !v.IsValid() {
		return plain
	}
	if known, ok := t.known.Load(v.Type()); ok {
		return known.(nature)
	}
	n := plain
	switch of := v.Type(); {
	case !holds(of, map[reflect.Type]bool{}):
	case of != secretType && encodesItself(of):
		n = closed
	default:
		n = open
	}
	t.known.Store(v.Type(), n)
	return n
}

// holds reports whether a secret can be in a value of type t.
func holds(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch {
	case t == secretType || t.Kind() == reflect.Interface:
		return true
	case seen[t]:
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return holds(t.Elem(), seen)
	case reflect.Map:
		return holds(t.Key(), seen) || holds(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if holds(field.Type, seen) {
				return true
			}
		}
	}
	return false
}
