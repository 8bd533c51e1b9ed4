package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/wxpay-go/wxpay/ops/contract"
)

// A language is how a table is headed and speaks of roles.
type language struct {
	calls, notifications, summary string
	roles                         map[string]string
}

// A coverage is what the tables say.
type coverage struct {
	calls         []call
	notifications []notification
}

type call struct {
	operation, title, route string
	methods, pages, roles   []string
}

type notification struct {
	event, title, constant string
	pages                  []string
}

// cover finds the method of every call and the constant of every notification.
func cover(s *source) (*coverage, error) {
	docs, err := contract.Load()
	if err != nil {
		return nil, err
	}
	c := new(coverage)
	var missing []error
	for _, d := range docs {
		for _, op := range d.Operations {
			methods := s.methods[op.Route()]
			if methods == nil {
				missing = append(missing, fmt.Errorf("%s: %s has no method whose comment says %s", d.Name, op.OperationID, op.Route()))
				continue
			}
			c.calls = append(c.calls, newCall(op, methods))
		}
		for _, n := range d.Notifications {
			constant, ok := s.constants[n.Event]
			if !ok {
				missing = append(missing, fmt.Errorf("%s: %s has no constant", d.Name, n.Event))
			}
			c.notifications = append(c.notifications, notification{n.Event, cmp.Or(official(n.Operation), n.Summary), constant, pages(n.Operation)})
		}
	}
	return c, errors.Join(missing...)
}

func newCall(op *contract.Operation, methods []method) call {
	c := call{
		operation: op.OperationID,
		title:     official(op.Operation),
		route:     op.Route(),
		pages:     pages(op.Operation),
		roles:     texts(op.Extensions["x-wechatpay-role"]),
	}
	for _, m := range methods {
		c.methods = append(c.methods, "`"+m.name+"`")
	}
	if c.pages == nil {
		c.pages = []string{methods[0].page}
	}
	if c.roles == nil {
		c.roles = []string{"app"} // TPNS knows no merchants
	}
	return c
}

// official is the Chinese name of a call.
func official(op *openapi3.Operation) string {
	title, _ := cmp.Or(op.Extensions["x-wechatpay-title"], op.Extensions["x-title"]).(string)
	return title
}

func pages(op *openapi3.Operation) []string {
	source, _ := op.Extensions["x-wechatpay-source"].(map[string]any)
	return texts(source["pages"])
}

func texts(list any) []string {
	var all []string
	values, _ := list.([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// table is the text between the markers.
func (c *coverage) table(lang language) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n"+lang.summary+"\n", len(c.calls), len(c.notifications))
	head(&b, lang.calls)
	for _, call := range c.calls {
		var roles []string
		for _, role := range call.roles {
			roles = append(roles, link(lang.roles[role], pageOf(role, call.pages)))
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s |\n", call.operation, link(call.title, first(call.pages)), call.route,
			strings.Join(call.methods, " "), strings.Join(roles, " "))
	}
	head(&b, lang.notifications)
	for _, n := range c.notifications {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", n.event, link(n.title, first(n.pages)), n.constant)
	}
	b.WriteString("\n")
	return b.String()
}

func head(b *strings.Builder, columns string) {
	fmt.Fprintf(b, "\n%s\n%s|\n", columns, strings.Repeat("|---", strings.Count(columns, "|")-1))
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

// pageOf is the page for a role, if there is one.
func pageOf(role string, pages []string) string {
	for _, page := range pages {
		if strings.Contains(page, "/"+role+"/") {
			return page
		}
	}
	return ""
}
