package schema

import (
	"fmt"
	"slices"

	"github.com/wxpay-go/wxpay/api"
)

// Example is the answer that the documents show for a call, with what the request named in place of the
// sample values. Of what is asked, what stands further in front counts: path, query, body. A call that answers
// nothing has none.
func Example(op *api.Operation, asked ...Object) (Object, error) {
	if op.Answer == nil {
		return nil, nil
	}
	o, err := (Reader{}).Object(op.Example)
	if err != nil {
		return nil, fmt.Errorf("wxpaytest: example of %s: %w", op.ID, err)
	}
	echo(o, op.Answer, asked)
	return o, nil
}

// echo puts what was asked in the place of the sample values that have its name and type, however deep.
func echo(o Object, s *api.Schema, asked []Object) {
	for name, v := range o {
		p := s.Property(name)
		if p == nil {
			continue
		}
		for _, from := range asked {
			given, ok := from[name]
			if ok && fits(name, given, p.Schema) {
				o[name], v = given, given
				break
			}
		}
		echoInside(v, p.Schema, asked)
	}
}

// fits reports whether a value has the shape of a schema.
func fits(name string, v any, s *api.Schema) bool {
	var c Check
	c.value(name, v, s, "")
	return len(c.Found) == 0
}

func echoInside(v any, s *api.Schema, asked []Object) {
	switch v := v.(type) {
	case Object:
		echo(v, s, asked)
	case []any:
		if s.Items == nil {
			return
		}
		for _, item := range v {
			echoInside(item, s.Items, asked)
		}
	}
}

// EncodeSealed writes an object as JSON, with the members encrypted by f that the platform seals. The object
// stays as it is.
func EncodeSealed(o Object, s *api.Schema, f func(plain string) (string, error)) ([]byte, error) {
	text, err := Encode(o)
	if err != nil || s == nil || !seals(s, map[*api.Schema]bool{}) {
		return text, err
	}
	copied, err := (Reader{}).Object(text)
	if err != nil {
		return nil, err
	}
	v, err := sealed(copied, s, f)
	if err != nil {
		return nil, err
	}
	return Encode(v)
}

// seals reports whether anything within a schema is sealed by the platform.
func seals(s *api.Schema, seen map[*api.Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	return s.Sealed == "from-platform" || seals(s.Items, seen) ||
		slices.ContainsFunc(s.Properties, func(p *api.Property) bool { return seals(p.Schema, seen) })
}

func sealed(v any, s *api.Schema, f func(string) (string, error)) (_ any, err error) {
	switch v := v.(type) {
	case string:
		if s.Sealed == "from-platform" {
			return f(v)
		}
	case Object:
		for name := range v {
			if p := s.Property(name); p != nil {
				if v[name], err = sealed(v[name], p.Schema, f); err != nil {
					return nil, err
				}
			}
		}
	case []any:
		for i := range v {
			if v[i], err = sealed(v[i], s.Items, f); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
