package main

import (
	"math"
	"slices"
	"time"
)

// A Report is what a simulation found.
type Report struct {
	Rows, Left int64
	Time       time.Duration
	Events     int64

	Turns    int64
	Empty    int64 // chunks that were taken and given back, since no place was free in time
	Inserts  int64 // into River
	Orphans  int64 // chunks of workers that died
	Repeated int64 // calls that were under way then

	Jain, Worst float64 // fairness of a minute: in the middle, and of the worst one
	Ten         float64 // of the worst ten minutes
	Depth, Deep float64 // chunks in River that no worker has: on average, and at most
	Taken       float64 // chunks that wait for a place, on average
	Running     float64 // chunks that are worked on, on average

	Waits      Spread // of a chunk that is due and chosen, until its turn
	Gaps       Spread // of a job, between its turns
	Recoveries Spread // of a chunk whose worker died, until its next turn
	Jobs       []Ended

	Calls, Leases, Lost int64   // of the merchants that are simulated call by call
	Most                int     // of their calls in any second
	Used                float64 // part of their rate

	jains                       []float64
	waits, gaps, recoveries     spread
	samples, depth, taken, runs float64
}

// Ended is a job: when it began, when its first turn was, and when it ended; negative: not yet.
type Ended struct {
	Order
	First, End time.Duration
}

// tick looks around once a minute.
func (w *world) tick() {
	var minute, ten []float64
	for _, m := range w.merchants {
		for _, c := range m.active {
			w.settle(c)
		}
		m.ten += m.minute
		if m.open > 0 && m.since <= w.now-time.Minute {
			minute = append(minute, m.minute)
			if m.since <= w.now-10*time.Minute {
				ten = append(ten, m.ten)
			}
		}
		if m.minute = 0; w.now%(10*time.Minute) == 0 {
			m.ten = 0
		}
	}
	w.jains = append(w.jains, jain(minute))
	if w.now%(10*time.Minute) == 0 && len(ten) > 1 {
		w.Ten = min(w.Ten, jain(ten))
	}
	depth := 0
	for _, j := range w.jobs {
		depth += len(j.queue)
	}
	taken, runs := 0, 0
	for _, k := range w.workers {
		if k.alive {
			taken, runs = taken+len(k.chunks)-len(k.having), runs+len(k.having)
		}
	}
	w.samples++
	w.depth += float64(depth)
	w.taken += float64(taken)
	w.runs += float64(runs)
	w.Deep = max(w.Deep, float64(depth))
	w.after(time.Minute, w.tick)
}

// jain is Jain's index of fairness: 1 if all have the same, 1/n if one has everything.
func jain(list []float64) float64 {
	var sum, squares float64
	for _, v := range list {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / float64(len(list)) / squares
}

func (w *world) report() *Report {
	r := &w.Report
	r.Rows, r.Time = w.rows, w.now
	for _, j := range w.jobs {
		r.Left += j.left
		r.Jobs = append(r.Jobs, Ended{j.order, j.first, j.ended})
	}
	could := 0.0
	for _, m := range w.merchants {
		if m.route == nil || w.Rate == 0 {
			continue
		}
		from, to := w.now, time.Duration(0)
		for _, j := range w.jobs {
			if j.merchant == m {
				from = min(from, j.order.Start)
				if to = max(to, j.ended); j.ended < 0 {
					to = w.now
				}
			}
		}
		could += w.Rate * max(to-from, 0).Seconds()
	}
	for _, m := range w.merchants {
		if m.route != nil {
			r.Calls, r.Leases, r.Lost, r.Most = r.Calls+m.route.calls, r.Leases+m.route.leases, r.Lost+m.route.lost, max(r.Most, m.route.most)
		}
	}
	r.Used = float64(r.Calls) / max(could, 1)
	r.Jain, r.Worst = 1, 1
	if slices.Sort(r.jains); len(r.jains) > 0 {
		r.Jain, r.Worst = r.jains[len(r.jains)/2], r.jains[0]
	}
	r.Depth, r.Taken, r.Running = r.depth/max(r.samples, 1), r.taken/max(r.samples, 1), r.runs/max(r.samples, 1)
	r.Waits, r.Gaps, r.Recoveries = r.waits.of(), r.gaps.of(), r.recoveries.of()
	return r
}

// A Spread is how long things took: in the middle, one of a hundred, and the longest.
type Spread struct {
	Count          int64
	Half, P99, Max time.Duration
}

// A spread counts times by size, to 5 %.
type spread struct {
	counts [512]int64
	most   time.Duration
}

func (s *spread) add(d time.Duration) {
	i := 0
	if d > time.Millisecond {
		i = min(1+int(math.Log(float64(d)/float64(time.Millisecond))/math.Log(1.05)), len(s.counts)-1)
	}
	s.counts[i]++
	s.most = max(s.most, d)
}

func (s *spread) of() (is Spread) {
	for _, n := range s.counts {
		is.Count += n
	}
	at := func(part float64) time.Duration {
		left := int64(math.Ceil(float64(is.Count) * part))
		for i, n := range s.counts {
			if left -= n; left <= 0 {
				return min(time.Duration(float64(time.Millisecond)*math.Pow(1.05, float64(i))), s.most)
			}
		}
		return s.most
	}
	is.Half, is.P99, is.Max = at(0.5), at(0.99), s.most
	return is
}
