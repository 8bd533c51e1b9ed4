package wxpay

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/attempt"
	"github.com/wxpay-go/wxpay/internal/pasted"
)

// Hosts of WeChat Pay in mainland China.
const (
	MainURL   = "https://api.mch.weixin.qq.com"
	BackupURL = "https://api2.mch.weixin.qq.com" // another city
)

// A Config is what a [Client] is made of. Needed are who signs (MchID or BrandID, SerialNo, PrivateKey) and how
// to know WeChat Pay: its public key (PublicKeyID, PublicKey), or APIv3Key to download its certificates.
// Everything else has a default. [New] looks at the fields in the order in which they stand here, and refuses
// blanks, line ends and quotes around a value.
type Config struct {
	MchID string // merchant number of the caller, digits
	// BrandID makes the client call for a brand (品牌) in its own name, in place of MchID. A brand has a
	// certificate, a private key, an API key and a platform public key of its own, all from the brand platform;
	// it has no platform certificates. It may make the calls that say so; see [Call].BrandRoute.
	BrandID string
	// SerialNo is the serial number of the caller's API certificate in hexadecimal, such as
	// openssl x509 -in apiclient_cert.pem -noout -serial prints it; its "serial=", colons, 0x and lower
	// case are taken too.
	SerialNo   string
	PrivateKey crypto.Signer // RSA key of that certificate; *rsa.PrivateKey, or a key in a KMS or HSM

	// APIv3Key has 32 bytes; of a brand it is the brand API key (品牌API密钥). It opens notifications, and the
	// certificates where they are used.
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

	// Objects of wechatpay-go that a backend has already. Signer replaces SerialNo and PrivateKey, and MchID unless
	// [Exchange].Sender is to show it, which an [auth.Signer] tells by itself; one that signs for a brand needs its
	// BrandID. Verifier and Encryptor go together and replace the platform's keys; Decryptor opens fields that come
	// encrypted.
	Signer    wechat.Signer
	Verifier  wechat.Verifier
	Encryptor cipher.Encryptor
	Decryptor cipher.Decryptor

	BaseURL   string // default MainURL; plain http for loopback hosts only
	BackupURL string // default: the constant BackupURL if BaseURL is the default, else none

	// HTTPClient sends the requests; its Transport may be any, httpmock's for one. Redirects are never
	// followed. The default has time-outs and idle connections as the platform wants them. A host that is not
	// reached within 5 s is left for the backup; with MaxConnsPerHost of an http.Transport the 5 s begin when its
	// turn has come, but not if another type wraps that transport.
	HTTPClient *http.Client
	// Concurrency is how many idle connections the default HTTPClient keeps. Default 16.
	Concurrency int
	// Timeout bounds a whole call with its repetitions; the caller's context may end it sooner. Default
	// 30 s, at most a day; an upload has twice that and one more second for every 64 KiB.
	Timeout time.Duration
	// MaxAttempts is how often a call that may be repeated is sent at most. Default 3; 1 never repeats.
	MaxAttempts int

	// Observe is told of every attempt after it ended, for logs, metrics and traces. It must not block.
	Observe func(context.Context, Exchange)
}

// ConfigFromEnv reads
//
//	WXPAY_MCH_ID           or WXPAY_BRAND_ID, if a brand calls
//	WXPAY_SERIAL_NO        or WXPAY_CERTIFICATE_FILE, apiclient_cert.pem, for the number in it
//	WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY, the text of apiclient_key.pem
//	WXPAY_APIV3_KEY
//	WXPAY_PUBLIC_KEY_ID
//	WXPAY_PUBLIC_KEY_FILE  or WXPAY_PUBLIC_KEY, the text of pub_key.pem
//	WXPAY_BASE_URL
//	WXPAY_BACKUP_URL
//
// A variable that is not set leaves its field empty; [New] says what is missing or cannot be, with the name of
// the variable. ConfigFromEnv itself fails if a key cannot be read, if both the text and the file of one are
// set, or if the certificate has another serial number than WXPAY_SERIAL_NO or belongs to another key. The
// text of a key may stand on one line, with \n written out. The file of the private key must be closed to
// others, see [auth.LoadPrivateKeyFile].
func ConfigFromEnv() (Config, error) { return ConfigFrom(os.Getenv) }

// ConfigFrom is [ConfigFromEnv] with variables from elsewhere, such as a file; getenv returns nothing for one that
// is not set.
func ConfigFrom(getenv func(name string) string) (Config, error) {
	c := Config{
		MchID:       getenv("WXPAY_MCH_ID"),
		BrandID:     getenv("WXPAY_BRAND_ID"),
		SerialNo:    getenv("WXPAY_SERIAL_NO"),
		APIv3Key:    Secret(getenv("WXPAY_APIV3_KEY")),
		PublicKeyID: getenv("WXPAY_PUBLIC_KEY_ID"),
		BaseURL:     getenv("WXPAY_BASE_URL"),
		BackupURL:   getenv("WXPAY_BACKUP_URL"),
	}
	private, err := keyFromEnv(getenv, "WXPAY_PRIVATE_KEY", auth.LoadPrivateKey, auth.LoadPrivateKeyFile)
	if err != nil {
		return Config{}, err
	}
	if private != nil {
		c.PrivateKey = private
	}
	if c.SerialNo, err = serialFromEnv(getenv, c.SerialNo, private); err != nil {
		return Config{}, err
	}
	if c.PublicKey, err = keyFromEnv(getenv, "WXPAY_PUBLIC_KEY", auth.LoadPublicKey, auth.LoadPublicKeyFile); err != nil {
		return Config{}, err
	}
	return c, nil
}

// keyFromEnv reads the key whose text is in the variable name, or in the file that name_FILE tells; nil if
// neither is set.
func keyFromEnv[T any](getenv func(string) string, name string, text func([]byte) (*T, error), file func(string) (*T, error)) (*T, error) {
	inText, inFile := getenv(name), getenv(name+"_FILE")
	switch {
	case inText != "" && inFile != "":
		return nil, fmt.Errorf("wxpay: %s and %s_FILE are both set; leave one out", name, name)
	case inText != "":
		key, err := text([]byte(inText))
		if err != nil {
			return nil, fmt.Errorf("wxpay: %s: %w", name, err)
		}
		return key, nil
	case inFile != "":
		return fileFromEnv(getenv, name+"_FILE", file)
	}
	return nil, nil
}

// fileFromEnv loads the file that the variable name tells.
func fileFromEnv[T any](getenv func(string) string, name string, load func(string) (*T, error)) (*T, error) {
	path := getenv(name)
	if reason := pasted.Around(path); reason != "" {
		return nil, fmt.Errorf("wxpay: %s %s", name, reason)
	}
	v, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("wxpay: %s: %w", name, err)
	}
	return v, nil
}

// serialFromEnv is the serial number of the caller's certificate, from its file if that is set, in the
// spelling of the platform. What cannot be a serial number is left to [New].
func serialFromEnv(getenv func(string) string, given string, key *rsa.PrivateKey) (string, error) {
	serial, wrong := serialNumber(given)
	if getenv("WXPAY_CERTIFICATE_FILE") == "" {
		if wrong != "" {
			return given, nil
		}
		return serial, nil
	}
	cert, err := fileFromEnv(getenv, "WXPAY_CERTIFICATE_FILE", auth.LoadCertificateFile)
	if err != nil {
		return "", err
	}
	inside := utils.GetCertificateSerialNumber(*cert)
	switch {
	case given != "" && wrong != "":
		return "", fmt.Errorf("wxpay: WXPAY_SERIAL_NO %s; leave it out, WXPAY_CERTIFICATE_FILE has it", wrong)
	case given != "" && strings.TrimLeft(serial, "0") != strings.TrimLeft(inside, "0"):
		return "", fmt.Errorf("wxpay: WXPAY_SERIAL_NO is not the serial number in WXPAY_CERTIFICATE_FILE, which is %s; leave one of them out", inside)
	case key != nil && !key.PublicKey.Equal(cert.PublicKey):
		return "", errors.New("wxpay: the certificate in WXPAY_CERTIFICATE_FILE does not belong to the private key in WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY")
	}
	return inside, nil
}

// Format shows who signs and where to, and *** for the rest, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

func (c Config) String() string {
	return fmt.Sprintf("wxpay.Config{MchID:%s BrandID:%s SerialNo:%s PublicKeyID:%s BaseURL:%s ***}", c.MchID, c.BrandID, c.SerialNo, c.PublicKeyID, c.BaseURL)
}

// LogValue is what slog shows.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is what JSON shows.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalBinary is what gob shows.
func (c Config) MarshalBinary() ([]byte, error) { return []byte(c.String()), nil }

// variables are what [ConfigFromEnv] fills a field from.
var variables = map[string]string{
	"MchID":       "WXPAY_MCH_ID",
	"BrandID":     "WXPAY_BRAND_ID",
	"SerialNo":    "WXPAY_SERIAL_NO or WXPAY_CERTIFICATE_FILE",
	"PrivateKey":  "WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY",
	"APIv3Key":    "WXPAY_APIV3_KEY",
	"PublicKeyID": "WXPAY_PUBLIC_KEY_ID",
	"PublicKey":   "WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY",
	"BaseURL":     "WXPAY_BASE_URL",
	"BackupURL":   "WXPAY_BACKUP_URL",
}

// complete returns c with its defaults and its Signer, or the first field that is wrong.
func (c Config) complete() (Config, error) {
	for _, field := range [...]struct{ name, wrong string }{
		{"MchID", c.wrongMchID()},
		{"BrandID", c.wrongBrandID()},
		{"SerialNo", c.wrongSerialNo()},
		{"PrivateKey", c.wrongPrivateKey()},
		{"APIv3Key", c.wrongAPIv3Key()},
		{"PublicKeyID", c.wrongPublicKeyID()},
		{"PublicKey", c.wrongPublicKey()},
		{"Migrating", c.wrongMigrating()},
		{"Signer", c.wrongSigner()},
		{"Verifier", c.wrongVerifier()},
		{"BaseURL", wrongURL(c.BaseURL)},
		{"BackupURL", wrongURL(c.BackupURL)},
	} {
		if field.wrong == "" {
			continue
		}
		if v, ok := variables[field.name]; ok {
			field.wrong = "(" + v + ") " + field.wrong
		}
		return Config{}, &ParamError{Route: "Config", Param: field.name, Reason: field.wrong}
	}
	if c.Signer == nil {
		c.SerialNo, _ = serialNumber(c.SerialNo)
		signer, err := auth.NewSigner(c.scheme(), c.caller(), c.SerialNo, c.PrivateKey)
		if err != nil {
			return Config{}, err
		}
		c.Signer = signer
	}
	if s, ours := c.Signer.(*auth.Signer); ours && c.caller() == "" {
		c.MchID = s.ID()
	}
	c.BaseURL = cmp.Or(strings.TrimSuffix(c.BaseURL, "/"), MainURL)
	if c.BackupURL = strings.TrimSuffix(c.BackupURL, "/"); c.BackupURL == "" && c.BaseURL == MainURL {
		c.BackupURL = BackupURL
	}
	c.Concurrency = cmp.Or(max(c.Concurrency, 0), 16)
	c.Timeout = min(cmp.Or(max(c.Timeout, 0), 30*time.Second), attempt.MaxTimeout)
	c.MaxAttempts = cmp.Or(max(c.MaxAttempts, 0), 3)
	return c, nil
}

// caller is the number of who calls; empty if only a Signer knows it.
func (c *Config) caller() string { return cmp.Or(c.MchID, c.BrandID) }

func (c *Config) scheme() auth.Scheme {
	if c.BrandID != "" {
		return auth.Brand
	}
	return auth.Merchant
}

func (c *Config) wrongMchID() string {
	reason := pasted.Stray(c.MchID)
	switch {
	case c.MchID == "" && (c.BrandID != "" || c.Signer != nil):
		return ""
	case c.MchID == "":
		return "is missing (merchant number); for a brand set BrandID (" + variables["BrandID"] + ") instead"
	case reason != "":
		return reason
	case strings.Trim(c.MchID, "0123456789") != "" || len(c.MchID) > 32:
		return "is no merchant number, which has digits only"
	}
	return ""
}

func (c *Config) wrongBrandID() string {
	reason := pasted.Stray(c.BrandID)
	switch {
	case c.BrandID == "":
		return ""
	case reason != "":
		return reason
	case !lettersAndDigits(c.BrandID) || len(c.BrandID) > 32:
		return "is no brand ID, such as 120344"
	case c.MchID != "":
		return "and MchID (" + variables["MchID"] + ") are both set; a client calls for one merchant or for one brand"
	}
	return ""
}

func (c *Config) wrongSerialNo() string {
	if c.Signer != nil {
		return ""
	}
	_, wrong := serialNumber(c.SerialNo)
	return wrong
}

func (c *Config) wrongPrivateKey() string {
	switch {
	case c.Signer != nil:
		return ""
	case c.PrivateKey == nil:
		return "is missing (apiclient_key.pem)"
	}
	if _, err := auth.NewSigner(c.scheme(), "1", "1", c.PrivateKey); err != nil {
		return "does not fit: " + err.Error()
	}
	return ""
}

// serialNumber returns a serial number in the spelling of the platform, or why it cannot be one.
func serialNumber(v string) (serial, wrong string) {
	const ask = "openssl x509 -in apiclient_cert.pem -noout -serial prints it"
	s := strings.TrimPrefix(v, "serial=") // as openssl prints it
	s = strings.ToUpper(strings.ReplaceAll(s, ":", ""))
	s = strings.TrimPrefix(s, "0X")
	reason := pasted.Stray(v)
	switch {
	case v == "":
		return "", "is missing (serial number of the API certificate): " + ask
	case reason != "":
		return "", reason
	case strings.HasPrefix(v, auth.PublicKeyPrefix):
		return "", "is the ID of the platform public key; the serial number wanted is that of the API certificate: " + ask
	case len(s) > serialDigits && strings.Trim(s, "0123456789") == "":
		if n, ok := new(big.Int).SetString(s, 10); ok && n.BitLen() <= 4*serialDigits {
			return "", fmt.Sprintf("is decimal; in hexadecimal, as the platform wants it, it is %X", n.Bytes())
		}
	}
	if s == "" || len(s) > serialDigits || strings.Trim(s, "0123456789ABCDEF") != "" {
		return "", "is no serial number, which has up to 40 hexadecimal digits: " + ask
	}
	return s, ""
}

const serialDigits = 40 // a certificate's serial number has at most 20 bytes

func (c *Config) wrongAPIv3Key() string {
	key := string(c.APIv3Key)
	reason := pasted.Stray(key)
	switch {
	case key == "" && c.Migrating && c.BrandID == "":
		return "is needed to load certificates while Migrating"
	case key == "":
		return ""
	case len(key) != 32 && reason != "":
		return fmt.Sprintf("has %d bytes instead of 32: it %s", len(key), reason)
	case len(key) != 32:
		return fmt.Sprintf("has %d bytes instead of 32", len(key))
	case reason != "":
		return reason
	case c.BrandID != "" && !lettersAndDigits(key):
		return "is no API key of a brand, which has letters and digits only"
	}
	return ""
}

func (c *Config) wrongPublicKeyID() string {
	id, prefixed := strings.CutPrefix(c.PublicKeyID, auth.PublicKeyPrefix)
	reason := pasted.Stray(c.PublicKeyID)
	_, notSerial := serialNumber(c.PublicKeyID)
	switch {
	case c.PublicKeyID == "" && c.PublicKey != nil:
		return "is missing: it stands beside the public key in the merchant or brand platform, " + auth.PublicKeyPrefix + "…"
	case c.PublicKeyID == "":
		return ""
	case reason != "":
		return reason
	case !prefixed && len(c.PublicKeyID) > 30 && notSerial == "":
		return "is the serial number of a certificate; the ID of the public key starts with " + auth.PublicKeyPrefix
	case !prefixed:
		return "does not start with " + auth.PublicKeyPrefix
	case len(id) > 64 || !lettersAndDigits(strings.ReplaceAll(id, "_", "")):
		return "is no ID of a public key, which is " + auth.PublicKeyPrefix + " and digits"
	}
	return ""
}

func (c *Config) wrongPublicKey() string {
	switch {
	case c.PublicKey == nil && c.PublicKeyID != "":
		return "is missing: PublicKeyID names it (pub_key.pem)"
	case c.PublicKey == nil && c.Verifier == nil && c.BrandID != "":
		return "is missing (pub_key.pem of the brand): brands have no platform certificates"
	case c.PublicKey == nil && c.Verifier == nil && c.APIv3Key == "":
		return "or APIv3Key (" + variables["APIv3Key"] + ") is needed to know the platform's keys"
	case c.PublicKey == nil:
		return ""
	}
	if _, err := auth.NewKeyring(c.publicKey()...); err != nil {
		return "does not fit: " + err.Error()
	}
	return ""
}

// publicKey is the platform public key, if there is one.
func (c *Config) publicKey() []auth.PlatformKey {
	if c.PublicKey == nil {
		return nil
	}
	return []auth.PlatformKey{{Serial: c.PublicKeyID, Public: c.PublicKey}}
}

func (c *Config) wrongMigrating() string {
	if c.Migrating && c.BrandID != "" {
		return "is for merchants: brands have no platform certificates"
	}
	return ""
}

func (c *Config) wrongSigner() string {
	s, ours := c.Signer.(*auth.Signer)
	switch {
	case ours && s.Scheme() != c.scheme():
		return "signs by " + s.Scheme().ID + "; set BrandID for a brand, and only then"
	case ours && c.caller() != "" && c.caller() != s.ID():
		return "signs for another " + s.Scheme().ID + " than the Config names"
	}
	return ""
}

func (c *Config) wrongVerifier() string {
	if (c.Verifier == nil) != (c.Encryptor == nil) {
		return "and Encryptor go together"
	}
	return ""
}

func wrongURL(v string) string {
	if v == "" {
		return ""
	}
	if _, err := pasted.BaseURL(v); err != nil {
		return err.Error()
	}
	return ""
}

func lettersAndDigits(v string) bool {
	return v != "" && !strings.ContainsFunc(v, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
