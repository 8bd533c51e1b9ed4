package snippet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
)

// A writer writes Go and remembers which packages it used.
type writer struct {
	bytes.Buffer
	imports map[string]bool
}

func newWriter() *writer { return &writer{imports: map[string]bool{}} }

const module = "github.com/wxpay-go/wxpay"

func (w *writer) use(path string) { w.imports[path] = true }

func (w *writer) printf(f string, args ...any) { fmt.Fprintf(w, f, args...) }

// GoTest is a whole file with a test that sends the call to a wxpaytest.Server of its own. What was encrypted is there
// as plain text of nobody: the server of the test has other keys.
func GoTest(x journal.Exchange) string {
	w := newWriter()
	w.use("testing")
	w.use(module + "/wxpaytest")
	w.printf("// What exchange %d sent: %s\n", x.Number, cutLine(x.Method+" "+URI(x)))
	w.printf("func TestExchange%d(t *testing.T) {\n\tserver := wxpaytest.New(t%s)\n", max(0, x.Number), options(x))
	failed := "if err != nil {\nt.Fatal(err)\n}\n"
	if Basic(x) {
		w.basic(x, "&http.Client{Transport: server}", "wxpaytest.TPNSAccessID, wxpaytest.TPNSSecretKey", "t.Context()", failed)
		w.printf("if resp.StatusCode != %d {\nt.Errorf(\"answered with %%s\", resp.Status)\n}\n", http200(x.Status))
	} else {
		w.printf("client := server.Client()\n")
		if x.Fault != "" {
			w.printf("// There it met the fault %s, see Server.Inject.\n", oneLine(x.Fault))
		}
		file := w.file(x, "t.Context()", failed, true)
		w.do(x, "t.Context()", file)
		if x.Code != "" && x.Status >= 400 && x.Fault == "" {
			w.use("errors")
			w.printf("if err != nil && !errors.Is(err, wxpay.Code(%s)) { // it was answered with that; state and keys are others here\nt.Error(err)\n}\n", strconv.Quote(oneLine(x.Code)))
		} else {
			w.printf("if err != nil {\nt.Error(err)\n}\n")
		}
	}
	w.printf("}\n")
	return w.whole("wxpay_test")
}

// options are those of the server; a brand's routes are closed to merchants.
func options(x journal.Exchange) string {
	if brandly(x) {
		return ", wxpaytest.Options{Brand: true}"
	}
	return ""
}

func brandly(x journal.Exchange) bool {
	return strings.HasPrefix(URI(x), "/brand/") || x.Operation != nil && x.Operation.BrandRoute != "" && x.Route == x.Operation.BrandRoute
}

func http200(status int) int {
	if status == 0 {
		return 200
	}
	return status
}

func cutLine(text string) string {
	text = oneLine(text)
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return text
}

// whole is a file, as gofmt has it.
func (w *writer) whole(name string) string {
	var out bytes.Buffer
	fmt.Fprintf(&out, "package %s\n\n%s\n%s", name, w.importing(), w.Bytes())
	return formatted(out.Bytes())
}

func (w *writer) importing() string {
	var std, ours []string
	for _, path := range slices.Sorted(maps.Keys(w.imports)) {
		if strings.Contains(path, ".") {
			ours = append(ours, strconv.Quote(path))
		} else {
			std = append(std, strconv.Quote(path))
		}
	}
	between := ""
	if len(std) > 0 && len(ours) > 0 {
		between = "\n\n"
	}
	return "import (\n" + strings.Join(std, "\n") + between + strings.Join(ours, "\n") + "\n)\n"
}

func formatted(text []byte) string {
	if made, err := format.Source(text); err == nil {
		text = made
	}
	return string(text)
}

// object is the body of the exchange as JSON has it, or the documented one if it was not kept whole.
func object(x journal.Exchange) (v any, kept bool) {
	text, f, ok := body(x)
	if f != nil {
		text = f.meta
	}
	if ok && text != "" {
		if v, err := decode([]byte(text)); err == nil {
			return v, true
		}
	}
	if x.Operation != nil && x.Operation.Body != nil {
		v, _ = decode(Example(x.Operation))
	}
	return v, false
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

// do writes the call by wxpay.Do, or by wxpay.Send where nothing is answered.
func (w *writer) do(x journal.Exchange, ctx string, file string) {
	w.use(module)
	op := x.Operation
	answers := op == nil || op.Answer != nil
	if answers {
		w.use("encoding/json")
		w.printf("_, err := wxpay.Do[json.RawMessage](%s, client, wxpay.Call{\n", ctx)
	} else {
		w.printf("err := wxpay.Send(%s, client, wxpay.Call{\n", ctx)
	}
	path, raw, _ := strings.Cut(URI(x), "?")
	switch {
	case op == nil:
		w.printf("Route: %s,\n", lit(x.Method+" "+path))
	default:
		w.printf("Route: %s,\n", lit(op.Route))
		if op.BrandRoute != "" {
			w.printf("BrandRoute: %s,\n", lit(op.BrandRoute))
		}
		route := op.Route
		if brandly(x) && op.BrandRoute != "" {
			route = op.BrandRoute
		}
		if vars := variables(route, URI(x)); len(vars) > 0 {
			w.printf("Vars: wxpay.Vars{")
			for _, name := range slices.Sorted(maps.Keys(vars)) {
				w.printf("%s: %s, ", lit(name), lit(vars[name]))
			}
			w.printf("},\n")
		}
	}
	open, sealed := queries(op, raw)
	if len(open) > 0 {
		w.use("net/url")
		w.printf("Query: url.Values{")
		for _, name := range slices.Sorted(maps.Keys(open)) {
			w.printf("%s: {", lit(name))
			for i, v := range open[name] {
				if i > 0 {
					w.printf(", ")
				}
				w.printf("%s", lit(v))
			}
			w.printf("}, ")
		}
		w.printf("},\n")
	}
	if len(sealed) > 0 {
		w.printf("SealedQuery: map[string]wxpay.Secret{")
		for _, name := range sealed {
			w.printf("%s: %s, ", lit(name), lit(plain(name)))
		}
		w.printf("},\n")
	}
	var schema *api.Schema
	if op != nil {
		schema = op.Body
	}
	v, _ := object(x)
	if m, ok := v.(map[string]any); ok && file != "" {
		delete(m, "sha256")
		w.printf("Body: map[string]any{\n")
		w.members(m, schema)
		w.printf("%q: hex.EncodeToString(sum[:]),\n},\n", "sha256")
	} else if v != nil {
		w.printf("Body: ")
		w.value(v, schema, "")
		w.printf(",\n")
	}
	w.printf("%s})\n", file)
}

// queries are what stands after the question mark; what is encrypted there is told apart.
func queries(op *api.Operation, raw string) (open url.Values, sealed []string) {
	open, _ = url.ParseQuery(raw) // what can be read of it
	if op == nil {
		return open, nil
	}
	for _, p := range op.Params {
		if p.In == "query" && p.Schema.Sealed != "" && open.Has(p.Name) {
			open.Del(p.Name)
			sealed = append(sealed, p.Name)
		}
	}
	return open, sealed
}

// file writes the file of an upload, ready to be sent, and if wanted its digest; it returns the members that send it.
func (w *writer) file(x journal.Exchange, ctx, failed string, digest bool) string {
	op := x.Operation
	if op == nil || op.Upload == nil {
		return ""
	}
	name, text := ExampleFile(op)
	v, _ := object(x)
	if m, ok := v.(map[string]any); ok {
		if given, ok := m["filename"].(string); ok {
			name = given
		}
	}
	w.use(module + "/media")
	members := fmt.Sprintf("File: media.Bytes(%s, file),\n", lit(name))
	if op.Upload.Sealed == "" {
		w.printf("file := []byte(%s)\n", lit(text))
	} else {
		w.use(module)
		w.printf(`var file []byte // numbers of nobody, each line encrypted by itself
	var serial string
	for _, number := range []wxpay.Secret{%s} {
		line, key, err := client.Encrypt(%s, number)
		%s
		file, serial = append(file, line+"\n"...), key
	}
`, strings.Join(quotedAll(numbers), ", "), ctx, failed)
		members += "Serial: serial,\n"
	}
	if digest {
		w.use("crypto/sha256")
		w.use("encoding/hex")
		w.printf("sum := sha256.Sum256(file)\n")
	}
	return members
}

func quotedAll(all []string) (made []string) {
	for _, one := range all {
		made = append(made, lit(one))
	}
	return made
}

// basic writes a call with net/http, for the platform that knows its callers by a password.
func (w *writer) basic(x journal.Exchange, client, password, ctx, failed string) {
	w.use("net/http")
	w.use("strings")
	kind := "application/json"
	text, f, ok := body(x)
	if f != nil || !ok || x.Operation.Upload != nil {
		w.use("bytes")
		w.use("mime/multipart")
		name, content := ExampleFile(x.Operation)
		if f != nil && len(f.file) < 2048 {
			name, content = f.name, public(string(f.file))
		}
		w.printf("var body bytes.Buffer\nform := multipart.NewWriter(&body)\npart, err := form.CreateFormFile(%s, %s)\n%s", lit(part(x.Operation)), lit(name), failed)
		w.printf("if _, err := part.Write([]byte(%s)); err != nil {\n%s}\nif err := form.Close(); err != nil {\n%s}\n", lit(content), inner(failed), inner(failed))
		w.printf("req, err := http.NewRequestWithContext(%s, %s, %s, &body)\n%s", ctx, lit(x.Method), lit("https://api.tpns.tencent.com"+URI(x)), failed)
		w.printf("req.Header.Set(\"Content-Type\", form.FormDataContentType())\n")
		delete(w.imports, "strings")
	} else {
		w.printf("req, err := http.NewRequestWithContext(%s, %s, %s, strings.NewReader(%s))\n%s", ctx, lit(x.Method), lit("https://api.tpns.tencent.com"+URI(x)), lit(text), failed)
		w.printf("req.Header.Set(\"Content-Type\", %s)\n", lit(kind))
	}
	w.printf("req.SetBasicAuth(%s)\nresp, err := (%s).Do(req)\n%sdefer resp.Body.Close()\n", password, client, failed)
}

// inner is what happens within an if that handles an error.
func inner(failed string) string {
	_, rest, _ := strings.Cut(failed, "{\n")
	text, _, _ := strings.Cut(rest, "}")
	return text
}

// value writes JSON as Go; text that is encrypted on its way becomes a secret of nobody.
func (w *writer) value(v any, s *api.Schema, name string) {
	if s != nil && s.Sealed != "" {
		w.printf("wxpay.Secret(%s)", lit(plain(name)))
		return
	}
	switch v := v.(type) {
	case map[string]any:
		w.printf("map[string]any{\n")
		w.members(v, s)
		w.printf("}")
	case []any:
		w.printf("[]any{")
		var items *api.Schema
		if s != nil {
			items = s.Items
		}
		for _, one := range v {
			w.value(one, items, name)
			w.printf(", ")
		}
		w.printf("}")
	case string:
		w.printf("%s", lit(v))
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 32); err == nil {
			w.printf("%s", v)
			return
		}
		w.use("encoding/json")
		w.printf("json.Number(%q)", v.String())
	case bool:
		w.printf("%t", v)
	default:
		w.printf("nil")
	}
}

func (w *writer) members(m map[string]any, s *api.Schema) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		var inside *api.Schema
		if s != nil {
			if p := property(s, name); p != nil {
				inside = p.Schema
			}
		}
		w.printf("%s: ", lit(name))
		w.value(m[name], inside, name)
		w.printf(",\n")
	}
}

// lit is a text as Go writes it, without anybody's phone number.
func lit(text string) string { return strconv.Quote(public(text)) }

// part is the name of the file's part in a form.
func part(op *api.Operation) string {
	if op.Upload == nil {
		return "file"
	}
	return op.Upload.Part
}
