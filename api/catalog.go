package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Catalog holds what the documents say, ready to walk. Schemas are linked: what stands under a name in
// two places is one *[Schema], and may lead back to itself. Nothing in a Catalog may be changed.
type Catalog struct {
	Products []*Product `json:"products"` // in the order of their names
}

// A Product is what one document describes, in the order of the document.
type Product struct {
	Name          string          `json:"name"` // of the document, such as bankpackages
	Title         string          `json:"title"`
	English       string          `json:"en"` // what it is called, such as bank packages
	Chinese       string          `json:"zh,omitempty"`
	Description   string          `json:"description,omitempty"`
	Platform      string          `json:"platform"`     // wechatpay or tpns
	Go            string          `json:"go,omitempty"` // folder of the package whose tables are generated; empty: none is
	Doubts        []Doubt         `json:"doubts,omitempty"`
	RequestIDs    []RequestID     `json:"requestIDs,omitempty"`
	Operations    []*Operation    `json:"operations"` // without those that the platform withdrew
	Notifications []*Notification `json:"notifications,omitempty"`
	Schemas       []*Schema       `json:"schemas"` // those with a name
}

// A Doubt says where sources disagree or are silent, and what we decided.
type Doubt struct {
	ID       string `json:"id"` // of the document, with a number
	About    string `json:"about"`
	Seen     string `json:"seen"`
	Decision string `json:"decision"`
}

// A RequestID is a number that stands after the last hyphen of a Request-ID and names the reason of a
// refusal more exactly than its code does.
type RequestID struct {
	Number  string `json:"number"`
	English string `json:"en"`
	Chinese string `json:"zh,omitempty"`
}

// An Operation is one call.
type Operation struct {
	Product     *Product `json:"-"`
	ID          string   `json:"id"`                   // such as presignContract
	Route       string   `json:"route"`                // in the spelling of http.ServeMux: POST /v3/…/{id}
	BrandRoute  string   `json:"brandRoute,omitempty"` // the same call made by a brand in its own name; empty if there is none
	Title       string   `json:"title,omitempty"`      // of the official page, in Chinese
	Summary     string   `json:"summary"`
	Description string   `json:"description,omitempty"`
	Pages       []string `json:"pages,omitempty"` // addresses of official pages
	BrandPages  []string `json:"brandPages,omitempty"`
	Roles       []string `json:"roles,omitempty"` // who may call: merchant, partner; none for TPNS

	Params      []*Param        `json:"params,omitempty"`      // of path, query and header
	Body        *Schema         `json:"body,omitempty"`        // of the JSON sent; nil: none
	BodyExample json.RawMessage `json:"bodyExample,omitempty"` // a whole body; nil without Body
	Upload      *Upload         `json:"upload,omitempty"`      // a file sent beside Body, which then is the part Upload.Meta
	Status      int             `json:"status"`                // of a success
	Answer      *Schema         `json:"answer,omitempty"`      // of a success; nil: nothing is answered
	Example     json.RawMessage `json:"example,omitempty"`     // a whole answer; nil without Answer
	Errors      []Refusal       `json:"errors,omitempty"`      // read in official pages; two may share a code

	IdempotencyKey string      `json:"idempotencyKey,omitempty"` // the member or parameter that makes a repeat safe
	NaturalKey     string      `json:"naturalKey,omitempty"`     // in words: what is unique where no such member is
	Pagination     *Pagination `json:"pagination,omitempty"`
	Rates          []Rate      `json:"rates,omitempty"` // published limits
	BrandRates     []Rate      `json:"brandRates,omitempty"`
	BrandDiffers   string      `json:"brandDiffers,omitempty"` // in words: what is otherwise at BrandRoute
	Async          *Async      `json:"async,omitempty"`
	Doubts         []string    `json:"doubts,omitempty"`
}

// A Param is a parameter outside the body.
type Param struct {
	Name        string   `json:"name"`
	In          string   `json:"in"` // path, query or header
	Required    bool     `json:"required,omitempty"`
	Description string   `json:"description,omitempty"`
	Schema      *Schema  `json:"schema"`
	Doubts      []string `json:"doubts,omitempty"`
}

// An Upload is the file of a multipart call.
type Upload struct {
	Part     string `json:"part"`               // name of the part that holds the file
	Meta     string `json:"meta,omitempty"`     // name of the part that holds the JSON; empty: none
	Signed   string `json:"signed,omitempty"`   // the part that is signed in place of the whole body
	Sealed   string `json:"sealed,omitempty"`   // line: each line of the file is encrypted by itself
	MaxBytes int64  `json:"maxBytes,omitempty"` // 0: not published
	MaxLines int64  `json:"maxLines,omitempty"`
	MinName  int64  `json:"minName,omitempty"` // characters of the file's name
	MaxName  int64  `json:"maxName,omitempty"`
}

// A Refusal is an error answer.
type Refusal struct {
	Code      string `json:"code"`
	Status    int    `json:"status"`
	Meaning   string `json:"meaning"`
	Retryable bool   `json:"retryable,omitempty"`
}

// A Pagination says how a list is read page by page. Members and parameters are given by name.
type Pagination struct {
	Style        string `json:"style"`            // page-number, record-offset or page-token
	Offset       string `json:"offset,omitempty"` // parameter: number of the page or of the record
	First        int64  `json:"first,omitempty"`  // where counting starts
	Token        string `json:"token,omitempty"`  // parameter of page-token
	Next         string `json:"next,omitempty"`   // member that holds the token of the page after
	Limit        string `json:"limit"`            // parameter: size of a page
	DefaultLimit int64  `json:"defaultLimit,omitempty"`
	MaxLimit     int64  `json:"maxLimit,omitempty"` // 0: not published
	Total        string `json:"total,omitempty"`    // member that counts all records
	Items        string `json:"items"`              // member that holds the records
}

// A Rate is how often something may be called.
type Rate struct {
	Count   int64    `json:"count"`
	Every   string   `json:"every"`             // second, minute, hour or day
	Per     string   `json:"per,omitempty"`     // whose calls are counted, such as brand or merchant number
	Only    []string `json:"only,omitempty"`    // kinds of calls that the limit is for; none: all
	Refusal string   `json:"refusal,omitempty"` // code of the answer above the limit where it is a special one
}

// Async is the other half of a call that only starts work.
type Async struct {
	Poll      string   `json:"poll"`              // operation that tells the state
	By        string   `json:"by"`                // member or parameter that finds the work again
	Pending   []string `json:"pending,omitempty"` // states
	Settled   []string `json:"settled,omitempty"` // states that last, yet may end later
	Final     []string `json:"final,omitempty"`
	UsualTime string   `json:"usualTime,omitempty"` // in words
	Webhooks  []string `json:"webhooks,omitempty"`  // ID of notifications
}

// A Notification is a message of the platform to the merchant.
type Notification struct {
	Product     *Product        `json:"-"`
	ID          string          `json:"id"`              // such as contractSigned
	Event       string          `json:"event"`           // event_type, such as ENTRUST.SIGNING
	Title       string          `json:"title,omitempty"` // of the official page, in Chinese
	Summary     string          `json:"summary"`
	Description string          `json:"description,omitempty"`
	Pages       []string        `json:"pages,omitempty"`
	Retries     []string        `json:"retries,omitempty"` // how long the platform waits before each further try, such as 15s
	Envelope    *Schema         `json:"envelope"`          // what is posted; a fixed value is an Enum of one
	Plaintext   *Schema         `json:"plaintext"`         // what resource.ciphertext holds
	Example     json.RawMessage `json:"example,omitempty"` // a whole plaintext
	Doubts      []string        `json:"doubts,omitempty"`
}

// A Schema is the form of a value.
type Schema struct {
	Ref         string   `json:"ref,omitempty"`  // always empty here: the name of a schema, in catalog.json
	Name        string   `json:"name,omitempty"` // of one of Product.Schemas; also where a place says more about it
	Type        string   `json:"type,omitempty"` // object, array, string, integer, number or boolean; empty: any
	Also        []string `json:"also,omitempty"` // further types, such as null
	Format      string   `json:"format,omitempty"`
	Unit        string   `json:"unit,omitempty"` // of a number, such as fen
	Description string   `json:"description,omitempty"`
	Doubts      []string `json:"doubts,omitempty"`

	Enum      []Value         `json:"enum,omitempty"`
	OpenEnum  bool            `json:"openEnum,omitempty"`  // values may be added: others are valid
	BrandEnum []string        `json:"brandEnum,omitempty"` // in place of Enum at the door of brands
	Sealed    string          `json:"sealed,omitempty"`    // encrypted: to-platform or from-platform
	MinLength *int64          `json:"minLength,omitempty"` // nil: no limit
	MaxLength *int64          `json:"maxLength,omitempty"` // in characters; nil: no limit
	Pattern   string          `json:"pattern,omitempty"`
	Minimum   *int64          `json:"minimum,omitempty"`  // nil: no limit
	Maximum   *int64          `json:"maximum,omitempty"`  // nil: no limit
	MinItems  *int64          `json:"minItems,omitempty"` // nil: no limit
	MaxItems  *int64          `json:"maxItems,omitempty"` // nil: no limit
	Default   json.RawMessage `json:"default,omitempty"`  // what the platform takes where the value is absent

	Properties []*Property       `json:"properties,omitempty"` // in the order of the document
	Closed     bool              `json:"closed,omitempty"`     // no other member is allowed
	Items      *Schema           `json:"items,omitempty"`
	OneOf      []*Schema         `json:"oneOf,omitempty"` // exactly one of these forms
	AnyOf      [][]string        `json:"anyOf,omitempty"` // at least one of these groups of members is whole
	When       []*Condition      `json:"when,omitempty"`
	Alias      []string          `json:"alias,omitempty"` // other names under which the member was seen
	Examples   []json.RawMessage `json:"examples,omitempty"`
	Go         Go                `json:"go,omitzero"`
}

// A Property is a member of an object.
type Property struct {
	Name     string  `json:"name"`
	Required bool    `json:"required,omitempty"`
	Schema   *Schema `json:"schema"`
}

// A Value is one of an enumeration, as text also where it is a number.
type Value struct {
	Value   string `json:"value"`
	Meaning string `json:"meaning,omitempty"`
	Go      string `json:"go,omitempty"` // its constant, where the name does not follow
}

// A Condition says more of an object whose member has one of the values.
type Condition struct {
	Member string   `json:"member"`
	Values []string `json:"values"`
	Then   *Schema  `json:"then"`
}

// Go says how a value is called in Go where it does not follow from the document.
type Go struct {
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Prefix string `json:"prefix,omitempty"` // of the constants of an enumeration
	Always bool   `json:"always,omitempty"` // no omitzero though it may be absent: sent also where it is zero, and an answer that cannot be read here is an error
	Nil    string `json:"nil,omitempty"`    // in words: what absence means where it is not zero, so that the field is a pointer

	// Check is how text is checked where the name does not say it: id, if it names something that is asked for
	// later, shown, if it is stored to be shown, or text.
	Check string `json:"check,omitempty"`
}

//go:embed catalog.json
var catalog []byte

// Load returns what the documents say. It reads once; the result is shared.
func Load() (*Catalog, error) { return load() }

var load = sync.OnceValues(func() (*Catalog, error) { return Parse(catalog) })

// Parse reads a catalog as ops/gen writes it, such as that of documents of one's own.
func Parse(text []byte) (*Catalog, error) {
	c := new(Catalog)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("api: catalog: %w", err)
	}
	for _, p := range c.Products {
		if err := p.link(); err != nil {
			return nil, fmt.Errorf("api: catalog: %s: %w", p.Name, err)
		}
	}
	return c, nil
}

// Operation returns the call with the ID, nil if there is none.
func (c *Catalog) Operation(id string) *Operation {
	for _, p := range c.Products {
		if o := find(p.Operations, func(o *Operation) bool { return o.ID == id }); o != nil {
			return o
		}
	}
	return nil
}

// Product returns the product with the name, nil if there is none.
func (c *Catalog) Product(name string) *Product {
	return find(c.Products, func(p *Product) bool { return p.Name == name })
}

// Schema returns the schema with the name, nil if there is none.
func (p *Product) Schema(name string) *Schema {
	return find(p.Schemas, func(s *Schema) bool { return s.Name == name })
}

// Notification returns the notification with the ID, nil if there is none.
func (p *Product) Notification(id string) *Notification {
	return find(p.Notifications, func(n *Notification) bool { return n.ID == id })
}

// Property returns the member with the name, nil if there is none.
func (s *Schema) Property(name string) *Property {
	return find(s.Properties, func(p *Property) bool { return p.Name == name })
}

func find[T any](list []*T, wanted func(*T) bool) *T {
	if i := slices.IndexFunc(list, wanted); i >= 0 {
		return list[i]
	}
	return nil
}

// link puts schemas in the place of their names.
func (p *Product) link() error {
	l := linker{named: map[string]*Schema{}, done: map[*Schema]bool{}}
	for _, s := range p.Schemas {
		l.named[s.Name] = s
	}
	for _, s := range p.Schemas {
		l.schema(&s)
	}
	for _, o := range p.Operations {
		o.Product = p
		for _, param := range o.Params {
			l.schema(&param.Schema)
		}
		l.schema(&o.Body)
		l.schema(&o.Answer)
	}
	for _, n := range p.Notifications {
		n.Product = p
		l.schema(&n.Envelope)
		l.schema(&n.Plaintext)
	}
	if l.err != nil {
		return l.err
	}
	for _, o := range p.Operations {
		o.BodyExample, o.Example = example(o.BodyExample, o.Body), example(o.Example, o.Answer)
	}
	for _, n := range p.Notifications {
		n.Example = example(n.Example, n.Plaintext)
	}
	return nil
}

func example(given json.RawMessage, s *Schema) json.RawMessage {
	if given != nil || s == nil {
		return given
	}
	return s.Example()
}

type linker struct {
	named map[string]*Schema
	done  map[*Schema]bool
	err   error
}

func (l *linker) schema(at **Schema) {
	s := *at
	if s != nil && s.Ref != "" {
		target := l.named[s.Ref]
		if target == nil {
			l.err = fmt.Errorf("no schema is called %s", s.Ref)
			return
		}
		l.schema(&target)
		s = s.over(target)
		*at = s
	}
	if s == nil || l.done[s] {
		return
	}
	l.done[s] = true
	for _, p := range s.Properties {
		l.schema(&p.Schema)
	}
	l.schema(&s.Items)
	for i := range s.OneOf {
		l.schema(&s.OneOf[i])
	}
	for _, c := range s.When {
		l.schema(&c.Then)
	}
}

// over is the target with what its place says besides the name.
func (s *Schema) over(target *Schema) *Schema {
	if s.Description == "" && s.Examples == nil && s.Default == nil && s.Doubts == nil && s.Go == (Go{}) {
		return target
	}
	all := *target
	all.Doubts = slices.Concat(target.Doubts, s.Doubts)
	if s.Description != "" {
		all.Description = s.Description
	}
	if s.Examples != nil {
		all.Examples = s.Examples
	}
	if s.Default != nil {
		all.Default = s.Default
	}
	if s.Go != (Go{}) {
		all.Go = s.Go
	}
	return &all
}

// Example builds a value that has every member, each from its first example; a list has one element, or as many
// as it must. What names no example is made up within its limits: text, 1, true.
func (s *Schema) Example() json.RawMessage { return s.example(nil, 0) }

// deepest is how far a schema is followed that leads back to itself.
const deepest = 12

func (s *Schema) example(b []byte, depth int) []byte {
	var over map[string]json.RawMessage // of an object, what it shows in place of its members' own
	if len(s.Examples) > 0 && s.Properties != nil {
		_ = json.Unmarshal(s.Examples[0], &over) // nil of what is no object
	}
	switch {
	case over != nil:
	case len(s.Examples) > 0:
		return append(b, s.Examples[0]...)
	case len(s.OneOf) > 0:
		return s.OneOf[0].example(b, depth+1)
	case len(s.Enum) > 0 && s.Type != "integer":
		return append(b, quote(s.Enum[0].Value)...)
	case len(s.Enum) > 0:
		return append(b, s.Enum[0].Value...)
	}
	switch s.Type {
	case "object":
		b = append(b, '{')
		for i, p := range s.Properties {
			if depth == deepest {
				break
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, quote(p.Name)...), ':')
			if v := over[p.Name]; v != nil {
				b = append(b, v...)
			} else {
				b = p.Schema.example(b, depth+1)
			}
		}
		return append(b, '}')
	case "array":
		b = append(b, '[')
		for i := range max(1, limit(s.MinItems, 1)) {
			if depth == deepest {
				break
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = s.Items.example(b, depth+1)
		}
		return append(b, ']')
	case "integer", "number":
		return strconv.AppendInt(b, min(max(1, limit(s.Minimum, 1)), limit(s.Maximum, math.MaxInt64)), 10)
	case "boolean":
		return append(b, "true"...)
	}
	n := min(max(4, limit(s.MinLength, 4)), limit(s.MaxLength, math.MaxInt64))
	return append(b, quote(strings.Repeat("text", int(n/4+1))[:n])...)
}

// limit is a limit, or what counts where there is none.
func limit(set *int64, otherwise int64) int64 {
	if set == nil {
		return otherwise
	}
	return *set
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // text never fails
	return b
}
