package inspector

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/ops/emulator/snippet"
)

// perPage is how many exchanges a page of the list shows: however many arrive, a poll costs so many rows.
const perPage = 50

type listPage struct {
	Filter       journal.Filter
	Filtered     template.URL // the filter as it stands in addresses, escaped already
	Rows         []journal.Exchange
	Total        int
	From, To     int
	Older, Newer string // addresses; empty: there is no such page
	Live         bool   // the newest are shown, so that new ones can appear
	Version      string
	Products     []*api.Product
	Outcomes     []string
}

// filter is what an address, or a form, asks for.
func filter(q url.Values) journal.Filter {
	f := journal.Filter{Route: q.Get("route"), Product: q.Get("product"), Tag: q.Get("tag"), Text: q.Get("q"), Outcome: q.Get("outcome")}
	if !slices.Contains(journal.Outcomes(), f.Outcome) {
		f.Outcome = "" // as if it were not there: an old link still shows something
	}
	return f
}

// address is a filter as it stands in addresses, without pages.
func address(f journal.Filter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"route": f.Route, "product": f.Product, "tag": f.Tag, "q": f.Text, "outcome": f.Outcome} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func (i *server) list(w http.ResponseWriter, r *http.Request) {
	version := fmt.Sprintf("%d.%d", i.Journal.Version(), i.Callbacks.Version()) // before the rows: what comes between is seen by the next poll
	if unchanged(w, r, version) {
		return
	}
	f := filter(r.URL.Query())
	before, _ := strconv.Atoi(r.URL.Query().Get("before")) // nonsense is the first page
	data := i.rows(f, max(0, before))
	data.Version = version
	if polled(r) {
		i.part(w, r, "list", "rows", data)
		return
	}
	i.show(w, r, http.StatusOK, "list", "exchanges", say(language(w, r), "Exchanges"), data)
}

// rows is a page of the list: the newest that pass, or those before a number.
func (i *server) rows(f journal.Filter, before int) listPage {
	all := i.Journal.Find(f)
	start := 0
	if before > 0 {
		start = len(all)
		if at := slices.IndexFunc(all, func(x journal.Exchange) bool { return x.Number < before }); at >= 0 {
			start = at
		}
	}
	end := min(start+perPage, len(all))
	q := address(f)
	p := listPage{Filter: f, Filtered: template.URL(q.Encode()), Rows: all[start:end], Total: len(all), From: start + 1, To: end, Live: start == 0, Products: i.Catalog.Products, Outcomes: journal.Outcomes()}
	if end < len(all) {
		q.Set("before", strconv.Itoa(all[end-1].Number))
		p.Older = listAt(q)
	}
	if start > 0 {
		q.Del("before")
		if start > perPage {
			q.Set("before", strconv.Itoa(all[start-perPage-1].Number))
		}
		p.Newer = listAt(q)
	}
	return p
}

// listAt is the address of a list.
func listAt(q url.Values) string {
	if len(q) == 0 {
		return Root
	}
	return Root + "?" + q.Encode()
}

func (i *server) listHAR(w http.ResponseWriter, r *http.Request) {
	all := i.Journal.Find(filter(r.URL.Query()))
	slices.Reverse(all) // a HAR tells what came first
	i.har(w, "exchanges", all)
}

func (i *server) har(w http.ResponseWriter, name string, all []journal.Exchange) {
	text, err := snippet.HAR(all, i.BaseURL())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "wxpay-"+name+".har"))
	_, _ = w.Write(text)
}

func (i *server) clear(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read is not there
	f := filter(r.PostForm)
	n := i.Journal.Delete(f)
	i.back(w, r, cmp.Or(r.PostFormValue("back"), Root), done(language(w, r), nil, "%d exchanges forgotten", n))
}
