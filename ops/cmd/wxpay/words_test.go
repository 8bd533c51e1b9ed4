package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/value"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// What to do is said once, and nobody is told how packages are called.
func TestStopIsToldOnce(t *testing.T) {
	t.Parallel()
	refused := &wxpay.Error{Route: "POST /v3/x", StatusCode: 401, Code: "SIGN_ERROR", Message: "签名错误", RequestID: "R-1", Verified: true}
	hint := refused.Hint()
	require.NotEmpty(t, hint.English)
	for _, e := range []*bulk.StopError{
		{Why: bulk.WhyAuth, Reason: hint, Err: refused},
		{Why: bulk.WhyAuth, Reason: hint, Err: &wxpay.UnknownError{Route: "POST /v3/x", Err: errors.New("auth: stale")}},
		{Why: bulk.WhyNetwork, Reason: hint, Err: errors.New("wxpay: POST /v3/x: auth: dial tcp: refused")},
	} {
		r := reportOf(t.Context(), e)
		for text, once := range map[string]string{oneLine(r.text().English): hint.English, oneLine(r.text().Chinese): hint.Chinese} {
			assert.Equal(t, 1, strings.Count(text, once), text)
			assert.Contains(t, text, "POST /v3/x")
			for _, name := range []string{"wxpay: ", "auth: ", "bulk: "} {
				assert.NotContains(t, text, name)
			}
		}
		assert.Regexp(t, `\p{Han}`, r.said.Chinese)
	}
}

func TestWordsInChinese(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	zh := func(args ...string) string {
		t.Helper()
		o := s.run(append(args, "--lang=zh")...)
		require.NotContains(t, o.stdout+o.stderr, "float64")
		return o.stdout + o.stderr
	}
	assert.Contains(t, zh("edu", "debit", "x.csv", "--rate=x"), "应为数字")
	assert.Contains(t, zh("edu", "debit", "x.csv", "--limit=1.5"), "应为整数")
	assert.Contains(t, zh("edu", "debit", "x.csv", "--every=5"), "应为时长")
	assert.Contains(t, zh("edu", "debit", "x.csv", "--=5"), "不是有效的参数写法")
	assert.Contains(t, zh("version"), "版本")
	shown := zh("explain", "SIGN_ERROR")
	assert.NotContains(t, shown, "did not verify")
	assert.Regexp(t, `^\p{Han}`, shown)
	assert.Regexp(t, `^wxpay: 请求未送达`, func() string {
		s.env["WXPAY_BASE_URL"] = "http://127.0.0.1:1"
		return zh("api", "GET", "/v3/certificates")
	}())

	for reason, want := range map[string]string{
		"is missing": "package_id 为空；未发送", "must be between 1 and 200": "须在 1 至 200 之间", "must be notify or message": "只能是 notify 或 message",
		"has 33 characters, more than 32": "共 33 个字符，超过 32 个",
	} {
		for _, err := range []error{&wxpay.ParamError{Route: "GET /v3/x", Param: "package_id", Reason: reason}, &pushpackage.ParamError{Route: "GET /v3/x", Param: "package_id", Reason: reason}} {
			text := reportOf(t.Context(), read(err)).text().Chinese
			assert.Contains(t, text, want)
			assert.NotContains(t, text, reason)
		}
	}
	assert.Regexp(t, `\p{Han}`, reportOf(t.Context(), errors.New("disk on fire")).text().Chinese)
}

func TestPushRecordTakesWhatThePlatformTakes(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	now := time.Now().In(value.Beijing)
	day := func(days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) }
	for _, args := range [][]string{
		{"--from=" + day(-2), "--to=" + day(-3)}, {"--to=" + day(-1)}, {"--from=" + day(1)}, {"--from=" + day(1), "--to=" + day(2)}, {"--from=" + day(-40)}, {"--from=2026-02-30"}, {"--from="},
		{"7", "--from=" + day(-1)}, {"7", "--to=" + day(0)}, {"--wait"}, {"--wait", "--from=" + day(-1)},
	} {
		for _, lang := range []string{"en", "zh"} {
			o := s.run(append([]string{"push", "record", "--lang=" + lang}, args...)...)
			assert.Equal(t, exitUsage, o.code, "%v: %s", args, o.stderr)
			oneLineOf(t, o.stderr)
		}
	}
	assert.Empty(t, s.fake.Requests())
	assert.Equal(t, exitDone, s.run("push", "record", "--from="+day(-28), "--to="+day(-1)).code)
}

func TestTimesThatAreNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.debits("a.csv", "a")
	for _, wrong := range []string{"--between=24:00-24:00", "--between=24:00–24:00", "--between=00:00-00:00", "--every=-5s", "--every=0"} {
		o := d.job("edu", "debit", path, "--appid=wx8888888888888888", wrong)
		assert.Equal(t, exitUsage, o.code, "%s: %s", wrong, o.stderr)
		oneLineOf(t, o.stderr)
	}
	assert.Empty(t, d.fake.Requests())
}
