package pushpackage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config pushpackage.Config
		field  string
	}{
		"no access id":      {pushpackage.Config{SecretKey: secret}, "AccessID"},
		"colon":             {pushpackage.Config{AccessID: "1:2", SecretKey: secret}, "AccessID"},
		"newline in id":     {pushpackage.Config{AccessID: "1500001048\n", SecretKey: secret}, "AccessID"},
		"quotes":            {pushpackage.Config{AccessID: `"1500001048"`, SecretKey: secret}, "AccessID"},
		"mark in id":        {pushpackage.Config{AccessID: "\ufeff1500001048", SecretKey: secret}, "AccessID"},
		"quotes in key":     {pushpackage.Config{AccessID: "1500001048", SecretKey: "'" + secret + "'"}, "SecretKey"},
		"wide blank in key": {pushpackage.Config{AccessID: "1500001048", SecretKey: secret + "\u3000"}, "SecretKey"},
		"comma behind id":   {pushpackage.Config{AccessID: "1500001048,", SecretKey: secret}, "AccessID"},
		"name before id":    {pushpackage.Config{AccessID: "AccessID=1500001048", SecretKey: secret}, "AccessID"},
		"key as id":         {pushpackage.Config{AccessID: secret, SecretKey: secret}, "AccessID"},
		"backtick within":   {pushpackage.Config{AccessID: "15`00001048", SecretKey: secret}, "AccessID"},
		"quote within key":  {pushpackage.Config{AccessID: "1500001048", SecretKey: pushpackage.Secret(secret[:4] + `"` + secret[4:])}, "SecretKey"},
		"quoted host":       {pushpackage.Config{AccessID: "1", SecretKey: secret, BaseURL: `"` + pushpackage.GuangzhouURL + `"`}, "BaseURL"},
		"no key":            {pushpackage.Config{AccessID: "1500001048"}, "SecretKey"},
		"newline in key":    {pushpackage.Config{AccessID: "1500001048", SecretKey: secret + "\n"}, "SecretKey"},
		"plain http":        {pushpackage.Config{AccessID: "1", SecretKey: secret, BaseURL: "http://api.tpns.tencent.com"}, "BaseURL"},
		"path":              {pushpackage.Config{AccessID: "1", SecretKey: secret, BaseURL: pushpackage.GuangzhouURL + "/v3"}, "BaseURL"},
		"key in the adress": {pushpackage.Config{AccessID: "1", SecretKey: secret, BaseURL: "https://1:" + secret + "@api.tpns.tencent.com"}, "BaseURL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := pushpackage.New(tt.config)
			assert.Nil(t, client)
			var p *pushpackage.ParamError
			require.ErrorAs(t, err, &p)
			assert.Equal(t, tt.field, p.Param)
			variable := map[string]string{"AccessID": "TPNS_ACCESS_ID", "SecretKey": "TPNS_SECRET_KEY", "BaseURL": "TPNS_BASE_URL"}[tt.field]
			assert.ErrorContains(t, err, "pushpackage: Config: "+tt.field+" ("+variable+") ")
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "sent", "a configuration is nothing that is sent")
		})
	}
}

// What a file or a clipboard put round a value is named, as it is for the values of the root package.
func TestPastedValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"%s\r": "ends in a carriage return", "\ufeff%s": "starts with a byte order mark", `"%s"`: "stands in quotes", "%s ": "ends in a blank",
	} {
		for field, config := range map[string]pushpackage.Config{
			"AccessID":  {AccessID: fmt.Sprintf(value, "1500001048"), SecretKey: secret},
			"SecretKey": {AccessID: "1500001048", SecretKey: pushpackage.Secret(fmt.Sprintf(value, secret))},
			"BaseURL":   {AccessID: "1500001048", SecretKey: secret, BaseURL: fmt.Sprintf(value, pushpackage.GuangzhouURL)},
		} {
			_, err := pushpackage.New(config)
			assert.ErrorContains(t, err, ") "+want, "%s %q", field, value)
		}
	}
}

// An upload has twice the time-out and more, which must not run over.
func TestTimeoutIsClamped(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		math.MaxInt64: 24 * time.Hour, 24 * time.Hour: 24 * time.Hour, time.Hour: time.Hour, 0: 30 * time.Second, math.MinInt64: 30 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			client := tpns(t, func(req *http.Request) (*http.Response, error) {
				end, _ := req.Context().Deadline()
				assert.Equal(t, want, time.Until(end))
				return ok(success)(req)
			}, func(c *pushpackage.Config) { c.Timeout = given })
			assert.NoError(t, kinds["read"](t.Context(), client))
		})
	}
}

func TestAccessPoints(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"https://api.tpns.tencent.com", "https://api.tpns.sh.tencent.com",
		"https://api.tpns.hk.tencent.com", "https://api.tpns.sgp.tencent.com/",
		"http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080",
	} {
		_, err := pushpackage.New(pushpackage.Config{AccessID: "1500001048", SecretKey: secret, BaseURL: url})
		assert.NoError(t, err, url)
	}
	assert.Equal(t, []string{"https://api.tpns.tencent.com", "https://api.tpns.sh.tencent.com", "https://api.tpns.hk.tencent.com", "https://api.tpns.sgp.tencent.com"},
		[]string{pushpackage.GuangzhouURL, pushpackage.ShanghaiURL, pushpackage.HongKongURL, pushpackage.SingaporeURL})
}

func TestConfigFromEnv(t *testing.T) {
	t.Setenv("TPNS_ACCESS_ID", "1600001061")
	t.Setenv("TPNS_SECRET_KEY", secret)
	t.Setenv("TPNS_BASE_URL", "https://api.tpns.sh.tencent.com")
	assert.Equal(t, pushpackage.Config{AccessID: "1600001061", SecretKey: secret, BaseURL: pushpackage.ShanghaiURL}, pushpackage.ConfigFromEnv())
}

// The key must not show, in whatever way a value that holds it is printed.
func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	for _, signed := range []bool{false, true} {
		config := pushpackage.Config{AccessID: "1500001048", SecretKey: secret, Signed: signed}
		client, err := pushpackage.New(config)
		require.NoError(t, err)
		type wrap struct {
			Client *pushpackage.Client
			Config pushpackage.Config
			hidden *pushpackage.Client
			deeper pushpackage.Client
		}
		for _, v := range []any{
			pushpackage.Secret(secret), config, &config, client, *client,
			wrap{Client: client, Config: config, hidden: client, deeper: *client}, []any{config, client}, map[string]any{"c": config},
			struct{ c pushpackage.Client }{*client},
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
				assertHidden(t, fmt.Sprintf(verb, v))
			}
			text, err := json.Marshal(v)
			require.NoError(t, err)
			assertHidden(t, string(text))
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
			assertHidden(t, log.String())
		}
	}
	assert.Equal(t, "***", pushpackage.Secret(secret).String())
	assert.Empty(t, pushpackage.Secret("").String())
}

func assertHidden(t *testing.T, shown string) {
	t.Helper()
	assert.NotContains(t, shown, secret)
	assert.NotContains(t, shown, fmt.Sprintf("%x", secret))
	assert.NotContains(t, shown, fmt.Sprintf("%X", secret))
	assert.NotContains(t, shown, basic[len("Basic "):])
}

// The vendor's page shows a body and a signature made of another one; both vectors are in api/tpns.yaml.
func TestSign(t *testing.T) {
	t.Parallel()
	const body = `{"audience_type": "account",%s"message": {"title": "test title","content": "test content","android": { "action": {"action_type": 3,"intent": "xgscheme://com.xg.push/notify_detail?param1=xg"}}},"message_type": "notify","account_list": ["5822f0eee44c3625ef0000bb"] }`
	for platform, want := range map[string]string{
		`"platform": "android",`: "Y2QyMDc3NDY4MmJmNzhiZmRiNDNlMTdkMWQ1ZDU2YjNlNWI3ODlhMTY3MGZjMTUyN2VmNTRjNjVkMmQ3Yjc2ZA==",
		``:                       "MDlmMDdkMmE1MThhODgxNGUzNjlkY2Q5NTM0ZjEwYjhhMjlkMTI4NTMxYTE5YWRhYTI4Y2IyNDc2MDVjMWU4NA==",
	} {
		got := pushpackage.Sign("1452fcebae9f3115ba794fb0fff2fd73", "1565314789", "1500001048", fmt.Appendf(nil, body, platform))
		assert.Equal(t, want, got)
	}
}

func TestDefaultClientIsMocked(t *testing.T) {
	was := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = was })
	http.DefaultTransport = roundTrip(ok(`{"retCode":0,"pushStatDataAll":null}`))
	client, err := pushpackage.New(pushpackage.Config{AccessID: "1500001048", SecretKey: secret})
	require.NoError(t, err)
	_, err = client.GetPushTaskStatistics(t.Context(), pushpackage.GetPushTaskStatisticsParams{PushID: "1"})
	assert.NoError(t, err)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
