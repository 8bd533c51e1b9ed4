package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/wxpay-go/wxpay/api"
)

// A goPackage is what is generated for one product.
type goPackage struct {
	Name    string // of the package
	Types   []*goType
	Routes  []goRoute
	Checks  []goCheck
	Regexps []goRegexp

	product *api.Product
	doors   bool                    // brands have calls of their own
	named   map[*api.Schema]*goType // by the schema they stand for
	names   map[string]bool
	fault   error
}

// A goType is a struct, or an enumeration with Values.
type goType struct {
	Name, Doc string
	As        string // another type of the same members; empty: Fields
	Fields    []goField
	Values    []goValue
	Group     string // comment of the values
	Pages     []string
}

type goField struct{ Doc, Name, Type, Tag, Comment string }

type goValue struct{ Name, Value, Comment string }

type goRoute struct{ Name, Route string }

type goRegexp struct{ Name, Pattern string }

// newPackage works out the types, routes and checks of a product.
func newPackage(p *api.Product) (*goPackage, error) {
	g := &goPackage{Name: p.Name, product: p, doors: hasDoors(p), named: map[*api.Schema]*goType{}, names: map[string]bool{}}
	for _, o := range p.Operations {
		g.Routes = append(g.Routes, goRoute{"route" + methodName(o), o.Route})
		if o.BrandRoute != "" {
			g.Routes = append(g.Routes, goRoute{"brand" + methodName(o), o.BrandRoute})
		}
		if o.Upload == nil { // else the params hold the file, and are written by hand
			g.params(o)
		}
		answer := o.Answer
		if answer != nil && o.Pagination != nil {
			answer = answer.Property(o.Pagination.Items).Schema.Items // wxpay.Page holds the rest
		}
		if answer != nil {
			g.list(o, g.typeOf("", "", answer))
		}
	}
	for _, n := range p.Notifications {
		if made := len(g.Types); g.typeOf("", "", n.Plaintext) != "" && len(g.Types) > made {
			g.Types[len(g.Types)-1].Pages = n.Pages // the type itself comes after those of its members
		}
	}
	return g, g.fault
}

// hasDoors reports whether brands call a product in their own name.
func hasDoors(p *api.Product) bool {
	return slices.ContainsFunc(p.Operations, func(o *api.Operation) bool { return o.BrandRoute != "" })
}

// ofMerchants reports whether a param is one that the door of brands does not have: their ID, which they say by their
// signature, and what stands in the other path alone.
func ofMerchants(o *api.Operation, name string) bool {
	return o.BrandRoute != "" && (name == "brand_id" || slices.Contains(wildcards(o.Route), name) && !slices.Contains(wildcards(o.BrandRoute), name))
}

// plainList reports whether params.List reads the pages of a call.
func plainList(page *api.Pagination) bool {
	return page.Items == "data" && page.Next == "" && (page.Total == "" || page.Total == "total_count")
}

// listName is the type that reads the pages of a call.
func listName(o *api.Operation) string {
	name := methodName(o)
	return strings.ToLower(name[:1]) + name[1:] + "Answer"
}

// list is the type that reads pages whose members have other names than those of params.List.
func (g *goPackage) list(o *api.Operation, item string) {
	page := o.Pagination
	if page == nil || plainList(page) {
		return
	}
	t := &goType{Name: listName(o), Doc: listName(o) + " is a page as it comes."}
	for _, f := range [][2]string{{page.Items, "[]" + item}, {page.Total, "int64"}, {page.Next, "string"}} {
		if member, kind := f[0], f[1]; member != "" {
			t.Fields = append(t.Fields, goField{Name: fieldName(member), Type: kind, Tag: fmt.Sprintf("`json:%q`", member)})
		}
	}
	g.add(t)
}

// params is the struct that a method takes: parameters of path and query, then the members of the body.
func (g *goPackage) params(o *api.Operation) {
	t := &goType{Name: methodName(o) + "Params"}
	method := "[Service." + methodName(o) + "]"
	if o.Pagination != nil {
		method += " and [Service." + strings.Replace(methodName(o), "List", "All", 1) + "]"
	}
	t.Doc = t.Name + " are the parameters of " + method + "."
	for _, p := range o.Params {
		if p.In == "header" || inBody(o, p.Name) {
			continue // the client fills it in; one field serves both places
		}
		f := g.field(t.Name, nil, &api.Property{Name: p.Name, Required: p.Required, Schema: p.Schema}, true)
		f.Tag = ""
		if o.Body != nil {
			f.Tag = "`json:\"-\"`"
		}
		f.Comment = comment(p.Description, slices.Concat(p.Doubts, p.Schema.Doubts), limits(p.Schema)...)
		t.Fields = append(t.Fields, f)
		t.leftOut(o, p.Name)
	}
	if o.Body != nil {
		t.Doc = doc(t.Name, o.Body, "for "+method)
		for _, p := range o.Body.Properties {
			t.Fields = append(t.Fields, g.field(t.Name, o.Body, p, true))
			t.leftOut(o, p.Name)
		}
	}
	if len(t.Fields) == 0 {
		return
	}
	g.add(t)
	g.check(o)
}

// leftOut says of the last field that brands leave it out.
func (t *goType) leftOut(o *api.Operation, name string) {
	if f := &t.Fields[len(t.Fields)-1]; ofMerchants(o, name) {
		f.Tag = strings.Replace(f.Tag, name+`"`, name+`,omitzero"`, 1)
		f.Comment = strings.TrimPrefix(f.Comment+"; a brand leaves it out", "; ")
	}
}

func inBody(o *api.Operation, name string) bool { return o.Body != nil && o.Body.Property(name) != nil }

func (g *goPackage) add(t *goType) {
	if g.names[t.Name] && g.fault == nil {
		g.fault = fmt.Errorf("%s: two types are called %s", g.Name, t.Name)
	}
	g.names[t.Name] = true
	for i, f := range t.Fields {
		if slices.ContainsFunc(t.Fields[:i], func(other goField) bool { return other.Name == f.Name }) {
			g.fault = fmt.Errorf("%s: two members of %s are called %s; one needs an x-go-name", g.Name, t.Name, f.Name)
		}
		if len(f.Comment) > 100 { // stands above the field
			t.Fields[i].Doc, t.Fields[i].Comment = f.Name+": "+f.Comment, ""
		}
	}
	g.Types = append(g.Types, t)
}

// fill adds the members of an object, and types for those that need one.
func (g *goPackage) fill(t *goType, s *api.Schema) {
	for _, p := range s.Properties {
		t.Fields = append(t.Fields, g.field(t.Name, s, p, false))
	}
}

func (g *goPackage) field(parent string, within *api.Schema, p *api.Property, asked bool) goField {
	name := plainName(within, p)
	f := goField{Name: name, Type: g.typeOf(parent, name, p.Schema), Tag: fmt.Sprintf("`json:%q`", p.Name)}
	if (!p.Required || p.Schema.Type == "array") && !p.Schema.Go.Always { // a nil list would be null on the wire
		f.Tag = fmt.Sprintf("`json:\"%s,omitzero\"`", p.Name)
	}
	var more []string
	if asked {
		more = limits(p.Schema)
	}
	switch said := strings.EqualFold(strings.TrimSuffix(p.Schema.Description, "."), strings.ReplaceAll(p.Name, "_", " ")); {
	case said: // by the name
		f.Comment = comment("", p.Schema.Doubts, more...)
	case g.says(p.Schema):
		f.Comment = comment(p.Schema.Description, p.Schema.Doubts, more...)
	}
	if p.Schema.Go.Nil != "" {
		f.Type = "*" + f.Type
		f.Comment = strings.TrimPrefix(f.Comment+"; nil: "+p.Schema.Go.Nil, "; ")
	}
	return f
}

// says reports whether a place says more than the type does that stands there.
func (g *goPackage) says(s *api.Schema) bool {
	named := g.product.Schema(s.Name)
	return named == nil || named.Description != s.Description
}

// plainName is the name of a field. That of a secret drops encrypted_, since it holds plain text, unless another
// member has the plain name already.
func plainName(within *api.Schema, p *api.Property) string {
	if p.Schema.Go.Name != "" && p.Schema.Name == "" { // else it is that of the type
		return p.Schema.Go.Name
	}
	plain, sealed := strings.CutPrefix(p.Name, "encrypted_")
	if sealed && p.Schema.Sealed == toPlatform && (within == nil || within.Property(plain) == nil) {
		return fieldName(plain)
	}
	return fieldName(p.Name)
}

// typeOf is the Go type of a value. An object or enumeration gets a type of its own.
func (g *goPackage) typeOf(parent, field string, s *api.Schema) string {
	switch {
	case s.Go.Type != "":
		return s.Go.Type
	case s.Sealed == toPlatform:
		return "wxpay.Secret"
	case s.Unit == "fen":
		return "wxpay.Fen"
	case s.Format == "date-time":
		return "wxpay.Time"
	case s.Format == "date":
		return "wxpay.Date"
	case s.Type == "array":
		return "[]" + g.typeOf(parent, strings.TrimSuffix(field, "List"), s.Items)
	case s.Type == "integer" && s.Format == "int32":
		return "int32"
	case s.Type == "integer":
		return "int64"
	case s.Type == "number":
		return "float64"
	case s.Type == "boolean":
		return "bool"
	case s.Type == "object" && len(s.Properties) > 0, s.Type == "string" && s.Enum != nil && !isFixed(s):
		return g.declared(parent+field, s)
	case s.Type == "string":
		return "string"
	}
	return "json.RawMessage"
}

// declared is the name of the type of an object or enumeration.
func (g *goPackage) declared(name string, s *api.Schema) string {
	if s.Name != "" {
		name = initials(s.Name)
	}
	if s.Go.Name != "" {
		name = s.Go.Name
	}
	for known, t := range g.named {
		if known == s || s.Name != "" && known.Name == s.Name {
			return t.Name
		}
	}
	if s.Name != "" {
		s = g.product.Schema(s.Name) // not what a place says more of it
	}
	t := &goType{Name: name, Doc: doc(name, s, "")}
	g.named[s] = t
	if s.Enum != nil {
		g.values(t, s)
	} else {
		t.As = g.twin(s)
		if g.fill(t, s); t.As != "" {
			t.Fields = nil
		}
	}
	g.add(t)
	return name
}

// twin is a type made before whose members are all the same.
func (g *goPackage) twin(s *api.Schema) string {
	for other, t := range g.named {
		same := t.As == "" && other != s && len(other.Properties) == len(s.Properties) && len(s.Properties) > 0
		for i := 0; same && i < len(s.Properties); i++ {
			a, b := s.Properties[i], other.Properties[i]
			same = a.Name == b.Name && (a.Schema == b.Schema || a.Schema.Type == b.Schema.Type && a.Schema.Format == b.Schema.Format &&
				a.Schema.Enum == nil && b.Schema.Enum == nil && a.Schema.Properties == nil && a.Schema.Description == b.Schema.Description)
			if same && a.Schema.Items != nil {
				same = a.Schema.Items == b.Schema.Items
			}
		}
		if same {
			return t.Name
		}
	}
	return ""
}

// isFixed reports whether a member can only say what it means where it is absent: that is text, and needs no type.
func isFixed(s *api.Schema) bool {
	return s.Name == "" && len(s.Enum) == 1 && !s.OpenEnum && string(s.Default) == strconv.Quote(s.Enum[0].Value)
}

// values are the constants of an enumeration.
func (g *goPackage) values(t *goType, s *api.Schema) {
	prefix := t.Name
	for _, kind := range []string{"State", "Status", "Scope", "Type"} {
		prefix = strings.TrimSuffix(prefix, kind)
	}
	prefix = cmp.Or(s.Go.Prefix, prefix, t.Name)
	t.Group = "Values of [" + t.Name + "]."
	for _, v := range s.Enum {
		name := fieldName(strings.ToLower(v.Value))
		if first, rest, ok := strings.Cut(strings.ToLower(v.Value), "_"); ok && strings.HasSuffix(prefix, fieldName(first)) && !t.has(prefix+fieldName(rest)) {
			name = fieldName(rest) // PlanState has PLAN_CREATED
		}
		name = prefix + name
		if v.Go != "" {
			name = v.Go
		}
		meaning := comment(v.Meaning, nil)
		if strings.HasSuffix(strings.ToLower(name), meaning) {
			meaning = "" // the name says it
		}
		t.Values = append(t.Values, goValue{name, v.Value, meaning})
	}
}

// has reports whether a constant has the name already.
func (t *goType) has(name string) bool {
	return slices.ContainsFunc(t.Values, func(v goValue) bool { return v.Name == name })
}

// methodName is the name of the method of a call.
func methodName(o *api.Operation) string { return initials(sentence(o.ID)) }

// initials spells initialisms in a name of several words: SetNotifyUrl is SetNotifyURL.
func initials(name string) string {
	return initial.ReplaceAllStringFunc(name, func(s string) string { return strings.ToUpper(s) })
}

var initial = regexp.MustCompile(`(Id|Url|Api)([A-Z]|$)`)

var initialisms = map[string]string{
	"id": "ID", "url": "URL", "ip": "IP", "appid": "AppID", "mchid": "MchID", "openid": "OpenID", "unionid": "UnionID", "sha256": "SHA256", "qrcode": "QRCode", "vip": "VIP", "api": "API",
}

// fieldName is the Go name of a member: each word capitalised, initialisms whole.
func fieldName(member string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(member, "_") {
		if whole, ok := initialisms[word]; ok {
			b.WriteString(whole)
		} else if word != "" {
			b.WriteString(sentence(word))
		}
	}
	return b.String()
}

// doc makes a comment of a description that says what a thing is.
func doc(name string, s *api.Schema, more string) string {
	what, rest, _ := strings.Cut(strings.TrimSuffix(s.Description, "."), ". ")
	switch first, _, _ := strings.Cut(what, " "); first {
	case "A", "An", "The", "One", "What", "Who", "Where", "When", "Why", "How", "Whether":
		what = lower(what)
	default:
		what = "the " + lower(what)
	}
	if more != "" {
		what += ", " + more
	}
	text := name + " is " + what + "."
	if rest != "" {
		text += " " + rest + "."
	}
	if s.OpenEnum {
		text += " The platform may add values."
	}
	return text[:len(text)-1] + numbers(s.Doubts) + "."
}

// numbers names doubts.
func numbers(doubts []string) string {
	if len(doubts) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(slices.Sorted(slices.Values(doubts))), ", ") + ")"
}

// comment is what stands beside a field: what it is, and those limits that are not said there.
func comment(description string, doubts []string, limits ...string) string {
	text := strings.TrimSuffix(description, ".")
	if text != "" {
		text = lower(text)
	}
	limits = slices.DeleteFunc(limits, func(limit string) bool { return says(text, limit) })
	if more := strings.Join(limits, ", "); more != "" {
		text = strings.TrimPrefix(text+"; "+more, "; ")
	}
	return strings.TrimSpace(text + numbers(doubts))
}

// says reports whether a description says a limit, in the same words and between marks. That something is at least 1 need
// not be said beside the most of it: nothing stands for absent.
func says(description, limit string) bool {
	if most, ok := strings.CutPrefix(limit, "1 to "); ok && says(description, "at most "+most) {
		return true
	}
	words := regexp.MustCompile(`(^|[;,(] ?)` + regexp.QuoteMeta(strings.TrimSuffix(limit, " only")) + `( only)?($|[;,.)])`)
	return words.MatchString(strings.NewReplacer("underscore", "_", "hyphen", "-").Replace(strings.ToLower(description)))
}

// limits says what a value may be.
func limits(s *api.Schema) (all []string) {
	switch {
	case s.Format == "date" || s.Format == "date-time" || s.Sealed != "" || s.Enum != nil:
	case s.MinLength != nil && s.MaxLength != nil:
		all = append(all, fmt.Sprintf("%d to %d characters", *s.MinLength, *s.MaxLength))
	case s.MaxLength != nil:
		all = append(all, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	if characters, ok := characters(s.Pattern); ok {
		all = append(all, characters+" only")
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		all = append(all, fmt.Sprintf("%d to %d", *s.Minimum, *s.Maximum))
	case s.Minimum != nil && *s.Minimum > 0:
		all = append(all, fmt.Sprintf("at least %d", *s.Minimum))
	case s.Maximum != nil:
		all = append(all, fmt.Sprintf("at most %d", *s.Maximum))
	}
	if s.MaxItems != nil {
		all = append(all, fmt.Sprintf("at most %d", *s.MaxItems))
	}
	return all
}

var class = regexp.MustCompile(`^\^\[([^\]]+)\][+*]\$$`)

// characters says which characters a pattern allows that is a list of them.
func characters(pattern string) (string, bool) {
	m := class.FindStringSubmatch(pattern)
	if m == nil {
		return "", false
	}
	var all []string
	for _, known := range [][2]string{{"A-Za-z", "letters"}, {"a-z", "small letters"}, {"A-Z", "capital letters"}, {"0-9", "digits"}} {
		if strings.Contains(m[1], known[0]) {
			all = append(all, known[1])
			m[1] = strings.Replace(m[1], known[0], "", 1)
		}
	}
	for _, c := range strings.ReplaceAll(m[1], `\`, "") {
		all = append(all, string(c))
	}
	if len(all) == 1 {
		return all[0], true
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1], true
}

// lower begins with a small letter, unless the first word is a name such as AppID.
func lower(s string) string {
	r := []rune(s)
	if len(r) > 1 && unicode.IsUpper(r[0]) && !strings.ContainsFunc(strings.Fields(string(r[1:]) + " ")[0], unicode.IsUpper) {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}
