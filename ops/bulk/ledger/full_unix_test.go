//go:build unix

package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

const fullDisk = "WXPAY_TEST_FULL_DISK"

// On a disk that is full the change that does not fit is an error, every later one is refused, and what was said to be
// written before is there. The disk is a limit on the size of files, in a process of its own.
func TestFullDisk(t *testing.T) {
	if path := os.Getenv(fullDisk); path != "" {
		fillDisk(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.ledger")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullDisk+"="+path)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, said, ok := strings.Cut(string(out), "written: ")
	require.True(t, ok, "%s", out)
	var written int64
	_, err = fmt.Sscan(said, &written)
	require.NoError(t, err)
	l, err := ledger.Open(path)
	require.NoError(t, err)
	defer l.Close()
	sums, err := l.Sums()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, sums.Done, written)
	assert.LessOrEqual(t, sums.Done, written+1, "the last one was in doubt")
	assert.EqualValues(t, 5000, sums.Rows)
}

func fillDisk(t *testing.T, path string) {
	signal.Ignore(syscall.SIGXFSZ)
	l, err := ledger.Create(path, ledger.Head{Name: "x"})
	require.NoError(t, err)
	f, err := l.AddFile(ledger.File{Name: "a", Digest: "1"})
	require.NoError(t, err)
	var entries []ledger.Entry
	for i := range int64(5000) {
		e := ledger.Entry{Line: i + 1, Rows: 1}
		copy(e.Key[:], fmt.Sprintf("key-%016d", i))
		entries = append(entries, e)
	}
	require.NoError(t, l.Stage(f.ID, entries, nil))
	items, err := l.Due(f.ID, time.Now(), 0, 1, 5000)
	require.NoError(t, err)
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	limit := syscall.Rlimit{Cur: uint64(info.Size()) + 200<<10, Max: uint64(info.Size()) + 200<<10}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	written := 0
	for _, item := range items {
		err = l.Begin(t.Context(), item.ID, make([]byte, 2000))
		if err == nil {
			err = l.End(t.Context(), item.ID, ledger.Outcome{State: ledger.Done})
		}
		if err != nil {
			break
		}
		written++
	}
	require.Error(t, err)
	require.ErrorIs(t, err, ledger.ErrFull)
	assert.ErrorIs(t, l.Begin(t.Context(), items[4999].ID, nil), ledger.ErrFull, "nothing is written any more")
	_, damaged := errors.AsType[*ledger.DamagedError](err)
	assert.False(t, damaged)
	l.Close()
	fmt.Println("written:", written)
}
