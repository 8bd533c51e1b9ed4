package attempt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxpay-go/wxpay/internal/oneline"
)

// Wait looks at something until look says that it is done, and returns what look saw. Only ctx bounds it. A look
// that fails with an error that may pass is repeated, unless it says done; any other error ends the wait. With an
// error comes what the last look without one saw. The error of a wait that ctx ended begins with the name of the
// package that waits.
func Wait[T any](ctx context.Context, pkg string, every time.Duration, transient func(error) bool, look func(context.Context) (v T, done bool, err error)) (T, error) {
	var seen T
	for {
		v, done, err := look(ctx)
		if err == nil {
			seen = v
		}
		if done || err != nil && !transient(err) && ctx.Err() == nil {
			return seen, err
		}
		if ended := Sleep(ctx, every); ended != nil {
			return seen, stopped(ctx, pkg, ended, err)
		}
	}
}

// stopped is the error of a wait that ended with its context. The last look may tell of that already.
func stopped(ctx context.Context, pkg string, ended, last error) error {
	if last != nil && errors.Is(last, ctx.Err()) && errors.Is(last, context.Cause(ctx)) {
		return last
	}
	if last != nil {
		ended = fmt.Errorf("%w; before that: %w", ended, last)
	}
	return oneline.Error(fmt.Errorf("%s: stopped waiting: %w", pkg, ended))
}
