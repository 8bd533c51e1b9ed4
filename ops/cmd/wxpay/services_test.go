//go:build services

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres/pgtest"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A branch is a desk whose jobs are in a store.
type branch struct {
	*desk
	store string
}

func newBranch(t *testing.T, o wxpaytest.Options) *branch {
	t.Helper()
	o.Unlimited = true
	o.Journal = 5000
	b := &branch{desk: &desk{stand: newStand(t, o), in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}, store: pgtest.Database(t)}
	b.card = b.fake.AddCard("SYSTEM_ALLOCATE")
	b.env["WXPAY_STORE"] = b.store
	o2 := b.run("store", "migrate")
	require.Equal(t, exitDone, o2.code, o2.stderr)
	return b
}

func (b *branch) phones(name string, first, rows int) string {
	b.t.Helper()
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "138%08d\n", first+i)
	}
	return b.write(name, text.String())
}

func (b *branch) members(path string, more ...string) []string {
	return append([]string{"member", "import", path, "--job=j", "--card=" + b.card, "--dir=" + b.out}, more...)
}

// A screen is what a command that runs has said so far.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A running command is one beside the test.
type running struct {
	t              *testing.T
	stop           context.CancelFunc // as Ctrl-C does
	stdout, stderr screen
	ended          chan int
}

func (s *stand) start(env map[string]string, args ...string) *running {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	r := &running{t: s.t, stop: cancel, ended: make(chan int, 1)}
	go func() {
		r.ended <- run(ctx, args, func(name string) string { return env[name] }, strings.NewReader(""), &r.stdout, &r.stderr)
	}()
	s.t.Cleanup(func() {
		cancel()
		select {
		case <-r.ended:
		case <-time.After(time.Minute):
			s.t.Error("it does not end")
		}
	})
	return r
}

// end is how it ended.
func (r *running) end() outcome {
	r.t.Helper()
	select {
	case code := <-r.ended:
		r.ended <- code
		return outcome{code, r.stdout.String(), r.stderr.String()}
	case <-time.After(3 * time.Minute):
		require.Fail(r.t, "it does not end", r.stderr.String())
		return outcome{}
	}
}

func (r *running) says(text string) {
	r.t.Helper()
	soon(r.t, func() bool { return strings.Contains(r.stderr.String()+r.stdout.String(), text) }, func() string { return text + " is not in: " + r.stderr.String() + r.stdout.String() })
}

// soon waits for what other processes do; how long that takes says nothing.
func soon(t *testing.T, done func() bool, otherwise func() string) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			require.Fail(t, "it does not come", otherwise())
		}
	}
}

// shown is the job as programs see it.
func (b *branch) shown(name string) map[string]any {
	b.t.Helper()
	o := b.job("jobs", "show", name, "--json")
	require.Equal(b.t, exitDone, o.code, o.stderr)
	return o.of(b.t, "job")[0]
}

// until waits for a job to stand so.
func (b *branch) until(name string, good func(map[string]any) bool) {
	b.t.Helper()
	var o outcome
	soon(b.t, func() bool {
		if o = b.job("jobs", "show", name, "--json"); o.code == exitUsage { // not there yet
			return false
		}
		return good(b.shown(name))
	}, func() string { return o.stdout + o.stderr })
}

func finished(job map[string]any) bool { return job["state"] == "finished" }

func someDone(job map[string]any) bool { return job["done"].(float64) > 0 }

// A job of a store from its file to its end: put there by one process, sent by workers that come and go, looked at, exported,
// reported and forgotten from anywhere.
func TestJobInAStore(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	path := b.phones("members.csv", 0, 1500)
	require.NoError(t, b.fake.Inject("POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", "INVALID_REQUEST", 1))

	o := b.run(b.members(path, "--rate=0", "--detach", "--json")...)
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Contains(t, o.stderr, "wxpay work")
	require.Empty(t, b.fake.Requests())
	job := b.shown("j")
	require.Equal(t, "unfinished", job["state"])
	require.EqualValues(t, 1500, job["left"])
	require.EqualValues(t, 0, job["workers"])
	require.Positive(t, job["chunks_waiting"])
	o = b.run("jobs", "list")
	head, row, _ := strings.Cut(o.stdout, "\n")
	require.Equal(t, []string{"JOB", "OPERATION", "ROWS", "DONE", "REJECTED", "UNKNOWN", "SKIPPED", "LEFT", "STATE", "WAITING", "TAKEN"}, strings.Fields(head))
	require.Equal(t, []string{"j", "member-import-by-phone", "1,500", "0", "0", "0", "0", "1,500", "unfinished"}, strings.Fields(row)[:9])

	one := b.start(b.env, "work", "--chunks=1", "--json")
	b.until("j", someDone)
	two := b.start(b.env, "work", "--chunks=2")
	two.says("job j of " + b.env["WXPAY_MCH_ID"] + ": takes part")
	one.stop()
	o = one.end()
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Len(t, o.of(t, "working"), 1)
	require.Equal(t, "j", o.of(t, "joined")[0]["job"])
	require.Positive(t, o.of(t, "ended")[0]["rows"])
	b.secretsIn(o.stdout)

	o = b.run("store", "workers", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Len(t, o.of(t, "worker"), 1, "the other one has left")
	require.EqualValues(t, os.Getpid(), o.of(t, "worker")[0]["pid"])
	require.EqualValues(t, 2, o.of(t, "worker")[0]["chunks"])
	require.Contains(t, b.run("store", "workers").stdout, fmt.Sprint(os.Getpid()))

	b.until("j", finished)
	two.says("job j: nothing is left for workers: 1,500 rows = 1,499 done + 1 rejected")
	require.Equal(t, 1500, b.imports(), "each row once")
	o = b.run(b.members(path, "--rate=0")...)
	require.Equal(t, exitRejected, o.code, "how it ended: %s", o.stderr)
	require.Contains(t, o.stderr, "1,500 rows = 1,499 done + 1 rejected")
	require.FileExists(t, filepath.Join(b.out, "j.rejected.csv"))
	require.NoFileExists(t, folder(b.out).ledger("j"))
	require.NoFileExists(t, filepath.Join(b.out, "j.job"))
	require.Equal(t, 1500, b.imports())

	o = b.job("jobs", "export", "j", "--rejected", "--reveal", "-o", "-")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, 2, strings.Count(o.stdout, "\n"), o.stdout)
	require.Contains(t, o.stdout, "INVALID_REQUEST")
	o = b.job("jobs", "report", "j", "-o", filepath.Join(b.in, "j.html"))
	require.Equal(t, exitDone, o.code, o.stderr)
	require.FileExists(t, filepath.Join(b.in, "j.html"))
	require.Contains(t, b.job("jobs", "show", "j", "--lang=zh").stdout, "待领取 0")

	o = b.job("jobs", "forget", "j", "--yes")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.NoFileExists(t, filepath.Join(b.out, "j.rejected.csv"))
	for lang, says := range map[string]string{"en": "there is no job", "zh": "没有任务"} {
		for _, args := range [][]string{{"show", "j"}, {"stop", "j"}, {"resume", "j"}, {"forget", "j", "--yes"}} {
			o = b.job(append(append([]string{"jobs"}, args...), "--lang="+lang)...)
			require.Equal(t, exitUsage, o.code, o.stderr)
			require.Contains(t, oneLineOf(t, o.stderr), says)
		}
	}
}

// What a job is run by is known to the workers before the job is, and holds no URL.
func TestRecordInAStore(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	at := strings.Replace(b.store, "postgres@", "postgres:"+canaryPassword+"@", 1)
	path := b.phones("members.csv", 0, 3)
	o := b.run(b.members(path, "--rate=0", "--store="+at, "--json")...)
	require.Equal(t, exitDone, o.code, o.stderr)
	require.NotContains(t, o.stdout+o.stderr, canaryPassword)
	require.NotContains(t, o.stdout+o.stderr, "postgres@")
	store, err := postgres.Open(t.Context(), b.store)
	require.NoError(t, err)
	defer store.Close()
	text, err := store.Record(t.Context(), "j")
	require.NoError(t, err)
	require.Contains(t, string(text), "--card="+b.card)
	require.NotContains(t, string(text), "--store")
	require.NotContains(t, string(text), "postgres")
	for _, file := range []string{b.out, b.in} {
		said, err := exec.CommandContext(t.Context(), "grep", "-r", canaryPassword, file).CombinedOutput()
		require.Error(t, err, "%s", said)
	}

	for lang, says := range map[string]string{"en": "somebody adds an input to job j just now", "zh": "有人正在向任务 j 添加输入"} {
		l, err := store.Open(t.Context(), "j")
		require.NoError(t, err)
		o = b.run(b.members(path, "--rate=0", "--lang="+lang)...)
		require.Equal(t, exitStopped, o.code, o.stderr)
		require.Contains(t, o.stderr, says)
		o = b.job("jobs", "forget", "j", "--yes", "--lang="+lang)
		require.Equal(t, exitStopped, o.code, o.stderr)
		require.Contains(t, o.stderr, "wxpay jobs stop j")
		require.NoError(t, l.Close())
	}
	for _, args := range [][]string{b.members(path, "--limit=1"), {"jobs", "resume", "j", "--limit=1"}, b.members(path, "--detach", "--dry-run")} {
		o = b.run(args...)
		require.Equal(t, exitUsage, o.code, "%v: %s", args, o.stderr)
		oneLineOf(t, o.stderr)
	}
	o = b.run(b.members(path, "--dry-run")...)
	require.Equal(t, exitDone, o.code, o.stderr)

	require.NoError(t, store.SetRecord(t.Context(), "j", []byte(`{"version":2,"inputs":[]}`)))
	o = b.job("jobs", "resume", "j")
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "newer wxpay")
}

// A job is stopped for everybody, from anywhere, and goes on from where its file is not.
func TestStopAndResumeInAStore(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	path := b.phones("members.csv", 0, 300)
	first := b.start(b.env, b.members(path, "--rate=5")...)
	b.until("j", someDone)
	require.Equal(t, "running", b.shown("j")["state"])
	o := b.job("jobs", "stop", "j", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, "j", o.of(t, "stopped")[0]["job"])
	require.Contains(t, b.job("jobs", "stop", "j").stderr, "was stopped before")
	end := first.end()
	require.Equal(t, exitInterrupted, end.code, end.stderr)
	require.Contains(t, end.stderr, "with wxpay jobs stop")
	b.until("j", func(job map[string]any) bool { return job["state"] == "stopped" })
	why := b.shown("j")["stopped"].(map[string]any)
	require.Equal(t, "interrupted", why["why"])
	require.Regexp(t, `\p{Han}`, why["reason_zh"])
	require.Contains(t, b.job("jobs", "show", "j").stdout, "with wxpay jobs stop")
	require.Contains(t, b.run("jobs", "list", "--lang=zh").stdout, "已停止")
	sent := b.imports()
	require.Less(t, sent, 300)

	require.NoError(t, os.Remove(path))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	o = b.run("jobs", "resume", "j", "--rate=0", "--dir="+elsewhere)
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "its rows are in the store")
	require.Contains(t, b.job("jobs", "show", "j").stdout, "300 rows, UTF-8")
	require.Contains(t, o.stderr, "300 rows = 300 done")
	require.Equal(t, 300, b.imports())
	require.Equal(t, exitUsage, b.run(b.members(filepath.Join(b.in, "other.csv"), "--rate=0")...).code, "of another file nothing is there")
}

// Ctrl-C ends what the process does itself; workers go on.
func TestCtrlCInAStore(t *testing.T) {
	t.Parallel()
	for lang, says := range map[string]string{"en": "workers go on with the job", "zh": "worker 会继续该任务"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := newBranch(t, wxpaytest.Options{})
			path := b.phones("members.csv", 0, 40)
			first := b.start(b.env, b.members(path, "--rate=5", "--lang="+lang)...)
			b.until("j", someDone)
			first.stop()
			end := first.end()
			require.Equal(t, exitInterrupted, end.code, end.stderr)
			lines := strings.Split(strings.TrimSpace(end.stderr), "\n")
			require.Contains(t, lines[len(lines)-1], says)
			require.NotEqual(t, "running", b.shown("j")["state"])
			worker := b.start(b.env, "work", "--lang="+lang)
			b.until("j", finished)
			worker.stop()
			require.Equal(t, exitDone, worker.end().code)
			require.Equal(t, 40, b.imports())
		})
	}
}

// One worker for many merchants; what it has no keys for it leaves to others, and says so.
func TestStoreProfilesOfAWorker(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	brand := newStand(t, wxpaytest.Options{Unlimited: true, Brand: true})
	brand.env["WXPAY_STORE"] = b.store
	coupon, stock := brand.fake.AddProductCoupon("WECHATPAY", "max_count=9", "max_count_per_user=1")
	o := b.run(b.members(b.phones("members.csv", 0, 3), "--rate=0", "--detach")...)
	require.Equal(t, exitStopped, o.code, o.stderr)
	o = brand.run("coupon", "send", b.write("users.csv", "openid\no1\no2\n"), "--job=c", "--coupon="+coupon, "--stock="+stock, "--appid=wx233544546545989", "--rate=0", "--detach", "--dir="+b.out)
	require.Equal(t, exitStopped, o.code, o.stderr)
	params := b.write("push.json", `{"message_type":"notify","audience_type":"package_account_push","message":{"title":"T","content":"C"}}`)
	o = b.job("push", "upload", b.write("accounts.txt", "account\nuser1\n"), "--job=p", "--params="+params, "--detach")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.NoError(t, os.Rename(params, params+".away"))

	lone := b.start(brand.env, "work", "--json")
	lone.says(`"no_keys"`)
	b.until("c", finished)
	require.NotContains(t, lone.stdout.String(), `"j"`)
	require.Contains(t, lone.stdout.String(), b.env["WXPAY_MCH_ID"])
	lone.stop()
	require.Equal(t, exitDone, lone.end().code)

	dir := t.TempDir()
	b.profile(dir, "one", "WXPAY")
	brand.profile(dir, "two", "WXPAY")
	b.profile(dir, "push", "TPNS")
	env := map[string]string{"WXPAY_STORE": b.store}
	worker := b.start(env, "work", "--profiles="+dir)
	b.until("j", finished)
	worker.says(params + " cannot be opened")
	require.Equal(t, 1, strings.Count(worker.stderr.String(), "job p is left"), "once")
	require.EqualValues(t, 1, b.shown("p")["left"])
	worker.stop()
	require.Equal(t, exitDone, worker.end().code)
	require.Equal(t, 3, b.imports())
	require.NoError(t, os.Rename(params+".away", params))
	b.start(env, "work", "--profiles="+dir)
	b.until("p", finished)
}

// What a person confirmed when a file was put into the store no worker asks again.
func TestTransferInAStore(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	path := b.transfers("bonus.csv", 1, 2, 3)
	o := b.transfer(path, "--job=j", "--detach", "--no-wait")
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "--confirm 7.50")
	o = b.transfer(path, "--job=j", "--detach", "--no-wait", "--confirm=7.50")
	require.Equal(t, exitStopped, o.code, o.stderr)
	worker := b.start(b.env, "work")
	soon(t, func() bool { return len(b.billRows()) == 3 }, worker.stderr.String)
	worker.stop()
	end := worker.end()
	require.Equal(t, exitDone, end.code)
	require.NotContains(t, end.stderr, "confirm")
	o = b.transfer(path, "--job=j", "--no-wait", "--confirm=7.50")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.FileExists(t, filepath.Join(b.out, "j.results.csv"))
	require.Len(t, b.billRows(), 3)
}

// Whoever can write into the store makes workers do jobs, and nothing else.
func TestForeignCommandsInAStore(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	o := b.run(b.members(b.phones("members.csv", 0, 3), "--rate=0", "--detach")...)
	require.Equal(t, exitStopped, o.code, o.stderr)
	store, err := postgres.Open(t.Context(), b.store)
	require.NoError(t, err)
	defer store.Close()
	text, err := json.Marshal(record{Version: 1, Inputs: []recordInput{{File: "/a.csv", Args: []string{"api", "POST", "/v3/security/echo", "--data={}"}}}})
	require.NoError(t, err)
	require.NoError(t, store.SetRecord(t.Context(), "j", text))
	worker := b.start(b.env, "work")
	worker.says("job j is left to other workers: it was not begun by a command for jobs")
	require.Empty(t, b.fake.Requests())
}

// A store that is away is waited for, by a worker and by who put the rows there, and both say so.
func TestStoreIsAwayAndBack(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	w := pgtest.NewWire(t, b.store)
	env := map[string]string{}
	for name, value := range b.env {
		env[name] = value
	}
	env["WXPAY_STORE"] = w.URL
	path := b.phones("members.csv", 0, 200)
	first := b.start(env, b.members(path, "--rate=5")...)
	worker := b.start(env, "work")
	worker.says("takes part")
	b.until("j", someDone)
	w.Cut()
	worker.says("the store cannot be reached (")
	first.says("j: the store cannot be reached: ")
	o := runIn(t, env, "", "jobs", "list")
	require.Equal(t, exitStopped, o.code, o.stderr)
	oneLineOf(t, o.stderr)
	w.Mend()
	worker.says("the store is back")
	first.stop()
	end := first.end()
	require.Equal(t, exitInterrupted, end.code, end.stderr)
	o = b.job("jobs", "resume", "j", "--rate=0")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "200 rows = 200 done")
	worker.stop()
	require.Equal(t, exitDone, worker.end().code)
	seen := 0
	for _, v := range b.fake.State() {
		if v.Name == "members" {
			seen = len(v.Rows)
		}
	}
	require.Equal(t, 200, seen, "each row has its effect once")
}

func TestStoreMigrate(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	at := pgtest.Database(t)
	d.env["WXPAY_STORE"] = at
	for lang, says := range map[string]string{"en": "has no tables", "zh": "没有任务的数据表"} {
		for _, args := range [][]string{{"jobs", "list"}, {"jobs", "show", "j"}, {"jobs", "stop", "j"}, {"work"}, {"store", "workers"}} {
			o := d.run(append(args, "--lang="+lang)...)
			require.Equal(t, exitUsage, o.code, o.stderr)
			require.Contains(t, oneLineOf(t, o.stderr), says)
			require.Contains(t, o.stderr, "wxpay store migrate")
		}
		require.Equal(t, exitUsage, feed("a.txt", 0, 3, "--lang="+lang).code)
	}
	require.Equal(t, "fail", states(t, d.run("doctor", "--json"))["store"])
	o := d.run("store", "migrate", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, true, o.of(t, "migrated")[0]["changed"])
	require.EqualValues(t, 1, o.of(t, "migrated")[0]["to"])
	require.Contains(t, o.stderr, "the tables of version 1 are made")
	o = d.run("store", "migrate", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, false, o.of(t, "migrated")[0]["changed"])
	require.Equal(t, "ok", states(t, d.run("doctor", "--json"))["store"])
	require.Contains(t, d.run("jobs", "list").stderr, "no jobs in postgres://")

	pgtest.Do(t, at, "UPDATE wxpay.version SET version = 99")
	for lang, says := range map[string]string{"en": "use a newer one", "zh": "请使用更新版本"} {
		for _, args := range [][]string{{"store", "migrate"}, {"jobs", "list"}, {"work"}} {
			o := d.run(append(args, "--lang="+lang)...)
			require.Equal(t, exitUsage, o.code, o.stderr)
			require.Contains(t, oneLineOf(t, o.stderr), says)
		}
	}
}

// metricsAt are those of a worker that said where they are.
func metricsAt(t *testing.T, said string) string {
	t.Helper()
	var working struct{ Metrics string }
	first, _, _ := strings.Cut(said, "\n")
	require.NoError(t, json.Unmarshal([]byte(first), &working))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, working.Metrics, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// SIGTERM, as a system sends it, ends a worker softly.
func TestStoreSignalToAWorker(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	o := b.run(b.members(b.phones("members.csv", 0, 300), "--rate=5", "--detach")...)
	require.Equal(t, exitStopped, o.code, o.stderr)
	self, err := os.Executable()
	require.NoError(t, err)
	worker := exec.CommandContext(t.Context(), self, "work", "--json", "--metrics=127.0.0.1:0")
	worker.Env = []string{"WXPAY_TEST_COMMAND=1"}
	for name, value := range b.env {
		worker.Env = append(worker.Env, name+"="+value)
	}
	var stdout, stderr screen
	worker.Stdout, worker.Stderr = &stdout, &stderr
	require.NoError(t, worker.Start())
	b.until("j", someDone)
	told := metricsAt(t, stdout.String())
	require.Contains(t, told, `http_client_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200"`)
	require.Contains(t, told, `service_name="wxpay"`)
	require.Contains(t, told, `wxpay_queue_chunks{`)
	require.Contains(t, told, `wxpay_job_rows{`)
	require.Contains(t, told, `wxpay_job_name="j"`)
	require.Regexp(t, `(?m)^wxpay_queue_workers\S* 1$`, told)
	require.NotContains(t, told, "13800")
	require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
	require.NoError(t, worker.Wait(), stderr.String())
	require.Contains(t, stdout.String(), `"type":"stopping"`)
	require.Contains(t, stdout.String(), `"type":"ended"`)
	job := b.shown("j")
	require.EqualValues(t, 0, job["chunks_taken"])
	require.EqualValues(t, 0, job["workers"])
	require.EqualValues(t, 0, job["unknown"])
	require.EqualValues(t, b.imports(), job["done"])
	assert.Empty(t, b.run("store", "workers").stdout)
}

// Workers hear of a job only when it is written down how it is run: what they ask then they ask once.
func TestStoreJobThatNobodyWroteDown(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	require.Equal(t, exitStopped, b.run(b.members(b.phones("members.csv", 0, 3), "--rate=0", "--detach")...).code)
	s, err := postgres.Open(t.Context(), b.store)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Stop(t.Context(), "j", &bulk.StopError{Why: bulk.WhyInterrupted}))
	l, err := s.Open(t.Context(), "j")
	require.NoError(t, err)
	defer l.Close()
	lost := errors.New("lost")
	require.ErrorIs(t, noting{s, func() error { return lost }}.Start(t.Context(), l, ledger.File{ID: 1}, bulk.Terms{}), lost)
	known, err := s.Standing(t.Context(), "j")
	require.NoError(t, err)
	require.NotNil(t, known.Stopped, "it is not started")
	require.NoError(t, noting{s, func() error { return nil }}.Start(t.Context(), l, ledger.File{ID: 1}, bulk.Terms{}))
	known, err = s.Standing(t.Context(), "j")
	require.NoError(t, err)
	require.Nil(t, known.Stopped)
}

// A worker that asks what a job is while the store is away asks until it is back.
func TestStoreWorkerAsksUntilItKnows(t *testing.T) {
	t.Parallel()
	b := newBranch(t, wxpaytest.Options{})
	require.Equal(t, exitStopped, b.run(b.members(b.phones("members.csv", 0, 3), "--rate=0", "--detach")...).code)
	w := pgtest.NewWire(t, b.store)
	opened, err := postgres.Open(t.Context(), w.URL)
	require.NoError(t, err)
	defer opened.Close()
	a := &app{env: func(name string) string { return b.env[name] }, stdout: io.Discard, stderr: io.Discard}
	look, err := opened.Look(t.Context(), "j")
	require.NoError(t, err)
	s := &shift{app: a, store: &store{Store: opened}, merchants: map[string]*app{look.Head().Sender: a}, jobs: map[string]string{}, said: map[string]bool{}, lacks: map[string]bool{}}
	w.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	_, _, err = s.operation(ctx, "j", look.Head())
	require.Error(t, err, "that is asked again")
	var at where
	a.whereFlags(&cobra.Command{}, &at)
	a.store, a.opened = s.store, true
	_, err = a.homeOf(&at, "j")
	require.ErrorIs(t, err, bulk.ErrAway, "whether there is such a job is not known")
	w.Mend()
	o, _, err := s.operation(t.Context(), "j", look.Head())
	require.NoError(t, err)
	require.NotNil(t, o)
}
