package wechat

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// An explainer finds out what was signed in place of the right text, by which key and how.
type explainer struct {
	p     *Platform
	tx    *engine.Tx
	who   *Identity
	key   *rsa.PublicKey // of who
	right string         // the text to sign
	m     map[string]string
}

// explain says what is wrong with a signature that does not verify.
func (e *explainer) explain(sig []byte, unread error) slip {
	if looksLikeV2(e.m["signature"]) {
		return slip{flaw: *flawed("signature looks like one of APIv2, MD5 or HMAC in hex; APIv3 signs with the private key, SHA-256 with RSA, and writes base64",
			"signature 像是 APIv2 的签名（十六进制的 MD5 或 HMAC）；APIv3 用私钥做 SHA256 with RSA 签名，并用 Base64 编码")}
	}
	spelling := flaw{}
	if unread != nil || len(sig) != e.key.Size() {
		how, raw := spelled(e.m["signature"], e.key.Size())
		switch {
		case raw != nil:
			sig = raw
			spelling = flaw{"signature is not base64 of its bytes but " + how.name, "signature 不是签名字节的 Base64，而是" + how.zh}
		case unread != nil:
			return slip{flaw: *flawed("signature is not base64", "signature 不是 Base64")}
		default:
			return slip{flaw: *flawed("signature has %d bytes, and one of the key of %s %s has %d", "signature 有 %d 字节，而 %s %s 的密钥的签名有 %d 字节", len(sig), e.who.Member, e.who.ID, e.key.Size())}
		}
		if unread != nil { // what follows is not base64 at all
			spelling.en = strings.Replace(spelling.en, "is not base64 of its bytes but", "is not base64 but", 1)
		}
	}
	if d, ok := read(sig, e.key); ok {
		return e.ofText(d, spelling)
	}
	found := e.ofKey(sig)
	if spelling.en != "" {
		found.en, found.zh = spelling.en+", and "+found.en, spelling.zh+"；"+found.zh
	}
	return found
}

// ofText explains a signature by the right key.
func (e *explainer) ofText(d digest, spelling flaw) slip {
	found := slip{flaw: spelling}
	signed := func(text string) bool { return d.kind.Available() && d.of(text) }
	switch {
	case d.kind == crypto.SHA256:
	case d.kind != 0:
		found.en = join(found.en, "the text was signed with "+d.kind.String()+" and not with SHA-256", ", and ")
		found.zh = join(found.zh, "签名用的摘要算法是 "+d.kind.String()+"，应为 SHA-256", "；")
	default:
		found.en = join(found.en, "what was signed is no digest of PKCS #1 v1.5: sign by SHA256withRSA, and do not encrypt the hash yourself", ", and ")
		found.zh = join(found.zh, "签名内容不是 PKCS #1 v1.5 的摘要结构：请用 SHA256withRSA 签名，不要自行加密摘要", "；")
		signed = func(text string) bool {
			sum := sha256.Sum256([]byte(text))
			return string(d.sum) == string(sum[:]) || string(d.sum) == hex.EncodeToString(sum[:]) || string(d.sum) == text
		}
	}
	if signed(e.right) {
		found.text = e.tx.Signature.Expected
		return found
	}
	s, ok := findSlip(e.tx, e.m["timestamp"], e.m["nonce_str"], signed)
	if !ok {
		s = e.claimed(signed, true)
	}
	return slip{flaw{join(found.en, s.en, ", and "), join(found.zh, s.zh, "；")}, s.text}
}

// ofKey explains a signature by another key.
func (e *explainer) ofKey(sig []byte) slip {
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA1} {
		h := hash.New()
		h.Write([]byte(e.right))
		if rsa.VerifyPSS(e.key, hash, h.Sum(nil), sig, nil) == nil {
			return slip{*flawed("the text was signed with the padding PSS and %s; sign with PKCS #1 v1.5 and SHA-256", "签名用了 PSS 填充和 %s，应为 PKCS #1 v1.5 填充和 SHA-256", hash), e.tx.Signature.Expected}
		}
	}
	other := e.p.other(e.who)
	if private, err := other.key(); err == nil {
		if _, ok := read(sig, &private.PublicKey); ok {
			return slip{flaw: *flawed("the private key is that of %[1]s %[2]s, and this path is for %[3]s %[4]s", "签名用的是 %[1]s %[2]s 的私钥，此路径应由 %[3]s %[4]s 签名", other.Member, other.ID, e.who.Member, e.who.ID)}
		}
	}
	for _, k := range append(e.who.vault.all(), other.vault.all()...) {
		private, err := k.private()
		if err != nil {
			continue
		}
		if _, ok := read(sig, &private.PublicKey); ok {
			return slip{flaw: *flawed("the private key is that of the platform, %s", "签名用的是平台的私钥 %s", k.serial)}
		}
	}
	return e.claimed(func(string) bool { return false }, false)
}

// signedHeader is the header in which a client may say what it signed, to find a mistake.
const signedHeader = "X-Emulator-Signed"

// claimed explains a signature by what the client says that it signed. Sure reports whether the key is the right one.
func (e *explainer) claimed(signed func(string) bool, sure bool) slip {
	key := *flawed("no usual slip explains it: most likely the private key is not that of the certificate", "不是常见的错误：很可能私钥与证书不匹配")
	if sure {
		key = *flawed("no usual slip explains it: the private key is that of the certificate, so another text was signed; send the text, in base64, as %s and it is compared",
			"不是常见的错误：私钥与证书匹配，因此签名的是另一段文本；可把签名串的 Base64 放在请求头 %s 中发送，以便对比", signedHeader)
	}
	given := e.tx.Header.Get(signedHeader)
	if given == "" {
		return slip{flaw: key}
	}
	raw, err := base64.StdEncoding.DecodeString(given)
	if err != nil {
		return slip{flaw: *key.and("; "+signedHeader+" is not base64", "；"+signedHeader+" 不是 Base64")}
	}
	text := string(raw)
	switch {
	case text == e.right && !sure:
		return slip{*flawed("the text is right, by %s: the private key is not that of the certificate", "签名串正确（见 %s）：私钥与证书不匹配", signedHeader), e.tx.Signature.Expected}
	case sure && !signed(text):
		return slip{flaw: *key.and("; "+signedHeader+" is not the text that was signed", "；"+signedHeader+" 不是实际签名的文本")}
	}
	line, has, wants := difference(text, e.right)
	return slip{*flawed("line %d of the signed text is %q and should be %q", "签名串第 %d 行是 %q，应为 %q", line, e.brief(has), e.brief(wants)), e.tx.Shown(raw)}
}

// brief is a text of a line that may be shown.
func (e *explainer) brief(line string) string {
	shown := e.tx.Shown([]byte(line))
	if most := 120; len(shown) > most {
		return strings.ToValidUTF8(shown[:most], "") + "…"
	}
	return shown
}
