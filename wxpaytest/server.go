// Package wxpaytest is a WeChat Pay APIv3 and a TPNS in memory, to test against: v3 has no sandbox.
//
//	server := wxpaytest.New(t)
//	task, err := bankpackages.New(server.Client()).CreateTask(t.Context(), params)
//
// It keeps state and does real cryptography with keys of its own: it checks the signature and the shape
// of every request by the published documents, decrypts what is encrypted, signs its answers (also those
// that a test makes up, see [Server.Reply]), sends notifications (see [Server.Notify]) and fails in every
// way that networks and platforms fail (see [Faults]). It refuses what WeChat Pay refuses; what WeChat Pay
// takes and is unwise all the same is advice in the journal (see [Request]). It shares no code with the
// clients it tests.
//
// A [Server] is an http.RoundTripper, so nothing listens and testing/synctest works; its method
// [Server.Respond] is a responder of httpmock; and it is an http.Handler, for programs that need an
// address.
package wxpaytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wxpay-go/wxpay"
)

// A Mode is what the merchant knows the platform by.
type Mode int

const (
	PublicKey    Mode = iota // the platform public key; there are no certificates
	Certificates             // platform certificates alone
	Both                     // both, as during the migration from the one to the other
)

// Options change what a [Server] does. The zero value suits most tests.
type Options struct {
	Mode Mode

	// TaskDuration is how long a bank-package task stays PROCESSING and a debit of edu-papay ACCEPTED. Zero:
	// the creation of a task answers PROCESSING, and the first query FINISHED.
	TaskDuration time.Duration
	// Match says which agreement numbers belong to a user. Nil: all.
	Match func(number string) bool
	// Users says whose an agreement number is: a card may be bound to several accounts, and a user may have
	// several cards. A number of nobody does not match. Nil: each number has one user of its own.
	Users func(number string) []string
	// Sample makes the server decrypt only every Sample-th line of a bank file, since decrypting takes a
	// millisecond a line; the others count as numbers that match. Zero: every line.
	Sample int
	// Paid says which users, by phone number, paid the brand within a year; others cannot be imported as
	// members. It is asked without country code for numbers of the mainland, and without + for all. Nil: all.
	Paid func(phone string) bool
	// Pay says which debits of edu-papay succeed. Nil: all.
	Pay func(outTradeNo string) bool

	// CountBadLines counts a line of a bank file that does not decrypt as failed, as the platform does. By
	// default the file is refused, so that a wrong key is seen at once.
	CountBadLines bool

	// ImportRate is how many imports of members the server takes within a second, of each of the three
	// calls; more are refused with 429. WeChat Pay publishes no figure for these calls. For their younger
	// siblings it prints 5 for a service provider and 10 for a brand. Zero: no limit.
	ImportRate int
	// Unlimited switches off the limits of rate: 6,000 files a day, and those of TPNS. The limits of size
	// stay.
	Unlimited bool
	// TPNSHost is the access point of the TPNS application; requests to the others are refused. Empty: any.
	TPNSHost string
	// Observe is told of every request when its answer is ready; it must not block. Nil: nobody.
	Observe func(Request)
	// Journal is how many requests [Server.Requests] remembers. Default 1000.
	Journal int
}

// A Server is a fake WeChat Pay and TPNS. Its methods may be called from several goroutines.
type Server struct {
	mode      Mode
	options   Options
	t         testing.TB // nil: without a test
	endpoints []*endpoint
	client    *wxpay.Client
	seed      maphash.Seed
	salt      string // of nonces

	mu           sync.Mutex
	public       *platformKey
	certificates []*platformKey
	count        int64                  // of answers and notifications; all numbers come from it
	ahead        time.Duration          // see Advance
	rates        map[string][]time.Time // when what is limited came, by kind
	before       *platformKey           // the certificate that the newest takes over from; nil: none
	share        int64                  // how many of a hundred the newest signs of what these two sign
	turn         int64
	journal      journal
	nonces       nonces
	faults       []*planned
	replies      []*reply
	own          []*endpoint // that only replies know; never changed in place
	outbox       outbox

	bank  bank
	cards cards
	edu   edu
	tpns  tpns
}

// New returns a server that ends with the test. The test fails if a fault that was injected did not
// happen, or a reply was not asked for.
func New(t testing.TB, o ...Options) *Server {
	t.Helper()
	s, err := NewServer(append(o, Options{})[0])
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(func() {
		for _, name := range s.unusedFaults() {
			t.Errorf("wxpaytest: fault %s did not happen", name)
		}
		for _, route := range s.unusedReplies() {
			t.Errorf("wxpaytest: nobody asked for the reply to %s", route)
		}
	})
	return s
}

// NewServer returns a server without a test.
func NewServer(o Options) (*Server, error) {
	s := &Server{mode: o.Mode, options: o, seed: maphash.MakeSeed(), salt: rand.Text()}
	s.journal.most = o.Journal
	if s.journal.most <= 0 {
		s.journal.most = 1000
	}
	s.outbox.share = 100
	var err error
	if s.endpoints, err = endpoints(); err != nil {
		return nil, err
	}
	if o.Mode != Certificates {
		private, err := publicKey()
		if err != nil {
			return nil, err
		}
		s.public = &platformKey{serial: PublicKeyID, private: private}
	}
	if o.Mode != PublicKey {
		if _, err := s.RotateCertificate(); err != nil {
			return nil, err
		}
	}
	if _, err := merchantKey(); err != nil {
		return nil, err
	}
	s.client, err = wxpay.New(s.Config())
	return s, err
}

// Client returns a client of this server. It is the same one every time; make others from [Server.Config].
func (s *Server) Client() *wxpay.Client { return s.client }

// Config returns what [Server.Client] is made of, to be changed and given to wxpay.New. Its transport is the
// server; the addresses are the platform's own.
func (s *Server) Config() wxpay.Config {
	private, _ := merchantKey()
	c := wxpay.Config{
		MchID:      MchID,
		SerialNo:   SerialNo,
		PrivateKey: private,
		APIv3Key:   APIv3Key,
		Migrating:  s.mode == Both,
		HTTPClient: &http.Client{Transport: s},
	}
	if s.public != nil {
		c.PublicKeyID, c.PublicKey = s.public.serial, &s.public.private.PublicKey
	}
	return c
}

// Advance moves the clock of tasks, contracts and debits ahead by d. Signatures go by the true time.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// now is the time of the business. The caller holds the lock.
func (s *Server) now() time.Time { return time.Now().Add(s.ahead).In(beijing) }

func (s *Server) today() string { return s.now().Format(time.DateOnly) }

var beijing = time.FixedZone("CST", 8*60*60)

// stamp writes a time as the platform does.
func stamp(t time.Time) string { return t.In(beijing).Format("2006-01-02T15:04:05.000-07:00") }

// number returns the next number.
func (s *Server) number() int64 { s.count++; return s.count }

// An incoming is a request whose body has been read.
type incoming struct {
	method string
	host   string
	uri    string // path and query, exactly as sent
	header http.Header
	body   []byte

	endpoint *endpoint // nil: none
	vars     object
}

func (in *incoming) tpns() bool { return in.endpoint != nil && in.endpoint.tpns }

const (
	maxJSON   = 1 << 20
	maxUpload = 101 << 20
)

// Respond is RoundTrip in the shape of an httpmock.Responder.
func (s *Server) Respond(req *http.Request) (*http.Response, error) { return s.RoundTrip(req) }

// RoundTrip takes a request as the platform would, whatever address of WeChat Pay, TPNS or the loopback
// it goes to. Other hosts do not exist. No goroutine outlives the call.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	ctx := req.Context()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	in := &incoming{method: req.Method, host: req.URL.Hostname(), uri: req.URL.RequestURI(), header: canonicalHeader(req.Header)}
	if in.method == "" {
		in.method = http.MethodGet
	}
	s.find(in)
	if !knownHost(in.host) {
		s.note(in, nil, &answer{verdict: "this host does not exist"})
		return nil, noSuchHost(in.host)
	}
	fault := s.takeFault(in, false)
	if fault != nil && fault.stage < acting {
		s.note(in, fault, &answer{verdict: "no answer: " + fault.Name})
		if fault.end == torn && req.Body != nil {
			_, _ = io.CopyN(io.Discard, req.Body, req.ContentLength/2)
		}
		return nil, fault.end.fail(ctx, in.host)
	}
	var err error
	in.body, err = readSent(req)
	if err != nil {
		s.note(in, fault, &answer{verdict: "request broke off: " + err.Error()})
		return nil, err
	}
	a := s.answer(in, fault)
	if fault != nil && fault.end != answered {
		return nil, fault.end.fail(ctx, in.host)
	}
	return a.response(req), nil
}

// canonicalHeader spells the names as one finds them: on the wire their case does not matter, and HTTP/2 has
// them in lower case.
func canonicalHeader(sent http.Header) http.Header {
	h := http.Header{}
	for name, values := range sent {
		name = http.CanonicalHeaderKey(name)
		h[name] = append(h[name], values...)
	}
	return h
}

// readSent reads a body as a transport does that sends it.
func readSent(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		if req.ContentLength > 0 {
			return nil, fmt.Errorf("http: Request.ContentLength=%d with nil Body", req.ContentLength)
		}
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxUpload+1))
	switch n := int64(len(body)); {
	case err != nil:
		return nil, err
	case n > maxUpload:
		return nil, errors.New("wxpaytest: request is too large")
	case req.ContentLength > 0 && n != req.ContentLength:
		return nil, fmt.Errorf("http: ContentLength=%d with Body length %d", req.ContentLength, n)
	}
	return body, nil
}

// ServeHTTP is the server on a socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	in := &incoming{method: r.Method, host: host, uri: r.RequestURI, header: canonicalHeader(r.Header)}
	s.find(in)
	fault := s.takeFault(in, true)
	if fault != nil && fault.stage < acting {
		s.note(in, fault, &answer{verdict: "no answer: " + fault.Name})
		fault.end.hangUp(w, r)
		return
	}
	if in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload)); err != nil {
		s.note(in, fault, &answer{verdict: "request broke off"})
		reset.hangUp(w, r)
		return
	}
	a := s.answer(in, fault)
	if fault != nil && fault.end != answered {
		fault.end.hangUp(w, r)
		return
	}
	a.write(w, r)
}

// weChatHosts and tpnsHosts are the hosts that the documents name.
var (
	weChatHosts = []string{"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "apihk.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn"}
	tpnsHosts   = []string{"api.tpns.tencent.com", "api.tpns.sh.tencent.com", "api.tpns.hk.tencent.com", "api.tpns.sgp.tencent.com"}
)

func knownHost(host string) bool {
	ip := net.ParseIP(host)
	return slices.Contains(weChatHosts, host) || slices.Contains(tpnsHosts, host) || host == "localhost" || ip != nil && ip.IsLoopback()
}
