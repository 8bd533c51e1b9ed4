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

// MarshalText writes ***, so that neither JSON nor a log holds the text; of a sealed secret its ciphertext.
func (s Secret) MarshalText() ([]byte, error) {
	if ciphertext, ok := Ciphertext(s); ok {
		return []byte(ciphertext), nil
	}
	return []byte(s.String()), nil
}

// MarshalBinary writes *** for encoders that know no text, such as gob.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(s.String()), nil }

// sealedMark begins a secret that is sealed. It is another one in every process, so that no text from outside,
// such as a phone number out of a form, passes for a ciphertext.
var sealedMark = "\x00" + rand.Text() + "\x00"

// Sealed returns a secret that is encrypted already: it goes into JSON as ciphertext, and is shown as *** like
// any other.
func Sealed(ciphertext string) Secret { return Secret(sealedMark + ciphertext) }

// Ciphertext returns what a sealed secret holds; false if s is not sealed.
func Ciphertext(s Secret) (ciphertext string, sealed bool) {
	return strings.CutPrefix(string(s), sealedMark)
}
