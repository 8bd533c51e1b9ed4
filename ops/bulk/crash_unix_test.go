//go:build unix

package bulk_test

import (
	"bufio"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

var soak = flag.Bool("soak", false, "crash jobs at full size: 100,000 rows, 50 kills; some minutes")

// A crash is what a child process is told: the job to run, and when to die.
type crash struct {
	Kind        string // of the job
	Ledger      string
	URL         string
	Keys        string // folder
	Card        string
	Rows        int
	Concurrency int
	Steps       int

	Where string // before: its request leaves; after: its answer came; body: in the middle of its body; empty: nowhere
	At    int64  // number of the request, from 1
}

const child = "WXPAY_TEST_CRASH"

func TestMain(m *testing.M) {
	told := os.Getenv(child)
	if told == "" {
		os.Exit(m.Run())
	}
	var c crash
	err := json.Unmarshal([]byte(told), &c)
	var summary *bulk.Summary
	if err == nil {
		summary, err = c.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(summary)
	os.Exit(0)
}

// run is the child: a process of its own that dies without a word.
func (c crash) run() (*bulk.Summary, error) {
	key, err := auth.LoadPrivateKeyFile(filepath.Join(c.Keys, "apiclient_key.pem"))
	if err != nil {
		return nil, err
	}
	public, err := auth.LoadPublicKeyFile(filepath.Join(c.Keys, "pub_key.pem"))
	if err != nil {
		return nil, err
	}
	client, err := wxpay.New(wxpay.Config{
		MchID: wxpaytest.MchID, SerialNo: wxpaytest.SerialNo, PrivateKey: key, PublicKeyID: wxpaytest.PublicKeyID, PublicKey: public,
		BaseURL: c.URL, HTTPClient: &http.Client{Transport: &deadly{crash: c}}, Concurrency: c.Concurrency,
	})
	if err != nil {
		return nil, err
	}
	job := bulk.Job{Ledger: c.Ledger, Key: bulk.ClientKey(client), Rate: -1, Concurrency: c.Concurrency, Steps: c.Steps}
	if job.Source, job.Operation, err = c.work(client); err != nil {
		return nil, err
	}
	summary, err := job.Run(context.Background())
	if stop, ok := errors.AsType[*bulk.StopError](err); ok && c.Steps > 0 && stop.Why == bulk.WhyLimit {
		err = nil
	}
	return summary, err
}

func (c crash) work(client *wxpay.Client) (bulk.Source, bulk.Operation, error) {
	switch c.Kind {
	case "members":
		return phones(c.Rows), imports{client: client, card: c.Card}, nil
	case "debits":
		return c.debits(client)
	}
	return nil, nil, errors.New("no such job")
}

// deadly kills the process at one request.
type deadly struct {
	crash
	sent atomic.Int64
}

func (d *deadly) RoundTrip(req *http.Request) (*http.Response, error) {
	n := d.sent.Add(1)
	if n == 1 {
		fmt.Println("first") // tells how long it took to resume
	}
	if n >= d.At && d.Where == "before" {
		die()
	}
	if n >= d.At && d.Where == "body" && req.Body != nil {
		req = req.Clone(req.Context())
		req.Body = &dying{req.Body, req.ContentLength / 2}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if n >= d.At && d.Where == "after" {
		die()
	}
	return resp, err
}

type dying struct {
	io.ReadCloser
	left int64
}

func (d *dying) Read(p []byte) (int, error) {
	if d.left <= 0 {
		die()
	}
	n, err := d.ReadCloser.Read(p[:min(int64(len(p)), max(d.left, 1))])
	d.left -= int64(n)
	return n, err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}

// A site is the fake on a socket, and the keys in files.
type site struct {
	*wxpaytest.Server
	told crash
}

func newSite(t *testing.T, o wxpaytest.Options) *site {
	t.Helper()
	s := &site{Server: wxpaytest.New(t, o)}
	socket := httptest.NewServer(s.Server)
	t.Cleanup(socket.Close)
	config := s.Config()
	keys := t.TempDir()
	private, err := x509.MarshalPKCS8PrivateKey(config.PrivateKey.(*rsa.PrivateKey))
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(config.PublicKey)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"apiclient_key.pem": {Type: "PRIVATE KEY", Bytes: private}, "pub_key.pem": {Type: "PUBLIC KEY", Bytes: public}} {
		require.NoError(t, os.WriteFile(filepath.Join(keys, name), pem.EncodeToMemory(block), 0o600))
	}
	s.told = crash{URL: socket.URL, Keys: keys, Ledger: filepath.Join(t.TempDir(), "job.ledger"), Concurrency: 16}
	return s
}

// start runs the child until its end, and returns its summary (nil: it was killed) and how long it took to its first
// request.
func (s *site) start(t *testing.T, c crash) (summary *bulk.Summary, first time.Duration) {
	t.Helper()
	told, err := json.Marshal(c)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), child+"="+string(told))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "first" {
			first = time.Since(begin)
			continue
		}
		summary = new(bulk.Summary)
		require.NoError(t, json.Unmarshal(lines.Bytes(), summary))
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil, first
	}
	require.NoError(t, err, said.String())
	return summary, first
}

// toTheEnd runs a job that is killed again and again, and then once more in peace.
func (s *site) toTheEnd(t *testing.T, c crash, kills, requests int, where ...string) (*bulk.Summary, int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	killed, slowest := 0, time.Duration(0)
	for range kills {
		c.Where, c.At = where[random.IntN(len(where))], 1+random.Int64N(int64(max(2*requests/kills, 2)))
		summary, first := s.start(t, c)
		if slowest = max(slowest, first); summary != nil {
			break
		}
		killed++
	}
	c.Where = ""
	summary, first := s.start(t, c)
	t.Logf("%d kills; the first call came after %s at most", killed, max(slowest, first).Round(time.Millisecond))
	assert.Less(t, max(slowest, first), 10*time.Second)
	assert.Equal(t, kills, killed, "kills that happened")
	return summary, killed
}

// Killed between ledger and send, between send and commit, or in the middle of a request: every row has its effect
// once, and no call is made more often than there were calls in flight.
func TestCrashMembers(t *testing.T) {
	rows, kills := 1500, 8
	if *soak {
		rows, kills = 100_000, 50
	} else if testing.Short() {
		t.Skip("kills processes")
	}
	var calls atomic.Int64
	s := newSite(t, wxpaytest.Options{Unlimited: true, Observe: func(wxpaytest.Request) { calls.Add(1) }})
	c := s.told
	c.Kind, c.Rows, c.Card = "members", rows, s.AddCard("SYSTEM_ALLOCATE")
	start := time.Now()
	summary, killed := s.toTheEnd(t, c, kills, rows, "before", "after", "body")
	assert.Equal(t, bulk.Sums{Rows: int64(rows), Done: int64(rows)}, summary.Sums)
	effects := 0
	for _, v := range s.State() {
		if v.Name == "members" {
			effects = len(v.Rows)
		}
	}
	assert.Equal(t, rows, effects, "one effect each")
	repeats := int(calls.Load()) - rows
	assert.LessOrEqual(t, repeats, killed*c.Concurrency)
	info, err := os.Stat(c.Ledger)
	require.NoError(t, err)
	t.Logf("%d rows in %s, %d calls more than rows, %d B of ledger a row", rows, time.Since(start).Round(time.Second), repeats, info.Size()/int64(rows))
	assert.LessOrEqual(t, info.Size()/int64(rows), int64(200))
	_, err = ledger.Look(c.Ledger)
	require.NoError(t, err)
}
