// Package engine is the one way that every request to the fake goes: find → fault → admit → validate → handle
// → seal → journal. It knows the catalog of the documents and no product by name; products give it handlers
// for the calls where state matters, and platforms say who may ask and how answers are sealed.
package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wxpay-go/wxpay/api"
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
	Unlimited bool                          // no limits of rate, to begin with
	Seed      string                        // keys follow from it, by which the log tells whether a ciphertext is still good
	Numbers   string                        // numbers follow from it; empty: they begin at 1
	Clock     time.Time                     // where the time of the business stands; zero: it runs
	Log       io.Writer                     // gets what changes the state, see Engine.Restore; nil: nobody
	Observe   func(Request)                 // nil: nobody
	Journal   int                           // how many requests it remembers; 0: 1000
	Shown     int                           // how many bytes it shows of a body; 0: 2048
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
	seed maphash.Seed

	options   Options
	unlimited atomic.Bool
	endpoints table
	handlers  map[*api.Operation]handler
	files     map[string]File // by route
	products  []Product
	actions   []Action
	events    map[string]*api.Notification // by event type

	own     table // routes that only replies know; never changed in place
	replies []*reply
	rates   rates
	replays replays
	pending []Event
	saver   saver
	acting  *Tx // the call that takes effect now; nil: none
	journal journal
	sealed  map[string]bool // members that are encrypted
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
		seed: maphash.MakeSeed(), options: o, endpoints: table{}, own: table{}, handlers: map[*api.Operation]handler{}, files: map[string]File{},
		events: map[string]*api.Notification{}, rates: rates{}, replays: replays{by: map[string]replayed{}},
		journal: journal{most: cmp.Or(max(0, o.Journal), 1000)},
	}
	if !o.Clock.IsZero() {
		e.stands.Store(new(o.Clock))
	}
	if o.Numbers != "" {
		sum := sha256.Sum256([]byte("wxpaytest numbers " + o.Numbers))
		e.count.Store(int64(binary.BigEndian.Uint32(sum[:])%1_000_000) * 1000)
	}
	e.unlimited.Store(o.Unlimited)
	e.saver = newSaver(o)
	e.sealed = sealedNames(o.Catalog)
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
	e.actions = e.ownActions()
	return e, nil
}

// A Handler does what a call asks for and returns its answer; nil is none. The engine holds its lock. A handler that
// refuses must have changed nothing. It sees of a request what is saved, so that the call can happen again: Route, Op,
// Vars, Query, Body, Caller, Self, the name of the File, and Prepared, which is a string, some strings, an int or a
// time.
type Handler func(*Tx) (Object, error)

// A handler is that of one call, made ready.
type handler struct {
	prepare func(*Tx) error // what is costly, before the lock is taken; nil: nothing
	handle  Handler
	limits  []Rate // in place of those of the documents
	repeats bool   // it recognises a repeated request number itself
}

// A Product is the state of one product: handlers for the calls where it matters, what one may do to it beside
// the calls, and what one may look at.
type Product struct {
	Name     string             // as the catalog has it
	Handlers map[string]Handler // by ID of the operation; the others answer with their example
	Prepare  map[string]func(*Tx) error
	Limits   map[string][]Rate // in place of those of the documents
	Repeats  []string          // calls whose handlers recognise a repeated request number themselves
	Files    map[string]File   // what may be downloaded, by route
	Actions  []Action
	Views    func() []View // with the lock held; nil: none

	// Due is when something happens next that nobody asks for, such as an end that a time brings; zero: nothing. Pass
	// lets happen what is due by now. Both have the lock; nil: nothing ever does.
	Due  func() time.Time
	Pass func()
}

// A File answers a download that no document describes as a call. It has the engine's lock and changes nothing.
type File func(*Tx) (mediaType string, content []byte, err error)

// Add lets a product answer.
func (e *Engine) Add(p Product) error {
	for id, handle := range p.Handlers {
		op := e.options.Catalog.Operation(id)
		if op == nil || op.Product.Name != p.Name {
			return fmt.Errorf("wxpaytest: %s has no call %q", p.Name, id)
		}
		e.handlers[op] = handler{p.Prepare[id], handle, p.Limits[id], slices.Contains(p.Repeats, id)}
	}
	for _, id := range slices.Concat(slices.Collect(maps.Keys(p.Prepare)), slices.Collect(maps.Keys(p.Limits)), p.Repeats) {
		if p.Handlers[id] == nil {
			return fmt.Errorf("wxpaytest: %s says something of %q and does not handle it", p.Name, id)
		}
	}
	for route, file := range p.Files {
		_, path, _ := strings.Cut(route, " ")
		e.endpoints.add(newEndpoint(route, nil, e.platformOf("", path)))
		e.files[route] = file
	}
	for _, a := range p.Actions {
		if _, taken := e.action(a.Name); taken {
			return fmt.Errorf("wxpaytest: two actions are called %s", a.Name)
		}
		a.Product = p.Name
		e.actions = append(e.actions, a)
	}
	e.products = append(e.products, p)
	return nil
}

// Complain reports what must not happen.
func (e *Engine) Complain(format string, a ...any) { e.options.Complain(format, a...) }

// Hash is what is kept of a text that nobody else needs to read.
func (e *Engine) Hash(text string) uint64 { return maphash.String(e.seed, text) }
