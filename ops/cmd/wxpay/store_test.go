package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// A password that a URL may hold, and nothing that comes out may.
const canaryPassword = "correct-horse"

func TestShownURL(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"postgres://app:" + canaryPassword + "@db.internal:5432/jobs?sslmode=verify-full": "postgres://db.internal:5432/jobs",
		"postgresql://app@db/jobs":                                 "postgresql://db/jobs",
		"postgres:///jobs?host=/run/pg&password=" + canaryPassword: "postgres:///jobs",
		"postgres://[::1]:5432/jobs":                               "postgres://[::1]:5432/jobs",
	} {
		got, ok := shownURL(said)
		assert.True(t, ok, said)
		assert.Equal(t, want, got)
	}
	for _, said := range []string{"", "db.internal", "mysql://db/jobs", "https://db/jobs", "/var/jobs", "host=db password=" + canaryPassword, "postgres://app:" + canaryPassword + "@db:port/jobs", "POSTGRES"} {
		_, ok := shownURL(said)
		assert.False(t, ok, said)
	}
}

// What is wrong with a store is said in one line, in both languages, and nothing of its password.
func TestStoresThatAreNone(t *testing.T) {
	t.Parallel()
	d, _ := newClub(t)
	path := d.write("a.txt", "13800000000\n")
	nobody := "postgres://app:" + canaryPassword + "@127.0.0.1:1/jobs"
	member := []string{"member", "import", path, "--card=" + d.card}
	for _, c := range []struct {
		store string
		args  []string
		code  int
		says  string
		zh    string
	}{
		{"mysql://app:" + canaryPassword + "@db/jobs", member, exitUsage, "a URL such as postgres://", "格式为 postgres://"},
		{"postgres://app:" + canaryPassword + "@db:port/jobs", []string{"jobs", "list"}, exitUsage, "a URL such as postgres://", "格式为 postgres://"},
		{"host=db password=" + canaryPassword, []string{"work"}, exitUsage, "a URL such as postgres://", "格式为 postgres://"},
		{"", []string{"work"}, exitUsage, "WXPAY_STORE, is needed", "缺少 --store"},
		{"", []string{"store", "migrate"}, exitUsage, "WXPAY_STORE, is needed", "缺少 --store"},
		{"", []string{"store", "workers"}, exitUsage, "WXPAY_STORE, is needed", "缺少 --store"},
		{"", []string{"jobs", "stop", "j"}, exitUsage, "it is for jobs of a store", "用于存储中的任务"},
		{"", append(member, "--detach"), exitUsage, "--detach leaves the rows to the workers of a store", "--detach 将各行交给存储的 worker"},
		{nobody, []string{"work", "--chunks=0"}, exitUsage, "--chunks is 1 or more", "--chunks 至少为 1"},
		{nobody, member, exitStopped, "the store cannot be reached", "无法连接存储"},
		{nobody, []string{"jobs", "list"}, exitStopped, "nothing is sent meanwhile; run it again when the store is back", "存储恢复后再次运行即可"},
		{nobody, []string{"work"}, exitStopped, "the store cannot be reached", "无法连接存储"},
		{nobody, []string{"store", "migrate"}, exitStopped, "the store cannot be reached", "无法连接存储"},
		{nobody, []string{"store", "workers"}, exitStopped, "the store cannot be reached", "无法连接存储"},
	} {
		for lang, says := range map[string]string{"en": c.says, "zh": c.zh} {
			for _, way := range []string{"flag", "environment"} {
				args := append(append([]string{}, c.args...), "--lang="+lang, "--json")
				delete(d.env, "WXPAY_STORE")
				if d.env["HOME"] = ""; c.store == "" { // with a store nobody needs one
					d.env["HOME"] = d.out
				}
				if c.store != "" && way == "flag" {
					args = append(args, "--store="+c.store)
				} else if c.store != "" {
					d.env["WXPAY_STORE"] = c.store
				}
				o := d.run(args...)
				assert.Equal(t, c.code, o.code, "%v: %s", args, o.stderr)
				assert.Contains(t, oneLineOf(t, o.stderr), says)
				for _, secret := range []string{canaryPassword, "app"} {
					assert.NotContains(t, o.stdout+o.stderr, secret)
				}
			}
		}
	}
	assert.Empty(t, d.fake.Requests())
}

// An empty --store is that of a folder, whatever the environment says.
func TestFolderInSpiteOfTheEnvironment(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	d.env["WXPAY_STORE"] = "postgres://127.0.0.1:1/jobs"
	require.Equal(t, exitStopped, feed("a.txt", 0, 3).code)
	require.Equal(t, exitStopped, feed("a.txt", 0, 3, "--store=", "--limit=1").code)
	require.FileExists(t, folder(d.out).ledger("j"))
	o := d.job("jobs", "resume", "j", "--store=")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, 3, d.imports())
}

// How a job is run is written down without its store: that of who goes on with it counts, and the URL may hold a password.
func TestRecordsAreWithoutTheStore(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) string { return "" }}
	c, flags, err := a.root().Find([]string{"member", "import", "--card=C", "--store=postgres://app:" + canaryPassword + "@db/jobs", "--detach", "--rate=5", "--", "/a.csv"})
	require.NoError(t, err)
	require.NoError(t, c.ParseFlags(flags))
	got := argsOf(c, "/a.csv", "j", home{folder: "/jobs"})
	require.Equal(t, []string{"member", "import", "--job=j", "--dir=/jobs", "--card=C", "--rate=5", "--", "/a.csv"}, got)
}

func TestHelpNeverShowsTheStore(t *testing.T) {
	t.Parallel()
	env := map[string]string{"WXPAY_STORE": "postgres://app:" + canaryPassword + "@db/jobs"}
	for _, args := range [][]string{{"work", "--help"}, {"member", "import", "--help"}, {"help", "environment"}, {"help", "--json"}, {"jobs", "list", "--help", "--json"}} {
		o := runIn(t, env, "", args...)
		assert.Equal(t, exitDone, o.code)
		assert.NotContains(t, o.stdout+o.stderr, canaryPassword, args)
	}
	for _, v := range runIn(t, nil, "", "help", "--json").of(t, "help")[0]["environment"].([]any) {
		if v := v.(map[string]any); v["name"] == "WXPAY_STORE" {
			assert.Equal(t, true, v["secret"])
			return
		}
	}
	t.Error("WXPAY_STORE is not in the help for programs")
}

// profile writes a file with the set-up of a stand and returns its path.
func (s *stand) profile(dir, name, platform string) string {
	s.t.Helper()
	var b strings.Builder
	for key, value := range s.env {
		if strings.HasPrefix(key, platform) && key != "WXPAY_STORE" {
			fmt.Fprintf(&b, "%s=%s\n", key, value)
		}
	}
	path := filepath.Join(dir, name+".env")
	require.NoError(s.t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

func TestMerchantsOfAFolder(t *testing.T) {
	t.Parallel()
	one, two := newStand(t), newStand(t, wxpaytest.Options{Brand: true})
	dir := t.TempDir()
	a := &app{env: func(name string) string { return two.env[name] }}
	_, err := a.merchants(dir)
	require.Equal(t, exitUsage, reportOf(t.Context(), err).exit, "nobody")
	one.profile(dir, "one", "WXPAY")
	merchants, err := a.merchants(dir)
	require.NoError(t, err)
	require.Len(t, merchants, 1, "nothing of the environment counts")
	require.Contains(t, merchants, one.env["WXPAY_MCH_ID"])
	one.profile(dir, "push", "TPNS")
	two.profile(dir, "two", "WXPAY")
	merchants, err = a.merchants(dir)
	require.NoError(t, err)
	require.Len(t, merchants, 3)
	require.Contains(t, merchants, two.fake.Client().Sender())
	require.Contains(t, merchants, wxpaytest.TPNSAccessID)

	merchants, err = a.merchants("")
	require.NoError(t, err)
	require.Len(t, merchants, 2, "the set-up")

	again := one.profile(dir, "again", "WXPAY")
	_, err = a.merchants(dir)
	require.Equal(t, exitUsage, reportOf(t.Context(), err).exit)
	require.ErrorContains(t, err, "again.env")
	require.ErrorContains(t, err, "one.env")
	require.NoError(t, os.WriteFile(again, []byte("WXPAY_MCH_ID=1\n"), 0o600))
	_, err = a.merchants(dir)
	require.Equal(t, exitUsage, reportOf(t.Context(), err).exit)
}

// A worker makes of a command line the operation of its job, and nothing else: it is written by whoever can write into the
// store.
func TestOperationOf(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	a := &app{env: func(name string) string { return s.env[name] }, profile: ""}
	_, err := a.client()
	require.NoError(t, err)
	o, key, err := a.operationOf(t.Context(), []string{"member", "import", "--job=j", "--dir=/nowhere", "--card=C", "--profile=/not/there.env", "--", "/a.csv"}, "j", nil)
	require.NoError(t, err)
	require.NotNil(t, key)
	require.NoError(t, fits(o.About(), ledger.Head{Operation: "member-import-by-phone", Sender: s.env["WXPAY_MCH_ID"], Settings: map[string]string{"card_id": "C"}}), o.About().Name)
	o, _, err = a.operationOf(t.Context(), []string{"bank", "upload", "--package=1", "--bank-type=ICBC_DEBIT", "--", "/a.csv"}, "j", map[string]string{"list": "its-name"})
	require.NoError(t, err)
	require.Equal(t, "its-name", o.About().Settings["list"])

	for _, args := range [][]string{
		{"api", "POST", "/v3/security/echo", "--data={}"}, {"push", "send", "--upload=1"}, {"jobs", "forget", "j", "--yes"}, {"man", s.dir}, {"emulate", "--", "true"}, {"member"}, {}, {"nonsense"},
		{"member", "import", "--nonsense"}, {"member", "import", "--by=name", "--card=C"}, {"push", "upload", "--params=/not/there.json"}, {"push", "upload", "--params=-"},
	} {
		_, _, err := a.operationOf(t.Context(), args, "j", nil)
		require.Error(t, err, args)
		require.Equal(t, exitUsage, reportOf(t.Context(), err).exit, args)
	}
	require.Empty(t, s.fake.Requests())
}

func TestOperationThatDoesNotFit(t *testing.T) {
	t.Parallel()
	about := bulk.About{Name: "a", Sender: "1", Settings: map[string]string{"x": "1"}}
	good := ledger.Head{Operation: "a", Sender: "1", Settings: map[string]string{"x": "1"}}
	require.NoError(t, fits(about, good))
	require.NoError(t, fits(bulk.About{Settings: map[string]string{}}, ledger.Head{}))
	for _, change := range []func(*ledger.Head){
		func(h *ledger.Head) { h.Operation = "b" }, func(h *ledger.Head) { h.Sender = "2" }, func(h *ledger.Head) { h.Settings = map[string]string{"x": "2"} }, func(h *ledger.Head) { h.Settings = nil },
	} {
		h := good
		change(&h)
		require.Error(t, fits(about, h))
	}
}

// A job is listed as the store says it stands.
func TestStandingInAStore(t *testing.T) {
	t.Parallel()
	due := time.Now().Add(time.Hour)
	stop := &bulk.StopError{Why: bulk.WhyAuth}
	for _, c := range []struct {
		was  string
		in   bulk.Standing
		want string
		due  bool
	}{
		{"unfinished", bulk.Standing{Open: true, Waiting: 1}, "unfinished", false},
		{"unfinished", bulk.Standing{Open: true, Workers: 1, Due: due}, "running", true},
		{"unfinished", bulk.Standing{Stopped: stop, Taken: 1}, "running", false},
		{"unfinished", bulk.Standing{Stopped: stop, Due: due, Workers: 1}, "stopped", false},
		{"finished", bulk.Standing{Stopped: stop}, "finished", false},
	} {
		s := standing{State: c.was}.shared(c.in)
		assert.Equal(t, c.want, s.State, "%+v", c.in)
		assert.Equal(t, c.due, s.Due != nil)
	}
}
