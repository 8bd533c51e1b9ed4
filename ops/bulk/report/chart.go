package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Size of the chart in the units of its SVG, and the frame of its plot.
const (
	chartWidth, chartHeight      = 960.0, 300.0
	plotLeft, plotRight          = 64.0, 944.0
	plotTop, plotBottom          = 16.0, 236.0
	throttleTop, throttleBottom  = 244.0, 268.0
	chartBuckets                 = 220
	shortestPause                = 90 * time.Second // between two runs
	pauseWidth                   = 14.0
	rateRules                    = 4
	minutesOfOneRun, fewestTicks = time.Minute, 2
)

// A chart is rate and throttling over the time in which a job ran; pauses between runs are cut short.
type chart struct {
	Rate, Area, Ceiling string // paths
	Bars                []bar  // of throttled answers
	Rules               []rule // across, with a rate
	Marks               []rule // upright, with a time
	Pauses              []float64
	Peak, Mean          string
	Rows                []chartRow // the same as a table
}

type bar struct{ X, Y, Width, Height float64 }

type rule struct {
	At     float64
	Label  string
	Anchor string
}

type chartRow struct {
	From            string
	Rate, Ceiling   string
	Throttled, Rows string
}

// A span is the time between two ticks of one run.
type span struct {
	from, to  time.Time
	start     float64 // seconds of running before it
	pauses    int     // before it
	rows      float64
	throttled int64
	ceiling   float64
}

func (s span) seconds() float64 { return s.to.Sub(s.from).Seconds() }

// spans of ticks, without the pauses.
func spans(ticks []Tick) (list []span) {
	ticks = slices.SortedStableFunc(slices.Values(ticks), func(a, b Tick) int { return a.At.Compare(b.At) })
	pause := shortestPause
	if len(ticks) > fewestTicks {
		var steps []time.Duration
		for i := range ticks[1:] {
			steps = append(steps, ticks[i+1].At.Sub(ticks[i].At))
		}
		slices.Sort(steps)
		pause = max(pause, 5*steps[len(steps)/2])
	}
	var seconds float64
	pauses := 0
	for i := 1; i < len(ticks); i++ {
		a, b := ticks[i-1], ticks[i]
		d := b.At.Sub(a.At)
		if d <= 0 {
			continue
		}
		if d > pause {
			if len(list) > 0 {
				pauses++
			}
			continue
		}
		throttled := b.Throttled - a.Throttled
		if throttled < 0 { // another run began
			throttled = b.Throttled
		}
		rows := max(0, b.Done+b.Rejected-a.Done-a.Rejected)
		list = append(list, span{a.At, b.At, seconds, pauses, float64(rows), throttled, b.Ceiling})
		seconds += d.Seconds()
	}
	return list
}

// merge makes few spans of many, never over a pause.
func merge(list []span) (merged []span) {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	width := (last.start + last.seconds()) / chartBuckets
	for _, s := range list {
		if n := len(merged); n > 0 {
			m := &merged[n-1]
			if m.pauses == s.pauses && m.seconds() < width {
				m.to, m.rows, m.throttled = s.to, m.rows+s.rows, m.throttled+s.throttled
				m.ceiling = min(m.ceiling, s.ceiling)
				continue
			}
		}
		merged = append(merged, s)
	}
	return merged
}

// draw makes the chart; nil if there is nothing to draw.
func draw(ticks []Tick) *chart {
	list := merge(spans(ticks))
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	total := last.start + last.seconds()
	wide := plotRight - plotLeft - float64(last.pauses)*pauseWidth
	x := func(s span, seconds float64) float64 {
		return plotLeft + (s.start+seconds)/total*wide + float64(s.pauses)*pauseWidth
	}
	var top, rows float64
	var most int64
	for _, s := range list {
		top = max(top, s.rows/s.seconds())
		most = max(most, s.throttled)
		rows += s.rows
	}
	c := &chart{Peak: rate(top), Mean: rate(rows / total)}
	for _, s := range list {
		if s.ceiling <= 4*top { // a ceiling far above would make the rate a line on the ground
			top = max(top, s.ceiling)
		}
	}
	top = nice(top)
	y := func(v float64) float64 { return plotBottom - min(v/top, 1.04)*(plotBottom-plotTop) }

	for i := range rateRules + 1 {
		v := top * float64(i) / rateRules
		c.Rules = append(c.Rules, rule{At: y(v), Label: rate(v)})
	}
	var line, area, ceiling strings.Builder
	for i, s := range list {
		a, b, v := x(s, 0), x(s, s.seconds()), y(s.rows/s.seconds())
		first := i == 0 || list[i-1].pauses != s.pauses
		final := i == len(list)-1 || list[i+1].pauses != s.pauses
		if first {
			fmt.Fprintf(&line, "M%.1f %.1f", a, v)
			fmt.Fprintf(&area, "M%.1f %.1fV%.1f", a, plotBottom, v)
			if i > 0 {
				c.Pauses = append(c.Pauses, a-pauseWidth/2)
			}
		}
		fmt.Fprintf(&line, "L%.1f %.1f", (a+b)/2, v)
		fmt.Fprintf(&area, "L%.1f %.1f", (a+b)/2, v)
		if final {
			fmt.Fprintf(&line, "L%.1f %.1f", b, v)
			fmt.Fprintf(&area, "L%.1f %.1fV%.1fZ", b, v, plotBottom)
		}
		if s.ceiling > 0 {
			fmt.Fprintf(&ceiling, "M%.1f %.1fH%.1f", a, y(s.ceiling), b)
		}
		if s.throttled > 0 {
			h := max(2, float64(s.throttled)/float64(most)*(throttleBottom-throttleTop))
			c.Bars = append(c.Bars, bar{X: a, Y: throttleBottom - h, Width: max(1.5, b-a), Height: h})
		}
	}
	c.Rate, c.Area, c.Ceiling = line.String(), area.String(), ceiling.String()
	c.Marks = marks(list, x)
	c.Rows = tabled(list)
	return c
}

// marks are times below the chart: where each run began, as far as they do not run into each other, and the end.
func marks(list []span, x func(span, float64) float64) (m []rule) {
	last := list[len(list)-1]
	layout := "01-02 15:04"
	if last.to.Sub(list[0].from) < minutesOfOneRun {
		layout = "15:04:05"
	}
	const apart = 90
	end := x(last, last.seconds())
	m = append(m, rule{plotLeft, list[0].from.Format(layout), "start"})
	for i := 1; i < len(list); i++ {
		s := list[i]
		at := x(s, 0)
		begins := s.pauses != list[i-1].pauses
		if (begins || at-m[len(m)-1].At > 2*apart) && at-m[len(m)-1].At > apart && end-at > 1.5*apart {
			m = append(m, rule{at, s.from.Format(layout), "middle"})
		}
	}
	return append(m, rule{end, last.to.Format(layout), "end"})
}

// tabled is the chart in 12 lines at most, for those who do not see it.
func tabled(list []span) (rows []chartRow) {
	const lines = 12
	for chunk := range slices.Chunk(list, (len(list)+lines-1)/lines) {
		var seconds, done float64
		var throttled int64
		ceiling := math.Inf(1)
		for _, s := range chunk {
			seconds, done, throttled, ceiling = seconds+s.seconds(), done+s.rows, throttled+s.throttled, min(ceiling, s.ceiling)
		}
		r := chartRow{From: chunk[0].from.Format(minute), Rate: rate(done / seconds), Rows: Grouped(int64(done)), Throttled: Grouped(throttled), Ceiling: "–"}
		if ceiling > 0 {
			r.Ceiling = rate(ceiling)
		}
		rows = append(rows, r)
	}
	return rows
}

// nice rounds up to 1, 2, 2.5 or 5 times a power of ten.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if v <= m*p*1.0001 {
			return m * p
		}
	}
	return 10 * p
}

// rate spells rows or calls a second.
func rate(v float64) string {
	switch {
	case v >= 100:
		return Grouped(int64(math.Round(v)))
	case v >= 10:
		return trim(fmt.Sprintf("%.1f", v))
	}
	return trim(fmt.Sprintf("%.2f", v))
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
