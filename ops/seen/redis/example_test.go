package redis_test

import (
	"net/http"

	goredis "github.com/redis/go-redis/v9"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/redis"
)

// Every instance of a receiver does the same.
func Example() {
	serve := func(client *wxpay.Client, redisURL string) error {
		options, err := goredis.ParseURL(redisURL)
		if err != nil {
			return err
		}
		options.ContextTimeoutEnabled = true // so that a Redis that hangs does not hold a notification for longer than its time
		memory := goredis.NewClient(options)
		defer memory.Close()
		h := notify.New(client, notify.Config{Seen: redis.New(memory, redis.Config{})})
		// notify.On(h, …)
		http.Handle("POST /wxpay/notify", h)
		return http.ListenAndServe("127.0.0.1:8080", nil)
	}
	_ = serve
}
