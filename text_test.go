package wxpay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
)

// Text of others that would start a line of its own in a log, steer a terminal, or turn what follows round.
const hostile = "X\n2026/11/25 INFO debit 42 PAID\r\x1b[31m\x1b]0;t\a\u202egnp\u2028\u200b\u0085\x00"

func oneLine(t *testing.T, text string) {
	t.Helper()
	assert.LessOrEqual(t, len(text), 2048)
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			t.Errorf("%q is in the text %.200q", r, text)
		}
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("频", 300_000)
	for _, text := range []string{hostile, long, hostile + long} {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		refused := answer{status: 400, body: `{"code":` + string(quoted) + `,"message":` + string(quoted) + `,"detail":{"field":` + string(quoted) + `,"issue":` + string(quoted) + `}}`,
			change: func(r *http.Response) { r.Header["Request-Id"] = []string{text} }}
		broken := func(err error) step { return step{err: &url.Error{Op: "Post", URL: text, Err: err}} }
		steps := map[string]step{
			"refused":           {answer: refused},
			"refused, unsigned": {answer: answer{status: 400, body: refused.body, change: func(r *http.Response) { refused.change(r); unsigned(r); r.Header["Request-Id"] = []string{text} }}},
			"unverified": {answer: answer{body: `{}`, change: func(r *http.Response) {
				r.Header.Set("Wechatpay-Signature-Type", text)
				r.Header["Request-Id"] = []string{text}
			}}},
			"not JSON":    {answer: answer{body: text}},
			"lost":        broken(errors.New(text)),
			"certificate": broken(&tls.CertificateVerificationError{Err: x509.HostnameError{Host: text, Certificate: &x509.Certificate{DNSNames: []string{text}}}}),
			"proxy":       broken(errors.New(text)),
		}
		for name, s := range steps {
			for _, call := range []wxpay.Call{read("1"), write(false)} {
				p := newPlan(t, s)
				config := p.config()
				config.MaxAttempts = 1
				config.Observe = func(_ context.Context, ex wxpay.Exchange) { oneLine(t, ex.Err.Error()) }
				client, err := wxpay.New(config)
				require.NoError(t, err)
				_, err = wxpay.Do[echo](t.Context(), client, call)
				require.Error(t, err, name)
				oneLine(t, err.Error())
				if e, ok := asError(err); ok {
					for _, a := range e.LogValue().Group() {
						oneLine(t, a.Value.String())
					}
				}
			}
		}
		client := newPlatform(t, answer{}).client()
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New(text))
		for name, f := range map[string]func() error{
			"var": func() error {
				return do(t.Context(), client, wxpay.Call{Route: routeRead, Vars: wxpay.Vars{"id": "1", text: "2"}})
			},
			"query": func() error {
				return do(t.Context(), client, wxpay.Call{Route: "GET /v3/a", Query: url.Values{text: {"\n"}}})
			},
			"route": func() error { return do(t.Context(), client, wxpay.Call{Route: text}) },
			"file": func() error {
				return do(t.Context(), client, wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, File: media.Bytes(text+"/", nil)})
			},
			"context": func() error { return do(ended, client, read("1")) },
			"encryptor": func() error {
				config := newPlatform(t, answer{}).config()
				config.Verifier, config.Encryptor, config.PublicKey, config.PublicKeyID = trusting{}, failing{text}, nil, ""
				client, err := wxpay.New(config)
				require.NoError(t, err)
				return do(t.Context(), client, read("1"))
			},
		} {
			err := f()
			require.Error(t, err, name)
			oneLine(t, err.Error())
			assert.False(t, wxpay.OutcomeUnknown(err), name)
		}
	}
}

func do(ctx context.Context, c *wxpay.Client, call wxpay.Call) error {
	_, err := wxpay.Do[struct{}](ctx, c, call)
	return err
}

type failing struct{ text string }

func (f failing) SelectCertificate(context.Context) (string, error) { return "", errors.New(f.text) }
func (f failing) Encrypt(context.Context, string, string) (string, error) {
	return "", errors.New(f.text)
}

// Message and detail are told apart, and nothing is said twice.
func TestErrorReadsWell(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]wxpay.Error{
		"wxpay: POST /a: 400 PARAM_ERROR: 参数错误 (detail: /amount is too much) (Request-ID 08F3); fix what the message names": {
			Route: "POST /a", StatusCode: 400, Code: "PARAM_ERROR", Message: "参数错误", RequestID: "08F3", Verified: true, Detail: wxpay.Detail{Field: "/amount", Issue: "is too much"}},
		"wxpay: POST /a: 400 PARAM_ERROR: /amount is too much (detail: /amount); fix what the message names": {
			Route: "POST /a", StatusCode: 400, Code: "PARAM_ERROR", Message: "/amount is too much", Verified: true, Detail: wxpay.Detail{Field: "/amount", Issue: "is too much"}},
		"wxpay: GET /a: 418 [unsigned]": {Route: "GET /a", StatusCode: 418},
	} {
		assert.EqualError(t, &e, want)
	}
}

// recorder keeps what testify would print.
type recorder struct{ strings.Builder }

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(r, format, args...) }

// A Client, its copies and what holds them show no key to any verb, encoder or walk through their fields.
func TestClientShowsNoKey(t *testing.T) {
	t.Parallel()
	key := merchantKey()
	config := newPlatform(t, answer{}).config()
	config.HTTPClient = &http.Client{} // which is walked through as well
	client, err := wxpay.New(config)
	require.NoError(t, err)
	type holder struct {
		name   string
		client *wxpay.Client
		value  wxpay.Client
	}
	secrets := []string{apiV3Key, fmt.Sprintf("%x", apiV3Key), fmt.Sprint([]byte(apiV3Key))[1:40], key.D.String(), fmt.Sprintf("%x", key.D), key.Primes[0].String()}
	for _, n := range []*big.Int{key.D, key.Primes[0]} { // walked through, a number is a list of words
		secrets = append(secrets, fmt.Sprint(uint(n.Bits()[3])), fmt.Sprintf("%#x", uint(n.Bits()[3])))
	}
	hidden := func(what, text string) {
		t.Helper()
		flat := strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", " ")), " ")
		for _, s := range secrets {
			if strings.Contains(text, s) || strings.Contains(flat, s) {
				t.Errorf("%s shows a key: %.300s", what, text)
			}
		}
		// spew prints bytes as a dump of hexadecimal and of text, 16 a line
		if strings.Contains(text, apiV3Key[:16]) || strings.Contains(text, fmt.Sprintf("% x", apiV3Key[:8])) {
			t.Errorf("%s dumps a key: %.300s", what, text)
		}
	}
	for name, v := range map[string]any{"value": *client, "pointer": client, "held": holder{"a", client, *client}, "list": []wxpay.Client{*client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%w", "%t", "%c", "%U", "%e", "%T"} {
			hidden(name+" "+verb, fmt.Sprintf(verb, v)) //nolint:govet
		}
		hidden(name+" print", fmt.Sprint(v))
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(h(&b)).Info("m", "v", v)
			hidden(name+" slog", b.String())
		}
		text, _ := json.Marshal(v)
		hidden(name+" JSON", string(text))
		var b bytes.Buffer
		_ = gob.NewEncoder(&b).Encode(v)
		hidden(name+" gob", b.String())
		r := new(recorder)
		assert.Equal(r, v, "something else")
		hidden(name+" testify", r.String())
		r = new(recorder)
		assert.Empty(r, v)
		hidden(name+" testify", r.String())
		if name == "held" {
			r = new(recorder)
			assert.Equal(r, v, holder{"b", client, *client})
			hidden(name+" diff", r.String())
		}
	}
	config.APIv3Key, config.PrivateKey = "another-key-of-exactly-32-bytes!", strangerKey()
	other, err := wxpay.New(config)
	require.NoError(t, err)
	r := new(recorder)
	assert.Equal(r, client, other) // the diff is of all that is reached through the fields
	hidden("diff of two clients", r.String())
	var b bytes.Buffer
	require.NoError(t, gob.NewEncoder(&b).Encode(wxpay.Secret(apiV3Key)))
	hidden("gob of a Secret", b.String())
	b.Reset()
	require.NoError(t, gob.NewEncoder(&b).Encode(struct{ S wxpay.Secret }{apiV3Key}))
	hidden("gob of a Secret in a struct", b.String())
}
