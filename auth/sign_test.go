package auth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	wechat "github.com/wechatpay-apiv3/wechatpay-go/core/auth"

	"github.com/wxpay-go/wxpay/auth"
)

// tutorialKey is the public half of the key with which the platform's pages show signing step by step.
const tutorialKey = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAptpm+qvIDCh/9wjU26SQCK26ogYkBhDrYxnAaw2JbbBsp1oDbHKk+1r381NeBUG2HEFAuU+Fr72u5ot3yKdz" +
	"oF/FajAzQNKnm569/D3upKoi8mYBaST15Uig8j8qoUW1U217LL0jEHlSnHV3lcaDTXqDpTRR4Bfz9IqOgJgFZ8/oTfEomSrjrLYef81Eyxr7ZIMQXEKKEK7V4UXKS0+/" +
	"fDsiG/cXidhzt8UbTL9vqXqxM2+IDImyO+FAc/tkBG55LmzxPto1Nq0WbnZzRM/wTzrd0I/8NlevxtFbphg4evlHjFNI7+GrqR87ViEwuAJJ9Je5QQjct5YJfFRWiZ5CMQIDAQAB"

// The signatures are the ones the pages print: that they belong to the text made here shows that the
// text is the platform's, byte for byte.
func TestPublishedRequests(t *testing.T) {
	t.Parallel()
	const unix, nonce = 1554208460, "593BEC0C930BF1AFEB40B4A08C8FB242"
	tests := []struct {
		page              string
		method, uri, body string
		signature         string
	}{
		{
			"https://pay.weixin.qq.com/doc/v3/merchant/4012365334", "GET", "/v3/refund/domestic/refunds/123123123123", "",
			"Lc9VXxmeonkdV8Xk9tmigQFLhl0vRWTerdmoRu01aAnYwIrD/5nsSwE1WlmZGLRlAFTNQ3QsMa0+VRDlJp1Wp5p0nO8EK68b5sJBbjouxaFciIfq1zfDWWz+jqhcMoKXI1A6dPm1AW7D4d30WsMTNzp6g23OXakIsh9LO3lUmwvTuE0BY8ncf6tNGk4wKmvXwERd/ZpoQY3MAVKz+Nakwc+2XBmzT66KcUehU5kr4IvGa/lEU5RZb/q00zP9VLdBhC/jQSX3X1UcJLCtEc4gTmib4tnmAT+bHF/e17ZAuxDNcx6rqT8gNEXqaJGG+1OflMSTU2tpyG65G4dMKdFcoA==",
		},
		{
			"https://pay.weixin.qq.com/doc/v3/merchant/4012365336", "POST", "/v3/pay/transactions/jsapi",
			`{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店-深圳腾大-QQ公仔","out_trade_no":"1217752501201407033233368018","notify_url":"https://www.weixin.qq.com/wxpay/pay.php","amount":{"total":100,"currency":"CNY"},"payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}`,
			"jnks4dlrPw3ZX+ozVvSK39oa0t7OMBsg83BHAwd8BRdUFiVaQNTLTvci+wURgP1OQBbKYhFGvt7iqYpDSTQkp7Uq1sltaQKyncCyrA1g88m5bsKERQfPyT0ahSwKTYJ1CAn9QiJuSJRq1QsQs07eehbU/k9BCS51jTyc1Jpsi2H77HF9f/BnjXAOP3/sPObg6V5Ee4EzwLox684hhuMuIwHo7D8KFk3LIHOKDcNI4It1aCXydFWNpNK+SG86VUDe5kwoDpw4Ulqfu9z8OFDGbDs9TCxEv8iqQzbpxOlEVoOe2kalSYM5kApQb3nZcxdUtoE0liJGW3RGUNE0t4v01A==",
		},
		{
			"https://pay.weixin.qq.com/docs/merchant/development/generate-request-signature-verification/image-update-signature.html",
			"POST", "/v3/marketing/favor/media/image-upload", // an upload signs its meta alone
			`{ "filename": "wechatpay_logo.png", "sha256": "d2973a45b1d528c21ebb77792ef3fcea40fa9a4e04a17e35369102ba9c84c8b1"}`,
			"oykQTJijZbHL+0QjYjOcwvovGxlU9LMcfVheUUdvr94DIzN02MBwwAwnBMsDqGTnXe0fr7kxFbXz3cd53e7Fx2VU8S9Lt3u1dCMQV+b5Ut6wpReTMBcfSVVXl4AbmLHxvyi1KhVg+O3KGL2BT4dEbuR93voru/p/9CS7gyMSviZiupf1cuaipyTdZ/1Nn4ESeuPX8H7p2nwaxNLbS/rdLltvQGU1ecK0m4u5p4uXh1mdM1Kh8fymJHvkurOzVORoB3Y23g2RUFT0WwNBVxpp19bdAWsqIoouPjyY6tFGD9cnQIVmIbm9oRDrOWmQMHubWlmjYL5UfP39pq1T+/hNpw==",
		},
	}
	for _, tt := range tests {
		message := auth.RequestMessage(tt.method, tt.uri, unix, nonce, []byte(tt.body))
		assert.True(t, signed(published(tutorialKey), message, tt.signature), "%s: %q", tt.page, message)
		assert.False(t, signed(published(tutorialKey), message+"\n", tt.signature), tt.page)
	}
}

func TestRequestMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, uri string
		unix        int64
		nonce, body string
		want        string
	}{
		// the example of the page 签名生成
		{"GET", "/v3/certificates", 1554208460, "593BEC0C930BF1AFEB40B4A08C8FB242", "", "GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"},
		{"GET", "/v3/a?limit=5&x=%2B%7B", 1, "n", "", "GET\n/v3/a?limit=5&x=%2B%7B\n1\nn\n\n"},
		{"POST", "/v3/a", 1, "n", `{"k":"值"}`, "POST\n/v3/a\n1\nn\n{\"k\":\"值\"}\n"},
		{"POST", "/v3/a", 1, "n", "ends in a line break\n", "POST\n/v3/a\n1\nn\nends in a line break\n\n"},
		{"PATCH", "/", math.MaxInt64, "", "\x00\xff", "PATCH\n/\n9223372036854775807\n\n\x00\xff\n"},
		{"", "", -1, "", "", "\n\n-1\n\n\n"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, auth.RequestMessage(tt.method, tt.uri, tt.unix, tt.nonce, []byte(tt.body)))
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scheme   auth.Scheme
		id, head string
	}{
		{auth.Merchant, mchID, `WECHATPAY2-SHA256-RSA2048 mchid="1900007291"`},
		{auth.Brand, "120344", `WECHATPAY-BRAND-SHA256-RSA2048 brand_id="120344"`},
	}
	for _, tt := range tests {
		signer, err := auth.NewSigner(tt.scheme, tt.id, serialNo, merchantKey())
		require.NoError(t, err)
		assert.Equal(t, tt.scheme, signer.Scheme())
		seen := map[string]bool{}
		for _, body := range []string{"", "{}", strings.Repeat("long ", 1000)} {
			header, err := auth.Authorization(t.Context(), signer, tt.scheme, "POST", "/v3/a?b=c", 1554208460, []byte(body))
			require.NoError(t, err)
			m := regexp.MustCompile(`^` + tt.head + `,nonce_str="([A-Z2-7]{32})",timestamp="1554208460",serial_no="` + serialNo + `",signature="([A-Za-z0-9+/]{342}==)"$`).FindStringSubmatch(header)
			require.NotNil(t, m, header)
			assert.Equal(t, sign(merchantKey(), "POST\n/v3/a?b=c\n1554208460\n"+m[1]+"\n"+body+"\n"), m[2])
			seen[m[1]] = true
		}
		assert.Len(t, seen, 3, "every request has a nonce of its own")
	}
}

// S14: 160 random bits as 32 characters that need no escape anywhere.
func TestNonce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		n := auth.Nonce()
		if len(n) != 32 || strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" || seen[n] {
			t.Fatalf("nonce %q", n)
		}
		seen[n] = true
	}
}

func TestNewSigner(t *testing.T) {
	t.Parallel()
	const secret = "canary"
	tests := map[string]struct {
		mchID, serialNo string
		key             crypto.Signer
		says            string
	}{
		"no key":             {mchID, serialNo, nil, "no private key"},
		"nil *rsa key":       {mchID, serialNo, (*rsa.PrivateKey)(nil), "no private key"},
		"empty key":          {mchID, serialNo, new(rsa.PrivateKey), "empty"},
		"curve":              {mchID, serialNo, curveKey(), "ecdsa"},
		"1024 bits":          {mchID, serialNo, weakKey(), "1024 bits"},
		"no mchid":           {"", serialNo, merchantKey(), "mchid"},
		"quote in mchid":     {secret + `"`, serialNo, merchantKey(), "mchid"},
		"line break":         {secret + "\r\n", serialNo, merchantKey(), "mchid"},
		"no serial":          {mchID, "", merchantKey(), "serial_no"},
		"space in serial":    {mchID, secret + " ", merchantKey(), "serial_no"},
		"NUL in serial":      {mchID, secret + "\x00", merchantKey(), "serial_no"},
		"serial not ASCII":   {mchID, secret + "号", merchantKey(), "serial_no"},
		"serial with DEL":    {mchID, secret + "\x7f", merchantKey(), "serial_no"},
		"serial not UTF-8":   {mchID, secret + "\xff", merchantKey(), "serial_no"},
		"serial with tab":    {mchID, secret + "\t", merchantKey(), "serial_no"},
		"public key is nil":  {mchID, serialNo, nothing{}, "empty"},
		"no public key told": {mchID, serialNo, silent{}, "needs RSA"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := auth.NewSigner(auth.Merchant, tt.mchID, tt.serialNo, tt.key)
			require.ErrorContains(t, err, tt.says)
			assert.NotContains(t, err.Error(), secret)
			assert.Nil(t, signer)
		})
	}
}

type nothing struct{ crypto.Signer }

func (nothing) Public() crypto.PublicKey { return (*rsa.PublicKey)(nil) }

type silent struct{ crypto.Signer }

func (silent) Public() crypto.PublicKey { return nil }

// S16: the key may live in a KMS, and a KMS may fail.
func TestKeyInAKMS(t *testing.T) {
	t.Parallel()
	signer, err := auth.NewSigner(auth.Merchant, mchID, serialNo, kms{key: merchantKey()})
	require.NoError(t, err)
	r, err := signer.Sign(t.Context(), "message")
	require.NoError(t, err)
	assert.Equal(t, &wechat.SignatureResult{MchID: mchID, CertificateSerialNo: serialNo, Signature: sign(merchantKey(), "message")}, r)

	down := errors.New("vault is sealed")
	signer, err = auth.NewSigner(auth.Merchant, mchID, serialNo, kms{merchantKey(), down})
	require.NoError(t, err)
	header, err := auth.Authorization(t.Context(), signer, auth.Merchant, "GET", "/", 1, nil)
	assert.ErrorIs(t, err, down)
	assert.Empty(t, header)
}

// S6: whatever prints a signer prints no key, not even a key type that prints itself.
func TestS6SignerShowsNothing(t *testing.T) {
	t.Parallel()
	signer, err := auth.NewSigner(auth.Merchant, mchID, serialNo, talkative{merchantKey()})
	require.NoError(t, err)
	values := map[string]any{
		"pointer": signer, "value": *signer, "slice": []*auth.Signer{signer}, "map": map[string]auth.Signer{"s": *signer},
		"exported field": struct{ S auth.Signer }{*signer}, "interface": struct{ S wechat.Signer }{signer}, "error": fmt.Errorf("failed: %v", signer),
	}
	shown := map[string]string{}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			shown[name+" "+verb] = fmt.Sprintf(verb, v)
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		shown[name+" JSON"] = string(text)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		shown[name+" slog"] = log.String()
	}
	key := merchantKey()
	for where, text := range shown {
		text = strings.ToLower(text)
		for _, n := range append(key.Primes, key.D, key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv) {
			if strings.Contains(text, n.String()) || strings.Contains(text, n.Text(16)) || strings.Contains(text, "canary") {
				t.Errorf("%s shows the key", where)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		assert.Equal(t, "auth.Signer(1900007291, ***)", shown["pointer "+verb])
		assert.Equal(t, "auth.Signer(1900007291, ***)", shown["value "+verb])
	}
}

// S6: what reads fields without asking, such as the diff of a test library, gob, or package fmt at a value in
// an unexported field, finds no key either.
func TestS6ReflectionFindsNoKey(t *testing.T) {
	t.Parallel()
	key := merchantKey()
	signer, err := auth.NewSigner(auth.Merchant, mchID, serialNo, key)
	require.NoError(t, err)
	other, err := auth.NewSigner(auth.Merchant, mchID, "A1", key)
	require.NoError(t, err)
	type holder struct {
		value   auth.Signer
		pointer *auth.Signer
	}
	var diff recorder
	assert.Equal(&diff, holder{*signer, signer}, holder{*other, other})
	assert.Equal(&diff, signer, other)
	require.Contains(t, diff.String(), serialNo, "the diff shows fields")
	var stream bytes.Buffer
	require.NoError(t, gob.NewEncoder(&stream).Encode(struct{ S *auth.Signer }{signer}))
	require.Contains(t, stream.String(), "auth.Signer(1900007291, ***)")
	shown := []string{diff.String(), stream.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x"} {
		shown = append(shown, fmt.Sprintf(verb, holder{*signer, signer}), fmt.Sprintf(verb, &holder{*signer, signer}))
	}
	words := func(n *big.Int) string { return strings.Trim(fmt.Sprint(n.Bits()), "[]") }
	for _, n := range append(key.Primes, key.D, key.N) {
		for _, text := range shown {
			for _, spelling := range []string{n.String(), n.Text(16), words(n), string(n.Bytes()), strings.Fields(words(n))[3]} {
				assert.NotContains(t, text, spelling)
			}
		}
	}
	assert.Empty(t, numbersIn(reflect.ValueOf(holder{*signer, signer}), map[uintptr]bool{}))
}

// recorder keeps what a test would have said.
type recorder struct{ strings.Builder }

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(r, format, args...) }

// numbersIn finds every big number that can be reached from v, whether it is exported or not.
func numbersIn(v reflect.Value, seen map[uintptr]bool) (found []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return nil
		}
		seen[v.Pointer()] = true
		return numbersIn(v.Elem(), seen)
	case reflect.Interface:
		return numbersIn(v.Elem(), seen)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[big.Int]() {
			return []string{v.Type().String()}
		}
		for _, field := range v.Fields() {
			found = append(found, numbersIn(field, seen)...)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			found = append(found, numbersIn(v.Index(i), seen)...)
		}
	}
	return found
}

// Which of two bad values is named does not depend on chance.
func TestNewSignerNamesTheFirst(t *testing.T) {
	t.Parallel()
	for range 50 {
		_, err := auth.NewSigner(auth.Merchant, "", "", nil)
		require.ErrorContains(t, err, "mchid")
		_, err = auth.NewSigner(auth.Brand, "", "", nil)
		require.ErrorContains(t, err, "brand_id")
		_, err = auth.NewSigner(auth.Merchant, mchID, "", nil)
		require.ErrorContains(t, err, "serial_no")
	}
}

// talkative is a key that would print itself.
type talkative struct{ *rsa.PrivateKey }

func (talkative) String() string               { return "canary" }
func (talkative) GoString() string             { return "canary" }
func (talkative) MarshalJSON() ([]byte, error) { return []byte(`"canary"`), nil }

func TestSignerIsAnOfficialOne(t *testing.T) {
	t.Parallel()
	signer, err := auth.NewSigner(auth.Merchant, mchID, serialNo, merchantKey())
	require.NoError(t, err)
	assert.Equal(t, scheme, "WECHATPAY2-"+signer.Algorithm())
	r, err := signer.Sign(context.Background(), "")
	require.NoError(t, err)
	assert.Equal(t, sign(merchantKey(), ""), r.Signature)
}
