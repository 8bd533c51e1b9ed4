package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/security"
)

// Plaintexts of the eight types as the documents print them.
var plaintexts = map[string]string{
	"MEMBERCARD.ACCEPT_CARD": `{"event_type":"NEW_ACTIVATE","card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"289560490049","event_time":"2019-12-17T10:35:53+08:00",` +
		`"openid":"obLatjnx9gnqzS4myYGmLZ7LgLBA","unionid":"obLatjvNtj7wO79ewoQBVIUEArg0","phone_number":"+/8ByGf0vA3kQ5/xT+2mZg==","outer_str":"sz_store_001"}`,
	"MEMBERCARD.ACTIVATE_CARD": `{"event_type":"MEMBER_CARD_ACTIVATE","card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"289560490049","event_time":"2019-12-17T10:35:53+08:00",` +
		`"openid":"obLatjnx9gnqzS4myYGmLZ7LgLBA","unionid":"obLatjvNtj7wO79ewoQBVIUEArg0","activate_scene":"NEW_ACTIVATE","outer_str":"sz_store_001"}`,
	"MEMBERCARD.USERCARD_MANAGE": `{"event_type":"USER_DELETE_MEMBERCARD","card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"289560490049","event_time":"2019-12-17T10:35:53+08:00",` +
		`"openid":"obLatjnx9gnqzS4myYGmLZ7LgLBA","unionid":"obLatjvNtj7wO79ewoQBVIUEArg0"}`,
	"ENTRUST.SIGNING": `{"sp_mchid":"1230000109","appid":"wx8888888888888888","openid":"oUpF8uMuAJOM2pxb1Q","plan_id":"101164396123311331",` +
		`"contract_information":{"contract_id":"wx998877665544wx","contract_status":"ADD","create_time":"2020-03-26T10:43:39+08:00"}}`,
	"ENTRUST.RELEASE": `{"sp_mchid":"1230000109","appid":"wx8888888888888888","openid":"oUpF8uMuAJOM2pxb1Q","plan_id":"101164396123311331",` +
		`"contract_information":{"contract_id":"wx998877665544wx","contract_status":"DELETE","create_time":"2020-03-26T10:43:39+08:00"}}`,
	"TRANSACTION.SUCCESS": `{"mchid":"1230000110","appid":"wx8888888888888888","out_trade_no":"201407033233368018","transaction_id":"25012014070332333018",` +
		`"success_time":"2020-03-26T10:43:39+08:00","trade_state":"SUCCESS","payer":{"openid":"oUpF8uMuAJOM2pxb1Q"},"amount":{"total":888,"payer_total":788}}`,
	"TRANSACTION.FAIL": `{"mchid":"1230000110","appid":"wx8888888888888888","out_trade_no":"201407033233368018","trade_state":"PAY_FAIL",` +
		`"trade_state_description":"余额不足","amount":{"total":888}}`,
	"SECURITY_ECHO.SUCCESS": `{"echo_message":"hello","encrypt_echo_message":"+/8ByGf0vA3kQ5/xT+2mZg=="}`,
}

// Every type of the documents arrives, with either kind of platform key, decoded and entire.
func TestEveryType(t *testing.T) {
	t.Parallel()
	_, serial := certificate()
	for name, setup := range map[string]struct {
		client *wxpay.Client
		serial string
	}{
		"public key":  {publicKeyClient(offline(t)), keyID},
		"certificate": {certificateClient(certificates()), serial},
	} {
		for event, plain := range plaintexts {
			t.Run(name+" "+event, func(t *testing.T) {
				t.Parallel()
				var delivered []notify.Delivery
				h := notify.New(setup.client, notify.Config{Observe: func(_ context.Context, d notify.Delivery) { delivered = append(delivered, d) }})
				runs := 0
				notify.On(h, wxpay.EventType[map[string]any](event), func(ctx context.Context, e *notify.Event, v *map[string]any) error {
					runs++
					assert.Equal(t, "EV-2018022511223320873", e.ID)
					assert.Equal(t, event, e.EventType)
					assert.Equal(t, "encrypt-resource", e.ResourceType)
					assert.Equal(t, "签约结果通知", e.Summary)
					assert.Equal(t, "contract", e.OriginalType)
					assert.True(t, e.CreateTime.Equal(time.Date(2015, 5, 20, 5, 29, 35, 0, time.UTC)), "%s", e.CreateTime)
					assert.Equal(t, plain, string(e.Plaintext))
					text, err := json.Marshal(v)
					assert.NoError(t, err)
					assert.JSONEq(t, plain, string(text))
					deadline, ok := ctx.Deadline()
					assert.True(t, ok && time.Until(deadline) <= 4*time.Second)
					return nil
				})
				body := message{event: event, plain: plain}.String()
				w := serve(h, request(sign(platformKey(), setup.serial, time.Now(), body), body))
				assert.Equal(t, 204, w.Code)
				assert.Empty(t, w.Body.String())
				assert.Equal(t, 1, runs)

				w = serve(h, request(sign(platformKey(), setup.serial, time.Now(), body), body)) // the repeat is signed anew
				assert.Equal(t, 204, w.Code)
				assert.Equal(t, 1, runs)

				require.Len(t, delivered, 2)
				for i, d := range delivered {
					assert.Positive(t, d.Duration)
					d.Duration = 0
					assert.Equal(t, notify.Delivery{Sender: "1230000109", ID: "EV-2018022511223320873", EventType: event, RequestID: "08F78BB5AF0610D302189FD3FD0158", Status: 204, Repeated: i == 1}, d)
				}
			})
		}
	}
}

// The types of the product packages fit.
func TestProductTypes(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	var got []string
	notify.On(h, edupapay.EventContractReleased, func(_ context.Context, _ *notify.Event, c *edupapay.ContractEvent) error {
		got = append(got, c.ContractInformation.ContractID)
		return nil
	})
	notify.On(h, edupapay.EventTransactionFailed, func(_ context.Context, _ *notify.Event, tr *edupapay.TransactionEvent) error {
		got = append(got, string(tr.TradeState), tr.Amount.Total.String())
		return nil
	})
	notify.On(h, security.EventEcho, func(_ context.Context, _ *notify.Event, e *security.EchoEvent) error {
		got = append(got, e.EchoMessage, e.EncryptedEchoMessage)
		return nil
	})
	for _, event := range []string{"ENTRUST.RELEASE", "TRANSACTION.FAIL", "SECURITY_ECHO.SUCCESS"} {
		require.Equal(t, 204, serve(h, signed(message{event: event, plain: plaintexts[event]}.String())).Code)
	}
	assert.Equal(t, []string{"wx998877665544wx", "PAY_FAIL", "8.88", "hello", "+/8ByGf0vA3kQ5/xT+2mZg=="}, got)
}

// Routers call it like any other handler.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return nil })
	mux := http.NewServeMux()
	mux.Handle("/wxpay/{product}/notify", h)
	server := httptest.NewServer(mux)
	defer server.Close()
	body := message{}.String()
	for _, test := range []struct {
		method string
		header http.Header
		want   int
	}{
		{"POST", sign(platformKey(), keyID, time.Now(), body), 204},
		{"POST", sign(strangerKey(), keyID, time.Now(), body), 401},
		{"PUT", sign(platformKey(), keyID, time.Now(), body), 405},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+"/wxpay/edupapay/notify", strings.NewReader(body))
		require.NoError(t, err)
		req.Header = test.header
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, test.want, resp.StatusCode)
	}
}

// outcome is what the platform and the observer see of one delivery to a handler with f.
func outcome(t *testing.T, config notify.Config, f func(context.Context, *notify.Event, *edupapay.ContractEvent) error) (*httptest.ResponseRecorder, notify.Delivery) {
	t.Helper()
	var seen notify.Delivery
	config.Observe = func(_ context.Context, d notify.Delivery) { seen = d }
	h := notify.New(publicKeyClient(offline(t)), config)
	notify.On(h, "ENTRUST.SIGNING", f)
	return serve(h, signed(message{}.String())), seen
}

func TestFunctionFails(t *testing.T) {
	t.Parallel()
	fault := errors.New("database is down " + canary)
	w, d := outcome(t, notify.Config{}, func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return fault })
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "not handled", failure(t, w))
	assert.Equal(t, 500, d.Status)
	assert.ErrorIs(t, d.Err, fault)
}

// A failed notification comes again and is handled then; after that it is not handled any more.
func TestFailureIsNotRemembered(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	runs := 0
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
		switch runs++; runs {
		case 1:
			return errors.New("not yet")
		case 2:
			panic(canary)
		}
		return nil
	})
	for i, want := range []int{500, 500, 204, 204, 204} {
		assert.Equal(t, want, serve(h, signed(message{}.String())).Code, "delivery %d", i)
	}
	assert.Equal(t, 3, runs)
}

func TestFunctionPanics(t *testing.T) {
	t.Parallel()
	const panicked = "notify: function for ENTRUST.SIGNING panicked: "
	for want, f := range map[string]func(context.Context, *notify.Event, *edupapay.ContractEvent) error{
		"with a string": func(_ context.Context, _ *notify.Event, c *edupapay.ContractEvent) error {
			panic(c.OpenID)
		},
		"with a *errors.errorString": func(_ context.Context, _ *notify.Event, c *edupapay.ContractEvent) error {
			panic(errors.New(c.OpenID))
		},
		"runtime error: index out of range [1] with length 0": func(_ context.Context, _ *notify.Event, c *edupapay.ContractEvent) error {
			c.OpenID = strings.Split("", "")[len(c.OpenID[:1])]
			return nil
		},
		"runtime error: invalid memory address or nil pointer dereference": nil,
	} {
		w, d := outcome(t, notify.Config{}, f)
		assert.Equal(t, 500, w.Code)
		assert.Equal(t, "not handled", failure(t, w))
		assert.EqualError(t, d.Err, panicked+want)
		p, ok := errors.AsType[*notify.PanicError](d.Err)
		require.True(t, ok)
		assert.Equal(t, "ENTRUST.SIGNING", p.EventType)
		assert.Contains(t, string(p.Stack), "notify.run")
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", d, d, d, p.Stack), canary)
	}
}

// A function that ends its goroutine, as FailNow of a test does, has not handled the notification.
func TestFunctionExits(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	var runs atomic.Int32
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
		if runs.Add(1) == 1 {
			runtime.Goexit()
		}
		return nil
	})
	var exited sync.WaitGroup
	exited.Go(func() { serve(h, signed(message{}.String())) })
	exited.Wait()
	assert.Equal(t, 204, serve(h, signed(message{}.String())).Code)
	assert.Equal(t, int32(2), runs.Load())
}

// The context of the function ends before the platform's patience does.
func TestFunctionIsLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ timeout, want time.Duration }{
		"default": {0, 4 * time.Second}, "configured": {2 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w, d := outcome(t, notify.Config{Timeout: test.timeout}, func(ctx context.Context, _ *notify.Event, _ *edupapay.ContractEvent) error {
					<-ctx.Done()
					return ctx.Err()
				})
				assert.Equal(t, test.want, time.Since(start))
				assert.Equal(t, 500, w.Code)
				assert.ErrorIs(t, d.Err, context.DeadlineExceeded)
				assert.Equal(t, test.want, d.Duration)
			})
		})
	}
}

// Work that was done is recorded, even if it was late and the platform has hung up.
func TestLateSuccessIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := notify.New(publicKeyClient(offline(t)), notify.Config{})
		runs := 0
		notify.On(h, "ENTRUST.SIGNING", func(ctx context.Context, _ *notify.Event, _ *edupapay.ContractEvent) error {
			runs++
			<-ctx.Done()
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		serve(h, signed(message{}.String()).WithContext(ctx))
		assert.Equal(t, 204, serve(h, signed(message{}.String())).Code)
		assert.Equal(t, 1, runs)
	})
}

func TestUnknownType(t *testing.T) {
	t.Parallel()
	var seen notify.Delivery
	config := notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }}
	h := notify.New(publicKeyClient(offline(t)), config)
	w := serve(h, signed(message{event: "EVENT.OF_TOMORROW"}.String()))
	assert.Equal(t, 501, w.Code)
	assert.Equal(t, "no function for this type of event", failure(t, w))
	assert.Equal(t, "EVENT.OF_TOMORROW", seen.EventType)

	var fell []string
	config.Fallback = func(_ context.Context, e *notify.Event) error {
		fell = append(fell, e.EventType+" "+string(e.Plaintext))
		return nil
	}
	h = notify.New(publicKeyClient(offline(t)), config)
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return nil })
	for range 2 {
		assert.Equal(t, 204, serve(h, signed(message{event: "EVENT.OF_TOMORROW", plain: `{"a":1}`}.String())).Code)
	}
	assert.Equal(t, 204, serve(h, signed(message{}.String())).Code)
	assert.Equal(t, []string{`EVENT.OF_TOMORROW {"a":1}`}, fell)
}

func TestRegisteredTwice(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	var ran []int
	for i := range 2 {
		notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
			ran = append(ran, i)
			return nil
		})
	}
	assert.Equal(t, 204, serve(h, signed(message{}.String())).Code)
	assert.Equal(t, []int{1}, ran)
}

// A plaintext in which a member that decides has no reading is not handled: the platform shall send it again.
func TestPlaintextDoesNotFit(t *testing.T) {
	t.Parallel()
	for plain, want := range map[string]string{
		`{"appid":["13800001111"]}`:                              "notify: ENTRUST.SIGNING: member appid cannot be read as string",
		`{"contract_information":{"create_time":""},"appid":{}}`: "notify: ENTRUST.SIGNING: member appid cannot be read as string",
		`{"openid":"13800001111`:                                 "notify: ENTRUST.SIGNING: plaintext cannot be read as *edupapay.ContractEvent",
		`["13800001111"]`:                                        "notify: ENTRUST.SIGNING: plaintext cannot be read as *edupapay.ContractEvent",
		`"13800001111"`:                                          "notify: ENTRUST.SIGNING: plaintext cannot be read as *edupapay.ContractEvent",
		`null`:                                                   "notify: ENTRUST.SIGNING: plaintext cannot be read as *edupapay.ContractEvent",
	} {
		var seen notify.Delivery
		h := notify.New(publicKeyClient(offline(t)), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
		notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
			t.Error("function ran")
			return nil
		})
		for range 2 { // it is not remembered
			w := serve(h, signed(message{plain: plain}.String()))
			assert.Equal(t, 500, w.Code)
			assert.Equal(t, "not handled", failure(t, w))
			assert.EqualError(t, seen.Err, want)
		}
	}
}

// S3: the same notification a thousand times at once runs the function once. While it runs, the others
// are told to come again.
func TestParallelRepeats(t *testing.T) {
	t.Parallel()
	const times = 1000
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Timeout: time.Minute})
	var runs atomic.Int32
	release := make(chan struct{})
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
		runs.Add(1)
		<-release
		return nil
	})
	header, body := sign(platformKey(), keyID, time.Now(), message{}.String()), message{}.String()
	codes := make(chan int, times)
	var all sync.WaitGroup
	for range times {
		all.Go(func() { codes <- serve(h, request(header, body)).Code })
	}
	for range times - 1 {
		assert.Equal(t, 409, <-codes)
	}
	close(release)
	assert.Equal(t, 204, <-codes)
	all.Wait()
	for range times {
		all.Go(func() { codes <- serve(h, request(header, body)).Code })
	}
	all.Wait()
	for range times {
		assert.Equal(t, 204, <-codes)
	}
	assert.Equal(t, int32(1), runs.Load())
}

// Without a hold the outcome is the same: once.
func TestParallelRepeatsAtFullSpeed(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	var runs atomic.Int32
	notify.On(h, "ENTRUST.SIGNING", func(context.Context, *notify.Event, *edupapay.ContractEvent) error {
		runs.Add(1)
		runtime.Gosched()
		return nil
	})
	header, body := sign(platformKey(), keyID, time.Now(), message{}.String()), message{}.String()
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if code := serve(h, request(header, body)).Code; code != 204 && code != 409 {
				t.Errorf("status %d", code)
			}
		})
	}
	all.Wait()
	assert.Equal(t, int32(1), runs.Load())
}

// The same number with another type is another notification.
func TestRepeatIsIDAndType(t *testing.T) {
	t.Parallel()
	runs := 0
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Fallback: func(context.Context, *notify.Event) error { runs++; return nil }})
	for _, m := range []message{{}, {event: "ENTRUST.RELEASE"}, {id: "EV-2"}, {}, {event: "ENTRUST.RELEASE"}, {id: "EV-2"}} {
		assert.Equal(t, 204, serve(h, signed(m.String())).Code)
	}
	assert.Equal(t, 3, runs)
}

// brokenSeen is a store that fails.
type brokenSeen struct{ begin, end error }

func (s brokenSeen) Begin(context.Context, string) (bool, error) { return false, s.begin }

func (s brokenSeen) End(ctx context.Context, id string, done bool) error {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Second || ctx.Err() != nil {
		return fmt.Errorf("End has no second of its own: %w", ctx.Err())
	}
	return s.end
}

func TestSeenFails(t *testing.T) {
	t.Parallel()
	down, fault := errors.New("store is down"), errors.New("no stock")
	ran := false
	succeed := func(context.Context, *notify.Event, *edupapay.ContractEvent) error { ran = true; return nil }
	w, d := outcome(t, notify.Config{Seen: brokenSeen{begin: down}}, succeed)
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "not handled", failure(t, w))
	assert.ErrorIs(t, d.Err, down)
	assert.False(t, ran)

	// What was done stays done; the observer learns that a repeat would run again.
	w, d = outcome(t, notify.Config{Seen: brokenSeen{end: down}}, succeed)
	assert.Equal(t, 204, w.Code)
	assert.EqualError(t, d.Err, "notify: outcome not recorded: store is down")

	w, d = outcome(t, notify.Config{Seen: brokenSeen{end: down}}, func(context.Context, *notify.Event, *edupapay.ContractEvent) error { return fault })
	assert.Equal(t, 500, w.Code)
	assert.ErrorIs(t, d.Err, down)
	assert.ErrorIs(t, d.Err, fault)
	assert.NotContains(t, d.Err.Error(), "\n")
}

// End has time of its own after the request has none left.
func TestSeenEndsAfterRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d := outcome(t, notify.Config{Seen: brokenSeen{}}, func(ctx context.Context, _ *notify.Event, _ *edupapay.ContractEvent) error {
			<-ctx.Done()
			return nil
		})
		assert.Equal(t, 204, w.Code)
		assert.NoError(t, d.Err)
	})
}

func TestNoObserver(t *testing.T) {
	t.Parallel()
	h := notify.New(publicKeyClient(offline(t)), notify.Config{})
	assert.Equal(t, 405, serve(h, httptest.NewRequest("GET", "/", nil)).Code)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", h, h, h), apiV3Key)
}
