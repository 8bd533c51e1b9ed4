package schema

import (
	"encoding/json"
	"errors"
	"fmt"
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

// A Check holds values to their schemas.
type Check struct {
	Strict  bool                                    // unknown members are refused, conditions hold
	Open    func(ciphertext string) (string, error) // opens what is sealed to the platform, in its place; nil: it stays as it is
	Secrets map[string]string                       // what Open found, by place, such as phone or list/0/phone; set with it
	Without string                                  // the member of a request that the door of the caller does not have
}

// Object checks an object; at is where it stands, as a JSON pointer.
func (c *Check) Object(o Object, s *api.Schema, at string) error {
	if len(s.OneOf) > 0 {
		return c.oneOf(o, s.OneOf, at)
	}
	if err := c.members(o, s, at); err != nil || !c.Strict {
		return err
	}
	closed := s.Closed || len(s.Properties) > 0
	for _, when := range s.When {
		if slices.Contains(when.Values, o.Text(when.Member)) {
			if err := c.members(o, when.Then, at); err != nil {
				return err
			}
		}
	}
	for name := range o {
		if closed && s.Property(name) == nil {
			return &Violation{at + "/" + name, nil, "is not a member that the documents know"}
		}
	}
	return nil
}

func (c *Check) members(o Object, s *api.Schema, at string) error {
	for _, p := range s.Properties {
		v, ok := o[p.Name]
		switch {
		case at == "" && p.Name == c.Without && ok:
			return &Violation{"/" + p.Name, v, "is not a member where a brand calls for itself"}
		case at == "" && p.Name == c.Without:
			continue
		case !ok && p.Required:
			return &Violation{at + "/" + p.Name, nil, "is required"}
		case v == "" && p.Required && len(p.Schema.Enum) == 0:
			return &Violation{at + "/" + p.Name, v, "is empty"}
		case !ok:
			continue
		}
		if err := c.value(p.Name, v, p.Schema, at+"/"+p.Name); err != nil {
			return err
		}
		if plain, ok := c.opened(p.Schema, at+"/"+p.Name); ok {
			o[p.Name] = plain
		}
	}
	return nil
}

// opened is what was sealed at a place.
func (c *Check) opened(s *api.Schema, at string) (plain string, ok bool) {
	if s.Sealed == "to-platform" && c.Open != nil {
		plain, ok = c.Secrets[at[1:]]
	}
	return plain, ok
}

// oneOf wants one of several forms, and judges by the one that the object has most members of.
func (c *Check) oneOf(o Object, forms []*api.Schema, at string) error {
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
	return c.Object(o, best, at)
}

// Query checks a query or the variables of a path, which has all that its route has. Text that is to be a number
// becomes one.
func (c *Check) Query(o Object, params []*api.Param, in string) error {
	s := &api.Schema{Closed: true}
	for _, p := range params {
		if _, has := o[p.Name]; p.In != in || in == "path" && !has {
			continue
		}
		s.Properties = append(s.Properties, &api.Property{Name: p.Name, Required: p.Required, Schema: p.Schema})
		text := o.Text(p.Name)
		if _, err := strconv.ParseInt(text, 10, 64); err == nil && p.Schema.Type == "integer" {
			o[p.Name] = json.Number(text)
		}
	}
	return c.Object(o, s, "")
}

func (c *Check) value(name string, v any, s *api.Schema, at string) error {
	switch s.Type {
	case "object":
		o, ok := v.(Object)
		if !ok {
			return c.otherwise(v, s, at, "is not an object")
		}
		return c.Object(o, s, at)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return c.otherwise(v, s, at, "is not a list")
		}
		return c.list(name, list, s, at)
	case "boolean":
		if _, ok := v.(bool); !ok {
			return c.otherwise(v, s, at, "is not true or false")
		}
	case "integer", "number":
		return c.number(v, s, at)
	case "string":
		text, ok := v.(string)
		if !ok {
			return c.otherwise(v, s, at, "is not text")
		}
		return c.text(name, text, s, at)
	}
	return nil
}

// otherwise refuses a value of the wrong type, unless it may be null and is.
func (c *Check) otherwise(v any, s *api.Schema, at, issue string) error {
	if v == nil && slices.Contains(s.Also, "null") {
		return nil
	}
	return &Violation{at, v, issue}
}

func (c *Check) list(name string, list []any, s *api.Schema, at string) error {
	n := int64(len(list))
	if s.MinItems != nil && n < *s.MinItems || s.MaxItems != nil && n > *s.MaxItems {
		return &Violation{at, nil, fmt.Sprintf("has %d entries", n)}
	}
	for i, item := range list {
		if err := c.value(name, item, s.Items, at+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
		if plain, ok := c.opened(s.Items, at+"/"+strconv.Itoa(i)); ok {
			list[i] = plain
		}
	}
	return nil
}

var notNumber = map[string]string{"integer": "is not an integer", "number": "is not a number"}

func (c *Check) number(v any, s *api.Schema, at string) error {
	n, ok := v.(json.Number)
	if !ok {
		return c.otherwise(v, s, at, notNumber[s.Type])
	}
	i, err := n.Int64()
	switch {
	case err != nil && s.Type == "integer":
		return &Violation{at, v, notNumber[s.Type]}
	case err != nil:
		return nil
	case s.Minimum != nil && i < *s.Minimum, s.Maximum != nil && i > *s.Maximum, !c.among(n.String(), s):
		return &Violation{at, v, "is out of range"}
	}
	return nil
}

// among reports whether a value is one of those listed, if they are all there are.
func (c *Check) among(text string, s *api.Schema) bool {
	return len(s.Enum) == 0 || s.OpenEnum && !c.Strict || slices.ContainsFunc(s.Enum, func(v api.Value) bool { return v.Value == text })
}

func (c *Check) text(name, text string, s *api.Schema, at string) error {
	n := int64(utf8.RuneCountInString(text))
	formed, err := matches(s.Pattern, text)
	switch {
	case err != nil:
		return err
	case s.MinLength != nil && n < *s.MinLength, s.MaxLength != nil && n > *s.MaxLength:
		return &Violation{at, text, fmt.Sprintf("has %d characters", n)}
	case !formed:
		return &Violation{at, text, "does not match " + s.Pattern}
	case !c.among(text, s):
		var values []string
		for _, v := range s.Enum {
			values = append(values, v.Value)
		}
		return &Violation{at, text, "is none of " + strings.Join(values, ", ")}
	case s.Sealed == "to-platform" && c.Open != nil:
		plain, err := c.Open(text)
		if err != nil {
			return stands(at, err)
		}
		c.Secrets[at[1:]] = plain
		return nil
	}
	return format(name, text, s, at)
}

// stands says where what cannot be opened is; what is wrong elsewhere knows that itself.
func stands(at string, err error) error {
	if v, ok := errors.AsType[*Violation](err); ok && v.Field == "" {
		return &Violation{at, nil, v.Issue}
	}
	return err
}

func format(name, text string, s *api.Schema, at string) error {
	var err error
	switch s.Format {
	case "date-time":
		_, err = time.Parse(time.RFC3339, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "uri":
		var u *url.URL
		switch u, err = url.Parse(text); {
		case err != nil:
		case u.Scheme == "" || u.Host == "":
			return &Violation{at, text, "is not an absolute address"}
		case name == "notify_url" && (u.RawQuery != "" || u.Scheme != "https" && !IsLoopback(u.Hostname())):
			return &Violation{at, text, "is not an https address without query"}
		}
	}
	if err != nil {
		return &Violation{at, text, "is not a " + s.Format}
	}
	return nil
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
