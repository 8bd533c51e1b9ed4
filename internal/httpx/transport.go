package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// maxHeader bounds the header of an answer, which net/http would let grow to 10 MiB.
const maxHeader = 64 << 10

// Clients returns two copies of c, for calls and for uploads, that do not follow redirects: a signed request must
// not be carried to another host. A nil c stands for clients with transports of our own.
func Clients(c *http.Client, concurrency int, header time.Duration) (calls, uploads *http.Client) {
	if c != nil {
		c = staying(*c)
		return c, c
	}
	own, patient := transports(concurrency, header)
	return staying(http.Client{Transport: own}), staying(http.Client{Transport: patient})
}

func staying(c http.Client) *http.Client {
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// transports are used when the caller brings none. They take nothing from http.DefaultTransport, whose TLS checks
// anybody in the process can switch off, except that one which is no *http.Transport, such as the mock of
// httpmock.Activate, serves instead.
//
// Idle connections close before the platform closes them at 8 s, which also looks the host up again. The
// header of an answer must come within header once the request is written; how long a file takes to be worked
// through is bounded by the call alone.
func transports(concurrency int, header time.Duration) (calls, uploads http.RoundTripper) {
	if _, plain := http.DefaultTransport.(*http.Transport); !plain {
		return http.DefaultTransport, http.DefaultTransport
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    reachLimit,
		ResponseHeaderTimeout:  header,
		MaxResponseHeaderBytes: maxHeader,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        5 * time.Second,
		MaxIdleConnsPerHost:    concurrency,
		DisableCompression:     true,
	}
	patient := t.Clone()
	patient.ResponseHeaderTimeout = 0
	patient.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := t.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lingering{c}, nil
	}
	return t, patient
}

// A lingering connection waits a moment before it says that it cannot write. A server that refuses an
// upload early answers and closes; without the wait its answer, already on the way, would lose to the
// error of writing on.
type lingering struct{ net.Conn }

const linger = 300 * time.Millisecond

func (c lingering) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		<-time.After(linger)
	}
	return n, err
}
