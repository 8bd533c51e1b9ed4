package wxpay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/wxpay-go/wxpay"
)

// S1: ten thousand mutations of a signed answer, in its body and in each of its signed headers; none is
// believed.
func TestS1MutatedAnswers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const text = `{"text":"the amount is 888 fen"}`
	signedHeaders := []string{"Wechatpay-Serial", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Signature-Type"}
	mutate := func(s string) string {
		b := []byte(s)
		switch i := random.IntN(len(b)); random.IntN(4) {
		case 0:
			b[i] ^= 1 << random.IntN(7)
		case 1:
			b = append(b[:i], b[i+1:]...)
		case 2:
			b = append(b[:i], append([]byte{byte(32 + random.IntN(95))}, b[i:]...)...)
		case 3:
			b = b[:i]
		}
		return string(b)
	}
	var mutated string
	original := answer{body: text}.response(nil)
	config := newPlatform(t, answer{}).config()
	config.Signer = quick{}
	config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		resp := *original
		resp.Header, resp.Request = original.Header.Clone(), req
		body(&resp, []byte(text))
		if k := random.IntN(len(signedHeaders) + 1); k < len(signedHeaders) {
			was := resp.Header.Get(signedHeaders[k])
			mutated = mutate(was)
			for mutated == was {
				mutated = mutate(was)
			}
			resp.Header[signedHeaders[k]] = []string{mutated}
			if signedHeaders[k] == "Wechatpay-Signature-Type" && mutated == "" {
				resp.Header.Set("Wechatpay-Signature-Type", "x") // absent is allowed in answers
			}
		} else {
			mutated = mutate(text)
			for mutated == text {
				mutated = mutate(text)
			}
			body(&resp, []byte(mutated))
		}
		return &resp, nil
	})}
	config.MaxAttempts = 1
	client, err := wxpay.New(config)
	require.NoError(t, err)
	accepted := 0
	for range 10_000 {
		_, err := wxpay.Do[echo](t.Context(), client, read("1"))
		if !errors.Is(err, wxpay.ErrUnverified) {
			accepted++
			t.Errorf("accepted: %q (%v)", mutated, err)
		}
	}
	assert.Zero(t, accepted)
}

// quick is a signer for tests in which nobody looks at the request.
type quick struct{}

func (quick) Sign(context.Context, string) (*wechat.SignatureResult, error) {
	return &wechat.SignatureResult{MchID: mchID, CertificateSerialNo: serialNo, Signature: "AAAA"}, nil
}

func (quick) Algorithm() string { return "SHA256-RSA2048" }

// S1: no host is an exception.
func TestS1LocalhostIsVerifiedToo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"text":"b"}`) }))
	defer server.Close()
	config := newPlatform(t, answer{}).config()
	config.BaseURL, config.HTTPClient = server.URL, server.Client()
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, read("1"))
	assert.ErrorIs(t, err, wxpay.ErrUnverified)
}

// FuzzPath (S4): whatever a caller puts into a path or query, a real server sees one segment with that value,
// or nothing is sent.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"8473295", "..", "a/../b", "%2e%2e", "a?b=c#d", "中文", "a b+c", "\x00", "\r\nHost: x", ";a=b", "a%00", "//", `\`, "\u202e", "é"} {
		f.Add(seed)
	}
	var path, escaped, query string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path, escaped, query = r.URL.Path, r.URL.EscapedPath(), r.URL.Query().Get("q")
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, value string) {
		path = ""
		base, _ := url.Parse(server.URL)
		p := &platform{t: t, next: func(_ int, req *http.Request) (*http.Response, error) {
			req = req.Clone(t.Context())
			req.URL.Host, req.URL.Scheme = base.Host, base.Scheme
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			return answer{body: `{}`}.response(req), err
		}}
		_, err := wxpay.Do[echo](t.Context(), p.client(), wxpay.Call{Route: "GET /v3/echo/{id}/tasks", Vars: wxpay.Vars{"id": value}, Query: url.Values{"q": {value}}})
		if _, refused := errors.AsType[*wxpay.ParamError](err); refused {
			assert.Empty(t, path)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "/v3/echo/"+value+"/tasks", path)
		assert.Equal(t, value, query)
		assert.Equal(t, 4, strings.Count(escaped, "/"), escaped)
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
}

// S9: a redirect is not followed, and the other host sees nothing.
func TestS9RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL+"/v3/echo/1", status))
		config := newPlatform(t, answer{}).config()
		config.BaseURL, config.HTTPClient = server.URL, &http.Client{Transport: server.Client().Transport}
		client, err := wxpay.New(config)
		require.NoError(t, err)
		for _, call := range []wxpay.Call{read("1"), write(true), write(false)} {
			_, err := wxpay.Do[echo](t.Context(), client, call)
			assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
			assert.NotContains(t, err.Error(), other.URL)
		}
		server.Close()
	}
	assert.Zero(t, seen.Load())
}

// S15: one client for all goroutines.
func TestS15OneClientForAll(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	client := p.client()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 5 {
				phone := wxpay.Secret(fmt.Sprintf("138%08d", i))
				_, serial, err := client.Encrypt(t.Context(), phone)
				assert.NoError(t, err)
				call := write(true)
				call.Serial = serial
				_, err = wxpay.Do[echo](t.Context(), client, call)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	nonces := map[string]bool{}
	for _, s := range p.requests() {
		nonces[s.nonce] = true
	}
	assert.Len(t, nonces, 64*5)
}

// R9: a connection that breaks after k bytes, for every k of a 4 KiB body: the platform gets the whole body
// or none, and the same one.
func TestR9BodyIsRewound(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 4<<10)
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		for k := 0; k <= len(text); k += 7 {
			var bodies []string
			p := &platform{t: t}
			client, err := wxpay.New(func() wxpay.Config {
				c := p.config()
				c.Signer = quick{}
				c.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
					if len(bodies) == 0 {
						partial := make([]byte, k)
						n, _ := io.ReadFull(req.Body, partial)
						req.Body.Close()
						bodies = append(bodies, string(partial[:n]))
						return nil, errReset
					}
					whole, err := io.ReadAll(req.Body)
					bodies = append(bodies, string(whole))
					return answer{body: `{"text":"b"}`}.response(req), err
				})}
				return c
			}())
			require.NoError(t, err)
			call := write(true)
			call.Body = echo{Text: text}
			_, err = wxpay.Do[echo](t.Context(), client, call)
			require.NoError(t, err)
			require.Len(t, bodies, 2)
			require.Equal(t, `{"text":"`+text+`"}`, bodies[1])
			require.True(t, strings.HasPrefix(bodies[1], bodies[0]))
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// R11: the grey release of the public key over seven days, with a certificate rotation in the middle: no
// answer fails, and each new serial costs at most one download.
func TestR11GreyRelease(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		old := newCertificate(t, strangerKey(), 0xA1, now.Add(-time.Hour), now.Add(24*365*time.Hour))
		fresh := newCertificate(t, merchantKey(), 0xB2, now.Add(-time.Hour), now.Add(5*24*365*time.Hour))
		v := newVault(t, old)
		random := rand.New(rand.NewPCG(3, 4))
		start := time.Now()
		shares := []float64{0.1, 1, 5, 10, 20, 50, 100}
		v.next = func(_ int, req *http.Request) (*http.Response, error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			day := int(time.Since(start) / (24 * time.Hour))
			a := answer{body: `{"text":"b"}`, key: old.key, serial: old.serial}
			if day >= 3 {
				v.list = []certificate{old, fresh}
				if random.IntN(2) == 0 {
					a.key, a.serial = fresh.key, fresh.serial
				}
			}
			if req.URL.Path == "/v3/certificates" {
				v.downloads++
				a.body = certificateList(t, v.list...)
			} else if random.Float64()*100 < shares[min(day, 6)] {
				a.key, a.serial = platformKey(), publicID
			}
			return a.response(req), nil
		}
		config := v.config()
		config.Migrating, config.CertificateShare = true, 100
		client, err := wxpay.New(config)
		require.NoError(t, err)
		for time.Since(start) < 7*24*time.Hour {
			client.PlatformKeys().SetCertificateShare(100 - int(shares[min(int(time.Since(start)/(24*time.Hour)), 6)]))
			_, err := wxpay.Do[echo](t.Context(), client, write(false))
			require.NoError(t, err)
			time.Sleep(20 * time.Minute)
		}
		assert.LessOrEqual(t, v.downloads, 1+7*24/9+2, "the schedule of 12 h with jitter, and one for each new serial")
	})
}
