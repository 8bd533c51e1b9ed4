package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mchID    = "1900007291"
	serialNo = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"
	publicID = "PUB_KEY_ID_0114232134912410000000000000"
	scheme   = "WECHATPAY2-SHA256-RSA2048"
)

// Keys are made once per process, and never inside a synctest bubble.
var (
	merchantKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	platformKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	strangerKey = sync.OnceValue(func() *rsa.PrivateKey { return newKey(2048) })
	weakKey     = sync.OnceValue(func() *rsa.PrivateKey { return newKey(1024) })
	curveKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func newKey(bits int) *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sign is the platform's or the merchant's signature by the standard library alone.
func sign(key *rsa.PrivateKey, message string) string {
	sum := sha256.Sum256([]byte(message))
	return base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])))
}

func signed(key *rsa.PublicKey, message, signature string) bool {
	sum := sha256.Sum256([]byte(message))
	sig, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}

func armor(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// certificate is one that signs itself.
func certificate(key crypto.Signer, serial int64, until time.Time) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Tenpay.com"}, NotBefore: until.AddDate(-5, 0, 0), NotAfter: until}
	return armor("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)))
}

// published reads a public key as the documentation prints it, without the lines around it.
func published(text string) *rsa.PublicKey {
	return must(x509.ParsePKIXPublicKey(must(base64.StdEncoding.DecodeString(text)))).(*rsa.PublicKey)
}

// kms is a key that never leaves its vault: it signs and decrypts, and cannot be read.
type kms struct {
	key    *rsa.PrivateKey
	broken error
}

func (k kms) Public() crypto.PublicKey { return k.key.Public() }

func (k kms) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.broken != nil {
		return nil, k.broken
	}
	return k.key.Sign(r, digest, opts)
}

func (k kms) Decrypt(r io.Reader, sealed []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.key.Decrypt(r, sealed, opts)
}

func openKey(key *rsa.PrivateKey, id string) auth.PlatformKey {
	return auth.PlatformKey{Serial: id, Public: &key.PublicKey}
}

func expiring(key *rsa.PrivateKey, serial string, at time.Time) auth.PlatformKey {
	return auth.PlatformKey{Serial: serial, Public: &key.PublicKey, Expires: at}
}

func newKeyring(t testing.TB, keys ...auth.PlatformKey) *auth.Keyring {
	t.Helper()
	ring, err := auth.NewKeyring(keys...)
	require.NoError(t, err)
	return ring
}
