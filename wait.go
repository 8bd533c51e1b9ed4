package wxpay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/internal/httpx"
)

// Wait looks at something that changes, such as a task or an order, until look says that it is done, and returns
// what look saw. Between two looks it pauses for every; 0 or less: 5 s.
//
// Only ctx bounds the wait; its end ends the wait at once. A look that fails with an error that is [Transient]
// is repeated, unless it says done; any other error ends the wait. With an error comes what the last look
// without one saw, or the zero T.
func Wait[T any](ctx context.Context, every time.Duration, look func(context.Context) (v T, done bool, err error)) (T, error) {
	if every <= 0 {
		every = 5 * time.Second
	}
	var seen T
	for {
		v, done, err := look(ctx)
		if err == nil {
			seen = v
		}
		if done || err != nil && !Transient(err) && ctx.Err() == nil {
			return seen, err
		}
		if ended := httpx.Sleep(ctx, every); ended != nil {
			return seen, stopped(ctx, ended, err)
		}
	}
}

// stopped is the error of a wait that ended with its context. The last look may tell of that already.
func stopped(ctx context.Context, ended, last error) error {
	if last != nil && errors.Is(last, ctx.Err()) && errors.Is(last, context.Cause(ctx)) {
		return last
	}
	if last != nil {
		ended = fmt.Errorf("%w; before that: %w", ended, last)
	}
	return httpx.Line(fmt.Errorf("wxpay: stopped waiting: %w", ended))
}
