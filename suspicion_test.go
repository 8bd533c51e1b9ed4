package wxpay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRepeats(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, page string
		want         bool
	}{
		"first page":                           {"", "a b c", false},
		"nothing more":                         {"a b c", "", false},
		"all is new":                           {"a b c", "d e f", false},
		"one moved on":                         {"a b c", "c d e", false},
		"two moved on":                         {"a b c d", "c d e f", false},
		"counted by record":                    {"a b c", "b c d", true},
		"the same page":                        {"a b c", "a b c", true},
		"the same page, shuffled":              {"a b c", "c a b", true},
		"a part of it":                         {"a b c", "c", true},
		"one of two moved on":                  {"a b", "b c", false}, // as by record, but as likely a list that grew
		"the second comes again, not as first": {"a b c", "d b e", false},
	} {
		assert.Equal(t, tt.want, repeats(strings.Fields(tt.before), strings.Fields(tt.page)), name)
	}
}

func TestEndsEarly(t *testing.T) {
	t.Parallel()
	assert.True(t, endsEarly(Cursor{}, 19, 20))
	assert.False(t, endsEarly(Cursor{}, 20, 20))
	assert.False(t, endsEarly(Cursor{}, 21, 20))
	assert.False(t, endsEarly(Cursor{}, 5, 0), "a total that was not told")
	assert.False(t, endsEarly(Cursor{Offset: 1}, 1, 20), "what stands before the start was not seen")
	assert.False(t, endsEarly(Cursor{Token: "t"}, 1, 20))
}
