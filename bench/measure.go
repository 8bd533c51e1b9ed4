package bench

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Sample is what one operation took, on average over one run.
type Sample struct {
	Time   time.Duration
	Bytes  float64
	Allocs float64
}

// run does op n times on so many goroutines. Bytes and Allocs are those of the whole process, so the
// server's are among them, for everybody alike.
func run(n, goroutines int, op func() error) (Sample, error) {
	var before, after runtime.MemStats
	var left atomic.Int64
	var failed atomic.Pointer[error]
	left.Store(int64(n))
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	var team sync.WaitGroup
	for range goroutines {
		team.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	team.Wait()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err := failed.Load(); err != nil {
		return Sample{}, *err
	}
	return Sample{
		Time:   took / time.Duration(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// A Plan says how often and how wide a job is measured.
type Plan struct {
	Rounds     int
	Goroutines int
	For        time.Duration // roughly, for each contender and round
}

// Compare measures ops in turns, so that whatever else the machine does meets them alike. The result has a
// list of samples, one a round, for each op.
func Compare(plan Plan, ops ...func() error) ([][]Sample, error) {
	n := make([]int, len(ops))
	for i, op := range ops {
		start := time.Now()
		if err := op(); err != nil { // warms up as well
			return nil, fmt.Errorf("contender %d: %w", i, err)
		}
		if err := op(); err != nil {
			return nil, fmt.Errorf("contender %d: %w", i, err)
		}
		n[i] = max(int(plan.For/(time.Since(start)/2+1)), plan.Goroutines)
	}
	samples := make([][]Sample, len(ops))
	for round := range plan.Rounds {
		for turn := range ops {
			i := (round + turn) % len(ops)
			s, err := run(n[i], plan.Goroutines, ops[i])
			if err != nil {
				return nil, fmt.Errorf("contender %d: %w", i, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	return samples, nil
}

// A Figure is a median with its spread over the rounds.
type Figure struct{ Median, Min, Max float64 }

// Ratio is how often base goes into of, round by round.
func Ratio(of, base []Sample, what func(Sample) float64) Figure {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = what(of[i]) / what(base[i])
	}
	return figure(ratios)
}

// Of is the figure of what over samples.
func Of(samples []Sample, what func(Sample) float64) Figure {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = what(s)
	}
	return figure(values)
}

func figure(values []float64) Figure {
	slices.Sort(values)
	n := len(values)
	return Figure{(values[n/2] + values[(n-1)/2]) / 2, values[0], values[n-1]}
}

// Time, Bytes and Allocs are what can be asked of a sample.
func Time(s Sample) float64   { return float64(s.Time) }
func Bytes(s Sample) float64  { return s.Bytes }
func Allocs(s Sample) float64 { return s.Allocs }
