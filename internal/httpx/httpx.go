// Package httpx holds what the WeChat Pay client and the TPNS client have in common in talking HTTP:
// transports, bounded reads, and the question whether a request ever left.
package httpx

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/internal/header"
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
