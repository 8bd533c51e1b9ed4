package wxpay

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

// Hosts of WeChat Pay in mainland China.
const (
	MainURL   = "https://api.mch.weixin.qq.com"
	BackupURL = "https://api2.mch.weixin.qq.com" // another city
)

// A Config is what a [Client] is made of. Needed are who signs (MchID, SerialNo, PrivateKey) and how to
// know WeChat Pay: its public key (PublicKeyID, PublicKey), or APIv3Key to download its certificates.
// Everything else has a default.
type Config struct {
	MchID      string        // merchant number of the caller
	SerialNo   string        // serial number of the merchant's API certificate
	PrivateKey crypto.Signer // RSA key of that certificate; *rsa.PrivateKey, or a key in a KMS or HSM

	// APIv3Key has 32 bytes. It opens notifications, and the certificates where they are used.
	APIv3Key Secret

	PublicKeyID string         // ID of the platform public key, PUB_KEY_ID_…
	PublicKey   *rsa.PublicKey // platform public key (pub_key.pem)

	// Migrating loads the platform certificates beside the public key, for the days in which WeChat Pay
	// moves the merchant from one to the other and signs with either. Switch it off when the move is
	// done: each download counts against it. Without a public key the certificates are loaded always.
	Migrating bool
	// CertificateShare is how many of a hundred encrypting calls still use the certificate while
	// Migrating: 0 none, 100 all. [PlatformKeys.SetCertificateShare] changes it later.
	CertificateShare int

	// Objects of wechatpay-go that a backend has already. Signer replaces MchID, SerialNo and PrivateKey;
	// Verifier and Encryptor go together and replace the platform's keys; Decryptor opens fields
	// that come encrypted.
	Signer    wechat.Signer
	Verifier  wechat.Verifier
	Encryptor cipher.Encryptor
	Decryptor cipher.Decryptor

	BaseURL   string // default MainURL; plain http for loopback hosts only
	BackupURL string // default: the constant BackupURL if BaseURL is the default, else none

	// HTTPClient sends the requests; its Transport may be any, httpmock's for one. Redirects are never
	// followed. The default has time-outs and idle connections as the platform wants them.
	HTTPClient *http.Client
	// Concurrency is how many idle connections the default HTTPClient keeps. Default 16.
	Concurrency int
	// Timeout bounds a whole call with its repetitions; the caller's context may end it sooner. Default
	// 30 s; an upload has twice that and one more second for every 64 KiB.
	Timeout time.Duration
	// MaxAttempts is how often a call that may be repeated is sent at most. Default 3; 1 never repeats.
	MaxAttempts int

	// Observe is told of every attempt after it ended, for logs, metrics and traces. It must not block.
	Observe func(context.Context, Exchange)
}

// An Exchange is one attempt at a call. It holds no header, no body and no key.
type Exchange struct {
	Route     string        // the constant "POST /v3/…/{id}", fit for a metrics label
	Attempt   int           // 1 for the first
	Host      string        // main or backup
	Status    int           // 0 if no answer came
	RequestID string        // to quote to the platform's support
	Duration  time.Duration // until the answer was read and verified
	Odd       []string      // members of a genuine answer that could not be read as documented, by name
	Err       error         // what the caller sees if this is the last attempt
}

// ConfigFromEnv reads WXPAY_MCH_ID, WXPAY_SERIAL_NO, WXPAY_PRIVATE_KEY_FILE, WXPAY_APIV3_KEY,
// WXPAY_PUBLIC_KEY_ID, WXPAY_PUBLIC_KEY_FILE, WXPAY_BASE_URL and WXPAY_BACKUP_URL. A variable that is not set
// leaves its field empty; [New] says what is missing. The file of the private key must not be readable
// by others.
func ConfigFromEnv() (Config, error) {
	c := Config{
		MchID:       os.Getenv("WXPAY_MCH_ID"),
		SerialNo:    os.Getenv("WXPAY_SERIAL_NO"),
		APIv3Key:    Secret(os.Getenv("WXPAY_APIV3_KEY")),
		PublicKeyID: os.Getenv("WXPAY_PUBLIC_KEY_ID"),
		BaseURL:     os.Getenv("WXPAY_BASE_URL"),
		BackupURL:   os.Getenv("WXPAY_BACKUP_URL"),
	}
	if path := os.Getenv("WXPAY_PRIVATE_KEY_FILE"); path != "" {
		key, err := auth.LoadPrivateKeyFile(path)
		if err != nil {
			return Config{}, fmt.Errorf("wxpay: WXPAY_PRIVATE_KEY_FILE: %w", err)
		}
		c.PrivateKey = key
	}
	if path := os.Getenv("WXPAY_PUBLIC_KEY_FILE"); path != "" {
		key, err := auth.LoadPublicKeyFile(path)
		if err != nil {
			return Config{}, fmt.Errorf("wxpay: WXPAY_PUBLIC_KEY_FILE: %w", err)
		}
		c.PublicKey = key
	}
	return c, nil
}

// Format shows who signs and where to, and *** for the rest, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

func (c Config) String() string {
	return fmt.Sprintf("wxpay.Config{MchID:%s SerialNo:%s PublicKeyID:%s BaseURL:%s ***}", c.MchID, c.SerialNo, c.PublicKeyID, c.BaseURL)
}

// LogValue is what slog shows.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is what JSON shows.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// complete returns c with its defaults, or the first thing that is wrong with it.
func (c Config) complete() (Config, error) {
	wrong := func(field, reason string) (Config, error) {
		return Config{}, &ParamError{Route: "Config", Param: field, Reason: reason}
	}
	if c.Signer == nil {
		s, err := auth.NewSigner(c.MchID, c.SerialNo, c.PrivateKey)
		switch {
		case c.MchID == "":
			return wrong("MchID", "is missing (merchant number)")
		case c.SerialNo == "":
			return wrong("SerialNo", "is missing (serial number of the API certificate)")
		case c.PrivateKey == nil:
			return wrong("PrivateKey", "is missing (apiclient_key.pem)")
		case err != nil:
			return wrong("PrivateKey", "does not fit: "+err.Error())
		}
		c.Signer = s
	}
	if n := len(c.APIv3Key); n != 0 && n != 32 {
		return wrong("APIv3Key", fmt.Sprintf("has %d bytes instead of 32", n))
	}
	switch {
	case (c.Verifier == nil) != (c.Encryptor == nil):
		return wrong("Verifier", "and Encryptor go together")
	case (c.PublicKeyID == "") != (c.PublicKey == nil):
		return wrong("PublicKeyID", "and PublicKey go together")
	case c.Verifier == nil && c.PublicKey == nil && c.APIv3Key == "":
		return wrong("PublicKey", "or APIv3Key is needed to know the platform's keys")
	case c.Migrating && c.APIv3Key == "":
		return wrong("APIv3Key", "is needed to load certificates while Migrating")
	}
	if c.BaseURL == "" {
		c.BaseURL = MainURL
		if c.BackupURL == "" {
			c.BackupURL = BackupURL
		}
	}
	if _, err := httpx.BaseURL(c.BaseURL); err != nil {
		return wrong("BaseURL", err.Error())
	}
	if _, err := httpx.BaseURL(c.BackupURL); c.BackupURL != "" && err != nil {
		return wrong("BackupURL", err.Error())
	}
	c.BaseURL, c.BackupURL = strings.TrimSuffix(c.BaseURL, "/"), strings.TrimSuffix(c.BackupURL, "/")
	c.Concurrency = cmp.Or(max(c.Concurrency, 0), 16)
	c.Timeout = cmp.Or(max(c.Timeout, 0), 30*time.Second)
	c.MaxAttempts = cmp.Or(max(c.MaxAttempts, 0), 3)
	c.HTTPClient = httpx.Client(c.HTTPClient, c.Concurrency, 10*time.Second)
	return c, nil
}
