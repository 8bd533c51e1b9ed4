package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
)

func read(t testing.TB, f *media.Form) string {
	t.Helper()
	body, err := f.Open()
	require.NoError(t, err)
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	return string(text)
}

func boundary(t testing.TB, f *media.Form) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(f.ContentType())
	require.NoError(t, err)
	require.Equal(t, "multipart/form-data", kind)
	require.Regexp(t, "^[A-Za-z0-9]{20,70}$", params["boundary"])
	return params["boundary"]
}

// The bytes, written out by hand.
func TestFormBytes(t *testing.T) {
	t.Parallel()
	const meta = `{"filename":"numbers.txt","sha256":"00"}`
	tests := map[string]struct {
		meta, name, content string
		want                string // B stands for the boundary
	}{
		"meta and file": {meta, "numbers.txt", content, "--B\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n" + meta + "\r\n" +
			"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"numbers.txt\"\r\nContent-Type: text/plain\r\n\r\n" + content + "\r\n--B--\r\n"},
		"file alone":     {"", "a.CSV", "x", "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.CSV\"\r\nContent-Type: text/csv\r\n\r\nx\r\n--B--\r\n"},
		"empty file":     {"", "a.zip", "", "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\nContent-Type: application/zip\r\n\r\n\r\n--B--\r\n"},
		"UTF-8":          {"", "名单 1.html", "x", "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"名单 1.html\"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--B--\r\n"},
		"quotes":         {"", `"a" "b"`, "x", "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\\\"a\\\" \\\"b\\\"\"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--B--\r\n"},
		"looks like end": {"", "a", "\r\n--", "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--\r\n--B--\r\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var meta []byte
			if tt.meta != "" {
				meta = []byte(tt.meta)
			}
			f, err := media.NewForm(meta, media.Bytes(tt.name, []byte(tt.content)), nil)
			require.NoError(t, err)
			want := strings.ReplaceAll(tt.want, "--B", "--"+boundary(t, f))
			assert.Equal(t, want, read(t, f))
			assert.Equal(t, want, read(t, f), "the same however often it is opened")
			assert.EqualValues(t, len(want), f.Size())
		})
	}
}

func TestBoundariesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		f, err := media.NewForm(nil, media.Bytes("a", nil), nil)
		require.NoError(t, err)
		seen[boundary(t, f)] = true
	}
	assert.Len(t, seen, 100)
}

// S5: what could end the header early, or name a place instead of a file, is refused.
func TestS5Names(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", ".", "..", "/", "a/b", "/etc/passwd", "../a", "a/", `a\b`, `..\a`, `C:\a`, `\"`,
		"a\r\nX-Evil: 1", "a\n", "\ra", "a\x00.txt", "\x00", "a\tb", "a\x1b[0m", "a\x7f", "a\u0085b", "a\u009f", "\xff", "a\xc3", "\xed\xa0\x80",
	} {
		_, err := media.NewForm(nil, media.Bytes(name, nil), nil)
		if assert.Error(t, err, "%q", name) && len(name) > 2 {
			assert.NotContains(t, err.Error(), name)
		}
	}
	long := strings.Repeat("名", 20_000) + ".txt"
	for _, name := range []string{"a", "...", ".txt", "a b", "a;b=c", `a"; filename="b`, "a%0d%0ab", "a'b", "名单.txt", "😀", long} {
		f, err := media.NewForm([]byte("{}"), media.Bytes(name, []byte(content)), nil)
		require.NoError(t, err, "%q", name)
		meta, got, text := parse(t, f)
		assert.Equal(t, []string{"{}", name, content}, []string{meta, got, text})
	}
}

// parse takes a form apart as a server would, and insists on at most one meta and exactly one file.
func parse(t testing.TB, f *media.Form) (meta, name, text string) {
	t.Helper()
	r := multipart.NewReader(strings.NewReader(read(t, f)), boundary(t, f))
	for n := 0; ; n++ {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return meta, name, text
		}
		require.NoError(t, err)
		body, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Len(t, part.Header, 2, "no header slips in")
		switch {
		case part.FormName() == "meta" && n == 0:
			meta = string(body)
			require.Equal(t, "application/json", part.Header.Get("Content-Type"))
		case part.FormName() == "file" && name == "":
			_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			require.NoError(t, err)
			name, text = params["filename"], string(body)
		default:
			t.Fatalf("part %d is %q", n, part.FormName())
		}
	}
}

// FuzzFormFilename: a name is refused, or a server finds exactly one file of exactly that name.
func FuzzFormFilename(f *testing.F) {
	for _, name := range []string{"a.txt", `a"b`, `a\"b`, "a\r\nb", "名单.zip", "a\x00", "..", `"; name="meta`, "=?utf-8?q?a?=", "a%22"} {
		f.Add(name, []byte("{}"), []byte("--x--\r\n"))
	}
	f.Fuzz(func(t *testing.T, name string, meta, text []byte) {
		form, err := media.NewForm(meta, media.Bytes(name, text), nil)
		if err != nil {
			return
		}
		gotMeta, gotName, gotText := parse(t, form)
		if gotName != name || gotMeta != string(meta) || gotText != string(text) {
			t.Fatalf("sent %q %q %q, arrived %q %q %q", name, meta, text, gotName, gotMeta, gotText)
		}
	})
}

// However a file changes while it is sent, its end is never sent: the server has no whole request.
func TestFileThatChangesIsNeverSentWhole(t *testing.T) {
	t.Parallel()
	const (
		beforeOpen = iota
		beforeRead
		halfWay
	)
	all := map[string]func(*testing.T, string){"overwritten in secret": secretly(overwrite)} // only the digest can tell
	maps.Copy(all, changes)
	for name, change := range all {
		for _, when := range []int{beforeOpen, beforeRead, halfWay} {
			if name == "overwritten in secret" && when == halfWay {
				continue // the byte that changes has left already, so this is no change to what is sent
			}
			t.Run(fmt.Sprint(name, " ", when), func(t *testing.T) {
				t.Parallel()
				path := write(t, "n.txt", content)
				s := source(t, path)
				f, err := media.NewForm([]byte("{}"), s, digest(t, s))
				require.NoError(t, err)
				if when == beforeOpen {
					change(t, path)
				}
				body, err := f.Open()
				if when == beforeOpen && name != "overwritten in secret" {
					require.ErrorIs(t, err, media.ErrChanged)
					return
				}
				require.NoError(t, err)
				if when == beforeRead {
					change(t, path)
				}
				var sent bytes.Buffer
				p := make([]byte, 7)
				for {
					var n int
					n, err = body.Read(p)
					sent.Write(p[:n])
					if when == halfWay && bytes.HasSuffix(sent.Bytes(), []byte("\r\n\r\n"+content[:7])) {
						change(t, path)
					}
					if err != nil {
						break
					}
				}
				assert.ErrorIs(t, err, media.ErrChanged)
				assert.ErrorContains(t, err, "n.txt")
				assert.NotContains(t, sent.String(), boundary(t, f)+"--")
				assert.Less(t, int64(sent.Len()), f.Size()-int64(len("\r\n--"+boundary(t, f)+"--\r\n")), "not even all of the file")
				_ = body.Close() // may say again that it changed
			})
		}
	}
}

func TestReadersThatFail(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk")
	gives := func(n int, err error) readerAt {
		return func(p []byte, off int64) (int, error) {
			return copy(p, content[off:min(int(off)+n, len(content))]), err
		}
	}
	tests := map[string]struct {
		r    readerAt
		want error
	}{
		"at once":                       {gives(0, disk), disk},
		"with bytes":                    {gives(5, disk), disk},
		"with the last bytes":           {gives(15, disk), disk},
		"ends early":                    {gives(0, io.EOF), media.ErrChanged},
		"ends early, with bytes":        {gives(5, io.EOF), media.ErrChanged},
		"unexpected end":                {gives(5, io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		"last bytes and end at once":    {gives(15, io.EOF), nil},
		"in pieces without any end":     {gives(4, nil), nil},
		"the end wrapped by a database": {gives(3, fmt.Errorf("row: %w", io.EOF)), media.ErrChanged},
	}
	for name, tt := range tests {
		for _, guard := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", guard), func(t *testing.T) {
				t.Parallel()
				var d *media.Digest
				if guard {
					d = digest(t, media.Bytes("x", []byte(content)))
				}
				f, err := media.NewForm(nil, media.At("x", tt.r, int64(len(content))), d)
				require.NoError(t, err)
				body, err := f.Open()
				require.NoError(t, err)
				got, err := io.ReadAll(body)
				require.ErrorIs(t, err, tt.want)
				if tt.want == nil {
					assert.Contains(t, string(got), "\r\n\r\n"+content+"\r\n--")
					return
				}
				require.Error(t, err)
				assert.NotContains(t, string(got), "--\r\n")
			})
		}
	}
	t.Run("digest of another file", func(t *testing.T) {
		t.Parallel()
		f, err := media.NewForm(nil, media.Bytes("x", []byte(content)), digest(t, media.Bytes("x", []byte("other"))))
		require.NoError(t, err)
		body, err := f.Open()
		require.NoError(t, err)
		_, err = io.ReadAll(body)
		assert.ErrorIs(t, err, media.ErrChanged)
	})
}

func TestCloseAfterAPart(t *testing.T) {
	t.Parallel()
	path := write(t, "n.txt", content)
	f, err := media.NewForm([]byte("{}"), source(t, path), nil)
	require.NoError(t, err)
	for n := range f.Size() + 1 {
		body, err := f.Open()
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, body, n)
		require.NoError(t, err)
		assert.NoError(t, body.Close())
		assert.NoError(t, body.Close())
	}
	assert.Equal(t, read(t, f), read(t, f), "and a body read to its end leaves nothing behind")
}

// HTTP/2 closes a body from another goroutine while it is being read, when a stream is reset.
func TestCloseBesideRead(t *testing.T) {
	t.Parallel()
	path := write(t, "n.txt", strings.Repeat(content, 10_000))
	s := source(t, path)
	f, err := media.NewForm(nil, s, digest(t, s))
	require.NoError(t, err)
	for range 50 {
		body, err := f.Open()
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.Copy(io.Discard, body) })
		wg.Go(func() { assert.NoError(t, body.Close()) })
		wg.Wait()
		assert.NoError(t, body.Close())
	}
}

// Real servers, HTTP/1.1 and HTTP/2: the request that a redirect repeats through GetBody arrives whole
// and the same, and one whose file changed does not arrive.
func TestSentOverHTTP(t *testing.T) {
	t.Parallel()
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2: ", h2), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			arrived := map[string]string{}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return // broken off
				}
				if int64(len(body)) != r.ContentLength {
					t.Errorf("%d bytes, Content-Length %d", len(body), r.ContentLength)
				}
				mu.Lock()
				arrived[r.URL.Path] = string(body)
				mu.Unlock()
				if r.URL.Path == "/first" {
					http.Redirect(w, r, "/second", http.StatusTemporaryRedirect)
				}
			}))
			server.EnableHTTP2 = h2
			server.StartTLS()
			defer server.Close()
			client := server.Client()
			defer client.CloseIdleConnections()
			send := func(f *media.Form, path string) error {
				body, err := f.Open()
				require.NoError(t, err)
				req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+path, body)
				require.NoError(t, err)
				req.GetBody, req.ContentLength = f.Open, f.Size()
				req.Header.Set("Content-Type", f.ContentType())
				resp, err := client.Do(req)
				if err != nil {
					return err
				}
				assert.Equal(t, h2, resp.ProtoMajor == 2)
				return resp.Body.Close()
			}
			path := write(t, "n.txt", strings.Repeat(content, 10_000))
			s := source(t, path)
			f, err := media.NewForm([]byte("{}"), s, digest(t, s))
			require.NoError(t, err)
			require.NoError(t, send(f, "/first"))
			assert.Equal(t, read(t, f), arrived["/first"])
			assert.Equal(t, read(t, f), arrived["/second"])

			broken, err := media.NewForm([]byte("{}"), s, digest(t, media.Bytes("n.txt", []byte("other"))))
			require.NoError(t, err)
			assert.ErrorIs(t, send(broken, "/broken"), media.ErrChanged)
			server.CloseClientConnections()
			server.Close()
			assert.NotContains(t, arrived, "/broken")
		})
	}
}

// R9: wherever a first attempt breaks off, the second one sends the whole, from the first byte.
func TestR9RepeatedFromTheFirstByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "n.txt")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("0123456789abcde\n"), 256), 0o600)) // 4 KiB
	past := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, past, past))
	s := source(t, path)
	f, err := media.NewForm(nil, s, digest(t, s))
	require.NoError(t, err)
	want := read(t, f)
	for k := range f.Size() {
		body, err := f.Open()
		require.NoError(t, err)
		_, err = io.CopyN(io.Discard, body, k)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		if got := read(t, f); got != want {
			t.Fatalf("after a break at byte %d another body is sent", k)
		}
	}
}
