package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wxpay-go/wxpay/api"
)

// A reader turns one document into a product. It goes by nodes, not by values, to keep the order of members,
// and it minds every key: one that it does not know is a fault, so that no fact is lost in silence.
type reader struct {
	root   *yaml.Node
	faults []error
}

func read(name string, text []byte) (*api.Product, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	r := &reader{root: file.Content[0]}
	p := r.product()
	p.Name = strings.TrimSuffix(filepath.Base(name), ".yaml")
	p.English = cmp.Or(p.English, p.Name)
	r.faults = append(r.faults, verify(p)...)
	return p, errors.Join(r.faults...)
}

// fields says where the value of each key goes: into a pointer, or to a function. Nil lets a key be.
type fields map[string]any

// fields reads a mapping. The prefix x-wechatpay- becomes x-: the documents of TPNS have none.
func (r *reader) fields(n *yaml.Node, known fields) {
	r.each(n, func(key string, v *yaml.Node) {
		to, ok := known[strings.Replace(key, "x-wechatpay-", "x-", 1)]
		if !ok {
			r.fault(v, "%s is not understood", key)
			return
		}
		switch to := to.(type) {
		case nil:
		case func(*yaml.Node):
			to(v)
		case *string: // line ends only fold the document
			*to = strings.Join(strings.Fields(v.Value), " ")
		default:
			r.decode(v, to)
		}
	})
}

func (r *reader) each(n *yaml.Node, f func(key string, v *yaml.Node)) {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		f(n.Content[i].Value, n.Content[i+1])
	}
}

func (r *reader) decode(n *yaml.Node, to any) {
	if err := n.Decode(to); err != nil {
		r.fault(n, "%v", err)
	}
}

func (r *reader) fault(at *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("line %d: %s", at.Line, fmt.Sprintf(format, args...)))
}

// member is the value of a key, nil if there is none.
func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// follow goes to what a $ref names.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	ref := member(n, "$ref")
	if ref == nil {
		return n
	}
	at := r.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref.Value, "#/"), "/") {
		at = member(at, name)
	}
	if at == nil {
		r.fault(ref, "%s leads nowhere", ref.Value)
	}
	return r.follow(at)
}

func (r *reader) product() *api.Product {
	p := &api.Product{Platform: "tpns"}
	r.fields(r.root, fields{
		"info": func(v *yaml.Node) {
			r.fields(v, fields{"title": &p.Title, "description": &p.Description,
				"x-go-package": &p.Go,
				"x-name":       func(v *yaml.Node) { r.fields(v, fields{"en": &p.English, "zh": &p.Chinese}) },
				"version":      nil, "summary": nil, "x-product-status": nil, "x-undocumented": nil})
		},
		"x-wechatpay": func(v *yaml.Node) {
			p.Platform = "wechatpay"
			p.RequestIDs = r.requestIDs(member(v, "request-id-codes"))
		},
		"x-doubts": func(v *yaml.Node) {
			r.each(v, func(id string, v *yaml.Node) {
				d := api.Doubt{ID: id}
				r.fields(v, fields{"about": &d.About, "seen": &d.Seen, "decision": &d.Decision})
				p.Doubts = append(p.Doubts, d)
			})
		},
		"paths": func(v *yaml.Node) {
			r.each(v, func(path string, item *yaml.Node) {
				r.each(item, func(method string, v *yaml.Node) {
					if withdrawn := member(v, "deprecated"); method != "parameters" && withdrawn == nil {
						o := &api.Operation{Route: strings.ToUpper(method) + " " + path, Params: r.params(member(item, "parameters"))}
						r.operation(o, v)
						p.Operations = append(p.Operations, o)
					}
				})
			})
		},
		"webhooks": func(v *yaml.Node) {
			r.each(v, func(id string, v *yaml.Node) {
				p.Notifications = append(p.Notifications, r.notification(id, member(v, "post")))
			})
		},
		"components": func(v *yaml.Node) {
			r.each(member(v, "schemas"), func(name string, v *yaml.Node) {
				s := r.schema(v)
				s.Name = name
				p.Schemas = append(p.Schemas, s)
			})
		},
		"openapi": nil, "servers": nil, "security": nil, "tags": nil, "x-undocumented": nil, "x-access-points": nil, "x-transport": nil,
	})
	return p
}

var number = regexp.MustCompile(`^\d+$`)

func (r *reader) requestIDs(n *yaml.Node) (all []api.RequestID) {
	r.each(n, func(key string, v *yaml.Node) {
		if !number.MatchString(key) {
			return // where the number stands
		}
		id := api.RequestID{Number: key, English: v.Value}
		if v.Kind == yaml.MappingNode {
			r.fields(v, fields{"en": &id.English, "zh": &id.Chinese})
		}
		all = append(all, id)
	})
	return all
}

func (r *reader) operation(o *api.Operation, n *yaml.Node) {
	r.fields(n, fields{
		"operationId": &o.ID, "x-title": &o.Title, "summary": &o.Summary, "description": &o.Description,
		"x-source":     func(v *yaml.Node) { o.Pages = r.pages(v) },
		"x-role":       &o.Roles,
		"x-errors":     &o.Errors,
		"x-brand-door": func(v *yaml.Node) { r.brand(o, v) },
		"x-rate-limit": func(v *yaml.Node) { o.Rates = r.rates(v) },
		"x-pagination": func(v *yaml.Node) { o.Pagination = r.pagination(v) },
		"x-async":      func(v *yaml.Node) { o.Async = r.async(v) },
		"x-doubt":      func(v *yaml.Node) { o.Doubts = r.doubts(v) },
		"parameters":   func(v *yaml.Node) { o.Params = append(o.Params, r.params(v)...) },
		"requestBody":  func(v *yaml.Node) { r.body(o, r.follow(v)) },
		"responses":    func(v *yaml.Node) { r.answer(o, v) },

		"x-idempotency-key": &o.IdempotencyKey, "x-natural-key": &o.NaturalKey,
		"tags": nil, "security": nil, "x-role-detail": nil, "x-response": nil, "x-auth": nil, "x-limits": nil, "x-wire-notes": nil, "x-retry": nil,
		"x-signed-body": nil, // belongs to the upload
	})
	if signed := member(n, "x-wechatpay-signed-body"); signed != nil && o.Upload != nil {
		o.Upload.Signed = signed.Value
	}
}

func (r *reader) pages(n *yaml.Node) (pages []string) {
	if list := member(n, "pages"); list != nil {
		r.decode(list, &pages)
	}
	return pages
}

// brand reads the door of brands, unless nobody has seen it.
func (r *reader) brand(o *api.Operation, n *yaml.Node) {
	if met := member(n, "met"); met != nil && met.Value == "false" {
		return
	}
	var method, path string
	r.fields(n, fields{
		"method": &method, "path": &path, "pages": &o.BrandPages, "differs": &o.BrandDiffers,
		"rate-limit": func(v *yaml.Node) { o.BrandRates = r.rates(v) },
		"source":     nil, "updated": nil, "met": nil,
	})
	o.BrandRoute = method + " " + path
}

var doubt = regexp.MustCompile(`^[A-Z]+-\d+$`)

// doubts reads the numbers of doubts. Those of TPNS have none and stand as text.
func (r *reader) doubts(n *yaml.Node) (ids []string) {
	for _, item := range n.Content {
		if doubt.MatchString(item.Value) {
			ids = append(ids, item.Value)
		}
	}
	return ids
}

func (r *reader) pagination(n *yaml.Node) *api.Pagination {
	p := new(api.Pagination)
	r.fields(n, fields{
		"style": &p.Style, "offset": &p.Offset, "first": &p.First, "token": &p.Token, "next": &p.Next, "total": &p.Total, "items": &p.Items,
		"limit": &p.Limit, "default-limit": &p.DefaultLimit, "max-limit": &p.MaxLimit,
		"size": &p.Limit, "default-size": &p.DefaultLimit, "max-size": &p.MaxLimit,
	})
	return p
}

var (
	rate  = regexp.MustCompile(`^(\d+)/(s|second|min|minute|h|hour|day)(?: per (.+))?$`)
	units = map[string]string{"s": "second", "min": "minute", "h": "hour"}
)

// rates reads "50/s per brand, 6000/day", or the members that the documents of TPNS have.
func (r *reader) rates(n *yaml.Node) (rates []api.Rate) {
	if n.Kind == yaml.MappingNode {
		var one api.Rate
		r.fields(n, fields{"value": &one.Count, "per": &one.Every, "applies_to": &one.Only, "on_excess": &one.Refusal, "not_named": nil, "scope": nil})
		return []api.Rate{one}
	}
	if n.Value == "none documented" {
		return nil
	}
	for text := range strings.SplitSeq(n.Value, ", ") {
		m := rate.FindStringSubmatch(text)
		if m == nil {
			r.fault(n, "%q is no rate", text)
			continue
		}
		count, _ := strconv.ParseInt(m[1], 10, 64)
		every := m[2]
		if long, ok := units[every]; ok {
			every = long
		}
		rates = append(rates, api.Rate{Count: count, Every: every, Per: m[3]})
	}
	return rates
}

func (r *reader) async(n *yaml.Node) *api.Async {
	a := new(api.Async)
	r.fields(n, fields{
		"poll": &a.Poll, "by": &a.By, "pending": &a.Pending, "settled": &a.Settled, "final": &a.Final, "webhooks": &a.Webhooks,
		"usual-time": &a.UsualTime, "usual-minutes": func(v *yaml.Node) { a.UsualTime = v.Value + " minutes" },
	})
	return a
}

func (r *reader) params(n *yaml.Node) (all []*api.Param) {
	if n == nil {
		return nil
	}
	for _, item := range n.Content {
		p, sealed := new(api.Param), false
		r.fields(r.follow(item), fields{
			"name": &p.Name, "in": &p.In, "required": &p.Required, "description": &p.Description, "x-sensitive": &sealed,
			"schema":  func(v *yaml.Node) { p.Schema = r.schema(v) },
			"x-doubt": func(v *yaml.Node) { p.Doubts = r.doubts(v) },
		})
		if sealed {
			p.Schema.Sealed = toPlatform
		}
		all = append(all, p)
	}
	return all
}

// body reads what is sent: JSON, or a form of a file and perhaps JSON beside it.
func (r *reader) body(o *api.Operation, n *yaml.Node) {
	r.fields(member(n, "content"), fields{
		"application/json": func(media *yaml.Node) { o.Body, o.BodyExample = r.media(media) },
		"multipart/form-data": func(media *yaml.Node) {
			o.Upload = new(api.Upload)
			r.each(member(r.follow(member(media, "schema")), "properties"), func(name string, v *yaml.Node) {
				if file := r.follow(v); member(file, "contentMediaType") == nil {
					o.Upload.Meta, o.Body = name, r.schema(v)
				} else {
					o.Upload.Part = name
					r.file(o.Upload, file)
				}
			})
		},
	})
}

// media reads the schema of a body, and the first whole example where the document gives one.
func (r *reader) media(n *yaml.Node) (*api.Schema, json.RawMessage) {
	if one := member(n, "example"); one != nil {
		return r.schema(member(n, "schema")), r.json(one)
	}
	if all := member(n, "examples"); all != nil {
		return r.schema(member(n, "schema")), r.json(member(all.Content[1], "value"))
	}
	return r.schema(member(n, "schema")), nil
}

func (r *reader) file(u *api.Upload, n *yaml.Node) {
	r.fields(n, fields{
		"x-sensitive-unit": &u.Sealed, "x-max-lines": &u.MaxLines, "x-max-bytes": &u.MaxBytes,
		"x-max-size": func(v *yaml.Node) {
			if _, err := fmt.Sscanf(v.Value, "%dMB", &u.MaxBytes); err != nil {
				r.fault(v, "%s is no size", v.Value)
			}
			u.MaxBytes *= 1_000_000
		},
		"x-file-name-length": func(v *yaml.Node) {
			r.decode(v.Content[0], &u.MinName)
			r.decode(v.Content[1], &u.MaxName)
		},
		"type": nil, "contentMediaType": nil, "contentEncoding": nil, "description": nil, "format": nil, "examples": nil, "x-sensitive": nil, "x-doubt": nil,
	})
}

// answer reads the first success.
func (r *reader) answer(o *api.Operation, n *yaml.Node) {
	r.each(n, func(status string, v *yaml.Node) {
		if o.Status != 0 || !strings.HasPrefix(status, "2") {
			return
		}
		o.Status, _ = strconv.Atoi(status)
		if media := member(member(r.follow(v), "content"), "application/json"); media != nil {
			o.Answer, o.Example = r.media(media)
		}
	})
}

func (r *reader) notification(id string, n *yaml.Node) *api.Notification {
	note := &api.Notification{ID: id}
	r.fields(n, fields{
		"x-event": &note.Event, "x-title": &note.Title, "summary": &note.Summary, "description": &note.Description,
		"x-source":    func(v *yaml.Node) { note.Pages = r.pages(v) },
		"x-doubt":     func(v *yaml.Node) { note.Doubts = r.doubts(v) },
		"x-retries":   func(v *yaml.Node) { note.Retries = r.waits(v) },
		"x-plaintext": func(v *yaml.Node) { note.Plaintext = &api.Schema{Ref: schemaName(v)} },
		"requestBody": func(v *yaml.Node) {
			note.Envelope = r.schema(member(member(member(v, "content"), "application/json"), "schema"))
		},
		"operationId": nil, "tags": nil, "security": nil, "parameters": nil, "responses": nil,
	})
	return note
}

// waits reads a list such as [15s, 60s*10], which is one wait of 15 seconds and then ten of 60.
func (r *reader) waits(n *yaml.Node) (waits []string) {
	for _, item := range n.Content {
		wait, times, many := strings.Cut(item.Value, "*")
		count, err := 1, error(nil)
		if many {
			count, err = strconv.Atoi(times)
		}
		if _, bad := time.ParseDuration(wait); bad != nil || err != nil || count < 1 {
			r.fault(item, "%s is no wait such as 15s or 60s*10", item.Value)
			continue
		}
		waits = append(waits, slices.Repeat([]string{wait}, count)...)
	}
	return waits
}

func schemaName(ref *yaml.Node) string { return strings.TrimPrefix(ref.Value, "#/components/schemas/") }

// json is a value of the document as JSON, its members in their order.
func (r *reader) json(n *yaml.Node) json.RawMessage {
	var b []byte
	switch n.Kind {
	case yaml.MappingNode:
		r.each(n, func(key string, v *yaml.Node) {
			b = append(append(append(append(b, ','), quote(key)...), ':'), r.json(v)...)
		})
		return slices.Concat([]byte("{"), b[min(1, len(b)):], []byte("}"))
	case yaml.SequenceNode:
		for _, item := range n.Content {
			b = append(append(b, ','), r.json(item)...)
		}
		return slices.Concat([]byte("["), b[min(1, len(b)):], []byte("]"))
	}
	if slices.Contains([]string{"!!int", "!!float", "!!bool", "!!null"}, n.ShortTag()) {
		return json.RawMessage(n.Value)
	}
	return quote(n.Value)
}

func quote(s string) []byte {
	b, _ := marshal(s) // text never fails
	return b
}
