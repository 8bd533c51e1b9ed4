package platformtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wxpay-go/wxpay"
)

// A Call is one use of a product.
type Call func(context.Context, *wxpay.Client) (any, error)

// Answers makes calls of a method that answers something.
func Answers[S, P, R any](service func(*wxpay.Client) S, method func(S, context.Context, P) (*R, error)) func(P) Call {
	return func(p P) Call {
		return func(ctx context.Context, c *wxpay.Client) (any, error) {
			answer, err := method(service(c), ctx, p)
			if answer == nil {
				return nil, err
			}
			return answer, err
		}
	}
}

// Succeeds makes calls of a method that answers nothing.
func Succeeds[S, P any](service func(*wxpay.Client) S, method func(S, context.Context, P) error) func(P) Call {
	return func(p P) Call {
		return func(ctx context.Context, c *wxpay.Client) (any, error) { return nil, method(service(c), ctx, p) }
	}
}

// A Wire is one call as the documents have it. Everything in it is written by hand.
type Wire struct {
	Call    Call
	Request string   // "POST /v3/…", with values in the place of the names of the route, escaped
	Route   string   // the same with the names themselves
	Query   string   // not escaped; sealed members as plain text
	Body    string   // JSON; sealed members as plain text; empty: none
	Answer  string   // JSON; empty: 204
	Want    any      // what the call returns
	Enums   []string // values in the answer that may be others tomorrow
	Repeats bool     // sent again after an answer that leaves the outcome open

	brand bool
}

// OfBrand is the same call made by a brand in its own name: by its own door, and without brand_id, also if the params
// have it.
func (w Wire) OfBrand(request, route string) Wire {
	w.brand, w.Request, w.Route = true, request, route
	query, _ := url.ParseQuery(w.Query) // what is wrong with it is told by compare
	query.Del("brand_id")
	w.Query = query.Encode()
	var body map[string]json.RawMessage
	if json.Unmarshal([]byte(w.Body), &body) == nil {
		delete(body, "brand_id")
		text, _ := json.Marshal(body)
		w.Body = string(text)
	}
	return w
}

// Run plays a call through everything that may come back.
func (w Wire) Run(t *testing.T) {
	t.Helper()
	t.Run("answer", func(t *testing.T) {
		got, err := w.send(t, w.success())
		w.returns(t, got, err)
	})
	t.Run("answer of tomorrow", w.tomorrow)
	t.Run("refusal", func(t *testing.T) {
		_, err := w.send(t, reply(http.StatusBadRequest, `{"code":"INVALID_REQUEST","message":"不合法"}`))
		e, refused := errors.AsType[*wxpay.Error](err)
		if !refused || e.Route != w.Route || e.Code != wxpay.CodeInvalidRequest || !e.Verified || wxpay.OutcomeUnknown(err) {
			t.Errorf("after a refusal: %v", err)
		}
	})
	t.Run("lost", func(t *testing.T) {
		MerchantKey()
		PlatformKey()
		synctest.Test(t, func(t *testing.T) {
			lost, success := false, w.success()
			got, err := w.send(t, func(req *http.Request) (*http.Response, error) {
				if !lost {
					lost = true
					return nil, io.ErrUnexpectedEOF
				}
				return success(req)
			})
			if w.Repeats {
				w.returns(t, got, err)
			} else if !wxpay.OutcomeUnknown(err) {
				t.Errorf("after a lost answer: %v", err)
			}
		})
	})
}

// tomorrow has the answer come with members and values that nobody knows today.
func (w Wire) tomorrow(t *testing.T) {
	answer := strings.Replace(cmp.Or(w.Answer, "{}"), "{", `{"born_tomorrow":{"a":[1]},`, 1)
	answer = strings.Replace(answer, ",}", "}", 1)
	for _, v := range w.Enums {
		if !strings.Contains(answer, `"`+v+`"`) {
			t.Fatalf("the answer lacks %s", v)
		}
		answer = strings.ReplaceAll(answer, `"`+v+`"`, `"TOMORROW"`)
	}
	got, err := w.send(t, reply(http.StatusOK, answer))
	if len(w.Enums) == 0 {
		w.returns(t, got, err)
		return
	}
	text, _ := json.Marshal(got)
	if err != nil || bytes.Count(text, []byte("TOMORROW")) != strings.Count(answer, "TOMORROW") {
		t.Errorf("values not heard of do not pass through: %s, %v", text, err)
	}
}

func (w Wire) success() Trip {
	if w.Answer == "" {
		return reply(http.StatusNoContent, "")
	}
	return reply(http.StatusOK, w.Answer)
}

// returns compares what the call returned.
func (w Wire) returns(t *testing.T, got any, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(w.Want, got) {
		return
	}
	if SameMembers(t, plain(t, w.Want), plain(t, got)); !t.Failed() { // such as nil for an empty list
		t.Errorf("returned %#v, not %#v", got, w.Want)
	}
}

// send makes the call, compares what is sent and lets answer come.
func (w Wire) send(t *testing.T, answer Trip) (any, error) {
	t.Helper()
	var first []byte
	client := Client
	if w.brand {
		client = BrandClient
	}
	return w.Call(t.Context(), client(t, Trip(func(req *http.Request) (*http.Response, error) {
		body := w.compare(t, req)
		if first == nil {
			first = body
		}
		if !bytes.Equal(first, body) {
			t.Errorf("a later attempt sends %s, the first sent %s", body, first)
		}
		return answer(req)
	})))
}

// compare holds a request to the documents and returns its body.
func (w Wire) compare(t *testing.T, req *http.Request) []byte {
	if got := req.Method + " " + req.URL.EscapedPath(); req.URL.Scheme+"://"+req.URL.Host != Host || got != w.Request {
		t.Errorf("%s is sent to %s, not %s", got, req.URL.Host, w.Request)
	}
	login := `WECHATPAY2-SHA256-RSA2048 mchid="` + MchID + `",`
	if w.brand {
		login = `WECHATPAY-BRAND-SHA256-RSA2048 brand_id="` + BrandID + `",`
	}
	if got := req.Header.Get("Authorization"); !strings.HasPrefix(got, login) {
		t.Errorf("Authorization is %s", got)
	}
	if got := req.Header.Get("Wechatpay-Serial"); got != PublicKeyID {
		t.Errorf("Wechatpay-Serial is %s", got)
	}
	if strings.Contains(req.URL.RawQuery, "+") {
		t.Error("a bare + in the query reads as a blank")
	}
	query := map[string]any{}
	for name, values := range req.URL.Query() {
		query[name] = values
	}
	want, err := url.ParseQuery(w.Query)
	wanted := map[string]any{}
	for name, values := range want {
		wanted[name] = values
	}
	if err != nil {
		t.Error(err)
	}
	SameMembers(t, plain(t, wanted), unsealed(t, plain(t, query)))
	if req.Body == nil {
		if w.Body != "" {
			t.Error("no body is sent")
		}
		return nil
	}
	if got := req.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %s", got)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	SameMembers(t, decoded(t, []byte(w.Body)), unsealed(t, decoded(t, body)))
	return body
}

// SameMembers fails with each member of two JSON values, decoded, that is in one of them only or differs.
func SameMembers(t testing.TB, want, got any) {
	t.Helper()
	for _, line := range differences("", want, got) {
		t.Error(line)
	}
}

// differences compares two JSON values member by member.
func differences(at string, want, got any) (lines []string) {
	a, objects := want.(map[string]any)
	b, both := got.(map[string]any)
	if objects && both {
		for _, name := range slices.Sorted(maps.Keys(a)) {
			if _, there := b[name]; !there {
				lines = append(lines, fmt.Sprintf("%s is missing", join(at, name)))
				continue
			}
			lines = append(lines, differences(join(at, name), a[name], b[name])...)
		}
		for _, name := range slices.Sorted(maps.Keys(b)) {
			if _, known := a[name]; !known {
				lines = append(lines, fmt.Sprintf("%s is %v, and should not be there", join(at, name), b[name]))
			}
		}
		return lines
	}
	x, lists := want.([]any)
	y, both := got.([]any)
	if lists && both && len(x) == len(y) {
		for i := range x {
			lines = append(lines, differences(fmt.Sprintf("%s[%d]", at, i), x[i], y[i])...)
		}
		return lines
	}
	if !reflect.DeepEqual(want, got) {
		lines = append(lines, fmt.Sprintf("%s is %v, not %v", cmp.Or(at, "it"), got, want))
	}
	return lines
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// unsealed is a value with the members that are called encrypted_…, and user_name, opened.
func unsealed(t testing.TB, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			text, sealed := member.(string)
			if list, _ := member.([]any); len(list) == 1 { // of a query
				text, sealed = list[0].(string)
			}
			switch {
			case !strings.HasPrefix(name, "encrypted_") && name != "user_name" || !sealed:
				unsealed(t, member)
			case member == any(text):
				v[name] = Open(t, text)
			default:
				v[name] = []any{Open(t, text)}
			}
		}
	case []any:
		for _, member := range v {
			unsealed(t, member)
		}
	}
	return v
}

// plain is v as JSON reads it.
func plain(t testing.TB, v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return decoded(t, text)
}

func decoded(t testing.TB, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return v
}

// reply is an answer, not signed yet.
func reply(status int, body string) Trip {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Request: req, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// A Trip is a transport.
type Trip func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f Trip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A Limit is what the documents say of one text of a request.
type Limit struct {
	field  string
	param  string
	most   int
	needed bool
}

// Needed is a text that must be there. Field is its path in the params, such as Brand.BrandID, param its name on the
// wire, most how many characters it may have; 0: not said.
func Needed(field, param string, most int) Limit { return Limit{field, param, most, true} }

// Optional is [Needed] for a text that may be left out.
func Optional(field, param string, most int) Limit { return Limit{field, param, most, false} }

// Limits holds a call to them: at most is taken, one more and nothing are refused, and nothing is sent.
func Limits[P any](t *testing.T, route string, call func(P) Call, base P, rows ...Limit) {
	t.Helper()
	for _, row := range rows {
		with := func(text string) (sent int, err error) {
			p := base
			field := reflect.ValueOf(&p).Elem()
			for name := range strings.SplitSeq(row.field, ".") {
				field = field.FieldByName(name)
			}
			field.SetString(text)
			_, err = call(p)(t.Context(), Client(t, Trip(func(req *http.Request) (*http.Response, error) {
				sent++
				return named(route)(req)
			})))
			return sent, err
		}
		taken := func(text string) {
			t.Helper()
			if sent, err := with(text); err != nil || sent != 1 {
				t.Errorf("%s: %d characters of %s are not taken: %v", route, len([]rune(text)), row.param, err)
			}
		}
		refused := func(text string) {
			t.Helper()
			sent, err := with(text)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			shown := ok && len(text) > 6 && strings.Contains(e.Reason, text[:6])
			if !ok || sent != 0 || e.Route != route || e.Param != row.param || shown {
				t.Errorf("%s: %d characters of %s: %d requests sent, %v", route, len([]rune(text)), row.param, sent, err)
			}
		}
		char := "会"
		if row.param == "out_request_no" || row.param == "out_trade_no" {
			char = "7"
		}
		if row.most > 0 {
			taken(strings.Repeat(char, row.most))
			refused(strings.Repeat(char, row.most+1))
		}
		if row.needed {
			refused("")
		} else {
			taken("")
		}
		if row.param == "out_request_no" {
			refused("no number")
			taken("aZ09|_*-")
		}
	}
}

// named answers with what stands in the path, under the names of the route.
func named(route string) Trip {
	return func(req *http.Request) (*http.Response, error) {
		_, path, _ := strings.Cut(route, " ")
		names, values, members := strings.Split(path, "/"), strings.Split(req.URL.Path, "/"), map[string]string{}
		for i, name := range names {
			if name, ok := strings.CutPrefix(name, "{"); ok {
				members[strings.TrimSuffix(name, "}")] = values[i]
			}
		}
		text, err := json.Marshal(members)
		if err != nil {
			return nil, err
		}
		return reply(http.StatusOK, string(text))(req)
	}
}
