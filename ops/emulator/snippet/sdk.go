package snippet

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/media"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/push/pushpackage"
	"github.com/wxpay-go/wxpay/services/bankpackages"
	"github.com/wxpay-go/wxpay/services/deliveryplan"
	"github.com/wxpay-go/wxpay/services/edupapay"
	"github.com/wxpay-go/wxpay/services/mchtransfer"
	"github.com/wxpay-go/wxpay/services/membercard"
	"github.com/wxpay-go/wxpay/services/productcoupon"
	"github.com/wxpay-go/wxpay/services/security"
)

// A room is a package of the SDK that makes calls.
type room struct {
	caller reflect.Type // whose methods make them
	made   string       // how a caller is written
}

// rooms of the SDK by their folder in the module; what the catalog calls is looked up among the methods there.
var rooms = map[string]room{
	"services/bankpackages":  {reflect.TypeFor[*bankpackages.Service](), "bankpackages.New(client)"},
	"services/deliveryplan":  {reflect.TypeFor[*deliveryplan.Service](), "deliveryplan.New(client)"},
	"services/edupapay":      {reflect.TypeFor[*edupapay.Service](), "edupapay.New(client)"},
	"services/mchtransfer":   {reflect.TypeFor[*mchtransfer.Service](), "mchtransfer.New(client)"},
	"services/membercard":    {reflect.TypeFor[*membercard.Service](), "membercard.New(client)"},
	"services/productcoupon": {reflect.TypeFor[*productcoupon.Service](), "productcoupon.New(client)"},
	"services/security":      {reflect.TypeFor[*security.Service](), "security.New(client)"},
	"push/pushpackage":       {reflect.TypeFor[*pushpackage.Client](), "tpns"},
}

// roomOf is the package that makes a call.
func roomOf(op *api.Operation) (folder string, r room) {
	folder = op.Product.Go
	if folder == "" && op.Product.Platform == "tpns" {
		folder = "push/pushpackage"
	}
	return folder, rooms[folder]
}

// method is the one that makes a call: it is called as the call is, or as its beginning.
func method(op *api.Operation, r room) (found reflect.Method, ok bool) {
	if r.caller == nil {
		return found, false
	}
	for m := range r.caller.Methods() {
		if strings.EqualFold(m.Name, op.ID) {
			return m, callable(m)
		}
		if strings.HasPrefix(strings.ToLower(op.ID), strings.ToLower(m.Name)) && callable(m) && len(m.Name) > len(found.Name) {
			found, ok = m, true
		}
	}
	return found, ok
}

// callable reports whether a method takes a context and at most one struct, and returns an error.
func callable(m reflect.Method) bool {
	t := m.Type
	return t.NumIn() >= 2 && t.NumIn() <= 3 && t.In(1) == reflect.TypeFor[context.Context]() && (t.NumIn() == 2 || t.In(2).Kind() == reflect.Struct) &&
		t.NumOut() >= 1 && t.Out(t.NumOut()-1) == reflect.TypeFor[error]()
}

// SDKCall is the exchange as a call of the SDK: of the method that makes it, where there is one, and else of wxpay.Do.
// ctx and client, or tpns for that platform, are there already.
func SDKCall(x journal.Exchange) string {
	w := newWriter()
	w.sdkCall(x)
	var out strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(w.importing()), "\n") {
		out.WriteString("// " + strings.TrimSpace(line) + "\n")
	}
	return out.String() + statements(w.String())
}

// statements are formatted as if they stood in a function.
func statements(text string) string {
	made := formatted([]byte("package p\n\nfunc f() {\n" + text + "}\n"))
	_, made, ok := strings.Cut(made, "func f() {\n")
	if !ok {
		return text
	}
	made = strings.TrimSuffix(strings.TrimSpace(made), "}")
	lines := strings.Split(made, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "\t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
}

const returned = "if err != nil {\nreturn err\n}\n"

func (w *writer) sdkCall(x journal.Exchange) {
	if x.Operation != nil && w.byMethod(x) {
		return
	}
	if Basic(x) {
		w.use("os")
		w.basic(x, "http.DefaultClient", `os.Getenv("TPNS_ACCESS_ID"), os.Getenv("TPNS_SECRET_KEY")`, "ctx", returned)
		return
	}
	w.do(x, "ctx", w.file(x, "ctx", returned, true))
	w.printf("%s", returned)
}

// byMethod writes the call of a method; false: there is none, or it cannot take what was sent.
func (w *writer) byMethod(x journal.Exchange) bool {
	folder, r := roomOf(x.Operation)
	m, ok := method(x.Operation, r)
	if !ok {
		return false
	}
	params := ""
	if m.Type.NumIn() == 3 {
		filled, err := fill(x, m.Type.In(2))
		if err != nil {
			return false
		}
		p := newWriter()
		p.imports = w.imports
		p.literal(filled, true)
		params = ", " + strings.TrimSuffix(p.String(), "}") + w.file(x, "ctx", returned, false) + "}"
	}
	w.use(module + "/" + folder)
	assigned := "err := "
	if m.Type.NumOut() == 2 {
		assigned = "answer, err := "
	}
	w.printf("%s%s.%s(ctx%s)\n%s", assigned, r.made, m.Name, params, returned)
	if m.Type.NumOut() == 2 {
		w.use("fmt")
		w.printf("fmt.Printf(\"%%+v\\n\", answer)\n")
	}
	return true
}

// fill makes params of what was sent: members of the body by their JSON name, the others by the field that is called
// like them.
func fill(x journal.Exchange, t reflect.Type) (reflect.Value, error) {
	op := x.Operation
	p := reflect.New(t)
	v, _ := object(x)
	if op.Body != nil && v != nil {
		text, err := json.Marshal(v)
		if err != nil {
			return p, err
		}
		if err := json.Unmarshal(replaceSealed(op.Body, text), p.Interface()); err != nil {
			return p, fmt.Errorf("fill %s: %w", t, err)
		}
	}
	route := op.Route
	if brandly(x) && op.BrandRoute != "" {
		route = op.BrandRoute
	}
	values := variables(route, URI(x))
	if values == nil {
		values = map[string]string{}
	}
	_, raw, _ := strings.Cut(URI(x), "?")
	open, sealed := queries(op, raw)
	for name := range open {
		values[name] = open.Get(name)
	}
	for _, name := range sealed {
		values[name] = plain(name)
	}
	if m, ok := v.(map[string]any); ok && op.Upload != nil { // the part meta has fields of its own
		for name, one := range m {
			if text, ok := one.(string); ok {
				values[name] = text
			}
		}
	}
	for name, value := range values {
		set(p.Elem(), name, value)
	}
	return p.Elem(), nil
}

// set fills the field that is called like a parameter; one that is not there, or not such, stays away.
func set(p reflect.Value, name, value string) {
	plain := strings.ReplaceAll(name, "_", "")
	field := p.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, plain) })
	if !field.IsValid() {
		short := strings.TrimPrefix(name, "encrypted_")
		plain = strings.ReplaceAll(short, "_", "")
		if field = p.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, plain) }); !field.IsValid() {
			return
		}
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(public(value))
	case reflect.Int64, reflect.Int:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			field.SetInt(n)
		}
	case reflect.Bool:
		field.SetBool(value == "true")
	}
}

// typeName is a type as another package writes it.
func (w *writer) typeName(t reflect.Type) string {
	switch {
	case t.Name() != "" && t.PkgPath() != "":
		where := t.PkgPath()
		if strings.Contains(where, "/internal/") {
			where = module // what is in there has a name at the root
		}
		w.use(where)
		return path.Base(where) + "." + t.Name()
	case t.Kind() == reflect.Slice:
		return "[]" + w.typeName(t.Elem())
	case t.Kind() == reflect.Pointer:
		return "*" + w.typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "map[" + w.typeName(t.Key()) + "]" + w.typeName(t.Elem())
	case t.Kind() == reflect.Interface:
		return "any"
	}
	return t.String()
}

// literal writes a value as Go. Where its type is clear from around it, a plain value needs no name.
func (w *writer) literal(v reflect.Value, clear bool) {
	switch made := v.Interface().(type) {
	case wxpay.Time:
		w.use("time")
		w.use(module)
		u := made.UTC()
		w.printf("wxpay.TimeOf(time.Date(%d, time.%s, %d, %d, %d, %d, 0, time.UTC))", u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second())
		return
	case wxpay.Date:
		w.use("time")
		w.use(module)
		w.printf("wxpay.Date{Year: %d, Month: time.%s, Day: %d}", made.Year, time.Month(made.Month), made.Day)
		return
	case time.Duration:
		w.use("time")
		w.printf("time.Duration(%d)", made)
		return
	case json.RawMessage:
		w.use("encoding/json")
		w.printf("json.RawMessage(%s)", lit(string(made)))
		return
	case *media.Source:
		w.use(module + "/media")
		w.printf("media.File(%q)", "FILE")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		w.printf("%s{\n", w.typeName(v.Type()))
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || v.Field(i).IsZero() {
				continue
			}
			w.printf("%s: ", f.Name)
			w.literal(v.Field(i), true)
			w.printf(",\n")
		}
		w.printf("}")
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct && !isText(v.Elem()) {
			w.printf("&")
			w.literal(v.Elem(), false)
			return
		}
		w.printf("new(")
		w.literal(v.Elem(), false)
		w.printf(")")
	case reflect.Slice:
		w.printf("%s{", w.typeName(v.Type()))
		for i := range v.Len() {
			w.literal(v.Index(i), true)
			w.printf(", ")
		}
		w.printf("}")
	case reflect.Map:
		w.printf("%s{\n", w.typeName(v.Type()))
		for _, k := range v.MapKeys() {
			w.literal(k, true)
			w.printf(": ")
			w.literal(v.MapIndex(k), true)
			w.printf(",\n")
		}
		w.printf("}")
	case reflect.Interface:
		if v.IsNil() {
			w.printf("nil")
			return
		}
		w.literal(v.Elem(), false)
	default:
		text := fmt.Sprint(v.Interface())
		switch v.Kind() {
		case reflect.String:
			text = lit(v.String())
		case reflect.Int64, reflect.Int32, reflect.Int:
			text = strconv.FormatInt(v.Int(), 10)
		}
		if !clear && !(v.Type() == reflect.TypeFor[string]() || v.Type() == reflect.TypeFor[bool]() || v.Type() == reflect.TypeFor[float64]()) {
			text = w.typeName(v.Type()) + "(" + text + ")"
		}
		w.printf("%s", text)
	}
}

func isText(v reflect.Value) bool {
	switch v.Interface().(type) {
	case wxpay.Time, wxpay.Date:
		return true
	}
	return false
}
