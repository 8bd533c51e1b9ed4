package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// An Answer is what comes back for a request, before it is sent.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Reason int // the internal code that Request-ID ends in

	Stream func() io.Reader // instead of Body
	Size   int64            // of Stream; -1 is not announced
	Pace   time.Duration    // between the pieces of the body
	Cut    bool             // breaks off half way
	Seal   Seals

	Verdict string
}

// Seals say how an answer or a notification is signed; the zero value is right.
type Seals struct {
	None, Forged, Tampered, Stale, Probe bool

	OtherType     bool // names a signature type of another product line
	UnknownSerial bool // names a key that nobody knows
}

// JSON makes text the body.
func (a *Answer) JSON(text []byte) {
	a.Body = text
	a.Header.Set("Content-Type", "application/json; charset=utf-8")
}

// Refuse makes a refusal of WeChat Pay the answer.
func (a *Answer) Refuse(r *Refusal) {
	a.Status, a.Verdict, a.Reason = r.Status, r.Error(), r.Reason
	if a.Reason == 0 {
		a.Reason = ReasonUnknown
		if r.Status == http.StatusBadRequest {
			a.Reason = ReasonParam
		}
	}
	o := Object{"code": r.Code, "message": r.Message}
	if r.Detail != nil {
		o["detail"] = r.Detail
	}
	a.JSON([]byte(schema.Canonical(o)))
}

// pieces of a body that comes slowly.
const pieces = 10

// response turns the answer into what a transport returns.
func (a *Answer) response(req *http.Request) *http.Response {
	size := int64(len(a.Body))
	if a.Stream != nil {
		size = a.Size
	}
	if size >= 0 && a.Status != http.StatusNoContent {
		a.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	return &http.Response{
		Status:        strconv.Itoa(a.Status) + " " + http.StatusText(a.Status),
		StatusCode:    a.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.Header,
		ContentLength: size,
		Request:       req,
		Body:          a.deliver(req.Context()),
	}
}

func (a *Answer) deliver(ctx context.Context) *delivery {
	d := &delivery{ctx: ctx, r: bytes.NewReader(a.Body), pace: a.Pace, piece: max(1, (len(a.Body)+pieces-1)/pieces)}
	switch {
	case a.Stream != nil:
		d.r = a.Stream()
	case a.Cut:
		d.r = io.MultiReader(bytes.NewReader(a.Body[:len(a.Body)/2]), broken{})
	}
	return d
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
func (a *Answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, a.Header)
	switch {
	case a.Stream == nil && a.Status != http.StatusNoContent:
		h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	case a.Stream != nil && a.Size >= 0:
		h.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	}
	w.WriteHeader(a.Status)
	d := a.deliver(r.Context())
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
			Closed.hangUp(w, r)
			return
		}
	}
}
