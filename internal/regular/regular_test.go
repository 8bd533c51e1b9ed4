package regular_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/internal/regular"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(path, []byte("abc"), 0o600))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(path, link))
	for _, p := range []string{path, link} {
		f, info, err := regular.Open(p)
		require.NoError(t, err)
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		assert.Equal(t, "abc", string(text))
		now, err := f.Stat()
		require.NoError(t, err)
		assert.True(t, os.SameFile(info, now))
		assert.EqualValues(t, 3, info.Size())
		require.NoError(t, f.Close())
	}
	for p, want := range map[string]error{
		dir: regular.ErrNotRegular, os.DevNull: regular.ErrNotRegular,
		filepath.Join(dir, "none"): fs.ErrNotExist,
	} {
		f, info, err := regular.Open(p)
		require.ErrorIs(t, err, want)
		assert.NotContains(t, err.Error(), dir)
		assert.Nil(t, f)
		assert.Nil(t, info)
	}
}
