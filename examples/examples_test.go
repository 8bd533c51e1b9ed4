// Package examples runs the programs as a stranger would: built, set up from the environment, against a
// server on a socket of which they know nothing but the address.
package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// theatre is the programs, a fake platform on a socket and the environment that leads to it.
type theatre struct {
	fake *wxpaytest.Server
	bin  string
	env  []string
}

func open(t *testing.T) *theatre {
	t.Helper()
	fake := wxpaytest.New(t, wxpaytest.Options{Mode: wxpaytest.Both})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	env, err := fake.WriteKeys(t.TempDir())
	require.NoError(t, err)
	bin := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./...").CombinedOutput()
	require.NoError(t, err, string(out))
	env = append(env, "WXPAY_BASE_URL="+server.URL, "TPNS_BASE_URL="+server.URL, "PATH="+os.Getenv("PATH"))
	return &theatre{fake, bin, env}
}

// run returns what a program prints, and its exit code.
func (th *theatre) run(t *testing.T, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(th.bin, program), args...)
	cmd.Env = th.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
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
	th := open(t)
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
	})
	t.Run("withofficial", func(t *testing.T) {
		out, errs, code := th.run(t, "withofficial")
		require.Zero(t, code, errs)
		assert.Contains(t, out, "verified")
		assert.Contains(t, out, `echo "hello"`)
	})
	t.Run("errors", func(t *testing.T) {
		for _, args := range [][]string{
			{"bankpackages", "-package", "8473295", "-bank-type", "B", "-numbers", "/nowhere"},
			{"bankpackages", "-package", "..", "-list"},
			{"membercard", "-card", "none", "-phone", "13800138000", "-request-no", "no-2"},
			{"membercard", "-card", "none", "-phone", "12", "-request-no", "no-3"},
			{"edupapay", "-openid", "nobody", "-appid", "wx8888888888888888", "-plan", "1"},
			{"pushpackage", "-file", "/nowhere.txt"},
		} {
			out, errs, code := th.run(t, args[0], args[1:]...)
			assert.Equal(t, 1, code, args)
			assert.Empty(t, out)
			assert.Equal(t, 1, strings.Count(errs, "\n"), errs)
			assert.NotEmpty(t, strings.TrimSpace(errs))
			assert.NotContains(t, errs, "13800138000")
		}
	})
	t.Run("not set up", func(t *testing.T) {
		bare := &theatre{th.fake, th.bin, []string{"PATH=" + os.Getenv("PATH")}}
		for _, program := range []string{"bankpackages", "edupapay", "membercard", "pushpackage", "withofficial"} {
			args := map[string][]string{"pushpackage": {"-file", "a.txt"}, "membercard": {"-card", "c", "-phone", "13800138000", "-request-no", "1"},
				"edupapay": {"-openid", "o", "-appid", "a", "-plan", "p"}}[program]
			_, errs, code := bare.run(t, program, args...)
			assert.Equal(t, 1, code, program)
			assert.Contains(t, errs, "missing", program)
		}
	})
}
