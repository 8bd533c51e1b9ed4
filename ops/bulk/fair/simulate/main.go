// Command simulate runs the scheduler of jobs on many machines in virtual time: the code that shares the places of a worker
// ([fair.Queue], [fair.Window]) and the rate of a merchant ([pace.Permits]), and the rules of bulk/postgres around them, for far
// more merchants, workers and rows than a test has.
//
// Turns are what is simulated: a chunk makes as many rows in one as its share of the merchant's rate allows. Of some merchants
// every permit and every call is.
//
//	go run ./bulk/fair/simulate                      all scenarios at full size
//	go run ./bulk/fair/simulate -scenario sizes -v   one, and more about it
package main

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Size is how much there is of everything.
type Size struct {
	Merchants, Workers int
	Rows               int64
}

// A Scenario makes a plan.
type Scenario struct {
	Name, About string
	Plan        func(Size) Plan
}

var scenarios = []Scenario{
	{"alike-5", "all merchants alike, 5 calls a second each", alike(5)},
	{"alike-50", "all merchants alike, 50 calls a second each", alike(50)},
	{"alike-100", "all merchants alike, 100 calls a second each", alike(100)},
	{"sizes", "sizes by Zipf, 50 calls a second each; a day of it", sizes},
	{"late", "one big job alone for ten minutes, then all others with 10,000 rows each", late},
	{"hundred", "one merchant with a hundred jobs beside others with one; 50 calls a second each", hundred},
	{"deaths", "as alike-50; 30 % of the workers die after ten minutes and 20 % join; half an hour of it", deaths},
	{"cpu", "as alike-50, and a worker makes 1,200 calls a second at most; half an hour of it", cpu},
	{"cpu-few", "as cpu, with a tenth of the workers", cpuFew},
	{"alone", "one merchant with one job on all workers, 5 calls a second; an hour of it", alone},
}

func base(s Size, rate float64) Plan {
	return Plan{Workers: s.Workers, Places: 16, Rate: rate, Answer: 200 * time.Millisecond, Exact: min(5, s.Merchants), Seed: 1}
}

func alike(rate float64) func(Size) Plan {
	return func(s Size) Plan {
		p := base(s, rate)
		for m := range s.Merchants {
			p.Jobs = append(p.Jobs, Order{Merchant: m, Rows: s.Rows / int64(s.Merchants)})
		}
		return p
	}
}

// sizes gives merchant n a part of 1/n^1.2, and the smallest 10,000 rows.
func sizes(s Size) Plan {
	p := base(s, 50)
	sum := 0.0
	for m := range s.Merchants {
		sum += math.Pow(float64(m+1), -1.2)
	}
	for m := range s.Merchants {
		n := s.Merchants - m // the small ones come first, so that they are among those simulated call by call
		p.Jobs = append(p.Jobs, Order{Merchant: m, Rows: max(10_000, int64(float64(s.Rows)*math.Pow(float64(n), -1.2)/sum))})
	}
	p.Until = 24 * time.Hour
	return p
}

func late(s Size) Plan {
	p := base(s, 50)
	p.Exact = 0
	p.Jobs = []Order{{Merchant: 0, Rows: s.Rows / 10}}
	for m := 1; m < s.Merchants; m++ {
		p.Jobs = append(p.Jobs, Order{Merchant: m, Rows: 10_000, Start: 10 * time.Minute})
	}
	p.Until = time.Hour
	return p
}

func hundred(s Size) Plan {
	p := base(s, 50)
	each := s.Rows / int64(s.Merchants)
	for range 100 {
		p.Jobs = append(p.Jobs, Order{Merchant: 0, Rows: max(each/100, 1)})
	}
	for m := 1; m < s.Merchants; m++ {
		p.Jobs = append(p.Jobs, Order{Merchant: m, Rows: each})
	}
	return p
}

func deaths(s Size) Plan {
	p := alike(50)(s)
	p.At, p.Die, p.Join, p.Until = 10*time.Minute, s.Workers*3/10, s.Workers/5, 30*time.Minute
	return p
}

func cpu(s Size) Plan {
	p := alike(50)(s)
	p.CPU, p.Exact, p.Until = 1200, 0, 30*time.Minute
	return p
}

func cpuFew(s Size) Plan {
	p := cpu(s)
	p.Workers = max(s.Workers/10, 1)
	return p
}

func alone(s Size) Plan {
	p := base(s, 5)
	p.Jobs = []Order{{Merchant: 0, Rows: s.Rows / int64(s.Merchants)}}
	p.Until = time.Hour
	return p
}

func main() {
	var s Size
	flag.IntVar(&s.Merchants, "merchants", 1000, "merchants")
	flag.IntVar(&s.Workers, "workers", 100, "workers")
	flag.Int64Var(&s.Rows, "rows", 1_000_000_000, "rows of all jobs together")
	only := flag.String("scenario", "", "run this one alone")
	until := flag.Duration("until", 0, "end after so much virtual time; 0: as the scenario has it")
	long := flag.Bool("v", false, "say more")
	flag.Parse()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	if !*long {
		fmt.Fprintln(table, strings.Join([]string{"scenario", "rows done", "in", "rows/s", "turns/s", "empty/s", "rows/turn", "Jain", "worst", "of 10 min", "queue", "most", "wait", "p99", "max", "gap p99", "max", ""}, "\t"))
	}
	for _, sc := range scenarios {
		if *only != "" && *only != sc.Name {
			continue
		}
		begun := time.Now()
		p := sc.Plan(s)
		p.Until = cmp.Or(*until, p.Until)
		r, err := Run(p)
		if err != nil {
			fmt.Fprintf(os.Stderr, "simulate: %s: %v\n", sc.Name, err)
			os.Exit(1)
		}
		if *long {
			fmt.Printf("%s: %s\n", sc.Name, sc.About)
			r.print(p)
			fmt.Printf("  simulated in %v, %d events\n", time.Since(begun).Round(time.Millisecond), r.Events)
			continue
		}
		done, seconds := float64(r.Rows-r.Left), r.Time.Seconds()
		fmt.Fprintf(table, "%s\t%.4g\t%s\t%.0f\t%.1f\t%.1f\t%.0f\t%.4f\t%.4f\t%.4f\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%s\t\n", sc.Name, done, brief(r.Time), done/seconds,
			float64(r.Turns)/seconds, float64(r.Empty)/seconds, done/float64(max(r.Turns, 1)), r.Jain, r.Worst, r.Ten, r.Depth+r.Taken, r.Deep,
			brief(r.Waits.Half), brief(r.Waits.P99), brief(r.Waits.Max), brief(r.Gaps.P99), brief(r.Gaps.Max))
	}
	table.Flush()
}

// brief is a time of three figures or so.
func brief(d time.Duration) string {
	switch {
	case d >= 3*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	case d >= 3*time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func (s Spread) String() string {
	return fmt.Sprintf("%s, p99 %s, max %s of %d", brief(s.Half), brief(s.P99), brief(s.Max), s.Count)
}

func (r *Report) print(p Plan) {
	seconds := r.Time.Seconds()
	fmt.Printf("  %d of %d rows in %s: %.0f a second\n", r.Rows-r.Left, r.Rows, brief(r.Time), float64(r.Rows-r.Left)/seconds)
	fmt.Printf("  fairness of rows a minute (Jain): %.4f, worst minute %.4f, worst ten minutes %.4f\n", r.Jain, r.Worst, r.Ten)
	fmt.Printf("  turns %.1f/s of %.1f rows, empty %.1f/s, put into River %.1f/s\n", float64(r.Turns)/seconds, float64(r.Rows-r.Left)/float64(max(r.Turns, 1)), float64(r.Empty)/seconds, float64(r.Inserts)/seconds)
	fmt.Printf("  chunks on average: %.0f in queues (%.0f at most), %.0f wait for a place, %.0f are worked on\n", r.Depth, r.Deep, r.Taken, r.Running)
	fmt.Printf("  a chunk waits %v\n  a job has no turn for %v\n", r.Waits, r.Gaps)
	if r.Recoveries.Count > 0 || r.Orphans > 0 {
		fmt.Printf("  %d chunks of workers that died went on after %v; %d calls were under way\n", r.Orphans, r.Recoveries, r.Repeated)
	}
	if r.Calls > 0 {
		fmt.Printf("  of %d merchants call by call: %d calls, %d in the worst second, %.1f %% of the rate, %.2f leases and %.3f permits lost a call\n",
			p.Exact, r.Calls, r.Most, 100*r.Used, float64(r.Leases)/float64(r.Calls), float64(r.Lost)/float64(r.Calls))
	}
	for _, bound := range []int64{10_000, 100_000, 1_000_000, 10_000_000, math.MaxInt64} { // jobs by size
		var first, slower []float64
		n, ended := 0, 0
		for _, j := range r.Jobs {
			if j.Rows > bound || j.Rows <= bound/10 && bound > 10_000 || bound == math.MaxInt64 && j.Rows <= 10_000_000 {
				continue
			}
			n++
			if j.First >= 0 {
				first = append(first, (j.First - j.Start).Seconds())
			}
			if j.End >= 0 {
				ended++
				slower = append(slower, (j.End-j.Start).Seconds()/(float64(j.Rows)/p.Rate))
			}
		}
		if n == 0 || len(p.Jobs) == 1 {
			continue
		}
		most := fmt.Sprintf("at most %d rows", bound)
		if bound == math.MaxInt64 {
			most = "more rows"
		}
		slices.Sort(first)
		slices.Sort(slower)
		at := func(list []float64, part float64) float64 {
			if len(list) == 0 {
				return math.NaN()
			}
			return list[int(part*float64(len(list)-1))]
		}
		fmt.Printf("  %d jobs of %s: first turn after %.1f s (p99 %.1f s), %d ended, after %.2f (p99 %.2f) of the time at full rate\n", n, most, at(first, 0.5), at(first, 0.99), ended, at(slower, 0.5), at(slower, 0.99))
	}
}
