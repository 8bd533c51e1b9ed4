package wxpaytest

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
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// What the fake merchant and the fake platform are called. The keys behind these names are made anew in
// every process, so nothing that was signed for the fake is worth anything elsewhere.
const (
	MchID       = "1900000109"
	SerialNo    = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
	APIv3Key    = "wxpaytest-api-v3-key-of-32-bytes"
	PublicKeyID = "PUB_KEY_ID_0119000001092026010100000000000001"

	// TPNS, the push service, knows its application by these.
	TPNSAccessID  = "1500001048"
	TPNSSecretKey = "wxpaytest0secret0key0of0tpns0000"
)

// RSA keys take long to make: one of each kind per process.
var (
	merchantKey    = sync.OnceValues(newKey)
	publicKey      = sync.OnceValues(newKey)
	certificateKey = [4]func() (*rsa.PrivateKey, error){
		sync.OnceValues(newKey), sync.OnceValues(newKey), sync.OnceValues(newKey), sync.OnceValues(newKey),
	}
	strangerKey = sync.OnceValues(newKey) // signs what is forged
)

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// A platformKey is a key pair of the platform: the public key that has an ID, or a certificate.
type platformKey struct {
	serial      string
	private     *rsa.PrivateKey
	certificate *x509.Certificate // nil: the platform public key
}

// newCertificate issues platform certificate number n, valid from a day before now for five years.
func newCertificate(n int, now time.Time) (*platformKey, error) {
	private, err := newKeyNumber(n)
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
	return &platformKey{fmt.Sprintf("%X", sum), private, certificate}, nil
}

func newKeyNumber(n int) (*rsa.PrivateKey, error) {
	if n < len(certificateKey) {
		return certificateKey[n]()
	}
	return newKey()
}

// sign returns the base64 RSA signature over the SHA-256 of text.
func sign(key *rsa.PrivateKey, text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(sig), err
}

// decrypt opens what a merchant encrypted for the platform: base64 of RSA-OAEP with SHA-1.
func (k *platformKey) decrypt(ciphertext string) (string, error) {
	sealed, err := base64.StdEncoding.Strict().DecodeString(ciphertext)
	if err != nil || strings.ContainsAny(ciphertext, "\r\n") { // which Go would skip
		return "", errors.New("is not base64")
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, k.private, sealed, nil)
	if err != nil {
		return "", fmt.Errorf("does not decrypt (RSA-OAEP with SHA-1) with the key %s that Wechatpay-Serial names", k.serial)
	}
	return string(plain), nil
}

// encryptForMerchant makes a sensitive field of an answer or a notification.
func encryptForMerchant(plain string) (string, error) {
	key, err := merchantKey()
	if err != nil {
		return "", err
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &key.PublicKey, []byte(plain), nil)
	return base64.StdEncoding.EncodeToString(sealed), err
}

// EncryptForMerchant encrypts a field as the platform does in what it sends: RSA-OAEP with SHA-1 for the
// merchant's certificate, then base64. It makes, for one, phone_number of a MEMBERCARD.ACCEPT_CARD.
func (s *Server) EncryptForMerchant(plain string) (string, error) { return encryptForMerchant(plain) }

// seal encrypts with the APIv3 key: AES-256-GCM, base64 of ciphertext and tag.
func seal(nonce, associatedData string, plain []byte) (string, error) {
	block, err := aes.NewCipher([]byte(APIv3Key))
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associatedData))), nil
}

// RotateCertificate is a whole rotation in one step: [Server.OfferCertificate], and the new certificate
// signs everything from now on.
func (s *Server) RotateCertificate() (serial string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if serial, err = s.offer(); err == nil {
		s.share = 100
	}
	return serial, err
}

// OfferCertificate begins a rotation: it issues a new platform certificate, adds it to the certificate list
// and returns its serial. Nothing is signed with it before [Server.SetCertificateShare]; it decrypts at
// once. Older certificates stay in the list and still decrypt. The list itself goes on being signed by the
// certificate before: clients that trust a new list by what they have would not get over the rotation
// otherwise.
func (s *Server) OfferCertificate() (serial string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offer()
}

// SetCertificateShare says how many of a hundred answers and notifications the newest certificate signs, of
// those that a certificate signs; the rest is signed by the one before. WeChat Pay lists a new certificate
// some days before it signs with it, and then mixes the two for some days more.
func (s *Server) SetCertificateShare(percent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = int64(percent)
}

// offer lists a new certificate. The caller holds the lock.
func (s *Server) offer() (serial string, err error) {
	if s.mode == PublicKey {
		return "", errors.New("wxpaytest: there are no certificates in mode PublicKey")
	}
	key, err := newCertificate(len(s.certificates), time.Now())
	if err != nil {
		return "", err
	}
	if s.share > 0 { // a certificate that was offered and never signed takes over from nobody
		s.before = s.newest()
	}
	if s.share = 0; len(s.certificates) == 0 {
		s.share = 100
	}
	s.certificates = append(s.certificates, key)
	return key.serial, nil
}

// findKey returns the platform key of that serial.
func (s *Server) findKey(serial string) *platformKey {
	if s.public != nil && s.public.serial == serial {
		return s.public
	}
	for _, c := range s.certificates {
		if c.serial == serial {
			return c
		}
	}
	return nil
}

// newest returns the newest certificate, or nil. The caller holds the lock.
func (s *Server) newest() *platformKey {
	if len(s.certificates) == 0 {
		return nil
	}
	return s.certificates[len(s.certificates)-1]
}

// signer returns the key that signs the answer to a request that names serial: one of that kind, and of
// certificates the one whose turn it is. The caller holds the lock.
func (s *Server) signer(serial string, list bool) *platformKey {
	if s.public != nil && (len(s.certificates) == 0 || serial == s.public.serial) {
		return s.public
	}
	if s.before != nil && list {
		return s.before
	}
	s.turn++
	if s.before != nil && s.turn*37%100 >= s.share {
		return s.before
	}
	return s.newest()
}

const listCertificatesRoute = "GET /v3/certificates"

var certificateRoutes = []route{{
	pattern: listCertificatesRoute,
	query:   "algorithm_type RSA|SM2|ALL",
	serve:   (*Server).listCertificates,
}}

func (s *Server) listCertificates(c *call) (any, error) {
	if len(s.certificates) == 0 {
		return nil, &refusal{status: 404, code: "RESOURCE_NOT_EXISTS", message: "the merchant has no platform certificate; it has to use the platform public key"}
	}
	list := []object{}
	if c.query.text("algorithm_type") == "SM2" {
		return object{"data": list}, nil
	}
	for i, k := range s.certificates {
		nonce := fmt.Sprintf("%012x", s.count*16+int64(i))
		sealed, err := seal(nonce, "certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate.Raw}))
		if err != nil {
			return nil, err
		}
		list = append(list, object{
			"serial_no":      k.serial,
			"effective_time": k.certificate.NotBefore.In(beijing).Format(time.RFC3339),
			"expire_time":    k.certificate.NotAfter.In(beijing).Format(time.RFC3339),
			"encrypt_certificate": object{
				"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate", "ciphertext": sealed,
			},
		})
	}
	return object{"data": list}, nil
}

// WriteKeys writes the merchant's private key and, unless the mode is Certificates, the platform public
// key into dir, and returns the environment, NAME=value each, that wxpay.ConfigFromEnv and
// pushpackage.ConfigFromEnv read. The addresses are not in it: only the caller knows where the fake
// listens.
func (s *Server) WriteKeys(dir string) (env []string, err error) {
	private, err := merchantKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "apiclient_key.pem")
	if err := writePEM(file, "PRIVATE KEY", der); err != nil {
		return nil, err
	}
	env = []string{
		"WXPAY_MCH_ID=" + MchID, "WXPAY_SERIAL_NO=" + SerialNo, "WXPAY_PRIVATE_KEY_FILE=" + file, "WXPAY_APIV3_KEY=" + APIv3Key,
		"TPNS_ACCESS_ID=" + TPNSAccessID, "TPNS_SECRET_KEY=" + TPNSSecretKey,
	}
	if s.public == nil {
		return env, nil
	}
	if der, err = x509.MarshalPKIXPublicKey(&s.public.private.PublicKey); err != nil {
		return nil, err
	}
	file = filepath.Join(dir, "pub_key.pem")
	return append(env, "WXPAY_PUBLIC_KEY_ID="+PublicKeyID, "WXPAY_PUBLIC_KEY_FILE="+file), writePEM(file, "PUBLIC KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(0o600), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}))
	return errors.Join(err, f.Close())
}

// mask shortens a sensitive value to what may be shown: 138****0000. Of a short one that would leave nothing
// to hide.
func mask(plain string) string {
	if len(plain) < 11 {
		return strings.Repeat("*", len(plain))
	}
	return plain[:3] + "****" + plain[len(plain)-4:]
}
