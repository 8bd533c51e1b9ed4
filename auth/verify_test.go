package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/wxpay-go/wxpay/auth"
)

const (
	sentAt = 1722850421
	nonce  = "d824f2e086d3c1df967785d13fcd22ef"
	text   = `{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`
)

// message is a body with its headers as they arrive.
type message struct {
	auth.Signature
	body   string
	now    time.Time
	scheme auth.Scheme
	posted bool // as a notification
}

func (m message) verify(ctx context.Context, ring *auth.Keyring) error {
	return m.verifier()(ctx, ring, m.scheme, m.Signature, []byte(m.body), m.now)
}

func (m message) verifier() func(context.Context, wechat.Verifier, auth.Scheme, auth.Signature, []byte, time.Time) error {
	if m.posted {
		return auth.VerifyNotification
	}
	return auth.VerifyAnswer
}

// headers are those of its signature, by name.
func (m message) headers() map[string]string {
	return map[string]string{
		"Wechatpay-Serial": m.Serial, "Wechatpay-Timestamp": m.Timestamp, "Wechatpay-Nonce": m.Nonce,
		"Wechatpay-Signature": m.Signature.Signature, "Wechatpay-Signature-Type": m.Type,
	}
}

// genuine is a message the platform signed.
func genuine(body string) message {
	return message{
		auth.Signature{
			Serial: publicID, Timestamp: strconv.Itoa(sentAt), Nonce: nonce, Type: scheme,
			Signature: sign(platformKey(), strconv.Itoa(sentAt)+"\n"+nonce+"\n"+body+"\n"),
		},
		body, time.Unix(sentAt, 0), auth.Merchant, false,
	}
}

// The answer that https://pay.weixin.qq.com/docs/merchant/development/interface-rules/build-verify-sign-src.html
// prints, with the public key printed beside it.
func TestPublishedAnswer(t *testing.T) {
	t.Parallel()
	const id = "PUB_KEY_ID_0000000000000024101100397200000006"
	ring := newKeyring(t, auth.PlatformKey{Serial: id, Public: published("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwXNI6sdlknHBnK8Fu2U6Cwor9qY747jP8KAfeBMeveEt1TqaHkLfaSD07trZLhGpfs8/AHqjhgSMO1O10YQW" +
		"OrrJ4hjIWPKqxbgrYMkBQc+mwdiWp4W3ByCqxBRagCveCXRWCmuJYovl9H/bsDI0iGbpVtEOghJtfciisYSgxcLufUDTRkvwxjIBK1pCRjk33jJ5YTBWTHMRtMAOcFLN" +
		"F6hdEYdX8SPsgHHeLZ5Lv2T/686w1xtgCHef/sd4uSfWmyzsalQdHG/e4IyYmrhx+O3VBoNDzE3nx23bFeV/RVNCG7cV6VhmYokJNHa/erIPkEmEFID6A5wQOXuxUkmJWwIDAQAB")})
	m := message{auth.Signature{
		Serial: id, Timestamp: "1722850421", Nonce: "d824f2e086d3c1df967785d13fcd22ef", Type: "WECHATPAY2-SHA256-RSA2048",
		Signature: "mfI1CPqvBrgcXfgXMFjdNIhBf27ACE2YyeWsWV9ZI7T7RU0vHvbQpu9Z32ogzc+k8ZC5n3kz7h70eWKjgqNdKQF0eRp8mVKlmfzMLBVHbssB9jEZEDXThOX1XFqX7s7ymia1hoHQxQagPGzkdWxtlZPZ4ZPvr1RiqkgAu6Is8MZgXXrRoBKqjmSdrP1N7uxzJ/cjfSiis9FiLjuADoqmQ1P7p2N876YPAol7Rn0+GswwAwxldbdLrmVSjfytfSBJFqTMHn4itojgxSWWN1byuckQt8hSTEv/Lg97QoeGniYP17T80pJeQyL3b+295FPHSO2AtvCgyIbKMZ0BALilAA==",
	}, `{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}`, time.Unix(1722850421, 0), auth.Merchant, false}
	assert.NoError(t, m.verify(t.Context(), ring))
	m.body += " "
	assert.ErrorIs(t, m.verify(t.Context(), ring), auth.ErrForged)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	refused := auth.ErrUnverified // for a reason without a name of its own
	at := func(d time.Duration) func(*message) { return func(m *message) { m.now = m.now.Add(d) } }
	timestamp := func(s string) func(*message) { // signed as it stands, so that its form alone decides
		return func(m *message) {
			m.Timestamp, m.Signature.Signature = s, sign(platformKey(), s+"\n"+m.Nonce+"\n"+m.body+"\n")
		}
	}
	probed := func(m *message) { m.Signature.Signature = "WECHATPAY/SIGNTEST/" + m.Signature.Signature }
	tests := map[string]struct {
		change func(*message)
		want   any // nil, an error, or the skew of a StaleError
	}{
		"as it came":          {func(*message) {}, nil},
		"type left out":       {func(m *message) { m.Type = "" }, nil}, // a proxy passed the four classic headers
		"brand":               {func(m *message) { m.scheme, m.Type = auth.Brand, "WECHATPAY-BRAND-SHA256-RSA2048" }, nil},
		"brand, without type": {func(m *message) { m.scheme, m.Type = auth.Brand, "" }, nil},
		"brand, of merchants": {func(m *message) { m.scheme, m.Type = auth.Brand, "WECHATPAY2-SHA256-RSA2048" }, nil},
		"long body": {func(m *message) {
			m.body = strings.Repeat("long ", 1000)
			m.Signature.Signature = sign(platformKey(), m.Timestamp+"\n"+m.Nonce+"\n"+m.body+"\n")
		}, nil},
		"299 s old":            {at(299 * time.Second), nil},
		"299 s early":          {at(-299 * time.Second), nil},
		"300 s less 1 ns":      {at(300*time.Second - 1), nil},
		"300 s less 1 ns, too": {at(1 - 300*time.Second), nil},

		"300 s old":        {at(300 * time.Second), 300 * time.Second},
		"300 s early":      {at(-300 * time.Second), -300 * time.Second},
		"clock at year 1":  {func(m *message) { m.now = time.Time{} }, time.Duration(math.MinInt64)},
		"a day old":        {at(24 * time.Hour), 24 * time.Hour},
		"end of int64":     {timestamp("9223372036854775807"), refused},
		"zero":             {timestamp("0"), sentAt * time.Second},
		"no serial":        {func(m *message) { m.Serial = "" }, auth.ErrUnsigned},
		"no timestamp":     {timestamp(""), auth.ErrUnsigned},
		"no nonce":         {func(m *message) { m.Nonce = "" }, auth.ErrUnsigned},
		"no signature":     {func(m *message) { m.Signature.Signature = "" }, auth.ErrUnsigned},
		"no header at all": {func(m *message) { m.Signature = auth.Signature{} }, auth.ErrUnsigned},

		"other type":               {func(m *message) { m.Type = "WECHATPAY2-SM2-WITH-SM3" }, refused},
		"type of brands":           {func(m *message) { m.Type = "WECHATPAY-BRAND-SHA256-RSA2048" }, refused},
		"other type to a brand":    {func(m *message) { m.scheme, m.Type = auth.Brand, "WECHATPAY2-SM2-WITH-SM3" }, refused},
		"brand type in lower case": {func(m *message) { m.scheme, m.Type = auth.Brand, "wechatpay-brand-sha256-rsa2048" }, refused},
		"type in lower case":       {func(m *message) { m.Type = strings.ToLower(scheme) }, refused},
		"type with a space":        {func(m *message) { m.Type += " " }, refused},

		"plus":             {timestamp("+1722850421"), refused},
		"+5":               {timestamp("+5"), refused},
		"space before":     {timestamp(" 1722850421"), refused},
		"space before a 5": {timestamp(" 5"), refused},
		"space behind":     {timestamp("1722850421 "), refused},
		"line break":       {timestamp("1722850421\n"), refused},
		"leading zero":     {timestamp("01722850421"), refused},
		"two zeros":        {timestamp("00"), refused},
		"05":               {timestamp("05"), refused},
		"negative":         {timestamp("-1722850421"), refused},
		"minus zero":       {timestamp("-0"), refused},
		"underscores":      {timestamp("1_722_850_421"), refused},
		"fraction":         {timestamp("1722850421.0"), refused},
		"exponent":         {timestamp("1e9"), refused},
		"hexadecimal":      {timestamp("0x66b0a1b5"), refused},
		"beyond int64":     {timestamp("9223372036854775808"), refused},
		"huge":             {timestamp(strings.Repeat("9", 10_000)), refused},
		"other digits":     {timestamp("１７２２８５０４２１"), refused},
		"a word":           {timestamp("now"), refused},

		"unknown serial":     {func(m *message) { m.Serial = "PUB_KEY_ID_1" }, auth.ErrUnknownSerial},
		"serial with space":  {func(m *message) { m.Serial += " " }, auth.ErrUnknownSerial},
		"serial of another":  {func(m *message) { m.Serial = "B2" }, auth.ErrForged},
		"other nonce":        {func(m *message) { m.Nonce = strings.ToUpper(m.Nonce) }, auth.ErrForged},
		"other second":       {func(m *message) { m.Timestamp = "1722850422" }, auth.ErrForged},
		"other body":         {func(m *message) { m.body = strings.Replace(m.body, "1", "2", 1) }, auth.ErrForged},
		"empty body":         {func(m *message) { m.body = "" }, auth.ErrForged},
		"body and a byte":    {func(m *message) { m.body += "\n" }, auth.ErrForged},
		"signed by another":  {func(m *message) { m.Signature.Signature = sign(strangerKey(), "1722850421\n"+nonce+"\n"+text+"\n") }, auth.ErrForged},
		"signature cut":      {func(m *message) { m.Signature.Signature = m.Signature.Signature[:340] }, auth.ErrForged},
		"signature of zeros": {func(m *message) { m.Signature.Signature = strings.Repeat("A", 342) + "==" }, auth.ErrForged},

		"line break in base64": {func(m *message) {
			m.Signature.Signature = m.Signature.Signature[:76] + "\n" + m.Signature.Signature[76:]
		}, refused},
		"CRLF behind base64": {func(m *message) { m.Signature.Signature += "\r\n" }, refused},
		"not base64":         {func(m *message) { m.Signature.Signature = "!" + m.Signature.Signature[1:] }, refused},
		"base64 for URLs":    {func(m *message) { m.Signature.Signature = "-_" + m.Signature.Signature[2:] }, refused},
		"padding left out":   {func(m *message) { m.Signature.Signature = strings.TrimRight(m.Signature.Signature, "=") }, refused},
		"two signatures":     {func(m *message) { m.Signature.Signature += "," + m.Signature.Signature }, refused},

		"probe":                     {func(m *message) { m.Signature.Signature = "WECHATPAY/SIGNTEST/" + m.Signature.Signature }, auth.ErrSignatureProbe},
		"bare probe":                {func(m *message) { m.Signature.Signature = "WECHATPAY/SIGNTEST/" }, auth.ErrSignatureProbe},
		"probe without type":        {func(m *message) { probed(m); m.Type = "" }, auth.ErrSignatureProbe},
		"probe without the rest":    {func(m *message) { m.Signature = auth.Signature{Signature: "WECHATPAY/SIGNTEST/x"} }, auth.ErrUnsigned},
		"probe without serial":      {func(m *message) { probed(m); m.Serial = "" }, auth.ErrUnsigned},
		"probe without time":        {func(m *message) { probed(m); m.Timestamp = "" }, auth.ErrUnsigned},
		"probe without nonce":       {func(m *message) { probed(m); m.Nonce = "" }, auth.ErrUnsigned},
		"probe of another type":     {func(m *message) { probed(m); m.Type = "WECHATPAY2-SM2-WITH-SM3" }, refused},
		"probe of a stranger":       {func(m *message) { probed(m); m.Serial = "PUB_KEY_ID_1" }, auth.ErrUnknownSerial},
		"probe of a word as time":   {func(m *message) { probed(m); m.Timestamp = "now" }, refused},
		"probe of yesterday":        {func(m *message) { probed(m); m.now = m.now.Add(24 * time.Hour) }, 24 * time.Hour},
		"probe from tomorrow":       {func(m *message) { probed(m); m.now = m.now.Add(-24 * time.Hour) }, -24 * time.Hour},
		"probe with two lines":      {func(m *message) { probed(m); m.Nonce += "\nx" }, refused},
		"probe in the middle":       {func(m *message) { m.Signature.Signature += "WECHATPAY/SIGNTEST/" }, refused},
		"probe spelled differently": {func(m *message) { m.Signature.Signature = "wechatpay/signtest/" + m.Signature.Signature }, refused},
	}
	ring := newKeyring(t, openKey(platformKey(), publicID), openKey(strangerKey(), "B2"))
	for name, tt := range tests {
		check := func(t *testing.T, posted bool) {
			t.Parallel()
			m := genuine(text)
			m.posted = posted
			tt.change(&m)
			err := m.verify(t.Context(), ring)
			switch want := tt.want.(type) {
			case nil:
				require.NoError(t, err)
				return
			case time.Duration:
				stale, ok := errors.AsType[*auth.StaleError](err)
				require.True(t, ok, err)
				assert.Equal(t, want, stale.Skew)
			case error:
				require.ErrorIs(t, err, want)
			}
			assert.ErrorIs(t, err, auth.ErrUnverified)
			assert.Equal(t, tt.want == error(auth.ErrSignatureProbe), errors.Is(err, auth.ErrSignatureProbe), "only a probe is harmless")
			for _, header := range []string{m.Timestamp, m.Nonce, m.Signature.Signature, m.body} {
				assert.False(t, len(header) > 20 && strings.Contains(err.Error(), header), "the error shows what came")
			}
			assert.NotContains(t, err.Error(), "\n")
		}
		t.Run(name, func(t *testing.T) { check(t, false) })
		t.Run(name+", posted", func(t *testing.T) { check(t, true) })
	}
}

// S1: of ten thousand messages with something changed none is believed.
func TestS1Mutations(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(platformKey(), publicID), openKey(strangerKey(), "B2"))
	original := genuine(text)
	require.NoError(t, original.verify(t.Context(), ring))
	r := rand.New(rand.NewPCG(1, 2))
	var accepted int
	why := map[error]int{}
	for i := range 10_000 {
		m := original
		m.posted = i/6%2 > 0
		fields := []*string{&m.Serial, &m.Timestamp, &m.Nonce, &m.Signature.Signature, &m.Type, &m.body}
		field := fields[i%len(fields)]
		was := *field
		for *field == was {
			*field = mutate(r, was)
		}
		err := m.verify(t.Context(), ring)
		if err == nil {
			accepted++
			t.Errorf("believed: %q became %q", was, *field)
		}
		for _, kind := range []error{auth.ErrForged, auth.ErrUnknownSerial, auth.ErrUnverified} {
			if errors.Is(err, kind) {
				why[kind]++
			}
		}
	}
	assert.Zero(t, accepted)
	assert.Equal(t, 10_000, why[auth.ErrUnverified])
	assert.Greater(t, why[auth.ErrForged], 4000, "most of them get as far as the signature itself")
	assert.Greater(t, why[auth.ErrUnknownSerial], 1500)
	assert.NoError(t, original.verify(t.Context(), ring))
}

// mutate flips one bit, or drops, doubles or swaps a byte.
func mutate(r *rand.Rand, s string) string {
	b := []byte(s)
	i := r.IntN(len(b))
	switch r.IntN(8) {
	case 0:
		return s[:i] + s[i+1:]
	case 1:
		return s[:i+1] + s[i:]
	case 2:
		j := r.IntN(len(b))
		b[i], b[j] = b[j], b[i]
	default:
		b[i] ^= 1 << r.IntN(8)
	}
	return string(b)
}

// S1: the text that is signed joins nonce and body by a line break. Nobody may move the border.
func TestS1BorderBetweenNonceAndBody(t *testing.T) {
	t.Parallel()
	ring := newKeyring(t, openKey(platformKey(), publicID))
	m := genuine("{\"a\":1,\n\"b\":2}")
	require.NoError(t, m.verify(t.Context(), ring))
	m.Nonce, m.body = nonce+"\n{\"a\":1,", `"b":2}`
	assert.ErrorIs(t, m.verify(t.Context(), ring), auth.ErrUnverified)
}

// S1: a ring without keys believes nothing, and neither does one that was never filled.
func TestS1NoKeysNoBelief(t *testing.T) {
	t.Parallel()
	for _, ring := range []*auth.Keyring{newKeyring(t), new(auth.Keyring)} {
		assert.ErrorIs(t, genuine(text).verify(t.Context(), ring), auth.ErrUnknownSerial)
	}
}

// verifier is one that a backend brings.
type verifier func(ctx context.Context, serial, message, signature string) error

func (v verifier) Verify(ctx context.Context, serial, message, signature string) error {
	return v(ctx, serial, message, signature)
}
func (verifier) GetSerial(context.Context) (string, error) { return publicID, nil }

func TestForeignVerifier(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "caller")
	down := errors.New("key server is down")
	for body, result := range map[string]error{text: nil, "": nil, "x\n": down, "y": auth.ErrUnknownSerial} {
		m := genuine(body)
		called := 0
		err := auth.VerifyAnswer(ctx, verifier(func(ctx context.Context, serial, message, signature string) error {
			called++
			assert.Equal(t, "caller", ctx.Value(key{}))
			assert.Equal(t, publicID, serial)
			assert.Equal(t, "1722850421\nd824f2e086d3c1df967785d13fcd22ef\n"+body+"\n", message)
			assert.Equal(t, m.Signature.Signature, signature)
			return result
		}), auth.Merchant, m.Signature, []byte(body), m.now)
		assert.Equal(t, 1, called)
		assert.ErrorIs(t, err, result)
		assert.Equal(t, result != nil, errors.Is(err, auth.ErrUnverified))
	}
}

// A probe is no genuine message even to a verifier that believes it; and while the caller gives up nothing is known.
func TestProbeAndForeignVerifier(t *testing.T) {
	t.Parallel()
	m := genuine(text)
	m.Signature.Signature = "WECHATPAY/SIGNTEST/" + m.Signature.Signature
	verify := func(ctx context.Context, result error) error {
		return auth.VerifyAnswer(ctx, verifier(func(context.Context, string, string, string) error { return result }), auth.Merchant, m.Signature, []byte(m.body), m.now)
	}
	assert.ErrorIs(t, verify(t.Context(), nil), auth.ErrSignatureProbe)
	assert.ErrorIs(t, verify(t.Context(), errors.New("illegal base64")), auth.ErrSignatureProbe)
	assert.NotErrorIs(t, verify(t.Context(), fmt.Errorf("%w: no certificates", auth.ErrUnknownSerial)), auth.ErrSignatureProbe)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := verify(ended, ended.Err())
	assert.NotErrorIs(t, err, auth.ErrSignatureProbe)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, auth.ErrUnverified)
}

// Headers are found in any case of their names; one that is there with two values is refused, since two readers
// would take two of them.
func TestSignatureFrom(t *testing.T) {
	t.Parallel()
	m, ring := genuine(text), newKeyring(t, openKey(platformKey(), publicID))
	verify := func(h map[string][]string) error {
		return auth.VerifyNotification(t.Context(), ring, auth.Merchant, auth.SignatureFrom(h), []byte(m.body), m.now)
	}
	spellings := []func(string) string{func(s string) string { return s }, strings.ToLower, strings.ToUpper, func(s string) string { return "w" + s[1:] }}
	for _, spell := range spellings {
		h := map[string][]string{"Content-Type": {"application/json"}}
		for name, value := range m.headers() {
			h[spell(name)] = []string{value}
		}
		assert.Equal(t, m.Signature, auth.SignatureFrom(h))
		for name, value := range m.headers() {
			h[spell(name)] = []string{value, value}
			assert.NoError(t, verify(h), name)
			h[spell(name)] = []string{value, "1"}
			err := verify(h)
			assert.EqualError(t, err, "not verified: a header of the signature has two values or a line break", name)
			assert.ErrorIs(t, err, auth.ErrUnverified)
			h[spell(name)] = []string{"1", value}
			assert.ErrorIs(t, verify(h), auth.ErrUnverified, name)
			h[spell(name)] = []string{value}
		}
	}
	assert.Equal(t, auth.Signature{}, auth.SignatureFrom(nil))
}

// What every answer passes through costs nothing where names are canonical.
func TestSignatureFromAllocatesNothing(t *testing.T) {
	m := genuine(text)
	h := map[string][]string{}
	for name, value := range m.headers() {
		h[name] = []string{value}
	}
	var got auth.Signature
	allocations := testing.AllocsPerRun(100, func() { got = auth.SignatureFrom(h) })
	assert.Zero(t, allocations)
	assert.Equal(t, m.Signature, got)
}

func TestStaleErrorTellsTheWay(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{
		301*time.Second + 4*time.Millisecond: "not verified: timestamp is 5m1s from this clock (more than 5m0s); check the clock",
		-time.Hour:                           "not verified: timestamp is -1h0m0s from this clock (more than 5m0s); check the clock",
	} {
		err := fmt.Errorf("wrapped: %w", &auth.StaleError{Skew: skew})
		assert.EqualError(t, errors.Unwrap(err), want)
		assert.ErrorIs(t, err, auth.ErrUnverified)
		assert.NotErrorIs(t, err, auth.ErrForged)
	}
}

// FuzzVerify: no headers and no body are believed that the platform did not sign, and none bring the
// parser down.
func FuzzVerify(f *testing.F) {
	seeds := []message{genuine(text), genuine(""), genuine("a\nb")}
	for _, m := range seeds {
		m.Signature.Signature = sign(strangerKey(), m.Timestamp+"\n"+m.Nonce+"\n"+m.body+"\n")
		f.Add(m.Serial, m.Timestamp, m.Nonce, m.Signature.Signature, m.Type, []byte(m.body), true)
		f.Add("", "+5", "\n", "WECHATPAY/SIGNTEST/x", "", []byte(nil), false)
	}
	ring := newKeyring(f, openKey(platformKey(), publicID))
	f.Fuzz(func(t *testing.T, serial, timestamp, nonce, signature, kind string, body []byte, posted bool) {
		now := time.Unix(sentAt, 0)
		if unix, err := strconv.ParseInt(timestamp, 10, 64); err == nil {
			now = time.Unix(unix, 0) // else few would get past the clock
		}
		m := message{auth.Signature{Serial: serial, Timestamp: timestamp, Nonce: nonce, Signature: signature, Type: kind}, string(body), now, auth.Merchant, posted}
		err := m.verify(t.Context(), ring)
		if !errors.Is(err, auth.ErrUnverified) {
			t.Fatalf("err is %v", err)
		}
		if strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Fatalf("error is not one line: %q", err)
		}
	})
}
