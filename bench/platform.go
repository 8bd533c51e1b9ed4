// Package bench measures this SDK against a floor, which is what the same job takes with the standard
// library alone, and against its peers wechatpay-go and gopay.
//
// All of them call the same server on a loopback socket through equal transports, hold the same keys and
// verify every answer. cmd/table runs everything and writes docs/performance.md.
package bench

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Who calls and who answers.
const (
	mchID       = "1900000109"
	serialNo    = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
	publicKeyID = "PUB_KEY_ID_0119000001092026010100000000000001"
	apiV3Key    = "bench-api-v3-key-with-32-bytes.."
	nonce       = "593BEC0C930BF1AFEB40B4A08C8FB242"
)

// Everybody's answers have two texts, so that decoding them costs alike.
const (
	cardAnswer     = `{"card_id":"pbLatjvFdsLDBvnL6CFzzqx2pSEM","code":"478515832665"}`
	orderAnswer    = `{"out_trade_no":"pbLatjvFdsLDBvnL6CFzzqx2pSEM","mchid":"4785158326"}`
	echoAnswer     = `{"echo_message":"hello","encrypted_echo_message":"hello"}`
	receiverAnswer = `{"type":"MERCHANT_ID","account":"hello"}`
	uploadAnswer   = `{"media_id":"H1ihR9JUtVj-J7CJqBUY5ZOrG_Je75H-rKhTG7FUmg9sxNTbRN54dFiUHnhg"}`
)

var answers = map[string]string{
	"/v3/marketing/membercard-open/cards/pbLatjvFdsLDBvnL6CFzzqx2pSEM/codes/478515832665": cardAnswer,
	"/v3/pay/transactions/out-trade-no/pbLatjvFdsLDBvnL6CFzzqx2pSEM":                      orderAnswer,
	"/v3/security/echo":               echoAnswer,
	"/v3/profitsharing/receivers/add": receiverAnswer,
	"/v3/merchant/media/upload":       uploadAnswer,
}

// Access is what a contender needs to call the platform.
type Access struct {
	Addr     string
	Merchant *rsa.PrivateKey
	Platform *rsa.PublicKey
}

// A Platform answers calls over a loopback socket. It signs each answer anew, as WeChat Pay does, which costs
// every contender the same.
type Platform struct {
	Access
	key    *rsa.PrivateKey
	server *httptest.Server
}

// NewPlatform starts a platform with new keys. Close it.
func NewPlatform() *Platform { return newPlatform(nil) }

// newPlatform lets more add handlers; signed makes one that always answers with body.
func newPlatform(more func(mux *http.ServeMux, signed func(body string) http.Handler)) *Platform {
	p := &Platform{key: newKey()}
	signed := func(body string) http.Handler { return &answer{key: p.key, body: []byte(body)} }
	mux := http.NewServeMux()
	for path, body := range answers {
		mux.Handle(path, signed(body))
	}
	if more != nil {
		more(mux, signed)
	}
	p.server = httptest.NewServer(mux)
	p.Access = Access{p.server.Listener.Addr().String(), newKey(), &p.key.PublicKey}
	return p
}

// Close stops the platform.
func (p *Platform) Close() { p.server.Close() }

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// An answer is always the same, but for its signature.
type answer struct {
	key  *rsa.PrivateKey
	body []byte
}

func (a *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	drain(r.Body)
	maps.Copy(w.Header(), sign(a.key, a.body, time.Now()))
	_, _ = w.Write(a.body)
}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// drain reads a body to its end, by larger pieces than io.Discard would.
func drain(body io.Reader) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	for {
		if _, err := body.Read(buf[:]); err != nil {
			return
		}
	}
}

// sign returns the headers that the platform sends with body.
func sign(key *rsa.PrivateKey, body []byte, now time.Time) http.Header {
	unix, nonce := strconv.FormatInt(now.Unix(), 10), rand.Text()
	sum := sha256.Sum256([]byte(unix + "\n" + nonce + "\n" + string(body) + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return http.Header{
		"Content-Length":           {strconv.Itoa(len(body))},
		"Content-Type":             {"application/json"},
		"Request-Id":               {"08F78BB3B106106018A2C5B5C10120D5A60128E8A002-0"},
		"Wechatpay-Nonce":          {nonce},
		"Wechatpay-Serial":         {publicKeyID},
		"Wechatpay-Signature":      {base64.StdEncoding.EncodeToString(signature)},
		"Wechatpay-Signature-Type": {"WECHATPAY2-SHA256-RSA2048"},
		"Wechatpay-Timestamp":      {unix},
	}
}

// httpClient reaches the platform under the addresses of WeChat Pay, which one peer has as constants. There
// is no TLS, which would cost all of them the same.
func (a Access) httpClient(timeout time.Duration) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", a.Addr)
	}
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DialTLSContext: dial, MaxIdleConnsPerHost: 16}}
}

// A Notification as the platform posts it.
type Notification struct {
	header http.Header
	body   []byte
}

// Notification encrypts and signs a text of six members.
func (p *Platform) Notification() Notification {
	const plain = `{"mchid":"1900000109","appid":"wxd678efh567hg6787","out_trade_no":"1217752501201407033233368018","transaction_id":"1217752501201407033233368018","trade_type":"AUTH","trade_state":"SUCCESS"}`
	block, err := aes.NewCipher([]byte(apiV3Key))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	body, err := json.Marshal(map[string]any{
		"id": "EV-2018022511223320873", "create_time": "2026-01-20T10:34:56+08:00", "event_type": "TRANSACTION.SUCCESS",
		"resource_type": "encrypt-resource", "summary": "支付成功",
		"resource": map[string]string{
			"original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction", "nonce": "fdasflkja484",
			"ciphertext": base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte("fdasflkja484"), []byte(plain), []byte("transaction"))),
		},
	})
	if err != nil {
		panic(err)
	}
	return Notification{sign(p.key, body, time.Now()), body}
}

// Request is the notification as it arrives.
func (n Notification) Request() *http.Request {
	return &http.Request{Method: "POST", Header: n.header, Body: io.NopCloser(bytes.NewReader(n.body)), ContentLength: int64(len(n.body))}
}
