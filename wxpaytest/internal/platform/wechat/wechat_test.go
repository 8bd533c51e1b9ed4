package wechat_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/wechat"
)

// doors is a document of a call that a service provider makes for a brand, and a brand for itself.
const doors = `{"products":[{"name":"certificates","platform":"wechatpay","operations":[{"id":"listCertificates","route":"GET /v3/certificates","status":200}]},
	{"name":"coupons","platform":"wechatpay","operations":[
	{"id":"send","route":"POST /v3/partner/coupons/{openid}","brandRoute":"POST /brand/coupons/{openid}","status":200,
		"params":[{"name":"openid","in":"path","required":true,"schema":{"type":"string"}}],
		"body":{"type":"object","properties":[{"name":"brand_id","required":true,"schema":{"type":"string"}},{"name":"phone","schema":{"type":"string","sealed":"to-platform"}}]},
		"answer":{"type":"object","properties":[{"name":"brand_id","schema":{"type":"string","examples":["1004"]}},{"name":"openid","schema":{"type":"string","examples":["o"]}},
			{"name":"sp_mchid","schema":{"type":"string","examples":["1"]}}]}},
	{"id":"picture","route":"POST /v3/pictures","status":200,"upload":{"part":"file","meta":"meta","signed":"meta","maxBytes":2000000},
		"body":{"type":"object","properties":[{"name":"sha256","required":true,"schema":{"type":"string"}}]},
		"answer":{"type":"object","properties":[{"name":"image_url","schema":{"type":"string","examples":["u"]}}]}}]}]}`

func newEngine(t *testing.T) (*engine.Engine, *wechat.Platform) {
	t.Helper()
	catalog, err := api.Parse([]byte(doors))
	require.NoError(t, err)
	p, err := wechat.New(wechat.PublicKey, "salt", "")
	require.NoError(t, err)
	e, err := engine.New(engine.Options{Platforms: []engine.Platform{p}, Plan: &fault.Plan{}, Journal: 10, Complain: t.Errorf, Encrypt: p.Encrypt, Catalog: catalog})
	require.NoError(t, err)
	require.NoError(t, p.Start(e))
	return e, p
}

func client(t *testing.T, e *engine.Engine, who *wechat.Identity, c wxpay.Config) *wxpay.Client {
	t.Helper()
	private, err := who.Private()
	require.NoError(t, err)
	c.SerialNo, c.PrivateKey, c.APIv3Key, c.HTTPClient, c.MaxAttempts = who.Serial, private, wxpay.Secret(who.APIKey), &http.Client{Transport: e}, 1
	if c.PublicKey == nil {
		c.PublicKeyID, c.PublicKey, err = who.Public()
		require.NoError(t, err)
	}
	made, err := wxpay.New(c)
	require.NoError(t, err)
	return made
}

// Each door has its own callers, keys and members. The answer names the caller, and what was asked.
func TestTwoDoors(t *testing.T) {
	t.Parallel()
	e, p := newEngine(t)
	merchant := client(t, e, p.Merchant, wxpay.Config{MchID: wechat.MchID})
	brand := client(t, e, p.Brand, wxpay.Config{BrandID: wechat.BrandID})
	send := func(ctx context.Context, c *wxpay.Client, body map[string]any) (map[string]string, error) {
		got, err := wxpay.Do[map[string]string](ctx, c, wxpay.Call{Route: "POST /v3/partner/coupons/{openid}", BrandRoute: "POST /brand/coupons/{openid}", Vars: wxpay.Vars{"openid": "o7"}, Body: body})
		if err != nil {
			return nil, err
		}
		return *got, nil
	}
	got, err := send(t.Context(), merchant, map[string]any{"brand_id": "40007"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"brand_id": "40007", "openid": "o7", "sp_mchid": wechat.MchID}, got)
	got, err = send(t.Context(), brand, map[string]any{})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"brand_id": wechat.BrandID, "openid": "o7", "sp_mchid": "1"}, got)
	_, err = send(t.Context(), merchant, map[string]any{})
	assert.ErrorIs(t, err, wxpay.CodeParamError)
	_, err = send(t.Context(), brand, map[string]any{"brand_id": wechat.BrandID})
	assert.ErrorContains(t, err, "where a brand calls for itself")
	for name, c := range map[string]*wxpay.Client{"merchant": merchant, "brand": brand} {
		sealed, serial, err := c.Encrypt(t.Context(), "13800000000")
		require.NoError(t, err)
		body := map[string]any{"phone": sealed}
		if name == "merchant" {
			body["brand_id"] = "40007"
		}
		_, err = wxpay.Do[map[string]string](t.Context(), c, wxpay.Call{Route: "POST /v3/partner/coupons/{openid}", BrandRoute: "POST /brand/coupons/{openid}", Vars: wxpay.Vars{"openid": "o7"}, Body: body, Serial: serial})
		require.NoError(t, err)
		all := e.Requests()
		assert.Equal(t, "138****0000", all[len(all)-1].Sensitive["phone"], name)
	}

	// The platform key of a merchant is none of the brand's.
	var config wxpay.Config
	config.BrandID = wechat.BrandID
	config.PublicKeyID, config.PublicKey, err = p.Merchant.Public()
	require.NoError(t, err)
	_, err = send(t.Context(), client(t, e, p.Brand, config), map[string]any{})
	assert.Error(t, err)
	all := e.Requests()
	assert.Equal(t, []any{400, "INVALID_REQUEST"}, []any{all[len(all)-1].Status, all[len(all)-1].Code})
}

// An upload that no product handles is held to the limits of its document, and to its digest.
func TestPictures(t *testing.T) {
	t.Parallel()
	e, p := newEngine(t)
	merchant := client(t, e, p.Merchant, wxpay.Config{MchID: wechat.MchID})
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	large := strings.Repeat("x", 2_000_001)
	for name, test := range map[string]struct{ file, sum, refused string }{
		"right": {"png", sum("png"), ""},
		"other": {"png", sum("jpg"), "is not that of the file received"},
		"large": {large, sum(large), "more than 2 MB"},
		"empty": {"", sum(""), "the file is empty"},
	} {
		got, err := wxpay.Do[map[string]string](t.Context(), merchant, wxpay.Call{Route: "POST /v3/pictures",
			Body: map[string]string{"sha256": test.sum}, File: media.Bytes("a.png", []byte(test.file))})
		if test.refused != "" {
			assert.ErrorContains(t, err, test.refused, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, "u", (*got)["image_url"])
	}
}
