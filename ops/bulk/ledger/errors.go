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
	return fmt.Sprintf("ledger: %s has schema version %d, and this program knows those up to %d; use the program that made it, or a newer one", e.Path, e.Is, e.Known)
}

// ErrFull says that the disk, or the quota on it, is full.
var ErrFull = errors.New("ledger: the disk is full")

// ErrReadOnly says that a ledger which is only looked at cannot be written.
var ErrReadOnly = errors.New("ledger: is open to be looked at")

// told gives the errors of SQLite their names here.
func told(path string, err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return &DamagedError{path, e}
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %s: %w", ErrFull, path, e)
	}
	return fmt.Errorf("ledger: %s: %w", path, e)
}
