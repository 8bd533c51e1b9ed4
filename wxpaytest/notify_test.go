package wxpaytest_test

import (
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// inbox is a merchant that takes notifications down as they come.
type inbox struct {
	status  int
	headers []http.Header
	bodies  [][]byte
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	i.headers, i.bodies = append(i.headers, r.Header), append(i.bodies, body)
	w.WriteHeader(i.status)
}

// envelope is the last notification.
func (i *inbox) envelope(t *testing.T) (header http.Header, body []byte, envelope, resource m) {
	require.NotEmpty(t, i.bodies)
	header, body = i.headers[len(i.headers)-1], i.bodies[len(i.bodies)-1]
	require.NoError(t, json.Unmarshal(body, &envelope))
	resource, _ = envelope["resource"].(m)
	require.NotNil(t, resource)
	return header, body, envelope, resource
}

func TestNotify(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	box := &inbox{status: 204}
	for event, want := range map[string][3]string{
		"MEMBERCARD.ACTIVATE_CARD": {"membercard", "card-event"},
		"ENTRUST.SIGNING":          {"contract", "contract-event"},
		"TRANSACTION.SUCCESS":      {"transaction", "debit-event"},
		"SECURITY_ECHO.SUCCESS":    {"security", "security"},
	} {
		resp, err := h.server.Notify(t.Context(), box, event, m{"openid": "用户"})
		require.NoError(t, err)
		assert.Equal(t, 204, resp.StatusCode)
		header, body, envelope, resource := box.envelope(t)
		require.NoError(t, verify(h.public, header, body))
		assert.Equal(t, h.serial, header.Get("Wechatpay-Serial"))
		assert.Equal(t, "WECHATPAY2-SHA256-RSA2048", header.Get("Wechatpay-Signature-Type"))
		assert.Equal(t, "application/json", header.Get("Content-Type"))
		assert.NotEmpty(t, header.Get("Request-Id"))
		assert.Equal(t, event, envelope["event_type"])
		assert.Equal(t, "encrypt-resource", envelope["resource_type"])
		assert.LessOrEqual(t, len(envelope["id"].(string)), 36)
		assert.LessOrEqual(t, len(envelope["summary"].(string)), 64)
		_, err = time.Parse(time.RFC3339, envelope["create_time"].(string))
		require.NoError(t, err)
		assert.Equal(t, "AEAD_AES_256_GCM", resource["algorithm"])
		assert.Equal(t, []any{want[0], want[1]}, []any{resource["original_type"], resource["associated_data"]})
		assert.Less(t, len(want[1]), 16)
		require.Len(t, resource["nonce"], 12)
		assert.JSONEq(t, `{"openid":"用户"}`, string(h.open(resource["nonce"].(string), want[1], resource["ciphertext"].(string))))
	}
}

// Every notification of the documents can be sent as they show it.
func TestEveryDocumentedNotification(t *testing.T) {
	t.Parallel()
	catalog, err := api.Load()
	require.NoError(t, err)
	h := newMerchant(t)
	n := 0
	for _, p := range catalog.Products {
		for _, doc := range p.Notifications {
			n++
			box := &inbox{status: 204}
			_, err := h.server.Notify(t.Context(), box, doc.Event, nil)
			require.NoError(t, err, doc.ID)
			header, body, envelope, resource := box.envelope(t)
			require.NoError(t, verify(h.public, header, body), doc.ID)
			for _, member := range doc.Envelope.Properties {
				assert.Equal(t, member.Required, member.Required && envelope[member.Name] != nil, "%s %s", doc.ID, member.Name)
			}
			associated, _ := resource["associated_data"].(string)
			assert.NotEmpty(t, resource["original_type"], doc.ID)
			plain, want := decode(t, h.open(resource["nonce"].(string), associated, resource["ciphertext"].(string))), decode(t, doc.Example)
			for name, v := range want {
				if member := doc.Plaintext.Property(name); member != nil && member.Schema.Sealed != "" {
					plain[name] = h.decrypt(plain[name].(string))
				}
				assert.Equal(t, v, plain[name], "%s %s", doc.ID, name)
			}
		}
	}
	assert.Greater(t, n, 7)
}

func TestNotifyVariants(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	send := func(t *testing.T, v ...wxpaytest.Variant) (http.Header, []byte, m, m) {
		box := &inbox{status: 200}
		_, err := h.server.Notify(t.Context(), box, "ENTRUST.SIGNING", m{"appid": "wx1"}, v...)
		require.NoError(t, err)
		return box.envelope(t)
	}
	header, body, envelope, _ := send(t)
	again, bodyAgain, _, _ := send(t, wxpaytest.Again)
	assert.Equal(t, string(body), string(bodyAgain))
	assert.NoError(t, verify(h.public, again, bodyAgain))
	assert.NotEqual(t, header.Get("Wechatpay-Nonce"), again.Get("Wechatpay-Nonce"))
	_, _, other, _ := send(t)
	assert.NotEqual(t, envelope["id"], other["id"])
	_, _, named, _ := send(t, wxpaytest.WithID("EV-1"))
	assert.Equal(t, "EV-1", named["id"])

	header, body, _, _ = send(t, wxpaytest.Forged)
	assert.ErrorIs(t, verify(h.public, header, body), rsa.ErrVerification)
	assert.Equal(t, h.serial, header.Get("Wechatpay-Serial"))
	header, body, _, _ = send(t, wxpaytest.Tampered)
	assert.ErrorIs(t, verify(h.public, header, body), rsa.ErrVerification)
	header, _, _, _ = send(t, wxpaytest.Unsigned)
	assert.Empty(t, header.Get("Wechatpay-Signature"))
	header, _, _, _ = send(t, wxpaytest.Probe)
	assert.True(t, strings.HasPrefix(header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/"))
	header, body, _, _ = send(t, wxpaytest.Stale)
	assert.NoError(t, verify(h.public, header, body))
	at, err := strconv.ParseInt(header.Get("Wechatpay-Timestamp"), 10, 64)
	require.NoError(t, err)
	assert.Greater(t, time.Since(time.Unix(at, 0)), 9*time.Minute)
	header, _, _, _ = send(t, wxpaytest.UnknownSerial)
	assert.Equal(t, strings.Repeat("7", 40), header.Get("Wechatpay-Serial"))
	header, _, _, _ = send(t, wxpaytest.WrongType)
	assert.Equal(t, "WECHATPAY-BRAND-SHA256-RSA2048", header.Get("Wechatpay-Signature-Type"))
	header, body, _, resource := send(t, wxpaytest.WrongAlgorithm)
	assert.NoError(t, verify(h.public, header, body))
	assert.Equal(t, "AEAD_SM4_GCM", resource["algorithm"])
	_, _, _, resource = send(t, wxpaytest.WrongNonce)
	assert.Len(t, resource["nonce"], 16)
	_, _, _, resource = send(t, wxpaytest.Undecryptable)
	assert.Equal(t, "contract-event", resource["associated_data"])

	_, err = h.server.Notify(t.Context(), &inbox{}, "ENTRUST.RELEASE", nil, wxpaytest.Again)
	assert.ErrorContains(t, err, "no notification")
	_, err = h.server.Notify(t.Context(), &inbox{}, "ENTRUST.RELEASE", func() {})
	assert.ErrorContains(t, err, "plaintext")
}

func TestNotifyTargets(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	box := &inbox{status: 500}
	socket := httptest.NewServer(box)
	defer socket.Close()
	resp, err := h.server.Notify(t.Context(), socket.URL+"/notify", "ENTRUST.SIGNING", m{})
	require.NoError(t, err)
	assert.Equal(t, 500, resp.StatusCode)
	header, body, _, _ := box.envelope(t)
	assert.NoError(t, verify(h.public, header, body))
	for target, says := range map[any]string{"https://merchant.example/": "loopback", "http://127.0.0.1:1/": "refused", 1: "not to int", "http://%": "parse"} {
		_, err = h.server.Notify(t.Context(), target, "ENTRUST.SIGNING", m{})
		assert.ErrorContains(t, err, says)
	}
}

// A handler that chooses by the path gets one: the one asked for, or that of the notify_url.
func TestNotifyTakesAPath(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	boxes := map[string]*inbox{}
	mux := http.NewServeMux()
	for _, pattern := range []string{"POST /notify", "POST /wechat/{product}", "POST pay.example/notify", "POST /名"} {
		boxes[pattern] = &inbox{status: 204}
		mux.Handle(pattern, boxes[pattern])
	}
	socket := httptest.NewServer(mux)
	defer socket.Close()
	for _, test := range []struct {
		target  any
		path    []wxpaytest.Variant
		pattern string
	}{
		{mux, nil, "POST /notify"},
		{mux, []wxpaytest.Variant{wxpaytest.WithPath("/wechat/contracts")}, "POST /wechat/{product}"},
		{mux, []wxpaytest.Variant{wxpaytest.Forged, wxpaytest.WithPath("/wechat/cards?a=b")}, "POST /wechat/{product}"},
		{mux, []wxpaytest.Variant{wxpaytest.WithPath("/%E5%90%8D")}, "POST /名"},
		{socket.URL, []wxpaytest.Variant{wxpaytest.WithPath("/wechat/contracts")}, "POST /wechat/{product}"},
		{socket.URL + "/notify", nil, "POST /notify"},
		{socket.URL + "/elsewhere", []wxpaytest.Variant{wxpaytest.WithPath("/notify")}, "POST /notify"},
	} {
		before := len(boxes[test.pattern].bodies)
		resp, err := h.server.Notify(t.Context(), test.target, "ENTRUST.SIGNING", m{}, test.path...)
		require.NoError(t, err)
		assert.Equal(t, 204, resp.StatusCode)
		assert.Len(t, boxes[test.pattern].bodies, before+1, test.pattern)
	}
	for _, path := range []string{"notify", "//elsewhere/notify", "https://elsewhere/notify", "/%"} {
		_, err := h.server.Notify(t.Context(), mux, "ENTRUST.SIGNING", m{}, wxpaytest.WithPath(path))
		assert.ErrorContains(t, err, "is not a path", path)
	}

	echo := func(address string) {
		h.ok("POST", "/v3/security/echo", m{"echo_message": "a", "notify_url": address})
	}
	echo("https://pay.example/notify")
	require.NoError(t, h.server.Deliver(t.Context(), mux))
	assert.Len(t, boxes["POST pay.example/notify"].bodies, 1)
	echo("https://merchant.example/wechat/echo")
	require.NoError(t, h.server.Deliver(t.Context(), mux))
	assert.Len(t, boxes["POST /wechat/{product}"].bodies, 4)
	echo("https://merchant.example/nowhere")
	assert.ErrorContains(t, h.server.Deliver(t.Context(), mux), "404")
	require.NoError(t, h.server.Deliver(t.Context(), mux, wxpaytest.WithPath("/notify")))
}

// The platform waits 5 seconds for an answer.
func TestNotifyWaitsFiveSeconds(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := h.server.Notify(t.Context(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "ENTRUST.SIGNING", m{})
		assert.Error(t, err)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

func TestNotifyingKeyMoves(t *testing.T) {
	t.Parallel()
	h := newMerchant(t, wxpaytest.Options{Mode: wxpaytest.Both})
	signedBy := func(v ...wxpaytest.Variant) string {
		box := &inbox{status: 200}
		_, err := h.server.Notify(t.Context(), box, "ENTRUST.SIGNING", m{}, v...)
		require.NoError(t, err)
		return box.headers[0].Get("Wechatpay-Serial")
	}
	for share, want := range map[int]int{0: 0, 5: 5, 50: 50, 100: 100} {
		h.server.SetPublicKeyShare(share)
		n := 0
		for range 100 {
			if signedBy() == wxpaytest.PublicKeyID {
				n++
			}
		}
		assert.Equal(t, want, n)
	}
	assert.NotEqual(t, wxpaytest.PublicKeyID, signedBy(wxpaytest.ByCertificate))
	h.server.SetPublicKeyShare(0)
	assert.Equal(t, wxpaytest.PublicKeyID, signedBy(wxpaytest.ByPublicKey))
	serial, err := h.server.RotateCertificate()
	require.NoError(t, err)
	assert.Equal(t, serial, signedBy())
}

func TestEchoAndItsNotification(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	answer := h.ok("POST", "/v3/security/echo", m{"echo_message": "a<b>", "encrypted_echo_message": h.encrypt("秘密"), "notify_url": "https://merchant.example/notify"})
	assert.Equal(t, "a<b>", answer["echo_message"])
	assert.Equal(t, "秘密", h.decrypt(answer["encrypted_echo_message"].(string)))
	pending := h.server.Pending()
	require.Len(t, pending, 1)
	assert.Equal(t, "SECURITY_ECHO.SUCCESS", pending[0].Type)
	assert.Equal(t, "https://merchant.example/notify", pending[0].URL)

	box := &inbox{status: 500}
	assert.ErrorContains(t, h.server.Deliver(t.Context(), box), "500")
	assert.Len(t, h.server.Pending(), 1, "what is not taken stays")
	box.status = 204
	require.NoError(t, h.server.Deliver(t.Context(), box))
	assert.Empty(t, h.server.Pending())
	_, _, _, resource := box.envelope(t)
	plain := m{}
	require.NoError(t, json.Unmarshal(h.open(resource["nonce"].(string), "security", resource["ciphertext"].(string)), &plain))
	assert.Equal(t, "a<b>", plain["echo_message"])

	sealed, err := h.server.EncryptForMerchant("13800000000")
	require.NoError(t, err)
	assert.Equal(t, "13800000000", h.decrypt(sealed))
}

// An event can be taken and sent by one's own schedule: every try has the same ID. The journal names the call that
// caused it.
func TestEventsTakenOneByOne(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	h.ok("POST", "/v3/security/echo", m{"echo_message": "1", "encrypted_echo_message": h.encrypt("1"), "notify_url": "https://merchant.example/notify"})
	later, err := do(t, h.server, "trigger", map[string]string{"event": "ENTRUST.SIGNING", "url": "http://127.0.0.1:1/n"})
	require.NoError(t, err)
	first, ok := h.server.TakeEvent()
	require.True(t, ok)
	assert.Equal(t, wxpaytest.MchID, first.Caller)
	all := h.server.Requests()
	assert.Equal(t, []string{first.ID}, all[len(all)-1].Events)
	box := &inbox{status: 500}
	for range 2 {
		_, err := h.server.Send(t.Context(), box, first, wxpaytest.WithPath("/n"))
		require.NoError(t, err)
		_, _, envelope, _ := box.envelope(t)
		assert.Equal(t, first.ID, envelope["id"])
	}
	second, ok := h.server.TakeEvent()
	require.True(t, ok)
	assert.Equal(t, []any{later, "ENTRUST.SIGNING", "http://127.0.0.1:1/n"}, []any{second.ID, second.Type, second.URL})
	assert.NotEqual(t, first.ID, second.ID)
	_, ok = h.server.TakeEvent()
	assert.False(t, ok)
}

// What an event says can be given, with what the documents encrypt in plain text.
func TestTrigger(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	_, err := do(t, h.server, "trigger", map[string]string{"event": "MEMBERCARD.ACCEPT_CARD", "plaintext": `{"card_id":"c","phone_number":"13800000000"}`})
	require.NoError(t, err)
	box := &inbox{status: 204}
	require.NoError(t, h.server.Deliver(t.Context(), box))
	_, _, _, resource := box.envelope(t)
	plain := m{}
	require.NoError(t, json.Unmarshal(h.open(resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string)), &plain))
	assert.Equal(t, "c", plain["card_id"])
	assert.Equal(t, "13800000000", h.decrypt(plain["phone_number"].(string)))
	for _, wrong := range []map[string]string{{}, {"event": "NO.SUCH"}, {"event": "ENTRUST.SIGNING", "plaintext": "["}, {"event": "ENTRUST.SIGNING", "plaintext": "[]"}} {
		_, err := do(t, h.server, "trigger", wrong)
		assert.Error(t, err, "%v", wrong)
	}
}

// Notifications leave for hosts that were named, and for no others.
func TestNotifyHosts(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{NotifyHosts: func(host string) bool { return host == "merchant.invalid" }})
	_, err := s.Notify(t.Context(), "http://merchant.invalid/n", "ENTRUST.SIGNING", nil)
	assert.ErrorContains(t, err, "merchant.invalid")
	assert.NotContains(t, err.Error(), "loopback")
	_, err = s.Notify(t.Context(), "http://other.invalid/n", "ENTRUST.SIGNING", nil)
	assert.ErrorContains(t, err, "loopback")
}
