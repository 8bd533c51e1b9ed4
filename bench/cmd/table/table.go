package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/bench"
)

// A table is the figures measured so far.
type table struct {
	platform *bench.Platform
	dir      string
	rounds   int
	each     time.Duration
	lines    int // to encrypt for real
	most     int // to encrypt for free
	rows     []row
}

type row struct {
	what                                      string
	floor, length, sdk, official, gopay, goal string
}

func (t *table) add(r row) {
	fmt.Fprintln(os.Stderr, r.line())
	t.rows = append(t.rows, r)
}

func (t *table) write(w io.Writer) {
	fmt.Fprintln(w, row{"", "floor", "second floor", "wxpay", "wechatpay-go", "gopay", "goal"}.line())
	fmt.Fprintln(w, "|---"+strings.Repeat("|---", 6)+"|")
	for _, r := range t.rows {
		fmt.Fprintln(w, r.line())
	}
}

func (r row) line() string {
	cells := []string{r.what, r.floor, r.length, r.sdk, r.official, r.gopay, r.goal}
	return "| " + strings.Join(cells, " | ") + " |"
}

// goal says whether a figure reached what it should.
func goal(text string, reached bool) string {
	if reached {
		return text + " ✓"
	}
	return text + " ✗"
}

func (t *table) calls() error {
	all, err := bench.Contenders(t.platform.Access)
	if err != nil {
		return err
	}
	ctx := context.Background()
	jobs := []struct {
		what string
		do   func(bench.Contender) func() error
		most float64 // allocations over the floor; 0: no goal
	}{
		{"signed GET", func(c bench.Contender) func() error { return func() error { return c.Get(ctx) } }, 30},
		{"POST, one encrypted field", func(c bench.Contender) func() error { return func() error { return c.Post(ctx) } }, 20},
		{"notification", func(c bench.Contender) func() error {
			n := t.platform.Notification()
			return func() error { return c.Notify(n.Request()) }
		}, 0},
	}
	for _, job := range jobs {
		var ops []func() error
		for _, c := range all {
			ops = append(ops, job.do(c))
		}
		var samples [][]bench.Sample
		for _, goroutines := range []int{4 * runtime.GOMAXPROCS(0), 1} {
			samples, err = bench.Compare(bench.Plan{Rounds: t.rounds, Goroutines: goroutines, For: t.each}, ops...)
			if err != nil {
				return fmt.Errorf("%s: %w", job.what, err)
			}
			r := times(job.what+", time, "+width(goroutines), samples)
			if job.most > 0 {
				noise := bench.Ratio(samples[1], samples[0], bench.Time).Max // the same floor twice
				r.goal = goal("within noise", bench.Ratio(samples[2], samples[0], bench.Time).Median <= noise)
			}
			t.add(r)
		}
		r := beyond(job.what+", allocations", samples, bench.Allocs, 0, 1)
		if over := bench.Of(samples[2], bench.Allocs).Median - bench.Of(samples[0], bench.Allocs).Median; job.most > 0 {
			r.goal = goal(fmt.Sprintf("≤ +%.0f", job.most), over <= job.most)
		}
		t.add(r)
		t.add(beyond(job.what+", KiB", samples, bench.Bytes, 1, 1<<10))
	}
	return nil
}

func width(goroutines int) string {
	if goroutines == 1 {
		return "one by one"
	}
	return fmt.Sprintf("%d at once", goroutines)
}

// fill makes a row of a cell for each contender: both floors, this SDK and its peers.
func fill(what string, cell func(i int) string) row {
	return row{what, cell(0), cell(1), cell(2), cell(3), cell(4), ""}
}

// times makes a row of ratios to the first samples.
func times(what string, s [][]bench.Sample) row {
	return fill(what, func(i int) string {
		if i == 0 {
			return "1.00 = " + short(time.Duration(bench.Of(s[0], bench.Time).Median))
		}
		return ratio(bench.Ratio(s[i], s[0], bench.Time))
	})
}

// beyond makes a row of what is taken beyond the first samples.
func beyond(what string, s [][]bench.Sample, of func(bench.Sample) float64, digits int, unit float64) row {
	floor := bench.Of(s[0], of).Median / unit
	return fill(what, func(i int) string {
		if i == 0 {
			return fmt.Sprintf("%.*f", digits, floor)
		}
		text := fmt.Sprintf("%+.*f", digits, bench.Of(s[i], of).Median/unit-floor)
		if strings.Trim(text, "-0.") == "" {
			return "+" + text[1:] // no minus before zero
		}
		return text
	})
}

// totals makes a row of what is taken in all.
func totals(what string, s [][]bench.Sample, of func(bench.Sample) float64, digits int, unit float64) row {
	return fill(what, func(i int) string { return fmt.Sprintf("%.*f", digits, bench.Of(s[i], of).Median/unit) })
}

func ratio(f bench.Figure) string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", f.Median, f.Min, f.Max)
}

// short rounds to three digits.
func short(d time.Duration) string {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

const upload = "upload.bin"

func (t *table) uploads() error {
	all, err := bench.Contenders(t.platform.Access)
	if err != nil {
		return err
	}
	for _, size := range []int{1, 16, 100} {
		path := filepath.Join(t.dir, fmt.Sprint(size), upload)
		if err := writeFile(path, size<<20); err != nil {
			return err
		}
		var ops []func() error
		for _, c := range all {
			ops = append(ops, func() error { return c.Upload(context.Background(), path) })
		}
		var samples [][]bench.Sample
		what := fmt.Sprintf("upload of %d MiB", size)
		for _, goroutines := range []int{runtime.GOMAXPROCS(0), 1} {
			plan := bench.Plan{Rounds: t.rounds, Goroutines: goroutines, For: t.each / 2}
			if size == 100 && goroutines == 1 { // one upload a round: more rounds
				plan.Rounds *= 2
			}
			samples, err = bench.Compare(plan, ops...)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			r := times(what+", time, "+width(goroutines), samples)
			if size == 100 && goroutines == 1 {
				r.goal = goal("≤ 0.80", bench.Ratio(samples[2], samples[0], bench.Time).Median <= 0.80)
			}
			t.add(r)
		}
		t.add(totals(what+", allocations", samples, bench.Allocs, 0, 1))
		t.add(totals(what+", MiB allocated", samples, bench.Bytes, 1, 1<<20))
	}
	return nil
}

func writeFile(path string, size int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	block := []byte(strings.Repeat("0123456789abcdef", 4096))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for range size / len(block) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Close()
}

// memory uploads 100 MiB from a process of its own.
func (t *table) memory() error {
	path := filepath.Join(t.dir, "100", upload)
	if err := writeFile(path+".small", 1<<20); err != nil {
		return err
	}
	all, err := bench.Contenders(t.platform.Access)
	if err != nil {
		return err
	}
	resident, heap := make([]int64, len(all)), make([]int64, len(all))
	for i, c := range all {
		m, err := bench.Apart(t.platform.Access, c.Name, path, 0)
		if err != nil {
			return err
		}
		resident[i], heap[i] = m.Rise, m.Heap
	}
	r := fill("upload of 100 MiB, rise of resident memory, MiB", func(i int) string { return mib(resident[i]) })
	r.goal = goal("≤ 2", resident[2] <= 2<<20)
	t.add(r)
	t.add(fill("upload of 100 MiB, peak heap, MiB", func(i int) string { return mib(heap[i]) }))
	return nil
}

func mib(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

// alone makes a row of what has a floor at most.
func alone(what, floor, sdk, goal string) row {
	return row{what, floor, "–", sdk, "–", "–", goal}
}

// bankFiles encrypts numbers into files.
func (t *table) bankFiles() error {
	a := t.platform.Access
	samples, err := bench.Compare(bench.Plan{Rounds: 2 * t.rounds, Goroutines: 1}, a.BareOAEP(t.lines), a.Encrypt(t.lines))
	if err != nil {
		return err
	}
	speed := bench.Ratio(samples[0], samples[1], bench.Time)
	t.add(alone(fmt.Sprintf("bank files, %d numbers, speed, all cores", t.lines),
		fmt.Sprintf("1.00 = %.0f/s", float64(t.lines)/bench.Of(samples[0], bench.Time).Median*1e9),
		ratio(speed), goal("≥ 0.95", speed.Median >= 0.95)))
	m, err := bench.Apart(a, "encrypt", "", 5*t.lines)
	if err != nil {
		return err
	}
	t.add(alone(fmt.Sprintf("bank files, %d numbers, resident MiB", 5*t.lines), "–", mib(m.Resident), goal("≤ 32", m.Resident <= 32<<20)))
	for n := t.most / 100; n <= t.most; n *= 10 {
		m, err := bench.Apart(a, "encrypt for free", "", n)
		if err != nil {
			return err
		}
		t.add(alone(fmt.Sprintf("bank files, %d numbers, encryption left out", n), "–",
			fmt.Sprintf("%.0f ns a number, %s MiB resident", float64(m.Took)/float64(n), mib(m.Resident)), goal("≤ 32 MiB", m.Resident <= 32<<20)))
	}
	idle, err := bench.Import(10, 500*time.Millisecond)
	if err != nil {
		return err
	}
	t.add(alone("import of 10 bank files at 500 ms each, share of the time in which nothing is sent", "–", fmt.Sprintf("%.3f", idle), goal("≤ 0.05", idle <= 0.05)))
	return nil
}

// check looks through a zip of account lines.
func (t *table) check() error {
	path := filepath.Join(t.dir, "accounts.zip")
	lines, err := bench.WriteZip(path)
	if err != nil {
		return err
	}
	samples, err := bench.Compare(bench.Plan{Rounds: (t.rounds + 1) / 2, Goroutines: 1}, bench.Inflate(path), bench.Check(path))
	if err != nil {
		return err
	}
	speed := bench.Ratio(samples[0], samples[1], bench.Time)
	t.add(alone(fmt.Sprintf("TPNS check of a zip of 100 MB, %.1f million accounts, speed", float64(lines)/1e6),
		"1.00 = "+short(time.Duration(bench.Of(samples[0], bench.Time).Median)), ratio(speed), goal("≥ 0.80", speed.Median >= 0.80)))
	floor, err := bench.Apart(t.platform.Access, "inflate", path, 0)
	if err != nil {
		return err
	}
	m, err := bench.Apart(t.platform.Access, "check", path, 0)
	if err != nil {
		return err
	}
	t.add(alone("the same, rise of resident memory, MiB", mib(floor.Rise), mib(m.Rise), goal("≤ 2", m.Rise <= 2<<20)))
	return nil
}
