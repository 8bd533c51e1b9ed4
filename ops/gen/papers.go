package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/wxpay-go/wxpay/api"
)

// coverage is docs/coverage.md, in both languages at once.
func coverage(c *api.Catalog, s *source) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Coverage 接口覆盖

%d calls and %d notifications. 共 %[1]d 个接口、%[2]d 种通知。 Roles: 商户 merchant, 服务商 partner, 应用 application of TPNS.

Made from the API documents and the source by `+"`make generate`"+`. 由接口描述与源码生成。
`, count(c)...)
	for _, p := range c.Products {
		fmt.Fprintf(&b, "\n## %s %s\n\n| page 官方文档 | route 路由 | method 方法 | roles 角色 |\n|---|---|---|---|\n", sentence(p.English), p.Chinese)
		for _, o := range p.Operations {
			title := link(o.Title, first(o.Pages)) + "<br>" + o.Summary
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", title, o.Route, s.names(o), roles(o))
		}
		for i, n := range p.Notifications {
			if i == 0 {
				b.WriteString("\n| notification 通知 | event_type | constant 常量 |\n|---|---|---|\n")
			}
			title := n.Summary
			if n.Title != "" {
				title = link(n.Title, first(n.Pages)) + "<br>" + title
			} else {
				title = link(title, first(n.Pages))
			}
			fmt.Fprintf(&b, "| %s | `%s` | `%s` |\n", title, n.Event, s.constants[n.Event])
		}
	}
	return b.String()
}

// count counts calls and notifications.
func count(c *api.Catalog) []any {
	calls, notifications := 0, 0
	for _, p := range c.Products {
		calls += len(p.Operations)
		notifications += len(p.Notifications)
	}
	return []any{calls, notifications}
}

// names are the methods of a call.
func (s *source) names(o *api.Operation) string {
	var names []string
	for _, m := range s.methods[o.Route] {
		names = append(names, "`"+m.name+"`")
	}
	return strings.Join(names, " ")
}

var roleNames = map[string]string{"merchant": "商户", "partner": "服务商", "app": "应用"}

func roles(o *api.Operation) string {
	if o.Roles == nil {
		return roleNames["app"] // TPNS knows no merchants
	}
	var all []string
	for _, role := range o.Roles {
		page := ""
		for _, p := range o.Pages {
			if strings.Contains(p, "/"+role+"/") {
				page = cmp.Or(page, p)
			}
		}
		all = append(all, link(roleNames[role], page))
	}
	return strings.Join(all, " ")
}

func link(text, page string) string {
	if page == "" {
		return text
	}
	return "[" + text + "](" + page + ")"
}

func first(pages []string) string {
	for _, page := range pages {
		return page
	}
	return ""
}

// sentence begins with a capital.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// readme is the part of a README between the markers: the methods of each product.
func readme(c *api.Catalog, s *source, chinese bool) string {
	var b strings.Builder
	b.WriteString("\n" + fmt.Sprintf(map[bool]string{
		false: "%d calls and %d notifications; [each with its official page, route and roles](docs/coverage.md). Made by `make generate`.",
		true:  "共 %d 个接口、%d 种通知，[官方文档、路由与角色见此](docs/coverage.md)。由 `make generate` 生成。",
	}[chinese], count(c)...) + "\n")
	for _, p := range c.Products {
		name := sentence(p.English)
		if chinese {
			name = p.Chinese
		}
		var methods []string
		for _, o := range p.Operations {
			methods = append(methods, s.names(o))
		}
		for _, n := range p.Notifications {
			methods = append(methods, "`"+s.constants[n.Event]+"`")
		}
		text := strings.Join(methods, " ")
		if pkg, _, _ := strings.Cut(s.methods[p.Operations[0].Route][0].name, "."); pkg != "wxpay" {
			name += " `" + pkg + "`"
			text = strings.ReplaceAll(text, "`"+pkg+".", "`")
		}
		fmt.Fprintf(&b, "\n**%s**\n%s\n", name, wrap(text, 140))
	}
	return b.String()
}

// wrap breaks a text at blanks.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case at == 0:
		case at+len(word) >= width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		at += len(word) + 1
	}
	return b.String()
}

const (
	begin = "<!-- coverage:begin -->\n"
	end   = "\n<!-- coverage:end -->"
)

// between puts text between the markers of a page.
func between(page []byte, text string) ([]byte, error) {
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return nil, fmt.Errorf("has no markers %s and %s", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return []byte(head + begin + text + end + tail), nil
}

// doubts is docs/doubts.md.
func doubts(c *api.Catalog) string {
	var b strings.Builder
	sample := c.Products[0].Doubts[0].ID
	b.WriteString("# Doubts: points on which the public pages differ or are silent\n\n" + `Numbers such as ` + sample + ` in the documentation of this SDK name a doubt: a point on which WeChat Pay's public pages disagree with each other, or say nothing. Each stands here with what was seen and what
this SDK does. They are taken from ` + "`x-wechatpay-doubts`" + ` in the [API descriptions](../api/README.md) by ` + "`make generate`" + `; nothing of it was tried against the live service. If you know better from a real call,
an issue that names the number is welcome.

| letters | product |
|---|---|
`)
	for _, p := range c.Products {
		if p.Doubts != nil {
			letters, _, _ := strings.Cut(p.Doubts[0].ID, "-")
			fmt.Fprintf(&b, "| [%s](#%s) | %s (%s) |\n", letters, strings.ReplaceAll(p.English, " ", "-"), p.English, p.Chinese)
		}
	}
	b.WriteString("\nDoubts about TPNS stand in [api/tpns.md](../api/tpns.md), without numbers.\n")
	for _, p := range c.Products {
		if p.Doubts != nil {
			fmt.Fprintf(&b, "\n## %s\n", sentence(p.English))
		}
		for _, d := range p.Doubts {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n- Seen: %s\n- Here: %s\n", d.ID, d.About, d.Seen, d.Decision)
		}
	}
	return b.String()
}

// hints is hints_gen.go of the root package: the numbers whose meaning stands in both languages.
func hints(c *api.Catalog) string {
	var b strings.Builder
	b.WriteString(generated + "package wxpay\n\n" +
		"// hintByNumber goes by the platform's internal number after the last hyphen of a Request-ID.\nvar hintByNumber = map[string]Hint{\n")
	for _, p := range c.Products {
		for _, id := range p.RequestIDs {
			if id.Chinese != "" {
				fmt.Fprintf(&b, "%q: {%q, %q},\n", id.Number, id.English, id.Chinese)
			}
		}
	}
	return b.String() + "}\n"
}

// rows is the list of products in the contract test: a document x.yaml has its calls in xCalls, by operationId.
func rows(c *api.Catalog) string {
	var b strings.Builder
	b.WriteString(generated + "package contract\n\n" +
		"// products are the rows of the table: by document, the calls by operationId.\nvar products = map[string]func(*exchange) map[string]call{\n")
	for _, p := range c.Products {
		fmt.Fprintf(&b, "%q: %sCalls,\n", p.Name+".yaml", p.Name)
	}
	return b.String() + "}\n"
}

const generated = "// Code generated by ops/gen from api/*.yaml; DO NOT EDIT.\n\n"
