package emulator

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/internal/pasted"
)

// guard lets only those ask for the page and the API who know that they ask this machine: a name that leads here by
// somebody else's DNS is refused, and so is what a page of another origin sends.
func (e *Emulator) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "this request comes from a page of another origin")
	}))
	safe := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.knows(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, "this host name is not known; allow it with --host")
			return
		}
		// Pages of others may lead here, and may not load anything from here: reading costs time.
		if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			refuse(w, http.StatusForbidden, "this request comes from a page of another origin")
			return
		}
		safe.ServeHTTP(w, r)
	})
}

// knows reports whether the emulator is asked for under a host, with or without port.
func (e *Emulator) knows(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if pasted.Loopback(host) || slices.ContainsFunc(e.config.Hosts, func(name string) bool { return strings.EqualFold(name, host) }) {
		return true
	}
	_, err = netip.ParseAddr(host) // no DNS leads to an address
	return e.config.Remote && err == nil
}
