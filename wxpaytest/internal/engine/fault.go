package engine

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// A Fault is one way in which a call goes wrong.
type Fault struct {
	Name       string
	Doc, Zh    string // what happens, in English and Chinese
	Stage      Stage
	End        End
	Platform   string             // where alone it can happen, as the catalog has it; empty: anywhere
	Documented bool               // it is called by a code, and happens to the calls whose documents name that
	Right      bool               // the answer is right all the same: who gets it has no reason to ask again
	Change     func(*Tx, *Answer) // makes of the answer what comes instead; nil: nothing

	Example string                                 // its name with a value, such as slow=6s; empty: it takes none
	With    func(f *Fault, value string) (ok bool) // makes it that of a value
}

// A Plan knows which faults are to happen.
type Plan interface {
	// Take returns the fault that a request meets, or nil. On a socket there is a connection already. An error is
	// what is wrong with the faults that the request asks for itself.
	Take(tx *Tx, socket bool) (*Fault, error)
	// Answered is told of a request whose answer has begun, with what Take returned for it.
	Answered(tx *Tx, fault *Fault)
}

// FaultHeader is the header by which a request asks for faults itself.
const FaultHeader = "X-Emulator-Fault"

// TagHeader is the header by which a request says whose it is, where several tests share a server.
const TagHeader = "X-Emulator-Tag"

// A Stage is where in its life a request meets the fault.
type Stage int

const (
	Dialing   Stage = iota // there is no connection
	Sending                // the request is not read
	Acting                 // it is read and not carried out
	Answering              // it is carried out
)

// An End is how the exchange ends.
type End int

const (
	Answered  End = iota // with an answer
	Reset                // the connection breaks
	Torn                 // it breaks in the middle of the request
	Closed               // the connection closes before an answer
	Hanging              // nothing comes until the caller gives up
	Refused              // nobody listens
	Unknown              // the name of the host is not found
	BlackHole            // packets vanish
)

// fail is how a transport reports the end.
func (e End) fail(ctx context.Context, host string) error {
	op := &net.OpError{Op: "read", Net: "tcp", Addr: address(host)}
	switch e {
	case Reset:
		op.Err = os.NewSyscallError("read", syscall.ECONNRESET)
		return op
	case Torn:
		op.Op, op.Err = "write", os.NewSyscallError("write", syscall.ECONNRESET)
		return op
	case Hanging:
		<-ctx.Done()
		return context.Cause(ctx)
	case Refused:
		op.Op, op.Err = "dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)
		return op
	case Unknown:
		return noSuchHost(host)
	case BlackHole:
		op.Op, op.Err = "dial", os.ErrDeadlineExceeded
		if err := wait(ctx, 3*time.Second); err != nil {
			op.Err = err
		}
		return op
	}
	return io.EOF
}

func noSuchHost(host string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
}

// address is a host as net.Addr.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) + ":443" }

// hangUp is how a server brings the end about. Without a connection of its own (HTTP/2, a recorder) it
// aborts the handler.
func (e End) hangUp(w http.ResponseWriter, r *http.Request) {
	switch e {
	case Hanging:
		hang(w, r)
		return
	case Torn:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	case Closed: // bytes that nobody read would turn the end into a reset
		_, _ = io.Copy(io.Discard, r.Body)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && (e == Reset || e == Torn) {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang says nothing until the caller gives up. net/http tells of that only once the whole body was read, and not at all if
// more than that was sent, so it is the connection itself that is watched.
func hang(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	defer context.AfterFunc(r.Context(), func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
