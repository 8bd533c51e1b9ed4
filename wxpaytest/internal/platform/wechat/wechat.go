// Package wechat is WeChat Pay as a platform of the fake: it knows who may ask, a merchant and a brand, reads
// requests by the rules of APIv3, and signs answers and notifications by the type of the identity.
package wechat

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// What the fake merchant, the fake brand and the fake platform are called. The keys behind these names are made
// anew in every process.
const (
	MchID       = "1900000109"
	SerialNo    = "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"
	APIv3Key    = "wxpaytest-api-v3-key-of-32-bytes"
	PublicKeyID = "PUB_KEY_ID_0119000001092026010100000000000001"

	BrandID          = "40001"
	BrandSerialNo    = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	BrandAPIKey      = "wxpaytest0brand0api0key0of0bytes"
	BrandPublicKeyID = "PUB_KEY_ID_01400010002026010100000000000001"
)

// An Identity is someone who may ask: a merchant or a brand.
type Identity struct {
	Scheme string // of Authorization, and of the signatures of the platform
	Member string // of Authorization that names the identity
	ID     string
	Serial string // of the certificate that the identity signs with
	APIKey string // opens notifications
	Door   string // what the paths of its calls start with

	Variable string // of the environment that names the ID
	Foreign  string // signature type of another product line; a brand takes that of a merchant too

	key   func() (*rsa.PrivateKey, error)
	vault *vault
}

const maxAge = 5 * time.Minute

// A Platform is WeChat Pay.
type Platform struct {
	Merchant, Brand *Identity

	mode  Mode
	clock *engine.Clock
	seen  nonces
	salt  string // of nonces
	sent  sent
}

// New returns a WeChat Pay that the merchant knows by mode; the brand always knows it by a public key.
func New(mode Mode, salt string) (*Platform, error) {
	p := &Platform{mode: mode, salt: salt}
	p.Merchant = &Identity{
		Scheme: "WECHATPAY2-SHA256-RSA2048", Member: "mchid", ID: MchID, Serial: SerialNo, APIKey: APIv3Key, Door: "/", Variable: "WXPAY_MCH_ID",
		Foreign: "WECHATPAY-BRAND-SHA256-RSA2048",
		key:     merchantKey, vault: &vault{publicShare: 100},
	}
	p.Brand = &Identity{
		Scheme: "WECHATPAY-BRAND-SHA256-RSA2048", Member: "brand_id", ID: BrandID, Serial: BrandSerialNo, APIKey: BrandAPIKey, Door: "/brand/", Variable: "WXPAY_BRAND_ID",
		Foreign: "WECHATPAY2-SM2-WITH-SM3",
		key:     brandKey, vault: &vault{publicShare: 100, public: &key{BrandPublicKeyID, brandPublicKey, nil}},
	}
	if mode != Certificates {
		p.Merchant.vault.public = &key{PublicKeyID, publicKey, nil}
	}
	if mode != PublicKey {
		if _, err := p.RotateCertificate(); err != nil {
			return nil, err
		}
	}
	_, err := merchantKey()
	return p, err
}

// Start lets the platform answer through an engine.
func (p *Platform) Start(e *engine.Engine) error {
	p.clock = &e.Clock
	return e.Add(p.certificates())
}

// IdentityOf returns the one of that ID, and the merchant if there is none.
func (p *Platform) IdentityOf(id string) *Identity {
	if id == p.Brand.ID {
		return p.Brand
	}
	return p.Merchant
}

// asked returns the identity that a path is for.
func (p *Platform) asked(path string) *Identity {
	if strings.HasPrefix(path, p.Brand.Door) {
		return p.Brand
	}
	return p.Merchant
}

// Private returns the private key that the identity signs with.
func (i *Identity) Private() (*rsa.PrivateKey, error) { return i.key() }

// Public returns the platform public key that the identity knows, with its ID; nil: it knows certificates.
func (i *Identity) Public() (id string, _ *rsa.PublicKey, err error) {
	if i.vault.public == nil {
		return "", nil, nil
	}
	private, err := i.vault.public.private()
	if err != nil {
		return "", nil, err
	}
	return i.vault.public.serial, &private.PublicKey, nil
}

// HasBoth reports whether the identity knows the platform by its public key and by certificates.
func (i *Identity) HasBoth() bool { return i.vault.public != nil && len(i.vault.certificates) > 0 }

// Encrypt seals a member of what is sent to a caller.
func (p *Platform) Encrypt(caller, plain string) (string, error) {
	return encrypt(p.IdentityOf(caller).key, plain)
}

// Name is what the catalog calls the platform.
func (p *Platform) Name() string { return "wechatpay" }

// Hosts are those that the documents name.
func (p *Platform) Hosts() []string {
	return []string{"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "apihk.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn"}
}

// Owns reports whether a path that no document knows is one of WeChat Pay's: any that nobody else owns.
func (p *Platform) Owns(string) bool { return true }

// Admit checks who sent a request, and that it is genuine.
func (p *Platform) Admit(tx *engine.Tx) error {
	if err := signedBody(tx); err != nil {
		return err
	}
	return p.authenticate(tx)
}

// Validate checks headers, path, query and body by the documents.
func (p *Platform) Validate(tx *engine.Tx) error {
	if err := p.platformKey(tx); err != nil {
		return err
	}
	if accept := strings.Join(tx.Header.Values("Accept"), ","); !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		return engine.Bad("header", "Accept", "does not take application/json")
	}
	c := &schema.Check{Strict: true, Secrets: tx.Secrets, Open: open(tx)}
	if tx.Caller == p.Brand.ID {
		c.Without = p.Brand.Member
	}
	if err := c.Query(tx.Vars, tx.Op.Params, "path"); err != nil {
		return wrong("path", err)
	}
	query, err := queryOf(tx.URI)
	if err == nil {
		tx.Query, err = query, c.Query(query, tx.Op.Params, "query")
	}
	if err != nil {
		return wrong("query", err)
	}
	if err := checkPage(tx); err != nil {
		return err
	}
	tx.Checked("query")
	switch {
	case tx.Op.Body != nil:
	case len(tx.Sent) == 0:
		return nil
	case tx.Method != http.MethodGet && string(tx.Sent) == "{}": // as clients write that always send JSON
		tx.Advise("the body {} is not needed; the documents have none here")
		return nil
	default:
		return engine.Bad("body", "", "must be empty")
	}
	if tx.Op.Upload == nil && engine.MediaType(tx.Header) != "application/json" {
		return engine.Bad("header", "Content-Type", "is not application/json")
	}
	if tx.Body, err = (schema.Reader{Strict: true}).Object(tx.Signed); err == nil {
		err = c.Object(tx.Body, tx.Op.Body, "")
	}
	if err != nil {
		return wrong("body", err)
	}
	tx.Checked("body")
	return nil
}

// checkPage refuses pages that cannot be, where the documents name no bounds.
func checkPage(tx *engine.Tx) error {
	p := tx.Op.Pagination
	if p == nil {
		return nil
	}
	for name, least := range map[string]int64{p.Limit: 1, p.Offset: p.First} {
		if _, set := tx.Query[name]; set && tx.Query.Number(name) < least {
			return engine.Bad("query", name, "is out of range")
		}
	}
	return nil
}

// wrong says where the request is not as the documents have it.
func wrong(where string, err error) error {
	if v, ok := errors.AsType[*schema.Violation](err); ok {
		return &engine.Wrong{Where: where, Violation: v}
	}
	return err
}

// open opens what is encrypted, if the request names the key of it.
func open(tx *engine.Tx) func(string) (string, error) {
	if tx.Open != nil {
		return tx.Open
	}
	return func(string) (string, error) { return "", engine.ErrNoSerial() }
}

// queryOf reads a query; a name may come once.
func queryOf(uri string) (schema.Object, error) {
	_, raw, _ := strings.Cut(uri, "?")
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &schema.Violation{Issue: "is not a query"}
	}
	o := schema.Object{}
	for name, all := range values {
		if len(all) != 1 {
			return nil, &schema.Violation{Field: "/" + name, Issue: "comes more than once"}
		}
		o[name] = all[0]
	}
	return o, nil
}

const listCertificates = "listCertificates" // the one call that those make who know no key yet

func isList(tx *engine.Tx) bool { return tx.Op != nil && tx.Op.ID == listCertificates }

// platformKey finds the key that the request names. A request that encrypts nothing need not name one, and
// the download of certificates may name anything.
func (p *Platform) platformKey(tx *engine.Tx) error {
	serial, list, caller := tx.Header.Get("Wechatpay-Serial"), isList(tx), p.IdentityOf(tx.Caller)
	if k := caller.vault.find(serial); k != nil {
		tx.Open = k.open
		tx.Checked("Wechatpay-Serial")
		return nil
	}
	hasPublic := caller.vault.public != nil
	switch {
	case serial == "" && hasPublic && !list:
		tx.Advise("Wechatpay-Serial is missing; WeChat Pay counts a call for the switch to its public key only if the call names that key")
	case serial == "":
	case list:
		tx.Advise("Wechatpay-Serial names no key of the platform; leave it out until one is known")
	case !hasPublic && strings.HasPrefix(serial, "PUB_KEY_ID_"):
		tx.Advise("Wechatpay-Serial names a public key, and none is switched on for this merchant; it is not looked at")
	case caller == p.Brand && strings.HasPrefix(serial, "PUB_KEY_ID_"):
		return engine.Invalid("the public key that Wechatpay-Serial names is not of this brand")
	default:
		return engine.Bad("header", "Wechatpay-Serial", "names no key of the platform")
	}
	return nil
}

// Refuse writes an error as APIv3 does.
func (p *Platform) Refuse(_ *engine.Tx, a *engine.Answer, err error) {
	a.Refuse(refusal(err))
}

func refusal(err error) *engine.Refusal {
	if w, ok := errors.AsType[*engine.Wrong](err); ok {
		detail := engine.Object{"location": w.Where, "issue": w.Issue}
		if w.Field != "" {
			detail["field"] = w.Field
		}
		if w.Value != nil {
			detail["value"] = w.Value
		}
		return &engine.Refusal{Status: http.StatusBadRequest, Code: "PARAM_ERROR", Message: "参数错误: " + w.Error(), Detail: detail}
	}
	if t, ok := errors.AsType[*engine.TooFast](err); ok {
		return &engine.Refusal{Status: http.StatusTooManyRequests, Code: "RATELIMIT_EXCEEDED", Message: t.Error(), Reason: engine.ReasonRate}
	}
	if r, ok := errors.AsType[*engine.Refusal](err); ok {
		return r
	}
	return &engine.Refusal{Status: http.StatusInternalServerError, Code: "SYSTEM_ERROR", Message: err.Error()}
}

// Seal completes the headers of an answer and signs it.
func (p *Platform) Seal(tx *engine.Tx, a *engine.Answer) error {
	who := p.IdentityOf(tx.Caller)
	if tx.Caller == "" {
		who = p.asked(tx.URI)
	}
	key := who.vault.signer(tx.Header.Get("Wechatpay-Serial"), isList(tx))
	id := requestID(p.clock.Number(), a.Reason)
	h, err := p.signature(who, key, p.clock.Number(), a.Body, a.Seal)
	a.Header.Set("Request-Id", id)
	a.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	maps.Copy(a.Header, h)
	switch {
	case a.Seal.Tampered && len(a.Body) == 0:
		a.Status, a.Body = http.StatusOK, []byte("{}")
	case a.Seal.Tampered:
		a.Body = append(bytes.Clone(a.Body), ' ')
	}
	return err
}

// requestID makes a Request-ID; its last digits are the internal code.
func requestID(number int64, reason int) string {
	return fmt.Sprintf("WXPAYTEST%012d-%d", number, reason)
}

// nonce makes the nonce of a number, which no other server makes of it: a client may know several.
func (p *Platform) nonce(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", p.salt, n))
	return fmt.Sprintf("%x", sum[:16])
}

const unknownSerial = "7777777777777777777777777777777777777777"

// signature returns the headers that sign body for an identity.
func (p *Platform) signature(who *Identity, k *key, number int64, body []byte, how engine.Seals) (http.Header, error) {
	if how.None {
		return nil, nil
	}
	keyOf, at, serial, scheme := k.private, time.Now(), k.serial, who.Scheme
	if how.Forged {
		keyOf = strangerKey
	}
	if how.Stale {
		at = at.Add(-2 * maxAge)
	}
	if how.UnknownSerial {
		serial = unknownSerial
	}
	if how.OtherType {
		scheme = who.Foreign
	}
	private, err := keyOf()
	if err != nil {
		return nil, err
	}
	nonce := p.nonce(number)
	sig, err := sign(private, fmt.Sprintf("%d\n%s\n%s\n", at.Unix(), nonce, body))
	if err != nil {
		return nil, err
	}
	if how.Probe {
		sig = "WECHATPAY/SIGNTEST/" + sig
	}
	h := http.Header{}
	h.Set("Wechatpay-Serial", serial)
	h.Set("Wechatpay-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Wechatpay-Nonce", nonce)
	h.Set("Wechatpay-Signature", sig)
	h.Set("Wechatpay-Signature-Type", scheme)
	return h, nil
}
