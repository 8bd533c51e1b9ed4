package postgres_test

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/notify"
	"github.com/wxpay-go/wxpay/ops/seen/postgres"
)

// Every instance of a receiver does the same.
func Example() {
	serve := func(ctx context.Context, client *wxpay.Client, databaseURL string) error {
		pool, err := pgxpool.New(ctx, databaseURL)
		if err != nil {
			return err
		}
		defer pool.Close()
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		h := notify.New(client, notify.Config{Seen: postgres.New(pool, postgres.Config{})})
		// notify.On(h, …)
		http.Handle("POST /wxpay/notify", h)
		return http.ListenAndServe("127.0.0.1:8080", nil)
	}
	_ = serve
}
