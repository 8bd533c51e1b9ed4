// Package redis remembers handled notifications in Redis, for any number of instances of a receiver:
//
//	client := goredis.NewUniversalClient(&goredis.UniversalOptions{Addrs: addrs})
//	h := notify.New(client, notify.Config{Seen: redis.New(client, redis.Config{})})
//
// A notification that several instances get at once runs on one of them. If that one dies, its claim ends by
// itself and the next repeat of the platform runs elsewhere. Each notification is one key, wxpay:seen: and its
// number, which holds the token of a claim or, for 25 hours, "done"; so a Cluster and a Ring serve as well. Keys expire
// by the clock of the server, whatever those of the instances. Each Begin and each End is one round trip.
//
// Set ContextTimeoutEnabled in the options of go-redis, or a Redis that hangs holds a notification for longer than its
// time.
//
// What Redis forgets happens again: a key lost in a restart without persistence, in a failover to a replica that lagged, or
// to eviction means that a repeat of that notification, if one comes, runs the function a second time. Where that
// must not be, use persistence (appendonly) and maxmemory-policy noeviction, or note Event.ID in the transaction of the work,
// see package postgres beside this one.
package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/internal/claims"
)

// A Client runs scripts: a redis.UniversalClient of go-redis, or a *redis.Ring.
type Client interface {
	Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
}

// A Config says how a [Seen] works. The zero Config serves.
type Config struct {
	// Lease is after which time the claim of an instance that died ends. Default 10 s. It should be longer by
	// some seconds than Config.Timeout of notify, which is 4 s by default: a function that goes on for longer than
	// Lease may run a second time beside itself, on another instance.
	Lease time.Duration
}

const (
	prefix = "wxpay:seen:"
	keep   = 25 * time.Hour // longer than the platform repeats
)

// Seen is a [notify.Seen] in Redis. It is safe for concurrent use and starts no goroutine.
type Seen struct {
	client Client
	lease  time.Duration
	claims claims.Claims
}

var _ notify.Seen = (*Seen)(nil)

// New returns what client remembers. Instances share it by sharing the server.
func New(client Client, config Config) *Seen {
	if config.Lease <= 0 {
		config.Lease = 10 * time.Second
	}
	return &Seen{client: client, lease: max(config.Lease, time.Millisecond)}
}

// The scripts may run twice, as when an answer was lost and go-redis repeats: the token tells a claim's own.
const (
	claim = `local v = redis.call('GET', KEYS[1])
if v then return v end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`
	release = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 'OK'`
	record  = `return redis.call('SET', KEYS[1], '` + claims.Done + `', 'PX', ARGV[1])`
)

// Begin claims id. A claim of this instance keeps others of it out until its End, however long that takes, so that
// there is never a doubt whose End it is.
func (s *Seen) Begin(ctx context.Context, id string) (done bool, err error) {
	return s.claims.Begin(ctx, id, func(ctx context.Context, id, token string) (string, error) {
		return s.run(ctx, claim, id, token, s.lease.Milliseconds())
	})
}

// End gives the claim up and, if done, records id. What was done is recorded even if the claim had expired; the claim
// of another that has taken over is left alone otherwise.
func (s *Seen) End(ctx context.Context, id string, done bool) error {
	return s.claims.End(ctx, id, done, func(ctx context.Context, id, token string) error {
		_, err := s.run(ctx, release, id, token)
		return err
	}, func(ctx context.Context, id string) error {
		_, err := s.run(ctx, record, id, keep.Milliseconds())
		return err
	})
}

func (s *Seen) run(ctx context.Context, script, id string, args ...any) (string, error) {
	v, err := s.client.Eval(ctx, script, []string{prefix + id}, args...).Text()
	if err != nil {
		return "", oneline.Error(fmt.Errorf("redis: %w", err))
	}
	return v, nil
}
