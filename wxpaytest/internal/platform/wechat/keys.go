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

// A key is a key pair of the platform: a public key that has an ID, or a certificate.
type key struct {
	serial      string
	private     keyOf
	certificate *x509.Certificate // nil: a platform public key
}

// Certificates of a fake with a seed have fixed dates: each is a day newer than the one before, and all hold for as
// long as anybody runs this, in 2000 too, where testing/synctest begins.
var (
	seededFrom  = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	seededUntil = time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC)
)

// newCertificate issues platform certificate number n: valid from a day before now for five years, or by fixed dates
// if there is a seed.
func newCertificate(seed string, n int) (*key, error) {
	name := fmt.Sprintf("certificate %d", n)
	sum := sha1.Sum([]byte("wxpaytest " + name + seed))
	sum[0] = 0x5a // positive, and always forty digits
	from, until := time.Now().Add(-24*time.Hour), time.Now().AddDate(5, 0, 0)
	if seed != "" {
		from, until = seededFrom.AddDate(0, 0, n), seededUntil.AddDate(0, 0, n)
	}
	k := &key{serial: fmt.Sprintf("%X", sum), private: rings.of(seed).key(name)}
	var err error
	k.certificate, err = issue(k.private, k.serial, "wxpaytest: not for production", from, until)
	return k, err
}

// issue makes a certificate that its own key has signed.
func issue(key keyOf, serial, name string, from, until time.Time) (*x509.Certificate, error) {
	private, err := key()
	if err != nil {
		return nil, err
	}
	number, _ := new(big.Int).SetString(serial, 16)
	template := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"wxpaytest"}},
		NotBefore:    from,
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
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
func encrypt(key keyOf, plain string) (string, error) {
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
	seed         string // of its certificates
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
	key, err := newCertificate(v.seed, len(v.certificates))
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

// setPublicShare says how many of a hundred notifications the public key signs.
func (v *vault) setPublicShare(percent int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.publicShare = int64(percent)
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
