// Package wechat is WeChat Pay as a platform of the fake: it knows who may ask, a merchant and a brand, reads
// requests by the rules of APIv3, and signs answers and notifications by the type of the identity.
package wechat

import (
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// What the fake merchant, the fake brand and the fake platform are called. The keys behind these names are made
// anew in every process, or follow from a seed.
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

	key   keyOf
	vault *vault
}

const maxAge = 5 * time.Minute

// A Platform is WeChat Pay.
type Platform struct {
	Merchant, Brand *Identity

	NotifyHosts func(host string) bool // where notifications may go besides loopback; nil: nowhere

	mode     Mode
	clock    *engine.Clock
	seen     nonces
	stranger keyOf  // signs what is forged
	salt     string // of nonces
	sent     sent
}

// New returns a WeChat Pay that the merchant knows by mode; the brand always knows it by a public key. The keys follow
// from seed; without one they are made anew in every process.
func New(mode Mode, salt, seed string) (*Platform, error) {
	ring := rings.of(seed)
	p := &Platform{mode: mode, salt: salt, stranger: ring.key("stranger")}
	p.Merchant = &Identity{
		Scheme: "WECHATPAY2-SHA256-RSA2048", Member: "mchid", ID: MchID, Serial: SerialNo, APIKey: APIv3Key, Door: "/", Variable: "WXPAY_MCH_ID",
		Foreign: "WECHATPAY-BRAND-SHA256-RSA2048",
		key:     ring.key("merchant"), vault: &vault{seed: seed, publicShare: 100},
	}
	p.Brand = &Identity{
		Scheme: "WECHATPAY-BRAND-SHA256-RSA2048", Member: "brand_id", ID: BrandID, Serial: BrandSerialNo, APIKey: BrandAPIKey, Door: "/brand/", Variable: "WXPAY_BRAND_ID",
		Foreign: "WECHATPAY2-SM2-WITH-SM3",
		key:     ring.key("brand"), vault: &vault{seed: seed, publicShare: 100, public: &key{BrandPublicKeyID, ring.key("brand platform"), nil}},
	}
	needed := []keyOf{p.Merchant.key}
	if mode != Certificates {
		p.Merchant.vault.public = &key{PublicKeyID, ring.key("platform"), nil}
		needed = append(needed, p.Merchant.vault.public.private)
	}
	if mode != PublicKey {
		needed = append(needed, ring.key("certificate 0"))
	}
	if err := atOnce(needed); err != nil || mode == PublicKey {
		return p, err
	}
	_, err := p.rotateCertificate()
	return p, err
}

// atOnce makes keys on all cores.
func atOnce(keys []keyOf) error {
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() { _, errs[i] = key() })
	}
	wg.Wait()
	return errors.Join(errs...)
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
func (i *Identity) HasBoth() bool {
	i.vault.mu.Lock()
	defer i.vault.mu.Unlock()
	return i.vault.public != nil && i.vault.newest() != nil
}

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
