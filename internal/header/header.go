// Package header finds headers of messages that did not all come through net/http: fasthttp, gateways and functions
// as a service hand their names on in any case.
package header

import "strings"

// Get returns the value of a header, whose name is given in canonical form. Where that name is not there,
// the case of names does not matter. It is not ok if there are different values: each reader would
// take another one.
func Get(h map[string][]string, name string) (value string, ok bool) {
	if value, ok = single("", h[name]); value != "" || !ok {
		return value, ok
	}
	for other, values := range h {
		if strings.EqualFold(other, name) {
			if value, ok = single(value, values); !ok {
				return "", false
			}
		}
	}
	return value, true
}

// single is the one value of values and before. Empty ones do not count.
func single(before string, values []string) (value string, ok bool) {
	value = before
	for _, v := range values {
		if v != "" && value != "" && v != value {
			return "", false
		}
		if v != "" {
			value = v
		}
	}
	return value, true
}
