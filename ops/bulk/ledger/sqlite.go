package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

const (
	application = 0x77787079 // "wxpy": tells a ledger from other files of SQLite
	version     = 1
)

// schema makes a ledger of the current version. An item has no more than it needs: a million of them fit into 200 MB.
const schema = `
CREATE TABLE job (head BLOB NOT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL, staged INTEGER NOT NULL, added INTEGER NOT NULL);
CREATE TABLE items (
	id INTEGER PRIMARY KEY, -- file << 40 | line
	rows INTEGER NOT NULL,
	key BLOB, -- NULL: skipped
	content BLOB, -- NULL: never had a key
	state INTEGER NOT NULL, step INTEGER NOT NULL, tries INTEGER NOT NULL,
	due INTEGER, -- ms; NULL: at once
	code TEXT, reason INTEGER, request_id TEXT, good INTEGER, bad INTEGER, twin INTEGER,
	seal INTEGER NOT NULL GENERATED ALWAYS AS (` + seal + `) STORED
);
CREATE UNIQUE INDEX items_key ON items (key) WHERE key IS NOT NULL;
CREATE INDEX items_unfinished ON items (id) WHERE ` + unfinished + `;
CREATE TABLE kept (id INTEGER PRIMARY KEY, call BLOB NOT NULL);
CREATE TABLE reasons (id INTEGER PRIMARY KEY, english TEXT NOT NULL, chinese TEXT NOT NULL, UNIQUE (english, chinese));
CREATE TABLE begun (day TEXT NOT NULL, step INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (day, step)) WITHOUT ROWID;
CREATE TABLE ticks (at INTEGER NOT NULL, done INTEGER NOT NULL, rejected INTEGER NOT NULL, unknown INTEGER NOT NULL, throttled INTEGER NOT NULL, ceiling REAL NOT NULL);
`

// migrations lead from one version to the next: the first from 1 to 2.
var migrations = []string{}

// A seal is written with every item, and is another one for another state. SQLite checks how its pages hang together,
// not what stands in them.
const seal = `(id % 32749 * 7 + rows % 32749 * 13 + state * 4099 + step * 521 + tries * 31 + ifnull(due, 7) % 32719 + ifnull(reason, 0) % 32749 * 23 + ifnull(good, 0) % 32749 * 17 +
	ifnull(bad, 0) % 32749 * 19 + ifnull(twin, 0) % 32717 + length(ifnull(code, '')) * 101 + length(ifnull(request_id, '')) * 211 + length(ifnull(key, '')) * 307 + length(ifnull(content, '')) * 401) & 32767`

const sealed = `(seal IS (` + seal + `) AND state IN (0, 1, 2, 3, 4, 5))`

func connect(path, how string, most int) (*sql.DB, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(whole), OmitHost: true}
	db, err := sql.Open("sqlite", address.String()+"?"+how+"&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=fullfsync(1)&_pragma=cache_size(-2048)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// recognise looks at a file without touching it, so that one that is no ledger stays as it is. It leaves the reading to
// SQLite: when a process opens and closes a file by itself, it loses the locks that SQLite has on it.
func recognise(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if !info.Mode().IsRegular() { // a link would have a lock of its own
		return &DamagedError{path, errors.New("it is a link or no file")}
	}
	db, err := connect(path, "mode=ro&immutable=1", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	var mark, is int
	if err := db.QueryRow(`PRAGMA application_id`).Scan(&mark); err != nil {
		return told(path, err)
	}
	if mark != application {
		return &DamagedError{path, errors.New("it is no ledger")}
	}
	if err := db.QueryRow(`PRAGMA user_version`).Scan(&is); err != nil {
		return told(path, err)
	}
	if is < 1 || is > version {
		return &VersionError{path, is, version}
	}
	return nil
}

// create writes an empty ledger beside its place and moves it there, so there is a whole one or none.
func create(path string, h Head) error {
	if err := vacant(path); err != nil {
		return err
	}
	beside := path + ".new"
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} { // of a process that was killed
		if err := os.Remove(beside + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(beside, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = f.Close(); err == nil {
		err = fill(beside, h)
	}
	if err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		os.Remove(beside)
		return told(path, err)
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil { // where the system can, so that the name is on disk as well
		_ = folder.Sync()
		folder.Close()
	}
	return nil
}

// vacant reports whether a ledger may be made. What the last changes of a lost one are in would become part of the new.
func vacant(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if info, err := os.Lstat(path + suffix); err == nil && info.Size() > 0 {
			return &DamagedError{path, fmt.Errorf("it is gone, and %s, which is a part of it, is there", filepath.Base(path+suffix))}
		}
	}
	for _, suffix := range []string{"-wal", "-journal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func fill(path string, h Head) error {
	db, err := connect(path, "mode=rw", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	for _, do := range []struct {
		sql  string
		args []any
	}{
		{sql: schema},
		{`INSERT INTO job (head) VALUES (?)`, []any{head}},
		{sql: fmt.Sprintf(`PRAGMA user_version = %d`, version)},
		{sql: fmt.Sprintf(`PRAGMA application_id = %d`, application)},
		{sql: `PRAGMA journal_mode = WAL`},
	} {
		if _, err := db.Exec(do.sql, do.args...); err != nil {
			return err
		}
	}
	return db.Close()
}

// prepare makes a connection that writes, after the way up from older versions and a look at the health of the file.
func prepare(path string) (*sql.DB, *sql.Conn, error) {
	db, err := connect(path, "mode=rw", 1)
	if err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err == nil {
		if err = migrate(ctx, path, conn, version, migrations); err == nil {
			if err = healthy(ctx, path, conn); err == nil {
				return db, conn, nil
			}
		}
		conn.Close()
	}
	db.Close()
	return nil, nil, err
}

// healthy finds what is damaged: pages by SQLite's own check, items by their seal, and indexes by what they count.
func healthy(ctx context.Context, path string, conn *sql.Conn) error {
	var said string
	if err := conn.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return &DamagedError{path, errors.New(said)}
	}
	var same bool
	var broken int64
	err := conn.QueryRowContext(ctx, `SELECT
		(keyed, open, sum) IS (SELECT (SELECT count(*) FROM items INDEXED BY items_key WHERE key IS NOT NULL), count(*), total(id) FROM items INDEXED BY items_unfinished WHERE `+unfinished+`), broken
		FROM (SELECT count(key) keyed, count(*) FILTER (WHERE `+unfinished+`) open, total(id) FILTER (WHERE `+unfinished+`) sum, count(*) FILTER (WHERE NOT `+sealed+`) broken FROM items NOT INDEXED)`).Scan(&same, &broken)
	switch {
	case err != nil:
		return err
	case broken > 0:
		return &DamagedError{path, fmt.Errorf("%d items are not as they were written", broken)}
	case !same:
		return &DamagedError{path, errors.New("its index and its items differ")}
	}
	return nil
}

// migrate takes a ledger up to a version, step by step, each in a transaction of its own.
func migrate(ctx context.Context, path string, conn *sql.Conn, to int, steps []string) error {
	is, err := versionOf(ctx, conn)
	if err != nil {
		return err
	}
	if is < 1 || is > to { // the newest may stand in the WAL alone
		return &VersionError{path, is, to}
	}
	for ; is < to; is++ {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(steps[is-1]); err == nil {
			_, err = tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, is+1))
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func versionOf(ctx context.Context, from interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (is int, err error) {
	err = from.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&is)
	return is, err
}
