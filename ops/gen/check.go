package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/api"
)

// A goCheck refuses what the document rules out, before anything is sent.
type goCheck struct {
	Type, Route string
	Doors       bool     // the check looks at who calls
	Brand       string   // route of brands
	Faults      []string // expressions that are a *wxpay.ParamError
}

// check works out the faults of the params of a call.
func (g *goPackage) check(o *api.Operation) {
	c := goCheck{Type: methodName(o) + "Params", Route: "route" + methodName(o), Doors: g.doors, Brand: `""`}
	if o.BrandRoute != "" {
		c.Brand = "brand" + methodName(o)
	}
	faults := func(within *api.Schema, p *api.Property) {
		all := g.faults("", "p.", within, p)
		if ofMerchants(o, p.Name) {
			all = []string{fmt.Sprintf("params.OfMerchants(c, %q, &p.%s, %s)", p.Name, plainName(within, p), strings.Join(all, ", "))}
		}
		c.Faults = append(c.Faults, all...)
	}
	paged := o.Pagination
	counted := paged != nil && paged.Offset == "offset" && paged.Limit == "limit" // the names that params.Page says
	for _, p := range o.Params {
		switch {
		case p.In == "header", inBody(o, p.Name):
		case counted && p.Name == paged.Offset:
			c.Faults = append(c.Faults, fmt.Sprintf("params.Page(p.Offset, p.Limit, %d)", paged.MaxLimit))
		case counted && p.Name == paged.Limit:
		default:
			faults(nil, &api.Property{Name: p.Name, Required: p.Required, Schema: p.Schema})
		}
	}
	if o.Body != nil {
		for _, p := range o.Body.Properties {
			faults(o.Body, p)
		}
	}
	if c.Faults != nil {
		g.Checks = append(g.Checks, c)
	}
}

// faults are the checks of one member; path and at lead to it on the wire and in Go. A path that begins with @ is one in
// an element of a list, where the variable at says the rest.
func (g *goPackage) faults(path, at string, within *api.Schema, p *api.Property) (all []string) {
	s, name := p.Schema, fmt.Sprintf("%q", path+p.Name)
	if rest, ok := strings.CutPrefix(path, "@"); ok {
		name = fmt.Sprintf("at+%q", rest+p.Name)
	}
	v := at + plainName(within, p)
	must := func(ok, reason string, args ...any) {
		all = append(all, fmt.Sprintf("params.Must(%s, %s, %q)", ok, name, fmt.Sprintf(reason, args...)))
	}
	most := int64(0)
	if s.MaxLength != nil {
		most = *s.MaxLength
	}
	switch t := strings.TrimPrefix(g.typeOf("", "", s), "wxpay."); {
	case s.Go.Nil != "" || s.Go.Type != "": // left to what is written by hand
	case t == "Time" || t == "Date":
		if p.Required {
			must("!"+v+".IsZero()", "is missing")
		}
	case s.Sealed != "":
		if p.Required {
			must(v+` != ""`, "is missing")
		}
	case t == "Fen" && p.Required && (s.Minimum == nil || *s.Minimum == 1):
		must(v+" > 0", "is missing or not more than 0")
	case s.Type == "integer":
		zero := v + " == 0 || "
		if p.Required {
			zero = ""
		}
		if s.Minimum != nil && *s.Minimum != 0 {
			must(fmt.Sprintf("%s%s >= %d", zero, v, *s.Minimum), "is less than %d", *s.Minimum)
		} else if s.Minimum != nil {
			must(v+" >= 0", "is negative")
		}
		if s.Maximum != nil {
			must(fmt.Sprintf("%s <= %d", v, *s.Maximum), "is more than %d", *s.Maximum)
		}
	case s.Type == "object":
		for _, inner := range s.Properties {
			needed := &api.Property{Name: inner.Name, Required: inner.Required && p.Required, Schema: inner.Schema}
			all = append(all, g.faults(path+p.Name+".", v+".", s, needed)...)
		}
	case s.Type == "array":
		if p.Required {
			must("len("+v+") > 0", "is missing")
		}
		if s.MinItems != nil && *s.MinItems > 1 {
			must(fmt.Sprintf("len(%s) == 0 || len(%s) >= %d", v, v, *s.MinItems), "has fewer than %d", *s.MinItems)
		}
		if s.MaxItems != nil {
			must(fmt.Sprintf("len(%s) <= %d", v, *s.MaxItems), "has more than %d", *s.MaxItems)
		}
		if s.Items.Type == "string" && s.Items.Pattern == "" && isID(p.Name, s.Items) {
			if s.Items.MaxLength != nil {
				most = *s.Items.MaxLength
			}
			all = append(all, fmt.Sprintf("params.IDs(%s, %s, %d)", name, v, most))
		} else if each := g.each(p.Name, s.Items); each != nil {
			all = append(all, fmt.Sprintf("params.Each(%s, %s, func(at string, v *%s) *wxpay.ParamError {\nreturn params.First(\n%s,\n)\n})", name, v, g.typeOf("", "", s.Items), strings.Join(each, ",\n")))
		}
	case s.Type == "string":
		all = g.text(name, v, p, most)
	}
	return all
}

// each are the checks of an element of a list.
func (g *goPackage) each(list string, s *api.Schema) (all []string) {
	if s.Type == "string" {
		most := int64(0)
		if s.MaxLength != nil {
			most = *s.MaxLength
		}
		if most == 0 && s.Pattern == "" && (s.Enum == nil || s.OpenEnum) {
			return nil // nothing is said of it
		}
		filled := s.MinLength != nil && *s.MinLength > 0
		return g.text("at", "*v", &api.Property{Name: strings.TrimSuffix(list, "_list"), Required: filled, Schema: s}, most)
	}
	for _, p := range s.Properties {
		all = append(all, g.faults("@.", "v.", s, p)...)
	}
	return all
}

// text are the checks of a member that is text.
func (g *goPackage) text(name, v string, p *api.Property, most int64) (all []string) {
	s, call := p.Schema, map[bool]string{true: "Required", false: "Optional"}[p.Required]
	if s.Format == "ip" {
		return []string{fmt.Sprintf("params.IP(%s, %s)", name, v)}
	}
	if isID(p.Name, s) && s.Pattern == "" && s.Enum == nil {
		if !p.Required && most == 0 {
			return nil // nothing is said of it
		}
		return []string{fmt.Sprintf("params.%s(%s, %s, %d)", map[bool]string{true: "ID", false: "OptionalID"}[p.Required], name, v, most)}
	}
	closed := s.Enum != nil && !s.OpenEnum
	if closed {
		most = 0 // the values say it
	}
	if p.Required || most > 0 {
		all = append(all, fmt.Sprintf("params.%s(%s, %s, %d)", call, name, v, most))
	}
	if s.MinLength != nil && *s.MinLength > 1 {
		all = append(all, fmt.Sprintf("params.Min(%s, %s, %d)", name, v, *s.MinLength))
	}
	switch {
	case closed:
		var values []string
		if named := g.product.Schema(s.Name); named != nil {
			s = named
		}
		if t := g.named[s]; t != nil {
			for _, value := range t.Values {
				values = append(values, value.Name)
			}
		} else { // a fixed value
			values = append(values, strconv.Quote(s.Enum[0].Value))
		}
		all = append(all, fmt.Sprintf("params.OneOf(%s, %s, %s)", name, v, strings.Join(values, ", ")))
	case p.Name == "notify_url":
		all = append(all, fmt.Sprintf("params.NotifyURL(%s, %s)", name, v))
	case s.Go.Check == "shown":
		all = append(all, fmt.Sprintf("params.Clean(%s, %s, %d)", name, v, most))
	case s.Pattern != "":
		reason := "is not of the documented form"
		if allowed, ok := characters(s.Pattern); ok {
			reason = "may hold " + allowed + " only"
		}
		all = append(all, fmt.Sprintf("params.Match(%s, %s, %s, %q)", name, v, g.regexp(p.Name, s.Pattern), reason))
	}
	return all
}

// isID reports whether a member names something that is asked for later.
func isID(name string, s *api.Schema) bool {
	if s.Go.Check != "" {
		return s.Go.Check == "id"
	}
	name = strings.TrimSuffix(name, "_list")
	return strings.HasSuffix(name, "id") || name == "code"
}

// regexp is the variable of a pattern.
func (g *goPackage) regexp(member, pattern string) string {
	for _, r := range g.Regexps {
		if r.Pattern == pattern {
			return r.Name
		}
	}
	name := fieldName(member) + "Form"
	name = strings.ToLower(name[:1]) + name[1:]
	g.Regexps = append(g.Regexps, goRegexp{name, pattern})
	return name
}
