package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// carryOut runs a job and tells how it stood, stands, and what is left to do.
func (a *app) carryOut(ctx context.Context, w work) error {
	fresh := !w.home.has(w.name)
	if file, err := table.Open(w.path, w.options); err == nil {
		w.job.Source, w.found = file, file.Encoding()
		a.opening(ctx, w, found(file.Found(), w.options.Columns), file.Found())
	} else if w.job.Source, err = w.home.recall(w.name, w.path, err); err == nil {
		a.opening(ctx, w, a.t("not here; its rows are in the store", "不在本机；各行已在存储中"), map[string]string{})
	} else {
		return err
	}
	watch := a.watch(w.name)
	w.errand.watch = watch
	var before resultsTold
	var begun sync.Once
	begin := func() { // of an input that was refused nothing is remembered
		if fresh {
			watch.note(fmt.Sprintf(a.t("job %s: begins; it is remembered in %s", "任务 %s：开始；台账 %s"), w.name, w.home.at(w.name)))
		}
		_ = w.keep() // tried once more, and told, in the end
	}
	said := make(chan struct{})
	quiet := context.AfterFunc(ctx, func() {
		defer close(said)
		watch.note(a.t("stopping: what is in flight is finished, in 10 s at most; once more stops at once", "正在停止：等待已发出的请求结束（至多 10 秒）；再按一次立即停止"))
	})
	w.job.Observe = func(p bulk.Progress) {
		if !w.job.DryRun && (underWay(p.Phase) || fresh && w.home.has(w.name)) { // a new ledger is that of rows that are good
			begun.Do(begin)
		}
		watch.observe(p)
		if w.errand.results != nil { // somebody may wait for them
			a.resultsBetween(ctx, w, p.Phase, &before)
		}
	}
	sum, err := w.job.Run(ctx)
	if !quiet() { // what is said next comes after it
		<-said
	}
	watch.close()
	if _, stopped := asStop(err); err != nil && !stopped {
		return a.faulty(w, err)
	}
	if stop, ok := asStop(err); ok && stop.Why == bulk.WhyInterrupted {
		err = &bulk.StopError{Why: stop.Why, Reason: stop.Reason} // what came in between is known to who sent it
	}
	switch {
	case sum == nil:
		return err
	case w.job.DryRun:
		return a.checked(w, sum, err)
	case !w.home.has(w.name): // it was stopped before it had begun
		return err
	}
	begun.Do(begin)
	if stop, ok := asStop(err); ok && stop.Why == bulk.WhyLimit && w.stepsTaken(sum) {
		err = &bulk.StopError{Why: stop.Why, Reason: w.errand.first}
	}
	if err := w.keep(); err != nil {
		a.say(a.t("warning: how the job is run could not be written down, so wxpay jobs resume will not know: %v", "警告：无法记录任务的运行参数，wxpay jobs resume 将无法使用：%v"), err)
	}
	var skipped skips
	if ctx.Err() == nil {
		skipped = a.leftovers(ctx, w)
	} else if sum.Rejected+sum.Unknown > 0 {
		a.note(a.t("rejected and unknown rows: wxpay jobs export %s --rejected, or --unknown", "被拒绝及结果未知的行：wxpay jobs export %s --rejected 或 --unknown"), w.name)
	}
	skipped.twice += sum.Duplicates
	exit := exitAfter(ctx, sum, err, skipped.changed)
	if e := a.summary(&w, sum, err, exit, skipped); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	return exitOnly(exit)
}

// underWay reports whether the rows of an input were found good.
func underWay(p bulk.Phase) bool {
	return p == bulk.PhaseStaging || p == bulk.PhaseSending || p == bulk.PhaseWaiting
}

// opening is what is said first: whether a job goes on, and what was found out about its input. That a job begins is
// said when it does.
func (a *app) opening(ctx context.Context, w work, input string, columns map[string]string) {
	s := a.standingOf(ctx, w.home, w.name)
	begun := s.Rows > 0
	switch {
	case s.State == "running": // it will be said by whom
	case begun && !w.job.DryRun:
		a.note(a.t("job %s: %s of %s done, continuing", "任务 %s：已完成 %s / %s 行，继续"), w.name, grouped(s.Done), grouped(s.Rows))
	case begun:
		a.note(a.t("job %s: %s of %s done; checking only, nothing is sent", "任务 %s：已完成 %s / %s 行；仅检查，不发送"), w.name, grouped(s.Done), grouped(s.Rows))
	case w.job.DryRun:
		a.note(a.t("job %s: checking only, nothing is sent", "任务 %s：仅检查，不发送"), w.name)
	}
	a.note(a.t("input %s: %s", "输入 %s：%s"), seen(w.path), input)
	if a.json {
		_ = a.emit("job", struct {
			Job      string            `json:"job"`
			Resumed  bool              `json:"resumed"`
			Done     int64             `json:"done"`
			Rows     int64             `json:"rows"`
			Ledger   string            `json:"ledger"`
			Input    string            `json:"input"`
			Encoding string            `json:"encoding"`
			Columns  map[string]string `json:"columns"`
			DryRun   bool              `json:"dry_run,omitzero"`
		}{w.name, begun, s.Done, s.Rows, w.home.at(w.name), w.path, w.found, columns, w.job.DryRun}, nil)
	}
}

// leftovers writes the rows that somebody has to look at, and counts those that were skipped. That they cannot be
// written changes nothing of how the job ended.
func (a *app) leftovers(ctx context.Context, w work) (skipped skips) {
	err := func() error {
		l, err := w.home.look(w.name)
		if err != nil {
			return err
		}
		defer l.Close()
		r, err := w.home.record(w.name)
		if err != nil {
			return err
		}
		files, err := l.Files()
		if err != nil {
			return err
		}
		if skipped, err = skippedRows(ctx, l); err != nil {
			return err
		}
		known, err := l.Sums()
		if err != nil {
			return err
		}
		sums := bulk.SumsOf(known)
		counts := map[ledger.State]int64{ledger.Rejected: sums.Rejected, ledger.Unknown: sums.Unknown, ledger.Skipped: skipped.changed}
		out := w.beside()
		for _, state := range []ledger.State{ledger.Rejected, ledger.Unknown, ledger.Skipped} {
			path := out.path(w.name, "."+kindOf(state)+".csv")
			switch {
			case counts[state] > 0:
				err = a.leftover(ctx, w, l, &r, files, state, path)
			case state != ledger.Skipped: // that of skipped rows is only ever exported
				err = removeOwn(&r, files, path)
			}
			if err != nil {
				return err
			}
		}
		if w.errand.results != nil {
			if err := a.results(ctx, w, l, &r, files, false); err != nil {
				return err
			}
		}
		if err := w.home.keep(w.name, r); err != nil || w.errand.given == nil {
			return err
		}
		for item, err := range l.Items(ctx, ledger.Done) {
			if err == nil {
				err = w.errand.given(item.Code)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		a.say(a.t("warning: the files of rejected and unknown rows could not be written (%v); see wxpay jobs export", "警告：无法写出被拒绝及结果未知的行（%v）；可用 wxpay jobs export 导出"), err)
	}
	return skipped
}

func (a *app) leftover(ctx context.Context, w work, l ledger.Ledger, r *record, inputs []ledger.File, state ledger.State, path string) error {
	rows, err := a.rows(w.home, w.name, l, state, w.reveal)
	if err != nil {
		return err
	}
	if state == ledger.Skipped {
		rows.Code = ledger.Changed // the others are as they should be
	}
	written, err := a.writeBeside(ctx, rows, r, inputs, path)
	if err != nil {
		return err
	}
	return a.told(&rows, written)
}

// resultsEvery is how often results are written while a job waits and nothing new is in them.
const resultsEvery = 10 * time.Minute

// resultsTold is which results were written while a job waits.
type resultsTold struct {
	looked, at time.Time // at: they were written
	rows       int64     // that had all steps behind them but the last
}

// resultsBetween writes results while a job waits, once all rows wait for the last step. If that fails it will be
// told at the end.
func (a *app) resultsBetween(ctx context.Context, w work, phase bulk.Phase, before *resultsTold) {
	if phase != bulk.PhaseWaiting || time.Since(before.looked) < 5*time.Second {
		return
	}
	before.looked = time.Now()
	l, err := w.home.look(w.name)
	if err != nil {
		return
	}
	defer l.Close()
	sums, err := l.Sums()
	steps, err2 := l.Steps()
	last := steps[len(w.job.Operation.About().Steps)-1]
	if errors.Join(err, err2) != nil || last != sums.Staged || last == before.rows && time.Since(before.at) < resultsEvery {
		return
	}
	r, err := w.home.record(w.name)
	files, err2 := l.Files()
	if errors.Join(err, err2) == nil && a.results(ctx, w, l, &r, files, true) == nil && w.home.keep(w.name, r) == nil {
		before.at, before.rows = time.Now(), last
	}
}

// beside is the folder for files of rows.
func (w *work) beside() folder {
	if w.out != "" {
		return folder(w.out)
	}
	return w.home.folder
}

// results writes what became of every row, such as the ticket by which a user takes the money.
func (a *app) results(ctx context.Context, w work, l ledger.Ledger, r *record, inputs []ledger.File, between bool) error {
	rows, err := a.rows(w.home, w.name, l, ledger.Done, w.reveal)
	if err != nil {
		return err
	}
	rows.Results = w.errand.results
	written, err := a.writeBeside(ctx, rows, r, inputs, w.beside().path(w.name, ".results.csv"))
	if err != nil {
		return err
	}
	if between {
		w.errand.watch.note(fmt.Sprintf(a.t("results so far: %s", "截至目前的结果：%s"), seen(written.Path)))
		return nil
	}
	return a.told(&rows, written)
}

// exitAfter is the exit code of a run that came to an end.
func exitAfter(ctx context.Context, sum *bulk.Summary, err error, changed int64) int {
	switch {
	case err != nil:
		return reportOf(ctx, err).exit
	case sum.Unknown > 0:
		return exitUnknown
	case sum.Left > 0:
		return exitStopped
	case sum.Rejected > 0 || changed > 0:
		return exitRejected
	}
	return exitDone
}

// summary is what is said last.
func (a *app) summary(w *work, sum *bulk.Summary, err error, exit int, skipped skips) error {
	if a.json {
		return a.emit("summary", summaryOf(w.name, sum, err, exit, skipped), nil)
	}
	a.note(a.t("job %s: %s, in %s", "任务 %s：%s，用时 %s"), w.name, a.sum(sum.Sums, sum.Begun), short(sum.Elapsed))
	for _, code := range slices.SortedFunc(maps.Keys(sum.Reasons), func(a, b string) int {
		return int(sum.Reasons[b] - sum.Reasons[a])
	}) {
		a.note("  %s  %s", grouped(sum.Reasons[code]), code)
	}
	for _, step := range slices.Sorted(maps.Keys(sum.Next)) {
		a.note(a.t("  %s rows wait for their next step: %s", "  %s 行等待下一步：%s"), grouped(sum.Next[step]), a.stepWord(step))
	}
	if sum.Good+sum.Bad > 0 {
		a.note(a.t("  the platform counted %s accepted, %s not accepted", "  平台统计：成功 %s，失败 %s"), grouped(sum.Good), grouped(sum.Bad))
	}
	if sum.Throttled > 0 {
		a.note(a.t("  throttled %s times", "  被限流 %s 次"), grouped(sum.Throttled))
	}
	a.twice(skipped.twice, sum.Twice)
	if skipped.changed > 0 {
		a.note(a.t("  %s rows differ from what was sent for them before; they were not sent again", "  %s 行的内容与此前发送的不同，未再次发送"), grouped(skipped.changed))
	}
	if next := a.next(w, sum, skipped); next != "" {
		a.note("%s", next)
	}
	return nil
}

// next is what to do after a run; empty if all is done.
func (a *app) next(w *work, sum *bulk.Summary, skipped skips) string {
	switch {
	case sum.Unknown > 0:
		return a.t("next: run the same command again; it settles what is unknown with the same numbers", "下一步：再次运行同一命令，将用相同单号确认结果未知的行")
	case sum.Left > 0 && w.job.Detach:
		return fmt.Sprintf(a.t("next: wxpay jobs show %s says how far it is", "下一步：用 wxpay jobs show %s 查看进度"), w.name)
	case sum.Left > 0 && w.stepsTaken(sum):
		return fmt.Sprintf(a.t(w.errand.then.English, w.errand.then.Chinese), w.name)
	case sum.Left > 0:
		return fmt.Sprintf(a.t("next: run the same command again, or wxpay jobs resume %s", "下一步：再次运行同一命令，或 wxpay jobs resume %s"), w.name)
	case sum.Rejected > 0:
		export := fmt.Sprintf("wxpay jobs export %s --rejected --reveal -o %s.rejected.csv", w.name, w.name)
		if w.batches() {
			return fmt.Sprintf(a.t("next: correct the rejected rows (%s) and feed that file to a new job, with another --job", "下一步：更正被拒绝的行（%s），再用另一个 --job 名称作为新任务提交该文件"), export)
		}
		return fmt.Sprintf(a.t("next: correct the rejected rows (%s) and feed that file with --job %s", "下一步：更正被拒绝的行（%s），再用 --job %s 提交该文件"), export, w.name)
	case skipped.changed > 0:
		return a.t("next: decide about the changed rows; the job sends nothing of a change", "下一步：请处理内容有变更的行；本任务不会发送变更")
	}
	return ""
}

// batches reports whether an item of the job is many rows. Such a job has one input.
func (w *work) batches() bool { return w.job.Operation.About().Batch > 1 }

// stepsTaken reports whether a run that was to take the first step alone has left no row of it.
func (w *work) stepsTaken(sum *bulk.Summary) bool {
	left := sum.Left
	for _, rows := range sum.Next {
		left -= rows
	}
	return w.job.Steps > 0 && left == 0
}

// twice says that rows stand in an input more than once. Those that the ledger knows are in the list of skipped rows.
func (a *app) twice(rows int64, first []*table.Fault) {
	switch {
	case rows == 0:
	case len(first) == 0:
		a.note(a.t("  %s rows stand in the input twice", "  %s 行在输入中重复"), grouped(rows))
	default:
		a.note(a.t("  %s rows stand in the input twice, the first in line %d", "  %s 行在输入中重复，首个在第 %d 行"), grouped(rows), first[0].Line)
	}
}

func summaryOf(name string, sum *bulk.Summary, err error, exit int, skipped skips) any {
	why := bulk.Why("")
	if stop, ok := asStop(err); ok {
		why = stop.Why
	}
	return struct {
		Job string `json:"job"`
		bulk.Sums
		Begun     int64            `json:"begun"` // of left: begun, not ended
		Complete  bool             `json:"complete"`
		Exit      int              `json:"exit"`
		Stopped   bulk.Why         `json:"stopped,omitzero"`
		Resumed   bool             `json:"resumed"`
		Before    int64            `json:"done_before"`
		Changed   int64            `json:"changed"`
		Twice     int64            `json:"duplicates"`
		Throttled int64            `json:"throttled"`
		Repeated  int64            `json:"repeated"`
		Reasons   map[string]int64 `json:"reasons"`
		Next      map[string]int64 `json:"next_steps"` // rows that wait for one, by step
		Good      int64            `json:"good,omitzero"`
		Bad       int64            `json:"bad,omitzero"`
		Elapsed   float64          `json:"elapsed_seconds"`
	}{name, sum.Sums, sum.Begun, err == nil && sum.Complete(), exit, why, sum.Resumed, sum.Before, skipped.changed, skipped.twice, sum.Throttled, sum.Repeated, sum.Reasons, sum.Next, sum.Good, sum.Bad, sum.Elapsed.Seconds()}
}

// checked is the end of a dry run.
func (a *app) checked(w work, sum *bulk.Summary, err error) error {
	if err != nil {
		return err
	}
	least, days := estimate(w.job.Operation.About(), sum.Left, &w.job)
	if a.json {
		return a.emit("check", struct {
			Job     string  `json:"job"`
			Rows    int64   `json:"rows"`
			Skipped int64   `json:"skipped"`
			Twice   int64   `json:"duplicates"`
			Seconds float64 `json:"seconds_at_least"`
			Days    int64   `json:"days_at_least,omitzero"`
		}{w.name, sum.Rows, sum.Skipped, sum.Duplicates, least.Seconds(), days}, nil)
	}
	a.note(a.t("the input is good: %s rows, nothing was sent", "输入检查通过：%s 行，未发送任何内容"), grouped(sum.Rows))
	a.twice(sum.Duplicates, sum.Twice)
	switch {
	case days > 1:
		a.note(a.t("it will take %d days at least, by the platform's daily limit", "受平台每日限额影响，至少需要 %d 天"), days)
	case least > 0:
		a.note(a.t("it will take %s at least, at this rate", "按此速率至少需要 %s"), short(least.Round(time.Second)))
	}
	return nil
}

func asStop(err error) (*bulk.StopError, bool) { return errors.AsType[*bulk.StopError](err) }

// removeOwn deletes a file that was written before and has no rows any more.
func removeOwn(r *record, inputs []ledger.File, path string) error {
	if !r.owns(path) || fedBefore(inputs, path) {
		return nil
	}
	delete(r.Written, path)
	return os.Remove(path)
}

// skips are rows that were skipped: such as differ from what was sent for them before, and such as stand in an input
// twice.
type skips struct{ changed, twice int64 }

func skippedRows(ctx context.Context, l ledger.Ledger) (n skips, err error) {
	for item, err := range l.Items(ctx, ledger.Skipped) {
		if err != nil {
			return n, err
		}
		switch item.Code {
		case ledger.Changed:
			n.changed += max(1, item.Rows)
		case ledger.Duplicate:
			n.twice += max(1, item.Rows)
		}
	}
	return n, nil
}

// refusal says, in both languages, why a job did not begin or its ledger could not be opened.
func refusal(err error) error {
	say := func(exit int, english, chinese string) error {
		return &failure{exit: exit, err: err, text: wxpay.Hint{English: english, Chinese: chinese}}
	}
	if e, ok := errors.AsType[*ledger.HeldError](err); ok {
		switch {
		case goodName(e.Path): // of a store
			return say(exitStopped, "somebody adds an input to job "+e.Path+" just now; wait until that has ended", "有人正在向任务 "+e.Path+" 添加输入，请等待其结束")
		case e.PID == 0:
			return say(exitStopped, "another process runs this job; wait until it has ended", "任务正由另一进程运行，请等待其结束")
		}
		since := e.Since.Local().Format(time.DateTime)
		return say(exitStopped, fmt.Sprintf("process %d on %s runs this job since %s; wait until it has ended", e.PID, e.Host, since), fmt.Sprintf("任务正由进程 %d（主机 %s，自 %s 起）运行，请等待其结束", e.PID, e.Host, since))
	}
	if e, ok := errors.AsType[*bulk.OtherJobError](err); ok {
		if e.What == "input" {
			return say(exitUsage, fmt.Sprintf("this job has an input, %s, and one of batches has no second: a row of both would be sent twice; nothing was sent. Begin another job with --job", seen(e.Was)),
				fmt.Sprintf("该任务已有输入 %s；按批发送的任务只有一个输入，否则两者共有的行会发送两次；未发送任何内容。请用 --job 另建任务", seen(e.Was)))
		}
		if e.Was == "" && e.Is == "" {
			return say(exitUsage, fmt.Sprintf("the job was begun with another %s, from which the numbers of its rows follow; nothing was sent. Go on with that one: in another job (--job) the rows get new numbers, and what is done may be done twice", e.What),
				"任务是用另一私钥开始的，各行单号由其生成；未发送任何内容。请用原私钥继续：另建任务（--job）会使用新单号，已完成的行可能重复生效")
		}
		return say(exitUsage, fmt.Sprintf("the job was begun with another %s: %q there, %q here; nothing was sent. Run it as it was begun (wxpay jobs resume does), or begin another job with --job", e.What, e.Was, e.Is),
			fmt.Sprintf("任务开始时的 %s 不同：台账中为 %q，此处为 %q；未发送任何内容。请按原参数运行（可用 wxpay jobs resume），或用 --job 另建任务", e.What, e.Was, e.Is))
	}
	if e, ok := errors.AsType[*ledger.DamagedError](err); ok {
		return say(exitInternal, strings.TrimPrefix(e.Error(), "ledger: "), fmt.Sprintf("台账 %s 已损坏或不是台账（%v）；未发送任何内容。请从备份恢复；没有备份时，请先查明哪些行已执行，再发送", e.Path, e.Err))
	}
	if e, ok := errors.AsType[*ledger.VersionError](err); ok {
		chinese := "请使用创建它的程序或更新的版本"
		if e.Is > 0 && e.Is < e.Known {
			chinese = "再次运行其任务一次，即升级到该版本"
		}
		return say(exitUsage, strings.TrimPrefix(e.Error(), "ledger: "), fmt.Sprintf("台账 %s 的版本为 %d，本程序支持的版本为 %d；%s", e.Path, e.Is, e.Known, chinese))
	}
	if errors.Is(err, ledger.ErrReadOnly) || errors.Is(err, fs.ErrPermission) {
		return say(exitUsage, "the ledger cannot be read or written; nothing was sent: give yourself access to it and its folder, or name another folder with --dir", "台账无法读写；未发送任何内容：请获取台账及其目录的访问权限，或用 --dir 指定其他目录")
	}
	return err
}

// faulty says what is wrong with an input, row by row.
func (a *app) faulty(w work, err error) error {
	if e, ok := errors.AsType[*bulk.ChangedError](err); ok {
		return w.changed(e)
	}
	e, ok := errors.AsType[*bulk.InputError](err)
	if !ok {
		if wrong, ok := errors.AsType[*wxpay.ParamError](err); ok {
			if param, flag := w.errand.flagOf(wrong); flag != "" {
				return wrongParam(wrong, param, flag)
			}
		}
		return refusal(err)
	}
	for _, f := range e.Faults {
		a.say("%s", a.t(f.Error(), chineseFault(f)))
		if a.json {
			_ = a.emit("fault", struct {
				File   string `json:"file"`
				Line   int    `json:"line,omitzero"`
				Column string `json:"column,omitzero"`
				Reason string `json:"reason"`
			}{f.File, f.Line, f.Column, a.t(f.Reason, f.Chinese)}, nil)
		}
	}
	more := e.Count - int64(len(e.Faults))
	if more > 0 {
		a.say(a.t("… and %s more", "……另有 %s 处"), grouped(more))
	}
	english, chinese := grouped(e.Count)+" rows cannot be sent; nothing was sent", grouped(e.Count)+" 行无法发送；未发送任何内容"
	if e.Count == 1 {
		english = "a row cannot be sent; nothing was sent"
	}
	if slices.ContainsFunc(e.Faults, func(f *table.Fault) bool { return strings.Contains(f.Reason, "masked") }) {
		name := "NAME"
		if w.home.has(w.name) {
			name = w.name
		}
		export := "wxpay jobs export " + name + " --rejected --reveal -o FILE"
		english += ". Rows of a job come with whole numbers from " + export
		chinese += "。导出含完整号码的行：" + export
	}
	return &failure{exit: exitUsage, err: err, text: wxpay.Hint{English: english, Chinese: chinese}}
}

// changed says what to do with a file that is not what it was.
func (w *work) changed(e *bulk.ChangedError) error {
	english := fmt.Sprintf("%s has changed since the job began, from line %d on: %d rows are new, %d are gone, %d are others; nothing was sent. Give it its old content back", e.Name, e.Line, e.Added, e.Gone, e.Changed)
	chinese := fmt.Sprintf("%s 自任务开始后已变更：自第 %d 行起，新增 %d 行、消失 %d 行、不同 %d 行；未发送任何内容。请恢复原内容", e.Name, e.Line, e.Added, e.Gone, e.Changed)
	if w.batches() {
		english += "; new rows go into a file of their own, to another job (--job)"
		chinese += "；新增的行请另存为文件，用另一个任务（--job）提交"
	} else {
		english += ", or save it under another name and feed that with --job " + w.name + ": what is done is skipped"
		chinese += "，或另存为其他文件名并用 --job " + w.name + " 提交：已完成的行会跳过"
	}
	return &failure{exit: exitUsage, err: e, text: wxpay.Hint{English: english, Chinese: chinese}}
}

func (a *app) textOf(err error) string {
	text := reportOf(context.Background(), refusal(err)).text()
	return a.t(text.English, text.Chinese)
}

// flagOf is the flag that a param of the calls of every row comes from; empty if it is not known.
func (e *errand) flagOf(wrong *wxpay.ParamError) (param, flag string) {
	param = wrong.Param
	if end := strings.IndexAny(param, "[."); end >= 0 {
		param = param[:end]
	}
	return param, e.flags[param]
}

// wrongParam tells what the SDK refused by the flag that says it.
func wrongParam(wrong *wxpay.ParamError, param, flag string) error {
	reason, chinese := wrong.Reason, bulk.Fault(table.Row{}, wrong, "").Chinese
	switch {
	case param == "transfer_scene_report_infos" && reason == "is missing" && param == wrong.Param:
		return fail(exitUsage, flag+" is needed by this scene; nothing was sent", "该场景需填写 "+flag+"；未发送任何内容")
	case reason == "is missing":
		reason, chinese = "is needed", "未填写"
	}
	return fail(exitUsage, flag+" "+reason+"; nothing was sent", flag+" "+chinese+"；未发送任何内容")
}

// stepWord is the name of a step in the language of the user.
func (a *app) stepWord(step string) string {
	chinese := map[string]string{
		"create": "创建转账单", "ask": "请求用户确认", "finish": "等待结果", "notice": "预扣费通知", "debit": "扣款", "result": "查询扣款结果",
		"upload": "上传", "wait": "等待处理", "push": "推送", "send": "发放", "import": "导入", "remind": "提醒",
	}
	return a.t(step, cmp.Or(chinese[step], step))
}
