package wechat

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// RSA keys take long to make: one of each kind per process.
var (
	merchantKey    = sync.OnceValues(newKey)
	brandKey       = sync.OnceValues(newKey)
	publicKey      = sync.OnceValues(newKey)
	brandPublicKey = sync.OnceValues(newKey)
	certificateKey = [4]func() (*rsa.PrivateKey, error){
		sync.OnceValues(newKey), sync.OnceValues(newKey), sync.OnceValues(newKey), sync.OnceValues(newKey),
	}
	strangerKey = sync.OnceValues(newKey) // signs what is forged
)

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// A key is a key pair of the platform: a public key that has an ID, or a certificate.
type key struct {
	serial      string
	private     func() (*rsa.PrivateKey, error)
	certificate *x509.Certificate // nil: a platform public key
}

// newCertificate issues platform certificate number n, valid from a day before now for five years.
func newCertificate(n int, now time.Time) (*key, error) {
	keyOf := sync.OnceValues(newKey)
	if n < len(certificateKey) {
		keyOf = certificateKey[n]
	}
	private, err := keyOf()
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(fmt.Appendf(nil, "wxpaytest certificate %d", n))
	sum[0] = 0x5a // positive, and always forty digits
	name := pkix.Name{CommonName: "wxpaytest: not for production", Organization: []string{"wxpaytest"}}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(sum[:]),
		Subject:      name,
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(5, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &key{fmt.Sprintf("%X", sum), keyOf, certificate}, nil
}

// sign returns the base64 RSA signature over the SHA-256 of text.
func sign(private *rsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(sig), err
}

// open decrypts what was encrypted for the platform: base64 of RSA-OAEP with SHA-1.
func (k *key) open(ciphertext string) (string, error) {
	sealed, err := base64.StdEncoding.Strict().DecodeString(ciphertext)
	if err != nil || strings.ContainsAny(ciphertext, "\r\n") { // which Go would skip
		return "", &schema.Violation{Issue: "is not base64"}
	}
	private, err := k.private()
	if err != nil {
		return "", err
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, private, sealed, nil)
	if err != nil {
		return "", &schema.Violation{Issue: "does not decrypt (RSA-OAEP with SHA-1) with the key " + k.serial + " that Wechatpay-Serial names"}
	}
	return string(plain), nil
}

// encrypt seals a member for whoever has the private key: RSA-OAEP with SHA-1, then base64.
func encrypt(key func() (*rsa.PrivateKey, error), plain string) (string, error) {
	private, err := key()
	if err != nil {
		return "", err
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &private.PublicKey, []byte(plain), nil)
	return base64.StdEncoding.EncodeToString(sealed), err
}

// seal encrypts with an API key: AES-256-GCM, base64 of ciphertext and tag.
func seal(apiKey, nonce, associatedData string, plain []byte) (string, error) {
	block, err := aes.NewCipher([]byte(apiKey))
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associatedData))), nil
}

// A vault holds the platform keys that serve one identity, and says which of them signs.
type vault struct {
	mu           sync.Mutex
	public       *key   // nil: none
	certificates []*key // oldest first
	before       *key   // the certificate that the newest takes over from; nil: none
	share        int64  // how many of a hundred the newest signs of what these two sign
	turn         int64

	notices     int64 // notifications so far
	publicShare int64 // how many of a hundred of them the public key signs
}

// find returns the key of that serial, or nil.
func (v *vault) find(serial string) *key {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.public != nil && v.public.serial == serial {
		return v.public
	}
	for _, c := range v.certificates {
		if c.serial == serial {
			return c
		}
	}
	return nil
}

// all are the keys of the vault.
func (v *vault) all() []*key {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := slices.Clone(v.certificates)
	if v.public != nil {
		all = append(all, v.public)
	}
	return all
}

// offer lists a new certificate.
func (v *vault) offer() (serial string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	key, err := newCertificate(len(v.certificates), time.Now())
	if err != nil {
		return "", err
	}
	if v.share > 0 { // a certificate that was offered and never signed takes over from nobody
		v.before = v.newest()
	}
	if v.share = 0; len(v.certificates) == 0 {
		v.share = 100
	}
	v.certificates = append(v.certificates, key)
	return key.serial, nil
}

// setShare says how many of a hundred the newest certificate signs.
func (v *vault) setShare(percent int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.share = int64(percent)
}

// newest returns the newest certificate, or nil.
func (v *vault) newest() *key {
	if len(v.certificates) == 0 {
		return nil
	}
	return v.certificates[len(v.certificates)-1]
}

// signer returns the key that signs the answer to a request that names serial: one of that kind, and of
// certificates the one whose turn it is. The list of certificates goes on being signed by the one before.
func (v *vault) signer(serial string, list bool) *key {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.signs(serial, list)
}

func (v *vault) signs(serial string, list bool) *key {
	if v.public != nil && (len(v.certificates) == 0 || serial == v.public.serial) {
		return v.public
	}
	if v.before != nil && list {
		return v.before
	}
	v.turn++
	if v.before != nil && v.turn*37%100 >= v.share {
		return v.before
	}
	return v.newest()
}

// notifier chooses the key that signs a notification: a kind that is asked for, or whichever's turn it is.
func (v *vault) notifier(by Mode) *key {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notices++
	if v.public != nil && (by == PublicKey || by == Both && v.notices*37%100 < v.publicShare) {
		return v.public
	}
	if key := v.newest(); by == Certificates && key != nil {
		return key
	}
	return v.signs("", false)
}

// A Mode is what an identity knows the platform by.
type Mode int

const (
	PublicKey    Mode = iota // the platform public key; there are no certificates
	Certificates             // platform certificates alone
	Both                     // both, as during the migration from the one to the other
)

var errNoCertificates = errors.New("wxpaytest: there are no certificates in mode PublicKey")
