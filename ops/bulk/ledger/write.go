package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/internal/value"
)

// A writer puts all that waits to be written into one transaction, so that many workers share one sync of the disk.
type writer struct {
	path     string
	db       *sql.DB
	conn     *sql.Conn
	jobs     chan job
	quit     chan struct{}
	ended    chan struct{} // when nothing is written any more
	closing  sync.Once
	broken   error // of a commit; what came of it nobody knows, so nothing is written any more
	reasons  map[[2]string]int64
	prepared map[string]*sql.Stmt
}

// A job is one change, and where its end is told.
type job struct {
	do   func(*change) error
	done chan error
}

// A change writes within a transaction.
type change struct{ *writer }

func newWriter(path string) (*writer, error) {
	db, conn, err := prepare(path)
	if err != nil {
		return nil, err
	}
	w := &writer{path: path, db: db, conn: conn, jobs: make(chan job, together), quit: make(chan struct{}), ended: make(chan struct{}), reasons: map[[2]string]int64{}, prepared: map[string]*sql.Stmt{}}
	go w.work()
	return w, nil
}

const together = 256 // changes in one transaction

func (w *writer) work() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.jobs:
			w.commit(w.gather(first))
		case <-w.quit:
			for len(w.jobs) > 0 {
				w.commit(w.gather(<-w.jobs))
			}
			return
		}
	}
}

// gather takes all that waits.
func (w *writer) gather(first job) []job {
	group := []job{first}
	for len(group) < together {
		select {
		case next := <-w.jobs:
			group = append(group, next)
		default:
			return group
		}
	}
	return group
}

// commit makes changes together. One that is refused is left out, and those that came with it are made without it.
func (w *writer) commit(group []job) {
	for len(group) > 0 {
		at, err := w.try(group)
		if _, refused := errors.AsType[refusal](err); refused {
			group[at].done <- err
			group = slices.Delete(group, at, at+1)
			continue
		}
		for _, j := range group {
			j.done <- err
		}
		return
	}
}

// try makes all changes or none. It returns which one failed.
func (w *writer) try(group []job) (at int, err error) {
	if w.broken != nil {
		return 0, w.broken
	}
	if err = w.simply(`BEGIN IMMEDIATE`); err == nil {
		for i, j := range group {
			if at, err = i, j.do(&change{w}); err != nil {
				break
			}
		}
		if err == nil {
			err = w.simply(`COMMIT`)
		}
		if err != nil {
			_ = w.simply(`ROLLBACK`) // SQLite may have done so by itself
			clear(w.reasons)
		}
	}
	if _, refused := errors.AsType[refusal](err); err != nil && !refused {
		w.broken = told(w.path, err)
		err = w.broken
	}
	return at, err
}

// simply runs a statement that is not worth preparing.
func (w *writer) simply(text string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), text, args...)
	return err
}

// write makes a change, and returns when it is on disk. When ctx ends it no longer waits; the change may be made.
func (l *SQLite) write(ctx context.Context, do func(*change) error) error {
	return l.queue(ctx, do)(ctx)
}

// queue puts a change behind those before it, and returns what waits until it is on disk.
func (l *SQLite) queue(ctx context.Context, do func(*change) error) (wait func(context.Context) error) {
	failed := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	if l.writer == nil {
		return failed(ErrReadOnly)
	}
	j := job{do, make(chan error, 1)}
	select {
	case <-l.writer.quit:
		return failed(ErrClosed)
	default:
	}
	select {
	case l.writer.jobs <- j:
	case <-l.writer.ended:
		return failed(ErrClosed)
	case <-ctx.Done():
		return failed(context.Cause(ctx))
	}
	return func(ctx context.Context) error {
		select {
		case err := <-j.done:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.writer.ended:
		}
		select {
		case err := <-j.done: // the last one it wrote
			return err
		default:
			return ErrClosed
		}
	}
}

// close ends the writer.
func (w *writer) close() error {
	var err error
	w.closing.Do(func() {
		close(w.quit)
		<-w.ended
		for _, s := range w.prepared {
			s.Close()
		}
		_ = w.simply(`PRAGMA busy_timeout = 500`) // one who reads is not waited for: what stays in the WAL is safe there
		err = w.simply(`PRAGMA wal_checkpoint(TRUNCATE)`)
		if w.broken != nil {
			err = nil // was told before
		}
		err = errors.Join(err, w.conn.Close(), w.db.Close())
	})
	return err
}

// exec runs a statement, which is prepared once.
func (c *change) exec(text string, args ...any) (sql.Result, error) {
	s, err := c.statement(text)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

func (c *change) row(text string, args ...any) (*sql.Row, error) {
	s, err := c.statement(text)
	if err != nil {
		return nil, err
	}
	return s.QueryRow(args...), nil
}

func (c *change) statement(text string) (*sql.Stmt, error) {
	s := c.prepared[text]
	if s == nil {
		var err error
		if s, err = c.conn.PrepareContext(context.Background(), text); err != nil {
			return nil, err
		}
		c.prepared[text] = s
	}
	return s, nil
}

// AddFile adds an input, and returns it with its ID. One at a time is staged: an earlier one that was not staged to its
// end is taken back with all its items, since nothing of it can have been sent. Rows of earlier inputs that were to be
// sent again as a part of it are rejected as before.
func (l *SQLite) AddFile(f File) (File, error) {
	f.Added = time.Now().Truncate(time.Second)
	err := l.write(context.Background(), func(c *change) error {
		if err := c.dropHalf(); err != nil {
			return err
		}
		result, err := c.exec(`INSERT INTO files (name, digest, rows, staged, added) VALUES (?, ?, 0, 0, ?)`, f.Name, f.Digest, f.Added.Unix())
		if err != nil {
			return err
		}
		f.ID, err = result.LastInsertId()
		return err
	})
	return f, err
}

// FileStaged says that all items of an input are staged.
func (l *SQLite) FileStaged(id, rows int64) error {
	return l.write(context.Background(), func(c *change) error {
		_, err := c.exec(`UPDATE files SET staged = 1, rows = ? WHERE id = ?`, rows, id)
		return err
	})
}

// dropHalf takes back the input that was not staged to its end, if there is one. It is the last.
func (c *change) dropHalf() error {
	row, err := c.row(`SELECT ifnull(max(id), 0) FROM files WHERE staged = 0`)
	if err != nil {
		return err
	}
	var file int64
	if err := row.Scan(&file); err != nil || file == 0 {
		return err
	}
	for _, text := range []string{
		`CREATE TEMP TABLE back AS SELECT key, twin FROM items WHERE id > ?1 AND id < ?2 AND key IS NOT NULL AND twin IS NOT NULL`,
		`CREATE INDEX temp.back_twin ON back (twin)`,
		`DELETE FROM items WHERE id > ?1 AND id < ?2`,
		`UPDATE items SET state = 3, code = nullif(substr(code, 11), ''), twin = NULL,
			key = ifnull(key, (SELECT key FROM back WHERE back.twin = items.id))
			WHERE id IN (SELECT twin FROM back)`,
		`DROP TABLE back`,
		`DELETE FROM files WHERE id = ?3`,
	} {
		if err := c.simply(text, id(file, 0), id(file+1, 0), file); err != nil {
			return err
		}
	}
	return nil
}

// Stage writes items of an input, in one transaction. One that is there already stays as it is, so staging may be done
// again after a crash. One whose key another item has is skipped, with a code that says why and the line of the other;
// only if that one was rejected as a part of an earlier input, it is staged again here, and the other skipped. So is a
// rejected one that an entry says it corrects. Sealed are the rows themselves, for ledgers whose rows others take than the
// process that reads the input; this one has no use for them.
func (l *SQLite) Stage(file int64, entries []Entry, _ []byte) error {
	return l.write(context.Background(), func(c *change) error {
		for _, e := range entries {
			if e.Line <= 0 || e.Line > lineMask {
				return refusal{fmt.Sprintf("line %d cannot be", e.Line)}
			}
			if err := c.stage(file, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *change) stage(file int64, e Entry) error {
	at := id(file, e.Line)
	result, err := c.exec(`INSERT INTO items (id, rows, key, content, state, step, tries) VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT DO NOTHING`, at, e.Rows, e.Key[:], e.Content[:])
	if err != nil {
		return err
	}
	switch n, err := result.RowsAffected(); {
	case err != nil:
		return err
	case n == 1 && e.ForFile != 0 && e.ForFile < file:
		return c.correct(id(e.ForFile, e.ForLine), at)
	case n == 1:
		return nil
	}
	there, err := c.row(`SELECT count(*) FROM items WHERE id = ?`, at)
	if err != nil {
		return err
	}
	var same int
	if err := there.Scan(&same); err != nil || same == 1 {
		return err
	}
	other, err := c.row(`SELECT id, content, state, ifnull(code, '') FROM items WHERE key = ?`, e.Key[:])
	if err != nil {
		return err
	}
	var twin int64
	var content []byte
	var state State
	var code string
	if err := other.Scan(&twin, &content, &state, &code); err != nil {
		return err
	}
	earlier, alike := twin>>lineBits != file, string(content) == string(e.Content[:])
	switch {
	case earlier && state == Rejected:
		if _, err := c.exec(`UPDATE items SET state = 5, key = NULL, code = ?, twin = ? WHERE id = ?`, FedAgain+":"+code, at, twin); err != nil {
			return err
		}
		_, err := c.exec(`INSERT INTO items (id, rows, key, content, state, step, tries, twin) VALUES (?, ?, ?, ?, 0, 0, 0, ?)`, at, e.Rows, e.Key[:], e.Content[:], twin)
		return err
	case !alike:
		code = Changed
	case !earlier:
		code = Duplicate
	case state == Done:
		code = DoneBefore
	default:
		code = Elsewhere
	}
	_, err = c.exec(`INSERT INTO items (id, rows, state, step, tries, code, twin) VALUES (?, ?, 5, 0, 0, ?, ?)`, at, e.Rows, code, twin)
	return err
}

// correct ends a rejected item in favour of another. It keeps its key, which is not that of the other.
func (c *change) correct(item, by int64) error {
	result, err := c.exec(`UPDATE items SET state = 5, code = ? || ifnull(code, ''), twin = ? WHERE id = ? AND state = 3`, FedAgain+":", by, item)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = c.exec(`UPDATE items SET twin = ? WHERE id = ?`, item, by)
	return err
}

// Wake makes everything of an input due that was begun and has no outcome, and with staged also what waits for its next
// step. What was put off until [Never] is due at last. A run does so once, when it begins.
func (l *SQLite) Wake(file int64, staged bool, last time.Time) error {
	return l.write(context.Background(), func(c *change) error {
		never, from, to := Never.UnixMilli(), id(file, 0), id(file+1, 0)
		if _, err := c.exec(`UPDATE items SET due = NULL WHERE (state IN (1, 4) OR state = 0 AND ? AND due < ?) AND due IS NOT NULL AND id > ? AND id < ?`, staged, never, from, to); err != nil {
			return err
		}
		_, err := c.exec(`UPDATE items SET due = ? WHERE state = 0 AND due >= ? AND id > ? AND id < ?`, last.UnixMilli(), never, from, to)
		return err
	})
}

// Begin writes a call down, before its first byte leaves. It returns when that is on disk.
func (l *SQLite) Begin(ctx context.Context, item int64, kept []byte) error {
	day := time.Now().In(value.Beijing).Format(time.DateOnly)
	return l.write(ctx, func(c *change) error {
		if err := c.one(`UPDATE items SET state = 1, tries = tries + 1 WHERE id = ? AND state IN (0, 1, 4)`, item); err != nil {
			return err
		}
		if _, err := c.exec(`INSERT INTO begun (day, step, count) SELECT ?, step, 1 FROM items WHERE id = ? ON CONFLICT DO UPDATE SET count = count + 1`, day, item); err != nil {
			return err
		}
		if kept == nil {
			return nil
		}
		_, err := c.exec(`INSERT OR REPLACE INTO kept (id, call) VALUES (?, ?)`, item, kept)
		return err
	})
}

// one is a statement that has to change one item.
func (c *change) one(text string, args ...any) error {
	result, err := c.exec(text, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return cmp.Or(err, error(refusal{"the item is not there, or has ended"}))
	}
	return nil
}

// End writes down how a step ended. What was kept of its call goes, unless the outcome is unknown.
func (l *SQLite) End(ctx context.Context, item int64, o Outcome) error {
	return l.EndLater(ctx, item, o)(ctx)
}

// EndLater queues the change and returns; wait blocks until it is on disk. Changes reach the disk in the order in which
// they were queued, so when a later Begin returns, this one is there too.
func (l *SQLite) EndLater(ctx context.Context, item int64, o Outcome) (wait func(context.Context) error) {
	if o.State != Staged && o.State != Done && o.State != Rejected && o.State != Unknown {
		return func(context.Context) error { return refusal{fmt.Sprintf("no step ends with state %d", o.State)} }
	}
	return l.queue(ctx, func(c *change) error {
		reason, err := c.reason(o.Reason, o.ReasonChinese)
		if err != nil {
			return err
		}
		if o.State != Unknown {
			if _, err := c.exec(`DELETE FROM kept WHERE id = ?`, item); err != nil {
				return err
			}
		}
		return c.one(`UPDATE items SET state = ?, step = ?, due = ?, code = ?, reason = ?, request_id = ?, good = ?, bad = ?, tries = iif(step = ?, tries, 0) WHERE id = ? AND state IN (0, 1, 4)`,
			o.State, o.Step, millis(o.Due), null(o.Code), reason, null(o.RequestID), null(o.Good), null(o.Bad), o.Step, item)
	})
}

// reason is the number of a text, which many items share; nil: none.
func (c *change) reason(english, chinese string) (any, error) {
	text := [2]string{english, chinese}
	if text == ([2]string{}) {
		return nil, nil
	}
	if n, ok := c.reasons[text]; ok {
		return n, nil
	}
	if _, err := c.exec(`INSERT INTO reasons (english, chinese) VALUES (?, ?) ON CONFLICT DO NOTHING`, english, chinese); err != nil {
		return nil, err
	}
	row, err := c.row(`SELECT id FROM reasons WHERE english = ? AND chinese = ?`, english, chinese)
	if err != nil {
		return nil, err
	}
	var n int64
	if err := row.Scan(&n); err != nil {
		return nil, err
	}
	if len(c.reasons) < 1000 { // forgotten when a transaction fails
		c.reasons[text] = n
	}
	return n, nil
}

// Tick remembers how the job stands.
func (l *SQLite) Tick(t Tick) error {
	return l.write(context.Background(), func(c *change) error {
		_, err := c.exec(`INSERT INTO ticks (at, done, rejected, unknown, throttled, ceiling) VALUES (?, ?, ?, ?, ?, ?)`, t.At.UnixMilli(), t.Done, t.Rejected, t.Unknown, t.Throttled, t.Ceiling)
		return err
	})
}

func null[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
