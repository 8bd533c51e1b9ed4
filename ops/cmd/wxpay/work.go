package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

const (
	shiftLooks = 5 * time.Second  // at its jobs and at the store
	shiftTells = 30 * time.Second // how it goes
)

func (a *app) workCommand() *cobra.Command {
	var at where
	var profiles, address string
	var chunks int
	c := &cobra.Command{
		Use: "work", Short: a.t("a worker: take part in the jobs of a store", "worker：参与存储中的任务"),
		Long: a.t(`A worker: take part in the jobs of a store, as long as it runs. It needs the store and the keys of merchants, no file: the rows lie
in the store, encrypted. Any number of workers may run, on any number of machines; start and stop them as you like, also while jobs
run. Ctrl-C or SIGTERM ends one softly, in about 10 s, with exit code 0; one that is killed gives its rows to others.

It works for the merchant and the TPNS application of its set-up; with --profiles for those of every NAME.env of a folder.
With --metrics ADDRESS it tells Prometheus of its calls, and how the jobs of the store stand.

Nothing is asked or confirmed here: who puts a file into the store does so. Jobs with --params FILE need that file here too.`,
			`worker：运行期间持续参与存储中的任务。只需要存储与商户密钥，不需要文件：各行已加密存放在存储中。
可在任意多台机器上运行任意多个 worker，任务进行中也可随时启停。Ctrl-C 或 SIGTERM 约 10 秒内平稳结束，退出码 0；
被强制结束的 worker，其领取的行由其他 worker 接手。

默认使用当前配置的商户与 TPNS 应用；--profiles 则使用目录中每个 NAME.env 的商户。
使用 --metrics ADDRESS 时，Prometheus 可抓取其请求指标与存储中各任务的状态。

此处不询问也不确认，一切以提交文件时为准。使用 --params FILE 的任务，本机也须有该文件。`),
		Example: "  WXPAY_STORE=postgres://db.internal/jobs wxpay work\n  wxpay work --store postgres://db.internal/jobs --profiles /etc/wxpay/merchants --chunks 32",
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("chunks") && chunks < 1 {
			return a.misused(c, "--chunks is 1 or more", "--chunks 至少为 1")
		}
		if _, err := a.shownURL(c, a.storeURL(&at)); err != nil {
			return err
		}
		if address != "" {
			m, err := newMetrics(c.Context(), address)
			if err != nil {
				return err
			}
			defer m.close()
			a.metrics = m
		}
		merchants, err := a.merchants(profiles)
		if err != nil {
			return err
		}
		store, err := a.openStore(&at)
		if err != nil {
			return err
		}
		defer store.Close()
		if a.metrics != nil {
			if err := a.metrics.serve(store.Store); err != nil {
				return err
			}
		}
		s := &shift{app: a, store: store, merchants: merchants, chunks: chunks, began: time.Now(), jobs: map[string]string{}, said: map[string]bool{}, lacks: map[string]bool{}}
		return s.run(c.Context())
	}
	a.storeFlag(c, &at)
	c.Flags().StringVar(&profiles, "profiles", "", a.t("`DIR` with a NAME.env for each merchant, in place of the set-up", "每个商户一个 NAME.env 的目录 `DIR`，代替当前配置"))
	c.Flags().IntVar(&chunks, "chunks", 16, a.t("`N` chunks of rows at a time", "同时领取 `N` 个分块"))
	c.Flags().StringVar(&address, "metrics", "", a.t("`ADDRESS` at which Prometheus finds /metrics, such as 127.0.0.1:9464; merchant numbers and names of jobs are in them", "供 Prometheus 抓取 /metrics 的监听地址 `ADDRESS`，例如 127.0.0.1:9464；其中含商户号与任务名称"))
	return c
}

// merchants are those whose keys are here, by who sends: each an app that is set up for it. An empty dir: that of the
// set-up.
func (a *app) merchants(dir string) (map[string]*app, error) {
	all := map[string]*app{}
	if dir == "" {
		return all, a.sends(all)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fail(exitUsage, dir+" is no folder, or cannot be read", dir+" 不是目录，或无法读取")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.env"))
	if err == nil && len(files) == 0 {
		return nil, fail(exitUsage, "there is no NAME.env in "+dir, dir+" 中没有 NAME.env")
	}
	for _, file := range files {
		// nothing of the environment is mixed in
		m := &app{profile: file, env: func(string) string { return "" }, chinese: a.chinese, metrics: a.metrics}
		if err := m.sends(all); err != nil {
			return nil, ofProfile(file, err)
		}
	}
	return all, err
}

// ofProfile says of which profile of many an error is.
func ofProfile(file string, err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || strings.Contains(f.text.English, file) {
		return err
	}
	of := *f
	of.text = wxpay.Hint{English: file + ": " + f.text.English, Chinese: file + "：" + f.text.Chinese}
	return &of
}

// sends notes who sends with a set-up.
func (a *app) sends(all map[string]*app) error {
	s := a.setup()
	add := func(sender string) error {
		if other := all[sender]; other != nil {
			return fail(exitUsage, fmt.Sprintf("%s and %s are both of %s", other.profile, a.profile, sender), fmt.Sprintf("%s 与 %s 都属于 %s", other.profile, a.profile, sender))
		}
		all[sender] = a
		return nil
	}
	if s.from["TPNS"] != "" {
		if _, err := a.tpns(); err != nil {
			return err
		}
		if err := add(a.tpnsConfig().AccessID); err != nil || s.from["WXPAY"] == "" {
			return err
		}
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	return add(client.Sender())
}

// operationOf is what the command line of a job would run with the set-up of a. Nothing is run, and nothing asked.
func (a *app) operationOf(ctx context.Context, args []string, name string, settings map[string]string) (bulk.Operation, ledgerKey, error) {
	b := &app{env: a.env, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, chinese: a.chinese}
	c, flags, err := b.root().Find(args)
	e := b.errands[c]
	if err != nil || e == nil { // whoever can write into the store must not make workers do anything else
		return nil, nil, fail(exitUsage, "it was not begun by a command for jobs of this version", "不是由本版本的任务命令创建的")
	}
	if err := c.ParseFlags(flags); err != nil {
		return nil, nil, b.wrongFlag(c, err)
	}
	c.SetContext(ctx)
	b.profile, b.set = "", a.set
	return e.make(name, settings)
}

// A shift is a worker at work, and what it tells.
type shift struct {
	*app
	store     *store
	merchants map[string]*app // by who sends
	chunks    int
	began     time.Time

	mu      sync.Mutex        // of all that follows, and of what is told
	jobs    map[string]string // it takes part in, and who sends
	said    map[string]bool   // what is said once
	lacks   map[string]bool   // who sends, and has no keys here
	lacking int               // of these it was told
	rows    int64             // that ended here
	away    bool              // the store is
	told    struct {
		at   time.Time
		rows int64
		idle bool
	}
}

func (s *shift) run(ctx context.Context) error {
	senders := slices.Sorted(maps.Keys(s.merchants))
	s.tell("working", struct {
		Store   string   `json:"store"`
		Senders []string `json:"senders"`
		Chunks  int      `json:"chunks"`
		Pid     int      `json:"pid"`
		Metrics string   `json:"metrics,omitzero"`
	}{s.store.url, senders, s.chunks, os.Getpid(), s.metrics.url()}, s.t("worker %d takes part in %s, with the keys of %s", "worker %d 开始参与 %s，持有以下商户的密钥：%s"), os.Getpid(), s.store.url, few(senders))
	if at := s.metrics.url(); at != "" && !s.json {
		s.note(s.t("metrics are at %s", "指标地址：%s"), at)
	}
	s.told.at = s.began
	worker := bulk.Worker{Store: s.store, Operation: s.operation, Chunks: s.chunks, Observe: s.turn}
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	looks, stopping := time.NewTicker(shiftLooks), ctx.Done()
	defer looks.Stop()
	for {
		select {
		case <-looks.C:
			s.look(ctx)
		case <-stopping:
			stopping = nil
			s.tell("stopping", struct{}{}, s.t("stopping: what is in flight is finished, in 10 s or so; once more stops at once", "正在停止：等待已发出的请求结束（约 10 秒）；再按一次立即停止"))
		case err := <-ended:
			if err != nil {
				return err
			}
			s.tell("ended", struct {
				Rows    int64   `json:"rows"`
				Elapsed float64 `json:"elapsed_seconds"`
			}{s.rows, time.Since(s.began).Seconds()}, s.t("worker %d has ended: %s rows in %s", "worker %d 已结束：%s 行，用时 %s"), os.Getpid(), grouped(s.rows), short(time.Since(s.began)))
			return nil
		}
	}
}

// tell says one thing, to people or to programs.
func (s *shift) tell(kind string, v any, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.json {
		_ = s.emit(kind, v, nil) // run looks whether stdout took it
		return
	}
	s.note(format, args...)
}

// once reports whether something was not said before.
func (s *shift) once(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.said[what]
	s.said[what] = true
	return first
}

// operation is that of a job, if the keys of who sends it are here.
func (s *shift) operation(ctx context.Context, name string, h ledger.Head) (bulk.Operation, ledgerKey, error) {
	m := s.merchants[h.Sender]
	if m == nil {
		s.mu.Lock()
		s.lacks[h.Sender] = true
		s.mu.Unlock()
		return nil, nil, nil
	}
	o, key, err := s.of(ctx, m, name, h)
	if err == nil {
		err = fits(o.About(), h)
	}
	if ctx.Err() != nil || errors.Is(err, bulk.ErrAway) {
		return nil, nil, cmp.Or(err, ctx.Err())
	}
	if err != nil { // which may be mended
		why := oneLine(s.textOf(err))
		if s.once("job " + name + why) {
			s.tell("left_out", outOf{name, h.Sender, why}, s.t("job %s is left to other workers: %s", "任务 %s 留给其他 worker：%s"), name, why)
		}
		return nil, nil, err
	}
	s.join(name, h.Sender)
	return o, key, nil
}

// An outOf is a job that a worker leaves to others.
type outOf struct {
	Job    string `json:"job"`
	Sender string `json:"sender"`
	Why    string `json:"reason,omitzero"`
}

// of finds the operation by the command line with which the job was begun.
func (s *shift) of(ctx context.Context, m *app, name string, h ledger.Head) (bulk.Operation, ledgerKey, error) {
	r, err := s.store.record(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if len(r.Inputs) == 0 {
		return nil, nil, fail(exitUsage, "it is not written down how it is run", "没有其运行参数记录")
	}
	return m.operationOf(ctx, r.Inputs[0].Args, name, h.Settings)
}

// fits compares an operation with what the ledger says of the job.
func fits(about bulk.About, h ledger.Head) error {
	switch {
	case about.Name != h.Operation:
		return &bulk.OtherJobError{What: "operation", Was: h.Operation, Is: about.Name}
	case about.Sender != h.Sender:
		return &bulk.OtherJobError{What: "merchant", Was: h.Sender, Is: about.Sender}
	case !maps.Equal(about.Settings, h.Settings) && len(about.Settings)+len(h.Settings) > 0:
		return &bulk.OtherJobError{What: "settings", Was: fmt.Sprint(h.Settings), Is: fmt.Sprint(about.Settings)}
	}
	return nil
}

func (s *shift) join(name, sender string) {
	s.mu.Lock()
	_, known := s.jobs[name]
	s.jobs[name] = sender
	s.mu.Unlock()
	if !known {
		s.tell("joined", outOf{Job: name, Sender: sender}, s.t("job %s of %s: takes part", "任务 %s（%s）：开始参与"), name, sender)
	}
}

// turn is told what became of a chunk.
func (s *shift) turn(t bulk.Turn) {
	s.mu.Lock()
	s.rows += t.Rows
	sender := s.jobs[t.Job]
	s.mu.Unlock()
	s.join(t.Job, sender)
	if t.Err == nil || errors.Is(t.Err, context.Canceled) {
		return
	}
	if stop, ok := asStop(t.Err); ok && (stop.Why == bulk.WhyInterrupted || stop.Why == bulk.WhyLimit) {
		return
	}
	why := oneLine(s.textOf(t.Err))
	if s.once("trouble " + t.Job + why) {
		s.tell("trouble", outOf{t.Job, sender, why}, s.t("job %s: %s", "任务 %s：%s"), t.Job, why)
	}
}

// look tells which jobs it takes no more part in, whether the store can be reached, and now and then how it goes.
func (s *shift) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*shiftLooks)
	defer cancel()
	workers, err := s.store.Workers(ctx)
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.jobs))
	s.mu.Unlock()
	for _, name := range names {
		if err != nil {
			break
		}
		err = s.leave(ctx, name)
	}
	if away := errors.Is(err, bulk.ErrAway); away != s.away && (away || err == nil) {
		s.away = away
		if away {
			why := awayBecause(err)
			s.tell("store", awayInfo{true, why}, s.t("the store cannot be reached (%s); nothing is sent until it is back", "无法连接存储（%s）；恢复前不会发送任何内容"), why)
		} else {
			s.tell("store", awayInfo{}, s.t("the store is back", "存储已恢复"))
		}
	}
	s.mu.Lock()
	lacks := slices.Sorted(maps.Keys(s.lacks))
	more := len(lacks) > s.lacking
	s.lacking = len(lacks)
	s.mu.Unlock()
	if more {
		s.tell("no_keys", struct {
			Senders []string `json:"senders"`
		}{lacks}, s.t("jobs wait for workers with the keys of %s, which are not here", "有任务在等待持有以下商户密钥的 worker，本机没有：%s"), few(lacks))
	}
	if now := time.Now(); err == nil && now.Sub(s.told.at) >= shiftTells {
		host, _ := os.Hostname()
		var taken int64
		for _, w := range workers {
			if w.Host == host && w.PID == os.Getpid() {
				taken += w.Taken
			}
		}
		s.goes(now, taken, len(workers))
	}
}

type awayInfo struct {
	Away bool   `json:"away"`
	Why  string `json:"reason,omitzero"`
}

// leave tells that workers have nothing more to do for a job.
func (s *shift) leave(ctx context.Context, name string) error {
	known, err := s.store.Standing(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // forgotten
	case err != nil:
		return err
	case known.Open || known.Taken > 0:
		return nil
	}
	s.mu.Lock()
	delete(s.jobs, name)
	s.mu.Unlock()
	stop := stopInfoOf(known.Stopped)
	v := struct {
		Job string `json:"job"`
		bulk.Sums
		Stopped *stopInfo `json:"stopped,omitempty"`
	}{name, known.Sums, stop}
	if stop != nil {
		s.tell("left", v, s.t("job %s: takes no more part; %s", "任务 %s：不再参与；%s"), name, s.t(stop.Said, stop.SaidZh))
		return nil
	}
	s.tell("left", v, s.t("job %s: nothing is left for workers: %s", "任务 %s：没有可处理的行：%s"), name, s.sum(known.Sums, 0))
	return nil
}

// goes tells how it goes; while it has nothing to do, once.
func (s *shift) goes(now time.Time, taken int64, workers int) {
	s.mu.Lock()
	rows, jobs := s.rows, len(s.jobs)
	rate := float64(rows-s.told.rows) / now.Sub(s.told.at).Seconds()
	idle := jobs == 0 && rate == 0
	again := idle && s.told.idle
	s.told.at, s.told.rows, s.told.idle = now, rows, idle
	s.mu.Unlock()
	if again && !s.json {
		return
	}
	v := struct {
		Jobs    int     `json:"jobs"`
		Taken   int64   `json:"chunks_taken"`
		Rate    float64 `json:"rate"` // rows a second
		Rows    int64   `json:"rows"`
		Workers int     `json:"workers"`
	}{jobs, taken, rate, rows, workers}
	if idle {
		s.tell("progress", v, s.t("nothing to do just now; workers alive: %d", "暂无可处理的任务；存活的 worker 共 %d 个"), workers)
		return
	}
	s.tell("progress", v, s.t("jobs: %d, chunks: %d of %d, %.1f rows/s, %s rows so far; workers alive: %d", "%d 个任务，分块 %d / %d：%.1f 行/秒，累计 %s 行；存活的 worker 共 %d 个"), jobs, taken, s.chunks, rate, grouped(rows), workers)
}

// few names the first of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s … (%d)", strings.Join(names[:most], ", "), len(names))
}
