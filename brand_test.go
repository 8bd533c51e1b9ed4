package wxpay_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

const (
	routePartner = "POST /v3/marketing/partner/product-coupon/users/{openid}/coupons"
	routeBrand   = "POST /brand/marketing/product-coupon/users/{openid}/coupons"
)

// brandPlatform is the platform as a brand sees it.
func brandPlatform(t testing.TB, answers ...answer) *platform {
	p := newPlatform(t, answers...)
	p.brand = true
	return p
}

// brandConfig is that of a brand.
func (p *platform) brandConfig() wxpay.Config {
	c := p.config()
	c.MchID, c.BrandID = "", brandID
	return c
}

func (p *platform) brandClient(change ...func(*wxpay.Config)) *wxpay.Client {
	config := p.brandConfig()
	for _, f := range change {
		f(&config)
	}
	c, err := wxpay.New(config)
	require.NoError(p.t, err)
	return c
}

func twoDoors() wxpay.Call {
	return wxpay.Call{Route: routePartner, BrandRoute: routeBrand, Vars: wxpay.Vars{"openid": "o1"}, Body: map[string]string{"a": "b"}}
}

// A brand calls by its own door, in its own name; a merchant by the other. What is told of the call names the door.
func TestDoorOfTheCaller(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		platform *platform
		client   func(*platform, ...func(*wxpay.Config)) *wxpay.Client
		uri      string
		route    string
	}{
		"merchant": {newPlatform(t, answer{body: `{}`}, answer{status: 403, body: `{"code":"NO_AUTH"}`}), merchantClient, "/v3/marketing/partner/product-coupon/users/o1/coupons", routePartner},
		"brand": {brandPlatform(t, answer{body: `{}`, kind: "WECHATPAY-BRAND-SHA256-RSA2048"}, answer{status: 403, body: `{"code":"NO_AUTH"}`, kind: "WECHATPAY-BRAND-SHA256-RSA2048"}),
			(*platform).brandClient, "/brand/marketing/product-coupon/users/o1/coupons", routeBrand},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen []wxpay.Exchange
			client := tt.client(tt.platform, func(c *wxpay.Config) {
				c.Observe = func(_ context.Context, ex wxpay.Exchange) { seen = append(seen, ex) }
			})
			require.NoError(t, wxpay.Send(t.Context(), client, twoDoors()))
			err := wxpay.Send(t.Context(), client, twoDoors())
			refused, ok := errors.AsType[*wxpay.Error](err)
			require.True(t, ok, "%v", err)
			assert.True(t, refused.Verified)
			assert.Equal(t, tt.route, refused.Route)
			require.Len(t, seen, 2)
			for i, sent := range tt.platform.requests() {
				assert.Equal(t, tt.uri, sent.uri)
				assert.Equal(t, publicID, sent.header.Get("Wechatpay-Serial"))
				assert.Equal(t, tt.route, seen[i].Route)
			}
		})
	}
}

func merchantClient(p *platform, change ...func(*wxpay.Config)) *wxpay.Client {
	config := p.config()
	for _, f := range change {
		f(&config)
	}
	c, err := wxpay.New(config)
	require.NoError(p.t, err)
	return c
}

// What stands in the merchants' route alone, such as the ID of the brand, has no place in that of brands. Anything else
// that has no place is a mistake by either door, and the caller's Vars stay as they are.
func TestVarsOfOneDoor(t *testing.T) {
	t.Parallel()
	const routeOfMerchants, routeOfBrands = "GET /v3/plans/{brand_id}/{plan_id}", "GET /brand/plans/{plan_id}"
	for name, tt := range map[string]struct {
		brand bool
		vars  wxpay.Vars
		uri   string // empty: refused
		says  string
	}{
		"merchant":                   {false, wxpay.Vars{"brand_id": "120344", "plan_id": "p"}, "/v3/plans/120344/p", ""},
		"merchant, without brand":    {false, wxpay.Vars{"plan_id": "p"}, "", "brand_id is missing"},
		"merchant, one too many":     {false, wxpay.Vars{"brand_id": "120344", "plan_id": "p", "x": "y"}, "", "x has no place in the route"},
		"brand":                      {true, wxpay.Vars{"brand_id": "120344", "plan_id": "p"}, "/brand/plans/p", ""},
		"brand, without brand":       {true, wxpay.Vars{"plan_id": "p"}, "/brand/plans/p", ""},
		"brand, without what it has": {true, wxpay.Vars{"brand_id": "120344"}, "", "plan_id is missing"},
		"brand, one too many":        {true, wxpay.Vars{"plan_id": "p", "x": "y"}, "", "x has no place in the route"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, client := newPlatform(t, answer{body: `{}`}), (*wxpay.Client)(nil)
			if client = p.client(); tt.brand {
				p.brand, client = true, p.brandClient()
			}
			before := maps.Clone(tt.vars)
			err := wxpay.Send(t.Context(), client, wxpay.Call{Route: routeOfMerchants, BrandRoute: routeOfBrands, Vars: tt.vars})
			assert.Equal(t, before, tt.vars)
			if tt.uri == "" {
				require.ErrorContains(t, err, tt.says)
				assert.Empty(t, p.requests())
				return
			}
			require.NoError(t, err)
			require.Len(t, p.requests(), 1)
			assert.Equal(t, tt.uri, p.requests()[0].uri)
		})
	}
}

// A client tells whether it calls for a brand.
func TestBrandIDOfAClient(t *testing.T) {
	t.Parallel()
	assert.Equal(t, brandID, brandPlatform(t).brandClient().BrandID())
	assert.Empty(t, newPlatform(t).client().BrandID())
}

// A call that is not open to the caller is refused before anything is sent.
func TestDoorThatIsClosed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		platform *platform
		client   func(*platform, ...func(*wxpay.Config)) *wxpay.Client
		call     wxpay.Call
		says     string // empty: it is open
	}{
		"merchant, /v3":         {newPlatform(t, answer{body: `{}`}), merchantClient, wxpay.Call{Route: "GET /v3/a"}, ""},
		"merchant, /brand":      {newPlatform(t, answer{body: `{}`}), merchantClient, wxpay.Call{Route: "GET /brand/a"}, "is open to brands alone"},
		"merchant, both":        {newPlatform(t, answer{body: `{}`}), merchantClient, wxpay.Call{Route: "GET /brand/a", BrandRoute: "GET /brand/a"}, "is open to brands alone"},
		"merchant, /brandy":     {newPlatform(t, answer{body: `{}`}), merchantClient, wxpay.Call{Route: "GET /brandy"}, ""},
		"brand, /brand":         {brandPlatform(t, answer{body: `{}`}), (*platform).brandClient, wxpay.Call{Route: "GET /brand/a"}, ""},
		"brand, /v3":            {brandPlatform(t, answer{body: `{}`}), (*platform).brandClient, wxpay.Call{Route: "GET /v3/a"}, "is not open to brands"},
		"brand, /v3/brand":      {brandPlatform(t, answer{body: `{}`}), (*platform).brandClient, wxpay.Call{Route: "GET /v3/brand/a"}, "is not open to brands"},
		"brand, door under /v3": {brandPlatform(t), (*platform).brandClient, wxpay.Call{Route: "GET /v3/a", BrandRoute: "GET /v3/b"}, "is not open to brands"},
		"brand, /v3 with door":  {brandPlatform(t, answer{body: `{}`}), (*platform).brandClient, wxpay.Call{Route: "GET /v3/a", BrandRoute: "GET /brand/b"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := wxpay.Send(t.Context(), tt.client(tt.platform), tt.call)
			if tt.says == "" {
				require.NoError(t, err)
				assert.Len(t, tt.platform.requests(), 1)
				return
			}
			_, ok := errors.AsType[*wxpay.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.ErrorContains(t, err, "wxpay: "+cmp.Or(tt.call.BrandRoute, tt.call.Route)+": route "+tt.says)
			assert.ErrorContains(t, err, "nothing was sent")
			assert.Empty(t, tt.platform.requests())
		})
	}
}

// Answers to a brand say one of two types or none; whose they are, the key tells. A merchant takes its own.
func TestTypeOfAnAnswerToABrand(t *testing.T) {
	t.Parallel()
	const ofBrands = "WECHATPAY-BRAND-SHA256-RSA2048"
	absent := func(r *http.Response) { r.Header.Del("Wechatpay-Signature-Type") }
	for name, tt := range map[string]struct {
		brand    bool
		answer   answer
		believed bool
	}{
		"brand":                    {true, answer{kind: ofBrands}, true},
		"brand, none":              {true, answer{change: absent}, true},
		"brand, of merchants":      {true, answer{kind: scheme}, true},
		"brand, another":           {true, answer{kind: "WECHATPAY2-SM2-WITH-SM3"}, false},
		"brand, key of another":    {true, answer{kind: ofBrands, key: strangerKey()}, false},
		"brand, serial of another": {true, answer{kind: ofBrands, serial: "PUB_KEY_ID_1"}, false},
		"merchant, of brands":      {false, answer{kind: ofBrands}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, tt.answer)
			tt.answer.body = `{}`
			p.next = func(_ int, req *http.Request) (*http.Response, error) { return tt.answer.response(req), nil }
			client := p.client()
			if p.brand = tt.brand; tt.brand {
				client = p.brandClient()
			}
			err := wxpay.Send(t.Context(), client, twoDoors())
			if tt.believed {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, wxpay.ErrUnverified)
			assert.True(t, wxpay.OutcomeUnknown(err))
		})
	}
}

// So do notifications, which are opened with the API key of the brand.
func TestNotificationToABrand(t *testing.T) {
	t.Parallel()
	client, merchant := brandPlatform(t).brandClient(), mustClient(t)
	for kind, believed := range map[string][2]bool{
		"WECHATPAY-BRAND-SHA256-RSA2048": {true, false}, scheme: {true, true}, "": {true, true}, "WECHATPAY2-SM2-WITH-SM3": {false, false},
	} {
		sig := auth.SignatureFrom(answer{body: "{}", kind: kind, change: func(r *http.Response) { r.Header.Set("Wechatpay-Signature-Type", kind) }}.response(nil).Header)
		for i, c := range []*wxpay.Client{client, merchant} {
			err := c.Verify(t.Context(), sig, []byte("{}"))
			assert.Equal(t, believed[i], err == nil, "%q to client %d: %v", kind, i, err)
		}
	}
	plain, err := client.OpenResource("AEAD_AES_256_GCM", "61f9c719728a", "a", base64.StdEncoding.EncodeToString(gcm(t, "61f9c719728a", "a", []byte("coupon"))))
	require.NoError(t, err)
	assert.Equal(t, "coupon", string(plain))
}

// A brand has an identity, a key and an API key of its own, and no certificates of the platform.
func TestConfigOfABrand(t *testing.T) {
	t.Parallel()
	signer, err := auth.NewSigner(auth.Brand, brandID, serialNo, merchantKey())
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		change func(*wxpay.Config)
		says   string // empty: nothing is wrong
	}{
		"whole":                  {func(*wxpay.Config) {}, ""},
		"without API key":        {func(c *wxpay.Config) { c.APIv3Key = "" }, ""},
		"merchant too":           {func(c *wxpay.Config) { c.MchID = mchID }, "BrandID (WXPAY_BRAND_ID) and MchID (WXPAY_MCH_ID) are both set"},
		"neither":                {func(c *wxpay.Config) { c.BrandID = "" }, "MchID (WXPAY_MCH_ID) is missing (merchant number); for a brand set BrandID (WXPAY_BRAND_ID)"},
		"quote":                  {func(c *wxpay.Config) { c.BrandID = `1"2` }, "BrandID (WXPAY_BRAND_ID) is no brand ID"},
		"from Windows":           {func(c *wxpay.Config) { c.BrandID += "\r" }, "BrandID (WXPAY_BRAND_ID) ends in a carriage return"},
		"33 digits":              {func(c *wxpay.Config) { c.BrandID = strings.Repeat("1", 33) }, "BrandID (WXPAY_BRAND_ID) is no brand ID"},
		"no serial":              {func(c *wxpay.Config) { c.SerialNo = "" }, "SerialNo (WXPAY_SERIAL_NO or WXPAY_CERTIFICATE_FILE) is missing"},
		"no public key":          {func(c *wxpay.Config) { c.PublicKeyID, c.PublicKey = "", nil }, "PublicKey (WXPAY_PUBLIC_KEY_FILE or WXPAY_PUBLIC_KEY) is missing (pub_key.pem of the brand): brands have no platform certificates"},
		"migrating":              {func(c *wxpay.Config) { c.Migrating = true }, "Migrating is for merchants: brands have no platform certificates"},
		"migrating, no API key":  {func(c *wxpay.Config) { c.Migrating, c.APIv3Key = true, "" }, "Migrating is for merchants: brands have no platform certificates"},
		"API key with a dash":    {func(c *wxpay.Config) { c.APIv3Key = "0123456789abcdef-123456789ABCDEF" }, "APIv3Key (WXPAY_APIV3_KEY) is no API key of a brand, which has letters and digits only"},
		"API key of 31":          {func(c *wxpay.Config) { c.APIv3Key = c.APIv3Key[1:] }, "APIv3Key (WXPAY_APIV3_KEY) has 31 bytes instead of 32"},
		"signer":                 {func(c *wxpay.Config) { c.SerialNo, c.PrivateKey, c.Signer = "", nil, signer }, ""},
		"signer, brand not said": {func(c *wxpay.Config) { c.BrandID, c.Signer = "", signer }, "Signer signs by brand_id; set BrandID for a brand, and only then"},
		"signer of another":      {func(c *wxpay.Config) { c.BrandID, c.Signer = "120345", signer }, "Signer signs for another brand_id than the Config names"},
		"signer of a merchant":   {func(c *wxpay.Config) { c.Signer = mustClient(t).Signer() }, "Signer signs by mchid; set BrandID for a brand, and only then"},
		"merchant not his":       {func(c *wxpay.Config) { c.BrandID, c.MchID, c.Signer = "", "1900000002", mustClient(t).Signer() }, "Signer signs for another mchid than the Config names"},
		"verifier in place of keys": {func(c *wxpay.Config) {
			c.PublicKeyID, c.PublicKey, c.Verifier, c.Encryptor = "", nil, mustClient(t).Verifier(), mustClient(t).Encryptor()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := brandPlatform(t, answer{body: `{}`})
			config := p.brandConfig()
			tt.change(&config)
			client, err := wxpay.New(config)
			if tt.says != "" {
				require.ErrorContains(t, err, "wxpay: Config: "+tt.says)
				return
			}
			require.NoError(t, err)
			require.NoError(t, wxpay.Send(t.Context(), client, twoDoors()))
			assert.Equal(t, "wxpay.Client(120344 https://api.mch.weixin.qq.com ***)", fmt.Sprint(client))
			assert.Contains(t, config.String(), " BrandID:120344 ")
		})
	}
}

// The signer of wechatpay-go knows no brands; its result has their ID in MchID.
func TestOfficialSignerOfABrand(t *testing.T) {
	t.Parallel()
	p := brandPlatform(t, answer{body: `{}`})
	client := p.brandClient(func(c *wxpay.Config) {
		c.SerialNo, c.PrivateKey = "", nil
		c.Signer = &signers.SHA256WithRSASigner{MchID: brandID, CertificateSerialNo: serialNo, PrivateKey: merchantKey()}
	})
	require.NoError(t, wxpay.Send(t.Context(), client, twoDoors()))
	assert.Len(t, p.requests(), 1)
}

func TestBrandFromEnv(t *testing.T) {
	env, _ := environment(t)
	for _, k := range []string{"WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY", "WXPAY_CERTIFICATE_FILE", "WXPAY_BASE_URL", "WXPAY_BACKUP_URL"} {
		t.Setenv(k, "")
	}
	for k, v := range env {
		t.Setenv(k, v)
	}
	t.Setenv("WXPAY_BRAND_ID", brandID)
	config, err := wxpay.ConfigFromEnv()
	require.NoError(t, err)
	_, err = wxpay.New(config)
	require.ErrorContains(t, err, "BrandID (WXPAY_BRAND_ID) and MchID (WXPAY_MCH_ID) are both set")
	t.Setenv("WXPAY_MCH_ID", "")
	config, err = wxpay.ConfigFromEnv()
	require.NoError(t, err)
	assert.Equal(t, []string{"", brandID}, []string{config.MchID, config.BrandID})
	_, err = wxpay.New(config)
	require.NoError(t, err)
}
