package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/fair"
)

// The rules of a worker. Those of the database are SQL, so they stand here a second time.
const (
	lease     = 15 * time.Second // these six as in bulk/postgres/work.go
	beat      = lease / 5
	look      = time.Second
	slice     = 10 * time.Second
	perJob    = 4
	standby   = 5 * time.Second
	chunkRows = 500                    // as in bulk/input.go
	atOnce    = 16                     // calls of a chunk, unless the job says otherwise: bulk/run.go
	cooldown  = 100 * time.Millisecond // River's between two fetches from a queue
	space     = 1.02                   // permits are so much wider apart than the rate needs: bulk/pace/permits.go
)

// stuck is how long nothing moves where nothing will: the simulation, or what it simulates, is wrong.
const stuck = time.Hour

// A Plan is what is simulated.
type Plan struct {
	Workers, Places int           // places: chunks that a worker takes at a time
	Rate            float64       // calls a second of each merchant
	CPU             float64       // calls a second that a worker can make; 0: no bound
	Answer          time.Duration // how long a call takes
	Jobs            []Order
	Exact           int           // merchants, the first, of which every permit and call is simulated, not the share of a turn alone
	Die, Join       int           // workers that die and that join
	At              time.Duration // when they do
	Until           time.Duration // 0: until all is done
	Seed            uint64
}

// An Order is a job.
type Order struct {
	Merchant int
	Rows     int64
	Start    time.Duration
}

// A world is all workers, all merchants and the database between them, in virtual time: one event after the other.
type world struct {
	Plan
	random *rand.Rand
	now    time.Duration
	events heap[event]
	number uint64

	workers   []*worker
	merchants []*merchant
	jobs      []*job
	open      int // jobs
	rows      int64
	moved     time.Duration // when rows ended the last time

	Report
}

type event struct {
	at     time.Duration
	number uint64
	do     func()
}

func (e event) Before(o event) bool {
	return cmp.Or(cmp.Compare(e.at, o.at), cmp.Compare(e.number, o.number)) < 0
}

type worker struct {
	places  *fair.Queue
	tickets map[*fair.Ticket]*chunk
	chunks  []*chunk // it stands by for, or has
	hands   []int8   // chunks of each job among them
	having  []*chunk
	pacers  map[*merchant]*pacer
	alive   bool
	died    time.Duration
	expires time.Duration // its lease, once it is dead
	gone    bool          // and that was found out
}

type merchant struct {
	name   string
	active []*chunk
	open   int // jobs
	route  *route
	since  time.Duration // open without a break
	carry  float64
	minute float64 // rows
	ten    float64 // in ten
	done   int64
}

type job struct {
	*merchant
	index   int
	name    string
	order   Order
	chunks  int64
	next    int64 // chunk that nobody had so far
	back    heap[*chunk]
	queue   []*chunk // in River, and nobody's
	river   int      // chunks that are there, whoever has them
	running int
	left    int64 // rows
	due     time.Duration
	first   time.Duration // turn; negative: there was none
	ended   time.Duration
}

type state int8

const (
	ready    state = iota
	queued         // in River
	standing       // with a worker, for a place
	running
	orphan // of a worker that died
	ended
)

type chunk struct {
	*job
	index   int64
	left    int64
	state   state
	worker  *worker
	ticket  *fair.Ticket
	version int // tells stale timers
	due     time.Duration
	lost    bool // by a worker that died

	until    time.Duration // of its turn
	end      time.Duration
	rate     float64
	from     time.Duration // progress is known
	progress float64       // rows of this turn
	pacing
}

func (c *chunk) Before(o *chunk) bool { return c.index < o.index }

func newWorld(p Plan) *world {
	w := &world{Plan: p, Report: Report{Ten: 1}, random: rand.New(rand.NewPCG(p.Seed, 13))}
	for _, o := range p.Jobs {
		for len(w.merchants) <= o.Merchant {
			m := &merchant{name: fmt.Sprint(1_900_000_000 + len(w.merchants))}
			if len(w.merchants) < p.Exact {
				m.route = newRoute(p.Rate)
			}
			w.merchants = append(w.merchants, m)
		}
		w.rows += o.Rows
		w.jobs = append(w.jobs, &job{
			merchant: w.merchants[o.Merchant], index: len(w.jobs), name: fmt.Sprint("job ", len(w.jobs)), order: o, left: o.Rows, chunks: (o.Rows + chunkRows - 1) / chunkRows, first: -1, ended: -1,
		})
	}
	for range p.Workers {
		w.join()
	}
	return w
}

func (w *world) join() {
	w.workers = append(w.workers, &worker{
		places: fair.NewQueue(w.Places), tickets: map[*fair.Ticket]*chunk{}, pacers: map[*merchant]*pacer{}, hands: make([]int8, len(w.jobs)), alive: true,
	})
}

func (w *world) after(d time.Duration, do func()) {
	w.number++
	w.events.push(event{w.now + d, w.number, do})
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.random.Int64N(int64(d))) }

// Run simulates a plan.
func Run(p Plan) (*Report, error) {
	w := newWorld(p)
	w.after(0, w.sweep)
	w.after(time.Minute, w.tick)
	for _, j := range w.jobs {
		w.after(j.order.Start, func() { w.start(j) })
	}
	w.open = len(w.jobs) // until each of them has ended
	if p.Die+p.Join > 0 {
		w.after(p.At, w.change)
	}
	for w.open > 0 && (p.Until == 0 || w.now < p.Until) {
		e := w.events.pop()
		if e.at > w.moved+stuck {
			return w.report(), fmt.Errorf("nothing has moved for %v", stuck)
		}
		w.now = e.at
		w.Events++
		e.do()
	}
	return w.report(), w.check()
}

func (w *world) start(j *job) {
	if j.merchant.open++; j.merchant.open == 1 {
		j.since = w.now
	}
	j.due = w.now
}

func (j *job) isOpen(now time.Duration) bool { return j.order.Start <= now && j.ended < 0 }

// pick is the chunk that the database finds first; nil if none is due.
func (j *job) pick() *chunk {
	if j.back.len() > 0 {
		return j.back.pop()
	}
	if j.next == j.chunks {
		return nil
	}
	c := &chunk{job: j, index: j.next, left: min(chunkRows, j.order.Rows-j.next*chunkRows)}
	j.next++
	return c
}

// sweep is what one of the workers does once a second: chunks of the dead go to others, and queues are filled.
func (w *world) sweep() {
	places := 0
	for _, k := range w.workers {
		switch {
		case k.alive || w.now < k.expires:
			places += w.Places
		case !k.gone:
			k.gone = true
			for _, c := range k.chunks {
				c.river--
				c.worker, c.lost = nil, true
				w.back(c, k.died)
			}
		}
	}
	open := 0
	for _, j := range w.jobs {
		if j.isOpen(w.now) {
			open++
		}
	}
	for _, j := range w.jobs {
		if j.isOpen(w.now) {
			w.feed(j, fair.Window(places, open)-j.river)
		}
	}
	w.after(look, w.sweep)
}

// back makes a chunk one that is due, since a time.
func (w *world) back(c *chunk, since time.Duration) {
	c.state, c.due = ready, since
	c.version++
	c.job.back.push(c)
}

// feed puts up to n chunks of a job into its queue.
func (w *world) feed(j *job, n int) {
	for range n {
		c := j.pick()
		if c == nil {
			return
		}
		if c.due == 0 {
			c.due = w.now
		}
		c.state = queued
		j.river++
		j.queue = append(j.queue, c)
		w.Inserts++
		w.after(w.upTo(cooldown), func() { w.fetch(j) })
	}
}

// fetch lets some worker that has room take what is in the queue of a job.
func (w *world) fetch(j *job) {
	if len(j.queue) == 0 {
		return
	}
	room := func(k *worker) int {
		if !k.alive {
			return 0
		}
		return min(perJob, w.Places) - int(k.hands[j.index])
	}
	from := w.random.IntN(len(w.workers))
	for i := range w.workers {
		k := w.workers[(from+i)%len(w.workers)]
		n := min(room(k), len(j.queue))
		if n <= 0 {
			continue
		}
		taken := j.queue[:n:n]
		if j.queue = j.queue[n:]; len(j.queue) == 0 {
			j.queue = nil
		}
		for _, c := range taken {
			w.stand(k, c)
		}
		w.call(k)
		return
	}
}

// stand lets a chunk wait for a place of a worker.
func (w *world) stand(k *worker, c *chunk) {
	c.state, c.worker = standing, k
	c.version++
	k.hands[c.job.index]++
	k.chunks = append(k.chunks, c)
	c.ticket = k.places.Wait(c.merchant.name, c.name())
	k.tickets[c.ticket] = c
	version := c.version
	w.after(standby, func() {
		if c.version != version || !k.alive {
			return
		}
		k.places.Leave(c.ticket)
		w.Empty++
		w.release(c, c.due)
	})
}

func (c *chunk) name() string { return c.job.name }

// call begins the turns of those who have a place now.
func (w *world) call(k *worker) {
	for t := k.places.Next(); t != nil; t = k.places.Next() {
		w.begin(k.tickets[t])
	}
}

func (w *world) begin(c *chunk) {
	w.Turns++
	w.waits.add(w.now - c.due)
	if c.lost {
		w.recoveries.add(w.now - c.due)
		c.lost = false
	}
	if c.job.running++; c.job.running == 1 {
		w.gaps.add(w.now - c.job.due)
	}
	if c.job.first < 0 {
		c.job.first = w.now
	}
	c.state = running
	c.version++
	c.until, c.end, c.from, c.progress, c.rate = w.now+slice, 0, w.now, 0, 0
	c.worker.having = append(c.worker.having, c)
	c.active = append(c.active, c)
	if c.route != nil {
		w.beginExact(c)
		return
	}
	w.share(c.merchant, c.worker)
}

// settle is how far the chunks of a merchant have come.
func (w *world) settle(c *chunk) {
	if c.route == nil {
		done := min(c.rate*(w.now-c.from).Seconds(), float64(c.left)-c.progress)
		c.progress += done
		c.minute += done
	}
	c.from = w.now
}

// share gives each chunk its share of the merchant's rate, and of the worker's time.
func (w *world) share(m *merchant, k *worker) {
	for _, c := range m.active {
		w.run(c)
	}
	if w.CPU > 0 {
		for _, c := range k.having {
			if c.merchant != m {
				w.run(c)
			}
		}
	}
}

func (w *world) run(c *chunk) {
	if c.route != nil {
		return
	}
	rate := atOnce / w.Answer.Seconds()
	if w.Rate > 0 {
		rate = min(rate, w.Rate/space/float64(len(c.active)))
	}
	if w.CPU > 0 {
		rate = min(rate, w.CPU/float64(len(c.worker.having)))
	}
	w.settle(c)
	c.rate = rate
	end := min(c.until, w.now+time.Duration(math.Ceil((float64(c.left)-c.progress)/rate*1e9)))
	if end == c.end {
		return
	}
	c.end = end
	c.version++
	version := c.version
	w.after(end-w.now, func() {
		if c.version == version {
			w.end(c)
		}
	})
}

// end ends a turn.
func (w *world) end(c *chunk) {
	k := c.worker
	w.stop(c)
	k.places.Done(c.ticket)
	w.release(c, w.now)
	w.share(c.merchant, k)
	w.call(k)
}

// stop counts the rows of a turn.
func (w *world) stop(c *chunk) {
	w.settle(c)
	rows := int64(c.progress + 1e-6)
	if c.route == nil {
		if c.carry += c.progress - float64(rows); c.carry >= 1 && rows < c.left {
			c.carry--
			rows++
		}
	}
	if rows > 0 {
		w.moved = w.now
	}
	c.left -= rows
	c.job.left -= rows
	c.done += rows
	c.worker.having = without(c.worker.having, c)
	c.active = without(c.active, c)
	if c.job.running--; c.job.running == 0 {
		c.job.due = w.now
	}
}

func without(list []*chunk, c *chunk) []*chunk {
	return slices.DeleteFunc(list, func(o *chunk) bool { return o == c })
}

// release gives a chunk back to the database, and puts the next one into the queue.
func (w *world) release(c *chunk, due time.Duration) {
	k, j := c.worker, c.job
	delete(k.tickets, c.ticket)
	k.chunks = without(k.chunks, c)
	k.hands[j.index]--
	j.river--
	c.worker, c.ticket = nil, nil
	if c.version++; c.left == 0 {
		c.state = ended
	} else {
		w.back(c, due)
	}
	if j.left == 0 {
		j.ended = w.now
		w.open--
		if j.merchant.open--; j.merchant.open == 0 {
			j.since = -1
		}
		return
	}
	w.feed(j, 1)
	if len(j.queue) > 0 { // it has room once more
		w.after(w.upTo(cooldown), func() { w.fetch(j) })
	}
}

// change lets workers die and others join.
func (w *world) change() {
	for _, i := range w.random.Perm(len(w.workers))[:min(w.Die, len(w.workers))] {
		k := w.workers[i]
		k.alive, k.died, k.expires = false, w.now, w.now-w.upTo(beat)+lease
		var touched []*merchant
		for _, c := range k.chunks {
			if c.version++; c.state == running {
				w.Repeated += w.flying(c)
				w.stop(c)
				touched = append(touched, c.merchant)
			}
			c.state = orphan
			w.Orphans++
		}
		for _, m := range touched {
			w.share(m, k)
		}
	}
	for range w.Join {
		w.join()
	}
}

// flying is how many calls of a chunk are under way.
func (w *world) flying(c *chunk) int64 {
	if c.route != nil {
		return int64(c.inFlight)
	}
	return int64(math.Ceil(min(atOnce, c.rate*w.Answer.Seconds())))
}

// check looks whether every row is where it should be, once.
func (w *world) check() error {
	var done, left int64
	for _, j := range w.jobs {
		seen := map[int64]bool{}
		rows := j.order.Rows - min(j.next*chunkRows, j.order.Rows)
		count := func(c *chunk, want ...state) error {
			if seen[c.index] || !slices.Contains(want, c.state) {
				return fmt.Errorf("chunk %d of %s is in two places, or in a wrong one: %d", c.index, j.name, c.state)
			}
			seen[c.index] = true
			rows += c.left
			return nil
		}
		for _, c := range j.back.list {
			if err := count(c, ready); err != nil {
				return err
			}
		}
		for _, c := range j.queue {
			if err := count(c, queued); err != nil {
				return err
			}
		}
		for _, k := range w.workers {
			if k.gone {
				continue
			}
			for _, c := range k.chunks {
				if c.job != j {
					continue
				}
				if err := count(c, standing, running, orphan); err != nil {
					return err
				}
			}
		}
		if rows != j.left {
			return fmt.Errorf("%s: %d rows are left, and its chunks hold %d", j.name, j.left, rows)
		}
		left += rows
	}
	for _, m := range w.merchants {
		done += m.done
	}
	if done+left != w.rows {
		return fmt.Errorf("%d rows done and %d left of %d", done, left, w.rows)
	}
	return nil
}
