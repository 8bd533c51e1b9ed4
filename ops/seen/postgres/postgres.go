// Package postgres remembers handled notifications in PostgreSQL, for any number of instances of a receiver:
//
//	err := postgres.Migrate(ctx, pool) // once, or at every start
//	h := notify.New(client, notify.Config{Seen: postgres.New(pool, postgres.Config{})})
//
// A notification that several instances get at once runs on one of them. If that one dies, its claim ends by
// itself and the next repeat of the platform runs elsewhere. One table serves all merchants:
//
//	CREATE TABLE wxpay_seen (
//		id      text PRIMARY KEY,
//		claim   text,                 -- of the instance at work; NULL: done
//		expires timestamptz NOT NULL  -- of the claim, or of the memory that it was done
//	)
//
// All times are those of the server, whatever the clocks and time zones of the instances. Each Begin and each End is
// one statement; each success deletes two rows that have expired, so the table holds about what comes in 25 hours and needs
// no upkeep.
//
// Between the work and its record an instance can still die, and then a repeat works again. Where that must not
// be, and the work is a transaction, note Event.ID in it, in a table of your own:
//
//	tag, err := tx.Exec(ctx, "INSERT INTO handled (merchant, type, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", mchid, e.EventType, e.ID)
//	if err == nil && tag.RowsAffected() == 0 {
//		return nil // done before
//	}
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/internal/claims"
)

// A DB runs statements: a *pgxpool.Pool, and for [Migrate] a *pgx.Conn or a pgx.Tx too, which serve one goroutine at
// a time.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// A Config says how a [Seen] works. The zero Config serves.
type Config struct {
	// Lease is after which time the claim of an instance that died ends. Default 10 s. It should be longer by
	// some seconds than Config.Timeout of notify, which is 4 s by default: a function that goes on for longer than
	// Lease may run a second time beside itself, on another instance.
	Lease time.Duration
}

// keep is how long it is remembered that a notification was handled: longer than the platform repeats.
const keep = 25 * time.Hour

// Seen is a [notify.Seen] in PostgreSQL. It is safe for concurrent use and starts no goroutine.
type Seen struct {
	db     DB
	lease  time.Duration
	claims claims.Claims
}

var _ notify.Seen = (*Seen)(nil)

// New returns what db, a *pgxpool.Pool, remembers. Instances share it by sharing the database; [Migrate] makes the table.
func New(db DB, config Config) *Seen {
	if config.Lease <= 0 {
		config.Lease = 10 * time.Second
	}
	return &Seen{db: db, lease: config.Lease}
}

// Migrate makes the table wxpay_seen and its index in the first schema of the search_path, unless they are there. It
// may be called at every start, by several instances at once and within a transaction; it needs the right to create
// tables.
func Migrate(ctx context.Context, db DB) error {
	// IF NOT EXISTS alone fails for the second of two that come at once.
	_, err := db.Exec(ctx, `DO $$ BEGIN
		PERFORM pg_advisory_xact_lock(hashtext('wxpay_seen'));
		CREATE TABLE IF NOT EXISTS wxpay_seen (id text PRIMARY KEY, claim text, expires timestamptz NOT NULL);
		CREATE INDEX IF NOT EXISTS wxpay_seen_expires ON wxpay_seen (expires);
	END $$`)
	return explain(err)
}

// Begin claims id. A claim of this instance keeps others of it out until its End, however long that takes, so that
// there is never a doubt whose End it is.
func (s *Seen) Begin(ctx context.Context, id string) (done bool, err error) {
	return s.claims.Begin(ctx, id, s.claim)
}

// End gives the claim up and, if done, records id. What was done is recorded even if the claim had expired; the claim
// of another that has taken over is left alone otherwise.
func (s *Seen) End(ctx context.Context, id string, done bool) error {
	return s.claims.End(ctx, id, done, s.release, s.record)
}

func (s *Seen) claim(ctx context.Context, id, token string) (holder string, err error) {
	var claim *string
	err = s.db.QueryRow(ctx, `
		INSERT INTO wxpay_seen AS s (id, claim, expires) VALUES ($1, $2, statement_timestamp() + $3::interval)
		ON CONFLICT (id) DO UPDATE SET
			claim   = CASE WHEN s.expires <= statement_timestamp() THEN excluded.claim   ELSE s.claim   END,
			expires = CASE WHEN s.expires <= statement_timestamp() THEN excluded.expires ELSE s.expires END
		RETURNING claim`, id, token, s.lease).Scan(&claim)
	switch {
	case err != nil:
		return "", explain(err)
	case claim == nil:
		return claims.Done, nil
	}
	return *claim, nil
}

func (s *Seen) release(ctx context.Context, id, token string) error {
	_, err := s.db.Exec(ctx, "DELETE FROM wxpay_seen WHERE id = $1 AND claim = $2", id, token)
	return explain(err)
}

func (s *Seen) record(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `
		WITH expired AS (
			DELETE FROM wxpay_seen WHERE id = ANY (ARRAY (
				SELECT id FROM wxpay_seen WHERE expires <= statement_timestamp() AND id <> $1
				ORDER BY expires LIMIT 2 FOR UPDATE SKIP LOCKED))
		)
		INSERT INTO wxpay_seen (id, claim, expires) VALUES ($1, NULL, statement_timestamp() + $2::interval)
		ON CONFLICT (id) DO UPDATE SET claim = NULL, expires = excluded.expires`, id, keep)
	return explain(err)
}

// explain makes one line of an error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	const undefinedTable = "42P01"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == undefinedTable {
		err = fmt.Errorf("call Migrate first: %w", err)
	}
	return oneline.Error(fmt.Errorf("postgres: %w", err))
}
