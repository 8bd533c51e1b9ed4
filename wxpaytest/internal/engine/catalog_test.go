package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/engine"
	"github.com/wxpay-go/wxpay/wxpaytest/internal/fault"
)

// coupons is a document with what the products of today do not have: tokens of pages, rates per brand.
const coupons = `{"products":[{"name":"coupons","platform":"wechatpay","operations":[
	{"id":"list","route":"GET /v3/coupons","brandRoute":"GET /brand/coupons","status":200,
		"pagination":{"style":"page-token","token":"page_token","next":"next_page_token","limit":"page_size","defaultLimit":20,"total":"total_count","items":"coupon_list"},
		"answer":{"type":"object","properties":[{"name":"coupon_list","schema":{"type":"array","items":{"type":"object","properties":[{"name":"id","schema":{"type":"string","examples":["1"]}}]}}},
			{"name":"total_count","schema":{"type":"integer","examples":[77]}},{"name":"next_page_token","schema":{"type":"string","examples":["more"]}}]}},
	{"id":"send","route":"POST /v3/coupons","brandRoute":"POST /brand/coupons","status":204,"rates":[{"count":2,"every":"minute","per":"brand"}],"brandRates":[{"count":3,"every":"second"}]},
	{"id":"one","route":"PUT /v3/coupons/{id}","status":204},{"id":"mine","route":"PUT /v3/coupons/mine","status":200,"answer":{"type":"object","properties":[]},"example":{"a":1}},
	{"id":"push","route":"POST /v3/push","status":204,"rates":[{"count":1,"every":"hour","only":["all"]}]}
]}]}`

func couponEngine(t *testing.T, o engine.Options, products ...engine.Product) *engine.Engine {
	t.Helper()
	var err error
	o.Catalog, err = api.Parse([]byte(coupons))
	require.NoError(t, err)
	o.Platforms, o.Plan, o.Journal, o.Complain = []engine.Platform{open{"wechatpay"}}, &fault.Plan{}, 1, t.Errorf
	e, err := engine.New(o)
	require.NoError(t, err)
	for _, p := range products {
		require.NoError(t, e.Add(p))
	}
	return e
}

// A list is walked by its tokens, which lead to its end.
func TestPagesByToken(t *testing.T) {
	t.Parallel()
	all := []int{1, 2, 3, 4, 5}
	e := couponEngine(t, engine.Options{}, engine.Product{Name: "coupons", Handlers: map[string]engine.Handler{"list": func(tx *engine.Tx) (engine.Object, error) {
		return engine.PageOf(tx, all, func(n int) engine.Object { return engine.Object{"id": fmt.Sprint(n)} })
	}}})
	var answer struct {
		List  []struct{ ID string } `json:"coupon_list"`
		Total int                   `json:"total_count"`
		Next  string                `json:"next_page_token"`
	}
	var seen []string
	for pages := 1; pages == 1 || answer.Next != ""; pages++ {
		route := "GET /v3/coupons?page_size=2&page_token=" + answer.Next
		answer.Next, answer.List = "", nil
		status, text := call(t, e, route, "")
		require.Equal(t, 200, status, text)
		require.NoError(t, json.Unmarshal([]byte(text), &answer))
		assert.Equal(t, 5, answer.Total)
		for _, one := range answer.List {
			seen = append(seen, one.ID)
		}
		require.LessOrEqual(t, pages, 3)
	}
	assert.Equal(t, []string{"1", "2", "3", "4", "5"}, seen)
	for _, token := range []string{"x", "wxpaytest-", "wxpaytest-z", "wxpaytest--1"} {
		status, _ := call(t, e, "GET /v3/coupons?page_token="+token, "")
		assert.Equal(t, 400, status, token)
	}
}

// The example of a list is a list of what it shows: it has an end.
func TestExampleOfAList(t *testing.T) {
	t.Parallel()
	e := couponEngine(t, engine.Options{})
	_, text := call(t, e, "GET /v3/coupons", "")
	assert.JSONEq(t, `{"coupon_list":[{"id":"1"}],"total_count":1}`, text)
	_, text = call(t, e, "GET /v3/coupons?page_token=wxpaytest-1", "")
	assert.JSONEq(t, `{"coupon_list":[],"total_count":1}`, text)
}

func TestRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := couponEngine(t, engine.Options{})
		count := func(route, body string) (taken int) {
			for range 5 {
				if status, _ := call(t, e, route, body); status == 204 {
					taken++
				}
			}
			return taken
		}
		assert.Equal(t, 2, count("POST /v3/coupons", `{"brand_id":"1"}`))
		assert.Equal(t, 2, count("POST /v3/coupons", `{"brand_id":"2"}`), "of each brand")
		assert.Equal(t, 3, count("POST /brand/coupons", `{}`), "the door of brands has a rate of its own")
		time.Sleep(time.Second)
		assert.Equal(t, 0, count("POST /v3/coupons", `{"brand_id":"1"}`))
		assert.Equal(t, 3, count("POST /brand/coupons", `{}`))
		_, err := e.Do("advance", map[string]string{"duration": "1m"})
		require.NoError(t, err)
		assert.Equal(t, 2, count("POST /v3/coupons", `{"brand_id":"1"}`))
		assert.Equal(t, 1, count("POST /v3/push", `{"to":"all"}`))
		assert.Equal(t, 5, count("POST /v3/push", `{"to":"one"}`), "a kind that is not limited")
	})
	e := couponEngine(t, engine.Options{Unlimited: true})
	for range 5 {
		status, _ := call(t, e, "POST /v3/coupons", `{"brand_id":"1"}`)
		assert.Equal(t, 204, status)
	}
}

// A route without variables comes before one that has one in its place.
func TestTheNarrowerRoute(t *testing.T) {
	t.Parallel()
	e := couponEngine(t, engine.Options{})
	status, _ := call(t, e, "PUT /v3/coupons/other", "")
	assert.Equal(t, 204, status)
	status, text := call(t, e, "PUT /v3/coupons/mine", "")
	assert.Equal(t, 200, status, text)
}
