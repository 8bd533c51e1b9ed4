// Package platformtest lets the tests of a product answer as WeChat Pay does: what a mock answers is
// signed on its way to the client. It is written from the documents with the standard library alone,
// apart from package auth, so that a mistake there does not pass here too.
package platformtest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxpay-go/wxpay"
)

// Who calls and what the platform is known by.
const (
	Host        = wxpay.MainURL
	MchID       = "1900000100"
	BrandID     = "120344"
	SerialNo    = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	PublicKeyID = "PUB_KEY_ID_0119000001002024112500000000000001"
	APIv3Key    = "0123456789abcdef0123456789ABCDEF"
)

// MerchantKey and PlatformKey are made once per test run. Call them outside of a synctest bubble first.
var (
	MerchantKey = sync.OnceValue(newKey)
	PlatformKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil
	}
	return key
}

// Config is a config whose requests go to mock and come back signed.
func Config(mock http.RoundTripper) wxpay.Config {
	return wxpay.Config{
		MchID: MchID, SerialNo: SerialNo, PrivateKey: MerchantKey(), APIv3Key: APIv3Key,
		PublicKeyID: PublicKeyID, PublicKey: &PlatformKey().PublicKey,
		HTTPClient: &http.Client{Transport: Signed(mock)},
	}
}

// Client is a client of [Config].
func Client(t testing.TB, mock http.RoundTripper) *wxpay.Client { return newClient(t, Config(mock)) }

// BrandClient is that of a brand that calls in its own name, with the same keys.
func BrandClient(t testing.TB, mock http.RoundTripper) *wxpay.Client {
	config := Config(mock)
	config.MchID, config.BrandID = "", BrandID
	return newClient(t, config)
}

func newClient(t testing.TB, config wxpay.Config) *wxpay.Client {
	t.Helper()
	client, err := wxpay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Signed signs the answers of a transport.
func Signed(mock http.RoundTripper) http.RoundTripper { return signed{mock} }

type signed struct{ http.RoundTripper }

func (s signed) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	signature, err := signHeader(resp, body)
	if err != nil {
		return nil, err
	}
	resp.Header = signature
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// signHeader is the header of an answer with a signature over its body. A mock may answer with the same
// header again, so that one is left alone.
func signHeader(resp *http.Response, body []byte) (http.Header, error) {
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	signature, err := Sign(timestamp + "\n" + nonce + "\n" + string(body) + "\n")
	header := http.Header{}
	maps.Copy(header, resp.Header)
	header.Set("Wechatpay-Serial", PublicKeyID)
	header.Set("Wechatpay-Timestamp", timestamp)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Signature", signature)
	header.Set("Request-Id", "08F78BB5AF0610D302189FD3FD0158")
	return header, err
}

// Answer is a responder of httpmock with a signed answer.
func Answer(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Request: req, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
		var err error
		resp.Header, err = signHeader(resp, []byte(body))
		return resp, err
	}
}

// Sign is the platform's signature over text.
func Sign(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, PlatformKey(), crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

// Open decrypts what was encrypted for the platform.
func Open(t testing.TB, ciphertext string) string {
	t.Helper()
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		t.Errorf("not base64: %v", err)
		return ""
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, PlatformKey(), sealed, nil)
	if err != nil {
		t.Errorf("not encrypted for the platform: %v", err)
	}
	return string(plain)
}
