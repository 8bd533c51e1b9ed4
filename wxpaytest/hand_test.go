package wxpaytest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const host = "https://api.mch.weixin.qq.com"

type m = map[string]any

// A merchant makes requests by hand, or a brand does: it shares nothing with the SDK and nothing with the server.
type merchant struct {
	brand  bool
	t      *testing.T
	server *wxpaytest.Server
	key    *rsa.PrivateKey
	public *rsa.PublicKey
	serial string // of the platform key
}

func newMerchant(t *testing.T, o ...wxpaytest.Options) *merchant {
	s := wxpaytest.New(t, o...)
	c := s.Config()
	h := &merchant{brand: c.BrandID != "", t: t, server: s, key: c.PrivateKey.(*rsa.PrivateKey), public: c.PublicKey, serial: c.PublicKeyID}
	if h.public == nil {
		h.useCertificate()
	}
	return h
}

// in is the merchant within a subtest.
func (h *merchant) in(t *testing.T) *merchant {
	c := *h
	c.t = t
	return &c
}

// certificates downloads the certificates, opens them and returns them by serial.
func (h *merchant) certificates() map[string]*x509.Certificate {
	status, answer := h.json("GET", "/v3/certificates", nil)
	require.Equal(h.t, 200, status, answer)
	found := map[string]*x509.Certificate{}
	for _, v := range answer["data"].([]any) {
		e := v.(m)["encrypt_certificate"].(m)
		require.Equal(h.t, "AEAD_AES_256_GCM", e["algorithm"])
		text := h.open(e["nonce"].(string), e["associated_data"].(string), e["ciphertext"].(string))
		block, _ := pem.Decode(text)
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(h.t, err)
		require.Equal(h.t, v.(m)["serial_no"], fmt.Sprintf("%X", cert.SerialNumber))
		found[v.(m)["serial_no"].(string)] = cert
	}
	return found
}

func (h *merchant) useCertificate() {
	h.public, h.serial = nil, ""
	var last time.Time
	for serial, c := range h.certificates() {
		if c.NotAfter.After(last) {
			h.public, h.serial, last = c.PublicKey.(*rsa.PublicKey), serial, c.NotAfter
		}
	}
}

// open decrypts with the APIv3 key.
func (h *merchant) open(nonce, associated, ciphertext string) []byte {
	block, err := aes.NewCipher([]byte(wxpaytest.APIv3Key))
	require.NoError(h.t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(h.t, err)
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	require.NoError(h.t, err)
	plain, err := gcm.Open(nil, []byte(nonce), sealed, []byte(associated))
	require.NoError(h.t, err)
	return plain
}

// decrypt opens what the platform encrypted for the merchant.
func (h *merchant) decrypt(ciphertext string) string {
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	require.NoError(h.t, err)
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, h.key, sealed, nil)
	require.NoError(h.t, err)
	return string(plain)
}

func (h *merchant) encrypt(plain string) string {
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, h.public, []byte(plain), nil)
	require.NoError(h.t, err)
	return base64.StdEncoding.EncodeToString(sealed)
}

// authorize signs text in the name of method and uri.
func (h *merchant) authorize(method, uri string, signed []byte) string {
	return h.authorizeAs(rand.Text(), method, uri, signed)
}

// authorizeAs signs with a nonce of the caller's choice.
func (h *merchant) authorizeAs(nonce string, method, uri string, signed []byte) string {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return h.credentials(at, nonce, method+"\n"+uri+"\n"+at+"\n"+nonce+"\n"+string(signed)+"\n")
}

// authorizeText signs a text of the caller's own, in which TIME and NONCE are to be replaced.
func (h *merchant) authorizeText(text string) string {
	at, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	return h.credentials(at, nonce, strings.NewReplacer("TIME", at, "NONCE", nonce).Replace(text))
}

// credentials are the merchant's, with its signature over text.
func (h *merchant) credentials(at, nonce, text string) string {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, h.key, crypto.SHA256, sum[:])
	require.NoError(h.t, err)
	if h.brand {
		return `WECHATPAY-BRAND-SHA256-RSA2048 brand_id="` + wxpaytest.BrandID + `",nonce_str="` + nonce + `",timestamp="` + at +
			`",serial_no="` + wxpaytest.BrandSerialNo + `",signature="` + base64.StdEncoding.EncodeToString(sig) + `"`
	}
	return `WECHATPAY2-SHA256-RSA2048 mchid="` + wxpaytest.MchID + `",nonce_str="` + nonce + `",signature="` + base64.StdEncoding.EncodeToString(sig) +
		`",timestamp="` + at + `",serial_no="` + wxpaytest.SerialNo + `"`
}

// request makes a request that is right; an empty body is none.
func (h *merchant) request(ctx context.Context, method, uri string, body []byte) *http.Request {
	var r io.Reader
	if len(body) > 0 {
		r = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, host+uri, r)
	require.NoError(h.t, err)
	req.Header.Set("Authorization", h.authorize(method, uri, body))
	req.Header.Set("Accept", "application/json")
	if h.serial != "" {
		req.Header.Set("Wechatpay-Serial", h.serial)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// do sends a request and checks that the answer is genuine.
func (h *merchant) do(req *http.Request) (int, m) {
	h.t.Helper()
	resp, err := h.server.RoundTrip(req)
	require.NoError(h.t, err)
	return h.genuine(resp)
}

// genuine is what an answer says, if it is as the platform gives it.
func (h *merchant) genuine(resp *http.Response) (int, m) {
	h.t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	if h.public != nil {
		require.NoError(h.t, verify(h.public, resp.Header, body))
		require.Equal(h.t, h.serial, resp.Header.Get("Wechatpay-Serial"))
	}
	require.Equal(h.t, map[bool]string{false: "WECHATPAY2-SHA256-RSA2048", true: "WECHATPAY-BRAND-SHA256-RSA2048"}[h.brand], resp.Header.Get("Wechatpay-Signature-Type"))
	require.Regexp(h.t, `^WXPAYTEST\d+-\d+$`, resp.Header.Get("Request-Id"))
	if resp.StatusCode == http.StatusNoContent {
		require.Empty(h.t, body)
		return resp.StatusCode, nil
	}
	require.Equal(h.t, int64(len(body)), resp.ContentLength)
	return resp.StatusCode, decode(h.t, body)
}

// last is the newest entry of the journal.
func (h *merchant) last() wxpaytest.Request {
	h.t.Helper()
	all := h.server.Requests()
	require.NotEmpty(h.t, all)
	return all[len(all)-1]
}

// verify checks a signature as openssl dgst -sha256 -verify does.
func verify(key *rsa.PublicKey, header http.Header, body []byte) error {
	sig, err := base64.StdEncoding.DecodeString(header.Get("Wechatpay-Signature"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(header.Get("Wechatpay-Timestamp") + "\n" + header.Get("Wechatpay-Nonce") + "\n" + string(body) + "\n"))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig)
}

// decode reads a JSON object.
func decode(t *testing.T, text []byte) m {
	o := m{}
	require.NoError(t, json.Unmarshal(text, &o))
	return o
}

// json makes a call with a JSON body; nil sends none.
func (h *merchant) json(method, uri string, body any) (int, m) {
	h.t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		require.NoError(h.t, err)
	}
	return h.do(h.request(h.t.Context(), method, uri, text))
}

// ok is json for a call that must succeed.
func (h *merchant) ok(method, uri string, body any) m {
	h.t.Helper()
	status, answer := h.json(method, uri, body)
	require.Contains(h.t, []int{200, 204}, status, "%s %s: %v", method, uri, answer)
	return answer
}

// refused is json for a call that must be refused.
func (h *merchant) refused(status int, code, method, uri string, body any) m {
	h.t.Helper()
	got, answer := h.json(method, uri, body)
	require.Equal(h.t, fmt.Sprint(status, code), fmt.Sprint(got, answer["code"]), "%s %s: %v", method, uri, answer)
	return answer
}

// form makes a body of parts "name filename type text", and its Content-Type.
func form(t *testing.T, parts ...[4]string) ([]byte, string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		d := `form-data; name="` + p[0] + `"`
		if p[1] != "" {
			d += `; filename="` + p[1] + `"`
		}
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {d}, "Content-Type": {p[2]}})
		require.NoError(t, err)
		_, err = io.WriteString(part, p[3])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes(), w.FormDataContentType()
}

// upload makes the request of a bank-package file.
func (h *merchant) upload(packageID, filename, file string) *http.Request {
	sum := sha256.Sum256([]byte(file))
	meta, err := json.Marshal(m{"filename": filename, "sha256": hex.EncodeToString(sum[:]), "bank_type": "ICBC_DEBIT"})
	require.NoError(h.t, err)
	return h.uploadMeta(packageID, meta, filename, file)
}

func (h *merchant) uploadMeta(packageID string, meta []byte, filename, file string) *http.Request {
	uri := "/v3/marketing/bank/packages/" + packageID + "/tasks"
	body, kind := form(h.t, [4]string{"meta", "", "application/json", string(meta)}, [4]string{"file", filename, "text/csv", file})
	req := h.request(h.t.Context(), "POST", uri, body)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", h.authorize("POST", uri, meta))
	return req
}

// lines encrypts numbers into a file.
func (h *merchant) lines(numbers ...string) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString(h.encrypt(n) + "\n")
	}
	return b.String()
}
