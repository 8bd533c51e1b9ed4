package wechat

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha512" // a signature may be made with it
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
)

// A digest is what a signature covers: the hash of a text, and its kind.
type digest struct {
	kind crypto.Hash
	sum  []byte
}

// of reports whether the digest is that of a text.
func (d digest) of(text string) bool {
	h := d.kind.New()
	h.Write([]byte(text))
	return bytes.Equal(h.Sum(nil), d.sum)
}

// hashes are the kinds that a signature may be made with, by object identifier.
var hashes = map[string]crypto.Hash{
	"1.2.840.113549.2.5": crypto.MD5, "1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512, "2.16.840.1.101.3.4.2.4": crypto.SHA224,
}

// read reads the digest out of a signature of PKCS #1 v1.5, which is no secret. It cannot if the signature was made
// with another key or in another way; then the search for the slip ends here. Whether a signature is right is not
// decided by it.
func read(sig []byte, key *rsa.PublicKey) (d digest, ok bool) {
	text, ok := unpadded(sig, key)
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Sum       []byte
	}
	if !ok {
		return d, false
	}
	if rest, err := asn1.Unmarshal(text, &info); err != nil || len(rest) > 0 {
		return digest{0, text}, true
	}
	return digest{hashes[info.Algorithm.Algorithm.String()], info.Sum}, true
}

// unpadded is what the padding of PKCS #1 v1.5 surrounds.
func unpadded(sig []byte, key *rsa.PublicKey) (text []byte, ok bool) {
	n := new(big.Int).SetBytes(sig)
	if len(sig) != key.Size() || n.Cmp(key.N) >= 0 {
		return nil, false
	}
	padded := n.Exp(n, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	rest, ok := bytes.CutPrefix(padded, []byte{0, 1})
	text = bytes.TrimLeft(rest, "\xff")
	if !ok || len(rest)-len(text) < 8 || len(text) == 0 || text[0] != 0 {
		return nil, false
	}
	return text[1:], true
}

// A spelling is a way to write the bytes of a signature as text.
type spelling struct {
	name, zh string
	read     func(string) ([]byte, error)
}

// twice reads base64 of a text that is itself written in some way.
func twice(inner func(string) ([]byte, error)) func(string) ([]byte, error) {
	return func(text string) ([]byte, error) {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		return inner(string(raw))
	}
}

// spellings are those that are not right.
var spellings = []spelling{
	{"hex", "十六进制", hex.DecodeString},
	{"base64 twice", "两次 Base64", twice(base64.StdEncoding.DecodeString)},
	{"base64 of hex", "十六进制文本的 Base64", twice(hex.DecodeString)},
	{"base64 for addresses (- and _)", "URL 安全的 Base64（- 和 _）", base64.URLEncoding.DecodeString},
	{"base64 for addresses without the = at its end", "URL 安全且去掉末尾 = 的 Base64", base64.RawURLEncoding.DecodeString},
	{"base64 without the = at its end", "去掉末尾 = 的 Base64", base64.RawStdEncoding.DecodeString},
	{"base64 escaped for an address", "经过 URL 编码的 Base64", func(text string) ([]byte, error) {
		return base64.StdEncoding.DecodeString(strings.NewReplacer("%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/", "%3D", "=", "%3d", "=").Replace(text))
	}},
	{"base64 whose + became blanks", "+ 变成了空格的 Base64", func(text string) ([]byte, error) {
		return base64.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", "+"))
	}},
}

// spelled finds out how the bytes of an RSA signature of that size were written.
func spelled(text string, size int) (how spelling, sig []byte) {
	for _, s := range spellings {
		if raw, err := s.read(text); err == nil && len(raw) == size {
			return s, raw
		}
	}
	return spelling{}, nil
}

// looksLikeV2 reports whether a signature looks like one of APIv2: a hash in hex.
func looksLikeV2(sig string) bool {
	_, err := hex.DecodeString(sig)
	return err == nil && slices.Contains([]int{32, 40, 64}, len(sig))
}
