package auth_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

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
		"lines joined":       {bytes.ReplaceAll(whole, []byte("\n"), []byte(`\n`)), ""},
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

// What has one reading only is read, whatever a shell, an editor or an environment file did to it.
func TestOneReading(t *testing.T) {
	t.Parallel()
	in := func(old, with string, text []byte) []byte { return bytes.ReplaceAll(text, []byte(old), []byte(with)) }
	around := func(before string, text []byte, after string) []byte {
		return slices.Concat([]byte(before), text, []byte(after))
	}
	wide := func(order binary.AppendByteOrder, text []byte) (w []byte) {
		for _, u := range utf16.Encode([]rune("\ufeff" + string(text))) {
			w = order.AppendUint16(w, u)
		}
		return w
	}
	changes := map[string]func([]byte) []byte{
		"as it came":              func(b []byte) []byte { return b },
		"byte order mark":         func(b []byte) []byte { return around("\ufeff", b, "") },
		"two of them, and blanks": func(b []byte) []byte { return around("\ufeff\ufeff \t\r\n", b, " \u00a0\u200b\n\n") },
		"NUL at the end":          func(b []byte) []byte { return around("", b, "\x00") },
		"quotes":                  func(b []byte) []byte { return around(`"`, b, `"`+"\r\n") },
		"other quotes":            func(b []byte) []byte { return around(`'`, bytes.TrimSpace(b), `'`) },
		"CRLF":                    func(b []byte) []byte { return in("\n", "\r\n", b) },
		"CR":                      func(b []byte) []byte { return in("\n", "\r", b) },
		"one line":                func(b []byte) []byte { return in("\n", "", b) },
		"one line with blanks":    func(b []byte) []byte { return in("\n", " ", b) },
		"one line with tabs":      func(b []byte) []byte { return in("\n", "\t", b) },
		`\n`:                      func(b []byte) []byte { return in("\n", `\n`, b) },
		`\r\n`:                    func(b []byte) []byte { return in("\n", `\r\n`, b) },
		`\\n`:                     func(b []byte) []byte { return in("\n", `\\n`, b) },
		`\n and quotes`:           func(b []byte) []byte { return around(`"`, in("\n", `\n`, b), `"`) },
		`\n and slashes of JSON`:  func(b []byte) []byte { return in("/", `\/`, in("\n", `\n`, b)) },
		"member of JSON":          func(b []byte) []byte { return around(`{"key":"`, in("\n", `\n`, b), `"}`) },
		"block of YAML":           func(b []byte) []byte { return around("key: |\n    ", in("\n", "\n    ", b), "") },
		"headers": func(b []byte) []byte {
			return bytes.Replace(b, []byte("KEY-----\n"), []byte("KEY-----\nNote: mine\n\n"), 1)
		},
		"empty lines":              func(b []byte) []byte { return in("\n", "\n\n", b) },
		"blanks at ends of lines":  func(b []byte) []byte { return in("\n", "  \n", b) },
		"UTF-16, little end first": func(b []byte) []byte { return wide(binary.LittleEndian, b) },
		"UTF-16, big end first":    func(b []byte) []byte { return wide(binary.BigEndian, b) },
		"parameters before it":     func(b []byte) []byte { return slices.Concat(armor("EC PARAMETERS", []byte{6, 0}), b) },
	}
	cert := certificate(merchantKey(), 1, later)
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range [][]byte{pkcs8(merchantKey()), pkcs1(merchantKey())} {
				key, err := auth.LoadPrivateKey(change(text))
				require.NoError(t, err)
				assert.True(t, merchantKey().Equal(key))
			}
			for _, text := range [][]byte{spki(&platformKey().PublicKey), armor("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&platformKey().PublicKey))} {
				key, err := auth.LoadPublicKey(change(text))
				require.NoError(t, err)
				assert.True(t, platformKey().PublicKey.Equal(key))
			}
			c, err := auth.LoadCertificate(change(cert))
			require.NoError(t, err)
			assert.True(t, merchantKey().PublicKey.Equal(c.PublicKey))
		})
	}
	t.Run("one file for key and certificate", func(t *testing.T) {
		t.Parallel()
		for _, text := range [][]byte{slices.Concat(cert, pkcs8(merchantKey())), slices.Concat(pkcs8(merchantKey()), cert)} {
			key, err := auth.LoadPrivateKey(text)
			require.NoError(t, err)
			assert.True(t, merchantKey().Equal(key))
			c, err := auth.LoadCertificate(text)
			require.NoError(t, err)
			assert.True(t, merchantKey().PublicKey.Equal(c.PublicKey))
		}
	})
	t.Run("a chain", func(t *testing.T) {
		t.Parallel()
		c, err := auth.LoadCertificate(slices.Concat(cert, certificate(strangerKey(), 2, later)))
		require.NoError(t, err)
		assert.True(t, merchantKey().PublicKey.Equal(c.PublicKey), "the first")
	})
}

// Every other kind is named, with the command that converts it where there is one. None of the errors tells
// somebody whose file starts with -----BEGIN that it should, and none shows what is in it.
func TestOtherKindsAreNamed(t *testing.T) {
	t.Parallel()
	key := merchantKey()
	whole := pkcs8(key)
	inside, _ := pem.Decode(whole)
	request := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "canary"}}, key))
	cert, _ := pem.Decode(certificate(key, 1, later))
	public := must(x509.MarshalPKIXPublicKey(&key.PublicKey))
	oid := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	type content struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"explicit,tag:0"`
	}
	pfx := must(asn1.Marshal(struct {
		Version int
		Safe    content
	}{3, content{oid, []byte("canary canary")}}))
	signed := must(asn1.Marshal(content{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, []byte("canary canary")}))
	type algorithm struct{ ID asn1.ObjectIdentifier }
	encrypted := must(asn1.Marshal(struct {
		Algorithm algorithm
		Data      []byte
	}{algorithm{oid}, []byte("canary canary")}))
	foreign := must(asn1.Marshal(struct { // of the shape of PKCS #8
		Version   int
		Algorithm algorithm
		Data      []byte
	}{0, algorithm{asn1.ObjectIdentifier{1, 2, 3, 4}}, []byte("canary canary")}))
	base64Of := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	lines := strings.ReplaceAll(string(whole), "PRIVATE KEY-----\n", "") // what is between the first line and the last
	lines = strings.ReplaceAll(strings.ReplaceAll(lines, "-----BEGIN ", ""), "-----END ", "")
	headers := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: inside.Bytes, Headers: map[string]string{
		"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,000102030405060708090A0B0C0D0E0F",
	}}))
	const (
		toKey   = "openssl pkey -inform DER -in FILE -out apiclient_key.pem"
		takeKey = "openssl pkcs12 -in apiclient_cert.p12 -nocerts -nodes -out apiclient_key.pem"
	)
	private, publics, certs := "private key", "public key", "certificate"
	tests := map[string]struct {
		load string
		text string
		says []string
	}{
		"DER":                    {private, string(inside.Bytes), []string{"a private key in DER", toKey}},
		"DER, PKCS #1":           {private, string(x509.MarshalPKCS1PrivateKey(key)), []string{"a private key in DER", toKey}},
		"base64":                 {private, base64Of(inside.Bytes), []string{"base64, without the lines", "base64 -d FILE | openssl pkey -inform DER -out apiclient_key.pem"}},
		"base64 in quotes":       {private, `"` + base64Of(inside.Bytes) + `"`, []string{"base64, without the lines"}},
		"base64 in lines":        {private, lines, []string{"base64, without the lines"}},
		"base64 with \\n":        {private, strings.ReplaceAll(lines, "\n", `\n`), []string{"base64, without the lines"}},
		"base64 for addresses":   {private, base64.RawURLEncoding.EncodeToString(inside.Bytes), []string{"base64, without the lines"}},
		"base64 of PEM":          {private, base64Of(whole), []string{"base64 of a PEM file", "base64 -d FILE > apiclient_key.pem"}},
		"PKCS #12":               {private, string(pfx), []string{"PKCS #12", takeKey}},
		"PKCS #12 in base64":     {private, base64Of(pfx), []string{"PKCS #12", takeKey}},
		"password":               {private, string(armor("ENCRYPTED PRIVATE KEY", encrypted)), []string{"password", "openssl pkey -in FILE"}},
		"password, DER":          {private, string(encrypted), []string{"password", toKey}},
		"password, headers":      {private, headers, []string{"password", "openssl pkey -in FILE"}},
		"password, one line":     {private, strings.ReplaceAll(headers, "\n", " "), []string{"password"}},
		"OpenSSH":                {private, string(armor("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00canary"))), []string{"OpenSSH", "ssh-keygen -p -N '' -m PEM -f FILE"}},
		"certificate":            {private, string(certificate(key, 1, later)), []string{"this is a certificate", "apiclient_key.pem"}},
		"certificate in DER":     {private, string(cert.Bytes), []string{"this is a certificate", "apiclient_key.pem"}},
		"certificate in base64":  {private, base64Of(cert.Bytes), []string{"this is a certificate", "apiclient_key.pem"}},
		"public key":             {private, string(spki(&key.PublicKey)), []string{"this is a public key where a private key is wanted", "apiclient_key.pem"}},
		"public key in DER":      {private, string(public), []string{"this is a public key where a private key is wanted"}},
		"public key of PKCS #1":  {private, string(x509.MarshalPKCS1PublicKey(&key.PublicKey)), []string{"this is a public key where a private key is wanted"}},
		"request":                {private, string(armor("CERTIFICATE REQUEST", request)), []string{"certificate request"}},
		"request, other name":    {private, string(armor("NEW CERTIFICATE REQUEST", request)), []string{"certificate request"}},
		"request in DER":         {private, string(request), []string{"certificate request"}},
		"PKCS #7":                {private, string(armor("PKCS7", signed)), []string{"PKCS #7"}},
		"curve":                  {private, string(armor("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(curveKey())))), []string{"elliptic curve", "RSA"}},
		"curve with parameters":  {private, string(armor("EC PARAMETERS", []byte{6, 0})) + string(armor("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(curveKey())))), []string{"elliptic curve"}},
		"PKCS #8 in PKCS #1":     {private, string(armor("RSA PRIVATE KEY", inside.Bytes)), []string{"PKCS #8, whose label is PRIVATE KEY"}},
		"PKCS #1 in PKCS #8":     {private, string(armor("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))), []string{"PKCS #1, whose label is RSA PRIVATE KEY"}},
		"two keys":               {private, string(whole) + string(pkcs8(strangerKey())), []string{"2 blocks", "a private key"}},
		"cut off":                {private, string(whole[:900]), []string{"cut off", "-----END", "apiclient_key.pem"}},
		"other last line":        {private, strings.ReplaceAll(string(whole), "END PRIVATE", "END RSA PRIVATE"), []string{"damaged", "first and last line"}},
		"damaged between":        {private, strings.Replace(string(whole), "MII", "M?I", 1), []string{"damaged"}},
		"zip":                    {private, "PK\x03\x04canary", []string{"zip", "apiclient_key.pem"}},
		"Java":                   {private, "\xfe\xed\xfe\xed\x00\x00\x00\x02canary", []string{"Java keystore", "keytool -importkeystore", takeKey}},
		"PuTTY":                  {private, "PuTTY-User-Key-File-3: ssh-rsa\ncanary", []string{"PuTTY", "puttygen FILE"}},
		"SSH":                    {private, "ssh-rsa AAAAcanary user@host", []string{"public key of SSH"}},
		"JSON":                   {private, `{"key":"canary"}`, []string{"JSON"}},
		"web page":               {private, "<!DOCTYPE html><p>canary", []string{"web page", "apiclient_key.pem"}},
		"name of a file":         {private, "/run/secrets/wx/key\n", []string{"name of a file", "_FILE"}},
		"name, too":              {private, "apiclient_key.pem", []string{"name of a file"}},
		"PGP":                    {private, "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n", []string{`"PGP PRIVATE KEY BLOCK" where a private key is wanted`}},
		"label of somebody":      {private, "-----BEGIN canary KEY-----\nAAAA\n-----END canary KEY-----\n", []string{`"?" where a private key is wanted`}},
		"digits":                 {private, strings.Repeat("0", 80), []string{"auth: not PEM; a private key starts with -----BEGIN"}},
		"binary":                 {private, "\x30\x12\x04\x10canarycanarycana", []string{"binary data"}},
		"key of something else":  {private, string(foreign), []string{"binary data"}},
		"empty":                  {private, " \r\n\ufeff", []string{"empty"}},
		"public: DER":            {publics, string(public), []string{"a public key in DER", "openssl pkey -pubin -inform DER -in FILE -out pub_key.pem"}},
		"public: base64":         {publics, base64Of(public), []string{"base64", "base64 -d FILE | openssl pkey -pubin -inform DER -out pub_key.pem"}},
		"public: private":        {publics, string(whole), []string{"private key where the platform public key is wanted"}},
		"public: private, DER":   {publics, string(inside.Bytes), []string{"private key where the platform public key is wanted"}},
		"public: certificate":    {publics, string(certificate(key, 1, later)), []string{"certificate where a public key is wanted (pub_key.pem)"}},
		"public: PKCS #12":       {publics, string(pfx), []string{"PKCS #12", "download pub_key.pem"}},
		"public: wrong label":    {publics, string(armor("RSA PUBLIC KEY", public)), []string{"does not hold a public key", "whose label is PUBLIC KEY"}},
		"public: wrong, too":     {publics, string(armor("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey))), []string{"whose label is RSA PUBLIC KEY"}},
		"public: two":            {publics, string(spki(&key.PublicKey)) + string(spki(&platformKey().PublicKey)), []string{"2 blocks", "a public key"}},
		"certificate: DER":       {certs, string(cert.Bytes), []string{"a certificate in DER", "openssl x509 -inform DER -in FILE -out apiclient_cert.pem"}},
		"certificate: base64":    {certs, base64Of(cert.Bytes), []string{"base64 -d FILE | openssl x509 -inform DER -out apiclient_cert.pem"}},
		"certificate: private":   {certs, string(whole), []string{`"PRIVATE KEY" where a certificate is wanted`}},
		"certificate: PKCS #12":  {certs, string(pfx), []string{"openssl pkcs12 -in apiclient_cert.p12 -clcerts -nokeys -out apiclient_cert.pem"}},
		"certificate: PKCS #7":   {certs, string(armor("PKCS7", signed)), []string{"openssl pkcs7 -print_certs"}},
		"certificate: the same":  {certs, string(signed), []string{"openssl pkcs7 -print_certs"}},
		"certificate: a request": {certs, string(request), []string{"certificate request where a certificate is wanted"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := []byte(tt.text)
			var err error
			switch tt.load {
			case private:
				_, err = auth.LoadPrivateKey(text)
			case publics:
				_, err = auth.LoadPublicKey(text)
			case certs:
				_, err = auth.LoadCertificate(text)
			}
			require.Error(t, err)
			for _, says := range tt.says {
				assert.ErrorContains(t, err, says)
			}
			if strings.Contains(tt.text, "-----BEGIN") {
				assert.NotContains(t, err.Error(), "starts with -----BEGIN")
			}
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "canary")
			assert.Less(t, len(err.Error()), 400)
			assert.False(t, shows(err, text), "the error shows the key: %v", err)
		})
	}
}

// The text of a key in the place of its file's name is a mistake that must not write the key into a log.
func TestTextInThePlaceOfAName(t *testing.T) {
	t.Parallel()
	whole := string(pkcs8(merchantKey()))
	inside, _ := pem.Decode([]byte(whole))
	for _, name := range []string{whole, strings.ReplaceAll(whole, "\n", " "), strings.ReplaceAll(whole, "\n", `\n`), base64.StdEncoding.EncodeToString(inside.Bytes)} {
		_, err := auth.LoadPrivateKeyFile(name)
		require.ErrorContains(t, err, "name of its file is wanted")
		assert.Less(t, len(err.Error()), 100)
		_, err = auth.LoadPublicKeyFile(name)
		require.ErrorContains(t, err, "name of its file is wanted")
	}
	for _, name := range []string{"canary\n", strings.Repeat("canary", 100), strings.Repeat("canary/", 100), "canary\x00"} {
		_, err := auth.LoadPrivateKeyFile(name)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestFileOfAKeyIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apiclient_key.pem")
	text := append(pkcs8(merchantKey()), bytes.Repeat([]byte(" "), 1<<20)...)
	require.NoError(t, os.WriteFile(path, text[:1<<20], 0o600))
	_, err := auth.LoadPrivateKeyFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text[:1<<20+1], 0o600))
	_, err = auth.LoadPrivateKeyFile(path)
	require.EqualError(t, err, "auth: "+path+" is larger than any key")
}

func TestLoadCertificateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apiclient_cert.pem")
	require.NoError(t, os.WriteFile(path, certificate(merchantKey(), 0xA1, later), 0o644))
	cert, err := auth.LoadCertificateFile(path)
	require.NoError(t, err)
	assert.Equal(t, int64(0xA1), cert.SerialNumber.Int64())
	require.NoError(t, os.WriteFile(path, pkcs8(merchantKey()), 0o644))
	cert, err = auth.LoadCertificateFile(path)
	require.ErrorContains(t, err, path+": auth: ")
	assert.Nil(t, cert)
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
