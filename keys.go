package wxpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
)

const (
	refreshEvery = 12 * time.Hour   // as the platform demands; taken with jitter
	refreshPause = time.Minute      // between two downloads, whatever asks for them
	refreshLimit = 20 * time.Second // one download with its repetitions
	refreshBrief = 3 * time.Second  // one that is due while the keys there are still serve
)

// PlatformKeys are the keys of WeChat Pay for one merchant: the platform public key, the platform
// certificates, or both during the migration. Certificates are loaded when first needed, again after
// about 12 hours of use, and once when something is signed with a serial that is not known; never
// more often than once a minute, and by one caller while the others go on or wait.
//
// It is an auth.Verifier and a cipher.Encryptor of wechatpay-go.
type PlatformKeys struct {
	ring     *auth.Keyring
	fixed    []auth.PlatformKey
	download func(context.Context) ([]auth.PlatformKey, error) // nil: public key only

	turn   chan struct{} // holds one token; who has it may download
	mu     sync.Mutex
	last   time.Time // when a download ended
	err    error     // how it ended
	loaded bool      // one has succeeded; from then on whoever gives up counts as an attempt
	due    time.Time // when the next one is wanted
}

var (
	_ wechat.Verifier  = (*PlatformKeys)(nil)
	_ cipher.Encryptor = (*PlatformKeys)(nil)
)

// ErrNoCertificates says that the merchant has no platform certificates: new merchants only have the
// platform public key.
var ErrNoCertificates = errors.New("wxpay: the merchant has no platform certificates; set PublicKeyID and PublicKey (微信支付公钥)")

func newPlatformKeys(c *Client) (*PlatformKeys, error) {
	k := &PlatformKeys{turn: make(chan struct{}, 1)}
	if c.config.PublicKey != nil {
		k.fixed = []auth.PlatformKey{{Serial: c.config.PublicKeyID, Public: c.config.PublicKey}}
	}
	if c.config.PublicKey == nil || c.config.Migrating {
		k.download = c.downloadCertificates
	}
	var err error
	if k.ring, err = auth.NewKeyring(k.fixed...); err != nil {
		return nil, err
	}
	k.ring.SetCertificateShare(c.config.CertificateShare)
	return k, nil
}

// SetCertificateShare changes Config.CertificateShare while the client is in use.
func (k *PlatformKeys) SetCertificateShare(percent int) { k.ring.SetCertificateShare(percent) }

// Verify checks a signature by the key of that serial, and loads certificates if it is not known.
func (k *PlatformKeys) Verify(ctx context.Context, serial, message, signature string) error {
	err := k.ring.Verify(ctx, serial, message, signature)
	if !errors.Is(err, auth.ErrUnknownSerial) || k.download == nil {
		return err
	}
	if failed := k.Refresh(ctx); failed != nil {
		return fmt.Errorf("%w, and certificates could not be loaded: %w", err, failed)
	}
	return k.ring.Verify(ctx, serial, message, signature)
}

// GetSerial is the key that answers are asked to be signed with.
func (k *PlatformKeys) GetSerial(ctx context.Context) (string, error) {
	return k.SelectCertificate(ctx)
}

// SelectCertificate returns the serial of the key to encrypt with, and loads certificates first if there
// is none yet or they are due.
func (k *PlatformKeys) SelectCertificate(ctx context.Context) (string, error) {
	if k.download != nil {
		k.refreshIfDue(ctx)
	}
	serial, err := k.ring.SelectCertificate(ctx)
	if errors.Is(err, auth.ErrNoKey) && k.download != nil {
		if err := k.Refresh(ctx); err != nil {
			return "", err
		}
		return k.ring.SelectCertificate(ctx)
	}
	return serial, err
}

// Encrypt encrypts with the key of that serial.
func (k *PlatformKeys) Encrypt(ctx context.Context, serial, plaintext string) (string, error) {
	return k.ring.Encrypt(ctx, serial, plaintext)
}

// Refresh loads the certificates now. If a download ended less than a minute ago its result is returned
// instead; if one is running, its result is waited for. Without certificates it does nothing.
func (k *PlatformKeys) Refresh(ctx context.Context) error {
	if k.download == nil {
		return nil
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return httpx.Ended(ctx)
	}
	return k.load(ctx, refreshLimit)
}

// refreshIfDue loads the certificates if they are due, as they are at first, and nobody else does it. A
// failure is left to Config.Observe: the keys there are still serve.
func (k *PlatformKeys) refreshIfDue(ctx context.Context) {
	if time.Now().Before(k.dueAt()) {
		return
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
		limit := refreshLimit
		if _, err := k.ring.SelectCertificate(ctx); err == nil {
			limit = refreshBrief
		}
		_ = k.load(ctx, limit)
	default:
	}
}

// dueAt is when the next download is wanted; zero before the first.
func (k *PlatformKeys) dueAt() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.due
}

// load downloads, unless that was done within the last minute. The caller holds the turn.
func (k *PlatformKeys) load(ctx context.Context, limit time.Duration) error {
	k.mu.Lock()
	last, err, loaded := k.last, k.err, k.loaded
	k.mu.Unlock()
	if !last.IsZero() && time.Since(last) < refreshPause {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	certificates, err := k.download(limited)
	if err == nil {
		err = k.ring.Set(append(certificates, k.fixed...)...)
	}
	if ctx.Err() != nil && !loaded { // the caller gave up, and the others have nothing yet
		return httpx.Ended(ctx)
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last, k.err, k.loaded = now, err, loaded || err == nil
	k.due = now.Add(refreshEvery - rand.N(refreshEvery/4))
	if err != nil {
		k.due = now.Add(refreshPause)
	}
	return err
}

// downloadCertificates gets the certificates (获取平台证书列表, GET /v3/certificates). The first download has
// nothing to verify it by: the APIv3 key authenticates each certificate, then the certificate that
// signed the answer verifies it.
func (c *Client) downloadCertificates(ctx context.Context) (keys []auth.PlatformKey, err error) {
	err = c.do(ctx, Call{Route: "GET /v3/certificates", Serial: c.config.PublicKeyID, verify: func(ctx context.Context, sig auth.Signature, body []byte) error {
		keys, err = openCertificates(body, c.apiV3Key())
		if err != nil {
			return err
		}
		ring, err := auth.NewKeyring(append(keys, c.keys.fixed...)...)
		if err != nil {
			return err
		}
		err = auth.Verify(ctx, ring, c.scheme, sig, body, time.Now(), false)
		if len(keys) == 0 && errors.Is(err, auth.ErrUnknownSerial) { // no certificate came: nothing to know the signer by
			return fmt.Errorf("%w: %w", auth.ErrUnsigned, ErrNoCertificates)
		}
		return err
	}}, nil)
	if errors.Is(err, CodeResourceNotExists) || errors.Is(err, ErrNoCertificates) || err == nil && len(keys) == 0 {
		return nil, ErrNoCertificates
	}
	return keys, err
}

// openCertificates decrypts the certificates of a list.
func openCertificates(body []byte, apiV3Key string) ([]auth.PlatformKey, error) {
	var list struct {
		Data []struct {
			EncryptCertificate struct {
				Algorithm      string `json:"algorithm"`
				Nonce          string `json:"nonce"`
				AssociatedData string `json:"associated_data"`
				Ciphertext     string `json:"ciphertext"`
			} `json:"encrypt_certificate"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil {
		return nil, auth.ErrUnsigned // a refusal, or no certificate list: nothing in it can be trusted
	}
	var keys []auth.PlatformKey
	for _, entry := range list.Data {
		e := entry.EncryptCertificate
		pem, err := auth.OpenResource(apiV3Key, e.Algorithm, e.Nonce, e.AssociatedData, e.Ciphertext)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		key, err := auth.CertificateKey(pem)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
