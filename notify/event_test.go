package notify_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/notify"
)

func TestParse(t *testing.T) {
	t.Parallel()
	e, err := notify.Parse(publicKeyClient(offline(t)), signed(message{plain: `{"a":1}`}.String()))
	require.NoError(t, err)
	assert.Equal(t, &notify.Event{
		ID: "EV-2018022511223320873", CreateTime: wxpay.TimeOf(time.Date(2015, 5, 20, 5, 29, 35, 0, time.UTC)), EventType: "ENTRUST.SIGNING",
		ResourceType: "encrypt-resource", Summary: "签约结果通知", OriginalType: "contract", Plaintext: []byte(`{"a":1}`),
	}, e)
	var v struct{ A int }
	require.NoError(t, e.Decode(&v))
	assert.Equal(t, 1, v.A)
}

// EP-5: the time comes in two forms, and in none it stops a notification.
func TestCreateTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		`"2018-02-25T11:22:33+08:00"`: time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`"2018-02-25T03:22:33Z"`:      time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`"20180225112233"`:            time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`20180225112233`:              time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`"yesterday"`:                 {},
		`""`:                          {},
		`null`:                        {},
		`{}`:                          {},
		`"2018-02-25 11:22:33"`:       time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`1519528953`:                  time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
		`"1519528953000"`:             time.Date(2018, 2, 25, 3, 22, 33, 0, time.UTC),
	} {
		e, err := notify.Parse(publicKeyClient(offline(t)), signed(message{createTime: text}.String()))
		require.NoError(t, err, text)
		assert.True(t, e.CreateTime.Equal(want), "%s: %s", text, e.CreateTime)
	}
}

// associated_data may be empty or absent.
func TestNoAssociatedData(t *testing.T) {
	t.Parallel()
	for _, member := range []string{`"associated_data":"",`, ``} {
		body := fmt.Sprintf(`{"id":"EV-1","event_type":"ENTRUST.SIGNING","resource":{"algorithm":"AEAD_AES_256_GCM",%s"nonce":%q,"ciphertext":%q}}`,
			member, aesNonce, seal(apiV3Key, aesNonce, "", `{"a":1}`))
		e, err := notify.Parse(publicKeyClient(offline(t)), signed(body))
		require.NoError(t, err)
		assert.Equal(t, `{"a":1}`, string(e.Plaintext))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	body := message{}.String()
	with := func(name, value string) *http.Request {
		r := signed(body)
		r.Header.Set(name, value)
		return r
	}
	twice := func(name, value string) *http.Request {
		r := signed(body)
		r.Header.Add(name, value)
		return r
	}
	probe := func(name, value string) *http.Request {
		r := with(name, value)
		r.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+r.Header.Get("Wechatpay-Signature"))
		return r
	}
	aged := func(age time.Duration) *http.Request {
		return request(sign(platformKey(), keyID, time.Now().Add(-age), body), body)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := io.WriteString(z, body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	compressed := signed(zipped.String())
	compressed.Header.Set("Content-Encoding", "gzip")

	large := `{"pad":"` + strings.Repeat("x", 256<<10) + `"}`
	largeUnannounced := signed(large)
	largeUnannounced.ContentLength = -1

	consumed := signed(body)
	_, err = io.ReadAll(consumed.Body)
	require.NoError(t, err)
	halfConsumed := signed(body)
	_, err = io.ReadFull(halfConsumed.Body, make([]byte, 10))
	require.NoError(t, err)
	consumedUnannounced := signed(body)
	consumedUnannounced.Body, consumedUnannounced.ContentLength = http.NoBody, -1
	nothing := signed(body)
	nothing.Body = nil
	closed := signed(body)
	closed.Body = io.NopCloser(iotest.ErrReader(http.ErrBodyReadAfterClose))
	brokenOff := signed(body)
	brokenOff.Body = io.NopCloser(io.MultiReader(strings.NewReader(body[:10]), iotest.ErrReader(io.ErrUnexpectedEOF)))
	empty := request(sign(platformKey(), keyID, time.Now(), body), "")
	emptyUnsigned := httptest.NewRequest("POST", "/", nil)
	get := signed(body)
	get.Method = "GET"
	put := signed(body)
	put.Method = "PUT"
	localhost := request(sign(strangerKey(), keyID, time.Now(), body), body)
	localhost.Host, localhost.RemoteAddr = "localhost", "127.0.0.1:1234"

	const consumedWords = "body already consumed by a middleware"
	for name, test := range map[string]struct {
		request *http.Request
		status  int
		reason  string
		is      error
	}{
		"probe":              {with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+signed(body).Header.Get("Wechatpay-Signature")), 401, "not genuine", wxpay.ErrSignatureProbe},
		"forged":             {request(sign(strangerKey(), keyID, time.Now(), body), body), 401, "not genuine", auth.ErrForged},
		"forged, localhost":  {localhost, 401, "not genuine", auth.ErrForged},
		"other body":         {request(sign(platformKey(), keyID, time.Now(), "{}"), body), 401, "not genuine", auth.ErrForged},
		"forged, no JSON":    {request(sign(strangerKey(), keyID, time.Now(), "{"), "{"), 401, "not genuine", auth.ErrForged},
		"unknown serial":     {with("Wechatpay-Serial", "PUB_KEY_ID_9"), 401, "not genuine", auth.ErrUnknownSerial},
		"no serial":          {with("Wechatpay-Serial", ""), 401, "not genuine", auth.ErrUnsigned},
		"no signature":       {with("Wechatpay-Signature", ""), 401, "not genuine", auth.ErrUnsigned},
		"no timestamp":       {with("Wechatpay-Timestamp", ""), 401, "not genuine", auth.ErrUnsigned},
		"no nonce":           {with("Wechatpay-Nonce", ""), 401, "not genuine", auth.ErrUnsigned},
		"serial twice":       {twice("Wechatpay-Serial", "B2"), 401, "not genuine", wxpay.ErrUnverified},
		"timestamp twice":    {twice("Wechatpay-Timestamp", "1"), 401, "not genuine", wxpay.ErrUnverified},
		"nonce twice":        {twice("Wechatpay-Nonce", "n"), 401, "not genuine", wxpay.ErrUnverified},
		"signature twice":    {twice("Wechatpay-Signature", "AAAA"), 401, "not genuine", wxpay.ErrUnverified},
		"type twice":         {twice("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), 401, "not genuine", wxpay.ErrUnverified},
		"probe, no serial":   {probe("Wechatpay-Serial", ""), 401, "not genuine", auth.ErrUnsigned},
		"probe, no time":     {probe("Wechatpay-Timestamp", ""), 401, "not genuine", auth.ErrUnsigned},
		"probe, old":         {probe("Wechatpay-Timestamp", "1722850421"), 401, "not genuine", wxpay.ErrUnverified},
		"probe, stranger":    {probe("Wechatpay-Serial", "PUB_KEY_ID_9"), 401, "not genuine", auth.ErrUnknownSerial},
		"type SM2":           {with("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"), 401, "not genuine", wxpay.ErrUnverified},
		"type of brands":     {with("Wechatpay-Signature-Type", "WECHATPAY-BRAND-SHA256-RSA2048"), 401, "not genuine", wxpay.ErrUnverified},
		"not base64":         {with("Wechatpay-Signature", "!"), 401, "not genuine", wxpay.ErrUnverified},
		"timestamp in words": {with("Wechatpay-Timestamp", "now"), 401, "not genuine", wxpay.ErrUnverified},
		"stale":              {aged(10 * time.Minute), 401, "not genuine", wxpay.ErrUnverified},
		"from the future":    {aged(-10 * time.Minute), 401, "not genuine", wxpay.ErrUnverified},
		"empty":              {empty, 401, "not genuine", auth.ErrForged},
		"empty and unsigned": {emptyUnsigned, 401, "not genuine", auth.ErrUnsigned},

		"algorithm":          {signed(message{algorithm: "AEAD_AES_128_GCM"}.String()), 401, "resource does not open", nil},
		"no algorithm":       {signed(strings.Replace(body, "AEAD_AES_256_GCM", "", 1)), 401, "resource does not open", nil},
		"nonce too short":    {signed(message{nonce: "61f9c719728"}.String()), 401, "resource does not open", nil},
		"nonce too long":     {signed(message{nonce: "61f9c719728ab"}.String()), 401, "resource does not open", nil},
		"other APIv3 key":    {signed(message{key: strings.Repeat("k", 32)}.String()), 401, "resource does not open", nil},
		"other associated":   {signed(strings.Replace(body, "debit-event", "debit-evenT", 1)), 401, "resource does not open", nil},
		"ciphertext no text": {signed(strings.Replace(body, `"ciphertext":"`, `"ciphertext":"?`, 1)), 401, "resource does not open", nil},
		"no resource":        {signed(`{"id":"EV-1","event_type":"ENTRUST.SIGNING"}`), 401, "resource does not open", nil},

		"not JSON":         {signed("id=EV-1"), 400, "genuine, but not a notification", nil},
		"JSON cut short":   {signed(body[:len(body)-1]), 400, "genuine, but not a notification", nil},
		"JSON of an array": {signed("[]"), 400, "genuine, but not a notification", nil},
		"no id":            {signed(strings.Replace(body, `"id"`, `"ID2"`, 1)), 400, "genuine, but not a notification", nil},
		"id is a list":     {signed(strings.Replace(body, `"id":`, `"id":[],"ID2":`, 1)), 400, "genuine, but not a notification", nil},
		"event is a list":  {signed(strings.Replace(body, `"event_type":`, `"event_type":{},"type":`, 1)), 400, "genuine, but not a notification", nil},
		"nonce is a list":  {signed(strings.Replace(body, `"nonce":`, `"nonce":[],"nonc":`, 1)), 400, "genuine, but not a notification", nil},
		"resource is text": {signed(`{"id":"EV-1","event_type":"ENTRUST.SIGNING","resource":"x"}`), 401, "resource does not open", nil},
		"JSON of null":     {signed("null"), 400, "genuine, but not a notification", nil},
		"no event type":    {signed(strings.Replace(body, `"event_type"`, `"type"`, 1)), 400, "genuine, but not a notification", nil},

		"GET":                            {get, 405, "only POST", nil},
		"PUT":                            {put, 405, "only POST", nil},
		"too large":                      {signed(large), 413, "body is too large", nil},
		"too large, unannounced":         {largeUnannounced, 413, "body is too large", nil},
		"gzip":                           {compressed, 415, "body is compressed", nil},
		"consumed":                       {consumed, 500, consumedWords, nil},
		"consumed in part":               {halfConsumed, 500, consumedWords, nil},
		"consumed, length not announced": {consumedUnannounced, 500, consumedWords, nil},
		"no body at all":                 {nothing, 500, consumedWords, nil},
		"closed":                         {closed, 500, consumedWords, nil},
		"broken off":                     {brokenOff, 400, "body broke off", io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen notify.Delivery
			h := notify.New(publicKeyClient(offline(t)), notify.Config{
				Fallback: func(context.Context, *notify.Event) error {
					t.Error("function ran")
					return nil
				},
				Observe: func(_ context.Context, d notify.Delivery) { seen = d },
			})
			w := serve(h, test.request)
			assert.Equal(t, test.status, w.Code)
			assert.Equal(t, test.reason, failure(t, w))
			refused, ok := errors.AsType[*notify.RefusedError](seen.Err)
			require.True(t, ok, "%v", seen.Err)
			assert.Equal(t, test.status, refused.Status)
			assert.Equal(t, test.reason, refused.Reason)
			if test.is != nil {
				require.ErrorIs(t, seen.Err, test.is)
			}
			assert.Equal(t, name == "probe", errors.Is(seen.Err, wxpay.ErrSignatureProbe))
			assert.Equal(t, test.status == 405, w.Header().Get("Allow") == "POST")
			assert.NotContains(t, seen.Err.Error(), "\n")
			assert.NotContains(t, seen.Err.Error(), canary)
			assert.NotContains(t, seen.Err.Error(), apiV3Key)
			assert.Equal(t, test.status == 401 && refused.Reason == "resource does not open", seen.ID != "", "the number is told only of what was verified")
		})
	}
}

// A timestamp is believed for less than five minutes, either way.
func TestAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, body := publicKeyClient(offline(t)), message{}.String()
		for seconds, genuine := range map[int]bool{0: true, 299: true, -299: true, 300: false, -300: false, 301: false, -301: false} {
			age := time.Duration(seconds) * time.Second
			_, err := notify.Parse(client, request(sign(platformKey(), keyID, time.Now().Add(-age), body), body))
			if genuine {
				assert.NoError(t, err, age)
				continue
			}
			stale, ok := errors.AsType[*auth.StaleError](err)
			if assert.True(t, ok, "%s: %v", age, err) {
				assert.Equal(t, age, stale.Skew)
			}
		}
	})
}

// At the bound and with a body said to be as it is, all is well.
func TestLargestBody(t *testing.T) {
	t.Parallel()
	body := message{}.String()
	body += strings.Repeat(" ", 256<<10-len(body))
	r := signed(body)
	r.Header.Set("Content-Encoding", "identity")
	_, err := notify.Parse(publicKeyClient(offline(t)), r)
	require.NoError(t, err)
}

// During the migration either key signs; with certificates an unknown serial leads to one download.
func TestUnknownSerials(t *testing.T) {
	t.Parallel()
	mock := certificates()
	client := certificateClient(mock)
	body := message{}.String()
	header := sign(strangerKey(), "", time.Now(), body)
	for i := range 100 {
		header.Set("Wechatpay-Serial", fmt.Sprintf("%040X", i))
		_, err := notify.Parse(client, request(header, body))
		require.ErrorIs(t, err, auth.ErrUnknownSerial)
	}
	assert.Equal(t, 1, mock.GetTotalCallCount())

	_, serial := certificate()
	both := newClient(wxpay.Config{PublicKeyID: keyID, PublicKey: &platformKey().PublicKey, Migrating: true}, certificates())
	for _, s := range []string{keyID, serial} {
		_, err := notify.Parse(both, request(sign(platformKey(), s, time.Now(), body), body))
		require.NoError(t, err)
	}
}

// Certificates that cannot be loaded are no reason to believe, and no reason to wait for longer than the
// platform does.
func TestCertificatesUnreachable(t *testing.T) {
	t.Parallel()
	down := errors.New("network is down")
	var seen notify.Delivery
	h := notify.New(certificateClient(roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, down
	})), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
	_, serial := certificate()
	body := message{}.String()
	w := serve(h, request(sign(platformKey(), serial, time.Now(), body), body))
	assert.Equal(t, 401, w.Code)
	assert.ErrorIs(t, seen.Err, down)
	assert.ErrorIs(t, seen.Err, auth.ErrUnknownSerial)

	synctest.Test(t, func(t *testing.T) {
		h := notify.New(certificateClient(roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, down
		})), notify.Config{Observe: func(_ context.Context, d notify.Delivery) { seen = d }})
		start := time.Now()
		w := serve(h, request(sign(platformKey(), serial, time.Now(), body), body))
		assert.Equal(t, 401, w.Code)
		assert.Equal(t, 4*time.Second, time.Since(start))
		assert.ErrorIs(t, seen.Err, context.DeadlineExceeded)
		time.Sleep(time.Minute) // the download ends by itself
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// S1: of 10,000 changes to a signed notification none is accepted.
func TestMutations(t *testing.T) {
	t.Parallel()
	body := message{}.String()
	original := sign(platformKey(), keyID, time.Now(), body)
	ran := false
	h := notify.New(publicKeyClient(offline(t)), notify.Config{Fallback: func(context.Context, *notify.Event) error { ran = true; return nil }})
	signedHeaders := []string{"Wechatpay-Serial", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Signature-Type"}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 10_000 {
		header, text := original.Clone(), body
		if r.IntN(3) == 0 {
			text = changed(r, body)
		} else {
			name := signedHeaders[r.IntN(len(signedHeaders))]
			header.Set(name, changed(r, original.Get(name)))
			if name == "Wechatpay-Signature-Type" && header.Get(name) == "" {
				header.Set(name, "x") // it may be missing
			}
		}
		w := serve(h, request(header, text))
		if w.Code == 204 || ran {
			t.Fatalf("mutation %d was accepted: %q %q", n, header, text)
		}
	}
	assert.Equal(t, 204, serve(h, request(original, body)).Code, "the original")
	assert.True(t, ran)
}

// changed is s after a mutation that did change it.
func changed(r *rand.Rand, s string) string {
	for {
		if c := mutate(r, s); c != s {
			return c
		}
	}
}

// mutate changes a text in one of the ways in which texts get changed.
func mutate(r *rand.Rand, s string) string {
	if s == "" {
		return "A"
	}
	i, j := r.IntN(len(s)), r.IntN(len(s))
	i, j = min(i, j), max(i, j)
	switch r.IntN(12) {
	case 0: // flip a bit
		return s[:i] + string([]byte{s[i] ^ 1<<r.IntN(8)}) + s[i+1:]
	case 1: // drop a byte
		return s[:i] + s[i+1:]
	case 2: // put one in
		return s[:i] + string([]byte{byte(r.IntN(256))}) + s[i:]
	case 3: // cut
		return s[:i]
	case 4: // swap
		b := []byte(s)
		b[i], b[j] = b[j], b[i]
		return string(b)
	case 5: // repeat a part
		return s[:j] + s[i:j] + s[j:]
	case 6: // drop a part
		return s[:i] + s[j:]
	case 7:
		return ""
	case 8:
		return [...]string{strings.ToLower(s), strings.ToUpper(s)}[r.IntN(2)]
	case 9: // white space
		const space = " \t\r\n"
		c := space[r.IntN(4):][:1]
		return [...]string{c + s, s + c, s[:i] + c + s[i:]}[r.IntN(3)]
	case 10: // another spelling of a number or of base64
		return [...]string{"+" + s, "0" + s, s + "=", strings.NewReplacer("+", "-", "/", "_").Replace(s), strings.TrimRight(s, "=")}[r.IntN(5)]
	default: // another text of the kind
		return [...]string{"WECHATPAY/SIGNTEST/" + s, base64.StdEncoding.EncodeToString([]byte(s)), strings.Repeat(s, 2), "null", "localhost"}[r.IntN(5)]
	}
}

func TestEventShowsNoPlaintext(t *testing.T) {
	t.Parallel()
	e, err := notify.Parse(publicKeyClient(offline(t)), signed(message{}.String()))
	require.NoError(t, err)
	require.Contains(t, string(e.Plaintext), canary)
	secret := []string{canary, base64.StdEncoding.EncodeToString(e.Plaintext)[:20], fmt.Sprint(e.Plaintext)[1:20], fmt.Sprintf("%x", e.Plaintext)[:20]}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+verb+verb+"\n", e, *e, struct{ E *notify.Event }{e})
	}
	text, err := json.Marshal(e)
	require.NoError(t, err)
	shown.Write(text)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("event", "e", e, "v", *e)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("event", "e", e, "v", *e)
	for _, s := range secret {
		assert.NotContains(t, shown.String(), s)
	}
	assert.Contains(t, shown.String(), "notify.Event{ID:EV-2018022511223320873 EventType:ENTRUST.SIGNING ***}")
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for want, err := range map[int]error{
		204: nil,
		500: errors.New(canary),
		409: fmt.Errorf("wrapped: %w", notify.ErrInProgress),
		401: fmt.Errorf("wrapped: %w", &notify.RefusedError{Status: 401, Reason: "not genuine", Err: errors.New(canary)}),
	} {
		w := httptest.NewRecorder()
		assert.Equal(t, want, notify.Answer(w, err))
		assert.Equal(t, want, w.Code)
		assert.NotContains(t, w.Body.String(), canary)
		if err != nil {
			failure(t, w)
		} else {
			assert.Empty(t, w.Body.String())
		}
	}
}

// believer is a platform key that believes everything, to look behind the signature.
type believer struct{}

func (believer) Verify(context.Context, string, string, string) error { return nil }
func (believer) GetSerial(context.Context) (string, error)            { return "S", nil }
func (believer) SelectCertificate(context.Context) (string, error)    { return "S", nil }
func (believer) Encrypt(context.Context, string, string) (ciphertext string, err error) {
	return "", nil
}

// FuzzParse holds Parse to this: nothing unsigned is an event, whatever it looks like; and what comes
// behind the signature neither panics nor lets through what does not open.
func FuzzParse(f *testing.F) {
	body := message{}.String()
	header := sign(platformKey(), keyID, time.Now(), body)
	f.Add([]byte(body), keyID, header.Get("Wechatpay-Timestamp"), header.Get("Wechatpay-Nonce"), header.Get("Wechatpay-Signature")+"A")
	f.Add([]byte(message{nonce: "61f9"}.String()), keyID, "1", "n", "WECHATPAY/SIGNTEST/AAAA")
	f.Add([]byte(`{"id":"1","event_type":"A","create_time":{},"resource":{"ciphertext":""}}`), "", "-1", "", "====")
	f.Add([]byte(strings.Repeat("[", 100)), "S", "9223372036854775808", "\n", "")
	strict := publicKeyClient(offline(f))
	open := newClient(wxpay.Config{Verifier: believer{}, Encryptor: believer{}}, offline(f))
	believed := header.Clone()
	f.Fuzz(func(t *testing.T, body []byte, serial, timestamp, nonce, signature string) {
		if signature == header.Get("Wechatpay-Signature") {
			return
		}
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header = http.Header{"Wechatpay-Serial": {serial}, "Wechatpay-Timestamp": {timestamp}, "Wechatpay-Nonce": {nonce},
			"Wechatpay-Signature": {signature}, "Wechatpay-Signature-Type": {"WECHATPAY2-SHA256-RSA2048"}}
		if e, err := notify.Parse(strict, r); err == nil || e != nil {
			t.Fatalf("accepted: %v", e)
		}
		believed.Set("Wechatpay-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
		r = request(believed, string(body))
		e, err := notify.Parse(open, r)
		if (e == nil) == (err == nil) {
			t.Fatalf("event %v and error %v", e, err)
		}
		if e == nil {
			if _, ok := errors.AsType[*notify.RefusedError](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		if e.ID == "" || e.EventType == "" || e.Plaintext == nil {
			t.Fatalf("event without what makes it one: %v", e)
		}
	})
}
