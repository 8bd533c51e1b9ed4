package bulk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
)

func TestMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "",
		"phone 13800138000 is no member":   "phone ***** is no member",
		"phone 138 0013 8000 is no member": "phone ***** is no member",
		"phone 138-0013-8000":              "phone *****",
		"phone 138–0013—8000":              "phone *****",
		"手机号138.0013.8000不存在":              "手机号*****不存在",
		"手机号(138) 0013-8000":               "手机号(*****",
		"手机号１３８００１３８０００不存在":                                "手机号*****不存在",
		"手机号１３８　００１３　８０００不存在":                              "手机号*****不存在",
		"手机号138\u200b0013\u200b8000":                       "手机号*****",
		"phone 138\n0013\n8000":                            "phone *****",
		"1 3 8 0 0 1 3 8 0 0 0":                            "*****",
		"edu8613800138000":                                 "*****",
		"edu13800138000":                                   "edu*****",
		"openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o is unknown":   "openid ***** is unknown",
		"用户oUpF8uMuAJO-M2pxb1Q9zNjWeS6o不存在":                "用户*****不存在",
		"openid=ouAJO-MpxbQzNjWeSoabcdefghij, again":       "openid=*****, again",
		"ID 11010119900307123X":                            "ID *****",
		"contract a1b2c3d4e5f6a7b8c9":                      "contract *****",
		"550e8400-e29b-41d4-a716-446655440000":             "*****",
		"PARAM_ERROR: encrypted_phone_number is wrong":     "PARAM_ERROR: encrypted_phone_number is wrong",
		"RESOURCE_NOT_EXISTS FREQUENCY_LIMIT_EXCEEDED":     "RESOURCE_NOT_EXISTS FREQUENCY_LIMIT_EXCEEDED",
		"Wechatpay-Signature, CodeResourceNotExists":       "Wechatpay-Signature, CodeResourceNotExists",
		"sub_mch_list[0].sub_mchid of /v3/edu-papay":       "sub_mch_list[0].sub_mchid of /v3/edu-papay",
		"has 11 of 32 characters, 3 at most; 1.5 or 19.90": "has 11 of 32 characters, 3 at most; 1.5 or 19.90",
		"张三 is no member":                                  "张三 is no member", // nothing tells a name from a word
		strings.Repeat("x ", 200):                          strings.Repeat("x ", 128) + "…",
		strings.Repeat("x ", 125) + "138 0013 8000":        strings.Repeat("x ", 125) + "*****",
	} {
		got := bulk.Masked(text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, got, bulk.Masked(got))
	}
	for _, code := range []wxpay.Code{wxpay.CodeResourceNotExists, wxpay.CodeParamError, wxpay.CodeNoAuth, wxpay.CodeSignError} {
		assert.Equal(t, string(code), bulk.Masked(string(code)))
		hint := (&wxpay.Error{Code: code}).Hint()
		assert.Equal(t, hint.English, bulk.Masked(hint.English))
		assert.Equal(t, hint.Chinese, bulk.Masked(hint.Chinese))
	}
}
