package engine

// A List is what there is of one kind, in the order in which it came, and found by ID. The zero value is empty.
type List[T any] struct {
	all  []T
	byID map[string]T
}

// Add appends one.
func (l *List[T]) Add(id string, one T) {
	if l.byID == nil {
		l.byID = map[string]T{}
	}
	l.all, l.byID[id] = append(l.all, one), one
}

// Get returns the one of that ID.
func (l *List[T]) Get(id string) (one T, ok bool) {
	one, ok = l.byID[id]
	return one, ok
}

// All returns all; the result must not be changed.
func (l *List[T]) All() []T { return l.all }
