package wechat

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
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

// signError refuses a signature and says why.
func signError(format string, a ...any) error {
	return &engine.Refusal{Status: http.StatusUnauthorized, Code: "SIGN_ERROR", Message: "签名错误: " + fmt.Sprintf(format, a...), Reason: engine.ReasonSign,
		Detail: engine.Object{"field": "signature", "location": "authorization", "issue": "sign not match"}}
}

// authenticate checks the Authorization of a request over the bytes that it has to cover.
func (p *Platform) authenticate(tx *engine.Tx) error {
	scheme, list, _ := strings.Cut(tx.Header.Get("Authorization"), " ")
	who := p.asked(tx.URI)
	switch {
	case len(tx.Header.Values("Authorization")) != 1:
		return signError("there must be one header Authorization")
	case scheme != who.Scheme:
		return signError("the scheme of Authorization is not %s", who.Scheme)
	}
	m, err := credentials(list, who.Member)
	if err != nil {
		return signError("Authorization %v", err)
	}
	unix, err := strconv.ParseInt(m["timestamp"], 10, 64)
	skew := time.Since(time.Unix(unix, 0))
	switch {
	case m[who.Member] != who.ID:
		return signError("%s is not %s", who.Member, who.ID)
	case m["serial_no"] != who.Serial:
		return signError("serial_no is not %s, the certificate of %s %s", who.Serial, who.Member, who.ID)
	case err != nil:
		return signError("timestamp is not a number of seconds")
	case skew > maxAge || skew < -maxAge:
		return signError("timestamp is %s from the platform's clock, more than 5 minutes", skew.Round(time.Second))
	}
	if err := verify(tx, who, m); err != nil {
		return err
	}
	if !p.seen.fresh(m["nonce_str"], list) {
		return signError("nonce_str was used before, for another request")
	}
	tx.Caller, tx.Self = who.ID, engine.Object{who.Member: who.ID, "sp_" + who.Member: who.ID}
	tx.Checked("signature")
	return nil
}

// credentials reads name="value",… and wants each member once.
func credentials(list, who string) (map[string]string, error) {
	m := map[string]string{}
	for item := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		inner, quoted := strings.CutPrefix(value, `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		if _, twice := m[name]; twice || !quoted || !closed {
			return nil, fmt.Errorf(`holds %s twice or not as name="value"`, name)
		}
		m[name] = inner
	}
	for _, name := range []string{who, "nonce_str", "timestamp", "serial_no", "signature"} {
		if m[name] == "" {
			return nil, fmt.Errorf("lacks %s", name)
		}
	}
	if len(m) != 5 {
		return nil, errors.New("has members that it should not")
	}
	return m, nil
}

// verify checks the signature and, if it is wrong, looks for the slip.
func verify(tx *engine.Tx, who *Identity, m map[string]string) error {
	key, err := who.key()
	if err != nil {
		return err
	}
	sig, err := base64.StdEncoding.DecodeString(m["signature"])
	if err != nil {
		return signError("signature is not base64")
	}
	signed := func(text []byte) bool {
		sum := sha256.Sum256(text)
		return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig) == nil
	}
	text := func(method, uri string, body []byte) []byte {
		return fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%s\n", method, uri, m["timestamp"], m["nonce_str"], body)
	}
	body := tx.Signed
	if signed(text(tx.Method, tx.URI, body)) {
		return nil
	}
	should := text(tx.Method, tx.URI, fmt.Appendf(nil, "<%d bytes, sha256 %x>", len(body), sha256.Sum256(body)))
	return signError("%s. The text that should be signed is %q; the whole body received has %d bytes and sha256 %x",
		slip(tx, text, signed), should, len(tx.Sent), sha256.Sum256(tx.Sent))
}

// slip finds out what was signed instead of the right text.
func slip(tx *engine.Tx, text func(method, uri string, body []byte) []byte, signed func([]byte) bool) string {
	body := tx.Signed
	right := text(tx.Method, tx.URI, body)
	path, _, _ := strings.Cut(tx.URI, "?")
	decoded, _ := url.PathUnescape(tx.URI)
	unended := "the line feed after the body was left out of the signed text; each of its five lines ends with one"
	if len(body) == 0 {
		unended = "the line feed of the empty body was left out of the signed text: the text ends with two line feeds, that of nonce_str and one for the body that is not there"
	}
	for _, slip := range []struct {
		text []byte
		why  string
	}{
		{bytes.TrimSuffix(right, []byte("\n")), unended},
		{bytes.TrimRight(right, "\n"), "the line feeds at the end were left out of the signed text; each of its five lines ends with one, that of an empty body too"},
		{text(tx.Method, path, body), "the query was left out of the signed text"},
		{text(tx.Method, decoded, body), "the address was signed before it was escaped"},
		{text(tx.Method, "https://"+tx.Host+tx.URI, body), "the whole address was signed instead of path and query"},
		{text(tx.Method, tx.URI, nil), "the body was left out of the signed text"},
		{text(tx.Method, tx.URI, tx.Sent), "the whole form was signed instead of its meta alone"},
		{text(tx.Method, tx.URI, append(bytes.Clone(body), '\n')), "a line feed was signed that was not sent"},
		{text(tx.Method, tx.URI, []byte("{}")), "{} was signed as the body, and no such body was sent"},
		{text(strings.ToLower(tx.Method), tx.URI, body), "the method was signed in lower case"},
		{bytes.ReplaceAll(right, []byte("\n"), []byte("\r\n")), "the lines of the signed text end with a carriage return and a line feed"},
	} {
		if signed(slip.text) {
			return slip.why
		}
	}
	return "no usual slip explains it: most likely the private key is not that of the certificate"
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

func (n *nonces) fresh(nonce, authorization string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.young == nil {
		n.seed = maphash.MakeSeed()
	}
	if now := time.Now(); n.young == nil || now.Sub(n.since) > 2*maxAge {
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
