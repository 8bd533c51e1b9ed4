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
	"unicode"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/pasted"
)

// Hosts of WeChat Pay in mainland China.
const (
	MainURL   = "https://api.mch.weixin.qq.com"
	BackupURL = "https://api2.mch.weixin.qq.com" // another city
)

// A Config is what a [Client] is made of. Needed are who signs (MchID, SerialNo, PrivateKey) and how to
// know WeChat Pay: its public key (PublicKeyID, PublicKey), or APIv3Key to download its certificates.
// Everything else has a default. [New] looks at the fields in the order in which they stand here, and refuses
// blanks, line ends and quotes around a value.
type Config struct {
	MchID string // merchant number of the caller, digits
	// SerialNo is the serial number of the merchant's API certificate in hexadecimal, such as
	// openssl x509 -in apiclient_cert.pem -noout -serial prints it; its "serial=", colons, 0x and lower
	// case are taken too.
	SerialNo   string
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

// ConfigFromEnv reads
//
//	WXPAY_MCH_ID
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
func ConfigFromEnv() (Config, error) {
	c := Config{
		MchID:       os.Getenv("WXPAY_MCH_ID"),
		SerialNo:    os.Getenv("WXPAY_SERIAL_NO"),
		APIv3Key:    Secret(os.Getenv("WXPAY_APIV3_KEY")),
		PublicKeyID: os.Getenv("WXPAY_PUBLIC_KEY_ID"),
		BaseURL:     os.Getenv("WXPAY_BASE_URL"),
		BackupURL:   os.Getenv("WXPAY_BACKUP_URL"),
	}
	private, err := keyFromEnv("WXPAY_PRIVATE_KEY", auth.LoadPrivateKey, auth.LoadPrivateKeyFile)
	if err != nil {
		return Config{}, err
	}
	if private != nil {
		c.PrivateKey = private
	}
	if c.SerialNo, err = serialFromEnv(c.SerialNo, private); err != nil {
		return Config{}, err
	}
	if c.PublicKey, err = keyFromEnv("WXPAY_PUBLIC_KEY", auth.LoadPublicKey, auth.LoadPublicKeyFile); err != nil {
		return Config{}, err
	}
	return c, nil
}

// keyFromEnv reads the key whose text is in the variable name, or in the file that name_FILE tells; nil if
// neither is set.
func keyFromEnv[T any](name string, text func([]byte) (*T, error), file func(string) (*T, error)) (*T, error) {
	inText, inFile := os.Getenv(name), os.Getenv(name+"_FILE")
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
		return fileFromEnv(name+"_FILE", file)
	}
	return nil, nil
}

// fileFromEnv loads the file that the variable name tells.
func fileFromEnv[T any](name string, load func(string) (*T, error)) (*T, error) {
	path := os.Getenv(name)
	if reason := pasted.Around(path); reason != "" {
		return nil, fmt.Errorf("wxpay: %s %s", name, reason)
	}
	v, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("wxpay: %s: %w", name, err)
	}
	return v, nil
}

// serialFromEnv is the serial number of the merchant's certificate, from its file if that is set, in the
// spelling of the platform. What cannot be a serial number is left to [New].
func serialFromEnv(given string, key *rsa.PrivateKey) (string, error) {
	serial, wrong := serialNumber(given)
	if os.Getenv("WXPAY_CERTIFICATE_FILE") == "" {
		if wrong != "" {
			return given, nil
		}
		return serial, nil
	}
	cert, err := fileFromEnv("WXPAY_CERTIFICATE_FILE", auth.LoadCertificateFile)
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
	return fmt.Sprintf("wxpay.Config{MchID:%s SerialNo:%s PublicKeyID:%s BaseURL:%s ***}", c.MchID, c.SerialNo, c.PublicKeyID, c.BaseURL)
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
	"SerialNo":    "WXPAY_SERIAL_NO or WXPAY_CERTIFICATE_FILE",
	"PrivateKey":  "WXPAY_PRIVATE_KEY_FILE or WXPAY_PRIVATE_KEY",
	"APIv3Key":    "WXPAY_APIV3_KEY",
	"PublicKeyID": "WXPAY_PUBLIC_KEY_ID",
	"PublicKey":   "WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY",
	"BaseURL":     "WXPAY_BASE_URL",
	"BackupURL":   "WXPAY_BACKUP_URL",
}

// complete returns c with its defaults, or the first thing that is wrong with it.
func (c Config) complete() (Config, error) {
	wrong := func(field, reason string) (Config, error) {
		if v, ok := variables[field]; ok {
			reason = "(" + v + ") " + reason
		}
		return Config{}, &ParamError{Route: "Config", Param: field, Reason: reason}
	}
	if c.Signer == nil {
		if reason := badMchID(c.MchID); reason != "" {
			return wrong("MchID", reason)
		}
		serial, reason := serialNumber(c.SerialNo)
		if reason != "" {
			return wrong("SerialNo", reason)
		}
		c.SerialNo = serial
		if c.PrivateKey == nil {
			return wrong("PrivateKey", "is missing (apiclient_key.pem)")
		}
		s, err := auth.NewSigner(c.MchID, c.SerialNo, c.PrivateKey)
		if err != nil {
			return wrong("PrivateKey", "does not fit: "+err.Error())
		}
		c.Signer = s
	}
	if reason := badAPIv3Key(string(c.APIv3Key)); reason != "" {
		return wrong("APIv3Key", reason)
	}
	switch reason := badPublicKeyID(c.PublicKeyID); {
	case reason != "":
		return wrong("PublicKeyID", reason)
	case c.PublicKeyID == "" && c.PublicKey != nil:
		return wrong("PublicKeyID", "is missing: it stands beside the public key in the merchant platform, PUB_KEY_ID_…")
	case c.PublicKeyID != "" && c.PublicKey == nil:
		return wrong("PublicKey", "is missing: PublicKeyID names it (pub_key.pem)")
	case c.Verifier == nil && c.PublicKey == nil && c.APIv3Key == "":
		return wrong("PublicKey", "or APIv3Key ("+variables["APIv3Key"]+") is needed to know the platform's keys")
	case c.Migrating && c.APIv3Key == "":
		return wrong("APIv3Key", "is needed to load certificates while Migrating")
	case (c.Verifier == nil) != (c.Encryptor == nil):
		return wrong("Verifier", "and Encryptor go together")
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
	c.Timeout = min(cmp.Or(max(c.Timeout, 0), 30*time.Second), httpx.MaxTimeout)
	c.MaxAttempts = cmp.Or(max(c.MaxAttempts, 0), 3)
	return c, nil
}

func badMchID(v string) string {
	reason := pasted.Stray(v)
	switch {
	case v == "":
		return "is missing (merchant number)"
	case reason != "":
		return reason
	case strings.Trim(v, "0123456789") != "" || len(v) > 32:
		return "is no merchant number, which has digits only"
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
	case strings.HasPrefix(v, publicKeyPrefix):
		return "", "is the ID of the platform public key; the serial number wanted is that of the merchant's certificate: " + ask
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

const (
	publicKeyPrefix = "PUB_KEY_ID_"
	serialDigits    = 40 // a certificate's serial number has at most 20 bytes
)

func badAPIv3Key(v string) string {
	reason := pasted.Stray(v)
	switch {
	case v == "":
		return ""
	case len(v) != 32 && reason != "":
		return fmt.Sprintf("has %d bytes instead of 32: it %s", len(v), reason)
	case len(v) != 32:
		return fmt.Sprintf("has %d bytes instead of 32", len(v))
	}
	return reason
}

func badPublicKeyID(v string) string {
	id, prefixed := strings.CutPrefix(v, publicKeyPrefix)
	reason := pasted.Stray(v)
	_, notSerial := serialNumber(v)
	switch {
	case v == "":
		return ""
	case reason != "":
		return reason
	case !prefixed && len(v) > 30 && notSerial == "":
		return "is the serial number of a certificate; the ID of the public key starts with " + publicKeyPrefix
	case !prefixed:
		return "does not start with " + publicKeyPrefix
	case id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }):
		return "is no ID of a public key, which is " + publicKeyPrefix + " and digits"
	}
	return ""
}
