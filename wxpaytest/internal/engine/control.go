package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
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

// Call lets the action happen, if the arguments are what it takes.
func (a Action) Call(ctx context.Context, args map[string]string) (any, error) {
	for _, p := range a.Params {
		switch v := args[p.Name]; {
		case v == "" && p.Optional:
		case v == "":
			return nil, fmt.Errorf("wxpaytest: %s needs %s", a.Name, p.Name)
		case p.Values != nil && !slices.Contains(p.Values, v):
			return nil, fmt.Errorf("wxpaytest: %s of %s is none of %q", p.Name, a.Name, p.Values)
		}
	}
	return a.Do(ctx, args)
}

// advance is the action of the engine's own.
func (e *Engine) advance(_ context.Context, args map[string]string) (any, error) {
	d, err := time.ParseDuration(args["duration"])
	if err != nil || d < 0 {
		return nil, fmt.Errorf("wxpaytest: %q is no duration, such as 72h", args["duration"])
	}
	e.Advance(d)
	return nil, nil
}

// trigger lets an event happen that no change of state has caused, and returns its ID.
func (e *Engine) trigger(_ context.Context, args map[string]string) (any, error) {
	text := []byte(args["plaintext"])
	if len(text) == 0 {
		text = e.events[args["event"]].Example
	}
	plain, err := (schema.Reader{}).Object(text)
	if err != nil {
		return nil, fmt.Errorf("wxpaytest: plaintext of %s: %w", args["event"], err)
	}
	e.Lock()
	defer e.Unlock()
	if id := e.Happen(Event{Type: args["event"], Plaintext: plain, URL: args["url"], Caller: args["caller"]}); id != "" {
		return id, nil
	}
	return nil, fmt.Errorf("wxpaytest: %d events wait to be sent; deliver them first", len(e.pending))
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

// Actions are those of all products, and that time passes.
func (e *Engine) Actions() []Action {
	all := []Action{
		{Name: "advance", Doc: "time passes", Params: []Param{{Name: "duration", Doc: "such as 72h"}}, Do: e.advance},
		{Name: "limits", Doc: "the published limits of rate are enforced, or not", Params: []Param{{Name: "switch", Values: []string{"on", "off"}}}, Do: e.limit},
		{
			Name: "trigger", Doc: "an event happens, whatever the state is; its notification is sent like any other",
			Params: []Param{
				{Name: "event", Values: slices.Sorted(maps.Keys(e.events))},
				{Name: "plaintext", Doc: "what the notification says, as JSON, with nothing encrypted; the example of the documents if it is left out", Optional: true},
				{Name: "url", Doc: "where it goes", Optional: true}, {Name: "caller", Doc: "whom it is for: a merchant number or a brand", Optional: true},
			},
			Do: e.trigger,
		},
	}
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
	ID        string // of the notification, the same however often it is sent
	Type      string
	Plaintext Object
	URL       string    // where the request wanted it; empty: the address is set elsewhere
	Due       time.Time // by the time of the business
	Caller    string    // who is told; empty: who the test is
}

// PlaintextOf is what an event says to a caller: what is given, or else what the documents show.
func (e *Engine) PlaintextOf(event, caller string, given any) any {
	doc := e.events[event]
	if given != nil || doc == nil {
		return given
	}
	example, _ := (schema.Reader{}).Object(doc.Example)
	text, err := schema.EncodeSealed(example, doc.Plaintext, e.sealer(caller))
	if err != nil {
		e.Complain("event %s: %v", event, err)
	}
	return json.RawMessage(text)
}

// An Envelope is how the resource of an event is called and authenticated.
type Envelope struct{ OriginalType, AssociatedData string }

// EnvelopeOf returns that of an event as the documents show it.
func (e *Engine) EnvelopeOf(event string) Envelope {
	if e.events[event] == nil {
		return Envelope{}
	}
	shown, _ := (schema.Reader{}).Object(e.events[event].Envelope.Example())
	resource := shown.Child("resource")
	return Envelope{resource.Text("original_type"), resource.Text("associated_data")}
}

// Happen queues an event and returns its ID; empty: too many are queued. The caller holds the lock.
func (e *Engine) Happen(event Event) (id string) {
	if event.Caller = cmp.Or(event.Caller, e.options.Caller); event.Due.IsZero() {
		event.Due = e.Now()
	}
	const most = 1000 // nobody collects the events of a bulk import
	if len(e.pending) == most {
		return ""
	}
	event.ID = fmt.Sprintf("EV-%019d", e.Number())
	if e.acting != nil {
		e.acting.events = append(e.acting.events, event.ID)
	}
	if doc := e.events[event.Type]; doc != nil {
		text, err := schema.EncodeSealed(event.Plaintext, doc.Plaintext, e.sealer(event.Caller))
		if err != nil {
			e.Complain("event %s: %v", event.Type, err)
		}
		event.Plaintext, _ = (schema.Reader{}).Object(text)
	}
	e.pending = append(e.pending, event)
	return event.ID
}

// Pending returns the events that are still to be sent.
func (e *Engine) Pending() []Event {
	e.Lock()
	defer e.Unlock()
	return slices.Clone(e.pending)
}

// Deliver sends the pending events that are due, in their order. One that is not taken with 200 or 204 stays
// pending, before the others, and Deliver returns.
func (e *Engine) Deliver(send func(Event) (*http.Response, error)) error {
	for {
		event, ok := e.TakeEvent()
		if !ok {
			return nil
		}
		resp, err := send(event)
		if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
			err = fmt.Errorf("wxpaytest: %s was answered with %s", event.Type, resp.Status)
		}
		if err != nil {
			e.Lock()
			e.pending = slices.Insert(e.pending, 0, event)
			e.Unlock()
			return err
		}
	}
}

// TakeEvent takes the first pending event that is due.
func (e *Engine) TakeEvent() (Event, bool) {
	e.Lock()
	defer e.Unlock()
	i := slices.IndexFunc(e.pending, func(event Event) bool { return !event.Due.After(e.Now()) })
	if i < 0 {
		return Event{}, false
	}
	event := e.pending[i]
	e.pending = slices.Delete(e.pending, i, i+1)
	return event, true
}
