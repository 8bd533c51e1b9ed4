package wxpaytest

import (
	"fmt"
	"slices"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/tpns"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/wechat"
)

// A Fault is one way in which a call goes wrong.
type Fault struct {
	Name, Doc string
	fault     engine.Fault
}

// Effect reports whether the request is carried out all the same.
func (f Fault) Effect() bool { return f.fault.Stage == engine.Answering }

// Socket reports whether the fault also happens when the server is an http.Handler on a socket.
func (f Fault) Socket() bool { return f.fault.Stage > engine.Dialing }

// Faults are what networks, proxies and a platform in trouble do to a call. [Server.Inject] knows them by
// name, and [Refusals] and [ReturnCodes] too.
var Faults = shown(slices.Concat(fault.Table(), wechat.Faults()))

// Refusals are answers by which WeChat Pay refuses, one for each code of the documents, called by the code.
func Refusals() []Fault { return shown(fault.Refusals()) }

// ReturnCodes are the failures of TPNS, called tpns-1008003 and so on.
func ReturnCodes() []Fault { return shown(tpns.Faults()) }

func shown(faults []engine.Fault) []Fault {
	return each(faults, func(f engine.Fault) Fault { return Fault{f.Name, f.Doc, f} })
}

// FaultsAt returns those of [Faults], [Refusals] and [ReturnCodes] that can happen to the calls of a route, such as
// a page offers beside the call: the refusals are those that its document names.
func (s *Server) FaultsAt(route string) []Fault {
	all := slices.Concat(Faults, Refusals(), ReturnCodes())
	return slices.DeleteFunc(all, func(f Fault) bool { return !s.engine.Fits(&f.fault, route) })
}

// Inject makes the next requests to a route fail, times times, or always if times is negative. The route
// is written as "POST /v3/…/{package_id}/tasks"; empty is any, the download of certificates included. Faults
// happen in the order in which they were injected.
func (s *Server) Inject(route, name string, times int) error {
	platform, known := s.engine.Known(route)
	if !known && route != "" {
		return s.cannot(fmt.Errorf("there is no route %q", route))
	}
	return s.cannot(s.plan.Add(name, "", route, platform, times))
}

// InjectHost is [Server.Inject] for all requests to a host, such as api.mch.weixin.qq.com.
func (s *Server) InjectHost(host, name string, times int) error {
	platform, known := s.engine.PlatformAt(host)
	if !known {
		return s.cannot(fmt.Errorf("there is no host %q", host))
	}
	return s.cannot(s.plan.Add(name, host, "", platform, times))
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
	return s.cannot(s.engine.Reply(route, status, body))
}

// Recover takes back every fault that is still to happen, and every reply of [Server.Reply].
func (s *Server) Recover() {
	s.plan.Clear()
	s.engine.Forget()
}

// Unused returns the names of the faults that were injected and have yet to happen, and the routes of the
// replies that nobody has asked for.
func (s *Server) Unused() []string {
	return slices.Concat(s.plan.Unused(), s.engine.UnusedReplies())
}
