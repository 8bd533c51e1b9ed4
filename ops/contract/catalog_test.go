package contract

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
)

// TestCatalogIsComplete reads the documents a second time, by another reader than that of the catalog, and holds the
// one to the other: every call, parameter, member, limit, value, error and notification.
func TestCatalogIsComplete(t *testing.T) {
	t.Parallel()
	c, err := api.Load()
	require.NoError(t, err)
	docs, err := Load()
	require.NoError(t, err)
	require.Len(t, c.Products, len(docs))
	all := 0
	for _, doc := range docs {
		p := c.Product(strings.TrimSuffix(doc.Name, ".yaml"))
		require.NotNil(t, p, doc.Name)
		operations := slices.DeleteFunc(slices.Clone(doc.Operations), (*Operation).otherDoor)
		assert.Len(t, p.Operations, len(operations))
		assert.Len(t, p.Notifications, len(doc.Notifications))
		want, got := facts{}, facts{}
		for i, op := range operations {
			want.operation(op)
			got.catalogOperation(p.Operations[i])
		}
		for i, n := range doc.Notifications {
			want.schema(n.Event, n.Envelope)
			want.schema(n.Event+" plaintext", n.Plaintext)
			want.put(n.Event, "tries", triesOf(n.Extensions["x-wechatpay-retries"]))
			got.put(n.Event, "tries", len(p.Notifications[i].Retries))
			got.catalogSchema(n.Event, p.Notifications[i].Envelope)
			got.catalogSchema(n.Event+" plaintext", p.Notifications[i].Plaintext)
		}
		for _, at := range slices.Sorted(maps.Keys(want)) {
			assert.Equal(t, want[at], got[at], "%s: %s", doc.Name, at)
		}
		for at := range got {
			assert.Contains(t, want, at, "%s: only the catalog says %s", doc.Name, at)
		}
		all += len(want)
	}
	assert.Greater(t, all, 4500)
}

// triesOf counts the waits of a list such as [15s, 60s*10].
func triesOf(list any) (n int) {
	waits, _ := list.([]any)
	for _, wait := range waits {
		_, times, many := strings.Cut(fmt.Sprint(wait), "*")
		if count, _ := strconv.Atoi(times); many {
			n += count - 1
		}
		n++
	}
	return n
}

// facts are what a document says, each under the place where it says it.
type facts map[string]string

func (f facts) put(at, what string, v any) {
	if text := fmt.Sprint(v); text != "" && text != "0" && text != "false" && text != "[]" && text != "<nil>" {
		f[at+" "+what] = text
	}
}

func (f facts) operation(o *Operation) {
	at := o.Route()
	f.put(at, "id", o.OperationID)
	f.put(at, "key", o.Extensions["x-wechatpay-idempotency-key"])
	errors := cmp.Or[any](o.Extensions["x-wechatpay-errors"], o.Extensions["x-errors"])
	if list, ok := errors.([]any); ok {
		for _, e := range list {
			one := e.(map[string]any)
			f.put(at, fmt.Sprintf("error %v %v", one["status"], one["code"]), cmp.Or(one["retryable"] == true, false))
			f.put(at, fmt.Sprintf("error %v %v means", one["status"], one["code"]), strings.Join(strings.Fields(fmt.Sprint(one["meaning"])), " "))
		}
	}
	if page, ok := o.Extensions["x-wechatpay-pagination"].(map[string]any); ok {
		f.put(at, "page", fmt.Sprint(page["style"], " ", page["items"]))
	}
	door, _ := o.Extensions["x-wechatpay-brand-door"].(map[string]any)
	if door["met"] != false && door != nil {
		f.put(at, "brand", fmt.Sprint(door["method"], " ", door["path"]))
	}
	if rate, ok := o.Extensions["x-wechatpay-rate-limit"].(string); ok && rate != "none documented" {
		f.put(at, "rates", strings.Count(rate, ",")+1)
	}
	for _, p := range o.Parameters {
		in := at + " " + p.Value.In + " " + p.Value.Name
		f.put(in, "is", "there")
		f.put(in, "required", p.Value.Required)
		f.schema(in, p.Value.Schema.Value)
		if p.Value.Extensions["x-wechatpay-sensitive"] == true {
			f.put(in, "sealed", true)
		}
	}
	if s := o.RequestSchema(); s != nil {
		if o.RequestBody.Value.Content["multipart/form-data"] != nil {
			s = valueOf(s.Properties["meta"])
		}
		f.schema(at+" body", s)
	}
	f.schema(at+" answer", o.AnswerSchema())
}

func (f facts) catalogOperation(o *api.Operation) {
	at := o.Route
	f.put(at, "id", o.ID)
	f.put(at, "key", o.IdempotencyKey)
	for _, e := range o.Errors {
		f.put(at, fmt.Sprintf("error %v %v", e.Status, e.Code), e.Retryable)
		f.put(at, fmt.Sprintf("error %v %v means", e.Status, e.Code), e.Meaning)
	}
	if o.Pagination != nil {
		f.put(at, "page", o.Pagination.Style+" "+o.Pagination.Items)
	}
	f.put(at, "brand", o.BrandRoute)
	if o.Product.Platform == "wechatpay" {
		f.put(at, "rates", len(o.Rates))
	}
	for _, p := range o.Params {
		in := at + " " + p.In + " " + p.Name
		f.put(in, "is", "there")
		f.put(in, "required", p.Required)
		f.catalogSchema(in, p.Schema)
	}
	f.catalogSchema(at+" body", o.Body)
	f.catalogSchema(at+" answer", o.Answer)
}

// deepest is how far schemas are followed that lead back to themselves.
const deepest = 7

func (f facts) schema(at string, s *openapi3.Schema) {
	if s == nil || strings.Count(at, ">") > deepest {
		return
	}
	for _, part := range s.AllOf {
		f.schema(at, part.Value)
	}
	for i, one := range s.OneOf {
		f.schema(fmt.Sprint(at, ">", i), one.Value)
	}
	if s.Then != nil {
		f.schema(at+" when", s.Then.Value)
		for _, name := range s.Then.Value.Required { // also of a member of which nothing else is said
			f.put(at+" when>"+name, "is", "there")
		}
		return
	}
	if s.Type != nil {
		f.put(at, "type", (*s.Type)[0])
	}
	f.put(at, "format", s.Format)
	f.put(at, "pattern", s.Pattern)
	f.put(at, "unit", cmp.Or(s.Extensions["x-wechatpay-unit"], s.Extensions["x-unit"]))
	f.put(at, "open", cmp.Or(s.Extensions["x-wechatpay-open-enum"], s.Extensions["x-open-enum"]))
	f.put(at, "brands' values", fmt.Sprint(s.Extensions["x-wechatpay-brand-enum"]))
	f.put(at, "sealed", s.Extensions["x-wechatpay-sensitive"])
	f.put(at, "shortest", s.MinLength)
	f.limit(at, "longest", s.MaxLength != nil, func() any { return *s.MaxLength })
	f.limit(at, "least", s.Min != nil, func() any { return int64(*s.Min) })
	f.limit(at, "most", s.Max != nil, func() any { return int64(*s.Max) })
	f.put(at, "fewest", s.MinItems)
	f.limit(at, "most items", s.MaxItems != nil, func() any { return *s.MaxItems })
	if s.Const != nil {
		f.put(at, "values", []any{s.Const})
	}
	f.put(at, "values", Known(s))
	for name, member := range s.Properties {
		f.put(at+">"+name, "is", "there")
		f.schema(at+">"+name, member.Value)
	}
	for _, name := range s.Required {
		f.put(at+">"+name, "is", "there") // also where nothing more is said of it
		f.put(at+">"+name, "required", true)
	}
	f.schema(at+">*", valueOf(s.Items))
}

// limit notes a limit, be it 0.
func (f facts) limit(at, what string, set bool, v func() any) {
	if set {
		f[at+" "+what] = fmt.Sprint(v())
	}
}

func (f facts) catalogSchema(at string, s *api.Schema) {
	if s == nil || strings.Count(at, ">") > deepest {
		return
	}
	for i, one := range s.OneOf {
		f.catalogSchema(fmt.Sprint(at, ">", i), one)
	}
	for _, when := range s.When {
		f.catalogSchema(at+" when", when.Then)
	}
	f.put(at, "type", s.Type)
	f.put(at, "format", s.Format)
	f.put(at, "pattern", s.Pattern)
	f.put(at, "unit", s.Unit)
	f.put(at, "open", s.OpenEnum)
	f.put(at, "brands' values", fmt.Sprint(s.BrandEnum))
	f.put(at, "sealed", s.Sealed != "")
	for what, v := range map[string]*int64{"longest": s.MaxLength, "least": s.Minimum, "most": s.Maximum, "most items": s.MaxItems} {
		f.limit(at, what, v != nil, func() any { return *v })
	}
	for what, v := range map[string]*int64{"shortest": s.MinLength, "fewest": s.MinItems} {
		if v != nil {
			f.put(at, what, *v)
		}
	}
	var values []any
	for _, v := range s.Enum {
		values = append(values, v.Value)
	}
	f.put(at, "values", values)
	for _, p := range s.Properties {
		f.put(at+">"+p.Name, "is", "there")
		f.put(at+">"+p.Name, "required", p.Required)
		f.catalogSchema(at+">"+p.Name, p.Schema)
	}
	f.catalogSchema(at+">*", s.Items)
}

func valueOf(s *openapi3.SchemaRef) *openapi3.Schema {
	if s == nil {
		return nil
	}
	return s.Value
}
