package wxpaytest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A route is one call of the documents.
type route struct {
	pattern string // as http.ServeMux writes it
	path    string // shape of the path's variables
	query   string // shape of the query
	body    string // shape of the JSON body; of an upload, its meta
	upload  bool
	imports bool // counts for Options.ImportRate
	tpns    bool // another platform: other credentials, no signatures

	// prepare does what is costly, serve what changes the state; serve holds the lock. What serve
	// returns is the JSON of the answer, nil a 204.
	prepare func(*Server, *call) error
	serve   func(*Server, *call) (any, error) // nil: only a test knows the route; see Reply
}

// A call is a request that was found genuine and well formed.
type call struct {
	in      *incoming
	vars    object // of the path
	query   object
	body    object
	file    []byte            // of an upload
	key     *platformKey      // that Wechatpay-Serial names; nil: none
	secrets map[string]string // what was encrypted, by name of the member
	lines   []string          // plain text of a bank file
	checks  []string          // what was checked
	advice  []string          // what was found unwise
}

func (c *call) checked(what string) { c.checks = append(c.checks, what) }

func (c *call) advise(format string, a ...any) {
	c.advice = append(c.advice, fmt.Sprintf(format, a...))
}

// An endpoint is a route made ready.
type endpoint struct {
	route
	method            string
	segments          []string
	path, query, body shape
}

// endpoints are all calls.
var endpoints = sync.OnceValues(func() ([]*endpoint, error) {
	var all []*endpoint
	for _, r := range slices.Concat(certificateRoutes, securityRoutes, bankRoutes, cardRoutes, userCardRoutes, memberRoutes, activityRoutes, eduRoutes, tpnsRoutes) {
		e := newEndpoint(r)
		var errs [3]error
		e.path, errs[0] = parseShape(r.path)
		e.query, errs[1] = parseShape(r.query)
		e.body, errs[2] = parseShape(r.body)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("%s: %w", r.pattern, err)
		}
		all = append(all, e)
	}
	return all, nil
})

func newEndpoint(r route) *endpoint {
	method, path, _ := strings.Cut(r.pattern, " ")
	return &endpoint{route: r, method: method, segments: strings.Split(path, "/")}
}

// find sets the endpoint of a request and the variables of its path.
func (s *Server) find(in *incoming) {
	segments := in.segments()
	s.mu.Lock()
	own := s.own
	s.mu.Unlock()
	for _, all := range [][]*endpoint{own, s.endpoints} {
		for _, e := range all {
			if e.tpns && slices.Contains(weChatHosts, in.host) || !e.tpns && slices.Contains(tpnsHosts, in.host) {
				continue // one platform does not answer for the other; loopback is both
			}
			if vars, ok := e.match(segments); ok && e.method == in.method {
				in.endpoint, in.vars = e, vars
				return
			}
		}
	}
}

func (in *incoming) segments() []string {
	path, _, _ := strings.Cut(in.uri, "?")
	return strings.Split(path, "/")
}

func (e *endpoint) match(segments []string) (object, bool) {
	if len(segments) != len(e.segments) {
		return nil, false
	}
	vars := object{}
	for i, want := range e.segments {
		got, err := url.PathUnescape(segments[i])
		name, isVar := strings.CutPrefix(want, "{")
		switch {
		case err != nil, !isVar && got != want, isVar && got == "":
			return nil, false
		case isVar:
			vars[strings.TrimSuffix(name, "}")] = got
		}
	}
	return vars, true
}

// answer does what a request asks for, as far as the fault lets it, and signs what comes back.
func (s *Server) answer(in *incoming, fault *Fault) *answer {
	a := &answer{in: in, header: http.Header{}}
	if fault == nil || fault.stage == answering {
		s.act(in, a)
	}
	if fault != nil {
		verdict := a.verdict
		if fault.change != nil {
			fault.change(a)
		}
		a.verdict = strings.TrimPrefix(verdict+"; fault: "+fault.Name, "; ")
	}
	if !in.tpns() {
		if err := s.sign(in, a); err != nil {
			s.complain("sign: %v", err)
		}
	}
	s.note(in, fault, a)
	return a
}

// act carries a request out.
func (s *Server) act(in *incoming, a *answer) {
	c := &call{in: in, vars: in.vars, secrets: map[string]string{}}
	var body []byte
	var err error
	own := s.takeReply(in)
	if own != nil {
		_, err = s.admit(c)
	} else {
		body, err = s.serve(c)
	}
	a.checks, a.advice, a.secrets = c.checks, c.advice, c.secrets
	switch {
	case err != nil && in.tpns():
		a.tpnsError(err)
	case err != nil:
		a.refuse(err)
	case own != nil:
		own.fill(a)
	case body == nil:
		a.verdict, a.status = "ok", http.StatusNoContent
	default:
		a.verdict, a.status = "ok", http.StatusOK
		a.json(body)
	}
}

// serve checks a request and lets its route answer. It returns JSON, or nothing for a 204.
func (s *Server) serve(c *call) ([]byte, error) {
	ep := c.in.endpoint
	if ep == nil && (slices.Contains(tpnsHosts, c.in.host) || isTPNS(c.in.uri)) {
		return nil, &refusal{status: 404, code: "NOT_FOUND", message: "TPNS has no such call here"}
	}
	signed, err := s.admit(c)
	if err != nil {
		return nil, err
	}
	if ep == nil || ep.serve == nil {
		return nil, s.noRoute(c.in)
	}
	if ep.tpns {
		if err := s.checkTPNS(c); err != nil {
			return nil, err
		}
		return s.run(c)
	}
	if err := s.platformKey(c, ep); err != nil {
		return nil, err
	}
	if err := c.decode(ep, signed); err != nil {
		return nil, err
	}
	if ep.prepare != nil {
		if err := ep.prepare(s, c); err != nil {
			return nil, err
		}
	}
	return s.run(c)
}

// isTPNS reports whether a path is one of TPNS.
func isTPNS(path string) bool {
	return strings.HasPrefix(path, "/v3/push/") || strings.HasPrefix(path, "/v3/statistics/")
}

// admit checks who sent a request, and returns what the signature covers.
func (s *Server) admit(c *call) (signed []byte, err error) {
	if c.in.tpns() {
		if host := s.options.TPNSHost; host != "" && host != c.in.host {
			return nil, tpnsError(1008035, "")
		}
		if err := authenticateTPNS(c.in); err != nil {
			return nil, err
		}
		c.checked("credentials")
		return nil, nil
	}
	if signed, err = c.signedBody(); err != nil {
		return nil, err
	}
	return signed, s.authenticate(c, signed)
}

// run lets the route answer, and encodes what it answers while nobody changes it.
func (s *Server) run(c *call) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.options.ImportRate; c.in.endpoint.imports && n > 0 && !s.within(c.in.endpoint.pattern, n, time.Second) {
		return nil, tooFast("more than %d member imports within a second", n)
	}
	value, err := c.in.endpoint.serve(s, c)
	if err != nil || value == nil {
		return nil, err
	}
	return encode(value)
}

func (s *Server) noRoute(in *incoming) error {
	for _, e := range s.endpoints {
		if _, ok := e.match(in.segments()); ok {
			return &refusal{status: http.StatusMethodNotAllowed, code: "INVALID_REQUEST", message: "the method is not " + e.method}
		}
	}
	return &refusal{status: http.StatusNotFound, code: "NOT_FOUND", message: "there is no such call"}
}

// within counts one more event of a kind, and reports whether there were no more than n within span.
// What is too much does not count. The caller holds the lock.
func (s *Server) within(kind string, n int, span time.Duration) bool {
	if s.rates == nil {
		s.rates = map[string][]time.Time{}
	}
	now := s.now()
	recent := slices.DeleteFunc(s.rates[kind], func(t time.Time) bool { return now.Sub(t) >= span })
	ok := len(recent) < n
	if ok {
		recent = append(recent, now)
	}
	s.rates[kind] = recent
	return ok
}

// platformKey finds the key that the request names. A request that encrypts nothing need not name one, and
// the download of certificates, by those who know none yet, may name anything.
func (s *Server) platformKey(c *call, ep *endpoint) error {
	serial, list := c.in.header.Get("Wechatpay-Serial"), ep.pattern == listCertificatesRoute
	s.mu.Lock()
	c.key = s.findKey(serial)
	s.mu.Unlock()
	switch {
	case c.key != nil:
		c.checked("Wechatpay-Serial")
	case serial == "" && s.public != nil && !list:
		c.advise("Wechatpay-Serial is missing; WeChat Pay counts a call for the switch to its public key only if the call names that key")
	case serial == "":
	case list:
		c.advise("Wechatpay-Serial names no key of the platform; leave it out until one is known")
	case s.public == nil && strings.HasPrefix(serial, "PUB_KEY_ID_"):
		c.advise("Wechatpay-Serial names a public key, and none is switched on for this merchant; it is not looked at")
	default:
		return badHeader("Wechatpay-Serial", "names no key of the platform")
	}
	return nil
}

// errNoSerial refuses what is encrypted for nobody knows which key.
var errNoSerial = badHeader("Wechatpay-Serial", "is missing or names no key; a request that encrypts anything has to name the platform key it encrypts with")

// decode checks headers, path, query and body by the documents.
func (c *call) decode(ep *endpoint, body []byte) error {
	if accept := strings.Join(c.in.header.Values("Accept"), ","); !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		return badHeader("Accept", "does not take application/json")
	}
	k := &check{key: c.key, strict: true, secrets: c.secrets}
	if ep.path != nil {
		if err := k.object(c.vars, ep.path, ""); err != nil {
			return bad("path", err)
		}
	}
	_, raw, _ := strings.Cut(c.in.uri, "?")
	values, err := url.ParseQuery(raw)
	if err != nil {
		return bad("query", &violation{issue: "is not a query"})
	}
	if c.query, err = queryObject(values, ep.query); err == nil {
		err = k.object(c.query, ep.query, "")
	}
	if err != nil {
		return bad("query", err)
	}
	c.checked("query")
	switch {
	case ep.body != nil:
	case len(c.in.body) == 0:
		return nil
	case c.in.method != http.MethodGet && string(c.in.body) == "{}": // as clients write that always send JSON
		c.advise("the body {} is not needed; the documents have none here")
		return nil
	default:
		return bad("body", &violation{issue: "must be empty"})
	}
	if !ep.upload && mediaType(c.in.header) != "application/json" {
		return badHeader("Content-Type", "is not application/json")
	}
	if c.body, err = decodeObject(body, true); err == nil {
		err = k.object(c.body, ep.body, "")
	}
	if err != nil {
		return bad("body", err)
	}
	c.checked("body")
	return nil
}

// requestID makes a Request-ID; its last digits are the internal code.
func (s *Server) requestID(reason int) string {
	return fmt.Sprintf("WXPAYTEST%012d-%d", s.number(), reason)
}

// complain reports what must not happen.
func (s *Server) complain(format string, a ...any) {
	if s.t != nil {
		s.t.Errorf("wxpaytest: "+format, a...)
	}
}
