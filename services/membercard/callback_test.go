package membercard_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestSetCallback(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.SetCallback)(membercard.SetCallbackParams{NotifyURL: "https://pay.weixin.qq.com"}),
		Request: "PATCH /v3/marketing/membercard-open/callback",
		Route:   "PATCH /v3/marketing/membercard-open/callback",
		Body:    `{"notify_url":"https://pay.weixin.qq.com"}`,
		Answer:  `{"notify_url":"https://shangjia.com","mchid":"99999105"}`,
		Want:    &membercard.Callback{NotifyURL: "https://shangjia.com", MchID: "99999105"},
	}.Run(t)
}

func TestNotifyURL(t *testing.T) {
	t.Parallel()
	const longest = "https://shangjia.com/"
	for address, good := range map[string]bool{
		"https://shangjia.com/notify":                   true,
		longest + strings.Repeat("会", 256-len(longest)): true,
		longest + strings.Repeat("a", 257-len(longest)): false,
		"":                                false,
		"http://shangjia.com/notify":      false,
		"https://shangjia.com/notify?a=1": false,
	} {
		mock := all(httpmock.NewStringResponder(http.StatusOK, `{"notify_url":"https://shangjia.com"}`))
		_, err := newService(mock).SetCallback(t.Context(), membercard.SetCallbackParams{NotifyURL: address})
		if good {
			assert.NoError(t, err, address)
			continue
		}
		e, ok := errors.AsType[*wxpay.ParamError](err)
		if assert.True(t, ok, address) {
			assert.Equal(t, "PATCH /v3/marketing/membercard-open/callback", e.Route)
			assert.Equal(t, "notify_url", e.Param)
		}
		assert.Zero(t, mock.GetTotalCallCount(), address)
	}
}

func TestGetCallback(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call: answers(func(s S, ctx context.Context, _ struct{}) (*membercard.Callback, error) {
			return s.GetCallback(ctx)
		})(struct{}{}),
		Request: "GET /v3/marketing/membercard-open/callback",
		Route:   "GET /v3/marketing/membercard-open/callback",
		Answer:  `{"notify_url":"https://shangjia.com","mchid":"99999105"}`,
		Want:    &membercard.Callback{NotifyURL: "https://shangjia.com", MchID: "99999105"},
		Repeats: true,
	}.Run(t)
}
