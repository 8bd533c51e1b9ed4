package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A stand is a fake platform on a socket and the environment that leads to it.
type stand struct {
	t    *testing.T
	fake *wxpaytest.Server
	url  string
	dir  string // with the keys
	env  map[string]string
}

func newStand(t *testing.T, o ...wxpaytest.Options) *stand {
	t.Helper()
	fake := wxpaytest.New(t, o...)
	return standAt(t, fake, fake)
}

// standAt is a stand whose socket is served by h, which may change what fake says.
func standAt(t *testing.T, fake *wxpaytest.Server, h http.Handler) *stand {
	t.Helper()
	socket := httptest.NewServer(h)
	t.Cleanup(socket.Close)
	s := &stand{t: t, fake: fake, url: socket.URL, dir: t.TempDir(), env: map[string]string{}}
	env, err := fake.WriteKeys(s.dir)
	require.NoError(t, err)
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		s.env[name] = value
	}
	s.env["WXPAY_BASE_URL"], s.env["TPNS_BASE_URL"] = socket.URL, socket.URL
	delete(s.env, "WXPAY_CERTIFICATE_FILE") // a test breaks one thing, and the certificate is held against the others
	return s
}

// An outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// run carries out a command line in the environment of the stand, with what is set beside it.
func (s *stand) run(args ...string) outcome {
	s.t.Helper()
	return s.runWith("", args...)
}

func (s *stand) runWith(stdin string, args ...string) outcome {
	s.t.Helper()
	o := runIn(s.t, s.env, stdin, args...)
	s.secretsIn(o.stdout + o.stderr)
	return o
}

// secretsIn fails if a text shows a key.
func (s *stand) secretsIn(text string) {
	s.t.Helper()
	key, err := os.ReadFile(filepath.Join(s.dir, "apiclient_key.pem"))
	require.NoError(s.t, err)
	for _, secret := range []string{wxpaytest.APIv3Key, wxpaytest.BrandAPIKey, wxpaytest.TPNSSecretKey, strings.Split(string(key), "\n")[3]} {
		assert.NotContains(s.t, text, secret)
	}
}

func runIn(t *testing.T, env map[string]string, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, func(name string) string { return env[name] }, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// lines are the lines of JSON on stdout, each of which must be an object with a type.
func (o outcome) lines(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(o.stdout) {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		require.NotEmpty(t, v["type"], line)
		list = append(list, v)
	}
	return list
}

// of are the lines of one type.
func (o outcome) of(t *testing.T, kind string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, line := range o.lines(t) {
		if line["type"] == kind {
			list = append(list, line)
		}
	}
	return list
}

// oneLineOf is a text that must be a single line.
func oneLineOf(t *testing.T, text string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, "\n"), "%q", text)
	return strings.TrimSuffix(text, "\n")
}

// writeCertificate makes a certificate of the key in the folder of a stand, and returns its path and serial number.
func (s *stand) writeCertificate(change func(*x509.Certificate)) (path, serial string) {
	s.t.Helper()
	private := keyIn(s.t, filepath.Join(s.dir, "apiclient_key.pem"))
	number, _ := new(big.Int).SetString(s.env["WXPAY_SERIAL_NO"], 16)
	template := &x509.Certificate{SerialNumber: number, Subject: pkix.Name{CommonName: s.env["WXPAY_MCH_ID"]}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour)}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(s.t, err)
	path = filepath.Join(s.dir, "apiclient_cert.pem")
	require.NoError(s.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return path, s.env["WXPAY_SERIAL_NO"]
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func keyIn(t *testing.T, path string) *rsa.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return key.(*rsa.PrivateKey)
}
