// Package engine is the one way that every request to the fake goes: find → fault → admit → validate → handle
// → seal → journal. It knows the catalog of the documents and no product by name; products give it handlers
// for the calls where state matters, and platforms say who may ask and how answers are sealed.
package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// A Platform is whom a request is for: WeChat Pay, or TPNS.
type Platform interface {
	Name() string          // as the catalog has it
	Hosts() []string       // that the documents name
	Owns(path string) bool // of a path that no document knows
	Admit(*Tx) error       // who sent it, and is it genuine
	Validate(*Tx) error    // what it asks for, by the documents
	Refuse(*Tx, *Answer, error)
	Seal(*Tx, *Answer) error // what completes an answer: headers, a signature
}

// Options are what a test may want of the engine.
type Options struct {
	Platforms []Platform // the last answers for what no one owns
	Plan      Plan
	Unlimited bool                          // no limits of rate
	Observe   func(Request)                 // nil: nobody
	Journal   int                           // how many requests it remembers
	Complain  func(format string, a ...any) // of what must not happen

	// Encrypt seals a member of an answer or of an event for a caller.
	Encrypt func(caller, plain string) (string, error)
	Caller  string // who is told of what happens beside the calls

	Catalog *api.Catalog // nil: that of the documents
}

// An Engine holds what all calls share. Its lock is also that of the state of all products.
type Engine struct {
	sync.Mutex
	Clock
	Seed maphash.Seed

	options   Options
	platforms []Platform
	endpoints table
	handlers  map[*api.Operation]handler
	products  []Product
	events    map[string]*api.Notification // by event type
	envelopes map[string]Envelope          // by the first part of it

	own     table // routes that only replies know; never changed in place
	replies []*reply
	rates   rates
	replays map[string]replayed
	pending []Event
	journal journal
}

// New returns an engine that answers every call of the catalog by its example.
func New(o Options) (*Engine, error) {
	if o.Catalog == nil {
		var err error
		if o.Catalog, err = api.Load(); err != nil {
			return nil, err
		}
	}
	e := &Engine{
		Seed: maphash.MakeSeed(), options: o, platforms: o.Platforms, endpoints: table{}, own: table{}, handlers: map[*api.Operation]handler{},
		events: map[string]*api.Notification{}, envelopes: map[string]Envelope{}, rates: rates{}, replays: map[string]replayed{}, journal: journal{most: o.Journal},
	}
	for _, p := range o.Catalog.Products {
		i := slices.IndexFunc(o.Platforms, func(at Platform) bool { return at.Name() == p.Platform })
		if i < 0 {
			return nil, fmt.Errorf("wxpaytest: nobody answers for platform %q of %s", p.Platform, p.Name)
		}
		for _, op := range p.Operations {
			for _, route := range []string{op.Route, op.BrandRoute} {
				if route != "" {
					e.endpoints.add(newEndpoint(route, op, o.Platforms[i]))
				}
			}
		}
		for _, n := range p.Notifications {
			e.events[n.Event] = n
		}
	}
	return e, nil
}

// A Handler does what a call asks for and returns its answer; nil is none. The engine holds its lock.
type Handler func(*Tx) (Object, error)

// A handler is that of one call, made ready.
type handler struct {
	prepare func(*Tx) error // what is costly, before the lock is taken; nil: nothing
	handle  Handler
	limits  []api.Rate // in place of those of the documents
}

// A Product is the state of one product: handlers for the calls where it matters, what one may do to it beside
// the calls, and what one may look at.
type Product struct {
	Name     string             // as the catalog has it
	Handlers map[string]Handler // by ID of the operation; the others answer with their example
	Prepare  map[string]func(*Tx) error
	Limits   map[string][]api.Rate // in place of those of the documents
	Actions  []Action
	Views    func() []View // with the lock held; nil: none

	// Envelopes say how the resource of an event is called and authenticated where the documents show another
	// one's, by the first part of the event type.
	Envelopes map[string]Envelope
}

// Add lets a product answer.
func (e *Engine) Add(p Product) error {
	for id, handle := range p.Handlers {
		op := e.options.Catalog.Operation(id)
		if op == nil || op.Product.Name != p.Name {
			return fmt.Errorf("wxpaytest: %s has no call %q", p.Name, id)
		}
		e.handlers[op] = handler{p.Prepare[id], handle, p.Limits[id]}
	}
	maps.Copy(e.envelopes, p.Envelopes)
	for n := range p.Actions {
		p.Actions[n].Product = p.Name
	}
	e.products = append(e.products, p)
	return nil
}

// Complain reports what must not happen.
func (e *Engine) Complain(format string, a ...any) { e.options.Complain(format, a...) }

// A Clock is the time of the business, which can be moved, and the numbers that everything is called by.
type Clock struct {
	ahead atomic.Int64
	count atomic.Int64
}

// Beijing is where the platforms' clocks stand.
var Beijing = time.FixedZone("CST", 8*60*60)

// Now is the time of the business.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())).In(Beijing) }

// Advance moves the time of the business ahead.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Number returns the next number.
func (c *Clock) Number() int64 { return c.count.Add(1) }

// Stamp writes a time as the platform does.
func Stamp(t time.Time) string { return t.In(Beijing).Format("2006-01-02T15:04:05.000-07:00") }

// Hash is what is kept of a text that nobody else needs to read.
func (e *Engine) Hash(text string) uint64 { return maphash.String(e.Seed, text) }

// ReadTime reads what a check has found to be a time.
func ReadTime(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

const maxUpload = 101 << 20

// RoundTrip takes a request as the platform would, whatever address of a platform or the loopback it goes to.
// Other hosts do not exist. No goroutine outlives the call.
func (e *Engine) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	tx := e.begin(req.Method, req.URL.Hostname(), req.URL.RequestURI(), req.Header)
	if _, exists := e.PlatformAt(tx.Host); !exists {
		e.note(tx, nil, &Answer{Verdict: "this host does not exist"})
		return nil, noSuchHost(tx.Host)
	}
	fault := e.options.Plan.Take(tx, false)
	if fault != nil && fault.Stage < Acting {
		e.note(tx, fault, &Answer{Verdict: "no answer: " + fault.Name})
		if fault.End == Torn && req.Body != nil {
			_, _ = io.CopyN(io.Discard, req.Body, req.ContentLength/2)
		}
		return nil, fault.End.fail(ctx, tx.Host)
	}
	var err error
	if tx.Sent, err = readSent(req); err != nil {
		e.note(tx, fault, &Answer{Verdict: "request broke off: " + err.Error()})
		return nil, err
	}
	a := e.answer(tx, fault)
	if fault != nil && fault.End != Answered {
		return nil, fault.End.fail(ctx, tx.Host)
	}
	return a.response(req), nil
}

// begin makes a request ready to go through the engine.
func (e *Engine) begin(method, host, uri string, header http.Header) *Tx {
	if method == "" {
		method = http.MethodGet
	}
	tx := &Tx{Method: method, Host: host, URI: uri, Header: canonical(header), Secrets: map[string]string{}, engine: e}
	e.find(tx)
	return tx
}

// canonical spells the names of headers as one finds them: on the wire their case does not matter, and HTTP/2
// has them in lower case.
func canonical(sent http.Header) http.Header {
	h := http.Header{}
	for name, values := range sent {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	return h
}

// readSent reads a body as a transport does that sends it.
func readSent(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		if req.ContentLength > 0 {
			return nil, fmt.Errorf("http: Request.ContentLength=%d with nil Body", req.ContentLength)
		}
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxUpload+1))
	switch n := int64(len(body)); {
	case err != nil:
		return nil, err
	case n > maxUpload:
		return nil, errors.New("wxpaytest: request is too large")
	case req.ContentLength > 0 && n != req.ContentLength:
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", req.ContentLength, n)
	}
	return body, nil
}

// ServeHTTP is the engine on a socket.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	tx := e.begin(r.Method, host, r.RequestURI, r.Header)
	fault := e.options.Plan.Take(tx, true)
	if fault != nil && fault.Stage < Acting {
		e.note(tx, fault, &Answer{Verdict: "no answer: " + fault.Name})
		fault.End.hangUp(w, r)
		return
	}
	if tx.Sent, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload)); err != nil {
		e.note(tx, fault, &Answer{Verdict: "request broke off"})
		Reset.hangUp(w, r)
		return
	}
	a := e.answer(tx, fault)
	if fault != nil && fault.End != Answered {
		fault.End.hangUp(w, r)
		return
	}
	a.write(w, r)
}

// answer does what a request asks for, as far as the fault lets it, and seals what comes back.
func (e *Engine) answer(tx *Tx, fault *Fault) *Answer {
	a := &Answer{Header: http.Header{}}
	if fault == nil || fault.Stage == Answering {
		if err := e.act(tx, a); err != nil {
			tx.Platform.Refuse(tx, a, err)
		}
	}
	if fault != nil {
		verdict := a.Verdict
		if fault.Change != nil {
			fault.Change(tx, a)
		}
		a.Verdict = strings.TrimPrefix(verdict+"; fault: "+fault.Name, "; ")
	}
	if err := tx.Platform.Seal(tx, a); err != nil {
		e.Complain("seal: %v", err)
	}
	e.note(tx, fault, a)
	return a
}

// act carries a request out: admit, validate, handle.
func (e *Engine) act(tx *Tx, a *Answer) error {
	own := e.takeReply(tx)
	if err := tx.Platform.Admit(tx); err != nil {
		return err
	}
	if own != nil {
		own.fill(a)
		return nil
	}
	if tx.Op == nil {
		return e.noRoute(tx)
	}
	if err := tx.Platform.Validate(tx); err != nil {
		return err
	}
	h := e.handlers[tx.Op]
	if h.prepare != nil {
		if err := h.prepare(tx); err != nil {
			return err
		}
	}
	body, err := e.handle(tx, h)
	if err != nil {
		return err
	}
	if a.Verdict, a.Status = "ok", http.StatusNoContent; body != nil {
		a.Status = http.StatusOK
		a.JSON(body)
	}
	return nil
}

// handle lets a call take effect, unless it comes too fast or came before, and encodes what it answers while
// nobody changes it.
func (e *Engine) handle(tx *Tx, h handler) ([]byte, error) {
	e.Lock()
	defer e.Unlock()
	if err := e.slow(tx, h); err != nil {
		return nil, err
	}
	return e.once(tx, func() ([]byte, error) {
		answer, err := e.answerOf(tx, h)
		if err != nil || answer == nil {
			return nil, err
		}
		return schema.EncodeSealed(answer, tx.Op.Answer, e.sealer(tx.Caller))
	})
}

// sealer encrypts for a caller.
func (e *Engine) sealer(caller string) func(string) (string, error) {
	return func(plain string) (string, error) { return e.options.Encrypt(caller, plain) }
}

// answerOf is what a call answers: by its handler, or else the example of the documents, with what the request
// named in it.
func (e *Engine) answerOf(tx *Tx, h handler) (Object, error) {
	if h.handle != nil {
		return h.handle(tx)
	}
	example, err := schema.Example(tx.Op, tx.Vars, tx.Query, tx.Body, tx.Self)
	if err != nil {
		return nil, err
	}
	return paged(tx, example)
}
