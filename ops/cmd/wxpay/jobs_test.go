package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// What the files of people hold, and nothing that comes out may hold.
const (
	canaryName  = "张三丰"
	canaryPhone = "13812345678"
)

// A desk is a stand with a folder of input files and one of ledgers.
type desk struct {
	*stand
	in, out   string
	contracts []string
	card      string
}

const debitFlags = "--appid=wx8888888888888888 --notify-url=https://shop.example/notify --device-ip=203.0.113.7 --notice-lead=0 --every=1ms --rate=0"

// newDesk is for debit runs: a row is refused if its number begins with poor.
func newDesk(t *testing.T, contracts int) *desk {
	t.Helper()
	s := newStand(t, wxpaytest.Options{TaskDuration: time.Millisecond, Pay: func(no string) bool { return !strings.HasPrefix(no, "poor") }})
	d := &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	d.contracts = s.fake.AddContracts("oUpF8uMuAJOM2pxb1Q", "wx8888888888888888", "101164396123311331", contracts)
	return d
}

func (d *desk) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.in, name)
	require.NoError(d.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// debits are rows of a file, with the name and the phone number of a person in columns that no operation knows.
func (d *desk) debits(name string, numbers ...string) string {
	d.t.Helper()
	var b strings.Builder
	b.WriteString("协议号,商户订单号,金额（分）,描述,姓名,=备注\r\n")
	for i, no := range numbers {
		fmt.Fprintf(&b, "%s,%s,%d,课程,%s,\"=HYPERLINK(\"\"%s\"\")\"\r\n", d.contracts[i], no, 100+i, canaryName, canaryPhone)
	}
	return d.write(name, b.String())
}

// debit runs a debit job.
func (d *desk) debit(path string, more ...string) outcome {
	d.t.Helper()
	return d.job(append(append([]string{"edu", "debit", path}, strings.Fields(debitFlags)...), more...)...)
}

// noticed sends the notices of a file, and lets a day pass.
func (d *desk) noticed(path string, more ...string) string {
	d.t.Helper()
	o := d.debit(path, append(more, "--notices-only")...)
	require.Equal(d.t, exitStopped, o.code, "not complete: %s", o.stderr)
	d.fake.Advance(24 * time.Hour)
	return path
}

func (d *desk) job(args ...string) outcome {
	d.t.Helper()
	return d.run(append(args, "--dir="+d.out)...)
}

// nobody fails if a text or a file that came out holds what is somebody's.
func (d *desk) nobody(texts ...string) {
	d.t.Helper()
	for _, folder := range []string{d.out} {
		_ = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(d.t, err)
			texts = append(texts, path+"\n"+string(text))
			info, err := e.Info()
			require.NoError(d.t, err)
			if runtime.GOOS != "windows" {
				assert.Equal(d.t, fs.FileMode(0o600), info.Mode().Perm(), path)
			}
			return nil
		})
	}
	for _, text := range texts {
		for _, canary := range append([]string{canaryName, canaryPhone, "oUpF8uMuAJOM2pxb1Q"}, d.contracts...) {
			if strings.Contains(text, canary) {
				d.t.Errorf("%s is in: %.400s", canary, text)
			}
		}
	}
}

// table reads a CSV file as maps.
func tableOf(t *testing.T, path string) (rows []map[string]string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	r := csv.NewReader(file)
	lines, err := r.ReadAll()
	require.NoError(t, err)
	lines[0][0] = strings.TrimPrefix(lines[0][0], "\ufeff")
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func TestDebitRunFromFileToCorrection(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 5)
	path := d.debits("november.csv", "a1", "poor2", "a3", "poor4", "a5")

	o := d.debit(path, "--notices-only")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Contains(t, o.stderr, "job november-edu-debit: begins; it is remembered in ")
	require.Contains(t, o.stderr, "next: run the command without --notices-only, or wxpay jobs resume november-edu-debit")
	require.Contains(t, o.stderr, "wxpay: the notices are sent; to debit, run it again without --notices-only\n")
	require.Contains(t, o.stderr, "5 rows = 0 done + 0 rejected + 0 unknown + 0 skipped + 0 not sent yet + 5 under way (begun, not ended)")
	d.fake.Advance(24 * time.Hour)

	o = d.debit(path)
	require.Equal(t, exitRejected, o.code, o.stderr)
	require.Empty(t, o.stdout, "data only")
	require.Regexp(t, `^job november-edu-debit: 0 of 5 done, continuing\n`, o.stderr)
	require.Contains(t, o.stderr, "contract_id = 协议号, out_trade_no = 商户订单号, amount_fen = 金额（分）, description = 描述")
	require.Contains(t, o.stderr, "5 rows = 3 done + 2 rejected + 0 unknown + 0 skipped + 0 not sent yet")
	require.Contains(t, o.stderr, "2  PAY_FAIL")
	d.nobody(o.stdout, o.stderr)

	rejected := tableOf(t, filepath.Join(d.out, "november-edu-debit.rejected.csv"))
	require.Len(t, rejected, 2)
	first := rejected[0]
	assert.Equal(t, "poor2", first["商户订单号"], "the merchant's own number is whole")
	assert.Equal(t, "101", first["金额（分）"])
	assert.Contains(t, first["协议号"], "****")
	assert.Equal(t, "****", first["姓名"])
	assert.Equal(t, "3", first["wxpay_line"])
	assert.Equal(t, "PAY_FAIL", first["wxpay_code"])
	assert.Equal(t, "november.csv", first["wxpay_file"])
	assert.Equal(t, "masked", first["wxpay_cells"])
	assert.NotEmpty(t, first["wxpay_request_id"])
	assert.Contains(t, first["wxpay_reason"], "not paid")
	assert.Regexp(t, `\p{Han}`, first["wxpay_reason_zh"])

	// The same command again: nothing is sent.
	before := len(d.fake.Requests())
	o = d.debit(path)
	require.Equal(t, exitRejected, o.code)
	require.Regexp(t, `^job november-edu-debit: 3 of 5 done, continuing\n`, o.stderr)
	require.Len(t, d.fake.Requests(), before)
	require.NoFileExists(t, filepath.Join(d.out, "november-edu-debit.rejected-2.csv"), "its own file is replaced")

	// A masked file fed again is refused with words.
	o = d.debit(filepath.Join(d.out, "november-edu-debit.rejected.csv"))
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "nothing was sent")
	require.Contains(t, o.stderr, "wxpay jobs export november-edu-debit --rejected --reveal")
	d.nobody(o.stderr)
	require.Len(t, d.fake.Requests(), before)

	page := filepath.Join(d.out, "page.html")
	o = d.job("jobs", "report", "november-edu-debit", "-o", page)
	require.Zero(t, o.code, o.stderr)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "PAY_FAIL")
	d.nobody(o.stderr)

	// Exported whole, corrected and fed again, by its name alone.
	fixed := filepath.Join(d.in, "november-edu-debit.rejected.csv")
	o = d.job("jobs", "export", "november-edu-debit", "--rejected", "--reveal", "-o", fixed)
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stderr, "whole numbers")
	rows := tableOf(t, fixed)
	require.Equal(t, d.contracts[1], rows[0]["协议号"])
	require.Equal(t, canaryName, rows[0]["姓名"])
	text := readFile(t, fixed)
	for line := range strings.Lines(string(text)) {
		for cell := range strings.SplitSeq(line, ",") {
			require.NotRegexp(t, `^"?[=+\-@]`, cell, "a cell that starts a formula")
		}
	}
	require.NoError(t, os.WriteFile(fixed, []byte(strings.ReplaceAll(string(text), ",poor", ",rich")), 0o600))
	o = d.debit(d.noticed(fixed))
	require.Zero(t, o.code, "corrected rows take the place of those that were refused: %s", o.stderr)
	require.Regexp(t, `^job november-edu-debit: 3 of 7 done, continuing\n`, o.stderr)
	require.Contains(t, o.stderr, "7 rows = 5 done + 0 rejected + 0 unknown + 2 skipped")

	for _, args := range [][]string{{"list"}, {"show", "november-edu-debit"}, {"list", "--json"}, {"show", "november-edu-debit", "--json"}, {"list", "--lang=zh"}, {"show", "november-edu-debit", "--lang=zh"}} {
		o = d.job(append([]string{"jobs"}, args...)...)
		require.Zero(t, o.code, o.stderr)
		require.Contains(t, o.stdout, "november-edu-debit")
		d.nobody(o.stdout, o.stderr)
	}
	o = d.runWith("y\n", "jobs", "forget", "november-edu-debit", "--dir="+d.out)
	require.Equal(t, exitUsage, o.code, "nobody is asked without a terminal")
	require.Contains(t, o.stderr, "request numbers")
	require.NoError(t, os.WriteFile(filepath.Join(d.out, "november-edu-debit.ledger.new"), nil, 0o600), "of a beginning that was killed")
	o = d.job("jobs", "forget", "november-edu-debit", "--yes")
	require.Zero(t, o.code, o.stderr)
	o = d.job("jobs", "list")
	require.Empty(t, o.stdout)
	left, err := os.ReadDir(d.out)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Somebody works on the file of rejected rows: it is theirs from then on.
func TestWhatSomebodyChangedIsNotOverwritten(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	path := d.noticed(d.debits("a.csv", "ok", "poor"), "--job=autumn")
	require.Equal(t, exitRejected, d.debit(path, "--job=autumn").code)
	file := filepath.Join(d.out, "autumn.rejected.csv")
	require.NoError(t, os.WriteFile(file, []byte("my notes\n"), 0o600))
	o := d.debit(path, "--job=autumn")
	require.Equal(t, exitRejected, o.code)
	require.Contains(t, o.stderr, "autumn.rejected-2.csv")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "my notes\n", string(text))

	o = d.job("jobs", "export", "autumn", "--rejected", "-o", file)
	require.Equal(t, exitUsage, o.code, o.stderr)
	page := d.write("page.html", "mine")
	o = d.job("jobs", "report", "autumn", "-o", page)
	require.Equal(t, exitUsage, o.code, o.stderr)
	o = d.job("jobs", "forget", "autumn", "--yes")
	require.Zero(t, o.code, o.stderr)
	require.FileExists(t, file)
}

func TestBadInputSendsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	var b strings.Builder
	b.WriteString("contract_id,out_trade_no,amount_fen,description\n")
	for range 30 {
		fmt.Fprintf(&b, "%s,%s,0,x\n", d.contracts[0], canaryPhone)
	}
	path := d.write("bad.csv", b.String())
	for _, more := range [][]string{nil, {"--dry-run"}, {"--lang=zh"}} {
		o := d.debit(path, more...)
		require.Equal(t, exitUsage, o.code, o.stderr)
		require.Contains(t, o.stderr, "bad.csv")
		require.NotContains(t, o.stderr, "remembered")
		require.NotContains(t, o.stderr, "台账")
		d.nobody(o.stderr)
		require.Empty(t, d.fake.Requests())
	}
	o := d.debit(path, "--json")
	require.Equal(t, exitUsage, o.code)
	require.Len(t, o.of(t, "fault"), 20)
	require.Contains(t, o.stderr, "and 10 more")
	require.NoDirExists(t, d.out, "of a job that never began nothing stays")
	o = d.debit(filepath.Join(d.in, "missing.csv"))
	require.Equal(t, exitUsage, o.code, o.stderr)
	for _, lead := range []string{"73h", "-1s"} {
		o = d.debit(d.debits("good.csv", "a"), "--notice-lead="+lead)
		require.Equal(t, exitUsage, o.code, o.stderr)
		require.Contains(t, o.stderr, "between 0 and 72h")
	}
}

func TestJobWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3)
	path := d.debits("w.csv", "a", "b", "c")
	o := d.debit(path, "--dry-run", "--rate=2")
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stderr, "3 rows, nothing was sent")
	require.Empty(t, d.fake.Requests())
	require.NoDirExists(t, d.out)

	o = d.debit(path, "--limit=1", "--notices-only")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Contains(t, o.stderr, "next: run the same command again", "notices are left")
	d.noticed(path)
	o = d.debit(path, "--until="+time.Now().Add(time.Minute).Format(time.RFC3339), "--notice-lead=24h")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Contains(t, o.stderr, "\n  3 rows wait for their next step: debit\n")
	require.Contains(t, o.stderr, "next: run the same command again", "all that was asked for was asked for")
	o = d.debit(path, "--limit=1", "--json")
	require.Equal(t, exitStopped, o.code, o.stderr)
	sum := o.of(t, "summary")[0]
	require.EqualValues(t, exitStopped, sum["exit"])
	require.Equal(t, false, sum["complete"])
	require.Equal(t, "limit", sum["stopped"])
	require.EqualValues(t, 1, sum["done"])
	require.EqualValues(t, 2, sum["left"])
	require.NotEmpty(t, o.of(t, "progress"))

	o = d.job("jobs", "forget", "w-edu-debit", "--yes")
	require.Equal(t, exitUsage, o.code, "rows are left: %s", o.stderr)

	o = d.job("jobs", "resume", "w-edu-debit", "--lang=zh")
	require.Zero(t, o.code, o.stderr)
	require.Regexp(t, `^任务 w-edu-debit：已完成 1 / 3 行，继续\n`, o.stderr)
	o = d.debit(path, "--dry-run", "--rate=2", "--json")
	require.Zero(t, o.code, o.stderr)
	require.Zero(t, o.of(t, "check")[0]["seconds_at_least"], "all of it is done")

	require.NoError(t, os.WriteFile(path, []byte("contract_id,out_trade_no,amount_fen,description\nx,a,1,x\n"), 0o600))
	o = d.debit(path)
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "has changed")
	require.Contains(t, o.stderr, "with --job w-edu-debit")

	o = d.debit(d.debits("other.csv", "d"), "--job=w-edu-debit", "--sub-mchid=1900009999")
	require.Equal(t, exitUsage, o.code, "a ledger of another setting: %s", o.stderr)
	require.Contains(t, o.stderr, `the job was begun with another sub_mchid: "" there, "1900009999" here`)
	require.Contains(t, o.stderr, "wxpay jobs resume")

	for _, wrong := range [][]string{{"--job=../x"}, {"--rate=-1"}, {"--limit=0"}, {"--until=25:00"}, {"--between=9"}, {"--concurrency=0"}, {"--map=nothing=1"}, {"--map=x"}} {
		o = d.debit(path, wrong...)
		require.Equal(t, exitUsage, o.code, "%v: %s", wrong, o.stderr)
		oneLineOf(t, o.stderr)
	}
	for _, args := range [][]string{{"show", "nobody"}, {"show", "../x"}, {"resume", "nobody"}, {"export", "w-edu-debit"}, {"report", "nobody"}, {"forget", "nobody", "--yes"}} {
		o = d.job(append([]string{"jobs"}, args...)...)
		require.Equal(t, exitUsage, o.code, "%v: %s", args, o.stderr)
	}
}

func TestSkippedAndChangedRows(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3)
	require.Zero(t, d.debit(d.noticed(d.debits("one.csv", "a", "b"), "--job=j"), "--job=j").code)
	second := d.write("two.csv", fmt.Sprintf("contract_id,out_trade_no,amount_fen,description\n%s,a,100,课程\n%s,b,99999,课程\n%[3]s,c,5,课程\n%[3]s,c,6,课程\n", d.contracts[0], d.contracts[1], d.contracts[2]))
	o := d.debit(d.noticed(second, "--job=j"), "--job=j")
	require.Equal(t, exitRejected, o.code, o.stderr)
	require.NotContains(t, o.stderr, "twice")
	require.Contains(t, o.stderr, "2 rows differ")
	require.Contains(t, o.stderr, "next: decide about the changed rows")
	file := filepath.Join(d.out, "j.skipped.csv")
	skipped := tableOf(t, file)
	require.Len(t, skipped, 2, "the row that is as it was needs nobody")
	require.Contains(t, skipped[0]["wxpay_reason"], "line 3 of an earlier input")
	require.Contains(t, skipped[1]["wxpay_reason"], "in line 4 before; only that line is sent")
	all := filepath.Join(d.in, "all.csv")
	require.Zero(t, d.job("jobs", "export", "j", "--skipped", "-o", all).code)
	require.Len(t, tableOf(t, all), 3)
	d.nobody(o.stderr)

	same := d.debits("same.csv", "x")
	require.Zero(t, d.debit(d.noticed(same, "--job=k"), "--job=k").code)
	again := d.debits("again.csv", "x")
	require.NoError(t, os.WriteFile(again, append([]byte("\xef\xbb\xbf"), readFile(t, again)...), 0o600), "another digest")
	require.Zero(t, d.debit(again, "--job=k").code)
	require.NoFileExists(t, filepath.Join(d.out, "k.skipped.csv"))
	require.Zero(t, d.job("jobs", "export", "k", "--skipped").code)
	require.Zero(t, d.debit(again, "--job=k").code)
	require.FileExists(t, filepath.Join(d.out, "k.skipped.csv"), "somebody asked for it")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// An input that was refused is no part of how a job is run.
func TestRefusedInputIsNotRemembered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	require.Zero(t, d.debit(d.noticed(d.debits("good.csv", "a"), "--job=j"), "--job=j").code)
	bad := d.write("bad.csv", "contract_id,out_trade_no,amount_fen,description\nx,b,0,x\n")
	require.Equal(t, exitUsage, d.debit(bad, "--job=j").code)
	require.NotContains(t, string(readFile(t, filepath.Join(d.out, "j.job"))), "bad.csv")
	o := d.job("jobs", "resume", "j")
	require.Equal(t, exitDone, o.code, o.stderr)
}

func TestBankUpload(t *testing.T) {
	t.Parallel()
	s := newStand(t, wxpaytest.Options{TaskDuration: time.Millisecond})
	d := &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "62170000%08d\n", i)
	}
	path := d.write("号码.txt", b.String())
	args := []string{"bank", "upload", path, "--package=8473295", "--bank-type=ICBC_DEBIT", "--wait", "--every=1ms", "--rate=0"}
	o := d.job(append(args, "--json")...)
	require.Equal(t, exitDone, o.code, o.stderr)
	sum := o.of(t, "summary")[0]
	require.EqualValues(t, 60, sum["done"])
	require.Equal(t, true, sum["complete"])
	o = d.job(args...)
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Regexp(t, `^job 号码-bank-upload: 60 of 60 done, continuing\n`, o.stderr)
	tasks := d.run("bank", "tasks", "--package=8473295", "--json")
	require.Len(t, tasks.of(t, "task"), 1)
	d.nobody(o.stderr, o.stdout)
}

func TestPushUpload(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	d := &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	path := d.write("accounts.txt", "account\nuser1\nuser2\nuser3\n")
	o := d.job("push", "upload", path)
	require.Equal(t, exitDone, o.code, o.stderr)
	id := oneLineOf(t, o.stdout)
	require.Regexp(t, `^\d+$`, id)
	o = d.job("push", "upload", path, "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Equal(t, id, o.of(t, "list")[0]["list_id"], "the same list, not another")
	o = d.run("push", "send", "--upload", id, "--title", "T", "--content", "C")
	require.Equal(t, exitDone, o.code, o.stderr)

	params := d.write("push.json", `{"message_type":"notify","audience_type":"package_account_push","message":{"title":"T","content":"C"}}`)
	o = d.job("push", "upload", path, "--params", params, "--job=pushed")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Regexp(t, `^\d+$`, oneLineOf(t, o.stdout))
}

// A row that stands in a file twice is told, and never means a second effect.
func TestRowsThatStandTwice(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	d := &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	path := d.write("accounts.txt", "account\nuser1\nuser2\nuser1\nuser2\n")
	told := "2 rows stand in the input twice, the first in line 4"
	o := d.job("push", "upload", path, "--dry-run")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, told)
	o = d.job("push", "upload", path)
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, told)
	params := d.write("push.json", `{"message_type":"notify","audience_type":"package_account_push","message":{"title":"T","content":"C"}}`)
	o = d.job("push", "upload", path, "--params", params, "--job=pushed")
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "accounts.txt:4: stands in line 2 before")

	phones := d.write("phones.txt", "13800138000\n+86 138 0013 8000\n13800138001\n")
	o = d.job("member", "import", phones, "--card=pbLatjk4T4Hx-QFQGL4zGQy27_Qg", "--dry-run", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.EqualValues(t, 1, o.of(t, "check")[0]["duplicates"])
	numbers := d.write("numbers.txt", "62170000001\n62170000002\n62170000001\n")
	o = d.job("bank", "upload", numbers, "--package=8473295", "--bank-type=ICBC_DEBIT", "--json")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.EqualValues(t, 1, o.of(t, "summary")[0]["duplicates"])
}

func TestKeysThatAreWrong(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	path := d.debits("k.csv", "a", "b")
	replaceKey(d.stand)
	o := d.debit(path)
	require.Equal(t, exitAuth, o.code, o.stderr)
	require.Contains(t, o.stderr, "2 not sent yet")
}

func TestInterruptedJob(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	path := d.debits("i.csv", "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, append([]string{"edu", "debit", path, "--dir", d.out}, strings.Fields(debitFlags)...), func(name string) string { return d.env[name] }, strings.NewReader(""), &stdout, &stderr)
	require.Equal(t, exitInterrupted, code, stderr.String())
	require.Contains(t, stderr.String(), "wxpay: interrupted; run it again and it goes on here\n")
	require.NotContains(t, stderr.String(), "0 rows =")
	require.NoDirExists(t, d.out, "it had not begun")
	o := d.noticed(path)
	require.NotEmpty(t, o)
}

func TestJobThatAnotherProcessRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	path := d.debits("h.csv", "a", "b")
	d.noticed(path)
	l, err := ledger.Open(folder(d.out).ledger("h-edu-debit"))
	require.NoError(t, err)
	for _, lang := range []string{"en", "zh"} {
		o := d.debit(path, "--lang="+lang)
		require.Equal(t, exitStopped, o.code, o.stderr)
		require.Contains(t, o.stderr, fmt.Sprint(os.Getpid()), "who holds it")
		o = d.job("jobs", "forget", "h-edu-debit", "--yes", "--force", "--lang="+lang)
		require.Equal(t, exitStopped, o.code, o.stderr)
	}
	o := d.job("jobs", "list", "--json")
	require.Equal(t, "running", o.of(t, "job")[0]["state"])
	require.EqualValues(t, os.Getpid(), o.of(t, "job")[0]["pid"])
	require.NoError(t, l.Close())
}

func TestEndsOfJobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sums    bulk.Sums
		err     error
		changed int64
		want    int
	}{
		{sums: bulk.Sums{Rows: 1, Done: 1}, want: exitDone},
		{sums: bulk.Sums{Rows: 2, Done: 1, Skipped: 1}, want: exitDone},
		{sums: bulk.Sums{Rows: 2, Done: 1, Skipped: 1}, changed: 1, want: exitRejected},
		{sums: bulk.Sums{Rows: 2, Done: 1, Rejected: 1}, want: exitRejected},
		{sums: bulk.Sums{Rows: 3, Done: 1, Rejected: 1, Unknown: 1}, want: exitUnknown},
		{sums: bulk.Sums{Rows: 2, Done: 1, Left: 1}, want: exitStopped},
		{sums: bulk.Sums{Rows: 2, Done: 1, Left: 1}, err: &bulk.StopError{Why: bulk.WhyNetwork}, want: exitStopped},
		{sums: bulk.Sums{Rows: 2, Done: 1, Left: 1}, err: &bulk.StopError{Why: bulk.WhyAuth}, want: exitAuth},
		{sums: bulk.Sums{Rows: 2, Done: 1, Left: 1}, err: &bulk.StopError{Why: bulk.WhyInterrupted}, want: exitInterrupted},
		{err: &bulk.StopError{Why: bulk.WhyInterrupted}, want: exitInterrupted},
	} {
		text, err := json.Marshal(summaryOf("x", &bulk.Summary{Sums: c.sums}, c.err, c.want, skips{}))
		require.NoError(t, err)
		require.Equal(t, c.err == nil && c.sums.Left+c.sums.Unknown == 0, strings.Contains(string(text), `"complete":true`), "%s", text)
		require.Equal(t, c.want, exitAfter(t.Context(), &bulk.Summary{Sums: c.sums}, c.err, c.changed), "%+v", c)
	}
}

func TestMemberJobs(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	d := &desk{stand: s, in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	card := s.fake.AddCard("SYSTEM_ALLOCATE")
	phones := d.write("会员.csv", "手机号,姓名\n１３８１２３４５６７８,"+canaryName+"\n+86 139-0000-0001,b\n13900000001,c\n")
	openids := d.write("openids.csv", "openid\noUpF8uMuAJOM2pxb1Q\n")
	for _, args := range [][]string{
		{"member", "import", phones, "--card=" + card, "--rate=0"},
		{"member", "import", openids, "--card=" + card, "--by=openid", "--rate=0"},
		{"member", "remind", phones, "--card=" + s.fake.AddCard("SYSTEM_ALLOCATE"), "--registered=2026-01-31", "--rate=0"},
	} {
		for _, lang := range []string{"en", "zh"} {
			o := d.job(append(args, "--json", "--lang="+lang)...)
			require.Equal(t, exitDone, o.code, "%v: %s %s", args, o.stdout, o.stderr)
			sum := o.of(t, "summary")[0]
			require.Equal(t, sum["rows"], sum["done"].(float64)+sum["skipped"].(float64))
			require.NotEmpty(t, o.of(t, "job"))
			d.nobody(o.stdout, o.stderr)
		}
	}
	o := d.job("jobs", "export", "会员-member-import", "--skipped", "-o", "-")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stdout, "139****0001,****,会员.csv,4,DUPLICATE,stands in line 3 before,与第 3 行重复,,masked")
	o = d.job("member", "import", phones, "--card="+card, "--by=email")
	require.Equal(t, exitUsage, o.code)
	o = d.job("member", "remind", phones, "--card="+card, "--registered=soon")
	require.Equal(t, exitUsage, o.code)
	o = d.job("jobs", "resume", "会员-member-remind", "--rate=100")
	require.Equal(t, exitDone, o.code, o.stderr)
}

func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.debits("x.csv", "a")
	require.NoError(t, os.MkdirAll(d.out, 0o700))
	require.NoError(t, os.WriteFile(folder(d.out).ledger("x-edu-debit"), bytes.Repeat([]byte("no ledger "), 1000), 0o600))
	for _, lang := range []string{"en", "zh"} {
		o := d.debit(path, "--lang="+lang)
		require.Equal(t, exitInternal, o.code, o.stderr)
		require.Contains(t, o.stderr, map[string]string{"en": "damaged or no ledger", "zh": "已损坏"}[lang])
		require.Empty(t, d.fake.Requests())
		o = d.job("jobs", "show", "x-edu-debit", "--lang="+lang)
		require.Equal(t, exitInternal, o.code, o.stderr)
	}
	o := d.job("jobs", "list", "--json")
	require.Zero(t, o.code)
	require.Equal(t, "damaged", o.of(t, "job")[0]["state"])
	require.Equal(t, exitInternal, d.job("jobs", "forget", "x-edu-debit", "--yes").code)
	o = d.job("jobs", "forget", "x-edu-debit", "--yes", "--force")
	require.Zero(t, o.code, o.stderr)
	require.NoFileExists(t, folder(d.out).ledger("x-edu-debit"))
}
