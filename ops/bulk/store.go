package bulk

import (
	"context"
	"errors"
	"time"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
)

// A Store keeps many jobs where many machines reach them, and hands their rows to workers in chunks. Package postgres has
// one; the rest of this file is what a store and its workers say to each other.
type Store interface {
	// Look gives the ledger of a job to be read. An error of [os.ErrNotExist]: there is no such job.
	Look(ctx context.Context, name string) (ledger.Ledger, error)
	// Open gives the ledger of a job to add an input to it. One process at a time has it so, until Start or Close: a
	// [*ledger.HeldError].
	Open(ctx context.Context, name string) (ledger.Ledger, error)
	// Create makes a job, and opens it. If there is one of the name by now it is that one's, and held: a [*ledger.HeldError].
	Create(ctx context.Context, name string, h ledger.Head) (ledger.Ledger, error)
	// Start hands an input of a job to the workers, as far as terms say; and the whole job again, if it was stopped.
	Start(ctx context.Context, job ledger.Ledger, file ledger.File, terms Terms) error
	// Stop keeps workers from taking any more of a job, until it is started again. What is in flight ends. An error of
	// [os.ErrNotExist]: there is no such job.
	Stop(ctx context.Context, name string, why *StopError) error
	// Standing is how a job stands, as of the last seconds.
	Standing(ctx context.Context, name string) (Standing, error)
	// Work takes part in jobs, until ctx ends. It waits where the store cannot be reached.
	Work(ctx context.Context, crew Crew) error
}

// Terms are how fast a job goes and when, and how far an input, for all workers. They are the fields of [Job] of the same
// names; of zero ones the operation decides, or what is the default there. The last who starts a job says them all.
type Terms struct {
	Rate        float64       `json:"rate,omitzero"` // that of the merchant on Routes from now on, over all jobs and workers; 0: as it is
	Routes      []string      `json:"routes,omitzero"`
	Concurrency int           `json:"concurrency,omitzero"` // calls of a chunk at a time
	Steps       int           `json:"steps,omitzero"`       // of the rows of the input; 0: all
	Window      pace.Window   `json:"window,omitzero"`
	Zone        int           `json:"zone,omitzero"`     // of Window, in seconds east of UTC
	Until       time.Time     `json:"until,omitzero"`    // then nobody takes any more of the job
	Patience    time.Duration `json:"patience,omitzero"` // of a worker with its network; then it steps back for a while
}

// A Standing is how a job of a store stands.
type Standing struct {
	Sums
	Open      bool       // something is left for workers, now or at Due
	Due       time.Time  // when the next chunk is due, if none is now
	Waiting   int64      // chunks that are due and not taken
	Taken     int64      // chunks that workers have
	Workers   int64      // that are alive, in all of the store
	Throttled int64      // answers that asked to slow down
	Repeated  int64      // calls that were made before
	Ceiling   float64    // calls a second that are allowed now, on the busiest route; 0: no limit
	Stopped   *StopError // why nobody takes any more of it; nil: it was not stopped
	PutOff    *StopError // why rows are left to a later start; nil if none is
}

// A Crew is what a process does for a store: [Worker] is one.
type Crew struct {
	Chunks int // at a time; 0: 16
	// Takes reports whether it takes part in a job: whether it knows the operation and has the merchant's keys.
	Takes func(ctx context.Context, name string, h ledger.Head) bool
	// Take does what there is to do for a chunk until that ends, is due later, or the chunk's time is over. The error is a
	// [StopError] if it ends more than this.
	Take func(ctx context.Context, c *Chunk) (Taken, error)
}

// A Chunk is rows of a job that one worker has for a while.
type Chunk struct {
	Job    string
	Terms  Terms
	Ledger ledger.Ledger // of these rows alone. It takes nothing any more once another worker has them
	File   ledger.File
	Sealed []byte    // the rows, as they were given to Stage
	Starts int64     // of the job so far: what was learned of the platform before the last counts no more
	Worked bool      // some row of the job was done
	Until  time.Time // when it is given back, so that others have their turn
	// Mine reports whether the rows are still this worker's, as far as can be known here. It is asked last before a call leaves.
	Mine func() bool
	// Pacer is what the calls of a merchant on a route share, whichever worker and job they are of. The rate is that of a route
	// which nobody has called yet.
	Pacer func(route string, rate float64) Pacer
	// Admit counts one more of a route on a day of Beijing, if that has so many left.
	Admit func(route, day string, most int) (bool, error)
}

// Taken is what a worker met with while it had a chunk. Which of its items ended is in the ledger.
type Taken struct {
	Throttled, Repeated int64
	PutOff              *StopError
	NotBefore           time.Time // nothing of the chunk is to be taken before; zero: it may be at once
}

// A Pacer spaces calls, as [pace.Limiter] does, over all workers.
type Pacer interface {
	// Wait waits for the next permit, and returns the moment of it up to lead ahead of time, so that the call can be written down
	// before. It is void when [pace.Late] has passed since; zero: there is no limit.
	Wait(ctx context.Context, lead time.Duration) (at time.Time, err error)
	// Throttled slows all workers down, and holds calls back for as long as the platform asks to wait; 0: it does not say.
	Throttled(after time.Duration)
	// Rate is how many calls a second all workers may make now; 0: there is no limit, or it is not known yet.
	Rate() float64
}

// Closed is when a job may go on by its terms; zero: now. Over: its time has ended.
func (t Terms) Closed(now time.Time) (until time.Time, over bool) {
	there := now.In(time.FixedZone("", t.Zone))
	if !t.Window.Open(there) {
		until = t.Window.Next(there)
	}
	return until, !t.Until.IsZero() && !now.Before(t.Until)
}

// ErrLost is the error of a worker that writes about rows which another one has by now. It did not begin their calls.
var ErrLost = errors.New("bulk: another worker has these rows now")

// ErrAway is the error of a store that cannot be reached just now, such as one that is restarted. What was written down is
// safe, and nothing is sent meanwhile.
var ErrAway = errors.New("bulk: the store cannot be reached")
