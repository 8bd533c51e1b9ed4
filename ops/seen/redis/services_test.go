//go:build services

package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/redis"
	"github.com/wxpay-go/wxpay/ops/seen/seentest"
)

func connect(t *testing.T) *goredis.Client {
	t.Helper()
	require.NotEmpty(t, os.Getenv("REDIS_URL"), "REDIS_URL is to be redis://…")
	options, err := goredis.ParseURL(os.Getenv("REDIS_URL"))
	require.NoError(t, err)
	options.ContextTimeoutEnabled = true
	client := goredis.NewClient(options)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

func TestSeen(t *testing.T) {
	t.Parallel()
	clients := []*goredis.Client{connect(t), connect(t), connect(t)}
	seentest.Test(t, seentest.Store{
		Expires: true,
		Open: func(_ *testing.T, lease time.Duration) (all []notify.Seen) {
			for _, client := range clients {
				all = append(all, redis.New(client, redis.Config{Lease: lease}))
			}
			return all
		},
		Unreachable: func(t *testing.T) notify.Seen {
			client := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:1", Password: "secret"})
			t.Cleanup(func() { assert.NoError(t, client.Close()) })
			return redis.New(client, redis.Config{})
		},
	})
}

// A claim is for the lease, 10 s by default, and what was done is remembered for 25 hours.
func TestHowLong(t *testing.T) {
	t.Parallel()
	client := connect(t)
	for want, config := range map[time.Duration]redis.Config{10 * time.Second: {}, time.Hour: {Lease: time.Hour}} {
		seen, id := redis.New(client, config), rand.Text()
		key := "wxpay:seen:" + id
		t.Cleanup(func() { client.Del(context.Background(), key) })
		_, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
		d := client.PTTL(t.Context(), key).Val()
		assert.LessOrEqual(t, d, want)
		assert.Greater(t, d, want-5*time.Second)
		_, err = redis.New(client, redis.Config{Lease: 24 * time.Hour}).Begin(t.Context(), id)
		require.ErrorIs(t, err, notify.ErrInProgress)
		assert.LessOrEqual(t, client.PTTL(t.Context(), key).Val(), want, "a repeat makes no claim longer")
		require.NoError(t, seen.End(t.Context(), id, true))
		d = client.PTTL(t.Context(), key).Val()
		assert.LessOrEqual(t, d, 25*time.Hour)
		assert.Greater(t, d, 25*time.Hour-time.Minute)

		require.NoError(t, client.PExpire(t.Context(), key, time.Millisecond).Err())
		require.Eventually(t, func() bool {
			done, err := seen.Begin(t.Context(), id)
			return !done && err == nil
		}, 10*time.Second, 5*time.Millisecond, "forgotten")
		require.NoError(t, seen.End(t.Context(), id, false))
		assert.Zero(t, client.Exists(t.Context(), key).Val(), "given up is gone")
	}
}

// A counter counts commands.
type counter struct {
	redis.Client
	n    int
	lost atomic.Int64 // answers of so many are lost and the command is sent again, as go-redis does
}

func (c *counter) Eval(ctx context.Context, script string, keys []string, args ...any) *goredis.Cmd {
	c.n++
	for c.lost.Add(-1) >= 0 {
		c.Client.Eval(ctx, script, keys, args...)
	}
	return c.Client.Eval(ctx, script, keys, args...)
}

// Each Begin and each End is one command at most, on one key.
func TestCommands(t *testing.T) {
	t.Parallel()
	client := &counter{Client: connect(t)}
	seen, id := redis.New(client, redis.Config{}), rand.Text()
	for _, done := range []bool{false, true} {
		_, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, seen.End(t.Context(), id, done))
	}
	done, err := seen.Begin(t.Context(), id)
	require.NoError(t, err)
	assert.True(t, done)
	assert.Equal(t, 5, client.n)
}

// A command that go-redis repeats, since its answer was lost, is not taken for that of another.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	client := &counter{Client: connect(t)}
	seen, id := redis.New(client, redis.Config{}), rand.Text()
	for _, end := range []bool{false, true} {
		client.lost.Store(2)
		done, err := seen.Begin(t.Context(), id)
		require.NoError(t, err)
		require.False(t, done)
		client.lost.Store(2)
		require.NoError(t, seen.End(t.Context(), id, end))
	}
	done, err := seen.Begin(t.Context(), id)
	require.NoError(t, err)
	assert.True(t, done)
}

// deaf runs commands and hears no answer.
type deaf struct{ redis.Client }

func (d deaf) Eval(ctx context.Context, script string, keys []string, args ...any) *goredis.Cmd {
	d.Client.Eval(ctx, script, keys, args...)
	cmd := goredis.NewCmd(ctx)
	cmd.SetErr(errors.New("connection reset"))
	return cmd
}

// A claim of which the instance never heard is nobody's, and ends with its lease.
func TestClaimWithoutAnswer(t *testing.T) {
	t.Parallel()
	client, id := connect(t), rand.Text()
	seen := redis.New(deaf{client}, redis.Config{Lease: 200 * time.Millisecond})
	done, err := seen.Begin(t.Context(), id)
	require.ErrorContains(t, err, "connection reset")
	assert.False(t, done)
	assert.Equal(t, int64(1), client.Exists(t.Context(), "wxpay:seen:"+id).Val())
	other := redis.New(client, redis.Config{})
	require.Eventually(t, func() bool {
		done, err := other.Begin(t.Context(), id)
		return err == nil && !done
	}, 30*time.Second, 10*time.Millisecond)
}
