package sealing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/internal/sealing"
	"github.com/wxpay-go/wxpay/internal/value"
)

type secret = value.Secret

type person struct {
	Name  string `json:"name,omitzero"`
	Phone secret `json:"phone,omitzero"`
}

type (
	Inner  struct{ Inside secret } // exported, to be embedded
	hidden struct {
		Under secret
		list  []secret
	}
	tree struct {
		Phone    secret  `json:"phone"`
		Children []*tree `json:"children,omitempty"`
	}
	set struct {
		Phone secret
		given bool
	}
)

func (s set) IsZero() bool { return !s.given }

// What encodes itself, in all the ways encoding/json knows.
type (
	byJSON    struct{ phone secret }
	byText    struct{ Phone secret }
	byAddress struct{ Phone secret }
	ordered   []struct {
		Name  string
		Value any
	}
	promoted struct {
		time.Time
		Phone secret
	}
	clock struct { // encodes itself, and no secret is in it
		at   time.Time
		next any
	}
	knot struct { // holds itself and a secret behind what is its own affair
		Next *knot
		of   *person
	}
)

func (b byJSON) MarshalJSON() ([]byte, error)     { return json.Marshal(map[string]any{"phone": b.phone}) }
func (b byText) MarshalText() ([]byte, error)     { return []byte(b.Phone), nil }
func (b *byAddress) MarshalJSON() ([]byte, error) { return json.Marshal(string(b.Phone)) }
func (o ordered) MarshalJSON() ([]byte, error)    { return json.Marshal(o[0].Value) }
func (c clock) MarshalText() ([]byte, error) {
	return fmt.Append(nil, c.at.Format("15:04"), c.next), nil
}
func (k *knot) MarshalText() ([]byte, error) { return []byte("knot"), nil }

// seal is what the fills of these tests make of a secret.
func seal(plain string) (string, error) { return "sealed+" + strings.ToUpper(plain), nil }

// sealed is body as it goes out.
func sealed(t testing.TB, types *sealing.Types, body any) (string, error) {
	t.Helper()
	gapped, secrets, err := types.Gaps(body, nil)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(gapped)
	require.NoError(t, err)
	for _, s := range secrets {
		assert.NotContains(t, string(text), string(s))
	}
	text, err = sealing.Fill(text, secrets, seal)
	return string(text), err
}

func TestSecretsAreSealedWhereverTheyAre(t *testing.T) {
	t.Parallel()
	phone, other, none := secret("abc"), secret("def"), secret("")
	nested := map[string]any{"a": []any{map[string]secret{"b": phone}, &other, person{"n", other}, 17, nil}}
	for name, tt := range map[string]struct {
		body any
		want string
	}{
		"itself":              {phone, `"sealed+ABC"`},
		"empty":               {none, `""`},
		"field":               {person{"n", phone}, `{"name":"n","phone":"sealed+ABC"}`},
		"left out when empty": {person{"n", none}, `{"name":"n"}`},
		"pointer":             {&person{"n", phone}, `{"name":"n","phone":"sealed+ABC"}`},
		"pointer to pointer":  {new(&person{"n", phone}), `{"name":"n","phone":"sealed+ABC"}`},
		"pointer to secret":   {struct{ P, Q *secret }{&phone, nil}, `{"P":"sealed+ABC","Q":null}`},
		"nil pointer":         {(*person)(nil), `null`},
		"list":                {[]secret{phone, none, other}, `["sealed+ABC","","sealed+DEF"]`},
		"list of structs":     {[]person{{"n", phone}, {"m", other}}, `[{"name":"n","phone":"sealed+ABC"},{"name":"m","phone":"sealed+DEF"}]`},
		"list of pointers":    {[]*person{{"n", phone}, nil}, `[{"name":"n","phone":"sealed+ABC"},null]`},
		"nil list":            {struct{ L []secret }{}, `{"L":null}`},
		"array":               {[2]secret{phone, other}, `["sealed+ABC","sealed+DEF"]`},
		"array in a map":      {map[string][1]secret{"a": {phone}}, `{"a":["sealed+ABC"]}`},
		"map":                 {map[string]secret{"b": other, "a": phone}, `{"a":"sealed+ABC","b":"sealed+DEF"}`},
		"map of structs":      {map[int]person{1: {"n", phone}}, `{"1":{"name":"n","phone":"sealed+ABC"}}`},
		"nil map":             {struct{ M map[string]secret }{}, `{"M":null}`},
		"interfaces":          {nested, `{"a":[{"b":"sealed+ABC"},"sealed+DEF",{"name":"n","phone":"sealed+DEF"},17,null]}`},
		"embedded":            {struct{ Inner }{Inner{phone}}, `{"Inside":"sealed+ABC"}`},
		"embedded by address": {struct{ *Inner }{&Inner{phone}}, `{"Inside":"sealed+ABC"}`},
		"embedded and hidden": {struct{ hidden }{hidden{Under: phone}}, `{"Under":"sealed+ABC"}`},
		"hidden, nil":         {struct{ *hidden }{}, `{}`},
		"shadowed": {struct {
			person
			Phone string `json:"phone"`
		}{person{"n", phone}, "x"}, `{"name":"n","phone":"x"}`},
		"hidden field": {struct {
			A     secret
			phone secret
		}{A: other}, `{"A":"sealed+DEF"}`},
		"not encoded": {struct {
			A secret `json:"-"`
			B secret `json:"minus"`
			C byText `json:"-"`
		}{phone, other, byText{phone}}, `{"minus":"sealed+DEF"}`},
		"in quotes": {struct {
			A secret `json:",string"`
			B int    `json:",string"`
		}{phone, 1}, `{"A":"sealed+ABC","B":"1"}`},
		"recursive":         {&tree{phone, []*tree{{other, nil}, {none, nil}}}, `{"phone":"sealed+ABC","children":[{"phone":"sealed+DEF"},{"phone":""}]}`},
		"decides on itself": {struct{ A, B set }{set{phone, true}, set{other, false}}, `{"A":{"Phone":"sealed+ABC"},"B":{"Phone":"sealed+DEF"}}`},
		"leaves itself out": {struct {
			A set `json:",omitzero"`
			B set `json:",omitzero"`
		}{set{phone, true}, set{other, false}}, `{"A":{"Phone":"sealed+ABC"}}`},
		"three stars":    {struct{ A, B any }{"***", phone}, `{"A":"***","B":"sealed+ABC"}`},
		"twice the same": {[]*secret{&phone, &phone}, `["sealed+ABC","sealed+ABC"]`},
		"beside one that encodes itself": {struct {
			At time.Time
			C  clock
			P  secret
		}{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), clock{at: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)}, phone}, `{"At":"2026-01-02T03:04:05Z","C":"12:00\u003cnil\u003e","P":"sealed+ABC"}`},
		"what encodes itself and is empty": {struct {
			A byJSON
			B *byText
		}{}, `{"A":{"phone":""},"B":null}`},
		"what points to its own affairs": {func() any { k := &knot{of: &person{"n", phone}}; k.Next = k; return k }(), `"knot"`},
		"nothing secret":                 {map[string]any{"a": []int{1}, "b": "***"}, `{"a":[1],"b":"***"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			types := new(sealing.Types)
			for range 2 { // the second time with types that are known
				got, err := sealed(t, types, tt.body)
				require.NoError(t, err)
				assert.JSONEq(t, tt.want, got)
			}
		})
	}
}

func TestSecretsThatCannotBeSealed(t *testing.T) {
	t.Parallel()
	phone := secret("13800138000")
	loop := map[string]any{"p": phone}
	loop["self"] = loop
	ring := &tree{Phone: phone}
	ring.Children = []*tree{ring}
	for name, body := range map[string]any{
		"by MarshalJSON":              byJSON{phone},
		"by MarshalText":              []any{byText{phone}},
		"by a method of its address":  map[string]any{"a": &byAddress{phone}},
		"by the method, if it had it": byAddress{phone},
		"in an interface":             ordered{{"a", person{"n", phone}}},
		"by an embedded type":         promoted{Phone: phone},
		"embedded itself":             struct{ value.Secret }{phone},
		"embedded by hidden address":  struct{ *hidden }{&hidden{Under: phone}},
		"the same behind another": struct {
			A secret
			*hidden
		}{phone, &hidden{Under: phone}},
		"name of a member":   map[secret]int{phone: 1},
		"part of a name":     map[byText]int{{phone}: 1},
		"map that is a ring": loop,
		"ring":               ring,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sealed(t, new(sealing.Types), body)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "1380013")
		})
	}
}

// Nothing of what the caller holds changes, however many calls look at it at once.
func TestBodyStaysAsItIs(t *testing.T) {
	t.Parallel()
	make := func() any {
		p := secret("abc")
		return &struct {
			A person
			B *person
			C []person
			D map[string]any
			E [1]*secret
			F hidden
		}{person{"a", "alpha"}, &person{"b", "bravo"}, []person{{"c", "charlie"}}, map[string]any{"d": &person{"d", "delta"}, "e": []any{p}}, [1]*secret{&p}, hidden{"foxtrot", []secret{"golf"}}}
	}
	body, types := make(), new(sealing.Types)
	want, err := sealed(t, types, body)
	require.NoError(t, err)
	assert.Equal(t, 7, strings.Count(want, "sealed+"), want)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := sealed(t, types, body)
				assert.NoError(t, err)
				assert.Equal(t, want, got)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, make(), body)
}

func TestFill(t *testing.T) {
	t.Parallel()
	types := new(sealing.Types)
	list := make([]secret, 120)
	for i := range list {
		list[i] = secret(fmt.Sprint("number ", i))
	}
	gapped, secrets, err := types.Gaps(list, nil)
	require.NoError(t, err)
	text, err := json.Marshal(gapped)
	require.NoError(t, err)
	for name, ciphertext := range map[string]func(string) string{
		"fits":            func(s string) string { return strings.Repeat("A", 341) + s[len(s)-1:] + "==" },
		"longer":          func(s string) string { return strings.Repeat("+/8=", 171) },
		"shorter":         func(s string) string { return "YQ==" },
		"none":            func(s string) string { return "" },
		"of another kind": func(s string) string { return `"` + s + `" <&\ 密文` },
	} {
		var want []string
		for _, s := range list {
			want = append(want, ciphertext(string(s)))
		}
		filled, err := sealing.Fill(append([]byte(nil), text...), secrets, func(plain string) (string, error) { return ciphertext(plain), nil })
		require.NoError(t, err, name)
		var got []string
		require.NoError(t, json.Unmarshal(filled, &got), name)
		assert.Equal(t, want, got, name)
	}
	failure := errors.New("no key")
	_, err = sealing.Fill(text, secrets, func(string) (string, error) { return "", failure })
	assert.ErrorIs(t, err, failure)
	_, err = sealing.Fill(text, secrets[:7], seal)
	assert.Error(t, err, "a gap of nobody")
}

// FuzzSeal: whatever stands in and around secrets, the platform reads the same with ciphertexts in their place.
func FuzzSeal(f *testing.F) {
	f.Add("abc", "***", "", "n")
	f.Add("\x00", `"`, "中文", "\u2028<&>")
	f.Fuzz(func(t *testing.T, a, b, c, text string) {
		clean := strings.ToValidUTF8(text, "")
		body := map[string]any{"a": secret(a), "b": []secret{secret(b), secret(c)}, "text": clean, "p": &person{clean, secret(b)}, "***": "***"}
		before := maps.Clone(body)
		gapped, secrets, err := new(sealing.Types).Gaps(body, nil)
		require.NoError(t, err)
		encoded, err := json.Marshal(gapped)
		require.NoError(t, err)
		encoded, err = sealing.Fill(encoded, secrets, func(plain string) (string, error) { return fmt.Sprintf("%x", plain), nil })
		require.NoError(t, err)
		var got struct {
			A    string
			B    []string
			Text string
			P    struct{ Name, Phone string }
		}
		require.NoError(t, json.Unmarshal(encoded, &got))
		hex := func(s string) string { return fmt.Sprintf("%x", s) }
		assert.Equal(t, []string{hex(a), hex(b), hex(c), clean, clean, hex(b)}, []string{got.A, got.B[0], got.B[1], got.Text, got.P.Name, got.P.Phone})
		assert.Equal(t, before, body)
	})
}
