package contract

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The two sides of every exchange.
const (
	mchID       = "1900006891"
	ownBrand    = "4001203441"
	mchSerial   = "7132D72A03E93CDDF8C03BBD1F37EEDF000000AB"
	apiV3Key    = "contractcontractcontractcontract"
	platformID  = "PUB_KEY_ID_0114232134912410000000000000"
	accessID    = "1500001048"
	secretKey   = "1452fcebae9f3115ba794fb0fff2fd73"
	plainSecret = "13812345678" // stands for every sensitive value
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

func sign(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// decrypt opens a sensitive value.
func decrypt(key *rsa.PrivateKey, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, raw, nil)
	return string(plain), err
}

// sealResource encrypts what certificates and notifications carry.
func sealResource(nonce, associatedData string, plain []byte) string {
	block, err := aes.NewCipher([]byte(apiV3Key))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associatedData)))
}

// signHeader signs an answer or a notification.
func signHeader(h http.Header, serial string, body []byte) {
	const nonce = "c5ac7061fccab6bf3e254dcf98995b8c"
	at := strconv.FormatInt(time.Now().Unix(), 10)
	h.Set("Wechatpay-Serial", serial)
	h.Set("Wechatpay-Timestamp", at)
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", sign(platformKey(), at+"\n"+nonce+"\n"+string(body)+"\n"))
	h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
}
