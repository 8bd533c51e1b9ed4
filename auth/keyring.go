package auth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// A PlatformKey is a key of WeChat Pay: the public key of a platform certificate, or the platform public
// key of a merchant, which never expires.
type PlatformKey struct {
	Serial  string // certificate serial, or the public key's ID (PUB_KEY_ID_…)
	Public  *rsa.PublicKey
	Starts  time.Time // before it nothing is encrypted with the key; zero: always valid
	Expires time.Time // zero: never
}

// started reports whether the key is valid at t already.
func (key PlatformKey) started(t time.Time) bool { return !key.Starts.After(t) }

// tooEarly says since when a certificate is valid that is not valid yet.
func (key PlatformKey) tooEarly() string {
	return fmt.Sprintf("certificate %s is not valid before %s", key.Serial, key.Starts.UTC().Format(time.RFC3339))
}

// CertificateKey returns the key of a platform certificate (PEM).
func CertificateKey(pem []byte) (PlatformKey, error) {
	cert, err := LoadCertificate(pem)
	if err != nil {
		return PlatformKey{}, err
	}
	return PlatformKey{
		Serial:  utils.GetCertificateSerialNumber(*cert),
		Public:  cert.PublicKey.(*rsa.PublicKey),
		Starts:  cert.NotBefore,
		Expires: cert.NotAfter,
	}, nil
}

// A Keyring holds the keys of WeChat Pay by serial. Every key on it verifies; which one encrypts is
// decided by [Keyring.SetCertificateShare]. It is an auth.Verifier and a cipher.Encryptor of wechatpay-go.
//
// A certificate may be on the ring before it is valid, as the platform lists new ones ahead. It encrypts
// from the start of its validity, and verifies from [MaxAge] before, since clocks differ.
//
// Reading is one atomic load; Set and SetCertificateShare may run beside it.
type Keyring struct {
	keys  atomic.Pointer[keys]
	share atomic.Int64 // percent of encryptions that use the certificate
	picks atomic.Int64 // how often one of two keys was picked by share
}

type keys struct {
	bySerial     map[string]PlatformKey
	certificates []PlatformKey // the one that expires last comes first
	publicKey    PlatformKey   // without a serial if there is none
}

// certificate is the serial of the certificate that encrypts: of those valid now the one that expires
// last. It is empty if there is none.
func (s *keys) certificate(now time.Time) string {
	for _, key := range s.certificates {
		if key.started(now) && key.Expires.After(now) {
			return key.Serial
		}
	}
	return ""
}

// noKey is [ErrNoKey], with the reason if there are certificates that come too early.
func (s *keys) noKey(now time.Time) error {
	for _, key := range s.bySerial {
		if !key.started(now) {
			return fmt.Errorf("%w: %s", ErrNoKey, key.tooEarly())
		}
	}
	return ErrNoKey
}

var (
	_ wechat.Verifier  = (*Keyring)(nil)
	_ cipher.Encryptor = (*Keyring)(nil)
)

// ErrNoAPIv3Key says that nothing can be opened, whatever it is.
var ErrNoAPIv3Key = errors.New("auth: no APIv3 key to open it with (Config.APIv3Key, WXPAY_APIV3_KEY)")

// ErrNoKey says that there is no platform key to encrypt with.
var ErrNoKey = errors.New("auth: no platform key to encrypt with")

// NewKeyring returns a ring of the given keys.
func NewKeyring(keys ...PlatformKey) (*Keyring, error) {
	k := new(Keyring)
	return k, k.Set(keys...)
}

// Set replaces all keys. Keys that have expired are left out. A key without a serial, of less than 2048
// bits or the second of its serial is refused, and then nothing changes.
func (k *Keyring) Set(list ...PlatformKey) error {
	next := &keys{bySerial: make(map[string]PlatformKey, len(list))}
	for _, key := range list {
		if key.Serial == "" || key.Public == nil {
			return errors.New("auth: platform key without serial or without key")
		}
		if err := checkSize(key.Public); err != nil {
			return err
		}
		if _, dup := next.bySerial[key.Serial]; dup {
			return fmt.Errorf("auth: two platform keys with serial %s", key.Serial)
		}
		switch {
		case key.Expires.IsZero():
			next.publicKey = key
		case !key.Expires.After(time.Now()):
			continue
		default:
			next.certificates = append(next.certificates, key)
		}
		next.bySerial[key.Serial] = key
	}
	slices.SortStableFunc(next.certificates, func(a, b PlatformKey) int { return b.Expires.Compare(a.Expires) })
	k.keys.Store(next)
	return nil
}

// Keys returns the keys on the ring, in no order.
func (k *Keyring) Keys() []PlatformKey {
	var list []PlatformKey
	for _, key := range k.load().bySerial {
		list = append(list, key)
	}
	return list
}

// SetCertificateShare says how many of a hundred encryptions use the certificate while there is a public
// key too: 0 none, 100 all. Moving from certificates to the public key is a walk from 100 to 0, and back
// if something is wrong. It may be called while the ring is in use.
func (k *Keyring) SetCertificateShare(percent int) { k.share.Store(int64(min(max(percent, 0), 100))) }

func (k *Keyring) load() *keys {
	if s := k.keys.Load(); s != nil {
		return s
	}
	return &keys{}
}

func (k *Keyring) find(serial string) (PlatformKey, bool) {
	key, ok := k.load().bySerial[serial]
	if ok && !key.Expires.IsZero() && !key.Expires.After(time.Now()) {
		return key, false
	}
	return key, ok
}

// Verify checks a base64 signature over message by the key of that serial.
func (k *Keyring) Verify(_ context.Context, serial, message, signature string) error {
	key, ok := k.find(serial)
	if !ok {
		return k.load().unknown(serial)
	}
	if !key.started(time.Now().Add(MaxAge)) {
		return fmt.Errorf("%w yet: %s", ErrUnknownSerial, key.tooEarly())
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || strings.ContainsAny(signature, "\r\n") {
		return ErrForged
	}
	var room [2 << 10]byte // on the stack, and enough for most
	sum := sha256.Sum256(append(room[:0], message...))
	if rsa.VerifyPKCS1v15(key.Public, crypto.SHA256, sum[:], sig) != nil {
		return ErrForged
	}
	return nil
}

// GetSerial is the key that encrypts, which is also the one answers are asked to be signed with.
func (k *Keyring) GetSerial(ctx context.Context) (string, error) { return k.SelectCertificate(ctx) }

// SelectCertificate returns the serial of the key to encrypt with: the public key or, of the certificates
// that are valid, the one that expires last, by the share set. Shares are kept exactly over every hundred
// calls.
func (k *Keyring) SelectCertificate(context.Context) (string, error) {
	s, now, share := k.load(), time.Now(), k.share.Load()
	certificate, publicKey := s.certificate(now), s.publicKey.Serial
	if !s.publicKey.started(now) {
		publicKey = ""
	}
	switch {
	case certificate == "" && publicKey == "":
		return "", s.noKey(now)
	case publicKey == "" || certificate != "" && share >= 100:
		return certificate, nil
	case certificate == "" || share <= 0:
		return publicKey, nil
	}
	// 37 and 100 have no common divisor, so a share is spread over the hundred instead of coming first.
	if k.picks.Add(1)*37%100 < share {
		return certificate, nil
	}
	return publicKey, nil
}

// Encrypt encrypts plaintext for the key of that serial: RSA-OAEP with SHA-1 and MGF1-SHA-1, then base64,
// as the platform has it. With a 2048-bit key plaintext may have 214 bytes. In the mode fips140=only it is
// [ErrFIPS].
func (k *Keyring) Encrypt(_ context.Context, serial, plaintext string) (string, error) {
	key, ok := k.find(serial)
	if !ok {
		return "", fmt.Errorf("%w: serial %s", ErrNoKey, serial)
	}
	if !key.started(time.Now()) {
		return "", fmt.Errorf("%w: %s", ErrNoKey, key.tooEarly())
	}
	if err := oaepRefused(); err != nil {
		return "", err
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key.Public, []byte(plaintext), nil)
	if err != nil {
		return "", fmt.Errorf("auth: encrypt: %w", err)
	}
	return encode(sealed), nil
}

// encode is base64, in one allocation for keys of up to 4096 bits.
func encode(b []byte) string {
	var buf [684]byte
	return string(base64.StdEncoding.AppendEncode(buf[:0], b))
}

// Decrypt opens a sensitive field that WeChat Pay encrypted for the merchant. The key is the merchant's
// private key; a KMS key serves if it is a crypto.Decrypter. In the mode fips140=only it is [ErrFIPS].
func Decrypt(key crypto.Decrypter, ciphertext string) (string, error) {
	if err := oaepRefused(); err != nil {
		return "", err
	}
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return "", errors.New("auth: ciphertext is not base64")
	}
	plain, err := key.Decrypt(rand.Reader, sealed, &rsa.OAEPOptions{Hash: crypto.SHA1})
	if err != nil {
		return "", errors.New("auth: ciphertext was not made for this key")
	}
	return string(plain), nil
}

// OpenResource decrypts what notifications and the certificate list carry: AES-256-GCM with the APIv3 key.
// It checks the lengths first, since a nonce of another length would panic further down.
func OpenResource(apiV3Key, algorithm, nonce, associatedData, ciphertext string) ([]byte, error) {
	switch {
	case apiV3Key == "":
		return nil, ErrNoAPIv3Key
	case algorithm != "AEAD_AES_256_GCM":
		return nil, errors.New("auth: algorithm of the ciphertext is not AEAD_AES_256_GCM")
	case len(apiV3Key) != 32:
		return nil, fmt.Errorf("auth: APIv3 key has %d bytes instead of 32", len(apiV3Key))
	case len(nonce) != 12:
		return nil, fmt.Errorf("auth: nonce has %d bytes instead of 12", len(nonce))
	}
	plain, err := openGCM(apiV3Key, nonce, associatedData, ciphertext)
	if err != nil {
		return nil, errors.New("auth: ciphertext does not open with this APIv3 key")
	}
	return plain, nil
}

func checkSize(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return errors.New("auth: RSA key is empty")
	}
	if n := key.N.BitLen(); n < 2048 {
		return fmt.Errorf("auth: RSA key has %d bits, at least 2048 are needed", n)
	}
	return nil
}
