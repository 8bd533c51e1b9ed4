// Package notify receives the notifications of WeChat Pay (回调通知) as an [http.Handler] of the standard
// library, which any router mounts:
//
//	h := notify.New(client, notify.Config{})
//	notify.On(h, edupapay.EventTransactionSucceeded, func(ctx context.Context, e *notify.Event, t *edupapay.TransactionEvent) error {
//		return orders.Paid(ctx, t.OutTradeNo)
//	})
//	mux.Handle("POST /wxpay/notify", h)
//
// A request is read under a bound, its signature verified over the raw bytes before any of them is
// parsed, repeats are dropped, the resource is decrypted and handed to the function for its type. Who
// wants only the event uses [Parse], or [Receive] without net/http, and [Answer].
//
// The platform waits 5 seconds for the answer. Whatever is not answered with 200 or 204 by then it sends
// again, on a schedule that differs between products. It promises neither order nor delivery, and may
// send a notification twice at once. So a function checks the state of its own record before it changes
// it and leaves slow work for later, and what has not come is to be queried.
//
// The address must be public, https and without query or login. No middleware before the handler may
// read or change the body.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// A Config says how a [Handler] works. The zero Config serves.
type Config struct {
	// Seen remembers what has been handled. Default: NewMemory(100_000), which serves one process.
	Seen Seen

	// Fallback gets the notifications that no function was registered for. Without it they are answered
	// with 501, so that the platform sends them again until there is a function: none is lost
	// unnoticed.
	Fallback func(ctx context.Context, e *Event) error

	// Timeout is what one delivery may take in all, its body included; the context of the function ends with it.
	// Default 4 s, since the platform waits for 5.
	Timeout time.Duration

	// Observe is told of every request after it was answered, for logs, metrics and traces. It must not
	// block. If the client can open no notification, since it has no APIv3Key, [New] tells it so at
	// once, with status 0, and every request gets 500.
	Observe func(context.Context, Delivery)
}

const defaultTimeout = 4 * time.Second

// A Delivery is one request and how it was answered. It holds nothing that was decrypted.
type Delivery struct {
	Sender    string // merchant number or brand ID whose handler it came to, as Exchange.Sender; empty if a [Mux] found none
	ID        string // of the notification; empty if it was not verified
	EventType string // empty if it was not verified
	RequestID string // to quote to the platform's support; not verified
	Status    int    // of the answer
	Repeated  bool   // handled before: the function did not run
	Duration  time.Duration

	// Odd names the members that are not as documented, first those of the envelope, then those of what it held as
	// far as [On] decoded it: amount.total was a text, success_time was "". They were read where they have one
	// reading and are zero elsewhere. At most 32 of each are named.
	Odd []string

	// Err is why the answer is not 204. Two are nothing to worry about: wxpay.ErrSignatureProbe, with which
	// the platform tests whether receivers verify, and ErrInProgress, a repeat that came too soon. With
	// 204 it says that the work was done but Seen failed to record it.
	Err error
}

// A Handler receives notifications. Make it with [New]. It is safe for concurrent use and starts no
// goroutine.
type Handler struct {
	client *wxpay.Client
	config Config

	mu        sync.RWMutex
	functions map[string]function
}

// A function also tells what it finds odd.
type function func(context.Context, *Event, *Delivery) error

// New returns a handler of the notifications to the merchant of client, without functions. The client needs an
// APIv3Key; see Config.Observe.
func New(client *wxpay.Client, config Config) *Handler {
	if config.Seen == nil {
		config.Seen = NewMemory(100_000)
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	h := &Handler{client: client, config: config, functions: make(map[string]function)}
	if err := ready(client); err != nil && config.Observe != nil {
		config.Observe(context.Background(), Delivery{Sender: h.sender(), Err: err})
	}
	return h
}

// sender is the merchant or brand whose notifications h takes.
func (h *Handler) sender() string {
	if h.client == nil {
		return ""
	}
	return h.client.Sender()
}

// On has f handle the notifications of one type, with their plaintext decoded as the T of that type. A second f for
// the same type replaces the first. For a type that no package of services has, give its name and let f say
// what T is; *json.RawMessage and *map[string]any take every plaintext.
//
// When f returns nil the answer is 204 and the number of the notification is recorded. When it fails or
// panics the answer is 500, so that the platform sends again; it says nothing about the error, which
// goes to Config.Observe.
//
// f runs within the request, not beside it, so nothing is left running after the answer. It must give up
// with an error when ctx ends, or the answer comes too late; until it returns, every repeat is
// answered with 409.
func On[T any](h *Handler, eventType wxpay.EventType[T], f func(ctx context.Context, e *Event, v *T) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.functions[string(eventType)] = func(ctx context.Context, e *Event, d *Delivery) error {
		v := new(T)
		odd, err := e.decode(v)
		d.Odd = append(d.Odd, odd...)
		if err != nil {
			return err
		}
		return f(ctx, e, v)
	}
}

// ServeHTTP answers one request: with 204 if its function returned nil, now or for an earlier repeat, and as
// [Answer] says otherwise.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, time.Now(), func(ctx context.Context) (*envelope, error) {
		body, err := readInTime(ctx, w, r, h.config.Timeout)
		if err != nil {
			return nil, err
		}
		return receive(ctx, h.client, r.Header, body)
	})
}

// serve answers a request that began at start with what becomes of the notification that receive finds in it.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, start time.Time, receive func(context.Context) (*envelope, error)) {
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(h.config.Timeout))
	defer cancel()
	d := Delivery{Sender: h.sender()}
	err := h.deliver(ctx, receive, &d)
	conclude(w, r, start, d, err, h.config.Observe)
}

// conclude answers a request and tells observe.
func conclude(w http.ResponseWriter, r *http.Request, start time.Time, d Delivery, err error, observe func(context.Context, Delivery)) {
	d.RequestID, _ = header.Get(r.Header, "Request-Id")
	d.Status, d.Duration = Answer(w, err), time.Since(start)
	if observe == nil {
		return
	}
	switch {
	case d.Err == nil:
		d.Err = err
	case err != nil:
		d.Err = fmt.Errorf("%w; %w", err, d.Err)
	}
	observe(r.Context(), d)
}

// deliver takes a notification to its function, unless that was done before.
func (h *Handler) deliver(ctx context.Context, receive func(context.Context) (*envelope, error), d *Delivery) error {
	if err := ready(h.client); err != nil {
		return err
	}
	n, err := receive(ctx)
	if err != nil {
		return err
	}
	d.ID, d.EventType, d.Odd = n.ID, n.EventType, n.odd
	f := h.function(n.EventType)
	if f == nil {
		return refuse(http.StatusNotImplemented, "no function for this type of event", nil)
	}
	return h.once(ctx, n.key(d.Sender), d, func() error {
		e, err := n.open(h.client)
		if err != nil {
			return err
		}
		return run(ctx, f, e, d)
	})
}

// once does work unless that was done before, and records id if it succeeds.
func (h *Handler) once(ctx context.Context, id string, d *Delivery, work func() error) (err error) {
	if d.Repeated, err = h.config.Seen.Begin(ctx, id); d.Repeated || err != nil {
		return err
	}
	done := false
	defer func() { // also if work ends the goroutine
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := h.config.Seen.End(ctx, id, done); err != nil {
			d.Err = fmt.Errorf("notify: outcome not recorded: %w", err)
		}
	}()
	err = work()
	done = err == nil
	return err
}

func (h *Handler) function(eventType string) function {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if f := h.functions[eventType]; f != nil {
		return f
	}
	if h.config.Fallback == nil {
		return nil
	}
	return func(ctx context.Context, e *Event, _ *Delivery) error { return h.config.Fallback(ctx, e) }
}

// A PanicError is a function that panicked. What it panicked with is left out unless it is an error of
// the runtime, since it may hold what was decrypted.
type PanicError struct {
	EventType string
	Reason    string
	Stack     []byte
}

func (e *PanicError) Error() string {
	return oneline.Text("notify: function for " + e.EventType + " panicked: " + e.Reason)
}

// run calls f and makes an error of a panic.
func run(ctx context.Context, f function, e *Event, d *Delivery) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		reason := fmt.Sprintf("with a %T", v)
		if bug, ok := v.(runtime.Error); ok {
			reason = bug.Error()
		}
		err = &PanicError{e.EventType, reason, debug.Stack()}
	}()
	return f(ctx, e, d)
}

// Answer tells the platform how it went: 204 if err is nil; the status of a [RefusedError]; 409 for
// [ErrInProgress]; 500 for any other, whose text stays here. It returns the status.
func Answer(w http.ResponseWriter, err error) int {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent
	}
	status, reason := http.StatusInternalServerError, "not handled"
	if e, ok := errors.AsType[*RefusedError](err); ok {
		status, reason = e.Status, e.Reason
	} else if errors.Is(err, ErrInProgress) {
		status, reason = http.StatusConflict, "in progress"
	}
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusRequestTimeout:
		w.Header().Set("Connection", "close") // or the server waits for the rest of the body before it answers
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":"FAIL","message":%q}`, reason)
	return status
}
