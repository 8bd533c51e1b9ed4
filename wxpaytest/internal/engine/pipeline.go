package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

const maxUpload = 101 << 20

// RoundTrip takes a request as the platform would, whatever address of a platform or the loopback it goes to.
// Other hosts do not exist. No goroutine outlives the call.
func (e *Engine) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	tx := e.begin(req.Method, req.URL.Hostname(), req.URL.RequestURI(), req.Header)
	tx.Port = req.URL.Port()
	if _, exists := e.PlatformAt(tx.Host); !exists {
		e.note(tx, nil, &Answer{Verdict: "this host does not exist"})
		return nil, noSuchHost(tx.Host)
	}
	fault, unread := e.options.Plan.Take(tx, false)
	if fault != nil && fault.Stage < Acting {
		e.note(tx, fault, &Answer{Verdict: "no answer: " + fault.Name})
		if fault.End == Torn && req.Body != nil {
			_, _ = io.CopyN(io.Discard, req.Body, req.ContentLength/2)
		}
		return nil, fault.End.fail(ctx, tx.Host)
	}
	if err := tx.readSent(req); err != nil {
		e.note(tx, fault, &Answer{Verdict: "request broke off: " + err.Error()})
		return nil, err
	}
	a := e.answer(tx, fault, unread)
	if fault != nil && fault.End != Answered {
		return nil, fault.End.fail(ctx, tx.Host)
	}
	if err := a.wait(ctx); err != nil {
		return nil, err
	}
	e.options.Plan.Answered(tx, fault)
	return a.response(req), nil
}

// begin makes a request ready to go through the engine.
func (e *Engine) begin(method, host, uri string, header http.Header) *Tx {
	if method == "" {
		method = http.MethodGet
	}
	tx := &Tx{Method: method, Host: host, URI: uri, Header: spelled(header), Secrets: map[string]string{}, engine: e, began: time.Now()}
	tx.Tag = tagOf(tx.Header)
	e.find(tx)
	return tx
}

// LongestTag is how many bytes of a tag count.
const LongestTag = 100

// tagOf is what a request says of whose it is.
func tagOf(h http.Header) string {
	tag := h.Get(TagHeader)
	return strings.ToValidUTF8(tag[:min(len(tag), LongestTag)], "")
}

// spelled spells the names of headers as one finds them: on the wire their case does not matter, and HTTP/2
// has them in lower case.
func spelled(sent http.Header) http.Header {
	h := http.Header{}
	for name, values := range sent {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	return h
}

// mostOther is how many bytes are kept of the body of a call that uploads nothing; one that has more is refused for
// its size.
const mostOther = 2 << 20

// keep reads a body to its end, of which size bytes are said to come, and keeps its beginning: all of what may be
// uploaded.
func (tx *Tx) keep(r io.Reader, size int64) (err error) {
	most := int64(mostOther)
	if tx.Upload() {
		most = maxUpload + 1
	}
	if tx.Sent, err = readAll(io.LimitReader(r, most), min(size, most)); err != nil {
		return err
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r, maxUpload+1-int64(len(tx.Sent))))
	tx.size = len(tx.Sent) + int(rest)
	return err
}

// readAll is io.ReadAll with less to throw away, if size is about what comes. It makes room for all of it once a
// quarter has come: whoever only says that much is coming costs nothing.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const little = 64 << 10
	if size < little {
		return io.ReadAll(r)
	}
	head, err := io.ReadAll(io.LimitReader(r, size/4))
	if err != nil || int64(len(head)) < size/4 {
		return head, err
	}
	all := bytes.NewBuffer(append(make([]byte, 0, size+bytes.MinRead), head...))
	_, err = all.ReadFrom(r)
	if all.Len() < all.Cap()/2 {
		return bytes.Clone(all.Bytes()), err
	}
	return all.Bytes(), err
}

// readSent reads a body as a transport does that sends it.
func (tx *Tx) readSent(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		if req.ContentLength > 0 {
			return fmt.Errorf("http: Request.ContentLength=%d with nil Body", req.ContentLength)
		}
		return nil
	}
	switch err := tx.keep(req.Body, req.ContentLength); {
	case err != nil:
		return err
	case tx.size > maxUpload:
		return errors.New("wxpaytest: request is too large")
	case req.ContentLength > 0 && int64(tx.size) != req.ContentLength:
		return fmt.Errorf("http: ContentLength=%d with Body length %d", req.ContentLength, tx.size)
	}
	return nil
}

// ServeHTTP is the engine on a socket.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	tx := e.begin(r.Method, host, r.RequestURI, r.Header)
	tx.Port = port
	fault, unread := e.options.Plan.Take(tx, true)
	if fault != nil && fault.Stage < Acting {
		e.note(tx, fault, &Answer{Verdict: "no answer: " + fault.Name})
		fault.End.hangUp(w, r)
		return
	}
	if err := tx.keep(http.MaxBytesReader(w, r.Body, maxUpload), r.ContentLength); err != nil {
		e.note(tx, fault, &Answer{Verdict: "request broke off"})
		Reset.hangUp(w, r)
		return
	}
	a := e.answer(tx, fault, unread)
	if fault != nil && fault.End != Answered {
		fault.End.hangUp(w, r)
		return
	}
	if a.wait(r.Context()) != nil {
		return
	}
	e.options.Plan.Answered(tx, fault)
	a.write(w, r)
}

// answer does what a request asks for, as far as the fault lets it, and seals what comes back. Nothing is done if
// the faults that it asks for cannot be read.
func (e *Engine) answer(tx *Tx, fault *Fault, unread error) *Answer {
	a := &Answer{Header: http.Header{}}
	if fault == nil || fault.Stage == Answering {
		err := unread
		if err == nil {
			err = e.act(tx, a)
		}
		if w, ok := errors.AsType[*Wrong](err); ok && tx.findings == nil { // a handler found it
			err = tx.Found(w.Where, err)
		}
		if err != nil {
			tx.Platform.Refuse(tx, a, err)
		}
	}
	if fault != nil {
		verdict := a.Verdict
		if fault.Change != nil {
			fault.Change(tx, a)
		}
		a.Verdict = strings.TrimPrefix(verdict+"; fault: "+fault.Name, "; ")
	}
	if err := tx.Platform.Seal(tx, a); err != nil {
		e.Complain("seal: %v", err)
	}
	e.note(tx, fault, a)
	return a
}

// act carries a request out: admit, validate, handle.
func (e *Engine) act(tx *Tx, a *Answer) error {
	own := e.takeReply(tx)
	if err := tx.Platform.Admit(tx); err != nil {
		return err
	}
	if own != nil {
		own.fill(a)
		return nil
	}
	if tx.Op == nil {
		return e.download(tx, a)
	}
	if err := tx.Platform.Validate(tx); err != nil {
		return err
	}
	h := e.handlers[tx.Op]
	if h.prepare != nil {
		if err := h.prepare(tx); err != nil {
			return err
		}
	}
	body, err := e.handle(tx, h)
	if err != nil {
		return err
	}
	if a.Verdict, a.Status = "ok", http.StatusNoContent; body != nil {
		a.Status = http.StatusOK
		a.JSON(body)
	}
	return nil
}

// handle lets a call take effect, unless it comes too fast or came before, and encodes what it answers while
// nobody changes it.
func (e *Engine) handle(tx *Tx, h handler) ([]byte, error) {
	e.Lock()
	defer e.Unlock()
	e.pass()
	if err := e.slow(tx, h); err != nil {
		return nil, err
	}
	return e.carryOut(tx, h)
}

// carryOut lets a call take effect, and saves it if it may have changed something. The caller holds the lock.
func (e *Engine) carryOut(tx *Tx, h handler) ([]byte, error) {
	act := func() ([]byte, error) {
		answer, err := e.answerOf(tx, h)
		if err != nil || answer == nil {
			return nil, err
		}
		return schema.EncodeSealed(answer, tx.Op.Answer, e.lockedSealer(tx.Caller))
	}
	saved := func() ([]byte, error) {
		if e.saver.again || !tx.changes(h) {
			return act()
		}
		return change(e, tx.saved, act)
	}
	if h.repeats {
		return saved()
	}
	return e.once(tx, saved)
}

// download answers with a file of a product, if there is one at the route. Such an answer is not signed.
func (e *Engine) download(tx *Tx, a *Answer) error {
	file := e.files[tx.Route]
	if file == nil {
		return e.noRoute(tx)
	}
	e.Lock()
	defer e.Unlock()
	e.pass()
	kind, content, err := file(tx)
	if err != nil {
		return err
	}
	a.Verdict, a.Status, a.Body, a.Seal.None = "ok", http.StatusOK, content, true
	a.Header.Set("Content-Type", kind)
	return nil
}

// sealer encrypts for a caller.
func (e *Engine) sealer(caller string) func(string) (string, error) {
	return func(plain string) (string, error) { return e.options.Encrypt(caller, plain) }
}

// lockedSealer is sealer for what is saved. The caller holds the lock.
func (e *Engine) lockedSealer(caller string) func(string) (string, error) {
	return func(plain string) (string, error) { return e.saver.seal(plain, e.sealer(caller)) }
}

// answerOf is what a call answers: by its handler, or else the example of the documents, with what the request
// named in it.
func (e *Engine) answerOf(tx *Tx, h handler) (Object, error) {
	if h.handle != nil {
		if e.acting = tx; tx.File != nil {
			tx.File.Body = nil // a handler has what was prepared of it, since that is saved
		}
		defer func() { e.acting = nil }()
		answer, err := h.handle(tx)
		e.allowed(tx, err)
		return answer, err
	}
	example, err := schema.Example(tx.Op, tx.Vars, tx.Query, tx.Body, tx.Self)
	if err != nil {
		return nil, err
	}
	return paged(tx, example)
}

// allowed complains of a handler that refuses by a code that the documents do not name for its call.
func (e *Engine) allowed(tx *Tx, err error) {
	r, ok := errors.AsType[*Refusal](err)
	if !ok || tx.Op == nil || len(tx.Op.Errors) == 0 {
		return
	}
	if !slices.ContainsFunc(tx.Op.Errors, func(doc api.Refusal) bool { return doc.Code == r.Code && doc.Status == r.Status }) {
		e.Complain("%s refuses with %d %s, which its document does not name", tx.Op.ID, r.Status, r.Code)
	}
}
