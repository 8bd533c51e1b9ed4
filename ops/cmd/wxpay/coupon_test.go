package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// couponDesk has a stock of three coupons, one a user.
func couponDesk(t *testing.T) (d *desk, flags []string) {
	t.Helper()
	d = &desk{stand: newStand(t, wxpaytest.Options{Unlimited: true}), in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	coupon, stock := d.fake.AddProductCoupon("WECHATPAY", "max_count=3", "max_count_per_user=1")
	return d, []string{"--coupon=" + coupon, "--stock=" + stock, "--appid=wx233544546545989", "--brand=" + wxpaytest.BrandID, "--rate=0"}
}

func TestCouponSendFromFileToStop(t *testing.T) {
	t.Parallel()
	d, flags := couponDesk(t)
	path := d.write("autumn.csv", "用户openid,姓名,发券请求单号\noUpF8uMuAJOM2pxb1Q,"+canaryName+",\no2,"+canaryName+",\no2,,own-number-2\n")
	send := func(path string, more ...string) outcome {
		return d.job(append(append([]string{"coupon", "send", path}, flags...), more...)...)
	}
	o := send(path, "--dry-run")
	assert.Equal(t, exitDone, o.code, o.stderr)
	o = send(path)
	assert.Equal(t, exitRejected, o.code, o.stderr)
	assert.Contains(t, o.stderr, "3 rows = 2 done + 1 rejected")
	d.nobody(o.stdout, o.stderr)
	rejected := tableOf(t, filepath.Join(d.out, "autumn-coupon-send.rejected.csv"))
	require.Len(t, rejected, 1)
	assert.Equal(t, "INVALID_REQUEST", rejected[0]["wxpay_code"])

	more := d.write("more.csv", "openid\no3\no4\n")
	o = send(more)
	assert.Equal(t, exitStopped, o.code, o.stderr)
	assert.Contains(t, o.stderr, "has sent all its coupons")
	assert.Contains(t, o.stderr, "1 not sent yet")
	zh := send(more, "--lang=zh")
	assert.Equal(t, exitStopped, zh.code)
	assert.Contains(t, zh.stderr, "批次已发放完毕")
	d.nobody(o.stdout, o.stderr, zh.stderr)
}

func TestCouponSendUsage(t *testing.T) {
	t.Parallel()
	d, flags := couponDesk(t)
	path := d.write("autumn.csv", "openid\no1\n")
	for i, args := range [][]string{
		flags[1:], append([]string{flags[0]}, flags[2:]...), {flags[0], flags[1], flags[3]}, flags[:3], // one of each is missing
	} {
		o := d.job(append([]string{"coupon", "send", path}, args...)...)
		assert.Equal(t, exitUsage, o.code, "%d: %s", i, o.stderr)
	}
	wrong := d.job("coupon", "send", path, flags[0], flags[1], flags[2], flags[3], "--attach="+strings.Repeat("x", 5000), "--dry-run")
	assert.Contains(t, wrong.stderr, "wxpay: --attach has 5000 characters")
	o := d.job(append([]string{"coupon", "send", d.write("bad.csv", "openid,券码\no1,a*b\n")}, flags...)...)
	assert.Equal(t, exitUsage, o.code, o.stderr)
	assert.Contains(t, o.stderr, "coupon_code")
	assert.NotContains(t, o.stderr, "a*b")
	assert.Empty(t, d.fake.Requests())
}

// The help of a job says what its file has, and how what comes out is joined with it.
func TestHelpSaysWhatAFileHas(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, c := range []struct {
		command, lang string
		says          []string
	}{
		{"coupon send", "en", []string{"coupon_code (needed for API_ASSIGN), send_request_no and attach", "Each user gets one coupon in a\njob", "APPID that the openids belong to"}},
		{"coupon send", "zh", []string{"文件须有 openid 列，可有 coupon_code（API_ASSIGN 模式必填）", "openid 所属的 APPID"}},
		{"transfer", "en", []string{"by wxpay_line, or write it with --reveal", "rejected and unknown rows, and of results", "APPID that the openids belong to"}},
		{"transfer", "zh", []string{"请按 wxpay_line 与原文件对应，或加 --reveal 写出", "被拒绝、结果未知及逐行结果的文件中写出完整号码", "openid 所属的 APPID"}},
	} {
		o := s.run(append(strings.Fields(c.command), "--help", "--lang="+c.lang)...)
		for _, text := range c.says {
			assert.Contains(t, o.stdout, text, "%s %s", c.command, c.lang)
		}
		assert.NotContains(t, o.stdout, "AppID ID", c.command)
	}
}
