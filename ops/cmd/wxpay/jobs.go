package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func (a *app) jobsCommands() []*cobra.Command {
	return []*cobra.Command{a.jobsList(), a.jobsShow(), a.jobsResume(), a.jobsExport(), a.jobsReport(), a.jobsForget()}
}

// A standing is how a job stands, for lists and programs.
type standing struct {
	Job       string `json:"job"`
	Operation string `json:"operation,omitzero"`
	Sender    string `json:"sender,omitzero"`
	bulk.Sums
	State   string     `json:"state"` // running, finished, unfinished, damaged
	Pid     int        `json:"pid,omitzero"`
	Created *time.Time `json:"created,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	Ledger  string     `json:"ledger"`
	Error   string     `json:"error,omitzero"`
}

func (a *app) jobsList() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "list", Short: a.t("jobs of the folder and how they stand", "列出目录中的任务及其状态"), RunE: func(c *cobra.Command, _ []string) error {
		folder, err := a.folder(dir)
		if err != nil {
			return err
		}
		names, err := folder.names()
		if err != nil {
			return err
		}
		rows := [][]string{a.words("JOB 任务", "OPERATION 操作", "ROWS 行数", "DONE 完成", "REJECTED 拒绝", "UNKNOWN 未知", "LEFT 未发送", "STATE 状态", "LAST 最近活动", "PID 进程")}
		for _, name := range names {
			s := a.standingOf(c.Context(), folder, name)
			if a.json {
				if err := a.emit("job", s, nil); err != nil {
					return err
				}
				continue
			}
			row := []string{s.Job, s.Operation, grouped(s.Rows), grouped(s.Done), grouped(s.Rejected), grouped(s.Unknown), grouped(s.Left), a.stateWord(s.State), "", ""}
			if s.Last != nil {
				row[8] = s.Last.Local().Format("2006-01-02 15:04")
			}
			if s.Pid != 0 {
				row[9] = fmt.Sprint(s.Pid)
			}
			rows = append(rows, row)
		}
		if !a.json && len(names) > 0 {
			aligned(a.stdout, rows)
		}
		if len(names) == 0 {
			a.note(a.t("no jobs in %s", "%s 中没有任务"), folder)
		}
		return nil
	}}
	a.dirFlag(c, &dir)
	return c
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
	}
	return a.t("damaged", "台账损坏")
}

// standingOf looks at a job without disturbing it.
func (a *app) standingOf(ctx context.Context, f folder, name string) standing {
	s := standing{Job: name, Ledger: f.ledger(name), State: "damaged"}
	l, err := ledger.Look(f.ledger(name))
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
	return s.of(facts, ledger.Held(f.ledger(name)))
}

// of is the standing that follows from facts, and from who runs the job; nil: nobody.
func (s standing) of(facts bulkreport.Facts, held *ledger.HeldError) standing {
	s.Operation, s.Sender, s.Sums = facts.Operation, facts.Sender, facts.Sums
	s.Created, s.Last = momentOf(facts.Created), momentOf(facts.Last)
	s.State = "unfinished"
	if facts.Sums.Complete() {
		s.State = "finished"
	}
	if held != nil {
		s.State, s.Pid = "running", held.PID
	}
	return s
}

// look opens the ledger of a job beside whoever runs it.
func (a *app) look(dir, name string) (folder, *ledger.Ledger, error) {
	f, err := a.home(dir, name)
	if err != nil {
		return "", nil, err
	}
	l, err := ledger.Look(f.ledger(name))
	if err != nil {
		return "", nil, refusal(err)
	}
	return f, l, nil
}

// home is the folder of a job; an error if there is no such job.
func (a *app) home(dir, name string) (folder, error) {
	f, err := a.folder(dir)
	if err != nil || goodName(name) && f.has(name) {
		return f, err
	}
	return "", fail(exitUsage, fmt.Sprintf("there is no job %q in %s; see wxpay jobs list", name, f), fmt.Sprintf("%s 中没有任务 %q；请用 wxpay jobs list 查看", f, name))
}

func (a *app) jobsShow() *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "show NAME", Short: a.t("what a job is and how it stands", "查看任务详情与状态"), RunE: func(c *cobra.Command, args []string) error {
		f, l, err := a.look(dir, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		facts, err := a.facts(c.Context(), f, args[0], l)
		if err != nil {
			return err
		}
		s := standing{Job: args[0], Ledger: f.ledger(args[0])}.of(facts, ledger.Held(f.ledger(args[0])))
		return a.emit("job", struct {
			standing
			Settings map[string]string   `json:"settings"`
			Inputs   []bulkreport.File   `json:"inputs"`
			Reasons  []bulkreport.Reason `json:"reasons"`
			Good     int64               `json:"good,omitzero"`
			Bad      int64               `json:"bad,omitzero"`
		}{s, facts.Settings, facts.Files, facts.Reasons, facts.Good, facts.Bad}, func(w io.Writer) { a.showJob(w, s, facts) })
	}}
	a.dirFlag(c, &dir)
	return c
}

// facts of a job, with what is written down beside its ledger.
func (a *app) facts(ctx context.Context, f folder, name string, l *ledger.Ledger) (bulkreport.Facts, error) {
	facts, err := bulkreport.Read(ctx, l, time.Now())
	if err != nil {
		return facts, refusal(err)
	}
	facts.Name, facts.Running = name, ledger.Held(f.ledger(name)) != nil
	r, err := f.record(name)
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
		rows = append(rows, []string{a.t("input", "输入"), fmt.Sprintf(a.t("%s, %s rows, %s", "%s，%s 行，%s"), f.Name, grouped(f.Rows), f.Encoding)})
	}
	if s.Created != nil {
		rows = append(rows, []string{a.t("begun", "创建"), s.Created.Local().Format("2006-01-02 15:04:05")})
	}
	if s.Last != nil {
		rows = append(rows, []string{a.t("last moved", "最近活动"), s.Last.Local().Format("2006-01-02 15:04:05")})
	}
	rows = append(rows, []string{a.t("sums", "合计"), a.sum(s.Sums)})
	for _, r := range facts.Reasons {
		rows = append(rows, []string{"  " + r.Code, grouped(r.Rows) + "  " + printable(a.t(r.Why.English, r.Why.Chinese))})
	}
	rows = append(rows, []string{a.t("ledger", "台账"), s.Ledger})
	aligned(w, rows)
}

// sum is an addition in words.
func (a *app) sum(s bulk.Sums) string {
	return fmt.Sprintf(a.t("%s rows = %s done + %s rejected + %s unknown + %s skipped + %s not sent yet", "%s 行 = 完成 %s + 拒绝 %s + 结果未知 %s + 跳过 %s + 尚未发送 %s"),
		grouped(s.Rows), grouped(s.Done), grouped(s.Rejected), grouped(s.Unknown), grouped(s.Skipped), grouped(s.Left))
}

func (a *app) jobsResume() *cobra.Command {
	var dir string
	var rate float64
	var concurrency int
	var limit int64
	var until, between string
	c := &cobra.Command{Use: "resume NAME", Short: a.t("go on with a job, as it was begun", "按原参数继续任务")}
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := a.home(dir, args[0])
		if err != nil {
			return err
		}
		r, err := f.record(args[0])
		if err != nil {
			return err
		}
		if len(r.Inputs) == 0 {
			return fail(exitUsage, "it is not written down how job "+args[0]+" was run: run the same command again with --job "+args[0], "没有任务 "+args[0]+" 的运行参数记录：请用原命令加 --job "+args[0]+" 重新运行")
		}
		var changed []string
		for _, name := range []string{"rate", "concurrency", "limit", "until", "between"} {
			if flag := c.Flags().Lookup(name); flag.Changed {
				changed = append(changed, "--"+name+"="+flag.Value.String())
			}
		}
		var worst error
		for _, in := range a.open(f, args[0], r.Inputs) {
			again := slices.Clone(in.Args)
			split := slices.Index(again, "--")
			if split < 0 {
				split = len(again)
			}
			err := a.again(c.Context(), slices.Insert(again, split, changed...))
			if worse(c.Context(), err, worst) {
				worst = err
			}
			if c.Context().Err() != nil {
				break
			}
		}
		return worst
	}
	a.dirFlag(c, &dir)
	c.Flags().Float64Var(&rate, "rate", 0, a.t("another rate than before; 0: no limit", "更改速率；0 表示不限"))
	c.Flags().IntVar(&concurrency, "concurrency", 0, a.t("calls at a time", "并发请求数"))
	c.Flags().Int64Var(&limit, "limit", 0, a.t("send so many rows, then stop", "本次最多发送的行数"))
	c.Flags().StringVar(&until, "until", "", a.t("stop at `HH:MM`", "在 `HH:MM` 停止"))
	c.Flags().StringVar(&between, "between", "", a.t("another window than before, `HH:MM-HH:MM`", "更改时段 `HH:MM-HH:MM`"))
	return c
}

// again carries out a command line as a command of its own.
func (a *app) again(ctx context.Context, args []string) error {
	b := &app{env: a.env, stdin: a.stdin, stdout: a.stdout, stderr: a.stderr, chinese: a.chinese}
	root := b.root()
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// open are the inputs of which rows are left; the last if there is none, to say how it ended.
func (a *app) open(f folder, name string, inputs []recordInput) (list []recordInput) {
	l, err := ledger.Look(f.ledger(name))
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
		if due, err := l.Due(files[i].ID, time.Now().AddDate(100, 0, 0), 0, 1<<20, 1); err != nil || len(due) > 0 {
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

func (a *app) jobsExport() *cobra.Command {
	var dir, out string
	var rejected, unknown, skipped, reveal bool
	c := &cobra.Command{Use: "export NAME", Short: a.t("rejected, unknown or skipped rows of a job as CSV, in the shape of its input", "将被拒绝、结果未知或跳过的行按输入格式导出为 CSV")}
	c.RunE = func(c *cobra.Command, args []string) error {
		state, ok := oneState(rejected, unknown, skipped)
		if !ok {
			return a.misused(c, "say which rows: --rejected, --unknown or --skipped", "请指定导出哪些行：--rejected、--unknown 或 --skipped")
		}
		f, l, err := a.look(dir, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		return a.export(c.Context(), f, args[0], l, state, out, reveal)
	}
	a.dirFlag(c, &dir)
	c.Flags().BoolVar(&rejected, "rejected", false, a.t("rows that had no effect", "未生效的行"))
	c.Flags().BoolVar(&unknown, "unknown", false, a.t("rows that may have had their effect", "可能已生效的行"))
	c.Flags().BoolVar(&skipped, "skipped", false, a.t("rows that stand twice, were done before, or have changed", "重复、此前已完成或已变更的行"))
	c.Flags().BoolVar(&reveal, "reveal", false, a.t("whole numbers and names", "写出完整号码与姓名"))
	c.Flags().StringVarP(&out, "out", "o", "", a.t("`FILE` to write; - is stdout; else beside the ledger", "输出文件 `FILE`；- 为标准输出；默认与台账同目录"))
	return c
}

func oneState(rejected, unknown, skipped bool) (ledger.State, bool) {
	switch {
	case rejected && !unknown && !skipped:
		return ledger.Rejected, true
	case unknown && !rejected && !skipped:
		return ledger.Unknown, true
	case skipped && !rejected && !unknown:
		return ledger.Skipped, true
	}
	return 0, false
}

// export writes rows of one state to a file that the user names, to stdout, or beside the ledger.
func (a *app) export(ctx context.Context, f folder, name string, l *ledger.Ledger, state ledger.State, out string, reveal bool) error {
	rows, err := a.rows(f, name, l, state, reveal)
	if err != nil {
		return err
	}
	if out == "-" {
		w, err := rows.Write(ctx, a.stdout)
		a.lost(w)
		return err
	}
	r, err := f.record(name)
	if err != nil {
		return err
	}
	files, err := l.Files()
	if err != nil {
		return err
	}
	var w bulkreport.Written
	if out != "" {
		if out, err = filepath.Abs(out); err != nil {
			return err
		}
		if w, err = a.writeRows(ctx, rows, &r, files, out); err != nil {
			return taken(out, err)
		}
	} else if w, err = a.writeBeside(ctx, rows, &r, files, f.path(name, "."+kindOf(state)+".csv")); err != nil {
		return err
	}
	if err := f.keep(name, r); err != nil {
		return err
	}
	return a.told(state, w)
}

// kindOf is the word by which files and programs call a state.
func kindOf(state ledger.State) string {
	switch state {
	case ledger.Rejected:
		return "rejected"
	case ledger.Unknown:
		return "unknown"
	}
	return "skipped"
}

// told says where rows were written.
func (a *app) told(state ledger.State, w bulkreport.Written) error {
	if a.json {
		return a.emit("file", struct {
			Kind   string   `json:"kind"`
			Path   string   `json:"path"`
			Rows   int64    `json:"rows"`
			Masked bool     `json:"masked"`
			Lost   []string `json:"lost,omitzero"`
		}{kindOf(state), w.Path, w.Rows, w.Masked, w.Lost}, nil)
	}
	kind := map[ledger.State]string{ledger.Rejected: a.t("rejected", "被拒绝"), ledger.Unknown: a.t("unknown", "结果未知"), ledger.Skipped: a.t("skipped", "跳过")}[state]
	cells := a.t("whole numbers", "完整号码")
	if w.Masked {
		cells = a.t("masked, so not to be fed again; --reveal writes whole numbers", "号码已脱敏，不能直接再次提交；--reveal 写出完整号码")
	}
	a.note(a.t("%s rows: %s (%s; %s)", "%s的行：%s（%s 行；%s）"), kind, a.t(seen(w.Path), seen(w.Path)), grouped(w.Rows), cells)
	a.lost(w)
	return nil
}

// lost says of which inputs only line numbers could be told.
func (a *app) lost(w bulkreport.Written) {
	for _, file := range w.Lost {
		a.say(a.t("warning: %s is gone or has changed since: of its rows only lines and codes are written", "警告：%s 已不存在或已变更：仅写出行号与错误码"), file)
	}
}

// rows of a job, joined with its inputs as they were opened for it.
func (a *app) rows(f folder, name string, l *ledger.Ledger, state ledger.State, reveal bool) (bulkreport.Rows, error) {
	r, err := f.record(name)
	if err != nil {
		return bulkreport.Rows{}, err
	}
	return bulkreport.Rows{Ledger: l, State: state, Columns: r.Columns, Reveal: reveal, Open: func(known ledger.File) (*table.File, error) {
		options := r.options(known.Name)
		return table.Open(known.Name, options)
	}}, nil
}

// writeBeside replaces the file that was written before, unless somebody has worked on it or fed it since: then
// the next free number goes behind the name.
func (a *app) writeBeside(ctx context.Context, rows bulkreport.Rows, r *record, inputs []ledger.File, path string) (bulkreport.Written, error) {
	stem := strings.TrimSuffix(path, ".csv")
	for n := 2; ; n++ {
		w, err := a.writeRows(ctx, rows, r, inputs, path)
		if !errors.Is(err, fs.ErrExist) {
			return w, err
		}
		path = fmt.Sprintf("%s-%d.csv", stem, n)
	}
}

// writeRows writes a file and notes what it holds. What somebody else wrote, or fed to the job, is left alone: that is
// an error of fs.ErrExist.
func (a *app) writeRows(ctx context.Context, rows bulkreport.Rows, r *record, inputs []ledger.File, path string) (bulkreport.Written, error) {
	w, err := rows.WriteFile(ctx, path, !fedBefore(inputs, path) && r.owns(path))
	if err != nil {
		return w, err
	}
	return w, r.wrote(path)
}

// fedBefore reports whether a file is an input of the job.
func fedBefore(inputs []ledger.File, path string) bool {
	return slices.ContainsFunc(inputs, func(f ledger.File) bool { return f.Name == path })
}

func (a *app) jobsReport() *cobra.Command {
	var dir, out string
	c := &cobra.Command{Use: "report NAME", Short: a.t("one page of HTML about a job", "生成任务的 HTML 报告（单文件）"), RunE: func(c *cobra.Command, args []string) error {
		f, l, err := a.look(dir, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		facts, err := a.facts(c.Context(), f, args[0], l)
		if err != nil {
			return err
		}
		if out == "-" {
			return facts.HTML(a.stdout)
		}
		if out == "" {
			out = args[0] + ".html"
		}
		path, err := filepath.Abs(out)
		if err != nil {
			return err
		}
		r, err := f.record(args[0])
		if err != nil {
			return err
		}
		if err := facts.WriteFile(path, r.owns(path)); err != nil {
			return taken(path, err)
		}
		if err := r.wrote(path); err != nil {
			return err
		}
		if err := f.keep(args[0], r); err != nil {
			return err
		}
		if a.json {
			return a.emit("file", struct {
				Kind string `json:"kind"`
				Path string `json:"path"`
			}{"report", path}, nil)
		}
		a.note(a.t("report: %s", "报告：%s"), seen(path))
		return nil
	}}
	a.dirFlag(c, &dir)
	c.Flags().StringVarP(&out, "out", "o", "", a.t("`FILE` to write; - is stdout; else NAME.html here", "输出文件 `FILE`；- 为标准输出；默认为当前目录的 NAME.html"))
	return c
}

// taken says that there is a file that is not ours.
func taken(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fail(exitUsage, path+" is there, and was not written by this job or was changed since; name another file with -o", path+" 已存在，且不是本任务写出的或已被修改；请用 -o 指定其他文件")
	}
	return err
}

func (a *app) jobsForget() *cobra.Command {
	var dir string
	var yes, force bool
	c := &cobra.Command{Use: "forget NAME", Short: a.t("delete what is remembered of a job", "删除任务的台账与记录")}
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := a.home(dir, args[0])
		if err != nil {
			return err
		}
		sums, release, err := a.hold(c.Context(), f, args[0], force)
		if err != nil {
			return err
		}
		defer release()
		if sums.Unknown+sums.Left > 0 && !force {
			return fail(exitUsage, fmt.Sprintf("job %s has %s unknown rows and %s not sent yet; run it again first, or forget it with --force", args[0], grouped(sums.Unknown), grouped(sums.Left)),
				fmt.Sprintf("任务 %s 还有结果未知 %s 行、尚未发送 %s 行；请先再次运行，或用 --force 强制删除", args[0], grouped(sums.Unknown), grouped(sums.Left)))
		}
		a.note(a.t("forgetting job %s: %s. What is lost: the request numbers of its rows. If a file is fed again later, its rows get new numbers, and the platform may carry them out twice.",
			"将删除任务 %s：%s。丢失内容：各行的请求单号。之后若再次提交同一文件，将使用新单号，平台可能重复执行。"), args[0], a.sum(sums))
		if !yes {
			if !terminal(a.stdin) {
				return fail(exitUsage, "nothing was forgotten; say --yes", "未删除；请加 --yes 确认")
			}
			fmt.Fprint(a.stderr, a.t("Forget it? [y/N] ", "确认删除？[y/N] "))
			answer, _ := bufio.NewReader(a.stdin).ReadString('\n')
			if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" && answer != "是" {
				return fail(exitUsage, "nothing was forgotten", "未删除")
			}
		}
		release()
		return a.forget(f, args[0])
	}
	a.dirFlag(c, &dir)
	c.Flags().BoolVar(&yes, "yes", false, a.t("do not ask", "不再询问"))
	c.Flags().BoolVar(&force, "force", false, a.t("even if rows are unknown or not sent, or the ledger is damaged", "即使有结果未知或未发送的行，或台账已损坏"))
	return c
}

// hold keeps others from running a job, and tells how it stands.
func (a *app) hold(ctx context.Context, f folder, name string, force bool) (bulk.Sums, func(), error) {
	l, err := ledger.Open(f.ledger(name))
	if err != nil {
		if _, held := errors.AsType[*ledger.HeldError](err); held || !force {
			return bulk.Sums{}, nil, refusal(err)
		}
		return bulk.Sums{}, func() {}, nil
	}
	facts, err := bulkreport.Read(ctx, l, time.Now())
	if err != nil && !force {
		return bulk.Sums{}, nil, errors.Join(err, l.Close())
	}
	return facts.Sums, func() { _ = l.Close() }, nil
}

// forget deletes a ledger and what was written beside it, but for files that somebody has changed since.
func (a *app) forget(f folder, name string) error {
	r, err := f.record(name)
	if err != nil {
		a.say(a.t("warning: %v", "警告：%v"), err)
	}
	gone := append(f.files(name), f.path(name, recordSuffix))
	for path := range r.Written {
		switch {
		case filepath.Dir(path) != string(f):
		case r.owns(path):
			gone = append(gone, path)
		default:
			a.note(a.t("kept: %s", "保留：%s"), path)
		}
	}
	if err := removeAll(gone); err != nil {
		return err
	}
	if a.json {
		return a.emit("forgotten", struct {
			Job string `json:"job"`
		}{name}, nil)
	}
	a.note(a.t("job %s is forgotten", "任务 %s 已删除"), name)
	return nil
}
