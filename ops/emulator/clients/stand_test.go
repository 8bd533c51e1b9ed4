// Package clients drives the emulator with clients that other people wrote, over a real socket: whatever they
// do that WeChat Pay takes, the emulator has to take too.
//
// The tests of clients in Go always run. Those in other languages need node, npm, php, python3 and java, and
// the npm registry: go test -tags clients ./emulator/clients
package clients

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"github.com/wxpay-go/wxpay/ops/emulator"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

const (
	bank  = "/v3/marketing/bank/packages/8473295/tasks"
	echo  = "/v3/security/echo"
	cards = "/v3/marketing/membercard-open/cards"
)

// A stand is an emulator on a socket, with the files that a client is set up from.
type stand struct {
	t        *testing.T
	url      string // http://127.0.0.1:…
	emulator *emulator.Emulator
	fake     *wxpaytest.Server
	dir      string
	env      map[string]string
	seen     int // number of the newest exchange that was looked at
}

func start(t *testing.T, mode wxpaytest.Mode) *stand {
	t.Helper()
	dir := t.TempDir()
	e, err := emulator.New(emulator.Config{Dir: dir, Fake: wxpaytest.Options{Mode: mode}})
	require.NoError(t, err)
	listener, err := emulator.Listen(t.Context(), "127.0.0.1:0", false)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var serving sync.WaitGroup
	serving.Go(func() { assert.NoError(t, e.Serve(ctx, listener)) })
	t.Cleanup(func() {
		stop()
		serving.Wait()
	})
	s := &stand{t: t, url: "http://" + listener.Addr().String(), emulator: e, fake: e.Fake(), dir: dir, env: map[string]string{}}
	env, err := e.WriteEnv(s.url)
	require.NoError(t, err)
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		s.env[name] = value
	}
	return s
}

func (s *stand) privateKey() *rsa.PrivateKey {
	s.t.Helper()
	key, err := utils.LoadPrivateKeyWithPath(s.env["WXPAY_PRIVATE_KEY_FILE"])
	require.NoError(s.t, err)
	return key
}

func (s *stand) publicKey() (id string, key *rsa.PublicKey) {
	s.t.Helper()
	key, err := utils.LoadPublicKeyWithPath(s.env["WXPAY_PUBLIC_KEY_FILE"])
	require.NoError(s.t, err)
	return s.env["WXPAY_PUBLIC_KEY_ID"], key
}

func (s *stand) text(variable string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.env[variable])
	require.NoError(s.t, err)
	return string(text)
}

// platform is a transport for clients that go to the platform's own host and by https, whatever they are told:
// the name leads to the emulator, and the certificate of the emulator is good for the name.
func (s *stand) platform() *http.Transport {
	s.t.Helper()
	address := s.secure()
	text, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	require.NoError(s.t, err)
	roots := x509.NewCertPool()
	require.True(s.t, roots.AppendCertsFromPEM(text))
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// secure lets the emulator listen by https too and returns where.
func (s *stand) secure() (address string) {
	s.t.Helper()
	plain, err := emulator.Listen(s.t.Context(), "127.0.0.1:0", false)
	require.NoError(s.t, err)
	listener, err := s.emulator.TLS(plain)
	require.NoError(s.t, err)
	server := &http.Server{Handler: s.emulator, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	s.t.Cleanup(func() { _ = server.Close() })
	return plain.Addr().String()
}

// fresh returns what came since the last time, oldest first.
func (s *stand) fresh() []journal.Exchange {
	found := s.emulator.Journal().Find(journal.Filter{After: s.seen})
	slices.Reverse(found)
	if len(found) > 0 {
		s.seen = found[len(found)-1].Number
	}
	return found
}

// accepted looks at what the emulator saw since the last time: every request was taken, with this advice.
func (s *stand) accepted(advice ...string) {
	s.t.Helper()
	found := s.fresh()
	assert.NotEmpty(s.t, found, "nothing came")
	var given []string
	for _, x := range found {
		assert.Equal(s.t, "ok", x.Verdict, "%s %s", x.Method, x.URI)
		given = append(given, x.Advice...)
	}
	assert.Len(s.t, given, len(advice), "%v", given)
	for i := range min(len(given), len(advice)) {
		assert.Contains(s.t, given[i], advice[i])
	}
}

// refused looks at the last request: it was refused with that code.
func (s *stand) refused(code string) {
	s.t.Helper()
	found := s.fresh()
	require.NotEmpty(s.t, found)
	last := found[len(found)-1]
	assert.Equal(s.t, code, last.Code, last.Verdict)
	assert.NotEqual(s.t, "ok", last.Verdict)
}

// receive starts a receiver that answers 204 if take likes the notification, else 401.
func receive(t *testing.T, take func(r *http.Request) error) (url string) {
	t.Helper()
	box := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := take(r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(box.Close)
	return box.URL
}

// notified sends a notification of the documents to a URL, and the forged ones that a client must not take.
func (s *stand) notified(url string) {
	s.t.Helper()
	for name, test := range map[string]struct {
		variants []wxpaytest.Variant
		taken    bool
	}{
		"genuine":        {nil, true},
		"forged":         {[]wxpaytest.Variant{wxpaytest.Forged}, false},
		"probe":          {[]wxpaytest.Variant{wxpaytest.Probe}, false},
		"tampered":       {[]wxpaytest.Variant{wxpaytest.Tampered}, false},
		"unknown serial": {[]wxpaytest.Variant{wxpaytest.UnknownSerial}, false},
	} {
		resp, err := s.fake.Notify(s.t.Context(), url, "SECURITY_ECHO.SUCCESS", map[string]string{"echo_message": "hello"}, test.variants...)
		require.NoError(s.t, err, name)
		said, err := io.ReadAll(resp.Body)
		require.NoError(s.t, err)
		require.NoError(s.t, resp.Body.Close())
		assert.Equal(s.t, test.taken, resp.StatusCode < 300, "%s: %d %s", name, resp.StatusCode, said)
	}
}
