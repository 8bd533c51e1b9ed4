package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
)

// A call with one member of every kind, and what is generated of each.
const every = `
openapi: 3.1.0
info: {title: Every, version: '1'}
x-wechatpay-doubts:
  EV-1: {about: a, seen: b, decision: 'c'}
paths:
  /v3/every/{card_id}:
    post:
      operationId: makeById
      x-wechatpay-title: 造
      summary: Make
      x-wechatpay-idempotency-key: out_no
      x-wechatpay-source: {pages: [https://a.example]}
      parameters:
        - {name: card_id, in: path, required: true, description: Card ID., schema: {type: string, maxLength: 32}}
        - {name: Wechatpay-Serial, in: header, required: true, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/MakeRequest'}}}}
      responses: {'200': {description: Made., content: {application/json: {schema: {$ref: '#/components/schemas/MakeResponse'}}}}}
  /v3/every:
    get:
      operationId: listThings
      summary: List
      x-wechatpay-pagination: {style: page-number, offset: offset, limit: limit, max-limit: 20, total: total_count, items: data}
      parameters:
        - {name: kind, in: query, description: Which., schema: {$ref: '#/components/schemas/Kind'}}
        - {name: offset, in: query, schema: {type: integer, minimum: 0}}
        - {name: limit, in: query, schema: {type: integer, maximum: 20}}
      responses: {'200': {description: Page., content: {application/json: {schema: {$ref: '#/components/schemas/Things'}}}}}
components:
  schemas:
    MakeRequest:
      type: object
      description: A thing to make. It costs nothing.
      required: [out_no, title, begin, day, price, kind, fixed, notify_url, ip, form, count, encrypted_phone_number, stock_id_list, least]
      properties:
        out_no: {type: string, maxLength: 32, pattern: '^[0-9A-Za-z_-]+$', description: Number.}
        title: {type: string, minLength: 3, maxLength: 10, description: AppID of it., x-wechatpay-doubt: [EV-1]}
        note: {type: string, maxLength: 9, description: Note.}
        begin: {type: string, format: date-time}
        day: {type: string, format: date}
        price: {type: integer, x-wechatpay-unit: fen}
        kind: {$ref: '#/components/schemas/Kind'}
        fixed: {$ref: '#/components/schemas/Fixed'}
        notify_url: {type: string, maxLength: 256}
        ip: {type: string, format: ip}
        form: {$ref: '#/components/schemas/Form'}
        mode: {type: string, enum: [C], description: How.}
        more: {$ref: '#/components/schemas/Form'}
        count: {type: integer, minimum: 1, maximum: 9}
        encrypted_phone_number: {type: string, x-wechatpay-sensitive: true}
        stock_id_list: {type: array, items: {type: string, maxLength: 20}}
        row_list: {type: array, minItems: 3, maxItems: 15, items: {$ref: '#/components/schemas/Row'}}
        word_list: {type: array, items: {type: string, minLength: 1, maxLength: 5, pattern: '^[a-z]+$'}}
        least: {type: integer, minimum: 10, x-wechatpay-unit: fen}
        user_id: {type: string, maxLength: 8, x-go-check: shown}
        on: {type: boolean, x-go-nil: not said}
        any: {description: Any value.}
        currency: {const: CNY, type: string, default: CNY}
    MakeResponse:
      type: object
      x-go-name: Made
      description: What was made.
      required: [card_id]
      properties:
        card_id: {type: string, maxLength: 32, description: Card ID.}
        inner: {type: object, description: What is within., properties: {opened: {type: string, x-wechatpay-sensitive: true, x-wechatpay-sensitive-direction: from-platform}}}
    Kind:
      type: string
      enum: [ONE_WAY, QRCODE]
      description: The kind of a thing.
      x-wechatpay-enum-meaning: {ONE_WAY: There., QRCODE: Qrcode.}
      x-wechatpay-open-enum: true
      x-go-values: {ONE_WAY: Way}
    Fixed: {type: string, maxLength: 5, enum: [A, B], description: A letter.}
    Row:
      type: object
      description: A row.
      required: [price]
      properties:
        price: {type: integer, minimum: 0, x-wechatpay-unit: fen}
        inner_list: {type: array, items: {$ref: '#/components/schemas/Form'}}
    Form:
      type: object
      description: A form.
      required: [name]
      properties: {name: {type: string, maxLength: 4}}
    Things:
      type: object
      properties:
        data: {type: array, items: {$ref: '#/components/schemas/Thing'}}
        total_count: {type: integer}
        offset: {type: integer}
    Thing:
      type: object
      description: Thing.
      properties: {thing_id: {type: string}, kind: {$ref: '#/components/schemas/Kind'}}
`

func generate(t *testing.T) (*api.Product, map[string][]byte) {
	t.Helper()
	return generateOf(t, every)
}

func generateOf(t *testing.T, document string) (*api.Product, map[string][]byte) {
	t.Helper()
	p, err := read("every.yaml", []byte(document))
	require.NoError(t, err)
	text, err := encode(&api.Catalog{Products: []*api.Product{p}})
	require.NoError(t, err)
	c, err := api.Parse(text)
	require.NoError(t, err)
	g, err := newPackage(c.Products[0])
	require.NoError(t, err)
	files, err := g.files()
	require.NoError(t, err)
	return c.Products[0], files
}

// holds compares without the blanks that gofmt puts between columns.
func holds(t *testing.T, text []byte, want string) {
	t.Helper()
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	assert.Contains(t, squeeze(string(text)), squeeze(want))
}

func TestTypes(t *testing.T) {
	t.Parallel()
	_, files := generate(t)
	text := files["types_gen.go"]
	holds(t, text, `// MakeByIDParams is a thing to make, for [Service.MakeByID]. It costs nothing.
type MakeByIDParams struct {
	CardID string `+"`json:\"-\"`"+` // card ID; at most 32 characters
	OutNo string `+"`json:\"out_no\"`"+` // number; at most 32 characters, letters, digits, _ and - only
	Title string `+"`json:\"title\"`"+` // AppID of it; 3 to 10 characters (EV-1)
	Note string `+"`json:\"note,omitzero\"`"+` // at most 9 characters
	Begin wxpay.Time `+"`json:\"begin\"`"+`
	Day wxpay.Date `+"`json:\"day\"`"+`
	Price wxpay.Fen `+"`json:\"price\"`"+`
	Kind Kind `+"`json:\"kind\"`"+`
	Fixed Fixed `+"`json:\"fixed\"`"+`
	NotifyURL string `+"`json:\"notify_url\"`"+` // at most 256 characters
	IP string `+"`json:\"ip\"`"+`
	Form Form `+"`json:\"form\"`"+`
	Mode MakeByIDParamsMode `+"`json:\"mode,omitzero\"`"+` // how
	More Form `+"`json:\"more,omitzero\"`"+`
	Count int64 `+"`json:\"count\"`"+` // 1 to 9
	PhoneNumber wxpay.Secret `+"`json:\"encrypted_phone_number\"`"+`
	StockIDList []string `+"`json:\"stock_id_list,omitzero\"`"+`
	RowList []Row `+"`json:\"row_list,omitzero\"`"+` // at most 15
	WordList []string `+"`json:\"word_list,omitzero\"`"+`
	Least wxpay.Fen `+"`json:\"least\"`"+` // at least 10
	UserID string `+"`json:\"user_id,omitzero\"`"+` // at most 8 characters
	On *bool `+"`json:\"on,omitzero\"`"+` // nil: not said
	Any json.RawMessage `+"`json:\"any,omitzero\"`"+` // any value
	Currency string `+"`json:\"currency,omitzero\"`"+`
}`)
	holds(t, text, `// Kind is the kind of a thing. The platform may add values.
type Kind string

// Values of [Kind].
const (
	Way Kind = "ONE_WAY" // there
	KindQRCode Kind = "QRCODE"
)`)
	holds(t, text, `// Made is what was made. type Made struct { CardID string `+"`json:\"card_id\"`"+`
	Inner MadeInner `+"`json:\"inner,omitzero\"`"+` // what is within`)
	holds(t, text, "type MadeInner struct { Opened string `json:\"opened,omitzero\"` }")
	holds(t, text, `// ListThingsParams are the parameters of [Service.ListThings] and [Service.AllThings].
type ListThingsParams struct {
	Kind Kind // which
	Offset int64
	Limit int64 // at most 20
}`)
	holds(t, text, "// Thing is the thing.")
	assert.NotContains(t, string(text), "Things struct", "wxpay.Page is the page")
	holds(t, files["routes_gen.go"], `routeMakeByID = "POST /v3/every/{card_id}"`)
}

func TestChecks(t *testing.T) {
	t.Parallel()
	_, files := generate(t)
	holds(t, files["check_gen.go"], `func (p *MakeByIDParams) check() error {
	return params.Check(routeMakeByID,
		params.ID("card_id", p.CardID, 32),
		params.Required("out_no", p.OutNo, 32),
		params.Match("out_no", p.OutNo, outNoForm, "may hold letters, digits, _ and - only"),
		params.Required("title", p.Title, 10),
		params.Min("title", p.Title, 3),
		params.Optional("note", p.Note, 9),
		params.Must(!p.Begin.IsZero(), "begin", "is missing"),
		params.Must(!p.Day.IsZero(), "day", "is missing"),
		params.Must(p.Price > 0, "price", "is missing or not more than 0"),
		params.Required("kind", p.Kind, 0),
		params.Required("fixed", p.Fixed, 0),
		params.OneOf("fixed", p.Fixed, FixedA, FixedB),
		params.Required("notify_url", p.NotifyURL, 256),
		params.NotifyURL("notify_url", p.NotifyURL),
		params.IP("ip", p.IP),
		params.Required("form.name", p.Form.Name, 4),
		params.OneOf("mode", p.Mode, MakeByIDParamsModeC),
		params.Optional("more.name", p.More.Name, 4),
		params.Must(p.Count >= 1, "count", "is less than 1"),
		params.Must(p.Count <= 9, "count", "is more than 9"),
		params.Must(p.PhoneNumber != "", "encrypted_phone_number", "is missing"),
		params.Must(len(p.StockIDList) > 0, "stock_id_list", "is missing"),
		params.IDs("stock_id_list", p.StockIDList, 20),
		params.Must(len(p.RowList) == 0 || len(p.RowList) >= 3, "row_list", "has fewer than 3"),
		params.Must(len(p.RowList) <= 15, "row_list", "has more than 15"),
		params.Each("row_list", p.RowList, func(at string, v *Row) *wxpay.ParamError {
			return params.First(
				params.Must(v.Price >= 0, at+".price", "is negative"),
				params.Each(at+".inner_list", v.InnerList, func(at string, v *Form) *wxpay.ParamError {
					return params.First(
						params.Required(at+".name", v.Name, 4),
					)
				}),
			)
		}),
		params.Each("word_list", p.WordList, func(at string, v *string) *wxpay.ParamError {
			return params.First(
				params.Required(at, *v, 5),
				params.Match(at, *v, wordForm, "may hold small letters only"),
			)
		}),
		params.Must(p.Least >= 10, "least", "is less than 10"),
		params.Optional("user_id", p.UserID, 8),
		params.Clean("user_id", p.UserID, 8),
		params.OneOf("currency", p.Currency, "CNY"),
	)
}

func (p *ListThingsParams) check() error {
	return params.Check(routeListThings,
		params.Page(p.Offset, p.Limit, 20),
	)
}`)
	holds(t, files["check_gen.go"], `outNoForm = regexp.MustCompile("^[0-9A-Za-z_-]+$")`)
}

// One field serves a name that stands in the path and in the body; two members of one name need help.
func TestNamesTwice(t *testing.T) {
	t.Parallel()
	generate := func(old, now string) (*goPackage, error) {
		p, err := read("every.yaml", []byte(strings.Replace(every, old, now, 1)))
		require.NoError(t, err)
		text, err := encode(&api.Catalog{Products: []*api.Product{p}})
		require.NoError(t, err)
		c, err := api.Parse(text)
		require.NoError(t, err)
		return newPackage(c.Products[0])
	}
	g, err := generate("note: {type", "card_id: {type: string}\n        note: {type")
	require.NoError(t, err)
	files, err := g.files()
	require.NoError(t, err)
	assert.NotContains(t, string(files["types_gen.go"]), `json:"-"`)
	_, err = generate("thing_id: {type: string}", "mchid: {type: string}, mch_id: {type: string}")
	require.EqualError(t, err, "every: two members of Thing are called MchID; one needs an x-go-name")
	_, err = generate("thing_id: {type: string}", "mchid: {type: string}, mch_id: {type: string, x-go-name: OtherMchID}")
	require.NoError(t, err)
}

func TestSkeleton(t *testing.T) {
	t.Parallel()
	p, _ := generate(t)
	text, err := skeleton(p.Operations[0])
	require.NoError(t, err)
	holds(t, []byte(text), `// POST /v3/every/{card_id} // // https://a.example
func (s *Service) MakeByID(ctx context.Context, p MakeByIDParams) (*Made, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return wxpay.Do[Made](ctx, s.client, wxpay.Call{
		Route: routeMakeByID,
		Vars: wxpay.Vars{"card_id": p.CardID},
		Body: p,
		Idempotent: true, // by out_no
	})
}`)
	text, err = skeleton(p.Operations[1])
	require.NoError(t, err)
	holds(t, []byte(text), `list, err := wxpay.Do[params.List[Thing]](ctx, s.client, wxpay.Call{
		Route: routeListThings,
		Query: params.Query("kind", string(p.Kind), "offset", params.Decimal(p.Offset), "limit", params.Decimal(cmp.Or(p.Limit, 20))),
	})
	if err != nil {
		return nil, err
	}
	return list.Page().ByNumber(p.Offset, p.Limit), nil`)
}

// A list by token, with names of its own, and a door for brands.
const tokens = `
openapi: 3.1.0
info: {title: Tokens, version: '1'}
paths:
  /v3/tokens/{brand_id}:
    get:
      operationId: listStores
      x-wechatpay-title: 查
      summary: List
      x-wechatpay-brand-door: {method: GET, path: /brand/tokens}
      x-wechatpay-pagination: {style: page-token, size: page_size, token: page_token, next: next_page_token, max-size: 50, total: total_count, items: store_list}
      parameters:
        - {name: brand_id, in: path, required: true, schema: {type: string}}
        - {name: page_size, in: query, schema: {type: integer, minimum: 1, maximum: 50}}
        - {name: page_token, in: query, schema: {type: string}}
        - {name: closed, in: query, schema: {type: boolean}}
      responses: {'200': {description: Page., content: {application/json: {schema: {$ref: '#/components/schemas/Stores'}}}}}
  /v3/tokens/url:
    post:
      operationId: setUrl
      summary: Set
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NotifyUrl'}}}}
      responses: {'200': {description: Set., content: {application/json: {schema: {$ref: '#/components/schemas/NotifyUrl'}}}}}
components:
  schemas:
    Stores:
      type: object
      properties:
        store_list: {type: array, items: {$ref: '#/components/schemas/Store'}}
        total_count: {type: integer}
        next_page_token: {type: string}
    Store:
      type: object
      description: Why there is a store.
      properties: {store_id: {type: string}, state: {$ref: '#/components/schemas/StoreState'}, scope: {$ref: '#/components/schemas/Scope'}}
    StoreState: {type: string, enum: [CLOSED, STORE_OPEN, STORE_CLOSED], description: State., x-wechatpay-open-enum: true}
    Scope: {type: string, enum: [ALL], description: Scope., x-wechatpay-open-enum: true}
    NotifyUrl:
      type: object
      description: Address.
      properties: {colour: {type: string, pattern: '^#[0-9A-F]{6}$'}}
`

// What the first documents did not have: pages by token, brands, and names that would read badly.
func TestTokens(t *testing.T) {
	t.Parallel()
	p, files := generateOf(t, tokens)
	types := files["types_gen.go"]
	holds(t, types, `// listStoresAnswer is a page as it comes.
type listStoresAnswer struct {
	StoreList []Store `+"`json:\"store_list\"`"+`
	TotalCount int64 `+"`json:\"total_count\"`"+`
	NextPageToken string `+"`json:\"next_page_token\"`"+`
}`)
	holds(t, types, "// Store is why there is a store.")
	holds(t, types, "StoreClosed StoreState = \"CLOSED\" StoreOpen StoreState = \"STORE_OPEN\" StoreStoreClosed StoreState = \"STORE_CLOSED\"")
	holds(t, types, "ScopeAll Scope =")
	holds(t, types, "type NotifyURL struct")
	holds(t, files["routes_gen.go"], `brandListStores = "GET /brand/tokens"`)
	holds(t, files["routes_gen.go"], `routeSetURL = "POST /v3/tokens/url"`)
	holds(t, files["check_gen.go"], `func (p *ListStoresParams) check(c *wxpay.Client) error {
	return params.CheckAt(c, routeListStores, brandListStores,
		params.OfMerchants(c, "brand_id", &p.BrandID, params.ID("brand_id", p.BrandID, 0)),`)
	holds(t, files["check_gen.go"], `return params.CheckAt(c, routeSetURL, "",`)
	holds(t, types, "BrandID string // a brand leaves it out")
	holds(t, files["check_gen.go"], `"page_size", "is more than 50"`)
	holds(t, files["check_gen.go"], `params.Match("colour", p.Colour, colourForm, "is not of the documented form")`)
	text, err := skeleton(p.Operations[0])
	require.NoError(t, err)
	holds(t, []byte(text), `list, err := wxpay.Do[listStoresAnswer](ctx, s.client, wxpay.Call{
		Route: routeListStores,
		BrandRoute: brandListStores,
		Vars: wxpay.Vars{"brand_id": p.BrandID},
		Query: params.Query("page_size", params.Decimal(cmp.Or(p.PageSize, 50)), "page_token", p.PageToken, "closed", map[bool]string{true: "true"}[p.Closed]),
	})
	if err != nil {
		return nil, err
	}
	return wxpay.Page[Store]{Items: list.StoreList, Total: list.TotalCount}.ByToken(list.NextPageToken), nil`)
}

// A product that is new has no folder yet.
func TestPutMakesFolders(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "services", "new", "types_gen.go")
	require.Error(t, put(name, []byte("a"), true))
	require.NoError(t, put(name, []byte("a"), false))
	require.NoError(t, put(name, []byte("a"), true))
}

func TestCharacters(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^[0-9A-Za-z|_*-]+$`: "letters, digits, |, _, * and -", `^[0-9]*$`: "digits", `^[A-Z0-9]+$`: "capital letters and digits", `^a$`: "", "": "",
	} {
		text, ok := characters(pattern)
		assert.Equal(t, want, text, pattern)
		assert.Equal(t, want != "", ok, pattern)
	}
}

// A limit that the description says in the same words is not said again. One that it says of something else is.
func TestLimitsSaidOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		description string
		limits      []string
		want        string
	}{
		{"Amount in fen; at least 10.", []string{"at least 10"}, "amount in fen; at least 10"},
		{"Amount in fen; at least 100.", []string{"at least 10"}, "amount in fen; at least 100; at least 10"},
		{"Stores, at most 200.", []string{"at most 200"}, "stores, at most 200"},
		{"Stores, at most 20.", []string{"at most 200"}, "stores, at most 20; at most 200"},
		{"Words, at most 20 characters each.", []string{"at most 20"}, "words, at most 20 characters each; at most 20"},
		{"Size, At most 50.", []string{"1 to 50"}, "size, At most 50"},
		{"Size, at most 50.", []string{"2 to 50"}, "size, at most 50; 2 to 50"},
		{"Size, 16 to 40.", []string{"6 to 40"}, "size, 16 to 40; 6 to 40"},
		{"Size (6 to 40).", []string{"6 to 40"}, "size (6 to 40)"},
		{"Number; letters and digits, unique.", []string{"at most 32 characters", "letters and digits only"}, "number; letters and digits, unique; at most 32 characters"},
		{"Number; letters, digits, underscore and hyphen.", []string{"6 to 40 characters", "letters, digits, _ and - only"}, "number; letters, digits, underscore and hyphen; 6 to 40 characters"},
		{"Number; letters and digits.", []string{"digits only"}, "number; letters and digits; digits only"},
		{"At most 9 characters.", []string{"at most 9 characters"}, "at most 9 characters"},
		{"", []string{"at most 9", "digits only"}, "at most 9, digits only"},
	} {
		assert.Equal(t, test.want, comment(test.description, nil, test.limits...), test.description)
	}
	_, files := generateOf(t, strings.Replace(every, "maxLength: 9, description: Note.", "maxLength: 9, description: Text; at most 9 characters.", 1))
	holds(t, files["types_gen.go"], "// text; at most 9 characters Begin")
}
