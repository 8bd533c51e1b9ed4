package pasted

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStray(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                   "",
		"1900000100":         "",
		`a"b`:                "", // within a value it may be meant
		" 1":                 "starts with a blank",
		"1\u3000":            "ends in a blank",
		"1\n":                "ends in a line break",
		"1\r\n":              "ends in a carriage return; was the file written on Windows?",
		"\ufeff1":            "starts with a byte order mark",
		"1\u200b":            "ends in an invisible character",
		"1\x002":             "holds a control character",
		"1 2":                "holds a blank",
		`"1"`:                "stands in quotes; leave them out",
		"'1'":                "stands in quotes; leave them out",
		"１":                  "holds a character that is not ASCII",
		"\u201c1\u201d":      "holds a character that is not ASCII",
		"https://a.b/\u00a0": "ends in a blank",
	} {
		assert.Equal(t, want, Stray(value), "%q", value)
	}
	assert.Empty(t, Around("a b 会"), "only the ends are looked at")
}
