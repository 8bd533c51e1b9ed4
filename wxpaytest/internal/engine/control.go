package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// An Action is something that happens beside the calls: what a user does in WeChat, what a test seeds.
type Action struct {
	Product, Name string
	Doc, DocZh    string // in English, in Chinese
	Params        []Param

	// Do lets it happen. The engine holds its lock. What is refused must have changed nothing.
	Do func(args map[string]string) (any, error)
}

// A Param is one argument of an action.
type Param struct {
	Name       string
	Doc, DocZh string
	Values     []string // what there is to choose from; nil: anything
	Optional   bool
}

// Do lets an action happen, if the arguments are what it takes.
func (e *Engine) Do(name string, args map[string]string) (any, error) {
	a, ok := e.action(name)
	if !ok {
		return nil, fmt.Errorf("wxpaytest: there is no action %s", name)
	}
	if err := a.check(args); err != nil {
		return nil, err
	}
	e.Lock()
	defer e.Unlock()
	e.pass()
	return change(e, func() Object { return Object{"action": name, "args": args} }, func() (any, error) { return a.Do(args) })
}

// check refuses arguments that the action does not take.
func (a *Action) check(args map[string]string) error {
	for _, p := range a.Params {
		switch v := args[p.Name]; {
		case v == "" && p.Optional:
		case v == "":
			return fmt.Errorf("wxpaytest: %s needs %s", a.Name, p.Name)
		case p.Values != nil && !slices.Contains(p.Values, v):
			return fmt.Errorf("wxpaytest: %s of %s is none of %q", p.Name, a.Name, p.Values)
		}
	}
	for name, v := range args {
		if !utf8.ValidString(name + v) {
			return fmt.Errorf("wxpaytest: an argument of %s is not UTF-8", a.Name)
		}
	}
	return nil
}

// action finds an action by its name.
func (e *Engine) action(name string) (Action, bool) {
	i := slices.IndexFunc(e.actions, func(a Action) bool { return a.Name == name })
	if i < 0 {
		return Action{}, false
	}
	return e.actions[i], true
}

// advance is the action of the engine's own.
func (e *Engine) advance(args map[string]string) (any, error) {
	d, err := time.ParseDuration(args["duration"])
	if err != nil || d < 0 {
		return nil, fmt.Errorf("wxpaytest: %q is no duration, such as 72h", args["duration"])
	}
	e.move(d)
	return nil, nil
}

// trigger lets an event happen that no change of state has caused, and returns its ID.
func (e *Engine) trigger(args map[string]string) (any, error) {
	text := []byte(args["plaintext"])
	if len(text) == 0 {
		text = e.events[args["event"]].Example
	}
	plain, err := (schema.Reader{}).Object(text)
	if err != nil {
		return nil, fmt.Errorf("wxpaytest: plaintext of %s: %w", args["event"], err)
	}
	if id := e.Happen(Event{Type: args["event"], Plaintext: plain, URL: args["url"], Caller: args["caller"]}); id != "" {
		return id, nil
	}
	return nil, fmt.Errorf("wxpaytest: %d events wait to be sent; deliver them first", len(e.pending))
}

// Actions are those of the engine and of all products.
func (e *Engine) Actions() []Action { return e.actions }

// ownActions are those of no product.
func (e *Engine) ownActions() []Action {
	return []Action{
		{
			Name: "advance", Doc: "time passes", DocZh: "时间前进", Params: []Param{{Name: "duration", Doc: "such as 72h", DocZh: "时长，例如 72h"}},
			Do: e.advance,
		},
		{
			Name: "limits", Doc: "the published limits of rate are enforced, or not", DocZh: "是否执行官方公布的频率限制",
			Params: []Param{{Name: "switch", Doc: "on: they are", DocZh: "on 表示执行", Values: []string{"on", "off"}}},
			Do:     e.limit,
		},
		{
			Name: "trigger", Doc: "an event happens, whatever the state is; its notification is sent like any other", DocZh: "不论状态如何，直接产生一个事件；其回调通知照常发送",
			Params: []Param{
				{Name: "event", Doc: "the event_type of the notification", DocZh: "通知的 event_type", Values: slices.Sorted(maps.Keys(e.events))},
				{
					Name: "plaintext", Doc: "what the notification says, as JSON, with nothing encrypted; the example of the documents if it is left out",
					DocZh: "通知的内容，JSON 格式，其中不加密；不填则使用文档中的示例", Optional: true,
				},
				{Name: "url", Doc: "where it goes; the address that is set for notifications if it is left out", DocZh: "发送地址；不填则使用已设置的回调地址", Optional: true},
				{Name: "caller", Doc: "whom it is for: a merchant number or a brand", DocZh: "接收方：商户号或品牌 ID", Optional: true},
			},
			Do: e.trigger,
		},
	}
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

// Views show the state of all products as it is now.
func (e *Engine) Views() (all []View) {
	e.Lock()
	defer e.Unlock()
	e.pass()
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
		text, err := schema.EncodeSealed(event.Plaintext, doc.Plaintext, e.lockedSealer(event.Caller))
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
	e.pass()
	return slices.Clone(e.pending)
}

// Deliver sends the pending events that are due, in their order. One that is not taken with 200 or 204 stays
// pending, and Deliver returns.
func (e *Engine) Deliver(send func(Event) (*http.Response, error)) error {
	for {
		event, ok := e.nextEvent(false)
		if !ok {
			return nil
		}
		resp, err := send(event)
		if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
			err = fmt.Errorf("wxpaytest: %s was answered with %s", event.Type, resp.Status)
		}
		e.Lock()
		e.putBack(event)
		if err == nil {
			err = e.taken(event.ID)
		}
		e.Unlock()
		if err != nil {
			return err
		}
	}
}

// putBack makes an event pending again, in its place. The caller holds the lock.
func (e *Engine) putBack(event Event) {
	i := slices.IndexFunc(e.pending, func(other Event) bool { return other.ID > event.ID })
	if i < 0 {
		i = len(e.pending)
	}
	e.pending = slices.Insert(e.pending, i, event)
}

// TakeEvent takes the first pending event that is due.
func (e *Engine) TakeEvent() (Event, bool) { return e.nextEvent(true) }

// nextEvent removes the first pending event that is due. For good it is saved; whoever only borrows it puts it back.
func (e *Engine) nextEvent(good bool) (Event, bool) {
	e.Lock()
	defer e.Unlock()
	e.pass()
	i := slices.IndexFunc(e.pending, func(event Event) bool { return !event.Due.After(e.Now()) })
	if i < 0 {
		return Event{}, false
	}
	event := e.pending[i]
	if good {
		return event, e.taken(event.ID) == nil
	}
	return event, e.take(event.ID) == nil
}

// taken is take, saved. The caller holds the lock.
func (e *Engine) taken(id string) error {
	_, err := change(e, func() Object { return Object{"taken": id} }, func() (any, error) { return nil, e.take(id) })
	return err
}

// take removes a pending event. The caller holds the lock.
func (e *Engine) take(id string) error {
	i := slices.IndexFunc(e.pending, func(event Event) bool { return event.ID == id })
	if i < 0 {
		return fmt.Errorf("takes an event that is not pending, %s", id)
	}
	e.pending = slices.Delete(e.pending, i, i+1)
	return nil
}
