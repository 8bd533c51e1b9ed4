package auth_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/auth"
)

func pkcs8(key any) []byte { return armor("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }
func pkcs1(key *rsa.PrivateKey) []byte {
	return armor("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}
func spki(key any) []byte { return armor("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key))) }

// shows reports whether an error holds a part of the file it is about.
func shows(err error, text []byte) bool {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); len(line) > 8 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
			return true
		}
	}
	return false
}

func TestLoadPrivateKey(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	whole := pkcs8(merchantKey())
	inside, _ := pem.Decode(whole)
	flipped := bytes.Clone(inside.Bytes)
	flipped[len(flipped)/2] ^= 1
	wrong := *merchantKey() // does not belong to its modulus
	wrong.D = new(big.Int).Add(wrong.D, big.NewInt(2))
	wrong.Precomputed = rsa.PrecomputedValues{}
	tests := map[string]struct {
		text []byte
		says string // empty: it loads
	}{
		"PKCS #8":            {whole, ""},
		"PKCS #1":            {pkcs1(merchantKey()), ""},
		"Windows line ends":  {bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")), ""},
		"text around it":     {append([]byte("Bag Attributes\n    friendlyName: canary\n"), whole...), ""},
		"no line end":        {bytes.TrimSpace(whole), ""},
		"empty":              {nil, "not PEM"},
		"a word":             {[]byte("canary canary"), "not PEM"},
		"bare base64":        {[]byte(base64.StdEncoding.EncodeToString(inside.Bytes)), "not PEM"},
		"DER":                {inside.Bytes, "not PEM"},
		"end cut off":        {whole[:len(whole)-40], "not PEM"},
		"lines joined":       {bytes.ReplaceAll(whole, []byte("\n"), []byte(`\n`)), "not PEM"},
		"certificate":        {certificate(merchantKey(), 1, later), "apiclient_key.pem"},
		"public key":         {spki(&merchantKey().PublicKey), "public key where a private key is wanted"},
		"PKCS #1 public key": {armor("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&merchantKey().PublicKey)), "public key where a private key is wanted"},
		"encrypted, PKCS #8": {armor("ENCRYPTED PRIVATE KEY", inside.Bytes), "password"},
		"encrypted, DEK-Info": {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: inside.Bytes, Headers: map[string]string{
			"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,000102030405060708090A0B0C0D0E0F",
		}}), "password"},
		"curve, PKCS #8":     {pkcs8(curveKey()), "*ecdsa.PrivateKey, WeChat Pay needs RSA"},
		"curve, SEC 1":       {armor("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(curveKey()))), `"EC PRIVATE KEY" does not hold an RSA private key`},
		"Ed25519":            {pkcs8(edwards), "ed25519.PrivateKey, WeChat Pay needs RSA"},
		"1024 bits":          {pkcs8(weakKey()), "1024 bits"},
		"1024 bits, PKCS #1": {pkcs1(weakKey()), "1024 bits"},
		"half of it":         {armor("PRIVATE KEY", inside.Bytes[:600]), "does not hold an RSA private key"},
		"a flipped bit":      {armor("PRIVATE KEY", flipped), "does not hold an RSA private key"},
		"other exponent":     {armor("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(&wrong)), "does not hold an RSA private key"},
		"an empty block":     {armor("PRIVATE KEY", nil), "does not hold an RSA private key"},
		"wrong label":        {armor("RSA PRIVATE KEY", inside.Bytes), "does not hold an RSA private key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := auth.LoadPrivateKey(tt.text)
			if tt.says == "" {
				require.NoError(t, err)
				assert.True(t, merchantKey().Equal(key))
				return
			}
			require.ErrorContains(t, err, tt.says)
			assert.Nil(t, key)
			assert.False(t, shows(err, tt.text), "the error shows the key: %v", err)
		})
	}
}

func TestLoadPublicKey(t *testing.T) {
	t.Parallel()
	whole := spki(&platformKey().PublicKey)
	inside, _ := pem.Decode(whole)
	tests := map[string]struct {
		text []byte
		says string
	}{
		"PKIX":           {whole, ""},
		"PKCS #1":        {armor("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&platformKey().PublicKey)), ""},
		"empty":          {nil, "not PEM; a public key"},
		"certificate":    {certificate(platformKey(), 1, later), "certificate where a public key is wanted"},
		"private key":    {pkcs8(platformKey()), "private key where the platform public key is wanted"},
		"PKCS #1, too":   {pkcs1(platformKey()), "private key where the platform public key is wanted"},
		"curve":          {spki(&curveKey().PublicKey), "*ecdsa.PublicKey, WeChat Pay needs RSA"},
		"1024 bits":      {spki(&weakKey().PublicKey), "1024 bits"},
		"half of it":     {armor("PUBLIC KEY", inside.Bytes[:100]), "does not hold a public key"},
		"PKCS #1, empty": {armor("RSA PUBLIC KEY", nil), "does not hold a public key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := auth.LoadPublicKey(tt.text)
			if tt.says == "" {
				require.NoError(t, err)
				assert.True(t, platformKey().PublicKey.Equal(key))
				return
			}
			require.ErrorContains(t, err, tt.says)
			assert.Nil(t, key)
			assert.False(t, shows(err, tt.text), "the error shows the key: %v", err)
		})
	}
}

func TestLoadCertificate(t *testing.T) {
	t.Parallel()
	whole := certificate(platformKey(), 0xA1, later)
	inside, _ := pem.Decode(whole)
	cert, err := auth.LoadCertificate(whole)
	require.NoError(t, err)
	assert.Equal(t, int64(0xA1), cert.SerialNumber.Int64())
	for says, text := range map[string][]byte{
		"not PEM; a certificate":                   nil,
		`"PRIVATE KEY" where a certificate`:        pkcs8(platformKey()),
		"certificate is damaged":                   armor("CERTIFICATE", inside.Bytes[:300]),
		"*ecdsa.PublicKey, WeChat Pay needs RSA":   certificate(curveKey(), 1, later),
		"RSA key has 1024 bits, at least 2048 are": certificate(weakKey(), 1, later),
	} {
		cert, err := auth.LoadCertificate(text)
		require.ErrorContains(t, err, says)
		assert.Nil(t, cert)
		assert.False(t, shows(err, text), "the error shows the key: %v", err)
	}
}

// S11: a private key that others can read is no secret.
func TestLoadFiles(t *testing.T) {
	t.Parallel()
	file := func(text []byte, mode fs.FileMode) string {
		path := filepath.Join(t.TempDir(), "apiclient_key.pem")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
		key, err := auth.LoadPrivateKeyFile(file(pkcs8(merchantKey()), mode))
		require.NoError(t, err)
		assert.True(t, merchantKey().Equal(key))
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o620, 0o601, 0o777} {
			path := file(pkcs8(merchantKey()), mode)
			key, err := auth.LoadPrivateKeyFile(path)
			assert.ErrorContains(t, err, path)
			assert.ErrorContains(t, err, "chmod 600")
			assert.Nil(t, key)
		}
	}
	key, err := auth.LoadPublicKeyFile(file(spki(&platformKey().PublicKey), 0o644))
	require.NoError(t, err)
	assert.True(t, platformKey().PublicKey.Equal(key))

	missing := filepath.Join(t.TempDir(), "none.pem")
	_, err = auth.LoadPrivateKeyFile(missing)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = auth.LoadPublicKeyFile(missing)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	path := file([]byte("canary canary"), 0o600)
	_, err = auth.LoadPrivateKeyFile(path)
	assert.EqualError(t, err, path+": auth: not PEM; a private key starts with -----BEGIN")
	_, err = auth.LoadPublicKeyFile(path)
	assert.EqualError(t, err, path+": auth: not PEM; a public key starts with -----BEGIN")
}

// FuzzLoadPrivateKey: no file brings the loader down, what loads is a sound RSA key of 2048 bits or more,
// and no error shows what is in the file.
func FuzzLoadPrivateKey(f *testing.F) {
	key := pkcs8(merchantKey())
	for _, text := range [][]byte{nil, key, pkcs1(merchantKey()), pkcs8(curveKey()), spki(&merchantKey().PublicKey), key[:200], []byte("-----BEGIN X-----\n-----END X-----\n")} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		private, err := auth.LoadPrivateKey(text)
		if err == nil {
			if private.N.BitLen() < 2048 || private.Validate() != nil {
				t.Fatal("an unsound key was loaded")
			}
		} else if b, _ := pem.Decode(text); b != nil && len(b.Bytes) > 8 && strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(b.Bytes)) {
			t.Fatalf("error shows the file: %v", err)
		}
		_, _ = auth.LoadPublicKey(text)
		_, _ = auth.LoadCertificate(text)
	})
}
