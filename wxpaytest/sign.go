package wxpaytest

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	scheme = "WECHATPAY2-SHA256-RSA2048"
	maxAge = 5 * time.Minute
)

func mediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}

// signedBody returns the bytes that the signature covers: the body, or the meta of an upload.
func (c *call) signedBody() ([]byte, error) {
	if !c.in.upload() {
		if len(c.in.body) > maxJSON {
			return nil, &refusal{status: 400, code: "INVALID_REQUEST", message: "the body is too large"}
		}
		return c.in.body, nil
	}
	parts, err := c.in.parts("meta", "file")
	if err != nil {
		return nil, err
	}
	if t := parts[0].header.Get("Content-Type"); t != "" && mediaType(parts[0].header) != "application/json" {
		c.advise("the part meta has the Content-Type %s; it is application/json", t)
	}
	if parts[0].at > parts[1].at {
		c.advise("the part meta comes after the file; the documents put it first")
	}
	c.file = parts[1].body
	c.checked("multipart")
	return parts[0].body, nil
}

// upload reports whether a request is a form of meta and file. Of a route that only a test knows, the
// request itself has to say so.
func (in *incoming) upload() bool {
	ep := in.endpoint
	return ep != nil && (ep.upload || ep.serve == nil && mediaType(in.header) == "multipart/form-data")
}

// A part is one part of a form.
type part struct {
	at       int // its place in the form
	filename string
	header   http.Header
	body     []byte
}

// parts reads a form that must have each of the parts named once, in whatever order, and returns them in
// the order of the names; a part "file" has a file name, no other has.
func (in *incoming) parts(names ...string) ([]part, error) {
	kind, params, err := mime.ParseMediaType(in.header.Get("Content-Type"))
	switch {
	case err != nil || kind != "multipart/form-data":
		return nil, badHeader("Content-Type", "is not multipart/form-data with a boundary")
	case params["boundary"] == "":
		return nil, badHeader("Content-Type", "is not multipart/form-data with a boundary: it lacks the boundary, so nobody can tell the parts apart; let the library that makes the form set this header")
	}
	found := make([]part, len(names))
	r := multipart.NewReader(bytes.NewReader(in.body), params["boundary"])
	for at := 1; ; at++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad("body", &violation{issue: "is not the multipart form it should be"})
		}
		body, err := io.ReadAll(p)
		if err != nil {
			return nil, bad("body", &violation{issue: "ends within a part"})
		}
		i := slices.Index(names, p.FormName())
		if i < 0 || found[i].at > 0 {
			return nil, bad("body", &violation{"/" + p.FormName(), nil, "is not the part expected here; the form has one each of " + strings.Join(names, ", ")})
		}
		if (p.FormName() == "file") != (p.FileName() != "") {
			return nil, bad("body", &violation{"/" + p.FormName(), nil, "must have a file name if it is the file, and only then"})
		}
		found[i] = part{at, p.FileName(), http.Header(p.Header), body}
	}
	if i := slices.IndexFunc(found, func(p part) bool { return p.at == 0 }); i >= 0 {
		return nil, bad("body", &violation{"/" + names[i], nil, "is missing from the form"})
	}
	return found, nil
}

// signError refuses a signature and says why.
func signError(format string, a ...any) error {
	return &refusal{status: http.StatusUnauthorized, code: "SIGN_ERROR", message: "签名错误: " + fmt.Sprintf(format, a...), reason: reasonSign,
		detail: object{"field": "signature", "location": "authorization", "issue": "sign not match"}}
}

// authenticate checks the Authorization of a request over the bytes that it has to cover.
func (s *Server) authenticate(c *call, body []byte) error {
	in := c.in
	name, list, _ := strings.Cut(in.header.Get("Authorization"), " ")
	switch {
	case len(in.header.Values("Authorization")) != 1:
		return signError("there must be one header Authorization")
	case name != scheme:
		return signError("the scheme of Authorization is not %s", scheme)
	}
	m, err := credentials(list)
	if err != nil {
		return signError("Authorization %v", err)
	}
	unix, err := strconv.ParseInt(m["timestamp"], 10, 64)
	skew := time.Since(time.Unix(unix, 0))
	switch {
	case m["mchid"] != MchID:
		return signError("mchid is not %s", MchID)
	case m["serial_no"] != SerialNo:
		return signError("serial_no is not %s, the merchant's certificate", SerialNo)
	case err != nil:
		return signError("timestamp is not a number of seconds")
	case skew > maxAge || skew < -maxAge:
		return signError("timestamp is %s from the platform's clock, more than 5 minutes", skew.Round(time.Second))
	}
	if err := s.verify(in, m, body); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nonces.fresh(maphash.String(s.seed, m["nonce_str"]), maphash.String(s.seed, list)) {
		return signError("nonce_str was used before, for another request")
	}
	c.checked("signature")
	return nil
}

// credentials reads name="value",… and wants each member once.
func credentials(list string) (map[string]string, error) {
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
	for _, name := range []string{"mchid", "nonce_str", "timestamp", "serial_no", "signature"} {
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
func (s *Server) verify(in *incoming, m map[string]string, body []byte) error {
	key, err := merchantKey()
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
	right := text(in.method, in.uri, body)
	if signed(right) {
		return nil
	}
	path, _, _ := strings.Cut(in.uri, "?")
	decoded, _ := url.PathUnescape(in.uri)
	why := "no usual slip explains it: most likely the private key is not that of the certificate"
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
		{text(in.method, path, body), "the query was left out of the signed text"},
		{text(in.method, decoded, body), "the address was signed before it was escaped"},
		{text(in.method, "https://"+in.host+in.uri, body), "the whole address was signed instead of path and query"},
		{text(in.method, in.uri, nil), "the body was left out of the signed text"},
		{text(in.method, in.uri, in.body), "the whole form was signed instead of its meta alone"},
		{text(in.method, in.uri, append(bytes.Clone(body), '\n')), "a line feed was signed that was not sent"},
		{text(in.method, in.uri, []byte("{}")), "{} was signed as the body, and no such body was sent"},
		{text(strings.ToLower(in.method), in.uri, body), "the method was signed in lower case"},
		{bytes.ReplaceAll(right, []byte("\n"), []byte("\r\n")), "the lines of the signed text end with a carriage return and a line feed"},
	} {
		if signed(slip.text) {
			why = slip.why
			break
		}
	}
	should := text(in.method, in.uri, fmt.Appendf(nil, "<%d bytes, sha256 %x>", len(body), sha256.Sum256(body)))
	return signError("%s. The text that should be signed is %q; the whole body received has %d bytes and sha256 %x", why, should, len(in.body), sha256.Sum256(in.body))
}

// nonces remembers nonces with the signature they came in for as long as their timestamps are accepted, in
// two generations. The very same request may come again: a transport may send it twice, or to the
// other host.
type nonces struct {
	young, old map[uint64]uint64
	since      time.Time
}

func (n *nonces) fresh(nonce, authorization uint64) bool {
	if now := time.Now(); n.young == nil || now.Sub(n.since) > 2*maxAge {
		n.young, n.old, n.since = map[uint64]uint64{}, n.young, now
	}
	for _, generation := range []map[uint64]uint64{n.young, n.old} {
		if was, used := generation[nonce]; used {
			return was == authorization
		}
	}
	n.young[nonce] = authorization
	return true
}

// sign completes the headers of an answer.
func (s *Server) sign(in *incoming, a *answer) error {
	s.mu.Lock()
	list := in.endpoint != nil && in.endpoint.pattern == listCertificatesRoute
	id, nonce, key := s.requestID(a.reason), s.nonce(s.number()), s.signer(in.header.Get("Wechatpay-Serial"), list)
	s.mu.Unlock()
	a.header.Set("Request-Id", id)
	a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h, err := signature(key, nonce, a.body, a.seal)
	maps.Copy(a.header, h)
	switch {
	case a.seal.tampered && len(a.body) == 0:
		a.status, a.body = http.StatusOK, []byte("{}")
	case a.seal.tampered:
		a.body = append(bytes.Clone(a.body), ' ')
	}
	return err
}

// nonce makes the nonce of a number, which no other server makes of it: a client may know several.
func (s *Server) nonce(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", s.salt, n))
	return fmt.Sprintf("%x", sum[:16])
}

// signature returns the headers that sign body.
func signature(key *platformKey, nonce string, body []byte, how seals) (http.Header, error) {
	if how.none {
		return nil, nil
	}
	private, at := key.private, time.Now()
	if how.forged {
		var err error
		if private, err = strangerKey(); err != nil {
			return nil, err
		}
	}
	if how.stale {
		at = at.Add(-2 * maxAge)
	}
	sig, err := sign(private, fmt.Sprintf("%d\n%s\n%s\n", at.Unix(), nonce, body))
	if err != nil {
		return nil, err
	}
	if how.probe {
		sig = "WECHATPAY/SIGNTEST/" + sig
	}
	h := http.Header{}
	h.Set("Wechatpay-Serial", cmp.Or(how.serial, key.serial))
	h.Set("Wechatpay-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", sig)
	h.Set("Wechatpay-Signature-Type", cmp.Or(how.kind, scheme))
	return h, nil
}
