//go:build unix

package regular

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// By the rule of PostgreSQL, written out.
func TestPrivate(t *testing.T) {
	t.Parallel()
	const root, app, other = 0, 1000, 1001
	tests := []struct {
		mode        fs.FileMode
		owner, self int
		want        bool
	}{
		{0o600, app, app, true}, {0o400, app, app, true}, {0o700, app, app, true},
		{0o640, app, app, false}, {0o440, app, app, false}, {0o620, app, app, false}, {0o610, app, app, false}, {0o604, app, app, false}, {0o602, app, app, false}, {0o601, app, app, false},
		{0o640, root, app, true}, {0o440, root, app, true}, {0o600, root, app, true},
		{0o660, root, app, false}, {0o650, root, app, false}, {0o644, root, app, false}, {0o641, root, app, false}, {0o642, root, app, false},
		{0o600, root, root, true}, {0o640, root, root, false}, {0o440, root, root, false}, // root's own file
		{0o600, other, root, true}, {0o640, other, root, false}, {0o440, other, app, false},
		{0o600, -1, app, true}, {0o640, -1, app, false}, // no owner is told
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, private(tt.mode, tt.owner, tt.self), "%04o of %d read by %d", tt.mode, tt.owner, tt.self)
	}
}

func TestPrivateAsksForOwnerAndMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for mode, want := range map[fs.FileMode]bool{0o600: true, 0o640: false, 0o604: false} {
		require.NoError(t, os.Chmod(path, mode))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, want, Private(info), "%04o", mode)
	}
}

func TestPipesAndSockets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "s")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	for _, path := range []string{pipe, socket} {
		_, _, err := Open(path)
		assert.ErrorIs(t, err, ErrNotRegular)
	}
}

// The path turns from a file into a pipe and back, over and over: whatever Open sees, it returns, and what
// it returns is a file.
func TestPathThatTurnsIntoAPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, next := filepath.Join(dir, "path"), filepath.Join(dir, "next")
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	require.NoError(t, os.WriteFile(file, []byte("abc"), 0o600))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink(file, path))
	var stop atomic.Bool
	turned := make(chan struct{})
	go func() {
		defer close(turned)
		for !stop.Load() {
			for _, target := range []string{pipe, file} {
				_ = os.Symlink(target, next)
				_ = os.Rename(next, path)
			}
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
			f, info, err := Open(path)
			if err != nil {
				assert.ErrorIs(t, err, ErrNotRegular)
				continue
			}
			assert.True(t, info.Mode().IsRegular())
			assert.NoError(t, f.Close())
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("Open waits for a pipe")
	}
	stop.Store(true)
	<-turned
	if f, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil { // frees who still waits
		defer f.Close()
		<-done
	}
}
