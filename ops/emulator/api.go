package emulator

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/inspector"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Root is where the API lives.
const Root = "/_emulator/"

//go:embed openapi.yaml
var document []byte

// routes are the API, the page, and the platform for all else.
func (e *Emulator) routes(page http.Handler) http.Handler {
	api := http.NewServeMux()
	for pattern, f := range map[string]func(*http.Request) (any, error){
		"GET {$}":                       e.about,
		"GET openapi.json":              openapi,
		"GET requests":                  e.listRequests,
		"DELETE requests":               e.deleteRequests,
		"GET requests/{number}":         e.getRequest,
		"POST requests/{number}/replay": e.replayRequest,
		"GET faults":                    e.listFaults,
		"POST faults":                   e.injectFault,
		"DELETE faults":                 e.clearFaults,
		"DELETE faults/{id}":            e.withdrawFault,
		"GET events":                    e.listEvents,
		"POST events":                   e.triggerEvent,
		"GET events/{id}":               e.getEvent,
		"POST events/{id}/resend":       e.resendEvent,
		"POST events/hold":              e.holdEvents,
		"POST events/release":           e.releaseEvents,
		"POST events/twice":             e.sendEventsTwice,
		"GET state":                     e.getState,
		"GET actions":                   e.listActions,
		"POST actions/{name}":           e.doAction,
		"POST reset":                    e.reset,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		api.HandleFunc(method+" "+Root+path, answering(f))
	}
	api.HandleFunc(Root, func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			other := r.Clone(r.Context())
			if other.Method = method; method != r.Method {
				if _, pattern := api.Handler(other); pattern != Root {
					w.Header().Add("Allow", method)
				}
			}
		}
		if w.Header().Get("Allow") != "" {
			refuse(w, http.StatusMethodNotAllowed, "this path is not for "+r.Method)
			return
		}
		refuse(w, http.StatusNotFound, "there is no such path; see "+Root+"openapi.json")
	})
	mux := http.NewServeMux()
	mux.Handle(Root, e.guard(api))
	mux.Handle(inspector.Root, e.guard(page))
	mux.Handle("GET /{$}", e.guard(http.RedirectHandler(inspector.Root, http.StatusSeeOther)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The platform sees paths as they were sent, and the mux would clean them.
		if p := r.URL.Path; p == "/" && r.Method == http.MethodGet || strings.HasPrefix(p, Root) || strings.HasPrefix(p, inspector.Root) {
			mux.ServeHTTP(w, r)
			return
		}
		e.Fake().ServeHTTP(w, r)
	})
}

// answering writes what f returns as JSON.
func answering(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		v, err := f(r)
		switch {
		case errors.Is(err, ErrUnknown):
			refuse(w, http.StatusNotFound, err.Error())
		case err != nil:
			refuse(w, http.StatusBadRequest, err.Error())
		default:
			write(w, http.StatusOK, v)
		}
	}
}

func write(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

func refuse(w http.ResponseWriter, status int, why string) {
	write(w, status, map[string]string{"error": why})
}

// read decodes the body of a request, if it has one; a member that is not known is refused.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the body is not the JSON object that the document shows: %w", err)
	}
	return nil
}

func openapi(*http.Request) (any, error) {
	var doc map[string]any
	err := yaml.Unmarshal(document, &doc)
	return doc, err
}

func (e *Emulator) about(*http.Request) (any, error) {
	return map[string]any{
		"base_url": e.BaseURL(), "inspector": e.BaseURL() + inspector.Root, "openapi": e.BaseURL() + Root + "openapi.json",
		"dir": e.config.Dir, "ahead": e.Fake().Ahead().String(), "speed": e.callbacks.Speed(), "forward_to": e.config.ForwardTo,
		"note": "a fake WeChat Pay for tests: its keys are worth nothing elsewhere",
	}, nil
}

// An exchange is one as JSON.
type exchange struct {
	Number       int               `json:"number"`
	Time         time.Time         `json:"time"`
	TookMS       float64           `json:"took_ms"`
	Method       string            `json:"method"`
	Host         string            `json:"host"`
	URI          string            `json:"uri"`
	Route        string            `json:"route,omitzero"`
	Operation    string            `json:"operation,omitzero"`
	Title        string            `json:"title,omitzero"`
	Product      string            `json:"product,omitzero"`
	Tag          string            `json:"tag,omitzero"`
	Repeats      int               `json:"repeats,omitzero"`
	Header       http.Header       `json:"header,omitzero"`
	BodySize     int               `json:"body_size"`
	Body         string            `json:"body,omitzero"`
	Signature    *signature        `json:"signature,omitzero"`
	Checks       []string          `json:"checks,omitzero"`
	Findings     []finding         `json:"findings,omitzero"`
	Advice       []string          `json:"advice,omitzero"`
	AdviceZh     []string          `json:"advice_zh,omitzero"`
	Fault        string            `json:"fault,omitzero"`
	Status       int               `json:"status"`
	Code         string            `json:"code,omitzero"`
	Verdict      string            `json:"verdict"`
	RequestID    string            `json:"request_id,omitzero"`
	AnswerHeader http.Header       `json:"answer_header,omitzero"`
	Answer       string            `json:"answer,omitzero"`
	Sensitive    map[string]string `json:"sensitive,omitzero"`
	Events       []string          `json:"events,omitzero"`
}

type signature struct {
	OK        bool   `json:"ok"`
	Caller    string `json:"caller,omitzero"`
	Serial    string `json:"serial,omitzero"`
	Timestamp string `json:"timestamp,omitzero"`
	Nonce     string `json:"nonce,omitzero"`
	Expected  string `json:"expected,omitzero"`
	Signed    string `json:"signed,omitzero"`
	Reason    string `json:"reason,omitzero"`
	ReasonZh  string `json:"reason_zh,omitzero"`
}

type finding struct {
	Where   string `json:"where"`
	Field   string `json:"field,omitzero"`
	Issue   string `json:"issue"`
	IssueZh string `json:"issue_zh,omitzero"`
}

func exchangeOf(x journal.Exchange) exchange {
	j := exchange{
		Number: x.Number, Time: x.Time, TookMS: float64(x.Took.Microseconds()) / 1000, Method: x.Method, Host: x.Host, URI: x.URI, Route: x.Route, Tag: x.Tag,
		Product: x.Product(), Repeats: x.Repeats, Header: x.Header, BodySize: x.BodySize, Body: x.Body, Signature: (*signature)(x.Signature), Checks: x.Checks,
		Advice: x.Advice, AdviceZh: x.AdviceZh, Fault: x.Fault, Status: x.Status, Code: x.Code, Verdict: x.Verdict, RequestID: x.RequestID, AnswerHeader: x.AnswerHeader,
		Answer: x.Answer, Sensitive: x.Sensitive, Events: x.Events,
	}
	for _, f := range x.Findings {
		j.Findings = append(j.Findings, finding(f))
	}
	if x.Operation != nil {
		j.Operation, j.Title = x.Operation.ID, x.Operation.Title
	}
	return j
}

// filterOf reads a filter, and how long to wait until something passes it.
func filterOf(q url.Values) (f journal.Filter, wait time.Duration, err error) {
	for name := range q {
		v := q.Get(name)
		switch name {
		case "route":
			f.Route = v
		case "product":
			f.Product = v
		case "tag":
			f.Tag = v
		case "text":
			f.Text = v
		case "outcome":
			f.Outcome = v
		case "after":
			f.After, err = strconv.Atoi(v)
		case "before":
			f.Before, err = strconv.Atoi(v)
		case "limit":
			f.Limit, err = strconv.Atoi(v)
		case "wait":
			wait, err = time.ParseDuration(v)
		default:
			return f, 0, fmt.Errorf("there is no filter %q; there are route, product, tag, text, outcome, after, before, limit and wait", name)
		}
		if err != nil {
			return f, 0, fmt.Errorf("%s is not a value of %s", strconv.Quote(v), name)
		}
	}
	return f, min(wait, time.Minute), f.Check()
}

// awaited asks again after each change until there is something, or the time is over.
func awaited[T any](r *http.Request, wait time.Duration, version func() int64, find func() []T) []T {
	deadline := time.Now().Add(wait)
	var found []T
	for seen := int64(-1); ; {
		if now := version(); now != seen {
			seen, found = now, find()
		}
		if len(found) > 0 || !time.Now().Before(deadline) {
			return found
		}
		select {
		case <-r.Context().Done():
			return found
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (e *Emulator) listRequests(r *http.Request) (any, error) {
	f, wait, err := filterOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	list := []exchange{}
	for _, x := range awaited(r, wait, e.journal.Version, func() []journal.Exchange { return e.journal.Find(f) }) {
		list = append(list, exchangeOf(x))
	}
	return map[string]any{"requests": list}, nil
}

func (e *Emulator) deleteRequests(r *http.Request) (any, error) {
	f, _, err := filterOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return map[string]any{"deleted": e.journal.Delete(f)}, nil
}

func numberOf(r *http.Request) (int, error) {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return 0, fmt.Errorf("exchange %q %w", r.PathValue("number"), ErrUnknown)
	}
	return n, nil
}

func (e *Emulator) getRequest(r *http.Request) (any, error) {
	n, err := numberOf(r)
	if err != nil {
		return nil, err
	}
	x, ok := e.journal.Get(n)
	if !ok {
		return nil, fmt.Errorf("exchange %d %w; the oldest give way to new ones", n, ErrUnknown)
	}
	return exchangeOf(x), nil
}

func (e *Emulator) replayRequest(r *http.Request) (any, error) {
	n, err := numberOf(r)
	if err != nil {
		return nil, err
	}
	if n, err = e.Replay(r.Context(), n); err != nil {
		return nil, err
	}
	x, _ := e.journal.Get(n)
	return exchangeOf(x), nil
}

// An injection is one as JSON.
type injection struct {
	ID          int     `json:"id,omitzero"`
	Name        string  `json:"name"`
	Route       string  `json:"route,omitzero"`
	Host        string  `json:"host,omitzero"`
	Tag         string  `json:"tag,omitzero"`
	Times       int     `json:"times"`
	Probability float64 `json:"probability,omitzero"`
	Happened    int     `json:"happened"`
	Header      string  `json:"header,omitzero"`
}

func (e *Emulator) listFaults(r *http.Request) (any, error) {
	route := r.URL.Query().Get("route")
	type known struct {
		Name    string `json:"name"`
		Doc     string `json:"doc"`
		DocZh   string `json:"doc_zh,omitzero"`
		Example string `json:"example,omitzero"`
	}
	injected, table := []injection{}, []known{}
	for _, i := range e.Fake().Injections() {
		injected = append(injected, injection(i))
	}
	all := append(append(append([]wxpaytest.Fault{}, wxpaytest.Faults...), wxpaytest.Refusals()...), wxpaytest.ReturnCodes()...)
	if route != "" {
		all = e.Fake().FaultsAt(route)
	}
	for _, f := range all {
		if f.Socket() {
			table = append(table, known{f.Name, f.Doc, f.Zh, f.Example})
		}
	}
	unused := e.Fake().Unused()
	if unused == nil {
		unused = []string{}
	}
	return map[string]any{"faults": injected, "unused": unused, "known": table}, nil
}

func (e *Emulator) injectFault(r *http.Request) (any, error) {
	asked := struct {
		injection
		Fault string `json:"fault"` // name, times and probability in one
	}{injection: injection{Times: 1}}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if asked.Fault != "" {
		i, err := e.Fake().ReadFault(asked.Fault)
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "wxpaytest: "))
		}
		if asked.Name, asked.Probability = i.Name, i.Probability; asked.Times == 1 { // negative: whatever the fault says
			asked.Times = i.Times
		}
	}
	asked.ID, asked.Happened, asked.Header = 0, 0, ""
	for _, f := range wxpaytest.Faults {
		if f.Name == asked.Name && !f.Socket() {
			return nil, fmt.Errorf("fault %q cannot happen on a socket: there is a connection already", f.Name)
		}
	}
	id, err := e.Fake().InjectFault(wxpaytest.Injection(asked.injection))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "wxpaytest: "))
	}
	return map[string]any{"id": id}, nil
}

func (e *Emulator) clearFaults(*http.Request) (any, error) {
	return map[string]any{}, e.Reset(ResetFaults)
}

func (e *Emulator) withdrawFault(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !e.Fake().Withdraw(id) {
		return nil, fmt.Errorf("fault %q %w", r.PathValue("id"), ErrUnknown)
	}
	return map[string]any{}, nil
}

func (e *Emulator) listEvents(r *http.Request) (any, error) {
	q := r.URL.Query()
	var wait time.Duration
	for name := range q {
		switch name {
		case "type":
		case "state":
			if all := []string{callbacks.Waiting, callbacks.Held, callbacks.Delivered, callbacks.GivenUp, callbacks.Nowhere}; !slices.Contains(all, q.Get(name)) {
				return nil, fmt.Errorf("state is one of %s", strings.Join(all, ", "))
			}
		case "wait":
			var err error
			if wait, err = time.ParseDuration(q.Get(name)); err != nil {
				return nil, fmt.Errorf("%q is not a time such as 5s", q.Get(name))
			}
		default:
			return nil, fmt.Errorf("there is no filter %q; there are type, state and wait", name)
		}
	}
	list := awaited(r, min(wait, time.Minute), e.callbacks.Version, func() []callbacks.Notice {
		found := []callbacks.Notice{}
		for _, n := range e.callbacks.All() {
			if (q.Get("type") == "" || q.Get("type") == n.Type) && (q.Get("state") == "" || q.Get("state") == n.State) {
				found = append(found, n)
			}
		}
		return found
	})
	return map[string]any{"events": list, "held": e.callbacks.Held(), "twice": e.callbacks.SendsTwice(), "types": e.callbacks.Events(), "variants": e.callbacks.Variants()}, nil
}

func (e *Emulator) triggerEvent(r *http.Request) (any, error) {
	var asked struct {
		Type      string          `json:"type"`
		Plaintext json.RawMessage `json:"plaintext"`
		URL       string          `json:"url"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	id, err := e.callbacks.Trigger(r.Context(), asked.Type, asked.Plaintext, asked.URL)
	return map[string]any{"id": id}, err
}

func (e *Emulator) getEvent(r *http.Request) (any, error) {
	n, ok := e.callbacks.Get(r.PathValue("id"))
	if !ok {
		return nil, fmt.Errorf("event %q %w", r.PathValue("id"), ErrUnknown)
	}
	return n, nil
}

func (e *Emulator) resendEvent(r *http.Request) (any, error) {
	var asked struct {
		Variant string `json:"variant"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if _, err := e.getEvent(r); err != nil {
		return nil, err
	}
	if err := e.callbacks.Resend(r.Context(), r.PathValue("id"), asked.Variant); err != nil {
		return nil, err
	}
	return e.getEvent(r)
}

func (e *Emulator) holdEvents(*http.Request) (any, error) {
	e.callbacks.Hold()
	return map[string]any{}, nil
}

func (e *Emulator) releaseEvents(r *http.Request) (any, error) {
	var asked struct {
		Reverse bool `json:"reverse"`
	}
	err := read(r, &asked)
	if err == nil {
		e.callbacks.Release(asked.Reverse)
	}
	return map[string]any{}, err
}

func (e *Emulator) sendEventsTwice(r *http.Request) (any, error) {
	var asked struct {
		On bool `json:"on"`
	}
	err := read(r, &asked)
	if err == nil {
		e.callbacks.SendTwice(asked.On)
	}
	return map[string]any{}, err
}

func (e *Emulator) getState(*http.Request) (any, error) {
	type view struct {
		Product string           `json:"product"`
		Name    string           `json:"name"`
		Rows    []map[string]any `json:"rows"`
	}
	list := []view{}
	for _, v := range e.Fake().State() {
		if v.Rows == nil {
			v.Rows = []map[string]any{}
		}
		list = append(list, view{v.Product, v.Name, v.Rows})
	}
	return map[string]any{"state": list, "ahead": e.Fake().Ahead().String()}, nil
}

func (e *Emulator) listActions(*http.Request) (any, error) {
	type param struct {
		Name     string   `json:"name"`
		Doc      string   `json:"doc,omitzero"`
		DocZh    string   `json:"doc_zh,omitzero"`
		Values   []string `json:"values,omitzero"`
		Optional bool     `json:"optional,omitzero"`
	}
	type action struct {
		Product string  `json:"product,omitzero"`
		Name    string  `json:"name"`
		Doc     string  `json:"doc"`
		DocZh   string  `json:"doc_zh,omitzero"`
		Params  []param `json:"params"`
	}
	list := []action{}
	for _, a := range e.Fake().Actions() {
		j := action{a.Product, a.Name, a.Doc, a.DocZh, []param{}}
		for _, p := range a.Params {
			j.Params = append(j.Params, param{p.Name, p.Doc, p.DocZh, p.Values, p.Optional})
		}
		list = append(list, j)
	}
	return map[string]any{"actions": list}, nil
}

func (e *Emulator) doAction(r *http.Request) (any, error) {
	args := map[string]string{}
	if err := read(r, &args); err != nil {
		return nil, err
	}
	made, err := e.Do(r.Context(), Step{r.PathValue("name"), args})
	return map[string]any{"result": made}, err
}

func (e *Emulator) reset(r *http.Request) (any, error) {
	asked := struct {
		What string `json:"what"`
	}{ResetAll}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	return map[string]any{}, e.Reset(asked.What)
}
