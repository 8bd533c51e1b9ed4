package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
)

func TestUpToDate(t *testing.T) {
	t.Parallel()
	require.NoError(t, run("../..", true))
}

// A limit that changes in a document, and nothing else, is a difference: of the catalog and of the check that follows.
func TestNotUpToDate(t *testing.T) {
	t.Parallel()
	root, repo := t.TempDir(), filepath.Join("..", "..")
	repo, err := filepath.Abs(repo)
	require.NoError(t, err)
	for _, pattern := range []string{"*", "api/*"} {
		names, err := filepath.Glob(filepath.Join(repo, pattern))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(root, "api"), 0o700))
		for _, name := range names {
			at, err := filepath.Rel(repo, name)
			require.NoError(t, err)
			if at != "api" && at != filepath.Join("api", "edupapay.yaml") {
				require.NoError(t, os.Symlink(name, filepath.Join(root, at)))
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(repo, "api", "edupapay.yaml"))
	require.NoError(t, err)
	document := filepath.Join(root, "api", "edupapay.yaml")
	require.NoError(t, os.WriteFile(document, text, 0o600))
	require.NoError(t, run(root, true))
	require.NoError(t, os.WriteFile(document, []byte(strings.Replace(string(text), "maxLength: 32", "maxLength: 31", 1)), 0o600))
	err = run(root, true)
	assert.ErrorContains(t, err, "api/catalog.json is not up to date")
	assert.ErrorContains(t, err, "services/edupapay/check_gen.go is not up to date")
}

// The same documents make the same files, to the byte.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	c, err := readAll("../../api")
	require.NoError(t, err)
	first, err := tables(c)
	require.NoError(t, err)
	for range 5 {
		again, err := tables(c)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
}

// A document with what no document of the project has yet: a door for brands, pages by token, rates by whom,
// numbers of a Request-ID in two languages, and overrides for Go.
const coupon = `
openapi: 3.1.0
info: {title: Coupons, version: '1', description: "One\n  line"}
x-wechatpay:
  auth: {scheme: any}
  request-id-codes:
    where: after the last hyphen
    '268577984': the stock is not SENDING
    '268578367': {en: other state, zh: 状态不符}
x-wechatpay-doubts:
  PC-1: {about: a, seen: b, decision: 'c'}
paths:
  /v3/coupons/{coupon_id}:
    parameters:
      - {name: coupon_id, in: path, required: true, schema: {type: string}}
    get:
      operationId: listStocks
      x-wechatpay-title: 查询批次
      summary: List
      x-wechatpay-role: [partner]
      x-wechatpay-brand-door: {method: GET, path: '/brand/coupons/{coupon_id}', rate-limit: 50/s per brand, differs: nothing, pages: [https://a.example]}
      x-wechatpay-rate-limit: 20/s, 6000/day per merchant number
      x-wechatpay-pagination: {style: page-token, size: page_size, token: page_token, next: next_page_token, default-size: 20, max-size: 50, items: stock_list}
      x-wechatpay-doubt: [PC-1]
      parameters:
        - {name: page_size, in: query, schema: {type: integer}}
        - {name: page_token, in: query, schema: {type: string}}
      responses:
        '200':
          description: Page.
          content: {application/json: {schema: {$ref: '#/components/schemas/Stocks'}}}
    delete:
      operationId: dropCoupon
      summary: Drop
      x-wechatpay-brand-door: {met: false, expected: nowhere}
      responses: {'204': {description: Gone.}}
components:
  schemas:
    Stocks:
      type: object
      required: [stock_list]
      properties:
        stock_list: {type: array, items: {$ref: '#/components/schemas/Stock'}}
        next_page_token: {type: string, examples: ['\"a\\']}
    Stock:
      type: object
      properties:
        id: {type: string, x-go-name: StockID, x-go-nil: absent is not empty}
        price: {type: integer, x-wechatpay-unit: fen, examples: [100]}
`

func TestRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "api"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "api", "coupon.yaml"), []byte(coupon), 0o600))
	c, err := readAll(filepath.Join(root, "api"))
	require.NoError(t, err)
	text, err := encode(c)
	require.NoError(t, err)
	c, err = api.Parse(text)
	require.NoError(t, err, "%s", text)

	p := c.Product("coupon")
	assert.Equal(t, "One line", p.Description)
	assert.Equal(t, []api.RequestID{{Number: "268577984", English: "the stock is not SENDING"}, {Number: "268578367", English: "other state", Chinese: "状态不符"}}, p.RequestIDs)
	assert.Equal(t, []api.Doubt{{ID: "PC-1", About: "a", Seen: "b", Decision: "c"}}, p.Doubts)
	o := c.Operation("listStocks")
	assert.Equal(t, "GET /brand/coupons/{coupon_id}", o.BrandRoute)
	assert.Equal(t, []api.Rate{{Count: 50, Every: "second", Per: "brand"}}, o.BrandRates)
	assert.Equal(t, "nothing", o.BrandDiffers)
	assert.Equal(t, []string{"https://a.example"}, o.BrandPages)
	assert.Equal(t, []api.Rate{{Count: 20, Every: "second"}, {Count: 6000, Every: "day", Per: "merchant number"}}, o.Rates)
	assert.Equal(t, &api.Pagination{Style: "page-token", Token: "page_token", Next: "next_page_token", Limit: "page_size", DefaultLimit: 20, MaxLimit: 50, Items: "stock_list"}, o.Pagination)
	assert.Equal(t, "coupon_id", o.Params[0].Name)
	assert.JSONEq(t, `{"stock_list":[{"id":"text","price":100}],"next_page_token":"\\\"a\\\\"}`, string(o.Example))
	assert.Equal(t, api.Go{Name: "StockID", Nil: "absent is not empty"}, o.Answer.Property("stock_list").Schema.Items.Property("id").Schema.Go)
	assert.Equal(t, "fen", p.Schema("Stock").Property("price").Schema.Unit)
	assert.Empty(t, c.Operation("dropCoupon").BrandRoute, "a door that nobody has seen")

	assert.Equal(t, 2, strings.Count(string(text), `"id":"listStocks"`)+strings.Count(string(text), "\n{\"name\":\"Stock\","), "a line each")
	assert.True(t, json.Valid(text))
}

// What is not understood, and names that lead nowhere, are faults with their line.
func TestFaults(t *testing.T) {
	t.Parallel()
	for old, now := range map[string][2]string{
		"met: false":                                  {"mat: false", "line 35: mat is not understood"},
		"style: page-token":                           {"style: page-token, sort: up", "line 23: sort is not understood"},
		"20/s, 6000/day":                              {"20/s, often", `line 22: "often per merchant number" is no rate`},
		"'268578367'":                                 {"'268578367': {de: x}\n    '2'", "line 9: de is not understood"},
		"items: stock_list":                           {"items: data", "listStocks: page member data is not there"},
		"token: page_token":                           {"token: token", "listStocks: page parameter token is not there"},
		"x-wechatpay-doubt: [PC-1]":                   {"x-wechatpay-doubt: [PC-2]", "listStocks: doubt PC-2 is not there"},
		"name: coupon_id":                             {"name: coupon", "listStocks: path parameter coupon_id is not there"},
		"summary: Drop":                               {"x-wechatpay-idempotency-key: no", "dropCoupon: idempotency key no is not there"},
		"operationId: dropCoupon":                     {"operationId: dropCoupon\n      x-wechatpay-async: {poll: a, by: b, webhooks: ['c']}", "dropCoupon: operation a is not there\ndropCoupon: notification c is not there"},
		"required: [stock_list]":                      {"required: [stocks]", "line 40: stocks is required and no member"},
		"price: {type: integer":                       {"price: {type: integer, x-wechatpay-enum-meaning: {'1': one}", "line 49: 1 has a meaning and is no value"},
		"items: {$ref: '#/components/schemas/Stock'}": {"items: {$ref: '#/components/schemas/Stock', maxLength: 3}", "line 43: limits beside $ref Stock would be lost"},
		"'#/components/schemas/Stock'":                {"'#/components/schemas/Stuck'", "api: catalog: coupon: no schema is called Stuck"},
		"type: integer, x-wechatpay-unit":             {"minimum: low, x-wechatpay-unit", "line 49: yaml: unmarshal errors:\n  line 49: cannot unmarshal !!str `low` into int64"},
	} {
		_, err := read("coupon.yaml", []byte(strings.Replace(coupon, old, now[0], 1)))
		assert.ErrorContains(t, err, now[1], old)
	}
	p := &api.Product{Name: "p", Operations: []*api.Operation{{ID: "o", Route: "GET /a"}}, Doubts: []api.Doubt{{ID: "A-1"}}}
	q := &api.Product{Name: "q", Operations: []*api.Operation{{ID: "o", Route: "GET /b", BrandRoute: "GET /a"}}, Doubts: []api.Doubt{{ID: "A-1"}}}
	assert.Len(t, unique(&api.Catalog{Products: []*api.Product{p, q}}), 3)
}

// Every call has a method, and its comment says what the document says.
func TestCompare(t *testing.T) {
	t.Parallel()
	c, err := readAll("../../api")
	require.NoError(t, err)
	s, err := readSource("../..", c)
	require.NoError(t, err)
	require.NoError(t, s.compare(c))
	delete(s.methods, "POST /v3/security/echo")
	delete(s.constants, "TRANSACTION.FAIL")
	c.Operation("presignContract").Title = "签约"
	c.Operation("getContract").Title = "别的"
	c.Operation("getContract").Pages = []string{"https://pay.weixin.qq.com/doc/v3/merchant/401252295"}
	require.EqualError(t, s.compare(c), "edupapay: no comment of presignContract says 签约\n"+
		"edupapay: no comment of getContract says 别的\n"+
		"edupapay: no comment of getContract names one of its pages\n"+
		"edupapay: TRANSACTION.FAIL has no constant\n"+
		"security: echo has no method whose comment says POST /v3/security/echo")
}

func TestPapers(t *testing.T) {
	t.Parallel()
	c, err := readAll("../../api")
	require.NoError(t, err)
	s, err := readSource("../..", c)
	require.NoError(t, err)
	page := coverage(c, s)
	assert.Contains(t, page, "| [根据手机号导入用户会员卡](https://pay.weixin.qq.com/doc/v3/merchant/4012550535)<br>Import a member by phone number "+
		"| `POST /v3/marketing/membercard-open/cards/{card_id}/phone-membercard/import` | `membercard.ImportUserByPhone` "+
		"| [商户](https://pay.weixin.qq.com/doc/v3/merchant/4012550535) [服务商](https://pay.weixin.qq.com/doc/v3/partner/4012727629) |\n")
	assert.Contains(t, page, "`pushpackage.GetPushRecord` `pushpackage.ListPushRecords` | 应用 |\n")
	assert.Contains(t, page, "| [支付失败](https://pay.weixin.qq.com/docs/partner/apis/education-fee-payment/transactions-result-notification.html)<br>Debit failed "+
		"| `TRANSACTION.FAIL` | `edupapay.EventTransactionFailed` |\n")
	assert.Contains(t, doubts(c), "\n## Self-test\n\n### SE-1\n\nDirect merchants as callers.\n\n- Seen: The partner page")
	assert.Contains(t, readme(c, s, false), "\n**Self-test `security`**\n`Echo` `EventEcho`\n")
	assert.Contains(t, readme(c, s, true), "\n**会员卡 `membercard`**\n`SetCallback` `GetCallback` ")
	assert.Contains(t, hints(c), `"268435461": {"fix what the message names", "参数错误：请按错误描述修改请求"},`)

	text, err := between([]byte("before\n"+begin+"old"+end+"\nafter\n"), "new")
	require.NoError(t, err)
	assert.Equal(t, "before\n"+begin+"new"+end+"\nafter\n", string(text))
	_, err = between([]byte("no markers"), "new")
	assert.EqualError(t, err, "has no markers <!-- coverage:begin --> and <!-- coverage:end -->")
}

// A number without a text in both languages is no hint: half a hint would be glued to another.
func TestHintsHaveBothLanguages(t *testing.T) {
	t.Parallel()
	p, err := read("coupon.yaml", []byte(coupon))
	require.NoError(t, err)
	text := hints(&api.Catalog{Products: []*api.Product{p}})
	assert.Contains(t, text, `"268578367": {"other state", "状态不符"},`)
	assert.NotContains(t, text, "268577984")
}

func TestPut(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "a")
	require.ErrorContains(t, put(name, []byte("1"), true), "run make generate")
	require.NoError(t, put(name, []byte("1"), false))
	require.NoError(t, put(name, []byte("1"), true))
	require.ErrorContains(t, put(name, []byte("2"), true), "is not up to date")
}
