package security_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/security"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	address = "https://api.mch.weixin.qq.com/v3/security/echo"
	serial  = platformtest.PublicKeyID
)

func newClient(transport http.RoundTripper) *wxpay.Client {
	config := platformtest.Config(nil)
	config.HTTPClient, config.MaxAttempts = &http.Client{Transport: transport}, 2
	client, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return client
}

// signed answers as the platform does.
func signed(status int, body string) (*http.Response, error) {
	return platformtest.Answer(status, body)(nil)
}

// echo plays the platform: it opens the encrypted text and encrypts it anew for the merchant.
func echo(req *http.Request) (*http.Response, error) {
	var in, out map[string]string
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
		return nil, err
	}
	out = map[string]string{"echo_message": in["echo_message"], "member_of_tomorrow": "1"}
	if sealed := in["encrypted_echo_message"]; sealed != "" {
		raw, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil {
			return nil, err
		}
		plain, err := rsa.DecryptOAEP(sha1.New(), nil, platformtest.PlatformKey(), raw, nil)
		if err != nil || req.Header.Get("Wechatpay-Serial") != serial {
			return signed(400, `{"code":"PARAM_ERROR","message":"encrypted_echo_message"}`)
		}
		raw, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, &platformtest.MerchantKey().PublicKey, plain, nil)
		if err != nil {
			return nil, err
		}
		out["encrypted_echo_message"] = base64.StdEncoding.EncodeToString(raw)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return signed(200, string(body))
}

func TestEcho(t *testing.T) {
	t.Parallel()
	var sent []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", address, func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		assert.Equal(t, serial, req.Header.Get("Wechatpay-Serial"))
		assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
		sent = append(sent, string(body))
		req.Body = io.NopCloser(bytes.NewReader(body))
		return echo(req)
	})
	client := newClient(mock)

	got, err := security.New(client).Echo(t.Context(), security.EchoParams{EchoMessage: "hello"})
	require.NoError(t, err)
	assert.Equal(t, &security.Echo{EchoMessage: "hello"}, got)
	assert.Equal(t, `{"echo_message":"hello"}`, sent[0])

	p := security.EchoParams{NotifyURL: "https://www.weixin.qq.com/v3/test", EchoMessage: "hello", EncryptedEchoMessage: "13800001111"}
	got, err = security.New(client).Echo(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, "hello", got.EchoMessage)
	plain, err := client.Decrypt(t.Context(), got.EncryptedEchoMessage)
	require.NoError(t, err)
	assert.Equal(t, "13800001111", string(plain))

	var members map[string]string
	require.NoError(t, json.Unmarshal([]byte(sent[1]), &members))
	assert.Equal(t, "https://www.weixin.qq.com/v3/test", members["notify_url"])
	assert.Len(t, members, 3)
	assert.Len(t, members["encrypted_echo_message"], 344)
	assert.Equal(t, wxpay.Secret("13800001111"), p.EncryptedEchoMessage, "the caller's params changed")
}

func TestEchoShowsNoSecret(t *testing.T) {
	t.Parallel()
	p := security.EchoParams{EchoMessage: "hello", EncryptedEchoMessage: "13800001111"}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	for _, s := range []string{string(text), fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p), fmt.Sprintf("%q", p)} {
		assert.NotContains(t, s, "1380000")
		assert.Contains(t, s, "***")
	}
}

func TestEchoChecks(t *testing.T) {
	t.Parallel()
	for param, tests := range map[string][]security.EchoParams{
		"echo_message": {{}, {EncryptedEchoMessage: "13800001111"}},
		"notify_url": {
			{EchoMessage: "a", NotifyURL: "http://shop.example/n"}, {EchoMessage: "a", NotifyURL: "https://shop.example/n?a=b"},
			{EchoMessage: "a", NotifyURL: "shop.example"}, {EchoMessage: "a", NotifyURL: "https://shop.example/%zz"},
			{EchoMessage: "a", NotifyURL: "https://u@shop.example/n"}, {EchoMessage: "a", NotifyURL: "https://shop.example/n#x"},
		},
	} {
		for _, p := range tests {
			mock := httpmock.NewMockTransport()
			got, err := security.New(newClient(mock)).Echo(t.Context(), p)
			refused, ok := errors.AsType[*wxpay.ParamError](err)
			if assert.True(t, ok, "%v", err) {
				assert.Equal(t, param, refused.Param)
				assert.Equal(t, "POST /v3/security/echo", refused.Route)
			}
			assert.Nil(t, got)
			assert.Zero(t, mock.GetTotalCallCount())
		}
	}
}

func TestEchoToLoopback(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", address, echo)
	_, err := security.New(newClient(mock)).Echo(t.Context(), security.EchoParams{EchoMessage: "a", NotifyURL: "http://[::1]:8080/n"})
	require.NoError(t, err)
}

func TestEchoTooLongToEncrypt(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	long := make([]byte, 215)
	_, err := security.New(newClient(mock)).Echo(t.Context(), security.EchoParams{EchoMessage: "a", EncryptedEchoMessage: wxpay.Secret(long)})
	require.ErrorContains(t, err, "POST /v3/security/echo: not sent")
	assert.False(t, wxpay.OutcomeUnknown(err))
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestEchoRefused(t *testing.T) {
	t.Parallel()
	for code, status := range map[wxpay.Code]int{
		wxpay.CodeParamError: 400, wxpay.CodeInvalidRequest: 400, wxpay.CodeSignError: 401, "CODE_OF_TOMORROW": 400,
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", address, func(*http.Request) (*http.Response, error) {
			return signed(status, `{"code":"`+string(code)+`","message":"签名错误"}`)
		})
		_, err := security.New(newClient(mock)).Echo(t.Context(), security.EchoParams{EchoMessage: "a"})
		require.ErrorIs(t, err, code)
		assert.Equal(t, 1, mock.GetTotalCallCount())
	}
}

// The call has no effect on business, so it is repeated, with the same ciphertext.
func TestEchoRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", address, func(req *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(req.Body)
			assert.NoError(t, err)
			if bodies = append(bodies, string(body)); len(bodies) == 1 {
				return signed(500, `{"code":"SYSTEM_ERROR","message":"again"}`)
			}
			return signed(200, `{"echo_message":"a"}`)
		})
		_, err := security.New(newClient(mock)).Echo(t.Context(), security.EchoParams{EchoMessage: "a", EncryptedEchoMessage: "b"})
		require.NoError(t, err)
		require.Len(t, bodies, 2)
		assert.Equal(t, bodies[0], bodies[1])
	})
}

func TestEchoEvent(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, "SECURITY_ECHO.SUCCESS", security.EventEcho)
	for text, want := range map[string]security.EchoEvent{
		`{"echo_message":"hello"}`: {EchoMessage: "hello"},
		`{"echo_message":"hello","encrypted_echo_message":"+/8ByA==","new":{}}`:                  {EchoMessage: "hello", EncryptedEchoMessage: "+/8ByA=="},
		`{"echo_message":"hello","encrypt_echo_message":"+/8ByA=="}`:                             {EchoMessage: "hello", EncryptedEchoMessage: "+/8ByA=="},
		`{"echo_message":"a","encrypted_echo_message":"YQ==","encrypt_echo_message":"+/8ByA=="}`: {EchoMessage: "a", EncryptedEchoMessage: "YQ=="},
		// The ciphertext is not what one acts on: where it is odd, the message stands.
		`{"echo_message":"a","encrypted_echo_message":[]}`:                                 {EchoMessage: "a"},
		`{"echo_message":"a","encrypted_echo_message":13800001111}`:                        {EchoMessage: "a"},
		`{"echo_message":"a","encrypted_echo_message":null,"encrypt_echo_message":"YQ=="}`: {EchoMessage: "a", EncryptedEchoMessage: "YQ=="},
		`{"echo_message":"a","encrypted_echo_message":{},"encrypt_echo_message":"YQ=="}`:   {EchoMessage: "a", EncryptedEchoMessage: "YQ=="},
		`{"echo_message":"a","encrypted_echo_message":"YQ==","encrypt_echo_message":[1]}`:  {EchoMessage: "a", EncryptedEchoMessage: "YQ=="},
	} {
		var got security.EchoEvent
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		assert.Equal(t, want, got)
	}
	var got security.EchoEvent
	err := json.Unmarshal([]byte(`{"echo_message":13800001111}`), &got)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "1380000")
	assert.Zero(t, got)
}

// The self-test is about what came back, so another text is no success.
func TestEchoOfSomethingElse(t *testing.T) {
	t.Parallel()
	for answer, good := range map[string]bool{`{"echo_message":"hello"}`: true, `{"echo_message":"world"}`: false, `{"echo_message":""}`: false, `{}`: false} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("POST", address, func(*http.Request) (*http.Response, error) { return signed(200, answer) })
		got, err := security.New(newClient(mock)).Echo(t.Context(), security.EchoParams{EchoMessage: "hello"})
		if good {
			require.NoError(t, err)
			continue
		}
		unknown, ok := errors.AsType[*wxpay.UnknownError](err)
		if assert.True(t, ok, "%s: %v", answer, err) {
			assert.ErrorContains(t, unknown, "echo_message")
			assert.NotContains(t, err.Error(), "world")
		}
		assert.Nil(t, got)
	}
}

func FuzzEchoEvent(f *testing.F) {
	f.Add([]byte(`{"echo_message":"hello","encrypt_echo_message":"+/8ByA=="}`))
	f.Add([]byte(`{"encrypted_echo_message":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, again security.EchoEvent
		if json.Unmarshal(data, &got) != nil {
			return
		}
		text, err := json.Marshal(got)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &again))
		assert.Equal(t, got, again)
	})
}
