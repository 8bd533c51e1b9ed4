package wxpay_test

import (
	"bytes"
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
	"io"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The platform of these tests is written from the documents, apart from the code under test: it signs
// and verifies with the standard library alone.

const (
	mchID     = "1900000001"
	serialNo  = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	publicID  = "PUB_KEY_ID_0114232134912410000000000000"
	apiV3Key  = "0123456789abcdef0123456789ABCDEF"
	scheme    = "WECHATPAY2-SHA256-RSA2048"
	brandID   = "120344"
	routeEcho = "POST /v3/echo/{id}"
	routeRead = "GET /v3/echo/{id}"
)

var keyPair = sync.OnceValue(func() [3]*rsa.PrivateKey {
	var keys [3]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func merchantKey() *rsa.PrivateKey { return keyPair()[0] }
func platformKey() *rsa.PrivateKey { return keyPair()[1] }
func strangerKey() *rsa.PrivateKey { return keyPair()[2] }

func sign(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// answer is what the platform says; change is applied after signing.
type answer struct {
	status int
	body   string
	key    *rsa.PrivateKey // nil: platformKey
	serial string          // empty: publicID
	kind   string          // empty: scheme
	age    time.Duration
	change func(*http.Response)
}

func (a answer) response(req *http.Request) *http.Response {
	if a.status == 0 {
		a.status = 200
	}
	if a.key == nil {
		a.key = platformKey()
	}
	if a.serial == "" {
		a.serial = publicID
	}
	if a.kind == "" {
		a.kind = scheme
	}
	ts, nonce := strconv.FormatInt(time.Now().Add(-a.age).Unix(), 10), rand.Text() // no answer comes twice
	resp := &http.Response{
		StatusCode: a.status, Header: http.Header{}, ContentLength: int64(len(a.body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(a.body)), Request: req,
	}
	for k, v := range map[string]string{
		"Wechatpay-Serial": a.serial, "Wechatpay-Timestamp": ts, "Wechatpay-Nonce": nonce,
		"Wechatpay-Signature":      sign(a.key, ts+"\n"+nonce+"\n"+a.body+"\n"),
		"Wechatpay-Signature-Type": a.kind, "Request-ID": "08F3D1A6-268435461", "Content-Type": "application/json",
	} {
		resp.Header.Set(k, v)
	}
	if a.change != nil {
		a.change(resp)
	}
	return resp
}

func unsigned(resp *http.Response) {
	for k := range resp.Header {
		if strings.HasPrefix(k, "Wechatpay-") {
			resp.Header.Del(k)
		}
	}
}

// sent is one request as the platform saw it.
type sent struct {
	method, host, uri, authorization, nonce, signature string
	unix                                               int64
	header                                             http.Header
	body                                               string
}

var credentials = regexp.MustCompile(`^(WECHATPAY2-SHA256-RSA2048 mchid="1900000001"|WECHATPAY-BRAND-SHA256-RSA2048 brand_id="120344"),nonce_str="([A-Za-z0-9]{32})",timestamp="(\d+)",serial_no="([0-9A-F]+)",signature="([^"]+)"$`)

// platform is a transport that answers with what next returns, and checks every request as the
// platform would. It reads bodies like a real transport.
type platform struct {
	t     testing.TB
	brand bool // a brand calls, not a merchant
	next  func(n int, req *http.Request) (*http.Response, error)
	mu    sync.Mutex
	got   []sent
}

func (p *platform) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	s := sent{method: req.Method, host: req.URL.Host, uri: req.URL.RequestURI(), header: req.Header.Clone()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		s.body = string(body)
	}
	s.authorization = req.Header.Get("Authorization")
	if m := credentials.FindStringSubmatch(s.authorization); m == nil {
		p.t.Errorf("Authorization is not as documented: %q", s.authorization)
	} else {
		s.nonce, s.signature = m[2], m[5]
		s.unix, _ = strconv.ParseInt(m[3], 10, 64)
		if p.brand != strings.Contains(m[1], "brand") || m[4] != serialNo {
			p.t.Errorf("signed by %s with %s", m[1], m[4])
		}
	}
	if s.signature != sign(merchantKey(), fmt.Sprintf("%s\n%s\n%d\n%s\n%s\n", s.method, s.uri, s.unix, s.nonce, signedPart(s))) {
		p.t.Errorf("signature of %s %s does not cover what was sent", s.method, s.uri)
	}
	p.mu.Lock()
	p.got = append(p.got, s)
	n := len(p.got)
	p.mu.Unlock()
	return p.next(n, req)
}

// signedPart is the body, or of an upload its first part.
func signedPart(s sent) string {
	if !strings.HasPrefix(s.header.Get("Content-Type"), "multipart/") {
		return s.body
	}
	_, rest, _ := strings.Cut(s.body, "\r\n\r\n")
	meta, _, _ := strings.Cut(rest, "\r\n--")
	return meta
}

func (p *platform) requests() []sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]sent(nil), p.got...)
}

// newPlatform returns a platform that gives the answers one after the other, the last one for ever.
func newPlatform(t testing.TB, answers ...answer) *platform {
	return &platform{t: t, next: func(n int, req *http.Request) (*http.Response, error) {
		return answers[min(n, len(answers))-1].response(req), nil
	}}
}

func (p *platform) config() wxpay.Config {
	return wxpay.Config{
		MchID: mchID, SerialNo: serialNo, PrivateKey: merchantKey(), APIv3Key: apiV3Key,
		PublicKeyID: publicID, PublicKey: &platformKey().PublicKey,
		HTTPClient: &http.Client{Transport: p},
	}
}

func (p *platform) client() *wxpay.Client {
	c, err := wxpay.New(p.config())
	require.NoError(p.t, err)
	return c
}

// once is a client that repeats nothing, so that what fails costs no wait.
func (p *platform) once() *wxpay.Client {
	config := p.config()
	config.MaxAttempts = 1
	c, err := wxpay.New(config)
	require.NoError(p.t, err)
	return c
}

// certificate is a platform certificate as the list carries it.
type certificate struct {
	key    *rsa.PrivateKey
	serial string
	pem    []byte
}

func newCertificate(t testing.TB, key *rsa.PrivateKey, serial int64, from, until time.Time) certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Tenpay.com"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return certificate{key, fmt.Sprintf("%X", serial), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// certificateList is the body of GET /v3/certificates.
func certificateList(t testing.TB, list ...certificate) string {
	data := []any{}
	for _, c := range list {
		const nonce, ad = "61f9c719728a", "certificate"
		data = append(data, map[string]any{
			"serial_no": c.serial, "effective_time": "2018-06-08T10:34:56+08:00", "expire_time": "2028-12-08T10:34:56+08:00",
			"encrypt_certificate": map[string]any{
				"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": ad,
				"ciphertext": base64.StdEncoding.EncodeToString(gcm(t, nonce, ad, c.pem)),
			},
		})
	}
	text, err := json.Marshal(map[string]any{"data": data})
	require.NoError(t, err)
	return string(text)
}

func gcm(t testing.TB, nonce, associatedData string, plain []byte) []byte {
	block, err := aes.NewCipher([]byte(apiV3Key))
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return aead.Seal(nil, []byte(nonce), plain, []byte(associatedData))
}

func body(resp *http.Response, text []byte) {
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
}
