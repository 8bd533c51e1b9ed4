// Package inspector is the page on which people see what their client sent to the emulator, and make things happen.
//
// It is HTML that works without scripts; htmx keeps the lists live, and app.js adds copying and keys. It knows no
// product by name: what it shows follows from the catalog, and from what the fake says of itself.
package inspector

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/ops/emulator/snippet"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Sources are what the page shows and what its buttons do.
type Sources struct {
	Fake      func() *wxpaytest.Server // as it is now: a reset replaces it
	Catalog   *api.Catalog
	Journal   *journal.Store
	Callbacks *callbacks.Queue
	BaseURL   func() string
	Dir       string // with the keys and the file env

	// Replay sends what an exchange sent once more, signed anew, and returns the number of the new exchange.
	Replay func(ctx context.Context, number int) (int, error)
	// Try sends a request that was made on the page of an operation, and returns the number of its exchange.
	Try func(ctx context.Context, t Trial) (int, error)
	// Sign returns the headers of a right request of the merchant; of the brand for /brand/…, of the application
	// for TPNS.
	Sign func(method, uri string, body []byte) (http.Header, error)
	// Reset starts anew with faults, requests, state, or all.
	Reset func(what string) error
}

// A Trial is a request that was made on the page of an operation.
type Trial struct {
	Operation   *api.Operation
	Brand       bool // by the door of brands
	Path, Query map[string]string
	Body        json.RawMessage // what is encrypted on its way stands here in plain text
	File        []byte
	FileName    string
}

// Root is where the page lives.
const Root = "/_inspector/"

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// sections are the pages of the menu with their letters of the keyboard: g e goes to the first.
var sections = []section{
	{"exchanges", "", "Exchanges", "e"},
	{"callbacks", "callbacks", "Callbacks", "c"},
	{"state", "state", "State", "s"},
	{"faults", "faults", "Faults", "f"},
	{"operations", "operations", "Operations", "o"},
	{"help", "help", "Help", "h"},
}

type section struct{ Name, Path, Title, Key string }

type server struct {
	Sources
	routes map[string]*api.Operation                // by route, of both doors
	pages  map[string]map[string]*template.Template // by language and name
	notes  notes
}

// New returns the handler of everything under [Root]. Who may ask is for the caller to check.
func New(s Sources) (http.Handler, error) {
	i := &server{Sources: s, routes: map[string]*api.Operation{}, pages: map[string]map[string]*template.Template{}}
	for _, p := range s.Catalog.Products {
		for _, op := range p.Operations {
			i.routes[op.Route] = op
			i.routes[cmp.Or(op.BrandRoute, op.Route)] = op
		}
	}
	for lang := range languages {
		pages, err := parse(lang)
		if err != nil {
			return nil, err
		}
		i.pages[lang] = pages
	}
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+Root+"static/", http.StripPrefix(Root+"static/", http.FileServerFS(static)))
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET {$}":                          i.list,
		"GET exchanges.har":                i.listHAR,
		"POST clear":                       i.clear,
		"GET exchanges/{number}":           i.exchange,
		"GET exchanges/{number}/har":       i.exchangeHAR,
		"GET exchanges/{number}/as/{what}": i.snippet,
		"POST exchanges/{number}/replay":   i.replay,
		"GET callbacks":                    i.callbacks,
		"GET callbacks/{id}":               i.callback,
		"POST callbacks/{id}/resend":       i.resend,
		"POST callbacks/order":             i.order,
		"POST callbacks/trigger":           i.trigger,
		"GET state":                        i.state,
		"POST state/act":                   i.act,
		"GET faults":                       i.faults,
		"POST faults/inject":               i.inject,
		"POST faults/withdraw":             i.withdraw,
		"GET operations":                   i.operations,
		"GET operations/{id}":              i.operation,
		"POST operations/{id}/send":        i.send,
		"POST reset":                       i.reset,
		"GET help":                         i.help,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+Root+path, handler)
	}
	mux.HandleFunc("GET "+Root, func(w http.ResponseWriter, r *http.Request) {
		i.fail(w, r, http.StatusNotFound, "There is no such page.")
	})
	return i.guard(mux), nil
}

// policy lets nothing load or run but what the page brings along.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const mostForm = 4 << 20 // bytes of what a form may send

func (i *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if strings.HasPrefix(r.URL.Path, Root+"static/") {
			h.Set("Cache-Control", "no-cache")
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		next.ServeHTTP(w, r)
	})
}

// A page is what every template gets.
type page struct {
	Lang, Theme string
	Section     string
	Title       string // in the language of the page
	Query       url.Values
	Path        string
	Base        string
	Ahead       time.Duration // how far the clock was moved
	Held        bool
	Note        *note
	Data        any
}

// With is the address of this page with one parameter of it changed.
func (p page) With(name, value string) string {
	q := maps.Clone(p.Query)
	q.Del("note")
	q.Set(name, value)
	return p.Path + "?" + q.Encode()
}

// Sections are the pages of the menu.
func (page) Sections() []section { return sections }

// show renders a page.
func (i *server) show(w http.ResponseWriter, r *http.Request, status int, name, section, title string, data any) {
	lang, theme := language(w, r), theme(w, r)
	p := page{
		Lang: lang, Theme: theme, Section: section, Title: title, Query: r.URL.Query(), Path: r.URL.Path, Base: i.BaseURL(),
		Ahead: i.Fake().Ahead(), Held: i.Callbacks.Held(), Note: i.notes.get(r.URL.Query().Get("note")), Data: data,
	}
	i.render(w, status, i.pages[lang][name], "layout", p)
}

// part renders what a list polls for.
func (i *server) part(w http.ResponseWriter, r *http.Request, name, part string, data any) {
	lang := language(w, r)
	i.render(w, http.StatusOK, i.pages[lang][name], part, page{Lang: lang, Query: r.URL.Query(), Path: r.URL.Path, Data: data})
}

func (i *server) render(w http.ResponseWriter, status int, t *template.Template, name string, p page) {
	var text bytes.Buffer
	if err := t.ExecuteTemplate(&text, name, p); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request, Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // who left does not read
}

// fail shows why there is nothing to show.
func (i *server) fail(w http.ResponseWriter, r *http.Request, status int, format string, args ...any) {
	lang := language(w, r)
	i.show(w, r, status, "error", "", say(lang, "Not found"), say(lang, format, args...))
}

// polled reports whether htmx asks for a list that is on the page already.
func polled(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// unchanged answers a poll of who has this version.
func unchanged(w http.ResponseWriter, r *http.Request, version string) bool {
	if !polled(r) || r.Header.Get("X-Version") != version {
		return false
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// A note tells what came of a button, on the page that is shown after it.
type note struct {
	Bad  bool
	Text string
	JSON string // what an action returned
}

// notes are kept for the page after a redirect, under names that cannot be guessed: a link from elsewhere cannot put
// words into the page.
type notes struct {
	mu    sync.Mutex
	names []string
	all   map[string]*note
}

func (n *notes) add(one *note) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := rand.Text()
	if n.all == nil {
		n.all = map[string]*note{}
	}
	if n.names = append(n.names, name); len(n.names) > 100 {
		delete(n.all, n.names[0])
		n.names = n.names[1:]
	}
	n.all[name] = one
	return name
}

func (n *notes) get(name string) *note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[name]
}

// back goes to a page of this site after a button, with a note.
func (i *server) back(w http.ResponseWriter, r *http.Request, to string, n *note) {
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, Root) || strings.Contains(u.Path, "\\") {
		u = &url.URL{Path: Root}
	}
	q := u.Query()
	q.Del("note")
	if n != nil {
		q.Set("note", i.notes.add(n))
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// done is the note of a button that did, or could not do, what it says.
func done(lang string, err error, format string, args ...any) *note {
	if err != nil {
		return &note{Bad: true, Text: say(lang, strings.TrimPrefix(err.Error(), "wxpaytest: "))}
	}
	return &note{Text: say(lang, format, args...)}
}

func (i *server) reset(w http.ResponseWriter, r *http.Request) {
	what := r.FormValue("what")
	lang := language(w, r)
	if !slices.Contains([]string{"faults", "requests", "state", "all"}, what) {
		i.fail(w, r, http.StatusBadRequest, "There is no such thing to reset.")
		return
	}
	i.back(w, r, r.FormValue("back"), done(lang, i.Reset(what), "Reset: %s", say(lang, what)))
}

func (i *server) help(w http.ResponseWriter, r *http.Request) {
	i.show(w, r, http.StatusOK, "help", "help", say(language(w, r), "Help"), struct {
		Dir      string
		Sections []section
		MchID    string
		BrandID  string
	}{i.Dir, sections, wxpaytest.MchID, wxpaytest.BrandID})
}

// parse reads the templates of a language.
func parse(lang string) (map[string]*template.Template, error) {
	funcs := template.FuncMap{
		"t":      func(text string, args ...any) string { return say(lang, text, args...) },
		"either": func(english, chinese string) string { return either(lang, english, chinese) },
		"adviceOf": func(x journal.Exchange) []string {
			if lang == "zh" && len(x.AdviceZh) == len(x.Advice) {
				return x.AdviceZh
			}
			return x.Advice
		},
		"clock":   func(t time.Time) string { return t.Local().Format("15:04:05.000") },
		"full":    func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 -07:00") },
		"took":    took,
		"size":    size,
		"json":    pretty,
		"short":   func(text string, most int) string { return cut(text, most) },
		"verdict": func(x journal.Exchange) string { return verdict(lang, x) },
		"glyphs":  func(text string) []piece { return visible(text, text) },
		"last":    func(all []callbacks.Attempt) callbacks.Attempt { return all[len(all)-1] },
		"text":    func(raw json.RawMessage) string { return string(raw) },
		"lines":   lines,
		"percent": func(p float64) string { return strconv.FormatFloat(100*p, 'g', 4, 64) + "%" },
		"method":  method,
		"path":    path,
		"tail":    func(address string) string { return address[strings.LastIndexByte(address, '/')+1:] },
		"size64":  func(n int64) string { return size(int(n)) },
		"rows":    func(text string) int { return min(24, 2+strings.Count(text, "\n")) },
		"type":    typeOf,
		"limits":  limits,
		"quote":   snippet.Quote,
		"join":    strings.Join,
		"named":   func(p *api.Product) string { return productName(lang, p) },
		"call":    func(op *api.Operation) string { return operationName(lang, op) },
		"root":    func() string { return Root },
		"tone":    tone,
		"until":   func(t time.Time) string { return took(max(0, time.Until(t).Round(time.Second))) },
		"dict": func(pairs ...any) (map[string]any, error) {
			m := map[string]any{}
			for at := 0; at+1 < len(pairs); at += 2 {
				m[fmt.Sprint(pairs[at])] = pairs[at+1]
			}
			return m, nil
		},
	}
	common, err := template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range []string{"list", "exchange", "callbacks", "callback", "state", "faults", "operations", "operation", "help", "error"} {
		t, err := common.Clone()
		if err != nil {
			return nil, err
		}
		if pages[name], err = t.ParseFS(templateFiles, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// productName is what a product is called in a language.
func productName(lang string, p *api.Product) string {
	if lang == "zh" {
		return cmp.Or(p.Chinese, p.English)
	}
	return p.English
}

// operationName is what a call is called in a language; the title of the official page is the best Chinese there is.
func operationName(lang string, op *api.Operation) string {
	if lang == "zh" {
		return cmp.Or(op.Title, op.Summary)
	}
	return op.Summary
}
