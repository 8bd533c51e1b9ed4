//go:build unix

package ledger_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

const holder = "WXPAY_TEST_HOLDER"

// hold runs in a process of its own, in which files are for everybody unless said otherwise: it makes a ledger, and
// waits to be killed.
func hold(t *testing.T, path string) {
	syscall.Umask(0)
	l, err := ledger.Create(path, head)
	require.NoError(t, err)
	f := stage(t, l, "a.csv", 1, 2)
	require.NoError(t, l.Begin(t.Context(), f.ID<<40|1, []byte("call")))
	os.Stdout.WriteString("holds\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// A second process is told who has the ledger, and has it once that process was killed; what was written is there. All
// its files are for their owner alone, whatever the umask is.
func TestKilledHolder(t *testing.T) {
	if path := os.Getenv(holder); path != "" {
		hold(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs", "x.ledger")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledHolder$")
	cmd.Env = append(os.Environ(), holder+"="+path)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for said := bufio.NewScanner(out); said.Scan() && said.Text() != "holds"; {
	}
	for _, open := range []func() (*ledger.SQLite, error){
		func() (*ledger.SQLite, error) { return ledger.Open(path) },
		func() (*ledger.SQLite, error) { return ledger.Create(path, head) },
	} {
		_, err := open()
		held, ok := errors.AsType[*ledger.HeldError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, cmd.Process.Pid, held.PID)
	}
	require.Equal(t, cmd.Process.Pid, ledger.Held(path).PID)
	beside, err := ledger.Look(path)
	require.NoError(t, err)
	assert.EqualValues(t, 1, sums(t, beside).Sending)
	require.ErrorIs(t, beside.Begin(t.Context(), 1<<40|2, nil), ledger.ErrReadOnly)
	require.NoError(t, beside.Close())
	modes := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(filepath.Dir(path), func(at string, d fs.DirEntry, err error) error {
		info, _ := d.Info()
		modes[d.Name()] = info.Mode().Perm()
		return err
	}))
	assert.Equal(t, map[string]fs.FileMode{"jobs": 0o700, "x.ledger": 0o600, "x.ledger-wal": 0o600, "x.ledger-shm": 0o600, "x.ledger.lock": 0o600}, modes)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Nil(t, ledger.Held(path))
	l, err := ledger.Open(path)
	require.NoError(t, err)
	item := all(t, l, ledger.Sending)[0]
	assert.Equal(t, "call", string(item.Kept))
	require.NoError(t, l.Close())
}
