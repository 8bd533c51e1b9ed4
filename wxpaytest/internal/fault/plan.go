package fault

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A Plan is what is to happen to which requests, in the order in which it was planned.
type Plan struct {
	known names
	seed  string // of chance

	mu     sync.Mutex
	all    []*planned
	ids    int        // given so far
	drawn  int        // injections since the last Clear
	calls  sequences  // what requests asked for themselves
	chance *rand.Rand // of what requests asked for; nil: not needed yet
}

// NewPlan returns an empty plan that knows these faults. What happens by chance follows from the seed.
func NewPlan(seed string, faults ...[]engine.Fault) *Plan {
	p := &Plan{known: names{}, seed: seed}
	for _, f := range slices.Concat(faults...) {
		p.known[f.Name] = &f
	}
	return p
}

// An Injection is a fault that is to happen.
type Injection struct {
	ID               int // 0: a request asked for it by Header
	Name             string
	Route, Host, Tag string // empty: any
	Times            int    // still to happen; negative: without end
	Probability      float64
	Happened         int
	Header           string
}

// certain reports whether it happens to every request that fits.
func (i *Injection) certain() bool { return i.Probability == 0 || i.Probability == 1 }

// unused reports whether it was to happen more often than it has; by chance it need not happen at all.
func (i *Injection) unused() bool {
	return i.certain() && (i.Times > 0 || i.Times < 0 && i.Happened == 0)
}

// planned is a fault that will happen.
type planned struct {
	Injection
	fault  *engine.Fault
	chance *rand.Rand // nil: it is certain
}

// mostPlanned is how many injections a plan holds, with those that were used up.
const mostPlanned = 1000

// Add plans a fault and returns its ID. The platform is that of host or route; empty: any.
func (p *Plan) Add(i Injection, platform string) (id int, err error) {
	f, err := p.known.find(i.Name)
	switch {
	case err != nil:
		return 0, err
	case i.Times == 0:
		return 0, fmt.Errorf("fault %q is to happen 0 times; a negative number is without end", f.Name)
	case !(0 <= i.Probability && i.Probability <= 1): // also not a number
		return 0, fmt.Errorf("fault %q cannot have the probability %v; it is above 0 and at most 1", f.Name, i.Probability)
	case f.Platform != "" && platform != "" && f.Platform != platform:
		return 0, fmt.Errorf("fault %q cannot happen there: it is one of the platform %s", f.Name, f.Platform)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == mostPlanned {
		used := slices.IndexFunc(p.all, func(f *planned) bool { return f.Times == 0 })
		if used < 0 {
			return 0, fmt.Errorf("%d faults are to happen, and there is no room for more", mostPlanned)
		}
		p.all = slices.Delete(p.all, used, used+1)
	}
	p.ids++
	p.drawn++
	i.ID, i.Name, i.Happened, i.Header, i.Times = p.ids, f.Name, 0, "", max(i.Times, -1)
	add := &planned{Injection: i, fault: f}
	if !i.certain() {
		add.chance = p.rand(p.drawn)
	}
	p.all = append(p.all, add)
	return i.ID, nil
}

// rand returns the nth source of chance.
func (p *Plan) rand(n int) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "faults %d %s", n, p.seed))))
}

// All returns what was injected, in order, and what requests asked for and have not met yet.
func (p *Plan) All() (all []Injection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.all {
		all = append(all, f.Injection)
	}
	return append(all, p.calls.open()...)
}

// Withdraw takes back the injection of that ID, if there is one.
func (p *Plan) Withdraw(id int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.all)
	p.all = slices.DeleteFunc(p.all, func(f *planned) bool { return f.ID == id })
	return len(p.all) < before
}

// Clear takes back all that is still to happen.
func (p *Plan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all, p.calls, p.drawn, p.chance = nil, sequences{}, 0, nil
}

// Unused returns the names of the faults that have yet to happen. One that happens by chance need not.
func (p *Plan) Unused() (names []string) {
	for _, f := range p.All() {
		if f.unused() {
			names = append(names, f.Name)
		}
	}
	return names
}

// Take returns the fault that a request meets, or nil: one of those that it asks for itself, or else the first
// that is planned for it.
func (p *Plan) Take(tx *engine.Tx, socket bool) (*engine.Fault, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, err := p.asked(tx, socket); f != nil || err != nil {
		return f, err
	}
	for _, f := range p.all {
		if f.Times == 0 || !f.meets(tx, socket) || f.chance != nil && f.chance.Float64() >= f.Probability {
			continue
		}
		if f.Happened++; f.Times > 0 {
			f.Times--
		}
		return f.fault, nil
	}
	return nil, nil
}

// Answered ends the sequence of a request that met all the faults that it asked for, once it is served.
func (p *Plan) Answered(tx *engine.Tx, fault *engine.Fault) {
	if tx.Header.Get(engine.FaultHeader) == "" || fault != nil && !fault.Right {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls.end(keyOf(tx))
}

// meets reports whether a request is one that the fault is planned for.
func (f *planned) meets(tx *engine.Tx, socket bool) bool {
	switch {
	case socket && f.fault.Stage == engine.Dialing: // there is a connection
		return false
	case f.Host != "" && f.Host != tx.Host, f.Route != "" && f.Route != tx.Route, f.Tag != "" && f.Tag != tx.Tag:
		return false
	}
	return f.fault.Platform == "" || f.fault.Platform == tx.Platform.Name()
}
