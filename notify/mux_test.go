package notify_test

import (
	"bufio"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

var otherKey = sync.OnceValue(newKey)

// A shop is one merchant or brand at an address that it shares.
type shop struct {
	sender, serial, apiKey string
	key                    *rsa.PrivateKey
	handler                *notify.Handler

	mu    sync.Mutex
	ran   []string // IDs
	told  []notify.Delivery
	onRun func(context.Context) error
}

// open makes the shop's handler; changes say what its client has otherwise.
func (s *shop) open(t testing.TB, seen notify.Seen, changes ...func(*wxpay.Config)) *shop {
	t.Helper()
	config := wxpay.Config{
		MchID: s.sender, SerialNo: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", PrivateKey: merchantKey(), APIv3Key: wxpay.Secret(s.apiKey),
		PublicKeyID: s.serial, PublicKey: &s.key.PublicKey, HTTPClient: &http.Client{Transport: offline(t)}, MaxAttempts: 1,
	}
	for _, change := range changes {
		change(&config)
	}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	s.handler = notify.New(client, notify.Config{
		Seen: seen,
		Fallback: func(ctx context.Context, e *notify.Event) error {
			s.mu.Lock()
			s.ran = append(s.ran, e.ID)
			s.mu.Unlock()
			if s.onRun != nil {
				return s.onRun(ctx)
			}
			return nil
		},
		Observe: func(_ context.Context, d notify.Delivery) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.told = append(s.told, d)
		},
	})
	return s
}

// notification is one to s, genuine.
func (s *shop) notification(id string) *http.Request {
	body := message{id: id, key: s.apiKey}.String()
	return request(sign(s.key, s.serial, time.Now(), body), body)
}

func asBrand(c *wxpay.Config) { c.BrandID, c.MchID = c.MchID, "" }

// street is three merchants, one of them a brand, and a mux for them.
func street(t testing.TB) (*notify.Mux, []*shop, *[]notify.Delivery) {
	t.Helper()
	one := (&shop{sender: "1230000101", serial: "PUB_KEY_ID_0112300001010000", apiKey: strings.Repeat("1", 32), key: platformKey()}).open(t, nil)
	two := (&shop{sender: "1230000102", serial: "PUB_KEY_ID_0112300001020000", apiKey: strings.Repeat("2", 32), key: otherKey()}).open(t, nil)
	brand := (&shop{sender: "120344", serial: "PUB_KEY_ID_0100001203440000", apiKey: strings.Repeat("3", 32), key: merchantKey()}).open(t, nil, asBrand)
	var mu sync.Mutex
	unclaimed := new([]notify.Delivery)
	mux := &notify.Mux{Observe: func(_ context.Context, d notify.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		*unclaimed = append(*unclaimed, d)
	}}
	shops := []*shop{one, two, brand}
	for _, s := range shops {
		require.NoError(t, mux.Add(s.handler))
	}
	return mux, shops, unclaimed
}

// Each notification runs the function of its own merchant, once, and is told to that merchant's observer alone.
func TestMux(t *testing.T) {
	t.Parallel()
	mux, shops, unclaimed := street(t)
	for i, s := range shops {
		for range 2 {
			w := serve(mux, s.notification(fmt.Sprint("EV-", i)))
			assert.Equal(t, 204, w.Code)
		}
	}
	for i, s := range shops {
		id := fmt.Sprint("EV-", i)
		assert.Equal(t, []string{id}, s.ran)
		require.Len(t, s.told, 2)
		for j, d := range s.told {
			assert.Positive(t, d.Duration)
			d.Duration = 0
			want := notify.Delivery{Sender: s.sender, ID: id, EventType: "ENTRUST.SIGNING", RequestID: "08F78BB5AF0610D302189FD3FD0158", Status: 204, Repeated: j == 1}
			assert.Equal(t, want, d)
		}
	}
	assert.Empty(t, *unclaimed)
}

// The fake's notifications to three platforms that name their keys alike, a brand's among them.
func TestMuxWithTheFake(t *testing.T) {
	t.Parallel()
	var mux notify.Mux
	var servers []*wxpaytest.Server
	ran := make([]int, 3)
	for i, options := range []wxpaytest.Options{{Seed: "one"}, {Seed: "two"}, {Seed: "two", Brand: true}} {
		server := wxpaytest.New(t, options)
		servers = append(servers, server)
		require.NoError(t, mux.Add(notify.New(server.Client(), notify.Config{Fallback: func(context.Context, *notify.Event) error {
			ran[i]++
			return nil
		}})))
	}
	for i, server := range servers {
		want := slices.Clone(ran)
		want[i]++
		for _, tt := range []struct {
			variant wxpaytest.Variant
			status  int
		}{
			{wxpaytest.ByPublicKey, 204}, {wxpaytest.Again, 204}, {wxpaytest.Forged, 401}, {wxpaytest.Unsigned, 401}, {wxpaytest.Probe, 401}, {wxpaytest.Stale, 401},
			{wxpaytest.UnknownSerial, 401}, {wxpaytest.WrongType, 401}, {wxpaytest.Undecryptable, 401}, {wxpaytest.Tampered, 401},
		} {
			resp, err := server.Notify(t.Context(), &mux, "ENTRUST.SIGNING", nil, tt.variant)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, tt.status, resp.StatusCode)
		}
		assert.Equal(t, want, ran)
	}
}

// What is nobody's is answered as the handler of one merchant answers a forgery, and told to the observer of the mux.
func TestMuxRefuses(t *testing.T) {
	t.Parallel()
	_, shops, _ := street(t)
	one, two := shops[0], shops[1]
	body := message{key: one.apiKey}.String()
	with := func(name, value string) *http.Request {
		r := request(sign(one.key, one.serial, time.Now(), body), body)
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
		return r
	}
	probe := func(serial string) *http.Request {
		r := with("Wechatpay-Serial", serial)
		r.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+r.Header.Get("Wechatpay-Signature"))
		return r
	}
	const stranger = "PUB_KEY_ID_0119999999990000"
	for name, tt := range map[string]struct {
		r       *http.Request
		is      error
		nobodys bool // where one handler has something else to say, or nobody could know better
	}{
		"forged":                   {request(sign(strangerKey(), one.serial, time.Now(), body), body), auth.ErrForged, false},
		"of another merchant":      {request(sign(two.key, one.serial, time.Now(), body), body), auth.ErrForged, false},
		"under another's serial":   {request(sign(one.key, two.serial, time.Now(), body), body), auth.ErrForged, true},
		"of nobody":                {request(sign(strangerKey(), stranger, time.Now(), body), body), auth.ErrUnknownSerial, true},
		"serial that is no serial": {with("Wechatpay-Serial", strings.Repeat("é", 5000)), auth.ErrUnknownSerial, true},
		"unsigned":                 {with("Wechatpay-Signature", ""), auth.ErrUnsigned, false},
		"no serial":                {with("Wechatpay-Serial", ""), auth.ErrUnsigned, false},
		"nobody's, unsigned":       {request(http.Header{"Wechatpay-Serial": {stranger}}, body), auth.ErrUnsigned, false},
		"probe":                    {probe(one.serial), wxpay.ErrSignatureProbe, false},
		"probe of nobody":          {probe(stranger), auth.ErrUnknownSerial, true},
		"old":                      {request(sign(one.key, one.serial, time.Now().Add(-time.Hour), body), body), wxpay.ErrUnverified, false},
		"nobody's, old":            {request(sign(one.key, stranger, time.Now().Add(-time.Hour), body), body), &auth.StaleError{}, false},
		"another type":             {with("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), wxpay.ErrUnverified, false},
		"a brand's type":           {with("Wechatpay-Signature-Type", "WECHATPAY-BRAND-SHA256-RSA2048"), wxpay.ErrUnverified, false},
		"another body":             {request(sign(one.key, one.serial, time.Now(), body), body+" "), auth.ErrForged, false},
		"consumed":                 {request(sign(one.key, one.serial, time.Now(), body), ""), auth.ErrForged, false},
		"no notification":          {request(sign(one.key, one.serial, time.Now(), "{}"), "{}"), nil, false},
		"PUT":                      {httptest.NewRequest("PUT", "/", strings.NewReader(body)), nil, false},
		"too large":                {request(http.Header{}, strings.Repeat(" ", 256<<10+1)), nil, false},
	} {
		mux, shops, unclaimed := street(t)
		text, _ := io.ReadAll(tt.r.Body)
		again := func() *http.Request {
			r := tt.r.Clone(t.Context())
			r.Body = io.NopCloser(strings.NewReader(string(text)))
			return r
		}
		w, of := serve(mux, again()), serve(shops[0].handler, again())
		assert.Equal(t, of.Code, w.Code, name)
		assert.Equal(t, of.Body.String(), w.Body.String(), name)
		for _, s := range shops {
			assert.Empty(t, s.ran, name)
		}
		for _, s := range shops[1:] {
			assert.Empty(t, s.told, name)
		}
		require.Len(t, shops[0].told, 1, "%s: by its own handler", name)
		require.Len(t, *unclaimed, 1, name)
		d, alone := (*unclaimed)[0], shops[0].told[0]
		assert.Empty(t, d.Sender+d.ID+d.EventType, name)
		assert.Equal(t, of.Code, d.Status, name)
		assert.Positive(t, d.Duration, name)
		assert.Equal(t, tt.r.Header.Get("Request-Id"), d.RequestID, name)
		if _, stale := tt.is.(*auth.StaleError); stale {
			_, stale = errors.AsType[*auth.StaleError](d.Err)
			assert.True(t, stale, "%s: %v", name, d.Err)
		} else if tt.is != nil {
			assert.ErrorIs(t, d.Err, tt.is, name)
		}
		if !tt.nobodys && !strings.Contains(name, "old") { // the age is that of the moment
			assert.EqualError(t, d.Err, alone.Err.Error(), name)
		}
		assert.LessOrEqual(t, len(d.Err.Error()), 2000, name)
		assert.Less(t, strings.Count(d.Err.Error(), "é"), 100, name)
	}
}

// What only the right merchant's handler can know is told to that one.
func TestMuxLeavesTheRestToTheHandler(t *testing.T) {
	t.Parallel()
	mux, shops, unclaimed := street(t)
	s := shops[0]
	body := message{key: shops[1].apiKey}.String() // does not open
	assert.Equal(t, 401, serve(mux, request(sign(s.key, s.serial, time.Now(), body), body)).Code)
	s.onRun = func(context.Context) error { return errors.New("database is down") }
	assert.Equal(t, 500, serve(mux, s.notification("EV-1")).Code)

	keyless := (&shop{sender: "1230000104", serial: "PUB_KEY_ID_0112300001040000", key: strangerKey()}).open(t, nil)
	require.NoError(t, mux.Add(keyless.handler))
	keyless.apiKey = s.apiKey
	assert.Equal(t, 500, serve(mux, keyless.notification("EV-1")).Code)
	require.Len(t, keyless.told, 2, "by New, and then")
	for _, d := range keyless.told {
		assert.Equal(t, keyless.sender, d.Sender)
		assert.ErrorIs(t, d.Err, auth.ErrNoAPIv3Key)
	}
	require.Len(t, s.told, 2)
	assert.Equal(t, s.sender, s.told[0].Sender)
	assert.ErrorContains(t, s.told[0].Err, "resource does not open")
	assert.ErrorContains(t, s.told[1].Err, "database is down")
	assert.Empty(t, *unclaimed)
}

// A merchant comes and goes while others are served.
func TestMuxAddAndRemove(t *testing.T) {
	t.Parallel()
	mux, shops, unclaimed := street(t)
	s := shops[0]
	require.NoError(t, mux.Add(s.handler))
	sealed := message{key: shops[1].apiKey}.String()
	assert.Equal(t, 401, serve(mux, request(sign(s.key, s.serial, time.Now(), sealed), sealed)).Code)
	assert.Len(t, s.told, 1, "added twice it is there once: what does not open is still its own")
	assert.Equal(t, 204, serve(mux, s.notification("EV-1")).Code)
	mux.Remove(s.handler)
	mux.Remove(s.handler)
	mux.Remove(nil)
	assert.Equal(t, 401, serve(mux, s.notification("EV-2")).Code)
	require.Len(t, *unclaimed, 1)
	assert.ErrorIs(t, (*unclaimed)[0].Err, auth.ErrUnknownSerial)
	assert.ErrorContains(t, (*unclaimed)[0].Err, "serial "+s.serial+" is of nobody here")
	assert.Equal(t, 204, serve(mux, shops[1].notification("EV-2")).Code)
	require.NoError(t, mux.Add(s.handler))
	assert.Equal(t, 204, serve(mux, s.notification("EV-2")).Code)
	assert.Equal(t, []string{"EV-1", "EV-2"}, s.ran)

	var none notify.Mux
	assert.Equal(t, 401, serve(&none, s.notification("EV-3")).Code, "nobody is here, and nobody observes")
}

// A request that has found its handler goes on when that is removed.
func TestMuxRemoveInFlight(t *testing.T) {
	t.Parallel()
	mux, shops, _ := street(t)
	s := shops[0]
	s.onRun = func(context.Context) error { mux.Remove(s.handler); return nil }
	assert.Equal(t, 204, serve(mux, s.notification("EV-1")).Code)
	assert.Equal(t, 401, serve(mux, s.notification("EV-2")).Code)
}

func TestMuxAddFails(t *testing.T) {
	t.Parallel()
	var mux notify.Mux
	assert.EqualError(t, mux.Add(nil), "notify: handler without a client")
	assert.EqualError(t, mux.Add(notify.New(nil, notify.Config{})), "notify: handler without a client")
	ring, err := auth.NewKeyring(auth.PlatformKey{Serial: keyID, Public: &platformKey().PublicKey})
	require.NoError(t, err)
	s := &shop{sender: "1230000101", serial: keyID, apiKey: apiV3Key, key: platformKey()}
	bring := func(v interface {
		Verify(context.Context, string, string, string) error
		GetSerial(context.Context) (string, error)
	}) func(*wxpay.Config) {
		return func(c *wxpay.Config) { c.PublicKeyID, c.PublicKey, c.Verifier, c.Encryptor = "", nil, v, ring }
	}
	s.open(t, nil, bring(struct{ *closed }{}))
	assert.EqualError(t, mux.Add(s.handler), "notify: Config.Verifier of 1230000101 tells no serials; give its handler an address of its own")
	s.open(t, nil, bring(ring))
	require.NoError(t, mux.Add(s.handler))
	assert.Equal(t, 204, serve(&mux, s.notification("EV-1")).Code)
}

// closed is a verifier of another maker.
type closed struct{}

func (*closed) Verify(context.Context, string, string, string) error { return nil }
func (*closed) GetSerial(context.Context) (string, error)            { return keyID, nil }

// Of merchants that share a key, the one is meant whose APIv3 key opens the resource; if none does, it is nobody's.
func TestMuxSharedKey(t *testing.T) {
	t.Parallel()
	mux, shops, unclaimed := street(t)
	shared := make([]*shop, 5)
	for i := range shared {
		shared[i] = (&shop{sender: fmt.Sprint(1230000200 + i), serial: keyID, apiKey: strings.Repeat(fmt.Sprint(i), 32), key: platformKey()}).open(t, nil)
		require.NoError(t, mux.Add(shared[i].handler))
	}
	assert.Equal(t, 1, mux.Signers(keyID), "one signature is tried for all of them")
	for i, s := range shared {
		assert.Equal(t, 204, serve(mux, s.notification(fmt.Sprint("EV-", i))).Code)
	}
	for i, s := range shared {
		assert.Equal(t, []string{fmt.Sprint("EV-", i)}, s.ran)
		assert.Len(t, s.told, 1)
	}
	body := message{key: strings.Repeat("9", 32)}.String()
	w := serve(mux, request(sign(platformKey(), keyID, time.Now(), body), body))
	assert.Equal(t, 401, w.Code)
	assert.Equal(t, "resource does not open", failure(t, w))
	require.Len(t, *unclaimed, 1)
	assert.Empty(t, (*unclaimed)[0].Sender)
	assert.Empty(t, shops[0].ran)

	// Another key under the serial of these is another platform, and takes nothing from them.
	impostor := (&shop{sender: "1230000300", serial: keyID, apiKey: shared[0].apiKey, key: strangerKey()}).open(t, nil)
	require.NoError(t, mux.Add(impostor.handler))
	assert.Equal(t, 2, mux.Signers(keyID))
	assert.Equal(t, 204, serve(mux, shared[0].notification("EV-10")).Code)
	assert.Equal(t, 204, serve(mux, impostor.notification("EV-11")).Code)
	assert.Equal(t, []string{"EV-0", "EV-10"}, shared[0].ran)
	assert.Equal(t, []string{"EV-11"}, impostor.ran)
}

// With a thousand merchants one signature is tried.
func TestMuxThousand(t *testing.T) {
	t.Parallel()
	mux, _, _ := street(t)
	shops := make([]*shop, 1000)
	for i := range shops {
		key := platformKey()
		if i%2 == 1 {
			key = otherKey()
		}
		shops[i] = (&shop{sender: fmt.Sprint(1230001000 + i), serial: fmt.Sprintf("PUB_KEY_ID_01%d0000", 1230001000+i), apiKey: fmt.Sprintf("%032d", i), key: key}).open(t, nil)
		require.NoError(t, mux.Add(shops[i].handler))
	}
	for _, i := range []int{0, 1, 500, 999} {
		assert.Equal(t, 1, mux.Signers(shops[i].serial))
		assert.Equal(t, 204, serve(mux, shops[i].notification("EV-1")).Code)
		assert.Equal(t, []string{"EV-1"}, shops[i].ran)
	}
	assert.Equal(t, 0, mux.Signers("PUB_KEY_ID_0119999999990000"))
}

// Merchants that share what was seen do not hide each other's notifications, though they have the same number.
func TestMuxSharedSeen(t *testing.T) {
	t.Parallel()
	var mux notify.Mux
	seen := notify.NewMemory(10)
	var shops []*shop
	for i := range 3 {
		s := &shop{sender: fmt.Sprint(1230000101 + i), serial: keyID, apiKey: strings.Repeat(fmt.Sprint(i), 32), key: platformKey()}
		shops = append(shops, s.open(t, seen))
		require.NoError(t, mux.Add(s.handler))
	}
	for range 2 {
		for _, s := range shops {
			assert.Equal(t, 204, serve(&mux, s.notification("EV-1")).Code)
		}
	}
	for _, s := range shops {
		assert.Equal(t, []string{"EV-1"}, s.ran)
	}
}

// asCertificates makes a client one that downloads certificates over transport.
func asCertificates(transport http.RoundTripper) func(*wxpay.Config) {
	return func(c *wxpay.Config) {
		c.PublicKeyID, c.PublicKey, c.HTTPClient = "", nil, &http.Client{Transport: transport}
	}
}

// S19: whatever serials are named, a mux loads nothing, for none of its merchants; nor for a serial that the
// certificates on hand may be about to be followed by.
func TestMuxLoadsNothing(t *testing.T) {
	t.Parallel()
	var mux notify.Mux
	var loads atomic.Int64
	count := roundTrip(func(*http.Request) (*http.Response, error) {
		loads.Add(1)
		return nil, errors.New("no network")
	})
	_, serial := certificate()
	for i := range 50 {
		s := &shop{sender: fmt.Sprint(1230000101 + i), serial: serial, apiKey: apiV3Key, key: platformKey()}
		require.NoError(t, mux.Add(s.open(t, nil, asCertificates(count)).handler))
	}
	body := message{}.String()
	var flood sync.WaitGroup
	for i := range 8 {
		flood.Go(func() {
			header := sign(strangerKey(), "", time.Now(), body)
			for j := range 200 {
				header.Set("Wechatpay-Serial", fmt.Sprintf("%040X", i*1000+j))
				assert.Equal(t, 401, serve(&mux, request(header, body)).Code)
			}
			header = sign(platformKey(), serial, time.Now(), body)
			header.Set("Wechatpay-Signature", base64.StdEncoding.EncodeToString(make([]byte, 256)))
			assert.Equal(t, 401, serve(&mux, request(header, body)).Code)
		})
	}
	flood.Wait()
	assert.Zero(t, loads.Load())
}

// Certificates that a client has loaded are known, a second after a miss at the latest.
func TestMuxCertificates(t *testing.T) {
	t.Parallel()
	_, serial := certificate()
	mock := certificates()
	client := certificateClient(mock)
	h := notify.New(client, notify.Config{Fallback: func(context.Context, *notify.Event) error { return nil }})
	var mux notify.Mux
	require.NoError(t, mux.Add(h))
	s := &shop{serial: serial, apiKey: apiV3Key, key: platformKey()}
	assert.Equal(t, 401, serve(&mux, s.notification("EV-1")).Code)
	require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
	require.Len(t, client.PlatformKeys().Keys(), 1)
	require.Eventually(t, func() bool { return serve(&mux, s.notification("EV-1")).Code == 204 }, time.Minute, 50*time.Millisecond)
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

// A key that its client has no more verifies for a minute at most, one that has expired not at all. A flood of
// unknown serials does not make the mux look again and again.
func TestMuxFollowsTheKeys(t *testing.T) {
	t.Parallel()
	_, _, _ = platformKey(), otherKey(), merchantKey()
	synctest.Test(t, func(t *testing.T) {
		ring, err := auth.NewKeyring(auth.PlatformKey{Serial: "A1", Public: &platformKey().PublicKey, Expires: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		counted := &countingRing{Keyring: ring}
		one := &shop{sender: "1230000101", serial: "A1", apiKey: apiV3Key, key: platformKey()}
		one.open(t, nil, func(c *wxpay.Config) {
			c.PublicKeyID, c.PublicKey, c.Verifier, c.Encryptor = "", nil, counted, ring
		})
		two := &shop{sender: "1230000101", serial: "B2", apiKey: apiV3Key, key: otherKey()}
		var mux notify.Mux
		require.NoError(t, mux.Add(one.handler))
		assert.Equal(t, 204, serve(&mux, one.notification("EV-1")).Code)
		for range 100 {
			assert.Equal(t, 401, serve(&mux, two.notification("EV-2")).Code)
		}
		assert.Equal(t, int64(1), counted.looks.Load())

		require.NoError(t, ring.Set(auth.PlatformKey{Serial: "B2", Public: &otherKey().PublicKey, Expires: time.Now().Add(time.Hour)}))
		time.Sleep(time.Second)
		assert.Equal(t, 204, serve(&mux, two.notification("EV-2")).Code)
		assert.Equal(t, 401, serve(&mux, one.notification("EV-3")).Code, "looking for B2 it saw that A1 has gone")

		require.NoError(t, ring.Set(auth.PlatformKey{Serial: "A1", Public: &platformKey().PublicKey, Expires: time.Now().Add(time.Hour)}))
		time.Sleep(time.Minute)
		assert.Equal(t, 401, serve(&mux, two.notification("EV-4")).Code)
		assert.Equal(t, 204, serve(&mux, one.notification("EV-4")).Code)
		time.Sleep(time.Hour - time.Minute - time.Second)
		assert.Equal(t, 204, serve(&mux, one.notification("EV-5")).Code)
		time.Sleep(time.Second)
		assert.Equal(t, 401, serve(&mux, one.notification("EV-6")).Code)
		time.Sleep(time.Minute)
		assert.Equal(t, 0, mux.Signers("A1"), "expired keys are not kept")
	})
}

// A countingRing says how often its keys were asked for.
type countingRing struct {
	*auth.Keyring
	looks atomic.Int64
}

func (r *countingRing) Keys() []auth.PlatformKey {
	r.looks.Add(1)
	return r.Keyring.Keys()
}

// Merchants come and go while notifications come from all sides. Each runs its own function, once.
func TestMuxConcurrent(t *testing.T) {
	t.Parallel()
	mux, shops, _ := street(t)
	passer := (&shop{sender: "1230000104", serial: keyID, apiKey: apiV3Key, key: strangerKey()}).open(t, nil)
	stop := make(chan struct{})
	var coming, team sync.WaitGroup
	coming.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				assert.NoError(t, mux.Add(passer.handler))
				mux.Remove(passer.handler)
			}
		}
	})
	const each = 30
	for _, s := range shops {
		for i := range each {
			team.Go(func() {
				for range 2 {
					if code := serve(mux, s.notification(fmt.Sprint("EV-", i))).Code; code != 204 && code != 409 {
						t.Errorf("status %d", code)
					}
				}
				if code := serve(mux, passer.notification(fmt.Sprint("EV-", i))).Code; code != 204 && code != 401 {
					t.Errorf("status %d", code)
				}
			})
		}
	}
	team.Wait()
	close(stop)
	coming.Wait()
	for _, s := range shops {
		assert.Len(t, s.ran, each)
	}
}

// A body that stalls holds a mux for its Timeout and no longer.
func TestMuxSlowBody(t *testing.T) {
	t.Parallel()
	told := make(chan notify.Delivery, 1)
	server := httptest.NewServer(&notify.Mux{Timeout: 300 * time.Millisecond, Observe: func(_ context.Context, d notify.Delivery) { told <- d }})
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, 408, answer.StatusCode)
	d := <-told
	assert.GreaterOrEqual(t, d.Duration, 300*time.Millisecond)
	assert.Less(t, d.Duration, 3*time.Second, "the default")
}

// The time of a handler begins with the request, not when its body is there.
func TestMuxTimeIsOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, key := range []func() *rsa.PrivateKey{platformKey, otherKey, merchantKey} {
		key()
	}
	synctest.Test(t, func(t *testing.T) {
		mux, shops, unclaimed := street(t)
		late := func(d time.Duration) *http.Request {
			r := shops[0].notification("EV-1")
			r.Body = io.NopCloser(&lateReader{r.Body, d})
			return r
		}
		start := time.Now()
		shops[0].onRun = func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			assert.Equal(t, 4*time.Second, deadline.Sub(start))
			return nil
		}
		assert.Equal(t, 204, serve(mux, late(time.Second)).Code)
		assert.Equal(t, []string{"EV-1"}, shops[0].ran)
		assert.Equal(t, 408, serve(mux, late(5*time.Second)).Code)
		require.Len(t, *unclaimed, 1)
		assert.Equal(t, 5*time.Second, (*unclaimed)[0].Duration, "the next byte ends the wait")
	})
}

// A lateReader waits before it reads.
type lateReader struct {
	io.Reader
	wait time.Duration
}

func (r *lateReader) Read(b []byte) (int, error) {
	time.Sleep(r.wait)
	r.wait = 0
	return r.Reader.Read(b)
}

// keys records what a Seen is asked for.
type keys struct{ begun, ended []string }

func (k *keys) Begin(_ context.Context, id string) (bool, error) {
	k.begun = append(k.begun, id)
	return false, nil
}

func (k *keys) End(_ context.Context, id string, _ bool) error {
	k.ended = append(k.ended, id)
	return nil
}

// What a Seen gets is short and printable, whatever the numbers of a notification, and tells them apart.
func TestSeenGetsShortKeys(t *testing.T) {
	t.Parallel()
	var seen keys
	s := (&shop{sender: "1230000101", serial: keyID, apiKey: apiV3Key, key: platformKey()}).open(t, &seen)
	long := strings.Repeat("x", 10_000)
	for _, id := range []string{"EV-1", `EV-1\u0000`, `EV-1\u007f`, "EV-é", long, long + "y"} {
		body := strings.Replace(message{id: "EV", key: s.apiKey}.String(), "EV", id, 1)
		assert.Equal(t, 204, serve(s.handler, request(sign(s.key, s.serial, time.Now(), body), body)).Code)
	}
	assert.Equal(t, seen.begun, seen.ended)
	require.Len(t, seen.begun, 6)
	assert.Equal(t, "1230000101 ENTRUST.SIGNING EV-1", seen.begun[0])
	for _, key := range seen.begun {
		assert.LessOrEqual(t, len(key), 200)
		assert.Equal(t, key, strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, key))
	}
	slices.Sort(seen.begun)
	assert.Len(t, slices.Compact(seen.begun), 6)
}

func TestMuxStartsNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	mux, shops, _ := street(t)
	assert.Equal(t, 204, serve(mux, shops[0].notification("EV-1")).Code)
	goleak.VerifyNone(t, before)
}
