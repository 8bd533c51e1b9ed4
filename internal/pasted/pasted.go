// Package pasted looks at values that people paste into configurations and environments, for what came along
// with them.
package pasted

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Stray says what is in a value that a file, a shell or a clipboard has put there; empty if nothing is.
func Stray(v string) string {
	if reason := Around(v); reason != "" {
		return reason
	}
	for _, r := range v {
		if name := invisible(r); name != "" {
			return "holds " + name
		}
		if r > '~' {
			return "holds a character that is not ASCII"
		}
	}
	return ""
}

// Around says what stands at either end of a value without belonging to it.
func Around(v string) string {
	if v == "" {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(v)
	last, _ := utf8.DecodeLastRuneInString(v)
	switch {
	case invisible(first) != "":
		return "starts with " + invisible(first)
	case last == '\r' || strings.HasSuffix(v, "\r\n"):
		return "ends in a carriage return; was the file written on Windows?"
	case invisible(last) != "":
		return "ends in " + invisible(last)
	case len(v) > 1 && first == last && (first == '"' || first == '\''):
		return "stands in quotes; leave them out"
	}
	return ""
}

// invisible names a character that cannot be seen; empty for all others.
func invisible(r rune) string {
	switch {
	case r == '\ufeff':
		return "a byte order mark"
	case r == '\r':
		return "a carriage return"
	case r == '\n':
		return "a line break"
	case unicode.IsSpace(r):
		return "a blank"
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Cf, r):
		return "an invisible character"
	}
	return ""
}

// BaseURL parses an absolute https address without query. Plain http is for loopback hosts only.
func BaseURL(s string) (*url.URL, error) {
	if reason := Stray(s); reason != "" {
		return nil, errors.New(reason)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Hostname() == "" || strings.ContainsAny(s, "?#") || u.User != nil || u.Opaque != "":
		return nil, errors.New("must be scheme and host, without user, query and fragment")
	case strings.HasSuffix(u.Host, ":") || strings.ContainsAny(u.Host, "\"'`,;<>"):
		return nil, errors.New("must end with its host, or with a port")
	case u.Path != "" && u.Path != "/":
		return nil, errors.New("must not have a path")
	case u.Scheme == "https", u.Scheme == "http" && Loopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("must be https (plain http is accepted for loopback hosts only)")
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
