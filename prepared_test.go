package wxpay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// keeping returns a context that keeps calls, and where they are kept: as JSON, as a job would.
func keeping(ctx context.Context) (context.Context, *[][]byte) {
	store := new([][]byte)
	return wxpay.WithPrepared(ctx, func(_ context.Context, p wxpay.Prepared) error {
		text, err := json.Marshal(p)
		*store = append(*store, text)
		return err
	}), store
}

// restored is a call that was kept, in another process.
func restored(t testing.TB, text []byte) wxpay.Prepared {
	t.Helper()
	var p wxpay.Prepared
	require.NoError(t, json.Unmarshal(text, &p))
	return p
}

// tapped is a client of server and what it sent: method, address, serial and body of each request, and its signature.
func tapped(t testing.TB, server *wxpaytest.Server) (c *wxpay.Client, sent, signatures *[]string) {
	t.Helper()
	sent, signatures = new([]string), new([]string)
	config := server.Config()
	config.MaxAttempts = 1
	config.HTTPClient = &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		var text []byte
		if req.Body != nil {
			var err error
			if text, err = io.ReadAll(req.Body); err != nil {
				return nil, err
			}
			req.Body = io.NopCloser(bytes.NewReader(text))
		}
		*sent = append(*sent, fmt.Sprintf("%s %s %s %s", req.Method, req.URL.RequestURI(), req.Header.Get("Wechatpay-Serial"), text))
		*signatures = append(*signatures, req.Header.Get("Authorization"))
		return server.RoundTrip(req)
	})}
	c, err := wxpay.New(config)
	require.NoError(t, err)
	return c, sent, signatures
}

// A call whose answer was lost with the process that made it is sent again by another one, from what was kept: to
// the platform it is the same call, so the member is imported once, the debit made once.
func TestKeptCallIsSentAgain(t *testing.T) {
	t.Parallel()
	server := wxpaytest.New(t)
	card := server.AddCard("SYSTEM_ALLOCATE")
	contract := server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 1)[0]
	require.NoError(t, edupapay.New(server.Client()).SendDebitNotice(t.Context(), edupapay.SendDebitNoticeParams{ContractID: contract, AppID: "wx8888888888888888"}))
	server.Advance(24 * time.Hour)
	tests := map[string]struct {
		route string
		first func(context.Context, *wxpay.Client) error
		again func(context.Context, *wxpay.Client, wxpay.Call) (string, error)
	}{
		"membercard": {
			"POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import",
			func(ctx context.Context, c *wxpay.Client) error {
				_, err := membercard.New(c).ImportUserByPhone(ctx, membercard.ImportUserByPhoneParams{CardID: card, PhoneNumber: "13800138000", OutRequestNo: "import-1"})
				return err
			},
			func(ctx context.Context, c *wxpay.Client, call wxpay.Call) (string, error) {
				code, err := wxpay.Do[membercard.CardCode](ctx, c, call)
				if err != nil {
					return "", err
				}
				return code.Code, nil
			},
		},
		"edupapay": {
			"POST /v3/edu-papay/transactions",
			func(ctx context.Context, c *wxpay.Client) error {
				return edupapay.New(c).CreateTransaction(ctx, edupapay.CreateTransactionParams{
					AppID: "wx8888888888888888", Body: "Chinese lessons", OutTradeNo: "2026-09-0001", NotifyURL: "https://shop.example/n",
					ContractID: contract, Amount: edupapay.DebitAmount{Total: 88800}, DeviceInformation: edupapay.DeviceInformation{DeviceIP: "203.0.113.7"},
				})
			},
			func(ctx context.Context, c *wxpay.Client, call wxpay.Call) (string, error) {
				return "", wxpay.Send(ctx, c, call)
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, server.Inject(tt.route, "reset-after-effect", 1))
			before, sent, signed := tapped(t, server)
			ctx, store := keeping(t.Context())
			err := tt.first(ctx, before)
			require.True(t, wxpay.OutcomeUnknown(err), "%v", err)
			require.Len(t, *store, 1)
			assert.NotContains(t, string((*store)[0]), "13800138000")

			kept := restored(t, (*store)[0])
			assert.Equal(t, tt.route, kept.Route)
			assert.Equal(t, wxpaytest.MchID, kept.Sender)
			after, sentAgain, signedAgain := tapped(t, server)
			first, err := tt.again(t.Context(), after, kept.Call())
			if !errors.Is(err, wxpay.CodeAlreadyExists) {
				require.NoError(t, err)
			}
			second, err := tt.again(t.Context(), after, kept.Call())
			if !errors.Is(err, wxpay.CodeAlreadyExists) {
				require.NoError(t, err)
			}
			assert.Equal(t, first, second)
			assert.Equal(t, append(*sent, *sent...), *sentAgain, "the same bytes")
			for _, s := range *signedAgain {
				assert.NotEqual(t, (*signed)[0], s, "another signature")
			}
		})
	}
}

func TestPreparedIsTheWholeCall(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{status: 500, body: `{"code":"SYSTEM_ERROR","message":"m"}`}, answer{body: `{"id":"1"}`})
	client := p.client()
	ctx, store := keeping(t.Context())
	call := wxpay.Call{
		Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"a": {"b c"}}, SealedQuery: map[string]wxpay.Secret{"q": "13800138001"},
		Body: map[string]any{"z": wxpay.Secret("13800138000"), "a": "***"}, Echo: wxpay.Vars{"id": "1"}, Idempotent: true,
	}
	require.NoError(t, wxpay.Send(ctx, client, call))
	require.Len(t, p.requests(), 2)
	require.Len(t, *store, 1, "kept once, however often it is sent")
	kept := restored(t, (*store)[0])
	sent := p.requests()[0]
	assert.Equal(t, sent.body, string(kept.Body))
	assert.Equal(t, "13800138001", opened(t, kept.Query.Get("q")))
	assert.Equal(t, wxpay.Prepared{
		Route: routeEcho, Vars: call.Vars, Query: kept.Query, Body: kept.Body, Serial: publicID, Echo: call.Echo, Idempotent: true, Sender: mchID,
	}, kept)

	again := kept.Call()
	assert.Equal(t, mchID, again.Sender)
	require.NoError(t, wxpay.Send(t.Context(), client, again))
	got := p.requests()[2]
	assert.Equal(t, []string{sent.body, sent.uri, sent.header.Get("Wechatpay-Serial")}, []string{got.body, got.uri, got.header.Get("Wechatpay-Serial")})
	assert.NotEqual(t, sent.authorization, got.authorization)

	// Who keeps it may change what it got: the call does not.
	p = newPlatform(t, answer{body: `{"id":"1"}`})
	ctx = wxpay.WithPrepared(t.Context(), func(_ context.Context, p wxpay.Prepared) error {
		clear(p.Vars)
		clear(p.Body)
		clear(p.Echo)
		p.Query.Set("a", "x")
		return nil
	})
	require.NoError(t, wxpay.Send(ctx, p.client(), call))
	assert.Contains(t, p.requests()[0].body, `"a":"***"`)
	assert.Contains(t, p.requests()[0].uri, "a=b+c")
}

// A call in which nothing was sealed names no key: the one of the day is asked to sign the answer.
func TestPreparedWithoutSecrets(t *testing.T) {
	t.Parallel()
	ctx, store := keeping(t.Context())
	_, err := wxpay.Do[echo](ctx, newPlatform(t, answer{body: `{"text":"b"}`}).client(), read("1"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"route":"GET /v3/echo/{id}","vars":{"id":"1"},"sender":"1900000001"}`, string((*store)[0]))
	got, err := wxpay.Do[echo](t.Context(), newPlatform(t, answer{body: `{"text":"b"}`}).client(), restored(t, (*store)[0]).Call())
	require.NoError(t, err)
	assert.Equal(t, "b", got.Text)
}

// Kept bytes go out as they are, in whatever spelling; what the platform never takes is refused all the same.
func TestKeptBytesAreNotEncodedAgain(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"{ \"b\" : 1,\n\t\"a\":\"<&>\\u4e2d\\/\" }": true, `[]`: true, `{"a":null}`: false, `{"a":"😀"}`: false, "{\"a\":\"\xd6\"}": false, `{"a":`: false, ``: false,
	} {
		p := newPlatform(t, answer{status: 204})
		err := wxpay.Send(t.Context(), p.client(), wxpay.Prepared{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: []byte(text)}.Call())
		if good {
			require.NoError(t, err)
			assert.Equal(t, text, p.requests()[0].body)
			continue
		}
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "%q: %v", text, err)
		assert.Equal(t, "body", e.Param)
		assert.Empty(t, p.requests())
	}
}

func TestWhatCouldNotBeKeptIsNotSent(t *testing.T) {
	t.Parallel()
	full := errors.New("disk is full\n")
	for _, why := range []error{full, &wxpay.UnknownError{Route: "PUT /store", Err: full}} {
		p := newPlatform(t, answer{})
		ctx := wxpay.WithPrepared(t.Context(), func(context.Context, wxpay.Prepared) error { return why })
		_, err := wxpay.Do[echo](ctx, p.client(), write(true))
		require.ErrorIs(t, err, full)
		require.ErrorContains(t, err, "POST /v3/echo/{id}: not kept, not sent: ")
		oneLine(t, err.Error())
		assert.False(t, wxpay.OutcomeUnknown(err))
		assert.Empty(t, p.requests())
	}
}

// What keep is given is its own: whatever becomes of it, the call goes out as it was, and the caller's values stay.
func TestWhatIsKeptIsACopy(t *testing.T) {
	t.Parallel()
	file := media.Bytes("a.csv", []byte("x"))
	digest, err := file.Digest()
	require.NoError(t, err)
	make := func() wxpay.Call {
		return wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Query: url.Values{"a": {"b"}}, Body: echo{Text: "m"}, File: file, Digest: new(digest), Echo: wxpay.Vars{"text": "b"}}
	}
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	call := make()
	ctx := wxpay.WithPrepared(t.Context(), func(_ context.Context, p wxpay.Prepared) error {
		p.Vars["id"], p.Query["a"][0], p.Body[0], *p.Digest, p.Echo["text"] = "2", "c", 'x', media.Digest{}, "d"
		return nil
	})
	require.NoError(t, wxpay.Send(ctx, p.client(), call))
	assert.Equal(t, make(), call)
	assert.Equal(t, "/v3/echo/1?a=b", p.requests()[0].uri)
}

// Who takes the whole time of a call to keep it learns that it did not leave.
func TestKeepingTakesTheTimeOfTheCall(t *testing.T) {
	t.Parallel()
	for takes, sent := range map[time.Duration]int{29 * time.Second: 1, 30 * time.Second: 0, time.Hour: 0} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlatform(t, answer{body: `{"text":"b"}`})
			ctx := wxpay.WithPrepared(t.Context(), func(context.Context, wxpay.Prepared) error { time.Sleep(takes); return nil })
			err := wxpay.Send(ctx, p.client(), write(false))
			assert.Len(t, p.requests(), sent)
			assert.False(t, wxpay.OutcomeUnknown(err))
			if sent == 0 {
				assert.EqualError(t, err, "wxpay: POST /v3/echo/{id}: not sent: the time for the call is over: context deadline exceeded")
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

// Calls that end before they are ready are not kept, those of the SDK's own neither; and who keeps may call.
func TestOnlyCallsThatAreReadyAreKept(t *testing.T) {
	t.Parallel()
	ctx, store := keeping(t.Context())
	client := newPlatform(t, answer{body: `{"text":"b"}`}).client()
	_, err := wxpay.Do[echo](ctx, client, read(""))
	require.Error(t, err)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = wxpay.Do[echo](ended, client, read("1"))
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, *store)

	server := wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Certificates})
	list := wxpay.Call{Route: "GET /v3/marketing/bank/packages/{package_id}/tasks", Vars: wxpay.Vars{"package_id": "8473295"}}
	require.NoError(t, wxpay.Send(ctx, server.Client(), list))
	require.Len(t, server.Requests(), 2, "the certificates, then the list")
	require.Len(t, *store, 1)
	assert.Equal(t, list.Route, restored(t, (*store)[0]).Route)

	calls := 0
	ctx = wxpay.WithPrepared(t.Context(), func(ctx context.Context, _ wxpay.Prepared) error {
		calls++
		return wxpay.Send(ctx, server.Client(), list)
	})
	require.NoError(t, wxpay.Send(ctx, server.Client(), list))
	assert.Equal(t, 1, calls)
	ended, cancel = context.WithCancel(t.Context())
	before := len(server.Requests())
	ctx = wxpay.WithPrepared(ended, func(context.Context, wxpay.Prepared) error { cancel(); return nil })
	require.ErrorIs(t, wxpay.Send(ctx, server.Client(), list), context.Canceled, "killed when it was kept")
	assert.Len(t, server.Requests(), before)
}

func TestKeptCallOfSomebodyElse(t *testing.T) {
	t.Parallel()
	kept := wxpay.Prepared{Route: routeRead, Vars: wxpay.Vars{"id": "1"}, Sender: "1900000002"}
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	unknown := p.config()
	unknown.MchID, unknown.Signer = "", quick{}
	stranger, err := wxpay.New(unknown)
	require.NoError(t, err)
	for _, client := range []*wxpay.Client{p.client(), stranger} {
		_, err := wxpay.Do[echo](t.Context(), client, kept.Call())
		e, ok := errors.AsType[*wxpay.ParamError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "Sender", e.Param)
		assert.Empty(t, p.requests())
	}
}

// The file of an upload stays where it is: it is added to the call again, and has to be the same.
func TestKeptUpload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("line\n", 1000)), 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	digest, err := file.Digest()
	require.NoError(t, err)
	for name, given := range map[string]*media.Digest{"with a digest": &digest, "without": nil} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, answer{status: 204})
			ctx, store := keeping(t.Context())
			require.NoError(t, wxpay.Send(ctx, p.client(), wxpay.Call{Route: routeEcho, Vars: wxpay.Vars{"id": "1"}, Body: echo{Text: "meta"}, File: file, Digest: given}))
			kept := restored(t, (*store)[0])
			assert.Equal(t, `{"text":"meta"}`, string(kept.Body))
			require.NotNil(t, kept.Digest)
			assert.Equal(t, digest, *kept.Digest)

			call := kept.Call()
			err := wxpay.Send(t.Context(), p.client(), call)
			e, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, "file", e.Param)
			call.File = file
			require.NoError(t, wxpay.Send(t.Context(), p.client(), call))
			got := p.requests()
			require.Len(t, got, 2)
			assert.Equal(t, signedPart(got[0]), signedPart(got[1]))
			_, first, _ := strings.Cut(got[0].body, "name=\"file\"")
			_, second, _ := strings.Cut(got[1].body, "name=\"file\"")
			assert.Equal(t, first[:5000], second[:5000])

			call.File = media.Bytes("a.csv", []byte(strings.Repeat("lime\n", 1000)))
			require.ErrorIs(t, wxpay.Send(t.Context(), p.client(), call), media.ErrChanged)
			assert.Len(t, p.requests(), 2, "the platform never sees a whole request")
		})
	}
}

func TestPreparedShowsNoBody(t *testing.T) {
	t.Parallel()
	p := wxpay.Prepared{Route: routeEcho, Vars: wxpay.Vars{"id": "openid-1"}, Query: url.Values{"q": {"openid-1"}}, Body: []byte(`{"a":"openid-1"}`), Echo: wxpay.Vars{"id": "openid-1"}, Sender: mchID}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "p", p)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "p", &p)
	body := p.Call().Body
	for _, shown := range []string{
		log.String(), p.String(), fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p), fmt.Sprintf("%q %x %d", p, p, p), fmt.Sprint(&p),
	} {
		assert.NotContains(t, shown, "openid-1")
		assert.NotContains(t, shown, fmt.Sprintf("%x", "openid-1"))
		assert.Contains(t, shown, routeEcho)
	}
	assert.Equal(t, "16 bytes 16 bytes", fmt.Sprintf("%v %x", body, body))
}
