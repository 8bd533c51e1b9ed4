package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// Example builds a value that has every member of a schema, each from its first example. Lists have two
// elements unless their example says otherwise.
func Example(s *openapi3.Schema) any {
	v := example(s)
	if object, ok := v.(map[string]any); ok && len(s.Examples) > 0 {
		return merge(object, s.Examples[0])
	}
	return v
}

func example(s *openapi3.Schema) any {
	switch {
	case len(s.OneOf) > 0:
		return Example(s.OneOf[0].Value)
	case s.Type.Is("object"), len(s.AllOf) > 0:
		var object any = map[string]any{}
		for name, member := range s.Properties {
			object.(map[string]any)[name] = Example(member.Value)
		}
		for _, part := range s.AllOf {
			if more, ok := Example(part.Value).(map[string]any); ok {
				object = merge(object, more)
			}
		}
		return object
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Const != nil:
		return s.Const
	case len(Known(s)) > 0:
		return Known(s)[0]
	case s.Type.Includes("array"):
		list := make([]any, max(2, int(s.MinItems)))
		for i := range list {
			list[i] = Example(s.Items.Value)
		}
		return list
	case s.Type.Includes("boolean"):
		return true
	case s.Type.Includes("integer"):
		return 1
	}
	return "text"
}

// merge lays members over those of an object; anything but two objects is replaced.
func merge(under, over any) any {
	a, ok := under.(map[string]any)
	b, both := over.(map[string]any)
	if !ok || !both {
		return over
	}
	merged := maps.Clone(a)
	for name, v := range b {
		if merged[name] != nil {
			v = merge(merged[name], v)
		}
		merged[name] = v
	}
	return merged
}

// JSON returns v as a decoder sees it once it was encoded. Numbers keep their digits.
func JSON(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// Decode reads JSON. Numbers keep their digits.
func Decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// absent is what a member becomes that is to be left out.
type absent struct{}

// Visit returns v with each value replaced by what f makes of it, inner ones first. f is told the path, such
// as data[].task_id, and the schema, nil if there is none.
func Visit(s *openapi3.Schema, v any, f func(path string, s *openapi3.Schema, v any) any) any {
	return visit("", s, v, f)
}

func visit(path string, s *openapi3.Schema, v any, f func(string, *openapi3.Schema, any) any) any {
	switch old := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(old))
		for name, member := range old {
			if member = visit(join(path, name), property(s, name), member, f); member != (absent{}) {
				object[name] = member
			}
		}
		v = object
	case []any:
		var items *openapi3.Schema
		if s != nil && s.Items != nil {
			items = s.Items.Value
		}
		list := make([]any, len(old))
		for i, item := range old {
			list[i] = visit(path+"[]", items, item, f)
		}
		v = list
	}
	return f(path, s, v)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// property finds a member's schema, nil if there is none.
func property(s *openapi3.Schema, name string) *openapi3.Schema {
	if s == nil {
		return nil
	}
	if p := s.Properties[name]; p != nil {
		return p.Value
	}
	for _, part := range slices.Concat(s.AllOf, s.OneOf, s.AnyOf) {
		if p := property(part.Value, name); p != nil {
			return p
		}
	}
	return nil
}

// Plain brings a value to one form where its schema allows several: a number where text is as good becomes
// text, one value where a list is as good becomes a list, and a null is left out.
func Plain(s *openapi3.Schema, v any) any {
	return Visit(s, v, func(_ string, s *openapi3.Schema, v any) any {
		number, isNumber := v.(json.Number)
		_, isList := v.([]any)
		switch {
		case s == nil:
		case v == nil && s.Type.Includes("null"):
			return absent{}
		case isNumber && s.Type.Includes("string") && s.Type.Includes("integer"):
			return number.String()
		case !isList && len(s.OneOf) == 2 && s.OneOf[1].Value.Type.Is("array"):
			return []any{v}
		}
		return v
	})
}

// Aliased returns a value with members under other names that the document has seen, and whether there are
// any.
func Aliased(s *openapi3.Schema, v any) (aliased any, ok bool) {
	aliased = Visit(s, v, func(_ string, s *openapi3.Schema, v any) any {
		object, _ := v.(map[string]any)
		for name, member := range object {
			p := property(s, name)
			if p == nil {
				continue
			}
			if names, _ := p.Extensions["x-wechatpay-alias"].([]any); len(names) > 0 {
				delete(object, name)
				object[names[0].(string)] = member
				ok = true
			}
		}
		return v
	})
	return aliased, ok
}

// Members returns the paths of all members of a value, sorted.
func Members(v any) []string {
	seen := map[string]bool{}
	Visit(nil, v, func(path string, _ *openapi3.Schema, _ any) any {
		if path != "" && !strings.HasSuffix(path, "[]") {
			seen[path] = true
		}
		return nil
	})
	return slices.Sorted(maps.Keys(seen))
}

// Lost returns the members of want that got does not hold with the same value, sorted. Times are the same
// if they are the same instant, numbers if they are the same number; nothing else may differ. That got
// holds more is no loss.
func Lost(want, got any) []string {
	gone := map[string]bool{}
	lost("", want, got, gone)
	return slices.Sorted(maps.Keys(gone))
}

func lost(path string, want, got any, gone map[string]bool) {
	kept := false
	switch want := want.(type) {
	case map[string]any:
		var object map[string]any
		object, kept = got.(map[string]any)
		for name, member := range want {
			value, has := object[name]
			if !has {
				value = absent{} // also where null is wanted
			}
			lost(join(path, name), member, value, gone)
		}
	case []any:
		list, ok := got.([]any)
		kept = ok && len(list) == len(want)
		for i, item := range want {
			var value any
			if i < len(list) {
				value = list[i]
			}
			lost(path+"[]", item, value, gone)
		}
	default:
		kept = same(want, got)
	}
	if !kept {
		gone[strings.TrimSuffix(path, "[]")] = true
	}
}

func same(want, got any) bool {
	switch want := want.(type) {
	case string:
		got, ok := got.(string)
		return ok && (want == got || sameInstant(want, got))
	case json.Number:
		got, ok := got.(json.Number)
		return ok && (want == got || sameNumber(want, got))
	}
	return want == got
}

func sameInstant(a, b string) bool {
	t, err := time.Parse(time.RFC3339Nano, a)
	u, err2 := time.Parse(time.RFC3339Nano, b)
	return err == nil && err2 == nil && t.Equal(u)
}

func sameNumber(a, b json.Number) bool {
	x, ok := new(big.Rat).SetString(a.String())
	y, ok2 := new(big.Rat).SetString(b.String())
	return ok && ok2 && x.Cmp(y) == 0
}
