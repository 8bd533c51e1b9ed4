package wxpaytest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A route is one call of the documents.
type route struct {
	pattern string // as http.ServeMux writes it
	path    string // shape of the path's variables
	query   string // shape of the query
	body    string // shape of the JSON body; of an upload, its meta
	upload  bool
	tpns    bool // another platform: other credentials, no signatures

	// prepare does what is costly, serve what changes the state; serve holds the lock. What serve
	// returns is the JSON of the answer, nil a 204.
	prepare func(*Server, *call) error
	serve   func(*Server, *call) (any, error)
}

// A call is a request that was found genuine and well formed.
type call struct {
	in      *incoming
	vars    object // of the path
	query   object
	body    object
	file    []byte            // of an upload
	key     *platformKey      // that Wechatpay-Serial names
	secrets map[string]string // what was encrypted, by name of the member
	lines   []string          // plain text of a bank file
	checks  []string          // what was checked
}

func (c *call) checked(what string) { c.checks = append(c.checks, what) }

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
		e := &endpoint{route: r}
		method, path, _ := strings.Cut(r.pattern, " ")
		e.method, e.segments = method, strings.Split(path, "/")
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

// find sets the endpoint of a request and the variables of its path.
func (s *Server) find(in *incoming) {
	segments := in.segments()
	for _, e := range s.endpoints {
		if e.tpns && slices.Contains(weChatHosts, in.host) || !e.tpns && slices.Contains(tpnsHosts, in.host) {
			continue // one platform does not answer for the other; loopback is both
		}
		if vars, ok := e.match(segments); ok && e.method == in.method {
			in.endpoint, in.vars = e, vars
			return
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
	body, err := s.serve(c)
	a.checks, a.secrets = c.checks, c.secrets
	switch {
	case err != nil && in.tpns():
		a.tpnsError(err)
	case err != nil:
		a.refuse(err)
	case body == nil:
		a.verdict, a.status = "ok", http.StatusNoContent
	default:
		a.verdict, a.status = "ok", http.StatusOK
		a.json(body)
	}
}

// serve checks a request and lets its route answer. It returns JSON, or nothing for a 204.
func (s *Server) serve(c *call) ([]byte, error) {
	if c.in.tpns() {
		if err := s.checkTPNS(c); err != nil {
			return nil, err
		}
		return s.run(c)
	}
	ep := c.in.endpoint
	path := c.in.uri
	if ep == nil && (slices.Contains(tpnsHosts, c.in.host) || strings.HasPrefix(path, "/v3/push/") || strings.HasPrefix(path, "/v3/statistics/")) {
		return nil, &refusal{status: 404, code: "NOT_FOUND", message: "TPNS has no such call here"}
	}
	signed, err := c.signedBody()
	if err != nil {
		return nil, err
	}
	if err := s.authenticate(c, signed); err != nil {
		return nil, err
	}
	if ep == nil {
		return nil, s.noRoute(c.in)
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

// run lets the route answer, and encodes what it answers while nobody changes it.
func (s *Server) run(c *call) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// platformKey finds the key that the request names: every request names one, but for the download of
// certificates by those who know none yet.
func (s *Server) platformKey(c *call, ep *endpoint) error {
	serial := c.in.header.Get("Wechatpay-Serial")
	if serial == "" && ep.pattern == listCertificatesRoute {
		return nil
	}
	s.mu.Lock()
	c.key = s.findKey(serial)
	s.mu.Unlock()
	switch {
	case serial == "":
		return badHeader("Wechatpay-Serial", "is missing; every request has to name the platform key")
	case c.key == nil:
		return badHeader("Wechatpay-Serial", "names no key of the platform")
	}
	c.checked("Wechatpay-Serial")
	return nil
}

// decode checks headers, path, query and body by the documents.
func (c *call) decode(ep *endpoint, body []byte) error {
	if accept := c.in.header.Get("Accept"); !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
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
	if ep.body == nil {
		if len(c.in.body) > 0 {
			return bad("body", &violation{issue: "must be empty"})
		}
		return nil
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
