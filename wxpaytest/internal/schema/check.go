package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/api"
)

// A Check holds values to their schemas and finds out all that is wrong with them.
type Check struct {
	Strict  bool                                    // unknown members are refused, conditions hold
	Open    func(ciphertext string) (string, error) // opens what is sealed to the platform, in its place; nil: it stays as it is
	Secrets map[string]string                       // what Open found, by place, such as phone or list/0/phone; set with it
	Without string                                  // the member of a request that the door of the caller does not have

	// Found is what was found wrong so far, in order: mostly each a *Violation, and no more than MostFound.
	Found []error

	part bool // members that are not named here are named elsewhere
}

// MostFound is how much is told of what is wrong with one value.
const MostFound = 20

// Object checks an object; at is where it stands, as a JSON pointer. It returns the first thing that is wrong with
// it, and goes on to find the others.
func (c *Check) Object(o Object, s *api.Schema, at string) error {
	before := len(c.Found)
	c.object(o, s, at)
	if len(c.Found) > before {
		return c.Found[before]
	}
	return nil
}

// find notes what is wrong, once. What should be encrypted is not repeated.
func (c *Check) find(at string, v any, s *api.Schema, format string, a ...any) {
	if s != nil && s.Sealed != "" {
		v = nil
	}
	c.note(&Violation{short(at), brief(v), fmt.Sprintf(format, a...)})
}

func (c *Check) note(err error) {
	same := func(other error) bool { return other.Error() == err.Error() }
	if len(c.Found) < MostFound && !slices.ContainsFunc(c.Found, same) {
		c.Found = append(c.Found, err)
	}
}

// full reports whether enough was found.
func (c *Check) full() bool { return len(c.Found) >= MostFound }

// short is a place, however long the names are that somebody made up.
func short(at string) string {
	if most := 300; len(at) > most {
		return strings.ToValidUTF8(at[:most], "") + "…"
	}
	return at
}

// brief is a value, unless it is long or holds others.
func brief(v any) any {
	switch v := v.(type) {
	case string:
		if most := 200; len(v) > most {
			return strings.ToValidUTF8(v[:most], "") + "…"
		}
	case Object, []any:
		return nil
	case json.Number:
		if most := 50; len(v) > most {
			return nil
		}
	}
	return v
}

func (c *Check) object(o Object, s *api.Schema, at string) {
	if len(s.OneOf) > 0 {
		c.object(o, best(o, s.OneOf), at)
		return
	}
	c.members(o, s, at)
	if !c.Strict || c.full() {
		return
	}
	for _, when := range s.When {
		if slices.Contains(when.Values, textOf(o[when.Member])) {
			part := *c
			part.part = true
			part.members(o, when.Then, at)
			c.Found = part.Found
		}
	}
	whole := func(group []string) bool {
		return !slices.ContainsFunc(group, func(name string) bool { _, ok := o[name]; return !ok })
	}
	if len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, whole) {
		var groups []string
		for _, group := range s.AnyOf {
			groups = append(groups, strings.Join(group, " with "))
		}
		c.find(at, nil, nil, "needs %s", strings.Join(groups, ", or "))
	}
	if c.part || !s.Closed && len(s.Properties) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if s.Property(name) == nil {
			c.find(at+"/"+name, nil, nil, "is not a member that the documents know")
		}
	}
}

// textOf is a value as the documents list it.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (c *Check) members(o Object, s *api.Schema, at string) {
	for _, p := range s.Properties {
		v, ok := o[p.Name]
		switch {
		case c.full():
			return
		case at == "" && p.Name == c.Without && ok:
			c.find("/"+p.Name, v, p.Schema, "is not a member where a brand calls for itself")
			continue
		case at == "" && p.Name == c.Without:
			continue
		case !ok && p.Required:
			c.find(at+"/"+p.Name, nil, p.Schema, "is required")
			continue
		case v == "" && p.Required && len(p.Schema.Enum) == 0:
			c.find(at+"/"+p.Name, v, p.Schema, "is empty")
			continue
		case !ok:
			continue
		}
		c.value(p.Name, v, p.Schema, at+"/"+p.Name)
		if plain, ok := c.opened(p.Schema, at+"/"+p.Name); ok {
			o[p.Name] = plain
		}
	}
}

// opened is what was sealed at a place.
func (c *Check) opened(s *api.Schema, at string) (plain string, ok bool) {
	if s.Sealed == "to-platform" && c.Open != nil {
		plain, ok = c.Secrets[at[1:]]
	}
	return plain, ok
}

// best is the one of several forms that an object has most members of.
func best(o Object, forms []*api.Schema) *api.Schema {
	best, most := forms[0], -1
	for _, form := range forms {
		n := 0
		for _, p := range form.Properties {
			if _, ok := o[p.Name]; ok {
				n++
			}
		}
		if n > most {
			best, most = form, n
		}
	}
	return best
}

// oneOf wants one of several forms, and judges by the first of the kind of the value.
func (c *Check) oneOf(name string, v any, s *api.Schema, at string) {
	var kinds []string
	for _, form := range s.OneOf {
		if form.Type == "" || is(v, form.Type) {
			c.value(name, v, form, at)
			return
		}
		kinds = append(kinds, isNot[form.Type])
	}
	c.find(at, v, s, "%s", strings.Join(slices.Compact(kinds), ", and "))
}

// is reports whether a value is of a type of JSON.
func is(v any, kind string) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case Object:
		return kind == "object"
	case []any:
		return kind == "array"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case json.Number:
		_, err := v.Int64()
		return kind == "number" || kind == "integer" && err == nil
	}
	return false
}

// isNot says that a value is of another type.
var isNot = map[string]string{
	"object": "is not an object", "array": "is not a list", "boolean": "is not true or false", "integer": "is not an integer", "number": "is not a number", "string": "is not text",
}

// Query checks a query or the variables of a path, which has all that its route has. Text that is to be a number
// or a truth value becomes one.
func (c *Check) Query(o Object, params []*api.Param, in string) error {
	s := &api.Schema{Closed: true}
	for _, p := range params {
		if _, has := o[p.Name]; p.In != in || in == "path" && !has {
			continue
		}
		s.Properties = append(s.Properties, &api.Property{Name: p.Name, Required: p.Required, Schema: p.Schema})
		switch text := o.Text(p.Name); {
		case p.Schema.Type == "integer" && integers.MatchString(text):
			o[p.Name] = json.Number(text)
		case p.Schema.Type == "boolean" && (text == "true" || text == "false"):
			o[p.Name] = text == "true"
		}
	}
	return c.Object(o, s, "")
}

// integers are those that fit, as JSON writes them.
var integers = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,18})$`)

func (c *Check) value(name string, v any, s *api.Schema, at string) {
	if v == nil && c.Strict { // which the reader told already
		return
	}
	kind := s.Type
	if kind != "" && !is(v, kind) {
		i := slices.IndexFunc(s.Also, func(other string) bool { return is(v, other) })
		if i < 0 {
			c.find(at, v, s, "%s", isNot[kind])
			return
		}
		kind = s.Also[i]
	}
	if o, ok := v.(Object); ok && (kind == "object" || len(s.OneOf) > 0) {
		c.object(o, s, at)
		return
	}
	switch v := v.(type) {
	case []any:
		if kind == "array" && s.Items != nil {
			c.list(name, v, s, at)
		}
	case json.Number:
		if kind != "" {
			c.number(v, s, at)
		}
	case string:
		if kind != "" {
			c.text(name, v, s, at)
		}
	}
	if len(s.OneOf) > 0 {
		c.oneOf(name, v, s, at)
	}
}

func (c *Check) list(name string, list []any, s *api.Schema, at string) {
	switch n := int64(len(list)); {
	case s.MinItems != nil && n < *s.MinItems:
		c.find(at, nil, s, "has %d entries, and at least %d are needed", n, *s.MinItems)
	case s.MaxItems != nil && n > *s.MaxItems:
		c.find(at, nil, s, "has %d entries, and at most %d fit", n, *s.MaxItems)
	}
	for i, item := range list {
		if c.full() {
			return
		}
		at := at + "/" + strconv.Itoa(i)
		c.value(name, item, s.Items, at)
		if plain, ok := c.opened(s.Items, at); ok {
			list[i] = plain
		}
	}
}

func (c *Check) number(n json.Number, s *api.Schema, at string) {
	f, err := n.Float64()
	i, part := n.Int64()
	versus := func(limit int64) int {
		if part != nil {
			return cmp.Compare(f, float64(limit))
		}
		return cmp.Compare(i, limit)
	}
	switch {
	case err != nil, s.Minimum != nil && versus(*s.Minimum) < 0, s.Maximum != nil && versus(*s.Maximum) > 0, !c.among(n.String(), s), s.Format == "int32" && i != int64(int32(i)):
		c.find(at, n, s, "is out of range%s", bounds(s))
	}
}

// bounds say what a number may be.
func bounds(s *api.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return ": it is one of " + strings.Join((&Check{}).values(s), ", ")
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf(": it is from %d to %d", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf(": it is at least %d", *s.Minimum)
	case s.Maximum != nil:
		return fmt.Sprintf(": it is at most %d", *s.Maximum)
	}
	return ""
}

// values are those of an enumeration; a brand's door may have its own.
func (c *Check) values(s *api.Schema) (all []string) {
	if c.Without != "" && s.BrandEnum != nil {
		return s.BrandEnum
	}
	for _, v := range s.Enum {
		all = append(all, v.Value)
	}
	return all
}

// among reports whether a value is one of those listed, if they are all there are.
func (c *Check) among(text string, s *api.Schema) bool {
	return len(s.Enum) == 0 || s.OpenEnum && !c.Strict || slices.Contains(c.values(s), text)
}

func (c *Check) text(name, text string, s *api.Schema, at string) {
	if c.Strict && strings.ContainsFunc(text, fourBytes) { // of a body the reader tells as well
		c.find(at, nil, s, hasFourBytes)
	}
	n := int64(utf8.RuneCountInString(text))
	formed, err := matches(s.Pattern, text)
	switch {
	case err != nil:
		c.note(err)
	case !utf8.ValidString(text):
		c.find(at, nil, s, "is not UTF-8")
	case s.MinLength != nil && n < *s.MinLength:
		c.find(at, text, s, "has %d characters, and at least %d are needed", n, *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		c.find(at, text, s, "has %d characters, and at most %d fit", n, *s.MaxLength)
	case !formed:
		c.find(at, text, s, "does not match %s", s.Pattern)
	case !c.among(text, s):
		c.find(at, text, s, "is none of %s", strings.Join(c.values(s), ", "))
	case s.Sealed == "to-platform" && c.Open != nil:
		plain, err := c.Open(text)
		if err != nil {
			c.note(stands(at, err))
			return
		}
		c.Secrets[at[1:]] = plain
	default:
		if issue := format(name, text, s); issue != "" {
			c.find(at, text, s, "%s", issue)
		}
	}
}

// stands says where what cannot be opened is; what is wrong elsewhere knows that itself.
func stands(at string, err error) error {
	if v, ok := errors.AsType[*Violation](err); ok && v.Field == "" {
		return &Violation{short(at), nil, v.Issue}
	}
	return err
}

// format says what is wrong with the format of a text; empty: nothing.
func format(name, text string, s *api.Schema) string {
	var err error
	switch s.Format {
	case "date-time":
		_, err = time.Parse(time.RFC3339, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "ip":
		if net.ParseIP(text) == nil {
			return "is not an IP address"
		}
	case "uri":
		var u *url.URL
		switch u, err = url.Parse(text); {
		case err != nil:
		case u.Scheme == "" || u.Host == "":
			return "is not an absolute address"
		case name == "notify_url" && (u.RawQuery != "" || u.Scheme != "https" && !IsLoopback(u.Hostname())):
			return "is not an https address without query"
		}
	}
	switch {
	case err == nil:
	case s.Format == "date-time":
		return "is not a date-time, such as 2026-01-02T15:04:05+08:00"
	case s.Format == "date":
		return "is not a date, such as 2026-01-02"
	default:
		return "is not a " + s.Format
	}
	return ""
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// patterns are those of the catalog, compiled once.
var patterns sync.Map

// matches reports whether text has a pattern; every text has none.
func matches(pattern, text string) (bool, error) {
	if pattern == "" {
		return true, nil
	}
	p, ok := patterns.Load(pattern)
	if !ok {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return false, fmt.Errorf("wxpaytest: pattern of the documents: %w", err)
		}
		p, _ = patterns.LoadOrStore(pattern, compiled)
	}
	return p.(*regexp.Regexp).MatchString(text), nil
}
