package wxpaytest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/tpns"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/platform/wechat"
)

// A Fault is one way in which a call goes wrong.
type Fault struct {
	Name    string
	Doc, Zh string // what happens, in English and Chinese
	Example string // its name with a value, such as slow=6s; empty: it takes none
	fault   engine.Fault
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
	return each(faults, func(f engine.Fault) Fault { return Fault{f.Name, f.Doc, f.Zh, f.Example, f} })
}

// FaultsAt returns those of [Faults], [Refusals] and [ReturnCodes] that can happen to the calls of a route, such as
// a page offers beside the call: the refusals are those that its document names.
func (s *Server) FaultsAt(route string) []Fault {
	all := slices.Concat(Faults, Refusals(), ReturnCodes())
	return slices.DeleteFunc(all, func(f Fault) bool { return !s.engine.Fits(&f.fault, route) })
}

// An Injection is a fault that is to happen.
type Injection struct {
	ID          int     // given by [Server.InjectFault]; 0: a request asked for it by Header
	Name        string  // of a [Fault], with a value where it takes one: slow=6s
	Route       string  // to whose requests, as POST /v3/…/{package_id}/tasks; empty: any, the download of certificates included
	Host        string  // such as api.mch.weixin.qq.com; empty: any
	Tag         string  // what the header X-Emulator-Tag has to say; empty: anything
	Times       int     // how often it is still to happen; negative: without end
	Probability float64 // that it happens to a request that fits; 0 and 1: it does
	Happened    int
	Header      string // what the header X-Emulator-Fault of a request says, which asked for it; empty: it was injected
}

// InjectFault makes requests fail. Faults happen in the order in which they were injected. What happens by chance
// follows from Options.Seed, and from the order of the requests that fit.
//
// A request may also ask for faults itself, by its header X-Emulator-Fault: "429*3,reset,slow=6s" is a list of
// NAME[=VALUE][*COUNT][%PERCENT]. A client that sends the request again meets one after the other, and then is
// served; the next call with that header, tag, method and address meets them anew. They come before those that
// were injected.
func (s *Server) InjectFault(i Injection) (id int, err error) {
	platform, known := s.engine.Known(i.Route)
	if !known && i.Route != "" {
		return 0, s.cannot(fmt.Errorf("there is no route %q%s", i.Route, fault.Near(i.Route, s.engine.Routes())))
	}
	at, known := s.engine.PlatformAt(i.Host)
	switch {
	case !known && i.Host != "":
		return 0, s.cannot(fmt.Errorf("there is no host %q%s", i.Host, fault.Near(i.Host, s.engine.Hosts())))
	case platform != "" && at != "" && platform != at:
		return 0, s.cannot(fmt.Errorf("requests to %q do not go to the host %q", i.Route, i.Host))
	case len(i.Tag) > engine.LongestTag:
		return 0, s.cannot(fmt.Errorf("a tag has at most %d bytes", engine.LongestTag))
	}
	id, err = s.plan.Add(fault.Injection(i), cmp.Or(platform, at))
	return id, s.cannot(err)
}

// ReadFault reads a fault as the header X-Emulator-Fault has it, NAME[=VALUE][*COUNT][%PERCENT], to be injected. Without a count
// it happens once, and by chance without end.
func (s *Server) ReadFault(text string) (Injection, error) {
	i, err := s.plan.Read(text)
	return Injection(i), s.cannot(err)
}

// Injections returns what was injected, in order, also what has happened as often as it was to, up to the last
// thousand; and what requests asked for by their header and have not met yet.
func (s *Server) Injections() []Injection {
	return each(s.plan.All(), func(i fault.Injection) Injection { return Injection(i) })
}

// Withdraw takes back the injection of that ID. It reports whether there was one.
func (s *Server) Withdraw(id int) bool { return s.plan.Withdraw(id) }

// Inject is [Server.InjectFault] for the next requests to a route, times times, or always if times is negative.
func (s *Server) Inject(route, name string, times int) error {
	_, err := s.InjectFault(Injection{Name: name, Route: route, Times: times})
	return err
}

// InjectHost is [Server.InjectFault] for all requests to a host, such as api.mch.weixin.qq.com.
func (s *Server) InjectHost(host, name string, times int) error {
	if host == "" {
		return s.cannot(errors.New("there is no host without a name"))
	}
	_, err := s.InjectFault(Injection{Name: name, Host: host, Times: times})
	return err
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

// Recover takes back every fault that is still to happen, also of those that requests asked for, and every reply of
// [Server.Reply].
func (s *Server) Recover() {
	s.plan.Clear()
	s.engine.Forget()
}

// Unused returns the names of the faults that were injected, or asked for by a request, and have yet to happen, and
// the routes of the replies that nobody has asked for. What happens by chance is not among them.
func (s *Server) Unused() []string {
	return slices.Concat(s.plan.Unused(), s.engine.UnusedReplies())
}
