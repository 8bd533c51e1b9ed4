package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wxpay-go/wxpay/internal/regular"
)

// LoadPrivateKey reads the merchant's API private key (apiclient_key.pem) from PEM, PKCS #8 or PKCS #1. What
// has one reading only is read: a byte order mark and blanks around it, a PEM on one line, or with \n
// written out, as environment variables hold it, and the one private key among other blocks.
// Of anything else the error says what it is and which command makes a key of it.
func LoadPrivateKey(text []byte) (*rsa.PrivateKey, error) {
	b, err := pick(text, privateKey)
	if err != nil {
		return nil, err
	}
	var key any
	switch {
	case b.Type == "OPENSSH PRIVATE KEY":
		return nil, errors.New("auth: private key is in OpenSSH's own form; convert it with: ssh-keygen -p -N '' -m PEM -f FILE")
	case protected(b):
		return nil, errors.New("auth: private key is protected by a password; remove it with: openssl pkey -in FILE -out apiclient_key.pem")
	case b.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: PEM block %q does not hold an RSA private key%s", label(b), contents(b))
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("auth: private key is %T, WeChat Pay needs RSA", key)
	}
	if err := private.Validate(); err != nil {
		return nil, errors.New("auth: private key is damaged")
	}
	if err := checkSize(&private.PublicKey); err != nil {
		return nil, err
	}
	return private, nil
}

// LoadPrivateKeyFile reads the private key from a regular file that is closed to others: of mode 0600 or
// less or, if it belongs to root and this process does not, 0640 or less, as secrets are mounted into
// containers. Mode and text are those of one open file, whatever happens to the path meanwhile.
func LoadPrivateKeyFile(path string) (*rsa.PrivateKey, error) {
	return loadFile(path, true, LoadPrivateKey)
}

// LoadPublicKey reads the platform public key (pub_key.pem) from PEM, as leniently as [LoadPrivateKey].
func LoadPublicKey(text []byte) (*rsa.PublicKey, error) {
	b, err := pick(text, publicKey)
	if err != nil {
		return nil, err
	}
	var key any
	if b.Type == "RSA PUBLIC KEY" {
		key, err = x509.ParsePKCS1PublicKey(b.Bytes)
	} else {
		key, err = x509.ParsePKIXPublicKey(b.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: PEM block %q does not hold a public key%s", label(b), contents(b))
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("auth: public key is %T, WeChat Pay needs RSA", key)
	}
	if err := checkSize(public); err != nil {
		return nil, err
	}
	return public, nil
}

// LoadPublicKeyFile reads the platform public key from a regular file.
func LoadPublicKeyFile(path string) (*rsa.PublicKey, error) {
	return loadFile(path, false, LoadPublicKey)
}

// LoadCertificate reads a certificate with an RSA key from PEM, as leniently as [LoadPrivateKey]; of a chain,
// the first.
func LoadCertificate(text []byte) (*x509.Certificate, error) {
	b, err := pick(text, certificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return nil, errors.New("auth: certificate is damaged")
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("auth: key of the certificate is %T, WeChat Pay needs RSA", cert.PublicKey)
	}
	if err := checkSize(public); err != nil {
		return nil, err
	}
	return cert, nil
}

// LoadCertificateFile reads a certificate, such as the merchant's own (apiclient_cert.pem), from a regular
// file.
func LoadCertificateFile(path string) (*x509.Certificate, error) {
	return loadFile(path, false, LoadCertificate)
}

// pick finds the one block of PEM that is wanted, or says what is there instead.
func pick(text []byte, want wanted) (*pem.Block, error) {
	blocks, text := blocksOf(text)
	var fitting []*pem.Block
	for _, b := range blocks {
		if kindOf(b) == want.kind {
			fitting = append(fitting, b)
		}
	}
	switch {
	case len(fitting) == 1, len(fitting) > 1 && want.kind == isCertificate:
		return fitting[0], nil
	case len(fitting) > 1:
		return nil, fmt.Errorf("auth: the text holds %d blocks that are each %s; leave only the one that is meant", len(fitting), want.kind)
	case len(blocks) > 0:
		return nil, want.not(kindOf(blocks[0]), label(blocks[0]))
	}
	return nil, want.notPEM(text)
}

// blocksOf takes PEM as people have it into blocks; the text comes back without what surrounds it.
func blocksOf(text []byte) ([]*pem.Block, []byte) {
	if isDER(text) {
		return nil, text
	}
	s := strings.TrimFunc(unwiden(text), surrounding)
	text = []byte(s)
	if strings.Contains(s, begins) {
		s = escapes.Replace(s)
		s = frame.ReplaceAllString(s, "\n-----BEGIN $1-----\n$2\n-----END $3-----\n") // it may stand on one line
	}
	var blocks []*pem.Block
	for rest := []byte(s); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return blocks, text
		}
		blocks = append(blocks, b)
	}
}

// surrounding reports what may stand around a text without belonging to it, such as a byte order mark, a
// line end, or the quotes of an environment file.
func surrounding(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '"' || r == '\''
}

// maxKey is far above the size of any key, certificate or chain.
const maxKey = 1 << 20

func loadFile[T any](path string, secret bool, load func([]byte) (*T, error)) (*T, error) {
	if strings.Contains(path, begins) || strings.HasPrefix(path, "MII") && len(path) > 255 {
		return nil, errors.New("auth: this is the text of a key where the name of its file is wanted")
	}
	name := path
	if strings.ContainsFunc(path, unicode.IsControl) || len(path) > 255 {
		name = "the file" // whatever it is, it is not shown
	}
	f, info, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("auth: %s: %w", name, err)
	}
	defer f.Close()
	if secret && !regular.Private(info) {
		return nil, fmt.Errorf("auth: %s can be read by others (mode %04o); run chmod 600", name, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return nil, fmt.Errorf("auth: %s cannot be read", name)
	}
	if len(text) > maxKey {
		return nil, fmt.Errorf("auth: %s is larger than any key", name)
	}
	v, err := load(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}
