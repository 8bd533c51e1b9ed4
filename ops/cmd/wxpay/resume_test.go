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

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// newClub is a desk with a member card, and the command line that imports a file of so many phone numbers, from one on.
func newClub(t *testing.T) (d *desk, feed func(name string, first, rows int, more ...string) outcome) {
	t.Helper()
	s := newStand(t)
	d = &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	d.card = s.fake.AddCard("SYSTEM_ALLOCATE")
	return d, func(name string, first, rows int, more ...string) outcome {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, "138%08d\n", first+i)
		}
		return d.job(append([]string{"member", "import", d.write(name, b.String()), "--job=j", "--card=" + d.card, "--rate=0"}, more...)...)
	}
}

func (d *desk) imports() (n int) {
	for _, r := range d.fake.Requests() {
		if r.Method == "POST" {
			n++
		}
	}
	return n
}

// The folder that is named counts, not the one that the job was begun in: rows that were sent would be sent again.
func TestResumeInAFolderThatWasMoved(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	o := feed("a.txt", 0, 3, "--limit=2")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Equal(t, 2, d.imports())

	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(d.out, moved))
	o = d.run("jobs", "resume", "j", "--dir="+moved)
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "3 rows = 3 done")
	require.Equal(t, 3, d.imports(), "each row once")
	require.NoDirExists(t, d.out, "no job begins anew where this one was")

	for lang, word := range map[string]string{"en": "there is no job", "zh": "没有任务"} { // the record alone is no job
		empty := t.TempDir()
		text, err := os.ReadFile(filepath.Join(moved, "j.job"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(empty, "j.job"), text, 0o600))
		o = d.run("jobs", "resume", "j", "--dir="+empty, "--lang="+lang)
		require.Equal(t, exitUsage, o.code, o.stderr)
		require.Contains(t, o.stderr, word)
		require.NoFileExists(t, filepath.Join(empty, "j.ledger"))
	}
	require.Equal(t, 3, d.imports())
}

func TestResumeOfTwoInputs(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	require.Equal(t, exitStopped, feed("a.txt", 0, 3, "--limit=1").code)
	require.Equal(t, exitStopped, feed("b.txt", 10, 3, "--limit=1").code)

	o := d.job("jobs", "resume", "j", "--limit=1", "--json", "--quiet")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Equal(t, 3, d.imports(), "a limit is one of all inputs")
	require.NotEmpty(t, o.of(t, "summary"), o.stdout)
	require.Regexp(t, `^wxpay: [^\n]+\n$`, o.stderr, "nothing but the error")

	o = d.job("jobs", "resume", "j", "--json", "--quiet")
	require.Equal(t, exitDone, o.code, "all rows are done: %s", o.stderr)
	require.Empty(t, o.stderr)
	all := o.of(t, "summary")
	require.Len(t, all, 2, "one of each input")
	require.EqualValues(t, 6, all[1]["done"])
	require.Equal(t, true, all[1]["complete"])
	require.Equal(t, 6, d.imports())

	require.Equal(t, exitStopped, feed("c.txt", 20, 2, "--limit=1").code)
	require.Equal(t, exitStopped, feed("d.txt", 30, 2, "--limit=1").code)
	require.NoError(t, os.Remove(filepath.Join(d.in, "c.txt")))
	o = d.job("jobs", "resume", "j")
	require.Equal(t, exitUsage, o.code, "an input that is gone is told: %s", o.stderr)
	require.Contains(t, o.stderr, "c.txt")
	require.Contains(t, o.stderr, "10 rows = 9 done", "the others are sent")
}

// What ends every call ends the loop over the inputs at once.
func TestResumeWithWrongKeys(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	require.Equal(t, exitStopped, feed("a.txt", 0, 2, "--limit=1").code)
	require.Equal(t, exitStopped, feed("b.txt", 10, 2, "--limit=1").code)
	d.env["WXPAY_SERIAL_NO"] = strings.Repeat("A", len(d.env["WXPAY_SERIAL_NO"]))
	o := d.job("jobs", "resume", "j", "--json")
	require.Equal(t, exitAuth, o.code, o.stderr)
	require.Len(t, o.of(t, "summary"), 1)
}

// A job that was killed before its rows were written down has 0 of 0 rows left, and is not finished.
func TestJobThatHardlyBegan(t *testing.T) {
	t.Parallel()
	dir := folder(t.TempDir())
	l, err := ledger.Create(dir.ledger("j"), ledger.Head{Name: "j", Operation: "x", Salt: make([]byte, 32), Check: []byte("c"), Created: time.Now()})
	require.NoError(t, err)
	look := func() {
		t.Helper()
		for _, command := range []string{"list", "show j"} {
			o := runIn(t, nil, "", append(append([]string{"jobs"}, strings.Fields(command)...), "--json", "--dir="+string(dir))...)
			require.Equal(t, exitDone, o.code, o.stderr)
			require.Equal(t, "unfinished", o.of(t, "job")[0]["state"], command)
			require.NotContains(t, o.stdout, "null", "no inputs are an empty list")
		}
		o := runIn(t, nil, "", "jobs", "report", "j", "-o", "-", "--dir="+string(dir))
		require.Contains(t, o.stdout, "not finished")
	}
	require.NoError(t, l.Close())
	look()
	l, err = ledger.Open(dir.ledger("j"))
	require.NoError(t, err)
	_, err = l.AddFile(ledger.File{Name: "/a.csv", Digest: "d", Rows: 7, Added: time.Now()})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	look()
}

func TestJobsForPrograms(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	o := d.job("jobs", "list", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.EqualValues(t, 0, o.of(t, "sums")[0]["jobs"])
	o = d.run("push", "record", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.EqualValues(t, 0, o.of(t, "sums")[0]["pushes"])

	require.Equal(t, exitRejected, d.debit(d.noticed(d.debits("a.csv", "ok", "poor"), "--job=j"), "--job=j").code)
	o = d.job("jobs", "show", "j", "--json")
	job := o.of(t, "job")[0]
	input := job["inputs"].([]any)[0].(map[string]any)
	assert.Equal(t, filepath.Join(d.in, "a.csv"), input["name"])
	assert.EqualValues(t, 2, input["rows"])
	assert.Equal(t, true, input["staged"])
	reason := job["reasons"].([]any)[0].(map[string]any)
	assert.Equal(t, "PAY_FAIL", reason["code"])
	assert.EqualValues(t, 1, reason["rows"])
	assert.Contains(t, reason["reason"], "not paid")
	assert.Regexp(t, `\p{Han}`, reason["reason_zh"])
	assert.NotRegexp(t, `"[A-Z][A-Za-z]*":`, o.stdout, "names of Go")

	require.Equal(t, exitDone, d.debit(d.noticed(d.debits("b.csv", "fine"), "--job=k"), "--job=k").code)
	o = d.job("jobs", "show", "k", "--json")
	assert.NotContains(t, o.stdout, "null", "an empty list is a list")
	assert.Contains(t, o.stdout, `"reasons":[]`)

	for _, args := range [][]string{{"jobs", "export", "j", "--rejected", "-o", "-"}, {"jobs", "report", "j", "-o", "-"}} {
		for _, lang := range []string{"en", "zh"} {
			o = d.job(append(args, "--json", "--lang="+lang)...)
			assert.Equal(t, exitUsage, o.code, o.stderr)
			require.Len(t, o.of(t, "error"), 1)
		}
		assert.Equal(t, exitDone, d.job(args...).code)
	}
	o = runIn(t, nil, "", "completion", "bash", "--json")
	assert.Contains(t, o.of(t, "completion")[0]["script"], "wxpay")

	o = d.job("jobs", "list")
	head, row, _ := strings.Cut(o.stdout, "\n")
	assert.Equal(t, []string{"JOB", "OPERATION", "ROWS", "DONE", "REJECTED", "UNKNOWN", "SKIPPED", "LEFT", "STATE", "LAST", "PID"}, strings.Fields(head))
	assert.Equal(t, []string{"2", "1", "1", "0", "0", "0", "finished"}, strings.Fields(row)[2:9])
}

// A row that was corrected takes the place of the one that was refused, although its number is another one.
func TestCorrectedRow(t *testing.T) {
	t.Parallel()
	d, feed := newClub(t)
	require.NoError(t, d.fake.Inject("POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import", "INVALID_REQUEST", 1))
	o := feed("a.txt", 0, 3, "--concurrency=1")
	require.Equal(t, exitRejected, o.code, o.stderr)
	file := filepath.Join(d.in, "j.rejected.csv")
	o = d.job("jobs", "export", "j", "--rejected", "--reveal", "-o", file)
	require.Zero(t, o.code, o.stderr)
	text := string(readFile(t, file))
	require.Contains(t, text, "13800000000,")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(text, "13800000000,", "13900000000,", 1)), 0o600))
	o = d.job("member", "import", file, "--card="+d.card, "--rate=0")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "4 rows = 3 done + 0 rejected + 0 unknown + 1 skipped")
}

// A job that is resumed goes on with every input of which something is left, and ends as the worst of them did.
func TestResumeOfInputsWithDifferentEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	one := d.debits("one.csv", "a")
	d.noticed(one, "--job=j")
	d.contracts = d.contracts[1:]
	two := d.noticed(d.debits("two.csv", "poor"), "--job=j")
	whole, other := readFile(t, one), readFile(t, two)
	require.NoError(t, os.Remove(one))
	o := d.job("jobs", "resume", "j")
	require.Equal(t, exitUsage, o.code, "a file is gone, and then rows are rejected: %s", o.stderr)
	require.Contains(t, o.stderr, "one.csv")
	require.Contains(t, o.stderr, "1 rejected")

	require.NoError(t, os.WriteFile(one, whole, 0o600))
	l, err := ledger.Open(folder(d.out).ledger("j"))
	require.NoError(t, err)
	due, err := l.Due(1, ledger.Never, 0, 9, 9)
	require.NoError(t, err)
	require.Len(t, due, 1)
	require.NoError(t, l.Begin(t.Context(), due[0].ID, nil))
	require.NoError(t, l.End(t.Context(), due[0].ID, ledger.Outcome{State: ledger.Unknown, Step: due[0].Step, Code: due[0].Code, Due: ledger.Never}))
	require.NoError(t, l.Close())
	require.NoError(t, os.Remove(two), "nothing of it is left")
	o = d.job("jobs", "resume", "j", "--json")
	require.Equal(t, exitRejected, o.code, o.stderr)
	sum := o.of(t, "summary")
	require.Len(t, sum, 1)
	require.EqualValues(t, 1, sum[0]["done"])
	require.EqualValues(t, 0, sum[0]["unknown"])

	require.NoError(t, os.WriteFile(two, other, 0o600))
	o = d.job("jobs", "resume", "j", "--quiet")
	require.Equal(t, exitRejected, o.code, "nothing is left: it is said how it ended: %s", o.stderr)
	require.Empty(t, o.stderr)
}

// What is done of a job by its second input is no end of the first.
func TestResumeToTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	d.noticed(d.debits("one.csv", "a"), "--job=j")
	d.contracts = d.contracts[1:]
	d.noticed(d.debits("two.csv", "b"), "--job=j")
	o := d.job("jobs", "resume", "j", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	sums := o.of(t, "summary")
	require.Len(t, sums, 2)
	require.Equal(t, true, sums[1]["complete"])
	require.EqualValues(t, 2, sums[1]["done"])
}
