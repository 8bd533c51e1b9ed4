// Package postgres keeps bulk jobs in a PostgreSQL database, so that many machines work on them, and many merchants'
// jobs go on at once. River dispatches their rows in chunks.
//
// What it promises beyond what a ledger in a file does:
//
//   - A chunk is one worker's at a time. Whoever lost one, such as a machine that was asleep, can write nothing about it any
//     more, and begins no call.
//   - A worker that dies gives its chunks up within 15 seconds and a second or two.
//   - Calls of a merchant on a route are spaced over all workers: there are never more in a second than allowed.
//   - While the database cannot be reached nothing is begun. What was begun is written down before, so nothing is lost.
//
// Rows lie in the database encrypted, under a key that follows from the merchant's private key, until their chunk has ended.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wxpay-go/wxpay/ops/bulk"
	"github.com/wxpay-go/wxpay/ops/bulk/ledger"
)

// A Store is a database with jobs. It is a [bulk.Store], safe for concurrent use.
type Store struct {
	pool  *pgxpool.Pool
	clock clock

	mu       sync.Mutex
	pacers   map[pacerKey]*pacer
	throttle sync.WaitGroup
}

var _ bulk.Store = (*Store)(nil)

// Open connects to the database of a URL such as postgres://user:password@host/db, in which [Migrate] made the tables. A
// store without them, or with those of another version, is a [*VersionError], a URL that does not lead to one an
// [*AccessError]; one that cannot be reached is [bulk.ErrAway]. No error shows the password.
//
// Connections wait 15 s for a lock, let go of what they locked after 5 s of silence, and commit synchronously, whatever the
// server's defaults are. There are 8 unless the URL has pool_max_conns, 4 at least, and 3 more of a worker.
func Open(ctx context.Context, url string) (*Store, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	var is int
	err = pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		is, err = versionOf(ctx, c.Conn())
		return err
	})
	if missing(err) || err == nil && is < version {
		err = &VersionError{is, version}
	}
	if err != nil {
		pool.Close()
		return nil, told(err)
	}
	return &Store{pool: pool, pacers: map[pacerKey]*pacer{}}, nil
}

// Close ends the use of the store. Workers end first.
func (s *Store) Close() {
	s.throttle.Wait()
	s.pool.Close()
}

// quiet is for libraries that would write to the standard output.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// settings are those of each connection. A URL may name others, but for the first.
var settings = map[string]string{
	"synchronous_commit":                  "on", // what is written down before a call leaves must stay
	"idle_in_transaction_session_timeout": "5s", // a machine that falls asleep, or is gone, lets go of what it had locked
	"tcp_user_timeout":                    "10s",
	"lock_timeout":                        "15s",
}

func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, &AccessError{} // the cause may show the password
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	said := config.ConnConfig.RuntimeParams
	if said["application_name"] == "" {
		said["application_name"] = "wxpay"
	}
	delete(said, "synchronous_commit")
	var names, values []string
	for name, value := range settings {
		if said[name] == "" {
			names, values = append(names, name), append(values, value)
		}
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { // not when it starts: a pooler such as PgBouncer lets nobody do so
		_, err := conn.Exec(ctx, `SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) s (name, value)`, names, values)
		return err
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = 8
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, told(err)
	}
	return pool, nil
}

// An AccessError is a store that cannot be used as its URL says: the URL cannot be read, or the database server refuses
// the login, a parameter or what the user would do, or knows no such database. Trying again does not help.
type AccessError struct {
	Code string // SQLSTATE; empty: the URL cannot be read
	Said string // by the server
}

// Error is one line: what to do.
func (e *AccessError) Error() string {
	switch {
	case e.Code == "":
		return "postgres: the URL of the store cannot be read; it is postgres://user:password@host:5432/database"
	case e.Code == "3D000":
		return fmt.Sprintf("postgres: the database server says: %s; make it with createdb, or correct the URL", e.Said)
	}
	return fmt.Sprintf("postgres: the database server says: %s; look at user, password and parameters of the URL, and at what the server lets the user do (pg_hba.conf, GRANT)", e.Said)
}

// A VersionError is a store whose tables are of another version, or not there.
type VersionError struct{ Is, Known int }

// Error is one line: what to do.
func (e *VersionError) Error() string {
	switch {
	case e.Is == 0:
		return "postgres: the database has no tables for jobs; run wxpay store migrate"
	case e.Is < e.Known:
		return fmt.Sprintf("postgres: the tables are of version %d, and this program needs version %d; run wxpay store migrate", e.Is, e.Known)
	}
	return fmt.Sprintf("postgres: the tables are of version %d, and this program knows those up to %d; use a newer one", e.Is, e.Known)
}

// missing reports whether the tables are not there.
func missing(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "42P01" || e.Code == "3F000")
}

// told gives errors of the database their names here.
func told(err error) error {
	if err == nil || errors.Is(err, bulk.ErrAway) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		switch {
		case e.Code == "53100":
			return fmt.Errorf("%w: the database server says: %s", ledger.ErrFull, e.Message)
		case e.Code == "25006":
			return fmt.Errorf("%w: the database server says: %s", ledger.ErrReadOnly, e.Message)
		case missing(err):
			return &VersionError{0, version}
		case away(err):
			return fmt.Errorf("%w: %s", bulk.ErrAway, e.Message)
		case connecting || e.Code == "42501":
			return &AccessError{e.Code, e.Message}
		}
		return fmt.Errorf("postgres: %s (SQLSTATE %s)", e.Message, e.Code)
	}
	if away(err) {
		return fmt.Errorf("%w: %s", bulk.ErrAway, oneLine(err))
	}
	return err
}

// away reports whether the database may be back soon: a connection that was lost or refused, a server that stops, starts
// or takes no more connections. What came of a change that was under way is not known.
func away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	if errors.Is(err, bulk.ErrAway) {
		return true
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || slices.Contains([]string{"53300", "40001", "40P01", "25P03", "55P03"}, e.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

// login is how the driver begins: with who logs in.
var login = regexp.MustCompile("failed to connect to `[^`]*`:")

// oneLine is an error in one line, without who logs in. The ways to one address often fail alike, which is said once.
func oneLine(err error) string {
	var said []string
	for line := range strings.Lines(login.ReplaceAllString(err.Error(), "")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}
