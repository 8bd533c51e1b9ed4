package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// An Action is something that happens beside the calls: what a user does in WeChat, what a test seeds.
type Action struct {
	Product, Name, Doc string
	Params             []Param
	Do                 func(ctx context.Context, args map[string]string) (any, error)
}

// A Param is one argument of an action.
type Param struct {
	Name, Doc string
	Values    []string // what there is to choose from; nil: anything
	Optional  bool
}

// A View is one list of a state, to be looked at.
type View struct {
	Product, Name string
	Rows          []map[string]any
}

// Rows makes a view of what f shows of each of a list.
func Rows[T any](product, name string, all []T, f func(T) Object) View {
	v := View{Product: product, Name: name}
	for _, one := range all {
		v.Rows = append(v.Rows, f(one))
	}
	return v
}

// Actions are those of all products.
func (e *Engine) Actions() (all []Action) {
	for _, p := range e.products {
		all = append(all, p.Actions...)
	}
	return all
}

// Views show the state of all products as it is now.
func (e *Engine) Views() (all []View) {
	e.Lock()
	defer e.Unlock()
	for _, p := range e.products {
		if p.Views != nil {
			all = append(all, p.Views()...)
		}
	}
	return all
}

// An Event is what a platform has to tell after a change of state.
type Event struct {
	Type      string
	Plaintext Object
	URL       string    // where the request wanted it; empty: the address is set elsewhere
	Due       time.Time // by the time of the business
	Caller    string    // who is told; empty: the merchant of the test
}

// An Envelope is how the resource of an event is called and authenticated.
type Envelope struct{ OriginalType, AssociatedData string }

// EnvelopeOf returns that of an event: as its product says, or as the documents show it.
func (e *Engine) EnvelopeOf(event string) Envelope {
	family, _, _ := strings.Cut(event, ".")
	if own, ok := e.envelopes[family]; ok || e.events[event] == nil {
		return own
	}
	shown, _ := (schema.Reader{}).Object(e.events[event].Envelope.Example())
	resource := shown.Child("resource")
	return Envelope{resource.Text("original_type"), resource.Text("associated_data")}
}

// Happen queues an event. The caller holds the lock.
func (e *Engine) Happen(event Event) {
	if event.Due.IsZero() {
		event.Due = e.Now()
	}
	const most = 1000 // nobody collects the events of a bulk import
	if len(e.pending) == most {
		return
	}
	if doc := e.events[event.Type]; doc != nil {
		text, err := schema.EncodeSealed(event.Plaintext, doc.Plaintext, e.sealer(event.Caller))
		if err != nil {
			e.Complain("event %s: %v", event.Type, err)
		}
		event.Plaintext, _ = (schema.Reader{}).Object(text)
	}
	e.pending = append(e.pending, event)
}

// Pending returns the events that are still to be sent.
func (e *Engine) Pending() []Event {
	e.Lock()
	defer e.Unlock()
	return slices.Clone(e.pending)
}

// NextEvent takes the first event that is due.
func (e *Engine) NextEvent() (Event, bool) {
	e.Lock()
	defer e.Unlock()
	for i, event := range e.pending {
		if !event.Due.After(e.Now()) {
			e.pending = slices.Delete(slices.Clone(e.pending), i, i+1)
			return event, true
		}
	}
	return Event{}, false
}

// GiveBack puts an event that was not taken before the others again.
func (e *Engine) GiveBack(event Event) {
	e.Lock()
	defer e.Unlock()
	e.pending = slices.Insert(e.pending, 0, event)
}
