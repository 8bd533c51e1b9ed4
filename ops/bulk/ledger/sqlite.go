package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, encoding TEXT NOT NULL, rows INTEGER NOT NULL, staged INTEGER NOT NULL, added INTEGER NOT NULL);
CREATE TABLE items (
	id INTEGER PRIMARY KEY, -- file << 40 | line
	rows INTEGER NOT NULL,
	key BLOB, content BLOB, -- NULL: skipped
	state INTEGER NOT NULL, step INTEGER NOT NULL, tries INTEGER NOT NULL,
	due INTEGER, -- ms; NULL: at once
	code TEXT, reason INTEGER, request_id TEXT, good INTEGER, bad INTEGER, twin INTEGER
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

func connect(path, how string, most int) (*sql.DB, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(whole), OmitHost: true}
	db, err := sql.Open("sqlite", address.String()+"?"+how+"&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=cache_size(-8192)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// recognise looks at the head of a file, so that one that is no ledger is never touched.
func recognise(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	head := make([]byte, 100)
	if _, err := io.ReadFull(f, head); err != nil {
		return &DamagedError{path, errors.New("it is too short")}
	}
	if string(head[:16]) != "SQLite format 3\x00" || binary.BigEndian.Uint32(head[68:]) != application {
		return &DamagedError{path, errors.New("it is no ledger")}
	}
	if is := int(binary.BigEndian.Uint32(head[60:])); is < 1 || is > version {
		return &VersionError{path, is, version}
	}
	return nil
}

// create writes an empty ledger. Its mark comes last, so one that was left half made is no ledger.
func create(path string, h Head) error {
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
		{sql: `PRAGMA auto_vacuum = NONE`},
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
	return nil
}

// prepare makes a connection that writes, after a look at the health of the file and the way up from older versions.
func prepare(path string) (*sql.DB, *sql.Conn, error) {
	db, err := connect(path, "mode=rw", 1)
	if err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err == nil {
		if err = healthy(ctx, path, conn); err == nil {
			if err = migrate(ctx, conn, version, migrations); err == nil {
				return db, conn, nil
			}
		}
		conn.Close()
	}
	db.Close()
	return nil, nil, err
}

func healthy(ctx context.Context, path string, conn *sql.Conn) error {
	var mode, said string
	if err := conn.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return &DamagedError{path, errors.New(said)}
	}
	return nil
}

// migrate takes a ledger up to a version, step by step, each in a transaction of its own.
func migrate(ctx context.Context, conn *sql.Conn, to int, steps []string) error {
	var is int
	if err := conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&is); err != nil {
		return err
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
