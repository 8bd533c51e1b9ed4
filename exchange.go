package wxpay

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/internal/oneline"
)

// An Exchange is one attempt at a call, as [Config].Observe and [WithExchange] tell of it. It holds no body and no
// key. Logged by slog, printed or as JSON it shows what is below except Header and Earlier.
type Exchange struct {
	Sender    string        // merchant number or brand ID of the caller; empty if Config has a Signer and neither
	Route     string        // the constant "POST /v3/…/{id}", fit for a metrics label; of a brand, that of its own door
	Attempt   int           // 1 for the first; 0 for a call that was refused before it was tried
	Host      string        // main or backup
	Status    int           // 0 if no answer came
	RequestID string        // to quote to the platform's support
	Header    http.Header   // of the answer, as it came; not to be changed
	Duration  time.Duration // until the answer was read and verified
	Odd       []string      // members of a genuine answer that could not be read as documented, by name
	Err       error         // what the caller sees if this is the last attempt
	Earlier   []Exchange    // attempts at the same call before this one; only WithExchange has them
}

// WithExchange returns a context under which every call that ends writes its last attempt to *ex, with the ones
// before it in ex.Earlier. Of a call that was refused before it was tried these are Sender, Route and Err alone.
// Calls may run under the context at the same time; of several, also of those of one method, the one that ends
// last stays. Look at *ex when they have returned; nil: nobody looks. Downloads of certificates are no calls.
func WithExchange(ctx context.Context, ex *Exchange) context.Context {
	return context.WithValue(ctx, witnessKey{}, &witness{told: ex})
}

// A witness is told of calls that may end at the same time.
type witness struct {
	mu   sync.Mutex
	told *Exchange
}

// A record is what a witness will be told of one call.
type record struct {
	witness  *witness
	attempts []Exchange
}

type (
	witnessKey struct{}
	recordKey  struct{}
)

// recorded starts the record of a call; nil if nobody looks on.
func recorded(ctx context.Context) (context.Context, *record) {
	w, ok := ctx.Value(witnessKey{}).(*witness)
	if !ok || w.told == nil {
		return ctx, nil
	}
	r := &record{witness: w}
	return context.WithValue(ctx, recordKey{}, r), r
}

// end hands the record over; refused stands for a call that was not tried.
func (r *record) end(refused Exchange) {
	if r == nil {
		return
	}
	last := refused
	if n := len(r.attempts); n > 0 {
		last = r.attempts[n-1]
		last.Earlier = r.attempts[:n-1]
	}
	r.witness.mu.Lock()
	defer r.witness.mu.Unlock()
	*r.witness.told = last
}

// observe tells who wants to know of an attempt.
func (c *Client) observe(ctx context.Context, ex Exchange) {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		r.attempts = append(r.attempts, ex)
	}
	if c.config.Observe != nil {
		c.config.Observe(ctx, ex)
	}
}

// LogValue is what slog shows: members that log systems can search.
func (ex Exchange) LogValue() slog.Value { return slog.GroupValue(ex.attrs()...) }

func (ex Exchange) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("sender", ex.Sender), slog.String("route", ex.Route), slog.Int("attempt", ex.Attempt), slog.String("host", ex.Host),
		slog.Int("status", ex.Status), slog.String("request_id", oneline.Quote(ex.RequestID, 512)), slog.Int64("duration_ms", ex.Duration.Milliseconds()),
	}
	if len(ex.Odd) > 0 {
		attrs = append(attrs, slog.Any("odd", ex.Odd))
	}
	if ex.Err != nil {
		attrs = append(attrs, slog.String("error", oneline.Text(ex.Err.Error())))
	}
	return attrs
}

// MarshalJSON writes the members that slog shows.
func (ex Exchange) MarshalJSON() ([]byte, error) {
	members := map[string]any{}
	for _, a := range ex.attrs() {
		members[a.Key] = a.Value.Any()
	}
	return json.Marshal(members)
}

// Format shows the members that slog shows, whatever the verb.
func (ex Exchange) Format(f fmt.State, _ rune) { fmt.Fprint(f, "wxpay.Exchange", ex.attrs()) }
