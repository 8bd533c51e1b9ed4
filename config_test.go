package wxpay_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tests := []struct {
		name, field string
		change      func(*wxpay.Config)
	}{
		{"no merchant", "MchID", func(c *wxpay.Config) { c.MchID = "" }},
		{"no serial", "SerialNo", func(c *wxpay.Config) { c.SerialNo = "" }},
		{"no key", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = nil }},
		{"key of 1024 bits", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = weak }},
		{"key is not RSA", "PrivateKey", func(c *wxpay.Config) { c.PrivateKey = ec }},
		{"quote in the serial", "PrivateKey", func(c *wxpay.Config) { c.SerialNo = `A"` }},
		{"APIv3 key of 31 bytes", "APIv3Key", func(c *wxpay.Config) { c.APIv3Key = c.APIv3Key[1:] }},
		{"no way to know the platform", "PublicKey", func(c *wxpay.Config) { c.PublicKey, c.PublicKeyID, c.APIv3Key = nil, "", "" }},
		{"public key without its ID", "PublicKeyID", func(c *wxpay.Config) { c.PublicKeyID = "" }},
		{"weak public key", "PublicKey", func(c *wxpay.Config) { c.PublicKey = &weak.PublicKey }},
		{"migrating without APIv3 key", "APIv3Key", func(c *wxpay.Config) { c.Migrating, c.APIv3Key = true, "" }},
		{"http", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "http://api.mch.weixin.qq.com" }},
		{"localhost in the name only", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "http://localhost.example.com" }},
		{"path", "BaseURL", func(c *wxpay.Config) { c.BaseURL = "https://api.mch.weixin.qq.com/v3" }},
		{"user", "BackupURL", func(c *wxpay.Config) { c.BackupURL = "https://a@b" }},
		{"verifier alone", "Verifier", func(c *wxpay.Config) { c.Verifier = mustClient(t).Verifier() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newPlatform(t, answer{}).config()
			tt.change(&c)
			_, err := wxpay.New(c)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.field, e.Param)
			assert.NotContains(t, err.Error(), apiV3Key[1:])
		})
	}
}

func mustClient(t testing.TB) *wxpay.Client { return newPlatform(t, answer{}).client() }

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:8080", "https://api2.wechatpay.cn"} {
		p := newPlatform(t, answer{body: `{}`})
		config := p.config()
		config.BaseURL = base
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		require.NoError(t, err)
		assert.Equal(t, "/v3/echo/1", p.requests()[0].uri)
	}
}

func TestConfigFromEnv(t *testing.T) {
	dir := t.TempDir()
	private, public := filepath.Join(dir, "apiclient_key.pem"), filepath.Join(dir, "pub_key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(merchantKey())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	der, err = x509.MarshalPKIXPublicKey(&platformKey().PublicKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	for k, v := range map[string]string{
		"WXPAY_MCH_ID": mchID, "WXPAY_SERIAL_NO": serialNo, "WXPAY_PRIVATE_KEY_FILE": private, "WXPAY_APIV3_KEY": apiV3Key,
		"WXPAY_PUBLIC_KEY_ID": publicID, "WXPAY_PUBLIC_KEY_FILE": public, "WXPAY_BASE_URL": "http://127.0.0.1:1", "WXPAY_BACKUP_URL": "http://127.0.0.1:2",
	} {
		t.Setenv(k, v)
	}
	c, err := wxpay.ConfigFromEnv()
	require.NoError(t, err)
	assert.True(t, merchantKey().Equal(c.PrivateKey))
	assert.True(t, platformKey().PublicKey.Equal(c.PublicKey))
	assert.Equal(t, []string{mchID, serialNo, apiV3Key, publicID, "http://127.0.0.1:1", "http://127.0.0.1:2"},
		[]string{c.MchID, c.SerialNo, string(c.APIv3Key), c.PublicKeyID, c.BaseURL, c.BackupURL})
	_, err = wxpay.New(c)
	require.NoError(t, err)

	require.NoError(t, os.Chmod(private, 0o640))
	_, err = wxpay.ConfigFromEnv()
	assert.ErrorContains(t, err, "WXPAY_PRIVATE_KEY_FILE")
	assert.ErrorContains(t, err, "chmod 600")
}

// S6: no format shows a secret.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const phone = "13800138000"
	type params struct {
		Phone wxpay.Secret `json:"phone"`
		Deep  struct{ Phones []wxpay.Secret }
	}
	p := params{Phone: phone}
	p.Deep.Phones = []wxpay.Secret{phone}
	platform := newPlatform(t, answer{})
	config, client := platform.config(), platform.client()
	canaries := []string{phone, apiV3Key, merchantKey().D.String(), fmt.Sprintf("%x", merchantKey().D), merchantKey().Primes[0].String(),
		fmt.Sprintf("%x", phone), fmt.Sprintf("%X", apiV3Key), base64.StdEncoding.EncodeToString([]byte(apiV3Key))}
	for _, v := range []any{wxpay.Secret(phone), p, &p, config, &config, client, client.Signer(), client.PlatformKeys(), bankedError(client)} {
		var shown []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		if err == nil {
			shown = append(shown, string(text))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, log.String())
		for _, s := range shown {
			for _, canary := range canaries {
				assert.NotContains(t, s, canary, "%T", v)
			}
		}
	}
	assert.Equal(t, "***", fmt.Sprint(wxpay.Secret(phone)))
}

// bankedError is an error of a call whose query holds a secret.
func bankedError(client *wxpay.Client) error {
	_, err := wxpay.Do[echo](context.Background(), client, wxpay.Call{Route: "GET /v3/{id}", Vars: wxpay.Vars{"id": "13800138000\x00"}})
	return err
}

func TestEncryptAndDecrypt(t *testing.T) {
	t.Parallel()
	client := mustClient(t)
	sealed, serial, err := client.Encrypt(t.Context(), "13800138000")
	require.NoError(t, err)
	assert.Equal(t, publicID, serial)
	raw, err := base64.StdEncoding.DecodeString(sealed)
	require.NoError(t, err)
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, platformKey(), raw, nil)
	require.NoError(t, err)
	assert.Equal(t, "13800138000", string(plain))

	back, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &merchantKey().PublicKey, []byte("hello"), nil)
	require.NoError(t, err)
	opened, err := client.Decrypt(t.Context(), base64.StdEncoding.EncodeToString(back))
	require.NoError(t, err)
	assert.Equal(t, wxpay.Secret("hello"), opened)
	for _, bad := range []string{"", "!", base64.StdEncoding.EncodeToString(raw)} {
		_, err := client.Decrypt(t.Context(), bad)
		assert.Error(t, err)
	}
}

// signerOnly stands for a key in a KMS: it signs and does not decrypt.
type signerOnly struct{ key *rsa.PrivateKey }

func (s signerOnly) Public() crypto.PublicKey { return s.key.Public() }
func (s signerOnly) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(r, digest, opts)
}

// S16: the key may live elsewhere.
func TestKeyInAKMS(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{}`})
	config := p.config()
	config.PrivateKey = signerOnly{merchantKey()}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	require.NoError(t, err)
	_, err = client.Decrypt(t.Context(), "AAAA")
	assert.ErrorContains(t, err, "Decryptor")
}

func TestClientOfTheCallerIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{}`})
	config := p.config()
	own := config.HTTPClient
	_, err := wxpay.New(config)
	require.NoError(t, err)
	assert.Nil(t, own.CheckRedirect)
	assert.Equal(t, http.RoundTripper(p), own.Transport)
}
