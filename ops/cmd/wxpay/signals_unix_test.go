//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is the command itself where a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("WXPAY_TEST_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// signalled is how a command ends that reads its input when a signal comes. The input ends after it.
func signalled(t *testing.T, with syscall.Signal, through ...string) (code int, said string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args := append(through, self, "api", "POST", "/v3/security/echo", "-d", "-")
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = []string{"WXPAY_TEST_COMMAND=1"}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	input, err := c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = input.Write(bytes.Repeat([]byte{' '}, 1<<20)) // more than a pipe holds: it reads, so it has heard of signals
	require.NoError(t, err)
	require.NoError(t, c.Process.Signal(with))
	if len(through) > 0 {
		require.NoError(t, input.Close())
	}
	_ = c.Wait()
	return c.ProcessState.ExitCode(), stderr.String()
}

func TestSignals(t *testing.T) {
	t.Parallel()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // or what the tests themselves ignore, such as under nohup, their commands would ignore too
	defer signal.Stop(heard)
	for _, with := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		code, said := signalled(t, with)
		assert.Equal(t, exitInterrupted, code, "%s: %s", with, said)
	}
	code, said := signalled(t, syscall.SIGHUP, "sh", "-c", `trap "" HUP; exec "$0" "$@"`)
	assert.Equal(t, exitUsage, code, "nohup: it goes on, and finds no JSON: %s", said)
}
