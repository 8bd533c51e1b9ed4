//go:build unix

package media_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
)

// A path that became a pipe, a socket or a device is told at once; nobody waits for a writer that never
// comes.
func TestPathThatBecameSomethingElse(t *testing.T) {
	t.Parallel()
	for name, become := range map[string]func(path string) error{
		"pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"socket": func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { _ = l.Close() })
			}
			return err
		},
		"device": func(path string) error { return os.Symlink(os.DevNull, path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "n.txt", content)
			s := source(t, path)
			want := digest(t, s)
			f, err := media.NewForm(nil, s, want)
			require.NoError(t, err)
			require.NoError(t, os.Remove(path))
			require.NoError(t, become(path))
			for what, do := range map[string]func() error{
				"Open":      func() error { _, err := s.Open(); return err },
				"Digest":    func() error { _, err := s.Digest(); return err },
				"Form.Open": func() error { _, err := f.Open(); return err },
			} {
				err := atOnce(t, path, do)
				require.ErrorIs(t, err, media.ErrChanged, what)
				require.ErrorContains(t, err, "not a regular file", what)
			}
			_, err = media.File(path)
			assert.ErrorContains(t, err, "not a regular file")
		})
	}
}

// atOnce fails the test if do waits for the pipe at path, and lets it go.
func atOnce(t *testing.T, path string, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Error("it waits for the pipe")
	}
	if w, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
		defer w.Close()
	}
	return <-done
}
