package auth_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/auth"
)

var later = time.Now().AddDate(1, 0, 0)

func TestCertificateKey(t *testing.T) {
	t.Parallel()
	until := time.Now().AddDate(1, 0, 0).Truncate(time.Second)
	for serial, want := range map[int64]string{0x5157F09EFDC096DE: "5157F09EFDC096DE", 0x0A0B: "0A0B", 1: "01"} {
		key, err := auth.CertificateKey(certificate(platformKey(), serial, until))
		require.NoError(t, err)
		assert.Equal(t, want, key.Serial)
		assert.True(t, until.Equal(key.Expires))
		assert.True(t, platformKey().PublicKey.Equal(key.Public))
	}
	key, err := auth.CertificateKey(certificate(platformKey(), 1, until))
	require.NoError(t, err)
	assert.True(t, must(auth.LoadCertificate(certificate(platformKey(), 1, until))).NotBefore.Equal(key.Starts))
	assert.False(t, key.Starts.IsZero())
	_, err = auth.CertificateKey(certificate(curveKey(), 1, until))
	assert.ErrorContains(t, err, "ecdsa")
}

func TestSetRefusesAndLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	good := openKey(platformKey(), publicID)
	tests := map[string][]auth.PlatformKey{
		"without serial": {good, {Public: &platformKey().PublicKey}},
		"without key":    {good, {Serial: "A1"}},
		"empty key":      {good, {Serial: "A1", Public: new(rsa.PublicKey)}},
		"1024 bits":      {good, openKey(weakKey(), "A1")},
		"same serial":    {good, openKey(strangerKey(), publicID)},
	}
	for name, keys := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := newKeyring(t, openKey(platformKey(), "A1"))
			assert.Error(t, ring.Set(keys...))
			assert.Equal(t, []auth.PlatformKey{openKey(platformKey(), "A1")}, ring.Keys())
			serial, err := ring.SelectCertificate(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "A1", serial)
			_, err = auth.NewKeyring(keys...)
			assert.Error(t, err)
		})
	}
}

func TestSetReplaces(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(platformKey(), publicID), expiring(strangerKey(), "B2", time.Now()))
	assert.Len(t, ring.Keys(), 1, "what has expired is left out")
	require.NoError(t, ring.Set(expiring(strangerKey(), "C3", later)))
	assert.Equal(t, []auth.PlatformKey{expiring(strangerKey(), "C3", later)}, ring.Keys())
	assert.ErrorIs(t, ring.Verify(t.Context(), publicID, "m", sign(platformKey(), "m")), auth.ErrUnknownSerial)
	require.NoError(t, ring.Set())
	assert.Empty(t, ring.Keys())
}

func TestVerifyByTheKeyOfTheSerial(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(platformKey(), publicID), expiring(strangerKey(), "B2", later))
	assert.NoError(t, ring.Verify(t.Context(), publicID, "m", sign(platformKey(), "m")))
	assert.NoError(t, ring.Verify(t.Context(), "B2", "m", sign(strangerKey(), "m")))
	good := sign(platformKey(), "m")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	loose := good[:341] + alphabet[strings.IndexByte(alphabet, good[341])+1:][:1] + "==" // the same bytes, spelled otherwise
	for _, bad := range []string{sign(strangerKey(), "m"), sign(platformKey(), "n"), "", "!", "AAAA", good + "\n", good[:4] + "\r\n" + good[4:], loose} {
		assert.ErrorIs(t, ring.Verify(t.Context(), publicID, "m", bad), auth.ErrForged)
	}
	assert.ErrorIs(t, ring.Verify(t.Context(), "b2", "m", sign(strangerKey(), "m")), auth.ErrUnknownSerial)
}

// A certificate serves until the very second it expires; then nothing it did before is done.
func TestCertificateExpires(t *testing.T) {
	t.Parallel()
	first, second, ours := sign(platformKey(), "m"), sign(strangerKey(), "m"), merchantKey()
	synctest.Test(t, func(t *testing.T) {
		ring := newKeyring(t, expiring(platformKey(), "A1", time.Now().Add(time.Hour)), expiring(strangerKey(), "B2", time.Now().Add(2*time.Hour)))
		time.Sleep(time.Hour - time.Nanosecond)
		assert.NoError(t, ring.Verify(t.Context(), "A1", "m", first))
		time.Sleep(time.Nanosecond)
		assert.ErrorIs(t, ring.Verify(t.Context(), "A1", "m", first), auth.ErrUnknownSerial)
		assert.NoError(t, ring.Verify(t.Context(), "B2", "m", second))
		_, err := ring.Encrypt(t.Context(), "A1", "13800138000")
		assert.ErrorIs(t, err, auth.ErrNoKey)
		serial, err := ring.SelectCertificate(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, "B2", serial)

		time.Sleep(time.Hour)
		_, err = ring.SelectCertificate(t.Context())
		assert.ErrorIs(t, err, auth.ErrNoKey)
		require.NoError(t, ring.Set(append(ring.Keys(), openKey(ours, publicID))...))
		ring.SetCertificateShare(100)
		serial, err = ring.SelectCertificate(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, publicID, serial, "the public key takes over, whatever the share")
	})
}

// The platform lists a certificate before it is valid. It encrypts from the very second of its start, though
// it lives longer than the one there is, and verifies from five minutes before, since clocks differ.
func TestCertificateAheadOfItsTime(t *testing.T) {
	t.Parallel()
	byOld, byAhead := sign(platformKey(), "m"), sign(strangerKey(), "m")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(time.Hour)
		old, ahead := expiring(platformKey(), "A1", start.Add(time.Hour)), expiring(strangerKey(), "B2", start.Add(9*time.Hour))
		ahead.Starts = start
		selected := func(ring *auth.Keyring) string {
			serial, err := ring.SelectCertificate(t.Context())
			require.NoError(t, err)
			return serial
		}
		for name, list := range map[string][]auth.PlatformKey{"A1": {old, ahead}, publicID: {ahead, openKey(platformKey(), publicID)}} {
			ring := newKeyring(t, list...)
			ring.SetCertificateShare(100)
			assert.Equal(t, name, selected(ring))
		}
		ring, alone := newKeyring(t, ahead, old), newKeyring(t, ahead)
		assert.Len(t, ring.Keys(), 2)

		time.Sleep(55*time.Minute - time.Nanosecond)
		assert.NoError(t, ring.Verify(t.Context(), "A1", "m", byOld))
		err := ring.Verify(t.Context(), "B2", "m", byAhead)
		assert.ErrorIs(t, err, auth.ErrUnknownSerial)
		assert.EqualError(t, err, "not verified: signed by a key that is not known here yet: certificate B2 is not valid before 2000-01-01T01:00:00Z")
		time.Sleep(time.Nanosecond)
		assert.NoError(t, ring.Verify(t.Context(), "B2", "m", byAhead))
		assert.ErrorIs(t, ring.Verify(t.Context(), "B2", "n", byAhead), auth.ErrForged)

		time.Sleep(5*time.Minute - time.Nanosecond)
		assert.Equal(t, "A1", selected(ring))
		_, err = ring.Encrypt(t.Context(), "B2", "13800138000")
		assert.ErrorIs(t, err, auth.ErrNoKey)
		assert.ErrorContains(t, err, "certificate B2 is not valid before 2000-01-01T01:00:00Z")
		_, err = alone.SelectCertificate(t.Context())
		assert.ErrorIs(t, err, auth.ErrNoKey)
		assert.ErrorContains(t, err, "certificate B2 is not valid before 2000-01-01T01:00:00Z")
		time.Sleep(time.Nanosecond)
		assert.Equal(t, "B2", selected(ring))
		assert.Equal(t, "B2", selected(alone))
		_, err = ring.Encrypt(t.Context(), "B2", "13800138000")
		assert.NoError(t, err)
	})
	early := openKey(platformKey(), publicID)
	early.Starts = later
	_, err := newKeyring(t, early).SelectCertificate(t.Context())
	assert.ErrorIs(t, err, auth.ErrNoKey, "a key without an end may have a start too")
}

func TestLongestCertificateEncrypts(t *testing.T) {
	t.Parallel()
	a, b, c := expiring(platformKey(), "A1", later.Add(1)), expiring(strangerKey(), "B2", later.Add(2)), expiring(merchantKey(), "C3", later.Add(3))
	for _, list := range [][]auth.PlatformKey{{a, b, c}, {a, c, b}, {b, a, c}, {b, c, a}, {c, a, b}, {c, b, a}} {
		ring := newKeyring(t, list...)
		for range 3 {
			serial, err := ring.GetSerial(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "C3", serial)
		}
	}
}

// Every hundred encryptions in a row hold the share exactly, wherever one starts to count.
func TestCertificateShare(t *testing.T) {
	t.Parallel()
	both := []auth.PlatformKey{openKey(platformKey(), publicID), expiring(strangerKey(), "B2", later)}
	certificates := func(ring *auth.Keyring, calls int) (before []int) {
		before = make([]int, calls+1)
		for i := range calls {
			serial, err := ring.SelectCertificate(t.Context())
			require.NoError(t, err)
			before[i+1] = before[i]
			if serial == "B2" {
				before[i+1]++
			}
		}
		return before
	}
	for percent := range 101 {
		ring := newKeyring(t, both...)
		ring.SetCertificateShare(percent)
		n := certificates(ring, 300)
		for start := range 200 {
			if got := n[start+100] - n[start]; got != percent {
				t.Fatalf("share %d: %d of the hundred calls from %d on", percent, got, start)
			}
		}
		if percent == 50 {
			assert.InDelta(t, 10, n[20], 2, "spread over the hundred, not in one piece")
		}
	}
	for name, tt := range map[string]struct {
		keys    []auth.PlatformKey
		percent int
		want    int
	}{
		"below 0":              {both, -5, 0},
		"above 100":            {both, 250, 100},
		"certificate alone":    {both[1:], 0, 100},
		"public key alone":     {both[:1], 100, 0},
		"default: public key":  {both, 0, 0},
		"expired, then public": {[]auth.PlatformKey{both[0], expiring(strangerKey(), "B2", time.Now())}, 100, 0},
	} {
		ring := newKeyring(t, tt.keys...)
		ring.SetCertificateShare(tt.percent)
		assert.Equal(t, tt.want, certificates(ring, 100)[100], name)
	}
	_, err := new(auth.Keyring).SelectCertificate(t.Context())
	assert.ErrorIs(t, err, auth.ErrNoKey)
}

// S15: readers never see half a change. The public key is on every ring, the certificate comes and goes.
func TestS15SetBesideVerify(t *testing.T) {
	t.Parallel()
	public, certificate := openKey(platformKey(), publicID), expiring(strangerKey(), "B2", later)
	ring := newKeyring(t, public)
	byPublic, byCertificate := sign(platformKey(), "m"), sign(strangerKey(), "m")
	ctx := t.Context()
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := range 25 {
				switch (g + i) % 4 {
				case 0:
					keys := []auth.PlatformKey{public, certificate}[:1+i%2]
					assert.NoError(t, ring.Set(keys...))
					assert.Error(t, ring.Set(public, public))
					ring.SetCertificateShare(i * 4)
				case 1:
					assert.NoError(t, ring.Verify(ctx, publicID, "m", byPublic))
				case 2:
					if err := ring.Verify(ctx, "B2", "m", byCertificate); err != nil {
						assert.ErrorIs(t, err, auth.ErrUnknownSerial)
					}
				case 3:
					serial, err := ring.SelectCertificate(ctx)
					assert.NoError(t, err)
					if _, err := ring.Encrypt(ctx, serial, "13800138000"); serial == publicID {
						assert.NoError(t, err)
					}
					assert.LessOrEqual(t, len(ring.Keys()), 2)
				}
			}
		})
	}
	wg.Wait()
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(platformKey(), publicID))
	for _, plain := range []string{"", "13800138000", "张三", "\x00\xff", strings.Repeat("x", 214)} {
		sealed, err := ring.Encrypt(t.Context(), publicID, plain)
		require.NoError(t, err)
		raw, err := base64.StdEncoding.Strict().DecodeString(sealed)
		require.NoError(t, err)
		assert.Len(t, raw, 256)
		opened, err := rsa.DecryptOAEP(sha1.New(), nil, platformKey(), raw, nil)
		require.NoError(t, err)
		assert.Equal(t, plain, string(opened))
		again, err := ring.Encrypt(t.Context(), publicID, plain)
		require.NoError(t, err)
		assert.NotEqual(t, sealed, again, "no two ciphertexts are the same")
	}
	long := strings.Repeat("canary", 36)[:215]
	_, err := ring.Encrypt(t.Context(), publicID, long)
	require.ErrorIs(t, err, rsa.ErrMessageTooLong)
	assert.NotContains(t, err.Error(), "canary")
	sealed, err := ring.Encrypt(t.Context(), "B2", "canary")
	assert.ErrorIs(t, err, auth.ErrNoKey)
	assert.NotContains(t, err.Error(), "canary")
	assert.Empty(t, sealed)
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(merchantKey(), "mine"))
	sealed, err := ring.Encrypt(t.Context(), "mine", "张三")
	require.NoError(t, err)
	for _, key := range []crypto.Decrypter{merchantKey(), kms{key: merchantKey()}} {
		plain, err := auth.Decrypt(key, sealed)
		require.NoError(t, err)
		assert.Equal(t, "张三", plain)
	}
	for name, bad := range map[string]string{
		"empty": "", "not base64": "canary!", "short": "Y2FuYXJ5", "cut": sealed[:340], "twice": sealed[:342] + sealed, "changed": "AAAA" + sealed[4:],
	} {
		plain, err := auth.Decrypt(merchantKey(), bad)
		require.Error(t, err, name)
		assert.Empty(t, plain)
		assert.NotContains(t, err.Error(), "canary")
		assert.Less(t, len(err.Error()), 60)
	}
	_, err = auth.Decrypt(strangerKey(), sealed)
	assert.ErrorContains(t, err, "not made for this key")
}

const apiV3Key = "0123456789abcdef0123456789ABCDEF"

func seal(t testing.TB, key, nonce, associatedData, plain string) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), []byte(plain), []byte(associatedData)))
}

// Test case 16 of the paper that specifies GCM (McGrew, Viega: The Galois/Counter Mode of Operation).
func TestPublishedGCM(t *testing.T) {
	t.Parallel()
	raw := func(s string) string { return string(must(hex.DecodeString(s))) }
	key := raw("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
	sealed := raw("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" + "76fc6ece0f4e1768cddf8853bb2d551b")
	plain, err := auth.OpenResource(key, "AEAD_AES_256_GCM", raw("cafebabefacedbaddecaf888"), raw("feedfacedeadbeeffeedfacedeadbeefabaddad2"), base64.StdEncoding.EncodeToString([]byte(sealed)))
	require.NoError(t, err)
	assert.Equal(t, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", hex.EncodeToString(plain))
}

func TestOpenResource(t *testing.T) {
	t.Parallel()
	const algorithm, nonce, ad, plain = "AEAD_AES_256_GCM", "61f9c719728a", "certificate", `{"out_trade_no":"1"}`
	sealed := seal(t, apiV3Key, nonce, ad, plain)
	type resource struct{ key, algorithm, nonce, ad, ciphertext string }
	good := resource{apiV3Key, algorithm, nonce, ad, sealed}
	open := func(r resource) ([]byte, error) {
		return auth.OpenResource(r.key, r.algorithm, r.nonce, r.ad, r.ciphertext)
	}
	got, err := open(good)
	require.NoError(t, err)
	assert.Equal(t, plain, string(got))
	got, err = open(resource{apiV3Key, algorithm, nonce, "", seal(t, apiV3Key, nonce, "", "")})
	require.NoError(t, err, "associated data may be empty, and the plain text too")
	assert.Empty(t, got)

	refused := map[string]func(*resource){
		"other key":       func(r *resource) { r.key = strings.ToUpper(r.key) },
		"other nonce":     func(r *resource) { r.nonce = "61f9c719728b" },
		"other data":      func(r *resource) { r.ad = "transaction" },
		"no data":         func(r *resource) { r.ad = "" },
		"data behind":     func(r *resource) { r.ad += "\x00" },
		"not base64":      func(r *resource) { r.ciphertext = "{" },
		"base64 for URLs": func(r *resource) { r.ciphertext = "-_" + r.ciphertext[2:] },
		"empty":           func(r *resource) { r.ciphertext = "" },
		"tag alone":       func(r *resource) { r.ciphertext = r.ciphertext[len(r.ciphertext)-24:] },
		"15 bytes":        func(r *resource) { r.ciphertext = strings.Repeat("A", 20) },
		"another's text":  func(r *resource) { r.ciphertext = seal(t, strings.Repeat("k", 32), nonce, ad, plain) },
	}
	for _, a := range []string{"", "aead_aes_256_gcm", "AEAD_AES_256_GCM ", "AEAD_AES_128_GCM", "AEAD_AES_256_CBC", "AEAD_SM4_GCM", "none"} {
		refused["algorithm "+a] = func(r *resource) { r.algorithm = a }
	}
	for _, n := range []int{16, 24} { // AES, but not this one
		refused[fmt.Sprintf("AES-%d", 8*n)] = func(r *resource) {
			r.key = apiV3Key[:n]
			r.ciphertext = seal(t, r.key, nonce, ad, plain)
		}
	}
	for n := range 80 {
		if n != 32 {
			refused[fmt.Sprintf("key of %d bytes", n)] = func(r *resource) { r.key = strings.Repeat("k", n) }
		}
		if n != 12 {
			refused[fmt.Sprintf("nonce of %d bytes", n)] = func(r *resource) { r.nonce = strings.Repeat("n", n) }
		}
	}
	raw := must(base64.StdEncoding.DecodeString(sealed))
	for i := range 8 * len(raw) { // every bit, those of the tag included
		refused[fmt.Sprintf("bit %d", i)] = func(r *resource) {
			b := bytes.Clone(raw)
			b[i/8] ^= 1 << (i % 8)
			r.ciphertext = base64.StdEncoding.EncodeToString(b)
		}
	}
	for name, change := range refused {
		r := good
		change(&r)
		got, err := open(r)
		if err == nil || got != nil {
			t.Errorf("%s: opened", name)
			continue
		}
		if strings.Contains(err.Error(), apiV3Key) || strings.Contains(err.Error(), "out_trade_no") || strings.Contains(err.Error(), "kk") {
			t.Errorf("%s: error shows the key or the text: %v", name, err)
		}
	}
}

// FuzzOpenResource: nothing panics, and what opens is what was sealed.
func FuzzOpenResource(f *testing.F) {
	f.Add(apiV3Key, "AEAD_AES_256_GCM", "61f9c719728a", "certificate", seal(f, apiV3Key, "61f9c719728a", "certificate", "text"))
	f.Add(apiV3Key, "AEAD_AES_256_GCM", "61f9c719728", "", "AAAA")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, key, algorithm, nonce, ad, ciphertext string) {
		plain, err := auth.OpenResource(key, algorithm, nonce, ad, ciphertext)
		if err != nil {
			if len(key) == 32 && strings.Contains(err.Error(), key) {
				t.Fatalf("error shows the key: %v", err)
			}
			return
		}
		again := seal(t, key, nonce, ad, string(plain))
		if a, b := must(base64.StdEncoding.DecodeString(again)), must(base64.StdEncoding.DecodeString(ciphertext)); !bytes.Equal(a, b) {
			t.Fatalf("%q opens but was not sealed", ciphertext)
		}
	})
}
