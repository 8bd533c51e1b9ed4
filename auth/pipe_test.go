//go:build unix

package auth_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/auth"
)

// A pipe, a folder or a device in the place of a key file is told at once.
func TestKeyFileThatIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, dir, os.DevNull} {
		for name, load := range map[string]func(string) error{
			"private":     func(p string) error { _, err := auth.LoadPrivateKeyFile(p); return err },
			"public":      func(p string) error { _, err := auth.LoadPublicKeyFile(p); return err },
			"certificate": func(p string) error { _, err := auth.LoadCertificateFile(p); return err },
		} {
			done := make(chan error, 1)
			go func() { done <- load(path) }()
			select {
			case err := <-done:
				require.EqualError(t, err, "auth: "+path+": not a regular file", name)
			case <-time.After(10 * time.Second):
				w, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0) // lets the reader go
				require.NoError(t, err)
				<-done
				require.NoError(t, w.Close())
				t.Errorf("%s: it waits for %s", name, path)
			}
		}
	}
}

// The path leads to a key that is closed to others and to one that is not, in turns: what was looked at is
// what is read.
func TestModeIsThatOfTheFileRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link, next := filepath.Join(dir, "key"), filepath.Join(dir, "next")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "closed"), pkcs8(merchantKey()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "open"), pkcs8(strangerKey()), 0o600))
	require.NoError(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	require.NoError(t, os.Symlink("closed", link))
	var stop atomic.Bool
	turned := make(chan struct{})
	go func() {
		defer close(turned)
		for !stop.Load() {
			for _, target := range []string{"open", "closed"} {
				_ = os.Symlink(target, next)
				_ = os.Rename(next, link)
			}
		}
	}()
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		if key, err := auth.LoadPrivateKeyFile(link); err == nil {
			assert.True(t, merchantKey().Equal(key), "a key that others can read was taken")
		} else {
			assert.ErrorContains(t, err, "can be read by others")
		}
	}
	stop.Store(true)
	<-turned
}
