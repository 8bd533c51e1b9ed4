package notify

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/wxpay-go/wxpay/auth"
	"github.com/wxpay-go/wxpay/internal/oneline"
)

// A Mux receives the notifications to many merchants and brands at one address, as an [http.Handler], and gives
// each to the [Handler] whose it is:
//
//	var mux notify.Mux
//	err := mux.Add(notify.New(client, notify.Config{Seen: seen})) // for every client
//	http.Handle("POST /wxpay/notify", &mux)
//
// A notification says in plain only which key of WeChat Pay signed it. So a Mux looks that serial up, in one step
// however many merchants there are, and verifies the signature; of merchants that share a key, the one whose APIv3 key
// opens the resource is meant. What is nobody's is answered with 401, as a forgery is.
//
// Anybody may name a serial, so a Mux loads no certificates: it knows those that its clients have loaded. Give
// clients that use certificates to a [wxpay.Refresher] too, or nothing is accepted for them; those with the platform public
// key need nothing. Who can choose the address may also give each merchant its own, such as
// /wxpay/notify/1230000109, and mount its Handler there.
//
// The zero Mux is ready for use and refuses everything. It is safe for concurrent use and starts no goroutine; its
// fields must not change after the first request.
type Mux struct {
	// Timeout is what the body of a request may take. Default 4 s. The rest has the time of the handler, whose
	// Config.Timeout begins with the request all the same.
	Timeout time.Duration

	// Observe is told of the requests that no handler got, after they were answered; Config.Observe of a handler is
	// told of the others. It must not block.
	Observe func(context.Context, Delivery)

	mu       sync.Mutex
	handlers []*Handler
	signers  map[string][]*signer // by serial; as of indexed
	indexed  time.Time            // zero: handlers have changed since
}

// A signer is a key of WeChat Pay, and those whose notifications it signs.
type signer struct {
	public   *rsa.PublicKey
	ring     *auth.Keyring // of this key alone
	scheme   auth.Scheme
	handlers []*Handler // as they were added
}

// The keys of clients change as certificates are loaded and end.
const (
	indexAge  = time.Minute // for so long at most a key verifies that its client has no more
	indexMiss = time.Second // and so long after a look a serial that was not there is looked for again
)

// Add has m serve the merchant or brand of h, from the next request on. Adding h again does nothing. A client whose
// Config.Verifier is neither a [wxpay.PlatformKeys] nor an [auth.Keyring] is an error, since it tells no serials; give its
// handler an address of its own.
func (m *Mux) Add(h *Handler) error {
	if h == nil || h.client == nil {
		return errors.New("notify: handler without a client")
	}
	if _, ok := h.client.Verifier().(keyring); !ok {
		return fmt.Errorf("notify: Config.Verifier of %s tells no serials; give its handler an address of its own", h.sender())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.handlers, h) {
		m.handlers = append(m.handlers, h)
		m.indexed = time.Time{}
	}
	return nil
}

// Remove ends the service for the merchant or brand of h. A request that was handed to h before goes on.
func (m *Mux) Remove(h *Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handlers = slices.DeleteFunc(m.handlers, func(other *Handler) bool { return other == h })
	m.indexed = time.Time{}
}

// ServeHTTP answers one request as the handler does whose it is, or as [Answer] says.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	h, n, err := m.receive(w, r)
	if err != nil {
		conclude(w, r, start, Delivery{}, err, m.Observe)
		return
	}
	h.serve(w, r, start, func(context.Context) (*envelope, error) { return n, nil })
}

// receive reads and verifies a notification and finds whose it is.
func (m *Mux) receive(w http.ResponseWriter, r *http.Request) (*Handler, *envelope, error) {
	timeout := m.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	body, err := readInTime(ctx, w, r, timeout)
	if err != nil {
		return nil, nil, err
	}
	sig := auth.SignatureFrom(r.Header)
	s, err := m.verify(ctx, sig, body)
	if err != nil {
		return nil, nil, notGenuine(err, body)
	}
	n, err := parse(body)
	if err != nil {
		return nil, nil, err
	}
	h, err := s.find(n)
	return h, n, err
}

// verify returns the signer of a message. Several of one serial are several platforms, such as those of tests.
func (m *Mux) verify(ctx context.Context, sig auth.Signature, body []byte) (*signer, error) {
	signers, now := m.lookup(sig.Serial), time.Now()
	if len(signers) == 0 {
		return nil, auth.VerifyNotification(ctx, nobody{}, auth.Brand, sig, body, now) // which takes every type
	}
	var err error
	for _, s := range signers {
		if err = auth.VerifyNotification(ctx, s.ring, s.scheme, sig, body, now); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// find returns the handler that a notification is for.
func (s *signer) find(n *envelope) (*Handler, error) {
	if len(s.handlers) == 1 {
		return s.handlers[0], nil
	}
	var err error
	for _, h := range s.handlers {
		if _, err = n.open(h.client); err == nil {
			return h, nil
		}
	}
	return nil, err
}

// lookup returns the keys of a serial.
func (m *Mux) lookup(serial string) []*signer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if age := time.Since(m.indexed); age >= indexAge || age >= indexMiss && m.signers[serial] == nil {
		m.index()
	}
	return m.signers[serial]
}

// index notes which keys the clients know by now. The caller holds mu.
func (m *Mux) index() {
	m.signers, m.indexed = make(map[string][]*signer, len(m.handlers)), time.Now()
	for _, h := range m.handlers {
		scheme := auth.Merchant
		if h.client.BrandID() != "" {
			scheme = auth.Brand
		}
		for _, key := range h.client.Verifier().(keyring).Keys() {
			same := func(s *signer) bool { return s.scheme == scheme && s.public.Equal(key.Public) }
			if i := slices.IndexFunc(m.signers[key.Serial], same); i >= 0 {
				s := m.signers[key.Serial][i]
				s.handlers = append(s.handlers, h)
			} else if ring, err := auth.NewKeyring(key); err == nil && len(ring.Keys()) > 0 { // not expired
				m.signers[key.Serial] = append(m.signers[key.Serial], &signer{key.Public, ring, scheme, []*Handler{h}})
			}
		}
	}
}

// A keyring tells its keys.
type keyring interface{ Keys() []auth.PlatformKey }

// nobody knows no key.
type nobody struct{}

func (nobody) Verify(_ context.Context, serial, _, _ string) error {
	return fmt.Errorf("%w: serial %s is of nobody here", auth.ErrUnknownSerial, oneline.Quote(serial, 80))
}

func (nobody) GetSerial(context.Context) (string, error) { return "", auth.ErrNoKey }
