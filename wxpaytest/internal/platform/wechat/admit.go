package wechat

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

const maxJSON = 1 << 20

// Admit checks who sent a request, and that it is genuine.
func (p *Platform) Admit(tx *engine.Tx) error {
	if err := signedBody(tx); err != nil {
		return err
	}
	return p.authenticate(tx)
}

// signedBody finds the bytes that the signature covers: the body, or the meta of an upload.
func signedBody(tx *engine.Tx) error {
	if !tx.Upload() {
		if len(tx.Sent) > maxJSON {
			return &engine.Refusal{Status: http.StatusBadRequest, Code: "INVALID_REQUEST", Message: "the body is too large"}
		}
		tx.Signed = tx.Sent
		return nil
	}
	parts, err := tx.Parts("meta", "file")
	if err != nil {
		return err
	}
	meta := &parts[0]
	if t := meta.Header.Get("Content-Type"); t != "" && engine.MediaType(meta.Header) != "application/json" {
		tx.Advise("the part meta has the Content-Type %s; it is application/json", t)
	}
	if meta.At > parts[1].At {
		tx.Advise("the part meta comes after the file; the documents put it first")
	}
	tx.Signed, tx.File = meta.Body, &parts[1]
	tx.Checked("multipart")
	return nil
}

// A flaw is what is wrong with a signature, in both languages.
type flaw struct{ en, zh string }

func flawed(en, zh string, a ...any) *flaw {
	return &flaw{fmt.Sprintf(en, a...), fmt.Sprintf(zh, a...)}
}

// and adds what helps to find out more.
func (f *flaw) and(en, zh string) *flaw { return &flaw{f.en + en, f.zh + zh} }

// signError refuses a signature and says why.
func signError(why string) error {
	return &engine.Refusal{Status: http.StatusUnauthorized, Code: "SIGN_ERROR", Message: "签名错误: " + why, Reason: engine.ReasonSign,
		Detail: engine.Object{"field": "signature", "location": "authorization", "issue": "sign not match"}}
}

// authenticate checks the Authorization of a request over the bytes that it has to cover.
func (p *Platform) authenticate(tx *engine.Tx) error {
	s := &engine.Signature{}
	tx.Signature = s
	wrong, texts, err := p.examine(tx, s)
	if err != nil {
		return err
	}
	if wrong != nil {
		s.Reason, s.ReasonZh = tx.Line(wrong.en), tx.Line(wrong.zh)
		return signError(wrong.en + texts)
	}
	who := p.asked(tx.URI)
	s.OK, s.Signed = true, s.Expected
	tx.Caller, tx.Self = who.ID, engine.Object{who.Member: who.ID, "sp_" + who.Member: who.ID}
	tx.Checked("signature")
	return nil
}

// examine says what is wrong with a signature, if anything is, and fills the report in; texts are what lets one
// compare, for the answer alone.
func (p *Platform) examine(tx *engine.Tx, s *engine.Signature) (wrong *flaw, texts string, err error) {
	scheme, list, _ := strings.Cut(tx.Header.Get("Authorization"), " ")
	who := p.asked(tx.URI)
	m, unread := credentials(list, who.Member)
	s.Caller, s.Serial, s.Timestamp, s.Nonce = tx.Public(m[who.Member]), tx.Public(m["serial_no"]), tx.Public(m["timestamp"]), tx.Public(m["nonce_str"])
	s.Expected = lines(tx.Line(tx.Method), tx.Shown([]byte(tx.URI)), cmp.Or(s.Timestamp, "TIMESTAMP"), cmp.Or(s.Nonce, "NONCE"), tx.Shown(tx.Signed))
	switch {
	case len(tx.Header.Values("Authorization")) != 1:
		return flawed("there must be one header Authorization", "请求头 Authorization 必须有且只有一个").and(oldSign(tx)), "", nil
	case scheme != who.Scheme:
		return flawed("the scheme of Authorization is not %s", "Authorization 的认证类型不是 %s", who.Scheme).and(p.otherDoor(who, scheme)), "", nil
	case unread != nil:
		return unread, "", nil
	}
	unix, err := strconv.ParseInt(m["timestamp"], 10, 64)
	skew := time.Since(time.Unix(unix, 0))
	switch {
	case m[who.Member] != who.ID:
		return flawed("%s is not %s", "%s 不是 %s", who.Member, who.ID), "", nil
	case m["serial_no"] != who.Serial:
		return flawed("serial_no is not %s, the certificate of %s %s", "serial_no 不是 %[1]s（%[2]s %[3]s 的证书序列号）", who.Serial, who.Member, who.ID).and(p.otherSerial(who, m["serial_no"])), "", nil
	case err != nil:
		return flawed("timestamp is not a number of seconds", "timestamp 不是以秒为单位的数字"), "", nil
	case skew > maxAge || skew < -maxAge:
		wrong := flawed("timestamp is %s from the platform's clock, more than 5 minutes", "timestamp 与平台时间相差 %s，超过 5 分钟", skew.Round(time.Second))
		if len(m["timestamp"]) == 13 {
			wrong = wrong.and("; it is in milliseconds, and seconds are wanted", "；它以毫秒为单位，应以秒为单位")
		}
		return wrong, "", nil
	}
	if wrong, texts, err = p.verify(tx, s, who, m); err != nil || wrong != nil {
		return wrong, texts, err
	}
	if !p.seen.fresh(m["nonce_str"], list) {
		return flawed("nonce_str was used before, for another request", "nonce_str 已在另一个请求中使用过"), "", nil
	}
	return nil, "", nil
}

// oldSign says of a request without Authorization that it looks like one of APIv2.
func oldSign(tx *engine.Tx) (en, zh string) {
	text := tx.Sent[:min(len(tx.Sent), 10_000)]
	if bytes.Contains(text, []byte(`"sign"`)) || bytes.Contains(text, []byte("<sign>")) || strings.Contains(tx.URI, "sign=") {
		return "; there is a sign as APIv2 has it: APIv3 signs in this header, with the private key", "；请求带有 APIv2 的 sign：APIv3 用商户私钥签名，放在此请求头中"
	}
	return "", ""
}

// otherDoor says of the scheme of another identity which paths that calls.
func (p *Platform) otherDoor(who *Identity, scheme string) (en, zh string) {
	switch other := p.other(who); {
	case scheme == other.Scheme && other == p.Brand:
		return "; a brand calls paths that begin with /brand/", "；品牌调用的路径以 /brand/ 开头"
	case scheme == other.Scheme:
		return "; paths that begin with /brand/ are for brands", "；以 /brand/ 开头的路径只供品牌调用"
	case strings.EqualFold(scheme, who.Scheme), strings.HasPrefix(scheme, who.Scheme):
		return ", in capital letters and with one blank after it", "（全部大写，其后有一个空格）"
	}
	return "", ""
}

// other returns the other identity.
func (p *Platform) other(who *Identity) *Identity {
	if who == p.Brand {
		return p.Merchant
	}
	return p.Brand
}

// otherSerial says whose serial stands in place of the caller's.
func (p *Platform) otherSerial(who *Identity, serial string) (en, zh string) {
	switch {
	case strings.EqualFold(serial, who.Serial):
		return "; it is written in capital letters", "；应为大写"
	case who.vault.find(serial) != nil || p.other(who).vault.find(serial) != nil:
		return "; what it names is a key of the platform, which belongs into Wechatpay-Serial", "；它是平台证书或平台公钥的编号，应放在 Wechatpay-Serial 中"
	case serial == p.other(who).Serial:
		return fmt.Sprintf("; what it names is the certificate of %s %s", p.other(who).Member, p.other(who).ID), fmt.Sprintf("；它是 %s %s 的证书序列号", p.other(who).Member, p.other(who).ID)
	}
	return "", ""
}

// credentials reads name="value",… and wants each member once. It returns what it could read, in any case.
func credentials(list, who string) (map[string]string, *flaw) {
	m := map[string]string{}
	names := []string{who, "nonce_str", "timestamp", "serial_no", "signature"}
	for item := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		inner, quoted := strings.CutPrefix(value, `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		if _, twice := m[name]; twice || !quoted || !closed {
			if !slices.Contains(names, name) { // it may be a signature
				return m, flawed(`Authorization holds something that is twice there or not written as name="value"`, `Authorization 中有内容重复，或没有写成 name="value" 的形式`)
			}
			return m, flawed(`Authorization holds %s twice or not as name="value"`, `Authorization 中的 %s 重复，或没有写成 name="value" 的形式`, name)
		}
		if m[name] = inner; len(m) > 10 {
			break
		}
	}
	for _, name := range names {
		if m[name] == "" {
			return m, flawed("Authorization lacks %s", "Authorization 缺少 %s", name)
		}
	}
	if len(m) != 5 {
		return m, flawed("Authorization has members that it should not", "Authorization 含有多余的字段")
	}
	return m, nil
}

// verify checks the signature and, if it is wrong, looks for the slip.
func (p *Platform) verify(tx *engine.Tx, s *engine.Signature, who *Identity, m map[string]string) (wrong *flaw, texts string, err error) {
	key, err := who.key()
	if err != nil {
		return nil, "", err
	}
	right := lines(tx.Method, tx.URI, m["timestamp"], m["nonce_str"], string(tx.Signed))
	sum := sha256.Sum256([]byte(right))
	sig, unread := base64.StdEncoding.DecodeString(m["signature"])
	if unread == nil && rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig) == nil {
		return nil, "", nil
	}
	e := explainer{p, tx, who, &key.PublicKey, right, m}
	found := e.explain(sig, unread)
	s.Signed = found.text
	if unread != nil {
		return &found.flaw, "", nil
	}
	body := tx.Signed
	should := lines(tx.Method, tx.URI, m["timestamp"], m["nonce_str"], fmt.Sprintf("<%d bytes, sha256 %x>", len(body), sha256.Sum256(body)))
	return &found.flaw, fmt.Sprintf(". The text that should be signed is %q; the whole body received has %d bytes and sha256 %x", should, len(tx.Sent), sha256.Sum256(tx.Sent)), nil
}

// nonces remembers nonces with the signature they came in for as long as their timestamps are accepted, in
// two generations. The very same request may come again: a transport may send it twice, or to the
// other host.
type nonces struct {
	mu         sync.Mutex
	seed       maphash.Seed
	young, old map[uint64]uint64
	since      time.Time
}

// mostNonces is how many a generation holds; a client makes fewer in ten minutes.
const mostNonces = 1_000_000

func (n *nonces) fresh(nonce, authorization string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.young == nil {
		n.seed = maphash.MakeSeed()
	}
	if now := time.Now(); n.young == nil || now.Sub(n.since) > 2*maxAge || len(n.young) == mostNonces {
		n.young, n.old, n.since = map[uint64]uint64{}, n.young, now
	}
	key, value := maphash.String(n.seed, nonce), maphash.String(n.seed, authorization)
	for _, generation := range []map[uint64]uint64{n.young, n.old} {
		if was, used := generation[key]; used {
			return was == value
		}
	}
	n.young[key] = value
	return true
}
