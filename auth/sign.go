// Package auth holds the cryptography of WeChat Pay APIv3 as functions over text and keys: signing a
// request, verifying an answer or a notification, the platform's keys by serial, the cipher of
// sensitive fields and of notifications, and loading keys with errors that say what is wrong.
//
// It knows no HTTP and starts nothing in the background. Its types fit where the official SDK
// (wechatpay-go) wants an auth.Signer, auth.Verifier or cipher.Encryptor, and the other way round.
package auth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
)

// A Scheme is who signs and how: the name at the head of Authorization and the name of the member
// that holds the signer's number.
type Scheme struct {
	Name string
	ID   string
}

// Who calls. Both sign alike; a brand has keys and certificates of its own.
var (
	Merchant = Scheme{Name: "WECHATPAY2-SHA256-RSA2048", ID: "mchid"} // merchants, service providers and banks
	Brand    = Scheme{Name: "WECHATPAY-BRAND-SHA256-RSA2048", ID: "brand_id"}
)

// takes reports whether what comes back may say that it is signed by a type. A message that names none is taken
// to be of the scheme: proxies pass on the four headers that there were first. Pages for brands
// show the type of merchants in examples; the key by which it is verified is the brand's all the same.
func (s Scheme) takes(kind string) bool {
	return kind == "" || kind == s.Name || s == Brand && kind == Merchant.Name
}

// A Signer signs for one merchant or brand. It is an auth.Signer of wechatpay-go, whose results have the ID of a
// brand in MchID. Its key cannot be had from it, not even by reflection.
type Signer struct {
	scheme       Scheme
	id, serialNo string
	sign         func(digest [sha256.Size]byte) ([]byte, error)
}

var _ wechat.Signer = (*Signer)(nil)

// NewSigner returns the signer of the merchant or brand with that ID, whose API certificate has the serial
// number serialNo. The key must be RSA of at least 2048 bits; it may live in a KMS or HSM.
func NewSigner(scheme Scheme, id, serialNo string, key crypto.Signer) (*Signer, error) {
	switch {
	case unquotable(id):
		return nil, fmt.Errorf("auth: %s is empty or holds characters a header cannot carry", scheme.ID)
	case unquotable(serialNo):
		return nil, errors.New("auth: serial_no is empty or holds characters a header cannot carry")
	}
	if k, isRSA := key.(*rsa.PrivateKey); key == nil || isRSA && k == nil {
		return nil, errors.New("auth: no private key")
	}
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("auth: private key is %T, WeChat Pay needs RSA", key.Public())
	}
	if err := checkSize(public); err != nil {
		return nil, err
	}
	return &Signer{scheme, id, serialNo, func(digest [sha256.Size]byte) ([]byte, error) {
		sig, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("auth: sign: %w", err)
		}
		return sig, nil
	}}, nil
}

// unquotable reports whether v cannot stand between quotes in a header.
func unquotable(v string) bool {
	return v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' })
}

// Scheme is that of the one it signs for.
func (s *Signer) Scheme() Scheme { return s.scheme }

// ID is the merchant number or brand ID of the one it signs for.
func (s *Signer) ID() string { return s.id }

// Sign returns the base64 RSA signature over the SHA-256 of message.
func (s *Signer) Sign(_ context.Context, message string) (*wechat.SignatureResult, error) {
	sig, err := s.sign(sha256.Sum256([]byte(message)))
	if err != nil {
		return nil, err
	}
	return &wechat.SignatureResult{MchID: s.id, CertificateSerialNo: s.serialNo, Signature: encode(sig)}, nil
}

// Algorithm is the part of the scheme's name that wechatpay-go completes.
func (s *Signer) Algorithm() string { return "SHA256-RSA2048" }

// Format shows who signs and never the key, whatever the verb.
func (s Signer) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

func (s Signer) String() string { return "auth.Signer(" + s.id + ", ***)" }

// MarshalText is what JSON and slog show.
func (s Signer) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalBinary is what gob shows.
func (s Signer) MarshalBinary() ([]byte, error) { return []byte(s.String()), nil }

// RequestMessage is the text a request's signature covers. uri is path and query exactly as sent,
// body the exact bytes sent; of an upload, its meta part alone.
func RequestMessage(method, uri string, unix int64, nonce string, body []byte) string {
	return string(appendMessage(nil, method, uri, unix, []byte(nonce), body))
}

func appendMessage(b []byte, method, uri string, unix int64, nonce, body []byte) []byte {
	const most = 25 // digits of a time and line ends
	b = slices.Grow(b, len(method)+len(uri)+len(nonce)+len(body)+most)
	b = append(b, method...)
	b = append(b, '\n')
	b = append(b, uri...)
	b = append(b, '\n')
	b = strconv.AppendInt(b, unix, 10)
	b = append(b, '\n')
	b = append(b, nonce...)
	b = append(b, '\n')
	b = append(b, body...)
	return append(b, '\n')
}

// Authorization signs a request with a fresh nonce and returns the value of its Authorization header.
func Authorization(ctx context.Context, s wechat.Signer, scheme Scheme, method, uri string, unix int64, body []byte) (string, error) {
	var room [1 << 10]byte // on the stack, and enough for most
	nonce := newNonce()
	message := appendMessage(room[:0], method, uri, unix, nonce[:], body)
	var id, serialNo string
	var signature []byte
	if own, ok := s.(*Signer); ok { // without the strings between
		sig, err := own.sign(sha256.Sum256(message))
		if err != nil {
			return "", err
		}
		id, serialNo, signature = own.id, own.serialNo, base64.StdEncoding.AppendEncode(room[:0], sig)
	} else {
		signed, err := s.Sign(ctx, string(message))
		if err != nil {
			return "", err
		}
		id, serialNo, signature = signed.MchID, signed.CertificateSerialNo, []byte(signed.Signature)
	}
	var text [1 << 10]byte
	b := append(text[:0], scheme.Name...)
	b = append(b, ' ')
	b = append(b, scheme.ID...)
	b = append(b, `="`...)
	b = append(b, id...)
	b = append(b, `",nonce_str="`...)
	b = append(b, nonce[:]...)
	b = append(b, `",timestamp="`...)
	b = strconv.AppendInt(b, unix, 10)
	b = append(b, `",serial_no="`...)
	b = append(b, serialNo...)
	b = append(b, `",signature="`...)
	b = append(b, signature...)
	b = append(b, '"')
	return string(b), nil
}

// Nonce returns 32 random characters.
func Nonce() string {
	nonce := newNonce()
	return string(nonce[:])
}

func newNonce() (nonce [32]byte) {
	var b [20]byte
	rand.Read(b[:])
	base32.StdEncoding.Encode(nonce[:], b[:])
	return nonce
}
