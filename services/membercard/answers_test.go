package membercard_test

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/membercard"
)

type answerCase struct {
	method string
	param  string // about which the answer differs
	answer string // about something else
}

// about holds calls to what they asked: a genuine answer about something else leaves the outcome open.
func about(t *testing.T, cases []answerCase) {
	for _, c := range cases {
		got, err := ask(t, c.method, c.answer)
		unknown, ok := errors.AsType[*wxpay.UnknownError](err)
		if assert.True(t, ok, "%s %s: %v", c.method, c.answer, err) {
			assert.ErrorContains(t, unknown, c.param)
			assert.NotContains(t, unknown.Error(), "other1")
			assert.True(t, wxpay.OutcomeUnknown(err))
		}
		assert.Nil(t, got, c.method)
	}
}

// ask makes a call that answers something, with the params of everyCall, and has it answered.
func ask(t *testing.T, method, answer string) (any, error) {
	got, err := byName(t.Context(), newService(all(httpmock.NewStringResponder(http.StatusOK, answer))), method, everyCall()[method])
	require.Len(t, got, 1, "%s answers nothing", method)
	return got[0], err
}

// What the path does not name, or what an answer need not repeat.
func TestAnswersAboutSomethingElse(t *testing.T) {
	t.Parallel()
	about(t, []answerCase{
		{"CreateCard", "out_request_no", `{"card_id":"p1","out_request_no":"other1"}`},
		{"DepositCodes", "code", `{"data":[{"code":"1","result":"SUCCESS"},{"code":"other1","result":"SUCCESS"}]}`},
		{"GetUserCard", "card_id", `{"card_id":"other1","code":"478515832665"}`},
		{"SearchPhoneNumber", "card_id", `{"receive_status":"RECEIVED","user_card_information":{"card_id":"other1"}}`},
		{"AddServiceModule", "service_module_id", `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"other1"}`},
		{"CreateActivity", "out_request_no", `{"activity_id":"1","out_request_no":"other1"}`},
		{"CreateActivity", "card_id", `{"activity_id":"1","card_id":"other1","out_request_no":"100002322019090134234sfdf"}`},
		{"ListActivities", "card_id", `{"data":[{"activity_id":"1"},{"activity_id":"2","card_id":"other1"}],"total_count":2}`},
	})
}

// What the path names and an answer has to repeat: one without it is refused too.
func TestAnswersAboutAnotherPath(t *testing.T) {
	t.Parallel()
	about(t, []answerCase{
		{"GetCard", "card_id", `{"card_id":"other1"}`},
		{"GetCard", "card_id", `{"title":"t"}`},
		{"AddServiceModule", "card_id", `{"card_id":"other1","service_module_id":"666"}`},
		{"UpdateServiceModule", "card_id", `{"card_id":"other1","service_module_id":"666"}`},
		{"UpdateServiceModule", "service_module_id", `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","service_module_id":"other1"}`},
		{"GetActivity", "activity_id", `{"activity_id":"other1"}`},
		{"GetActivity", "activity_id", `{"activity_status":"ONGOING"}`},
		{"TerminateActivity", "activity_id", `{"activity_id":"other1"}`},
	})
}

// What an answer may leave out is not missed, and the code of a card may differ from the dynamic one asked for.
func TestAnswersThatLeaveOut(t *testing.T) {
	t.Parallel()
	for method, answers := range map[string][]string{
		"CreateCard":        {`{"card_id":"p1"}`},
		"DepositCodes":      {`{}`, `{"data":[{"result":"FAIL"},{"code":"2","result":"SUCCESS"}]}`},
		"GetUserCard":       {`{}`, `{"code":"478515832665"}`, `{"card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0","code":"751234212312"}`},
		"SearchPhoneNumber": {`{"receive_status":"UNSHOWED"}`},
		"CreateActivity":    {`{"activity_id":"1"}`},
		"ListActivities":    {`{"data":[{"activity_id":"1"},{"activity_id":"2","card_id":"pbLatjvWOibDc5-TBnbUk1pD12o0"}]}`},
	} {
		for _, answer := range answers {
			_, err := ask(t, method, answer)
			assert.NoError(t, err, "%s %s", method, answer)
		}
	}
}

// A walk can be gone again, by several at once, and within itself.
func TestWalksShareNothing(t *testing.T) {
	t.Parallel()
	mock := cardsOf(t, 5, false)
	mock.RegisterResponder("GET", host+"/v3/marketing/membercard-activity/activities", func(req *http.Request) (*http.Response, error) {
		offset, err := strconv.Atoi(req.URL.Query().Get("offset"))
		assert.NoError(t, err)
		body := fmt.Sprintf(`{"data":[{"activity_id":"%d"}],"offset":%d,"limit":1,"total_count":5}`, offset, offset)
		return httpmock.NewStringResponse(http.StatusOK, body), nil
	})
	s, ctx := newService(mock), t.Context()
	t.Run("cards", func(t *testing.T) { walk(t, s.AllCards(ctx, membercard.ListCardsParams{Limit: 2})) })
	t.Run("cards of a user", func(t *testing.T) {
		walk(t, s.AllUserCards(ctx, membercard.ListUserCardsParams{OpenID: "o", Limit: 2}))
	})
	t.Run("activities", func(t *testing.T) {
		walk(t, s.AllActivities(ctx, membercard.ListActivitiesParams{ActivityType: "MEMBER_AFTERPAY"}))
	})
}

// walk goes through a list of five.
func walk[T any](t *testing.T, all iter.Seq2[T, error]) {
	count := func() (n int) {
		for _, err := range all {
			assert.NoError(t, err)
			n++
		}
		return n
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { assert.Equal(t, 5, count()) })
	}
	wg.Wait()
	outer := 0
	for _, err := range all {
		require.NoError(t, err)
		if outer++; outer%2 == 0 {
			require.Equal(t, 5, count(), "within itself")
		}
	}
	assert.Equal(t, 5, outer)
	assert.Equal(t, 5, count(), "again")
}
