package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger/ledgertest"
)

// Whatever is done to a ledger, it says what a model says, also after it was closed and opened, and after a crash.
func TestModel(t *testing.T) {
	t.Parallel()
	folder, ledgers := t.TempDir(), 0
	ledgertest.Check(t, 12, func(t *rapid.T) ledgertest.Subject { // some 400 steps; make soak takes 10,000
		path := ""
		next := func() string {
			ledgers++
			path = filepath.Join(folder, fmt.Sprint(ledgers, ".ledger"))
			return path
		}
		l, err := ledger.Create(next(), head)
		require.NoError(t, err)
		return ledgertest.Subject{
			Ledger: l,
			Reopen: func(l ledger.Ledger) (ledger.Ledger, error) {
				require.NoError(t, l.Close())
				return ledger.Open(path)
			},
			// what is on disk at this moment: all files as after a kill of the process, or without that of shared memory as after a
			// power cut
			Crash: func(t *rapid.T, l ledger.Ledger) (ledger.Ledger, error) {
				was := path
				next()
				suffixes := []string{"", "-wal", "-shm"}
				for _, suffix := range suffixes[:rapid.IntRange(2, 3).Draw(t, "files")] {
					content, err := os.ReadFile(was + suffix)
					require.NoError(t, err)
					require.NoError(t, os.WriteFile(path+suffix, content, 0o600))
				}
				require.NoError(t, l.Close())
				return ledger.Open(path)
			},
			Today: func(l ledger.Ledger, step int, now time.Time) (int64, error) {
				return l.(*ledger.SQLite).Today(step, now)
			},
		}
	})
}
