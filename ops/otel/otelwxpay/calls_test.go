package otelwxpay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/otel/internal/refusing"
	"github.com/wxpay-go/wxpay/ops/otel/otelwxpay"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const cardID = "pbLatjk4T4Hx-QFQGL4zGQy27_Qg"

// stage is a fake with a card, and a client of it that tells r.
func stage(t testing.TB, r *rig, change ...func(*wxpay.Config)) (*wxpaytest.Server, *wxpay.Client) {
	t.Helper()
	server, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	server.AddCard("SYSTEM_ALLOCATE", cardID)
	config := server.Config()
	config.Observe = r.Call
	for _, f := range change {
		f(&config)
	}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	return server, client
}

func once(c *wxpay.Config) { c.MaxAttempts = 1 }

const importRoute = "POST /v3/marketing/membercard-open/cards/{card_id}/users/import"

// importMember has a card and a person in it.
func importMember(ctx context.Context, client *wxpay.Client) error {
	return wxpay.Send(ctx, client, wxpay.Call{
		Route: importRoute, Vars: wxpay.Vars{"card_id": cardID}, Body: map[string]string{"openid": "oUpF8uMuAJOM2pxb1Q", "out_request_no": "import-1"}, Idempotent: true,
	})
}

const imported = "http.request.method=POST%s server.address=api.mch.weixin.qq.com server.port=443 url.template=/v3/marketing/membercard-open/cards/{card_id}/users/import"

// Every way in which a call goes wrong, with what the metric says of it, by hand from the conventions.
func TestErrorTypes(t *testing.T) {
	t.Parallel()
	const ok = "http.response.status_code=200"
	tests := map[string]string{ // attributes besides those of every attempt, in the order of their names
		"dial-refused": "error.type=connect", "dial-black-hole": "error.type=timeout", "dns": "error.type=dns",
		"reset-before-read": "error.type=lost", "reset-while-read": "error.type=lost", "keep-alive-closed": "error.type=lost", "reset-after-read": "error.type=lost",
		"reset-after-effect": "error.type=lost", "reset": "error.type=lost", "hang": "error.type=timeout", "hang-after-effect": "error.type=timeout",
		"429":                  "error.type=429 http.response.status_code=429 wxpay.error.code=FREQUENCY_LIMITED",
		"429-retry-after":      "error.type=429 http.response.status_code=429 wxpay.error.code=RATELIMIT_EXCEEDED",
		"500":                  "error.type=500 http.response.status_code=500 wxpay.error.code=SYSTEM_ERROR",
		"500-after-effect":     "error.type=500 http.response.status_code=500 wxpay.error.code=SYSTEM_ERROR",
		"503":                  "error.type=503 http.response.status_code=503 wxpay.error.code=SERVICE_UNAVAILABLE",
		"502-html":             "error.type=502 http.response.status_code=502",
		"NO_AUTH":              "error.type=403 http.response.status_code=403 wxpay.error.code=NO_AUTH",
		"refusal-unsigned":     "error.type=403 http.response.status_code=403 wxpay.error.code=NO_AUTH",
		"refusal-forged":       "error.type=unverified http.response.status_code=403",
		"202":                  "error.type=unexpected_answer http.response.status_code=202",
		"redirect":             "error.type=unexpected_answer http.response.status_code=307",
		"truncated-body":       "error.type=unexpected_answer " + ok,
		"truncated-gzip":       "error.type=unexpected_answer " + ok,
		"gzip-bomb":            "error.type=unexpected_answer " + ok,
		"huge-body":            "error.type=unexpected_answer " + ok,
		"endless-body":         "error.type=unexpected_answer " + ok,
		"skew":                 "error.type=unverified " + ok,
		"unsigned":             "error.type=unverified " + ok,
		"forged":               "error.type=unverified " + ok,
		"tampered":             "error.type=unverified " + ok,
		"stale":                "error.type=unverified " + ok,
		"unknown-serial":       "error.type=unverified " + ok,
		"wrong-signature-type": "error.type=unverified " + ok,
		"signtest":             "error.type=signature_probe " + ok,
		"slow":                 ok, "slow-body": ok, "keep-alive": ok, "wrong-content-type": ok,
		"204": "http.response.status_code=204",
	}
	for _, f := range wxpaytest.Faults {
		assert.Contains(t, tests, f.Name, "is judged by nobody")
	}
	for fault, want := range tests {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				server, client := stage(t, r, once)
				require.NoError(t, server.Inject(importRoute, fault, 1))
				err := importMember(t.Context(), client)
				var attrs []string
				for a := range strings.FieldsSeq(want + " " + fmt.Sprintf(imported, "")) {
					attrs = append(attrs, a)
				}
				slices.Sort(attrs)
				assert.Equal(t, []string{"http.client.request.duration [s] {" + strings.Join(attrs, " ") + "} 1"}, r.metrics(t))
				spans := r.spans.Ended()
				require.Len(t, spans, 1)
				if strings.Contains(want, "error.type") {
					assert.Error(t, err)
					assert.Equal(t, "Error", spans[0].Status().Code.String())
				} else {
					assert.Equal(t, "Unset", spans[0].Status().Code.String())
				}
				assert.Empty(t, spans[0].Status().Description)
				for _, a := range attrs {
					assert.Contains(t, shown(spans[0].Attributes()), a)
				}
			})
		})
	}
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		server, client := stage(t, r)
		require.NoError(t, server.Inject(importRoute, "reset-after-effect", 1))
		require.NoError(t, server.Inject(importRoute, "429", 1))
		require.NoError(t, importMember(t.Context(), client))
		assert.Equal(t, []string{
			"http.client.request.duration [s] {error.type=429 " + fmt.Sprintf(imported, " http.response.status_code=429") + " wxpay.error.code=FREQUENCY_LIMITED} 1",
			"http.client.request.duration [s] {error.type=lost " + fmt.Sprintf(imported, "") + "} 1",
			"http.client.request.duration [s] {" + fmt.Sprintf(imported, " http.response.status_code=200") + "} 1",
			"wxpay.call.repeats [{attempt}] {" + fmt.Sprintf(imported, "") + "} 2",
		}, r.metrics(t))
		lines := r.traced()
		require.Len(t, lines, 3)
		const name = `client "POST /v3/marketing/membercard-open/cards/{card_id}/users/import" `
		assert.Equal(t, name+"{error.type=lost "+fmt.Sprintf(imported, "")+" wxpay.sender=1900000109} Error", lines[0])
		second := attribute.NewSet(r.spans.Ended()[1].Attributes()...)
		id, ok := second.Value("wxpay.request_id")
		require.True(t, ok)
		assert.NotEmpty(t, id.AsString())
		assert.Equal(t, name+"{error.type=429 "+fmt.Sprintf(imported, " http.request.resend_count=1 http.response.status_code=429")+
			" wxpay.error.code=FREQUENCY_LIMITED wxpay.request_id="+id.AsString()+" wxpay.sender=1900000109} Error", lines[1])
		assert.Contains(t, lines[2], "http.request.resend_count=2 http.response.status_code=200")
		assert.NotContains(t, lines[2], "error.type")
	})
}

// The spans have the times of the attempts, and the span of the caller above them.
func TestSpans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		server, client := stage(t, r)
		require.NoError(t, server.Inject(importRoute, "slow=2s", 1))
		ctx, above := r.tracer.Tracer("backend").Start(t.Context(), "checkout")
		begin := time.Now()
		require.NoError(t, importMember(ctx, client))
		above.End()
		spans := r.spans.Ended()
		require.Len(t, spans, 2)
		s := spans[0]
		assert.Equal(t, above.SpanContext().SpanID(), s.Parent().SpanID())
		assert.Equal(t, above.SpanContext().TraceID(), s.SpanContext().TraceID())
		assert.Equal(t, begin, s.StartTime())
		assert.Equal(t, begin.Add(2*time.Second), s.EndTime())
		assert.Equal(t, "github.com/wxpay-go/wxpay/ops/otel/otelwxpay", s.InstrumentationScope().Name)
		assert.Equal(t, "https://opentelemetry.io/schemas/1.43.0", s.InstrumentationScope().SchemaURL)

		metrics := r.collect(t)
		require.Len(t, metrics, 1)
		point := metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0]
		assert.Equal(t, []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}, point.Bounds)
		assert.InDelta(t, 2, point.Sum, 1e-9)
		require.Len(t, point.Exemplars, 1)
		id := s.SpanContext().SpanID()
		assert.Equal(t, id[:], point.Exemplars[0].SpanID, "an exemplar leads to the attempt")
	})
}

// A sampler may keep what failed, since a span begins when its end is known.
func TestSamplerSeesTheError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		r := newRig(t, func(c *otelwxpay.Config) {
			c.TracerProvider = trace.NewTracerProvider(trace.WithSpanProcessor(spans), trace.WithSampler(onlyErrors{}))
		})
		server, client := stage(t, r)
		require.NoError(t, server.Inject(importRoute, "503", 1))
		require.NoError(t, importMember(t.Context(), client))
		assert.Len(t, spans.Ended(), 1)
	})
}

type onlyErrors struct{}

func (onlyErrors) Description() string { return "onlyErrors" }
func (onlyErrors) ShouldSample(p trace.SamplingParameters) trace.SamplingResult {
	if slices.ContainsFunc(p.Attributes, func(a attribute.KeyValue) bool { return a.Key == "error.type" }) {
		return trace.SamplingResult{Decision: trace.RecordAndSample}
	}
	return trace.SamplingResult{Decision: trace.Drop}
}

// A brand is told by its own door.
func TestBrandAndSenders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *otelwxpay.Config) { c.Senders = true })
		server, err := wxpaytest.NewServer(wxpaytest.Options{Brand: true})
		require.NoError(t, err)
		coupon, stock := server.AddProductCoupon("WECHATPAY")
		config := server.Config()
		config.Observe = r.Call
		client, err := wxpay.New(config)
		require.NoError(t, err)
		const where = "http.request.method=POST%s server.address=api.mch.weixin.qq.com server.port=443 url.template=/brand/marketing/product-coupon/users/{openid}/coupons wxpay.sender=" + wxpaytest.BrandID
		require.NoError(t, server.Inject("", "dns", 1))
		_, err = productcoupon.New(client).SendCoupon(t.Context(), productcoupon.SendCouponParams{
			OpenID: "oh-394z-6CGkNoJrsDLTTUKiAnp4", BrandID: wxpaytest.BrandID, ProductCouponID: coupon, StockID: stock, AppID: "wx233544546545989", SendRequestNo: "coupon-1",
		})
		require.NoError(t, err)
		assert.Equal(t, []string{
			"http.client.request.duration [s] {error.type=dns " + fmt.Sprintf(where, "") + "} 1",
			"http.client.request.duration [s] {" + strings.Replace(fmt.Sprintf(where, " http.response.status_code=200"), "api.mch", "api2.mch", 1) + "} 1",
			"wxpay.call.repeats [{attempt}] {" + strings.Replace(fmt.Sprintf(where, ""), "api.mch", "api2.mch", 1) + "} 1",
		}, r.metrics(t))
	})
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"https://api.mch.weixin.qq.com": "server.address=api.mch.weixin.qq.com server.port=443",
		"https://proxy.example:8443/wx": "server.address=proxy.example server.port=8443",
		"http://127.0.0.1":              "server.address=127.0.0.1 server.port=80",
		"http://[::1]:8089":             "server.address=::1 server.port=8089",
		"":                              "",
	} {
		r := newRig(t)
		r.Call(t.Context(), wxpay.Exchange{Route: "PURGE /v3/x", Attempt: 1, Host: host})
		want = strings.Join(strings.Fields("http.request.method=_OTHER "+want+" url.template=/v3/x"), " ")
		assert.Equal(t, []string{"http.client.request.duration [s] {" + want + "} 1"}, r.metrics(t))
		assert.Equal(t, []string{`client "HTTP /v3/x" {` + want + "} Unset"}, r.traced())
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		server, err := wxpaytest.NewServer(wxpaytest.Options{})
		require.NoError(t, err)
		client, err := pushpackage.New(pushpackage.Config{
			AccessID: wxpaytest.TPNSAccessID, SecretKey: wxpaytest.TPNSSecretKey, HTTPClient: &http.Client{Transport: server}, Observe: r.Push,
		})
		require.NoError(t, err)
		const route = "POST /v3/push/package/upload"
		require.NoError(t, server.Inject(route, "tpns-1008028", 1))
		upload := func() error {
			_, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("accounts.txt", []byte("user-1001\nuser-1002\n"))})
			return err
		}
		require.NoError(t, upload())
		require.NoError(t, server.Inject(route, "reset-after-read", 1))
		require.NoError(t, upload())
		const where = "http.request.method=POST%s server.address=api.tpns.tencent.com server.port=443 url.template=/v3/push/package/upload"
		assert.Equal(t, []string{
			"http.client.request.duration [s] {error.type=lost " + fmt.Sprintf(where, "") + "} 1",
			"http.client.request.duration [s] {error.type=refused " + fmt.Sprintf(where, " http.response.status_code=200") + " wxpay.error.code=1008028} 1",
			"http.client.request.duration [s] {" + fmt.Sprintf(where, " http.response.status_code=200") + "} 2",
			"wxpay.call.repeats [{attempt}] {" + fmt.Sprintf(where, "") + "} 2",
		}, r.metrics(t))
		assert.Equal(t, `client "POST /v3/push/package/upload" {error.type=refused `+fmt.Sprintf(where, " http.response.status_code=200")+" wxpay.error.code=1008028} Error", r.traced()[0])
	})
}

// What never left the caller, or was given up.
func TestCallsThatNeverLeave(t *testing.T) {
	t.Parallel()
	fails := errors.New("the key is locked")
	r := newRig(t)
	_, client := stage(t, r, func(c *wxpay.Config) {
		c.Signer = signer{fails}
		c.SerialNo, c.PrivateKey = "", nil
	})
	require.ErrorIs(t, importMember(t.Context(), client), fails)
	assert.Equal(t, []string{"http.client.request.duration [s] {error.type=not_sent " + fmt.Sprintf(imported, "") + "} 1"}, r.metrics(t))

	r = newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, client = stage(t, r, func(c *wxpay.Config) {
		c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { cancel(); <-ctx.Done(); return nil, ctx.Err() })}
	})
	require.ErrorIs(t, importMember(ctx, client), context.Canceled)
	assert.Equal(t, []string{"http.client.request.duration [s] {error.type=canceled " + fmt.Sprintf(imported, "") + "} 1"}, r.metrics(t))

	r = newRig(t) // refused before it was tried
	var ex wxpay.Exchange
	_, client = stage(t, r)
	require.Error(t, wxpay.Send(wxpay.WithExchange(t.Context(), &ex), client, wxpay.Call{Route: importRoute}))
	require.Error(t, ex.Err)
	r.Call(t.Context(), ex)
	assert.Empty(t, r.metrics(t))
	assert.Empty(t, r.traced())
}

type signer struct{ err error }

func (s signer) Sign(context.Context, string) (*wechatSignature, error) { return nil, s.err }
func (signer) Algorithm() string                                        { return "RSA" }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A host whose certificate nobody vouches for.
func TestUntrustedHost(t *testing.T) {
	t.Parallel()
	host := httptest.NewTLSServer(http.NotFoundHandler())
	host.Config.ErrorLog = silent
	t.Cleanup(host.Close)
	r := newRig(t)
	_, client := stage(t, r, once, func(c *wxpay.Config) {
		c.HTTPClient, c.BaseURL = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, host.URL
	})
	require.Error(t, importMember(t.Context(), client))
	require.Len(t, r.metrics(t), 1)
	assert.Contains(t, r.metrics(t)[0], "{error.type=tls ")
}

// The refusal of another call, such as the download of a key while an answer is verified, is no code of this one.
func TestCodeOfAnotherCall(t *testing.T) {
	t.Parallel()
	const route = "GET /v3/x"
	for name, tt := range map[string]struct {
		err  *wxpay.Error
		want string
	}{
		"own":            {&wxpay.Error{Route: route, StatusCode: 403, Code: "NO_AUTH"}, "NO_AUTH"},
		"of another":     {&wxpay.Error{Route: "GET /v3/certificates", StatusCode: 403, Code: "NO_AUTH"}, ""},
		"of another one": {&wxpay.Error{Route: route, StatusCode: 429, Code: "NO_AUTH"}, ""},
		"none":           {&wxpay.Error{Route: route, StatusCode: 403}, ""},
	} {
		r := newRig(t)
		r.Call(t.Context(), wxpay.Exchange{Route: route, Attempt: 1, Status: 403, Err: fmt.Errorf("wrapped: %w", tt.err)})
		line := r.metrics(t)[0]
		if tt.want == "" {
			assert.NotContains(t, line, "wxpay.error.code", name)
		} else {
			assert.Contains(t, line, "wxpay.error.code="+tt.want, name)
		}
	}
}

func TestOddMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server, client := stage(t, r)
	const route = "GET /v3/edu-papay/contracts/id/{contract_id}"
	require.NoError(t, server.Reply(route, http.StatusOK, `{"at":"yesterday","until":7}`))
	_, err := wxpay.Do[struct {
		At    wxpay.Time `json:"at,omitzero"`
		Until wxpay.Time `json:"until,omitzero"`
	}](t.Context(), client, wxpay.Call{Route: route, Vars: wxpay.Vars{"contract_id": "canary"}})
	require.NoError(t, err)
	assert.Contains(t, r.metrics(t), "wxpay.call.odd_members [{member}] {http.request.method=GET server.address=api.mch.weixin.qq.com server.port=443 url.template=/v3/edu-papay/contracts/id/{contract_id}} 2")
	assert.Contains(t, r.traced()[0], ` wxpay.odd_members=["at","until"] `)
}

// What a stranger sends cannot make series without end, nor what an exporter cannot carry.
func TestBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tell := func(code, id string) {
		r.Call(t.Context(), wxpay.Exchange{
			Route: "GET /v3/x", Attempt: 1, Status: 400, RequestID: id, Odd: []string{"a\xff"},
			Err: &wxpay.Error{Route: "GET /v3/x", StatusCode: 400, Code: wxpay.Code(code)},
		})
	}
	for i := range 1000 {
		tell(fmt.Sprint("CODE_", i), "08F3A6")
	}
	tell("CODE_7", "no word")
	for _, bad := range []string{"电话 13800138000", "with blank", "\xff", strings.Repeat("X", 65), "new\nline"} {
		tell(bad, strings.Repeat(bad, 30))
	}
	lines := r.metrics(t)
	assert.Len(t, lines, 202, "200 codes, the rest, and the counter of odd members")
	assert.Contains(t, lines, "http.client.request.duration [s] {error.type=400 http.request.method=GET http.response.status_code=400 url.template=/v3/x wxpay.error.code=_OTHER} 805")
	assert.Contains(t, lines, "http.client.request.duration [s] {error.type=400 http.request.method=GET http.response.status_code=400 url.template=/v3/x wxpay.error.code=CODE_7} 2")
	for i, line := range r.traced() {
		if i >= 1000 {
			assert.Contains(t, line, "wxpay.request_id=_OTHER")
		} else {
			assert.Contains(t, line, "wxpay.request_id=08F3A6")
		}
		assert.Contains(t, line, `wxpay.odd_members=["a`+"\uFFFD"+`"]`)
	}
	assert.Less(t, len(wxpaytest.Refusals()), 200)
}

// Nothing of a person, of a key or of what was said leaves by telemetry, on whatever way a call ends.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	secrets := []string{"13800138000", "oUpF8uMuAJOM2pxb1Q", "canary", "张三", wxpaytest.APIv3Key, wxpaytest.SerialNo, wxpaytest.TPNSSecretKey, "Wechatpay", "out_request_no", "appid", "wx8888888888888888"}
	for _, f := range slices.Concat(wxpaytest.Faults, wxpaytest.Refusals()) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(c *otelwxpay.Config) { c.Senders = true })
				server, client := stage(t, r)
				server.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 3)
				_, err := server.InjectFault(wxpaytest.Injection{Name: f.Name, Times: -1})
				require.NoError(t, err)
				_ = importMember(t.Context(), client)
				_, _ = membercard.New(client).ImportUserByPhone(t.Context(), membercard.ImportUserByPhoneParams{CardID: cardID, PhoneNumber: "13800138000", OutRequestNo: "canary1"})
				_, _ = edupapay.New(client).ListUserContracts(t.Context(), edupapay.ListUserContractsParams{OpenID: "oUpF8uMuAJOM2pxb1Q", AppID: "wx8888888888888888", PlanID: "101164396123311331"})
				_ = wxpay.Send(t.Context(), client, wxpay.Call{Route: "GET /v3/edu-papay/contracts/id/{contract_id}", Vars: wxpay.Vars{"contract_id": "canary"}, Query: url.Values{"appid": {"canary"}}})
				said := strings.Join(append(r.metrics(t), r.traced()...), "\n")
				require.Contains(t, said, "http.client.request.duration")
				for _, s := range r.spans.Ended() {
					assert.Empty(t, s.Events(), "an event would show the text of an error")
					assert.Empty(t, s.Links())
				}
				for _, secret := range secrets {
					assert.NotContains(t, said, secret)
				}
			})
		})
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				r.Call(t.Context(), wxpay.Exchange{Route: "GET /v3/x", Attempt: 1 + i%2, Status: 400, Odd: []string{"a"}, Err: &wxpay.Error{Route: "GET /v3/x", StatusCode: 400, Code: wxpay.Code(fmt.Sprint("CODE_", i))}})
				r.Push(t.Context(), pushpackage.Exchange{Route: "POST /v3/y", Attempt: 1, Status: 200})
				r.collect(t)
			}
		})
	}
	all.Wait()
	lines := r.metrics(t)
	assert.Len(t, lines, 8+1+1+1)
	assert.Contains(t, lines, "wxpay.call.repeats [{attempt}] {http.request.method=GET url.template=/v3/x} 200")
}

func TestNothingToTell(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Call(t.Context(), wxpay.Exchange{})
	r.Push(t.Context(), pushpackage.Exchange{})
	assert.Empty(t, r.metrics(t))
	r.Call(t.Context(), wxpay.Exchange{Attempt: 1})
	assert.Equal(t, []string{"http.client.request.duration [s] {http.request.method=_OTHER url.template=} 1"}, r.metrics(t))
	assert.Equal(t, []string{`client "HTTP" {http.request.method=_OTHER url.template=} Unset`}, r.traced())
}

func TestNobodyListens(t *testing.T) { // not beside others, which allocate
	telemetry, err := otelwxpay.New(otelwxpay.Config{MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider()})
	require.NoError(t, err)
	ex := wxpay.Exchange{Route: "GET /v3/x", Attempt: 2, Host: wxpay.MainURL, Status: 400, Odd: []string{"a"}}
	assert.Zero(t, testing.AllocsPerRun(10, func() { telemetry.Call(context.Background(), ex) }))
}

// A provider that refuses an instrument is told of at once.
func TestRefusedInstruments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"http.client.request.duration", "wxpay.call.repeats", "wxpay.call.odd_members", "wxpay.notification.duration", "wxpay.notification.odd_members"} {
		_, err := otelwxpay.New(otelwxpay.Config{MeterProvider: refusing.Provider{Name: name}})
		assert.ErrorContains(t, err, name)
	}
}

// Providers that a program sets after New are heard.
func TestGlobalProviders(t *testing.T) {
	telemetry, err := otelwxpay.New(otelwxpay.Config{})
	require.NoError(t, err)
	reader, spans := metric.NewManualReader(), tracetest.NewSpanRecorder()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	t.Cleanup(func() {
		otel.SetMeterProvider(metricnoop.NewMeterProvider())
		otel.SetTracerProvider(tracenoop.NewTracerProvider())
	})
	r := &rig{Telemetry: telemetry, reader: reader, spans: spans}
	_, client := stage(t, r)
	require.NoError(t, importMember(t.Context(), client))
	assert.Len(t, r.metrics(t), 1)
	assert.Len(t, r.traced(), 1)
}

func BenchmarkCall(b *testing.B) {
	ex := wxpay.Exchange{Sender: "1900000109", Route: importRoute, Attempt: 1, Host: wxpay.MainURL, Status: 200, RequestID: "08F3A6", Duration: time.Second}
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	for name, c := range map[string]otelwxpay.Config{
		"metrics":           {MeterProvider: provider, TracerProvider: tracenoop.NewTracerProvider()},
		"metrics and spans": {MeterProvider: provider, TracerProvider: trace.NewTracerProvider()},
		"global, unset":     {},
		"nothing":           {MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider()},
	} {
		telemetry, err := otelwxpay.New(c)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				telemetry.Call(b.Context(), ex)
			}
		})
	}
}
