package engine

import (
	"net/http"
	"slices"
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
	AdviceZh     []string
	Fault        string
	Status       int
	Code         string
	Verdict      string
	RequestID    string
	AnswerHeader http.Header
	Answer       string
	Sensitive    map[string]string
	Events       []string

	Sent    []byte // for Options.Observe alone
	SentURI string
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
type Finding struct{ Where, Field, Issue, IssueZh string }

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

// mostSecrets is how many secrets of a request the journal lists.
const mostSecrets = 100

// note writes a request into the journal.
func (e *Engine) note(tx *Tx, fault *Fault, a *Answer) {
	r := Request{
		Time: tx.began, Took: time.Since(tx.began) + a.Delay, Method: tx.shortly(tx.Method), Host: tx.shortly(tx.Host), URI: tx.shown(tx.URI), Route: tx.Route, Tag: maskPhones(tx.Tag),
		Header: tx.headers(), BodySize: tx.size, Body: tx.body(), Signature: tx.Signature, Checks: tx.checks, Findings: tx.findings, Advice: tx.advice, AdviceZh: tx.adviceZh,
		Status: a.Status, Verdict: tx.shown(a.Verdict), RequestID: a.Header.Get("Request-Id"), AnswerHeader: a.Header.Clone(), Answer: tx.answered(a), Events: tx.events,
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
		if len(r.Sensitive) < mostSecrets {
			r.Sensitive[name] = mask(plain)
		}
	}
	e.Lock()
	e.journal.add(&r)
	e.Unlock()
	if e.options.Observe != nil {
		r.Sent, r.SentURI = tx.Sent, tx.URI
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
