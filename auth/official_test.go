package auth_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/credentials"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/ciphers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/decryptors"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/encryptors"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"github.com/wxpay-go/wxpay/auth"
)

// R19: these tests hold everything here against the official SDK (wechatpay-go), in both directions.

func officialSigner() wechat.Signer {
	return &signers.SHA256WithRSASigner{MchID: mchID, CertificateSerialNo: serialNo, PrivateKey: merchantKey()}
}

func TestR19SameSignature(t *testing.T) {
	t.Parallel()
	ours, err := auth.NewSigner(auth.Merchant, mchID, serialNo, merchantKey())
	require.NoError(t, err)
	assert.Equal(t, officialSigner().Algorithm(), ours.Algorithm())
	for _, m := range []string{"source", "", "\n", "GET\n/v3/certificates\n1\nn\n\n", "签名", strings.Repeat("\x00\xff", 1<<16)} {
		want, err := officialSigner().Sign(t.Context(), m)
		require.NoError(t, err)
		got, err := ours.Sign(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// The official SDK makes a header; ours made for the same second and nonce is the same, byte for byte.
func TestR19SameAuthorization(t *testing.T) {
	t.Parallel()
	ours, err := auth.NewSigner(auth.Merchant, mchID, serialNo, merchantKey())
	require.NoError(t, err)
	parts := regexp.MustCompile(`nonce_str="([^"]+)",timestamp="(\d+)"`)
	for _, call := range []struct{ method, uri, body string }{
		{"GET", "/v3/certificates", ""}, {"POST", "/v3/a?x=%2B&y=1", `{"a":"值"}`}, {"DELETE", "/v3/a%2Fb", "\n"},
	} {
		for _, pair := range [][2]wechat.Signer{{officialSigner(), ours}, {ours, officialSigner()}, {echo{}, echo{}}} {
			theirs, err := (&credentials.WechatPayCredentials{Signer: pair[0]}).GenerateAuthorizationHeader(t.Context(), call.method, call.uri, call.body)
			require.NoError(t, err)
			m := parts.FindStringSubmatch(theirs)
			require.NotNil(t, m, theirs)
			unix, err := strconv.ParseInt(m[2], 10, 64)
			require.NoError(t, err)
			header, err := auth.Authorization(t.Context(), withNonce{pair[1], m[1]}, auth.Merchant, call.method, call.uri, unix, []byte(call.body))
			require.NoError(t, err)
			own := parts.FindStringSubmatch(header)
			require.NotNil(t, own, header)
			assert.Equal(t, theirs, strings.Replace(header, own[1], m[1], 1))
		}
	}
}

// echo signs with the message itself, so that headers show what was signed.
type echo struct{}

func (echo) Algorithm() string { return "SHA256-RSA2048" }
func (echo) Sign(_ context.Context, message string) (*wechat.SignatureResult, error) {
	return &wechat.SignatureResult{MchID: mchID, CertificateSerialNo: serialNo, Signature: message}, nil
}

// withNonce puts a given nonce, the fourth line, into what is signed.
type withNonce struct {
	wechat.Signer
	nonce string
}

func (s withNonce) Sign(ctx context.Context, message string) (*wechat.SignatureResult, error) {
	lines := strings.SplitN(message, "\n", 5)
	lines[3] = s.nonce
	return s.Signer.Sign(ctx, strings.Join(lines, "\n"))
}

// What one side believes or refuses, the other does too.
func TestR19SameBelief(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(certificate(strangerKey(), 0xB2, later))
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	certificates := core.NewCertificateMapWithList([]*x509.Certificate{cert})
	fromCertificate, err := auth.CertificateKey(pem.EncodeToMemory(block))
	require.NoError(t, err)
	assert.Equal(t, utils.GetCertificateSerialNumber(*cert), fromCertificate.Serial)
	theirs := verifiers.NewSHA256WithRSACombinedVerifier(certificates, publicID, platformKey().PublicKey)
	ours := newKeyring(t, openKey(platformKey(), publicID), fromCertificate)

	now := time.Now()
	ts := strconv.FormatInt(now.Unix(), 10)
	good := auth.Signature{Serial: publicID, Timestamp: ts, Nonce: nonce, Type: scheme, Signature: sign(platformKey(), ts+"\n"+nonce+"\n"+text+"\n")}
	tests := map[string]struct {
		change   func(*auth.Signature)
		believed bool
	}{
		"public key": {func(*auth.Signature) {}, true},
		"certificate": {func(s *auth.Signature) {
			s.Serial, s.Signature = "B2", sign(strangerKey(), ts+"\n"+nonce+"\n"+text+"\n")
		}, true},
		"wrong key":      {func(s *auth.Signature) { s.Serial = "B2" }, false},
		"unknown serial": {func(s *auth.Signature) { s.Serial = "C3" }, false},
		"no serial":      {func(s *auth.Signature) { s.Serial = "" }, false},
		"no nonce":       {func(s *auth.Signature) { s.Nonce = "" }, false},
		"no timestamp":   {func(s *auth.Signature) { s.Timestamp = "" }, false},
		"no signature":   {func(s *auth.Signature) { s.Signature = "" }, false},
		"other nonce":    {func(s *auth.Signature) { s.Nonce = "n" }, false},
		"an hour old":    {func(s *auth.Signature) { s.Timestamp = strconv.FormatInt(now.Unix()-3600, 10) }, false},
		"not base64":     {func(s *auth.Signature) { s.Signature = "!" }, false},
		"probe":          {func(s *auth.Signature) { s.Signature = "WECHATPAY/SIGNTEST/" + s.Signature }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good
			tt.change(&s)
			header := http.Header{
				"Wechatpay-Serial": {s.Serial}, "Wechatpay-Timestamp": {s.Timestamp}, "Wechatpay-Nonce": {s.Nonce},
				"Wechatpay-Signature": {s.Signature}, "Wechatpay-Signature-Type": {s.Type},
			}
			answer := func() *http.Response {
				return &http.Response{Header: header, Body: io.NopCloser(strings.NewReader(text))}
			}
			notification := func() *http.Request {
				r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(text))
				r.Header = header
				return r
			}
			for _, v := range []wechat.Verifier{theirs, ours} {
				got := map[string]error{
					"here":                auth.VerifyAnswer(t.Context(), v, auth.Merchant, s, []byte(text), now),
					"answer, there":       validators.NewWechatPayResponseValidator(v).Validate(t.Context(), answer()),
					"notification, there": validators.NewWechatPayNotifyValidator(v).Validate(t.Context(), notification()),
				}
				for where, err := range got {
					assert.Equal(t, tt.believed, err == nil, "%s by %T: %v", where, v, err)
				}
			}
		})
	}
	serial, err := ours.GetSerial(t.Context())
	require.NoError(t, err)
	accepted, err := validators.NewWechatPayResponseValidator(theirs).GetAcceptSerial(t.Context())
	require.NoError(t, err)
	assert.Equal(t, accepted, serial)
}

func TestR19SameCipher(t *testing.T) {
	t.Parallel()
	const phone = "13800138000"
	mine := encryptors.NewWechatPayPubKeyEncryptor("mine", merchantKey().PublicKey)
	ours := newKeyring(t, openKey(merchantKey(), "mine"))
	for _, e := range []cipher.Encryptor{mine, ours} {
		serial, err := e.SelectCertificate(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "mine", serial)
		sealed, err := e.Encrypt(t.Context(), serial, phone)
		require.NoError(t, err)
		there, err := decryptors.NewWechatPayDecryptor(merchantKey()).Decrypt(t.Context(), sealed)
		require.NoError(t, err)
		here, err := auth.Decrypt(merchantKey(), sealed)
		require.NoError(t, err)
		assert.Equal(t, []string{phone, phone}, []string{there, here})
	}

	// The way a service of the official SDK encrypts a request in place.
	type request struct {
		Name *string `encryption:"EM_APIV3"`
		Open *string
	}
	r := request{new("张三"), new("open")}
	serial, err := ciphers.NewWechatPayCipher(ours, nil).Encrypt(t.Context(), &r)
	require.NoError(t, err)
	assert.Equal(t, "mine", serial)
	assert.Equal(t, "open", *r.Open)
	plain, err := auth.Decrypt(merchantKey(), *r.Name)
	require.NoError(t, err)
	assert.Equal(t, "张三", plain)
}

func TestR19SameResource(t *testing.T) {
	t.Parallel()
	sealed := seal(t, apiV3Key, "61f9c719728a", "certificate", "text")
	there, err := utils.DecryptAES256GCM(apiV3Key, "certificate", "61f9c719728a", sealed)
	require.NoError(t, err)
	here, err := auth.OpenResource(apiV3Key, "AEAD_AES_256_GCM", "61f9c719728a", "certificate", sealed)
	require.NoError(t, err)
	assert.Equal(t, there, string(here))
}

func TestR19SameKeys(t *testing.T) {
	t.Parallel()
	private, public := pkcs8(merchantKey()), spki(&platformKey().PublicKey)
	theirs, err := utils.LoadPrivateKey(string(private))
	require.NoError(t, err)
	ours, err := auth.LoadPrivateKey(private)
	require.NoError(t, err)
	assert.True(t, theirs.Equal(ours))
	theirPublic, err := utils.LoadPublicKey(string(public))
	require.NoError(t, err)
	ourPublic, err := auth.LoadPublicKey(public)
	require.NoError(t, err)
	assert.True(t, theirPublic.Equal(ourPublic))
	text := certificate(platformKey(), 0xA1, later)
	theirCertificate, err := utils.LoadCertificate(string(text))
	require.NoError(t, err)
	ourCertificate, err := auth.LoadCertificate(bytes.Clone(text))
	require.NoError(t, err)
	assert.True(t, theirCertificate.Equal(ourCertificate))
}
