package wxpaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// An answer is what comes back for a request, before it is sent.
type answer struct {
	in     *incoming
	status int
	header http.Header
	body   []byte
	reason int

	stream func() io.Reader // instead of body
	size   int64            // of stream; -1 is not announced
	pace   time.Duration    // between the pieces of the body
	cut    bool             // breaks off half way
	seal   seals

	verdict string
	checks  []string
	advice  []string
	secrets map[string]string
}

// seals is how an answer or a notification is signed; the zero value is right.
type seals struct {
	none, forged, tampered, stale, probe bool
	serial, kind                         string
}

func (a *answer) json(body []byte) {
	a.body = body
	a.header.Set("Content-Type", "application/json; charset=utf-8")
}

// encode writes JSON without the escapes of HTML. Names come in their order, so equal values look equal.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// canonical is a value as text, to compare it.
func canonical(v any) string {
	b, _ := encode(v) // of what was decoded from JSON
	return string(b)
}

// refuse makes the answer of an error.
func (a *answer) refuse(err error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = &refusal{status: 500, code: "SYSTEM_ERROR", message: err.Error()}
	}
	a.status, a.verdict, a.reason = r.status, r.Error(), r.reason
	if a.reason == 0 {
		a.reason = reasonUnknown
		if r.status == 400 {
			a.reason = reasonParam
		}
	}
	o := object{"code": r.code, "message": r.message}
	if r.detail != nil {
		o["detail"] = r.detail
	}
	a.json([]byte(canonical(o)))
}

// pieces of a body that comes slowly.
const pieces = 10

// response turns the answer into what a transport returns.
func (a *answer) response(req *http.Request) *http.Response {
	size := int64(len(a.body))
	if a.stream != nil {
		size = a.size
	}
	resp := &http.Response{
		Status:        strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		ContentLength: size,
		Request:       req,
		Body:          &delivery{ctx: req.Context(), r: a.reader(), pace: a.pace, piece: max(1, (len(a.body)+pieces-1)/pieces)},
	}
	if size >= 0 && a.status != http.StatusNoContent {
		a.header.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	return resp
}

func (a *answer) reader() io.Reader {
	switch {
	case a.stream != nil:
		return a.stream()
	case a.cut:
		return io.MultiReader(bytes.NewReader(a.body[:len(a.body)/2]), broken{})
	}
	return bytes.NewReader(a.body)
}

// broken is a connection that ended too soon.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A delivery is the body of an answer on its way: it ends with the context, and may be slow.
type delivery struct {
	ctx   context.Context
	r     io.Reader
	pace  time.Duration
	piece int
}

func (d *delivery) Read(p []byte) (int, error) {
	if err := context.Cause(d.ctx); err != nil {
		return 0, err
	}
	if d.pace == 0 {
		return d.r.Read(p)
	}
	if err := wait(d.ctx, d.pace); err != nil {
		return 0, err
	}
	return d.r.Read(p[:min(len(p), d.piece)])
}

func (d *delivery) Close() error { return nil }

// wait waits for a time or for the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write sends the answer over a socket.
func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, a.header)
	switch {
	case a.stream == nil && a.status != http.StatusNoContent:
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	case a.stream != nil && a.size >= 0:
		h.Set("Content-Length", strconv.FormatInt(a.size, 10))
	}
	w.WriteHeader(a.status)
	d := &delivery{ctx: r.Context(), r: a.reader(), pace: a.pace, piece: max(1, (len(a.body)+pieces-1)/pieces)}
	buffer := make([]byte, 32<<10)
	for {
		n, err := d.Read(buffer)
		if n > 0 {
			if _, failed := w.Write(buffer[:n]); failed != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			closed.hangUp(w, r)
			return
		}
	}
}
