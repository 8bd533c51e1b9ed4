package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
)

func (a *app) jobsCommands() []*cobra.Command {
	return []*cobra.Command{a.jobsList(), a.jobsShow(), a.jobsResume(), a.jobsStop(), a.jobsExport(), a.jobsReport(), a.jobsForget()}
}

// A standing is how a job stands, for lists and programs.
type standing struct {
	Job       string `json:"job"`
	Operation string `json:"operation,omitzero"`
	Sender    string `json:"sender,omitzero"`
	bulk.Sums
	State   string     `json:"state"` // running, finished, unfinished, damaged; in a store also stopped
	Pid     int        `json:"pid,omitzero"`
	Created *time.Time `json:"created,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	Ledger  string     `json:"ledger"`
	Error   string     `json:"error,omitzero"`
	*inStore
}

func (a *app) jobsList() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "list", Short: a.t("jobs of the folder, or of the store, and how they stand", "列出目录或存储中的任务及其状态"), RunE: func(c *cobra.Command, _ []string) error {
		h, err := a.home(&at)
		if err == nil {
			err = h.readable()
		}
		if err != nil {
			return err
		}
		list, err := a.standings(c.Context(), h)
		if err != nil {
			return err
		}
		rows := [][]string{a.words("JOB 任务", "OPERATION 操作", "ROWS 行数", "DONE 完成", "REJECTED 拒绝", "UNKNOWN 未知", "SKIPPED 跳过", "LEFT 未结束", "STATE 状态", "LAST 最近活动", "PID 进程")}
		if h.store != nil {
			rows = [][]string{append(rows[0][:9:9], a.words("WAITING 待领取", "TAKEN 已领取")...)}
		}
		for _, s := range list {
			if a.json {
				if err := a.emit("job", s, nil); err != nil {
					return err
				}
				continue
			}
			row := []string{s.Job, s.Operation, grouped(s.Rows), grouped(s.Done), grouped(s.Rejected), grouped(s.Unknown), grouped(s.Skipped), grouped(s.Left), a.stateWord(s.State)}
			if s.inStore != nil {
				rows = append(rows, append(row, grouped(s.Waiting), grouped(s.Taken)))
				continue
			}
			last, pid := "", ""
			if s.Last != nil {
				last = s.Last.Local().Format("2006-01-02 15:04")
			}
			if s.Pid != 0 {
				pid = fmt.Sprint(s.Pid)
			}
			row = append(row, last, pid)
			rows = append(rows, row)
		}
		if !a.json && len(list) > 0 {
			aligned(a.stdout, rows)
		}
		if len(list) == 0 {
			a.note(a.t("no jobs in %s", "%s 中没有任务"), h)
		}
		return a.emit("sums", struct {
			Jobs int `json:"jobs"`
		}{len(list)}, nil)
	}}
	a.whereFlags(c, &at)
	return c
}

// standings are all jobs and how they stand.
func (a *app) standings(ctx context.Context, h home) (list []standing, err error) {
	if h.store != nil {
		return a.standingsIn(ctx, h.store)
	}
	names, err := h.names()
	for _, name := range names {
		list = append(list, a.standingOf(ctx, h, name))
	}
	return list, err
}

// words takes the English or the Chinese half of each pair.
func (a *app) words(pairs ...string) (list []string) {
	for _, pair := range pairs {
		english, chinese, _ := strings.Cut(pair, " ")
		list = append(list, a.t(english, chinese))
	}
	return list
}

func (a *app) stateWord(state string) string {
	switch state {
	case "running":
		return a.t("running", "运行中")
	case "finished":
		return a.t("finished", "已完成")
	case "unfinished":
		return a.t("unfinished", "未完成")
	case "stopped":
		return a.t("stopped", "已停止")
	}
	return a.t("damaged", "台账损坏")
}

// standingOf looks at a job without disturbing it.
func (a *app) standingOf(ctx context.Context, h home, name string) standing {
	s := standing{Job: name, Ledger: h.at(name), State: "damaged"}
	l, err := h.look(name)
	if err != nil {
		s.Error = oneLine(a.textOf(err))
		return s
	}
	defer l.Close()
	facts, err := bulkreport.Read(ctx, l, time.Now())
	if err != nil {
		s.Error = oneLine(a.textOf(err))
		return s
	}
	return h.stands(s.of(facts))
}

// of is the standing that follows from facts.
func (s standing) of(facts bulkreport.Facts) standing {
	s.Operation, s.Sender, s.Sums = facts.Operation, facts.Sender, facts.Sums
	s.Created, s.Last = momentOf(facts.Created), momentOf(facts.Last)
	s.State = "unfinished"
	if facts.Complete() {
		s.State = "finished"
	}
	return s
}

// look opens the ledger of a job beside whoever runs it.
func (a *app) look(at *where, name string) (home, ledger.Ledger, error) {
	h, err := a.homeOf(at, name)
	if err != nil {
		return h, nil, err
	}
	l, err := h.look(name)
	if err != nil {
		return h, nil, refusal(err)
	}
	return h, l, nil
}

// homeOf is where a job is remembered; an error if there is no such job.
func (a *app) homeOf(at *where, name string) (home, error) {
	h, err := a.home(at)
	if err == nil {
		err = h.readable()
	}
	if err == nil && h.store != nil {
		if _, err = h.look(name); errors.Is(err, fs.ErrNotExist) {
			err = a.missing(h, name)
		}
		return h, err
	}
	if err != nil || goodName(name) && h.has(name) {
		return h, err
	}
	return h, a.missing(h, name)
}

// missing is a job that there is not.
func (a *app) missing(h home, name string) error {
	if h.store != nil {
		return fail(exitUsage, fmt.Sprintf("there is no job %q in %s; see wxpay jobs list", name, h), fmt.Sprintf("%s 中没有任务 %q；请用 wxpay jobs list 查看", h, name))
	}
	f := h.folder
	return fail(exitUsage, fmt.Sprintf("there is no job %q in %s; see wxpay jobs list, and name its folder with --dir", name, f), fmt.Sprintf("%s 中没有任务 %q；请用 wxpay jobs list 查看，并用 --dir 指定其目录", f, name))
}

func (a *app) jobsShow() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "show NAME", Short: a.t("what a job is and how it stands", "查看任务详情与状态"), RunE: func(c *cobra.Command, args []string) error {
		h, l, err := a.look(&at, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		facts, err := a.facts(c.Context(), h, args[0], l)
		if err != nil {
			return err
		}
		settings := facts.Settings
		if settings == nil {
			settings = map[string]string{}
		}
		s := h.stands(standing{Job: args[0], Ledger: h.at(args[0])}.of(facts))
		return a.emit("job", struct {
			standing
			Settings map[string]string `json:"settings"`
			Inputs   []bulkreport.File `json:"inputs"`
			Reasons  []reasonInfo      `json:"reasons"`
			Good     int64             `json:"good,omitzero"`
			Bad      int64             `json:"bad,omitzero"`
		}{s, settings, append([]bulkreport.File{}, facts.Files...), reasonsOf(facts.Reasons), facts.Good, facts.Bad}, func(w io.Writer) { a.showJob(w, s, facts) })
	}}
	a.whereFlags(c, &at)
	return c
}

// A reasonInfo is a reason for programs.
type reasonInfo struct {
	Code   string `json:"code"`
	Rows   int64  `json:"rows"`
	Said   string `json:"reason"`
	SaidZh string `json:"reason_zh"`
}

func reasonsOf(reasons []bulkreport.Reason) []reasonInfo {
	list := []reasonInfo{} // an empty list is no null
	for _, r := range reasons {
		list = append(list, reasonInfo{r.Code, r.Rows, r.Why.English, r.Why.Chinese})
	}
	return list
}

// facts of a job, with what is written down beside its ledger.
func (a *app) facts(ctx context.Context, h home, name string, l ledger.Ledger) (bulkreport.Facts, error) {
	facts, err := bulkreport.Read(ctx, l, time.Now())
	if err != nil {
		return facts, refusal(err)
	}
	facts.Name, facts.Running = name, h.stands(standing{Job: name}).State == "running"
	r, err := h.record(name)
	for i, file := range facts.Files {
		for _, in := range r.Inputs {
			if in.File == file.Name {
				facts.Files[i].Encoding = in.Found
			}
		}
	}
	return facts, err
}

func (a *app) showJob(w io.Writer, s standing, facts bulkreport.Facts) {
	state := a.stateWord(s.State)
	if s.Pid != 0 {
		state += fmt.Sprintf(a.t(" in process %d", "（进程 %d）"), s.Pid)
	}
	rows := [][]string{{a.t("job", "任务"), s.Job}, {a.t("state", "状态"), state}, {a.t("operation", "操作"), s.Operation}, {a.t("sender", "发送方"), s.Sender}}
	for _, name := range slices.Sorted(maps.Keys(facts.Settings)) {
		rows = append(rows, []string{name, facts.Settings[name]})
	}
	for _, f := range facts.Files {
		input := fmt.Sprintf(a.t("%s, %s rows", "%s，%s 行"), f.Name, grouped(f.Rows))
		if f.Encoding != "" {
			input += a.t(", ", "，") + f.Encoding
		}
		rows = append(rows, []string{a.t("input", "输入"), input})
	}
	if s.Created != nil {
		rows = append(rows, []string{a.t("begun", "创建"), s.Created.Local().Format("2006-01-02 15:04:05")})
	}
	if s.Last != nil {
		rows = append(rows, []string{a.t("last moved", "最近活动"), s.Last.Local().Format("2006-01-02 15:04:05")})
	}
	rows = append(rows, []string{a.t("sums", "合计"), a.sum(s.Sums, facts.Begun)})
	for _, r := range facts.Reasons {
		rows = append(rows, []string{"  " + r.Code, grouped(r.Rows) + "  " + printable(a.t(r.Why.English, r.Why.Chinese))})
	}
	if s.inStore != nil {
		rows = append(rows, a.inStoreWords(s.inStore)...)
	}
	rows = append(rows, []string{a.t("ledger", "台账"), s.Ledger})
	aligned(w, rows)
}

// sum is an addition in words.
func (a *app) sum(s bulk.Sums, begun int64) string {
	text := fmt.Sprintf(a.t("%s rows = %s done + %s rejected + %s unknown + %s skipped + %s not sent yet", "%s 行 = 完成 %s + 拒绝 %s + 结果未知 %s + 跳过 %s + 尚未发送 %s"),
		grouped(s.Rows), grouped(s.Done), grouped(s.Rejected), grouped(s.Unknown), grouped(s.Skipped), grouped(s.Left-begun))
	if begun > 0 {
		text += fmt.Sprintf(a.t(" + %s under way (begun, not ended)", " + 进行中 %s（已开始，未结束）"), grouped(begun))
	}
	return text
}

func (a *app) jobsResume() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "resume NAME", Short: a.t("go on with a job, as it was begun", "按原参数继续任务")}
	c.RunE = func(c *cobra.Command, args []string) error {
		h, err := a.homeOf(&at, args[0])
		if err == nil {
			err = h.writable()
		}
		if err == nil {
			err = a.onlyInStore(c, h)
		}
		if err != nil {
			return err
		}
		r, err := h.record(args[0])
		if err != nil {
			return err
		}
		if len(r.Inputs) == 0 {
			return fail(exitUsage, "it is not written down how job "+args[0]+" was run: run the same command again with --job "+args[0], "没有任务 "+args[0]+" 的运行参数记录：请用原命令加 --job "+args[0]+" 重新运行")
		}
		return a.resume(c, h, args[0], r.Inputs)
	}
	a.whereFlags(c, &at)
	a.detachFlag(c, new(bool))
	c.Flags().Float64("rate", 0, a.t("another rate than before, `N` calls a second; 0: no limit", "更改速率，每秒 `N` 次；0 表示不限"))
	c.Flags().Int("concurrency", 0, a.t("`N` calls at a time", "并发 `N` 个请求"))
	c.Flags().Int64("limit", 0, a.t("send about `N` rows, then stop; "+wholeItems, "本次约发送 `N` 行后停止；"+wholeItemsChinese))
	c.Flags().String("until", "", a.t("stop at `HH:MM`", "在 `HH:MM` 停止"))
	c.Flags().String("between", "", a.t("another window than before, `HH:MM-HH:MM`", "更改时段 `HH:MM-HH:MM`"))
	return c
}

// resume runs a job over its inputs, one after the other, and ends as the job stands after the last: rows of an input
// that follows are no fault of the one before.
func (a *app) resume(c *cobra.Command, h home, name string, inputs []recordInput) error {
	more := []string{"--job=" + name, "--dir=" + string(h.folder), fmt.Sprintf("--json=%t", a.json), fmt.Sprintf("--quiet=%t", a.quiet)}
	for _, flag := range []string{"rate", "concurrency", "until", "between", "profile", "detach"} {
		if flag := c.Flags().Lookup(flag); flag.Changed {
			more = append(more, "--"+flag.Name+"="+flag.Value.String())
		}
	}
	limit, _ := c.Flags().GetInt64("limit")
	limited := c.Flags().Changed("limit")
	ended := func() int64 { // rows that were sent
		if !limited {
			return 0
		}
		s := a.standingOf(c.Context(), h, name)
		return s.Done + s.Rejected + s.Unknown
	}
	var last, wrong error
	for _, in := range a.open(h, name, inputs) {
		if !h.has(name) { // it was there before: nothing may begin anew in its place
			return a.missing(h, name)
		}
		flags := slices.Clone(more)
		if limited {
			flags = append(flags, fmt.Sprintf("--limit=%d", limit))
		}
		before := ended()
		last = a.again(c.Context(), in.under(flags))
		stop, stopped := asStop(last)
		switch {
		case c.Context().Err() != nil, stopped && stop.Why != bulk.WhyLimit && stop.Why != bulk.WhyInput:
			return last // the others would end in the same way
		case stopped && stop.Why == bulk.WhyInput, !stopped && says(last):
			if worse(c.Context(), last, wrong) {
				wrong = last
			}
		}
		if limit -= ended() - before; limited && limit <= 0 {
			break
		}
	}
	return cmp.Or(wrong, last)
}

// under is the command line by which an input was fed, with further flags: what is said last of a flag counts, such as of
// the folder, which may have been moved or copied since.
func (in recordInput) under(flags []string) []string {
	split := slices.Index(in.Args, "--")
	if split < 0 {
		split = len(in.Args)
	}
	return slices.Concat(in.Args[:split], flags, in.Args[split:])
}

// again carries out a command line as a command of its own.
func (a *app) again(ctx context.Context, args []string) error {
	b := &app{env: a.env, stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, chinese: a.chinese, store: a.store, opened: a.opened}
	root := b.root()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// open are the inputs of which rows are left; the last if there is none, to say how it ended.
func (a *app) open(h home, name string, inputs []recordInput) (list []recordInput) {
	l, err := h.look(name)
	if err != nil {
		return inputs
	}
	defer l.Close()
	files, err := l.Files()
	if err != nil {
		return inputs
	}
	for _, in := range inputs {
		i := slices.IndexFunc(files, func(f ledger.File) bool { return f.Name == in.File })
		if i < 0 || !files[i].Staged {
			list = append(list, in)
			continue
		}
		if left, err := l.Due(files[i].ID, ledger.Never, 0, math.MaxInt32, 1); err != nil || len(left) > 0 {
			list = append(list, in)
		}
	}
	if len(list) == 0 {
		return inputs[len(inputs)-1:]
	}
	return list
}

// worse reports whether an end is to be told rather than another: what stopped or is unknown beats what is rejected.
func worse(ctx context.Context, err, than error) bool {
	rank := func(err error) int {
		if err == nil {
			return -1
		}
		return slices.Index([]int{exitRejected, exitUnknown, exitStopped, exitAuth, exitUsage, exitInternal, exitInterrupted}, reportOf(ctx, err).exit)
	}
	return rank(err) > rank(than)
}
