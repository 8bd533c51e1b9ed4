package schema_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// document is a body with everything that a schema can say.
const document = `{"type":"object","properties":[
	{"name":"id","required":true,"schema":{"type":"string","minLength":2,"maxLength":3,"pattern":"^[a-z中]+$"}},
	{"name":"kind","schema":{"type":"string","enum":[{"value":"A"},{"value":"B"}]}},
	{"name":"open","schema":{"type":"string","enum":[{"value":"A"}],"openEnum":true}},
	{"name":"n","schema":{"type":"integer","minimum":1,"maximum":3}},
	{"name":"flag","schema":{"type":"integer","enum":[{"value":"0"},{"value":"1"}]}},
	{"name":"rate","schema":{"type":"number"}},
	{"name":"yes","schema":{"type":"boolean"}},
	{"name":"none","schema":{"type":"string","also":["null"]}},
	{"name":"any","schema":{}},
	{"name":"at","schema":{"type":"string","format":"date-time"}},
	{"name":"day","schema":{"type":"string","format":"date"}},
	{"name":"logo_url","schema":{"type":"string","format":"uri"}},
	{"name":"notify_url","schema":{"type":"string","format":"uri"}},
	{"name":"list","schema":{"type":"array","minItems":1,"maxItems":2,"items":{"type":"object","properties":[{"name":"sealed","required":true,"schema":{"type":"string","sealed":"to-platform"}}]}}},
	{"name":"either","schema":{"type":"object","oneOf":[
		{"type":"object","properties":[{"name":"a","required":true,"schema":{"type":"string"}}]},
		{"type":"object","properties":[{"name":"b","required":true,"schema":{"type":"string"}},{"name":"c","required":true,"schema":{"type":"string"}}]}]}}
],"when":[{"member":"kind","values":["B"],"then":{"properties":[{"name":"n","required":true,"schema":{"type":"integer"}}]}}]}`

func TestCheck(t *testing.T) {
	t.Parallel()
	var s api.Schema
	require.NoError(t, json.Unmarshal([]byte(document), &s))
	for body, want := range map[string]string{
		`{"id":"ab"}`:                  "",
		`{}`:                           "/id is required",
		`{"id":""}`:                    "/id is empty",
		`{"id":7}`:                     "/id is not text",
		`{"id":"a"}`:                   "/id has 1 characters, and at least 2 are needed",
		`{"id":"abcd"}`:                "/id has 4 characters, and at most 3 fit",
		`{"id":"中中中"}`:                 "",
		`{"id":"a1"}`:                  "/id does not match ^[a-z中]+$",
		`{"id":"ab","more":1}`:         "/more is not a member that the documents know",
		`{"id":"ab","kind":"C"}`:       "/kind is none of A, B",
		`{"id":"ab","kind":"B"}`:       "/n is required",
		`{"id":"ab","kind":"B","n":2}`: "",
		`{"id":"ab","open":"B"}`:       "/open is none of A",
		`{"id":"ab","n":0}`:            "/n is out of range: it is from 1 to 3",
		`{"id":"ab","n":4}`:            "/n is out of range: it is from 1 to 3",
		`{"id":"ab","n":1.5}`:          "/n is not an integer",
		`{"id":"ab","n":"1"}`:          "/n is not an integer",
		`{"id":"ab","flag":2}`:         "/flag is out of range: it is one of 0, 1",
		`{"id":"ab","rate":1.5}`:       "",
		`{"id":"ab","rate":"1"}`:       "/rate is not a number",
		`{"id":"ab","yes":"true"}`:     "/yes is not true or false",
		`{"id":"ab","any":[{"x":1}]}`:  "",
		`{"id":"ab","at":"2026-01-02T03:04:05+08:00"}`: "",
		`{"id":"ab","at":"2026-01-02 03:04:05"}`:       "/at is not a date-time, such as 2026-01-02T15:04:05+08:00",
		`{"id":"ab","day":"2026-02-30"}`:               "/day is not a date, such as 2026-01-02",
		`{"id":"ab","logo_url":"http://a.example?b"}`:  "",
		`{"id":"ab","logo_url":"a.example"}`:           "/logo_url is not an absolute address",
		`{"id":"ab","notify_url":"http://a.example"}`:  "/notify_url is not an https address without query",
		`{"id":"ab","notify_url":"http://[::1]:80/n"}`: "",
		`{"id":"ab","list":{}}`:                        "/list is not a list",
		`{"id":"ab","list":[]}`:                        "/list has 0 entries, and at least 1 are needed",
		`{"id":"ab","list":[{"sealed":"x"},{}]}`:       "/list/1/sealed is required",
		`{"id":"ab","list":[{"sealed":"no"}]}`:         "/list/0/sealed does not open",
		`{"id":"ab","list":[1]}`:                       "/list/0 is not an object",
		`{"id":"ab","either":{"a":"1"}}`:               "",
		`{"id":"ab","either":{"b":"1"}}`:               "/either/c is required",
		`{"id":"ab","either":{"b":"1","c":"2"}}`:       "",
		`{"id":"ab","either":{}}`:                      "/either/a is required",
		`{"id":"ab","either":7}`:                       "/either is not an object",
	} {
		o, err := schema.Reader{Strict: true}.Object([]byte(body))
		require.NoError(t, err, body)
		c := &schema.Check{Strict: true, Secrets: map[string]string{}, Open: func(text string) (string, error) {
			if text == "no" {
				return "", &schema.Violation{Issue: "does not open"}
			}
			return "plain " + text, nil
		}}
		if err = c.Object(o, &s, ""); want == "" {
			assert.NoError(t, err, body)
			continue
		}
		assert.EqualError(t, err, want, body)
	}

	// Not strict: more members, values and null where the document has them.
	lenient := &schema.Check{}
	for body, ok := range map[string]bool{
		`{"id":"ab","more":1,"open":"B","kind":"B"}`: true, `{"id":"ab","none":null}`: true, `{"id":"ab","kind":"C"}`: false, `{"id":"ab","n":null}`: false,
	} {
		o, err := schema.Reader{}.Object([]byte(body))
		require.NoError(t, err)
		assert.Equal(t, ok, lenient.Object(o, &s, "") == nil, body)
	}
}

// What the documents say in words of their own: groups, forms, conditions, formats.
func TestCheckWhatIsRare(t *testing.T) {
	t.Parallel()
	const rare = `{"type":"object","properties":[
		{"name":"a","schema":{"type":"string"}},{"name":"b","schema":{"type":"string"}},{"name":"c","schema":{"type":"string"}},
		{"name":"ip","schema":{"type":"string","format":"ip"}},{"name":"small","schema":{"type":"integer","format":"int32"}},
		{"name":"ratio","schema":{"type":"number","minimum":0,"maximum":1}},
		{"name":"also","schema":{"type":"object","also":["string"],"properties":[{"name":"x","required":true,"schema":{"type":"integer"}}]}},
		{"name":"number","schema":{"type":"string","also":["integer"],"maxLength":2}},
		{"name":"either","schema":{"oneOf":[{"type":"string","maxLength":2},{"type":"array","items":{"type":"string","maxLength":1}}]}},
		{"name":"kind","schema":{"type":"integer"}},{"name":"on","schema":{"type":"boolean"}},
		{"name":"inner","schema":{"type":"object","properties":[{"name":"p","schema":{"type":"string"}},{"name":"q","schema":{"type":"string"}}]}}
	],"anyOf":[["a"],["b","c"]],"when":[{"member":"kind","values":["2"],"then":{"properties":[{"name":"inner","required":true,"schema":{"type":"object","properties":[{"name":"p","required":true,"schema":{"type":"string"}}]}}]}},
		{"member":"on","values":["true"],"then":{"properties":[{"name":"ip","required":true,"schema":{"type":"string"}}]}}]}`
	var s api.Schema
	require.NoError(t, json.Unmarshal([]byte(rare), &s))
	for body, want := range map[string]string{
		`{"a":"1"}`:                                   "",
		`{"b":"1","c":"2"}`:                           "",
		`{"b":"1"}`:                                   " needs a, or b with c",
		`{}`:                                          " needs a, or b with c",
		`{"a":"","ip":"1.2.3.4"}`:                     "",
		`{"a":"","ip":"::1"}`:                         "",
		`{"a":"","ip":"1.2.3"}`:                       "/ip is not an IP address",
		`{"a":"","small":2147483647}`:                 "",
		`{"a":"","small":2147483648}`:                 "/small is out of range",
		`{"a":"","small":9223372036854775808}`:        "/small is not an integer",
		`{"a":"","small":1e2}`:                        "/small is not an integer",
		`{"a":"","ratio":0.5}`:                        "",
		`{"a":"","ratio":1.01}`:                       "/ratio is out of range: it is from 0 to 1",
		`{"a":"","ratio":-1}`:                         "/ratio is out of range: it is from 0 to 1",
		`{"a":"","ratio":1e999}`:                      "/ratio is out of range: it is from 0 to 1",
		`{"a":"","also":"text"}`:                      "",
		`{"a":"","also":{"x":"1"}}`:                   "/also/x is not an integer",
		`{"a":"","also":7}`:                           "/also is not an object",
		`{"a":"","number":123}`:                       "",
		`{"a":"","number":"123"}`:                     "/number has 3 characters, and at most 2 fit",
		`{"a":"","number":true}`:                      "/number is not text",
		`{"a":"","either":"ab"}`:                      "",
		`{"a":"","either":"abc"}`:                     "/either has 3 characters, and at most 2 fit",
		`{"a":"","either":["a","bc"]}`:                "/either/1 has 2 characters, and at most 1 fit",
		`{"a":"","either":7}`:                         "/either is not text, and is not a list",
		`{"a":"","kind":2}`:                           "/inner is required",
		`{"a":"","kind":2,"inner":{}}`:                "/inner/p is required",
		`{"a":"","kind":2,"inner":{"p":"1","q":"2"}}`: "",
		`{"a":"","kind":1}`:                           "",
		`{"a":"","on":true}`:                          "/ip is required",
		`{"a":"","on":false}`:                         "",
		`{"a":"","b":"\ud83d\ude00"}`:                 "/b holds a character of four bytes of UTF-8, such as an emoji",
	} {
		o, err := schema.Reader{}.Object([]byte(body))
		require.NoError(t, err, body)
		if err = (&schema.Check{Strict: true}).Object(o, &s, ""); want == "" {
			assert.NoError(t, err, body)
			continue
		}
		assert.EqualError(t, err, want, body)
	}
}

// All that is wrong is found, once each, in the order of the document, and not without end.
func TestCheckFindsAll(t *testing.T) {
	t.Parallel()
	var s api.Schema
	require.NoError(t, json.Unmarshal([]byte(document), &s))
	o, err := schema.Reader{}.Object([]byte(`{"zz":1,"id":"1","kind":"B","n":"x","list":[{"sealed":"plain"},{},{"more":1,"sealed":7}],"aa":1}`))
	require.NoError(t, err)
	c := &schema.Check{Strict: true, Secrets: map[string]string{}, Open: func(string) (string, error) { return "", &schema.Violation{Issue: "does not open"} }}
	first := c.Object(o, &s, "")
	var all []string
	for _, err := range c.Found {
		all = append(all, err.Error())
		v, ok := errors.AsType[*schema.Violation](err)
		require.True(t, ok)
		if strings.Contains(v.Field, "sealed") {
			assert.Nil(t, v.Value)
		}
	}
	assert.Equal(t, []string{
		"/id has 1 characters, and at least 2 are needed", "/n is not an integer", "/list has 3 entries, and at most 2 fit", "/list/0/sealed does not open", "/list/1/sealed is required",
		"/list/2/sealed is not text", "/list/2/more is not a member that the documents know", "/aa is not a member that the documents know", "/zz is not a member that the documents know",
	}, all)
	assert.Equal(t, c.Found[0], first)

	many := schema.Object{}
	for n := range 100 {
		many["m"+strconv.Itoa(n)] = true
	}
	c = &schema.Check{Strict: true}
	require.Error(t, c.Object(many, &s, ""))
	assert.Len(t, c.Found, schema.MostFound)
	_, found := schema.Reader{Strict: true}.All([]byte("[" + strings.Repeat("null,", 100) + "null]"))
	assert.LessOrEqual(t, len(found), schema.MostFound+1)
}

// What is encrypted is opened and kept by its name; an error that is no fault of the member stays as it is.
func TestCheckOpens(t *testing.T) {
	t.Parallel()
	s := &api.Schema{Type: "object", Properties: []*api.Property{{Name: "phone", Schema: &api.Schema{Type: "string", Sealed: "to-platform"}}}}
	c := &schema.Check{Secrets: map[string]string{}, Open: func(text string) (string, error) { return "plain " + text, nil }}
	require.NoError(t, c.Object(schema.Object{"phone": "x"}, s, ""))
	assert.Equal(t, map[string]string{"phone": "plain x"}, c.Secrets)
	failed := errors.New("no key")
	c.Open = func(string) (string, error) { return "", failed }
	assert.Equal(t, failed, c.Object(schema.Object{"phone": "x"}, s, ""))
}

// The requests that the documents show are right by the documents; so every pattern can be read.
func TestExamplesPass(t *testing.T) {
	t.Parallel()
	catalog, err := api.Load()
	require.NoError(t, err)
	for _, p := range catalog.Products {
		for _, op := range p.Operations {
			if op.Body == nil {
				continue
			}
			o, err := schema.Reader{}.Object(op.BodyExample)
			require.NoError(t, err, op.ID)
			assert.NoError(t, (&schema.Check{Strict: p.Platform == "wechatpay"}).Object(o, op.Body, ""), op.ID)
		}
	}
}

func TestEncodeSealed(t *testing.T) {
	t.Parallel()
	s := &api.Schema{Type: "object", Properties: []*api.Property{
		{Name: "phone", Schema: &api.Schema{Type: "string", Sealed: "from-platform"}},
		{Name: "name", Schema: &api.Schema{Type: "string"}},
		{Name: "list", Schema: &api.Schema{Type: "array", Items: &api.Schema{Type: "object", Properties: []*api.Property{{Name: "phone", Schema: &api.Schema{Type: "string", Sealed: "from-platform"}}}}}},
	}}
	seal := func(plain string) (string, error) { return "<" + plain + ">", nil }
	o := schema.Object{"phone": "1", "name": "2", "list": []schema.Object{{"phone": "3"}}, "other": "4"}
	text, err := schema.EncodeSealed(o, s, seal)
	require.NoError(t, err)
	assert.JSONEq(t, `{"phone":"<1>","name":"2","list":[{"phone":"<3>"}],"other":"4"}`, string(text))
	assert.Equal(t, "1", o["phone"], "the object stays as it is")
	_, err = schema.EncodeSealed(o, s, func(string) (string, error) { return "", errors.New("broken") })
	assert.EqualError(t, err, "broken")
}

// What is sealed is opened in its place, also in lists, and each secret is known by where it stood.
func TestSecretsWithin(t *testing.T) {
	t.Parallel()
	sealed := &api.Schema{Type: "string", Sealed: "to-platform"}
	s := &api.Schema{Type: "object", Properties: []*api.Property{
		{Name: "phone", Schema: sealed}, {Name: "phones", Schema: &api.Schema{Type: "array", Items: sealed}},
		{Name: "users", Schema: &api.Schema{Type: "array", Items: &api.Schema{Type: "object", Properties: []*api.Property{{Name: "phone", Schema: sealed}}}}},
	}}
	o, err := schema.Reader{}.Object([]byte(`{"phone":"<1>","phones":["<2>"],"users":[{"phone":"<3>"},{"phone":"<4>"}]}`))
	require.NoError(t, err)
	c := &schema.Check{Strict: true, Secrets: map[string]string{}, Open: func(text string) (string, error) { return strings.Trim(text, "<>"), nil }}
	require.NoError(t, c.Object(o, s, ""))
	assert.JSONEq(t, `{"phone":"1","phones":["2"],"users":[{"phone":"3"},{"phone":"4"}]}`, schema.Canonical(o))
	assert.Equal(t, map[string]string{"phone": "1", "phones/0": "2", "users/0/phone": "3", "users/1/phone": "4"}, c.Secrets)
}
