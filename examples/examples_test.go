// Package examples runs the programs as a stranger would: built, set up from the environment, against a
// server on a socket of which they know nothing but the address.
package examples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// TestMain builds the programs once.
func TestMain(m *testing.M) { os.Exit(withPrograms(m)) }

// bin is where the programs are.
var bin string

func withPrograms(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "wxpay-examples"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	if out, err := exec.Command("go", "build", "-o", bin, "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// theatre is a fake platform on a socket and the environment that leads to it.
type theatre struct {
	fake *wxpaytest.Server
	env  []string
}

func open(t *testing.T, options wxpaytest.Options) *theatre {
	t.Helper()
	fake := wxpaytest.New(t, options)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	env, err := fake.WriteKeys(t.TempDir())
	require.NoError(t, err)
	env = append(env, "WXPAY_BASE_URL="+server.URL, "TPNS_BASE_URL="+server.URL, "PATH="+os.Getenv("PATH"))
	return &theatre{fake, env}
}

// with is the same theatre with more in its environment.
func (th theatre) with(env ...string) *theatre {
	th.env = append(slices.Clone(th.env), env...)
	return &th
}

// without is the same theatre without some variables.
func (th theatre) without(names ...string) *theatre {
	th.env = slices.DeleteFunc(slices.Clone(th.env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(names, name)
	})
	return &th
}

// run returns what a program prints, and its exit code.
func (th *theatre) run(t *testing.T, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, program), args...)
	cmd.Env = th.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// A running program is one that does not end by itself.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr *bufio.Reader
}

func (th *theatre) start(t *testing.T, program string, args ...string) *running {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, program), args...)
	cmd.Env = th.env
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	errs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &running{cmd, bufio.NewReader(out), bufio.NewReader(errs)}
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	require.NoError(t, err, text)
	return strings.TrimSpace(text)
}

// stop sends a signal and returns the rest of the output and the exit code.
func (p *running) stop(t *testing.T, s os.Signal) (stdout, stderr string, code int) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
	out, err := io.ReadAll(p.stdout)
	require.NoError(t, err)
	errs, err := io.ReadAll(p.stderr)
	require.NoError(t, err)
	_ = p.cmd.Wait()
	return string(out), string(errs), p.cmd.ProcessState.ExitCode()
}

func lines(t *testing.T, text string) (rows []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &row), line)
		rows = append(rows, row)
	}
	return rows
}

func TestExamples(t *testing.T) {
	t.Parallel()
	th := open(t, wxpaytest.Options{Mode: wxpaytest.Both})
	list := filepath.Join(t.TempDir(), "autumn 2026.txt")
	var numbers strings.Builder
	for i := range 40 {
		fmt.Fprintf(&numbers, "2020%08d\r\n", i)
	}
	require.NoError(t, os.WriteFile(list, []byte(numbers.String()), 0o600))

	t.Run("bankpackages", func(t *testing.T) {
		args := []string{"-package", "8473295", "-bank-type", "ICBC_DEBIT", "-numbers", list, "-wait", "-every", "10ms"}
		out, errs, code := th.run(t, "bankpackages", args...)
		require.Zero(t, code, errs)
		rows := lines(t, out)
		require.Len(t, rows, 1)
		assert.Equal(t, "FINISHED", rows[0]["status"])
		assert.EqualValues(t, 40, rows[0]["success_count"])
		again, errs, code := th.run(t, "bankpackages", args...)
		require.Zero(t, code, errs)
		assert.Contains(t, errs, "0 files sent, 1 there already")
		assert.JSONEq(t, out, again)
		out, errs, code = th.run(t, "bankpackages", "-package", "8473295", "-list", "-status", "FINISHED")
		require.Zero(t, code, errs)
		assert.Len(t, lines(t, out), 1)
	})
	t.Run("membercard", func(t *testing.T) {
		card := th.fake.AddCard("SYSTEM_ALLOCATE")
		first, errs, code := th.run(t, "membercard", "-card", card, "-phone", "13800138000", "-request-no", "no-1")
		require.Zero(t, code, errs)
		again, _, _ := th.run(t, "membercard", "-card", card, "-phone", "13800138000", "-request-no", "no-1")
		assert.NotEmpty(t, strings.TrimSpace(first))
		assert.Equal(t, first, again)
	})
	t.Run("edupapay", func(t *testing.T) {
		th.fake.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", 45)
		out, errs, code := th.run(t, "edupapay", "-openid", "oUpF8uMuAJOM2pxb1Q", "-appid", "wx8888888888888888", "-plan", "101164396123311331")
		require.Zero(t, code, errs)
		assert.Len(t, lines(t, out), 45)
	})
	t.Run("pushpackage", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "accounts.txt")
		require.NoError(t, os.WriteFile(file, []byte("alice\nbob\n"), 0o600))
		out, errs, code := th.run(t, "pushpackage", "-file", file)
		require.Zero(t, code, errs)
		assert.Regexp(t, `^\d+\n$`, out)
		args := []string{"-file", file, "-title", "Hello", "-content", "World"}
		out, errs, code = th.run(t, "pushpackage", args...)
		require.Zero(t, code, errs)
		assert.Regexp(t, `^\d+\n\d+\n$`, out)
		_, errs, code = th.run(t, "pushpackage", append(args, "-environment", "test")...)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, "environment")
		th.fake.Advance(time.Minute) // one push a second
		program := th.start(t, "pushpackage", append(args, "-wait")...)
		assert.NotEmpty(t, line(t, program.stdout))
		assert.NotEmpty(t, line(t, program.stdout))
		out, errs, code = program.stop(t, os.Interrupt)
		assert.Equal(t, 1, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, "pushpackage: the push was made, how it ended is not known: ")
	})
	t.Run("transfer", func(t *testing.T) {
		args := []string{"-appid", "wxf636efh567hg4356", "-bill", "plfk2020042013", "-openid", "o-MYE42l80oelYMDE34nYD456Xoy", "-fen", "400", "-remark", "lottery",
			"-info", "活动名称=lottery", "-info", "奖励说明=prize"}
		require.NoError(t, th.fake.Inject("POST /v3/fund-app/mch-transfer/transfer-bills", "reset-after-effect", 1))
		out, errs, code := th.with("USER_NAME_OF_PAYEE=张三").run(t, "transfer", args...)
		require.Zero(t, code, errs)
		rows := lines(t, out)
		require.Len(t, rows, 1)
		assert.Equal(t, "WAIT_USER_CONFIRM", rows[0]["state"])
		require.NoError(t, th.fake.ConfirmTransfer("plfk2020042013"))
		again, errs, code := th.run(t, "transfer", append(args, "-wait")...)
		require.Zero(t, code, errs)
		ended := lines(t, again)[0]
		assert.Equal(t, "SUCCESS", ended["state"])
		assert.Equal(t, rows[0]["transfer_bill_no"], ended["transfer_bill_no"])
		args[5] = "o-another"
		_, errs, code = th.run(t, "transfer", args...)
		assert.Equal(t, 1, code, "the number is that of another bill")
		assert.NotContains(t, errs, "o-another")
	})
	t.Run("productcoupon", func(t *testing.T) {
		coupon, stock := th.fake.AddProductCoupon("WECHATPAY")
		args := []string{"-brand", wxpaytest.BrandID, "-coupon", coupon, "-stock", stock, "-openid", "oh-394z-6CGkNoJrsDLTTUKiAnp4", "-appid", "wx233544546545989", "-request-no", "winter_1"}
		first, errs, code := th.run(t, "productcoupon", args...)
		require.Zero(t, code, errs)
		assert.Equal(t, "CONFIRMING", lines(t, first)[0]["coupon_state"])
		again, errs, code := th.run(t, "productcoupon", append(args, "-confirm")...)
		require.Zero(t, code, errs)
		assert.Equal(t, lines(t, first)[0]["coupon_code"], lines(t, again)[0]["coupon_code"])
		assert.NotEqual(t, "CONFIRMING", lines(t, again)[0]["coupon_state"])
	})
	t.Run("withofficial", func(t *testing.T) {
		out, errs, code := th.run(t, "withofficial")
		require.Zero(t, code, errs)
		assert.Contains(t, out, "verified")
		assert.Contains(t, out, `echo "hello"`)
	})
	t.Run("notifications", func(t *testing.T) {
		program := th.start(t, "notifications", "-listen", "127.0.0.1:0", "-path", "/hook")
		_, address, found := strings.Cut(line(t, program.stderr), "listening on ")
		require.True(t, found)
		for i, event := range []string{"ENTRUST.SIGNING", "ENTRUST.RELEASE", "TRANSACTION.SUCCESS", "TRANSACTION.FAIL",
			"MEMBERCARD.ACCEPT_CARD", "MEMBERCARD.ACTIVATE_CARD", "MEMBERCARD.USERCARD_MANAGE", "SECURITY_ECHO.SUCCESS"} {
			resp, err := th.fake.Notify(t.Context(), address, event, map[string]any{"openid": "oUpF8uMuAJOM2pxb1Q",
				"contract_information": map[string]string{"contract_id": "wx1"}, "out_trade_no": "no-1", "card_id": "card-1", "echo_message": "hi"})
			require.NoError(t, err)
			require.Equal(t, 204, resp.StatusCode, event)
			row := line(t, program.stdout)
			assert.Contains(t, row, event)
			assert.Contains(t, row, []string{"wx1", "wx1", "no-1", "no-1", "card-1", "card-1", "card-1", "self-test"}[i])
			assert.NotContains(t, row, "oUpF8uMuAJOM2pxb1Q")
		}
		resp, err := th.fake.Notify(t.Context(), address, "TRANSACTION.FAIL", nil, wxpaytest.Again)
		require.NoError(t, err)
		assert.Equal(t, 204, resp.StatusCode)
		assert.Contains(t, line(t, program.stderr), "handled before")
		resp, err = th.fake.Notify(t.Context(), address, "TRANSACTION.FAIL", map[string]string{}, wxpaytest.Forged)
		require.NoError(t, err)
		assert.Equal(t, 401, resp.StatusCode)
		assert.Contains(t, line(t, program.stderr), "answered 401")
		out, errs, code := program.stop(t, syscall.SIGTERM)
		assert.Zero(t, code, errs)
		assert.Empty(t, out)
		assert.Empty(t, errs)
	})
	t.Run("errors", func(t *testing.T) {
		for _, args := range [][]string{
			{"bankpackages", "-package", "8473295", "-bank-type", "B", "-numbers", "/nowhere"},
			{"bankpackages", "-package", "..", "-list"},
			{"membercard", "-card", "none", "-phone", "13800138000", "-request-no", "no-2"},
			{"membercard", "-card", "none", "-phone", "12", "-request-no", "no-3"},
			{"edupapay", "-openid", "nobody", "-appid", "wx8888888888888888", "-plan", "1"},
			{"pushpackage", "-file", "/nowhere.txt"},
			{"notifications", "-listen", "nowhere"},
		} {
			out, errs, code := th.run(t, args[0], args[1:]...)
			assert.Equal(t, 1, code, args)
			assert.Empty(t, out)
			assert.Equal(t, 1, strings.Count(errs, "\n"), errs)
			assert.True(t, strings.HasPrefix(errs, args[0]+": "), errs)
			assert.NotContains(t, errs, "13800138000")
		}
	})
	t.Run("hints", func(t *testing.T) {
		args := []string{"-card", "none", "-phone", "13800138000", "-request-no", "no-4"}
		for env, chinese := range map[string]bool{"LANG=zh_CN.UTF-8": true, "LC_ALL=zh_TW": true, "LANG=de_DE.UTF-8": false, "LC_ALL=C LANG=zh_CN": false, "LANG=": false} {
			_, errs, code := th.with(strings.Fields(env)...).run(t, "membercard", args...)
			assert.Equal(t, 1, code)
			assert.Equal(t, chinese, strings.Contains(errs, "\n提示："), "%s: %s", env, errs)
		}
		file := filepath.Join(t.TempDir(), "accounts.txt")
		require.NoError(t, os.WriteFile(file, []byte("alice\n"), 0o600))
		_, errs, code := th.without("TPNS_SECRET_KEY").with("TPNS_SECRET_KEY=wrong", "LANG=zh_CN.UTF-8").run(t, "pushpackage", "-file", file)
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, "提示：请核对 Access ID")
	})
	t.Run("usage", func(t *testing.T) {
		card := []string{"membercard", "-card", "c", "-phone", "13800138000"}
		for _, tt := range []struct {
			args []string
			says string
		}{
			{[]string{"bankpackages"}, "-package is missing"},
			{[]string{"bankpackages", "-package", "8473295", "-bank-type", "B"}, "-numbers is missing"},
			{[]string{"bankpackages", "-package", "8473295", "-bank-type", "B", "-numbers", ""}, "-numbers is missing or empty"},
			{[]string{"bankpackages", "-package", "8473295", "-numbers", list}, "-bank-type is missing"},
			{[]string{"bankpackages", "-package", " ", "-list"}, "-package is missing or empty"},
			{[]string{"bankpackages", "-package", "8473295", "-every", "soon"}, "-every"},
			{[]string{"edupapay", "-openid", "o", "-plan", "p"}, "-appid is missing"},
			{card, "-request-no is missing"},
			{append(slices.Clone(card), "-request-no", "1", "13800138000"), "nothing but flags"},
			{[]string{"pushpackage"}, "-file is missing"},
			{[]string{"pushpackage", "-file", "a.txt", "-title", "T"}, "-content is missing"},
			{[]string{"pushpackage", "-file", "a.txt", "-wait"}, "-title is missing"},
			{[]string{"notifications", "-path", ""}, "-path is missing or empty"},
			{[]string{"notifications", "-path", "wxpay"}, "must start with /"},
			{[]string{"withofficial", "now"}, "nothing but flags"},
		} {
			out, errs, code := th.run(t, tt.args[0], tt.args[1:]...)
			assert.Equal(t, 2, code, tt.args)
			assert.Empty(t, out)
			first, rest, _ := strings.Cut(errs, "\n")
			assert.Contains(t, first, tt.says)
			assert.Contains(t, rest, "Usage of ", tt.args)
			assert.NotContains(t, errs, "13800138000")
		}
	})
	t.Run("not set up", func(t *testing.T) {
		bare := &theatre{th.fake, []string{"PATH=" + os.Getenv("PATH")}}
		for program, args := range map[string][]string{
			"bankpackages": {"-package", "8473295", "-list"}, "edupapay": {"-openid", "o", "-appid", "a", "-plan", "p"},
			"membercard": {"-card", "c", "-phone", "13800138000", "-request-no", "1"}, "notifications": nil,
			"pushpackage": {"-file", "a.txt"}, "withofficial": nil,
		} {
			_, errs, code := bare.run(t, program, args...)
			assert.Equal(t, 1, code, program)
			assert.Contains(t, errs, "missing", program)
		}
		_, errs, code := th.without("WXPAY_APIV3_KEY").run(t, "notifications")
		assert.Equal(t, 1, code)
		assert.Contains(t, errs, "WXPAY_APIV3_KEY is missing")
	})
}

// A merchant of today has the platform public key and neither certificates nor an APIv3 key.
func TestPublicKeyOnly(t *testing.T) {
	t.Parallel()
	th := open(t, wxpaytest.Options{}).without("WXPAY_APIV3_KEY")
	out, errs, code := th.run(t, "withofficial")
	require.Zero(t, code, errs)
	assert.Contains(t, out, "official client, our objects: 200 OK")
	assert.Contains(t, out, `our client, official objects: echo "hello"`)
	for _, r := range th.fake.Requests() {
		assert.Equal(t, "POST /v3/security/echo", r.Route)
	}
	_, errs, code = th.without("WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY_FILE").run(t, "withofficial")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "PublicKey")
}

// An import that was stopped, or that failed, is never taken for a finished one.
func TestImportThatIsNotDone(t *testing.T) {
	t.Parallel()
	th := open(t, wxpaytest.Options{TaskDuration: time.Hour})
	list := filepath.Join(t.TempDir(), "numbers.txt")
	require.NoError(t, os.WriteFile(list, []byte("20200000000001\n"), 0o600))
	args := []string{"-package", "8473295", "-bank-type", "ICBC_DEBIT", "-numbers", list, "-wait", "-every", "10ms"}

	t.Run("stopped", func(t *testing.T) {
		for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			before := len(th.fake.Requests())
			program := th.start(t, "bankpackages", args...)
			require.Eventually(t, func() bool { return len(th.fake.Requests()) > before+2 }, 20*time.Second, 5*time.Millisecond)
			out, errs, code := program.stop(t, s)
			assert.Equal(t, 1, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, "bankpackages: the list is not done, 1 of its files are in the package; run this again with the same list: ")
			assert.Contains(t, errs, "signal received")
			assert.Equal(t, 1, strings.Count(errs, "\n"), errs)
		}
	})
	t.Run("refused", func(t *testing.T) {
		th := open(t, wxpaytest.Options{}) // where no request of a stopped program can be on its way
		require.NoError(t, th.fake.Inject("", "NO_AUTH", 1))
		out, errs, code := th.run(t, "bankpackages", args...)
		assert.Equal(t, 1, code)
		assert.Empty(t, out)
		assert.Contains(t, errs, "the list is not done, 0 of its files")
		assert.Contains(t, errs, "NO_AUTH")
	})
	t.Run("again", func(t *testing.T) {
		th.fake.Advance(2 * time.Hour)
		out, errs, code := th.run(t, "bankpackages", args...)
		require.Zero(t, code, errs)
		assert.Contains(t, errs, "0 files sent, 1 there already")
		assert.Contains(t, out, "FINISHED")
	})
}
