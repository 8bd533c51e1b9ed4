package wxpay_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

// R6: once the quota is used up, an outage is not answered with repetitions; success brings them back.
func TestQuota(t *testing.T) {
	t.Parallel()
	down := true
	p := &platform{t: t}
	p.next = func(_ int, req *http.Request) (*http.Response, error) {
		if down {
			return step{answer: answer{status: 503}}.response(req), nil
		}
		return good.response(req), nil
	}
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		const calls = 400
		for range calls {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.Error(t, err)
		}
		assert.LessOrEqual(t, len(p.requests()), calls+500/14)
		down = false
		for range 28 {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.NoError(t, err)
		}
		down = true
		before := len(p.requests())
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.Error(t, err)
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

// FREQUENCY_LIMITED and its like are never repeated in parallel, however many calls were throttled.
func TestThrottledCallsRepeatOneAtATime(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		seen, inFlight := map[string]bool{}, 0
		var mu sync.Mutex
		p := &platform{t: t}
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			mu.Lock()
			again := seen[req.URL.Path]
			seen[req.URL.Path] = true
			if again {
				inFlight++
				if inFlight > 1 {
					t.Errorf("%d repetitions at once", inFlight)
				}
			}
			mu.Unlock()
			time.Sleep(50 * time.Millisecond)
			if !again {
				return throttled.response(req), nil
			}
			mu.Lock()
			inFlight--
			mu.Unlock()
			return good.response(req), nil
		}
		client := p.client()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := wxpay.Do[echo](t.Context(), client, read(fmt.Sprint(i)))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	})
}

// A repetition that its caller does not live to see costs the others nothing.
func TestGivingUpCostsNoQuota(t *testing.T) {
	t.Parallel()
	p := newPlan(t, step{answer: answer{status: 503, change: header("Retry-After", "5")}})
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 100 { // four times what the quota would pay for
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel) // in the middle of the wait
			_, err := wxpay.Do[echo](ctx, client, read("1"))
			require.ErrorIs(t, err, context.Canceled)
			cancel()
		}
		before := len(p.requests())
		require.Equal(t, 100, before)
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.Error(t, err)
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

// Nor does one that its caller gives up while others are before it.
func TestGivingUpInTheQueueCostsNoQuota(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		repeated := false
		p := &platform{t: t}
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v3/echo/slow" {
				if repeated {
					time.Sleep(time.Hour)
				}
				repeated = true
			}
			return throttled.response(req), nil
		}
		config := p.config()
		config.Timeout = 24 * time.Hour
		client, err := wxpay.New(config)
		require.NoError(t, err)
		call := func(ctx context.Context, id string) {
			_, err := wxpay.Do[echo](ctx, client, read(id))
			require.Error(t, err)
		}
		first, giveUp := context.WithCancel(t.Context())
		go call(first, "slow")
		time.Sleep(10 * time.Second) // its repetition is under way, and holds the queue
		for range 100 {              // four times what the quota would pay for
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			call(ctx, "1")
			cancel()
		}
		giveUp()
		time.Sleep(time.Minute)
		before := len(p.requests())
		call(t.Context(), "1")
		assert.Equal(t, 3, len(p.requests())-before)
	})
}

// Nor does one that cannot be signed any more, as when a KMS goes away, or whose caller goes away meanwhile.
func TestUnsignedRepetitionsCostNoQuota(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"signer fails": true, "caller goes away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, fault)
			synctest.Test(t, func(t *testing.T) {
				key := &unsteady{Signer: merchantKey()}
				config := p.config()
				config.PrivateKey = key
				client, err := wxpay.New(config)
				require.NoError(t, err)
				call := func(signatures int) int {
					ctx, giveUp := context.WithCancel(t.Context())
					defer giveUp()
					key.left, key.after = signatures, func() error {
						if fails {
							return errors.New("KMS is not there")
						}
						giveUp()
						return nil
					}
					before := len(p.requests())
					_, err := wxpay.Do[echo](ctx, client, read("1"))
					require.Error(t, err)
					return len(p.requests()) - before
				}
				for range 100 { // four times what the quota would pay for
					require.Equal(t, 1, call(1))
				}
				assert.Equal(t, 3, call(3))
			})
		})
	}
}

// An unsteady key gives some signatures; before others something happens.
type unsteady struct {
	crypto.Signer
	left  int
	after func() error
}

func (k *unsteady) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.left--; k.left < 0 {
		if err := k.after(); err != nil {
			return nil, err
		}
	}
	return k.Signer.Sign(r, digest, opts)
}

// The promise is 350 tokens, 14 for a repetition, whatever made it necessary.
func TestQuotaOfThrottledCalls(t *testing.T) {
	t.Parallel()
	p := newPlan(t, throttled)
	synctest.Test(t, func(t *testing.T) {
		client := p.client()
		for range 200 {
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			require.Error(t, err)
		}
		assert.Len(t, p.requests(), 200+350/14)
	})
}

// In brown-outs of any depth, repetitions add at most a tenth to what is offered.
func TestBrownOut(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]step{"429": throttled, "503": {answer: answer{status: 503}}, "reset": reset, "dial": refused} {
		for _, percent := range []int{5, 7, 17, 35, 50, 100} {
			t.Run(fmt.Sprint(name, " ", percent), func(t *testing.T) {
				t.Parallel()
				sent := 0
				p := &platform{t: t}
				merchantKey()
				config := p.config()
				config.Signer, config.Verifier, config.Encryptor = quick{}, trusting{}, trusting{}
				config.PublicKey, config.PublicKeyID = nil, ""
				config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
					if sent++; sent*37%100 < percent { // spread evenly
						if bad.err != nil {
							return nil, bad.err
						}
						return bad.cheap(req), nil
					}
					return good.cheap(req), nil
				})}
				synctest.Test(t, func(t *testing.T) {
					client, err := wxpay.New(config)
					require.NoError(t, err)
					const offered = 2000
					for range offered {
						_, _ = wxpay.Do[echo](t.Context(), client, read("1"))
					}
					assert.LessOrEqual(t, sent, offered*110/100)
					assert.Greater(t, sent, offered, "some are repeated")
				})
			})
		}
	}
}

// cheap is response without the cost of a signature.
func (a answer) cheap(req *http.Request) *http.Response {
	h := http.Header{}
	for name, v := range map[string]string{"Serial": "1", "Timestamp": fmt.Sprint(time.Now().Unix()), "Nonce": rand.Text(), "Signature": "x"} {
		h.Set("Wechatpay-"+name, v)
	}
	return &http.Response{StatusCode: max(a.status, 200), Header: h, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req}
}

// trusting believes everything.
type trusting struct{}

func (trusting) Verify(context.Context, string, string, string) error    { return nil }
func (trusting) GetSerial(context.Context) (string, error)               { return "1", nil }
func (trusting) SelectCertificate(context.Context) (string, error)       { return "1", nil }
func (trusting) Encrypt(context.Context, string, string) (string, error) { return "", nil }
