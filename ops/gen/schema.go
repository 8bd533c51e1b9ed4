package main

import (
	"cmp"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/wxpay-go/wxpay/api"
)

const toPlatform = "to-platform"

// schema reads the form of a value. A name stays a name: [api.Parse] links it.
func (r *reader) schema(n *yaml.Node) *api.Schema {
	s := new(api.Schema)
	var required []string
	var parts []*yaml.Node
	sealed, direction, meanings, constants := false, toPlatform, map[string]string{}, map[string]string{}
	r.fields(n, fields{
		"$ref": func(v *yaml.Node) { s.Ref = schemaName(v) },
		"type": func(v *yaml.Node) {
			types := []string{v.Value}
			if v.Kind == yaml.SequenceNode {
				r.decode(v, &types)
			}
			s.Type, s.Also = types[0], types[1:]
		},
		"format": &s.Format, "x-unit": &s.Unit, "description": &s.Description,
		"const":          func(v *yaml.Node) { s.Enum = []api.Value{{Value: v.Value}} },
		"enum":           func(v *yaml.Node) { s.Enum = values(v) },
		"x-enum-meaning": &meanings, "x-open-enum": &s.OpenEnum, "x-brand-enum": &s.BrandEnum,
		"x-sensitive": &sealed, "x-sensitive-direction": &direction,
		"minLength": &s.MinLength, "maxLength": &s.MaxLength, "minimum": &s.Minimum, "maximum": &s.Maximum, "minItems": &s.MinItems, "maxItems": &s.MaxItems,
		"pattern":  func(v *yaml.Node) { s.Pattern = v.Value },
		"default":  func(v *yaml.Node) { s.Default = r.json(v) },
		"required": &required,
		"properties": func(v *yaml.Node) {
			r.each(v, func(name string, v *yaml.Node) {
				s.Properties = append(s.Properties, &api.Property{Name: name, Schema: r.schema(v)})
			})
		},
		"additionalProperties": func(v *yaml.Node) { s.Closed = v.Value == "false" },
		"items":                func(v *yaml.Node) { s.Items = r.schema(v) },
		"allOf":                func(v *yaml.Node) { parts = v.Content },
		"oneOf": func(v *yaml.Node) {
			for _, item := range v.Content {
				s.OneOf = append(s.OneOf, r.schema(item))
			}
		},
		"anyOf": func(v *yaml.Node) {
			for _, item := range v.Content {
				var group []string
				r.fields(item, fields{"required": &group})
				s.AnyOf = append(s.AnyOf, group)
			}
		},
		"examples": func(v *yaml.Node) {
			for _, item := range v.Content {
				s.Examples = append(s.Examples, r.json(item))
			}
		},
		"x-doubt": func(v *yaml.Node) { s.Doubts = r.doubts(v) },
		"x-alias": &s.Alias, "x-go-name": &s.Go.Name, "x-go-type": &s.Go.Type, "x-go-nil": &s.Go.Nil, "x-go-check": &s.Go.Check, "x-go-prefix": &s.Go.Prefix, "x-go-always": &s.Go.Always, "x-go-values": &constants,

		"contentMediaType": nil, "contentEncoding": nil, "contentSchema": nil, "deprecated": nil, "x-plaintext": nil, "x-note": nil,
		"x-sensitive-unit": nil, "x-max-size": nil, "x-max-lines": nil, "x-max-bytes": nil, "x-file-name-length": nil, "x-on-failure": nil,
		"x-values": nil, "x-retired-values": nil, "x-history": nil, "x-wire-notes": nil, "x-channel-limits": nil, "x-limits": nil,
		"x-terminal": nil, "x-undocumented": nil,
	})
	for i, v := range s.Enum {
		s.Enum[i].Meaning, s.Enum[i].Go = meanings[v.Value], constants[v.Value]
		delete(meanings, v.Value)
		delete(constants, v.Value)
	}
	for value := range meanings {
		r.fault(n, "%s has a meaning and is no value", value)
	}
	for value := range constants {
		r.fault(n, "%s has a constant and is no value", value)
	}
	if sealed {
		s.Sealed = direction
	}
	kept := api.Schema{Ref: s.Ref, Description: s.Description, Examples: s.Examples, Default: s.Default, Doubts: s.Doubts, Go: s.Go}
	if s.Ref != "" && !reflect.DeepEqual(*s, kept) { // see over in package api
		r.fault(n, "limits beside $ref %s would be lost", s.Ref)
	}
	for _, part := range parts {
		if member(part, "if") != nil {
			s.When = append(s.When, r.condition(part))
			continue
		}
		r.merge(s, r.schema(r.follow(part)))
	}
	for _, p := range s.Properties {
		p.Required = p.Required || slices.Contains(required, p.Name)
	}
	for _, name := range required {
		switch {
		case s.Property(name) != nil:
		case s.Type == "object":
			r.fault(n, "%s is required and no member", name)
		case s.Ref == "" && parts == nil: // a condition that says no more of a member
			s.Properties = append(s.Properties, &api.Property{Name: name, Required: true, Schema: new(api.Schema)})
		}
	}
	return s
}

func values(list *yaml.Node) (all []api.Value) {
	for _, item := range list.Content {
		all = append(all, api.Value{Value: item.Value})
	}
	return all
}

// condition reads an if that looks at one member, and its then.
func (r *reader) condition(n *yaml.Node) *api.Condition {
	c := new(api.Condition)
	r.fields(n, fields{
		"if": func(v *yaml.Node) {
			r.each(member(v, "properties"), func(name string, v *yaml.Node) {
				c.Member = name
				for _, value := range r.schema(v).Enum {
					c.Values = append(c.Values, value.Value)
				}
			})
		},
		"then": func(v *yaml.Node) { c.Then = r.schema(v) },
	})
	return c
}

// merge lays one part of an allOf over those before it.
func (r *reader) merge(s, part *api.Schema) {
	if s.Ref != "" {
		*s = *r.schema(member(member(member(r.root, "components"), "schemas"), s.Ref))
	}
	for _, over := range part.Properties {
		if under := s.Property(over.Name); under != nil {
			r.merge(under.Schema, over.Schema)
		} else {
			s.Properties = append(s.Properties, over)
		}
	}
	s.Type = cmp.Or(part.Type, s.Type)
	if part.Enum != nil {
		s.Enum, s.Examples = part.Enum, nil
	}
	if part.Examples != nil {
		s.Examples = part.Examples
	}
}
