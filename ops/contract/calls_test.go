package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/wxpay-go/wxpay"
)

// An input is what a call is to send: path, query and body as the document names them, sensitive values
// in plain text.
type input struct {
	values map[string]string
	body   any // decoded JSON; of an upload, its parts
}

// all is the input as one object.
func (in input) all() map[string]any {
	all := map[string]any{}
	for name, v := range in.values {
		all[name] = v
	}
	if in.body != nil {
		all["body"] = in.body
	}
	return all
}

// A call makes one operation through the SDK: it fills the parameters from in and returns what came back.
type call func(ctx context.Context, in input) (any, error)

// answers is the row of a method that answers something.
func answers[P, R any](method func(context.Context, P) (R, error)) call {
	return func(ctx context.Context, in input) (any, error) {
		p, err := params[P](in)
		if err != nil {
			return nil, err
		}
		return method(ctx, p)
	}
}

// lists is the row of a method that answers a page.
func lists[P, T any](method func(context.Context, P) (*wxpay.Page[T], error)) call {
	return answers(func(ctx context.Context, p P) (any, error) {
		page, err := method(ctx, p)
		if err != nil {
			return nil, err
		}
		return listed{page.Items, page.Total, page.Next}, nil
	})
}

// listed is a page. Next stands for offset and limit of the answer, or for the token of the next.
type listed struct {
	items any
	total int64
	next  *wxpay.Cursor
}

// named is the page under the names of the document.
func (l listed) named(op *Operation) map[string]any {
	names, _ := op.Extensions["x-wechatpay-pagination"].(map[string]any)
	page := map[string]any{}
	put := func(what string, v any) {
		if name, ok := names[what].(string); ok {
			page[name] = v
		}
	}
	put("items", l.items)
	put("total", l.total)
	if l.next != nil {
		put("next", l.next.Token)
	}
	return page
}

// succeeds is the row of a method that answers nothing.
func succeeds[P any](method func(context.Context, P) error) call {
	return func(ctx context.Context, in input) (any, error) {
		p, err := params[P](in)
		if err != nil {
			return nil, err
		}
		return nil, method(ctx, p)
	}
}

// params fills the parameters of a method: those of the body by their JSON names, those of path and query
// by the names of the fields, which mirror the names on the wire.
func params[P any](in input) (P, error) {
	var p P
	if in.body != nil {
		body, err := json.Marshal(in.body)
		if err != nil {
			return p, err
		}
		if err := json.Unmarshal(body, &p); err != nil {
			return p, fmt.Errorf("fill %T: %w", p, err)
		}
	}
	v := reflect.ValueOf(&p).Elem()
	for name, value := range in.values {
		field := v.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, strings.ReplaceAll(name, "_", "")) })
		switch field.Kind() {
		case reflect.String:
			field.SetString(value)
		case reflect.Int64:
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return p, err
			}
			field.SetInt(n)
		case reflect.Bool:
			field.SetBool(value == "true")
		default:
			return p, fmt.Errorf("%T has no field for %s", p, name)
		}
	}
	return p, nil
}

// text is a member of an upload's body.
func (in input) text(path ...string) string {
	v := in.body
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	s, _ := v.(string)
	return s
}

// client returns a client of WeChat Pay whose requests go to x.
func client(x *exchange) *wxpay.Client {
	config := wxpay.Config{
		MchID:       mchID,
		SerialNo:    mchSerial,
		PrivateKey:  merchantKey(),
		APIv3Key:    apiV3Key,
		PublicKeyID: platformID,
		PublicKey:   &platformKey().PublicKey,
		HTTPClient:  &http.Client{Transport: x},
	}
	switch brand := x != nil && x.op.Brand; {
	case x != nil && x.fake != nil && brand:
		config = x.fake.BrandConfig()
	case x != nil && x.fake != nil:
		config = x.fake.MerchantConfig()
	case brand:
		config.MchID, config.BrandID = "", ownBrand
	}
	c, err := wxpay.New(config)
	if err != nil {
		panic(err)
	}
	return c
}
