package wxpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/lenient"
)

// fits looks for signs that a genuine answer is not the one to this call. What is signed is neither the
// status nor what was asked, so whoever can change answers could pass off a refusal as a success, or
// the answer about one order as that about another.
func (r *request) fits(body []byte) error {
	plain := bytes.TrimSpace(body)
	if bytes.Equal(plain, []byte("null")) || r.answer == nil && len(plain) > 0 && plain[0] != '{' {
		return fmt.Errorf("%w: it is no object", errUndecodable)
	}
	if r.refused(body) {
		return errors.New("status says success, but the text is that of a refusal")
	}
	other := ""
	for name, asked := range r.call.Echo {
		path, mayLack := strings.CutSuffix(name, "?")
		if asked != "" && !echoes(body, path, asked, mayLack) && (other == "" || path < other) {
			other = path
		}
	}
	if other != "" {
		return fmt.Errorf("answer is not about the %s that was asked for", other)
	}
	return nil
}

// echoes reports whether what path leads to in value, every one if it leads through lists, is asked.
func echoes(value []byte, path, asked string, mayLack bool) bool {
	if path == "" {
		got := unquoted(value)
		return string(got) == asked || mayLack && len(got) == 0
	}
	name, path, _ := strings.Cut(path, ".")
	name, list := strings.CutSuffix(name, "[]")
	value = extent(member(value, name))
	if !list {
		return echoes(value, path, asked, mayLack)
	}
	for record := range records(value) {
		if !echoes(record, path, asked, mayLack) {
			return false
		}
	}
	return true
}

// refused reports whether a text reads as that of a refusal. Some answers have a member code of their own, that
// of a user card: none has an explanation beside it or is a code of ours, and where nothing is expected, none
// but the card that was asked about is written as the codes of refusals are: PARAM_ERROR.
func (r *request) refused(body []byte) bool {
	raw := member(body, "code")
	if raw == nil {
		return false
	}
	code := unquoted(raw)
	if fine := string(code); fine == "" || fine == "0" || fine == "OK" || fine == "SUCCESS" {
		return false
	}
	if member(body, "message") != nil || member(body, "detail") != nil {
		return true
	}
	if _, ours := hintByCode[Code(code)]; ours {
		return true
	}
	return r.answer == nil && string(code) != r.call.Vars["code"] && len(bytes.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")) == 0
}

// decode reads an answer as far as it goes and returns the names of what is odd.
func (r *request) decode(body []byte) (odd []string, err error) {
	if r.answer == nil {
		return nil, nil
	}
	if _, asItCame := r.answer.(*json.RawMessage); asItCame && len(body) == 0 {
		return nil, nil
	}
	if odd, err = lenient.Unmarshal(body, r.answer); err != nil {
		return nil, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	return odd, nil
}

var errUndecodable = errors.New("answer is genuine but not the JSON it should be")

// member returns the value of a member at the top of a JSON object as it is written, without building
// anything. The last of two counts, as it does for encoding/json.
func member(object []byte, name string) (value []byte) {
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := i + stringLength(object[i:])
			after := bytes.TrimLeft(object[end:], " \t\r\n")
			if depth == 1 && len(after) > 0 && after[0] == ':' && string(unquoted(object[i:end])) == name {
				value = bytes.TrimLeft(after[1:], " \t\r\n")
			}
			i = end - 1
		}
	}
	return value
}

// extent is the value that b begins with, to its end.
func extent(b []byte) []byte {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				return b[:i]
			}
			if b[i] != ',' {
				depth--
			}
		case '"':
			i += stringLength(b[i:]) - 1
		}
	}
	return b
}

// records are the values in a JSON list; there are none in anything else.
func records(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(list) == 0 || list[0] != '[' {
			return
		}
		for rest := list[1:]; ; {
			rest = bytes.TrimLeft(rest, " \t\r\n")
			record := extent(rest)
			if len(record) == 0 || !yield(record) || len(record) == len(rest) || rest[len(record)] != ',' {
				return
			}
			rest = rest[len(record)+1:]
		}
	}
}

// text is the string or number that b begins with.
func text(b []byte) string { return string(unquoted(b)) }

// unquoted is text that is a part of b unless it holds escapes.
func unquoted(b []byte) []byte {
	if len(b) == 0 || bytes.IndexByte([]byte("{[tfn"), b[0]) >= 0 {
		return nil
	}
	if b[0] != '"' {
		if end := bytes.IndexAny(b, ",}] \t\r\n"); end >= 0 {
			b = b[:end]
		}
		return b
	}
	if b = b[:stringLength(b)]; len(b) < 2 {
		return nil
	}
	if bytes.IndexByte(b, '\\') < 0 {
		return b[1 : len(b)-1]
	}
	var s string
	_ = json.Unmarshal(b, &s)
	return []byte(s)
}

// stringLength is the length, with its quotes, of the JSON string that b begins with; if it does not end,
// that of b.
func stringLength(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// readRefusal fills in what a refusal says, in the forms that are around.
func (e *Error) readRefusal(body []byte) {
	e.Code, e.Message = Code(text(member(body, "code"))), text(member(body, "message"))
	var answer struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &answer) != nil {
		e.Code, e.Message = "", "" // a page that only looks like one
		return
	}
	e.Detail = detailOf(answer.Detail, 3)
}

// detailOf reads a detail that is an object, as documented, one within another, or the first of a list.
func detailOf(raw []byte, depth int) (d Detail) {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 || depth == 0 {
		return d
	}
	switch raw[0] {
	case '"':
		return Detail{Issue: text(raw)}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
			return detailOf(list[0], depth-1)
		}
	case '{':
		d = Detail{text(member(raw, "field")), text(member(raw, "issue")), text(member(raw, "location"))}
		var inner struct {
			Detail json.RawMessage `json:"detail"`
		}
		if d == (Detail{}) && json.Unmarshal(raw, &inner) == nil {
			return detailOf(inner.Detail, depth-1)
		}
	}
	return d
}

// answers remembers which genuine answers came within the last ten minutes, the time in which one could be
// believed again: five minutes to either side of the clock.
type answers struct {
	mu           sync.Mutex
	seed         maphash.Seed
	seen, before map[uint64]struct{} // hashes of nonces; before is the generation that is forgotten next
	turn         time.Time           // when seen becomes before
}

const (
	rememberAnswers = 2 * auth.MaxAge
	mostAnswers     = 1 << 19 // a generation, about 10 MiB; so many in ten minutes are 870 a second
)

var errReplayed = fmt.Errorf("%w: it is an answer that came before (a mock has to sign each answer with a new nonce)", auth.ErrUnverified)

// fresh reports whether an answer with this nonce did not come before.
func (a *answers) fresh(nonce string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	switch {
	case a.seen == nil:
		a.seed, a.seen, a.turn = maphash.MakeSeed(), map[uint64]struct{}{}, now.Add(rememberAnswers)
	case now.After(a.turn) || len(a.seen) >= mostAnswers:
		a.before, a.seen, a.turn = a.seen, map[uint64]struct{}{}, now.Add(rememberAnswers)
	}
	h := maphash.String(a.seed, nonce)
	_, seen := a.seen[h]
	if _, before := a.before[h]; seen || before {
		return false
	}
	a.seen[h] = struct{}{}
	return true
}
