package wxpay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

const (
	refreshEvery = 12 * time.Hour   // as the platform demands; taken with jitter
	refreshPause = time.Minute      // from one download that reached the platform to the next
	unsentPause  = time.Second      // after one that never left
	refreshTry   = 10 * time.Second // a download has two tries, so that one that hangs is not all
	refreshBrief = 3 * time.Second  // a call waits so long for what is due while the keys there still serve
	refreshLeave = 2 * time.Second  // at most, of the time of that call, for the call itself
)

// PlatformKeys are the keys of WeChat Pay for one merchant or brand: the platform public key, the platform
// certificates, or both during the migration. Certificates are loaded when first needed, again after
// about 12 hours of use, and when something is signed with a serial that is not known.
//
// Whoever asks, one download runs at a time, and at most one a minute reaches the platform: what is signed
// by a certificate that came up since then is not verified until the minute is over. A download that
// never left, since there was no network, is tried again after a second. Those who need it wait as long
// as their contexts and Config.Timeout let them; it goes on without them, in a goroutine that ends by itself within 20 s.
//
// It is an auth.Verifier and a cipher.Encryptor of wechatpay-go.
type PlatformKeys struct {
	ring     *auth.Keyring
	fixed    []auth.PlatformKey
	patience time.Duration                                                            // for which a call waits for keys that it cannot do without
	download func(context.Context) (keys []auth.PlatformKey, reached bool, err error) // nil: public key only

	mu    sync.Mutex
	ended chan struct{} // closed when the download that runs has ended; nil: none runs
	err   error         // how the last one ended
	next  time.Time     // none starts before
	due   time.Time     // when the next one is wanted; zero: at once
}

var (
	_ wechat.Verifier  = (*PlatformKeys)(nil)
	_ cipher.Encryptor = (*PlatformKeys)(nil)
)

// ErrNoCertificates says that the merchant has no platform certificates: new merchants only have the
// platform public key.
var ErrNoCertificates = errors.New("wxpay: the merchant has no platform certificates; set PublicKeyID and PublicKey (微信支付公钥)")

func newPlatformKeys(c *Client) (*PlatformKeys, error) {
	k := &PlatformKeys{fixed: c.config.publicKey(), patience: c.config.Timeout}
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

// Keys returns the keys that are known now, in no order. It loads nothing.
func (k *PlatformKeys) Keys() []auth.PlatformKey { return k.ring.Keys() }

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
// is none yet or they are due; for that it waits no longer than Config.Timeout.
func (k *PlatformKeys) SelectCertificate(ctx context.Context) (string, error) {
	serial, err := k.ring.SelectCertificate(ctx)
	switch {
	case k.download == nil, err == nil && !k.refreshIfDue(ctx):
		return serial, err
	case err != nil:
		ctx, cancel := context.WithTimeoutCause(ctx, k.patience, httpx.ErrTime)
		defer cancel()
		if err := k.Refresh(ctx); err != nil {
			return "", err
		}
	}
	return k.ring.SelectCertificate(ctx)
}

// Encrypt encrypts with the key of that serial.
func (k *PlatformKeys) Encrypt(ctx context.Context, serial, plaintext string) (string, error) {
	return k.ring.Encrypt(ctx, serial, plaintext)
}

// Refresh loads the certificates now, or waits for the download that runs. Within a minute after one that
// reached the platform, and a second after one that did not, it returns that one's result instead; an
// error says when the next try may come. If ctx ends, the download goes on. Without certificates
// Refresh does nothing.
func (k *PlatformKeys) Refresh(ctx context.Context) error {
	if k.download == nil {
		return nil
	}
	if ctx.Err() != nil {
		return oneline.Ended(ctx)
	}
	if ended, _ := k.start(context.Background(), false); ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("wxpay: gave up waiting for the platform certificates, which are being loaded: %w", oneline.Ended(ctx))
		}
	}
	return k.result()
}

// refreshIfDue loads the certificates if they are due and nobody else does it, and reports whether it
// tried. A failure is left to Config.Observe: the keys there are still serve.
func (k *PlatformKeys) refreshIfDue(ctx context.Context) bool {
	if time.Now().Before(k.dueAt()) {
		return false
	}
	ended, started := k.start(context.Background(), true)
	if !started {
		return false
	}
	wait := refreshBrief
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		wait = min(wait, left-min(left/2, refreshLeave))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// dueAt is when the next download is wanted.
func (k *PlatformKeys) dueAt() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.due
}

// result is how the last download ended.
func (k *PlatformKeys) result() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		return nil
	}
	wait := max(time.Until(k.next), 0) + time.Second - 1
	return fmt.Errorf("%w; tried again in %s", k.err, max(wait.Truncate(time.Second), time.Second))
}

// start starts a download unless one runs or the last one was too short ago. It returns what is closed
// when the one that runs has ended, nil if none does. The download lives as long as life and its
// own limit let it, never by the context of a caller: a sender of forged notifications who hangs up
// would take it away from everybody.
//
// One that is due has at first only the time for which a call waits, so that it does not outlive it;
// if that was not enough, the next one has all.
func (k *PlatformKeys) start(life context.Context, due bool) (ended <-chan struct{}, started bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended != nil || time.Now().Before(k.next) {
		return k.ended, false
	}
	tries := []time.Duration{refreshTry, refreshTry}
	if due && k.err == nil {
		tries = []time.Duration{refreshBrief}
	}
	k.ended = make(chan struct{})
	go k.load(life, time.Now(), tries)
	return k.ended, true
}

// load is the goroutine of one download. What the caller brought (Signer, HTTPClient, Observe) runs in
// it; if that panics, it must not take the process along, nor leave those who wait without an end. What
// it panicked with is left out unless it is an error of the runtime, since it may hold anything.
func (k *PlatformKeys) load(life context.Context, start time.Time, tries []time.Duration) {
	reached, err := true, errors.New("wxpay: the download of certificates broke off")
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w in a panic (%T)", err, v)
			if cause, ok := v.(runtime.Error); ok {
				err = fmt.Errorf("%w: %w", err, cause)
			}
		}
		k.end(start, reached, err)
	}()
	reached, err = k.try(life, tries)
}

// try downloads, once more if the first time hangs, and reports whether the platform was reached.
func (k *PlatformKeys) try(life context.Context, tries []time.Duration) (reached bool, err error) {
	for _, limit := range tries {
		ctx, cancel := context.WithTimeout(life, limit)
		certificates, arrived, failed := k.download(ctx)
		hung := ctx.Err() != nil
		cancel()
		reached, err = reached || arrived, failed
		if err == nil {
			return true, k.ring.Set(append(certificates, k.fixed...)...)
		}
		if !hung || life.Err() != nil {
			break
		}
	}
	return reached && life.Err() == nil, err // what its owner broke off is nobody's failure
}

// end notes how a download ended and lets the next one come.
func (k *PlatformKeys) end(start time.Time, reached bool, err error) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.next = err, start.Add(refreshPause)
	if !reached {
		k.next = now.Add(unsentPause)
	}
	k.due = k.next
	if err == nil {
		k.due = now.Add(refreshEvery - rand.N(refreshEvery/4))
	} else if _, none := k.ring.SelectCertificate(context.Background()); none == nil { // no hurry: the keys there serve on
		k.due = now.Add(refreshPause)
	}
	close(k.ended)
	k.ended = nil
}
