package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

const damaged = 300 // items

// filled makes a ledger of which every third item is done, every third rejected, and the others are staged.
func filled(t *testing.T) (*ledger.SQLite, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.ledger")
	l, err := ledger.Create(path, ledger.Head{Name: "x", Salt: make([]byte, 32), Created: time.Now()})
	require.NoError(t, err)
	f, err := l.AddFile(ledger.File{Name: "a.csv", Digest: "1"})
	require.NoError(t, err)
	var entries []ledger.Entry
	for i := range damaged {
		e := ledger.Entry{Line: int64(i + 1), Rows: 1}
		copy(e.Key[:], fmt.Sprintf("key-%016d", i))
		entries = append(entries, e)
	}
	require.NoError(t, l.Stage(f.ID, entries, nil))
	require.NoError(t, l.FileStaged(f.ID, damaged))
	items, err := l.Due(f.ID, time.Now(), 0, 1, damaged)
	require.NoError(t, err)
	for i, item := range items {
		state := map[int]ledger.State{0: ledger.Done, 1: ledger.Rejected}[i%3]
		if state == ledger.Staged {
			continue
		}
		require.NoError(t, l.Begin(t.Context(), item.ID, []byte("kept")))
		require.NoError(t, l.End(t.Context(), item.ID, ledger.Outcome{State: state, Code: "123456789012", RequestID: "08F3A6-0"}))
	}
	return l, path
}

// truth looks through a ledger: nothing is done, or rejected, that was not.
func truth(t *testing.T, l *ledger.SQLite, what string) {
	t.Helper()
	for item, err := range l.Items(t.Context()) {
		if err != nil {
			_, ok := errors.AsType[*ledger.DamagedError](err)
			require.True(t, ok, "%s: %v", what, err)
			return
		}
		switch item.State {
		case ledger.Done:
			require.EqualValues(t, 0, (item.Line-1)%3, what)
		case ledger.Rejected:
			require.EqualValues(t, 1, (item.Line-1)%3, what)
		}
	}
}

// A file that was cut off or garbled is told, or its items are as they were.
func TestDamage(t *testing.T) {
	t.Parallel()
	l, path := filled(t)
	require.NoError(t, l.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(3, 4))
	told := 0
	check := func(what string, content []byte) {
		path := filepath.Join(t.TempDir(), "x.ledger")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		l, err := ledger.Open(path)
		if err != nil {
			_, isDamaged := errors.AsType[*ledger.DamagedError](err)
			_, isVersion := errors.AsType[*ledger.VersionError](err)
			require.True(t, isDamaged || isVersion, "%s: %v", what, err)
			told++
			return
		}
		defer l.Close()
		truth(t, l, what)
		sums, err := l.Sums()
		if err == nil {
			assert.EqualValues(t, damaged, sums.Rows, what)
			assert.EqualValues(t, damaged/3, sums.Done, what)
		}
	}
	for _, size := range []int{0, 1, 99, 4095, 4096, len(whole) / 2, len(whole) - 4096, len(whole) - 1} {
		before := told
		check(fmt.Sprint("cut at ", size), whole[:size])
		assert.Equal(t, before+1, told, "cut at %d of %d", size, len(whole))
	}
	for i := range 150 {
		garbled := append([]byte(nil), whole...)
		at, n := random.IntN(len(whole)), 1+random.IntN(64)
		for j := at; j < min(at+n, len(whole)); j++ {
			garbled[j] = byte(random.Uint32())
		}
		check(fmt.Sprintf("garbled %d: %d bytes at %d", i, n, at), garbled)
	}
	for i := range len(whole) / 4096 {
		garbled := append([]byte(nil), whole...)
		clear(garbled[i*4096 : (i+1)*4096])
		check(fmt.Sprintf("page %d is gone", i), garbled)
	}
	assert.Greater(t, told, 30)
}

// A tail of the log that was cut off or garbled costs the last changes at most.
func TestTornLog(t *testing.T) {
	t.Parallel()
	l, path := filled(t)
	defer l.Close()
	main, err := os.ReadFile(path)
	require.NoError(t, err)
	wal, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	require.NotEmpty(t, wal)
	random := rand.New(rand.NewPCG(5, 6))
	last := int64(0)
	for i := 0; i <= 60; i++ {
		torn := append([]byte(nil), wal[:len(wal)*i/60]...)
		if i%3 == 2 && len(torn) > 0 {
			torn = append([]byte(nil), wal...)
			for range 100 {
				torn[len(torn)*i/61+random.IntN(len(torn)-len(torn)*i/61)] ^= byte(1 + random.IntN(255))
			}
		}
		path := filepath.Join(t.TempDir(), "x.ledger")
		require.NoError(t, os.WriteFile(path, main, 0o600))
		require.NoError(t, os.WriteFile(path+"-wal", torn, 0o600))
		again, err := ledger.Open(path)
		if err != nil {
			_, isDamaged := errors.AsType[*ledger.DamagedError](err)
			require.True(t, isDamaged, "%d: %v", i, err)
			continue
		}
		truth(t, again, fmt.Sprint("log cut at ", i))
		sums, err := again.Sums()
		require.NoError(t, err)
		last = sums.Done
		require.NoError(t, again.Close())
	}
	assert.EqualValues(t, damaged/3, last, "the whole log has everything")
}
