package pushpackage_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/push/pushpackage"
)

// In outages and brown-outs of any depth, repetitions add at most a tenth to what is offered.
func TestBrownOut(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]httpmock.Responder{
		"503": httpmock.NewStringResponder(503, ""), "1008004": ok(`{"retCode":1008004}`), "429": httpmock.NewStringResponder(429, ""),
		"refused": httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: errors.New("refused")}),
	} {
		for _, percent := range []int{5, 17, 50, 100} {
			t.Run(fmt.Sprint(name, " ", percent), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					client := tpns(t, func(req *http.Request) (*http.Response, error) {
						if sent++; sent*37%100 < percent { // spread evenly
							return bad(req)
						}
						return ok(success)(req)
					})
					const offered = 2000
					for range offered {
						_ = kinds["read"](t.Context(), client)
					}
					assert.LessOrEqual(t, sent, offered*110/100)
					assert.Greater(t, sent, offered, "some are repeated")
				})
			})
		}
	}
}

// A repetition whose file is gone costs the others nothing.
func TestRepetitionsThatAreNotMadeCostNoQuota(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.txt")
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		gone := true
		client := tpns(t, func(req *http.Request) (*http.Response, error) {
			sent++
			if gone {
				require.NoError(t, os.Remove(path))
			}
			return httpmock.NewStringResponse(503, ""), nil
		})
		upload := func() int {
			require.NoError(t, os.WriteFile(path, []byte("13800000000\n"), 0o600))
			file, err := media.File(path)
			require.NoError(t, err)
			before := sent
			_, err = client.Upload(t.Context(), pushpackage.UploadParams{File: file})
			require.Error(t, err)
			return sent - before
		}
		for range 100 { // four times what the quota would pay for
			require.Equal(t, 1, upload())
		}
		gone = false
		assert.Equal(t, 3, upload())
	})
}

// What stops a request before it has left: a proxy that refuses to connect, and TLS that does not come about.
func TestNeverLeftBehindAProxy(t *testing.T) {
	t.Parallel()
	serve := func(f func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				f(c)
				c.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
		return l.Addr().String()
	}
	proxy := func(status string) *http.Client {
		address := serve(func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status)
			}
		})
		return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: address})}}
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	defer old.Close()
	for name, tt := range map[string]struct {
		client *http.Client
		host   string
	}{
		"proxy 403":            {proxy("403 Forbidden"), "api.tpns.tencent.com"},
		"proxy 407":            {proxy("407 Proxy Authentication Required"), "api.tpns.tencent.com"},
		"proxy 503":            {proxy("503 a\x1b[31mb"), "api.tpns.tencent.com"},
		"handshake broken off": {nil, serve(func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })},
		"TLS too old":          {nil, old.Listener.Addr().String()},
		"no TLS":               {nil, serve(func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") })},
		"nobody listens":       {nil, "127.0.0.1:1"},
	} {
		for kind, do := range kinds {
			client, err := pushpackage.New(pushpackage.Config{AccessID: "1500001048", SecretKey: secret, BaseURL: "https://" + tt.host, HTTPClient: tt.client, MaxAttempts: 1})
			require.NoError(t, err)
			err = do(t.Context(), client)
			require.Error(t, err, name)
			assert.False(t, pushpackage.OutcomeUnknown(err), "%s %s: %v", name, kind, err)
			assert.ErrorContains(t, err, "not sent", name)
			assert.NotRegexp(t, `[\x00-\x1f]`, err.Error())
		}
		if tt.client != nil {
			tt.client.CloseIdleConnections()
		}
	}
}

// Text that is not UTF-8 would arrive as question marks on everybody's phone.
func TestTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	client := tpns(t, ok(success))
	for _, title := range []string{"\xd6\xd0", "a\xff", "\ufffd"} {
		p := minimal()
		p.Message.Title = title
		_, err := client.Push(t.Context(), p)
		var wrong *pushpackage.ParamError
		assert.ErrorAs(t, err, &wrong, "%q", title)
	}
	p := minimal()
	p.Message.Title = `\ufffd`
	_, err := client.Push(t.Context(), p)
	assert.NoError(t, err, "a backslash is text as any")
}
