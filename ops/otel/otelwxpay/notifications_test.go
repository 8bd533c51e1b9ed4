package otelwxpay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const signing = string(edupapay.EventContractSigned)

// on handles the event with f.
func on(h *notify.Handler, f func(context.Context) error) {
	notify.On(h, edupapay.EventContractSigned, func(ctx context.Context, _ *notify.Event, _ *edupapay.ContractEvent) error { return f(ctx) })
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	well := func(context.Context) error { return nil }
	tests := map[string]struct {
		handle   func(context.Context) error
		event    string
		variants []wxpaytest.Variant
		seen     notify.Seen
		want     string // attributes of the metric
	}{
		"handled":       {handle: well, want: "http.response.status_code=204 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"failed":        {handle: func(context.Context) error { return errors.New("canary") }, want: "error.type=failed http.response.status_code=500 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"panicked":      {handle: func(context.Context) error { panic("canary") }, want: "error.type=panic http.response.status_code=500 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"too slow":      {handle: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, want: "error.type=timeout http.response.status_code=500 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"no function":   {handle: well, event: "MEMBERCARD.ACCEPT_CARD", want: "error.type=501 http.response.status_code=501 wxpay.event.type=MEMBERCARD.ACCEPT_CARD wxpay.notification.repeated=false"},
		"forged":        {handle: well, variants: []wxpaytest.Variant{wxpaytest.Forged}, want: "error.type=unverified http.response.status_code=401 wxpay.notification.repeated=false"},
		"unsigned":      {handle: well, variants: []wxpaytest.Variant{wxpaytest.Unsigned}, want: "error.type=unverified http.response.status_code=401 wxpay.notification.repeated=false"},
		"probe":         {handle: well, variants: []wxpaytest.Variant{wxpaytest.Probe}, want: "error.type=signature_probe http.response.status_code=401 wxpay.notification.repeated=false"},
		"undecryptable": {handle: well, variants: []wxpaytest.Variant{wxpaytest.Undecryptable}, want: "error.type=401 http.response.status_code=401 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"not recorded":  {handle: well, seen: forgetful{}, want: "error.type=not_recorded http.response.status_code=204 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
		"at once":       {handle: well, seen: busy{}, want: "error.type=in_progress http.response.status_code=409 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				server, client := stage(t, r)
				h := notify.New(client, notify.Config{Observe: r.Notification, Seen: tt.seen})
				on(h, tt.handle)
				event := signing
				if tt.event != "" {
					event = tt.event
				}
				// As a middleware does that makes a span of every request.
				middleware := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					ctx, span := r.tracer.Tracer("middleware").Start(req.Context(), "POST /notify")
					defer span.End()
					h.ServeHTTP(w, req.WithContext(ctx))
				})
				_, err := server.Notify(t.Context(), middleware, event, nil, tt.variants...)
				require.NoError(t, err)
				assert.Equal(t, []string{"wxpay.notification.duration [s] {" + tt.want + "} 1"}, r.metrics(t))
				spans := r.spans.Ended()
				require.Len(t, spans, 1, "no span of its own")
				said := shown(spans[0].Attributes())
				for a := range strings.FieldsSeq(tt.want) {
					if strings.HasPrefix(a, "http.") {
						assert.NotContains(t, said, a, "the middleware tells it")
					} else {
						assert.Contains(t, said, a)
					}
				}
				assert.Equal(t, strings.Contains(tt.want, "event.type"), strings.Contains(said, "wxpay.notification.id="), "the number is that of a genuine one")
				assert.Contains(t, said, "wxpay.request_id=")
				assert.NotContains(t, said+tt.want, "canary")
				assert.Equal(t, "Unset", spans[0].Status().Code.String(), "the middleware judges")
			})
		})
	}
}

// forgetful does not record; busy has always begun.
type (
	forgetful struct{}
	busy      struct{}
)

func (forgetful) Begin(context.Context, string) (bool, error) { return false, nil }
func (forgetful) End(context.Context, string, bool) error     { return errors.New("no database") }
func (busy) Begin(context.Context, string) (bool, error)      { return false, notify.ErrInProgress }
func (busy) End(context.Context, string, bool) error          { return nil }

func TestRepeatedAndOddNotifications(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		server, client := stage(t, r)
		h := notify.New(client, notify.Config{Observe: r.Notification})
		on(h, func(context.Context) error { time.Sleep(time.Second); return nil })
		_, err := server.Notify(t.Context(), h, signing, map[string]any{"contract_information": map[string]any{"contract_id": 7}})
		require.NoError(t, err)
		_, err = server.Notify(t.Context(), h, signing, nil, wxpaytest.Again)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"wxpay.notification.duration [s] {http.response.status_code=204 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=false} 1",
			"wxpay.notification.duration [s] {http.response.status_code=204 wxpay.event.type=ENTRUST.SIGNING wxpay.notification.repeated=true} 1",
			"wxpay.notification.odd_members [{member}] {wxpay.event.type=ENTRUST.SIGNING} 1",
		}, r.metrics(t))
		assert.Empty(t, r.traced(), "nobody made a span of the request")
	})
}

// Whoever finds the address cannot make series: without a signature there are a handful.
func TestStrangers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, client := stage(t, r)
	h := notify.New(client, notify.Config{Observe: r.Notification})
	for i := range 300 {
		method := []string{http.MethodPost, http.MethodGet, fmt.Sprint("X", i)}[i%3]
		req := httptest.NewRequest(method, fmt.Sprint("/notify/", i), strings.NewReader(fmt.Sprintf(`{"id":"%d","event_type":"CANARY%d"}`, i, i)))
		req.Header.Set("Request-Id", fmt.Sprint("canary ", i))
		req.Header.Set("Wechatpay-Serial", fmt.Sprint("canary", i))
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	assert.Equal(t, []string{
		"wxpay.notification.duration [s] {error.type=405 http.response.status_code=405 wxpay.notification.repeated=false} 200",
		"wxpay.notification.duration [s] {error.type=unverified http.response.status_code=401 wxpay.notification.repeated=false} 100",
	}, r.metrics(t))
	for i := range 1000 { // the platform, gone mad
		r.Notification(t.Context(), notify.Delivery{EventType: fmt.Sprint("EVENT.", i), Status: 204})
	}
	assert.Len(t, r.metrics(t), 2+200+1)
}

// A client without an APIv3Key is told of when the handler is made, and by each request.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server, client := stage(t, r, func(c *wxpay.Config) { c.APIv3Key = "" })
	h := notify.New(client, notify.Config{Observe: r.Notification})
	assert.Empty(t, r.metrics(t))
	_, err := server.Notify(t.Context(), h, signing, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"wxpay.notification.duration [s] {error.type=not_set_up http.response.status_code=500 wxpay.notification.repeated=false} 1"}, r.metrics(t))
}
