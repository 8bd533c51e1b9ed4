package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"strings"
	"text/template"

	"github.com/wxpay-go/wxpay/api"
)

var templates = template.Must(template.New("").Funcs(template.FuncMap{"doc": docLines}).Parse(`
{{define "types"}}
{{range .Types}}
{{doc .Doc}}{{with .Pages}}//
{{range .}}// {{.}}
{{end}}{{end}}type {{.Name}} {{if .Values}}string

{{doc .Group}}const (
{{$type := .Name}}{{range .Values}}{{.Name}} {{$type}} = {{printf "%q" .Value}}{{with .Comment}} // {{.}}{{end}}
{{end}})
{{else if .As}}{{.As}}
{{else}}struct {
{{range .Fields}}{{with .Doc}}{{doc .}}{{end}}{{.Name}} {{.Type}} {{.Tag}}{{with .Comment}} // {{.}}{{end}}
{{end}} }
{{end}}{{end}}{{end}}

{{define "routes"}}
const (
{{range .Routes}}{{.Name}} = {{printf "%q" .Route}}
{{end}})
{{end}}

{{define "check"}}
{{with .Regexps}}var (
{{range .}}{{.Name}} = regexp.MustCompile({{printf "%q" .Pattern}})
{{end}})
{{end}}{{range .Checks}}
func (p *{{.Type}}) check({{if .Doors}}c *wxpay.Client{{end}}) error {
	return params.Check{{if .Doors}}At(c, {{.Route}}, {{.Brand}},{{else}}({{.Route}},{{end}}
{{range .Faults}}{{.}},
{{end}})
}
{{end}}{{end}}

{{define "method"}}
// {{.Name}} … ({{.Title}}).
//
// Limits: …
//
// Repeating: …
//
// Errors: …
//
//	{{.Route}}{{with .BrandRoute}}
//	{{.}}{{end}}
//
{{range .Pages}}// {{.}}
{{end}}func (s *Service) {{.Name}}(ctx context.Context, p {{.Name}}Params) {{.Results}} {
	if err := p.check({{if .Doors}}s.client{{end}}); err != nil {
		return {{.Failed}}err
	}
	{{if .Page}}list, err :={{else}}return{{end}} {{.Send}}(ctx, s.client, wxpay.Call{
		Route: route{{.Name}},{{if .BrandRoute}}
		BrandRoute: brand{{.Name}},{{end}}{{with .Vars}}
		Vars: {{.}},{{end}}{{with .Query}}
		Query: {{.}},{{end}}{{if .Body}}
		Body: p,{{end}}{{with .Key}}
		Idempotent: true, // by {{.}}{{end}}
	}){{with .Page}}
	if err != nil {
		return nil, err
	}
	return {{.}}, nil{{end}}
}
{{end}}`))

// docLines is text as a comment, broken into lines.
func docLines(text string) string {
	if text == "" {
		return ""
	}
	return "// " + strings.ReplaceAll(wrap(text, 110), "\n", "\n// ") + "\n"
}

// files are the generated files of a package, by name.
func (g *goPackage) files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"types", "routes", "check"} {
		var body bytes.Buffer
		if err := templates.ExecuteTemplate(&body, name, g); err != nil {
			return nil, err
		}
		text, err := format.Source([]byte(generated + "package " + g.Name + "\n\n" + imports(body.String()) + body.String()))
		if err != nil {
			return nil, fmt.Errorf("%s_gen.go: %w\n%s", name, err, body.String())
		}
		files[name+"_gen.go"] = text
	}
	return files, nil
}

// imports are those of a file, the standard library first.
func imports(body string) string {
	var all string
	for _, path := range []string{"encoding/json", "regexp", "", module, paramsPath} {
		if path == "" && all != "" {
			all += "\n"
		} else if name := path[strings.LastIndex(path, "/")+1:]; name != "" && strings.Contains(body, name+".") {
			all += fmt.Sprintf("%q\n", path)
		}
	}
	if all = strings.TrimSpace(all); all == "" {
		return ""
	}
	return "import (\n" + all + "\n)\n"
}

const (
	module     = "github.com/wxpay-go/wxpay"
	paramsPath = module + "/services/internal/params"
)

// skeleton is the method of a call, to be pasted and completed by hand.
func skeleton(o *api.Operation) (string, error) {
	name := methodName(o)
	var vars, query []string
	page := o.Pagination
	for _, p := range o.Params {
		v := "p." + fieldName(p.Name)
		switch {
		case page != nil && p.Name == page.Limit && page.MaxLimit > 0: // 0 is no size of a page
			v = fmt.Sprintf("params.Decimal(cmp.Or(%s, %d))", v, cmp.Or(page.DefaultLimit, page.MaxLimit))
		case p.Schema.Type == "integer":
			v = "params.Decimal(" + v + ")"
		case p.Schema.Type == "boolean":
			v = `map[bool]string{true: "true"}[` + v + "]"
		case p.Schema.Enum != nil:
			v = "string(" + v + ")"
		}
		switch p.In {
		case "path":
			vars = append(vars, fmt.Sprintf("%q: %s", p.Name, v))
		case "query":
			query = append(query, fmt.Sprintf("%q, %s", p.Name, v))
		}
	}
	m := map[string]any{
		"Name": name, "Title": o.Title, "Route": o.Route, "BrandRoute": o.BrandRoute, "Pages": o.Pages, "Body": o.Body != nil, "Key": o.IdempotencyKey,
		"Doors":   hasDoors(o.Product),
		"Results": "error", "Failed": "", "Send": "wxpay.Send", "Vars": "", "Query": "", "Page": "",
	}
	if vars != nil {
		m["Vars"] = "wxpay.Vars{" + strings.Join(vars, ", ") + "}"
	}
	if query != nil {
		m["Query"] = "params.Query(" + strings.Join(query, ", ") + ")"
	}
	g := &goPackage{product: o.Product, named: map[*api.Schema]*goType{}, names: map[string]bool{}}
	switch {
	case page != nil:
		item := g.typeOf("", "", o.Answer.Property(page.Items).Schema.Items)
		m["Results"], m["Failed"], m["Send"] = "(*wxpay.Page["+item+"], error)", "nil, ", "wxpay.Do[params.List["+item+"]]"
		made := "list.Page()"
		if !plainList(page) {
			m["Send"], made = "wxpay.Do["+listName(o)+"]", "wxpay.Page["+item+"]{Items: list."+fieldName(page.Items)
			if page.Total != "" {
				made += ", Total: list." + fieldName(page.Total)
			}
			made += "}"
		}
		offset, size := "p."+fieldName(page.Offset), "p."+fieldName(page.Limit)
		m["Page"] = made + map[string]string{"page-number": ".ByNumber(" + offset + ", " + size + ")", "record-offset": ".ByRecord(" + offset + ")", "page-token": ".ByToken(list." + fieldName(page.Next) + ")"}[page.Style]
	case o.Answer != nil:
		answer := g.typeOf("", "", o.Answer)
		m["Results"], m["Failed"], m["Send"] = "(*"+answer+", error)", "nil, ", "wxpay.Do["+answer+"]"
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "method", m); err != nil {
		return "", err
	}
	text, err := format.Source(b.Bytes())
	return string(text), err
}
