package media_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const content = "0001\n0002\n0003\n"

// write makes a file of that name whose time of change is an hour ago, so that any later one differs.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	hour := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, hour, hour))
	return path
}

func source(t testing.TB, path string) *media.Source {
	t.Helper()
	s, err := media.File(path)
	require.NoError(t, err)
	return s
}

func digest(t testing.TB, s *media.Source) *media.Digest {
	t.Helper()
	d, err := s.Digest()
	require.NoError(t, err)
	return &d
}

// zeros is an endless file of nothing that costs no memory.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// readerAt is a ReaderAt from a function.
type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func TestSources(t *testing.T) {
	t.Parallel()
	path := write(t, "numbers.txt", content)
	link := filepath.Join(t.TempDir(), "link.txt")
	require.NoError(t, os.Symlink(path, link))
	tests := map[string]struct {
		source *media.Source
		name   string
		want   string
	}{
		"file":            {source(t, path), "numbers.txt", content},
		"link":            {source(t, link), "link.txt", content},
		"empty file":      {source(t, write(t, "empty.txt", "")), "empty.txt", ""},
		"bytes":           {media.Bytes("b", []byte(content)), "b", content},
		"no bytes":        {media.Bytes("b", nil), "b", ""},
		"at":              {media.At("a", strings.NewReader(content), int64(len(content))), "a", content},
		"at, a part":      {media.At("a", strings.NewReader(content), 5), "a", "0001\n"},
		"at, endless":     {media.At("a", zeros{}, 3), "a", "\x00\x00\x00"},
		"at, in pieces":   {media.At("a", readerAt(bytewise), 5), "a", "abcde"},
		"name as it came": {media.Bytes("a/b\x00", nil), "a/b\x00", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.name, tt.source.Name())
			assert.EqualValues(t, len(tt.want), tt.source.Size())
			for range 3 {
				r, err := tt.source.Open()
				require.NoError(t, err)
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				assert.Equal(t, tt.want, string(got))
				assert.NoError(t, r.Close())
			}
			sum := sha256.Sum256([]byte(tt.want))
			d := digest(t, tt.source)
			assert.Equal(t, sum, d.SHA256)
			assert.Equal(t, hex.EncodeToString(sum[:]), d.Hex())
		})
	}
}

// bytewise gives one byte a time, as a ReaderAt may while it says why.
func bytewise(p []byte, off int64) (int, error) {
	p[0] = "abcde"[off]
	return 1, nil
}

func TestReadingByPosition(t *testing.T) {
	t.Parallel()
	r, err := source(t, write(t, "n.txt", content)).Open()
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), []byte(content)))
	p := make([]byte, 4)
	_, err = r.ReadAt(p, 5)
	require.NoError(t, err)
	assert.Equal(t, "0002", string(p))
	assert.NoError(t, r.Close())
}

func TestNotAFile(t *testing.T) {
	t.Parallel()
	_, err := media.File(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
	_, err = media.File(os.DevNull)
	assert.ErrorContains(t, err, "not a regular file")
	_, err = media.File(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)

	path := write(t, "gone.txt", content)
	s := source(t, path)
	require.NoError(t, os.Remove(path))
	_, err = s.Open()
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Digest()
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// changes are what may happen to a file between two looks.
var changes = map[string]func(t *testing.T, path string){
	"truncated":     truncate(4),
	"emptied":       truncate(0),
	"grown":         truncate(400),
	"touched":       func(t *testing.T, path string) { require.NoError(t, os.Chtimes(path, time.Time{}, time.Now())) },
	"overwritten":   overwrite,
	"cut in secret": secretly(truncate(14)),
}

func truncate(size int64) func(*testing.T, string) {
	return func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, size)) }
}

func overwrite(t *testing.T, path string) {
	require.NoError(t, os.WriteFile(path, []byte("9"+content[1:]), 0o600))
}

// secretly leaves the time of change as it was.
func secretly(change func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		change(t, path)
		require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
}

// Another file of the same size and time of change took the place of the one that was looked at.
func TestSwappedFile(t *testing.T) {
	t.Parallel()
	path := write(t, "n.txt", content)
	s := source(t, path)
	want, err := s.Digest()
	require.NoError(t, err)
	was, err := os.Stat(path)
	require.NoError(t, err)
	other := write(t, "other.txt", "9"+content[1:])
	require.NoError(t, os.Chtimes(other, was.ModTime(), was.ModTime()))
	require.NoError(t, os.Rename(other, path))
	_, err = s.Open()
	require.ErrorIs(t, err, media.ErrChanged)
	assert.ErrorContains(t, err, "n.txt")
	_, err = s.Digest()
	require.ErrorIs(t, err, media.ErrChanged)
	f, err := media.NewForm(nil, s, &want)
	require.NoError(t, err)
	_, err = f.Open()
	require.ErrorIs(t, err, media.ErrChanged)
}

func TestPathThatBecameAFolder(t *testing.T) {
	t.Parallel()
	path := write(t, "n.txt", content)
	s := source(t, path)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	for range 2 {
		_, err := s.Open()
		require.ErrorIs(t, err, media.ErrChanged)
		require.ErrorContains(t, err, "not a regular file")
		require.NotContains(t, err.Error(), filepath.Dir(path))
	}
}

// A size that no file has is refused before anything is read, so that nobody reckons with it.
func TestSizesThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{-1, -1 << 40, math.MinInt64, 1<<40 + 1, 1 << 50, math.MaxInt64} {
		s := media.At("x.txt", readerAt(func([]byte, int64) (int, error) {
			t.Error("it was read")
			return 0, io.EOF
		}), size)
		_, err := s.Digest()
		require.ErrorContains(t, err, "x.txt", "%d", size)
		_, err = s.Open()
		require.Error(t, err, "%d", size)
		_, err = media.NewForm(nil, s, nil)
		require.Error(t, err, "%d", size)
	}
	f, err := media.NewForm(nil, media.At("x.txt", zeros{}, 1<<40), nil)
	require.NoError(t, err)
	assert.Greater(t, f.Size(), int64(1<<40))

	_, err = media.At("x.txt", nil, 3).Digest()
	assert.ErrorContains(t, err, "no reader")
}

// The name of a source may be any text; an error stays one line.
func TestErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	const name = "a\nINFO all paid\x1b[2J\u202e.txt"
	var errs []error
	_, err := media.At(name, strings.NewReader("ab"), 3).Digest()
	errs = append(errs, err)
	_, err = media.At(name, strings.NewReader("ab"), -1).Digest()
	errs = append(errs, err)
	_, err = media.At(name, nil, 1).Digest()
	errs = append(errs, err)
	_, err = media.File(filepath.Join(t.TempDir(), name))
	errs = append(errs, err)
	for _, change := range []func(*testing.T, string){truncate(4), func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }} {
		path := write(t, name, content)
		s := source(t, path)
		change(t, path)
		_, err := s.Open()
		errs = append(errs, err)
	}
	for _, err := range errs {
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), "\x1b")
		assert.NotContains(t, err.Error(), "\u202e")
	}
}

func TestChangedFile(t *testing.T) {
	t.Parallel()
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "n.txt", content)
			s := source(t, path)
			r, err := s.Open()
			require.NoError(t, err)
			change(t, path)
			assert.ErrorIs(t, r.Close(), media.ErrChanged, "a reading under way says so at its end")
			_, err = s.Open()
			assert.ErrorIs(t, err, media.ErrChanged)
			_, err = s.Digest()
			assert.ErrorIs(t, err, media.ErrChanged)
			assert.ErrorContains(t, err, "n.txt")
			assert.NotContains(t, err.Error(), filepath.Dir(path), "the place of the file is nobody's business")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk")
	fails := func(n int, err error) readerAt {
		return func(p []byte, off int64) (int, error) {
			if off > 0 {
				return 0, err
			}
			return copy(p, content[:n]), err
		}
	}
	tests := map[string]struct {
		source *media.Source
		want   error
	}{
		"an empty one":             {media.Bytes("x", nil), nil},
		"5 bytes missing":          {media.At("x", strings.NewReader(content), int64(len(content)+5)), media.ErrChanged},
		"nothing there":            {media.At("x", strings.NewReader(""), 5), media.ErrChanged},
		"size below zero":          {media.At("x", strings.NewReader(content), -1), media.ErrChanged},
		"error":                    {media.At("x", fails(0, disk), 15), disk},
		"bytes, and an error":      {media.At("x", fails(7, disk), 15), disk},
		"bytes, and the end":       {media.At("x", fails(7, io.EOF), 15), media.ErrChanged},
		"all bytes, and the end":   {media.At("x", fails(15, io.EOF), 15), nil},
		"all bytes, and a failure": {media.At("x", fails(15, disk), 15), disk},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := tt.source.Digest()
			assert.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				assert.Zero(t, d)
			}
		})
	}
}

func TestDigestAlsoWrites(t *testing.T) {
	t.Parallel()
	s := media.Bytes("x", []byte(content))
	var a, b, untouched bytes.Buffer
	also := []io.Writer{&a, &b, &untouched, &untouched}
	d, err := s.Digest(also[:2]...)
	require.NoError(t, err)
	assert.Equal(t, *digest(t, s), d)
	assert.Equal(t, []string{content, content, ""}, []string{a.String(), b.String(), untouched.String()})
	assert.Equal(t, []io.Writer{&a, &b, &untouched, &untouched}, also, "the caller's slice is left as it is")

	full := errors.New("full")
	_, err = s.Digest(&a, writer(func([]byte) (int, error) { return 0, full }))
	assert.ErrorIs(t, err, full)
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestCloseAgainSaysTheSame(t *testing.T) {
	t.Parallel()
	path := write(t, "n.txt", content)
	r, err := source(t, path).Open()
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, r, 3)
	require.NoError(t, err)
	assert.NoError(t, r.Close())
	assert.NoError(t, r.Close())
	_, err = r.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrClosed)

	r, err = source(t, path).Open()
	require.NoError(t, err)
	changes["touched"](t, path)
	first := r.Close()
	require.ErrorIs(t, first, media.ErrChanged)
	assert.Equal(t, first, r.Close())

	r, err = media.Bytes("x", nil).Open()
	require.NoError(t, err)
	assert.NoError(t, errors.Join(r.Close(), r.Close()))
}

// A source is read by many at once, in pieces of different size.
func TestManyReadings(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte(content), 3000)
	path := write(t, "n.txt", string(big))
	for _, s := range []*media.Source{source(t, path), media.Bytes("n.txt", big)} {
		want := digest(t, s)
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				d, err := s.Digest()
				assert.NoError(t, err)
				assert.Equal(t, *want, d)
				f, err := media.NewForm(nil, s, want)
				if !assert.NoError(t, err) {
					return
				}
				body, err := f.Open()
				if !assert.NoError(t, err) {
					return
				}
				var got bytes.Buffer
				_, err = io.CopyBuffer(&got, struct{ io.Reader }{body}, make([]byte, 100+i))
				assert.NoError(t, err)
				assert.NoError(t, body.Close())
				assert.EqualValues(t, f.Size(), got.Len())
				assert.Contains(t, got.String(), string(big))
			})
		}
		wg.Wait()
	}
}

// What a pass costs does not depend on how long the file is.
func TestMemoryIsFlat(t *testing.T) { // not parallel: it counts allocations
	passes := map[string]func(s *media.Source, f *media.Form) error{
		"digest": func(s *media.Source, _ *media.Form) error {
			_, err := s.Digest()
			return err
		},
		"form": func(_ *media.Source, f *media.Form) error {
			body, err := f.Open()
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, buffer)
			return errors.Join(err, body.Close())
		},
	}
	for name, pass := range passes {
		cost := func(size int64) (count float64, bytes uint64) {
			s := media.At("x.txt", zeros{}, size)
			f, err := media.NewForm([]byte("{}"), s, digest(t, s))
			require.NoError(t, err)
			least := uint64(math.MaxUint64) // of several passes: the runtime allocates beside them
			for range 5 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				require.NoError(t, pass(s, f))
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			return testing.AllocsPerRun(1, func() { _ = pass(s, f) }), least
		}
		fewer, small := cost(1 << 20)
		more, large := cost(64 << 20)
		assert.Equal(t, fewer, more, name)
		assert.Less(t, large, small+4<<10, name)
		assert.Less(t, large, uint64(64<<10), name)
	}
}

var buffer = make([]byte, 32<<10)

func Example() {
	list := media.Bytes("numbers.txt", []byte("0001\n0002\n"))
	sum, err := list.Digest()
	if err != nil {
		fmt.Println(err)
		return
	}
	form, err := media.NewForm([]byte(`{"filename":"numbers.txt"}`), list, &sum)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // sent, and sent again
		body, err := form.Open()
		if err != nil {
			fmt.Println(err)
			return
		}
		n, err := io.Copy(io.Discard, body)
		fmt.Println(n == form.Size(), err, body.Close())
	}
	// Output:
	// true <nil> <nil>
	// true <nil> <nil>
}
