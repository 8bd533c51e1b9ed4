package notify_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	keyID    = "PUB_KEY_ID_0114232134912410000000000000"
	apiV3Key = "0123456789abcdef0123456789ABCDEF"
	aesNonce = "61f9c719728a"
	canary   = "canary-13800001111" // what must not be seen outside of the plaintext
)

var (
	merchantKey = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
	strangerKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// publicKeyClient knows the platform by its public key.
func publicKeyClient(transport http.RoundTripper) *wxpay.Client {
	return newClient(wxpay.Config{PublicKeyID: keyID, PublicKey: &platformKey().PublicKey}, transport)
}

// certificateClient knows the platform by the certificates it downloads.
func certificateClient(transport http.RoundTripper) *wxpay.Client {
	return newClient(wxpay.Config{}, transport)
}

func newClient(config wxpay.Config, transport http.RoundTripper) *wxpay.Client {
	config.MchID, config.SerialNo = "1230000109", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	config.PrivateKey, config.APIv3Key = merchantKey(), apiV3Key
	config.HTTPClient, config.MaxAttempts = &http.Client{Transport: transport}, 1
	client, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return client
}

// offline fails a test that sends anything.
func offline(t testing.TB) http.RoundTripper {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		t.Errorf("unexpected %s %s", req.Method, req.URL)
		return nil, http.ErrHandlerTimeout
	})
	return mock
}

// certificate is the platform's key as a certificate, with its serial number.
var certificate = sync.OnceValues(func() (text, serial string) {
	number, _ := new(big.Int).SetString("5157F09EFDC096DE15EBE81A47057A7232F1B8E2", 16)
	template := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: "Tenpay.com sign"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(5 * 365 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &platformKey().PublicKey, platformKey())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), fmt.Sprintf("%X", number)
})

// certificates answers GET /v3/certificates.
func certificates() *httpmock.MockTransport {
	text, serial := certificate()
	body := fmt.Sprintf(`{"data":[{"serial_no":%q,"effective_time":"2018-06-08T10:34:56+08:00","expire_time":"2028-06-08T10:34:56+08:00",`+
		`"encrypt_certificate":{"algorithm":"AEAD_AES_256_GCM","nonce":%q,"associated_data":"certificate","ciphertext":%q}}]}`,
		serial, aesNonce, seal(apiV3Key, aesNonce, "certificate", text))
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", "https://api.mch.weixin.qq.com/v3/certificates", func(*http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(200, body)
		resp.Header = sign(platformKey(), serial, time.Now(), body)
		return resp, nil
	})
	return mock
}

// seal encrypts with AES-256-GCM.
func seal(key, nonce, associated, plain string) string {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), []byte(plain), []byte(associated)))
}

// sign makes the headers of a signed message.
func sign(key *rsa.PrivateKey, serial string, at time.Time, body string) http.Header {
	nonce := rand.Text() // none comes twice
	unix := strconv.FormatInt(at.Unix(), 10)
	sum := sha256.Sum256([]byte(unix + "\n" + nonce + "\n" + body + "\n"))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return http.Header{
		"Content-Type":             {"application/json"},
		"Request-Id":               {"08F78BB5AF0610D302189FD3FD0158"},
		"Wechatpay-Serial":         {serial},
		"Wechatpay-Timestamp":      {unix},
		"Wechatpay-Nonce":          {nonce},
		"Wechatpay-Signature":      {base64.StdEncoding.EncodeToString(sig)},
		"Wechatpay-Signature-Type": {"WECHATPAY2-SHA256-RSA2048"},
	}
}

// A message is a notification before it is sealed; empty members have the values of the documents.
type message struct {
	id, createTime, event, plain     string
	algorithm, nonce, associated, as string
	key                              string
}

// String is the envelope as it is sent.
func (m message) String() string {
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&m.id, "EV-2018022511223320873")
	or(&m.createTime, `"2015-05-20T13:29:35+08:00"`)
	or(&m.event, "ENTRUST.SIGNING")
	or(&m.plain, `{"openid":"`+canary+`"}`)
	or(&m.algorithm, "AEAD_AES_256_GCM")
	or(&m.nonce, aesNonce)
	or(&m.associated, "debit-event")
	or(&m.as, "contract")
	or(&m.key, apiV3Key)
	return fmt.Sprintf(`{"id":%q,"create_time":%s,"resource_type":"encrypt-resource","event_type":%q,"summary":"签约结果通知","new":[1],`+
		`"resource":{"original_type":%q,"algorithm":%q,"ciphertext":%q,"associated_data":%q,"nonce":%q}}`,
		m.id, m.createTime, m.event, m.as, m.algorithm, seal(m.key, m.nonce, m.associated, m.plain), m.associated, m.nonce)
}

// signed is the request that delivers body, signed with the platform's public-key pair.
func signed(body string) *http.Request {
	return request(sign(platformKey(), keyID, time.Now(), body), body)
}

func request(header http.Header, body string) *http.Request {
	r := httptest.NewRequest("POST", "/wxpay/notify", strings.NewReader(body))
	r.Header = header.Clone()
	return r
}

// serve delivers r to h.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// failure reads the body of a refusal.
func failure(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var answer struct{ Code, Message string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Code != "FAIL" || answer.Message == "" || len(answer.Message) > 64 {
		t.Errorf("answer %q is not {code: FAIL, message}", w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	return answer.Message
}
