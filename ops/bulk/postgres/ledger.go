package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A job is the ledger of one job, or of one chunk of it.
type job struct {
	store *Store
	id    int64
	name  string
	head  ledger.Head
	lock  *pgxpool.Conn // that holds the lock of who adds an input; nil: nobody does here

	chunk *held // whose items alone it sees; nil: all
}

var _ ledger.Ledger = (*job)(nil)

// An item is found by the file and line it stands in.
const (
	lineBits = 40
	lineMask = 1<<lineBits - 1
)

func id(file, line int64) int64 { return file<<lineBits | line }

// within is a time-out for what a ledger in a file does at once.
const within = time.Minute

func brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), within)
}

// find reads the head of a job.
func (s *Store) find(ctx context.Context, name string) (*job, error) {
	j := &job{store: s, name: name}
	var head []byte
	err := s.pool.QueryRow(ctx, `SELECT id, head FROM wxpay.jobs WHERE name = $1`, name).Scan(&j.id, &head)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("postgres: there is no job %q: %w", name, os.ErrNotExist)
	}
	if err == nil {
		err = json.Unmarshal(head, &j.head)
	}
	if err != nil {
		return nil, told(err)
	}
	return j, nil
}

// Look gives the ledger of a job to be read.
func (s *Store) Look(ctx context.Context, name string) (ledger.Ledger, error) {
	j, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// Open gives the ledger of a job to add an input to it.
func (s *Store) Open(ctx context.Context, name string) (ledger.Ledger, error) {
	j, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := j.take(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// Create makes a job, and opens it.
func (s *Store) Create(ctx context.Context, name string, h ledger.Head) (ledger.Ledger, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	tag, err := s.pool.Exec(ctx, `INSERT INTO wxpay.jobs (name, sender, head) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, name, h.Sender, head)
	if err != nil {
		return nil, told(err)
	}
	if tag.RowsAffected() == 0 {
		return nil, &ledger.HeldError{Path: name}
	}
	return s.Open(ctx, name)
}

// take takes the lock of who adds an input. It goes with its connection.
func (j *job) take(ctx context.Context) error {
	conn, err := j.store.pool.Acquire(ctx)
	if err != nil {
		return told(err)
	}
	var ok bool
	if err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended('wxpay job', $1))`, j.id).Scan(&ok); err == nil && ok {
		j.lock = conn
		return nil
	}
	conn.Release()
	if err == nil {
		err = &ledger.HeldError{Path: j.name}
	}
	return told(err)
}

// Close gives the lock back.
func (j *job) Close() error {
	if j.lock == nil {
		return nil
	}
	ctx, cancel := brief()
	defer cancel()
	_, err := j.lock.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
	if err != nil {
		j.lock.Conn().Close(ctx) // and the lock with it
	}
	j.lock.Release()
	j.lock = nil
	return nil
}

// Head is what was written when the job was made.
func (j *job) Head() ledger.Head { return j.head }

// Files are the inputs of the job, in the order in which they were added.
func (j *job) Files() ([]ledger.File, error) {
	ctx, cancel := brief()
	defer cancel()
	rows, err := j.store.pool.Query(ctx, `SELECT id, name, digest, rows, staged, added FROM wxpay.files WHERE job = $1 ORDER BY id`, j.id)
	if err != nil {
		return nil, told(err)
	}
	files, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f ledger.File, err error) {
		var added int64
		err = row.Scan(&f.ID, &f.Name, &f.Digest, &f.Rows, &f.Staged, &added)
		f.Added = time.Unix(added, 0)
		return f, err
	})
	return files, told(err)
}

const (
	columns    = `id, rows, key, content, state, step, tries, coalesce(due, 0), kept, coalesce(code, ''), coalesce(request_id, ''), coalesce(reason, ''), coalesce(reason_zh, ''), coalesce(good, 0), coalesce(bad, 0), coalesce(twin, 0)`
	unfinished = `state IN (0, 1, 4)`
	ofJob      = `SELECT ` + columns + ` FROM wxpay.items i WHERE job = $1`
	// inFlight is an item whose call a worker makes just now: it is under way, and not unknown.
	inFlight   = `i.state = 1 AND EXISTS (SELECT FROM wxpay.chunks c WHERE c.job = i.job AND c.worker IS NOT NULL AND i.id BETWEEN c.first AND c.last)`
	dueQuery   = ofJob + ` AND ` + unfinished + ` AND id > $2 AND id < $3 AND coalesce(due, 0) <= $4 AND step < $5`
	begunQuery = dueQuery + ` AND (state <> 0 OR step > 0)`
	inOrder    = ` ORDER BY id LIMIT $6`
)

func scan(row pgx.CollectableRow) (i ledger.Item, err error) {
	var key, content []byte
	var due, twin int64
	err = row.Scan(&i.ID, &i.Rows, &key, &content, &i.State, &i.Step, &i.Tries, &due, &i.Kept, &i.Code, &i.RequestID, &i.Reason, &i.ReasonChinese, &i.Good, &i.Bad, &twin)
	copy(i.Key[:], key)
	copy(i.Content[:], content)
	i.File, i.Line = i.ID>>lineBits, i.ID&lineMask
	if due != 0 {
		i.Due = time.UnixMilli(due)
	}
	i.Twin, i.TwinFile = twin&lineMask, twin>>lineBits
	return i, err
}

// span is the part of a file that is seen, from behind one line to before another.
func (j *job) span(file, after, before int64) (from, to int64) {
	from, to = id(file, after), id(file+1, 0)
	if before < lineMask {
		to = id(file, before)
	}
	if j.chunk != nil {
		from, to = max(from, j.chunk.first-1), min(to, j.chunk.last+1)
	}
	return from, to
}

// Due returns the items of a file behind a line that are not finished and are due, by line.
func (j *job) Due(file int64, now time.Time, after int64, steps, limit int) ([]ledger.Item, error) {
	return j.dueOf(dueQuery, file, now, after, steps, limit)
}

// Begun is Due of those items alone that something was done for before.
func (j *job) Begun(file int64, now time.Time, after int64, steps, limit int) ([]ledger.Item, error) {
	return j.dueOf(begunQuery, file, now, after, steps, limit)
}

func (j *job) dueOf(query string, file int64, now time.Time, after int64, steps, limit int) ([]ledger.Item, error) {
	ctx, cancel := brief()
	defer cancel()
	from, to := j.span(file, after, lineMask)
	rows, err := j.store.pool.Query(ctx, query+inOrder, j.id, from, to, now.UnixMilli(), steps, limit)
	if err != nil {
		return nil, told(err)
	}
	items, err := pgx.CollectRows(rows, scan)
	return items, told(err)
}

// NextDue is when the next item of a file up to a line is due; false if none is.
func (j *job) NextDue(file, last int64, steps int) (time.Time, bool, error) {
	ctx, cancel := brief()
	defer cancel()
	from, to := j.span(file, 0, min(last, lineMask-1)+1)
	var due *int64
	err := j.store.pool.QueryRow(ctx, `SELECT min(coalesce(due, 0)) FROM wxpay.items WHERE job = $1 AND `+unfinished+` AND id > $2 AND id < $3 AND step < $4 AND coalesce(due, 0) < $5`,
		j.id, from, to, steps, ledger.Never.UnixMilli()).Scan(&due)
	if err != nil || due == nil {
		return time.Time{}, false, told(err)
	}
	return time.UnixMilli(*due), true, nil
}

// Sums count all rows, by what became of them.
func (j *job) Sums() (s ledger.Sums, err error) {
	into := map[ledger.State]*int64{
		ledger.Staged: &s.Staged, ledger.Sending: &s.Sending, ledger.Done: &s.Done, ledger.Rejected: &s.Rejected, ledger.Unknown: &s.Unknown, ledger.Skipped: &s.Skipped,
	}
	err = j.groups(`SELECT CASE WHEN `+inFlight+` THEN 0 ELSE state END, sum(rows)::bigint, sum(coalesce(good, 0))::bigint, sum(coalesce(bad, 0))::bigint FROM wxpay.items i WHERE job = $1 GROUP BY 1`, func(row pgx.CollectableRow) error {
		var state ledger.State
		var n, good, bad int64
		if err := row.Scan(&state, &n, &good, &bad); err != nil {
			return err
		}
		*into[state] += n
		s.Rows, s.Good, s.Bad = s.Rows+n, s.Good+good, s.Bad+bad
		return nil
	})
	return s, err
}

// Steps count the rows that wait for another step than the first, by step.
func (j *job) Steps() (map[int]int64, error) {
	steps := map[int]int64{}
	err := j.groups(`SELECT step, sum(rows)::bigint FROM wxpay.items WHERE job = $1 AND state = 0 AND step > 0 GROUP BY step`, func(row pgx.CollectableRow) error {
		var step int
		var n int64
		err := row.Scan(&step, &n)
		steps[step] = n
		return err
	})
	return steps, err
}

// Reasons count the rejected rows by code.
func (j *job) Reasons() (map[string]int64, error) {
	reasons := map[string]int64{}
	err := j.groups(`SELECT coalesce(code, ''), sum(rows)::bigint FROM wxpay.items WHERE job = $1 AND state = 3 GROUP BY 1`, func(row pgx.CollectableRow) error {
		var code string
		var n int64
		err := row.Scan(&code, &n)
		reasons[code] = n
		return err
	})
	return reasons, err
}

func (j *job) groups(query string, each func(pgx.CollectableRow) error) error {
	ctx, cancel := brief()
	defer cancel()
	rows, err := j.store.pool.Query(ctx, query, j.id)
	if err != nil {
		return told(err)
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, each(row) })
	return told(err)
}

// UnderWay counts the rows that wait for a step and have had some effect before.
func (j *job) UnderWay() (n int64, err error) {
	ctx, cancel := brief()
	defer cancel()
	err = j.store.pool.QueryRow(ctx, `SELECT coalesce(sum(rows), 0)::bigint FROM wxpay.items WHERE job = $1 AND state = 0 AND (step > 0 OR coalesce(code, '') <> '')`, j.id).Scan(&n)
	return n, told(err)
}

// Items are all items in these states, or in any if none is named, by file and line.
func (j *job) Items(ctx context.Context, states ...ledger.State) iter.Seq2[ledger.Item, error] {
	list := []int16{}
	for _, s := range states {
		list = append(list, int16(s))
	}
	return j.items(ctx, ofJob+` AND (cardinality($2::smallint[]) = 0 OR CASE WHEN `+inFlight+` THEN 0 ELSE state END = ANY($2)) ORDER BY id`, j.id, list)
}

// Staged are the items of a file, by line.
func (j *job) Staged(ctx context.Context, file int64) iter.Seq2[ledger.Item, error] {
	return j.items(ctx, ofJob+` AND id > $2 AND id < $3 ORDER BY id`, j.id, id(file, 0), id(file+1, 0))
}

func (j *job) items(ctx context.Context, query string, args ...any) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		rows, err := j.store.pool.Query(ctx, query, args...)
		if err != nil {
			yield(ledger.Item{}, told(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			item, err := scan(rows)
			if !yield(item, told(err)) || err != nil {
				return
			}
		}
		if rows.Err() != nil {
			yield(ledger.Item{}, told(rows.Err()))
		}
	}
}

// Was is the item that stands for a line of an input, or the one that took its place since.
func (j *job) Was(file, line int64) (ledger.Item, bool, error) {
	ctx, cancel := brief()
	defer cancel()
	return ledger.Was(file, line, func(file, line int64) (item ledger.Item, ok bool, err error) {
		for item, err = range j.items(ctx, ofJob+` AND id = $2`, j.id, id(file, line)) {
			ok = err == nil
		}
		return item, ok, err
	})
}

// Ticks are how the job stood over time.
func (j *job) Ticks() ([]ledger.Tick, error) {
	ctx, cancel := brief()
	defer cancel()
	rows, err := j.store.pool.Query(ctx, `SELECT at, done, rejected, unknown, throttled, ceiling FROM wxpay.ticks WHERE job = $1 ORDER BY at`, j.id)
	if err != nil {
		return nil, told(err)
	}
	ticks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t ledger.Tick, err error) {
		var at int64
		err = row.Scan(&at, &t.Done, &t.Rejected, &t.Unknown, &t.Throttled, &t.Ceiling)
		t.At = time.UnixMilli(at)
		return t, err
	})
	return ticks, told(err)
}
