package params

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheck(t *testing.T) {
	t.Parallel()
	const route = "GET /v3/x"
	tests := []struct {
		name  string
		fault *wxpay.ParamError
		want  string // parameter; empty: no fault
	}{
		{"there", Required("a", "x", 3), ""},
		{"missing", Required("a", "", 3), "a"},
		{"exactly as long, in characters", Required("a", "中中中", 3), ""},
		{"one longer", Required("a", "中中中中", 3), "a"},
		{"no limit known", Required("a", strings.Repeat("x", 9999), 0), ""},
		{"left out", Optional("a", "", 3), ""},
		{"optional and too long", Optional("a", "xxxx", 3), "a"},
		{"list", IDs("a", []string{"xxx", "x"}, 3), ""},
		{"no list", IDs("a", nil, 3), ""},
		{"second of a list", IDs("a", []string{"x", "xxxx"}, 3), "a[1]"},
		{"nothing in a list", IDs("a", []string{"x", "x", ""}, 3), "a[2]"},
		{"address of version 4", IP("a", "123.12.12.123"), ""},
		{"address of version 6", IP("a", "2001:db8::1"), ""},
		{"no IP address", IP("a", ""), "a"},
		{"name for an address", IP("a", "localhost"), "a"},
		{"address with port", IP("a", "127.0.0.1:80"), "a"},
		{"address with zone", IP("a", "fe80::1%eth0"), "a"},
		{"address with a line end", IP("a", "127.0.0.1\r"), "a"},
		{"address with leading zeros", IP("a", "127.000.000.001"), "a"},
		{"page", Page(0, 20, 20), ""},
		{"page of no known size", Page(5, 999, 0), ""},
		{"before the first", Page(-1, 20, 20), "offset"},
		{"negative size", Page(0, -1, 0), "limit"},
		{"large page", Page(0, 21, 20), "limit"},
		{"address", NotifyURL("a", "https://example.com/notify"), ""},
		{"no address", NotifyURL("a", ""), ""},
		{"loopback", NotifyURL("a", "http://127.0.0.1:8080/notify"), ""},
		{"plain http", NotifyURL("a", "http://example.com/notify"), "a"},
		{"query", NotifyURL("a", "https://example.com/notify?x=1"), "a"},
		{"empty query", NotifyURL("a", "https://example.com/notify?"), "a"},
		{"fragment", NotifyURL("a", "https://example.com/notify#x"), "a"},
		{"login", NotifyURL("a", "https://u:p@example.com/notify"), "a"},
		{"no host", NotifyURL("a", "https:///notify"), "a"},
		{"no URL", NotifyURL("a", "https://example.com/%zz"), "a"},
	}
	for _, tt := range tests {
		err := Check(route, nil, tt.fault, Must(false, "later", "is wrong too"))
		e, ok := err.(*wxpay.ParamError)
		if !assert.True(t, ok, tt.name) {
			continue
		}
		assert.Equal(t, route, e.Route, tt.name)
		if tt.want == "" {
			tt.want = "later"
		}
		assert.Equal(t, tt.want, e.Param, tt.name)
	}
	assert.NoError(t, Check(route))
	assert.NoError(t, Check(route, nil, Must(true, "a", "")))
}

func TestQuery(t *testing.T) {
	t.Parallel()
	assert.Equal(t, url.Values{"a": {"1"}, "c": {"0"}}, Query("a", "1", "b", "", "c", Decimal(0)))
	assert.Empty(t, Query())
}

func TestForm(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile("^[a-z]+$")
	assert.Nil(t, Match("a", "", form, "otherwise"))
	assert.Nil(t, Match("a", "abc", form, "otherwise"))
	assert.Equal(t, &wxpay.ParamError{Param: "a", Reason: "otherwise"}, Match("a", "abC", form, "otherwise"))
	assert.Nil(t, OneOf("a", "", "X", "Y"))
	assert.Nil(t, OneOf("a", "Y", "X", "Y"))
	assert.Equal(t, &wxpay.ParamError{Param: "a", Reason: "can only be X Y"}, OneOf("a", "Z", "X", "Y"))
	assert.Nil(t, Min("a", "", 3))
	assert.Nil(t, Min("a", "号码包", 3))
	assert.Equal(t, &wxpay.ParamError{Param: "a", Reason: "has fewer than 3 characters"}, Min("a", "号码", 3))
}

func TestEach(t *testing.T) {
	t.Parallel()
	rows := [][]int{{1, 2}, {3, -4}, {-5}}
	check := func(at string, row *[]int) *wxpay.ParamError {
		return Each(at, *row, func(at string, n *int) *wxpay.ParamError { return Must(*n >= 0, at, "is negative") })
	}
	assert.Equal(t, &wxpay.ParamError{Param: "rows[1][1]", Reason: "is negative"}, Each("rows", rows, check))
	assert.Nil(t, Each("rows", rows[:1], check))
	assert.Nil(t, Each("rows", nil, check))
}

// A call with two doors asks each caller for what its door has.
func TestCheckAt(t *testing.T) {
	t.Parallel()
	const merchants, brands = "POST /v3/x", "POST /brand/x"
	merchant, brand := platformtest.Client(t, nil), platformtest.BrandClient(t, nil)
	for name, tt := range map[string]struct {
		client     *wxpay.Client
		route      string
		brandRoute string
		id         string
		want       string // error; empty: none
		kept       string // what is sent of id
	}{
		"merchant":                 {merchant, merchants, brands, "b", "", "b"},
		"merchant, nothing":        {merchant, merchants, brands, "", "wxpay: POST /v3/x: brand_id is missing", ""},
		"merchant, no other door":  {merchant, merchants, "", "b", "", "b"},
		"brand, nothing":           {brand, merchants, brands, "", "", ""},
		"brand, its own":           {brand, merchants, brands, platformtest.BrandID, "", ""},
		"brand, another":           {brand, merchants, brands, "b", "wxpay: POST /brand/x: brand_id has no place in a call of a brand in its own name", "b"},
		"brand, not open":          {brand, merchants, "", "", "wxpay: POST /v3/x: route is not open to brands", ""},
		"brand, its door alone":    {brand, brands, "", "", "", ""},
		"merchant, door of brands": {merchant, brands, "", "b", "", "b"}, // is refused by the core
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := tt.id
			err := CheckAt(tt.client, tt.route, tt.brandRoute, OfMerchants(tt.client, "brand_id", &id, ID("brand_id", id, 0)))
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
			assert.Equal(t, tt.kept, id)
		})
	}
}
