package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

func (a *app) jobsExport() *cobra.Command {
	var at where
	var out string
	var rejected, unknown, skipped, reveal bool
	c := &cobra.Command{Use: "export NAME", Short: a.t("rejected, unknown or skipped rows of a job as CSV, in the shape of its input", "将被拒绝、结果未知或跳过的行按输入格式导出为 CSV")}
	c.RunE = func(c *cobra.Command, args []string) error {
		state, ok := oneState(rejected, unknown, skipped)
		if !ok {
			return a.misused(c, "say which rows: --rejected, --unknown or --skipped", "请指定导出哪些行：--rejected、--unknown 或 --skipped")
		}
		f, l, err := a.look(&at, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		if out == "-" && a.json {
			return a.noJSON(c)
		}
		if out != "-" { // what is written is noted beside the ledger
			if err := f.writable(); err != nil {
				return err
			}
		}
		return a.export(c.Context(), f, args[0], l, state, out, reveal)
	}
	a.whereFlags(c, &at)
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
func (a *app) export(ctx context.Context, f home, name string, l ledger.Ledger, state ledger.State, out string, reveal bool) error {
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
	return a.told(&rows, w)
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

// noJSON refuses to write something else than lines of JSON where a program reads them.
func (a *app) noJSON(c *cobra.Command) error {
	return a.misused(c, "-o - writes a file to stdout, which --json keeps for JSON; name a FILE, or leave out --json", "-o - 会将文件写到标准输出，而 --json 只在标准输出打印 JSON；请指定 FILE，或去掉 --json")
}

// told says where rows were written.
func (a *app) told(rows *bulkreport.Rows, w bulkreport.Written) error {
	word := kindOf(rows.State)
	if rows.Results != nil {
		word = "results"
	}
	if a.json {
		return a.emit("file", struct {
			Kind   string   `json:"kind"`
			Path   string   `json:"path"`
			Rows   int64    `json:"rows"`
			Masked bool     `json:"masked"`
			Lost   []string `json:"lost,omitzero"`
		}{word, w.Path, w.Rows, w.Masked, w.Lost}, nil)
	}
	kind := map[ledger.State]string{ledger.Rejected: a.t("rejected", "被拒绝"), ledger.Unknown: a.t("unknown", "结果未知"), ledger.Skipped: a.t("skipped", "跳过")}[rows.State]
	if rows.Results != nil {
		kind = a.t("all", "全部")
	}
	if rows.Code == ledger.Changed {
		kind = a.t("changed", "内容有变更")
	}
	cells := a.t("whole numbers", "完整号码")
	if w.Masked {
		cells = a.t("masked, so not to be fed again; --reveal writes whole numbers", "号码已脱敏，不能直接再次提交；--reveal 写出完整号码")
	}
	a.note(a.t("%s rows: %s (%s; %s)", "%s的行：%s（%s 行；%s）"), kind, seen(w.Path), grouped(w.Rows), cells)
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
func (a *app) rows(f home, name string, l ledger.Ledger, state ledger.State, reveal bool) (bulkreport.Rows, error) {
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
	var at where
	var out string
	c := &cobra.Command{Use: "report NAME", Short: a.t("one page of HTML about a job", "生成任务的 HTML 报告（单文件）"), RunE: func(c *cobra.Command, args []string) error {
		f, l, err := a.look(&at, args[0])
		if err != nil {
			return err
		}
		defer l.Close()
		facts, err := a.facts(c.Context(), f, args[0], l)
		if err != nil {
			return err
		}
		if out == "-" && a.json {
			return a.noJSON(c)
		}
		if out == "-" {
			return facts.HTML(a.stdout)
		}
		if err := f.writable(); err != nil {
			return err
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
	a.whereFlags(c, &at)
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
	var at where
	var yes, force bool
	c := &cobra.Command{Use: "forget NAME", Short: a.t("delete what is remembered of a job", "删除任务的台账与记录")}
	c.RunE = func(c *cobra.Command, args []string) error {
		f, err := a.homeOf(&at, args[0])
		if err == nil {
			err = f.writable()
		}
		if err != nil {
			return err
		}
		facts, release, err := a.hold(c.Context(), f, args[0], force)
		if err != nil {
			return err
		}
		defer release()
		sums := facts.Sums
		if sums.Unknown+sums.Left > 0 && !force {
			return fail(exitUsage, fmt.Sprintf("job %s has %s unknown rows and %s not sent yet or under way; run it again first, or forget it with --force", args[0], grouped(sums.Unknown), grouped(sums.Left)),
				fmt.Sprintf("任务 %s 还有结果未知 %s 行、尚未发送或进行中 %s 行；请先再次运行，或用 --force 强制删除", args[0], grouped(sums.Unknown), grouped(sums.Left)))
		}
		a.note(a.t("forgetting job %s: %s. What is lost: the request numbers of its rows. If a file is fed again later, its rows get new numbers, and the platform may carry them out twice.",
			"将删除任务 %s：%s。丢失内容：各行的请求单号。之后若再次提交同一文件，将使用新单号，平台可能重复执行。"), args[0], a.sum(sums, facts.Begun))
		if !yes {
			if !terminal(a.stdin) {
				return fail(exitUsage, "nothing was forgotten; say --yes", "未删除；请加 --yes 确认")
			}
			fmt.Fprint(a.stderr, a.t("Forget it? [y/N] ", "确认删除？[y/N] "))
			answer, _ := bufio.NewReader(source{c.Context(), a.stdin}).ReadString('\n')
			if c.Context().Err() != nil {
				a.say("")
				return fail(exitInterrupted, "interrupted; nothing was forgotten", "已中断；未删除")
			}
			if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" && answer != "是" {
				return fail(exitUsage, "nothing was forgotten", "未删除")
			}
		}
		release()
		return a.forget(f, args[0])
	}
	a.whereFlags(c, &at)
	c.Flags().BoolVar(&yes, "yes", false, a.t("do not ask", "不再询问"))
	c.Flags().BoolVar(&force, "force", false, a.t("even if rows are unknown or not sent, or the ledger is damaged", "即使有结果未知或未发送的行，或台账已损坏"))
	return c
}

// hold keeps others from running a job, and tells how it stands.
func (a *app) hold(ctx context.Context, f home, name string, force bool) (bulkreport.Facts, func(), error) {
	l, err := f.hold(name)
	if err != nil {
		if _, held := errors.AsType[*ledger.HeldError](err); held || !force {
			return bulkreport.Facts{}, nil, refusal(err)
		}
		return bulkreport.Facts{}, func() {}, nil
	}
	facts, err := bulkreport.Read(ctx, l, time.Now())
	if err != nil && !force {
		return bulkreport.Facts{}, nil, errors.Join(err, l.Close())
	}
	return facts, func() { _ = l.Close() }, nil
}

// forget deletes a ledger and what was written beside it, but for files that somebody has changed since.
func (a *app) forget(f home, name string) error {
	r, err := f.record(name)
	if err != nil {
		a.say(a.t("warning: %s", "警告：%s"), a.textOf(err))
	}
	var gone []string
	if f.store == nil {
		gone = append(f.files(name), f.path(name, recordSuffix))
	} else if err := f.forgets(name); err != nil {
		return err
	}
	for path := range r.Written {
		switch {
		case filepath.Dir(path) != string(f.folder):
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
