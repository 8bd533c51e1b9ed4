package inspector

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/ops/emulator/snippet"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// mostNotices and mostRows bound what a page shows of what may be much.
const (
	mostNotices = 100
	mostRows    = 200
)

type callbacksPage struct {
	All      []callbacks.Notice
	Total    int
	Held     bool
	Twice    bool
	Events   []event
	Event    *event // chosen to be triggered
	Variants []string
	Speed    float64
	Version  string
}

// An event is what the platform may tell, as far as a form needs it.
type event struct {
	Type, Title, Example string
	Tries                int
	Document             string
}

func (i *server) callbacks(w http.ResponseWriter, r *http.Request) {
	version := strconv.FormatInt(i.Callbacks.Version(), 10)
	if unchanged(w, r, version) {
		return
	}
	all := i.Callbacks.All()
	p := callbacksPage{All: all[:min(len(all), mostNotices)], Total: len(all), Held: i.Callbacks.Held(), Twice: i.Callbacks.SendsTwice(), Variants: i.Callbacks.Variants(), Speed: i.Callbacks.Speed(), Version: version}
	if polled(r) {
		i.part(w, r, "callbacks", "notices", p)
		return
	}
	lang := language(w, r)
	for _, product := range i.Catalog.Products {
		for _, n := range product.Notifications {
			e := event{Type: n.Event, Title: n.Summary, Example: string(plainEvent(n)), Tries: i.Callbacks.Tries(n.Event)}
			if lang == "zh" && n.Title != "" {
				e.Title = n.Title
			}
			if len(n.Pages) > 0 {
				e.Document = n.Pages[0]
			}
			p.Events = append(p.Events, e)
		}
	}
	for at, e := range p.Events {
		if e.Type == r.URL.Query().Get("event") || at == 0 {
			p.Event = &p.Events[at]
		}
	}
	i.show(w, r, http.StatusOK, "callbacks", "callbacks", say(lang, "Callbacks"), p)
}

// plainEvent is the documented plaintext, readable, with nothing encrypted.
func plainEvent(n *api.Notification) json.RawMessage {
	return snippet.Plain(n.Plaintext, n.Example)
}

func (i *server) callback(w http.ResponseWriter, r *http.Request) {
	n, ok := i.Callbacks.Get(r.PathValue("id"))
	if !ok {
		i.fail(w, r, http.StatusNotFound, "There is no such callback; a reset forgets all.")
		return
	}
	slices.Reverse(n.Attempts) // the newest first
	i.show(w, r, http.StatusOK, "callback", "callbacks", n.Type, struct {
		N        callbacks.Notice
		Variants []string
		Tries    int
	}{n, i.Callbacks.Variants(), i.Callbacks.Tries(n.Type)})
}

func (i *server) resend(w http.ResponseWriter, r *http.Request) {
	id, lang := r.PathValue("id"), language(w, r)
	if _, ok := i.Callbacks.Get(id); !ok {
		i.fail(w, r, http.StatusNotFound, "There is no such callback; a reset forgets all.")
		return
	}
	err := i.Callbacks.Resend(r.Context(), id, r.FormValue("variant"))
	note := done(lang, err, "Sent")
	if n, ok := i.Callbacks.Get(id); ok && err == nil && len(n.Attempts) > 0 {
		last := n.Attempts[len(n.Attempts)-1]
		if note.Text = last.Why; lang == "zh" {
			note.Text = last.WhyZh
		}
	}
	i.back(w, r, Root+"callbacks/"+id, note)
}

func (i *server) order(w http.ResponseWriter, r *http.Request) {
	lang, said := language(w, r), ""
	switch r.FormValue("do") {
	case "hold":
		i.Callbacks.Hold()
		said = "Callbacks are kept back now"
	case "release":
		i.Callbacks.Release(false)
		said = "Callbacks go out again"
	case "reverse":
		i.Callbacks.Release(true)
		said = "Callbacks go out again, the last first"
	case "twice":
		i.Callbacks.SendTwice(true)
		said = "Every callback comes twice now"
	case "once":
		i.Callbacks.SendTwice(false)
		said = "Callbacks come once again"
	default:
		i.fail(w, r, http.StatusBadRequest, "There is no such button.")
		return
	}
	i.back(w, r, Root+"callbacks", done(lang, nil, said))
}

func (i *server) trigger(w http.ResponseWriter, r *http.Request) {
	lang, to := language(w, r), Root+"callbacks"
	plaintext := json.RawMessage(strings.TrimSpace(r.FormValue("plaintext")))
	if len(plaintext) == 0 {
		plaintext = nil
	}
	id, err := i.Callbacks.Trigger(r.Context(), r.FormValue("event"), plaintext, strings.TrimSpace(r.FormValue("url")))
	if err == nil && id != "" {
		to += "/" + id
		if _, ok := i.Callbacks.Get(id); !ok {
			to = Root + "callbacks"
		}
	}
	i.back(w, r, to, done(lang, err, "The event happened; its notification is on its way"))
}

type statePage struct {
	Views   []view
	Actions []group
}

// A view is a table of the state.
type view struct {
	Product *api.Product // nil: none of the catalog
	Name    string
	Columns []string
	Rows    [][]string
	Total   int
}

// A group is the actions of a product.
type group struct {
	Product *api.Product // nil: the server's own
	Name    string
	Actions []wxpaytest.Action
}

func (i *server) state(w http.ResponseWriter, r *http.Request) {
	fake := i.Fake()
	var p statePage
	for _, v := range fake.State() {
		p.Views = append(p.Views, table(i.Catalog.Product(v.Product), v))
	}
	for _, a := range fake.Actions() {
		if a.Product == "" && (a.Name == "advance" || a.Name == "trigger") {
			continue // these have forms of their own
		}
		at := slices.IndexFunc(p.Actions, func(g group) bool { return g.Name == a.Product })
		if at < 0 {
			at = len(p.Actions)
			p.Actions = append(p.Actions, group{Product: i.Catalog.Product(a.Product), Name: a.Product})
		}
		p.Actions[at].Actions = append(p.Actions[at].Actions, a)
	}
	i.show(w, r, http.StatusOK, "state", "state", say(language(w, r), "State"), p)
}

// table lays out rows of the state: a column for every member that one of them has.
func table(product *api.Product, v wxpaytest.View) view {
	made := view{Product: product, Name: v.Name, Total: len(v.Rows)}
	rows := v.Rows[:min(len(v.Rows), mostRows)]
	names := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			names[name] = true
		}
	}
	made.Columns = slices.SortedFunc(maps.Keys(names), func(a, b string) int { // what identifies comes first
		if d := weight(a) - weight(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, row := range rows {
		cells := make([]string, len(made.Columns))
		for at, name := range made.Columns {
			cells[at] = cell(row[name])
		}
		made.Rows = append(made.Rows, cells)
	}
	return made
}

func weight(name string) int {
	switch {
	case strings.HasSuffix(name, "_id"), name == "code", strings.HasSuffix(name, "_no"):
		return 0
	case strings.Contains(name, "state"), strings.Contains(name, "status"):
		return 1
	}
	return 2
}

const mostCell = 300

func cell(v any) string {
	text, ok := v.(string)
	if !ok && v != nil {
		made, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		text = string(made)
	}
	return cut(text, mostCell)
}

// cut shortens a text that is too long to be shown in a line.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func (i *server) act(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	_ = r.ParseForm() // what cannot be read is not there
	product, name := r.PostFormValue("product"), r.PostFormValue("action")
	all := i.Fake().Actions()
	at := slices.IndexFunc(all, func(a wxpaytest.Action) bool { return a.Product == product && a.Name == name })
	if at < 0 {
		i.fail(w, r, http.StatusBadRequest, "There is no such button.")
		return
	}
	args := map[string]string{}
	for _, p := range all[at].Params {
		if v := r.PostFormValue("arg." + p.Name); v != "" {
			args[p.Name] = v
		}
	}
	result, err := all[at].Do(r.Context(), args)
	n := done(lang, err, "Done: %s", name)
	if err == nil && result != nil {
		if text, err := json.Marshal(result); err == nil {
			n.JSON = cut(string(text), 4<<10)
		}
	}
	i.back(w, r, r.PostFormValue("back"), n)
}

type faultsPage struct {
	Injections []wxpaytest.Injection
	Unused     []string
	Products   []*api.Product
	Route      string
	Operation  *api.Operation
	Fits       []wxpaytest.Fault // at that route
	Name       string            // chosen before
	Network    []wxpaytest.Fault
	Refusals   []wxpaytest.Fault
	Codes      []wxpaytest.Fault
}

func (i *server) faults(w http.ResponseWriter, r *http.Request) {
	fake, route := i.Fake(), r.URL.Query().Get("route")
	if i.routes[route] == nil {
		route = ""
	}
	fits := wxpaytest.Faults
	if route != "" {
		fits = fake.FaultsAt(route)
	}
	all := fake.Injections()
	slices.Reverse(all)
	p := faultsPage{
		Injections: all[:min(len(all), mostRows)], Unused: fake.Unused(), Products: i.Catalog.Products, Route: route, Operation: i.routes[route], Fits: onSocket(fits),
		Name: r.URL.Query().Get("fault"), Network: onSocket(wxpaytest.Faults), Refusals: wxpaytest.Refusals(), Codes: wxpaytest.ReturnCodes(),
	}
	i.show(w, r, http.StatusOK, "faults", "faults", say(language(w, r), "Faults"), p)
}

// onSocket are the faults that can happen to clients of a socket.
func onSocket(all []wxpaytest.Fault) []wxpaytest.Fault {
	return slices.DeleteFunc(slices.Clone(all), func(f wxpaytest.Fault) bool { return !f.Socket() })
}

func (i *server) inject(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	injection := wxpaytest.Injection{Name: strings.TrimSpace(r.FormValue("fault")), Route: r.FormValue("route"), Tag: strings.TrimSpace(r.FormValue("tag")), Times: 1}
	if value := strings.TrimSpace(r.FormValue("value")); value != "" {
		injection.Name += "=" + value
	}
	var err error
	if times := strings.TrimSpace(r.FormValue("times")); times != "" {
		if injection.Times, err = strconv.Atoi(times); err != nil {
			err = fmt.Errorf("times is a whole number, -1 is without end")
		}
	}
	if chance := strings.TrimSuffix(strings.TrimSpace(r.FormValue("percent")), "%"); chance != "" && err == nil {
		if injection.Probability, err = strconv.ParseFloat(chance, 64); err != nil {
			err = fmt.Errorf("the chance is a number of percent, such as 20")
		}
		injection.Probability /= 100
	}
	if err == nil {
		_, err = i.Fake().InjectFault(injection)
	}
	to := r.FormValue("back")
	if to == "" {
		to = Root + "faults"
	}
	i.back(w, r, to, done(lang, err, "Set: %s", injection.Name))
}

func (i *server) withdraw(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.FormValue("id"))
	if err != nil || !i.Fake().Withdraw(id) {
		err = fmt.Errorf("there is no such fault any more")
	}
	i.back(w, r, Root+"faults", done(language(w, r), err, "Taken back"))
}

func (i *server) operations(w http.ResponseWriter, r *http.Request) {
	i.show(w, r, http.StatusOK, "operations", "operations", say(language(w, r), "Operations"), i.Catalog.Products)
}

type operationPage struct {
	Op              *api.Operation
	Fields          []field
	Params          []*api.Param
	Answer          []field
	Path, Query     []input
	Body            string
	FileText        string
	FileName        string
	Seals           bool // something is encrypted on its way
	Example         string
	Poll            *api.Operation // tells what became of it
	Notifications   []*api.Notification
	Doubts          []api.Doubt
	Recent          []journal.Exchange
	RefusalsToForce map[string]bool // codes that the fake can answer with at this route
	Route           string
}

// An input is a field of the form that sends an example.
type input struct {
	*api.Param
	Value  string
	Sealed bool
}

func (i *server) operation(w http.ResponseWriter, r *http.Request) {
	op := i.Catalog.Operation(r.PathValue("id"))
	if op == nil {
		i.fail(w, r, http.StatusNotFound, "There is no such operation.")
		return
	}
	p := operationPage{Op: op, Route: op.Route, Fields: fields(op.Body), Answer: fields(op.Answer), RefusalsToForce: map[string]bool{}}
	for _, param := range op.Params {
		p.Params = append(p.Params, param)
		in := input{Param: param, Value: snippet.PlainParam(param), Sealed: param.Schema.Sealed != ""}
		p.Seals = p.Seals || in.Sealed
		switch param.In {
		case "path":
			p.Path = append(p.Path, in)
		case "query":
			if !param.Required {
				in.Value = ""
			}
			p.Query = append(p.Query, in)
		}
	}
	if op.Body != nil {
		p.Body = string(snippet.Example(op))
		for _, f := range p.Fields {
			p.Seals = p.Seals || f.Schema.Sealed != ""
		}
	}
	if op.Upload != nil {
		p.FileName, p.FileText = snippet.ExampleFile(op)
	}
	if op.Answer != nil {
		p.Example = string(op.Example)
	}
	if op.Async != nil {
		p.Poll = i.Catalog.Operation(op.Async.Poll)
		for _, id := range op.Async.Webhooks {
			if n := op.Product.Notification(id); n != nil {
				p.Notifications = append(p.Notifications, n)
			}
		}
	}
	for _, d := range op.Product.Doubts {
		if slices.Contains(op.Doubts, d.ID) {
			p.Doubts = append(p.Doubts, d)
		}
	}
	for _, f := range i.Fake().FaultsAt(op.Route) {
		p.RefusalsToForce[f.Name] = true
	}
	p.Recent = i.Journal.Find(journal.Filter{Route: op.Route, Limit: 5})
	i.show(w, r, http.StatusOK, "operation", "operations", operationName(language(w, r), op), p)
}

// A field is a member of a schema, as a row of a table.
type field struct {
	Name     string // with those around it: amount.total, list[].name
	Depth    int
	Required bool
	Schema   *api.Schema
	Type     string
	Limits   []string
}

const mostDepth = 6 // a schema may lead back to itself

// fields are the members of a schema, each followed by its own.
func fields(s *api.Schema) (all []field) {
	return below(s, "", 0, nil)
}

func below(s *api.Schema, prefix string, depth int, within []*api.Schema) (all []field) {
	if s == nil || depth > mostDepth || slices.Contains(within, s) {
		return nil
	}
	within = append(within, s)
	for _, p := range s.Properties {
		inner, name := p.Schema, prefix+p.Name
		for inner.Items != nil {
			inner, name = inner.Items, name+"[]"
		}
		f := field{Name: name, Depth: depth, Required: p.Required, Schema: p.Schema, Type: typeOf(p.Schema), Limits: append(limits(p.Schema), limitsOf(p.Schema, inner)...)}
		if len(p.Schema.Enum) == 0 && len(inner.Enum) > 0 {
			also := *p.Schema
			also.Enum, also.OpenEnum = inner.Enum, inner.OpenEnum
			f.Schema = &also
		}
		all = append(all, f)
		all = append(all, below(inner, name+".", depth+1, within)...)
	}
	for _, form := range s.OneOf {
		all = append(all, below(form, prefix, depth, within)...)
	}
	return all
}

func limitsOf(outer, inner *api.Schema) []string {
	if outer == inner {
		return nil
	}
	return limits(inner)
}

func typeOf(s *api.Schema) string {
	t := s.Type
	if t == "" {
		t = "any"
	}
	if s.Items != nil {
		return "list of " + typeOf(s.Items)
	}
	if s.Format != "" && s.Format != "int64" && s.Format != "int32" && s.Format != "byte" {
		t += " (" + s.Format + ")"
	}
	return t
}

// limits are those of a value, as the signs that need no language.
func limits(s *api.Schema) (all []string) {
	between := func(what string, low, high *int64) {
		switch {
		case low != nil && high != nil && *low == *high:
			all = append(all, fmt.Sprintf("%s = %d", what, *low))
		case low != nil && high != nil:
			all = append(all, fmt.Sprintf("%d ≤ %s ≤ %d", *low, what, *high))
		case low != nil:
			all = append(all, fmt.Sprintf("%s ≥ %d", what, *low))
		case high != nil:
			all = append(all, fmt.Sprintf("%s ≤ %d", what, *high))
		}
	}
	between("len", s.MinLength, s.MaxLength)
	between("value", s.Minimum, s.Maximum)
	between("items", s.MinItems, s.MaxItems)
	if s.Pattern != "" {
		all = append(all, s.Pattern)
	}
	if s.Unit != "" {
		all = append(all, s.Unit)
	}
	if len(s.Default) > 0 {
		all = append(all, "default "+string(s.Default))
	}
	return all
}

func (i *server) send(w http.ResponseWriter, r *http.Request) {
	op, lang := i.Catalog.Operation(r.PathValue("id")), language(w, r)
	if op == nil {
		i.fail(w, r, http.StatusNotFound, "There is no such operation.")
		return
	}
	t := Trial{Operation: op, Path: map[string]string{}, Query: map[string]string{}}
	back := Root + "operations/" + op.ID
	file, err := trialFile(r, op)
	if err != nil {
		i.back(w, r, back, done(lang, err, ""))
		return
	}
	t.File, t.Brand = file, op.BrandRoute != "" && r.FormValue("brand") != ""
	if op.Upload != nil {
		t.FileName = r.FormValue("filename")
	}
	for _, p := range op.Params {
		switch v := r.FormValue(p.In + "." + p.Name); {
		case p.In == "path":
			t.Path[p.Name] = v
		case p.In == "query" && v != "":
			t.Query[p.Name] = v
		}
	}
	if op.Body != nil {
		t.Body = json.RawMessage(r.FormValue("body")) // as it is: what is wrong with it is for the fake to say
	}
	started := time.Now()
	number, err := i.Try(r.Context(), t)
	if err != nil || number == 0 {
		i.back(w, r, back, done(lang, err, "Sent; no exchange was noted"))
		return
	}
	i.back(w, r, fmt.Sprintf("%sexchanges/%d", Root, number), done(lang, nil, "Sent within %s", took(time.Since(started))))
}

// trialFile is the file of a form: one that was chosen, or else the text in its place.
func trialFile(r *http.Request, op *api.Operation) ([]byte, error) {
	if err := r.ParseMultipartForm(mostForm); err != nil && err != http.ErrNotMultipart {
		return nil, fmt.Errorf("the form cannot be read; it may hold at most %s", size(mostForm))
	}
	if op.Upload == nil {
		return nil, nil
	}
	if f, _, err := r.FormFile("file"); err == nil {
		defer f.Close()
		text, err := io.ReadAll(f)
		if err != nil || len(text) > 0 {
			return text, err
		}
	}
	return []byte(strings.ReplaceAll(r.FormValue("filetext"), "\r\n", "\n")), nil
}
