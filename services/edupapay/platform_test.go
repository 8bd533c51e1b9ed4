package edupapay_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	host   = "https://api.mch.weixin.qq.com"
	serial = "PUB_KEY_ID_0114232134912410000000000000"
)

var (
	merchantKey = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// newService returns the service of a client whose requests go to mock, each once.
func newService(mock http.RoundTripper) *edupapay.Service { return newServiceOf(mock, 1) }

func newServiceOf(mock http.RoundTripper, attempts int) *edupapay.Service {
	client, err := wxpay.New(wxpay.Config{
		MchID:       "1230000109",
		SerialNo:    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
		PrivateKey:  merchantKey(),
		PublicKeyID: serial,
		PublicKey:   &platformKey().PublicKey,
		HTTPClient:  &http.Client{Transport: mock},
		MaxAttempts: attempts,
	})
	if err != nil {
		panic(err)
	}
	return edupapay.New(client)
}

// signed answers as the platform does, with its signature over the body.
func signed(status int, body string) httpmock.Responder {
	return func(*http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(status, body)
		now := strconv.FormatInt(time.Now().Unix(), 10)
		sum := sha256.Sum256([]byte(now + "\nc5ac7061fccab6bf3e254dcf98995b8c\n" + body + "\n"))
		sig, err := rsa.SignPKCS1v15(nil, platformKey(), crypto.SHA256, sum[:])
		resp.Header = http.Header{
			"Request-Id":          {"08F78BB5AF0610D302189FD3FD0158"},
			"Wechatpay-Serial":    {serial},
			"Wechatpay-Timestamp": {now},
			"Wechatpay-Nonce":     {"c5ac7061fccab6bf3e254dcf98995b8c"},
			"Wechatpay-Signature": {base64.StdEncoding.EncodeToString(sig)},
		}
		return resp, err
	}
}

// sent is what the service put on the wire.
type sent struct {
	line   string // method and request URI
	body   string
	serial string // Wechatpay-Serial
}

// record answers with status and body and keeps the request.
func record(to *sent, status int, body string) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		to.line, to.serial = req.Method+" "+req.URL.RequestURI(), req.Header.Get("Wechatpay-Serial")
		if req.Body != nil {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			to.body = string(b)
		}
		return signed(status, body)(req)
	}
}

// call is one use of the service, with its result if it has one.
type call = func(context.Context, *edupapay.Service) (any, error)

// all makes a mock that answers everything by r.
func all(r httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(r)
	return mock
}
