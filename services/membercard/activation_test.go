package membercard_test

import (
	"errors"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/wxpay-go/wxpay"
	"github.com/wxpay-go/wxpay/services/internal/platformtest"
	"github.com/wxpay-go/wxpay/services/membercard"
)

func TestActivateUserCard(t *testing.T) {
	t.Parallel()
	p := membercard.ActivateUserCardParams{CardID: "pbLatjvWOibDc5-TBnbUk1pD12o0", Code: "478515832665", MembershipNumber: "316510891298"}
	w := platformtest.Wire{
		Call:    succeeds(S.ActivateUserCard)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/activate",
		Route:   "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate",
		Body:    `{"membership_number":"316510891298"}`,
	}
	w.Run(t)
	t.Run("without number", func(t *testing.T) {
		w := w
		w.Call = succeeds(S.ActivateUserCard)(membercard.ActivateUserCardParams{CardID: p.CardID, Code: p.Code})
		w.Body = `{}`
		w.Run(t)
	})
	platformtest.Limits(t, "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/activate", succeeds(S.ActivateUserCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Optional("MembershipNumber", "membership_number", 32),
	)
}

func TestConfirmUserCard(t *testing.T) {
	t.Parallel()
	const route = "POST /v3/marketing/membercard-open/cards/{card_id}/codes/{code}/confirm"
	p := membercard.ConfirmUserCardParams{
		CardID:               "pbLatjvWOibDc5-TBnbUk1pD12o0",
		Code:                 "478515832665",
		FailReason:           "开卡信息校验失败",
		UserCardConfirmState: membercard.ConfirmFail,
	}
	platformtest.Wire{
		Call:    succeeds(S.ConfirmUserCard)(p),
		Request: "POST /v3/marketing/membercard-open/cards/pbLatjvWOibDc5-TBnbUk1pD12o0/codes/478515832665/confirm",
		Route:   route,
		Body:    `{"fail_reason":"开卡信息校验失败","user_card_confirm_state":"CREATE_CARD_FAIL"}`,
	}.Run(t)
	platformtest.Limits(t, route, succeeds(S.ConfirmUserCard), p,
		platformtest.Needed("CardID", "card_id", 32),
		platformtest.Needed("Code", "code", 32),
		platformtest.Optional("FailReason", "fail_reason", 128),
		platformtest.Needed("UserCardConfirmState", "user_card_confirm_state", 0),
	)
	mock := httpmock.NewMockTransport()
	p.UserCardConfirmState = "DEFAULT"
	e, ok := errors.AsType[*wxpay.ParamError](newService(mock).ConfirmUserCard(t.Context(), p))
	require.True(t, ok)
	assert.Equal(t, "user_card_confirm_state", e.Param)
	assert.Zero(t, mock.GetTotalCallCount())
}

func TestGetActivateInformation(t *testing.T) {
	t.Parallel()
	platformtest.Wire{
		Call:    answers(S.GetActivateInformation)(membercard.GetActivateInformationParams{ActivateTicket: "abcdefg"}),
		Request: "GET /v3/marketing/membercard-open/activate-informations/abcdefg",
		Route:   "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}",
		Answer:  `{"nickname":"周星星","head_image_url":"https://xxx.jpg","user_information":` + filledIn + `}`,
		Want:    &membercard.ActivateInformation{Nickname: "周星星", HeadImageURL: "https://xxx.jpg", UserInformation: userInformation},
		Enums:   []string{"USER_FORM_FLAG_CITY"},
		Repeats: true,
	}.Run(t)
	platformtest.Limits(t, "GET /v3/marketing/membercard-open/activate-informations/{activate_ticket}", answers(S.GetActivateInformation), membercard.GetActivateInformationParams{}, platformtest.Needed("ActivateTicket", "activate_ticket", 256))
}
