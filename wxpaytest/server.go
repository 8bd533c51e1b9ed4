// Package wxpaytest is a WeChat Pay APIv3 and a TPNS in memory, to test against: v3 has no sandbox.
//
//	server := wxpaytest.New(t)
//	task, err := bankpackages.New(server.Client()).CreateTask(t.Context(), params)
//
// It does real cryptography with keys of its own: it checks the signature and the shape of every request by the
// published documents, decrypts what is encrypted, signs its answers (also those that a test makes up, see
// [Server.Reply]), sends notifications (see [Server.Notify]) and fails in every way that networks and platforms
// fail (see [Faults]). It keeps the state of the products that have one; every other documented call answers
// with the example of its document, and what the request named in it. It refuses what WeChat Pay refuses; what
// WeChat Pay takes and is unwise all the same is advice in the journal (see [Request]). It shares no code with
// the clients it tests.
//
// A [Server] is an http.RoundTripper, so nothing listens and testing/synctest works; its method
// [Server.Respond] is a responder of httpmock; and it is an http.Handler, for programs that need an address.
package wxpaytest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/tpns"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/wechat"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/bankpackages"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/products/membercard"
)

// What the fake merchant, brand and platform are called. The keys behind these names are made anew in every
// process, or follow from Options.Seed, so nothing that was signed for the fake is worth anything elsewhere.
const (
	MchID       = wechat.MchID
	SerialNo    = wechat.SerialNo
	APIv3Key    = wechat.APIv3Key
	PublicKeyID = wechat.PublicKeyID

	BrandID          = wechat.BrandID
	BrandSerialNo    = wechat.BrandSerialNo
	BrandAPIKey      = wechat.BrandAPIKey
	BrandPublicKeyID = wechat.BrandPublicKeyID
	TPNSAccessID     = tpns.AccessID
	TPNSSecretKey    = tpns.SecretKey
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
	// Brand makes [Server.Config] and [Server.Client] those of a brand that calls in its own name, and
	// notifications go to it. The server itself answers merchant and brand in any case.
	Brand bool

	// Seed is what keys, certificates and IDs follow from, so that two servers with one seed are alike and what was
	// written for the one, such as the files of [Server.WriteKeys], fits the other. Its keys protect nothing: who knows the seed
	// knows them. Empty: keys are made anew in every process, and IDs count from 1. In either case the same changes in the same
	// order get the same IDs.
	Seed string
	// Numbers is what IDs follow from in place of Seed, where keys are to stay and IDs are not, as from one run to the next.
	Numbers string
	// Clock is where the clock of the business stands until [Server.Advance]. Signatures, certificates and limits of rate
	// go by the true time. Zero: it runs with the true time.
	Clock time.Time
	// Log gets every change of the state, as a line of JSON and in one Write, before the call that caused it is
	// answered; see [Server.Restore]. A Log that fails breaks no call: it gets the lines again with the next one. Nil: nobody.
	Log io.Writer

	// TaskDuration is how long a bank-package task or a picture task of product coupons stays PROCESSING and a debit of edu-papay
	// ACCEPTED. Zero:
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
	// Unlimited switches off the published limits of rate, such as 6,000 files a day, until the action limits
	// switches them on. The limits of size stay.
	Unlimited bool
	// TPNSHost is the access point of the TPNS application; requests to the others are refused. Empty: any.
	TPNSHost string
	// NotifyHosts says which hosts notifications may go to besides loopback ones. Nil: none.
	NotifyHosts func(host string) bool
	// Observe is told of every request when its answer is ready; it must not block. Nil: nobody.
	Observe func(Request)
	// Journal is how many requests [Server.Requests] remembers. Default 1000.
	Journal int
	// Shown is how many bytes of a body, of an answer and of an address the journal shows. Default 2048.
	Shown int
}

// A Server is a fake WeChat Pay and TPNS. Its methods may be called from several goroutines.
type Server struct {
	engine   *engine.Engine
	wechat   *wechat.Platform
	products *products.Set
	plan     *fault.Plan
	who      *wechat.Identity // that Config is of
	client   *wxpay.Client
	t        testing.TB // nil: without a test
}

// New returns a server that ends with the test. The test fails if a fault that was injected did not
// happen, or a reply was not asked for.
func New(t testing.TB, o ...Options) *Server {
	t.Helper()
	var options Options
	if len(o) > 0 {
		options = o[0]
	}
	s, err := NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(func() {
		for _, name := range s.plan.Unused() {
			t.Errorf("wxpaytest: fault %s did not happen", name)
		}
		for _, route := range s.engine.UnusedReplies() {
			t.Errorf("wxpaytest: nobody asked for the reply to %s", route)
		}
	})
	return s
}

// NewServer returns a server without a test.
func NewServer(o Options) (*Server, error) {
	platform, err := wechat.New(wechat.Mode(o.Mode), rand.Text(), o.Seed)
	if err != nil {
		return nil, err
	}
	platform.NotifyHosts = o.NotifyHosts
	s := &Server{wechat: platform, plan: fault.NewPlan(cmp.Or(o.Seed, rand.Text()), fault.Table(), wechat.Faults(), fault.Refusals(), tpns.Faults()), who: platform.Merchant}
	if o.Brand {
		s.who = platform.Brand
	}
	settings := engine.Options{
		Platforms: []engine.Platform{&tpns.Platform{Host: o.TPNSHost}, platform}, Plan: s.plan, Unlimited: o.Unlimited,
		Journal: o.Journal, Shown: o.Shown, Complain: s.complain, Encrypt: platform.Encrypt, Caller: s.who.ID,
		Seed: o.Seed, Numbers: cmp.Or(o.Numbers, o.Seed), Clock: o.Clock, Log: o.Log,
	}
	if o.Observe != nil {
		settings.Observe = func(r engine.Request) { o.Observe(request(r)) }
	}
	if s.engine, err = engine.New(settings); err != nil {
		return nil, err
	}
	if err := platform.Start(s.engine); err != nil {
		return nil, err
	}
	s.products, err = products.New(s.engine, products.Options{
		MchID: MchID, BrandID: BrandID, Caller: s.who.ID, Duration: o.TaskDuration, Pay: o.Pay, Cards: membercard.Options{Paid: o.Paid, ImportRate: o.ImportRate},
		Bank: bankpackages.Options{Match: o.Match, Users: o.Users, Sample: o.Sample, CountBadLines: o.CountBadLines},
	})
	if err != nil {
		return nil, err
	}
	s.client, err = wxpay.New(s.Config())
	return s, err
}

// Client returns a client of this server, the same one every time; make others from [Server.Config].
func (s *Server) Client() *wxpay.Client { return s.client }

// Config returns what [Server.Client] is made of, to be changed and given to wxpay.New. Its transport is the
// server; the addresses are the platform's own.
func (s *Server) Config() wxpay.Config { return s.config(s.who) }

// MerchantConfig is [Server.Config] of the merchant, and BrandConfig that of the brand, whatever Options.Brand says.
func (s *Server) MerchantConfig() wxpay.Config { return s.config(s.wechat.Merchant) }

// BrandConfig is that of the brand, which calls in its own name.
func (s *Server) BrandConfig() wxpay.Config { return s.config(s.wechat.Brand) }

func (s *Server) config(who *wechat.Identity) wxpay.Config {
	private, _ := who.Private() // wxpay.New tells of a key that is missing
	c := wxpay.Config{MchID: who.ID, SerialNo: who.Serial, PrivateKey: private, APIv3Key: wxpay.Secret(who.APIKey), HTTPClient: &http.Client{Transport: s}}
	if who == s.wechat.Brand {
		c.MchID, c.BrandID = "", who.ID
	}
	c.PublicKeyID, c.PublicKey, _ = who.Public()
	c.Migrating = who.HasBoth()
	return c
}

// Advance moves the clock of tasks, contracts and debits ahead by d. Signatures go by the true time.
func (s *Server) Advance(d time.Duration) {
	_, err := s.act("advance", map[string]string{"duration": d.String()})
	_ = s.cannot(err)
}

// Ahead is how far [Server.Advance] has moved the clock.
func (s *Server) Ahead() time.Duration { return s.engine.Ahead() }

// Respond is RoundTrip in the shape of an httpmock.Responder.
func (s *Server) Respond(req *http.Request) (*http.Response, error) { return s.RoundTrip(req) }

// RoundTrip takes a request as the platform would, whatever address of WeChat Pay, TPNS or the loopback
// it goes to. Other hosts do not exist. No goroutine outlives the call.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) { return s.engine.RoundTrip(req) }

// ServeHTTP is the server on a socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// A Request is one request as the server saw it. What was encrypted is in it
// only masked.
type Request struct {
	Number       int // from 1
	Time         time.Time
	Took         time.Duration // until the answer begins
	Method       string
	Host         string
	URI          string      // path and query, with phone numbers masked
	Route        string      // empty: there is no such call
	Tag          string      // what the header X-Emulator-Tag says
	Header       http.Header // as sent, but for what proves who sends it
	BodySize     int
	Body         string     // its beginning; of a form what its parts are, and its meta
	Signature    *Signature // nil: none was looked at
	Checks       []string   // what was checked and found right, in order
	Findings     []Finding  // what is wrong with it by the documents; the answer says the first
	Advice       []string   // what WeChat Pay takes and is unwise all the same; a good client gets none
	AdviceZh     []string
	Fault        string // what was injected, or empty
	Status       int    // of the answer; 0: none was given
	Code         string // error code of the answer
	Verdict      string // ok, or why it was refused
	RequestID    string
	AnswerHeader http.Header
	Answer       string            // its beginning
	Sensitive    map[string]string // members that were encrypted, masked: 138****0000
	Events       []string          // IDs of the notifications that it caused

	Sent    []byte // the whole body, for Options.Observe alone; it must not be changed
	SentURI string // path and query with nothing masked, for Options.Observe alone
}

// A Signature is what was found out about the signature of a request.
type Signature struct {
	OK                               bool
	Caller, Serial, Timestamp, Nonce string
	Expected                         string // the text that has to be signed, with the body as the journal shows it
	Signed                           string // the text that was signed, as far as it was found out; empty: it was not
	Reason, ReasonZh                 string // what is wrong, in one line; empty: nothing
}

// A Finding is one thing that is wrong with a request.
type Finding struct {
	Where          string // path, query, header or body
	Field          string // as a JSON pointer, or the name of a header; empty: all of it
	Issue, IssueZh string
}

// HidePhones puts a text, such as ****, in the place of the four middle digits of each phone number that stands in a text in the
// open, however it is spaced or escaped.
func HidePhones(text, with string) string { return engine.HidePhones(text, with) }

// Requests returns the requests so far, oldest first; at most Options.Journal of them.
func (s *Server) Requests() []Request {
	return each(s.engine.Requests(), request)
}

// request is a request as tests see it.
func request(r engine.Request) Request {
	return Request{
		Number: r.Number, Time: r.Time, Took: r.Took, Method: r.Method, Host: r.Host, URI: r.URI, Route: r.Route, Tag: r.Tag, Header: r.Header,
		BodySize: r.BodySize, Body: r.Body, Signature: (*Signature)(r.Signature), Checks: r.Checks, Advice: r.Advice, AdviceZh: r.AdviceZh, Fault: r.Fault, Status: r.Status,
		Findings: each(r.Findings, func(f engine.Finding) Finding { return Finding(f) }), Code: r.Code, Verdict: r.Verdict, RequestID: r.RequestID,
		AnswerHeader: r.AnswerHeader, Answer: r.Answer, Sensitive: r.Sensitive, Events: r.Events, Sent: r.Sent, SentURI: r.SentURI,
	}
}

// each makes one of each.
func each[A, B any](all []A, f func(A) B) (made []B) {
	for _, one := range all {
		made = append(made, f(one))
	}
	return made
}

// complain reports what must not happen.
func (s *Server) complain(format string, a ...any) {
	if s.t != nil {
		s.t.Errorf("wxpaytest: "+format, a...)
	}
}

// cannot reports what a test wants and cannot have; nil: it can.
func (s *Server) cannot(err error) error {
	if err == nil {
		return nil
	}
	s.complain("%v", err)
	return fmt.Errorf("wxpaytest: %w", err)
}

// WriteKeys writes into dir what clients of any language ask for, and replaces what is there: apiclient_key.pem and
// apiclient_cert.pem, of the merchant or of the brand; unless the mode is Certificates pub_key.pem, the platform public
// key; unless it is PublicKey wechatpay_cert.pem, the newest platform certificate; and the files of
// [Server.WriteBrandKeys]. It returns the environment, NAME=value each, that wxpay.ConfigFromEnv and
// pushpackage.ConfigFromEnv read. The addresses are not in it: only the caller knows where the fake listens.
func (s *Server) WriteKeys(dir string) (env []string, err error) {
	if env, err = s.who.WriteKeys(dir, "apiclient_", ""); err != nil {
		return nil, err
	}
	_, err = s.WriteBrandKeys(dir)
	return append(env, "TPNS_ACCESS_ID="+TPNSAccessID, "TPNS_SECRET_KEY="+TPNSSecretKey), err
}

// WriteBrandKeys writes what a client needs that calls as the brand: brand_key.pem, brand_cert.pem and brand_pub_key.pem.
// It returns its environment, which has no place beside that of the merchant.
func (s *Server) WriteBrandKeys(dir string) (env []string, err error) {
	return s.wechat.Brand.WriteKeys(dir, "brand_", "brand_")
}
