package membercard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

// cardsOf answers both lists of cards from total records. Offset counts pages or, wrongly, records.
func cardsOf(t *testing.T, total int, byRecord bool) *httpmock.MockTransport {
	list := func(req *http.Request) (*http.Response, error) {
		offset, err := strconv.Atoi(req.URL.Query().Get("offset"))
		assert.NoError(t, err)
		limit, err := strconv.Atoi(req.URL.Query().Get("limit"))
		assert.NoError(t, err)
		start := offset * limit
		if byRecord {
			start = offset
		}
		var cards []string
		for n := start; n < min(start+limit, total); n++ {
			cards = append(cards, fmt.Sprintf(`{"card_id":"p%d","code":"%d"}`, n, n))
		}
		body := fmt.Sprintf(`{"data":[%s],"total_count":%d,"offset":%d,"limit":%d}`, strings.Join(cards, ","), total, offset, limit)
		return httpmock.NewStringResponse(http.StatusOK, body), nil
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", host+"/v3/marketing/membercard-open/cards", list)
	mock.RegisterResponder("GET", host+"/v3/marketing/membercard-open/user/cards", list)
	return mock
}

func TestAllCards(t *testing.T) {
	t.Parallel()
	mock := cardsOf(t, 5, false)
	p := membercard.ListCardsParams{Limit: 2}
	all := newService(mock).AllCards(t.Context(), p)
	var wg sync.WaitGroup
	for range 4 { // a walk can be gone again and by many at once
		wg.Go(func() {
			var ids []string
			for c, err := range all {
				assert.NoError(t, err)
				ids = append(ids, c.CardID)
			}
			assert.Equal(t, []string{"p0", "p1", "p2", "p3", "p4"}, ids)
		})
	}
	wg.Wait()
	assert.Equal(t, 12, mock.GetTotalCallCount())
}

func TestAllUserCards(t *testing.T) {
	t.Parallel()
	mock := cardsOf(t, 5, false)
	p := membercard.ListUserCardsParams{OpenID: "obLatjnx9gnqzS4myYGmLZ7LgLBA", Offset: 1, Limit: 2}
	var refs []membercard.UserCardRef
	for ref, err := range newService(mock).AllUserCards(t.Context(), p) {
		require.NoError(t, err)
		refs = append(refs, ref)
	}
	assert.Equal(t, []membercard.UserCardRef{{CardID: "p2", Code: "2"}, {CardID: "p3", Code: "3"}, {CardID: "p4", Code: "4"}}, refs)
	assert.Equal(t, 2, mock.GetTotalCallCount())
	assert.Equal(t, int64(1), p.Offset)
}

func TestAllCardsStops(t *testing.T) {
	t.Parallel()
	mock := cardsOf(t, 5, false)
	for _, err := range newService(mock).AllCards(t.Context(), membercard.ListCardsParams{Limit: 2}) {
		require.NoError(t, err)
		break
	}
	assert.Equal(t, 1, mock.GetTotalCallCount())
}

// MC-16: if offset counts records, a walk by pages would skip some and must not end as if it were complete.
func TestAllNoticesOffsetsThatCountRecords(t *testing.T) {
	t.Parallel()
	service := newService(cardsOf(t, 9, true))
	errs := map[string]error{}
	for _, err := range service.AllCards(t.Context(), membercard.ListCardsParams{Limit: 4}) {
		errs["cards"] = err
	}
	for _, err := range service.AllUserCards(t.Context(), membercard.ListUserCardsParams{OpenID: "o", Limit: 4}) {
		errs["user cards"] = err
	}
	assert.ErrorIs(t, errs["cards"], wxpay.ErrPages)
	assert.ErrorIs(t, errs["user cards"], wxpay.ErrPages)
}

func TestAllYieldsAnErrorOnceAndLast(t *testing.T) {
	t.Parallel()
	mock := all(httpmock.NewStringResponder(http.StatusOK, `{"data":[{"card_id":"p1"},{"card_id":"p2"}],"total_count":9,"offset":0,"limit":2}`).
		Then(httpmock.NewStringResponder(http.StatusForbidden, `{"code":"NO_AUTH","message":"无权限"}`)))
	var seen int
	var last error
	for _, err := range newService(mock).AllCards(t.Context(), membercard.ListCardsParams{}) {
		require.NoError(t, last, "nothing comes after an error")
		seen, last = seen+1, err
	}
	assert.ErrorIs(t, last, wxpay.CodeNoAuth)
	assert.Equal(t, 3, seen)
}

func TestPagesOutOfBounds(t *testing.T) {
	t.Parallel()
	type at struct{ offset, limit int64 }
	lists := map[string]func(context.Context, *membercard.Service, at) error{
		"GET /v3/marketing/membercard-open/cards": func(ctx context.Context, s *membercard.Service, a at) error {
			_, err := s.ListCards(ctx, membercard.ListCardsParams{Offset: a.offset, Limit: a.limit})
			return err
		},
		"GET /v3/marketing/membercard-open/user/cards": func(ctx context.Context, s *membercard.Service, a at) error {
			_, err := s.ListUserCards(ctx, membercard.ListUserCardsParams{OpenID: "o", Offset: a.offset, Limit: a.limit})
			return err
		},
		"GET /v3/marketing/membercard-activity/activities": func(ctx context.Context, s *membercard.Service, a at) error {
			_, err := s.ListActivities(ctx, membercard.ListActivitiesParams{ActivityType: "MEMBER_AFTERPAY", Offset: a.offset, Limit: a.limit})
			return err
		},
	}
	for route, list := range lists {
		refused := map[at]string{{-1, 20}: "offset", {0, -1}: "limit", {0, 21}: "limit"}
		if strings.HasSuffix(route, "/activities") {
			delete(refused, at{0, 21}) // no most is documented
		}
		for where, param := range refused {
			mock := httpmock.NewMockTransport()
			e, ok := errors.AsType[*wxpay.ParamError](list(t.Context(), newService(mock), where))
			require.True(t, ok, "%s %v", route, where)
			assert.Equal(t, wxpay.ParamError{Route: route, Param: param, Reason: e.Reason}, *e)
			assert.Zero(t, mock.GetTotalCallCount())
		}
	}
}
