//go:build unix

package bulk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	"github.com/wxpay-go/wxpay/ops/bulk/banklists"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

var soak = flag.Bool("soak", false, "crash jobs at full size, such as 100,000 rows with 50 kills, and hold their figures to the targets; some minutes")

// A crash is what a child process is told: the job to run, and when to die.
type crash struct {
	Kind        string // of the job
	Ledger      string
	URL         string
	Keys        string // folder
	Card        string
	Coupon      string
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
	tellPeak()
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
		o := imports{client: client, card: c.Card}
		return c.list(o, "138%08d"), o, nil
	case "bank":
		o, err := banklists.New(banklists.Params{Client: client, PackageID: "8473295", BankType: "ICBC_DEBIT", Name: "autumn"})
		if err != nil {
			return nil, nil, err
		}
		return c.list(o, "2026%010d"), o, nil
	case "debits":
		return c.debits(client)
	case "coupons":
		return c.coupons(client)
	case "transfers":
		return c.transfers(client)
	}
	return nil, nil, errors.New("no such job")
}

// list is a source of rows that are nowhere in memory, as those of a file are not.
func (c crash) list(o bulk.Operation, form string) *table.List {
	return table.NewList("rows", o.About().Columns, func() iter.Seq[[]string] {
		return func(yield func([]string) bool) {
			for i := range c.Rows {
				if !yield([]string{fmt.Sprintf(form, i)}) {
					return
				}
			}
		}
	})
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

// tellPeak tells how much memory this process had resident at most, where that can be found out.
func tellPeak() {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println("peak", strings.Fields(size)[0])
		}
	}
}

func die() {
	tellPeak()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}

// A site is the fake on a socket, and the keys in files.
type site struct {
	*wxpaytest.Server
	told crash
	peak int // KiB that a child had resident at most; 0: not known
}

func newSite(t *testing.T, o wxpaytest.Options) *site {
	t.Helper()
	s := &site{Server: wxpaytest.New(t, o)}
	socket := httptest.NewServer(s.Server)
	t.Cleanup(socket.Close)
	keys := t.TempDir()
	_, err := s.WriteKeys(keys)
	require.NoError(t, err)
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
		if size, ok := strings.CutPrefix(lines.Text(), "peak "); ok {
			size, err := strconv.Atoi(size)
			require.NoError(t, err)
			s.peak = max(s.peak, size)
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
	for i := range kills {
		c.Where, c.At = where[random.IntN(len(where))], 1+random.Int64N(int64(max(requests*9/(kills*5), 2))) // so that the job does not end before its last kill
		summary, first := s.start(t, c)
		if i > 0 { // the first run has all rows to check and stage
			slowest = max(slowest, first)
		}
		if summary != nil {
			break
		}
		killed++
	}
	c.Where = ""
	summary, first := s.start(t, c)
	slowest = max(slowest, first)
	info, err := os.Stat(c.Ledger)
	require.NoError(t, err)
	pace := float64(summary.Done-summary.Before) / summary.Elapsed.Seconds() // of steps that end no row: none
	t.Logf("%d rows, %d kills; first call after %s at most; %.0f rows/s at last; %.1f MiB resident at most; %d B of ledger a row",
		c.Rows, killed, slowest.Round(time.Millisecond), pace, float64(s.peak)/1024, info.Size()/int64(c.Rows))
	assert.Less(t, slowest, 10*time.Second)
	if *soak { // without the race detector, and with enough rows for fixed costs not to count
		assert.Less(t, slowest, 2*time.Second, "first call")
		assert.LessOrEqual(t, s.peak, 64<<10, "KiB resident")
	}
	assert.Equal(t, kills, killed, "kills that happened")
	return summary, killed
}

// Killed between ledger and send, between send and commit, or in the middle of a request: every row has its effect
// once, and no call is made more often than there were calls in flight.
func TestCrashMembers(t *testing.T) {
	rows, kills := 1500, 8
	if *soak {
		rows, kills = 100_000, 50
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

// A list of agreement numbers that is killed in the middle of its uploads is in the package as a whole, each file once.
func TestCrashBank(t *testing.T) {
	numbers, kills := 16_000, 3
	if *soak {
		numbers, kills = 1_000_000, 20
	}
	files := (numbers + 5499) / 5500
	var uploads atomic.Int64
	s := newSite(t, wxpaytest.Options{Unlimited: true, Sample: 1000, Observe: func(r wxpaytest.Request) {
		if r.Method == http.MethodPost {
			uploads.Add(1)
		}
	}})
	c := s.told
	c.Kind, c.Rows, c.Concurrency = "bank", numbers, 2
	summary, killed := s.toTheEnd(t, c, kills, files, "before", "after", "body", "body") // a look and an upload each
	assert.Equal(t, bulk.Sums{Rows: int64(numbers), Done: int64(numbers)}, summary.Sums)
	names := map[any]int{}
	for _, v := range s.State() {
		if v.Name == "tasks" {
			for _, row := range v.Rows {
				names[row["filename"]]++
			}
		}
	}
	assert.Len(t, names, files, "names of files")
	for name, n := range names {
		assert.Equal(t, 1, n, name)
	}
	assert.LessOrEqual(t, int(uploads.Load()), files+killed*c.Concurrency)
	t.Logf("%d files, %d uploads", files, uploads.Load())
}
