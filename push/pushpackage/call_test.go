package pushpackage_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/internal/httpx"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// One call of every kind, told apart by what may be repeated.
var kinds = map[string]func(context.Context, *pushpackage.Client) error{
	"read": func(ctx context.Context, c *pushpackage.Client) error {
		_, err := c.GetPushTaskStatistics(ctx, pushpackage.GetPushTaskStatisticsParams{PushID: "1"})
		return err
	},
	"upload": func(ctx context.Context, c *pushpackage.Client) error {
		_, err := c.Upload(ctx, pushpackage.UploadParams{File: media.Bytes("a.txt", []byte("13800000000\n"))})
		return err
	},
	"push": func(ctx context.Context, c *pushpackage.Client) error {
		_, err := c.Push(ctx, minimal())
		return err
	},
	"cancel": func(ctx context.Context, c *pushpackage.Client) error {
		return c.CancelScheduledPush(ctx, pushpackage.CancelScheduledPushParams{PushID: "1"})
	},
	"stop": func(ctx context.Context, c *pushpackage.Client) error {
		return c.StopPush(ctx, pushpackage.StopPushParams{PushID: "1"})
	},
	"plan": func(ctx context.Context, c *pushpackage.Client) error {
		_, err := c.CreatePushPlan(ctx, pushpackage.CreatePushPlanParams{PlanName: "n", PlanDescribe: "d"})
		return err
	},
}

const success = `{"retCode":0,"ret_code":0,"uploadId":11231,"push_id":"1","result":{"planId":"48"}}`

// How often each kind of call is sent when the first answer is a failure and the second a success.
func TestRepeats(t *testing.T) {
	t.Parallel()
	write := []string{"push", "cancel", "stop", "plan"}
	for name, tt := range map[string]struct {
		first  httpmock.Responder
		repeat []string // kinds that are sent again
	}{
		"lost answer":      {httpmock.NewErrorResponder(io.ErrUnexpectedEOF), []string{"read", "upload"}},
		"never left":       {httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: errors.New("refused")}), []string{"read", "upload"}},
		"500":              {httpmock.NewStringResponder(500, ""), []string{"read", "upload"}},
		"503":              {httpmock.NewStringResponder(503, "<html>"), []string{"read", "upload"}},
		"http 429":         {httpmock.NewStringResponder(429, ""), []string{"read", "upload"}},
		"1008004":          {ok(`{"retCode":1008004}`), []string{"read", "upload"}},
		"not JSON":         {ok(`<html>`), []string{"read", "upload"}},
		"no return code":   {ok(`{"uploadId":1}`), []string{"read", "upload"}},
		"1008028":          {ok(`{"ret_code":1008028,"err_msg":"request too fast"}`), append([]string{"upload"}, write...)},
		"1008028 in a 503": {httpmock.NewStringResponder(503, `{"ret_code":1008028}`), []string{"read", "upload"}}, // what is believed is the status
		"1008028 with Retry-After": {ok(`{"retCode":"1008028"}`).HeaderSet(http.Header{"Retry-After": {"5"}}),
			append([]string{"upload", "read"}, write...)},
		"1008003":  {ok(`{"retCode":1008003,"errMsg":"auth failure"}`), nil},
		"1008011":  {ok(`{"retCode":1008011}`), nil},
		"403":      {httpmock.NewStringResponder(403, ""), nil},
		"redirect": {httpmock.NewStringResponder(302, "").HeaderSet(http.Header{"Location": {"https://evil.example/"}}), nil},
		"202":      {httpmock.NewStringResponder(202, ""), nil},
		"huge":     {ok(strings.Repeat(" ", 1<<20) + success), nil},
	} {
		for kind, do := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					client := tpns(t, func(req *http.Request) (*http.Response, error) {
						if sent++; sent == 1 {
							return tt.first(req)
						}
						return ok(success)(req)
					})
					err := do(t.Context(), client)
					if slices.Contains(tt.repeat, kind) {
						assert.NoError(t, err)
						assert.Equal(t, 2, sent)
					} else {
						assert.Error(t, err)
						assert.Equal(t, 1, sent)
					}
				})
			})
		}
	}
}

func TestAttemptsAndWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		client := tpns(t, func(*http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return httpmock.NewStringResponse(http.StatusOK, `{"ret_code":1008028}`), nil
		})
		_, err := client.Push(t.Context(), minimal())
		require.ErrorIs(t, err, pushpackage.CodeTooFast)
		require.Len(t, at, 3)
		for i := range 2 { // one push a second is the limit
			assert.Greater(t, at[i+1].Sub(at[i]), time.Second)
			assert.LessOrEqual(t, at[i+1].Sub(at[i]), 4*time.Second)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, sent := time.Now(), 0
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return httpmock.NewStringResponder(503, "").HeaderSet(http.Header{"Retry-After": {"7"}})(req)
			}
			return ok(success)(req)
		})
		require.NoError(t, kinds["read"](t.Context(), client))
		assert.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestNeverPastTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, sent := time.Now(), 0
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			sent++
			return httpmock.NewStringResponder(503, "").HeaderSet(http.Header{"Retry-After": {"3600"}})(req)
		})
		err := kinds["upload"](t.Context(), client)
		var refused *pushpackage.Error
		require.ErrorAs(t, err, &refused)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, 1, sent)
		assert.Zero(t, time.Since(start))
	})
}

func TestCancelEndsTheWaitAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("interrupt signal received")
		time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
		client := tpns(t, httpmock.NewStringResponder(503, "").HeaderSet(http.Header{"Retry-After": {"10"}}))
		start := time.Now()
		err := kinds["read"](ctx, client)
		assert.ErrorIs(t, err, why)
		assert.ErrorIs(t, err, context.Canceled)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, 20*time.Millisecond, time.Since(start))
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	for kind, do := range kinds {
		err := do(ctx, tpns(t, unreachable(t)))
		require.ErrorIs(t, err, context.Canceled, kind)
		assert.False(t, pushpackage.OutcomeUnknown(err), kind)
		assert.NotContains(t, err.Error(), "\n", kind)
	}
}

func TestTimeoutIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, func(c *pushpackage.Config) { c.Timeout = 5 * time.Second })
		start := time.Now()
		err := kinds["push"](t.Context(), client)
		var unknown *pushpackage.UnknownError
		require.ErrorAs(t, err, &unknown)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.True(t, pushpackage.OutcomeUnknown(err))
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

// An upload whose first attempt was lost stays unknown, whatever came after it.
func TestLostStaysUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			if sent++; sent == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return ok(`{"retCode":1008030,"errMsg":"app not paid"}`)(req)
		})
		err := kinds["upload"](t.Context(), client)
		assert.True(t, pushpackage.OutcomeUnknown(err))
		assert.ErrorIs(t, err, pushpackage.CodeNotPaid)
		sent = 0
		err = kinds["read"](t.Context(), client)
		assert.False(t, pushpackage.OutcomeUnknown(err))
		assert.ErrorIs(t, err, pushpackage.CodeNotPaid)
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/push/app"
	for name, tt := range map[string]struct {
		answer  httpmock.Responder
		want    error // nil: an UnknownError
		text    string
		unknown bool
	}{
		"code": {
			ok(`{"seq":0,"ret_code":1008019,"err_msg":"content may be evil","result":"{}"}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 1008019, Message: "content may be evil"},
			"pushpackage: POST /v3/push/app: code 1008019: Content refused by the content safety check (content may be evil); change title or content", false,
		},
		"code as text": {
			ok(`{"retCode":"1008007","errMsg":"invalid parameter"}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 1008007, Message: "invalid parameter"},
			"pushpackage: POST /v3/push/app: code 1008007: A parameter failed validation (invalid parameter)", false,
		},
		"capital message": {
			ok(`{"ErrMsg":"no","retCode":77}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 77, Message: "no"},
			"pushpackage: POST /v3/push/app: code 77 (no)", false,
		},
		"both messages": {
			ok(`{"errMsg":"now","ErrMsg":"","retCode":77}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 77, Message: "now"},
			"pushpackage: POST /v3/push/app: code 77 (now)", false,
		},
		"two codes": {
			ok(`{"retCode":0,"ret_code":77}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 77},
			"pushpackage: POST /v3/push/app: code 77", false,
		},
		"may have happened": {
			ok(`{"ret_code":1008004}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 1008004},
			"pushpackage: POST /v3/push/app: code 1008004: A service behind the API could not be called; the push may have been made: look for it before you send it again", true,
		},
		"lines": {
			ok(`{"ret_code":77,"err_msg":"a\nb\u2028c"}`),
			&pushpackage.Error{Route: route, StatusCode: 200, RetCode: 77, Message: "a\nb\u2028c"},
			"pushpackage: POST /v3/push/app: code 77 (a b c)", false,
		},
		"403": {
			httpmock.NewStringResponder(403, "13800000000"),
			&pushpackage.Error{Route: route, StatusCode: 403},
			"pushpackage: POST /v3/push/app: status 403: Forbidden; Access ID and SecretKey do not match, the host is not the application's access point, or the console does not allow this IP address", false,
		},
		"403 with code": {
			httpmock.NewStringResponder(403, `{"retCode":1008003,"errMsg":"auth failure"}`),
			&pushpackage.Error{Route: route, StatusCode: 403, RetCode: 1008003, Message: "auth failure"},
			"pushpackage: POST /v3/push/app: status 403 code 1008003: Authentication failed (auth failure); check Access ID (TPNS_ACCESS_ID) and SecretKey (TPNS_SECRET_KEY), and this machine's clock if Signed", false,
		},
		"502": {
			httpmock.NewStringResponder(502, "<html>13800000000</html>"),
			&pushpackage.Error{Route: route, StatusCode: 502},
			"pushpackage: POST /v3/push/app: status 502: Bad Gateway; a read or an upload may be repeated; before a push is, look for it", true,
		},
		"success without id": {ok(`{"ret_code":0}`), nil, "pushpackage: POST /v3/push/app: outcome unknown: success, but without a push_id", true},
		"no code":            {ok(`{"push_id":"1"}`), nil, "pushpackage: POST /v3/push/app: outcome unknown: answer has no return code", true},
		"empty code":         {ok(`{"push_id":"1","ret_code":""}`), nil, "pushpackage: POST /v3/push/app: outcome unknown: answer has no return code", true},
		"null code":          {ok(`{"push_id":"1","ret_code":null}`), nil, "pushpackage: POST /v3/push/app: outcome unknown: answer has no return code", true},
		"array":              {ok(`[]`), nil, "pushpackage: POST /v3/push/app: outcome unknown: answer has no return code", true},
		"bad id":             {ok(`{"ret_code":0,"push_id":{}}`), nil, "pushpackage: POST /v3/push/app: outcome unknown: success, but with an answer that is not the JSON it should be", true},
		"302":                {httpmock.NewStringResponder(302, ""), nil, "pushpackage: POST /v3/push/app: outcome unknown: answered with status 302, which is not followed", true},
		"too large":          {ok(strings.Repeat(" ", 1<<20+1)), nil, "pushpackage: POST /v3/push/app: outcome unknown: " + httpx.ErrTooLarge.Error(), true},
		"cut off":            {cutOff, nil, "pushpackage: POST /v3/push/app: outcome unknown: unexpected EOF", true},
		"compressed": {ok(success).HeaderSet(http.Header{"Content-Encoding": {"gzip"}}), nil,
			"pushpackage: POST /v3/push/app: outcome unknown: " + httpx.ErrEncoded.Error(), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := kinds["push"](t.Context(), tpns(t, tt.answer))
			if tt.want == nil {
				tt.text += "; a read or an upload may be repeated; before a push is, look for it"
			}
			require.EqualError(t, err, tt.text)
			if tt.want != nil {
				assert.Equal(t, tt.want, err)
			} else {
				var unknown *pushpackage.UnknownError
				assert.ErrorAs(t, err, &unknown)
			}
			assert.Equal(t, tt.unknown, pushpackage.OutcomeUnknown(err))
		})
	}
}

func cutOff(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ContentLength: 100, Body: io.NopCloser(strings.NewReader(success[:20]))}, nil
}

func TestErrorIs(t *testing.T) {
	t.Parallel()
	assert.NotErrorIs(t, &pushpackage.Error{StatusCode: 500}, pushpackage.Code(0))
	assert.ErrorIs(t, oneline.Error(&pushpackage.Error{RetCode: 1008028}), pushpackage.CodeTooFast)
	assert.NotErrorIs(t, &pushpackage.Error{RetCode: 1008028}, pushpackage.CodeAuthFailed)
	assert.False(t, pushpackage.OutcomeUnknown(nil))
	assert.Equal(t, "[route=r status=200 ret_code=77 meaning= message=a b]", (&pushpackage.Error{Route: "r", StatusCode: 200, RetCode: 77, Message: "a\nb"}).LogValue().String())
	assert.LessOrEqual(t, len((&pushpackage.ParamError{Reason: strings.Repeat("x", 10_000)}).Error()), 600)
	assert.False(t, pushpackage.OutcomeUnknown(&pushpackage.ParamError{}))
}

func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen []pushpackage.Exchange
		sent := 0
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			switch sent++; sent {
			case 1:
				return nil, io.ErrUnexpectedEOF
			case 2:
				return ok(`{"retCode":1008004}`)(req)
			}
			return ok(success)(req)
		}, func(c *pushpackage.Config) {
			c.Observe = func(_ context.Context, e pushpackage.Exchange) { seen = append(seen, e) }
		})
		require.NoError(t, kinds["read"](t.Context(), client))
		require.Len(t, seen, 3)
		const route = "POST /v3/statistics/get_push_task_stat_channel"
		assert.ErrorIs(t, seen[0].Err, io.ErrUnexpectedEOF)
		assert.ErrorIs(t, seen[1].Err, pushpackage.CodeServiceFailed)
		seen[0].Err, seen[1].Err = nil, nil
		assert.Equal(t, []pushpackage.Exchange{
			{Route: route, Host: pushpackage.GuangzhouURL, Attempt: 1, Duration: time.Second},
			{Route: route, Host: pushpackage.GuangzhouURL, Attempt: 2, Status: 200, RetCode: 1008004, Duration: time.Second},
			{Route: route, Host: pushpackage.GuangzhouURL, Attempt: 3, Status: 200, Duration: time.Second},
		}, seen)
	})
}

func TestExchangeLogsItsFields(t *testing.T) {
	t.Parallel()
	e := pushpackage.Exchange{Route: "POST /x", Host: "https://h", Attempt: 2, Status: 200, RetCode: 77, Duration: time.Second}
	assert.Equal(t, "[route=POST /x attempt=2 host=https://h status=200 ret_code=77 duration_ms=1000]", e.LogValue().String())
	e.Odd, e.Err = []string{"seq"}, io.ErrUnexpectedEOF
	assert.Contains(t, e.LogValue().String(), " odd=[seq] error=unexpected EOF]")
}

func TestMaxAttempts(t *testing.T) {
	t.Parallel()
	sent := 0
	client := tpns(t, func(*http.Request) (*http.Response, error) { sent++; return nil, io.ErrUnexpectedEOF },
		func(c *pushpackage.Config) { c.MaxAttempts = 1 })
	assert.Error(t, kinds["read"](t.Context(), client))
	assert.Equal(t, 1, sent)
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, other.URL, http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	client, err := pushpackage.New(pushpackage.Config{AccessID: "1500001048", SecretKey: secret, BaseURL: front.URL, HTTPClient: front.Client()})
	require.NoError(t, err)
	for kind, do := range kinds {
		assert.Error(t, do(t.Context(), client), kind)
	}
	assert.Zero(t, reached.Load())
}

// The names of the login headers reach the wire as documented, which net/http would change.
func TestSignedLoginOnTheWire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		raw := make(chan string, 1)
		go func() {
			defer far.Close()
			var head strings.Builder
			r := bufio.NewReader(far)
			for !strings.HasSuffix(head.String(), "\r\n\r\n") {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Error(err)
					break
				}
				head.WriteString(line)
			}
			body := make([]byte, len(`{"pushId":"43214535"}`))
			if _, err := io.ReadFull(r, body); err != nil {
				t.Error(err)
			}
			io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"retCode\":0}")
			raw <- head.String() + string(body)
		}()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		client, err := pushpackage.New(pushpackage.Config{AccessID: "1500001048", SecretKey: "1452fcebae9f3115ba794fb0fff2fd73", BaseURL: "http://127.0.0.1:1",
			Signed: true, HTTPClient: &http.Client{Transport: transport}})
		require.NoError(t, err)
		require.NoError(t, client.StopPush(t.Context(), pushpackage.StopPushParams{PushID: "43214535"}))
		got := <-raw
		transport.CloseIdleConnections()
		assert.True(t, strings.HasPrefix(got, "POST /v3/push/stop_push_msg HTTP/1.1\r\n"), got)
		assert.Contains(t, got, "\r\nAccessId: 1500001048\r\n")
		assert.Contains(t, got, "\r\nTimeStamp: 946684800\r\n") // synctest starts at 2000-01-01
		// printf '%s' '9466848001500001048{"pushId":"43214535"}' | openssl dgst -sha256 -hmac KEY, then base64 of the hex
		assert.Contains(t, got, "\r\nSign: NTI0ZTJmZDE5ZGU4NmNkMGJkMzIwMGU4YmI5YTZhYTlkYjgwYmVmMjU1ZWY3ODU0M2VmNzc3NTgxZTczNWVjYw==\r\n")
		assert.Contains(t, got, "\r\nContent-Type: application/json\r\n")
		assert.NotContains(t, got, "Authorization")
		assert.True(t, strings.HasSuffix(got, "\r\n\r\n{\"pushId\":\"43214535\"}"), got)
	})
}

// Each attempt is signed anew.
func TestEachAttemptIsSigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stamps []string
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			stamps = append(stamps, map[string][]string(req.Header)["TimeStamp"][0])
			return ok(`{"ret_code":1008028}`)(req)
		}, func(c *pushpackage.Config) { c.Signed = true })
		assert.ErrorIs(t, kinds["push"](t.Context(), client), pushpackage.CodeTooFast)
		require.Len(t, stamps, 3)
		assert.NotEqual(t, stamps[0], stamps[1])
		assert.NotEqual(t, stamps[1], stamps[2])
	})
}
