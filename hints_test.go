package wxpay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
)

// A refusal keeps the hint of its code beside the one of the number in its Request-ID, and says nothing twice.
func TestHintByNumberAndByCode(t *testing.T) {
	t.Parallel()
	const (
		rule, ruleZH     = "the request breaks a rule of the product; the message says which", "请求不符合业务规则，详见错误描述"
		reused, reusedZH = "this number was used before with other content; use the content of the first request", "请求重入时参数与首次请求不一致：请使用首次请求的参数"
		fix, fixZH       = "fix what the message names", "参数错误：请按错误描述修改请求"
		slow, slowZH     = "slow down; repeat later with the same numbers", "频率过高：请降低频率，稍后用相同单号重试"
		exists, existsZH = "it exists; query it instead of creating it again", "资源已存在：请查询，勿重复创建"
	)
	tests := []struct {
		code      wxpay.Code
		requestID string
		status    int
		en, zh    string
	}{
		{code: wxpay.CodeInvalidRequest, en: rule, zh: ruleZH},
		{code: wxpay.CodeInvalidRequest, requestID: "08ABC-268498688", en: reused + "; " + rule, zh: reusedZH + "；" + ruleZH},
		{code: wxpay.CodeInvalidRequest, requestID: "08ABC-268435461", en: fix + "; " + rule, zh: fixZH + "；" + ruleZH},
		{code: wxpay.CodeInvalidRequest, requestID: "08-AB-268447840", en: slow + "; " + rule, zh: slowZH + "；" + ruleZH},
		{code: wxpay.CodeAlreadyExists, requestID: "08ABC-268498688", en: reused + "; " + exists, zh: reusedZH + "；" + existsZH},
		{code: wxpay.CodeParamError, requestID: "08ABC-268435461", en: fix, zh: fixZH},
		{code: wxpay.CodeFrequencyLimited, requestID: "08ABC-268447840", en: slow, zh: slowZH},
		{code: "TEAPOT", requestID: "08ABC-268498688", en: reused, zh: reusedZH},
		{code: "TEAPOT", requestID: "08ABC-268498688", status: 500, en: reused, zh: reusedZH},
		{code: wxpay.CodeInvalidRequest, requestID: "08ABC-1", en: rule, zh: ruleZH},
		{code: wxpay.CodeInvalidRequest, requestID: "268498688", en: rule, zh: ruleZH},
	}
	for _, tt := range tests {
		if tt.status == 0 {
			tt.status = 400
		}
		e := &wxpay.Error{StatusCode: tt.status, Code: tt.code, RequestID: tt.requestID}
		assert.Equal(t, wxpay.Hint{English: tt.en, Chinese: tt.zh}, e.Hint(), "%s %s", tt.code, tt.requestID)
		assert.Contains(t, e.Error(), tt.en)
	}
}

// The most likely cause comes first, and each hint says to query before anything else is done.
func TestHintOfAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err       error
		first, zh string // how the hint begins, in both languages
		says      string
	}{
		"forged":            {auth.ErrForged, "most likely PublicKeyID and PublicKey (pub_key.pem) do not belong together or to this merchant", "最可能的原因：公钥ID（PublicKeyID）", "query"},
		"forged, wrapped":   {fmt.Errorf("answer: %w", auth.ErrForged), "most likely PublicKeyID and PublicKey", "最可能的原因", "query"},
		"unknown serial":    {fmt.Errorf("%w: serial A1", auth.ErrUnknownSerial), "check PublicKeyID and PublicKey, or set Migrating", "请核对微信支付公钥及公钥ID", "Migrating"},
		"unsigned":          {auth.ErrUnsigned, "the answer is not signed", "应答没有微信支付签名", "in tests: wxpaytest"},
		"unsigned refusal":  {&wxpay.Error{StatusCode: 403, Code: wxpay.CodeNotEnough}, "the answer is not signed", "应答没有微信支付签名", "never with new ones"},
		"refusal":           {&wxpay.Error{StatusCode: 403, Code: wxpay.CodeNotEnough, Verified: true}, "query, or repeat with the same numbers", "结果未知", "never with new ones"},
		"another signature": {fmt.Errorf("%w: signature type", auth.ErrUnverified), "do not trust the answer", "应答验签未通过", "query"},
		"probe":             {auth.ErrSignatureProbe, "the platform tests", "微信支付的签名探测流量", "same numbers"},
		"clock":             {&auth.StaleError{Skew: 1 << 40}, "set this machine's clock", "请校准本机时间", "query"},
		"lost":              {errors.New("EOF"), "query, or repeat with the same numbers", "结果未知", "never with new ones"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &wxpay.UnknownError{Route: routeEcho, Err: tt.err}
			h := e.Hint()
			assert.True(t, strings.HasPrefix(h.English, tt.first), h.English)
			assert.True(t, strings.HasPrefix(h.Chinese, tt.zh), h.Chinese)
			assert.Contains(t, h.English, tt.says)
			assert.Contains(t, e.Error(), h.English)
		})
	}
}

// A pub_key.pem that does not belong to its ID, or an ID that is another one's: the error of the very first
// call says so, and so does that of a notification.
func TestWrongPublicKeyIsTheFirstSuspect(t *testing.T) {
	t.Parallel()
	config := newPlatform(t, answer{body: `{"text":"b"}`}).config()
	config.PublicKey = &strangerKey().PublicKey
	client, err := wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.ErrorIs(t, err, auth.ErrForged)
	assert.ErrorContains(t, err, "PublicKeyID and PublicKey (pub_key.pem) do not belong together or to this merchant")

	config.PublicKeyID = "PUB_KEY_ID_0119000001092026010100000000000001"
	client, err = wxpay.New(config)
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.ErrorIs(t, err, auth.ErrUnknownSerial)
	assert.ErrorContains(t, err, "serial "+publicID+", and PublicKeyID is "+config.PublicKeyID)

	const byCertificate = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	client, err = wxpay.New(newPlatform(t, answer{body: `{"text":"b"}`, serial: byCertificate}).config())
	require.NoError(t, err)
	_, err = wxpay.Do[echo](t.Context(), client, write(false))
	require.ErrorIs(t, err, auth.ErrUnknownSerial)
	assert.ErrorContains(t, err, "set Migrating to load the certificates too")

	// A notification is signed by whichever key the platform likes.
	h := answer{body: "{}", serial: byCertificate}.response(nil).Header
	sig := auth.Signature{Serial: byCertificate, Timestamp: h.Get("Wechatpay-Timestamp"), Nonce: h.Get("Wechatpay-Nonce"), Signature: h.Get("Wechatpay-Signature"), Type: scheme}
	err = client.Verify(t.Context(), sig, []byte("{}"))
	require.ErrorIs(t, err, auth.ErrUnknownSerial)
	assert.ErrorContains(t, err, "set Migrating")
}
