package wxpaytest

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Request is one request as the server saw it. What was encrypted is in it only masked.
type Request struct {
	Number    int // from 1
	Time      time.Time
	Method    string
	Host      string
	URI       string // path and query as sent
	Route     string // empty: there is no such call
	BodySize  int
	Body      string   // its beginning; a form is left out
	Checks    []string // what was checked and found right, in order
	Advice    []string // what WeChat Pay takes and is unwise all the same; a good client gets none
	Fault     string   // what was injected, or empty
	Status    int      // of the answer; 0: none was given
	Code      string   // error code of the answer
	Verdict   string   // ok, or why it was refused
	RequestID string
	Answer    string            // its beginning
	Sensitive map[string]string // members that were encrypted, masked: 138****0000
}

const maxShown = 2048

type journal struct {
	most, n int
	last    []Request // a ring once it is full
}

// Requests returns the requests so far, oldest first; at most Options.Journal of them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := &s.journal
	if len(j.last) < j.most {
		return slices.Clone(j.last)
	}
	at := j.n % j.most
	return slices.Concat(j.last[at:], j.last[:at])
}

// note writes a request into the journal.
func (s *Server) note(in *incoming, fault *Fault, a *answer) {
	r := Request{
		Time: time.Now(), Method: in.method, Host: in.host, URI: in.uri, BodySize: len(in.body),
		Checks: a.checks, Advice: a.advice, Status: a.status, Verdict: a.verdict, RequestID: a.header.Get("Request-Id"), Answer: shown(a.body),
	}
	if in.endpoint != nil {
		r.Route = in.endpoint.pattern
	}
	if mediaType(in.header) == "application/json" {
		r.Body = shown(in.body)
	}
	if fault != nil {
		r.Fault = fault.Name
		if fault.end != answered {
			r.Status = 0
		}
	}
	if o, err := decodeObject(a.body, false); err == nil && a.status >= 400 {
		r.Code = o.text("code")
	}
	for name, plain := range a.secrets {
		if r.Sensitive == nil {
			r.Sensitive = map[string]string{}
		}
		r.Sensitive[name] = mask(plain)
	}
	s.mu.Lock()
	s.journal.add(&r)
	s.mu.Unlock()
	if s.options.Observe != nil {
		s.options.Observe(r)
	}
}

func (j *journal) add(r *Request) {
	j.n++
	r.Number = j.n
	if len(j.last) < j.most {
		j.last = append(j.last, *r)
		return
	}
	j.last[(j.n-1)%j.most] = *r
}

// phones finds phone numbers of the mainland that stand in the open.
var phones = regexp.MustCompile(`\b(?:86)?1[3-9]\d{9}\b`)

// shown is the beginning of a body, with phone numbers masked.
func shown(b []byte) string {
	text := phones.ReplaceAllStringFunc(string(b[:min(len(b), maxShown+16)]), mask) // none is cut in two
	return strings.ToValidUTF8(text[:min(len(text), maxShown)], "")
}
