package wxpaytest_test

import (
	"crypto/rsa"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	brandScheme = "WECHATPAY-BRAND-SHA256-RSA2048"
	brandRoute  = "GET /brand/marketing/product-coupon/product-coupons/{product_coupon_id}"
	brandURI    = "/brand/marketing/product-coupon/product-coupons/1"
)

// newBrand makes requests by hand in the name of the brand.
func newBrand(t *testing.T) *merchant {
	h := newMerchant(t, wxpaytest.Options{Brand: true})
	require.Equal(t, wxpaytest.BrandPublicKeyID, h.serial)
	require.NoError(t, h.server.Reply(brandRoute, 200, `{"a":1}`))
	return h
}

// spoiled is a request of the brand with another Authorization.
func (h *merchant) spoiled(uri string, change ...string) *http.Request {
	req := h.request(h.t.Context(), "GET", uri, nil)
	req.Header.Set("Authorization", strings.NewReplacer(change...).Replace(req.Header.Get("Authorization")))
	return req
}

// A brand is admitted at its own door, by its own scheme, and answered by its own key and type.
func TestBrand(t *testing.T) {
	t.Parallel()
	h := newBrand(t)
	for name, test := range map[string]struct {
		uri    string
		change []string
		says   string // empty: it is admitted
	}{
		"right":                  {brandURI, nil, ""},
		"the merchant's scheme":  {brandURI, []string{brandScheme, "WECHATPAY2-SHA256-RSA2048"}, "scheme of Authorization is not " + brandScheme},
		"as mchid":               {brandURI, []string{"brand_id", "mchid"}, "lacks brand_id"},
		"another brand":          {brandURI, []string{wxpaytest.BrandID, "40002"}, "brand_id is not"},
		"the merchant's serial":  {brandURI, []string{wxpaytest.BrandSerialNo, wxpaytest.SerialNo}, "serial_no is not"},
		"at the merchant's door": {tasks, nil, "scheme of Authorization is not WECHATPAY2-SHA256-RSA2048"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := h.server.RoundTrip(h.spoiled(test.uri, test.change...))
			require.NoError(t, err)
			h := *h
			if h.brand = test.uri == brandURI; !h.brand { // the door says who answers
				h.public = nil
			}
			status, answer := h.genuine(resp)
			if test.says == "" {
				assert.Equal(t, 200, status, answer)
				return
			}
			assert.Equal(t, 401, status)
			assert.Contains(t, answer["message"], test.says)
		})
	}
}

// A client of the brand takes what the server answers it, and nothing of another product line.
func TestBrandClient(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	require.NoError(t, s.Reply(brandRoute, 200, `{"a":1}`))
	call := wxpay.Call{Route: brandRoute, Vars: wxpay.Vars{"product_coupon_id": "1"}}
	got, err := wxpay.Do[map[string]int](t.Context(), s.Client(), call)
	require.NoError(t, err)
	assert.Equal(t, 1, (*got)["a"])
	require.NoError(t, s.Inject(brandRoute, "wrong-signature-type", -1))
	_, err = wxpay.Do[map[string]int](t.Context(), s.Client(), call)
	assert.Error(t, err)
	s.Recover()

	config := wxpaytest.New(t).Config()
	assert.Equal(t, []string{wxpaytest.MchID, ""}, []string{config.MchID, config.BrandID})
	config = s.Config()
	assert.Equal(t, []string{"", wxpaytest.BrandID}, []string{config.MchID, config.BrandID})
}

// A brand is notified with its own key and type, and opens what it is told with its own API key.
func TestBrandIsNotified(t *testing.T) {
	t.Parallel()
	s := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	box := &inbox{status: 204}
	_, err := s.Notify(t.Context(), box, "PRODUCT_COUPON.SEND", m{"openid": "o1"})
	require.NoError(t, err)
	header, body, envelope, resource := box.envelope(t)
	assert.NoError(t, verify(s.Config().PublicKey, header, body))
	assert.Equal(t, brandScheme, header.Get("Wechatpay-Signature-Type"))
	assert.Equal(t, "PRODUCT_COUPON.SEND", envelope["event_type"])
	opened, err := s.Client().OpenResource("AEAD_AES_256_GCM", resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string))
	require.NoError(t, err)
	assert.JSONEq(t, `{"openid":"o1"}`, string(opened))

	id := s.AddCard("SYSTEM_ALLOCATE") // what a user does, the brand is told
	_, err = s.TakeCard(id, "o1", "13800000000", false)
	require.NoError(t, err)
	require.NoError(t, s.Deliver(t.Context(), box))
	header, _, _, resource = box.envelope(t)
	assert.Equal(t, brandScheme, header.Get("Wechatpay-Signature-Type"))
	opened, err = s.Client().OpenResource("AEAD_AES_256_GCM", resource["nonce"].(string), resource["associated_data"].(string), resource["ciphertext"].(string))
	require.NoError(t, err)
	h := &merchant{t: t, key: s.Config().PrivateKey.(*rsa.PrivateKey)}
	assert.Equal(t, "13800000000", h.decrypt(decode(t, opened)["phone_number"].(string)))

	sealed, err := s.EncryptForMerchant("13800000000")
	require.NoError(t, err)
	assert.Equal(t, "13800000000", h.decrypt(sealed))
}

func TestWriteKeysOfABrand(t *testing.T) {
	s := wxpaytest.New(t, wxpaytest.Options{Brand: true})
	env, err := s.WriteKeys(t.TempDir())
	require.NoError(t, err)
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	assert.Empty(t, os.Getenv("WXPAY_MCH_ID"))
	config, err := wxpay.ConfigFromEnv()
	require.NoError(t, err)
	assert.Equal(t, wxpaytest.BrandID, config.BrandID)
	config.HTTPClient = &http.Client{Transport: s}
	client, err := wxpay.New(config)
	require.NoError(t, err)
	require.NoError(t, s.Reply(brandRoute, 200, `{}`))
	_, err = wxpay.Do[m](t.Context(), client, wxpay.Call{Route: brandRoute, Vars: wxpay.Vars{"product_coupon_id": "1"}})
	assert.NoError(t, err)
}
