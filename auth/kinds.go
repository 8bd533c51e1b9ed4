package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf16"
)

// A kind is what a file turned out to hold, as an error says it.
type kind string

const (
	isPrivateKey  kind = "a private key"
	isPublicKey   kind = "a public key"
	isCertificate kind = "a certificate"
	isRequest     kind = "a certificate request"
	isEncrypted   kind = "a private key with a password"
	isPKCS12      kind = "a PKCS #12 file"
	isPKCS7       kind = "a PKCS #7 file"
	isOther       kind = ""
)

// wanted is what a loader is asked for.
type wanted struct {
	kind kind
	file string // as the merchant platform names it
	der  string // command that makes it of the same in DER
	p12  string // how to come by it if a PKCS #12 file is at hand
}

var (
	privateKey = wanted{isPrivateKey, "apiclient_key.pem", "openssl pkey -inform DER",
		"take it out with: openssl pkcs12 -in apiclient_cert.p12 -nocerts -nodes -out apiclient_key.pem (old files need -legacy)"}
	publicKey = wanted{isPublicKey, "pub_key.pem", "openssl pkey -pubin -inform DER",
		"it holds the merchant's own key; download pub_key.pem in the merchant platform"}
	certificate = wanted{isCertificate, "apiclient_cert.pem", "openssl x509 -inform DER",
		"take it out with: openssl pkcs12 -in apiclient_cert.p12 -clcerts -nokeys -out apiclient_cert.pem (old files need -legacy)"}
)

// not says that PEM or DER of another kind was given.
func (w wanted) not(k kind, label string) error {
	switch {
	case w.kind == isPrivateKey && k == isCertificate:
		return errors.New("auth: this is a certificate; the private key is the other file (apiclient_key.pem)")
	case w.kind == isPublicKey && k == isPrivateKey:
		return errors.New("auth: this is a private key where the platform public key is wanted (pub_key.pem)")
	case w.kind == isPrivateKey && k == isEncrypted:
		return errors.New("auth: private key is protected by a password; remove it with: openssl pkey -inform DER -in FILE -out apiclient_key.pem")
	case k == isPKCS12:
		return fmt.Errorf("auth: this is a PKCS #12 file where %s is wanted; %s", w.kind, w.p12)
	case w.kind == isCertificate && k == isPKCS7:
		return errors.New("auth: this is a PKCS #7 file; take the certificate out with: openssl pkcs7 -print_certs -in FILE -out apiclient_cert.pem")
	case label != "" && (w.kind == isCertificate || k == isOther):
		return fmt.Errorf("auth: PEM block %q where %s is wanted (%s)", label, w.kind, w.file)
	case k == isOther:
		return fmt.Errorf("auth: not PEM: binary data where %s is wanted (%s)", w.kind, w.file)
	}
	return fmt.Errorf("auth: this is %s where %s is wanted (%s)", k, w.kind, w.file)
}

// notPEM says what a text without a block of PEM is.
func (w wanted) notPEM(text []byte) error {
	s := string(text)
	line, _, _ := strings.Cut(s, "\n")
	switch {
	case s == "":
		return fmt.Errorf("auth: not PEM; %s starts with -----BEGIN, and this is empty", w.kind)
	case strings.Contains(s, begins) && strings.Contains(s, "ENCRYPTED"):
		return errors.New("auth: private key is protected by a password; remove it with: openssl pkey -in FILE -out apiclient_key.pem")
	case strings.Contains(s, begins) && !strings.Contains(s, "-----END "):
		return fmt.Errorf("auth: not PEM: cut off, for its last line -----END … is missing; copy the whole of %s", w.file)
	case strings.Contains(s, begins):
		return fmt.Errorf("auth: not PEM: damaged, for its first and last line or what is between them do not fit; copy %s anew", w.file)
	case isDER(text):
		if k := kindOfDER(text); k != w.kind {
			return w.not(k, "")
		}
		return fmt.Errorf("auth: not PEM: this is %s in DER; convert it with: %s -in FILE -out %s", w.kind, w.der, w.file)
	case bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return fmt.Errorf("auth: not PEM: this is a zip archive; unpack it and take %s", w.file)
	case bytes.HasPrefix(text, []byte("\xfe\xed\xfe\xed")) || bytes.HasPrefix(text, []byte("\xce\xce\xce\xce")):
		return fmt.Errorf("auth: not PEM: this is a Java keystore; convert it with: keytool -importkeystore -srckeystore FILE -destkeystore apiclient_cert.p12 -deststoretype PKCS12; then %s", w.p12)
	case strings.HasPrefix(s, "PuTTY-User-Key-File"):
		return fmt.Errorf("auth: not PEM: this is a key of PuTTY; convert it with: puttygen FILE -O private-openssh -o %s", w.file)
	case strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "---- BEGIN SSH2"):
		return fmt.Errorf("auth: not PEM: this is a public key of SSH where %s is wanted (%s)", w.kind, w.file)
	case strings.HasPrefix(s, "<"):
		return fmt.Errorf("auth: not PEM: this is XML or a web page where %s is wanted; download %s anew", w.kind, w.file)
	case strings.HasPrefix(s, "{") || strings.HasPrefix(s, "["):
		return fmt.Errorf("auth: not PEM: this is JSON without a PEM text in it where %s is wanted (%s)", w.kind, w.file)
	case line == s && isPath(s):
		return fmt.Errorf("auth: not PEM: this is the name of a file where the text of %s is wanted; what ends in File or _FILE takes names", w.kind)
	}
	switch inside := debase64(s); {
	case bytes.Contains(inside, []byte(begins)):
		return fmt.Errorf("auth: not PEM: this is base64 of a PEM file; decode it first: base64 -d FILE > %s", w.file)
	case isDER(inside):
		if k := kindOfDER(inside); k != w.kind {
			return w.not(k, "")
		}
		return fmt.Errorf("auth: not PEM: this is %s in base64, without the lines -----BEGIN … and -----END …; convert it with: base64 -d FILE | %s -out %s", w.kind, w.der, w.file)
	}
	return fmt.Errorf("auth: not PEM; %s starts with -----BEGIN", w.kind)
}

const begins = "-----BEGIN "

var (
	frame = regexp.MustCompile(`(?s)-----BEGIN ([^\n-]+)-----\s*(.*?)\s*-----END ([^\n-]+)-----`)
	// escapes are line ends and slashes as JSON, YAML and environment files write them out, once or twice.
	escapes = strings.NewReplacer(`\\r`, "", `\\n`, "\n", `\r`, "", `\n`, "\n", `\/`, "/")
	plain   = regexp.MustCompile(`^[A-Z0-9 #.]{1,40}$`)
)

// label is what a block calls itself, if that may be shown.
func label(b *pem.Block) string {
	if plain.MatchString(b.Type) {
		return b.Type
	}
	return "?"
}

func protected(b *pem.Block) bool {
	return b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
}

// kindOf goes by what a block calls itself.
func kindOf(b *pem.Block) kind {
	switch {
	case b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE" || b.Type == "TRUSTED CERTIFICATE":
		return isCertificate
	case strings.HasSuffix(b.Type, "PUBLIC KEY"):
		return isPublicKey
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		return isPrivateKey
	case strings.HasSuffix(b.Type, "CERTIFICATE REQUEST"):
		return isRequest
	case b.Type == "PKCS7" || b.Type == "CMS":
		return isPKCS7
	case b.Type == "PKCS12" || b.Type == "PFX":
		return isPKCS12
	}
	return isOther
}

// contents says what is in a block that does not hold what it calls itself; empty if nothing is known.
func contents(b *pem.Block) string {
	if k := kindOfDER(b.Bytes); k != isOther {
		return fmt.Sprintf("; inside is %s", described(k, b.Bytes))
	}
	return ""
}

// described tells apart what has one kind and several forms.
func described(k kind, der []byte) string {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return "a private key of PKCS #8, whose label is PRIVATE KEY"
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return "a private key of PKCS #1, whose label is RSA PRIVATE KEY"
	}
	if _, err := x509.ParseECPrivateKey(der); err == nil {
		return "a key of an elliptic curve, and WeChat Pay needs RSA"
	}
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return "a public key, whose label is PUBLIC KEY"
	}
	if _, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return "a public key of PKCS #1, whose label is RSA PUBLIC KEY"
	}
	return string(k)
}

// isDER reports whether data is one ASN.1 sequence from its first byte to its last.
func isDER(data []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(data, &v)
	return err == nil && len(rest) == 0 && v.Tag == asn1.TagSequence && v.IsCompound && len(data) > 16
}

// kindOfDER looks into DER.
func kindOfDER(der []byte) kind {
	if _, err := x509.ParseCertificate(der); err == nil {
		return isCertificate
	}
	if _, err := x509.ParseCertificateRequest(der); err == nil {
		return isRequest
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil && key != nil {
		return isPublicKey
	}
	if _, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return isPublicKey
	}
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
	} {
		if _, err := parse(der); err == nil {
			return isPrivateKey
		}
	}
	var pfx struct {
		Version  int
		AuthSafe asn1.RawValue
		Mac      asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &pfx); err == nil && pfx.Version == 3 {
		return isPKCS12
	}
	var encrypted struct {
		Algorithm struct {
			ID     asn1.ObjectIdentifier
			Params asn1.RawValue `asn1:"optional"`
		}
		Data []byte
	}
	if _, err := asn1.Unmarshal(der, &encrypted); err == nil {
		return isEncrypted
	}
	var cms struct {
		ID      asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &cms); err == nil && strings.HasPrefix(cms.ID.String(), "1.2.840.113549.1.7.") {
		return isPKCS7
	}
	return isOther
}

// debase64 decodes text that is base64 and nothing else; nil if it is not.
func debase64(s string) []byte {
	s = strings.Join(strings.Fields(escapes.Replace(s)), "")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	data, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return data
}

func isPath(s string) bool {
	switch strings.ToLower(filepath.Ext(s)) {
	case ".pem", ".p12", ".pfx", ".key", ".cer", ".crt", ".der", ".txt", ".jks":
		return true
	}
	return len(s) < 256 && (strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "file:"))
}

// unwiden turns UTF-16, as Windows likes to write it, into UTF-8.
func unwiden(text []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return string(text)
	}
	var units []uint16
	for pair := text; len(pair) >= 2; pair = pair[2:] {
		units = append(units, order.Uint16(pair))
	}
	return string(utf16.Decode(units))
}
