// Package journal keeps the exchanges of the emulator, newest last, within bounds of number and memory.
package journal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Bounds of a [Store].
const (
	Most     = 1000    // exchanges
	MostSent = 6 << 20 // bytes of bodies that are kept to be sent again
)

// An Exchange is one request and its answer.
type Exchange struct {
	wxpaytest.Request
	Operation *api.Operation // nil: there is no such call
	Repeats   int            // number of the exchange that this one replays; 0: none
}

// Product is the name of the product that the call is of; empty: there is no such call.
func (x *Exchange) Product() string {
	if x.Operation == nil {
		return ""
	}
	return x.Operation.Product.Name
}

// Outcomes are what [Filter].Outcome knows.
func Outcomes() []string {
	return []string{"ok", "refused", "failed", "advice", "fault", "signature"}
}

// is reports whether the exchange came out that way.
func (x *Exchange) is(outcome string) bool {
	switch outcome {
	case "":
		return true
	case "ok":
		return x.Status >= 200 && x.Status < 300
	case "refused":
		return x.Status >= 300 && x.Status < 500 || x.Code != "" && x.Status < 500
	case "failed":
		return x.Status == 0 || x.Status >= 500
	case "advice":
		return len(x.Advice) > 0
	case "fault":
		return x.Fault != ""
	case "signature":
		return x.Signature != nil && !x.Signature.OK
	}
	return false
}

// A Filter says which exchanges are wanted. Zero values let all pass.
type Filter struct {
	Route, Product, Tag string
	Text                string // in URI, verdict, code, body, answer or Request-ID, whatever the case
	Outcome             string // one of Outcomes
	After, Before       int    // numbers, both exclusive
	Limit               int    // only the newest so many
}

// lets reports whether an exchange passes.
func (f *Filter) lets(x *Exchange) bool {
	switch {
	case f.Route != "" && f.Route != x.Route, f.Product != "" && f.Product != x.Product(), f.Tag != "" && f.Tag != x.Tag:
		return false
	case f.After > 0 && x.Number <= f.After, f.Before > 0 && x.Number >= f.Before:
		return false
	}
	return x.is(f.Outcome) && (f.Text == "" || x.says(strings.ToLower(f.Text)))
}

func (x *Exchange) says(text string) bool {
	title := ""
	if x.Operation != nil {
		title = x.Operation.Title + " " + x.Operation.Summary + " " + x.Operation.ID
	}
	return slices.ContainsFunc([]string{x.Method + " " + x.URI, x.Route, x.Verdict, x.Code, x.Body, x.Answer, x.RequestID, x.Tag, title},
		func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}

// Check says what a filter asks for that there is not.
func (f *Filter) Check() error {
	switch {
	case f.Outcome != "" && !slices.Contains(Outcomes(), f.Outcome):
		return fmt.Errorf("outcome is one of %s", strings.Join(Outcomes(), ", "))
	case f.After < 0 || f.Before < 0 || f.Limit < 0:
		return fmt.Errorf("after, before and limit are numbers from 0")
	}
	return nil
}

// A Store holds exchanges. The oldest give way to new ones.
type Store struct {
	operations map[string]*api.Operation // by route, of both doors

	mu      sync.Mutex
	all     []*Exchange // oldest first
	last    int         // number of the newest
	sent    int         // bytes of Sent that are kept
	version int64
}

// New returns an empty store.
func New(c *api.Catalog) *Store {
	s := &Store{operations: map[string]*api.Operation{}}
	for _, p := range c.Products {
		for _, op := range p.Operations {
			s.operations[op.Route] = op
			s.operations[cmp.Or(op.BrandRoute, op.Route)] = op
		}
	}
	return s
}

// Repeats is the header of a replay: the number of the exchange that it repeats.
const Repeats = "X-Emulator-Repeats"

// Add takes an exchange in and returns its number, one of the store's own: a fake that was reset begins at 1 again, the store goes on.
func (s *Store) Add(r wxpaytest.Request) (number int) {
	x := &Exchange{Request: r, Operation: s.operations[r.Route]}
	x.Repeats, _ = strconv.Atoi(r.Header.Get(Repeats)) // whoever writes nonsense there repeats nothing
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.last++
	x.Number = s.last
	s.all = append(s.all, x)
	s.sent += x.size()
	for len(s.all) > Most {
		s.drop(0)
	}
	for i := 0; s.sent > MostSent && i < len(s.all); i++ { // what is shown stays, what could be sent again goes
		s.sent -= s.all[i].size()
		s.all[i] = without(s.all[i])
		s.sent += s.all[i].size()
	}
	return x.Number
}

// smallURI is how long an address may be that is kept for as long as its exchange.
const smallURI = 1 << 10

// size is how much is kept of an exchange only to send it again.
func (x *Exchange) size() int {
	if len(x.SentURI) <= smallURI {
		return len(x.Sent)
	}
	return len(x.Sent) + len(x.SentURI)
}

// without is an exchange whose body is not kept; others may be reading the one it was.
func without(x *Exchange) *Exchange {
	if x.size() == 0 {
		return x
	}
	y := *x
	if y.Sent, y.SentURI = nil, ""; len(x.SentURI) <= smallURI {
		y.SentURI = x.SentURI
	}
	return &y
}

func (s *Store) drop(i int) {
	s.sent -= s.all[i].size()
	s.all = slices.Delete(s.all, i, i+1)
}

// Find returns the exchanges that pass, newest first. What they point to must not be changed.
func (s *Store) Find(f Filter) []Exchange {
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	var found []Exchange
	for _, x := range slices.Backward(all) {
		if f.Limit > 0 && len(found) == f.Limit {
			break
		}
		if f.lets(x) {
			found = append(found, *x)
		}
	}
	return found
}

// Get returns the exchange of that number, if it is still there.
func (s *Store) Get(number int) (Exchange, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.all {
		if x.Number == number {
			return *x, true
		}
	}
	return Exchange{}, false
}

// Delete forgets the exchanges that pass and returns how many these were.
func (s *Store) Delete(f Filter) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, kept := len(s.all), 0
	for i := len(s.all) - 1; i >= 0; i-- {
		if !f.lets(s.all[i]) || f.Limit > 0 && kept == f.Limit {
			continue
		}
		kept++
		s.drop(i)
	}
	if before != len(s.all) {
		s.version++
	}
	return before - len(s.all)
}

// Version grows with every change.
func (s *Store) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}
