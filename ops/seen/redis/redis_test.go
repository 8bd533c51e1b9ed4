package redis_test

import (
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/ops/seen/redis"
)

// A server that is not there is an error of one line without the password.
func TestErrors(t *testing.T) {
	t.Parallel()
	client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", Username: "wxpay", Password: "canary"})
	defer client.Close()
	seen := redis.New(client, redis.Config{})
	done, err := seen.Begin(t.Context(), "1")
	assert.False(t, done)
	for _, err := range []error{err, seen.End(t.Context(), "1", true)} {
		require.ErrorContains(t, err, "redis: ")
		assert.NotContains(t, err.Error(), "canary")
		assert.NotContains(t, err.Error(), "\n")
	}
	assert.NoError(t, seen.End(t.Context(), "1", false), "there is no claim")
}
