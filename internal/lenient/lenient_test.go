package lenient_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/lenient"
)

type state string

type amount struct {
	Total    wxpay.Fen `json:"total"`
	Paid     wxpay.Fen `json:"paid,omitzero"`
	Currency string    `json:"currency,omitempty"`
}

type discount struct {
	Scope string    `json:"scope,omitzero"`
	Share float64   `json:"share,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

type base struct {
	AppID string `json:"appid"`
}

// order has every kind of member: documented as always there and optional ones, texts, numbers, times.
type order struct {
	base
	No       string            `json:"no"`
	State    state             `json:"state"`
	Count    int32             `json:"count"`
	Live     bool              `json:"live"`
	Created  time.Time         `json:"created"`
	Attach   string            `json:"attach,omitzero"`
	Level    int64             `json:"level,omitzero"`
	Ratio    float64           `json:"ratio,omitzero"`
	Shown    *bool             `json:"shown,omitzero"`
	Paid     time.Time         `json:"paid,omitzero"`
	Closed   *time.Time        `json:"closed,omitzero"`
	Day      wxpay.Date        `json:"day,omitzero"`
	Amount   amount            `json:"amount,omitzero"`
	Refund   *amount           `json:"refund,omitzero"`
	Discount []discount        `json:"discount,omitzero"`
	Tags     []string          `json:"tags,omitzero"`
	Labels   map[string]int    `json:"labels,omitzero"`
	Ranks    map[int]discount  `json:"ranks,omitzero"`
	Quoted   int64             `json:"quoted,string,omitzero"`
	Raw      json.RawMessage   `json:"raw,omitzero"`
	Any      any               `json:"any,omitzero"`
	Pair     [2]int            `json:"pair,omitzero"`
	Bytes    []byte            `json:"bytes,omitzero"`
	Picky    picky             `json:"picky,omitzero"`
	Self     *order            `json:"self,omitzero"`
	Hidden   string            `json:"-"`
	Words    map[string]string `json:"words,omitzero"`
}

// picky takes the text ok alone.
type picky struct{ OK bool }

func (p *picky) UnmarshalJSON(b []byte) error {
	if string(b) != `"ok"` {
		return errors.New("picky: secret value")
	}
	p.OK = true
	return nil
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// Each row is one member beside good ones: how it is written, what it is read as, and whether its name is told.
func TestOneOddMember(t *testing.T) {
	t.Parallel()
	morning := at("2020-03-26T10:43:39+08:00")
	yes, no := true, false
	for _, test := range []struct {
		member string
		want   order
		odd    string
	}{
		{`"paid":""`, order{}, "paid"},
		{`"paid":" "`, order{}, "paid"},
		{`"paid":"yesterday"`, order{}, "paid"},
		{`"paid":"2020-13-26T10:43:39+08:00"`, order{}, "paid"},
		{`"paid":0`, order{}, "paid"},
		{`"paid":"0000-00-00 00:00:00"`, order{}, "paid"},
		{`"paid":{}`, order{}, "paid"},
		{`"paid":[]`, order{}, "paid"},
		{`"paid":false`, order{}, "paid"},
		{`"paid":20200326104339`, order{Paid: morning}, "paid"},
		{`"paid":"20200326104339"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26 10:43:39"`, order{Paid: morning}, "paid"},
		{`"paid":"2020/03/26 10:43:39"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26T10:43:39"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26T10:43:39+0800"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26 10:43:39 +08:00"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26t02:43:39z"`, order{Paid: morning}, "paid"},
		{`"paid":" 2020-03-26T10:43:39+08:00"`, order{Paid: morning}, "paid"},
		{`"paid":"2020-03-26T10:43+08:00"`, order{Paid: morning.Truncate(time.Minute)}, "paid"},
		{`"paid":"2020-03-26 10:43"`, order{Paid: morning.Truncate(time.Minute)}, "paid"},
		{`"paid":"2020-03-26 10:43:39.123"`, order{Paid: morning.Add(123 * time.Millisecond)}, "paid"},
		{`"paid":1585190619`, order{Paid: morning}, "paid"},
		{`"paid":"1585190619"`, order{Paid: morning}, "paid"},
		{`"paid":1585190619123`, order{Paid: morning.Add(123 * time.Millisecond)}, "paid"},
		{`"paid":15851906`, order{}, "paid"},
		{`"paid":"2020-03-26"`, order{}, "paid"}, // its start or its end
		{`"paid":"20200326"`, order{}, "paid"},
		{`"created":"soon"`, order{}, "created"}, // a time never decides
		{`"closed":""`, order{}, "closed"},
		{`"closed":20200326104339`, order{Closed: &morning}, "closed"},
		{`"day":"20200326"`, order{Day: wxpay.Date{Year: 2020, Month: 3, Day: 26}}, "day"},
		{`"day":20200326`, order{Day: wxpay.Date{Year: 2020, Month: 3, Day: 26}}, "day"},
		{`"day":"2020-03-26T00:00:00+08:00"`, order{Day: wxpay.Date{Year: 2020, Month: 3, Day: 26}}, "day"},
		{`"day":"2020-03-25T16:00:00Z"`, order{Day: wxpay.Date{Year: 2020, Month: 3, Day: 26}}, "day"},
		{`"day":"Easter"`, order{}, "day"},
		{`"day":{}`, order{}, "day"},

		{`"attach":12345678901234567890123.50`, order{Attach: "12345678901234567890123.50"}, "attach"},
		{`"attach":true`, order{}, "attach"},
		{`"attach":{"a":1}`, order{}, "attach"},
		{`"attach":["a"]`, order{}, "attach"},
		{`"level":"9007199254740993"`, order{Level: 9007199254740993}, "level"},
		{`"level":"-7"`, order{Level: -7}, "level"},
		{`"level":" 7 "`, order{Level: 7}, "level"},
		{`"level":"+7"`, order{Level: 7}, "level"},
		{`"level":"007"`, order{Level: 7}, "level"},
		{`"level":100.0`, order{Level: 100}, "level"},
		{`"level":1e2`, order{Level: 100}, "level"},
		{`"level":1.5E1`, order{Level: 15}, "level"},
		{`"level":1500e-2`, order{Level: 15}, "level"},
		{`"level":-0.5e1`, order{Level: -5}, "level"},
		{`"level":9007199254740993.0`, order{Level: 9007199254740993}, "level"},
		{`"level":""`, order{}, "level"},
		{`"level":1.5`, order{}, "level"},
		{`"level":15e-1`, order{}, "level"},
		{`"level":1e999999999`, order{}, "level"},
		{`"level":1e99999999999999999999`, order{}, "level"},
		{`"level":9223372036854775808`, order{}, "level"},
		{`"level":"1,000"`, order{}, "level"},
		{`"level":"+-7"`, order{}, "level"},
		{`"level":"-+7"`, order{}, "level"},
		{`"level":"0x10"`, order{}, "level"},
		{`"level":"1_000"`, order{}, "level"},
		{`"level":true`, order{}, "level"},
		{`"ratio":"0.25"`, order{Ratio: 0.25}, "ratio"},
		{`"ratio":"NaN"`, order{}, "ratio"},
		{`"ratio":1e999`, order{}, "ratio"},
		{`"shown":"true"`, order{Shown: &yes}, "shown"},
		{`"shown":"FALSE"`, order{Shown: &no}, "shown"},
		{`"shown":1`, order{Shown: &yes}, "shown"},
		{`"shown":"0"`, order{Shown: &no}, "shown"},
		{`"shown":""`, order{}, "shown"},
		{`"shown":2`, order{}, "shown"},
		{`"shown":"yes"`, order{}, "shown"},

		{`"amount":[]`, order{}, "amount"},
		{`"amount":""`, order{}, "amount"},
		{`"amount":"x"`, order{}, "amount"},
		{`"amount":{"total":"100","currency":1}`, order{Amount: amount{Total: 100, Currency: "1"}}, "amount.total amount.currency"},
		{`"amount":{"total":1,"paid":"x"}`, order{Amount: amount{Total: 1}}, "amount.paid"},
		{`"amount":{"total":1,"currency":[]}`, order{Amount: amount{Total: 1}}, "amount.currency"},
		{`"refund":[]`, order{}, "refund"},
		{`"refund":{"total":"5"}`, order{Refund: &amount{Total: 5}}, "refund.total"},
		{`"discount":{}`, order{}, "discount"},
		{`"discount":""`, order{}, "discount"},
		{`"discount":[{"scope":"a"},{"scope":7,"share":"x"},[],{"until":""}]`,
			order{Discount: []discount{{Scope: "a"}, {Scope: "7"}, {}, {}}}, "discount[1].scope discount[1].share discount[2] discount[3].until"},
		{`"tags":["a",1,null,{},""]`, order{Tags: []string{"a", "1", "", "", ""}}, "tags[1] tags[3]"},
		{`"labels":{"13800138000":"1","b":2,"c":[]}`, order{Labels: map[string]int{"13800138000": 1, "b": 2, "c": 0}}, "labels[*] labels[*]"},
		{`"ranks":{"1":{"scope":1},"first":{}}`, order{Ranks: map[int]discount{1: {Scope: "1"}}}, "ranks[*].scope ranks[*]"},
		{`"words":[]`, order{}, "words"},
		{`"quoted":7`, order{Quoted: 7}, "quoted"},
		{`"quoted":"7.0"`, order{Quoted: 7}, "quoted"},
		{`"quoted":""`, order{}, "quoted"},
		{`"quoted":"x"`, order{}, "quoted"},
		{`"pair":["1",2,3]`, order{Pair: [2]int{1, 2}}, "pair[0]"},
		{`"bytes":"!"`, order{}, "bytes"},
		{`"picky":"no"`, order{}, "picky"},
		{`"picky":null`, order{}, "picky"},
		{`"self":{"state":"IN","paid":""}`, order{Self: &order{State: "IN"}}, "self.paid"},
		{`"LEVEL":"7"`, order{Level: 7}, "level"},
		{`"level":5,"level":"7"`, order{Level: 7}, "level"},
		{`"level":5,"level":"x"`, order{}, "level"},
		{`"level":"x","Level":7,"tags":1`, order{Level: 7}, "tags"},
		{`"unknown":[{}],"level":"7"`, order{Level: 7}, "level"},
		{`"Hidden":[],"-":[],"level":"7"`, order{Level: 7}, "level"},
		{`"raw":{"a":[1]},"any":[1],"level":"7"`, order{Raw: json.RawMessage(`{"a":[1]}`), Any: []any{1.0}, Level: 7}, "level"},
	} {
		// The odd member stands first, so that what comes after it would be lost to encoding/json.
		data := `{` + test.member + `,"appid":"wx1","no":"N1","state":"OK","count":3,"live":true}`
		want := test.want
		want.AppID, want.No, want.State, want.Count, want.Live = "wx1", "N1", "OK", 3, true
		var got order
		odd, err := lenient.Unmarshal([]byte(data), &got)
		if !assert.NoError(t, err, test.member) {
			continue
		}
		assert.Equal(t, strings.Fields(test.odd), odd, test.member)
		assert.True(t, want.Paid.Equal(got.Paid), "%s: %s", test.member, got.Paid)
		if want.Closed != nil && assert.NotNil(t, got.Closed) {
			assert.True(t, want.Closed.Equal(*got.Closed))
		}
		want.Paid, got.Paid, want.Closed, got.Closed = time.Time{}, time.Time{}, nil, nil
		assert.Equal(t, want, got, test.member)
	}
}

// What one acts on is read or the whole is refused; the text names the member and no value.
func TestMembersThatDecide(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]string{
		`"state":{"s":"secret"}`:           "member state cannot be read as lenient_test.state",
		`"state":["secret"]`:               "member state cannot be read as lenient_test.state",
		`"no":true`:                        "member no cannot be read as string",
		`"count":"secret"`:                 "member count cannot be read as int32",
		`"count":2147483648`:               "member count cannot be read as int32",
		`"count":1.5`:                      "member count cannot be read as int32",
		`"live":"secret"`:                  "member live cannot be read as bool",
		`"appid":{}`:                       "member appid cannot be read as string",
		`"amount":{"total":"secret"}`:      "member amount.total cannot be read as wxpay.Fen",
		`"self":{"paid":"","count":[]}`:    "member self.count cannot be read as int32",
		`"paid":"x","live":[],"state":[]`:  "member live cannot be read as bool",
		`"count":1,"count":"secret"`:       "member count cannot be read as int32",
		`"STATE":{"s":"secret"}`:           "member state cannot be read as lenient_test.state",
		`"discount":[{}],"count":[1,"\n"]`: "member count cannot be read as int32",
	} {
		got := order{Attach: "before"}
		_, err := lenient.Unmarshal([]byte(`{"attach":"a",`+member+`}`), &got)
		assert.EqualError(t, err, want, member)
		assert.Zero(t, got, member)
	}
	// Also where the fields are those of encoding/json without a tag.
	_, err := lenient.Unmarshal([]byte(`{"a":"x"}`), new(struct{ A int }))
	assert.EqualError(t, err, "member A cannot be read as int")

	// Absent is zero, as ever; so are null and "".
	for _, member := range []string{`"paid":""`, `"paid":"","state":null`, `"paid":"","count":""`, `"paid":"","count":"x","count":5`} {
		_, err := lenient.Unmarshal([]byte(`{`+member+`}`), new(order))
		assert.NoError(t, err, member)
	}
}

func TestNotTheMessage(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		``: "not JSON", `{`: "not JSON", `{"paid":""`: "not JSON", `{"paid":""} x`: "not JSON", "\ufeff{}": "not JSON", `secret`: "not JSON",
		`null`: "not a JSON object", `[]`: "not a JSON object", `"secret"`: "not a JSON object", `1`: "not a JSON object", ` true`: "not a JSON object",
	} {
		_, err := lenient.Unmarshal([]byte(data), new(order))
		assert.EqualError(t, err, want, data)
		var p *order
		_, err = lenient.Unmarshal([]byte(data), &p)
		assert.EqualError(t, err, want, data)
	}
	_, err := lenient.Unmarshal([]byte("null"), new(map[string]any))
	assert.EqualError(t, err, "not a JSON object")
	for _, v := range []any{nil, order{}, (*order)(nil)} {
		_, err := lenient.Unmarshal([]byte(`{}`), v)
		assert.Error(t, err)
	}
	var list []int
	_, err = lenient.Unmarshal([]byte(`{}`), &list)
	assert.EqualError(t, err, "cannot be read as []int")
	odd, err := lenient.Unmarshal([]byte(`["1",2]`), &list)
	require.NoError(t, err)
	assert.Equal(t, []string{"[0]"}, odd)
	assert.Equal(t, []int{1, 2}, list)
	var when time.Time
	_, err = lenient.Unmarshal([]byte(`20200326104339`), &when)
	require.NoError(t, err)
	assert.True(t, at("2020-03-26T10:43:39+08:00").Equal(when))
}

// echo has a second name for a member, as a notification of the self-test does.
type echo struct {
	Message string    `json:"message"`
	Text    string    `json:"text,omitzero"`
	Time    time.Time `json:"time,omitzero"`
}

func (e *echo) UnmarshalJSON(data []byte) error {
	type plain echo
	var v struct {
		plain
		Other string `json:"txt"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*e = echo(v.plain)
	if e.Text == "" {
		e.Text = v.Other
	}
	return nil
}

// A type that decodes itself goes on doing so.
func TestUnmarshaler(t *testing.T) {
	t.Parallel()
	var got echo
	odd, err := lenient.Unmarshal([]byte(`{"time":"","txt":"t","message":7}`), &got)
	require.NoError(t, err)
	assert.Equal(t, []string{"time", "message"}, odd)
	assert.Equal(t, echo{Message: "7", Text: "t"}, got)

	_, err = lenient.Unmarshal([]byte(`{"time":"","message":{}}`), &got)
	assert.EqualError(t, err, "member message cannot be read as string")
	_, err = lenient.Unmarshal([]byte(`[]`), &got)
	assert.EqualError(t, err, "not a JSON object")
	_, err = lenient.Unmarshal([]byte(`{"txt":[]}`), &got)
	assert.EqualError(t, err, "cannot be read as lenient_test.echo")

	var holder struct {
		Picky []picky          `json:"picky"`
		Map   map[string]picky `json:"map"`
		Echo  echo             `json:"echo"`
	}
	odd, err = lenient.Unmarshal([]byte(`{"picky":["ok","no"],"map":{"a":"no"},"echo":{"time":"","txt":"t"}}`), &holder)
	require.NoError(t, err)
	assert.Equal(t, []string{"picky[1]", "picky", "map[*]", "map", "echo.time"}, odd)
	assert.Equal(t, "t", holder.Echo.Text)
	odd, err = lenient.Unmarshal([]byte(`{"echo":{"txt":[]}}`), &holder)
	require.NoError(t, err)
	assert.Equal(t, []string{"echo"}, odd)
	assert.Empty(t, holder.Picky)
}

// An empty list would be another answer than the one that came.
func TestNoList(t *testing.T) {
	t.Parallel()
	type page struct {
		Data  []echo   `json:"data"`
		Names []string `json:"names"`
		Some  []string `json:"some,omitzero"`
	}
	for text, want := range map[string]string{
		`{"data":{}}`: "member data", `{"data":{"0":{}}}`: "member data", `{"data":"a"}`: "member data", `{"names":7}`: "member names",
		`{"data":[],"names":[7]}`: "", `{"data":null}`: "", `{}`: "", `{"some":7}`: "",
	} {
		_, err := lenient.Unmarshal([]byte(text), new(page))
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.ErrorContains(t, err, want, text)
		}
	}
}

// word is a text that decodes itself and takes nothing.
type word string

func (*word) UnmarshalJSON([]byte) error { return errors.New("word: no") }

// A text decides also if it decodes itself; null and "" say that there is none.
func TestScalarUnmarshalerDecides(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"word":null}`: "", `{"word":""}`: "", `{"word":"secret"}`: "member word cannot be read as lenient_test.word",
	} {
		var v struct {
			Word word `json:"word"`
		}
		odd, err := lenient.Unmarshal([]byte(data), &v)
		assert.Equal(t, []string{"word"}, odd, data)
		if want == "" {
			assert.NoError(t, err, data)
		} else {
			assert.EqualError(t, err, want)
		}
	}
}

// Fields are found as encoding/json finds them: further out wins, then a tag; two alike are none.
func TestFields(t *testing.T) {
	t.Parallel()
	type Deep struct {
		A int `json:"a,omitzero"`
		D int `json:"d,omitzero"`
		B int // hidden by two that hide each other
	}
	type Left struct {
		*Deep
		B int
		C int
		E int `json:"e,omitzero"`
	}
	type Right struct {
		B int
		X int `json:"C,omitzero"`
	}
	type outer struct {
		Left
		Right
		A     int  `json:"a,omitzero"`
		Named Deep `json:"named,omitzero"`
		Upper int  `json:"E,omitzero"`
		N     int  `json:",omitempty"`
	}
	var got outer
	odd, err := lenient.Unmarshal([]byte(`{"a":"1","b":[],"C":"3","d":"4","named":{"d":"5"},"e":"6","E":"7","n":"8"}`), &got)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "C", "d", "named.d", "e", "E", "N"}, odd)
	assert.Equal(t, outer{A: 1, Left: Left{Deep: &Deep{D: 4}, E: 6}, Right: Right{X: 3}, Named: Deep{D: 5}, Upper: 7, N: 8}, got)
}

func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	odd, err := lenient.Unmarshal([]byte(`{"tags":[`+strings.Repeat("1,", 999)+`1]}`), new(order))
	require.NoError(t, err)
	assert.Len(t, odd, 32)

	deep := strings.Repeat(`{"self":`, 9000) + `{"level":"1"}` + strings.Repeat(`}`, 9000)
	odd, err = lenient.Unmarshal([]byte(deep), new(order))
	require.NoError(t, err)
	assert.Len(t, odd, 1)
	assert.Equal(t, 64, strings.Count(odd[0], "self.")) // the one below is too deep
}

// A number of ten bytes does not become one of a gigabyte.
func TestHugeExponent(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	odd, err := lenient.Unmarshal([]byte(`{"level":1e999999999,"attach":1e999999999}`), new(order))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Equal(t, []string{"level", "attach"}, odd)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

// A message that is all right costs nothing more than encoding/json.
func TestFastPath(t *testing.T) {
	data := []byte(`{"appid":"wx1","no":"N1","created":"2020-03-26T10:43:39+08:00","amount":{"total":1},"tags":["a"]}`)
	least := func(f func()) float64 { // what happens beside only adds to it
		n := testing.AllocsPerRun(50, f)
		for range 9 {
			n = min(n, testing.AllocsPerRun(50, f))
		}
		return n
	}
	plain := least(func() { _ = json.Unmarshal(data, new(order)) })
	assert.LessOrEqual(t, least(func() { _, _ = lenient.Unmarshal(data, new(order)) }), plain+1, "the race detector lets one value more escape")
}

// Where encoding/json succeeds the result is its own and nothing is odd; no input panics; what is read leniently
// is what encoding/json reads from a second writing of it.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"no":"1","paid":"","amount":{"total":"1"},"discount":[{"until":20200326104339}]}`,
		`{"day":20200326,"labels":{"a":"1"},"ranks":{"x":{}},"quoted":7,"pair":["1"],"self":{"level":1e2}}`,
		`{"a":1,"A":"2","picky":"no","shown":"1","ratio":"1.50","bytes":"!","raw":{},"any":null,"state":[]}`,
		`null`, `[]`, `{"level":"-0.5e+1","count":1e-1}`, `{"attach":"\ud800","no":1E+0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var plain, got order
		err := json.Unmarshal(data, &plain)
		odd, lerr := lenient.Unmarshal(data, &got)
		object := strings.HasPrefix(strings.TrimLeft(string(data), " \t\r\n"), "{")
		switch {
		case err == nil && object:
			if lerr != nil || odd != nil || !reflect.DeepEqual(plain, got) {
				t.Errorf("%q: %v, %q", data, lerr, odd)
			}
		case lerr == nil && (!object || len(odd) == 0):
			t.Errorf("%q: refused by encoding/json with %v, and here nothing is odd", data, err)
		}
	})
}
