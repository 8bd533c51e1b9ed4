package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A writer puts all that waits to be written into one transaction, so that many workers share one sync of the disk.
type writer struct {
	path     string
	db       *sql.DB
	conn     *sql.Conn
	jobs     chan job
	ended    chan struct{}
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
	w := &writer{path: path, db: db, conn: conn, jobs: make(chan job), ended: make(chan struct{}), reasons: map[[2]string]int64{}, prepared: map[string]*sql.Stmt{}}
	go w.work()
	return w, nil
}

const together = 256 // changes in one transaction

func (w *writer) work() {
	defer close(w.ended)
	for first := range w.jobs {
		group := []job{first}
		for more := true; more && len(group) < together; {
			select {
			case next, open := <-w.jobs:
				if more = open; open {
					group = append(group, next)
				}
			default:
				more = false
			}
		}
		err := w.commit(group)
		for _, j := range group {
			j.done <- err
		}
	}
}

// commit makes all changes or none.
func (w *writer) commit(group []job) error {
	if w.broken != nil {
		return w.broken
	}
	err := w.simply(`BEGIN IMMEDIATE`)
	if err == nil {
		for _, j := range group {
			if err = j.do(&change{w}); err != nil {
				break
			}
		}
		if err == nil {
			err = w.simply(`COMMIT`)
		}
		if err != nil {
			_ = w.simply(`ROLLBACK`) // SQLite may have done so by itself
		}
	}
	if err != nil {
		w.broken = told(w.path, err)
	}
	return w.broken
}

// simply runs a statement that is not worth preparing.
func (w *writer) simply(text string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), text, args...)
	return err
}

// write makes a change, and returns when it is on disk. When ctx ends it no longer waits; the change may be made.
func (l *Ledger) write(ctx context.Context, do func(*change) error) error {
	if l.writer == nil {
		return ErrReadOnly
	}
	j := job{do, make(chan error, 1)}
	select {
	case l.writer.jobs <- j:
	case <-l.writer.ended:
		return errors.New("ledger: is closed")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the writer. Nothing may be written meanwhile.
func (w *writer) close() error {
	var err error
	w.closing.Do(func() {
		close(w.jobs)
		<-w.ended
		for _, s := range w.prepared {
			s.Close()
		}
		_, err = w.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
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

// AddFile adds an input, and returns it with its ID.
func (l *Ledger) AddFile(f File) (File, error) {
	f.Added = time.Now().Truncate(time.Second)
	err := l.write(context.Background(), func(c *change) error {
		result, err := c.exec(`INSERT INTO files (name, digest, encoding, rows, staged, added) VALUES (?, ?, ?, 0, 0, ?)`, f.Name, f.Digest, f.Encoding, f.Added.Unix())
		if err != nil {
			return err
		}
		f.ID, err = result.LastInsertId()
		return err
	})
	return f, err
}

// FileStaged says that all items of an input are staged.
func (l *Ledger) FileStaged(id, rows int64) error {
	return l.write(context.Background(), func(c *change) error {
		_, err := c.exec(`UPDATE files SET staged = 1, rows = ? WHERE id = ?`, rows, id)
		return err
	})
}

// Drop takes an input back that was not staged to its end, with all its items. Rows of earlier inputs that were to be
// sent again as a part of it are rejected as before.
func (l *Ledger) Drop(file int64) error {
	return l.write(context.Background(), func(c *change) error {
		var staged bool
		row, err := c.row(`SELECT staged FROM files WHERE id = ?`, file)
		if err == nil {
			err = row.Scan(&staged)
		}
		if err != nil {
			return err
		}
		if staged {
			return errors.New("ledger: an input that is staged cannot be dropped")
		}
		for _, text := range []string{
			`CREATE TEMP TABLE back AS SELECT key, content, twin FROM items WHERE id > ?1 AND id < ?2 AND key IS NOT NULL AND twin IS NOT NULL`,
			`DELETE FROM items WHERE id > ?1 AND id < ?2`,
			`UPDATE items SET state = 3, code = (SELECT substr(code, 11) FROM items x WHERE x.id = items.id), twin = NULL,
				key = (SELECT key FROM back WHERE back.twin = items.id), content = (SELECT content FROM back WHERE back.twin = items.id)
				WHERE id IN (SELECT twin FROM back)`,
			`DROP TABLE back`,
			`DELETE FROM files WHERE id = ?3`,
		} {
			if err := c.simply(text, id(file, 0), id(file+1, 0), file); err != nil {
				return err
			}
		}
		return nil
	})
}

// Stage writes items of an input, in one transaction. One that is there already stays as it is, so staging may be done
// again after a crash. One whose key another item has is skipped, with a code that says why and the line of the other;
// only if that one was rejected as a part of an earlier input, it is staged again here, and the other skipped.
func (l *Ledger) Stage(file int64, entries []Entry) error {
	return l.write(context.Background(), func(c *change) error {
		for _, e := range entries {
			if e.Line <= 0 || e.Line > lineMask {
				return fmt.Errorf("ledger: line %d", e.Line)
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
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
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
		if _, err := c.exec(`UPDATE items SET state = 5, key = NULL, content = NULL, code = ?, twin = ? WHERE id = ?`, FedAgain+":"+code, at, twin); err != nil {
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

// Wake makes everything of an input due that was begun and has no outcome. A run does so once, when it begins.
func (l *Ledger) Wake(file int64) error {
	return l.write(context.Background(), func(c *change) error {
		_, err := c.exec(`UPDATE items SET due = NULL WHERE state IN (1, 4) AND id > ? AND id < ?`, id(file, 0), id(file+1, 0))
		return err
	})
}

// Begin writes a call down, before its first byte leaves. It returns when that is on disk.
func (l *Ledger) Begin(ctx context.Context, item int64, kept []byte) error {
	day := time.Now().In(beijing).Format(time.DateOnly)
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
		return errors.Join(err, fmt.Errorf("ledger: %d items changed instead of one", n))
	}
	return nil
}

// End writes down how a step ended. What was kept of its call goes, unless the outcome is unknown.
func (l *Ledger) End(ctx context.Context, item int64, o Outcome) error {
	return l.write(ctx, func(c *change) error {
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
	if len(c.reasons) < 1000 { // a transaction that fails breaks the writer, so no number here is of one that was not made
		c.reasons[text] = n
	}
	return n, nil
}

// Tick remembers how the job stands.
func (l *Ledger) Tick(t Tick) error {
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
