package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/wxpaytest"
)

const transferFlags = "--appid=wx8888888888888888 --scene=1000 --report-info=活动名称=新会员有礼 --report-info=奖励说明=注册奖励 --remark=奖励 --every=1ms --rate=0"

// payees are openids of people who are nobody's business.
func payee(i int) string { return fmt.Sprintf("oUpF8uMuAJOM2pxb1Q%02d", i) }

// transfers are rows of a file: the people of these numbers, whose amounts follow from them.
func (d *desk) transfers(name string, people ...int) string {
	d.t.Helper()
	var b strings.Builder
	b.WriteString("openid,金额（元）,姓名,电话\r\n")
	for _, i := range people {
		fmt.Fprintf(&b, "%s,%d.50,%s,%s\r\n", payee(i), i, canaryName, canaryPhone)
	}
	return d.write(name, b.String())
}

func (d *desk) transfer(path string, more ...string) outcome {
	d.t.Helper()
	return d.job(append(append([]string{"transfer", path}, strings.Fields(transferFlags)...), more...)...)
}

// billRows are the bills of the fake.
func (d *desk) billRows() (rows []map[string]any) {
	for _, v := range d.fake.State() {
		if v.Name == "bills" {
			rows = append(rows, v.Rows...)
		}
	}
	return rows
}

func TestTransferFromFileToCorrection(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.transfers("bonus.csv", 1, 2, 3, 2)

	// Without its sum nothing is sent, and nothing remembered.
	o := d.transfer(path)
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "the file as a whole: 10.00 yuan in 4 rows, the smallest 1.50, the largest 3.50\n")
	require.Contains(t, o.stderr, "warning: 1 repeated: same person and amount as an earlier row; each is paid:\n  line 5 repeats line 3: oUp****Q02, 2.50 yuan\n")
	require.Contains(t, o.stderr, "run the same command with --confirm 10.00\n")
	require.Empty(t, o.stdout)
	d.nobody(o.stderr)
	o = d.transfer(path, "--lang=zh")
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.stderr, "整体检查：共 10.00 元，4 行")
	require.Contains(t, o.stderr, "  第 5 行与第 3 行相同：oUp****Q02，2.50 元\n")
	require.Contains(t, o.stderr, "--confirm 10.00")
	for _, wrong := range []string{"9.99", "10.01", "1000", "10.001", "x", "-10.00", "1e1", ""} {
		o = d.transfer(path, "--confirm="+wrong)
		require.Equal(t, exitUsage, o.code, "%s: %s", wrong, o.stderr)
	}
	o = d.transfer(path, "--dry-run")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "10.00 yuan")
	require.Equal(t, exitUsage, d.transfer(path, "--dry-run", "--confirm=9.00").code)
	require.Empty(t, d.fake.Requests())
	require.NoDirExists(t, d.out)

	// Created, and not paid.
	o = d.transfer(path, "--confirm=10.00", "--no-wait")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Contains(t, o.stderr, "4 rows = 0 done + 0 rejected + 0 unknown + 0 skipped + 0 not sent yet + 4 under way (begun, not ended), in ")
	show := d.job("jobs", "show", "bonus-transfer", "--lang=zh")
	require.Contains(t, show.stdout, "跳过 0 + 尚未发送 0 + 进行中 4（已开始，未结束）")
	forget := d.job("jobs", "forget", "bonus-transfer", "--yes")
	require.Contains(t, forget.stderr, "0 unknown rows and 4 not sent yet or under way")
	require.Contains(t, o.stderr, "none is paid by that alone")
	require.NotContains(t, o.stdout+o.stderr, "wxpaytest1330000071100", "no ticket is logged")
	d.nobody(o.stderr)
	results := tableOf(t, filepath.Join(d.out, "bonus-transfer.results.csv"))
	require.Len(t, results, 4)
	numbers := map[string]bool{}
	for i, r := range results {
		numbers[r["wxpay_out_bill_no"]] = true
		assert.Equal(t, "WAIT_USER_CONFIRM", r["wxpay_state"])
		assert.NotEmpty(t, r["wxpay_package_info"])
		assert.NotEmpty(t, r["wxpay_transfer_bill_no"])
		assert.Equal(t, []string{"1.50", "2.50", "3.50", "2.50"}[i], r["金额（元）"])
		assert.Equal(t, "****", r["电话"])
	}
	require.Len(t, d.billRows(), 4)
	for _, bill := range d.billRows() {
		require.True(t, numbers[bill["out_bill_no"].(string)])
	}

	// A changed file is refused, also with its own sum, by the command and by resume.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, change := range []struct{ from, to, sum string }{{payee(3), payee(4), "10.00"}, {",3.50,", ",4.50,", "11.00"}, {",3.50,", ",4.50,", "10.00"}} {
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), change.from, change.to, 1)), 0o600))
		for _, o := range []outcome{d.transfer(path, "--confirm="+change.sum), d.job("jobs", "resume", "bonus-transfer")} {
			require.Equal(t, exitUsage, o.code, o.stderr)
			require.Contains(t, o.stderr, "changed")
		}
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
	zh := d.transfer(path, "--confirm=10.00", "--no-wait", "--lang=zh")
	require.Contains(t, zh.stderr, "4 行等待下一步：等待结果")
	require.Equal(t, exitUsage, d.transfer(path).code, "a job that was begun is confirmed as well")
	require.Equal(t, exitUsage, d.transfer(path, "--confirm=9.00").code)
	require.Len(t, d.billRows(), 4)

	// Some take the money, one bill fails; resume knows the sum.
	for _, bill := range d.billRows() {
		number := bill["out_bill_no"].(string)
		if bill["openid"] == payee(3) {
			require.NoError(t, d.fake.FailTransfer(number, "NAME_NOT_CORRECT"))
			continue
		}
		require.NoError(t, d.fake.ConfirmTransfer(number))
	}
	o = d.job("jobs", "resume", "bonus-transfer")
	require.Equal(t, exitRejected, o.code, o.stderr)
	require.Contains(t, o.stderr, "4 rows = 3 done + 1 rejected + 0 unknown + 0 skipped + 0 not sent yet")
	require.Contains(t, o.stderr, "1  FAIL:NAME_NOT_CORRECT")
	results = tableOf(t, filepath.Join(d.out, "bonus-transfer.results.csv"))
	assert.Equal(t, "SUCCESS", results[0]["wxpay_state"])
	assert.Empty(t, results[0]["wxpay_package_info"])
	assert.Equal(t, "FAIL", results[2]["wxpay_state"])
	rejected := tableOf(t, filepath.Join(d.out, "bonus-transfer.rejected.csv"))
	require.Len(t, rejected, 1)
	assert.Contains(t, rejected[0]["wxpay_reason"], "not paid")
	assert.Contains(t, rejected[0]["wxpay_reason"], "wxpay_line, without which it gets no new number")
	assert.Contains(t, rejected[0]["wxpay_reason_zh"], "wxpay_line 两列重新提交")
	assert.Contains(t, rejected[0]["wxpay_reason_zh"], "未付款")
	d.nobody(o.stderr)

	// Corrected and fed again: another number, since the bill of the first has failed.
	fixed := filepath.Join(d.in, "bonus-transfer.rejected.csv")
	require.Zero(t, d.job("jobs", "export", "bonus-transfer", "--rejected", "--reveal", "-o", fixed).code)
	o = d.transfer(fixed)
	require.Equal(t, exitUsage, o.code, o.stderr)
	require.Contains(t, o.stderr, "--confirm 3.50")
	o = d.transfer(fixed, "--confirm", "3.50", "--no-wait")
	require.Equal(t, exitStopped, o.code, o.stderr)
	require.Len(t, d.billRows(), 5)
	require.NoError(t, d.fake.ConfirmTransfer(d.billRows()[4]["out_bill_no"].(string)))
	o = d.transfer(fixed, "--confirm", "3.50")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Contains(t, o.stderr, "5 rows = 4 done + 0 rejected + 0 unknown + 1 skipped + 0 not sent yet")
	paid := map[any]int{}
	for _, bill := range d.billRows() {
		if bill["state"] == "SUCCESS" {
			paid[bill["openid"]]++
		}
	}
	assert.Equal(t, map[any]int{payee(1): 1, payee(2): 2, payee(3): 1}, paid)
	assert.Contains(t, d.job("jobs", "list").stdout, "bonus-transfer")
}

// What a program reads: the file as a whole, its results, why it stopped.
func TestTransferInJSON(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.transfers("bonus.csv", 1, 1, 2)
	require.NoError(t, d.fake.SetTransferBalance(200, true))
	types := map[string]map[string]any{}
	read := func(o outcome) {
		clear(types)
		for line := range strings.Lines(o.stdout) {
			var v map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &v), line)
			types[v["type"].(string)] = v
		}
	}
	o := d.transfer(path, "--json")
	require.Equal(t, exitUsage, o.code)
	read(o)
	assert.Equal(t, "5.50", types["review"]["sum"])
	assert.EqualValues(t, 3, types["review"]["rows"])
	assert.EqualValues(t, 1, types["review"]["same_person_and_amount"])
	assert.Equal(t, []any{map[string]any{"line": 3.0, "as_line": 2.0, "openid": "oUp****Q01", "amount": "1.50"}}, types["review"]["same"])
	assert.EqualValues(t, exitUsage, types["error"]["exit"])

	o = d.transfer(path, "--json", "--confirm=5.50", "--no-wait", "--concurrency=1")
	require.Equal(t, exitStopped, o.code, o.stderr)
	read(o)
	assert.Equal(t, "money", types["summary"]["stopped"])
	assert.EqualValues(t, 0, types["summary"]["rejected"])
	assert.EqualValues(t, 0, types["summary"]["unknown"])
	assert.Contains(t, o.stderr, "top it up")
	require.Len(t, d.billRows(), 1)
	require.NoError(t, d.fake.SetTransferBalance(10_000, true))
	o = d.transfer(path, "--json", "--confirm=5.50", "--no-wait")
	require.Equal(t, exitStopped, o.code, o.stderr)
	read(o)
	assert.Equal(t, "limit", types["summary"]["stopped"])
	assert.Equal(t, map[string]any{"finish": 3.0}, types["summary"]["next_steps"])
	require.Len(t, d.billRows(), 3)
}

// Amounts are those of the column's unit, and a file that cannot be sent is told row by row.
func TestTransferFiles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	for text, want := range map[string]string{
		"openid,amount\r\no1,0.1\r\no2,0.20\r\n":              "0.30 yuan in 2 rows",
		"openid,amount_fen\r\no1,10\r\n":                      "0.10 yuan in 1 rows",
		"openid,金额（分）\r\no1,123450\r\n":                       "1234.50 yuan",
		"openid,金额\r\no1,10\r\n":                              "nothing was sent",
		"openid,amount\r\no1,0.09\r\n":                        "bonus.csv:2: column amount: is less than 0.10 yuan",
		"openid,amount\r\no1,2000\r\n":                        "column name: is missing; from 2,000 yuan on",
		"openid,amount,name\r\no1,0.29,张三丰\r\n":               "column name: must be empty",
		"openid,amount,out_bill_no\r\no1,1,A1\r\no2,2,A1\r\n": "stands in line 2 before",
		"openid,amount,out_bill_no\r\no1,1,A-1\r\n":           "letters and digits",
		"openid,amount\r\n":                                   "holds no row",
		"openid,amount\r\no1,1.005\r\n":                       "more than two decimals",
	} {
		o := d.transfer(d.write("bonus.csv", text))
		require.Equal(t, exitUsage, o.code, o.stderr)
		assert.Contains(t, o.stderr, want, text)
		d.nobody(o.stderr)
	}
	for _, wrong := range [][]string{{"--report-info=活动名称"}, {"--scene="}, {"--appid="}, {"--notify-url=shop"}, {"--report-info=a=b", "--report-info=c=d"}} {
		o := d.transfer(d.transfers("bonus.csv", 1), append(wrong, "--confirm=1.50")...)
		assert.Equal(t, exitUsage, o.code, "%v: %s", wrong, o.stderr)
	}
	assert.Empty(t, d.fake.Requests())
	assert.NoDirExists(t, d.out)
}

// While it waits for the users, the tickets are there already.
func TestTransferThatWaits(t *testing.T) {
	t.Parallel()
	d := &desk{stand: newStand(t, wxpaytest.Options{TaskDuration: time.Millisecond}), in: t.TempDir(), out: filepath.Join(t.TempDir(), "jobs")}
	path := d.transfers("bonus.csv", 1, 2)
	ended := make(chan outcome, 1)
	go func() { ended <- d.transfer(path, "--confirm=4.00", "--every=2s") }()
	results := filepath.Join(d.out, "bonus-transfer.results.csv")
	require.Eventually(t, func() bool {
		info, err := os.Stat(results)
		return err == nil && info.Size() > 0 // its name is taken before it is written
	}, time.Minute, 10*time.Millisecond)
	for _, r := range tableOf(t, results) {
		assert.NotEmpty(t, r["wxpay_package_info"])
		require.NoError(t, d.fake.ConfirmTransfer(r["wxpay_out_bill_no"]))
	}
	o := <-ended
	require.Equal(t, exitDone, o.code, o.stderr)
	assert.Contains(t, o.stderr, "results so far: ")
	assert.Contains(t, o.stderr, "2 rows = 2 done")
}

// The number in the results is the one that was sent, and as masked as its column.
func TestTransferResultsOfNumbers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	text := "openid,金额（元）,out_bill_no\n" + payee(1) + ",10.00,ＡＢＣ００１\n" + payee(2) + ",10.00,\u200bABC002\u00a0\n" + payee(3) + ",10.00,'ABC003\n" + payee(4) + ",10.00,edu13800138000\n" + payee(5) + ",10.00,\n"
	path := d.write("w.csv", text)
	o := d.transfer(path, "--confirm=50.00", "--no-wait", "--job=j1")
	require.Equal(t, exitStopped, o.code, o.stderr)
	sent := map[any]any{}
	for _, b := range d.billRows() {
		sent[b["openid"]] = b["out_bill_no"]
	}
	made := sent[payee(5)].(string)
	read := func() (numbers []string) {
		for _, r := range tableOf(t, filepath.Join(d.out, "j1.results.csv")) {
			numbers = append(numbers, r["wxpay_out_bill_no"])
		}
		return numbers
	}
	assert.Equal(t, []string{"ABC001", "ABC002", "ABC003", "edu138****8000", made}, read())
	o = d.transfer(path, "--confirm=50.00", "--no-wait", "--job=j1", "--reveal")
	require.Equal(t, exitStopped, o.code, o.stderr)
	assert.Equal(t, []string{"ABC001", "ABC002", "ABC003", "edu13800138000", made}, read())

	// Of rows that are lost, only a number that is made is known.
	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	other := d.write("x.csv", "openid,金额（元）\n"+payee(6)+",1.00\n")
	o = d.transfer(other, "--confirm=1.00", "--no-wait", "--job=j1")
	require.Equal(t, exitStopped, o.code, o.stderr)
	assert.Equal(t, []string{"", "", "", "", made}, read()[:5])
}

// A sum is read by the rules of cells.
func TestFenOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"1234.50": 123450, "1,234.50": 123450, " 1234.5 ": 123450, "￥12": 1200, "1,234,567": 123456700,
		"1,50": 0, "1,5": 0, "12,34.50": 0, "1.5,0": 0, ",150": 0, "": 0, "0": 0, "-1": 0, "1e3": 0, "1.234": 0, "x": 0, "92233720368547758.08": 0} {
		got, ok := fenOf(text)
		assert.Equal(t, want > 0, ok, text)
		if ok {
			assert.EqualValues(t, want, got, text)
		}
	}
}

// What is set for all rows is told by its flag.
func TestWhatIsSetForAllRowsIsToldByItsFlag(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	path := d.transfers("bonus.csv", 1)
	long := strings.Repeat("x", 300)
	base := map[string]string{"appid": "wx8888888888888888", "scene": "1000", "report-info": "活动名称=新会员有礼", "remark": "奖励"}
	for _, c := range []struct{ flag, value, english, chinese string }{
		{"report-info", "", "wxpay: --report-info is needed by this scene; nothing was sent", "wxpay: 该场景需填写 --report-info；未发送任何内容"},
		{"report-info", "活动名称=", "wxpay: --report-info is needed; nothing was sent", "wxpay: --report-info 未填写；未发送任何内容"},
		{"appid", long, "wxpay: --appid has 300 characters, more than 32", "wxpay: --appid 共 300 个字符，超过 32 个"},
		{"scene", long, "wxpay: --scene ", "wxpay: --scene 共 300 个字符"},
		{"remark", long, "wxpay: --remark ", "wxpay: --remark 共 300 个字符"},
		{"notify-url", "shop.example", "wxpay: --notify-url ", "wxpay: --notify-url "},
		{"perception", long, "wxpay: --perception ", "wxpay: --perception 共 300 个字符"},
	} {
		for lang, want := range map[string]string{"en": c.english, "zh": c.chinese} {
			set := maps.Clone(base)
			set[c.flag] = c.value
			args := []string{"transfer", path, "--dry-run", "--lang=" + lang}
			for name, value := range set {
				if value != "" {
					args = append(args, "--"+name+"="+value)
				}
			}
			o := d.job(args...)
			assert.Equal(t, exitUsage, o.code, o.stderr)
			assert.Contains(t, o.stderr, want)
			assert.NotContains(t, o.stderr, "POST /v3")
		}
	}
}
