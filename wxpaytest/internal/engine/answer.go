package engine

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
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

	Packed []byte           // what is sent of Body once that is signed; nil: Body itself
	Stream func() io.Reader // instead of Body
	Size   int64            // of Stream; -1 is not announced
	Delay  time.Duration    // before it begins
	Pace   time.Duration    // between the pieces of the body
	Idle   time.Duration    // after which its connection closes if nothing more comes; 0: as the server has it
	Cut    End              // Closed or Reset: how the body breaks off; Answered: it does not
	CutAt  int              // how many bytes come before that
	Seal   Seals

	Verdict string
}

// Seals say how an answer or a notification is signed; the zero value is right.
type Seals struct {
	None, Forged, Tampered, Stale, Probe bool

	OtherType     bool // names a signature type of another product line
	UnknownSerial bool // names a key that nobody knows

	Skew time.Duration // how far the platform's clock is off
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

// Pieces of a body that comes slowly.
const Pieces = 10

// response turns the answer into what a transport returns.
func (a *Answer) response(req *http.Request) *http.Response {
	size := int64(len(a.sent()))
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
		Body:          a.deliver(req),
	}
}

// sent is the body as it is sent.
func (a *Answer) sent() []byte {
	if a.Packed != nil {
		return a.Packed
	}
	return a.Body
}

func (a *Answer) deliver(req *http.Request) *delivery {
	body := a.sent()
	d := &delivery{ctx: req.Context(), r: bytes.NewReader(body), pace: a.Pace, piece: max(1, (len(body)+Pieces-1)/Pieces)}
	switch {
	case a.Stream != nil:
		d.r = a.Stream()
	case a.Cut != Answered:
		d.r = io.MultiReader(bytes.NewReader(body[:min(a.CutAt, len(body))]), broken{a.Cut, req.URL.Hostname()})
	}
	return d
}

// broken is a connection that ended too soon.
type broken struct {
	end  End
	host string
}

func (b broken) Read([]byte) (int, error) {
	if b.end == Reset {
		return 0, b.end.fail(context.Background(), b.host)
	}
	return 0, io.ErrUnexpectedEOF
}

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

// wait waits until the answer may begin.
func (a *Answer) wait(ctx context.Context) error {
	if a.Delay == 0 {
		return nil
	}
	return wait(ctx, a.Delay)
}

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
	if a.Idle > 0 && a.keep(w, r) {
		return
	}
	h := w.Header()
	maps.Copy(h, a.Header)
	switch {
	case a.Stream == nil && a.Status != http.StatusNoContent:
		h.Set("Content-Length", strconv.Itoa(len(a.sent())))
	case a.Stream != nil && a.Size >= 0:
		h.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	}
	w.WriteHeader(a.Status)
	d := a.deliver(r)
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
			end := Closed
			if a.Cut == Reset {
				end = Reset
			}
			end.hangUp(w, r)
			return
		}
	}
}

// keep sends the answer, and hands the connection to a server that closes it when nothing came for a time. It reports
// false if there is no connection to be had, as with HTTP/2.
func (a *Answer) keep(w http.ResponseWriter, r *http.Request) bool {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return false
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	if err := errors.Join(a.response(r).Write(buffered), buffered.Flush()); err != nil {
		_ = conn.Close()
		return true
	}
	idle := &http.Server{Handler: server.Handler, IdleTimeout: a.Idle, ReadHeaderTimeout: a.Idle, ErrorLog: server.ErrorLog}
	_ = idle.Serve(&single{conn: &begun{conn, buffered}}) // ends at once: there is one connection
	return true
}

// single is a listener that one connection comes to.
type single struct{ conn net.Conn }

func (s *single) Accept() (net.Conn, error) {
	conn := s.conn
	if s.conn = nil; conn == nil {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (s *single) Close() error   { return nil }
func (s *single) Addr() net.Addr { return address("localhost") }

// begun is a connection of which something was read already.
type begun struct {
	net.Conn
	rest io.Reader
}

func (b *begun) Read(p []byte) (int, error) { return b.rest.Read(p) }
