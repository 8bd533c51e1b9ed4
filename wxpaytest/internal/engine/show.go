package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// defaultShown is how many bytes of a body the journal shows.
const defaultShown = 2048

// Shown is the beginning of a text as the journal shows it: phone numbers are masked, and what should have been
// encrypted and was not.
func (tx *Tx) Shown(b []byte) string { return tx.engine.shown(b) }

func (tx *Tx) shown(text string) string { return tx.engine.shown([]byte(text)) }

func (e *Engine) shown(b []byte) string {
	most := cmp.Or(max(0, e.options.Shown), defaultShown)
	const slack = 128 // so that no number is cut in two before it is masked
	text := b[:min(len(b), most+slack)]
	if bytes.ContainsFunc(text, isControl) {
		return fmt.Sprintf("<%d bytes that are no text>", len(b))
	}
	masked := maskPhones(maskSealed(strings.ToValidUTF8(string(text), "\uFFFD"), e.sealed))
	if len(masked) > most {
		masked = strings.ToValidUTF8(masked[:most], "")
	}
	return strings.TrimSuffix(masked, "\uFFFD")
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }

// Line is the beginning of a text of one line as the journal shows it.
func (tx *Tx) Line(text string) string {
	const most = 600
	text = strings.ToValidUTF8(text[:min(len(text), most)], "")
	return maskPhones(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text))
}

// shortly is the beginning of what is short in honest requests.
func (tx *Tx) shortly(text string) string {
	const most = 200
	return maskPhones(strings.ToValidUTF8(text[:min(len(text), most)], ""))
}

// body is the body of a request as the journal shows it.
func (tx *Tx) body() string {
	if _, params, err := mime.ParseMediaType(tx.Header.Get("Content-Type")); strings.HasPrefix(MediaType(tx.Header), "multipart/") && err == nil && len(tx.Sent) > 0 {
		return tx.formShown(params["boundary"])
	}
	return tx.Shown(tx.Sent)
}

// answered is the body of an answer as the journal shows it.
func (tx *Tx) answered(a *Answer) string {
	if a.Stream != nil {
		return "<a body without end>"
	}
	return tx.Shown(a.Body)
}

// A formPart is one part of a form, for the journal.
type formPart struct {
	name, file, kind string
	size             int64
	text             []byte // of JSON
}

// formShown says what the parts of a form are, never what is in a file.
func (tx *Tx) formShown(boundary string) string {
	parts, err := readForm(tx.Sent, boundary)
	var b strings.Builder
	for n, p := range parts {
		fmt.Fprintf(&b, "part %d: %q", n+1, tx.shortly(p.name))
		if p.file != "" {
			fmt.Fprintf(&b, ", file %q", tx.shortly(p.file))
		}
		fmt.Fprintf(&b, ", %s, %d bytes\n", cmp.Or(tx.shortly(p.kind), "no Content-Type"), p.size)
		if p.text != nil {
			b.WriteString(tx.Shown(p.text) + "\n")
		}
	}
	if err != nil {
		b.WriteString("then the form breaks: " + err.Error() + "\n")
	}
	const most = 4000
	return strings.ToValidUTF8(strings.TrimSuffix(b.String()[:min(b.Len(), most)], "\n"), "")
}

// mostParts is how many parts of a form the journal lists.
const mostParts = 10

// readForm reads what can be read of a form.
func readForm(sent []byte, boundary string) (parts []formPart, err error) {
	if boundary == "" {
		return nil, fmt.Errorf("its Content-Type has no boundary")
	}
	r := multipart.NewReader(bytes.NewReader(sent), boundary)
	for len(parts) < mostParts {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return parts, fmt.Errorf("part %d cannot be read", len(parts)+1)
		}
		part := formPart{name: p.FormName(), file: p.FileName(), kind: p.Header.Get("Content-Type")}
		var text bytes.Buffer
		if part.file == "" && (part.name == "meta" || MediaType(http.Header(p.Header)) == "application/json") {
			part.size, err = io.Copy(&text, p)
			part.text = text.Bytes()
		} else {
			part.size, err = io.Copy(io.Discard, p)
		}
		if parts = append(parts, part); err != nil {
			return parts, fmt.Errorf("part %d has no end", len(parts))
		}
	}
	return parts, fmt.Errorf("it has more than %d parts", mostParts)
}

// What the journal keeps of headers.
const (
	mostHeaders   = 50
	mostHeader    = 500  // bytes of one value
	mostHeaderAll = 8000 // bytes of all of them
)

// headers are those of a request as the journal shows them: nothing in them lets somebody act in the name of who
// sent it.
func (tx *Tx) headers() http.Header {
	shown, all := http.Header{}, 0
	for _, name := range slices.Sorted(maps.Keys(tx.Header)) {
		for _, value := range tx.Header[name] {
			kept := hidden(name, value)
			if len(kept) > mostHeader {
				kept = strings.ToValidUTF8(kept[:mostHeader], "") + "…"
			}
			kept, name := maskPhones(strings.ToValidUTF8(kept, "\uFFFD")), tx.shortly(name)
			if all += len(name) + len(kept); all > mostHeaderAll || len(shown) == mostHeaders && shown[name] == nil {
				return shown
			}
			shown[name] = append(shown[name], kept)
		}
	}
	return shown
}

// telling are what names of headers hold that prove who sends a request.
var telling = []string{"auth", "token", "secret", "passw", "cookie", "sign", "key", "session", "credential"}

// public are the members of Authorization that prove nothing by themselves.
var public = []string{"mchid", "brand_id", "nonce_str", "timestamp", "serial_no"}

// mostPublic is how long they are; longer ones hold something else.
const mostPublic = 130

// Public is the value of a member of Authorization that proves nothing, as the journal shows it.
func (tx *Tx) Public(value string) string {
	if len(value) > mostPublic {
		return length(value)
	}
	return tx.Line(value)
}

// hidden is the value of a header without what proves who sends it.
func hidden(name, value string) string {
	name = strings.ToLower(name)
	if name == "authorization" {
		scheme, list, _ := strings.Cut(value, " ")
		if strings.HasPrefix(scheme, "WECHATPAY") && len(scheme) < 50 {
			return scheme + " " + hiddenMembers(list)
		}
		if len(scheme) > 20 || list == "" {
			return length(value)
		}
		return scheme + " " + length(list)
	}
	for _, part := range telling {
		if strings.Contains(name, part) {
			return length(value)
		}
	}
	return value
}

func hiddenMembers(list string) string {
	var shown []string
	for item := range strings.SplitSeq(list, ",") {
		name, value, named := strings.Cut(item, "=")
		switch trimmed := strings.TrimSpace(name); {
		case !named:
			item = length(item)
		case slices.Contains(public, trimmed) && len(value) <= mostPublic:
		case strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) && len(value) > 1 && len(name) < 50:
			item = name + `="` + length(value[1:len(value)-1]) + `"`
		default:
			item = name[:min(len(name), 50)] + "=" + length(value)
		}
		if shown = append(shown, item); len(shown) == 20 {
			break
		}
	}
	return strings.Join(shown, ",")
}

// length is what is said of a text that is not shown.
func length(text string) string { return fmt.Sprintf("<%d characters>", utf8.RuneCountInString(text)) }
