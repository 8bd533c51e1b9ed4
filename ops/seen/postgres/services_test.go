//go:build services

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/postgres"
	"github.com/wxpay-go/wxpay/ops/seen/seentest"
)

// settings are of a connection, by name.
type settings map[string]string

// connect opens a pool.
func connect(t *testing.T, of settings) *pgxpool.Pool {
	t.Helper()
	address, err := url.Parse(os.Getenv("DATABASE_URL"))
	require.NoError(t, err)
	require.NotEmpty(t, address.Host, "DATABASE_URL is to be postgres://…")
	query := address.Query()
	for name, value := range of {
		query.Set(name, value)
	}
	address.RawQuery = query.Encode()
	pool, err := pgxpool.New(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

var schemas atomic.Int64

// schema makes an empty schema for one test.
func schema(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("seen_%d_%d", os.Getpid(), schemas.Add(1))
	pool := connect(t, nil)
	_, err := pool.Exec(t.Context(), "CREATE SCHEMA "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := pool.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		assert.NoError(t, err)
	})
	return name
}

// migrated is a pool on a schema that has the table.
func migrated(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := connect(t, settings{"search_path": schema(t)})
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	return pool
}

// The instances think that they are in different places, and one cannot prepare statements, as behind some proxies.
func TestSeen(t *testing.T) {
	t.Parallel()
	name := schema(t)
	var pools []*pgxpool.Pool
	for _, of := range []settings{
		{"timezone": "Asia/Shanghai"},
		{"timezone": "America/Los_Angeles"},
		{"timezone": "UTC", "default_query_exec_mode": "simple_protocol"},
	} {
		of["search_path"], of["pool_max_conns"] = name, "6"
		pools = append(pools, connect(t, of))
	}
	require.NoError(t, postgres.Migrate(t.Context(), pools[0]))
	seentest.Test(t, seentest.Store{
		Expires: true,
		Open: func(_ *testing.T, lease time.Duration) (all []notify.Seen) {
			for _, pool := range pools {
				all = append(all, postgres.New(pool, postgres.Config{Lease: lease}))
			}
			return all
		},
		Unreachable: func(t *testing.T) notify.Seen {
			pool, err := pgxpool.New(t.Context(), "postgres://nobody:secret@127.0.0.1:1/none")
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			return postgres.New(pool, postgres.Config{})
		},
	})
}

// Instances that start at once make one table; again is nothing; a connection and a transaction serve too.
func TestMigrate(t *testing.T) {
	t.Parallel()
	pool := connect(t, settings{"search_path": schema(t), "pool_max_conns": "10"})
	for range 5 {
		_, err := pool.Exec(t.Context(), "DROP TABLE IF EXISTS wxpay_seen")
		require.NoError(t, err)
		var team sync.WaitGroup
		for range 10 {
			team.Go(func() { assert.NoError(t, postgres.Migrate(t.Context(), pool)) })
		}
		team.Wait()
	}
	seen := postgres.New(pool, postgres.Config{})
	done, err := seen.Begin(t.Context(), "1")
	require.NoError(t, err)
	require.False(t, done)
	require.NoError(t, seen.End(t.Context(), "1", true))
	require.NoError(t, pool.AcquireFunc(t.Context(), func(c *pgxpool.Conn) error { return postgres.Migrate(t.Context(), c.Conn()) }))
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return postgres.Migrate(t.Context(), tx) }))
	done, err = seen.Begin(t.Context(), "1")
	require.NoError(t, err)
	assert.True(t, done, "what is there stays")
}

func TestMigrateFails(t *testing.T) {
	t.Parallel()
	pool := connect(t, settings{"search_path": "no_such_schema"})
	assert.ErrorContains(t, postgres.Migrate(t.Context(), pool), "postgres: ERROR: no schema has been selected to create in")
	seen := postgres.New(pool, postgres.Config{})
	done, err := seen.Begin(t.Context(), "1")
	assert.False(t, done)
	require.ErrorContains(t, err, "postgres: call Migrate first: ")
	require.ErrorContains(t, seen.End(t.Context(), "1", true), "postgres: call Migrate first: ")
}

// A counter counts statements.
type counter struct {
	postgres.DB
	n int
}

func (c *counter) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	c.n++
	return c.DB.Exec(ctx, sql, args...)
}

func (c *counter) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	c.n++
	return c.DB.QueryRow(ctx, sql, args...)
}

// Each Begin and each End is one statement at most.
func TestStatements(t *testing.T) {
	t.Parallel()
	db := &counter{DB: migrated(t)}
	seen := postgres.New(db, postgres.Config{})
	for _, done := range []bool{false, true} {
		_, err := seen.Begin(t.Context(), "1")
		require.NoError(t, err)
		require.NoError(t, seen.End(t.Context(), "1", done))
	}
	done, err := seen.Begin(t.Context(), "1")
	require.NoError(t, err)
	assert.True(t, done)
	assert.Equal(t, 5, db.n)
}

// A claim is for the lease, 10 s by default, and what was done is remembered for 25 hours, by the server's clock.
func TestHowLong(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	left := func(id string) (d time.Duration) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT expires - clock_timestamp() FROM wxpay_seen WHERE id = $1", id).Scan(&d))
		return d
	}
	for want, config := range map[time.Duration]postgres.Config{10 * time.Second: {}, time.Hour: {Lease: time.Hour}} {
		seen := postgres.New(pool, config)
		id := want.String()
		_, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
		d := left(id)
		assert.LessOrEqual(t, d, want)
		assert.Greater(t, d, want-5*time.Second)
		_, err = postgres.New(pool, postgres.Config{Lease: 24 * time.Hour}).Begin(t.Context(), id)
		require.ErrorIs(t, err, notify.ErrInProgress)
		assert.LessOrEqual(t, left(id), want, "a repeat makes no claim longer")
		require.NoError(t, seen.End(t.Context(), id, true))
		d = left(id)
		assert.LessOrEqual(t, d, 25*time.Hour)
		assert.Greater(t, d, 25*time.Hour-time.Minute)

		_, err = pool.Exec(t.Context(), "UPDATE wxpay_seen SET expires = clock_timestamp() WHERE id = $1", id)
		require.NoError(t, err)
		done, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
		assert.False(t, done, "forgotten")
	}
}

// Rows that have expired go as new ones come; others stay.
func TestExpiredRowsGo(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO wxpay_seen SELECT 'old' || n, CASE WHEN n % 2 = 0 THEN 'dead' END, now() - n * interval '1 second' FROM generate_series(1, 60) n`)
	require.NoError(t, err)
	seen := postgres.New(pool, postgres.Config{})
	_, err = seen.Begin(t.Context(), "busy")
	require.NoError(t, err)
	var team sync.WaitGroup
	for i := range 40 {
		team.Go(func() {
			id := fmt.Sprint("new", i)
			_, err := seen.Begin(t.Context(), id)
			assert.NoError(t, err)
			assert.NoError(t, seen.End(t.Context(), id, true))
		})
	}
	team.Wait()
	count := func(like string) (n int) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM wxpay_seen WHERE id LIKE $1", like).Scan(&n))
		return n
	}
	assert.Equal(t, 40, count("new%"))
	assert.Equal(t, 1, count("busy"))
	assert.LessOrEqual(t, count("old%"), 20, "some of those at work at once look at the same rows")
	for i := range 10 {
		require.NoError(t, seen.End(t.Context(), fmt.Sprint("last", i), true))
	}
	assert.Zero(t, count("old%"))
	assert.Equal(t, 51, count("%"))
}

// Ids that expired come again at once, each deleted by some and claimed by others: nothing locks up.
func TestExpiredRowsComeAgain(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	seen := postgres.New(pool, postgres.Config{})
	for range 20 {
		_, err := pool.Exec(t.Context(), "UPDATE wxpay_seen SET expires = clock_timestamp()")
		require.NoError(t, err)
		var team sync.WaitGroup
		for i := range 16 {
			team.Go(func() {
				id := fmt.Sprint(i)
				done, err := seen.Begin(t.Context(), id)
				assert.NoError(t, err)
				assert.False(t, done)
				assert.NoError(t, seen.End(t.Context(), id, true))
			})
		}
		team.Wait()
	}
}

// A server that breaks every connection off loses no claim and nothing that was done.
func TestConnectionsBreakOff(t *testing.T) {
	t.Parallel()
	name := schema(t)
	pool, admin := connect(t, settings{"search_path": name, "application_name": name}), connect(t, nil)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	seen := postgres.New(pool, postgres.Config{Lease: time.Minute})
	for _, id := range []string{"done", "busy"} {
		_, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
	}
	require.NoError(t, seen.End(t.Context(), "done", true))
	_, err := admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", name)
	require.NoError(t, err)
	other := postgres.New(pool, postgres.Config{})
	require.Eventually(t, func() bool {
		done, err := other.Begin(t.Context(), "done")
		return done && err == nil
	}, 30*time.Second, 10*time.Millisecond)
	_, err = other.Begin(t.Context(), "busy")
	require.ErrorIs(t, err, notify.ErrInProgress)
	require.NoError(t, seen.End(t.Context(), "busy", true))
	done, err := other.Begin(t.Context(), "busy")
	require.NoError(t, err)
	assert.True(t, done)
}

// deaf runs statements and hears no answer.
type deaf struct{ postgres.DB }

type silence struct{ pgx.Row }

func (s silence) Scan(dest ...any) error {
	return errors.Join(s.Row.Scan(dest...), errors.New("connection reset"))
}

func (d deaf) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return silence{d.DB.QueryRow(ctx, sql, args...)}
}

// A claim of which the instance never heard is nobody's, and ends with its lease.
func TestClaimWithoutAnswer(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	seen := postgres.New(deaf{pool}, postgres.Config{Lease: 200 * time.Millisecond})
	done, err := seen.Begin(t.Context(), "1")
	require.ErrorContains(t, err, "connection reset")
	assert.False(t, done)
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM wxpay_seen").Scan(&rows))
	assert.Equal(t, 1, rows)
	other := postgres.New(pool, postgres.Config{})
	require.Eventually(t, func() bool {
		done, err := other.Begin(t.Context(), "1")
		return err == nil && !done
	}, 30*time.Second, 10*time.Millisecond)
}
