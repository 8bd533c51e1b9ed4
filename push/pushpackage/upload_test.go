package pushpackage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

func TestUploadOnTheWire(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file        *media.Source
		signed      bool
		disposition string
		contentType string
		content     string
	}{
		"txt":          {media.Bytes("accounts.txt", []byte("13800000000\n")), false, `form-data; name="file"; filename="accounts.txt"`, "text/plain", "13800000000\n"},
		"csv, Chinese": {media.Bytes("号码包.csv", []byte("user-1\r\n")), false, `form-data; name="file"; filename="号码包.csv"`, "text/csv", "user-1\r\n"},
		"signed":       {media.Bytes(`a"b.txt`, []byte("user-1")), true, `form-data; name="file"; filename="a\"b.txt"`, "text/plain", "user-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := tpns(t, func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, "POST https://api.tpns.tencent.com/v3/push/package/upload", req.Method+" "+req.URL.String())
				assert.Equal(t, []string{basic}, req.Header["Authorization"])
				assert.NotContains(t, req.Header, "Sign")
				assert.Empty(t, req.TransferEncoding)
				body, err := io.ReadAll(req.Body)
				assert.NoError(t, err)
				assert.EqualValues(t, len(body), req.ContentLength)
				again, err := req.GetBody()
				assert.NoError(t, err)
				repeated, err := io.ReadAll(again)
				assert.NoError(t, errors.Join(err, again.Close()))
				assert.Equal(t, string(body), string(repeated))

				kind, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
				assert.NoError(t, err)
				assert.Equal(t, "multipart/form-data", kind)
				parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
				part, err := parts.NextRawPart()
				if !assert.NoError(t, err) {
					return ok(`{}`)(req)
				}
				assert.Equal(t, tt.disposition, part.Header.Get("Content-Disposition"))
				assert.Equal(t, tt.contentType, part.Header.Get("Content-Type"))
				content, err := io.ReadAll(part)
				assert.NoError(t, err)
				assert.Equal(t, tt.content, string(content))
				_, err = parts.NextRawPart()
				assert.Equal(t, io.EOF, err)
				return ok(`{"retCode":0,"errMsg":"NO_ERROR","uploadId":11231}`)(req)
			}, func(c *pushpackage.Config) { c.Signed = tt.signed })
			upload, err := client.Upload(t.Context(), pushpackage.UploadParams{File: tt.file})
			require.NoError(t, err)
			assert.Equal(t, &pushpackage.Upload{UploadID: 11231}, upload)
		})
	}
}

func TestUploadAnswers(t *testing.T) {
	t.Parallel()
	do := func(answer string) (*pushpackage.Upload, error) {
		return tpns(t, ok(answer), func(c *pushpackage.Config) { c.MaxAttempts = 1 }).
			Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("a.txt", []byte("user-1"))})
	}
	upload, err := do(`{"retCode":"0","errMsg":"","uploadId":"4294967295"}`)
	require.NoError(t, err)
	assert.Equal(t, int64(4294967295), upload.UploadID)

	_, err = do(`{"retCode":1008012,"errMsg":"upload empty file","uploadId":0}`)
	assert.ErrorIs(t, err, pushpackage.CodeEmptyFile)
	assert.False(t, pushpackage.OutcomeUnknown(err))
	for _, answer := range []string{`{"retCode":0,"uploadId":0}`, `{"retCode":0,"uploadId":-1}`, `{"retCode":0}`, `{"retCode":0,"uploadId":"x"}`} {
		_, err = do(answer)
		assert.True(t, pushpackage.OutcomeUnknown(err), answer)
	}
}

func TestUploadRefusesBeforeSending(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		params pushpackage.UploadParams
		param  string
	}{
		"no file":            {pushpackage.UploadParams{}, "file"},
		"no file, unchecked": {pushpackage.UploadParams{SkipChecks: true}, "file"},
		"bad line":           {pushpackage.UploadParams{File: media.Bytes("a.txt", []byte("13800000000\nx\n"))}, "file"},
		"bad ending":         {pushpackage.UploadParams{File: media.Bytes("a.xlsx", []byte("13800000000"))}, "filename"},
		"folder":             {pushpackage.UploadParams{File: media.Bytes("../a.txt", []byte("13800000000"))}, "filename"},
		"line in name":       {pushpackage.UploadParams{File: media.Bytes("a\r\nX: y.txt", []byte("13800000000")), SkipChecks: true}, "filename"},
		"NUL in name":        {pushpackage.UploadParams{File: media.Bytes("a\x00.txt", []byte("13800000000")), SkipChecks: true}, "filename"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tpns(t, unreachable(t)).Upload(t.Context(), tt.params)
			var p *pushpackage.ParamError
			require.ErrorAs(t, err, &p)
			assert.Equal(t, tt.param, p.Param)
			assert.Equal(t, "POST /v3/push/package/upload", p.Route)
			assert.NotContains(t, err.Error(), "13800000000")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestSkipChecks(t *testing.T) {
	t.Parallel()
	client := tpns(t, ok(success))
	_, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("list.dat", []byte("\xff\n\nx")), SkipChecks: true})
	assert.NoError(t, err)
}

// A reader that gives other bytes from the n-th pass on.
type fickle struct {
	first, then []byte
	n, passes   int
}

func (f *fickle) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		f.passes++
	}
	if f.passes > f.n {
		return bytes.NewReader(f.then).ReadAt(p, off)
	}
	return bytes.NewReader(f.first).ReadAt(p, off)
}

func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	good, other := []byte("13800000000\n"), []byte("13900000000\n")
	for _, n := range []int{1, 2} { // after the digest, after the check
		sent := 0
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			sent++
			_, err := io.ReadAll(req.Body)
			return nil, err
		})
		_, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.At("a.txt", &fickle{first: good, then: other, n: n}, int64(len(good)))})
		require.ErrorIs(t, err, media.ErrChanged)
		assert.False(t, pushpackage.OutcomeUnknown(err))
		assert.Equal(t, 1, sent)
	}

	path := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, good, 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(good, other...), 0o600))
	_, err = tpns(t, unreachable(t)).Upload(t.Context(), pushpackage.UploadParams{File: file})
	assert.ErrorIs(t, err, media.ErrChanged)
	assert.ErrorIs(t, pushpackage.Check(file), media.ErrChanged)
	require.NoError(t, os.Remove(path))
	_, err = tpns(t, unreachable(t)).Upload(t.Context(), pushpackage.UploadParams{File: file})
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.NotContains(t, err.Error(), "\n")
}

// during runs when a check looks whether its context has ended.
type during struct {
	context.Context
	run func()
}

func (d during) Err() error { d.run(); return nil }

// A file that is written to while it is checked is no bad list but a changed file.
func TestFileThatChangesDuringTheCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("13800000000\n"), 0o600))
	file, err := media.File(path)
	require.NoError(t, err)
	err = pushpackage.CheckContent(during{t.Context(), func() { assert.NoError(t, os.WriteFile(path, []byte("x\n"), 0o600)) }}, file)
	assert.ErrorIs(t, err, media.ErrChanged)
}

// endless is a list of any size that takes no memory.
type endless struct{}

func (endless) ReadAt(p []byte, off int64) (int, error) {
	const line = "13800000000\n"
	for i := range p {
		p[i] = line[(off+int64(i))%int64(len(line))]
	}
	return len(p), nil
}

func TestUploadTakesConstantMemory(t *testing.T) { // alone, since it measures
	client := tpns(t, nil, func(c *pushpackage.Config) {
		c.HTTPClient.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{req.Body}, make([]byte, 32<<10))
			assert.NoError(t, err)
			assert.Equal(t, req.ContentLength, n)
			return ok(success)(req)
		})
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.At("a.txt", endless{}, 24_000_000)})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestCancelEndsTheCheck(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.txt", "b.csv"} {
		ctx, cancel := context.WithCancel(t.Context())
		reads := 0
		file := media.At(name, readerAt(func(p []byte, off int64) (int, error) {
			if reads++; reads == 5 {
				cancel()
			}
			return endless{}.ReadAt(p, off)
		}), 96_000_000)
		_, err := tpns(t, unreachable(t)).Upload(ctx, pushpackage.UploadParams{File: file})
		assert.ErrorIs(t, err, context.Canceled)
		assert.LessOrEqual(t, reads, 6)
		assert.ErrorIs(t, pushpackage.CheckContent(ctx, file), context.Canceled)
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// A large file has more time, and the caller's context still ends the upload at once.
func TestUploadTimeout(t *testing.T) {
	t.Parallel()
	client := tpns(t, func(req *http.Request) (*http.Response, error) {
		end, ok := req.Context().Deadline()
		assert.True(t, ok)
		assert.InDelta(t, (60*time.Second + 15*time.Second).Seconds(), time.Until(end).Seconds(), 1)
		return httpmock.NewStringResponse(http.StatusOK, success), nil
	})
	_, err := client.Upload(t.Context(), pushpackage.UploadParams{File: media.Bytes("a.txt", []byte(strings.Repeat("13800000000\n", 1_000_000/12)))})
	assert.NoError(t, err)
}
