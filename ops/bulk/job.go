package bulk

import (
	"context"
	"iter"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/pace"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// A Source is where rows come from: a [table.File], or a [table.List] of a backend's own. It gives the same rows again
// each time it is asked, until its Digest is another one.
type Source interface {
	Name() string                                     // to tell inputs of a job apart, such as a file's path
	Digest(context.Context) (string, error)           // of everything that rows are made of
	Rows(context.Context) iter.Seq2[table.Row, error] // a [*table.Fault] is one row; it goes on behind it
}

// A Job is an operation over the rows of a source, remembered in a ledger.
type Job struct {
	Ledger    string // path of the ledger file, made if there is none; beside it lies FILE.lock
	Store     Store  // where the job is kept in place of a file, for many workers; Ledger is its name there; nil: a file
	Source    Source
	Operation Operation
	// Key is what the numbers and the cipher of the ledger follow from. [ClientKey] makes it of the private key of a
	// merchant. The same key is needed to go on with the job.
	Key func(context.Context) ([]byte, error)

	Rate        float64       // calls a second, of each route; 0: as the operation says; negative: no limit
	Concurrency int           // calls at a time; 0: 16
	Limit       int64         // rows to send in this run, rounded up to a whole item; 0: all
	Steps       int           // only the first so many steps of every row; 0: all
	Window      pace.Window   // times of day; the job waits outside of them; zero: always
	Until       time.Time     // when this run ends; zero: when all is done
	Patience    time.Duration // how long nothing may succeed for reasons that pass by themselves; 0: 15 min
	DryRun      bool          // checks everything, sends nothing, makes no ledger
	Detach      bool          // with a Store: leaves the rows to workers once they lie there, and ends with WhyLimit

	// Observe is told how the job stands, when it begins, about once a second, and when it ends.
	Observe func(Progress)
}

// Sums add up: Rows = Done + Rejected + Unknown + Skipped + Left. They count rows, in whatever items they were sent.
type Sums struct {
	Rows     int64 `json:"rows"`
	Done     int64 `json:"done"`
	Rejected int64 `json:"rejected"`
	Unknown  int64 `json:"unknown"`
	Skipped  int64 `json:"skipped"`
	Left     int64 `json:"left"` // not sent yet, or under way: begun, not ended
}

// Complete reports whether nothing is left to do or to find out.
func (s Sums) Complete() bool { return s.Left == 0 && s.Unknown == 0 }

// A Progress is how a job stands.
type Progress struct {
	Sums
	Phase     Phase
	Step      string        // that was taken last, such as notice
	Rate      float64       // rows a second of late
	Ceiling   float64       // calls a second that are allowed now; 0: no limit
	Throttled int64         // answers of this run that asked to slow down
	Repeated  int64         // calls of this run that were made before, in this run or an earlier one
	ETA       time.Duration // 0: not known
	Until     time.Time     // of a wait: when it goes on
	Checked   int64         // rows read so far, while checking
	Err       error         // why a call failed, if none has succeeded since; nil: all is well
}

// A Phase is what a run is doing just now.
type Phase string

// Phases of a run, in this order; Sending and Waiting alternate.
const (
	PhaseChecking Phase = "checking" // reads the source, sends nothing
	PhaseStaging  Phase = "staging"  // writes the rows into the ledger
	PhaseSending  Phase = "sending"
	PhaseWaiting  Phase = "waiting" // for a window, a step that is not due yet, or the platform
	PhaseEnded    Phase = "ended"
)

// A Summary is how a run ended.
type Summary struct {
	Sums
	Name      string
	Resumed   bool  // the job had begun before
	Before    int64 // of Resumed: rows that were done then
	Throttled int64
	Repeated  int64
	Reasons   map[string]int64 // rejected rows by code
	Begun     int64            // of the rows that are Left: begun, not ended, such as a bill whose user was asked
	Next      map[string]int64 // of the rows that are Left and took a step, by the step that is next
	Good, Bad int64            // what the platform counted, of operations whose items are batches
	// Duplicates are rows that an earlier one makes needless, and Twice the first of them, as far as this run has looked for
	// them: a dry run does, and for batches the run that reads an input for the first time. Others are Skipped.
	Duplicates int64
	Twice      []*table.Fault
	Elapsed    time.Duration
}

// A StopError is why a run ended before its job was complete. Nothing is lost: run it again.
type StopError struct {
	Why    Why
	Reason wxpay.Hint // what happened and what to do, in a line each
	Err    error      // nil if nothing failed
	Host   string     // of the worker that stopped a job of a store, and may be the one to look at; empty: it was done here, or by hand
}

// Why a run ended.
type Why string

// Reasons for which a run ends before its job is complete.
const (
	WhyInterrupted Why = "interrupted" // its context ended
	WhyLimit       Why = "limit"       // Limit, Steps or Until is reached
	WhyAuth        Why = "auth"        // the platform takes no call of this merchant: keys, clock or permission
	WhyPlatform    Why = "platform"    // the same failure for many different rows
	WhyNetwork     Why = "network"     // nothing succeeded for as long as Patience
	WhyMoney       Why = "money"       // the account that pays has too little
	WhyInput       Why = "input"       // the source changed while it was read
	WhyLedger      Why = "ledger"      // it cannot be written, or was damaged; a full disk
)

// Error is one line. Numbers in what the platform said are starred.
func (e *StopError) Error() string {
	s := "bulk: stopped: " + e.Reason.English
	if e.Host != "" {
		s = "bulk: stopped by the worker on " + e.Host + ": " + e.Reason.English
	}
	if e.Err != nil {
		s += ": " + Masked(e.Err.Error())
	}
	return s
}

// Unwrap gives the cause.
func (e *StopError) Unwrap() error { return e.Err }
