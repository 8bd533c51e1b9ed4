package api_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wxpay-go/wxpay/api"
)

func load(t *testing.T) *api.Catalog {
	t.Helper()
	c, err := api.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func operation(t *testing.T, id string) *api.Operation {
	t.Helper()
	o := load(t).Operation(id)
	if o == nil {
		t.Fatalf("no operation %s", id)
	}
	return o
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// What the catalog says is what the documents say: each fact is written here by hand, one of every kind.
func TestFacts(t *testing.T) {
	t.Parallel()
	var operations, notifications int
	for _, p := range load(t).Products {
		operations += len(p.Operations)
		notifications += len(p.Notifications)
	}
	want(t, "operations", operations, 109)
	want(t, "notifications", notifications, 14)

	debit := operation(t, "createTransaction")
	want(t, "product", debit.Product.Name, "edupapay")
	want(t, "platform", debit.Product.Platform, "wechatpay")
	want(t, "route", debit.Route, "POST /v3/edu-papay/transactions")
	want(t, "title", debit.Title, "受理扣款")
	want(t, "page", debit.Pages[0], "https://pay.weixin.qq.com/doc/v3/merchant/4012524731")
	want(t, "roles", strings.Join(debit.Roles, " "), "merchant partner")
	want(t, "key", debit.IdempotencyKey, "out_trade_no")
	want(t, "status", debit.Status, 204)
	want(t, "answer", debit.Answer, nil)
	want(t, "errors", len(debit.Errors), 9)
	want(t, "error", debit.Errors[6], api.Refusal{Code: "RATELIMIT_EXCEEDED", Status: 429, Meaning: "Too many calls; slow down.", Retryable: true})
	want(t, "poll", debit.Async.Poll, "getTransactionByOutTradeNo")
	want(t, "final", strings.Join(debit.Async.Final, " "), "SUCCESS REFUND PAY_FAIL")
	number := debit.Body.Property("out_trade_no")
	want(t, "required", number.Required, true)
	want(t, "longest", *number.Schema.MaxLength, 32)
	want(t, "pattern", number.Schema.Pattern, "^[0-9A-Za-z_-]+$")

	list := operation(t, "listUserContracts")
	want(t, "pagination", *list.Pagination, api.Pagination{Style: "record-offset", Offset: "offset", Limit: "limit", DefaultLimit: 20, Total: "total_count", Items: "data"})
	status := list.Params[slices.IndexFunc(list.Params, func(p *api.Param) bool { return p.Name == "contract_status" })]
	want(t, "in", status.In, "query")
	want(t, "default", string(status.Schema.Default), `"ADD"`)
	want(t, "open", status.Schema.OpenEnum, true)
	want(t, "meaning", status.Schema.Enum[0].Meaning != "", true)

	upload := operation(t, "createTask")
	want(t, "upload", *upload.Upload, api.Upload{Part: "file", Meta: "meta", Signed: "meta", Sealed: "line", MaxBytes: 2_000_000, MaxLines: 5500})
	want(t, "meta", upload.Body.Name, "FileMeta")
	want(t, "usual time", upload.Async.UsualTime, "40 minutes")

	phone := operation(t, "importUserByPhone").Body.Property("encrypted_phone_number")
	want(t, "sealed", phone.Schema.Sealed, "to-platform")
	want(t, "opened", load(t).Product("security").Schema("Echo").Property("encrypted_echo_message").Schema.Sealed, "from-platform")

	push := operation(t, "pushApp")
	want(t, "TPNS", push.Product.Platform, "tpns")
	want(t, "rate", push.Rates[0].Every, "second")
	want(t, "refusal", push.Rates[0].Refusal, "1008028")
	want(t, "condition", push.Body.When[0].Then.Properties[0].Name, "upload_id")
	want(t, "example as given", json.Valid(push.Example) && bytes.Contains(push.Example, []byte(`"push_id":"1328245138690125824"`)), true)
	want(t, "withdrawn", load(t).Operation("revokePush"), nil)

	note := load(t).Product("membercard").Notification("memberCardAccepted")
	want(t, "event", note.Event, "MEMBERCARD.ACCEPT_CARD")
	want(t, "fixed", note.Envelope.Property("event_type").Schema.Enum[0].Value, "MEMBERCARD.ACCEPT_CARD")
	want(t, "fixed within", note.Envelope.Property("resource").Schema.Property("original_type").Schema.Enum[0].Value, "membercard")
	want(t, "kept", *note.Envelope.Property("id").Schema.MaxLength, 36)
	want(t, "plaintext", note.Plaintext.Name, "AcceptCardEvent")
}

// An object under one name is one object, and members stand in the order of the document.
func TestLinks(t *testing.T) {
	t.Parallel()
	p := load(t).Product("edupapay")
	event := p.Notification("contractSigned").Plaintext
	want(t, "shared", event, p.Schema("ContractEvent"))
	want(t, "shared by two", event, p.Notification("contractReleased").Plaintext)
	var names []string
	for _, property := range event.Properties {
		names = append(names, property.Name)
	}
	want(t, "order", strings.Join(names, " "), "sp_mchid appid sub_mchid sub_appid openid sub_openid plan_id contract_information")

	seen := map[*api.Schema]bool{}
	var walk func(s *api.Schema)
	walk = func(s *api.Schema) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		want(t, "left unlinked in "+s.Name, s.Ref, "")
		for _, property := range s.Properties {
			walk(property.Schema)
		}
		walk(s.Items)
		for _, one := range s.OneOf {
			walk(one)
		}
		if s.Pattern != "" {
			_, err := regexp.Compile(s.Pattern)
			want(t, "pattern "+s.Pattern, err, nil)
		}
	}
	for _, p := range load(t).Products {
		for _, o := range p.Operations {
			walk(o.Body)
			walk(o.Answer)
			for _, param := range o.Params {
				walk(param.Schema)
			}
		}
	}
	want(t, "walked", len(seen) > 500, true)
}

// Every answer and plaintext can be given as a whole: each member, in the order of the document.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, p := range load(t).Products {
		for _, o := range p.Operations {
			want(t, o.ID+": answer", json.Valid(o.Example), o.Answer != nil)
			want(t, o.ID+": body", json.Valid(o.BodyExample), o.Body != nil)
		}
		for _, n := range p.Notifications {
			want(t, n.ID, json.Valid(n.Example), true)
		}
	}
	want(t, "contract", string(operation(t, "presignContract").Example), `{"presign_token":"0044de6c799739c2e8534b"}`)
	want(t, "self", string((&api.Schema{Type: "object", Properties: []*api.Property{
		{Name: "a", Schema: &api.Schema{Type: "array", Items: &api.Schema{Enum: []api.Value{{Value: "X"}}, Type: "string"}}},
		{Name: "b", Schema: &api.Schema{Type: "integer", Enum: []api.Value{{Value: "7"}}}},
		{Name: "c", Schema: &api.Schema{Type: "boolean"}},
		{Name: "d", Schema: &api.Schema{OneOf: []*api.Schema{{Type: "string"}, {Type: "integer"}}}},
		{Name: "e", Schema: &api.Schema{Examples: []json.RawMessage{[]byte(`{"f":1}`)}}},
		{Name: "g", Schema: &api.Schema{Type: "array", MinItems: new(int64(3)), Items: &api.Schema{Type: "integer", Minimum: new(int64(5))}}},
		{Name: "h", Schema: &api.Schema{Type: "integer", Maximum: new(int64(0))}},
		{Name: "i", Schema: &api.Schema{Type: "string", MinLength: new(int64(6))}},
		{Name: "j", Schema: &api.Schema{Type: "string", MaxLength: new(int64(2))}},
		{Name: "k", Schema: &api.Schema{Type: "object", Examples: []json.RawMessage{[]byte(`{"m":{"n":2}}`)}, Properties: []*api.Property{ // lies over its members
			{Name: "l", Schema: &api.Schema{Type: "boolean"}}, {Name: "m", Schema: &api.Schema{Type: "object"}},
		}}},
	}}).Example()), `{"a":["X"],"b":7,"c":true,"d":"text","e":{"f":1},"g":[5,5,5],"h":0,"i":"textte","j":"te","k":{"l":true,"m":{"n":2}}}`)
}

// What leads back to itself is linked, and its example ends.
func TestSelf(t *testing.T) {
	t.Parallel()
	c, err := api.Parse([]byte(`{"products":[{"name":"p","operations":[{"id":"o","answer":{"ref":"A"}}],"schemas":[
		{"name":"A","type":"object","properties":[{"name":"a","schema":{"ref":"A","description":"inner"}},{"name":"l","schema":{"ref":"L"}}]},
		{"name":"L","type":"array","items":{"ref":"A"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Operation("o").Answer
	inner := a.Property("a").Schema
	want(t, "says more", inner.Description, "inner")
	want(t, "members", inner.Property("a"), a.Property("a"))
	want(t, "list", inner.Property("l").Schema.Items, a)
	want(t, "ends", json.Valid(c.Operation("o").Example), true)

	_, err = api.Parse([]byte(`{"products":[{"name":"p","operations":[{"id":"o","answer":{"ref":"B"}}]}]}`))
	if err == nil || err.Error() != "api: catalog: p: no schema is called B" {
		t.Error(err)
	}
	_, err = api.Parse([]byte(`[`))
	want(t, "broken", err != nil, true)
}
