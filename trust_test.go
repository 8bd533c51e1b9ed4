package wxpay_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

func asError(err error) (*wxpay.Error, bool) { return errors.AsType[*wxpay.Error](err) }

// A refusal without a signature: about a read it is taken at its word, a write may have been done all the same.
func TestUnsignedRefusal(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 429} {
		a := answer{status: status, body: `{"code":"NOT_ENOUGH","message":"余额不足"}`, change: unsigned}
		for kind, call := range map[string]wxpay.Call{"read": read("1"), "write": write(false), "idempotent": write(true)} {
			client := newPlatform(t, a).config()
			client.MaxAttempts = 1
			c, err := wxpay.New(client)
			require.NoError(t, err)
			_, err = wxpay.Do[echo](t.Context(), c, call)
			e, ok := asError(err)
			require.True(t, ok, "the refusal stays in the chain: %v", err)
			assert.False(t, e.Verified)
			assert.Equal(t, status, e.StatusCode)
			assert.ErrorIs(t, err, wxpay.CodeNotEnough)
			assert.Equal(t, kind != "read", wxpay.OutcomeUnknown(err), "%s %d", kind, status)
			if kind != "read" {
				assert.ErrorContains(t, err, "outcome unknown")
				assert.ErrorContains(t, err, "never with new ones")
			}
			assert.ErrorContains(t, err, "[unsigned]")
		}
	}
}

// The status line is not signed: a genuine refusal that was relabelled is no success.
func TestRefusalThatIsCalledASuccess(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"refusal":          `{"code":"NOT_ENOUGH","message":"余额不足"}`,
		"with detail":      ` {"detail":{"field":"/a"},"message":"m","code":"PARAM_ERROR"}`,
		"null":             `null`,
		"null with blanks": " null\n",
		"code alone":       `{"code":"PARAM_ERROR"}`,
		"code and detail":  `{"code":"BIZ_ERR","detail":{"field":"/a"}}`,
		"escaped code":     `{"code":"\u0050ARAM_ERROR"}`,
		"another code":     `{"code":"268435457","message":"m"}`,
		"empty message":    `{"code":"NOT_ENOUGH","message":""}`,
		"no message":       `{"code":"NOT_ENOUGH","message":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flip := func(r *http.Response) { r.StatusCode = 200 }
			client := newPlatform(t, answer{status: 403, body: text, change: flip}).client()
			_, err := wxpay.Do[struct{}](t.Context(), client, write(false))
			assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
			_, err = wxpay.Do[map[string]any](t.Context(), client, write(false))
			assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
		})
	}
	for _, text := range []string{`{}`, ``, `{"message":"m"}`, `{"code":0,"message":"ok"}`, `{"data":{"code":"X","message":"m"}}`, `{"code":"SUCCESS","message":"成功"}`} {
		client := newPlatform(t, answer{body: text}).client()
		_, err := wxpay.Do[struct{}](t.Context(), client, write(false))
		assert.NoError(t, err, text)
	}
}

// The answer about one order is not taken for that about another.
func TestEcho(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"id":"A1","text":"b"}`:                        true,
		` { "text" : "{\"id\":\"B2\"}", "id" : "A1" } `: true,
		`{"data":[{"id":"B2"}],"id":"A1"}`:              true,
		`{"id":"\u00411"}`:                              true,
		`{"id":"B2","id":"A1"}`:                         true,
		`{"id":"A1","id":"B2"}`:                         false,
		`{"id":"B2","text":"b"}`:                        false,
		`{"id":"A1 "}`:                                  false,
		`{"id":["A1"]}`:                                 false,
		`{"id":null}`:                                   false,
		`{"text":"\"id\":\"A1\""}`:                      false,
		`{"data":{"id":"A1"}}`:                          false,
		`{"ids":"A1"}`:                                  false,
		`{}`:                                            false,
		``:                                              false,
		`["id","A1"]`:                                   false,
	} {
		p := newPlatform(t, answer{body: text})
		call := read("A1")
		call.Echo = wxpay.Vars{"id": call.Vars["id"]}
		_, err := wxpay.Do[struct{}](t.Context(), p.once(), call)
		assert.Equal(t, want, err == nil, "%s: %v", text, err)
		if !want {
			assert.True(t, wxpay.OutcomeUnknown(err))
			assert.ErrorContains(t, err, "id")
			assert.NotContains(t, err.Error(), "B2")
		}
	}
	call := read("17")
	call.Echo = wxpay.Vars{"id": call.Vars["id"]}
	_, err := wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"id":17}`}).once(), call)
	assert.NoError(t, err, "a number as a number")
}

// replaying is a platform that answers under the header kept points to, once there is one.
func replaying(t *testing.T, a answer, kept *http.Header) *platform {
	return &platform{t: t, next: func(_ int, req *http.Request) (*http.Response, error) {
		resp := a.response(req)
		if *kept != nil {
			resp.Header = kept.Clone()
		}
		return resp, nil
	}}
}

// A genuine answer counts once, for as long as it could be believed.
func TestReplayedAnswer(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"success": {body: `{"text":"b"}`}, "nothing": {status: 204}, "refusal": {status: 403, body: `{"code":"NOT_ENOUGH","message":"m"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			merchantKey()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				kept := a.response(nil).Header // of a platform that is five minutes ahead
				client := replaying(t, a, &kept).client()
				call := func() error {
					_, err := wxpay.Do[struct{}](t.Context(), client, write(false))
					return err
				}
				first := call()
				assert.Equal(t, a.status == 403, wxpay.OutcomeUnknown(first) == false && first != nil, "%v", first)
				for time.Since(start) < 299*time.Second {
					err := call()
					assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
					assert.ErrorIs(t, err, wxpay.ErrUnverified)
					assert.ErrorContains(t, err, "came before")
					time.Sleep(10 * time.Second)
				}
				kept = nil
				for range 100 {
					assert.Equal(t, first == nil, call() == nil, "others are not mistaken for it")
				}
			})
		})
	}
}

// In ten minutes an answer from a clock five minutes ahead becomes one from a clock five minutes behind.
func TestReplayedAnswerIsRememberedTenMinutes(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		ahead := answer{body: `{"text":"b"}`, age: -299 * time.Second}.response(nil).Header
		client := replaying(t, answer{body: `{"text":"b"}`}, &ahead).client()
		time.Sleep(time.Millisecond)
		for n := range 60 {
			_, err := wxpay.Do[struct{}](t.Context(), client, write(false))
			assert.Equal(t, n == 0, err == nil, "%d: %v", n, err)
			time.Sleep(595 * time.Second / 60)
		}
	})
}

// packed makes text the body of an answer, compressed.
func packed(text string) func(*http.Response) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return func(r *http.Response) {
		body(r, b.Bytes())
		r.Header.Set("Content-Encoding", "gzip")
	}
}

// The reason of a refusal survives other forms than the documented one.
func TestRefusalInOtherForms(t *testing.T) {
	t.Parallel()
	full := wxpay.Detail{Field: "/amount", Issue: "too much", Location: "body"}
	const detail = `{"field":"/amount","value":"13800138000","issue":"too much","location":"body"}`
	for text, want := range map[string]wxpay.Error{
		`{"code":"PARAM_ERROR","message":"m","detail":` + detail + `}`:              {Code: "PARAM_ERROR", Message: "m", Detail: full},
		`{"code":"PARAM_ERROR","message":"m","detail":[` + detail + `,{}]}`:         {Code: "PARAM_ERROR", Message: "m", Detail: full},
		`{"code":"PARAM_ERROR","message":"m","detail":{"detail":` + detail + `}}`:   {Code: "PARAM_ERROR", Message: "m", Detail: full},
		`{"code":"PARAM_ERROR","message":"m","detail":{"detail":[` + detail + `]}}`: {Code: "PARAM_ERROR", Message: "m", Detail: full},
		`{"code":"PARAM_ERROR","message":"m","detail":"too much"}`:                  {Code: "PARAM_ERROR", Message: "m", Detail: wxpay.Detail{Issue: "too much"}},
		`{"code":40001,"message":17,"detail":{"field":3,"issue":["x"]}}`:            {Code: "40001", Message: "17", Detail: wxpay.Detail{Field: "3"}},
		`{"code":"PARAM_ERROR","message":null,"detail":null}`:                       {Code: "PARAM_ERROR"},
		`{"code":["X"],"message":{"a":1}}`:                                          {},
		`<html>"code":"X"</html>`:                                                   {},
		`{"code":"X"`:                                                               {},
		``:                                                                          {},
	} {
		for _, pack := range []bool{false, true} {
			a := answer{status: 400, body: text}
			if pack {
				if text == "" {
					continue
				}
				a.change = packed(text)
			}
			_, err := wxpay.Do[echo](t.Context(), newPlatform(t, a).client(), write(false))
			e, ok := asError(err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, want.Code, e.Code, text)
			assert.Equal(t, want.Message, e.Message, text)
			assert.Equal(t, want.Detail, e.Detail, text)
			assert.True(t, e.Verified, "the signature covers the text before it was compressed")
			assert.NotContains(t, err.Error(), "13800138000")
		}
	}
}

// Compressed or not, a bomb in a refusal is not unpacked; the status is what is left of it.
func TestPackedRefusalIsBounded(t *testing.T) { // not parallel: it counts what is allocated
	a := answer{status: 400, body: "", change: packed(`{"code":"X","message":"` + strings.Repeat("a", 8<<20) + `"}`)}
	client := newPlatform(t, a).client()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := wxpay.Do[echo](t.Context(), client, read("1"))
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20))
	e, ok := asError(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 400, e.StatusCode)
	assert.Empty(t, e.Code)
	assert.False(t, e.Verified)
}

// Some frameworks and functions as a service hand over header names in lower case.
func TestLowerCaseHeaders(t *testing.T) {
	t.Parallel()
	lower := func(r *http.Response) {
		h := http.Header{}
		for name, v := range r.Header {
			h[strings.ToLower(name)] = v
		}
		r.Header = h
	}
	_, err := wxpay.Do[echo](t.Context(), newPlatform(t, answer{body: `{"text":"b"}`, change: lower}).client(), write(false))
	assert.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), newPlatform(t, answer{status: 400, body: `{"code":"PARAM_ERROR"}`, change: lower}).client(), write(false))
	e, ok := asError(err)
	require.True(t, ok)
	assert.True(t, e.Verified)
	assert.Equal(t, "08F3D1A6-268435461", e.RequestID)
	_, err = wxpay.Do[echo](t.Context(), newPlatform(t, answer{body: `{"text":"b"}`, change: func(r *http.Response) {
		r.Header["wechatpay-nonce"] = []string{"another"}
		lower(r)
		r.Header["Wechatpay-Nonce"] = []string{"a", "b"}
	}}).client(), write(false))
	assert.ErrorIs(t, err, wxpay.ErrUnverified, "two nonces")
}

// What became of the download of certificates is no news of the call that needed them: it never left.
func TestCallThatGotNoKeyNeverLeft(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step      step
		transient bool
	}{"500": {fault, true}, "lost": {reset, true}, "not reached": {refused, true}, "refused": {step{answer: answer{status: 401, body: `{"code":"SIGN_ERROR","message":"m"}`, change: unsigned}}, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, tt.step)
			config := p.config()
			config.PublicKey, config.PublicKeyID = nil, ""
			synctest.Test(t, func(t *testing.T) {
				client, err := wxpay.New(config)
				require.NoError(t, err)
				_, err = wxpay.Do[struct{}](t.Context(), client, write(false))
				assert.ErrorContains(t, err, "not sent")
				assert.False(t, wxpay.OutcomeUnknown(err), "%v", err)
				assert.Equal(t, tt.transient, wxpay.Transient(err), "%v", err)
				assert.Equal(t, name == "refused", errors.Is(err, wxpay.CodeSignError))
				_, refused := asError(err)
				assert.Equal(t, name == "refused", refused)
				for _, s := range p.requests() {
					assert.Equal(t, "/v3/certificates", s.uri)
				}
				time.Sleep(20 * time.Second) // no download outlives the bubble
			})
		})
	}
}

// An answer is remembered from one generation into the next.
func TestReplayAcrossTheTurn(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		var kept http.Header
		client := replaying(t, answer{body: `{"text":"b"}`}, &kept).client()
		call := func() error {
			_, err := wxpay.Do[struct{}](t.Context(), client, write(false))
			return err
		}
		require.NoError(t, call())
		time.Sleep(599 * time.Second)
		kept = answer{body: `{"text":"b"}`}.response(nil).Header
		require.NoError(t, call())
		time.Sleep(2 * time.Second) // the first generation is over
		assert.True(t, wxpay.OutcomeUnknown(call()))
	})
}

// closing tells when the body of an answer was closed.
type closing struct {
	io.ReadCloser
	closed *int
}

func (c closing) Close() error { *c.closed++; return c.ReadCloser.Close() }

// Whatever an answer is, its body is closed, or its connection would never be used again.
func TestBodiesAreClosed(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"success": {body: `{"text":"b"}`}, "refusal": {status: 403, body: `{"code":"NO_AUTH"}`}, "unsigned": {body: `{}`, change: unsigned},
		"too large": {body: `{}`, change: func(r *http.Response) { r.ContentLength = 2 << 20 }}, "not JSON": {body: `x`},
	} {
		p := newPlatform(t)
		closed := 0
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			resp := a.response(req)
			resp.Body = closing{resp.Body, &closed}
			return resp, nil
		}
		_, _ = wxpay.Do[echo](t.Context(), p.client(), write(false))
		assert.Positive(t, closed, name)
		assert.Len(t, p.requests(), 1)
	}
}

// A card has a code of its own, which is written otherwise than those of refusals.
func TestCodeOfACard(t *testing.T) {
	t.Parallel()
	a := answer{body: `{"code":"6666"}`}
	_, err := wxpay.Do[map[string]any](t.Context(), newPlatform(t, a).client(), read("1"))
	assert.NoError(t, err)
	_, err = wxpay.Do[map[string]any](t.Context(), newPlatform(t, answer{body: `{"code":"ABC_DEF"}`}).client(), read("1"))
	assert.NoError(t, err, "an answer that may have a code may have any")
	call := wxpay.Call{Route: "POST /v3/cards/{code}/done", Vars: wxpay.Vars{"code": "ABC"}}
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"code":"ABC"}`}).client(), call)
	assert.NoError(t, err, "the code that was asked about")
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"code":"ABD"}`}).client(), call)
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, a).client(), write(false))
	assert.NoError(t, err)
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `{"code":"NOT_ENOUGH"}`}).client(), write(false))
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
	_, err = wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{body: `["a"]`}).client(), write(false))
	assert.True(t, wxpay.OutcomeUnknown(err), "%v", err)
}

// The status is not signed: a genuine success that was relabelled is no refusal of a write, and the write is
// not sent again.
func TestSuccessThatIsCalledARefusal(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 422, 429} {
		for _, text := range []string{``, `{}`, `{"out_trade_no":"A1","state":"SUCCESS"}`, `<html>`} {
			p := newPlatform(t, answer{status: status, body: text})
			_, err := wxpay.Do[echo](t.Context(), p.client(), write(false))
			assert.True(t, wxpay.OutcomeUnknown(err), "%d %s: %v", status, text, err)
			assert.Len(t, p.requests(), 1)
		}
	}
}

// The query is the caller's.
func TestQueryIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	values := append(make([]string, 0, 2), "a")
	call := read("1")
	call.Query = url.Values{"status": values}
	_, err := wxpay.Do[struct{}](t.Context(), newPlatform(t, answer{status: 204}).client(), call)
	require.NoError(t, err)
	assert.Empty(t, values[:2][1])
}
