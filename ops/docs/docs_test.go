package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	source, err := readSource("../..")
	require.NoError(t, err)
	c, err := cover(source)
	require.NoError(t, err)
	table := c.table(readmes["README.zh-CN.md"])
	assert.Contains(t, table, "| `importUserByPhone` | [根据手机号导入用户会员卡](https://pay.weixin.qq.com/doc/v3/merchant/4012550535) "+
		"| `POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import` | `membercard.ImportUserByPhone` "+
		"| [商户](https://pay.weixin.qq.com/doc/v3/merchant/4012550535) [服务商](https://pay.weixin.qq.com/doc/v3/partner/4012727629) |\n")
	assert.Contains(t, table, "| `TRANSACTION.FAIL` | [支付失败](")

	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o600))
	require.ErrorContains(t, update(name, table, true), "is not up to date")
	require.NoError(t, update(name, table, false))
	require.NoError(t, update(name, table, true))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "before\n"+begin+"\n"+table+end+"\nafter\n", string(text))

	require.NoError(t, os.WriteFile(name, []byte("no markers"), 0o600))
	require.ErrorContains(t, update(name, table, false), "has no markers")
}

func TestCoverNeedsEveryMethod(t *testing.T) {
	t.Parallel()
	source, err := readSource("../..")
	require.NoError(t, err)
	delete(source.methods, "POST /v3/security/echo")
	delete(source.constants, "TRANSACTION.FAIL")
	_, err = cover(source)
	require.EqualError(t, err, "edupapay.yaml: TRANSACTION.FAIL has no constant\n"+
		"security.yaml: echo has no method whose comment says POST /v3/security/echo")
}
