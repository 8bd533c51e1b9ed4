package auth

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// LoadPrivateKey reads the merchant's API private key (apiclient_key.pem) from PEM, PKCS #8 or PKCS #1.
// The error says what was given instead.
func LoadPrivateKey(text []byte) (*rsa.PrivateKey, error) {
	b, err := block(text, "a private key")
	if err != nil {
		return nil, err
	}
	var key any
	switch {
	case b.Type == "CERTIFICATE":
		return nil, errors.New("auth: this is a certificate; the private key is the other file (apiclient_key.pem)")
	case strings.HasSuffix(b.Type, "PUBLIC KEY"):
		return nil, errors.New("auth: this is a public key where a private key is wanted")
	case b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "":
		return nil, errors.New("auth: private key is protected by a password; remove it with openssl rsa")
	case b.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: PEM block %q does not hold an RSA private key", b.Type)
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

// LoadPrivateKeyFile reads the private key from a file that nobody but its owner may read.
func LoadPrivateKeyFile(path string) (*rsa.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("auth: %s can be read by others (mode %04o); run chmod 600", path, mode)
	}
	return loadFile(path, LoadPrivateKey)
}

// LoadPublicKey reads the platform public key (pub_key.pem) from PEM.
func LoadPublicKey(text []byte) (*rsa.PublicKey, error) {
	b, err := block(text, "a public key")
	if err != nil {
		return nil, err
	}
	switch {
	case b.Type == "CERTIFICATE":
		return nil, errors.New("auth: this is a certificate where a public key is wanted (pub_key.pem)")
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		return nil, errors.New("auth: this is a private key where the platform public key is wanted (pub_key.pem)")
	}
	var key any
	if b.Type == "RSA PUBLIC KEY" {
		key, err = x509.ParsePKCS1PublicKey(b.Bytes)
	} else {
		key, err = x509.ParsePKIXPublicKey(b.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: PEM block %q does not hold a public key", b.Type)
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

// LoadPublicKeyFile reads the platform public key from a file.
func LoadPublicKeyFile(path string) (*rsa.PublicKey, error) { return loadFile(path, LoadPublicKey) }

// LoadCertificate reads a certificate with an RSA key from PEM.
func LoadCertificate(text []byte) (*x509.Certificate, error) {
	b, err := block(text, "a certificate")
	if err != nil {
		return nil, err
	}
	if b.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("auth: PEM block %q where a certificate is wanted", b.Type)
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

func block(text []byte, wanted string) (*pem.Block, error) {
	b, _ := pem.Decode(text)
	if b == nil {
		return nil, fmt.Errorf("auth: not PEM; %s starts with -----BEGIN", wanted)
	}
	return b, nil
}

func loadFile[T any](path string, load func([]byte) (T, error)) (T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		var zero T
		return zero, err
	}
	key, err := load(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
