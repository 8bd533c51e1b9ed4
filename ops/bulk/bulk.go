// Package bulk carries out jobs of many rows, such as a million members to import, so that the plug may be pulled at
// any moment: a job that is run again goes on where it stopped, every row is accounted for, and nothing takes effect
// twice.
//
// A [Job] is a source of rows, an [Operation] and a ledger. The ledger is one file that remembers of every row what
// became of it, and of every call that was begun its very bytes, written before the first of them leaves. Of people it
// holds nothing that can be read without the merchant's private key. Operations are in packages of their own: members,
// coupons, debits, transfers, banklists, pushlists; a call that none of them makes takes an Operation of one's own.
package bulk

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/ops/bulk/table"
)

// An Operation is what a job does with its rows. Its methods are called from many goroutines.
type Operation interface {
	// About says what stays the same between runs of a job.
	About() About
	// Check looks at a row before anything is sent. The identity it returns makes the row the same row in a later
	// file, such as a phone number; the number under which the row is sent follows from it. An error is a
	// [*table.Fault] that names the column and never the value.
	Check(row table.Row) (identity string, err error)
	// Send takes the next step for an item. Every call that changes something is kept in the ledger before it leaves,
	// without anything to do for Send.
	Send(ctx context.Context, item Item) Result
	// Settle finds out what became of an item whose step was begun and never ended, and ends it: by asking, or by
	// sending kept again. Kept is the call that was begun, byte for byte; its Route is empty if the operation's calls are
	// not kept (About.Unkept).
	Settle(ctx context.Context, item Item, kept wxpay.Prepared) Result
}

// Timed may be implemented by an Operation whose waits depend on its settings, so that a later run with others may take a
// step earlier or later. Due is asked before an item is sent that waits for its next step; zero: at once.
type Timed interface {
	Due(item Item) time.Time
}

// Whole may be implemented by an Operation that has to know an input as a whole before any of its rows is sent, such as
// the sum of its amounts. A run asks it once, before it sends anything, also of an input that was begun before. Rows that
// cannot be read are left out: if the input may have any, its faults end the run first. An error ends the run, and nothing
// was sent.
type Whole interface {
	Whole(ctx context.Context, rows iter.Seq[table.Row]) error
}

// Corrects may be implemented by an Operation that must never send a row under another number while the number before
// may still have its effect, such as one that pays. Corrects is asked about a row that takes the place of one which was
// rejected for code, under that number: it returns the identity of the row, or nothing if it keeps the number. A row in
// place of one that was not rejected keeps its number always, so that it is skipped; one in place of a row that the job does
// not know is refused. So is one that would keep the number, but left out the one of its own that it had: OwnNumber says
// whether a row has one, and is remembered with its number.
type Corrects interface {
	Corrects(row table.Row, number, code string) (identity string)
	OwnNumber(row table.Row) bool
}

// An About describes an operation. Another Name, Sender or setting is another job: its ledger is refused.
type About struct {
	Name     string            // such as member-import-by-phone
	Sender   string            // merchant number, brand ID or application
	Settings map[string]string // such as card_id; nothing secret
	Columns  []table.Column    // that Row.Cells have, in this order
	Steps    []Step            // one at least
	Batch    int               // rows that make one item; 0: one. A job of batches has one input
	// Unkept says that Send makes calls that [wxpay.WithPrepared] does not see, such as those of TPNS: an item is then
	// marked as begun before Send, and Settle gets a kept without a route.
	Unkept      bool
	Concurrency int // items at a time, at most; 0: as the job says
	// Once refuses an input in which a row stands twice. It is for batches, of which the platform takes every row for one
	// of its own, and for inputs that somebody answers for as a whole; rows that are sent one by one are skipped the second
	// time.
	Once bool
}

// A Step is one call of an operation.
type Step struct {
	Name  string  // such as notice; it is shown
	Route string  // whose rate is shared
	Rate  float64 // calls a second unless the job says otherwise; 0: no limit
	Daily int     // items a day of Beijing; 0: no limit
}

// An Item is what is sent together: a row, or a batch of them.
type Item struct {
	Number string // request number, 32 small letters and digits: the same for the same row in every run
	Step   int
	Tries  int       // times this step was begun before
	Due    time.Time // when this step may be taken, as the Result before said; zero: at once
	Code   string    // that the step before gave
	Rows   []table.Row
}

// A State is what became of a row.
type State int8

// States of a row. A row is in exactly one of them.
const (
	Staged   State = iota // not sent yet, or under way: begun, and waiting for a step
	Sending               // its bytes are kept, and may have left
	Done                  // it had its effect, once
	Rejected              // it had none: refused, with a reason
	Unknown               // it may have had its effect; it is asked for or repeated with the same bytes
	Skipped               // nothing to do: it stands in the file twice, or was done before
)

// String names a state.
func (s State) String() string {
	names := [...]string{"staged", "sending", "done", "rejected", "unknown", "skipped"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("State(%d)", int8(s))
	}
	return names[s]
}

// A Result is how a step ended.
type Result struct {
	State     State      // Done, Rejected or Unknown; Staged: not done yet, take step Next, not before At
	Next      int        // with Staged
	At        time.Time  // with Staged; zero: at once
	Code      string     // of the platform; of what is done, what it gave, such as a card code. Nothing of a person
	Reason    wxpay.Hint // in a line each; why it was rejected
	RequestID string     // to quote to the platform's support
	Good, Bad int64      // of a batch that is done: what the platform counted
	Err       error      // the engine looks at it: whether to slow down, to wait, or to end the job
}
