// Package value holds the types of single values that the clients of WeChat Pay and of TPNS have in common. Both
// give them a name of their own.
package value

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
)

// A Secret is text that must not be seen. It shows itself as *** in every format, in JSON and in logs;
// string(s) is the text.
type Secret string

// Format writes *** for every verb; nothing for an empty secret.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// MarshalText writes ***, so that neither JSON nor a log holds the text; what stands in place of a secret as it is.
func (s Secret) MarshalText() ([]byte, error) {
	if strings.HasPrefix(string(s), Mark) {
		return []byte(s), nil
	}
	return []byte(s.String()), nil
}

// MarshalBinary writes *** for encoders that know no text, such as gob.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(s.String()), nil }

// Mark begins what stands in place of a secret until that is encrypted. It is another one in every process, so that
// no text from outside, such as a phone number out of a form, begins with it.
var Mark = rand.Text()
