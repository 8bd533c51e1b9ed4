package wxpaytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// A reply is an answer that a test gives.
type reply struct {
	endpoint *endpoint
	status   int
	body     []byte
	used     bool
}

// Reply answers the requests to a route with status and body in place of what the server would do, signed
// like any answer. Text and bytes are the body as they stand, nil is none, and everything else becomes
// JSON.
//
// Replies to one route come in the order in which they were given, and the last one goes on until
// [Server.Recover]. What a request asks for is not carried out; who sent it is checked, what is in it is
// not. The route may be one that the server does not know. [Faults] happen to replies too. A test fails if
// one of its replies was never asked for.
func (s *Server) Reply(route string, status int, body any) error {
	method, path, _ := strings.Cut(route, " ")
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	case []byte:
		text = b
	case json.RawMessage:
		text = b
	default:
		var err error
		if text, err = encode(b); err != nil {
			return s.cannot("the reply to %s: %v", route, err)
		}
	}
	switch {
	case method == "" || !strings.HasPrefix(path, "/") || strings.Contains(path, "?"):
		return s.cannot("%q is no route, such as GET /v3/certificates", route)
	case status < 200 || status > 599:
		return s.cannot("the reply to %s cannot have status %d", route, status)
	case status == http.StatusNoContent && len(text) > 0:
		return s.cannot("the reply to %s cannot have a body, since its status is 204", route)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &reply{endpoint: s.endpointOf(route), status: status, body: slices.Clone(text)}
	if r.endpoint == nil {
		r.endpoint = newEndpoint(unlisted(route))
		s.own = slices.Concat(s.own, []*endpoint{r.endpoint}) // find may be reading the old one
	}
	s.replies = append(s.replies, r)
	return nil
}

// unlisted is a route that only a test knows.
func unlisted(pattern string) route {
	_, path, _ := strings.Cut(pattern, " ")
	return route{pattern: pattern, tpns: isTPNS(path)}
}

// endpointOf returns the endpoint of a route, whatever its variables are called, or nil. The caller holds
// the lock.
func (s *Server) endpointOf(pattern string) *endpoint {
	isVar := func(segment string) bool { return strings.HasPrefix(segment, "{") }
	wanted := newEndpoint(route{pattern: pattern})
	for _, e := range slices.Concat(s.own, s.endpoints) {
		if e.method == wanted.method && slices.EqualFunc(e.segments, wanted.segments, func(a, b string) bool { return a == b || isVar(a) && isVar(b) }) {
			return e
		}
	}
	return nil
}

// takeReply returns the reply that a request is to get, or nil.
func (s *Server) takeReply(in *incoming) *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last *reply
	for _, r := range s.replies {
		if in.endpoint == nil || r.endpoint != in.endpoint {
			continue
		}
		if last = r; !r.used {
			break
		}
	}
	if last != nil {
		last.used = true
	}
	return last
}

// fill makes the reply the answer.
func (r *reply) fill(a *answer) {
	a.status, a.verdict = r.status, "reply of the test"
	if r.status >= 400 {
		a.reason = reasonUnknown
	}
	if len(r.body) > 0 {
		a.json(r.body)
	}
}
