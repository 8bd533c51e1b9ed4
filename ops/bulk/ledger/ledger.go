// Package ledger is the memory of a bulk job: one SQLite file that knows of every item what became of it.
//
// What it promises, whatever it is kept in:
//
//   - What Begin, End and Stage returned without an error is there after a crash of the process or the machine.
//   - A request number is that of one item. An item is begun before its call leaves, with the bytes of the call.
//   - One process at a time has it open.
//   - It holds no word about a person: items are known by their line and by a keyed hash, calls by a ciphertext.
//   - What was damaged or cut off is an error, and never an item that is taken for done.
package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/wxpay-go/wxpay/internal/value"
)

// A State is what became of an item. The numbers are those in the file.
type State int8

// States of an item, as those of a row in package bulk.
const (
	Staged State = iota
	Sending
	Done
	Rejected
	Unknown
	Skipped
)

// Codes of items that are skipped, and so have no key.
const (
	Duplicate  = "DUPLICATE"   // stands in the same input before, at Item.Twin
	DoneBefore = "DONE_BEFORE" // was done as part of an earlier input
	Elsewhere  = "ELSEWHERE"   // is a part of another input, which has not been done yet
	Changed    = "CHANGED"     // has other content than at Item.Twin, where it is done or under way
	FedAgain   = "FED_AGAIN"   // was rejected, for what follows behind a colon, and stands in a later input once more, at Item.Twin
)

// Never is the due time of an item that is not asked for again by this run.
var Never = time.Unix(1<<40, 0)

// A Head is written once, and tells whose ledger it is.
type Head struct {
	Name, Operation, Sender string
	Settings                map[string]string
	Salt, Check             []byte
	Created                 time.Time
}

// A File is an input of the job.
type File struct {
	ID     int64
	Name   string
	Digest string
	Rows   int64
	Staged bool // all of it is in the ledger
	Added  time.Time
}

// An Entry is an item to be staged.
type Entry struct {
	Line    int64
	Rows    int64    // that it stands for
	Key     [20]byte // what its request number is spelled from
	Content [8]byte  // hash of its cells

	ForFile, ForLine int64 // the row of an earlier input that this one corrects, if that one was rejected; 0: none
}

// An Item is one line of the ledger.
type Item struct {
	ID            int64
	File, Line    int64
	Rows          int64
	Key           [20]byte // zero: it is skipped, because of another item that has the key
	Content       [8]byte
	State         State
	Step, Tries   int
	Due           time.Time // zero: at once
	Kept          []byte    // nil unless it is begun
	Code          string
	RequestID     string
	Reason        string
	ReasonChinese string
	Good, Bad     int64
	Twin          int64 // line of the other item, if it is skipped; see Code
	TwinFile      int64 // its input
}

// An Outcome is how a step of an item ended.
type Outcome struct {
	State                 State
	Step                  int
	Due                   time.Time
	Code, RequestID       string
	Reason, ReasonChinese string
	Good, Bad             int64
}

// Sums count rows by state.
type Sums struct {
	Rows, Staged, Sending, Done, Rejected, Unknown, Skipped int64
	Good, Bad                                               int64
}

// A Tick is how the job stood at a time.
type Tick struct {
	At                                 time.Time
	Done, Rejected, Unknown, Throttled int64
	Ceiling                            float64
}

// A Ledger is the memory of one job, whatever it is kept in: [SQLite] is one in a file. Its methods may be called from
// several goroutines.
type Ledger interface {
	Head() Head
	Files() ([]File, error)
	Due(file int64, now time.Time, after int64, steps, limit int) ([]Item, error)
	Begun(file int64, now time.Time, after int64, steps, limit int) ([]Item, error)
	NextDue(file, last int64, steps int) (time.Time, bool, error)
	Sums() (Sums, error)
	Steps() (map[int]int64, error)
	UnderWay() (int64, error)
	Reasons() (map[string]int64, error)
	Items(ctx context.Context, states ...State) iter.Seq2[Item, error]
	Staged(ctx context.Context, file int64) iter.Seq2[Item, error]
	Was(file, line int64) (Item, bool, error)
	Ticks() ([]Tick, error)

	AddFile(f File) (File, error)
	Stage(file int64, entries []Entry, sealed []byte) error
	FileStaged(id, rows int64) error
	Wake(file int64, staged bool, last time.Time) error
	Begin(ctx context.Context, item int64, kept []byte) error
	EndLater(ctx context.Context, item int64, o Outcome) (wait func(context.Context) error)
	Tick(t Tick) error
	Close() error
}

var _ Ledger = (*SQLite)(nil)

// A SQLite is a ledger in a file, open.
type SQLite struct {
	path   string
	head   Head
	read   *sql.DB
	writer *writer // nil: it is only looked at
	lock   *lock
}

// Create makes the ledger of a new job, readable by its owner alone, and takes its lock.
func Create(path string, h Head) (*SQLite, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	held, err := take(path)
	if err != nil {
		return nil, err
	}
	if err := create(path, h); err != nil {
		held.release()
		if _, ok := errors.AsType[*DamagedError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return open(path, held)
}

// Open opens the ledger of a job to go on with it. Its lock is taken, its health is checked and an older one is
// migrated. The error is a [*HeldError], a [*DamagedError] or a [*VersionError], or that of the file.
func Open(path string) (*SQLite, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	held, err := take(path)
	if err != nil {
		return nil, err
	}
	return open(path, held)
}

func open(path string, held *lock) (l *SQLite, err error) {
	l = &SQLite{path: path, lock: held}
	defer func() {
		if err != nil {
			l.Close()
			l, err = nil, told(path, err)
		}
	}()
	if err = recognise(path); err != nil {
		return l, err
	}
	if l.writer, err = newWriter(path); err != nil {
		return l, err
	}
	if l.read, err = connect(path, "mode=rw&_pragma=query_only(1)", readers); err != nil {
		return l, err
	}
	return l, l.readHead()
}

// Look opens a ledger to read it, beside the process that runs the job if there is one. Methods that write fail.
func Look(path string) (l *SQLite, err error) {
	l = &SQLite{path: path}
	defer func() {
		if err != nil {
			l.Close()
			l, err = nil, told(path, err)
		}
	}()
	if err = recognise(path); err != nil {
		return l, err
	}
	ways := []string{"mode=rw&_pragma=query_only(1)", "mode=ro"}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		ways = append(ways, "mode=ro&immutable=1") // where the folder cannot be written; nobody writes then
	}
	for _, how := range ways {
		if l.read, err = connect(path, how, readers); err != nil {
			continue
		}
		if err = l.readHead(); err == nil {
			return l, nil
		}
		l.read.Close()
		if e := told(path, err); !errors.Is(e, ErrReadOnly) {
			break
		}
	}
	return l, err
}

// readers is how many queries may be under way at once.
const readers = 4

// Close ends the use of the ledger and gives its lock back.
func (l *SQLite) Close() error {
	var err error
	if l.read != nil {
		err = l.read.Close()
	}
	if l.writer != nil {
		err = errors.Join(err, l.writer.close())
	}
	l.lock.release()
	return err
}

// Head is what was written when the ledger was made.
func (l *SQLite) Head() Head { return l.head }

func (l *SQLite) readHead() error {
	is, err := versionOf(context.Background(), l.read)
	if err != nil {
		return err
	}
	if is != version {
		return &VersionError{l.path, is, version}
	}
	var text []byte
	err = l.read.QueryRow(`SELECT head FROM job`).Scan(&text)
	if err == nil {
		err = json.Unmarshal(text, &l.head)
	}
	if _, ok := errors.AsType[*sqlite.Error](err); err != nil && !ok {
		return &DamagedError{l.path, err}
	}
	return err
}

// Files are the inputs of the job, in the order in which they were added.
func (l *SQLite) Files() ([]File, error) {
	rows, err := l.read.Query(`SELECT id, name, digest, rows, staged, added FROM files ORDER BY id`)
	if err != nil {
		return nil, told(l.path, err)
	}
	defer rows.Close()
	var files []File
	for rows.Next() {
		var f File
		var added int64
		if err := rows.Scan(&f.ID, &f.Name, &f.Digest, &f.Rows, &f.Staged, &added); err != nil {
			return nil, told(l.path, err)
		}
		f.Added = time.Unix(added, 0)
		files = append(files, f)
	}
	return files, told(l.path, rows.Err())
}

const columns = `i.id, i.rows, i.key, i.content, i.state, i.step, i.tries, i.due, i.code, i.request_id, i.good, i.bad, i.twin, r.english, r.chinese, k.call`

const from = ` FROM items i LEFT JOIN reasons r ON r.id = i.reason LEFT JOIN kept k ON k.id = i.id `

func scan(rows *sql.Rows) (i Item, err error) {
	var key, content []byte
	var due, good, bad, twin sql.NullInt64
	var code, request, english, chinese sql.NullString
	err = rows.Scan(&i.ID, &i.Rows, &key, &content, &i.State, &i.Step, &i.Tries, &due, &code, &request, &good, &bad, &twin, &english, &chinese, &i.Kept)
	copy(i.Key[:], key)
	copy(i.Content[:], content)
	i.File, i.Line = i.ID>>lineBits, i.ID&lineMask
	if due.Int64 != 0 {
		i.Due = time.UnixMilli(due.Int64)
	}
	i.Code, i.RequestID, i.Reason, i.ReasonChinese = code.String, request.String, english.String, chinese.String
	i.Good, i.Bad, i.Twin, i.TwinFile = good.Int64, bad.Int64, twin.Int64&lineMask, twin.Int64>>lineBits
	return i, err
}

// An item is found by the file and line it stands in.
const (
	lineBits = 40
	lineMask = 1<<lineBits - 1
)

func id(file, line int64) int64 { return file<<lineBits | line }

const (
	unfinished = `state IN (0, 1, 4)`
	dueQuery   = `SELECT ` + columns + from + `WHERE i.` + unfinished + ` AND i.id > ? AND i.id < ? AND ifnull(i.due, 0) <= ? AND i.step < ?`
	begunQuery = dueQuery + ` AND (i.state <> 0 OR i.step > 0)`
	inOrder    = ` ORDER BY i.id LIMIT ?`
	nextQuery  = `SELECT min(ifnull(due, 0)) FROM items WHERE ` + unfinished + ` AND id > ? AND id <= ? AND step < ? AND ifnull(due, 0) < ?`
)

// Due returns the items of a file behind a line that are not finished and are due, by line: limit of them at most. Those
// between two steps count as far as their step is below steps.
func (l *SQLite) Due(file int64, now time.Time, after int64, steps, limit int) ([]Item, error) {
	return l.dueOf(dueQuery, file, now, after, steps, limit)
}

// Begun is Due of those items alone that something was done for before: a step of theirs was taken or begun.
func (l *SQLite) Begun(file int64, now time.Time, after int64, steps, limit int) ([]Item, error) {
	return l.dueOf(begunQuery, file, now, after, steps, limit)
}

func (l *SQLite) dueOf(query string, file int64, now time.Time, after int64, steps, limit int) ([]Item, error) {
	rows, err := l.read.Query(query+inOrder, id(file, after), id(file+1, 0), now.UnixMilli(), steps, limit)
	if err != nil {
		return nil, told(l.path, err)
	}
	defer rows.Close()
	var items []Item
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, told(l.path, err)
		}
		items = append(items, item)
	}
	return items, told(l.path, rows.Err())
}

// NextDue is when the next item of a file up to a line is due; false if none is.
func (l *SQLite) NextDue(file, last int64, steps int) (time.Time, bool, error) {
	var due sql.NullInt64
	err := l.read.QueryRow(nextQuery, id(file, 0), id(file, min(last, lineMask)), steps, Never.UnixMilli()).Scan(&due)
	if err != nil || !due.Valid {
		return time.Time{}, false, told(l.path, err)
	}
	return time.UnixMilli(due.Int64), true, nil
}

// Sums count all rows, by what became of them.
func (l *SQLite) Sums() (s Sums, err error) {
	rows, err := l.read.Query(`SELECT state, sum(rows), sum(ifnull(good, 0)), sum(ifnull(bad, 0)), count(*) FILTER (WHERE NOT ` + sealed + `) FROM items GROUP BY state`)
	if err != nil {
		return s, told(l.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var state State
		var n, good, bad, broken int64
		if err := rows.Scan(&state, &n, &good, &bad, &broken); err != nil {
			return s, told(l.path, err)
		}
		if broken > 0 {
			return Sums{}, &DamagedError{l.path, fmt.Errorf("%d items are not as they were written", broken)}
		}
		into := map[State]*int64{Staged: &s.Staged, Sending: &s.Sending, Done: &s.Done, Rejected: &s.Rejected, Unknown: &s.Unknown, Skipped: &s.Skipped}[state]
		*into = n
		s.Rows, s.Good, s.Bad = s.Rows+n, s.Good+good, s.Bad+bad
	}
	return s, told(l.path, rows.Err())
}

// Steps count the rows that wait for another step than the first, by step.
func (l *SQLite) Steps() (map[int]int64, error) {
	rows, err := l.read.Query(`SELECT step, sum(rows) FROM items WHERE state = ? AND step > 0 GROUP BY step`, Staged)
	if err != nil {
		return nil, told(l.path, err)
	}
	defer rows.Close()
	steps := map[int]int64{}
	for rows.Next() {
		var step int
		var n int64
		if err := rows.Scan(&step, &n); err != nil {
			return nil, told(l.path, err)
		}
		steps[step] = n
	}
	return steps, told(l.path, rows.Err())
}

// UnderWay counts the rows that wait for a step and have had some effect before: those behind the first step, and those that
// came back to it with what the platform gave.
func (l *SQLite) UnderWay() (n int64, err error) {
	row := l.read.QueryRow(`SELECT ifnull(sum(rows), 0) FROM items WHERE state = ? AND (step > 0 OR ifnull(code, '') <> '')`, Staged)
	return n, told(l.path, row.Scan(&n))
}

// Reasons count the rejected rows by code.
func (l *SQLite) Reasons() (map[string]int64, error) {
	rows, err := l.read.Query(`SELECT ifnull(code, ''), sum(rows) FROM items WHERE state = ? GROUP BY 1`, Rejected)
	if err != nil {
		return nil, told(l.path, err)
	}
	defer rows.Close()
	reasons := map[string]int64{}
	for rows.Next() {
		var code string
		var n int64
		if err := rows.Scan(&code, &n); err != nil {
			return nil, told(l.path, err)
		}
		reasons[code] = n
	}
	return reasons, told(l.path, rows.Err())
}

// Items are all items in these states, or in any if none is named, by file and line.
func (l *SQLite) Items(ctx context.Context, states ...State) iter.Seq2[Item, error] {
	mask := 0
	for _, s := range states {
		mask |= 1 << s
	}
	return l.items(ctx, `WHERE (1 << i.state) & ? ORDER BY i.id`, cmp.Or(mask, -1))
}

// Staged are the items of a file, by line.
func (l *SQLite) Staged(ctx context.Context, file int64) iter.Seq2[Item, error] {
	return l.items(ctx, `WHERE i.id > ? AND i.id < ? ORDER BY i.id`, id(file, 0), id(file+1, 0))
}

func (l *SQLite) items(ctx context.Context, where string, args ...any) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		rows, err := l.read.QueryContext(ctx, `SELECT `+columns+from+where, args...)
		if err != nil {
			yield(Item{}, told(l.path, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			item, err := scan(rows)
			if !yield(item, told(l.path, err)) || err != nil {
				return
			}
		}
		if rows.Err() != nil {
			yield(Item{}, told(l.path, rows.Err()))
		}
	}
}

// Was is the item that stands for a line of an input, or the one that took its place since; false if there is none. One
// that was rejected, and gave way to another with a number of its own, is rejected here.
func (l *SQLite) Was(file, line int64) (Item, bool, error) {
	return Was(file, line, func(file, line int64) (item Item, ok bool, err error) {
		for item, err = range l.items(context.Background(), `WHERE i.id = ?`, id(file, line)) {
			ok = err == nil
		}
		return item, ok, err
	})
}

// Was follows an item to the one that took its place since. At reads one.
func Was(file, line int64, at func(file, line int64) (Item, bool, error)) (item Item, ok bool, err error) {
	for ; ; file, line = item.TwinFile, item.Twin {
		item, ok, err = at(file, line)
		code, again := strings.CutPrefix(item.Code, FedAgain+":")
		switch {
		case err != nil || !ok || item.State != Skipped:
			return item, ok, err
		case item.Key != ([20]byte{}) && again:
			item.State, item.Code = Rejected, code
			return item, true, nil
		case item.Twin == 0:
			return item, false, nil
		}
	}
}

// Ticks are how the job stood over time.
func (l *SQLite) Ticks() ([]Tick, error) {
	rows, err := l.read.Query(`SELECT at, done, rejected, unknown, throttled, ceiling FROM ticks ORDER BY at`)
	if err != nil {
		return nil, told(l.path, err)
	}
	defer rows.Close()
	var ticks []Tick
	for rows.Next() {
		var t Tick
		var at int64
		if err := rows.Scan(&at, &t.Done, &t.Rejected, &t.Unknown, &t.Throttled, &t.Ceiling); err != nil {
			return nil, told(l.path, err)
		}
		t.At = time.UnixMilli(at)
		ticks = append(ticks, t)
	}
	return ticks, told(l.path, rows.Err())
}

// Today is how many items had this step begun on the day of Beijing that now belongs to.
func (l *SQLite) Today(step int, now time.Time) (n int64, err error) {
	err = l.read.QueryRow(`SELECT ifnull(sum(count), 0) FROM begun WHERE day = ? AND step = ?`, now.In(value.Beijing).Format(time.DateOnly), step).Scan(&n)
	return n, told(l.path, err)
}
