package header_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wxpay-go/wxpay/internal/header"
)

func TestGet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header http.Header
		value  string
		ok     bool
	}{
		"nil":                      {nil, "", true},
		"absent":                   {http.Header{"Wechatpay-Nonce2": {"a"}}, "", true},
		"empty":                    {http.Header{"Wechatpay-Nonce": {}}, "", true},
		"canonical":                {http.Header{"Wechatpay-Nonce": {"a"}}, "a", true},
		"lower case":               {http.Header{"wechatpay-nonce": {"a"}}, "a", true},
		"upper case":               {http.Header{"WECHATPAY-NONCE": {"a"}}, "a", true},
		"as documented":            {http.Header{"Wechatpay-nonce": {"a"}}, "a", true},
		"canonical comes first":    {http.Header{"Wechatpay-Nonce": {"a"}, "wechatpay-nonce": {"b"}}, "a", true},
		"canonical is empty":       {http.Header{"Wechatpay-Nonce": {""}, "wechatpay-nonce": {"b"}}, "b", true},
		"twice the same":           {http.Header{"Wechatpay-Nonce": {"a", "a"}}, "a", true},
		"two cases, one value":     {http.Header{"wechatpay-nonce": {"a"}, "WECHATPAY-NONCE": {"a"}}, "a", true},
		"two values":               {http.Header{"Wechatpay-Nonce": {"a", "b"}}, "", false},
		"two values in lower case": {http.Header{"wechatpay-nonce": {"a", "b"}}, "", false},
		"two cases, two values":    {http.Header{"wechatpay-nonce": {"a"}, "WECHATPAY-NONCE": {"b"}}, "", false},
		"empty and another":        {http.Header{"Wechatpay-Nonce": {"", "b"}}, "b", true},
		"another and empty":        {http.Header{"Wechatpay-Nonce": {"b", ""}}, "b", true},
	} {
		for range 10 { // maps are walked in any order
			value, ok := header.Get(test.header, "Wechatpay-Nonce")
			assert.Equal(t, test.ok, ok, name)
			if ok {
				assert.Equal(t, test.value, value, name)
			}
		}
	}
}
