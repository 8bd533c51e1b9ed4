package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
)

// names are the faults that there are, by name.
type names map[string]*engine.Fault

// find returns the fault of a name, which may carry a value: slow=6s.
func (n names) find(name string) (*engine.Fault, error) {
	name = strings.TrimSpace(name)
	word, value, valued := strings.Cut(name, "=")
	f := n[word]
	switch {
	case f == nil:
		return nil, fmt.Errorf("there is no fault %s%s", quoted(word), Near(word, slices.Sorted(maps.Keys(n))))
	case !valued:
		return f, nil
	case f.With == nil:
		return nil, fmt.Errorf("fault %q takes no value, and was given %s", word, quoted(value))
	}
	made := *f
	made.Name = name
	if !f.With(&made, value) {
		return nil, fmt.Errorf("fault %q cannot have the value %s; it is written like %s", word, quoted(value), f.Example)
	}
	return &made, nil
}

// quoted is the beginning of a text of somebody else's, for an error.
func quoted(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:most], ""))
	}
	return fmt.Sprintf("%q", text)
}

// Near says which of the names is meant, if one begins like it or is written nearly so.
func Near(name string, names []string) string {
	const longest = 200 // who writes more has not mistyped
	if name == "" || len(name) > longest {
		return ""
	}
	best, least := "", max(min(2, len(name)/2), len(name)/3)+1
	for _, other := range names {
		d := distance(strings.ToLower(name), strings.ToLower(other))
		if d > 0 && len(name) > 2 && strings.HasPrefix(strings.ToLower(other), strings.ToLower(name)) {
			d = 1 // it was not written to its end
		}
		if d < least || d == least && best != "" && len(other) < len(best) {
			best, least = other, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; the nearest is %q", best)
}

// distance is how many letters one has to put in, leave out or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1, before+cost)
			before = above
		}
	}
	return row[len(b)]
}
