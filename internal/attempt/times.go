package attempt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// backoff returns how long to wait after attempt n (1 for the first): full jitter up to base·2ⁿ⁻¹, at
// most 20 s.
func backoff(n int, base time.Duration) time.Duration {
	const most = 20 * time.Second
	d := most
	if n < 20 {
		d = min(base<<(n-1), most)
	}
	return rand.N(d) + 1
}

// RetryAfter reads the header of that name, seconds or a date; zero if there is none.
func RetryAfter(h http.Header) time.Duration {
	v, _ := header.Get(h, "Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// MaxTimeout bounds the Timeout of a configuration: long enough for anything, and short enough to reckon with.
const MaxTimeout = 24 * time.Hour

// UploadTime is what an upload of size bytes may take where other calls may take timeout: twice that and one
// more second for every 64 KiB, within bounds that fit into a Duration.
func UploadTime(timeout time.Duration, size int64) time.Duration {
	const most = 30 * 24 * time.Hour
	return 2*min(timeout, most) + min(time.Duration(max(size, 0)>>16), most/time.Second)*time.Second
}

// Sleep waits for d. It returns at once, with the error of [oneline.Ended], if ctx ends first, and does not
// start a wait that ctx has no time for.
func Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return oneline.Ended(ctx)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return fmt.Errorf("%w: no time left to wait %s", context.DeadlineExceeded, d.Round(time.Millisecond))
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return oneline.Ended(ctx)
	case <-t.C:
		return nil
	}
}
