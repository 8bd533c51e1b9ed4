package pgtest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Wire leads to a database until it is cut, or goes silent.
type Wire struct {
	URL string // of the database, through the wire

	t      testing.TB
	to, at string // addresses

	mu     sync.Mutex
	open   net.Listener
	ends   []net.Conn
	silent sync.RWMutex // held while it is
}

// NewWire leads to the database of a URL.
func NewWire(t testing.TB, to string) *Wire {
	t.Helper()
	at, err := url.Parse(to)
	require.NoError(t, err)
	w := &Wire{t: t, to: at.Host, at: "127.0.0.1:0"}
	w.Mend()
	t.Cleanup(w.Cut)
	at.Host = w.at
	w.URL = at.String()
	return w
}

// Cut ends all connections, and takes no more.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open.Close()
	for _, end := range w.ends {
		end.Close()
	}
	w.ends = nil
}

// Mend takes connections again.
func (w *Wire) Mend() {
	w.t.Helper()
	l, err := net.Listen("tcp", w.at)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.open, w.at = l, l.Addr().String()
	w.mu.Unlock()
	go w.serve(l)
}

// Silence lets what is said vanish, as behind a cable that was pulled, until sound is called.
func (w *Wire) Silence() (sound func()) {
	w.silent.Lock()
	return w.silent.Unlock
}

func (w *Wire) serve(l net.Listener) {
	for {
		here, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", w.to)
		if err != nil {
			here.Close()
			continue
		}
		w.mu.Lock()
		w.ends = append(w.ends, here, there)
		w.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{here: there, there: here} {
			go func() {
				defer from.Close()
				defer to.Close()
				_, _ = io.Copy(end{to, w}, from)
			}()
		}
	}
}

// An end holds bytes back while the wire is silent.
type end struct {
	io.Writer
	wire *Wire
}

func (e end) Write(b []byte) (int, error) {
	e.wire.silent.RLock()
	defer e.wire.silent.RUnlock()
	return e.Writer.Write(b)
}
