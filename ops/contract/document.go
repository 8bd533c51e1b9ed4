// Package contract holds the SDK to the API documents in package api.
//
// Its tests drive every operation of the documents and every notification through the SDK: what is sent
// must be valid and whole, what is answered must reach the caller whole, and what is refused here must be
// what the documents rule out. `make contract` prints the result as a table.
//
// The package itself reads the documents and knows values and schemas, but nothing of the SDK.
package contract

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/wxpay-go/wxpay/api"
)

// A Document is one API document with its calls and notifications, in the order of the file.
type Document struct {
	Name          string // such as membercard.yaml
	Spec          *openapi3.T
	Operations    []*Operation
	Notifications []*Notification
}

// An Operation is one call.
type Operation struct {
	*openapi3.Operation
	Method string
	Path   string // /v3/…/{id}
	Item   *openapi3.PathItem
	Brand  bool // made by a brand in its own name
}

// Route is the operation in the spelling of http.ServeMux.
func (o *Operation) Route() string { return o.Method + " " + o.Path }

// Title names the operation and who makes it.
func (o *Operation) Title() string {
	if o.Brand {
		return o.OperationID + " by a brand"
	}
	return o.OperationID
}

// otherDoor reports whether the operation is one of merchants that a brand makes.
func (o *Operation) otherDoor() bool {
	return o.Brand && o.Extensions["x-wechatpay-brand-door"] != nil
}

// RequestSchema is the schema of what is sent, nil if there is no body.
func (o *Operation) RequestSchema() *openapi3.Schema {
	if o.RequestBody == nil {
		return nil
	}
	for _, media := range o.RequestBody.Value.Content {
		return media.Schema.Value
	}
	return nil
}

// AnswerSchema is the schema of a success, nil if it has no body.
func (o *Operation) AnswerSchema() *openapi3.Schema {
	if r := o.Responses.Value("200"); r != nil {
		return r.Value.Content["application/json"].Schema.Value
	}
	return nil
}

// A Notification is a message of the platform to the merchant.
type Notification struct {
	*openapi3.Operation
	Event     string // event_type
	Envelope  *openapi3.Schema
	Plaintext *openapi3.Schema // of what the envelope carries encrypted
}

// Load reads every document. Operations marked as deprecated are left out: the platform withdrew them.
func Load() ([]*Document, error) {
	names, err := fs.Glob(api.FS, "*.yaml")
	if err != nil {
		return nil, err
	}
	var docs []*Document
	for _, name := range names {
		doc, err := load(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

func load(name string) (*Document, error) {
	text, err := api.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true // to keep the order of the file
	spec, err := loader.LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := spec.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	if err := spec.WalkSchemas(func(_ string, s *openapi3.SchemaRef) error { open(s.Value); return nil }); err != nil {
		return nil, err
	}
	doc := &Document{Name: name, Spec: spec}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Deprecated {
				continue
			}
			op.Parameters = slices.Concat(item.Parameters, op.Parameters)
			doc.Operations = append(doc.Operations, &Operation{op, method, path, item, strings.HasPrefix(path, "/brand/")})
			if brand := ofBrand(op, item); brand != nil {
				doc.Operations = append(doc.Operations, brand)
			}
		}
	}
	for _, item := range spec.Webhooks {
		doc.Notifications = append(doc.Notifications, notification(spec, item.Post))
	}
	slices.SortStableFunc(doc.Operations, func(a, b *Operation) int { return byLine(a.Operation, b.Operation) })
	slices.SortFunc(doc.Notifications, func(a, b *Notification) int { return byLine(a.Operation, b.Operation) })
	return doc, nil
}

// ofBrand is the same call made by a brand, nil if nobody has met it: by another route, whose names alone stand in the
// path, and without the ID of the brand, which its signature says.
func ofBrand(op *openapi3.Operation, item *openapi3.PathItem) *Operation {
	door, _ := op.Extensions["x-wechatpay-brand-door"].(map[string]any)
	method, _ := door["method"].(string)
	path, _ := door["path"].(string)
	if path == "" {
		return nil
	}
	brand := *op
	brand.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *openapi3.ParameterRef) bool {
		return p.Value.Name == brandID || p.Value.In == "path" && !strings.Contains(path, "{"+p.Value.Name+"}")
	})
	if op.RequestBody != nil {
		brand.RequestBody = &openapi3.RequestBodyRef{Value: withoutBrand(op.RequestBody.Value)}
	}
	there := *item
	there.Parameters = nil // are those of the operation
	return &Operation{&brand, method, path, &there, true}
}

const brandID = "brand_id"

// withoutBrand is a body whose schema lacks the ID of the brand. No whole example stands beside one that has it.
func withoutBrand(body *openapi3.RequestBody) *openapi3.RequestBody {
	other := *body
	other.Content = openapi3.Content{}
	for kind, media := range body.Content {
		m, schema := *media, *media.Schema.Value
		schema.Properties = maps.Clone(schema.Properties)
		delete(schema.Properties, brandID)
		schema.Required = slices.DeleteFunc(slices.Clone(schema.Required), func(name string) bool { return name == brandID })
		m.Schema = &openapi3.SchemaRef{Value: &schema}
		other.Content[kind] = &m
	}
	return &other
}

func byLine(a, b *openapi3.Operation) int { return cmp.Compare(a.Origin.Key.Line, b.Origin.Key.Line) }

func notification(spec *openapi3.T, op *openapi3.Operation) *Notification {
	event, _ := op.Extensions["x-wechatpay-event"].(string)
	plaintext, _ := op.Extensions["x-wechatpay-plaintext"].(string)
	return &Notification{
		Operation: op,
		Event:     event,
		Envelope:  op.RequestBody.Value.Content["application/json"].Schema.Value,
		Plaintext: spec.Components.Schemas[strings.TrimPrefix(plaintext, "#/components/schemas/")].Value,
	}
}

// open moves the values of an enumeration that the platform may extend out of the schema, so that a value
// not heard of is valid.
func open(s *openapi3.Schema) {
	if s.Extensions["x-wechatpay-open-enum"] == true && s.Enum != nil {
		s.Extensions["x-known"], s.Enum = s.Enum, nil
	}
}

// Known returns the values that an enumeration lists, whether it may be extended or not.
func Known(s *openapi3.Schema) []any {
	if known, ok := s.Extensions["x-known"].([]any); ok {
		return known
	}
	return s.Enum
}

// Sensitive reports whether a value travels encrypted by itself.
func Sensitive(s *openapi3.Schema) bool {
	return s != nil && s.Extensions["x-wechatpay-sensitive"] == true
}
