package wxpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/media"
)

type echo struct {
	Text string    `json:"text"`
	At   time.Time `json:"at,omitzero"`
}

func read(id string) wxpay.Call {
	return wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": id}}
}

func write(idempotent bool) wxpay.Call {
	return wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "a"}, Idempotent: idempotent}
}

func TestRequestIsSignedAsSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call wxpay.Call
		uri  string
		body string
	}{
		{"read", read("8473295"), "/v3/echo/8473295", ""},
		{"escaped", read("a b?d#e%f中"), "/v3/echo/a%20b%3Fd%23e%25f%E4%B8%AD", ""},
		{"used twice", wxpay.Call{Route: "GET /v3/{id}/{id}", Vars: wxpay.Vars{"id": "1"}}, "/v3/1/1", ""},
		{"query", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"p": {"+/8B=="}, "a": {"中 文&x"}}},
			"/v3/echo/1?a=%E4%B8%AD+%E6%96%87%26x&p=%2B%2F8B%3D%3D", ""},
		{"body", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: `中文 "null" \ufffd`}}, "/v3/echo/1", `{"text":"中文 \"null\" \\ufffd"}`},
		{"no body", wxpay.Call{Route: "DELETE /v3/echo/{id}", Vars: wxpay.Vars{"id": "1"}}, "/v3/echo/1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, answer{body: `{"text":"b","new":1}`})
			got, err := wxpay.Do[echo](t.Context(), p.client(), tt.call)
			require.NoError(t, err)
			assert.Equal(t, "b", got.Text)
			s := p.requests()[0]
			assert.Equal(t, "api.mch.weixin.qq.com", s.host)
			assert.Equal(t, tt.uri, s.uri)
			assert.Equal(t, tt.body, s.body)
			assert.Equal(t, publicID, s.header.Get("Wechatpay-Serial"))
			assert.Equal(t, "application/json", s.header.Get("Accept"))
			assert.Equal(t, "identity", s.header.Get("Accept-Encoding"), "or Go would unpack a bomb unasked")
			assert.NotEmpty(t, s.header.Get("User-Agent"))
			if tt.body != "" {
				assert.Equal(t, "application/json", s.header.Get("Content-Type"))
			}
		})
	}
}

func TestBadCallIsNotSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		call  wxpay.Call
		param string
	}{
		{"empty", read(""), "id"},
		{"dot", read("."), "id"},
		{"dots", read(".."), "id"},
		{"control", read("a\r\nHost: b"), "id"},
		{"nul", read("a\x00"), "id"},
		{"delete", read("a\x7f"), "id"},
		{"not UTF-8", read("a\xff"), "id"},
		{"missing", wxpay.Call{Route: routeRead}, "id"},
		{"slash", read("../../certificates"), "id"},
		{"backslash", read(`..\certificates`), "id"},
		{"unused", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1", "card": "2"}}, "card"},
		{"route", wxpay.Call{Route: "v3/echo"}, "route"},
		{"query in the route", wxpay.Call{Route: "GET /v3/echo?a=1"}, "route"},
		{"null", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: map[string]any{"a": nil}}, "body"},
		{"GBK", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "\xd6\xd0\xb9\xfa"}}, "body"},
		{"GBK in a value that encodes itself", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: json.RawMessage("{\"a\":\"\xd6\xd0\"}")}, "body"},
		{"GBK as the name of a member", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: map[string]int{"\xd6\xd0": 1}}, "body"},
		{"the mark of broken text", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "a\ufffdb"}}, "body"},
		{"query that is not UTF-8", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"q": {"\xd6\xd0"}}}, "q"},
		{"query with a line break", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"q": {"a\nb"}}}, "q"},
		{"serial", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Serial: "A\r\nB: c"}, "Wechatpay-Serial"},
		{"no such day", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: struct{ D wxpay.Date }{wxpay.Date{Year: 2026, Month: 2, Day: 30}}}, "body"},
		{"secret in a value that encodes itself", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: selfMade{"13800138000"}}, "body"},
		{"secret as the name of a member", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: map[wxpay.Secret]string{"13800138000": "a"}}, "body"},
		{"secret in the query twice", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"q": {"a"}}, SealedQuery: map[string]wxpay.Secret{"q": "13800138000"}}, "q"},
		{"sealed query with a line break", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, SealedQuery: map[string]wxpay.Secret{"q\n": "13800138000"}}, "q\n"},
		{"digest without a file", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Digest: new(media.Digest)}, "file"},
		{"of another merchant", wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Sender: "1900000002"}, "Sender"},
		{"emoji", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "😀"}}, "body"},
		{"not JSON", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: math.Inf(1)}, "body"},
		{"file name", wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, File: media.Bytes("../a", nil)}, "filename"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, answer{})
			_, err := wxpay.Do[echo](t.Context(), p.client(), tt.call)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.param, e.Param)
			assert.Empty(t, p.requests())
			assert.False(t, wxpay.OutcomeUnknown(err))
		})
	}
}

func TestAnswerThatIsNotBelieved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer answer
		is     error
	}{
		{"unsigned", answer{body: `{"text":"b"}`, change: unsigned}, auth.ErrUnsigned},
		{"forged", answer{body: `{"text":"b"}`, key: strangerKey()}, auth.ErrForged},
		{"other body", answer{body: `{"text":"b"}`, change: func(r *http.Response) { body(r, []byte(`{"text":"c"}`)) }}, auth.ErrForged},
		{"unknown serial", answer{body: `{"text":"b"}`, serial: "PUB_KEY_ID_2"}, auth.ErrUnknownSerial},
		{"stale", answer{body: `{"text":"b"}`, age: 301 * time.Second}, wxpay.ErrUnverified},
		{"from the future", answer{body: `{"text":"b"}`, age: -301 * time.Second}, wxpay.ErrUnverified},
		{"other scheme", answer{body: `{"text":"b"}`, change: func(r *http.Response) {
			r.Header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")
		}}, wxpay.ErrUnverified},
		{"probe", answer{body: `{"text":"b"}`, change: func(r *http.Response) {
			r.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+r.Header.Get("Wechatpay-Signature"))
		}}, wxpay.ErrSignatureProbe},
		{"unsigned 204", answer{status: 204, change: unsigned}, auth.ErrUnsigned},
		{"forged 204", answer{status: 204, key: strangerKey()}, auth.ErrForged},
		{"forged refusal", answer{status: 403, body: `{"code":"NO_AUTH","message":"m"}`, key: strangerKey()}, auth.ErrForged},
		{"truncated", answer{body: `{"text":"b"}`, change: func(r *http.Response) { r.ContentLength++ }}, io.ErrUnexpectedEOF},
		{"accepted only", answer{status: 202, body: `{}`}, nil},
		{"genuine but not JSON", answer{body: `<html>`}, nil},
		{"genuine but of another type", answer{body: `{"text":["a"]}`}, nil},
		{"genuine but a list", answer{body: `[{"text":"b"}]`}, nil},
		{"genuine but empty", answer{}, nil},
		{"redirect", answer{status: 307, change: func(r *http.Response) { r.Header.Set("Location", "https://example.com/") }}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, tt.answer)
			got, err := wxpay.Do[echo](t.Context(), p.client(), write(false))
			assert.Nil(t, got)
			e, ok := errors.AsType[*wxpay.UnknownError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, routeEcho, e.Route)
			assert.True(t, wxpay.OutcomeUnknown(err))
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is)
			}
			assert.Len(t, p.requests(), 1, "a write that is not idempotent is sent once")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// One odd member does not make a genuine answer unknown: it is read or left zero, and its name is told.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 3, 26, 10, 43, 39, 0, time.FixedZone("", 8*60*60))
	for text, tt := range map[string]struct {
		want echo
		odd  []string
	}{
		`{"text":"b","at":"2020-03-26T10:43:39+08:00"}`: {echo{"b", at}, nil},
		`{"text":"b","at":""}`:                          {echo{Text: "b"}, []string{"at"}},
		`{"at":"","text":"b"}`:                          {echo{Text: "b"}, []string{"at"}},
		`{"text":"b","at":"20200326104339"}`:            {echo{"b", at}, []string{"at"}},
		`{"text":17}`:                                   {echo{Text: "17"}, []string{"text"}},
		`{"at":"soon, 13800138000","text":"b"}`:         {echo{Text: "b"}, []string{"at"}},
	} {
		p := newPlatform(t, answer{body: text})
		config := p.config()
		var seen []wxpay.Exchange
		config.Observe = func(_ context.Context, ex wxpay.Exchange) { seen = append(seen, ex) }
		client, err := wxpay.New(config)
		require.NoError(t, err)
		got, err := wxpay.Do[echo](t.Context(), client, write(false))
		require.NoError(t, err, text)
		assert.Equal(t, tt.want.Text, got.Text, text)
		assert.True(t, tt.want.At.Equal(got.At), "%s: %s", text, got.At)
		require.Len(t, seen, 1)
		assert.Equal(t, tt.odd, seen[0].Odd, text)
		assert.NoError(t, seen[0].Err)
	}
}

func TestStaleAnswerTellsTheSkew(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{age: time.Hour})
	_, err := wxpay.Do[echo](t.Context(), p.client(), read("1"))
	e, ok := errors.AsType[*auth.StaleError](err)
	require.True(t, ok)
	assert.InDelta(t, time.Hour.Seconds(), e.Skew.Seconds(), 5)
	assert.Len(t, p.requests(), 1, "a clock that is wrong stays wrong")
}

func TestNothingIsDecodedForACallWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, a := range []answer{{status: 204}, {status: 200, body: `{"x":1}`}, {status: 200}} {
		p := newPlatform(t, a)
		_, err := wxpay.Do[struct{}](t.Context(), p.client(), write(false))
		assert.NoError(t, err)
	}
}

// An answer without a type comes as it is, and may be nothing.
func TestAnswerAsItCame(t *testing.T) {
	t.Parallel()
	for _, a := range []answer{{status: 204}, {status: 200}, {status: 200, body: `{ "text":  "b" }`}, {status: 200, body: `{"text":17,"more":[1, 2]}`}} {
		p := newPlatform(t, a)
		got, err := wxpay.Do[json.RawMessage](t.Context(), p.client(), write(false))
		require.NoError(t, err)
		assert.Equal(t, a.body, string(*got))
	}
	p := newPlatform(t, answer{status: 200, body: `{"text":`})
	_, err := wxpay.Do[json.RawMessage](t.Context(), p.client(), write(false))
	assert.True(t, wxpay.OutcomeUnknown(err))
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	text := `{"code":"PARAM_ERROR","message":"参数错误\r\n","detail":{"field":"/amount/currency","value":"13800138000","issue":"not known","location":"body"}}`
	want := wxpay.Error{
		Route: routeEcho, StatusCode: 400, Code: "PARAM_ERROR", Message: "参数错误\r\n", RequestID: "08F3D1A6-268435461",
		Detail: wxpay.Detail{Field: "/amount/currency", Issue: "not known", Location: "body"},
	}
	for _, signed := range []bool{true, false} {
		a := answer{status: 400, body: text}
		if !signed {
			a.change = unsigned
		}
		_, err := wxpay.Do[echo](t.Context(), newPlatform(t, a).client(), write(false))
		e, ok := errors.AsType[*wxpay.Error](err)
		require.True(t, ok, "%v", err)
		want.Verified = signed
		assert.Equal(t, !signed, wxpay.OutcomeUnknown(err), "without a signature anybody may have said it")
		assert.Equal(t, want, *e)
		assert.ErrorIs(t, err, wxpay.CodeParamError)
		assert.NotErrorIs(t, err, wxpay.CodeNoAuth)
		assert.NotContains(t, err.Error(), "13800138000")
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestRefusalOfAnotherShape(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`<html>bad gateway</html>`, ``, `null`, `{"detail":[1]}`, `{"code":"X","detail":"text"}`} {
		_, err := wxpay.Do[echo](t.Context(), newPlatform(t, answer{status: 502, body: text, change: unsigned}).client(), write(false))
		e, ok := errors.AsType[*wxpay.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 502, e.StatusCode)
		assert.True(t, wxpay.OutcomeUnknown(err))
		assert.NotContains(t, err.Error(), "html")
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("line\r\n", 1000)
	path := filepath.Join(t.TempDir(), `a"b 中.csv`)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	digest, err := file.Digest()
	require.NoError(t, err)

	p := newPlatform(t, answer{status: 500}, answer{status: 204})
	_, err = wxpay.Do[struct{}](t.Context(), p.client(), wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "meta"}, File: file, Digest: &digest, Serial: "ABC", Idempotent: true,
	})
	require.NoError(t, err)
	got := p.requests()
	require.Len(t, got, 2)
	assert.Equal(t, got[0].body, got[1].body, "the body never changes between attempts")
	assert.NotEqual(t, got[0].authorization, got[1].authorization, "each attempt is signed anew")
	for _, s := range got {
		assert.Equal(t, "ABC", s.header.Get("Wechatpay-Serial"))
		kind, params, err := mime.ParseMediaType(s.header.Get("Content-Type"))
		require.NoError(t, err)
		assert.Equal(t, "multipart/form-data", kind)
		form := multipart.NewReader(strings.NewReader(s.body), params["boundary"])
		meta, err := form.NextPart()
		require.NoError(t, err)
		assert.Equal(t, "meta", meta.FormName())
		assert.Equal(t, "application/json", meta.Header.Get("Content-Type"))
		text, _ := io.ReadAll(meta)
		assert.Equal(t, `{"text":"meta"}`, string(text))
		part, err := form.NextPart()
		require.NoError(t, err)
		assert.Equal(t, "file", part.FormName())
		assert.Equal(t, `a"b 中.csv`, part.FileName())
		assert.Equal(t, "text/csv", part.Header.Get("Content-Type"))
		text, _ = io.ReadAll(part)
		assert.Equal(t, content, string(text))
		_, err = form.NextPart()
		assert.ErrorIs(t, err, io.EOF)
	}
}

func TestFileThatChangesIsNotSentShort(t *testing.T) {
	t.Parallel()
	changes := map[string]func(path string) error{
		"shorter": func(path string) error { return os.Truncate(path, 10) },
		"longer":  func(path string) error { return os.WriteFile(path, make([]byte, 300_000), 0o600) },
		"other":   func(path string) error { return os.WriteFile(path, make([]byte, 200_000), 0o600) },
		"gone":    os.Remove,
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "list.csv")
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 200_000)), 0o600))
			old := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(path, old, old))
			file, err := media.File(path)
			require.NoError(t, err)
			digest, err := file.Digest()
			require.NoError(t, err)
			require.NoError(t, change(path))
			if name == "other" { // even with the old time on it
				require.NoError(t, os.Chtimes(path, old, old))
			}
			p := newPlatform(t, answer{status: 204})
			_, err = wxpay.Do[struct{}](t.Context(), p.client(), wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "m"}, File: file, Digest: &digest})
			require.Error(t, err)
			assert.Empty(t, p.requests(), "the platform never sees a whole request")
			if name != "gone" {
				assert.ErrorIs(t, err, media.ErrChanged)
			}
		})
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{})
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := wxpay.Do[echo](ctx, p.client(), write(false))
	assert.NotContains(t, err.Error(), "\n")
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, why)
	assert.False(t, wxpay.OutcomeUnknown(err))
	assert.Empty(t, p.requests())
}

func TestObserve(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{status: 500, change: unsigned}, answer{body: `{"text":"b"}`})
	config := p.config()
	var seen []wxpay.Exchange
	config.Observe = func(_ context.Context, ex wxpay.Exchange) { seen = append(seen, ex) }
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	require.NoError(t, err)
	require.Len(t, seen, 2)
	assert.Equal(t, 500, seen[0].Status)
	assert.Error(t, seen[0].Err)
	assert.Equal(t, 1, seen[0].Attempt)
	assert.Equal(t, "application/json", seen[1].Header.Get("Content-Type"))
	assert.Equal(t, wxpay.Exchange{Sender: mchID, Route: routeRead, Attempt: 2, Host: wxpay.MainURL, Status: 200, RequestID: "08F3D1A6-268435461",
		Header: seen[1].Header, Duration: seen[1].Duration}, seen[1])
}

// selfMade writes its JSON itself.
type selfMade struct{ phone wxpay.Secret }

func (s selfMade) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"phone": s.phone})
}
