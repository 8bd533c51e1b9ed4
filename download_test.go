package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/notify"
)

// The life of a download of certificates: who starts it, who waits for it, what ends it, when the next comes.

// light is a client for certificates whose requests nobody looks at, so that thousands cost little.
func (v *vault) light(change ...func(*wxpay.Config)) *wxpay.Client {
	config := v.certificatesOnly()
	config.Signer = quick{}
	config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) { return v.next(0, req) })}
	for _, c := range change {
		c(&config)
	}
	client, err := wxpay.New(config)
	require.NoError(v.t, err)
	return client
}

// Config.Timeout bounds a call together with the certificates that it has to wait for.
func TestTimeoutIncludesTheCertificates(t *testing.T) {
	t.Parallel()
	merchantKey()
	for name, tt := range map[string]struct {
		list, call time.Duration // how long they take
		takes      time.Duration // what comes of it
		says       string        // empty: it succeeds
	}{
		"soon":                    {3 * time.Second, time.Second, 4 * time.Second, ""},
		"call after certificates": {3 * time.Second, time.Minute, 15 * time.Second, "outcome unknown"},
		"certificates that hang":  {time.Hour, 0, 15 * time.Second, "not sent: wxpay: gave up waiting for the platform certificates, which are being loaded: the time for the call is over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newVault(t, oldCertificate(t))
				v.takes = tt.list
				next := v.next
				v.next = func(n int, req *http.Request) (*http.Response, error) {
					if req.URL.Path != "/v3/certificates" {
						select {
						case <-time.After(tt.call):
						case <-req.Context().Done():
							return nil, req.Context().Err()
						}
					}
					return next(n, req)
				}
				client := v.light(func(c *wxpay.Config) { c.Timeout = 15 * time.Second })
				start := time.Now()
				err := wxpay.Send(t.Context(), client, write(false))
				assert.Equal(t, tt.takes, time.Since(start))
				if tt.says == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, tt.says)
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
				time.Sleep(time.Minute) // the download that was left alone ends
			})
		})
	}
}

func forgery(url string) *http.Request {
	r := httptest.NewRequest("POST", url, strings.NewReader(`{}`))
	for name, value := range map[string]string{
		"Wechatpay-Serial": "DEADBEEF", "Wechatpay-Timestamp": fmt.Sprint(time.Now().Unix()), "Wechatpay-Nonce": "n",
		"Wechatpay-Signature": "AAAA", "Wechatpay-Signature-Type": scheme,
	} {
		r.Header.Set(name, value)
	}
	return r
}

// Forged notifications, each with a sender who hangs up, do not keep a new certificate from being loaded:
// after the minute in which they may have had the download the calls go on, at whatever rates.
func TestHangUpsDoNotStarve(t *testing.T) {
	t.Parallel()
	merchantKey()
	for _, rate := range []struct{ forged, genuine time.Duration }{
		{time.Second, time.Second}, {50 * time.Millisecond, time.Second}, {50 * time.Millisecond, 200 * time.Millisecond}, {200 * time.Millisecond, 30 * time.Second},
	} {
		for _, refresher := range []bool{false, true} {
			if refresher && rate.forged != rate.genuine {
				continue // one will do
			}
			synctest.Test(t, func(t *testing.T) {
				old, fresh := oldAndFresh(t)
				v := newVault(t, old)
				v.takes = 100 * time.Millisecond
				client := v.light()
				if refresher {
					r := wxpay.NewRefresher(client)
					defer r.Close()
				}
				_, err := wxpay.Do[echo](t.Context(), client, read("1"))
				require.NoError(t, err)
				handler := notify.New(client, notify.Config{})
				start := time.Now()
				end := start.Add(150 * time.Second)
				var attack sync.WaitGroup
				attack.Go(func() {
					for i := 0; time.Now().Before(end); i++ {
						ctx, hangUp := context.WithTimeout(t.Context(), 10*time.Millisecond)
						handler.ServeHTTP(httptest.NewRecorder(), forgery("http://x/").WithContext(ctx))
						hangUp()
						time.Sleep(rate.forged + time.Duration(i*7919%13)*time.Millisecond)
					}
				})
				time.Sleep(time.Minute)
				v.set(func(v *vault) { v.list, v.signs = []certificate{old, fresh}, fresh })
				rotated, served := time.Now(), 0
				for time.Now().Before(end) {
					_, err := wxpay.Do[echo](t.Context(), client, write(false))
					if err == nil {
						served++
					} else if since := time.Since(rotated); since > 61*time.Second {
						t.Errorf("forged every %s: still fails %s after the rotation: %v", rate.forged, since, err)
					}
					time.Sleep(rate.genuine)
				}
				attack.Wait()
				assert.Positive(t, served)
				assert.LessOrEqual(t, v.count(), int(time.Since(start)/time.Minute)+1, "once a minute")
			})
		}
	}
}

// The same on real sockets before anything was loaded: a hundred forgeries that hang up cost one download,
// and that one serves everybody.
func TestHangUpsOnSockets(t *testing.T) {
	t.Parallel()
	v := newVault(t, oldCertificate(t))
	v.takes = 300 * time.Millisecond
	client := v.certificateClient()
	server := httptest.NewServer(notify.New(client, notify.Config{}))
	defer server.Close()
	for range 100 {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, forgery(server.URL).Write(c))
		time.Sleep(2 * time.Millisecond)
		require.NoError(t, c.Close())
	}
	for range 3 {
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		require.NoError(t, err)
	}
	assert.Equal(t, 1, v.count())
}

// Callers who have less time than a download takes get the certificates all the same: the second one finds
// what the first one started. Keys that are due for a new look delay them, but fail nobody.
func TestImpatientCallers(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old, fresh := oldAndFresh(t)
		v := newVault(t, old)
		v.takes = 600 * time.Millisecond
		client := v.light()
		call := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := wxpay.Do[echo](ctx, client, read("1"))
			return err
		}
		start := time.Now()
		err := call()
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "gave up waiting for the platform certificates")
		assert.False(t, wxpay.OutcomeUnknown(err), "the call itself never left")
		assert.Equal(t, 500*time.Millisecond, time.Since(start), "a waiter has its own time")
		for range 99 {
			require.NoError(t, call())
		}
		assert.Equal(t, 100*time.Millisecond, time.Since(start)-500*time.Millisecond)
		assert.Equal(t, 1, v.count())

		v.set(func(v *vault) { v.list = []certificate{old, fresh} })
		for time.Since(start) < 3*24*time.Hour {
			if time.Since(start) > 20*time.Hour {
				v.set(func(v *vault) { v.signs = fresh })
			}
			require.NoError(t, call())
			time.Sleep(10 * time.Minute)
		}
		assert.LessOrEqual(t, v.count(), 1+3*24/9)
	})
}

// Without a network nothing costs a minute: a second or two after it is up the keys are there, for calls and
// for notifications.
func TestLateNetwork(t *testing.T) {
	t.Parallel()
	merchantKey()
	for name, migrating := range map[string]bool{"certificates": false, "migrating": true} {
		for _, away := range []error{errDial, &net.DNSError{Err: "no such host", Name: "api.mch.weixin.qq.com"}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					old := oldCertificate(t)
					v := newVault(t, old)
					v.away = away
					client := v.light(func(c *wxpay.Config) {
						c.Migrating, c.MaxAttempts = migrating, 1
						if migrating {
							c.PublicKeyID, c.PublicKey = publicID, &merchantKey().PublicKey
						}
					})
					signature := sign(old.key, "m")
					start := time.Now()
					time.AfterFunc(2*time.Second, func() { v.set(func(v *vault) { v.away = nil }) })
					var err error
					for {
						if err = client.Verifier().Verify(t.Context(), old.serial, "m", signature); err == nil {
							break
						}
						assert.ErrorContains(t, err, "tried again in 1s")
						assert.ErrorIs(t, err, away)
						time.Sleep(10 * time.Millisecond)
					}
					assert.InDelta(t, 2.5, time.Since(start).Seconds(), 0.6)
					_, err = wxpay.Do[echo](t.Context(), client, write(false))
					assert.NoError(t, err)
					assert.Equal(t, 1, v.count())
				})
			})
		}
	}
}

// As long as the network is away, no matter who asks how often, one download a second is tried; when it is
// there, one a minute.
func TestOneTryASecondWithoutNetwork(t *testing.T) {
	t.Parallel()
	merchantKey()
	for _, loaded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			v := newVault(t, oldCertificate(t))
			client := v.light(func(c *wxpay.Config) { c.MaxAttempts = 1 })
			if loaded {
				require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
				time.Sleep(time.Hour)
			}
			before := v.count()
			v.set(func(v *vault) { v.away = errDial })
			flood := func(d time.Duration) {
				for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
					assert.Error(t, client.Verifier().Verify(t.Context(), "F00", "m", "c2ln"))
				}
			}
			flood(time.Minute)
			assert.InDelta(t, 60, v.missed, 2)
			v.set(func(v *vault) { v.away = nil })
			flood(5 * time.Minute)
			assert.InDelta(t, 5, v.count()-before, 1)
		})
	}
}

// A download that reached the platform in any of its attempts has its minute, although the last one found
// no connection.
func TestReachedOnce(t *testing.T) {
	t.Parallel()
	t.Run("answered, then away", func(t *testing.T) {
		t.Parallel()
		merchantKey()
		synctest.Test(t, func(t *testing.T) {
			v := newVault(t)
			v.refuse = &answer{status: 503}
			inner := v.next
			v.next = func(n int, req *http.Request) (*http.Response, error) {
				defer v.set(func(v *vault) { v.away = errDial })
				return inner(n, req)
			}
			client := v.light()
			err := client.PlatformKeys().Refresh(t.Context())
			assert.ErrorIs(t, err, errDial)
			assert.ErrorContains(t, err, "tried again in 1m0s")
		})
	})
	t.Run("a refusal that cannot be read", func(t *testing.T) {
		t.Parallel()
		v := newVault(t)
		v.refuse = &answer{status: 403, change: func(resp *http.Response) { resp.ContentLength = 1 << 40 }}
		err := v.light().PlatformKeys().Refresh(t.Context())
		assert.ErrorContains(t, err, "403")
		assert.ErrorContains(t, err, "tried again in 1m0s")
	})
	t.Run("hangs, then away", func(t *testing.T) {
		t.Parallel()
		merchantKey()
		synctest.Test(t, func(t *testing.T) {
			v := newVault(t)
			v.takes = time.Hour
			client := v.light()
			time.AfterFunc(time.Second, func() { v.set(func(v *vault) { v.away = errDial }) })
			err := client.PlatformKeys().Refresh(t.Context())
			assert.ErrorIs(t, err, errDial)
			assert.ErrorContains(t, err, "tried again in 50s")
			assert.Equal(t, 1, v.count())
		})
	})
	t.Run("read and dropped, then away", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Read(make([]byte, 64<<10))
				_ = l.Close()
				_ = c.Close()
			}
		}()
		v := newVault(t)
		own := new(http.Transport)
		defer own.CloseIdleConnections()
		client := v.light(func(c *wxpay.Config) {
			c.BaseURL, c.HTTPClient = "http://"+l.Addr().String(), &http.Client{Transport: own}
		})
		err = client.PlatformKeys().Refresh(t.Context())
		require.Error(t, err)
		assert.False(t, wxpay.OutcomeUnknown(err), "the last attempt was refused, or the test shows nothing")
		assert.ErrorContains(t, err, "tried again in 1m0s")
	})
}

// A platform that takes the request and never answers: two tries, 20 s in all, and the next after a minute.
func TestDownloadThatHangs(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		v.takes = time.Hour
		client := v.light()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.ErrorIs(t, client.PlatformKeys().Refresh(ctx), context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(start))
		})
		for range 100 {
			wg.Go(func() {
				err := client.PlatformKeys().Refresh(t.Context())
				assert.ErrorContains(t, err, "tried again in 40s")
				assert.Equal(t, 20*time.Second, time.Since(start))
			})
		}
		wg.Wait()
		assert.Equal(t, 2, v.count())
		v.set(func(v *vault) { v.takes = 9 * time.Second })
		time.Sleep(17900 * time.Millisecond)
		assert.ErrorContains(t, client.PlatformKeys().Refresh(t.Context()), "tried again in 23s")
		assert.Equal(t, 2, v.count())
		time.Sleep(22200 * time.Millisecond)
		assert.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		assert.Equal(t, 3, v.count())
	})
}

// An ended context starts nothing.
func TestNoDownloadForWhoHasGone(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t)
		client := v.light()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("went home"))
		err := client.PlatformKeys().Refresh(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "went home")
		synctest.Wait()
		assert.Zero(t, v.count())
	})
}

// While the keys there serve, a list that is due is no hurry: calls do not try it each second.
func TestNoHurryWhileKeysServe(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		client := v.light(func(c *wxpay.Config) { c.MaxAttempts = 1 })
		require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		time.Sleep(13 * time.Hour)
		v.set(func(v *vault) { v.away = errDial })
		for start := time.Now(); time.Since(start) < 5*time.Minute; time.Sleep(100 * time.Millisecond) {
			_, err := client.Encryptor().SelectCertificate(t.Context())
			require.NoError(t, err)
		}
		assert.Equal(t, 5, v.missed)
	})
}

// A list that takes longer than a call may wait for it is loaded all the same, in the second try, and no
// call fails or waits for more than 3 s.
func TestSlowListWhileKeysServe(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old, fresh := oldAndFresh(t)
		v := newVault(t, old)
		client := v.light()
		require.NoError(t, client.PlatformKeys().Refresh(t.Context()))
		v.set(func(v *vault) { v.takes, v.list = 5*time.Second, []certificate{old, fresh} })
		time.Sleep(13 * time.Hour)
		start := time.Now()
		for time.Since(start) < 2*time.Minute {
			begin := time.Now()
			_, err := wxpay.Do[echo](t.Context(), client, write(false))
			require.NoError(t, err)
			assert.LessOrEqual(t, time.Since(begin), 3*time.Second)
			time.Sleep(time.Second)
		}
		assert.Equal(t, 3, v.count())
		serial, err := client.Encryptor().SelectCertificate(t.Context())
		require.NoError(t, err)
		assert.Equal(t, fresh.serial, serial)
	})
}

// What the caller brought runs in the goroutine of the download. If it panics or ends the goroutine, that
// is an error for those who wait, and the next download comes in its time.
func TestDownloadBreaksOff(t *testing.T) {
	t.Parallel()
	merchantKey()
	for want, end := range map[string]func(){
		"in a panic (string);":           func() { panic("canary") },
		"integer divide by zero; tried ": func() { _ = 1 / len(apiV3Key[32:]) },
		"broke off;":                     runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			v := newVault(t, oldCertificate(t))
			var broken atomic.Bool
			broken.Store(true)
			client := v.light(func(c *wxpay.Config) {
				c.Observe = func(context.Context, wxpay.Exchange) {
					if broken.Load() {
						end()
					}
				}
			})
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					_, err := wxpay.Do[echo](t.Context(), client, read("1"))
					assert.ErrorContains(t, err, want)
					assert.ErrorContains(t, err, "tried again in 1m0s")
					assert.NotContains(t, err.Error(), "canary")
				})
			}
			wg.Wait()
			assert.Equal(t, 1, v.count())
			broken.Store(false)
			time.Sleep(time.Minute)
			_, err := wxpay.Do[echo](t.Context(), client, read("1"))
			assert.NoError(t, err)
		})
	}
}

// The platform lists a certificate days before it is valid.
func TestCertificateAheadOfItsTime(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Truncate(time.Second)
		old := newCertificate(t, platformKey(), 0xA1, now.Add(-time.Hour), now.Add(30*24*time.Hour))
		ahead := newCertificate(t, strangerKey(), 0xB2, now.Add(10*24*time.Hour), now.Add(5*24*365*time.Hour))
		v := newVault(t, old, ahead)
		client := v.light()
		_, serial, err := client.Encrypt(t.Context(), "13800138000")
		require.NoError(t, err)
		assert.Equal(t, old.serial, serial)
		_, err = client.Encryptor().Encrypt(t.Context(), ahead.serial, "13800138000")
		assert.ErrorIs(t, err, auth.ErrNoKey)
		v.set(func(v *vault) { v.signs = ahead })
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		assert.ErrorIs(t, err, wxpay.ErrUnverified)
		assert.ErrorContains(t, err, "certificate B2 is not valid before")
		time.Sleep(time.Until(now.Add(10 * 24 * time.Hour)))
		_, err = wxpay.Do[echo](t.Context(), client, read("1"))
		assert.NoError(t, err)
		_, serial, err = client.Encrypt(t.Context(), "13800138000")
		require.NoError(t, err)
		assert.Equal(t, ahead.serial, serial)
	})
}

// Merchants whose platform takes requests and never answers keep no other waiting, and Close does not wait
// for them.
func TestRefresherBesideThoseThatHang(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old := oldCertificate(t)
		var hung []*wxpay.Client
		var inside atomic.Int64
		for range 30 {
			v := newVault(t, old)
			v.takes = time.Hour
			inner := v.next
			v.next = func(n int, req *http.Request) (*http.Response, error) {
				inside.Add(1)
				defer inside.Add(-1)
				defer time.Sleep(time.Millisecond) // takes its leave
				return inner(n, req)
			}
			hung = append(hung, v.light())
		}
		good := newVault(t, old)
		start := time.Now()
		r := wxpay.NewRefresher(append(hung, good.light())...)
		time.Sleep(time.Second)
		assert.Equal(t, 1, good.count(), "not delayed by those before it")
		late := newVault(t, old)
		r.Add(late.light())
		time.Sleep(time.Second)
		assert.Equal(t, 1, late.count())

		waits := make(chan error, 1)
		go func() { waits <- hung[0].PlatformKeys().Refresh(t.Context()) }()
		synctest.Wait()
		assert.EqualValues(t, 30, inside.Load())
		r.Close()
		assert.Zero(t, inside.Load(), "Close waits for its goroutines")
		assert.Equal(t, 2001*time.Millisecond, time.Since(start), "and breaks the downloads off")
		assert.ErrorContains(t, <-waits, "tried again in 1s", "which takes no minute from anybody")
		r.Close()
	})
}

// Many clients do not come in step: each takes its own time between 9 and 12 hours.
func TestRefresherSpreads(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old := oldCertificate(t)
		var mu sync.Mutex
		at := map[int][]time.Time{}
		var clients []*wxpay.Client
		for i := range 20 {
			clients = append(clients, newVault(t, old).light(func(c *wxpay.Config) {
				c.Observe = func(context.Context, wxpay.Exchange) {
					mu.Lock()
					defer mu.Unlock()
					at[i] = append(at[i], time.Now())
				}
			}))
		}
		r := wxpay.NewRefresher(clients...)
		time.Sleep(13 * time.Hour)
		r.Close()
		first, last := 24*time.Hour, time.Duration(0)
		for i := range clients {
			require.Len(t, at[i], 2)
			first, last = min(first, at[i][1].Sub(at[i][0])), max(last, at[i][1].Sub(at[i][0]))
		}
		assert.GreaterOrEqual(t, first, 9*time.Hour)
		assert.LessOrEqual(t, last, 12*time.Hour+time.Second)
		assert.Greater(t, last-first, time.Hour)
	})
}

// A Refresher that starts before the network is up has the keys a second or two after it.
func TestRefresherWithLateNetwork(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		v := newVault(t, oldCertificate(t))
		v.away = errDial
		r := wxpay.NewRefresher(v.light())
		defer r.Close()
		time.Sleep(10 * time.Second)
		v.set(func(v *vault) { v.away = nil })
		time.Sleep(3 * time.Second)
		assert.Equal(t, 1, v.count())
	})
}
