package media

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Form is a multipart/form-data body of known length: an optional part "meta" of JSON, then the
// part "file". Its bytes are the same however often it is opened.
type Form struct {
	head, tail []byte
	file       *Source
	digest     *Digest
	boundary   string
}

// NewForm frames file. A meta that is not nil goes first, as application/json. A digest that is not
// nil is compared while the file is sent: a file that changed since fails with [ErrChanged] before
// its last byte has left.
//
// The name of the file must be valid UTF-8 without control characters, slashes and backslashes;
// a quote in it is escaped.
func NewForm(meta []byte, file *Source, digest *Digest) (*Form, error) {
	name, err := quoteName(file.Name())
	if err != nil {
		return nil, err
	}
	if err := file.check(); err != nil {
		return nil, err
	}
	f := &Form{file: file, digest: digest, boundary: "wxpay" + rand.Text()}
	var head bytes.Buffer
	if meta != nil {
		fmt.Fprintf(&head, "--%s\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n%s\r\n", f.boundary, meta)
	}
	fmt.Fprintf(&head, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%s\r\nContent-Type: %s\r\n\r\n", f.boundary, name, contentType(file.Name()))
	f.head, f.tail = head.Bytes(), fmt.Appendf(nil, "\r\n--%s--\r\n", f.boundary)
	return f, nil
}

// ContentType is the value of the Content-Type header, with the boundary.
func (f *Form) ContentType() string { return "multipart/form-data; boundary=" + f.boundary }

// Size is the exact Content-Length.
func (f *Form) Size() int64 { return int64(len(f.head)) + f.file.Size() + int64(len(f.tail)) }

// Open starts the body from its first byte; it has the shape of http.Request.GetBody.
func (f *Form) Open() (io.ReadCloser, error) {
	r, err := f.file.Open()
	if err != nil {
		return nil, err
	}
	file := &guarded{r: r, left: f.file.Size(), name: f.file.Name(), digest: f.digest}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(f.head), file, bytes.NewReader(f.tail)), r}, nil
}

// guarded passes a file through and holds back its end until it is known to be the same file.
type guarded struct {
	r      *Reading
	left   int64
	sum    uint32
	name   string
	digest *Digest
}

func (g *guarded) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	n, err := g.r.Read(p)
	g.left -= int64(n)
	if g.digest != nil {
		g.sum = crc32.Update(g.sum, castagnoli, p[:n])
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case g.left > 0 && err != nil:
		return 0, fmt.Errorf("%w: %q is %d bytes shorter than it was", ErrChanged, g.name, g.left)
	case g.left == 0 && g.digest != nil && g.sum != g.digest.sum:
		return 0, fmt.Errorf("%w: %q", ErrChanged, g.name)
	case g.left == 0:
		if err := g.r.Close(); err != nil { // a file that was touched meanwhile says so here
			return 0, err
		}
		return n, nil
	}
	return n, err
}

// quoteName returns name as a quoted parameter of Content-Disposition. UTF-8 stays as it is, as
// RFC 7578 has it.
func quoteName(name string) (string, error) {
	switch {
	case name == "" || strings.ContainsAny(name, `/\`) || name == "." || name == "..":
		return "", errors.New("media: a file name must be one path element without slashes")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", errors.New("media: a file name must be UTF-8 without control characters")
	}
	return `"` + strings.ReplaceAll(name, `"`, `\"`) + `"`, nil
}

// contentType goes by the end of the name. The table of the operating system is left out of it, so
// that a request looks the same on every machine.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return "text/csv"
	case ".txt":
		return "text/plain"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}
