package notify_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/notify"
)

// relabelled is h with its names in another case.
func relabelled(h http.Header, spell func(string) string) http.Header {
	other := http.Header{}
	for name, values := range h {
		other[spell(name)] = values
	}
	return other
}

// Proxies pass the four headers that there were first, and the type that the official SDKs add is the default.
func TestWithoutType(t *testing.T) {
	t.Parallel()
	r := signed(message{}.String())
	r.Header.Del("Wechatpay-Signature-Type")
	_, err := notify.Parse(publicKeyClient(offline(t)), r)
	require.NoError(t, err)

	r = signed(message{}.String())
	r.Header.Del("Wechatpay-Signature-Type")
	r.Header.Set("Wechatpay-Signature", signed("{}").Header.Get("Wechatpay-Signature"))
	_, err = notify.Parse(publicKeyClient(offline(t)), r)
	require.ErrorIs(t, err, auth.ErrForged)

	r = signed(message{}.String())
	require.NoError(t, publicKeyClient(offline(t)).Verify(t.Context(), auth.SignatureFrom(r.Header), []byte(message{}.String())))
}

// fasthttp and functions as a service leave names as they came.
func TestNamesInAnyCase(t *testing.T) {
	t.Parallel()
	for name, spell := range map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper} {
		client, body := publicKeyClient(offline(t)), message{}.String()
		header := relabelled(sign(platformKey(), keyID, time.Now(), body), spell)
		e, err := notify.Receive(t.Context(), client, header, []byte(body))
		require.NoError(t, err, name)
		assert.Equal(t, "EV-2018022511223320873", e.ID)
		assert.Equal(t, `{"openid":"`+canary+`"}`, string(e.Plaintext))

		var seen notify.Delivery
		h := notify.New(client, notify.Config{
			Fallback: func(context.Context, *notify.Event) error { return nil },
			Observe:  func(_ context.Context, d notify.Delivery) { seen = d },
		})
		r := signed(body)
		r.Header = header
		assert.Equal(t, 204, serve(h, r).Code, name)
		assert.Equal(t, "08F78BB5AF0610D302189FD3FD0158", seen.RequestID, name)

		r = signed(body)
		r.Header = header
		r.Header[spell("Content-Encoding")] = []string{"gzip"}
		assert.Equal(t, 415, serve(h, r).Code, name)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	body := message{}.String()
	genuine := func() http.Header { return sign(platformKey(), keyID, time.Now(), body) }
	largest := body + strings.Repeat(" ", 256<<10-len(body))
	_, err := notify.Receive(t.Context(), publicKeyClient(offline(t)), sign(platformKey(), keyID, time.Now(), largest), []byte(largest))
	require.NoError(t, err)

	const empty, unset = "body is empty: it was probably read before by a middleware", "receiver is not set up"
	two := relabelled(genuine(), strings.ToLower)
	two["WECHATPAY-NONCE"] = []string{"another"}
	for name, test := range map[string]struct {
		client *wxpay.Client
		header http.Header
		body   string
		status int
		reason string
		is     error
	}{
		"no client":       {nil, genuine(), body, 500, unset, nil},
		"nil header":      {publicKeyClient(offline(t)), nil, body, 500, unset, nil},
		"no APIv3 key":    {keyless(t), genuine(), body, 500, unset, auth.ErrNoAPIv3Key},
		"empty body":      {publicKeyClient(offline(t)), genuine(), "", 500, empty, nil},
		"too large":       {publicKeyClient(offline(t)), sign(platformKey(), keyID, time.Now(), largest+" "), largest + " ", 413, "body is too large", nil},
		"no headers":      {publicKeyClient(offline(t)), http.Header{}, body, 401, "not genuine", auth.ErrUnsigned},
		"other body":      {publicKeyClient(offline(t)), genuine(), body + " ", 401, "not genuine", auth.ErrForged},
		"two nonces":      {publicKeyClient(offline(t)), two, body, 401, "not genuine", wxpay.ErrUnverified},
		"no notification": {publicKeyClient(offline(t)), sign(platformKey(), keyID, time.Now(), "{}"), "{}", 400, "genuine, but not a notification", nil},
	} {
		e, err := notify.Receive(t.Context(), test.client, test.header, []byte(test.body))
		assert.Nil(t, e, name)
		refused, ok := errors.AsType[*notify.RefusedError](err)
		require.True(t, ok, "%s: %v", name, err)
		assert.Equal(t, test.status, refused.Status, name)
		assert.Equal(t, test.reason, refused.Reason, name)
		if test.is != nil {
			assert.ErrorIs(t, err, test.is, name)
		}
	}
}

// A mistake of set-up is an error and no panic; the error says which.
func TestParseNothing(t *testing.T) {
	t.Parallel()
	for want, parse := range map[string]func() (*notify.Event, error){
		"notify: refused with 500: receiver is not set up: request is nil": func() (*notify.Event, error) { return notify.Parse(publicKeyClient(offline(t)), nil) },
		"notify: refused with 500: receiver is not set up: client is nil":  func() (*notify.Event, error) { return notify.Parse(nil, signed("{}")) },
	} {
		e, err := parse()
		assert.Nil(t, e)
		assert.EqualError(t, err, want)
	}
	r := signed(message{}.String())
	r.Header = nil
	_, err := notify.Parse(publicKeyClient(offline(t)), r)
	assert.ErrorIs(t, err, auth.ErrUnsigned)

	// An empty body that is signed was another one.
	_, err = notify.Parse(publicKeyClient(offline(t)), request(sign(platformKey(), keyID, time.Now(), "{}"), ""))
	assert.ErrorIs(t, err, auth.ErrForged)
	assert.ErrorContains(t, err, "was it read before?")
	_, err = notify.Parse(publicKeyClient(offline(t)), request(sign(platformKey(), keyID, time.Now(), "{}"), "{ }"))
	require.ErrorIs(t, err, auth.ErrForged)
	assert.NotContains(t, err.Error(), "was it read before?")
	_, err = notify.Parse(publicKeyClient(offline(t)), request(http.Header{}, ""))
	assert.NotContains(t, err.Error(), "was it read before?")
}

// Errors are one line of bounded length, whatever came.
func TestOneLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	var seen notify.Delivery
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
	notify.On(h, wxpay.EventType[struct{ A int }]("A\nB"+long), func(_ context.Context, e *notify.Event, v *struct{ A int }) error { panic(e) })
	errs := []error{&notify.RefusedError{Status: 401, Reason: "not genuine", Err: errors.New("a\x1b[2J\nb" + long)}}
	for _, plain := range []string{`{}`, `[]`, `{"A":"x"}`} {
		assert.Equal(t, 500, serve(h, signed(message{event: "A\nB" + long, plain: plain}.String())).Code)
		errs = append(errs, seen.Err)
	}
	for _, err := range errs {
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), "\x1b")
		assert.LessOrEqual(t, len(err.Error()), 2000)
	}
}

// keyless is a client that can verify and not open.
func keyless(t *testing.T) *wxpay.Client {
	t.Helper()
	client, err := wxpay.New(wxpay.Config{
		MchID: "1230000109", SerialNo: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", PrivateKey: merchantKey(),
		PublicKeyID: keyID, PublicKey: &platformKey().PublicKey, HTTPClient: &http.Client{Transport: offline(t)},
	})
	require.NoError(t, err)
	return client
}

// A handler that can open nothing says so at once, and does not blame what comes.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		client *wxpay.Client
		want   string
	}{
		"no APIv3 key": {keyless(t), "notify: refused with 500: receiver is not set up: auth: no APIv3 key to open it with (Config.APIv3Key, WXPAY_APIV3_KEY)"},
		"no client":    {nil, "notify: refused with 500: receiver is not set up: client is nil"},
	} {
		var seen []notify.Delivery
		h := notify.New(test.client, notify.Config{
			Fallback: func(context.Context, *notify.Event) error { return nil },
			Observe: func(ctx context.Context, d notify.Delivery) {
				assert.NoError(t, ctx.Err())
				seen = append(seen, d)
			},
		})
		require.Len(t, seen, 1, name)
		assert.Equal(t, 0, seen[0].Status)
		assert.EqualError(t, seen[0].Err, test.want)
		w := serve(h, signed(message{}.String()))
		assert.Equal(t, 500, w.Code, name)
		assert.Equal(t, "receiver is not set up", failure(t, w))
		require.Len(t, seen, 2)
		assert.Equal(t, 500, seen[1].Status)
		assert.EqualError(t, seen[1].Err, test.want)
		assert.NotErrorIs(t, seen[1].Err, wxpay.ErrUnverified)
		assert.Equal(t, 500, serve(notify.New(test.client, notify.Config{}), signed(message{}.String())).Code, "nobody observes")
	}
	notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(context.Context, notify.Delivery) { t.Error("observed without need") }})
}
