// Package pgtest gives tests databases of their own on the PostgreSQL server that DATABASE_URL names.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

var databases atomic.Int64

// Database makes an empty database, which goes with the test, and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	require.NotEmpty(t, server, "DATABASE_URL names a PostgreSQL server; make test-services starts one")
	name := fmt.Sprintf("wxpay_test_%d_%d", os.Getpid(), databases.Add(1))
	Do(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { Do(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	at, err := url.Parse(server)
	require.NoError(t, err)
	at.Path = "/" + name
	return at.String()
}

// Do carries out statements on a connection of its own.
func Do(t testing.TB, at, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, at)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statements)
	require.NoError(t, err)
}
