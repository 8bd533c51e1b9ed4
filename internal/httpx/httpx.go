// Package httpx holds what the WeChat Pay client and the TPNS client have in common in talking HTTP:
// transport defaults, bounded reads, back-off, and the question whether a request ever left.
package httpx

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/header"
	"github.com/wxpay-go/wxpay/internal/oneline"
	"github.com/wxpay-go/wxpay/internal/pasted"
)

// ErrTooLarge says that an answer is larger than the bound.
var ErrTooLarge = errors.New("answer is larger than allowed")

// ErrEncoded says that an answer came compressed although none was asked for. It is not unpacked:
// what is signed are the bytes as sent, and a small answer could hide a huge one.
var ErrEncoded = errors.New("answer is compressed, which was not asked for")

// ReadAll reads the body of an answer up to limit bytes.
func ReadAll(resp *http.Response, limit int64) ([]byte, error) {
	if enc, _ := header.Get(resp.Header, "Content-Encoding"); resp.Uncompressed || enc != "" && enc != "identity" {
		return nil, ErrEncoded
	}
	if resp.ContentLength > limit {
		return nil, ErrTooLarge
	}
	if n := resp.ContentLength; n > 0 { // transports made for tests leave it at 0 and have a body
		b := make([]byte, n)
		_, err := io.ReadFull(resp.Body, b)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = ErrTooLarge
	}
	return b, err
}

// ReadAnswer is ReadAll, but a refusal that something on the way compressed is unpacked, so that its code is not
// lost; a success is not, since nobody asked for that.
func ReadAnswer(resp *http.Response) ([]byte, error) {
	const most, mostPacked = 1 << 20, 64 << 10
	body, err := ReadAll(resp, most)
	if errors.Is(err, ErrEncoded) && resp.StatusCode >= 400 {
		return Unpack(resp, mostPacked)
	}
	return body, err
}

// Unpack reads the body of an answer that came compressed, up to limit bytes before and after unpacking.
func Unpack(resp *http.Response, limit int64) ([]byte, error) {
	packed := io.LimitReader(resp.Body, limit)
	var r io.Reader
	var err error
	encoding, _ := header.Get(resp.Header, "Content-Encoding")
	switch encoding = strings.ToLower(encoding); {
	case resp.Uncompressed: // by the caller's transport
		r = packed
	case encoding == "gzip" || encoding == "x-gzip":
		if r, err = gzip.NewReader(packed); err != nil {
			return nil, ErrEncoded
		}
	case encoding == "deflate":
		if r, err = zlib.NewReader(packed); err != nil {
			return nil, ErrEncoded
		}
	default:
		return nil, ErrEncoded
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, ErrEncoded
	case int64(len(body)) > limit:
		return nil, ErrTooLarge
	}
	return body, nil
}

// BaseURL is [pasted.BaseURL].
func BaseURL(s string) (*url.URL, error) { return pasted.BaseURL(s) }

// NeverSent reports whether err says for certain that no byte of the request left: the host was not
// found, not reached or not trusted.
func NeverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	record, _ := errors.AsType[tls.RecordHeaderError](err)
	return dns || cert || unknown || record.Conn != nil // Conn: it was the very first record
}

// Untrusted reports whether err says that the host did not show a certificate we trust; sending
// again cannot cure that.
func Untrusted(err error) bool {
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return cert || record
}

// Backoff returns how long to wait after attempt n (1 for the first): full jitter up to base·2ⁿ⁻¹, at
// most 20 s.
func Backoff(n int, base time.Duration) time.Duration {
	const most = 20 * time.Second
	d := most
	if n < 20 {
		d = min(base<<(n-1), most)
	}
	return rand.N(d) + 1
}

// RetryAfter reads the header of that name, seconds or a date; zero if there is none.
func RetryAfter(h http.Header) time.Duration {
	v, _ := header.Get(h, "Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// MaxTimeout bounds the Timeout of a configuration: long enough for anything, and short enough to reckon with.
const MaxTimeout = 24 * time.Hour

// UploadTime is what an upload of size bytes may take where other calls may take timeout: twice that and one
// more second for every 64 KiB, within bounds that fit into a Duration.
func UploadTime(timeout time.Duration, size int64) time.Duration {
	const most = 30 * 24 * time.Hour
	return 2*min(timeout, most) + min(time.Duration(max(size, 0)>>16), most/time.Second)*time.Second
}

// Mangled reports whether JSON that was just encoded was made of text that is not UTF-8. Such text is
// replaced by U+FFFD, as a character or as an escape, or passed on as it is where a value encodes itself.
func Mangled(text []byte) bool {
	if bytes.ContainsRune(text, utf8.RuneError) { // finds what is not UTF-8, too
		return true
	}
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); {
		if bytes.HasPrefix(text[i:], []byte(`\ufffd`)) {
			return true
		}
		i += 2 // what is escaped may be another backslash
		next := bytes.IndexByte(text[min(i, len(text)):], '\\')
		if next < 0 {
			break
		}
		i += next
	}
	return false
}

// Sleep waits for d. It returns at once, with the error of [Ended], if ctx ends first, and does not
// start a wait that ctx has no time for.
func Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return Ended(ctx)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return fmt.Errorf("%w: no time left to wait %s", context.DeadlineExceeded, d.Round(time.Millisecond))
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return Ended(ctx)
	case <-t.C:
		return nil
	}
}

// Ended is [oneline.Ended].
func Ended(ctx context.Context) error { return oneline.Ended(ctx) }

// OneLine keeps text from elsewhere to one printable line of at most 512 characters, to be part of an error.
func OneLine(s string) string { return oneline.Quote(s, 512) }

// Brief is [oneline.Quote].
func Brief(s string, most int) string { return oneline.Quote(s, most) }

// ErrorText is [oneline.Text].
func ErrorText(s string) string { return oneline.Text(s) }

// ParamText is the text of an error about a param, or about a field of a Config, of which nothing is sent anyway.
func ParamText(pkg, route, param, reason string) string {
	s := pkg + ": " + route + ": " + Brief(param, 128) + " " + OneLine(reason)
	if route != "Config" {
		s += "; nothing was sent"
	}
	return ErrorText(s)
}

// Line is [oneline.Error].
func Line(err error) error { return oneline.Error(err) }
