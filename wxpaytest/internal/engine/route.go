package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/schema"
)

// An endpoint is a route made ready to be found.
type endpoint struct {
	route    string
	method   string
	segments []string
	op       *api.Operation // nil: only a test knows it
	platform Platform
}

func newEndpoint(route string, op *api.Operation, p Platform) *endpoint {
	method, path, _ := strings.Cut(route, " ")
	return &endpoint{route: route, method: method, segments: strings.Split(path, "/"), op: op, platform: p}
}

func isVar(segment string) bool { return strings.HasPrefix(segment, "{") }

// match returns the variables of a path, if it is one of the endpoint's.
func (e *endpoint) match(segments []string) (Object, bool) {
	if len(segments) != len(e.segments) {
		return nil, false
	}
	vars := Object{}
	for i, want := range e.segments {
		got, err := url.PathUnescape(segments[i])
		switch {
		case err != nil, !utf8.ValidString(got), !isVar(want) && got != want, isVar(want) && got == "":
			return nil, false
		case isVar(want):
			vars[strings.Trim(want, "{}")] = got
		}
	}
	return vars, true
}

// same reports whether two routes are one, whatever their variables are called.
func (e *endpoint) same(other *endpoint) bool {
	return e.method == other.method && slices.EqualFunc(e.segments, other.segments, func(a, b string) bool { return a == b || isVar(a) && isVar(b) })
}

// A table finds endpoints: by the number of segments, and then in order, those with the fewest variables first.
type table map[int][]*endpoint

func (t table) add(e *endpoint) {
	vars := func(e *endpoint) int { return strings.Count(e.route, "{") }
	all := append(slices.Clone(t[len(e.segments)]), e)
	slices.SortStableFunc(all, func(a, b *endpoint) int { return vars(a) - vars(b) })
	t[len(e.segments)] = all
}

func (t table) find(f func(*endpoint) bool, segments int) *endpoint {
	if i := slices.IndexFunc(t[segments], f); i >= 0 {
		return t[segments][i]
	}
	return nil
}

func (tx *Tx) segments() []string {
	path, _, _ := strings.Cut(tx.URI, "?")
	return strings.Split(path, "/")
}

// find says what a request asks for and whom: those of the test first.
func (e *Engine) find(tx *Tx) {
	segments := tx.segments()
	fits := func(ep *endpoint) (ok bool) {
		if ep.method != tx.Method || !e.answersAt(ep.platform, tx.Host) {
			return false
		}
		tx.Vars, ok = ep.match(segments)
		return ok
	}
	e.Lock()
	own := e.own
	e.Unlock()
	for _, t := range []table{own, e.endpoints} {
		if ep := t.find(fits, len(segments)); ep != nil {
			tx.Route, tx.Op, tx.Platform = ep.route, ep.op, ep.platform
			return
		}
	}
	tx.Platform = e.platformOf(tx.Host, tx.URI)
}

// answersAt reports whether a platform answers at a host: no other does at its own ones, and at loopback all do.
func (e *Engine) answersAt(p Platform, host string) bool {
	return slices.Contains(p.Hosts(), host) || !e.isOfAPlatform(host)
}

func (e *Engine) isOfAPlatform(host string) bool {
	return slices.ContainsFunc(e.options.Platforms, func(p Platform) bool { return slices.Contains(p.Hosts(), host) })
}

// platformOf returns the platform that answers for a route that no document knows.
func (e *Engine) platformOf(host, path string) Platform {
	for _, p := range e.options.Platforms {
		if e.answersAt(p, host) && (p.Owns(path) || slices.Contains(p.Hosts(), host)) {
			return p
		}
	}
	return e.options.Platforms[len(e.options.Platforms)-1]
}

// Known reports whether there is such a route, as it is written here, and of which platform it is.
func (e *Engine) Known(route string) (platform string, ok bool) {
	e.Lock()
	defer e.Unlock()
	ep := e.endpoint(route)
	if ep == nil || ep.route != route {
		return "", false
	}
	return ep.platform.Name(), true
}

// Routes are those of the documents.
func (e *Engine) Routes() (routes []string) {
	for _, p := range e.options.Catalog.Products {
		for _, op := range p.Operations {
			routes = append(routes, op.Route)
			if op.BrandRoute != "" {
				routes = append(routes, op.BrandRoute)
			}
		}
	}
	return routes
}

// Hosts are those of the platforms.
func (e *Engine) Hosts() (hosts []string) {
	for _, p := range e.options.Platforms {
		hosts = append(hosts, p.Hosts()...)
	}
	return hosts
}

// Fits reports whether a fault can happen to the calls of a route: it is of their platform, and if it is a refusal
// of some documents, theirs is one of them.
func (e *Engine) Fits(f *Fault, route string) bool {
	e.Lock()
	defer e.Unlock()
	ep := e.endpoint(route)
	if ep == nil || f.Platform != "" && f.Platform != ep.platform.Name() {
		return false
	}
	return !f.Documented || ep.op == nil || slices.ContainsFunc(ep.op.Errors, func(r api.Refusal) bool { return r.Code == f.Name })
}

// PlatformAt is the platform that a host belongs to; ok says whether the host exists at all.
func (e *Engine) PlatformAt(host string) (platform string, ok bool) {
	for _, p := range e.options.Platforms {
		if slices.Contains(p.Hosts(), host) {
			return p.Name(), true
		}
	}
	return "", schema.IsLoopback(host)
}

// endpoint returns the endpoint of a route, or nil. The caller holds the lock.
func (e *Engine) endpoint(route string) *endpoint {
	wanted := newEndpoint(route, nil, nil)
	for _, t := range []table{e.own, e.endpoints} {
		if ep := t.find(wanted.same, len(wanted.segments)); ep != nil {
			return ep
		}
	}
	return nil
}

func (e *Engine) noRoute(tx *Tx) error {
	segments := tx.segments()
	other := e.endpoints.find(func(ep *endpoint) bool { _, ok := ep.match(segments); return ok }, len(segments))
	if other != nil && e.answersAt(other.platform, tx.Host) {
		return &Refusal{Status: http.StatusMethodNotAllowed, Code: "INVALID_REQUEST", Message: "the method is not " + other.method}
	}
	return &Refusal{Status: http.StatusNotFound, Code: "NOT_FOUND", Message: "there is no such call"}
}

// A reply is an answer that a test gives.
type reply struct {
	endpoint *endpoint
	status   int
	body     []byte
	used     bool
}

// bodyOf is a body as a test gives it: text and bytes as they stand, nothing, or a value to be JSON.
func bodyOf(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(b), nil
	case []byte:
		return slices.Clone(b), nil
	case json.RawMessage:
		return slices.Clone(b), nil
	}
	return schema.Encode(body)
}

// Reply answers a route with status and body instead of what the platform would do.
func (e *Engine) Reply(route string, status int, given any) error {
	method, path, _ := strings.Cut(route, " ")
	body, err := bodyOf(given)
	switch {
	case err != nil:
		return fmt.Errorf("the reply to %s: %w", route, err)
	case method == "" || !strings.HasPrefix(path, "/") || strings.Contains(path, "?"):
		return fmt.Errorf("%q is no route, such as GET /v3/certificates", route)
	case status < 200 || status > 599:
		return fmt.Errorf("the reply to %s cannot have status %d", route, status)
	case status == http.StatusNoContent && len(body) > 0:
		return fmt.Errorf("the reply to %s cannot have a body, since its status is 204", route)
	}
	e.Lock()
	defer e.Unlock()
	r := &reply{endpoint: e.endpoint(route), status: status, body: body}
	if r.endpoint == nil {
		r.endpoint = newEndpoint(route, nil, e.platformOf("", path))
		own := maps.Clone(e.own) // find may be reading the old one
		own.add(r.endpoint)
		e.own = own
	}
	e.replies = append(e.replies, r)
	return nil
}

// Forget takes back every reply.
func (e *Engine) Forget() {
	e.Lock()
	defer e.Unlock()
	e.replies, e.own = nil, table{}
}

// UnusedReplies are the routes of the replies that nobody has asked for.
func (e *Engine) UnusedReplies() (routes []string) {
	e.Lock()
	defer e.Unlock()
	for _, r := range e.replies {
		if !r.used {
			routes = append(routes, r.endpoint.route)
		}
	}
	return routes
}

// takeReply returns the reply that a request is to get, or nil.
func (e *Engine) takeReply(tx *Tx) *reply {
	e.Lock()
	defer e.Unlock()
	var last *reply
	for _, r := range e.replies {
		if r.endpoint.route != tx.Route {
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
func (r *reply) fill(a *Answer) {
	a.Status, a.Verdict = r.status, "reply of the test"
	if r.status >= http.StatusBadRequest {
		a.Reason = ReasonUnknown
	}
	if len(r.body) > 0 {
		a.JSON(r.body)
	}
}
