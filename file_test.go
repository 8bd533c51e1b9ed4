package wxpay_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
)

const pdf = "%PDF-1.4 \xff\xfe not JSON"

// fileAt is where a file may be.
const fileAt = "https://files.weixin.qq.com/v3/a%2Fb/file?source=elecsign&token=a%2Bb+c&x"

// The address is taken as it is, the request signed, and the file comes without a signature.
func TestDownload(t *testing.T) {
	t.Parallel()
	for _, answer := range []answer{{body: pdf, change: unsigned}, {body: pdf}, {body: pdf, key: strangerKey()}, {body: pdf, change: func(r *http.Response) { r.ContentLength = -1 }}} {
		p := newPlatform(t, answer)
		var seen wxpay.Exchange
		file, err := wxpay.Download(wxpay.WithExchange(t.Context(), &seen), p.client(), fileAt, int64(len(pdf)))
		require.NoError(t, err)
		assert.Equal(t, pdf, string(file))
		got := p.requests()
		require.Len(t, got, 1)
		assert.Equal(t, []string{"GET", "files.weixin.qq.com", "/v3/a%2Fb/file?source=elecsign&token=a%2Bb+c&x", "", "*/*"}, []string{got[0].method, got[0].host, got[0].uri, got[0].body, got[0].header.Get("Accept")})
		assert.Equal(t, []any{mchID, "GET (address of a file)", "https://files.weixin.qq.com", 200, 1, nil}, []any{seen.Sender, seen.Route, seen.Host, seen.Status, seen.Attempt, seen.Err})
	}
}

// A signature goes to hosts of WeChat Pay and to the client's own, over https but for the latter.
func TestDownloadFromOddAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		fileAt: true, "https://127.0.0.1:8443/a": false, "https://API2.mch.weixin.qq.com/a": true, "https://apihk.wechatpay.cn/a": true, "https://evil.example/v3/a": false, "https://weixin.qq.com.evil.example/a": false, "https://evilweixin.qq.com/a": false, "http://127.0.0.1:8080/a?b": true, "http://127.0.0.1:9999/a": true, "http://127.0.0.1:8081/a": false,
		"http://files.weixin.qq.com/a": false, "http://api.mch.weixin.qq.com/a": false, "ftp://files.weixin.qq.com/a": false, "file:///etc/passwd": false, "": false, "/v3/a": false,
		"https:///a": false, "https://me:secret@files.weixin.qq.com/a": false, "https://files.weixin.qq.com/a#b": false, "https://files.weixin.qq.com/\n": false, "https:files.weixin.qq.com": false,
	} {
		p := newPlatform(t, answer{body: pdf, change: unsigned})
		config := p.config()
		config.BaseURL, config.BackupURL = "http://127.0.0.1:8080", "http://127.0.0.1:9999"
		client, err := wxpay.New(config)
		require.NoError(t, err)
		_, err = wxpay.Download(t.Context(), client, address, 1<<20)
		if good {
			assert.NoError(t, err, address)
			continue
		}
		e, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, "%q: %v", address, err) {
			assert.Equal(t, "address", e.Param)
			assert.NotContains(t, err.Error(), "secret")
		}
		assert.Empty(t, p.requests(), address)
	}
}

// What did not come whole, or is none, is no file.
func TestDownloadThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer   answer
		requests int
		says     string
	}{
		"too large":        {answer{body: pdf + "x"}, 1, "larger than allowed"},
		"endless":          {answer{body: pdf + "x", change: func(r *http.Response) { r.ContentLength = -1 }}, 1, "larger than allowed"},
		"broken off":       {answer{body: pdf, change: func(r *http.Response) { r.Body = io.NopCloser(strings.NewReader(pdf[1:])) }}, 3, "unexpected EOF"},
		"compressed":       {answer{body: pdf, change: func(r *http.Response) { r.Header.Set("Content-Encoding", "gzip") }}, 1, "compressed"},
		"elsewhere":        {answer{status: 302, change: func(r *http.Response) { r.Header.Set("Location", "https://b.example/") }}, 1, "302, which is not followed"},
		"in part":          {answer{status: 206, body: pdf}, 1, "206"},
		"nothing":          {answer{status: 204}, 1, "204"},
		"does not hold":    {answer{status: 403, body: `{"code":"NO_AUTH","message":"expired"}`}, 1, "403 NO_AUTH"},
		"a page":           {answer{status: 404, body: "<html>"}, 1, "404"},
		"the platform ill": {answer{status: 500, body: `{"code":"SYSTEM_ERROR","message":"m"}`}, 3, "500 SYSTEM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			merchantKey()
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t, tt.answer)
				file, err := wxpay.Download(t.Context(), p.client(), fileAt, int64(len(pdf)))
				require.ErrorContains(t, err, tt.says)
				assert.Nil(t, file)
				assert.Len(t, p.requests(), tt.requests)
				assert.NotContains(t, err.Error(), "token")
				oneLine(t, err.Error())
				if e, ok := errors.AsType[*wxpay.Error](err); ok {
					assert.False(t, e.Verified)
				}
			})
		})
	}
}

// One that is lost comes the next time, at the same host; the context and the time for a call bound it.
func TestDownloadAgain(t *testing.T) {
	t.Parallel()
	merchantKey()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.next = func(n int, req *http.Request) (*http.Response, error) {
			if n < 3 {
				return nil, io.ErrUnexpectedEOF
			}
			return answer{body: pdf, change: unsigned}.response(req), nil
		}
		file, err := wxpay.Download(t.Context(), p.client(), fileAt, 1<<20)
		require.NoError(t, err)
		assert.Equal(t, pdf, string(file))
		for _, r := range p.requests() {
			assert.Equal(t, "files.weixin.qq.com", r.host)
		}

		p = newPlatform(t)
		p.next = func(_ int, req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		start := time.Now()
		_, err = wxpay.Download(t.Context(), p.once(), fileAt, 1<<20)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(start), 30*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = wxpay.Download(ctx, p.once(), fileAt, 1<<20)
		require.ErrorIs(t, err, context.Canceled)
		assert.Len(t, p.requests(), 1)
	})
}

// Two who keep calls are both told, the outer one first, and each can stop a call.
func TestBothKeep(t *testing.T) {
	t.Parallel()
	for stops, want := range map[string]string{"": "outer inner", "outer": "outer", "inner": "outer inner"} {
		var told []string
		keep := func(name string) func(context.Context, wxpay.Prepared) error {
			return func(context.Context, wxpay.Prepared) error {
				told = append(told, name)
				if name == stops {
					return errors.New("full")
				}
				return nil
			}
		}
		p := newPlatform(t, answer{body: `{"text":"b"}`})
		ctx := wxpay.WithPrepared(wxpay.WithPrepared(t.Context(), keep("outer")), keep("inner"))
		err := wxpay.Send(ctx, p.client(), read("1"))
		assert.Equal(t, stops != "", err != nil)
		assert.Equal(t, want, strings.Join(told, " "))
		assert.Len(t, p.requests(), map[bool]int{true: 1}[stops == ""])
		require.NoError(t, wxpay.Send(wxpay.WithPrepared(ctx, nil), p.client(), read("1")), "nil: nobody is told")
		assert.Equal(t, want, strings.Join(told, " "))
	}
}
