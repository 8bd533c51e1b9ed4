package wxpaytest_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// The journal explains a request to a person, and holds nothing by which somebody could act as its sender.
func TestJournalExplains(t *testing.T) {
	t.Parallel()
	merchant := newMerchant(t)
	synctest.Test(t, func(t *testing.T) {
		h := merchant.in(t)
		require.NoError(t, h.server.Inject("", "slow=3s", 1))
		req := h.request(t.Context(), "POST", "/v3/security/echo", []byte(`{"echo_message":"a"}`))
		authorization := req.Header.Get("Authorization")
		_, sig, _ := strings.Cut(authorization, `signature="`)
		sig, _, _ = strings.Cut(sig, `"`)
		req.Header["x-emulator-tag"] = []string{"checkout 7"}
		req.Header.Set("User-Agent", "mine/1")
		req.Header.Set("Cookie", "session=0123456789")
		req.Header.Set("X-Api-Key", "0123456789")
		resp, err := h.server.RoundTrip(req)
		require.NoError(t, err)
		r := h.last()
		assert.Equal(t, "checkout 7", r.Tag)
		assert.Equal(t, 3*time.Second, r.Took)
		assert.Equal(t, strings.Replace(authorization, sig, fmt.Sprintf("<%d characters>", len(sig)), 1), r.Header.Get("Authorization"))
		assert.Equal(t, []string{"mine/1", "<18 characters>", "<10 characters>"}, []string{r.Header.Get("User-Agent"), r.Header.Get("Cookie"), r.Header.Get("X-Api-Key")})
		assert.Equal(t, resp.Header.Get("Wechatpay-Signature"), r.AnswerHeader.Get("Wechatpay-Signature"))
		assert.NotEmpty(t, r.AnswerHeader.Get("Wechatpay-Signature"))
		assert.NotContains(t, fmt.Sprint(r), sig)
		assert.Nil(t, r.Sent)
		assert.Empty(t, r.SentURI)
	})
}

// What cannot be read as it should is hidden as well, and so are the credentials of TPNS.
func TestJournalHidesCredentials(t *testing.T) {
	t.Parallel()
	s, err := wxpaytest.NewServer(wxpaytest.Options{})
	require.NoError(t, err)
	const secret = "c2VjcmV0IG9mIHNvbWVib2R5"
	for name, h := range map[string]http.Header{
		"no quotes":       {"Authorization": {"WECHATPAY2-SHA256-RSA2048 mchid=1,signature=" + secret + ",serial_no=2"}},
		"no names":        {"Authorization": {"WECHATPAY2-SHA256-RSA2048 " + secret}},
		"another name":    {"Authorization": {`WECHATPAY2-SHA256-RSA2048 Signature="` + secret + `"`}},
		"with commas":     {"Authorization": {`WECHATPAY2-SHA256-RSA2048 signature="` + secret + `,` + secret + `"`}},
		"no scheme":       {"Authorization": {secret}},
		"basic":           {"Authorization": {"Basic " + secret}},
		"bearer":          {"Authorization": {"Bearer " + secret}},
		"two":             {"Authorization": {"Basic " + secret, "Bearer " + secret}},
		"another case":    {"authorization": {"Basic " + secret}},
		"TPNS":            {"Sign": {secret}, "Accessid": {wxpaytest.TPNSAccessID}},
		"of a proxy":      {"Proxy-Authorization": {"Basic " + secret}},
		"a signed text":   {"X-Emulator-Signed": {base64.StdEncoding.EncodeToString([]byte(secret))}},
		"as public value": {"Authorization": {`WECHATPAY2-SHA256-RSA2048 nonce_str="` + strings.Repeat(secret, 10) + `"`}},
	} {
		for _, uri := range []string{"/v3/push/app", "/v3/security/echo"} {
			req := httptest.NewRequestWithContext(t.Context(), "POST", uri, nil)
			req.Header = h
			s.ServeHTTP(httptest.NewRecorder(), req)
			all := s.Requests()
			got := fmt.Sprintf("%+v %+v", all[len(all)-1], all[len(all)-1].Signature)
			assert.NotContains(t, got, secret, name)
			assert.NotContains(t, got, base64.StdEncoding.EncodeToString([]byte(secret)), name)
			assert.Contains(t, got, "characters>", name)
		}
	}
}

// A phone number shows nowhere, however it is written.
func TestJournalMasksPhones(t *testing.T) {
	t.Parallel()
	var seen []wxpaytest.Request
	h := newMerchant(t, wxpaytest.Options{Observe: func(r wxpaytest.Request) { seen = append(seen, r) }})
	for _, phone := range []string{
		"13800138000", "+8613800138000", "8613800138000", "008613800138000", "+86 138 0013 8000", "86-138-0013-8000", "(+86)138.0013.8000",
		"138 0013 8000", "138\u00a00013\u00a08000", "1 3 8 0 0 1 3 8 0 0 0", "１３８００１３８０００", "tel13800138000x", "_13800138000_", "138\u200b00138000",
		`\u0031\u0033\u0038\u0030\u0030\u0031\u0033\u0038\u0030\u0030\u0030`, `\\u003138\\u00300138000`, "%31%33%38%30%30%31%33%38%30%30%30", "%2531%2533800138000", "138%200013%208000",
		"&#49;&#x33;800138000", "138+0013+8000", "%EF%BC%91380013800%EF%BC%90", "+852 5123 4567", "%2B85251234567", "0086-138-00138000",
	} {
		seen = nil
		body := []byte(`{"echo_message":"` + phone + `","more` + phone + `":"` + phone + `"}`)
		uri := "/v3/security/echo?phone=" + strings.ReplaceAll(url.PathEscape(phone), "%25", "%")
		switch {
		case strings.Contains(phone, "%"):
			uri = "/v3/security/echo?phone=" + phone
		case strings.Contains(phone, "&"):
			uri = "/v3/security/echo?more=1" // nobody writes HTML there
		}
		req := h.request(t.Context(), "POST", "/v3/security/echo", body)
		req.URL.Opaque = uri
		req.URL, _ = url.Parse("https://api.mch.weixin.qq.com/v3/security/echo")
		_, req.URL.RawQuery, _ = strings.Cut(uri, "?")
		req.Header.Set("Authorization", h.authorize("POST", req.URL.RequestURI(), body))
		req.Header.Set("X-Customer", phone)
		req.Header.Set("X-Emulator-Tag", phone)
		h.do(req)
		// And once more with a wrong signature, whose texts are shown.
		req = req.Clone(t.Context())
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		req.Header.Set("Authorization", h.authorize("POST", "/v3/security/echo", body))
		h.do(req)
		require.Len(t, seen, 2)
		for _, r := range seen {
			assert.Equal(t, body, r.Sent)
			assert.Equal(t, req.URL.RequestURI(), r.SentURI)
			for name, text := range map[string]string{
				"body": r.Body, "answer": r.Answer, "verdict": r.Verdict, "uri": r.URI, "tag": r.Tag, "headers": fmt.Sprint(r.Header), "advice": fmt.Sprint(r.Advice),
				"findings": fmt.Sprint(r.Findings), "signature": fmt.Sprintf("%+v", *r.Signature),
			} {
				assert.NotContains(t, digitsOf(text), "0013", "%s of %s: %s", name, phone, text)
				assert.NotContains(t, digitsOf(text), "5123", "%s of %s: %s", name, phone, text)
			}
			assert.Contains(t, r.Body, "****")
		}
	}
	// What is no phone number stays.
	for _, text := range []string{"2026-11-29 13:45:00.123", "1764400000", "17644000001234", "123456789012345678", "20261129138001380001", "PK13800", "1.5", "2026-01-13T15:10:12.123+08:00"} {
		h.ok("POST", "/v3/security/echo", m{"echo_message": text})
		assert.Contains(t, h.last().Body, text)
	}
}

// digitsOf is a text with its escapes undone, without anything between digits.
func digitsOf(text string) string {
	for range 2 {
		if plain, err := url.QueryUnescape(strings.NewReplacer("%u", "u", `\`, "", "%!", "").Replace(text)); err == nil {
			text = plain
		}
	}
	for d := range 10 {
		text = strings.NewReplacer(fmt.Sprintf("u003%d", d), fmt.Sprint(d), fmt.Sprintf("&#%d;", 48+d), fmt.Sprint(d), fmt.Sprintf("&#x3%d;", d), fmt.Sprint(d), string(rune('０'+d)), fmt.Sprint(d)).Replace(text)
	}
	return strings.NewReplacer(" ", "", "-", "", ".", "", "\u00a0", "", "\u200b", "", "+", "").Replace(text)
}

// What should have been encrypted and was not is masked, also in JSON that breaks off.
func TestJournalMasksWhatShouldBeSealed(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	for _, body := range []string{
		`{"echo_message":"a","encrypted_echo_message":"张三丰的秘密"}`, `{"echo_message":"a","encrypted_echo_message": 110101199003071234}`, `{"echo_message":"a","\u0065ncrypted_echo_message":"张三丰的秘密"}`,
		`{"encrypted_echo_message":"张三丰的秘密`, `{"encrypted_echo_message":["110101199003071234"`, `{"encrypted_echo_message":"say \"秘密\""}`,
	} {
		h.do(h.request(t.Context(), "POST", "/v3/security/echo", []byte(body)))
		r := h.last()
		for _, text := range []string{r.Body, r.Answer, r.Verdict, r.Signature.Expected, fmt.Sprint(r.Findings)} {
			assert.NotContains(t, text, "秘密", body)
			assert.NotContains(t, text, "19900307", body)
		}
		assert.Contains(t, r.Body, "**", body)
	}
	sealed := h.encrypt("110101199003071234")
	h.ok("POST", "/v3/security/echo", m{"echo_message": "a", "encrypted_echo_message": sealed})
	assert.Contains(t, h.last().Body, sealed, "a ciphertext tells nobody anything")
	assert.Equal(t, map[string]string{"encrypted_echo_message": "110****1234"}, h.last().Sensitive)
	h.ok("POST", "/v3/security/echo", m{"echo_message": "a", "encrypted_echo_message": h.encrypt("欧阳张三丰的一个秘密名字")})
	assert.Equal(t, map[string]string{"encrypted_echo_message": "欧阳张****秘密名字"}, h.last().Sensitive)
}

// Of a form the journal says what it holds, and its meta, and nothing of the file.
func TestJournalShowsForms(t *testing.T) {
	t.Parallel()
	h := newMerchant(t)
	status, _ := h.do(h.upload("8473295", "13800138000.csv", h.lines("6222021234567890")))
	require.Equal(t, 200, status)
	r := h.last()
	lines := strings.Split(r.Body, "\n")
	require.Len(t, lines, 3)
	assert.Regexp(t, `^part 1: "meta", application/json, \d+ bytes$`, lines[0])
	assert.Contains(t, lines[1], `"filename":"138****8000.csv"`)
	assert.Regexp(t, `^part 2: "file", file "138\*\*\*\*8000\.csv", \S+, 345 bytes$`, lines[2])

	req := h.request(t.Context(), "POST", tasks, []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n6222021234567890"))
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	h.do(req)
	assert.Equal(t, "part 1: \"file\", file \"a\", no Content-Type, 16 bytes\nthen the form breaks: part 1 has no end", h.last().Body)
	req = h.request(t.Context(), "POST", tasks, []byte("--b\r\n6222021234567890"))
	req.Header.Set("Content-Type", "multipart/form-data")
	h.do(req)
	assert.Equal(t, "then the form breaks: its Content-Type has no boundary", h.last().Body)
}

// How much is shown is an option; what is no text is not shown.
func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	large, small := newMerchant(t, wxpaytest.Options{Shown: 5000}), newMerchant(t)
	body := `{"echo_message":"` + strings.Repeat("x", 4000) + `"}`
	for h, want := range map[*merchant]int{large: len(body), small: 2048} {
		h.do(h.request(t.Context(), "POST", "/v3/security/echo", []byte(body)))
		assert.Equal(t, body[:want], h.last().Body)
		assert.Len(t, h.last().Answer, want)
	}
	h := small
	h.do(h.request(t.Context(), "POST", "/v3/security/echo", []byte("\x1f\x8b\x08\x00binary")))
	assert.Equal(t, "<10 bytes that are no text>", h.last().Body)
	req := h.request(t.Context(), "GET", tasks+"?a="+strings.Repeat("y", 100_000), nil)
	for n := range 200 {
		req.Header.Set(fmt.Sprint("X-", n), strings.Repeat("z", 1000))
	}
	req.Header.Set("X-Emulator-Tag", strings.Repeat("t", 1000))
	h.do(req)
	r := h.last()
	assert.Len(t, r.URI, 2048)
	assert.Len(t, r.Tag, 100)
	assert.Less(t, len(fmt.Sprintf("%+v %+v", r, r.Signature)), 25_000)
	for name, says := range map[string]string{"huge-body": "<a body without end>", "gzip-bomb": "that are no text>"} {
		require.NoError(t, h.server.Inject("", name, 1))
		_, err := h.server.RoundTrip(h.request(t.Context(), "GET", tasks, nil))
		require.NoError(t, err)
		assert.Contains(t, h.last().Answer, says)
	}
}
