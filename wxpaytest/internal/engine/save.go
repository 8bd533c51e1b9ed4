package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// The state is saved as the log of what changed it: a line of JSON for each call, action and event taken, in the order
// in which they took effect, with the time of the business and the number before it. [Engine.Restore] lets them
// happen again. So no product knows that it is saved.
//
//	at, number  when it happened, and the last number that was given before
//	call        the route of a call, with caller, self, vars, query, body, file and prepared as its handler saw them
//	action      the name of an action, with its args
//	taken       the ID of an event that was taken
//	passed      a product in which something happened because its time had come
//	sealed      what was encrypted, as pairs of plain text and ciphertext, with the seed whose keys it is for

// torn ends a line that was cut off: the log goes on after it, and nobody reads it.
const torn = "#torn"

// mostUnsaved is how many bytes are kept for a writer that fails.
const mostUnsaved = 64 << 20

// A saver writes the log.
type saver struct {
	to      io.Writer // nil: nobody
	unsaved []byte    // what the writer did not take yet; it comes before what follows
	began   bool      // something changed, here or in a log that was read

	seed   string      // a hash of it; empty: there is none, so ciphertexts are of no use to the next process
	sealed [][2]string // by what happens now, or to be used again by it
	again  bool        // what happens now happened before
}

func newSaver(o Options) saver {
	s := saver{to: o.Log}
	if o.Seed != "" {
		s.seed = fmt.Sprintf("%x", sha256.Sum256([]byte("wxpaytest state "+o.Seed)))[:16]
	}
	return s
}

// write adds a line. A writer that fails gets the line again before the next one, so the log has no holes; after
// too many it gets none, and what it has stays right.
func (s *saver) write(line []byte) error {
	s.unsaved = append(append(s.unsaved, line...), '\n')
	n, err := s.to.Write(s.unsaved)
	if s.unsaved = s.unsaved[min(max(n, 0), len(s.unsaved)):]; err == nil && len(s.unsaved) > 0 {
		err = io.ErrShortWrite
	}
	if len(s.unsaved) == 0 {
		s.unsaved = nil // not the end of an array that grows
	} else if len(s.unsaved) > mostUnsaved {
		s.to = nil
	}
	return err
}

// seal encrypts by f, or returns what was made of the same text when this happened before.
func (s *saver) seal(plain string, f func(string) (string, error)) (string, error) {
	if s.again {
		if i := slices.IndexFunc(s.sealed, func(pair [2]string) bool { return pair[0] == plain }); i >= 0 {
			sealed := s.sealed[i][1]
			s.sealed = slices.Delete(s.sealed, i, i+1)
			return sealed, nil
		}
		return f(plain)
	}
	sealed, err := f(plain)
	if s.to != nil && s.seed != "" {
		s.sealed = append(s.sealed, [2]string{plain, sealed})
	}
	return sealed, err
}

// change lets act change the state at one moment of the business, and saves what was done as line says. What act
// refuses has changed nothing and takes no number. The caller holds the lock.
func change[T any](e *Engine, line func() Object, act func() (T, error)) (T, error) {
	at, number := e.Now(), e.count.Load()
	defer e.hold(at)()
	var text []byte
	var unsaved error
	if e.saver.to != nil { // before act, which may keep parts of it and change them
		o := line()
		o["at"], o["number"] = at.Format(time.RFC3339Nano), number
		text, unsaved = schema.Encode(o)
	}
	e.saver.sealed = nil
	result, err := act()
	if err != nil {
		e.count.Store(number)
		return result, err
	}
	e.saver.began = true
	if e.saver.to == nil {
		return result, nil
	}
	if len(e.saver.sealed) > 0 && unsaved == nil {
		var more []byte
		more, unsaved = schema.Encode(Object{"sealed": e.saver.sealed, "seed": e.saver.seed})
		text = slices.Concat(bytes.TrimSuffix(text, []byte("}")), []byte(","), bytes.TrimPrefix(more, []byte("{")))
	}
	if unsaved == nil {
		unsaved = e.saver.write(text)
	}
	if unsaved != nil {
		e.Complain("a change was not saved: %v", unsaved)
	}
	return result, nil
}

// changes reports whether a call may change the state. Those that only ask are sent by GET, or, at TPNS, called get….
func (tx *Tx) changes(h handler) bool {
	asks := tx.Method == http.MethodGet || strings.HasPrefix(tx.Op.ID, "get")
	return !asks && (h.handle != nil || tx.Op.IdempotencyKey != "")
}

// saved is a call as its handler sees it.
func (tx *Tx) saved() Object {
	line := Object{"call": tx.Route, "caller": tx.Caller, "self": tx.Self, "vars": tx.Vars, "query": tx.Query, "body": tx.Body}
	if tx.File != nil {
		line["file"] = textOf(tx.File.Name)
	}
	switch v := tx.Prepared.(type) {
	case nil:
	case string:
		line["prepared"] = Object{"text": textOf(v)}
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = textOf(v[i])
		}
		line["prepared"] = Object{"texts": list}
	case int:
		line["prepared"] = Object{"count": v}
	case time.Time:
		line["prepared"] = Object{"time": v.Format(time.RFC3339Nano)}
	default: // what the test of a product that is new finds
		line["prepared"] = Object{"unknown": fmt.Sprintf("%T", v)}
	}
	return line
}

// textOf is a text as JSON holds it: bytes that are no UTF-8 are in base64.
func textOf(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return Object{"base64": base64.StdEncoding.EncodeToString([]byte(s))}
}

func readText(v any) string {
	if o, ok := v.(Object); ok {
		text, _ := base64.StdEncoding.DecodeString(o.Text("base64"))
		return string(text)
	}
	s, _ := v.(string)
	return s
}

func readPrepared(o Object) (any, error) {
	list, isList := o["texts"].([]any)
	switch {
	case o == nil:
		return nil, nil
	case o["text"] != nil:
		return readText(o["text"]), nil
	case isList:
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = readText(list[i])
		}
		return texts, nil
	case o["count"] != nil:
		return int(o.Number("count")), nil
	case o["time"] != nil:
		return time.Parse(time.RFC3339Nano, o.Text("time"))
	}
	return nil, fmt.Errorf("holds something prepared that cannot be read: %v", o["unknown"])
}

// pass lets happen whose time has come, before anybody looks. The caller holds the lock.
func (e *Engine) pass() {
	for _, p := range e.products {
		if p.Due == nil {
			continue
		}
		if at := p.Due(); at.IsZero() || at.After(e.Now()) {
			continue
		}
		line := func() Object { return Object{"passed": p.Name} }
		_, _ = change(e, line, func() (any, error) { p.Pass(); return nil, nil })
	}
}

// passAgain lets the same happen again.
func (e *Engine) passAgain(name string) error {
	i := slices.IndexFunc(e.products, func(p Product) bool { return p.Name == name && p.Pass != nil })
	if i < 0 {
		return fmt.Errorf("is about a product whose time does not pass in this version, %s", name)
	}
	e.products[i].Pass()
	return nil
}

// Restore lets everything happen again that a log holds, so that the state is as it was. It takes an engine to which
// nothing has happened yet. A last line that was cut off did not happen; the log that goes on after it may
// follow it in the same file.
func (e *Engine) Restore(r io.Reader) error {
	e.Lock()
	defer e.Unlock()
	if e.saver.began {
		return errors.New("wxpaytest: a state is restored before anything else happens; make a new server")
	}
	e.saver.again = true
	defer func() { e.saver.again, e.saver.sealed = false, nil }()
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, ended := in.ReadBytes('\n')
		if ended != nil && !errors.Is(ended, io.EOF) {
			return fmt.Errorf("wxpaytest: line %d of the saved state: %w", n, ended)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 && !bytes.HasSuffix(text, []byte(torn)) {
			line, err := (schema.Reader{}).Object(text)
			if err != nil && ended != nil {
				e.saver.unsaved = []byte(torn + "\n")
				return nil
			}
			if err == nil {
				err = e.happenAgain(line)
			}
			if err != nil {
				return fmt.Errorf("wxpaytest: line %d of the saved state %w", n, err)
			}
			e.saver.began = true
		}
		if ended != nil {
			if len(text) > 0 { // what follows begins a line
				e.saver.unsaved = []byte("\n")
			}
			return nil
		}
	}
}

// happenAgain lets happen what a line says.
func (e *Engine) happenAgain(line Object) error {
	at, err := time.Parse(time.RFC3339Nano, line.Text("at"))
	if err != nil {
		return errors.New("says no time at which it happened")
	}
	defer e.hold(at)()
	e.count.Store(line.Number("number"))
	e.saver.sealed = nil
	if list, _ := line["sealed"].([]any); e.saver.seed != "" && line.Text("seed") == e.saver.seed {
		for _, v := range list {
			if pair, _ := v.([]any); len(pair) == 2 {
				e.saver.sealed = append(e.saver.sealed, [2]string{readText(pair[0]), readText(pair[1])})
			}
		}
	}
	switch {
	case line.Text("call") != "":
		return e.callAgain(line)
	case line.Text("action") != "":
		return e.actAgain(line)
	case line.Text("taken") != "":
		return e.take(line.Text("taken"))
	case line.Text("passed") != "":
		return e.passAgain(line.Text("passed"))
	}
	return errors.New("is neither a call, an action, an event that was taken nor a time that passed")
}

// callAgain carries a call out, without asking who sent it and how often.
func (e *Engine) callAgain(line Object) (err error) {
	route := line.Text("call")
	ep := e.endpoint(route)
	if ep == nil || ep.route != route || ep.op == nil {
		return fmt.Errorf("is a call that this version does not know, %s", route)
	}
	tx := &Tx{
		Method: ep.method, Header: http.Header{}, Route: route, Op: ep.op, Platform: ep.platform, Vars: line.Child("vars"),
		Caller: line.Text("caller"), Self: line.Child("self"), Query: line.Child("query"), Body: line.Child("body"), Secrets: map[string]string{},
	}
	if line["file"] != nil {
		tx.File = &Part{Name: readText(line["file"])}
	}
	if tx.Prepared, err = readPrepared(line.Child("prepared")); err != nil {
		return err
	}
	defer e.unlimited.Store(e.unlimited.Swap(true))
	if _, err := e.carryOut(tx, e.handlers[ep.op]); err != nil {
		return fmt.Errorf("is a call that was carried out and now is refused, %s: %w", route, err)
	}
	return nil
}

// actAgain lets an action happen.
func (e *Engine) actAgain(line Object) error {
	name, args := line.Text("action"), map[string]string{}
	for name, v := range line.Child("args") {
		args[name] = readText(v)
	}
	a, ok := e.action(name)
	if !ok {
		return fmt.Errorf("is an action that this version does not know, %s", name)
	}
	err := a.check(args)
	if err == nil {
		_, err = a.Do(args)
	}
	if err != nil {
		return fmt.Errorf("is an action that was done and now is refused, %s: %w", name, err)
	}
	return nil
}
