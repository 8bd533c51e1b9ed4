package journal_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wxpay-go/wxpay/api"
	"github.com/wxpay-go/wxpay/ops/emulator/journal"
	"github.com/wxpay-go/wxpay/wxpaytest"
)

func newStore(t *testing.T) *journal.Store {
	t.Helper()
	c, err := api.Load()
	require.NoError(t, err)
	return journal.New(c)
}

func numbers(all []journal.Exchange) (n []int) {
	for _, x := range all {
		n = append(n, x.Number)
	}
	return n
}

func TestFilter(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, r := range []wxpaytest.Request{
		{Method: "GET", URI: "/v3/certificates", Route: "GET /v3/certificates", Status: 200, Tag: "a"},
		{Method: "POST", URI: "/v3/security/echo", Route: "POST /v3/security/echo", Status: 401, Code: "SIGN_ERROR", Verdict: "SIGN_ERROR: no", Signature: &wxpaytest.Signature{}},
		{Method: "POST", URI: "/v3/nothing", Status: 404, Code: "NOT_FOUND", Advice: []string{"x"}},
		{Method: "GET", URI: "/v3/certificates", Route: "GET /v3/certificates", Status: 500, Fault: "500", Tag: "b", Header: http.Header{"X-Emulator-Repeats": {"1"}}},
		{Method: "POST", URI: "/v3/push/app", Route: "POST /v3/push/app", Body: `{"title":"Hello"}`},
		{Method: "POST", URI: "/v3/push/app", Route: "POST /v3/push/app", Status: 200, Code: "1008003"},
	} {
		s.Add(r)
	}
	for name, test := range map[string]struct {
		f    journal.Filter
		want []int
	}{
		"all":       {journal.Filter{}, []int{6, 5, 4, 3, 2, 1}},
		"newest":    {journal.Filter{Limit: 2}, []int{6, 5}},
		"route":     {journal.Filter{Route: "GET /v3/certificates"}, []int{4, 1}},
		"last of":   {journal.Filter{Route: "GET /v3/certificates", Limit: 1}, []int{4}},
		"product":   {journal.Filter{Product: "tpns"}, []int{6, 5}},
		"tag":       {journal.Filter{Tag: "a"}, []int{1}},
		"text":      {journal.Filter{Text: "hELLO"}, []int{5}},
		"title":     {journal.Filter{Text: "获取平台"}, []int{4, 1}},
		"ok":        {journal.Filter{Outcome: "ok"}, []int{6, 1}},
		"refused":   {journal.Filter{Outcome: "refused"}, []int{6, 3, 2}},
		"failed":    {journal.Filter{Outcome: "failed"}, []int{5, 4}},
		"advice":    {journal.Filter{Outcome: "advice"}, []int{3}},
		"fault":     {journal.Filter{Outcome: "fault"}, []int{4}},
		"signature": {journal.Filter{Outcome: "signature"}, []int{2}},
		"after":     {journal.Filter{After: 4}, []int{6, 5}},
		"before":    {journal.Filter{Before: 3, Limit: 1}, []int{2}},
		"none":      {journal.Filter{Tag: "a", Outcome: "failed"}, nil},
	} {
		assert.Equal(t, test.want, numbers(s.Find(test.f)), name)
		assert.NoError(t, test.f.Check(), name)
	}
	for _, f := range []journal.Filter{{Outcome: "odd"}, {Limit: -1}, {After: -1}} {
		assert.Error(t, f.Check())
	}
	x, ok := s.Get(4)
	require.True(t, ok)
	assert.Equal(t, 1, x.Repeats)
	assert.Equal(t, "certificates", x.Product())

	version := s.Version()
	assert.Equal(t, 0, s.Delete(journal.Filter{Tag: "nobody"}))
	assert.Equal(t, version, s.Version())
	assert.Equal(t, 1, s.Delete(journal.Filter{Product: "tpns", Limit: 1}))
	assert.Equal(t, []int{5, 4, 3, 2, 1}, numbers(s.Find(journal.Filter{})))
	assert.Greater(t, s.Version(), version)
	assert.Equal(t, 5, s.Delete(journal.Filter{}))
	s.Add(wxpaytest.Request{})
	assert.Equal(t, []int{7}, numbers(s.Find(journal.Filter{})), "numbers are not given twice")
}

// The store holds so many exchanges, and of large bodies those of the newest.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	large := bytes.Repeat([]byte("x"), journal.MostSent/4)
	for range journal.Most + 10 {
		s.Add(wxpaytest.Request{Sent: large})
	}
	all := s.Find(journal.Filter{})
	require.Len(t, all, journal.Most)
	assert.Equal(t, journal.Most+10, all[0].Number)
	kept := 0
	for i, x := range all {
		if x.Sent != nil {
			kept++
			assert.Less(t, i, 4)
		}
	}
	assert.Equal(t, 4, kept)
	_, ok := s.Get(10)
	assert.False(t, ok)

	address := strings.Repeat("/x", journal.MostSent/16)
	for range 20 {
		s.Add(wxpaytest.Request{URI: "/x", SentURI: address})
	}
	s.Add(wxpaytest.Request{URI: "/x", SentURI: "/x"})
	kept = 0
	for _, x := range s.Find(journal.Filter{}) {
		kept += len(x.SentURI) + len(x.Sent)
	}
	assert.LessOrEqual(t, kept, journal.MostSent+10)
	assert.Equal(t, "/x", s.Find(journal.Filter{Limit: 1})[0].SentURI)
}
