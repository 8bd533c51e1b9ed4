package httpx

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// An upload that is refused before its end: the answer arrives, however early the server stops reading.
func TestUploadRefusedEarly(t *testing.T) {
	t.Parallel()
	answer := "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull"
	raw := func(read int64) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, read)
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, answer)
			_ = c.(*net.TCPConn).Close()
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"unread":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusRequestEntityTooLarge) },
		"closed":        raw(0),
		"closed later":  raw(100 << 10),
		"closed midway": raw(8 << 20),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			_, c := Clients(nil, 1, 10*time.Second)
			defer c.CloseIdleConnections()
			for range 5 {
				var sent atomic.Int64
				req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, counted{io.LimitReader(endless{}, 32<<20), &sent})
				require.NoError(t, err)
				req.ContentLength = 32 << 20
				resp, err := c.Do(req)
				if assert.NoError(t, err) {
					assert.Equal(t, 413, resp.StatusCode)
					resp.Body.Close()
				}
				assert.Less(t, sent.Load(), int64(32<<20), "it is broken off")
			}
		})
	}
}
