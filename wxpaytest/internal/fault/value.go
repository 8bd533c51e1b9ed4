package fault

import (
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// What a name may carry: a time, such as 6s, or a number of bytes.
const (
	longestDelay = 10 * time.Minute
	mostBytes    = 1 << 30
)

// delayed makes a fault one of a time.
func delayed(change func(*engine.Answer, time.Duration)) func(*engine.Fault, string) bool {
	return func(f *engine.Fault, value string) bool {
		d, err := time.ParseDuration(value)
		f.Change = func(_ *engine.Tx, a *engine.Answer) { change(a, d) }
		return err == nil && 0 < d && d <= longestDelay
	}
}

func slow(a *engine.Answer, d time.Duration) { a.Delay = d }

func slowBody(a *engine.Answer, d time.Duration) { a.Pace = max(1, d/engine.Pieces) }

func idle(a *engine.Answer, d time.Duration) { a.Idle = d }

// resetAt makes a fault one of a number of bytes.
func resetAt(f *engine.Fault, value string) bool {
	n, err := strconv.Atoi(value)
	f.End, f.Change = engine.Answered, func(_ *engine.Tx, a *engine.Answer) { cut(a, engine.Reset, n) }
	return err == nil && 0 <= n && n <= mostBytes
}

// retryAfterSeconds makes a fault one that says when to come back.
func retryAfterSeconds(f *engine.Fault, value string) bool {
	d, err := time.ParseDuration(value)
	f.Change = retryAfter(d)
	return err == nil && 0 <= d && d <= 24*time.Hour && d%time.Second == 0
}
