package edupapay_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
)

// list answers pages of a list of total contracts, with offset counted as by says.
func list(t *testing.T, total int64, position func(offset, limit int64) int64) httpmock.Responder {
	return func(req *http.Request) (*http.Response, error) {
		q := req.URL.Query()
		offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
		assert.NoError(t, err)
		limit, err := strconv.ParseInt(q.Get("limit"), 10, 64)
		assert.NoError(t, err)
		var items []string
		for i := position(offset, limit); i < total && int64(len(items)) < limit; i++ {
			items = append(items, fmt.Sprintf(`{"appid":"wx","contract_information":{"contract_id":"c%d"}}`, i))
		}
		return signed(200, fmt.Sprintf(`{"data":[%s],"total_count":%d,"offset":%d,"limit":%d}`, strings.Join(items, ","), total, offset, limit))(req)
	}
}

func byRecord(offset, _ int64) int64   { return offset }
func byPage(offset, limit int64) int64 { return offset * limit }

func TestAllUserContracts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total, start, limit int64
		want, requests      int
	}{
		{0, 0, 10, 0, 1}, {1, 0, 10, 1, 1}, {10, 0, 10, 10, 1}, {11, 0, 10, 11, 2}, {45, 0, 20, 45, 3}, {45, 0, 0, 45, 3}, {45, 40, 20, 5, 1},
	} {
		mock := all(list(t, test.total, byRecord))
		p := userContracts()
		p.Offset, p.Limit = test.start, test.limit
		want := test.start
		for c, err := range newService(mock).AllUserContracts(t.Context(), p) {
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("c%d", want), c.ContractInformation.ContractID)
			want++
		}
		assert.Equal(t, int64(test.want), want-test.start)
		assert.Equal(t, test.requests, mock.GetTotalCallCount(), "%+v", test)
	}
}

func TestAllUserContractsStopsWithTheLoop(t *testing.T) {
	t.Parallel()
	mock := all(list(t, 100, byRecord))
	p := userContracts()
	p.Offset = 0
	for range newService(mock).AllUserContracts(t.Context(), p) {
		break
	}
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

// EP-7: if the platform counts pages after all, the walk says so instead of leaving contracts out.
func TestAllUserContractsCountedOtherwise(t *testing.T) {
	t.Parallel()
	p := userContracts()
	p.Offset = 0
	var last error
	for _, err := range newService(all(list(t, 45, byPage))).AllUserContracts(t.Context(), p) {
		last = err
	}
	require.ErrorIs(t, last, wxpay.ErrPages)
}

// A user without a contract answers an error, not an empty page.
func TestAllUserContractsOfNobody(t *testing.T) {
	t.Parallel()
	var errs []error
	for c, err := range newService(all(signed(404, `{"code":"NOT_FOUND","message":"none"}`))).AllUserContracts(t.Context(), userContracts()) {
		assert.Empty(t, c)
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], wxpay.CodeNotFound)
}
