package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// emulating starts `wxpay emulate` within the test and returns the environment that it wrote.
func emulating(t *testing.T, args ...string) (env map[string]string, stop func() outcome) {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, to := io.Pipe()
	var stderr strings.Builder
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, append([]string{"emulate", "--addr", "127.0.0.1:0", "--dir", dir}, args...), func(string) string { return "" }, strings.NewReader(""), to, &stderr)
		_ = to.Close()
		ended <- code
	}()
	first, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "%s", stderr.String())
	text, err := os.ReadFile(filepath.Join(dir, "env"))
	require.NoError(t, err)
	env = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		env[name] = strings.Trim(value, "'")
	}
	assert.Equal(t, strings.TrimSpace(first), env["WXPAY_BASE_URL"])
	assert.True(t, filepath.IsAbs(env["WXPAY_PRIVATE_KEY_FILE"]))
	return env, func() outcome {
		cancel()
		return outcome{<-ended, first, stderr.String()}
	}
}

// The emulator runs, commands talk to it, and it ends when it is told to.
func TestEmulate(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.URL.Path
		w.WriteHeader(204)
	}))
	t.Cleanup(shop.Close)
	env, stop := emulating(t, "--forward-to", shop.URL)
	ok := func(args ...string) string {
		t.Helper()
		o := runIn(t, env, "", args...)
		require.Zero(t, o.code, "%v: %s", args, o.stderr)
		return strings.TrimSpace(o.stdout)
	}
	assert.Equal(t, "card-1", ok("emulate", "do", "add-card", "code_mode=SYSTEM_ALLOCATE", "card_id=card-1"))
	assert.Regexp(t, `^\{"product_coupon_id":"\d+","stock_id":"\d+"\}$`, ok("emulate", "do", "add-product-coupon", "coupon_code_mode=WECHATPAY"))
	assert.Contains(t, ok("doctor"), "echo")
	ok("emulate", "fault", "NO_AUTH*2", "--route", "GET /v3/marketing/membercard-open/cards/{card_id}")
	assert.Contains(t, ok("emulate", "faults"), "yet to happen: NO_AUTH")
	config, err := wxpay.ConfigFrom(func(name string) string { return env[name] })
	require.NoError(t, err)
	client, err := wxpay.New(config)
	require.NoError(t, err)
	for i := range 3 {
		_, err := membercard.New(client).GetCard(t.Context(), membercard.GetCardParams{CardID: "card-1"})
		assert.Equal(t, i == 2, err == nil, "%v", err)
	}
	assert.NotContains(t, ok("emulate", "faults"), "yet to happen")
	assert.Contains(t, ok("emulate", "requests", "--outcome", "fault"), "NO_AUTH")
	line := ok("emulate", "requests", "--json", "--limit", "1")
	var r map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &r), line)
	assert.Equal(t, []any{"request", "getCard"}, []any{r["type"], r["operation"]})

	id := ok("trigger", "ENTRUST.SIGNING", "--to", "https://shop.example/signed")
	assert.Equal(t, "/signed", <-heard)
	o := runIn(t, env, "", "emulate", "resend", id, "--variant", "forged")
	assert.Equal(t, exitRejected, o.code)
	assert.Contains(t, o.stderr, "the receiver must refuse it")
	assert.Contains(t, ok("emulate", "resend", id), "taken")
	assert.Contains(t, ok("emulate", "events"), id+"\tENTRUST.SIGNING\tdelivered")
	ok("emulate", "advance", "72h")
	ok("emulate", "reset", "state")
	assert.Empty(t, ok("emulate", "events"))
	ok("emulate", "reset")

	for _, wrong := range [][]string{
		{"emulate", "fault", "429*x"}, {"emulate", "fault", "429%0"}, {"emulate", "fault", "no-such"}, {"emulate", "do", "no-such"}, {"emulate", "do", "add-card", "x"},
		{"emulate", "advance", "soon"}, {"emulate", "reset", "odd"}, {"trigger", "NO.SUCH"}, {"trigger", "ENTRUST.SIGNING", "--data", "{"}, {"emulate", "resend", "EV-1"},
		{"trigger", "ENTRUST.SIGNING", "--emulator", "http://shop.example"}, {"emulate", "requests", "--outcome", "odd"},
	} {
		o := runIn(t, env, "", wrong...)
		assert.Equal(t, exitUsage, o.code, "%v: %s", wrong, o.stderr)
		assert.Equal(t, 1, strings.Count(o.stderr, "\n"), "%v: %s", wrong, o.stderr)
		o = runIn(t, env, "", append(wrong, "--lang=zh")...)
		assert.Regexp(t, `\p{Han}`, o.stderr, "%v", wrong)
	}
	o = stop()
	assert.Zero(t, o.code)
	assert.Contains(t, o.stderr, "A FAKE WeChat Pay")
	o = runIn(t, env, "", "emulate", "reset")
	assert.Equal(t, exitStopped, o.code)
	assert.Contains(t, o.stderr, "no emulator answers at http://127.0.0.1:")
}

// A command runs in the environment of the emulator, and its exit code is that of the emulator.
func TestEmulateCommand(t *testing.T) {
	t.Parallel()
	o := runIn(t, nil, "", "emulate", "--addr", "127.0.0.1:0", "--", "sh", "-c", `test -f "$WXPAY_PRIVATE_KEY_FILE" && echo "$WXPAY_BASE_URL" && exit 7`)
	assert.Equal(t, 7, o.code, o.stderr)
	assert.Regexp(t, `^http://127.0.0.1:\d+\n$`, o.stdout)
	o = runIn(t, nil, "", "emulate", "--addr", "127.0.0.1:0", "--", "sh", "-c", "kill -9 $$")
	assert.Equal(t, 137, o.code, o.stderr)
	o = runIn(t, nil, "", "emulate", "--addr", "127.0.0.1:0", "--", "true")
	assert.Zero(t, o.code, o.stderr)
	o = runIn(t, nil, "", "emulate", "--addr", "127.0.0.1:0", "--", "no-such-command-anywhere")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "cannot be run")
}

// A command that is told to end, and does, ended well; a real set-up beside the emulator's does not reach it.
func TestEmulateCommandEndsWell(t *testing.T) {
	for name, value := range map[string]string{"WXPAY_BACKUP_URL": "https://api2.mch.weixin.qq.com", "WXPAY_PRIVATE_KEY": "REAL", "WXPAY_BRAND_ID": "1", "WXPAY_LANG": "en"} {
		t.Setenv(name, value)
	}
	o := runIn(t, nil, "", "emulate", "--addr", "127.0.0.1:0", "--", "sh", "-c", `echo "[$WXPAY_BACKUP_URL$WXPAY_PRIVATE_KEY$WXPAY_BRAND_ID$WXPAY_LANG]"`)
	assert.Equal(t, "[en]\n", o.stdout)
	ctx, cancel := context.WithCancel(t.Context())
	stdout, to := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"emulate", "--addr", "127.0.0.1:0", "--", "sh", "-c", `trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`}, func(string) string { return "" }, strings.NewReader(""), to, io.Discard)
	}()
	_, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	cancel()
	assert.Zero(t, <-ended)
}

// What cannot work is said in one line, and nothing is served.
func TestEmulateRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("- no-such: {}\n"), 0o600))
	for name, args := range map[string][]string{
		"port in use":    {"--addr", taken.Addr().String()},
		"no address":     {"--addr", "8089"},
		"for others":     {"--addr", "0.0.0.0:0"},
		"dir is a file":  {"--dir", file},
		"no such start":  {"--start", file + ".no"},
		"odd start":      {"--start", file},
		"forward":        {"--forward-to", "https://shop.example/"},
		"forward to odd": {"--forward-to", "shop"},
		"mode":           {"--mode", "odd"},
		"speed":          {"--speed", "0"},
		"clock":          {"--clock", "noon"},
		"state":          {"--state", filepath.Join(file, "state")},
		"command":        {"now"},
	} {
		if name != "port in use" && name != "no address" && name != "for others" {
			args = append([]string{"--addr", "127.0.0.1:0"}, args...)
		}
		o := runIn(t, nil, "", append([]string{"emulate"}, args...)...)
		assert.Equal(t, exitUsage, o.code, "%s: %s", name, o.stderr)
		assert.Equal(t, 1, strings.Count(o.stderr, "\n"), "%s: %s", name, o.stderr)
		assert.Empty(t, o.stdout, name)
	}
}
