package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// An errand is a command that is a job over a file.
type errand struct {
	does string // at the end of the name of a job that nobody named, such as member-import
	flag jobFlags

	// make gives the operation of a job of this name, and the key of its ledger. It looks at the set-up and sends
	// nothing. Settings are those of the job, if it was begun.
	make func(name string, settings map[string]string) (bulk.Operation, func(context.Context) ([]byte, error), error)
	// adjust changes the job by flags of the errand's own; may be nil.
	adjust func(*bulk.Job)
	// given is told what the platform gave for each item that is done, such as an upload ID; may be nil.
	given func(code string) error
	// results are told of each row in a file of their own; nil: there is no such file.
	results *bulkreport.Results
	// first says what it means that a run took the first step alone, and what to do next; the name of the job stands for %s.
	first, then wxpay.Hint
	// flags are those from which params of the calls of every row come, by param; what is wrong with one is told by its flag.
	flags map[string]string

	watch *watch // of the run
}

// A work is a job about to run.
type work struct {
	home    home
	name    string
	path    string
	job     bulk.Job
	options table.Options
	args    []string
	reveal  bool
	out     string
	errand  *errand
	found   string // encoding of the file
	kept    *bool  // whether it is written down how it is run
}

// jobFlags are flags of every errand.
type jobFlags struct {
	job            string
	where          where
	rate           float64
	concurrency    int
	limit          int64
	until, between string
	dryRun, detach bool
	encoding       string
	sheet          string
	columns        []string
	reveal         bool
	out            string
}

// passing are flags of one run alone: a job that is resumed does not repeat them.
var passing = []string{"dry-run", "limit", "until", "notices-only", "no-wait", "lang", "json", "quiet", "reveal", "out", "store", "detach"}

// What --limit does to items that stand for many rows.
const (
	wholeItems        = "a bank file or push list that was begun is sent whole"
	wholeItemsChinese = "已开始的号码文件或推送号码包会整份发送"
)

// errand makes a command of one.
func (a *app) errand(use, short, example string, e *errand) *cobra.Command {
	long := a.t(`

FILE is CSV, text or .xlsx; encoding, separator and columns are found out and shown. A job that is run again with the same
file goes on where it stopped, whatever stopped it: every row has its effect once. Ctrl-C finishes what is in flight. With --store the
rows go into a database, and any number of workers on any machines (wxpay work) take part.`, `。

FILE 为 CSV、文本或 .xlsx；编码、分隔符与列自动识别并显示。用同一文件再次运行即从中断处继续，每行只生效一次。
按 Ctrl-C 会先等待已发出的请求结束。使用 --store 时各行写入数据库，任意多台机器上的 worker（wxpay work）均可参与。`)
	c := &cobra.Command{Use: use, Short: short, Long: sentence(short) + long, Example: example, RunE: func(c *cobra.Command, args []string) error { return a.runErrand(c, args[0], e) }}
	if a.errands == nil {
		a.errands = map[*cobra.Command]*errand{}
	}
	a.errands[c] = e
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&e.flag.job, "job", "", a.t("`NAME` of the job; else after the file and what is done with it", "任务名称 `NAME`；默认由文件名和操作组成"))
	a.whereFlags(c, &e.flag.where)
	f.Float64Var(&e.flag.rate, "rate", 0, a.t("`N` calls a second, of each kind; 0: no limit; else what the platform is known to bear", "每类接口每秒 `N` 次请求；0 表示不限；默认采用平台可承受的速率"))
	f.IntVar(&e.flag.concurrency, "concurrency", 0, a.t("`N` calls at a time; else 16", "并发 `N` 个请求；默认 16"))
	f.Int64Var(&e.flag.limit, "limit", 0, a.t("send about `N` rows, then stop; "+wholeItems, "本次约发送 `N` 行后停止；"+wholeItemsChinese))
	f.StringVar(&e.flag.until, "until", "", a.t("stop at `HH:MM`, or at '2006-01-02 15:04'", "在 `HH:MM` 停止，也可写 '2006-01-02 15:04'"))
	f.StringVar(&e.flag.between, "between", "", a.t("send only in a `WINDOW` of the day, such as 09:00-21:00; wait outside of it", "仅在每日 `WINDOW` 时段内发送，例如 09:00-21:00；其余时间等待"))
	a.detachFlag(c, &e.flag.detach)
	f.BoolVar(&e.flag.dryRun, "dry-run", false, a.t("check everything, send nothing", "只检查，不发送"))
	f.StringVar(&e.flag.encoding, "encoding", "", a.t("`NAME` of the file's encoding, such as GB18030; else it is found out", "文件编码 `NAME`，例如 GB18030；默认自动识别"))
	f.StringVar(&e.flag.sheet, "sheet", "", a.t("`NAME` of the sheet of an .xlsx; else the first", ".xlsx 工作表 `NAME`；默认第一个"))
	f.StringArrayVar(&e.flag.columns, "map", nil, a.t("which column of the file is which, as `COLUMN=HEADER` or COLUMN=NUMBER from 1; may be repeated", "指定列对应关系 `COLUMN=HEADER`，或 COLUMN=列号（从 1 起）；可重复"))
	f.BoolVar(&e.flag.reveal, "reveal", false, a.t("whole numbers in the files of rejected and unknown rows, and of results", "在被拒绝、结果未知及逐行结果的文件中写出完整号码"))
	f.StringVar(&e.flag.out, "out", "", a.t("`DIR` for the files of rejected and unknown rows, and of results; else beside the ledger", "被拒绝、结果未知及逐行结果文件的目录 `DIR`；默认与台账同目录"))
	return c
}

func (a *app) detachFlag(c *cobra.Command, detach *bool) {
	c.Flags().BoolVar(detach, "detach", false, a.t("with a store: put the rows there and end, with 5 while any are left; wxpay work sends them", "使用存储时：写入各行后即结束，由 wxpay work 发送；尚有未结束的行时退出码为 5"))
}

// runErrand carries out a job, from where it stands to where it ends.
func (a *app) runErrand(c *cobra.Command, path string, e *errand) error {
	home, name, path, err := a.place(c, path, e)
	if err != nil {
		return err
	}
	if err := a.onlyInStore(c, home); err != nil {
		return err
	}
	if err := home.ready(name, e.flag.dryRun); err != nil {
		return err
	}
	operation, key, err := e.make(name, settingsOf(home, name))
	if err != nil {
		return err
	}
	w := work{home: home, name: name, path: path, args: argsOf(c, path, name, home), reveal: e.flag.reveal, errand: e, kept: new(bool)}
	w.job = bulk.Job{Operation: operation, Key: key, Concurrency: e.flag.concurrency, Limit: e.flag.limit, DryRun: e.flag.dryRun, Detach: e.flag.detach}
	home.in(&w.job, name, w.keep)
	if err := a.pace(c, e, &w.job); err != nil {
		return err
	}
	if e.adjust != nil {
		e.adjust(&w.job)
	}
	w.options = table.Options{Columns: operation.About().Columns, Encoding: e.flag.encoding, Sheet: e.flag.sheet}
	if w.options.Map, err = a.columnMap(c, e.flag.columns, w.options.Columns); err != nil {
		return err
	}
	if e.flag.out != "" {
		if w.out, err = filepath.Abs(e.flag.out); err != nil {
			return err
		}
	}
	return a.carryOut(c.Context(), w)
}

// keep writes down, once, how a job is run.
func (w *work) keep() error {
	if *w.kept {
		return nil
	}
	r, err := w.home.record(w.name)
	if err != nil {
		return err
	}
	r.Columns = w.options.Columns
	r.fed(recordInput{File: w.path, Args: w.args, Map: w.options.Map, Encoding: w.options.Encoding, Sheet: w.options.Sheet, Found: w.found})
	err = w.home.keep(w.name, r)
	*w.kept = err == nil
	return err
}

// settingsOf a job that was begun; nil of a new one.
func settingsOf(h home, name string) map[string]string {
	l, err := h.look(name)
	if err != nil {
		return nil
	}
	defer l.Close()
	return l.Head().Settings
}

// columnMap reads --map column=header.
func (a *app) columnMap(c *cobra.Command, said []string, columns []table.Column) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range said {
		column, header, ok := strings.Cut(s, "=")
		column = strings.TrimSpace(column)
		if !ok || strings.TrimSpace(header) == "" {
			return nil, a.misused(c, "--map is column=header", "--map 格式为 column=header")
		}
		if !slices.ContainsFunc(columns, func(known table.Column) bool { return known.Name == column }) {
			var names []string
			for _, known := range columns {
				names = append(names, known.Name)
			}
			list := strings.Join(names, ", ")
			return nil, a.misused(c, fmt.Sprintf("--map knows no column %q; there are %s", column, list), fmt.Sprintf("--map 没有列 %q；可用的列：%s", column, list))
		}
		m[column] = strings.TrimSpace(header)
	}
	return m, nil
}

// place is where a job over a file lies, and what it is called.
func (a *app) place(c *cobra.Command, path string, e *errand) (home, string, string, error) {
	if path == "-" {
		return home{}, "", "", a.misused(c, "a job reads its file more than once, so it cannot come from stdin; save it first", "任务需多次读取文件，不能来自标准输入，请先保存为文件")
	}
	h, err := a.home(&e.flag.where)
	if err != nil {
		return h, "", "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return h, "", "", err
	}
	name := e.flag.job
	switch {
	case !c.Flags().Changed("job"):
		name = h.nameFor(path, e.does)
	case !goodName(name):
		return h, "", "", a.misused(c, "--job takes letters, digits, '.', '-' and '_', and begins with a letter, a digit or '_'", "--job 只能包含文字、数字、“.”、“-”和“_”，且不能以“.”或“-”开头")
	}
	return h, name, path, nil
}

// pace reads how fast and when a job may go.
func (a *app) pace(c *cobra.Command, e *errand, job *bulk.Job) error {
	f := &e.flag
	switch {
	case f.rate < 0 || math.IsNaN(f.rate) || math.IsInf(f.rate, 0):
		return a.misused(c, "--rate is 0 or more", "--rate 不能为负数")
	case f.concurrency < 0 || c.Flags().Changed("concurrency") && f.concurrency == 0:
		return a.misused(c, "--concurrency is 1 or more", "--concurrency 至少为 1")
	case f.limit < 0 || c.Flags().Changed("limit") && f.limit == 0:
		return a.misused(c, "--limit is 1 or more; --dry-run sends nothing", "--limit 至少为 1；只检查请用 --dry-run")
	}
	if every, err := c.Flags().GetDuration("every"); err == nil && c.Flags().Changed("every") && every <= 0 {
		return a.misused(c, "--every is more than 0, such as 30s; leave it out for the usual pause", "--every 须大于 0，例如 30s；不填写则采用默认间隔")
	}
	job.Rate = f.rate
	if c.Flags().Changed("rate") && f.rate == 0 {
		job.Rate = -1
	}
	var ok bool
	if f.until != "" {
		if job.Until, ok = until(f.until, time.Now()); !ok {
			return a.misused(c, "--until is HH:MM, or 2006-01-02 15:04", "--until 格式为 HH:MM，或 2006-01-02 15:04")
		}
		if !job.Until.After(time.Now()) {
			return a.misused(c, "--until has passed", "--until 的时间已过")
		}
	}
	if f.between != "" {
		if job.Window, ok = between(f.between); !ok {
			return a.misused(c, "--between is HH:MM-HH:MM, of two different times", "--between 格式为 HH:MM-HH:MM，且两个时间不同")
		}
	}
	return nil
}

// until reads a moment: one with a date, or the next one that has this time of day.
func until(text string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, true
		}
	}
	t, err := pace.Until(text, now)
	return t, err == nil
}

// between reads a window, also with the dash that word processors make of a hyphen.
func between(text string) (pace.Window, bool) {
	w, err := pace.Parse(strings.ReplaceAll(text, "–", "-"))
	return w, err == nil
}

// argsOf is the command line by which a job can be run again, from any folder.
func argsOf(c *cobra.Command, path, name string, h home) []string {
	args := strings.Fields(c.CommandPath())[1:]
	args = append(args, "--job="+name, "--dir="+string(h.folder))
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(passing, f.Name) || f.Name == "job" || f.Name == "dir" {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			for _, value := range list.GetSlice() {
				args = append(args, "--"+f.Name+"="+value)
			}
			return
		}
		value := f.Value.String()
		if f.Name == "profile" && (strings.ContainsAny(value, `/\`) || strings.HasSuffix(value, ".env")) || f.Name == "params" && value != "-" {
			if full, err := filepath.Abs(value); err == nil {
				value = full
			}
		}
		args = append(args, "--"+f.Name+"="+value)
	})
	return append(args, "--", path)
}

// estimate is how long so many rows take at least: the route that takes longest, and the days that daily limits need.
func estimate(about bulk.About, rows int64, job *bulk.Job) (time.Duration, int64) {
	items := rows
	if about.Batch > 1 {
		items = (rows + int64(about.Batch) - 1) / int64(about.Batch)
	}
	seconds := map[string]float64{}
	var longest float64
	var days int64
	steps := about.Steps
	if job.Steps > 0 {
		steps = steps[:min(job.Steps, len(steps))]
	}
	for _, s := range steps {
		rate := s.Rate
		if job.Rate != 0 {
			rate = max(job.Rate, 0)
		}
		if rate > 0 {
			seconds[s.Route] += float64(items) / rate
			longest = max(longest, seconds[s.Route])
		}
		if s.Daily > 0 {
			days = max(days, (items+int64(s.Daily)-1)/int64(s.Daily))
		}
	}
	return time.Duration(min(longest, math.MaxInt64/2e9) * float64(time.Second)), days
}

// seen says of a path that it is in the folder where the user is.
func seen(path string) string {
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return path
}

// found says where each column of an operation was found in a file.
func found(list map[string]string, columns []table.Column) string {
	var parts []string
	for _, column := range columns {
		if header, ok := list[column.Name]; ok {
			if header == column.Name {
				parts = append(parts, header)
			} else {
				parts = append(parts, fmt.Sprintf("%s = %s", column.Name, header))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// sentence begins a text with a capital, where its script has any.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
