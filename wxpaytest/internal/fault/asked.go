package fault

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// An item is one of the faults that a request asks for by its header.
type item struct {
	fault       *engine.Fault
	left        int
	probability float64 // 0: it is certain
	happened    int
}

// What a header may ask for.
const (
	longestHeader = 1000
	mostItems     = 50
	mostTimes     = 10_000
)

// read reads NAME[=VALUE][*COUNT][%PERCENT],…
func (n names) read(header string) (items []item, err error) {
	if len(header) > longestHeader {
		return nil, fmt.Errorf("has %d bytes, more than %d", len(header), longestHeader)
	}
	for text := range strings.SplitSeq(header, ",") {
		if len(items) == mostItems {
			return nil, fmt.Errorf("names more than %d faults", mostItems)
		}
		it, err := n.item(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", len(items)+1, err)
		}
		items = append(items, it)
	}
	return items, nil
}

// Read reads a fault as NAME[=VALUE][*COUNT][%PERCENT]. Without a count it happens once, and by chance without end.
func (p *Plan) Read(text string) (Injection, error) {
	it, err := p.known.item(strings.TrimSpace(text))
	name, _, _ := strings.Cut(text, "%")
	name, _, counted := strings.Cut(name, "*")
	i := Injection{Name: strings.TrimSpace(name), Times: it.left, Probability: it.probability}
	if it.probability > 0 && !counted {
		i.Times = -1
	}
	return i, err
}

func (n names) item(text string) (it item, err error) {
	if text == "" {
		return it, fmt.Errorf("is empty; it is written NAME[=VALUE][*COUNT][%%PERCENT], such as 429*3")
	}
	rest, percent, by := strings.Cut(text, "%")
	name, count, times := strings.Cut(rest, "*")
	if it.left = 1; times {
		if it.left, err = strconv.Atoi(strings.TrimSpace(count)); err != nil || it.left < 1 || it.left > mostTimes {
			return it, fmt.Errorf("%s is no count, which is a number from 1 to %d", quoted(count), mostTimes)
		}
	}
	if by {
		p, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil || !(0 < p && p <= 100) {
			return it, fmt.Errorf("%s is no percentage, which is above 0 and at most 100", quoted(percent))
		}
		if p < 100 {
			it.probability = p / 100
		}
	}
	it.fault, err = n.find(name)
	return it, err
}

// A key tells one call of a caller from another: the faults it asks for, its tag, its method and its address.
type key [sha256.Size]byte

func keyOf(tx *engine.Tx) key {
	return sha256.Sum256([]byte(strings.Join([]string{strings.ReplaceAll(headerOf(tx), " ", ""), tx.Tag, tx.Method, tx.URI}, "\n")))
}

func headerOf(tx *engine.Tx) string {
	return strings.TrimSpace(strings.Join(tx.Header.Values(engine.FaultHeader), ","))
}

// A sequence is what a call that comes again and again has yet to meet.
type sequence struct {
	key                key
	header, tag, route string
	items              []item
}

// done reports whether all was met.
func (s *sequence) done() bool {
	return !slices.ContainsFunc(s.items, func(it item) bool { return it.left > 0 })
}

// sequences are those that were begun; the one that went on last is the last.
type sequences []*sequence

// mostSequences is how many are remembered. Those that nobody goes on with are forgotten first.
const mostSequences = 1000

// take takes out the sequence of a call; nil: none was begun.
func (all *sequences) take(k key) *sequence {
	i := slices.IndexFunc(*all, func(s *sequence) bool { return s.key == k })
	if i < 0 {
		return nil
	}
	s := (*all)[i]
	*all = slices.Delete(*all, i, i+1)
	return s
}

// put remembers a sequence.
func (all *sequences) put(s *sequence) {
	if len(*all) == mostSequences {
		*all = slices.Delete(*all, 0, 1)
	}
	*all = append(*all, s)
}

// end forgets a sequence that was met to its end.
func (all *sequences) end(k key) {
	*all = slices.DeleteFunc(*all, func(s *sequence) bool { return s.key == k && s.done() })
}

// open shows what is still to be met.
func (all sequences) open() (shown []Injection) {
	for _, s := range all {
		for _, it := range s.items {
			if !s.done() {
				shown = append(shown, Injection{Name: it.fault.Name, Route: s.route, Tag: s.tag, Times: it.left, Probability: it.probability, Happened: it.happened, Header: s.header})
			}
		}
	}
	return shown
}

// asked returns the next of the faults that a request asks for itself, or nil. The caller holds the lock.
func (p *Plan) asked(tx *engine.Tx, socket bool) (*engine.Fault, error) {
	header := headerOf(tx)
	if header == "" {
		return nil, nil
	}
	items, err := p.known.read(header)
	if err == nil {
		err = possible(items, tx, socket)
	}
	if err != nil {
		issue := err.Error()
		return nil, &engine.Refusal{
			Status: http.StatusBadRequest, Code: "PARAM_ERROR", Message: "header " + engine.FaultHeader + " " + issue,
			Detail: engine.Object{"location": "header", "field": engine.FaultHeader, "issue": issue},
		}
	}
	k := keyOf(tx)
	s := p.calls.take(k)
	if s == nil {
		s = &sequence{k, header, tx.Tag, tx.Route, items}
	}
	p.calls.put(s)
	return p.next(s), nil
}

// next returns the next fault of a sequence, or nil if there is none.
func (p *Plan) next(s *sequence) *engine.Fault {
	for n := range s.items {
		it := &s.items[n]
		for it.left > 0 {
			it.left--
			if it.probability > 0 && p.draw() >= it.probability {
				continue
			}
			it.happened++
			return it.fault
		}
	}
	return nil
}

// draw is chance for what requests ask for.
func (p *Plan) draw() float64 {
	if p.chance == nil {
		p.chance = p.rand(0)
	}
	return p.chance.Float64()
}

// possible reports what cannot happen to a request.
func possible(items []item, tx *engine.Tx, socket bool) error {
	for n, it := range items {
		switch f := it.fault; {
		case f.Platform != "" && f.Platform != tx.Platform.Name():
			return fmt.Errorf("item %d: fault %q cannot happen there: it is one of the platform %s", n+1, f.Name, f.Platform)
		case socket && f.Stage == engine.Dialing:
			return fmt.Errorf("item %d: fault %q cannot happen on a socket, where there is a connection already", n+1, f.Name)
		}
	}
	return nil
}
