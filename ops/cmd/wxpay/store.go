package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/postgres"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A store is one that is open. Its URL is without who logs in there, and may be shown.
type store struct {
	*postgres.Store
	url string
}

// A home is where jobs are remembered: a store, or ledgers in a folder. Files of rows to look at lie in the folder
// either way.
type home struct {
	folder
	store *store // nil: the folder
}

// A where is what the flags --dir and --store of a command say.
type where struct {
	c          *cobra.Command
	dir, store string
}

// whereFlags are those of a command on jobs.
func (a *app) whereFlags(c *cobra.Command, at *where) {
	a.storeFlag(c, at)
	c.Flags().StringVar(&at.dir, "dir", "", a.t("`DIR` in which ledgers of jobs lie; with a store, files of rows", "任务台账所在目录 `DIR`；使用存储时只放行文件"))
}

func (a *app) storeFlag(c *cobra.Command, at *where) {
	at.c = c
	c.Flags().StringVar(&at.store, "store", "", a.t("`URL` of a PostgreSQL database with jobs for many machines, such as postgres://host/db; else WXPAY_STORE. Others on this machine can see flags: a password belongs into WXPAY_STORE or ~/.pgpass",
		"多机任务所在 PostgreSQL 数据库的 `URL`，例如 postgres://host/db；默认取 WXPAY_STORE。本机其他用户可看到命令行参数：密码请放在 WXPAY_STORE 或 ~/.pgpass"))
}

// url is what is said of the store; empty: jobs are remembered in a folder.
func (a *app) storeURL(at *where) string {
	if at.c.Flags().Changed("store") {
		return at.store
	}
	return a.env("WXPAY_STORE")
}

// home is where a command finds its jobs.
func (a *app) home(at *where) (home, error) {
	var err error
	if !a.opened && a.storeURL(at) != "" {
		if a.store, err = a.openStore(at); err != nil {
			return home{}, err
		}
	}
	a.opened = true
	f, err := a.folder(at.dir)
	if err != nil && a.store != nil { // of a machine without home folders
		full, err := filepath.Abs(".")
		return home{folder(full), a.store}, err
	}
	return home{f, a.store}, err
}

// openStore opens the store that is named; an error if none is.
func (a *app) openStore(at *where) (*store, error) {
	said := a.storeURL(at)
	shown, err := a.shownURL(at.c, said)
	if err != nil {
		return nil, err
	}
	s, err := postgres.Open(at.c.Context(), said)
	if err != nil {
		return nil, err
	}
	return &store{s, shown}, nil
}

// shownURL is the URL of a store without who logs in there; an error if it is none.
func (a *app) shownURL(c *cobra.Command, said string) (string, error) {
	if said == "" {
		return "", a.misused(c, "--store, or WXPAY_STORE, is needed", "缺少 --store 或 WXPAY_STORE")
	}
	shown, ok := shownURL(said)
	if !ok {
		return "", a.misused(c, "--store (or WXPAY_STORE) is a URL such as postgres://host:5432/database", "--store（或 WXPAY_STORE）的格式为 postgres://host:5432/database")
	}
	return shown, nil
}

func shownURL(said string) (string, bool) {
	u, err := url.Parse(said) // its error shows what was said
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", false
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), true
}

// close ends the use of the store.
func (a *app) close() {
	if a.store != nil {
		a.store.Close()
	}
}

// brief is the time that a store has to say one thing, also to a command that was interrupted.
func brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

func (h home) String() string {
	if h.store != nil {
		return h.store.url
	}
	return string(h.folder)
}

// at is where a job is remembered.
func (h home) at(name string) string {
	if h.store != nil {
		return h.store.url
	}
	return h.ledger(name)
}

// in makes a job one that is remembered here. note is told before others hear of it.
func (h home) in(job *bulk.Job, name string, note func() error) {
	if job.Ledger = h.ledger(name); h.store != nil {
		job.Ledger, job.Store = name, noting{h.store.Store, note}
	}
}

// A noting store writes down how a job is run before workers take part in it.
type noting struct {
	*postgres.Store
	note func() error
}

func (s noting) Start(ctx context.Context, l ledger.Ledger, file ledger.File, terms bulk.Terms) error {
	if err := s.note(); err != nil {
		return err
	}
	return s.Store.Start(ctx, l, file, terms)
}

func (h home) readable() error {
	if h.store != nil {
		return nil
	}
	return h.folder.readable()
}

// ready looks, before a job begins or goes on, whether that can be written down. A dry run only reads.
func (h home) ready(name string, dry bool) error {
	look := h.writable
	if dry {
		look = h.readable
	}
	if err := look(); err != nil {
		return err
	}
	_, err := h.record(name)
	return err
}

// look opens the ledger of a job beside whoever runs it.
func (h home) look(name string) (ledger.Ledger, error) {
	if h.store == nil {
		return ledger.Look(h.ledger(name))
	}
	ctx, cancel := brief()
	defer cancel()
	return h.store.Look(ctx, name)
}

func (h home) has(name string) bool {
	if h.store == nil {
		return h.folder.has(name)
	}
	_, err := h.look(name)
	return err == nil
}

// record is how a job is run; an empty one if nobody wrote it down.
func (h home) record(name string) (record, error) {
	if h.store == nil {
		return h.folder.record(name)
	}
	ctx, cancel := brief()
	defer cancel()
	return h.store.record(ctx, name)
}

// record is how a job is run; an empty one if nobody wrote it down.
func (s *store) record(ctx context.Context, name string) (record, error) {
	text, err := s.Record(ctx, name)
	if err != nil || text == nil {
		return record{Version: recordVersion}, err
	}
	r, err := recordOf(text)
	if err != nil || r.Version > recordVersion {
		return r, fail(exitUsage, "how job "+name+" is run was written down by a newer wxpay, or is damaged; use that one", "任务 "+name+" 的运行参数由更新版本的 wxpay 写入，或已损坏；请使用该版本")
	}
	return r, nil
}

func (h home) keep(name string, r record) error {
	if h.store == nil {
		return h.folder.keep(name, r)
	}
	text, err := r.text()
	if err != nil {
		return err
	}
	ctx, cancel := brief()
	defer cancel()
	return h.store.SetRecord(ctx, name, text)
}

// hold keeps others from running a job in a folder. In a store nobody is kept from it until it is forgotten.
func (h home) hold(name string) (ledger.Ledger, error) {
	if h.store != nil {
		return h.look(name)
	}
	return ledger.Open(h.ledger(name))
}

// forgets deletes a job of a store.
func (h home) forgets(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // of a million rows
	defer cancel()
	err := h.store.Forget(ctx, name)
	if _, held := errors.AsType[*ledger.HeldError](err); held {
		return fail(exitStopped, "workers have rows of job "+name+", or somebody adds some; stop it first with wxpay jobs stop "+name+", and wait 10 s or so; nothing was forgotten",
			"worker 正在处理任务 "+name+" 的行，或有人正在添加行；请先用 wxpay jobs stop "+name+" 停止并等待约 10 秒；未删除")
	}
	return err
}

// onlyInStore refuses flags that a store has no use for, and those that are for stores alone.
func (a *app) onlyInStore(c *cobra.Command, h home) error {
	detach, _ := c.Flags().GetBool("detach")
	dry, _ := c.Flags().GetBool("dry-run")
	switch {
	case h.store != nil && c.Flags().Changed("limit"):
		return a.misused(c, "--limit is for jobs in a folder: of a store the workers take what there is; try a short file first, or stop the job with wxpay jobs stop", "--limit 只用于目录中的任务：存储中的任务由各 worker 领取；请先用小文件试运行，或用 wxpay jobs stop 停止")
	case h.store == nil && detach:
		return a.misused(c, "--detach leaves the rows to the workers of a store: name it with --store, or WXPAY_STORE", "--detach 将各行交给存储的 worker 发送：请用 --store 或 WXPAY_STORE 指定存储")
	case detach && dry:
		return a.misused(c, "--detach and --dry-run exclude each other", "--detach 与 --dry-run 不能同时使用")
	}
	return nil
}

// stands adds to how a job stands who runs it.
func (h home) stands(s standing) standing {
	if h.store == nil {
		if held := ledger.Held(h.ledger(s.Job)); held != nil {
			s.State, s.Pid = "running", held.PID
		}
		return s
	}
	ctx, cancel := brief()
	defer cancel()
	known, err := h.store.Standing(ctx, s.Job)
	if err != nil {
		return s
	}
	return s.shared(known)
}

// An inStore is what a store knows of a job beside how its rows stand.
type inStore struct {
	Workers   int64      `json:"workers"` // that are alive, in all of the store
	Waiting   int64      `json:"chunks_waiting"`
	Taken     int64      `json:"chunks_taken"`
	Ceiling   float64    `json:"ceiling,omitzero"` // calls a second
	Throttled int64      `json:"throttled"`
	Due       *time.Time `json:"due,omitempty"` // when there is something to do again
	Stopped   *stopInfo  `json:"stopped,omitempty"`
	PutOff    *stopInfo  `json:"put_off,omitempty"`
}

// A stopInfo is why workers take no more of a job, or leave rows of it.
type stopInfo struct {
	Why    bulk.Why `json:"why"`
	Said   string   `json:"reason"`
	SaidZh string   `json:"reason_zh"`
}

func stopInfoOf(e *bulk.StopError) *stopInfo {
	if e == nil {
		return nil
	}
	text := reportOf(context.Background(), e).text()
	return &stopInfo{e.Why, oneLine(text.English), oneLine(text.Chinese)}
}

// shared is the standing of a job on which workers work.
func (s standing) shared(known bulk.Standing) standing {
	s.inStore = &inStore{known.Workers, known.Waiting, known.Taken, known.Ceiling, known.Throttled, nil, stopInfoOf(known.Stopped), stopInfoOf(known.PutOff)}
	if known.Open && known.Waiting == 0 {
		s.Due = momentOf(known.Due)
	}
	switch {
	case known.Taken > 0, known.Open && known.Workers > 0:
		s.State = "running"
	case s.State == "unfinished" && known.Stopped != nil:
		s.State = "stopped"
	}
	return s
}

// standingsIn are the jobs of a store.
func (a *app) standingsIn(ctx context.Context, s *store) ([]standing, error) {
	jobs, err := s.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]standing, len(jobs))
	for i, j := range jobs {
		of := standing{Job: j.Name, Operation: j.Head.Operation, Sender: j.Head.Sender, Sums: j.Sums, State: "unfinished", Created: momentOf(j.Head.Created), Ledger: s.url}
		if j.Started && j.Complete() {
			of.State = "finished"
		}
		list[i] = of.shared(j.Standing)
	}
	return list, nil
}

// inStoreWords are the rows of a job that is shown.
func (a *app) inStoreWords(s *inStore) [][]string {
	rows := [][]string{
		{a.t("workers", "worker"), fmt.Sprintf(a.t("%s alive in the store", "存储中存活 %s 个"), grouped(s.Workers))},
		{a.t("chunks", "分块"), fmt.Sprintf(a.t("%s waiting, %s taken", "待领取 %s，已领取 %s"), grouped(s.Waiting), grouped(s.Taken))},
	}
	if s.Ceiling > 0 {
		rows = append(rows, []string{a.t("ceiling", "速率上限"), fmt.Sprintf(a.t("%.4g calls a second", "每秒 %.4g 次"), s.Ceiling)})
	}
	if s.Due != nil {
		rows = append(rows, []string{a.t("goes on", "下次执行"), goesOn(*s.Due)})
	}
	if s.Stopped != nil {
		rows = append(rows, []string{a.t("stopped", "停止原因"), a.t(s.Stopped.Said, s.Stopped.SaidZh)})
	}
	if s.PutOff != nil {
		rows = append(rows, []string{a.t("put off", "暂缓原因"), a.t(s.PutOff.Said, s.PutOff.SaidZh)})
	}
	return rows
}

// recalled is an input of which all rows are in the store, where its file is not at hand.
type recalled struct {
	ledger.File
	err error // why the file cannot be read
}

func (f recalled) Name() string { return f.File.Name }

func (f recalled) Digest(context.Context) (string, error) { return f.File.Digest, nil }

func (f recalled) Rows(context.Context) iter.Seq2[table.Row, error] {
	return func(yield func(table.Row, error) bool) { yield(table.Row{}, f.err) }
}

// recall finds the input of a job in a store by the path that its file has elsewhere; err is why it cannot be read here.
func (h home) recall(name, path string, err error) (bulk.Source, error) {
	if _, there := os.Stat(path); h.store == nil || !errors.Is(there, fs.ErrNotExist) {
		return nil, err
	}
	l, lookErr := h.look(name)
	if lookErr != nil {
		return nil, err
	}
	files, lookErr := l.Files()
	if i := slices.IndexFunc(files, func(f ledger.File) bool { return f.Name == path && f.Staged }); lookErr == nil && i >= 0 {
		return recalled{files[i], err}, nil
	}
	return nil, err
}

func (a *app) jobsStop() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "stop NAME", Short: a.t("keep the workers of a store from taking any more of a job", "让存储的 worker 不再领取某个任务"),
		Long: a.t(`Keep the workers of a store from taking any more of a job. What they have begun ends, in about 10 s. The job goes on when it is
run again, or with wxpay jobs resume. A job that is remembered in a folder is stopped with Ctrl-C where it runs.`,
			`让存储的 worker 不再领取某个任务；已领取的约 10 秒内结束。再次运行或 wxpay jobs resume 即可继续。
在目录中记录的任务，请在其运行处按 Ctrl-C 停止。`)}
	c.RunE = func(c *cobra.Command, args []string) error {
		if a.storeURL(&at) == "" {
			return a.misused(c, "it is for jobs of a store: name it with --store, or WXPAY_STORE; a job of a folder is stopped with Ctrl-C where it runs", "该命令用于存储中的任务：请用 --store 或 WXPAY_STORE 指定存储；目录中的任务请在其运行处按 Ctrl-C 停止")
		}
		h, err := a.homeOf(&at, args[0])
		if err != nil {
			return err
		}
		by := cmp.Or(a.env("USER"), a.env("USERNAME"))
		if who, err := user.Current(); by == "" && err == nil { // a service has none of them
			by = who.Username
		}
		if host, err := os.Hostname(); err == nil {
			by += "@" + host
		}
		before, err := h.store.Standing(c.Context(), args[0])
		if err != nil {
			return err
		}
		if err := h.store.Stop(c.Context(), args[0], &bulk.StopError{Why: bulk.WhyInterrupted, Reason: wxpay.Hint{
			English: fmt.Sprintf("stopped by %s with wxpay jobs stop; run it again, or wxpay jobs resume %s, and it goes on", by, args[0]),
			Chinese: fmt.Sprintf("已由 %s 用 wxpay jobs stop 停止；再次运行或 wxpay jobs resume %s 即可继续", by, args[0]),
		}}); err != nil {
			return err
		}
		known, err := h.store.Standing(c.Context(), args[0])
		if err != nil {
			return err
		}
		if was := stopInfoOf(before.Stopped); was != nil {
			a.note(a.t("job %s was stopped before: %s", "任务 %s 此前已停止：%s"), args[0], a.t(was.Said, was.SaidZh))
		} else {
			a.note(a.t("job %s is stopped. Workers finish the chunks that they have, in 10 s or so: %d. To go on: wxpay jobs resume %s", "任务 %s 已停止；worker 会在约 10 秒内结束手中的 %d 个分块。继续请用 wxpay jobs resume %s"), args[0], known.Taken, args[0])
		}
		return a.emit("stopped", struct {
			Job   string `json:"job"`
			Taken int64  `json:"chunks_taken"`
		}{args[0], known.Taken}, nil)
	}
	a.whereFlags(c, &at)
	return c
}

func (a *app) storeCommands() []*cobra.Command {
	return []*cobra.Command{a.storeMigrate(), a.storeWorkers()}
}

func (a *app) storeMigrate() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "migrate", Short: a.t("make the tables of a store, or bring them up to this version", "创建存储的数据表，或升级到当前版本"),
		Long: a.t(`Make the tables of a store in a PostgreSQL database (14 or newer), in a schema wxpay of its own, or bring them up to this version.
It may be run again at any time; stop the jobs before an upgrade. Tables of a newer version are left as they are.`,
			`在 PostgreSQL 数据库（14 或更新版本）的独立模式 wxpay 中创建存储的数据表，或升级到当前版本。
可随时重复执行；升级前请先停止任务。更新版本的数据表不会改动。`)}
	c.RunE = func(c *cobra.Command, _ []string) error {
		said := a.storeURL(&at)
		shown, err := a.shownURL(c, said)
		if err != nil {
			return err
		}
		var was *postgres.VersionError
		s, err := postgres.Open(c.Context(), said)
		switch {
		case err == nil:
			s.Close()
		case !errors.As(err, &was) || was.Is > was.Known:
			return err
		}
		if err := postgres.Migrate(c.Context(), said); err != nil {
			return err
		}
		v := struct {
			Store   string `json:"store"`
			Changed bool   `json:"changed"`
			From    int    `json:"from,omitzero"` // version of the tables; absent: there were none
			To      int    `json:"to,omitzero"`
		}{Store: shown, Changed: was != nil}
		if was != nil {
			v.From, v.To = was.Is, was.Known
		}
		switch {
		case was == nil:
			a.note(a.t("%s: the tables are of this version already", "%s：数据表已是当前版本"), shown)
		case was.Is == 0:
			a.note(a.t("%s: the tables of version %d are made", "%s：已创建版本 %d 的数据表"), shown, was.Known)
		default:
			a.note(a.t("%s: the tables are brought from version %d to %d", "%s：数据表已从版本 %d 升级到 %d"), shown, was.Is, was.Known)
		}
		return a.emit("migrated", v, nil)
	}
	a.storeFlag(c, &at)
	return c
}

func (a *app) storeWorkers() *cobra.Command {
	var at where
	c := &cobra.Command{Use: "workers", Short: a.t("workers that are alive", "列出存活的 worker")}
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := a.openStore(&at)
		if err != nil {
			return err
		}
		defer s.Close()
		workers, err := s.Workers(c.Context())
		if err != nil {
			return err
		}
		rows := [][]string{a.words("HOST 主机", "PID 进程", "CHUNKS 分块上限", "TAKEN 已领取", "SINCE 启动", "SEEN 最近活动")}
		for _, w := range workers {
			if err := a.emit("worker", struct {
				Host    string    `json:"host"`
				Pid     int       `json:"pid"`
				Chunks  int64     `json:"chunks"`
				Taken   int64     `json:"chunks_taken"`
				Started time.Time `json:"started"`
				Seen    time.Time `json:"seen"`
			}{w.Host, w.PID, w.Chunks, w.Taken, w.Started, w.Seen}, func(io.Writer) {}); err != nil {
				return err
			}
			rows = append(rows, []string{w.Host, fmt.Sprint(w.PID), grouped(w.Chunks), grouped(w.Taken), w.Started.Local().Format(time.DateTime), w.Seen.Local().Format(time.TimeOnly)})
		}
		if !a.json && len(workers) > 0 {
			aligned(a.stdout, rows)
		}
		if len(workers) == 0 {
			a.note(a.t("no worker is alive; wxpay work is one", "没有存活的 worker；运行 wxpay work 启动"))
		}
		return a.emit("sums", struct {
			Workers int `json:"workers"`
		}{len(workers)}, nil)
	}
	a.storeFlag(c, &at)
	return c
}
