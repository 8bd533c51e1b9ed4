package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// A Rate is how often something may be called.
type Rate = api.Rate

// rates are the times at which what is limited came, by kind.
type rates map[string][]time.Time

// mostRates is how many kinds are counted at a time. Callers make some up, such as the brands they call for.
const mostRates = 10_000

// within counts one more event of a kind, and reports whether there were no more than n within span. What is
// too much does not count.
func (r rates) within(kind string, now time.Time, n int, span time.Duration) bool {
	recent := slices.DeleteFunc(r[kind], func(t time.Time) bool { return now.Sub(t) >= span })
	ok := len(recent) < n
	if ok {
		recent = append(recent, now)
	}
	if _, counted := r[kind]; !counted && len(r) >= mostRates {
		r.forget(now)
	}
	r[kind] = recent
	return ok
}

// forget makes room, and enough that it need not be called soon again: of kinds that did not come for a day, the longest
// span there is, or else of any.
func (r rates) forget(now time.Time) {
	maps.DeleteFunc(r, func(_ string, at []time.Time) bool { return len(at) == 0 || now.Sub(at[len(at)-1]) >= spans["day"] })
	for kind := range r {
		if len(r) < mostRates/2 {
			return
		}
		delete(r, kind)
	}
}

// slow refuses a call of which there were too many: more than the test says, or else the documents.
func (e *Engine) slow(tx *Tx, h handler) error {
	limits := h.limits
	if limits == nil && !e.Unlimited() {
		if limits = tx.Op.Rates; tx.Route == tx.Op.BrandRoute {
			limits = tx.Op.BrandRates
		}
	}
	for _, limit := range limits {
		kind := tx.Caller + " " + tx.Route + " " + limit.Every
		if limit.Per == "brand" { // a service provider calls for many
			kind += " " + tx.brand()
		}
		if tx.concerns(limit.Only) && !e.rates.within(kind, e.running(), int(limit.Count), spans[limit.Every]) {
			return &TooFast{fmt.Sprintf("%d calls within a %s", limit.Count, limit.Every)}
		}
	}
	return nil
}

// brand is the brand for which a service provider calls; its numbers and rates are apart from those of other brands.
func (tx *Tx) brand() string { return cmp.Or(tx.Body.Text("brand_id"), tx.Query.Text("brand_id")) }

// concerns reports whether a limit is for a call: for all, or for those that name one of the kinds.
func (tx *Tx) concerns(kinds []string) bool {
	for _, v := range tx.Body {
		if kind, ok := v.(string); ok && slices.Contains(kinds, kind) {
			return true
		}
	}
	return len(kinds) == 0
}

// Unlimited reports whether the published limits of rate are switched off.
func (e *Engine) Unlimited() bool { return e.unlimited.Load() }

// limit is the action that switches them.
func (e *Engine) limit(args map[string]string) (any, error) {
	e.unlimited.Store(args["switch"] == "off")
	return nil, nil
}

var spans = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// A replayed is a request number that was used: a hash of what it asked for, and the JSON it was answered.
type replayed struct {
	content uint64
	answer  []byte // nil: none
}

// replays are the request numbers that were used, the oldest first, and how many bytes they take.
type replays struct {
	by    map[string]replayed
	order []string
	bytes int
}

// mostReplayed is how many bytes of them are remembered: a million numbers with short answers.
const mostReplayed = 256 << 20

func (r *replays) add(id string, one replayed) {
	const overhead = 100
	r.by[id] = one
	r.order = append(r.order, id)
	r.bytes += len(id) + len(one.answer) + overhead
	for r.bytes > mostReplayed && len(r.order) > 1 {
		oldest := r.order[0]
		r.bytes -= len(oldest) + len(r.by[oldest].answer) + overhead
		delete(r.by, oldest)
		r.order = r.order[1:]
	}
}

// once lets a request number take effect once. One that comes again with the same content gets the same
// answer, and with other content it is refused. A number that was refused is free.
func (e *Engine) once(tx *Tx, act func() ([]byte, error)) ([]byte, error) {
	key := tx.Op.IdempotencyKey
	number := cmp.Or(tx.Body.Text(key), tx.Query.Text(key), tx.Var(key))
	if key == "" || number == "" {
		return act()
	}
	id := tx.Caller + " " + tx.brand() + " " + tx.Route + " " + number
	now := e.Hash(schema.Canonical(tx.Vars) + schema.Canonical(tx.Query) + schema.Canonical(tx.Body))
	if before, ok := e.replays.by[id]; ok {
		if before.content != now {
			return nil, Reentry(key)
		}
		return before.answer, nil
	}
	answer, err := act()
	if err == nil {
		e.replays.add(id, replayed{now, answer})
	}
	return answer, err
}

// defaultLimit is the size of a page whose call names none, where the documents do not say.
const defaultLimit = 20

// PageOf answers the page of a list that a call asks for, by what the documents say of it: of what f shows, those
// that have what the query asks for under the names.
func PageOf[T any](tx *Tx, all []T, f func(T) Object, names ...string) (Object, error) {
	found := []Object{}
	for _, one := range all {
		if o := f(one); tx.Asks(o, names...) {
			found = append(found, o)
		}
	}
	return page(tx, found)
}

// page cuts the page out that a call asks for, by number, by record or by token.
func page[T any](tx *Tx, all []T) (Object, error) {
	p, n := tx.Op.Pagination, int64(len(all))
	limit, asked := cmp.Or(tx.Query.Number(p.Limit), p.DefaultLimit, defaultLimit), tx.Query.Number(p.Offset)-p.First
	first, size := min(asked, n), min(limit, n) // larger ones may be too large to count with
	switch token := tx.Query.Text(p.Token); {
	case p.Style == "page-number":
		first = min(first*size, n)
	case p.Style == "page-token" && token != "":
		at, err := strconv.ParseInt(strings.TrimPrefix(token, tokenPrefix), 36, 64)
		if err != nil || at < 0 || at > n || !strings.HasPrefix(token, tokenPrefix) {
			return nil, Bad("query", p.Token, "is no token of this list")
		}
		first = at
	}
	end := min(first+size, n)
	o := Object{p.Items: all[first:end]}
	for name, v := range map[string]any{p.Total: n, p.Offset: asked + p.First, p.Limit: limit} {
		if name != "" && tx.Op.Answer.Property(name) != nil {
			o[name] = v
		}
	}
	if p.Next != "" && end < n {
		o[p.Next] = tokenPrefix + strconv.FormatInt(end, 36)
	}
	return o, nil
}

const tokenPrefix = "wxpaytest-"

// paged makes the example of a list a list of the records that it shows.
func paged(tx *Tx, example Object) (Object, error) {
	p := tx.Op.Pagination
	if p == nil || example == nil {
		return example, nil
	}
	all, _ := example[p.Items].([]any)
	list, err := page(tx, all)
	delete(example, p.Next)
	maps.Copy(example, list)
	return example, err
}
