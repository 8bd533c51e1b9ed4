package bankpackages

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
)

// A lineCheck looks at a file while its digest is taken: every line must be one ciphertext in base64, all of
// one length, each ended by a line feed. An upload cannot be taken back, and plain numbers must not leave.
type lineCheck struct {
	lines int
	size  int    // of the first line, which all others have too
	line  []byte // the line under way
}

// longest is the base64 of a ciphertext of a 4096-bit key; a line that is longer need not be kept.
const longest = 684

func (c *lineCheck) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, next, whole := bytes.Cut(rest, []byte{'\n'})
		c.line = append(c.line, part[:min(len(part), longest+1-len(c.line))]...)
		if rest = next; !whole {
			break
		}
		if reason := c.bad(); reason != "" {
			return 0, refuse("file", fmt.Sprintf("line %d %s", c.lines+1, reason))
		}
		c.lines++
		c.line = c.line[:0]
	}
	return len(p), nil
}

// bad is what is wrong with the line under way. Keys have 2048, 3072 or 4096 bits.
func (c *lineCheck) bad() string {
	if c.size == 0 {
		c.size = len(c.line)
	}
	var buf [longest + 2]byte
	n, err := base64.StdEncoding.Strict().Decode(buf[:], c.line)
	switch {
	case len(c.line) == 0:
		return "is empty"
	case bytes.HasSuffix(c.line, []byte("\r")):
		return "ends in CR LF instead of a line feed"
	case err != nil || bytes.IndexByte(c.line, '\r') >= 0 || !slices.Contains([]int{256, 384, 512}, n):
		return "is no encrypted number (base64 of 256 bytes with a key of 2048 bits); Encrypt makes such lines"
	case len(c.line) != c.size:
		return "is encrypted with another size of key than the first"
	}
	return ""
}

// end is what is wrong at the end of the file.
func (c *lineCheck) end() error {
	if len(c.line) > 0 {
		if reason := c.bad(); reason != "" {
			return refuse("file", fmt.Sprintf("line %d %s", c.lines+1, reason))
		}
		return refuse("file", "lacks the line feed at its end")
	}
	if c.lines > MaxLines {
		return refuse("file", fmt.Sprintf("has %d lines, at most %d are taken", c.lines, MaxLines))
	}
	return nil
}
