package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/seen/postgres"
)

// A server that is not there is an error of one line without the password.
func TestErrors(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://wxpay:canary@127.0.0.1:1/none")
	require.NoError(t, err)
	defer pool.Close()
	seen := postgres.New(pool, postgres.Config{})
	done, err := seen.Begin(t.Context(), "1")
	assert.False(t, done)
	for _, err := range []error{err, seen.End(t.Context(), "1", true), postgres.Migrate(t.Context(), pool)} {
		require.ErrorContains(t, err, "postgres: ")
		assert.NotContains(t, err.Error(), "canary")
		assert.NotContains(t, err.Error(), "\n")
	}
	assert.NoError(t, seen.End(t.Context(), "1", false), "there is no claim")
}
