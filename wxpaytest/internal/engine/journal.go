package engine

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// A Request is one request as the engine saw it, and what it was answered.
type Request struct {
	Number       int
	Time         time.Time
	Took         time.Duration
	Method       string
	Host         string
	URI          string
	Route        string
	Tag          string
	Header       http.Header
	BodySize     int
	Body         string
	Signature    *Signature
	Checks       []string
	Findings     []Finding
	Advice       []string
	Fault        string
	Status       int
	Code         string
	Verdict      string
	RequestID    string
	AnswerHeader http.Header
	Answer       string
	Sensitive    map[string]string
	Events       []string

	Sent []byte // for Options.Observe alone
}

// A Signature is what was found out about the signature of a request.
type Signature struct {
	OK                               bool
	Caller, Serial, Timestamp, Nonce string
	Expected                         string
	Signed                           string
	Reason, ReasonZh                 string
}

// A Finding is one thing that is wrong with a request.
type Finding struct{ Where, Field, Issue string }

const maxShown = 2048

type journal struct {
	most, n int
	last    []Request // a ring once it is full
}

// Requests returns the requests so far, oldest first.
func (e *Engine) Requests() []Request {
	e.Lock()
	defer e.Unlock()
	j := &e.journal
	if len(j.last) < j.most {
		return slices.Clone(j.last)
	}
	at := j.n % j.most
	return slices.Concat(j.last[at:], j.last[:at])
}

// note writes a request into the journal.
func (e *Engine) note(tx *Tx, fault *Fault, a *Answer) {
	r := Request{
		Time: time.Now(), Method: tx.Method, Host: tx.Host, URI: tx.URI, Route: tx.Route, BodySize: len(tx.Sent),
		Checks: tx.checks, Advice: tx.advice, Status: a.Status, Verdict: a.Verdict, RequestID: a.Header.Get("Request-Id"), Answer: shown(a.Body),
		Events: tx.events,
	}
	if MediaType(tx.Header) == "application/json" {
		r.Body = shown(tx.Sent)
	}
	if fault != nil {
		r.Fault = fault.Name
		if fault.End != Answered {
			r.Status = 0
		}
	}
	if o, err := (schema.Reader{}).Object(a.Body); err == nil && a.Status >= 400 {
		r.Code = o.Text("code")
	}
	for name, plain := range tx.Secrets {
		if r.Sensitive == nil {
			r.Sensitive = map[string]string{}
		}
		r.Sensitive[name] = mask(plain)
	}
	e.Lock()
	e.journal.add(&r)
	e.Unlock()
	if e.options.Observe != nil {
		e.options.Observe(r)
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

// mask shortens a sensitive value to what may be shown: 138****0000. Of a short one that would leave nothing
// to hide.
func mask(plain string) string {
	if len(plain) < 11 {
		return strings.Repeat("*", len(plain))
	}
	return plain[:3] + "****" + plain[len(plain)-4:]
}
