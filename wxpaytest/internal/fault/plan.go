package fault

import (
	"fmt"
	"slices"
	"sync"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// A Plan is what is to happen to which requests, in the order in which it was planned.
type Plan struct {
	known map[string]*engine.Fault

	mu  sync.Mutex
	all []*planned
}

// NewPlan returns an empty plan that knows these faults.
func NewPlan(faults ...[]engine.Fault) *Plan {
	p := &Plan{known: map[string]*engine.Fault{}}
	for _, f := range slices.Concat(faults...) {
		p.known[f.Name] = &f
	}
	return p
}

// planned is a fault that will happen.
type planned struct {
	fault       *engine.Fault
	host, route string // empty: any
	left        int    // negative: without end
	happened    bool
}

// Add plans a fault times times, or without end if times is negative. Host and route may be empty, for any;
// platform is that of host or route, empty: any.
func (p *Plan) Add(name, host, route, platform string, times int) error {
	f := p.known[name]
	switch {
	case f == nil:
		return fmt.Errorf("there is no fault %q", name)
	case times == 0:
		return fmt.Errorf("fault %q is to happen 0 times", name)
	case f.Platform != "" && platform != "" && f.Platform != platform:
		return fmt.Errorf("fault %q cannot happen there", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, &planned{fault: f, host: host, route: route, left: times})
	return nil
}

// Clear takes back all that is still to happen.
func (p *Plan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = nil
}

// Unused returns the names of the faults that have yet to happen.
func (p *Plan) Unused() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.all {
		if f.left > 0 || !f.happened {
			names = append(names, f.fault.Name)
		}
	}
	return names
}

// Take returns the fault that a request meets, or nil.
func (p *Plan) Take(tx *engine.Tx, socket bool) *engine.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.all, func(f *planned) bool { return f.left != 0 && f.meets(tx, socket) })
	if i < 0 {
		return nil
	}
	p.all[i].left--
	p.all[i].happened = true
	return p.all[i].fault
}

// meets reports whether a request is one that the fault is planned for.
func (f *planned) meets(tx *engine.Tx, socket bool) bool {
	switch {
	case socket && f.fault.Stage == engine.Dialing: // there is a connection
		return false
	case f.host != "" && f.host != tx.Host, f.route != "" && f.route != tx.Route:
		return false
	}
	return f.fault.Platform == "" || f.fault.Platform == tx.Platform.Name()
}
