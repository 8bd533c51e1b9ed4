package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// fill stages n rows and says of all but the last so many that they are done, with a card code and a Request-ID.
func fill(tb testing.TB, l *ledger.SQLite, n, left int64) ledger.File {
	tb.Helper()
	f, err := l.AddFile(ledger.File{Name: "/data/autumn.csv", Digest: strings.Repeat("a", 64)})
	require.NoError(tb, err)
	start := time.Now()
	var entries []ledger.Entry
	for line := int64(1); line <= n; line++ {
		if entries = append(entries, entry(line, line, line)); len(entries) == 2000 || line == n {
			require.NoError(tb, l.Stage(f.ID, entries, nil))
			entries = entries[:0]
		}
	}
	require.NoError(tb, l.FileStaged(f.ID, n))
	staged := time.Since(start)
	start = time.Now()
	lines := make(chan int64)
	var workers sync.WaitGroup
	for range 128 {
		workers.Go(func() {
			for line := range lines {
				require.NoError(tb, l.Begin(tb.Context(), f.ID<<40|line, make([]byte, 700)))
				require.NoError(tb, l.End(tb.Context(), f.ID<<40|line, ledger.Outcome{
					State: ledger.Done, Code: fmt.Sprintf("47851%07d", line), RequestID: fmt.Sprintf("08F8A2C2C006100318D1B3A35820B6BA0228%014d", line),
				}))
			}
		})
	}
	for line := int64(1); line <= n-left; line++ {
		lines <- line
	}
	close(lines)
	workers.Wait()
	tb.Logf("staged %.0f rows/s, begun and ended %.0f rows/s", float64(n)/staged.Seconds(), float64(n-left)/time.Since(start).Seconds())
	return f
}

// A row takes no more than 200 bytes on disk when all is done.
func TestBytesOfARow(t *testing.T) {
	t.Parallel()
	n := int64(6_000)
	if os.Getenv("WXPAY_SOAK") != "" {
		n = 200_000
	}
	l, path := create(t)
	fill(t, l, n, 0)
	require.NoError(t, l.Close())
	bytes := int64(0)
	folder, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	for _, e := range folder {
		info, err := e.Info()
		require.NoError(t, err)
		bytes += info.Size()
	}
	t.Logf("%d bytes a row", bytes/n)
	require.LessOrEqual(t, bytes, 200*n)
}

func BenchmarkBeginEnd(b *testing.B) {
	l, _ := create(b)
	f := stage(b, l, "a.csv", make16()...)
	var workers sync.WaitGroup
	for w := range int64(16) {
		workers.Go(func() {
			for i := w; i < int64(b.N); i += 16 {
				require.NoError(b, l.Begin(b.Context(), f.ID<<40|(w+1), make([]byte, 700)))
				require.NoError(b, l.End(b.Context(), f.ID<<40|(w+1), ledger.Outcome{State: ledger.Staged}))
			}
		})
	}
	workers.Wait()
}

func make16() (people []int64) {
	for i := range int64(16) {
		people = append(people, i+1)
	}
	return people
}

// BenchmarkMillion is of a ledger of a million rows of which 2,000 are left.
func BenchmarkMillion(b *testing.B) {
	if os.Getenv("WXPAY_SOAK") == "" {
		b.Skip("takes minutes; WXPAY_SOAK=1")
	}
	l, path := create(b)
	f := fill(b, l, 1_000_000, 2000)
	b.Run("due", func(b *testing.B) {
		for b.Loop() {
			items, err := l.Due(f.ID, time.Now(), 0, 1, 2000)
			require.NoError(b, err)
			require.Len(b, items, 2000)
		}
	})
	b.Run("next due", func(b *testing.B) {
		for b.Loop() {
			_, some, err := l.NextDue(f.ID, 1<<40-1, 1)
			require.NoError(b, err)
			require.True(b, some)
		}
	})
	b.Run("sums", func(b *testing.B) {
		for b.Loop() {
			sums(b, l)
		}
	})
	require.NoError(b, l.Close())
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			l, err := ledger.Open(path)
			require.NoError(b, err)
			require.NoError(b, l.Close())
		}
	})
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			b.Log(line)
		}
	}
}
