package productcoupon_test

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/productcoupon"
)

// pagesOf answers pages of a list with so many records, each made of its number. Only the first page tells the total.
func pagesOf(t *testing.T, total int, name string, record func(int) string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		q := req.URL.Query()
		size, err := strconv.Atoi(q.Get("page_size"))
		assert.NoError(t, err)
		first := 0
		if token := q.Get("page_token"); token != "" {
			first, err = strconv.Atoi(strings.TrimPrefix(token, "from-"))
			assert.NoError(t, err)
		}
		var members, records []string
		for i := first; i < min(first+size, total); i++ {
			records = append(records, record(i))
		}
		members = append(members, fmt.Sprintf("%q:[%s]", name, strings.Join(records, ",")))
		if first == 0 {
			members = append(members, fmt.Sprintf(`"total_count":%d`, total))
		}
		if first+size < total {
			members = append(members, fmt.Sprintf(`"next_page_token":"from-%d"`, first+size))
		}
		return signed(200, "{"+strings.Join(members, ",")+"}")(req)
	}
}

func stockOf(i int) string {
	return fmt.Sprintf(`{"product_coupon_id":"1000000013","stock_id":"s%d","brand_id":"120344"}`, i)
}

func storeOf(i int) string { return fmt.Sprintf(`{"store_id":"s%d"}`, i) }

// walked goes through a list and holds its records to their numbers, from the first that is expected on.
func walked[T any](t *testing.T, list iter.Seq2[T, error], id func(T) string, first int) (n int) {
	t.Helper()
	for record, err := range list {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("s%d", first+n), id(record))
		n++
	}
	return n
}

func TestAllStocksAndStores(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total, size, from int
		want, requests    int
	}{{0, 0, 0, 0, 1}, {20, 0, 0, 20, 1}, {21, 0, 0, 21, 2}, {120, 50, 0, 120, 3}, {45, 20, 40, 5, 1}} {
		token := ""
		if test.from > 0 {
			token = fmt.Sprintf("from-%d", test.from)
		}
		s, bodies := answering(t, pagesOf(t, test.total, "stock_list", stockOf))
		got := walked(t, s.AllStocks(t.Context(), productcoupon.ListStocksParams{ProductCouponID: couponID, BrandID: brandID, PageSize: int64(test.size),
			PageToken: token}), func(s productcoupon.Stock) string { return s.StockID }, test.from)
		assert.Equal(t, test.want, got)
		assert.Len(t, *bodies, test.requests, "%+v", test)

		s, bodies = answering(t, pagesOf(t, test.total, "store_list", storeOf))
		got = walked(t, s.AllAssociatedStores(t.Context(), productcoupon.ListAssociatedStoresParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID,
			PageSize: int64(test.size), PageToken: token}), func(s productcoupon.Store) string { return s.StoreID }, test.from)
		assert.Equal(t, test.want, got)
		assert.Len(t, *bodies, test.requests, "%+v", test)
	}
}

// A walk says that it did not see all: pages that go round in a circle, that repeat, or one that is about another coupon.
func TestWalksThatCannotGoOn(t *testing.T) {
	t.Parallel()
	page := func(stocks, next string) func(*http.Request) (*http.Response, error) {
		return signed(200, `{"stock_list":[`+stocks+`],"next_page_token":"`+next+`"}`)
	}
	for name, test := range map[string]struct {
		answers []func(*http.Request) (*http.Response, error)
		seen    int
		pages   bool
	}{
		"in a circle":    {[]func(*http.Request) (*http.Response, error){page(stockOf(0), "a"), page(stockOf(1), "b"), page(stockOf(2), "a")}, 3, true},
		"the same again": {[]func(*http.Request) (*http.Response, error){page(stockOf(0), "a"), page(stockOf(0), "b")}, 1, true},
		"another coupon": {[]func(*http.Request) (*http.Response, error){page(stockOf(0), "a"), page(`{"product_coupon_id":"2","stock_id":"s1"}`, "")}, 1, false},
		"too few":        {[]func(*http.Request) (*http.Response, error){signed(200, `{"total_count":2,"stock_list":[`+stockOf(0)+`]}`)}, 1, true},
	} {
		s, _ := answering(t, test.answers...)
		seen := 0
		var last error
		for stock, err := range s.AllStocks(t.Context(), productcoupon.ListStocksParams{ProductCouponID: couponID, BrandID: brandID}) {
			require.NoError(t, last, "%s goes on after an error", name)
			if last = err; err == nil {
				seen++
			} else {
				assert.Empty(t, stock)
			}
		}
		require.Error(t, last, name)
		assert.Equal(t, test.seen, seen, name)
		if test.pages {
			assert.ErrorIs(t, last, wxpay.ErrPages, name)
		} else {
			assert.True(t, wxpay.OutcomeUnknown(last), "%s: %v", name, last)
		}
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	for size, good := range map[int64]bool{-1: false, 0: true, 1: true, 50: true, 51: false, 200: false} {
		s, bodies := answering(t, pagesOf(t, 0, "stock_list", stockOf))
		_, err := s.ListStocks(t.Context(), productcoupon.ListStocksParams{ProductCouponID: couponID, BrandID: brandID, PageSize: size})
		assert.Equal(t, good, err == nil && len(*bodies) == 1, "%d: %v", size, err)
		s, bodies = answering(t, pagesOf(t, 0, "store_list", storeOf))
		_, err = s.ListAssociatedStores(t.Context(), productcoupon.ListAssociatedStoresParams{ProductCouponID: couponID, StockID: stockID, BrandID: brandID, PageSize: size * 4})
		assert.Equal(t, good, err == nil && len(*bodies) == 1, "%d stores: %v", size*4, err)
	}
}
