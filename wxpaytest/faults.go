package wxpaytest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A Fault is one way in which a call goes wrong.
type Fault struct {
	Name string
	Doc  string

	stage  stage
	end    end
	change func(*answer)
	where  platform
}

// A platform is where a fault can happen.
type platform int

const (
	anywhere platform = iota
	weChat            // concerns signatures and codes that TPNS does not know
	tpnsOnly
)

// Effect reports whether the request is carried out all the same.
func (f Fault) Effect() bool { return f.stage == answering }

// Socket reports whether the fault also happens when the server is an http.Handler on a socket.
func (f Fault) Socket() bool { return f.stage > dialing }

// A stage is where in its life a request meets the fault.
type stage int

const (
	dialing   stage = iota // there is no connection
	sending                // the request is not read
	acting                 // it is read and not carried out
	answering              // it is carried out
)

// An end is how the exchange ends.
type end int

const (
	answered  end = iota // with an answer
	reset                // the connection breaks
	torn                 // it breaks in the middle of the request
	closed               // the connection closes before an answer
	hanging              // nothing comes until the caller gives up
	refused              // nobody listens
	unknown              // the name of the host is not found
	blackhole            // packets vanish
)

// Faults are what networks, proxies and a platform in trouble do to a call. [Server.Inject] knows them by
// name, and [Refusals] and [ReturnCodes] too.
var Faults = []Fault{
	{Name: "dial-refused", Doc: "the host refuses the connection", stage: dialing, end: refused},
	{Name: "dial-black-hole", Doc: "the host does not answer to a connection; dialing gives up after 3 s", stage: dialing, end: blackhole},
	{Name: "dns", Doc: "the name of the host is not found", stage: dialing, end: unknown},

	{Name: "reset-before-read", Doc: "the connection breaks before the request was read", stage: sending, end: reset},
	{Name: "reset-while-read", Doc: "the connection breaks when half of the body was read", stage: sending, end: torn},
	{Name: "keep-alive-closed", Doc: "the kept connection was closed by the platform just when the request was sent", stage: sending, end: closed},

	{Name: "reset-after-read", Doc: "the request was read, then the connection breaks; nothing was done", stage: acting, end: reset},
	{Name: "hang", Doc: "the request was read, nothing was done and no answer comes until the caller gives up", stage: acting, end: hanging},
	{Name: "429", Doc: "429 FREQUENCY_LIMITED", stage: acting, change: refusing(&refusal{status: 429, code: "FREQUENCY_LIMITED", message: "频率过高", reason: reasonRate})},
	{Name: "429-retry-after", Doc: "429 RATELIMIT_EXCEEDED with Retry-After: 2", stage: acting, change: retryAfter},
	{Name: "500", Doc: "500 SYSTEM_ERROR; nothing was done", stage: acting, change: refusing(&refusal{status: 500, code: "SYSTEM_ERROR", message: "系统错误"})},
	{Name: "502-html", Doc: "502 with the HTML page of a proxy, unsigned", stage: acting, change: badGateway},
	{Name: "503", Doc: "503 SERVICE_UNAVAILABLE; nothing was done", stage: acting, change: refusing(&refusal{status: 503, code: "SERVICE_UNAVAILABLE", message: "服务不可用"})},
	{Name: "202", Doc: "202: accepted, not processed; repeat with the same parameters", stage: acting, change: accepted},
	{Name: "refusal-unsigned", Doc: "403 NO_AUTH without a signature", stage: acting, change: sealed(refusing(&refusal{status: 403, code: "NO_AUTH", message: "没有权限"}), seals{none: true}), where: weChat},
	{Name: "refusal-forged", Doc: "403 NO_AUTH signed by a stranger", stage: acting, change: sealed(refusing(&refusal{status: 403, code: "NO_AUTH", message: "没有权限"}), seals{forged: true}), where: weChat},
	{Name: "redirect", Doc: "307 to another host, unsigned", stage: acting, change: redirect},

	{Name: "reset-after-effect", Doc: "the request took effect, then the connection breaks: the answer is lost", stage: answering, end: reset},
	{Name: "hang-after-effect", Doc: "the request took effect and no answer comes until the caller gives up", stage: answering, end: hanging},
	{Name: "500-after-effect", Doc: "500 SYSTEM_ERROR although the request took effect", stage: answering, change: refusing(&refusal{status: 500, code: "SYSTEM_ERROR", message: "系统错误"})},
	{Name: "slow-body", Doc: "the body of the answer takes about 5 s; an answer without one half a second", stage: answering, change: func(a *answer) { a.pace = 500 * time.Millisecond }},
	{Name: "truncated-body", Doc: "the answer ends half way", stage: answering, change: truncate},
	{Name: "unsigned", Doc: "the answer has no signature", stage: answering, change: sealed(nil, seals{none: true}), where: weChat},
	{Name: "forged", Doc: "the answer is signed by a stranger in the name of the platform's key", stage: answering, change: sealed(nil, seals{forged: true}), where: weChat},
	{Name: "tampered", Doc: "the body of the answer was changed after it was signed", stage: answering, change: sealed(nil, seals{tampered: true}), where: weChat},
	{Name: "stale", Doc: "the answer was signed ten minutes ago", stage: answering, change: sealed(nil, seals{stale: true}), where: weChat},
	{Name: "unknown-serial", Doc: "the answer names a key that nobody knows", stage: answering, change: sealed(nil, seals{serial: unknownSerial}), where: weChat},
	{Name: "wrong-signature-type", Doc: "the answer names a signature type of another product line", stage: answering, change: sealed(nil, seals{kind: "WECHATPAY-BRAND-SHA256-RSA2048"}), where: weChat},
	{Name: "signtest", Doc: "a signature probe: the answer's signature starts with WECHATPAY/SIGNTEST/", stage: answering, change: sealed(nil, seals{probe: true}), where: weChat},
	{Name: "wrong-content-type", Doc: "the answer is genuine and calls itself text/plain", stage: answering, change: func(a *answer) { a.header.Set("Content-Type", "text/plain") }},
	{Name: "gzip-bomb", Doc: "64 MiB of blanks, compressed to about 64 KiB although that was not asked for", stage: answering, change: bomb},
	{Name: "huge-body", Doc: "a body of 512 MiB with its length announced", stage: answering, change: huge(hugeSize)},
	{Name: "endless-body", Doc: "a body of 512 MiB, length not announced", stage: answering, change: huge(-1)},
}

// Refusals are answers by which WeChat Pay refuses, one for each code of the documents, called by the code.
var Refusals = refusals()

// ReturnCodes are the failures of TPNS, called tpns-1008003 and so on.
var ReturnCodes = tpnsCodes()

func refusals() []Fault {
	var faults []Fault
	for _, r := range []refusal{
		{status: 400, code: "PARAM_ERROR", message: "参数错误", detail: object{"field": "/wxpaytest", "issue": "injected", "location": "body"}},
		{status: 400, code: "INVALID_REQUEST", message: "请求不合法"},
		{status: 400, code: "ALREADY_EXISTS", message: "资源已存在"},
		{status: 401, code: "SIGN_ERROR", message: "签名错误", reason: reasonSign},
		{status: 403, code: "NO_AUTH", message: "没有权限"},
		{status: 403, code: "NOT_ENOUGH", message: "余额不足"},
		{status: 404, code: "NOT_FOUND", message: "资源不存在"},
		{status: 404, code: "RESOURCE_NOT_EXISTS", message: "资源不存在"},
		{status: 429, code: "RATELIMIT_EXCEEDED", message: "频率超限", reason: reasonRate},
		{status: 429, code: "FREQUENCY_LIMITED", message: "频率过高", reason: reasonRate},
		{status: 429, code: "FREQUENCY_LIMIT_EXCEED", message: "频率过高", reason: reasonRate},
		{status: 500, code: "SYSTEM_ERROR", message: "系统错误"},
		{status: 503, code: "SERVICE_UNAVAILABLE", message: "服务不可用"},
	} {
		faults = append(faults, Fault{Name: r.code, Doc: fmt.Sprintf("%d %s; nothing was done", r.status, r.code), stage: acting, change: refusing(&r), where: weChat})
	}
	return faults
}

func tpnsCodes() []Fault {
	var faults []Fault
	for _, code := range slices.Sorted(maps.Keys(returnCodes)) {
		faults = append(faults, Fault{
			Name: fmt.Sprintf("tpns-%d", code), Doc: fmt.Sprintf("return code %d of TPNS, %s; nothing was done", code, returnCodes[code]),
			stage: acting, change: func(a *answer) { a.tpnsError(tpnsError(code, "")) }, where: tpnsOnly,
		})
	}
	return faults
}

const (
	unknownSerial = "7777777777777777777777777777777777777777"
	hugeSize      = 512 << 20
)

func refusing(r *refusal) func(*answer) {
	return func(a *answer) { a.refuse(r) }
}

func retryAfter(a *answer) {
	refusing(&refusal{status: 429, code: "RATELIMIT_EXCEEDED", message: "频率超限", reason: reasonRate})(a)
	a.header.Set("Retry-After", "2")
}

func badGateway(a *answer) {
	a.status, a.seal.none = http.StatusBadGateway, true
	a.body = []byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>")
	a.header.Set("Content-Type", "text/html")
}

func accepted(a *answer) {
	a.status = http.StatusAccepted
	a.json([]byte("{}"))
}

func redirect(a *answer) {
	a.status, a.seal.none = http.StatusTemporaryRedirect, true
	a.header.Set("Location", "https://elsewhere.invalid/v3/")
}

func truncate(a *answer) {
	if len(a.body) == 0 { // a 204 has nothing to cut: announce a body that never comes
		a.status, a.body = http.StatusOK, []byte("{}")
	}
	a.cut = true
}

// sealed changes how an answer is signed.
func sealed(change func(*answer), how seals) func(*answer) {
	return func(a *answer) {
		if change != nil {
			change(a)
		}
		a.seal = how
	}
}

func bomb(a *answer) {
	a.status, a.body, a.seal.none = http.StatusOK, packed(), true
	a.header.Set("Content-Encoding", "gzip")
	a.header.Set("Content-Type", "application/json")
}

var packed = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.CopyN(w, blanks{}, 64<<20)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil
	}
	return b.Bytes()
})

func huge(announced int64) func(*answer) {
	return func(a *answer) {
		a.status, a.seal.none = http.StatusOK, true
		a.size, a.stream = announced, func() io.Reader { return io.LimitReader(blanks{}, hugeSize) }
		a.header.Set("Content-Type", "application/json")
	}
}

// blanks is as many blanks as one wants; JSON may start with them.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// fail is how a transport reports the end.
func (e end) fail(ctx context.Context, host string) error {
	op := &net.OpError{Op: "read", Net: "tcp", Addr: address(host)}
	switch e {
	case reset:
		op.Err = os.NewSyscallError("read", syscall.ECONNRESET)
		return op
	case torn:
		op.Op, op.Err = "write", os.NewSyscallError("write", syscall.ECONNRESET)
		return op
	case hanging:
		<-ctx.Done()
		return context.Cause(ctx)
	case refused:
		op.Op, op.Err = "dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)
		return op
	case unknown:
		return noSuchHost(host)
	case blackhole:
		op.Op, op.Err = "dial", os.ErrDeadlineExceeded
		if err := wait(ctx, 3*time.Second); err != nil {
			op.Err = err
		}
		return op
	}
	return io.EOF
}

func noSuchHost(host string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
}

// address is a host as net.Addr.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) + ":443" }

// hangUp is how a server brings the end about. Without a connection of its own (HTTP/2, a recorder) it
// aborts the handler.
func (e end) hangUp(w http.ResponseWriter, r *http.Request) {
	switch e {
	case hanging:
		<-r.Context().Done()
	case torn:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	case closed: // bytes that nobody read would turn the end into a reset
		_, _ = io.Copy(io.Discard, r.Body)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && (e == reset || e == torn) {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// planned is a fault that will happen.
type planned struct {
	fault       *Fault
	host, route string // empty: any
	left        int    // negative: without end
	happened    bool
}

// Inject makes the next requests to a route fail, times times, or always if times is negative. The route
// is written as "POST /v3/…/{package_id}/tasks"; empty is any, the download of certificates included. Faults
// happen in the order in which they were injected.
func (s *Server) Inject(route, name string, times int) error {
	s.mu.Lock()
	known := slices.ContainsFunc(slices.Concat(s.own, s.endpoints), func(e *endpoint) bool { return e.pattern == route })
	s.mu.Unlock()
	if !known && route != "" {
		return s.cannot("there is no route %q", route)
	}
	return s.plan(&planned{route: route, left: times}, name)
}

// InjectHost is [Server.Inject] for all requests to a host, such as api.mch.weixin.qq.com.
func (s *Server) InjectHost(host, name string, times int) error {
	return s.plan(&planned{host: host, left: times}, name)
}

func (s *Server) plan(p *planned, name string) error {
	all := slices.Concat(Faults, Refusals, ReturnCodes)
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return s.cannot("there is no fault %q", name)
	}
	p.fault = &all[i]
	onTPNS := slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return e.pattern == p.route && e.tpns }) || slices.Contains(tpnsHosts, p.host)
	onWeChat := slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return e.pattern == p.route && !e.tpns }) || slices.Contains(weChatHosts, p.host)
	switch {
	case p.left == 0:
		return s.cannot("fault %q is to happen 0 times", name)
	case p.host != "" && !knownHost(p.host):
		return s.cannot("there is no host %q", p.host)
	case p.fault.where == weChat && onTPNS, p.fault.where == tpnsOnly && onWeChat:
		return s.cannot("fault %q cannot happen there", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, p)
	return nil
}

func (s *Server) cannot(format string, a ...any) error {
	s.complain(format, a...)
	return fmt.Errorf("wxpaytest: "+format, a...)
}

// Recover takes back every fault that is still to happen, and every reply of [Server.Reply].
func (s *Server) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.replies, s.own = nil, nil, nil
}

// Unused returns the names of the faults that were injected and have yet to happen, and the routes of the
// replies that nobody has asked for.
func (s *Server) Unused() []string { return slices.Concat(s.unusedFaults(), s.unusedReplies()) }

func (s *Server) unusedFaults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, p := range s.faults {
		if p.left > 0 || !p.happened {
			names = append(names, p.fault.Name)
		}
	}
	return names
}

func (s *Server) unusedReplies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var routes []string
	for _, r := range s.replies {
		if !r.used {
			routes = append(routes, r.endpoint.pattern)
		}
	}
	return routes
}

// takeFault returns the fault that a request meets, or nil.
func (s *Server) takeFault(in *incoming, onSocket bool) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.faults {
		if p.left == 0 || onSocket && !p.fault.Socket() || p.host != "" && p.host != in.host || p.fault.where == weChat && in.tpns() || p.fault.where == tpnsOnly && !in.tpns() ||
			p.route != "" && (in.endpoint == nil || p.route != in.endpoint.pattern) {
			continue
		}
		p.left--
		p.happened = true
		return p.fault
	}
	return nil
}
