package platformtest

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		want, got string
		lines     []string
	}{
		"nothing":           {`{"a":1,"b":{"c":[true,"x"]}}`, `{"b":{"c":[true,"x"]},"a":1}`, nil},
		"a value":           {`{"a":1}`, `{"a":2}`, []string{"a is 2, not 1"}},
		"the form of one":   {`{"a":1}`, `{"a":1.0}`, []string{"a is 1.0, not 1"}},
		"a kind":            {`{"a":1}`, `{"a":"1"}`, []string{"a is 1, not 1"}},
		"missing":           {`{"a":1,"b":{"c":2}}`, `{"b":{}}`, []string{"a is missing", "b.c is missing"}},
		"too much":          {`{"b":{}}`, `{"a":1,"b":{"c":null}}`, []string{"b.c is <nil>, and should not be there", "a is 1, and should not be there"}},
		"in a list":         {`{"a":[{"b":1},{"b":2}]}`, `{"a":[{"b":1},{"b":3}]}`, []string{"a[1].b is 3, not 2"}},
		"a longer list":     {`[1]`, `[1,2]`, []string{"it is [1 2], not [1]"}},
		"a list for a text": {`{"a":"x"}`, `{"a":["x"]}`, []string{"a is [x], not x"}},
	} {
		if got := differences("", decoded(t, []byte(tt.want)), decoded(t, []byte(tt.got))); !slices.Equal(got, tt.lines) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
