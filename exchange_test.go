package wxpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

// Who looks on at one call sees its attempts, with what the answers said, and what Observe is told too.
func TestWithExchange(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{status: 500, change: unsigned}, answer{body: `{"text":"b","at":"noon"}`}, answer{body: `{}`})
	config := p.config()
	var seen []wxpay.Exchange
	config.Observe = func(_ context.Context, ex wxpay.Exchange) { seen = append(seen, ex) }
	client, err := wxpay.New(config)
	require.NoError(t, err)
	var ex wxpay.Exchange
	ctx := wxpay.WithExchange(t.Context(), &ex)
	_, err = wxpay.Do[echo](ctx, client, read("1"))
	require.NoError(t, err)
	require.Len(t, seen, 2)
	assert.Equal(t, 200, ex.Status)
	assert.Equal(t, 2, ex.Attempt)
	assert.Equal(t, "08F3D1A6-268435461", ex.RequestID)
	assert.Equal(t, publicID, ex.Header.Get("Wechatpay-Serial"))
	assert.Equal(t, []string{"at"}, ex.Odd)
	assert.Equal(t, mchID, ex.Sender)
	require.Len(t, ex.Earlier, 1)
	assert.Equal(t, 500, ex.Earlier[0].Status)
	require.Error(t, ex.Earlier[0].Err)
	want := seen[1]
	want.Earlier = seen[:1]
	assert.Equal(t, want, ex)

	require.NoError(t, wxpay.Send(ctx, client, write(false))) // another call under the same context takes its place
	assert.Equal(t, routeEcho, ex.Route)
	assert.Equal(t, 1, ex.Attempt)
	assert.Empty(t, ex.Earlier)

	require.NoError(t, wxpay.Send(t.Context(), client, read("1")))
	assert.Equal(t, routeEcho, ex.Route, "a call under another context is none of its business")
}

// A call that is refused before it is tried leaves nothing of the call before, so that nobody takes one for the other.
func TestWithExchangeOfWhatWasNotTried(t *testing.T) {
	t.Parallel()
	p := brandPlatform(t, answer{body: `{}`, kind: "WECHATPAY-BRAND-SHA256-RSA2048"})
	client := p.brandClient()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx   context.Context
		call  wxpay.Call
		route string
	}{
		"closed door":     {t.Context(), read("1"), routeRead},
		"no such segment": {t.Context(), wxpay.Call{Route: routePartner, BrandRoute: routeBrand}, routeBrand},
		"gave up before":  {ended, twoDoors(), routeBrand},
	} {
		t.Run(name, func(t *testing.T) {
			var ex wxpay.Exchange
			require.NoError(t, wxpay.Send(wxpay.WithExchange(t.Context(), &ex), client, twoDoors()))
			require.Equal(t, 200, ex.Status)
			assert.Equal(t, brandID, ex.Sender)
			assert.Equal(t, brandID, client.Sender())
			assert.Equal(t, routeBrand, ex.Route)
			err := wxpay.Send(wxpay.WithExchange(tt.ctx, &ex), client, tt.call)
			require.Error(t, err)
			assert.Equal(t, wxpay.Exchange{Sender: brandID, Route: tt.route, Err: err}, ex)
		})
	}
}

func TestWithExchangeForNobody(t *testing.T) {
	t.Parallel()
	_, err := wxpay.Do[echo](wxpay.WithExchange(t.Context(), nil), newPlatform(t, answer{body: `{"text":"b"}`}).client(), read("1"))
	assert.NoError(t, err)
}

// Calls that run at the same time under one context do not mix their attempts.
func TestWithExchangeOfCallsAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	failed := sync.Map{}
	p.next = func(_ int, req *http.Request) (*http.Response, error) {
		if _, before := failed.LoadOrStore(req.URL.Path, true); !before {
			return answer{status: 503}.response(req), nil
		}
		return answer{body: `{}`}.response(req), nil
	}
	client := p.client()
	var ex wxpay.Exchange
	ctx := wxpay.WithExchange(t.Context(), &ex)
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() { assert.NoError(t, wxpay.Send(ctx, client, read(fmt.Sprint(i)))) })
	}
	calls.Wait()
	assert.Equal(t, 200, ex.Status)
	require.Len(t, ex.Earlier, 1)
	assert.Equal(t, 503, ex.Earlier[0].Status)
}

// Calls that end in the same moment, which nothing between them has put in an order: for the race detector.
func TestWithExchangeOfCallsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	client := newPlatform(t).client()
	var ex wxpay.Exchange
	ctx := wxpay.WithExchange(t.Context(), &ex)
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for range 100 {
				_ = wxpay.Send(ctx, client, wxpay.Call{Route: "none"})
			}
		})
	}
	calls.Wait()
	assert.Equal(t, "none", ex.Route)
	assert.Error(t, ex.Err)
}

// A download of certificates on the way of a call, before it and for its answer, is none of its attempts.
func TestWithExchangeIsNotToldOfDownloads(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old, fresh := oldAndFresh(t)
		v := newVault(t, old)
		client := v.certificateClient()
		for range 2 {
			var ex wxpay.Exchange
			require.NoError(t, wxpay.Send(wxpay.WithExchange(t.Context(), &ex), client, read("1")))
			assert.Equal(t, routeRead, ex.Route)
			assert.Equal(t, 1, ex.Attempt)
			assert.Empty(t, ex.Earlier)
			time.Sleep(2 * time.Minute)
			v.set(func(v *vault) { v.list, v.signs = []certificate{old, fresh}, fresh })
		}
		assert.Equal(t, 2, v.count())
	})
}

// What is logged of an exchange is what helps to find it, and never a header.
func TestExchangeLogsWell(t *testing.T) {
	t.Parallel()
	ex := wxpay.Exchange{
		Sender: mchID, Route: routeRead, Attempt: 2, Host: wxpay.MainURL, Status: 403, RequestID: "08F3\nA6", Duration: 1234567 * time.Microsecond,
		Header: http.Header{"X-Canary": {"canary"}}, Odd: []string{"at"}, Err: errors.New("two\nlines"), Earlier: []wxpay.Exchange{{Header: http.Header{"X-Canary": {"canary"}}}},
	}
	const (
		success = `{"sender":"1900000001","route":"GET /v3/echo/{id}","attempt":1,"host":"https://api2.mch.weixin.qq.com","status":200,"request_id":"08F3","duration_ms":12}`
		failure = `{"sender":"1900000001","route":"GET /v3/echo/{id}","attempt":2,"host":"https://api.mch.weixin.qq.com","status":403,"request_id":"08F3 A6","duration_ms":1234,"odd":["at"],"error":"two lines"}`
	)
	for want, ex := range map[string]wxpay.Exchange{
		success: {Sender: mchID, Route: routeRead, Attempt: 1, Host: wxpay.BackupURL, Status: 200, RequestID: "08F3", Duration: 12 * time.Millisecond},
		failure: ex,
	} {
		for _, v := range []any{ex, &ex} {
			var log strings.Builder
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "exchange", v)
			assert.Contains(t, log.String(), `"exchange":`+want+"}\n")
			text, err := json.Marshal(v)
			require.NoError(t, err)
			assert.JSONEq(t, want, string(text))
		}
	}
	shown := []string{}
	for _, v := range []any{ex, &ex, []wxpay.Exchange{ex}, struct{ E wxpay.Exchange }{ex}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, string(text), strings.TrimSpace(strings.Replace(log.String(), "\n", " ", 1)))
	}
	for _, s := range shown {
		assert.Contains(t, s, routeRead)
		assert.NotContains(t, strings.ToLower(s), "canary")
		assert.NotContains(t, s, "\n")
	}
	assert.Equal(t, "wxpay.Exchange[sender=1900000001 route=GET /v3/echo/{id} attempt=2 host=https://api.mch.weixin.qq.com status=403 request_id=08F3 A6 duration_ms=1234 odd=[at] error=two lines]", fmt.Sprint(ex))
}
