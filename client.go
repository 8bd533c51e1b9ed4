// Package wxpay is the core of an SDK for the WeChat Pay APIv3 products that the official Go SDK leaves
// out. It signs, sends, repeats, verifies and decodes; the products are packages of their own:
//
//   - services/bankpackages: marketing bank packages (营销·号码包)
//   - services/membercard: member cards (会员卡)
//   - services/edupapay: education auto-renewal (教育续费通)
//   - services/productcoupon: product coupons of brands (商品券)
//   - services/deliveryplan: delivery plans for product coupons (投放计划)
//   - services/mchtransfer: merchant transfer to users (商家转账)
//   - services/security: the self-test of keys and addresses
//   - notify: notifications of all of them
//   - push/pushpackage: Tencent's push service TPNS, which is another platform
//   - wxpaytest: a fake WeChat Pay to test against
//
// A call reads
//
//	client, err := wxpay.New(config)
//	task, err := bankpackages.New(client).CreateTask(ctx, params)
//
// and its error says what may safely be done next:
//
//   - [ParamError]: refused here, nothing was sent
//   - [Error]: WeChat Pay refused; branch on its Code
//   - [UnknownError]: it may have happened; repeat with the same numbers, or query
//   - any other: it never left; repeat freely
//
// [Do] makes a call that no package wraps.
package wxpay

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/sealing"
)

// A Client makes calls for one merchant or brand. It is safe for concurrent use, keeps no goroutine and needs no
// Close; a download of platform certificates runs in a goroutine of its own, which ends by itself within
// 20 s. One client serves all products; make it once.
type Client struct{ *core }

// core is what the copies of a Client share. Secrets are in it as functions alone: whatever walks through
// the fields of a value, such as the diff of a test, finds no key.
type core struct {
	config    Config // without APIv3Key and PrivateKey
	apiV3Key  func() string
	decrypter func() crypto.Decrypter // nil: none
	scheme    auth.Scheme
	verifier  wechat.Verifier
	encryptor cipher.Encryptor
	keys      *PlatformKeys // nil if the caller brought verifier and encryptor
	types     sealing.Types
	answers   answers
	hosts     hosts
	engine    *attempt.Engine
}

// New returns a client, or a [ParamError] that names the field of config that is wrong. Nothing is sent
// before the first call.
func New(config Config) (*Client, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	c := &Client{&core{scheme: config.scheme(), verifier: config.Verifier, encryptor: config.Encryptor}}
	key := []byte(config.APIv3Key)
	c.apiV3Key = func() string { return string(key) }
	if private, ok := config.PrivateKey.(crypto.Decrypter); ok {
		c.decrypter = func() crypto.Decrypter { return private }
	}
	config.APIv3Key, config.PrivateKey = "", nil
	c.config = config
	c.engine = attempt.New(attempt.Policy{Client: config.HTTPClient, Concurrency: config.Concurrency, Header: 10 * time.Second, Attempts: config.MaxAttempts,
		Package: "wxpay", Unknown: OutcomeUnknown, Lost: func(route string, err error) error { return &UnknownError{Route: route, Err: err} }})
	c.hosts.main, c.hosts.backup = config.BaseURL, config.BackupURL
	if c.verifier == nil {
		if c.keys, err = newPlatformKeys(c); err != nil {
			return nil, err
		}
		c.verifier, c.encryptor = c.keys, c.keys
	}
	return c, nil
}

// Encrypt encrypts one sensitive field with the platform's key and returns the serial of that key, which
// belongs into [Call.Serial]. For several fields of one call use [Client.Encryptor].
func (c *Client) Encrypt(ctx context.Context, plain Secret) (ciphertext, serial string, err error) {
	if serial, err = c.encryptor.SelectCertificate(ctx); err != nil {
		return "", "", err
	}
	ciphertext, err = encrypt(ctx, c.encryptor, serial, string(plain))
	return ciphertext, serial, err
}

// Decrypt opens a field that WeChat Pay encrypted for the caller, with Config.Decryptor or the caller's private
// key.
func (c *Client) Decrypt(ctx context.Context, ciphertext string) (Secret, error) {
	if d := c.config.Decryptor; d != nil {
		plain, err := d.Decrypt(ctx, ciphertext)
		return Secret(plain), err
	}
	if c.decrypter == nil {
		return "", errors.New("wxpay: to decrypt, Config needs a Decryptor or a PrivateKey that can decrypt")
	}
	plain, err := auth.Decrypt(c.decrypter(), ciphertext)
	return Secret(plain), err
}

// Verify checks the signature of a notification over its raw body; package notify does this and the rest.
func (c *Client) Verify(ctx context.Context, sig auth.Signature, body []byte) error {
	return auth.VerifyNotification(ctx, c.verifier, c.scheme, sig, body, time.Now())
}

// OpenResource decrypts the resource of a notification with Config.APIv3Key. Without one the error is
// [auth.ErrNoAPIv3Key], whatever the arguments.
func (c *Client) OpenResource(algorithm, nonce, associatedData, ciphertext string) ([]byte, error) {
	return auth.OpenResource(c.apiV3Key(), algorithm, nonce, associatedData, ciphertext)
}

// Sender is the merchant number or brand ID of who calls, as [Exchange].Sender; empty if Config has a Signer and neither.
func (c *Client) Sender() string { return c.config.caller() }

// BrandID is the brand that c calls for in its own name; empty for a merchant.
func (c *Client) BrandID() string { return c.config.BrandID }

// Signer signs for this merchant or brand; it fits into core.NewClient of wechatpay-go.
func (c *Client) Signer() wechat.Signer { return c.config.Signer }

// Verifier knows the platform's keys and loads new ones by itself; it fits into wechatpay-go.
func (c *Client) Verifier() wechat.Verifier { return c.verifier }

// Encryptor encrypts sensitive fields; it fits into wechatpay-go.
func (c *Client) Encryptor() cipher.Encryptor { return c.encryptor }

// PlatformKeys are the keys of WeChat Pay as this client sees them; nil if Config brought a Verifier.
func (c *Client) PlatformKeys() *PlatformKeys { return c.keys }

// Format shows who calls and never a key, whatever the verb.
func (c Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "wxpay.Client(%s %s ***)", c.config.caller(), c.config.BaseURL)
}

// MarshalText is what JSON and slog show.
func (c Client) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }
