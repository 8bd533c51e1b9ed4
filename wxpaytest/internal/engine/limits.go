package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// rates are the times at which what is limited came, by kind.
type rates map[string][]time.Time

// within counts one more event of a kind, and reports whether there were no more than n within span. What is
// too much does not count.
func (r rates) within(kind string, now time.Time, n int, span time.Duration) bool {
	recent := slices.DeleteFunc(r[kind], func(t time.Time) bool { return now.Sub(t) >= span })
	ok := len(recent) < n
	if ok {
		recent = append(recent, now)
	}
	r[kind] = recent
	return ok
}

// slow refuses a call of which there were too many: more than the test says, or else the documents.
func (e *Engine) slow(tx *Tx, h handler) error {
	limits := h.limits
	if limits == nil && !e.options.Unlimited {
		if limits = tx.Op.Rates; tx.Route == tx.Op.BrandRoute {
			limits = tx.Op.BrandRates
		}
	}
	for _, limit := range limits {
		if tx.concerns(limit.Only) && !e.rates.within(tx.Caller+" "+tx.Route+" "+limit.Every, e.Now(), int(limit.Count), spans[limit.Every]) {
			return &TooFast{fmt.Sprintf("%d calls within a %s", limit.Count, limit.Every)}
		}
	}
	return nil
}

// concerns reports whether a limit is for a call: for all, or for those that name one of the kinds.
func (tx *Tx) concerns(kinds []string) bool {
	for _, v := range tx.Body {
		if kind, ok := v.(string); ok && slices.Contains(kinds, kind) {
			return true
		}
	}
	return len(kinds) == 0
}

var spans = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// A replayed is a request number that was used: a hash of what it asked for, and the JSON it was answered.
type replayed struct {
	content uint64
	answer  []byte // nil: none
}

// once lets a request number take effect once. One that comes again with the same content gets the same
// answer, and with other content it is refused. A number that was refused is free.
func (e *Engine) once(tx *Tx, act func() ([]byte, error)) ([]byte, error) {
	key := tx.Op.IdempotencyKey
	number := cmp.Or(tx.Body.Text(key), tx.Query.Text(key), tx.Var(key))
	if key == "" || number == "" {
		return act()
	}
	content := maps.Clone(tx.Body)
	for name, plain := range tx.Secrets { // every encryption of a number looks different
		content[name] = plain
	}
	id := tx.Caller + " " + tx.Route + " " + number
	now := e.Hash(schema.Canonical(tx.Vars) + schema.Canonical(tx.Query) + schema.Canonical(content))
	if before, ok := e.replays[id]; ok {
		if before.content != now {
			return nil, Reentry(key)
		}
		return before.answer, nil
	}
	answer, err := act()
	if err == nil {
		e.replays[id] = replayed{now, answer}
	}
	return answer, err
}

// defaultLimit is the size of a page whose call names none, where the documents do not say.
const defaultLimit = 20

// PageOf answers the page of a list that a call asks for, by what the documents say of it: of what f shows, those
// that have what the query asks for under the names.
func PageOf[T any](tx *Tx, all []T, f func(T) Object, names ...string) Object {
	found := []Object{}
	for _, one := range all {
		if o := f(one); tx.Asks(o, names...) {
			found = append(found, o)
		}
	}
	p := tx.Op.Pagination
	limit := cmp.Or(tx.Query.Number(p.Limit), p.DefaultLimit, defaultLimit)
	n, asked := int64(len(found)), tx.Query.Number(p.Offset)
	first := min(asked, n)
	if p.Style == "page-number" {
		first = min(first*limit, n)
	}
	return Object{p.Items: found[first:min(first+limit, n)], p.Total: n, p.Offset: asked, p.Limit: limit}
}
