package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// An Object is a decoded JSON object.
type Object = schema.Object

// A Tx is one request on its way through the engine. What each stage finds out is there for the next.
type Tx struct {
	Method string
	Host   string
	Port   string // empty: that of https
	URI    string // path and query, exactly as sent
	Header http.Header
	Sent   []byte // the body as it came
	Tag    string // whose it is, as it says itself

	Route    string         // as the document or the test has it; empty: nobody knows it
	Op       *api.Operation // nil: only a test knows the route, or nobody
	Platform Platform
	Vars     Object

	// By the platform that admits the request and reads it.
	Caller  string                                  // who sent it: a merchant number, a brand
	Self    Object                                  // the same, as answers name it
	Signed  []byte                                  // what the signature covers: the body, or the meta of an upload
	Open    func(ciphertext string) (string, error) // with the key that the request names; nil: it names none
	File    *Part                                   // of an upload
	Query   Object
	Body    Object
	Secrets map[string]string // what was encrypted, by its place

	Signature *Signature // what the platform found out about it; nil: it did not look

	Prepared any // by the product, before the lock is taken

	engine   *Engine
	size     int // of the body, also where it was too large to keep
	began    time.Time
	findings []Finding
	checks   []string

	advice, adviceZh []string
	events           []string // IDs of what it caused
}

// Checked notes what was checked and found right.
func (tx *Tx) Checked(what string) { tx.checks = append(tx.checks, what) }

// Advise notes what the platform takes and is unwise all the same.
func (tx *Tx) Advise(format string, a ...any) {
	advice := tx.shown(fmt.Sprintf(format, a...))
	tx.advice, tx.adviceZh = append(tx.advice, advice), append(tx.adviceZh, chinese(advice))
}

// Found notes what is wrong with the request by the documents; where is path, query, header or body, unless the error
// knows that itself. It returns the error.
func (tx *Tx) Found(where string, err error) error {
	f := Finding{Where: where}
	if w, ok := errors.AsType[*Wrong](err); ok {
		f = Finding{Where: w.Where, Field: w.Field, Issue: w.Issue}
	} else if v, ok := errors.AsType[*schema.Violation](err); ok {
		f = Finding{Where: where, Field: v.Field, Issue: v.Issue}
		err = &Wrong{where, v}
	} else if r, ok := errors.AsType[*Refusal](err); ok {
		f.Issue = r.Message
	}
	f.Field, f.Issue = tx.Line(f.Field), tx.Line(f.Issue)
	f.IssueZh = chinese(f.Issue)
	if f.Issue != "" && len(tx.findings) < schema.MostFound && !slices.Contains(tx.findings, f) {
		tx.findings = append(tx.findings, f)
	}
	return err
}

// Var is a variable of the path.
func (tx *Tx) Var(name string) string { return tx.Vars.Text(name) }

// Origin is the address that a request came to, for what is to be found there too.
func (tx *Tx) Origin() string {
	if !schema.IsLoopback(tx.Host) {
		return "https://" + tx.Host
	}
	if tx.Port == "" {
		return "http://" + tx.Host
	}
	return "http://" + net.JoinHostPort(tx.Host, tx.Port)
}

// Asks reports whether the query asks for nothing under a name, or for what o has there.
func (tx *Tx) Asks(o Object, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return tx.Query.Text(name) != "" && tx.Query.Text(name) != o.Text(name)
	})
}

// Upload reports whether a request is a form of meta and file. Of a route that only a test knows, or nobody, the
// request itself has to say so.
func (tx *Tx) Upload() bool {
	if tx.Op == nil {
		return MediaType(tx.Header) == "multipart/form-data"
	}
	return tx.Op.Upload != nil
}

// MediaType is the Content-Type without its parameters.
func MediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}

// A Part is one part of a form.
type Part struct {
	At     int    // its place in the form
	Name   string // of the file
	Header http.Header
	Body   []byte
}

// Parts reads a form that must have each of the parts named once, in whatever order, and returns them in
// the order of the names; a part "file" has a file name, no other has.
func (tx *Tx) Parts(names ...string) ([]Part, error) {
	kind, params, err := mime.ParseMediaType(tx.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "multipart/form-data":
		return nil, Bad("header", "Content-Type", "is not multipart/form-data with a boundary")
	case params["boundary"] == "":
		return nil, Bad("header", "Content-Type", "is not multipart/form-data with a boundary: it lacks the boundary, so nobody can tell the parts apart; let the library that makes the form set this header")
	}
	found := make([]Part, len(names))
	r := multipart.NewReader(bytes.NewReader(tx.Sent), params["boundary"])
	rest := tx.Sent // from the end of the last part
	for at := 1; ; at++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, Bad("body", "", "is not the multipart form it should be")
		}
		_, after, _ := bytes.Cut(rest, []byte("\r\n\r\n"))
		within := window{of: after}
		_, err = io.Copy(&within, p)
		body := within.bytes()
		if rest = after; within.own == nil {
			rest = after[len(body):]
		}
		if err != nil {
			return nil, Bad("body", "", "ends within a part")
		}
		i := slices.Index(names, p.FormName())
		if i < 0 || found[i].At > 0 {
			return nil, Bad("body", p.FormName(), "is not the part expected here; the form has one each of "+strings.Join(names, ", "))
		}
		if (p.FormName() == "file") != (p.FileName() != "") {
			return nil, Bad("body", p.FormName(), "must have a file name if it is the file, and only then")
		}
		found[i] = Part{at, p.FileName(), http.Header(p.Header), body}
	}
	if i := slices.IndexFunc(found, func(p Part) bool { return p.At == 0 }); i >= 0 {
		return nil, Bad("body", names[i], "is missing from the form")
	}
	return found, nil
}

// A window takes what is written to it as a part of a longer text: it copies only what turns out not to begin that text.
type window struct {
	of, own []byte // own: nil unless it differs
	n       int
}

func (w *window) Write(p []byte) (int, error) {
	if w.own == nil && bytes.HasPrefix(w.of[w.n:], p) {
		w.n += len(p)
		return len(p), nil
	}
	if w.own == nil {
		w.own = bytes.Clone(w.of[:w.n:w.n])
	}
	w.own = append(w.own, p...)
	return len(p), nil
}

func (w *window) bytes() []byte {
	if w.own != nil {
		return w.own
	}
	return w.of[:w.n:w.n]
}

// Canonical is a value as text.
func Canonical(v any) string { return schema.Canonical(v) }
