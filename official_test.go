package wxpay_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/decryptors"
	"github.com/wechatpay-apiv3/wechatpay-go/core/cipher/encryptors"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"

	"github.com/wxpay-go/wxpay"
)

func TestOfficialObjectsInOurClient(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, answer{body: `{"text":"b"}`})
	client, err := wxpay.New(wxpay.Config{
		Signer:     &signers.SHA256WithRSASigner{MchID: mchID, CertificateSerialNo: serialNo, PrivateKey: merchantKey()},
		Verifier:   verifiers.NewSHA256WithRSAPubkeyVerifier(publicID, platformKey().PublicKey),
		Encryptor:  encryptors.NewWechatPayPubKeyEncryptor(publicID, platformKey().PublicKey),
		Decryptor:  decryptors.NewWechatPayDecryptor(merchantKey()),
		HTTPClient: &http.Client{Transport: p},
	})
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.NoError(t, err)
	assert.Equal(t, publicID, p.requests()[0].header.Get("Wechatpay-Serial"))

	forged := newPlatform(t, answer{body: `{"text":"b"}`, key: strangerKey()})
	config := forged.config()
	config.Verifier, config.Encryptor = client.Verifier(), client.Encryptor()
	client, err = wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	assert.ErrorIs(t, err, wxpay.ErrUnverified)
	assert.True(t, wxpay.OutcomeUnknown(err))
}

// The official client with our keys lives through a rotation: it loads the new certificate by itself.
func TestOurKeysInTheOfficialClient(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		old, fresh := oldAndFresh(t)
		v := newVault(t, old)
		ours := v.certificateClient()
		official, err := core.NewClient(t.Context(),
			option.WithSigner(ours.Signer()),
			option.WithVerifier(ours.Verifier()),
			option.WithWechatPayCipher(ours.Encryptor(), nil),
			option.WithHTTPClient(&http.Client{Transport: &v.platform}),
		)
		require.NoError(t, err)
		get := func() {
			t.Helper()
			result, err := official.Get(t.Context(), "https://api.mch.weixin.qq.com/v3/echo/1")
			require.NoError(t, err)
			body, err := io.ReadAll(result.Response.Body)
			require.NoError(t, err)
			assert.JSONEq(t, `{"text":"b"}`, string(body))
		}
		get()
		time.Sleep(2 * time.Minute)
		v.list, v.signs = []certificate{old, fresh}, fresh
		get()
		assert.Equal(t, 2, v.downloads)
	})
}

func TestRefresher(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		var vaults []*vault
		var clients []*wxpay.Client
		for i := range 3 {
			v := newVault(t, newCertificate(t, platformKey(), int64(0xA0+i), now.Add(-time.Hour), now.Add(24*365*time.Hour)))
			vaults, clients = append(vaults, v), append(clients, v.light())
		}
		none := mustClient(t) // public key only
		r := wxpay.NewRefresher(clients[0], clients[1], none)
		r.Add(clients[2])
		time.Sleep(7 * 24 * time.Hour)
		for _, v := range vaults {
			assert.GreaterOrEqual(t, v.count(), 14, "at least every 12 hours for a week")
			assert.LessOrEqual(t, v.count(), 20)
		}
		vaults[0].mu.Lock()
		vaults[0].refuse = &answer{status: 503}
		vaults[0].mu.Unlock()
		before := vaults[0].count()
		time.Sleep(24 * time.Hour)
		again := vaults[0].count() - before
		assert.LessOrEqual(t, again, 24*60*3, "no more often than once a minute")
		assert.GreaterOrEqual(t, again, 12*60, "and soon again after a failure")
		late := newVault(t, newCertificate(t, platformKey(), 0xA9, now.Add(-time.Hour), now.Add(24*365*time.Hour)))
		r.Add(late.certificateClient())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, 1, late.count(), "who comes later is served at once")
		_, err := clients[0].Encryptor().SelectCertificate(t.Context())
		assert.NoError(t, err, "the keys there are serve on")
		vaults[0].set(func(v *vault) { v.refuse = nil }) // a week of failures more would show nothing new
		before = vaults[1].count()
		r.Remove(clients[1], none)
		time.Sleep(7 * 24 * time.Hour)
		assert.Equal(t, before, vaults[1].count())
		r.Close()
		r.Close()
	})
}

func TestHints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err *wxpay.Error
		en  string
	}{
		{&wxpay.Error{StatusCode: 401, Code: wxpay.CodeSignError}, "clock"},
		{&wxpay.Error{StatusCode: 400, Code: wxpay.CodeInvalidRequest, RequestID: "08ABC-268498688"}, "content of the first request"},
		{&wxpay.Error{StatusCode: 400, Code: wxpay.CodeParamError, RequestID: "08ABC-268447840"}, "slow down"},
		{&wxpay.Error{StatusCode: 502}, "repeat with the same numbers"},
		{&wxpay.Error{StatusCode: 418, Code: "TEAPOT"}, ""},
	}
	for _, tt := range tests {
		h := tt.err.Hint()
		assert.Contains(t, h.English, tt.en)
		assert.Equal(t, h.English == "", h.Chinese == "")
		assert.Contains(t, tt.err.Error(), h.English)
	}
}
