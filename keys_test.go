package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

// vault is a platform that signs with certificates and lists them.
type vault struct {
	platform
	list      []certificate
	signs     certificate
	downloads int           // requests for the list that arrived
	takes     time.Duration // until the list is answered
	refuse    *answer       // instead of the list
	away      error         // instead of any answer: the request does not arrive
	missed    int           // how many did not
}

func newVault(t testing.TB, list ...certificate) *vault {
	v := &vault{platform: platform{t: t}, list: list}
	if len(list) > 0 {
		v.signs = list[0]
	}
	v.next = func(_ int, req *http.Request) (*http.Response, error) {
		listed := req.URL.Path == "/v3/certificates"
		if takes, err := v.arrive(listed); err != nil {
			return nil, err
		} else if listed && takes > 0 {
			select {
			case <-time.After(takes):
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		a := answer{body: `{"text":"b"}`, key: v.signs.key, serial: v.signs.serial}
		if listed {
			a.body = certificateList(t, v.list...)
			if v.refuse != nil {
				a = *v.refuse
			}
		}
		return a.response(req), nil
	}
	return v
}

// oldCertificate is valid for a year.
func oldCertificate(t testing.TB) certificate {
	now := time.Now()
	return newCertificate(t, platformKey(), 0xA1, now.Add(-time.Hour), now.Add(24*365*time.Hour))
}

// oldAndFresh are a certificate and the one that follows it.
func oldAndFresh(t testing.TB) (old, fresh certificate) {
	now := time.Now()
	return oldCertificate(t), newCertificate(t, strangerKey(), 0xB2, now.Add(-time.Hour), now.Add(5*24*365*time.Hour))
}

func (v *vault) arrive(listed bool) (takes time.Duration, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away != nil {
		v.missed++
		return 0, v.away
	}
	if listed {
		v.downloads++
	}
	return v.takes, nil
}

// set changes the vault while it is in use.
func (v *vault) set(change func(*vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

func (v *vault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.downloads
}

// certificatesOnly is a config without the platform public key.
func (v *vault) certificatesOnly() wxpay.Config {
	c := v.config()
	c.PublicKey, c.PublicKeyID = nil, ""
	return c
}

func (v *vault) certificateClient() *wxpay.Client {
	c, err := wxpay.New(v.certificatesOnly())
	require.NoError(v.t, err)
	return c
}

func TestCertificateModeLoadsWhenFirstNeeded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	short := newCertificate(t, platformKey(), 0xA1, now.Add(-time.Hour), now.Add(24*time.Hour))
	long := newCertificate(t, strangerKey(), 0xB2, now.Add(-time.Hour), now.Add(48*time.Hour))
	gone := newCertificate(t, strangerKey(), 0xC3, now.Add(-48*time.Hour), now.Add(-time.Hour))
	v := newVault(t, short, long, gone)
	client := v.certificateClient()
	assert.Zero(t, v.downloads)
	for range 3 {
		_, err := wxpay.Do[echo](t.Context(), client, write(false))
		require.NoError(t, err)
	}
	assert.Equal(t, 1, v.downloads)
	assert.Equal(t, "/v3/certificates", v.requests()[0].uri)
	assert.Empty(t, v.requests()[0].header.Get("Wechatpay-Serial"))
	assert.Equal(t, long.serial, v.requests()[1].header.Get("Wechatpay-Serial"), "the one that expires last encrypts")

	v.signs = gone
	_, err := wxpay.Do[echo](t.Context(), client, write(false))
	assert.ErrorIs(t, err, auth.ErrUnknownSerial, "an expired certificate verifies nothing")
}

func TestRotation(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old, fresh := oldAndFresh(t)
		v := newVault(t, old)
		client := v.certificateClient()
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.NoError(t, err)

		time.Sleep(2 * time.Minute)
		v.list, v.signs = []certificate{old, fresh}, fresh
		_, err = wxpay.Do[echo](t.Context(), client, write(false))
		require.NoError(t, err, "an unknown serial loads the certificates once, and the answer is believed")
		assert.Equal(t, 2, v.downloads)

		time.Sleep(13 * time.Hour) // due
		_, err = wxpay.Do[echo](t.Context(), client, write(false))
		require.NoError(t, err)
		assert.Equal(t, 3, v.downloads)
	})
}

// S19, R11: forged serials cannot make the client hammer the platform.
func TestForgedSerialsLoadOnceAMinute(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		v.takes = 100 * time.Millisecond // so that ten thousand ask while it runs
		client := v.certificateClient()
		require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		time.Sleep(time.Hour)
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				err := client.Verifier().Verify(t.Context(), fmt.Sprintf("F%d", i), "m", "c2ln")
				if !errors.Is(err, auth.ErrUnknownSerial) {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 2, v.downloads, "the first, and one for ten thousand forged serials")
	})
}

func TestFailedDownloadIsSharedAndNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t)
		v.refuse = &answer{status: 403, body: `{"code":"NO_AUTH","message":"m"}`, change: unsigned}
		client := v.certificateClient()
		for range 10 {
			_, err := wxpay.Do[echo](t.Context(), client, write(false))
			assert.ErrorIs(t, err, wxpay.CodeNoAuth)
			assert.False(t, wxpay.OutcomeUnknown(err), "the call itself never left")
		}
		assert.Equal(t, 1, v.downloads)
	})
}

func TestMerchantWithoutCertificates(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]answer{
		"empty list":    {body: `{"data":[]}`, serial: "PUB_KEY_ID_9"},
		"404":           {status: 404, body: `{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}`, serial: "PUB_KEY_ID_9"},
		"404, unsigned": {status: 404, body: `{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}`, change: unsigned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			v.refuse = &refuse
			_, err := wxpay.Do[echo](t.Context(), v.certificateClient(), read("1"))
			assert.ErrorIs(t, err, wxpay.ErrNoCertificates)
			assert.ErrorContains(t, err, "PublicKey")
		})
	}
}

func TestListThatIsNotBelieved(t *testing.T) {
	t.Parallel()
	now := time.Now()
	own := newCertificate(t, platformKey(), 0xA1, now.Add(-time.Hour), now.Add(24*time.Hour))
	list := certificateList(t, own)
	tests := map[string]answer{
		"unsigned":            {body: list, change: unsigned},
		"signed by another":   {body: list, key: strangerKey(), serial: own.serial},
		"by a key not in it":  {body: list, key: strangerKey(), serial: "F00"},
		"stale":               {body: list, serial: own.serial, age: time.Hour},
		"other APIv3 key":     {body: strings.Replace(list, `"ciphertext":"`, `"ciphertext":"AAAA`, 1), serial: own.serial},
		"other algorithm":     {body: strings.Replace(list, "AEAD_AES_256_GCM", "AEAD_SM4_GCM", 1), serial: own.serial},
		"nonce of 11":         {body: strings.Replace(list, "61f9c719728a", "61f9c719728", 1), serial: own.serial},
		"no certificate list": {body: `[]`, serial: own.serial},
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, own)
			v.refuse = &a
			client := v.certificateClient()
			_, err := client.Encryptor().SelectCertificate(t.Context())
			require.Error(t, err)
			assert.ErrorIs(t, err, wxpay.ErrUnverified)
			assert.NotContains(t, err.Error(), apiV3Key)
		})
	}
}

func TestMigration(t *testing.T) {
	t.Parallel()
	now := time.Now()
	own := newCertificate(t, strangerKey(), 0xA1, now.Add(-time.Hour), now.Add(24*365*time.Hour))
	v := newVault(t, own)
	config := v.config()
	config.Migrating, config.CertificateShare = true, 30
	client, err := wxpay.New(config)
	require.NoError(t, err)
	share := func() (n int) {
		for range 1000 {
			_, serial, err := client.Encrypt(t.Context(), "13800138000")
			require.NoError(t, err)
			if serial == own.serial {
				n++
			}
		}
		return n
	}
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.NoError(t, err, "an answer signed by a certificate is verified")
	v.signs = certificate{key: platformKey(), serial: publicID}
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.NoError(t, err, "and so is one signed by the public key")
	assert.InDelta(t, 300, share(), 1)
	for _, percent := range []int{0, 100, 70} { // rollback included
		client.PlatformKeys().SetCertificateShare(percent)
		assert.InDelta(t, 10*percent, share(), 1)
	}
}

func TestCancelledWaiterDoesNotPoisonTheOthers(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		next := v.next
		v.next = func(n int, req *http.Request) (*http.Response, error) {
			if n == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return next(n, req)
		}
		client := v.certificateClient()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.ErrorIs(t, client.PlatformKeys().Refresh(ctx), context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() { assert.NoError(t, client.PlatformKeys().Refresh(t.Context())) })
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

// While migrating, the certificates are there before the first call encrypts, and if they cannot be had
// the public key serves alone.
func TestMigratingLoadsAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	own := newCertificate(t, strangerKey(), 0xA1, now.Add(-time.Hour), now.Add(24*365*time.Hour))
	for _, down := range []bool{false, true} {
		v := newVault(t, own)
		want := own.serial
		if down {
			v.refuse, want = &answer{status: 503, change: unsigned}, publicID
		}
		config := v.config()
		config.Migrating, config.CertificateShare, config.MaxAttempts = true, 100, 1
		client, err := wxpay.New(config)
		require.NoError(t, err)
		for range 2 {
			_, serial, err := client.Encrypt(t.Context(), "13800138000")
			require.NoError(t, err)
			assert.Equal(t, want, serial)
		}
		assert.Equal(t, 1, v.downloads)
	}
}

// Who sends forged serials and hangs up cannot make the client hammer the platform either.
func TestGivingUpCountsAsAnAttempt(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		client := v.certificateClient()
		require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		time.Sleep(time.Hour)
		before := v.count()
		v.set(func(v *vault) { v.takes = 50 * time.Millisecond })
		for i := range 200 {
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
			assert.Error(t, client.Verifier().Verify(ctx, fmt.Sprintf("F%d", i), "m", "c2ln"))
			cancel()
		}
		assert.LessOrEqual(t, v.count()-before, 2)
	})
}

// A list of certificates that hangs does not take the calls down while the keys there are serve.
func TestHangingRefreshDelaysOneCall(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		client := v.certificateClient()
		require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		v.set(func(v *vault) { v.takes = time.Hour })
		time.Sleep(13 * time.Hour)
		for i := range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			start := time.Now()
			_, err := wxpay.Do[echo](ctx, client, write(false))
			assert.NoError(t, err)
			assert.LessOrEqual(t, time.Since(start), 3*time.Second, "call %d", i)
			cancel()
		}
	})
}
