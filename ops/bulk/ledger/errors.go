package ledger

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A DamagedError is a file that is no ledger, or no whole one. Do not go on with it: give it back from a copy, or find
// out by queries what was done.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("ledger: %s is damaged or no ledger (%v); nothing was sent. Restore it from a copy; without one find out what was done before anything is sent again", e.Path, e.Err)
}

// Unwrap gives the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// A VersionError is a ledger of another version of this package.
type VersionError struct {
	Path      string
	Is, Known int
}

func (e *VersionError) Error() string {
	if e.Is > 0 && e.Is < e.Known {
		return fmt.Sprintf("ledger: %s has schema version %d, and this program reads version %d; go on with its job once, and it is brought up to that", e.Path, e.Is, e.Known)
	}
	return fmt.Sprintf("ledger: %s has schema version %d, and this program knows those up to %d; use the program that made it, or a newer one", e.Path, e.Is, e.Known)
}

// Errors of writing. After one of them nothing more is written until the ledger is opened again, and nothing may be sent.
var (
	ErrFull     = errors.New("ledger: the disk, or the quota on it, is full, or does not take what is written")
	ErrReadOnly = errors.New("ledger: its file or folder cannot be written, or it is open to be looked at")
	ErrClosed   = errors.New("ledger: is closed")
)

// told gives the errors of SQLite their names here.
func told(path string, err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT,
		sqlite3.SQLITE_ERROR: // a table or column is not there
		return &DamagedError{path, e}
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %s: %w", ErrFull, path, e)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %s: %w", ErrReadOnly, path, e)
	}
	switch e.Code() {
	case sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_DATA, sqlite3.SQLITE_IOERR_CORRUPTFS:
		return &DamagedError{path, e}
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w: %s: %w", ErrFull, path, e)
	}
	return fmt.Errorf("ledger: %s: %w", path, e)
}

// A refusal is a change that does not fit what is there. None of it is made, and the ledger stays in use.
type refusal struct{ text string }

func (e refusal) Error() string { return "ledger: " + e.text }
