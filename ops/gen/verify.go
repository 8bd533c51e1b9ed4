package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wxpay-go/wxpay/api"
)

// verify finds names in a product that lead nowhere.
func verify(p *api.Product) (faults []error) {
	linked, err := resolve(&api.Catalog{Products: []*api.Product{p}})
	if err != nil {
		return []error{err}
	}
	p = linked.Products[0]
	miss := func(where, what, name string) {
		faults = append(faults, fmt.Errorf("%s: %s %s is not there", where, what, name))
	}
	doubts := func(where string, ids []string) {
		for _, id := range ids {
			if !slices.ContainsFunc(p.Doubts, func(d api.Doubt) bool { return d.ID == id }) {
				miss(where, "doubt", id)
			}
		}
	}
	for _, o := range p.Operations {
		doubts(o.ID, o.Doubts)
		asked := func(name string) bool {
			return slices.ContainsFunc(o.Params, func(p *api.Param) bool { return p.Name == name }) || o.Body != nil && has(o.Body, name)
		}
		for _, name := range wildcards(o.Route) {
			if !slices.ContainsFunc(o.Params, func(p *api.Param) bool { return p.In == "path" && p.Name == name }) {
				miss(o.ID, "path parameter", name)
			}
		}
		if o.IdempotencyKey != "" && !asked(o.IdempotencyKey) {
			miss(o.ID, "idempotency key", o.IdempotencyKey)
		}
		if page := o.Pagination; page != nil {
			for _, name := range []string{page.Offset, page.Limit, page.Token} {
				if name != "" && !asked(name) {
					miss(o.ID, "page parameter", name)
				}
			}
			for _, name := range []string{page.Total, page.Items, page.Next} {
				if name != "" && !has(o.Answer, name) {
					miss(o.ID, "page member", name)
				}
			}
		}
		if o.Async != nil {
			if !slices.ContainsFunc(p.Operations, func(poll *api.Operation) bool { return poll.ID == o.Async.Poll }) {
				miss(o.ID, "operation", o.Async.Poll)
			}
			for _, id := range o.Async.Webhooks {
				if p.Notification(id) == nil {
					miss(o.ID, "notification", id)
				}
			}
		}
	}
	for _, n := range p.Notifications {
		doubts(n.ID, n.Doubts)
	}
	return faults
}

func has(s *api.Schema, name string) bool {
	return s.Property(name) != nil || slices.ContainsFunc(s.OneOf, func(one *api.Schema) bool { return has(one, name) })
}

// wildcards are the names in braces of a route.
func wildcards(route string) (names []string) {
	for part := range strings.SplitSeq(route, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok {
			names = append(names, name)
		}
	}
	return names
}

// unique finds names that two products share.
func unique(c *api.Catalog) (faults []error) {
	seen := map[string]string{}
	once := func(name, product string) {
		if other, ok := seen[name]; ok && name != "" {
			faults = append(faults, fmt.Errorf("%s: %s stands in %s too", product, name, other))
		}
		seen[name] = product
	}
	for _, p := range c.Products {
		for _, o := range p.Operations {
			once(o.ID, p.Name)
			once(o.Route, p.Name)
			once(o.BrandRoute, p.Name)
		}
		for _, n := range p.Notifications {
			once(n.Event, p.Name)
		}
		for _, d := range p.Doubts {
			once(d.ID, p.Name)
		}
	}
	return faults
}
