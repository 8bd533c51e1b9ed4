package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk"
	bulkreport "github.com/wxpay-go/wxpay/ops/bulk/report"
)

// interval is how often progress is told where nobody looks at a terminal.
const interval = 10 * time.Second

// patience is how often the same wait is told.
const patience = 10 * time.Minute

// A watch tells how a job stands while it runs: a bar on a terminal, else a line now and then, and lines of JSON with
// --json.
type watch struct {
	a    *app
	name string

	mu    sync.Mutex
	told  time.Time
	phase bulk.Phase
	until time.Time

	failing bool // when it was last observed
	why     wxpay.Hint
	whyTold time.Time

	now  atomic.Pointer[bulk.Progress]
	bars *mpb.Progress
	bar  *mpb.Bar
}

func (a *app) watch(name string) *watch {
	w := &watch{a: a, name: name, told: time.Now(), phase: bulk.PhaseChecking} // that it is checked is told when it takes long
	w.now.Store(&bulk.Progress{Phase: bulk.PhaseChecking})
	if a.quiet || a.json || !terminal(a.stderr) {
		return w
	}
	w.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(28), mpb.WithRefreshRate(500*time.Millisecond))
	style := mpb.BarStyle()
	w.bar = w.bars.New(0, style, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return name + " " })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + a.inLine(*w.now.Load()) })),
	)
	return w
}

// observe is told about once a second.
func (w *watch) observe(p bulk.Progress) {
	w.now.Store(&p)
	w.trouble(p.Err)
	if w.bar != nil {
		w.bar.SetTotal(max(p.Rows, 1), false)
		w.bar.SetCurrent(min(p.Done+p.Rejected+p.Skipped, max(p.Rows-1, 0))) // a full bar would go away
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case p.Phase == bulk.PhaseEnded && w.a.json:
	case p.Phase == bulk.PhaseEnded, p.Phase == w.phase && time.Since(w.told) < interval,
		p.Phase == bulk.PhaseWaiting && p.Phase == w.phase && p.Until.Equal(w.until) && time.Since(w.told) < patience:
		return
	}
	// sending and waiting alternate: a change between them is not worth a line of its own
	if time.Since(w.told) < interval && (p.Phase == bulk.PhaseSending || p.Phase == bulk.PhaseWaiting) && (w.phase == bulk.PhaseSending || w.phase == bulk.PhaseWaiting) {
		return
	}
	w.told, w.phase, w.until = time.Now(), p.Phase, p.Until
	if w.a.json {
		if !w.a.quiet {
			_ = w.a.emit("progress", progressOf(w.name, p), nil)
		}
		return
	}
	w.a.note("%s: %s", w.name, w.a.inLine(p))
}

// note writes a line above the bar.
func (w *watch) note(text string) {
	if w.bars != nil {
		_, _ = w.bars.Write([]byte(text + "\n"))
		return
	}
	w.mu.Lock() // the job is observed at the same time
	defer w.mu.Unlock()
	w.a.note("%s", text)
}

// emit gives one piece of data to stdout between two lines of progress.
func (w *watch) emit(kind string, v any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.a.emit(kind, v, nil)
}

// close ends the bar, so that what is said next stands on a line of its own.
func (w *watch) close() {
	if w.bar != nil {
		w.bar.Abort(true)
		w.bars.Wait()
	}
}

// inLine is how a job stands, in one line.
func (a *app) inLine(p bulk.Progress) string {
	switch p.Phase {
	case bulk.PhaseChecking:
		return fmt.Sprintf(a.t("checking the input, %s rows read", "正在检查输入，已读取 %s 行"), grouped(p.Checked))
	case bulk.PhaseStaging:
		return fmt.Sprintf(a.t("staging, %s rows", "正在登记，共 %s 行"), grouped(p.Rows))
	}
	parts := []string{fmt.Sprintf(a.t("%s of %s done", "已完成 %s / %s 行"), grouped(p.Done), grouped(p.Rows))}
	add := func(n int64, english, chinese string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(a.t(english, chinese), grouped(n)))
		}
	}
	add(p.Rejected, "%s rejected", "拒绝 %s")
	add(p.Unknown, "%s unknown", "结果未知 %s")
	add(p.Skipped, "%s skipped", "跳过 %s")
	add(p.Throttled, "throttled %s times", "被限流 %s 次")
	if p.Phase == bulk.PhaseWaiting {
		if p.Until.IsZero() {
			parts = append(parts, a.t("waiting", "等待中"))
		} else {
			parts = append(parts, fmt.Sprintf(a.t("waiting until %s", "等待至 %s"), goesOn(p.Until)))
		}
		return strings.Join(parts, a.t(", ", "，"))
	}
	if p.Step != "" {
		parts = append(parts, a.stepWord(p.Step))
	}
	parts = append(parts, fmt.Sprintf(a.t("%.1f rows/s", "%.1f 行/秒"), p.Rate))
	if p.ETA > 0 {
		parts = append(parts, fmt.Sprintf(a.t("%s to go", "剩余约 %s"), short(p.ETA)))
	}
	return strings.Join(parts, a.t(", ", "，"))
}

// trouble tells why calls fail, if they have for a second or more: once for each reason, and not too often.
func (w *watch) trouble(err error) {
	before := w.failing
	w.failing = err != nil
	if why := troubleOf(err); before && w.failing && why != w.why && time.Since(w.whyTold) >= interval && !w.a.json {
		w.why, w.whyTold = why, time.Now()
		if errors.Is(err, bulk.ErrAway) {
			w.note(w.name + w.a.t(": ", "：") + w.a.t(why.English, why.Chinese))
			return
		}
		w.note(fmt.Sprintf(w.a.t("%s: calls fail: %s", "%s：请求失败：%s"), w.name, w.a.t(why.English, why.Chinese)))
	}
}

// troubleOf is why a call failed, in a line each; empty if none did.
func troubleOf(err error) wxpay.Hint {
	if err == nil {
		return wxpay.Hint{}
	}
	if errors.Is(err, bulk.ErrAway) {
		why := awayBecause(err)
		return wxpay.Hint{English: "the store cannot be reached: " + why, Chinese: "无法连接存储：" + why}
	}
	said := platform(err).said
	english := bulk.Masked(cmp.Or(said.English, err.Error()))
	return wxpay.Hint{English: english, Chinese: cmp.Or(bulk.Masked(said.Chinese), english)}
}

// progressOf is a line of JSON about how a job stands.
func progressOf(name string, p bulk.Progress) any {
	return struct {
		Job string `json:"job"`
		bulk.Sums
		Phase     bulk.Phase `json:"phase"`
		Step      string     `json:"step,omitzero"`
		Rate      float64    `json:"rate"`
		Ceiling   float64    `json:"ceiling,omitzero"`
		Throttled int64      `json:"throttled"`
		Repeated  int64      `json:"repeated"`
		ETA       float64    `json:"eta_seconds,omitzero"`
		Until     *time.Time `json:"until,omitempty"`
		Checked   int64      `json:"checked,omitzero"`
		Trouble   string     `json:"trouble,omitzero"` // why calls fail, while none succeeds
	}{name, p.Sums, p.Phase, p.Step, p.Rate, p.Ceiling, p.Throttled, p.Repeated, p.ETA.Seconds(), momentOf(p.Until), p.Checked, troubleOf(p.Err).English}
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func grouped(n int64) string { return bulkreport.Grouped(n) }

// short is a duration in its two largest units.
func short(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// goesOn is a moment of today by its time alone.
func goesOn(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}
