package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// schemaName holds all tables, those of River among them.
const schemaName = "wxpay"

// version of the tables that this package reads and writes.
const version = 1

// migrations lead from one version to the next; the first from nothing. Each is one transaction.
//
// An item is known by job, file and line, as in a ledger in a file, and rows are never read by their state: a chunk is a
// range of items. So no index but the two that make items unique has to follow an item from state to state, and PostgreSQL
// changes it in place (HOT).
var migrations = []string{`
CREATE TABLE wxpay.jobs (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	sender text NOT NULL,
	head jsonb NOT NULL,
	record bytea, -- how the command runs it
	terms jsonb NOT NULL DEFAULT '{}',
	started boolean NOT NULL DEFAULT false, starts bigint NOT NULL DEFAULT 0,
	stopped jsonb, put_off jsonb,
	throttled bigint NOT NULL DEFAULT 0, repeated bigint NOT NULL DEFAULT 0,
	created timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE wxpay.files (
	job bigint NOT NULL REFERENCES wxpay.jobs ON DELETE CASCADE, id bigint NOT NULL,
	name text NOT NULL, digest text NOT NULL, rows bigint NOT NULL DEFAULT 0, staged boolean NOT NULL DEFAULT false, added bigint NOT NULL,
	steps int NOT NULL DEFAULT 0, -- that are to be taken of its rows; 0: all
	PRIMARY KEY (job, id)
);
CREATE TABLE wxpay.items (
	job bigint NOT NULL REFERENCES wxpay.jobs ON DELETE CASCADE,
	id bigint NOT NULL, -- file << 40 | line
	rows bigint NOT NULL,
	key bytea, -- NULL: skipped
	content bytea,
	state smallint NOT NULL DEFAULT 0, step int NOT NULL DEFAULT 0, tries int NOT NULL DEFAULT 0,
	due bigint, -- ms; NULL: at once
	kept bytea, -- the call that was begun, encrypted
	code text, request_id text, reason text, reason_zh text,
	good bigint, bad bigint, twin bigint,
	PRIMARY KEY (job, id)
) WITH (fillfactor = 75);
CREATE UNIQUE INDEX items_key ON wxpay.items (job, key) WHERE key IS NOT NULL;
CREATE TABLE wxpay.chunks (
	job bigint NOT NULL REFERENCES wxpay.jobs ON DELETE CASCADE,
	first bigint NOT NULL, last bigint NOT NULL, -- its items
	sealed bytea, -- its rows, encrypted; NULL: all of them have ended
	due timestamptz, -- NULL: nothing that workers could do by themselves
	river bigint, -- its job there; NULL: it is not queued
	turn bigint NOT NULL DEFAULT 0, -- counts how often it was queued
	worker bigint, -- who has it
	token bigint NOT NULL DEFAULT 0, -- counts how often somebody took it, and fences off those before
	rows bigint NOT NULL DEFAULT 0, staged bigint NOT NULL DEFAULT 0, done bigint NOT NULL DEFAULT 0,
	rejected bigint NOT NULL DEFAULT 0, unknown bigint NOT NULL DEFAULT 0, skipped bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (job, first)
) WITH (fillfactor = 75);
CREATE INDEX chunks_due ON wxpay.chunks (job, due) WHERE due IS NOT NULL;
CREATE INDEX chunks_free ON wxpay.chunks (job, first) WHERE due IS NOT NULL AND river IS NULL AND worker IS NULL;
CREATE INDEX chunks_queued ON wxpay.chunks (job) WHERE river IS NOT NULL;
CREATE INDEX chunks_worker ON wxpay.chunks (worker) WHERE worker IS NOT NULL;
CREATE TABLE wxpay.ticks (
	job bigint NOT NULL REFERENCES wxpay.jobs ON DELETE CASCADE,
	at bigint NOT NULL, done bigint NOT NULL, rejected bigint NOT NULL, unknown bigint NOT NULL, throttled bigint NOT NULL, ceiling float8 NOT NULL,
	PRIMARY KEY (job, at)
);
CREATE TABLE wxpay.workers (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	host text NOT NULL, pid int NOT NULL, chunks int NOT NULL,
	started timestamptz NOT NULL DEFAULT clock_timestamp(), seen timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE wxpay.permits (
	sender text NOT NULL, route text NOT NULL,
	state jsonb NOT NULL, turn bigint NOT NULL DEFAULT 0, -- a pace.Permits, and how often it changed
	PRIMARY KEY (sender, route)
) WITH (fillfactor = 50);
CREATE TABLE wxpay.sweep (at timestamptz NOT NULL);
INSERT INTO wxpay.sweep VALUES ('epoch');
CREATE TABLE wxpay.days (
	sender text NOT NULL, route text NOT NULL, day date NOT NULL, count bigint NOT NULL,
	PRIMARY KEY (sender, route, day)
);
`}

// Migrate makes the tables of a store, or brings them up to this version, River's among them. It may be run again at any
// time, also by several at once, while no job runs. It needs the right to create the schema wxpay, or that schema and the right
// to create tables in it. A store of a newer version is left as it is: a [*VersionError].
func Migrate(ctx context.Context, url string) error {
	pool, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	return told(migrate(ctx, pool))
}

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	const lock = `SELECT pg_advisory_lock(hashtextextended('wxpay migrate', 0))`
	if _, err := conn.Exec(ctx, lock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock_all()`) }()
	if _, err := conn.Exec(ctx, `DO $$ BEGIN IF to_regnamespace('wxpay') IS NULL THEN CREATE SCHEMA wxpay; END IF; END $$; CREATE TABLE IF NOT EXISTS wxpay.version (version int NOT NULL)`); err != nil {
		return err
	}
	is, err := versionOf(ctx, conn.Conn())
	if err != nil {
		return err
	}
	for ; is < version; is++ {
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, migrations[is]); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, fmt.Sprintf(`DELETE FROM wxpay.version; INSERT INTO wxpay.version VALUES (%d)`, is+1))
			return err
		}); err != nil {
			return fmt.Errorf("to version %d: %w", is+1, err)
		}
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schemaName, Logger: quiet})
	if err != nil {
		return err
	}
	_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// versionOf is the version of the tables; an error if this package does not know it.
func versionOf(ctx context.Context, conn *pgx.Conn) (is int, err error) {
	err = conn.QueryRow(ctx, `SELECT version FROM wxpay.version`).Scan(&is)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err == nil && is > version {
		err = &VersionError{is, version}
	}
	return is, err
}
