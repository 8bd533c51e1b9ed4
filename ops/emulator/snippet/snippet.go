// Package snippet makes of an exchange what people paste elsewhere: a command of curl, a test in Go, a call of the SDK,
// and a HAR of many. None of it holds a key, a password or somebody's phone number.
package snippet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

// Basic reports whether the call proves its sender by a password in place of a signature.
func Basic(x journal.Exchange) bool {
	return x.Operation != nil && x.Operation.Product.Platform == "tpns"
}

// public is a text whose phone numbers lack what tells whose they are, and still have the form of one.
func public(text string) string { return wxpaytest.HidePhones(text, "0000") }

// URI is the path and query that a command asks for.
func URI(x journal.Exchange) string { return public(cmp.Or(x.SentURI, x.URI)) }

// A form is what an upload holds.
type form struct {
	meta, metaName, metaType string
	file                     []byte
	part, name               string
	fileFirst                bool
}

// body is what a command sends; false: it was not kept, and cannot be sent again.
func body(x journal.Exchange) (text string, f *form, ok bool) {
	boundary := ""
	if kind, params, err := mime.ParseMediaType(x.Header.Get("Content-Type")); err == nil && strings.HasPrefix(kind, "multipart/") {
		boundary = params["boundary"]
	}
	switch {
	case boundary != "" && x.Sent != nil:
		f = parts(x.Sent, boundary)
		return "", f, f != nil
	case x.Sent != nil:
		return public(string(x.Sent)), nil, true
	case len(x.Body) == x.BodySize: // it fits into what is shown
		return public(x.Body), nil, true
	}
	return "", nil, false
}

// plainName is the name of a part that stands for nothing else in a command.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// parts reads a form; nil: it cannot be read.
func parts(sent []byte, boundary string) *form {
	f := &form{}
	r := multipart.NewReader(bytes.NewReader(sent), boundary)
	for range 10 {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil
		}
		if !plainName.MatchString(part.FormName()) { // curl would read more into it
			return nil
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil
		}
		if part.FileName() != "" {
			f.file, f.part, f.name, f.fileFirst = text, part.FormName(), part.FileName(), f.metaName == ""
			continue
		}
		f.meta, f.metaName, f.metaType = public(string(text)), part.FormName(), part.Header.Get("Content-Type")
	}
	if f.part == "" {
		return nil
	}
	return f
}

// Signed returns the bytes that a signature for [Curl] covers; false: they were not kept.
func Signed(x journal.Exchange) ([]byte, bool) {
	text, f, ok := body(x)
	if f != nil {
		text = f.meta
	}
	return []byte(text), ok
}

// Example is the documented body of a call, indented, with what is encrypted on its way in plain text.
func Example(op *api.Operation) json.RawMessage {
	example := op.BodyExample
	if len(example) == 0 && op.Body != nil {
		example = op.Body.Example()
	}
	return Plain(op.Body, example)
}

// Plain is an example with plain text in place of ciphertext, indented.
func Plain(s *api.Schema, example json.RawMessage) json.RawMessage {
	var indented bytes.Buffer
	if json.Indent(&indented, replaceSealed(s, example), "", "  ") != nil {
		return example
	}
	return indented.Bytes()
}

// replaceSealed goes through an example and its schema together, and leaves the order of members as it is.
func replaceSealed(s *api.Schema, text json.RawMessage) json.RawMessage {
	if s == nil {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return text
	}
	var out bytes.Buffer
	switch first {
	case json.Delim('{'):
		out.WriteByte('{')
		for n := 0; d.More(); n++ {
			name, err := d.Token()
			if err != nil {
				return text
			}
			var value json.RawMessage
			if d.Decode(&value) != nil {
				return text
			}
			key, _ := name.(string)
			if p := property(s, key); p != nil {
				if p.Schema.Sealed != "" {
					value = quote(plain(key))
				} else {
					value = replaceSealed(p.Schema, value)
				}
			}
			if n > 0 {
				out.WriteByte(',')
			}
			out.Write(quote(key))
			out.WriteByte(':')
			out.Write(value)
		}
		out.WriteByte('}')
	case json.Delim('['):
		out.WriteByte('[')
		for n := 0; d.More(); n++ {
			var value json.RawMessage
			if d.Decode(&value) != nil {
				return text
			}
			if n > 0 {
				out.WriteByte(',')
			}
			out.Write(replaceSealed(s.Items, value))
		}
		out.WriteByte(']')
	default:
		return text
	}
	return out.Bytes()
}

// property is a member of a schema, or of one of its forms.
func property(s *api.Schema, name string) *api.Property {
	if p := s.Property(name); p != nil {
		return p
	}
	for _, form := range s.OneOf {
		if p := form.Property(name); p != nil {
			return p
		}
	}
	return nil
}

func quote(text string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // text is always JSON
	return bytes.TrimSpace(out.Bytes())
}

// plain is what may stand in a member that is encrypted.
func plain(name string) string {
	if strings.Contains(name, "phone") || strings.Contains(name, "mobile") {
		return "13800138000"
	}
	return "hello"
}

// PlainParam is an example of a parameter, with nothing encrypted.
func PlainParam(p *api.Param) string {
	if p.Schema.Sealed != "" {
		return plain(p.Name)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(p.Schema.Example()))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

// ExampleFile is a small file for an upload: lines of numbers of nobody.
func ExampleFile(op *api.Operation) (name, text string) {
	name = "example.txt"
	if op.Body != nil {
		var meta map[string]any
		if json.Unmarshal(Example(op), &meta) == nil {
			if given, ok := meta["filename"].(string); ok && given != "" {
				name = given
			}
		}
	}
	if op.Upload.Sealed == "" {
		return "example.csv", "user-1\nuser-2\nuser-3\n"
	}
	return name, strings.Join(numbers, "\n") + "\n"
}

// numbers are of nobody.
var numbers = []string{"6222020000000000001", "6222020000000000002", "6222020000000000003"}

// variables are the values of a route's names in the path of an address.
func variables(route, uri string) map[string]string {
	_, pattern, _ := strings.Cut(route, " ")
	path, _, _ := strings.Cut(uri, "?")
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil
	}
	values := map[string]string{}
	for i, w := range want {
		name, isName := strings.CutPrefix(w, "{")
		if !isName {
			continue
		}
		v, err := url.PathUnescape(have[i])
		if err != nil {
			v = have[i]
		}
		values[strings.TrimSuffix(name, "}")] = v
	}
	return values
}

// oneLine is a text that cannot end a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, public(text))
}
