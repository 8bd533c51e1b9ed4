package wxpay

import (
	"context"
	"time"

	"github.com/wxpay-go/wxpay/internal/attempt"
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
	return attempt.Wait(ctx, "wxpay", every, Transient, look)
}
