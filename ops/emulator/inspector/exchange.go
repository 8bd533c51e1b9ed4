package inspector

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/ops/emulator/callbacks"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/ops/emulator/snippet"
)

type exchangePage struct {
	X                journal.Exchange
	URI              string
	Cut              bool // URI is only its beginning
	Header, Answered []line
	Sensitive        []line
	Notices          []callbacks.Notice
	Lost             []string // IDs of callbacks that are no longer remembered
	Older, Newer     string
	Filtered         template.URL
	Expected, Signed []piece
	Reason           string
	GoTest, SDKCall  string
	Curl             string
	Document         string // address of the official page
	BodyCut          bool   // Body is only its beginning
	Form             bool   // Body says what its parts are
}

// A line is a header, or another pair that is shown in a table.
type line struct{ Name, Value string }

func lines(h http.Header) (all []line) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			all = append(all, line{name, v})
		}
	}
	return all
}

const mostURI = 4 << 10

// asked returns the exchange that the address names; false: it said that there is none.
func (i *server) asked(w http.ResponseWriter, r *http.Request) (journal.Exchange, bool) {
	number, err := strconv.Atoi(r.PathValue("number"))
	x, ok := i.Journal.Get(number)
	if err != nil || !ok {
		i.fail(w, r, http.StatusNotFound, "There is no exchange of that number; the oldest give way to new ones, and a reset forgets all.")
		return x, false
	}
	return x, true
}

func (i *server) exchange(w http.ResponseWriter, r *http.Request) {
	x, ok := i.asked(w, r)
	if !ok {
		return
	}
	lang := language(w, r)
	f := filter(r.URL.Query())
	form := strings.HasPrefix(x.Header.Get("Content-Type"), "multipart/")
	p := exchangePage{
		X: x, URI: x.URI, Header: lines(x.Header), Answered: lines(x.AnswerHeader), Filtered: template.URL(address(f).Encode()),
		GoTest: snippet.GoTest(x), SDKCall: snippet.SDKCall(x), Curl: i.curl(x), BodyCut: x.Body != "" && !form && x.BodySize > len(x.Body), Form: form,
	}
	if len(p.URI) > mostURI {
		p.URI, p.Cut = strings.ToValidUTF8(p.URI[:mostURI], ""), true
	}
	for _, name := range slices.Sorted(maps.Keys(x.Sensitive)) {
		p.Sensitive = append(p.Sensitive, line{name, x.Sensitive[name]})
	}
	for _, id := range x.Events {
		if n, ok := i.Callbacks.Get(id); ok {
			p.Notices = append(p.Notices, n)
		} else {
			p.Lost = append(p.Lost, id)
		}
	}
	if s := x.Signature; s != nil && !s.OK {
		p.Reason = either(lang, s.Reason, s.ReasonZh)
		p.Expected, p.Signed = []piece{{Text: s.Expected}}, nil
		if s.Signed != "" {
			p.Expected, p.Signed = visible(s.Expected, s.Signed), visible(s.Signed, s.Expected)
		} else if s.Expected != "" {
			p.Expected = visible(s.Expected, s.Expected)
		}
	}
	if op := x.Operation; op != nil {
		pages := op.Pages
		if x.Route == op.BrandRoute && len(op.BrandPages) > 0 {
			pages = op.BrandPages
		}
		if len(pages) > 0 {
			p.Document = pages[0]
		}
	}
	p.neighbours(i.Journal.Find(f))
	i.show(w, r, http.StatusOK, "exchange", "exchanges", fmt.Sprintf("#%d %s", x.Number, x.Method), p)
}

// neighbours are the exchanges before and after this one that pass the same filter.
func (p *exchangePage) neighbours(all []journal.Exchange) {
	to := func(x journal.Exchange) string {
		address := fmt.Sprintf("%sexchanges/%d", Root, x.Number)
		if p.Filtered != "" {
			address += "?" + string(p.Filtered)
		}
		return address
	}
	for _, x := range all { // newest first
		switch {
		case x.Number > p.X.Number:
			p.Newer = to(x)
		case x.Number < p.X.Number:
			p.Older = to(x)
			return
		}
	}
}

// curl is the exchange as a command, signed now.
func (i *server) curl(x journal.Exchange) string {
	var header http.Header
	if !snippet.Basic(x) {
		body, _ := snippet.Signed(x)
		signed, err := i.Sign(x.Method, snippet.URI(x), body)
		if err != nil {
			return "# " + strings.ReplaceAll(err.Error(), "\n", " ") + "\n"
		}
		header = signed
	}
	return snippet.Curl(x, header, i.BaseURL())
}

// snippet is one of the texts to copy, made at this moment.
func (i *server) snippet(w http.ResponseWriter, r *http.Request) {
	x, ok := i.asked(w, r)
	if !ok {
		return
	}
	var text string
	switch r.PathValue("what") {
	case "curl":
		text = i.curl(x)
	case "gotest":
		text = snippet.GoTest(x)
	case "sdk":
		text = snippet.SDKCall(x)
	default:
		i.fail(w, r, http.StatusNotFound, "There is no such page.")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text))
}

func (i *server) exchangeHAR(w http.ResponseWriter, r *http.Request) {
	if x, ok := i.asked(w, r); ok {
		i.har(w, fmt.Sprintf("exchange-%d", x.Number), []journal.Exchange{x})
	}
}

func (i *server) replay(w http.ResponseWriter, r *http.Request) {
	x, ok := i.asked(w, r)
	if !ok {
		return
	}
	lang := language(w, r)
	number, err := i.Replay(r.Context(), x.Number)
	to := fmt.Sprintf("%sexchanges/%d", Root, x.Number)
	if err == nil && number > 0 {
		to = fmt.Sprintf("%sexchanges/%d", Root, number)
	}
	i.back(w, r, to, done(lang, err, "Sent once more, as number %d", number))
}
