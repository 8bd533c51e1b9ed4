package wxpay_test

import (
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
)

// opened is what the platform reads in a field that was sealed for it.
func opened(t testing.TB, ciphertext any) string {
	t.Helper()
	text, _ := ciphertext.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, platformKey(), raw, nil)
	require.NoError(t, err)
	return string(plain)
}

type member struct {
	Name  string         `json:"name"`
	Phone wxpay.Secret   `json:"encrypted_phone_number,omitzero"`
	More  []member       `json:"more,omitzero"`
	Free  map[string]any `json:"free,omitzero"`
}

func family() *member {
	return &member{Name: "***", Phone: "13800138000", More: []member{{Name: "a", Phone: "13800138001"}, {Name: "b"}},
		Free: map[string]any{"list": []*member{{Name: "c", Phone: "13800138002"}}}}
}

func TestSecretsAreSealedOnTheirWay(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{status: 500, body: `{"code":"SYSTEM_ERROR","message":"m"}`}, answer{body: `{"text":"b"}`})
	body := family()
	_, err := wxpay.Do[echo](t.Context(), p.client(), wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: body, Query: url.Values{"card_id": {"7 +"}},
		SealedQuery: map[string]wxpay.Secret{"phone": "13800138003", "none": ""}, Idempotent: true,
	})
	require.NoError(t, err)
	assert.Equal(t, family(), body, "what the caller holds")
	got := p.requests()
	require.Len(t, got, 2)
	assert.Equal(t, []string{got[0].body, got[0].uri}, []string{got[1].body, got[1].uri}, "the same ciphertexts")
	assert.Equal(t, publicID, got[0].header.Get("Wechatpay-Serial"))
	assert.NotContains(t, got[0].body+got[0].uri, "1380013")

	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(got[0].body), &sent))
	more, free := sent["more"].([]any), sent["free"].(map[string]any)["list"].([]any)
	assert.Equal(t, "***", sent["name"], "stars are text like any other")
	assert.Equal(t, "13800138000", opened(t, sent["encrypted_phone_number"]))
	assert.Equal(t, "13800138001", opened(t, more[0].(map[string]any)["encrypted_phone_number"]))
	assert.Equal(t, map[string]any{"name": "b"}, more[1], "an empty one is left out")
	assert.Equal(t, "13800138002", opened(t, free[0].(map[string]any)["encrypted_phone_number"]))
	u, err := url.ParseRequestURI(got[0].uri)
	require.NoError(t, err)
	assert.Equal(t, "/v3/echo/1", u.Path)
	assert.Equal(t, "7 +", u.Query().Get("card_id"))
	assert.Equal(t, "13800138003", opened(t, u.Query().Get("phone")))
	assert.Len(t, u.Query(), 2)
}

func TestSealedQueryAlone(t *testing.T) {
	t.Parallel()
	for uri, sealed := range map[string]map[string]wxpay.Secret{"/v3/echo/1": {"q": ""}, "/v3/echo/1?q=": {"q": "13800138000"}} {
		p := newPlatform(t, answer{body: `{"text":"b"}`})
		call := read("1")
		call.SealedQuery = sealed
		_, err := wxpay.Do[echo](t.Context(), p.client(), call)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(p.requests()[0].uri, uri), p.requests()[0].uri)
		assert.Equal(t, call.SealedQuery, sealed)
	}
}

// An upload signs its meta as it was sealed.
func TestSealedMeta(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{status: 204})
	require.NoError(t, wxpay.Send(t.Context(), p.client(), wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: member{Name: "n", Phone: "13800138000"}, File: media.Bytes("a.csv", []byte("x")),
	}))
	var meta map[string]any
	require.NoError(t, json.Unmarshal([]byte(signedPart(p.requests()[0])), &meta))
	assert.Equal(t, "13800138000", opened(t, meta["encrypted_phone_number"]))
}

// counting seals with base64 and remembers what it was asked.
type counting struct {
	trusting
	mu       sync.Mutex
	selected int
	serials  []string
	fail     func(plain string) error
}

func (c *counting) SelectCertificate(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.selected++
	return fmt.Sprint("KEY", c.selected), nil
}

func (c *counting) Encrypt(_ context.Context, serial, plain string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serials = append(c.serials, serial)
	if c.fail != nil {
		return "", c.fail(plain)
	}
	return base64.StdEncoding.EncodeToString([]byte(plain)), nil
}

func countingClient(t *testing.T, p *platform, keys *counting) *wxpay.Client {
	config := p.config()
	config.Verifier, config.Encryptor, config.PublicKey, config.PublicKeyID = keys, keys, nil, ""
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return client
}

func TestOneKeyForACall(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	keys := new(counting)
	client := countingClient(t, p, keys)
	call := wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: family(), SealedQuery: map[string]wxpay.Secret{"q": "13800138003"}}
	_, err := wxpay.Do[echo](t.Context(), client, call)
	require.NoError(t, err)
	assert.Equal(t, 1, keys.selected)
	assert.Equal(t, []string{"KEY1", "KEY1", "KEY1", "KEY1"}, keys.serials)
	assert.Equal(t, "KEY1", p.requests()[0].header.Get("Wechatpay-Serial"))

	call.Serial = "KEY0" // of a file that was sealed before, for one
	_, err = wxpay.Do[echo](t.Context(), client, call)
	require.NoError(t, err)
	assert.Equal(t, 1, keys.selected, "none but the one that is named")
	assert.Equal(t, []string{"KEY0", "KEY0", "KEY0", "KEY0"}, keys.serials[4:])
	assert.Equal(t, "KEY0", p.requests()[1].header.Get("Wechatpay-Serial"))
}

func TestWhatCannotBeSealedIsNotSent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(string) error{
		"fails":               func(string) error { return errors.New("KMS is away") },
		"of another call":     func(string) error { return &wxpay.UnknownError{Route: "POST /kms", Err: errors.New("lost")} },
		"shows the plaintext": func(plain string) error { return fmt.Errorf("cannot encrypt %q\n", plain) },
	} {
		for _, call := range []wxpay.Call{
			{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: family()},
			{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, SealedQuery: map[string]wxpay.Secret{"q": "13800138000"}},
		} {
			p := newPlatform(t, answer{})
			_, err := wxpay.Do[echo](t.Context(), countingClient(t, p, &counting{fail: fail}), call)
			require.ErrorContains(t, err, routeEcho+": not sent: ", name)
			assert.False(t, wxpay.OutcomeUnknown(err), name)
			_, param := errors.AsType[*wxpay.ParamError](err)
			assert.False(t, param)
			oneLine(t, err.Error())
			assert.NotContains(t, err.Error(), "1380013", name)
			assert.Empty(t, p.requests())
		}
		_, _, err := countingClient(t, newPlatform(t), &counting{fail: fail}).Encrypt(t.Context(), "13800138000")
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "1380013", name)
		oneLine(t, err.Error())
	}
}

// What is wrong with a call is said without asking the platform for a key.
func TestBadCallAsksForNoKey(t *testing.T) {
	t.Parallel()
	v := newVault(t, newCertificate(t, platformKey(), 0xA1, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	client, err := wxpay.New(v.config())
	require.NoError(t, err)
	vars := wxpay.Vars{"id": "1"}
	for name, call := range map[string]wxpay.Call{
		"emoji beside a secret": {Route: routeEcho, Vars: vars, Body: member{Name: "😀", Phone: "13800138000"}},
		"null beside a secret":  {Route: routeEcho, Vars: vars, Body: map[string]any{"a": nil, "b": wxpay.Secret("13800138000")}},
		"not JSON":              {Route: routeEcho, Vars: vars, Body: []any{wxpay.Secret("13800138000"), make(chan int)}},
		"encodes itself":        {Route: routeEcho, Vars: vars, Body: selfMade{"13800138000"}},
		"query":                 {Route: routeRead, Vars: vars, Query: url.Values{"q": {"a"}}, SealedQuery: map[string]wxpay.Secret{"q": "13800138000"}},
		"file name":             {Route: routeEcho, Vars: vars, Body: family(), File: media.Bytes("a/b", nil)},
		"sender":                {Route: routeEcho, Vars: vars, Body: family(), Sender: "1900000002"},
		"value of the path":     {Route: routeEcho, Vars: wxpay.Vars{"id": ".."}, Body: family()},
	} {
		_, err := wxpay.Do[echo](t.Context(), client, call)
		_, ok := errors.AsType[*wxpay.ParamError](err)
		assert.True(t, ok, "%s: %v", name, err)
		assert.NotContains(t, err.Error(), "1380013", name)
		assert.Empty(t, v.requests(), name)
	}
}

// Members of members and of every record are compared as well, and may be left out where that is said.
func TestEchoOfMembers(t *testing.T) {
	t.Parallel()
	for text, tests := range map[string]map[string]bool{
		`{"contract":{"id":"A1","other":"B2"},"id":"B2"}`: {
			"contract.id": true, "contract.other": false, "contract.none": false, "contract.none?": true, "contract.other?": false,
			"none.id": false, "none.id?": true, "id.contract?": true, "id.contract": false, "contract[].id": true, "contract.id.deeper": false},
		` { "data" : [ { "id" : "A1" } , {"id":"A1","x":[{"id":"B2"}]} ] , "n" : 1 } `: {
			"data[].id": true, "data[].x[].id": false, "data[].y[].id": true, "data[].none": false, "data[].none?": true, "data.id": false, "data[]": false},
		`{"data":[{"id":"A1"},{"id":"B2"}]}`:         {"data[].id": false, "data[].id?": false},
		`{"data":[{"id":"A1"},{"name":"B2"}]}`:       {"data[].id": false, "data[].id?": true},
		`{"data":[{"id":"A1"},{"id":""}]}`:           {"data[].id": false, "data[].id?": true},
		`{"data":[{"id":"B2"},{"id":"A1"}]}`:         {"data[].id": false},
		`{"data":[],"id":null}`:                      {"data[].id": true, "id": false, "id?": true},
		`{}`:                                         {"data[].id": true, "id?": true, "id": false},
		`{"data":{"id":"A1"},"list":["A1","A1"]}`:    {"list[]": true, "data.id": true},
		`{"list":["A1","}]","B2"]}`:                  {"list[]": false},
		`{"a":{"b":{"id":"B2"}},"b":{"id":"A1"}}`:    {"a.b.id": false, "b.id": true},
		`{"a":{"x":1},"b":{"c":{"id":"A1"}}}`:        {"a.id": false, "a.id?": true, "a.c.id": false},
		`{"l":[{"x":{}},{"x":{"id":"A1"}}]}`:         {"l[].x.id": false, "l[].x.id?": true},
		`{"a":{"i\u0064":"B2"},"b":[{"\u0069d":7}]}`: {"a.id?": false, "a.id": false, "b[].id?": false},
	} {
		for name, want := range tests {
			call := read("1")
			call.Echo = wxpay.Vars{name: "A1", "empty": ""}
			_, err := wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: text}).once(), call)
			assert.Equal(t, want, err == nil, "%s in %s: %v", name, text, err)
			if !want && err != nil {
				assert.True(t, wxpay.OutcomeUnknown(err))
				assert.ErrorContains(t, err, "not about the "+strings.TrimSuffix(name, "?")+" that")
				assert.NotContains(t, err.Error(), "B2")
			}
		}
	}
	call := read("1")
	call.Echo = wxpay.Vars{"data[].n": "17", "m": "1.50"}
	_, err := wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"data":[{"n":17},{"n":"17"}],"m":1.50}`}).once(), call)
	assert.NoError(t, err, "a number by its text")
	call.Echo = wxpay.Vars{"b": "1", "a": "2", "c": ""}
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"c":"3"}`}).once(), call)
	assert.ErrorContains(t, err, "the a that", "the same of several every time")
}
